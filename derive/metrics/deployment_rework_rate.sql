-- title:     Deployment rework rate
-- question:  What share of rollouts repaired an earlier one?
-- place:     5
-- shown:     head
-- unit:      ratio
-- better:    lower
-- statistic: rollouts of kind hotfix or rollback, or named as remedy by an incident, over all rollouts in frequency; beside it the same as the least, and as the most with every rollout that began and finished while a failure of its service was open
-- gives:     rate, rate_lowest, rate_highest
-- coverage:  incidents
-- reads:     rollouts, unit_rollouts, incidents_seen, recovery_episodes, unit_windows
-- excluded:  redeploys; attempts that never reached users; rollouts that finished while nobody recorded incidents or remedies, and all where incidents are on record and no remedy is
-- interval:  Wilson
-- source:    DORA guide, software delivery performance metrics, 2026
-- version:   3
WITH remedies AS (
    SELECT DISTINCT r.rollout_id
    FROM rollouts AS r
    JOIN incidents_seen AS i ON i.service = r.service AND array_has(r.deployment_ids, i.remedy_deployment_id)
),
meanwhile AS (
    SELECT DISTINCT r.rollout_id
    FROM rollouts AS r
    JOIN recovery_episodes AS e
        ON e.service = r.service AND e.environment = r.environment AND e.rollout_id <> r.rollout_id
        AND r.started_at >= e.started_at AND r.finished_at <= e.observed_until_at
),
judged AS (
    SELECT
        r.unit_id,
        r.finished_at,
        r.kind IN ('hotfix', 'rollback') OR m.rollout_id IS NOT NULL AS is_rework,
        o.rollout_id IS NOT NULL AS is_meanwhile
    FROM unit_rollouts AS r
    LEFT JOIN remedies AS m ON m.rollout_id = r.rollout_id
    LEFT JOIN meanwhile AS o ON o.rollout_id = r.rollout_id
    WHERE r.in_frequency AND r.remedies_observed
),
in_window AS (
    SELECT w.unit_id, w.window_id, j.is_rework, j.is_meanwhile
    FROM judged AS j
    JOIN unit_windows AS w
        ON w.unit_id = j.unit_id AND j.finished_at >= w.window_start_at AND j.finished_at < w.window_end_at
)
SELECT unit_id, window_id, 'rate' AS statistic, share(is_rework) AS estimate, count(*) AS n
FROM in_window
GROUP BY unit_id, window_id
UNION ALL
SELECT unit_id, window_id, 'rate_lowest', share(is_rework), count(*)
FROM in_window
GROUP BY unit_id, window_id
UNION ALL
SELECT unit_id, window_id, 'rate_highest', share(is_rework OR is_meanwhile), count(*)
FROM in_window
GROUP BY unit_id, window_id
