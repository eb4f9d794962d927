//! A table per service.

use derive::definitions;

use crate::model::{self, Model, statistic_name};
use crate::{Block, Section, Table, TableCell, TableColumn, format};

/// Every service and group with every number of the period.
pub(crate) fn section(model: &Model<'_>) -> Option<Section> {
    let units = model.listed();
    let mut columns = vec![TableColumn::text("Service"), TableColumn::text("Environment")];
    let mut wanted = Vec::new();
    for definition in definitions() {
        for statistic in &definition.gives {
            let kind = statistic_name(statistic);
            let title =
                if kind.is_empty() { definition.title.clone() } else { format!("{}, {kind}", definition.title) };
            columns.push(TableColumn::numeric(title));
            wanted.push((definition.metric.as_str(), statistic.as_str()));
        }
    }
    columns.push(TableColumn::numeric("Read").with_unit("of the period"));
    let rows = units
        .iter()
        .map(|unit| {
            let mut cells: Vec<TableCell> = vec![unit.name().into(), unit.environment.clone().into()];
            let mut coverage = None;
            for (metric, statistic) in &wanted {
                let Some(row) = model.number(unit, metric, statistic) else {
                    cells.push(TableCell::from(format::NO_DATA).muted());
                    continue;
                };
                coverage = Some(row.coverage_rate);
                let words = match model::interval(row) {
                    Some(interval) => format!("{} ({interval}); n = {}", model::value(row), row.n),
                    None => format!("{}; n = {}", model::value(row), row.n),
                };
                let cell = TableCell::from(words).with_title(row.ci_method.clone());
                cells.push(if row.value.is_none() && row.above.is_none() { cell.muted() } else { cell });
            }
            cells.push(coverage.map_or_else(|| TableCell::from(format::NO_DATA).muted(), |rate| format::percent(rate).into()));
            cells
        })
        .collect();
    Some(Section {
        id: "services".into(),
        title: "By service".into(),
        lead: Some("Groups are pooled from their rows, never averaged from the services above them.".into()),
        blocks: vec![Block::Table(Table {
            caption: "Numbers of the whole period, 95 % intervals in parentheses".into(),
            columns,
            rows,
        })],
    })
}
