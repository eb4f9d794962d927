//! Intervals for a share of successes among independent trials.

use crate::distributions::{DistributionError, beta_quantile, beta_upper_quantile, normal_quantile};
use crate::interval::{ConfidenceError, Interval, tail_probability};

#[cfg(test)]
mod tests;

/// Why a share has no interval.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ProportionError {
    /// There were no trials, so there is no share.
    #[error("a share of no trials is not defined")]
    NoTrials,
    /// More successes than trials were counted.
    #[error("`{successes}` successes are more than `{trials}` trials")]
    MoreSuccessesThanTrials {
        /// The successes counted.
        successes: u64,
        /// The trials counted.
        trials: u64,
    },
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile that the interval needs could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// Gives the Wilson score interval for a share.
///
/// # Model
/// `successes` of `trials` independent trials with one probability `π`.
///
/// # Formula
/// ```text
/// centre = (x + z²/2) / (n + z²)      half = z √(x(n − x)/n + z²/4) / (n + z²)
/// ```
/// `x` successes, `n` trials, `z` the normal quantile at `1 − (1 − confidence)/2`. No continuity correction.
/// The limits are exactly 0 at `x = 0` and exactly 1 at `x = n`.
///
/// # Errors
/// [`ProportionError`] when `trials` is 0, `successes > trials`, or `confidence` is not strictly between 0 and 1.
///
/// # Use with care
/// Trials that come in batches are not independent: the interval is then too narrow. Coverage is right on average over
/// `π`, not at least nominal at each; [`clopper_pearson_interval`] is.
///
/// # Examples
/// ```
/// let interval = stats::wilson_interval(56, 70, 0.95)?;
/// assert!((interval.low - 0.691_833_555).abs() < 1e-9);
/// assert!((interval.high - 0.876_952_608).abs() < 1e-9);
/// # Ok::<(), stats::ProportionError>(())
/// ```
///
/// # References
/// Wilson (1927), Journal of the American Statistical Association 22, 209–212. Newcombe (1998), Statistics in Medicine
/// 17, 857–872, method 3.
pub fn wilson_interval(successes: u64, trials: u64, confidence: f64) -> Result<Interval, ProportionError> {
    check_counts(successes, trials)?;
    let z = -normal_quantile(tail_probability(confidence)?)?;
    let (x, n) = (successes as f64, trials as f64);
    let failures = (trials - successes) as f64;
    let square = z * z;
    let centre = (x + 0.5 * square) / (n + square);
    let half = z * (x * (failures / n) + 0.25 * square).sqrt() / (n + square);
    Ok(Interval {
        estimate: x / n,
        low: if successes == 0 { 0.0 } else { (centre - half).max(0.0) },
        high: if successes == trials { 1.0 } else { (centre + half).min(1.0) },
        confidence,
    })
}

/// Gives the exact interval of Clopper and Pearson for a share.
///
/// # Model
/// `successes` of `trials` independent trials with one probability `π`.
///
/// # Formula
/// ```text
/// low = B⁻¹(α/2; x, n − x + 1)      high = B⁻¹(1 − α/2; x + 1, n − x)
/// ```
/// `B⁻¹` is the beta quantile, `α = 1 − confidence`; `low = 0` at `x = 0` and `high = 1` at `x = n`.
///
/// # Errors
/// [`ProportionError`] when `trials` is 0, `successes > trials`, or `confidence` is not strictly between 0 and 1.
///
/// # Use with care
/// Covers at least as often as it says, hence wider than needed on average.
///
/// # Examples
/// ```
/// let interval = stats::clopper_pearson_interval(0, 10, 0.95)?;
/// assert_eq!(interval.low, 0.0);
/// assert!((interval.high - 0.308_497_107_818_761).abs() < 1e-12);
/// # Ok::<(), stats::ProportionError>(())
/// ```
///
/// # References
/// Clopper & Pearson (1934), Biometrika 26, 404–413.
pub fn clopper_pearson_interval(successes: u64, trials: u64, confidence: f64) -> Result<Interval, ProportionError> {
    check_counts(successes, trials)?;
    let tail = tail_probability(confidence)?;
    let (x, failures) = (successes as f64, (trials - successes) as f64);
    let low = if successes == 0 { 0.0 } else { beta_quantile(tail, x, failures + 1.0)? };
    let high = if successes == trials { 1.0 } else { beta_upper_quantile(tail, x + 1.0, failures)? };
    Ok(Interval { estimate: x / trials as f64, low, high, confidence })
}

fn check_counts(successes: u64, trials: u64) -> Result<(), ProportionError> {
    if trials == 0 {
        return Err(ProportionError::NoTrials);
    }
    if successes > trials {
        return Err(ProportionError::MoreSuccessesThanTrials { successes, trials });
    }
    Ok(())
}
