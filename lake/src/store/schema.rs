//! Tables that an older release wrote: read as the contract says today, and brought up to date by the next write.
//!
//! A schema grows by columns that may be null, and a column may come to be nullable: what is stored then reads as if it
//! had been written today. Where that is not enough, rows that were derived count as never written, because they can be
//! derived again; rows of events are refused, and nothing of them is touched.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::{SessionContext, ident};
use deltalake_core::DeltaTable;
use deltalake_core::kernel::StructType;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::operations::write::SchemaMode;
use deltalake_core::protocol::SaveMode;

use super::Lake;
use super::batch::shaped;
use super::delta::{SCHEMA_VERSION, provider, query, schema_version, session};
use super::write::{commit_once, guarded};
use crate::{LakeError, Role, Table, tables};

/// The columns of a table as Delta Lake keeps them.
pub(super) fn kernel_columns(table: &Table) -> Result<StructType, LakeError> {
    let columns: Result<StructType, ArrowError> = table.schema().as_ref().try_into_kernel();
    columns.map_err(|error| LakeError::rows(table.name, error))
}

/// Whether the table is stored with just the columns of the contract.
fn is_up_to_date(table: &Table, found: &DeltaTable) -> Result<bool, LakeError> {
    let snapshot = found.snapshot().map_err(|error| LakeError::table("read", table.name, error))?;
    let (stored, wanted) = (snapshot.schema(), kernel_columns(table)?);
    Ok(stored.fields().len() == wanted.fields().len()
        && wanted.fields().all(|column| {
            stored.field(column.name()).is_some_and(|known| {
                known.data_type() == column.data_type() && known.is_nullable() == column.is_nullable()
            })
        }))
}

/// What is stored, as the contract says it today.
pub(super) fn as_today(
    context: &SessionContext,
    table: &Table,
    found: &DeltaTable,
    stored: Arc<dyn TableProvider>,
) -> Result<Arc<dyn TableProvider>, LakeError> {
    let snapshot = found.snapshot().map_err(|error| LakeError::table("read", table.name, error))?;
    let columns = match today(table, &snapshot.schema(), &kernel_columns(table)?) {
        Ok(None) => return Ok(stored),
        Ok(Some(columns)) => columns,
        Err(_) if table.role == Role::Derived && tables::named(table.name).is_some() => {
            return Ok(Arc::new(MemTable::try_new(table.schema(), vec![vec![]])?));
        }
        Err(reason) => {
            let found = schema_version(table, found)?;
            return Err(LakeError::Older { table: table.name.to_owned(), found, known: table.version.into(), reason });
        }
    };
    Ok(context.read_table(stored)?.select(columns)?.into_view())
}

/// The columns of the contract over those that are stored: nothing to do where all are there, and why not where one
/// cannot be had.
fn today(table: &Table, stored: &StructType, wanted: &StructType) -> Result<Option<Vec<Expr>>, String> {
    let mut is_whole = stored.fields().len() == table.columns.len();
    let mut columns = Vec::new();
    for column in &table.columns {
        let (known, today) = (stored.field(column.name), wanted.field(column.name));
        columns.push(match known {
            Some(known) if today.is_none_or(|today| today.data_type() != known.data_type()) => {
                return Err(format!("column `{}` was of another type", column.name));
            }
            Some(_) => ident(column.name),
            None if !column.nullable => return Err(format!("column `{}` was not recorded", column.name)),
            None => {
                is_whole = false;
                let null = ScalarValue::try_from(&column.data_type).map_err(|error| error.to_string())?;
                lit(null).alias(column.name)
            }
        });
    }
    Ok((!is_whole).then_some(columns))
}

/// Rows that an older release staged, with a null in every column that has come since and may be null.
pub(super) fn completed(table: &Table, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let missing: Vec<_> =
        table.columns.iter().filter(|column| column.nullable && rows.column_by_name(column.name).is_none()).collect();
    if missing.is_empty() {
        return Ok(rows.clone());
    }
    let mut fields = rows.schema().fields().to_vec();
    let mut columns = rows.columns().to_vec();
    for column in missing {
        fields.push(Arc::new(arrow::datatypes::Field::new(column.name, column.data_type.clone(), true)));
        columns.push(arrow::array::new_null_array(&column.data_type, rows.num_rows()));
    }
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    RecordBatch::try_new(schema, columns)
}

impl Lake {
    /// The table with the columns of the contract, written anew first if an older release wrote it; `None` where
    /// another writer was faster.
    pub(super) async fn up_to_date(&self, table: &Table, found: DeltaTable) -> Result<Option<DeltaTable>, LakeError> {
        let failed = |error| LakeError::table("bring up to date", table.name, error);
        let current = if is_up_to_date(table, &found)? {
            found
        } else {
            let context = session(Some(1));
            context.register_table("stored", provider(&context, table, &found).await?)?;
            let stored = query(&context, "SELECT * FROM stored").await?;
            let mut rows = stored
                .iter()
                .map(|batch| shaped(table, batch))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| LakeError::rows(table.name, error))?;
            if rows.is_empty() {
                rows.push(RecordBatch::new_empty(table.schema()));
            }
            let properties = guarded(&found).await.map_err(failed)?;
            let rewriting = found
                .write(rows)
                .with_save_mode(SaveMode::Overwrite)
                .with_schema_mode(SchemaMode::Overwrite)
                .with_commit_properties(properties)
                .await;
            let Some(written) = commit_once(rewriting).map_err(failed)? else { return Ok(None) };
            written
        };
        if schema_version(table, &current)? >= u64::from(table.version) {
            return Ok(Some(current));
        }
        let version = HashMap::from([(SCHEMA_VERSION.to_owned(), table.version.to_string())]);
        let noting = current.set_tbl_properties().with_properties(version).with_raise_if_not_exists(false).await;
        commit_once(noting).map_err(failed)
    }
}
