//! What was read, and what was not.

use std::collections::BTreeMap;

use crate::model::Model;
use crate::{Block, Section, Table, TableCell, TableColumn, format};

/// The ranges that every source states, holes first.
pub(crate) fn section(model: &Model<'_>) -> Section {
    let zone = model.context.zone;
    let day = |at: Option<lake::Instant>| at.map_or_else(|| "unknown".into(), |at| format::date(at.to_utc(), zone));
    // One line per statement; services that say the same are counted together.
    let mut lines: BTreeMap<(bool, String, String, String, String, String), usize> = BTreeMap::new();
    for row in &model.derived.coverage {
        let key = (
            row.is_complete,
            row.stream.clone(),
            row.covers.clone(),
            day(row.range_start_at),
            day(row.range_end_at),
            row.reason.clone().unwrap_or_default(),
        );
        *lines.entry(key).or_default() += 1;
    }
    let rows = lines
        .into_iter()
        .map(|((is_complete, stream, covers, from, to, reason), count)| {
            let whole: TableCell = if is_complete { "yes".into() } else { "no".into() };
            let times = if count > 1 { format!("{covers} ({count} times)") } else { covers };
            vec![stream.into(), times.into(), from.into(), to.into(), whole, reason.into()]
        })
        .collect::<Vec<_>>();
    let lead = if rows.is_empty() {
        "No source stated what it read, so how complete the data are is unknown."
    } else {
        "What a source did not read is unknown, not absent."
    };
    Section {
        id: "coverage".into(),
        title: "What was read".into(),
        lead: Some(lead.into()),
        blocks: vec![Block::Table(Table {
            caption: "Ranges that were read, holes first".into(),
            columns: vec![
                TableColumn::text("Stream"),
                TableColumn::text("Table"),
                TableColumn::date("From"),
                TableColumn::date("Until"),
                TableColumn::text("Whole"),
                TableColumn::text("Why not, or remark"),
            ],
            rows,
        })],
    }
}
