//! CSV with a header, as RFC 4180 has it: cells between commas, quotation marks doubled inside quoted cells.

use arrow::array::RecordBatch;
use csv::{ByteRecord, ReaderBuilder};
use lake::{Column, Table};

use super::cells::{Kind, Rows, Value, check_header, instant, position, supplied, unexpected};
use super::error::{Place, Problem, RowError};
use super::json::texts;
use super::text::{LINE_LIMIT, TOO_LONG, utf8, without_mark};

/// The rows of `table` in CSV; `name` is what an error calls the file.
///
/// The first row names the columns. An empty cell is null, or the empty text in a column of text that may not be null.
/// A list is a JSON array of text.
///
/// # Errors
/// [`RowError`] with the line on which the row at fault begins, and the column.
pub fn csv(table: &'static Table, name: &str, bytes: &[u8]) -> Result<RecordBatch, RowError> {
    rows(table, without_mark(bytes)).map_err(|problem| RowError::new(name, problem))
}

fn rows(table: &'static Table, bytes: &[u8]) -> Result<RecordBatch, Problem> {
    let mut records = Records::new(bytes);
    let Some((place, header)) = records.next()? else {
        return Err(Problem::at(Place::File, "is empty, and a header was expected"));
    };
    let header = columns(table, place, &header)?;
    let mut rows = Rows::new(table);
    while let Some((place, record)) = records.next()? {
        rows.push(place, row(table, place, &header, &record)?)?;
    }
    rows.finish()
}

/// Where each cell of a row belongs.
fn columns(table: &'static Table, place: Place, header: &ByteRecord) -> Result<Vec<Option<usize>>, Problem> {
    let mut columns: Vec<Option<usize>> = Vec::new();
    for name in header {
        let name = utf8(place, name)?;
        let at = position(table, place, name)?;
        if at.is_some() && columns.contains(&at) {
            return Err(Problem::of(place, name, "is there twice"));
        }
        columns.push(at);
    }
    check_header(table, place, &columns)?;
    Ok(columns)
}

fn row(
    table: &'static Table,
    place: Place,
    header: &[Option<usize>],
    record: &ByteRecord,
) -> Result<Vec<Value>, Problem> {
    if record.len() != header.len() {
        let what = format!("expected {} cells as in the header, found {}", header.len(), record.len());
        return Err(Problem::at(place, what));
    }
    let columns: Vec<&Column> = supplied(table).collect();
    let mut values = vec![Value::Null; columns.len()];
    for (cell, at) in record.iter().zip(header) {
        if let Some(at) = *at {
            let text = std::str::from_utf8(cell).map_err(|error| not_utf8(place, columns[at], error))?;
            values[at] = value(columns[at], place, text)?;
        }
    }
    Ok(values)
}

fn not_utf8(place: Place, column: &Column, error: std::str::Utf8Error) -> Problem {
    Problem::of(place, column.name, format!("is not UTF-8 from byte {} on", error.valid_up_to() + 1))
}

fn value(column: &Column, place: Place, text: &str) -> Result<Value, Problem> {
    let kind = Kind::of(column);
    if text.is_empty() {
        let is_text = kind == Kind::Text && !column.nullable;
        return Ok(if is_text { Value::Text(String::new()) } else { Value::Null });
    }
    let value = match kind {
        Kind::Text => Some(Value::Text(text.to_owned())),
        Kind::Integer => text.parse().ok().map(Value::Integer),
        Kind::Real => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Real),
        Kind::Boolean => text.parse().ok().map(Value::Boolean),
        Kind::Instant => return instant(column, place, text),
        Kind::Texts => serde_json::from_str(text).ok().and_then(|json| texts(&json)).map(Value::Texts),
    };
    value.ok_or_else(|| unexpected(place, column, text))
}

/// The rows of a file with the line on which each begins.
struct Records<'a> {
    bytes: &'a [u8],
    reader: csv::Reader<&'a [u8]>,
    /// How far lines are counted, and how many line ends there were.
    counted: usize,
    line_ends: usize,
}

impl<'a> Records<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        Self { bytes, reader, counted: 0, line_ends: 0 }
    }

    fn next(&mut self) -> Result<Option<(Place, ByteRecord)>, Problem> {
        let start = self.skip_blank_lines(self.position());
        let place = Place::Line(self.line_of(start));
        let mut record = ByteRecord::new();
        let is_there = self
            .reader
            .read_byte_record(&mut record)
            .map_err(|error| Problem::at(place, format!("is not CSV: {error}")))?;
        if !is_there {
            return Ok(None);
        }
        let raw = &self.bytes[start..self.position().max(start)];
        if raw.len() > LINE_LIMIT {
            return Err(Problem::at(place, TOO_LONG));
        }
        if raw.iter().fold(false, |is_open, byte| is_open ^ (*byte == b'"')) {
            return Err(Problem::at(place, "a quotation mark is not closed"));
        }
        Ok(Some((place, record)))
    }

    /// How many bytes the reader has taken.
    fn position(&self) -> usize {
        usize::try_from(self.reader.position().byte()).map_or(self.bytes.len(), |at| at.min(self.bytes.len()))
    }

    /// The reader leaves blank lines, and the second half of `\r\n`, to the row that follows them.
    fn skip_blank_lines(&self, from: usize) -> usize {
        let blank = self.bytes[from..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        from + blank
    }

    /// The line of a place at or after the last one asked for.
    fn line_of(&mut self, at: usize) -> usize {
        let is_end = |place: &usize| {
            self.bytes[*place] == b'\n' || (self.bytes[*place] == b'\r' && self.bytes.get(place + 1) != Some(&b'\n'))
        };
        self.line_ends += (self.counted..at).filter(is_end).count();
        self.counted = at;
        self.line_ends + 1
    }
}
