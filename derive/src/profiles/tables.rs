//! The tables that other tools' rules need besides ours: single attempts, what each deployment record carried by the
//! range from the one before, and weeks and days of UTC.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::ArrayRef;
use chrono_tz::Tz;
use lake::tables::{changes, commits, deployments, rollouts};
use lake::{Cell, Instant, Snapshot};

use crate::environments::Spellings;
use crate::explain::{Workbench, cells, table};
use crate::graph::Graph;
use crate::units::UnitWindow;
use crate::windows::{Window, cut, local_day, midnight};
use crate::{Calendar, DeriveError, Plan, stages};

/// One attempt as it was known at the as-of time.
struct Attempt<'a> {
    row: &'a deployments::Row,
    environment: Option<String>,
    status: &'a str,
    finished_at: Option<Instant>,
    /// The rollout it is part of.
    rollout_id: Option<&'a str>,
}

impl Attempt<'_> {
    /// A success with a time at which it finished.
    fn is_success(&self) -> bool {
        self.status == "success" && self.finished_at.is_some()
    }
}

impl Workbench {
    /// `recorded_attempts`, `deployed_commits`, `record_changes`, `utc_days`, `utc_weeks` and `utc_months`.
    pub(super) async fn register_profile_tables(
        &self,
        snapshot: &Snapshot,
        plan: &Plan,
        unit: &UnitWindow,
    ) -> Result<(), DeriveError> {
        let commits: Vec<commits::Row> = snapshot.rows().await?;
        let changes: Vec<changes::Row> = snapshot.rows().await?;
        let attempts = attempts(&self.deployments, &self.derived.rollouts, self.derived.as_of);
        stages::register(&self.context, "recorded_attempts", table(attempt_columns(&attempts, plan)))?;
        let parts: Vec<(&Attempt<'_>, &str, &str)> = attempts
            .iter()
            .flat_map(|attempt| {
                let parts = attempt.row.revisions.iter().filter_map(|part| part.rsplit_once('@'));
                parts.map(move |(repository, commit)| (attempt, repository, commit))
            })
            .collect();
        let deployed_commits = table(vec![
            ("deployment_id", cells(parts.iter().map(|(attempt, ..)| attempt.row.deployment_id.clone()))),
            ("attempt", cells(parts.iter().map(|(attempt, ..)| attempt.row.attempt))),
            ("target", cells(parts.iter().map(|(attempt, ..)| attempt.row.target.clone()))),
            ("repository", cells(parts.iter().map(|(_, repository, _)| (*repository).to_owned()))),
            ("commit_sha", cells(parts.iter().map(|(.., commit)| (*commit).to_owned()))),
        ]);
        stages::register(&self.context, "deployed_commits", deployed_commits)?;
        let carried = record_changes(&attempts, &commits, &changes, self.derived.as_of);
        stages::register(&self.context, "record_changes", table(carried_columns(&carried)))?;
        for (name, calendar) in
            [("utc_days", None), ("utc_weeks", Some(Calendar::Week)), ("utc_months", Some(Calendar::Month))]
        {
            let windows = match calendar {
                Some(calendar) => cut(unit.window, calendar, Tz::UTC),
                None => days(unit.window),
            };
            let rows = table(vec![
                ("unit_id", cells(windows.iter().map(|_| unit.unit_id))),
                ("window_id", cells(windows.iter().map(|_| unit.window_id))),
                ("start_at", cells(windows.iter().map(|window| window.start))),
                ("end_at", cells(windows.iter().map(|window| window.end))),
            ]);
            stages::register(&self.context, name, rows)?;
        }
        Ok(())
    }
}

/// The days of UTC that a window touches, each cut to it.
fn days(window: Window) -> Vec<Window> {
    let mut days = Vec::new();
    let mut day = local_day(window.start, Tz::UTC);
    while let Some(next) = day.succ_opt() {
        let whole = Window { start: midnight(day, Tz::UTC), end: midnight(next, Tz::UTC) };
        if whole.start >= window.end {
            break;
        }
        days.extend(whole.overlap(window));
        day = next;
    }
    days
}

/// Every attempt that had begun by `as_of`, with what was known of it then.
fn attempts<'a>(rows: &'a [deployments::Row], rollouts: &'a [rollouts::Row], as_of: Instant) -> Vec<Attempt<'a>> {
    let first = |row: &deployments::Row| row.started_at.into_iter().chain(row.finished_at).min();
    let known: Vec<&deployments::Row> = rows.iter().filter(|row| first(row).is_none_or(|at| at <= as_of)).collect();
    let spellings = Spellings::of(known.iter().filter_map(|row| row.environment.as_deref()));
    let mut of_deployment: BTreeMap<&str, Vec<&rollouts::Row>> = BTreeMap::new();
    for rollout in rollouts {
        for deployment_id in &rollout.deployment_ids {
            of_deployment.entry(deployment_id).or_default().push(rollout);
        }
    }
    known
        .into_iter()
        .map(|row| {
            let environment = row.environment.as_deref().map(|name| spellings.spell(name));
            let is_over = row.finished_at.is_none_or(|at| at <= as_of);
            let status = if is_over { row.status.as_str() } else { "running" };
            // A deployment that was run again after it had succeeded is in several rollouts: each attempt is in the last
            // of them that had begun.
            let begun = row.started_at.or(row.finished_at);
            let own = of_deployment.get(row.deployment_id.as_str()).into_iter().flatten().filter(|rollout| {
                Some(&rollout.service) == row.service.as_ref()
                    && Some(&rollout.environment) == environment.as_ref()
                    && Some(rollout.started_at) <= begun
            });
            let ended = matches!(status, "success" | "failure");
            Attempt {
                row,
                status,
                finished_at: row.finished_at.filter(|_| is_over),
                rollout_id: own
                    .max_by_key(|rollout| rollout.started_at)
                    .filter(|_| ended)
                    .map(|rollout| rollout.rollout_id.as_str()),
                environment,
            }
        })
        .collect()
}

fn attempt_columns(attempts: &[Attempt<'_>], plan: &Plan) -> Vec<(&'static str, ArrayRef)> {
    fn column<'a, C: Cell>(attempts: &'a [Attempt<'a>], cell: impl Fn(&'a Attempt<'a>) -> C) -> ArrayRef {
        cells(attempts.iter().map(cell))
    }
    let is_production =
        |attempt: &Attempt<'_>| attempt.environment.as_ref().is_some_and(|name| plan.is_production(name));
    vec![
        ("deployment_id", column(attempts, |attempt| attempt.row.deployment_id.clone())),
        ("attempt", column(attempts, |attempt| attempt.row.attempt)),
        ("target", column(attempts, |attempt| attempt.row.target.clone())),
        ("service", column(attempts, |attempt| attempt.row.service.clone())),
        ("environment", column(attempts, |attempt| attempt.environment.clone())),
        ("is_production", column(attempts, is_production)),
        ("status", column(attempts, |attempt| attempt.status.to_owned())),
        ("is_success", column(attempts, Attempt::is_success)),
        ("started_at", column(attempts, |attempt| attempt.row.started_at)),
        ("finished_at", column(attempts, |attempt| attempt.finished_at)),
        ("rollout_id", column(attempts, |attempt| attempt.rollout_id.map(str::to_owned))),
    ]
}

/// A change that a deployment record carried.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Carried {
    service: String,
    environment: String,
    deployment_id: String,
    finished_at: Instant,
    repository: String,
    change_id: String,
}

fn carried_columns(carried: &[Carried]) -> Vec<(&'static str, ArrayRef)> {
    let texts = |text: &dyn Fn(&Carried) -> &String| cells(carried.iter().map(|one| text(one).clone()));
    vec![
        ("service", texts(&|one| &one.service)),
        ("environment", texts(&|one| &one.environment)),
        ("deployment_id", texts(&|one| &one.deployment_id)),
        ("finished_at", cells(carried.iter().map(|one| one.finished_at))),
        ("repository", texts(&|one| &one.repository)),
        ("change_id", texts(&|one| &one.change_id)),
    ]
}

/// The changes whose carrying commit lies in the range from the record before to this one, for each success of each
/// service, environment and repository. The first record has no range, and carries nothing.
fn record_changes(
    attempts: &[Attempt<'_>],
    commits: &[commits::Row],
    changes: &[changes::Row],
    as_of: Instant,
) -> Vec<Carried> {
    let mut by_repository: BTreeMap<&str, Vec<&commits::Row>> = BTreeMap::new();
    for commit in commits {
        by_repository.entry(&commit.repository).or_default().push(commit);
    }
    let mut carriers: HashMap<(&str, &str), Vec<&str>> = HashMap::new();
    for change in changes.iter().filter(|change| change.merged_at.is_some_and(|at| at <= as_of)) {
        if let Some(commit) = &change.merge_commit_sha {
            carriers.entry((&change.repository, commit)).or_default().push(&change.change_id);
        }
    }
    let mut carried = Vec::new();
    for ((service, environment), records) in records(attempts) {
        for (repository, commits) in &by_repository {
            let tips: Vec<(Instant, &str, &str)> = records
                .iter()
                .flat_map(|((finished_at, deployment_id), parts)| {
                    let own = parts.iter().filter(|(name, _)| name == repository);
                    own.map(move |(_, commit)| (*finished_at, *deployment_id, *commit))
                })
                .collect();
            if tips.len() < 2 {
                continue;
            }
            let graph = Graph::new(commits.iter().copied());
            for pair in tips.windows(2) {
                let (finished_at, deployment_id, commit) = pair[1];
                let (Some(before), Some(tip)) = (graph.number(pair[0].2), graph.number(commit)) else { continue };
                let mut seen = vec![false; graph.len()];
                graph.visit_new(before, &mut seen, |_| ());
                graph.visit_new(tip, &mut seen, |number| {
                    let own = carriers.get(&(*repository, commits[number as usize].commit_sha.as_str()));
                    carried.extend(own.into_iter().flatten().map(|change_id| Carried {
                        service: service.to_owned(),
                        environment: environment.clone(),
                        deployment_id: deployment_id.to_owned(),
                        finished_at,
                        repository: (*repository).to_owned(),
                        change_id: (*change_id).to_owned(),
                    }));
                });
            }
        }
    }
    carried.sort();
    carried
}

/// What each success put where, by the last finish of its attempts.
type Records<'a> = BTreeMap<(Instant, &'a str), BTreeSet<(&'a str, &'a str)>>;

/// The successes of every service and environment, one per deployment id.
fn records<'a>(attempts: &'a [Attempt<'a>]) -> BTreeMap<(&'a str, &'a String), Records<'a>> {
    type Place<'a> = (&'a str, &'a String);
    let mut last: BTreeMap<(Place<'_>, &str), Instant> = BTreeMap::new();
    let successes = || {
        attempts.iter().filter(|attempt| attempt.is_success()).filter_map(|attempt| {
            let place = (attempt.row.service.as_deref()?, attempt.environment.as_ref()?);
            Some((place, attempt, attempt.finished_at?))
        })
    };
    for (place, attempt, finished_at) in successes() {
        let known = last.entry((place, &attempt.row.deployment_id)).or_insert(finished_at);
        *known = finished_at.max(*known);
    }
    let mut records: BTreeMap<Place<'_>, Records<'_>> = BTreeMap::new();
    for (place, attempt, _) in successes() {
        let deployment_id = attempt.row.deployment_id.as_str();
        let parts = attempt.row.revisions.iter().filter_map(|part| part.rsplit_once('@'));
        let finished_at = last[&(place, deployment_id)];
        records.entry(place).or_default().entry((finished_at, deployment_id)).or_default().extend(parts);
    }
    records
}

#[cfg(test)]
mod tests;
