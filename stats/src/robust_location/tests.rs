use proptest::prelude::*;

use super::*;

fn values() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![-1.0..1.0_f64, (-3..=3_i32).prop_map(f64::from)], 1..12)
}

/// Whether `value` lies between the smallest and the largest of `others`.
fn is_within(value: f64, others: &[f64]) -> bool {
    let (low, high) = others
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), other| (low.min(*other), high.max(*other)));
    (low - 1e-12..=high + 1e-12).contains(&value)
}

proptest! {
    // With n > 2f no lie, however loud, takes a centre out of the honest values.
    #[test]
    fn liars_cannot_leave_the_honest_range(
        honest in prop::collection::vec(-1.0..1.0_f64, 4..9),
        lies in prop::collection::vec(prop_oneof![-2.0..2.0_f64, Just(f64::MAX), Just(-1e300), Just(1e12)], 0..4),
    ) {
        let all = [honest.as_slice(), &lies].concat();
        let faults = lies.len();
        prop_assume!(all.len() > 2 * faults);
        prop_assert!(is_within(trimmed_mean(&all, faults).expect("enough are left"), &honest));
        prop_assert!(is_within(winsorized_mean(&all, faults).expect("enough are left"), &honest));
        prop_assert!(is_within(sorted_median(&sorted(&all)), &honest));
        let reach = reachable_trimmed_mean(&honest, 0).expect("values");
        prop_assert!((reach.low - reach.high).abs() < 1e-15);
    }

    // The oracle sends every set of f values to both ends.
    #[test]
    fn what_liars_can_reach_is_what_they_reach(values in values(), faults in 0..4_usize) {
        prop_assume!(values.len() > 2 * faults);
        let (mut means, mut medians) = (Vec::new(), Vec::new());
        for set in crate::leave_f_out::subsets(values.len(), faults, 10_000).expect("few sets") {
            for lie in [-1e6, 1e6] {
                let mut told = values.clone();
                for place in &set {
                    told[*place] = lie;
                }
                means.push(trimmed_mean(&told, faults).expect("enough are left"));
                medians.push(sorted_median(&sorted(&told)));
            }
        }
        let bounds = [reachable_trimmed_mean(&values, faults), reachable_median(&values, faults)];
        for (reached, bounds) in [means, medians].into_iter().zip(bounds) {
            let bounds = bounds.expect("enough are left");
            let low = reached.iter().fold(f64::INFINITY, |low, own| low.min(*own));
            let high = reached.iter().fold(f64::NEG_INFINITY, |high, own| high.max(*own));
            let agrees = (bounds.low - low).abs() < 1e-12 && (bounds.high - high).abs() < 1e-12;
            prop_assert!(agrees, "{:?} {} {}", bounds, low, high);
        }
    }

    #[test]
    fn order_shift_and_sign_do_not_matter(values in values(), shift in -3.0..3.0_f64) {
        let faults = (values.len() - 1) / 3;
        let mut reversed = values.clone();
        reversed.reverse();
        let own = trimmed_mean(&values, faults).expect("enough are left");
        prop_assert_eq!(own.to_bits(), trimmed_mean(&reversed, faults).expect("enough are left").to_bits());
        let moved: Vec<f64> = values.iter().map(|value| shift - value).collect();
        prop_assert!((trimmed_mean(&moved, faults).expect("enough are left") - shift + own).abs() < 1e-12);
        if let (Ok(one), Ok(other)) = (
            trimmed_mean_interval(&values, faults, TrimmedError::Yuen, 0.95),
            trimmed_mean_interval(&moved, faults, TrimmedError::Yuen, 0.95),
        ) {
            prop_assert!((one.interval.low + other.interval.high - shift).abs() < 1e-9);
            prop_assert!((one.standard_error - other.standard_error).abs() < 1e-12);
        }
    }

    // The oracle counts at every end.
    #[test]
    fn the_intersection_is_where_enough_intervals_overlap(
        ends in prop::collection::vec((-5..6_i32, 0..5_i32), 1..9),
        faults in 0..4_usize,
    ) {
        prop_assume!(ends.len() > 2 * faults);
        let intervals: Vec<Bounds> = ends
            .iter()
            .map(|(low, length)| Bounds { low: f64::from(*low), high: f64::from(low + length) })
            .collect();
        let hits = |x: f64| intervals.iter().filter(|own| own.low <= x && x <= own.high).count();
        let covers = |x: f64| hits(x) + faults >= intervals.len();
        let covered: Vec<f64> = (-20..=40).map(|half| f64::from(half) * 0.5).filter(|x| covers(*x)).collect();
        let expected = covered.first().zip(covered.last()).map(|(low, high)| Bounds { low: *low, high: *high });
        prop_assert_eq!(fault_tolerant_intersection(&intervals, faults), Ok(expected));
    }

    // The total is convex: no point near or far is better by more than the gap.
    #[test]
    fn no_point_is_nearer_than_the_geometric_median(
        vectors in prop::collection::vec(prop::collection::vec(-1.0..1.0_f64, 3), 1..9),
        twice in 0..4_usize,
        tries in prop::collection::vec(prop::collection::vec(-1.0..1.0_f64, 3), 8),
    ) {
        let mut vectors = vectors;
        for _ in 0..twice {
            vectors.push(vectors[0].clone());
        }
        let median = geometric_median(&vectors).expect("vectors");
        let total = |point: &[f64]| -> f64 {
            let away = |vector: &Vec<f64>| {
                vector.iter().zip(point).map(|(one, other)| (one - other).powi(2)).sum::<f64>().sqrt()
            };
            vectors.iter().map(away).sum()
        };
        prop_assert!((total(&median.point) - median.total_distance).abs() < 1e-12 * (1.0 + median.total_distance));
        prop_assert!(median.gap <= 1e-11 * median.total_distance.max(1.0));
        let near = tries.iter().map(|step| {
            median.point.iter().zip(step).map(|(own, step)| own + 1e-4 * step).collect::<Vec<_>>()
        });
        for point in near.chain(tries.clone()).chain(vectors.clone()) {
            prop_assert!(total(&point) >= median.total_distance - median.gap - 1e-12);
        }
        let mut reversed = vectors.clone();
        reversed.reverse();
        prop_assert_eq!(geometric_median(&reversed).expect("vectors").point, median.point);
    }

    #[test]
    fn neighbours_do_not_depend_on_order(vectors in prop::collection::vec(prop::collection::vec(-2..3_i32, 2), 5..8)) {
        let vectors: Vec<Vec<f64>> =
            vectors.iter().map(|own| own.iter().map(|entry| f64::from(*entry)).collect()).collect();
        let mut reversed = vectors.clone();
        reversed.reverse();
        prop_assert_eq!(mean_around_median(&vectors, 1), mean_around_median(&reversed, 1));
        prop_assert_eq!(minimum_diameter_mean(&vectors, 1), minimum_diameter_mean(&reversed, 1));
        let multi = |vectors: &[Vec<f64>]| multi_krum(vectors, 1, KrumNeighbours::Published);
        prop_assert_eq!(multi(&vectors), multi(&reversed));
        let mut mixed = nearest_neighbour_mixing(&reversed, 1).expect("enough are left");
        mixed.reverse();
        prop_assert_eq!(nearest_neighbour_mixing(&vectors, 1), Ok(mixed));
    }
}

// Three corners of a triangle with an angle of more than 120 degrees: the median is that corner (Torricelli). Otherwise
// it sees all sides under 120 degrees: for an equilateral triangle the centre.
#[test]
fn a_triangle_has_the_point_of_torricelli() {
    let flat = [vec![0.0, 0.0], vec![10.0, 0.5], vec![-10.0, 0.5]];
    let median = geometric_median(&flat).expect("three corners");
    assert_eq!(median.point, [0.0, 0.0]);
    let height = 0.75_f64.sqrt();
    let equilateral = [vec![0.0, 0.0], vec![1.0, 0.0], vec![0.5, height]];
    let median = geometric_median(&equilateral).expect("three corners");
    assert!((median.point[0] - 0.5).abs() < 1e-9 && (median.point[1] - height / 3.0).abs() < 1e-9);
    assert!((median.total_distance - 3.0_f64.sqrt()).abs() < 1e-12);
    let line = [vec![0.0, 0.0], vec![1.0, 1.0], vec![2.0, 2.0], vec![9.0, 9.0]];
    assert!((geometric_median(&line).expect("four points").point[0] - 1.5).abs() < 1e-12);
    assert_eq!(geometric_median(&[vec![7.0, 1.0]]).expect("one point").point, [7.0, 1.0]);
    assert_eq!(geometric_median(&[vec![1.0], vec![4.0]]).expect("two numbers").point, [2.5]);
}

// Yuen (1974) with nothing trimmed is Student's interval, and so is Tukey and McLaughlin's.
#[test]
fn without_trimming_the_interval_is_students() {
    let hours = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    for error in [TrimmedError::Yuen, TrimmedError::TukeyMcLaughlin] {
        let plain = trimmed_mean_interval(&hours, 0, error, 0.95).expect("ten values");
        assert!((plain.interval.low + 0.529_780_4).abs() < 1e-7, "{plain:?}");
    }
    let trimmed = trimmed_mean_interval(&[1.0, 1.0, 1.0, 5.0], 1, TrimmedError::Yuen, 0.95).expect("two are left");
    assert!(trimmed.standard_error.abs() < 1e-15 && trimmed.degrees_of_freedom.to_bits() == 1.0_f64.to_bits());
}

// As many lies as are trimmed change the interval no more than values at the outermost honest ones would.
#[test]
fn a_loud_lie_is_worth_no_more_than_a_plausible_one() {
    let honest = [0.1, 0.14, 0.12, 0.11, 0.13];
    let with = |lie: f64| {
        let all = [honest.as_slice(), &[lie, lie]].concat();
        trimmed_mean_interval(&all, 2, TrimmedError::Yuen, 0.95).expect("three are left")
    };
    for (loud, plausible) in [(f64::MAX, 0.14), (-1e300, 0.1)] {
        assert_eq!(with(loud), with(plausible));
    }
}

// Whoever claims the largest weight is the weighted median, and whoever speaks most often the plain one; neither is the
// median of units.
#[test]
fn one_unit_has_one_vote() {
    let estimates = [0.15, 0.14, 0.16, 0.7, 0.7, 0.7, 0.7, 0.7];
    let units = ["a", "b", "c", "evil", "evil", "evil", "evil", "evil"];
    assert_eq!(median_of_units(&estimates, &units), Ok(0.155));
    assert_eq!(crate::quantiles::quantile(&estimates, 0.5), Ok(0.7));
    assert_eq!(lower_weighted_median(&estimates[..4], &[10.0, 20.0, 8.0, 400.0]), Ok(0.7));
}

// With four vectors of which one may lie, the published score has one neighbour: the two closest always tie.
#[test]
fn krum_ties_for_four() {
    for vectors in [[0.12, 0.1, 0.15, 3.0], [5.0, 1.0, 9.0, 1.5]] {
        let vectors = vectors.map(|value| vec![value]);
        assert_eq!(krum(&vectors, 1, KrumNeighbours::Published).expect("one neighbour").selected.len(), 2);
        assert_eq!(krum(&vectors, 1, KrumNeighbours::OneMore).expect("two neighbours").selected.len(), 1);
    }
}

#[test]
fn two_quorums_share_an_honest_member() {
    for enrolled in 1..200 {
        let own = quorum(enrolled);
        assert!(3 * own.faults < enrolled && enrolled <= 3 * own.faults + 3);
        assert!(own.least_overlap > own.faults && 2 * own.size - enrolled == own.least_overlap);
        assert!(2 * own.median_faults < enrolled);
    }
    assert_eq!(quorum(0), Quorum { faults: 0, median_faults: 0, size: 0, least_overlap: 0 });
}

#[test]
fn bad_values_are_errors() {
    assert_eq!(trimmed_mean(&[], 0), Err(RobustError::NoValues));
    assert!(matches!(trimmed_mean(&[1.0, f64::NAN], 0), Err(RobustError::NotFinite { .. })));
    assert_eq!(trimmed_mean(&[1.0, 2.0], 1), Err(RobustError::TooManyFaults { values: 2, faults: 1, most: 0 }));
    let interval = |values: &[f64], faults| trimmed_mean_interval(values, faults, TrimmedError::Yuen, 0.95);
    assert_eq!(interval(&[1.0, 2.0, 3.0], 1), Err(RobustError::TooManyFaults { values: 3, faults: 1, most: 0 }));
    assert_eq!(interval(&[1.0], 0), Err(RobustError::TooManyFaults { values: 1, faults: 0, most: 0 }));
    assert_eq!(interval(&[-1e200, 1e200, 0.0], 0), Err(RobustError::OutOfRange));
    assert!(matches!(trimmed_mean_interval(&[1.0, 2.0], 0, TrimmedError::Yuen, 0.0), Err(RobustError::Confidence(_))));
    assert!(matches!(lower_weighted_median(&[1.0], &[0.0]), Err(RobustError::Weight { .. })));
    assert!(matches!(lower_weighted_median(&[1.0], &[]), Err(RobustError::LengthMismatch { .. })));
    let crossed = [Bounds { low: 2.0, high: 1.0 }];
    assert_eq!(intersection(&crossed), Err(RobustError::Bounds { low: 2.0, high: 1.0 }));
    assert_eq!(geometric_median(&[]), Err(RobustError::NoValues));
    assert!(matches!(geometric_median(&[vec![1.0, 2.0], vec![1.0]]), Err(RobustError::LengthMismatch { .. })));
    let vectors = [vec![1.0], vec![2.0], vec![3.0]];
    assert!(matches!(krum(&vectors, 1, KrumNeighbours::Published), Err(RobustError::TooManyFaults { .. })));
    let many = vec![vec![1.0]; 40];
    assert_eq!(minimum_diameter_mean(&many, 13), Err(RobustError::TooManySubsets { most: 200_000 }));
    assert_eq!(
        krum(&[vec![1e200], vec![-1e200], vec![0.0]], 0, KrumNeighbours::Published),
        Err(RobustError::OutOfRange)
    );
}
