-- title:    Evidence of failed deployment recovery time
-- question: Which failures entered, with which times, and which were left out?
-- subject:  failure
-- counted:  restored
-- reads:    asked, unit_episodes, recovery_episodes, rollouts, unit_failures, unit_windows
-- beside:   incidents
-- version:  1
WITH begun AS (
    SELECT
        f.*,
        CASE q.metric
            WHEN 'failed_deployment_recovery_time_finish' THEN f.finished_at
            WHEN 'failed_deployment_recovery_time_impact_start' THEN f.impact_at
            ELSE f.started_at
        END AS begun_at
    FROM unit_episodes AS f
    JOIN unit_windows AS w ON w.unit_id = f.unit_id
    CROSS JOIN asked AS q
),
rollouts_of AS (
    SELECT f.failure_id, min(e.service) AS service, count(*) AS rollout_count
    FROM unit_failures AS f
    JOIN unit_windows AS w ON w.unit_id = f.unit_id
    JOIN recovery_episodes AS e ON e.rollout_id = f.rollout_id
    JOIN rollouts AS r ON r.rollout_id = f.rollout_id
    WHERE e.observed_until_at >= e.started_at AND r.failures_observed
    GROUP BY f.failure_id
),
told AS (
    SELECT
        b.failure_id,
        r.service,
        r.rollout_count,
        b.is_restored,
        coalesce(b.begun_at, b.started_at) AS at,
        b.observed_until_at,
        CASE
            WHEN b.begun_at IS NULL THEN 'nothing tells when it was first felt'
            WHEN b.observed_until_at < b.begun_at THEN 'restored before it began'
        END AS excluded
    FROM begun AS b
    JOIN rollouts_of AS r ON r.failure_id = b.failure_id
)
SELECT
    'failure' AS subject,
    t.failure_id AS subject_id,
    arrow_cast(NULL, 'Utf8') AS repository,
    t.service,
    t.at,
    t.excluded,
    CASE WHEN t.excluded IS NULL THEN t.is_restored END AS is_counted,
    CASE WHEN t.excluded IS NULL THEN seconds_between(t.at, t.observed_until_at) END AS total_seconds,
    arrow_cast(NULL, 'Float64') AS delay_seconds,
    arrow_cast(NULL, 'Float64') AS censoring_seconds,
    CASE
        WHEN t.rollout_count > 1 AND NOT t.is_restored
            THEN CAST(t.rollout_count AS VARCHAR) || ' rollouts that one incident failed, open at the as-of time: censored'
        WHEN t.rollout_count > 1 THEN CAST(t.rollout_count AS VARCHAR) || ' rollouts that one incident failed'
        WHEN NOT t.is_restored THEN 'open at the as-of time: censored'
    END AS remark
FROM told AS t
CROSS JOIN unit_windows AS w
WHERE t.at >= w.window_start_at AND t.at < w.window_end_at
UNION ALL
SELECT
    'failure',
    e.rollout_id,
    NULL,
    e.service,
    e.started_at,
    CASE
        WHEN e.observed_until_at < e.started_at THEN 'restored before it began'
        ELSE 'nobody recorded incidents or remedies when it finished'
    END,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL
FROM recovery_episodes AS e
JOIN rollouts AS r ON r.rollout_id = e.rollout_id
JOIN unit_failures AS f ON f.rollout_id = e.rollout_id
JOIN unit_windows AS w
    ON w.unit_id = f.unit_id AND e.started_at >= w.window_start_at AND e.started_at < w.window_end_at
WHERE e.observed_until_at < e.started_at OR NOT r.failures_observed
