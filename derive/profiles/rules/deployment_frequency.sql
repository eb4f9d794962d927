-- title:     Rules of deployment frequency
-- statistic: rollouts per week that was read, in which each rule that differs can be switched by itself
-- unit:      per week
-- reads:     rules, rollouts, recorded_attempts, utc_weeks, utc_days, unit_slices, unit_windows, unit_services
-- rule:      counts_redeploys | devlake, fourkeys, gitlab, middleware | putting the same revision set there again is counted
-- rule:      successes_only | devlake, fourkeys, gitlab, middleware | a rollout that failed after users got it is not counted
-- rule:      counts_records | devlake, gitlab, middleware | every deployment record is counted, not every revision set
-- rule:      counts_attempts | fourkeys | every success event of each attempt and target is counted, not every revision set
-- rule:      at_run_start | middleware | counted when its last attempt started, not when it finished
-- rule:      unread_is_silence | gitlab | divided by all calendar days of the window, read or not
-- rule:      lower_median_of_days | devlake | median over weeks of the days with a deployment, the lower of two middle ones, not a rate
-- rule:      median_of_days | fourkeys | median over weeks of the days with a deployment, not a rate
-- rule:      last_three_months | fourkeys | only the last three months of the window
-- rule:      whole_numbers | middleware | divided by the number of weeks and rounded down
-- version:   1
WITH rolled AS (
    SELECT
        u.unit_id,
        r.rollout_id,
        CASE WHEN x.at_run_start THEN r.started_at ELSE r.finished_at END AS at
    FROM rollouts AS r
    JOIN unit_services AS u ON u.service = r.service AND u.environment = r.environment
    CROSS JOIN rules AS x
    WHERE r.finished_at IS NOT NULL
      AND (r.kind <> 'redeploy' OR x.counts_redeploys)
      AND (r.target_count > 0 OR NOT x.successes_only)
      -- What divides by weeks or calendar days does not look at what was read.
      AND (
          r.is_in_read_range OR x.unread_is_silence OR x.lower_median_of_days OR x.median_of_days OR x.whole_numbers
      )
),
events AS (
    SELECT r.unit_id, r.rollout_id AS event_id, r.at
    FROM rolled AS r
    CROSS JOIN rules AS x
    WHERE NOT x.counts_records AND NOT x.counts_attempts
    UNION ALL
    SELECT
        r.unit_id,
        a.deployment_id,
        CASE WHEN bool_or(x.at_run_start) THEN max(a.started_at) ELSE max(a.finished_at) END
    FROM rolled AS r
    JOIN recorded_attempts AS a ON a.rollout_id = r.rollout_id
    CROSS JOIN rules AS x
    WHERE x.counts_records AND (a.is_success OR NOT x.successes_only)
    GROUP BY r.unit_id, a.deployment_id
    UNION ALL
    SELECT
        r.unit_id,
        a.deployment_id,
        CASE WHEN x.at_run_start THEN a.started_at ELSE a.finished_at END
    FROM rolled AS r
    JOIN recorded_attempts AS a ON a.rollout_id = r.rollout_id
    CROSS JOIN rules AS x
    WHERE x.counts_attempts AND a.is_success
),
-- A row per week, with what divides in each way.
weekly AS (
    SELECT
        k.unit_id,
        k.window_id,
        k.start_at,
        count(e.event_id) AS event_count,
        count(DISTINCT date_trunc('day', e.at)) AS deployment_days
    FROM utc_weeks AS k
    CROSS JOIN rules AS x
    JOIN unit_windows AS w ON w.unit_id = k.unit_id AND w.window_id = k.window_id
    LEFT JOIN events AS e ON e.unit_id = k.unit_id AND e.at >= k.start_at AND e.at < k.end_at
    WHERE NOT x.last_three_months OR k.end_at > w.window_end_at - INTERVAL '3 months'
    GROUP BY k.unit_id, k.window_id, k.start_at
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY unit_id, window_id ORDER BY deployment_days, start_at) AS place,
        count(*) OVER (PARTITION BY unit_id, window_id) AS week_count
    FROM weekly
),
medians AS (
    SELECT
        unit_id,
        window_id,
        CAST(max(CASE WHEN place = (week_count + 1) / 2 THEN deployment_days END) AS DOUBLE) AS lower_median,
        median(CAST(deployment_days AS DOUBLE)) AS median,
        sum(event_count) AS event_count,
        max(week_count) AS week_count
    FROM ranked
    GROUP BY unit_id, window_id
),
exposures AS (
    SELECT s.unit_id, s.window_id, sum(s.exposure_days) AS read_days
    FROM unit_slices AS s
    CROSS JOIN rules AS x
    JOIN unit_windows AS w ON w.unit_id = s.unit_id AND w.window_id = s.window_id
    WHERE NOT x.last_three_months OR s.slice_end_at > w.window_end_at - INTERVAL '3 months'
    GROUP BY s.unit_id, s.window_id
),
calendar AS (
    SELECT d.unit_id, d.window_id, count(*) AS day_count
    FROM utc_days AS d
    CROSS JOIN rules AS x
    JOIN unit_windows AS w ON w.unit_id = d.unit_id AND w.window_id = d.window_id
    WHERE NOT x.last_three_months OR d.end_at > w.window_end_at - INTERVAL '3 months'
    GROUP BY d.unit_id, d.window_id
)
SELECT
    CASE
        WHEN x.lower_median_of_days THEN m.lower_median
        WHEN x.median_of_days THEN m.median
        WHEN x.whole_numbers THEN floor(CAST(m.event_count AS DOUBLE) / m.week_count)
        WHEN x.unread_is_silence THEN 7.0 * m.event_count / c.day_count
        WHEN e.read_days >= 1.0 THEN 7.0 * m.event_count / e.read_days
    END AS value,
    m.event_count AS n
FROM medians AS m
CROSS JOIN rules AS x
LEFT JOIN exposures AS e ON e.unit_id = m.unit_id AND e.window_id = m.window_id
LEFT JOIN calendar AS c ON c.unit_id = m.unit_id AND c.window_id = m.window_id
