use super::{Bounds, Class, Margins, Scale, Verdict, check_alpha, judge};

fn bounds(low: f64, high: f64, p_value: f64) -> Bounds {
    Bounds { low, high, harm_high: high, p_value, margin: 0.1 }
}

/// The verdict where every metric is known.
fn of(metrics: [Bounds; 4]) -> Verdict {
    judge(&metrics.map(Some), 0.05)
}

#[test]
fn levels_and_margins_that_would_excuse_anything_are_refused() {
    for (alpha, is_good) in [(0.05, true), (0.2, true), (0.201, false), (0.0, false), (-0.1, false), (1e-17, false)] {
        assert_eq!(check_alpha(alpha).is_ok(), is_good, "{alpha}");
    }
    assert!(check_alpha(f64::NAN).is_err());
    let no_margin = [0.0, -0.1, f64::NAN, f64::INFINITY];
    for (scale, most) in [(Scale::LogRatio, 2.0_f64.ln()), (Scale::Difference, 0.25)] {
        assert_eq!((scale.check_margin(most), scale.check_margin(1e-9)), (Ok(()), Ok(())));
        for margin in no_margin.into_iter().chain([most + 1e-9]) {
            assert!(scale.check_margin(margin).is_err(), "{scale:?} {margin}");
        }
        assert_eq!(scale.check_margin(Margins::default().of(scale)), Ok(()));
    }
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
