//! Cases of counts and shares explained by columns.

use std::path::Path;

use stats::{CountCovariance, CountDispersion, CountRegression, ShareCorrelation, ShareRegression};

use super::checks::Checks;
use super::schema::{Case, Table};

const CONFIDENCE: f64 = 0.95;

pub(crate) fn counts(checks: &mut Checks, case: &Case, directory: &Path) {
    let Some((response, right)) = case.input["formula"].as_str().and_then(|formula| formula.split_once(" ~ ")) else {
        return;
    };
    let table = Table::read(&directory.join(case.input["data"].as_str().expect("the input names its table")));
    let counts: Vec<u64> =
        table.text(response).iter().map(|cell| cell.parse().expect("the column holds counts")).collect();
    let mut exposures = vec![1.0; counts.len()];
    let (mut terms, mut columns) = (vec![String::from("(Intercept)")], Vec::new());
    for term in right.split(" + ") {
        match term.strip_prefix("offset(log(").and_then(|term| term.strip_suffix("))")) {
            Some(exposure) => exposures = table.numbers(exposure),
            None => contrasts(&table, term, &mut terms, &mut columns),
        }
    }
    checks.words("/terms", &terms);
    let poisson = CountRegression::poisson(&counts, &exposures, &columns).expect("the case has an answer");
    let errors = |fit: &CountRegression, covariance: CountCovariance| -> Vec<_> {
        (0..terms.len()).map(|place| fit.coefficient(place, covariance).expect("it has an error")).collect()
    };
    let sizes = |walds: Vec<stats::Wald>| -> Vec<_> { walds.iter().map(|wald| Some(wald.standard_error)).collect() };
    let figures = |values: &[f64]| -> Vec<_> { values.iter().copied().map(Some).collect() };
    checks.vector("/poisson/coef", &figures(poisson.coefficients()));
    checks.vector("/poisson/se", &sizes(errors(&poisson, CountCovariance::Model)));
    checks.figure("/poisson/deviance", Some(poisson.deviance()));
    checks.figure("/poisson/df", Some(poisson.residual_degrees_of_freedom() as f64));
    checks.figure("/poisson/loglik", Some(poisson.log_likelihood()));
    checks.figure("/poisson/aic", Some(poisson.aic()));
    checks.figure("/quasipoisson/dispersion", poisson.pearson_dispersion().ok());
    checks.vector("/quasipoisson/se", &sizes(errors(&poisson, CountCovariance::Quasi)));
    let probabilities: Vec<_> =
        errors(&poisson, CountCovariance::Quasi).iter().map(|wald| wald.p_two_sided().ok()).collect();
    checks.vector("/quasipoisson/p", &probabilities);
    checks.vector("/poisson_HC0/se", &sizes(errors(&poisson, CountCovariance::Hc0)));
    checks.vector("/poisson_HC1/se", &sizes(errors(&poisson, CountCovariance::Hc1)));
    let negative = CountRegression::negative_binomial(&counts, &exposures, &columns).expect("the case has an answer");
    checks.vector("/negbin/coef", &figures(negative.coefficients()));
    checks.vector("/negbin/se", &sizes(errors(&negative, CountCovariance::Model)));
    checks.figure("/negbin/loglik", Some(negative.log_likelihood()));
    checks.figure("/negbin/deviance", Some(negative.deviance()));
    checks.figure("/negbin/aic", Some(negative.aic()));
    // Counts that vary less than Poisson counts: the reference goes on until it gives up, at a θ that means nothing.
    if let CountDispersion::NegativeBinomial { theta, standard_error } = negative.dispersion() {
        checks.figure("/negbin/theta", Some(theta));
        // The reference takes this from its last step but one; our tests hold it against a second computation.
        checks.searched("/negbin/se_theta", Some(standard_error), 2e-5 * standard_error, |error| error);
    } else {
        checks.figure("/negbin/se_theta", None);
    }
    for place in 0..terms.len() {
        let ratio = negative.ratio(place, CountCovariance::Model, CONFIDENCE).expect("it has an error");
        checks.figure(&format!("/negbin/rr/{place}"), Some(ratio.estimate));
        checks.figure(&format!("/negbin/rr_lb/{place}"), Some(ratio.low));
        checks.figure(&format!("/negbin/rr_ub/{place}"), Some(ratio.high));
    }
}

pub(crate) fn shares(checks: &mut Checks, case: &Case, directory: &Path) {
    let table = Table::read(&directory.join(case.input["data"].as_str().expect("the input names its table")));
    let name = |key: &str| case.input[key].as_str().expect("the input names its columns");
    let counts = |key: &str| -> Vec<u64> {
        table.text(name(key)).iter().map(|cell| cell.parse().expect("the column holds counts")).collect()
    };
    let (events, trials) = (counts("successes"), counts("trials"));
    let mut groups: Vec<&String> = table.text(name("group")).iter().collect();
    groups.sort();
    groups.dedup();
    let column = |group: &&String| -> Vec<f64> {
        table.text(name("group")).iter().map(|cell| f64::from(u8::from(cell == *group))).collect()
    };
    let columns: Vec<Vec<f64>> = groups[1..].iter().map(column).collect();
    let errors = |fit: &ShareRegression| -> Vec<_> {
        let walds = (0..=columns.len()).map(|place| fit.coefficient(place).expect("it has an error"));
        walds.map(|wald| Some(wald.standard_error)).collect()
    };
    let figures = |fit: &ShareRegression| -> Vec<_> { fit.coefficients().iter().copied().map(Some).collect() };
    let binomial = ShareRegression::binomial(&events, &trials, &columns).expect("the case has an answer");
    checks.vector("/binomial/coef", &figures(&binomial));
    checks.vector("/binomial/se", &errors(&binomial));
    let quasi = ShareRegression::quasi_binomial(&events, &trials, &columns).expect("the case has an answer");
    let ShareCorrelation::QuasiBinomial { dispersion } = quasi.correlation() else { panic!("it was asked for") };
    checks.figure("/quasibinomial/dispersion", Some(dispersion));
    checks.vector("/quasibinomial/se", &errors(&quasi));
    let beta = ShareRegression::beta_binomial(&events, &trials, &columns).expect("the case has an answer");
    let ShareCorrelation::BetaBinomial { correlation, log_odds } = beta.correlation() else {
        panic!("the rows of the case vary more than binomial ones")
    };
    // The case has the log odds of the correlation after the intercept.
    let terms = ["(Intercept):1", "(Intercept):2"].map(String::from).into_iter();
    checks.words("/terms", &terms.chain(groups[1..].iter().map(|group| format!("grp{group}"))).collect::<Vec<_>>());
    let (mut coefficients, mut sizes) = (figures(&beta), errors(&beta));
    coefficients.insert(1, Some(log_odds.estimate));
    sizes.insert(1, Some(log_odds.standard_error));
    checks.vector("/betabinomial/coef", &coefficients);
    checks.vector("/betabinomial/se", &sizes);
    checks.figure("/betabinomial/loglik", Some(beta.log_likelihood()));
    checks.figure("/betabinomial/rho", Some(correlation));
}

/// Adds a column of numbers as it is, and one for each value but the first of a column of words.
fn contrasts(table: &Table, name: &str, terms: &mut Vec<String>, columns: &mut Vec<Vec<f64>>) {
    let cells = table.text(name);
    if cells.iter().all(|cell| cell.parse::<f64>().is_ok()) && name != "District" {
        terms.push(name.to_owned());
        columns.push(table.numbers(name));
        return;
    }
    let mut levels: Vec<&String> = cells.iter().collect();
    levels.sort_by_key(|level| collated(level));
    levels.dedup();
    // R takes the levels of `warpbreaks` in the order in which they come.
    if name == "tension" {
        levels = ["L", "M", "H"].map(|level| cells.iter().find(|cell| *cell == level).expect("it occurs")).to_vec();
    }
    for level in &levels[1..] {
        terms.push(format!("{name}{level}"));
        columns.push(cells.iter().map(|cell| f64::from(u8::from(cell == *level))).collect());
    }
}

/// The order of words in the locale of the cases: signs other than `<` and `>` do not count.
fn collated(word: &str) -> String {
    word.replace('<', " ").replace('>', "!")
}
