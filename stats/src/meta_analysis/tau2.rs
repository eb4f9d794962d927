//! The variance between effects, by each method, for any linear model of their mean.

use super::{CombineError, Tau2Method};
use crate::distributions::chi_squared_quantile;
use crate::numeric::falling_root;

/// What the estimators need to know of a weighted fit. With `P = W − WX(XᵀWX)⁻¹XᵀW`:
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spread {
    /// `yᵀPy`, the weighted sum of squared residuals.
    pub(super) residual: f64,
    /// `yᵀPPy`.
    pub(super) square: f64,
    /// `yᵀPPPy`.
    pub(super) curvature: f64,
    /// `tr P`.
    pub(super) trace: f64,
    /// `tr W`.
    pub(super) weight_sum: f64,
    /// `tr WW`.
    pub(super) weight_square_sum: f64,
}

/// A linear model of the mean of effects; weights are functions of an effect's own variance.
pub(super) trait Model {
    /// How many effects there are.
    fn count(&self) -> usize;
    /// Effects less coefficients.
    fn freedom(&self) -> f64;
    /// The variances of the effects.
    fn variances(&self) -> &[f64];
    /// The sums of a weighted fit.
    fn spread(&self, weight: &impl Fn(f64) -> f64) -> Spread;
    /// `tr PF` with `F` diagonal.
    fn trace_of(&self, weight: &impl Fn(f64) -> f64, factor: &impl Fn(f64) -> f64) -> f64;
    /// `tr PFPG` with `F` and `G` diagonal.
    fn paired_trace(
        &self,
        weight: &impl Fn(f64) -> f64,
        left: &impl Fn(f64) -> f64,
        right: &impl Fn(f64) -> f64,
    ) -> f64;
    /// `ln det XᵀWX`.
    fn log_information(&self, weight: &impl Fn(f64) -> f64) -> f64;
    /// `ln det XᵀX`.
    fn log_design(&self) -> f64;
}

fn inverse(tau2: f64) -> impl Fn(f64) -> f64 {
    move |variance| 1.0 / (variance + tau2)
}

fn one(_: f64) -> f64 {
    1.0
}

fn itself(variance: f64) -> f64 {
    variance
}

/// Estimates the variance between effects.
pub(super) fn between_variance(model: &impl Model, method: Tau2Method) -> Result<f64, CombineError> {
    let (count, freedom) = (model.count() as f64, model.freedom());
    let tau2 = match method {
        Tau2Method::EqualEffects => 0.0,
        Tau2Method::DerSimonianLaird => {
            let fixed = model.spread(&inverse(0.0));
            (fixed.residual - freedom) / fixed.trace
        }
        Tau2Method::Hedges => {
            let squares = model.spread(&one).residual;
            (squares - model.trace_of(&one, &itself)) / freedom
        }
        Tau2Method::HunterSchmidt => {
            let fixed = model.spread(&inverse(0.0));
            (fixed.residual - count) / fixed.weight_sum
        }
        Tau2Method::SidikJonkman => match rough(model) {
            rough if rough > 0.0 => rough * model.spread(&inverse(rough)).residual / freedom,
            _ => 0.0,
        },
        Tau2Method::MaximumLikelihood => most_likely(model, false),
        Tau2Method::RestrictedLikelihood => most_likely(model, true),
        Tau2Method::PauleMandel => at_residual(model, freedom),
    };
    if tau2.is_finite() { Ok(tau2.max(0.0)) } else { Err(CombineError::OutOfRange) }
}

/// The first step of Sidik and Jonkman: the variance of the effects, with divisor `k`.
fn rough(model: &impl Model) -> f64 {
    model.spread(&one).residual / model.count() as f64
}

/// The `τ²` at which the weighted sum of squared residuals is `target`; 0 where it is below already there.
pub(super) fn at_residual(model: &impl Model, target: f64) -> f64 {
    if model.spread(&inverse(0.0)).residual <= target {
        return 0.0;
    }
    // The sum is at most that of squares over τ².
    let high = model.spread(&one).residual / target;
    falling_root(0.0, high, |tau2| {
        let spread = model.spread(&inverse(tau2));
        (spread.residual - target, -spread.square)
    })
}

/// The limits of the Q-profile interval.
pub(super) fn q_profile(model: &impl Model, tail: f64) -> Result<(f64, f64), CombineError> {
    let limit = |probability: f64| {
        let tau2 = at_residual(model, chi_squared_quantile(probability, model.freedom())?);
        if tau2.is_finite() { Ok(tau2) } else { Err(CombineError::OutOfRange) }
    };
    Ok((limit(1.0 - tail)?, limit(tail)?))
}

/// The `τ²` with the highest (restricted) likelihood.
fn most_likely(model: &impl Model, restricted: bool) -> f64 {
    let score = |tau2: f64| {
        let weight = inverse(tau2);
        let spread = model.spread(&weight);
        let (trace, squares) = if restricted {
            (spread.trace, model.paired_trace(&weight, &one, &one))
        } else {
            (spread.weight_sum, spread.weight_square_sum)
        };
        (0.5 * (spread.square - trace), 0.5 * squares - spread.curvature)
    };
    let rises_at = |tau2: f64| {
        let spread = model.spread(&inverse(tau2));
        spread.square > if restricted { spread.trace } else { spread.weight_sum }
    };
    let mut best = (0.0, f64::NEG_INFINITY);
    let mut consider = |tau2: f64| {
        let likelihood = likelihood_at(model, restricted, tau2);
        if likelihood > best.1 {
            best = (tau2, likelihood);
        }
    };
    let mut low = 0.0;
    let mut rises = rises_at(low);
    if !rises {
        consider(low);
    }
    for high in grid(model, restricted) {
        let rises_on = rises_at(high);
        if rises && !rises_on {
            consider(falling_root(low, high, score));
        }
        (low, rises) = (high, rises_on);
    }
    if rises {
        // Only rounding can leave the score above 0 at the bound.
        consider(low);
    }
    best.0
}

/// Points from the size of the smallest variance, by factors of 4, to where the score is negative.
///
/// `yᵀPPy ≤ S/τ⁴` with `S` the sum of squared residuals, and the trace is at least `f / (τ² + largest v)` with `f` the
/// degrees of freedom (`k` without restriction): the score is negative once `τ⁴ > (S/f)(τ² + largest v)`.
fn grid(model: &impl Model, restricted: bool) -> Vec<f64> {
    let freedom = if restricted { model.freedom() } else { model.count() as f64 };
    let scale = model.spread(&one).residual / freedom;
    if scale <= 0.0 || !scale.is_finite() {
        return Vec::new();
    }
    let (smallest, largest) = model
        .variances()
        .iter()
        .fold((f64::INFINITY, 0.0_f64), |(low, high), variance| (low.min(*variance), high.max(*variance)));
    let bound = 0.5 * (scale + (scale * (scale + 4.0 * largest)).sqrt()) * (1.0 + 1e-9);
    let bottom = (smallest / 16.0).max(bound * 1e-30);
    let below = std::iter::successors(Some(bound / 4.0), |point| Some(point / 4.0));
    let mut points: Vec<f64> = std::iter::once(bound).chain(below.take_while(|point| *point >= bottom)).collect();
    points.reverse();
    points
}

fn likelihood_at(model: &impl Model, restricted: bool, tau2: f64) -> f64 {
    let weight = inverse(tau2);
    let log_weights: f64 = model.variances().iter().map(|variance| libm::log(weight(*variance))).sum();
    let residual = model.spread(&weight).residual;
    let (freedom, design) = if restricted {
        (model.freedom(), model.log_design() - model.log_information(&weight))
    } else {
        (model.count() as f64, 0.0)
    };
    0.5 * (log_weights + design - residual - freedom * libm::log(std::f64::consts::TAU))
}

/// The log likelihood of the methods that maximise one.
pub(super) fn log_likelihood(model: &impl Model, method: Tau2Method, tau2: f64) -> Option<f64> {
    match method {
        Tau2Method::MaximumLikelihood => Some(likelihood_at(model, false, tau2)),
        Tau2Method::RestrictedLikelihood => Some(likelihood_at(model, true, tau2)),
        _ => None,
    }
}

/// The large-sample standard error of the estimate.
pub(super) fn standard_error(model: &impl Model, method: Tau2Method, tau2: f64) -> Option<f64> {
    let (count, freedom) = (model.count() as f64, model.freedom());
    // The variance of yᵀPy for P of some weights: 2 tr (PV)² with V the sum of the variances and τ².
    let quadratic = |weight: &dyn Fn(f64) -> f64| {
        let weight = |variance: f64| weight(variance);
        2.0 * model.paired_trace(&weight, &itself, &itself)
            + 4.0 * tau2 * model.paired_trace(&weight, &itself, &one)
            + 2.0 * tau2 * tau2 * model.paired_trace(&weight, &one, &one)
    };
    let squared = match method {
        Tau2Method::EqualEffects => return None,
        Tau2Method::DerSimonianLaird => {
            let trace = model.spread(&inverse(0.0)).trace;
            quadratic(&inverse(0.0)) / (trace * trace)
        }
        Tau2Method::Hedges => quadratic(&one) / (freedom * freedom),
        Tau2Method::HunterSchmidt => {
            let sum = model.spread(&inverse(0.0)).weight_sum;
            quadratic(&inverse(0.0)) / (sum * sum)
        }
        Tau2Method::SidikJonkman => {
            let rough = rough(model);
            if rough <= 0.0 {
                return None;
            }
            quadratic(&inverse(rough)) * (rough / freedom) * (rough / freedom)
        }
        Tau2Method::MaximumLikelihood => 2.0 / model.spread(&inverse(tau2)).weight_square_sum,
        Tau2Method::RestrictedLikelihood => 2.0 / model.paired_trace(&inverse(tau2), &one, &one),
        Tau2Method::PauleMandel => {
            let sum = model.spread(&inverse(tau2)).weight_sum;
            2.0 * count * count / (freedom * sum * sum)
        }
    };
    Some(squared.sqrt()).filter(|error| error.is_finite())
}
