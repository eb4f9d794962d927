//! From single values to the columns of a table, with every check that does not depend on the file's format.

use std::collections::HashMap;
use std::fmt::Write;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use chrono::DateTime;
use lake::{Cell, Column, Instant, Table};

use super::closed::words_of;
use super::error::{Place, Problem, shown};
use crate::suggest::nearest;

/// One value of a row, whatever the format it came from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// No value.
    Null,
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Yes or no.
    Boolean(bool),
    /// An instant.
    Instant(Instant),
    /// Several texts.
    Texts(Vec<String>),
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Integer,
    Real,
    Boolean,
    Instant,
    Texts,
}

impl Kind {
    pub(crate) fn of(column: &Column) -> Self {
        match column.data_type {
            DataType::Int64 => Self::Integer,
            DataType::Float64 => Self::Real,
            DataType::Boolean => Self::Boolean,
            DataType::Timestamp(..) => Self::Instant,
            DataType::List(_) => Self::Texts,
            _ => Self::Text,
        }
    }

    /// What is expected, for people.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "a whole number such as `3`",
            Self::Real => "a number such as `0.5`",
            Self::Boolean => "`true` or `false`",
            Self::Instant => "an instant with a zone such as `2026-01-05T08:00:00Z`",
            Self::Texts => "a list of text such as `[\"a\",\"b\"]`, or `[]`",
        }
    }
}

/// The problem of a cell that holds something else than its column.
pub(crate) fn unexpected(place: Place, column: &Column, found: &str) -> Problem {
    let expected = Kind::of(column).expected();
    Problem::of(place, column.name, format!("expected {expected}, found {}", shown(found)))
}

/// The instant a text names: RFC 3339 with a zone and at most six digits after the second that count.
pub(crate) fn instant(column: &Column, place: Place, text: &str) -> Result<Value, Problem> {
    let Ok(at) = DateTime::parse_from_rfc3339(text) else { return Err(unexpected(place, column, text)) };
    if at.timestamp_subsec_nanos() % 1_000 == 0 {
        return Ok(Value::Instant(Instant(at.timestamp_micros())));
    }
    Err(too_fine(place, column, text))
}

/// The problem of an instant that cannot be kept as it is.
pub(crate) fn too_fine(place: Place, column: &Column, found: &str) -> Problem {
    Problem::of(place, column.name, format!("expected an instant in whole microseconds, found {}", shown(found)))
}

/// The columns of a table that a source supplies.
pub(crate) fn supplied(table: &'static Table) -> impl Iterator<Item = &'static Column> {
    table.columns.iter().filter(|column| !column.provenance)
}

/// Where in the table's supplied columns the column `name` of a file belongs; `None` for the provenance columns,
/// which a file exported from a lake has and which the lake fills anew.
pub(crate) fn position(table: &'static Table, place: Place, name: &str) -> Result<Option<usize>, Problem> {
    if table.columns.iter().any(|column| column.provenance && column.name == name) {
        return Ok(None);
    }
    supplied(table).position(|column| column.name == name).map(Some).ok_or_else(|| {
        let names = || supplied(table).map(|column| column.name);
        let hint = match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the columns of `{}` are {}", table.name, listed(names())),
        };
        let what = format!("{} is no column of `{}`", shown(name), table.name);
        Problem::at(place, what).with_hint(Some(hint))
    })
}

/// Names in backticks with commas between.
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Refuses a header (of CSV or Parquet) that lacks a column no row can do without.
pub(crate) fn check_header(table: &'static Table, place: Place, header: &[Option<usize>]) -> Result<(), Problem> {
    for (at, column) in supplied(table).enumerate() {
        if !column.nullable && !header.contains(&Some(at)) {
            return Err(Problem::of(place, column.name, "is missing and must not be null"));
        }
    }
    Ok(())
}

/// The cells of one column so far.
#[derive(Debug)]
enum Cells {
    Text(Vec<Option<String>>),
    Integer(Vec<Option<i64>>),
    Real(Vec<Option<f64>>),
    Boolean(Vec<Option<bool>>),
    Instant(Vec<Option<Instant>>),
    Texts(Vec<Vec<String>>),
}

impl Cells {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(Vec::new()),
            Kind::Integer => Self::Integer(Vec::new()),
            Kind::Real => Self::Real(Vec::new()),
            Kind::Boolean => Self::Boolean(Vec::new()),
            Kind::Instant => Self::Instant(Vec::new()),
            Kind::Texts => Self::Texts(Vec::new()),
        }
    }

    /// Takes a value of the column's kind or a null; gives any other back.
    fn push(&mut self, value: Value) -> Result<(), Value> {
        match (self, value) {
            (Self::Text(cells), Value::Text(text)) => cells.push(Some(text)),
            (Self::Text(cells), Value::Null) => cells.push(None),
            (Self::Integer(cells), Value::Integer(number)) => cells.push(Some(number)),
            (Self::Integer(cells), Value::Null) => cells.push(None),
            (Self::Real(cells), Value::Real(number)) => cells.push(Some(number)),
            (Self::Real(cells), Value::Null) => cells.push(None),
            (Self::Boolean(cells), Value::Boolean(yes)) => cells.push(Some(yes)),
            (Self::Boolean(cells), Value::Null) => cells.push(None),
            (Self::Instant(cells), Value::Instant(at)) => cells.push(Some(at)),
            (Self::Instant(cells), Value::Null) => cells.push(None),
            (Self::Texts(cells), Value::Texts(texts)) => cells.push(texts),
            (_, value) => return Err(value),
        }
        Ok(())
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Text(cells) => cells[row].is_none(),
            Self::Integer(cells) => cells[row].is_none(),
            Self::Real(cells) => cells[row].is_none(),
            Self::Boolean(cells) => cells[row].is_none(),
            Self::Instant(cells) => cells[row].is_none(),
            Self::Texts(_) => false,
        }
    }

    fn equal(&self, one: usize, other: usize) -> bool {
        match self {
            Self::Text(cells) => cells[one] == cells[other],
            Self::Integer(cells) => cells[one] == cells[other],
            Self::Real(cells) => cells[one].map(f64::to_bits) == cells[other].map(f64::to_bits),
            Self::Boolean(cells) => cells[one] == cells[other],
            Self::Instant(cells) => cells[one] == cells[other],
            Self::Texts(cells) => cells[one] == cells[other],
        }
    }

    /// Writes the cell into a key, so that different cells give different texts.
    fn write_key(&self, row: usize, key: &mut String) {
        let written = match self {
            Self::Text(cells) => write!(key, "{:?};", cells[row]),
            Self::Integer(cells) => write!(key, "{:?};", cells[row]),
            Self::Real(cells) => write!(key, "{:?};", cells[row]),
            Self::Boolean(cells) => write!(key, "{:?};", cells[row]),
            Self::Instant(cells) => write!(key, "{:?};", cells[row].map(|at| at.0)),
            Self::Texts(cells) => write!(key, "{:?};", cells[row]),
        };
        written.expect("writing to a text never fails");
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(cells) => Cell::column(cells),
            Self::Integer(cells) => Cell::column(cells),
            Self::Real(cells) => Cell::column(cells),
            Self::Boolean(cells) => Cell::column(cells),
            Self::Instant(cells) => Cell::column(cells),
            Self::Texts(cells) => Cell::column(cells),
        }
    }
}

/// Rows of one table as they are read from one file.
#[derive(Debug)]
pub(crate) struct Rows {
    table: &'static Table,
    columns: Vec<(&'static Column, Cells)>,
    places: Vec<Place>,
}

impl Rows {
    pub(crate) fn new(table: &'static Table) -> Self {
        let columns = supplied(table).map(|column| (column, Cells::new(Kind::of(column)))).collect();
        Self { table, columns, places: Vec::new() }
    }

    /// Adds one row, its values in the order of the table's supplied columns.
    pub(crate) fn push(&mut self, place: Place, values: Vec<Value>) -> Result<(), Problem> {
        debug_assert_eq!(values.len(), self.columns.len(), "one value per column");
        for ((column, cells), value) in self.columns.iter_mut().zip(values) {
            check(self.table, column, place, &value)?;
            cells.push(value).map_err(|value| unexpected(place, column, &format!("{value:?}")))?;
        }
        self.places.push(place);
        Ok(())
    }

    /// The rows as one batch of the table's row schema.
    pub(crate) fn finish(self) -> Result<RecordBatch, Problem> {
        self.check_keys()?;
        let columns = self.columns.into_iter().map(|(_, cells)| cells.finish()).collect();
        RecordBatch::try_new(self.table.row_schema(), columns)
            .map_err(|error| Problem::at(Place::File, error.to_string()))
    }

    /// Refuses two rows with one key that say different things, unless the table tells which is newer.
    fn check_keys(&self) -> Result<(), Problem> {
        let mut seen: HashMap<String, usize> = HashMap::with_capacity(self.places.len());
        for row in 0..self.places.len() {
            if let Some(&earlier) = seen.get(&self.key(row)) {
                self.check_pair(earlier, row)?;
            } else {
                seen.insert(self.key(row), row);
            }
        }
        Ok(())
    }

    fn key(&self, row: usize) -> String {
        let mut key = String::new();
        for name in &self.table.key {
            self.cells(name).write_key(row, &mut key);
        }
        key
    }

    fn cells(&self, name: &str) -> &Cells {
        let found = self.columns.iter().find(|(column, _)| column.name == name);
        &found.expect("keys are columns: the contract does not compile otherwise").1
    }

    fn check_pair(&self, earlier: usize, later: usize) -> Result<(), Problem> {
        let Some((differing, _)) = self.columns.iter().find(|(_, cells)| !cells.equal(earlier, later)) else {
            return Ok(());
        };
        let ordered = self.table.newest_by.is_some_and(|name| {
            let order = self.cells(name);
            !order.is_null(earlier) && !order.is_null(later) && !order.equal(earlier, later)
        });
        if ordered {
            return Ok(());
        }
        let what = format!(
            "has the key of {} ({}) but differs in `{}`",
            self.places[earlier],
            listed(self.table.key.iter().copied()),
            differing.name
        );
        let hint =
            self.table.newest_by.map(|name| format!("where `{name}` differs, the row with the later one is kept"));
        Err(Problem::at(self.places[later], what).with_hint(hint))
    }
}

/// Refuses a null where there must be none, and a word outside a closed set.
fn check(table: &Table, column: &Column, place: Place, value: &Value) -> Result<(), Problem> {
    match value {
        Value::Null if !column.nullable => {
            let expected = Kind::of(column).expected();
            Err(Problem::of(place, column.name, format!("expected {expected}, found nothing")))
        }
        Value::Integer(number) if column.name == "attempt" && *number < 1 => {
            Err(Problem::of(place, column.name, format!("expected a number from 1 on, found `{number}`")))
        }
        Value::Text(word) => match words_of(table.name, column.name) {
            Some(words) if !words.contains(&word.as_str()) => Err(outside(column, place, word, words)),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn outside(column: &Column, place: Place, word: &str, words: &'static [&'static str]) -> Problem {
    let what = format!("expected one of {}, found {}", listed(words.iter().copied()), shown(word));
    let hint = nearest(word, words.iter().copied()).map(|near| format!("did you mean `{near}`?"));
    Problem::of(place, column.name, what).with_hint(hint)
}
