use super::*;
use crate::Philox;

/// Blocks of the whole series have its mean, wherever they start; blocks of one value are a plain bootstrap.
#[test]
fn the_longest_block_is_the_series() {
    let series = [3.0, 1.0, 4.0, 1.0, 5.0];
    for start in 0..12 {
        let mean = circular_block_mean(&series, 5, &[start]).expect("a block");
        assert!((mean - 2.8).abs() < 1e-15);
    }
    assert!(circular_block_mean(&series, 1, &[0, 0, 2, 2, 2]).is_ok_and(|mean| (mean - 3.6).abs() < 1e-15));
    // Two blocks of three: 1, 5, 3 and 4, 1, of which the last is cut off.
    assert!(circular_block_mean(&series, 3, &[3, 2]).is_ok_and(|mean| (mean - 2.8).abs() < 1e-15));
}

/// Where neighbours are alike (0.6 of the last value is kept), the standard error of a mean is nearly twice as large as
/// that of independent values: (1 + 0.6) / (1 − 0.6) = 4 of the variance.
#[test]
fn blocks_keep_the_dependence() {
    let mut random = Philox::new(47, 0);
    let mut level = 0.0;
    let series: Vec<f64> = (0..2_000)
        .map(|_| {
            level = 0.6 * level + crate::normal_quantile(random.unit().max(1e-12)).expect("a probability");
            level
        })
        .collect();
    let error = |length: usize| {
        let replicates = circular_block_bootstrap(&series, length, 600, 5).expect("blocks");
        crate::bootstrap_standard_error(&replicates).expect("they vary")
    };
    let ratio = error(40) / error(1);
    assert!((1.7..=2.2).contains(&ratio), "{ratio}");
}

#[test]
fn what_has_no_answer_is_refused() {
    let undefined = Err(BootstrapError::Undefined { place: ResamplePlace::Data });
    assert_eq!(circular_block_mean(&[], 1, &[]), undefined);
    assert_eq!(circular_block_mean(&[1.0, 2.0], 0, &[0]), undefined);
    assert_eq!(circular_block_mean(&[1.0, 2.0], 3, &[0]), undefined);
    assert_eq!(circular_block_mean(&[1.0, 2.0], 1, &[0]), undefined);
    assert_eq!(circular_block_mean(&[1.0, f64::NAN], 1, &[0, 1]), undefined);
    assert!(circular_block_bootstrap(&[1.0], 1, 5, 0).is_err());
    assert!(circular_block_bootstrap(&[1.0, 2.0], 3, 5, 0).is_err());
    assert!(circular_block_bootstrap(&[1.0, f64::INFINITY], 1, 5, 0).is_err());
}
