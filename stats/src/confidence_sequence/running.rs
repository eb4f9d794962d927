//! Tests that may be looked at after every value.

use super::{SequentialError, checked, positive, probability};
use crate::robust_location::Bounds;

/// The mixture sequential probability ratio test of a normal mean.
///
/// # Model
/// Values are independent and normal with a known variance `σ²`; under the alternative their mean is `N(θ₀, τ²)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixtureTest {
    variance: f64,
    null: f64,
    mixing_variance: f64,
}

impl MixtureTest {
    /// Takes the variance of a value, the mean under test, and the variance of the means that are to be detected.
    ///
    /// # Errors
    /// [`SequentialError`] when a variance is not positive and finite or the mean not finite.
    pub fn new(variance: f64, null: f64, mixing_variance: f64) -> Result<Self, SequentialError> {
        checked(&[null])?;
        let variance = positive("variance", variance)?;
        Ok(Self { variance, null, mixing_variance: positive("mixing_variance", mixing_variance)? })
    }

    /// Gives, after each value, the logarithm of the evidence against the mean under test: an e-value.
    ///
    /// # Formula
    /// ```text
    /// ln Λₙ = ½ ln(σ²/(σ² + nτ²)) + n²τ²(x̄ − θ₀)² / (2σ²(σ² + nτ²))
    /// ```
    /// `Λ` has expectation at most 1 under the null at every stopping time, so e-values of independent sources
    /// multiply.
    ///
    /// # Errors
    /// [`SequentialError`] when there are no values or one is not finite.
    ///
    /// # Examples
    /// ```
    /// let test = stats::MixtureTest::new(1.0, 0.0, 0.1)?;
    /// let evidence = test.log_e_values(&[0.4822])?;
    /// assert!((evidence[0].exp() - 0.963_593_125_328).abs() < 1e-11);
    /// # Ok::<(), stats::SequentialError>(())
    /// ```
    ///
    /// # References
    /// Johari, Koomen, Pekelis & Walsh (2022), Operations Research 70, 1806–1821. Ramdas et al. (2023), Statistical
    /// Science 38, 576–601.
    pub fn log_e_values(&self, values: &[f64]) -> Result<Vec<f64>, SequentialError> {
        let states = self.states(values)?;
        Ok(states
            .map(|(count, away)| {
                let total = self.variance + count * self.mixing_variance;
                let sum = count * away;
                0.5 * (libm::log(self.variance / total) + sum * sum * self.mixing_variance / (self.variance * total))
            })
            .collect())
    }

    /// Gives, after each value, a p-value that holds at every time at once: one over the largest evidence so far.
    ///
    /// # Errors
    /// As for [`MixtureTest::log_e_values`].
    ///
    /// # Use with care
    /// It depends on the order of the values, as a record of what was seen when.
    ///
    /// # References
    /// As for [`MixtureTest::log_e_values`].
    pub fn p_values(&self, values: &[f64]) -> Result<Vec<f64>, SequentialError> {
        let mut smallest = 1.0_f64;
        Ok(self
            .log_e_values(values)?
            .into_iter()
            .map(|evidence| {
                smallest = smallest.min(libm::exp(-evidence));
                smallest
            })
            .collect())
    }

    /// Gives, after each value, the interval of the mean that holds at every time at once.
    ///
    /// # Formula
    /// ```text
    /// x̄ ± √(2σ²(σ² + nτ²)/(n²τ²) · (ln(1/α) + ½ ln((σ² + nτ²)/σ²)))
    /// ```
    ///
    /// # Errors
    /// As for [`MixtureTest::log_e_values`], and when `alpha` is not strictly between 0 and 1.
    ///
    /// # References
    /// Robbins (1970), Annals of Mathematical Statistics 41, 1397–1409.
    pub fn intervals(&self, values: &[f64], alpha: f64) -> Result<Vec<Bounds>, SequentialError> {
        let log_alpha = libm::log(probability("alpha", alpha)?);
        let states = self.states(values)?;
        Ok(states
            .map(|(count, away)| {
                let total = self.variance + count * self.mixing_variance;
                let level = 0.5 * libm::log(total / self.variance) - log_alpha;
                let half = (2.0 * self.variance * total / self.mixing_variance * level).sqrt() / count;
                let mean = self.null + away;
                Bounds { low: mean - half, high: mean + half }
            })
            .collect())
    }

    /// After each value: how many there are, and their mean less the one under test.
    fn states(&self, values: &[f64]) -> Result<impl Iterator<Item = (f64, f64)>, SequentialError> {
        checked(values)?;
        let (mut count, mut sum) = (0.0, 0.0);
        Ok(values.iter().map(move |value| {
            count += 1.0;
            sum += value - self.null;
            (count, sum / count)
        }))
    }
}

/// What a sequential probability ratio test has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RatioDecision {
    /// For the alternative, after so many values.
    Alternative(usize),
    /// For the null, after so many values.
    Null(usize),
    /// Nothing yet.
    Undecided,
}

/// Wald's test between two probabilities of success.
///
/// # Model
/// Trials are independent with one probability, which is one of two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatioTest {
    null: f64,
    alternative: f64,
    accept_alternative: f64,
    accept_null: f64,
}

/// A sequential probability ratio after each trial.
#[derive(Debug, Clone, PartialEq)]
pub struct SequentialRatio {
    /// The log likelihood ratio of alternative over null after each trial.
    pub log_ratios: Vec<f64>,
    /// The first bound that it reached.
    pub decision: RatioDecision,
}

impl RatioTest {
    /// Takes both probabilities and the two errors that are allowed: `alpha` to take the alternative wrongly, `beta` to
    /// take the null wrongly.
    ///
    /// # Formula
    /// ```text
    /// bounds of the log ratio: ln((1 − β)/α) and ln(β/(1 − α))
    /// ```
    ///
    /// # Errors
    /// [`SequentialError`] when a probability is not strictly between 0 and 1, both hypotheses are one, or the errors
    /// leave no room between the bounds.
    ///
    /// # References
    /// Wald (1945), Annals of Mathematical Statistics 16, 117–186.
    pub fn new(null: f64, alternative: f64, alpha: f64, beta: f64) -> Result<Self, SequentialError> {
        probability("null", null)?;
        probability("alternative", alternative)?;
        probability("alpha", alpha)?;
        probability("beta", beta)?;
        if null.total_cmp(&alternative).is_eq() {
            return Err(SequentialError::SameHypotheses { probability: null });
        }
        if alpha + beta >= 1.0 {
            return Err(SequentialError::Overspent { spent: alpha + beta, allowed: 1.0 });
        }
        let accept_alternative = libm::log((1.0 - beta) / alpha);
        Ok(Self { null, alternative, accept_alternative, accept_null: libm::log(beta / (1.0 - alpha)) })
    }

    /// The bounds of the log ratio: at or above the first the alternative is taken, at or below the second the null.
    #[must_use]
    pub fn bounds(&self) -> (f64, f64) {
        (self.accept_alternative, self.accept_null)
    }

    /// Runs the test over trials in their order.
    ///
    /// # Examples
    /// ```
    /// use stats::{RatioDecision, RatioTest};
    /// let test = RatioTest::new(0.05, 0.15, 0.05, 0.1)?;
    /// let outcome = test.run(&[false, false, true, false, true, true]);
    /// assert_eq!(outcome.decision, RatioDecision::Alternative(6));
    /// # Ok::<(), stats::SequentialError>(())
    /// ```
    #[must_use]
    pub fn run(&self, trials: &[bool]) -> SequentialRatio {
        let success = libm::log(self.alternative / self.null);
        let failure = libm::log((1.0 - self.alternative) / (1.0 - self.null));
        let mut ratio = 0.0;
        let log_ratios: Vec<f64> = trials
            .iter()
            .map(|is_success| {
                ratio += if *is_success { success } else { failure };
                ratio
            })
            .collect();
        let decided = log_ratios.iter().zip(1..).find_map(|(ratio, count)| {
            if *ratio >= self.accept_alternative {
                Some(RatioDecision::Alternative(count))
            } else if *ratio <= self.accept_null {
                Some(RatioDecision::Null(count))
            } else {
                None
            }
        });
        SequentialRatio { log_ratios, decision: decided.unwrap_or(RatioDecision::Undecided) }
    }
}
