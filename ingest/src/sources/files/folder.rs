//! Which files there are, and which table each holds.

use std::path::{Path, PathBuf};

use lake::Table;

use super::cells::listed;
use super::config::Config;
use crate::suggest::nearest;
use super::{error::shown, fillable};
use crate::{SourceError, SourceErrorKind};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    JsonLines,
    Csv,
    Parquet,
}

impl Format {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "csv" => Some(Self::Csv),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// A file that holds rows of a table.
#[derive(Clone, Debug)]
pub(crate) struct TableFile {
    pub(crate) path: PathBuf,
    /// The path as an error shows it.
    pub(crate) name: String,
    pub(crate) table: &'static Table,
    pub(crate) format: Format,
}

/// The files of these settings, in the order of their names.
pub(crate) fn find(config: &Config) -> Result<Vec<TableFile>, SourceError> {
    let path = &config.path;
    let doing = || format!("could not read `{}`", path.display());
    let about = std::fs::metadata(path).map_err(|error| SourceError::new(doing(), error))?;
    if !about.is_dir() {
        return Ok(vec![table_file(path, config.table.as_deref())?]);
    }
    if config.table.is_some() {
        let why = "`table` is for a single file, and this is a folder";
        return Err(SourceError::new(doing(), SourceErrorKind::Settings(why.into()))
            .with_hint("name each file after its table, such as `incidents.csv`"));
    }
    let mut files = Vec::new();
    for path in paths(path).map_err(|error| SourceError::new(doing(), error))? {
        files.push(table_file(&path, None)?);
    }
    if files.is_empty() {
        let why = "the folder holds no file that ends in `.jsonl`, `.ndjson`, `.csv` or `.parquet`";
        return Err(SourceError::new(doing(), SourceErrorKind::Input(why.into())));
    }
    Ok(files)
}

/// The files of a folder that end like tables, sorted. Hidden ones are left alone.
fn paths(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && Format::of(&path).is_some() && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn table_file(path: &Path, table: Option<&str>) -> Result<TableFile, SourceError> {
    let name = path.display().to_string();
    let refused = |why: String, hint: String| {
        SourceError::new(format!("could not read `{name}`"), SourceErrorKind::Input(why)).with_hint(hint)
    };
    let Some(format) = Format::of(path) else {
        return Err(refused(
            "its name does not end in `.jsonl`, `.ndjson`, `.csv` or `.parquet`".into(),
            "the ending says how a file is to be read".into(),
        ));
    };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let asked = table.unwrap_or_else(|| stem.split('-').next().unwrap_or_default());
    match fillable().into_iter().find(|table| table.name == asked) {
        Some(table) => Ok(TableFile { path: path.to_owned(), name, table, format }),
        None => Err(refused(format!("there is no event table {}", shown(asked)), hint(asked))),
    }
}

fn hint(asked: &str) -> String {
    let names = || fillable().into_iter().map(|table| table.name);
    let tables = format!("the tables a file can hold are {}", listed(names()));
    match nearest(asked, names()) {
        Some(near) => format!("did you mean `{near}`? {tables}"),
        None => tables,
    }
}
