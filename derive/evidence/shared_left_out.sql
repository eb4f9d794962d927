-- title:    Attempts that are in no rollout
-- question: Which attempts could have been rollouts of these services and are not, and why?
-- subject:  attempt
-- counted:  an attempt
-- reads:    left_out, unit_services, unit_windows
-- version:  1
SELECT
    'attempt' AS subject,
    d.attempt_id AS subject_id,
    arrow_cast(NULL, 'Utf8') AS repository,
    d.service,
    d.at,
    d.reason AS excluded,
    arrow_cast(NULL, 'Boolean') AS is_counted,
    arrow_cast(NULL, 'Float64') AS total_seconds,
    arrow_cast(NULL, 'Float64') AS delay_seconds,
    arrow_cast(NULL, 'Float64') AS censoring_seconds,
    arrow_cast(NULL, 'Utf8') AS remark
FROM left_out AS d
JOIN unit_windows AS w ON d.at IS NULL OR (d.at >= w.window_start_at AND d.at < w.window_end_at)
WHERE EXISTS (
    SELECT 1 FROM unit_services AS u
    WHERE u.unit_id = w.unit_id
      AND coalesce(d.service, u.service) = u.service
      AND lower(coalesce(d.environment, u.environment)) = lower(u.environment)
)
