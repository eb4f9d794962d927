-- title:     Change lead time
-- question:  How long does a change take from its first commit to production?
-- place:     2
-- shown:     head
-- unit:      seconds
-- better:    lower
-- statistic: quantiles over changes merged in the window, weighted for those that still wait; a quantile that the weights do not reach is bounded from below by the times so far
-- gives:     p50, p75, p90
-- strata:    author_kind, repository
-- reads:     unit_changes, unit_windows
-- excluded:  changes of the first known rollout, of a rollout after a gap, and with a negative duration; merge commits
-- interval:  bootstrap over rollouts (BCa, 2,000 replicates) from 20 rollouts on
-- source:    DORA guide, software delivery performance metrics, 2026
-- version:   3
WITH observed AS (
    SELECT
        w.unit_id,
        w.window_id,
        -- So far, where it waits: its delay is null then.
        seconds_between(c.started_at, coalesce(c.deployed_at, w.as_of_at)) AS total_seconds,
        -- Negative where a change was deployed before its merge: its weight is that of a delay of nothing.
        seconds_between(c.merged_at, c.deployed_at) AS delay_seconds,
        seconds_between(c.merged_at, w.as_of_at) AS censoring_seconds,
        coalesce(c.rollout_id, '') AS rollout_id
    FROM unit_changes AS c
    JOIN unit_windows AS w
        ON w.unit_id = c.unit_id AND c.merged_at >= w.window_start_at AND c.merged_at < w.window_end_at
),
estimated AS (
    SELECT
        unit_id,
        window_id,
        censored_quantiles(total_seconds, delay_seconds, censoring_seconds, rollout_id, 0.5, 0.75, 0.9) AS estimates,
        count(*) AS n
    FROM observed
    GROUP BY unit_id, window_id
)
SELECT unit_id, window_id, unnest(['p50', 'p75', 'p90']) AS statistic, unnest(estimates) AS estimate, n
FROM estimated
