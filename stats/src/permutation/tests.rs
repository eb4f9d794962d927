use proptest::prelude::*;

use super::*;

/// The difference of means, stratum by stratum, as its definition has it.
fn difference(outcome: &[f64], is_first: &[bool], strata: &[u8]) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for name in 0..=u8::MAX {
        let arm = |wanted: bool| -> (f64, f64) {
            let rows = outcome.iter().zip(is_first).zip(strata);
            rows.filter(|((_, first), stratum)| **first == wanted && **stratum == name)
                .fold((0.0, 0.0), |(count, sum), ((value, _), _)| (count + 1.0, sum + value))
        };
        let ((n, x), (m, y)) = (arm(true), arm(false));
        if n * m > 0.0 {
            let weight = n * m / (n + m);
            weights += weight;
            sum += weight * (x / n - y / m);
        }
    }
    sum / weights
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Going through all arms of all values and keeping those with as many first in each stratum gives the same counts.
    #[test]
    fn the_exact_test_is_enumeration(rows in prop::collection::vec((0..9_i32, any::<bool>(), 0..2_u8), 3..11)) {
        let outcome: Vec<f64> = rows.iter().map(|row| f64::from(row.0) * 0.1).collect();
        let is_first: Vec<bool> = rows.iter().map(|row| row.1).collect();
        let strata: Vec<u8> = rows.iter().map(|row| row.2).collect();
        let test = stratified_permutation_test(&outcome, &is_first, &strata, 10_000, 0);
        prop_assume!(test.is_ok());
        let test = test.expect("assumed");
        let observed = difference(&outcome, &is_first, &strata);
        prop_assert!((test.observed - observed).abs() < 1e-12);
        let sizes = |arms: &[bool]| (0..2).map(|name| {
            arms.iter().zip(&strata).filter(|(first, stratum)| **first && **stratum == name).count()
        }).collect::<Vec<_>>();
        let wanted = sizes(&is_first);
        let all: Vec<f64> = (0..1_u32 << rows.len())
            .map(|mask| (0..rows.len()).map(|place| mask >> place & 1 == 1).collect::<Vec<bool>>())
            .filter(|arms| sizes(arms) == wanted)
            .map(|arms| difference(&outcome, &arms, &strata))
            .collect();
        let count = |holds: &dyn Fn(f64) -> bool| all.iter().filter(|value| holds(**value)).count() as u64;
        prop_assert!(test.is_exact);
        prop_assert_eq!(test.assignments, all.len() as u64);
        prop_assert_eq!(test.at_least, count(&|value| value >= observed - 1e-9));
        prop_assert_eq!(test.at_most, count(&|value| value <= observed + 1e-9));
        prop_assert_eq!(test.at_least_absolute, count(&|value| value.abs() >= observed.abs() - 1e-9));
    }
}

/// The drawn probability is near the exact one, and is never 0. 4,000 draws: three standard errors are 0.013.
#[test]
fn draws_come_near_enumeration() {
    let (first, second) = ([5.0, 9.0, 4.0, 8.0, 7.5, 6.0], [3.0, 4.5, 6.5, 2.0, 5.5, 1.0, 2.5]);
    let exact = permutation_test(&first, &second, 2_000, 0).expect("they vary");
    let drawn = permutation_test(&first, &second, 1_500, 1).expect("they vary");
    assert!(exact.is_exact && exact.assignments == 1_716 && !drawn.is_exact && drawn.assignments == 1_501);
    assert!((exact.p_greater - drawn.p_greater).abs() < 0.02 && (exact.p_less - drawn.p_less).abs() < 0.02);
    let apart: Vec<f64> = (0..20).map(f64::from).collect();
    let above: Vec<f64> = apart.iter().map(|value| value + 100.0).collect();
    let test = permutation_test(&above, &apart, 999, 3).expect("they vary");
    assert!((test.p_two_sided - 1.0 / 1_000.0).abs() < 1e-15);
    assert_eq!(permutation_test(&above, &apart, 999, 3), Ok(test));
    let backwards: Vec<f64> = above.iter().rev().copied().collect();
    assert_eq!(permutation_test(&backwards, &apart, 999, 3), Ok(test));
}

/// Without an effect a test at 10 % rejects in a tenth of runs, whatever the strata do. 400 runs: three standard errors
/// are 0.045.
#[test]
fn the_level_holds_where_strata_differ() {
    let rejects = |run: u64| {
        let mut random = Philox::new(31, run);
        let rows: Vec<(f64, bool, usize)> = (0..60)
            .map(|row| {
                let stratum = row % 3;
                // The first arm is common where values are large.
                let is_first = random.unit() < [0.2, 0.5, 0.8][stratum];
                (10.0 * stratum as f64 - libm::log(1.0 - random.unit()), is_first, stratum)
            })
            .collect();
        let outcome: Vec<f64> = rows.iter().map(|row| row.0).collect();
        let is_first: Vec<bool> = rows.iter().map(|row| row.1).collect();
        let strata: Vec<usize> = rows.iter().map(|row| row.2).collect();
        let test = stratified_permutation_test(&outcome, &is_first, &strata, 199, run).expect("they vary");
        test.p_two_sided <= 0.1
    };
    let rejected = (0..400).filter(|run| rejects(*run)).count() as f64 / 400.0;
    assert!((0.055..=0.145).contains(&rejected), "{rejected}");
}

#[test]
fn what_has_no_answer_is_refused() {
    assert_eq!(permutation_test(&[], &[1.0], 10, 0), Err(PermutationError::NoComparison));
    assert_eq!(permutation_test(&[1.0, 1.0], &[1.0], 10, 0), Err(PermutationError::NoSpread));
    assert!(matches!(permutation_test(&[f64::NAN], &[1.0], 10, 0), Err(PermutationError::NotFinite { .. })));
    assert_eq!(permutation_test(&[1e308, -1e308], &[1e308, -1e308], 10, 0), Err(PermutationError::OutOfRange));
    assert_eq!(permutation_test(&[1.0, 2.0], &[3.0], 0, 0), Err(PermutationError::NoReplicates));
    let apart = stratified_permutation_test(&[1.0, 2.0], &[true, false], &[1, 2], 10, 0);
    assert_eq!(apart, Err(PermutationError::NoComparison));
    let short = stratified_permutation_test(&[1.0, 2.0], &[true], &[1, 2], 10, 0);
    assert_eq!(short, Err(PermutationError::LengthMismatch { outcomes: 2, others: 1 }));
}
