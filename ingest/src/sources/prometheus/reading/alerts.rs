//! Reading alerts: windows of samples in, rows out, and what is still open kept for the next reading.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use lake::Instant;

use super::output::Rows;
use super::window::{ActiveSince, Both, active_since, both, key};
use super::{Session, anew, look_around, presence};
use crate::ledger::Entry;
use crate::sources::prometheus::alertmanager::FiringNow;
use crate::sources::prometheus::client::{Failure, Found, failure};
use crate::sources::prometheus::config::Method;
use crate::sources::prometheus::intervals::{End, Interval, Looked, Pace, intervals};
use crate::sources::prometheus::presence::Presence;
use crate::sources::prometheus::selectors::Selectors;
use crate::sources::prometheus::timeline::{Identity, Published, Sight, Timeline, Witness, runs};
use crate::sources::prometheus::windows::{SECOND, STEPS, Window};
use crate::sources::prometheus::wire;
use crate::{Beginning, Ledger, Loss, Range, Sink, SourceError, Spans};

/// The entry of the ledger for alerts.
pub(in crate::sources::prometheus) const STREAM: &str = "alerts";
pub(super) const TIMELINE: &str = "alerts";
pub(super) const PRESENCE: &str = "presence";
pub(super) const SERVICES: &str = "services";
const SHAPE: &str = "shape";
/// The range that a reading reads: what was asked for, or from a little before where the last reading ended.
pub(in crate::sources::prometheus) fn range(
    asked: Range,
    entry: Option<&Entry>,
    overlap: i64,
    first: Instant,
    present: Instant,
) -> Window {
    let end = asked.until.map_or(present, |until| until.min(present));
    let again = entry.and_then(|entry| {
        let watermark = entry.watermark?;
        let mut read = entry.read.iter();
        let (read_from, _) = read.find(|(start, end)| *start <= watermark && watermark <= *end)?;
        Some(Instant(watermark.0 - overlap).max(read_from))
    });
    Window::new(asked.since.or(again).unwrap_or(first), end).in_milliseconds()
}

/// One reading of alerts.
pub(super) struct Alerts<'s, 'a> {
    pub(super) session: &'s Session<'a>,
    pub(super) selectors: Selectors,
    pub(super) timeline: Timeline,
    pub(super) presence: Presence,
    /// The range that was asked for, as far as it was read.
    pub(super) core: Window,
    /// The range in which samples were read, with what was read around the core and by earlier readings.
    pub(super) looked: Window,
    /// Whether it goes on where the last reading ended.
    pub(super) is_leading: bool,
    /// Until when earlier readings had read.
    pub(super) read_before: Option<Instant>,
    remembered: BTreeSet<Identity>,
    pub(super) services: BTreeSet<String>,
    pub(super) losses: Vec<Loss>,
    /// What the server would not give at all.
    pub(super) unread: Spans,
    remarks: BTreeSet<String>,
}

/// Reads alerts and makes rows of them.
pub(super) async fn read(
    session: &mut Session<'_>,
    firing_now: Option<FiringNow>,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
) -> Result<(), SourceError> {
    let settings = &session.config.alerts;
    let present = Instant(session.present.0 - i64::from(settings.lag_seconds) * SECOND);
    let first = session.since.unwrap_or(session.kept_since);
    let overlap = i64::from(settings.overlap_minutes) * 60 * SECOND;
    anew::begin_where_rows_change(session, ledger, sink);
    let core = range(session.range, ledger.get(STREAM), overlap, first, present);
    if core.length() <= 0 {
        return Ok(());
    }
    session.reporter.begin(&format!("reading alerts of `{}`", session.config.name), None);
    let method = method(session, core).await?;
    let fastest = session.evaluations.fastest();
    session.evaluations.by_steps_of((method == Method::RangeQuery).then_some(fastest));
    let session = &*session;
    let mut reading = Alerts::begin(session, ledger, core, sink)?;
    let read_until = match presence::look(session, &mut reading.presence, core).await? {
        Ok(()) => {
            reading.begin_where_data_begin(ledger.entry(STREAM));
            reading.windows(ledger, sink).await?
        }
        Err(reason) => {
            reading.stop(core.start, &reason);
            core.start
        }
    };
    let core = reading.core;
    if read_until > core.start {
        reading.core = Window::new(core.start, read_until);
        reading.looked.end = reading.looked.end.max(read_until);
        look_around::forwards(&mut reading, read_until, present).await?;
        if let Some(firing_now) = firing_now.filter(|_| reading.is_leading && read_until == present) {
            firing_now.see(&mut reading.timeline, session.identifying, present);
        }
        let core = reading.core;
        let mut rows = Rows::new(session.config, session.rules);
        reading.emit(&mut rows, |_, interval, _| interval.first < core.end);
        rows.put(sink)?;
    }
    reading.end(ledger, core, read_until, present);
    Ok(())
}

/// How samples are asked for: where that is left to us, by a question for a little of the newest.
async fn method(session: &Session<'_>, core: Window) -> Result<Method, SourceError> {
    let settings = &session.config.alerts;
    if settings.method != Method::Auto {
        return Ok(settings.method);
    }
    let smallest = i64::from(settings.smallest_window_seconds) * SECOND;
    let newest = Window::new(Instant((core.end.0 - smallest).max(core.start.0)), core.end);
    let selector = Selectors::new(&settings.matching).firing();
    match session.server.samples(&selector, newest).await {
        Ok(_) => Ok(Method::Samples),
        Err(error) => match failure(&error) {
            Failure::Unauthorised => Err(SourceError::new("could not read alerts", error)),
            Failure::Refused => {
                tracing::info!(error = %error.kind, "samples cannot be had: range queries are used");
                Ok(Method::RangeQuery)
            }
            Failure::TooMuch | Failure::Passing => Ok(Method::Samples),
        },
    }
}

impl<'s, 'a> Alerts<'s, 'a> {
    /// Takes up what the last reading left.
    fn begin(
        session: &'s Session<'a>,
        ledger: &mut Ledger,
        core: Window,
        sink: &mut Sink<'_>,
    ) -> Result<Self, SourceError> {
        let settings = &session.config.alerts;
        let entry = ledger.entry(STREAM);
        entry.covers = vec!["alerts".to_owned()];
        let read_before = entry.watermark;
        let is_leading = entry.watermark.is_none_or(|watermark| core.start <= watermark && watermark <= core.end);
        let bucket = i64::from(settings.presence_seconds) * SECOND;
        let remembered = |key: &str| entry.memory.get(key).cloned();
        let presence = remembered(PRESENCE).and_then(|presence| serde_json::from_value(presence).ok());
        let services = remembered(SERVICES).and_then(|services| serde_json::from_value(services).ok());
        let mut services: BTreeSet<String> = services.unwrap_or_default();
        services.extend(session.rules.services().map(str::to_owned));
        let looked = entry.read.iter().find(|(start, end)| *start <= core.start && core.start <= *end);
        let looked = Window::new(looked.map_or(core.start, |(start, _)| start), core.start);
        let mut timeline = Timeline::default();
        if is_leading {
            timeline = Timeline::from_memory(entry.memory.get(TIMELINE));
        }
        let mut reading = Self {
            session,
            selectors: Selectors::new(&settings.matching),
            remembered: timeline.tracks.keys().cloned().collect(),
            timeline,
            presence: presence.unwrap_or_else(|| Presence::new(bucket)),
            core,
            looked,
            is_leading,
            read_before,
            services,
            losses: Vec::new(),
            unread: Spans::default(),
            remarks: BTreeSet::new(),
        };
        let shape = serde_json::json!([session.identifying.names, session.identifying.external, settings.matching]);
        let before = entry.memory.insert(SHAPE.to_owned(), shape.clone());
        if is_leading && before.is_some_and(|before| before != shape) {
            reading.give_up(sink)?;
        }
        Ok(reading)
    }

    /// Where nobody said from when on to read, the data begin with what the server still holds: what lies before that is no
    /// gap in what was read.
    fn begin_where_data_begin(&mut self, entry: &mut Entry) {
        let was_asked = self.session.since.is_some() || self.session.range.since.is_some();
        if was_asked || self.read_before.is_some() {
            return;
        }
        // Whatever earlier readings could not read of it, none of them read anything.
        entry.losses.clear();
        if self.presence.has_any() {
            self.core.start = self.presence.since(self.core.start).min(self.core.end);
            self.looked.start = self.core.start;
        }
        let reason = "it begins with the oldest that the server still held at the first reading".to_owned();
        entry.beginning = Some(Beginning { at: self.core.start, reason });
    }

    /// Settings say now that other labels identify an alert: what is open under the old ones is no longer looked after.
    fn give_up(&mut self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let mut rows = Rows::new(self.session.config, self.session.rules);
        let until = self.core.start.max(self.looked.end);
        for (identity, track) in &self.timeline.tracks {
            let pace = self.session.evaluations.pace(identity);
            let looked = Looked { range: Window::new(self.looked.start, until), presence: &self.presence };
            for mut interval in intervals(track, &pace, looked) {
                if matches!(interval.end, End::Firing | End::Unknown) {
                    interval.end = End::Unseen { error: (until.0 - interval.last.0).max(pace.evaluation) };
                }
                let long_after = Instant(interval.last.0 + pace.settled() + 1);
                rows.add(identity, &interval, &pace, until.max(long_after), None);
            }
        }
        self.timeline = Timeline::default();
        self.remembered.clear();
        rows.put(sink)
    }

    /// Reads the core, window by window, and says how far it came.
    async fn windows(&mut self, ledger: &mut Ledger, sink: &mut Sink<'_>) -> Result<Instant, SourceError> {
        let session = self.session;
        let tiles = self.core.tiles(self.window_length());
        session.reporter.begin(&format!("reading alerts of `{}`", session.config.name), Some(tiles.len() as u64));
        let selectors = self.selectors.clone();
        let asking = tiles.into_iter().map(|tile| {
            let selectors = selectors.clone();
            Box::pin(async move { both(session, &selectors, tile).await })
        });
        let mut answers = stream::iter(asking).buffered(session.server.requests_in_flight());
        let mut read_until = self.core.start;
        while let Some(answer) = answers.next().await {
            let both = match answer {
                Ok(both) => both,
                Err(error) if failure(&error) == Failure::Unauthorised => {
                    return Err(SourceError::new("could not read alerts", error));
                }
                Err(error) => {
                    self.stop(read_until, &format!("{error}: {}", error.kind));
                    break;
                }
            };
            let is_first = read_until == self.core.start;
            read_until = both.window.end;
            self.looked.end = self.looked.end.max(read_until);
            self.take(both, Some(&mut *sink), false);
            if is_first {
                look_around::backwards(self).await?;
            }
            session.reporter.advance(1);
            self.settle(read_until, sink)?;
            if self.is_leading {
                self.remember(ledger.entry(STREAM), read_until);
            }
            sink.checkpoint(|| ledger.to_cursor()).await?;
        }
        Ok(read_until)
    }

    /// Whether it takes up a reading that had read everything before: what is open at its start is remembered.
    pub(super) fn goes_on(&self) -> bool {
        self.is_leading && self.looked.start < self.core.start
    }

    /// How long a window may be for one question.
    pub(super) fn window_length(&self) -> i64 {
        let configured = i64::from(self.session.config.alerts.window_minutes) * 60 * SECOND;
        let step = self.session.evaluations.pace(&Identity::new()).step;
        step.map_or(configured, |step| configured.min(STEPS * step))
    }

    /// Takes what was found in a window. What was read around the core is no part of what the reading states.
    pub(super) fn take(&mut self, both: Both, sink: Option<&mut Sink<'_>>, is_around: bool) {
        let active = active_since(&both.active);
        let mut sink = sink;
        for (piece, found) in both.firing.pieces.iter().chain(&both.active.pieces) {
            self.state_losses(*piece, found, is_around);
        }
        for (piece, error) in both.firing.lost.iter().chain(&both.active.lost).filter(|_| !is_around) {
            self.lose(*piece, format!("{error}: {}", error.kind), None);
        }
        for (piece, _) in both.firing.lost.iter().filter(|_| !is_around) {
            self.unread.add(piece.start, piece.end);
        }
        for (piece, found) in &both.firing.pieces {
            let page = sink.as_mut().zip(found.page.clone()).map(|(sink, page)| sink.page(page));
            for series in &found.series {
                self.see(*piece, series, &active, page.as_deref());
            }
        }
        if let Some(sink) = sink {
            for page in both.active.pieces.into_iter().filter_map(|(_, found)| found.page) {
                sink.page(page);
            }
        }
    }

    /// Takes one series of firing alerts.
    fn see(&mut self, window: Window, series: &wire::Series, active: &ActiveSince, page: Option<&str>) {
        let mut labels = series.metric.clone();
        labels.retain(|name, _| name != "__name__" && name != "alertstate");
        let key = key(&labels);
        let identity = self.session.identifying.identity(&labels);
        let pace = self.session.evaluations.pace(&identity);
        let witness = if pace.step.is_some() { Witness::RangeQuery } else { Witness::Samples };
        let sights = series.points().filter_map(|point| {
            let asked_at = point.at()?;
            let at = if witness == Witness::RangeQuery { point.instant()? } else { asked_at };
            window.holds(at).then(|| Sight { at, active_at: active.get(&(key.clone(), asked_at)).copied() })
        });
        let runs = runs(sights.collect(), pace.reach());
        if runs.is_empty() {
            return;
        }
        for run in &runs {
            self.presence.worked(run.first, run.last);
        }
        let track = self.timeline.see(identity, &key, witness, runs, pace.reach());
        if page.is_some() {
            track.page = page.map(str::to_owned);
        }
    }

    fn state_losses(&mut self, piece: Window, found: &Found, is_around: bool) {
        for remark in &found.infos {
            if self.remarks.insert(remark.clone()) {
                self.session.reporter.gap(&format!("the server remarks: {remark}"));
            }
        }
        if is_around {
            return;
        }
        for warning in &found.warnings {
            self.lose(piece, format!("the answer may be partial, says the server: {warning}"), None);
        }
        for (broken, count) in &found.broken {
            self.lose(piece, broken.clone(), Some(*count));
        }
    }

    /// Goes no further than `read_until` this time.
    fn stop(&mut self, read_until: Instant, why: &str) {
        let reason = format!("it was not read: {why}");
        self.session.reporter.gap(&format!("alerts of `{}` from {read_until} on: {reason}", self.session.config.name));
        self.lose(Window::new(read_until, self.core.end), reason, None);
    }

    fn lose(&mut self, window: Window, reason: String, missing_count: Option<i64>) {
        self.losses.push(Loss { start_at: Some(window.start), end_at: Some(window.end), reason, missing_count });
    }

    /// Puts intervals into rows, notes their starts, and says which were put.
    fn emit(&mut self, rows: &mut Rows<'_>, which: impl Fn(&Identity, &Interval, &Pace) -> bool) -> BTreeMap<Identity, Instant> {
        let looked = Looked { range: self.looked, presence: &self.presence };
        let mut put = BTreeMap::new();
        for (identity, track) in &mut self.timeline.tracks {
            let pace = self.session.evaluations.pace(identity);
            for interval in intervals(track, &pace, looked) {
                let is_of_core = interval.last >= self.core.start || self.remembered.contains(identity);
                // Samples of what Alertmanager has just been told are yet to come.
                let is_fresh = interval.witness == Witness::Alertmanager
                    && self.looked.end.0 - interval.first.0 <= pace.patience();
                if !is_of_core || is_fresh || !which(identity, &interval, &pace) {
                    continue;
                }
                put.insert(identity.clone(), interval.last);
                let service = rows.add(identity, &interval, &pace, self.looked.end, track.page.as_deref());
                self.services.extend(service);
                let published = Published { first: interval.first, start: interval.start, error: interval.start_error };
                let is_known = |known: &Published| interval.first <= known.first && known.first <= interval.last;
                if !track.published.iter().any(is_known) {
                    track.published.push(published);
                }
            }
        }
        put
    }

    /// Puts what cannot change any more into rows, and forgets it.
    fn settle(&mut self, until: Instant, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let overlap = i64::from(self.session.config.alerts.overlap_minutes) * 60 * SECOND;
        let mut rows = Rows::new(self.session.config, self.session.rules);
        // What was firing when the server went down may go on once it is back, however long that takes.
        let is_past = |interval: &Interval| interval.end != End::Unknown;
        let settled = self.emit(&mut rows, |_, interval, pace| {
            is_past(interval) && until.0 - interval.last.0 > pace.settled() + overlap
        });
        rows.put(sink)?;
        self.timeline.prune(|identity, run| settled.get(identity).is_none_or(|last| run.last > *last));
        Ok(())
    }
}
