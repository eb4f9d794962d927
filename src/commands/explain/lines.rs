//! An explanation as rows: one line per event, so that a spreadsheet or another program can take it.

use anyhow::Result;

use super::Shown;
use crate::cli::Format;
use crate::table_output;
use crate::terminal::Terminal;
use ::derive::{Event, Evidence};
use ::lake::tables::metrics;
use arrow::datatypes::DataType;

const TITLES: [&str; 22] = [
    "record",
    "subject",
    "subject_id",
    "repository",
    "service",
    "at",
    "reason",
    "is_counted",
    "total_seconds",
    "delay_seconds",
    "censoring_seconds",
    "remark",
    "facts",
    "links",
    "value",
    "n",
    "event_table",
    "event_id",
    "source",
    "page_sha",
    "page_state",
    "page_place",
];

type Line = Vec<Option<String>>;

/// Prints the numbers, then every row once per event behind it, then how many rows were not listed.
pub(super) fn print(terminal: &Terminal, format: Format, shown: &Shown) -> Result<()> {
    let mut lines: Vec<Line> = shown.whole.numbers.iter().map(number).collect();
    for (record, rows) in [("entered", shown.entered()), ("excluded", shown.excluded())] {
        for row in rows {
            if row.events.is_empty() {
                lines.push(line(shown, record, row, None)?);
            }
            for event in &row.events {
                lines.push(line(shown, record, row, Some(event))?);
            }
        }
    }
    let (entered, excluded) = shown.not_shown();
    for (subject, count) in [("entered", entered), ("excluded", excluded)] {
        if count > 0 {
            lines.push(filled(&[("record", "not_listed"), ("subject", subject), ("n", &count.to_string())]));
        }
    }
    let real = |name| (name, DataType::Float64);
    let types = [
        ("at", <::lake::Instant as ::lake::Cell>::data_type()),
        ("is_counted", DataType::Boolean),
        real("total_seconds"),
        real("delay_seconds"),
        real("censoring_seconds"),
        real("value"),
        ("n", DataType::Int64),
    ];
    table_output::typed(terminal, format, &TITLES, &lines, &types)
}

fn filled(cells: &[(&str, &str)]) -> Line {
    TITLES
        .iter()
        .map(|title| cells.iter().find(|(name, _)| name == title).map(|(_, text)| (*text).to_owned()))
        .collect()
}

fn number(row: &metrics::Row) -> Line {
    let value = row.value.map(|value| value.to_string()).unwrap_or_default();
    let mut line = filled(&[
        ("record", "number"),
        ("subject", &row.metric),
        ("subject_id", &row.statistic),
        ("at", &row.window_start_at.to_string()),
        ("remark", &format!("{}; {}", row.definition, crate::numbers::interval(row))),
        ("value", &value),
        ("n", &row.n.to_string()),
    ]);
    line[4].clone_from(&row.service);
    // No number is no text.
    line[14] = row.value.map(|value| value.to_string());
    line
}

fn line(shown: &Shown, record: &str, row: &Evidence, event: Option<&Event>) -> Result<Line> {
    let facts: serde_json::Map<String, serde_json::Value> =
        row.facts.iter().map(|fact| (fact.name.to_owned(), fact.value.clone().into())).collect();
    let page = event.and_then(|event| event.page_sha.as_ref());
    let state = page.and_then(|sha| shown.pages.get(sha));
    let real = |number: Option<f64>| number.map(|number| number.to_string());
    Ok(vec![
        Some(record.to_owned()),
        Some(row.subject.clone()),
        Some(row.subject_id.clone()),
        row.repository.clone(),
        row.service.clone(),
        row.at.map(|at| at.to_string()),
        row.excluded.clone(),
        row.is_counted.map(|is| is.to_string()),
        real(row.total_seconds),
        real(row.delay_seconds),
        real(row.censoring_seconds),
        row.remark.clone(),
        Some(serde_json::Value::from(facts).to_string()),
        Some(serde_json::to_string(&row.links)?),
        None,
        None,
        event.map(|event| event.table.to_owned()),
        event.map(|event| event.event_id.clone()),
        event.map(|event| event.source.clone()),
        page.cloned(),
        state.map(|state| state.word().to_owned()),
        state.map(|state| state.place().to_owned()),
    ])
}
