//! From what other systems recorded to rows of event tables.
//!
//! One folder per source under [`sources`]; what they have in common is in [`Source`] and [`Sink`]. A source reads
//! pages, turns them into rows with a pure function, and says in `coverage` what it really read. No metric is
//! computed here.

mod authorship;
#[cfg(test)]
mod contract;
mod error;
pub mod http;
mod ledger;
#[cfg(test)]
mod loopback;
mod reading;
pub mod receive;
mod reporter;
mod secret;
mod sink;
mod source;
pub mod sources;
mod suggest;

pub use authorship::Bots;
pub use error::{SourceError, SourceErrorKind};
pub use ledger::{Beginning, Entry, Ledger, Loss, Spans};
pub use reading::{Range, Reading};
pub use reporter::{Reporter, Silent};
pub use secret::{NoVariables, Secret, SecretFrom, Variables};
pub use sink::{Sink, Summary};
pub use source::{Clock, Source, cursor, ingest};
