-- title:    Evidence of change lead time of commits
-- question: Which commits entered, with which times, and which were left out?
-- subject:  commit
-- counted:  deployed
-- reads:    unit_commits, unit_changes, rollout_changes, change_commits, commits, rollouts, unit_services, unit_windows
-- beside:   left_out
-- version:  1
WITH unlinked AS (
    -- Commits of changes that were left out, unless another change brought them.
    SELECT
        m.repository,
        m.commit_sha,
        min(c.service) AS service,
        min(c.merged_at) AS at,
        min(c.excluded) AS excluded
    FROM rollout_changes AS c
    JOIN unit_services AS u ON u.service = c.service AND u.environment = c.environment
    JOIN unit_windows AS w ON w.unit_id = u.unit_id
    JOIN change_commits AS m ON m.repository = c.repository AND m.change_id = c.change_id
    WHERE c.excluded IS NOT NULL
      AND NOT EXISTS (
          SELECT 1 FROM unit_commits AS k
          JOIN unit_windows AS o ON o.unit_id = k.unit_id
          WHERE k.repository = m.repository AND k.commit_sha = m.commit_sha
      )
    GROUP BY m.repository, m.commit_sha
),
merges AS (
    SELECT m.repository, m.commit_sha, min(c.merged_at) AS at
    FROM unit_changes AS c
    JOIN unit_windows AS w ON w.unit_id = c.unit_id
    JOIN change_commits AS m ON m.repository = c.repository AND m.change_id = c.change_id
    JOIN commits AS k ON k.repository = m.repository AND k.commit_sha = m.commit_sha
    WHERE k.is_merge
    GROUP BY m.repository, m.commit_sha
)
SELECT
    'commit' AS subject,
    c.commit_sha AS subject_id,
    c.repository,
    r.service,
    c.merged_at AS at,
    CASE WHEN c.started_at IS NULL THEN 'no start of it lies before its deployment' END AS excluded,
    CASE WHEN c.started_at IS NOT NULL THEN c.deployed_at IS NOT NULL END AS is_counted,
    CASE WHEN c.started_at IS NOT NULL THEN seconds_between(c.started_at, c.deployed_at) END AS total_seconds,
    CASE WHEN c.started_at IS NOT NULL THEN greatest(seconds_between(c.merged_at, c.deployed_at), 0.0) END
        AS delay_seconds,
    CASE WHEN c.started_at IS NOT NULL THEN seconds_between(c.merged_at, w.as_of_at) END AS censoring_seconds,
    CASE WHEN c.started_at IS NOT NULL AND c.deployed_at IS NULL THEN 'waits: weighted as censored' END AS remark
FROM unit_commits AS c
JOIN unit_windows AS w
    ON w.unit_id = c.unit_id AND c.merged_at >= w.window_start_at AND c.merged_at < w.window_end_at
LEFT JOIN rollouts AS r ON r.rollout_id = c.rollout_id
UNION ALL
SELECT
    'commit',
    x.commit_sha,
    x.repository,
    x.service,
    x.at,
    x.excluded,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL
FROM (
    SELECT u.repository, u.commit_sha, u.service, u.at, 'its change: ' || replace(u.excluded, '_', ' ') AS excluded
    FROM unlinked AS u
    UNION ALL
    SELECT m.repository, m.commit_sha, NULL, m.at, 'merge commit' FROM merges AS m
) AS x
CROSS JOIN unit_windows AS w
WHERE x.at >= w.window_start_at AND x.at < w.window_end_at
