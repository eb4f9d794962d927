//! Intervals for a rate of events per unit of exposure.

use crate::distributions::{DistributionError, gamma_quantile, gamma_upper_quantile, student_t_quantile};
use crate::interval::{ConfidenceError, Interval, tail_probability};

#[cfg(test)]
mod tests;

/// Why a rate has no interval.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum RateError {
    /// There are no periods.
    #[error("a rate over no periods is not defined")]
    NoPeriods,
    /// Counts and exposures are not of one length.
    #[error("there are `{counts}` counts and `{exposures}` exposures")]
    LengthMismatch {
        /// How many counts were given.
        counts: usize,
        /// How many exposures were given.
        exposures: usize,
    },
    /// An exposure, or their sum, is not positive and finite.
    #[error("exposure must be positive and finite, got `{exposure}`")]
    Exposure {
        /// The exposure.
        exposure: f64,
    },
    /// The counts add up to more than can be counted.
    #[error("the counts add up to more than `{}`", u64::MAX)]
    TooManyEvents,
    /// Dispersion needs at least two periods.
    #[error("dispersion is not defined for a single period")]
    OnePeriod,
    /// Nothing happened, so dispersion and the log of the rate do not exist.
    #[error("dispersion is not defined when nothing happened")]
    NoEvents,
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile that the interval needs could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// How the interval of a frequency was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrequencyMethod {
    /// Exact Poisson limits, see [`poisson_interval`].
    ExactPoisson,
    /// Log-scale limits widened by the dispersion, see [`quasi_poisson_interval`].
    QuasiPoisson,
}

/// A frequency with its interval, the method used, and the dispersion that chose it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrequencyInterval {
    /// The rate per unit of exposure and its limits.
    pub interval: Interval,
    /// The method that made the limits.
    pub method: FrequencyMethod,
    /// Pearson's dispersion; `None` with one period only or when nothing happened.
    pub dispersion: Option<f64>,
}

/// Gives the exact interval of Garwood for the rate of a Poisson count.
///
/// # Model
/// `events` is Poisson with mean `λ · exposure`.
///
/// # Formula
/// ```text
/// low = G⁻¹(α/2; x) / exposure      high = G⁻¹(1 − α/2; x + 1) / exposure
/// ```
/// `x` events; `G⁻¹(p; a)` is the quantile of the gamma distribution with shape `a` and rate 1, which is half the
/// chi-squared quantile at `2a` degrees of freedom. `low = 0` at `x = 0`. The unit is events per unit of `exposure`.
///
/// # Errors
/// [`RateError`] when `exposure` is not positive and finite, or `confidence` is not strictly between 0 and 1.
///
/// # Use with care
/// Events that come in bursts vary more than a Poisson count, and the interval is then too narrow.
///
/// # Examples
/// ```
/// let interval = stats::poisson_interval(0, 30.0, 0.95)?;
/// assert_eq!(interval.low, 0.0);
/// assert!((interval.high - 3.688_879_454_113_936 / 30.0).abs() < 1e-14);
/// # Ok::<(), stats::RateError>(())
/// ```
///
/// # References
/// Garwood (1936), Biometrika 28, 437–442. Ulm (1990), American Journal of Epidemiology 131, 373–375.
pub fn poisson_interval(events: u64, exposure: f64, confidence: f64) -> Result<Interval, RateError> {
    check_exposure(exposure)?;
    let tail = tail_probability(confidence)?;
    let x = events as f64;
    let low = if events == 0 { 0.0 } else { gamma_quantile(tail, x, 1.0)? };
    let high = gamma_upper_quantile(tail, x + 1.0)?;
    Ok(Interval { estimate: x / exposure, low: low / exposure, high: high / exposure, confidence })
}

/// Estimates the dispersion of counts about one common rate by Pearson's statistic.
///
/// # Model
/// Period `i` of `n` has count `yᵢ` with mean `λtᵢ` and variance `φλtᵢ`; `φ = 1` for Poisson counts.
///
/// # Formula
/// ```text
/// λ = Σyᵢ / Σtᵢ      φ = Σ (yᵢ − λtᵢ)² / (λtᵢ) / (n − 1)
/// ```
/// `counts` and `exposures` are `[n]`; `φ` has no unit. The sum runs in sorted order of its terms.
///
/// # Errors
/// [`RateError`] when there are fewer than two periods, lengths differ, an exposure is not positive and finite, or
/// nothing happened.
///
/// # Examples
/// ```
/// let dispersion = stats::pearson_dispersion(&[2, 4, 6], &[1.0, 1.0, 1.0])?;
/// assert!((dispersion - 1.0).abs() < 1e-15);
/// # Ok::<(), stats::RateError>(())
/// ```
///
/// # References
/// `McCullagh` & Nelder (1989), Generalized Linear Models, second edition, section 6.2.3.
pub fn pearson_dispersion(counts: &[u64], exposures: &[f64]) -> Result<f64, RateError> {
    let total = Total::of(counts, exposures)?;
    if counts.len() < 2 {
        return Err(RateError::OnePeriod);
    }
    if total.events == 0 {
        return Err(RateError::NoEvents);
    }
    let terms = counts.iter().zip(exposures).map(|(&count, exposure)| {
        let mean = total.rate() * exposure;
        let residual = count as f64 - mean;
        residual * (residual / mean)
    });
    Ok(sorted_sum(terms) / (counts.len() - 1) as f64)
}

/// Gives a quasi-Poisson interval for one rate over several periods.
///
/// # Model
/// Period `i` of `n` has count `yᵢ` with mean `λtᵢ` and variance `φλtᵢ`.
///
/// # Formula
/// ```text
/// λ = Σyᵢ / Σtᵢ      limits = λ exp(± t √(φ / Σyᵢ))
/// ```
/// `φ` by [`pearson_dispersion`]; `t` is the t quantile at `1 − (1 − confidence)/2` with `n − 1` degrees of freedom.
/// It is the Wald interval of a log-linear model with an intercept and the log exposure as offset.
///
/// # Errors
/// [`RateError`] when there are fewer than two periods, lengths differ, an exposure is not positive and finite, nothing
/// happened, or `confidence` is not strictly between 0 and 1.
///
/// # Use with care
/// `φ` from a handful of periods is a guess, and counts below about five a period make the log scale rough. A `φ`
/// below 1 is used as it is and gives an interval narrower than Poisson; [`frequency_interval`] never does that.
///
/// # Examples
/// ```
/// let interval = stats::quasi_poisson_interval(&[2, 4, 6], &[1.0, 1.0, 1.0], 0.95)?;
/// assert!((interval.estimate - 4.0).abs() < 1e-15);
/// assert!((interval.high / interval.estimate - interval.estimate / interval.low).abs() < 1e-12);
/// # Ok::<(), stats::RateError>(())
/// ```
///
/// # References
/// `McCullagh` & Nelder (1989), Generalized Linear Models, second edition, sections 6.2.3 and 9.2.
pub fn quasi_poisson_interval(counts: &[u64], exposures: &[f64], confidence: f64) -> Result<Interval, RateError> {
    let dispersion = pearson_dispersion(counts, exposures)?;
    Total::of(counts, exposures)?.on_the_log_scale(dispersion, counts.len(), confidence)
}

/// Gives the interval for a frequency: exact Poisson unless several periods show more variation than that.
///
/// # Model
/// Period `i` of `n` has count `yᵢ` with mean `λtᵢ` and variance `φλtᵢ`, `φ ≥ 1`.
///
/// # Formula
/// ```text
/// n < 8, or nothing happened, or φ ≤ 1:   poisson_interval(Σyᵢ, Σtᵢ)
/// else:                                   quasi_poisson_interval(y, t)
/// ```
/// `counts` and `exposures` are `[n]`, one entry for each full period; the unit is events per unit of `exposures`.
///
/// # Errors
/// [`RateError`] when there are no periods, lengths differ, an exposure is not positive and finite, or `confidence` is
/// not strictly between 0 and 1.
///
/// # Use with care
/// Choosing by the estimated dispersion costs a little coverage where the true one is just above 1.
///
/// # Examples
/// ```
/// use stats::FrequencyMethod;
/// let weekly = [12, 3, 9, 0, 15, 7, 2, 11];
/// let frequency = stats::frequency_interval(&weekly, &[7.0; 8], 0.95)?;
/// assert_eq!(frequency.method, FrequencyMethod::QuasiPoisson);
/// assert!(frequency.dispersion.is_some_and(|dispersion| dispersion > 3.0));
/// # Ok::<(), stats::RateError>(())
/// ```
///
/// # References
/// As for [`poisson_interval`] and [`quasi_poisson_interval`].
pub fn frequency_interval(counts: &[u64], exposures: &[f64], confidence: f64) -> Result<FrequencyInterval, RateError> {
    if counts.is_empty() {
        return Err(RateError::NoPeriods);
    }
    frequency_interval_with_rest(counts, exposures, Rest::default(), confidence)
}

/// What happened outside of full periods.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rest {
    /// The events.
    pub events: u64,
    /// How long it was watched, in the unit of the full periods; 0 where there is no rest.
    pub exposure: f64,
}

/// Does what [`frequency_interval`] does where some periods were not watched whole.
///
/// # Formula
/// ```text
/// λ = (Σyᵢ + y₀) / (Σtᵢ + t₀)      φ over the full periods only
/// n < 8, or nothing happened in them, or φ ≤ 1:   poisson_interval(Σyᵢ + y₀, Σtᵢ + t₀)
/// else:                                           λ exp(± t √(φ / (Σyᵢ + y₀)))
/// ```
/// `counts` and `exposures` are `[n]`, the full periods; `y₀` and `t₀` are the events and the exposure of `rest`. A rest
/// is part of the rate by its exposure. It says nothing about how much periods differ: one event in a sliver of a
/// period would pass for a burst.
///
/// # Errors
/// As for [`frequency_interval`]; there may be no full period where the rest has exposure.
///
/// # Examples
/// ```
/// use stats::{FrequencyMethod, Rest};
/// let weekly = [12, 3, 9, 0, 15, 7, 2, 11];
/// let rest = Rest { events: 1, exposure: 3.0 };
/// let frequency = stats::frequency_interval_with_rest(&weekly, &[7.0; 8], rest, 0.95)?;
/// assert!((frequency.interval.estimate - 60.0 / 59.0).abs() < 1e-12);
/// let alone = stats::frequency_interval(&weekly, &[7.0; 8], 0.95)?;
/// assert_eq!(frequency.dispersion, alone.dispersion);
/// # Ok::<(), stats::RateError>(())
/// ```
///
/// # References
/// As for [`poisson_interval`] and [`quasi_poisson_interval`].
pub fn frequency_interval_with_rest(
    counts: &[u64],
    exposures: &[f64],
    rest: Rest,
    confidence: f64,
) -> Result<FrequencyInterval, RateError> {
    const FEWEST_PERIODS: usize = 8;
    let total = Total::with_rest(counts, exposures, rest)?;
    let dispersion = match pearson_dispersion(counts, exposures) {
        Ok(dispersion) => Some(dispersion),
        Err(RateError::NoPeriods | RateError::OnePeriod | RateError::NoEvents) => None,
        Err(error) => return Err(error),
    };
    let overdispersed = dispersion.filter(|dispersion| counts.len() >= FEWEST_PERIODS && *dispersion > 1.0);
    let (method, interval) = match overdispersed {
        Some(dispersion) => {
            (FrequencyMethod::QuasiPoisson, total.on_the_log_scale(dispersion, counts.len(), confidence)?)
        }
        None => (FrequencyMethod::ExactPoisson, poisson_interval(total.events, total.exposure, confidence)?),
    };
    Ok(FrequencyInterval { interval, method, dispersion })
}

/// Events and exposure over all periods.
struct Total {
    events: u64,
    exposure: f64,
}

impl Total {
    fn of(counts: &[u64], exposures: &[f64]) -> Result<Self, RateError> {
        if counts.len() != exposures.len() {
            return Err(RateError::LengthMismatch { counts: counts.len(), exposures: exposures.len() });
        }
        if counts.is_empty() {
            return Err(RateError::NoPeriods);
        }
        exposures.iter().try_for_each(|&exposure| check_exposure(exposure))?;
        let events = counts.iter().try_fold(0_u64, |sum, &count| sum.checked_add(count));
        let exposure = sorted_sum(exposures.iter().copied());
        check_exposure(exposure)?;
        Ok(Self { events: events.ok_or(RateError::TooManyEvents)?, exposure })
    }

    /// The full periods and the rest together.
    fn with_rest(counts: &[u64], exposures: &[f64], rest: Rest) -> Result<Self, RateError> {
        if rest == Rest::default() {
            return Self::of(counts, exposures);
        }
        Self::of(&[counts, &[rest.events]].concat(), &[exposures, &[rest.exposure]].concat())
    }

    /// The limits that a dispersion over `periods` periods gives.
    fn on_the_log_scale(&self, dispersion: f64, periods: usize, confidence: f64) -> Result<Interval, RateError> {
        let t = -student_t_quantile(tail_probability(confidence)?, (periods - 1) as f64)?;
        let factor = libm::exp(t * (dispersion / self.events as f64).sqrt());
        let estimate = self.rate();
        Ok(Interval { estimate, low: estimate / factor, high: estimate * factor, confidence })
    }

    fn rate(&self) -> f64 {
        self.events as f64 / self.exposure
    }
}

/// A sum that does not depend on the order in which its terms came.
fn sorted_sum(terms: impl Iterator<Item = f64>) -> f64 {
    let mut terms: Vec<f64> = terms.collect();
    terms.sort_unstable_by(f64::total_cmp);
    terms.iter().sum()
}

fn check_exposure(exposure: f64) -> Result<(), RateError> {
    if exposure > 0.0 && exposure.is_finite() { Ok(()) } else { Err(RateError::Exposure { exposure }) }
}
