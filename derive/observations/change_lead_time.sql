-- title:    Observations of change lead time
-- question: How long did each change take that was merged, and how much of that after its merge?
-- metric:   change_lead_time
-- counted:  deployed; where it is not, its times run until the as-of time
-- reads:    unit_changes, unit_windows
-- version:  1
SELECT
    w.unit_id,
    c.repository || '#' || c.change_id AS subject_id,
    c.merged_at AS at,
    c.deployed_at IS NOT NULL AS is_counted,
    seconds_between(c.started_at, coalesce(c.deployed_at, w.as_of_at)) AS total_seconds,
    -- Negative where a change was deployed before its merge: that is a delay of nothing.
    greatest(seconds_between(c.merged_at, coalesce(c.deployed_at, w.as_of_at)), 0.0) AS delay_seconds
FROM unit_changes AS c
JOIN unit_windows AS w
    ON w.unit_id = c.unit_id AND c.merged_at >= w.window_start_at AND c.merged_at < w.window_end_at
