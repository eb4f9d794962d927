-- title:    Evidence of unlinked incident rate
-- question: Which incidents have no rollout as their cause, and which were not counted?
-- subject:  incident
-- counted:  an incident
-- reads:    incidents_seen, rollout_failures, unit_services, unit_windows
-- version:  1
WITH linked AS (
    SELECT DISTINCT i.incident_key
    FROM incidents_seen AS i
    JOIN rollout_failures AS f ON f.evidence_id = i.incident_id AND f.is_accepted
    WHERE f.service = i.service OR (f.method = 'explicit' AND i.cause_deployment_id IS NOT NULL)
),
-- Every incident of the unit's services, and those of no service.
near AS (
    SELECT
        i.incident_id,
        i.service,
        i.impact_at,
        CASE
            WHEN i.service IS NULL THEN 'names no service'
            WHEN NOT ((i.is_production AND u.is_production) OR coalesce(lower(i.environment) = lower(u.environment), false))
                THEN 'touched another environment'
            WHEN NOT i.is_in_read_range THEN 'began outside of what was read'
        END AS excluded,
        l.incident_key IS NOT NULL AS is_linked
    FROM incidents_seen AS i
    CROSS JOIN unit_windows AS w
    LEFT JOIN unit_services AS u ON u.unit_id = w.unit_id AND u.service = i.service
    LEFT JOIN linked AS l ON l.incident_key = i.incident_key
    WHERE i.service IS NULL OR u.service IS NOT NULL
),
placed AS (
    SELECT
        n.*,
        bool_or(n.is_linked) OVER same AS is_one_linked,
        min(n.impact_at) OVER same AS first_impact_at,
        row_number() OVER (PARTITION BY n.incident_id, n.excluded IS NULL ORDER BY n.impact_at, n.service) AS place
    FROM near AS n
    WINDOW same AS (PARTITION BY n.incident_id, n.excluded IS NULL)
)
SELECT
    'incident' AS subject,
    p.incident_id AS subject_id,
    arrow_cast(NULL, 'Utf8') AS repository,
    p.service,
    p.impact_at AS at,
    CASE
        WHEN p.excluded IS NOT NULL THEN p.excluded
        WHEN p.is_one_linked THEN 'a rollout is linked to it'
        WHEN p.place > 1 THEN 'counted once, with its first impact in another service'
    END AS excluded,
    arrow_cast(NULL, 'Boolean') AS is_counted,
    arrow_cast(NULL, 'Float64') AS total_seconds,
    arrow_cast(NULL, 'Float64') AS delay_seconds,
    arrow_cast(NULL, 'Float64') AS censoring_seconds,
    arrow_cast(NULL, 'Utf8') AS remark
FROM placed AS p
CROSS JOIN unit_windows AS w
WHERE p.impact_at >= w.window_start_at AND p.impact_at < w.window_end_at
