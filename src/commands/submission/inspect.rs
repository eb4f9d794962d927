//! `doracle submission inspect`.

use std::path::Path;

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use attribution::submission::{Evidence, Limits, MANIFEST, Manifest, Package, Policy, TablePolicy, policy_of};
use lake::{Table, canonical};
use serde_json::{Value, json};

use crate::cli::{Format, Global};
use crate::exit::Outcome;
use crate::table_output::{self, FORMAT_VERSION, aligned};
use crate::terminal::Terminal;

/// What a reader has to know before anything is published.
const NOTES: [&str; 3] = [
    "timestamps are those of the events, to the microsecond: whoever knows a public repository recognises it by them",
    "a name has one pseudonym in all tables of this package, and another one in every other package",
    "`submission.toml` and the practice are published as they stand",
];

/// A column as it would be published.
struct Shown {
    name: &'static str,
    policy: Policy,
    values: Vec<Value>,
}

pub(super) fn run(terminal: &Terminal, global: &Global, path: &Path, values: usize) -> Result<Outcome> {
    let limits = Limits::default();
    let package = Package::read(path, &limits)?;
    let manifest = manifest(&package)?;
    let evidence = Evidence::read(package.files(), &limits)?;
    let mut tables = Vec::new();
    for (table, rows) in evidence.tables() {
        tables.push((table, rows.num_rows(), shown(table, rows, values)?));
    }
    if global.format == Format::Table {
        terminal.text(&in_words(&package, &manifest, &tables)?)?;
        return Ok(Outcome::Done);
    }
    if global.format == Format::Json {
        let document = json!({
            "format_version": FORMAT_VERSION,
            "digest": package.digest(),
            "files": files(&package),
            "manifest": manifest,
            "tables": tables.iter().map(|(table, count, columns)| json!({
                "table": table.name,
                "row_count": count,
                "columns": columns.iter().map(|column| json!({
                    "name": column.name, "policy": column.policy, "values": column.values,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "notes": NOTES,
        });
        terminal.text(&(serde_json::to_string_pretty(&document)? + "\n"))?;
        return Ok(Outcome::Done);
    }
    let titles = ["table", "column", "becomes", "values"];
    let rows: Vec<Vec<Option<String>>> = tables
        .iter()
        .flat_map(|(table, _, columns)| {
            columns.iter().map(|column| {
                let cells = [table.name, column.name, column.policy.words()].map(|text| Some(text.to_owned()));
                cells.into_iter().chain([Some(values_in_words(column))]).collect()
            })
        })
        .collect();
    table_output::typed(terminal, global.format, &titles, &rows, &[])?;
    Ok(Outcome::Done)
}

/// The manifest of a package.
pub(super) fn manifest(package: &Package) -> Result<Manifest> {
    let text = std::str::from_utf8(package.file(MANIFEST).unwrap_or_default())
        .with_context(|| format!("`{MANIFEST}` is no text"))?;
    Ok(Manifest::parse(text)?)
}

fn files(package: &Package) -> Vec<Value> {
    let file = |(name, content): (&String, &Vec<u8>)| json!({"name": name, "bytes": content.len(), "sha256": canonical::sha256(content)});
    package.files().iter().map(file).collect()
}

fn shown(table: &'static Table, rows: &RecordBatch, values: usize) -> Result<Vec<Shown>> {
    let Some(TablePolicy::Packed(columns)) = policy_of(table.name) else { return Ok(Vec::new()) };
    let head = canonical::json_rows(table, &rows.slice(0, rows.num_rows().min(1_000)))?;
    let column = |(name, policy): &(&'static str, Policy)| {
        let mut different: Vec<Value> = Vec::new();
        for value in head.iter().filter_map(|row| row.get(*name)).filter(|value| !value.is_null()) {
            if different.len() < values && !different.contains(value) {
                different.push(value.clone());
            }
        }
        Shown { name, policy: *policy, values: different }
    };
    Ok(columns.iter().map(column).collect())
}

fn values_in_words(column: &Shown) -> String {
    let words = column.values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    words.collect::<Vec<_>>().join(", ")
}

fn in_words(package: &Package, manifest: &Manifest, tables: &[(&'static Table, usize, Vec<Shown>)]) -> Result<String> {
    let cells = |texts: [&str; 3]| texts.map(|text| Some(text.to_owned())).to_vec();
    let rows: Vec<Vec<Option<String>>> = package
        .files()
        .iter()
        .map(|(name, content)| cells([name, &content.len().to_string(), &canonical::sha256(content)]))
        .collect();
    let titles = ["file", "bytes", "sha256"].map(str::to_owned);
    let mut parts = vec![aligned(&titles, &[false, true, false], &rows)];
    for (table, count, columns) in tables {
        let titles = [table.name, "becomes", "such as"].map(str::to_owned);
        let rows: Vec<Vec<Option<String>>> = columns
            .iter()
            .map(|column| {
                let values = values_in_words(column);
                let values: String = if values.chars().count() > 100 {
                    values.chars().take(99).chain(['…']).collect()
                } else {
                    values
                };
                cells([column.name, column.policy.words(), &values])
            })
            .collect();
        parts.push(format!("\n{count} rows of {}", aligned(&titles, &[false; 3], &rows)));
    }
    parts.push(format!("\nthe manifest, as it stands:\n\n{}", toml::to_string(manifest)?));
    for note in NOTES {
        parts.push(format!("\nnote: {note}"));
    }
    parts.push(format!("\n\ndigest {}\n", package.digest()));
    Ok(parts.concat())
}
