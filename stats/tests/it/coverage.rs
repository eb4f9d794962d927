//! Small, seeded simulations: intervals cover the planted truth about as often as they claim.

use std::num::NonZeroU64;

use stats::{Interval, KaplanMeier, Philox};

/// The share of runs whose interval covers the truth.
fn coverage(runs: u64, covers: impl Fn(&mut Philox) -> bool) -> f64 {
    (0..runs).filter(|run| covers(&mut Philox::new(17, *run))).count() as f64 / runs as f64
}

fn covers(interval: &Interval, truth: f64) -> bool {
    interval.low <= truth && truth <= interval.high
}

/// A Poisson count: arrivals of exponential gaps within one unit.
fn poisson(random: &mut Philox, mean: f64) -> u64 {
    let mut arrived = exponential(random) / mean;
    let mut count = 0;
    while arrived < 1.0 {
        count += 1;
        arrived += exponential(random) / mean;
    }
    count
}

fn exponential(random: &mut Philox) -> f64 {
    -libm::log(1.0 - random.unit())
}

// 1,000 runs at 95 %: three standard errors are 0.021. The binomial is discrete, so Wilson moves about its level.
#[test]
fn wilson_covers_about_as_often_as_it_claims() {
    let covered = coverage(1_000, |random| {
        let successes = (0..80).filter(|_| random.unit() < 0.12).count() as u64;
        covers(&stats::wilson_interval(successes, 80, 0.95).expect("there are trials"), 0.12)
    });
    assert!((0.92..=0.98).contains(&covered), "{covered}");
}

#[test]
fn exact_intervals_cover_at_least_as_often_as_they_claim() {
    let covered = coverage(1_000, |random| {
        let successes = (0..40).filter(|_| random.unit() < 0.3).count() as u64;
        covers(&stats::clopper_pearson_interval(successes, 40, 0.9).expect("there are trials"), 0.3)
    });
    assert!(covered > 0.9 - 0.029, "{covered}");
    let covered = coverage(1_000, |random| {
        covers(&stats::poisson_interval(poisson(random, 6.0), 2.0, 0.9).expect("there is exposure"), 3.0)
    });
    assert!(covered > 0.9 - 0.029, "{covered}");
}

// Each week is busy or quiet with equal odds: variance over mean is 1 + 16 / 5. Twenty weeks are few for a
// dispersion, so a little is lost; exact Poisson limits would cover about two thirds.
#[test]
fn frequency_covers_bursts_that_poisson_limits_miss() {
    let weeks = |random: &mut Philox| -> Vec<u64> {
        (0..20)
            .map(|_| {
                let mean = if random.unit() < 0.5 { 1.0 } else { 9.0 };
                poisson(random, mean)
            })
            .collect()
    };
    let frequency = coverage(600, |random| {
        covers(&stats::frequency_interval(&weeks(random), &[1.0; 20], 0.95).expect("there are weeks").interval, 5.0)
    });
    let exact = coverage(600, |random| {
        let events = weeks(random).iter().sum();
        covers(&stats::poisson_interval(events, 20.0, 0.95).expect("there is exposure"), 5.0)
    });
    assert!((0.91..=0.98).contains(&frequency), "{frequency}");
    assert!(exact < 0.8, "{exact}");
}

#[test]
fn survival_medians_are_covered_under_censoring() {
    let covered = coverage(600, |random| {
        let (durations, observed): (Vec<f64>, Vec<bool>) = (0..80)
            .map(|_| {
                let (event, censoring) = (exponential(random), 2.0 * exponential(random));
                (event.min(censoring), event <= censoring)
            })
            .unzip();
        let curve = KaplanMeier::fit(&durations, &observed).expect("the subjects are complete");
        let quantile = curve.quantile_interval(0.5, 0.95).expect("the level is right");
        let truth = std::f64::consts::LN_2;
        quantile.low.is_some_and(|low| low <= truth) && quantile.high.is_none_or(|high| truth <= high)
    });
    assert!((0.92..=0.985).contains(&covered), "{covered}");
}

// Clusters of equal values: resampling values instead of clusters would take five times as much data for given.
#[test]
fn the_cluster_bootstrap_covers_a_median() {
    let median = |values: &mut [f64]| stats::quantile_in_place(values, 0.5).ok();
    let draw = |random: &mut Philox| -> Vec<(f64, u64)> {
        (0..40)
            .flat_map(|cluster| {
                let value = exponential(random);
                (0..5).map(move |_| (value, cluster))
            })
            .collect()
    };
    let cover = |by_value: bool| {
        coverage(150, |random| {
            let (values, clusters): (Vec<f64>, Vec<u64>) = draw(random).into_iter().unzip();
            let names = if by_value { (0..values.len() as u64).collect() } else { clusters };
            let seed = random.below(NonZeroU64::MAX);
            let bca = stats::cluster_bootstrap_bca(&values, &names, median, 400, seed, 0.95);
            covers(&bca.expect("the values differ").interval, std::f64::consts::LN_2)
        })
    };
    // 150 runs: three standard errors are 0.05.
    let (by_cluster, by_value) = (cover(false), cover(true));
    assert!(by_cluster > 0.88, "{by_cluster}");
    assert!(by_value < 0.75, "{by_value}");
}
