//! The canonical form: the bytes in which tables are compared, across runs, machines and storage layouts.
//!
//! A row is a JSON object without provenance columns, its names sorted, instants in RFC 3339 UTC with six digits,
//! numbers in the shortest form that reads back. A table is its rows, each on a line, sorted by key and then by
//! the line itself, equal lines once. Its digest is the SHA-256 of those bytes.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::error::ArrowError;
use chrono::SecondsFormat;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::contract::checked_column;
use crate::{Cell, Instant, Table};

/// Lower-case hexadecimal SHA-256.
#[must_use]
pub fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a text never fails");
        text
    })
}

/// The canonical lines of a table's rows.
///
/// # Errors
/// [`ArrowError`] where the rows do not have the table's columns, or hold a number that is not finite.
pub fn lines(table: &Table, batches: &[RecordBatch]) -> Result<Vec<String>, ArrowError> {
    let lines = Lines::of(table, batches)?;
    Ok(lines.in_order().map(in_words).collect())
}

/// The digest of a table's canonical lines: the same for any order of the rows and any way they are cut into batches.
///
/// # Errors
/// As [`lines`].
pub fn digest(table: &Table, batches: &[RecordBatch]) -> Result<String, ArrowError> {
    // The hash takes much at once more gladly than little often.
    const AT_ONCE: usize = 1 << 16;
    let lines = Lines::of(table, batches)?;
    let mut hasher = Sha256::new();
    let mut waiting: Vec<u8> = Vec::with_capacity(AT_ONCE);
    for line in lines.in_order() {
        waiting.extend_from_slice(line);
        waiting.push(b'\n');
        if waiting.len() >= AT_ONCE {
            hasher.update(&waiting);
            waiting.clear();
        }
    }
    hasher.update(&waiting);
    Ok(hex(&hasher.finalize()))
}

fn in_words(line: &[u8]) -> String {
    String::from_utf8(line.to_vec()).expect("JSON is UTF-8")
}

/// Canonical lines, each behind the JSON array of its key, in one piece of memory.
struct Lines {
    text: Vec<u8>,
    /// In the order of key and line, equal ones once.
    places: Vec<Place>,
}

/// Where a key and its line stand in the text.
#[derive(Clone, Copy)]
struct Place {
    key: usize,
    line: usize,
    end: usize,
}

impl Lines {
    fn of(table: &Table, batches: &[RecordBatch]) -> Result<Self, ArrowError> {
        let mut lines = Self { text: Vec::new(), places: Vec::new() };
        for batch in batches {
            lines.add(table, batch)?;
        }
        // No key's array is the beginning of another one, so a key and its line compare as one text. Rows often come
        // in order, or in a few runs that are; this sort makes use of it.
        let text = &lines.text;
        let whole = |place: &Place| &text[place.key..place.end];
        lines.places.sort_by(|a, b| whole(a).cmp(whole(b)));
        lines.places.dedup_by(|a, b| whole(a) == whole(b));
        Ok(lines)
    }

    fn add(&mut self, table: &Table, batch: &RecordBatch) -> Result<(), ArrowError> {
        let columns = content_columns(table, batch)?;
        let named: Vec<_> =
            columns.iter().map(|(name, cells)| (format!("{}:", Value::from(*name)), cells.as_ref())).collect();
        let column = |key: &&str| columns.iter().find(|(name, _)| name == key).expect("a key says what happened");
        let key_columns: Vec<&dyn Array> = table.key.iter().map(|key| column(key).1.as_ref()).collect();
        self.places.reserve(batch.num_rows());
        for row in 0..batch.num_rows() {
            let key = self.text.len();
            self.text.push(b'[');
            for (at, cells) in key_columns.iter().enumerate() {
                self.separate(at);
                Content::of(*cells, row)?.write(&mut self.text);
            }
            self.text.push(b']');
            let line = self.text.len();
            self.text.push(b'{');
            for (at, (name, cells)) in named.iter().enumerate() {
                self.separate(at);
                self.text.extend_from_slice(name.as_bytes());
                Content::of(*cells, row)?.write(&mut self.text);
            }
            self.text.push(b'}');
            self.places.push(Place { key, line, end: self.text.len() });
        }
        Ok(())
    }

    fn separate(&mut self, at: usize) {
        if at > 0 {
            self.text.push(b',');
        }
    }

    fn in_order(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().map(|place| &self.text[place.line..place.end])
    }
}

/// The columns that say what happened, sorted by name.
fn content_columns<'a>(table: &'a Table, batch: &RecordBatch) -> Result<Vec<(&'a str, ArrayRef)>, ArrowError> {
    let mut columns: Vec<_> = table.columns.iter().filter(|column| !column.provenance).collect();
    columns.sort_by_key(|column| column.name);
    columns
        .into_iter()
        .map(|column| Ok((column.name, checked_column(batch, column.name, &column.data_type, column.nullable)?)))
        .collect()
}

/// One digest over the digests of several tables, in the order of their names.
#[must_use]
pub fn digest_of_digests(digests: &BTreeMap<String, String>) -> String {
    let lines: Vec<String> = digests.iter().map(|(name, digest)| format!("{name} {digest}\n")).collect();
    sha256(lines.concat().as_bytes())
}

/// The rows of a batch as JSON objects without provenance columns.
///
/// # Errors
/// As [`lines`].
pub fn json_rows(table: &Table, batch: &RecordBatch) -> Result<Vec<Map<String, Value>>, ArrowError> {
    let mut rows = vec![Map::new(); batch.num_rows()];
    // Sorted, so that the form does not hang on how `serde_json` keeps its maps.
    for (name, cells) in content_columns(table, batch)? {
        for (at, row) in rows.iter_mut().enumerate() {
            row.insert(name.to_owned(), json_cell(cells.as_ref(), at)?);
        }
    }
    Ok(rows)
}

/// One cell in canonical JSON.
///
/// # Errors
/// [`ArrowError`] for a type the lake does not use, and for numbers that are not finite.
pub fn json_cell(column: &dyn Array, row: usize) -> Result<Value, ArrowError> {
    Ok(Content::of(column, row)?.json())
}

/// What a cell holds, to be said as a JSON value or written as its text.
enum Content<'a> {
    Null,
    Text(&'a str),
    Integer(i64),
    Truth(bool),
    /// Finite, and not the negative zero.
    Real(f64),
    Instant(Instant),
    Texts(&'a StringArray, Range<usize>),
}

impl<'a> Content<'a> {
    fn of(column: &'a dyn Array, row: usize) -> Result<Self, ArrowError> {
        if column.is_null(row) {
            return Ok(Self::Null);
        }
        Ok(match column.data_type() {
            DataType::Utf8 => Self::Text(column.as_string::<i32>().value(row)),
            DataType::Int64 => Self::Integer(column.as_primitive::<Int64Type>().value(row)),
            DataType::Boolean => Self::Truth(column.as_boolean().value(row)),
            DataType::Float64 => {
                let number = column.as_primitive::<Float64Type>().value(row);
                if !number.is_finite() {
                    return Err(ArrowError::InvalidArgumentError(format!("`{number}` is not a finite number")));
                }
                // Zero has one form.
                Self::Real(if number == 0.0 { 0.0 } else { number })
            }
            DataType::Timestamp(..) => Self::Instant(<Instant as Cell>::read(column, row)),
            DataType::List(item) if *item.data_type() == DataType::Utf8 => {
                let lists = column.as_list::<i32>();
                let place = |at: usize| usize::try_from(lists.value_offsets()[at]).unwrap_or_default();
                Self::Texts(lists.values().as_string::<i32>(), place(row)..place(row + 1))
            }
            other => return Err(ArrowError::NotYetImplemented(format!("no canonical form for {other}"))),
        })
    }

    fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => Value::from(*text),
            Self::Integer(number) => Value::from(*number),
            Self::Truth(truth) => Value::from(*truth),
            Self::Real(number) => Value::from(*number),
            Self::Instant(at) => Value::from(rfc3339(*at)),
            Self::Texts(texts, range) => range.clone().map(|at| Value::from(texts.value(at))).collect(),
        }
    }

    /// Appends the text of [`Content::json`].
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Text(text) => write_text(text, out),
            Self::Integer(number) => write!(out, "{number}").expect("memory takes it"),
            Self::Truth(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
            Self::Real(number) => serde_json::to_writer(out, number).expect("memory takes it"),
            Self::Instant(at) => write!(out, "\"{}\"", rfc3339(*at)).expect("memory takes it"),
            Self::Texts(texts, range) => {
                out.push(b'[');
                for at in range.clone() {
                    if at > range.start {
                        out.push(b',');
                    }
                    write_text(texts.value(at), out);
                }
                out.push(b']');
            }
        }
    }
}

fn rfc3339(at: Instant) -> String {
    at.to_utc().to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Most texts hold nothing that JSON escapes, and are copied.
fn write_text(text: &str, out: &mut Vec<u8>) {
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        serde_json::to_writer(out, text).expect("memory takes it");
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}
