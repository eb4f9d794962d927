use proptest::prelude::*;

use super::*;
use crate::{Philox, Proportion};

fn close(one: f64, other: f64, relative: f64) -> bool {
    (one - other).abs() <= relative * one.abs().max(other.abs()).max(1e-300)
}

fn arm(without: usize, with: usize) -> Vec<f64> {
    (0..without + with).map(|row| f64::from(u8::from(row >= without))).collect()
}

// A binomial regression on one arm is one table: ratio, difference and errors by hand.
#[test]
fn two_arms_by_hand() {
    let (events, trials) = ([3, 2, 5, 4, 9, 1], [40, 35, 50, 44, 38, 41]);
    let fit = ShareRegression::binomial(&events, &trials, &[arm(3, 3)]).expect("there are events");
    let (before, after) = (Proportion { events: 10, subjects: 125 }, Proportion { events: 14, subjects: 123 });
    let expected = crate::log_odds_ratio(after, before).expect("there are events");
    let wald = fit.coefficient(1).expect("there is an error");
    assert!(close(wald.estimate, expected.estimate, 1e-12));
    assert!(close(wald.standard_error, expected.variance.sqrt(), 1e-12));
    let ratio = fit.odds_ratio(1, 0.95).expect("there is an error");
    assert!(close(ratio.estimate, 14.0 * 115.0 / (10.0 * 109.0), 1e-12));
    let expected = crate::risk_difference(after, before).expect("there are events");
    let wald = fit.difference(1).expect("it is a group");
    assert!(close(wald.estimate, expected.estimate, 1e-11));
    assert!(close(wald.standard_error, expected.variance.sqrt(), 1e-11));
    let quasi = ShareRegression::quasi_binomial(&events, &trials, &[arm(3, 3)]).expect("there are events");
    let pearson: f64 = events
        .iter()
        .zip(&trials)
        .enumerate()
        .map(|(row, (events, trials))| {
            let share = if row < 3 { 10.0 / 125.0 } else { 14.0 / 123.0 };
            (*events as f64 - *trials as f64 * share).powi(2) / (*trials as f64 * share * (1.0 - share))
        })
        .sum();
    let ShareCorrelation::QuasiBinomial { dispersion } = quasi.correlation() else { panic!("it was asked for") };
    assert!(close(dispersion, pearson / 4.0, 1e-12));
    assert_eq!(quasi.coefficient(1).expect("there is an error").degrees_of_freedom, Some(4.0));
}

/// The probability of a row by the beta function.
fn probability(events: f64, trials: f64, share: f64, correlation: f64) -> f64 {
    let strength = (1.0 - correlation) / correlation;
    let beta = |a: f64, b: f64| libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let choices = libm::lgamma(trials + 1.0) - libm::lgamma(events + 1.0) - libm::lgamma(trials - events + 1.0);
    let (a, b) = (share * strength, (1.0 - share) * strength);
    (choices + beta(a + events, b + trials - events) - beta(a, b)).exp()
}

fn share_of(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

// Oracles: the likelihood by the beta function, and the expectation of its second differences over all outcomes.
#[test]
fn the_fit_is_the_top_of_the_likelihood() {
    let (events, trials) = ([3, 0, 9, 2, 1, 0, 4, 8], [12, 10, 13, 11, 9, 8, 12, 10]);
    let fit = ShareRegression::beta_binomial(&events, &trials, &[arm(4, 4)]).expect("there are events");
    let ShareCorrelation::BetaBinomial { correlation, log_odds } = fit.correlation() else { panic!("they vary") };
    let row = |events: f64, trials: f64, predictor: f64, log_gamma: f64| {
        probability(events, trials, share_of(predictor), share_of(log_gamma)).ln()
    };
    let at = |intercept: f64, coefficient: f64, log_gamma: f64| -> f64 {
        let rows =
            events.iter().zip(&trials).zip(arm(4, 4)).map(|((events, trials), x)| {
                row(*events as f64, *trials as f64, intercept + coefficient * x, log_gamma)
            });
        rows.sum()
    };
    let [intercept, coefficient] = [fit.coefficients()[0], fit.coefficients()[1]];
    assert!(close(share_of(log_odds.estimate), correlation, 1e-12));
    let top = at(intercept, coefficient, log_odds.estimate);
    assert!(close(top, fit.log_likelihood(), 1e-11));
    for step in [-1e-2, -1e-4, 1e-4, 1e-2] {
        assert!(at(intercept + step, coefficient, log_odds.estimate) < top);
        assert!(at(intercept, coefficient + step, log_odds.estimate) < top);
        assert!(at(intercept, coefficient, log_odds.estimate + step) < top);
    }
    let mut information = DMatrix::<f64>::zeros(3, 3);
    let step = 1e-3;
    for (trials, x) in trials.iter().zip(arm(4, 4)) {
        let entries = [1.0, x, 1.0];
        let predictor = intercept + coefficient * x;
        for seen in 0..=*trials {
            let height = |one: f64, other: f64| {
                row(seen as f64, *trials as f64, predictor + one * step, log_odds.estimate + other * step)
            };
            let weight = height(0.0, 0.0).exp() / (step * step);
            let bend = height(1.0, 0.0) + height(-1.0, 0.0) - 2.0 * height(0.0, 0.0);
            let other = height(0.0, 1.0) + height(0.0, -1.0) - 2.0 * height(0.0, 0.0);
            let mixed = 0.25 * (height(1.0, 1.0) + height(-1.0, -1.0) - height(1.0, -1.0) - height(-1.0, 1.0));
            for one in 0..3 {
                for two in 0..3 {
                    let second = match (one == 2, two == 2) {
                        (false, false) => bend,
                        (true, true) => other,
                        _ => mixed,
                    };
                    information[(one, two)] -= weight * second * entries[one] * entries[two];
                }
            }
        }
    }
    let inverse = information.try_inverse().expect("the rows inform");
    for place in 0..2 {
        let error = fit.coefficient(place).expect("there is an error").standard_error;
        assert!(close(error, inverse[(place, place)].sqrt(), 1e-5), "{place}");
    }
    assert!(close(log_odds.standard_error, inverse[(2, 2)].sqrt(), 1e-5));
}

#[test]
fn rows_that_vary_less_are_at_the_limit_of_binomial() {
    let (events, trials) = ([4, 5, 4, 5, 9, 10, 9, 10], [30; 8]);
    let fit = ShareRegression::beta_binomial(&events, &trials, &[arm(4, 4)]).expect("there are events");
    let binomial = ShareRegression::binomial(&events, &trials, &[arm(4, 4)]).expect("there are events");
    assert_eq!(fit.correlation(), ShareCorrelation::BinomialLimit);
    assert_eq!(fit.coefficients(), binomial.coefficients());
    assert!(close(fit.log_likelihood(), binomial.log_likelihood(), 1e-15));
}

// Rows of 25 trials with a correlation of 0.1, by Pólya's urn: each event makes the next more probable.
#[test]
fn planted_ratios_are_covered() {
    let (runs, gamma, truth) = (300_u64, 1.0 / 9.0, 0.5_f64);
    let (mut beta, mut plain, mut points) = (0, 0, 0);
    let mut correlations = Vec::new();
    for run in 0..runs {
        let mut random = Philox::new(21, run);
        let events: Vec<u64> = (0..60)
            .map(|row| {
                let share = share_of(-1.0 + if row < 30 { 0.0 } else { truth });
                let mut count = 0;
                for trial in 0..25_u32 {
                    let chance = (share + gamma * count as f64) / (1.0 + gamma * f64::from(trial));
                    count += u64::from(random.unit() < chance);
                }
                count
            })
            .collect();
        let fit = ShareRegression::beta_binomial(&events, &[25; 60], &[arm(30, 30)]).expect("there are events");
        let covers = |wald: Wald, truth: f64| {
            let interval = wald.interval(0.95).expect("the level is between 0 and 1");
            u32::from(interval.low <= truth && truth <= interval.high)
        };
        beta += covers(fit.coefficient(1).expect("there is an error"), truth);
        points += covers(fit.difference(1).expect("it is a group"), share_of(-0.5) - share_of(-1.0));
        let binomial = ShareRegression::binomial(&events, &[25; 60], &[arm(30, 30)]).expect("there are events");
        plain += covers(binomial.coefficient(1).expect("there is an error"), truth);
        if let ShareCorrelation::BetaBinomial { correlation, .. } = fit.correlation() {
            correlations.push(correlation);
        }
    }
    let [beta, plain, points] = [beta, plain, points].map(|covered| f64::from(covered) / runs as f64);
    // Three standard errors are 0.038.
    assert!((0.91..=0.985).contains(&beta) && (0.91..=0.985).contains(&points), "{beta} {points}");
    assert!(plain < 0.8, "{plain}");
    let median = crate::median_lower(&correlations).expect("most vary");
    assert!((0.085..0.11).contains(&median), "{median}");
}

#[test]
fn questions_without_an_answer_are_refused() {
    let fit = |events: &[u64], trials: &[u64], columns: &[Vec<f64>]| {
        ShareRegression::beta_binomial(events, trials, columns).expect_err("there is no answer")
    };
    assert_eq!(fit(&[], &[], &[]), LinearError::TooFewObservations { observations: 0, coefficients: 1 }.into());
    assert_eq!(fit(&[1, 2], &[2, 0], &[]), ShareRegressionError::NoTrials { row: 1 });
    assert_eq!(fit(&[1, 3], &[2, 2], &[]), ShareRegressionError::MoreEventsThanTrials { events: 3, trials: 2 });
    assert_eq!(fit(&[1, 3], &[2], &[]), ShareRegressionError::LengthMismatch { rows: 2, values: 1 });
    assert_eq!(fit(&[0, 0, 0], &[9; 3], &[]), ShareRegressionError::Separated { rows: 3 });
    assert_eq!(fit(&[3, 2, 0, 0], &[9; 4], &[arm(2, 2)]), ShareRegressionError::Separated { rows: 2 });
    assert_eq!(fit(&[3, 2, 9, 9], &[9; 4], &[arm(2, 2)]), ShareRegressionError::Separated { rows: 2 });
    assert_eq!(fit(&[0, 1, 1, 0], &[1; 4], &[]), ShareRegressionError::OneTrial);
    assert_eq!(fit(&[0, 9, 9, 0], &[9; 4], &[]), ShareRegressionError::AllOrNone);
    assert_eq!(fit(&[3, 2], &[9; 2], &[arm(1, 1)]), ShareRegressionError::Saturated { rows: 2, coefficients: 2 });
    assert_eq!(fit(&[3, 2, 1], &[9; 3], &[vec![1.0; 3]]), LinearError::Collinear { column: 1 }.into());
    assert_eq!(fit(&[3, 2, 1], &[9; 3], &[vec![1.0, f64::INFINITY, 0.0]]), LinearError::NotFinite.into());
    assert!(matches!(fit(&[3, 2, 1], &[u64::MAX; 3], &[]), ShareRegressionError::TooManyTrials { .. }));
    let slope = vec![0.0, 1.0, 2.0, 3.0];
    let fit = ShareRegression::binomial(&[3, 2, 1, 4], &[9; 4], &[slope]).expect("there are events");
    assert_eq!(fit.difference(1), Err(ShareRegressionError::NotAGroup { place: 1 }));
    assert!(fit.difference(0).is_err() && fit.difference(2).is_err() && fit.coefficient(2).is_err());
    assert!(fit.odds_ratio(1, 0.0).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn order_and_outcomes_do_not_matter(
        rows in proptest::collection::vec((1_u64..12, 1_u64..12), 6..24), seed in any::<u64>(),
    ) {
        let fitted = |rows: &[(u64, u64, f64)]| {
            let events: Vec<u64> = rows.iter().map(|row| row.0).collect();
            let trials: Vec<u64> = rows.iter().map(|row| row.0 + row.1).collect();
            let arm: Vec<f64> = rows.iter().map(|row| row.2).collect();
            let fit = ShareRegression::beta_binomial(&events, &trials, &[arm]).expect("there are events");
            (fit.coefficients().to_vec(), fit.correlation(), fit.difference(1).expect("it is a group"))
        };
        let rows: Vec<_> =
            rows.into_iter().zip(0_u8..).map(|((with, without), place)| (with, without, f64::from(place % 2))).collect();
        let given = fitted(&rows);
        let mut random = Philox::new(seed, 0);
        let mut keyed: Vec<_> = rows.iter().map(|row| (random.next_u64(), *row)).collect();
        keyed.sort_by_key(|(key, _)| *key);
        let shuffled: Vec<_> = keyed.into_iter().map(|(_, row)| row).collect();
        prop_assert_eq!(&given, &fitted(&shuffled));
        let turned: Vec<_> = rows.iter().map(|row| (row.1, row.0, row.2)).collect();
        let turned = fitted(&turned);
        prop_assert!(given.0.iter().zip(&turned.0).all(|(one, other)| (one + other).abs() < 1e-6));
        prop_assert!((given.2.estimate + turned.2.estimate).abs() < 1e-6);
    }
}
