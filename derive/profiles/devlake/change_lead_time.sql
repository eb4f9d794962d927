-- title:     Change lead time, as DevLake counts it
-- question:  How long does a pull request take from its first commit to a finished deployment?
-- place:     2
-- shown:     never
-- unit:      seconds
-- better:    lower
-- statistic: lower median over pull requests whose deployment finished in the window; the mean is that of its details page, over the table of pull requests merged in the window
-- gives:     p50, mean
-- reads:     record_changes, changes, pull_request_events, unit_services, unit_windows
-- excluded:  direct pushes; what the first deployment carried
-- interval:  none: the tool gives none
-- source:    rules of Apache DevLake, read 2024 to 2026
-- cannot:    squash / cherry-pick / revert | that a squash breaks once the merge commit changes is not seen here: the lake keeps the carrying commit
-- version:   1
WITH first_reviews AS (
    SELECT repository, change_id, min(occurred_at) AS reviewed_at
    FROM pull_request_events
    WHERE kind IN ('approved', 'changes_requested', 'commented')
    GROUP BY repository, change_id
),
carried AS (
    SELECT u.unit_id, c.repository, c.change_id, min(c.finished_at) AS finished_at
    FROM record_changes AS c
    JOIN unit_services AS u ON u.service = c.service AND u.environment = c.environment
    GROUP BY u.unit_id, c.repository, c.change_id
),
repositories AS (
    SELECT DISTINCT u.unit_id, c.repository
    FROM rollout_changes AS c
    JOIN unit_services AS u ON u.service = c.service AND u.environment = c.environment
),
stages AS (
    -- Each stage in whole minutes, rounded up; a negative one is empty.
    SELECT
        r.unit_id,
        c.repository,
        c.change_id,
        c.merged_at,
        d.finished_at,
        ceil(nullif(greatest(seconds_between(c.first_commit_at, c.opened_at), -1.0), -1.0) / 60.0) AS coding,
        ceil(nullif(greatest(seconds_between(c.opened_at, coalesce(v.reviewed_at, c.merged_at)), -1.0), -1.0) / 60.0)
            AS pickup,
        ceil(nullif(greatest(seconds_between(v.reviewed_at, c.merged_at), -1.0), -1.0) / 60.0) AS review,
        ceil(nullif(greatest(seconds_between(c.merged_at, d.finished_at), -1.0), -1.0) / 60.0) AS deploy
    FROM changes AS c
    JOIN repositories AS r ON r.repository = c.repository
    LEFT JOIN first_reviews AS v ON v.repository = c.repository AND v.change_id = c.change_id
    LEFT JOIN carried AS d ON d.unit_id = r.unit_id AND d.repository = c.repository AND d.change_id = c.change_id
    WHERE c.kind = 'pull_request' AND c.merged_at <= (SELECT as_of_at FROM settings)
),
cycles AS (
    SELECT
        *,
        60.0 * (coalesce(coding, 0.0) + coalesce(pickup, 0.0) + coalesce(review, 0.0) + coalesce(deploy, 0.0))
            AS cycle_seconds
    FROM stages
),
ranked AS (
    SELECT
        c.unit_id,
        w.window_id,
        c.cycle_seconds,
        row_number() OVER (PARTITION BY c.unit_id, w.window_id ORDER BY c.cycle_seconds) AS place,
        count(*) OVER (PARTITION BY c.unit_id, w.window_id) AS pull_request_count
    FROM cycles AS c
    JOIN unit_windows AS w
        ON w.unit_id = c.unit_id AND c.finished_at >= w.window_start_at AND c.finished_at < w.window_end_at
)
SELECT
    unit_id,
    window_id,
    'p50' AS statistic,
    max(CASE WHEN place = (pull_request_count + 1) / 2 THEN cycle_seconds END) AS value,
    count(*) AS n
FROM ranked
GROUP BY unit_id, window_id
UNION ALL
SELECT
    c.unit_id,
    w.window_id,
    'mean',
    CAST(sum(CAST(c.cycle_seconds AS BIGINT)) AS DOUBLE) / count(*),
    count(*)
FROM cycles AS c
JOIN unit_windows AS w
    ON w.unit_id = c.unit_id AND c.merged_at >= w.window_start_at AND c.merged_at < w.window_end_at
GROUP BY c.unit_id, w.window_id
