use super::*;

fn effect(estimate: f64) -> Wald {
    Wald::normal(estimate, 0.5).expect("the numbers are finite")
}

#[test]
fn limits_lie_where_probabilities_say() {
    for effect in [effect(0.8), effect(0.8).with_degrees_of_freedom(4.0)] {
        let interval = effect.interval(0.9).expect("the level is between 0 and 1");
        let p = effect.p_above(interval.low).expect("the limit is a number");
        assert!((p - 0.05).abs() < 1e-12, "{p}");
        let p = effect.p_above(interval.high).expect("the limit is a number");
        assert!((p - 0.95).abs() < 1e-12, "{p}");
    }
}

#[test]
fn probabilities_do_not_depend_on_the_sign() {
    let (above, below) = (effect(0.8).p_two_sided(), effect(-0.8).p_two_sided());
    assert_eq!(above, below);
    assert!((above.expect("it is a number") - 0.109_598_583_399_116).abs() < 1e-12);
    let wide = effect(0.8).with_degrees_of_freedom(3.0).p_two_sided().expect("it is a number");
    assert!(wide > above.expect("it is a number"));
}

#[test]
fn what_has_no_answer_is_refused() {
    assert_eq!(Wald::normal(1.0, 0.0), None);
    assert_eq!(Wald::normal(f64::NAN, 1.0), None);
    assert_eq!(Wald::normal(1.0, f64::INFINITY), None);
    assert!(matches!(effect(1.0).interval(1.0), Err(WaldError::Confidence(_))));
    assert!(matches!(effect(1.0).p_above(f64::NAN), Err(WaldError::Distribution(_))));
}
