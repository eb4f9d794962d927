//! The effects that a symmetric funnel would have and that are not there.

use super::small_study::FEWEST;
use super::{
    CombineError, CommonMean, Effects, Pooled, PooledMethod, Tau2Method, between_variance, meta_regression, needs,
};

/// How the number of missing effects is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrimEstimator {
    /// From the sum of ranks on the longer side.
    L0,
    /// From the longest run of ranks on the longer side.
    R0,
}

/// The side of the funnel on which effects seem to be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingSide {
    /// Small effects.
    Left,
    /// Large effects.
    Right,
}

/// A pooled answer after filling in what a symmetric funnel would have.
#[derive(Debug, Clone, PartialEq)]
pub struct TrimAndFill {
    /// The side that seems to lack effects.
    pub side: MissingSide,
    /// The effects filled in, mirrored from the other side, most extreme last.
    pub filled: Vec<f64>,
    /// The pooled answer with them.
    pub pooled: Pooled,
}

/// Fills in the effects that a symmetric funnel would have.
///
/// # Model
/// Effects are symmetric about their mean, and the `k₀` most extreme on one side were not reported.
///
/// # Formula
/// ```text
/// repeat: leave out the k₀ largest; μ of the rest; rank |yᵢ − μ|; S = sum of the ranks of positive deviations
///         L₀ = (4S − k(k + 1)) / (2k − 1)      R₀ = k − (largest rank of a negative deviation) − 1
///         k₀ = estimate, rounded, at least 0
/// fill in 2μ − yᵢ for the k₀ largest
/// ```
/// written for the left side, which is taken where the slope of effects on standard errors is not negative; the right
/// side is its mirror image.
///
/// # Errors
/// [`CombineError`] as for [`pool`](crate::pool), when there are fewer than ten effects, all variances are equal, or
/// the steps go in a circle.
///
/// # Use with care
/// As for [`egger_test`](crate::egger_test): a picture, not a correction.
///
/// # Examples
/// ```
/// use stats::{Tau2Method, TrimEstimator};
/// let v: Vec<f64> = (1..=11).map(|i| 0.01 * f64::from(i)).collect();
/// let y: Vec<f64> = (1..=11).map(|i| 0.1 * f64::from(i) * f64::from(i)).collect();
/// let filled = stats::trim_and_fill(&y, &v, Tau2Method::DerSimonianLaird, TrimEstimator::L0)?;
/// assert!(filled.filled.iter().all(|effect| *effect < y[10]));
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Duval & Tweedie (2000), Biometrics 56, 455–463.
pub fn trim_and_fill(
    estimates: &[f64],
    variances: &[f64],
    method: Tau2Method,
    estimator: TrimEstimator,
) -> Result<TrimAndFill, CombineError> {
    let effects = Effects::of(estimates, variances)?;
    needs(effects.count(), FEWEST)?;
    filled(&effects, method, estimator)
}

pub(super) fn filled(
    effects: &Effects,
    method: Tau2Method,
    estimator: TrimEstimator,
) -> Result<TrimAndFill, CombineError> {
    let errors: Vec<f64> = effects.variances.iter().map(|variance| variance.sqrt()).collect();
    let slope = meta_regression(&effects.estimates, &effects.variances, &[errors], method, PooledMethod::Wald)?;
    let side = if slope.coefficients[1].estimate < 0.0 { MissingSide::Right } else { MissingSide::Left };
    let sign = if side == MissingSide::Right { -1.0 } else { 1.0 };
    let mirrored: Vec<f64> = effects.estimates.iter().map(|estimate| sign * estimate).collect();
    let oriented = Effects::of(&mirrored, &effects.variances)?;
    let (missing, mean) = trimmed(&oriented, method, estimator)?;
    let first = oriented.count() - missing;
    let (estimates, variances) = (&oriented.estimates, &oriented.variances);
    let filled: Vec<f64> = estimates[first..].iter().map(|estimate| sign * (2.0 * mean - estimate)).collect();
    let pooled = Effects::of(
        &[effects.estimates.as_slice(), &filled].concat(),
        &[effects.variances.as_slice(), &variances[first..]].concat(),
    )?
    .pool(method)?;
    Ok(TrimAndFill { side, filled, pooled })
}

/// How many effects are missing on the left, and the mean of what is left after trimming as many on the right.
fn trimmed(effects: &Effects, method: Tau2Method, estimator: TrimEstimator) -> Result<(usize, f64), CombineError> {
    let count = effects.count();
    let mut missing = 0;
    for _ in 0..100 {
        let kept = count - missing;
        needs(kept, 2)?;
        let rest = Effects::of(&effects.estimates[..kept], &effects.variances[..kept])?;
        let model = CommonMean::of(&rest);
        let mean = model.mean(between_variance(&model, method)?).estimate;
        let estimate = estimated(&effects.estimates, mean, estimator);
        if estimate == missing {
            return Ok((missing, mean));
        }
        missing = estimate;
    }
    Err(CombineError::NotConverged)
}

fn estimated(estimates: &[f64], mean: f64, estimator: TrimEstimator) -> usize {
    let mut deviations: Vec<f64> = estimates.iter().map(|estimate| estimate - mean).collect();
    // A stable sort: of two equal sizes the smaller estimate ranks first.
    deviations.sort_by(|one, other| one.abs().total_cmp(&other.abs()));
    let count = deviations.len();
    match estimator {
        TrimEstimator::L0 => {
            let above: usize =
                deviations.iter().zip(1..).filter(|(deviation, _)| **deviation > 0.0).map(|(_, rank)| rank).sum();
            let estimate = (4.0 * above as f64 - count as f64 * (count as f64 + 1.0)) / (2.0 * count as f64 - 1.0);
            // The divisor is odd, so the estimate is never halfway between two whole numbers.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the count")]
            let rounded = estimate.round().max(0.0) as usize;
            rounded
        }
        TrimEstimator::R0 => {
            let last =
                deviations.iter().zip(1..).filter(|(deviation, _)| **deviation < 0.0).map(|(_, rank)| rank).max();
            count.saturating_sub(last.unwrap_or(0) + 1)
        }
    }
}
