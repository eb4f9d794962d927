//! What a Prometheus would have written: planted conditions, evaluated as its rule manager does.

use std::collections::BTreeMap;

use crate::sources::prometheus::wire::Labels;

/// The start of every planted world: 2026-01-05T00:00:00Z, in milliseconds.
pub(super) const START: i64 = 1_767_571_200_000;

/// A sample, or the marker that a series has ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sample {
    Value(String),
    Histogram,
    Stale,
}

/// Everything a server holds: samples by labels, by milliseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Held(pub(super) BTreeMap<Labels, BTreeMap<i64, Sample>>);

/// Labels from pairs.
pub(super) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// An alerting rule and when its condition holds, in seconds after [`START`].
#[derive(Clone, Debug)]
pub(super) struct Alert {
    pub(super) labels: Labels,
    /// Seconds that the condition has to hold.
    pub(super) hold: i64,
    /// Seconds that it goes on to fire once its condition holds no longer.
    pub(super) keep: i64,
    /// Half-open ranges of seconds in which the condition holds.
    pub(super) on: Vec<(i64, i64)>,
}

impl Alert {
    pub(super) fn new(pairs: &[(&str, &str)], hold: i64, on: &[(i64, i64)]) -> Self {
        Self { labels: labels(pairs), hold, keep: 0, on: on.to_vec() }
    }

    /// With `keep_firing_for`.
    pub(super) fn keeping(self, keep: i64) -> Self {
        Self { keep, ..self }
    }
}

/// How a server runs.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Seconds between two evaluations.
    pub(super) every: i64,
    /// Milliseconds by which evaluations are off the full interval.
    pub(super) offset: i64,
    /// From which second to which, excluded.
    pub(super) from: i64,
    pub(super) to: i64,
    /// Ranges of seconds in which it has crashed.
    pub(super) down: Vec<(i64, i64)>,
    /// Whether a series that ends is marked so; what was back-filled is not.
    pub(super) marks: bool,
}

impl Run {
    pub(super) fn new(every: i64, from: i64, to: i64) -> Self {
        Self { every, offset: 0, from, to, down: Vec::new(), marks: true }
    }

    fn is_down(&self, second: i64) -> bool {
        self.down.iter().any(|(from, to)| (*from..*to).contains(&second))
    }
}

impl Held {
    /// Evaluates a rule over the whole run.
    pub(super) fn evaluate(&mut self, run: &Run, alert: &Alert) {
        let mut active_at: Option<i64> = None;
        let mut written: Option<&str> = None;
        let mut kept_since: Option<i64> = None;
        for second in (run.from..run.to).step_by(usize::try_from(run.every).expect("a positive interval")) {
            if run.is_down(second) {
                // After a crash nothing is marked, and only alerts that wait for long are remembered.
                written = None;
                active_at = active_at.filter(|_| alert.hold >= 600);
                continue;
            }
            let is_on = alert.on.iter().any(|(from, to)| (*from..*to).contains(&second));
            let at = START + second * 1000 + run.offset;
            kept_since = (!is_on && written == Some("firing")).then(|| kept_since.unwrap_or(second));
            let is_kept = kept_since.is_some_and(|since| second - since < alert.keep);
            active_at = (is_on || is_kept).then(|| active_at.unwrap_or(second));
            let state = active_at.map(|since| if second - since >= alert.hold { "firing" } else { "pending" });
            if let Some(before) = written.filter(|before| run.marks && state != Some(*before)) {
                self.put(&alert.labels, "ALERTS", Some(before), at, Sample::Stale);
                if state.is_none() {
                    self.put(&alert.labels, "ALERTS_FOR_STATE", None, at, Sample::Stale);
                }
            }
            if let (Some(state), Some(since)) = (state, active_at) {
                self.put(&alert.labels, "ALERTS", Some(state), at, Sample::Value("1".to_owned()));
                let since = START / 1000 + since;
                self.put(&alert.labels, "ALERTS_FOR_STATE", None, at, Sample::Value(since.to_string()));
            }
            written = state;
        }
    }

    /// Writes `up` at every scrape of the run, every 15 seconds.
    pub(super) fn scrape(&mut self, run: &Run) {
        for second in (run.from..run.to).step_by(15).filter(|second| !run.is_down(*second)) {
            let up = labels(&[("__name__", "up"), ("job", "api")]);
            self.0.entry(up).or_default().insert(START + second * 1000 + 7, Sample::Value("1".to_owned()));
        }
    }

    fn put(&mut self, plain: &Labels, name: &str, state: Option<&str>, at: i64, sample: Sample) {
        let mut labels = plain.clone();
        labels.insert("__name__".to_owned(), name.to_owned());
        labels.extend(state.map(|state| ("alertstate".to_owned(), state.to_owned())));
        self.0.entry(labels).or_default().insert(at, sample);
    }

    /// Forgets everything before a second, as retention does.
    pub(super) fn forget_before(&mut self, second: i64) {
        for samples in self.0.values_mut() {
            samples.retain(|at, _| *at >= START + second * 1000);
        }
        self.0.retain(|_, samples| !samples.is_empty());
    }
}
