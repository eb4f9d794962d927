//! The canonical form: the bytes in which tables are compared, across runs, machines and storage layouts.
//!
//! A row is a JSON object without provenance columns, its names sorted, instants in RFC 3339 UTC with six digits,
//! numbers in the shortest form that reads back. A table is its rows, each on a line, sorted by key and then by
//! the line itself, equal lines once. Its digest is the SHA-256 of those bytes.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
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
    let mut keyed: Vec<(String, String)> = Vec::new();
    for batch in batches {
        for row in json_rows(table, batch)? {
            let key: Vec<&Value> = table.key.iter().map(|name| &row[*name]).collect();
            let key = text_of(&key);
            keyed.push((key, text_of(&row)));
        }
    }
    keyed.sort_unstable();
    keyed.dedup();
    Ok(keyed.into_iter().map(|(_, line)| line).collect())
}

fn text_of(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("a JSON value always has a text")
}

/// The digest of a table's canonical lines.
///
/// # Errors
/// As [`lines`].
pub fn digest(table: &Table, batches: &[RecordBatch]) -> Result<String, ArrowError> {
    let mut hasher = Sha256::new();
    for line in lines(table, batches)? {
        hasher.update(line.as_bytes());
        hasher.update(b"\n");
    }
    Ok(hex(&hasher.finalize()))
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
    // Sorted here, so that the form does not hang on how `serde_json` keeps its maps.
    let mut columns: Vec<_> = table.columns.iter().filter(|column| !column.provenance).collect();
    columns.sort_by_key(|column| column.name);
    for column in columns {
        let cells = checked_column(batch, column.name, &column.data_type, column.nullable)?;
        for (at, row) in rows.iter_mut().enumerate() {
            row.insert(column.name.to_owned(), json_cell(cells.as_ref(), at)?);
        }
    }
    Ok(rows)
}

/// One cell in canonical JSON.
///
/// # Errors
/// [`ArrowError`] for a type the lake does not use, and for numbers that are not finite.
pub fn json_cell(column: &dyn Array, row: usize) -> Result<Value, ArrowError> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match column.data_type() {
        DataType::Utf8 => Value::from(column.as_string::<i32>().value(row)),
        DataType::Int64 => Value::from(column.as_primitive::<Int64Type>().value(row)),
        DataType::Boolean => Value::from(column.as_boolean().value(row)),
        DataType::Float64 => {
            let number = column.as_primitive::<Float64Type>().value(row);
            // Zero has one form.
            let number = if number == 0.0 { 0.0 } else { number };
            serde_json::Number::from_f64(number)
                .map(Value::Number)
                .ok_or_else(|| ArrowError::InvalidArgumentError(format!("`{number}` is not a finite number")))?
        }
        DataType::Timestamp(..) => {
            let at = <Instant as Cell>::read(column, row);
            Value::from(at.to_utc().to_rfc3339_opts(SecondsFormat::Micros, true))
        }
        DataType::List(item) if *item.data_type() == DataType::Utf8 => {
            Value::from(<Vec<String> as Cell>::read(column, row))
        }
        other => return Err(ArrowError::NotYetImplemented(format!("no canonical form for {other}"))),
    })
}
