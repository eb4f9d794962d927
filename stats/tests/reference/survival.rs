//! Cases of two or more survival curves against each other.

use stats::{Interval, KaplanMeier, LogRank, LogRankWeight, Wald};

use super::checks::Checks;
use super::schema::{Case, Table};

const CONFIDENCE: f64 = 0.95;

/// Compares the contrasts of the restricted means of two arms.
pub(crate) fn restricted_means(checks: &mut Checks, treated: &KaplanMeier, controls: &KaplanMeier, horizon: f64) {
    let contrast = stats::restricted_mean_contrast(treated, controls, horizon, CONFIDENCE).expect("both are followed");
    let mut compare = |name: &str, effect: Wald, scale: fn(f64) -> f64| {
        let Interval { estimate, low, high, .. } = effect.interval(CONFIDENCE).expect("the level is right");
        checks.figure(&format!("/{name}/est"), Some(scale(estimate)));
        checks.figure(&format!("/{name}/lb"), Some(scale(low)));
        checks.figure(&format!("/{name}/ub"), Some(scale(high)));
        checks.figure(&format!("/{name}/p"), effect.p_two_sided().ok());
    };
    compare("difference", contrast.difference, |value| value);
    compare("ratio", contrast.log_ratio, libm::exp);
    compare("rmtl_ratio", contrast.log_lost_ratio.expect("both arms lose time"), libm::exp);
}

/// The columns of a case.
struct Columns<'a> {
    times: Vec<f64>,
    observed: Vec<bool>,
    groups: &'a [String],
    strata: Option<&'a [String]>,
}

/// Compares what asks for all groups together.
pub(crate) fn compare(checks: &mut Checks, case: &Case, table: &Table) {
    let name = |key: &str| case.input[key].as_str().expect("the input names its columns");
    let columns = Columns {
        times: table.numbers(name("time")),
        observed: table.numbers(name("event")).into_iter().map(|event| event > 0.5).collect(),
        groups: table.text(name("group")),
        strata: case.input["strata"].as_str().map(|strata| table.text(strata)),
    };
    log_ranks(checks, &columns);
}

fn log_ranks(checks: &mut Checks, Columns { times, observed, groups, strata }: &Columns) {
    let mut compare = |name: &str, found: LogRank| {
        checks.figure(&format!("/{name}/chisq"), Some(found.test.statistic));
        checks.figure(&format!("/{name}/df"), Some(found.test.degrees_of_freedom as f64));
        checks.figure(&format!("/{name}/p"), Some(found.test.p));
        let column = |figure: fn(&stats::GroupEvents) -> f64| -> Vec<_> {
            found.groups.iter().map(|group| Some(figure(group))).collect()
        };
        checks.vector(&format!("/{name}/obs"), &column(|group| group.observed));
        checks.vector(&format!("/{name}/exp"), &column(|group| group.expected));
        checks.figure(&format!("/{name}/var"), Some(found.groups[0].variance));
    };
    let plain = |weight| stats::log_rank(times, observed, groups, weight).expect("there are two groups");
    compare("logrank", plain(LogRankWeight::Equal));
    compare("peto_peto_rho1", plain(LogRankWeight::Survival));
    if let Some(strata) = strata {
        let within = stats::log_rank_stratified(times, observed, groups, strata, LogRankWeight::Equal);
        compare("logrank_stratified", within.expect("there are two groups"));
    }
}
