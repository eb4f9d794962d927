use proptest::prelude::*;

use super::*;
use crate::Philox;

fn close(one: f64, other: f64, relative: f64) -> bool {
    (one - other).abs() <= relative * one.abs().max(other.abs()).max(1e-300)
}

fn arm(without: usize, with: usize) -> Vec<f64> {
    (0..without + with).map(|row| f64::from(u8::from(row >= without))).collect()
}

// A Poisson regression on one arm is two rates: ratio and error by hand.
#[test]
fn two_arms_by_hand() {
    let counts = [4, 9, 2, 12, 7, 15, 6, 22];
    let exposures = [5.0, 4.0, 5.0, 5.0, 3.0, 5.0, 5.0, 4.0];
    let fit = CountRegression::poisson(&counts, &exposures, &[arm(4, 4)]).expect("there are events");
    let rates = [27.0 / 19.0, 50.0 / 17.0];
    let wald = fit.coefficient(1, CountCovariance::Model).expect("there is an error");
    assert!(close(wald.estimate, libm::log(rates[1] / rates[0]), 1e-12));
    assert!(close(wald.standard_error, (1.0 / 27.0_f64 + 1.0 / 50.0).sqrt(), 1e-12));
    // Squared residuals of each arm over its squared total.
    let squares = |arm: usize| -> f64 {
        let rows = (4 * arm..4 * arm + 4).map(|row| counts[row] as f64 - rates[arm] * exposures[row]);
        rows.map(|residual| residual * residual).sum()
    };
    let variance = squares(0) / (27.0 * 27.0) + squares(1) / (50.0 * 50.0);
    let hc0 = fit.coefficient(1, CountCovariance::Hc0).expect("there is an error");
    assert!(close(hc0.standard_error, variance.sqrt(), 1e-12));
    let hc1 = fit.coefficient(1, CountCovariance::Hc1).expect("there is an error");
    assert!(close(hc1.standard_error, (variance * 8.0 / 6.0).sqrt(), 1e-12));
    // Rows that are their own clusters give the same, with t in place of the normal distribution.
    let own = [3, 1, 4, 15, 9, 2, 6, 5];
    let clustered = fit.coefficient(1, CountCovariance::Clustered(&own)).expect("there is an error");
    assert!(close(clustered.standard_error, hc1.standard_error, 1e-12));
    assert_eq!(clustered.degrees_of_freedom, Some(7.0));
    // Two clusters in each arm: residuals are summed first.
    let pairs = [1, 1, 2, 2, 3, 3, 4, 4];
    let sums = |arm: usize| -> f64 {
        let residual = |row: usize| counts[row] as f64 - rates[arm] * exposures[row];
        (0..2).map(|pair| residual(4 * arm + 2 * pair) + residual(4 * arm + 2 * pair + 1)).map(|sum| sum * sum).sum()
    };
    let variance = (sums(0) / (27.0 * 27.0) + sums(1) / (50.0 * 50.0)) * (4.0 / 3.0) * (7.0 / 6.0);
    let clustered = fit.coefficient(1, CountCovariance::Clustered(&pairs)).expect("there is an error");
    assert!(close(clustered.standard_error, variance.sqrt(), 1e-12));
}

#[test]
fn figures_of_a_fit_by_hand() {
    let fit = CountRegression::poisson(&[2, 4, 6], &[1.0; 3], &[]).expect("there are events");
    let log = |x: f64| x.ln();
    assert!(close(fit.deviance(), 2.0 * (2.0 * log(0.5) + 6.0 * log(1.5)), 1e-12));
    let log_likelihood = 12.0 * log(4.0) - 12.0 - log(2.0) - log(24.0) - log(720.0);
    assert!(close(fit.log_likelihood(), log_likelihood, 1e-12) && close(fit.aic(), 2.0 - 2.0 * log_likelihood, 1e-12));
    assert!(close(fit.pearson_dispersion().expect("there are more rows"), 1.0, 1e-12));
    let quasi = fit.coefficient(0, CountCovariance::Quasi).expect("there are more rows");
    assert!(close(quasi.standard_error, (1.0 / 12.0_f64).sqrt(), 1e-12));
    assert_eq!(quasi.degrees_of_freedom, Some(2.0));
}

/// The log-likelihood by its definition.
fn negative_binomial(counts: &[u64], means: &[f64], theta: f64) -> f64 {
    let rows = counts.iter().zip(means).map(|(count, mean)| {
        let y = *count as f64;
        libm::lgamma(y + theta) - libm::lgamma(theta) - libm::lgamma(y + 1.0)
            + theta * (theta / (theta + mean)).ln()
            + if y > 0.0 { y * (mean / (theta + mean)).ln() } else { 0.0 }
    });
    rows.sum()
}

// Oracle: the likelihood by the gamma function, at and around the fit; the error of θ from its differences.
#[test]
fn the_fit_is_the_top_of_the_likelihood() {
    let counts = [4, 9, 2, 12, 7, 15, 6, 22, 0, 31, 3, 8];
    let slope: Vec<f64> = (0..12).map(|row| f64::from(row) / 4.0).collect();
    let exposures: Vec<f64> = (0..12).map(|row| 1.0 + f64::from(row % 3)).collect();
    let fit = CountRegression::negative_binomial(&counts, &exposures, std::slice::from_ref(&slope))
        .expect("there are events");
    let CountDispersion::NegativeBinomial { theta, standard_error } = fit.dispersion() else { panic!("they vary") };
    let at = |intercept: f64, coefficient: f64, theta: f64| {
        let means: Vec<f64> =
            slope.iter().zip(&exposures).map(|(x, t)| t * (intercept + coefficient * x).exp()).collect();
        negative_binomial(&counts, &means, theta)
    };
    let [intercept, coefficient] = [fit.coefficients()[0], fit.coefficients()[1]];
    let top = at(intercept, coefficient, theta);
    assert!(close(top, fit.log_likelihood(), 1e-12));
    for step in [-1e-2, -1e-4, 1e-4, 1e-2] {
        assert!(at(intercept + step, coefficient, theta) < top);
        assert!(at(intercept, coefficient + step, theta) < top);
        assert!(at(intercept, coefficient, theta * (1.0 + step)) < top);
    }
    let step = 1e-3 * theta;
    let bend = (at(intercept, coefficient, theta + step) + at(intercept, coefficient, theta - step) - 2.0 * top)
        / (step * step);
    assert!(close(standard_error, (-bend).sqrt().recip(), 1e-4));
    // Twice the likelihood that a mean for each row adds.
    let own: Vec<f64> = counts.iter().map(|count| (*count as f64).max(1e-300)).collect();
    assert!(close(fit.deviance(), 2.0 * (negative_binomial(&counts, &own, theta) - top), 1e-10));
}

// Oracle: Newton's method on the derivatives of the gamma function, in another language.
#[test]
fn the_error_of_theta_agrees_with_a_second_computation() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/weekly_deploys_sim1.csv");
    let text = std::fs::read_to_string(path).expect("the table is in the crate");
    let rows: Vec<Vec<u64>> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|cell| cell.parse().expect("the table holds counts")).collect())
        .collect();
    let column = |place: usize| -> Vec<f64> { rows.iter().map(|row| row[place] as f64).collect() };
    let counts: Vec<u64> = rows.iter().map(|row| row[3]).collect();
    let fit = CountRegression::negative_binomial(&counts, &column(2), &[column(1)]).expect("there are events");
    let CountDispersion::NegativeBinomial { theta, standard_error } = fit.dispersion() else { panic!("they vary") };
    assert!(close(theta, 3.828_941_699_465_3, 1e-9) && close(standard_error, 1.242_180_078_584_877, 1e-9));
    assert!(close(fit.coefficients()[1], 0.055_502_133_164_700_44, 1e-9));
}

#[test]
fn counts_that_vary_less_are_at_the_limit_of_poisson() {
    let counts = [4, 5, 4, 5, 9, 10, 9, 10];
    let fit = CountRegression::negative_binomial(&counts, &[1.0; 8], &[arm(4, 4)]).expect("there are events");
    let poisson = CountRegression::poisson(&counts, &[1.0; 8], &[arm(4, 4)]).expect("there are events");
    assert_eq!(fit.dispersion(), CountDispersion::PoissonLimit);
    assert_eq!(fit.coefficients(), poisson.coefficients());
    assert!(close(fit.log_likelihood(), poisson.log_likelihood(), 1e-15));
    assert!(close(fit.aic(), poisson.aic() + 2.0, 1e-15));
    assert!(close(fit.deviance(), poisson.deviance(), 1e-15));
}

// A large count at its mean makes the likelihood fall where θ leaves infinity, and small counts that vary make it rise
// far higher after that: a search from the limit misses the top.
#[test]
fn a_top_behind_a_valley_is_found() {
    let mut counts = vec![0; 90];
    counts.extend([10; 10]);
    counts.extend([1_000, 1_000]);
    let fit = CountRegression::negative_binomial(&counts, &[1.0; 102], &[arm(100, 2)]).expect("there are events");
    let poisson = CountRegression::poisson(&counts, &[1.0; 102], &[arm(100, 2)]).expect("there are events");
    let CountDispersion::NegativeBinomial { theta, .. } = fit.dispersion() else { panic!("there is a top") };
    assert!(theta < 1.0 && fit.log_likelihood() > poisson.log_likelihood() + 50.0, "{theta}");
}

#[test]
fn huge_counts_are_summed_in_short_time() {
    let counts = [1_000_000_000, 3_000_000_000, 2_000_000_000];
    let fit = CountRegression::negative_binomial(&counts, &[1.0; 3], &[]).expect("there are events");
    let CountDispersion::NegativeBinomial { theta, .. } = fit.dispersion() else { panic!("they vary") };
    // Counts so large are gamma variables: ln θ − ψ(θ) = ln 2 − ln(6)/3, by the series of ψ.
    let left = theta.ln() - (theta.ln() - 0.5 / theta - 1.0 / (12.0 * theta * theta) + 1.0 / (120.0 * theta.powi(4)));
    assert!(close(left, 2.0_f64.ln() - 6.0_f64.ln() / 3.0, 1e-5), "{theta}");
}

/// A Poisson count by waiting times.
fn poisson(random: &mut Philox, mean: f64) -> u64 {
    let mut waited = -(1.0 - random.unit()).ln();
    let mut count = 0;
    while waited < mean {
        count += 1;
        waited -= (1.0 - random.unit()).ln();
    }
    count
}

// Gamma-Poisson counts with θ = 2, a sum of four squares of normals standing for the gamma variable's two exponentials.
#[test]
fn planted_ratios_are_covered() {
    let (ratio, runs) = (1.3_f64, 400);
    let mut covered = [0, 0, 0];
    let mut thetas = Vec::new();
    for run in 0..runs {
        let mut random = Philox::new(20, run);
        let counts: Vec<u64> = (0..80)
            .map(|row| {
                let level = -0.5 * ((1.0 - random.unit()).ln() + (1.0 - random.unit()).ln());
                poisson(&mut random, level * 6.0 * if row < 40 { 1.0 } else { ratio })
            })
            .collect();
        let arm = arm(40, 40);
        let negative =
            CountRegression::negative_binomial(&counts, &[1.0; 80], std::slice::from_ref(&arm)).expect("events");
        let poisson = CountRegression::poisson(&counts, &[1.0; 80], &[arm]).expect("events");
        let intervals = [
            negative.ratio(1, CountCovariance::Model, 0.95),
            poisson.ratio(1, CountCovariance::Hc1, 0.95),
            poisson.ratio(1, CountCovariance::Model, 0.95),
        ];
        for (covered, interval) in covered.iter_mut().zip(intervals) {
            let interval = interval.expect("there is an error");
            *covered += u32::from(interval.low <= ratio && ratio <= interval.high);
        }
        if let CountDispersion::NegativeBinomial { theta, .. } = negative.dispersion() {
            thetas.push(theta);
        }
    }
    let [negative, robust, model] = covered.map(|covered| f64::from(covered) / runs as f64);
    // Three standard errors are 0.033. Poisson's own errors are half of what they should be.
    assert!((0.91..=0.985).contains(&negative) && (0.91..=0.985).contains(&robust), "{negative} {robust}");
    assert!(model < 0.8, "{model}");
    let median = crate::median_lower(&thetas).expect("most vary");
    assert!((1.8..2.4).contains(&median), "{median}");
}

#[test]
fn questions_without_an_answer_are_refused() {
    let fit = |counts: &[u64], columns: &[Vec<f64>]| {
        let exposures = vec![1.0; counts.len()];
        (
            CountRegression::poisson(counts, &exposures, columns).err(),
            CountRegression::negative_binomial(counts, &exposures, columns).err(),
        )
    };
    let both = |error: CountRegressionError| (Some(error), Some(error));
    assert_eq!(fit(&[], &[]), both(CountRegressionError::NoEvents));
    assert_eq!(fit(&[0, 0, 0], &[]), both(CountRegressionError::NoEvents));
    assert_eq!(fit(&[3, 2, 0, 0], &[arm(2, 2)]), both(CountRegressionError::Separated { rows: 2 }));
    assert_eq!(fit(&[3, 2, 1, 4], &[vec![1.0; 4]]), both(LinearError::Collinear { column: 1 }.into()));
    assert_eq!(
        fit(&[3, 2], &[arm(1, 1), arm(0, 2)]),
        both(LinearError::TooFewObservations { observations: 2, coefficients: 3 }.into())
    );
    assert_eq!(fit(&[3, 2, 1], &[vec![1.0, f64::NAN, 0.0]]), both(LinearError::NotFinite.into()));
    assert_eq!(fit(&[3, 2, 1], &[vec![1.0, 2.0]]), both(CountRegressionError::LengthMismatch { counts: 3, values: 2 }));
    assert_eq!(fit(&[3, 2], &[arm(1, 1)]).0, None);
    assert_eq!(fit(&[3, 2], &[arm(1, 1)]).1, Some(CountRegressionError::Saturated { rows: 2, coefficients: 2 }));
    for exposure in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(CountRegression::poisson(&[1, 2], &[1.0, exposure], &[]).is_err());
    }
    let fit = CountRegression::poisson(&[3, 2, 1, 4], &[1.0; 4], &[arm(2, 2)]).expect("there are events");
    assert!(fit.coefficient(2, CountCovariance::Model).is_err());
    assert_eq!(fit.coefficient(1, CountCovariance::Clustered(&[7; 4])), Err(CountRegressionError::OneCluster));
    assert!(fit.coefficient(1, CountCovariance::Clustered(&[7; 3])).is_err());
    assert!(fit.ratio(1, CountCovariance::Model, 1.0).is_err());
    let exact = CountRegression::poisson(&[3, 3], &[1.0; 2], &[]).expect("there are events");
    assert_eq!(exact.coefficient(0, CountCovariance::Hc0), Err(CountRegressionError::NoError { place: 0 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn order_units_and_arms_do_not_matter(
        rows in proptest::collection::vec((0_u64..40, 1_u8..9, 0_u64..6), 6..30), seed in any::<u64>(), unit in 0.1..10.0,
    ) {
        let fitted = |rows: &[(u64, u8, u64, f64)], unit: f64| {
            let counts: Vec<u64> = rows.iter().map(|row| row.0 + 1).collect();
            let exposures: Vec<f64> = rows.iter().map(|row| f64::from(row.1) * unit).collect();
            let arm: Vec<f64> = rows.iter().map(|row| row.3).collect();
            let clusters: Vec<u64> = rows.iter().map(|row| row.2).collect();
            let fit = CountRegression::negative_binomial(&counts, &exposures, &[arm]).expect("there are events");
            let clustered = fit.coefficient(1, CountCovariance::Clustered(&clusters));
            (fit.coefficients().to_vec(), fit.dispersion(), fit.deviance(), clustered)
        };
        let rows: Vec<_> = rows.into_iter().zip(0_u8..).map(|((count, time, cluster), place)| {
            (count, time, cluster, f64::from(place % 2))
        }).collect();
        let given = fitted(&rows, 1.0);
        let mut random = Philox::new(seed, 0);
        let mut keyed: Vec<_> = rows.iter().map(|row| (random.next_u64(), *row)).collect();
        keyed.sort_by_key(|(key, _)| *key);
        let shuffled: Vec<_> = keyed.into_iter().map(|(_, row)| row).collect();
        prop_assert_eq!(&given, &fitted(&shuffled, 1.0));
        let scaled = fitted(&rows, unit);
        prop_assert!((given.0[1] - scaled.0[1]).abs() < 1e-7 && (given.0[0] - scaled.0[0] - libm::log(unit)).abs() < 1e-7);
        let swapped: Vec<_> = rows.iter().map(|row| (row.0, row.1, row.2, 1.0 - row.3)).collect();
        let swapped = fitted(&swapped, 1.0);
        prop_assert!((given.0[1] + swapped.0[1]).abs() < 1e-7);
    }
}

// Wild counts on a few columns: an answer with finite figures, or a reason that is in the data.
#[test]
fn a_fit_ends_or_names_what_is_missing() {
    let mut fitted = 0;
    for run in 0..300 {
        let mut random = Philox::new(99, run);
        let rows = 4 + usize::try_from(random.next_u64() % 30).expect("it is small");
        let columns: Vec<Vec<f64>> = (0..random.next_u64() % 4)
            .map(|place| (0..rows).map(|_| random.unit() * if place % 2 == 0 { 2.0 } else { 9.0 }).collect())
            .map(|column: Vec<f64>| column.into_iter().map(f64::floor).collect())
            .collect();
        let scale = libm::pow(10.0, 5.0 * random.unit() - 2.0);
        let counts: Vec<u64> = (0..rows)
            .map(|_| {
                let level = libm::log(1.0 - random.unit());
                poisson(&mut random, (scale * level * level).min(1e4))
            })
            .collect();
        match CountRegression::negative_binomial(&counts, &vec![1.0; rows], &columns) {
            Ok(fit) => {
                fitted += 1;
                let figures = [fit.log_likelihood(), fit.deviance(), fit.aic()];
                assert!(figures.iter().chain(fit.coefficients()).all(|figure| figure.is_finite()), "{run}");
            }
            Err(
                CountRegressionError::NoEvents
                | CountRegressionError::Separated { .. }
                | CountRegressionError::Saturated { .. }
                | CountRegressionError::Linear(_),
            ) => {}
            Err(error) => panic!("{run}: {error}"),
        }
    }
    assert!(fitted > 150, "{fitted}");
}
