//! A second opinion: the numbers of a service counted from the rows alone, as plainly as the definitions allow.

use std::collections::{BTreeMap, BTreeSet};

use lake::Instant;
use lake::tables::{change_commits, changes, commits, deployments, incidents};

use super::super::{Counts, World};

const DAY: i64 = 86_400_000_000;

/// All rows of a world.
pub(super) struct Rows {
    pub(super) commits: Vec<commits::Row>,
    pub(super) changes: Vec<changes::Row>,
    pub(super) change_commits: Vec<change_commits::Row>,
    pub(super) deployments: Vec<deployments::Row>,
    pub(super) incidents: Vec<incidents::Row>,
}

impl Rows {
    pub(super) fn of(world: &World) -> Self {
        Self {
            commits: world.rows().expect("pages are rows of their table"),
            changes: world.rows().expect("pages are rows of their table"),
            change_commits: world.rows().expect("pages are rows of their table"),
            deployments: world.rows().expect("pages are rows of their table"),
            incidents: world.rows().expect("pages are rows of their table"),
        }
    }
}

/// One deployment to production with all its attempts.
#[derive(Clone, Debug)]
struct Rollout {
    id: String,
    revisions: Vec<String>,
    intent: Option<String>,
    started_at: i64,
    finished_at: Option<i64>,
    kind: &'static str,
}

/// What is seen of one service.
pub(super) struct Recount<'a> {
    rows: &'a Rows,
    service: &'a str,
    repository: &'a str,
    /// Commits of each change.
    commits: BTreeMap<&'a str, Vec<&'a str>>,
    rollouts: Vec<Rollout>,
}

/// Deployment, start, and restoration of a failure.
pub(super) type Seen = (String, Instant, Option<Instant>);

impl<'a> Recount<'a> {
    pub(super) fn new(rows: &'a Rows, service: &'a str, repository: &'a str) -> Self {
        let mut commits: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for row in rows.change_commits.iter().filter(|row| row.repository == repository) {
            commits.entry(&row.change_id).or_default().push(&row.commit_sha);
        }
        let mut recount = Self { rows, service, repository, commits, rollouts: Vec::new() };
        recount.rollouts = recount.finished_and_not();
        recount
    }

    fn production(&self) -> impl Iterator<Item = &'a deployments::Row> {
        let service = self.service;
        self.rows.deployments.iter().filter(move |row| {
            row.service.as_deref() == Some(service) && row.environment.as_deref() == Some("production")
        })
    }

    fn finished_and_not(&self) -> Vec<Rollout> {
        let mut by_id: BTreeMap<&str, Vec<&deployments::Row>> = BTreeMap::new();
        for row in self.production() {
            by_id.entry(&row.deployment_id).or_default().push(row);
        }
        let mut rollouts: Vec<Rollout> = by_id.into_values().map(|attempts| rollout(&attempts)).collect();
        rollouts.sort_by_key(|rollout| rollout.started_at);
        let mut live: Option<Vec<String>> = None;
        for rollout in rollouts.iter_mut().filter(|rollout| rollout.finished_at.is_some()) {
            rollout.kind = match rollout.intent.as_deref() {
                _ if live.as_ref() == Some(&rollout.revisions) => "redeploy",
                Some("rollback") => "rollback",
                Some("hotfix") => "hotfix",
                Some("config") => "config",
                _ => "release",
            };
            live = Some(rollout.revisions.clone());
        }
        rollouts
    }

    fn finished(&self) -> impl DoubleEndedIterator<Item = (&Rollout, i64)> {
        self.rollouts.iter().filter_map(|rollout| Some((rollout, rollout.finished_at?)))
    }

    fn of_kind(&self, kinds: &[&str]) -> usize {
        self.finished().filter(|(rollout, _)| kinds.contains(&rollout.kind)).count()
    }

    /// The counts that rows alone can tell.
    pub(super) fn counts(&self) -> Counts {
        let redeploys: BTreeSet<&str> = self
            .rollouts
            .iter()
            .filter(|rollout| rollout.kind == "redeploy")
            .map(|rollout| rollout.id.as_str())
            .collect();
        let attempts = |statuses: &[&str]| {
            let attempts = self.production().filter(|row| !redeploys.contains(row.deployment_id.as_str()));
            attempts.filter(|row| statuses.contains(&row.status.as_str())).count()
        };
        let deployments = |environment: Option<&str>| {
            let of_service = |row: &&deployments::Row| row.service.as_deref() == Some(self.service);
            let rows = self.rows.deployments.iter().filter(of_service);
            rows.filter(|row| row.environment.as_deref() == environment).count()
        };
        let episodes = self.episodes();
        let restored_episodes = episodes.iter().filter(|(_, _, restored_at)| restored_at.is_some()).count();
        let mut counts = Counts {
            releases: self.of_kind(&["release"]),
            configs: self.of_kind(&["config"]),
            hotfixes: self.of_kind(&["hotfix"]),
            rollbacks: self.of_kind(&["rollback"]),
            redeploys: self.of_kind(&["redeploy"]),
            frequency_rollouts: self.of_kind(&["release", "config", "hotfix", "rollback"]),
            change_fail_rollouts: self.of_kind(&["release", "config", "hotfix"]),
            rework_rollouts: self.of_kind(&["hotfix", "rollback"]),
            failed_rollouts: episodes.len(),
            failed_attempts: attempts(&["failure"]),
            finished_attempts: attempts(&["failure", "success"]),
            cancelled_attempts: attempts(&["cancelled"]),
            staging_deployments: deployments(Some("staging")),
            deployments_without_environment: deployments(None),
            restored_episodes,
            open_episodes: episodes.len() - restored_episodes,
            ..Counts::default()
        };
        self.count_changes(&mut counts);
        self.count_incidents(&mut counts);
        counts
    }

    fn changes(&self) -> impl Iterator<Item = &'a changes::Row> {
        let repository = self.repository;
        self.rows.changes.iter().filter(move |row| row.repository == repository)
    }

    fn count_changes(&self, counts: &mut Counts) {
        let arrivals = self.arrivals();
        let first = self.finished().next().map(|(_, finished_at)| finished_at);
        for change in self.changes() {
            counts.changes += 1;
            counts.merged_changes += usize::from(change.merged_at.is_some());
            counts.closed_changes += usize::from(change.closed_at.is_some());
            counts.open_changes += usize::from(change.merged_at.is_none() && change.closed_at.is_none());
            let arrived_at = self.arrival(change, &arrivals);
            counts.deployed_changes += usize::from(arrived_at.is_some());
            counts.first_rollout_changes += usize::from(arrived_at.is_some() && arrived_at == first);
            counts.waiting_changes += usize::from(change.merged_at.is_some() && arrived_at.is_none());
            let is_late = change.merged_at.is_some() && change.first_commit_at > change.merged_at;
            counts.changes_authored_after_merge += usize::from(is_late);
        }
    }

    /// When each commit first was in production.
    fn arrivals(&self) -> BTreeMap<&'a str, i64> {
        let of_repository = self.rows.commits.iter().filter(|commit| commit.repository == self.repository);
        let parents: BTreeMap<&str, &[String]> =
            of_repository.map(|commit| (commit.commit_sha.as_str(), commit.parents.as_slice())).collect();
        let prefix = format!("{}@", self.repository);
        let mut arrivals = BTreeMap::new();
        for (rollout, finished_at) in self.finished() {
            let sha = rollout.revisions.iter().find_map(|revision| revision.strip_prefix(&prefix));
            let mut waiting: Vec<&str> = sha.into_iter().collect();
            while let Some(sha) = waiting.pop() {
                let (sha, above) = parents.get_key_value(sha).expect("every revision and parent is on record");
                if !arrivals.contains_key(sha) {
                    arrivals.insert(*sha, finished_at);
                    waiting.extend(above.iter().map(String::as_str));
                }
            }
        }
        arrivals
    }

    fn arrival(&self, change: &changes::Row, arrivals: &BTreeMap<&str, i64>) -> Option<i64> {
        let mut commits = self.commits.get(change.change_id.as_str())?.iter();
        commits.try_fold(i64::MIN, |latest, sha| Some(latest.max(*arrivals.get(sha)?)))
    }

    /// Change, and its lead time in microseconds; nothing of the first rollout.
    pub(super) fn lead_times(&self) -> BTreeMap<String, i64> {
        let arrivals = self.arrivals();
        let first = self.finished().next().map(|(_, finished_at)| finished_at);
        let arrived = self.changes().filter_map(|change| Some((change, self.arrival(change, &arrivals)?)));
        arrived
            .filter(|(_, arrived_at)| Some(*arrived_at) != first)
            .map(|(change, arrived_at)| {
                let first_commit_at = change.first_commit_at.filter(|at| Some(*at) <= change.merged_at);
                let started_at = first_commit_at.or(change.opened_at).expect("every change has a start");
                (change.change_id.clone(), arrived_at - started_at.0)
            })
            .collect()
    }

    fn incidents(&self) -> impl Iterator<Item = &'a incidents::Row> {
        let service = self.service;
        self.rows.incidents.iter().filter(move |row| row.service.as_deref() == Some(service))
    }

    fn count_incidents(&self, counts: &mut Counts) {
        for incident in self.incidents() {
            let is_linked = self.culprit(incident).is_some();
            counts.incidents += 1;
            counts.linked_incidents += usize::from(is_linked);
            counts.unlinked_incidents += usize::from(!is_linked);
        }
    }

    /// The deployment that caused an incident: the one named, else the latest within a day before the first impact.
    fn culprit(&self, incident: &incidents::Row) -> Option<&str> {
        if incident.cause_deployment_id.is_some() {
            let named = incident.cause_deployment_id.as_deref();
            return self.rollouts.iter().map(|rollout| rollout.id.as_str()).find(|id| Some(*id) == named);
        }
        let impact_at = incident.impact_started_at.unwrap_or(incident.opened_at).0;
        let can_be_linked = matches!(incident.cause.as_str(), "change" | "unknown");
        let before = self.finished().rev().find(|(_, finished_at)| *finished_at <= impact_at);
        let (rollout, finished_at) = before.filter(|_| can_be_linked)?;
        (impact_at <= finished_at + DAY).then_some(rollout.id.as_str())
    }

    /// Failures: of incidents, of rollbacks, of hotfixes.
    pub(super) fn episodes(&self) -> Vec<Seen> {
        let finishes: BTreeMap<&str, i64> =
            self.finished().map(|(rollout, finished_at)| (rollout.id.as_str(), finished_at)).collect();
        let mut intervals: BTreeMap<&str, Vec<(i64, Option<i64>)>> = BTreeMap::new();
        for incident in self.incidents() {
            if let Some(culprit) = self.culprit(incident) {
                let remedy = incident.remedy_deployment_id.as_deref().map(|remedy| Instant(finishes[remedy]));
                let restored_at = incident.mitigated_at.or(remedy).or(incident.resolved_at);
                let impact_at = incident.impact_started_at.unwrap_or(incident.opened_at).0;
                intervals.entry(culprit).or_default().push((impact_at, restored_at.map(|at| at.0)));
            }
        }
        for (repaired, remedied_at) in self.repaired() {
            intervals.entry(repaired).or_default().push((i64::MAX, Some(remedied_at)));
        }
        self.finished()
            .filter_map(|(rollout, finished_at)| {
                let intervals = intervals.get(rollout.id.as_str())?;
                let began_at = intervals.iter().map(|(impact_at, _)| *impact_at).min()?.min(finished_at);
                let is_open = intervals.iter().any(|(_, restored_at)| restored_at.is_none());
                let restored_at = intervals.iter().filter_map(|(_, restored_at)| *restored_at).max();
                let restored_at = restored_at.filter(|_| !is_open).map(Instant);
                Some((rollout.id.clone(), Instant(began_at), restored_at))
            })
            .collect()
    }

    /// Rollouts that were rolled back or hotfixed, each with the finish of what repaired it.
    fn repaired(&self) -> Vec<(&str, i64)> {
        let finished: Vec<(&Rollout, i64)> = self.finished().collect();
        let mut repaired = Vec::new();
        for (at, (rollout, finished_at)) in finished.iter().enumerate() {
            let before = &finished[..at];
            let failed = match rollout.kind {
                "rollback" => before
                    .iter()
                    .rposition(|(earlier, _)| earlier.revisions == rollout.revisions)
                    .and_then(|target| before.get(target + 1)),
                "hotfix" => before.last(),
                _ => None,
            };
            if let Some((failed, _)) = failed {
                repaired.push((failed.id.as_str(), *finished_at));
            }
        }
        repaired
    }
}

fn rollout(attempts: &[&deployments::Row]) -> Rollout {
    let started = attempts.iter().filter_map(|row| row.started_at).min();
    let succeeded = attempts.iter().filter(|row| row.status == "success").filter_map(|row| row.finished_at).min();
    Rollout {
        id: attempts[0].deployment_id.clone(),
        revisions: attempts[0].revisions.clone(),
        intent: attempts[0].intent.clone(),
        started_at: started.expect("every attempt has a start").0,
        finished_at: succeeded.map(|at| at.0),
        kind: "",
    }
}
