//! Reading all tables as of one lake version.

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
        let version = self.version.as_ref().and_then(|row| row.tables.get(table.name));
        if let Some(version) = version {
            let found = self.lake.table_at(table, *version).await?;
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
        if self.version.as_ref().is_none_or(|row| !row.tables.contains_key(table.name)) {
            return Ok(Vec::new());
        }
        let context = session(None);
        self.register(&context, table).await?;
        let key: Vec<String> = table.key.iter().map(|name| format!("\"{name}\"")).collect();
        let sql = format!("SELECT * FROM {} ORDER BY {}", table.name, key.join(", "));
        let batches = query(&context, &sql).await?;
        batches
            .iter()
            .map(|batch| shaped(table, batch))
            .collect::<Result<_, _>>()
            .map_err(|error| LakeError::rows(table.name, error))
    }

    /// All rows of one table as structs, in the order of its key.
    ///
    /// # Errors
    /// [`LakeError`] where the table cannot be read or does not have the contract's columns.
    pub async fn rows<R: TableRow>(&self) -> Result<Vec<R>, LakeError> {
        let mut rows = Vec::new();
        for batch in self.read(R::table()).await? {
            rows.extend(R::rows(&batch).map_err(|error| LakeError::rows(R::table().name, error))?);
        }
        Ok(rows)
    }

    /// The digest of each input table's canonical form: events and coverage.
    ///
    /// # Errors
    /// [`LakeError`] where a table cannot be read.
    pub async fn input_digests(&self) -> Result<std::collections::BTreeMap<String, String>, LakeError> {
        let mut digests = std::collections::BTreeMap::new();
        for table in tables::all().into_iter().filter(|table| table.role != Role::Derived) {
            let digest = canonical::digest(table, &self.read(table).await?)
                .map_err(|error| LakeError::rows(table.name, error))?;
            digests.insert(table.name.to_owned(), digest);
        }
        Ok(digests)
    }
}
