//! Families `bft` and `leave_f_out`: centres that lies cannot move far, and hulls.

use std::collections::BTreeMap;

use serde_json::Value;
use stats::{Bounds, KrumNeighbours, PooledMethod, Tau2Method, TrimmedError};

use super::checks::Checks;
use super::meta::numbers;
use super::schema::Case;

/// Compares a case of robust centres.
pub(crate) fn compare(checks: &mut Checks, case: &Case) {
    let faults = faults(case);
    if let Some(counts) = numbers(&case.input["n"]) {
        return quorums(checks, &counts);
    }
    if case.input["lower"].is_array() {
        return intervals(checks, case, faults);
    }
    match numbers(&case.input["x"]) {
        Some(values) => trimmed(checks, case, &values, faults),
        None => vectors(checks, case, faults),
    }
}

fn quorums(checks: &mut Checks, counts: &[f64]) {
    for (entry, count) in counts.iter().enumerate() {
        let enrolled = (0..100).find(|enrolled| (*enrolled as f64 - *count).abs() < 0.5).expect("a small count");
        let quorum = stats::quorum(enrolled);
        for (key, value) in [
            ("f_bft", quorum.faults),
            ("f_median", quorum.median_faults),
            ("quorum", quorum.size),
            ("min_intersection", quorum.least_overlap),
        ] {
            checks.figure(&format!("/{key}/{entry}"), Some(value as f64));
        }
    }
}

fn intervals(checks: &mut Checks, case: &Case, faults: usize) {
    let input = |name: &str| numbers(&case.input[name]).expect("the case has intervals");
    let pairs = input("lower").into_iter().zip(input("upper"));
    let bounds: Vec<Bounds> = pairs.map(|(low, high)| Bounds { low, high }).collect();
    optional(checks, "/fault_tolerant_intersection", stats::fault_tolerant_intersection(&bounds, faults));
    optional(checks, "/naive_intersection", stats::intersection(&bounds));
    optional(checks, "/median_of_bounds", stats::median_of_bounds(&bounds).map(Some));
    let (estimates, weights) = (input("est"), input("weight"));
    checks.figure("/lower_weighted_median", stats::lower_weighted_median(&estimates, &weights).ok());
    let names: Vec<&str> =
        case.input["org"].as_array().expect("names").iter().map(|name| name.as_str().expect("a name")).collect();
    checks.figure("/one_org_one_vote_median", stats::median_of_units(&estimates, &names).ok());
    checks.figure("/naive_site_median", stats::quantile(&estimates, 0.5).ok());
    unit_medians(checks, &estimates, &names);
}

/// The median of each unit.
pub(crate) fn unit_medians(checks: &mut Checks, values: &[f64], names: &[&str]) {
    let mut units: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, value) in names.iter().zip(values) {
        units.entry(name).or_default().push(*value);
    }
    for (name, own) in units {
        let one_name = vec![name; own.len()];
        checks.figure(&format!("/org_medians/{name}"), stats::median_of_units(&own, &one_name).ok());
    }
}

fn optional(checks: &mut Checks, pointer: &str, bounds: Result<Option<Bounds>, stats::RobustError>) {
    match bounds.expect("the case has intervals") {
        Some(Bounds { low, high }) => checks.vector(pointer, &[Some(low), Some(high)]),
        None => checks.figure(pointer, None),
    }
}

fn trimmed(checks: &mut Checks, case: &Case, values: &[f64], faults: usize) {
    let confidence = case.input["conf"].as_f64().expect("the case has a level");
    let own = |error| stats::trimmed_mean_interval(values, faults, error, confidence).expect("enough is left");
    let (yuen, tukey) = (own(TrimmedError::Yuen), own(TrimmedError::TukeyMcLaughlin));
    checks.figure("/trimmed_mean", Some(yuen.interval.estimate));
    checks.figure("/winsorized_sd", Some(yuen.winsorized_deviation));
    checks.figure("/df", Some(yuen.degrees_of_freedom));
    checks.vector("/tukey_mclaughlin_ci_scipy", &[Some(tukey.interval.low), Some(tukey.interval.high)]);
    checks.figure("/yuen_se", Some(yuen.standard_error));
    checks.vector("/yuen_ci", &[Some(yuen.interval.low), Some(yuen.interval.high)]);
}

fn vectors(checks: &mut Checks, case: &Case, faults: usize) {
    let vectors: Vec<Vec<f64>> = case.input["x"]
        .as_array()
        .expect("the case has vectors")
        .iter()
        .map(|vector| numbers(vector).expect("numbers"))
        .collect();
    let coordinates: Vec<Vec<f64>> =
        (0..vectors[0].len()).map(|place| vectors.iter().map(|vector| vector[place]).collect()).collect();
    let mut by_coordinate = |pointer: &str, centre: &dyn Fn(&[f64]) -> f64| {
        checks.vector(pointer, &coordinates.iter().map(|values| Some(centre(values))).collect::<Vec<_>>());
    };
    by_coordinate("/mean", &|values| stats::trimmed_mean(values, 0).expect("values"));
    by_coordinate("/coordinate_median", &|values| stats::quantile(values, 0.5).expect("values"));
    by_coordinate("/trimmed_mean_f", &|values| stats::trimmed_mean(values, faults).expect("enough is left"));
    by_coordinate("/winsorized_mean_f", &|values| stats::winsorized_mean(values, faults).expect("enough is left"));
    let mixed = stats::nearest_neighbour_mixing(&vectors, faults).expect("enough is left");
    let mixed: Vec<Vec<f64>> =
        (0..vectors[0].len()).map(|place| mixed.iter().map(|vector| vector[place]).collect()).collect();
    let then_trimmed = mixed
        .iter()
        .map(|values| Some(stats::trimmed_mean(values, faults).expect("enough is left")))
        .collect::<Vec<_>>();
    checks.vector("/nnm_then_trimmed_mean_byzfl", &then_trimmed);
    let mut vector = |pointer: &str, centre: Vec<f64>| {
        checks.vector(pointer, &centre.into_iter().map(Some).collect::<Vec<_>>());
    };
    vector("/geometric_median", stats::geometric_median(&vectors).expect("vectors").point);
    let one_more = stats::krum(&vectors, faults, KrumNeighbours::OneMore).expect("enough is left");
    vector("/krum_byzfl", vectors[one_more.selected[0]].clone());
    let multi = stats::multi_krum(&vectors, faults, KrumNeighbours::OneMore);
    vector("/multikrum_byzfl", multi.expect("enough is left"));
    vector("/meamed_byzfl", stats::mean_around_median(&vectors, faults).expect("enough is left"));
    vector("/mda_byzfl", stats::minimum_diameter_mean(&vectors, faults).expect("few sets"));
    let published = stats::krum(&vectors, faults, KrumNeighbours::Published).expect("enough is left");
    checks.figure("/krum2017_index0", Some(published.selected[0] as f64));
    checks.vector("/krum2017_scores", &published.scores.iter().copied().map(Some).collect::<Vec<_>>());
    let quorum = stats::quorum(vectors.len());
    checks.value("/tolerates_median", faults <= quorum.median_faults);
    checks.value("/tolerates_bft_quorum", faults <= quorum.faults);
    checks.figure("/quorum_2f_plus_1", Some((2 * faults + 1) as f64));
}

/// Compares a case of a hull of pooled intervals.
pub(crate) fn hull(checks: &mut Checks, case: &Case) {
    let (y, v) = (numbers(&case.input["yi"]).expect("effects"), numbers(&case.input["vi"]).expect("variances"));
    let (tau2, method) = (Tau2Method::PauleMandel, PooledMethod::HartungKnappAdHoc);
    let hull = stats::pooled_hull(&y, &v, faults(case), tau2, method, 0.95).expect("few subsets");
    let full = stats::pool(&y, &v, tau2).and_then(|pooled| pooled.interval(method, 0.95)).expect("effects");
    checks.figure("/n_subsets", Some(hull.subsets as f64));
    checks.figure("/full/estimate", Some(full.estimate));
    checks.figure("/full/ci_lb", Some(full.low));
    checks.figure("/full/ci_ub", Some(full.high));
    checks.figure("/hull_lb", Some(hull.low));
    checks.figure("/hull_ub", Some(hull.high));
    checks.figure("/estimate_min", Some(hull.smallest_estimate));
    checks.figure("/estimate_max", Some(hull.largest_estimate));
    let places = |places: &[usize]| places.iter().map(|place| Some(*place as f64)).collect::<Vec<_>>();
    checks.vector("/left_out_for_lb_0based", &places(&hull.left_out_for_low));
    checks.vector("/left_out_for_ub_0based", &places(&hull.left_out_for_high));
    checks.figure("/share_of_subsets_with_lb_above_0", Some(hull.share_above_zero));
}

fn faults(case: &Case) -> usize {
    case.input.get("f").and_then(Value::as_u64).map_or(0, |faults| usize::try_from(faults).expect("a small count"))
}
