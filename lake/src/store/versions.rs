//! Lake versions: each is a row that names the version of every table, so that all tables are read as of one moment.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use chrono::TimeDelta;
use deltalake_core::kernel::Transaction;
use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::protocol::SaveMode;
use futures::future::BoxFuture;

use super::delta::{is_conflict, provider, query, session};
use super::write::{ATTEMPTS, GUARD, back_off, compact_in_passing};
use super::{AsOf, Lake};
use crate::contract::table;
use crate::{Instant, LakeError, TableRow};

/// One lake version, as people and programs see it.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionRow {
    /// Its number, from 1.
    pub version: u64,
    /// When it was written.
    pub written_at: Instant,
    /// The stream whose batch made it.
    pub stream: String,
    /// The number of that batch in its stream.
    pub batch: u64,
    /// Where the next reading of that stream starts.
    pub cursor: Option<String>,
    /// The Delta version of every table.
    pub tables: BTreeMap<String, u64>,
}

#[expect(unreachable_pub, reason = "the macro declares tables of the contract, which are public")]
mod stored {
    use super::{Instant, table};

    table! {
        /// One lake version: it names the version of every table.
        lake_versions v 1, Derived, key [version] {
            /// Its number, from 1.
            version: i64,
            /// When it was written.
            written_at: Instant,
            /// The stream whose batch made it.
            stream: String,
            /// The number of that batch in its stream.
            batch: i64,
            /// Where the next reading of that stream starts.
            cursor: Option<String>,
            /// The Delta version of every table, as a JSON object.
            tables: String,
        }
    }
}

impl Lake {
    /// Every lake version, oldest first.
    ///
    /// # Errors
    /// [`LakeError`] where they cannot be read.
    pub async fn versions(&self) -> Result<Vec<VersionRow>, LakeError> {
        let table = stored::Row::table();
        let mut found = self.table(table).await?;
        if found.is_none() && self.has_recorded_batch().await? {
            // Another writer may just have recorded the first one.
            found = self.table(table).await?;
            if found.is_none() {
                let path = format!("tables/{}", table.name);
                return Err(self.objects.damaged(&path, "it is missing, though batches were recorded in it"));
            }
        }
        match found {
            Some(found) => read(&found).await,
            None => Ok(Vec::new()),
        }
    }

    /// The lake version for `at`; `None` where the lake is still empty and the latest was asked for.
    ///
    /// # Errors
    /// [`LakeError::NoVersion`] where a version or time was asked for that the lake does not have.
    pub async fn version_at(&self, at: AsOf) -> Result<Option<VersionRow>, LakeError> {
        let mut versions = self.versions().await?;
        let found = match at {
            AsOf::Latest => return Ok(versions.pop()),
            AsOf::Version(number) => versions.into_iter().find(|row| row.version == number),
            // A batch that was left behind becomes visible after later ones: what stands behind those does not count.
            AsOf::Time(at) => versions.into_iter().take_while(|row| row.written_at <= at).last(),
        };
        found.map(Some).ok_or_else(|| LakeError::NoVersion { asked: at.to_string() })
    }

    /// Makes a batch visible: appends the version that names what its tables now hold, with the next number.
    /// Doing it twice adds nothing.
    pub(super) fn record_version(&self, mut row: VersionRow) -> BoxFuture<'_, Result<u64, LakeError>> {
        Box::pin(async move {
            let table = stored::Row::table();
            let touched = std::mem::take(&mut row.tables);
            for attempt in 0..ATTEMPTS {
                let found = self.table_or_create(table).await?;
                let versions = read(&found).await?;
                if let Some(known) = versions.iter().find(|known| known.is_of(&row.stream, row.batch)) {
                    return Ok(known.version);
                }
                let last = versions.last();
                row.version = last.map_or(1, |last| last.version + 1);
                row.tables = last.map(|last| last.tables.clone()).unwrap_or_default();
                for (name, version) in &touched {
                    let place = row.tables.entry(name.clone()).or_default();
                    *place = (*place).max(*version);
                }
                let guard = Transaction::new(GUARD, integer(row.version));
                let properties = CommitProperties::default()
                    .with_application_transaction(guard)
                    .with_cleanup_expired_logs(Some(false));
                let rows: RecordBatch = TableRow::batch(vec![to_stored(&row)]);
                let committed =
                    found.write([rows]).with_save_mode(SaveMode::Append).with_commit_properties(properties).await;
                match committed {
                    Ok(committed) => {
                        compact_in_passing(table, committed, VERSIONS_BEFORE_COMPACTION).await?;
                        return Ok(row.version);
                    }
                    Err(error) if is_conflict(&error) => back_off(attempt, row.batch).await,
                    Err(error) => return Err(LakeError::table("commit to", table.name, error)),
                }
            }
            Err(LakeError::Contended { table: table.name.to_owned(), attempts: ATTEMPTS })
        })
    }

    /// Removes files of the table of versions itself that were replaced longer than `retention` before `now`.
    pub(super) async fn vacuum_versions(&self, now: Instant, retention: TimeDelta) -> Result<usize, LakeError> {
        match self.table(stored::Row::table()).await? {
            Some(found) => super::maintenance::vacuum(stored::Row::table(), found, now, retention, &[]).await,
            None => Ok(0),
        }
    }
}

/// Versions come one by one, and every commit reads them all: they are folded sooner than other tables.
const VERSIONS_BEFORE_COMPACTION: usize = 16;

impl VersionRow {
    pub(super) fn is_of(&self, stream: &str, batch: u64) -> bool {
        self.stream == stream && self.batch == batch
    }
}

async fn read(found: &deltalake_core::DeltaTable) -> Result<Vec<VersionRow>, LakeError> {
    let table = stored::Row::table();
    let context = session(Some(1));
    context.register_table(table.name, provider(&context, table, found).await?)?;
    let mut versions = Vec::new();
    for batch in query(&context, "SELECT * FROM lake_versions ORDER BY version").await? {
        for row in stored::Row::rows(&batch).map_err(|error| LakeError::rows(table.name, error))? {
            versions.push(from_stored(row)?);
        }
    }
    Ok(versions)
}

fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn to_stored(row: &VersionRow) -> stored::Row {
    stored::Row {
        version: integer(row.version),
        written_at: row.written_at,
        stream: row.stream.clone(),
        batch: integer(row.batch),
        cursor: row.cursor.clone(),
        tables: serde_json::to_string(&row.tables).expect("a map of texts has a JSON form"),
    }
}

fn from_stored(row: stored::Row) -> Result<VersionRow, LakeError> {
    let tables = serde_json::from_str(&row.tables).map_err(|error| LakeError::Damaged {
        path: format!("tables/lake_versions, version {}", row.version),
        source: Box::new(error),
    })?;
    Ok(VersionRow {
        version: u64::try_from(row.version).unwrap_or_default(),
        written_at: row.written_at,
        stream: row.stream,
        batch: u64::try_from(row.batch).unwrap_or_default(),
        cursor: row.cursor,
        tables,
    })
}
