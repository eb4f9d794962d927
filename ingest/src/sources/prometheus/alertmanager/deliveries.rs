//! What deliveries have told, kept between them: a firing that follows another within the time of flapping goes on with it,
//! and one delivery alone does not show that.

use std::collections::{BTreeMap, BTreeSet};

use lake::Instant;
use serde::{Deserialize, Serialize};

use crate::sources::prometheus::config::Alerts;
use crate::sources::prometheus::intervals::{End, Interval, Keep, Pace};
use crate::sources::prometheus::timeline::{Identity, Witness};
use crate::sources::prometheus::windows::SECOND;

/// For how long what is over is remembered: deliveries are tried again for hours, and not for days.
const REMEMBERED: i64 = 86_400 * SECOND;
/// Most firings that are remembered, those of the longest ago are forgotten first.
const MOST_FIRINGS: usize = 10_000;

/// One firing of one alert of Alertmanager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Firing {
    pub(super) identity: Identity,
    /// What Alertmanager knows the alert by.
    pub(super) fingerprint: String,
    pub(super) start: Instant,
    /// When it was over, where that was told.
    pub(super) end: Option<Instant>,
}

/// All firings that are remembered, by what identifies an alert.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Told(BTreeMap<Identity, Track>);

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Track {
    /// The firings of each fingerprint by their starts, with their ends where those were told.
    firings: BTreeMap<String, BTreeMap<Instant, Option<Instant>>>,
    /// The starts under which intervals went into the lake.
    published: BTreeSet<Instant>,
}

/// An interval, and when it was last told of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    pub(super) interval: Interval,
    pub(super) told_at: Instant,
}

/// Firings laid together.
#[derive(Clone, Copy, Debug)]
struct Chain {
    first: Instant,
    last: Instant,
    /// When the last of its firings began.
    renewed: Instant,
    is_open: bool,
    /// How much later than `last` it may have ended, where nobody told.
    unseen: i64,
    told_at: Instant,
    count: i64,
}

impl Told {
    /// Adds a firing, and says of which starts it tells something: its own, and that of the one before it, which is over.
    pub(super) fn add(&mut self, firing: &Firing) -> Vec<Instant> {
        let track = self.0.entry(firing.identity.clone()).or_default();
        let firings = track.firings.entry(firing.fingerprint.clone()).or_default();
        let known = firings.entry(firing.start).or_default();
        *known = (*known).max(firing.end);
        firings.range(..=firing.start).rev().take(2).map(|(start, _)| *start).collect()
    }

    /// The intervals of an alert that hold one of these starts.
    pub(super) fn intervals(&mut self, identity: &Identity, starts: &BTreeSet<Instant>, pace: &Pace) -> Vec<Known> {
        let Some(track) = self.0.get_mut(identity) else { return Vec::new() };
        let chains = track.chains(pace.flapping);
        let touched = chains
            .into_iter()
            .filter(|chain| starts.range(chain.first..=chain.last.max(chain.renewed)).next().is_some());
        touched.map(|chain| track.known(chain, pace)).collect()
    }

    /// Forgets what is long over, and more where it is too much.
    pub(super) fn prune(&mut self, pace: &Pace) {
        let newest = self.0.values().flat_map(|track| track.chains(pace.flapping)).map(|chain| chain.told_at).max();
        let Some(newest) = newest else { return };
        self.forget(pace, |chain| !chain.is_open && newest.0 - chain.told_at.0 > pace.settled() + REMEMBERED);
        let count =
            |told: &Self| told.0.values().flat_map(|track| track.firings.values()).map(BTreeMap::len).sum::<usize>();
        if count(self) > MOST_FIRINGS {
            let mut ages: Vec<Instant> =
                self.0.values().flat_map(|track| track.chains(pace.flapping)).map(|chain| chain.told_at).collect();
            ages.sort_unstable();
            let from = ages[ages.len() / 2];
            self.forget(pace, |chain| chain.told_at <= from);
            if count(self) > MOST_FIRINGS {
                self.0.clear();
            }
        }
    }

    fn forget(&mut self, pace: &Pace, is_past: impl Fn(&Chain) -> bool) {
        for track in self.0.values_mut() {
            for chain in track.chains(pace.flapping).into_iter().filter(|chain| is_past(chain)) {
                let until = chain.last.max(chain.renewed);
                for firings in track.firings.values_mut() {
                    firings.retain(|start, _| *start < chain.first || *start > until);
                }
                track.published.retain(|start| *start < chain.first || *start > until);
            }
            track.firings.retain(|_, firings| !firings.is_empty());
        }
        self.0.retain(|_, track| !track.firings.is_empty());
    }

    /// What has to be remembered, as text; `shape` says by which settings alerts are told apart.
    pub(super) fn to_cursor(&self, shape: &serde_json::Value) -> String {
        let tracks: Vec<(&Identity, &Track)> = self.0.iter().collect();
        serde_json::json!({ "version": 1, "shape": shape, "alerts": tracks }).to_string()
    }

    /// What was remembered; nothing where alerts were told apart by other settings.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn from_cursor(cursor: &str, shape: &serde_json::Value) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Kept {
            version: u32,
            shape: serde_json::Value,
            alerts: Vec<(Identity, Track)>,
        }
        let kept: Kept = serde_json::from_str(cursor).map_err(|error| error.to_string())?;
        if kept.version > 1 {
            return Err(format!("it has version `{}`, and this release knows `1`", kept.version));
        }
        Ok(if kept.shape == *shape { Self(kept.alerts.into_iter().collect()) } else { Self::default() })
    }
}

impl Track {
    /// Its firings laid together, oldest first.
    fn chains(&self, flapping: i64) -> Vec<Chain> {
        let mut firings: Vec<Chain> = self.firings.values().flat_map(of_fingerprint).collect();
        firings.sort_by_key(|firing| (firing.first, firing.last));
        let mut chains: Vec<Chain> = Vec::new();
        for firing in firings {
            match chains.last_mut() {
                Some(last) if last.is_open || firing.first.0 - last.last.0 <= flapping => last.extend(&firing),
                _ => chains.push(firing),
            }
        }
        chains
    }

    /// The interval that a chain is, under the start that it was first told with.
    fn known(&mut self, chain: Chain, pace: &Pace) -> Known {
        let published = self.published.range(chain.first..=chain.last.max(chain.renewed)).next().copied();
        let start = published.unwrap_or(chain.first);
        self.published.insert(start);
        let longest = chain.last.0 - chain.renewed.0;
        // It is told to be over at the evaluation behind the last at which it fired.
        let (kept, unsure) = match pace.keep {
            Keep::For(keep) if chain.unseen == 0 => (keep.min(longest), if keep > 0 { 2 * pace.evaluation } else { 0 }),
            Keep::For(keep) | Keep::AtMost(keep) => (0, keep.min(longest)),
            Keep::Unknown => (0, longest),
        };
        let error = (pace.evaluation + chain.unseen).max(unsure);
        let end = match (chain.is_open, chain.unseen) {
            (true, _) => End::Firing,
            (false, 0) => End::Over { error },
            (false, _) => End::Unseen { error },
        };
        let interval = Interval {
            pending_at: None,
            start,
            start_error: Some(pace.evaluation + start.0 - chain.first.0),
            first: chain.first,
            last: chain.last,
            held: if chain.is_open { chain.last } else { Instant(chain.last.0 - kept) },
            end,
            has_hole: false,
            firing_count: chain.count,
            witness: Witness::Alertmanager,
        };
        Known { interval, told_at: chain.told_at }
    }
}

/// The firings of one fingerprint: one that was not told to be over ended before the next began.
fn of_fingerprint(firings: &BTreeMap<Instant, Option<Instant>>) -> Vec<Chain> {
    let mut starts = firings.keys().skip(1);
    let chain = |(start, end): (&Instant, &Option<Instant>)| {
        let next = starts.next();
        Chain {
            first: *start,
            last: end.unwrap_or(*start),
            renewed: *start,
            is_open: end.is_none() && next.is_none(),
            unseen: if end.is_none() { next.map_or(0, |next| next.0 - start.0) } else { 0 },
            told_at: end.or(next.copied()).unwrap_or(*start),
            count: 1,
        }
    };
    firings.iter().map(chain).collect()
}

impl Chain {
    /// Adds a firing that begins no earlier.
    fn extend(&mut self, next: &Self) {
        // What fires at the same time under other labels is no further firing.
        if !self.is_open && next.first > self.last {
            self.count += 1;
            self.renewed = next.renewed;
        }
        if next.last >= self.last {
            self.unseen = next.unseen;
        }
        self.last = self.last.max(next.last);
        self.is_open |= next.is_open;
        self.told_at = self.told_at.max(next.told_at);
    }
}

/// Which settings tell alerts apart and lay their firings together.
pub(super) fn shape(names: &BTreeSet<String>, alerts: &Alerts) -> serde_json::Value {
    serde_json::json!([names, alerts.external_labels, alerts.flapping_seconds])
}
