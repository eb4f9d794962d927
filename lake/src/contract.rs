//! What a table is: its name, version, key, columns with unit and meaning; and the macro that declares one.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use serde_json::{Value, json};

use crate::cell::{instant_type, text_list_type};

/// Who writes a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Filled by a source: what happened.
    Event,
    /// Filled by a source about itself: what was read.
    Coverage,
    /// Computed from other tables.
    Derived,
}

impl Role {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Coverage => "coverage",
            Self::Derived => "derived",
        }
    }
}

/// One column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name in Arrow, Parquet, SQL and Rust.
    pub name: &'static str,
    /// What it means, in a sentence or two.
    pub meaning: String,
    /// Its Arrow type.
    pub data_type: DataType,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether it says where a row came from, and not what happened: left out of the canonical form.
    pub provenance: bool,
}

impl Column {
    /// The unit, which the name tells: `_at`, `_seconds`, `_minutes`, `_rate`, `_count`, `_days`.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        const UNITS: [(&str, &str); 6] = [
            ("_at", "instant, UTC"),
            ("_seconds", "seconds"),
            ("_minutes", "minutes"),
            ("_days", "days"),
            ("_rate", "ratio"),
            ("_count", "count"),
        ];
        if self.data_type == instant_type() {
            return "instant, UTC";
        }
        UNITS.iter().find(|(ending, _)| self.name.ends_with(ending)).map_or("", |(_, unit)| unit)
    }

    /// The type as people say it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match &self.data_type {
            DataType::Utf8 => "text",
            DataType::Int64 => "integer",
            DataType::Float64 => "real",
            DataType::Boolean => "boolean",
            DataType::Timestamp(..) => "timestamp",
            DataType::List(_) => "list of text",
            _ => "other",
        }
    }
}

/// A table of the lake.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name, a plural noun.
    pub name: &'static str,
    /// The version of its schema.
    pub version: u32,
    /// Who writes it.
    pub role: Role,
    /// What one row is.
    pub meaning: String,
    /// The columns that identify a row; null equals null.
    pub key: Vec<&'static str>,
    /// Of two rows with one key, the one with the later value here is kept.
    pub newest_by: Option<&'static str>,
    /// The columns, in order.
    pub columns: Vec<Column>,
    through_structs: ThroughStructs,
}

/// Reads a batch into row structs and makes a batch of them again.
pub(crate) type ThroughStructs = fn(&RecordBatch) -> Result<RecordBatch, ArrowError>;

impl Table {
    /// Builds the description; event tables get the two provenance columns at the end.
    pub(crate) fn new(
        name: &'static str,
        version: u32,
        role: Role,
        meaning: &[&str],
        key: &[&'static str],
        newest_by: Option<&'static str>,
        mut columns: Vec<Column>,
    ) -> Self {
        if role != Role::Derived {
            columns.push(Column {
                name: "source",
                meaning: "The source and stream that supplied the row.".into(),
                data_type: DataType::Utf8,
                nullable: false,
                provenance: true,
            });
            columns.push(Column {
                name: "page_sha",
                meaning: "Content hash of the raw page the row was read from.".into(),
                data_type: DataType::Utf8,
                nullable: true,
                provenance: true,
            });
        }
        Self {
            name,
            version,
            role,
            meaning: sentence(meaning),
            key: key.to_vec(),
            newest_by,
            columns,
            through_structs: |batch| Ok(batch.clone()),
        }
    }

    /// Names the struct that is one row.
    pub(crate) fn with_structs(self, through_structs: ThroughStructs) -> Self {
        Self { through_structs, ..self }
    }

    /// The Arrow schema as stored, provenance included.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema_of(|_| true)
    }

    /// The Arrow schema of what a source supplies: the stored one without the provenance columns.
    #[must_use]
    pub fn row_schema(&self) -> SchemaRef {
        self.schema_of(|column| !column.provenance)
    }

    fn schema_of(&self, keep: impl Fn(&Column) -> bool) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .filter(|column| keep(column))
            .map(|column| Field::new(column.name, column.data_type.clone(), column.nullable))
            .collect();
        Arc::new(Schema::new(fields))
    }

    /// The rows of a batch read as structs, as a batch again: of [`Table::row_schema`] whatever encoding they had.
    ///
    /// # Errors
    /// As [`TableRow::rows`].
    pub fn through_structs(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        (self.through_structs)(batch)
    }

    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Adds the provenance columns to rows of [`Table::row_schema`].
    ///
    /// # Errors
    /// [`ArrowError`] where the rows do not have that schema.
    pub fn with_provenance(
        &self,
        rows: &RecordBatch,
        source: &str,
        page_sha: Option<&str>,
    ) -> Result<RecordBatch, ArrowError> {
        if self.role == Role::Derived {
            return RecordBatch::try_new(self.schema(), rows.columns().to_vec());
        }
        let count = rows.num_rows();
        let mut columns = rows.columns().to_vec();
        columns.push(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(source, count))) as ArrayRef);
        columns.push(Arc::new(std::iter::repeat_n(page_sha, count).collect::<StringArray>()) as ArrayRef);
        RecordBatch::try_new(self.schema(), columns)
    }
}

/// The lines of a doc comment as one text.
pub(crate) fn sentence(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// A struct that is one row of a table.
pub trait TableRow: Sized {
    /// The table it is a row of.
    fn table() -> &'static Table;
    /// These rows as one Arrow batch of [`Table::row_schema`].
    fn batch(rows: Vec<Self>) -> RecordBatch;
    /// The rows of a batch that has at least the columns of [`Table::row_schema`], in any order.
    ///
    /// # Errors
    /// [`ArrowError`] where a column is missing, has another type, or holds a null it must not hold.
    fn rows(batch: &RecordBatch) -> Result<Vec<Self>, ArrowError>;
}

/// The column `name` of a batch, with the type and nullability the contract states.
pub(crate) fn checked_column(
    batch: &RecordBatch,
    name: &str,
    data_type: &DataType,
    nullable: bool,
) -> Result<ArrayRef, ArrowError> {
    let column =
        batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("column `{name}` is missing")))?;
    let column = if column.data_type() == data_type {
        column.clone()
    } else {
        // A cell that does not fit is an error, never a null.
        let strict = arrow::compute::CastOptions { safe: false, ..Default::default() };
        arrow::compute::cast_with_options(column, data_type, &strict)?
    };
    if !nullable && column.null_count() > 0 {
        return Err(ArrowError::SchemaError(format!("column `{name}` must not be null")));
    }
    Ok(column)
}

/// Declares one table: its row struct and everything the lake knows of it.
///
/// Doc comments are the meanings that `doracle schema` prints.
macro_rules! table {
    (
        $(#[doc = $about:expr])+
        $name:ident v $version:literal, $role:ident, key [$($key:ident),+] $(, newest $newest:ident)? {
            $( $(#[doc = $meaning:expr])+ $column:ident : $type:ty ),+ $(,)?
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct Row {
            $( $(#[doc = $meaning])+ pub $column: $type, )+
        }

        impl $crate::TableRow for Row {
            fn table() -> &'static $crate::Table {
                static TABLE: std::sync::LazyLock<$crate::Table> = std::sync::LazyLock::new(|| {
                    // Named here so that a key that is no column does not compile.
                    let _ = |row: &Row| { $( let _ = &row.$key; )+ $( let _ = &row.$newest; )? };
                    let newest: &[&'static str] = &[$(stringify!($newest))?];
                    $crate::Table::new(
                        stringify!($name),
                        $version,
                        $crate::Role::$role,
                        &[$($about),+],
                        &[$(stringify!($key)),+],
                        newest.first().copied(),
                        vec![$( $crate::Column {
                            name: stringify!($column),
                            meaning: $crate::contract::sentence(&[$($meaning),+]),
                            data_type: <$type as $crate::Cell>::data_type(),
                            nullable: <$type as $crate::Cell>::NULLABLE,
                            provenance: false,
                        } ),+],
                    )
                    .with_structs(|batch| Ok(<Row as $crate::TableRow>::batch(<Row as $crate::TableRow>::rows(batch)?)))
                });
                &TABLE
            }

            fn batch(rows: Vec<Self>) -> arrow::array::RecordBatch {
                $( let mut $column: Vec<$type> = Vec::with_capacity(rows.len()); )+
                for row in rows {
                    $( $column.push(row.$column); )+
                }
                arrow::array::RecordBatch::try_new(
                    <Self as $crate::TableRow>::table().row_schema(),
                    vec![$( <$type as $crate::Cell>::column($column) ),+],
                )
                .expect("columns and schema come from one declaration")
            }

            fn rows(batch: &arrow::array::RecordBatch) -> Result<Vec<Self>, arrow::error::ArrowError> {
                $( let $column = $crate::contract::checked_column(
                    batch,
                    stringify!($column),
                    &<$type as $crate::Cell>::data_type(),
                    <$type as $crate::Cell>::NULLABLE,
                )?; )+
                Ok((0..batch.num_rows())
                    .map(|at| Self { $( $column: <$type as $crate::Cell>::read($column.as_ref(), at), )+ })
                    .collect())
            }
        }
    };
}
pub(crate) use table;

/// The JSON Schema (2020-12) of one row as the `files` source takes it.
#[must_use]
pub fn json_schema(table: &Table) -> Value {
    let rows = || table.columns.iter().filter(|column| !column.provenance);
    let properties: serde_json::Map<String, Value> =
        rows().map(|column| (column.name.to_owned(), column_schema(column))).collect();
    let required: Vec<&str> = rows().filter(|column| !column.nullable).map(|column| column.name).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": table.name,
        "description": table.meaning,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "required": required,
        "x-key": table.key,
        "x-version": table.version,
    })
}

fn column_schema(column: &Column) -> Value {
    let mut schema = match &column.data_type {
        DataType::Int64 => json!({"type": "integer"}),
        DataType::Float64 => json!({"type": "number"}),
        DataType::Boolean => json!({"type": "boolean"}),
        DataType::Timestamp(..) => json!({"type": "string", "format": "date-time"}),
        data_type if *data_type == text_list_type() => json!({"type": "array", "items": {"type": "string"}}),
        _ => json!({"type": "string"}),
    };
    if column.nullable {
        let plain = schema["type"].clone();
        schema["type"] = json!([plain, "null"]);
    }
    schema["description"] = json!(column.meaning);
    if !column.unit().is_empty() {
        schema["x-unit"] = json!(column.unit());
    }
    schema
}
