//! The tables that stages and metrics read besides those of the lake.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use chrono::Datelike;
use datafusion::prelude::SessionContext;
use lake::tables::{incidents, rollout_failures, rollouts};
use lake::{Cell, Instant, TableRow};

use crate::attempts::Attempt;
use crate::dimensions::Strata;
use crate::exposure::Exposure;
use crate::flags::Flags;
use crate::units::{Slice, Unit, UnitWindow, is_all, number};
use crate::windows::{Window, local_day};
use crate::{DeriveError, Plan, failures, stages};

/// `settings`.
pub(crate) fn register_settings(context: &SessionContext, plan: &Plan, as_of: Instant) -> Result<(), DeriveError> {
    let settings = table(vec![
        ("as_of_at", instants([as_of].into_iter())),
        ("incident_window_seconds", reals([plan.incident_window_seconds as f64].into_iter())),
    ]);
    stages::register(context, "settings", settings)
}

/// `rollouts`, each with its flags, the day on which it finished, and the one before it.
pub(crate) fn register_rollouts(
    context: &SessionContext,
    rollouts: &[rollouts::Row],
    flags: &[Flags],
    exposure: &Exposure,
    plan: &Plan,
) -> Result<(), DeriveError> {
    let day = |at: Instant| i64::from(local_day(at, plan.zone).num_days_from_ce());
    let rows = with_columns(
        &TableRow::batch(rollouts.to_vec()),
        vec![
            ("is_production", booleans(flags.iter().map(|flags| flags.is_production))),
            ("failures_observed", booleans(flags.iter().map(|flags| flags.failures_observed))),
            ("remedies_observed", booleans(flags.iter().map(|flags| flags.remedies_observed))),
            ("is_in_read_range", booleans(flags.iter().map(|flags| flags.is_in_read_range))),
            ("finished_day", Cell::column(rollouts.iter().map(|rollout| rollout.finished_at.map(day)).collect())),
            ("previous_finished_at", Cell::column(previous(rollouts, exposure))),
        ],
    );
    stages::register(context, "rollouts", rows)
}

/// When the rollout before each finished, of those of its service and environment that count in frequency; null for
/// the first, for those that do not count, and where something between the two was not read.
fn previous(rollouts: &[rollouts::Row], exposure: &Exposure) -> Vec<Option<Instant>> {
    /// When a rollout finished, its id, and its place among all.
    type Finish<'a> = (Instant, &'a str, usize);
    let mut units: BTreeMap<(&str, &str), Vec<Finish<'_>>> = BTreeMap::new();
    for (place, rollout) in rollouts.iter().enumerate().filter(|(_, rollout)| rollout.in_frequency) {
        if let Some(at) = rollout.finished_at {
            let unit = units.entry((&rollout.service, &rollout.environment)).or_default();
            unit.push((at, &rollout.rollout_id, place));
        }
    }
    let mut previous = vec![None; rollouts.len()];
    for ((service, _), mut finishes) in units {
        finishes.sort_unstable();
        let ranges = exposure.of("deployments", service);
        for pair in finishes.windows(2) {
            let between = Window { start: pair[0].0, end: pair[1].0 };
            if is_all(ranges.exposed_days(between), between) {
                previous[pair[1].2] = Some(between.start);
            }
        }
    }
    previous
}

/// Whether an incident says that it was over before it began: either time may be the wrong one.
pub(crate) fn is_backwards(incident: &incidents::Row) -> bool {
    let began_at = incident.impact_started_at.unwrap_or(incident.opened_at);
    [incident.mitigated_at, incident.resolved_at].into_iter().flatten().any(|end| end < began_at)
}

/// An incident as it was known at `as_of`: what lies after it has not happened yet.
pub(crate) fn known_incident(incident: &incidents::Row, as_of: Instant) -> incidents::Row {
    let known = |at: Option<Instant>| at.filter(|at| *at <= as_of);
    incidents::Row {
        impact_started_at: known(incident.impact_started_at),
        mitigated_at: known(incident.mitigated_at),
        resolved_at: known(incident.resolved_at),
        ..incident.clone()
    }
}

/// The incidents that were known at `as_of`, but for those that were over before they began.
pub(crate) fn known_incidents(incidents: &[incidents::Row], as_of: Instant) -> Vec<incidents::Row> {
    incidents
        .iter()
        .filter(|incident| incident.opened_at <= as_of)
        .map(|incident| known_incident(incident, as_of))
        .filter(|incident| !is_backwards(incident))
        .collect()
}

/// `incidents_seen`: each with a key of its own, its tier, and when users were first affected.
pub(crate) fn register_incidents(
    context: &SessionContext,
    known: &[incidents::Row],
    exposure: &Exposure,
    plan: &Plan,
) -> Result<(), DeriveError> {
    let is_production =
        |incident: &incidents::Row| incident.environment.as_ref().is_none_or(|name| plan.is_production(name));
    let impact_at = |incident: &incidents::Row| incident.impact_started_at.unwrap_or(incident.opened_at);
    let is_read = |incident: &incidents::Row| {
        incident.service.as_ref().is_some_and(|service| exposure.of("incidents", service).exposes(impact_at(incident)))
    };
    let rows = with_columns(
        &TableRow::batch(known.to_vec()),
        vec![
            ("incident_key", integers((0..known.len()).map(number))),
            ("is_production", booleans(known.iter().map(is_production))),
            ("impact_at", instants(known.iter().map(impact_at))),
            ("is_in_read_range", booleans(known.iter().map(is_read))),
        ],
    );
    stages::register(context, "incidents_seen", rows)
}

/// `attempts`.
pub(crate) fn register_attempts(context: &SessionContext, attempts: &[Attempt]) -> Result<(), DeriveError> {
    let rows = table(vec![
        ("attempt_id", texts(attempts.iter().map(|attempt| attempt.key.as_str()))),
        ("service", texts(attempts.iter().map(|attempt| attempt.service.as_str()))),
        ("environment", texts(attempts.iter().map(|attempt| attempt.environment.as_str()))),
        ("ended_at", instants(attempts.iter().map(|attempt| attempt.ended_at))),
        ("is_failed", Cell::column(attempts.iter().map(|attempt| attempt.is_failed).collect())),
    ]);
    stages::register(context, "attempts", rows)
}

/// `change_strata` and `rollout_strata`.
pub(crate) fn register_strata(context: &SessionContext, strata: &Strata) -> Result<(), DeriveError> {
    let changes = table(vec![
        ("dimension", texts(strata.changes.iter().map(|(stratum, _, _)| stratum.dimension))),
        ("stratum", texts(strata.changes.iter().map(|(stratum, _, _)| stratum.value.as_str()))),
        ("repository", texts(strata.changes.iter().map(|(_, repository, _)| repository.as_str()))),
        ("change_id", texts(strata.changes.iter().map(|(_, _, change_id)| change_id.as_str()))),
    ]);
    stages::register(context, "change_strata", changes)?;
    let rollouts = table(vec![
        ("dimension", texts(strata.rollouts.iter().map(|(stratum, _)| stratum.dimension))),
        ("stratum", texts(strata.rollouts.iter().map(|(stratum, _)| stratum.value.as_str()))),
        ("rollout_id", texts(strata.rollouts.iter().map(|(_, rollout_id)| rollout_id.as_str()))),
    ]);
    stages::register(context, "rollout_strata", rollouts)
}

/// `unit_services`: the services of every unit, and its stratum.
pub(crate) fn register_units(context: &SessionContext, units: &[Unit], plan: &Plan) -> Result<(), DeriveError> {
    let members = || {
        let all = units.iter().enumerate();
        all.flat_map(|(id, unit)| unit.members.iter().map(move |service| (number(id), service, unit)))
    };
    let stratum = |part: fn(&crate::dimensions::Stratum) -> String| {
        Cell::column(members().map(|(_, _, unit)| unit.stratum.as_ref().map(part)).collect())
    };
    let services = table(vec![
        ("unit_id", integers(members().map(|(id, _, _)| id))),
        ("service", texts(members().map(|(_, service, _)| service.as_str()))),
        ("environment", texts(members().map(|(_, _, unit)| unit.environment.as_str()))),
        ("is_production", booleans(members().map(|(_, _, unit)| plan.is_production(&unit.environment)))),
        ("dimension", stratum(|stratum| stratum.dimension.to_owned())),
        ("stratum", stratum(|stratum| stratum.value.clone())),
    ]);
    stages::register(context, "unit_services", services)
}

/// `unit_windows` and `unit_slices`.
pub(crate) fn register_windows(
    context: &SessionContext,
    windows: &[UnitWindow],
    as_of: Instant,
) -> Result<(), DeriveError> {
    let unit_windows = table(vec![
        ("unit_id", integers(windows.iter().map(|window| window.unit_id))),
        ("window_id", integers(windows.iter().map(|window| window.window_id))),
        ("window_start_at", instants(windows.iter().map(|window| window.window.start))),
        ("window_end_at", instants(windows.iter().map(|window| window.window.end))),
        ("as_of_at", instants(windows.iter().map(|_| as_of))),
    ]);
    stages::register(context, "unit_windows", unit_windows)?;
    let slices: Vec<(i64, i64, Slice)> = windows
        .iter()
        .flat_map(|window| window.slices.iter().map(|slice| (window.unit_id, window.window_id, *slice)))
        .collect();
    let slices = table(vec![
        ("unit_id", integers(slices.iter().map(|slice| slice.0))),
        ("window_id", integers(slices.iter().map(|slice| slice.1))),
        ("slice_start_at", instants(slices.iter().map(|slice| slice.2.window.start))),
        ("slice_end_at", instants(slices.iter().map(|slice| slice.2.window.end))),
        ("exposure_days", reals(slices.iter().map(|slice| slice.2.exposure_days))),
        ("incident_exposure_days", reals(slices.iter().map(|slice| slice.2.incident_exposure_days))),
        ("is_full", booleans(slices.iter().map(|slice| slice.2.is_full))),
    ]);
    stages::register(context, "unit_slices", slices)
}

/// `unit_failures`: the failed rollouts of every unit, which of them are one failure there, and whether something
/// explicit tells of that failure.
pub(crate) fn register_failures(
    context: &SessionContext,
    units: &[Unit],
    strata: &Strata,
    evidence: &[rollout_failures::Row],
) -> Result<(), DeriveError> {
    let mut failures: Vec<(i64, &str, &str, bool)> = Vec::new();
    for (id, unit) in units.iter().enumerate() {
        let accepted = || {
            evidence.iter().filter(|row| {
                row.is_accepted
                    && row.environment == unit.environment
                    && unit.members.contains(&row.service)
                    && unit.stratum.as_ref().is_none_or(|stratum| strata.holds(stratum, &row.rollout_id))
            })
        };
        let by_rollout = failures::by_rollout(accepted());
        let mut explicit: BTreeMap<&str, bool> = BTreeMap::new();
        for row in accepted() {
            *explicit.entry(by_rollout[row.rollout_id.as_str()]).or_default() |= row.is_explicit;
        }
        let found = by_rollout.into_iter();
        failures
            .extend(found.map(|(rollout_id, failure_id)| (number(id), rollout_id, failure_id, explicit[failure_id])));
    }
    let failures = table(vec![
        ("unit_id", integers(failures.iter().map(|failure| failure.0))),
        ("rollout_id", texts(failures.iter().map(|failure| failure.1))),
        ("failure_id", texts(failures.iter().map(|failure| failure.2))),
        ("is_explicit", booleans(failures.iter().map(|failure| failure.3))),
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
    Arc::new(StringArray::from(texts.collect::<Vec<_>>()))
}

fn booleans(flags: impl Iterator<Item = bool>) -> ArrayRef {
    Arc::new(BooleanArray::from(flags.collect::<Vec<_>>()))
}

fn instants(instants: impl Iterator<Item = Instant>) -> ArrayRef {
    Instant::column(instants.collect())
}
