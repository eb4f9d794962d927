-- title:     Deployment frequency, as DevLake counts it
-- question:  On how many days of a typical week did something succeed?
-- place:     1
-- shown:     never
-- unit:      per week
-- better:    higher
-- statistic: median over the weeks of the window of the days with a successful deployment, the lower of two middle ones
-- gives:     per_week, per_month
-- reads:     recorded_attempts, utc_weeks, utc_months, unit_services
-- excluded:  whatever is no success
-- interval:  none: the tool gives none
-- source:    rules of Apache DevLake, read 2024 to 2026
-- cannot:    bands | its cut-offs for elite and so on are a benchmark, and none is applied here
-- cannot:    time zone, calendar | the zone of its database is taken to be UTC; its calendar of at most 400 days is no limit here
-- version:   1
WITH records AS (
    SELECT u.unit_id, a.deployment_id, max(a.finished_at) AS finished_at
    FROM recorded_attempts AS a
    JOIN unit_services AS u ON u.service = a.service AND u.environment = a.environment
    WHERE a.is_success
    GROUP BY u.unit_id, a.deployment_id
),
buckets AS (
    SELECT unit_id, window_id, 'per_week' AS statistic, start_at, end_at FROM utc_weeks
    UNION ALL
    SELECT unit_id, window_id, 'per_month', start_at, end_at FROM utc_months
),
counted AS (
    SELECT
        b.unit_id,
        b.window_id,
        b.statistic,
        b.start_at,
        count(DISTINCT date_trunc('day', r.finished_at)) AS deployment_days,
        count(r.deployment_id) AS record_count
    FROM buckets AS b
    LEFT JOIN records AS r
        ON r.unit_id = b.unit_id AND r.finished_at >= b.start_at AND r.finished_at < b.end_at
    GROUP BY b.unit_id, b.window_id, b.statistic, b.start_at
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY unit_id, window_id, statistic ORDER BY deployment_days, start_at) AS place,
        count(*) OVER (PARTITION BY unit_id, window_id, statistic) AS bucket_count
    FROM counted
)
SELECT
    unit_id,
    window_id,
    statistic,
    CAST(max(CASE WHEN place = (bucket_count + 1) / 2 THEN deployment_days END) AS DOUBLE) AS value,
    sum(record_count) AS n
FROM ranked
GROUP BY unit_id, window_id, statistic
