//! What comparisons look at: the single rollouts, changes and failures behind the metrics, service by service, and which
//! weeks of each were read.
//!
//! Every metric that can be compared has a query in `observations/` that gives its rows for every service at once, by
//! the same conditions as the query that counts them.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::error::ArrowError;
use lake::tables::{interventions, service_attributes};
use lake::{Cell, Instant, Snapshot};

use crate::units::UnitWindow;
use crate::windows::Window;
use crate::{DeriveError, Derived, Plan, run, session, stages};

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/observations.rs"));

/// Everything a comparison looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct Observations {
    /// Until when the data were looked at.
    pub as_of: Instant,
    /// Until when nothing is expected to come any more: the as-of time less incident window and reporting lag.
    pub mature_until: Instant,
    /// The period that was looked at.
    pub period: Window,
    /// The lake version that was read.
    pub lake_version: u64,
    /// Digest of the input tables.
    pub input_digest: String,
    /// What was seen of every service of the production tier, by name; of a service in several environments the first.
    pub services: BTreeMap<String, ServiceObservations>,
    /// Dated changes of working: those on record, and those that the plan tells of or finds.
    pub interventions: Vec<interventions::Row>,
    /// What is known of services beside what happened, as it is on record.
    pub attributes: Vec<service_attributes::Row>,
}

/// What was seen of one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceObservations {
    /// Its environment.
    pub environment: String,
    /// Every week of the period, or what the period has of it, with how much was read.
    pub weeks: Vec<ObservedWeek>,
    /// The observations behind each metric, in the order of their times.
    pub metrics: BTreeMap<String, Vec<Observation>>,
}

/// How much of a week was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObservedWeek {
    /// The week, or what the period has of it.
    pub window: Window,
    /// The days of which the deployments were read.
    pub deployment_days: f64,
    /// The days of which the incidents were read.
    pub incident_days: f64,
}

/// One rollout, change or failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Its id.
    pub subject_id: String,
    /// The time by which it belongs to a week: a rollout's finish, a change's merge, a failure's start.
    pub at: Instant,
    /// Whether a rollout failed, a change was deployed, a failure was restored; null where that is no question.
    pub is_counted: Option<bool>,
    /// The length of a duration, until the as-of time where it has not ended.
    pub total_seconds: Option<f64>,
    /// The part of it after the merge of a change.
    pub delay_seconds: Option<f64>,
}

/// The metrics that can be compared: those that have a query in `observations/`.
pub fn comparable() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// Derives what `plan` asks for, without its numbers, and gives what comparisons look at.
///
/// # Errors
/// As [`derive`](crate::derive).
pub async fn observe(snapshot: &Snapshot, plan: &Plan) -> Result<Observations, DeriveError> {
    observed(snapshot, &run::whole(snapshot, plan, &run::Scope::Period(&[])).await?, plan).await
}

/// Derives as [`derive`](crate::derive), and where a change of working is on record gives what comparisons look at, too.
///
/// # Errors
/// As [`derive`](crate::derive).
pub async fn derive_and_observe(
    snapshot: &Snapshot,
    plan: &Plan,
) -> Result<(Derived, Option<Observations>), DeriveError> {
    let whole = run::whole(snapshot, plan, &run::Scope::Everything).await?;
    let is_asked = !whole.derived.interventions.is_empty();
    let observations = if is_asked { Some(observed(snapshot, &whole, plan).await?) } else { None };
    Ok((whole.derived, observations))
}

/// Derives what `plan` asks for with the numbers of these metrics over the whole period, and gives what comparisons look at.
///
/// # Errors
/// As [`derive`](crate::derive).
pub async fn measure_and_observe(
    snapshot: &Snapshot,
    plan: &Plan,
    metrics: &[&str],
) -> Result<(Derived, Observations), DeriveError> {
    let whole = run::whole(snapshot, plan, &run::Scope::Period(metrics)).await?;
    let observations = observed(snapshot, &whole, plan).await?;
    Ok((whole.derived, observations))
}

async fn observed(snapshot: &Snapshot, whole: &run::Whole, plan: &Plan) -> Result<Observations, DeriveError> {
    let run::Whole { derived, context, unit_windows, .. } = whole;
    let mut windows: Vec<UnitWindow> = Vec::new();
    let mut services: BTreeMap<String, ServiceObservations> = BTreeMap::new();
    let mut names: BTreeMap<i64, String> = BTreeMap::new();
    for window in unit_windows.iter().cloned() {
        let Some(service) = window.service.clone() else { continue };
        let is_whole = window.kind == "period" && window.stratum.is_none();
        if !is_whole || !plan.is_production(&window.environment) || services.contains_key(&service) {
            continue;
        }
        let weeks = window.slices.iter().map(|slice| ObservedWeek {
            window: slice.window,
            deployment_days: slice.exposure_days,
            incident_days: slice.incident_exposure_days,
        });
        let environment = window.environment.clone();
        let seen = ServiceObservations { environment, weeks: weeks.collect(), metrics: BTreeMap::new() };
        services.insert(service.clone(), seen);
        names.insert(window.unit_id, service);
        windows.push(window);
    }
    session::register_windows(context, &windows, derived.as_of)?;
    for (metric, sql) in FILES {
        for batch in stages::query(context, metric, sql).await? {
            let rows = rows_of(&batch).map_err(|error| DeriveError::shape(metric, error))?;
            for (unit, row) in rows {
                let Some(seen) = names.get(&unit).and_then(|service| services.get_mut(service)) else { continue };
                seen.metrics.entry((*metric).to_owned()).or_default().push(row);
            }
        }
    }
    for rows in services.values_mut().flat_map(|seen| seen.metrics.values_mut()) {
        rows.sort_by(|a, b| (a.at, &a.subject_id).cmp(&(b.at, &b.subject_id)));
    }
    Ok(Observations {
        as_of: derived.as_of,
        mature_until: Instant(
            derived.as_of.0 - (plan.incident_window_seconds + plan.reporting_lag_seconds) * Instant::MICROS,
        ),
        period: derived.period,
        lake_version: derived.lake_version,
        input_digest: derived.input_digest.clone(),
        services,
        interventions: derived.interventions.clone(),
        attributes: snapshot.rows().await?,
    })
}

fn rows_of(batch: &RecordBatch) -> Result<Vec<(i64, Observation)>, ArrowError> {
    let column = |name: &str, data_type: &DataType| {
        let column =
            batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("column `{name}` is missing")))?;
        arrow::compute::cast(column, data_type)
    };
    let units = column("unit_id", &DataType::Int64)?;
    let subjects = column("subject_id", &DataType::Utf8)?;
    let instants = column("at", &<Instant as Cell>::data_type())?;
    let counted = column("is_counted", &DataType::Boolean)?;
    let (totals, delays) = (column("total_seconds", &DataType::Float64)?, column("delay_seconds", &DataType::Float64)?);
    let real = |column: &dyn Array, at: usize| {
        let numbers = column.as_primitive::<Float64Type>();
        numbers.is_valid(at).then(|| numbers.value(at))
    };
    (0..batch.num_rows())
        .map(|at| {
            let when = <Option<Instant> as Cell>::read(instants.as_ref(), at);
            let when = when.ok_or_else(|| ArrowError::SchemaError("column `at` has no value".to_owned()))?;
            let observation = Observation {
                subject_id: subjects.as_string::<i32>().value(at).to_owned(),
                at: when,
                is_counted: counted.is_valid(at).then(|| counted.as_boolean().value(at)),
                total_seconds: real(totals.as_ref(), at),
                delay_seconds: real(delays.as_ref(), at),
            };
            Ok((units.as_primitive::<Int64Type>().value(at), observation))
        })
        .collect()
}
