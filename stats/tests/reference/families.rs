//! Which estimator answers for which family of cases.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use stats::{Interval, KaplanMeier};

use super::checks::Checks;
use super::schema::{Case, Table, indices};

const CONFIDENCE: f64 = 0.95;

/// Compares a case with the estimators of this crate; `None` when none of them covers any of its figures.
pub(crate) fn compare<'a>(family: &str, case: &'a Case, directory: &Path) -> Option<Checks<'a>> {
    let mut checks = Checks::new(case);
    match family {
        "anytime" => super::anytime::compare(&mut checks, case),
        "betabinomial" => super::regressions::shares(&mut checks, case, directory),
        "bft" => super::bft::compare(&mut checks, case),
        "bootstrap" => bootstrap(&mut checks, case, directory),
        "criterion_and_placebo" => {
            super::placebo::compare(&mut checks, case);
            super::criterion::margins(&mut checks, case);
        }
        "did" => super::did::compare(&mut checks, case, directory),
        "distributions" => distributions(&mut checks, case),
        "evalue" => super::criterion::e_values(&mut checks, case),
        "leave_f_out" => super::bft::hull(&mut checks, case),
        "meta" => super::meta::compare(&mut checks, case, directory),
        "multiplicity" => super::criterion::multiplicity(&mut checks, case),
        "its" | "state_space" => super::series::compare(&mut checks, case, directory),
        "proportions" => proportions(&mut checks, case),
        "published_ai" => {
            super::meta::compare(&mut checks, case, directory);
            super::replication::compare(&mut checks, case);
        }
        "rates" => rates(&mut checks, case, directory),
        "replication" => super::replication::compare(&mut checks, case),
        "two_sample" | "ranks_extra" => super::two_sample::compare(&mut checks, case),
        "survival" => survival(&mut checks, case, directory),
        "synthetic_control" => super::synthetic_control::compare(&mut checks, case, directory),
        _ => {}
    }
    checks.any().then_some(checks)
}

fn proportions(checks: &mut Checks, case: &Case) {
    for sample in 1..=2 {
        let (Some(successes), Some(trials)) = (count(case, &format!("x{sample}")), count(case, &format!("n{sample}")))
        else {
            return;
        };
        let wilson = stats::wilson_interval(successes, trials, CONFIDENCE).expect("the case has trials");
        checks.vector(&format!("/wilson{sample}"), &limits(&wilson));
        let exact = stats::clopper_pearson_interval(successes, trials, CONFIDENCE).expect("the case has trials");
        checks.vector(&format!("/clopper_pearson{sample}"), &limits(&exact));
    }
    super::two_groups::shares(checks, case);
}

fn rates(checks: &mut Checks, case: &Case, directory: &Path) {
    for sample in 1..=2 {
        let (Some(events), Some(exposure)) =
            (count(case, &format!("events{sample}")), case.input[format!("exposure{sample}")].as_f64())
        else {
            two_group_regression(checks, case, directory);
            return super::regressions::counts(checks, case, directory);
        };
        let interval = stats::poisson_interval(events, exposure, CONFIDENCE).expect("the case has exposure");
        checks.figure(&format!("/rate{sample}/rate"), Some(interval.estimate));
        checks.figure(&format!("/rate{sample}/exact_lb"), Some(interval.low));
        checks.figure(&format!("/rate{sample}/exact_ub"), Some(interval.high));
    }
    let rate = |sample: u8| stats::Rate {
        events: count(case, &format!("events{sample}")).expect("the case has events"),
        exposure: case.input[format!("exposure{sample}")].as_f64().expect("the case has exposure"),
    };
    super::two_groups::rates(checks, rate(1), rate(2));
}

/// A regression on one factor of two levels: the intercept is the log rate of the first, and Pearson's statistic is
/// the sum of those of the two.
fn two_group_regression(checks: &mut Checks, case: &Case, directory: &Path) {
    let (count, group, exposure) = match case.input["formula"].as_str() {
        Some("deploys ~ post + offset(log(active_days))") => ("deploys", "post", Some("active_days")),
        Some("Days ~ Eth") => ("Days", "Eth", None),
        _ => return,
    };
    let table = table(case, directory);
    let mut groups: BTreeMap<&str, (Vec<u64>, Vec<f64>)> = BTreeMap::new();
    let exposures = exposure.map_or_else(|| vec![1.0; table.text(count).len()], |name| table.numbers(name));
    for ((name, events), exposure) in table.text(group).iter().zip(table.text(count)).zip(exposures) {
        let (counts, exposures) = groups.entry(name).or_default();
        counts.push(events.parse().expect("the column holds counts"));
        exposures.push(exposure);
    }
    let (mut pearson, mut freedom, mut intercept) = (0.0, 0.0, None);
    for (counts, exposures) in groups.values() {
        let within = (counts.len() - 1) as f64;
        pearson += within * stats::pearson_dispersion(counts, exposures).expect("the groups have events");
        freedom += within;
        let interval = stats::quasi_poisson_interval(counts, exposures, CONFIDENCE).expect("the groups have events");
        intercept.get_or_insert(libm::log(interval.estimate));
    }
    checks.figure("/poisson/coef/0", intercept);
    checks.figure("/quasipoisson/dispersion", Some(pearson / freedom));
}

fn survival(checks: &mut Checks, case: &Case, directory: &Path) {
    let curves = curves(case, directory);
    km_table(checks, &curves);
    km_quantiles(checks, case, &curves);
    restricted_means(checks, case, &curves);
    if !case.input["data"].is_null() {
        super::survival::compare(checks, case, &table(case, directory));
    }
}

fn km_table(checks: &mut Checks, curves: &BTreeMap<String, KaplanMeier>) {
    let rows: Vec<_> =
        curves.iter().flat_map(|(name, curve)| curve.steps().iter().map(move |step| (name, step))).collect();
    let column = |figure: fn(&stats::SurvivalStep) -> Option<f64>| -> Vec<_> {
        rows.iter().map(|(_, step)| figure(step)).collect()
    };
    let interval = |step: &stats::SurvivalStep| step.interval(CONFIDENCE).expect("the level is between 0 and 1");
    let limits: Vec<_> = rows.iter().map(|(_, step)| interval(step)).collect();
    if checks.expects("/strata/0") {
        checks.words("/strata", &rows.iter().map(|(name, _)| (*name).clone()).collect::<Vec<_>>());
    }
    checks.vector("/time", &column(|step| Some(step.time)));
    checks.vector("/n_risk", &column(|step| Some(step.at_risk as f64)));
    checks.vector("/n_event", &column(|step| Some(step.events as f64)));
    checks.vector("/n_censor", &column(|step| Some(step.censored as f64)));
    checks.vector("/surv", &column(|step| Some(step.survival)));
    checks.vector("/se_surv", &column(|step| step.standard_error));
    checks.vector("/cumhaz", &column(|step| Some(step.cumulative_hazard)));
    checks.vector("/lower_loglog", &limits.iter().map(|limits| limits.map(|limits| limits.low)).collect::<Vec<_>>());
    checks.vector("/upper_loglog", &limits.iter().map(|limits| limits.map(|limits| limits.high)).collect::<Vec<_>>());
}

fn km_quantiles(checks: &mut Checks, case: &Case, curves: &BTreeMap<String, KaplanMeier>) {
    for scale in ["log", "log-log", "plain"] {
        let Some(probabilities) = case.expected[scale]["quantile_probs"].as_array() else { continue };
        for (group, curve) in curves.values().enumerate() {
            for (index, probability) in probabilities.iter().filter_map(Value::as_f64).enumerate() {
                let quantile = curve.quantile_interval(probability, CONFIDENCE).expect("the case has probabilities");
                let mut figure = |kind: &str, value: Option<f64>| {
                    checks.figure(&format!("/{scale}/{kind}/{group}/{index}"), value);
                };
                figure("quantile", quantile.estimate.reached());
                if scale == "log-log" {
                    figure("lower", quantile.low);
                    figure("upper", quantile.high);
                }
            }
        }
    }
}

fn restricted_means(checks: &mut Checks, case: &Case, curves: &BTreeMap<String, KaplanMeier>) {
    let Some(horizon) = case.input["tau"].as_f64() else { return };
    for arm in 0..=1 {
        let level = &case.expected[format!("arm{arm}_level")];
        let Some(curve) = level.as_str().and_then(|level| curves.get(level)) else { return };
        let mean = curve.restricted_mean(horizon, CONFIDENCE).expect("the horizon lies within the data");
        checks.figure(&format!("/rmst_arm{arm}/est"), Some(mean.interval.estimate));
        checks.figure(&format!("/rmst_arm{arm}/se"), Some(mean.standard_error));
        checks.figure(&format!("/rmst_arm{arm}/lb"), Some(mean.interval.low));
        checks.figure(&format!("/rmst_arm{arm}/ub"), Some(mean.interval.high));
    }
    let arm = |level: &str| case.expected[level].as_str().and_then(|level| curves.get(level));
    if let Some((treated, controls)) = arm("arm1_level").zip(arm("arm0_level")) {
        super::survival::restricted_means(checks, treated, controls, horizon);
    }
}

/// One curve for each group, in order of the group's name.
fn curves(case: &Case, directory: &Path) -> BTreeMap<String, KaplanMeier> {
    let (times, observed, groups) = if case.input["data"].is_null() {
        let times = numbers(case, "time_values");
        let groups = vec![String::from("all"); times.len()];
        (times, numbers(case, "event_values"), groups)
    } else {
        let table = table(case, directory);
        let column = |name: &str| case.input[name].as_str().expect("the input names its columns").to_owned();
        let groups = table.text(&column("group")).to_vec();
        (table.numbers(&column("time")), table.numbers(&column("event")), groups)
    };
    let mut by_group: BTreeMap<String, (Vec<f64>, Vec<bool>)> = BTreeMap::new();
    for ((time, observed), group) in times.into_iter().zip(observed).zip(groups) {
        let (times, flags) = by_group.entry(group).or_default();
        times.push(time);
        flags.push(observed > 0.5);
    }
    let fit =
        |(times, observed): (Vec<f64>, Vec<bool>)| KaplanMeier::fit(&times, &observed).expect("a group has times");
    by_group.into_iter().map(|(group, subjects)| (group, fit(subjects))).collect()
}

fn bootstrap(checks: &mut Checks, case: &Case, directory: &Path) {
    let file = |name: &str| directory.join(case.input[name].as_str().expect("the input names its tables"));
    match case.input["statistic"].as_str() {
        Some("median(x)/median(y)") => {
            ratio_of_medians(checks, case, &indices(&file("resample_x")), &indices(&file("resample_y")));
        }
        Some("mean") => moving_block_mean(checks, case, &indices(&file("starts"))),
        _ => {}
    }
}

fn ratio_of_medians(checks: &mut Checks, case: &Case, resamples_x: &[Vec<usize>], resamples_y: &[Vec<usize>]) {
    let (x, y) = (numbers(case, "x"), numbers(case, "y"));
    let estimate = median(&x) / median(&y);
    let pick = |values: &[f64], chosen: &[usize]| chosen.iter().map(|&index| values[index]).collect::<Vec<_>>();
    let pairs = resamples_x.iter().zip(resamples_y);
    let replicates: Vec<_> =
        pairs.map(|(chosen_x, chosen_y)| median(&pick(&x, chosen_x)) / median(&pick(&y, chosen_y))).collect();
    let jackknife_x: Vec<_> = (0..x.len()).map(|index| median(&without(&x, index)) / median(&y)).collect();
    let jackknife_y: Vec<_> = (0..y.len()).map(|index| median(&x) / median(&without(&y, index))).collect();
    let bca = stats::bca_interval(estimate, &replicates, &[&jackknife_x, &jackknife_y], CONFIDENCE)
        .expect("the case has an interval");
    checks.figure("/theta", Some(estimate));
    checks.vector("/boot_head", &replicates.iter().take(10).copied().map(Some).collect::<Vec<_>>());
    let logarithms: Vec<_> = replicates.iter().map(|ratio| libm::log(*ratio)).collect();
    checks.figure("/log_se", stats::bootstrap_standard_error(&logarithms).ok());
    checks.figure("/z0", Some(bca.bias_correction));
    checks.figure("/acceleration", Some(bca.acceleration));
    checks.vector("/bca_probs", &[Some(bca.probabilities.0), Some(bca.probabilities.1)]);
    checks.vector("/bca", &limits(&bca.interval));
    let percentile = stats::percentile_interval(estimate, &replicates, CONFIDENCE).expect("there are replicates");
    checks.vector("/percentile", &limits(&percentile));
    let basic = stats::basic_interval(estimate, &replicates, CONFIDENCE).expect("there are replicates");
    checks.vector("/basic", &limits(&basic));
}

fn moving_block_mean(checks: &mut Checks, case: &Case, starts: &[Vec<usize>]) {
    let y = numbers(case, "y");
    let length =
        usize::try_from(count(case, "block_length").expect("the case has a block length")).expect("it is small");
    let replicate =
        |starts: &Vec<usize>| stats::circular_block_mean(&y, length, starts).expect("the blocks fill the series");
    let replicates: Vec<_> = starts.iter().map(replicate).collect();
    checks.vector("/head", &replicates.iter().take(10).copied().map(Some).collect::<Vec<_>>());
    checks.figure("/se", stats::bootstrap_standard_error(&replicates).ok());
    let percentile = stats::percentile_interval(mean(&y), &replicates, CONFIDENCE).expect("there are replicates");
    checks.vector("/percentile", &limits(&percentile));
}

fn distributions(checks: &mut Checks, case: &Case) {
    let entries = |name: &str| case.input[name].as_array().expect("the case has a grid").clone();
    for p in entries("p") {
        let (key, p) = (number_key(&p), p.as_f64().expect("the grid holds numbers"));
        checks.figure(&format!("/quantiles/{key}/normal"), stats::normal_quantile(p).ok());
        for df in entries("df") {
            let (name, df) = (number_key(&df), df.as_f64().expect("the grid holds numbers"));
            let mut figure = |kind: &str, value: Result<f64, stats::DistributionError>| {
                checks.figure(&format!("/quantiles/{key}/{kind}/{name}"), value.ok());
            };
            figure("t", stats::student_t_quantile(p, df));
            figure("chisq", stats::chi_squared_quantile(p, df));
            figure("f_5", stats::f_quantile(p, 5.0, df));
            figure("beta_half", stats::beta_quantile(p, 0.5 * df, 3.5));
            figure("gamma", stats::gamma_quantile(p, 0.5 * df, 1.7));
        }
    }
    for point in entries("tail_points") {
        let (key, x) = (number_key(&point), point.as_f64().expect("the grid holds numbers"));
        checks.figure(&format!("/upper_tails/{key}/normal_upper"), stats::normal_upper_tail(x).ok());
        for df in entries("df") {
            let (name, df) = (number_key(&df), df.as_f64().expect("the grid holds numbers"));
            let mut figure = |kind: &str, value: Result<f64, stats::DistributionError>| {
                checks.figure(&format!("/upper_tails/{key}/{kind}/{name}"), value.ok());
            };
            figure("t_upper", stats::student_t_upper_tail(x, df));
            figure("chisq_upper", stats::chi_squared_upper_tail(x * x, df));
            figure("f_upper_5", stats::f_upper_tail(x * x, 5.0, df));
        }
    }
}

/// How the schema writes a number as a key.
fn number_key(number: &Value) -> String {
    let value = number.as_f64().expect("the grid holds numbers");
    if value < 1e-4 { format!("{value:e}").replace("e-", "e-0") } else { value.to_string() }
}

fn count(case: &Case, name: &str) -> Option<u64> {
    case.input[name].as_u64()
}

fn numbers(case: &Case, name: &str) -> Vec<f64> {
    let entries = case.input[name].as_array().unwrap_or_else(|| panic!("case `{}` has no `{name}`", case.id));
    entries.iter().map(|entry| entry.as_f64().expect("the input holds numbers")).collect()
}

fn table(case: &Case, directory: &Path) -> Table {
    Table::read(&directory.join(case.input["data"].as_str().expect("the input names its table")))
}

fn limits(interval: &Interval) -> [Option<f64>; 2] {
    [Some(interval.low), Some(interval.high)]
}

fn median(values: &[f64]) -> f64 {
    stats::quantile(values, 0.5).expect("the case has values")
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn without(values: &[f64], index: usize) -> Vec<f64> {
    values[..index].iter().chain(&values[index + 1..]).copied().collect()
}
