//! Reading everything anew once settings, or rules that could not be read before, shape rows otherwise: rows under other
//! labels or of other starts have other keys, so that nothing written later would replace them.

use lake::Instant;
use serde_json::{Value, json};

use super::Session;
use super::alerts::STREAM;
use crate::{Ledger, Sink};

/// Under which settings all that is stored was read.
const SETTINGS: &str = "settings";
/// Of which other settings it was told that what is stored was read under earlier ones.
const TOLD: &str = "told settings";
const UNCHANGED: &str = "settings that shape alerts have changed, and the server no longer holds all that was read: stored intervals keep their \
     old labels until a reading with `--since`, at or before the first that was read, replaces them by what it holds";
/// What the server said of its rules.
pub(super) const RULES: &str = "rules";
/// That something was read before the server ever said anything of its rules.
const WITHOUT_RULES: &str = "without rules";
const UNRULED: &str = "the server says now how it evaluates its alerts, and no longer holds all that was read before it did: stored \
     intervals stay as they were until a reading with `--since`, at or before the first that was read, replaces them by \
     what it holds";
/// The tables whose rows are made of alerts.
const OF_ALERTS: [&str; 2] = ["alerts", "incidents"];

/// Forgets what was read under other settings and lets this reading replace it, where it can read all of it again, or was
/// asked to.
pub(super) fn begin_where_rows_change(session: &Session<'_>, ledger: &mut Ledger, sink: &mut Sink<'_>) {
    let settings = settings(session);
    let entry = ledger.entry(STREAM);
    let before = entry.memory.entry(SETTINGS.to_owned()).or_insert_with(|| settings.clone());
    let are_others = *before != settings;
    let was_without = entry.memory.contains_key(WITHOUT_RULES);
    if session.knows_rules {
        entry.memory.insert(RULES.to_owned(), session.evaluations.to_memory());
    } else {
        entry.memory.insert(WITHOUT_RULES.to_owned(), Value::Bool(true));
    }
    let is_ruled = was_without && session.knows_rules;
    if !(are_others || is_ruled) || session.range.until.is_some() {
        return;
    }
    let oldest = entry.read.iter().next().map(|(start, _)| start);
    let from = session
        .range
        .since
        .unwrap_or_else(|| session.since.map_or(session.kept_since, |since| since.max(session.kept_since)));
    if oldest.is_some_and(|oldest| oldest < from) {
        if entry.memory.insert(TOLD.to_owned(), settings.clone()).is_none_or(|told| told != settings) {
            session.reporter.gap(if are_others { UNCHANGED } else { UNRULED });
        }
        return;
    }
    tracing::info!(
        instance = session.config.name,
        "settings that shape alerts have changed, or rules are known at last: all of them are read anew"
    );
    let streams: Vec<String> = ledger.entries().map(|(stream, _)| stream.to_owned()).collect();
    for stream in streams.iter().filter(|stream| *stream == STREAM || stream.starts_with("incidents ")) {
        ledger.forget(stream);
    }
    let memory = &mut ledger.entry(STREAM).memory;
    memory.insert(SETTINGS.to_owned(), settings);
    if session.knows_rules {
        memory.insert(RULES.to_owned(), session.evaluations.to_memory());
    } else {
        memory.insert(WITHOUT_RULES.to_owned(), Value::Bool(true));
    }
    sink.begin_anew(&OF_ALERTS);
}

/// Everything in the settings that shapes rows of alerts.
fn settings(session: &Session<'_>) -> Value {
    let alerts = &session.config.alerts;
    json!([
        session.identifying.names,
        session.config.rules,
        alerts.matching,
        alerts.external_labels,
        alerts.evaluation_seconds,
        alerts.keep_firing_seconds,
        alerts.flapping_seconds,
        alerts.presence,
        alerts.presence_seconds,
        session.since.map(|since: Instant| since.0),
    ])
}
