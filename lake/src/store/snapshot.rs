//! Reading all tables as of one lake version.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use super::batch::shaped;
use super::delta::{provider, query, session};
use super::{Lake, VersionRow};
use crate::{Instant, LakeError, Role, Table, TableRow, canonical, tables};

/// Which lake version to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// The newest.
    Latest,
    /// The one with this number.
    Version(u64),
    /// The newest that had been written at this time.
    Time(Instant),
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Version(number) => number.fmt(f),
            Self::Time(at) => at.fmt(f),
        }
    }
}

/// All tables as of one lake version. Later writes do not change what it reads.
#[derive(Clone, Debug)]
pub struct Snapshot {
    lake: Lake,
    version: Option<VersionRow>,
}

impl Lake {
    /// The tables as of `at`.
    ///
    /// # Errors
    /// [`LakeError`] where there is no such version or it cannot be read.
    pub async fn snapshot(&self, at: AsOf) -> Result<Snapshot, LakeError> {
        Ok(Snapshot { lake: self.clone(), version: self.version_at(at).await? })
    }
}

impl Snapshot {
    /// The number of the lake version; 0 for an empty lake.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.version.as_ref().map_or(0, |row| row.version)
    }

    /// The version row behind it; `None` for an empty lake.
    #[must_use]
    pub fn version(&self) -> Option<&VersionRow> {
        self.version.as_ref()
    }

    /// A query session in which every table of the contract stands under its name; tables never written are empty.
    /// `partitions` is the number of threads a query may use; `None` leaves it to the machine.
    ///
    /// # Errors
    /// [`LakeError`] where a table cannot be read.
    pub async fn context(&self, partitions: Option<usize>) -> Result<SessionContext, LakeError> {
        let context = session(partitions);
        for table in tables::all() {
            self.register(&context, table).await?;
        }
        Ok(context)
    }

    async fn register(&self, context: &SessionContext, table: &'static Table) -> Result<(), LakeError> {
        if let Some(version) = self.table_version(table) {
            let found = self.lake.table_at(table, version).await?;
            context.register_table(table.name, provider(context, table, &found).await?)?;
        } else {
            let empty = MemTable::try_new(table.schema(), vec![vec![]])?;
            context.register_table(table.name, Arc::new(empty))?;
        }
        Ok(())
    }

    /// All rows of one table in its stored schema, in the order of its key.
    ///
    /// # Errors
    /// [`LakeError`] where the table cannot be read.
    pub async fn read(&self, table: &'static Table) -> Result<Vec<RecordBatch>, LakeError> {
        let key: Vec<String> = table.key.iter().map(|name| format!("\"{name}\"")).collect();
        self.select(table, &format!("ORDER BY {}", key.join(", "))).await
    }

    async fn select(&self, table: &'static Table, order: &str) -> Result<Vec<RecordBatch>, LakeError> {
        if self.table_version(table).is_none() {
            return Ok(Vec::new());
        }
        let context = session(None);
        self.register(&context, table).await?;
        let batches = query(&context, &format!("SELECT * FROM {} {order}", table.name)).await?;
        batches
            .iter()
            .map(|batch| shaped(table, batch))
            .collect::<Result<_, _>>()
            .map_err(|error| LakeError::rows(table.name, error))
    }

    fn table_version(&self, table: &Table) -> Option<u64> {
        self.version.as_ref()?.tables.get(table.name).copied()
    }

    /// All rows of one table as structs, in the order of its key. Who asks for rows asks for the digest of their table
    /// as well: it is taken in passing, so that the table is not read a second time.
    ///
    /// # Errors
    /// [`LakeError`] where the table cannot be read or does not have the contract's columns.
    pub async fn rows<R: TableRow>(&self) -> Result<Vec<R>, LakeError> {
        let table = R::table();
        let batches = self.read(table).await?;
        self.digest_of(table, &batches)?;
        let mut rows = Vec::new();
        for batch in batches {
            rows.extend(R::rows(&batch).map_err(|error| LakeError::rows(table.name, error))?);
        }
        Ok(rows)
    }

    /// The data files that it reads and that are not there, or not as long as they were written, each with what is wrong.
    /// Their content is not read.
    ///
    /// # Errors
    /// [`LakeError`] where the log of a table cannot be read.
    pub async fn damaged_files(&self) -> Result<Vec<(String, String)>, LakeError> {
        let mut damaged = Vec::new();
        for table in tables::all() {
            let Some(version) = self.table_version(table) else { continue };
            let folder = format!("tables/{}", table.name);
            let found = self.lake.table_at(table, version).await?;
            let there = self.lake.objects.sizes(&folder).await?;
            let log = found.snapshot().map_err(|error| LakeError::table("read", table.name, error))?.log_data();
            for file in log.iter() {
                let name = format!("{folder}/{}", file.object_store_path());
                let wrong = match there.get(&name) {
                    None => "it is missing".to_owned(),
                    Some(size) if i64::try_from(*size) == Ok(file.size()) => continue,
                    Some(size) => format!("it has {size} bytes, and was written with {}", file.size()),
                };
                damaged.push((self.lake.objects.shown(&name), wrong));
            }
        }
        Ok(damaged)
    }

    /// The digest of each input table's canonical form: events and coverage.
    ///
    /// # Errors
    /// [`LakeError`] where a table cannot be read.
    pub async fn input_digests(&self) -> Result<BTreeMap<String, String>, LakeError> {
        let mut digests = BTreeMap::new();
        for table in tables::all().into_iter().filter(|table| table.role != Role::Derived) {
            let digest = match self.known_digest(table) {
                Some(known) => known,
                // The digest does not hang on the order of the rows.
                None => self.digest_of(table, &self.select(table, "").await?)?,
            };
            digests.insert(table.name.to_owned(), digest);
        }
        Ok(digests)
    }

    /// The digest of a table whose rows have been read.
    pub(super) fn digest_of(&self, table: &'static Table, rows: &[RecordBatch]) -> Result<String, LakeError> {
        if let Some(known) = self.known_digest(table) {
            return Ok(known);
        }
        let digest = canonical::digest(table, rows).map_err(|error| LakeError::rows(table.name, error))?;
        if let Some(version) = self.table_version(table) {
            self.lake.digests.lock().expect("nobody panics with it").insert((table.name, version), digest.clone());
        }
        Ok(digest)
    }

    fn known_digest(&self, table: &Table) -> Option<String> {
        let version = self.table_version(table)?;
        self.lake.digests.lock().expect("nobody panics with it").get(&(table.name, version)).cloned()
    }
}
