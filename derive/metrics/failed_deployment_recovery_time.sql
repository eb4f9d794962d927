-- title:     Failed deployment recovery time
-- question:  How long does it take to restore service after a failed rollout?
-- place:     3
-- unit:      seconds
-- better:    lower
-- statistic: Kaplan-Meier quantiles over failures that began in the window; those still open are censored
-- gives:     p50, p90
-- reads:     recovery_episodes, unit_windows, unit_failures, probabilities
-- excluded:  incidents without a rollout as cause; episodes with a negative duration
-- interval:  log-log limits of the survival curve
-- source:    DORA guide, software delivery performance metrics, 2026
-- version:   1
WITH failures AS (
    -- One incident that failed rollouts of two services is one failure in a group of both: from its first start to its
    -- last end, and over when every service is restored.
    SELECT
        f.unit_id,
        f.failure_id,
        min(e.started_at) AS started_at,
        max(e.observed_until_at) AS observed_until_at,
        bool_and(e.is_restored) AS is_restored
    FROM recovery_episodes AS e
    JOIN unit_failures AS f ON f.rollout_id = e.rollout_id
    WHERE e.observed_until_at >= e.started_at
    GROUP BY f.unit_id, f.failure_id
),
episodes AS (
    SELECT
        w.unit_id,
        w.window_id,
        seconds_between(f.started_at, f.observed_until_at) AS duration_seconds,
        f.is_restored
    FROM failures AS f
    JOIN unit_windows AS w
        ON w.unit_id = f.unit_id AND f.started_at >= w.window_start_at AND f.started_at < w.window_end_at
)
SELECT
    e.unit_id,
    e.window_id,
    p.statistic,
    survival_quantile(e.duration_seconds, e.is_restored, p.probability) AS estimate,
    count(*) AS n
FROM episodes AS e
CROSS JOIN probabilities AS p
WHERE p.statistic IN ('p50', 'p90')
GROUP BY e.unit_id, e.window_id, p.statistic
