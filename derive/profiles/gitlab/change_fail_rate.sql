-- title:     Change fail rate, as GitLab counts it
-- question:  How many incidents are there per deployment?
-- place:     4
-- shown:     never
-- unit:      ratio
-- better:    lower
-- statistic: incidents opened in the window over deployments that succeeded in it; may exceed 1
-- gives:     rate
-- reads:     recorded_attempts, incidents_seen, unit_services, unit_windows
-- excluded:  whatever is no success
-- interval:  none: the tool gives none
-- source:    documentation of GitLab, read 2024 to 2026
-- version:   1
WITH records AS (
    SELECT u.unit_id, w.window_id, a.deployment_id, max(a.finished_at) AS finished_at, w.window_start_at, w.window_end_at
    FROM recorded_attempts AS a
    JOIN unit_services AS u ON u.service = a.service AND u.environment = a.environment
    JOIN unit_windows AS w ON w.unit_id = u.unit_id
    WHERE a.is_success
    GROUP BY u.unit_id, w.window_id, a.deployment_id, w.window_start_at, w.window_end_at
),
deployed AS (
    SELECT unit_id, window_id, count(*) AS record_count
    FROM records
    WHERE finished_at >= window_start_at AND finished_at < window_end_at
    GROUP BY unit_id, window_id
),
opened AS (
    SELECT w.unit_id, w.window_id, count(*) AS incident_count
    FROM incidents_seen AS i
    JOIN unit_services AS u ON u.service = i.service
    JOIN unit_windows AS w
        ON w.unit_id = u.unit_id AND i.opened_at >= w.window_start_at AND i.opened_at < w.window_end_at
    GROUP BY w.unit_id, w.window_id
)
SELECT
    d.unit_id,
    d.window_id,
    'rate' AS statistic,
    CAST(coalesce(o.incident_count, 0) AS DOUBLE) / d.record_count AS value,
    d.record_count AS n
FROM deployed AS d
LEFT JOIN opened AS o ON o.unit_id = d.unit_id AND o.window_id = d.window_id
