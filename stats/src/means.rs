//! Differences of the means of two samples whose variances need not be equal.

use crate::distributions::DistributionError;
use crate::interval::ConfidenceError;
use crate::numeric::{sorted, sorted_mean};
use crate::robust_location::{RobustError, TrimmedError, trimmed_mean_interval};
use crate::wald::{Wald, WaldError};

#[cfg(test)]
mod tests;

/// Why two samples have no difference of means.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum MeansError {
    /// A sample is too small for a variance.
    #[error("samples of `{first}` and `{second}` are too small, each needs two values")]
    TooFew {
        /// Values of the first sample.
        first: usize,
        /// Values of the second sample.
        second: usize,
    },
    /// Pairs are not of one length.
    #[error("`{first}` and `{second}` values are not pairs")]
    LengthMismatch {
        /// Values of the first sample.
        first: usize,
        /// Values of the second sample.
        second: usize,
    },
    /// A value is not finite.
    #[error("value `{value}` is not finite")]
    NotFinite {
        /// The value.
        value: f64,
    },
    /// A value has no logarithm.
    #[error("value `{value}` is not positive and finite, so that it has no logarithm")]
    NotPositive {
        /// The value.
        value: f64,
    },
    /// No sample varies.
    #[error("the values of neither sample differ")]
    NoSpread,
    /// The values are so large that a square is not finite.
    #[error("the values are too large for floating-point numbers")]
    OutOfRange,
    /// The share to trim leaves nothing.
    #[error("the share to trim on each side must be at least 0 and below one half, got `{share}`")]
    Share {
        /// The share.
        share: f64,
    },
    /// A trimmed mean could not be computed.
    #[error(transparent)]
    Trimmed(#[from] RobustError),
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    /// An interval could not be computed.
    #[error(transparent)]
    Wald(#[from] WaldError),
}

/// Gives the difference of two means, first less second, by Welch's method.
///
/// # Model
/// Each sample is normal with a mean and a variance of its own, or large.
///
/// # Formula
/// ```text
/// x̄ − ȳ      standard error √(a + b),  a = s₁²/n,  b = s₂²/m      ν = (a + b)² / (a²/(n − 1) + b²/(m − 1))
/// ```
///
/// # Errors
/// [`MeansError`] when a sample has fewer than two values, a value is not finite, or neither sample varies.
///
/// # Use with care
/// One very large value moves the mean and widens the interval at once; [`crate::hodges_lehmann_shift`] bears it.
///
/// # Examples
/// ```
/// let control = [4.17, 5.58, 5.18, 6.11, 4.50, 4.61, 5.17, 4.53, 5.33, 5.14];
/// let treated = [6.31, 5.12, 5.54, 5.50, 5.37, 5.29, 4.92, 6.15, 5.80, 5.26];
/// let interval = stats::welch_difference(&control, &treated)?.interval(0.95)?;
/// assert!((interval.low + 0.982_872_130_035).abs() < 1e-11 && (interval.high + 0.005_127_869_965).abs() < 1e-11);
/// # Ok::<(), stats::MeansError>(())
/// ```
///
/// # References
/// Welch (1947), Biometrika 34, 28–35.
pub fn welch_difference(first: &[f64], second: &[f64]) -> Result<Wald, MeansError> {
    let (n, m) = (first.len(), second.len());
    if n < 2 || m < 2 {
        return Err(MeansError::TooFew { first: n, second: m });
    }
    let (one, other) = (Sample::of(first)?, Sample::of(second)?);
    welch(one.mean - other.mean, [(one.squared_error, n), (other.squared_error, m)])
}

/// Gives the logarithm of the ratio of two geometric means, first over second: Welch's method on logarithms.
///
/// # Formula
/// ```text
/// ln (g₁ / g₂) = mean of ln x − mean of ln y      else as `welch_difference`
/// ```
/// The exponentials of its limits are those of the ratio.
///
/// # Errors
/// As for [`welch_difference`], and when a value is not positive.
///
/// # Use with care
/// Times of a few seconds among times of days weigh as much as times of months: look at the smallest values too.
///
/// # Examples
/// ```
/// let ratio = stats::log_ratio_of_geometric_means(&[2.0, 8.0], &[1.0, 4.0])?;
/// assert!((ratio.estimate - 2.0_f64.ln()).abs() < 1e-15);
/// assert!(ratio.degrees_of_freedom.is_some_and(|degrees| (degrees - 2.0).abs() < 1e-12));
/// # Ok::<(), stats::MeansError>(())
/// ```
///
/// # References
/// Welch (1947), Biometrika 34, 28–35.
pub fn log_ratio_of_geometric_means(first: &[f64], second: &[f64]) -> Result<Wald, MeansError> {
    let logarithms = |values: &[f64]| -> Result<Vec<f64>, MeansError> {
        match values.iter().find(|value| !(**value > 0.0 && value.is_finite())) {
            Some(&value) => Err(MeansError::NotPositive { value }),
            None => Ok(values.iter().map(|value| libm::log(*value)).collect()),
        }
    };
    welch_difference(&logarithms(first)?, &logarithms(second)?)
}

/// Gives the mean difference `first − second` of pairs.
///
/// # Formula
/// ```text
/// d̄      standard error s/√n,  n − 1 degrees of freedom
/// ```
///
/// # Errors
/// [`MeansError`] when there are fewer than two pairs, the samples are not of one length, a value is not finite, or the
/// differences do not vary.
///
/// # Examples
/// ```
/// let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
/// let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
/// let difference = stats::paired_difference(&first, &second)?;
/// assert!((difference.estimate / difference.standard_error + 4.062_127_683_382).abs() < 1e-11);
/// # Ok::<(), stats::MeansError>(())
/// ```
///
/// # References
/// Student (1908), Biometrika 6, 1–25.
pub fn paired_difference(first: &[f64], second: &[f64]) -> Result<Wald, MeansError> {
    let (n, m) = (first.len(), second.len());
    if n != m {
        return Err(MeansError::LengthMismatch { first: n, second: m });
    }
    if n < 2 {
        return Err(MeansError::TooFew { first: n, second: m });
    }
    if let Some(&value) = first.iter().chain(second).find(|value| !value.is_finite()) {
        return Err(MeansError::NotFinite { value });
    }
    let differences: Vec<f64> = first.iter().zip(second).map(|(one, other)| one - other).collect();
    if differences.iter().any(|difference| !difference.is_finite()) {
        return Err(MeansError::OutOfRange);
    }
    let sample = Sample::of(&differences)?;
    Ok(wald(sample.mean, sample.squared_error)?.with_degrees_of_freedom(n as f64 - 1.0))
}

/// Gives the difference of two trimmed means by Yuen's method.
///
/// # Formula
/// ```text
/// g = ⌊share · n⌋ cut from each end, h = n − 2g left      d = (n − 1) s_w² / (h (h − 1))
/// t = (x̄ₜ − ȳₜ) / √(d₁ + d₂)      ν = (d₁ + d₂)² / (d₁²/(h₁ − 1) + d₂²/(h₂ − 1))
/// ```
/// `s_w²` is the variance with the trimmed values drawn in to the outermost left.
///
/// # Errors
/// [`MeansError`] as for [`welch_difference`], when `share` is not within 0 and one half, or it leaves fewer than two values.
///
/// # Examples
/// ```
/// let plain = stats::welch_difference(&[1.0, 2.0, 3.0, 9.0], &[2.0, 4.0, 5.0])?;
/// let none_cut = stats::yuen_difference(&[1.0, 2.0, 3.0, 9.0], &[2.0, 4.0, 5.0], 0.0)?;
/// assert!((plain.standard_error - none_cut.standard_error).abs() < 1e-12);
/// # Ok::<(), stats::MeansError>(())
/// ```
///
/// # References
/// Yuen (1974), Biometrika 61, 165–170.
pub fn yuen_difference(first: &[f64], second: &[f64], share: f64) -> Result<Wald, MeansError> {
    if !(0.0..0.5).contains(&share) {
        return Err(MeansError::Share { share });
    }
    let trimmed = |values: &[f64]| -> Result<_, MeansError> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below half of the length")]
        let cut = (share * values.len() as f64).floor() as usize;
        let mean = trimmed_mean_interval(values, cut, TrimmedError::Yuen, 0.5)?;
        Ok((mean.interval.estimate, (mean.standard_error * mean.standard_error, values.len() - 2 * cut)))
    };
    let (one, other) = (trimmed(first)?, trimmed(second)?);
    welch(one.0 - other.0, [one.1, other.1])
}

/// A mean and the square of its standard error.
struct Sample {
    mean: f64,
    squared_error: f64,
}

impl Sample {
    fn of(values: &[f64]) -> Result<Self, MeansError> {
        if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
            return Err(MeansError::NotFinite { value });
        }
        let values = sorted(values);
        let (mean, squared_error) = (sorted_mean(&values), squared_error(&values));
        if squared_error.is_finite() { Ok(Self { mean, squared_error }) } else { Err(MeansError::OutOfRange) }
    }
}

fn welch(difference: f64, parts: [(f64, usize); 2]) -> Result<Wald, MeansError> {
    let (sum, freedom) = satterthwaite(parts);
    Ok(wald(difference, sum)?.with_degrees_of_freedom(freedom))
}

fn wald(estimate: f64, squared_error: f64) -> Result<Wald, MeansError> {
    if squared_error <= 0.0 {
        return Err(MeansError::NoSpread);
    }
    Wald::normal(estimate, squared_error.sqrt()).ok_or(MeansError::OutOfRange)
}

/// The sum of squared standard errors, each of a mean of so many, and the degrees of freedom that belong to it.
pub(crate) fn satterthwaite(parts: [(f64, usize); 2]) -> (f64, f64) {
    let sum = parts[0].0 + parts[1].0;
    // Shares, whose squares are neither too large nor too small.
    let spent = parts.map(|(square, count)| (square / sum) * (square / sum) / (count as f64 - 1.0));
    (sum, 1.0 / (spent[0] + spent[1]))
}

/// The squared standard error of the mean of two sorted values or more.
pub(crate) fn squared_error(sorted: &[f64]) -> f64 {
    let count = sorted.len() as f64;
    let mean = sorted_mean(sorted);
    sorted.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (count - 1.0) / count
}
