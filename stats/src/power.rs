//! How much must be observed to see an effect, and how large an effect what is observed could show.

use crate::distributions::{DistributionError, normal_quantile, student_t_quantile};
use crate::means::satterthwaite;
use crate::numeric::{bisected_root, largest};

#[cfg(test)]
mod tests;

/// The most values per arm that are counted up to.
const MOST: u64 = 1 << 50;

/// Why a plan has no answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PowerError {
    /// The level and the power are not in order.
    #[error(
        "the level must lie strictly between 0 and 1 and the power between the level and 1, got `{level}` and `{power}`"
    )]
    Plan {
        /// The two-sided level.
        level: f64,
        /// The power.
        power: f64,
    },
    /// A deviation, a rate, an exposure, a dispersion or a ratio is not positive and finite.
    #[error("a number must be positive and finite, got `{value}`")]
    NotPositive {
        /// It.
        value: f64,
    },
    /// A share is not strictly between 0 and 1.
    #[error("a share must lie strictly between 0 and 1, got `{share}`")]
    Share {
        /// The share.
        share: f64,
    },
    /// An arm is too small.
    #[error("arms of `{first}` and `{second}` are too small")]
    TooFew {
        /// Values of the first arm.
        first: u64,
        /// Values of the second arm.
        second: u64,
    },
    /// There is no effect, or one so small that no number of values shows it.
    #[error("the effect is too small to be shown by any number of values")]
    NoEffect,
    /// A quantile could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// What a test should do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerPlan {
    /// The two-sided level, such as 0.05.
    pub level: f64,
    /// The probability of finding an effect that is there, such as 0.8.
    pub power: f64,
}

impl PowerPlan {
    fn check(self) -> Result<(), PowerError> {
        let Self { level, power } = self;
        let is_plan = level > 0.0 && level < 1.0 && power > level && power < 1.0;
        if is_plan { Ok(()) } else { Err(PowerError::Plan { level, power }) }
    }

    /// How many standard errors an effect must have.
    fn reach(self) -> Result<f64, PowerError> {
        self.check()?;
        Ok(normal_quantile(self.power)? - normal_quantile(0.5 * self.level)?)
    }
}

/// The nearest effects that would be found in either direction; `None` where none is large enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detectable {
    /// Below no effect.
    pub lower: Option<f64>,
    /// Above no effect.
    pub upper: Option<f64>,
}

/// Gives the smallest difference of mean logarithms that Welch's test would find; its exponential is the ratio.
///
/// # Formula
/// ```text
/// δ = (t(1 − α/2) + t(power)) √(s₁²/n + s₂²/m)      t quantiles at Welch's degrees of freedom
/// ```
/// `deviations` and `counts` are of the two arms, the deviations of logarithms. The negative of the answer is found as
/// often.
///
/// # Errors
/// [`PowerError`] when a deviation is not positive and finite, an arm has fewer than two values, or the plan is out of
/// order.
///
/// # Use with care
/// A shifted t stands for the noncentral one, within about a hundredth for ten values per arm. Values in units carry less: divide
/// the counts by `1 + (size − 1) · correlation`.
///
/// # Examples
/// ```
/// let plan = stats::PowerPlan { level: 0.05, power: 0.8 };
/// let difference = stats::detectable_log_ratio([1.5, 1.5], [3_890, 3_890], plan)?;
/// assert!((difference - 1.1_f64.ln()).abs() < 1e-4);
/// # Ok::<(), stats::PowerError>(())
/// ```
///
/// # References
/// Schouten (1999), Statistics in Medicine 18, 87–91.
pub fn detectable_log_ratio(deviations: [f64; 2], counts: [u64; 2], plan: PowerPlan) -> Result<f64, PowerError> {
    plan.check()?;
    deviations.iter().try_for_each(|deviation| positive(*deviation))?;
    let [first, second] = counts;
    if first < 2 || second < 2 {
        return Err(PowerError::TooFew { first, second });
    }
    let part = |arm: usize| {
        let count = counts[arm];
        (deviations[arm] * deviations[arm] / count as f64, usize::try_from(count).unwrap_or(usize::MAX))
    };
    let (variance, freedom) = satterthwaite([part(0), part(1)]);
    let reach = student_t_quantile(plan.power, freedom)? - student_t_quantile(0.5 * plan.level, freedom)?;
    let found = reach * variance.sqrt();
    if found > 0.0 && found.is_finite() { Ok(found) } else { Err(PowerError::NotPositive { value: found }) }
}

/// Gives how many values each arm needs for Welch's test to find a difference of mean logarithms.
///
/// # Formula
/// The smallest `n` at which [`detectable_log_ratio`] with `n` in both arms is at most `|log_ratio|`.
///
/// # Errors
/// As there, and when the effect is 0 or too small.
///
/// # Examples
/// ```
/// let plan = stats::PowerPlan { level: 0.05, power: 0.8 };
/// assert_eq!(stats::sample_size_of_log_ratio(0.5, [1.0, 1.0], plan)?, 64);
/// # Ok::<(), stats::PowerError>(())
/// ```
///
/// # References
/// As for [`detectable_log_ratio`]. Cohen (1988), Statistical Power Analysis, second edition, table 2.4.1 (the example).
pub fn sample_size_of_log_ratio(log_ratio: f64, deviations: [f64; 2], plan: PowerPlan) -> Result<u64, PowerError> {
    let wanted = log_ratio.abs();
    if !(wanted > 0.0 && wanted.is_finite()) {
        return Err(PowerError::NoEffect);
    }
    let is_found = |count: u64| Ok::<_, PowerError>(detectable_log_ratio(deviations, [count; 2], plan)? <= wanted);
    let (mut few, mut enough) = (1, 2);
    while !is_found(enough)? {
        (few, enough) = (enough, enough * 2);
        if enough > MOST {
            return Err(PowerError::NoEffect);
        }
    }
    while enough - few > 1 {
        let middle = few.midpoint(enough);
        if is_found(middle)? { enough = middle } else { few = middle }
    }
    Ok(enough)
}

/// Gives the nearest ratios of two rates that a test of their logarithms would find.
///
/// # Formula
/// ```text
/// |ln r| = (z(1 − α/2) + z(power)) √(φ (1/(r λ t₁) + 1/(λ t₂)))
/// ```
/// `rate` is `λ`, that of the second arm; `exposures` are `t₁` and `t₂`; `dispersion` is `φ`, 1 for Poisson counts. A decrease
/// leaves fewer events and more uncertainty: where there are too few, none can be found.
///
/// # Errors
/// [`PowerError`] when a number is not positive and finite or the plan is out of order.
///
/// # Examples
/// ```
/// let plan = stats::PowerPlan { level: 0.05, power: 0.8 };
/// let found = stats::detectable_rate_ratio(2.0, [26.0, 26.0], 1.0, plan)?;
/// assert!(found.upper.is_some_and(|ratio| (1.5..2.0).contains(&ratio)));
/// let few = stats::detectable_rate_ratio(0.1, [26.0, 26.0], 1.0, plan)?;
/// assert!(few.lower.is_none() && few.upper.is_some());
/// # Ok::<(), stats::PowerError>(())
/// ```
///
/// # References
/// Zhu & Lakkis (2014), Statistics in Medicine 33, 376–387 (with the variance of the alternative).
pub fn detectable_rate_ratio(
    rate: f64,
    exposures: [f64; 2],
    dispersion: f64,
    plan: PowerPlan,
) -> Result<Detectable, PowerError> {
    [rate, exposures[0], exposures[1], dispersion].iter().try_for_each(|value| positive(*value))?;
    let reach = plan.reach()?;
    let parts = exposures.map(|exposure| dispersion / (rate * exposure));
    parts.iter().try_for_each(|part| positive(*part))?;
    // Positive where a ratio of logarithm `log` is not found yet.
    let missing = |log: f64| reach * (parts[0] * libm::exp(-log) + parts[1]).sqrt() - log.abs();
    let bound = reach * (parts[0] + parts[1]).sqrt();
    let upper = libm::exp(bisected_root(0.0, bound, missing));
    // Downwards it falls, and rises again where events run out.
    let deepest = largest(0.0, bound.max(1.0) * 4.0 + 4.0, 1e-9, |log| -missing(-log));
    let is_found = missing(-deepest) <= 0.0;
    let lower = is_found.then(|| libm::exp(-bisected_root(0.0, deepest, |log| missing(-log))));
    Ok(Detectable { lower, upper: Some(upper).filter(|ratio| ratio.is_finite()) })
}

/// Gives how long each of two arms must be watched for a ratio of their rates to be found.
///
/// # Formula
/// ```text
/// t = φ (1/(r λ) + 1/λ) ((z(1 − α/2) + z(power)) / ln r)²
/// ```
///
/// # Errors
/// [`PowerError`] when a number is not positive and finite, the ratio is 1, or the plan is out of order.
///
/// # Examples
/// ```
/// let plan = stats::PowerPlan { level: 0.05, power: 0.8 };
/// let weeks = stats::exposure_for_rate_ratio(2.0, 1.25, 1.0, plan)?;
/// let found = stats::detectable_rate_ratio(2.0, [weeks, weeks], 1.0, plan)?;
/// assert!(found.upper.is_some_and(|ratio| (ratio - 1.25).abs() < 1e-9));
/// # Ok::<(), stats::PowerError>(())
/// ```
///
/// # References
/// As for [`detectable_rate_ratio`].
pub fn exposure_for_rate_ratio(rate: f64, ratio: f64, dispersion: f64, plan: PowerPlan) -> Result<f64, PowerError> {
    [rate, ratio, dispersion].iter().try_for_each(|value| positive(*value))?;
    let standard_errors = plan.reach()? / libm::log(ratio);
    let exposure = dispersion * (1.0 / (ratio * rate) + 1.0 / rate) * standard_errors * standard_errors;
    if exposure.is_finite() { Ok(exposure) } else { Err(PowerError::NoEffect) }
}

/// Gives the nearest shares that differ from `share` enough to be found, on the scale of the arcsine.
///
/// # Formula
/// ```text
/// p = sin²(arcsin √share ± h/2)      h = (z(1 − α/2) + z(power)) √(1/n + 1/m)
/// ```
/// `counts` are `n` and `m`; `share` is that of the second arm.
///
/// # Errors
/// [`PowerError`] when the share is not strictly between 0 and 1, an arm is empty, or the plan is out of order.
///
/// # Use with care
/// An approximation, good where each arm has some five events and five others.
///
/// # Examples
/// ```
/// let plan = stats::PowerPlan { level: 0.05, power: 0.8 };
/// let found = stats::detectable_share(0.15, [400, 400], plan)?;
/// assert!(found.lower.is_some_and(|share| (0.08..0.09).contains(&share)));
/// assert!(found.upper.is_some_and(|share| (0.22..0.23).contains(&share)));
/// # Ok::<(), stats::PowerError>(())
/// ```
///
/// # References
/// Cohen (1988), Statistical Power Analysis, second edition, chapter 6.
pub fn detectable_share(share: f64, counts: [u64; 2], plan: PowerPlan) -> Result<Detectable, PowerError> {
    inside(share)?;
    let [first, second] = counts;
    if first == 0 || second == 0 {
        return Err(PowerError::TooFew { first, second });
    }
    let half = 0.5 * plan.reach()? * (1.0 / first as f64 + 1.0 / second as f64).sqrt();
    let angle = libm::asin(share.sqrt());
    let square = |angle: f64| libm::sin(angle) * libm::sin(angle);
    let lower = (angle - half > 0.0).then(|| square(angle - half));
    let upper = (angle + half < std::f64::consts::FRAC_PI_2).then(|| square(angle + half));
    Ok(Detectable { lower, upper })
}

/// Gives how many trials each arm needs for two shares to be told apart, on the scale of the arcsine.
///
/// # Formula
/// ```text
/// n = 2 ((z(1 − α/2) + z(power)) / h)²,   h = 2 arcsin √p₁ − 2 arcsin √p₂
/// ```
///
/// # Errors
/// [`PowerError`] when a share is not strictly between 0 and 1, the two are equal or too close, or the plan is out of order.
///
/// # Examples
/// ```
/// let plan = stats::PowerPlan { level: 0.05, power: 0.8 };
/// assert_eq!(stats::sample_size_of_shares(0.10, 0.15, plan)?, 681);
/// # Ok::<(), stats::PowerError>(())
/// ```
///
/// # References
/// As for [`detectable_share`].
pub fn sample_size_of_shares(first: f64, second: f64, plan: PowerPlan) -> Result<u64, PowerError> {
    inside(first)?;
    inside(second)?;
    let distance = 2.0 * (libm::asin(first.sqrt()) - libm::asin(second.sqrt()));
    let standard_errors = plan.reach()? / distance;
    let count = (2.0 * standard_errors * standard_errors).ceil();
    if count >= MOST as f64 || !count.is_finite() {
        return Err(PowerError::NoEffect);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and below the most")]
    Ok(count as u64)
}

fn inside(share: f64) -> Result<(), PowerError> {
    if share > 0.0 && share < 1.0 { Ok(()) } else { Err(PowerError::Share { share }) }
}

fn positive(value: f64) -> Result<(), PowerError> {
    if value > 0.0 && value.is_finite() { Ok(()) } else { Err(PowerError::NotPositive { value }) }
}
