//! Why a source could not be read.

use lake::LakeError;

use crate::http::HttpError;

/// A source could not be read: what we were doing, and why it failed.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct SourceError {
    /// What we were doing, as a sentence without a final stop, such as "could not list the tags of `/srv/api`".
    pub doing: String,
    /// What would help.
    pub hint: Option<String>,
    /// Why it failed.
    #[source]
    pub kind: SourceErrorKind,
}

/// Why reading failed; for branching, and for the last line of the chain.
#[derive(Debug, thiserror::Error)]
pub enum SourceErrorKind {
    /// The input is not what it was said to be.
    #[error("{0}")]
    Input(String),
    /// The settings do not fit together.
    #[error("{0}")]
    Settings(String),
    /// A program we need failed.
    #[error("{0}")]
    Program(String),
    /// A server could not be asked, or its answer could not be used.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The lake refused.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Rows do not have the schema they should have.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
}

impl SourceError {
    /// An error while `doing` something.
    pub fn new(doing: impl Into<String>, kind: impl Into<SourceErrorKind>) -> Self {
        Self { doing: doing.into(), hint: None, kind: kind.into() }
    }

    /// The same error with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Its stable code, such as `ingest::input`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.kind {
            SourceErrorKind::Input(_) => "ingest::input",
            SourceErrorKind::Settings(_) => "ingest::settings",
            SourceErrorKind::Program(_) => "ingest::program",
            SourceErrorKind::Http(error) => error.code(),
            SourceErrorKind::Io(_) => "ingest::io",
            SourceErrorKind::Lake(error) => error.code(),
            SourceErrorKind::Arrow(_) => "ingest::rows",
        }
    }
}
