//! What was read and what was not: one statement per table, so that no two of them can contradict each other.

use std::collections::BTreeMap;

use lake::Instant;
use lake::tables::coverage::Row;

use super::FILLS;

/// The range that was read, and what is missing in it.
#[derive(Debug)]
pub(super) struct Coverage {
    /// The stream, as in `git:api`.
    pub(super) stream: String,
    /// Name of the repository.
    pub(super) repository: String,
    /// The service of all deployments, where it is one.
    pub(super) service: Option<String>,
    /// Where the range starts and where it ends, the end excluded.
    pub(super) range: (Instant, Instant),
    /// Reasons per table.
    pub(super) gaps: Gaps,
}

/// What is to be said about tables.
#[derive(Debug, Default)]
pub(super) struct Gaps(BTreeMap<&'static str, Vec<Gap>>);

#[derive(Debug)]
struct Gap {
    reason: String,
    /// Whether records are missing, and not only cells.
    is_loss: bool,
    missing_count: Option<i64>,
}

impl Gaps {
    /// States that these tables are incomplete.
    pub(super) fn add(&mut self, tables: &[&'static str], reason: &str, missing_count: Option<usize>) {
        let missing_count = missing_count.and_then(|count| i64::try_from(count).ok());
        for table in tables {
            self.0.entry(table).or_default().push(Gap { reason: reason.to_owned(), is_loss: true, missing_count });
        }
    }

    /// States something about a table that has all its records.
    pub(super) fn note(&mut self, table: &'static str, reason: &str) {
        let gap = Gap { reason: reason.to_owned(), is_loss: false, missing_count: Some(0) };
        self.0.entry(table).or_default().push(gap);
    }
}

impl Coverage {
    /// One row per table.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        FILLS.iter().filter(|table| **table != "coverage").map(|table| self.row(table))
    }

    fn row(&self, table: &'static str) -> Row {
        let gaps = self.gaps.0.get(table).map(Vec::as_slice).unwrap_or_default();
        let reasons: Vec<&str> = gaps.iter().map(|gap| gap.reason.as_str()).collect();
        Row {
            stream: self.stream.clone(),
            covers: table.to_owned(),
            repository: Some(self.repository.clone()),
            service: self.service.clone().filter(|_| table == "deployments"),
            range_start_at: Some(self.range.0),
            range_end_at: Some(self.range.1),
            is_complete: !gaps.iter().any(|gap| gap.is_loss),
            reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
            missing_count: gaps.iter().map(|gap| gap.missing_count).sum(),
        }
    }
}
