//! Cases of two or more survival curves against each other.

use stats::{HazardSubject, Interval, KaplanMeier, LogRank, LogRankWeight, ProportionalHazards, Ties, Wald};

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
    hazards(checks, &columns);
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

fn hazards(checks: &mut Checks, columns: &Columns) {
    for (name, ties) in [("efron", Ties::Efron), ("breslow", Ties::Breslow)] {
        let fit = fit(columns, None, ties);
        let effect = fit.effects().expect("it has a variance")[0];
        let interval = effect.interval(CONFIDENCE).expect("the level is right");
        let mut figure = |key: &str, value: f64| checks.figure(&format!("/{name}/{key}"), Some(value));
        figure("coef", effect.estimate);
        figure("se", effect.standard_error);
        figure("hr", libm::exp(interval.estimate));
        figure("hr_lb", libm::exp(interval.low));
        figure("hr_ub", libm::exp(interval.high));
        figure("loglik/0", fit.log_likelihood_at_zero());
        figure("loglik/1", fit.log_likelihood());
        figure("score", fit.score_test().expect("a tail").statistic);
        figure("lr", fit.likelihood_ratio_test().expect("a tail").statistic);
        figure("wald", fit.wald_test().expect("a tail").statistic);
        if ties == Ties::Efron {
            let change = fit.proportionality().expect("events are many").covariates[0];
            checks.figure("/zph_km/chisq", Some(change.statistic));
            checks.figure("/zph_km/p", Some(change.p));
        }
    }
    if let Some(strata) = columns.strata {
        let effect = fit(columns, Some(strata), Ties::Efron).effects().expect("it has a variance")[0];
        checks.figure("/efron_stratified/coef", Some(effect.estimate));
        checks.figure("/efron_stratified/se", Some(effect.standard_error));
    }
}

/// A regression on whether a subject is of the last group.
fn fit(columns: &Columns, strata: Option<&[String]>, ties: Ties) -> ProportionalHazards {
    let last = columns.groups.iter().max().expect("there are subjects");
    let mut names: Vec<&String> = strata.unwrap_or_default().iter().collect();
    names.sort();
    names.dedup();
    let subjects: Vec<HazardSubject> = (0..columns.times.len())
        .map(|place| {
            let is_last = f64::from(u8::from(columns.groups[place] == *last));
            let stratum = strata.map_or(0, |strata| names.partition_point(|name| **name < strata[place]) as u64);
            HazardSubject {
                stratum,
                ..HazardSubject::new(columns.times[place], columns.observed[place], vec![is_last])
            }
        })
        .collect();
    ProportionalHazards::fit(&subjects, ties).expect("the likelihood has a top")
}
