-- title:    Observations of forward deployment frequency
-- question: When did each rollout finish that brought something new?
-- metric:   forward_deployment_frequency
-- counted:  nothing: each row is one
-- reads:    unit_rollouts, unit_windows
-- version:  1
SELECT
    w.unit_id,
    r.rollout_id AS subject_id,
    r.finished_at AS at,
    arrow_cast(NULL, 'Boolean') AS is_counted,
    arrow_cast(NULL, 'Float64') AS total_seconds,
    arrow_cast(NULL, 'Float64') AS delay_seconds
FROM unit_rollouts AS r
JOIN unit_windows AS w
    ON w.unit_id = r.unit_id AND r.finished_at >= w.window_start_at AND r.finished_at < w.window_end_at
WHERE r.in_frequency AND r.is_in_read_range AND r.kind IN ('release', 'config', 'rebuild') AND NOT r.is_reapply
