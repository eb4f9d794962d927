//! How to get the same report again.

use crate::model::Model;
use crate::{Block, Section};

/// The exact command, versions and digests.
pub(crate) fn section(model: &Model<'_>) -> Section {
    let derived = model.derived;
    Section {
        id: "again".into(),
        title: "The same again".into(),
        lead: Some(
            "The same input gives the same numbers, whatever the machine or the number of threads. `report.json` beside \
             this page holds every number, `parquet/` every table behind it."
                .into(),
        ),
        blocks: vec![
            Block::Command(model.context.command.clone()),
            Block::List(vec![
                format!("program `doracle {}`", model.context.version),
                format!("lake version {}", derived.lake_version),
                format!("digest of the input tables `{}`", derived.input_digest),
            ]),
        ],
    }
}
