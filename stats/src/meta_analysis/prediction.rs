//! Where one more place would lie, with all that is not known about how much places differ.

use super::tau2::{Model, at_residual};
use super::{CombineError, CommonMean, Effects, needs};
use crate::distributions::{chi_squared_quantile, normal_upper_tail};
use crate::interval::{Interval, tail_probability};
use crate::numeric::bisected_root;

/// In how many parts of equal probability the distribution of `τ²` is taken.
const PARTS: u32 = 200;

/// Gives the interval in which the true effect of one more such place lies, allowing for not knowing `τ²`.
///
/// # Model
/// That of [`pool`](crate::pool), normal.
///
/// # Formula
/// ```text
/// Q(τ²) = Σ wᵢ (yᵢ − μ(τ²))² ~ χ² with k − 1 degrees of freedom, and (μ(τ²) − μ) √Σw ~ N(0, 1), independent
/// τ²(q) solves Q(τ²) = q, or is 0      limits: the α/2 and 1 − α/2 quantiles of
/// F(x) = mean over q ~ χ² of Φ((x − μ(τ²)) / √(τ² + 1/Σw))
/// ```
/// Both statements are exact at the true `τ²`; solving them for `μ` and `τ²` and adding a draw of the new place gives
/// `F`. The mean is over 200 values of `q` of equal probability, the quantiles by halving. The estimate is the median.
///
/// # Errors
/// [`CombineError`] as for [`pool`](crate::pool), when there are fewer than three effects, or `confidence` is not
/// strictly between 0 and 1.
///
/// # Use with care
/// It trusts claimed variances, as every weighted mean does.
///
/// # Examples
/// ```
/// let y = [0.10, 0.30, 0.35, 0.65, 0.45, 0.15];
/// let v = [0.03, 0.03, 0.05, 0.01, 0.05, 0.02];
/// let predicted = stats::pivotal_prediction_interval(&y, &v, 0.95)?;
/// assert!(predicted.low < 0.0 && predicted.high > 0.7);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Iyer, Wang & Mathew (2004), Journal of the American Statistical Association 99, 1060–1071 (the pivots). Nagashima,
/// Noma & Furukawa (2019), Statistical Methods in Medical Research 28, 1689–1702 (why, and by resampling).
pub fn pivotal_prediction_interval(
    estimates: &[f64],
    variances: &[f64],
    confidence: f64,
) -> Result<Interval, CombineError> {
    let tail = tail_probability(confidence)?;
    let effects = Effects::of(estimates, variances)?;
    needs(effects.count(), 3)?;
    let model = CommonMean::of(&effects);
    let mut parts = Vec::new();
    for part in 0..PARTS {
        let probability = (f64::from(part) + 0.5) / f64::from(PARTS);
        let tau2 = at_residual(&model, chi_squared_quantile(probability, model.freedom())?);
        let mean = model.mean(tau2);
        parts.push((mean.estimate, (tau2 + mean.variance).sqrt()));
    }
    let far = |sign: f64| parts.iter().map(move |(mean, deviation)| mean + sign * 40.0 * deviation);
    let (lowest, highest) = (far(-1.0).fold(f64::INFINITY, f64::min), far(1.0).fold(f64::NEG_INFINITY, f64::max));
    if !lowest.is_finite() || !highest.is_finite() {
        return Err(CombineError::OutOfRange);
    }
    let above = |x: f64| {
        let each = parts.iter().map(|(mean, deviation)| normal_upper_tail((x - mean) / deviation).unwrap_or(0.0));
        each.sum::<f64>() / f64::from(PARTS)
    };
    let quantile = |upper: f64| bisected_root(lowest, highest, |x| above(x) - upper);
    Ok(Interval { estimate: quantile(0.5), low: quantile(1.0 - tail), high: quantile(tail), confidence })
}
