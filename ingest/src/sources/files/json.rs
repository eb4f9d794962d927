//! JSON Lines: one object per line.

use std::fmt;

use arrow::array::RecordBatch;
use lake::{Column, Table};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;

use super::cells::{Kind, Rows, Value, instant, position, supplied, unexpected};
use super::error::{Place, Problem, RowError, shown};
use super::text::{LINE_LIMIT, TOO_LONG, lines, utf8, without_mark};

/// The rows of `table` in JSON Lines; `name` is what an error calls the file.
///
/// Each line is an object whose names are columns; a name left out is null. Blank lines are skipped. A whole number
/// is written without a fraction (`3.0` is refused), an instant with its zone and at most six digits after the second.
///
/// # Errors
/// [`RowError`] with the line and the column at fault.
pub fn json_lines(table: &'static Table, name: &str, bytes: &[u8]) -> Result<RecordBatch, RowError> {
    rows(table, bytes).map_err(|problem| RowError::new(name, problem))
}

fn rows(table: &'static Table, bytes: &[u8]) -> Result<RecordBatch, Problem> {
    let mut rows = Rows::new(table);
    for (at, line) in lines(without_mark(bytes)) {
        let place = Place::Line(at);
        if line.len() > LINE_LIMIT {
            return Err(Problem::at(place, TOO_LONG));
        }
        let text = utf8(place, line)?;
        if !text.trim().is_empty() {
            rows.push(place, row(table, place, text)?)?;
        }
    }
    rows.finish()
}

fn row(table: &'static Table, place: Place, text: &str) -> Result<Vec<Value>, Problem> {
    let Members(members) = serde_json::from_str(text).map_err(|error| not_an_object(place, text, &error))?;
    let mut values: Vec<Option<Value>> = supplied(table).map(|_| None).collect();
    for (name, json) in members {
        let Some(at) = position(table, place, &name)? else { continue };
        if values[at].is_some() {
            return Err(Problem::of(place, &name, "is there twice"));
        }
        let column = supplied(table).nth(at).expect("a position is one of these columns");
        values[at] = Some(value(column, place, json)?);
    }
    Ok(values.into_iter().map(|value| value.unwrap_or(Value::Null)).collect())
}

fn not_an_object(place: Place, text: &str, error: &serde_json::Error) -> Problem {
    if error.is_data() {
        return Problem::at(place, format!("expected a JSON object, found {}", shown(text.trim())));
    }
    let why = error.to_string();
    let why = why.split(" at line ").next().unwrap_or_default();
    Problem::at(place, format!("is not JSON at byte {}: {why}", error.column()))
}

/// The value of a cell, if the JSON has the column's kind.
fn value(column: &Column, place: Place, json: Json) -> Result<Value, Problem> {
    let refused = |json: &Json| unexpected(place, column, &found(json));
    match (Kind::of(column), json) {
        (_, Json::Null) => Ok(Value::Null),
        (Kind::Text, Json::String(text)) => Ok(Value::Text(text)),
        (Kind::Boolean, Json::Bool(yes)) => Ok(Value::Boolean(yes)),
        (Kind::Integer, Json::Number(number)) => {
            number.as_i64().map(Value::Integer).ok_or_else(|| refused(&Json::Number(number)))
        }
        (Kind::Real, Json::Number(number)) => {
            number.as_f64().map(Value::Real).ok_or_else(|| refused(&Json::Number(number)))
        }
        (Kind::Instant, Json::String(text)) => instant(column, place, &text),
        (Kind::Texts, json @ Json::Array(_)) => texts(&json).map(Value::Texts).ok_or_else(|| refused(&json)),
        (_, json) => Err(refused(&json)),
    }
}

/// A JSON array of text.
pub(crate) fn texts(json: &Json) -> Option<Vec<String>> {
    json.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

/// A text is shown without its quotation marks, as it stands in the other formats.
fn found(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The members of an object in order, so that a name that is there twice is seen.
struct Members(Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}
