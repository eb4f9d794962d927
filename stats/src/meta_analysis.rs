//! Combining effects that others estimated: one mean, how much they differ, and who decides the answer.
//!
//! Every fit costs one pass over the effects for each step of an iteration. Effects are sorted before they are summed,
//! so their order never matters, and sums are taken about the most precise effect, so that neither a large common value
//! nor an absurd precision costs digits.

use crate::distributions::{DistributionError, chi_squared_upper_tail};
use crate::interval::{ConfidenceError, Interval, tail_probability};
use crate::linear::LinearError;
use crate::wald::{Wald, WaldError};

mod collapse;
mod common_mean;
mod influence;
mod permutation;
mod prediction;
mod regression;
mod selection;
mod small_study;
mod tau2;
#[cfg(test)]
mod tests;
mod three_level;
mod trim_and_fill;

pub use collapse::{CollapseWeights, Collapsed, collapse};
pub use influence::{Influence, ShrunkenEffect, cumulative_pool, influence, leave_one_out, shrunken_effects};
pub use permutation::sign_flip_test;
pub use prediction::pivotal_prediction_interval;
pub(crate) use regression::residual_tau2;
pub use regression::{MetaRegression, RegressionCoefficient, meta_regression};
pub use selection::{ReportedSide, SelectionModel, selection_model};
pub use small_study::{
    FailSafe, HenmiCopas, RankCorrelation, SmallStudyRegression, begg_rank_test, egger_mixed_test, egger_test,
    fail_safe_n, henmi_copas_interval, peese_test,
};
pub use three_level::{ClusterRobust, ThreeLevel, three_level};
pub use trim_and_fill::{MissingSide, TrimAndFill, TrimEstimator, trim_and_fill};

use common_mean::CommonMean;
use tau2::{Model, between_variance};

/// Why effects cannot be combined.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CombineError {
    /// What stands beside the estimates is not of their length.
    #[error("there are `{estimates}` estimates and `{others}` values stand beside them")]
    LengthMismatch {
        /// How many estimates were given.
        estimates: usize,
        /// How many values stand beside them.
        others: usize,
    },
    /// There are too few effects for this question.
    #[error("this needs at least `{needed}` effects, got `{effects}`")]
    TooFew {
        /// How many there are.
        effects: usize,
        /// How many are needed.
        needed: usize,
    },
    /// There are too many effects for a question that is answered by enumeration.
    #[error("this is answered for at most `{most}` effects, got `{effects}`")]
    TooMany {
        /// How many there are.
        effects: usize,
        /// How many there may be.
        most: usize,
    },
    /// An estimate is not finite.
    #[error("an estimate must be finite, got `{estimate}`")]
    Estimate {
        /// The estimate.
        estimate: f64,
    },
    /// A variance is not positive and finite, or so small that its inverse is not finite.
    #[error("a variance must be positive, finite and not too small to divide by, got `{variance}`")]
    Variance {
        /// The variance.
        variance: f64,
    },
    /// A correlation is not between its bounds.
    #[error("the correlation must lie between 0 and 1 (below 1 with weights by precision), got `{correlation}`")]
    Correlation {
        /// The correlation.
        correlation: f64,
    },
    /// An order does not name every effect once.
    #[error("the order must name each of the `{effects}` effects once")]
    Order {
        /// How many effects there are.
        effects: usize,
    },
    /// The numbers are so large that a sum or a square is not finite.
    #[error("the effects are too large for floating-point numbers")]
    OutOfRange,
    /// The effects say nothing about a quantity: all are equal where their spread is asked for.
    #[error("the effects do not vary in what is asked for")]
    NoSpread,
    /// All effects lie on one side of the threshold of a selection model.
    #[error("all effects lie on one side of the threshold, so the selection is not determined")]
    OneSided,
    /// An iteration did not settle.
    #[error("the iteration did not settle")]
    NotConverged,
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile or tail that the answer needs could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    /// The moderators do not determine a regression.
    #[error(transparent)]
    Linear(#[from] LinearError),
}

impl From<WaldError> for CombineError {
    fn from(error: WaldError) -> Self {
        match error {
            WaldError::Confidence(error) => error.into(),
            WaldError::Distribution(error) => error.into(),
        }
    }
}

/// How the variance between effects is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tau2Method {
    /// It is taken to be 0: all effects estimate one number.
    EqualEffects,
    /// Moments of the fixed-effect statistic, see [`tau2_dersimonian_laird`].
    DerSimonianLaird,
    /// Moments of the unweighted variance (Hedges).
    Hedges,
    /// `(Q − k) / Σw` (Hunter and Schmidt).
    HunterSchmidt,
    /// Two-step estimate that is never 0 (Sidik and Jonkman).
    SidikJonkman,
    /// Maximum likelihood.
    MaximumLikelihood,
    /// Restricted maximum likelihood, the default, see [`tau2_restricted_likelihood`].
    RestrictedLikelihood,
    /// Paule and Mandel, which is also the empirical Bayes estimate, see [`tau2_paule_mandel`].
    PauleMandel,
}

/// How a pooled estimate gets its interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PooledMethod {
    /// Normal quantiles and the variances as given; too narrow for few effects.
    Wald,
    /// Hartung-Knapp as published. Can be narrower than the fixed effect; only for contrast.
    HartungKnapp,
    /// Hartung-Knapp whose standard error is never below that of Wald. The default.
    HartungKnappAdHoc,
}

/// The degrees of freedom of a prediction interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PredictionFreedom {
    /// Those of the pooled interval: `k − 1` with Hartung-Knapp, normal quantiles with Wald.
    AsPooled,
    /// `k − 2`, wider for few effects.
    TwoLess,
}

/// A test of one number against 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PooledTest {
    /// Estimate over standard error.
    pub statistic: f64,
    /// The standard error that the method gives.
    pub standard_error: f64,
    /// Degrees of freedom of the t distribution; `None` where it is the normal.
    pub degrees_of_freedom: Option<f64>,
    /// The two-sided p-value.
    pub p_value: f64,
}

/// A test for differences between effects beyond what their variances explain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeterogeneityTest {
    /// Cochran's Q.
    pub statistic: f64,
    /// Its degrees of freedom.
    pub degrees_of_freedom: f64,
    /// Its p-value from the chi-squared distribution.
    pub p_value: f64,
}

/// Effects combined to one mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pooled {
    /// How many effects there are.
    pub count: usize,
    /// How `tau2` was estimated.
    pub tau2_method: Tau2Method,
    /// The mean of the effects.
    pub estimate: f64,
    /// Its standard error if the variances and `tau2` were known.
    pub standard_error: f64,
    /// The variance between effects.
    pub tau2: f64,
    /// The large-sample standard error of `tau2`; `None` where `tau2` is 0 by assumption.
    pub tau2_standard_error: Option<f64>,
    /// The share of the total variance that is between effects, from `tau2`; from Q with equal effects.
    pub i_squared: f64,
    /// The same from Q: `max(0, (Q − (k − 1)) / Q)`. Equal to `i_squared` only for DerSimonian-Laird and equal effects.
    pub i_squared_of_q: f64,
    /// Total over within variance.
    pub h_squared: f64,
    /// Cochran's test.
    pub heterogeneity: HeterogeneityTest,
    /// The (restricted) log likelihood; `None` where the method has none.
    pub log_likelihood: Option<f64>,
    /// `Σw(y − μ)² / (k − 1)`: the square of what Hartung and Knapp multiply the standard error by.
    pub hartung_knapp_scale: f64,
}

impl Pooled {
    /// Gives the test of the mean against 0.
    ///
    /// # Formula
    /// ```text
    /// Wald:            μ / σ                        normal
    /// Hartung-Knapp:   μ / (σ √s)                   t, k − 1 degrees of freedom
    /// ad hoc:          μ / (σ √max(1, s))           t, k − 1 degrees of freedom
    /// ```
    /// `σ` is `standard_error`, `s` is `hartung_knapp_scale`.
    ///
    /// # Errors
    /// [`CombineError`] when there are fewer than three effects, or all are equal and nothing is left to divide by.
    pub fn test(&self, method: PooledMethod) -> Result<PooledTest, CombineError> {
        let standard_error = self.standard_error_by(method)?;
        let degrees_of_freedom = self.freedom(method);
        test_of(self.estimate, standard_error, degrees_of_freedom)
    }

    /// Gives the interval of the mean.
    ///
    /// # Formula
    /// ```text
    /// μ ± q · standard error of the method      q its normal or t quantile, see `Pooled::test`
    /// ```
    ///
    /// # Errors
    /// [`CombineError`] when there are fewer than three effects (two give no usable interval, whatever the method) or
    /// `confidence` is not strictly between 0 and 1.
    ///
    /// # Use with care
    /// Whoever claims the smallest variance has the largest weight: where an effect may be a lie, read
    /// [`leave_out_hull`](crate::leave_out_hull) instead.
    ///
    /// # References
    /// Hartung & Knapp (2001), Statistics in Medicine 20, 3875–3889. Röver, Knapp & Friede (2015), BMC Medical Research
    /// Methodology 15, 99 (the ad hoc form).
    pub fn interval(&self, method: PooledMethod, confidence: f64) -> Result<Interval, CombineError> {
        let standard_error = self.standard_error_by(method)?;
        around(self.estimate, standard_error, self.freedom(method), confidence)
    }

    /// Gives the interval in which the true effect of one more such place lies.
    ///
    /// # Formula
    /// ```text
    /// μ ± q √(σ² + τ²)      σ the standard error of the method
    /// ```
    ///
    /// # Errors
    /// [`CombineError`] when there are fewer than three effects, effects are taken to be equal (there is then nothing
    /// to predict), or `confidence` is not strictly between 0 and 1.
    ///
    /// # Use with care
    /// It takes `τ²` as known: with less than some fifty effects, or a `τ²` below the typical variance, it covers less
    /// often than it says. [`pivotal_prediction_interval`] does not.
    ///
    /// # References
    /// Higgins, Thompson & Spiegelhalter (2009), Journal of the Royal Statistical Society A 172, 137–159.
    pub fn prediction_interval(
        &self,
        method: PooledMethod,
        freedom: PredictionFreedom,
        confidence: f64,
    ) -> Result<Interval, CombineError> {
        if self.tau2_method == Tau2Method::EqualEffects {
            return Err(CombineError::NoSpread);
        }
        let standard_error = self.standard_error_by(method)?;
        let spread = (standard_error * standard_error + self.tau2).sqrt();
        let degrees_of_freedom = match freedom {
            PredictionFreedom::AsPooled => self.freedom(method),
            PredictionFreedom::TwoLess => Some((self.count - 2) as f64),
        };
        around(self.estimate, spread, degrees_of_freedom, confidence)
    }

    fn standard_error_by(&self, method: PooledMethod) -> Result<f64, CombineError> {
        needs(self.count, 3)?;
        Ok(scaled_error(self.standard_error, self.hartung_knapp_scale, method))
    }

    fn freedom(&self, method: PooledMethod) -> Option<f64> {
        (method != PooledMethod::Wald).then(|| (self.count - 1) as f64)
    }
}

/// Combines effects to one mean.
///
/// # Model
/// Effect `i` of `k` is `yᵢ = μ + uᵢ + eᵢ` with `Var(eᵢ) = vᵢ` known and `Var(uᵢ) = τ²`, all independent.
///
/// # Formula
/// ```text
/// wᵢ = 1 / (vᵢ + τ²)      μ = Σ wᵢyᵢ / Σ wᵢ      standard error = 1 / √Σ wᵢ
/// I² = τ² / (τ² + s²)     s² = (k − 1) / (Σ 1/vᵢ − Σ 1/vᵢ² / Σ 1/vᵢ)
/// ```
/// `estimates` and `variances` are `[k]`; the unit of `μ` is that of `y`.
///
/// # Errors
/// [`CombineError`] when there are fewer than two effects, lengths differ, an estimate is not finite, or a variance is
/// not positive and finite.
///
/// # Use with care
/// One effect per independent unit: collapse several of one organisation with [`collapse`] first.
///
/// # Examples
/// ```
/// use stats::{PooledMethod, Tau2Method};
/// let y = [0.10, 0.30, 0.35, 0.65, 0.45, 0.15];
/// let v = [0.03, 0.03, 0.05, 0.01, 0.05, 0.02];
/// let pooled = stats::pool(&y, &v, Tau2Method::RestrictedLikelihood)?;
/// let interval = pooled.interval(PooledMethod::HartungKnappAdHoc, 0.95)?;
/// assert!(interval.low < pooled.estimate && pooled.estimate < interval.high);
/// assert!(stats::pool(&y[..2], &v[..2], Tau2Method::RestrictedLikelihood)?
///     .interval(PooledMethod::HartungKnappAdHoc, 0.95)
///     .is_err());
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Viechtbauer (2010), Journal of Statistical Software 36 (3). Higgins & Thompson (2002), Statistics in Medicine 21,
/// 1539–1558.
pub fn pool(estimates: &[f64], variances: &[f64], method: Tau2Method) -> Result<Pooled, CombineError> {
    let effects = Effects::of(estimates, variances)?;
    needs(effects.count(), 2)?;
    effects.pool(method)
}

/// Estimates the between-effect variance by the DerSimonian–Laird moment method.
///
/// # Model
/// That of [`pool`].
///
/// # Formula
/// ```text
/// wᵢ = 1 / vᵢ      ȳ = Σ wᵢyᵢ / Σ wᵢ      Q = Σ wᵢ (yᵢ − ȳ)²
/// τ² = max(0, (Q − (k − 1)) / (Σ wᵢ − Σ wᵢ² / Σ wᵢ))
/// ```
/// `estimates` and `variances` are `[k]`; the unit is that of `y`, squared.
///
/// # Errors
/// As for [`pool`].
///
/// # Use with care
/// Biased low when `k` is small or `v` comes from few events; prefer [`tau2_restricted_likelihood`] there.
///
/// # Examples
/// ```
/// let y = [0.10, 0.30, 0.35, 0.65, 0.45, 0.15];
/// let v = [0.03, 0.03, 0.05, 0.01, 0.05, 0.02];
/// let tau2 = stats::tau2_dersimonian_laird(&y, &v)?;
/// assert!((tau2 - 0.039_786).abs() < 1e-6);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// `DerSimonian` & Laird (1986), Controlled Clinical Trials 7, 177–188.
pub fn tau2_dersimonian_laird(estimates: &[f64], variances: &[f64]) -> Result<f64, CombineError> {
    tau2_by(estimates, variances, Tau2Method::DerSimonianLaird)
}

/// Estimates the between-effect variance by restricted maximum likelihood.
///
/// # Model
/// That of [`pool`], with normal `u` and `e`.
///
/// # Formula
/// ```text
/// maximise  −½ Σ ln(vᵢ + τ²) − ½ ln Σ wᵢ − ½ Σ wᵢ (yᵢ − μ)²      over τ² ≥ 0,   wᵢ = 1 / (vᵢ + τ²)
/// ```
/// Newton steps on the score inside a bracket, to four units in the last place. The likelihood can have several maxima:
/// a grid of quarters between the smallest variance and a bound above which the score is negative finds them, and the
/// highest is taken, the smallest `τ²` first.
///
/// # Errors
/// As for [`pool`].
///
/// # Examples
/// ```
/// let y = [0.10, 0.30, 0.35, 0.65, 0.45, 0.15];
/// let v = [0.03, 0.03, 0.05, 0.01, 0.05, 0.02];
/// assert!(stats::tau2_restricted_likelihood(&y, &v)? > 0.0);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Viechtbauer (2005), Journal of Educational and Behavioral Statistics 30, 261–293.
pub fn tau2_restricted_likelihood(estimates: &[f64], variances: &[f64]) -> Result<f64, CombineError> {
    tau2_by(estimates, variances, Tau2Method::RestrictedLikelihood)
}

/// Estimates the between-effect variance by the method of Paule and Mandel.
///
/// # Model
/// That of [`pool`].
///
/// # Formula
/// ```text
/// Σ (yᵢ − μ)² / (vᵢ + τ²) = k − 1,   or 0 where the left side is below k − 1 at τ² = 0
/// ```
/// The left side falls in `τ²`, so there is one solution; Newton inside a bracket, to four units in the last place.
///
/// # Errors
/// As for [`pool`].
///
/// # Examples
/// ```
/// assert_eq!(stats::tau2_paule_mandel(&[0.1, 0.1, 0.2], &[0.1, 0.1, 0.1])?, 0.0);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Paule & Mandel (1982), Journal of Research of the National Bureau of Standards 87, 377–385. Morris (1983), Journal
/// of the American Statistical Association 78, 47–55 (empirical Bayes, the same number).
pub fn tau2_paule_mandel(estimates: &[f64], variances: &[f64]) -> Result<f64, CombineError> {
    tau2_by(estimates, variances, Tau2Method::PauleMandel)
}

/// The between-effect variance and the share it makes up, each with its limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeterogeneityInterval {
    /// `τ²`; the estimate is that of the method asked for.
    pub tau2: Interval,
    /// `I² = τ² / (τ² + s²)` at the same points.
    pub i_squared: Interval,
}

/// Gives the Q-profile interval of the between-effect variance.
///
/// # Formula
/// ```text
/// { τ² ≥ 0 : χ²(α/2) ≤ Σ (yᵢ − μ)² / (vᵢ + τ²) ≤ χ²(1 − α/2) },   k − 1 degrees of freedom
/// ```
/// The sum falls in `τ²`; where it is below a quantile already at 0, that limit is 0.
///
/// # Errors
/// [`CombineError`] as for [`pool`], and when `confidence` is not strictly between 0 and 1.
///
/// # Use with care
/// Exact for normal effects with known variances. Both limits are 0 where the effects agree better than chance allows.
///
/// # Examples
/// ```
/// let y = [0.10, 0.30, 0.35, 0.65, 0.45, 0.15];
/// let v = [0.03, 0.03, 0.05, 0.01, 0.05, 0.02];
/// let interval = stats::tau2_interval(&y, &v, stats::Tau2Method::RestrictedLikelihood, 0.95)?;
/// assert!(interval.tau2.low <= interval.tau2.estimate && interval.tau2.estimate <= interval.tau2.high);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Viechtbauer (2007), Statistics in Medicine 26, 37–52.
pub fn tau2_interval(
    estimates: &[f64],
    variances: &[f64],
    method: Tau2Method,
    confidence: f64,
) -> Result<HeterogeneityInterval, CombineError> {
    let tail = tail_probability(confidence)?;
    let effects = Effects::of(estimates, variances)?;
    needs(effects.count(), 2)?;
    let model = CommonMean::of(&effects);
    let (low, high) = tau2::q_profile(&model, tail)?;
    let estimate = between_variance(&model, method)?;
    let within = model.typical_variance();
    let share = |tau2: f64| tau2 / (tau2 + within);
    Ok(HeterogeneityInterval {
        tau2: Interval { estimate, low, high, confidence },
        i_squared: Interval { estimate: share(estimate), low: share(low), high: share(high), confidence },
    })
}

fn tau2_by(estimates: &[f64], variances: &[f64], method: Tau2Method) -> Result<f64, CombineError> {
    let effects = Effects::of(estimates, variances)?;
    needs(effects.count(), 2)?;
    between_variance(&CommonMean::of(&effects), method)
}

/// Effects that can be combined, sorted by estimate and then by variance.
#[derive(Debug, Clone)]
struct Effects {
    estimates: Vec<f64>,
    variances: Vec<f64>,
    /// Where in the caller's order each of them stood.
    places: Vec<usize>,
}

impl Effects {
    fn of(estimates: &[f64], variances: &[f64]) -> Result<Self, CombineError> {
        check(estimates, variances)?;
        let mut places: Vec<usize> = (0..estimates.len()).collect();
        places.sort_by(|&one, &other| {
            let by_estimate = estimates[one].total_cmp(&estimates[other]);
            by_estimate.then(variances[one].total_cmp(&variances[other]))
        });
        let picked = |values: &[f64]| places.iter().map(|&place| values[place]).collect();
        Ok(Self { estimates: picked(estimates), variances: picked(variances), places })
    }

    fn count(&self) -> usize {
        self.estimates.len()
    }

    fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        self.estimates.iter().copied().zip(self.variances.iter().copied())
    }

    /// All but the one at a place of the sorted order.
    fn without(&self, left_out: usize) -> Self {
        let kept = |values: &[f64]| [&values[..left_out], &values[left_out + 1..]].concat();
        let places = [&self.places[..left_out], &self.places[left_out + 1..]].concat();
        Self { estimates: kept(&self.estimates), variances: kept(&self.variances), places }
    }

    /// Results of the sorted order in the caller's.
    fn in_given_order<T>(&self, results: Vec<T>) -> Vec<T> {
        let mut placed: Vec<(usize, T)> = self.places.iter().copied().zip(results).collect();
        placed.sort_by_key(|(place, _)| *place);
        placed.into_iter().map(|(_, result)| result).collect()
    }

    fn pool(&self, method: Tau2Method) -> Result<Pooled, CombineError> {
        let model = CommonMean::of(self);
        let tau2 = between_variance(&model, method)?;
        let (fixed, fit) = (model.mean(0.0), model.mean(tau2));
        let freedom = model.freedom();
        let q = model.spread(&|variance| 1.0 / variance).residual;
        let residual = model.spread(&|variance| 1.0 / (variance + tau2)).residual;
        let of_q = if q > 0.0 { ((q - freedom) / q).max(0.0) } else { 0.0 };
        let within = model.typical_variance();
        let (i_squared, h_squared) = match method {
            Tau2Method::EqualEffects => (of_q, q / freedom),
            _ => (tau2 / (tau2 + within), tau2 / within + 1.0),
        };
        let all = [fixed.estimate, fit.estimate, fit.variance, q, residual];
        if !all.iter().all(|value| value.is_finite()) {
            return Err(CombineError::OutOfRange);
        }
        Ok(Pooled {
            count: self.count(),
            tau2_method: method,
            estimate: fit.estimate,
            standard_error: fit.variance.sqrt(),
            tau2,
            tau2_standard_error: tau2::standard_error(&model, method, tau2),
            i_squared,
            i_squared_of_q: of_q,
            h_squared,
            heterogeneity: heterogeneity(q, freedom)?,
            log_likelihood: tau2::log_likelihood(&model, method, tau2),
            hartung_knapp_scale: residual / freedom,
        })
    }
}

fn heterogeneity(statistic: f64, degrees_of_freedom: f64) -> Result<HeterogeneityTest, CombineError> {
    let p_value = chi_squared_upper_tail(statistic, degrees_of_freedom)?;
    Ok(HeterogeneityTest { statistic, degrees_of_freedom, p_value })
}

fn check(estimates: &[f64], variances: &[f64]) -> Result<(), CombineError> {
    same_length(estimates.len(), variances.len())?;
    if let Some(&estimate) = estimates.iter().find(|estimate| !estimate.is_finite()) {
        return Err(CombineError::Estimate { estimate });
    }
    let is_usable = |variance: &f64| *variance > 0.0 && variance.is_finite() && (1.0 / variance).is_finite();
    match variances.iter().find(|variance| !is_usable(variance)) {
        Some(&variance) => Err(CombineError::Variance { variance }),
        None => Ok(()),
    }
}

fn same_length(estimates: usize, others: usize) -> Result<(), CombineError> {
    if estimates == others { Ok(()) } else { Err(CombineError::LengthMismatch { estimates, others }) }
}

fn needs(effects: usize, needed: usize) -> Result<(), CombineError> {
    if effects < needed { Err(CombineError::TooFew { effects, needed }) } else { Ok(()) }
}

/// The standard error that a method makes of that of Wald and of the scale of Hartung and Knapp.
fn scaled_error(standard_error: f64, scale: f64, method: PooledMethod) -> f64 {
    match method {
        PooledMethod::Wald => standard_error,
        PooledMethod::HartungKnapp => standard_error * scale.sqrt(),
        PooledMethod::HartungKnappAdHoc => standard_error * scale.max(1.0).sqrt(),
    }
}

/// A test of an estimate against 0, from the t distribution or, without degrees of freedom, the normal.
fn test_of(estimate: f64, standard_error: f64, degrees_of_freedom: Option<f64>) -> Result<PooledTest, CombineError> {
    let statistic = estimate / standard_error;
    if standard_error <= 0.0 || !statistic.is_finite() {
        return Err(CombineError::NoSpread);
    }
    let p_value = Wald { estimate, standard_error, degrees_of_freedom }.p_two_sided()?;
    Ok(PooledTest { statistic, standard_error, degrees_of_freedom, p_value })
}

/// An interval about an estimate, from the t distribution or, without degrees of freedom, the normal.
fn around(
    estimate: f64,
    standard_error: f64,
    degrees_of_freedom: Option<f64>,
    confidence: f64,
) -> Result<Interval, CombineError> {
    let interval = Wald { estimate, standard_error, degrees_of_freedom }.interval(confidence)?;
    if (interval.high - interval.low).is_finite() { Ok(interval) } else { Err(CombineError::OutOfRange) }
}
