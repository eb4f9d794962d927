-- title:     Deployment frequency, as Four Keys counts it
-- question:  On how many days of a typical week was there a success event?
-- place:     1
-- shown:     never
-- unit:      per week
-- better:    higher
-- statistic: median over the weeks of the last three months of the window of the days with a success event
-- gives:     per_week
-- reads:     recorded_attempts, utc_weeks, unit_windows, unit_services
-- excluded:  whatever is no success
-- interval:  none: the tool gives none
-- source:    rules of Four Keys, read 2024 to 2026
-- cannot:    bands | the word that it shows in place of the median is a benchmark, and none is applied here
-- version:   1
WITH successes AS (
    -- Every success event counts: of each attempt and each target.
    SELECT u.unit_id, a.deployment_id, a.finished_at
    FROM recorded_attempts AS a
    JOIN unit_services AS u ON u.service = a.service AND u.environment = a.environment
    WHERE a.is_success
),
counted AS (
    SELECT
        k.unit_id,
        k.window_id,
        k.start_at,
        count(DISTINCT date_trunc('day', s.finished_at)) AS deployment_days,
        count(s.deployment_id) AS success_count
    FROM utc_weeks AS k
    JOIN unit_windows AS w
        ON w.unit_id = k.unit_id AND w.window_id = k.window_id
        AND k.end_at > w.window_end_at - INTERVAL '3 months'
    LEFT JOIN successes AS s
        ON s.unit_id = k.unit_id AND s.finished_at >= k.start_at AND s.finished_at < k.end_at
    GROUP BY k.unit_id, k.window_id, k.start_at
)
SELECT
    unit_id,
    window_id,
    'per_week' AS statistic,
    median(CAST(deployment_days AS DOUBLE)) AS value,
    sum(success_count) AS n
FROM counted
GROUP BY unit_id, window_id
