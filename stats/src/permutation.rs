//! A difference of two arms among those under the same values dealt out to the arms anew.

use std::num::{NonZeroU64, NonZeroUsize};

use crate::numeric::sorted_mean;
use crate::random::Philox;
use crate::replicates::numbered;

#[cfg(test)]
mod tests;

/// Why there is no permutation test.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PermutationError {
    /// Outcomes and what stands beside them are not of one length.
    #[error("there are `{outcomes}` outcomes and `{others}` entries beside them")]
    LengthMismatch {
        /// How many outcomes.
        outcomes: usize,
        /// How many arms or strata.
        others: usize,
    },
    /// No stratum has values in both arms.
    #[error("no stratum has values in both arms")]
    NoComparison,
    /// A value is not finite.
    #[error("value `{value}` is not finite")]
    NotFinite {
        /// The value.
        value: f64,
    },
    /// Within strata all values are equal.
    #[error("the values do not differ")]
    NoSpread,
    /// The values are so far apart that sums of their differences are not finite.
    #[error("the values are too far apart for floating-point numbers")]
    OutOfRange,
    /// There are more assignments than may be enumerated, and no replicate may be drawn.
    #[error("there are more assignments than replicates, and no replicates were asked for")]
    NoReplicates,
}

/// A difference of means among those of all assignments, or of a sample of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PermutationTest {
    /// The difference, first arm less second.
    pub observed: f64,
    /// How many assignments were compared, the true one included.
    pub assignments: u64,
    /// How many have a difference at least as large.
    pub at_least: u64,
    /// How many have a difference at most as large.
    pub at_most: u64,
    /// How many have a difference at least as far from 0.
    pub at_least_absolute: u64,
    /// The share of the last: the two-sided probability.
    pub p_two_sided: f64,
    /// The share that is at least as large.
    pub p_greater: f64,
    /// The share that is at most as large.
    pub p_less: f64,
    /// Whether every assignment was compared.
    pub is_exact: bool,
}

/// Tests a difference of means by dealing the values out to the two samples anew.
///
/// # Model
/// Which value came into which sample was chance alone, if there is no effect on anyone.
///
/// # Formula
/// ```text
/// p = #{assignments with |x̄ − ȳ| ≥ |observed|} / #{assignments}
/// ```
/// Every assignment is compared where they are at most `replicates`; else so many are drawn and the true one is counted
/// with them: `(b + 1)/(B + 1)`. Differences within 1e-10 of the range count as equal. Replicate `r` uses stream `r` of
/// `seed`.
///
/// # Errors
/// [`PermutationError`] when a sample is empty, a value is not finite, the values do not differ, or there are more
/// assignments than `replicates` and `replicates` is 0.
///
/// # Use with care
/// Values must be exchangeable one by one: where they come in units, permute means of units.
///
/// # Examples
/// ```
/// let test = stats::permutation_test(&[12.0, 9.0, 15.0, 7.0, 11.0], &[18.0, 21.0, 9.0, 16.0, 25.0, 14.0], 1_000, 0)?;
/// assert!(test.is_exact && test.assignments == 462);
/// assert!((test.p_two_sided - 26.0 / 462.0).abs() < 1e-15);
/// # Ok::<(), stats::PermutationError>(())
/// ```
///
/// # References
/// Fisher (1935), The Design of Experiments, section 21. Phipson & Smyth (2010), Statistical Applications in Genetics and
/// Molecular Biology 9, 39.
pub fn permutation_test(
    first: &[f64],
    second: &[f64],
    replicates: u64,
    seed: u64,
) -> Result<PermutationTest, PermutationError> {
    let outcome = [first, second].concat();
    let is_first: Vec<bool> = (0..outcome.len()).map(|place| place < first.len()).collect();
    stratified_permutation_test(&outcome, &is_first, &vec![(); outcome.len()], replicates, seed)
}

/// Does what [`permutation_test`] does within strata: values change arms, but never the stratum.
///
/// # Formula
/// ```text
/// T = Σ_s w_s (x̄_s − ȳ_s) / Σ_s w_s      w_s = n_s m_s / (n_s + m_s)
/// ```
/// which is the coefficient of the arm in a regression with a column for each stratum. A stratum with one arm says nothing
/// and has no weight. `outcome`, `is_first` and `strata` are `[n]`.
///
/// # Errors
/// As for [`permutation_test`], and when lengths differ or no stratum has both arms.
///
/// # Examples
/// ```
/// let outcome = [1.0, 2.0, 3.0, 11.0, 12.0, 13.0];
/// let is_first = [false, false, true, false, false, true];
/// let test = stats::stratified_permutation_test(&outcome, &is_first, &["a", "a", "a", "b", "b", "b"], 100, 0)?;
/// assert_eq!((test.observed, test.assignments, test.at_least), (1.5, 9, 1));
/// # Ok::<(), stats::PermutationError>(())
/// ```
///
/// # References
/// As for [`permutation_test`]. Lehmann (1975), Nonparametrics, section 3.3 (blocks).
pub fn stratified_permutation_test<K: Ord>(
    outcome: &[f64],
    is_first: &[bool],
    strata: &[K],
    replicates: u64,
    seed: u64,
) -> Result<PermutationTest, PermutationError> {
    stratified_permutation_test_on(NonZeroUsize::MIN, outcome, is_first, strata, replicates, seed)
}

/// Does what [`stratified_permutation_test`] does on so many threads, which change nothing but the time it takes.
///
/// # Errors
/// As there.
///
/// # Examples
/// ```
/// use std::num::NonZeroUsize;
/// let outcome: Vec<f64> = (0..60).map(|place| f64::from(place * place % 61)).collect();
/// let is_first: Vec<bool> = (0..60).map(|place| place % 2 == 0).collect();
/// let strata = vec![(); 60];
/// let one = stats::stratified_permutation_test(&outcome, &is_first, &strata, 500, 1)?;
/// let two = NonZeroUsize::MIN.saturating_add(1);
/// assert_eq!(stats::stratified_permutation_test_on(two, &outcome, &is_first, &strata, 500, 1)?, one);
/// # Ok::<(), stats::PermutationError>(())
/// ```
pub fn stratified_permutation_test_on<K: Ord>(
    threads: NonZeroUsize,
    outcome: &[f64],
    is_first: &[bool],
    strata: &[K],
    replicates: u64,
    seed: u64,
) -> Result<PermutationTest, PermutationError> {
    let strata = Stratum::all(outcome, is_first, strata)?;
    let scale: f64 = strata.iter().map(Stratum::weight).sum();
    let sizes = strata.iter().flat_map(|stratum| &stratum.values).map(|value| value.abs());
    let (largest, sum) = sizes.fold((0.0_f64, 0.0), |(largest, sum), size| (largest.max(size), sum + size));
    if largest <= 0.0 {
        return Err(PermutationError::NoSpread);
    }
    let observed: f64 = strata.iter().map(|stratum| stratum.observed).sum();
    if !(sum.is_finite() && (observed / scale).is_finite()) {
        return Err(PermutationError::OutOfRange);
    }
    let count = strata.iter().try_fold(1_u128, |product, stratum| product.checked_mul(stratum.assignments()?));
    let is_exact = count.is_some_and(|count| count <= u128::from(replicates));
    let sums = if is_exact {
        strata.iter().fold(vec![0.0], |sums, stratum| {
            let own = stratum.all_sums();
            sums.iter().flat_map(|sum| own.iter().map(move |own| sum + own)).collect()
        })
    } else if replicates == 0 {
        return Err(PermutationError::NoReplicates);
    } else {
        let room = || strata.iter().map(|stratum| stratum.values.clone()).collect::<Vec<Vec<f64>>>();
        let drawn = |values: &mut Vec<Vec<f64>>, replicate: usize| -> f64 {
            let mut random = Philox::new(seed, replicate as u64);
            let each = strata.iter().zip(values).map(|(stratum, values)| stratum.drawn_sum(values, &mut random));
            each.sum()
        };
        let count = usize::try_from(replicates).unwrap_or(usize::MAX);
        std::iter::once(observed).chain(numbered(threads, count, room, drawn)).collect()
    };
    Ok(compared(observed, scale, &sums, 1e-10 * largest, is_exact))
}

fn compared(observed: f64, scale: f64, sums: &[f64], slack: f64, is_exact: bool) -> PermutationTest {
    let number = |holds: &dyn Fn(f64) -> bool| sums.iter().filter(|sum| holds(**sum)).count() as u64;
    let (at_least, at_most) = (number(&|sum| sum >= observed - slack), number(&|sum| sum <= observed + slack));
    let at_least_absolute = number(&|sum| sum.abs() >= observed.abs() - slack);
    let share = |count: u64| count as f64 / sums.len() as f64;
    PermutationTest {
        observed: observed / scale,
        assignments: sums.len() as u64,
        at_least,
        at_most,
        at_least_absolute,
        p_two_sided: share(at_least_absolute),
        p_greater: share(at_least),
        p_less: share(at_most),
        is_exact,
    }
}

/// Values of one stratum, less their mean and sorted: the weighted difference of its arms is then the sum of the first.
struct Stratum {
    values: Vec<f64>,
    in_first: usize,
    observed: f64,
}

impl Stratum {
    fn all<K: Ord>(outcome: &[f64], is_first: &[bool], strata: &[K]) -> Result<Vec<Self>, PermutationError> {
        let outcomes = outcome.len();
        for others in [is_first.len(), strata.len()] {
            if others != outcomes {
                return Err(PermutationError::LengthMismatch { outcomes, others });
            }
        }
        if let Some(&value) = outcome.iter().find(|value| !value.is_finite()) {
            return Err(PermutationError::NotFinite { value });
        }
        let mut rows: Vec<(&K, f64, bool)> =
            strata.iter().zip(outcome).zip(is_first).map(|((name, value), first)| (name, *value, *first)).collect();
        rows.sort_by(|one, other| one.0.cmp(other.0).then(one.1.total_cmp(&other.1)).then(one.2.cmp(&other.2)));
        let found: Vec<Self> = rows.chunk_by(|one, other| one.0 == other.0).filter_map(Self::of).collect();
        if found.is_empty() { Err(PermutationError::NoComparison) } else { Ok(found) }
    }

    /// `None` where an arm is empty.
    fn of<K>(rows: &[(&K, f64, bool)]) -> Option<Self> {
        let in_first = rows.iter().filter(|(_, _, is_first)| *is_first).count();
        if in_first == 0 || in_first == rows.len() {
            return None;
        }
        let raw: Vec<f64> = rows.iter().map(|(_, value, _)| *value).collect();
        let is_constant = raw.first() == raw.last();
        let mean = sorted_mean(&raw);
        let values: Vec<f64> = raw.iter().map(|value| if is_constant { 0.0 } else { value - mean }).collect();
        let observed = values.iter().zip(rows).filter(|(_, row)| row.2).map(|(value, _)| value).sum();
        Some(Self { values, in_first, observed })
    }

    fn weight(&self) -> f64 {
        let (n, all) = (self.in_first as f64, self.values.len() as f64);
        n * ((all - n) / all)
    }

    /// How many ways there are to choose the first arm.
    fn assignments(&self) -> Option<u128> {
        let all = self.values.len();
        let chosen = self.in_first.min(all - self.in_first);
        (1..=chosen).try_fold(1_u128, |product, step| {
            // The product is a binomial coefficient after each step.
            Some(product.checked_mul((all - chosen + step) as u128)? / step as u128)
        })
    }

    /// The sums of all ways to choose it.
    fn all_sums(&self) -> Vec<f64> {
        let all = self.values.len();
        let mut places: Vec<usize> = (0..self.in_first).collect();
        let mut sums = Vec::new();
        loop {
            sums.push(places.iter().map(|place| self.values[*place]).sum());
            // The last place that can move up, and those behind it next to it.
            let can_move = |index: usize| places[index] < all - self.in_first + index;
            let Some(index) = (0..self.in_first).rev().find(|index| can_move(*index)) else { return sums };
            let next = places[index] + 1;
            for (place, value) in places[index..].iter_mut().zip(next..) {
                *place = value;
            }
        }
    }

    /// The sum of one drawn way; `values` is room for it.
    fn drawn_sum(&self, values: &mut [f64], random: &mut Philox) -> f64 {
        values.copy_from_slice(&self.values);
        for place in 0..self.in_first {
            let left = NonZeroU64::new((values.len() - place) as u64).unwrap_or(NonZeroU64::MIN);
            let other = usize::try_from(random.below(left)).expect("a number below a length fits");
            values.swap(place, place + other);
        }
        values[..self.in_first].iter().sum()
    }
}
