-- title:     Deployment rework rate
-- question:  What share of rollouts repaired an earlier one?
-- place:     5
-- unit:      ratio
-- better:    lower
-- statistic: rollouts of kind hotfix or rollback, or named as remedy by an incident, over all rollouts in frequency
-- gives:     rate
-- reads:     rollouts, incidents_seen, unit_windows, unit_services
-- excluded:  redeploys; attempts that never reached users; rollouts that finished while nobody recorded remedies
-- interval:  Wilson
-- source:    DORA guide, software delivery performance metrics, 2026
-- version:   1
WITH remedies AS (
    SELECT DISTINCT r.rollout_id
    FROM rollouts AS r
    JOIN incidents_seen AS i ON i.service = r.service AND array_has(r.deployment_ids, i.remedy_deployment_id)
),
judged AS (
    SELECT
        u.unit_id,
        r.finished_at,
        r.kind IN ('hotfix', 'rollback') OR m.rollout_id IS NOT NULL AS is_rework
    FROM rollouts AS r
    JOIN unit_services AS u ON u.service = r.service AND u.environment = r.environment
    LEFT JOIN remedies AS m ON m.rollout_id = r.rollout_id
    WHERE r.in_frequency AND r.failures_observed
)
SELECT w.unit_id, w.window_id, 'rate' AS statistic, share(j.is_rework) AS estimate, count(*) AS n
FROM judged AS j
JOIN unit_windows AS w
    ON w.unit_id = j.unit_id AND j.finished_at >= w.window_start_at AND j.finished_at < w.window_end_at
GROUP BY w.unit_id, w.window_id
