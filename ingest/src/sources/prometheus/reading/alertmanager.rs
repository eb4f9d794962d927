//! Asking an Alertmanager which alerts are firing.

use std::collections::BTreeSet;

use lake::Instant;
use serde_json::Value;

use super::output::Rows;
use crate::http::{Client, Request};
use crate::sources::prometheus::alertmanager::FiringNow;
use crate::sources::prometheus::config::{Alertmanager, Config};
use crate::sources::prometheus::evaluations::Evaluations;
use crate::sources::prometheus::intervals::{Looked, intervals};
use crate::sources::prometheus::presence::Presence;
use crate::sources::prometheus::rules::Rules;
use crate::sources::prometheus::timeline::{Identifying, Published, Timeline};
use crate::sources::prometheus::windows::Window;
use crate::{Ledger, Loss, Reporter, Sink, SourceError};

/// The entry of the ledger for what Alertmanager alone says.
const STREAM: &str = "alertmanager";

/// What Alertmanager says at the moment.
pub(super) async fn ask(
    settings: &Alertmanager,
    client: &Client<'_>,
    sink: &mut Sink<'_>,
    reporter: &dyn Reporter,
) -> Result<FiringNow, SourceError> {
    reporter.begin("reading what Alertmanager says is firing", None);
    let request = Request::get(client.origin().at(&["api", "v2", "alerts"], &filters(settings)));
    let failed = |error| SourceError::new("could not ask Alertmanager which alerts are firing", error);
    let answer = client.ask(&request).await.map_err(failed)?;
    let items: Vec<Value> = answer.json().map_err(failed)?;
    let page = (!items.is_empty()).then(|| sink.page(answer.body.to_vec()));
    let mut now = FiringNow { server_time: answer.server_time(), page, ..FiringNow::default() };
    for (index, item) in items.into_iter().enumerate() {
        let fingerprint = item.get("fingerprint").and_then(Value::as_str).unwrap_or_default().to_owned();
        match serde_json::from_value(item) {
            Ok(alert) => now.alerts.push(alert),
            Err(error) => reporter.gap(&format!("alert `{index}` (`{fingerprint}`) of Alertmanager is none: {error}")),
        }
    }
    Ok(now)
}

/// The query of the request.
pub(in crate::sources::prometheus) fn filters(settings: &Alertmanager) -> Vec<(&str, &str)> {
    settings.filter.iter().map(|filter| ("filter", filter.as_str())).collect()
}

/// Makes rows of what Alertmanager says where no Prometheus is read. It keeps no history: what began and ended between
/// two readings was not seen, and an end lies somewhere between two of them.
pub(super) fn alone(
    config: &Config,
    rules: &Rules,
    identifying: &Identifying,
    seen: &FiringNow,
    now: Instant,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
) -> Result<(), SourceError> {
    let now = seen.server_time.map_or(now, |time| time.min(now));
    let entry = ledger.entry(STREAM);
    entry.covers = vec!["alerts".to_owned()];
    let mut timeline = Timeline::from_memory(entry.memory.get("alerts"));
    seen.see(&mut timeline, identifying, now);
    let evaluations = Evaluations::configured(&config.alerts);
    let presence = Presence::new(0);
    let looked = Looked { range: Window::new(Instant(0), now), presence: &presence };
    let mut rows = Rows::new(config, rules);
    let mut over = BTreeSet::new();
    for (identity, track) in &mut timeline.tracks {
        let pace = evaluations.pace(identity);
        let found = intervals(track, &pace, looked);
        for interval in &found {
            rows.add(identity, interval, &pace, now, track.page.as_deref());
            track.published.push(Published { first: interval.first, start: interval.start, error: interval.start_error });
        }
        track.published.sort_by_key(|published| (published.first, published.start));
        track.published.dedup();
        if found.iter().all(|interval| now.0 - interval.last.0 > pace.settled()) {
            over.insert(identity.clone());
        }
    }
    rows.put(sink)?;
    timeline.tracks.retain(|identity, _| !over.contains(identity));
    if let Some(before) = entry.watermark.filter(|before| *before < now) {
        entry.lose(Loss {
            start_at: Some(before),
            end_at: Some(now),
            reason: "Alertmanager keeps no history: what fired only between two readings was not seen".to_owned(),
            missing_count: None,
        });
    }
    entry.watermark = entry.watermark.max(Some(now));
    entry.memory.insert("alerts".to_owned(), timeline.to_memory());
    Ok(())
}
