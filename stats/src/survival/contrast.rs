//! Two survival curves against each other: restricted means at a common horizon, and quantiles.

use super::{KaplanMeier, RestrictedMean, SurvivalError};
use crate::bootstrap::BootstrapError;
use crate::wald::Wald;

mod changes;
mod clustered;
#[cfg(test)]
mod tests;

pub use changes::{ChangedSubject, CurveChange, CurveSummary, curve_change};
pub use clustered::{ClusteredRatio, quantile_ratio_bca, restricted_mean_ratio_bca};

/// Why two arms have no contrast.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ContrastError {
    /// A curve, or something read from it, does not exist.
    #[error(transparent)]
    Survival(#[from] SurvivalError),
    /// Durations and what stands beside them are not of one length.
    #[error("there are `{durations}` durations and `{beside}` entries beside them")]
    LengthMismatch {
        /// How many durations were given.
        durations: usize,
        /// How many arms or strata were named.
        beside: usize,
    },
    /// An arm has no subject.
    #[error("both arms need subjects: there are `{treated}` treated and `{controls}` controls")]
    EmptyArm {
        /// How many subjects are treated.
        treated: usize,
        /// How many are not.
        controls: usize,
    },
    /// The horizon is not positive, or one of the arms was not followed so far.
    #[error("the horizon must be positive and at most `{largest}`, to which both arms were followed, got `{horizon}`")]
    Horizon {
        /// The horizon that was asked for.
        horizon: f64,
        /// The smaller of the arms' longest durations, in the stratum in which that is smallest.
        largest: f64,
    },
    /// No stratum holds both arms.
    #[error("no stratum holds subjects of both arms")]
    NoSharedStratum,
    /// A mean or a quantile is 0, so that a ratio has no logarithm.
    #[error("a mean or a quantile of an arm is `0`: the ratio has no logarithm")]
    Zero,
    /// Nothing happened before the horizon that could say how sure the contrast is.
    #[error("no arm has an event before the horizon that leaves somebody at risk: the contrast has no spread")]
    NoSpread,
    /// A curve does not reach the quantile.
    #[error("the curve of the {} does not reach the quantile, which is greater than `{exceeds}`", arm_name(*.is_treated))]
    NotReached {
        /// Whether it is the curve of the treated.
        is_treated: bool,
        /// What the quantile is known to exceed.
        exceeds: f64,
    },
    /// Too many replicates are without an answer: too few clusters are followed to the horizon.
    #[error("`{failed}` of `{replicates}` replicates have no answer at this horizon")]
    FailedReplicates {
        /// Replicates without an answer.
        failed: usize,
        /// Replicates drawn.
        replicates: usize,
    },
    /// The resampling has no answer.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
}

fn arm_name(is_treated: bool) -> &'static str {
    if is_treated { "treated" } else { "controls" }
}

/// Two restricted means against each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RestrictedMeanContrast {
    /// The restricted mean of the treated.
    pub treated: RestrictedMean,
    /// The restricted mean of the controls.
    pub controls: RestrictedMean,
    /// Treated minus controls, in the unit of the durations.
    pub difference: Wald,
    /// The logarithm of treated over controls.
    pub log_ratio: Wald,
    /// The logarithm of the ratio of times lost, horizon minus mean; `None` where an arm loses none.
    pub log_lost_ratio: Option<Wald>,
}

/// Contrasts the mean times without an event of two arms up to a common horizon.
///
/// # Model
/// That of [`KaplanMeier`] in each arm; the arms are independent. Hazards need not be proportional.
///
/// # Formula
/// ```text
/// difference = μ₁ − μ₀                  variance σ₁² + σ₀²
/// log ratio  = ln μ₁ − ln μ₀            variance σ₁²/μ₁² + σ₀²/μ₀²
/// lost       = ln (h − μ₁)/(h − μ₀)     variance σ₁²/(h − μ₁)² + σ₀²/(h − μ₀)²
/// ```
/// `μ` and `σ` are those of [`KaplanMeier::restricted_mean`]; `confidence` is for the limits of the two means.
///
/// # Errors
/// [`ContrastError::Horizon`] when `horizon` is not positive or exceeds the smaller of the arms' longest durations, which
/// the error names; another [`ContrastError`] when a mean is 0 or no event gives a variance.
///
/// # Use with care
/// Fix the horizon before looking at the curves. The answer is about the time up to the horizon and nothing later.
///
/// # Examples
/// ```
/// use stats::KaplanMeier;
/// let fast = KaplanMeier::fit(&[1.0, 2.0, 3.0, 9.0], &[true, true, true, false])?;
/// let slow = KaplanMeier::fit(&[4.0, 6.0, 8.0, 9.0], &[true, false, true, true])?;
/// let contrast = stats::restricted_mean_contrast(&fast, &slow, 8.0, 0.95)?;
/// // Areas under the curves: 1 + 3/4 + 1/2 + 5/4 and 4 + 3.
/// assert!((contrast.difference.estimate - (3.5 - 7.0)).abs() < 1e-12);
/// assert!((contrast.log_ratio.estimate - 0.5_f64.ln()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// Royston & Parmar (2013), BMC Medical Research Methodology 13, 152. Uno et al. (2014), Journal of Clinical Oncology 32,
/// 2380–2385.
pub fn restricted_mean_contrast(
    treated: &KaplanMeier,
    controls: &KaplanMeier,
    horizon: f64,
    confidence: f64,
) -> Result<RestrictedMeanContrast, ContrastError> {
    check_horizon(horizon, treated.longest().min(controls.longest()))?;
    let treated = treated.restricted_mean(horizon, confidence)?;
    let controls = controls.restricted_mean(horizon, confidence)?;
    let means = [treated, controls].map(|mean| mean.interval.estimate);
    if means.iter().any(|mean| *mean <= 0.0) {
        return Err(ContrastError::Zero);
    }
    let errors = [treated.standard_error, controls.standard_error];
    let lost = means.map(|mean| horizon - mean);
    Ok(RestrictedMeanContrast {
        treated,
        controls,
        difference: Wald::normal(means[0] - means[1], norm(errors)).ok_or(ContrastError::NoSpread)?,
        log_ratio: log_ratio(means, errors).ok_or(ContrastError::NoSpread)?,
        log_lost_ratio: if lost.iter().all(|time| *time > 0.0) { log_ratio(lost, errors) } else { None },
    })
}

/// How much a stratum counts: a number fixed by its sizes, whatever happened in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StratumWeight {
    /// Its subjects in both arms: the contrast is that of the strata as they are mixed in the data.
    Subjects,
    /// `n₁n₀ / (n₁ + n₀)`, as of Mantel and Haenszel: a stratum with few subjects in one arm counts little.
    Balanced,
}

/// Contrasts within strata, combined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StratifiedContrast {
    /// The weighted mean of the strata's differences.
    pub difference: Wald,
    /// The weighted mean of the strata's log ratios.
    pub log_ratio: Wald,
    /// How many strata hold both arms and so count.
    pub strata: usize,
    /// How many subjects are in strata that hold one arm only; they say nothing here.
    pub unpaired_subjects: usize,
}

/// Contrasts the restricted means of two arms within each stratum and combines the contrasts.
///
/// # Model
/// That of [`restricted_mean_contrast`] within each stratum; strata are independent. Curves may differ between strata in
/// any way.
///
/// # Formula
/// ```text
/// Σ wₛ θₛ / Σ wₛ      variance Σ wₛ² σₛ² / (Σ wₛ)²
/// ```
/// `θₛ` is the difference, or the log ratio, of stratum `s`; `wₛ` is fixed by its sizes, see [`StratumWeight`]. Precision
/// would be no good weight: a stratum without events would claim to be certain.
///
/// `durations`, `observed`, `is_treated` and `strata` are `[n]`.
///
/// # Errors
/// [`ContrastError`] as from [`restricted_mean_contrast`], when lengths differ, or no stratum holds both arms. The horizon
/// must not exceed the shortest of the longest durations of the arms of any stratum that holds both.
///
/// # Use with care
/// A stratum without events before the horizon adds a contrast of 0 and no variance. With many strata of one or two
/// subjects in an arm the variance is too small; draw clusters with [`restricted_mean_ratio_bca`] instead.
///
/// # Examples
/// ```
/// use stats::StratumWeight;
/// let hours = [1.0, 3.0, 2.0, 4.0, 10.0, 30.0, 20.0, 40.0];
/// let is_treated = [true, true, false, false, true, true, false, false];
/// let service = ["a", "a", "a", "a", "b", "b", "b", "b"];
/// let contrast =
///     stats::stratified_restricted_mean(&hours, &[true; 8], &is_treated, &service, 3.0, StratumWeight::Subjects)?;
/// // Service a: 2 and 2.5; nothing ends before 3 hours in service b.
/// assert!((contrast.difference.estimate - 0.5 * (2.0 - 2.5)).abs() < 1e-12);
/// # Ok::<(), stats::ContrastError>(())
/// ```
///
/// # References
/// Tian, Zhao & Wei (2014), Biostatistics 15, 222–233 (contrasts of restricted means). Mantel & Haenszel (1959), Journal of
/// the National Cancer Institute 22, 719–748 (the balanced weight).
pub fn stratified_restricted_mean<S: Ord>(
    durations: &[f64],
    observed: &[bool],
    is_treated: &[bool],
    strata: &[S],
    horizon: f64,
    weight: StratumWeight,
) -> Result<StratifiedContrast, ContrastError> {
    // Errors of the input are those of the whole.
    KaplanMeier::fit(durations, observed)?;
    check_lengths(durations, is_treated.len())?;
    check_lengths(durations, strata.len())?;
    let mut places: Vec<usize> = (0..durations.len()).collect();
    places.sort_by(|one, other| strata[*one].cmp(&strata[*other]));
    let (mut stratum_arms, mut unpaired_subjects) = (Vec::new(), 0);
    for stratum in places.chunk_by(|one, other| strata[*one] == strata[*other]) {
        let arm = |wanted: bool| {
            let (times, flags): (Vec<f64>, Vec<bool>) = stratum
                .iter()
                .filter(|place| is_treated[**place] == wanted)
                .map(|place| (durations[*place], observed[*place]))
                .unzip();
            KaplanMeier::fit(&times, &flags).map(|curve| (curve, times.len() as f64))
        };
        match (arm(true), arm(false)) {
            (Ok(treated), Ok(controls)) => stratum_arms.push((treated, controls)),
            _ => unpaired_subjects += stratum.len(),
        }
    }
    let followed = stratum_arms.iter().map(|((treated, _), (controls, _))| treated.longest().min(controls.longest()));
    let largest = followed.min_by(f64::total_cmp).ok_or(ContrastError::NoSharedStratum)?;
    check_horizon(horizon, largest)?;
    let mut parts = Vec::new();
    for ((treated, treated_count), (controls, control_count)) in &stratum_arms {
        let weight = match weight {
            StratumWeight::Subjects => treated_count + control_count,
            StratumWeight::Balanced => treated_count * control_count / (treated_count + control_count),
        };
        parts.push(Part::of(treated, controls, horizon, weight)?);
    }
    // The order of strata is that of what they show, not of their names.
    parts.sort_unstable_by(Part::canonical);
    let combined = |estimate: fn(&Part) -> [f64; 2]| {
        let total: f64 = parts.iter().map(|part| part.weight).sum();
        let mean = parts.iter().map(|part| part.weight * estimate(part)[0]).sum::<f64>() / total;
        let errors = parts.iter().map(|part| part.weight * estimate(part)[1]);
        let squares: f64 = errors.map(|error| error * error).sum();
        Wald::normal(mean, squares.sqrt() / total).ok_or(ContrastError::NoSpread)
    };
    Ok(StratifiedContrast {
        difference: combined(|part| part.difference)?,
        log_ratio: combined(|part| part.log_ratio)?,
        strata: parts.len(),
        unpaired_subjects,
    })
}

/// Estimate and standard error of the contrasts of one stratum; the errors may be 0.
struct Part {
    weight: f64,
    difference: [f64; 2],
    log_ratio: [f64; 2],
}

impl Part {
    fn of(treated: &KaplanMeier, controls: &KaplanMeier, horizon: f64, weight: f64) -> Result<Self, ContrastError> {
        let arms = [treated, controls].map(|curve| curve.area_and_variance(horizon));
        let (means, errors) = (arms.map(|arm| arm.0), arms.map(|arm| arm.1.sqrt()));
        if means.iter().any(|mean| *mean <= 0.0) {
            return Err(ContrastError::Zero);
        }
        Ok(Self {
            weight,
            difference: [means[0] - means[1], norm(errors)],
            log_ratio: [libm::log(means[0] / means[1]), relative_norm(means, errors)],
        })
    }

    fn canonical(&self, other: &Self) -> std::cmp::Ordering {
        let key = |Self { weight, difference, log_ratio }: &Self| {
            [*weight, difference[0], difference[1], log_ratio[0], log_ratio[1]]
        };
        let (one, other) = (key(self), key(other));
        let pairs = one.iter().zip(&other);
        pairs.map(|(one, other)| one.total_cmp(other)).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    }
}

fn norm(errors: [f64; 2]) -> f64 {
    (errors[0] * errors[0] + errors[1] * errors[1]).sqrt()
}

fn relative_norm(values: [f64; 2], errors: [f64; 2]) -> f64 {
    norm([errors[0] / values[0], errors[1] / values[1]])
}

/// The log ratio of two positive values by the delta method.
fn log_ratio(values: [f64; 2], errors: [f64; 2]) -> Option<Wald> {
    Wald::normal(libm::log(values[0] / values[1]), relative_norm(values, errors))
}

fn check_horizon(horizon: f64, largest: f64) -> Result<(), ContrastError> {
    if horizon > 0.0 && horizon <= largest { Ok(()) } else { Err(ContrastError::Horizon { horizon, largest }) }
}

fn check_lengths(durations: &[f64], beside: usize) -> Result<(), ContrastError> {
    if durations.len() == beside {
        Ok(())
    } else {
        Err(ContrastError::LengthMismatch { durations: durations.len(), beside })
    }
}
