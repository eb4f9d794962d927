-- title:      Change lead time from the merge
-- question:   How long does a merged change wait for production?
-- variant-of: change_lead_time
-- place:      2
-- unit:       seconds
-- better:     lower
-- statistic:  Kaplan-Meier quantiles over changes merged in the window, from the merge; those that still wait are censored
-- gives:      p50, p75, p90
-- reads:      unit_changes, unit_windows
-- excluded:   changes of the first known rollout, of a rollout after a gap, and deployed before their merge
-- interval:   bootstrap over rollouts (BCa, 2,000 replicates) from 20 rollouts on
-- source:     variant of the DORA metric
-- version:    1
WITH observed AS (
    SELECT
        w.unit_id,
        w.window_id,
        seconds_between(c.merged_at, coalesce(c.deployed_at, w.as_of_at)) AS duration_seconds,
        c.deployed_at IS NOT NULL AS is_deployed,
        coalesce(c.rollout_id, '') AS rollout_id
    FROM unit_changes AS c
    JOIN unit_windows AS w
        ON w.unit_id = c.unit_id AND c.merged_at >= w.window_start_at AND c.merged_at < w.window_end_at
    WHERE c.deployed_at IS NULL OR c.deployed_at >= c.merged_at
),
estimated AS (
    SELECT
        unit_id,
        window_id,
        clustered_survival_quantiles(duration_seconds, is_deployed, rollout_id, 0.5, 0.75, 0.9) AS estimates,
        count(*) AS n
    FROM observed
    GROUP BY unit_id, window_id
)
SELECT unit_id, window_id, unnest(['p50', 'p75', 'p90']) AS statistic, unnest(estimates) AS estimate, n
FROM estimated
