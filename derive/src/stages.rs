//! The stages between events and metrics that are SQL: one file each in `stages/`, and how any file is run.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::compute::binary;
use arrow::datatypes::DataType;
use datafusion::common::{Result as EngineResult, cast::as_timestamp_microsecond_array};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::SessionContext;
use lake::{Cell, Instant, TableRow};

use crate::DeriveError;

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/stages.rs"));

/// Runs one stage and reads its rows.
pub(crate) async fn run<R: TableRow>(context: &SessionContext) -> Result<Vec<R>, DeriveError> {
    let name = R::table().name;
    let sql = FILES.iter().find(|(file, _)| *file == name).map_or("", |(_, sql)| *sql);
    let mut rows = Vec::new();
    for batch in query(context, name, sql).await? {
        rows.extend(R::rows(&batch).map_err(|error| DeriveError::shape(name, error))?);
    }
    Ok(rows)
}

/// Runs a query; `what` names it in errors.
pub(crate) async fn query(context: &SessionContext, what: &str, sql: &str) -> Result<Vec<RecordBatch>, DeriveError> {
    let failed = |error| DeriveError::query(what, error);
    context.sql(sql).await.map_err(failed)?.collect().await.map_err(failed)
}

/// Makes rows a table of the session, in place of one with that name.
pub(crate) fn register(context: &SessionContext, name: &str, rows: RecordBatch) -> Result<(), DeriveError> {
    let failed = |error| DeriveError::query(name, error);
    context.deregister_table(name).map_err(failed)?;
    let table = MemTable::try_new(rows.schema(), vec![vec![rows]]).map_err(failed)?;
    context.register_table(name, Arc::new(table)).map_err(failed)?;
    Ok(())
}

/// Registers the scalar functions that stages and metrics call.
pub(crate) fn register_functions(context: &SessionContext) {
    let instant = <Instant as Cell>::data_type();
    context.register_udf(create_udf(
        "seconds_between",
        vec![instant.clone(), instant],
        DataType::Float64,
        Volatility::Immutable,
        Arc::new(seconds_between),
    ));
}

/// Seconds from the first instant to the second: exact in microseconds before it becomes a float.
fn seconds_between(arguments: &[ColumnarValue]) -> EngineResult<ColumnarValue> {
    let columns: Vec<ArrayRef> = ColumnarValue::values_to_arrays(arguments)?;
    let (start, end) = (as_timestamp_microsecond_array(&columns[0])?, as_timestamp_microsecond_array(&columns[1])?);
    let seconds = |start: i64, end: i64| end.saturating_sub(start) as f64 / Instant::MICROS as f64;
    let seconds: Float64Array = binary(start, end, seconds)?;
    Ok(ColumnarValue::Array(Arc::new(seconds)))
}
