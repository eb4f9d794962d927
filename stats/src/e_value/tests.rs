use super::*;

const KINDS: [RatioKind; 5] = [
    RatioKind::Risk,
    RatioKind::OddsOfRare,
    RatioKind::OddsOfCommon,
    RatioKind::HazardOfRare,
    RatioKind::HazardOfCommon,
];

/// A confounder as strong as `E` on both sides biases by `E²/(2E − 1)`: exactly the ratio.
#[test]
fn the_bias_of_that_strength_is_the_ratio() {
    for ratio in [1.01, 1.5, 3.9, 40.0] {
        let e = e_value(ratio, ratio / 1.2, ratio * 1.2, RatioKind::Risk).expect("a ratio").of_estimate;
        assert!((e * e / (2.0 * e - 1.0) / ratio - 1.0).abs() < 1e-12);
    }
}

#[test]
fn a_ratio_and_its_inverse_are_as_strong() {
    for kind in KINDS {
        let (up, down) = (e_value(2.0, 1.25, 4.0, kind), e_value(0.5, 0.25, 0.8, kind));
        let (up, down) = (up.expect("a ratio"), down.expect("a ratio"));
        assert!((up.of_estimate - down.of_estimate).abs() < 1e-12, "{kind:?}");
        assert!((up.of_limit - down.of_limit).abs() < 1e-12, "{kind:?}");
        assert!(up.of_limit < up.of_estimate);
    }
}

#[test]
fn an_interval_with_one_needs_nothing_to_explain_it() {
    for (estimate, low, high) in [(1.3, 0.9, 2.0), (0.8, 0.5, 1.1), (1.0, 0.9, 1.2), (1.3, 1.0, 2.0)] {
        let e = e_value(estimate, low, high, RatioKind::HazardOfCommon).expect("a ratio");
        assert!((e.of_limit - 1.0).abs() < 1e-15);
    }
    let few = Proportion { events: 2, subjects: 40 };
    let fewer = Proportion { events: 1, subjects: 40 };
    assert!(e_value_of_risk_difference(few, fewer, 0.95).is_ok_and(|(_, limit)| (limit - 1.0).abs() < 1e-15));
}

#[test]
fn what_has_no_answer_is_refused() {
    for (estimate, low, high) in [(0.0, 0.0, 1.0), (f64::NAN, 1.0, 2.0), (1.0, -1.0, 2.0), (1.5, 1.0, f64::INFINITY)] {
        assert!(e_value(estimate, low, high, RatioKind::Risk).is_err());
    }
    let outside = EValueError::Limits { low: 2.0, estimate: 1.0, high: 3.0 };
    assert_eq!(e_value(1.0, 2.0, 3.0, RatioKind::Risk), Err(outside));
    assert!(e_value_of_standardised_difference(f64::NAN, 1.0).is_err());
    assert!(e_value_of_standardised_difference(0.1, 0.0).is_err());
    let none = Proportion { events: 0, subjects: 10 };
    let some = Proportion { events: 3, subjects: 10 };
    let groups = EValueError::Groups { first: 10, second: 10 };
    assert_eq!(e_value_of_risk_difference(some, none, 0.95), Err(groups));
    assert_eq!(e_value_of_risk_difference(some, some, 0.95), Err(EValueError::NotLarger));
}
