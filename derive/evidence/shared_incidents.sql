-- title:    Incidents that count nowhere
-- question: Which incidents of these services are no failure of a rollout, and why?
-- subject:  incident
-- counted:  an incident
-- reads:    incidents_seen, rollout_failures, unit_services, unit_windows
-- version:  1
SELECT
    'incident' AS subject,
    i.incident_id AS subject_id,
    arrow_cast(NULL, 'Utf8') AS repository,
    i.service,
    i.impact_at AS at,
    CASE
        WHEN i.service IS NULL THEN 'names no service'
        WHEN i.cause IN ('infrastructure', 'vendor') THEN 'not caused by a change: ' || i.cause
        WHEN NOT i.is_production THEN 'touched an environment outside of production'
        ELSE 'no rollout is linked to it'
    END AS excluded,
    arrow_cast(NULL, 'Boolean') AS is_counted,
    arrow_cast(NULL, 'Float64') AS total_seconds,
    arrow_cast(NULL, 'Float64') AS delay_seconds,
    arrow_cast(NULL, 'Float64') AS censoring_seconds,
    arrow_cast(NULL, 'Utf8') AS remark
FROM incidents_seen AS i
JOIN unit_windows AS w ON i.impact_at >= w.window_start_at AND i.impact_at < w.window_end_at
WHERE (
    i.service IS NULL
    OR EXISTS (SELECT 1 FROM unit_services AS u WHERE u.unit_id = w.unit_id AND u.service = i.service)
)
AND NOT EXISTS (
    SELECT 1 FROM rollout_failures AS f
    WHERE f.is_accepted AND f.evidence_id = i.incident_id
      AND (f.service = i.service OR (f.method = 'explicit' AND i.cause_deployment_id IS NOT NULL))
)
