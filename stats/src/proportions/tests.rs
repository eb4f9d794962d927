use super::*;
use crate::distributions::normal_upper_tail;

// Newcombe (1998), Statistics in Medicine 17, 857–872, table I: 81/263, 15/148, 0/20, 1/29; methods 3 and 5.
#[test]
fn example_newcombe1998() {
    let printed = [
        (81, 263, [0.2553, 0.3662], [0.2527, 0.3676]),
        (15, 148, [0.0624, 0.1605], [0.0578, 0.1617]),
        (0, 20, [0.0, 0.1611], [0.0, 0.1684]),
        (1, 29, [0.0061, 0.1718], [0.0009, 0.1776]),
    ];
    for (successes, trials, wilson, exact) in printed {
        assert_printed(wilson_interval(successes, trials, 0.95).expect("there are trials"), wilson);
        assert_printed(clopper_pearson_interval(successes, trials, 0.95).expect("there are trials"), exact);
    }
}

fn assert_printed(interval: Interval, [low, high]: [f64; 2]) {
    // Four printed decimals.
    assert!((interval.low - low).abs() < 5.1e-5 && (interval.high - high).abs() < 5.1e-5, "{interval:?}");
}

// The definition: at each limit the score statistic is the normal quantile.
#[test]
fn wilson_limits_solve_the_score_equation() {
    for (successes, trials) in [(1, 7), (34, 412), (399, 400), (1_234_567, 9_876_543)] {
        let interval = wilson_interval(successes, trials, 0.9).expect("there are trials");
        for limit in [interval.low, interval.high] {
            let score = (interval.estimate - limit).abs() / (limit * (1.0 - limit) / trials as f64).sqrt();
            let tail = normal_upper_tail(score).expect("a number");
            // The score loses digits where the limit is near the estimate.
            assert!((tail - 0.05).abs() < 1e-9, "{successes} of {trials}: {tail}");
        }
    }
}

// The definition: each limit leaves half of the rest in a binomial tail, here summed term by term.
#[test]
fn clopper_pearson_limits_leave_their_tails() {
    for (successes, trials) in [(1, 7), (6, 7), (3, 61), (34, 412)] {
        let interval = clopper_pearson_interval(successes, trials, 0.95).expect("there are trials");
        let above: f64 = (successes..=trials).map(|x| binomial(x, trials, interval.low)).sum();
        let below: f64 = (0..=successes).map(|x| binomial(x, trials, interval.high)).sum();
        // Logarithms of factorials of a few hundred lose three digits.
        assert!((above - 0.025).abs() < 1e-12 && (below - 0.025).abs() < 1e-12, "{above} {below}");
    }
}

fn binomial(successes: u64, trials: u64, share: f64) -> f64 {
    let log_factorial = |x: u64| (2..=x).map(|factor| libm::log(factor as f64)).sum::<f64>();
    let log_ways = log_factorial(trials) - log_factorial(successes) - log_factorial(trials - successes);
    let failures = (trials - successes) as f64;
    libm::exp(log_ways + successes as f64 * libm::log(share) + failures * libm::log1p(-share))
}

#[test]
fn extreme_shares_touch_the_ends_exactly() {
    for interval in [wilson_interval, clopper_pearson_interval] {
        assert_eq!(interval(0, 3, 0.99).map(|interval| interval.low), Ok(0.0));
        assert_eq!(interval(3, 3, 0.99).map(|interval| interval.high), Ok(1.0));
    }
}

#[test]
fn impossible_counts_and_levels_are_errors() {
    for interval in [wilson_interval, clopper_pearson_interval] {
        assert_eq!(interval(0, 0, 0.95), Err(ProportionError::NoTrials));
        let more = ProportionError::MoreSuccessesThanTrials { successes: 3, trials: 2 };
        assert_eq!(interval(3, 2, 0.95), Err(more));
        for confidence in [0.0, 1.0, -0.5, 1.5, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE] {
            assert!(matches!(interval(1, 2, confidence), Err(ProportionError::Confidence(_))), "{confidence}");
        }
    }
}
