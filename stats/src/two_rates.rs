//! Two rates of events per exposure against each other: exact, score and Wald.

use crate::distributions::normal_quantile;
use crate::exact_table::{ExactTableError, Sums, check_count, sums};
use crate::interval::{ConfidenceError, Interval, tail_probability};
use crate::proportions::{ProportionError, clopper_pearson_interval};
use crate::ratio_interval::RatioInterval;
use crate::score::{ScoreMethod, ScoreParts, ratio_at, value_at};
use crate::two_proportions::ScoreTest;

#[cfg(test)]
mod tests;

/// Why two rates have no comparison.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum TwoRateError {
    /// An exposure is not positive and finite.
    #[error("exposure must be positive and finite, got `{exposure}`")]
    Exposure {
        /// The exposure.
        exposure: f64,
    },
    /// Exposures so far apart that their ratio is not a floating-point number.
    #[error("exposures `{first}` and `{second}` are too far apart")]
    TooFarApart {
        /// The first exposure.
        first: f64,
        /// The second exposure.
        second: f64,
    },
    /// A ratio or a difference to test against that is not possible.
    #[error("`{value}` is not a value that rates can be tested against")]
    Null {
        /// The value.
        value: f64,
    },
    /// The lower limit of a ratio is beyond what is searched, which is `exp(300)` either way.
    #[error("the lower limit of the ratio is out of the range that is searched")]
    OutOfRange,
    /// The statistic has no such form for rates, which have no number of subjects.
    #[error("rates have no number of subjects: use the plain or the skewness-corrected statistic")]
    NoSubjects,
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// The exact distribution could not be summed.
    #[error(transparent)]
    Exact(#[from] ExactTableError),
    /// The limits of the share could not be computed.
    #[error(transparent)]
    Proportion(#[from] ProportionError),
    /// A quantile could not be computed.
    #[error(transparent)]
    Distribution(#[from] crate::distributions::DistributionError),
}

/// Events and how long they were watched for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The events.
    pub events: u64,
    /// The exposure, positive, such as days.
    pub exposure: f64,
}

/// The exact test of a ratio of two rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateRatioTest {
    /// The probability of a split of the events that is at most as probable as this one.
    pub p_two_sided: f64,
    /// The probability of at most so many events in the first group.
    pub p_below: f64,
    /// The probability of at least so many events in the first group.
    pub p_above: f64,
    /// Half of the probability of just this split, which mid-p tests take off each of the two one-sided ones.
    pub half_point: f64,
}

/// Gives the exact conditional interval for the ratio of two rates.
///
/// # Model
/// `x₁` and `x₂` are independent Poisson counts over exposures `t₁` and `t₂`, with rates `λ₁` and `λ₂`.
///
/// # Formula
/// ```text
/// given x₁ + x₂, x₁ is binomial with odds ρt₁/t₂,   ρ = λ₁/λ₂
/// low = l/(1 − l) · t₂/t₁      high = u/(1 − u) · t₂/t₁
/// ```
/// `l` and `u` are the limits of Clopper and Pearson for `x₁` of `x₁ + x₂`; `1 − u` is the lower limit for `x₂`. The
/// estimate is `x₁t₂ / (x₂t₁)`.
///
/// # Errors
/// [`TwoRateError`] when an exposure is not positive and finite, or `confidence` is not strictly between 0 and 1. No
/// events in a group is no error: the side that the data leave open is 0 or `None`.
///
/// # Use with care
/// Events that come in bursts vary more than Poisson counts: [`CountRegression`](crate::CountRegression) over periods
/// sees that, and this interval is then too narrow. For Poisson counts it covers at least as often as it says.
///
/// # Examples
/// ```
/// use stats::Rate;
/// let (after, before) = (Rate { events: 42, exposure: 26.0 }, Rate { events: 31, exposure: 26.0 });
/// let interval = stats::rate_ratio_exact_interval(after, before, 0.95)?;
/// assert!((interval.low - 0.831_684_403).abs() < 1e-8);
/// assert!(interval.high.is_some_and(|high| (high - 2.229_183_887).abs() < 1e-8));
/// # Ok::<(), stats::TwoRateError>(())
/// ```
///
/// # References
/// Przyborowski & Wilenski (1940), Biometrika 31, 313–323. Clopper & Pearson (1934), Biometrika 26, 404–413.
pub fn rate_ratio_exact_interval(first: Rate, second: Rate, confidence: f64) -> Result<RatioInterval, TwoRateError> {
    let groups = Groups::of(first, second)?;
    tail_probability(confidence)?;
    if groups.events() <= 0.0 {
        return Ok(RatioInterval { estimate: None, low: 0.0, high: None, confidence });
    }
    let total = total(first, second)?;
    let one = clopper_pearson_interval(first.events, total, confidence)?.low;
    let other = clopper_pearson_interval(second.events, total, confidence)?.low;
    Ok(RatioInterval {
        estimate: groups.ratio(),
        low: one / (1.0 - one) / groups.scale,
        high: (second.events > 0).then(|| (1.0 - other) / other / groups.scale),
        confidence,
    })
}

/// Tests the ratio of two rates exactly, given the sum of their events.
///
/// # Formula
/// ```text
/// P(X = k) = C(m, k) πᵏ(1 − π)^(m − k),   m = x₁ + x₂,   π/(1 − π) = ρ₀t₁/t₂
/// p = Σ P(X = k) over the k with P(X = k) ≤ P(X = x₁)
/// ```
/// Probabilities within 1e-7 of each other count as equal. The mid-p of a side is its probability minus `half_point`.
///
/// # Errors
/// [`TwoRateError`] when an exposure or `ratio` is not positive and finite, or there are more than 100 million events.
///
/// # Examples
/// ```
/// use stats::Rate;
/// let (after, before) = (Rate { events: 0, exposure: 30.0 }, Rate { events: 5, exposure: 30.0 });
/// let test = stats::rate_ratio_exact_test(after, before, 1.0)?;
/// assert!((test.p_two_sided - 0.0625).abs() < 1e-15);
/// assert!((test.p_below - test.half_point - 0.015_625).abs() < 1e-15);
/// # Ok::<(), stats::TwoRateError>(())
/// ```
///
/// # References
/// As for [`rate_ratio_exact_interval`]. Lancaster (1961), Journal of the American Statistical Association 56, 223–234,
/// for the mid-p.
pub fn rate_ratio_exact_test(first: Rate, second: Rate, ratio: f64) -> Result<RateRatioTest, TwoRateError> {
    let groups = Groups::of(first, second)?;
    let odds = ratio * groups.scale;
    if !(ratio > 0.0 && odds > 0.0 && odds.is_finite()) {
        return Err(TwoRateError::Null { value: ratio });
    }
    let total = total(first, second)?;
    check_count(total)?;
    let Sums { at_most, at_least, as_rare, .. } =
        sums(0, total, first.events, |place| (total - place) as f64 / (place as f64 + 1.0) * odds);
    let half_point = 0.5 * (at_most + at_least - 1.0).max(0.0);
    Ok(RateRatioTest { p_two_sided: as_rare, p_below: at_most, p_above: at_least, half_point })
}

/// Gives the score interval for the ratio of two rates.
///
/// # Formula
/// ```text
/// the ρ with |z(ρ)| ≤ z(1 − α/2),   z(ρ) = (r₁ − ρr₂) / √(λ₁/t₁ + ρ²λ₂/t₂),   r = x/t
/// λ₂ = (x₁ + x₂) / (ρt₁ + t₂),   λ₁ = ρλ₂
/// ```
/// [`ScoreMethod::Plain`] gives the odds of Wilson's limits for `x₁` of `x₁ + x₂`, times `t₂/t₁`. With
/// [`ScoreMethod::SkewnessCorrected`] the estimate is the ρ whose statistic is 0.
///
/// # Errors
/// [`TwoRateError`] when an exposure is not positive and finite, `confidence` is not strictly between 0 and 1, or the
/// method is [`ScoreMethod::MiettinenNurminen`], whose factor needs a number of subjects.
///
/// # Use with care
/// As for [`rate_ratio_exact_interval`], except that coverage is right on average rather than at least.
///
/// # Examples
/// ```
/// use stats::{Rate, ScoreMethod};
/// let (after, before) = (Rate { events: 0, exposure: 30.0 }, Rate { events: 5, exposure: 30.0 });
/// let interval = stats::rate_ratio_score_interval(after, before, ScoreMethod::Plain, 0.95)?;
/// assert!(interval.high.is_some_and(|high| (high - 0.768_291_76).abs() < 1e-7));
/// # Ok::<(), stats::TwoRateError>(())
/// ```
///
/// # References
/// Miettinen & Nurminen (1985), Statistics in Medicine 4, 213–226, section 6. Laud (2017), Pharmaceutical Statistics 16,
/// 334–348.
pub fn rate_ratio_score_interval(
    first: Rate,
    second: Rate,
    method: ScoreMethod,
    confidence: f64,
) -> Result<RatioInterval, TwoRateError> {
    let groups = Groups::of(first, second)?;
    let z = -normal_quantile(tail_probability(confidence)?)?;
    let is_skewness_corrected = is_corrected(method)?;
    if groups.events() <= 0.0 {
        return Ok(RatioInterval { estimate: None, low: 0.0, high: None, confidence });
    }
    // In units of its own exposure a ratio is one of means of counts.
    let at = |level: f64| {
        ratio_at(level, |ratio| mean_ratio_parts(groups.counts, ratio).statistic(is_skewness_corrected))
            .map(|ratio| ratio / groups.scale)
    };
    let estimate = if is_skewness_corrected { at(0.0) } else { groups.ratio() };
    Ok(RatioInterval { estimate, low: at(z).ok_or(TwoRateError::OutOfRange)?, high: at(-z), confidence })
}

/// Gives the score interval for the difference of two rates.
///
/// # Formula
/// ```text
/// the θ with |z(θ)| ≤ z(1 − α/2),   z(θ) = (r₁ − r₂ − θ) / √(λ₁/t₁ + λ₂/t₂)
/// Tλ₂² + (Tθ − x₁ − x₂)λ₂ − x₂θ = 0,   T = t₁ + t₂,   λ₁ = λ₂ + θ
/// ```
/// The estimate as in [`rate_ratio_score_interval`].
///
/// # Errors
/// As for [`rate_ratio_score_interval`].
///
/// # Examples
/// ```
/// use stats::{Rate, ScoreMethod};
/// let (after, before) = (Rate { events: 42, exposure: 26.0 }, Rate { events: 31, exposure: 26.0 });
/// let interval = stats::rate_difference_score_interval(after, before, ScoreMethod::Plain, 0.95)?;
/// assert!((interval.low + 0.226_886_36).abs() < 1e-7 && (interval.high - 1.094_212_41).abs() < 1e-7);
/// # Ok::<(), stats::TwoRateError>(())
/// ```
///
/// # References
/// As for [`rate_ratio_score_interval`].
pub fn rate_difference_score_interval(
    first: Rate,
    second: Rate,
    method: ScoreMethod,
    confidence: f64,
) -> Result<Interval, TwoRateError> {
    let groups = Groups::of(first, second)?;
    let z = -normal_quantile(tail_probability(confidence)?)?;
    let is_skewness_corrected = is_corrected(method)?;
    let statistic = |value: f64| groups.difference_parts(value).statistic(is_skewness_corrected);
    let observed = groups.difference();
    let limit = |level: f64| {
        // Doubling the bracket: the statistic falls without bound on both sides.
        let mut half = groups.unit();
        while half < f64::MAX / 4.0 && !(statistic(observed - half) > level && statistic(observed + half) <= level) {
            half *= 2.0;
        }
        value_at(observed - half, observed + half, level, statistic)
    };
    let estimate = if is_skewness_corrected && groups.events() > 0.0 { limit(0.0) } else { observed };
    Ok(Interval { estimate, low: limit(z), high: limit(-z), confidence })
}

/// Tests the ratio of two rates against a value by the score statistic.
///
/// # Formula
/// As for [`rate_ratio_score_interval`]; an interval holds the ratios that are not rejected.
///
/// # Errors
/// As for [`rate_ratio_score_interval`], and when `ratio` is not positive and finite.
///
/// # Examples
/// ```
/// use stats::{Rate, ScoreMethod};
/// let (after, before) = (Rate { events: 42, exposure: 26.0 }, Rate { events: 31, exposure: 26.0 });
/// let test = stats::rate_ratio_score_test(after, before, 1.0, ScoreMethod::Plain)?;
/// assert!((test.z - 11.0 / 73.0_f64.sqrt()).abs() < 1e-12);
/// # Ok::<(), stats::TwoRateError>(())
/// ```
///
/// # References
/// As for [`rate_ratio_score_interval`].
pub fn rate_ratio_score_test(
    first: Rate,
    second: Rate,
    ratio: f64,
    method: ScoreMethod,
) -> Result<ScoreTest, TwoRateError> {
    let groups = Groups::of(first, second)?;
    let scaled = ratio * groups.scale;
    if !(scaled > 1e-100 && scaled < 1e100) {
        return Err(TwoRateError::Null { value: ratio });
    }
    Ok(ScoreTest::of(mean_ratio_parts(groups.counts, scaled).statistic(is_corrected(method)?))?)
}

fn is_corrected(method: ScoreMethod) -> Result<bool, TwoRateError> {
    match method {
        ScoreMethod::Plain => Ok(false),
        ScoreMethod::SkewnessCorrected => Ok(true),
        ScoreMethod::MiettinenNurminen => Err(TwoRateError::NoSubjects),
    }
}

fn total(first: Rate, second: Rate) -> Result<u64, TwoRateError> {
    let total = first.events.checked_add(second.events);
    Ok(total.ok_or(ProportionError::MoreSuccessesThanTrials { successes: first.events, trials: u64::MAX })?)
}

/// Two counts and their exposures.
#[derive(Debug, Clone, Copy)]
struct Groups {
    counts: [f64; 2],
    exposures: [f64; 2],
    /// The first exposure over the second.
    scale: f64,
}

impl Groups {
    fn of(first: Rate, second: Rate) -> Result<Self, TwoRateError> {
        for exposure in [first.exposure, second.exposure] {
            if !(exposure > 0.0 && exposure.is_finite()) {
                return Err(TwoRateError::Exposure { exposure });
            }
        }
        let scale = first.exposure / second.exposure;
        // Far enough from the ends that a limit over it is a number.
        if !(1e-200..=1e200).contains(&scale) || [first.exposure, second.exposure].iter().any(|time| *time < 1e-200) {
            return Err(TwoRateError::TooFarApart { first: first.exposure, second: second.exposure });
        }
        Ok(Self {
            counts: [first.events as f64, second.events as f64],
            exposures: [first.exposure, second.exposure],
            scale,
        })
    }

    fn events(&self) -> f64 {
        self.counts[0] + self.counts[1]
    }

    fn ratio(&self) -> Option<f64> {
        (self.counts[1] > 0.0).then(|| self.counts[0] / self.counts[1] / self.scale)
    }

    fn difference(&self) -> f64 {
        self.counts[0] / self.exposures[0] - self.counts[1] / self.exposures[1]
    }

    /// A distance that is not small against the error of the difference.
    fn unit(&self) -> f64 {
        let [one, other] = [0, 1].map(|group| (self.counts[group] + 1.0).sqrt() / self.exposures[group]);
        one + other
    }

    fn difference_parts(&self, difference: f64) -> ScoreParts {
        let [first, second] = self.exposures;
        let exposure = first + second;
        // Of the two the one that is not a difference of near numbers: the smaller rate comes from the larger.
        let linear = difference - self.events() / exposure;
        let product = self.counts[1] / exposure * difference;
        let root = (linear * linear + 4.0 * product).max(0.0).sqrt();
        let lower = if linear > 0.0 { 2.0 * product / (linear + root) } else { 0.5 * (root - linear) }.max(0.0);
        let upper = (lower + difference).max(0.0);
        let lower = if difference < 0.0 { lower.max(-difference) } else { lower };
        ScoreParts {
            distance: self.difference() - difference,
            variance: upper / first + lower / second,
            third_moment: upper / first / first - lower / second / second,
        }
    }
}

/// `x₁ − ρx₂` against the ratio of means `ratio`, for counts over one exposure.
fn mean_ratio_parts(counts: [f64; 2], ratio: f64) -> ScoreParts {
    let [first, second] = counts;
    if ratio > 1.0 {
        let ScoreParts { distance, variance, third_moment } = mean_ratio_parts([second, first], 1.0 / ratio);
        return ScoreParts { distance: -distance, variance, third_moment: -third_moment };
    }
    let lower = (first + second) / (ratio + 1.0);
    let upper = ratio * lower;
    ScoreParts {
        distance: first - ratio * second,
        variance: upper + ratio * ratio * lower,
        third_moment: upper - ratio * ratio * ratio * lower,
    }
}
