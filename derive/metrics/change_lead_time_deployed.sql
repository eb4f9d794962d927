-- title:      Change lead time of what was deployed
-- question:   How old was what reached production?
-- variant-of: change_lead_time
-- place:      2
-- unit:       seconds
-- better:     lower
-- statistic:  quantiles over changes deployed in the window, from the first commit; nothing is censored, and what still waits is not seen
-- gives:      p50, p75, p90
-- reads:      unit_changes, unit_windows, probabilities
-- excluded:   changes of the first known rollout, of a rollout after a gap, and with a negative duration; merge commits
-- interval:   bootstrap over rollouts (BCa, 2,000 replicates) from 20 rollouts on
-- source:     view of the DORA metric by the window of the deployment
-- version:    1
WITH observed AS (
    SELECT w.unit_id, w.window_id, seconds_between(c.started_at, c.deployed_at) AS total_seconds, c.rollout_id
    FROM unit_changes AS c
    JOIN unit_windows AS w
        ON w.unit_id = c.unit_id AND c.deployed_at >= w.window_start_at AND c.deployed_at < w.window_end_at
)
SELECT
    o.unit_id,
    o.window_id,
    p.statistic,
    -- Without a wait every change has the weight 1: this is the empirical distribution.
    censored_quantile(o.total_seconds, 0.0, 0.0, o.rollout_id, p.probability) AS estimate,
    count(*) AS n
FROM observed AS o
CROSS JOIN probabilities AS p
WHERE p.statistic IN ('p50', 'p75', 'p90')
GROUP BY o.unit_id, o.window_id, p.statistic
