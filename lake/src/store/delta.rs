//! One Delta Lake table: opening, creating, reading, and telling a conflict from a failure.
//!
//! What waits for the engine is boxed here and where the lake writes. Whoever waits for the lake then compiles against
//! something small: without this, every crate that reads or commits compiles a good part of the engine again.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::SessionConfig;
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::SaveMode;
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use futures::future::BoxFuture;

use super::Lake;
use super::schema::{as_today, kernel_columns};
use crate::{LakeError, Table};

/// Table property that holds the version of our schema.
pub(super) const SCHEMA_VERSION: &str = "doracle.schemaVersion";

impl Lake {
    fn builder(&self, name: &str) -> Result<DeltaTableBuilder, LakeError> {
        let url = self.objects.folder_url(&format!("tables/{name}"));
        let builder =
            DeltaTableBuilder::from_url(url.clone()).map_err(|error| LakeError::table("read", name, error))?;
        Ok(builder.with_storage_backend(self.objects.root_store(), url))
    }

    /// The table at its newest version, if it was ever written.
    pub(super) fn table<'a>(&'a self, table: &'a Table) -> BoxFuture<'a, Result<Option<DeltaTable>, LakeError>> {
        Box::pin(async move {
            let log = format!("tables/{}/_delta_log", table.name);
            let first = format!("{log}/00000000000000000000.json");
            // The first entry is looked for again, because a writer may just have made the table.
            if !self.objects.exists(&first).await? {
                if self.objects.any_below(&log).await? && !self.objects.exists(&first).await? {
                    return Err(self.objects.damaged(&first, "it is missing, though there is more of this log"));
                }
                return Ok(None);
            }
            match self.builder(table.name)?.load().await {
                Ok(found) => {
                    refuse_newer_schema(table, &found)?;
                    Ok(Some(found))
                }
                Err(error) => Err(LakeError::table("read", table.name, error)),
            }
        })
    }

    /// The table at one Delta version.
    pub(super) fn table_at<'a>(
        &'a self,
        table: &'a Table,
        version: u64,
    ) -> BoxFuture<'a, Result<DeltaTable, LakeError>> {
        Box::pin(async move {
            let found = self
                .builder(table.name)?
                .with_version(version)
                .load()
                .await
                .map_err(|error| LakeError::table("read", table.name, error))?;
            refuse_newer_schema(table, &found)?;
            Ok(found)
        })
    }

    /// The table at its newest version, made first where it is missing.
    pub(super) async fn table_or_create(&self, table: &Table) -> Result<DeltaTable, LakeError> {
        if let Some(found) = self.table(table).await? {
            return Ok(found);
        }
        let failed = |error| LakeError::table("create", table.name, error);
        let columns = kernel_columns(table)?;
        let empty = self.builder(table.name)?.build().map_err(failed)?;
        let created = CreateBuilder::new()
            .with_log_store(empty.log_store())
            .with_save_mode(SaveMode::ErrorIfExists)
            .with_table_name(table.name)
            .with_comment(&table.meaning)
            .with_columns(columns.fields().cloned())
            .with_raise_if_key_not_exists(false)
            .with_configuration([
                (SCHEMA_VERSION, Some(table.version.to_string())),
                // Old versions stay readable until `vacuum` says otherwise.
                ("delta.enableExpiredLogCleanup", Some("false".to_owned())),
                // A log is read several times for each commit; it is read from its last checkpoint.
                ("delta.checkpointInterval", Some("20".to_owned())),
            ])
            .await;
        match created {
            Ok(created) => Ok(created),
            // Another writer made it in the meantime.
            Err(error) => self.table(table).await?.ok_or_else(|| failed(error)),
        }
    }
}

/// The version of our schema in which a table is stored.
pub(super) fn schema_version(table: &Table, found: &DeltaTable) -> Result<u64, LakeError> {
    let snapshot = found.snapshot().map_err(|error| LakeError::table("read", table.name, error))?;
    let noted = snapshot.metadata().configuration().get(SCHEMA_VERSION);
    Ok(noted.and_then(|version| version.parse().ok()).unwrap_or(1))
}

fn refuse_newer_schema(table: &Table, found: &DeltaTable) -> Result<(), LakeError> {
    let version = schema_version(table, found)?;
    if version > u64::from(table.version) {
        return Err(LakeError::Newer {
            what: format!("table `{}`", table.name),
            found: version,
            known: table.version.into(),
        });
    }
    Ok(())
}

/// Whether a commit failed only because another writer was faster.
pub(super) fn is_conflict(error: &DeltaTableError) -> bool {
    match error {
        DeltaTableError::VersionAlreadyExists(_) => true,
        DeltaTableError::Transaction { source } => matches!(
            source,
            TransactionError::CommitConflict(_)
                | TransactionError::MaxCommitAttempts(_)
                | TransactionError::VersionAlreadyExists(_)
        ),
        _ => false,
    }
}

/// A query session that reads texts as plain UTF-8, as the contract says.
pub(super) fn session(partitions: Option<usize>) -> SessionContext {
    let mut config = SessionConfig::new().with_information_schema(true);
    config.options_mut().execution.parquet.schema_force_view_types = false;
    if let Some(partitions) = partitions {
        config = config.with_target_partitions(partitions);
    }
    SessionContext::new_with_config(config)
}

/// A table as DataFusion reads it, with the columns of the contract whatever release wrote it.
pub(super) fn provider<'a>(
    context: &'a SessionContext,
    table: &'a Table,
    found: &'a DeltaTable,
) -> BoxFuture<'a, Result<Arc<dyn TableProvider>, LakeError>> {
    Box::pin(async move {
        found
            .update_datafusion_session(&context.state())
            .map_err(|error| LakeError::table("read", table.name, error))?;
        as_today(context, table, found, found.table_provider().await?)
    })
}

/// All rows that a query gives.
pub(super) fn query<'a>(
    context: &'a SessionContext,
    sql: &'a str,
) -> BoxFuture<'a, Result<Vec<RecordBatch>, LakeError>> {
    Box::pin(async move { Ok(context.sql(sql).await?.collect().await?) })
}
