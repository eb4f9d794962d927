//! Cases of two samples.

use serde_json::Value;
use stats::{RankComparison, RankMethod, RankTest, SignedRank, Wald};

use super::checks::Checks;
use super::schema::{Case, Tolerance};

const CONFIDENCE: f64 = 0.95;

/// The reference finds these limits by a root to an absolute tolerance of 1e-4.
const ROOT: Tolerance = Tolerance { rel: 1e-3, abs: 1e-4 };

pub(crate) fn compare(checks: &mut Checks, case: &Case) {
    let (Some(x), Some(y)) = (values(case, "x"), values(case, "y")) else { return };
    if case.id.contains("paired") {
        return paired(checks, &x, &y);
    }
    if case.id.starts_with("perm") {
        return permutation(checks, &x, &y);
    }
    rank_figures(checks, &x, &y);
    mean_figures(checks, &x, &y);
    quantile_figures(checks, &x, &y);
}

fn values(case: &Case, name: &str) -> Option<Vec<f64>> {
    let entries = case.input[format!("{name}_values")].as_array().or_else(|| case.input[name].as_array())?;
    Some(entries.iter().filter_map(Value::as_f64).collect())
}

/// A statistic, its degrees of freedom and its probability, with limits that may be of a ratio.
fn t_figures(checks: &mut Checks, at: &str, wald: &Wald, scale: fn(f64) -> f64) {
    let interval = wald.interval(CONFIDENCE).expect("the level is between 0 and 1");
    checks.figure(&format!("{at}/t"), Some(wald.estimate / wald.standard_error));
    checks.figure(&format!("{at}/df"), wald.degrees_of_freedom);
    checks.figure(&format!("{at}/p"), wald.p_two_sided().ok());
    checks.figure(&format!("{at}/lb"), Some(scale(interval.low)));
    checks.figure(&format!("{at}/ub"), Some(scale(interval.high)));
    for key in ["diff", "mean", "gmr"] {
        checks.figure(&format!("{at}/{key}"), Some(scale(interval.estimate)));
    }
}

fn mean_figures(checks: &mut Checks, x: &[f64], y: &[f64]) {
    t_figures(checks, "/welch", &stats::welch_difference(x, y).expect("they vary"), |value| value);
    let log = stats::log_ratio_of_geometric_means(x, y).expect("they are positive");
    t_figures(checks, "/log_welch_gmr", &log, libm::exp);
    t_figures(checks, "/yuen_trim10", &stats::yuen_difference(x, y, 0.1).expect("they vary"), |value| value);
    let cut = |values: &[f64]| stats::trimmed_mean(values, values.len() / 10).ok();
    checks.vector("/trimmed_mean10", &[cut(x), cut(y)]);
}

fn quantile_figures(checks: &mut Checks, x: &[f64], y: &[f64]) {
    let median = |values: &[f64]| stats::quantile(values, 0.5).expect("there are values");
    checks.vector("/medians", &[Some(median(x)), Some(median(y))]);
    checks.figure("/median_diff", Some(median(x) - median(y)));
    checks.figure("/ratio_of_medians", Some(median(x) / median(y)));
    let probabilities = [0.1, 0.25, 0.5, 0.75, 0.9, 0.95];
    checks.vector("/quantile_probs", &probabilities.map(Some));
    for (key, values) in [("/quantiles_type7_x", x), ("/quantiles_type7_y", y)] {
        checks.vector(key, &probabilities.map(|probability| stats::quantile(values, probability).ok()));
    }
}

fn p(test: Result<RankTest, stats::RankError>) -> Option<f64> {
    test.ok().map(|test| test.p_two_sided)
}

fn rank_figures(checks: &mut Checks, x: &[f64], y: &[f64]) {
    let ranks = RankComparison::new(x, y).expect("the case has values");
    let pairs = ranks.pairs();
    let corrected = ranks.mann_whitney(RankMethod::NormalCorrected).expect("the values differ");
    checks.figure("/mann_whitney/W", Some(corrected.statistic));
    checks.figure("/mann_whitney/p_normal_cc", Some(corrected.p_two_sided));
    checks.figure("/mann_whitney/p_normal_nocc", p(ranks.mann_whitney(RankMethod::Normal)));
    for key in ["p_exact", "p_exact_ties"] {
        checks.figure(&format!("/mann_whitney/{key}"), p(ranks.mann_whitney(RankMethod::Exact)));
    }
    checks.value("/has_ties", ranks.hodges_lehmann(RankMethod::Exact, 0.5).is_err());
    let probability = (pairs.second_larger as f64 + 0.5 * pairs.equal as f64) / (x.len() * y.len()) as f64;
    checks.figure("/prob_x_less_y", Some(probability));
    checks.figure("/cliffs_delta_x_over_y", Some(1.0 - 2.0 * probability));
    let odds = RankComparison::new(y, x).and_then(|ranks| ranks.win_odds(CONFIDENCE));
    checks.figure("/win_odds_y_larger", odds.ok().map(|odds| odds.estimate));
    let (distance, chance) = ranks.kolmogorov_smirnov();
    checks.figure("/ks/D", Some(distance));
    checks.figure("/ks/p_asymptotic", Some(chance));
    shifts(checks, &ranks, x, y);
    // That reference takes the first sample from the second.
    let munzel = ranks.brunner_munzel().expect("they overlap");
    checks.figure("/brunner_munzel/stat", Some(-munzel.estimate / munzel.standard_error));
    checks.figure("/brunner_munzel/p", munzel.p_two_sided().ok());
    checks.figure("/mann_whitney_cc/U", Some(corrected.statistic));
    checks.figure("/mann_whitney_cc/p", Some(corrected.p_two_sided));
}

fn shifts(checks: &mut Checks, ranks: &RankComparison, x: &[f64], y: &[f64]) {
    let normal = ranks.hodges_lehmann(RankMethod::Normal, CONFIDENCE).expect("there are enough").interval;
    checks.figure("/hodges_lehmann/est", Some(normal.estimate));
    checks.figure("/hodges_lehmann/median_pairwise_diff", Some(normal.estimate));
    let exact = ranks.hodges_lehmann(RankMethod::Exact, CONFIDENCE).ok();
    checks.figure("/hodges_lehmann/exact_lb", exact.map(|found| found.interval.low));
    checks.figure("/hodges_lehmann/exact_ub", exact.map(|found| found.interval.high));
    checks.figure_within(ROOT, "/hodges_lehmann/asymptotic_lb", Some(normal.low));
    checks.figure_within(ROOT, "/hodges_lehmann/asymptotic_ub", Some(normal.high));
    if checks.expects("/hl_log_ratio") {
        let logs = RankComparison::of_logarithms(x, y).expect("the values are positive");
        let ratio = logs.hodges_lehmann(RankMethod::Normal, CONFIDENCE).expect("there are enough").interval;
        checks.figure("/hl_log_ratio/ratio_median_pairwise", Some(libm::exp(ratio.estimate)));
        checks.figure_within(ROOT, "/hl_log_ratio/asymptotic_lb", Some(libm::exp(ratio.low)));
        checks.figure_within(ROOT, "/hl_log_ratio/asymptotic_ub", Some(libm::exp(ratio.high)));
    }
}

fn permutation(checks: &mut Checks, x: &[f64], y: &[f64]) {
    let test = stats::permutation_test(x, y, 10_000, 0).expect("the values differ");
    checks.figure("/observed", Some(test.observed));
    checks.figure("/n_perm", Some(test.assignments as f64));
    checks.figure("/n_ge", Some(test.at_least as f64));
    checks.figure("/n_le", Some(test.at_most as f64));
    checks.figure("/n_abs_ge", Some(test.at_least_absolute as f64));
    checks.figure("/p_greater", Some(test.p_greater));
    checks.figure("/p_less", Some(test.p_less));
    for key in ["/p_two_sided_abs", "/p_perm_test_pkg"] {
        checks.figure(key, Some(test.p_two_sided));
    }
}

fn paired(checks: &mut Checks, x: &[f64], y: &[f64]) {
    let ranks = SignedRank::of_pairs(x, y).expect("the case has pairs");
    let test = ranks.test(RankMethod::Normal).expect("the values differ");
    checks.figure("/wilcoxon_V", Some(test.statistic));
    checks.figure("/p_normal_nocc", Some(test.p_two_sided));
    checks.figure("/p_exact_ties", p(ranks.test(RankMethod::Exact)));
    let centre = ranks.hodges_lehmann(RankMethod::NormalCorrected, CONFIDENCE).expect("there are enough");
    checks.figure("/hl_pseudomedian", Some(centre.interval.estimate));
    t_figures(checks, "/paired_t", &stats::paired_difference(x, y).expect("they vary"), |value| value);
}
