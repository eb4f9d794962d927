//! The numbers by who wrote the change.

use derive::{Definition, headline};

use crate::model::{self, Model, Unit};
use crate::{Block, Section, Table, TableCell, TableColumn, format};

const DIMENSION: &str = "author_kind";

/// What people call a stratum.
fn name(stratum: &str) -> &str {
    match stratum {
        "human" => "humans",
        "agent" => "agents",
        "dependency_bot" => "dependency bots",
        "other_bot" => "other bots",
        "mixed" => "several of these",
        "none" => "nobody known",
        other => other,
    }
}

/// The heads of the report by author kind, where more than one kind occurs.
pub(crate) fn section(model: &Model<'_>) -> Option<Section> {
    let split: Vec<&'static Definition> =
        headline().filter(|definition| definition.strata.iter().any(|one| one == DIMENSION)).collect();
    let heads: Vec<Unit> =
        model.heads().into_iter().filter(|unit| !model.strata(unit, DIMENSION).is_empty()).collect();
    if heads.is_empty() {
        return None;
    }
    Some(Section {
        id: "authors".into(),
        title: "By who wrote the changes".into(),
        lead: Some(
            "A change is in the stratum of its author. A rollout is in the one that all its changes share, so that the \
             strata add up to the whole; where no change is known, such as where it failed before it was whole, there is \
             nobody known. What differs between them may be the kind of work and not who did it."
                .into(),
        ),
        blocks: heads.iter().map(|unit| Block::Table(table(model, unit, &split))).collect(),
    })
}

fn table(model: &Model<'_>, unit: &Unit, split: &[&'static Definition]) -> Table {
    let statistics: Vec<(&Definition, &str)> =
        split.iter().filter_map(|definition| Some((*definition, definition.gives.first()?.as_str()))).collect();
    let mut columns = vec![TableColumn::text("Written by")];
    columns.extend(statistics.iter().map(|(definition, statistic)| {
        let kind = model::statistic_name(statistic);
        let title = &definition.title;
        TableColumn::numeric(if kind.is_empty() { title.clone() } else { format!("{title}, {kind}") })
    }));
    let rows = model.strata(unit, DIMENSION).into_iter().map(|stratum| {
        let cell = |(definition, statistic): &(&Definition, &str)| {
            let row = model.number_of(unit, (DIMENSION, stratum), &definition.metric, statistic);
            row.map_or_else(|| TableCell::from(format::NO_DATA).muted(), model::cell)
        };
        std::iter::once(TableCell::from(name(stratum))).chain(statistics.iter().map(cell)).collect()
    });
    let (name, environment) = (unit.name(), &unit.environment);
    Table {
        caption: format!("{name} in {environment}, whole period, 95 % intervals in parentheses"),
        rows: rows.collect(),
        columns,
    }
}
