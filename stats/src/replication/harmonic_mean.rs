//! A test that needs every study to point the same way.

use super::{Interval, tail_probability};
use super::{ReplicationError, bisected_root, chi_squared_quantile, chi_squared_upper_tail, finite, positive};

/// The direction that a harmonic-mean test asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HarmonicDirection {
    /// All effects are positive.
    Greater,
    /// All effects are negative.
    Less,
    /// All effects have one sign.
    Same,
    /// Any signs: the sizes alone.
    Any,
}

/// How studies weigh in a harmonic mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HarmonicWeights {
    /// All alike.
    Equal,
    /// By the inverse of their variances.
    Precision,
}

/// Estimates of one effect, to be tested by the harmonic mean of their squared z-values.
#[derive(Debug, Clone, PartialEq)]
pub struct HarmonicMean {
    /// Estimates and standard errors, sorted.
    studies: Vec<(f64, f64)>,
    weights: HarmonicWeights,
}

impl HarmonicMean {
    /// Takes estimates with their standard errors, both `[k]` and in one unit.
    ///
    /// # Errors
    /// [`ReplicationError`] when there are none, lengths differ, an estimate is not finite, or a standard error not
    /// positive and finite.
    ///
    /// # Examples
    /// ```
    /// use stats::{HarmonicDirection, HarmonicMean, HarmonicWeights};
    /// let studies = HarmonicMean::new(&[0.2, 0.3, 0.25], &[0.1; 3], HarmonicWeights::Equal)?;
    /// assert!(studies.p_value(HarmonicDirection::Greater)? < 0.01);
    /// assert!(studies.p_value(HarmonicDirection::Less).is_err());
    /// # Ok::<(), stats::ReplicationError>(())
    /// ```
    pub fn new(estimates: &[f64], standard_errors: &[f64], weights: HarmonicWeights) -> Result<Self, ReplicationError> {
        if estimates.len() != standard_errors.len() {
            let (estimates, standard_errors) = (estimates.len(), standard_errors.len());
            return Err(ReplicationError::LengthMismatch { estimates, standard_errors });
        }
        if estimates.is_empty() {
            return Err(ReplicationError::NoStudies);
        }
        let mut studies = Vec::with_capacity(estimates.len());
        for (estimate, error) in estimates.iter().zip(standard_errors) {
            studies.push((finite(*estimate)?, positive(*error)?));
        }
        studies.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
        Ok(Self { studies, weights })
    }

    /// Gives the p-value against no effect.
    ///
    /// # Formula
    /// ```text
    /// X² = (Σ √wᵢ)² / Σ wᵢ/zᵢ²      chi-squared with one degree of freedom if there is no effect anywhere
    /// p = P(χ² ≥ X²)   any signs;   / 2ᵏ   for one sign;   / 2ᵏ⁻¹   for either
    /// ```
    ///
    /// # Errors
    /// [`ReplicationError`] when the estimates do not all point the way that is asked about.
    ///
    /// # References
    /// Held (2020), Journal of the Royal Statistical Society C 69, 697–708.
    pub fn p_value(&self, direction: HarmonicDirection) -> Result<f64, ReplicationError> {
        let smallest = self.studies[0].0;
        let largest = self.studies[self.studies.len() - 1].0;
        let does_point = match direction {
            HarmonicDirection::Greater => smallest > 0.0,
            HarmonicDirection::Less => largest < 0.0,
            HarmonicDirection::Same => smallest > 0.0 || largest < 0.0,
            HarmonicDirection::Any => true,
        };
        if !does_point {
            return Err(ReplicationError::Direction);
        }
        let sizes = chi_squared_upper_tail(self.statistic(0.0), 1.0)?;
        Ok(sizes * self.share(direction))
    }

    /// Gives the effects that the two-sided test, which needs one sign of all deviations, does not reject.
    ///
    /// # Formula
    /// ```text
    /// { μ : not all yᵢ − μ have one sign, or p of the deviations ≥ 1 − confidence }
    /// ```
    /// Its ends lie outside the estimates where `2¹⁻ᵏ` is above `1 − confidence`, else they are the outermost ones.
    /// They are found by halving. The estimate is the midpoint of the ends.
    ///
    /// # Errors
    /// [`ReplicationError`] when `confidence` is not strictly between 0 and 1.
    ///
    /// # References
    /// As for [`HarmonicMean::p_value`].
    pub fn interval(&self, confidence: f64) -> Result<Interval, ReplicationError> {
        let level = 2.0 * tail_probability(confidence)?;
        let needed = level / self.share(HarmonicDirection::Same);
        let (smallest, largest) = (self.studies[0].0, self.studies[self.studies.len() - 1].0);
        let (mut low, mut high) = (smallest, largest);
        if needed < 1.0 {
            let bound = chi_squared_quantile(1.0 - needed, 1.0)?;
            let end = |inner: f64, sign: f64| {
                let beyond = |away: f64| bound - self.statistic(inner + sign * away);
                let mut far = self.studies.iter().fold(0.0_f64, |most, study| most.max(study.1));
                while beyond(far) > 0.0 && far < f64::MAX / 2.0 {
                    far *= 2.0;
                }
                inner + sign * bisected_root(0.0, far, beyond)
            };
            (low, high) = (end(smallest, -1.0), end(largest, 1.0));
        }
        Ok(Interval { estimate: low.midpoint(high), low, high, confidence })
    }

    /// `X²` of the deviations from `centre`.
    fn statistic(&self, centre: f64) -> f64 {
        let (mut roots, mut inverses) = (0.0, 0.0);
        for (estimate, error) in &self.studies {
            let z = (estimate - centre) / error;
            let weight = match self.weights {
                HarmonicWeights::Equal => 1.0,
                HarmonicWeights::Precision => 1.0 / (error * error),
            };
            roots += weight.sqrt();
            inverses += weight / (z * z);
        }
        roots * roots / inverses
    }

    /// The share of all signs that count.
    fn share(&self, direction: HarmonicDirection) -> f64 {
        let halves = self.studies.iter().fold(1.0, |share, _| 0.5 * share);
        match direction {
            HarmonicDirection::Greater | HarmonicDirection::Less => halves,
            HarmonicDirection::Same => 2.0 * halves,
            HarmonicDirection::Any => 1.0,
        }
    }
}
