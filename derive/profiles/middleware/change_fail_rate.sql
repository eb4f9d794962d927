-- title:     Change fail rate, as Middleware counts it
-- question:  What share of runs is the last one before some incident?
-- place:     4
-- shown:     never
-- unit:      ratio
-- better:    lower
-- statistic: runs with an incident before the next run over all runs that started in the window, failed, cancelled and skipped ones included; 0 where there is none
-- gives:     rate
-- reads:     recorded_attempts, incidents_seen, unit_services, unit_windows
-- excluded:  earlier attempts of a run; incidents before the first run
-- interval:  none: the tool gives none
-- source:    rules of Middleware, read 2024 to 2026
-- cannot:    squash / cherry-pick / revert | it knows reverts by the names of their branches, which are not on record
-- version:   1
WITH attempted AS (
    SELECT
        deployment_id,
        service,
        environment,
        attempt,
        min(started_at) AS started_at,
        row_number() OVER (PARTITION BY deployment_id, service, environment ORDER BY attempt DESC) AS place
    FROM recorded_attempts
    WHERE started_at IS NOT NULL AND status <> 'running'
    GROUP BY deployment_id, service, environment, attempt
),
runs AS (
    SELECT u.unit_id, r.deployment_id, r.started_at
    FROM attempted AS r
    JOIN unit_services AS u ON u.service = r.service AND u.environment = r.environment
    WHERE r.place = 1
),
causes AS (
    SELECT
        r.unit_id,
        r.deployment_id,
        row_number() OVER (
            PARTITION BY r.unit_id, i.incident_key ORDER BY r.started_at DESC, r.deployment_id
        ) AS place
    FROM incidents_seen AS i
    JOIN unit_services AS u ON u.service = i.service
    JOIN runs AS r ON r.unit_id = u.unit_id AND i.opened_at >= r.started_at
),
failed AS (SELECT DISTINCT unit_id, deployment_id FROM causes WHERE place = 1)
SELECT
    w.unit_id,
    w.window_id,
    'rate' AS statistic,
    coalesce(CAST(count(f.deployment_id) AS DOUBLE) / nullif(count(r.deployment_id), 0), 0.0) AS value,
    count(r.deployment_id) AS n
FROM unit_windows AS w
LEFT JOIN runs AS r
    ON r.unit_id = w.unit_id AND r.started_at >= w.window_start_at AND r.started_at < w.window_end_at
LEFT JOIN failed AS f ON f.unit_id = r.unit_id AND f.deployment_id = r.deployment_id
GROUP BY w.unit_id, w.window_id
