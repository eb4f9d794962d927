-- title:     Change lead time, as Middleware counts it
-- question:  How long do the stages of a pull request take from first commit to the next run?
-- place:     2
-- shown:     never
-- unit:      seconds
-- better:    lower
-- statistic: sum of the means of five stages over pull requests that were deployed in the window; a missing or negative stage is 0
-- gives:     mean
-- reads:     recorded_attempts, changes, pull_request_events, rollout_changes, unit_services, unit_windows
-- excluded:  direct pushes; pull requests after which no run succeeded
-- interval:  none: the tool gives none
-- source:    rules of Middleware, read 2024 to 2026
-- cannot:    PR without deploy | merged pull requests as deployments, with a last stage of 0, are a setting of it that is not computed
-- cannot:    lead time | where no reviews are on record, the stages between opening and merge are missing and count as 0
-- version:   1
WITH attempted AS (
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
repositories AS (
    SELECT DISTINCT u.unit_id, c.repository
    FROM rollout_changes AS c
    JOIN unit_services AS u ON u.service = c.service AND u.environment = c.environment
),
reviews AS (
    SELECT
        repository,
        change_id,
        min(occurred_at) AS reviewed_at,
        min(CASE WHEN kind = 'approved' THEN occurred_at END) AS approved_at
    FROM pull_request_events
    WHERE kind IN ('approved', 'changes_requested', 'commented')
    GROUP BY repository, change_id
),
runs AS (
    SELECT u.unit_id, r.started_at
    FROM attempted AS r
    JOIN unit_services AS u ON u.service = r.service AND u.environment = r.environment
    WHERE r.place = 1 AND r.is_success
),
merged AS (
    SELECT p.unit_id, c.repository, c.change_id, c.merged_at
    FROM changes AS c
    JOIN repositories AS p ON p.repository = c.repository
    WHERE c.kind = 'pull_request'
),
deployed AS (
    -- By branch and time, not by ancestry: the next successful run of the team after the merge.
    SELECT m.unit_id, m.repository, m.change_id, r.started_at AS deployed_at
    FROM (merged AS m ASOF JOIN runs AS r MATCH_CONDITION (m.merged_at <= r.started_at) ON r.unit_id = m.unit_id)
    WHERE r.started_at IS NOT NULL
),
stages AS (
    SELECT
        d.unit_id,
        w.window_id,
        greatest(coalesce(seconds_between(c.first_commit_at, c.opened_at), 0.0), 0.0) AS first_commit_to_open,
        greatest(coalesce(seconds_between(c.opened_at, v.reviewed_at), 0.0), 0.0) AS first_response,
        greatest(coalesce(seconds_between(v.reviewed_at, v.approved_at), 0.0), 0.0) AS rework,
        greatest(coalesce(seconds_between(v.approved_at, c.merged_at), 0.0), 0.0) AS approval_to_merge,
        greatest(coalesce(seconds_between(c.merged_at, d.deployed_at), 0.0), 0.0) AS merge_to_deploy
    FROM deployed AS d
    JOIN changes AS c ON c.repository = d.repository AND c.change_id = d.change_id
    LEFT JOIN reviews AS v ON v.repository = d.repository AND v.change_id = d.change_id
    JOIN unit_windows AS w
        ON w.unit_id = d.unit_id AND d.deployed_at >= w.window_start_at AND d.deployed_at < w.window_end_at
)
SELECT
    unit_id,
    window_id,
    'mean' AS statistic,
    -- Sums of whole microseconds do not depend on the order of the rows.
    CAST(
        sum(CAST(round(1e6 * first_commit_to_open) AS BIGINT)) + sum(CAST(round(1e6 * first_response) AS BIGINT))
        + sum(CAST(round(1e6 * rework) AS BIGINT)) + sum(CAST(round(1e6 * approval_to_merge) AS BIGINT))
        + sum(CAST(round(1e6 * merge_to_deploy) AS BIGINT)) AS DOUBLE
    ) / 1e6 / count(*) AS value,
    count(*) AS n
FROM stages
GROUP BY unit_id, window_id
