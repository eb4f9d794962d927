use super::*;
use QuantileEstimate::{At, GreaterThan};

fn curve(durations: &[f64], observed: &[u8]) -> KaplanMeier {
    let observed: Vec<bool> = observed.iter().map(|flag| *flag == 1).collect();
    KaplanMeier::fit(durations, &observed).expect("the subjects are complete")
}

// Freireich et al. (1963), Blood 21, 699–716: remission in weeks under 6-mercaptopurine, curve printed in Kalbfleisch &
// Prentice and in most textbooks since.
#[test]
fn example_freireich1963() {
    let weeks = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35].map(f64::from);
    let observed: Vec<u8> = (0..21).map(|index| u8::from(index < 9)).collect();
    let curve = curve(&weeks, &observed);
    let falls: Vec<_> = curve.steps().iter().filter(|step| step.events > 0).collect();
    let printed = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448];
    assert!(falls.iter().zip(printed).all(|(step, survival)| (step.survival - survival).abs() < 6e-4));
    let errors = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346];
    assert!(
        falls.iter().zip(errors).all(|(step, error)| step.standard_error.is_some_and(|e| (e - error).abs() < 6e-5))
    );
    let median = curve.quantile_interval(0.5, 0.95).expect("the level is right");
    assert_eq!((median.estimate, median.low, median.high), (At(23.0), Some(13.0), None));
}

// Without censoring the curve is the empirical one, and Greenwood's variance is the binomial one.
#[test]
fn complete_data_give_the_empirical_curve() {
    let curve = curve(&[5.0, 1.0, 3.0, 2.0, 4.0], &[1; 5]);
    for (step, left) in curve.steps().iter().zip([4.0, 3.0, 2.0, 1.0, 0.0]) {
        let share = left / 5.0;
        assert!((step.survival - share).abs() < 1e-15);
        let binomial = (share * (1.0 - share) / 5.0_f64).sqrt();
        assert!(step.standard_error.map_or(left == 0.0, |error| (error - binomial).abs() < 1e-15));
    }
    assert_eq!(curve.quantile(0.5), Ok(At(3.0)));
}

#[test]
fn a_level_met_exactly_gives_the_midpoint() {
    assert_eq!(curve(&[1.0, 2.0, 5.0, 8.0], &[1; 4]).quantile(0.5), Ok(At(3.5)));
    // Thirds do not add up exactly in binary.
    assert_eq!(curve(&[1.0, 2.0, 6.0], &[1; 3]).quantile(2.0 / 3.0), Ok(At(4.0)));
    // The curve ends at one half and was followed to 9.
    assert_eq!(curve(&[1.0, 2.0, 5.0, 9.0], &[1, 1, 0, 0]).quantile(0.5), Ok(At(5.5)));
}

#[test]
fn censored_at_the_time_of_an_event_is_at_risk() {
    let curve = curve(&[3.0, 3.0, 4.0], &[0, 1, 1]);
    let first = curve.steps()[0];
    assert_eq!((first.at_risk, first.events, first.censored), (3, 1, 1));
    assert!((first.survival - 2.0 / 3.0).abs() < 1e-15);
}

#[test]
fn a_curve_that_stays_high_gives_a_bound() {
    let curve = curve(&[1.0, 7.0, 7.0], &[1, 0, 0]);
    assert_eq!(curve.quantile(0.5), Ok(GreaterThan(7.0)));
    let nothing_seen = super::tests::curve(&[2.0, 4.0], &[0, 0]);
    let interval = nothing_seen.quantile_interval(0.1, 0.95).expect("the level is right");
    assert_eq!((interval.low, interval.estimate, interval.high), (None, GreaterThan(4.0), None));
}

#[test]
fn limits_exist_only_between_one_and_zero() {
    let curve = curve(&[1.0, 2.0, 3.0], &[0, 1, 1]);
    let limits: Vec<_> = curve.steps().iter().map(|step| step.interval(0.95).expect("the level is right")).collect();
    assert_eq!(limits.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, false]);
}

// By hand: 1 up to 2, then 1/2 up to 4: area 3; variance (area after the fall)² / (2 · 1) = 1 / 2.
#[test]
fn restricted_mean_by_hand() {
    let curve = curve(&[2.0, 9.0], &[1, 0]);
    let mean = curve.restricted_mean(4.0, 0.95).expect("the horizon is inside");
    assert!((mean.interval.estimate - 3.0).abs() < 1e-15);
    assert!((mean.standard_error - 0.5_f64.sqrt()).abs() < 1e-15);
}

#[test]
fn restricted_mean_of_complete_data_is_the_mean() {
    let curve = curve(&[1.0, 2.0, 6.0], &[1; 3]);
    let mean = curve.restricted_mean(100.0, 0.95).expect("the curve is at zero");
    assert!((mean.interval.estimate - 3.0).abs() < 1e-14);
}

#[test]
fn a_horizon_beyond_what_was_followed_is_an_error() {
    let curve = curve(&[2.0, 9.0], &[1, 0]);
    for horizon in [9.5, 0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(curve.restricted_mean(horizon, 0.95), Err(SurvivalError::Horizon { .. })));
    }
}

#[test]
fn bad_subjects_and_levels_are_errors() {
    assert_eq!(KaplanMeier::fit(&[], &[]), Err(SurvivalError::NoDurations));
    let mismatch = SurvivalError::LengthMismatch { durations: 1, observed: 0 };
    assert_eq!(KaplanMeier::fit(&[1.0], &[]), Err(mismatch));
    for duration in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(KaplanMeier::fit(&[duration], &[true]), Err(SurvivalError::Duration { .. })));
    }
    let curve = curve(&[1.0], &[1]);
    for probability in [0.0, 1.0, f64::NAN] {
        assert!(matches!(curve.quantile(probability), Err(SurvivalError::Probability { .. })));
    }
    assert!(matches!(curve.quantile_interval(0.5, 1.0), Err(SurvivalError::Confidence(_))));
}
