//! The numbers that head the report.

use derive::headline;

use crate::model::{self, Model, Unit};
use crate::{Block, Figure, Section, anchor, format};

/// The five metrics over the whole period, each with its interval and n.
pub(crate) fn section(model: &Model<'_>) -> Section {
    let heads = model.heads();
    let mut blocks = Vec::new();
    for unit in &heads {
        if heads.len() > 1 {
            blocks.push(Block::Paragraph(format!("{} in {}", crate::code(&unit.name()), crate::code(&unit.environment))));
        }
        blocks.push(Block::Figures(figures(model, unit)));
    }
    Section {
        id: "now".into(),
        title: "Over the whole period".into(),
        lead: Some(
            "Each number with its 95 % interval and the count it rests on. Where nothing was recorded it says so: \
             no data is not zero."
                .into(),
        ),
        blocks,
    }
}

fn figures(model: &Model<'_>, unit: &Unit) -> Vec<Figure> {
    headline()
        .filter_map(|definition| {
            // The first statistic heads the page; the others stand in the tables.
            let statistic = definition.gives.first()?;
            let row = model.number(unit, &definition.metric, statistic)?;
            let kind = model::statistic_name(statistic);
            let interval = model::interval(row);
            let bounds = model::evidence_bounds(model, unit, &definition.metric);
            let note = match (&interval, row.value.or(row.above)) {
                (None, Some(_)) => Some(row.ci_method.replacen("none:", "no interval:", 1)),
                (_, None) => Some(why_not(&definition.metric, row.n, model)),
                _ => bounds.map(|bounds| format!("the evidence allows {bounds}")),
            };
            Some(Figure {
                label: if kind.is_empty() { definition.title.clone() } else { format!("{}, {kind}", definition.title) },
                value: model::value(row),
                interval,
                n: Some(format!("n = {}", format::count(u64::try_from(row.n).unwrap_or(0)))),
                note,
                definition_id: Some(anchor("definition", &definition.metric)),
            })
        })
        .collect()
}

/// Why there is no number.
fn why_not(metric: &str, n: i64, model: &Model<'_>) -> String {
    match metric {
        "change_fail_rate" | "deployment_rework_rate" if model.is_stand_in() => {
            "tags do not tell which release failed".into()
        }
        "failed_deployment_recovery_time" if model.is_stand_in() => "tags do not tell of incidents".into(),
        "failed_deployment_recovery_time" if n == 0 => "no failure is recorded".into(),
        _ if n == 0 => "nothing was recorded".into(),
        _ => "the data do not give this number".into(),
    }
}
