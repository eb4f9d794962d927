//! What is committed together: raw pages, rows of several tables, and where the next reading starts.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Float64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;

use super::objects::Objects;
use crate::contract::checked_column;
use crate::{Instant, LakeError, Role, Table, canonical};

/// A raw page, known by the hash of its content.
#[derive(Clone)]
pub struct Page {
    sha: String,
    content: Vec<u8>,
}

impl Page {
    /// The page with this content.
    #[must_use]
    pub fn new(content: Vec<u8>) -> Self {
        Self { sha: canonical::sha256(&content), content }
    }

    /// The content hash.
    #[must_use]
    pub fn sha(&self) -> &str {
        &self.sha
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Page({}, {} bytes)", self.sha, self.content.len())
    }
}

/// How rows meet those already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteMode {
    /// By key: a new key is added, a known one replaced if the new row is newer.
    Upsert,
    /// All rows of the batch's source are replaced by these; rows of other sources stay.
    ReplaceSource,
    /// The whole table is replaced.
    ReplaceTable,
}

/// One batch of one stream.
#[derive(Clone, Debug)]
pub struct Batch {
    stream: String,
    written_at: Instant,
    cursor: Option<String>,
    pages: BTreeMap<String, Page>,
    writes: BTreeMap<&'static str, Write>,
}

#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) table: &'static Table,
    pub(super) mode: WriteMode,
    pub(super) rows: Vec<RecordBatch>,
}

impl Write {
    /// All rows as one batch in the table's stored schema, once nothing is wrong with them.
    pub(super) fn rows_of(&self, stream: &str) -> Result<RecordBatch, ArrowError> {
        let rows = shaped_into_one(self.table, &self.rows)?;
        for (column, cells) in self.table.columns.iter().zip(rows.columns()) {
            refuse_unspeakable(column.name, cells.as_ref())?;
        }
        if self.mode == WriteMode::ReplaceSource {
            let refused = |why: &str| Err(ArrowError::InvalidArgumentError(why.to_owned()));
            if self.table.role == Role::Derived {
                return refused("a derived table has no sources of which one could be replaced");
            }
            let source = checked_column(&rows, "source", &DataType::Utf8, false)?;
            if source.as_string::<i32>().iter().any(|source| source != Some(stream)) {
                return refused(&format!("a row is not of source `{stream}`, whose rows it would replace"));
            }
        }
        Ok(rows)
    }
}

/// A batch in the table's stored schema, whatever encoding and order of columns it came in.
pub(super) fn shaped(table: &Table, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    if let Some(field) = batch.schema().fields().iter().find(|field| table.column(field.name()).is_none()) {
        return Err(ArrowError::SchemaError(format!("column `{}` is none of the table's", field.name())));
    }
    let columns = table
        .columns
        .iter()
        .map(|column| checked_column(batch, column.name, &column.data_type, column.nullable))
        .collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(table.schema(), columns)
}

/// All batches as one, in the table's stored schema.
pub(super) fn shaped_into_one(table: &Table, batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let shaped = batches.iter().map(|batch| shaped(table, batch)).collect::<Result<Vec<_>, _>>()?;
    concat_batches(&table.schema(), &shaped)
}

/// Years 1 to 9999, which every engine that reads our files can say.
const SPEAKABLE: std::ops::Range<i64> = -62_135_596_800_000_000..253_402_300_800_000_000;

/// Refuses what has no canonical form, before it is stored.
fn refuse_unspeakable(name: &str, cells: &dyn Array) -> Result<(), ArrowError> {
    let found = match cells.data_type() {
        DataType::Float64 => {
            let mut numbers = cells.as_primitive::<Float64Type>().iter().flatten();
            numbers.find(|number| !number.is_finite()).map(|number| format!("`{number}`, which is not finite"))
        }
        DataType::Timestamp(..) => {
            let mut instants = cells.as_primitive::<TimestampMicrosecondType>().iter().flatten();
            instants.find(|at| !SPEAKABLE.contains(at)).map(|at| format!("an instant {at} µs from 1970"))
        }
        _ => None,
    };
    found.map_or(Ok(()), |found| Err(ArrowError::InvalidArgumentError(format!("column `{name}` holds {found}"))))
}

impl Batch {
    /// An empty batch of `stream`, written at `now`.
    #[must_use]
    pub fn new(stream: &str, now: Instant) -> Self {
        Self {
            stream: stream.to_owned(),
            written_at: now,
            cursor: None,
            pages: BTreeMap::new(),
            writes: BTreeMap::new(),
        }
    }

    /// The stream it belongs to.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// When it is written.
    #[must_use]
    pub fn written_at(&self) -> Instant {
        self.written_at
    }

    /// Where the next reading starts.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Sets where the next reading starts.
    pub fn set_cursor(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }

    /// Adds a raw page.
    pub fn add_page(&mut self, page: Page) {
        self.pages.insert(page.sha.clone(), page);
    }

    /// Adds rows of [`Table::schema`], provenance included. One table has one mode in a batch.
    ///
    /// # Panics
    /// Where the same table was already written in another mode.
    pub fn write(&mut self, table: &'static Table, mode: WriteMode, rows: RecordBatch) {
        self.touch(table, mode);
        self.writes.get_mut(table.name).expect("it was just touched").rows.push(rows);
    }

    /// Makes the table part of the batch even without rows, which matters to the modes that replace.
    ///
    /// # Panics
    /// As [`Batch::write`].
    pub fn touch(&mut self, table: &'static Table, mode: WriteMode) {
        let write = self.writes.entry(table.name).or_insert_with(|| Write { table, mode, rows: Vec::new() });
        assert_eq!(write.mode, mode, "table `{}` is written in one mode per batch", table.name);
    }

    /// Takes over the pages and rows of another batch, to be written in `mode`.
    ///
    /// # Panics
    /// As [`Batch::write`].
    pub fn absorb(&mut self, other: Self, mode: WriteMode) {
        self.pages.extend(other.pages);
        for write in other.writes.into_values() {
            for rows in write.rows {
                self.write(write.table, mode, rows);
            }
        }
    }

    /// The rows held for one table.
    pub fn record_batches(&self, table: &str) -> impl Iterator<Item = &RecordBatch> {
        self.writes.get(table).into_iter().flat_map(|write| &write.rows)
    }

    /// The tables whose rows of the stream are replaced by those of the batch.
    pub fn replaces(&self) -> impl Iterator<Item = &'static str> {
        self.writes.values().filter(|write| write.mode == WriteMode::ReplaceSource).map(|write| write.table.name)
    }

    pub(super) fn writes(&self) -> impl Iterator<Item = &Write> {
        self.writes.values()
    }

    pub(super) fn page_shas(&self) -> Vec<String> {
        self.pages.keys().cloned().collect()
    }

    /// Stores the pages that are not there yet.
    pub(super) async fn store_pages(&self, objects: &Objects) -> Result<(), LakeError> {
        for page in self.pages.values() {
            let name = page_name(&page.sha);
            if !objects.exists(&name).await? {
                let packed =
                    zstd::encode_all(page.content.as_slice(), 3).map_err(|error| objects.damaged(&name, error))?;
                objects.put(&name, packed).await?;
            }
        }
        Ok(())
    }
}

pub(super) fn page_name(sha: &str) -> String {
    format!("raw/{}/{sha}.zst", sha.get(..2).unwrap_or("00"))
}

pub(super) async fn read_page(objects: &Objects, sha: &str) -> Result<Option<Vec<u8>>, LakeError> {
    let name = page_name(sha);
    let Some(packed) = objects.read(&name).await? else { return Ok(None) };
    let content = zstd::decode_all(packed.as_slice()).map_err(|error| objects.damaged(&name, error))?;
    if canonical::sha256(&content) == sha {
        Ok(Some(content))
    } else {
        Err(objects.damaged(&name, "its content does not have the hash of its name"))
    }
}
