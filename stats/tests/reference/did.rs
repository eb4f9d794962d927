//! Cases of staggered adoption.

use std::collections::BTreeMap;
use std::path::Path;

use stats::{Adjustment, BasePeriod, Controls, EffectsAt, GroupTimeEffects, Panel, PanelUnit, StaggeredPlan, Wald};

use super::checks::Checks;
use super::schema::{Case, Table};

pub(crate) fn compare(checks: &mut Checks, case: &Case, directory: &Path) {
    let (panel, first_period) = panel(case, directory);
    if checks.expects("/twfe_static") {
        return regressions(checks, &panel);
    }
    let effects = GroupTimeEffects::estimate(&panel, plan(case)).expect("the case has controls");
    let year = |period: usize| Some((period + first_period) as f64);
    let column = |figure: &dyn Fn(&stats::GroupTimeEffect) -> Option<f64>| -> Vec<_> {
        effects.effects().iter().map(figure).collect()
    };
    checks.vector("/group", &column(&|effect| year(effect.group)));
    checks.vector("/time", &column(&|effect| year(effect.period)));
    checks.vector("/att", &column(&|effect| Some(effect.estimate)));
    checks.vector("/se", &column(&|effect| effect.standard_error));
    if checks.expects("/wald_pretest") {
        let test = effects.lead_test().expect("there are leads");
        checks.figure("/wald_pretest", Some(test.statistic));
        // The reference rounds its probability to five places.
        checks.figure("/wald_p", Some((test.p * 1e5).round() / 1e5));
    }
    aggregates(checks, case, &effects, (&panel, first_period));
}

fn aggregates(checks: &mut Checks, case: &Case, effects: &GroupTimeEffects, (panel, first_period): (&Panel, usize)) {
    let aggregated = match case.id.rsplit_once("/agg_").map(|(_, kind)| kind) {
        Some("simple") => {
            let simple = effects.simple().expect("outcomes vary");
            for name in ["/egt", "/att_egt", "/se_egt"] {
                checks.figure(name, None);
            }
            return overall(checks, &simple);
        }
        Some("group") => (effects.by_group(), first_period),
        Some("calendar") => (effects.by_period(), first_period),
        Some("dynamic") => (effects.by_event_time(), 0),
        _ => return,
    };
    let (EffectsAt { overall: average, parts }, shift) = (aggregated.0.expect("outcomes vary"), aggregated.1);
    if case.id.ends_with("/agg_group") {
        checks.figure("/overall_att", Some(average.estimate));
        checks.figure("/overall_se", Some(slipped_group_error(effects, panel, average.estimate)));
    } else {
        overall(checks, &average);
    }
    checks.vector("/egt", &parts.iter().map(|part| Some(part.at as f64 + shift as f64)).collect::<Vec<_>>());
    checks.vector("/att_egt", &parts.iter().map(|part| Some(part.estimate)).collect::<Vec<_>>());
    let errors: Vec<_> = parts.iter().map(|part| part.effect.map(|effect| effect.standard_error)).collect();
    checks.vector("/se_egt", &errors);
}

/// The overall standard error by group as the reference has it. For the error of the groups' shares it takes the members
/// of the group of the *k*-th effect in the list of all, not of the *k*-th group: here those of the first group for all
/// of them. Without that slip its formula is that of `GroupTimeEffects::by_group`, which unit tests hold against
/// numerical derivatives; the two differ by less than half a percent in these cases.
fn slipped_group_error(effects: &GroupTimeEffects, panel: &Panel, overall: f64) -> f64 {
    let units = panel.units();
    let share = |group: usize| {
        units.iter().filter(|unit| unit.first_treated == Some(group)).count() as f64 / units.len() as f64
    };
    let total: f64 = panel.cohorts().iter().map(|group| share(*group)).sum();
    let mut contributions = vec![0.0; units.len()];
    for (place, &group) in panel.cohorts().iter().enumerate() {
        let taken_for_it = effects.effects()[place].group;
        let cells: Vec<usize> = (0..effects.effects().len())
            .filter(|cell| effects.effects()[*cell].group == group && effects.effects()[*cell].period >= group)
            .collect();
        let average = |figure: &dyn Fn(usize) -> f64| -> f64 {
            cells.iter().map(|cell| figure(*cell)).sum::<f64>() / cells.len() as f64
        };
        let effect = average(&|cell| effects.effects()[cell].estimate);
        for (unit, contribution) in contributions.iter_mut().enumerate() {
            let own = average(&|cell| effects.contributions(cell).expect("it is an effect")[unit]);
            let is_taken = f64::from(u8::from(units[unit].first_treated == Some(taken_for_it)));
            let of_share = (effect - overall) * (is_taken - share(group)) / units.len() as f64;
            *contribution += (share(group) * own + of_share) / total;
        }
    }
    contributions.iter().map(|contribution| contribution * contribution).sum::<f64>().sqrt()
}

fn overall(checks: &mut Checks, effect: &Wald) {
    checks.figure("/overall_att", Some(effect.estimate));
    checks.figure("/overall_se", Some(effect.standard_error));
}

fn regressions(checks: &mut Checks, panel: &Panel) {
    let EffectsAt { overall, parts } = stats::sun_abraham(panel).expect("there are controls");
    let parts: Vec<_> = parts.iter().filter(|part| part.at != -1).collect();
    checks.words("/event_time", &parts.iter().map(|part| format!("year::{}", part.at)).collect::<Vec<_>>());
    checks.vector("/est", &parts.iter().map(|part| Some(part.estimate)).collect::<Vec<_>>());
    let errors: Vec<_> = parts.iter().map(|part| part.effect.map(|effect| effect.standard_error)).collect();
    checks.vector("/se", &errors);
    checks.figure("/att/est", Some(overall.estimate));
    checks.figure("/att/se", Some(overall.standard_error));
    let contrast = stats::two_way_fixed_effects(panel).expect("outcomes vary");
    checks.figure("/twfe_static/est", Some(contrast.estimate));
    checks.figure("/twfe_static/se", Some(contrast.standard_error));
}

fn plan(case: &Case) -> StaggeredPlan {
    StaggeredPlan {
        controls: match case.input["control_group"].as_str() {
            Some("nevertreated") => Controls::NeverTreated,
            Some("notyettreated") => Controls::NotYetTreated,
            other => panic!("no such controls: {other:?}"),
        },
        base: match case.input["base_period"].as_str() {
            Some("varying") => BasePeriod::Varying,
            Some("universal") => BasePeriod::Universal,
            other => panic!("no such base: {other:?}"),
        },
        adjustment: match case.input["est_method"].as_str() {
            Some("dr") => Adjustment::DoublyRobust,
            Some("reg") => Adjustment::Regression,
            Some("ipw") => Adjustment::InverseProbability,
            other => panic!("no such adjustment: {other:?}"),
        },
    }
}

/// The panel of a case, and what its first period is called.
fn panel(case: &Case, directory: &Path) -> (Panel, usize) {
    let table = Table::read(&directory.join(case.input["data"].as_str().expect("the input names its table")));
    let name = |key: &str| case.input[key].as_str().expect("the input names its columns");
    let whole = |key: &str| -> Vec<usize> {
        table.text(name(key)).iter().map(|cell| cell.parse().expect("the column holds whole numbers")).collect()
    };
    let (times, first_treated, outcomes) = (whole("time"), whole("first_treated"), table.numbers(name("y")));
    let covariate = case.input["covariates"].as_str().and_then(|formula| formula.strip_prefix('~'));
    let covariates = covariate.filter(|name| *name != "1").map(|name| table.numbers(name));
    let first_period = *times.iter().min().expect("the table has rows");
    let mut units: BTreeMap<&str, (BTreeMap<usize, f64>, PanelUnit)> = BTreeMap::new();
    for (row, unit) in table.text(name("unit")).iter().enumerate() {
        let first = (first_treated[row] > 0).then(|| first_treated[row] - first_period);
        let (by_time, unit) = units.entry(unit).or_insert_with(|| (BTreeMap::new(), PanelUnit::new(Vec::new(), first)));
        by_time.insert(times[row], outcomes[row]);
        if let Some(covariates) = &covariates {
            unit.covariates = vec![covariates[row]];
        }
    }
    let units: Vec<PanelUnit> = units
        .into_values()
        .map(|(by_time, unit)| PanelUnit { outcomes: by_time.into_values().collect(), ..unit })
        .collect();
    (Panel::new(&units).expect("the table is a panel"), first_period)
}
