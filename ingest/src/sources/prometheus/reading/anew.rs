//! Reading everything anew once settings shape rows otherwise: rows under other labels have other keys, so that nothing
//! written later would replace them.

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
/// The tables whose rows are made of alerts.
const OF_ALERTS: [&str; 2] = ["alerts", "incidents"];

/// Forgets what was read under other settings and lets this reading replace it, where it can read all of it again, or was
/// asked to.
pub(super) fn begin_where_settings_changed(session: &Session<'_>, ledger: &mut Ledger, sink: &mut Sink<'_>) {
    let settings = settings(session);
    let entry = ledger.entry(STREAM);
    let before = entry.memory.entry(SETTINGS.to_owned()).or_insert_with(|| settings.clone());
    if *before == settings || session.range.until.is_some() {
        return;
    }
    let oldest = entry.read.iter().next().map(|(start, _)| start);
    let from = session
        .range
        .since
        .unwrap_or_else(|| session.since.map_or(session.kept_since, |since| since.max(session.kept_since)));
    if oldest.is_some_and(|oldest| oldest < from) {
        if entry.memory.insert(TOLD.to_owned(), settings.clone()).is_none_or(|told| told != settings) {
            session.reporter.gap(UNCHANGED);
        }
        return;
    }
    tracing::info!(
        instance = session.config.name,
        "settings that shape alerts have changed: all of them are read anew"
    );
    let streams: Vec<String> = ledger.entries().map(|(stream, _)| stream.to_owned()).collect();
    for stream in streams.iter().filter(|stream| *stream == STREAM || stream.starts_with("incidents ")) {
        ledger.forget(stream);
    }
    ledger.entry(STREAM).memory.insert(SETTINGS.to_owned(), settings);
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
