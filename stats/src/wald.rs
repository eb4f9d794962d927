//! An estimate with its standard error, and what is read from the two.

use crate::distributions::{
    DistributionError, normal_quantile, normal_upper_tail, student_t_quantile, student_t_upper_tail,
};
use crate::interval::{ConfidenceError, Interval, tail_probability};

#[cfg(test)]
mod tests;

/// Why an estimate gives no interval or no probability.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum WaldError {
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile or a tail could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// An estimate whose error, over its standard error, is normal or has a t distribution.
///
/// # Formula
/// ```text
/// estimate ± q(1 − α/2) · standard_error      p = 2 P(X > |estimate| / standard_error)
/// ```
/// `X` is standard normal, or t where `degrees_of_freedom` is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wald {
    /// The estimate.
    pub estimate: f64,
    /// Its standard error, positive.
    pub standard_error: f64,
    /// Degrees of freedom of the t distribution; `None` for the normal one.
    pub degrees_of_freedom: Option<f64>,
}

impl Wald {
    /// An estimate whose error is normal; `None` unless both numbers are finite and the standard error positive.
    pub(crate) fn normal(estimate: f64, standard_error: f64) -> Option<Self> {
        (estimate.is_finite() && standard_error.is_finite() && standard_error > 0.0).then_some(Self {
            estimate,
            standard_error,
            degrees_of_freedom: None,
        })
    }

    /// The same, with a t distribution in place of the normal one.
    pub(crate) fn with_degrees_of_freedom(self, degrees_of_freedom: f64) -> Self {
        Self { degrees_of_freedom: Some(degrees_of_freedom), ..self }
    }

    /// Gives the two-sided interval.
    ///
    /// # Errors
    /// [`WaldError`] when `confidence` is not strictly between 0 and 1.
    pub fn interval(&self, confidence: f64) -> Result<Interval, WaldError> {
        let tail = tail_probability(confidence)?;
        let quantile = match self.degrees_of_freedom {
            Some(degrees) => -student_t_quantile(tail, degrees)?,
            None => -normal_quantile(tail)?,
        };
        let half = quantile * self.standard_error;
        Ok(Interval { estimate: self.estimate, low: self.estimate - half, high: self.estimate + half, confidence })
    }

    /// Gives the probability of an estimate above this one if the truth were `value`: small where it lies above.
    ///
    /// # Errors
    /// [`WaldError`] when `value` is NaN.
    pub fn p_above(&self, value: f64) -> Result<f64, WaldError> {
        self.upper_tail((self.estimate - value) / self.standard_error)
    }

    /// Gives the probability of an estimate at least as far from 0 if the truth were 0.
    ///
    /// # Errors
    /// [`WaldError`] when a tail could not be computed.
    pub fn p_two_sided(&self) -> Result<f64, WaldError> {
        Ok(2.0 * self.upper_tail((self.estimate / self.standard_error).abs())?)
    }

    fn upper_tail(&self, ratio: f64) -> Result<f64, WaldError> {
        Ok(match self.degrees_of_freedom {
            Some(degrees) => student_t_upper_tail(ratio, degrees)?,
            None => normal_upper_tail(ratio)?,
        })
    }
}
