use super::*;
use crate::panel::PanelUnit;
use crate::staggered::{GroupTimeEffects, StaggeredPlan};

type Estimator = fn(&[PanelUnit]) -> f64;

/// Seven units over six periods, none of them treated to any effect.
fn units(seed: u64) -> Vec<PanelUnit> {
    let mut random = Philox::new(seed, 0);
    [None, Some(2), Some(4), None, Some(4), None, Some(2)]
        .into_iter()
        .map(|first_treated| {
            let level = 10.0 * random.unit();
            let outcomes = (0..6).map(|_| level + random.unit()).collect();
            PanelUnit { weight: 1.0 + random.unit(), ..PanelUnit::new(outcomes, first_treated) }
        })
        .collect()
}

fn panel(units: &[PanelUnit]) -> Panel {
    Panel::new(units).expect("a panel")
}

/// Every way to give the dates of `left` to units, written out by choosing in turn.
fn all_ways(left: &[Option<usize>]) -> Vec<Vec<Option<usize>>> {
    if left.is_empty() {
        return vec![Vec::new()];
    }
    let mut different = left.to_vec();
    different.sort_unstable();
    different.dedup();
    different
        .into_iter()
        .flat_map(|date| {
            let mut rest = left.to_vec();
            rest.remove(rest.iter().position(|other| *other == date).expect("it is one of them"));
            all_ways(&rest).into_iter().map(move |ways| [vec![date], ways].concat())
        })
        .collect()
}

fn before_after(units: &[PanelUnit]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let difference = |unit: &PanelUnit, date: usize| mean(&unit.outcomes[date..]) - mean(&unit.outcomes[..date]);
    let (mut sum, mut total) = (0.0, 0.0);
    for (unit, date) in units.iter().filter_map(|unit| Some((unit, unit.first_treated?))) {
        let controls = units.iter().filter(|unit| unit.first_treated.is_none());
        let weight: f64 = controls.clone().map(|unit| unit.weight).sum();
        let other = controls.map(|unit| unit.weight * difference(unit, date)).sum::<f64>() / weight;
        sum += unit.weight * (difference(unit, date) - other);
        total += unit.weight;
    }
    sum / total
}

fn group_effect(units: &[PanelUnit]) -> f64 {
    let effects = GroupTimeEffects::estimate(&panel(units), StaggeredPlan::default()).expect("there are controls");
    effects.by_group().expect("outcomes vary").overall.estimate
}

#[test]
fn every_assignment_is_compared_as_the_estimator_itself_would() {
    let units = units(1);
    let dates: Vec<Option<usize>> = units.iter().map(|unit| unit.first_treated).collect();
    let ways = all_ways(&dates);
    assert_eq!(ways.len(), 210);
    let estimators: [(PlaceboStatistic, Estimator); 2] =
        [(PlaceboStatistic::BeforeAfter, before_after), (PlaceboStatistic::GroupEffect, group_effect)];
    for (statistic, estimate) in estimators {
        let effects: Vec<f64> = ways
            .iter()
            .map(|dates| {
                let dealt =
                    |(unit, date): (&PanelUnit, &Option<usize>)| PanelUnit { first_treated: *date, ..unit.clone() };
                estimate(&units.iter().zip(dates).map(dealt).collect::<Vec<_>>())
            })
            .collect();
        let observed = estimate(&units);
        let test = placebo_adoption(&panel(&units), statistic, 210, 1).expect("there are controls");
        assert!(test.is_exact && test.assignments == 210);
        assert!((test.observed - observed).abs() < 1e-12);
        let count = |holds: &dyn Fn(f64) -> bool| effects.iter().filter(|effect| holds(**effect)).count() as u64;
        assert_eq!(test.at_least, count(&|effect| effect >= observed - 1e-12));
        assert_eq!(test.at_most, count(&|effect| effect <= observed + 1e-12));
        assert_eq!(test.at_least_absolute, count(&|effect| effect.abs() >= observed.abs() - 1e-12));
        assert!((test.mean - effects.iter().sum::<f64>() / 210.0).abs() < 1e-12);
    }
}

/// With equal weights every unit is treated as often as any other: effects over all assignments average to nothing.
#[test]
fn effects_without_treatment_average_to_nothing() {
    let equal: Vec<PanelUnit> = units(2).into_iter().map(|unit| PanelUnit { weight: 1.0, ..unit }).collect();
    for statistic in [PlaceboStatistic::BeforeAfter, PlaceboStatistic::GroupEffect] {
        let test = placebo_adoption(&panel(&equal), statistic, 1_000, 1).expect("there are controls");
        assert!(test.mean.abs() < 1e-12, "{statistic:?}: {}", test.mean);
    }
}

#[test]
fn a_sample_of_assignments_is_near_all_of_them() {
    let panel = panel(&units(3));
    let exact = placebo_adoption(&panel, PlaceboStatistic::GroupEffect, 210, 1).expect("there are controls");
    // Asking for fewer than there are means drawing.
    let drawn = placebo_adoption(&panel, PlaceboStatistic::GroupEffect, 209, 1).expect("there are controls");
    assert!(!drawn.is_exact && drawn.assignments == 210);
    assert!((drawn.p_two_sided - exact.p_two_sided).abs() < 5.0 * (0.25_f64 / 209.0).sqrt());
    assert_eq!(placebo_adoption(&panel, PlaceboStatistic::GroupEffect, 209, 1), Ok(drawn));
    assert_ne!(placebo_adoption(&panel, PlaceboStatistic::GroupEffect, 209, 2), Ok(drawn));
}

#[test]
fn order_does_not_matter_to_the_last_bit() {
    let forwards = units(4);
    let mut backwards = forwards.clone();
    backwards.reverse();
    for replicates in [100, 210] {
        let test = |units: &[PanelUnit]| placebo_adoption(&panel(units), PlaceboStatistic::GroupEffect, replicates, 5);
        assert_eq!(test(&forwards), test(&backwards));
    }
}

#[test]
fn only_the_size_of_an_effect_counts_and_not_its_unit() {
    let plain = units(5);
    let scaled: Vec<PanelUnit> = plain
        .iter()
        .map(|unit| PanelUnit {
            outcomes: unit.outcomes.iter().map(|value| 4.0 - 8.0 * value).collect(),
            ..unit.clone()
        })
        .collect();
    let test = |units: &[PanelUnit]| {
        placebo_adoption(&panel(units), PlaceboStatistic::BeforeAfter, 210, 5).expect("there are controls")
    };
    let (one, other) = (test(&plain), test(&scaled));
    assert_eq!(
        (one.at_least, one.at_most, one.at_least_absolute),
        (other.at_most, other.at_least, other.at_least_absolute)
    );
    assert!((other.standard_deviation - 8.0 * one.standard_deviation).abs() < 1e-12);
}

/// Under no effect p is at most 0.1 in a tenth of worlds: exact tests keep their level.
#[test]
fn the_test_keeps_its_level() {
    let worlds = 2_000;
    let found = (0..worlds)
        .filter(|seed| {
            let test = placebo_adoption(&panel(&units(1_000 + seed)), PlaceboStatistic::GroupEffect, 210, 1);
            test.expect("there are controls").p_two_sided <= 0.1
        })
        .count();
    let share = found as f64 / worlds as f64;
    // 21 of 210 assignments are in the tenth; five standard errors of the share.
    assert!((share - 0.1).abs() < 5.0 * (0.09 / worlds as f64).sqrt(), "{share}");
}

#[test]
fn what_has_no_answer_is_refused() {
    let dated = |date: &dyn Fn(usize) -> Option<usize>| {
        let units = units(6);
        panel(
            &units
                .iter()
                .enumerate()
                .map(|(place, unit)| PanelUnit { first_treated: date(place), ..unit.clone() })
                .collect::<Vec<_>>(),
        )
    };
    let test = |panel: &Panel, statistic| placebo_adoption(panel, statistic, 10, 1);
    assert_eq!(test(&dated(&|_| None), PlaceboStatistic::GroupEffect), Err(PlaceboError::NoTreated));
    assert_eq!(test(&dated(&|_| Some(3)), PlaceboStatistic::GroupEffect), Err(PlaceboError::OneAssignment));
    let all_treated = dated(&|place| Some(if place < 3 { 2 } else { 4 }));
    assert_eq!(test(&all_treated, PlaceboStatistic::BeforeAfter), Err(PlaceboError::NoControls));
    assert!(test(&all_treated, PlaceboStatistic::GroupEffect).is_ok());
    assert_eq!(placebo_adoption(&all_treated, PlaceboStatistic::GroupEffect, 0, 1), Err(PlaceboError::NoReplicates));
}

#[test]
fn assignments_are_counted() {
    assert_eq!(assignments(&[0, 0, 1, 1, 1]), Some(10));
    assert_eq!(assignments(&[2, 0, 1, 2, 0, 2]), Some(60));
    let many: Vec<usize> = (0..200).map(|unit| unit % 3).collect();
    assert_eq!(assignments(&many), None);
}

#[test]
fn dates_before_treatment_are_all_tried() {
    let before: Vec<f64> = (0..20).map(f64::from).collect();
    let found = placebo_dates(&before, 4, 0.05, |points, date| {
        assert_eq!(points.len(), 20);
        // No answer at every fifth date, an effect at every fourth.
        (date % 5 > 0).then(|| (points[date], if date % 4 == 0 { 0.01 } else { 0.05 }))
    })
    .expect("there are dates");
    assert_eq!(found.dates.iter().map(|date| date.date).collect::<Vec<_>>(), (4..=16).collect::<Vec<_>>());
    assert_eq!((found.answered, found.rejected), (10, 4));
    assert!((found.false_positive_rate.estimate - 0.4).abs() < 1e-15);
    assert_eq!(found.false_positive_rate, clopper_pearson_interval(4, 10, 0.95).expect("there are answers"));
    assert_eq!(found.dates[1].estimate, None);
    assert_eq!(found.dates[2].estimate, Some(6.0));
}

#[test]
fn dates_that_cannot_be_tried_are_refused() {
    let answer = |_: &[f64], _: usize| Some((1.0, 0.5));
    assert_eq!(placebo_dates(&[1.0; 5], 3, 0.05, answer), Err(PlaceboError::TooShort { points: 5, each_side: 3 }));
    assert_eq!(placebo_dates(&[1.0; 5], 0, 0.05, answer), Err(PlaceboError::TooShort { points: 5, each_side: 0 }));
    assert_eq!(placebo_dates(&[1.0; 5], 2, 1.0, answer), Err(PlaceboError::Level { level: 1.0 }));
    assert_eq!(placebo_dates(&[1.0; 6], 2, 0.1, |_, _| Some((f64::NAN, 0.5))), Err(PlaceboError::NoAnswers));
    assert_eq!(placebo_dates(&[1.0; 6], 3, 0.1, answer).expect("one date").dates.len(), 1);
}
