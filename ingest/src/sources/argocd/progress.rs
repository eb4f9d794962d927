//! How far an application's history has been read, and what was trimmed away before it could be.

use lake::Instant;
use serde::{Deserialize, Serialize};

use super::attempts::in_order;
use super::health::{self, Seen};
use super::place::Place;
use super::wire::{Application, History};
use crate::{Beginning, Entry, Ledger, Loss, Range};

/// How many entries Argo CD keeps where nothing else is said.
pub(super) const USUAL_LIMIT: i64 = 10;

/// What is remembered of an application between readings.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
pub(super) struct Memory {
    /// The newest entry of the history: its number and when it was deployed.
    pub(super) last: Option<(i64, Instant)>,
    /// Until when that is known to be all, by the server's clock.
    pub(super) looked_at: Option<Instant>,
    /// The health that was last seen.
    pub(super) health: Option<Seen>,
    /// Its project, which has to be named to ask for it.
    pub(super) project: String,
    /// Namespace and name.
    pub(super) namespace: String,
    pub(super) name: String,
    /// Syncs of which a Rollout was given up, by deployment, and when.
    pub(super) given_up: Vec<(String, Instant)>,
    /// Whether the last configuration commit names its source commit.
    pub(super) is_referenced: bool,
    /// Until which entry the references of configuration commits were asked for.
    pub(super) referenced: Option<i64>,
    /// Whether it was gone when it was last looked for.
    pub(super) is_gone: bool,
    /// Whether its syncs are no deployments of a service.
    pub(super) is_ignored: bool,
    /// Images that it runs and of which no source commit is known.
    pub(super) unresolved: Vec<String>,
}

/// Where the memory of an application is kept.
const MEMORY: &str = "application";

/// The stream of an application.
pub(super) fn stream(place: &Place) -> String {
    format!("application {}", place.application_id)
}

fn health_stream(place: &Place) -> String {
    format!("health {}", place.application_id)
}

/// What is remembered of an application.
pub(super) fn memory(ledger: &Ledger, stream: &str) -> Memory {
    let kept = ledger.get(stream).and_then(|entry| entry.memory.get(MEMORY));
    kept.and_then(|kept| serde_json::from_value(kept.clone()).ok()).unwrap_or_default()
}

/// Remembers something of an application.
pub(super) fn remember(ledger: &mut Ledger, stream: &str, memory: &Memory) {
    let kept = serde_json::to_value(memory).unwrap_or_default();
    ledger.entry(stream).memory.insert(MEMORY.to_owned(), kept);
}

/// When an application was looked at, and what was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// By the server's clock.
    pub(super) at: Instant,
    pub(super) range: Range,
}

/// Notes in the ledger what one look at an application has covered. Returns what is remembered from now on.
pub(super) fn note(ledger: &mut Ledger, application: &Application, place: &Place, look: Look) -> Memory {
    let stream = stream(place);
    let before = memory(ledger, &stream);
    let history = in_order(application);
    let counts = place.service.is_some() && !place.is_ignored;
    let entry = ledger.entry(&stream);
    entry.covers = if counts { vec!["deployments".to_owned()] } else { Vec::new() };
    entry.service.clone_from(&place.service);
    cover(entry, application, &history, &before, look);
    entry.watermark = entry.watermark.max(Some(look.at));
    note_health(ledger, application, place, look, counts);
    let mut after = Memory {
        project: application.spec.project.clone(),
        namespace: application.metadata.namespace.clone(),
        name: application.metadata.name.clone(),
        is_gone: false,
        is_ignored: place.is_ignored,
        ..before
    };
    if look.range.is_open() {
        let newest = history.last().and_then(|entry| Some((entry.id?, entry.deployed_at?)));
        after.last = newest.or(after.last);
        after.looked_at = after.looked_at.max(Some(look.at));
        after.health = health::seen(application).or(after.health);
    }
    remember(ledger, &stream, &after);
    after
}

/// Which range of its syncs a look has read, and what is missing in it. Losses are noted after what was read, so that
/// what makes an older loss good does not take the new one with it.
fn cover(entry: &mut Entry, application: &Application, history: &[&History], before: &Memory, look: Look) {
    let end = look.range.until.map_or(look.at, |until| until.min(look.at));
    let created_at = application.metadata.created_at;
    let oldest = history.first().and_then(|oldest| Some((oldest.id?, oldest.deployed_at?)));
    if application.spec.history_limit == Some(0) {
        return extend(entry, before.looked_at.or(created_at), end, UNKEPT);
    }
    // Before its first sync there was none.
    let told = oldest.map(|(id, at)| if id == 0 { created_at.map_or(at, |created| created.min(at)) } else { at });
    if !look.range.is_open() {
        let start = told.or(created_at).unwrap_or(end);
        return entry.complete(look.range.since.map_or(start, |since| since.max(start)), end);
    }
    let Some((id, at)) = oldest else {
        return match before.last {
            None => entry.complete(before.looked_at.or(created_at).unwrap_or(end), end),
            Some(_) => extend(entry, before.looked_at, end, EMPTIED),
        };
    };
    let start = told.unwrap_or(at);
    // Clocks of two machines differ: what was seen ends before the sync that came later.
    let seen_until = before.looked_at.filter(|looked_at| *looked_at < at).or(before.last.map(|(_, at)| at));
    let lost = match before.last {
        Some(last) if has_restarted(history, last) => {
            entry.complete(start, end);
            return extend(entry, seen_until, at, RESTARTED);
        }
        Some((last, _)) => id - last - 1,
        None => id,
    };
    match (lost, before.looked_at) {
        (..=0, looked_at) => entry.complete(looked_at.map_or(start, |looked_at| looked_at.min(start)), end),
        (_, None) => {
            entry.complete(start, end);
            entry.beginning = Some(begins_trimmed(id, at));
        }
        (_, Some(_)) => {
            entry.complete(start, end);
            entry.lose(trimmed_since(seen_until.unwrap_or(at), at, lost));
        }
    }
}

const UNKEPT: &str = "the application keeps no history (`revisionHistoryLimit` is 0), so that syncs between readings are lost and nobody can tell how many";
const EMPTIED: &str = "the history was emptied, so that syncs since the last reading are lost and nobody can tell how many";
const RESTARTED: &str = "the numbers of the history began again, so that syncs since the last reading are lost and nobody can tell how many";

/// What was trimmed before the first reading nobody could have read: there the data begin.
fn begins_trimmed(count: i64, at: Instant) -> Beginning {
    let reason = format!(
        "it begins with the oldest sync that was left at the first reading: {count} older ones had been trimmed from the history"
    );
    Beginning { at, reason }
}

/// Syncs that came and went between two readings.
fn trimmed_since(looked_at: Instant, oldest_at: Instant, count: i64) -> Loss {
    let reason = "syncs were trimmed from the history between two readings: read more often, or raise `revisionHistoryLimit`";
    Loss {
        start_at: Some(looked_at),
        end_at: Some(oldest_at),
        reason: reason.to_owned(),
        missing_count: Some(count),
    }
}

/// Whether the history is no continuation of the one whose newest entry was `last`: it ends before it, or has another
/// entry under its number.
fn has_restarted(history: &[&History], last: (i64, Instant)) -> bool {
    let newest = history.iter().filter_map(|entry| entry.id).max();
    let same_number = history.iter().find(|entry| entry.id == Some(last.0));
    newest.is_some_and(|newest| newest < last.0)
        || same_number.is_some_and(|entry| entry.deployed_at.is_some_and(|at| at != last.1))
}

/// Notes an uncounted loss, as one with the loss of the same kind that it goes on from.
fn extend(entry: &mut Entry, start: Option<Instant>, end: Instant, reason: &str) {
    let Some(start) = start.filter(|start| *start < end) else { return };
    let touches = |loss: &Loss| loss.reason == reason && loss.end_at >= Some(start) && loss.start_at <= Some(end);
    let joined: Vec<Loss> = entry.losses.extract_if(.., |loss| touches(loss)).collect();
    let start_at = joined.iter().filter_map(|loss| loss.start_at).fold(start, Instant::min);
    let end_at = joined.iter().filter_map(|loss| loss.end_at).fold(end, Instant::max);
    entry.lose(Loss {
        start_at: Some(start_at),
        end_at: Some(end_at),
        reason: reason.to_owned(),
        missing_count: None,
    });
}

/// Since its last change, health is known; what it did before lies between readings.
fn note_health(ledger: &mut Ledger, application: &Application, place: &Place, look: Look, counts: bool) {
    let health = &application.status.health;
    let Some(changed_at) = health.changed_at.filter(|_| counts && !health.status.is_empty()) else { return };
    let start = look.range.since.map_or(changed_at, |since| since.max(changed_at));
    let end = look.range.until.map_or(look.at, |until| until.min(look.at));
    let entry = ledger.entry(&health_stream(place));
    entry.covers = vec!["health_transitions".to_owned()];
    entry.service.clone_from(&place.service);
    entry.complete(start, end);
}
