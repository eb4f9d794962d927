-- title:    Evidence of change lead time
-- question: Which changes entered, with which times, and which were left out?
-- subject:  change
-- counted:  deployed
-- reads:    asked, unit_changes, rollout_changes, changes, unit_services, unit_windows
-- beside:   left_out
-- version:  1
WITH linked AS (
    SELECT
        c.*,
        w.unit_id,
        w.as_of_at,
        -- A change that reached several services of a group counts once, when it first arrived.
        row_number() OVER same AS place,
        first_value(c.service) OVER same AS first_service
    FROM rollout_changes AS c
    JOIN unit_services AS u ON u.service = c.service AND u.environment = c.environment
    JOIN unit_windows AS w ON w.unit_id = u.unit_id
    WINDOW same AS (
        PARTITION BY c.repository, c.change_id, c.excluded IS NULL
        ORDER BY c.deployed_at NULLS LAST, c.rollout_id, c.service
    )
),
-- With the times from which the metric that is asked about measures.
timed AS (
    SELECT
        q.metric,
        l.repository,
        l.change_id,
        l.service,
        l.excluded,
        l.place,
        l.first_service,
        l.as_of_at,
        l.merged_at,
        n.deployed_at,
        CASE WHEN q.metric = 'change_lead_time_deployed' THEN coalesce(n.deployed_at, l.deployed_at) END AS arrived_at,
        CASE q.metric
            WHEN 'change_lead_time_merge' THEN n.merged_at
            WHEN 'change_lead_time_pr_open' THEN n.pr_open_start_at
            WHEN 'change_lead_time_last_commit' THEN n.last_commit_start_at
            ELSE n.started_at
        END AS begun_at
    FROM linked AS l
    CROSS JOIN asked AS q
    LEFT JOIN unit_changes AS n
        ON l.excluded IS NULL
        AND n.unit_id = l.unit_id AND n.repository = l.repository AND n.change_id = l.change_id
),
judged AS (
    SELECT
        t.*,
        coalesce(t.arrived_at, t.merged_at) AS at,
        CASE
            WHEN t.excluded = 'first_rollout' THEN 'came with the first known rollout: what was there before is unknown'
            WHEN t.excluded = 'history_gap' THEN 'a rollout whose revision or time is unknown may have carried it earlier'
            WHEN t.excluded = 'commits_unknown' THEN 'none of its commits is in the history that was read'
            WHEN t.excluded = 'negative_duration' THEN 'no start of it lies before its deployment'
            WHEN t.excluded IS NOT NULL THEN replace(t.excluded, '_', ' ')
            WHEN t.place > 1 THEN 'counted once, with its arrival in ' || t.first_service
            WHEN t.metric = 'change_lead_time_deployed' AND t.deployed_at IS NULL THEN 'not deployed yet'
            WHEN t.metric = 'change_lead_time_merge' AND t.deployed_at < t.merged_at THEN 'deployed before its merge'
            WHEN t.metric IN ('change_lead_time_pr_open', 'change_lead_time_last_commit') AND t.begun_at IS NULL
                THEN 'no start of it lies before its deployment'
        END AS reason
    FROM timed AS t
),
repositories AS (
    SELECT DISTINCT c.repository
    FROM rollout_changes AS c
    JOIN unit_services AS u ON u.service = c.service AND u.environment = c.environment
    JOIN unit_windows AS w ON w.unit_id = u.unit_id
),
unlinked AS (
    SELECT
        c.repository,
        c.change_id,
        coalesce(CASE WHEN c.merged_at <= w.as_of_at THEN c.merged_at END, c.closed_at, c.opened_at) AS at,
        CASE
            WHEN c.merged_at <= w.as_of_at
                THEN 'not linked to this service: the same patch as a change merged earlier, or none of its code'
            WHEN c.merged_at > w.as_of_at THEN 'merged after the as-of time'
            WHEN c.closed_at <= w.as_of_at THEN 'closed without a merge'
            ELSE 'not merged yet'
        END AS excluded
    FROM changes AS c
    JOIN repositories AS r ON r.repository = c.repository
    CROSS JOIN unit_windows AS w
    WHERE NOT EXISTS (
        SELECT 1 FROM rollout_changes AS own
        JOIN unit_services AS u ON u.service = own.service AND u.environment = own.environment
        JOIN unit_windows AS o ON o.unit_id = u.unit_id
        WHERE own.repository = c.repository AND own.change_id = c.change_id
    )
)
SELECT
    'change' AS subject,
    j.change_id AS subject_id,
    j.repository,
    j.service,
    j.at,
    j.reason AS excluded,
    CASE WHEN j.reason IS NULL THEN j.deployed_at IS NOT NULL END AS is_counted,
    CASE
        WHEN j.reason IS NOT NULL THEN NULL
        -- From the merge, what waits has a length so far.
        WHEN j.metric = 'change_lead_time_merge'
            THEN seconds_between(j.begun_at, coalesce(j.deployed_at, j.as_of_at))
        ELSE seconds_between(j.begun_at, j.deployed_at)
    END AS total_seconds,
    CASE
        WHEN j.reason IS NOT NULL THEN NULL
        WHEN j.metric = 'change_lead_time_deployed' THEN 0.0
        ELSE greatest(seconds_between(j.merged_at, j.deployed_at), 0.0)
    END AS delay_seconds,
    CASE
        WHEN j.reason IS NOT NULL THEN NULL
        WHEN j.metric = 'change_lead_time_deployed' THEN 0.0
        ELSE seconds_between(j.merged_at, j.as_of_at)
    END AS censoring_seconds,
    CASE
        WHEN j.reason IS NOT NULL OR j.deployed_at IS NOT NULL THEN NULL
        WHEN j.metric = 'change_lead_time_merge' THEN 'waits: censored'
        ELSE 'waits: weighted as censored'
    END AS remark
FROM judged AS j
CROSS JOIN unit_windows AS w
WHERE j.at >= w.window_start_at AND j.at < w.window_end_at
UNION ALL
SELECT
    'change',
    c.change_id,
    c.repository,
    NULL,
    c.at,
    c.excluded,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL
FROM unlinked AS c
CROSS JOIN unit_windows AS w
WHERE c.at >= w.window_start_at AND c.at < w.window_end_at
