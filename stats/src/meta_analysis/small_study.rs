//! Whether small studies say something else than large ones. Never a verdict: there are other reasons than selection.

use nalgebra::{DMatrix, DVector};

use super::{
    CombineError, CommonMean, Effects, PooledMethod, Tau2Method, around, between_variance, meta_regression, needs,
    test_of,
};
use crate::distributions::{chi_squared_upper_tail, normal_quantile, normal_upper_tail};
use crate::interval::{Interval, tail_probability};
use crate::linear::LeastSquares;
use crate::numeric::{bisected_root, integral};

/// Below this many effects, checks for the effects of small studies have no power and are refused.
pub(super) const FEWEST: usize = 10;

/// A regression of effects on their own imprecision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmallStudyRegression {
    /// The slope over its standard error.
    pub statistic: f64,
    /// Degrees of freedom of the t distribution; `None` where it is the normal.
    pub degrees_of_freedom: Option<f64>,
    /// The two-sided p-value of the slope.
    pub p_value: f64,
    /// The intercept: the effect of an infinitely precise study, if the slope were the bias of small ones.
    pub limit: Interval,
}

/// Regresses effects on their standard errors: Egger's test, and the precision-effect test (PET).
///
/// # Model
/// `yᵢ = β₀ + β₁sᵢ + eᵢ` with `Var(eᵢ) = φvᵢ`, `sᵢ = √vᵢ`.
///
/// # Formula
/// ```text
/// least squares with weights 1/vᵢ      φ = Σ rᵢ²/vᵢ / (k − 2)      t with k − 2 degrees of freedom
/// ```
///
/// # Errors
/// [`CombineError`] as for [`pool`](crate::pool), when there are fewer than ten effects, all variances are equal, or
/// `confidence` is not strictly between 0 and 1.
///
/// # Use with care
/// A slope is not proof of selection: small studies can differ for good reasons. Not for a verdict.
///
/// # Examples
/// ```
/// let v: Vec<f64> = (1..=12).map(|i| 0.01 * f64::from(i)).collect();
/// let y: Vec<f64> = v.iter().enumerate().map(|(i, v)| 0.2 + v.sqrt() + 0.01 * f64::from(i as u32 % 3)).collect();
/// assert!(stats::egger_test(&y, &v, 0.95)?.p_value < 0.01);
/// assert!(stats::egger_test(&y[..9], &v[..9], 0.95).is_err());
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Egger et al. (1997), BMJ 315, 629–634. Stanley & Doucouliagos (2014), Research Synthesis Methods 5, 60–78.
pub fn egger_test(estimates: &[f64], variances: &[f64], confidence: f64) -> Result<SmallStudyRegression, CombineError> {
    regression(&enough(estimates, variances)?, f64::sqrt, confidence)
}

/// Regresses effects on their variances: the precision-effect estimate with standard error (PEESE).
///
/// # Formula
/// As [`egger_test`], with `vᵢ` in place of `sᵢ`.
///
/// # Errors
/// As for [`egger_test`].
///
/// # Use with care
/// As for [`egger_test`].
///
/// # Examples
/// ```
/// let v: Vec<f64> = (1..=12).map(|i| 0.01 * f64::from(i)).collect();
/// let y: Vec<f64> = v.iter().enumerate().map(|(i, v)| 0.2 + v + 0.01 * f64::from(i as u32 % 3)).collect();
/// assert!((stats::peese_test(&y, &v, 0.95)?.limit.estimate - 0.2).abs() < 0.02);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Stanley & Doucouliagos (2014), Research Synthesis Methods 5, 60–78.
pub fn peese_test(estimates: &[f64], variances: &[f64], confidence: f64) -> Result<SmallStudyRegression, CombineError> {
    regression(&enough(estimates, variances)?, |variance| variance, confidence)
}

/// Regresses effects on their standard errors in a model with a variance between effects.
///
/// # Formula
/// [`meta_regression`] on `√vᵢ`, restricted likelihood, Wald.
///
/// # Errors
/// As for [`egger_test`].
///
/// # Use with care
/// As for [`egger_test`].
///
/// # Examples
/// ```
/// let v: Vec<f64> = (1..=12).map(|i| 0.01 * f64::from(i)).collect();
/// let y: Vec<f64> = v.iter().enumerate().map(|(i, v)| 0.2 + v.sqrt() + 0.01 * f64::from(i as u32 % 3)).collect();
/// assert_eq!(stats::egger_mixed_test(&y, &v, 0.95)?.degrees_of_freedom, None);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Sterne & Egger (2005), in Publication Bias in Meta-Analysis, chapter 6.
pub fn egger_mixed_test(
    estimates: &[f64],
    variances: &[f64],
    confidence: f64,
) -> Result<SmallStudyRegression, CombineError> {
    mixed(&enough(estimates, variances)?, confidence)
}

/// A rank correlation between effects and variances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankCorrelation {
    /// Kendall's τ (τ-b with ties).
    pub tau: f64,
    /// Its two-sided p-value: exact without ties and below fifty effects, else from the normal distribution.
    pub p_value: f64,
    /// Whether the p-value is exact.
    pub is_exact: bool,
}

/// Correlates standardised effects with their variances by ranks.
///
/// # Formula
/// ```text
/// Kendall's τ of (yᵢ − μ) / √(vᵢ − 1/Σ1/v) and vᵢ      μ the mean with equal effects
/// ```
/// Every pair is compared: the cost is `k²`.
///
/// # Errors
/// [`CombineError`] as for [`pool`](crate::pool), when there are fewer than ten effects, or all variances are equal.
///
/// # Use with care
/// As for [`egger_test`], with less power.
///
/// # Examples
/// ```
/// let v: Vec<f64> = (1..=10).map(|i| 0.01 * f64::from(i)).collect();
/// let y: Vec<f64> = (1..=10).map(f64::from).collect();
/// let ranks = stats::begg_rank_test(&y, &v)?;
/// assert!(ranks.tau > 0.0 && ranks.is_exact);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Begg & Mazumdar (1994), Biometrics 50, 1088–1101.
pub fn begg_rank_test(estimates: &[f64], variances: &[f64]) -> Result<RankCorrelation, CombineError> {
    ranks(&enough(estimates, variances)?)
}

/// How many unseen effects of nothing it would take to change the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FailSafe {
    /// To make the sum of standard scores insignificant at 0.05 one-sided (Rosenthal).
    pub rosenthal: f64,
    /// The one-sided p-value of that sum, in its own direction.
    pub rosenthal_p_value: f64,
    /// To halve the unweighted mean (Orwin): always as many as there are.
    pub orwin: f64,
    /// To make the fixed-effect mean insignificant at 0.05 two-sided (Rosenberg).
    pub rosenberg: f64,
    /// The two-sided p-value of that mean.
    pub rosenberg_p_value: f64,
}

/// Counts how many unseen effects of nothing would change the answer.
///
/// # Formula
/// ```text
/// Rosenthal   k (z̄ / z₀.₉₅)² − k        z̄ = Σ yᵢ/sᵢ / √k
/// Orwin       k (ȳ − ȳ/2) / (ȳ/2)
/// Rosenberg   k (z / z₀.₉₇₅)² − k        z of the fixed-effect mean
/// ```
/// each rounded up, at least 0.
///
/// # Errors
/// [`CombineError`] as for [`pool`](crate::pool).
///
/// # Use with care
/// Computed because people ask for it. It assumes that what is unseen has no effect on average, and no bound on it
/// means anything: do not show it as evidence.
///
/// # Examples
/// ```
/// let unseen = stats::fail_safe_n(&[0.3, 0.4, 0.5], &[0.01; 3])?;
/// assert_eq!((unseen.rosenthal, unseen.orwin), (51.0, 3.0));
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Rosenthal (1979), Psychological Bulletin 86, 638–641. Orwin (1983), Journal of Educational Statistics 8, 157–159.
/// Rosenberg (2005), Evolution 59, 464–468.
pub fn fail_safe_n(estimates: &[f64], variances: &[f64]) -> Result<FailSafe, CombineError> {
    let effects = Effects::of(estimates, variances)?;
    needs(effects.count(), 2)?;
    let count = effects.count() as f64;
    let scores: f64 = effects.pairs().map(|(estimate, variance)| estimate / variance.sqrt()).sum();
    let sum = (scores / count.sqrt()).abs();
    let mean = CommonMean::of(&effects).mean(0.0);
    let fixed = mean.estimate.abs() / mean.variance.sqrt();
    if !sum.is_finite() || !fixed.is_finite() {
        return Err(CombineError::OutOfRange);
    }
    let unseen = |score: f64, probability: f64| {
        let ratio = score / normal_quantile(probability)?;
        Ok::<f64, CombineError>((count * (ratio * ratio - 1.0)).ceil().max(0.0))
    };
    Ok(FailSafe {
        rosenthal: unseen(sum, 0.95)?,
        rosenthal_p_value: normal_upper_tail(sum)?,
        orwin: count,
        rosenberg: unseen(fixed, 0.975)?,
        rosenberg_p_value: 2.0 * normal_upper_tail(fixed)?,
    })
}

/// The interval of Henmi and Copas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HenmiCopas {
    /// The fixed-effect mean and its limits.
    pub interval: Interval,
    /// Its standard error with a variance between effects.
    pub standard_error: f64,
    /// That variance, by `DerSimonian` and Laird.
    pub tau2: f64,
}

/// Gives an interval about the fixed-effect mean that allows for a variance between effects.
///
/// # Model
/// That of [`pool`](crate::pool), normal.
///
/// # Formula
/// ```text
/// μ = Σ yᵢ/vᵢ / Σ 1/vᵢ      σ² = (1 + τ²W₂) / W₁      limits = μ ± u σ
/// W₁ = Σ 1/vᵢ, W₂ = Σ 1/vᵢ² / W₁      u = t √(1 + τ²W₂)
/// ∫ₜ^∞ P(Q ≤ f(r/t) | r) φ(r) dr = α/2      Q gamma with the first two moments that it has given r
/// ```
/// The integral is by Simpson's rule up to `r = 40`, `t` by halving. Large effects of small studies, the ones that
/// selection lets through, get less weight here than in a random-effects mean.
///
/// # Errors
/// [`CombineError`] as for [`pool`](crate::pool), when there are fewer than three effects, or `confidence` is not
/// strictly between 0 and 1.
///
/// # Examples
/// ```
/// let y = [0.10, 0.30, 0.35, 0.65, 0.45, 0.15];
/// let v = [0.03, 0.03, 0.05, 0.01, 0.05, 0.02];
/// let robust = stats::henmi_copas_interval(&y, &v, 0.95)?;
/// assert!(robust.interval.low < robust.interval.estimate && robust.interval.estimate < robust.interval.high);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Henmi & Copas (2010), Statistics in Medicine 29, 2969–2983.
pub fn henmi_copas_interval(estimates: &[f64], variances: &[f64], confidence: f64) -> Result<HenmiCopas, CombineError> {
    let tail = tail_probability(confidence)?;
    let effects = Effects::of(estimates, variances)?;
    needs(effects.count(), 3)?;
    let model = CommonMean::of(&effects);
    let tau2 = between_variance(&model, Tau2Method::DerSimonianLaird)?;
    let mean = model.mean(0.0);
    let moments = Moments::of(&effects, tau2);
    let standard_error = (moments.ratio * mean.variance).sqrt();
    let beyond = |t: f64| {
        // From t on, where r/t is 1, to where the normal density has vanished.
        let end = (t + 1.0).max(40.0);
        integral(t, end, |r| moments.probability(r, t) * density(r)) - tail
    };
    let t = bisected_root(0.0, 40.0, beyond);
    let half = t * moments.ratio.sqrt() * standard_error;
    if !half.is_finite() {
        return Err(CombineError::OutOfRange);
    }
    let interval =
        Interval { estimate: mean.estimate, low: mean.estimate - half, high: mean.estimate + half, confidence };
    Ok(HenmiCopas { interval, standard_error, tau2 })
}

fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) / std::f64::consts::TAU.sqrt()
}

/// What the distribution of Q given the mean is made of: `Wⱼ = Σ wʲ / Σ w`.
struct Moments {
    freedom: f64,
    tau2: f64,
    w1: f64,
    w2: f64,
    w3: f64,
    w4: f64,
    /// `1 + τ²W₂`.
    ratio: f64,
}

impl Moments {
    fn of(effects: &Effects, tau2: f64) -> Self {
        let power = |exponent: i32| -> f64 { effects.variances.iter().map(|variance| variance.powi(-exponent)).sum() };
        let w1 = power(1);
        let w2 = power(2) / w1;
        let freedom = (effects.count() - 1) as f64;
        Self { freedom, tau2, w1, w2, w3: power(3) / w1, w4: power(4) / w1, ratio: 1.0 + tau2 * w2 }
    }

    /// The probability that Q is small enough for `r/t` to be beyond the limit, given `r`.
    fn probability(&self, r: f64, t: f64) -> f64 {
        let &Self { freedom, tau2, w1, w2, w3, w4, ratio } = self;
        let square = r * r / ratio;
        let excess = w3 - w2 * w2;
        let mean = freedom + tau2 * (w1 - w2) + tau2 * tau2 * (square - 1.0 / ratio) * excess;
        let variance = 2.0 * freedom
            + 4.0 * tau2 * (w1 - w2)
            + 2.0 * tau2 * tau2 * (w1 * w2 - 2.0 * w3 + w2 * w2)
            + 4.0 * tau2 * tau2 * (square - 1.0 / ratio) * excess
            + 4.0 * tau2.powi(3) * (square - 1.0 / ratio) * (w4 - 2.0 * w2 * w3 + w2.powi(3))
            + 2.0 * tau2.powi(4) * (1.0 / ratio - 2.0 * square) / ratio * excess * excess;
        let bound = (w1 / w2 - 1.0) * ((r / t) * (r / t) - 1.0) + freedom;
        // Gamma with this mean and variance is a multiple of chi-squared. Far out in r the variance can be negative:
        // the density of r is 0 there to all digits.
        chi_squared_upper_tail(2.0 * bound * mean / variance, 2.0 * mean * mean / variance)
            .map_or(0.0, |upper| 1.0 - upper)
    }
}

fn enough(estimates: &[f64], variances: &[f64]) -> Result<Effects, CombineError> {
    let effects = Effects::of(estimates, variances)?;
    needs(effects.count(), FEWEST)?;
    Ok(effects)
}

pub(super) fn regression(
    effects: &Effects,
    imprecision: impl Fn(f64) -> f64,
    confidence: f64,
) -> Result<SmallStudyRegression, CombineError> {
    let rows = effects.count();
    let design =
        DMatrix::from_fn(rows, 2, |row, column| if column == 0 { 1.0 } else { imprecision(effects.variances[row]) });
    let weights = DVector::from_fn(rows, |row, _| 1.0 / effects.variances[row]);
    let fit = LeastSquares::fit(&design, &DVector::from_column_slice(&effects.estimates), Some(&weights))?;
    let freedom = (rows - 2) as f64;
    let dispersion = fit.residuals.component_mul(&fit.residuals).dot(&weights) / freedom;
    let error = |place: usize| (dispersion * fit.unscaled_covariance[(place, place)]).sqrt();
    let slope = test_of(fit.coefficients[1], error(1), Some(freedom))?;
    Ok(SmallStudyRegression {
        statistic: slope.statistic,
        degrees_of_freedom: Some(freedom),
        p_value: slope.p_value,
        limit: around(fit.coefficients[0], error(0), Some(freedom), confidence)?,
    })
}

pub(super) fn mixed(effects: &Effects, confidence: f64) -> Result<SmallStudyRegression, CombineError> {
    let errors: Vec<f64> = effects.variances.iter().map(|variance| variance.sqrt()).collect();
    let fit = meta_regression(
        &effects.estimates,
        &effects.variances,
        &[errors],
        Tau2Method::RestrictedLikelihood,
        PooledMethod::Wald,
    )?;
    let slope = fit.coefficients[1].test;
    let limit = fit.coefficients[0].interval(confidence)?;
    Ok(SmallStudyRegression { statistic: slope.statistic, degrees_of_freedom: None, p_value: slope.p_value, limit })
}

pub(super) fn ranks(effects: &Effects) -> Result<RankCorrelation, CombineError> {
    let mean = CommonMean::of(effects).mean(0.0);
    let pairs: Vec<(f64, f64)> = effects
        .pairs()
        .map(|(estimate, variance)| ((estimate - mean.estimate) / (variance - mean.variance).sqrt(), variance))
        .collect();
    let mut tally = Tally::default();
    for (place, one) in pairs.iter().enumerate() {
        for other in &pairs[..place] {
            tally.count(one.0.total_cmp(&other.0), one.1.total_cmp(&other.1));
        }
    }
    let count = pairs.len();
    let all = count as f64 * (count as f64 - 1.0) / 2.0;
    let (first, second) = (ties(pairs.iter().map(|pair| pair.0)), ties(pairs.iter().map(|pair| pair.1)));
    let score = tally.concordant as f64 - tally.discordant as f64;
    let scale = ((all - first.pairs) * (all - second.pairs)).sqrt();
    if scale <= 0.0 || !scale.is_finite() {
        return Err(CombineError::NoSpread);
    }
    let is_exact = first.pairs + second.pairs <= 0.0 && count < 50;
    let p_value = if is_exact {
        exact_kendall(count, tally.concordant.min(tally.discordant))
    } else {
        2.0 * normal_upper_tail(score.abs() / variance_of_score(count as f64, &first, &second).sqrt())?
    };
    Ok(RankCorrelation { tau: score / scale, p_value: p_value.min(1.0), is_exact })
}

#[derive(Default)]
struct Tally {
    concordant: u64,
    discordant: u64,
}

impl Tally {
    fn count(&mut self, one: std::cmp::Ordering, other: std::cmp::Ordering) {
        if one.is_eq() || other.is_eq() {
            return;
        }
        if one == other {
            self.concordant += 1;
        } else {
            self.discordant += 1;
        }
    }
}

/// Sums over groups of `t` equal values.
struct Ties {
    /// `Σ t(t − 1)/2`.
    pairs: f64,
    /// `Σ t(t − 1)(2t + 5)`.
    variance: f64,
    /// `Σ t(t − 1)(t − 2)`.
    triples: f64,
}

fn ties(values: impl Iterator<Item = f64>) -> Ties {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let mut ties = Ties { pairs: 0.0, variance: 0.0, triples: 0.0 };
    for group in values.chunk_by(|one, other| one.total_cmp(other).is_eq()) {
        let t = group.len() as f64;
        ties.pairs += t * (t - 1.0) / 2.0;
        ties.variance += t * (t - 1.0) * (2.0 * t + 5.0);
        ties.triples += t * (t - 1.0) * (t - 2.0);
    }
    ties
}

/// The variance of concordant less discordant pairs without association (Kendall 1970, Rank Correlation Methods, 4.2).
fn variance_of_score(n: f64, first: &Ties, second: &Ties) -> f64 {
    let all = n * (n - 1.0);
    (all * (2.0 * n + 5.0) - first.variance - second.variance) / 18.0
        + first.triples * second.triples / (9.0 * all * (n - 2.0))
        + 2.0 * first.pairs * second.pairs / all
}

/// The two-sided probability of at most so many pairs of the rarer kind: permutations counted by their inversions.
pub(super) fn exact_kendall(count: usize, rarer: u64) -> f64 {
    let mut shares = vec![1.0];
    for size in 2..=count {
        let mut next = vec![0.0; shares.len() + size - 1];
        for (inversions, share) in shares.iter().enumerate() {
            for added in 0..size {
                next[inversions + added] += share / size as f64;
            }
        }
        shares = next;
    }
    2.0 * shares.iter().zip(0..=rarer).map(|(share, _)| share).sum::<f64>()
}
