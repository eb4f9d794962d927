//! What must hold whatever the numbers: order, scale, containment and level.

use proptest::collection::vec;
use proptest::prelude::*;
use stats::{CensoredBootstrapError, CensoredQuantile, Completion, Interval, KaplanMeier, QuantileEstimate, Subject};

fn contains(interval: &Interval) -> bool {
    interval.low <= interval.estimate && interval.estimate <= interval.high
}

fn holds(wide: &Interval, narrow: &Interval) -> bool {
    wide.low <= narrow.low && narrow.high <= wide.high
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1e-300)
}

/// Durations with ties, and flags.
fn subjects() -> impl Strategy<Value = Vec<(f64, bool)>> {
    vec(((0_u16..40).prop_map(f64::from), any::<bool>()), 1..40)
}

fn fit(subjects: &[(f64, bool)], factor: f64) -> KaplanMeier {
    let (durations, observed): (Vec<f64>, Vec<bool>) =
        subjects.iter().map(|(time, flag)| (time * factor, *flag)).unzip();
    KaplanMeier::fit(&durations, &observed).expect("the subjects are complete")
}

/// Changes whose delay is a part of the total, seen if it ends within the censoring time.
fn changes() -> impl Strategy<Value = Vec<Subject>> {
    let change = (0_u16..50, 0_u16..30, 0_u16..30).prop_map(|(before, delay, censoring_time)| Subject {
        censoring_time: f64::from(censoring_time),
        completion: (delay <= censoring_time)
            .then(|| Completion { total: f64::from(before + delay), delay: f64::from(delay) }),
    });
    vec(change, 1..60)
}

/// Changes in clusters, most of them complete; times come from few values, so that many are tied within a cluster and
/// across clusters, and some delays are negative.
fn clustered_changes() -> impl Strategy<Value = Vec<(Subject, u8)>> {
    let change = (0_u8..25, -3_i8..6, 0_u8..10, 0_u8..15).prop_map(|(before, delay, censoring_time, cluster)| {
        // Sevenths are not exact in binary: sums that are rounded in another order differ.
        let [before, delay, censoring_time] =
            [f64::from(before), f64::from(delay), f64::from(censoring_time)].map(|time| time / 7.0);
        let completion = (delay <= censoring_time).then(|| Completion { total: before + delay.max(0.0), delay });
        (Subject { censoring_time, completion }, cluster)
    });
    vec(change, 1..80)
}

fn scaled(estimate: QuantileEstimate, factor: f64) -> QuantileEstimate {
    match estimate {
        QuantileEstimate::At(value) => QuantileEstimate::At(value * factor),
        QuantileEstimate::GreaterThan(value) => QuantileEstimate::GreaterThan(value * factor),
    }
}

proptest! {
    #[test]
    fn share_intervals_contain_their_share_and_grow(
        trials in 1_u64..5_000, share in 0.0..=1.0, level in 0.01..0.98, more in 0.001..0.01,
    ) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
        let successes = (share * trials as f64) as u64;
        for interval in [stats::wilson_interval, stats::clopper_pearson_interval] {
            let narrow = interval(successes, trials, level).expect("there are trials");
            let wide = interval(successes, trials, level + more).expect("there are trials");
            prop_assert!(contains(&narrow) && holds(&wide, &narrow));
            prop_assert!(0.0 <= wide.low && wide.high <= 1.0);
            let mirror = interval(trials - successes, trials, level).expect("there are trials");
            prop_assert!((mirror.low - (1.0 - narrow.high)).abs() < 1e-12);
        }
    }

    #[test]
    fn rate_intervals_contain_their_rate_and_scale_with_exposure(
        events in 0_u64..100_000, exposure in 1e-3..1e6, level in 0.01..0.98, more in 0.001..0.01,
    ) {
        let narrow = stats::poisson_interval(events, exposure, level).expect("there is exposure");
        let wide = stats::poisson_interval(events, exposure, level + more).expect("there is exposure");
        prop_assert!(contains(&narrow) && holds(&wide, &narrow));
        let halved = stats::poisson_interval(events, 2.0 * exposure, level).expect("there is exposure");
        prop_assert!(near(halved.high * 2.0, narrow.high) && near(halved.low * 2.0, narrow.low));
    }

    #[test]
    fn frequency_does_not_depend_on_the_order_of_periods(
        periods in vec((0_u64..30, 0.5..8.0), 1..30), seed in any::<u64>(),
    ) {
        let shuffled = shuffled(&periods, seed);
        let frequency = |periods: &[(u64, f64)]| {
            let (counts, exposures): (Vec<u64>, Vec<f64>) = periods.iter().copied().unzip();
            stats::frequency_interval(&counts, &exposures, 0.95).expect("there are periods")
        };
        let given = frequency(&periods);
        prop_assert_eq!(given, frequency(&shuffled));
        prop_assert!(contains(&given.interval));
    }

    #[test]
    fn quantiles_agree_with_sorting(
        mut values in vec(-1_000_000_i64..1_000_000, 1..60), probability in 0.0..=1.0,
    ) {
        let quantile = stats::quantile_i64(&values, probability).expect("there are values");
        let floats: Vec<f64> = values.iter().map(|value| *value as f64).collect();
        prop_assert!(near(quantile, stats::quantile(&floats, probability).expect("there are values")));
        let lower = stats::median_lower_i64(&values).expect("there are values");
        values.sort_unstable();
        let position = (values.len() - 1) as f64 * probability;
        let at_or_below = values.iter().filter(|value| **value as f64 <= quantile).count() as f64;
        let below = values.iter().filter(|value| (**value as f64) < quantile).count() as f64;
        prop_assert!(at_or_below > position.floor() && below <= position.ceil());
        prop_assert_eq!(lower, values[(values.len() - 1) / 2]);
    }

    #[test]
    fn survival_does_not_depend_on_order_and_scales(
        subjects in subjects(), seed in any::<u64>(), probability in 0.01..0.99,
    ) {
        let curve = fit(&subjects, 1.0);
        prop_assert_eq!(&curve, &fit(&shuffled(&subjects, seed), 1.0));
        let quantile = curve.quantile_interval(probability, 0.9).expect("the level is right");
        let fourfold = fit(&subjects, 4.0).quantile_interval(probability, 0.9).expect("the level is right");
        prop_assert_eq!(scaled(quantile.estimate, 4.0), fourfold.estimate);
        prop_assert_eq!(quantile.low.map(|low| low * 4.0), fourfold.low);
        prop_assert_eq!(quantile.high.map(|high| high * 4.0), fourfold.high);
        let estimate = quantile.estimate.reached().unwrap_or(f64::INFINITY);
        prop_assert!(quantile.low.is_none_or(|low| low <= estimate));
        prop_assert!(quantile.high.is_none_or(|high| estimate <= high));
    }

    #[test]
    fn survival_without_censoring_is_the_share_left(times in vec(0_u16..40, 1..60)) {
        let subjects: Vec<_> = times.iter().map(|time| (f64::from(*time), true)).collect();
        for step in fit(&subjects, 1.0).steps() {
            let left = subjects.iter().filter(|(time, _)| *time > step.time).count();
            prop_assert!((step.survival - left as f64 / subjects.len() as f64).abs() < 1e-12);
        }
    }

    #[test]
    fn weighted_quantiles_do_not_depend_on_order_and_rise(
        changes in changes(), seed in any::<u64>(), probability in 0.01..0.98,
    ) {
        let distribution = CensoredQuantile::fit(&changes).expect("the changes are possible");
        let again = CensoredQuantile::fit(&shuffled(&changes, seed)).expect("the changes are possible");
        prop_assert_eq!(&distribution, &again);
        let value = |estimate| match estimate {
            QuantileEstimate::At(value) | QuantileEstimate::GreaterThan(value) => value,
        };
        let quantile = distribution.quantile(probability).expect("the level is right");
        let higher = distribution.quantile(probability + 0.01).expect("the level is right");
        let both_reached = quantile.reached().is_some() == higher.reached().is_some();
        prop_assert!(!both_reached || value(quantile) <= value(higher));
    }

    #[test]
    fn weighted_quantiles_without_censoring_are_empirical(totals in vec(0_u16..200, 1..80), probability in 0.01..0.99) {
        let complete = |total: &u16| {
            let (total, delay) = (f64::from(*total), f64::from(*total / 2));
            Subject { censoring_time: 100.0 + delay, completion: Some(Completion { total, delay }) }
        };
        let subjects: Vec<_> = totals.iter().map(complete).collect();
        let weighted = CensoredQuantile::fit(&subjects).expect("the changes are possible").quantile(probability);
        let observed: Vec<_> = totals.iter().map(|total| (f64::from(*total), true)).collect();
        let empirical = fit(&observed, 1.0).quantile(probability).expect("the level is right");
        prop_assert_eq!(weighted.expect("the level is right"), empirical);
    }

    // The oracle fits and sorts anew for each replicate.
    #[test]
    fn the_bootstrap_of_multiplicities_is_the_bootstrap_of_fits(
        changes in clustered_changes(), probability in prop_oneof![0.01..0.99, (1_u8..8).prop_map(|n| f64::from(n) / 8.0)],
        seed in any::<u64>(), replicates in 60_usize..200, level in 0.5..0.98,
    ) {
        let (subjects, clusters): (Vec<Subject>, Vec<u8>) = changes.into_iter().unzip();
        let fitted = |drawn: &mut [Subject]| CensoredQuantile::fit(drawn).ok()?.quantile(probability).ok()?.reached();
        let oracle = stats::cluster_bootstrap_bca(&subjects, &clusters, fitted, replicates, seed, level);
        let counted = stats::censored_quantile_bca(&subjects, &clusters, probability, replicates, seed, level);
        prop_assert_eq!(counted, oracle.map_err(CensoredBootstrapError::from));
    }

    #[test]
    fn quantiles_rise_and_tails_mirror(p in 0.001..0.499, step in 0.0001..0.001, shape in 0.5..300.0) {
        for quantile in [stats::student_t_quantile, stats::chi_squared_quantile] {
            prop_assert!(quantile(p, shape).expect("in range") < quantile(p + step, shape).expect("in range"));
        }
        let (lower, upper) = (stats::normal_quantile(p), stats::normal_quantile(1.0 - p));
        prop_assert!(near(-lower.expect("in range"), upper.expect("in range")));
    }
}

/// Another order of the same things.
fn shuffled<T: Clone>(things: &[T], seed: u64) -> Vec<T> {
    let mut random = stats::Philox::new(seed, 0);
    let mut keyed: Vec<(u64, T)> = things.iter().map(|thing| (random.next_u64(), thing.clone())).collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, thing)| thing).collect()
}
