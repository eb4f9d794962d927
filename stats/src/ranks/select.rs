//! Order statistics of all differences or averages of sorted values, without forming them.

/// The order statistic at `place`, from 0, of all `first − second`; both sorted, neither empty.
///
/// Counting how many differences are not above a number takes one pass over the two; the numbers between the smallest
/// and the largest are halved in the order of their bits, at most 64 times. The answer is a difference, not near one.
pub(super) fn difference_at(first: &[f64], second: &[f64], place: u64) -> f64 {
    let (Some((lowest, highest)), Some((least, most))) = (ends(first), ends(second)) else { return 0.0 };
    select(lowest - most, highest - least, place, |limit| {
        let mut skipped = 0;
        let mut count = 0;
        for value in first {
            skipped += second[skipped..].iter().take_while(|other| value - **other > limit).count();
            count += (second.len() - skipped) as u64;
        }
        count
    })
}

/// The order statistic at `place`, from 0, of all averages of two values, each with itself too; sorted, not empty.
pub(super) fn average_at(values: &[f64], place: u64) -> f64 {
    let Some((lowest, highest)) = ends(values) else { return 0.0 };
    let sum = select(lowest + lowest, highest + highest, place, |limit| {
        let mut kept = values.len();
        let mut count = 0;
        for (index, value) in values.iter().enumerate() {
            kept -= values[..kept].iter().rev().take_while(|other| value + **other > limit).count();
            if kept <= index {
                break;
            }
            count += (kept - index) as u64;
        }
        count
    });
    0.5 * sum
}

/// The median of `count` values, given by order statistic.
pub(super) fn median_at(count: u64, at: impl Fn(u64) -> f64) -> f64 {
    let upper = at(count / 2);
    if count.is_multiple_of(2) { at(count / 2 - 1).midpoint(upper) } else { upper }
}

fn ends(sorted: &[f64]) -> Option<(f64, f64)> {
    sorted.first().copied().zip(sorted.last().copied())
}

/// The smallest number between `low` and `high` with more than `place` values not above it.
fn select(low: f64, high: f64, place: u64, not_above: impl Fn(f64) -> u64) -> f64 {
    let (mut low, mut high) = (key(low), key(high));
    while low < high {
        let middle = low.midpoint(high);
        // Rounds towards 0: keep it below the upper end.
        let middle = if middle == high { middle - 1 } else { middle };
        if not_above(number(middle)) > place {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    number(low)
}

/// Finite numbers in their order, as whole numbers; both zeros are 0.
fn key(number: f64) -> i64 {
    let bits = number.to_bits().cast_signed();
    if bits < 0 { i64::MIN - bits } else { bits }
}

fn number(key: i64) -> f64 {
    let bits = if key < 0 { i64::MIN - key } else { key };
    f64::from_bits(bits.cast_unsigned())
}
