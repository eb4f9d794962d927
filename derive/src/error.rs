//! Why a derivation stopped.

use datafusion::error::DataFusionError;
use lake::LakeError;

/// The metrics could not be derived.
#[derive(Debug, thiserror::Error)]
pub enum DeriveError {
    /// The lake could not be read.
    #[error("could not read the event tables")]
    Lake(#[from] LakeError),
    /// A stage or metric failed in the engine.
    #[error("could not compute `{what}`")]
    Query {
        /// Which file.
        what: String,
        /// Why.
        #[source]
        source: Box<DataFusionError>,
    },
    /// A stage or metric gave rows of another shape than it should.
    #[error("`{what}` gave rows that do not fit")]
    Shape {
        /// Which file.
        what: String,
        /// Why.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// The lake has no deployment that could be measured.
    #[error("there is nothing to measure: {0}")]
    Nothing(String),
    /// A service, group or environment that was asked for has no numbers.
    #[error("there is no {asked}; there are: {known}")]
    Unknown {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: String,
    },
    /// The plan contradicts itself.
    #[error("the period `{start}` to `{end}` is empty: {why}")]
    EmptyPeriod {
        /// Start asked for.
        start: lake::Instant,
        /// End asked for.
        end: lake::Instant,
        /// What of it was not asked for.
        why: String,
    },
    /// The period is longer than records of deployments go back.
    #[error("the period `{start}` to `{end}` is longer than {most} days")]
    LongPeriod {
        /// Its start.
        start: lake::Instant,
        /// Its end.
        end: lake::Instant,
        /// The most days it may have.
        most: i64,
    },
}

impl DeriveError {
    /// Its stable code, such as `derive::query`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Lake(error) => error.code(),
            Self::Query { .. } => "derive::query",
            Self::Shape { .. } => "derive::shape",
            Self::Nothing(_) => "derive::nothing",
            Self::Unknown { .. } => "derive::unknown",
            Self::EmptyPeriod { .. } => "derive::empty_period",
            Self::LongPeriod { .. } => "derive::long_period",
        }
    }

    pub(crate) fn query(what: &str, source: DataFusionError) -> Self {
        Self::Query { what: what.to_owned(), source: Box::new(source) }
    }

    pub(crate) fn shape(what: &str, source: arrow::error::ArrowError) -> Self {
        Self::Shape { what: what.to_owned(), source }
    }
}
