//! Looking beyond the range that was asked for: where an alert began that was firing at its start, and where one ended
//! that was firing at its end. Otherwise one firing would be two, cut where somebody happened to stop reading.

use std::collections::BTreeSet;

use lake::Instant;

use super::alerts::Alerts;
use super::presence;
use super::window::both;
use crate::SourceError;
use crate::sources::prometheus::client::{Failure, failure};
use crate::sources::prometheus::intervals::{Looked, intervals};
use crate::sources::prometheus::windows::{SECOND, Window};

/// The first step; each is twice as long as the one before.
const FIRST_STEP: i64 = 3600 * SECOND;

/// Reads back from the start of the core until no alert is left that may have begun before.
pub(super) async fn backwards(reading: &mut Alerts<'_, '_>) -> Result<(), SourceError> {
    if reading.goes_on() {
        return Ok(());
    }
    let days = i64::from(reading.session.config.alerts.look_around_days);
    let furthest = Instant(reading.core.start.0 - days * 86400 * SECOND).max(reading.session.kept_since);
    let mut edge = reading.core.start;
    let mut step = FIRST_STEP;
    loop {
        let names = reading.names(|first, _, slack| first >= edge && first.0 - edge.0 <= slack);
        if names.is_empty() || edge <= furthest {
            return Ok(());
        }
        let window = Window::new(Instant(edge.0 - step.min(reading.window_length())).max(furthest), edge);
        if !look(reading, window, &names).await? {
            return Ok(());
        }
        reading.looked.start = reading.looked.start.min(window.start);
        edge = window.start;
        step *= 2;
    }
}

/// Reads on from the end of the core, up to the present, until every alert that fired there is over.
pub(super) async fn forwards(reading: &mut Alerts<'_, '_>, end: Instant, present: Instant) -> Result<(), SourceError> {
    let days = i64::from(reading.session.config.alerts.look_around_days);
    let furthest = Instant(end.0 + days * 86400 * SECOND).min(present);
    let mut edge = end;
    let mut step = FIRST_STEP;
    loop {
        let names = reading.names(|first, last, slack| first < end && edge.0 - last.0 <= slack);
        if names.is_empty() || edge >= furthest {
            return Ok(());
        }
        let window = Window::new(edge, Instant(edge.0 + step.min(reading.window_length())).min(furthest));
        if !look(reading, window, &names).await? {
            return Ok(());
        }
        reading.looked.end = reading.looked.end.max(window.end);
        edge = window.end;
        step *= 2;
    }
}

/// Reads the alerts with these names in a window, and says whether that was possible.
async fn look(reading: &mut Alerts<'_, '_>, window: Window, names: &BTreeSet<String>) -> Result<bool, SourceError> {
    let told = |why: &str| format!("could not look where alerts began or ended around {}: {why}", window.start);
    if let Err(why) = presence::look(reading.session, &mut reading.presence, window).await? {
        reading.session.reporter.gap(&told(&why));
        return Ok(false);
    }
    match both(reading.session, &reading.selectors.named(names), window).await {
        Ok(found) => {
            reading.take(found, None, true);
            Ok(true)
        }
        Err(error) if failure(&error) == Failure::Unauthorised => Err(SourceError::new("could not read alerts", error)),
        Err(error) => {
            reading.session.reporter.gap(&told(&format!("{error}: {}", error.kind)));
            Ok(false)
        }
    }
}

impl Alerts<'_, '_> {
    /// The names of alerts some of whose intervals, by first and last sight and the time in which another firing would
    /// belong to them, are `wanted`.
    fn names(&self, wanted: impl Fn(Instant, Instant, i64) -> bool) -> BTreeSet<String> {
        let looked = Looked { range: self.looked, presence: &self.presence };
        let mut names = BTreeSet::new();
        for (identity, track) in &self.timeline.tracks {
            let pace = self.session.evaluations.pace(identity);
            let slack = pace.flapping.max(pace.patience());
            if intervals(track, &pace, looked).iter().any(|interval| wanted(interval.first, interval.last, slack)) {
                names.extend(identity.get("alertname").cloned());
            }
        }
        names
    }
}
