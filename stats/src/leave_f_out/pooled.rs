//! The hull of intervals that weigh by claimed variances, by going through every subset.

use super::{HullError, subsets};
use crate::meta_analysis::{PooledMethod, Tau2Method, pool};

/// The most subsets that are gone through.
const MOST: usize = 200_000;

/// The union of the pooled intervals of all subsets of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct PooledHull {
    /// How many subsets there are.
    pub subsets: usize,
    /// The lowest lower limit.
    pub low: f64,
    /// The highest upper limit.
    pub high: f64,
    /// The smallest estimate.
    pub smallest_estimate: f64,
    /// The largest estimate.
    pub largest_estimate: f64,
    /// The effects whose absence gives `low`, by place; the first such set in their order.
    pub left_out_for_low: Vec<usize>,
    /// The effects whose absence gives `high`, by place.
    pub left_out_for_high: Vec<usize>,
    /// The share of subsets whose lower limit is above 0.
    pub share_above_zero: f64,
}

/// Gives the union of the pooled intervals of all subsets that leave out a number of the effects.
///
/// # Formula
/// ```text
/// union over sets S of n − f of the interval of `pool`(S)
/// ```
/// Every subset is pooled, up to 200,000 of them.
///
/// # Errors
/// [`HullError`] when there are more subsets, fewer than three effects are left, the effects cannot be pooled, or
/// `confidence` is not strictly between 0 and 1.
///
/// # Use with care
/// It weighs by what each says of its own variance; beside [`leave_out_hull`](crate::leave_out_hull), not in its place.
///
/// # Examples
/// ```
/// use stats::{PooledMethod, Tau2Method};
/// let (y, v) = ([0.12, 0.1, 0.15, 3.0], [0.01, 0.01, 0.02, 0.0001]);
/// let hull = stats::pooled_hull(&y, &v, 1, Tau2Method::PauleMandel, PooledMethod::HartungKnappAdHoc, 0.95)?;
/// assert_eq!((hull.subsets, hull.left_out_for_low), (4, vec![2]));
/// # Ok::<(), stats::HullError>(())
/// ```
///
/// # References
/// As for [`pool`](crate::pool).
pub fn pooled_hull(
    estimates: &[f64],
    variances: &[f64],
    left_out: usize,
    tau2: Tau2Method,
    method: PooledMethod,
    confidence: f64,
) -> Result<PooledHull, HullError> {
    let count = estimates.len();
    pool(estimates, variances, Tau2Method::EqualEffects)?;
    if count < left_out + 3 {
        return Err(HullError::TooFew { values: count, left_out, needed: 3 });
    }
    let mut hull = PooledHull {
        subsets: 0,
        low: f64::INFINITY,
        high: f64::NEG_INFINITY,
        smallest_estimate: f64::INFINITY,
        largest_estimate: f64::NEG_INFINITY,
        left_out_for_low: Vec::new(),
        left_out_for_high: Vec::new(),
        share_above_zero: 0.0,
    };
    let mut above = 0_usize;
    for absent in subsets(count, left_out, MOST).ok_or(HullError::TooManySubsets { most: MOST })? {
        let kept = |values: &[f64]| -> Vec<f64> {
            (0..count).filter(|place| absent.binary_search(place).is_err()).map(|place| values[place]).collect()
        };
        let interval = pool(&kept(estimates), &kept(variances), tau2)?.interval(method, confidence)?;
        hull.subsets += 1;
        above += usize::from(interval.low > 0.0);
        hull.smallest_estimate = hull.smallest_estimate.min(interval.estimate);
        hull.largest_estimate = hull.largest_estimate.max(interval.estimate);
        if interval.low < hull.low {
            (hull.low, hull.left_out_for_low) = (interval.low, absent.clone());
        }
        if interval.high > hull.high {
            (hull.high, hull.left_out_for_high) = (interval.high, absent);
        }
    }
    hull.share_above_zero = above as f64 / hull.subsets as f64;
    Ok(hull)
}
