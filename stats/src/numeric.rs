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

/// The sum of a smooth function over the whole numbers from `from` on, below `to`.
///
/// Up to 4,096 terms are added one by one. Beyond that the function must vary on the scale of its argument, as sums of
/// logarithms do: then by the formula of Euler and Maclaurin, with ten Gauss points on each doubling of the argument
/// and the slope by differences, to about 1e-13 of the sum.
pub(crate) fn sum_of_steps(from: f64, to: f64, function: impl Fn(f64) -> f64) -> f64 {
    const ONE_BY_ONE: f64 = 4_096.0;
    let mut sum = 0.0;
    let mut step = from;
    while step < to && (step < ONE_BY_ONE || to - from <= ONE_BY_ONE) {
        sum += function(step);
        step += 1.0;
    }
    if step >= to {
        return sum;
    }
    let slope =
        |at: f64| (8.0 * (function(at + 1.0) - function(at - 1.0)) - (function(at + 2.0) - function(at - 2.0))) / 12.0;
    let corrected = 0.5 * (function(step) - function(to)) + (slope(to) - slope(step)) / 12.0;
    let mut integral = 0.0;
    let mut low = step;
    while low < to {
        let high = to.min(2.0 * low);
        integral += gauss(low, high, &function);
        low = high;
    }
    sum + integral + corrected
}

/// The integral of a smooth function by ten Gauss points.
fn gauss(low: f64, high: f64, function: impl Fn(f64) -> f64) -> f64 {
    // Abramowitz & Stegun (1964), table 25.4, n = 10.
    const POINTS: [(f64, f64); 5] = [
        (0.148_874_338_981_631_21, 0.295_524_224_714_752_87),
        (0.433_395_394_129_247_2, 0.269_266_719_309_996_35),
        (0.679_409_568_299_024_4, 0.219_086_362_515_982_04),
        (0.865_063_366_688_984_5, 0.149_451_349_150_580_6),
        (0.973_906_528_517_171_7, 0.066_671_344_308_688_14),
    ];
    let (middle, half) = (low.midpoint(high), 0.5 * (high - low));
    let pairs = POINTS
        .iter()
        .map(|(point, weight)| weight * (function(middle - half * point) + function(middle + half * point)));
    half * pairs.sum::<f64>()
}
