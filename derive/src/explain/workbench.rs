//! A session with every table that metrics read, in which one unit after the other can be asked about.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use datafusion::prelude::{DataFrame, SessionContext, col, lit};
use lake::tables::{deployments, metrics};
use lake::{Cell, Instant, Snapshot};

use super::Whose;
use super::trail::Sources;
use crate::units::{Unit, UnitWindow};
use crate::{DeriveError, Derived, Plan, attempts, rollouts, run, session, stages, views};

/// What was derived over one period, ready for further questions about each of its units.
pub struct Workbench {
    pub(crate) context: SessionContext,
    pub(crate) derived: Derived,
    pub(crate) sources: Sources,
    pub(crate) deployments: Vec<deployments::Row>,
    /// The tables that hold rows of every unit, whole.
    whole: Vec<(&'static str, DataFrame)>,
    units: Vec<Unit>,
    windows: Vec<UnitWindow>,
}

/// The unit that is asked about.
pub(crate) struct Chosen {
    pub(crate) window: UnitWindow,
    /// Its services.
    pub(crate) members: BTreeSet<String>,
}

impl Workbench {
    /// Derives these metrics over the period of `plan`, and keeps its tables for further questions.
    ///
    /// # Errors
    /// As [`derive`](crate::derive).
    pub async fn new(snapshot: &Snapshot, plan: &Plan, metrics: &[&str]) -> Result<Self, DeriveError> {
        let scope = run::Scope::Period(metrics);
        let run::Whole { derived, context, deployments, units, unit_windows } =
            run::whole(snapshot, plan, &scope).await?;
        register_left_out(&context, &deployments, derived.as_of)?;
        let is_asked = |window: &UnitWindow| window.kind == PERIOD && window.stratum.is_none();
        let windows = unit_windows.into_iter().filter(is_asked).collect();
        let mut whole = Vec::new();
        for name in ["unit_services", "unit_failures"].into_iter().chain(views::names()) {
            whole.push((name, context.table(name).await.map_err(|error| DeriveError::query(name, error))?));
        }
        let sources = Sources::read(snapshot).await?;
        Ok(Self { context, derived, sources, deployments, whole, units, windows })
    }

    /// What was derived.
    #[must_use]
    pub fn derived(&self) -> &Derived {
        &self.derived
    }

    /// The numbers of a metric for a unit, one row per statistic.
    pub(crate) fn numbers(&self, unit: &UnitWindow, metric: &str) -> Vec<metrics::Row> {
        let is_own = |row: &&metrics::Row| {
            row.metric == metric
                && row.window_kind == unit.kind
                && row.dimension.is_none()
                && row.service == unit.service
                && row.service_group == unit.group
                && row.environment == unit.environment
        };
        self.derived.metrics.iter().filter(is_own).cloned().collect()
    }

    /// Makes a unit the one that queries see: of every other the tables hold nothing.
    pub(crate) async fn choose(&mut self, whose: &Whose) -> Result<Chosen, DeriveError> {
        let window = chosen(&self.windows, whose)?;
        let members = usize::try_from(window.unit_id).ok().and_then(|at| self.units.get(at));
        let members = members.map(|unit| unit.members.iter().cloned().collect()).unwrap_or_default();
        for (name, frame) in &self.whole {
            let failed = |error| DeriveError::query(name, error);
            let own = frame.clone().filter(col("unit_id").eq(lit(window.unit_id))).map_err(failed)?;
            let own = own.cache().await.map_err(failed)?;
            self.context.deregister_table(*name).map_err(failed)?;
            self.context.register_table(*name, own.into_view()).map_err(failed)?;
        }
        session::register_windows(&self.context, std::slice::from_ref(&window), self.derived.as_of)?;
        Ok(Chosen { window, members })
    }
}

impl std::fmt::Debug for Workbench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Workbench({} units)", self.windows.len())
    }
}

/// The window that holds all of the period.
const PERIOD: &str = "period";

/// The unit that was asked for, over the whole period.
fn chosen(windows: &[UnitWindow], whose: &Whose) -> Result<UnitWindow, DeriveError> {
    let is_asked = |window: &&UnitWindow| {
        let is_open = whose.service.is_none() && whose.group.is_none();
        let is_named = (window.service == whose.service && window.group == whose.group)
            || (is_open && window.group.as_deref() == Some("all"));
        let in_environment =
            whose.environment.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(&window.environment));
        // Where an environment has one service alone, that is its number.
        let is_alone = || windows.iter().filter(|other| other.environment == window.environment).count() == 1;
        in_environment && (is_named || (is_open && is_alone()))
    };
    let found: Vec<&UnitWindow> = windows.iter().filter(is_asked).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let names: BTreeSet<String> = windows.iter().map(name).collect();
            let asked = match (&whose.service, &whose.group, &whose.environment) {
                (Some(service), ..) => format!("service `{service}`"),
                (None, Some(group), _) => format!("group `{group}`"),
                (None, None, Some(environment)) => format!("number of all services in `{environment}`"),
                (None, None, None) => "number of all services".to_owned(),
            };
            Err(DeriveError::Unknown { asked, known: names.into_iter().collect::<Vec<_>>().join(", ") })
        }
        several => {
            let names: Vec<String> = several.iter().map(|window| format!("`{}`", window.environment)).collect();
            Err(DeriveError::Unknown { asked: "single environment for it".to_owned(), known: names.join(", ") })
        }
    }
}

fn name(window: &UnitWindow) -> String {
    match (&window.service, &window.group) {
        (Some(service), _) => format!("service `{service}`"),
        (None, group) => format!("group `{}`", group.as_deref().unwrap_or_default()),
    }
}

/// `left_out`: every attempt that is in no rollout, with the reason.
fn register_left_out(
    context: &SessionContext,
    deployments: &[deployments::Row],
    as_of: Instant,
) -> Result<(), DeriveError> {
    let left_out: Vec<(&deployments::Row, String)> =
        deployments.iter().filter_map(|row| Some((row, why_left_out(row, as_of)?))).collect();
    let rows = table(vec![
        ("attempt_id", cells(left_out.iter().map(|(row, _)| attempts::attempt_id(row)))),
        ("service", cells(left_out.iter().map(|(row, _)| row.service.clone()))),
        ("environment", cells(left_out.iter().map(|(row, _)| row.environment.clone()))),
        ("at", cells(left_out.iter().map(|(row, _)| row.finished_at.or(row.started_at)))),
        ("reason", cells(left_out.iter().map(|(_, reason)| reason.clone()))),
    ]);
    stages::register(context, "left_out", rows)
}

/// Why an attempt is in no rollout, by the rules that build them; none where it is in one.
fn why_left_out(row: &deployments::Row, as_of: Instant) -> Option<String> {
    let built = rollouts::build(std::slice::from_ref(row), as_of);
    if let Some(flaw) = built.left_out.first() {
        let reason = match flaw.finding {
            "deployment_without_service" => "names no service",
            "deployment_without_environment" => "names no environment",
            "deployment_without_time" => "has no time",
            "deployment_negative_duration" => "ended before it started",
            "deployment_neither_success_nor_failure" => {
                return Some(format!("neither success nor failure: {}", row.status));
            }
            other => other,
        };
        return Some(reason.to_owned());
    }
    built.rollouts.is_empty().then(|| "not ended at the as-of time".to_owned())
}

/// A table of these columns.
pub(crate) fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one length make a table")
}

/// A column of these cells.
pub(crate) fn cells<C: Cell>(cells: impl Iterator<Item = C>) -> ArrayRef {
    C::column(cells.collect())
}
