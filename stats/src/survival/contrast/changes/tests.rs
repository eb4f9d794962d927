use super::*;
use crate::random::Philox;

/// Units of two arms at one or two dates, tied times, some of them censored; the treated's times shrink by `ratio`.
fn drawn(seed: u64, units: usize, dates: usize, ratio: f64) -> Vec<ChangedSubject> {
    let mut random = Philox::new(seed, 0);
    let mut subjects = Vec::new();
    for unit in 0..units {
        let level = 1.0 + random.unit();
        for cohort in 0..dates {
            for number in 0..24 {
                let (is_treated, is_after) = (unit % (dates + 1) == cohort, number % 2 == 1);
                let moved = if is_treated && is_after { ratio } else { 1.0 };
                let common = if is_after { 1.3 } else { 1.0 };
                let event = (-10.0 * 4.0 * level * moved * common * libm::log1p(-random.unit())).ceil() / 10.0;
                let (duration, observed) = if event < 12.0 { (event, true) } else { (12.0, false) };
                subjects.push(ChangedSubject { duration, observed, unit, cohort, is_treated, is_after });
            }
        }
    }
    subjects
}

/// The same by fitting every curve of a sample anew from subjects that are written down as often as they are drawn.
fn by_curves(sample: &[ChangedSubject], summary: CurveSummary, weights: &[f64]) -> Option<f64> {
    let read = |cohort: usize, is_treated: bool, is_after: bool| {
        let own =
            sample.iter().filter(|one| (one.cohort, one.is_treated, one.is_after) == (cohort, is_treated, is_after));
        let (times, flags): (Vec<f64>, Vec<bool>) = own.map(|one| (one.duration, one.observed)).unzip();
        let curve = KaplanMeier::fit(&times, &flags).ok()?;
        let value = match summary {
            CurveSummary::RestrictedMean { horizon } => curve.restricted_mean(horizon, 0.95).ok()?.interval.estimate,
            CurveSummary::Quantile { probability } => curve.quantile(probability).ok()?.reached()?,
        };
        Some(value.ln())
    };
    let moved = |cohort: usize| {
        Some(
            read(cohort, true, true)? - read(cohort, true, false)? - read(cohort, false, true)?
                + read(cohort, false, false)?,
        )
    };
    let sum = (0..weights.len()).try_fold(0.0, |sum, cohort| Some(sum + weights[cohort] * moved(cohort)?))?;
    Some(sum / weights.iter().sum::<f64>())
}

#[test]
fn it_is_what_curves_fitted_one_by_one_give_in_every_replicate() {
    let subjects = drawn(3, 12, 2, 0.6);
    for summary in [CurveSummary::RestrictedMean { horizon: 10.0 }, CurveSummary::Quantile { probability: 0.5 }] {
        let found = curve_change(&subjects, summary, 60, 9).expect("an answer");
        // Twelve units, a third of them treated at each date.
        let weights = [4.0, 4.0];
        let estimate = by_curves(&subjects, summary, &weights).expect("curves");
        assert!((found.log_ratio.estimate - estimate).abs() < 1e-12);
        assert_eq!((found.units, found.is_controlled), ([8, 4], true));
        let mut replicates = Vec::new();
        for number in 0..60 {
            let (treated, others): (Vec<usize>, Vec<usize>) = (0..12).partition(|unit| unit % 3 < 2);
            let arms = [(treated, 2 * number), (others, 2 * number + 1)];
            let mut sample = Vec::new();
            for (arm, stream) in arms {
                for chosen in draws(arm.len(), 9, stream) {
                    sample.extend(subjects.iter().filter(|subject| subject.unit == arm[chosen]).copied());
                }
            }
            replicates.extend(by_curves(&sample, summary, &weights));
        }
        let mean = replicates.iter().sum::<f64>() / replicates.len() as f64;
        let squares: f64 = replicates.iter().map(|one| (one - mean) * (one - mean)).sum();
        let deviation = (squares / (replicates.len() as f64 - 1.0)).sqrt();
        assert!((found.log_ratio.standard_error - deviation).abs() < 1e-10, "{summary:?}");
        assert_eq!(found.failed_replicates, 60 - replicates.len());
    }
}

#[test]
fn what_was_planted_lies_in_the_interval_about_as_often_as_promised() {
    // Exponential times of one mean per unit and side; by medians the ratio is exactly that of the means.
    let mut inside = 0;
    for seed in 0..120 {
        let found = curve_change(&drawn(100 + seed, 24, 1, 0.6), CurveSummary::Quantile { probability: 0.5 }, 199, 1);
        let interval = found.expect("an answer").log_ratio.interval(0.95).expect("limits");
        inside += usize::from(interval.low < 0.6_f64.ln() && 0.6_f64.ln() < interval.high);
    }
    // Below 106 of 120 at a coverage of 0.95 in one of a thousand.
    assert!(inside >= 106, "{inside} of 120");
}

#[test]
fn what_cannot_be_read_is_told() {
    let subjects = drawn(1, 8, 1, 0.5);
    let refused = |subjects: &[ChangedSubject], summary| curve_change(subjects, summary, 50, 1).expect_err("no answer");
    assert!(matches!(
        refused(&subjects, CurveSummary::RestrictedMean { horizon: 13.0 }),
        ContrastError::Horizon { largest: 12.0, .. }
    ));
    assert!(matches!(
        refused(&subjects, CurveSummary::Quantile { probability: 0.99 }),
        ContrastError::NotReached { exceeds: 12.0, .. }
    ));
    let nobody: Vec<ChangedSubject> = subjects.iter().filter(|one| !one.is_treated).copied().collect();
    assert_eq!(
        refused(&nobody, CurveSummary::Quantile { probability: 0.5 }),
        ContrastError::EmptyArm { treated: 0, controls: 0 }
    );
    // Alone, the treated are held against themselves.
    let alone: Vec<ChangedSubject> = subjects.iter().filter(|one| one.is_treated).copied().collect();
    let found = curve_change(&alone, CurveSummary::RestrictedMean { horizon: 10.0 }, 99, 1).expect("an answer");
    assert_eq!((found.is_controlled, found.units), (false, [4, 0]));
    assert_eq!(found.log_ratio.degrees_of_freedom, Some(3.0));
}
