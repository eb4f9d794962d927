-- title:     Rollouts of every unit
-- question:  Which rollouts belong to a service, to a group, or to a stratum of one?
-- reads:     rollouts, unit_services, rollout_strata
-- version:   2
SELECT
    u.unit_id,
    r.rollout_id,
    r.service,
    r.kind,
    r.finished_at,
    r.finished_day,
    r.previous_finished_at,
    r.is_reapply,
    r.in_frequency,
    r.in_change_fail_rate,
    r.is_in_read_range,
    r.failures_observed,
    r.remedies_observed
FROM rollouts AS r
JOIN unit_services AS u ON u.service = r.service AND u.environment = r.environment
LEFT JOIN rollout_strata AS s
    ON s.rollout_id = r.rollout_id AND s.dimension = u.dimension AND s.stratum = u.stratum
WHERE r.finished_at IS NOT NULL AND (u.dimension IS NULL OR s.stratum IS NOT NULL)
