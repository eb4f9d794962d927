use super::*;
use crate::linear::{LeastSquares, sandwich};
use crate::panel::PanelUnit;
use crate::random::Philox;

const DATES: [Option<usize>; 4] = [None, Some(2), Some(4), Some(5)];

/// Thirty units over six periods, with covariates that tell a little of who is treated, and different weights.
fn units(seed: u64) -> Vec<PanelUnit> {
    let mut random = Philox::new(seed, 0);
    (0..30)
        .map(|unit| {
            let first_treated = DATES[unit % 4];
            let covariate = random.unit() + if first_treated.is_some() { 0.3 } else { 0.0 };
            let level = 5.0 * random.unit();
            let outcome = |period: usize| {
                let effect =
                    first_treated.map_or(0.0, |first| if period < first { 0.0 } else { 1.0 + (period - first) as f64 });
                level + 0.5 * period as f64 * (1.0 + covariate) + effect + random.unit()
            };
            PanelUnit {
                covariates: vec![covariate],
                weight: 1.0 + 0.1 * (unit % 3) as f64,
                ..PanelUnit::new((0..6).map(outcome).collect(), first_treated)
            }
        })
        .collect()
}

fn plain(seed: u64) -> Vec<PanelUnit> {
    let plain = |unit| PanelUnit { covariates: Vec::new(), weight: 1.0, ..unit };
    units(seed).into_iter().map(plain).collect()
}

fn estimated(units: &[PanelUnit], plan: StaggeredPlan) -> GroupTimeEffects {
    GroupTimeEffects::estimate(&Panel::new(units).expect("a panel"), plan).expect("there are controls")
}

/// The derivative of an estimate for the logarithm of each unit's weight: its contribution to the error.
fn derivatives(units: &[PanelUnit], estimate: impl Fn(&[PanelUnit]) -> f64) -> Vec<f64> {
    let step = 1e-5;
    let moved = |unit: usize, factor: f64| {
        let mut moved = units.to_vec();
        moved[unit].weight *= factor;
        estimate(&moved)
    };
    (0..units.len()).map(|unit| (moved(unit, 1.0 + step) - moved(unit, 1.0 - step)) / (2.0 * step)).collect()
}

fn length(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// The oracle of every standard error: derivatives by differences of the whole estimator.
#[test]
fn standard_errors_are_those_of_numerical_derivatives() {
    let units = units(1);
    for adjustment in [Adjustment::DoublyRobust, Adjustment::Regression, Adjustment::InverseProbability] {
        for controls in [Controls::NeverTreated, Controls::NotYetTreated] {
            let plan = StaggeredPlan { controls, adjustment, ..StaggeredPlan::default() };
            let found = estimated(&units, plan);
            let first = derivatives(&units, |units| estimated(units, plan).effects()[2].estimate);
            let error = found.effects()[2].standard_error.expect("outcomes vary");
            assert!((length(&first) / error - 1.0).abs() < 1e-6, "{plan:?}: {} for {error}", length(&first));
            let overall = found.by_group().expect("outcomes vary").overall;
            let derived =
                derivatives(&units, |units| estimated(units, plan).by_group().expect("outcomes vary").overall.estimate);
            assert!((length(&derived) / overall.standard_error - 1.0).abs() < 1e-6, "{plan:?}");
        }
    }
}

#[test]
fn the_other_averages_have_errors_of_numerical_derivatives_too() {
    let units = units(2);
    let averages: [fn(&GroupTimeEffects) -> Wald; 3] = [
        |effects| effects.simple().expect("outcomes vary"),
        |effects| effects.by_event_time().expect("outcomes vary").overall,
        |effects| effects.by_period().expect("outcomes vary").overall,
    ];
    for average in averages {
        let plan = StaggeredPlan::default();
        let derived = derivatives(&units, |units| average(&estimated(units, plan)).estimate);
        let error = average(&estimated(&units, plan)).standard_error;
        assert!((length(&derived) / error - 1.0).abs() < 1e-6);
    }
}

/// Four changes by hand: (4 − 1) and (2 − 1) against (1 − 0) and (1 − 1), and one period later.
#[test]
fn a_panel_of_four_is_as_by_hand() {
    let panel = [
        PanelUnit::new(vec![0.0, 1.0, 4.0], Some(2)),
        PanelUnit::new(vec![0.0, 1.0, 2.0], Some(2)),
        PanelUnit::new(vec![3.0, 0.0, 1.0], None),
        PanelUnit::new(vec![1.0, 1.0, 1.0], None),
    ];
    let found = estimated(&panel, StaggeredPlan::default());
    let effect = found.effects()[1];
    assert_eq!((effect.group, effect.period, effect.treated, effect.controls), (2, 2, 2, 2));
    assert!((effect.estimate - 1.5).abs() < 1e-12);
    // Deviations ±1 and ±1/2, each over two: √(2 · 1/4 + 2 · 1/16).
    assert!((effect.standard_error.expect("they vary") - 0.625_f64.sqrt()).abs() < 1e-12);
    assert!((found.effects()[0].estimate - 2.5).abs() < 1e-12);
}

#[test]
fn only_changes_count_and_they_scale() {
    let before = plain(3);
    let found = estimated(&before, StaggeredPlan::default()).by_group().expect("outcomes vary");
    let mut shifted = before.clone();
    for (place, unit) in shifted.iter_mut().enumerate() {
        for (period, outcome) in unit.outcomes.iter_mut().enumerate() {
            *outcome = -3.0 * *outcome + 7.0 * place as f64 + (period * period) as f64;
        }
    }
    let moved = estimated(&shifted, StaggeredPlan::default()).by_group().expect("outcomes vary");
    assert!((moved.overall.estimate + 3.0 * found.overall.estimate).abs() < 1e-9);
    assert!((moved.overall.standard_error - 3.0 * found.overall.standard_error).abs() < 1e-9);
    let (one, other) = (
        imputation_effect(&Panel::new(&before).expect("a panel")),
        imputation_effect(&Panel::new(&shifted).expect("a panel")),
    );
    let (one, other) = (one.expect("outcomes vary").effects.overall, other.expect("outcomes vary").effects.overall);
    assert!((other.estimate + 3.0 * one.estimate).abs() < 1e-9);
    assert!((other.standard_error - 3.0 * one.standard_error).abs() < 1e-9);
}

#[test]
fn order_does_not_matter_to_the_last_bit() {
    let forwards = units(4);
    let mut backwards = forwards.clone();
    backwards.reverse();
    let plan = StaggeredPlan::default();
    assert_eq!(estimated(&forwards, plan), estimated(&backwards, plan));
    let [one, other] = [&forwards, &backwards].map(|units| Panel::new(units).expect("a panel"));
    assert_eq!(imputation_effect(&one), imputation_effect(&other));
    assert_eq!(sun_abraham(&one), sun_abraham(&other));
    assert_eq!(two_way_fixed_effects(&one), two_way_fixed_effects(&other));
}

/// Every unit twice, in one cluster with its copy, is every unit once.
#[test]
fn a_cluster_counts_once() {
    let once: Vec<PanelUnit> =
        units(5).into_iter().zip(0..).map(|(unit, name)| PanelUnit { cluster: Some(name), ..unit }).collect();
    let twice: Vec<PanelUnit> = once.iter().chain(&once).cloned().collect();
    let plan = StaggeredPlan::default();
    let one = estimated(&once, plan).by_group().expect("outcomes vary").overall;
    let two = estimated(&twice, plan).by_group().expect("outcomes vary").overall;
    assert!((one.estimate - two.estimate).abs() < 1e-12);
    assert!((one.standard_error - two.standard_error).abs() < 1e-12);
    let apart: Vec<PanelUnit> = twice.iter().map(|unit| PanelUnit { cluster: None, ..unit.clone() }).collect();
    let apart = estimated(&apart, plan).by_group().expect("outcomes vary").overall;
    assert!((apart.standard_error * 2.0_f64.sqrt() - one.standard_error).abs() < 1e-12);
}

#[test]
fn where_all_are_treated_in_the_end_the_last_have_no_controls() {
    let treated: Vec<PanelUnit> = plain(6).into_iter().filter(|unit| unit.first_treated.is_some()).collect();
    let found = estimated(&treated, StaggeredPlan::default());
    // The last group has no controls just before its treatment either.
    assert_eq!(found.skipped(), [(2, 5), (4, 5), (5, 4), (5, 5)]);
    assert!(found.by_group().expect("outcomes vary").parts.iter().all(|part| part.at < 5));
    let panel = Panel::new(&treated).expect("a panel");
    let never = StaggeredPlan { controls: Controls::NeverTreated, ..StaggeredPlan::default() };
    assert_eq!(GroupTimeEffects::estimate(&panel, never), Err(StaggeredError::NoControls));
    assert_eq!(imputation_effect(&panel).expect("outcomes vary").unknown_from, Some(5));
    let together: Vec<PanelUnit> =
        treated.iter().map(|unit| PanelUnit { first_treated: Some(3), ..unit.clone() }).collect();
    let together = Panel::new(&together).expect("a panel");
    assert_eq!(GroupTimeEffects::estimate(&together, StaggeredPlan::default()), Err(StaggeredError::NoControls));
    assert_eq!(imputation_effect(&together), Err(StaggeredError::NoControls));
    assert_eq!(two_way_fixed_effects(&together), Err(StaggeredError::NoControls));
}

#[test]
fn what_has_no_answer_is_refused() {
    let nobody: Vec<PanelUnit> = plain(7).into_iter().map(|unit| PanelUnit { first_treated: None, ..unit }).collect();
    let nobody = Panel::new(&nobody).expect("a panel");
    assert_eq!(GroupTimeEffects::estimate(&nobody, StaggeredPlan::default()), Err(StaggeredError::NoTreated));
    assert_eq!(imputation_effect(&nobody), Err(StaggeredError::NoTreated));
    assert_eq!(two_way_fixed_effects(&nobody), Err(StaggeredError::NoTreated));
    assert_eq!(sun_abraham(&nobody), Err(StaggeredError::NoTreated));
    let constant: Vec<PanelUnit> =
        plain(7).into_iter().map(|unit| PanelUnit { outcomes: vec![2.0; 6], ..unit }).collect();
    let found = estimated(&constant, StaggeredPlan::default());
    assert_eq!(found.by_group(), Err(StaggeredError::NoSpread));
    assert_eq!(found.lead_test(), Err(StaggeredError::NoLeads));
    let told: Vec<PanelUnit> = units(7)
        .into_iter()
        .map(|unit| PanelUnit { covariates: vec![f64::from(u8::from(unit.first_treated.is_some()))], ..unit })
        .collect();
    let weighted = StaggeredPlan {
        adjustment: Adjustment::InverseProbability,
        controls: Controls::NeverTreated,
        ..StaggeredPlan::default()
    };
    let told = Panel::new(&told).expect("a panel");
    assert_eq!(GroupTimeEffects::estimate(&told, weighted), Err(StaggeredError::NoOverlap));
}

type Column = Box<dyn Fn(&PanelUnit, usize) -> f64>;

/// The rows of a regression on units, periods and more: response and design.
fn dummies(units: &[PanelUnit], more: &[Column]) -> (DVector<f64>, DMatrix<f64>) {
    let periods = units[0].outcomes.len();
    let design = DMatrix::from_fn(units.len() * periods, units.len() + periods - 1 + more.len(), |row, column| {
        let (unit, period) = (row / periods, row % periods);
        let (after_units, after_periods) =
            (column.checked_sub(units.len()), column.checked_sub(units.len() + periods - 1));
        match (after_units, after_periods) {
            (None, _) => f64::from(u8::from(unit == column)),
            (Some(column), None) => f64::from(u8::from(period == column + 1)),
            (_, Some(column)) => more[column](&units[unit], period),
        }
    });
    (DVector::from_iterator(units.len() * periods, units.iter().flat_map(|unit| unit.outcomes.clone())), design)
}

#[test]
fn two_way_effects_are_those_of_the_regression_written_out() {
    let units = plain(8);
    let is_treated =
        |unit: &PanelUnit, period: usize| f64::from(u8::from(unit.first_treated.is_some_and(|first| period >= first)));
    let (response, design) = dummies(&units, &[Box::new(is_treated)]);
    let fit = LeastSquares::fit(&design, &response, None).expect("the design has full rank");
    let found = two_way_fixed_effects(&Panel::new(&units).expect("a panel")).expect("outcomes vary");
    let last = design.ncols() - 1;
    assert!((fit.coefficients[last] - found.estimate).abs() < 1e-10);
    let scores =
        DMatrix::from_fn(design.nrows(), design.ncols(), |row, column| design[(row, column)] * fit.residuals[row]);
    let clusters: Vec<usize> = (0..design.nrows()).map(|row| row / 6).collect();
    let variance = sandwich(&fit.unscaled_covariance, &scores, &clusters)[(last, last)];
    let factor = 30.0 / 29.0 * 179.0 / (180.0 - 7.0);
    assert!(((variance * factor).sqrt() - found.standard_error).abs() < 1e-10);
}

#[test]
fn sun_abraham_is_the_regression_written_out() {
    let units = plain(9);
    let indicators: Vec<Column> = [2_usize, 4, 5]
        .into_iter()
        .flat_map(|group| (0..6_usize).filter(move |period| period + 1 != group).map(move |period| (group, period)))
        .map(|(group, period)| -> Column {
            Box::new(move |unit, at| f64::from(u8::from(unit.first_treated == Some(group) && at == period)))
        })
        .collect();
    let (response, design) = dummies(&units, &indicators);
    let fit = LeastSquares::fit(&design, &response, None).expect("the design has full rank");
    let found = sun_abraham(&Panel::new(&units).expect("a panel")).expect("outcomes vary");
    // Three periods after treatment only the first group is seen: its indicator is the last of the group.
    let column = 30 + 5 + 4;
    let at_three = found.parts.iter().find(|part| part.at == 3).expect("it is seen");
    assert!((fit.coefficients[column] - at_three.estimate).abs() < 1e-10);
    let scores =
        DMatrix::from_fn(design.nrows(), design.ncols(), |row, column| design[(row, column)] * fit.residuals[row]);
    let clusters: Vec<usize> = (0..design.nrows()).map(|row| row / 6).collect();
    let variance = sandwich(&fit.unscaled_covariance, &scores, &clusters)[(column, column)];
    let factor = 30.0 / 29.0 * 179.0 / (180.0 - 15.0 - 6.0);
    let error = at_three.effect.expect("outcomes vary").standard_error;
    assert!(((variance * factor).sqrt() - error).abs() < 1e-10);
    assert_eq!(found.parts.iter().find(|part| part.at == -1).and_then(|part| part.effect), None);
}

#[test]
fn imputation_fits_where_untreated_and_looks_where_treated() {
    let units = plain(10);
    let panel = Panel::new(&units).expect("a panel");
    let (response, design) = dummies(&units, &[]);
    let is_treated = |row: usize| units[row / 6].first_treated.is_some_and(|first| row % 6 >= first);
    let untreated: Vec<usize> = (0..design.nrows()).filter(|row| !is_treated(*row)).collect();
    let fit = LeastSquares::fit(&design.select_rows(&untreated), &response.select_rows(&untreated), None)
        .expect("the design has full rank");
    let gaps = &response - &design * &fit.coefficients;
    let (mut sum, mut count) = (0.0, 0.0);
    for (place, first) in units.iter().enumerate().filter_map(|(place, unit)| Some((place, unit.first_treated?))) {
        sum += gaps.rows(place * 6 + first, 6 - first).mean();
        count += 1.0;
    }
    let found = imputation_effect(&panel).expect("outcomes vary");
    assert!((found.effects.overall.estimate - sum / count).abs() < 1e-10);
    assert_eq!(found.effects.parts.iter().map(|part| part.at).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(found.unknown_from, None);
}

/// The weight of an outcome is the derivative of the estimate for it: from these the standard error is summed anew.
#[test]
fn imputation_errors_are_those_of_numerical_derivatives() {
    let units = plain(11);
    let overall = |units: &[PanelUnit]| {
        imputation_effect(&Panel::new(units).expect("a panel")).expect("outcomes vary").effects.overall
    };
    let (response, design) = dummies(&units, &[]);
    let is_treated = |unit: &PanelUnit, period: usize| unit.first_treated.is_some_and(|first| period >= first);
    let untreated: Vec<usize> = (0..response.len()).filter(|row| !is_treated(&units[row / 6], row % 6)).collect();
    let fit = LeastSquares::fit(&design.select_rows(&untreated), &response.select_rows(&untreated), None)
        .expect("the design has full rank");
    let gaps = &response - &design * &fit.coefficients;
    let gap = |unit: usize, period: usize| gaps[unit * 6 + period];
    let mut variance = 0.0;
    for (place, unit) in units.iter().enumerate() {
        let group: Vec<usize> = (0..30).filter(|other| units[*other].first_treated == unit.first_treated).collect();
        let contribution: f64 = (0..6)
            .map(|period| {
                let mut moved = units.clone();
                moved[place].outcomes[period] += 1.0;
                let weight = overall(&moved).estimate - overall(&units).estimate;
                let mean = group.iter().map(|other| gap(*other, period)).sum::<f64>() / group.len() as f64;
                weight * if is_treated(unit, period) { gap(place, period) - mean } else { gap(place, period) }
            })
            .sum();
        variance += contribution * contribution;
    }
    assert!((variance.sqrt() / overall(&units).standard_error - 1.0).abs() < 1e-9);
}

/// An effect that grows, with most units treated early: the regression on units and periods gets the sign wrong.
#[test]
fn only_clean_controls_keep_the_sign_of_a_growing_effect() {
    let mut random = Philox::new(12, 0);
    let units: Vec<PanelUnit> = (0..40)
        .map(|unit| {
            let first = if unit % 2 == 0 { 2 } else { 8 };
            let effect = |period: usize| if period < first { 0.0 } else { ((period - first) as f64 + 1.0).powi(2) };
            PanelUnit::new((0..12).map(|period| effect(period) + 0.1 * random.unit()).collect(), Some(first))
        })
        .collect();
    let panel = Panel::new(&units).expect("a panel");
    assert!(two_way_fixed_effects(&panel).expect("outcomes vary").estimate < 0.0);
    let found = estimated(&units, StaggeredPlan::default()).by_group().expect("outcomes vary");
    // The first group before the second is treated: the mean of 1, 4, 9, 16, 25 and 36.
    assert!((found.overall.estimate - 91.0 / 6.0).abs() < 0.1);
    let imputed = imputation_effect(&panel).expect("outcomes vary").effects.overall;
    assert!((imputed.estimate - 91.0 / 6.0).abs() < 0.1);
}

/// Leads of an outcome that runs apart before treatment are found; those of parallel ones are not.
#[test]
fn leads_tell_trends_apart() {
    let parallel = plain(13);
    let mut apart = parallel.clone();
    for unit in apart.iter_mut().filter(|unit| unit.first_treated.is_some()) {
        for (period, outcome) in unit.outcomes.iter_mut().enumerate() {
            *outcome += 0.8 * period as f64;
        }
    }
    let test = |units: &[PanelUnit]| estimated(units, StaggeredPlan::default()).lead_test().expect("there are leads");
    assert_eq!(test(&parallel).degrees_of_freedom, 1 + 3 + 4);
    assert!(test(&apart).p < 1e-6, "{:?}", test(&apart));
    // A change of base changes the effects tested, not whether all of them are nothing.
    let universal =
        StaggeredPlan { base: BasePeriod::Universal, controls: Controls::NeverTreated, ..StaggeredPlan::default() };
    let varying = StaggeredPlan { base: BasePeriod::Varying, ..universal };
    let [one, other] =
        [universal, varying].map(|plan| estimated(&parallel, plan).lead_test().expect("there are leads"));
    assert!((one.statistic - other.statistic).abs() < 1e-8 * one.statistic);
}
