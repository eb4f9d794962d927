use proptest::prelude::*;

use super::*;

const RECALIBRATIONS: [Recalibration; 3] = [Recalibration::Nominal, Recalibration::Golden, Recalibration::Controlled];

proptest! {
    // The equation it solves, and the bounds it keeps: never more convincing than either study.
    #[test]
    fn the_sceptical_z_solves_its_equation(
        original in prop_oneof![0.01..9.0_f64, -9.0..-0.01_f64],
        replication in prop_oneof![0.01..9.0_f64, -9.0..-0.01_f64],
        ratio in prop_oneof![0.01..20.0_f64, Just(1.0)],
    ) {
        let z = sceptical_z(original, replication, ratio).expect("z-values");
        prop_assert!(z > 0.0 && z <= original.abs().min(replication.abs()));
        let (one, other) = (original * original / (z * z) - 1.0, replication * replication / (z * z) - 1.0);
        prop_assert!((one * other / ratio - 1.0).abs() < 1e-6, "{}", one * other);
        // Both z-values count alike.
        let swapped = sceptical_z(replication, original, ratio).expect("z-values");
        prop_assert_eq!(z.to_bits(), swapped.to_bits());
        // A more precise replication has to convince more.
        prop_assert!(sceptical_z(original, replication, ratio * 1.5).expect("z-values") <= z);
    }

    #[test]
    fn sceptical_p_values_are_strict_then_golden(
        original in 0.1..6.0_f64,
        replication in 0.1..6.0_f64,
        ratio in 0.1..9.0_f64,
    ) {
        let [nominal, golden, controlled] =
            RECALIBRATIONS.map(|own| sceptical_p_value(original, replication, ratio, own).expect("z-values"));
        prop_assert!(nominal >= golden && golden > 0.0 && controlled > 0.0 && controlled <= 0.5 + 1e-12);
        // The strict one is never more convincing than both on their own.
        let weaker = normal_upper_tail(original.min(replication)).expect("a number");
        prop_assert!(nominal >= weaker);
        for own in RECALIBRATIONS {
            let away = sceptical_p_value(original, -replication, ratio, own).expect("z-values");
            let p = sceptical_p_value(original, replication, ratio, own).expect("z-values");
            prop_assert!((away - (1.0 - p)).abs() < 1e-15);
        }
    }

    // A pair and its mirror image say the same, and a change of unit says nothing.
    #[test]
    fn sign_and_unit_do_not_matter(
        original in 0.1..2.0_f64,
        replication in -1.0..2.0_f64,
        errors in (0.05..1.0_f64, 0.05..1.0_f64),
        scale in prop_oneof![0.01..90.0_f64, -90.0..-0.01_f64],
    ) {
        let pair = ReplicationPair::new(original, errors.0, replication, errors.1).expect("a pair");
        let size = scale.abs();
        let other = ReplicationPair::new(scale * original, size * errors.0, scale * replication, size * errors.1);
        let other = other.expect("a pair");
        prop_assert!((pair.q_p_value().expect("a pair") - other.q_p_value().expect("a pair")).abs() < 1e-10);
        prop_assert!((pair.log_bayes_factor() - other.log_bayes_factor()).abs() < 1e-8);
        let one_sided = |pair: &ReplicationPair| pair.log_bayes_factor_one_sided().expect("a direction");
        prop_assert!((one_sided(&pair) - one_sided(&other)).abs() < 1e-8 * (1.0 + one_sided(&pair).abs()));
        let relative = |pair: &ReplicationPair| pair.relative_effect().expect("an effect");
        prop_assert!((relative(&pair) - relative(&other)).abs() < 1e-9);
        prop_assert_eq!(pair.passes_two_trials_rule(0.025), other.passes_two_trials_rule(0.025));
        let p = |pair: &ReplicationPair| pair.sceptical_p_value(Recalibration::Golden).expect("z-values");
        prop_assert!((p(&pair) - p(&other)).abs() < 1e-10);
        // Inside the prediction interval exactly when the difference is not significant.
        let predicted = pair.prediction_interval(0.95).expect("a level");
        let inside = predicted.low <= replication && replication <= predicted.high;
        let q = pair.q_p_value().expect("a pair");
        prop_assert!((q - 0.05).abs() < 1e-9 || inside == (q > 0.05));
    }

    #[test]
    fn a_harmonic_mean_does_not_depend_on_order(effects in prop::collection::vec((-0.5..2.0_f64, 0.1..1.0_f64), 1..7)) {
        let of = |effects: &[(f64, f64)], weights| {
            let (estimates, errors): (Vec<f64>, Vec<f64>) = effects.iter().copied().unzip();
            HarmonicMean::new(&estimates, &errors, weights).expect("studies")
        };
        let mut turned = effects.clone();
        turned.reverse();
        for weights in [HarmonicWeights::Equal, HarmonicWeights::Precision] {
            let (one, other) = (of(&effects, weights), of(&turned, weights));
            prop_assert_eq!(one.p_value(HarmonicDirection::Any), other.p_value(HarmonicDirection::Any));
            // The ends of the interval are where the test has its level, unless they are the outermost estimates.
            let interval = one.interval(0.95).expect("a level");
            let moved: Vec<(f64, f64)> =
                effects.iter().map(|(estimate, error)| (estimate - interval.low, *error)).collect();
            let p = of(&moved, weights).p_value(HarmonicDirection::Same);
            if effects.len() < 6 {
                prop_assert!(p.is_ok_and(|p| (p - 0.05).abs() < 1e-9), "{p:?}");
            } else {
                let lowest = effects.iter().map(|(estimate, _)| *estimate).fold(f64::INFINITY, f64::min);
                prop_assert_eq!(interval.low.to_bits(), lowest.to_bits());
            }
        }
    }
}

// Arithmetic with 30 digits of the integral at pairs of the Experimental Economics Replication Project (Camerer et al.
// 2016, Science 351, 1433-1436); quadrature to a fixed tolerance is off by 2 % here, since the integral is the square.
#[test]
fn controlled_p_values_to_all_digits() {
    for (original, replication, ratio, p) in [
        (2.722_000_000_002_43, 3.249_999_999_998_44, 1.888_888_888_888_89, 0.002_777_627_911_428_58),
        (3.319_237_114_556_88, 7.613_523_422_169_9, 0.987_293_519_695_044, 1.727_723_548_890_405e-5),
        (3.872_999_999_996_53, 3.361_000_000_002_77, 0.722_222_222_222_222, 0.000_307_236_345_271_104),
        (2.150_443_010_078_81, -0.079_381_578_810_155_6, 2.327_272_727_272_73, 0.533_394_037_894_390),
    ] {
        let own = sceptical_p_value(original, replication, ratio, Recalibration::Controlled).expect("z-values");
        assert!((own / p - 1.0).abs() < 1e-9, "{own} {p}");
    }
    let level = sceptical_level(0.025, 1.0, Recalibration::Controlled).expect("a level");
    assert!((level - 0.065_308_825_464_191_72).abs() < 1e-12);
}

// By arithmetic with 70 digits, for z-values from nearly nothing to far away.
#[test]
fn the_type_one_error_keeps_its_digits() {
    for (z, ratio, error) in [
        (1e-3, 2.0, 0.249_600_944_873_265_2),
        (0.02, 0.05, 0.242_080_013_392_015_5),
        (0.3, 8.0, 0.113_374_273_677_788),
        (3.0, 1.0, 4.932_938_225_188_491e-10),
        (6.0, 0.5, 3.323_322_811_917_929e-29),
    ] {
        let own = type_one_error(z, ratio);
        assert!((own / error - 1.0).abs() < 1e-9, "{z} {ratio}: {own}");
    }
}

// The level of the controlled p-value is what it says: at that level of the nominal one, the controlled one is alpha.
#[test]
fn levels_and_p_values_agree() {
    for ratio in [0.3, 1.0, 4.0] {
        for own in RECALIBRATIONS {
            let level = sceptical_level(0.025, ratio, own).expect("a level");
            let bound = -normal_quantile(level).expect("a level");
            // Two equal z-values whose sceptical one is the bound: (z²/bound² − 1)² = c.
            let z = bound * (1.0 + ratio.sqrt()).sqrt();
            let p = sceptical_p_value(z, z, ratio, own).expect("z-values");
            assert!((p - 0.025).abs() < 1e-9, "{own:?} {ratio}: {p}");
        }
    }
}

// Golden: an original that is just significant is replicated by an equally large and equally precise effect.
#[test]
fn the_golden_level_lets_a_just_significant_original_be_replicated() {
    let z = -normal_quantile(0.025).expect("a level");
    let shrunken = sceptical_p_value(z, 0.9 * z, 1.0, Recalibration::Golden).expect("z-values");
    assert!(shrunken > 0.025);
    // With a replication of any size the p-value stays above the original's own, over the square root of phi.
    let certain = sceptical_p_value(z * golden_ratio().sqrt(), 1e9, 1.0, Recalibration::Golden).expect("z-values");
    assert!(certain < 0.025);
}

#[test]
fn an_effect_of_nothing_convinces_nobody() {
    for own in RECALIBRATIONS {
        assert_eq!(sceptical_p_value(0.0, 3.0, 1.0, own), Ok(0.5));
        assert_eq!(sceptical_p_value(3.0, 0.0, 1.0, own), Ok(0.5));
    }
    assert_eq!(edgington_p_value(0.0, 0.0), Ok(0.5));
    assert!((edgington_p_value(-9.0, -9.0).expect("z-values") - 1.0).abs() < 1e-15);
    let nothing = ReplicationPair::new(0.0, 0.1, 0.2, 0.1).expect("a pair");
    assert_eq!(nothing.relative_effect(), Err(ReplicationError::NoEffect));
    assert_eq!(nothing.log_bayes_factor_one_sided(), Err(ReplicationError::NoEffect));
}

// Fisher (1999), five trials of carvedilol, as in Held (2020), section 4: with the exact one-sided p-values .0245,
// .1305, .00025, .2575 and .128 the unweighted harmonic mean has p = 0.00048.
#[test]
fn example_held2020() {
    let z: Vec<f64> = [0.0245, 0.1305, 0.000_25, 0.2575, 0.128].map(|p| -normal_quantile(p).expect("a level")).to_vec();
    let studies = HarmonicMean::new(&z, &[1.0; 5], HarmonicWeights::Equal).expect("five trials");
    let p = studies.p_value(HarmonicDirection::Greater).expect("all point upwards");
    assert!((p - 0.000_48).abs() < 5e-6, "{p}");
}

#[test]
fn bad_pairs_and_studies_are_errors() {
    assert!(matches!(ReplicationPair::new(f64::NAN, 0.1, 0.1, 0.1), Err(ReplicationError::Estimate { .. })));
    for error in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(ReplicationPair::new(0.1, error, 0.1, 0.1), Err(ReplicationError::NotPositive { .. })));
    }
    assert!(ReplicationPair::new(1e300, 1e-300, 0.1, 0.1).is_err());
    let pair = ReplicationPair::new(0.2, 0.1, 0.1, 0.1).expect("a pair");
    assert_eq!(pair.passes_two_trials_rule(0.5), Err(ReplicationError::Level { level: 0.5 }));
    assert!(matches!(pair.prediction_interval(1.0), Err(ReplicationError::Confidence(_))));
    assert!(matches!(sceptical_z(1.0, 1.0, 0.0), Err(ReplicationError::NotPositive { .. })));
    assert!(matches!(sceptical_level(0.0, 1.0, Recalibration::Golden), Err(ReplicationError::Level { .. })));
    assert!(matches!(replication_probability(f64::NAN, 1.0), Err(ReplicationError::Estimate { .. })));
    let new = |estimates: &[f64], errors: &[f64]| HarmonicMean::new(estimates, errors, HarmonicWeights::Equal);
    assert_eq!(new(&[], &[]), Err(ReplicationError::NoStudies));
    assert!(matches!(new(&[1.0], &[]), Err(ReplicationError::LengthMismatch { .. })));
    let mixed = new(&[1.0, -1.0], &[1.0, 1.0]).expect("two studies");
    for direction in [HarmonicDirection::Greater, HarmonicDirection::Less, HarmonicDirection::Same] {
        assert_eq!(mixed.p_value(direction), Err(ReplicationError::Direction));
    }
    assert!(mixed.p_value(HarmonicDirection::Any).is_ok());
}
