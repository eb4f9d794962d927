//! The Rust types a table cell may have, and how each becomes an Arrow column.

use std::{fmt, sync::Arc};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListBuilder, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// An instant in UTC, in whole microseconds since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Instant(pub i64);

impl Instant {
    /// Microseconds in one second.
    pub const MICROS: i64 = 1_000_000;

    /// The instant `seconds` after 1970-01-01 UTC.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(Self::MICROS))
    }

    /// Reads RFC 3339 with an explicit zone, such as `2026-01-05T08:00:00Z` or `…+02:00`.
    ///
    /// # Errors
    /// [`InstantError`] where the text is not such an instant; a time without a zone is refused, not guessed.
    pub fn parse(text: &str) -> Result<Self, InstantError> {
        DateTime::parse_from_rfc3339(text.trim())
            .map(|at| Self(at.timestamp_micros()))
            .map_err(|source| InstantError { text: text.to_owned(), source })
    }

    /// The same instant as a `chrono` value; instants outside its range are held at the range's end.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }
}

impl From<DateTime<Utc>> for Instant {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_micros())
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = if self.0 % Self::MICROS == 0 { SecondsFormat::Secs } else { SecondsFormat::Micros };
        f.write_str(&self.to_utc().to_rfc3339_opts(precision, true))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Instant> for String {
    fn from(at: Instant) -> Self {
        at.to_string()
    }
}

impl TryFrom<String> for Instant {
    type Error = InstantError;
    fn try_from(text: String) -> Result<Self, InstantError> {
        Self::parse(&text)
    }
}

/// A text that is not an instant with a zone.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not an RFC 3339 instant with a zone, such as `2026-01-05T08:00:00Z`")]
pub struct InstantError {
    text: String,
    #[source]
    source: chrono::ParseError,
}

/// A Rust type that can stand in a table cell.
pub trait Cell: Sized {
    /// Whether the cell may be empty.
    const NULLABLE: bool;
    /// The Arrow type of the column.
    fn data_type() -> DataType;
    /// A column of these cells.
    fn column(cells: Vec<Self>) -> ArrayRef;
    /// The cell in `row` of a column of exactly [`Cell::data_type`].
    fn read(column: &dyn Array, row: usize) -> Self;
}

/// The Arrow type of an instant: microseconds, UTC.
pub(crate) fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The Arrow type of a list of texts.
pub(crate) fn text_list_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}

macro_rules! cell {
    ($plain:ty, $data_type:expr, $column:expr, $read:expr) => {
        impl Cell for $plain {
            const NULLABLE: bool = false;
            fn data_type() -> DataType {
                $data_type
            }
            fn column(cells: Vec<Self>) -> ArrayRef {
                let column: fn(Vec<Option<$plain>>) -> ArrayRef = $column;
                column(cells.into_iter().map(Some).collect())
            }
            fn read(column: &dyn Array, row: usize) -> Self {
                let read: fn(&dyn Array, usize) -> $plain = $read;
                read(column, row)
            }
        }
        impl Cell for Option<$plain> {
            const NULLABLE: bool = true;
            fn data_type() -> DataType {
                $data_type
            }
            fn column(cells: Vec<Self>) -> ArrayRef {
                let column: fn(Vec<Option<$plain>>) -> ArrayRef = $column;
                column(cells)
            }
            fn read(column: &dyn Array, row: usize) -> Self {
                let read: fn(&dyn Array, usize) -> $plain = $read;
                column.is_valid(row).then(|| read(column, row))
            }
        }
    };
}

cell!(String, DataType::Utf8, |cells| Arc::new(StringArray::from(cells)), |column, row| column
    .as_string::<i32>()
    .value(row)
    .to_owned());
cell!(i64, DataType::Int64, |cells| Arc::new(Int64Array::from(cells)), |column, row| column
    .as_primitive::<Int64Type>()
    .value(row));
cell!(f64, DataType::Float64, |cells| Arc::new(Float64Array::from(cells)), |column, row| column
    .as_primitive::<Float64Type>()
    .value(row));
cell!(bool, DataType::Boolean, |cells| Arc::new(BooleanArray::from(cells)), |column, row| column
    .as_boolean()
    .value(row));
cell!(
    Instant,
    instant_type(),
    |cells| Arc::new(
        cells.into_iter().map(|cell| cell.map(|at| at.0)).collect::<TimestampMicrosecondArray>().with_timezone("UTC")
    ),
    |column, row| Instant(column.as_primitive::<TimestampMicrosecondType>().value(row))
);

impl Cell for Vec<String> {
    const NULLABLE: bool = false;
    fn data_type() -> DataType {
        text_list_type()
    }
    fn column(cells: Vec<Self>) -> ArrayRef {
        let mut column = ListBuilder::new(StringBuilder::new());
        for cell in cells {
            for text in cell {
                column.values().append_value(text);
            }
            column.append(true);
        }
        Arc::new(column.finish())
    }
    fn read(column: &dyn Array, row: usize) -> Self {
        let texts = column.as_list::<i32>().value(row);
        let texts = texts.as_string::<i32>();
        (0..texts.len()).map(|at| texts.value(at).to_owned()).collect()
    }
}
