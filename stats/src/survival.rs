//! Times to an event of which some have not happened yet: the product-limit curve and what is read from it.

use crate::distributions::{DistributionError, normal_quantile};
use crate::interval::{ConfidenceError, Interval, tail_probability};
use crate::step_function::{QuantileEstimate, crossing};

mod bootstrap;
mod contrast;
#[cfg(test)]
mod tests;

pub use bootstrap::{SurvivalBootstrapError, kaplan_meier_quantile_bca, kaplan_meier_quantiles_bca};
pub use contrast::{
    ChangedSubject, ClusteredRatio, ContrastError, CurveChange, CurveSummary, RestrictedMeanContrast,
    StratifiedContrast, StratumWeight, curve_change, quantile_ratio_bca, restricted_mean_contrast,
    restricted_mean_ratio_bca, stratified_restricted_mean,
};

/// Why a survival curve, or something read from it, does not exist.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SurvivalError {
    /// There are no durations.
    #[error("a survival curve of no durations is not defined")]
    NoDurations,
    /// Durations and flags are not of one length.
    #[error("there are `{durations}` durations and `{observed}` flags")]
    LengthMismatch {
        /// How many durations were given.
        durations: usize,
        /// How many flags were given.
        observed: usize,
    },
    /// A duration is negative or not finite.
    #[error("a duration must be finite and not negative, got `{duration}`")]
    Duration {
        /// The duration.
        duration: f64,
    },
    /// The probability is not strictly between 0 and 1.
    #[error("probability must lie strictly between 0 and 1, got `{probability}`")]
    Probability {
        /// The probability that was asked for.
        probability: f64,
    },
    /// The horizon of a restricted mean is not positive, or lies where nothing is known.
    #[error("the horizon must be positive and at most `{longest}`, got `{horizon}`")]
    Horizon {
        /// The horizon that was asked for.
        horizon: f64,
        /// The longest duration that was followed.
        longest: f64,
    },
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile that the interval needs could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// The survival curve just after one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SurvivalStep {
    /// The time.
    pub time: f64,
    /// How many were followed up to this time and had no event before.
    pub at_risk: u64,
    /// How many had the event at this time.
    pub events: u64,
    /// How many were last seen, without an event, at this time.
    pub censored: u64,
    /// The estimated probability to have no event up to and including this time.
    pub survival: f64,
    /// Greenwood's standard error of `survival`; `None` once the curve is at 0.
    pub standard_error: Option<f64>,
    /// The Nelson–Aalen estimate of the cumulative hazard.
    pub cumulative_hazard: f64,
}

impl SurvivalStep {
    /// Gives the log-log limits of the survival probability; `None` where the curve is at 1 or at 0.
    ///
    /// # Formula
    /// ```text
    /// S^exp(∓ z σ / (S ln S))
    /// ```
    /// `σ` is Greenwood's standard error of `S`.
    ///
    /// # Errors
    /// [`SurvivalError`] when `confidence` is not strictly between 0 and 1.
    ///
    /// # References
    /// Kalbfleisch & Prentice (2002), The Statistical Analysis of Failure Time Data, second edition, section 1.4.1.
    pub fn interval(&self, confidence: f64) -> Result<Option<Interval>, SurvivalError> {
        let z = -normal_quantile(tail_probability(confidence)?)?;
        Ok(self.limits(z).map(|(low, high)| Interval { estimate: self.survival, low, high, confidence }))
    }

    /// The log-log limits at a normal quantile.
    fn limits(&self, z: f64) -> Option<(f64, f64)> {
        let relative_error = self.standard_error.filter(|_| self.survival < 1.0)? / self.survival;
        let log_survival = libm::log(self.survival);
        let limit = |shift: f64| libm::exp(log_survival * libm::exp(shift));
        let shift = z * relative_error / -log_survival;
        Some((limit(shift), limit(-shift)))
    }
}

/// A quantile of a survival curve with its limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileInterval {
    /// The quantile, or what it is known to exceed.
    pub estimate: QuantileEstimate,
    /// The lower limit; `None` where the curve falls too soon or too little to have one.
    pub low: Option<f64>,
    /// The upper limit; `None` where the data set no bound.
    pub high: Option<f64>,
    /// The two-sided level.
    pub confidence: f64,
}

/// The mean time without an event up to a horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RestrictedMean {
    /// The mean and its limits, in the unit of the durations.
    pub interval: Interval,
    /// Its standard error.
    pub standard_error: f64,
    /// The horizon.
    pub horizon: f64,
}

/// The product-limit estimate of Kaplan and Meier, with Greenwood's variance.
///
/// # Model
/// Each of `n` subjects has an event time and, independent of it, a censoring time; the smaller is seen, with a flag.
///
/// # Formula
/// ```text
/// S(t) = Π (1 − dⱼ/nⱼ)      Var S(t) = S(t)² Σ dⱼ / (nⱼ (nⱼ − dⱼ))      over times tⱼ ≤ t
/// ```
/// `dⱼ` events at `tⱼ` among `nⱼ` at risk. A subject censored at the time of an event is at risk for it.
///
/// # Use with care
/// Wrong where the censoring time carries part of the event time; see [`crate::CensoredQuantile`].
///
/// # Examples
/// ```
/// use stats::{KaplanMeier, QuantileEstimate};
/// let hours = [2.0, 3.0, 3.0, 5.0, 8.0];
/// let ended = [true, true, false, true, false];
/// let curve = KaplanMeier::fit(&hours, &ended)?;
/// // 4/5, then 3/4 of it, then 1/2 of that.
/// assert!((curve.steps()[2].survival - 0.3).abs() < 1e-15);
/// assert_eq!(curve.quantile(0.5)?, QuantileEstimate::At(5.0));
/// assert_eq!(curve.quantile(0.9)?, QuantileEstimate::GreaterThan(8.0));
/// # Ok::<(), stats::SurvivalError>(())
/// ```
///
/// # References
/// Kaplan & Meier (1958), Journal of the American Statistical Association 53, 457–481. Greenwood (1926), The Natural
/// Duration of Cancer.
#[derive(Debug, Clone, PartialEq)]
pub struct KaplanMeier {
    steps: Vec<SurvivalStep>,
    longest: f64,
}

impl KaplanMeier {
    /// Estimates the curve from durations and, for each, whether the event was observed (`true`) or is still awaited.
    ///
    /// `durations` and `observed` are `[n]`; the unit is any unit of time.
    ///
    /// # Errors
    /// [`SurvivalError`] when there are no durations, lengths differ, or a duration is negative or not finite.
    pub fn fit(durations: &[f64], observed: &[bool]) -> Result<Self, SurvivalError> {
        if durations.len() != observed.len() {
            return Err(SurvivalError::LengthMismatch { durations: durations.len(), observed: observed.len() });
        }
        if let Some(&duration) = durations.iter().find(|duration| !(**duration >= 0.0 && duration.is_finite())) {
            return Err(SurvivalError::Duration { duration });
        }
        let mut subjects: Vec<(f64, bool)> = durations.iter().copied().zip(observed.iter().copied()).collect();
        subjects.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        let &(longest, _) = subjects.last().ok_or(SurvivalError::NoDurations)?;
        Ok(Self { steps: steps(&subjects), longest })
    }

    /// The curve at each distinct time, in order of time.
    #[must_use]
    pub fn steps(&self) -> &[SurvivalStep] {
        &self.steps
    }

    /// The longest duration that was followed, with an event or without.
    #[must_use]
    pub fn longest(&self) -> f64 {
        self.longest
    }

    /// Gives the time by which a share `probability` has had the event.
    ///
    /// # Formula
    /// ```text
    /// inf { t : S(t) ≤ 1 − p };  where S equals 1 − p on a flat piece, the midpoint of that piece
    /// ```
    /// Equal within 1.5e-8. A last piece that never falls again ends at [`Self::longest`]. This is the rule of R's
    /// `quantile.survfit`. A curve that stays above `1 − p` gives [`QuantileEstimate::GreaterThan`] its last time.
    ///
    /// # Errors
    /// [`SurvivalError`] when `probability` is not strictly between 0 and 1.
    ///
    /// # References
    /// Brookmeyer & Crowley (1982), Biometrics 38, 29–41.
    pub fn quantile(&self, probability: f64) -> Result<QuantileEstimate, SurvivalError> {
        check_probability(probability)?;
        let reached = self.falls_by(probability, |step| Some(step.survival));
        Ok(reached.map_or(QuantileEstimate::GreaterThan(self.longest), QuantileEstimate::At))
    }

    /// Gives [`Self::quantile`] with the limits that come from inverting the log-log limits of the curve.
    ///
    /// # Formula
    /// ```text
    /// { t : 1 − p lies between the log-log limits of S(t) }
    /// ```
    /// The limits are read from the limit curves by the rule of [`Self::quantile`]. Those curves do not exist where the
    /// curve itself is at 1 or at 0; a limit that its curve does not reach is `None`.
    ///
    /// # Errors
    /// [`SurvivalError`] when `probability` or `confidence` is not strictly between 0 and 1.
    ///
    /// # References
    /// Brookmeyer & Crowley (1982), Biometrics 38, 29–41, on another scale; the log-log scale is R's
    /// `conf.type = "log-log"`.
    pub fn quantile_interval(&self, probability: f64, confidence: f64) -> Result<QuantileInterval, SurvivalError> {
        let estimate = self.quantile(probability)?;
        let z = -normal_quantile(tail_probability(confidence)?)?;
        let low = self.falls_by(probability, |step| step.limits(z).map(|limits| limits.0));
        let high = self.falls_by(probability, |step| step.limits(z).map(|limits| limits.1));
        Ok(QuantileInterval { estimate, low, high, confidence })
    }

    /// Gives the mean time without an event up to `horizon`: the area under the curve.
    ///
    /// # Formula
    /// ```text
    /// μ = ∫₀ʰ S(t) dt      Var μ = Σ (∫ S(t) dt from tⱼ to h)² dⱼ / (nⱼ (nⱼ − dⱼ))      over times tⱼ ≤ h
    /// ```
    /// The limits are `μ ± z σ`. An event that empties the risk set adds no variance.
    ///
    /// # Errors
    /// [`SurvivalError`] when `horizon` is not positive or exceeds [`Self::longest`] while the curve is above 0, or
    /// `confidence` is not strictly between 0 and 1.
    ///
    /// # References
    /// Royston & Parmar (2013), BMC Medical Research Methodology 13, 152.
    pub fn restricted_mean(&self, horizon: f64, confidence: f64) -> Result<RestrictedMean, SurvivalError> {
        let z = -normal_quantile(tail_probability(confidence)?)?;
        let ends_at_zero = self.steps.last().is_some_and(|step| step.survival <= 0.0);
        if !(horizon > 0.0 && horizon.is_finite() && (horizon <= self.longest || ends_at_zero)) {
            return Err(SurvivalError::Horizon { horizon, longest: self.longest });
        }
        let (mean, variance) = self.area_and_variance(horizon);
        let standard_error = variance.sqrt();
        let half = z * standard_error;
        let interval = Interval { estimate: mean, low: mean - half, high: mean + half, confidence };
        Ok(RestrictedMean { interval, standard_error, horizon })
    }

    /// The area under the curve up to `horizon` and its variance, in one pass backwards.
    fn area_and_variance(&self, horizon: f64) -> (f64, f64) {
        let (mut area, mut variance, mut end) = (0.0, 0.0, horizon);
        for step in self.steps.iter().rev().filter(|step| step.time <= horizon) {
            area += step.survival * (end - step.time);
            variance += area * area * greenwood_term(step.at_risk, step.events).unwrap_or(0.0);
            end = step.time;
        }
        (area + end, variance)
    }

    /// Where a curve made from the steps has fallen by `probability`; steps without a height are passed over.
    fn falls_by(&self, probability: f64, height: impl Fn(&SurvivalStep) -> Option<f64>) -> Option<f64> {
        let curve = self.steps.iter().filter_map(|step| Some((step.time, 1.0 - height(step)?)));
        crossing(curve, probability, self.longest)
    }
}

/// The curve from subjects sorted by time.
fn steps(subjects: &[(f64, bool)]) -> Vec<SurvivalStep> {
    let mut at_risk = subjects.len() as u64;
    let (mut survival, mut greenwood, mut cumulative_hazard) = (1.0, Some(0.0), 0.0);
    let mut steps = Vec::new();
    #[expect(clippy::float_cmp, reason = "only times that are the same belong to one step")]
    for tied in subjects.chunk_by(|one, other| one.0 == other.0) {
        let events = tied.iter().filter(|(_, observed)| *observed).count() as u64;
        let censored = tied.len() as u64 - events;
        survival *= (at_risk - events) as f64 / at_risk as f64;
        cumulative_hazard += events as f64 / at_risk as f64;
        greenwood = greenwood.zip(greenwood_term(at_risk, events)).map(|(sum, term)| sum + term);
        let standard_error = greenwood.map(|sum: f64| survival * sum.sqrt());
        let time = tied[0].0;
        steps.push(SurvivalStep { time, at_risk, events, censored, survival, standard_error, cumulative_hazard });
        at_risk -= events + censored;
    }
    steps
}

/// `d / (n (n − d))`; `None` when the events empty the risk set.
fn greenwood_term(at_risk: u64, events: u64) -> Option<f64> {
    let left = at_risk - events;
    (left > 0).then(|| events as f64 / (at_risk as f64 * left as f64))
}

fn check_probability(probability: f64) -> Result<(), SurvivalError> {
    if probability > 0.0 && probability < 1.0 { Ok(()) } else { Err(SurvivalError::Probability { probability }) }
}
