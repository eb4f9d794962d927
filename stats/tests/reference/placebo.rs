//! Cases of adoption dates dealt out anew.

use serde_json::Value;
use stats::{Panel, PanelUnit, PlaceboStatistic};

use super::checks::Checks;
use super::schema::Case;

pub(crate) fn compare(checks: &mut Checks, case: &Case) {
    let (Some(rows), Some(adoption)) = (case.input["panel"].as_array(), case.input["adoption"].as_array()) else {
        return;
    };
    let first_period = case.input["times"][0].as_u64().expect("the case has times");
    let units: Vec<PanelUnit> = rows
        .iter()
        .zip(adoption)
        .map(|(row, date)| {
            let outcomes = row.as_array().expect("a row of numbers").iter().filter_map(Value::as_f64).collect();
            let date = date.as_u64().map(|date| usize::try_from(date - first_period).expect("a period"));
            PanelUnit::new(outcomes, date)
        })
        .collect();
    let panel = Panel::new(&units).expect("the case is a panel");
    let test = stats::placebo_adoption(&panel, PlaceboStatistic::BeforeAfter, 1_000, 0).expect("there are controls");
    checks.figure("/observed", Some(test.observed));
    checks.figure("/n_perm", Some(test.assignments as f64));
    checks.figure("/n_ge", Some(test.at_least as f64));
    checks.figure("/n_abs_ge", Some(test.at_least_absolute as f64));
    checks.figure("/p_two_sided", Some(test.p_two_sided));
    checks.figure("/null_mean", Some(test.mean));
    checks.figure("/null_sd_pop", Some(test.standard_deviation));
}
