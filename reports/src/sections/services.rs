//! A table per service.

use derive::{Definition, definitions};

use crate::model::{self, Model, Unit, statistic_name};
use crate::{Block, Section, Table, TableCell, TableColumn, format};

/// Every service and group with every number of the period: what heads the report first, tails below.
pub(crate) fn section(model: &Model<'_>) -> Section {
    let (mut heads, mut tails) = (Vec::new(), Vec::new());
    for definition in definitions() {
        for (place, statistic) in definition.gives.iter().enumerate() {
            if place == 0 { &mut heads } else { &mut tails }.push((definition, statistic.as_str()));
        }
    }
    let mut blocks = vec![Block::Table(table(model, "Numbers of the whole period, 95 % intervals in parentheses", &heads, true))];
    if !tails.is_empty() {
        blocks.push(Block::Details {
            summary: "Tails: the slower quarter and tenth".into(),
            blocks: vec![Block::Table(table(model, "Upper quantiles of the whole period", &tails, false))],
        });
    }
    Section {
        id: "services".into(),
        title: "By service".into(),
        lead: Some("Groups are pooled from their rows, never averaged from the services above them.".into()),
        blocks,
    }
}

fn table(model: &Model<'_>, caption: &str, wanted: &[(&Definition, &str)], with_coverage: bool) -> Table {
    let mut columns = vec![TableColumn::text("Service")];
    columns.extend(wanted.iter().map(|(definition, statistic)| {
        let kind = statistic_name(statistic);
        TableColumn::numeric(if kind.is_empty() {
            definition.title.clone()
        } else {
            format!("{}, {kind}", definition.title)
        })
    }));
    if with_coverage {
        columns.push(TableColumn::numeric("Read").with_unit("of the period"));
    }
    let environments = model.environments();
    let rows = model
        .listed()
        .iter()
        .map(|unit| {
            let name = if environments > 1 { format!("{} in {}", unit.name(), unit.environment) } else { unit.name() };
            let mut cells: Vec<TableCell> = vec![name.into()];
            cells.extend(wanted.iter().map(|(definition, statistic)| cell(model, unit, &definition.metric, statistic)));
            if with_coverage {
                let read = wanted.first().and_then(|(definition, statistic)| {
                    model.number(unit, &definition.metric, statistic).map(|row| row.coverage_rate)
                });
                cells.push(read.map_or_else(no_data, |rate| format::percent(rate).into()));
            }
            cells
        })
        .collect();
    Table { caption: caption.to_owned(), columns, rows }
}

fn cell(model: &Model<'_>, unit: &Unit, metric: &str, statistic: &str) -> TableCell {
    let Some(row) = model.number(unit, metric, statistic) else { return no_data() };
    let words = match model::interval(row) {
        Some(interval) => format!("{} ({interval}); n = {}", model::value(row), row.n),
        None => format!("{}; n = {}", model::value(row), row.n),
    };
    let cell = TableCell::from(words).with_title(row.ci_method.clone());
    if row.value.is_none() && row.above.is_none() { cell.muted() } else { cell }
}

fn no_data() -> TableCell {
    TableCell::from(format::NO_DATA).muted()
}
