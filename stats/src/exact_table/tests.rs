use proptest::prelude::*;

use super::*;

fn group(events: u64, subjects: u64) -> Proportion {
    Proportion { events, subjects }
}

fn close(one: f64, other: f64, relative: f64) -> bool {
    (one - other).abs() <= relative * other.abs()
}

// Oracle: bisection of sums of exact binomial coefficients in 60-digit arithmetic.
#[test]
fn limits_agree_with_long_arithmetic() {
    let tables = [
        ((56, 70, 48, 80), Some(2.649_187_295_723_694_4), 1.209_115_478_924_125_6, Some(6.039_873_013_133_444)),
        ((6, 7, 2, 7), Some(11.714_345_924_368_008), 0.720_339_068_629_765_9, Some(823.979_841_491_147_6)),
        ((10, 10, 0, 20), None, 23.358_071_647_209_744, None),
        ((3, 61, 9, 55), Some(0.267_292_855_685_950_1), 0.044_043_477_250_816_38, Some(1.150_826_858_279_023)),
        ((12, 240, 12, 240), Some(1.0), 0.401_562_409_685_330_75, Some(2.490_272_933_623_474)),
    ];
    for ((x1, n1, x2, n2), estimate, low, high) in tables {
        let ratio = fisher_exact_test(group(x1, n1), group(x2, n2), 0.95).expect("there are subjects").odds_ratio;
        assert!(close(ratio.low, low, 1e-11), "{ratio:?}");
        for (found, expected) in [(ratio.estimate, estimate), (ratio.high, high)] {
            assert_eq!(found.is_some(), expected.is_some(), "{ratio:?}");
            assert!(found.zip(expected).is_none_or(|(found, expected)| close(found, expected, 1e-11)), "{ratio:?}");
        }
    }
}

// Fisher (1935): of eight cups with four of each kind, all are named rightly with probability 1/70.
#[test]
fn example_fisher1935() {
    let test = fisher_exact_test(group(4, 4), group(0, 4), 0.95).expect("there are cups");
    assert!(close(test.p_above, 1.0 / 70.0, 1e-14) && close(test.p_two_sided, 2.0 / 70.0, 1e-14), "{test:?}");
    assert_eq!((test.odds_ratio.estimate, test.odds_ratio.high), (None, None));
    let test = fisher_exact_test(group(3, 4), group(1, 4), 0.95).expect("there are cups");
    assert!(close(test.p_above, 17.0 / 70.0, 1e-14) && close(test.p_two_sided, 34.0 / 70.0, 1e-14), "{test:?}");
}

// Oracle: all assignments of the events to the subjects, one by one.
#[test]
fn probabilities_are_those_of_all_assignments() {
    let (first, second, events) = (5_u32, 6_u32, 4_u32);
    let mut counts = [0.0; 6];
    for assignment in 0_u32..1 << (first + second) {
        if assignment.count_ones() == events {
            counts[(assignment & 0b1_1111).count_ones() as usize] += 1.0;
        }
    }
    let whole: f64 = counts.iter().sum();
    for seen in 0..=4_u64 {
        let test = fisher_exact_test(group(seen, 5), group(4 - seen, 6), 0.95).expect("there are subjects");
        let at = usize::try_from(seen).expect("it is small");
        let rare: f64 = counts.iter().filter(|count| **count <= counts[at]).sum();
        assert!(close(test.p_two_sided, rare / whole, 1e-13), "{seen}");
        assert!(close(test.p_below, counts[..=at].iter().sum::<f64>() / whole, 1e-13), "{seen}");
        assert!(close(test.p_above, counts[at..].iter().sum::<f64>() / whole, 1e-13), "{seen}");
    }
}

#[test]
fn nothing_to_split_leaves_everything_open() {
    for table in [(group(0, 10), group(0, 20)), (group(10, 10), group(20, 20))] {
        let test = fisher_exact_test(table.0, table.1, 0.95).expect("there are subjects");
        assert!(close(test.p_two_sided, 1.0, 1e-15));
        assert_eq!((test.odds_ratio.estimate, test.odds_ratio.high), (None, None));
        assert!(test.odds_ratio.low.abs() < f64::MIN_POSITIVE);
    }
}

#[test]
fn large_tables_are_summed_near_their_mode() {
    let test = fisher_exact_test(group(1_000_000, 50_000_000), group(1_003_000, 50_000_000), 0.95).expect("in range");
    // The normal approximation is right to a few digits here: z = -2.1411 with half an event off.
    assert!(close(test.p_two_sided, 0.032_3, 0.01), "{test:?}");
}

#[test]
fn impossible_tables_are_refused() {
    let refused = |first, second| fisher_exact_test(first, second, 0.95).expect_err("there is no such table");
    assert_eq!(refused(group(0, 0), group(1, 2)), ExactTableError::NoSubjects);
    let too_many = ExactTableError::MoreEventsThanSubjects { events: 3, subjects: 2 };
    assert_eq!(refused(group(3, 2), group(1, 2)), too_many);
    assert!(matches!(refused(group(0, u64::MAX), group(1, 2)), ExactTableError::TooMany { .. }));
    for confidence in [0.0, 1.0, f64::NAN] {
        assert!(fisher_exact_test(group(1, 2), group(1, 2), confidence).is_err());
    }
}

proptest! {
    #[test]
    fn swapping_groups_or_outcomes_inverts(x1 in 0_u64..30, more1 in 1_u64..30, x2 in 0_u64..30, more2 in 1_u64..30) {
        let (first, second) = (group(x1, x1 + more1), group(x2, x2 + more2));
        let given = fisher_exact_test(first, second, 0.9).expect("there are subjects");
        let swapped = fisher_exact_test(second, first, 0.9).expect("there are subjects");
        let other = fisher_exact_test(group(more1, x1 + more1), group(more2, x2 + more2), 0.9).expect("the same");
        for turned in [swapped, other] {
            prop_assert!(close(given.p_two_sided, turned.p_two_sided, 1e-10));
            prop_assert!(close(given.p_above, turned.p_below, 1e-10));
            match turned.odds_ratio.high {
                Some(high) => prop_assert!(close(given.odds_ratio.low, 1.0 / high, 1e-9)),
                None => prop_assert!(given.odds_ratio.low.abs() < f64::MIN_POSITIVE),
            }
        }
        if let (Some(estimate), Some(high)) = (given.odds_ratio.estimate, given.odds_ratio.high) {
            prop_assert!(given.odds_ratio.low <= estimate && estimate <= high);
        }
    }
}
