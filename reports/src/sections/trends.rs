//! How the numbers moved.

use derive::{Definition, headline};
use lake::tables::metrics;

use crate::model::{self, Model, Unit};
use crate::{Block, Chart, Mark, Point, Section, Series};

/// One chart per metric and head of the report.
pub(crate) fn section(model: &Model<'_>) -> Option<Section> {
    let heads = model.heads();
    let mut blocks = Vec::new();
    for unit in &heads {
        blocks.extend(headline().filter_map(|definition| chart(model, unit, definition)).map(Block::Chart));
    }
    let window = match model.derived.calendar.word() {
        "train" => "release train",
        word => word,
    };
    (!blocks.is_empty()).then(|| Section {
        id: "trends".into(),
        title: "Trends".into(),
        lead: Some(format!(
            "By {window}; the band is the 95 % interval of each {window} alone. A {window} without data is a gap, a \
             band that is open to above belongs to a number that is only known to exceed the point, and a hollow point may \
             still change when late records come in."
        )),
        blocks,
    })
}

fn chart(model: &Model<'_>, unit: &Unit, definition: &Definition) -> Option<Chart> {
    // The first statistic is the one people compare; tails of a single window rest on very few.
    let statistic = definition.gives.first()?;
    let rows = model.trend(unit, &definition.metric, statistic);
    if !rows.iter().any(|row| row.value.or(row.above).is_some()) {
        return None;
    }
    let kind = model::statistic_name(statistic);
    let name = unit.name();
    Some(Chart {
        title: if kind.is_empty() { definition.title.clone() } else { format!("{}, {kind}", definition.title) },
        description: format!("{} of {name} in {}: {}", definition.title, unit.environment, definition.statistic),
        y_label: match definition.unit.as_str() {
            "seconds" => "time".into(),
            "ratio" => "share".into(),
            other => other.to_owned(),
        },
        interval_label: Some("95 % interval".into()),
        series: vec![Series { name, points: rows.into_iter().map(point).collect() }],
        marks: marks(model, unit),
        y_from_zero: true,
        value_format: model::value_format(definition),
    })
}

fn point(row: &metrics::Row) -> Point {
    Point {
        at_seconds: row.window_start_at.0.div_euclid(lake::Instant::MICROS),
        // What is only known to exceed something stands there, open to above.
        value: row.value.or(row.above),
        low: row.value.map_or(row.above, |_| row.ci_low),
        high: row.value.and(row.ci_high),
        immature: row.is_immature,
    }
}

/// The dated changes of working that touch the unit, one mark per date and practice.
fn marks(model: &Model<'_>, unit: &Unit) -> Vec<Mark> {
    let mut marks: Vec<Mark> = model
        .derived
        .interventions
        .iter()
        .filter(|row| model.derived.period.contains(row.started_at))
        .filter(|row| unit.service.is_none() || row.service.is_none() || row.service == unit.service)
        .map(|row| Mark {
            at_seconds: row.started_at.0.div_euclid(lake::Instant::MICROS),
            label: [Some(row.practice.as_str()), row.practice_version.as_deref()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
        })
        .collect();
    marks.sort_by(|a, b| (a.at_seconds, &a.label).cmp(&(b.at_seconds, &b.label)));
    marks.dedup();
    marks
}
