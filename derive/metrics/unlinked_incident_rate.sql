-- title:     Unlinked incident rate
-- question:  How often does something break that no rollout is known to have caused?
-- place:     8
-- shown:     table
-- unit:      per day
-- better:    lower
-- statistic: incidents with first impact in the window and no accepted link to a rollout, per day of which incidents were read
-- gives:     per_day
-- coverage:  incidents
-- reads:     incidents_seen, rollout_failures, unit_services, unit_windows, unit_slices
-- excluded:  incidents without a service or in another environment; incidents outside of what was read
-- interval:  exact Poisson
-- source:    own definition, beside the DORA metrics
-- version:   1
WITH linked AS (
    -- An incident may name a deployment of another service as its cause: then it has one, whatever service it touched.
    SELECT DISTINCT i.incident_key
    FROM incidents_seen AS i
    JOIN rollout_failures AS f ON f.evidence_id = i.incident_id AND f.is_accepted
    WHERE f.service = i.service OR (f.method = 'explicit' AND i.cause_deployment_id IS NOT NULL)
),
unlinked AS (
    -- One incident that touched two services is one in a group of both, and linked where it is linked for one of them.
    SELECT u.unit_id, i.incident_id, min(i.impact_at) AS impact_at
    FROM incidents_seen AS i
    JOIN unit_services AS u ON u.service = i.service AND u.dimension IS NULL
    LEFT JOIN linked AS l ON l.incident_key = i.incident_key
    WHERE i.is_in_read_range
      AND ((i.is_production AND u.is_production) OR lower(i.environment) = lower(u.environment))
    GROUP BY u.unit_id, i.incident_id
    HAVING count(l.incident_key) = 0
),
slices AS (
    SELECT s.unit_id, s.window_id, s.slice_start_at, s.incident_exposure_days, count(i.incident_id) AS events
    FROM unit_slices AS s
    LEFT JOIN unlinked AS i
        ON i.unit_id = s.unit_id AND i.impact_at >= s.slice_start_at AND i.impact_at < s.slice_end_at
    GROUP BY s.unit_id, s.window_id, s.slice_start_at, s.incident_exposure_days
)
SELECT unit_id, window_id, 'per_day' AS statistic, poisson_rate(events, incident_exposure_days) AS estimate, sum(events) AS n
FROM slices
GROUP BY unit_id, window_id
