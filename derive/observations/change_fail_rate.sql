-- title:    Observations of change fail rate
-- question: Which rollouts were judged, and which of them failed?
-- metric:   change_fail_rate
-- counted:  failed
-- reads:    unit_rollouts, unit_windows, unit_failures
-- version:  1
WITH judged AS (
    -- One incident that failed several rollouts is one failure: that of the first to finish.
    SELECT
        r.unit_id,
        r.rollout_id,
        r.finished_at,
        f.failure_id IS NOT NULL
        AND row_number() OVER (
            PARTITION BY r.unit_id, coalesce(f.failure_id, r.rollout_id) ORDER BY r.finished_at, r.rollout_id
        ) = 1 AS is_failed
    FROM unit_rollouts AS r
    LEFT JOIN unit_failures AS f ON f.unit_id = r.unit_id AND f.rollout_id = r.rollout_id
    WHERE r.in_change_fail_rate AND r.failures_observed
)
SELECT
    w.unit_id,
    j.rollout_id AS subject_id,
    j.finished_at AS at,
    j.is_failed AS is_counted,
    arrow_cast(NULL, 'Float64') AS total_seconds,
    arrow_cast(NULL, 'Float64') AS delay_seconds
FROM judged AS j
JOIN unit_windows AS w
    ON w.unit_id = j.unit_id AND j.finished_at >= w.window_start_at AND j.finished_at < w.window_end_at
