//! Did a replication succeed? Convincing on its own is not enough, and neither is being compatible.

use crate::distributions::{
    DistributionError, chi_squared_quantile, chi_squared_upper_tail, normal_quantile, normal_upper_tail,
};
use crate::interval::{ConfidenceError, Interval, tail_probability};
use crate::numeric::{bisected_root, integral};

mod harmonic_mean;
#[cfg(test)]
mod tests;

pub use harmonic_mean::{HarmonicDirection, HarmonicMean, HarmonicWeights};

/// Why a replication cannot be assessed.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ReplicationError {
    /// There are no studies.
    #[error("no studies were given")]
    NoStudies,
    /// Estimates and standard errors are not of one length.
    #[error("there are `{estimates}` estimates and `{standard_errors}` standard errors")]
    LengthMismatch {
        /// How many estimates were given.
        estimates: usize,
        /// How many standard errors were given.
        standard_errors: usize,
    },
    /// An estimate is not finite.
    #[error("an estimate must be finite, got `{estimate}`")]
    Estimate {
        /// The estimate.
        estimate: f64,
    },
    /// A standard error or a ratio of variances is not positive and finite.
    #[error("a standard error or ratio must be positive and finite, got `{value}`")]
    NotPositive {
        /// The value.
        value: f64,
    },
    /// A one-sided level is not between 0 and one half.
    #[error("a one-sided level must lie strictly between 0 and 0.5, got `{level}`")]
    Level {
        /// The level.
        level: f64,
    },
    /// The estimates do not all lie on the side that is asked about.
    #[error("the estimates do not all point the way that is asked about")]
    Direction,
    /// The original estimate is 0, so that there is no direction and no ratio.
    #[error("an original effect of 0 has no direction")]
    NoEffect,
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile or tail could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// How the sceptical p-value is put on a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recalibration {
    /// As first published: strict.
    Nominal,
    /// So that an original result just significant can still be replicated by an equally large effect. The default.
    Golden,
    /// So that its type-I error is that of two significant studies, the squared level, exactly.
    Controlled,
}

/// An original estimate and that of its replication.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplicationPair {
    original: f64,
    original_error: f64,
    replication: f64,
    replication_error: f64,
}

impl ReplicationPair {
    /// Takes two estimates of one effect with their standard errors, both in the unit of the estimates.
    ///
    /// # Errors
    /// [`ReplicationError`] when an estimate is not finite or a standard error not positive and finite.
    pub fn new(
        original: f64,
        original_error: f64,
        replication: f64,
        replication_error: f64,
    ) -> Result<Self, ReplicationError> {
        finite(original)?;
        finite(replication)?;
        positive(original_error)?;
        positive(replication_error)?;
        let pair = Self { original, original_error, replication, replication_error };
        finite(pair.original_z())?;
        finite(pair.replication_z())?;
        positive(pair.variance_ratio())?;
        Ok(pair)
    }

    /// The original estimate over its standard error.
    #[must_use]
    pub fn original_z(&self) -> f64 {
        self.original / self.original_error
    }

    /// The replication's estimate over its standard error.
    #[must_use]
    pub fn replication_z(&self) -> f64 {
        self.replication / self.replication_error
    }

    /// The original's variance over the replication's: how much more precise the replication is.
    #[must_use]
    pub fn variance_ratio(&self) -> f64 {
        let ratio = self.original_error / self.replication_error;
        ratio * ratio
    }

    /// The replication's estimate over the original's.
    ///
    /// # Errors
    /// [`ReplicationError`] when the original estimate is 0.
    pub fn relative_effect(&self) -> Result<f64, ReplicationError> {
        if self.original.abs() > 0.0 { Ok(self.replication / self.original) } else { Err(ReplicationError::NoEffect) }
    }

    /// Gives the one-sided sceptical p-value, see [`sceptical_p_value`].
    ///
    /// # Errors
    /// As there.
    pub fn sceptical_p_value(&self, recalibration: Recalibration) -> Result<f64, ReplicationError> {
        sceptical_p_value(self.original_z(), self.replication_z(), self.variance_ratio(), recalibration)
    }

    /// Gives the p-value of the difference between both estimates.
    ///
    /// # Formula
    /// ```text
    /// Q = (θₒ − θᵣ)² / (σₒ² + σᵣ²)      chi-squared, one degree of freedom
    /// ```
    ///
    /// # Errors
    /// [`ReplicationError`] when the difference is not finite.
    ///
    /// # References
    /// Hedges & Schauer (2019), Psychological Methods 24, 557–570.
    pub fn q_p_value(&self) -> Result<f64, ReplicationError> {
        let z = finite((self.original - self.replication) / self.spread())?;
        Ok(chi_squared_upper_tail(z * z, 1.0)?)
    }

    /// Gives the interval in which the replication was to be expected from the original.
    ///
    /// # Formula
    /// ```text
    /// θₒ ± z √(σₒ² + σᵣ²)
    /// ```
    ///
    /// # Errors
    /// [`ReplicationError`] when `confidence` is not strictly between 0 and 1.
    ///
    /// # References
    /// Patil, Peng & Leek (2016), Perspectives on Psychological Science 11, 539–544.
    pub fn prediction_interval(&self, confidence: f64) -> Result<Interval, ReplicationError> {
        let half = -normal_quantile(tail_probability(confidence)?)? * self.spread();
        let estimate = self.original;
        Ok(Interval { estimate, low: estimate - half, high: estimate + half, confidence })
    }

    /// Gives how much better the replication fits no effect than what the original leads one to expect; below 1 speaks
    /// for success.
    ///
    /// # Formula
    /// ```text
    /// φ(θᵣ; 0, σᵣ²) / φ(θᵣ; θₒ, σₒ² + σᵣ²)
    /// ```
    /// As a logarithm, since it can be too large to hold.
    ///
    /// # References
    /// Verhagen & Wagenmakers (2014), Journal of Experimental Psychology: General 143, 1457–1475.
    #[must_use]
    pub fn log_bayes_factor(&self) -> f64 {
        let z = (self.replication - self.original) / self.spread();
        libm::log(self.spread() / self.replication_error) + 0.5 * (z * z - self.replication_z() * self.replication_z())
    }

    /// Does what [`ReplicationPair::log_bayes_factor`] does, with effects in the original's direction only.
    ///
    /// # Formula
    /// The prior `N(θₒ, σₒ²)` is cut at 0, which multiplies by `Φ(|zₒ|) / Φ(z of the posterior)`.
    ///
    /// # Errors
    /// [`ReplicationError`] when the original estimate is 0 or the posterior lies too far on the other side.
    ///
    /// # References
    /// Ly, Etz, Marsman & Wagenmakers (2019), Behavior Research Methods 51, 2498–2508.
    pub fn log_bayes_factor_one_sided(&self) -> Result<f64, ReplicationError> {
        if self.original_z().abs() <= 0.0 {
            return Err(ReplicationError::NoEffect);
        }
        let sign = self.original.signum();
        let ratio = self.variance_ratio();
        // zₒ and zᵣ weigh by their precision: the mean over its standard deviation.
        let posterior = sign * (self.original_z() + self.replication_z() * ratio.sqrt()) / (1.0 + ratio).sqrt();
        let (prior, posterior) = (normal_upper_tail(-self.original_z().abs())?, normal_upper_tail(-posterior)?);
        finite(self.log_bayes_factor() + libm::log(prior / posterior))
    }

    /// Says whether both are significant, one-sided, in one direction.
    ///
    /// # Errors
    /// [`ReplicationError`] when `level` is not strictly between 0 and 0.5.
    pub fn passes_two_trials_rule(&self, level: f64) -> Result<bool, ReplicationError> {
        let bound = -normal_quantile(checked_level(level)?)?;
        let (original, replication) = (self.original_z(), self.replication_z());
        Ok((original >= bound && replication >= bound) || (original <= -bound && replication <= -bound))
    }

    fn spread(&self) -> f64 {
        self.original_error.hypot(self.replication_error)
    }
}

/// Gives the sceptical z-value: the level at which a sceptic who was just not convinced by the original is contradicted
/// by the replication.
///
/// # Formula
/// ```text
/// (zₒ²/z² − 1)(zᵣ²/z² − 1) = c,   z² ≤ min(zₒ², zᵣ²)
/// c = 1:   z² = H/2      else   z² = (√(A (A + (c − 1)H)) − A) / (c − 1)
/// ```
/// `A` and `H` are the arithmetic and the harmonic mean of `zₒ²` and `zᵣ²`; `c` is the original's variance over the
/// replication's. Computed as `z² = H / (1 + √(1 + (c − 1)H/A))`, which is both.
///
/// # Errors
/// [`ReplicationError`] when a z-value is not finite or `c` not positive and finite.
///
/// # Examples
/// ```
/// assert!((stats::sceptical_z(1.96, 1.96, 1.0)? - 1.96 / 2.0_f64.sqrt()).abs() < 1e-12);
/// # Ok::<(), stats::ReplicationError>(())
/// ```
///
/// # References
/// Held (2020), Journal of the Royal Statistical Society A 183, 431–448, (9).
pub fn sceptical_z(original: f64, replication: f64, variance_ratio: f64) -> Result<f64, ReplicationError> {
    finite(original)?;
    finite(replication)?;
    positive(variance_ratio)?;
    let (one, other) = (original.abs().min(replication.abs()), original.abs().max(replication.abs()));
    if one <= 0.0 {
        return Ok(0.0);
    }
    // Both means in units of the smaller square: neither can overflow.
    let ratio = one / other;
    let arithmetic = 0.5 * (1.0 + 1.0 / (ratio * ratio));
    let harmonic = 2.0 / (1.0 + ratio * ratio);
    let root = (1.0 + (variance_ratio - 1.0) * (harmonic / arithmetic)).sqrt();
    Ok(one * (harmonic / (1.0 + root)).sqrt())
}

/// Gives the one-sided sceptical p-value of a pair, in the direction of the original.
///
/// # Formula
/// ```text
/// nominal      1 − Φ(z)                      z = `sceptical_z`
/// golden       1 − Φ(z √φ)                   φ = (√5 + 1)/2
/// controlled   √ ∫_z^∞ (1 − Φ(zᵣ(x))) φ(x) dx      zᵣ(x) = z √(1 + c / (x²/z² − 1)), by Simpson's rule in arcosh(x/z)
/// ```
/// One minus that where the replication points the other way.
///
/// # Errors
/// As for [`sceptical_z`].
///
/// # Use with care
/// Small only when the replication convinces *and* does not shrink the effect too much; the two-sided value is twice
/// the smaller of it and one minus it.
///
/// # Examples
/// ```
/// let golden = stats::sceptical_p_value(4.2, 2.0, 1.234_567_901_234_57, stats::Recalibration::Golden)?;
/// assert!((golden - 0.011_952_847_771_172_5).abs() < 1e-12);
/// # Ok::<(), stats::ReplicationError>(())
/// ```
///
/// # References
/// Held (2020), as for [`sceptical_z`]. Held, Micheloud & Pawel (2022), Annals of Applied Statistics 16, 706–720
/// (golden). Micheloud, Balabdaoui & Held (2023), Statistica Neerlandica 77, 573–591 (controlled).
pub fn sceptical_p_value(
    original: f64,
    replication: f64,
    variance_ratio: f64,
    recalibration: Recalibration,
) -> Result<f64, ReplicationError> {
    let z = sceptical_z(original, replication, variance_ratio)?;
    let p = match recalibration {
        Recalibration::Nominal => normal_upper_tail(z)?,
        Recalibration::Golden => normal_upper_tail(z * golden_ratio().sqrt())?,
        Recalibration::Controlled => type_one_error(z, variance_ratio).sqrt(),
    };
    let points_the_same_way = original.signum().total_cmp(&replication.signum()).is_eq();
    Ok(if points_the_same_way { p } else { 1.0 - p })
}

/// Gives the level at which the nominal sceptical p-value has to be compared, for a level of significance.
///
/// # Formula
/// ```text
/// nominal α      golden 1 − Φ(z_α / √φ)      controlled: the level whose type-I error is α²
/// ```
///
/// # Errors
/// [`ReplicationError`] when `level` is not strictly between 0 and 0.5 or `variance_ratio` not positive and finite.
///
/// # Examples
/// ```
/// let level = stats::sceptical_level(0.025, 1.0, stats::Recalibration::Golden)?;
/// assert!((level - 0.061_679_279_352).abs() < 1e-10);
/// # Ok::<(), stats::ReplicationError>(())
/// ```
///
/// # References
/// As for [`sceptical_p_value`].
pub fn sceptical_level(level: f64, variance_ratio: f64, recalibration: Recalibration) -> Result<f64, ReplicationError> {
    positive(variance_ratio)?;
    let z = -normal_quantile(checked_level(level)?)?;
    let bound = match recalibration {
        Recalibration::Nominal => z,
        Recalibration::Golden => z / golden_ratio().sqrt(),
        Recalibration::Controlled => {
            bisected_root(0.0, z, |bound| type_one_error(bound, variance_ratio) - level * level)
        }
    };
    Ok(normal_upper_tail(bound)?)
}

/// Gives the p-value of two studies by the sum of their one-sided p-values.
///
/// # Formula
/// ```text
/// E = pₒ + pᵣ      E²/2 for E ≤ 1,   1 − (2 − E)²/2 above
/// ```
/// `pₒ` and `pᵣ` are one-sided towards large values of z.
///
/// # Errors
/// [`ReplicationError`] when a z-value is not finite.
///
/// # Examples
/// ```
/// let p = stats::edgington_p_value(2.326_347_874_040_84, 2.053_748_910_631_82)?;
/// assert!((p - 0.000_45).abs() < 1e-12);
/// # Ok::<(), stats::ReplicationError>(())
/// ```
///
/// # References
/// Edgington (1972), Journal of Psychology 80, 351–363.
pub fn edgington_p_value(original: f64, replication: f64) -> Result<f64, ReplicationError> {
    let sum = normal_upper_tail(finite(original)?)? + normal_upper_tail(finite(replication)?)?;
    Ok(if sum <= 1.0 { 0.5 * sum * sum } else { 1.0 - 0.5 * (2.0 - sum) * (2.0 - sum) })
}

/// Gives the probability that a replication points the way of the original.
///
/// # Model
/// The true effect is `N(θₒ, σₒ²)`.
///
/// # Formula
/// ```text
/// Φ(|zₒ| √(c / (1 + c)))      c the original's variance over the replication's
/// ```
///
/// # Errors
/// [`ReplicationError`] when `original` is not finite or `variance_ratio` not positive and finite.
///
/// # Examples
/// ```
/// assert!((stats::replication_probability(2.0, 2.0)? - 0.948_764_782_570).abs() < 1e-12);
/// # Ok::<(), stats::ReplicationError>(())
/// ```
///
/// # References
/// Killeen (2005), Psychological Science 16, 345–353.
pub fn replication_probability(original: f64, variance_ratio: f64) -> Result<f64, ReplicationError> {
    let share = 1.0 / (1.0 + 1.0 / positive(variance_ratio)?);
    Ok(normal_upper_tail(-finite(original)?.abs() * share.sqrt())?)
}

fn golden_ratio() -> f64 {
    0.5 * (1.0 + 5.0_f64.sqrt())
}

/// The probability that two studies of nothing both point upwards and have a sceptical z-value of at least `z`.
fn type_one_error(z: f64, variance_ratio: f64) -> f64 {
    if z <= 0.0 {
        return 0.25;
    }
    // With x = z cosh u the bound is z √(1 + c / sinh² u), which has no steep part however small z is.
    integral(0.0, libm::acosh(1.0 + 14.0 / z), |u| {
        let (original, slope) = (z * libm::cosh(u), libm::sinh(u));
        if slope <= 0.0 {
            return 0.0;
        }
        let replication = z * (1.0 + variance_ratio / (slope * slope)).sqrt();
        let density = libm::exp(-0.5 * original * original) / std::f64::consts::TAU.sqrt();
        density * normal_upper_tail(replication).unwrap_or(0.0) * z * slope
    })
}

fn finite(estimate: f64) -> Result<f64, ReplicationError> {
    if estimate.is_finite() { Ok(estimate) } else { Err(ReplicationError::Estimate { estimate }) }
}

fn positive(value: f64) -> Result<f64, ReplicationError> {
    if value > 0.0 && value.is_finite() { Ok(value) } else { Err(ReplicationError::NotPositive { value }) }
}

fn checked_level(level: f64) -> Result<f64, ReplicationError> {
    if level > 0.0 && level < 0.5 { Ok(level) } else { Err(ReplicationError::Level { level }) }
}
