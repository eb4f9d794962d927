-- title:    Evidence of attempt failure rate
-- question: Which attempts were judged, which of them failed, and which were not judged?
-- subject:  attempt
-- counted:  failed
-- reads:    attempts, rollouts, left_out, unit_services, unit_windows
-- version:  1
SELECT
    'attempt' AS subject,
    a.attempt_id AS subject_id,
    arrow_cast(NULL, 'Utf8') AS repository,
    a.service,
    a.ended_at AS at,
    CASE WHEN a.is_failed IS NULL THEN 'nobody knows how it ended: only the least and the most count it' END AS excluded,
    a.is_failed AS is_counted,
    arrow_cast(NULL, 'Float64') AS total_seconds,
    arrow_cast(NULL, 'Float64') AS delay_seconds,
    arrow_cast(NULL, 'Float64') AS censoring_seconds,
    arrow_cast(NULL, 'Utf8') AS remark
FROM attempts AS a
JOIN unit_services AS u ON u.service = a.service AND u.environment = a.environment
JOIN unit_windows AS w
    ON w.unit_id = u.unit_id AND a.ended_at >= w.window_start_at AND a.ended_at < w.window_end_at
UNION ALL
SELECT
    'rollout',
    r.rollout_id,
    NULL,
    r.service,
    coalesce(r.finished_at, r.started_at),
    'its attempts put there what was already there',
    NULL,
    NULL,
    NULL,
    NULL,
    NULL
FROM rollouts AS r
JOIN unit_services AS u ON u.service = r.service AND u.environment = r.environment
JOIN unit_windows AS w
    ON w.unit_id = u.unit_id
    AND coalesce(r.finished_at, r.started_at) >= w.window_start_at
    AND coalesce(r.finished_at, r.started_at) < w.window_end_at
WHERE r.kind = 'redeploy'
UNION ALL
SELECT
    'attempt',
    d.attempt_id,
    NULL,
    d.service,
    d.at,
    d.reason,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL
FROM left_out AS d
JOIN unit_windows AS w ON d.at IS NULL OR (d.at >= w.window_start_at AND d.at < w.window_end_at)
WHERE EXISTS (
    SELECT 1 FROM unit_services AS u
    WHERE u.unit_id = w.unit_id
      AND coalesce(d.service, u.service) = u.service
      AND lower(coalesce(d.environment, u.environment)) = lower(u.environment)
)
AND NOT EXISTS (SELECT 1 FROM attempts AS a WHERE a.attempt_id = d.attempt_id)
