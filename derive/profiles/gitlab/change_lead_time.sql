-- title:     Change lead time, as GitLab counts it
-- question:  How long does a merge request take from its merge to its deployment?
-- place:     2
-- shown:     never
-- unit:      seconds
-- better:    lower
-- statistic: median of the daily medians over merge requests that were deployed in the window
-- gives:     p50
-- reads:     rollout_changes, changes, unit_services, unit_windows
-- excluded:  direct pushes; merge requests that were not deployed
-- interval:  none: the tool gives none
-- source:    documentation of GitLab, read 2024 to 2026
-- cannot:    deploy -> change | which merge requests it links to a deployment is not recorded: the first arrival by ancestry stands in for it
-- cannot:    several repos per deploy | a deployment of it is of one repository; here every repository that a rollout carried counts
-- cannot:    first-ever deploy | not stated: what the first known rollout carried is left out
-- cannot:    time zone, calendar | the zone of its days is not stated, and taken to be UTC
-- version:   1
WITH lengths AS (
    SELECT
        u.unit_id,
        c.deployed_at,
        date_trunc('day', c.deployed_at) AS deployed_on,
        greatest(seconds_between(c.merged_at, c.deployed_at), 0.0) AS seconds
    FROM rollout_changes AS c
    JOIN unit_services AS u ON u.service = c.service AND u.environment = c.environment
    JOIN changes AS m ON m.repository = c.repository AND m.change_id = c.change_id
    WHERE m.kind = 'pull_request'
      AND c.deployed_at IS NOT NULL
      AND (c.excluded IS NULL OR c.excluded = 'negative_duration')
),
daily AS (
    SELECT w.unit_id, w.window_id, l.deployed_on, median(l.seconds) AS seconds, count(*) AS merge_request_count
    FROM lengths AS l
    JOIN unit_windows AS w
        ON w.unit_id = l.unit_id AND l.deployed_at >= w.window_start_at AND l.deployed_at < w.window_end_at
    GROUP BY w.unit_id, w.window_id, l.deployed_on
)
SELECT unit_id, window_id, 'p50' AS statistic, median(seconds) AS value, sum(merge_request_count) AS n
FROM daily
GROUP BY unit_id, window_id
