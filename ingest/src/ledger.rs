//! What an incremental source has read of each of its streams, kept as its cursor between readings.
//!
//! Coverage is stated from the ledger as a whole, so that one long reading, many short ones and an interrupted one that
//! was taken up again state the same.

use std::collections::{BTreeMap, BTreeSet};

use lake::Instant;
use lake::tables::coverage;
use serde::{Deserialize, Serialize};

use crate::{SourceError, SourceErrorKind};

/// The form in which the ledger is kept.
const VERSION: u32 = 1;

/// What has been read of every stream of a source.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Ledger {
    version: u32,
    entries: BTreeMap<String, Entry>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { version: VERSION, entries: BTreeMap::new() }
    }
}

/// What has been read of one stream, such as the pull requests of one repository.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Entry {
    /// The tables whose rows the stream gives.
    pub covers: Vec<String>,
    /// The repository it speaks of.
    pub repository: Option<String>,
    /// The service it speaks of.
    pub service: Option<String>,
    /// Ranges that were read completely.
    pub read: Spans,
    /// What is known to be missing in ranges that were looked at.
    pub losses: Vec<Loss>,
    /// Where the records begin, and why there are none before: the start of the data, and no gap in what was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beginning: Option<Beginning>,
    /// How far the records of the stream have been seen, by the source's own times.
    pub watermark: Option<Instant>,
    /// Where a reading that was not finished goes on, in the source's own words.
    pub resume: Option<serde_json::Value>,
    /// Whatever else the source has to remember of the stream, such as validators of pages that did not change.
    pub memory: BTreeMap<String, serde_json::Value>,
    /// The losses that were noted since the ledger was taken from a cursor.
    #[serde(skip)]
    pub(crate) found: BTreeSet<Loss>,
}

/// Where the records of a stream begin.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Beginning {
    /// The start of the first range that could be read.
    pub at: Instant,
    /// Why nothing older can be had, in words.
    pub reason: String,
}

/// Records that are known to be missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Loss {
    /// Start of the range they are missing in.
    pub start_at: Option<Instant>,
    /// Its end, excluded.
    pub end_at: Option<Instant>,
    /// Why, in words.
    pub reason: String,
    /// How many, where known.
    pub missing_count: Option<i64>,
}

impl Ledger {
    /// The ledger in a cursor; an empty one where there was none.
    ///
    /// # Errors
    /// [`SourceError`] where the cursor is none of ours, or a newer release wrote it.
    pub fn from_cursor(cursor: Option<&str>) -> Result<Self, SourceError> {
        let Some(text) = cursor else { return Ok(Self::default()) };
        let told = |why: String| SourceError::new("could not read the cursor", SourceErrorKind::Input(why));
        let ledger: Self = serde_json::from_str(text).map_err(|error| told(error.to_string()))?;
        if ledger.version > VERSION {
            return Err(told(format!("it has version `{}`, and this release knows `{VERSION}`", ledger.version)));
        }
        Ok(ledger)
    }

    /// The ledger as a cursor.
    ///
    /// # Panics
    /// Never: a ledger has a JSON form.
    #[must_use]
    pub fn to_cursor(&self) -> String {
        serde_json::to_string(self).expect("a ledger has a JSON form")
    }

    /// The entry of a stream, if anything is known of it.
    #[must_use]
    pub fn get(&self, stream: &str) -> Option<&Entry> {
        self.entries.get(stream)
    }

    /// The entry of a stream, made where there is none.
    pub fn entry(&mut self, stream: &str) -> &mut Entry {
        self.entries.entry(stream.to_owned()).or_default()
    }

    /// Forgets a stream, such as one that only said that something could not be had.
    pub fn forget(&mut self, stream: &str) {
        self.entries.remove(stream);
    }

    /// All entries, by stream.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(stream, entry)| (stream.as_str(), entry))
    }

    /// The coverage of everything that was ever read of `source`, with one row per table, range and loss.
    #[must_use]
    pub fn coverage(&self, source: &str) -> Vec<coverage::Row> {
        self.statements(source).into_iter().map(|(row, _)| row).collect()
    }

    /// As [`Ledger::coverage`], and of each row whether it states a loss that was noted since the ledger was taken from a
    /// cursor.
    pub(crate) fn statements(&self, source: &str) -> Vec<(coverage::Row, bool)> {
        let mut rows: Vec<(coverage::Row, bool)> = Vec::new();
        for (stream, entry) in &self.entries {
            for table in &entry.covers {
                let plain = coverage::Row {
                    stream: format!("{source} {stream}"),
                    covers: table.clone(),
                    repository: entry.repository.clone(),
                    service: entry.service.clone(),
                    range_start_at: None,
                    range_end_at: None,
                    is_complete: true,
                    reason: None,
                    missing_count: None,
                };
                rows.extend(entry.read.iter().map(|(start, end)| {
                    let (range_start_at, range_end_at) = (Some(start), Some(end));
                    let reason = entry.why_it_begins(start, end);
                    (coverage::Row { range_start_at, range_end_at, reason, ..plain.clone() }, false)
                }));
                rows.extend(entry.losses.iter().map(|loss| {
                    let row = coverage::Row {
                        range_start_at: loss.start_at,
                        range_end_at: loss.end_at,
                        is_complete: false,
                        reason: Some(loss.reason.clone()),
                        missing_count: loss.missing_count,
                        ..plain.clone()
                    };
                    (row, entry.found.contains(loss))
                }));
            }
        }
        rows
    }
}

impl Entry {
    /// Notes that `[start, end)` was read completely: losses that lie wholly inside are made good.
    pub fn complete(&mut self, start: Instant, end: Instant) {
        self.read.add(start, end);
        self.losses.retain(|loss| match (loss.start_at, loss.end_at) {
            (Some(from), Some(to)) => from < start || to > end,
            _ => false,
        });
    }

    /// Why a range that was read begins where it does, if the records themselves begin in it.
    fn why_it_begins(&self, start: Instant, end: Instant) -> Option<String> {
        let beginning = self.beginning.as_ref().filter(|beginning| start <= beginning.at && beginning.at < end);
        beginning.map(|beginning| beginning.reason.clone())
    }

    /// Notes a loss once, as one that is found now, whether it was known or not.
    pub fn lose(&mut self, loss: Loss) {
        self.found.insert(loss.clone());
        self.keep(loss);
    }

    /// Keeps a loss that was known.
    pub fn keep(&mut self, loss: Loss) {
        if let Err(place) = self.losses.binary_search(&loss) {
            self.losses.insert(place, loss);
        }
    }
}

/// A set of instants as half-open spans that neither touch nor overlap, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Spans(Vec<(Instant, Instant)>);

impl Spans {
    /// Adds `[start, end)`; an empty span adds nothing.
    pub fn add(&mut self, start: Instant, end: Instant) {
        if start >= end {
            return;
        }
        let first = self.0.partition_point(|span| span.1 < start);
        let after = self.0.partition_point(|span| span.0 <= end);
        let merged = self.0[first..after].iter().fold((start, end), |all, span| (all.0.min(span.0), all.1.max(span.1)));
        self.0.splice(first..after, [merged]);
    }

    /// Removes `[start, end)`.
    pub fn remove(&mut self, start: Instant, end: Instant) {
        let kept = std::mem::take(self);
        for (from, to) in kept.iter() {
            self.add(from, to.min(start).max(from));
            self.add(from.max(end).min(to), to);
        }
    }

    /// The spans, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Instant, Instant)> + '_ {
        self.0.iter().copied()
    }

    /// What of `[start, end)` is not in the set, in order.
    #[must_use]
    pub fn missing(&self, start: Instant, end: Instant) -> Vec<(Instant, Instant)> {
        let mut missing = Vec::new();
        let mut from = start;
        for (span_start, span_end) in self.iter().filter(|span| span.1 > start && span.0 < end) {
            if span_start > from {
                missing.push((from, span_start));
            }
            from = from.max(span_end);
        }
        if from < end {
            missing.push((from, end));
        }
        missing
    }

    /// The end of the last span.
    #[must_use]
    pub fn end(&self) -> Option<Instant> {
        self.0.last().map(|span| span.1)
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
