//! The schema `statref/1` and the tables that its cases read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// One file of cases.
#[derive(Deserialize)]
pub(crate) struct Family {
    pub(crate) schema: String,
    #[serde(rename = "family")]
    pub(crate) name: String,
    pub(crate) cases: Vec<Case>,
}

/// Inputs and the figures expected of them.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) input: Value,
    pub(crate) expected: Value,
    pub(crate) tolerance: Tolerance,
}

/// A figure passes when `|actual − expected| ≤ abs + rel · |expected|`.
#[derive(Deserialize, Clone, Copy)]
pub(crate) struct Tolerance {
    pub(crate) rel: f64,
    pub(crate) abs: f64,
}

/// Reads every file of cases of a directory, in order of name.
pub(crate) fn families(directory: &Path) -> Vec<Family> {
    let cases = directory.join("cases");
    let entries = fs::read_dir(&cases).unwrap_or_else(|error| panic!("could not list `{}`: {error}", cases.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a listed entry can be read").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.iter().map(|path| family(path)).collect()
}

fn family(path: &Path) -> Family {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("could not read `{}`: {error}", path.display()));
    let family: Family =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("could not parse `{}`: {error}", path.display()));
    assert_eq!(family.schema, "statref/1", "`{}` has another schema", path.display());
    family
}

/// A table of text, by column.
pub(crate) struct Table(BTreeMap<String, Vec<String>>);

impl Table {
    /// Reads a table with a header. The tables have no commas or line breaks inside quotes.
    pub(crate) fn read(path: &Path) -> Self {
        let mut rows = rows(path).into_iter();
        let header = rows.next().expect("a table has a header");
        let mut columns: BTreeMap<String, Vec<String>> = header.iter().map(|name| (name.clone(), Vec::new())).collect();
        for row in rows {
            for (name, cell) in header.iter().zip(row) {
                columns.get_mut(name).expect("every name is in the header").push(cell);
            }
        }
        Self(columns)
    }

    pub(crate) fn text(&self, name: &str) -> &[String] {
        self.0.get(name).unwrap_or_else(|| panic!("the table has no column `{name}`"))
    }

    pub(crate) fn numbers(&self, name: &str) -> Vec<f64> {
        self.text(name).iter().map(|cell| cell.parse().expect("the column holds numbers")).collect()
    }
}

/// Reads a table of indices without a header.
pub(crate) fn indices(path: &Path) -> Vec<Vec<usize>> {
    let parse = |cell: &String| cell.parse().expect("the table holds indices");
    rows(path).iter().map(|row| row.iter().map(parse).collect()).collect()
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("could not read `{}`: {error}", path.display()));
    text.lines().map(|line| line.split(',').map(|cell| cell.trim().trim_matches('"').to_owned()).collect()).collect()
}
