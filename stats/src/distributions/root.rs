//! One root finder for every quantile: Newton on the logarithm of a tail, inside a bracket.

use super::DistributionError;

/// Both tails of a distribution on the positive numbers at one point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tails {
    /// The probability below the point.
    pub(super) lower: f64,
    /// The probability above the point.
    pub(super) upper: f64,
    /// The derivative of `lower` with respect to the coordinate of [`solve`].
    pub(super) slope: f64,
}

/// The tail that is known, and its probability. The smaller one decides a quantile to all its digits.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    /// The probability below the quantile.
    Lower(f64),
    /// The probability above the quantile.
    Upper(f64),
}

impl Target {
    /// The smaller tail at a quantile of level `probability`.
    pub(super) fn at(probability: f64) -> Result<Self, DistributionError> {
        if !(probability > 0.0 && probability < 1.0) {
            return Err(DistributionError::Probability { probability });
        }
        // `1 − p` is exact for p ≥ 1/2.
        Ok(if probability <= 0.5 { Self::Lower(probability) } else { Self::Upper(1.0 - probability) })
    }

    /// How far the tail is from its target, as a logarithm that increases with the coordinate, and its derivative.
    fn distance(self, tails: Tails) -> (f64, f64) {
        match self {
            Self::Lower(target) => (libm::log(tails.lower / target), tails.slope / tails.lower),
            Self::Upper(target) => (libm::log(target / tails.upper), tails.slope / tails.upper),
        }
    }
}

/// Coordinates beyond this are logarithms of numbers too large or too small to hold.
const LIMIT: f64 = 700.0;

/// Finds the coordinate (a logarithm) at which a tail has its target.
///
/// A bracket is grown from `start` by doubling steps; Newton steps that leave it become halvings. It stops when a
/// step is below four units in the last place, and after 200 steps at the latest, by which time halving alone has got
/// there.
pub(super) fn solve(target: Target, start: f64, tails: impl Fn(f64) -> Tails) -> Result<f64, DistributionError> {
    let distance = |point| target.distance(tails(point));
    let (mut low, mut high) = bracket(start, |point| distance(point).0)?;
    let mut point = low.midpoint(high);
    for _ in 0..200 {
        let (value, slope) = distance(point);
        if value < 0.0 {
            low = point;
        } else {
            high = point;
        }
        let newton = point - value / slope;
        let next = if newton > low && newton < high { newton } else { low.midpoint(high) };
        let step = (next - point).abs();
        point = next;
        if step <= 2.0 * f64::EPSILON * point.abs().max(1.0) {
            break;
        }
    }
    Ok(point)
}

/// Two coordinates with the root between them.
fn bracket(start: f64, distance: impl Fn(f64) -> f64) -> Result<(f64, f64), DistributionError> {
    let upwards = distance(start) < 0.0;
    let mut from = start;
    let mut step = 0.5;
    while from.abs() < LIMIT {
        let to = (if upwards { from + step } else { from - step }).clamp(-LIMIT, LIMIT);
        let crossed = (distance(to) < 0.0) != upwards;
        if crossed {
            return Ok(if upwards { (from, to) } else { (to, from) });
        }
        from = to;
        step *= 2.0;
    }
    Err(DistributionError::OutOfRange)
}
