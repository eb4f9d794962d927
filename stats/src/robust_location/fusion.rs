//! What intervals have in common when some of them lie.

use super::{RobustError, checked, sorted_median};
use crate::numeric::sorted;

/// A lower and an upper bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

/// Gives the smallest interval that holds every point lying in at least `n − faults` of the intervals.
///
/// # Model
/// Each honest interval holds the truth; at most `faults` of `n` do not.
///
/// # Formula
/// ```text
/// [min, max] of { x : #{i : lowᵢ ≤ x ≤ highᵢ} ≥ n − f }      None when no point lies in so many
/// ```
/// One pass over the sorted ends; ends belong to their intervals.
///
/// # Errors
/// [`RobustError`] when there are no intervals, an end is not finite, a lower end lies above its upper end, or
/// `n ≤ 2 · faults`.
///
/// # Examples
/// ```
/// use stats::Bounds;
/// let bounds = [(0.02, 0.22), (0.05, 0.19), (-0.01, 0.25), (0.9, 1.2)].map(|(low, high)| Bounds { low, high });
/// assert_eq!(stats::fault_tolerant_intersection(&bounds, 1)?, Some(Bounds { low: 0.05, high: 0.19 }));
/// assert_eq!(stats::fault_tolerant_intersection(&bounds, 0)?, None);
/// # Ok::<(), stats::RobustError>(())
/// ```
///
/// # References
/// Marzullo (1984), Maintaining the Time in a Distributed System, Stanford, as in the Network Time Protocol.
pub fn fault_tolerant_intersection(intervals: &[Bounds], faults: usize) -> Result<Option<Bounds>, RobustError> {
    let (lows, highs) = ends(intervals, faults)?;
    let needed = intervals.len() - faults;
    // Moving right, intervals begun less intervals ended before; the mirror image moving left.
    let low = lows.iter().enumerate().find(|(begun, low)| {
        let ended = highs.partition_point(|high| high < low);
        begun + 1 - ended >= needed
    });
    let high = highs.iter().rev().enumerate().find(|(ended, high)| {
        let begun_after = lows.len() - lows.partition_point(|low| low <= high);
        ended + 1 - begun_after >= needed
    });
    Ok(low.zip(high).map(|((_, &low), (_, &high))| Bounds { low, high }))
}

/// Gives what all intervals have in common; `None` when nothing.
///
/// # Formula
/// ```text
/// [max lowᵢ, min highᵢ]
/// ```
///
/// # Errors
/// As for [`fault_tolerant_intersection`].
///
/// # Use with care
/// For contrast: a single lie empties it.
///
/// # Examples
/// ```
/// use stats::Bounds;
/// let bounds = [Bounds { low: 0.0, high: 2.0 }, Bounds { low: 1.0, high: 3.0 }];
/// assert_eq!(stats::intersection(&bounds)?, Some(Bounds { low: 1.0, high: 2.0 }));
/// # Ok::<(), stats::RobustError>(())
/// ```
pub fn intersection(intervals: &[Bounds]) -> Result<Option<Bounds>, RobustError> {
    fault_tolerant_intersection(intervals, 0)
}

/// Gives the median of the lower and of the upper ends.
///
/// # Formula
/// ```text
/// [median lowᵢ, median highᵢ]
/// ```
///
/// # Errors
/// As for [`fault_tolerant_intersection`].
///
/// # Use with care
/// It says where most intervals lie, and has no coverage of its own.
///
/// # Examples
/// ```
/// use stats::Bounds;
/// let bounds = [(0.0, 1.0), (0.2, 1.4), (8.0, 9.0)].map(|(low, high)| Bounds { low, high });
/// assert_eq!(stats::median_of_bounds(&bounds)?, Bounds { low: 0.2, high: 1.4 });
/// # Ok::<(), stats::RobustError>(())
/// ```
pub fn median_of_bounds(intervals: &[Bounds]) -> Result<Bounds, RobustError> {
    let (lows, highs) = ends(intervals, 0)?;
    Ok(Bounds { low: sorted_median(&lows), high: sorted_median(&highs) })
}

/// The lower and the upper ends, each sorted.
fn ends(intervals: &[Bounds], faults: usize) -> Result<(Vec<f64>, Vec<f64>), RobustError> {
    let lows: Vec<f64> = intervals.iter().map(|bounds| bounds.low).collect();
    let highs: Vec<f64> = intervals.iter().map(|bounds| bounds.high).collect();
    let lows = checked(&lows, faults)?;
    checked(&highs, faults)?;
    match intervals.iter().find(|bounds| bounds.low > bounds.high) {
        Some(&Bounds { low, high }) => Err(RobustError::Bounds { low, high }),
        None => Ok((lows, sorted(&highs))),
    }
}
