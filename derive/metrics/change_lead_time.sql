-- title:     Change lead time
-- question:  How long does a change take from its first commit to production?
-- place:     2
-- unit:      seconds
-- better:    lower
-- statistic: quantiles over changes merged in the window, weighted for those that still wait
-- gives:     p50, p75, p90
-- reads:     rollout_changes, unit_windows, unit_services, probabilities
-- excluded:  changes of the first known rollout, of a rollout after a gap, and with a negative duration; merge commits
-- interval:  bootstrap over rollouts (BCa, 2,000 replicates) from 20 rollouts on
-- source:    DORA guide, software delivery performance metrics, 2026
-- version:   1
WITH cohort AS (
    -- A change that reached several services of a group counts once, when it first arrived.
    SELECT
        u.unit_id,
        c.repository,
        c.change_id,
        min(c.merged_at) AS merged_at,
        min(c.started_at) AS started_at,
        min(c.deployed_at) AS deployed_at,
        first_value(c.rollout_id ORDER BY c.deployed_at NULLS LAST, c.rollout_id) AS rollout_id
    FROM rollout_changes AS c
    JOIN unit_services AS u ON u.service = c.service AND u.environment = c.environment
    WHERE c.excluded IS NULL
    GROUP BY u.unit_id, c.repository, c.change_id
),
observed AS (
    SELECT
        w.unit_id,
        w.window_id,
        seconds_between(c.started_at, c.deployed_at) AS total_seconds,
        greatest(seconds_between(c.merged_at, c.deployed_at), 0.0) AS delay_seconds,
        seconds_between(c.merged_at, w.as_of_at) AS censoring_seconds,
        coalesce(c.rollout_id, '') AS rollout_id
    FROM cohort AS c
    JOIN unit_windows AS w
        ON w.unit_id = c.unit_id AND c.merged_at >= w.window_start_at AND c.merged_at < w.window_end_at
)
SELECT
    o.unit_id,
    o.window_id,
    p.statistic,
    censored_quantile(o.total_seconds, o.delay_seconds, o.censoring_seconds, o.rollout_id, p.probability) AS estimate,
    count(*) AS n
FROM observed AS o
CROSS JOIN probabilities AS p
WHERE p.statistic IN ('p50', 'p75', 'p90')
GROUP BY o.unit_id, o.window_id, p.statistic
