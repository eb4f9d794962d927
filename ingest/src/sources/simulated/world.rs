//! The simulated organisation as a source sees it: pages of JSON Lines, one per table and week.

use std::collections::BTreeMap;

use lake::tables::coverage;
use lake::{Instant, Table, TableRow, canonical};

use super::calendar::WEEK;
use super::config::Config;
use super::organisation::services;
use super::plan::{Plan, plan};
use super::tables::{Filed, Tables};
use super::truth::{Truth, truth};
use crate::sources::files::{RowError, json_lines};

/// A simulated organisation.
#[derive(Clone, Debug)]
pub struct World {
    /// What was on record by the end.
    pub pages: Vec<EventPage>,
    /// That all of it was read.
    pub coverage: Vec<coverage::Row>,
    /// What is true of it.
    pub truth: Truth,
    /// End of the last week: nothing that happened then or later is on record.
    pub as_of: Instant,
}

/// The rows of one table in one week, as JSON Lines.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// The table.
    pub table: &'static Table,
    /// Number of the week, from 0; what is older than the first week is in it.
    pub week: usize,
    /// JSON Lines.
    pub content: Vec<u8>,
}

impl EventPage {
    /// Name of the page, such as `deployments, week 3`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}, week {}", self.table.name, self.week)
    }
}

impl World {
    /// All rows of one event table.
    ///
    /// # Errors
    /// [`RowError`] where a page is no JSON Lines of its table, which would be a bug.
    pub fn rows<R: TableRow>(&self) -> Result<Vec<R>, RowError> {
        let mut rows = Vec::new();
        for page in self.pages.iter().filter(|page| page.table.name == R::table().name) {
            let batch = json_lines(page.table, &page.name(), &page.content)?;
            let read = R::rows(&batch).map_err(|error| RowError::damaged(&page.name(), &error))?;
            rows.extend(read);
        }
        Ok(rows)
    }
}

/// Makes the organisation these settings describe. The same settings give the same bytes.
#[must_use]
pub fn world(config: &Config) -> World {
    let plans = plans(config);
    let as_of = config.as_of();
    let mut tables = Tables::default();
    for plan in &plans {
        tables.record(config.seed, plan, as_of.0);
    }
    let pages = pages(tables, config.start().0);
    World { pages, coverage: coverage(config), truth: truth(config, &plans), as_of }
}

/// What happens to each service.
pub(crate) fn plans(config: &Config) -> Vec<Plan> {
    services(config).into_iter().map(|service| plan(config, service)).collect()
}

fn pages(tables: Tables, start: i64) -> Vec<EventPage> {
    let mut pages = Vec::new();
    file(tables.commits, start, &mut pages);
    file(tables.commit_paths, start, &mut pages);
    file(tables.changes, start, &mut pages);
    file(tables.change_commits, start, &mut pages);
    file(tables.deployments, start, &mut pages);
    file(tables.incidents, start, &mut pages);
    file(tables.interventions, start, &mut pages);
    pages
}

fn file<R: TableRow>(rows: Filed<R>, start: i64, pages: &mut Vec<EventPage>) {
    let mut weeks: BTreeMap<usize, Vec<R>> = BTreeMap::new();
    for (at, row) in rows {
        let week = usize::try_from((at - start).div_euclid(WEEK)).unwrap_or(0);
        weeks.entry(week).or_default().push(row);
    }
    let written = weeks.into_iter().map(|(week, rows)| EventPage { table: R::table(), week, content: lines(rows) });
    pages.extend(written);
}

fn lines<R: TableRow>(rows: Vec<R>) -> Vec<u8> {
    let rows = canonical::json_rows(R::table(), &R::batch(rows)).expect("rows of a table have its columns");
    let mut content = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut content, &row).expect("a JSON value always has a text");
        content.push(b'\n');
    }
    content
}

/// Everything was read, from the start to the end.
fn coverage(config: &Config) -> Vec<coverage::Row> {
    let covers = |table: &&str| coverage::Row {
        stream: super::stream(config),
        covers: (*table).into(),
        repository: None,
        service: None,
        range_start_at: Some(config.start()),
        range_end_at: Some(config.as_of()),
        is_complete: true,
        reason: None,
        missing_count: None,
    };
    super::FILLS.iter().filter(|table| **table != "coverage").map(covers).collect()
}
