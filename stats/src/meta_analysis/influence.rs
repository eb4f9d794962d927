//! Which effects carry the pooled answer, and what each looks like beside the others.

use super::{CombineError, CommonMean, Effects, Model, Pooled, Tau2Method, around, between_variance, needs};
use crate::distributions::chi_squared_upper_tail;
use crate::interval::Interval;

/// What leaving out one effect does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Influence {
    /// The effect less the mean of the others, over the standard error of that difference.
    pub studentised_residual: f64,
    /// By how many standard errors its own fitted value moves (DFFITS).
    pub difference_in_fit: f64,
    /// By how many standard errors the mean moves, with `τ²` of the others (DFBETAS).
    pub difference_in_estimate: f64,
    /// The squared move of the mean over its variance (Cook's distance).
    pub cook_distance: f64,
    /// The variance of the mean without it over that with it.
    pub covariance_ratio: f64,
    /// Its share of all weights, which is also its leverage.
    pub weight: f64,
    /// `τ²` of the others.
    pub tau2_without: f64,
    /// Cochran's Q of the others.
    pub q_without: f64,
    /// Whether any of the usual bounds is passed: `|DFFITS| > 3 √(1 / (k − 1))`, Cook's distance above the median of
    /// chi-squared with one degree of freedom, a weight above `3 / k`, or `|DFBETAS| > 1`.
    pub is_influential: bool,
}

/// An effect drawn to the mean by as much as its variance says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShrunkenEffect {
    /// The estimate and its limits, by normal quantiles.
    pub interval: Interval,
    /// The standard error of prediction.
    pub standard_error: f64,
}

/// Pools with each effect left out in turn.
///
/// # Formula
/// Entry `i` is [`pool`](crate::pool) of all effects but the `i`-th. Cost: `k` fits, each linear in `k`.
///
/// # Errors
/// [`CombineError`] as for [`pool`](crate::pool), and when there are fewer than three effects.
///
/// # Examples
/// ```
/// let y = [0.1, 0.2, 0.3, 9.0];
/// let v = [0.01; 4];
/// let without = stats::leave_one_out(&y, &v, stats::Tau2Method::PauleMandel)?;
/// assert!((without[3].estimate - 0.2).abs() < 1e-12);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Viechtbauer & Cheung (2010), Research Synthesis Methods 1, 112–125.
pub fn leave_one_out(estimates: &[f64], variances: &[f64], method: Tau2Method) -> Result<Vec<Pooled>, CombineError> {
    let effects = Effects::of(estimates, variances)?;
    needs(effects.count(), 3)?;
    let pooled: Result<Vec<_>, _> = (0..effects.count()).map(|place| effects.without(place).pool(method)).collect();
    Ok(effects.in_given_order(pooled?))
}

/// Says what each effect does to the pooled answer.
///
/// # Formula
/// ```text
/// residual   (yᵢ − μ₍ᵢ₎) / √(vᵢ + τ²₍ᵢ₎ + σ²₍ᵢ₎)
/// DFFITS     (μ − μ₍ᵢ₎) / √(hᵢ (vᵢ + τ²₍ᵢ₎))      hᵢ = wᵢ / Σw
/// Cook       (μ − μ₍ᵢ₎)² / σ²
/// ratio      σ²₍ᵢ₎ / σ²
/// DFBETAS    (μ − μ₍ᵢ₎) √Σⱼ 1 / (vⱼ + τ²₍ᵢ₎)
/// ```
/// `(i)` marks figures without effect `i`, `σ²` the variance of the mean.
///
/// # Errors
/// As for [`leave_one_out`].
///
/// # Examples
/// ```
/// let influence = stats::influence(&[0.1, 0.2, 0.3, 9.0], &[0.01; 4], stats::Tau2Method::RestrictedLikelihood)?;
/// assert!(influence[3].is_influential && !influence[1].is_influential);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Viechtbauer & Cheung (2010), Research Synthesis Methods 1, 112–125.
pub fn influence(estimates: &[f64], variances: &[f64], method: Tau2Method) -> Result<Vec<Influence>, CombineError> {
    let effects = Effects::of(estimates, variances)?;
    needs(effects.count(), 3)?;
    let all = effects.pool(method)?;
    let model = CommonMean::of(&effects);
    let each = effects.pairs().enumerate().map(|(place, effect)| {
        let without = effects.without(place).pool(method)?;
        influence_of(effect, &all, &without, &model)
    });
    Ok(effects.in_given_order(each.collect::<Result<_, _>>()?))
}

fn influence_of(
    (estimate, variance): (f64, f64),
    all: &Pooled,
    without: &Pooled,
    model: &CommonMean,
) -> Result<Influence, CombineError> {
    let count = all.count as f64;
    let square = |error: f64| error * error;
    let weight = square(all.standard_error) / (variance + all.tau2);
    let moved = all.estimate - without.estimate;
    let own = variance + without.tau2;
    let cook_distance = square(moved / all.standard_error);
    let difference_in_fit = moved / (weight * own).sqrt();
    let difference_in_estimate = moved / model.mean(without.tau2).variance.sqrt();
    let is_far = chi_squared_upper_tail(cook_distance, 1.0)? < 0.5;
    Ok(Influence {
        studentised_residual: (estimate - without.estimate) / (own + square(without.standard_error)).sqrt(),
        difference_in_fit,
        difference_in_estimate,
        cook_distance,
        covariance_ratio: square(without.standard_error / all.standard_error),
        weight,
        tau2_without: without.tau2,
        q_without: without.heterogeneity.statistic,
        is_influential: difference_in_fit.abs() > 3.0 / model.freedom().sqrt()
            || is_far
            || weight > 3.0 / count
            || difference_in_estimate.abs() > 1.0,
    })
}

/// Pools the first two effects, then the first three, and so on.
///
/// # Formula
/// Entry `j` is [`pool`](crate::pool) of the first `j + 2` effects that `order` names.
///
/// `order` is `[k]` and names each effect once, by its place from 0.
///
/// # Errors
/// [`CombineError`] as for [`pool`](crate::pool), and when `order` leaves out an effect.
///
/// # Use with care
/// A picture of how the answer came about, not a test at each step: the level is right for one look only. See
/// [`Looks`](crate::Looks) and [`confidence_sequence`](crate::confidence_sequence).
///
/// # Examples
/// ```
/// let pooled = stats::cumulative_pool(&[0.1, 0.2, 0.3], &[0.1; 3], &[2, 1, 0], stats::Tau2Method::PauleMandel)?;
/// assert!((pooled[0].estimate - 0.25).abs() < 1e-12 && (pooled[1].estimate - 0.2).abs() < 1e-12);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Lau et al. (1992), New England Journal of Medicine 327, 248–254.
pub fn cumulative_pool(
    estimates: &[f64],
    variances: &[f64],
    order: &[usize],
    method: Tau2Method,
) -> Result<Vec<Pooled>, CombineError> {
    needs(Effects::of(estimates, variances)?.count(), 2)?;
    let mut named = order.to_vec();
    named.sort_unstable();
    if !named.iter().copied().eq(0..estimates.len()) {
        return Err(CombineError::Order { effects: estimates.len() });
    }
    let first = |values: &[f64], count: usize| order[..count].iter().map(|&place| values[place]).collect::<Vec<_>>();
    (2..=order.len())
        .map(|count| Effects::of(&first(estimates, count), &first(variances, count))?.pool(method))
        .collect()
}

/// Gives each effect as it looks once the others are taken into account: what a table of places should show.
///
/// # Model
/// That of [`pool`](crate::pool), with normal `u` and `e`.
///
/// # Formula
/// ```text
/// λᵢ = τ² / (τ² + vᵢ)      estimate = λᵢyᵢ + (1 − λᵢ)μ      variance = λᵢvᵢ + (1 − λᵢ)²σ²
/// ```
///
/// # Errors
/// [`CombineError`] as for [`pool`](crate::pool), when there are fewer than three effects, or `confidence` is not
/// strictly between 0 and 1.
///
/// # Examples
/// ```
/// let y = [-1.0, 0.0, 1.0];
/// let shrunken = stats::shrunken_effects(&y, &[0.5; 3], stats::Tau2Method::RestrictedLikelihood, 0.95)?;
/// assert!(shrunken[2].interval.estimate > 0.0 && shrunken[2].interval.estimate < 1.0);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Raudenbush & Bryk (1985), Journal of Educational Statistics 10, 75–98.
pub fn shrunken_effects(
    estimates: &[f64],
    variances: &[f64],
    method: Tau2Method,
    confidence: f64,
) -> Result<Vec<ShrunkenEffect>, CombineError> {
    let effects = Effects::of(estimates, variances)?;
    needs(effects.count(), 3)?;
    let tau2 = between_variance(&CommonMean::of(&effects), method)?;
    let mean = CommonMean::of(&effects).mean(tau2);
    estimates
        .iter()
        .zip(variances)
        .map(|(estimate, variance)| {
            let kept = tau2 / (tau2 + variance);
            let drawn = 1.0 - kept;
            let standard_error = (kept * variance + drawn * drawn * mean.variance).sqrt();
            let interval = around(kept * estimate + drawn * mean.estimate, standard_error, None, confidence)?;
            Ok(ShrunkenEffect { interval, standard_error })
        })
        .collect()
}
