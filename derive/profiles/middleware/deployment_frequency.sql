-- title:     Deployment frequency, as Middleware counts it
-- question:  How many successful runs does a week see, in whole numbers?
-- place:     1
-- shown:     never
-- unit:      per week
-- better:    higher
-- statistic: successful runs that started in the window over its weeks, rounded down
-- gives:     per_week
-- reads:     recorded_attempts, utc_weeks, unit_services
-- excluded:  whatever is no success; earlier attempts of a run
-- interval:  none: the tool gives none
-- source:    rules of Middleware, read 2024 to 2026
-- cannot:    deployment | merged pull requests as deployments are a setting of it that is not computed: a deployment is a run
-- cannot:    bands | its cut-offs are a benchmark, and none is applied here
-- cannot:    several clusters | it knows none: the attempts of one number on several targets are taken to be one run
-- version:   1
WITH attempted AS (
    -- A run that is run again replaces itself.
    SELECT
        deployment_id,
        service,
        environment,
        attempt,
        bool_and(is_success) AS is_success,
        min(started_at) AS started_at,
        row_number() OVER (PARTITION BY deployment_id, service, environment ORDER BY attempt DESC) AS place
    FROM recorded_attempts
    WHERE started_at IS NOT NULL AND status <> 'running'
    GROUP BY deployment_id, service, environment, attempt
),
buckets AS (
    SELECT unit_id, window_id, min(start_at) AS start_at, max(end_at) AS end_at, count(*) AS bucket_count
    FROM utc_weeks
    GROUP BY unit_id, window_id
),
counted AS (
    SELECT b.unit_id, b.window_id, b.bucket_count, count(r.deployment_id) AS run_count
    FROM buckets AS b
    LEFT JOIN unit_services AS u ON u.unit_id = b.unit_id
    LEFT JOIN attempted AS r
        ON r.service = u.service AND r.environment = u.environment AND r.place = 1 AND r.is_success
        AND r.started_at >= b.start_at AND r.started_at < b.end_at
    GROUP BY b.unit_id, b.window_id, b.bucket_count
)
SELECT
    unit_id,
    window_id,
    'per_week' AS statistic,
    floor(CAST(run_count AS DOUBLE) / bucket_count) AS value,
    run_count AS n
FROM counted
