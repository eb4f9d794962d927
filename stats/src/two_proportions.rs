//! Two shares against each other: difference, ratio and ratio of odds by score intervals, and tests against a margin.
//!
//! All of them are defined where a group has no events, or nothing but events, which is where the usual intervals of
//! [`risk_difference`](crate::risk_difference) and its like have none.

use crate::distributions::{DistributionError, normal_quantile, normal_upper_tail};
use crate::effect_sizes::Proportion;
use crate::interval::{ConfidenceError, Interval, tail_probability};
use crate::proportions::{ProportionError, wilson_interval};
use crate::ratio_interval::RatioInterval;
use crate::score::{ScoreMethod, ScoreParts, ratio_at, value_at};
use crate::wald::Wald;

mod likeliest;
#[cfg(test)]
mod tests;

use likeliest::{Cells, difference_parts, odds_ratio_parts, risk_ratio_parts};

/// Why two shares have no comparison.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum TwoProportionError {
    /// A group is empty.
    #[error("a group has no subjects")]
    NoSubjects,
    /// More events than subjects.
    #[error("`{events}` events are more than `{subjects}` subjects")]
    MoreEventsThanSubjects {
        /// The events.
        events: u64,
        /// The subjects.
        subjects: u64,
    },
    /// The two groups hold one subject each at most, so that a sample has no variance.
    #[error("the variance of a sample needs more than one subject")]
    OneSubject,
    /// There are no strata.
    #[error("there are no strata")]
    NoStrata,
    /// Nothing but events, or no events, everywhere: the difference has no standard error.
    #[error("no stratum has both events and subjects without: the difference has no standard error")]
    NoVariance,
    /// The lower limit of a ratio is beyond what is searched, which is `exp(300)` either way.
    #[error("the lower limit of the ratio is out of the range that is searched")]
    OutOfRange,
    /// A margin that no difference of shares can have.
    #[error("a margin must lie between -1 and 1, got `{margin}`")]
    Margin {
        /// The margin.
        margin: f64,
    },
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    /// The interval of one share could not be computed.
    #[error(transparent)]
    Proportion(#[from] ProportionError),
}

/// A contrast tested against a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreTest {
    /// The statistic, standard normal if the value were true; positive where the contrast lies above the value.
    pub z: f64,
    /// The probability of a contrast at least as far below: small where the data say that it is less than the value.
    pub p_below: f64,
    /// The probability of a contrast at least as far above: small where the data say that it is more than the value.
    pub p_above: f64,
}

impl ScoreTest {
    pub(crate) fn of(z: f64) -> Result<Self, DistributionError> {
        Ok(Self { z, p_below: normal_upper_tail(-z)?, p_above: normal_upper_tail(z)? })
    }

    /// Gives the probability of a contrast at least as far to either side.
    #[must_use]
    pub fn p_two_sided(&self) -> f64 {
        (2.0 * self.p_below.min(self.p_above)).min(1.0)
    }
}

/// Gives the score interval for the difference of two shares.
///
/// # Model
/// `x₁` of `n₁` and `x₂` of `n₂` independent subjects have the event, with probabilities `π₁` and `π₂`.
///
/// # Formula
/// ```text
/// the Δ with |z(Δ)| ≤ z(1 − α/2),   z(Δ) = (p₁ − p₂ − Δ) / √V(Δ)
/// V(Δ) = (π₁(1 − π₁)/n₁ + π₂(1 − π₂)/n₂) N/(N − 1),   N = n₁ + n₂
/// ```
/// `π₁` and `π₂` are the most likely ones with `π₁ − π₂ = Δ`, found by halving; so are the limits, to neighbouring
/// numbers. The factor `N/(N − 1)` belongs to [`ScoreMethod::MiettinenNurminen`] and not to [`ScoreMethod::Plain`],
/// which is Mee's interval. The estimate is `p₁ − p₂`, with [`ScoreMethod::SkewnessCorrected`] the Δ whose statistic is
/// 0, unless each group has all or none of the events. The limits change sign and place when groups are swapped.
///
/// # Errors
/// [`TwoProportionError`] when a group is empty or has more events than subjects, or `confidence` is not strictly
/// between 0 and 1.
///
/// # Use with care
/// Subjects that come in clusters are not independent: see [`ShareRegression`](crate::ShareRegression). With groups
/// below about ten the skewness-corrected statistic is the better one; with one subject in a group it need not fall
/// throughout, which shows in limits below the 80 % level.
///
/// # Examples
/// ```
/// use stats::{Proportion, ScoreMethod};
/// let (after, before) = (Proportion { events: 0, subjects: 10 }, Proportion { events: 0, subjects: 20 });
/// let interval = stats::risk_difference_interval(after, before, ScoreMethod::MiettinenNurminen, 0.95)?;
/// assert!((interval.low + 0.165_760_23).abs() < 1e-7);
/// assert!((interval.high - 0.284_381_34).abs() < 1e-7);
/// # Ok::<(), stats::TwoProportionError>(())
/// ```
///
/// # References
/// Miettinen & Nurminen (1985), Statistics in Medicine 4, 213–226, equations 8 and 9. Mee (1984), Biometrics 40,
/// 1175–1176. Laud (2017), Pharmaceutical Statistics 16, 334–348.
pub fn risk_difference_interval(
    first: Proportion,
    second: Proportion,
    method: ScoreMethod,
    confidence: f64,
) -> Result<Interval, TwoProportionError> {
    stratified_risk_difference_interval(&[(first, second)], method, confidence)
}

/// Tests the difference of two shares against a margin by the score statistic.
///
/// # Formula
/// ```text
/// z = (p₁ − p₂ − Δ) / √V(Δ)      p_below = P(Z ≤ z)      p_above = P(Z ≥ z)
/// ```
/// `V` as in [`risk_difference_interval`]. With margin 0 and [`ScoreMethod::Plain`] `z²` is Pearson's χ². An event that
/// is bad is shown to be not more frequent by more than `Δ` where `p_below` is small: the test of Farrington and
/// Manning. An interval holds a margin where neither tail is below half of the rest.
///
/// # Errors
/// [`TwoProportionError`] as for the interval, or when the margin is not strictly between -1 and 1.
///
/// # Examples
/// ```
/// use stats::{Proportion, ScoreMethod};
/// let (after, before) = (Proportion { events: 34, subjects: 412 }, Proportion { events: 41, subjects: 398 });
/// let test = stats::risk_difference_test(after, before, 0.03, ScoreMethod::MiettinenNurminen)?;
/// assert!((test.z + 2.444_580_80).abs() < 1e-7);
/// assert!((test.p_below - 0.007_251_03).abs() < 1e-7);
/// # Ok::<(), stats::TwoProportionError>(())
/// ```
///
/// # References
/// Farrington & Manning (1990), Statistics in Medicine 9, 1447–1454. Miettinen & Nurminen (1985), Statistics in
/// Medicine 4, 213–226.
pub fn risk_difference_test(
    first: Proportion,
    second: Proportion,
    margin: f64,
    method: ScoreMethod,
) -> Result<ScoreTest, TwoProportionError> {
    stratified_risk_difference_test(&[(first, second)], margin, method)
}

/// Gives the score interval for the difference of shares that is common to strata.
///
/// # Model
/// In each stratum two groups as in [`risk_difference_interval`], with one and the same difference `Δ`.
///
/// # Formula
/// ```text
/// z(Δ) = Σ wᵢ (p₁ᵢ − p₂ᵢ − Δ) / √(Σ wᵢ² Vᵢ(Δ)),   wᵢ = n₁ᵢn₂ᵢ / (n₁ᵢ + n₂ᵢ)
/// ```
/// The weights are those of Mantel and Haenszel; `Vᵢ` is that of one stratum. The estimate is
/// `Σ wᵢ(p₁ᵢ − p₂ᵢ) / Σ wᵢ`, with [`ScoreMethod::SkewnessCorrected`] the Δ whose statistic is 0. Strata are summed in
/// sorted order.
///
/// # Errors
/// [`TwoProportionError`] when there are no strata, a group is empty or has more events than subjects, or `confidence`
/// is not strictly between 0 and 1.
///
/// # Use with care
/// Where the differences are not the same, it says how sure their weighted mean is among just these strata, and not
/// what another stratum would show.
///
/// # Examples
/// ```
/// use stats::{Proportion, ScoreMethod};
/// let group = |events, subjects| Proportion { events, subjects };
/// let services = [(group(3, 61), group(9, 55)), (group(0, 12), group(1, 20))];
/// let interval = stats::stratified_risk_difference_interval(&services, ScoreMethod::MiettinenNurminen, 0.95)?;
/// assert!((interval.estimate + 0.101_183_4).abs() < 1e-6);
/// assert!(interval.high < 0.0);
/// # Ok::<(), stats::TwoProportionError>(())
/// ```
///
/// # References
/// Miettinen & Nurminen (1985), Statistics in Medicine 4, 213–226, section 5. Mantel & Haenszel (1959), Journal of the
/// National Cancer Institute 22, 719–748.
pub fn stratified_risk_difference_interval(
    strata: &[(Proportion, Proportion)],
    method: ScoreMethod,
    confidence: f64,
) -> Result<Interval, TwoProportionError> {
    let z = -normal_quantile(tail_probability(confidence)?)?;
    let strata = Strata::of(strata, method)?;
    let limit = |level: f64| value_at(-1.0, 1.0, level, |difference| strata.statistic(difference));
    let estimate = if strata.is_skewness_corrected && strata.has_variance() { limit(0.0) } else { strata.estimate() };
    Ok(Interval { estimate, low: limit(z).min(estimate), high: limit(-z).max(estimate), confidence })
}

/// Tests the difference of shares that is common to strata against a margin.
///
/// # Formula
/// As for [`risk_difference_test`], with the statistic of [`stratified_risk_difference_interval`].
///
/// # Errors
/// [`TwoProportionError`] as for the interval, or when the margin is not strictly between -1 and 1.
///
/// # Examples
/// ```
/// use stats::{Proportion, ScoreMethod};
/// let group = |events, subjects| Proportion { events, subjects };
/// let services = [(group(0, 40), group(0, 50)), (group(1, 60), group(2, 55))];
/// let test = stats::stratified_risk_difference_test(&services, 0.03, ScoreMethod::MiettinenNurminen)?;
/// assert!(test.z < -1.0 && test.p_below < 0.1);
/// # Ok::<(), stats::TwoProportionError>(())
/// ```
///
/// # References
/// As for [`stratified_risk_difference_interval`].
pub fn stratified_risk_difference_test(
    strata: &[(Proportion, Proportion)],
    margin: f64,
    method: ScoreMethod,
) -> Result<ScoreTest, TwoProportionError> {
    if !(margin > -1.0 && margin < 1.0) {
        return Err(TwoProportionError::Margin { margin });
    }
    Ok(ScoreTest::of(Strata::of(strata, method)?.statistic(margin))?)
}

/// Gives the difference of shares over strata by Mantel and Haenszel, with Sato's standard error.
///
/// # Formula
/// ```text
/// D = Σ wᵢ(p₁ᵢ − p₂ᵢ) / Σ wᵢ,   wᵢ = n₁ᵢn₂ᵢ/Nᵢ
/// Var(D) = (D Σ Pᵢ + Σ Qᵢ) / (Σ wᵢ)²
/// Pᵢ = (n₁ᵢ²x₂ᵢ − n₂ᵢ²x₁ᵢ + n₁ᵢn₂ᵢ(n₂ᵢ − n₁ᵢ)/2) / Nᵢ²
/// Qᵢ = (x₁ᵢ(n₂ᵢ − x₂ᵢ) + x₂ᵢ(n₁ᵢ − x₁ᵢ)) / (2Nᵢ)
/// ```
/// The standard error is right for few large strata and for many small ones.
///
/// # Errors
/// [`TwoProportionError`] when there are no strata, a group is empty or has more events than subjects, or the variance
/// is not positive, such as where no stratum has events.
///
/// # Use with care
/// Assumes one difference in all strata. The interval of [`stratified_risk_difference_interval`] is defined without
/// events, and this one is not.
///
/// # Examples
/// ```
/// use stats::Proportion;
/// let group = |events, subjects| Proportion { events, subjects };
/// let services = [(group(3, 61), group(9, 55)), (group(2, 30), group(4, 40))];
/// let difference = stats::mantel_haenszel_risk_difference(&services)?;
/// assert!((difference.estimate + 0.084_266_8).abs() < 1e-6);
/// # Ok::<(), stats::TwoProportionError>(())
/// ```
///
/// # References
/// Sato (1989), Biometrics 45, 1323–1324. Greenland & Robins (1985), Biometrics 41, 55–68.
pub fn mantel_haenszel_risk_difference(strata: &[(Proportion, Proportion)]) -> Result<Wald, TwoProportionError> {
    let strata = Strata::of(strata, ScoreMethod::Plain)?;
    let difference = strata.estimate();
    let (p, q) = strata.strata.iter().fold((0.0, 0.0), |(p, q), stratum| {
        let [first, second] = stratum.groups;
        let total = first.subjects + second.subjects;
        let (share, other) = (first.subjects / total, second.subjects / total);
        let balance = share * share * second.events - other * other * first.events;
        let crossed = first.events * second.without() + second.events * first.without();
        (p + balance + 0.5 * share * other * (second.subjects - first.subjects), q + 0.5 * crossed / total)
    });
    let variance = (difference * p + q) / (strata.weight() * strata.weight());
    Wald::normal(difference, variance.max(0.0).sqrt()).ok_or(TwoProportionError::NoVariance)
}

/// Gives Newcombe's hybrid interval for the difference of two shares.
///
/// # Formula
/// ```text
/// low = d − √((p₁ − l₁)² + (u₂ − p₂)²)      high = d + √((u₁ − p₁)² + (p₂ − l₂)²)      d = p₁ − p₂
/// ```
/// `l` and `u` are the Wilson limits of each share. It is Newcombe's method 10.
///
/// # Errors
/// [`TwoProportionError`] when a group is empty or has more events than subjects, or `confidence` is not strictly
/// between 0 and 1.
///
/// # Examples
/// ```
/// use stats::Proportion;
/// let (first, second) = (Proportion { events: 56, subjects: 70 }, Proportion { events: 48, subjects: 80 });
/// let interval = stats::newcombe_interval(first, second, 0.95)?;
/// assert!((interval.low - 0.0524).abs() < 5e-5 && (interval.high - 0.3339).abs() < 5e-5);
/// # Ok::<(), stats::TwoProportionError>(())
/// ```
///
/// # References
/// Newcombe (1998), Statistics in Medicine 17, 873–890, method 10 and table II.
pub fn newcombe_interval(
    first: Proportion,
    second: Proportion,
    confidence: f64,
) -> Result<Interval, TwoProportionError> {
    let one = wilson_interval(first.events, first.subjects, confidence)?;
    let other = wilson_interval(second.events, second.subjects, confidence)?;
    let estimate = one.estimate - other.estimate;
    Ok(Interval {
        estimate,
        low: estimate - libm::hypot(one.estimate - one.low, other.high - other.estimate),
        high: estimate + libm::hypot(one.high - one.estimate, other.estimate - other.low),
        confidence,
    })
}

/// Gives the score interval for the ratio of two shares.
///
/// # Formula
/// ```text
/// the φ with |z(φ)| ≤ z(1 − α/2),   z(φ) = (p₁ − φp₂) / √V(φ)
/// V(φ) = (π₁(1 − π₁)/n₁ + φ²π₂(1 − π₂)/n₂) N/(N − 1)
/// Nφπ₂² − (n₁φ + x₁ + n₂ + x₂φ)π₂ + x₁ + x₂ = 0,   π₁ = φπ₂
/// ```
/// [`ScoreMethod::Plain`] is without the factor: Koopman's interval. The estimate is `p₁/p₂`, with
/// [`ScoreMethod::SkewnessCorrected`] the φ whose statistic is 0.
///
/// # Errors
/// [`TwoProportionError`] when a group is empty or has more events than subjects, or `confidence` is not strictly
/// between 0 and 1. No events in a group is no error: the side that the data leave open is 0 or `None`.
///
/// # Use with care
/// As for [`risk_difference_interval`]. Swapping groups inverts the limits.
///
/// # Examples
/// ```
/// use stats::{Proportion, ScoreMethod};
/// let (first, second) = (Proportion { events: 10, subjects: 10 }, Proportion { events: 0, subjects: 20 });
/// let interval = stats::risk_ratio_interval(first, second, ScoreMethod::Plain, 0.95)?;
/// assert!((interval.low - 6.206_355).abs() < 1e-6);
/// assert_eq!((interval.estimate, interval.high), (None, None));
/// # Ok::<(), stats::TwoProportionError>(())
/// ```
///
/// # References
/// Koopman (1984), Biometrics 40, 513–517. Miettinen & Nurminen (1985), Statistics in Medicine 4, 213–226, equations 10
/// and 11.
pub fn risk_ratio_interval(
    first: Proportion,
    second: Proportion,
    method: ScoreMethod,
    confidence: f64,
) -> Result<RatioInterval, TwoProportionError> {
    let groups = [Cells::of(first)?, Cells::of(second)?];
    let ratio = (second.events > 0).then(|| groups[0].share() / groups[1].share());
    let is_known = first.events + second.events > 0;
    ratio_interval(groups, method, confidence, ratio, is_known, risk_ratio_parts)
}

/// Gives the score interval for the ratio of two odds.
///
/// # Formula
/// ```text
/// the ψ with |z(ψ)| ≤ z(1 − α/2),   z(ψ) = (x₁ − n₁π₁) √(1/(n₁π₁(1 − π₁)) + 1/(n₂π₂(1 − π₂))) / √(N/(N − 1))
/// n₁π₁ + n₂π₂ = x₁ + x₂,   π₁/(1 − π₁) = ψ π₂/(1 − π₂)
/// ```
/// The factor as in [`risk_ratio_interval`]. The estimate is that of the sample, `x₁(n₂ − x₂) / (x₂(n₁ − x₁))`.
///
/// # Errors
/// As for [`risk_ratio_interval`].
///
/// # Examples
/// ```
/// use stats::{Proportion, ScoreMethod};
/// let (first, second) = (Proportion { events: 6, subjects: 7 }, Proportion { events: 2, subjects: 7 });
/// let interval = stats::odds_ratio_interval(first, second, ScoreMethod::MiettinenNurminen, 0.95)?;
/// assert!(interval.estimate.is_some_and(|ratio| (ratio - 15.0).abs() < 1e-12));
/// assert!((interval.low - 1.147_812).abs() < 1e-6);
/// # Ok::<(), stats::TwoProportionError>(())
/// ```
///
/// # References
/// Miettinen & Nurminen (1985), Statistics in Medicine 4, 213–226, section 4.
pub fn odds_ratio_interval(
    first: Proportion,
    second: Proportion,
    method: ScoreMethod,
    confidence: f64,
) -> Result<RatioInterval, TwoProportionError> {
    let groups = [Cells::of(first)?, Cells::of(second)?];
    let against = groups[1].events * groups[0].without();
    let ratio = (against > 0.0).then(|| groups[0].events * groups[1].without() / against);
    let events = groups[0].events + groups[1].events;
    let is_known = events > 0.0 && groups[0].without() + groups[1].without() > 0.0;
    ratio_interval(groups, method, confidence, ratio, is_known, odds_ratio_parts)
}

fn ratio_interval(
    groups: [Cells; 2],
    method: ScoreMethod,
    confidence: f64,
    ratio: Option<f64>,
    is_known: bool,
    parts: fn([Cells; 2], f64) -> ScoreParts,
) -> Result<RatioInterval, TwoProportionError> {
    let z = -normal_quantile(tail_probability(confidence)?)?;
    let variance_factor = variance_factor(groups, method)?;
    if !is_known {
        return Ok(RatioInterval { estimate: None, low: 0.0, high: None, confidence });
    }
    let is_skewness_corrected = method == ScoreMethod::SkewnessCorrected;
    let statistic = |ratio: f64| {
        let parts = parts(groups, ratio);
        ScoreParts { variance: parts.variance * variance_factor, ..parts }.statistic(is_skewness_corrected)
    };
    let estimate = if is_skewness_corrected { ratio_at(0.0, statistic) } else { ratio };
    let low = ratio_at(z, statistic).ok_or(TwoProportionError::OutOfRange)?;
    Ok(RatioInterval { estimate, low, high: ratio_at(-z, statistic), confidence })
}

fn variance_factor(groups: [Cells; 2], method: ScoreMethod) -> Result<f64, TwoProportionError> {
    let total = groups[0].subjects + groups[1].subjects;
    match method {
        ScoreMethod::Plain => Ok(1.0),
        _ if total < 2.0 => Err(TwoProportionError::OneSubject),
        _ => Ok(total / (total - 1.0)),
    }
}

/// Pairs of groups with the weights of Mantel and Haenszel, sorted.
struct Strata {
    strata: Vec<Stratum>,
    is_skewness_corrected: bool,
}

struct Stratum {
    groups: [Cells; 2],
    weight: f64,
    variance_factor: f64,
}

impl Strata {
    fn of(strata: &[(Proportion, Proportion)], method: ScoreMethod) -> Result<Self, TwoProportionError> {
        if strata.is_empty() {
            return Err(TwoProportionError::NoStrata);
        }
        let mut sorted = strata.to_vec();
        sorted.sort_unstable_by_key(|(first, second)| [first.events, first.subjects, second.events, second.subjects]);
        let strata = sorted.into_iter().map(|(first, second)| {
            let groups = [Cells::of(first)?, Cells::of(second)?];
            let [first, second] = groups;
            let weight = first.subjects * (second.subjects / (first.subjects + second.subjects));
            Ok(Stratum { groups, weight, variance_factor: variance_factor(groups, method)? })
        });
        let is_skewness_corrected = method == ScoreMethod::SkewnessCorrected;
        Ok(Self { strata: strata.collect::<Result<_, TwoProportionError>>()?, is_skewness_corrected })
    }

    /// Whether any group has both events and subjects without.
    fn has_variance(&self) -> bool {
        let mut groups = self.strata.iter().flat_map(|stratum| stratum.groups);
        groups.any(|group| group.events > 0.0 && group.without() > 0.0)
    }

    fn weight(&self) -> f64 {
        self.strata.iter().map(|stratum| stratum.weight).sum()
    }

    fn estimate(&self) -> f64 {
        if let [Stratum { groups: [first, second], .. }] = self.strata.as_slice() {
            return first.share() - second.share();
        }
        let differences = self.strata.iter().map(|stratum| {
            let [first, second] = stratum.groups;
            stratum.weight * (first.share() - second.share())
        });
        differences.sum::<f64>() / self.weight()
    }

    fn statistic(&self, difference: f64) -> f64 {
        let whole = self.weight();
        let none = ScoreParts { distance: 0.0, variance: 0.0, third_moment: 0.0 };
        let sums = self.strata.iter().fold(none, |sums, stratum| {
            let parts = difference_parts(stratum.groups, difference);
            let weight = stratum.weight / whole;
            let square = weight * weight;
            ScoreParts {
                distance: sums.distance + weight * parts.distance,
                variance: sums.variance + square * stratum.variance_factor * parts.variance,
                third_moment: sums.third_moment + square * weight * parts.third_moment,
            }
        });
        sums.statistic(self.is_skewness_corrected)
    }
}
