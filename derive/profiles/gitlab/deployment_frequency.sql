-- title:     Deployment frequency, as GitLab counts it
-- question:  How many deployments does a day see?
-- place:     1
-- shown:     never
-- unit:      per day
-- better:    higher
-- statistic: mean over the calendar days of the window of the deployments that succeeded, days without any included
-- gives:     per_day
-- reads:     recorded_attempts, utc_days, unit_services
-- excluded:  whatever is no success
-- interval:  none: the tool gives none
-- source:    documentation of GitLab, read 2024 to 2026
-- cannot:    time zone, calendar | the zone of its days is not stated, and taken to be UTC
-- cannot:    several clusters | not stated, and taken to be one deployment by its id
-- cannot:    bands | its panel with high, medium and low is a benchmark, and none is applied here
-- version:   1
WITH records AS (
    SELECT u.unit_id, a.deployment_id, max(a.finished_at) AS finished_at
    FROM recorded_attempts AS a
    JOIN unit_services AS u ON u.service = a.service AND u.environment = a.environment
    WHERE a.is_success
    GROUP BY u.unit_id, a.deployment_id
),
days AS (
    SELECT d.unit_id, d.window_id, d.start_at, count(r.deployment_id) AS record_count
    FROM utc_days AS d
    LEFT JOIN records AS r
        ON r.unit_id = d.unit_id AND r.finished_at >= d.start_at AND r.finished_at < d.end_at
    GROUP BY d.unit_id, d.window_id, d.start_at
)
SELECT
    unit_id,
    window_id,
    'per_day' AS statistic,
    CAST(sum(record_count) AS DOUBLE) / count(*) AS value,
    sum(record_count) AS n
FROM days
GROUP BY unit_id, window_id
