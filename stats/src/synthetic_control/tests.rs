use super::*;
use crate::panel::PanelUnit;

/// Units that follow two common factors with loadings of their own, plus noise; the first `treated` gain `effect` from period
/// `date` on.
fn draw(seed: u64, units: usize, treated: usize, (periods, date): (usize, usize), effect: f64) -> Vec<PanelUnit> {
    let mut random = Philox::new(seed, 0);
    let mut centred = || random.unit() + random.unit() + random.unit() - 1.5;
    let factors: Vec<[f64; 2]> = (0..periods).map(|_| [4.0 * centred(), 4.0 * centred()]).collect();
    (0..units)
        .map(|unit| {
            let (level, loadings) = (20.0 + 3.0 * centred(), [1.0 + centred(), centred()]);
            let is_treated = unit < treated;
            let outcomes = (0..periods).map(|period| {
                let common = loadings[0] * factors[period][0] + loadings[1] * factors[period][1];
                level + common + centred() + if is_treated && period >= date { effect } else { 0.0 }
            });
            PanelUnit::new(outcomes.collect(), is_treated.then_some(date))
        })
        .collect()
}

fn panel(units: &[PanelUnit]) -> Panel {
    Panel::new(units).expect("it is a panel")
}

fn objective(columns: &[Vec<f64>], target: &[f64], ridge: f64, weights: &[f64], has_intercept: bool) -> f64 {
    let misses: Vec<f64> = (0..target.len())
        .map(|row| columns.iter().zip(weights).map(|(column, weight)| weight * column[row]).sum::<f64>() - target[row])
        .collect();
    let mean = if has_intercept { misses.iter().sum::<f64>() / misses.len() as f64 } else { 0.0 };
    let squares: f64 = misses.iter().map(|miss| (miss - mean) * (miss - mean)).sum();
    squares + ridge * weights.iter().map(|weight| weight * weight).sum::<f64>()
}

fn random_columns(random: &mut Philox, rows: usize, count: usize) -> (Vec<Vec<f64>>, Vec<f64>) {
    let mut column = || (0..rows).map(|_| (20.0 * random.unit()).floor()).collect::<Vec<f64>>();
    let columns = (0..count).map(|_| column()).collect();
    (columns, column())
}

// The condition of Karush, Kuhn and Tucker is what makes a point of the simplex the best: no pair of weights can trade. As
// the sum of squares is convex, this proves the optimum.
#[test]
fn no_trade_between_two_weights_helps() {
    let mut random = Philox::new(1, 0);
    for run in 0..300 {
        let (rows, count) = (2 + run % 9, 2 + run % 13);
        let (columns, target) = random_columns(&mut random, rows, count);
        let (zeta, has_intercept) = ([0.01, 1.0, 5.0][run % 3], run % 2 == 0);
        let weights = simplex_weights(&columns, &target, zeta, has_intercept).expect("they are small");
        assert!(weights.iter().all(|weight| *weight >= 0.0));
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{weights:?}");
        let ridge = rows as f64 * zeta * zeta;
        let best = objective(&columns, &target, ridge, &weights, has_intercept);
        for from in (0..count).filter(|from| weights[*from] > 0.0) {
            for to in (0..count).filter(|to| *to != from) {
                for part in [1.0, 1e-2, 1e-4] {
                    let mut traded = weights.clone();
                    let amount = part * weights[from];
                    traded[from] -= amount;
                    traded[to] += amount;
                    let other = objective(&columns, &target, ridge, &traded, has_intercept);
                    assert!(other >= best - 1e-9 * (1.0 + best), "{run}: {other} < {best}");
                }
            }
        }
    }
}

// Two columns: the answer in closed form, cut off at the ends.
#[test]
fn two_columns_by_hand() {
    let mut random = Philox::new(2, 0);
    for _ in 0..200 {
        let (columns, target) = random_columns(&mut random, 4, 2);
        let ridge = 4.0 * 0.25;
        let difference: Vec<f64> = columns[0].iter().zip(&columns[1]).map(|(one, other)| one - other).collect();
        let along: f64 = difference.iter().zip(target.iter().zip(&columns[1])).map(|(d, (y, x))| d * (y - x)).sum();
        let length: f64 = difference.iter().map(|d| d * d).sum();
        let share = ((along + ridge) / (length + 2.0 * ridge)).clamp(0.0, 1.0);
        let weights = simplex_weights(&columns, &target, 0.5, false).expect("they are small");
        assert!((weights[0] - share).abs() < 1e-9, "{weights:?} {share}");
    }
}

#[test]
fn a_mixture_is_found_and_twins_share() {
    let mut random = Philox::new(3, 0);
    let (columns, _) = random_columns(&mut random, 30, 6);
    let target: Vec<f64> =
        (0..30).map(|row| 0.2 * columns[1][row] + 0.5 * columns[3][row] + 0.3 * columns[4][row]).collect();
    let weights = simplex_weights(&columns, &target, 0.0, false).expect("they are small");
    for (weight, planted) in weights.iter().zip([0.0, 0.2, 0.0, 0.5, 0.3, 0.0]) {
        assert!((weight - planted).abs() < 1e-8, "{weights:?}");
    }
    let twins = [columns.clone(), vec![columns[3].clone()]].concat();
    let weights = simplex_weights(&twins, &target, 0.0, false).expect("they are small");
    assert!((weights[3] - 0.25).abs() < 1e-6 && (weights[6] - 0.25).abs() < 1e-6, "{weights:?}");
    // All alike: nobody is better than another.
    let flat = simplex_weights(&vec![vec![2.0; 3]; 4], &[2.0; 3], 0.0, true).expect("they are small");
    assert!(flat.iter().all(|weight| (weight - 0.25).abs() < 1e-9), "{flat:?}");
    assert_eq!(simplex_weights(&[vec![1e200, 0.0], vec![0.0, 1.0]], &[0.0, 1.0], 0.0, false), None);
}

#[test]
fn a_control_is_what_its_weights_say() {
    let units = draw(4, 12, 1, (20, 14), 3.0);
    let control = synthetic_control(&panel(&units)).expect("there are donors");
    assert!((control.weights.iter().map(|(_, weight)| weight).sum::<f64>() - 1.0).abs() < 1e-12);
    assert!(control.weights.iter().all(|(place, _)| *place > 0));
    for (period, gap) in control.gaps.iter().enumerate() {
        let mixture: f64 = control.weights.iter().map(|(place, weight)| weight * units[*place].outcomes[period]).sum();
        assert!((units[0].outcomes[period] - mixture - gap).abs() < 1e-12);
    }
    let root = |gaps: &[f64]| (gaps.iter().map(|gap| gap * gap).sum::<f64>() / gaps.len() as f64).sqrt();
    assert!((control.error_before - root(&control.gaps[..14])).abs() < 1e-12);
    assert!((control.error_after - root(&control.gaps[14..])).abs() < 1e-12);
    assert!((control.effect - control.gaps[14..].iter().sum::<f64>() / 6.0).abs() < 1e-12);
}

#[test]
fn order_units_and_levels_do_not_matter() {
    let units = draw(5, 10, 2, (16, 10), 3.0);
    let mut backwards = units.clone();
    backwards.reverse();
    let (one, other) = (panel(&units), panel(&backwards));
    let (control, again) = (synthetic_control(&one).expect("donors"), synthetic_control(&other).expect("donors"));
    assert_eq!(control.gaps, again.gaps);
    let mirrored: Vec<(usize, f64)> = again.weights.iter().rev().map(|(place, weight)| (9 - place, *weight)).collect();
    assert_eq!(control.weights, mirrored);
    let difference = synthetic_difference(&one).expect("donors");
    assert_eq!(difference.effect.to_bits(), synthetic_difference(&other).expect("donors").effect.to_bits());
    assert_eq!(placebo_variance(&one, 20, 3), placebo_variance(&other, 20, 3));
    // Another unit, and for the difference of differences another level of each unit.
    let changed = |factor: f64, shift: &dyn Fn(usize) -> f64| -> Vec<PanelUnit> {
        let outcomes = |(place, unit): (usize, &PanelUnit)| {
            unit.outcomes.iter().map(|outcome| factor * outcome + shift(place)).collect::<Vec<f64>>()
        };
        units.iter().enumerate().map(|pair| PanelUnit::new(outcomes(pair), pair.1.first_treated)).collect()
    };
    let scaled = synthetic_control(&panel(&changed(60.0, &|_| 1_000.0))).expect("donors");
    assert!((scaled.effect / 60.0 - control.effect).abs() < 1e-6);
    let moved = synthetic_difference(&panel(&changed(60.0, &|place| 100.0 * place as f64))).expect("donors");
    assert!((moved.effect / 60.0 - difference.effect).abs() < 1e-6, "{} {}", moved.effect, difference.effect);
}

#[test]
fn the_difference_is_that_of_its_weights() {
    let units = draw(6, 14, 2, (15, 11), 2.0);
    let found = synthetic_difference(&panel(&units)).expect("donors");
    let change = |unit: &PanelUnit| {
        let before: f64 =
            unit.outcomes.iter().zip(&found.period_weights).map(|(outcome, weight)| outcome * weight).sum();
        unit.outcomes[11..].iter().sum::<f64>() / 4.0 - before
    };
    let control: f64 = found.unit_weights.iter().map(|(place, weight)| weight * change(&units[*place])).sum();
    assert!((found.effect - (0.5 * (change(&units[0]) + change(&units[1])) - control)).abs() < 1e-10);
    assert_eq!(found.period_weights.len(), 11);
    assert!((found.period_weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    // A common shock to a period after the date, and an effect, move the estimate as they should.
    let shocked: Vec<PanelUnit> = units
        .iter()
        .map(|unit| {
            let mut outcomes = unit.outcomes.clone();
            outcomes[13] += 50.0;
            if unit.first_treated.is_some() {
                outcomes[11..].iter_mut().for_each(|outcome| *outcome += 7.0);
            }
            PanelUnit::new(outcomes, unit.first_treated)
        })
        .collect();
    let shocked = synthetic_difference(&panel(&shocked)).expect("donors");
    assert!((shocked.effect - found.effect - 7.0).abs() < 1e-6, "{} {}", shocked.effect, found.effect);
}

#[test]
fn placebos_are_the_same_estimate_with_another_unit_treated() {
    let units = draw(7, 9, 1, (16, 12), 6.0);
    let found = placebo_units(&panel(&units)).expect("donors");
    assert_eq!((found.treated.unit, found.others.len()), (0, 8));
    let treated = |place: usize| -> Vec<PanelUnit> {
        let date = |unit: usize| (unit == place).then_some(12);
        units.iter().enumerate().map(|(unit, known)| PanelUnit::new(known.outcomes.clone(), date(unit))).collect()
    };
    for other in found.others.iter().chain([&found.treated]) {
        let control = synthetic_control(&panel(&treated(other.unit))).expect("donors");
        assert!((control.effect - other.effect).abs() < 1e-6);
        assert!((control.error_after / control.error_before / other.error_ratio - 1.0).abs() < 1e-6);
    }
    let at_least = found.others.iter().filter(|other| other.error_ratio >= found.treated.error_ratio).count() + 1;
    assert_eq!(found.at_least, at_least);
    assert!((found.p - at_least as f64 / 9.0).abs() < 1e-15);
    // The variance leaves the treated unit out.
    let variance = placebo_variance(&panel(&units), 0, 0).expect("donors");
    let effects: Vec<f64> =
        (1..9).map(|place| synthetic_difference(&panel(&treated(place)[1..])).expect("donors").effect).collect();
    let mean = effects.iter().sum::<f64>() / 8.0;
    let spread = (effects.iter().map(|effect| (effect - mean) * (effect - mean)).sum::<f64>() / 8.0).sqrt();
    assert!((variance.effect.standard_error - spread).abs() < 1e-9);
    assert_eq!((variance.placebos, variance.is_exact), (8, true));
}

#[test]
fn without_an_effect_ranks_are_even_and_with_one_they_are_not() {
    let (mut low, mut first) = (0, 0);
    for seed in 0..150 {
        let p = |effect| placebo_units(&panel(&draw(200 + seed, 10, 1, (16, 12), effect))).expect("donors").p;
        low += u32::from(p(0.0) <= 0.2);
        first += u32::from(p(12.0) <= 0.1);
    }
    // One in five is expected: 30 of 150, three standard deviations are 15.
    assert!((15..=45).contains(&low), "{low}");
    assert!(first > 75, "{first}");
}

#[test]
fn intervals_hold_the_planted_effect() {
    let (mut held, mut sum) = (0, 0.0);
    for seed in 0..120 {
        let variance = placebo_variance(&panel(&draw(500 + seed, 24, 2, (18, 14), 2.0)), 60, 1).expect("donors");
        let effect = variance.effect;
        held += u32::from((effect.estimate - 2.0).abs() < 1.959_964 * effect.standard_error);
        sum += effect.estimate - 2.0;
        assert!(!variance.is_exact);
    }
    // Of 120, 114 are expected; three standard deviations are 7, and the variance is itself an estimate.
    assert!(held >= 104, "{held}");
    assert!((sum / 120.0).abs() < 0.25, "{}", sum / 120.0);
}

#[test]
fn what_has_no_answer_is_refused() {
    let unit = |outcomes: &[f64], first| PanelUnit::new(outcomes.to_vec(), first);
    let all = |units: &[PanelUnit]| {
        let panel = panel(units);
        [
            synthetic_control(&panel).map(|_| ()),
            synthetic_difference(&panel).map(|_| ()),
            placebo_units(&panel).map(|_| ()),
            placebo_variance(&panel, 10, 1).map(|_| ()),
        ]
    };
    let nobody = all(&[unit(&[1.0, 2.0, 3.0], None), unit(&[1.0, 3.0, 2.0], None)]);
    assert_eq!(nobody, [Err(SyntheticError::NoTreated); 4]);
    let apart = all(&[unit(&[1.0, 2.0, 3.0], Some(1)), unit(&[1.0, 3.0, 2.0], Some(2)), unit(&[1.0, 3.0, 2.0], None)]);
    assert_eq!(apart, [Err(SyntheticError::ManyDates { dates: 2 }); 4]);
    let everybody = all(&[unit(&[1.0, 2.0, 3.0], Some(2)), unit(&[1.0, 3.0, 2.0], Some(2))]);
    assert_eq!(everybody[0], Err(SyntheticError::TooFewDonors { donors: 0, needed: 1 }));
    assert_eq!(everybody[3], Err(SyntheticError::TooFewDonors { donors: 0, needed: 4 }));
    let units = draw(8, 6, 1, (3, 1), 1.0);
    assert!(synthetic_control(&panel(&units)).is_ok());
    let early = SyntheticError::TooFewPeriods { before: 1, needed: 2 };
    assert_eq!(synthetic_difference(&panel(&units)).map(|_| ()), Err(early));
    assert_eq!(
        placebo_units(&panel(&draw(9, 6, 2, (6, 4), 1.0))).map(|_| ()),
        Err(SyntheticError::ManyTreated { treated: 2 })
    );
    assert_eq!(
        placebo_variance(&panel(&draw(9, 8, 2, (6, 4), 1.0)), 1, 1).map(|_| ()),
        Err(SyntheticError::TooFewPlacebos { placebos: 1 })
    );
    // All units are alike: every one is met exactly.
    let alike: Vec<PanelUnit> = (0..6).map(|place| unit(&[1.0, 2.0, 4.0, 3.0], (place == 0).then_some(2))).collect();
    assert!(matches!(placebo_units(&panel(&alike)), Err(SyntheticError::ExactFit { .. })));
    assert_eq!(placebo_variance(&panel(&alike), 9, 1).map(|_| ()), Err(SyntheticError::NoSpread));
    let huge = [unit(&[1e300, 0.0, 1.0], Some(2)), unit(&[0.0, 1.0, 2.0], None), unit(&[1.0, 1.0, 2.0], None)];
    assert_eq!(synthetic_control(&panel(&huge)).map(|_| ()), Err(SyntheticError::Unsolved));
}
