use proptest::prelude::*;

use super::*;

/// A standard normal draw, near enough: twelve uniform ones.
fn normal(random: &mut crate::random::Philox) -> f64 {
    (0..12).map(|_| random.unit() - 0.5).sum()
}

proptest! {
    // The mixture test and the boundary are one thing: the interval leaves out what the evidence is above 1/alpha
    // against.
    #[test]
    fn the_interval_holds_what_the_test_does_not_reject(
        values in prop::collection::vec(-3.0..3.0_f64, 1..20),
        mixing in 0.01..2.0_f64,
        alpha in 0.01..0.3_f64,
    ) {
        let test = MixtureTest::new(1.0, 0.0, mixing).expect("variances");
        let intervals = test.intervals(&values, alpha).expect("values");
        let evidence = test.log_e_values(&values).expect("values");
        for (own, log) in intervals.iter().zip(evidence) {
            prop_assert!((log + alpha.ln()).abs() < 1e-9 || (own.low <= 0.0 && 0.0 <= own.high) == (log < -alpha.ln()));
        }
        let mixture = NormalMixture::new(1.0 / mixing).expect("a precision");
        let sequence = confidence_sequence(&values, 1.0, mixture, 1.0 - alpha).expect("values");
        let last = intervals[values.len() - 1];
        prop_assert!((sequence.low - last.low).abs() < 1e-9 && (sequence.high - last.high).abs() < 1e-9);
    }

    #[test]
    fn the_set_decides_not_the_order(values in prop::collection::vec(-3.0..3.0_f64, 1..20), shift in -5.0..5.0_f64) {
        let mixture = NormalMixture::narrowest_at(10.0, 0.05).expect("a variance");
        let mut turned = values.clone();
        turned.reverse();
        let own = confidence_sequence(&values, 0.7, mixture, 0.95).expect("values");
        prop_assert_eq!(own, confidence_sequence(&turned, 0.7, mixture, 0.95).expect("values"));
        let moved: Vec<f64> = values.iter().map(|value| value + shift).collect();
        let moved = confidence_sequence(&moved, 0.7, mixture, 0.95).expect("values");
        prop_assert!((moved.low - own.low - shift).abs() < 1e-12);
    }

    #[test]
    fn boundaries_rise_and_a_side_is_cheaper_than_two(v in 0.1..900.0_f64, alpha in 0.001..0.2_f64) {
        let mixture = NormalMixture::narrowest_at(50.0, 0.05).expect("a variance");
        let two = mixture.two_sided(v, alpha).expect("a variance");
        let one = mixture.one_sided(v, alpha).expect("a variance");
        prop_assert!(0.0 < one && one < two && two < mixture.two_sided(v, 0.5 * alpha).expect("a variance"));
        prop_assert!(two < mixture.two_sided(1.01 * v, alpha).expect("a variance"));
        // The same precision at half the level on each side is nearly the two-sided one.
        prop_assert!((mixture.one_sided(v, 0.5 * alpha).expect("a variance") / two - 1.0).abs() < 0.02);
        // A light tail needs less than a heavy one.
        let gamma = |scale| gamma_exponential_boundary(v, alpha, mixture, scale).expect("a variance");
        prop_assert!(one < gamma(0.5) * (1.0 + 1e-6) && gamma(0.5) < gamma(2.0));
        let stitched = |scale| stitched_boundary(v, alpha, 1.0, scale).expect("a variance");
        prop_assert!(stitched(0.0) < stitched(1.0));
    }
}

// At no time more often than it says: 400 walks of 400 steps with nothing in them. Fixed intervals leave out the truth
// at some time in about half of them.
#[test]
fn the_truth_is_covered_at_every_time() {
    let test = MixtureTest::new(1.0, 0.0, 0.05).expect("variances");
    let (mut rejected, mut fixed) = (0, 0);
    for walk in 0..400 {
        let mut random = crate::random::Philox::new(23, walk);
        let values: Vec<f64> = (0..400).map(|_| normal(&mut random)).collect();
        rejected += usize::from(test.p_values(&values).expect("values")[399] <= 0.05);
        let mut sum = 0.0;
        let leaves = values.iter().zip(1..).any(|(value, count)| {
            sum += value;
            sum.abs() > 1.96 * f64::from(count).sqrt()
        });
        fixed += usize::from(leaves);
    }
    // Three standard errors above 0.05 of 400 are 33.
    assert!(rejected <= 33, "{rejected}");
    assert!(fixed > 120, "{fixed}");
}

// Wald (1945): the errors are at most alpha/(1 - beta) and beta/(1 - alpha).
#[test]
fn a_ratio_test_errs_as_it_says() {
    let test = RatioTest::new(0.1, 0.3, 0.05, 0.1).expect("probabilities");
    let share = |probability: f64, seed: u64| {
        let wrong = (0..1_000).filter(|run| {
            let mut random = crate::random::Philox::new(seed, *run);
            let trials: Vec<bool> = (0..400).map(|_| random.unit() < probability).collect();
            matches!(test.run(&trials).decision, RatioDecision::Alternative(_))
        });
        wrong.count() as f64 / 1_000.0
    };
    // Three standard errors on top.
    assert!(share(0.1, 5) <= 0.05 / 0.9 + 0.022);
    assert!(share(0.3, 6) >= 1.0 - 0.1 / 0.95 - 0.029);
    assert_eq!(test.run(&[]).decision, RatioDecision::Undecided);
    assert!(matches!(test.run(&[false; 50]).decision, RatioDecision::Null(_)));
}

#[test]
fn looks_spend_no_more_than_is_allowed() {
    let usual = Looks::usual();
    assert_eq!(usual.declared().iter().map(|look| look.count).collect::<Vec<_>>(), [7, 13, 22, 40, 70, 100]);
    assert!((usual.spent_by(100) - 0.05).abs() < 1e-15 && (usual.spent_by(39) - 0.03).abs() < 1e-15);
    assert!(Looks::new(usual.declared().to_vec(), 0.05).is_ok());
    let counts = [6, 7, 8, 13, 99, 100, 101];
    let levels = counts.map(|count| usual.alpha_at(count));
    assert_eq!(levels, [None, Some(0.01), None, Some(0.01), None, Some(0.005), None]);
    assert_eq!(usual.last_by(6), None);
    assert_eq!(usual.last_by(21).map(|look| look.count), Some(13));
    assert_eq!(usual.next_after(13).map(|look| look.count), Some(22));
    assert_eq!(usual.next_after(100), None);
    let look = |count, alpha| Look { count, alpha };
    assert!(matches!(Looks::new(vec![look(7, 0.03), look(9, 0.03)], 0.05), Err(SequentialError::Overspent { .. })));
    for looks in [vec![], vec![look(7, 0.01), look(7, 0.01)], vec![look(9, 0.01), look(7, 0.01)], vec![look(0, 0.01)]] {
        assert_eq!(Looks::new(looks, 0.05), Err(SequentialError::Looks));
    }
    assert!(matches!(Looks::new(vec![look(7, 0.0)], 0.05), Err(SequentialError::Probability { .. })));
}

#[test]
fn bad_numbers_are_errors() {
    let mixture = NormalMixture::new(1.0).expect("a precision");
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(NormalMixture::new(bad), Err(SequentialError::Parameter { .. })));
        assert!(matches!(mixture.two_sided(bad, 0.05), Err(SequentialError::Parameter { .. })));
        assert!(matches!(confidence_sequence(&[1.0], bad, mixture, 0.95), Err(SequentialError::Parameter { .. })));
        assert!(matches!(MixtureTest::new(1.0, 0.0, bad), Err(SequentialError::Parameter { .. })));
        assert!(matches!(stitched_boundary(1.0, 0.05, bad, 0.0), Err(SequentialError::Parameter { .. })));
        assert!(matches!(gamma_exponential_boundary(1.0, 0.05, mixture, bad), Err(SequentialError::Parameter { .. })));
    }
    for level in [0.0, 1.0, f64::NAN] {
        assert!(matches!(mixture.one_sided(1.0, level), Err(SequentialError::Probability { .. })));
        assert!(matches!(RatioTest::new(0.1, 0.2, level, 0.1), Err(SequentialError::Probability { .. })));
        assert!(confidence_sequence(&[1.0], 1.0, mixture, level).is_err());
    }
    assert!(NormalMixture::narrowest_one_sided_at(1.0, 0.5).is_err());
    assert_eq!(confidence_sequence(&[], 1.0, mixture, 0.95), Err(SequentialError::NoValues));
    assert!(matches!(confidence_sequence(&[f64::NAN], 1.0, mixture, 0.95), Err(SequentialError::NotFinite { .. })));
    assert_eq!(RatioTest::new(0.1, 0.1, 0.05, 0.1), Err(SequentialError::SameHypotheses { probability: 0.1 }));
    assert!(matches!(RatioTest::new(0.1, 0.2, 0.6, 0.5), Err(SequentialError::Overspent { .. })));
}
