use super::*;

fn unit(outcomes: &[f64], first_treated: Option<usize>) -> PanelUnit {
    PanelUnit::new(outcomes.to_vec(), first_treated)
}

#[test]
fn units_are_kept_in_an_order_of_their_own() {
    let units = [
        unit(&[3.0, 1.0, 2.0], None),
        unit(&[1.0, 1.0, 9.0], Some(2)),
        PanelUnit { cluster: Some(7), ..unit(&[1.0, 1.0, 2.0], Some(1)) },
        PanelUnit { cluster: Some(7), ..unit(&[1.0, 1.0, 5.0], Some(2)) },
    ];
    let panel = Panel::new(&units).expect("a panel");
    let mut backwards = units.to_vec();
    backwards.reverse();
    let other = Panel::new(&backwards).expect("a panel");
    assert_eq!(panel.units(), other.units());
    assert_eq!(panel.places(), [2, 3, 1, 0]);
    assert_eq!(panel.cohorts(), [1, 2]);
    assert_eq!(panel.cohort_of_unit(), [0, 1, 1, 2]);
    assert_eq!(panel.cluster_of_unit(), [0, 0, 1, 2]);
    assert_eq!(panel.clusters(), 3);
}

#[test]
fn who_is_treated_after_the_last_period_is_not_treated_in_the_panel() {
    let panel = Panel::new(&[unit(&[1.0, 2.0], Some(2)), unit(&[1.0, 3.0], Some(1))]).expect("a panel");
    assert_eq!(panel.units()[1].first_treated, None);
    assert_eq!(panel.cohorts(), [1]);
}

#[test]
fn what_is_no_panel_is_refused() {
    let good = unit(&[1.0, 2.0], None);
    let refused = |second: PanelUnit| Panel::new(&[good.clone(), second]).expect_err("it is no panel");
    assert_eq!(Panel::new(&[]), Err(PanelError::TooFewUnits { units: 0 }));
    assert_eq!(Panel::new(&[unit(&[1.0], None), unit(&[1.0], None)]), Err(PanelError::TooFewPeriods { periods: 1 }));
    assert_eq!(refused(unit(&[1.0], None)), PanelError::Unbalanced { unit: 1, outcomes: 1, periods: 2 });
    assert_eq!(refused(unit(&[1.0, f64::NAN], None)), PanelError::NotFinite { unit: 1 });
    assert_eq!(refused(unit(&[1.0, 2.0], Some(0))), PanelError::AlwaysTreated { unit: 1 });
    let weight = PanelUnit { weight: 0.0, ..good.clone() };
    assert_eq!(refused(weight), PanelError::Weight { unit: 1, weight: 0.0 });
    let covariates = PanelUnit { covariates: vec![1.0], ..good.clone() };
    assert_eq!(refused(covariates), PanelError::Covariates { unit: 1, covariates: 1, expected: 0 });
}
