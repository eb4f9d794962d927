//! `doracle sources`: what can be read.

use ::ingest::sources;
use anyhow::Result;
use serde_json::json;

use crate::cli::Format;
use crate::exit::Outcome;
use crate::table_output::{Columns, FORMAT_VERSION, aligned};
use crate::terminal::Terminal;

pub(crate) fn run(terminal: &Terminal, format: Format) -> Result<Outcome> {
    let all = sources::all();
    let titles = ["type", "reads", "fills"].map(str::to_owned);
    let listed: Vec<Vec<Option<String>>> = all
        .iter()
        .map(|source| vec![Some(source.name.to_owned()), Some(source.what.to_owned()), Some(source.fills.join(", "))])
        .collect();
    let columns = Columns::default()
        .with("type", all.iter().map(|source| source.name.to_owned()))
        .with("reads", all.iter().map(|source| source.what.to_owned()))
        .with("fills", all.iter().map(|source| source.fills.iter().map(ToString::to_string).collect::<Vec<_>>()));
    if columns.print(terminal, format)? {
        return Ok(Outcome::Done);
    }
    let text = if format == Format::Table {
        aligned(&titles, &[false; 3], &listed)
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
