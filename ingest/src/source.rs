//! What every source is.

use async_trait::async_trait;
use lake::{Instant, Lake};

use crate::receive::Receiver;
use crate::{Ledger, Reading, Reporter, Sink, SourceError, SourceErrorKind, Summary};

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

    /// The requests that a reading would begin with, for a dry run: nothing is asked, opened or looked up.
    ///
    /// # Errors
    /// [`SourceError`] where the settings do not fit together.
    fn request_plan(&self, _reading: &Reading<'_>) -> Result<Vec<String>, SourceError> {
        Ok(Vec::new())
    }

    /// Who takes what the source pushes, where it can push.
    ///
    /// # Errors
    /// [`SourceError`] where the settings do not fit together.
    fn receiver(&self) -> Result<Option<Box<dyn Receiver>>, SourceError> {
        Ok(None)
    }

    /// Reads into `sink`.
    ///
    /// # Errors
    /// [`SourceError`] where nothing useful could be read. Partial gaps are coverage rows and go to the reporter.
    async fn read(
        &self,
        reading: &Reading<'_>,
        sink: &mut Sink<'_>,
        reporter: &dyn Reporter,
    ) -> Result<(), SourceError>;
}

/// Reads `source` from where its last reading ended, or the range that is asked for, and commits what it gives to
/// `lake`. The cursor of `reading` is the one the lake holds, whatever it was.
///
/// # Errors
/// [`SourceError`] of the source, or of the lake.
pub async fn ingest(
    source: &dyn Source,
    lake: &Lake,
    reading: &Reading<'_>,
    reporter: &dyn Reporter,
) -> Result<Summary, SourceError> {
    ingest_through(source, lake, reading, reporter, |sink| sink).await
}

/// As [`ingest`], into a sink that is prepared first.
pub(crate) async fn ingest_through<'l>(
    source: &dyn Source,
    lake: &'l Lake,
    reading: &Reading<'_>,
    reporter: &dyn Reporter,
    prepared: impl FnOnce(Sink<'l>) -> Sink<'l>,
) -> Result<Summary, SourceError> {
    let stream = source.stream();
    if source.is_snapshot() && !reading.range.is_open() {
        let told = "it is always read whole: `--since` and `--until` do not fit".to_owned();
        return Err(SourceError::new(format!("could not read `{stream}`"), SourceErrorKind::Settings(told)));
    }
    let cursor = cursor(source, lake).await?;
    let reading = Reading { cursor: cursor.as_deref(), ..*reading };
    let mut sink = prepared(Sink::into_lake(lake, &stream, source.is_snapshot(), source.fills(), reading.now));
    read_into(source, &reading, &mut sink, reporter).await?;
    let summary = sink.finish().await?;
    let rows: usize = summary.rows.values().sum();
    let (pages, batches, gaps) = (summary.page_count, summary.batch_count, summary.gaps.len());
    tracing::info!(stream, rows, pages, batches, gaps, lake_version = summary.lake_version, "read");
    Ok(summary)
}

/// Reads into a sink of this source, as every reading does whatever becomes of what it gives.
pub(crate) async fn read_into(
    source: &dyn Source,
    reading: &Reading<'_>,
    sink: &mut Sink<'_>,
    reporter: &dyn Reporter,
) -> Result<(), SourceError> {
    if !source.has_own_clock() {
        sink.end_coverage_at(reading.now);
    }
    // A source that holds everything in one reading reads all of its gaps again.
    if !source.is_snapshot() {
        sink.goes_on_from(Ledger::from_cursor(reading.cursor)?.coverage(&source.stream()), reading.range);
    }
    source.read(reading, sink, reporter).await
}

/// Where the last reading of `source` ended.
///
/// # Errors
/// [`SourceError`] where the lake cannot be read.
pub async fn cursor(source: &dyn Source, lake: &Lake) -> Result<Option<String>, SourceError> {
    let stream = source.stream();
    lake.cursor(&stream)
        .await
        .map_err(|error| SourceError::new(format!("could not read where `{stream}` was left"), error))
}

/// The time as one process sees it, for what arrives while it runs.
pub type Clock = dyn Fn() -> Instant + Send + Sync;

#[cfg(test)]
mod tests;
