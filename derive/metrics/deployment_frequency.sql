-- title:     Deployment frequency
-- question:  How often does a rollout reach production?
-- place:     1
-- unit:      per day
-- better:    higher
-- statistic: rollouts finished in the window, of all kinds but redeploy, per day that was read
-- gives:     per_day
-- reads:     rollouts, unit_windows, unit_slices, unit_services
-- excluded:  redeploys of what was already there; attempts that never reached users; what finished outside of what was read
-- interval:  exact Poisson below 8 slices or without overdispersion, else quasi-Poisson over the weeks of the window
-- source:    DORA guide, software delivery performance metrics, 2026
-- version:   1
WITH counted AS (
    SELECT u.unit_id, r.rollout_id, r.finished_at
    FROM rollouts AS r
    JOIN unit_services AS u ON u.service = r.service AND u.environment = r.environment
    WHERE r.in_frequency AND r.is_in_read_range
),
slices AS (
    SELECT
        s.unit_id,
        s.window_id,
        s.slice_start_at,
        s.exposure_days,
        count(c.rollout_id) AS events
    FROM unit_slices AS s
    LEFT JOIN counted AS c
        ON c.unit_id = s.unit_id AND c.finished_at >= s.slice_start_at AND c.finished_at < s.slice_end_at
    GROUP BY s.unit_id, s.window_id, s.slice_start_at, s.exposure_days
),
rates AS (
    SELECT unit_id, window_id, rate(events, exposure_days) AS estimate, sum(events) AS n
    FROM slices
    GROUP BY unit_id, window_id
)
SELECT w.unit_id, w.window_id, 'per_day' AS statistic, r.estimate, r.n
FROM unit_windows AS w
JOIN rates AS r ON r.unit_id = w.unit_id AND r.window_id = w.window_id
