use super::*;
use crate::distributions::{normal_quantile, normal_upper_tail};
use crate::placebo::placebo_dates;
use crate::random::Philox;

/// Errors with an autocorrelation, around a mean of 10.
fn series(seed: u64, points: usize, phi: f64) -> Vec<f64> {
    let mut random = Philox::new(seed, 0);
    let mut normal = || normal_quantile(random.unit().max(1e-16)).expect("a probability");
    let mut error = normal() / (1.0 - phi * phi).sqrt();
    (0..points)
        .map(|_| {
            let value = 10.0 + error;
            error = phi * error + normal();
            value
        })
        .collect()
}

fn fitted(values: &[f64], date: usize, likelihood: Likelihood) -> SeriesFit {
    InterruptedSeries::new(values, date).fit_autoregressive(likelihood).expect("values vary")
}

/// The likelihood by its definition, with the correlations of all pairs of errors written out.
fn log_likelihood(fit: &SeriesFit, phi: f64, likelihood: Likelihood) -> f64 {
    let (points, columns) = fit.design.shape();
    let correlations = DMatrix::from_fn(points, points, |row, column| {
        phi.powi(i32::try_from(row.abs_diff(column)).expect("it is small"))
    });
    let inverse = correlations.clone().try_inverse().expect("it is a correlation");
    let information = fit.design.tr_mul(&inverse) * &fit.design;
    let coefficients =
        information.clone().try_inverse().expect("full rank") * fit.design.tr_mul(&inverse) * &fit.values;
    let errors = &fit.values - &fit.design * coefficients;
    let squares = errors.dot(&(&inverse * &errors));
    let count = match likelihood {
        Likelihood::Restricted => (points - columns) as f64,
        Likelihood::Full => points as f64,
    };
    let of_errors = count * ((std::f64::consts::TAU * squares / count).ln() + 1.0);
    let of_information = match likelihood {
        Likelihood::Restricted => information.determinant().ln(),
        Likelihood::Full => 0.0,
    };
    -0.5 * (of_errors + correlations.determinant().ln() + of_information)
}

#[test]
fn both_likelihoods_are_those_of_their_definitions_and_largest_where_found() {
    let values = series(1, 40, 0.5);
    for likelihood in [Likelihood::Restricted, Likelihood::Full] {
        let fit = fitted(&values, 22, likelihood);
        let phi = fit.autocorrelation().expect("it is autoregressive");
        let found = fit.log_likelihood();
        assert!((found - log_likelihood(&fit, phi, likelihood)).abs() < 1e-8);
        for step in -19..=19 {
            let other = log_likelihood(&fit, 0.05 * f64::from(step), likelihood);
            assert!(other <= found + 1e-9, "{likelihood:?} is larger at step {step}");
        }
    }
}

#[test]
fn coefficients_are_those_of_generalised_least_squares() {
    let values = series(2, 30, 0.4);
    let fit = fitted(&values, 14, Likelihood::Restricted);
    let phi = fit.autocorrelation().expect("it is autoregressive");
    let inverse = DMatrix::from_fn(30, 30, |row, column| phi.powi(i32::try_from(row.abs_diff(column)).expect("small")))
        .try_inverse()
        .expect("it is a correlation");
    let covariance = (fit.design.tr_mul(&inverse) * &fit.design).try_inverse().expect("full rank");
    let coefficients = &covariance * fit.design.tr_mul(&inverse) * &fit.values;
    assert!((&coefficients - &fit.coefficients).norm() < 1e-9);
    let errors = &fit.values - &fit.design * coefficients;
    let variance = errors.dot(&(&inverse * &errors)) / 26.0;
    assert!((variance.sqrt() - fit.standard_deviation()).abs() < 1e-10);
    assert!((covariance * variance - &fit.covariance).norm() < 1e-9);
}

/// Second differences of the likelihood in coefficients and autocorrelation, inverted.
#[test]
fn the_full_covariance_is_that_of_numerical_second_derivatives() {
    let values = series(3, 40, 0.6);
    let fit = fitted(&values, 20, Likelihood::Full);
    let phi = fit.autocorrelation().expect("it is autoregressive");
    let at = |steps: &DVector<f64>| {
        let errors = &fit.values - &fit.design * (&fit.coefficients + steps.rows(0, 4));
        let phi = phi + steps[4];
        let mut squares = (1.0 - phi * phi) * errors[0] * errors[0];
        squares += (1..40).map(|row| (errors[row] - phi * errors[row - 1]).powi(2)).sum::<f64>();
        20.0 * squares.ln() - 0.5 * (1.0 - phi * phi).ln()
    };
    let steps = [1e-3, 1e-4, 1e-3, 1e-4, 1e-4];
    let hessian = DMatrix::from_fn(5, 5, |row, column| {
        let moved = |one: f64, other: f64| {
            let mut moved = DVector::zeros(5);
            moved[row] += one * steps[row];
            moved[column] += other * steps[column];
            at(&moved)
        };
        (moved(1.0, 1.0) - moved(1.0, -1.0) - moved(-1.0, 1.0) + moved(-1.0, -1.0)) / (4.0 * steps[row] * steps[column])
    });
    let covariance = hessian.try_inverse().expect("it is positive definite");
    for column in 0..4 {
        let ratio = covariance[(column, column)] / fit.covariance[(column, column)];
        assert!((ratio - 1.0).abs() < 1e-4, "{column}: {ratio}");
    }
}

#[test]
fn robust_covariances_are_sums_over_pairs_of_points() {
    let values = series(4, 25, 0.3);
    let fit = InterruptedSeries::new(&values, 12).fit_ordinary().expect("values vary");
    let inverse = (fit.design.tr_mul(&fit.design)).try_inverse().expect("full rank");
    let pairs = |weight: &dyn Fn(usize, usize) -> f64| {
        let mut middle = DMatrix::zeros(4, 4);
        for one in 0..25 {
            for other in 0..25 {
                let product = fit.residuals[one] * fit.residuals[other] * weight(one, other);
                middle += fit.design.row(one).transpose() * fit.design.row(other) * product;
            }
        }
        &inverse * middle * &inverse
    };
    let same = |kind, expected: DMatrix<f64>| {
        let found = fit.with_covariance(kind).expect("it is ordinary").covariance;
        assert!((&found - &expected).norm() < 1e-9 * expected.norm(), "{kind:?}");
    };
    let bartlett = |one: usize, other: usize| (1.0 - one.abs_diff(other) as f64 / 4.0).max(0.0);
    let alone = |one: usize, other: usize| f64::from(u8::from(one == other));
    let hat = &fit.design * &inverse * fit.design.transpose();
    same(RobustCovariance::NeweyWest { lags: 3, is_adjusted: false }, pairs(&bartlett));
    same(RobustCovariance::NeweyWest { lags: 3, is_adjusted: true }, pairs(&bartlett) * (25.0 / 21.0));
    same(RobustCovariance::Hc0, pairs(&alone));
    same(RobustCovariance::Hc1, pairs(&alone) * (25.0 / 21.0));
    same(RobustCovariance::Hc3, pairs(&|one, other| alone(one, other) / (1.0 - hat[(one, one)]).powi(2)));
}

/// Mean and variance of a ratio of quadratic forms in independent normal errors, from the matrices themselves.
#[test]
fn durbin_watson_has_the_moments_of_its_matrix() {
    let values = series(5, 18, 0.0);
    let fit = InterruptedSeries::new(&values, 8).fit_ordinary().expect("values vary");
    let inverse = fit.design.tr_mul(&fit.design).try_inverse().expect("full rank");
    let residual = DMatrix::identity(18, 18) - &fit.design * inverse * fit.design.transpose();
    let numerator = DMatrix::from_fn(18, 18, |row, column| match row.abs_diff(column) {
        0 => {
            if row == 0 || row == 17 {
                1.0
            } else {
                2.0
            }
        }
        1 => -1.0,
        _ => 0.0,
    });
    let product = residual * numerator;
    let (first, second) = (product.trace(), (&product * &product).trace());
    let mean = first / 14.0;
    let variance = 2.0 * (14.0 * second - first * first) / (14.0 * 14.0 * 16.0);
    let found = fit.durbin_watson().expect("values vary");
    let expected = normal_upper_tail((mean - found.statistic) / variance.sqrt()).expect("a number");
    assert!((found.p - expected).abs() < 1e-12);
}

#[test]
fn tests_of_residuals_find_what_is_there() {
    let dependent = series(6, 120, 0.7);
    let independent = series(7, 120, 0.0);
    let fit = |values: &[f64]| InterruptedSeries::new(values, 60).fit_ordinary().expect("values vary");
    for test in [SeriesFit::durbin_watson, |fit: &SeriesFit| fit.breusch_godfrey(2), |fit: &SeriesFit| fit.ljung_box(5)]
    {
        assert!(test(&fit(&dependent)).expect("values vary").p < 1e-6);
        assert!(test(&fit(&independent)).expect("values vary").p > 0.01);
    }
}

/// A change of level and slope is what is added after the date; what is added everywhere is not.
#[test]
fn only_what_changes_at_the_date_is_an_effect() {
    let plain = series(8, 36, 0.4);
    let mut moved = plain.clone();
    for (point, value) in moved.iter_mut().enumerate() {
        *value = -2.0 * (*value + 3.0 * point as f64 + if point < 20 { 0.0 } else { 5.0 + 0.25 * (point - 20) as f64 });
    }
    for likelihood in [Likelihood::Restricted, Likelihood::Full] {
        let (one, other) = (fitted(&plain, 20, likelihood), fitted(&moved, 20, likelihood));
        let pairs = [
            (one.level_change(), other.level_change(), 5.0),
            (one.slope_change(), other.slope_change(), 0.25),
            (one.average_effect(), other.average_effect(), 5.0 + 0.25 * 7.5),
        ];
        for (one, other, added) in pairs {
            let (one, other) = (one.expect("values vary"), other.expect("values vary"));
            assert!((other.estimate + 2.0 * (one.estimate + added)).abs() < 1e-6);
            assert!((other.standard_error - 2.0 * one.standard_error).abs() < 1e-6);
        }
    }
}

/// The mean difference of fitted and counterfactual points after the date is the average effect.
#[test]
fn the_counterfactual_parts_from_the_fit_at_the_date() {
    let values = series(9, 40, 0.2);
    let fit = InterruptedSeries::new(&values, 25).fit().expect("values vary");
    let points = fit.counterfactual(0.95).expect("the level is between 0 and 1");
    assert!(points[..25].iter().all(|point| (point.fitted - point.counterfactual.estimate).abs() < 1e-9));
    let gaps: f64 = points[25..].iter().map(|point| point.fitted - point.counterfactual.estimate).sum();
    assert!((gaps / 15.0 - fit.average_effect().expect("values vary").estimate).abs() < 1e-9);
    let width = |point: &CounterfactualPoint| point.counterfactual.high - point.counterfactual.low;
    assert!(points[25..].windows(2).all(|pair| width(&pair[1]) > width(&pair[0])));
}

#[test]
fn seasons_and_covariates_are_taken_out() {
    let weather = series(10, 48, 0.0);
    let mut values = series(11, 48, 0.0);
    let plain =
        InterruptedSeries { season: Some(4), covariates: vec![&weather], ..InterruptedSeries::new(&values, 30) };
    let before = plain.fit_ordinary().expect("values vary");
    assert_eq!(before.coefficients().len(), 4 + 3 + 1);
    for (point, value) in values.iter_mut().enumerate() {
        *value += [0.0, 4.0, -2.0, 1.0][point % 4] + 7.0 * weather[point];
    }
    let moved =
        InterruptedSeries { season: Some(4), covariates: vec![&weather], ..InterruptedSeries::new(&values, 30) };
    let after = moved.fit_ordinary().expect("values vary");
    for (term, added) in [0.0, 0.0, 0.0, 0.0, 4.0, -2.0, 1.0, 7.0].into_iter().enumerate() {
        assert!((after.coefficients()[term] - before.coefficients()[term] - added).abs() < 1e-9, "{term}");
    }
    assert!((after.standard_deviation() - before.standard_deviation()).abs() < 1e-9);
}

#[test]
fn short_series_are_fitted_by_least_squares() {
    let values = series(12, 12, 0.0);
    let short = InterruptedSeries::new(&values[..11], 5).fit().expect("values vary");
    assert_eq!(short.autocorrelation(), None);
    assert_eq!(short.level_change().expect("values vary").degrees_of_freedom, Some(7.0));
    assert!(InterruptedSeries::new(&values, 5).fit().expect("values vary").autocorrelation().is_some());
}

/// Where errors persist, Newey-West intervals miss the truth far more often than they say, and restricted likelihood
/// much less.
#[test]
fn newey_west_is_too_narrow_where_errors_persist() {
    let worlds = 400;
    let (mut restricted, mut newey_west) = (0, 0);
    for seed in 0..worlds {
        let values = series(5_000 + seed, 48, 0.6);
        let model = InterruptedSeries::new(&values, 24);
        let covers = |fit: &SeriesFit| {
            let interval = fit.level_change().and_then(|change| Ok(change.interval(0.95)?)).expect("values vary");
            u32::from(interval.low <= 0.0 && 0.0 <= interval.high)
        };
        let lagged = RobustCovariance::NeweyWest { lags: 3, is_adjusted: true };
        let ordinary = model.fit_ordinary().expect("values vary");
        newey_west += covers(&ordinary.with_covariance(lagged).expect("it is ordinary"));
        restricted += model.fit().map_or(1, |fit| covers(&fit));
    }
    let share = |count: u32| f64::from(count) / f64::from(u32::try_from(worlds).expect("small"));
    assert!(share(newey_west) < 0.80, "{}", share(newey_west));
    assert!(share(restricted) > 0.88, "{}", share(restricted));
}

/// The whole of what a single series needs: the same fit at dates before the true one.
#[test]
fn placebo_dates_tell_a_procedure_that_errs_too_often() {
    let before = series(13, 200, 0.85);
    let of = |fit: Result<SeriesFit, SeriesError>| {
        let change = fit.ok()?.level_change().ok()?;
        Some((change.estimate, change.p_two_sided().ok()?))
    };
    let ordinary =
        placebo_dates(&before, 12, 0.05, |points, date| of(InterruptedSeries::new(points, date).fit_ordinary()));
    let restricted = placebo_dates(&before, 12, 0.05, |points, date| of(InterruptedSeries::new(points, date).fit()));
    let (ordinary, restricted) = (ordinary.expect("there are dates"), restricted.expect("there are dates"));
    assert_eq!(ordinary.dates.len(), 177);
    assert!(ordinary.false_positive_rate.estimate > 0.3, "{:?}", ordinary.false_positive_rate);
    assert!(restricted.false_positive_rate.estimate < 0.15, "{:?}", restricted.false_positive_rate);
}

#[test]
fn what_has_no_answer_is_refused() {
    let values = series(14, 20, 0.0);
    let refused = |series: &InterruptedSeries| series.fit().expect_err("no answer");
    assert_eq!(refused(&InterruptedSeries::new(&values, 2)), SeriesError::TooFewPoints { before: 2, after: 18 });
    assert_eq!(refused(&InterruptedSeries::new(&values, 18)), SeriesError::TooFewPoints { before: 18, after: 2 });
    assert_eq!(refused(&InterruptedSeries::new(&values, 90)), SeriesError::TooFewPoints { before: 20, after: 0 });
    assert_eq!(refused(&InterruptedSeries::new(&[], 0)), SeriesError::TooFewPoints { before: 0, after: 0 });
    assert_eq!(refused(&InterruptedSeries::new(&[3.0; 20], 10)), SeriesError::NoSpread);
    let mut hole = values.clone();
    hole[7] = f64::NAN;
    assert_eq!(refused(&InterruptedSeries::new(&hole, 10)), LinearError::NotFinite.into());
    let season = InterruptedSeries { season: Some(1), ..InterruptedSeries::new(&values, 10) };
    assert_eq!(refused(&season), SeriesError::Season { season: 1 });
    let short = InterruptedSeries { covariates: vec![&values[1..]], ..InterruptedSeries::new(&values, 10) };
    assert_eq!(refused(&short), LinearError::LengthMismatch { rows: 20, values: 19 }.into());
    let time: Vec<f64> = (0..20).map(f64::from).collect();
    let again = InterruptedSeries { covariates: vec![&time], ..InterruptedSeries::new(&values, 10) };
    assert_eq!(refused(&again), LinearError::Collinear { column: 4 }.into());
    let level_only = InterruptedSeries { has_slope_change: false, ..InterruptedSeries::new(&values, 10) };
    let fit = level_only.fit().expect("values vary");
    assert_eq!(fit.slope_change(), Err(SeriesError::NoSlope));
    assert_eq!(fit.with_covariance(RobustCovariance::Hc1), Err(SeriesError::NotOrdinary));
    let ordinary = level_only.fit_ordinary().expect("values vary");
    let lags = RobustCovariance::NeweyWest { lags: 20, is_adjusted: false };
    assert_eq!(ordinary.with_covariance(lags), Err(SeriesError::Lags { lags: 20, points: 20 }));
    assert_eq!(ordinary.ljung_box(0), Err(SeriesError::Lags { lags: 0, points: 20 }));
}

/// A walk has no stationary errors: it is said, not fitted as if it had.
#[test]
fn a_walk_is_not_stationary() {
    let mut sum = 0.0;
    let walk: Vec<f64> = series(15, 300, 0.0)
        .into_iter()
        .map(|value| {
            sum += value - 10.0;
            sum
        })
        .collect();
    let level_only = InterruptedSeries { has_slope_change: false, ..InterruptedSeries::new(&walk, 150) };
    assert_eq!(level_only.fit(), Err(SeriesError::NotStationary { bound: 0.999 }));
}
