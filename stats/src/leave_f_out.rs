//! What holds whichever few of the values are lies: intervals of every subset that leaves some out.

use crate::distributions::{DistributionError, student_t_quantile, student_t_upper_tail};
use crate::interval::{ConfidenceError, tail_probability};
use crate::meta_analysis::CombineError;

mod pooled;
mod search;
#[cfg(test)]
mod tests;

pub use pooled::{PooledHull, pooled_hull};
pub(crate) use search::subsets;
pub use search::{BlockingSet, Side, fewest_withdrawals, smallest_blocking_set, sound_against};

/// Why values have no hull.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum HullError {
    /// Fewer than two values are left, so there is no interval.
    #[error("leaving `{left_out}` of `{values}` values out leaves fewer than `{needed}`")]
    TooFew {
        /// How many values there are.
        values: usize,
        /// How many are left out.
        left_out: usize,
        /// How many must be left.
        needed: usize,
    },
    /// A value is not finite.
    #[error("value `{value}` is not finite")]
    NotFinite {
        /// The value.
        value: f64,
    },
    /// There are too many subsets to go through.
    #[error("there are more than `{most}` subsets to go through")]
    TooManySubsets {
        /// How many are gone through.
        most: usize,
    },
    /// A subset cannot be pooled.
    #[error(transparent)]
    Combine(#[from] CombineError),
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile that the interval needs could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// The union of the intervals of all subsets of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaveOutHull {
    /// How many values there are.
    pub count: usize,
    /// How many each subset leaves out.
    pub left_out: usize,
    /// The two-sided level of each interval.
    pub confidence: f64,
    /// The lowest lower limit.
    pub low: f64,
    /// The highest upper limit.
    pub high: f64,
    /// The smallest mean.
    pub smallest_mean: f64,
    /// The largest mean.
    pub largest_mean: f64,
    /// The values whose absence gives `low`, by place.
    pub left_out_for_low: Vec<usize>,
    /// The values whose absence gives `high`, by place.
    pub left_out_for_high: Vec<usize>,
    /// Whether some subset has no spread, so that its interval is a point.
    pub has_constant_subset: bool,
}

/// Gives the union of the t-intervals of all subsets that leave out a number of the values.
///
/// # Model
/// At most `left_out` of the values are lies; the rest are independent and alike, and about normal.
///
/// # Formula
/// ```text
/// union over sets S of n − f:   mean(S) ± t sd(S) / √(n − f)      t with n − f − 1 degrees of freedom
/// ```
/// The lower limit is concave in each value, so at its least every value that is kept has no unused value below it or
/// none above it: what is left out is one block of the sorted values, and `n − f + 1` candidates are all there are.
/// Sums run from both ends of the values about their median, so that a lie costs no digits of the subsets without it.
/// The cost is that of sorting.
///
/// All values weigh alike. A value beyond ±1e150 counts as ±1e150.
///
/// # Errors
/// [`HullError`] when fewer than two values are left, a value is not finite, or `confidence` is not strictly between 0
/// and 1.
///
/// # Use with care
/// It covers at least as often as the interval of the honest values alone, whatever the lies are. One lie can always
/// widen it, and then it says less, never something false.
///
/// # Examples
/// ```
/// let hull = stats::leave_out_hull(&[0.1, 0.2, 0.3, 0.25, 9.0], 1, 0.95)?;
/// let honest = stats::leave_out_hull(&[0.1, 0.2, 0.3, 0.25], 0, 0.95)?;
/// assert!(hull.low <= honest.low && honest.high <= hull.high);
/// # Ok::<(), stats::HullError>(())
/// ```
///
/// # References
/// Student (1908), Biometrika 6, 1–25, for the intervals.
pub fn leave_out_hull(values: &[f64], left_out: usize, confidence: f64) -> Result<LeaveOutHull, HullError> {
    let tail = tail_probability(confidence)?;
    let sums = SortedSums::of(values, left_out)?;
    let kept = sums.kept as f64;
    let factor = -student_t_quantile(tail, kept - 1.0)? / kept.sqrt();
    let limit = |sign: f64| {
        let candidates = sums.candidates().map(|(first, part)| (first, sign * part.mean - factor * part.deviation()));
        let best = candidates.min_by(|one, other| one.1.total_cmp(&other.1));
        let (first, _) = best.unwrap_or_default();
        // Once more from the values themselves: the answer is then that of enumeration.
        let part = sums.plainly(first);
        (sums.centre + part.mean - sign * factor * part.deviation(), first)
    };
    let ((low, for_low), (high, for_high)) = (limit(1.0), limit(-1.0));
    Ok(LeaveOutHull {
        count: values.len(),
        left_out,
        confidence,
        low,
        high,
        smallest_mean: sums.centre + sums.plainly(sums.kept).mean,
        largest_mean: sums.centre + sums.plainly(0).mean,
        left_out_for_low: sums.block(for_low),
        left_out_for_high: sums.block(for_high),
        has_constant_subset: sums.has_constant_subset(),
    })
}

/// Gives the largest one-sided p-value that any subset of that size has against a mean of at most `threshold`.
///
/// # Formula
/// ```text
/// max over S of P(T > (mean(S) − threshold) √h / sd(S))      h = n − f, T with h − 1 degrees of freedom
/// ```
/// Up to 1/2 this is exact, by the same block of sorted values as [`leave_out_hull`], for each quantile. Above, where
/// no decision can come from it, it is a lower bound. A subset without spread has 0, 1/2 or 1.
///
/// # Errors
/// [`HullError`] when fewer than two values are left, or a number is not finite.
///
/// # Examples
/// ```
/// let p = stats::leave_out_p_value(&[0.1, 0.2, 0.3, 0.25, 0.15], 1, 0.0)?;
/// assert!(p > 0.0 && p < 0.05);
/// # Ok::<(), stats::HullError>(())
/// ```
///
/// # References
/// As for [`leave_out_hull`].
pub fn leave_out_p_value(values: &[f64], left_out: usize, threshold: f64) -> Result<f64, HullError> {
    if !threshold.is_finite() {
        return Err(HullError::NotFinite { value: threshold });
    }
    let sums = SortedSums::of(values, left_out)?;
    let statistic = |part: &Part| {
        let above = (sums.centre - threshold) + part.mean;
        let deviation = part.deviation();
        if deviation > 0.0 { above * (sums.kept as f64).sqrt() / deviation } else { signed_infinity(above) }
    };
    let candidates = sums.candidates().map(|(first, part)| (first, statistic(&part)));
    let (first, _) = candidates.min_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or_default();
    match statistic(&sums.plainly(first)) {
        f64::INFINITY => Ok(0.0),
        f64::NEG_INFINITY => Ok(1.0),
        statistic => Ok(student_t_upper_tail(statistic, (sums.kept - 1) as f64)?),
    }
}

fn signed_infinity(value: f64) -> f64 {
    if value > 0.0 {
        f64::INFINITY
    } else if value < 0.0 {
        f64::NEG_INFINITY
    } else {
        0.0
    }
}

/// Beyond this a value counts as this: its square can still be held.
const LARGEST: f64 = 1e150;

/// The mean and the squared deviations of some of the values.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Part {
    /// With one value more (Welford).
    fn with(self, value: f64) -> Self {
        let count = self.count + 1.0;
        let away = value - self.mean;
        let mean = self.mean + away / count;
        Self { count, mean, squares: self.squares + away * (value - mean) }
    }

    /// Together with other values (Chan).
    fn and(self, other: Self) -> Self {
        let count = self.count + other.count;
        let away = other.mean - self.mean;
        let mean = self.mean + away * (other.count / count);
        let squares = self.squares + other.squares + away * away * (self.count * other.count / count);
        Self { count, mean, squares }
    }

    fn deviation(&self) -> f64 {
        (self.squares / (self.count - 1.0)).sqrt()
    }
}

/// Sorted values about their median, with sums from both ends.
struct SortedSums {
    centre: f64,
    values: Vec<f64>,
    /// Where each of them stood.
    places: Vec<usize>,
    kept: usize,
    /// Entry `i`: the first `i` values.
    lowest: Vec<Part>,
    /// Entry `i`: the last `i` values.
    highest: Vec<Part>,
}

impl SortedSums {
    fn of(values: &[f64], left_out: usize) -> Result<Self, HullError> {
        if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
            return Err(HullError::NotFinite { value });
        }
        let kept = values.len().saturating_sub(left_out);
        if kept < 2 {
            return Err(HullError::TooFew { values: values.len(), left_out, needed: 2 });
        }
        let mut places: Vec<usize> = (0..values.len()).collect();
        places.sort_by(|&one, &other| values[one].total_cmp(&values[other]));
        let bounded = |place: usize| values[place].clamp(-LARGEST, LARGEST);
        let centre = bounded(places[(places.len() - 1) / 2]);
        let values: Vec<f64> = places.iter().map(|&place| bounded(place) - centre).collect();
        let sums = |values: &mut dyn Iterator<Item = &f64>| {
            let mut part = Part::default();
            let more = values.map(|value| {
                part = part.with(*value);
                part
            });
            std::iter::once(Part::default()).chain(more).collect::<Vec<_>>()
        };
        let (lowest, highest) = (sums(&mut values.iter()), sums(&mut values.iter().rev()));
        Ok(Self { centre, values, places, kept, lowest, highest })
    }

    /// For each number of values kept at the low end, the values kept.
    fn candidates(&self) -> impl Iterator<Item = (usize, Part)> {
        (0..=self.kept).map(|first| {
            let (low, high) = (self.lowest[first], self.highest[self.kept - first]);
            (first, if first == 0 { high } else { low.and(high) })
        })
    }

    /// The values kept with `first` at the low end, by two passes over them.
    fn plainly(&self, first: usize) -> Part {
        let kept = || self.values[..first].iter().chain(&self.values[self.values.len() - (self.kept - first)..]);
        let count = self.kept as f64;
        let mean = kept().sum::<f64>() / count;
        Part { count, mean, squares: kept().map(|value| (value - mean) * (value - mean)).sum() }
    }

    /// The places of what is left out with `first` at the low end.
    fn block(&self, first: usize) -> Vec<usize> {
        let mut block = self.places[first..first + (self.values.len() - self.kept)].to_vec();
        block.sort_unstable();
        block
    }

    fn has_constant_subset(&self) -> bool {
        self.values.windows(self.kept).any(|window| window[0].total_cmp(&window[window.len() - 1]).is_eq())
    }
}
