//! Flaws found in the data.

use std::collections::BTreeMap;

use crate::model::Model;
use crate::{Block, Section, Table, TableColumn, format};

/// Each finding with its count, an example and what it does, environment by environment: a change that waits for two of
/// them waits twice.
pub(crate) fn section(model: &Model<'_>) -> Section {
    /// Count, example and effect.
    type Flaw<'a> = (i64, Option<&'a str>, &'a str);
    let mut found: BTreeMap<(&str, Option<&str>), Flaw<'_>> = BTreeMap::new();
    for row in &model.derived.data_quality {
        let key = (row.finding.as_str(), row.environment.as_deref());
        let place = found.entry(key).or_insert((0, row.example.as_deref(), &row.effect));
        place.0 += row.record_count;
    }
    let blocks = if found.is_empty() {
        vec![Block::Paragraph("None of the flaws that are looked for was found.".into())]
    } else {
        let rows = found
            .into_iter()
            .map(|((finding, environment), (count, example, effect))| {
                vec![
                    in_words(finding).into(),
                    environment.unwrap_or("any").to_owned().into(),
                    format::count(u64::try_from(count).unwrap_or(0)).into(),
                    example.unwrap_or_default().to_owned().into(),
                    effect.to_owned().into(),
                ]
            })
            .collect();
        vec![Block::Table(Table {
            caption: "Findings, with one example each".into(),
            columns: vec![
                TableColumn::text("Finding"),
                TableColumn::text("Environment"),
                TableColumn::numeric("Records"),
                TableColumn::text("Example"),
                TableColumn::text("What it does"),
            ],
            rows,
        })]
    };
    Section {
        id: "quality".into(),
        title: "Data quality".into(),
        lead: Some(
            "What is odd about the records, and what that does to the numbers. A record that concerns several services \
             counts for each of them."
                .into(),
        ),
        blocks,
    }
}

fn in_words(finding: &str) -> String {
    match finding.strip_prefix("coverage_incomplete:") {
        Some(what) => format!("incomplete reading: {}", what.replacen(':', ": ", 1)),
        None => finding.replace('_', " "),
    }
}
