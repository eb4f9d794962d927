-- title:    Observations of failed deployment recovery time
-- question: When did each failure begin, and how long until service was restored?
-- metric:   failed_deployment_recovery_time
-- counted:  restored; where it is not, its time runs until it was last seen
-- reads:    unit_episodes, unit_windows
-- version:  1
SELECT
    w.unit_id,
    f.failure_id AS subject_id,
    f.started_at AS at,
    f.is_restored AS is_counted,
    seconds_between(f.started_at, f.observed_until_at) AS total_seconds,
    arrow_cast(NULL, 'Float64') AS delay_seconds
FROM unit_episodes AS f
JOIN unit_windows AS w
    ON w.unit_id = f.unit_id AND f.started_at >= w.window_start_at AND f.started_at < w.window_end_at
