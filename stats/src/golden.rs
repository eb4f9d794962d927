//! The place where a function of one number is largest.

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
