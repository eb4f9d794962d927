-- title:    Evidence of deployment rework rate
-- question: Which rollouts were judged, which of them repaired an earlier one, and which were not judged?
-- subject:  rollout
-- counted:  rework
-- reads:    rollouts, incidents_seen, unit_services, unit_windows
-- beside:   left_out
-- version:  1
WITH remedies AS (
    SELECT r.rollout_id, min(i.incident_id) AS incident_id
    FROM rollouts AS r
    JOIN incidents_seen AS i ON i.service = r.service AND array_has(r.deployment_ids, i.remedy_deployment_id)
    GROUP BY r.rollout_id
)
SELECT
    'rollout' AS subject,
    r.rollout_id AS subject_id,
    arrow_cast(NULL, 'Utf8') AS repository,
    r.service,
    coalesce(r.finished_at, r.started_at) AS at,
    CASE
        WHEN r.finished_at IS NULL THEN 'no attempt reached users'
        WHEN NOT r.in_frequency THEN 'redeploy of what was already there'
        WHEN NOT r.failures_observed THEN 'nobody recorded incidents or remedies when it finished'
        WHEN NOT r.remedies_observed THEN 'incidents are on record, and nobody recorded what repaired any of them'
    END AS excluded,
    CASE
        WHEN r.in_frequency AND r.remedies_observed THEN r.kind IN ('hotfix', 'rollback') OR m.rollout_id IS NOT NULL
    END AS is_counted,
    arrow_cast(NULL, 'Float64') AS total_seconds,
    arrow_cast(NULL, 'Float64') AS delay_seconds,
    arrow_cast(NULL, 'Float64') AS censoring_seconds,
    'incident ' || m.incident_id || ' names it as its remedy' AS remark
FROM rollouts AS r
JOIN unit_services AS u ON u.service = r.service AND u.environment = r.environment
JOIN unit_windows AS w
    ON w.unit_id = u.unit_id
    AND coalesce(r.finished_at, r.started_at) >= w.window_start_at
    AND coalesce(r.finished_at, r.started_at) < w.window_end_at
LEFT JOIN remedies AS m ON m.rollout_id = r.rollout_id
