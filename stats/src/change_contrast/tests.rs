use proptest::prelude::*;

use super::*;
use crate::{Philox, ShareRegression, welch_difference};

fn change(unit: usize, cohort: usize, is_treated: bool, estimate: f64, variance: f64) -> UnitChange {
    UnitChange { unit, cohort, is_treated, estimate, variance }
}

fn counts(unit: usize, is_treated: bool, events: [u64; 2]) -> UnitCounts {
    UnitCounts { unit, cohort: 0, is_treated, events, exposures: [84.0, 84.0] }
}

/// Uniform, then normal by the sum of twelve: good enough to plant noise, and nothing the estimator itself uses.
fn noise(random: &mut Philox) -> f64 {
    (0..12).map(|_| uniform(random)).sum::<f64>() - 6.0
}

fn uniform(random: &mut Philox) -> f64 {
    (random.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
}

/// By counting exponential gaps.
fn poisson(mean: f64, random: &mut Philox) -> u64 {
    let (mut count, mut time) = (0, 0.0);
    loop {
        time -= libm::log(1.0 - uniform(random));
        if time > mean {
            return count;
        }
        count += 1;
    }
}

#[test]
fn with_one_date_and_equal_errors_it_is_the_difference_of_means_with_the_error_of_welch() {
    let (treated, others) = ([0.9, 1.4, 0.2, 1.1], [0.1, -0.3, 0.4, 0.0, 0.25]);
    let rows: Vec<UnitChange> = treated
        .iter()
        .map(|value| (true, value))
        .chain(others.iter().map(|value| (false, value)))
        .enumerate()
        .map(|(unit, (is_treated, value))| change(unit, 0, is_treated, *value, 0.01))
        .collect();
    let found = change_contrast(&rows).expect("an answer");
    let welch = welch_difference(&treated, &others).expect("an answer");
    assert!((found.effect.estimate - welch.estimate).abs() < 1e-12);
    assert!((found.effect.standard_error - welch.standard_error).abs() < 1e-12);
    assert_eq!(found.units, [4, 5]);
    assert!(found.is_controlled);
}

#[test]
fn dates_are_compared_within_themselves() {
    // At the second date everything rose by 10; a comparison over dates would see that.
    let mut rows = Vec::new();
    for (cohort, level) in [(0, 0.0), (1, 10.0)] {
        for place in 0..4 {
            let wobble = 0.1 * f64::from(place);
            let unit = 10 * cohort + usize::try_from(place).expect("small");
            rows.push(change(unit, cohort, place == 3, level + wobble + if place == 3 { 1.0 } else { 0.0 }, 0.5));
        }
    }
    // A date with nobody treated, and one with nobody else, say nothing.
    rows.push(change(30, 2, false, 77.0, 0.5));
    rows.push(change(31, 3, true, -77.0, 0.5));
    let found = change_contrast(&rows).expect("an answer");
    assert!((found.effect.estimate - 1.2).abs() < 1e-9, "{:?}", found.effect);
    assert_eq!(found.changes.len(), 8);
}

#[test]
fn a_control_of_two_dates_is_one_unit() {
    let rows = |apart: bool| -> Vec<UnitChange> {
        let mut rows = Vec::new();
        for cohort in 0..2 {
            for place in 0..3 {
                rows.push(change(100 * cohort + place, cohort, true, 1.0 + 0.3 * place as f64, 0.01));
            }
            for place in 0..4 {
                let unit = 50 + place + if apart { 10 * cohort } else { 0 };
                rows.push(change(unit, cohort, false, 0.4 * place as f64, 0.01));
            }
        }
        rows
    };
    let (together, apart) =
        (change_contrast(&rows(false)).expect("an answer"), change_contrast(&rows(true)).expect("an answer"));
    assert_eq!(together.units, [6, 4]);
    assert!((together.effect.estimate - apart.effect.estimate).abs() < 1e-12);
    assert!(together.effect.standard_error > 1.1 * apart.effect.standard_error);
    assert!(together.effect.degrees_of_freedom < apart.effect.degrees_of_freedom);
}

#[test]
fn without_others_it_is_the_mean_change_and_says_so() {
    let rows = [0.4, 0.9, 0.2, 0.5].map(|value| (value, 0.01));
    let rows: Vec<UnitChange> =
        rows.iter().enumerate().map(|(unit, (value, variance))| change(unit, 0, true, *value, *variance)).collect();
    let found = change_contrast(&rows).expect("an answer");
    assert!(!found.is_controlled);
    assert!((found.effect.estimate - 0.5).abs() < 1e-12);
    // The standard error of a mean, by hand: the sum of squared deviations is 0.26.
    assert!((found.effect.standard_error - (0.26_f64 / 12.0).sqrt()).abs() < 1e-12);
    assert!((found.effect.degrees_of_freedom.expect("t") - 3.0).abs() < 1e-9);
}

#[test]
fn one_unit_is_held_against_how_the_others_differ() {
    let others = [0.1, -0.3, 0.4, 0.0, 0.25, -0.2];
    let rows: Vec<UnitChange> = std::iter::once(change(0, 0, true, 1.3, 0.001))
        .chain(others.iter().enumerate().map(|(unit, value)| change(unit + 1, 0, false, *value, 0.001)))
        .collect();
    let found = change_contrast(&rows).expect("an answer");
    assert_eq!((found.spread, found.units), (ChangeSpread::Alike, [1, 6]));
    // Crawford and Howell by hand: the standard deviation of the others times the root of 7/6, with 5 degrees of freedom.
    let mean = others.iter().sum::<f64>() / 6.0;
    let variance = others.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / 5.0;
    assert!((found.effect.estimate - (1.3 - mean)).abs() < 1e-12);
    assert!((found.effect.standard_error - (variance * 7.0 / 6.0).sqrt()).abs() < 1e-9, "{:?}", found.effect);
    assert_eq!(found.effect.degrees_of_freedom, Some(5.0));
    // Units that differ by less than sampling alone would have them are no reason for a narrower interval.
    let sampled: Vec<UnitChange> = rows.iter().map(|row| UnitChange { variance: 9.0, ..*row }).collect();
    let found = change_contrast(&sampled).expect("an answer");
    assert!((found.effect.standard_error - (9.0_f64 * 7.0 / 6.0).sqrt()).abs() < 1e-9, "{:?}", found.effect);
}

#[test]
fn few_units_on_a_side_share_the_error_of_all_and_many_do_not() {
    let rows = |treated: usize, others: usize| -> Vec<UnitChange> {
        let value = |unit: usize| (unit * unit % 7) as f64 * 0.1;
        (0..treated + others).map(|unit| change(unit, 0, unit < treated, value(unit), 0.001)).collect()
    };
    let spread = |treated, others| change_contrast(&rows(treated, others)).expect("an answer").spread;
    assert_eq!(spread(3, 3), ChangeSpread::Alike);
    assert_eq!(spread(2, 9), ChangeSpread::Alike);
    assert_eq!(spread(8, 8), ChangeSpread::ByUnit);
    let few = change_contrast(&rows(3, 3)).expect("an answer");
    assert_eq!(few.effect.degrees_of_freedom, Some(4.0));
}

#[test]
fn where_units_are_alike_counts_are_those_of_a_binomial_regression() {
    let rows = [
        counts(0, true, [10, 21]),
        counts(1, true, [20, 39]),
        counts(2, true, [31, 60]),
        counts(3, true, [5, 11]),
        counts(4, false, [12, 12]),
        counts(5, false, [8, 8]),
        counts(6, false, [25, 26]),
        counts(7, false, [40, 39]),
    ];
    let found = change_contrast_of_counts(&rows).expect("an answer");
    assert!(found.between_variance.abs() < 1e-12);
    let events: Vec<u64> = rows.iter().map(|row| row.events[1]).collect();
    let trials: Vec<u64> = rows.iter().map(|row| row.events[0] + row.events[1]).collect();
    let arm = rows.iter().map(|row| f64::from(u8::from(row.is_treated))).collect();
    let fit = ShareRegression::binomial(&events, &trials, &[arm]).expect("a fit");
    assert!((found.effect.estimate - fit.coefficients()[1]).abs() < 1e-9);
}

#[test]
fn exposure_that_differs_is_no_effect() {
    // The same rates; the treated were watched for half as long afterwards.
    let rows: Vec<UnitCounts> = (0..10)
        .map(|unit| {
            let is_treated = unit < 5;
            let base = 40 + 2 * (unit % 5) as u64;
            let after = if is_treated { base / 2 } else { base };
            let exposures = [80.0, if is_treated { 40.0 } else { 80.0 }];
            UnitCounts { unit, cohort: 0, is_treated, events: [base, after], exposures }
        })
        .collect();
    let found = change_contrast_of_counts(&rows);
    // All ratios are equal, so that nothing is left to see an error by.
    match found {
        Ok(found) => assert!(found.effect.estimate.abs() < 1e-9),
        Err(error) => {
            assert!(matches!(error, ChangeContrastError::Regression(ClusteredError::NoSpread { .. })), "{error}");
        }
    }
}

#[test]
fn a_side_without_events_of_one_unit_is_no_reason_to_leave_it_out() {
    let mut rows: Vec<UnitCounts> =
        (0..6).map(|unit| counts(unit, unit < 3, [10 + unit as u64, 11 + 2 * (unit as u64 % 3)])).collect();
    let before = change_contrast_of_counts(&rows).expect("an answer");
    rows.push(counts(6, true, [9, 0]));
    let after = change_contrast_of_counts(&rows).expect("an answer");
    assert_eq!(after.units, [4, 3]);
    assert!(after.effect.estimate < before.effect.estimate - 0.2, "a unit that stopped lowers the ratio");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let one = change(0, 0, true, 1.0, 1.0);
    assert_eq!(change_contrast(&[]).unwrap_err(), ChangeContrastError::NoTreated);
    assert_eq!(
        change_contrast(&[UnitChange { is_treated: false, ..one }]).unwrap_err(),
        ChangeContrastError::NoTreated
    );
    assert_eq!(change_contrast(&[one]).unwrap_err(), ChangeContrastError::TooFewUnits { units: 1, coefficients: 1 });
    // The fit goes through a single treated unit whatever it did: with units that stand twice, nothing shows its error.
    let alone: Vec<UnitChange> = (0..18)
        .map(|row| change(row % 9, row / 9, row % 9 == 0, if row % 9 == 0 { 5.0 } else { 0.1 * row as f64 }, 0.01))
        .collect();
    assert_eq!(change_contrast(&alone).unwrap_err(), ChangeContrastError::OneUnit);
    for bad in [UnitChange { estimate: f64::NAN, ..one }, UnitChange { variance: 0.0, ..one }] {
        assert_eq!(change_contrast(&[one, bad]).unwrap_err(), ChangeContrastError::NotUsable { row: 1 });
    }
    let stopped =
        [counts(0, true, [3, 0]), counts(1, true, [4, 0]), counts(2, false, [3, 3]), counts(3, false, [2, 5])];
    assert_eq!(change_contrast_of_counts(&stopped).unwrap_err(), ChangeContrastError::NoEvents);
    let unwatched = [UnitCounts { exposures: [0.0, 1.0], ..counts(0, true, [1, 1]) }];
    assert_eq!(change_contrast_of_counts(&unwatched).unwrap_err(), ChangeContrastError::NotUsable { row: 0 });
    assert_eq!(change_contrast_of_counts(&[counts(0, true, [0, 0])]).unwrap_err(), ChangeContrastError::NoTreated);
}

/// A world of services whose activity differs by a hundred times, bursts included, that all change by chance; the
/// treated by `effect` beyond that.
fn world(seed: u64, services: usize, effect: f64) -> Vec<UnitCounts> {
    let mut random = Philox::new(seed, 0);
    (0..services)
        .map(|unit| {
            let is_treated = unit % 2 == 0;
            let level = 60.0 / (1.0 + unit as f64);
            let own = 0.3 * noise(&mut random) + if is_treated { effect } else { 0.0 };
            let events = [poisson(level, &mut random), poisson(level * libm::exp(0.2 + own), &mut random)];
            counts(unit, is_treated, events)
        })
        .collect()
}

#[test]
fn chance_alone_is_found_about_as_often_as_promised_and_a_planted_ratio_lies_inside() {
    let effect = 0.5;
    for services in [10, 24] {
        let (mut found, mut covered, mut worlds) = (0, 0, 0);
        for seed in 0..500 {
            let Ok(null) = change_contrast_of_counts(&world(seed, services, 0.0)) else { continue };
            let Ok(planted) = change_contrast_of_counts(&world(seed + 1_000, services, effect)) else { continue };
            worlds += 1;
            found += u32::from(null.effect.p_two_sided().expect("a p") < 0.05);
            let interval = planted.effect.interval(0.95).expect("an interval");
            covered += u32::from(interval.low <= effect && effect <= interval.high);
        }
        let share = |count: u32| f64::from(count) / f64::from(worlds);
        assert!(worlds > 490, "{worlds}");
        // Three standard errors of 500 worlds are three points.
        assert!(share(found) < 0.08, "{services} services: {}", share(found));
        assert!(share(covered) > 0.92, "{services} services: {}", share(covered));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn order_names_and_units_of_time_mean_nothing(seed in 0_u64..10_000, turn in 0_usize..12, days in 0.01_f64..100.0) {
        let rows = world(seed, 12, 0.3);
        let Ok(one) = change_contrast_of_counts(&rows) else { return Ok(()) };
        let mut other = rows.clone();
        other.rotate_left(turn);
        for row in &mut other {
            row.unit = 1_000 - row.unit;
            row.exposures = row.exposures.map(|exposure| exposure * days);
        }
        let other = change_contrast_of_counts(&other).expect("the same rows");
        prop_assert!((one.effect.estimate - other.effect.estimate).abs() < 1e-9);
        prop_assert!((one.effect.standard_error - other.effect.standard_error).abs() < 1e-9);
    }

    #[test]
    fn before_and_after_turned_round_turn_the_sign(seed in 0_u64..10_000) {
        let rows = world(seed, 12, 0.3);
        let turned: Vec<UnitCounts> =
            rows.iter().map(|row| UnitCounts { events: [row.events[1], row.events[0]], ..*row }).collect();
        let Ok(one) = change_contrast_of_counts(&rows) else { return Ok(()) };
        let other = change_contrast_of_counts(&turned).expect("the same rows");
        prop_assert!((one.effect.estimate + other.effect.estimate).abs() < 1e-8);
        prop_assert!((one.effect.standard_error - other.effect.standard_error).abs() < 1e-8);
    }
}

#[test]
fn a_covariate_is_taken_out_as_a_regression_of_residuals_takes_it_out() {
    let mut random = Philox::new(5, 0);
    let sizes: Vec<f64> = (0..14).map(|_| 3.0 * uniform(&mut random)).collect();
    let rows: Vec<UnitChange> = (0..14)
        .map(|unit| {
            let is_treated = unit % 3 == 0;
            let moved = 0.4 * f64::from(u8::from(is_treated)) + 0.7 * sizes[unit] + 0.3 * noise(&mut random);
            change(unit, 0, is_treated, moved, 1e-6)
        })
        .collect();
    let found = change_contrast_adjusted(&rows, std::slice::from_ref(&sizes)).expect("an answer");
    // Frisch, Waugh and Lovell: what is left of arms and of changes once a line in the sizes is taken off both.
    let left = |values: &[f64]| -> Vec<f64> {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let (own, other) = (mean(values), mean(&sizes));
        let both: f64 = values.iter().zip(&sizes).map(|(value, size)| (value - own) * (size - other)).sum();
        let slope = both / sizes.iter().map(|size| (size - other) * (size - other)).sum::<f64>();
        values.iter().zip(&sizes).map(|(value, size)| value - own - slope * (size - other)).collect()
    };
    let arms = left(&rows.iter().map(|row| f64::from(u8::from(row.is_treated))).collect::<Vec<_>>());
    let changes = left(&rows.iter().map(|row| row.estimate).collect::<Vec<_>>());
    let squares: f64 = arms.iter().map(|arm| arm * arm).sum();
    let slope = arms.iter().zip(&changes).map(|(arm, change)| arm * change).sum::<f64>() / squares;
    assert!((found.effect.estimate - slope).abs() < 1e-9, "{} {slope}", found.effect.estimate);
    let plain = change_contrast(&rows).expect("an answer");
    assert!((plain.effect.estimate - slope).abs() > 1e-3 && found.effect.standard_error < plain.effect.standard_error);
    // What does not vary says nothing, and what is no number is refused.
    let constant = change_contrast_adjusted(&rows, &[vec![7.0; 14]]).expect("an answer");
    assert_eq!(constant.effect, plain.effect);
    for bad in [vec![1.0; 13], vec![f64::NAN; 14]] {
        let refused = change_contrast_adjusted(&rows, &[sizes.clone(), bad]);
        assert_eq!(refused, Err(ChangeContrastError::Covariate { column: 1 }));
    }
}

#[test]
fn a_covariate_that_moves_counts_no_longer_passes_for_an_effect() {
    // Those treated are the larger ones, and what is large grows by itself.
    let rows: Vec<(UnitCounts, f64)> = (0..24)
        .map(|unit| {
            let (is_treated, size) = (unit < 12, f64::from(u8::try_from(unit % 6).expect("small")) / 5.0);
            let size = if is_treated { size + 0.5 } else { size };
            let after = 40.0 * libm::exp(0.8 * size);
            let after = format!("{after:.0}").parse().expect("a count");
            (counts(unit, is_treated, [40, after]), size)
        })
        .collect();
    let (units, sizes): (Vec<UnitCounts>, Vec<f64>) = rows.into_iter().unzip();
    let plain = change_contrast_of_counts(&units).expect("an answer");
    let adjusted = change_contrast_of_counts_adjusted(&units, &[sizes]).expect("an answer");
    assert!((plain.effect.estimate - 0.4).abs() < 0.03, "{:?}", plain.effect);
    assert!(adjusted.effect.estimate.abs() < 0.01, "{:?}", adjusted.effect);
}
