use super::*;
use crate::Philox;

const PLAN: PowerPlan = PowerPlan { level: 0.05, power: 0.8 };

/// Cohen (1988), table 2.4.1, two-sided at 5 %: sizes per arm for differences of so many standard deviations.
#[test]
fn example_cohen_1988() {
    for (difference, power, size) in [(0.2, 0.8, 393), (0.5, 0.8, 64), (0.8, 0.8, 26), (0.5, 0.9, 85), (1.0, 0.95, 27)]
    {
        let found = sample_size_of_log_ratio(difference, [1.0, 1.0], PowerPlan { level: 0.05, power });
        assert!(found.is_ok_and(|found| found.abs_diff(size) <= 1), "{difference} {found:?}");
    }
}

/// A size is the smallest at which the effect is found.
#[test]
fn sizes_and_effects_are_inverse() {
    for log_ratio in [0.05, 0.2, -0.7, 3.0] {
        let size = sample_size_of_log_ratio(log_ratio, [1.5, 0.8], PLAN).expect("there is an effect");
        let at = |size: u64| detectable_log_ratio([1.5, 0.8], [size; 2], PLAN);
        assert!(at(size).is_ok_and(|found| found <= log_ratio.abs()));
        assert!(size == 2 || at(size - 1).is_ok_and(|found| found > log_ratio.abs()));
    }
    for ratio in [0.5, 0.8, 1.1, 3.0] {
        let weeks = exposure_for_rate_ratio(3.0, ratio, 1.7, PLAN).expect("there is an effect");
        let found = detectable_rate_ratio(3.0, [weeks; 2], 1.7, PLAN).expect("there is exposure");
        let found = if ratio < 1.0 { found.lower } else { found.upper };
        assert!(found.is_some_and(|found| (found / ratio - 1.0).abs() < 1e-9), "{ratio} {found:?}");
    }
    for (one, other) in [(0.02, 0.05), (0.3, 0.25), (0.9, 0.99)] {
        let size = sample_size_of_shares(one, other, PLAN).expect("they differ");
        let found = detectable_share(other, [size; 2], PLAN).expect("there are trials");
        let found = if one < other { found.lower } else { found.upper };
        // Rounding up the size brings the share nearer, by less than one trial's worth.
        assert!(found.is_some_and(|found| (found - other).abs() <= (one - other).abs() * (1.0 + 1e-12)));
        let fewer = detectable_share(other, [size - 1; 2], PLAN).expect("there are trials");
        let fewer = if one < other { fewer.lower } else { fewer.upper };
        assert!(fewer.is_none_or(|found| (found - other).abs() > (one - other).abs()));
    }
}

/// The test that is planned for finds the effect about as often as planned. 600 runs: three standard errors are 0.049.
#[test]
fn planned_power_is_reached() {
    let size = sample_size_of_log_ratio(0.9, [1.0, 1.0], PLAN).expect("there is an effect");
    let finds = |run: u64| {
        let mut random = Philox::new(41, run);
        let mut draw = |shift: f64| -> Vec<f64> {
            let mut normal = || crate::normal_quantile(random.unit().max(1e-12)).expect("a probability");
            (0..size).map(|_| libm::exp(normal() + shift)).collect()
        };
        let (first, second) = (draw(0.9), draw(0.0));
        let found = crate::log_ratio_of_geometric_means(&first, &second).expect("they vary");
        found.p_two_sided().expect("a tail") < 0.05
    };
    let found = (0..600).filter(|run| finds(*run)).count() as f64 / 600.0;
    assert!((0.75..=0.86).contains(&found), "{found}");
}

/// Poisson counts tested on the log scale, for the ratio that is said to be found. 600 runs.
#[test]
fn planned_power_is_reached_for_rates() {
    let ratio = detectable_rate_ratio(4.0, [15.0, 15.0], 1.0, PLAN).expect("exposure").upper.expect("it is found");
    let poisson = |random: &mut Philox, mean: f64| {
        let (mut count, mut arrived) = (0_u64, 0.0);
        loop {
            arrived -= libm::log(1.0 - random.unit());
            if arrived > mean {
                return count;
            }
            count += 1;
        }
    };
    let finds = |run: u64| {
        let mut random = Philox::new(43, run);
        let (first, second) = (poisson(&mut random, 60.0 * ratio), poisson(&mut random, 60.0));
        let effect = crate::log_rate_ratio(first, 15.0, second, 15.0).expect("there are events");
        (effect.estimate / effect.variance.sqrt()).abs() > 1.959_964
    };
    let found = (0..600).filter(|run| finds(*run)).count() as f64 / 600.0;
    assert!((0.75..=0.85).contains(&found), "{found}");
}

#[test]
fn what_has_no_answer_is_refused() {
    for plan in [(0.0, 0.8), (1.0, 0.8), (0.05, 1.0), (0.05, 0.05), (f64::NAN, 0.8), (0.05, f64::NAN)] {
        let plan = PowerPlan { level: plan.0, power: plan.1 };
        assert!(matches!(detectable_log_ratio([1.0; 2], [9; 2], plan), Err(PowerError::Plan { .. })));
        assert!(matches!(sample_size_of_log_ratio(0.1, [1.0; 2], plan), Err(PowerError::Plan { .. })));
        assert!(matches!(detectable_rate_ratio(1.0, [9.0; 2], 1.0, plan), Err(PowerError::Plan { .. })));
        assert!(matches!(sample_size_of_shares(0.1, 0.2, plan), Err(PowerError::Plan { .. })));
    }
    assert_eq!(sample_size_of_log_ratio(0.0, [1.0; 2], PLAN), Err(PowerError::NoEffect));
    assert_eq!(sample_size_of_log_ratio(1e-9, [1.0; 2], PLAN), Err(PowerError::NoEffect));
    assert_eq!(detectable_log_ratio([1.0; 2], [1, 5], PLAN), Err(PowerError::TooFew { first: 1, second: 5 }));
    assert_eq!(detectable_log_ratio([0.0, 1.0], [5; 2], PLAN), Err(PowerError::NotPositive { value: 0.0 }));
    assert_eq!(exposure_for_rate_ratio(1.0, 1.0, 1.0, PLAN), Err(PowerError::NoEffect));
    assert!(detectable_rate_ratio(0.0, [1.0; 2], 1.0, PLAN).is_err());
    assert_eq!(sample_size_of_shares(0.2, 0.2, PLAN), Err(PowerError::NoEffect));
    assert_eq!(sample_size_of_shares(0.0, 0.2, PLAN), Err(PowerError::Share { share: 0.0 }));
    assert_eq!(detectable_share(0.2, [0, 9], PLAN), Err(PowerError::TooFew { first: 0, second: 9 }));
    assert_eq!(detectable_share(0.2, [9, 9], PLAN).map(|found| found.lower), Ok(None));
}
