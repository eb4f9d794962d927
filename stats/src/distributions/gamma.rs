//! The regularised incomplete gamma function, both tails, and its inverse.

use super::DistributionError;
use super::root::{Tails, Target, solve};
use super::saddle_point::{deviance, stirling_error};

/// Both tails at `x`: `P(shape, x)` and `Q(shape, x)`.
///
/// Below `shape + 1` by the power series (Abramowitz & Stegun 6.5.29), above by the continued fraction (6.5.31).
pub(super) fn tails(shape: f64, x: f64) -> Tails {
    if x <= 0.0 {
        return Tails { lower: 0.0, upper: 1.0, slope: 0.0 };
    }
    if x.is_infinite() {
        return Tails { lower: 1.0, upper: 0.0, slope: 0.0 };
    }
    let slope = (shape / std::f64::consts::TAU).sqrt() * libm::exp(-stirling_error(shape) - deviance(shape, x));
    if x < shape + 1.0 {
        let lower = (slope / shape * power_series(shape, x)).min(1.0);
        Tails { lower, upper: 1.0 - lower, slope }
    } else {
        let upper = (slope * continued_fraction(shape, x)).min(1.0);
        Tails { lower: 1.0 - upper, upper, slope }
    }
}

/// The point at which a tail has its target, for rate 1.
pub(super) fn quantile(target: Target, shape: f64) -> Result<f64, DistributionError> {
    let log_point = solve(target, libm::log(shape), |log_point| tails(shape, libm::exp(log_point)))?;
    Ok(libm::exp(log_point))
}

/// `Σ xᵏ / ((a + 1) … (a + k))`: all terms are positive and shrink by more than `x / (a + k)`.
fn power_series(shape: f64, x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    let mut denominator = shape;
    while term > sum * f64::EPSILON * 0.5 {
        denominator += 1.0;
        term *= x / denominator;
        sum += term;
    }
    sum
}

/// `1 / (x + 1 − a − 1(1 − a) / (x + 3 − a − …))` by the modified Lentz method, to two units in the last place.
///
/// Needs about `√a` turns near the mode; the limit is far beyond what any shape below 1e12 asks for.
fn continued_fraction(shape: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let mut denominator = x + 1.0 - shape;
    let mut upper = 1.0 / TINY;
    let mut lower = 1.0 / denominator;
    let mut value = lower;
    let mut turn = 0.0;
    while turn < 1e8 {
        turn += 1.0;
        let numerator = -turn * (turn - shape);
        denominator += 2.0;
        lower = 1.0 / away_from_zero(numerator * lower + denominator, TINY);
        upper = away_from_zero(denominator + numerator / upper, TINY);
        let factor = lower * upper;
        value *= factor;
        if (factor - 1.0).abs() <= 2.0 * f64::EPSILON {
            break;
        }
    }
    value
}

fn away_from_zero(value: f64, tiny: f64) -> f64 {
    if value.abs() < tiny { tiny } else { value }
}
