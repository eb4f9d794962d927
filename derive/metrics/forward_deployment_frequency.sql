-- title:     Forward deployment frequency
-- question:  How often does a rollout bring something new to production?
-- place:     6
-- shown:     table
-- unit:      per day
-- better:    higher
-- statistic: rollouts of kind release, config or rebuild finished in the window that put no earlier revision set there again, per day that was read
-- gives:     per_day
-- strata:    author_kind
-- reads:     unit_rollouts, unit_slices
-- excluded:  rollbacks and hotfixes, whose number grows with breakage; redeploys and re-applied revisions; attempts that never reached users; what finished outside of what was read
-- interval:  exact Poisson below 8 whole weeks or without overdispersion among them, else quasi-Poisson on the log scale
-- source:    own definition; the frequency that comparisons use
-- version:   1
WITH slices AS (
    SELECT
        s.unit_id,
        s.window_id,
        s.slice_start_at,
        s.exposure_days,
        s.is_full,
        count(c.rollout_id) AS events
    FROM unit_slices AS s
    LEFT JOIN unit_rollouts AS c
        ON c.unit_id = s.unit_id AND c.finished_at >= s.slice_start_at AND c.finished_at < s.slice_end_at
        AND c.in_frequency AND c.is_in_read_range
        AND c.kind IN ('release', 'config', 'rebuild') AND NOT c.is_reapply
    GROUP BY s.unit_id, s.window_id, s.slice_start_at, s.exposure_days, s.is_full
)
SELECT unit_id, window_id, 'per_day' AS statistic, rate(events, exposure_days, is_full) AS estimate, sum(events) AS n
FROM slices
GROUP BY unit_id, window_id
