//! From what an application remembers of its syncs to attempts: the history of successes, and the one last operation.
//!
//! An attempt is known by when its operation started, which history and operation state both tell, so that a sync that
//! was first seen running is the same row once it is done. Retries are one operation.

use std::collections::BTreeMap;

use lake::{Instant, tables::deployments};

use super::parts::{Parts, Words};
use super::place::Place;
use super::wire::{Application, Asked, History, Initiator, OperationState, SyncOperation, SyncResult};
use crate::authorship::Pseudonym;

/// Who started what nobody started by hand.
const AUTOMATED: &str = "automated";

/// The attempts that an application tells of, oldest first.
pub(super) fn attempts(application: &Application, place: &Place, parts: &Parts) -> Vec<deployments::Row> {
    let telling = Telling { application, place, parts, words: Words::of(application, &place.target) };
    let history = in_order(application);
    let mut starts: BTreeMap<Instant, usize> = BTreeMap::new();
    let mut rows: Vec<deployments::Row> = history
        .iter()
        .filter_map(|entry| {
            let seen = entry.started_at.map_or(0, |at| {
                let count = starts.entry(at).or_insert(0);
                *count += 1;
                *count - 1
            });
            telling.success(entry, seen > 0)
        })
        .collect();
    if let Some(operation) = &application.status.operation {
        let is_told = history.iter().any(|entry| is_same(entry, operation));
        rows.extend(telling.operation(operation, is_told));
    }
    rows
}

/// The history by id: newest last, whatever order it came in.
pub(super) fn in_order(application: &Application) -> Vec<&History> {
    let mut history: Vec<&History> = application.status.history.iter().collect();
    history.sort_by_key(|entry| (entry.id, entry.deployed_at));
    history
}

/// Whether an entry of the history tells of this operation.
pub(super) fn is_same(entry: &History, operation: &OperationState) -> bool {
    match entry.started_at {
        Some(at) => Some(at) == operation.started_at,
        None => operation.finished_at.is_some() && entry.deployed_at == operation.finished_at,
    }
}

/// The id of the attempt that an entry of the history tells of.
pub(super) fn entry_id(place: &Place, entry: &History, shares_its_start: bool) -> Option<String> {
    match (entry.started_at, entry.id) {
        // Two syncs that start in one second are told apart by their number where both are seen.
        (Some(at), Some(id)) if shares_its_start => Some(format!("{}@{at}#{id}", place.application_id)),
        (Some(at), _) => Some(format!("{}@{at}", place.application_id)),
        // Old versions do not tell when a sync started.
        (None, Some(id)) => Some(format!("{}#{id}", place.application_id)),
        (None, None) => None,
    }
}

/// One application, ready to be told of.
struct Telling<'a> {
    application: &'a Application,
    place: &'a Place,
    parts: &'a Parts,
    words: Words,
}

impl Telling<'_> {
    fn success(&self, entry: &History, shares_its_start: bool) -> Option<deployments::Row> {
        let deployed_at = entry.deployed_at?;
        let revisions = self.parts.set(entry.asked.sources(), entry.asked.revisions(), &self.words);
        Some(deployments::Row {
            status: "success".to_owned(),
            started_at: entry.started_at,
            finished_at: Some(deployed_at),
            actor_id: actor(&entry.initiated_by),
            evidence: "sync_history".to_owned(),
            updated_at: Some(deployed_at),
            ..self.row(entry_id(self.place, entry, shares_its_start)?, revisions)
        })
    }

    /// The attempt that the operation is, unless the history tells it.
    fn operation(&self, operation: &OperationState, is_told: bool) -> Option<deployments::Row> {
        let sync = operation.operation.sync.as_ref()?;
        let started_at = operation.started_at?;
        if is_told {
            return None;
        }
        let (status, evidence) = status(operation, sync);
        let is_running = status == "running";
        let id = format!("{}@{started_at}", self.place.application_id);
        Some(deployments::Row {
            status: status.to_owned(),
            started_at: Some(started_at),
            finished_at: operation.finished_at.filter(|_| !is_running),
            reached_users: (status == "failure").then(|| applied_nothing(operation.result.as_ref())).flatten(),
            actor_id: actor(&operation.operation.initiated_by),
            evidence: evidence.to_owned(),
            // What is still running ranks below everything that is said of it later.
            updated_at: operation.finished_at.filter(|_| !is_running),
            ..self.row(id, self.asked(operation, sync))
        })
    }

    /// What an operation was asked to put there: its result knows best, else its request, else the application.
    fn asked(&self, operation: &OperationState, sync: &SyncOperation) -> Vec<String> {
        let told: Vec<&Asked> = operation.result.iter().map(|result| &result.asked).chain([&sync.asked]).collect();
        let sources = told.iter().map(|asked| asked.sources()).find(|sources| !sources.is_empty());
        let revisions = told.iter().map(|asked| asked.revisions()).find(|revisions| {
            revisions.iter().any(|revision| !revision.is_empty())
        });
        let sources = sources.unwrap_or_else(|| self.application.spec.sources());
        self.parts.set(sources, revisions.unwrap_or_default(), &self.words)
    }

    fn row(&self, deployment_id: String, revisions: Vec<String>) -> deployments::Row {
        deployments::Row {
            deployment_id,
            attempt: 1,
            target: self.place.target.clone(),
            service: self.place.service.clone(),
            environment: self.place.environment.clone(),
            revisions,
            status: String::new(),
            started_at: None,
            finished_at: None,
            reached_users: None,
            intent: None,
            actor_id: None,
            evidence: String::new(),
            updated_at: None,
        }
    }
}

/// Status and evidence of the last operation. Argo CD writes history for full syncs only; one of selected resources, as
/// self-healing does it, and a dry run put no revision set there.
fn status(operation: &OperationState, sync: &SyncOperation) -> (&'static str, &'static str) {
    let evidence = if sync.is_dry_run {
        "dry_run"
    } else if sync.self_heal_attempts.is_some_and(|count| count > 0) {
        "self_heal"
    } else if !sync.resources.is_empty() {
        "selective_sync"
    } else {
        "operation_state"
    };
    let is_terminated = operation.message.to_ascii_lowercase().starts_with("operation terminated");
    let status = match operation.phase.as_str() {
        // While it waits for a retry, it is running and has an end.
        "Running" | "Terminating" => "running",
        _ if evidence != "operation_state" => "skipped",
        "Succeeded" => "success",
        "Failed" | "Error" if is_terminated => "cancelled",
        "Failed" | "Error" => "failure",
        _ => "unknown",
    };
    (status, evidence)
}

/// `Some(false)` where a sync failed before it changed anything; none where it is not known what users saw of it.
fn applied_nothing(result: Option<&SyncResult>) -> Option<bool> {
    let applied = result.is_some_and(|result| {
        result.resources.iter().any(|resource| {
            let has_run = !resource.hook_type.is_empty() && !resource.hook_phase.is_empty();
            has_run || !matches!(resource.status.as_str(), "" | "SyncFailed" | "PruneSkipped")
        })
    });
    (!applied).then_some(false)
}

/// A pseudonym of whoever started it.
fn actor(initiator: &Initiator) -> Option<String> {
    if initiator.automated {
        return Some(AUTOMATED.to_owned());
    }
    let name = initiator.username.as_str();
    (!name.is_empty()).then(|| Pseudonym::of(name.as_bytes()).text())
}
