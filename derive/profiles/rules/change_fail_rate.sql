-- title:     Rules of change fail rate
-- statistic: rollouts with an accepted failure link over all rollouts, in which each rule that differs can be switched by itself
-- unit:      ratio
-- reads:     rules, rollouts, recorded_attempts, incidents_seen, rollout_failures, unit_failures, unit_windows, unit_services
-- rule:      counts_redeploys | devlake, fourkeys, gitlab, middleware | putting the same revision set there again is in the denominator
-- rule:      counts_rollbacks | devlake, fourkeys, gitlab, middleware | a rollback is a deployment like any other
-- rule:      successes_only | devlake, fourkeys, gitlab | what failed after users got it is not in the denominator
-- rule:      counts_all_runs | middleware | runs that failed before users got anything, were cancelled or skipped are in the denominator
-- rule:      counts_records | devlake, gitlab, middleware | every deployment record is counted, not every revision set
-- rule:      counts_attempts | fourkeys | every success event of each attempt and target is counted, not every revision set
-- rule:      at_run_start | middleware | in the window when its last attempt started, not when it finished
-- rule:      unobserved_is_success | devlake, fourkeys, gitlab, middleware | where nobody recorded incidents nothing failed
-- rule:      incidents_only | devlake, fourkeys, gitlab, middleware | a rollback, a hotfix or a failure in traffic is no failure without an incident
-- rule:      nearest_of_project | devlake | an incident fails the nearest earlier deployment of the whole project, whatever its service and however long before
-- rule:      named_only | fourkeys | an incident fails only a deployment that it names
-- rule:      until_the_next | middleware | an incident fails the last run of its service that started before it, however long before
-- rule:      counts_incidents | fourkeys | incidents are counted, not deployments that failed: two of one deployment are two
-- rule:      every_incident | gitlab | every incident is counted, linked to a deployment or not
-- version:   1
WITH qualified AS (
    SELECT r.*
    FROM rollouts AS r
    CROSS JOIN rules AS x
    WHERE r.finished_at IS NOT NULL
      AND (
          r.in_change_fail_rate
          OR (r.kind = 'redeploy' AND x.counts_redeploys)
          OR (r.kind = 'rollback' AND x.counts_rollbacks)
      )
      AND (r.failures_observed OR x.unobserved_is_success)
      AND (r.target_count > 0 OR NOT x.successes_only)
),
-- What is counted, each with the rollouts it is part of.
parts AS (
    SELECT
        q.rollout_id AS id,
        q.rollout_id,
        arrow_cast(NULL, 'Utf8') AS deployment_id,
        q.service,
        q.environment,
        q.is_production,
        q.started_at,
        q.finished_at
    FROM qualified AS q
    CROSS JOIN rules AS x
    WHERE NOT x.counts_records AND NOT x.counts_attempts
    UNION ALL
    SELECT
        CASE
            WHEN x.counts_attempts THEN a.deployment_id || ' ' || CAST(a.attempt AS VARCHAR) || ' ' || a.target
            ELSE a.deployment_id
        END,
        q.rollout_id,
        a.deployment_id,
        q.service,
        q.environment,
        q.is_production,
        a.started_at,
        a.finished_at
    FROM qualified AS q
    JOIN recorded_attempts AS a ON a.rollout_id = q.rollout_id
    CROSS JOIN rules AS x
    WHERE (x.counts_records OR x.counts_attempts)
      AND (a.is_success OR NOT (x.successes_only OR x.counts_attempts))
    UNION ALL
    -- Runs that are in no rollout that finished.
    SELECT
        a.deployment_id AS id,
        arrow_cast(NULL, 'Utf8'),
        a.deployment_id,
        a.service,
        a.environment,
        a.is_production,
        a.started_at,
        coalesce(a.finished_at, a.started_at)
    FROM recorded_attempts AS a
    CROSS JOIN rules AS x
    LEFT JOIN rollouts AS r ON r.rollout_id = a.rollout_id AND r.finished_at IS NOT NULL
    WHERE x.counts_all_runs AND r.rollout_id IS NULL AND a.started_at IS NOT NULL AND a.status <> 'running'
),
things AS (
    SELECT
        id,
        service,
        environment,
        is_production,
        max(started_at) AS started_at,
        max(finished_at) AS finished_at
    FROM parts
    GROUP BY id, service, environment, is_production
),
judged AS (
    SELECT
        u.unit_id,
        t.id,
        t.service,
        CASE WHEN x.at_run_start THEN t.started_at ELSE t.finished_at END AS at
    FROM things AS t
    JOIN unit_services AS u ON u.service = t.service AND u.environment = t.environment
    CROSS JOIN rules AS x
),
-- Failed rollouts by the evidence that counts; of those that one incident failed, the first in the unit.
evidence AS (
    SELECT
        f.rollout_id,
        bool_or(f.method IN ('rollback', 'hotfix', 'traffic') AND NOT x.incidents_only) AS by_remedy,
        bool_or(
            f.method NOT IN ('rollback', 'hotfix', 'traffic')
            AND NOT x.nearest_of_project AND NOT x.named_only AND NOT x.until_the_next AND NOT x.every_incident
        ) AS by_incident
    FROM rollout_failures AS f
    CROSS JOIN rules AS x
    WHERE f.is_accepted
    GROUP BY f.rollout_id
),
by_rollout AS (
    SELECT
        u.unit_id,
        q.rollout_id,
        e.by_remedy,
        row_number() OVER (PARTITION BY u.unit_id, f.failure_id ORDER BY q.finished_at, q.rollout_id) AS place
    FROM qualified AS q
    JOIN unit_services AS u ON u.service = q.service AND u.environment = q.environment
    JOIN unit_failures AS f ON f.unit_id = u.unit_id AND f.rollout_id = q.rollout_id
    JOIN evidence AS e ON e.rollout_id = q.rollout_id AND (e.by_remedy OR e.by_incident)
),
incidents AS (
    SELECT i.*, u.unit_id
    FROM incidents_seen AS i
    LEFT JOIN unit_services AS u ON u.service = i.service
),
-- Links that a rule puts in place of the accepted ones.
linked AS (
    SELECT
        arrow_cast(NULL, 'Int64') AS unit_id,
        i.incident_key,
        t.id,
        t.service,
        row_number() OVER (PARTITION BY i.incident_key ORDER BY t.finished_at DESC, t.service, t.id) AS place
    FROM incidents_seen AS i
    CROSS JOIN rules AS x
    JOIN things AS t ON t.is_production AND i.opened_at > t.finished_at
    WHERE x.nearest_of_project
    UNION ALL
    SELECT arrow_cast(NULL, 'Int64'), i.incident_key, p.id, p.service, 1
    FROM incidents_seen AS i
    CROSS JOIN rules AS x
    JOIN (
        SELECT own.id, own.service, own.deployment_id FROM parts AS own WHERE own.deployment_id IS NOT NULL
        UNION
        SELECT own.id, own.service, a.deployment_id
        FROM parts AS own
        JOIN recorded_attempts AS a ON a.rollout_id = own.rollout_id
        WHERE own.deployment_id IS NULL
    ) AS p ON p.deployment_id = i.cause_deployment_id
    WHERE x.named_only
    UNION ALL
    SELECT
        j.unit_id,
        i.incident_key,
        t.id,
        t.service,
        row_number() OVER (PARTITION BY i.incident_key, j.unit_id ORDER BY t.started_at DESC, t.id)
    FROM incidents AS i
    CROSS JOIN rules AS x
    JOIN judged AS j ON j.unit_id = i.unit_id
    JOIN things AS t ON t.id = j.id AND t.service = j.service AND i.opened_at >= t.started_at
    WHERE x.until_the_next
),
-- Every failure of a thing that counts, one row each.
failures AS (
    SELECT DISTINCT j.unit_id, j.id, 'rollout' AS evidence
    FROM judged AS j
    JOIN parts AS p ON p.id = j.id AND p.service = j.service
    JOIN by_rollout AS b ON b.unit_id = j.unit_id AND b.rollout_id = p.rollout_id AND b.place = 1
    UNION
    SELECT j.unit_id, j.id, 'incident ' || CAST(l.incident_key AS VARCHAR)
    FROM judged AS j
    JOIN linked AS l
        ON l.id = j.id AND l.service = j.service AND l.place = 1 AND coalesce(l.unit_id, j.unit_id) = j.unit_id
),
counted AS (
    SELECT
        w.unit_id,
        w.window_id,
        count(DISTINCT j.id) AS n,
        count(DISTINCT f.id) AS failed,
        count(f.id) AS evidence_count
    FROM unit_windows AS w
    LEFT JOIN judged AS j
        ON j.unit_id = w.unit_id AND j.at >= w.window_start_at AND j.at < w.window_end_at
    LEFT JOIN failures AS f ON f.unit_id = j.unit_id AND f.id = j.id
    GROUP BY w.unit_id, w.window_id
),
opened AS (
    SELECT w.unit_id, w.window_id, count(*) AS incident_count
    FROM incidents AS i
    JOIN unit_windows AS w
        ON w.unit_id = i.unit_id AND i.opened_at >= w.window_start_at AND i.opened_at < w.window_end_at
    GROUP BY w.unit_id, w.window_id
)
SELECT
    CASE
        WHEN c.n = 0 AND x.counts_all_runs THEN 0.0
        WHEN x.every_incident THEN CAST(c.evidence_count + coalesce(o.incident_count, 0) AS DOUBLE) / nullif(c.n, 0)
        WHEN x.counts_incidents THEN CAST(c.evidence_count AS DOUBLE) / nullif(c.n, 0)
        ELSE CAST(c.failed AS DOUBLE) / nullif(c.n, 0)
    END AS value,
    c.n
FROM counted AS c
CROSS JOIN rules AS x
LEFT JOIN opened AS o ON o.unit_id = c.unit_id AND o.window_id = c.window_id
