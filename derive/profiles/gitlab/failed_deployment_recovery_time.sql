-- title:     Failed deployment recovery time, as GitLab counts it
-- question:  How long is an incident open?
-- place:     3
-- shown:     never
-- unit:      seconds
-- better:    lower
-- statistic: median over incidents resolved in the window of the time they were open
-- gives:     p50
-- reads:     incidents_seen, unit_services, unit_windows
-- excluded:  incidents that are not resolved
-- interval:  none: the tool gives none
-- source:    documentation of GitLab, read 2024 to 2026
-- version:   1
SELECT
    u.unit_id,
    w.window_id,
    'p50' AS statistic,
    median(seconds_between(i.opened_at, i.resolved_at)) AS value,
    count(*) AS n
FROM incidents_seen AS i
JOIN unit_services AS u ON u.service = i.service
JOIN unit_windows AS w
    ON w.unit_id = u.unit_id AND i.resolved_at >= w.window_start_at AND i.resolved_at < w.window_end_at
WHERE i.resolved_at >= i.opened_at
GROUP BY u.unit_id, w.window_id
