use super::*;

// R documents type 7 as its default: quantile(1:10) is 1, 3.25, 5.5, 7.75, 10.
#[test]
fn example_hyndman1996() {
    let values: Vec<f64> = (1..=10).rev().map(f64::from).collect();
    let quartiles: Vec<_> = [0.0, 0.25, 0.5, 0.75, 1.0].iter().map(|&p| quantile(&values, p)).collect();
    assert_eq!(quartiles, [Ok(1.0), Ok(3.25), Ok(5.5), Ok(7.75), Ok(10.0)]);
}

#[test]
fn integers_far_apart_do_not_overflow() {
    assert_eq!(quantile_i64(&[i64::MIN, i64::MAX], 0.5), Ok(0.0));
    assert_eq!(median_lower_i64(&[i64::MAX, i64::MIN]), Ok(i64::MIN));
    assert_eq!(quantile(&[f64::MIN, f64::MAX], 0.5), Ok(0.0));
}

#[test]
fn integers_keep_every_microsecond() {
    let hundred_years = 3_155_760_000_000_000;
    assert_eq!(quantile_i64(&[hundred_years, hundred_years + 1], 0.5), Ok(3_155_760_000_000_000.5));
}

#[test]
fn the_lower_median_is_one_of_the_values() {
    assert_eq!(median_lower(&[9.0]), Ok(9.0));
    assert_eq!(median_lower(&[9.0, 4.0]), Ok(4.0));
    assert_eq!(median_lower(&[9.0, 4.0, 5.0]), Ok(5.0));
    assert_eq!(median_lower_i64(&[7, 1, 7, 1]), Ok(1));
}

#[test]
fn ties_are_their_own_quantiles() {
    assert_eq!(quantile(&[0.1; 7], 0.37), Ok(0.1));
    assert_eq!(quantile_i64(&[3, 3, 3], 0.99), Ok(3.0));
}

#[test]
fn no_values_and_bad_values_are_errors() {
    assert_eq!(quantile(&[], 0.5), Err(QuantileError::NoValues));
    assert_eq!(quantile_i64(&[], 0.5), Err(QuantileError::NoValues));
    assert_eq!(median_lower(&[]), Err(QuantileError::NoValues));
    assert_eq!(median_lower_i64(&[]), Err(QuantileError::NoValues));
    assert!(matches!(quantile(&[1.0, f64::NAN], 0.5), Err(QuantileError::NotFinite { .. })));
    assert!(matches!(median_lower(&[f64::INFINITY]), Err(QuantileError::NotFinite { .. })));
    for probability in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(quantile_i64(&[1], probability), Err(QuantileError::Probability { .. })));
    }
}
