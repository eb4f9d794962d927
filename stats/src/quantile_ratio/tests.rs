use super::*;
use crate::Philox;

/// Values of units that differ, three to a unit.
fn arm(run: u64, units: u64, factor: f64) -> (Vec<f64>, Vec<u64>) {
    let mut random = Philox::new(37, run);
    let mut normal = || crate::normal_quantile(random.unit().max(1e-12)).expect("a probability");
    (0..units)
        .flat_map(|unit| {
            let shared = normal();
            (0..3).map(|_| (factor * libm::exp(0.5 * shared + 0.5 * normal()), unit)).collect::<Vec<_>>()
        })
        .unzip()
}

fn of(arm: &(Vec<f64>, Vec<u64>)) -> Arm<'_, u64> {
    Arm { values: &arm.0, units: &arm.1 }
}

/// Shared units are those of the general cluster bootstrap, which writes every sample out.
#[test]
fn shared_units_are_a_cluster_bootstrap_of_both_arms() {
    let (one, other) = (arm(0, 16, 1.0), arm(9, 12, 1.3));
    let values: Vec<(f64, bool)> =
        one.0.iter().map(|value| (*value, true)).chain(other.0.iter().map(|value| (*value, false))).collect();
    let units: Vec<u64> = one.1.iter().chain(&other.1).copied().collect();
    for probability in [0.1, 0.5, 0.77, 0.9] {
        let ratio = |sample: &mut [(f64, bool)]| {
            let arm = |wanted: bool| -> Option<f64> {
                let values: Vec<f64> = sample.iter().filter(|row| row.1 == wanted).map(|row| row.0).collect();
                crate::quantile(&values, probability).ok()
            };
            Some(arm(true)? / arm(false)?)
        };
        let written = crate::cluster_bootstrap_bca(&values, &units, ratio, 400, 5, 0.9).expect("they vary");
        let found =
            quantile_ratio(of(&one), of(&other), probability, ArmUnits::Shared, 400, 5, 0.9).expect("they vary");
        for (found, written) in [
            (found.bca.interval.estimate, written.interval.estimate),
            (found.bca.interval.low, written.interval.low),
            (found.bca.interval.high, written.interval.high),
            (found.bca.acceleration, written.acceleration),
            (found.bca.bias_correction, written.bias_correction),
        ] {
            assert!((found - written).abs() < 1e-12, "{probability}");
        }
    }
}

/// The two arms' own draws: the spread of the log ratio is that of each arm's log quantile, together.
#[test]
fn separate_arms_are_drawn_independently() {
    let (one, other) = (arm(6, 40, 1.0), arm(7, 40, 1.0));
    let error = |arm: &(Vec<f64>, Vec<u64>), seed: u64| {
        let log_median = |values: &mut [f64]| crate::quantile_in_place(values, 0.5).ok().map(libm::log);
        let replicates = crate::cluster_bootstrap(&arm.0, &arm.1, log_median, 2_000, seed).expect("two units");
        crate::bootstrap_standard_error(&replicates).expect("they vary")
    };
    let found = quantile_ratio(of(&one), of(&other), 0.5, ArmUnits::Separate, 2_000, 8, 0.95).expect("they vary");
    let (a, b) = (error(&one, 1), error(&other, 2));
    // Each standard deviation is known to 1.6 %.
    assert!((found.log_ratio.standard_error / (a * a + b * b).sqrt() - 1.0).abs() < 0.07);
}

#[test]
fn scaling_an_arm_scales_the_ratio_and_order_changes_nothing() {
    let (one, other) = (arm(1, 15, 1.0), arm(2, 12, 1.0));
    let ratio = |one: &(Vec<f64>, Vec<u64>)| {
        quantile_ratio(of(one), of(&other), 0.9, ArmUnits::Separate, 400, 3, 0.9).expect("they vary")
    };
    let plain = ratio(&one);
    let scaled = ratio(&(one.0.iter().map(|value| 8.0 * value).collect(), one.1.clone()));
    assert!((scaled.bca.interval.low / plain.bca.interval.low - 8.0).abs() < 1e-9);
    assert!((scaled.percentile.high / plain.percentile.high - 8.0).abs() < 1e-9);
    assert!((scaled.log_ratio.standard_error - plain.log_ratio.standard_error).abs() < 1e-9);
    let backwards = (one.0.iter().rev().copied().collect(), one.1.iter().rev().copied().collect());
    assert_eq!(ratio(&backwards), plain);
}

/// Units whose two arms are equal have a ratio of 1 in every replicate; drawn apart they do not.
#[test]
fn shared_units_are_drawn_together() {
    let own = arm(3, 14, 1.0);
    let apart = quantile_ratio(of(&own), of(&own), 0.5, ArmUnits::Separate, 400, 3, 0.95).expect("they vary");
    assert!(apart.percentile.low < 0.9 && apart.percentile.high > 1.1);
    let together = quantile_ratio(of(&own), of(&own), 0.5, ArmUnits::Shared, 400, 3, 0.95);
    assert_eq!(together, Err(QuantileRatioError::Bootstrap(BootstrapError::NoSpread)));
}

/// Values within a unit are alike. 150 runs of 30 units each: three standard errors are 0.055.
#[test]
fn a_planted_ratio_is_covered() {
    let covers = |run: u64| {
        let (one, other) = (arm(1_000 + 2 * run, 30, 0.7), arm(1_001 + 2 * run, 30, 1.0));
        let found = quantile_ratio(of(&one), of(&other), 0.5, ArmUnits::Separate, 300, run, 0.95).expect("they vary");
        let interval = found.bca.interval;
        interval.low <= 0.7 && 0.7 <= interval.high
    };
    let covered = (0..150).filter(|run| covers(*run)).count() as f64 / 150.0;
    assert!((0.89..=1.0).contains(&covered), "{covered}");
}

#[test]
fn what_has_no_answer_is_refused() {
    let own = arm(4, 5, 1.0);
    let ratio =
        |one: Arm<u64>, probability: f64| quantile_ratio(one, of(&own), probability, ArmUnits::Separate, 100, 0, 0.95);
    let zero = Arm { values: &[0.0, 1.0], units: &[1, 2] };
    assert_eq!(ratio(zero, 0.5), Err(QuantileRatioError::NotPositive { value: 0.0 }));
    assert!(matches!(ratio(of(&own), 1.5), Err(QuantileRatioError::Quantile(_))));
    for bad in [Arm { values: &[1.0, 2.0], units: &[1, 1] }, Arm { values: &[1.0], units: &[1, 2] }] {
        assert!(matches!(ratio(bad, 0.5), Err(QuantileRatioError::Bootstrap(_))));
    }
    let few = quantile_ratio(of(&own), of(&own), 0.5, ArmUnits::Separate, 10, 0, 0.95);
    assert!(matches!(few, Err(QuantileRatioError::Bootstrap(BootstrapError::TooFewReplicates { .. }))));
    // One unit alone is in the first arm: some replicate leaves it out.
    let alone = Arm { values: &[1.0, 2.0], units: &[1, 1] };
    let shared = quantile_ratio(alone, of(&own), 0.5, ArmUnits::Shared, 100, 0, 0.95);
    assert!(matches!(shared, Err(QuantileRatioError::Bootstrap(BootstrapError::Undefined { .. }))));
}
