//! What is wrong with a file, and where.

use std::fmt;

use crate::{SourceError, SourceErrorKind};

/// A file could not be read as rows of a table.
#[derive(Debug, thiserror::Error)]
#[error("could not read `{name}`")]
pub struct RowError {
    /// The file, as its reader knows it.
    pub name: String,
    /// Where it went wrong, and how.
    #[source]
    pub problem: Problem,
}

impl RowError {
    /// `problem` in the file `name`.
    #[must_use]
    pub fn new(name: &str, problem: Problem) -> Self {
        Self { name: name.to_owned(), problem }
    }

    /// The file `name` as a whole is not what it should be.
    pub(crate) fn damaged(name: &str, error: &dyn std::error::Error) -> Self {
        Self::new(name, Problem::at(Place::File, error.to_string()))
    }
}

impl From<RowError> for SourceError {
    fn from(error: RowError) -> Self {
        let told = SourceError::new(error.to_string(), SourceErrorKind::Input(error.problem.to_string()));
        match error.problem.hint {
            Some(hint) => told.with_hint(hint),
            None => told,
        }
    }
}

/// Where in a file something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file as a whole.
    File,
    /// On this line, from 1; for a row of several lines, the first of them.
    Line(usize),
    /// In this row, from 1, where a format has no lines.
    Row(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("file"),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// One thing that is wrong: where, and what was expected and found there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// Line or row.
    pub place: Place,
    /// Column.
    pub column: Option<String>,
    /// What was expected, and what was found.
    pub what: String,
    /// What would help.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of a line, a row or the file.
    pub(crate) fn at(place: Place, what: impl Into<String>) -> Self {
        Self { place, column: None, what: what.into(), hint: None }
    }

    /// A problem of one cell, or of a column where `place` is the file.
    pub(crate) fn of(place: Place, column: &str, what: impl Into<String>) -> Self {
        Self { place, column: Some(column.to_owned()), what: what.into(), hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.place, &self.column) {
            (Place::File, None) => f.write_str(&self.what),
            (Place::File, Some(column)) => write!(f, "column `{column}`: {}", self.what),
            (place, None) => write!(f, "{place}: {}", self.what),
            (place, Some(column)) => write!(f, "{place}, column `{column}`: {}", self.what),
        }
    }
}

/// How many characters of a value an error shows.
const SHOWN: usize = 60;

/// A value as an error shows it: shortened, on one line, in backticks.
pub(crate) fn shown(value: &str) -> String {
    let mut characters = value.chars().map(|character| if character.is_control() { ' ' } else { character });
    let start: String = characters.by_ref().take(SHOWN).collect();
    let more = if characters.next().is_some() { "…" } else { "" };
    format!("`{start}{more}`")
}
