use super::*;

fn group(events: u64, subjects: u64) -> Proportion {
    Proportion { events, subjects }
}

fn summary(count: u64, mean: f64, standard_deviation: f64) -> Summary {
    Summary { count, mean, standard_deviation }
}

// Against the other group first, every effect changes its sign and none its variance.
#[test]
fn groups_can_change_places() {
    let (one, other) = (group(4, 123), group(11, 139));
    for effect in [log_risk_ratio, log_odds_ratio, risk_difference] {
        let (ahead, back) = (effect(one, other).expect("events"), effect(other, one).expect("events"));
        assert!((ahead.estimate + back.estimate).abs() < 1e-15 && (ahead.variance - back.variance).abs() < 1e-15);
    }
    let (one, other) = (summary(8, 14.0, 8.0), summary(13, 18.0, 11.0));
    for effect in [log_ratio_of_means, log_ratio_of_means_corrected, standardised_mean_difference] {
        let (ahead, back) = (effect(one, other).expect("means"), effect(other, one).expect("means"));
        assert!((ahead.estimate + back.estimate).abs() < 1e-14 && (ahead.variance - back.variance).abs() < 1e-14);
    }
}

// Software differs in the log ratio of means by a bias of second order: 2 % here, where the groups are small.
#[test]
fn both_ratios_of_means_are_there_by_name() {
    let (one, other) = (summary(8, 14.0, 8.0), summary(13, 18.0, 11.0));
    let (plain, corrected) = (log_ratio_of_means(one, other), log_ratio_of_means_corrected(one, other));
    let (plain, corrected) = (plain.expect("means").estimate, corrected.expect("means").estimate);
    // Montreal-Home in Normand (1999), as metafor 3.8-1 and 5.1-12 have it.
    assert!((plain + 0.251_314_428_281).abs() < 1e-11 && (corrected + 0.245_269_987_713).abs() < 1e-11);
    assert!(corrected / plain > 0.97 && corrected / plain < 0.98);
}

// The correction is near 1 - 3/(4m - 1) (Hedges 1981, table 1 of the approximation).
#[test]
fn a_standardised_difference_is_corrected_for_few() {
    let effect = standardised_mean_difference(summary(5, 1.0, 1.0), summary(5, 0.0, 1.0)).expect("means");
    assert!((effect.estimate - (1.0 - 3.0 / 31.0)).abs() < 1e-3, "{effect:?}");
    let many = standardised_mean_difference(summary(100_000, 1.0, 1.0), summary(100_000, 0.0, 1.0)).expect("means");
    assert!((many.estimate - 1.0).abs() < 1e-5);
}

#[test]
fn empty_cells_and_bad_numbers_are_errors() {
    assert_eq!(log_risk_ratio(group(0, 9), group(3, 9)), Err(EffectSizeError::EmptyCell));
    assert_eq!(log_risk_ratio(group(9, 9), group(9, 9)), Err(EffectSizeError::EmptyCell));
    assert_eq!(log_odds_ratio(group(9, 9), group(3, 9)), Err(EffectSizeError::EmptyCell));
    assert_eq!(risk_difference(group(0, 9), group(0, 9)), Err(EffectSizeError::EmptyCell));
    assert!(risk_difference(group(0, 9), group(1, 9)).is_ok());
    assert_eq!(risk_difference(group(0, 0), group(1, 9)), Err(EffectSizeError::EmptyCell));
    let more = EffectSizeError::MoreEventsThanSubjects { events: 10, subjects: 9 };
    assert_eq!(log_risk_ratio(group(10, 9), group(1, 9)), Err(more));
    assert_eq!(log_rate_ratio(0, 1.0, 1, 1.0), Err(EffectSizeError::EmptyCell));
    assert!(matches!(log_rate_ratio(1, 0.0, 1, 1.0), Err(EffectSizeError::NotPositive { .. })));
    let fine = summary(5, 1.0, 1.0);
    for bad in [summary(5, -1.0, 1.0), summary(5, 1.0, 0.0), summary(0, 1.0, 1.0), summary(5, f64::NAN, 1.0)] {
        assert!(matches!(log_ratio_of_means(fine, bad), Err(EffectSizeError::NotPositive { .. })));
    }
    let small = EffectSizeError::TooSmall { first: 5, second: 1 };
    assert_eq!(standardised_mean_difference(fine, summary(1, 1.0, 1.0)), Err(small));
    assert!(matches!(standardised_mean_difference(summary(5, f64::NAN, 1.0), fine), Err(EffectSizeError::Mean { .. })));
    assert!(matches!(
        standardised_mean_difference(summary(5, 1.0, 0.0), fine),
        Err(EffectSizeError::NotPositive { .. })
    ));
}
