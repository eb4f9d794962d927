//! What the mean would be if results that are not significant were reported less often.

use nalgebra::{Matrix3, Vector3};

use super::small_study::FEWEST;
use super::tau2::log_likelihood;
use super::{CombineError, CommonMean, Effects, Tau2Method, around, between_variance, needs};
use crate::distributions::{chi_squared_upper_tail, normal_quantile, normal_upper_tail};
use crate::interval::Interval;
use crate::numeric::falling_root;

/// The direction in which significant results are preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedSide {
    /// Large effects.
    Greater,
    /// Small effects.
    Less,
}

/// A model in which the chance to be reported depends on significance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SelectionModel {
    /// The mean before selection and its limits, by normal quantiles.
    pub interval: Interval,
    /// Its standard error.
    pub standard_error: f64,
    /// The variance between effects before selection.
    pub tau2: f64,
    /// How likely an insignificant result is reported, relative to a significant one.
    pub relative_chance: f64,
    /// The log likelihood.
    pub log_likelihood: f64,
    /// Twice what the log likelihood gains over no selection.
    pub likelihood_ratio: f64,
    /// Its p-value, chi-squared with one degree of freedom.
    pub p_value: f64,
}

/// Fits the step-function selection model with one threshold at a one-sided p-value of 0.025.
///
/// # Model
/// An effect is `yᵢ ~ N(μ, vᵢ + τ²)` before selection. It is reported with a chance of 1 when its one-sided p-value is
/// at most 0.025 and of `δ`, relative to that, when it is not.
///
/// # Formula
/// ```text
/// ℓ = Σ [ln w(yᵢ) + ln φ(yᵢ; μ, sᵢ²) − ln(1 − (1 − δ)Fᵢ)]      sᵢ² = vᵢ + τ²,   Fᵢ = P(not significant | μ, sᵢ)
/// ```
/// Maximised by Newton steps on `(μ, τ², ln δ)` from the fit without selection, halved until `ℓ` does not fall, to a
/// step of 1e-10 of a standard error; the standard error is from the observed information.
///
/// # Errors
/// [`CombineError`] as for [`pool`](crate::pool), when there are fewer than ten effects, all lie on one side of the
/// threshold, the steps do not settle, or `confidence` is not strictly between 0 and 1.
///
/// # Use with care
/// As for [`egger_test`](crate::egger_test); with few effects the likelihood is nearly flat in `δ`.
///
/// # Examples
/// ```
/// let y: Vec<f64> = (0..12).map(|i| 0.1 * f64::from(i)).collect();
/// let fit = stats::selection_model(&y, &[0.04; 12], stats::ReportedSide::Greater, 0.95)?;
/// assert!(fit.relative_chance > 0.0 && fit.likelihood_ratio >= 0.0);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Vevea & Hedges (1995), Psychometrika 60, 419–435.
pub fn selection_model(
    estimates: &[f64],
    variances: &[f64],
    side: ReportedSide,
    confidence: f64,
) -> Result<SelectionModel, CombineError> {
    let effects = Effects::of(estimates, variances)?;
    needs(effects.count(), FEWEST)?;
    fitted(&effects, side, confidence)
}

pub(super) fn fitted(effects: &Effects, side: ReportedSide, confidence: f64) -> Result<SelectionModel, CombineError> {
    let sign = if side == ReportedSide::Less { -1.0 } else { 1.0 };
    let oriented: Vec<f64> = effects.estimates.iter().map(|estimate| sign * estimate).collect();
    let oriented = Effects::of(&oriented, &effects.variances)?;
    let model = CommonMean::of(&oriented);
    let tau2 = between_variance(&model, Tau2Method::MaximumLikelihood)?;
    let without = log_likelihood(&model, Tau2Method::MaximumLikelihood, tau2).ok_or(CombineError::NotConverged)?;
    let selection = Selection::of(&oriented)?;
    let start = Point { mean: model.mean(tau2).estimate, tau2, chance: 1.0 };
    let best = selection.climb(selection.with_best_chance(start))?;
    // What another Newton step would gain.
    if selection.uphill(best).dot(&selection.free_gradient(best)) > 1e-6 {
        return Err(CombineError::NotConverged);
    }
    let information = -selection.hessian(best);
    let covariance = inverse(information, best.tau2 > 0.0).ok_or(CombineError::NotConverged)?;
    let standard_error = covariance.sqrt();
    let log_likelihood = selection.log_likelihood(best);
    let likelihood_ratio = (2.0 * (log_likelihood - without)).max(0.0);
    Ok(SelectionModel {
        interval: around(sign * best.mean, standard_error, None, confidence)?,
        standard_error,
        tau2: best.tau2,
        relative_chance: best.chance,
        log_likelihood,
        likelihood_ratio,
        p_value: chi_squared_upper_tail(likelihood_ratio, 1.0)?,
    })
}

/// The variance of the mean; without `τ²` among the parameters where it is at its bound.
fn inverse(information: Matrix3<f64>, tau2_is_free: bool) -> Option<f64> {
    let information = if tau2_is_free { information } else { pinned(information) };
    let variance = information.try_inverse()?[(0, 0)];
    (variance > 0.0 && variance.is_finite()).then_some(variance)
}

/// The information with `τ²` held where it is.
fn pinned(mut information: Matrix3<f64>) -> Matrix3<f64> {
    for other in 0..3 {
        information[(1, other)] = 0.0;
        information[(other, 1)] = 0.0;
    }
    information[(1, 1)] = 1.0;
    information
}

#[derive(Debug, Clone, Copy)]
struct Point {
    mean: f64,
    tau2: f64,
    chance: f64,
}

impl Point {
    fn moved(self, step: &Vector3<f64>, share: f64) -> Self {
        Self {
            mean: self.mean + share * step[0],
            tau2: (self.tau2 + share * step[1]).max(0.0),
            chance: self.chance * libm::exp((share * step[2]).clamp(-4.0, 4.0)),
        }
    }
}

/// Effects, positive where significance is preferred, and the estimate from which on each is significant.
struct Selection {
    estimates: Vec<f64>,
    variances: Vec<f64>,
    thresholds: Vec<f64>,
    insignificant: f64,
}

impl Selection {
    fn of(effects: &Effects) -> Result<Self, CombineError> {
        let z = normal_quantile(0.975)?;
        let thresholds: Vec<f64> = effects.variances.iter().map(|variance| z * variance.sqrt()).collect();
        let below = effects.estimates.iter().zip(&thresholds).filter(|(estimate, threshold)| estimate < threshold);
        let insignificant = below.count();
        if insignificant == 0 || insignificant == effects.count() {
            return Err(CombineError::OneSided);
        }
        let (estimates, variances) = (effects.estimates.clone(), effects.variances.clone());
        Ok(Self { estimates, variances, thresholds, insignificant: insignificant as f64 })
    }

    /// For each effect: deviation from the mean, variance, and how far the threshold is, in standard deviations.
    fn terms(&self, point: Point) -> impl Iterator<Item = (f64, f64, f64)> {
        let rows = self.estimates.iter().zip(&self.variances).zip(&self.thresholds);
        rows.map(move |((estimate, variance), threshold)| {
            let total = variance + point.tau2;
            (estimate - point.mean, total, (threshold - point.mean) / total.sqrt())
        })
    }

    fn log_likelihood(&self, point: Point) -> f64 {
        let terms = self.terms(point).map(|(deviation, total, distance)| {
            let normal = libm::log(std::f64::consts::TAU * total) + deviation * deviation / total;
            -0.5 * normal - libm::log(reported(distance, point.chance))
        });
        self.insignificant * libm::log(point.chance) + terms.sum::<f64>()
    }

    /// Derivatives with respect to the mean, `τ²` and `ln δ`.
    fn gradient(&self, point: Point) -> Vector3<f64> {
        let mut gradient = Vector3::new(0.0, 0.0, self.insignificant);
        for (deviation, total, distance) in self.terms(point) {
            let density = libm::exp(-0.5 * distance * distance) / std::f64::consts::TAU.sqrt();
            let share = (1.0 - point.chance) * density / reported(distance, point.chance);
            gradient[0] += deviation / total - share / total.sqrt();
            gradient[1] += 0.5 * (deviation * deviation / total - 1.0) / total - 0.5 * share * distance / total;
            gradient[2] -= point.chance * missed(distance) / reported(distance, point.chance);
        }
        gradient
    }

    /// Second derivatives, by central differences of the first.
    fn hessian(&self, point: Point) -> Matrix3<f64> {
        let scale = self.variances.iter().fold(f64::INFINITY, |least, variance| least.min(*variance)) + point.tau2;
        let steps = [1e-5 * scale.sqrt(), 1e-5 * scale, 1e-5];
        let mut hessian = Matrix3::zeros();
        for (column, step) in steps.into_iter().enumerate() {
            let mut direction = Vector3::zeros();
            direction[column] = step;
            // τ² may be smaller than the step: differences to the right only are then good enough.
            let back = if column == 1 && point.tau2 < step { 0.0 } else { -1.0 };
            let slope = (self.gradient(point.moved(&direction, 1.0)) - self.gradient(point.moved(&direction, back)))
                / (step * (1.0 - back));
            hessian.set_column(column, &slope);
        }
        (hessian + hessian.transpose()) * 0.5
    }

    /// The best chance for a mean and a `τ²`: `Σ δF / (1 − (1 − δ)F)` rises from 0 to the count.
    fn with_best_chance(&self, point: Point) -> Point {
        let chance = falling_root(1e-12, 1e12, |chance| {
            let expected: f64 =
                self.terms(point).map(|(_, _, distance)| chance * missed(distance) / reported(distance, chance)).sum();
            (self.insignificant - expected, f64::NAN)
        });
        Point { chance, ..point }
    }

    fn climb(&self, start: Point) -> Result<Point, CombineError> {
        let mut point = start;
        let mut height = self.log_likelihood(point);
        for _ in 0..500 {
            let step = self.uphill(point);
            let taken = (0..60).map(|halvings| 0.5_f64.powi(halvings)).find_map(|share| {
                let next = point.moved(&step, share);
                let reached = self.log_likelihood(next);
                (reached >= height).then_some((next, reached))
            });
            let Some((next, reached)) = taken else { return Ok(point) };
            let moved = (next.mean - point.mean).abs() / (self.variances[0] + point.tau2).sqrt()
                + (next.tau2 - point.tau2).abs() / (self.variances[0] + point.tau2)
                + (next.chance / point.chance - 1.0).abs();
            (point, height) = (next, reached);
            if moved < 1e-10 {
                return Ok(point);
            }
        }
        Err(CombineError::NotConverged)
    }

    /// The gradient, without `τ²` where it is at its bound and the likelihood falls.
    fn free_gradient(&self, point: Point) -> Vector3<f64> {
        let mut gradient = self.gradient(point);
        if is_at_bound(point, &gradient) {
            gradient[1] = 0.0;
        }
        gradient
    }

    /// A Newton step, with the curvature raised until it points uphill.
    fn uphill(&self, point: Point) -> Vector3<f64> {
        let gradient = self.free_gradient(point);
        let mut information = -self.hessian(point);
        if is_at_bound(point, &self.gradient(point)) {
            information = pinned(information);
        }
        let size = Vector3::from_fn(|place, _| information[(place, place)].abs().max(1e-12));
        let mut raised = 0.0;
        for _ in 0..40 {
            let trial = information + Matrix3::from_diagonal(&size) * raised;
            if let Some(decomposition) = trial.cholesky() {
                return decomposition.solve(&gradient);
            }
            raised = if raised > 0.0 { raised * 2.0 } else { 1e-3 };
        }
        gradient.component_div(&size)
    }
}

fn is_at_bound(point: Point, gradient: &Vector3<f64>) -> bool {
    point.tau2 <= 0.0 && gradient[1] <= 0.0
}

/// The probability to be reported, relative to a significant result.
fn reported(distance: f64, chance: f64) -> f64 {
    (1.0 - missed(distance)) + chance * missed(distance)
}

/// The probability not to be significant.
fn missed(distance: f64) -> f64 {
    normal_upper_tail(-distance).unwrap_or(0.0)
}
