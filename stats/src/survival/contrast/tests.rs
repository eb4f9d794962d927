use super::*;
use crate::bootstrap::cluster_bootstrap_bca;
use crate::random::Philox;
use crate::survival::QuantileEstimate;

/// Durations, flags, arms, strata and clusters.
type Columns = (Vec<f64>, Vec<bool>, Vec<bool>, Vec<u8>, Vec<u32>);

/// Exponential times, the treated's with `ratio` times the mean of the controls', strata with different means, whole
/// clusters within a stratum; about a quarter is censored.
fn draw(seed: u64, count: usize, ratio: f64) -> Columns {
    let mut random = Philox::new(seed, 0);
    let mut exponential = |mean: f64| -mean * libm::log1p(-random.unit());
    let mut columns = Columns::default();
    for subject in 0..count {
        let (treated, stratum) = (subject % 2 == 0, u8::try_from(subject % 3).expect("it is small"));
        let mean = 10.0 * f64::from(stratum + 1) * if treated { ratio } else { 1.0 };
        // Tenths, so that times tie.
        let (event, censoring) = ((10.0 * exponential(mean)).ceil() / 10.0, 20.0 + exponential(20.0));
        columns.0.push(event.min(censoring));
        columns.1.push(event <= censoring);
        columns.2.push(treated);
        columns.3.push(stratum);
        columns.4.push(u32::try_from(subject / 6).expect("it is small"));
    }
    columns
}

fn curve(durations: &[f64], observed: &[bool], keep: &dyn Fn(usize) -> bool) -> KaplanMeier {
    let (times, flags): (Vec<f64>, Vec<bool>) =
        (0..durations.len()).filter(|place| keep(*place)).map(|place| (durations[place], observed[place])).unzip();
    KaplanMeier::fit(&times, &flags).expect("the arm has subjects")
}

#[test]
fn contrasts_by_hand() {
    // 1 to 2, then 1/2 to 4: mean 3, variance (1/2 · 2)² / (2 · 1); the controls have one event in four at 1.
    let treated = KaplanMeier::fit(&[2.0, 9.0], &[true, false]).expect("two subjects");
    let controls = KaplanMeier::fit(&[1.0, 5.0, 6.0, 7.0], &[true, false, true, true]).expect("four subjects");
    let found = restricted_mean_contrast(&treated, &controls, 4.0, 0.95).expect("both are followed");
    let (means, variances) = ([3.0, 3.25], [0.5, 2.25 * 2.25 / 12.0]);
    let error = |divisors: [f64; 2]| -> f64 {
        (variances[0] / (divisors[0] * divisors[0]) + variances[1] / (divisors[1] * divisors[1])).sqrt()
    };
    assert!((found.difference.estimate + 0.25).abs() < 1e-14);
    assert!((found.difference.standard_error - error([1.0, 1.0])).abs() < 1e-14);
    assert!((found.log_ratio.estimate - (3.0_f64 / 3.25).ln()).abs() < 1e-14);
    assert!((found.log_ratio.standard_error - error(means)).abs() < 1e-14);
    let lost = found.log_lost_ratio.expect("both lose time");
    assert!((lost.estimate - (1.0_f64 / 0.75).ln()).abs() < 1e-14);
    assert!((lost.standard_error - error([1.0, 0.75])).abs() < 1e-14);
}

#[test]
fn without_censoring_the_means_are_those_of_times_cut_off() {
    let (durations, _, is_treated, ..) = draw(1, 80, 0.7);
    let all = vec![true; 80];
    let arms = [true, false].map(|wanted| curve(&durations, &all, &|place| is_treated[place] == wanted));
    let found = restricted_mean_contrast(&arms[0], &arms[1], 12.0, 0.95).expect("both are followed");
    let moments = |wanted: bool| {
        let cut: Vec<f64> =
            (0..80).filter(|place| is_treated[*place] == wanted).map(|place| durations[place].min(12.0)).collect();
        let mean = cut.iter().sum::<f64>() / 40.0;
        (mean, cut.iter().map(|time| (time - mean) * (time - mean)).sum::<f64>() / (40.0 * 40.0))
    };
    let (treated, controls) = (moments(true), moments(false));
    assert!((found.difference.estimate - (treated.0 - controls.0)).abs() < 1e-12);
    assert!((found.difference.standard_error - (treated.1 + controls.1).sqrt()).abs() < 1e-12);
}

#[test]
fn arms_swap_and_units_cancel() {
    let (durations, observed, is_treated, ..) = draw(2, 90, 0.6);
    let fit = |factor: f64| {
        let scaled: Vec<f64> = durations.iter().map(|time| factor * time).collect();
        [true, false].map(|wanted| curve(&scaled, &observed, &|place| is_treated[place] == wanted))
    };
    let ([treated, controls], [treated_minutes, controls_minutes]) = (fit(1.0), fit(60.0));
    let found = restricted_mean_contrast(&treated, &controls, 15.0, 0.95).expect("followed");
    let swapped = restricted_mean_contrast(&controls, &treated, 15.0, 0.95).expect("followed");
    let minutes = restricted_mean_contrast(&treated_minutes, &controls_minutes, 900.0, 0.95).expect("followed");
    assert!((found.difference.estimate + swapped.difference.estimate).abs() < 1e-12);
    assert!((found.log_ratio.estimate + swapped.log_ratio.estimate).abs() < 1e-12);
    assert!((found.log_ratio.standard_error - swapped.log_ratio.standard_error).abs() < 1e-12);
    assert!((minutes.difference.estimate - 60.0 * found.difference.estimate).abs() < 1e-9);
    assert!((minutes.log_ratio.estimate - found.log_ratio.estimate).abs() < 1e-12);
    assert!((minutes.log_ratio.standard_error - found.log_ratio.standard_error).abs() < 1e-12);
}

#[test]
fn the_horizon_ends_with_the_arm_that_is_followed_less() {
    let short = KaplanMeier::fit(&[1.0, 5.0], &[true, true]).expect("two subjects");
    let long = KaplanMeier::fit(&[1.0, 9.0], &[true, false]).expect("two subjects");
    let refused = restricted_mean_contrast(&short, &long, 5.1, 0.95);
    assert_eq!(refused, Err(ContrastError::Horizon { horizon: 5.1, largest: 5.0 }));
    assert!(refused.expect_err("too far").to_string().contains("at most `5`"));
    assert!(restricted_mean_contrast(&long, &short, 5.0, 0.95).is_ok());
    for horizon in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused = restricted_mean_contrast(&short, &long, horizon, 0.95);
        assert!(matches!(refused, Err(ContrastError::Horizon { largest: 5.0, .. })), "{horizon}");
    }
}

#[test]
fn contrasts_without_an_answer_are_refused() {
    let at_once = KaplanMeier::fit(&[0.0, 0.0], &[true, true]).expect("two subjects");
    assert!(matches!(restricted_mean_contrast(&at_once, &at_once, 1.0, 0.95), Err(ContrastError::Horizon { .. })));
    let nobody = KaplanMeier::fit(&[3.0, 4.0], &[false, false]).expect("two subjects");
    assert_eq!(restricted_mean_contrast(&nobody, &nobody, 2.0, 0.95), Err(ContrastError::NoSpread));
    let some = KaplanMeier::fit(&[1.0, 4.0], &[true, false]).expect("two subjects");
    assert!(restricted_mean_contrast(&some, &nobody, 2.0, 1.0).is_err());
    let half = restricted_mean_contrast(&some, &nobody, 2.0, 0.95).expect("one arm varies");
    assert_eq!(half.log_lost_ratio, None);
}

#[test]
fn one_stratum_is_the_plain_contrast_and_twins_halve_the_variance() {
    let (durations, observed, is_treated, ..) = draw(3, 60, 0.7);
    let arms = [true, false].map(|wanted| curve(&durations, &observed, &|place| is_treated[place] == wanted));
    let plain = restricted_mean_contrast(&arms[0], &arms[1], 15.0, 0.95).expect("followed");
    let twice = |values: &[f64]| [values, values].concat();
    let (flags, treated) = ([&observed[..]; 2].concat(), [&is_treated[..]; 2].concat());
    for weight in [StratumWeight::Subjects, StratumWeight::Balanced] {
        let one = stratified_restricted_mean(&durations, &observed, &is_treated, &[0; 60], 15.0, weight);
        let one = one.expect("followed");
        assert!((one.difference.estimate - plain.difference.estimate).abs() < 1e-12);
        assert!((one.log_ratio.standard_error - plain.log_ratio.standard_error).abs() < 1e-12);
        let strata: Vec<usize> = (0..120).map(|place| place / 60).collect();
        let two = stratified_restricted_mean(&twice(&durations), &flags, &treated, &strata, 15.0, weight);
        let two = two.expect("followed");
        assert!((two.log_ratio.estimate - plain.log_ratio.estimate).abs() < 1e-12);
        assert!((two.log_ratio.standard_error - plain.log_ratio.standard_error / 2.0_f64.sqrt()).abs() < 1e-12);
    }
}

// By hand from the contrasts of each stratum.
#[test]
fn strata_are_weighted_by_their_sizes() {
    let (durations, observed, mut is_treated, strata, _) = draw(4, 150, 0.6);
    for (place, arm) in is_treated.iter_mut().enumerate() {
        // The first stratum is mostly treated.
        *arm |= strata[place] == 0 && place % 5 > 0;
    }
    for weight in [StratumWeight::Subjects, StratumWeight::Balanced] {
        let (mut sum, mut squares, mut total) = (0.0, 0.0, 0.0);
        for stratum in 0..3 {
            let size =
                |wanted: bool| (0..150).filter(|i| strata[*i] == stratum && is_treated[*i] == wanted).count() as f64;
            let arms = [true, false]
                .map(|wanted| curve(&durations, &observed, &|i| strata[i] == stratum && is_treated[i] == wanted));
            let part = restricted_mean_contrast(&arms[0], &arms[1], 14.0, 0.95).expect("followed");
            let counts = if weight == StratumWeight::Subjects {
                size(true) + size(false)
            } else {
                1.0 / (1.0 / size(true) + 1.0 / size(false))
            };
            sum += counts * part.log_ratio.estimate;
            squares += (counts * part.log_ratio.standard_error).powi(2);
            total += counts;
        }
        let found = stratified_restricted_mean(&durations, &observed, &is_treated, &strata, 14.0, weight);
        let found = found.expect("followed");
        assert!((found.log_ratio.estimate - sum / total).abs() < 1e-12);
        assert!((found.log_ratio.standard_error - squares.sqrt() / total).abs() < 1e-12);
        assert_eq!((found.strata, found.unpaired_subjects), (3, 0));
    }
}

#[test]
fn strata_with_one_arm_are_counted_and_left_out() {
    let (times, flags) = ([1.0, 2.0, 3.0, 4.0, 0.5], [true; 5]);
    let treated = [true, true, false, false, true];
    let strata = ["a", "a", "a", "a", "b"];
    let found = stratified_restricted_mean(&times, &flags, &treated, &strata, 2.0, StratumWeight::Subjects);
    let found = found.expect("stratum a has both arms");
    assert_eq!((found.strata, found.unpaired_subjects), (1, 1));
    let refused = |strata: &[u8], horizon| {
        stratified_restricted_mean(&times, &flags, &treated, strata, horizon, StratumWeight::Subjects)
    };
    assert_eq!(refused(&[0, 1, 2, 3, 4], 1.0), Err(ContrastError::NoSharedStratum));
    // The treated of the second stratum are followed to 2 only.
    let two = refused(&[0, 1, 0, 1, 1], 3.0);
    assert_eq!(two, Err(ContrastError::Horizon { horizon: 3.0, largest: 1.0 }));
    assert_eq!(refused(&[0; 4], 1.0), Err(ContrastError::LengthMismatch { durations: 5, beside: 4 }));
}

#[test]
fn order_does_not_matter_to_the_last_bit() {
    let (durations, observed, is_treated, strata, clusters) = draw(5, 120, 0.8);
    let backwards = |values: &[f64]| values.iter().rev().copied().collect::<Vec<_>>();
    let reversed = |flags: &[bool]| flags.iter().rev().copied().collect::<Vec<_>>();
    let renamed: Vec<u8> = strata.iter().rev().map(|stratum| 9 - stratum).collect();
    let names: Vec<u32> = clusters.iter().rev().copied().collect();
    let (times, flags, arms) = (backwards(&durations), reversed(&observed), reversed(&is_treated));
    let weight = StratumWeight::Balanced;
    assert_eq!(
        stratified_restricted_mean(&durations, &observed, &is_treated, &strata, 12.0, weight),
        stratified_restricted_mean(&times, &flags, &arms, &renamed, 12.0, weight)
    );
    assert_eq!(
        restricted_mean_ratio_bca(&durations, &observed, &is_treated, &clusters, 12.0, 99, 1, 0.9),
        restricted_mean_ratio_bca(&times, &flags, &arms, &names, 12.0, 99, 1, 0.9)
    );
    assert_eq!(
        quantile_ratio_bca(&durations, &observed, &is_treated, &clusters, 0.5, 99, 1, 0.9),
        quantile_ratio_bca(&times, &flags, &arms, &names, 0.5, 99, 1, 0.9)
    );
}

// The oracle fits both curves anew for each replicate.
#[test]
fn clustered_intervals_are_those_of_fits() {
    let (durations, observed, is_treated, _, clusters) = draw(6, 120, 0.6);
    let subjects: Vec<(f64, bool, bool)> =
        (0..120).map(|place| (durations[place], observed[place], is_treated[place])).collect();
    let fits = |drawn: &[(f64, bool, bool)]| {
        let fit = |wanted: bool| {
            let arm = drawn.iter().filter(|subject| subject.2 == wanted);
            let (times, flags): (Vec<f64>, Vec<bool>) = arm.map(|subject| (subject.0, subject.1)).unzip();
            KaplanMeier::fit(&times, &flags).ok()
        };
        Some([fit(true)?, fit(false)?])
    };
    let means = |drawn: &mut [(f64, bool, bool)]| {
        let [treated, controls] = fits(drawn)?.map(|curve| curve.restricted_mean(12.0, 0.9).ok());
        Some(libm::log(treated?.interval.estimate / controls?.interval.estimate))
    };
    let quantiles = |drawn: &mut [(f64, bool, bool)]| {
        let [treated, controls] =
            fits(drawn)?.map(|curve| curve.quantile(0.5).ok().and_then(QuantileEstimate::reached));
        Some(libm::log(treated? / controls?))
    };
    let found = restricted_mean_ratio_bca(&durations, &observed, &is_treated, &clusters, 12.0, 400, 3, 0.9);
    let found = found.expect("there are clusters");
    let oracle = cluster_bootstrap_bca(&subjects, &clusters, means, 400, 3, 0.9).expect("there are clusters");
    assert!((found.log_ratio.interval.estimate - oracle.interval.estimate).abs() < 1e-12);
    assert!((found.log_ratio.interval.low - oracle.interval.low).abs() < 1e-9);
    assert!((found.log_ratio.interval.high - oracle.interval.high).abs() < 1e-9);
    assert!((found.treated / found.controls - libm::exp(oracle.interval.estimate)).abs() < 1e-12);
    assert_eq!(found.failed_replicates, 0);
    let found = quantile_ratio_bca(&durations, &observed, &is_treated, &clusters, 0.5, 400, 3, 0.9);
    let oracle = cluster_bootstrap_bca(&subjects, &clusters, quantiles, 400, 3, 0.9).expect("there are clusters");
    assert_eq!(found.expect("the curves reach it").log_ratio, oracle);
}

#[test]
fn clustered_ratios_without_an_answer_say_why() {
    let (times, flags) = ([1.0, 2.0, 3.0, 4.0], [true, false, true, true]);
    let clusters = [1, 2, 3, 4];
    let mean = |arms: &[bool], horizon| restricted_mean_ratio_bca(&times, &flags, arms, &clusters, horizon, 99, 1, 0.9);
    let arms = [true, true, false, false];
    assert_eq!(mean(&arms, 2.5), Err(ContrastError::Horizon { horizon: 2.5, largest: 2.0 }));
    assert_eq!(mean(&[true; 4], 2.0), Err(ContrastError::EmptyArm { treated: 4, controls: 0 }));
    assert!(matches!(mean(&arms, 2.0), Err(ContrastError::FailedReplicates { replicates: 99, .. })));
    let quantile = |probability| quantile_ratio_bca(&times, &flags, &arms, &clusters, probability, 99, 1, 0.9);
    assert_eq!(quantile(0.75), Err(ContrastError::NotReached { is_treated: true, exceeds: 2.0 }));
    assert!(matches!(quantile(0.4), Err(ContrastError::Bootstrap(BootstrapError::Undefined { .. }))));
    assert!(matches!(quantile(1.0), Err(ContrastError::Survival(SurvivalError::Probability { .. }))));
    let zeros =
        quantile_ratio_bca(&[0.0, 1.0, 0.0, 1.0], &[true; 4], &[true, false, true, false], &clusters, 0.5, 99, 1, 0.9);
    assert_eq!(zeros, Err(ContrastError::Zero));
    let one = restricted_mean_ratio_bca(&times, &flags, &arms, &[7; 4], 2.0, 99, 1, 0.9);
    assert_eq!(one, Err(BootstrapError::TooFewClusters { clusters: 1 }.into()));
    let broken = restricted_mean_ratio_bca(&[f64::NAN; 4], &flags, &arms, &clusters, 2.0, 99, 1, 0.9);
    assert!(matches!(broken, Err(ContrastError::Survival(SurvivalError::Duration { .. }))));
}

// Exponential arms with means 10 and 20: the truth is known in closed form.
#[test]
fn intervals_hold_the_planted_ratio() {
    let truth = {
        let mean = |scale: f64| scale * -libm::expm1(-15.0 / scale);
        libm::log(mean(10.0) / mean(20.0))
    };
    let (mut held, mut errors, mut spread) = (0, 0.0, 0.0);
    for seed in 0..300 {
        let mut random = Philox::new(1_000 + seed, 0);
        let mut arm = |scale: f64| {
            let (times, flags): (Vec<f64>, Vec<bool>) = (0..60)
                .map(|_| {
                    let event = -scale * libm::log1p(-random.unit());
                    let censoring = 15.0 + 30.0 * random.unit();
                    (event.min(censoring), event <= censoring)
                })
                .unzip();
            KaplanMeier::fit(&times, &flags).expect("sixty subjects")
        };
        let (treated, controls) = (arm(10.0), arm(20.0));
        let Wald { estimate, standard_error, .. } =
            restricted_mean_contrast(&treated, &controls, 15.0, 0.95).expect("followed").log_ratio;
        held += u32::from((estimate - truth).abs() < 1.959_964 * standard_error);
        errors += standard_error * standard_error;
        spread += (estimate - truth) * (estimate - truth);
    }
    // Of 300, 95 % are 285; three standard deviations are 11.
    assert!((274..=296).contains(&held), "{held}");
    // The relative error of a variance of 300 is about 0.08.
    assert!((errors / spread - 1.0).abs() < 0.25, "{}", errors / spread);
}

// Clusters with a mean of their own, and the arm that of the cluster: subjects say less than their number.
#[test]
fn clusters_are_drawn_where_subjects_depend_on_one_another() {
    let (mut held, mut held_naively, mut failed) = (0, 0, 0);
    for seed in 0..150 {
        let mut random = Philox::new(4_000 + seed, 0);
        let (mut times, mut flags, mut arms, mut clusters) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for cluster in 0..40_u32 {
            let mean = if random.unit() < 0.5 { 4.0 } else { 25.0 };
            for _ in 0..6 {
                let event = -mean * libm::log1p(-random.unit());
                let censoring = 12.0 + 20.0 * random.unit();
                times.push(event.min(censoring));
                flags.push(event <= censoring);
                arms.push(cluster % 2 == 0);
                clusters.push(cluster);
            }
        }
        let found = restricted_mean_ratio_bca(&times, &flags, &arms, &clusters, 15.0, 200, seed, 0.9);
        let found = found.expect("both are followed");
        held += u32::from(found.log_ratio.interval.low < 0.0 && 0.0 < found.log_ratio.interval.high);
        failed += found.failed_replicates;
        let fit = |wanted: bool| curve(&times, &flags, &|place| arms[place] == wanted);
        let naive = restricted_mean_contrast(&fit(true), &fit(false), 15.0, 0.9).expect("followed").log_ratio;
        held_naively += u32::from(naive.estimate.abs() < 1.644_854 * naive.standard_error);
        let ratio = found.standard_error / naive.standard_error;
        assert!(ratio > 1.05, "{ratio}");
    }
    // Of 150, 135 are expected; three standard deviations are 11.
    assert!((120..=147).contains(&held), "{held}");
    assert!(held_naively < held - 10, "{held_naively} {held}");
    // Few replicates, of 30,000, hold no cluster of an arm that goes on for long.
    assert!(failed < 300, "{failed}");
}

#[test]
fn a_few_replicates_without_an_answer_are_left_out_and_counted() {
    // Of the treated only four clusters are followed to the horizon: a replicate has none of them with probability
    // (36/40)⁴⁰ = 0.015, and no answer then, but for one whose curve is at 0.
    let (mut times, mut flags, mut arms, mut clusters) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for cluster in 0..40_u32 {
        for subject in 0..2 {
            let is_treated = subject == 0;
            let is_long = !is_treated || cluster < 4;
            times.push(if is_long { 20.0 } else { 1.0 + f64::from(cluster % 7) });
            flags.push(!is_long && cluster % 3 > 0 || !is_treated && cluster % 5 == 0);
            arms.push(is_treated);
            clusters.push(cluster);
        }
    }
    let found = restricted_mean_ratio_bca(&times, &flags, &arms, &clusters, 20.0, 400, 1, 0.9).expect("few fail");
    assert!((1..=20).contains(&found.failed_replicates), "{}", found.failed_replicates);
}
