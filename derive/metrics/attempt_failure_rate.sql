-- title:     Attempt failure rate
-- question:  What share of attempts to deploy failed?
-- place:     7
-- shown:     table
-- unit:      ratio
-- better:    lower
-- statistic: attempts that failed over attempts that succeeded or failed, by the window in which they ended; beside it what comes out if every attempt of unknown outcome succeeded, and if every one failed
-- gives:     rate, rate_lowest, rate_highest
-- reads:     attempts, unit_services, unit_windows
-- excluded:  attempts of redeploys; attempts that were cancelled, skipped or superseded; attempts in no rollout
-- interval:  Wilson
-- source:    own definition, beside the DORA metrics
-- version:   1
WITH in_window AS (
    SELECT w.unit_id, w.window_id, a.is_failed
    FROM attempts AS a
    JOIN unit_services AS u ON u.service = a.service AND u.environment = a.environment AND u.dimension IS NULL
    JOIN unit_windows AS w
        ON w.unit_id = u.unit_id AND a.ended_at >= w.window_start_at AND a.ended_at < w.window_end_at
)
SELECT unit_id, window_id, 'rate' AS statistic, share(is_failed) AS estimate, count(*) AS n
FROM in_window
WHERE is_failed IS NOT NULL
GROUP BY unit_id, window_id
UNION ALL
SELECT unit_id, window_id, 'rate_lowest', share(coalesce(is_failed, false)), count(*)
FROM in_window
GROUP BY unit_id, window_id
UNION ALL
SELECT unit_id, window_id, 'rate_highest', share(coalesce(is_failed, true)), count(*)
FROM in_window
GROUP BY unit_id, window_id
