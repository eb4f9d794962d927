-- title:    Evidence of deployment frequency
-- question: Which rollouts were counted, and which were not?
-- subject:  rollout
-- counted:  a rollout
-- reads:    rollouts, unit_services, unit_windows
-- beside:   left_out
-- version:  1
SELECT
    'rollout' AS subject,
    r.rollout_id AS subject_id,
    arrow_cast(NULL, 'Utf8') AS repository,
    r.service,
    coalesce(r.finished_at, r.started_at) AS at,
    CASE
        WHEN r.finished_at IS NULL THEN 'no attempt reached users'
        WHEN NOT r.in_frequency THEN 'redeploy of what was already there'
        WHEN NOT r.is_in_read_range THEN 'finished outside of what was read'
    END AS excluded,
    arrow_cast(NULL, 'Boolean') AS is_counted,
    arrow_cast(NULL, 'Float64') AS total_seconds,
    arrow_cast(NULL, 'Float64') AS delay_seconds,
    arrow_cast(NULL, 'Float64') AS censoring_seconds,
    arrow_cast(NULL, 'Utf8') AS remark
FROM rollouts AS r
JOIN unit_services AS u ON u.service = r.service AND u.environment = r.environment
JOIN unit_windows AS w
    ON w.unit_id = u.unit_id
    AND coalesce(r.finished_at, r.started_at) >= w.window_start_at
    AND coalesce(r.finished_at, r.started_at) < w.window_end_at
