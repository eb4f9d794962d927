//! The tables that stages and metrics read besides those of the lake.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use datafusion::prelude::SessionContext;
use lake::tables::{incidents, rollout_failures, rollouts};
use lake::{Cell, Instant, TableRow};

use crate::flags::Flags;
use crate::units::{Unit, UnitWindow, number};
use crate::windows::Window;
use crate::{DeriveError, Plan, failures, stages};

/// The quantiles that metrics may ask for.
const PROBABILITIES: [(&str, f64); 3] = [("p50", 0.5), ("p75", 0.75), ("p90", 0.9)];

/// `settings` and `probabilities`.
pub(crate) fn register_settings(context: &SessionContext, plan: &Plan, as_of: Instant) -> Result<(), DeriveError> {
    let settings = table(vec![
        ("as_of_at", instants([as_of].into_iter())),
        ("incident_window_seconds", reals([plan.incident_window_seconds as f64].into_iter())),
    ]);
    stages::register(context, "settings", settings)?;
    let probabilities = table(vec![
        ("statistic", texts(PROBABILITIES.iter().map(|(name, _)| *name))),
        ("probability", reals(PROBABILITIES.iter().map(|(_, probability)| *probability))),
    ]);
    stages::register(context, "probabilities", probabilities)
}

/// `rollouts`, each with its flags.
pub(crate) fn register_rollouts(
    context: &SessionContext,
    rollouts: &[rollouts::Row],
    flags: &[Flags],
) -> Result<(), DeriveError> {
    let rows = with_columns(
        &TableRow::batch(rollouts.to_vec()),
        vec![
            ("is_production", booleans(flags.iter().map(|flags| flags.is_production))),
            ("failures_observed", booleans(flags.iter().map(|flags| flags.failures_observed))),
            ("is_in_read_range", booleans(flags.iter().map(|flags| flags.is_in_read_range))),
        ],
    );
    stages::register(context, "rollouts", rows)
}

/// Incidents as they were known at `as_of`: what lies after it has not happened yet.
pub(crate) fn known_incidents(incidents: &[incidents::Row], as_of: Instant) -> Vec<incidents::Row> {
    let known = |at: Option<Instant>| at.filter(|at| *at <= as_of);
    incidents
        .iter()
        .filter(|incident| incident.opened_at <= as_of)
        .map(|incident| incidents::Row {
            impact_started_at: known(incident.impact_started_at),
            mitigated_at: known(incident.mitigated_at),
            resolved_at: known(incident.resolved_at),
            ..incident.clone()
        })
        .collect()
}

/// `incidents_seen`: each with a key of its own, its tier, and when users were first affected.
pub(crate) fn register_incidents(
    context: &SessionContext,
    known: &[incidents::Row],
    plan: &Plan,
) -> Result<(), DeriveError> {
    let is_production =
        |incident: &incidents::Row| incident.environment.as_ref().is_none_or(|name| plan.is_production(name));
    let rows = with_columns(
        &TableRow::batch(known.to_vec()),
        vec![
            ("incident_key", integers((0..known.len()).map(number))),
            ("is_production", booleans(known.iter().map(is_production))),
            (
                "impact_at",
                instants(known.iter().map(|incident| incident.impact_started_at.unwrap_or(incident.opened_at))),
            ),
        ],
    );
    stages::register(context, "incidents_seen", rows)
}

/// `unit_services`, `unit_windows` and `unit_slices`.
pub(crate) fn register_units(
    context: &SessionContext,
    units: &[Unit],
    windows: &[UnitWindow],
    as_of: Instant,
) -> Result<(), DeriveError> {
    let members: Vec<(i64, &str, &str)> = units
        .iter()
        .enumerate()
        .flat_map(|(id, unit)| {
            unit.members.iter().map(move |service| (number(id), service.as_str(), unit.environment.as_str()))
        })
        .collect();
    let services = table(vec![
        ("unit_id", integers(members.iter().map(|(id, _, _)| *id))),
        ("service", texts(members.iter().map(|(_, service, _)| *service))),
        ("environment", texts(members.iter().map(|(_, _, environment)| *environment))),
    ]);
    stages::register(context, "unit_services", services)?;
    let unit_windows = table(vec![
        ("unit_id", integers(windows.iter().map(|window| window.unit_id))),
        ("window_id", integers(windows.iter().map(|window| window.window_id))),
        ("window_start_at", instants(windows.iter().map(|window| window.window.start))),
        ("window_end_at", instants(windows.iter().map(|window| window.window.end))),
        ("as_of_at", instants(windows.iter().map(|_| as_of))),
    ]);
    stages::register(context, "unit_windows", unit_windows)?;
    let slices: Vec<(i64, i64, Window, f64)> = windows
        .iter()
        .flat_map(|window| {
            window.slices.iter().map(|(slice, exposure)| (window.unit_id, window.window_id, *slice, *exposure))
        })
        .collect();
    let slices = table(vec![
        ("unit_id", integers(slices.iter().map(|slice| slice.0))),
        ("window_id", integers(slices.iter().map(|slice| slice.1))),
        ("slice_start_at", instants(slices.iter().map(|slice| slice.2.start))),
        ("slice_end_at", instants(slices.iter().map(|slice| slice.2.end))),
        ("exposure_days", reals(slices.iter().map(|slice| slice.3))),
    ]);
    stages::register(context, "unit_slices", slices)
}

/// `unit_failures`: the failed rollouts of every unit, and which of them are one failure there.
pub(crate) fn register_failures(
    context: &SessionContext,
    units: &[Unit],
    evidence: &[rollout_failures::Row],
) -> Result<(), DeriveError> {
    let failures: Vec<(i64, &str, &str)> = units
        .iter()
        .enumerate()
        .flat_map(|(id, unit)| {
            let is_own = |row: &&rollout_failures::Row| {
                row.is_accepted && row.environment == unit.environment && unit.members.contains(&row.service)
            };
            let failures = failures::by_rollout(evidence.iter().filter(is_own));
            failures.into_iter().map(move |(rollout_id, failure_id)| (number(id), rollout_id, failure_id))
        })
        .collect();
    let failures = table(vec![
        ("unit_id", integers(failures.iter().map(|(id, _, _)| *id))),
        ("rollout_id", texts(failures.iter().map(|(_, rollout_id, _)| *rollout_id))),
        ("failure_id", texts(failures.iter().map(|(_, _, failure_id)| *failure_id))),
    ]);
    stages::register(context, "unit_failures", failures)
}

/// A table made of named columns.
fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    with_columns(&RecordBatch::new_empty(Arc::new(Schema::empty())), columns)
}

/// A table with more columns.
fn with_columns(rows: &RecordBatch, more: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let mut fields: Vec<Arc<Field>> = rows.schema().fields().iter().cloned().collect();
    let mut columns = rows.columns().to_vec();
    for (name, column) in more {
        fields.push(Arc::new(Field::new(name, column.data_type().clone(), true)));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one length make a table")
}

fn integers(numbers: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(numbers))
}

fn reals(numbers: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(numbers))
}

fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(texts))
}

fn booleans(flags: impl Iterator<Item = bool>) -> ArrayRef {
    Arc::new(BooleanArray::from(flags.collect::<Vec<_>>()))
}

fn instants(instants: impl Iterator<Item = Instant>) -> ArrayRef {
    Instant::column(instants.collect())
}
