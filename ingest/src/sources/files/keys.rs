//! Several files of one table: they may repeat each other, and must not contradict each other.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, SortField};
use lake::Table;

use super::cells::listed;
use super::error::{Place, Problem, RowError};
use crate::SourceError;

/// The rows of the files of one table that were read so far.
pub(super) struct Known {
    table: &'static Table,
    keys: RowConverter,
    /// File and row of each key.
    places: HashMap<OwnedRow, (usize, usize)>,
    files: Vec<(String, RecordBatch)>,
}

impl Known {
    /// Nothing of a table is known yet.
    pub(super) fn of(table: &'static Table) -> Result<Self, SourceError> {
        let schema = table.row_schema();
        let types = table.key.iter().map(|name| Ok(SortField::new(schema.field_with_name(name)?.data_type().clone())));
        let keys = types.collect::<Result<_, _>>().and_then(RowConverter::new).map_err(failed)?;
        Ok(Self { table, keys, places: HashMap::new(), files: Vec::new() })
    }

    /// Adds the rows of a file, unless one says something else than a row of an earlier file with its key. Where the
    /// table tells which of two rows is newer, both are taken.
    pub(super) fn add(&mut self, name: &str, rows: RecordBatch) -> Result<(), SourceError> {
        let columns = self.table.key.iter().map(|name| column(&rows, name));
        let keys = self.keys.convert_columns(&columns.collect::<Vec<_>>()).map_err(failed)?;
        for (row, key) in keys.iter().enumerate() {
            match self.places.get(&key.owned()) {
                None => {
                    self.places.insert(key.owned(), (self.files.len(), row));
                }
                // Within one file, its lines were compared already.
                Some((file, _)) if *file == self.files.len() => {}
                Some((file, earlier)) => self.compare((*file, *earlier), name, &rows, row)?,
            }
        }
        self.files.push((name.to_owned(), rows));
        Ok(())
    }

    fn compare(&self, at: (usize, usize), name: &str, rows: &RecordBatch, row: usize) -> Result<(), RowError> {
        let (file, known) = &self.files[at.0];
        let is_equal = |column: &str| {
            let (one, other) = (self::column(known, column), self::column(rows, column));
            one.slice(at.1, 1).to_data() == other.slice(row, 1).to_data()
        };
        let schema = rows.schema();
        let Some(differing) = schema.fields().iter().find(|field| !is_equal(field.name())) else { return Ok(()) };
        let newest_by = self.table.newest_by;
        let is_ordered = newest_by.is_some_and(|order| {
            !is_equal(order) && column(known, order).is_valid(at.1) && column(rows, order).is_valid(row)
        });
        if is_ordered {
            return Ok(());
        }
        let what = format!(
            "has the key ({}) of row {} of `{file}` but differs in `{}`",
            listed(self.table.key.iter().copied()),
            at.1 + 1,
            differing.name()
        );
        let hint = newest_by.map(|order| format!("where `{order}` differs, the row with the later one is kept"));
        Err(RowError::new(name, Problem::at(Place::Row(row + 1), what).with_hint(hint)))
    }
}

fn column(rows: &RecordBatch, name: &str) -> ArrayRef {
    rows.column_by_name(name).expect("a file is read as the columns of its table").clone()
}

fn failed(error: ArrowError) -> SourceError {
    SourceError::new("could not compare the files of a table", error)
}
