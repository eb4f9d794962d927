//! Times to one of two kinds of end, of which some are still awaited.

use crate::distributions::{DistributionError, normal_quantile};
use crate::interval::{ConfidenceError, Interval, tail_probability};
use crate::wald::Wald;

#[cfg(test)]
mod tests;

/// Why a share of ends of one kind does not exist.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum IncidenceError {
    /// There are no durations.
    #[error("the incidence among no durations is not defined")]
    NoDurations,
    /// Durations and ends are not of one length.
    #[error("there are `{durations}` durations and `{ends}` ends")]
    LengthMismatch {
        /// How many durations were given.
        durations: usize,
        /// How many ends were given.
        ends: usize,
    },
    /// A duration is negative or not finite.
    #[error("a duration must be finite and not negative, got `{duration}`")]
    Duration {
        /// The duration.
        duration: f64,
    },
    /// A time is negative, or lies where nothing is known.
    #[error("the time must not be negative and at most `{longest}`, got `{time}`")]
    Time {
        /// The time that was asked for.
        time: f64,
        /// The longest duration that was followed.
        longest: f64,
    },
    /// The two shares have no spread.
    #[error("neither share has a variance at time `{time}`")]
    NoSpread {
        /// The time that was asked for.
        time: f64,
    },
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile that the interval needs could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// How the time of a subject ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndKind {
    /// By the event in question.
    Event,
    /// By another event, after which the one in question cannot happen any more.
    Competing,
    /// Not yet: it was last seen without either.
    Censored,
}

/// The shares just after one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IncidenceStep {
    /// The time.
    pub time: f64,
    /// How many were followed up to this time and had not ended before.
    pub at_risk: u64,
    /// How many had the event at this time.
    pub events: u64,
    /// How many had the competing event at this time.
    pub competing: u64,
    /// How many were last seen at this time.
    pub censored: u64,
    /// The estimated probability to have had the event up to and including this time.
    pub incidence: f64,
    /// The standard error of `incidence`.
    pub standard_error: f64,
    /// The estimated probability to have had the competing event.
    pub competing_incidence: f64,
    /// The standard error of `competing_incidence`.
    pub competing_standard_error: f64,
    /// The estimated probability to have had neither.
    pub survival: f64,
}

/// The Aalen–Johansen estimate of the share that has had an event, where another may come first.
///
/// # Model
/// Each of `n` subjects ends by the event or by a competing one, and is censored at a time independent of both; the first of
/// these is seen.
///
/// # Formula
/// ```text
/// I(t) = Σ S(tⱼ−) eⱼ/nⱼ      S(t) = Π (1 − (eⱼ + cⱼ)/nⱼ)      over times tⱼ ≤ t
/// ```
/// `eⱼ` events and `cⱼ` competing ones at `tⱼ` among `nⱼ` at risk. The variance is that of multinomial shares at each time,
/// carried forward by the delta method:
/// ```text
/// Cov(S, I) ← A Cov(S, I) Aᵀ + S(tⱼ−)² Σⱼ      A = [1 − h, 0; p, 1]      p = eⱼ/nⱼ,  h = (eⱼ + cⱼ)/nⱼ
/// Σⱼ = [h(1 − h), −p(1 − h); −p(1 − h), p(1 − p)] / nⱼ
/// ```
/// Without censoring, `I` is the share of events and its variance `I(1 − I)/n`. Without competing events, `1 − I` is the
/// curve of [`KaplanMeier`](crate::KaplanMeier) and its variance Greenwood's.
///
/// # Use with care
/// One minus the product-limit curve that counts competing events as censored is larger, and the probability of nothing: it
/// lets those go on waiting who cannot have the event any more.
///
/// # Examples
/// ```
/// use stats::{CumulativeIncidence, EndKind::*};
/// let hours = [1.0, 2.0, 3.0, 4.0];
/// let curve = CumulativeIncidence::fit(&hours, &[Event, Competing, Event, Censored])?;
/// // 1/4, and half of the half that is left at time 3.
/// assert!((curve.at(3.0)?.0.estimate - 0.5).abs() < 1e-15);
/// assert!((curve.at(3.0)?.1.estimate - 0.25).abs() < 1e-15);
/// # Ok::<(), stats::IncidenceError>(())
/// ```
///
/// # References
/// Aalen & Johansen (1978), Scandinavian Journal of Statistics 5, 141–150. Andersen, Borgan, Gill & Keiding (1993),
/// Statistical Models Based on Counting Processes, section IV.4 (the variance).
#[derive(Debug, Clone, PartialEq)]
pub struct CumulativeIncidence {
    steps: Vec<IncidenceStep>,
    longest: f64,
}

/// A share and its standard error, which is 0 where the share is certain by the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IncidenceShare {
    /// The share.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
}

impl IncidenceShare {
    /// Gives the complementary log-log limits; `None` where the share is 0 or 1, or its standard error 0.
    ///
    /// # Formula
    /// ```text
    /// 1 − (1 − I)^exp(± z σ / ((1 − I) ln(1 − I)))
    /// ```
    /// `I` is the share and `σ` its standard error. The limits lie between 0 and 1.
    ///
    /// # Errors
    /// [`IncidenceError`] when `confidence` is not strictly between 0 and 1.
    ///
    /// # References
    /// Kalbfleisch & Prentice (2002), The Statistical Analysis of Failure Time Data, second edition, section 1.4.1.
    pub fn interval(&self, confidence: f64) -> Result<Option<Interval>, IncidenceError> {
        let z = -normal_quantile(tail_probability(confidence)?)?;
        let Self { estimate, standard_error } = *self;
        if !(estimate > 0.0 && estimate < 1.0 && standard_error > 0.0) {
            return Ok(None);
        }
        let log_rest = libm::log1p(-estimate);
        let shift = z * standard_error / ((1.0 - estimate) * -log_rest);
        let limit = |shift: f64| -libm::expm1(log_rest * libm::exp(shift));
        Ok(Some(Interval { estimate, low: limit(-shift), high: limit(shift), confidence }))
    }
}

impl CumulativeIncidence {
    /// Estimates the shares from durations and how each of them ended.
    ///
    /// `durations` and `ends` are `[n]`; the unit is any unit of time. A subject censored at the time of an end is at risk
    /// for it.
    ///
    /// # Errors
    /// [`IncidenceError`] when there are no durations, lengths differ, or a duration is negative or not finite.
    pub fn fit(durations: &[f64], ends: &[EndKind]) -> Result<Self, IncidenceError> {
        if durations.len() != ends.len() {
            return Err(IncidenceError::LengthMismatch { durations: durations.len(), ends: ends.len() });
        }
        if let Some(&duration) = durations.iter().find(|duration| !(**duration >= 0.0 && duration.is_finite())) {
            return Err(IncidenceError::Duration { duration });
        }
        let mut subjects: Vec<(f64, EndKind)> =
            durations.iter().map(|time| time + 0.0).zip(ends.iter().copied()).collect();
        subjects.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        let &(longest, _) = subjects.last().ok_or(IncidenceError::NoDurations)?;
        Ok(Self { steps: steps(&subjects), longest })
    }

    /// The shares at each distinct time, in order of time.
    #[must_use]
    pub fn steps(&self) -> &[IncidenceStep] {
        &self.steps
    }

    /// The longest duration that was followed.
    #[must_use]
    pub fn longest(&self) -> f64 {
        self.longest
    }

    /// Gives the share that has had the event by a time, and the share that has had the competing event.
    ///
    /// # Errors
    /// [`IncidenceError`] when `time` is negative, or exceeds [`Self::longest`] while some have had neither.
    pub fn at(&self, time: f64) -> Result<(IncidenceShare, IncidenceShare), IncidenceError> {
        let is_over = self.steps.last().is_some_and(|step| step.survival <= 0.0);
        if !(time >= 0.0 && (time <= self.longest || is_over)) {
            return Err(IncidenceError::Time { time, longest: self.longest });
        }
        let passed = self.steps.partition_point(|step| step.time <= time);
        let share = |estimate, standard_error| IncidenceShare { estimate, standard_error };
        Ok(self.steps[..passed].last().map_or((share(0.0, 0.0), share(0.0, 0.0)), |step| {
            (share(step.incidence, step.standard_error), share(step.competing_incidence, step.competing_standard_error))
        }))
    }
}

/// Contrasts the shares that have had the event by a time in two independent arms: treated minus controls.
///
/// # Formula
/// ```text
/// I₁(t) − I₀(t)      variance σ₁² + σ₀²
/// ```
///
/// # Errors
/// [`IncidenceError`] when the time is not one that both arms were followed to, or neither share has a variance.
///
/// # Use with care
/// A treatment can lower this share by raising that of the competing event; look at both.
///
/// # Examples
/// ```
/// use stats::{CumulativeIncidence, EndKind::*};
/// let new = CumulativeIncidence::fit(&[1.0, 2.0, 3.0, 9.0], &[Event, Event, Competing, Event])?;
/// let old = CumulativeIncidence::fit(&[2.0, 5.0, 7.0, 9.0], &[Event, Competing, Event, Event])?;
/// let difference = stats::incidence_difference(&new, &old, 4.0)?;
/// assert!((difference.estimate - 0.25).abs() < 1e-15);
/// # Ok::<(), stats::IncidenceError>(())
/// ```
///
/// # References
/// Andersen, Borgan, Gill & Keiding (1993), Statistical Models Based on Counting Processes, section IV.4.
pub fn incidence_difference(
    treated: &CumulativeIncidence,
    controls: &CumulativeIncidence,
    time: f64,
) -> Result<Wald, IncidenceError> {
    let (one, other) = (treated.at(time)?.0, controls.at(time)?.0);
    let variance = one.standard_error * one.standard_error + other.standard_error * other.standard_error;
    Wald::normal(one.estimate - other.estimate, variance.sqrt()).ok_or(IncidenceError::NoSpread { time })
}

/// The shares from subjects sorted by time.
fn steps(subjects: &[(f64, EndKind)]) -> Vec<IncidenceStep> {
    let mut at_risk = subjects.len() as u64;
    let mut survival = 1.0;
    let (mut event, mut competing) = (Kind::default(), Kind::default());
    let mut steps = Vec::new();
    #[expect(clippy::float_cmp, reason = "only times that are the same belong to one step")]
    for tied in subjects.chunk_by(|one, other| one.0 == other.0) {
        let count = |wanted: EndKind| tied.iter().filter(|(_, end)| *end == wanted).count() as u64;
        let (events, others) = (count(EndKind::Event), count(EndKind::Competing));
        let all = at_risk as f64;
        // From counts, so that a curve that ends is at 0 exactly.
        let stays = (at_risk - events - others) as f64 / all;
        event.advance(events as f64 / all, stays, all, survival);
        competing.advance(others as f64 / all, stays, all, survival);
        survival *= stays;
        steps.push(IncidenceStep {
            time: tied[0].0,
            at_risk,
            events,
            competing: others,
            censored: tied.len() as u64 - events - others,
            incidence: event.incidence,
            standard_error: event.variance.max(0.0).sqrt(),
            competing_incidence: competing.incidence,
            competing_standard_error: competing.variance.max(0.0).sqrt(),
            survival,
        });
        at_risk -= tied.len() as u64;
    }
    steps
}

/// The share of one kind of end, with its covariance with the share that has not ended.
#[derive(Default)]
struct Kind {
    incidence: f64,
    variance: f64,
    survival_variance: f64,
    covariance: f64,
}

impl Kind {
    /// Goes on by one time: a share `ends` of `at_risk` ends by this kind and a share `stays` by none, after a curve of
    /// height `survival`.
    fn advance(&mut self, ends: f64, stays: f64, at_risk: f64, survival: f64) {
        let fresh = survival * survival / at_risk;
        self.variance += ends * (2.0 * self.covariance + ends * self.survival_variance) + fresh * ends * (1.0 - ends);
        self.covariance = stays * (self.covariance + ends * self.survival_variance) - fresh * ends * stays;
        self.survival_variance = stays * stays * self.survival_variance + fresh * stays * (1.0 - stays);
        self.incidence += survival * ends;
    }
}
