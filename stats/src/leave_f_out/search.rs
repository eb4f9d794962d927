//! How much it takes to change a conclusion: by leaving more out, and by withdrawing some.

use super::{HullError, leave_out_hull};

/// A side of a hull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The lower limit, which concludes while it is above a threshold.
    Lower,
    /// The upper limit, which concludes while it is below a threshold.
    Upper,
}

/// What a search for a smallest set found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockingSet {
    /// A smallest set, by place; the first in their order.
    Found(Vec<usize>),
    /// No set of fewer members blocks; larger ones were too many to go through, or there are none.
    AtLeast(usize),
}

/// Gives the largest number of values that may lie without changing a conclusion.
///
/// # Formula
/// ```text
/// max { k ≤ ⌊(m − 1)/2⌋ : the conclusion is the same with 0, 1, …, k left out }      None if not even with 0
/// ```
/// `holds` says whether it is, with that many left out; it is asked in rising order, up to the first no.
///
/// # Examples
/// ```
/// let values = [0.2, 0.21, 0.22, 0.2, 0.19, 0.18, 0.2];
/// let holds = |left_out| stats::leave_out_hull(&values, left_out, 0.95).is_ok_and(|hull| hull.low > 0.0);
/// assert_eq!(stats::sound_against(values.len(), holds), Some(3));
/// ```
pub fn sound_against(count: usize, mut holds: impl FnMut(usize) -> bool) -> Option<usize> {
    (0..=count.saturating_sub(1) / 2).take_while(|left_out| holds(*left_out)).last()
}

/// Gives a smallest set of values whose withdrawal takes a limit of the hull past a threshold.
///
/// # Formula
/// ```text
/// min b : hull with f + b left out of m has low ≤ threshold (or high ≥ threshold)
/// ```
/// With `b` withdrawn and `f` of the rest left out, all subsets of `m − b − f` occur: the lowest limit over all ways to
/// withdraw `b` is that of the hull that leaves out `f + b`. So no set has to be gone through, and the answer is exact.
/// Named are, of the values that this hull leaves out, the `b` largest for the lower and the `b` smallest for the upper
/// limit. `None` when no withdrawal does it before fewer than two values are left.
///
/// # Errors
/// As for [`leave_out_hull`].
///
/// # Examples
/// ```
/// let values = [0.3, 0.2, 0.4, 0.35, 0.25, 0.01, 0.3, 0.28];
/// let fewest = stats::fewest_withdrawals(&values, 1, 0.95, stats::Side::Lower, 0.0)?;
/// assert!(fewest.is_some_and(|places| !places.is_empty()));
/// # Ok::<(), stats::HullError>(())
/// ```
pub fn fewest_withdrawals(
    values: &[f64],
    left_out: usize,
    confidence: f64,
    side: Side,
    threshold: f64,
) -> Result<Option<Vec<usize>>, HullError> {
    leave_out_hull(values, left_out, confidence)?;
    for withdrawn in 0..=values.len().saturating_sub(left_out + 2) {
        let hull = leave_out_hull(values, left_out + withdrawn, confidence)?;
        let (is_past, mut block) = match side {
            Side::Lower => (hull.low <= threshold, hull.left_out_for_low),
            Side::Upper => (hull.high >= threshold, hull.left_out_for_high),
        };
        if is_past {
            block.sort_by(|&one, &other| match side {
                Side::Lower => values[other].total_cmp(&values[one]),
                Side::Upper => values[one].total_cmp(&values[other]),
            });
            block.truncate(withdrawn);
            block.sort_unstable();
            return Ok(Some(block));
        }
    }
    Ok(None)
}

/// Looks for a smallest set of members that does something, such as block a conclusion by its withdrawal.
///
/// # Formula
/// Sizes 0, 1, 2, … are gone through whole while there are at most `most_sets` sets of that size.
///
/// `blocks` is asked with the places of a set, in rising order.
///
/// # Use with care
/// Which of several smallest sets is found depends on the order of the members: give them in an order of their own.
///
/// # Examples
/// ```
/// use stats::BlockingSet;
/// let blocks = |set: &[usize]| set.contains(&1) && set.contains(&4);
/// assert_eq!(stats::smallest_blocking_set(6, 5_000, blocks), BlockingSet::Found(vec![1, 4]));
/// assert_eq!(stats::smallest_blocking_set(6, 10, blocks), BlockingSet::AtLeast(2));
/// ```
pub fn smallest_blocking_set(count: usize, most_sets: usize, mut blocks: impl FnMut(&[usize]) -> bool) -> BlockingSet {
    for size in 0..=count {
        let Some(mut sets) = subsets(count, size, most_sets) else { return BlockingSet::AtLeast(size) };
        if let Some(set) = sets.find(|set| blocks(set)) {
            return BlockingSet::Found(set);
        }
    }
    BlockingSet::AtLeast(count + 1)
}

/// All sets of `size` of the numbers below `count`, in lexicographic order; `None` when there are more than `most`.
pub(crate) fn subsets(count: usize, size: usize, most: usize) -> Option<impl Iterator<Item = Vec<usize>>> {
    let is_few = size <= count
        && (1..=size.min(count - size)).try_fold(1_usize, |sets, chosen| {
            let sets = sets.checked_mul(count + 1 - chosen)? / chosen;
            (sets <= most).then_some(sets)
        })? <= most;
    let first: Vec<usize> = (0..size).collect();
    is_few.then(|| std::iter::successors(Some(first), move |set| following(set, count)))
}

fn following(set: &[usize], count: usize) -> Option<Vec<usize>> {
    let size = set.len();
    let last_that_can_grow = (0..size).rev().find(|place| set[*place] < count - size + place)?;
    let mut next = set.to_vec();
    let grown = set[last_that_can_grow] + 1;
    for (place, member) in next.iter_mut().enumerate().skip(last_that_can_grow) {
        *member = grown + place - last_that_can_grow;
    }
    Some(next)
}
