//! Centres that a few lies cannot move far, and how far they can.
//!
//! With `f` of `n` values free to lie and `n > 2f`, each centre here stays within the honest values. None weighs a
//! value by what it says of itself, [`lower_weighted_median`] excepted, which is here to show why.

use crate::distributions::{DistributionError, student_t_quantile};
use crate::interval::{ConfidenceError, Interval, tail_probability};
use crate::numeric::{sorted, sorted_mean};

mod fusion;
mod geometric_median;
mod neighbours;
mod quorum;
#[cfg(test)]
mod tests;

pub use fusion::{Bounds, fault_tolerant_intersection, intersection, median_of_bounds};
pub use geometric_median::{GeometricMedian, geometric_median};
pub use neighbours::{
    Krum, KrumNeighbours, krum, mean_around_median, minimum_diameter_mean, multi_krum, nearest_neighbour_mixing,
};
pub use quorum::{Quorum, quorum};

/// Why values have no robust centre.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum RobustError {
    /// There are no values.
    #[error("a centre of no values is not defined")]
    NoValues,
    /// A value is not finite.
    #[error("value `{value}` is not finite")]
    NotFinite {
        /// The value.
        value: f64,
    },
    /// More values may lie than the question bears.
    #[error("with `{values}` values at most `{most}` may lie, got `{faults}`")]
    TooManyFaults {
        /// How many values there are.
        values: usize,
        /// How many may lie.
        faults: usize,
        /// How many may lie at most.
        most: usize,
    },
    /// Vectors, or what stands beside values, are not of one length.
    #[error("lengths `{one}` and `{other}` differ")]
    LengthMismatch {
        /// One length.
        one: usize,
        /// Another length.
        other: usize,
    },
    /// A weight is not positive and finite.
    #[error("a weight must be positive and finite, got `{weight}`")]
    Weight {
        /// The weight.
        weight: f64,
    },
    /// A lower bound is above its upper bound.
    #[error("the lower bound `{low}` is above the upper bound `{high}`")]
    Bounds {
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
    },
    /// There are too many subsets to go through.
    #[error("there are more than `{most}` subsets to go through")]
    TooManySubsets {
        /// How many are gone through.
        most: usize,
    },
    /// The values are so large that a sum or a square is not finite.
    #[error("the values are too large for floating-point numbers")]
    OutOfRange,
    /// The iteration did not settle.
    #[error("the iteration did not settle")]
    NotConverged,
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile that the interval needs could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// How the standard error of a trimmed mean is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrimmedError {
    /// `√((n − 1) s² / (h (h − 1)))`, the default.
    Yuen,
    /// `s / ((h/n) √n)`, a little narrower.
    TukeyMcLaughlin,
}

/// A trimmed mean with its spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrimmedMean {
    /// The mean of what is left, and its limits.
    pub interval: Interval,
    /// Its standard error.
    pub standard_error: f64,
    /// The standard deviation of the values with the trimmed ones drawn in to the outermost left.
    pub winsorized_deviation: f64,
    /// How many values are left, less one.
    pub degrees_of_freedom: f64,
}

/// Gives the mean without the `faults` smallest and the `faults` largest values.
///
/// # Formula
/// ```text
/// (x₍f+1₎ + … + x₍n−f₎) / (n − 2f)
/// ```
///
/// # Errors
/// [`RobustError`] when there are no values, one is not finite, or `n ≤ 2 · faults`.
///
/// # Use with care
/// At most `f` liars can move it, but not beyond the honest values.
///
/// # Examples
/// ```
/// assert_eq!(stats::trimmed_mean(&[0.1, 0.2, 0.3, 1e300], 1)?, 0.25);
/// # Ok::<(), stats::RobustError>(())
/// ```
///
/// # References
/// Yin, Chen, Kannan & Bartlett (2018), Byzantine-robust distributed learning, ICML 80.
pub fn trimmed_mean(values: &[f64], faults: usize) -> Result<f64, RobustError> {
    let values = checked(values, faults)?;
    Ok(sorted_mean(&values[faults..values.len() - faults]))
}

/// Gives the mean with the `faults` smallest and largest values drawn in to the outermost left.
///
/// # Formula
/// ```text
/// mean of min(max(xᵢ, x₍f+1₎), x₍n−f₎)
/// ```
///
/// # Errors
/// As for [`trimmed_mean`].
///
/// # Examples
/// ```
/// assert!((stats::winsorized_mean(&[0.1, 0.2, 0.3, 9.0], 1)? - 0.25).abs() < 1e-15);
/// # Ok::<(), stats::RobustError>(())
/// ```
///
/// # References
/// Tukey & `McLaughlin` (1963), Sankhyā A 25, 331–352.
pub fn winsorized_mean(values: &[f64], faults: usize) -> Result<f64, RobustError> {
    Ok(sorted_mean(&winsorized(&checked(values, faults)?, faults)))
}

/// Gives the trimmed mean with its interval.
///
/// # Model
/// Honest values are independent and alike, and about symmetric.
///
/// # Formula
/// ```text
/// trimmed mean ± t σ      t with h − 1 degrees of freedom, h = n − 2f
/// Yuen:               σ² = (n − 1) s² / (h (h − 1))      s² the variance of the winsorized values
/// Tukey-McLaughlin:   σ² = s² n / h²
/// ```
///
/// # Errors
/// [`RobustError`] as for [`trimmed_mean`], when `h < 2`, the spread is too large to square, or `confidence` is not
/// strictly between 0 and 1.
///
/// # Use with care
/// Lies within the honest values shift it by up to about one of their standard deviations, so its coverage falls as
/// more may lie; [`leave_out_hull`](crate::leave_out_hull) keeps it. `h` of 2 leaves one degree of freedom: an interval
/// in name only.
///
/// # Examples
/// ```
/// let values = [0.12, 0.1, 0.15, 0.11, 0.09, 2.0, -2.0];
/// let trimmed = stats::trimmed_mean_interval(&values, 2, stats::TrimmedError::Yuen, 0.95)?;
/// assert!((trimmed.interval.low - 0.066_973_472_702).abs() < 1e-11);
/// # Ok::<(), stats::RobustError>(())
/// ```
///
/// # References
/// Yuen (1974), Biometrika 61, 165–170. Tukey & `McLaughlin` (1963), Sankhyā A 25, 331–352.
pub fn trimmed_mean_interval(
    values: &[f64],
    faults: usize,
    error: TrimmedError,
    confidence: f64,
) -> Result<TrimmedMean, RobustError> {
    let tail = tail_probability(confidence)?;
    let values = checked(values, faults)?;
    let (n, h) = (values.len() as f64, (values.len() - 2 * faults) as f64);
    if h < 2.0 {
        let most = values.len().saturating_sub(2) / 2;
        return Err(RobustError::TooManyFaults { values: values.len(), faults, most });
    }
    let drawn_in = winsorized(&values, faults);
    let centre = sorted_mean(&drawn_in);
    let squares: f64 = drawn_in.iter().map(|value| (value - centre) * (value - centre)).sum();
    let squared_error = match error {
        TrimmedError::Yuen => squares / (h * (h - 1.0)),
        TrimmedError::TukeyMcLaughlin => squares / (n - 1.0) * n / (h * h),
    };
    let estimate = sorted_mean(&values[faults..values.len() - faults]);
    let standard_error = squared_error.sqrt();
    let half = -student_t_quantile(tail, h - 1.0)? * standard_error;
    if !half.is_finite() {
        return Err(RobustError::OutOfRange);
    }
    Ok(TrimmedMean {
        interval: Interval { estimate, low: estimate - half, high: estimate + half, confidence },
        standard_error,
        winsorized_deviation: (squares / (n - 1.0)).sqrt(),
        degrees_of_freedom: h - 1.0,
    })
}

/// Gives the smallest and the largest trimmed mean that `faults` of the values could bring about by changing.
///
/// # Formula
/// ```text
/// [mean of x₍1₎ … x₍n−2f₎, mean of x₍2f+1₎ … x₍n₎]
/// ```
/// The lowest is reached by sending the `f` largest to minus infinity: they and no others are then trimmed below.
///
/// # Errors
/// As for [`trimmed_mean`].
///
/// # Examples
/// ```
/// assert_eq!(stats::reachable_trimmed_mean(&[1.0, 2.0, 3.0, 4.0], 1)?, stats::Bounds { low: 1.5, high: 3.5 });
/// # Ok::<(), stats::RobustError>(())
/// ```
pub fn reachable_trimmed_mean(values: &[f64], faults: usize) -> Result<Bounds, RobustError> {
    let values = checked(values, faults)?;
    let kept = values.len() - 2 * faults;
    Ok(Bounds { low: sorted_mean(&values[..kept]), high: sorted_mean(&values[2 * faults..]) })
}

/// Gives the smallest and the largest median that `faults` of the values could bring about by changing.
///
/// # Formula
/// ```text
/// [m − f, m + f]      order statistics that far from those of the median
/// ```
///
/// # Errors
/// As for [`trimmed_mean`].
///
/// # Examples
/// ```
/// let bounds = stats::reachable_median(&[1.0, 2.0, 3.0, 4.0, 9.0], 1)?;
/// assert_eq!((bounds.low, bounds.high), (2.0, 4.0));
/// # Ok::<(), stats::RobustError>(())
/// ```
pub fn reachable_median(values: &[f64], faults: usize) -> Result<Bounds, RobustError> {
    let values = checked(values, faults)?;
    let (lower, upper) = ((values.len() - 1) / 2, values.len() / 2);
    Ok(Bounds {
        low: values[lower - faults].midpoint(values[upper - faults]),
        high: values[lower + faults].midpoint(values[upper + faults]),
    })
}

/// Gives the smallest value at which the weights of it and of all smaller ones reach half of all weights.
///
/// # Formula
/// ```text
/// min { x : Σ_{xᵢ ≤ x} wᵢ ≥ ½ Σ wᵢ }
/// ```
///
/// # Errors
/// [`RobustError`] when there are no values, lengths differ, a value is not finite, or a weight not positive and
/// finite.
///
/// # Use with care
/// For contrast only: whoever claims the largest weight is the median.
///
/// # Examples
/// ```
/// assert_eq!(stats::lower_weighted_median(&[0.1, 0.1, 0.1, 9.0], &[10.0, 20.0, 8.0, 400.0])?, 9.0);
/// # Ok::<(), stats::RobustError>(())
/// ```
pub fn lower_weighted_median(values: &[f64], weights: &[f64]) -> Result<f64, RobustError> {
    same_length(values.len(), weights.len())?;
    checked(values, 0)?;
    if let Some(&weight) = weights.iter().find(|weight| !(**weight > 0.0 && weight.is_finite())) {
        return Err(RobustError::Weight { weight });
    }
    let mut pairs: Vec<(f64, f64)> = values.iter().copied().zip(weights.iter().copied()).collect();
    pairs.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
    let total: f64 = pairs.iter().map(|(_, weight)| weight).sum();
    let mut below = 0.0;
    let middle = pairs.iter().find(|(_, weight)| {
        below += weight;
        below >= 0.5 * total
    });
    middle.map(|(value, _)| *value).ok_or(RobustError::OutOfRange)
}

/// Gives the median of the medians of the units that the values come from, so that a unit has one vote however often it
/// speaks.
///
/// # Formula
/// ```text
/// median over units of (median of the unit's values)      an even number gives the midpoint
/// ```
/// `values` and `units` are `[n]`.
///
/// # Errors
/// [`RobustError`] when there are no values, lengths differ, or a value is not finite.
///
/// # Examples
/// ```
/// let units = ["a", "b", "c", "evil", "evil", "evil", "evil"];
/// assert_eq!(stats::median_of_units(&[0.1, 0.2, 0.3, 9.0, 9.0, 9.0, 9.0], &units)?, 0.25);
/// # Ok::<(), stats::RobustError>(())
/// ```
pub fn median_of_units<K: Ord>(values: &[f64], units: &[K]) -> Result<f64, RobustError> {
    same_length(values.len(), units.len())?;
    checked(values, 0)?;
    let mut rows: Vec<(&K, f64)> = units.iter().zip(values.iter().copied()).collect();
    rows.sort_by(|one, other| one.0.cmp(other.0).then(one.1.total_cmp(&other.1)));
    let medians: Vec<f64> = rows
        .chunk_by(|one, other| one.0 == other.0)
        .map(|own| sorted_median(&own.iter().map(|(_, value)| *value).collect::<Vec<_>>()))
        .collect();
    Ok(sorted_median(&sorted(&medians)))
}

/// The values, sorted, when `faults` of them on each side leave some.
fn checked(values: &[f64], faults: usize) -> Result<Vec<f64>, RobustError> {
    if values.is_empty() {
        return Err(RobustError::NoValues);
    }
    if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
        return Err(RobustError::NotFinite { value });
    }
    let most = (values.len() - 1) / 2;
    if faults > most {
        return Err(RobustError::TooManyFaults { values: values.len(), faults, most });
    }
    Ok(sorted(values))
}

fn winsorized(sorted: &[f64], faults: usize) -> Vec<f64> {
    let (low, high) = (sorted[faults], sorted[sorted.len() - 1 - faults]);
    sorted.iter().map(|value| value.clamp(low, high)).collect()
}

fn sorted_median(sorted: &[f64]) -> f64 {
    sorted[(sorted.len() - 1) / 2].midpoint(sorted[sorted.len() / 2])
}

fn same_length(one: usize, other: usize) -> Result<(), RobustError> {
    if one == other { Ok(()) } else { Err(RobustError::LengthMismatch { one, other }) }
}

/// Vectors of one length with finite entries, sorted by their entries; with where each of them stood.
fn checked_vectors(vectors: &[Vec<f64>], faults: usize) -> Result<Vec<(usize, &[f64])>, RobustError> {
    let first = vectors.first().ok_or(RobustError::NoValues)?;
    for vector in vectors {
        same_length(first.len(), vector.len())?;
        if let Some(&value) = vector.iter().find(|value| !value.is_finite()) {
            return Err(RobustError::NotFinite { value });
        }
    }
    let most = (vectors.len() - 1) / 2;
    if faults > most {
        return Err(RobustError::TooManyFaults { values: vectors.len(), faults, most });
    }
    let mut sorted: Vec<(usize, &[f64])> = vectors.iter().map(Vec::as_slice).enumerate().collect();
    sorted.sort_by(|one, other| by_entries(one.1, other.1));
    Ok(sorted)
}

fn by_entries(one: &[f64], other: &[f64]) -> std::cmp::Ordering {
    let unequal = one.iter().zip(other).map(|(one, other)| one.total_cmp(other)).find(|order| order.is_ne());
    unequal.unwrap_or(std::cmp::Ordering::Equal)
}

/// The mean of each coordinate.
fn mean_vector<'a>(vectors: &(impl Iterator<Item = &'a [f64]> + Clone), dimension: usize) -> Vec<f64> {
    (0..dimension)
        .map(|coordinate| sorted_mean(&sorted(&vectors.clone().map(|vector| vector[coordinate]).collect::<Vec<_>>())))
        .collect()
}
