//! When which alert was seen to fire: samples become runs, one list of them for each series.
//!
//! Runs are a set: the same samples in any order and as often as you like give the same runs. So what one reading knows
//! can be kept and joined with what the next one reads.

use std::collections::BTreeMap;

use lake::Instant;
use serde::{Deserialize, Serialize};

use super::wire::Labels;

/// Who saw an alert.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Witness {
    /// Samples as they were written.
    Samples,
    /// Points of a range query.
    RangeQuery,
    /// An Alertmanager that was asked.
    Alertmanager,
}

impl Witness {
    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::RangeQuery => "range_query",
            Self::Alertmanager => "alertmanager",
        }
    }
}

/// One time an alert was seen to fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) at: Instant,
    /// Since when its condition holds, where that is known.
    pub(super) active_at: Option<Instant>,
}

/// A series that fired at evaluation after evaluation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Run {
    pub(super) first: Instant,
    pub(super) last: Instant,
    /// Since when its condition held, where that is known.
    pub(super) active_at: Option<Instant>,
}

impl Run {
    /// Whether `next`, which begins no earlier, goes on with this run: evaluations lie at most `reach` apart, and the
    /// condition did not become true anew in between.
    fn is_continued_by(&self, next: &Self, reach: i64) -> bool {
        let is_new = next.active_at.is_some_and(|active_at| active_at > self.last);
        next.first <= self.last || (!is_new && next.first.0 - self.last.0 <= reach)
    }
}

/// What one series, as the server keeps it, was seen to do.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Series {
    pub(super) witness: Witness,
    pub(super) runs: Vec<Run>,
}

impl Series {
    /// Adds a run; evaluations at most `reach` apart belong together.
    pub(super) fn add(&mut self, run: Run, reach: i64) {
        let place = self.runs.partition_point(|known| (known.first, known.last) < (run.first, run.last));
        self.runs.insert(place, run);
        let mut at = place.saturating_sub(1);
        while let [one, next] = self.runs[at..][..2.min(self.runs.len() - at)] {
            if one.is_continued_by(&next, reach) {
                let active_at = one.active_at.or(next.active_at);
                self.runs[at] = Run { first: one.first, last: one.last.max(next.last), active_at };
                self.runs.remove(at + 1);
            } else if at > place {
                break;
            } else {
                at += 1;
            }
        }
    }
}

/// A start as it went into the lake.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Published {
    /// When the interval was first seen to fire.
    pub(super) first: Instant,
    pub(super) start: Instant,
    pub(super) error: Option<i64>,
}

/// One alert: every series that is it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Track {
    /// By the series' own labels.
    pub(super) series: BTreeMap<String, Series>,
    /// The starts under which its intervals went into the lake: what is found out later about a start changes its error
    /// and makes no second row.
    pub(super) published: Vec<Published>,
    /// The page it was last seen in.
    #[serde(skip)]
    pub(super) page: Option<String>,
}

/// What identifies an alert: some of its labels.
pub(super) type Identity = Labels;

/// All alerts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Timeline {
    pub(super) tracks: BTreeMap<Identity, Track>,
}

/// Which labels identify an alert.
#[derive(Clone, Debug)]
pub(super) struct Identifying {
    /// Names of labels, `alertname` among them.
    pub(super) names: std::collections::BTreeSet<String>,
    /// What the server adds to what it sends.
    pub(super) external: Labels,
}

impl Identifying {
    /// What identifies the alert with these labels. A label without a value is none.
    pub(super) fn identity(&self, labels: &Labels) -> Identity {
        let added = self.external.iter().filter(|(name, _)| !labels.contains_key(*name));
        let all = labels.iter().chain(added);
        all.filter(|(name, value)| self.names.contains(*name) && !value.is_empty())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

impl Timeline {
    /// Adds what one series was seen to do.
    pub(super) fn see(
        &mut self,
        identity: Identity,
        series: &str,
        witness: Witness,
        runs: impl IntoIterator<Item = Run>,
        reach: i64,
    ) -> &mut Track {
        let track = self.tracks.entry(identity).or_default();
        let known = track.series.entry(series.to_owned()).or_insert_with(|| Series { witness, runs: Vec::new() });
        for run in runs {
            known.add(run, reach);
        }
        track
    }

    /// Takes out the series that were never seen, and the alerts that have none left.
    pub(super) fn prune(&mut self, keep: impl Fn(&Identity, &Run) -> bool) {
        for (identity, track) in &mut self.tracks {
            for series in track.series.values_mut() {
                series.runs.retain(|run| keep(identity, run));
            }
            track.series.retain(|_, series| !series.runs.is_empty());
            let first = track.series.values().filter_map(|series| series.runs.first()).map(|run| run.first).min();
            track.published.retain(|published| first.is_some_and(|first| published.first >= first));
        }
        self.tracks.retain(|_, track| !track.series.is_empty());
    }

    /// What has to be remembered, as JSON.
    pub(super) fn to_memory(&self) -> serde_json::Value {
        let tracks: Vec<(&Identity, &Track)> = self.tracks.iter().collect();
        serde_json::to_value(tracks).unwrap_or_default()
    }

    /// What was remembered; nothing where it is not ours.
    pub(super) fn from_memory(memory: Option<&serde_json::Value>) -> Self {
        let tracks: Option<Vec<(Identity, Track)>> =
            memory.and_then(|memory| serde_json::from_value(memory.clone()).ok());
        Self { tracks: tracks.unwrap_or_default().into_iter().collect() }
    }
}

/// The runs of a series of sights, in order or not.
pub(super) fn runs(mut sights: Vec<Sight>, reach: i64) -> Vec<Run> {
    sights.sort_by_key(|sight| sight.at);
    let mut runs: Vec<Run> = Vec::new();
    for sight in sights {
        let run = Run { first: sight.at, last: sight.at, active_at: sight.active_at };
        match runs.last_mut() {
            Some(last) if last.is_continued_by(&run, reach) => {
                last.last = last.last.max(run.last);
                last.active_at = last.active_at.or(run.active_at);
            }
            _ => runs.push(run),
        }
    }
    runs
}
