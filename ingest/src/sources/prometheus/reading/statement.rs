//! What a reading of alerts states in the end, and what it leaves for the next one.

use lake::Instant;

use super::alerts::{Alerts, PRESENCE, SERVICES, STREAM, TIMELINE};
use crate::ledger::Entry;
use crate::sources::prometheus::windows::Window;
use crate::{Ledger, Loss};

/// Why a time is no evidence of quiet.
const KEPT_NOTHING: &str = "the server holds nothing of this time: it lies before what it keeps, or before it ran";
const DOWN: &str = "the server recorded nothing at this time";
const BEYOND: &str = "this lies before what the server says it keeps";

impl Alerts<'_, '_> {
    /// Keeps for the next reading what it needs to go on from `until`, and what is known to be missing before: this reading
    /// may be broken off.
    pub(super) fn remember(&self, entry: &mut Entry, until: Instant) {
        // What the server would not give at the end of the range is asked for again.
        entry.watermark = entry.watermark.max(self.complete(entry, self.core.start, until));
        let mut memory = |key: &str, value| entry.memory.insert(key.to_owned(), value);
        memory(TIMELINE, self.timeline.to_memory());
        memory(PRESENCE, serde_json::to_value(&self.presence).unwrap_or_default());
        memory(SERVICES, serde_json::to_value(&self.services).unwrap_or_default());
    }

    /// Notes the range as read, but for what the server would not give, and says how far that goes.
    fn complete(&self, entry: &mut Entry, start: Instant, until: Instant) -> Option<Instant> {
        let given = self.unread.missing(start, until);
        for (from, to) in &given {
            entry.complete(*from, *to);
        }
        for loss in &self.losses {
            entry.lose(loss.clone());
        }
        given.last().map(|(_, to)| *to)
    }

    /// States what was read, and keeps what the next reading needs.
    pub(super) fn end(&mut self, ledger: &mut Ledger, asked: Window, read_until: Instant, present: Instant) {
        if self.presence.until().is_some() && !self.presence.has_any() {
            let alerts = &self.session.config.alerts;
            let told = format!("`{}` was never there: does `presence` name a series that always is?", alerts.presence);
            self.session.reporter.gap(&told);
        }
        let entry = ledger.entry(STREAM);
        // What was missing in the range that was read was found missing again, or is not missing any more.
        let asked_until = if self.is_leading { present } else { asked.end };
        entry.losses.retain(|loss| !(loss.start_at >= Some(asked.start) && loss.end_at <= Some(asked_until)));
        if self.is_leading && read_until > asked.start {
            self.remember(entry, read_until);
        } else {
            self.complete(entry, asked.start, read_until);
            entry.memory.insert(PRESENCE.to_owned(), serde_json::to_value(&self.presence).unwrap_or_default());
            entry.memory.insert(SERVICES.to_owned(), serde_json::to_value(&self.services).unwrap_or_default());
        }
        self.begin_with_the_first_record(entry);
        self.state_darkness(entry);
        let entry = entry.clone();
        for service in &self.services {
            // Quiet alerts speak for the services that rules name, and for no others.
            let own = ledger.entry(&format!("incidents {service}"));
            own.covers = vec!["incidents".to_owned()];
            own.service = Some(service.clone());
            own.read = entry.read.clone();
            own.losses.clone_from(&entry.losses);
            own.found.clone_from(&entry.found);
            own.beginning.clone_from(&entry.beginning);
        }
    }

    /// Where nobody said from when on to read, and the server had recorded nothing yet when it was first read: the data
    /// begin with the first that it recorded since.
    fn begin_with_the_first_record(&self, entry: &mut Entry) {
        let Some(beginning) = &mut entry.beginning else { return };
        let first = self.presence.since(beginning.at);
        let is_of_it = entry.read.iter().any(|(start, end)| start == beginning.at && first < end);
        if is_of_it && first > beginning.at && self.presence.begins_at(first) {
            entry.read.remove(beginning.at, first);
            beginning.at = first;
        }
    }

    /// States when nobody looked: quiet at such a time means nothing.
    fn state_darkness(&self, entry: &mut Entry) {
        entry.losses.retain(|loss| ![KEPT_NOTHING, DOWN].contains(&loss.reason.as_str()));
        let read: Vec<(Instant, Instant)> = entry.read.iter().collect();
        let mut lose = |window: Window, reason: &str| {
            let (start_at, end_at) = (Some(window.start), Some(window.end));
            entry.keep(Loss { start_at, end_at, reason: reason.to_owned(), missing_count: None });
        };
        for (start, end) in read {
            for dark in self.presence.down(Window::new(start, end)) {
                lose(dark, if self.presence.has_life_before(dark.start) { DOWN } else { KEPT_NOTHING });
            }
        }
        // What was read while the server kept it stays read.
        let from = self.read_before.filter(|_| self.goes_on()).map_or(self.core.start, |until| until.max(self.core.start));
        if self.presence.until().is_none() && from < self.session.kept_since {
            lose(Window::new(from, self.core.end.min(self.session.kept_since)), BEYOND);
        }
    }
}
