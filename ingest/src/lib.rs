//! From what other systems recorded to rows of event tables.
//!
//! One folder per source under [`sources`]; what they have in common is in [`Source`] and [`Sink`]. A source reads
//! pages, turns them into rows with a pure function, and says in `coverage` what it really read. No metric is
//! computed here.

mod error;
mod reporter;
mod sink;
mod source;
pub mod sources;

pub use error::{SourceError, SourceErrorKind};
pub use reporter::{Reporter, Silent};
pub use sink::{Sink, Summary};
pub use source::{Source, ingest};
