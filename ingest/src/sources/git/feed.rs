//! The way from the thread that reads to the sink, which lives with the caller.

use lake::tables::coverage;
use lake::{Instant, Table, TableRow};
use tokio::sync::mpsc::Sender;

use crate::{Reporter, Sink, SourceError, SourceErrorKind};

/// Something that was read or is to be said.
pub(super) enum Step {
    /// A piece of work begins.
    Begin(String, Option<u64>),
    /// So many steps more are done.
    Advance(u64),
    /// Something could not be read.
    Gap(String),
    /// Rows of a table.
    Rows(&'static Table, arrow::array::RecordBatch),
    /// What was read and what was not.
    Coverage(Box<coverage::Row>),
    /// Where the next reading starts.
    Cursor(String),
}

impl Step {
    /// Hands it to whom it is for.
    pub(super) fn hand_over(self, sink: &mut Sink<'_>, reporter: &dyn Reporter) -> Result<(), SourceError> {
        match self {
            Self::Begin(what, total) => reporter.begin(&what, total),
            Self::Advance(steps) => reporter.advance(steps),
            Self::Gap(sentence) => reporter.gap(&sentence),
            Self::Rows(table, rows) => return sink.record_batch(table, &rows, None),
            Self::Coverage(row) => return sink.coverage(*row),
            Self::Cursor(cursor) => sink.set_cursor(cursor),
        }
        Ok(())
    }
}

/// The end of the way where the reading thread puts things. It waits while the other end is busy.
#[derive(Clone)]
pub(super) struct Feed {
    sender: Sender<Step>,
    present: Option<Instant>,
}

impl Feed {
    /// A feed into a channel.
    pub(super) fn new(sender: Sender<Step>) -> Self {
        Self { sender, present: None }
    }

    /// The feed of a reading at `present`.
    pub(super) fn at(self, present: Option<Instant>) -> Self {
        Self { present, ..self }
    }

    /// Whether what happened then can have been read.
    pub(super) fn is_past(&self, at: Instant) -> bool {
        self.present.is_none_or(|present| at <= present)
    }

    fn put(&self, step: Step) -> Result<(), SourceErrorKind> {
        self.sender
            .blocking_send(step)
            .map_err(|_nobody_listens| SourceErrorKind::Program("the reading was given up".into()))
    }

    /// Says that a piece of work begins.
    pub(super) fn begin(&self, what: &str, total: Option<u64>) -> Result<(), SourceErrorKind> {
        self.put(Step::Begin(what.to_owned(), total))
    }

    /// Says that so many steps more are done.
    pub(super) fn advance(&self, steps: u64) -> Result<(), SourceErrorKind> {
        self.put(Step::Advance(steps))
    }

    /// Says what could not be read.
    pub(super) fn gap(&self, sentence: String) -> Result<(), SourceErrorKind> {
        self.put(Step::Gap(sentence))
    }

    /// Passes rows on, as many at a time as fit into memory easily.
    pub(super) fn rows<R: TableRow>(&self, rows: impl Iterator<Item = R>) -> Result<(), SourceErrorKind> {
        let mut rows = rows.peekable();
        while rows.peek().is_some() {
            let some: Vec<R> = rows.by_ref().take(ROWS_PER_BATCH).collect();
            self.put(Step::Rows(R::table(), R::batch(some)))?;
        }
        Ok(())
    }

    /// Passes on what was read and what was not.
    pub(super) fn coverage(&self, row: coverage::Row) -> Result<(), SourceErrorKind> {
        self.put(Step::Coverage(Box::new(row)))
    }

    /// Passes on where the next reading starts.
    pub(super) fn cursor(&self, cursor: String) -> Result<(), SourceErrorKind> {
        self.put(Step::Cursor(cursor))
    }
}

/// Rows that are held as structs at one time; the rest is in Arrow columns.
pub(super) const ROWS_PER_BATCH: usize = 50_000;
