//! Cases of margins, of several tests at once, and of what is not seen.

use serde_json::Value;
use stats::{Adjust, Combination, Proportion, RatioKind, Wald};

use super::checks::Checks;
use super::schema::{Case, Tolerance};

fn numbers(value: &Value) -> Option<Vec<f64>> {
    Some(value.as_array()?.iter().filter_map(Value::as_f64).collect())
}

pub(crate) fn multiplicity(checks: &mut Checks, case: &Case) {
    let p = numbers(&case.input["p"]).expect("the case has probabilities");
    let adjustments = [
        ("/holm", Adjust::Holm),
        ("/hochberg", Adjust::Hochberg),
        ("/bonferroni", Adjust::Bonferroni),
        ("/BH", Adjust::BenjaminiHochberg),
        ("/BY", Adjust::BenjaminiYekutieli),
    ];
    for (key, adjust) in adjustments {
        let adjusted = stats::adjusted_p_values(&p, adjust).expect("they are probabilities");
        checks.vector(key, &adjusted.into_iter().map(Some).collect::<Vec<_>>());
    }
    let combinations = [
        ("/fisher/p", Combination::Fisher),
        ("/stouffer/p", Combination::Stouffer),
        ("/cauchy", Combination::Cauchy),
        ("/simes", Combination::Simes),
    ];
    for (key, combination) in combinations {
        checks.figure(key, stats::combined_p_value(&p, combination).ok());
    }
}

pub(crate) fn margins(checks: &mut Checks, case: &Case) {
    if let (Some(x), Some(y)) = (numbers(&case.input["x"]), numbers(&case.input["y"])) {
        equivalence(checks, case, &x, &y);
    } else if let (Some(estimates), Some(errors)) = (numbers(&case.input["est"]), numbers(&case.input["se"])) {
        four_metrics(checks, case, &estimates, &errors);
    }
}

fn equivalence(checks: &mut Checks, case: &Case, x: &[f64], y: &[f64]) {
    let margin = |name: &str| case.input[name].as_f64().expect("the case has margins");
    let (mut low, mut high) = (margin("margin_low"), margin("margin_high"));
    let effect = if case.input["log_scale"] == true {
        (low, high) = (libm::log(low), libm::log(high));
        stats::log_ratio_of_geometric_means(x, y)
    } else {
        stats::welch_difference(x, y)
    };
    let effect = effect.expect("the samples vary");
    let test = stats::equivalence_test(&effect, low, high, 0.05).expect("the margins are in order");
    checks.figure("/t_lower", Some(test.t_lower));
    checks.figure("/t_upper", Some(test.t_upper));
    checks.figure("/p_lower", Some(test.p_lower));
    checks.figure("/p_upper", Some(test.p_upper));
    checks.figure("/p_tost", Some(test.p));
    checks.figure("/df", effect.degrees_of_freedom);
    checks.figure("/diff", Some(effect.estimate));
    checks.vector("/ci90", &[Some(test.interval.low), Some(test.interval.high)]);
}

/// Tests of four margins; what they are called in words is not this crate's.
fn four_metrics(checks: &mut Checks, case: &Case, estimates: &[f64], errors: &[f64]) {
    let margins = numbers(&case.input["margin"]).expect("the case has margins");
    let level = 1.0 - 2.0 * case.input["alpha_one_sided"].as_f64().expect("the case has a level");
    let effects: Vec<Wald> = estimates
        .iter()
        .zip(errors)
        .map(|(&estimate, &standard_error)| Wald { estimate, standard_error, degrees_of_freedom: None })
        .collect();
    let intervals: Vec<_> = effects.iter().map(|effect| effect.interval(level).expect("a level")).collect();
    checks.vector("/lb", &intervals.iter().map(|interval| Some(interval.low)).collect::<Vec<_>>());
    checks.vector("/ub", &intervals.iter().map(|interval| Some(interval.high)).collect::<Vec<_>>());
    let above = |effect: &Wald, value: f64| effect.p_above(value).expect("a tail");
    let keeps: Vec<f64> = effects.iter().zip(&margins).map(|(effect, margin)| above(effect, -margin)).collect();
    let improves: Vec<f64> = effects.iter().map(|effect| above(effect, 0.0)).collect();
    checks.vector("/p_non_inferior", &keeps.iter().copied().map(Some).collect::<Vec<_>>());
    checks.vector("/p_superior", &improves.iter().copied().map(Some).collect::<Vec<_>>());
    checks.figure("/iut_all_non_inferior_p", keeps.iter().copied().reduce(f64::max));
    let holm = stats::adjusted_p_values(&improves, Adjust::Holm).expect("they are probabilities");
    checks.vector("/holm_superior", &holm.into_iter().map(Some).collect::<Vec<_>>());
}

pub(crate) fn e_values(checks: &mut Checks, case: &Case) {
    for (place, row) in case.input["rows"].as_array().expect("the case has rows").iter().enumerate() {
        let number = |name: &str| row[name].as_f64().expect("the row has numbers");
        let kind = match row["measure"].as_str() {
            Some("OR") => RatioKind::OddsOfCommon,
            Some("HR") => RatioKind::HazardOfCommon,
            Some("RD") => {
                risk_difference(checks, place, row);
                continue;
            }
            _ => RatioKind::Risk,
        };
        let e = if row["measure"] == "SMD" {
            stats::e_value_of_standardised_difference(number("est"), number("se"))
        } else {
            stats::e_value(number("est"), number("lb"), number("ub"), kind)
        };
        let e = e.expect("the row has a ratio");
        checks.figure(&format!("/rows/{place}/point_rr"), Some(e.risk_ratio));
        checks.figure(&format!("/rows/{place}/lower_rr"), Some(e.low));
        checks.figure(&format!("/rows/{place}/upper_rr"), Some(e.high));
        checks.figure(&format!("/rows/{place}/e_point"), Some(e.of_estimate));
        checks.figure(&format!("/rows/{place}/e_ci"), Some(e.of_limit));
    }
}

/// The reference searches a grid here: its note gives the tolerance.
fn risk_difference(checks: &mut Checks, place: usize, row: &Value) {
    let count = |name: &str| row[name].as_u64().expect("the row has counts");
    let group = |events: u64, without: u64| Proportion { events, subjects: events + without };
    let (first, second) = (group(count("n11"), count("n10")), group(count("n01"), count("n00")));
    let (of_estimate, of_limit) = stats::e_value_of_risk_difference(first, second, 0.95).expect("the risks differ");
    let grid = Tolerance { rel: 1e-3, abs: 0.0 };
    checks.figure_within(grid, &format!("/rows/{place}/e_point"), Some(of_estimate));
    checks.figure_within(grid, &format!("/rows/{place}/e_ci"), Some(of_limit));
}
