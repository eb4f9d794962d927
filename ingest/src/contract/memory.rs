//! What a lake would hold, without one: a commit to a lake costs more than everything else that these tests do. Which of
//! two rows with one key stays is decided as in a lake; that a lake does so is tested there, and here where readers are
//! killed.

use std::collections::BTreeMap;

use lake::tables::coverage;
use lake::{Batch, TableRow, canonical};
use serde_json::Value;

use crate::source::read_into;
use crate::{Reading, Silent, Sink, Source, SourceError, Summary};

/// The batches that readings committed, in order.
#[derive(Debug, Default)]
pub(super) struct Memory(Vec<Batch>);

/// The canonical lines of every table, in order of their keys.
pub(super) type Tables = BTreeMap<&'static str, Vec<String>>;

impl Memory {
    /// One reading, as [`crate::ingest`] does it into a lake; `prepared` is what its sink is made of.
    pub(super) async fn read(
        &mut self,
        source: &dyn Source,
        reading: &Reading<'_>,
        prepared: impl FnOnce(Sink<'static>) -> Sink<'static>,
    ) -> Result<Summary, SourceError> {
        let cursor = self.cursor().map(str::to_owned);
        let reading = Reading { cursor: cursor.as_deref(), ..*reading };
        let sink = Sink::into_memory(&source.stream(), source.fills(), reading.now);
        let mut sink = prepared(sink.of_snapshot(source.is_snapshot()));
        let outcome = read_into(source, &reading, &mut sink, &Silent).await;
        let (batches, summary) = sink.finish_in_memory(outcome.is_ok()).await?;
        self.0.extend(batches);
        outcome.map(|()| summary)
    }

    /// Where the last reading ended.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.0.iter().rev().find_map(Batch::cursor)
    }

    /// Every table.
    pub(super) fn tables(&self) -> Tables {
        lake::tables::all().into_iter().map(|table| (table.name, self.lines(table))).collect()
    }

    /// What was stated of what was read.
    pub(super) fn stated(&self) -> Vec<coverage::Row> {
        let last = self.0.iter().rev().find(|batch| batch.replaces().any(|name| name == coverage::Row::table().name));
        let batches = last.into_iter().flat_map(|batch| batch.record_batches(coverage::Row::table().name));
        batches.flat_map(|batch| coverage::Row::rows(batch).expect("rows of the table")).collect()
    }

    fn lines(&self, table: &'static lake::Table) -> Vec<String> {
        let mut held: BTreeMap<Vec<String>, (String, String)> = BTreeMap::new();
        for batch in &self.0 {
            if batch.replaces().any(|name| name == table.name) {
                held.clear();
            }
            let rows: Vec<_> = batch.record_batches(table.name).cloned().collect();
            for line in canonical::lines(table, &rows).expect("rows of the table") {
                let row: Value = serde_json::from_str(&line).expect("a line is JSON");
                let key = table.key.iter().map(|name| row[*name].to_string()).collect();
                let changed_at = table.newest_by.map_or_else(String::new, |name| row[name].to_string());
                let rank = (changed_at, line);
                let place = held.entry(key).or_default();
                if rank > *place {
                    *place = rank;
                }
            }
        }
        held.into_values().map(|(_, line)| line).collect()
    }
}

/// Compares two worlds and tells the lines that only one of them has.
pub(super) fn assert_same(found: &Tables, expected: &Tables, what: &str) {
    let mut differences = Vec::new();
    for (name, lines) in expected {
        let other = &found[name];
        let missing = lines.iter().filter(|line| !other.contains(line)).map(|line| format!("- {name}: {line}"));
        let surplus = other.iter().filter(|line| !lines.contains(line)).map(|line| format!("+ {name}: {line}"));
        differences.extend(missing.chain(surplus));
    }
    assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
}
