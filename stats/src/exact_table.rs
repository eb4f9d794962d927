//! Exact tests that hold a total fixed: Fisher's for two shares, and the binomial one for two rates.

use crate::distributions::DistributionError;
use crate::effect_sizes::Proportion;
use crate::interval::{ConfidenceError, tail_probability};
use crate::numeric::bisected_root;
use crate::ratio_interval::RatioInterval;

#[cfg(test)]
mod tests;

/// Probabilities that count as equal: sums of floating-point products differ by less.
const EQUAL: f64 = 1.0 + 1e-7;

/// Logarithms of odds ratios are looked for within this distance from 0; counts reach 1e20.
const FURTHEST_LOG_ODDS: f64 = 200.0;

/// Why a table has no exact test.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ExactTableError {
    /// A group is empty.
    #[error("a group has no subjects")]
    NoSubjects,
    /// More events than subjects.
    #[error("`{events}` events are more than `{subjects}` subjects")]
    MoreEventsThanSubjects {
        /// The events.
        events: u64,
        /// The subjects.
        subjects: u64,
    },
    /// Counts that are too large to be enumerated.
    #[error("`{subjects}` subjects are more than an exact test enumerates, which is `{limit}`")]
    TooMany {
        /// The subjects.
        subjects: u64,
        /// The most that are enumerated.
        limit: u64,
    },
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// The most subjects, or events, that an exact test enumerates.
const MOST: u64 = 100_000_000;

/// Fisher's exact test of two shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FisherTest {
    /// The probability of a table that is at most as probable as this one.
    pub p_two_sided: f64,
    /// The probability of at most so many events in the first group.
    pub p_below: f64,
    /// The probability of at least so many events in the first group.
    pub p_above: f64,
    /// The conditional maximum-likelihood ratio of odds with its exact limits.
    pub odds_ratio: RatioInterval,
}

/// Tests the equality of two shares given both totals, and gives the conditional ratio of odds.
///
/// # Model
/// `x₁` of `n₁` and `x₂` of `n₂` independent subjects have the event, with a ratio of odds `ψ`.
///
/// # Formula
/// ```text
/// P(X = k) ∝ C(n₁, k) C(n₂, x₁ + x₂ − k) ψᵏ
/// p = Σ P(X = k) over the k with P(X = k) ≤ P(X = x₁), at ψ = 1
/// estimate: E(X) = x₁      low: P(X ≥ x₁) = α/2      high: P(X ≤ x₁) = α/2
/// ```
/// Probabilities within 1e-7 of each other count as equal. All sums start at the mode and leave out what is below 1e-300
/// of it.
///
/// # Errors
/// [`ExactTableError`] when a group is empty, has more events than subjects or more than 100 million subjects, or
/// `confidence` is not strictly between 0 and 1.
///
/// # Use with care
/// Conservative: the test concludes less often than its level allows, more so with few events. The limits belong to
/// one-sided tests, so that they may hold 1 where the two-sided probability is small. Where neither group has events,
/// or both have nothing else, every ratio fits as well: no estimate.
///
/// # Examples
/// ```
/// use stats::Proportion;
/// let (first, second) = (Proportion { events: 3, subjects: 61 }, Proportion { events: 9, subjects: 55 });
/// let test = stats::fisher_exact_test(first, second, 0.95)?;
/// assert!((test.p_two_sided - 0.065_244_09).abs() < 1e-8);
/// assert!(test.odds_ratio.estimate.is_some_and(|ratio| (ratio - 0.267_293_65).abs() < 1e-5));
/// # Ok::<(), stats::ExactTableError>(())
/// ```
///
/// # References
/// Fisher (1935), Journal of the Royal Statistical Society 98, 39–82. Cornfield (1956), Proceedings of the Third
/// Berkeley Symposium 4, 135–148.
pub fn fisher_exact_test(
    first: Proportion,
    second: Proportion,
    confidence: f64,
) -> Result<FisherTest, ExactTableError> {
    let tail = tail_probability(confidence)?;
    let table = Table::of(first, second)?;
    let equal = table.sums(1.0);
    let (low, high) = (table.lowest, table.highest);
    let event_count = first.events;
    let log_ratio_at = |above: &dyn Fn(&Sums) -> bool| {
        let rising = |log: f64| if above(&table.sums(libm::exp(log))) { -1.0 } else { 1.0 };
        libm::exp(bisected_root(-FURTHEST_LOG_ODDS, FURTHEST_LOG_ODDS, rising))
    };
    let estimate = match (event_count == low, event_count == high) {
        (true, false) => Some(0.0),
        (_, true) => None,
        (false, false) => Some(log_ratio_at(&|sums| sums.mean_offset > 0.0)),
    };
    let odds_ratio = RatioInterval {
        estimate,
        low: if event_count == low { 0.0 } else { log_ratio_at(&|sums| sums.at_least > tail) },
        high: (event_count < high).then(|| log_ratio_at(&|sums| sums.at_most < tail)),
        confidence,
    };
    Ok(FisherTest { p_two_sided: equal.as_rare, p_below: equal.at_most, p_above: equal.at_least, odds_ratio })
}

/// What is summed over a distribution on whole numbers, relative to its total.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums {
    pub(crate) at_most: f64,
    pub(crate) at_least: f64,
    /// The probability of what is at most as probable as what was seen.
    pub(crate) as_rare: f64,
    /// The mean minus what was seen.
    pub(crate) mean_offset: f64,
}

/// Sums over a distribution with one mode, given by the ratio of the probability at `k + 1` to that at `k`.
///
/// The mode is found by halving, as the ratio falls; terms go outwards from it.
pub(crate) fn sums(lowest: u64, highest: u64, seen: u64, step: impl Fn(u64) -> f64) -> Sums {
    const NEGLIGIBLE: f64 = 1e-300;
    let (mut low, mut high) = (lowest, highest);
    while low < high {
        let middle = low + (high - low) / 2;
        if step(middle) > 1.0 { low = middle + 1 } else { high = middle }
    }
    let mode = low;
    let mut below = Vec::new();
    let mut term = 1.0;
    for place in (lowest..mode).rev() {
        term /= step(place);
        if term < NEGLIGIBLE {
            break;
        }
        below.push((place, term));
    }
    let mut above = vec![(mode, 1.0)];
    term = 1.0;
    for place in mode..highest {
        term *= step(place);
        if term < NEGLIGIBLE {
            break;
        }
        above.push((place + 1, term));
    }
    // Small terms first, from both ends.
    let of = |is_in: &dyn Fn(u64, f64) -> f64| -> f64 {
        let side = |terms: &[(u64, f64)]| terms.iter().rev().map(|(place, term)| is_in(*place, *term)).sum::<f64>();
        side(&below) + side(&above)
    };
    let at_seen = of(&|place, term| if place == seen { term } else { 0.0 });
    let whole = of(&|_, term| term);
    let share = |is_in: &dyn Fn(u64, f64) -> bool| {
        (of(&|place, term| if is_in(place, term) { term } else { 0.0 }) / whole).min(1.0)
    };
    Sums {
        at_most: share(&|place, _| place <= seen),
        at_least: share(&|place, _| place >= seen),
        as_rare: share(&|_, term| term <= at_seen * EQUAL),
        mean_offset: of(&|place, term| term * offset(place, seen)) / whole,
    }
}

fn offset(place: u64, from: u64) -> f64 {
    if place >= from { (place - from) as f64 } else { -((from - place) as f64) }
}

/// A table of two groups with both totals held fixed.
pub(crate) struct Table {
    groups: [u64; 2],
    events: u64,
    seen: u64,
    lowest: u64,
    highest: u64,
}

impl Table {
    pub(crate) fn of(first: Proportion, second: Proportion) -> Result<Self, ExactTableError> {
        for Proportion { events, subjects } in [first, second] {
            if subjects == 0 {
                return Err(ExactTableError::NoSubjects);
            }
            if events > subjects {
                return Err(ExactTableError::MoreEventsThanSubjects { events, subjects });
            }
            check_count(subjects)?;
        }
        let events = first.events + second.events;
        Ok(Self {
            groups: [first.subjects, second.subjects],
            events,
            seen: first.events,
            lowest: events.saturating_sub(second.subjects),
            highest: events.min(first.subjects),
        })
    }

    pub(crate) fn sums(&self, odds_ratio: f64) -> Sums {
        let [first, second] = self.groups.map(|subjects| subjects as f64);
        let events = self.events as f64;
        sums(self.lowest, self.highest, self.seen, |place| {
            let place = place as f64;
            let up = (first - place) / (place + 1.0) * odds_ratio;
            up * ((events - place) / (second - events + place + 1.0))
        })
    }
}

pub(crate) fn check_count(subjects: u64) -> Result<(), ExactTableError> {
    if subjects > MOST { Err(ExactTableError::TooMany { subjects, limit: MOST }) } else { Ok(()) }
}
