//! Roots, largest values and integrals of functions of one variable, and sums that do not depend on order.

#[cfg(test)]
mod tests;

/// Finds the point at which a function goes from positive to not positive, by Newton steps inside a bracket.
///
/// `function` gives its value and its slope; it is positive at `low` and not positive at `high`, both at least 0. A
/// step that leaves the bracket, and any step after one that did not halve the value, is a halving of the bracket (of
/// its logarithm when it spans more than a factor of 16). It stops when a step is below four units in the last place,
/// and after 500 steps at the latest.
pub(crate) fn falling_root(low: f64, high: f64, function: impl Fn(f64) -> (f64, f64)) -> f64 {
    let (mut low, mut high) = (low, high);
    let mut point = halfway(low, high);
    let mut last = f64::INFINITY;
    for _ in 0..500 {
        let (value, slope) = function(point);
        if value > 0.0 {
            low = point;
        } else {
            high = point;
        }
        let newton = point - value / slope;
        let is_useful = newton > low && newton < high && value.abs() <= 0.5 * last;
        let next = if is_useful || newton.total_cmp(&point).is_eq() { newton } else { halfway(low, high) };
        last = value.abs();
        let step = (next - point).abs();
        point = next;
        if step <= 4.0 * f64::EPSILON * point.abs() || high - low <= 4.0 * f64::EPSILON * high {
            break;
        }
    }
    point
}

/// Finds the point at which a function goes from positive to not positive, by halving the bracket until its ends are
/// neighbours, at most 1,100 times.
pub(crate) fn bisected_root(low: f64, high: f64, function: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (low, high);
    for _ in 0..1_100 {
        let middle = low.midpoint(high);
        if middle <= low || middle >= high {
            break;
        }
        if function(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    low.midpoint(high)
}

fn halfway(low: f64, high: f64) -> f64 {
    if low > 0.0 && high > 16.0 * low {
        low.sqrt() * high.sqrt()
    } else if low > 0.0 {
        low.midpoint(high)
    } else {
        high / 16.0
    }
}

/// The place of the largest value between `low` and `high`, to `tolerance` times their distance, by golden sections.
///
/// The function rises and then falls between the two; where it does not, some place between them is found.
pub(crate) fn largest(mut low: f64, mut high: f64, tolerance: f64, value: impl Fn(f64) -> f64) -> f64 {
    let ratio = 0.5 * (5.0_f64.sqrt() - 1.0);
    let stop = tolerance * (high - low);
    let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut at_left, mut at_right) = (value(left), value(right));
    while high - low > stop {
        if at_left < at_right {
            (low, left, at_left) = (left, right, at_right);
            right = low + ratio * (high - low);
            at_right = value(right);
        } else {
            (high, right, at_right) = (right, left, at_left);
            left = high - ratio * (high - low);
            at_left = value(left);
        }
    }
    low.midpoint(high)
}

/// Integrates a smooth function by Simpson's rule on 4,096 equal steps.
pub(crate) fn integral(low: f64, high: f64, function: impl Fn(f64) -> f64) -> f64 {
    const STEPS: u32 = 4_096;
    let width = (high - low) / f64::from(STEPS);
    let inner: f64 = (1..STEPS)
        .map(|step| {
            let weight = if step % 2 == 1 { 4.0 } else { 2.0 };
            weight * function(low + width * f64::from(step))
        })
        .sum();
    (function(low) + inner + function(high)) * width / 3.0
}

/// The values from the smallest to the largest.
pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The mean of sorted values, without a sum that could be too large.
pub(crate) fn sorted_mean(sorted: &[f64]) -> f64 {
    let middle = sorted[sorted.len() / 2];
    let count = sorted.len() as f64;
    let mean = middle + sorted.iter().map(|value| value - middle).sum::<f64>() / count;
    if mean.is_finite() { mean } else { sorted.iter().map(|value| value / count).sum() }
}
