use proptest::prelude::*;

use super::*;
use crate::distributions::student_t_quantile;
use crate::meta_analysis::{PooledMethod, Tau2Method};

/// The t-interval of some values, by the textbook.
fn plain_interval(values: &[f64], confidence: f64) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let half = student_t_quantile(0.5 + 0.5 * confidence, count - 1.0).expect("a level") * (variance / count).sqrt();
    (mean - half, mean + half)
}

fn kept(values: &[f64], left_out: usize) -> Vec<Vec<f64>> {
    let sets = subsets(values.len(), values.len() - left_out, 1_000_000).expect("few sets");
    sets.map(|set| set.iter().map(|place| values[*place]).collect()).collect()
}

fn by_enumeration(values: &[f64], left_out: usize, confidence: f64) -> (f64, f64) {
    let intervals = kept(values, left_out).into_iter().map(|subset| plain_interval(&subset, confidence));
    intervals.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), own| (low.min(own.0), high.max(own.1)))
}

fn p_by_enumeration(values: &[f64], left_out: usize, threshold: f64) -> f64 {
    let p = kept(values, left_out).into_iter().map(|subset| {
        let count = subset.len() as f64;
        let mean = subset.iter().sum::<f64>() / count;
        let deviation = (subset.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
        student_t_upper_tail((mean - threshold) / (deviation / count.sqrt()), count - 1.0).expect("degrees of freedom")
    });
    p.fold(0.0, f64::max)
}

/// Values with ties, clusters and outliers, and how many are left out.
fn samples() -> impl Strategy<Value = (Vec<f64>, usize)> {
    let value = prop_oneof![
        4 => -1.0..1.0_f64,
        2 => (-3..=3_i32).prop_map(|value| f64::from(value) * 0.25),
        1 => 40.0..60.0_f64,
        1 => -1e6..1e6_f64,
    ];
    (prop::collection::vec(value, 2..11), 0..5_usize).prop_map(|(values, left_out)| {
        let left_out = left_out.min(values.len() - 2);
        (values, left_out)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    // The oracle is enumeration of all subsets.
    #[test]
    fn the_block_finds_what_enumeration_finds((values, left_out) in samples(), level in 0..4_usize) {
        let confidence = [0.5, 0.9, 0.95, 0.9975][level];
        let hull = leave_out_hull(&values, left_out, confidence).expect("two are left");
        let (low, high) = by_enumeration(&values, left_out, confidence);
        let size = values.iter().fold(1.0_f64, |size, value| size.max(value.abs()));
        prop_assert!((hull.low - low).abs() <= 1e-10 * size.max(low.abs()), "{} {low}", hull.low);
        prop_assert!((hull.high - high).abs() <= 1e-10 * size.max(high.abs()), "{} {high}", hull.high);
        // The named absence gives the limit.
        let without: Vec<f64> = (0..values.len())
            .filter(|place| !hull.left_out_for_low.contains(place))
            .map(|place| values[place])
            .collect();
        prop_assert_eq!(without.len(), values.len() - left_out);
        prop_assert!((plain_interval(&without, confidence).0 - low).abs() <= 1e-10 * size.max(low.abs()));
    }

    #[test]
    fn the_largest_p_value_is_that_of_enumeration((values, left_out) in samples(), threshold in -0.5..0.5_f64) {
        let shifted: Vec<f64> = values.iter().map(|value| value + 0.6).collect();
        let p = leave_out_p_value(&shifted, left_out, threshold).expect("two are left");
        let all = p_by_enumeration(&shifted, left_out, threshold);
        if all.is_nan() {
            return Ok(());
        }
        let agrees = if all <= 0.5 { (p - all).abs() < 1e-9 } else { (0.5 - 1e-9..=all + 1e-9).contains(&p) };
        prop_assert!(agrees, "{} {}", p, all);
    }

    #[test]
    fn order_and_sign_and_place_do_not_matter((values, left_out) in samples(), shift in -5.0..5.0_f64) {
        let hull = leave_out_hull(&values, left_out, 0.95).expect("two are left");
        let mut reversed = values.clone();
        reversed.reverse();
        let other = leave_out_hull(&reversed, left_out, 0.95).expect("two are left");
        prop_assert_eq!((hull.low.to_bits(), hull.high.to_bits()), (other.low.to_bits(), other.high.to_bits()));
        let mirrored: Vec<f64> = values.iter().map(|value| -value).collect();
        let mirror = leave_out_hull(&mirrored, left_out, 0.95).expect("two are left");
        let size = values.iter().fold(1.0_f64, |size, value| size.max(value.abs())) + hull.high - hull.low;
        prop_assert!((mirror.low + hull.high).abs() <= 1e-12 * size && (mirror.high + hull.low).abs() <= 1e-12 * size);
        let moved: Vec<f64> = values.iter().map(|value| value + shift).collect();
        let moved = leave_out_hull(&moved, left_out, 0.95).expect("two are left");
        prop_assert!((moved.low - hull.low - shift).abs() <= 1e-10 * size);
    }

    // What the honest alone would say lies inside, whatever the liars say.
    #[test]
    fn the_hull_holds_the_honest_interval(
        honest in prop::collection::vec(-1.0..1.0_f64, 3..9),
        lies in prop::collection::vec(prop_oneof![-2.0..2.0_f64, Just(f64::MAX), Just(-1e300), Just(0.3)], 0..4),
    ) {
        let all = [honest.as_slice(), &lies].concat();
        let (low, high) = plain_interval(&honest, 0.95);
        // With as many lies as are left out, and with fewer.
        for left_out in lies.len()..=all.len() - 2 {
            let hull = leave_out_hull(&all, left_out, 0.95).expect("two are left");
            prop_assert!(hull.low <= low + 1e-12 && high <= hull.high + 1e-12);
        }
        let p = leave_out_p_value(&all, lies.len(), 0.0).expect("three are left");
        let alone = p_by_enumeration(&honest, 0, 0.0);
        prop_assert!(p >= alone.min(0.5) - 1e-9);
    }

    // Leaving one more out never says more.
    #[test]
    fn leaving_more_out_widens((values, left_out) in samples()) {
        if values.len() == left_out + 2 {
            return Ok(());
        }
        let (one, more) = (leave_out_hull(&values, left_out, 0.95), leave_out_hull(&values, left_out + 1, 0.95));
        let (one, more) = (one.expect("two are left"), more.expect("two are left"));
        let slack = 1e-9 * (more.high - more.low);
        prop_assert!(more.low <= one.low + slack && one.high <= more.high + slack);
    }

    // The oracle withdraws every set.
    #[test]
    fn the_fewest_withdrawals_are_those_of_enumeration(
        values in prop::collection::vec(0.0..1.0_f64, 4..9),
        left_out in 0..2_usize,
        threshold in -0.2..0.6_f64,
    ) {
        for (side, threshold) in [(Side::Lower, threshold), (Side::Upper, 1.0 - threshold)] {
            let fewest = fewest_withdrawals(&values, left_out, 0.95, side, threshold).expect("two are left");
            let is_past = |withdrawn: &[usize]| {
                let rest: Vec<f64> =
                    (0..values.len()).filter(|place| !withdrawn.contains(place)).map(|place| values[place]).collect();
                leave_out_hull(&rest, left_out, 0.95).is_ok_and(|hull| match side {
                    Side::Lower => hull.low <= threshold,
                    Side::Upper => hull.high >= threshold,
                })
            };
            match (&fewest, smallest_blocking_set(values.len(), 1_000, is_past)) {
                (Some(places), BlockingSet::Found(found)) => {
                    prop_assert_eq!(places.len(), found.len());
                    prop_assert!(is_past(places), "{places:?} does not do it");
                }
                (None, BlockingSet::AtLeast(_)) => {}
                (one, other) => prop_assert!(false, "{one:?} {other:?}"),
            }
        }
    }
}

// With nothing left out it is Student's interval. Student (1908): additional hours of sleep by hyoscyamine, as R's
// `sleep` has them: mean 0.75, interval -0.5297804 to 2.0297804.
#[test]
fn example_student1908() {
    let hours = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    let hull = leave_out_hull(&hours, 0, 0.95).expect("ten are left");
    let p = leave_out_p_value(&hours, 0, 0.0).expect("ten are left");
    // The first group has mean 0.75 and standard deviation 1.78901.
    assert!((hull.smallest_mean - 0.75).abs() < 1e-12 && (hull.largest_mean - 0.75).abs() < 1e-12);
    assert!((hull.low + 0.529_780_4).abs() < 1e-7 && (hull.high - 2.029_780_4).abs() < 1e-7);
    assert!((2.0 * p - 0.217_597_8).abs() < 1e-6, "{p}");
}

#[test]
fn an_absurd_value_costs_no_digits() {
    let honest = [0.1, 0.11, 0.12, 0.13, 0.14, 0.12];
    let (low, high) = plain_interval(&honest, 0.95);
    for lie in [1e12, 1e150, f64::MAX, -f64::MAX] {
        let all = [honest.as_slice(), &[lie]].concat();
        let hull = leave_out_hull(&all, 1, 0.95).expect("six are left");
        let without = SortedSums::of(&all, 1).expect("six are left");
        let first = if lie > 0.0 { 6 } else { 0 };
        let part = without.candidates().find(|(place, _)| *place == first).expect("a candidate").1;
        assert!((without.centre + part.mean - 0.12).abs() < 1e-16);
        assert!((part.deviation() - 0.014_142_135_623_730_95).abs() < 1e-16);
        assert!(hull.low <= low && high <= hull.high && hull.low.is_finite() && hull.high.is_finite());
    }
    // Far from its median a narrow cluster keeps its digits too.
    let far: Vec<f64> = [0.0, 1.0, 2.0].iter().map(|step| 1e8 + step * 1e-3).chain([0.0; 4]).collect();
    let sums = SortedSums::of(&far, 4).expect("three are left");
    let top = sums.candidates().next().expect("a candidate").1;
    assert!((top.deviation() - 1e-3).abs() < 1e-8);
}

#[test]
fn no_spread_is_an_answer() {
    let hull = leave_out_hull(&[0.2; 6], 2, 0.95).expect("four are left");
    assert!((hull.low - 0.2).abs() < 1e-16 && (hull.high - 0.2).abs() < 1e-16 && hull.has_constant_subset);
    let p_values = [0.1, 0.2, 0.3].map(|threshold| leave_out_p_value(&[0.2; 6], 2, threshold));
    assert_eq!(p_values, [Ok(0.0), Ok(0.5), Ok(1.0)]);
    let hull = leave_out_hull(&[0.2, 0.2, 0.2, 0.2, 0.9], 1, 0.95).expect("four are left");
    assert!(hull.has_constant_subset && hull.high > 0.2);
    assert!(!leave_out_hull(&[0.2, 0.2, 0.2, 0.8, 0.9], 1, 0.95).expect("four are left").has_constant_subset);
}

#[test]
fn bad_values_are_errors() {
    assert!(matches!(leave_out_hull(&[], 0, 0.95), Err(HullError::TooFew { .. })));
    assert!(matches!(leave_out_hull(&[1.0, 2.0, 3.0], 2, 0.95), Err(HullError::TooFew { needed: 2, .. })));
    assert!(matches!(leave_out_hull(&[1.0, 2.0], usize::MAX, 0.95), Err(HullError::TooFew { .. })));
    assert!(matches!(leave_out_hull(&[1.0, f64::NAN, 3.0], 0, 0.95), Err(HullError::NotFinite { .. })));
    assert!(matches!(leave_out_hull(&[1.0, 2.0, 3.0], 0, 1.0), Err(HullError::Confidence(_))));
    assert!(matches!(leave_out_p_value(&[1.0, 2.0], 0, f64::INFINITY), Err(HullError::NotFinite { .. })));
    assert!(matches!(fewest_withdrawals(&[1.0], 0, 0.95, Side::Lower, 0.0), Err(HullError::TooFew { .. })));
}

#[test]
fn the_pooled_hull_is_not_computed_when_it_would_take_long() {
    let (estimates, variances) = ([0.1; 40], [0.01; 40]);
    let method = PooledMethod::HartungKnappAdHoc;
    let hull = |count: usize, left_out: usize| {
        pooled_hull(&estimates[..count], &variances[..count], left_out, Tau2Method::PauleMandel, method, 0.95)
    };
    assert_eq!(hull(40, 13), Err(HullError::TooManySubsets { most: 200_000 }));
    assert!(matches!(hull(4, 2), Err(HullError::TooFew { needed: 3, .. })));
    assert_eq!(hull(7, 2).expect("five are left").subsets, 21);
}

#[test]
fn subsets_come_once_each_and_in_order() {
    let sets: Vec<Vec<usize>> = subsets(5, 3, 100).expect("few sets").collect();
    assert_eq!(sets.len(), 10);
    assert!(
        sets.windows(2).all(|pair| pair[0] < pair[1])
            && sets.iter().all(|set| set.windows(2).all(|two| two[0] < two[1]))
    );
    assert_eq!(subsets(5, 0, 1).expect("one set").collect::<Vec<_>>(), [Vec::<usize>::new()]);
    assert_eq!(subsets(3, 3, 1).expect("one set").count(), 1);
    assert!(subsets(2, 3, 100).is_none() && subsets(5, 3, 9).is_none() && subsets(5, 3, 10).is_some());
    assert!(subsets(1_000, 500, usize::MAX).is_none());
}

#[test]
fn a_conclusion_is_sound_up_to_the_first_no() {
    assert_eq!(sound_against(7, |_| true), Some(3));
    assert_eq!(sound_against(8, |left_out| left_out < 2), Some(1));
    assert_eq!(sound_against(8, |left_out| left_out != 1), Some(0));
    assert_eq!(sound_against(8, |_| false), None);
    assert_eq!(sound_against(0, |_| true), Some(0));
}

#[test]
fn a_blocking_set_is_a_smallest_one_or_a_bound() {
    assert_eq!(smallest_blocking_set(4, 10, |_| true), BlockingSet::Found(vec![]));
    assert_eq!(smallest_blocking_set(3, 10, |_| false), BlockingSet::AtLeast(4));
    // C(20, 3) = 1,140 and C(20, 4) = 4,845 are gone through, C(20, 5) is not.
    assert_eq!(smallest_blocking_set(20, 5_000, |set| set.len() == 5), BlockingSet::AtLeast(5));
    assert_eq!(smallest_blocking_set(20, 5_000, |set| set == [3, 7, 19]), BlockingSet::Found(vec![3, 7, 19]));
}
