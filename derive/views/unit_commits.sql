-- title:     Commits of every unit
-- question:  When was each commit of a change written, and when did it arrive with that change?
-- reads:     unit_changes, change_commits, commits
-- version:   1
--
-- Merge commits are no work of their own. Of a change whose commits are not known the change itself stands for one. A
-- commit whose own time lies after the merge or the rollout begins when its change does.
SELECT
    c.unit_id,
    c.repository,
    coalesce(m.commit_sha, c.change_id) AS commit_sha,
    first_value(c.rollout_id ORDER BY c.deployed_at NULLS LAST, c.rollout_id) AS rollout_id,
    min(CASE WHEN k.authored_at <= least(c.merged_at, c.deployed_at) THEN k.authored_at ELSE c.started_at END)
        AS started_at,
    min(c.merged_at) AS merged_at,
    min(c.deployed_at) AS deployed_at
FROM unit_changes AS c
LEFT JOIN change_commits AS m ON m.repository = c.repository AND m.change_id = c.change_id
LEFT JOIN commits AS k ON k.repository = m.repository AND k.commit_sha = m.commit_sha
WHERE k.is_merge IS NOT TRUE
GROUP BY c.unit_id, c.repository, coalesce(m.commit_sha, c.change_id)
