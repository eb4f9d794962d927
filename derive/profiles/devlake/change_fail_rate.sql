-- title:     Change fail rate, as DevLake counts it
-- question:  What share of deployments is the last one before some incident?
-- place:     4
-- shown:     never
-- unit:      ratio
-- better:    lower
-- statistic: deployments with at least one incident over all deployments that finished in the window
-- gives:     rate
-- reads:     recorded_attempts, incidents_seen, unit_services, unit_windows
-- excluded:  whatever is no success; incidents before the first deployment
-- interval:  none: the tool gives none
-- source:    rules of Apache DevLake, read 2024 to 2026
-- cannot:    CFR | the two other versions in its own dashboards are not computed
-- cannot:    incident -> deploy | the project is taken to be everything in the lake
-- version:   1
WITH records AS (
    SELECT deployment_id, service, environment, is_production, max(finished_at) AS finished_at
    FROM recorded_attempts
    WHERE is_success
    GROUP BY deployment_id, service, environment, is_production
),
causes AS (
    -- The nearest earlier deployment of the whole project, however long before; strictly earlier.
    SELECT
        i.incident_key,
        r.deployment_id,
        row_number() OVER (
            PARTITION BY i.incident_key ORDER BY r.finished_at DESC, r.service, r.deployment_id
        ) AS place
    FROM incidents_seen AS i
    JOIN records AS r ON r.is_production AND i.opened_at > r.finished_at
),
failed AS (SELECT DISTINCT deployment_id FROM causes WHERE place = 1)
SELECT
    u.unit_id,
    w.window_id,
    'rate' AS statistic,
    CASE WHEN (SELECT count(*) FROM incidents_seen) > 0 THEN CAST(count(f.deployment_id) AS DOUBLE) / count(*) END
        AS value,
    count(*) AS n
FROM records AS r
JOIN unit_services AS u ON u.service = r.service AND u.environment = r.environment
JOIN unit_windows AS w
    ON w.unit_id = u.unit_id AND r.finished_at >= w.window_start_at AND r.finished_at < w.window_end_at
LEFT JOIN failed AS f ON f.deployment_id = r.deployment_id
GROUP BY u.unit_id, w.window_id
