//! When the alerts of a service were clear again. An alert is evidence of when a failure ended, never a failure itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::prelude::SessionContext;
use lake::{Cell, Instant, tables::alerts};

use crate::{DeriveError, Plan, stages};

/// Clear for this long, an alert is over; less is flapping.
const CLEAR_MICROS: i64 = 600 * Instant::MICROS;

/// A time during which some alert of a service was firing, without a pause of ten minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clearing {
    pub(super) service: String,
    pub(super) started_at: Instant,
    /// From when on every alert was clear for ten minutes; none where that was not seen.
    pub(super) cleared_at: Option<Instant>,
}

/// One firing: its start, its end as far as known, and whether somebody saw that it was over.
type Firing = (Instant, Option<Instant>, bool);

/// When the alerts of each service in production were firing and clear again, as known at `as_of`. An alert whose end
/// nobody saw is not known to be clear.
pub(crate) fn clearings(alerts: &[alerts::Row], plan: &Plan, as_of: Instant) -> Vec<Clearing> {
    let mut by_service: BTreeMap<&str, Vec<Firing>> = BTreeMap::new();
    let is_production =
        |alert: &&alerts::Row| alert.environment.as_ref().is_none_or(|environment| plan.is_production(environment));
    for alert in alerts.iter().filter(is_production).filter(|alert| alert.started_at <= as_of) {
        let Some(service) = &alert.service else { continue };
        let is_seen = alert.end_basis == "resolved";
        // Where nobody looked for a while it was last seen when it started.
        let end = alert.ended_at.or((alert.end_basis == "uncertain").then_some(alert.started_at));
        by_service.entry(service).or_default().push((alert.started_at, end.filter(|end| *end <= as_of), is_seen));
    }
    by_service.into_iter().flat_map(|(service, firings)| of_service(service, firings, as_of)).collect()
}

fn of_service(service: &str, mut firings: Vec<Firing>, as_of: Instant) -> Vec<Clearing> {
    firings.sort_unstable();
    let mut merged: Vec<Firing> = Vec::new();
    for (start, end, is_seen) in firings {
        match merged.last_mut() {
            Some(last) if last.1.is_none_or(|last| start.0 - last.0 < CLEAR_MICROS) => {
                last.1 = last.1.zip(end).map(|(last, end)| last.max(end));
                last.2 &= is_seen;
            }
            _ => merged.push((start, end, is_seen)),
        }
    }
    let clearing = |(started_at, end, is_seen): Firing| Clearing {
        service: service.to_owned(),
        started_at,
        cleared_at: end.filter(|end| is_seen && as_of.0 - end.0 >= CLEAR_MICROS),
    };
    merged.into_iter().map(clearing).collect()
}

/// `alert_clearings`.
pub(crate) fn register(context: &SessionContext, clearings: &[Clearing]) -> Result<(), DeriveError> {
    let instant = <Instant as Cell>::data_type();
    let schema = Schema::new(vec![
        Field::new("service", DataType::Utf8, false),
        Field::new("started_at", instant.clone(), false),
        Field::new("cleared_at", instant, true),
    ]);
    let rows = RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(StringArray::from_iter_values(clearings.iter().map(|one| one.service.as_str()))),
            Instant::column(clearings.iter().map(|one| one.started_at).collect()),
            <Option<Instant> as Cell>::column(clearings.iter().map(|one| one.cleared_at).collect()),
        ],
    )
    .expect("columns of one length make a table");
    stages::register(context, "alert_clearings", rows)
}

#[cfg(test)]
mod tests;
