use super::*;

// Garwood (1936) limits as printed in Ulm (1990), table 1: 95 % limits for the mean given the count.
#[test]
fn example_garwood1936() {
    let printed = [(0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390), (20, 12.217, 30.888)];
    for (events, low, high) in printed {
        let interval = poisson_interval(events, 1.0, 0.95).expect("there is exposure");
        assert!((interval.low - low).abs() < 6e-4 && (interval.high - high).abs() < 6e-4, "{interval:?}");
    }
}

#[test]
fn no_events_leave_an_upper_limit() {
    let interval = poisson_interval(0, 2.0, 0.95).expect("there is exposure");
    assert!(interval.low.total_cmp(&0.0).is_eq());
    assert!((interval.high - -libm::log(0.025) / 2.0).abs() < 1e-14);
}

// The definition: each limit leaves half of the rest in a Poisson tail, here summed term by term.
#[test]
fn poisson_limits_leave_their_tails() {
    for events in [1, 2, 17, 120] {
        let interval = poisson_interval(events, 1.0, 0.9).expect("there is exposure");
        let above = 1.0 - at_most(events - 1, interval.low);
        let below = at_most(events, interval.high);
        assert!((above - 0.05).abs() < 1e-12 && (below - 0.05).abs() < 1e-12, "{events}: {above} {below}");
    }
}

fn at_most(events: u64, mean: f64) -> f64 {
    let mut term = libm::exp(-mean);
    let mut sum = term;
    for event in 1..=events {
        term *= mean / event as f64;
        sum += term;
    }
    sum
}

// By hand: rate 4, residuals −2, 0, 2, dispersion (1 + 0 + 1) / 2 = 1, standard error of the log 1/√12, t₂ = 4.3027.
#[test]
fn quasi_poisson_by_hand() {
    let interval = quasi_poisson_interval(&[2, 4, 6], &[1.0; 3], 0.95).expect("there are events");
    let t = 4.302_652_729_749_46;
    let high = 4.0 * libm::exp(t / 12.0_f64.sqrt());
    assert!((interval.high - high).abs() < 1e-11 && (interval.low - 16.0 / high).abs() < 1e-11, "{interval:?}");
}

#[test]
fn a_dispersion_of_one_asks_for_exact_limits() {
    let counts = [2, 2, 2, 2, 6, 6, 6, 6];
    let frequency = frequency_interval(&counts, &[1.0; 8], 0.95).expect("there are periods");
    // Residuals ±2 about 4 give 8 / 7, just above 1.
    assert!(frequency.dispersion.is_some_and(|dispersion| (dispersion - 8.0 / 7.0).abs() < 1e-14));
    assert_eq!(frequency.method, FrequencyMethod::QuasiPoisson);
    let even = frequency_interval(&[4; 8], &[1.0; 8], 0.95).expect("there are periods");
    assert_eq!(even.method, FrequencyMethod::ExactPoisson);
    assert_eq!(Ok(even.interval), poisson_interval(32, 8.0, 0.95));
}

#[test]
fn fewer_than_eight_periods_ask_for_exact_limits() {
    let wild = [0, 40, 1, 0, 25, 0, 3];
    let seven = frequency_interval(&wild, &[7.0; 7], 0.95).expect("there are periods");
    assert_eq!(seven.method, FrequencyMethod::ExactPoisson);
    assert!(seven.dispersion.is_some_and(|dispersion| dispersion > 10.0));
    let eight = frequency_interval(&[0, 40, 1, 0, 25, 0, 3, 9], &[7.0; 8], 0.95).expect("there are periods");
    assert_eq!(eight.method, FrequencyMethod::QuasiPoisson);
}

#[test]
fn quiet_periods_have_no_dispersion() {
    for periods in [1, 20] {
        let frequency = frequency_interval(&vec![0; periods], &vec![7.0; periods], 0.95).expect("there are periods");
        assert_eq!(frequency.method, FrequencyMethod::ExactPoisson);
        assert_eq!(frequency.dispersion, None);
        assert!((frequency.interval.high - 3.688_879_454_113_936 / (7.0 * periods as f64)).abs() < 1e-13);
    }
    assert_eq!(pearson_dispersion(&[0, 0], &[1.0, 1.0]), Err(RateError::NoEvents));
    assert_eq!(quasi_poisson_interval(&[3], &[1.0], 0.95), Err(RateError::OnePeriod));
}

#[test]
fn impossible_periods_and_levels_are_errors() {
    assert_eq!(frequency_interval(&[], &[], 0.95), Err(RateError::NoPeriods));
    assert_eq!(frequency_interval(&[1], &[], 0.95), Err(RateError::LengthMismatch { counts: 1, exposures: 0 }));
    assert_eq!(frequency_interval(&[u64::MAX, 1], &[1.0; 2], 0.95), Err(RateError::TooManyEvents));
    for exposure in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(poisson_interval(1, exposure, 0.95), Err(RateError::Exposure { .. })));
        assert!(matches!(frequency_interval(&[1, 2], &[1.0, exposure], 0.95), Err(RateError::Exposure { .. })));
    }
    assert!(matches!(poisson_interval(1, 1.0, 1.0), Err(RateError::Confidence(_))));
    assert!(matches!(quasi_poisson_interval(&[1, 2], &[1.0; 2], 0.0), Err(RateError::Confidence(_))));
}

// Eight even weeks, and one event in an hour at the edge: as a period of its own it would be a burst.
#[test]
fn a_rest_is_in_the_rate_and_not_in_the_dispersion() {
    let rest = Rest { events: 1, exposure: 1.0 / 24.0 };
    let frequency = frequency_interval_with_rest(&[4; 8], &[7.0; 8], rest, 0.95).expect("there are periods");
    assert_eq!(frequency.method, FrequencyMethod::ExactPoisson);
    let expected = poisson_interval(33, 56.0 + 1.0 / 24.0, 0.95).expect("there is exposure");
    // The exposures are added up one by one: the sum may differ in its last bit.
    for (found, expected) in [
        (frequency.interval.estimate, expected.estimate),
        (frequency.interval.low, expected.low),
        (frequency.interval.high, expected.high),
    ] {
        assert!((found - expected).abs() < 1e-14, "{found} {expected}");
    }
    let as_period =
        frequency_interval(&[4, 4, 4, 4, 4, 4, 4, 4, 1], &[7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 1.0 / 24.0], 0.95);
    assert_eq!(as_period.expect("there are periods").method, FrequencyMethod::QuasiPoisson);
}

#[test]
fn a_rest_alone_is_a_rate_too() {
    let rest = Rest { events: 2, exposure: 5.0 };
    let frequency = frequency_interval_with_rest(&[], &[], rest, 0.95).expect("there is exposure");
    assert_eq!((Ok(frequency.interval), frequency.dispersion), (poisson_interval(2, 5.0, 0.95), None));
    assert_eq!(frequency_interval_with_rest(&[], &[], Rest::default(), 0.95), Err(RateError::NoPeriods));
    assert_eq!(frequency_interval(&[], &[], 0.95), Err(RateError::NoPeriods));
    let impossible = Rest { events: 2, exposure: 0.0 };
    assert_eq!(
        frequency_interval_with_rest(&[1], &[7.0], impossible, 0.95),
        Err(RateError::Exposure { exposure: 0.0 })
    );
}

// Seven full weeks are too few, whatever the rest is.
#[test]
fn a_rest_does_not_make_a_period() {
    let counts = [12, 3, 9, 0, 15, 7, 2];
    let rest = Rest { events: 11, exposure: 6.9 };
    let frequency = frequency_interval_with_rest(&counts, &[7.0; 7], rest, 0.95).expect("there are periods");
    assert_eq!(frequency.method, FrequencyMethod::ExactPoisson);
    assert!(frequency.dispersion.is_some_and(|dispersion| dispersion > 3.0));
}
