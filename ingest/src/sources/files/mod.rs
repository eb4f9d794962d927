//! Event tables from files: for what no other source reads, and for bringing back what was exported.
//!
//! A file is JSON Lines, CSV or Parquet, holds rows of one event table (or of `coverage`) and is named after it:
//! `incidents.csv`, `incidents-2026.jsonl`. Its columns are those of the table; a column that may be null may be left
//! out, and the columns `source` and `page_sha` of an exported file are ignored, since the lake fills them.
//!
//! - Nothing is guessed: an unknown column, a missing value, an instant without a zone or finer than a microsecond, a
//!   whole number written as `3.0`, a word outside a closed set, and two rows with one key that say different
//!   things, in one file or in two, are errors that name the place. (Where the table has a column that says which row is newer, and it
//!   differs, both rows are taken and the lake keeps the newer one.)
//! - In CSV an empty cell is null, or the empty text in a column of text that may not be null; a list is a JSON array of
//!   text.
//! - Coverage: files in the table `coverage` say what was read. Where there is none, each table is taken as given: complete
//!   from its smallest to just after its largest main instant that does not lie in the future.
//! - The content of files up to 64 MiB is kept as a raw page; of larger ones only the hash is noted with the rows.

mod cells;
mod closed;
mod config;
mod coverage;
mod csv;
mod error;
mod folder;
mod json;
mod keys;
mod parquet;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use lake::{Role, Table};

pub use config::Config;
#[cfg(test)]
pub(crate) use tests::contract;
pub use csv::csv;
pub use error::{Place, Problem, RowError};
pub use json::json_lines;
pub use parquet::parquet;

use self::folder::{Format, TableFile};
use crate::{Reading, Reporter, Sink, Source, SourceError};

/// What this source reads.
pub const WHAT: &str = "Event tables in JSON Lines, CSV or Parquet files";

/// The tables it may fill: every event table, and coverage.
pub const FILLS: &[&str] = &[
    "commits",
    "commit_paths",
    "changes",
    "change_commits",
    "pull_request_events",
    "check_runs",
    "releases",
    "deployments",
    "image_revisions",
    "health_transitions",
    "inventory",
    "measurement_inputs",
    "incidents",
    "alerts",
    "samples",
    "interventions",
    "service_attributes",
    "attempts",
    "coverage",
];

/// Larger files are not kept as raw pages.
const PAGE_LIMIT: usize = 64 * 1024 * 1024;

/// A file or folder as a source.
#[derive(Clone, Debug)]
pub struct Files {
    config: Config,
}

/// The source that these settings describe.
#[must_use]
pub fn open(config: Config) -> Files {
    Files { config }
}

/// The tables a file may fill.
fn fillable() -> Vec<&'static Table> {
    lake::tables::all().into_iter().filter(|table| table.role != Role::Derived).collect()
}

#[async_trait]
impl Source for Files {
    fn stream(&self) -> String {
        format!("files:{}", self.config.name)
    }

    fn fills(&self) -> &'static [&'static str] {
        FILLS
    }

    fn is_snapshot(&self) -> bool {
        true
    }

    async fn read(
        &self,
        _reading: &Reading<'_>,
        sink: &mut Sink<'_>,
        reporter: &dyn Reporter,
    ) -> Result<(), SourceError> {
        let files = folder::find(&self.config)?;
        reporter.begin("reading files", Some(files.len() as u64));
        let mut assumed = coverage::Assumed::at(sink.present());
        let mut known: BTreeMap<&str, keys::Known> = BTreeMap::new();
        for file in &files {
            let has_others = files.iter().filter(|other| other.table.name == file.table.name).count() > 1;
            let content = tokio::fs::read(&file.path)
                .await
                .map_err(|error| SourceError::new(format!("could not read `{}`", file.name), error))?;
            let rows = rows(file, &content)?;
            assumed.see(file.table, &rows);
            if has_others {
                let known = match known.entry(file.table.name) {
                    Entry::Vacant(place) => place.insert(keys::Known::of(file.table)?),
                    Entry::Occupied(place) => place.into_mut(),
                };
                known.add(&file.name, rows.clone())?;
            }
            let sha = keep(sink, content);
            sink.record_batch(file.table, &rows, Some(&sha))?;
            reporter.advance(1);
        }
        for row in assumed.rows(&self.stream()) {
            sink.coverage(row)?;
        }
        Ok(())
    }
}

fn rows(file: &TableFile, content: &[u8]) -> Result<RecordBatch, RowError> {
    match file.format {
        Format::JsonLines => json_lines(file.table, &file.name, content),
        Format::Csv => csv(file.table, &file.name, content),
        Format::Parquet => parquet(file.table, &file.name, content),
    }
}

/// Keeps the content as a page unless it is too large, and returns its hash.
fn keep(sink: &mut Sink<'_>, content: Vec<u8>) -> String {
    if content.len() <= PAGE_LIMIT { sink.page(content) } else { lake::canonical::sha256(&content) }
}
