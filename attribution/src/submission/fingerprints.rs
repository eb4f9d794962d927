//! Whether two submissions tell of the same events: names change with the salt, the time between events does not.
//!
//! Of every stream of events, such as the deployments of a service, runs of four gaps are hashed under the key of the board.
//! Two streams that share such runs share their events, whatever they are called and whenever they are said to have
//! been. Gaps of whole minutes are those of schedules, and short ones are common: runs of them say nothing.
//! Where every time was moved by seconds no run is left; then events that coincide more often than events a little
//! earlier or later tell of one stream behind both.

use std::collections::{BTreeMap, BTreeSet};

use hmac::{Hmac, KeyInit, Mac};
use lake::Instant;
use lake::tables::{changes, commits, deployments, incidents};
use sha2::Sha256;

use super::{Evidence, SubmissionError};

/// Gaps in a run.
pub(crate) const RUN: usize = 4;
/// Gaps of a run that must be neither short nor of whole minutes.
const TELLING: usize = 3;
const MINUTE: i64 = 60;
/// Streams with fewer runs are too short to speak of a share.
const FEWEST_RUNS: usize = 8;
/// Events this near to one another coincide.
const NEAR_SECONDS: i64 = 30;
/// How far a stream is moved to see how often events coincide by themselves.
const OFFSETS: std::ops::RangeInclusive<i64> = 1..=12;
const OFFSET_SECONDS: i64 = 300;
/// So few events coincide anywhere.
const FEWEST_COINCIDENCES: usize = 5;
/// Streams of a submission that are looked at for coincidences, the longest first.
const MOST_STREAMS: usize = 40;

/// The key of a board: who does not hold it cannot tell from fingerprints which public history is behind them.
#[derive(Clone, Default)]
pub struct BoardKey(Vec<u8>);

impl BoardKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// Never shows it.
impl std::fmt::Debug for BoardKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BoardKey(…)")
    }
}

/// The events of a submission, stream by stream, each in whole seconds, sorted and each instant once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams(BTreeMap<String, Vec<i64>>);

impl Streams {
    /// Those of evidence: deployments and incidents by service, merges and commits by repository.
    ///
    /// # Errors
    /// [`SubmissionError`] where a table does not have its columns.
    pub fn of(evidence: &Evidence) -> Result<Self, SubmissionError> {
        let mut streams = Self::default();
        for row in evidence.rows::<deployments::Row>()? {
            let service = row.service.unwrap_or_default();
            streams.add("deployments of", &service, row.finished_at.or(row.started_at));
        }
        for row in evidence.rows::<incidents::Row>()? {
            streams.add("incidents of", &row.service.unwrap_or_default(), Some(row.opened_at));
        }
        for row in evidence.rows::<changes::Row>()? {
            streams.add("merges to", &row.repository, row.merged_at);
        }
        for row in evidence.rows::<commits::Row>()? {
            streams.add("commits to", &row.repository, Some(row.committed_at));
        }
        for times in streams.0.values_mut() {
            times.sort_unstable();
            times.dedup();
        }
        Ok(streams)
    }

    /// Streams with these times, in seconds.
    #[must_use]
    pub fn new(streams: impl IntoIterator<Item = (String, Vec<i64>)>) -> Self {
        let sorted = streams.into_iter().map(|(name, mut times)| {
            times.sort_unstable();
            times.dedup();
            (name, times)
        });
        Self(sorted.collect())
    }

    fn add(&mut self, kind: &str, whose: &str, at: Option<Instant>) {
        if let Some(at) = at {
            self.0.entry(format!("{kind} `{whose}`")).or_default().push(at.0.div_euclid(Instant::MICROS));
        }
    }

    /// Each stream with its times.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[i64])> {
        self.0.iter().map(|(name, times)| (name.as_str(), times.as_slice()))
    }

    /// The longest streams that have more than a few events.
    fn longest(&self) -> Vec<(&str, &[i64])> {
        let mut streams: Vec<(&str, &[i64])> = self.iter().filter(|(_, times)| times.len() > FEWEST_RUNS).collect();
        streams.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(b.0)));
        streams.truncate(MOST_STREAMS);
        streams
    }
}

/// The runs of gaps that tell of a stream, each with the time at which it begins.
pub(crate) fn telling_runs(times: &[i64]) -> Vec<(i64, [i64; RUN])> {
    let is_telling = |gap: &&i64| **gap > MINUTE && **gap % MINUTE != 0;
    let run = |times: &[i64]| {
        let mut gaps = [0; RUN];
        for (gap, pair) in gaps.iter_mut().zip(times.windows(2)) {
            *gap = pair[1] - pair[0];
        }
        (gaps.iter().filter(is_telling).count() >= TELLING).then_some((times[0], gaps))
    };
    times.windows(RUN + 1).filter_map(run).collect()
}

/// The fingerprints of a stream.
fn fingerprints(times: &[i64], key: &BoardKey) -> BTreeSet<[u8; 16]> {
    let mac: Hmac<Sha256> = Hmac::new_from_slice(&key.0).expect("any length is a key");
    let fingerprint = |(_, gaps): (i64, [i64; RUN])| {
        let mut mac = mac.clone();
        mac.update(gaps.map(i64::to_be_bytes).as_flattened());
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut short = [0; 16];
        short.copy_from_slice(&whole[..16]);
        short
    };
    telling_runs(times).into_iter().map(fingerprint).collect()
}

/// What two submissions have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlap {
    /// The two streams that share most.
    pub streams: [String; 2],
    /// Their share of runs, of the shorter one.
    pub share: f64,
    /// Runs that all streams together share.
    pub runs: usize,
    /// Runs of the submission with fewer.
    pub of: usize,
}

/// The runs that two submissions share; nothing where they share none.
#[must_use]
pub fn overlap(one: &Streams, other: &Streams, key: &BoardKey) -> Option<Overlap> {
    let of = |streams: &Streams| -> BTreeMap<String, BTreeSet<[u8; 16]>> {
        streams.iter().map(|(name, times)| (name.to_owned(), fingerprints(times, key))).collect()
    };
    let (one, other) = (of(one), of(other));
    let all = |streams: &BTreeMap<String, BTreeSet<[u8; 16]>>| -> BTreeSet<[u8; 16]> {
        streams.values().flatten().copied().collect()
    };
    let (all_one, all_other) = (all(&one), all(&other));
    let shared: BTreeSet<[u8; 16]> = all_one.intersection(&all_other).copied().collect();
    if shared.is_empty() {
        return None;
    }
    let mut best = (0.0, ["several".to_owned(), "several".to_owned()]);
    let holds_shared = |runs: &BTreeSet<[u8; 16]>| runs.len() >= FEWEST_RUNS && !runs.is_disjoint(&shared);
    for (name, runs) in one.iter().filter(|(_, runs)| holds_shared(runs)) {
        for (other_name, other_runs) in other.iter().filter(|(_, runs)| holds_shared(runs)) {
            let both = runs.intersection(other_runs).count() as f64;
            let share = both / runs.len().min(other_runs.len()) as f64;
            if share > best.0 {
                best = (share, [name.clone(), other_name.clone()]);
            }
        }
    }
    Some(Overlap { share: best.0, streams: best.1, runs: shared.len(), of: all_one.len().min(all_other.len()) })
}

/// Two streams whose events coincide more often than by themselves, with the probability of that, corrected for all
/// pairs that were looked at; nothing where there is no pair.
#[must_use]
pub fn coincidences(one: &Streams, other: &Streams) -> Option<([String; 2], f64)> {
    let (one, other) = (one.longest(), other.longest());
    let kind = |name: &str| name.split('`').next().unwrap_or_default().to_owned();
    let (mut pairs, mut best): (usize, Option<([String; 2], f64)>) = (0, None);
    for (name, times) in &one {
        for (other_name, other_times) in other.iter().filter(|(other_name, _)| kind(name) == kind(other_name)) {
            pairs += 1;
            let p = coincidence_p(times, other_times);
            if best.as_ref().is_none_or(|(_, known)| p < *known) {
                best = Some(([(*name).to_owned(), (*other_name).to_owned()], p));
            }
        }
    }
    best.map(|(names, p)| (names, (p * pairs as f64).min(1.0)))
}

/// How probable it is that as many events coincide, beside how many do where one stream is moved by minutes.
fn coincidence_p(one: &[i64], other: &[i64]) -> f64 {
    let here = near(one, other, 0);
    if here < FEWEST_COINCIDENCES {
        return 1.0;
    }
    let offsets = OFFSETS.flat_map(|step| [step * OFFSET_SECONDS, -step * OFFSET_SECONDS]);
    let (mut moved, mut count) = (0.0, 0.0);
    for offset in offsets {
        moved += near(one, other, offset) as f64;
        count += 1.0;
    }
    // What is expected is only known as well as the moved streams tell.
    let expected = (moved + 3.0 * (moved + 1.0).sqrt() + 1.0) / count;
    at_least(here, expected)
}

/// The events of one stream near to which the other, moved by so many seconds, has one.
fn near(one: &[i64], other: &[i64], offset: i64) -> usize {
    let is_near = |at: &&i64| {
        let from = other.partition_point(|time| time + offset < **at - NEAR_SECONDS);
        other.get(from).is_some_and(|time| time + offset <= **at + NEAR_SECONDS)
    };
    one.iter().filter(is_near).count()
}

/// The probability of so many or more where `expected` are expected, by Poisson.
pub(crate) fn at_least(count: usize, expected: f64) -> f64 {
    if count == 0 {
        return 1.0;
    }
    stats::chi_squared_upper_tail(2.0 * expected, 2.0 * count as f64).map_or(1.0, |above| (1.0 - above).max(0.0))
}

#[cfg(test)]
mod tests;
