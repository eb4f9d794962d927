use super::*;
use crate::bootstrap::cluster_bootstrap;
use crate::panel::PanelUnit;
use crate::random::Philox;
use crate::staggered::{GroupTimeEffects, StaggeredPlan};

/// Twenty-four units over five periods with small counts, many of them 0, doubled by treatment.
fn units(seed: u64) -> Vec<PanelUnit> {
    let mut random = Philox::new(seed, 0);
    (0..24)
        .map(|unit| {
            let first_treated = [None, Some(2), Some(3)][unit % 3];
            let level = 1.0 + 2.0 * random.unit();
            let counts = (0..5)
                .map(|period| {
                    let factor = if first_treated.is_some_and(|first| period >= first) { 2.0 } else { 1.0 };
                    (level * factor * (1.0 + 0.2 * period as f64) * 2.0 * random.unit()).floor()
                })
                .collect();
            PanelUnit::new(counts, first_treated)
        })
        .collect()
}

fn effect(units: &[PanelUnit], model: CountModel) -> Result<CountEffect, CountEffectError> {
    count_effect(&Panel::new(units).expect("a panel"), model, 200, 3)
}

/// Two periods: 4 → 12 of the treated, 5 → 7 of the others.
#[test]
fn two_periods_are_as_by_hand() {
    let mut two = Vec::new();
    for spread in [-1.0, 0.0, 1.0] {
        two.push(PanelUnit::new(vec![4.0 + spread, 12.0 - 2.0 * spread], Some(1)));
        two.push(PanelUnit::new(vec![5.0 - spread, 7.0 - spread], None));
    }
    two.extend(two.clone());
    let amounts = effect(&two, CountModel::Levels).expect("there are controls");
    assert!((amounts.counterfactual - 6.0).abs() < 1e-12);
    assert!((amounts.log_ratio.estimate - 2.0_f64.ln()).abs() < 1e-12);
    let factors = effect(&two, CountModel::Ratios).expect("there are controls");
    assert!((factors.counterfactual - 5.6).abs() < 1e-10);
    assert!((factors.log_ratio.estimate - (12.0 / 5.6_f64).ln()).abs() < 1e-10);
}

#[test]
fn levels_are_those_of_group_effects() {
    let units = units(1);
    let found = effect(&units, CountModel::Levels).expect("there are controls");
    let effects =
        GroupTimeEffects::estimate(&Panel::new(&units).expect("a panel"), StaggeredPlan::default()).expect("controls");
    let overall = effects.by_group().expect("counts vary").overall.estimate;
    assert!((found.observed - found.counterfactual - overall).abs() < 1e-12);
}

/// Where the score of the Poisson likelihood is 0 for every cohort and period, written out.
#[test]
fn ratios_solve_the_equations_of_poisson() {
    let panel = Panel::new(&units(2)).expect("a panel");
    let mut sums = CohortSums::new(&panel);
    sums.sum_up(panel.cohort_of_unit(), &[1.0; 24]);
    let rows: Vec<(f64, &[f64])> = vec![(8.0, &sums.own(0)[..2]), (8.0, &sums.own(1)[..3]), (8.0, sums.own(2))];
    let periods = period_factors(&rows, 5).expect("it converges");
    let factor = |row: usize| rows[row].1.iter().sum::<f64>() / periods[..rows[row].1.len()].iter().sum::<f64>();
    for (period, own) in periods.iter().enumerate() {
        let reaching: Vec<usize> = (0..3).filter(|row| rows[*row].1.len() > period).collect();
        let seen: f64 = reaching.iter().map(|row| rows[*row].1[period]).sum();
        let fitted: f64 = reaching.iter().map(|row| factor(*row) * own).sum();
        assert!((seen - fitted).abs() < 1e-9 * seen, "{period}: {seen} for {fitted}");
    }
    let ratios = ratios(&panel, &sums).expect("there are controls");
    let ahead = |row: usize, date: usize| factor(row) / 8.0 * periods[date..].iter().sum::<f64>() / (5 - date) as f64;
    assert!((ratios.counterfactual - 0.5 * (ahead(0, 2) + ahead(1, 3))).abs() < 1e-9);
}

/// The same draws as the bootstrap of whole units, with the estimator run anew on each.
#[test]
fn the_error_is_that_of_estimates_on_drawn_units() {
    let units: Vec<PanelUnit> =
        units(3).into_iter().zip(0..).map(|(unit, name)| PanelUnit { cluster: Some(name % 12), ..unit }).collect();
    let names: Vec<u64> = units.iter().filter_map(|unit| unit.cluster).collect();
    for model in [CountModel::Levels, CountModel::Ratios] {
        let found = effect(&units, model).expect("there are controls");
        let again = |drawn: &mut [PanelUnit]| {
            let panel = Panel::new(drawn).ok()?;
            let mut sums = CohortSums::new(&panel);
            sums.sum_up(panel.cohort_of_unit(), &vec![1.0; drawn.len()]);
            match model {
                CountModel::Levels => levels(&sums),
                CountModel::Ratios => ratios(&panel, &sums),
            }?
            .log_ratio()
        };
        let mut replicates = cluster_bootstrap(&units, &names, again, 200, 3).expect("every draw has an answer");
        let error = standard_deviation(&mut replicates).expect("they vary");
        assert!((found.log_ratio.standard_error - error).abs() < 1e-9, "{model:?}");
        assert_eq!(found.failed_replicates, 0);
    }
}

/// Rates per day and counts per hundred days show the same effect: not so under `log(x + 1)`.
#[test]
fn the_unit_of_time_does_not_matter() {
    let once = units(4);
    let scaled = |factor: f64| -> Vec<PanelUnit> {
        let outcomes = |unit: &PanelUnit| unit.outcomes.iter().map(|count| factor * count).collect();
        once.iter().map(|unit| PanelUnit { outcomes: outcomes(unit), ..unit.clone() }).collect()
    };
    for model in [CountModel::Levels, CountModel::Ratios] {
        let (one, many) = (effect(&once, model).expect("controls"), effect(&scaled(0.01), model).expect("controls"));
        assert!((one.log_ratio.estimate - many.log_ratio.estimate).abs() < 1e-9);
        assert!((one.log_ratio.standard_error - many.log_ratio.standard_error).abs() < 1e-9);
    }
    let logged = |units: &[PanelUnit]| {
        let outcomes = |unit: &PanelUnit| unit.outcomes.iter().map(|count| count.ln_1p()).collect();
        let units: Vec<PanelUnit> =
            units.iter().map(|unit| PanelUnit { outcomes: outcomes(unit), ..unit.clone() }).collect();
        let panel = Panel::new(&units).expect("a panel");
        let effects = GroupTimeEffects::estimate(&panel, StaggeredPlan::default()).expect("controls");
        effects.by_group().expect("counts vary").overall.estimate
    };
    assert!((logged(&once) - logged(&scaled(0.01))).abs() > 0.1);
}

#[test]
fn order_does_not_matter_to_the_last_bit() {
    let forwards = units(5);
    let mut backwards = forwards.clone();
    backwards.reverse();
    for model in [CountModel::Levels, CountModel::Ratios] {
        let forwards: Vec<PanelUnit> = forwards.clone();
        // Without names clusters follow the panel's order, which is the same.
        assert_eq!(effect(&forwards, model), effect(&backwards, model));
    }
}

#[test]
fn both_find_a_doubling() {
    for model in [CountModel::Levels, CountModel::Ratios] {
        let many: Vec<PanelUnit> = (10..30).flat_map(units).collect();
        let found = effect(&many, model).expect("there are controls").log_ratio;
        assert!((found.estimate - 2.0_f64.ln()).abs() < 4.0 * found.standard_error, "{model:?}: {found:?}");
        assert!(found.standard_error < 0.15);
    }
}

#[test]
fn what_has_no_answer_is_refused() {
    let changed = |change: &dyn Fn(PanelUnit) -> PanelUnit| units(6).into_iter().map(change).collect::<Vec<_>>();
    let below = changed(&|unit| PanelUnit { outcomes: vec![-1.0; 5], ..unit });
    assert_eq!(effect(&below, CountModel::Ratios), Err(CountEffectError::Negative { unit: 0 }));
    let nobody = changed(&|unit| PanelUnit { first_treated: None, ..unit });
    assert_eq!(effect(&nobody, CountModel::Levels), Err(CountEffectError::NoTreated));
    let everybody = changed(&|unit| PanelUnit { first_treated: Some(2), ..unit });
    for model in [CountModel::Levels, CountModel::Ratios] {
        assert_eq!(effect(&everybody, model), Err(CountEffectError::NoControls));
        let nothing = changed(&|unit| PanelUnit { outcomes: vec![0.0; 5], ..unit });
        let none = CountEffectError::NotPositive { observed: 0.0, counterfactual: 0.0 };
        assert_eq!(effect(&nothing, model), Err(none), "{model:?}");
        let constant = changed(&|unit| PanelUnit { outcomes: vec![2.0; 5], ..unit });
        assert_eq!(effect(&constant, model), Err(CountEffectError::NoSpread), "{model:?}");
    }
    let few = [
        PanelUnit::new(vec![1.0, 4.0], Some(1)),
        PanelUnit::new(vec![2.0, 5.0], Some(1)),
        PanelUnit::new(vec![2.0, 3.0], None),
    ];
    assert!(matches!(effect(&few, CountModel::Levels), Err(CountEffectError::TooFewClusters { .. })));
}
