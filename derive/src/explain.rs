//! The way back from a number to what it rests on: the rows that entered it, the events behind each of them with the
//! raw page it was read from, and what was left out and why.
//!
//! Every metric has a query in `evidence/` that lists its rows one by one, by the same conditions as the query that
//! counts them. Both run on the same tables, and [`Explanation::is_complete`] says whether they agree.

mod evidence;
mod trail;
mod workbench;

use lake::{Instant, tables::metrics};
use serde::Serialize;

use self::trail::Trail;
pub use self::workbench::Workbench;
pub(crate) use self::workbench::{cells, table};
use crate::metrics::Definition;
use crate::units::Slice;
use crate::{DeriveError, stages};

/// Whose number: a service or a group in an environment. Where neither is named, all services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whose {
    /// One service.
    pub service: Option<String>,
    /// A group of services, such as `all`.
    pub group: Option<String>,
    /// Environment; may be left open where there is only one of the production tier.
    pub environment: Option<String>,
}

/// A number and everything behind it.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What the number means.
    pub definition: &'static Definition,
    /// One row per statistic of the metric, over the window.
    pub numbers: Vec<metrics::Row>,
    /// The lake version that was read.
    pub lake_version: u64,
    /// What a rate divides by: the days of the window that were read, of incidents where the metric counts those.
    pub exposure_days: f64,
    /// What the word of a row that counts means, such as `failed` or `deployed`.
    pub counted: String,
    /// How many rows the number rests on: the n of the metric's first statistic.
    pub rests_on: i64,
    /// The rows that entered, in the order of their times.
    pub entered: Vec<Evidence>,
    /// The rows that could have entered and did not, by reason.
    pub excluded: Vec<Evidence>,
}

impl Explanation {
    /// Whether the rows that are listed are all there are: as many as the number says it rests on.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        usize::try_from(self.rests_on) == Ok(self.entered.len())
    }
}

/// One row behind a number, or one that was left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// `rollout`, `change`, `commit`, `failure`, `incident` or `attempt`.
    pub subject: String,
    /// Its id: of a failure, the id of its first rollout; of an attempt, its deployment, number and target.
    pub subject_id: String,
    /// Repository of a change.
    pub repository: Option<String>,
    /// Service; of several, the first.
    pub service: Option<String>,
    /// The time by which it belongs to the window.
    pub at: Option<Instant>,
    /// Why it was left out; null where it entered.
    pub excluded: Option<String>,
    /// Whether it has the property that the metric looks for, such as that it failed.
    pub is_counted: Option<bool>,
    /// The length that entered a quantile; null while its end is not known.
    pub total_seconds: Option<f64>,
    /// The part of it that can be cut off by the end of observation.
    pub delay_seconds: Option<f64>,
    /// How long it could have been observed.
    pub censoring_seconds: Option<f64>,
    /// What else a reader should know.
    pub remark: Option<String>,
    /// Its times and properties, by column.
    pub facts: Vec<Fact>,
    /// The links that were made or rejected.
    pub links: Vec<Link>,
    /// The events it was derived from.
    pub events: Vec<Event>,
}

/// One property of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// Name of the column.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// A link between a rollout and what it carried or what tells of its failure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Link {
    /// The rollout.
    pub rollout_id: String,
    /// The change, incident or remedy rollout at the other end.
    pub evidence_id: String,
    /// How the link was made.
    pub method: String,
    /// How sure it is, from 0 to 1.
    pub confidence: f64,
    /// Whether it counts; a candidate that lost does not.
    pub is_accepted: bool,
    /// Why, in words.
    pub reason: String,
}

/// An event as a source recorded it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Event {
    /// The table it is a row of.
    pub table: &'static str,
    /// Its key, in words.
    pub event_id: String,
    /// The source and stream that supplied the row.
    pub source: String,
    /// Content hash of the raw page the row was read from; null where the source keeps no pages.
    pub page_sha: Option<String>,
}

impl Workbench {
    /// Explains a metric over the period that was derived.
    ///
    /// # Errors
    /// [`DeriveError`] where a query fails, or there is no such unit.
    pub async fn explain(
        &mut self,
        definition: &'static Definition,
        whose: &Whose,
    ) -> Result<Explanation, DeriveError> {
        let unit = self.choose(whose).await?;
        let days = |slice: &Slice| match definition.coverage.as_str() {
            "incidents" => slice.incident_exposure_days,
            _ => slice.exposure_days,
        };
        let exposure_days = unit.window.slices.iter().map(days).sum();
        let numbers = self.numbers(&unit.window, &definition.metric);
        let first = numbers.iter().find(|row| Some(&row.statistic) == definition.gives.first());
        let rests_on = first.map_or(0, |row| row.n);
        let asked = table(vec![("metric", cells([definition.metric.clone()].into_iter()))]);
        stages::register(&self.context, "asked", asked)?;
        let listed = evidence::list(&self.context, definition).await?;
        let trail = Trail::new(self, &unit);
        let (mut entered, mut excluded) = (Vec::new(), Vec::new());
        for mut row in listed.rows {
            trail.follow(&mut row);
            if row.excluded.is_none() { &mut entered } else { &mut excluded }.push(row);
        }
        entered.sort_by(|a, b| (a.at, &a.subject_id, &a.repository).cmp(&(b.at, &b.subject_id, &b.repository)));
        excluded.sort_by(|a, b| {
            let order = |row: &Evidence| (row.subject.clone(), row.excluded.clone(), row.at, row.subject_id.clone());
            (order(a), &a.service).cmp(&(order(b), &b.service))
        });
        Ok(Explanation {
            definition,
            numbers,
            lake_version: self.derived.lake_version,
            exposure_days,
            rests_on,
            counted: listed.counted,
            entered,
            excluded,
        })
    }
}
