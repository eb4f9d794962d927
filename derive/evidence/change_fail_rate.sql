-- title:    Evidence of change fail rate
-- question: Which rollouts were judged, which of them failed, and which were not judged?
-- subject:  rollout
-- counted:  failed
-- reads:    rollouts, unit_services, unit_windows, unit_failures
-- beside:   incidents, left_out
-- version:  1
WITH judged AS (
    SELECT
        r.rollout_id,
        r.service,
        coalesce(r.finished_at, r.started_at) AS at,
        CASE
            WHEN r.finished_at IS NULL THEN 'no attempt reached users'
            WHEN r.kind IN ('redeploy', 'rollback') THEN 'kind ' || r.kind
            WHEN NOT r.in_change_fail_rate THEN 'not among the rollouts that can fail'
            WHEN NOT r.failures_observed THEN 'nobody recorded incidents or remedies when it finished'
        END AS excluded,
        f.failure_id,
        first_value(r.rollout_id) OVER same AS counted_with,
        row_number() OVER same AS place
    FROM rollouts AS r
    JOIN unit_services AS u ON u.service = r.service AND u.environment = r.environment
    JOIN unit_windows AS w ON w.unit_id = u.unit_id
    LEFT JOIN unit_failures AS f ON f.unit_id = u.unit_id AND f.rollout_id = r.rollout_id
    -- Of the rollouts that one incident failed, the first to finish is the failure, whatever the window.
    WINDOW same AS (
        PARTITION BY r.in_change_fail_rate AND r.failures_observed, coalesce(f.failure_id, r.rollout_id)
        ORDER BY r.finished_at, r.rollout_id
    )
)
SELECT
    'rollout' AS subject,
    j.rollout_id AS subject_id,
    arrow_cast(NULL, 'Utf8') AS repository,
    j.service,
    j.at,
    j.excluded,
    CASE WHEN j.excluded IS NULL THEN j.failure_id IS NOT NULL AND j.place = 1 END AS is_counted,
    arrow_cast(NULL, 'Float64') AS total_seconds,
    arrow_cast(NULL, 'Float64') AS delay_seconds,
    arrow_cast(NULL, 'Float64') AS censoring_seconds,
    CASE
        WHEN j.excluded IS NULL AND j.failure_id IS NOT NULL AND j.place > 1
            THEN 'failed by the same incident as rollout ' || j.counted_with || ', with which it is one failure'
    END AS remark
FROM judged AS j
CROSS JOIN unit_windows AS w
WHERE j.at >= w.window_start_at AND j.at < w.window_end_at
