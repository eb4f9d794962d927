//! The regularised incomplete beta function, both tails, and its inverse, on the scale of log odds.
//!
//! With `odds = x / (1 − x)` neither `x` nor `1 − x` loses digits at its end of the unit interval, and t and F
//! variables are multiples of the odds or of their root.

use super::DistributionError;
use super::root::{Tails, Target, solve};
use super::saddle_point::{deviance, stirling_error};

/// Both tails of a beta variable where its odds are `odds`.
pub(super) fn tails_at_odds(a: f64, b: f64, odds: f64) -> Tails {
    if odds.is_infinite() {
        return Tails { lower: 1.0, upper: 0.0, slope: 0.0 };
    }
    tails(a, b, odds / (1.0 + odds), 1.0 / (1.0 + odds))
}

/// The log odds at which a tail has its target.
pub(super) fn log_odds_quantile(target: Target, a: f64, b: f64) -> Result<f64, DistributionError> {
    solve(target, libm::log(a / b), |log_odds| tails(a, b, share(log_odds), share(-log_odds)))
}

/// `x` from its log odds.
pub(super) fn share(log_odds: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-log_odds))
}

/// `I_x(a, b)` and its complement; `y` is `1 − x`, given apart so that neither is a difference.
///
/// The continued fraction (Abramowitz & Stegun 26.5.8) is used on the side where it converges fast.
fn tails(a: f64, b: f64, x: f64, y: f64) -> Tails {
    if x <= 0.0 {
        return Tails { lower: 0.0, upper: 1.0, slope: 0.0 };
    }
    if y <= 0.0 {
        return Tails { lower: 1.0, upper: 0.0, slope: 0.0 };
    }
    let slope = density_factor(a, b, x, y);
    if x * (a + b + 2.0) < a + 1.0 {
        let lower = (slope / a * continued_fraction(a, b, x)).min(1.0);
        Tails { lower, upper: 1.0 - lower, slope }
    } else {
        let upper = (slope / b * continued_fraction(b, a, y)).min(1.0);
        Tails { lower: 1.0 - upper, upper, slope }
    }
}

/// `xᵃ yᵇ / B(a, b)`, in Loader's form.
fn density_factor(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let total = a + b;
    let stirling = stirling_error(total) - stirling_error(a) - stirling_error(b);
    let scale = (a / total * b / std::f64::consts::TAU).sqrt();
    scale * libm::exp(stirling - deviance(a, total * x) - deviance(b, total * y))
}

/// The continued fraction of 26.5.8 by the modified Lentz method, to two units in the last place.
///
/// Needs about `√max(a, b)` turns; the limit is far beyond what any shape below 1e12 asks for.
fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    let mut upper = 1.0;
    let mut lower = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = lower;
    let mut turn = 0.0;
    while turn < 1e8 {
        turn += 1.0;
        let even = turn * (b - turn) * x / ((a + 2.0 * turn - 1.0) * (a + 2.0 * turn));
        let odd = -(a + turn) * (a + b + turn) * x / ((a + 2.0 * turn) * (a + 2.0 * turn + 1.0));
        let mut factor = 1.0;
        for numerator in [even, odd] {
            lower = 1.0 / away_from_zero(1.0 + numerator * lower);
            upper = away_from_zero(1.0 + numerator / upper);
            factor = lower * upper;
            value *= factor;
        }
        if (factor - 1.0).abs() <= 2.0 * f64::EPSILON {
            break;
        }
    }
    value
}

fn away_from_zero(value: f64) -> f64 {
    const TINY: f64 = 1e-300;
    if value.abs() < TINY { TINY } else { value }
}
