-- title:     Rules of failed deployment recovery time
-- statistic: Kaplan-Meier median over failures, in which each rule that differs can be switched by itself
-- unit:      seconds
-- reads:     rules, recorded_attempts, incidents_seen, rollouts, rollout_failures, recovery_episodes, unit_failures, unit_windows, unit_services
-- rule:      drops_unresolved | devlake, fourkeys, gitlab, middleware | what is still open is left out, not censored
-- rule:      incidents_only | devlake, fourkeys, gitlab, middleware | a rollback, a hotfix or a failure in traffic is no failure without an incident
-- rule:      every_incident | fourkeys, gitlab, middleware | every incident is a failure of its own, whatever caused it
-- rule:      nearest_of_project | devlake | every incident is a failure of its own, of the nearest earlier deployment of the whole project
-- rule:      starts_at_finish | devlake | starts when the deployment finished, not at the first impact if that was earlier
-- rule:      starts_at_opening | fourkeys, gitlab, middleware | starts when the incident was opened
-- rule:      ends_at_resolution | devlake, fourkeys, gitlab, middleware | ends when the incident is resolved, not when service is restored
-- rule:      by_resolution | devlake, gitlab, middleware | in the window by its end, not by its start
-- rule:      whole_hours | fourkeys | whole hours, rounded down
-- rule:      lower_median | devlake | the lower of two middle values, not their midpoint
-- rule:      mean | middleware | mean, not median; what is still open counts with its length so far
-- version:   1
WITH incident_links AS (
    SELECT
        u.unit_id,
        u.failure_id,
        min(i.opened_at) AS opened_at,
        max(i.resolved_at) AS resolved_at,
        bool_and(i.resolved_at IS NOT NULL) AS is_resolved
    FROM rollout_failures AS f
    JOIN unit_failures AS u ON u.rollout_id = f.rollout_id
    JOIN incidents_seen AS i ON i.incident_id = f.evidence_id
    WHERE f.is_accepted AND f.method NOT IN ('rollback', 'hotfix', 'traffic')
    GROUP BY u.unit_id, u.failure_id
),
failures AS (
    SELECT
        f.unit_id,
        f.failure_id,
        min(e.started_at) AS started_at,
        min(r.finished_at) AS finished_at,
        max(e.observed_until_at) AS observed_until_at,
        bool_and(e.is_restored) AS is_restored
    FROM recovery_episodes AS e
    JOIN unit_failures AS f ON f.rollout_id = e.rollout_id
    JOIN rollouts AS r ON r.rollout_id = e.rollout_id
    WHERE e.observed_until_at >= e.started_at
    GROUP BY f.unit_id, f.failure_id
),
records AS (
    SELECT deployment_id, service, environment, max(finished_at) AS finished_at
    FROM recorded_attempts
    WHERE is_success AND is_production
    GROUP BY deployment_id, service, environment
),
causes AS (
    SELECT
        i.incident_key,
        r.service,
        r.finished_at,
        row_number() OVER (
            PARTITION BY i.incident_key ORDER BY r.finished_at DESC, r.service, r.deployment_id
        ) AS place
    FROM incidents_seen AS i
    JOIN records AS r ON i.opened_at > r.finished_at
),
spans AS (
    -- Failures as they are derived, with the times of their incidents where a rule asks for those.
    SELECT
        f.unit_id,
        CASE
            WHEN x.starts_at_opening AND l.opened_at IS NOT NULL THEN l.opened_at
            WHEN x.starts_at_finish THEN f.finished_at
            ELSE f.started_at
        END AS started_at,
        CASE
            WHEN x.ends_at_resolution AND l.unit_id IS NOT NULL
                THEN CASE WHEN l.is_resolved THEN l.resolved_at ELSE s.as_of_at END
            ELSE f.observed_until_at
        END AS ended_at,
        CASE WHEN x.ends_at_resolution AND l.unit_id IS NOT NULL THEN l.is_resolved ELSE f.is_restored END
            AS is_ended
    FROM failures AS f
    CROSS JOIN rules AS x
    CROSS JOIN settings AS s
    LEFT JOIN incident_links AS l ON l.unit_id = f.unit_id AND l.failure_id = f.failure_id
    WHERE NOT x.every_incident AND NOT x.nearest_of_project AND (l.unit_id IS NOT NULL OR NOT x.incidents_only)
    UNION ALL
    -- Incidents, each for itself.
    SELECT
        u.unit_id,
        CASE
            WHEN x.starts_at_opening THEN i.opened_at
            WHEN x.starts_at_finish THEN coalesce(c.finished_at, i.impact_at)
            ELSE i.impact_at
        END,
        CASE WHEN x.ends_at_resolution THEN i.resolved_at ELSE coalesce(i.mitigated_at, i.resolved_at) END,
        CASE WHEN x.ends_at_resolution THEN i.resolved_at ELSE coalesce(i.mitigated_at, i.resolved_at) END
            IS NOT NULL
    FROM incidents_seen AS i
    CROSS JOIN rules AS x
    LEFT JOIN causes AS c ON c.incident_key = i.incident_key AND c.place = 1
    JOIN unit_services AS u ON u.service = CASE WHEN x.nearest_of_project THEN c.service ELSE i.service END
    WHERE x.every_incident OR x.nearest_of_project
),
lengths AS (
    SELECT
        w.unit_id,
        w.window_id,
        CASE
            WHEN x.whole_hours
                THEN 3600.0 * floor(seconds_between(p.started_at, coalesce(p.ended_at, w.as_of_at)) / 3600.0)
            ELSE seconds_between(p.started_at, coalesce(p.ended_at, w.as_of_at))
        END AS seconds,
        p.is_ended
    FROM spans AS p
    CROSS JOIN rules AS x
    JOIN unit_windows AS w
        ON w.unit_id = p.unit_id
        AND CASE WHEN x.by_resolution THEN coalesce(p.ended_at, w.as_of_at) ELSE p.started_at END >= w.window_start_at
        AND CASE WHEN x.by_resolution THEN coalesce(p.ended_at, w.as_of_at) ELSE p.started_at END < w.window_end_at
    WHERE coalesce(p.ended_at, w.as_of_at) >= p.started_at AND (p.is_ended OR NOT x.drops_unresolved)
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY unit_id, window_id ORDER BY seconds) AS place,
        count(*) OVER (PARTITION BY unit_id, window_id) AS length_count
    FROM lengths
)
SELECT
    CASE
        WHEN bool_or(x.mean) THEN CAST(sum(CAST(round(1e6 * r.seconds) AS BIGINT)) AS DOUBLE) / 1e6 / count(*)
        WHEN bool_or(x.lower_median) AND bool_and(r.is_ended)
            THEN max(CASE WHEN r.place = (r.length_count + 1) / 2 THEN r.seconds END)
        ELSE get_field(survival_quantiles(r.seconds, r.is_ended, 0.5)[1], 'value')
    END AS value,
    count(*) AS n
FROM ranked AS r
CROSS JOIN rules AS x
GROUP BY r.unit_id, r.window_id
