//! How strong something unseen would have to be to explain an effect away.

use crate::distributions::{DistributionError, normal_quantile};
use crate::effect_sizes::Proportion;
use crate::interval::{ConfidenceError, tail_probability};
use crate::numeric::bisected_root;

#[cfg(test)]
mod tests;

/// Why an effect has no E-value.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum EValueError {
    /// A ratio, or a standard error, is not positive and finite.
    #[error("a ratio must be positive and finite, got `{value}`")]
    NotPositive {
        /// It.
        value: f64,
    },
    /// A difference is not finite.
    #[error("a difference must be finite, got `{value}`")]
    NotFinite {
        /// It.
        value: f64,
    },
    /// The limits do not hold the estimate between them.
    #[error("the limits `{low}` and `{high}` do not hold the estimate `{estimate}` between them")]
    Limits {
        /// The lower limit.
        low: f64,
        /// The estimate.
        estimate: f64,
        /// The upper limit.
        high: f64,
    },
    /// A group is empty or has more events than subjects, or the group compared with has no events.
    #[error("two groups of `{first}` and `{second}` subjects have no ratio of risks")]
    Groups {
        /// Subjects of the first group.
        first: u64,
        /// Subjects of the second group.
        second: u64,
    },
    /// The first group has not the larger risk.
    #[error("the first group must have the larger risk")]
    NotLarger,
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// What an effect is, before it becomes a ratio of risks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RatioKind {
    /// A ratio of risks, or of rates or means of what cannot be negative.
    Risk,
    /// A ratio of odds of something rare (below 15 %): taken as one of risks.
    OddsOfRare,
    /// A ratio of odds of something common: its square root.
    OddsOfCommon,
    /// A ratio of hazards of something rare by the end: taken as one of risks.
    HazardOfRare,
    /// A ratio of hazards of something common: `(1 − 0.5^√h) / (1 − 0.5^√(1/h))`.
    HazardOfCommon,
}

/// The strength of association, as a ratio of risks with both treatment and outcome, that could explain an effect away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EValue {
    /// The estimate as a ratio of risks.
    pub risk_ratio: f64,
    /// Its lower limit.
    pub low: f64,
    /// Its upper limit.
    pub high: f64,
    /// For the estimate.
    pub of_estimate: f64,
    /// For the limit nearer to 1; 1 where the interval holds 1.
    pub of_limit: f64,
}

/// Gives the E-value of a ratio and of its nearer limit.
///
/// # Model
/// Something unseen goes with the treatment by a risk ratio of at least `E` and with the outcome by at least `E`, beyond
/// all that was adjusted for. Anything weaker than `E` in both could not move the estimate (or the limit) to 1.
///
/// # Formula
/// ```text
/// E = R + √(R (R − 1)),   R the ratio of risks, or 1/R where it is below 1
/// ```
/// [`RatioKind`] says how other ratios become one of risks.
///
/// # Errors
/// [`EValueError`] when a ratio is not positive and finite, or the limits do not hold the estimate.
///
/// # Use with care
/// It does not say that nothing so strong exists, and it speaks of confounding alone, not of wrong records or of
/// selection. An effect that is small has a small E-value however sure it is.
///
/// # Examples
/// ```
/// let e = stats::e_value(3.9, 1.8, 8.7, stats::RatioKind::Risk)?;
/// assert!((e.of_estimate - 7.263_034).abs() < 1e-6 && (e.of_limit - 3.0).abs() < 1e-12);
/// # Ok::<(), stats::EValueError>(())
/// ```
///
/// # References
/// `VanderWeele` & Ding (2017), Annals of Internal Medicine 167, 268–274, table 2.
pub fn e_value(estimate: f64, low: f64, high: f64, kind: RatioKind) -> Result<EValue, EValueError> {
    for value in [estimate, low, high] {
        positive(value)?;
    }
    if !(low <= estimate && estimate <= high) {
        return Err(EValueError::Limits { low, estimate, high });
    }
    let risk = |ratio: f64| match kind {
        RatioKind::Risk | RatioKind::OddsOfRare | RatioKind::HazardOfRare => ratio,
        RatioKind::OddsOfCommon => ratio.sqrt(),
        RatioKind::HazardOfCommon => {
            let share = |root: f64| -libm::expm1(-std::f64::consts::LN_2 * root);
            share(ratio.sqrt()) / share(1.0 / ratio.sqrt())
        }
    };
    of_risks(risk(estimate), risk(low), risk(high))
}

/// Gives the E-value of a difference of means in units of their standard deviation.
///
/// # Formula
/// ```text
/// R = exp(0.91 d),   limits exp(0.91 d ± 1.78 se)
/// ```
///
/// # Errors
/// [`EValueError`] when the difference is not finite or the standard error not positive and finite.
///
/// # Use with care
/// The factor rests on a normal outcome cut at a threshold; the limits are at 95 %.
///
/// # Examples
/// ```
/// let e = stats::e_value_of_standardised_difference(0.5, 0.25)?;
/// assert!((e.of_estimate - 2.529_142).abs() < 1e-6);
/// # Ok::<(), stats::EValueError>(())
/// ```
///
/// # References
/// `VanderWeele` & Ding (2017), Annals of Internal Medicine 167, 268–274, table 2. Chinn (2000), Statistics in Medicine 19,
/// 3127–3131.
pub fn e_value_of_standardised_difference(difference: f64, standard_error: f64) -> Result<EValue, EValueError> {
    positive(standard_error)?;
    if !difference.is_finite() {
        return Err(EValueError::NotFinite { value: difference });
    }
    let (centre, half) = (0.91 * difference, 1.78 * standard_error);
    of_risks(libm::exp(centre), libm::exp(centre - half), libm::exp(centre + half))
}

/// Gives the E-values of a difference of two risks, the first the larger.
///
/// # Formula
/// ```text
/// D(B) = (p₁ − B p₀) (f + (1 − f)/B)      E = B + √(B (B − 1)) at D(B) = 0, and at D(B) − z √Var D(B) = 0
/// ```
/// `f` is the share of the first group among all subjects; the variance is by the delta method over `p₁`, `p₀` and `f`. The
/// first is the E-value of the ratio of risks. The limit's is 1 where the interval holds 0.
///
/// # Errors
/// [`EValueError`] when a group is empty or has more events than subjects, the second group has no events, the first has
/// not the larger risk, or `confidence` is not strictly between 0 and 1.
///
/// # Examples
/// ```
/// use stats::Proportion;
/// let smokers = Proportion { events: 397, subjects: 78_954 };
/// let others = Proportion { events: 51, subjects: 108_829 };
/// let (of_estimate, of_limit) = stats::e_value_of_risk_difference(smokers, others, 0.95)?;
/// assert!((of_estimate - 20.947).abs() < 1e-3 && (of_limit - 15.957).abs() < 1e-2);
/// # Ok::<(), stats::EValueError>(())
/// ```
///
/// # References
/// Ding & `VanderWeele` (2016), Epidemiology 27, 368–377. Hammond & Horn (1958), JAMA 166, 1159–1172 (the example).
pub fn e_value_of_risk_difference(
    first: Proportion,
    second: Proportion,
    confidence: f64,
) -> Result<(f64, f64), EValueError> {
    let is_group = |group: Proportion| group.subjects > 0 && group.events <= group.subjects;
    if !is_group(first) || !is_group(second) || second.events == 0 {
        return Err(EValueError::Groups { first: first.subjects, second: second.subjects });
    }
    let z = -normal_quantile(tail_probability(confidence)?)?;
    let (n1, n0) = (first.subjects as f64, second.subjects as f64);
    let (p1, p0) = (first.events as f64 / n1, second.events as f64 / n0);
    if p1 <= p0 {
        return Err(EValueError::NotLarger);
    }
    let share = n1 / (n1 + n0);
    let binomial = |p: f64, n: f64| p * (1.0 - p) / n;
    let lower_limit = |bias: f64| {
        let weight = share + (1.0 - share) / bias;
        let difference = p1 - bias * p0;
        let of_share = difference * (1.0 - 1.0 / bias);
        let variance = of_share * of_share * binomial(share, n1 + n0)
            + weight * weight * (binomial(p1, n1) + bias * bias * binomial(p0, n0));
        difference * weight - z * variance.sqrt()
    };
    let ratio = p1 / p0;
    // At 1 it is positive or the interval holds 0; at the ratio the difference is 0 and the limit not positive.
    let of_limit = if lower_limit(1.0) > 0.0 { strength(bisected_root(1.0, ratio, lower_limit)) } else { 1.0 };
    Ok((strength(ratio), of_limit))
}

fn of_risks(risk_ratio: f64, low: f64, high: f64) -> Result<EValue, EValueError> {
    for value in [risk_ratio, low, high] {
        positive(value)?;
    }
    let nearer = if risk_ratio >= 1.0 { low.max(1.0) } else { high.min(1.0) };
    Ok(EValue { risk_ratio, low, high, of_estimate: strength(risk_ratio), of_limit: strength(nearer) })
}

fn strength(ratio: f64) -> f64 {
    let ratio = if ratio < 1.0 { 1.0 / ratio } else { ratio };
    ratio + ratio.sqrt() * (ratio - 1.0).sqrt()
}

fn positive(value: f64) -> Result<(), EValueError> {
    if value > 0.0 && value.is_finite() && (1.0 / value).is_finite() {
        Ok(())
    } else {
        Err(EValueError::NotPositive { value })
    }
}
