-- title:     Changes of every unit
-- question:  When did a change begin, when was it merged, and when did it first arrive in a service, a group, or a stratum of one?
-- reads:     rollout_changes, unit_services, change_strata
-- version:   1
--
-- A start that lies after the merge or the rollout is a wrong clock: the next one in order takes its place, which for
-- the last commit is the opening of the pull request, and for that the merge. Where none fits there is none.
WITH bounded AS (
    SELECT *, least(merged_at, deployed_at) AS begun_by_at
    FROM rollout_changes
    WHERE excluded IS NULL
),
begun AS (
    SELECT
        *,
        CASE
            WHEN opened_at <= begun_by_at THEN opened_at
            WHEN merged_at <= begun_by_at THEN merged_at
        END AS pr_open_start_at
    FROM bounded
)
-- A change that reached several services of a group counts once, when it first arrived.
SELECT
    u.unit_id,
    c.repository,
    c.change_id,
    first_value(c.rollout_id ORDER BY c.deployed_at NULLS LAST, c.rollout_id) AS rollout_id,
    min(c.started_at) AS started_at,
    min(CASE WHEN c.last_commit_at <= c.begun_by_at THEN c.last_commit_at ELSE c.pr_open_start_at END)
        AS last_commit_start_at,
    min(c.pr_open_start_at) AS pr_open_start_at,
    min(c.merged_at) AS merged_at,
    min(c.deployed_at) AS deployed_at
FROM begun AS c
JOIN unit_services AS u ON u.service = c.service AND u.environment = c.environment
LEFT JOIN change_strata AS s
    ON s.repository = c.repository AND s.change_id = c.change_id
    AND s.dimension = u.dimension AND s.stratum = u.stratum
WHERE u.dimension IS NULL OR s.stratum IS NOT NULL
GROUP BY u.unit_id, c.repository, c.change_id
