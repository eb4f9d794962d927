-- title:     Recovery episodes
-- question:  How long was service impaired by each failed rollout?
-- reads:     rollouts, rollout_failures, settings
-- source:    DORA guide, software delivery performance metrics, 2026
-- version:   1
--
-- From the earlier of the rollout's finish and the first impact to the end of the last interval linked to it.
SELECT
    f.rollout_id,
    r.service,
    r.environment,
    least(r.finished_at, min(f.impact_at)) AS started_at,
    CASE WHEN bool_and(f.restored_at IS NOT NULL) THEN max(f.restored_at) END AS restored_at,
    CASE WHEN bool_and(f.restored_at IS NOT NULL) THEN max(f.restored_at) ELSE (SELECT as_of_at FROM settings) END
        AS observed_until_at,
    bool_and(f.restored_at IS NOT NULL) AS is_restored,
    count(*) AS evidence_count
FROM rollout_failures AS f
JOIN rollouts AS r ON r.rollout_id = f.rollout_id
WHERE f.is_accepted
GROUP BY f.rollout_id, r.service, r.environment, r.finished_at
