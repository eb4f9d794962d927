-- title:     Failed deployment recovery time, as Four Keys counts it
-- question:  How many whole hours is an incident open?
-- place:     3
-- shown:     never
-- unit:      seconds
-- better:    lower
-- statistic: median over incidents created in the window of the time from created to resolved, in whole hours
-- gives:     p50
-- reads:     incidents_seen, unit_services, unit_windows
-- excluded:  incidents that are not resolved
-- interval:  none: the tool gives none
-- source:    rules of Four Keys, read 2024 to 2026
-- version:   1
SELECT
    u.unit_id,
    w.window_id,
    'p50' AS statistic,
    median(floor(seconds_between(i.opened_at, i.resolved_at) / 3600.0) * 3600.0) AS value,
    count(*) AS n
FROM incidents_seen AS i
JOIN unit_services AS u ON u.service = i.service
JOIN unit_windows AS w
    ON w.unit_id = u.unit_id AND i.opened_at >= w.window_start_at AND i.opened_at < w.window_end_at
WHERE i.resolved_at >= i.opened_at
GROUP BY u.unit_id, w.window_id
