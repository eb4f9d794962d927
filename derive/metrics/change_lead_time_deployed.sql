-- title:      Change lead time of what was deployed
-- question:   How old was what reached production?
-- variant-of: change_lead_time
-- place:      2
-- unit:       seconds
-- better:     lower
-- statistic:  quantiles over changes deployed in the window, from the first commit; nothing is censored, and what still waits is not seen
-- gives:      p50, p75, p90
-- reads:      unit_changes, unit_windows
-- excluded:   changes of the first known rollout, of a rollout after a gap, and with a negative duration; merge commits
-- interval:   bootstrap over rollouts (BCa, 2,000 replicates) from 20 rollouts on
-- source:     view of the DORA metric by the window of the deployment
-- version:    1
WITH observed AS (
    SELECT w.unit_id, w.window_id, seconds_between(c.started_at, c.deployed_at) AS total_seconds, c.rollout_id
    FROM unit_changes AS c
    JOIN unit_windows AS w
        ON w.unit_id = c.unit_id AND c.deployed_at >= w.window_start_at AND c.deployed_at < w.window_end_at
),
estimated AS (
    SELECT
        unit_id,
        window_id,
        -- Without a wait every change has the weight 1: this is the empirical distribution.
        censored_quantiles(total_seconds, 0.0, 0.0, rollout_id, 0.5, 0.75, 0.9) AS estimates,
        count(*) AS n
    FROM observed
    GROUP BY unit_id, window_id
)
SELECT unit_id, window_id, unnest(['p50', 'p75', 'p90']) AS statistic, unnest(estimates) AS estimate, n
FROM estimated
