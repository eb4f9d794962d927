use proptest::prelude::*;

use super::*;
use crate::proportions::wilson_interval;

const METHODS: [ScoreMethod; 2] = [ScoreMethod::Plain, ScoreMethod::SkewnessCorrected];

fn rate(events: u64, exposure: f64) -> Rate {
    Rate { events, exposure }
}

fn close(one: f64, other: f64, relative: f64) -> bool {
    (one - other).abs() <= relative * one.abs().max(other.abs())
}

// The score interval of the ratio is Wilson's interval of the split, turned into odds.
#[test]
fn plain_score_limits_are_those_of_wilson() {
    for (one, other) in
        [(rate(42, 26.0), rate(31, 26.0)), (rate(3, 180.0), rate(11, 365.0)), (rate(1, 2.0), rate(1, 5.0))]
    {
        let interval = rate_ratio_score_interval(one, other, ScoreMethod::Plain, 0.9).expect("there is exposure");
        let split = wilson_interval(one.events, one.events + other.events, 0.9).expect("there are events");
        let odds = |share: f64| share / (1.0 - share) * other.exposure / one.exposure;
        assert!(close(interval.low, odds(split.low), 1e-11), "{interval:?}");
        assert!(interval.high.is_some_and(|high| close(high, odds(split.high), 1e-11)), "{interval:?}");
    }
}

// With equal exposures the skewness-corrected estimate is (x₁ + 1/6)/(x₂ + 1/6).
#[test]
fn skewness_corrected_estimates_by_hand() {
    for (one, other) in [(42, 31), (0, 5), (7, 2)] {
        let interval = rate_ratio_score_interval(rate(one, 3.0), rate(other, 3.0), METHODS[1], 0.95).expect("exposure");
        let expected = (one as f64 + 1.0 / 6.0) / (other as f64 + 1.0 / 6.0);
        assert!(interval.estimate.is_some_and(|estimate| close(estimate, expected, 1e-11)), "{interval:?}");
    }
}

// The definition: each limit leaves half of the rest in the tail of its test.
#[test]
fn exact_limits_leave_their_tails() {
    let (one, other) = (rate(3, 180.0), rate(11, 365.0));
    let interval = rate_ratio_exact_interval(one, other, 0.95).expect("there is exposure");
    let at = |ratio: f64| rate_ratio_exact_test(one, other, ratio).expect("the ratio is possible");
    assert!(close(at(interval.low).p_above, 0.025, 1e-10));
    assert!(close(at(interval.high.expect("there are events")).p_below, 0.025, 1e-10));
}

// By hand: 0 to 4 of 4 with probabilities 1, 4, 6, 4, 1 of 16.
#[test]
fn the_exact_test_by_hand() {
    let found = |one, other| rate_ratio_exact_test(rate(one, 1.0), rate(other, 1.0), 1.0).expect("there is exposure");
    for (one, two_sided, below, above, half) in
        [(0, 2.0, 1.0, 16.0, 0.5), (1, 10.0, 5.0, 15.0, 2.0), (2, 16.0, 11.0, 11.0, 3.0)]
    {
        let test = found(one, 4 - one);
        for (figure, sixteenths) in
            [(test.p_two_sided, two_sided), (test.p_below, below), (test.p_above, above), (test.half_point, half)]
        {
            assert!(close(figure, sixteenths / 16.0, 1e-14), "{one}: {test:?}");
        }
    }
}

// Oracle: the likelihood along the difference, on a fine grid.
#[test]
fn rates_of_a_difference_are_the_likeliest() {
    for (one, other) in [(rate(42, 26.0), rate(31, 20.0)), (rate(0, 30.0), rate(5, 30.0)), (rate(4, 3.0), rate(0, 9.0))]
    {
        let groups = Groups::of(one, other).expect("there is exposure");
        for difference in [-1.0, -0.1, 0.0, 0.2, 3.0] {
            let parts = groups.difference_parts(difference);
            let term = |count: f64, mean: f64| if count > 0.0 { count * mean.ln() - mean } else { -mean };
            let start = f64::max(0.0, -difference);
            let best = (0..400_000).map(|step| start + f64::from(step) * 1e-5).fold(
                (f64::NEG_INFINITY, 0.0),
                |best, lower| {
                    let upper = lower + difference;
                    let [first, second] = groups.exposures;
                    let height = term(groups.counts[0], upper * first) + term(groups.counts[1], lower * second);
                    if height > best.0 { (height, upper / first + lower / second) } else { best }
                },
            );
            assert!((parts.variance - best.1).abs() < 2e-5, "{one:?} {other:?} {difference}: {parts:?} {best:?}");
        }
    }
}

#[test]
fn nothing_happened() {
    let (one, other) = (rate(0, 3.0), rate(0, 5.0));
    let open = RatioInterval { estimate: None, low: 0.0, high: None, confidence: 0.95 };
    assert_eq!(rate_ratio_exact_interval(one, other, 0.95), Ok(open));
    for method in METHODS {
        assert_eq!(rate_ratio_score_interval(one, other, method, 0.95), Ok(open));
        let difference = rate_difference_score_interval(one, other, method, 0.95).expect("there is exposure");
        assert!(difference.low < 0.0 && difference.high > 0.0 && difference.estimate.abs() < 1e-300);
    }
    // By hand: with θ > 0 the first rate is θ and z² = θt₁.
    let difference = rate_difference_score_interval(one, other, ScoreMethod::Plain, 0.95).expect("there is exposure");
    let square = 1.959_963_984_540_054_f64.powi(2);
    assert!(close(difference.high, square / 3.0, 1e-12) && close(difference.low, -square / 5.0, 1e-12));
    assert!(close(rate_ratio_exact_test(one, other, 2.0).expect("there is exposure").p_two_sided, 1.0, 1e-15));
}

#[test]
fn impossible_rates_are_refused() {
    let good = rate(3, 2.0);
    for exposure in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(rate_ratio_exact_interval(rate(1, exposure), good, 0.95), Err(TwoRateError::Exposure { .. })));
        assert!(rate_difference_score_interval(good, rate(1, exposure), ScoreMethod::Plain, 0.95).is_err());
    }
    for ratio in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(rate_ratio_exact_test(good, good, ratio).is_err());
        assert!(rate_ratio_score_test(good, good, ratio, ScoreMethod::Plain).is_err());
    }
    let refused = rate_ratio_score_interval(good, good, ScoreMethod::MiettinenNurminen, 0.95);
    assert_eq!(refused, Err(TwoRateError::NoSubjects));
    assert!(rate_ratio_exact_interval(rate(u64::MAX, 1.0), good, 0.95).is_err());
    assert!(rate_ratio_exact_test(rate(u64::MAX - 9, 1.0), good, 1.0).is_err());
    assert!(rate_ratio_exact_interval(good, good, 1.0).is_err());
    assert!(rate_ratio_exact_interval(rate(0, 1.0), rate(0, 1.0), 1.0).is_err());
    assert!(rate_ratio_exact_interval(rate(1, 1e-300), rate(1, 1e300), 0.95).is_err());
}

fn rates() -> impl Strategy<Value = Rate> {
    (prop_oneof![0_u64..3, 0_u64..50, 0_u64..1_000_000], 1e-3..1e4)
        .prop_map(|(events, exposure)| rate(events, exposure))
}

proptest! {
    #[test]
    fn swapping_inverts_and_units_do_not_matter(one in rates(), other in rates(), level in 0.7..0.99, unit in 1e-3..1e3) {
        let exact = |one, other| rate_ratio_exact_interval(one, other, level).expect("there is exposure");
        let plain = |one, other| rate_ratio_score_interval(one, other, METHODS[0], level).expect("there is exposure");
        let skewed = |one, other| rate_ratio_score_interval(one, other, METHODS[1], level).expect("there is exposure");
        let scaled = |group: Rate| Rate { exposure: group.exposure * unit, ..group };
        let intervals: [&dyn Fn(Rate, Rate) -> RatioInterval; 3] = [&exact, &plain, &skewed];
        for interval in intervals {
            let (given, swapped) = (interval(one, other), interval(other, one));
            let again = interval(scaled(one), scaled(other));
            match swapped.high {
                Some(high) => prop_assert!(close(given.low * high, 1.0, 1e-9), "{given:?} {swapped:?}"),
                None => prop_assert!(given.low.abs() < f64::MIN_POSITIVE),
            }
            prop_assert!(close(given.low, again.low, 1e-9));
            prop_assert_eq!(given.high.is_some(), again.high.is_some());
            let (estimate, high) = (given.estimate.unwrap_or(f64::MAX), given.high.unwrap_or(f64::MAX));
            prop_assert!(given.low <= estimate * (1.0 + 1e-12) && estimate <= high * (1.0 + 1e-12), "{given:?}");
        }
        for method in METHODS {
            let given = rate_difference_score_interval(one, other, method, level).expect("there is exposure");
            let swapped = rate_difference_score_interval(other, one, method, level).expect("there is exposure");
            let size = given.high - given.low;
            prop_assert!(f64::abs(given.low + swapped.high) <= 1e-9 * size, "{given:?} {swapped:?}");
            let again = rate_difference_score_interval(scaled(one), scaled(other), method, level).expect("exposure");
            prop_assert!(f64::abs(given.high - again.high * unit) <= 1e-9 * size.max(f64::abs(given.high)));
            prop_assert!(given.low <= given.estimate && given.estimate <= given.high);
        }
    }
}
