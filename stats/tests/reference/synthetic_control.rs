//! Cases of synthetic controls.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use stats::{Panel, PanelUnit, SyntheticControl};

use super::checks::Checks;
use super::schema::{Case, Table};

pub(crate) fn compare(checks: &mut Checks, case: &Case, directory: &Path) {
    let (names, panel) = panel(case, directory);
    let control = stats::synthetic_control(&panel).expect("one unit is treated");
    let top = case.expected["sc_top_weights"]["state"].as_array().cloned().unwrap_or_default();
    for (place, name) in top.iter().filter_map(Value::as_str).enumerate() {
        let found = control.weights.iter().find(|(unit, _)| names[*unit] == name);
        checks.value(&format!("/sc_top_weights/state/{place}"), name);
        checks.figure(&format!("/sc_top_weights/weight/{place}"), Some(found.map_or(0.0, |(_, weight)| *weight)));
    }
    stopped_early(case, &names, &panel, &control);
    let difference = stats::synthetic_difference(&panel).expect("one unit is treated");
    checks.figure("/synthdid", Some(difference.effect));
    checks.vector("/synthdid_lambda", &difference.period_weights.into_iter().map(Some).collect::<Vec<_>>());
    // With one date, two-way fixed effects are the plain difference of differences.
    checks.figure("/did", stats::two_way_fixed_effects(&panel).ok().map(|effect| effect.estimate));
}

/// The reference stops its descent before the top: the effect it gives, `/sc`, differs from ours by 0.5 % and is not
/// counted as compared. That it is so for this reason is shown by its own weights: they give its effect, and they meet the
/// treated unit before the date worse than ours do.
fn stopped_early(case: &Case, names: &[String], panel: &Panel, control: &SyntheticControl) {
    let (Some(effect), Some(states)) =
        (case.expected["sc"].as_f64(), case.expected["sc_top_weights"]["state"].as_array())
    else {
        return;
    };
    let date = panel.cohorts()[0];
    let mut gaps = vec![0.0; panel.periods()];
    for (unit, place) in panel.units().iter().zip(panel.places()) {
        let known = states.iter().position(|state| state.as_str() == Some(&names[*place]));
        let weight = known.and_then(|known| case.expected["sc_top_weights"]["weight"][known].as_f64()).unwrap_or(0.0);
        let share = if unit.first_treated.is_some() { 1.0 } else { -weight };
        for (gap, outcome) in gaps.iter_mut().zip(&unit.outcomes) {
            *gap += share * outcome;
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert!((mean(&gaps[date..]) - effect).abs() < 1e-6, "the effect of the reference is that of its weights");
    let error = mean(&gaps[..date].iter().map(|gap| gap * gap).collect::<Vec<_>>()).sqrt();
    assert!(control.error_before < error - 1e-3, "{} is no better than {error}", control.error_before);
}

/// The names of the units, and the panel made of them in that order.
fn panel(case: &Case, directory: &Path) -> (Vec<String>, Panel) {
    let table = Table::read(&directory.join(case.input["data"].as_str().expect("the input names its table")));
    let column = |key: &str| case.input[key].as_str().expect("the input names its columns");
    let (times, outcomes) = (table.numbers(column("time")), table.numbers(column("outcome")));
    let treated = table.numbers(column("treated"));
    let mut units: BTreeMap<&String, Vec<(f64, f64, bool)>> = BTreeMap::new();
    for (row, unit) in table.text(column("unit")).iter().enumerate() {
        units.entry(unit).or_default().push((times[row], outcomes[row], treated[row] > 0.5));
    }
    let (names, units): (Vec<String>, Vec<PanelUnit>) = units
        .into_iter()
        .map(|(name, mut rows)| {
            rows.sort_by(|one, other| one.0.total_cmp(&other.0));
            let date = rows.iter().position(|row| row.2);
            (name.clone(), PanelUnit::new(rows.iter().map(|row| row.1).collect(), date))
        })
        .unzip();
    (names, Panel::new(&units).expect("the table is a panel"))
}
