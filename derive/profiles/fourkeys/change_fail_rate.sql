-- title:     Change fail rate, as Four Keys counts it
-- question:  How many incidents name a deployment, per deployment?
-- place:     4
-- shown:     never
-- unit:      ratio
-- better:    lower
-- statistic: incidents that name a deployment over success events of the window; an incident counts once per event of the deployment
-- gives:     rate
-- reads:     recorded_attempts, incidents_seen, unit_services, unit_windows
-- excluded:  incidents that name no deployment; whatever is no success
-- interval:  none: the tool gives none
-- source:    rules of Four Keys, read 2024 to 2026
-- cannot:    incident -> deploy | the commit that it looks for in the text of an issue is taken to be the deployment that the record names
-- version:   1
WITH named AS (
    SELECT cause_deployment_id AS deployment_id, count(*) AS incident_count
    FROM incidents_seen
    WHERE cause_deployment_id IS NOT NULL
    GROUP BY cause_deployment_id
)
SELECT
    u.unit_id,
    w.window_id,
    'rate' AS statistic,
    CAST(sum(coalesce(i.incident_count, 0)) AS DOUBLE) / count(*) AS value,
    count(*) AS n
FROM recorded_attempts AS a
JOIN unit_services AS u ON u.service = a.service AND u.environment = a.environment
JOIN unit_windows AS w
    ON w.unit_id = u.unit_id AND a.finished_at >= w.window_start_at AND a.finished_at < w.window_end_at
LEFT JOIN named AS i ON i.deployment_id = a.deployment_id
WHERE a.is_success
GROUP BY u.unit_id, w.window_id
