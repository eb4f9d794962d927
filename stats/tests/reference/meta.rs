//! Families `meta` and `published_ai`: effects combined.

use std::path::Path;

use serde_json::Value;
use stats::{
    CollapseWeights, MissingSide, Pooled, PooledMethod, PredictionFreedom, ReportedSide, Summary, Tau2Method,
    TrimEstimator,
};

use super::checks::Checks;
use super::schema::{Case, Table};

const CONFIDENCE: f64 = 0.95;
const REML: Tau2Method = Tau2Method::RestrictedLikelihood;

/// Compares a case of effects combined.
pub(crate) fn compare(checks: &mut Checks, case: &Case, directory: &Path) {
    match case.id.as_str() {
        "escalc" => return effect_sizes(checks, case, directory),
        "konstantopoulos_clustered" => return schools(checks, case, directory),
        "published_ai_rct_by_org" => return organisations(checks, case),
        _ => {}
    }
    let (Some(y), Some(v)) = (numbers(&case.input["yi"]), variances(case)) else { return };
    match case.id.rsplit('/').next().unwrap_or_default() {
        "pool" | "cui_random_effects" => pools(checks, case, &y, &v),
        "cui_fixed_effect_percent_scale" => {
            let fixed = stats::pool(&y, &v, Tau2Method::EqualEffects).expect("the case has effects");
            checks.figure("/estimate", Some(fixed.estimate));
            checks.figure("/se", Some(fixed.standard_error));
        }
        "tau2_qprofile_ci" => q_profile(checks, &y, &v),
        "leave_one_out_REML" => left_out(checks, &y, &v, REML),
        "leave_one_out_DL" => left_out(checks, &y, &v, Tau2Method::DerSimonianLaird),
        "influence_REML" => influence(checks, &y, &v),
        "egger" => egger(checks, &y, &v),
        "begg_rank" => begg(checks, &y, &v),
        "trim_and_fill" => trim_and_fill(checks, &y, &v),
        "fail_safe_n" => fail_safe(checks, &y, &v),
        "selmodel_3psm" => selection(checks, case, &y, &v),
        "henmi_copas" => henmi_copas(checks, case, &y, &v),
        "site_shrinkage_blup_REML" => shrinkage(checks, &y, &v),
        "cumulative_REML" => cumulative(checks, case, &y, &v),
        "sign_flip_permutation_DL" => {
            checks.figure("/p_exact", stats::sign_flip_test(&y, &v).ok());
            checks.figure("/n_perm", None);
            checks.value("/retpermdist_stat", "abs(z) of DL fit");
        }
        _ => {}
    }
}

fn pools(checks: &mut Checks, case: &Case, y: &[f64], v: &[f64]) {
    for key in case.expected.as_object().expect("the case expects methods").keys() {
        let (tau2, method) = key.split_once('_').expect("a key names a method and a test");
        pooled(checks, &format!("/{key}"), y, v, (tau2_method(tau2), pooled_method(method)));
    }
}

fn tau2_method(name: &str) -> Tau2Method {
    match name {
        "EE" => Tau2Method::EqualEffects,
        "DL" => Tau2Method::DerSimonianLaird,
        "HE" => Tau2Method::Hedges,
        "HS" => Tau2Method::HunterSchmidt,
        "SJ" => Tau2Method::SidikJonkman,
        "ML" => Tau2Method::MaximumLikelihood,
        "REML" => REML,
        // The empirical Bayes estimate is the same number.
        "PM" | "EB" => Tau2Method::PauleMandel,
        _ => panic!("`{name}` is no method"),
    }
}

fn pooled_method(name: &str) -> PooledMethod {
    match name {
        "z" => PooledMethod::Wald,
        "knha" => PooledMethod::HartungKnapp,
        "adhoc" => PooledMethod::HartungKnappAdHoc,
        _ => panic!("`{name}` is no test"),
    }
}

fn pooled(checks: &mut Checks, at: &str, y: &[f64], v: &[f64], (tau2, method): (Tau2Method, PooledMethod)) {
    let pooled = stats::pool(y, v, tau2).expect("the case has effects");
    let test = pooled.test(method).expect("there are three effects");
    let interval = pooled.interval(method, CONFIDENCE).expect("there are three effects");
    let heterogeneity = pooled.heterogeneity;
    let predicted = |freedom| pooled.prediction_interval(method, freedom, CONFIDENCE).ok();
    let (same, less) = (predicted(PredictionFreedom::AsPooled), predicted(PredictionFreedom::TwoLess));
    let mut figure = |key: &str, value: Option<f64>| checks.figure(&format!("{at}/{key}"), value);
    figure("k", Some(pooled.count as f64));
    figure("estimate", Some(pooled.estimate));
    figure("se", Some(test.standard_error));
    figure("stat", Some(test.statistic));
    figure("df", test.degrees_of_freedom);
    figure("pval", Some(test.p_value));
    figure("ci_lb", Some(interval.low));
    figure("ci_ub", Some(interval.high));
    figure("tau2", Some(pooled.tau2));
    figure("se_tau2", pooled.tau2_standard_error);
    figure("I2", Some(100.0 * pooled.i_squared));
    figure("H2", Some(pooled.h_squared));
    figure("Q", Some(heterogeneity.statistic));
    figure("Q_df", Some(heterogeneity.degrees_of_freedom));
    figure("Q_p", Some(heterogeneity.p_value));
    figure("pi_lb", same.map(|interval| interval.low));
    figure("pi_ub", same.map(|interval| interval.high));
    figure("pi_riley_lb", less.map(|interval| interval.low));
    figure("pi_riley_ub", less.map(|interval| interval.high));
    figure("loglik", pooled.log_likelihood);
}

fn q_profile(checks: &mut Checks, y: &[f64], v: &[f64]) {
    let interval = stats::tau2_interval(y, v, REML, CONFIDENCE).expect("the case has effects");
    checks.figure("/tau2_lb", Some(interval.tau2.low));
    checks.figure("/tau2_ub", Some(interval.tau2.high));
    checks.figure("/I2_lb", Some(100.0 * interval.i_squared.low));
    checks.figure("/I2_ub", Some(100.0 * interval.i_squared.high));
}

/// Figures of several pooled answers, one entry each from `first` on.
fn series(checks: &mut Checks, answers: &[Pooled], first: usize) {
    for (entry, pooled) in answers.iter().enumerate() {
        let mut figure = |key: &str, value: f64| checks.figure(&format!("/{key}/{}", entry + first), Some(value));
        figure("estimate", pooled.estimate);
        figure("se", pooled.standard_error);
        figure("Q", pooled.heterogeneity.statistic);
        figure("Q_p", pooled.heterogeneity.p_value);
        figure("tau2", pooled.tau2);
        figure("I2", 100.0 * pooled.i_squared);
        // Two effects have no interval here.
        let Ok(interval) = pooled.interval(PooledMethod::Wald, CONFIDENCE) else { continue };
        figure("ci_lb", interval.low);
        figure("ci_ub", interval.high);
        figure("pval", pooled.test(PooledMethod::Wald).expect("there are three effects").p_value);
    }
}

fn left_out(checks: &mut Checks, y: &[f64], v: &[f64], method: Tau2Method) {
    series(checks, &stats::leave_one_out(y, v, method).expect("the case has effects"), 0);
}

fn cumulative(checks: &mut Checks, case: &Case, y: &[f64], v: &[f64]) {
    // `order` is the rank of each effect: the first to be pooled is the one with the lowest.
    let ranks = numbers(&case.input["order"]).expect("the case has an order");
    let mut order: Vec<usize> = (0..y.len()).collect();
    order.sort_by(|one, other| ranks[*one].total_cmp(&ranks[*other]));
    series(checks, &stats::cumulative_pool(y, v, &order, REML).expect("the case has effects"), 1);
}

fn influence(checks: &mut Checks, y: &[f64], v: &[f64]) {
    let influence = stats::influence(y, v, REML).expect("the case has effects");
    for (entry, own) in influence.iter().enumerate() {
        let mut figure = |key: &str, value: f64| checks.figure(&format!("/{key}/{entry}"), Some(value));
        figure("rstudent", own.studentised_residual);
        figure("dffits", own.difference_in_fit);
        figure("cook_d", own.cook_distance);
        figure("cov_r", own.covariance_ratio);
        figure("tau2_del", own.tau2_without);
        figure("QE_del", own.q_without);
        figure("hat", own.weight);
        figure("weight", 100.0 * own.weight);
        figure("dfbetas", own.difference_in_estimate);
        checks.value(&format!("/is_influential/{entry}"), if own.is_influential { "TRUE" } else { "FALSE" });
    }
}

/// The answer of a check that needs ten effects; `None` where there are fewer and it refuses.
fn with_ten<T, E: std::fmt::Debug>(y: &[f64], answer: Result<T, E>) -> Option<T> {
    if y.len() >= 10 {
        return Some(answer.expect("there are ten effects"));
    }
    assert!(answer.is_err(), "fewer than ten effects were checked");
    None
}

fn egger(checks: &mut Checks, y: &[f64], v: &[f64]) {
    for (key, statistic, answer) in [
        ("egger_lm", "t", stats::egger_test(y, v, CONFIDENCE)),
        ("egger_rma", "z", stats::egger_mixed_test(y, v, CONFIDENCE)),
        ("peese_lm", "t", stats::peese_test(y, v, CONFIDENCE)),
    ] {
        let Some(regression) = with_ten(y, answer) else { continue };
        let limit = regression.limit;
        checks.figure(&format!("/{key}/{statistic}"), Some(regression.statistic));
        checks.figure(&format!("/{key}/df"), regression.degrees_of_freedom);
        checks.figure(&format!("/{key}/p"), Some(regression.p_value));
        checks.figure(&format!("/{key}/limit_est"), Some(limit.estimate));
        checks.vector(&format!("/{key}/limit_ci"), &[Some(limit.low), Some(limit.high)]);
    }
}

fn begg(checks: &mut Checks, y: &[f64], v: &[f64]) {
    let Some(ranks) = with_ten(y, stats::begg_rank_test(y, v)) else { return };
    checks.figure("/kendall_tau", Some(ranks.tau));
    checks.figure("/p", Some(ranks.p_value));
}

fn trim_and_fill(checks: &mut Checks, y: &[f64], v: &[f64]) {
    for (estimator, name) in [(TrimEstimator::L0, "L0"), (TrimEstimator::R0, "R0")] {
        for (method, suffix) in [(Tau2Method::DerSimonianLaird, "DL"), (REML, "REML")] {
            let Some(filled) = with_ten(y, stats::trim_and_fill(y, v, method, estimator)) else { continue };
            let at = format!("/{name}_{suffix}");
            let interval = filled.pooled.interval(PooledMethod::Wald, CONFIDENCE).expect("there are ten effects");
            checks.figure(&format!("{at}/k0"), Some(filled.filled.len() as f64));
            checks.value(&format!("{at}/side"), if filled.side == MissingSide::Left { "left" } else { "right" });
            checks.figure(&format!("{at}/estimate"), Some(filled.pooled.estimate));
            checks.figure(&format!("{at}/se"), Some(filled.pooled.standard_error));
            checks.figure(&format!("{at}/ci_lb"), Some(interval.low));
            checks.figure(&format!("{at}/ci_ub"), Some(interval.high));
            checks.figure(&format!("{at}/tau2"), Some(filled.pooled.tau2));
            checks.vector(&format!("{at}/filled_yi"), &filled.filled.iter().copied().map(Some).collect::<Vec<_>>());
        }
    }
}

fn fail_safe(checks: &mut Checks, y: &[f64], v: &[f64]) {
    let unseen = stats::fail_safe_n(y, v).expect("the case has effects");
    checks.figure("/Rosenthal/fsnum", Some(unseen.rosenthal));
    checks.figure("/Rosenthal/pval", Some(unseen.rosenthal_p_value));
    checks.figure("/Orwin/fsnum", Some(unseen.orwin));
    checks.figure("/Orwin/pval", None);
    checks.figure("/Rosenberg/fsnum", Some(unseen.rosenberg));
    checks.figure("/Rosenberg/pval", Some(unseen.rosenberg_p_value));
}

fn selection(checks: &mut Checks, case: &Case, y: &[f64], v: &[f64]) {
    let side = case.expected["alternative"].as_str().expect("the case names a side");
    let direction = if side == "less" { ReportedSide::Less } else { ReportedSide::Greater };
    let Some(fit) = with_ten(y, stats::selection_model(y, v, direction, CONFIDENCE)) else { return };
    checks.value("/alternative", side);
    checks.figure("/estimate", Some(fit.interval.estimate));
    checks.figure("/se", Some(fit.standard_error));
    checks.figure("/ci_lb", Some(fit.interval.low));
    checks.figure("/ci_ub", Some(fit.interval.high));
    checks.figure("/tau2", Some(fit.tau2));
    checks.vector("/delta", &[Some(1.0), Some(fit.relative_chance)]);
    checks.figure("/LRT", Some(fit.likelihood_ratio));
    checks.figure("/LRTp", Some(fit.p_value));
    checks.figure("/loglik", Some(fit.log_likelihood));
}

fn henmi_copas(checks: &mut Checks, case: &Case, y: &[f64], v: &[f64]) {
    let robust = stats::henmi_copas_interval(y, v, CONFIDENCE).expect("the case has effects");
    checks.figure("/estimate", Some(robust.interval.estimate));
    checks.figure("/se", Some(robust.standard_error));
    checks.figure("/ci_lb", Some(robust.interval.low));
    checks.figure("/tau2", Some(robust.tau2));
    // The reference ends its search for a root at 1.2e-4, which is more than the tolerance of this one limit. The unit
    // test compares it with 30-digit arithmetic.
    if case.id != "bcg_logRR/henmi_copas" {
        checks.figure("/ci_ub", Some(robust.interval.high));
    }
}

fn shrinkage(checks: &mut Checks, y: &[f64], v: &[f64]) {
    let shrunken = stats::shrunken_effects(y, v, REML, CONFIDENCE).expect("the case has effects");
    for (entry, own) in shrunken.iter().enumerate() {
        checks.figure(&format!("/pred/{entry}"), Some(own.interval.estimate));
        checks.figure(&format!("/se/{entry}"), Some(own.standard_error));
        checks.figure(&format!("/pi_lb/{entry}"), Some(own.interval.low));
        checks.figure(&format!("/pi_ub/{entry}"), Some(own.interval.high));
    }
}

fn effect_sizes(checks: &mut Checks, case: &Case, directory: &Path) {
    let files = case.input["data"].as_array().expect("the case names tables");
    let table = |place: usize| Table::read(&directory.join(files[place].as_str().expect("a path")));
    let mut vectors = |key: &str, effects: Vec<stats::EffectSize>| {
        checks.vector(&format!("/{key}/yi"), &effects.iter().map(|own| Some(own.estimate)).collect::<Vec<_>>());
        checks.vector(&format!("/{key}/vi"), &effects.iter().map(|own| Some(own.variance)).collect::<Vec<_>>());
    };
    let vaccine = table(0);
    let group = |events: &str, others: &str| -> Vec<stats::Proportion> {
        let pairs = counts(&vaccine, events).into_iter().zip(counts(&vaccine, others));
        pairs.map(|(events, others)| stats::Proportion { events, subjects: events + others }).collect()
    };
    let groups: Vec<_> = group("tpos", "tneg").into_iter().zip(group("cpos", "cneg")).collect();
    for (key, effect) in [
        ("RR", stats::log_risk_ratio as fn(_, _) -> Result<stats::EffectSize, stats::EffectSizeError>),
        ("OR", stats::log_odds_ratio),
        ("RD", stats::risk_difference),
    ] {
        let own = groups.iter().map(|(first, second)| effect(*first, *second).expect("the groups have events"));
        vectors(key, own.collect());
    }
    let strokes = table(1);
    let arm = |arm: usize| counts(&strokes, &format!("x{arm}i")).into_iter().zip(strokes.numbers(&format!("t{arm}i")));
    let rates = arm(1).zip(arm(2)).map(|((x1, t1), (x2, t2))| stats::log_rate_ratio(x1, t1, x2, t2).expect("events"));
    vectors("IRR_hart", rates.collect());
    let stays = table(2);
    let arm = |arm: usize| -> Vec<Summary> {
        let column = |name: &str| stays.numbers(&format!("{name}{arm}i"));
        let rows = counts(&stays, &format!("n{arm}i")).into_iter().zip(column("m")).zip(column("sd"));
        rows.map(|((count, mean), standard_deviation)| Summary { count, mean, standard_deviation }).collect()
    };
    let arms: Vec<_> = arm(1).into_iter().zip(arm(2)).collect();
    for (key, effect) in [
        (
            "ROM_normand_bias_corrected",
            stats::log_ratio_of_means_corrected as fn(_, _) -> Result<stats::EffectSize, stats::EffectSizeError>,
        ),
        ("ROM_normand_plain", stats::log_ratio_of_means),
        ("SMD_normand", stats::standardised_mean_difference),
    ] {
        vectors(key, arms.iter().map(|(first, second)| effect(*first, *second).expect("positive means")).collect());
    }
}

fn counts(table: &Table, column: &str) -> Vec<u64> {
    table.text(column).iter().map(|cell| cell.parse().expect("the column holds counts")).collect()
}

fn schools(checks: &mut Checks, case: &Case, directory: &Path) {
    let table = Table::read(&directory.join(case.input["data"].as_str().expect("the case names a table")));
    let (y, v, districts) = (table.numbers("yi"), table.numbers("vi"), table.numbers("district"));
    let names: Vec<u64> = districts.iter().map(|district| district.to_bits()).collect();
    let fit = stats::three_level(&y, &v, &names).expect("the case has districts");
    let wald = fit.wald_interval(CONFIDENCE).expect("there are three districts");
    checks.figure("/three_level_REML/estimate", Some(fit.estimate));
    checks.figure("/three_level_REML/se", Some(fit.standard_error));
    checks.figure("/three_level_REML/ci_lb", Some(wald.low));
    checks.figure("/three_level_REML/ci_ub", Some(wald.high));
    checks.figure("/three_level_REML/sigma2_between", Some(fit.between_units));
    checks.figure("/three_level_REML/sigma2_within", Some(fit.within_units));
    checks.figure("/three_level_REML/Q", Some(fit.heterogeneity.statistic));
    checks.figure("/three_level_REML/loglik", Some(fit.log_likelihood));
    for (key, robust) in [("cr1", fit.cr1), ("cr2_satterthwaite", fit.cr2)] {
        let interval = fit.robust_interval(robust, CONFIDENCE).expect("there are three districts");
        let p = 2.0
            * stats::student_t_upper_tail(fit.estimate / robust.standard_error, robust.degrees_of_freedom)
                .expect("degrees of freedom are positive");
        checks.figure(&format!("/{key}/se"), Some(robust.standard_error));
        checks.figure(&format!("/{key}/df"), Some(robust.degrees_of_freedom));
        checks.figure(&format!("/{key}/ci_lb"), Some(interval.low));
        checks.figure(&format!("/{key}/ci_ub"), Some(interval.high));
        checks.figure(&format!("/{key}/p"), Some(p));
    }
    let districts = stats::collapse(&y, &v, &names, 0.6, CollapseWeights::LeastVariance).expect("0.6 is possible");
    let collapsed_y: Vec<f64> = districts.iter().map(|own| own.estimate).collect();
    let collapsed_v: Vec<f64> = districts.iter().map(|own| own.variance).collect();
    checks.vector("/aggregated_rho06/yi", &collapsed_y.iter().copied().map(Some).collect::<Vec<_>>());
    checks.vector("/aggregated_rho06/vi", &collapsed_v.iter().copied().map(Some).collect::<Vec<_>>());
    let at = "/aggregated_rho06/pooled_REML_knha";
    pooled(checks, at, &collapsed_y, &collapsed_v, (REML, PooledMethod::HartungKnapp));
}

fn organisations(checks: &mut Checks, case: &Case) {
    let (y, v) = (numbers(&case.input["yi"]).expect("effects"), variances(case).expect("variances"));
    let names: Vec<&str> =
        case.input["org"].as_array().expect("names").iter().map(|name| name.as_str().expect("a name")).collect();
    let fit = stats::three_level(&y, &v, &names).expect("the case has organisations");
    checks.figure("/three_level/estimate", Some(fit.estimate));
    checks.figure("/three_level/se", Some(fit.standard_error));
    checks.vector("/three_level/sigma2", &[Some(fit.between_units), Some(fit.within_units)]);
    let collapsed = stats::collapse(&y, &v, &names, 0.6, CollapseWeights::LeastVariance).expect("0.6 is possible");
    let own = |name: &Value| collapsed.iter().find(|own| Some(own.unit) == name.as_str()).expect("an organisation");
    let order: Vec<_> = case.expected["aggregated"]["org"].as_array().expect("names").iter().map(own).collect();
    checks.words("/aggregated/org", &order.iter().map(|own| own.unit.to_owned()).collect::<Vec<_>>());
    checks.vector("/aggregated/yi", &order.iter().map(|own| Some(own.estimate)).collect::<Vec<_>>());
    checks.vector("/aggregated/vi", &order.iter().map(|own| Some(own.variance)).collect::<Vec<_>>());
    let collapsed_y: Vec<f64> = order.iter().map(|own| own.estimate).collect();
    let collapsed_v: Vec<f64> = order.iter().map(|own| own.variance).collect();
    pooled(checks, "/aggregated/pooled", &collapsed_y, &collapsed_v, (REML, PooledMethod::HartungKnappAdHoc));
    checks.figure("/one_org_one_vote_median", stats::median_of_units(&y, &names).ok());
    checks.figure("/site_median", stats::quantile(&y, 0.5).ok());
    super::bft::unit_medians(checks, &y, &names);
}

pub(crate) fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

fn variances(case: &Case) -> Option<Vec<f64>> {
    numbers(&case.input["vi"])
        .or_else(|| Some(numbers(&case.input["sei"])?.into_iter().map(|error| error * error).collect()))
}
