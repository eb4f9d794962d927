//! Exact quantiles of complete data, by selection instead of a full sort.

#[cfg(test)]
mod tests;

/// Why data have no quantile.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum QuantileError {
    /// There are no values.
    #[error("a quantile of no values is not defined")]
    NoValues,
    /// A value is infinite or not a number.
    #[error("value `{value}` is not finite")]
    NotFinite {
        /// The value.
        value: f64,
    },
    /// The probability is not between 0 and 1, both included.
    #[error("probability must lie between 0 and 1, got `{probability}`")]
    Probability {
        /// The probability that was asked for.
        probability: f64,
    },
}

/// Gives a quantile with linear interpolation between order statistics.
///
/// # Model
/// None: it describes the values at hand.
///
/// # Formula
/// ```text
/// h = (n − 1) p      q = x₍⌊h⌋₎ + (h − ⌊h⌋) (x₍⌊h⌋₊₁₎ − x₍⌊h⌋₎)
/// ```
/// `x₍₀₎ ≤ … ≤ x₍ₙ₋₁₎` are the sorted values. This is type 7 of Hyndman and Fan, the default of R and `NumPy`.
/// The order statistics are found by selection in linear time.
///
/// # Errors
/// [`QuantileError`] when there are no values, one is not finite, or `probability` is not within 0 and 1.
///
/// # Examples
/// ```
/// assert_eq!(stats::quantile(&[4.0, 1.0, 3.0, 2.0], 0.5)?, 2.5);
/// # Ok::<(), stats::QuantileError>(())
/// ```
///
/// # References
/// Hyndman & Fan (1996), The American Statistician 50, 361–365, definition 7.
pub fn quantile(values: &[f64], probability: f64) -> Result<f64, QuantileError> {
    quantile_in_place(&mut values.to_vec(), probability)
}

/// Does what [`quantile`] does, without a copy; the values come back in another order.
///
/// # Errors
/// As for [`quantile`].
///
/// # Examples
/// ```
/// let mut values = [4.0, 1.0, 3.0, 2.0];
/// assert_eq!(stats::quantile_in_place(&mut values, 0.25)?, 1.75);
/// # Ok::<(), stats::QuantileError>(())
/// ```
pub fn quantile_in_place(values: &mut [f64], probability: f64) -> Result<f64, QuantileError> {
    check_finite(values)?;
    let position = Position::of(probability, values.len())?;
    let (low, high) = neighbours(values, position.index, f64::total_cmp);
    Ok(between(low, high, position.fraction))
}

/// What lies `fraction` of the way from `low` to `high`, also where their difference is too large for a number.
fn between(low: f64, high: f64, fraction: f64) -> f64 {
    let difference = high - low;
    if difference.is_finite() { low + fraction * difference } else { (1.0 - fraction) * low + fraction * high }
}

/// Does what [`quantile`] does for values that are sorted already, of any kind that is a number exactly.
///
/// # Formula
/// As for [`quantile`]. That the values ascend is the caller's to see to.
///
/// # Errors
/// [`QuantileError`] when there are no values, one of the two that count is not finite, or `probability` is not within
/// 0 and 1.
///
/// # Examples
/// ```
/// assert_eq!(stats::quantile_of_sorted(&[1_u32, 2, 3, 4], 0.25)?, 1.75);
/// # Ok::<(), stats::QuantileError>(())
/// ```
pub fn quantile_of_sorted<T: Copy + Into<f64>>(sorted: &[T], probability: f64) -> Result<f64, QuantileError> {
    let position = Position::of(probability, sorted.len())?;
    let low: f64 = sorted[position.index].into();
    let high: f64 = sorted.get(position.index + 1).map_or(low, |next| (*next).into());
    check_finite(&[low, high])?;
    Ok(between(low, high, position.fraction))
}

/// Gives a quantile of integers, such as microseconds, with linear interpolation between order statistics.
///
/// # Model
/// None: it describes the values at hand.
///
/// # Formula
/// As for [`quantile`]; the order statistics and their difference are exact, and only the interpolated result is
/// rounded to a floating-point number. It is exact where it is an integer or a half below 2⁵² in size, which is 142
/// years in microseconds.
///
/// # Errors
/// [`QuantileError`] when there are no values or `probability` is not within 0 and 1.
///
/// # Examples
/// ```
/// assert_eq!(stats::quantile_i64(&[40, 10, 30, 25], 0.5)?, 27.5);
/// # Ok::<(), stats::QuantileError>(())
/// ```
///
/// # References
/// Hyndman & Fan (1996), The American Statistician 50, 361–365, definition 7.
pub fn quantile_i64(values: &[i64], probability: f64) -> Result<f64, QuantileError> {
    quantile_i64_in_place(&mut values.to_vec(), probability)
}

/// Does what [`quantile_i64`] does, without a copy; the values come back in another order.
///
/// # Errors
/// As for [`quantile_i64`].
///
/// # Examples
/// ```
/// let mut values = [40, 10, 30, 25];
/// assert_eq!(stats::quantile_i64_in_place(&mut values, 1.0)?, 40.0);
/// # Ok::<(), stats::QuantileError>(())
/// ```
pub fn quantile_i64_in_place(values: &mut [i64], probability: f64) -> Result<f64, QuantileError> {
    let position = Position::of(probability, values.len())?;
    let (low, high) = neighbours(values, position.index, i64::cmp);
    let difference = i128::from(high) - i128::from(low);
    Ok(low as f64 + position.fraction * difference as f64)
}

/// Gives the lower median: the middle value, or the smaller of the two in the middle.
///
/// It is always one of the values, which an average of two is not.
///
/// # Formula
/// ```text
/// x₍⌊(n − 1) / 2⌋₎
/// ```
///
/// # Errors
/// [`QuantileError`] when there are no values or one is not finite.
///
/// # Examples
/// ```
/// assert_eq!(stats::median_lower(&[4.0, 1.0, 3.0, 2.0])?, 2.0);
/// # Ok::<(), stats::QuantileError>(())
/// ```
///
/// # References
/// Hyndman & Fan (1996), The American Statistician 50, 361–365, definition 1.
pub fn median_lower(values: &[f64]) -> Result<f64, QuantileError> {
    check_finite(values)?;
    let middle = lower_middle(values.len())?;
    Ok(neighbours(&mut values.to_vec(), middle, f64::total_cmp).0)
}

/// Gives the lower median of integers: the middle value, or the smaller of the two in the middle.
///
/// # Formula
/// As for [`median_lower`].
///
/// # Errors
/// [`QuantileError`] when there are no values.
///
/// # Examples
/// ```
/// assert_eq!(stats::median_lower_i64(&[40, 10, 30, 25])?, 25);
/// # Ok::<(), stats::QuantileError>(())
/// ```
///
/// # References
/// Hyndman & Fan (1996), The American Statistician 50, 361–365, definition 1.
pub fn median_lower_i64(values: &[i64]) -> Result<i64, QuantileError> {
    let middle = lower_middle(values.len())?;
    Ok(neighbours(&mut values.to_vec(), middle, i64::cmp).0)
}

/// Where a quantile lies: at or above the order statistic `index`, `fraction` of the way to the next.
struct Position {
    index: usize,
    fraction: f64,
}

impl Position {
    fn of(probability: f64, count: usize) -> Result<Self, QuantileError> {
        if !(0.0..=1.0).contains(&probability) {
            return Err(QuantileError::Probability { probability });
        }
        let last = count.checked_sub(1).ok_or(QuantileError::NoValues)?;
        let exact = last as f64 * probability;
        let floor = exact.floor();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number between 0 and `last`, whatever the probability"
        )]
        let index = (floor as usize).min(last);
        Ok(Self { index, fraction: exact - floor })
    }
}

/// The order statistic, from 0, at or below a quantile of `count` values, and how far it is to the next.
pub(crate) fn quantile_position(probability: f64, count: usize) -> Result<(usize, f64), QuantileError> {
    let Position { index, fraction } = Position::of(probability, count)?;
    Ok((index, fraction))
}

fn lower_middle(count: usize) -> Result<usize, QuantileError> {
    Ok(count.checked_sub(1).ok_or(QuantileError::NoValues)? / 2)
}

/// The order statistic at `index` and the next one (itself, if it is the last).
fn neighbours<T: Copy>(values: &mut [T], index: usize, order: impl Fn(&T, &T) -> std::cmp::Ordering) -> (T, T) {
    let (_, &mut low, above) = values.select_nth_unstable_by(index, &order);
    let high = above.iter().copied().min_by(&order).unwrap_or(low);
    (low, high)
}

fn check_finite(values: &[f64]) -> Result<(), QuantileError> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(&value) => Err(QuantileError::NotFinite { value }),
        None => Ok(()),
    }
}
