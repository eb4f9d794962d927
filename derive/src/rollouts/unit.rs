//! The state machine: one service in one environment, attempt by attempt.

use std::collections::{BTreeMap, BTreeSet};

use lake::tables::{deployments, rollouts};
use lake::{Instant, canonical};

use super::attempt::Attempt;

/// A rollout while it is being built.
#[derive(Default)]
struct Open<'a> {
    attempts: Vec<&'a Attempt<'a>>,
    succeeded: BTreeMap<&'a str, Instant>,
}

impl<'a> Open<'a> {
    fn revisions(&self) -> &[String] {
        self.attempts.first().map_or(&[], |attempt| &attempt.revisions)
    }

    fn add(&mut self, attempt: &'a Attempt<'a>) {
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

    fn went_to(&self, target: &str) -> bool {
        self.attempts.iter().any(|attempt| attempt.row.target == target)
    }

    /// Only releases tell of it, and not what runs where.
    fn is_stand_in(&self) -> bool {
        self.attempts.iter().all(|attempt| deployments::is_stand_in(&attempt.row.evidence))
    }
}

/// A revision set that was live at some time.
struct Live {
    rollout_id: String,
    kind: &'static str,
    revisions: Vec<String>,
}

/// One service in one environment, as its history unfolds.
pub(super) struct Unit<'s> {
    service: &'s str,
    environment: &'s str,
    required: BTreeSet<String>,
    /// Every rollout that succeeded, in order.
    live: Vec<Live>,
    /// For each target, the place in `live` of what was last put there.
    on_target: BTreeMap<String, usize>,
    done: Vec<rollouts::Row>,
}

impl<'s> Unit<'s> {
    pub(super) fn new(service: &'s str, environment: &'s str) -> Self {
        let (required, on_target) = (BTreeSet::new(), BTreeMap::new());
        Self { service, environment, required, live: Vec::new(), on_target, done: Vec::new() }
    }

    pub(super) fn run(mut self, attempts: &[Attempt<'_>]) -> Vec<rollouts::Row> {
        let mut open: Option<Open<'_>> = None;
        for (at, attempt) in attempts.iter().enumerate() {
            if let Some(rollout) = open.take_if(|open| !self.takes(open, attempt)) {
                self.close(&rollout, &attempts[at..]);
            }
            open.get_or_insert_default().add(attempt);
        }
        if let Some(rollout) = open {
            self.close(&rollout, &[]);
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

    fn close(&mut self, open: &Open<'_>, later: &[Attempt<'_>]) {
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
        let is_first = self.live.is_empty() && succeeded_at.is_some();
        let is_partial = succeeded_at.is_some() && {
            let live = Live { rollout_id: rollout_id.clone(), kind, revisions: revisions.clone() };
            self.put(live, open, later)
        };
        self.done.push(rollouts::Row {
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
            is_partial,
            is_first,
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
            rollout_id,
            revisions,
        });
    }

    /// Puts a set where it succeeded, and says whether a target that has to have it does not.
    fn put(&mut self, live: Live, open: &Open<'_>, later: &[Attempt<'_>]) -> bool {
        let known = self.live.iter().rposition(|known| known.revisions == live.revisions);
        let (place, is_redeploy) = match known.filter(|_| live.kind == "redeploy") {
            Some(_) if open.is_stand_in() => return false,
            Some(place) => (place, true),
            None => {
                self.live.push(live);
                (self.live.len() - 1, false)
            }
        };
        for target in open.succeeded.keys() {
            self.on_target.insert((*target).to_owned(), place);
        }
        if !is_redeploy {
            self.retire(open, later);
            // A rollout that was superseded halfway does not lower what the next one needs.
            if self.required.iter().all(|target| open.succeeded.contains_key(target.as_str())) {
                self.required = open.succeeded.keys().map(|target| (*target).to_owned()).collect();
            }
        }
        let has_it = |target: &String| {
            self.on_target.get(target).is_some_and(|on| self.live[*on].revisions == self.live[place].revisions)
        };
        !self.required.iter().all(has_it)
    }

    /// Lets go of targets that nothing goes to any more, although later attempts succeed elsewhere.
    fn retire(&mut self, open: &Open<'_>, later: &[Attempt<'_>]) {
        if later.iter().any(|attempt| attempt.is_success) {
            let is_used =
                |target: &String| open.went_to(target) || later.iter().any(|attempt| attempt.row.target == *target);
            self.required.retain(is_used);
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
        if seen.is_some() && open.is_stand_in() {
            return ("redeploy", None);
        }
        match (intent, seen) {
            (Some("hotfix"), None) => ("hotfix", None),
            (Some("config"), None) => ("config", None),
            (Some("rollback"), _) => ("rollback", seen.map(|at| self.live[at].rollout_id.clone())),
            (_, Some(at)) if self.catches_up(open, at) => ("redeploy", None),
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

    /// Whether every target of a rollout had something older than the set at `at`, or that set: a rollout that was
    /// superseded goes on, and nothing is taken back.
    fn catches_up(&self, open: &Open<'_>, at: usize) -> bool {
        let mut targets = open.attempts.iter().map(|attempt| &attempt.row.target);
        targets.all(|target| self.on_target.get(target).is_some_and(|on| *on <= at))
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
