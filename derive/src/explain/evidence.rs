//! The queries that list the rows behind a metric, and how their answers are read.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use datafusion::prelude::SessionContext;
use lake::{Cell, Instant};

use super::Evidence;
use crate::metrics::Definition;
use crate::{DeriveError, stages};

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/evidence.rs"));
/// The part of a name that tells a file which several metrics have beside their own.
const SHARED: &str = "shared_";

/// The rows behind a number.
pub(super) struct Listed {
    /// What the word of a row that counts means.
    pub(super) counted: String,
    pub(super) rows: Vec<Evidence>,
}

/// Lists the rows behind a metric in the one window of the session.
pub(super) async fn list(context: &SessionContext, definition: &Definition) -> Result<Listed, DeriveError> {
    let Some((name, sql)) = file_of(&definition.metric) else {
        return Ok(Listed { counted: "counted".to_owned(), rows: Vec::new() });
    };
    let header = header(sql);
    let mut rows = read(context, name, sql).await?;
    for shared in header.get("beside").into_iter().flat_map(|list| list.split(',')).map(str::trim) {
        let shared = format!("{SHARED}{shared}");
        let Some((name, sql)) = FILES.iter().find(|(name, _)| *name == shared) else { continue };
        rows.extend(read(context, name, sql).await?);
    }
    let counted = header.get("counted").copied().unwrap_or("counted").to_owned();
    Ok(Listed { counted, rows })
}

/// The file of a metric. A variant that has none of its own rests on the rows of the metric whose name it continues.
fn file_of(metric: &str) -> Option<(&'static str, &'static str)> {
    let continues = |name: &str| metric.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    FILES.iter().filter(|(name, _)| continues(name)).max_by_key(|(name, _)| name.len()).copied()
}

fn header(sql: &'static str) -> BTreeMap<&'static str, &'static str> {
    sql.lines()
        .map_while(|line| line.strip_prefix("-- "))
        .filter_map(|line| line.split_once(':'))
        .map(|(key, text)| (key.trim(), text.trim()))
        .collect()
}

async fn read(context: &SessionContext, name: &str, sql: &str) -> Result<Vec<Evidence>, DeriveError> {
    let mut rows = Vec::new();
    for batch in stages::query(context, name, sql).await? {
        rows.extend(rows_of(&batch).map_err(|error| DeriveError::shape(name, error))?);
    }
    Ok(rows)
}

fn rows_of(batch: &RecordBatch) -> Result<Vec<Evidence>, ArrowError> {
    let column = |name: &str, data_type: &DataType| -> Result<ArrayRef, ArrowError> {
        let column =
            batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("column `{name}` is missing")))?;
        if column.data_type() == data_type { Ok(column.clone()) } else { arrow::compute::cast(column, data_type) }
    };
    let texts = |name: &str| column(name, &DataType::Utf8);
    let reals = |name: &str| column(name, &DataType::Float64);
    let (subjects, ids, repositories) = (texts("subject")?, texts("subject_id")?, texts("repository")?);
    let (services, excluded, remarks) = (texts("service")?, texts("excluded")?, texts("remark")?);
    let (totals, delays) = (reals("total_seconds")?, reals("delay_seconds")?);
    let censorings = reals("censoring_seconds")?;
    let instants = column("at", &<Instant as Cell>::data_type())?;
    let counted = column("is_counted", &DataType::Boolean)?;
    let text = |column: &ArrayRef, at: usize| {
        let texts = column.as_string::<i32>();
        texts.is_valid(at).then(|| texts.value(at).to_owned())
    };
    let real = |column: &ArrayRef, at: usize| {
        let numbers = column.as_primitive::<Float64Type>();
        numbers.is_valid(at).then(|| numbers.value(at))
    };
    Ok((0..batch.num_rows())
        .map(|at| Evidence {
            subject: text(&subjects, at).unwrap_or_default(),
            subject_id: text(&ids, at).unwrap_or_default(),
            repository: text(&repositories, at),
            service: text(&services, at),
            at: <Option<Instant> as Cell>::read(instants.as_ref(), at),
            excluded: text(&excluded, at),
            is_counted: counted.is_valid(at).then(|| counted.as_boolean().value(at)),
            total_seconds: real(&totals, at),
            delay_seconds: real(&delays, at),
            censoring_seconds: real(&censorings, at),
            remark: text(&remarks, at),
            facts: Vec::new(),
            links: Vec::new(),
            events: Vec::new(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::{FILES, SHARED, file_of, header};

    #[test]
    fn every_file_says_what_it_lists() {
        for (name, sql) in FILES {
            let header = header(sql);
            for key in ["title", "question", "subject", "counted", "reads", "version"] {
                assert!(header.contains_key(key), "`{name}.sql` does not say its `{key}`");
            }
            for shared in header.get("beside").into_iter().flat_map(|list| list.split(',')) {
                let shared = format!("{SHARED}{}", shared.trim());
                assert!(FILES.iter().any(|(known, _)| *known == shared), "`{name}.sql` names `{shared}`");
            }
        }
    }

    #[test]
    fn a_variant_rests_on_the_rows_of_its_metric_and_a_stranger_on_none() {
        assert_eq!(file_of("change_lead_time").map(|file| file.0), Some("change_lead_time"));
        assert_eq!(file_of("change_lead_time_merge").map(|file| file.0), Some("change_lead_time"));
        assert_eq!(file_of("change_lead_times"), None);
    }
}
