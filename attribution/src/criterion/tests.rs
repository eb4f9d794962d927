use super::{Bounds, Class, Margins, Scale, Verdict, judge};

fn bounds(low: f64, high: f64, p_value: f64) -> Bounds {
    Bounds { low, high, harm_high: high, p_value, margin: 0.1 }
}

/// The verdict where every metric is known.
fn of(metrics: [Bounds; 4]) -> Verdict {
    judge(&metrics.map(Some), 0.05)
}

#[test]
fn a_bound_on_the_margin_satisfies_nothing() {
    assert_eq!(Class::of(0.0, 1.0, 0.1), Class::NonInferior);
    assert_eq!(Class::of(-0.1, 1.0, 0.1), Class::Inconclusive);
    assert_eq!(Class::of(-1.0, -0.1, 0.1), Class::Inconclusive);
    assert_eq!(Class::of(-1.0, -0.100_001, 0.1), Class::Inferior);
    assert_eq!(Class::of(1e-9, 1.0, 0.1), Class::Superior);
}

/// Each verdict, and which of two that hold comes first.
#[test]
fn verdicts_come_in_their_order() {
    let (good, fair, harm, wide) =
        (bounds(0.2, 0.4, 0.001), bounds(-0.05, 0.2, 0.4), bounds(-0.9, -0.2, 1.0), bounds(-0.5, 0.5, 0.5));
    assert_eq!(of([good, fair, fair, fair]), Verdict::Improves);
    assert_eq!(of([fair, fair, fair, fair]), Verdict::KeepsUp);
    assert_eq!(of([good, good, good, wide]), Verdict::Inconclusive);
    assert_eq!(judge(&[Some(good), Some(good), Some(good), None], 0.05), Verdict::InsufficientData);
    // Harm in one is not hidden by what is missing of another, nor by what others gain.
    assert_eq!(judge(&[Some(good), Some(good), Some(harm), None], 0.05), Verdict::Worsens);
}

/// Four chances to be better: a p-value that would do alone does not.
#[test]
fn superiority_pays_for_four_looks() {
    let one = |p_value| {
        [bounds(0.01, 0.4, p_value), bounds(-0.05, 0.2, 0.4), bounds(-0.05, 0.2, 0.4), bounds(-0.05, 0.2, 0.4)]
    };
    assert_eq!(of(one(0.024)), Verdict::KeepsUp);
    assert_eq!(of(one(0.025 / 4.0)), Verdict::KeepsUp);
    assert_eq!(of(one(0.006)), Verdict::Improves);
}

/// Harm is judged at a quarter of the level, so an upper bound that is low enough at the whole level is not enough.
#[test]
fn harm_in_one_of_four_has_to_be_clear() {
    let unclear = Bounds { low: -0.9, high: -0.11, harm_high: -0.05, p_value: 1.0, margin: 0.1 };
    let fair = bounds(-0.05, 0.2, 0.4);
    assert_eq!(of([unclear, fair, fair, fair]), Verdict::Inconclusive);
}

#[test]
fn change_fail_rate_alone_is_a_difference() {
    let margins = Margins::default();
    assert!((margins.of(Scale::of("change_fail_rate")) - 0.03).abs() < 1e-12);
    assert!((margins.of(Scale::of("change_lead_time")) - 0.095_310_179_804_324_87).abs() < 1e-15);
}
