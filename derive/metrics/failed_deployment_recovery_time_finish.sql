-- title:      Recovery time from the finish of the rollout
-- question:   How long does it take from the finish of a failed rollout until service is restored?
-- variant-of: failed_deployment_recovery_time
-- place:      3
-- unit:       seconds
-- better:     lower
-- statistic:  Kaplan-Meier quantiles over failures whose rollout finished in the window, from that finish; those still open are censored
-- gives:      p50, p90
-- coverage:   incidents
-- reads:      unit_episodes, unit_windows
-- excluded:   incidents without a rollout as cause; episodes with a negative duration; failures of rollouts that finished while nobody recorded incidents or remedies
-- interval:   log-log limits of the survival curve
-- source:     variant of the DORA metric
-- version:    2
WITH episodes AS (
    SELECT
        w.unit_id,
        w.window_id,
        seconds_between(f.finished_at, f.observed_until_at) AS duration_seconds,
        f.is_restored
    FROM unit_episodes AS f
    JOIN unit_windows AS w
        ON w.unit_id = f.unit_id AND f.finished_at >= w.window_start_at AND f.finished_at < w.window_end_at
    WHERE f.observed_until_at >= f.finished_at
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
