-- title:     Rollout failures
-- question:  Which rollouts failed, by what evidence, and which other candidates were there?
-- reads:     rollouts, incidents_seen, reverts_seen, alert_clearings, settings
-- source:    DORA guide, software delivery performance metrics, 2026
-- version:   2
--
-- The order of the link: 1 the incident names the deployment, 2 a rollback, hotfix or revert names what it repairs,
-- 3 the latest rollout of the same service within the window before the first impact, 4 none.
--
-- What is not accepted is a candidate. Evidence is explicit where a record says of this very rollout that it failed.
WITH finished AS (
    SELECT
        r.*,
        lead(r.finished_at) OVER unit_order AS next_finished_at,
        lead(r.rollout_id) OVER unit_order AS next_rollout_id,
        -- What failed in traffic was tried again until every target had it.
        r.target_count > 0 AND NOT r.is_partial AND r.finished_at >= r.impaired_at AS is_mended
    FROM rollouts AS r
    -- A flip of a feature flag replaces nothing that runs.
    WHERE r.finished_at IS NOT NULL AND (r.kind <> 'feature_flag' OR r.in_change_fail_rate)
    WINDOW unit_order AS (PARTITION BY r.service, r.environment ORDER BY r.finished_at, r.rollout_id)
),
-- What was done about an outage of the infrastructure or of a vendor says nothing of the rollout before it.
excused AS (
    SELECT remedy.rollout_id
    FROM incidents_seen AS i
    JOIN finished AS remedy ON array_has(remedy.deployment_ids, i.remedy_deployment_id)
    GROUP BY remedy.rollout_id
    HAVING bool_and(i.cause IN ('infrastructure', 'vendor'))
),
-- What each rollback repairs: the rollouts after the one it restores. The first of them is the failure, the others
-- are suspects.
rolled_back AS (
    SELECT
        f.rollout_id,
        f.service,
        f.environment,
        f.finished_at AS impact_at,
        remedy.rollout_id AS remedy_id,
        remedy.finished_at AS restored_at,
        'rollback' AS method,
        row_number() OVER (PARTITION BY remedy.rollout_id ORDER BY f.finished_at, f.rollout_id) AS place,
        true AS is_explicit,
        'the first rollout after the one that was restored' AS reason
    FROM finished AS remedy
    JOIN finished AS target ON target.rollout_id = remedy.restores_rollout_id
    JOIN finished AS f
        ON f.service = remedy.service AND f.environment = remedy.environment
        AND f.finished_at > target.finished_at AND f.finished_at < remedy.finished_at
        AND f.in_change_fail_rate AND f.kind <> 'feature_flag'
    WHERE remedy.kind = 'rollback'
),
-- A hotfix repairs what was live when it started, unless an incident says what it repairs; so does a rollback to
-- something that was never seen before.
hotfixed AS (
    SELECT
        f.rollout_id,
        f.service,
        f.environment,
        f.finished_at AS impact_at,
        remedy.rollout_id AS remedy_id,
        remedy.finished_at AS restored_at,
        remedy.kind AS method,
        row_number() OVER (PARTITION BY remedy.rollout_id ORDER BY f.finished_at DESC, f.rollout_id DESC) AS place,
        false AS is_explicit,
        'live when the ' || remedy.kind || ' started' AS reason
    FROM finished AS remedy
    JOIN finished AS f
        ON f.service = remedy.service AND f.environment = remedy.environment
        AND f.finished_at < remedy.started_at AND f.in_change_fail_rate AND f.kind <> 'feature_flag'
    WHERE (remedy.kind = 'hotfix' OR (remedy.kind = 'rollback' AND remedy.restores_rollout_id IS NULL))
      AND NOT EXISTS (
          SELECT 1 FROM incidents_seen AS i
          WHERE i.service = remedy.service
            AND i.cause_deployment_id IS NOT NULL
            AND array_has(remedy.deployment_ids, i.remedy_deployment_id)
      )
),
-- A revert repairs the rollout that brought what it reverts, once it is deployed itself.
reverted AS (
    SELECT
        f.rollout_id,
        f.service,
        f.environment,
        f.finished_at AS impact_at,
        remedy.rollout_id AS remedy_id,
        remedy.finished_at AS restored_at,
        v.revert_id,
        v.is_accepted,
        v.reason
    FROM reverts_seen AS v
    JOIN finished AS f ON f.rollout_id = v.rollout_id
    LEFT JOIN finished AS remedy ON remedy.rollout_id = v.remedy_id
),
remedies AS (
    SELECT
        m.*,
        e.rollout_id IS NOT NULL AS is_excused
    FROM (
        SELECT * FROM rolled_back
        UNION ALL
        SELECT * FROM hotfixed WHERE place = 1
    ) AS m
    LEFT JOIN excused AS e ON e.rollout_id = m.remedy_id
),
-- Which rollout repaired which, whoever says so.
repairs AS (
    SELECT rollout_id, remedy_id, restored_at, is_explicit FROM remedies WHERE place = 1 AND NOT is_excused
    UNION ALL
    SELECT rollout_id, remedy_id, restored_at, true FROM reverted WHERE is_accepted
),
-- The earliest repair of each failed rollout.
repaired AS (
    SELECT
        rollout_id,
        min(restored_at) AS repaired_at,
        first_value(remedy_id ORDER BY restored_at, remedy_id) AS remedy_id
    FROM repairs
    GROUP BY rollout_id
),
-- Whatever service the incident touched: the record says what caused it.
named AS (
    SELECT i.incident_key, r.rollout_id, r.finished_at IS NOT NULL AND r.in_change_fail_rate AS is_countable
    FROM incidents_seen AS i
    JOIN rollouts AS r ON array_has(r.deployment_ids, i.cause_deployment_id)
    WHERE i.cause NOT IN ('infrastructure', 'vendor')
),
incident_explicit AS (
    SELECT incident_key, rollout_id FROM named WHERE is_countable
),
incident_named_remedy AS (
    SELECT i.incident_key, m.rollout_id, bool_or(m.is_explicit) AS is_explicit
    FROM incidents_seen AS i
    JOIN finished AS remedy ON remedy.service = i.service AND array_has(remedy.deployment_ids, i.remedy_deployment_id)
    JOIN repairs AS m ON m.remedy_id = remedy.rollout_id
    WHERE i.cause NOT IN ('infrastructure', 'vendor')
      AND NOT EXISTS (SELECT 1 FROM named AS n WHERE n.incident_key = i.incident_key)
    GROUP BY i.incident_key, m.rollout_id
),
-- Incidents that name an environment which the service has. Another name of the production tier stands for all of it.
own_place AS (
    SELECT DISTINCT i.incident_key
    FROM incidents_seen AS i
    JOIN finished AS f ON f.service = i.service AND lower(f.environment) = lower(i.environment)
),
in_window AS (
    SELECT
        i.incident_key,
        f.rollout_id,
        row_number() OVER (
            PARTITION BY i.incident_key, f.environment
            ORDER BY f.finished_at DESC, f.started_at DESC, f.rollout_id DESC
        ) AS place
    FROM incidents_seen AS i
    JOIN finished AS f
        ON f.service = i.service
        AND f.is_production
        AND i.impact_at >= f.started_at
        AND seconds_between(f.finished_at, i.impact_at) <= (SELECT incident_window_seconds FROM settings)
        AND f.in_change_fail_rate
    LEFT JOIN own_place AS o ON o.incident_key = i.incident_key
    WHERE i.cause NOT IN ('infrastructure', 'vendor')
      AND (
          i.environment IS NULL
          OR lower(i.environment) = lower(f.environment)
          OR (i.is_production AND o.incident_key IS NULL)
      )
),
incident_links AS (
    SELECT incident_key, rollout_id, 'explicit' AS method, 1.0 AS confidence, true AS is_accepted, true AS is_explicit,
        'the incident names the deployment' AS reason
    FROM incident_explicit
    UNION ALL
    SELECT incident_key, rollout_id, 'remedy', 0.9, true, is_explicit,
        'the incident names its remedy, which repairs this rollout'
    FROM incident_named_remedy
    UNION ALL
    SELECT
        w.incident_key,
        w.rollout_id,
        'time_window',
        CASE WHEN w.place = 1 THEN 0.6 ELSE 0.2 END,
        w.place = 1 AND e.incident_key IS NULL AND n.incident_key IS NULL,
        false,
        CASE
            WHEN e.incident_key IS NOT NULL THEN 'the incident names another deployment'
            WHEN n.incident_key IS NOT NULL THEN 'the remedy that the incident names repairs another rollout'
            WHEN w.place = 1 THEN 'the latest rollout of the service before the first impact'
            ELSE 'a later rollout is nearer to the first impact'
        END
    FROM in_window AS w
    LEFT JOIN (SELECT DISTINCT incident_key FROM named) AS e ON e.incident_key = w.incident_key
    LEFT JOIN (SELECT DISTINCT incident_key FROM incident_named_remedy) AS n ON n.incident_key = w.incident_key
    WHERE NOT EXISTS (
        SELECT 1 FROM incident_explicit AS same
        WHERE same.incident_key = w.incident_key AND same.rollout_id = w.rollout_id
    )
    AND NOT EXISTS (
        SELECT 1 FROM incident_named_remedy AS same
        WHERE same.incident_key = w.incident_key AND same.rollout_id = w.rollout_id
    )
),
incident_remedies AS (
    SELECT
        i.incident_key,
        min(remedy.finished_at) AS remedied_at,
        first_value(remedy.rollout_id ORDER BY remedy.finished_at, remedy.rollout_id) AS remedy_id
    FROM incidents_seen AS i
    JOIN finished AS remedy ON remedy.service = i.service AND array_has(remedy.deployment_ids, i.remedy_deployment_id)
    GROUP BY i.incident_key
),
-- When the alerts of the service that fired during the incident were clear for the first time.
incident_alerts AS (
    SELECT incident_key, cleared_at
    FROM (
        SELECT
            i.incident_key,
            a.cleared_at,
            row_number() OVER (PARTITION BY i.incident_key ORDER BY a.started_at) AS place
        FROM incidents_seen AS i
        JOIN alert_clearings AS a
            ON a.service = i.service
            AND a.started_at <= coalesce(i.resolved_at, (SELECT as_of_at FROM settings))
            AND (a.cleared_at IS NULL OR a.cleared_at > i.impact_at)
        WHERE i.is_production
    ) AS overlapping
    WHERE place = 1
),
-- Mitigated, else the remedy rollout, else alerts clear, else resolved.
incident_evidence AS (
    SELECT
        l.*,
        f.service,
        f.environment,
        i.incident_id,
        i.impact_at,
        i.mitigated_at,
        coalesce(m.remedied_at, CASE WHEN p.repaired_at >= i.impact_at THEN p.repaired_at END) AS remedied_at,
        coalesce(m.remedy_id, CASE WHEN p.repaired_at >= i.impact_at THEN p.remedy_id END) AS remedy_id,
        a.cleared_at,
        i.resolved_at
    FROM incident_links AS l
    JOIN finished AS f ON f.rollout_id = l.rollout_id
    JOIN incidents_seen AS i ON i.incident_key = l.incident_key
    LEFT JOIN incident_remedies AS m ON m.incident_key = l.incident_key
    LEFT JOIN repaired AS p ON p.rollout_id = l.rollout_id
    LEFT JOIN incident_alerts AS a ON a.incident_key = l.incident_key
)
SELECT
    rollout_id,
    method,
    incident_id AS evidence_id,
    service,
    environment,
    impact_at,
    coalesce(mitigated_at, remedied_at, cleared_at, resolved_at) AS restored_at,
    CASE
        WHEN mitigated_at IS NOT NULL THEN 'mitigated'
        WHEN remedied_at IS NOT NULL THEN 'remedy_rollout'
        WHEN cleared_at IS NOT NULL THEN 'alert_clear'
        WHEN resolved_at IS NOT NULL THEN 'resolved'
    END AS restored_by,
    remedy_id AS remedy_rollout_id,
    is_accepted,
    is_explicit,
    confidence,
    reason
FROM incident_evidence
UNION ALL
SELECT
    rollout_id,
    method,
    remedy_id AS evidence_id,
    service,
    environment,
    impact_at,
    restored_at,
    'remedy_rollout',
    remedy_id AS remedy_rollout_id,
    place = 1 AND NOT is_excused,
    is_explicit AND place = 1 AND NOT is_excused,
    CASE WHEN is_excused THEN 0.1 WHEN place > 1 THEN 0.3 WHEN is_explicit THEN 1.0 ELSE 0.7 END,
    CASE
        WHEN is_excused THEN 'the incident that the ' || method || ' remedies had another cause'
        WHEN place > 1 THEN 'rolled back together with the first rollout after the restored one'
        ELSE reason
    END
FROM remedies
UNION ALL
SELECT
    rollout_id,
    'revert',
    revert_id,
    service,
    environment,
    impact_at,
    restored_at,
    CASE WHEN restored_at IS NOT NULL THEN 'remedy_rollout' END,
    remedy_id,
    is_accepted,
    is_accepted AS is_explicit,
    CASE WHEN is_accepted THEN 0.9 ELSE 0.3 END,
    reason
FROM reverted
UNION ALL
SELECT
    rollout_id,
    'traffic' AS method,
    rollout_id AS evidence_id,
    service,
    environment,
    impaired_at AS impact_at,
    CASE WHEN is_mended THEN finished_at ELSE next_finished_at END AS restored_at,
    CASE WHEN is_mended OR next_finished_at IS NOT NULL THEN 'remedy_rollout' END AS restored_by,
    CASE WHEN is_mended THEN rollout_id ELSE next_rollout_id END AS remedy_rollout_id,
    true AS is_accepted,
    true AS is_explicit,
    1.0 AS confidence,
    'an attempt failed after users got it' AS reason
FROM finished
WHERE failed_in_traffic AND in_change_fail_rate
