//! `doracle sources`: what can be read.

use ::ingest::sources;
use anyhow::Result;
use serde_json::json;

use crate::cli::Format;
use crate::exit::Outcome;
use crate::table_output::{FORMAT_VERSION, aligned};
use crate::terminal::Terminal;

pub(crate) fn run(terminal: &Terminal, format: Format) -> Result<Outcome> {
    let all = sources::all();
    let text = if format == Format::Table {
        let rows: Vec<Vec<Option<String>>> = all
            .iter()
            .map(|source| {
                vec![Some(source.name.to_owned()), Some(source.what.to_owned()), Some(source.fills.join(", "))]
            })
            .collect();
        aligned(&["type", "reads", "fills"].map(str::to_owned), &[false; 3], &rows)
    } else {
        let rows: Vec<_> = all
            .iter()
            .map(|source| json!({"type": source.name, "reads": source.what, "fills": source.fills}))
            .collect();
        serde_json::to_string_pretty(&json!({"format_version": FORMAT_VERSION, "sources": rows}))? + "\n"
    };
    terminal.data(text.as_bytes())?;
    Ok(Outcome::Done)
}
