-- title:     Failed deployment recovery time, as DevLake counts it
-- question:  How long from the deployment before an incident to the end of the incident?
-- place:     3
-- shown:     never
-- unit:      seconds
-- better:    lower
-- statistic: lower median of deployment finished to incident resolved (2023), and of the time an incident was open (2021), of incidents resolved in the window
-- gives:     p50, p50_2021
-- reads:     recorded_attempts, incidents_seen, unit_services, unit_windows
-- excluded:  incidents that are not resolved, and for the first those before the first deployment
-- interval:  none: the tool gives none
-- source:    rules of Apache DevLake, read 2024 to 2026
-- cannot:    incident -> deploy | the project is taken to be everything in the lake
-- version:   1
WITH records AS (
    SELECT deployment_id, service, environment, is_production, max(finished_at) AS finished_at
    FROM recorded_attempts
    WHERE is_success
    GROUP BY deployment_id, service, environment, is_production
),
causes AS (
    SELECT
        i.incident_key,
        i.resolved_at,
        r.service,
        r.environment,
        seconds_between(r.finished_at, i.resolved_at) AS seconds,
        row_number() OVER (
            PARTITION BY i.incident_key ORDER BY r.finished_at DESC, r.service, r.deployment_id
        ) AS place
    FROM incidents_seen AS i
    JOIN records AS r ON r.is_production AND i.opened_at > r.finished_at
    WHERE i.resolved_at >= i.opened_at
),
lengths AS (
    SELECT 'p50' AS statistic, service, resolved_at, seconds FROM causes WHERE place = 1
    UNION ALL
    SELECT 'p50_2021', service, resolved_at, seconds_between(opened_at, resolved_at)
    FROM incidents_seen
    WHERE resolved_at >= opened_at
),
ranked AS (
    SELECT
        u.unit_id,
        w.window_id,
        l.statistic,
        l.seconds,
        row_number() OVER (PARTITION BY u.unit_id, w.window_id, l.statistic ORDER BY l.seconds) AS place,
        count(*) OVER (PARTITION BY u.unit_id, w.window_id, l.statistic) AS incident_count
    FROM lengths AS l
    JOIN unit_services AS u ON u.service = l.service
    JOIN unit_windows AS w
        ON w.unit_id = u.unit_id AND l.resolved_at >= w.window_start_at AND l.resolved_at < w.window_end_at
)
SELECT
    unit_id,
    window_id,
    statistic,
    max(CASE WHEN place = (incident_count + 1) / 2 THEN seconds END) AS value,
    count(*) AS n
FROM ranked
GROUP BY unit_id, window_id, statistic
