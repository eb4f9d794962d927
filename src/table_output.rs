//! Printing rows: a table for people, or JSON, JSON Lines, CSV and Parquet for programs.

use std::fmt::Write;
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use serde_json::{Map, Value, json};

use crate::cli::Format;
use crate::terminal::{self, Terminal};

/// The version of our JSON documents.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// Prints rows in the format that was asked for.
pub(crate) fn print(terminal: &Terminal, format: Format, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<()> {
    let content = match format {
        Format::Table => table(schema, batches)?.into_bytes(),
        Format::Json => {
            let rows = json_rows(batches)?;
            let mut text = serde_json::to_string_pretty(&json!({"format_version": FORMAT_VERSION, "rows": rows}))?;
            text.push('\n');
            text.into_bytes()
        }
        Format::Jsonl => {
            let mut text = String::new();
            for row in json_rows(batches)? {
                text.push_str(&serde_json::to_string(&row)?);
                text.push('\n');
            }
            text.into_bytes()
        }
        Format::Csv => csv(schema, batches)?,
        Format::Parquet => parquet(schema, batches)?,
    };
    terminal.data(&content).context("could not write to standard output")
}

/// Prints rows of texts in a format of rows; `None` where the format is one that the caller writes itself.
pub(crate) fn texts(
    terminal: &Terminal,
    format: Format,
    titles: &[String],
    rows: &[Vec<Option<String>>],
) -> Result<Option<()>> {
    if matches!(format, Format::Table | Format::Json) {
        return Ok(None);
    }
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    typed(terminal, format, &titles, rows, &[]).map(Some)
}

/// Prints rows of texts in a format of rows, with the columns that are named as numbers, instants or truths.
pub(crate) fn typed(
    terminal: &Terminal,
    format: Format,
    titles: &[&str],
    rows: &[Vec<Option<String>>],
    types: &[(&str, DataType)],
) -> Result<()> {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (at, title) in titles.iter().enumerate() {
        let texts: StringArray = rows.iter().map(|row| row.get(at).cloned().flatten()).collect();
        let wanted = types.iter().find(|(name, _)| name == title).map(|(_, wanted)| wanted);
        let column: ArrayRef = match wanted {
            Some(wanted) => cast(&texts, wanted)?,
            None => Arc::new(texts),
        };
        fields.push(Field::new(*title, column.data_type().clone(), true));
        columns.push(column);
    }
    Columns { fields, columns }.print_whole(terminal, format)
}

/// Columns for programs: plain values, one in a cell, whatever a person is shown.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
}

impl Columns {
    /// With one more column.
    #[must_use]
    pub(crate) fn with<C: lake::Cell>(mut self, name: &str, cells: impl IntoIterator<Item = C>) -> Self {
        self.fields.push(Field::new(name, C::data_type(), true));
        self.columns.push(C::column(cells.into_iter().collect()));
        self
    }

    /// Prints them, unless the format is one that the caller writes itself; whether it did.
    pub(crate) fn print(self, terminal: &Terminal, format: Format) -> Result<bool> {
        if matches!(format, Format::Table | Format::Json) {
            return Ok(false);
        }
        self.print_whole(terminal, format).map(|()| true)
    }

    /// As a Parquet file.
    pub(crate) fn parquet(self) -> Result<Vec<u8>> {
        let batch = RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.columns)?;
        parquet(&batch.schema(), &[batch])
    }

    /// Prints them in whatever format.
    pub(crate) fn print_whole(self, terminal: &Terminal, format: Format) -> Result<()> {
        let batch = RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.columns)?;
        print(terminal, format, &batch.schema(), &[batch])
    }
}

/// The texts of all cells, row by row; null is empty.
pub(crate) fn cells(batches: &[RecordBatch]) -> Result<Vec<Vec<Option<String>>>> {
    let options =
        FormatOptions::default().with_display_error(true).with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        for at in 0..batch.num_rows() {
            let row = columns.iter().zip(batch.columns());
            rows.push(row.map(|(texts, column)| column.is_valid(at).then(|| texts.value(at).to_string())).collect());
        }
    }
    Ok(rows)
}

fn table(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<String> {
    let titles: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let numeric: Vec<bool> = schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
    Ok(aligned(&titles, &numeric, &cells(batches)?))
}

/// Columns side by side, two spaces apart, numbers to the right, null as `-`.
pub(crate) fn aligned(titles: &[String], numeric: &[bool], rows: &[Vec<Option<String>>]) -> String {
    let shown = |cell: &Option<String>| {
        terminal::plain(&cell.as_deref().unwrap_or("-").replace(['\n', '\r', '\t'], " ")).into_owned()
    };
    let width = |at: usize| {
        let cells = rows.iter().map(|row| row.get(at).map_or(0, |cell| shown(cell).chars().count()));
        cells.chain([titles[at].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    let mut text = String::new();
    let mut line = |cells: Vec<String>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .zip(numeric)
            .map(
                |((cell, width), numeric)| if *numeric { format!("{cell:>width$}") } else { format!("{cell:<width$}") },
            )
            .collect();
        writeln!(text, "{}", padded.join("  ").trim_end()).expect("writing to a text never fails");
    };
    line(titles.to_vec());
    for row in rows {
        line(row.iter().map(shown).collect());
    }
    text
}

fn json_rows(batches: &[RecordBatch]) -> Result<Vec<Map<String, Value>>> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter().map(plain).collect::<Result<Vec<_>>>()?;
        let schema = batch.schema();
        for at in 0..batch.num_rows() {
            let mut row = Map::new();
            for (field, column) in schema.fields().iter().zip(&columns) {
                row.insert(field.name().clone(), json_cell(column.as_ref(), at)?);
            }
            rows.push(row);
        }
    }
    Ok(rows)
}

/// A column in one of the types that have a canonical form.
fn plain(column: &arrow::array::ArrayRef) -> Result<arrow::array::ArrayRef> {
    let target = match column.data_type() {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::Timestamp(..) | DataType::Date32 => <lake::Instant as lake::Cell>::data_type(),
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        // Lists of whatever texts the engine chose to hold.
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
            let texts = <Vec<String> as lake::Cell>::data_type();
            return Ok(cast(column, &texts).unwrap_or_else(|_| column.clone()));
        }
        // What does not fit stays as it is, and is written in words.
        DataType::UInt64 => return Ok(cast_whole(column).unwrap_or_else(|| column.clone())),
        other if other.is_integer() => DataType::Int64,
        _ => return Ok(column.clone()),
    };
    Ok(cast(column, &target)?)
}

/// The same whole numbers, where all of them fit.
fn cast_whole(column: &ArrayRef) -> Option<ArrayRef> {
    let whole = cast(column, &DataType::Int64).ok()?;
    (whole.null_count() == column.null_count()).then_some(whole)
}

fn json_cell(column: &dyn Array, row: usize) -> Result<Value> {
    if column.data_type() == &DataType::Null || column.is_null(row) {
        return Ok(Value::Null);
    }
    if let Ok(value) = lake::canonical::json_cell(column, row) {
        return Ok(value);
    }
    let options = FormatOptions::default();
    Ok(Value::from(ArrayFormatter::try_new(column, &options)?.value(row).to_string()))
}

/// Lists are JSON arrays, as the `files` source takes them.
fn csv(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let mut text = String::new();
    let quoted = |cell: &str| {
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.to_owned()
        }
    };
    let titles: Vec<String> = schema.fields().iter().map(|field| quoted(field.name())).collect();
    writeln!(text, "{}", titles.join(","))?;
    for row in json_rows(batches)? {
        let cells: Vec<String> = schema
            .fields()
            .iter()
            .map(|field| match row.get(field.name()) {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(cell)) => quoted(cell),
                Some(cell) => quoted(&cell.to_string()),
            })
            .collect();
        writeln!(text, "{}", cells.join(","))?;
    }
    Ok(text.into_bytes())
}

fn parquet(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let mut writer = ArrowWriter::try_new(Vec::new(), schema.clone(), None)?;
    for batch in batches {
        writer.write(batch)?;
    }
    Ok(writer.into_inner()?)
}
