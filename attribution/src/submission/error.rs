//! Why a submission cannot be made or read.

/// A submission that cannot be made, or a package that is refused.
#[derive(Debug, thiserror::Error)]
pub enum SubmissionError {
    /// A file cannot be read or written.
    #[error("could not {doing} `{path}`")]
    File {
        /// Read or write.
        doing: &'static str,
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The package is not what a package may be.
    #[error("the package is refused: {0}")]
    Refused(String),
    /// The manifest cannot be used.
    #[error("the manifest `submission.toml` is wrong: {0}")]
    Manifest(String),
    /// A key or signature cannot be used.
    #[error("{0}")]
    Key(String),
    /// The registry cannot be used.
    #[error("the registry is wrong: {0}")]
    Registry(String),
    /// The lake refused.
    #[error("could not use the lake of the evidence")]
    Lake(#[from] lake::LakeError),
    /// The numbers cannot be derived.
    #[error("could not derive from the evidence")]
    Derive(#[from] derive::DeriveError),
    /// The question cannot be asked.
    #[error("could not ask the question of the submission")]
    Question(#[from] crate::FindError),
    /// A table does not have the shape that it must have.
    #[error("table `{table}` of the evidence cannot be used")]
    Table {
        /// Which.
        table: String,
        /// Why.
        #[source]
        source: arrow::error::ArrowError,
    },
}

impl SubmissionError {
    /// The code by which `doracle explain` knows it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "submission::file",
            Self::Refused(_) | Self::Table { .. } => "submission::refused",
            Self::Manifest(_) | Self::Question(_) => "submission::manifest",
            Self::Key(_) => "submission::key",
            Self::Registry(_) => "submission::registry",
            Self::Lake(error) => error.code(),
            Self::Derive(error) => error.code(),
        }
    }

    pub(crate) fn refused(what: impl Into<String>) -> Self {
        Self::Refused(what.into())
    }

    pub(crate) fn file(doing: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::File { doing, path: path.display().to_string(), source }
    }

    pub(crate) fn table(table: &str, source: arrow::error::ArrowError) -> Self {
        Self::Table { table: table.to_owned(), source }
    }
}
