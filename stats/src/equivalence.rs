//! Whether an effect lies within margins that were named before.

use crate::interval::{ConfidenceError, Interval};
use crate::wald::{Wald, WaldError};

#[cfg(test)]
mod tests;

/// Why there is no test of equivalence.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum EquivalenceError {
    /// The margins are not two finite numbers in order.
    #[error("margins must be finite and the lower below the upper, got `{low}` and `{high}`")]
    Margins {
        /// The lower margin.
        low: f64,
        /// The upper margin.
        high: f64,
    },
    /// The level of a test is not strictly between 0 and one half.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A tail could not be computed.
    #[error(transparent)]
    Wald(#[from] WaldError),
}

/// Two one-sided tests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equivalence {
    /// `(estimate − low) / standard error`.
    pub t_lower: f64,
    /// `(estimate − high) / standard error`.
    pub t_upper: f64,
    /// The probability of an estimate as high if the truth were at the lower margin.
    pub p_lower: f64,
    /// The probability of an estimate as low if the truth were at the upper margin.
    pub p_upper: f64,
    /// The larger of the two: that of the test of equivalence.
    pub p: f64,
    /// The interval at `1 − 2α`, which lies within the margins where `p < α`.
    pub interval: Interval,
}

/// Tests whether an effect lies between two margins, by two one-sided tests.
///
/// # Formula
/// ```text
/// p = max{ P(T > (estimate − low) / se), P(T < (estimate − high) / se) }
/// ```
/// `T` is standard normal, or t where `effect` has degrees of freedom. `level` is that of each test, such as 0.05. For a
/// ratio take the effect and the margins as logarithms.
///
/// # Errors
/// [`EquivalenceError`] when the margins are not finite and in order, or `level` not strictly between 0 and one half.
///
/// # Use with care
/// An effect that is not shown to differ from none is not thereby shown to be none: this is the test for that, and the
/// margins must have been named before the data were seen.
///
/// # Examples
/// ```
/// let effect = stats::Wald { estimate: -0.494, standard_error: 0.231487941, degrees_of_freedom: Some(16.785_764) };
/// let test = stats::equivalence_test(&effect, -1.0, 1.0, 0.05)?;
/// assert!((test.p - 0.021_647_847).abs() < 1e-7);
/// assert!(test.interval.low > -1.0 && test.interval.high < 1.0);
/// # Ok::<(), stats::EquivalenceError>(())
/// ```
///
/// # References
/// Schuirmann (1987), Journal of Pharmacokinetics and Biopharmaceutics 15, 657–680. Berger & Hsu (1996), Statistical
/// Science 11, 283–319.
pub fn equivalence_test(effect: &Wald, low: f64, high: f64, level: f64) -> Result<Equivalence, EquivalenceError> {
    if !(low.is_finite() && high.is_finite() && low < high) {
        return Err(EquivalenceError::Margins { low, high });
    }
    let interval = effect.interval(1.0 - 2.0 * level)?;
    let p_lower = effect.p_above(low)?;
    // The same tail on the mirrored scale, so that it is never one minus the other.
    let p_upper = Wald { estimate: -effect.estimate, ..*effect }.p_above(-high)?;
    Ok(Equivalence {
        t_lower: (effect.estimate - low) / effect.standard_error,
        t_upper: (effect.estimate - high) / effect.standard_error,
        p_lower,
        p_upper,
        p: p_lower.max(p_upper),
        interval,
    })
}
