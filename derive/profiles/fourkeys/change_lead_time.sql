-- title:     Change lead time, as Four Keys counts it
-- question:  How long does a commit take to a success event of a deployment of its push?
-- place:     2
-- shown:     never
-- unit:      seconds
-- better:    lower
-- statistic: median over the commits of the pushes whose head was deployed in the window; 0 where there is none
-- gives:     p50
-- reads:     recorded_attempts, deployed_commits, changes, change_commits, commits, unit_services, unit_windows
-- excluded:  commits of pushes whose head was not deployed itself; durations that are not positive
-- interval:  none: the tool gives none
-- source:    rules of Four Keys, read 2024 to 2026
-- cannot:    deploy -> change | nobody records pushes: a push is taken to be the change that the deployed commit carries
-- version:   1
WITH pushed AS (
    SELECT repository, change_id, merge_commit_sha AS head_sha, merge_commit_sha AS commit_sha
    FROM changes
    WHERE merge_commit_sha IS NOT NULL
    UNION
    SELECT c.repository, c.change_id, c.merge_commit_sha, p.commit_sha
    FROM changes AS c
    JOIN change_commits AS p ON p.repository = c.repository AND p.change_id = c.change_id
    WHERE c.merge_commit_sha IS NOT NULL
),
lengths AS (
    SELECT u.unit_id, a.finished_at, seconds_between(m.authored_at, a.finished_at) AS seconds
    FROM recorded_attempts AS a
    JOIN unit_services AS u ON u.service = a.service AND u.environment = a.environment
    JOIN deployed_commits AS d
        ON d.deployment_id = a.deployment_id AND d.attempt = a.attempt AND d.target = a.target
    JOIN pushed AS p ON p.repository = d.repository AND p.head_sha = d.commit_sha
    JOIN commits AS m ON m.repository = p.repository AND m.commit_sha = p.commit_sha
    WHERE a.is_success
)
SELECT
    w.unit_id,
    w.window_id,
    'p50' AS statistic,
    coalesce(median(l.seconds), 0.0) AS value,
    count(l.seconds) AS n
FROM unit_windows AS w
LEFT JOIN lengths AS l
    ON l.unit_id = w.unit_id AND l.seconds > 0.0
    AND l.finished_at >= w.window_start_at AND l.finished_at < w.window_end_at
GROUP BY w.unit_id, w.window_id
