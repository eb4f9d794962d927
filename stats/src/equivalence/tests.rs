use super::*;

const EFFECT: Wald = Wald { estimate: 0.02, standard_error: 0.05, degrees_of_freedom: Some(12.0) };

/// The test rejects exactly where the interval at `1 − 2α` lies within the margins.
#[test]
fn the_test_and_the_interval_agree() {
    for margin in [0.05, 0.1, 0.105, 0.108, 0.11, 0.12, 0.2] {
        let test = equivalence_test(&EFFECT, -margin, margin, 0.05).expect("margins in order");
        let is_within = test.interval.low > -margin && test.interval.high < margin;
        assert_eq!(test.p < 0.05, is_within, "{margin}");
    }
}

#[test]
fn mirrored_effects_have_mirrored_tests() {
    let mirrored = Wald { estimate: -EFFECT.estimate, ..EFFECT };
    let (there, back) = (equivalence_test(&EFFECT, -0.1, 0.3, 0.05), equivalence_test(&mirrored, -0.3, 0.1, 0.05));
    let (there, back) = (there.expect("margins in order"), back.expect("margins in order"));
    assert!((there.p_lower - back.p_upper).abs() < 1e-15 && (there.p_upper - back.p_lower).abs() < 1e-15);
    assert!((there.p - there.p_lower.max(there.p_upper)).abs() < 1e-15 && there.p_lower > there.p_upper);
}

#[test]
fn what_has_no_answer_is_refused() {
    for (low, high) in [(0.1, -0.1), (0.1, 0.1), (f64::NAN, 0.1), (-0.1, f64::INFINITY)] {
        assert!(matches!(equivalence_test(&EFFECT, low, high, 0.05), Err(EquivalenceError::Margins { .. })));
    }
    for level in [0.0, 0.5, 0.7, -0.1, f64::NAN] {
        assert!(equivalence_test(&EFFECT, -0.1, 0.1, level).is_err(), "{level}");
    }
}
