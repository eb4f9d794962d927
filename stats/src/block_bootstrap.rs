//! The mean of a series whose neighbours are alike, by drawing blocks of it.

use crate::bootstrap::{BootstrapError, ResamplePlace, draws};
use crate::numeric::{sorted, sorted_mean};

#[cfg(test)]
mod tests;

/// Gives the mean of a series pieced together from blocks of itself.
///
/// # Formula
/// ```text
/// blocks y_s, y_{s+1}, … of `length`, one for each start, round the end to the beginning; cut off after n values
/// ```
/// `values` is `[n]`, in order of time. Starts are taken round the end too.
///
/// # Errors
/// [`BootstrapError::Undefined`] when there are no values, `length` is 0 or more than there are, the blocks are too few for
/// `n` values, or the mean is not finite.
///
/// # Examples
/// ```
/// assert_eq!(stats::circular_block_mean(&[1.0, 2.0, 3.0, 4.0], 2, &[3, 0])?, 2.0);
/// # Ok::<(), stats::BootstrapError>(())
/// ```
///
/// # References
/// Politis & Romano (1992), A circular block-resampling procedure for stationary data.
pub fn circular_block_mean(values: &[f64], length: usize, starts: &[usize]) -> Result<f64, BootstrapError> {
    let undefined = BootstrapError::Undefined { place: ResamplePlace::Data };
    let count = values.len();
    if count == 0 || length == 0 || length > count || starts.len() < count.div_ceil(length) {
        return Err(undefined);
    }
    let block = |start: &usize| values.iter().cycle().skip(start % count).take(length);
    let drawn: Vec<f64> = starts.iter().flat_map(block).take(count).copied().collect();
    let mean = sorted_mean(&sorted(&drawn));
    if mean.is_finite() { Ok(mean) } else { Err(undefined) }
}

/// Gives means of a series pieced together at random from blocks of itself, round the end to the beginning.
///
/// # Model
/// The series is stationary, and values further apart than some blocks are independent.
///
/// # Formula
/// As for [`circular_block_mean`], with `⌈n / length⌉` starts; replicate `r` draws them from stream `r` of `seed`.
///
/// # Errors
/// [`BootstrapError`] when there are fewer than two values, one is not finite, or `length` is not between 1 and their
/// number.
///
/// # Use with care
/// A series with a trend or a season is not stationary: take what is left after those. Blocks must be longer than the
/// dependence, and there must still be many of them; `n^(1/3)` is the usual order of their length.
///
/// # Examples
/// ```
/// let series: Vec<f64> = (0..60).map(|week| f64::from(week / 5 * 7 % 11)).collect();
/// let replicates = stats::circular_block_bootstrap(&series, 6, 400, 1)?;
/// let interval = stats::percentile_interval(4.9, &replicates, 0.95)?;
/// assert!(interval.low < 4.9 && interval.high > 4.9);
/// # Ok::<(), stats::BootstrapError>(())
/// ```
///
/// # References
/// Politis & Romano (1992), A circular block-resampling procedure for stationary data. Künsch (1989), Annals of Statistics
/// 17, 1217–1241.
pub fn circular_block_bootstrap(
    values: &[f64],
    length: usize,
    replicates: usize,
    seed: u64,
) -> Result<Vec<f64>, BootstrapError> {
    let count = values.len();
    if count < 2 {
        return Err(BootstrapError::TooFewClusters { clusters: count });
    }
    if length == 0 || length > count || values.iter().any(|value| !value.is_finite()) {
        return Err(BootstrapError::Undefined { place: ResamplePlace::Data });
    }
    let blocks = count.div_ceil(length);
    (0..replicates)
        .map(|number| {
            let starts: Vec<usize> = draws(count, seed, number).take(blocks).collect();
            circular_block_mean(values, length, &starts)
        })
        .collect()
}
