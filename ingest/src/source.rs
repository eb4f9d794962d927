//! What every source is.

use async_trait::async_trait;
use lake::{Instant, Lake};

use crate::{Reporter, Sink, SourceError, Summary};

/// Something that recorded what happened, and can be read.
#[async_trait]
pub trait Source: Send + Sync {
    /// Which stream of which source this is, such as `git:api`; names its rows, its cursor and its coverage.
    fn stream(&self) -> String;

    /// The tables it may fill.
    fn fills(&self) -> &'static [&'static str];

    /// Whether one reading holds all there is, so that rows of an earlier reading that are gone are removed.
    fn is_snapshot(&self) -> bool;

    /// Whether its times are invented and may lie after the present; no real source can have read the future.
    fn has_own_clock(&self) -> bool {
        false
    }

    /// Reads into `sink`. `cursor` is what the last reading of this stream left, if there was one.
    ///
    /// # Errors
    /// [`SourceError`] where nothing useful could be read. Partial gaps are coverage rows and go to the reporter.
    async fn read(&self, cursor: Option<&str>, sink: &mut Sink<'_>, reporter: &dyn Reporter)
    -> Result<(), SourceError>;
}

/// Reads `source` from where its last reading ended, and commits what it gives to `lake`.
///
/// # Errors
/// [`SourceError`] of the source, or of the lake.
pub async fn ingest(
    source: &dyn Source,
    lake: &Lake,
    now: Instant,
    reporter: &dyn Reporter,
) -> Result<Summary, SourceError> {
    let stream = source.stream();
    let cursor = lake
        .cursor(&stream)
        .await
        .map_err(|error| SourceError::new(format!("could not read where `{stream}` was left"), error))?;
    let mut sink = Sink::into_lake(lake, &stream, source.is_snapshot(), source.fills(), now);
    if !source.has_own_clock() {
        sink.end_coverage_at(now);
    }
    source.read(cursor.as_deref(), &mut sink, reporter).await?;
    sink.finish().await
}
