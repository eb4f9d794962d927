use super::*;
use crate::Philox;

const CONTROL: [f64; 5] = [4.0, 7.0, 1.0, 9.0, 3.5];
const TREATED: [f64; 4] = [2.0, 12.0, 5.0, 0.25];

#[test]
fn scaling_and_swapping_do_what_they_should() {
    let there = welch_difference(&CONTROL, &TREATED).expect("they vary");
    let back = welch_difference(&TREATED, &CONTROL).expect("they vary");
    assert!(
        (there.estimate + back.estimate).abs() < 1e-15 && (there.standard_error - back.standard_error).abs() < 1e-15
    );
    let scaled = |values: &[f64]| values.iter().rev().map(|value| 1e3 * value + 5.0).collect::<Vec<f64>>();
    let moved = welch_difference(&scaled(&CONTROL), &scaled(&TREATED)).expect("they vary");
    assert!((moved.estimate - 1e3 * there.estimate).abs() < 1e-9);
    assert!((moved.standard_error - 1e3 * there.standard_error).abs() < 1e-9);
    // The unit of a ratio cancels.
    let hours = log_ratio_of_geometric_means(&CONTROL, &TREATED).expect("they are positive");
    let seconds = |values: &[f64]| values.iter().map(|value| 3_600.0 * value).collect::<Vec<f64>>();
    let other = log_ratio_of_geometric_means(&seconds(&CONTROL), &seconds(&TREATED)).expect("they are positive");
    assert!(
        (hours.estimate - other.estimate).abs() < 1e-14 && (hours.standard_error - other.standard_error).abs() < 1e-14
    );
}

/// Samples of 6 and 24 with standard deviations 4 and 1: a common variance would be far too small for the difference.
#[test]
fn welch_covers_where_variances_differ() {
    let run = |run: u64| {
        let mut random = Philox::new(23, run);
        let mut normal = || crate::normal_quantile(random.unit().max(1e-12)).expect("a probability");
        let first: Vec<f64> = (0..6).map(|_| 4.0 * normal() + 1.0).collect();
        let second: Vec<f64> = (0..24).map(|_| normal()).collect();
        let interval =
            welch_difference(&first, &second).and_then(|found| Ok(found.interval(0.95)?)).expect("they vary");
        interval.low <= 1.0 && 1.0 <= interval.high
    };
    // 400 runs: three standard errors are 0.033.
    let covered = (0..400).filter(|seed| run(*seed)).count() as f64 / 400.0;
    assert!((0.917..=0.983).contains(&covered), "{covered}");
}

#[test]
fn one_value_far_out_moves_the_mean_and_not_the_trimmed_mean() {
    let mut wild = [4.0, 7.0, 1.0, 9.0, 3.5, 5.0, 6.0, 2.0, 8.0, 1e6];
    let tame = yuen_difference(&wild, &TREATED, 0.1).expect("they vary");
    wild[9] = 10.0;
    let same = yuen_difference(&wild, &TREATED, 0.1).expect("they vary");
    assert_eq!(tame, same);
}

#[test]
fn what_has_no_answer_is_refused() {
    assert_eq!(welch_difference(&[1.0], &TREATED), Err(MeansError::TooFew { first: 1, second: 4 }));
    assert_eq!(welch_difference(&[1.0; 3], &[2.0; 2]), Err(MeansError::NoSpread));
    assert!(matches!(welch_difference(&[1.0, f64::NAN], &TREATED), Err(MeansError::NotFinite { .. })));
    assert_eq!(welch_difference(&[1e308, -1e308], &TREATED), Err(MeansError::OutOfRange));
    assert_eq!(log_ratio_of_geometric_means(&[1.0, -2.0], &TREATED), Err(MeansError::NotPositive { value: -2.0 }));
    assert_eq!(paired_difference(&CONTROL, &TREATED), Err(MeansError::LengthMismatch { first: 5, second: 4 }));
    assert_eq!(paired_difference(&[1.0, 2.0], &[0.0, 1.0]), Err(MeansError::NoSpread));
    assert_eq!(paired_difference(&[1e308, 1.0], &[-1e308, 1.0]), Err(MeansError::OutOfRange));
    assert_eq!(paired_difference(&[], &[]), Err(MeansError::TooFew { first: 0, second: 0 }));
    assert_eq!(yuen_difference(&CONTROL, &TREATED, 0.5), Err(MeansError::Share { share: 0.5 }));
    assert!(matches!(yuen_difference(&[], &TREATED, 0.1), Err(MeansError::Trimmed(_))));
    // Two of five are cut from each end, and one value has no variance.
    assert!(matches!(yuen_difference(&CONTROL, &TREATED, 0.49), Err(MeansError::Trimmed(_))));
}
