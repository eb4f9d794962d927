//! A table per service.

use derive::{Definition, Shown, definitions, headline};

use crate::model::{self, Model, Unit, statistic_name};
use crate::{Block, Section, Table, TableCell, TableColumn, format};

/// Every service and group with the numbers of the period: what heads the report first; below it tails, and what stands
/// beside the five metrics.
pub(crate) fn section(model: &Model<'_>) -> Section {
    let statistics = |definition: &'static Definition| definition.gives.iter().map(move |one| (definition, one.as_str()));
    let heads: Vec<_> = headline().filter_map(|definition| statistics(definition).next()).collect();
    let (bounds, tails): (Vec<_>, Vec<_>) = headline()
        .flat_map(|definition| statistics(definition).skip(1))
        .partition(|(_, statistic)| statistic.starts_with("rate"));
    let beside: Vec<_> = definitions()
        .iter()
        .filter(|definition| definition.shown == Shown::Table)
        .filter_map(|definition| statistics(definition).next())
        .collect();
    let mut blocks = vec![Block::Table(table(model, "Numbers of the whole period, 95 % intervals in parentheses", &heads, true))];
    for (summary, caption, wanted) in [
        ("Tails and rhythm", "Upper quantiles, days with a rollout and gaps of the whole period", tails),
        ("What the evidence allows", "Shares by explicit evidence alone, and by every candidate", bounds),
        ("Beside the five metrics", "Further numbers of the whole period", beside),
    ] {
        if !wanted.is_empty() {
            blocks.push(Block::Details {
                summary: summary.into(),
                blocks: vec![Block::Table(table(model, caption, &wanted, false))],
            });
        }
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
        columns.push(TableColumn::numeric("Deployments read").with_unit("of the period"));
        columns.push(TableColumn::numeric("Incidents read").with_unit("of the period"));
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
                for table in ["deployments", "incidents"] {
                    let of_table = wanted.iter().find(|(definition, _)| definition.coverage == table);
                    let read = of_table.and_then(|(definition, statistic)| {
                        model.number(unit, &definition.metric, statistic).map(|row| row.coverage_rate)
                    });
                    cells.push(read.map_or_else(no_data, |rate| format::percent(rate).into()));
                }
            }
            cells
        })
        .collect();
    Table { caption: caption.to_owned(), columns, rows }
}

fn cell(model: &Model<'_>, unit: &Unit, metric: &str, statistic: &str) -> TableCell {
    model.number(unit, metric, statistic).map_or_else(no_data, model::cell)
}

fn no_data() -> TableCell {
    TableCell::from(format::NO_DATA).muted()
}
