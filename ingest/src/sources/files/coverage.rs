//! What is taken for read where no file says so.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use lake::tables::coverage;
use lake::{Instant, Role, Table};

/// The instants that tell when a row of a table happened.
const MAIN_INSTANTS: &[(&str, &[&str])] = &[
    ("commits", &["committed_at"]),
    ("changes", &["merged_at", "opened_at", "closed_at"]),
    ("releases", &["released_at"]),
    ("deployments", &["finished_at", "started_at"]),
    ("incidents", &["opened_at", "mitigated_at", "resolved_at"]),
    ("pull_request_events", &["occurred_at"]),
    ("check_runs", &["completed_at", "started_at"]),
    ("health_transitions", &["occurred_at"]),
    ("inventory", &["since_at"]),
    ("alerts", &["started_at", "ended_at"]),
    ("samples", &["sampled_at"]),
    ("attempts", &["given_at", "ended_at"]),
    ("service_attributes", &[]),
    // A change of working may be dated in the future; that says nothing of what was read.
    ("interventions", &[]),
];

/// Tables whose rows are counted by time, so that time without any counts, too.
const COUNTED_BY_TIME: [&str; 4] = ["deployments", "releases", "incidents", "alerts"];

/// The range of each table that was seen, unless a file states the coverage itself.
#[derive(Debug)]
pub(crate) struct Assumed {
    is_stated: bool,
    /// Later instants say nothing of what was read, and neither do those before 1970, with which programs write that they
    /// know no time. Cutting the range here instead would make it grow with every
    /// reading of the same files.
    present: Instant,
    ranges: BTreeMap<&'static str, Option<(i64, i64)>>,
}

impl Assumed {
    /// For a reading at `present`.
    pub(crate) fn at(present: Option<Instant>) -> Self {
        Self { is_stated: false, present: present.unwrap_or(Instant(i64::MAX)), ranges: BTreeMap::new() }
    }

    /// Notes the rows of one file.
    pub(crate) fn see(&mut self, table: &'static Table, rows: &RecordBatch) {
        if table.role == Role::Coverage {
            self.is_stated = true;
            return;
        }
        let range = self.ranges.entry(table.name).or_default();
        let names = MAIN_INSTANTS.iter().find(|(name, _)| *name == table.name).map_or(&[][..], |(_, names)| names);
        for name in names {
            let column = rows.column_by_name(name).expect("main instants are columns");
            let instants = column.as_primitive::<TimestampMicrosecondType>();
            for at in instants.iter().flatten().filter(|at| (0..=self.present.0).contains(at)) {
                let (first, last) = range.unwrap_or((at, at));
                *range = Some((first.min(at), last.max(at)));
            }
        }
    }

    /// One row per table that was seen, all until one end: files that are brought together tell of one stretch of time, and a
    /// stretch without an incident is one without incidents. What is counted by time begins with the first of it that is
    /// known: a commit is older than the deployments of which it tells nothing.
    pub(crate) fn rows(&self, stream: &str) -> Vec<coverage::Row> {
        if self.is_stated {
            return Vec::new();
        }
        let known = || self.ranges.values().flatten();
        let all = known().map(|range| range.0).min().zip(known().map(|range| range.1).max());
        let of_rates = COUNTED_BY_TIME.iter().filter_map(|table| self.ranges.get(table).copied().flatten());
        let first = of_rates.map(|range| range.0).min();
        let range = |table: &str| {
            let (start, end) = all?;
            Some((first.filter(|_| COUNTED_BY_TIME.contains(&table)).unwrap_or(start), end))
        };
        self.ranges.keys().map(|table| row(stream, table, range(table))).collect()
    }
}

fn row(stream: &str, table: &str, range: Option<(i64, i64)>) -> coverage::Row {
    coverage::Row {
        stream: stream.to_owned(),
        covers: table.to_owned(),
        repository: None,
        service: None,
        range_start_at: range.map(|(first, _)| Instant(first)),
        range_end_at: range.map(|(_, last)| Instant(last.saturating_add(1))),
        is_complete: true,
        reason: Some(coverage::ASSUMED.into()),
        missing_count: None,
    }
}
