-- title:     Deployment frequency
-- question:  How often does a rollout reach production?
-- place:     1
-- shown:     head
-- unit:      per day
-- better:    higher
-- statistic: rollouts finished in the window, of all kinds but redeploy, per day that was read; beside it the median over whole weeks of the days with a rollout, and the median time since the service's rollout before
-- gives:     per_day, deploy_days_per_week (days per week), gap_p50 (seconds)
-- strata:    author_kind
-- reads:     unit_rollouts, unit_windows, unit_slices
-- excluded:  redeploys of what was already there; attempts that never reached users; what finished outside of what was read; weeks that the window cuts, from the days per week but not from the rate
-- interval:  exact Poisson below 8 whole weeks or without overdispersion among them, else quasi-Poisson on the log scale; none for the medians
-- source:    DORA guide, software delivery performance metrics, 2026
-- version:   2
WITH counted AS (
    SELECT
        unit_id,
        rollout_id,
        finished_at,
        finished_day,
        seconds_between(previous_finished_at, finished_at) AS gap_seconds
    FROM unit_rollouts
    WHERE in_frequency AND is_in_read_range
),
slices AS (
    SELECT
        s.unit_id,
        s.window_id,
        s.slice_start_at,
        s.exposure_days,
        s.is_full,
        count(c.rollout_id) AS events,
        count(DISTINCT c.finished_day) AS deploy_days
    FROM unit_slices AS s
    LEFT JOIN counted AS c
        ON c.unit_id = s.unit_id AND c.finished_at >= s.slice_start_at AND c.finished_at < s.slice_end_at
    GROUP BY s.unit_id, s.window_id, s.slice_start_at, s.exposure_days, s.is_full
)
SELECT unit_id, window_id, 'per_day' AS statistic, rate(events, exposure_days, is_full) AS estimate, sum(events) AS n
FROM slices
GROUP BY unit_id, window_id
UNION ALL
SELECT unit_id, window_id, 'deploy_days_per_week', no_interval(exact_quantiles(deploy_days, 0.5)[1]), count(*)
FROM slices
WHERE is_full
GROUP BY unit_id, window_id
UNION ALL
SELECT w.unit_id, w.window_id, 'gap_p50', no_interval(exact_quantiles(c.gap_seconds, 0.5)[1]), count(*)
FROM counted AS c
JOIN unit_windows AS w
    ON w.unit_id = c.unit_id AND c.finished_at >= w.window_start_at AND c.finished_at < w.window_end_at
WHERE c.gap_seconds IS NOT NULL
GROUP BY w.unit_id, w.window_id
