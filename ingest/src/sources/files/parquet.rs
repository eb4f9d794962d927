//! Parquet, as other tools and an export of the lake write it.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, TimeUnit};
use arrow::error::ArrowError;
use lake::{Column, Instant, Table};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::push_decoder::PushBuffers;
use parquet::errors::ParquetError;

use super::cells::{Kind, Rows, Value, check_header, position, supplied, too_fine, unexpected};
use super::error::{Place, Problem, RowError, shown};

/// The rows of `table` in Parquet; `name` is what an error calls the file.
///
/// Columns of text, whole numbers and lists may have any width, and an instant any unit and zone, as long as each
/// value is the same in the table's type. An instant without a zone, or finer than a microsecond, is refused.
///
/// # Errors
/// [`RowError`] with the row, from 1, and the column at fault.
pub fn parquet(table: &'static Table, name: &str, bytes: &[u8]) -> Result<RecordBatch, RowError> {
    // Damaged bytes can make the reader itself panic (seen with one wrong byte); for us that is a damaged file.
    let read = std::panic::catch_unwind(|| rows(table, bytes)).unwrap_or_else(|_| Err(damaged()));
    read.map_err(|problem| RowError::new(name, problem))
}

fn damaged() -> Problem {
    Problem::at(Place::File, "is not readable as Parquet: it is damaged")
}

fn rows(table: &'static Table, bytes: &[u8]) -> Result<RecordBatch, Problem> {
    let unreadable = |error: ParquetError| Problem::at(Place::File, format!("is not readable as Parquet: {error}"));
    let broken = |error: ArrowError| Problem::at(Place::File, format!("is not readable as Parquet: {error}"));
    let size = bytes.len() as u64;
    let mut content = PushBuffers::new(size);
    content.push_range(0..size, bytes.to_vec().into());
    // Parquet's own types say enough; the Arrow schema that some writers embed is one more thing to be broken.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(content, options).map_err(unreadable)?;
    let header = columns(table, reader.schema())?;
    let mut rows = Rows::new(table);
    let mut row_count = 0;
    for batch in reader.build().map_err(unreadable)? {
        let batch = batch.map_err(broken)?;
        push(table, &header, &batch, row_count, &mut rows)?;
        row_count += batch.num_rows();
    }
    rows.finish()
}

/// Where each column belongs. A column of a type that cannot hold what the table wants is refused here.
fn columns(table: &'static Table, schema: &Schema) -> Result<Vec<Option<usize>>, Problem> {
    let mut columns = Vec::new();
    for field in schema.fields() {
        let at = position(table, Place::File, field.name())?;
        if at.is_some() && columns.contains(&at) {
            return Err(Problem::of(Place::File, field.name(), "is there twice"));
        }
        if let Some(column) = at.and_then(|at| supplied(table).nth(at)) {
            check_type(column, field)?;
        }
        columns.push(at);
    }
    check_header(table, Place::File, &columns)?;
    Ok(columns)
}

fn check_type(column: &Column, field: &Field) -> Result<(), Problem> {
    let fits = *field.data_type() == DataType::Null
        || match Kind::of(column) {
            Kind::Text => is_text(field.data_type()),
            Kind::Integer => field.data_type().is_integer(),
            Kind::Real => matches!(field.data_type(), DataType::Float32 | DataType::Float64),
            Kind::Boolean => *field.data_type() == DataType::Boolean,
            Kind::Instant => matches!(field.data_type(), DataType::Timestamp(_, Some(_))),
            Kind::Texts => match field.data_type() {
                DataType::List(item) | DataType::LargeList(item) => is_text(item.data_type()),
                _ => false,
            },
        };
    let expected = match Kind::of(column) {
        Kind::Instant => "timestamps with a zone",
        Kind::Integer => "whole numbers",
        Kind::Real => "real numbers",
        Kind::Text => "text",
        Kind::Boolean => "booleans",
        Kind::Texts => "lists of text",
    };
    let found = shown(&field.data_type().to_string());
    if fits {
        Ok(())
    } else {
        Err(Problem::of(Place::File, column.name, format!("expected {expected}, found {found}")))
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, words) => is_text(words),
        _ => false,
    }
}

/// A column of a batch, in the widest type of its kind; instants are numbers of their unit.
struct Cells<'a> {
    column: &'a Column,
    array: ArrayRef,
    unit: Option<TimeUnit>,
}

impl<'a> Cells<'a> {
    fn new(column: &'a Column, array: &ArrayRef) -> Result<Self, Problem> {
        let (wide, unit) = match array.data_type() {
            DataType::Timestamp(unit, _) => (DataType::Int64, Some(*unit)),
            _ => (column.data_type.clone(), None),
        };
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let array = cast_with_options(array, &wide, &strict)
            .map_err(|error| Problem::of(Place::File, column.name, error.to_string()))?;
        Ok(Self { column, array, unit })
    }

    fn value(&self, place: Place, row: usize) -> Result<Value, Problem> {
        if self.array.is_null(row) {
            return Ok(Value::Null);
        }
        Ok(match Kind::of(self.column) {
            Kind::Text => Value::Text(self.array.as_string::<i32>().value(row).to_owned()),
            Kind::Integer => Value::Integer(self.array.as_primitive::<Int64Type>().value(row)),
            Kind::Real => Value::Real(self.array.as_primitive::<Float64Type>().value(row)),
            Kind::Boolean => Value::Boolean(self.array.as_boolean().value(row)),
            Kind::Instant => Value::Instant(self.instant(place, row)?),
            Kind::Texts => Value::Texts(self.texts(place, row)?),
        })
    }

    fn instant(&self, place: Place, row: usize) -> Result<Instant, Problem> {
        let ticks = self.array.as_primitive::<Int64Type>().value(row);
        let micros = match self.unit {
            Some(TimeUnit::Second) => ticks.checked_mul(1_000_000),
            Some(TimeUnit::Millisecond) => ticks.checked_mul(1_000),
            Some(TimeUnit::Nanosecond) => (ticks % 1_000 == 0).then_some(ticks / 1_000),
            Some(TimeUnit::Microsecond) | None => Some(ticks),
        };
        micros.map(Instant).ok_or_else(|| too_fine(place, self.column, &self.tell(ticks)))
    }

    fn tell(&self, ticks: i64) -> String {
        format!(
            "{ticks} {}",
            self.unit.map_or("", |unit| match unit {
                TimeUnit::Second => "s",
                TimeUnit::Millisecond => "ms",
                TimeUnit::Microsecond => "µs",
                TimeUnit::Nanosecond => "ns",
            })
        )
    }

    fn texts(&self, place: Place, row: usize) -> Result<Vec<String>, Problem> {
        let items = self.array.as_list::<i32>().value(row);
        if items.null_count() > 0 {
            return Err(unexpected(place, self.column, "a list with a null in it"));
        }
        Ok(items.as_string::<i32>().iter().flatten().map(str::to_owned).collect())
    }
}

fn push(
    table: &'static Table,
    header: &[Option<usize>],
    batch: &RecordBatch,
    rows_before: usize,
    rows: &mut Rows,
) -> Result<(), Problem> {
    let mut columns: Vec<Option<Cells<'_>>> = supplied(table).map(|_| None).collect();
    for (array, at) in batch.columns().iter().zip(header) {
        if let Some(at) = *at {
            let column = supplied(table).nth(at).expect("a position is one of these columns");
            columns[at] = Some(Cells::new(column, array)?);
        }
    }
    for row in 0..batch.num_rows() {
        let place = Place::Row(rows_before + row + 1);
        let values =
            columns.iter().map(|cells| cells.as_ref().map_or(Ok(Value::Null), |cells| cells.value(place, row)));
        rows.push(place, values.collect::<Result<_, _>>()?)?;
    }
    Ok(())
}
