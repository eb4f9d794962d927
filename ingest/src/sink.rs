//! Where a source puts what it read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use arrow::array::RecordBatch;
use lake::{Batch, Instant, Lake, Page, TableRow, WriteMode, tables::coverage};

use crate::{Ledger, Range, SourceError, SourceErrorKind};

/// Collects pages, rows and coverage, and commits them in batches.
pub struct Sink<'a> {
    lake: Option<&'a Lake>,
    is_snapshot: bool,
    fills: &'static [&'static str],
    batch: Batch,
    held_rows: usize,
    held_bytes: usize,
    held_since: tokio::time::Instant,
    commits_often: bool,
    present: Option<Instant>,
    /// Tables whose stored rows of this stream the next commit replaces.
    anew: BTreeSet<&'static str>,
    coverage: Vec<coverage::Row>,
    /// What earlier readings stated, and the range that this one was asked for.
    before: (Vec<coverage::Row>, Range),
    summary: Summary,
    kept: Vec<Batch>,
}

/// What one reading did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Stream that was read.
    pub stream: String,
    /// Rows read per table, before those that the lake already had were left out.
    pub rows: BTreeMap<&'static str, usize>,
    /// The ranges that the stream has read completely, in this reading or an earlier one, by the table they speak of.
    /// Repositories and services that were read alike share one.
    pub covered: BTreeMap<String, BTreeSet<(Instant, Instant)>>,
    /// Raw pages kept.
    pub page_count: usize,
    /// Batches committed.
    pub batch_count: usize,
    /// What could not be read, in this reading or an earlier one, in words.
    pub gaps: Vec<String>,
    /// Those of the gaps that are this reading's own: it found them, or was asked to read a range that they lie in.
    pub own_gaps: Vec<String>,
    /// The lake version after the last commit.
    pub lake_version: Option<u64>,
}

/// A batch is committed once it holds this many rows, unless the source is a snapshot.
const ROWS_PER_BATCH: usize = 50_000;
/// A batch is also committed once it holds raw pages of this size,
const BYTES_PER_BATCH: usize = 32 * 1024 * 1024;
/// or has been growing for this long: a kill then costs at most so much reading again.
const TIME_PER_BATCH: Duration = Duration::from_secs(10);

impl<'a> Sink<'a> {
    /// A sink that commits to a lake.
    #[must_use]
    pub fn into_lake(
        lake: &'a Lake,
        stream: &str,
        is_snapshot: bool,
        fills: &'static [&'static str],
        now: Instant,
    ) -> Self {
        Self {
            lake: Some(lake),
            is_snapshot,
            fills,
            batch: Batch::new(stream, now),
            held_rows: 0,
            held_bytes: 0,
            held_since: tokio::time::Instant::now(),
            commits_often: false,
            present: None,
            anew: BTreeSet::new(),
            coverage: Vec::new(),
            before: (Vec::new(), Range::default()),
            summary: Summary { stream: stream.to_owned(), ..Summary::default() },
            kept: Vec::new(),
        }
    }

    /// A sink that keeps its batches, for looking at what a source gives without a lake.
    #[must_use]
    pub fn into_memory(stream: &str, fills: &'static [&'static str], now: Instant) -> Sink<'static> {
        Sink {
            lake: None,
            is_snapshot: true,
            fills,
            batch: Batch::new(stream, now),
            held_rows: 0,
            held_bytes: 0,
            held_since: tokio::time::Instant::now(),
            commits_often: false,
            present: None,
            anew: BTreeSet::new(),
            coverage: Vec::new(),
            before: (Vec::new(), Range::default()),
            summary: Summary { stream: stream.to_owned(), ..Summary::default() },
            kept: Vec::new(),
        }
    }

    /// Keeps a raw page and returns its content hash.
    pub fn page(&mut self, content: Vec<u8>) -> String {
        self.held_bytes += content.len();
        let page = Page::new(content);
        let sha = page.sha().to_owned();
        self.batch.add_page(page);
        self.summary.page_count += 1;
        sha
    }

    /// Adds rows that were read from the page with that hash.
    ///
    /// # Errors
    /// [`SourceError`] where the table is none the source declared.
    pub fn rows<R: TableRow>(&mut self, rows: Vec<R>, page_sha: Option<&str>) -> Result<(), SourceError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.record_batch(R::table(), &R::batch(rows), page_sha)
    }

    /// Adds rows that already are an Arrow batch of the table's row schema.
    ///
    /// # Errors
    /// [`SourceError`] where the table is none the source declared, or the schema is another.
    pub fn record_batch(
        &mut self,
        table: &'static lake::Table,
        rows: &RecordBatch,
        page_sha: Option<&str>,
    ) -> Result<(), SourceError> {
        let doing = || format!("could not take rows of `{}` from `{}`", table.name, self.summary.stream);
        if !self.fills.contains(&table.name) {
            let undeclared = SourceErrorKind::Input("the source does not declare that it fills this table".into());
            return Err(SourceError::new(doing(), undeclared));
        }
        let stored = table
            .with_provenance(rows, &self.summary.stream, page_sha)
            .map_err(|error| SourceError::new(doing(), error))?;
        *self.summary.rows.entry(table.name).or_default() += rows.num_rows();
        self.held_rows += rows.num_rows();
        self.batch.write(table, self.mode(table.name), stored);
        Ok(())
    }

    /// Lets what this reading gives replace all rows of these tables that earlier readings of the stream gave. What they
    /// stated of coverage goes as well, so that nothing is claimed of what is not read again yet. Has to be said before
    /// any such row is given.
    pub(crate) fn begin_anew(&mut self, tables: &[&'static str]) {
        self.anew.extend(tables);
        self.anew.insert(coverage::Row::table().name);
    }

    fn mode(&self, table: &str) -> WriteMode {
        if self.is_snapshot || self.anew.contains(table) { WriteMode::ReplaceSource } else { WriteMode::Upsert }
    }

    /// Lets no coverage reach beyond `present`: a record dated in the future does not mean that the future was read.
    pub(crate) fn end_coverage_at(&mut self, present: Instant) {
        self.present = Some(present);
    }

    /// Tells what earlier readings stated, and the range that this one is asked for.
    pub(crate) fn goes_on_from(&mut self, stated: Vec<coverage::Row>, range: Range) {
        self.before = (stated, range);
    }

    /// The time of reading, after which nothing can have been read.
    pub(crate) fn present(&self) -> Option<Instant> {
        self.present
    }

    /// States what was read, and what was not. A source that is no snapshot states in each reading all that it ever
    /// read: the statements of the last reading are replaced once this one is finished.
    ///
    /// # Errors
    /// [`SourceError`] as [`Sink::rows`].
    pub fn coverage(&mut self, row: coverage::Row) -> Result<(), SourceError> {
        self.put_coverage(row, false)
    }

    /// States all that a source has read, and lets its next reading go on from there.
    ///
    /// # Errors
    /// [`SourceError`] as [`Sink::rows`].
    pub fn state(&mut self, ledger: &Ledger) -> Result<(), SourceError> {
        for (row, is_found) in ledger.statements(&self.summary.stream) {
            self.put_coverage(row, is_found)?;
        }
        self.set_cursor(ledger.to_cursor());
        Ok(())
    }

    fn put_coverage(&mut self, mut row: coverage::Row, is_found: bool) -> Result<(), SourceError> {
        let is_own = is_found || self.is_own(&row);
        if let Some(present) = self.present {
            row.range_end_at = row.range_end_at.map(|end| end.min(present));
        }
        if let (false, Some(reason)) = (row.is_complete, &row.reason) {
            let gap = format!("`{}`: {reason}", row.covers);
            if is_own && !self.summary.own_gaps.contains(&gap) {
                self.summary.own_gaps.push(gap.clone());
            }
            if !self.summary.gaps.contains(&gap) {
                self.summary.gaps.push(gap);
            }
        }
        if let (true, Some(start), Some(end)) = (row.is_complete, row.range_start_at, row.range_end_at) {
            self.summary.covered.entry(row.covers.clone()).or_default().insert((start, end));
        }
        if self.is_snapshot {
            return self.rows(vec![row], None);
        }
        self.coverage.push(row);
        Ok(())
    }

    /// Whether a statement is of this reading: no earlier one made it, or it speaks of the range that was asked for. What
    /// has no time may lie in any range.
    fn is_own(&self, row: &coverage::Row) -> bool {
        let (stated, range) = &self.before;
        let is_asked = !range.is_open()
            && row.range_start_at.zip(range.until).is_none_or(|(start, until)| start < until)
            && row.range_end_at.zip(range.since).is_none_or(|(end, since)| since < end);
        is_asked || !stated.contains(row)
    }

    /// Commits what is held if it is much, so that memory stays bounded and little is read again after a kill; a
    /// snapshot is never split. `cursor` says where a reading goes on that has everything up to here.
    ///
    /// # Errors
    /// [`SourceError`] of the lake.
    pub async fn checkpoint(&mut self, cursor: impl FnOnce() -> String) -> Result<(), SourceError> {
        let is_much = (self.commits_often && self.held_rows > 0)
            || self.held_rows >= ROWS_PER_BATCH
            || self.held_bytes >= BYTES_PER_BATCH
            || (self.held_rows > 0 && self.held_since.elapsed() >= TIME_PER_BATCH);
        if !self.is_snapshot && is_much {
            self.commit(Some(&cursor())).await?;
        }
        Ok(())
    }

    /// Takes over what another sink of the same stream holds.
    pub(crate) fn absorb(&mut self, other: Sink<'_>) {
        for (table, count) in other.summary.rows {
            *self.summary.rows.entry(table).or_default() += count;
        }
        self.summary.page_count += other.summary.page_count;
        self.held_rows += other.held_rows;
        self.held_bytes += other.held_bytes;
        if let Some(cursor) = other.batch.cursor() {
            self.batch.set_cursor(cursor.to_owned());
        }
        let mode = if self.is_snapshot { WriteMode::ReplaceSource } else { WriteMode::Upsert };
        self.batch.absorb(other.batch, mode);
    }

    /// Sets where the next reading starts.
    pub fn set_cursor(&mut self, cursor: String) {
        self.batch.set_cursor(cursor);
    }

    /// Where the next reading starts, as far as it was set since the last commit.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.batch.cursor()
    }

    async fn commit(&mut self, cursor: Option<&str>) -> Result<(), SourceError> {
        if let Some(cursor) = cursor {
            self.batch.set_cursor(cursor.to_owned());
        }
        let next = Batch::new(&self.summary.stream, self.batch.written_at());
        let mut batch = std::mem::replace(&mut self.batch, next);
        self.held_rows = 0;
        self.held_bytes = 0;
        self.held_since = tokio::time::Instant::now();
        for name in std::mem::take(&mut self.anew) {
            let table = lake::tables::named(name).expect("declared tables are tables of the lake");
            batch.touch(table, WriteMode::ReplaceSource);
        }
        if self.is_snapshot {
            // A snapshot that no longer holds any row of a table empties that table of this source.
            for name in self.fills {
                let table = lake::tables::named(name).expect("declared tables are tables of the lake");
                batch.touch(table, WriteMode::ReplaceSource);
            }
        }
        match self.lake {
            Some(lake) => {
                let committed = lake.commit(batch).await.map_err(|error| {
                    SourceError::new(format!("could not commit a batch of `{}`", self.summary.stream), error)
                })?;
                self.summary.lake_version = Some(committed.lake_version);
            }
            None => self.kept.push(batch),
        }
        self.summary.batch_count += 1;
        Ok(())
    }

    /// Commits the rest and tells what was done.
    ///
    /// # Errors
    /// [`SourceError`] of the lake.
    pub async fn finish(mut self) -> Result<Summary, SourceError> {
        self.end().await?;
        Ok(self.summary)
    }

    async fn end(&mut self) -> Result<(), SourceError> {
        if !self.is_snapshot && !self.coverage.is_empty() {
            let table = coverage::Row::table();
            let rows = coverage::Row::batch(std::mem::take(&mut self.coverage));
            *self.summary.rows.entry(table.name).or_default() += rows.num_rows();
            let stored = table
                .with_provenance(&rows, &self.summary.stream, None)
                .map_err(|error| SourceError::new("could not state what was read", error))?;
            self.batch.write(table, WriteMode::ReplaceSource, stored);
        }
        self.commit(None).await
    }

    /// The rows of one table that a memory sink kept.
    ///
    /// # Errors
    /// [`SourceError`] where they do not have the table's schema.
    pub fn kept<R: TableRow>(&self) -> Result<Vec<R>, SourceError> {
        let mut rows = Vec::new();
        for batch in self.kept.iter().chain([&self.batch]) {
            for record_batch in batch.record_batches(R::table().name) {
                rows.extend(
                    R::rows(record_batch).map_err(|error| SourceError::new("could not read kept rows back", error))?,
                );
            }
        }
        Ok(rows)
    }

    /// What was done so far.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }
}

#[cfg(test)]
impl Sink<'_> {
    /// Commits at every checkpoint, as one does after a while.
    pub(crate) fn often(self) -> Self {
        Self { commits_often: true, ..self }
    }

    /// A sink that commits to memory at every checkpoint, as one of a lake does after a while.
    pub(crate) fn into_memory_often(stream: &str, fills: &'static [&'static str], now: Instant) -> Sink<'static> {
        Sink { is_snapshot: false, commits_often: true, ..Sink::into_memory(stream, fills, now) }
    }

    /// With all there is in one reading, or not.
    pub(crate) fn of_snapshot(self, is_snapshot: bool) -> Self {
        Self { is_snapshot, ..self }
    }

    /// As [`Sink::finish`], where the reading came to its end, and gives what a memory sink committed.
    pub(crate) async fn finish_in_memory(mut self, is_finished: bool) -> Result<(Vec<Batch>, Summary), SourceError> {
        if is_finished {
            self.end().await?;
        }
        Ok((self.kept, self.summary))
    }

    /// What was committed, and where a reading goes on that has it: all of it where the reading was finished.
    pub(crate) fn committed(mut self, is_finished: bool) -> (Vec<Batch>, Option<String>) {
        if is_finished {
            self.kept.push(self.batch);
        }
        let cursor = self.kept.iter().rev().find_map(|batch| batch.cursor().map(str::to_owned));
        (self.kept, cursor)
    }
}
