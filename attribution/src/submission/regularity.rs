//! Whether events are more regular than events are.
//!
//! Who invents times chooses digits, spaces events evenly, makes services alike, and copies blocks. Each test gives a
//! probability under what happens by itself, however bursty that is; schedules are left out, because they are
//! regular and honest. A small probability is a reason to ask, and no proof.

use std::collections::BTreeMap;

use serde::Serialize;

use super::fingerprints::{RUN, Streams, at_least, telling_runs};

/// Below this, corrected for all tests, a regularity is told.
pub(crate) const LEVEL: f64 = 1e-6;
/// Fewer events show no digits.
const FEWEST_EVENTS: usize = 100;
/// Fewer weeks or services show no evenness.
const FEWEST_CELLS: usize = 8;
/// A century; more is no history.
const MOST_WEEKS: usize = 5_200;
/// Seconds by which gaps differ that are nearly of one length.
const APART: std::ops::RangeInclusive<i64> = 1..=10;
const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;

/// A regularity with its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suspicion {
    /// Which.
    pub name: &'static str,
    /// How probable something as regular is, corrected for all tests.
    pub p_value: f64,
    /// In words.
    pub told: String,
}

/// The probability of something as regular; nothing where there is too little to see.
type Test = fn(&Streams) -> Option<f64>;

/// The regularities that do not happen by themselves.
#[must_use]
pub fn regularities(streams: &Streams) -> Vec<Suspicion> {
    let tests: [(&'static str, Test, &str); 5] = [
        ("digits", digits, "the last digits of the seconds are not those of a clock"),
        ("even weeks", even_weeks, "the weeks of each service hold nearly the same number of events"),
        ("alike services", alike_services, "services have nearly the same number of events"),
        ("equal gaps", equal_gaps, "the same time between events comes again too often"),
        ("repeated blocks", repeated_blocks, "blocks of events come again at another time"),
    ];
    let count = tests.len() as f64;
    tests
        .into_iter()
        .filter_map(|(name, test, words)| {
            let p_value = (test(streams)? * count).min(1.0);
            (p_value < LEVEL).then(|| Suspicion { name, p_value, told: format!("{words} (p = {p_value:.1e})") })
        })
        .collect()
}

fn of_deployments(streams: &Streams) -> impl Iterator<Item = &[i64]> {
    streams.iter().filter(|(name, _)| name.starts_with("deployments")).map(|(_, times)| times)
}

/// The last digits of seconds, of deployments and incidents that do not begin with a minute. Commits and merges are left
/// to the fingerprints: scripts write them.
fn digits(streams: &Streams) -> Option<f64> {
    let own = streams.iter().filter(|(name, _)| name.starts_with("deployments") || name.starts_with("incidents"));
    let mut times: Vec<i64> = own.flat_map(|(_, times)| times).copied().filter(|at| at % MINUTE != 0).collect();
    // What happened to several services at once happened once.
    times.sort_unstable();
    times.dedup();
    if times.len() < FEWEST_EVENTS {
        return None;
    }
    let mut counts = [0.0_f64; 10];
    for at in &times {
        counts[usize::try_from(at.rem_euclid(10)).unwrap_or_default()] += 1.0;
    }
    // Of the sixty seconds of a minute five end in nought, besides the one that is left out.
    let share = |digit: usize| if digit == 0 { 5.0 / 59.0 } else { 6.0 / 59.0 };
    let all = times.len() as f64;
    let terms = counts.iter().enumerate().map(|(digit, count)| {
        let expected = all * share(digit);
        (count - expected) * (count - expected) / expected
    });
    stats::chi_squared_upper_tail(terms.sum(), 9.0).ok()
}

/// Counts that vary less than Poisson counts do; bursts only make them vary more.
fn even_weeks(streams: &Streams) -> Option<f64> {
    let (mut statistic, mut degrees) = (0.0, 0.0);
    for times in of_deployments(streams).filter(|times| !is_scheduled(times)) {
        let (Some(first), Some(last)) = (times.first(), times.last()) else { continue };
        // Whole weeks between the first and the last event.
        let weeks = usize::try_from((last - first) / WEEK).unwrap_or_default();
        if !(FEWEST_CELLS..=MOST_WEEKS).contains(&weeks) {
            continue;
        }
        let mut counts = vec![0.0_f64; weeks];
        for at in times {
            if let Some(count) = usize::try_from((at - first) / WEEK).ok().and_then(|week| counts.get_mut(week)) {
                *count += 1.0;
            }
        }
        statistic += dispersion(&counts)?;
        degrees += weeks as f64 - 1.0;
    }
    lower_tail(statistic, degrees)
}

fn alike_services(streams: &Streams) -> Option<f64> {
    let counts: Vec<f64> =
        of_deployments(streams).filter(|times| !is_scheduled(times)).map(|times| times.len() as f64).collect();
    if counts.len() < FEWEST_CELLS {
        return None;
    }
    lower_tail(dispersion(&counts)?, counts.len() as f64 - 1.0)
}

fn dispersion(counts: &[f64]) -> Option<f64> {
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    (mean > 0.0).then(|| counts.iter().map(|count| (count - mean) * (count - mean) / mean).sum())
}

fn lower_tail(statistic: f64, degrees: f64) -> Option<f64> {
    if degrees < 1.0 {
        return None;
    }
    stats::chi_squared_upper_tail(statistic, degrees).ok().map(|above| (1.0 - above).max(0.0))
}

/// Whether half of the gaps are of whole days, give or take a tenth: a release train, or a nightly job.
fn is_scheduled(times: &[i64]) -> bool {
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    let is_of_days = |gap: &i64| {
        let beyond = gap.rem_euclid(DAY);
        *gap > DAY / 2 && !(DAY / 10..=DAY - DAY / 10).contains(&beyond)
    };
    let of_days = gaps.filter(is_of_days).count();
    times.len() > 1 && 2 * of_days >= times.len() - 1
}

/// Gaps of one length, beside gaps that are nearly of one length.
fn equal_gaps(streams: &Streams) -> Option<f64> {
    let mut lengths: BTreeMap<i64, f64> = BTreeMap::new();
    let mut all = 0;
    for times in of_deployments(streams) {
        for gap in times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > MINUTE && gap % MINUTE != 0) {
            *lengths.entry(gap).or_default() += 1.0;
            all += 1;
        }
    }
    if all < FEWEST_EVENTS {
        return None;
    }
    let (mut equal, mut nearly) = (0.0, 0.0);
    for (length, count) in &lengths {
        equal += count * (count - 1.0) / 2.0;
        nearly += APART.filter_map(|apart| lengths.get(&(length + apart))).map(|other| count * other).sum::<f64>();
    }
    // Pairs that share an event are not independent: three equal gaps are three pairs and one coincidence.
    let repeats: f64 = lengths.values().map(|count| count - 1.0).sum();
    let expected = (nearly + 3.0 * (nearly + 1.0).sqrt() + 1.0) / 10.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are whole and not negative")]
    Some(at_least(repeats.min(equal) as usize, expected))
}

/// Runs of gaps that come again at another time, in the same or another stream. What happens to several services at
/// once is no repetition.
fn repeated_blocks(streams: &Streams) -> Option<f64> {
    let mut begun: BTreeMap<[i64; RUN], Vec<i64>> = BTreeMap::new();
    for times in of_deployments(streams) {
        for (at, gaps) in telling_runs(times) {
            begun.entry(gaps).or_default().push(at);
        }
    }
    let all: usize = begun.values().map(Vec::len).sum();
    if all < FEWEST_CELLS {
        return None;
    }
    let repeated = begun.values().filter(|starts| {
        let (first, last) = (starts.iter().min(), starts.iter().max());
        first.zip(last).is_some_and(|(first, last)| last - first > MINUTE)
    });
    // Gaps beyond a minute agree by chance once in a few hundred at the most; four in a row never do.
    Some(at_least(repeated.count(), all as f64 * all as f64 * 1e-9))
}

#[cfg(test)]
mod tests;
