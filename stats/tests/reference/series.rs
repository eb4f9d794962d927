//! Cases of one series, interrupted or with a level that wanders.

use std::path::Path;

use serde_json::Value;
use stats::{InterruptedSeries, LevelAt, Likelihood, LocalLevel, ResidualTest, RobustCovariance, SeriesFit};

use super::checks::Checks;
use super::schema::{Case, Table};

/// Coefficients that the cases give: one, time, level and slope.
const TERMS: usize = 4;

pub(crate) fn compare(checks: &mut Checks, case: &Case, directory: &Path) {
    if case.id.contains("local_level") || case.id.contains("counterfactual") {
        return local_level(checks, case, directory);
    }
    let values: Vec<f64> =
        case.input["y"].as_array().expect("the case has values").iter().filter_map(Value::as_f64).collect();
    let date = case.input["intervention_index_1based"].as_u64().expect("the case has a date") - 1;
    let date = usize::try_from(date).expect("it is small");
    let season = (case.input["seasonal"] == true && !checks.expects("/ar1")).then_some(12);
    let series = InterruptedSeries { season, ..InterruptedSeries::new(&values, date) };
    if checks.expects("/ols") {
        ordinary(checks, case, &series.fit_ordinary().expect("the case has an answer"));
    } else if checks.expects("/logREML") {
        restricted(checks, &series.fit().expect("the case has an answer"));
    } else {
        full(checks, &series.fit_autoregressive(Likelihood::Full).expect("the case has an answer"));
    }
}

fn figures(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

fn ordinary(checks: &mut Checks, case: &Case, fit: &SeriesFit) {
    let robust = |kind: RobustCovariance| {
        let fit = fit.with_covariance(kind).expect("it is fitted by least squares");
        figures(&fit.standard_errors()[..TERMS])
    };
    checks.words("/ols/terms", &["(Intercept)", "t", "post", "tp"].map(String::from));
    checks.vector("/ols/coef", &figures(&fit.coefficients()[..TERMS]));
    checks.vector("/ols/se_ols", &figures(&fit.standard_errors()[..TERMS]));
    checks.figure("/ols/sigma", Some(fit.standard_deviation()));
    checks.figure("/ols/df", fit.level_change().expect("values vary").degrees_of_freedom);
    checks.figure("/ols/r2", Some(fit.explained_share()));
    for key in case.expected["newey_west"].as_object().expect("the case has lags").keys() {
        let lags = key.trim_start_matches("lag").parse().expect("the key ends with a number");
        let errors = |is_adjusted| robust(RobustCovariance::NeweyWest { lags, is_adjusted });
        checks.vector(&format!("/newey_west/{key}/se_no_adj"), &errors(false));
        checks.vector(&format!("/newey_west/{key}/se_adj"), &errors(true));
    }
    checks.vector("/white/HC0", &robust(RobustCovariance::Hc0));
    checks.vector("/white/HC3", &robust(RobustCovariance::Hc3));
    checks.figure("/bw_newey_west_1994", fit.newey_west_bandwidth().ok());
    let mut test = |name: &str, p: &str, found: ResidualTest| {
        checks.figure(&format!("/{name}/stat"), Some(found.statistic));
        checks.figure(&format!("/{name}/{p}"), Some(found.p));
    };
    test("durbin_watson", "p_normal_approx", fit.durbin_watson().expect("values vary"));
    test("breusch_godfrey_1", "p", fit.breusch_godfrey(1).expect("values vary"));
    test("ljung_box_10", "p", fit.ljung_box(10).expect("values vary"));
    checks.vector("/resid_acf_1_3", &figures(&fit.residual_autocorrelations(3).expect("there are points")));
}

fn restricted(checks: &mut Checks, fit: &SeriesFit) {
    checks.figure("/phi", fit.autocorrelation());
    checks.vector("/coef", &figures(&fit.coefficients()[..TERMS]));
    checks.vector("/se", &figures(&fit.standard_errors()[..TERMS]));
    checks.figure("/sigma", Some(fit.standard_deviation()));
    checks.figure("/logREML", Some(fit.log_likelihood()));
}

fn full(checks: &mut Checks, fit: &SeriesFit) {
    checks.figure("/ar1", fit.autocorrelation());
    checks.figure("/intercept", Some(fit.coefficients()[0]));
    checks.vector("/beta", &figures(&fit.coefficients()[1..TERMS]));
    checks.vector("/se", &figures(&fit.standard_errors()[1..TERMS]));
    checks.figure("/sigma2", Some(fit.standard_deviation() * fit.standard_deviation()));
    checks.figure("/loglik", Some(fit.log_likelihood()));
}

fn local_level(checks: &mut Checks, case: &Case, directory: &Path) {
    let path = directory.join(case.input["data"].as_str().expect("the input names its table"));
    let values = Table::read(&path).numbers("flow");
    let train = case.input["train_first"].as_u64().map_or(values.len(), |count| usize::try_from(count).expect("small"));
    let level = LocalLevel::fit(&values[..train]).expect("values vary");
    checks.figure("/var_level", Some(level.level_variance()));
    checks.figure("/var_eps", Some(level.noise_variance()));
    forecast(checks, &level, "/forecast", "/forecast_se");
    let later = &values[train..];
    let effect = if later.is_empty() { None } else { Some(level.effect_on(later).expect("there are values").estimate) };
    checks.figure("/mean_actual_minus_forecast", effect);
    if checks.expects("/pre28") {
        // This reference starts with a variance of 10⁴ times that of the values where ours is infinite: its likelihood
        // is that of the exact start less half the logarithm of that variance.
        let start = 0.5 * libm::log(1e4 * variance(&values));
        checks.figure("/loglik", Some(level.log_likelihood() - start));
        let before = LocalLevel::fit(&values[..28]).expect("values vary");
        checks.figure("/pre28/var_level", Some(before.level_variance()));
        checks.figure("/pre28/var_eps", Some(before.noise_variance()));
        forecast(checks, &before, "/pre28/forecast10", "/pre28/forecast_se10");
    } else {
        checks.figure("/loglik", Some(level.log_likelihood()));
    }
}

fn forecast(checks: &mut Checks, level: &LocalLevel, mean: &str, error: &str) {
    for (pointer, figure) in [(mean, (|at| at.mean) as fn(LevelAt) -> f64), (error, |at| at.standard_error)] {
        if let Some(horizon) = checks.length(pointer) {
            let ahead = level.forecast(horizon).expect("there is a horizon");
            checks.vector(pointer, &ahead.into_iter().map(|at| Some(figure(at))).collect::<Vec<_>>());
        }
    }
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (values.len() as f64 - 1.0)
}
