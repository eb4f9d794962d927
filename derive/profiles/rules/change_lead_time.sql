-- title:     Rules of change lead time
-- statistic: median over changes merged in the window, weighted for those that still wait, in which each rule that differs can be switched by itself
-- unit:      seconds
-- reads:     rules, rollout_changes, record_changes, recorded_attempts, deployed_commits, changes, change_commits, commits, pull_request_events, unit_windows, unit_services
-- rule:      drops_waiting | devlake, fourkeys, gitlab, middleware | changes that are not deployed yet are left out, not weighted
-- rule:      deployed_in_window | devlake, fourkeys, gitlab, middleware | in the window by the deployment, not by the merge
-- rule:      pull_requests_only | devlake, gitlab, middleware | direct pushes are left out
-- rule:      first_rollout_counts | middleware | what the first known deployment carried counts
-- rule:      by_range | devlake | linked to the first deployment record in whose range from the previous one the carrying commit lies
-- rule:      by_time | middleware | linked to the next successful run of the team after the merge, by time and not by ancestry
-- rule:      head_only | fourkeys | linked only to successes of exactly the commit that carries the change
-- rule:      per_commit | fourkeys | every commit by itself, merge commits included, not every change
-- rule:      starts_at_merge | gitlab | starts at the merge, not at the first commit
-- rule:      whole_minutes | devlake | a sum of stages, each rounded up to minutes, negative ones left out
-- rule:      unreviewed_is_nothing | middleware | a sum of stages of which missing ones are 0: without a review nothing between opening and merge
-- rule:      drops_nonpositive | fourkeys | lengths of 0 and less are left out
-- rule:      zero_for_nothing | fourkeys | 0 where there is nothing
-- rule:      lower_median | devlake | the lower of two middle values, not their midpoint
-- rule:      median_of_daily_medians | gitlab | the median of the medians of days
-- rule:      mean | middleware | mean, not median
-- version:   1
WITH repositories AS (
    SELECT DISTINCT u.unit_id, c.repository
    FROM rollout_changes AS c
    JOIN unit_services AS u ON u.service = c.service AND u.environment = c.environment
),
successes AS (
    SELECT service, environment, deployment_id, attempt, target, started_at, finished_at
    FROM recorded_attempts
    WHERE is_success
),
-- By ancestry, as core-1 links them.
by_ancestry AS (
    SELECT
        u.unit_id,
        c.repository,
        c.change_id,
        min(c.started_at) AS started_at,
        min(c.deployed_at) AS deployed_at
    FROM rollout_changes AS c
    JOIN unit_services AS u ON u.service = c.service AND u.environment = c.environment
    CROSS JOIN rules AS x
    WHERE c.excluded IS NULL
       OR (c.excluded = 'first_rollout' AND x.first_rollout_counts)
       OR (c.excluded = 'negative_duration' AND x.starts_at_merge)
    GROUP BY u.unit_id, c.repository, c.change_id
),
ranges AS (
    SELECT u.unit_id, c.repository, c.change_id, min(c.finished_at) AS deployed_at
    FROM record_changes AS c
    JOIN unit_services AS u ON u.service = c.service AND u.environment = c.environment
    GROUP BY u.unit_id, c.repository, c.change_id
),
last_attempts AS (
    SELECT
        service,
        environment,
        deployment_id,
        bool_and(is_success) AS is_success,
        min(started_at) AS started_at,
        row_number() OVER (PARTITION BY deployment_id, service, environment ORDER BY attempt DESC) AS place
    FROM recorded_attempts
    WHERE started_at IS NOT NULL AND status <> 'running'
    GROUP BY service, environment, deployment_id, attempt
),
merged AS (
    SELECT r.unit_id, c.repository, c.change_id, c.merged_at
    FROM changes AS c
    JOIN repositories AS r ON r.repository = c.repository
),
succeeded AS (
    SELECT u.unit_id, s.started_at
    FROM last_attempts AS s
    JOIN unit_services AS u ON u.service = s.service AND u.environment = s.environment
    WHERE s.place = 1 AND s.is_success
),
runs AS (
    SELECT m.unit_id, m.repository, m.change_id, s.started_at AS deployed_at
    FROM (merged AS m ASOF JOIN succeeded AS s MATCH_CONDITION (m.merged_at <= s.started_at) ON s.unit_id = m.unit_id)
    WHERE s.started_at IS NOT NULL
),
heads AS (
    SELECT u.unit_id, c.repository, c.change_id, s.finished_at AS deployed_at
    FROM changes AS c
    JOIN deployed_commits AS d ON d.repository = c.repository AND d.commit_sha = c.merge_commit_sha
    JOIN successes AS s
        ON s.deployment_id = d.deployment_id AND s.attempt = d.attempt AND s.target = d.target
    JOIN unit_services AS u ON u.service = s.service AND u.environment = s.environment
),
known AS (
    SELECT
        r.unit_id,
        c.repository,
        c.change_id,
        c.kind,
        c.first_commit_at,
        c.opened_at,
        c.merged_at,
        c.merge_commit_sha
    FROM changes AS c
    JOIN repositories AS r ON r.repository = c.repository
    CROSS JOIN settings AS s
    WHERE c.merged_at <= s.as_of_at
),
linked AS (
    SELECT k.*, a.started_at, a.deployed_at
    FROM known AS k
    JOIN by_ancestry AS a ON a.unit_id = k.unit_id AND a.repository = k.repository AND a.change_id = k.change_id
    CROSS JOIN rules AS x
    WHERE NOT x.by_range AND NOT x.by_time AND NOT x.head_only
    UNION ALL
    SELECT k.*, coalesce(k.first_commit_at, k.opened_at, k.merged_at), a.deployed_at
    FROM known AS k
    CROSS JOIN rules AS x
    LEFT JOIN ranges AS a ON a.unit_id = k.unit_id AND a.repository = k.repository AND a.change_id = k.change_id
    WHERE x.by_range
    UNION ALL
    SELECT k.*, coalesce(k.first_commit_at, k.opened_at, k.merged_at), a.deployed_at
    FROM known AS k
    CROSS JOIN rules AS x
    LEFT JOIN runs AS a ON a.unit_id = k.unit_id AND a.repository = k.repository AND a.change_id = k.change_id
    WHERE x.by_time
    UNION ALL
    SELECT k.*, coalesce(k.first_commit_at, k.opened_at, k.merged_at), a.deployed_at
    FROM known AS k
    CROSS JOIN rules AS x
    LEFT JOIN heads AS a ON a.unit_id = k.unit_id AND a.repository = k.repository AND a.change_id = k.change_id
    WHERE x.head_only
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
pushed AS (
    SELECT repository, change_id, merge_commit_sha AS commit_sha FROM changes WHERE merge_commit_sha IS NOT NULL
    UNION
    SELECT repository, change_id, commit_sha FROM change_commits
),
written AS (
    SELECT p.repository, p.change_id, c.authored_at
    FROM pushed AS p
    JOIN commits AS c ON c.repository = p.repository AND c.commit_sha = p.commit_sha
),
timed AS (
    SELECT
        l.unit_id,
        l.kind,
        l.merged_at,
        l.deployed_at,
        CASE WHEN x.per_commit THEN w.authored_at WHEN x.starts_at_merge THEN l.merged_at ELSE l.started_at END
            AS started_at,
        CASE
            WHEN l.deployed_at IS NULL THEN NULL
            WHEN x.whole_minutes
                THEN 60.0 * (
                    coalesce(ceil(greatest(seconds_between(l.first_commit_at, l.opened_at), 0.0) / 60.0), 0.0)
                    + coalesce(
                        ceil(
                            greatest(seconds_between(l.opened_at, coalesce(v.reviewed_at, l.merged_at)), 0.0) / 60.0
                        ),
                        0.0
                    )
                    + coalesce(ceil(greatest(seconds_between(v.reviewed_at, l.merged_at), 0.0) / 60.0), 0.0)
                    + coalesce(ceil(greatest(seconds_between(l.merged_at, l.deployed_at), 0.0) / 60.0), 0.0)
                )
            WHEN x.unreviewed_is_nothing
                THEN greatest(coalesce(seconds_between(l.first_commit_at, l.opened_at), 0.0), 0.0)
                + greatest(coalesce(seconds_between(l.opened_at, v.reviewed_at), 0.0), 0.0)
                + greatest(coalesce(seconds_between(v.reviewed_at, v.approved_at), 0.0), 0.0)
                + greatest(coalesce(seconds_between(v.approved_at, l.merged_at), 0.0), 0.0)
                + greatest(coalesce(seconds_between(l.merged_at, l.deployed_at), 0.0), 0.0)
        END AS staged_seconds
    FROM linked AS l
    CROSS JOIN rules AS x
    LEFT JOIN reviews AS v ON v.repository = l.repository AND v.change_id = l.change_id
    LEFT JOIN written AS w ON x.per_commit AND w.repository = l.repository AND w.change_id = l.change_id
    WHERE NOT x.per_commit OR w.authored_at IS NOT NULL
),
observed AS (
    SELECT
        w.unit_id,
        w.window_id,
        date_trunc('day', t.deployed_at) AS deployed_on,
        CASE
            WHEN x.starts_at_merge THEN greatest(seconds_between(t.started_at, t.deployed_at), 0.0)
            ELSE coalesce(t.staged_seconds, seconds_between(t.started_at, t.deployed_at))
        END AS total_seconds,
        greatest(seconds_between(t.merged_at, t.deployed_at), 0.0) AS delay_seconds,
        seconds_between(t.merged_at, w.as_of_at) AS censoring_seconds
    FROM timed AS t
    CROSS JOIN rules AS x
    JOIN unit_windows AS w
        ON w.unit_id = t.unit_id
        AND CASE WHEN x.deployed_in_window THEN t.deployed_at ELSE t.merged_at END >= w.window_start_at
        AND CASE WHEN x.deployed_in_window THEN t.deployed_at ELSE t.merged_at END < w.window_end_at
    WHERE (t.kind = 'pull_request' OR NOT x.pull_requests_only)
      AND (t.deployed_at IS NOT NULL OR NOT x.drops_waiting)
),
kept AS (
    SELECT o.*
    FROM observed AS o
    CROSS JOIN rules AS x
    WHERE o.total_seconds IS NULL OR o.total_seconds > 0.0 OR (o.total_seconds = 0.0 AND NOT x.drops_nonpositive)
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY unit_id, window_id ORDER BY total_seconds NULLS LAST) AS place,
        count(total_seconds) OVER (PARTITION BY unit_id, window_id) AS deployed_count
    FROM kept
),
daily AS (
    SELECT unit_id, window_id, deployed_on, median(total_seconds) AS seconds
    FROM kept
    WHERE total_seconds IS NOT NULL
    GROUP BY unit_id, window_id, deployed_on
),
daily_medians AS (
    SELECT unit_id, window_id, median(seconds) AS seconds FROM daily GROUP BY unit_id, window_id
),
whole AS (
    SELECT
        r.unit_id,
        r.window_id,
        CASE
            WHEN bool_or(x.mean)
                THEN CAST(sum(CAST(round(1e6 * r.total_seconds) AS BIGINT)) AS DOUBLE) / 1e6 / count(r.total_seconds)
            WHEN bool_or(x.lower_median)
                THEN max(CASE WHEN r.place = (r.deployed_count + 1) / 2 THEN r.total_seconds END)
            -- Without those that wait there is nothing to weigh.
            WHEN bool_or(x.drops_waiting) THEN median(r.total_seconds)
            ELSE get_field(
                censored_quantiles(
                    r.total_seconds, least(r.delay_seconds, r.total_seconds), r.censoring_seconds, '', 0.5
                )[1],
                'value'
            )
        END AS value,
        count(*) AS n
    FROM ranked AS r
    CROSS JOIN rules AS x
    GROUP BY r.unit_id, r.window_id
)
SELECT
    CASE
        WHEN x.median_of_daily_medians THEN d.seconds
        WHEN x.zero_for_nothing AND o.n IS NULL THEN 0.0
        ELSE o.value
    END AS value,
    coalesce(o.n, 0) AS n
FROM unit_windows AS w
CROSS JOIN rules AS x
LEFT JOIN whole AS o ON o.unit_id = w.unit_id AND o.window_id = w.window_id
LEFT JOIN daily_medians AS d ON d.unit_id = w.unit_id AND d.window_id = w.window_id
