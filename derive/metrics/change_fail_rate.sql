-- title:     Change fail rate
-- question:  What share of rollouts needed remediation?
-- place:     4
-- unit:      ratio
-- better:    lower
-- statistic: rollouts with an accepted failure link over all rollouts, by the window in which they finished
-- gives:     rate
-- reads:     rollouts, unit_windows, unit_services, unit_failures
-- excluded:  rollbacks and redeploys; rollouts that finished while nobody recorded incidents or remedies
-- interval:  Wilson
-- source:    DORA guide, software delivery performance metrics, 2026
-- version:   1
WITH judged AS (
    -- One incident that failed rollouts of two services is one failure in a group of both: that of the first to finish.
    SELECT
        u.unit_id,
        r.finished_at,
        f.failure_id IS NOT NULL
        AND row_number() OVER (
            PARTITION BY u.unit_id, coalesce(f.failure_id, r.rollout_id) ORDER BY r.finished_at, r.rollout_id
        ) = 1 AS is_failed
    FROM rollouts AS r
    JOIN unit_services AS u ON u.service = r.service AND u.environment = r.environment
    LEFT JOIN unit_failures AS f ON f.unit_id = u.unit_id AND f.rollout_id = r.rollout_id
    WHERE r.in_change_fail_rate AND r.failures_observed
)
SELECT w.unit_id, w.window_id, 'rate' AS statistic, share(j.is_failed) AS estimate, count(*) AS n
FROM judged AS j
JOIN unit_windows AS w
    ON w.unit_id = j.unit_id AND j.finished_at >= w.window_start_at AND j.finished_at < w.window_end_at
GROUP BY w.unit_id, w.window_id
