//! From attempts to rollouts: a small state machine per service and environment.
//!
//! A rollout opens with the first attempt of a revision set and closes when every required target has it, or when
//! another revision set starts there. Required are the targets of the previous success. The same set later opens a
//! new rollout.

use std::collections::{BTreeMap, BTreeSet};

use lake::{Instant, canonical, tables::deployments, tables::rollouts};

/// The rollouts of all services, and what could not become one.
#[derive(Clone, Debug, Default)]
pub struct Built {
    /// Rollouts, in the order of service, environment and start.
    pub rollouts: Vec<rollouts::Row>,
    /// Attempts that belong to no unit or are neither success nor failure.
    pub left_out: Vec<LeftOut>,
}

/// An attempt that is in no rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Name of the finding: `deployment_without_service`, `deployment_without_environment`,
    /// `deployment_without_time`, `deployment_neither_success_nor_failure`.
    pub finding: &'static str,
    /// Service, where known.
    pub service: Option<String>,
    /// Environment, where known.
    pub environment: Option<String>,
    /// The deployment.
    pub deployment_id: String,
}

/// One attempt with everything a rollout needs of it.
#[derive(Clone, Debug)]
struct Attempt<'a> {
    row: &'a deployments::Row,
    started_at: Instant,
    finished_at: Option<Instant>,
    is_success: bool,
    revisions: Vec<String>,
}

/// Builds the rollouts of these deployments as they were known at `as_of`.
#[must_use]
pub fn build(deployments: &[deployments::Row], as_of: Instant) -> Built {
    let mut built = Built::default();
    let mut units: BTreeMap<(String, String), Vec<Attempt<'_>>> = BTreeMap::new();
    for row in deployments {
        match attempt(row, as_of) {
            Ok(Some((unit, attempt))) => units.entry(unit).or_default().push(attempt),
            Ok(None) => {}
            Err(finding) => built.left_out.push(LeftOut {
                finding,
                service: row.service.clone(),
                environment: row.environment.clone(),
                deployment_id: row.deployment_id.clone(),
            }),
        }
    }
    for ((service, environment), mut attempts) in units {
        attempts.sort_by(|a, b| {
            let order = |attempt: &Attempt<'_>| {
                (attempt.started_at, attempt.finished_at, attempt.row.attempt, attempt.row.deployment_id.clone())
            };
            order(a).cmp(&order(b)).then_with(|| a.row.target.cmp(&b.row.target))
        });
        built.rollouts.extend(Unit::new(&service, &environment).run(attempts));
    }
    built
}

type UnitKey = (String, String);

fn attempt(row: &deployments::Row, as_of: Instant) -> Result<Option<(UnitKey, Attempt<'_>)>, &'static str> {
    let Some(started_at) = row.started_at.or(row.finished_at) else { return Err("deployment_without_time") };
    if started_at > as_of {
        return Ok(None);
    }
    let Some(service) = &row.service else { return Err("deployment_without_service") };
    let Some(environment) = &row.environment else { return Err("deployment_without_environment") };
    let finished_at = row.finished_at.filter(|at| *at <= as_of);
    let is_success = match row.status.as_str() {
        // Still running at the as-of time, whatever became of it later.
        "success" | "failure" if finished_at.is_none() && row.finished_at.is_some() => return Ok(None),
        "success" if finished_at.is_none() => return Err("deployment_without_time"),
        "success" => true,
        "failure" => false,
        "running" => return Ok(None),
        _ => return Err("deployment_neither_success_nor_failure"),
    };
    let mut revisions = row.revisions.clone();
    revisions.sort();
    revisions.dedup();
    Ok(Some(((service.clone(), environment.clone()), Attempt { row, started_at, finished_at, is_success, revisions })))
}

/// A rollout while it is being built.
struct Open<'a> {
    attempts: Vec<Attempt<'a>>,
    succeeded: BTreeMap<&'a str, Instant>,
}

impl<'a> Open<'a> {
    fn revisions(&self) -> &[String] {
        self.attempts.first().map_or(&[], |attempt| &attempt.revisions)
    }

    fn add(&mut self, attempt: Attempt<'a>) {
        if let (true, Some(at)) = (attempt.is_success, attempt.finished_at) {
            let place = self.succeeded.entry(&attempt.row.target).or_insert(at);
            *place = at.min(*place);
        }
        self.attempts.push(attempt);
    }

    /// When the first failed attempt that reached users ended.
    fn impaired_at(&self) -> Option<Instant> {
        self.attempts
            .iter()
            .filter(|attempt| !attempt.is_success && attempt.row.reached_users == Some(true))
            .map(|attempt| attempt.finished_at.unwrap_or(attempt.started_at))
            .min()
    }
}

/// A revision set that was live at some time.
struct Live {
    rollout_id: String,
    kind: String,
    revisions: Vec<String>,
}

/// One service in one environment, as its history unfolds.
struct Unit<'s> {
    service: &'s str,
    environment: &'s str,
    required: BTreeSet<String>,
    /// Every rollout that succeeded, in order.
    live: Vec<Live>,
    done: Vec<rollouts::Row>,
}

impl<'s> Unit<'s> {
    fn new(service: &'s str, environment: &'s str) -> Self {
        Self { service, environment, required: BTreeSet::new(), live: Vec::new(), done: Vec::new() }
    }

    fn run(mut self, attempts: Vec<Attempt<'_>>) -> Vec<rollouts::Row> {
        let mut open: Option<Open<'_>> = None;
        for attempt in attempts {
            if let Some(rollout) = open.take_if(|open| !self.takes(open, &attempt)) {
                self.close(&rollout);
            }
            open.get_or_insert_with(|| Open { attempts: Vec::new(), succeeded: BTreeMap::new() }).add(attempt);
        }
        if let Some(rollout) = open {
            self.close(&rollout);
        }
        self.done
    }

    /// Whether an attempt still belongs to the open rollout.
    fn takes(&self, open: &Open<'_>, attempt: &Attempt<'_>) -> bool {
        let same_set = open.revisions() == attempt.revisions;
        let has_all = !self.required.is_empty()
            && self.required.iter().all(|target| open.succeeded.contains_key(target.as_str()));
        same_set && !has_all && !open.succeeded.contains_key(attempt.row.target.as_str())
    }

    fn close(&mut self, open: &Open<'_>) {
        let Some(first) = open.attempts.first() else { return };
        let revisions = open.revisions().to_vec();
        let succeeded_at = open.succeeded.values().max().copied();
        let impaired_at = open.impaired_at();
        let failed_in_traffic = impaired_at.is_some();
        // A rollout that reached users and was then given up exists, and ended when it failed.
        let finished_at = succeeded_at.or_else(|| {
            failed_in_traffic.then(|| open.attempts.iter().filter_map(|attempt| attempt.finished_at).max()).flatten()
        });
        let (kind, restores) = self.kind(open, &revisions);
        let rollout_id = self.id(&revisions, first.started_at);
        let is_finished = finished_at.is_some();
        let failed = open.attempts.iter().filter(|attempt| !attempt.is_success).count();
        let was_live = self.live.iter().any(|live| live.revisions == revisions);
        let row = rollouts::Row {
            rollout_id: rollout_id.clone(),
            service: self.service.to_owned(),
            environment: self.environment.to_owned(),
            kind: kind.to_owned(),
            started_at: first.started_at,
            finished_at,
            attempt_count: count(open.attempts.len()),
            failed_attempt_count: count(failed),
            finished_attempt_count: count(open.attempts.len()),
            target_count: count(open.succeeded.len()),
            failed_in_traffic,
            impaired_at,
            is_first: self.live.is_empty() && succeeded_at.is_some(),
            is_reapply: kind == "release" && was_live,
            in_frequency: is_finished && kind != "redeploy",
            in_change_fail_rate: is_finished && kind != "redeploy" && kind != "rollback",
            restores_rollout_id: restores,
            deployment_ids: open
                .attempts
                .iter()
                .map(|attempt| attempt.row.deployment_id.clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            evidence: first.row.evidence.clone(),
            revisions: revisions.clone(),
        };
        self.done.push(row);
        if succeeded_at.is_some() && !(kind == "redeploy" && was_live) {
            // A rollout that was superseded halfway does not lower what the next one needs.
            if self.required.iter().all(|target| open.succeeded.contains_key(target.as_str())) {
                self.required = open.succeeded.keys().map(|target| (*target).to_owned()).collect();
            }
            self.live.push(Live { rollout_id, kind: kind.to_owned(), revisions });
        }
    }

    /// What kind of rollout this is, and for a rollback which rollout it restores.
    fn kind(&self, open: &Open<'_>, revisions: &[String]) -> (&'static str, Option<String>) {
        let intent = open.attempts.iter().find_map(|attempt| attempt.row.intent.as_deref());
        let Some(current) = self.live.last() else {
            return (if intent == Some("hotfix") { "hotfix" } else { "release" }, None);
        };
        if current.revisions == revisions {
            // Going back from a rollout that users got in part and that was then given up.
            let gave_up = self.done.last().is_some_and(|last| last.failed_in_traffic && last.target_count == 0);
            return match intent {
                Some("rollback") if gave_up => ("rollback", Some(current.rollout_id.clone())),
                _ => ("redeploy", None),
            };
        }
        let seen = self.live.iter().rposition(|live| live.revisions == revisions);
        // A second tag at an old commit puts nothing back for anybody: tags tell of releases, not of what runs.
        if seen.is_some() && open.attempts.iter().all(|attempt| attempt.row.evidence == "release_tag") {
            return ("redeploy", None);
        }
        match (intent, seen) {
            (Some("hotfix"), None) => ("hotfix", None),
            (Some("config"), None) => ("config", None),
            (Some("rollback"), _) => ("rollback", seen.map(|at| self.live[at].rollout_id.clone())),
            (_, Some(at)) if self.is_reapplied(at) => ("release", None),
            (_, Some(at)) => ("rollback", Some(self.live[at].rollout_id.clone())),
            (_, None) => (kind_by_parts(&current.revisions, revisions), None),
        }
    }

    /// Whether going back to `at` undoes the rollback that is live now: what was rolled back is put there again.
    fn is_reapplied(&self, at: usize) -> bool {
        let Some(current) = self.live.last().filter(|live| live.kind == "rollback") else { return false };
        let restored = self.live.iter().position(|live| live.revisions == current.revisions);
        restored.is_some_and(|restored| at > restored)
    }

    fn id(&self, revisions: &[String], started_at: Instant) -> String {
        let text = format!("{}\n{}\n{}\n{}", self.service, self.environment, revisions.join(" "), started_at.0);
        canonical::sha256(text.as_bytes())[..16].to_owned()
    }
}

/// The kind told by which parts of the revision set differ: source code makes a release, an image alone a rebuild,
/// anything else a change of configuration.
fn kind_by_parts(before: &[String], after: &[String]) -> &'static str {
    let changed: Vec<&String> = after.iter().filter(|part| !before.contains(part)).collect();
    let is_image = |part: &str| part.contains("@sha256:");
    let is_source = |part: &str| {
        part.rsplit_once('@').is_some_and(|(_, revision)| {
            matches!(revision.len(), 40 | 64) && revision.bytes().all(|b| b.is_ascii_hexdigit())
        })
    };
    if changed.iter().any(|part| is_source(part)) || changed.is_empty() {
        "release"
    } else if changed.iter().any(|part| is_image(part)) {
        // With source revisions named and unchanged, a new digest is the same code built again; an image alone is
        // all we know of a release.
        if after.iter().any(|part| is_source(part)) { "rebuild" } else { "release" }
    } else if after.iter().any(|part| is_source(part) || is_image(part)) {
        "config"
    } else {
        "release"
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
