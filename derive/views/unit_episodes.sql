-- title:     Failures of every unit
-- question:  From when until when was service impaired by each failure of a service or group?
-- reads:     unit_failures, recovery_episodes, rollouts, rollout_failures
-- version:   2
--
-- One incident that failed rollouts of two services is one failure in a group of both: from its first start to its last
-- end, and over when every service is restored. An episode that ended before it began is left
-- out, and so is one of a rollout whose failure was nobody's to record: change fail rate does not know it either.
WITH impacts AS (
    SELECT rollout_id, min(impact_at) AS impact_at
    FROM rollout_failures
    WHERE is_accepted
    GROUP BY rollout_id
)
SELECT
    f.unit_id,
    f.failure_id,
    min(e.started_at) AS started_at,
    min(r.finished_at) AS finished_at,
    min(i.impact_at) AS impact_at,
    max(e.observed_until_at) AS observed_until_at,
    bool_and(e.is_restored) AS is_restored
FROM unit_failures AS f
JOIN recovery_episodes AS e ON e.rollout_id = f.rollout_id
JOIN rollouts AS r ON r.rollout_id = f.rollout_id
LEFT JOIN impacts AS i ON i.rollout_id = f.rollout_id
WHERE e.observed_until_at >= e.started_at AND r.failures_observed
GROUP BY f.unit_id, f.failure_id
