-- title:     Rollout failures
-- question:  Which rollouts failed, by what evidence, and which other candidates were there?
-- reads:     rollouts, incidents_seen, settings
-- source:    DORA guide, software delivery performance metrics, 2026
-- version:   1
--
-- The order of the link: 1 the incident names the deployment, 2 a rollback or hotfix names what it repairs,
-- 3 the latest rollout of the same service within the window before the first impact, 4 none.
WITH finished AS (
    SELECT
        r.*,
        lead(r.finished_at) OVER unit_order AS next_finished_at,
        -- What failed in traffic was tried again until every target had it.
        r.target_count > 0 AND NOT r.is_partial AND r.finished_at >= r.impaired_at AS is_mended
    FROM rollouts AS r
    WHERE r.finished_at IS NOT NULL
    WINDOW unit_order AS (PARTITION BY r.service, r.environment ORDER BY r.finished_at, r.rollout_id)
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
        true AS is_seen,
        'the first rollout after the one that was restored' AS reason
    FROM finished AS remedy
    JOIN finished AS target ON target.rollout_id = remedy.restores_rollout_id
    JOIN finished AS f
        ON f.service = remedy.service AND f.environment = remedy.environment
        AND f.finished_at > target.finished_at AND f.finished_at < remedy.finished_at
        AND f.in_change_fail_rate
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
        false AS is_seen,
        'live when the ' || remedy.kind || ' started' AS reason
    FROM finished AS remedy
    JOIN finished AS f
        ON f.service = remedy.service AND f.environment = remedy.environment
        AND f.finished_at < remedy.started_at AND f.in_change_fail_rate
    WHERE (remedy.kind = 'hotfix' OR (remedy.kind = 'rollback' AND remedy.restores_rollout_id IS NULL))
      AND NOT EXISTS (
          SELECT 1 FROM incidents_seen AS i
          WHERE i.service = remedy.service
            AND i.cause_deployment_id IS NOT NULL
            AND array_has(remedy.deployment_ids, i.remedy_deployment_id)
      )
),
remedies AS (
    SELECT * FROM rolled_back
    UNION ALL
    SELECT * FROM hotfixed WHERE place = 1
),
-- The earliest repair of each failed rollout.
repaired AS (
    SELECT rollout_id, min(restored_at) AS repaired_at FROM remedies WHERE place = 1 GROUP BY rollout_id
),
incident_explicit AS (
    -- Whatever service the incident touched: the record says what caused it.
    SELECT i.incident_key, f.rollout_id
    FROM incidents_seen AS i
    JOIN finished AS f ON array_has(f.deployment_ids, i.cause_deployment_id)
    WHERE i.cause NOT IN ('infrastructure', 'vendor') AND f.in_change_fail_rate
),
incident_named_remedy AS (
    SELECT i.incident_key, m.rollout_id
    FROM incidents_seen AS i
    JOIN finished AS remedy ON remedy.service = i.service AND array_has(remedy.deployment_ids, i.remedy_deployment_id)
    JOIN remedies AS m ON m.remedy_id = remedy.rollout_id AND m.place = 1
    WHERE i.cause_deployment_id IS NULL
      AND i.cause NOT IN ('infrastructure', 'vendor')
),
in_window AS (
    SELECT
        i.incident_key,
        f.rollout_id,
        row_number() OVER (
            PARTITION BY i.incident_key, f.environment
            ORDER BY f.started_at DESC, f.finished_at DESC, f.rollout_id
        ) AS place
    FROM incidents_seen AS i
    JOIN finished AS f
        ON f.service = i.service
        AND (i.environment IS NULL OR i.environment = f.environment OR i.is_production)
        AND f.is_production
        AND i.impact_at >= f.started_at
        AND seconds_between(f.finished_at, i.impact_at) <= (SELECT incident_window_seconds FROM settings)
        AND f.in_change_fail_rate
    WHERE i.cause NOT IN ('infrastructure', 'vendor')
      AND i.impact_at >= f.started_at
),
incident_links AS (
    SELECT incident_key, rollout_id, 'explicit' AS method, 1.0 AS confidence, true AS is_accepted,
        'the incident names the deployment' AS reason
    FROM incident_explicit
    UNION ALL
    SELECT incident_key, rollout_id, 'remedy', 0.9, true, 'the incident names its remedy, which repairs this rollout'
    FROM incident_named_remedy
    UNION ALL
    SELECT
        w.incident_key,
        w.rollout_id,
        'time_window',
        CASE WHEN w.place = 1 THEN 0.6 ELSE 0.2 END,
        w.place = 1 AND e.incident_key IS NULL AND n.incident_key IS NULL,
        CASE
            WHEN e.incident_key IS NOT NULL THEN 'the incident names another deployment'
            WHEN n.incident_key IS NOT NULL THEN 'the remedy that the incident names repairs another rollout'
            WHEN w.place = 1 THEN 'the latest rollout of the service before the first impact'
            ELSE 'a later rollout is nearer to the first impact'
        END
    FROM in_window AS w
    LEFT JOIN (SELECT DISTINCT incident_key FROM incident_explicit) AS e ON e.incident_key = w.incident_key
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
    SELECT i.incident_key, min(remedy.finished_at) AS remedied_at
    FROM incidents_seen AS i
    JOIN finished AS remedy ON remedy.service = i.service AND array_has(remedy.deployment_ids, i.remedy_deployment_id)
    GROUP BY i.incident_key
)
SELECT
    l.rollout_id,
    l.method,
    i.incident_id AS evidence_id,
    f.service,
    f.environment,
    i.impact_at,
    -- Mitigated, else the remedy rollout, else resolved.
    coalesce(i.mitigated_at, m.remedied_at, CASE WHEN p.repaired_at >= i.impact_at THEN p.repaired_at END, i.resolved_at)
        AS restored_at,
    CASE
        WHEN i.mitigated_at IS NOT NULL THEN 'mitigated'
        WHEN m.remedied_at IS NOT NULL THEN 'remedy_rollout'
        WHEN p.repaired_at >= i.impact_at THEN 'remedy_rollout'
        WHEN i.resolved_at IS NOT NULL THEN 'resolved'
    END AS restored_by,
    l.is_accepted,
    l.confidence,
    l.reason
FROM incident_links AS l
JOIN finished AS f ON f.rollout_id = l.rollout_id
JOIN incidents_seen AS i ON i.incident_key = l.incident_key
LEFT JOIN incident_remedies AS m ON m.incident_key = l.incident_key
LEFT JOIN repaired AS p ON p.rollout_id = l.rollout_id
UNION ALL
SELECT
    rollout_id,
    method,
    remedy_id,
    service,
    environment,
    impact_at,
    restored_at,
    'remedy_rollout',
    place = 1,
    CASE WHEN place > 1 THEN 0.3 WHEN is_seen THEN 1.0 ELSE 0.7 END,
    CASE WHEN place > 1 THEN 'rolled back together with the first rollout after the restored one' ELSE reason END
FROM remedies
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
    true AS is_accepted,
    1.0 AS confidence,
    'an attempt failed after users got it' AS reason
FROM finished
WHERE failed_in_traffic AND in_change_fail_rate
