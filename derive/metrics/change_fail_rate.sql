-- title:     Change fail rate
-- question:  What share of rollouts needed remediation?
-- place:     4
-- shown:     head
-- unit:      ratio
-- better:    lower
-- statistic: rollouts with an accepted failure link over all rollouts, by the window in which they finished; beside it what explicit evidence alone gives, and what every candidate would give
-- gives:     rate, rate_lowest, rate_highest
-- strata:    author_kind
-- coverage:  incidents
-- reads:     unit_rollouts, unit_windows, unit_failures, rollout_failures
-- excluded:  rollbacks and redeploys; rollouts that finished while nobody recorded incidents or remedies
-- interval:  Wilson
-- source:    DORA guide, software delivery performance metrics, 2026
-- version:   3
WITH candidates AS (
    SELECT DISTINCT rollout_id FROM rollout_failures
),
judged AS (
    -- One incident that failed rollouts of two services is one failure in a group of both: that of the first to finish.
    SELECT
        r.unit_id,
        r.finished_at,
        f.failure_id IS NOT NULL
        AND row_number() OVER (
            PARTITION BY r.unit_id, coalesce(f.failure_id, r.rollout_id) ORDER BY r.finished_at, r.rollout_id
        ) = 1 AS is_failed,
        coalesce(f.is_explicit, false) AS is_explicit,
        c.rollout_id IS NOT NULL AS is_candidate
    FROM unit_rollouts AS r
    LEFT JOIN unit_failures AS f ON f.unit_id = r.unit_id AND f.rollout_id = r.rollout_id
    LEFT JOIN candidates AS c ON c.rollout_id = r.rollout_id
    WHERE r.in_change_fail_rate AND r.failures_observed
),
in_window AS (
    SELECT w.unit_id, w.window_id, j.is_failed, j.is_explicit, j.is_candidate
    FROM judged AS j
    JOIN unit_windows AS w
        ON w.unit_id = j.unit_id AND j.finished_at >= w.window_start_at AND j.finished_at < w.window_end_at
)
SELECT unit_id, window_id, 'rate' AS statistic, share(is_failed) AS estimate, count(*) AS n
FROM in_window
GROUP BY unit_id, window_id
UNION ALL
SELECT unit_id, window_id, 'rate_lowest', share(is_failed AND is_explicit), count(*)
FROM in_window
GROUP BY unit_id, window_id
UNION ALL
SELECT unit_id, window_id, 'rate_highest', share(is_candidate), count(*)
FROM in_window
GROUP BY unit_id, window_id
