//! One column under its policy.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::compute::{SortColumn, lexsort_to_indices, take};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use lake::{Cell, Table};

use super::policy::{Policy, is_own_word};
use super::pseudonyms::Pseudonyms;

/// The rows of a table as they may be published, in the order of their keys as published: the order of the names behind
/// them would tell of these.
pub(crate) fn published(
    table: &Table,
    columns: &[(&str, Policy)],
    rows: &RecordBatch,
    asked: &BTreeSet<&str>,
    pseudonyms: &mut Pseudonyms,
) -> Result<RecordBatch, ArrowError> {
    let mut made = Vec::with_capacity(columns.len());
    for (name, policy) in columns {
        let column = rows.column_by_name(name).ok_or_else(|| missing(name))?;
        let nullable = table.column(name).is_some_and(|column| column.nullable);
        made.push(one(column, *policy, nullable, asked, pseudonyms));
    }
    sorted(table, &RecordBatch::try_new(table.row_schema(), made)?)
}

fn missing(name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("column `{name}` is missing"))
}

fn one(
    column: &ArrayRef,
    policy: Policy,
    nullable: bool,
    asked: &BTreeSet<&str>,
    pseudonyms: &mut Pseudonyms,
) -> ArrayRef {
    match (policy, column.data_type()) {
        // Labels and paths are made before.
        (Policy::Keep | Policy::Hotfix | Policy::Path, _) => column.clone(),
        (Policy::Drop, data_type) if nullable => new_null_array(data_type, column.len()),
        (Policy::Drop, DataType::List(_)) => Cell::column(vec![Vec::<String>::new(); column.len()]),
        (Policy::Drop, _) => Cell::column(vec![String::new(); column.len()]),
        (_, DataType::List(_)) => {
            let lists = (0..column.len()).map(|at| <Vec<String> as Cell>::read(column.as_ref(), at));
            let lists = lists.map(|texts| texts.iter().map(|text| said(text, policy, asked, pseudonyms)).collect());
            Cell::column(lists.collect::<Vec<Vec<String>>>())
        }
        _ => {
            let texts = column.as_string::<i32>().iter();
            let texts = texts.map(|text| text.map(|text| said(text, policy, asked, pseudonyms)));
            Arc::new(texts.collect::<arrow::array::StringArray>())
        }
    }
}

fn said(text: &str, policy: Policy, asked: &BTreeSet<&str>, pseudonyms: &mut Pseudonyms) -> String {
    match policy {
        Policy::Word if is_own_word(text) => text.to_owned(),
        Policy::Asked if asked.contains(text) => text.to_owned(),
        Policy::Name => pseudonyms.name(text),
        Policy::Revision => pseudonyms.revision(text),
        Policy::Version => pseudonyms.version(text),
        Policy::Stream => match text.split_once(':') {
            Some((kind, rest)) => format!("{}:{}", stream_kind(kind, pseudonyms), pseudonyms.id(rest)),
            None => stream_kind(text, pseudonyms),
        },
        _ => pseudonyms.id(text),
    }
}

/// The kinds of sources there are; anything else is somebody's word.
fn stream_kind(kind: &str, pseudonyms: &mut Pseudonyms) -> String {
    let is_known = matches!(kind, "argocd" | "files" | "git" | "github" | "prometheus" | "simulated");
    if is_known { kind.to_owned() } else { pseudonyms.id(kind) }
}

/// The rows in the order of the table's key.
fn sorted(table: &Table, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let key: Vec<SortColumn> = table
        .key
        .iter()
        .filter_map(|name| rows.column_by_name(name))
        .map(|column| SortColumn { values: column.clone(), options: None })
        .collect();
    let order = lexsort_to_indices(&key, None)?;
    let columns = rows.columns().iter().map(|column| take(column, &order, None));
    RecordBatch::try_new(rows.schema(), columns.collect::<Result<_, _>>()?)
}
