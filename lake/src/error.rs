//! Why the lake refused.

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use deltalake_core::DeltaTableError;

/// The lake could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The folder or bucket holds something else.
    #[error("`{location}` is not a lake: {reason}")]
    NotALake {
        /// Where we looked.
        location: String,
        /// What was wrong.
        reason: String,
    },
    /// There is no lake there.
    #[error("there is no lake at `{location}`")]
    Missing {
        /// Where we looked.
        location: String,
    },
    /// A newer release wrote it.
    #[error("{what} was written in version {found}, and this release reads up to version {known}")]
    Newer {
        /// What is newer: the lake's layout, or a table.
        what: String,
        /// The version found.
        found: u64,
        /// The newest version this release knows.
        known: u64,
    },
    /// An older release wrote a table, and what this release needs of it is not there.
    #[error("table `{table}` was written in version {found} and cannot be read as version {known}: {reason}")]
    Older {
        /// Which table.
        table: String,
        /// The version found.
        found: u64,
        /// The version this release reads.
        known: u64,
        /// What is missing.
        reason: String,
    },
    /// No such lake version.
    #[error("the lake has no version for `{asked}`")]
    NoVersion {
        /// What was asked for.
        asked: String,
    },
    /// The storage below refused: no room, no permission, no network.
    #[error("could not {doing} `{path}`")]
    Storage {
        /// Write, read, list, delete.
        doing: &'static str,
        /// Which object.
        path: String,
        /// Why.
        #[source]
        source: object_store::Error,
    },
    /// A table could not be read or committed.
    #[error("could not {doing} table `{table}`")]
    Table {
        /// Read, commit to, compact, vacuum.
        doing: &'static str,
        /// Which table.
        table: String,
        /// Why.
        #[source]
        source: Box<DeltaTableError>,
    },
    /// Writers kept getting in each other's way.
    #[error("could not commit to table `{table}`: other writers were faster {attempts} times")]
    Contended {
        /// Which table.
        table: String,
        /// How often we tried.
        attempts: u32,
    },
    /// A file of the lake does not say what it should.
    #[error("`{path}` cannot be read back")]
    Damaged {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A pending batch is damaged: it can neither be finished nor passed over.
    #[error("could not finish the pending batch in `{folder}`")]
    Unfinishable {
        /// Its folder.
        folder: String,
        /// What is damaged.
        #[source]
        source: Box<LakeError>,
    },
    /// Rows do not have the schema they should have.
    #[error("rows of `{table}` do not fit its schema")]
    Rows {
        /// Which table.
        table: String,
        /// Why.
        #[source]
        source: ArrowError,
    },
    /// A query over the lake failed.
    #[error("the query failed")]
    Query(#[source] Box<DataFusionError>),
}

impl LakeError {
    /// Its stable code, such as `lake::newer`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotALake { .. } => "lake::not_a_lake",
            Self::Missing { .. } => "lake::missing",
            Self::Newer { .. } => "lake::newer",
            Self::Older { .. } => "lake::older",
            Self::NoVersion { .. } => "lake::no_version",
            Self::Storage { .. } => "lake::storage",
            Self::Table { .. } => "lake::table",
            Self::Contended { .. } => "lake::contended",
            Self::Damaged { .. } => "lake::damaged",
            Self::Unfinishable { .. } => "lake::unfinishable",
            Self::Rows { .. } => "lake::rows",
            Self::Query(_) => "lake::query",
        }
    }

    pub(crate) fn table(doing: &'static str, table: &str, source: impl Into<DeltaTableError>) -> Self {
        Self::Table { doing, table: table.to_owned(), source: Box::new(source.into()) }
    }

    pub(crate) fn storage(doing: &'static str, path: &(impl ToString + ?Sized), source: object_store::Error) -> Self {
        Self::Storage { doing, path: path.to_string(), source }
    }

    /// The file system refused.
    pub(crate) fn folder(doing: &'static str, path: &(impl ToString + ?Sized), source: std::io::Error) -> Self {
        Self::storage(doing, path, object_store::Error::Generic { store: "folder", source: Box::new(source) })
    }

    pub(crate) fn rows(table: &str, source: ArrowError) -> Self {
        Self::Rows { table: table.to_owned(), source }
    }
}

impl From<DataFusionError> for LakeError {
    fn from(source: DataFusionError) -> Self {
        Self::Query(Box::new(source))
    }
}
