-- title:     Failed deployment recovery time
-- question:  How long does it take to restore service after a failed rollout?
-- place:     3
-- shown:     head
-- unit:      seconds
-- better:    lower
-- statistic: Kaplan-Meier quantiles over failures that began in the window; those still open are censored
-- gives:     p50, p90
-- coverage:  incidents
-- reads:     unit_episodes, unit_windows
-- excluded:  incidents without a rollout as cause; episodes with a negative duration; failures of rollouts that finished while nobody recorded incidents or remedies
-- interval:  log-log limits of the survival curve
-- source:    DORA guide, software delivery performance metrics, 2026
-- version:   3
WITH episodes AS (
    SELECT
        w.unit_id,
        w.window_id,
        seconds_between(f.started_at, f.observed_until_at) AS duration_seconds,
        f.is_restored
    FROM unit_episodes AS f
    JOIN unit_windows AS w
        ON w.unit_id = f.unit_id AND f.started_at >= w.window_start_at AND f.started_at < w.window_end_at
    WHERE f.observed_until_at >= f.started_at
),
estimated AS (
    SELECT
        unit_id,
        window_id,
        survival_quantiles(duration_seconds, is_restored, 0.5, 0.9) AS estimates,
        count(*) AS n
    FROM episodes
    GROUP BY unit_id, window_id
)
SELECT unit_id, window_id, unnest(['p50', 'p90']) AS statistic, unnest(estimates) AS estimate, n
FROM estimated
