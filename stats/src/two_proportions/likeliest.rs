//! Moments of what two groups show at the most likely probabilities that have a given contrast.

use super::TwoProportionError;
use crate::effect_sizes::Proportion;
use crate::score::ScoreParts;

/// A group as numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cells {
    pub(super) events: f64,
    pub(super) subjects: f64,
}

impl Cells {
    pub(super) fn of(group: Proportion) -> Result<Self, TwoProportionError> {
        let Proportion { events, subjects } = group;
        if subjects == 0 {
            return Err(TwoProportionError::NoSubjects);
        }
        if events > subjects {
            return Err(TwoProportionError::MoreEventsThanSubjects { events, subjects });
        }
        Ok(Self { events: events as f64, subjects: subjects as f64 })
    }

    pub(super) fn without(self) -> f64 {
        self.subjects - self.events
    }

    pub(super) fn share(self) -> f64 {
        self.events / self.subjects
    }
}

/// The variance and the third central moment of a share of `subjects`; `rest` is one minus the probability.
fn moments(probability: f64, rest: f64, subjects: f64) -> (f64, f64) {
    let variance = probability * rest / subjects;
    (variance, variance * (rest - probability) / subjects)
}

/// `p₁ − p₂` against the difference `difference`.
pub(super) fn difference_parts(groups: [Cells; 2], difference: f64) -> ScoreParts {
    let [first, second] = groups;
    let [(one, rest), (other, other_rest)] = likeliest_pair(groups, difference);
    let (one, other) = (moments(one, rest, first.subjects), moments(other, other_rest, second.subjects));
    ScoreParts {
        distance: first.share() - second.share() - difference,
        variance: one.0 + other.0,
        third_moment: one.1 - other.1,
    }
}

/// The most likely probabilities of which the first exceeds the second by `difference`, each with one minus itself.
///
/// The likelihood is concave along such pairs; its slope, times all four numbers, is halved to the last digits, from
/// the nearer end so that no number near 0 is a difference. The cubic that this solves has a closed form, which loses
/// half of the digits near the ends.
fn likeliest_pair(groups: [Cells; 2], difference: f64) -> [(f64, f64); 2] {
    let [first, second] = groups;
    let (more, less) = (difference.max(0.0), (-difference).max(0.0));
    let width = 1.0 - difference.abs();
    // `from_low` is above the lowest possible pair and `from_high` below the highest.
    let pair =
        |from_low: f64, from_high: f64| [(more + from_low, less + from_high), (less + from_low, more + from_high)];
    let slope = |[(one, rest), (other, other_rest)]: [(f64, f64); 2]| {
        let upwards = (first.events * rest - first.without() * one) * (other * other_rest);
        upwards + (second.events * other_rest - second.without() * other) * (one * rest)
    };
    let middle = 0.5 * width;
    if slope(pair(middle, middle)) > 0.0 {
        let from_high = nearest_root(middle, |from_high| -slope(pair(width - from_high, from_high)));
        pair(width - from_high, from_high)
    } else {
        let from_low = nearest_root(middle, |from_low| slope(pair(from_low, width - from_low)));
        pair(from_low, width - from_low)
    }
}

/// Where a function goes from positive to not positive between 0 and `high`, to the last digits; 0 where it is not
/// positive even at 1e-40.
fn nearest_root(high: f64, function: impl Fn(f64) -> f64) -> f64 {
    const NOTHING: f64 = 1e-40;
    if high <= NOTHING || function(NOTHING) <= 0.0 {
        return 0.0;
    }
    let (mut low, mut high) = (NOTHING, high);
    while high - low > 0.25 * f64::EPSILON * high {
        // The bracket shrinks by its logarithm while it spans many digits.
        let middle = if high > 16.0 * low { low.sqrt() * high.sqrt() } else { low.midpoint(high) };
        if middle <= low || middle >= high {
            break;
        }
        if function(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    low.midpoint(high)
}

/// `p₁ − φp₂` against the ratio `ratio`.
pub(super) fn risk_ratio_parts(groups: [Cells; 2], ratio: f64) -> ScoreParts {
    let [first, second] = groups;
    if ratio > 1.0 {
        // What is below in one order is above in the other; this order keeps every number small.
        let ScoreParts { distance, variance, third_moment } = risk_ratio_parts([second, first], 1.0 / ratio);
        return ScoreParts { distance: -distance, variance, third_moment: -third_moment };
    }
    // The quadratic for one minus the second probability has the same discriminant as that for the probability, as a sum
    // of squares: neither of the two is then a difference.
    let square = (first.subjects + second.subjects) * ratio;
    let (apart, without) = (1.0 - ratio, second.without());
    let linear = first.events - first.subjects * ratio + second.subjects * apart - ratio * without;
    let root = libm::hypot(linear, 2.0 * (square * apart * without).sqrt());
    let rest = if linear > 0.0 { 2.0 * apart * without / (linear + root) } else { (root - linear) / (2.0 * square) };
    let events = first.events + second.events;
    let lower = (2.0 * events / (linear + 2.0 * square + root)).min(1.0);
    let one = moments(ratio * lower, apart + ratio * rest, first.subjects);
    let other = moments(lower, rest, second.subjects);
    ScoreParts {
        distance: first.share() - ratio * second.share(),
        variance: one.0 + ratio * ratio * other.0,
        third_moment: one.1 - ratio * ratio * ratio * other.1,
    }
}

/// The distance of events from their means, each over its variance, against the ratio of odds `ratio`.
pub(super) fn odds_ratio_parts(groups: [Cells; 2], ratio: f64) -> ScoreParts {
    let [first, second] = groups;
    let events = first.events + second.events;
    let without = first.without() + second.without();
    // The odds of the second group: the positive root of square·odds² + linear·odds − events.
    let square = ratio * without;
    let linear = first.subjects * ratio + second.subjects - events * (1.0 + ratio);
    let root = libm::hypot(linear, 2.0 * (square * events).sqrt());
    let odds = if linear >= 0.0 { 2.0 * events / (linear + root) } else { (root - linear) / (2.0 * square) };
    let moments = |odds: f64, subjects: f64| {
        let (probability, rest) = (odds / (1.0 + odds), 1.0 / (1.0 + odds));
        let inverse = 1.0 / (subjects * probability * rest);
        (inverse, (rest - probability) * inverse * inverse)
    };
    let (one, other) = (moments(ratio * odds, first.subjects), moments(odds, second.subjects));
    let variance = one.0 + other.0;
    // The four cells are off by one and the same distance; the smallest cell says it with the fewest digits lost.
    let share = |odds: f64| odds / (1.0 + odds);
    let cells = [
        (first.events, first.subjects * share(ratio * odds), 1.0),
        (first.without(), first.subjects * share(1.0 / (ratio * odds)), -1.0),
        (second.events, second.subjects * share(odds), -1.0),
        (second.without(), second.subjects * share(1.0 / odds), 1.0),
    ];
    let smallest = |best: (f64, f64, f64), cell: (f64, f64, f64)| if cell.0 < best.0 { cell } else { best };
    let (seen, mean, sign) = cells.into_iter().reduce(smallest).unwrap_or((0.0, 0.0, 1.0));
    ScoreParts { distance: sign * (seen - mean) * variance, variance, third_moment: one.1 - other.1 }
}
