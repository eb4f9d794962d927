//! The whole derivation, stop by stop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::prelude::SessionContext;
use lake::tables::{
    change_commits, changes, commits, coverage, data_quality, deployments, incidents, interventions, metrics,
    recovery_episodes, rollout_changes, rollout_failures, rollouts,
};
use lake::{Batch, Cell, Instant, Snapshot, Table, TableRow, WriteMode, canonical};

use crate::arrivals::{self, Inputs};
use crate::exposure::Exposure;
use crate::windows::{Window, cut};
use crate::{Calendar, DeriveError, Plan, estimators, metrics as definitions, quality, rollouts as building, stages};

/// Everything that was derived.
#[derive(Clone, Debug)]
pub struct Derived {
    /// Until when the data were looked at.
    pub as_of: Instant,
    /// The period that was measured.
    pub period: Window,
    /// The windows of the trend.
    pub calendar: Calendar,
    /// Digest of the input tables.
    pub input_digest: String,
    /// The lake version that was read.
    pub lake_version: u64,
    /// Rollouts of every environment.
    pub rollouts: Vec<rollouts::Row>,
    /// Changes and the rollouts that carried them.
    pub rollout_changes: Vec<rollout_changes::Row>,
    /// Evidence of failures.
    pub rollout_failures: Vec<rollout_failures::Row>,
    /// Failed rollouts and their recovery.
    pub recovery_episodes: Vec<recovery_episodes::Row>,
    /// Flaws in the data.
    pub data_quality: Vec<data_quality::Row>,
    /// The numbers.
    pub metrics: Vec<metrics::Row>,
    /// What was read, and what was not.
    pub coverage: Vec<coverage::Row>,
    /// Dated changes of working.
    pub interventions: Vec<interventions::Row>,
    /// The same, one per practice and date.
    pub adoptions: Vec<Adoption>,
    /// The services of every group.
    pub groups: BTreeMap<String, Vec<String>>,
}

/// A change of working that some services began at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// What was rolled out, with its version.
    pub practice: String,
    /// When.
    pub started_at: Instant,
    /// The services that began then.
    adopters: Vec<String>,
    /// The services that never did.
    others: Vec<String>,
}

impl Adoption {
    /// The group under which `metrics` holds the services that began, in the windows `before` and `after`.
    #[must_use]
    pub fn adopters_group(&self) -> String {
        format!("adopters of {} at {}", self.practice, self.started_at)
    }

    /// The group under which `metrics` holds the services that never did.
    #[must_use]
    pub fn others_group(&self) -> String {
        format!("others than {} at {}", self.practice, self.started_at)
    }
}

impl Derived {
    /// The derived tables as a batch of the lake, written at `now`. Numbers of earlier derivations stay.
    #[must_use]
    pub fn batch(&self, now: Instant) -> Batch {
        let mut batch = Batch::new("derive", now);
        put(&mut batch, WriteMode::ReplaceTable, self.rollouts.clone());
        put(&mut batch, WriteMode::ReplaceTable, self.rollout_changes.clone());
        put(&mut batch, WriteMode::ReplaceTable, self.rollout_failures.clone());
        put(&mut batch, WriteMode::ReplaceTable, self.recovery_episodes.clone());
        put(&mut batch, WriteMode::ReplaceTable, self.data_quality.clone());
        put(&mut batch, WriteMode::Upsert, self.metrics.clone());
        batch
    }

    /// The digest of each derived table's canonical form.
    ///
    /// # Errors
    /// [`DeriveError`] where a number is not finite, which would be a defect.
    pub fn digests(&self) -> Result<BTreeMap<String, String>, DeriveError> {
        let mut digests = BTreeMap::new();
        let mut add = |table: &'static Table, rows: RecordBatch| {
            let digest = canonical::digest(table, &[rows]).map_err(|error| DeriveError::shape(table.name, error))?;
            digests.insert(table.name.to_owned(), digest);
            Ok::<(), DeriveError>(())
        };
        add(rollouts::Row::table(), TableRow::batch(self.rollouts.clone()))?;
        add(rollout_changes::Row::table(), TableRow::batch(self.rollout_changes.clone()))?;
        add(rollout_failures::Row::table(), TableRow::batch(self.rollout_failures.clone()))?;
        add(recovery_episodes::Row::table(), TableRow::batch(self.recovery_episodes.clone()))?;
        add(data_quality::Row::table(), TableRow::batch(self.data_quality.clone()))?;
        add(metrics::Row::table(), TableRow::batch(self.metrics.clone()))?;
        Ok(digests)
    }
}

fn put<R: TableRow>(batch: &mut Batch, mode: WriteMode, rows: Vec<R>) {
    batch.write(R::table(), mode, R::batch(rows));
}

/// What is stamped on every number.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    pub(crate) as_of: Instant,
    pub(crate) input_digest: String,
}

/// A service or group of services in one environment.
#[derive(Clone, Debug)]
struct Unit {
    service: Option<String>,
    group: Option<String>,
    environment: String,
    members: Vec<String>,
    windows: Vec<(&'static str, Window)>,
}

/// One unit in one window.
#[derive(Clone, Debug)]
pub(crate) struct UnitWindow {
    pub(crate) unit_id: i64,
    pub(crate) window_id: i64,
    pub(crate) service: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) environment: String,
    pub(crate) kind: &'static str,
    pub(crate) window: Window,
    pub(crate) coverage_rate: f64,
    pub(crate) is_immature: bool,
    slices: Vec<(Window, f64)>,
}

/// Derives everything that `plan` asks for from the tables of `snapshot`.
///
/// # Errors
/// [`DeriveError`] where the lake cannot be read, holds nothing to measure, or the plan contradicts itself.
pub async fn derive(snapshot: &Snapshot, plan: &Plan) -> Result<Derived, DeriveError> {
    let deployments: Vec<deployments::Row> = snapshot.rows().await?;
    let changes: Vec<changes::Row> = snapshot.rows().await?;
    let incidents: Vec<incidents::Row> = snapshot.rows().await?;
    let coverage: Vec<coverage::Row> = snapshot.rows().await?;
    let as_of = as_of(plan, &coverage, &deployments)?;
    let input_digest = canonical::digest_of_digests(&snapshot.input_digests().await?);
    let stamp = Stamp { as_of, input_digest };

    let built = building::build(&deployments, as_of);
    let links = {
        let commits: Vec<commits::Row> = snapshot.rows().await?;
        let change_commits: Vec<change_commits::Row> = snapshot.rows().await?;
        let inputs = Inputs { commits: &commits, changes: &changes, change_commits: &change_commits };
        arrivals::link(inputs, &built.rollouts, as_of)
    };

    let context = snapshot.context(plan.threads).await?;
    stages::register_functions(&context);
    estimators::register(&context, plan.seed);
    register_settings(&context, plan, as_of)?;
    let exposure = Exposure::new(&coverage, as_of);
    let observed = failures_observed(&exposure, &built.rollouts, &incidents);
    let read = deployments_read(&exposure, &built.rollouts);
    stages::register(&context, "rollouts", with_flags(&built.rollouts, plan, observed, read))?;
    stages::register(&context, "rollout_changes", TableRow::batch(links.rows.clone()))?;
    register_incidents(&context, &incidents, plan, as_of)?;
    let mut failures: Vec<rollout_failures::Row> = stages::run(&context).await?;
    failures
        .sort_by(|a, b| (&a.rollout_id, &a.method, &a.evidence_id).cmp(&(&b.rollout_id, &b.method, &b.evidence_id)));
    // An incident that touched two services may name one deployment twice: that is one piece of evidence.
    failures.dedup_by(|a, b| (&a.rollout_id, &a.method, &a.evidence_id) == (&b.rollout_id, &b.method, &b.evidence_id));
    stages::register(&context, "rollout_failures", TableRow::batch(failures.clone()))?;
    let mut episodes: Vec<recovery_episodes::Row> = stages::run(&context).await?;
    episodes.sort_by(|a, b| a.rollout_id.cmp(&b.rollout_id));
    stages::register(&context, "recovery_episodes", TableRow::batch(episodes.clone()))?;

    let services = services(&built.rollouts, plan);
    if services.is_empty() {
        return Err(DeriveError::Nothing(nothing(&deployments, plan)));
    }
    let period = period(plan, as_of, &exposure, &built.rollouts)?;
    let calendar = plan.calendar.unwrap_or_else(|| calendar_for(&built.rollouts, period));
    let interventions: Vec<interventions::Row> = snapshot.rows().await?;
    let adoptions = adoptions(&interventions, &services, period);
    let units = units(&services, plan, period, calendar, &adoptions);
    let unit_windows = unit_windows(&units, plan, as_of, &exposure);
    register_units(&context, &units, &unit_windows, as_of)?;

    let mut numbers = Vec::new();
    for definition in definitions::definitions() {
        numbers.extend(definitions::run(&context, definition, &unit_windows, &stamp).await?);
    }
    let seen = quality::Seen {
        built: &built,
        links: &links,
        changes: &changes,
        incidents: &incidents,
        failures: &failures,
        episodes: &episodes,
        coverage: &coverage,
        as_of,
    };
    let data_quality = quality::findings(&seen);
    Ok(Derived {
        as_of,
        period,
        calendar,
        input_digest: stamp.input_digest,
        lake_version: snapshot.number(),
        rollouts: built.rollouts,
        rollout_changes: links.rows,
        rollout_failures: failures,
        recovery_episodes: episodes,
        data_quality,
        metrics: numbers,
        coverage,
        interventions,
        adoptions,
        groups: plan.groups.clone(),
    })
}

/// Until when to look: what the plan says, else the end of what was read of any table, else the last deployment.
fn as_of(plan: &Plan, coverage: &[coverage::Row], deployments: &[deployments::Row]) -> Result<Instant, DeriveError> {
    let read = coverage.iter().filter_map(|row| row.range_end_at).max();
    let last = || deployments.iter().filter_map(|row| row.finished_at.or(row.started_at)).max();
    plan.as_of
        .or(read)
        .or_else(|| last().map(|at| Instant(at.0 + 1)))
        .ok_or_else(|| DeriveError::Nothing("the lake holds no deployment".into()))
}

fn nothing(deployments: &[deployments::Row], plan: &Plan) -> String {
    let environments: BTreeSet<&str> = deployments.iter().filter_map(|row| row.environment.as_deref()).collect();
    if environments.is_empty() {
        "no deployment names an environment".to_owned()
    } else {
        let list = |words: Vec<&str>| words.join("`, `");
        format!(
            "no deployment went to production (production is called `{}`; the data know `{}`)",
            list(plan.production.iter().map(String::as_str).collect()),
            list(environments.into_iter().collect()),
        )
    }
}

/// The period: what the plan says, else the year before the as-of time as far as it was read.
fn period(plan: &Plan, as_of: Instant, exposure: &Exposure, rollouts: &[rollouts::Row]) -> Result<Window, DeriveError> {
    const YEAR: i64 = 364 * 86_400 * Instant::MICROS;
    let end = plan.until.unwrap_or(as_of).min(as_of);
    let first = rollouts.iter().map(|rollout| rollout.started_at).min();
    let read_from = exposure.start("deployments").or(first).unwrap_or(Instant(end.0 - YEAR));
    let start = plan.since.unwrap_or_else(|| read_from.max(Instant(end.0 - YEAR)));
    if start < end { Ok(Window { start, end }) } else { Err(DeriveError::EmptyPeriod { start, end }) }
}

/// The finest calendar in which a typical window still holds a few rollouts.
fn calendar_for(rollouts: &[rollouts::Row], period: Window) -> Calendar {
    let counted = rollouts
        .iter()
        .filter(|rollout| rollout.in_frequency && rollout.finished_at.is_some_and(|at| period.contains(at)))
        .count() as f64;
    let per_week = counted / (period.days() / 7.0).max(1.0);
    if per_week >= 2.0 {
        Calendar::Week
    } else if per_week >= 0.5 {
        Calendar::Month
    } else {
        Calendar::Quarter
    }
}

/// The services of each production environment.
fn services(rollouts: &[rollouts::Row], plan: &Plan) -> BTreeMap<String, BTreeSet<String>> {
    let mut services: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rollout in rollouts.iter().filter(|rollout| plan.is_production(&rollout.environment)) {
        services.entry(rollout.environment.clone()).or_default().insert(rollout.service.clone());
    }
    services
}

/// One adoption per practice and date inside the period, with who began then and who never did.
fn adoptions(
    interventions: &[interventions::Row],
    services: &BTreeMap<String, BTreeSet<String>>,
    period: Window,
) -> Vec<Adoption> {
    let all: BTreeSet<&String> = services.values().flatten().collect();
    let name = |row: &interventions::Row| match &row.practice_version {
        Some(version) => format!("{} {version}", row.practice),
        None => row.practice.clone(),
    };
    let mut dates: BTreeMap<(Instant, String, &str), BTreeSet<String>> = BTreeMap::new();
    let mut ever: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in interventions {
        let touched: BTreeSet<String> = match &row.service {
            Some(service) => all.iter().filter(|known| **known == service).map(|known| (*known).clone()).collect(),
            None => all.iter().map(|known| (*known).clone()).collect(),
        };
        ever.entry(&row.practice).or_default().extend(touched.clone());
        if period.contains(row.started_at) {
            dates.entry((row.started_at, name(row), &row.practice)).or_default().extend(touched);
        }
    }
    let never = |practice: &str| -> Vec<String> {
        let began = ever.get(practice);
        let is_other = |service: &&&String| !began.is_some_and(|began| began.contains(**service));
        all.iter().filter(is_other).map(|known| (*known).clone()).collect()
    };
    dates
        .into_iter()
        .filter(|(_, adopters)| !adopters.is_empty())
        .map(|((started_at, practice, name), adopters)| Adoption {
            others: never(name),
            practice,
            started_at,
            adopters: adopters.into_iter().collect(),
        })
        .collect()
}

fn units(
    services: &BTreeMap<String, BTreeSet<String>>,
    plan: &Plan,
    period: Window,
    calendar: Calendar,
    adoptions: &[Adoption],
) -> Vec<Unit> {
    let mut usual: Vec<(&'static str, Window)> = vec![("period", period)];
    usual.extend(cut(period, calendar, plan.zone).into_iter().map(|window| (calendar.word(), window)));
    let mut units = Vec::new();
    for (environment, services) in services {
        let mut add = |service: Option<&String>, group: Option<String>, members: &[String], windows: &[_]| {
            let members: BTreeSet<&String> = members.iter().filter(|name| services.contains(*name)).collect();
            let members: Vec<String> = members.into_iter().cloned().collect();
            if !members.is_empty() {
                units.push(Unit {
                    service: service.cloned(),
                    group,
                    environment: environment.clone(),
                    members,
                    windows: windows.to_vec(),
                });
            }
        };
        let all: Vec<String> = services.iter().cloned().collect();
        if all.len() > 1 && !plan.groups.contains_key("all") {
            add(None, Some("all".to_owned()), &all, &usual);
        }
        for (group, members) in &plan.groups {
            add(None, Some(group.clone()), members, &usual);
        }
        for service in services {
            add(Some(service), None, std::slice::from_ref(service), &usual);
        }
        for adoption in adoptions {
            let before = Window { start: period.start, end: adoption.started_at };
            let after = Window { start: adoption.started_at, end: period.end };
            let around: Vec<_> = [("before", before), ("after", after)]
                .into_iter()
                .filter(|(_, window)| window.start < window.end)
                .collect();
            add(None, Some(adoption.adopters_group()), &adoption.adopters, &around);
            add(None, Some(adoption.others_group()), &adoption.others, &around);
        }
    }
    units
}

/// For each rollout, whether it finished in a range of which the deployments were read: only those belong to the
/// exposure that frequency divides by.
fn deployments_read(exposure: &Exposure, rollouts: &[rollouts::Row]) -> Vec<bool> {
    let mut read: BTreeMap<&str, crate::exposure::Ranges> = BTreeMap::new();
    rollouts
        .iter()
        .map(|rollout| {
            let service = rollout.service.as_str();
            let ranges = read.entry(service).or_insert_with(|| exposure.of("deployments", service));
            rollout.finished_at.is_some_and(|at| ranges.exposes(at))
        })
        .collect()
}

/// For each rollout, whether somebody would have recorded its failure: it finished while incidents were read for its
/// service; or, where no source states that it reads incidents, the service has incidents or remedies on record.
fn failures_observed(exposure: &Exposure, rollouts: &[rollouts::Row], incidents: &[incidents::Row]) -> Vec<bool> {
    let remedied = rollouts
        .iter()
        .filter(|rollout| matches!(rollout.kind.as_str(), "rollback" | "hotfix") || rollout.failed_in_traffic)
        .map(|rollout| (rollout.service.as_str(), rollout.environment.as_str()));
    let on_record: BTreeSet<(&str, &str)> = remedied.collect();
    let recorded: BTreeSet<&str> = incidents.iter().filter_map(|incident| incident.service.as_deref()).collect();
    let mut read: BTreeMap<&str, crate::exposure::Ranges> = BTreeMap::new();
    rollouts
        .iter()
        .map(|rollout| {
            let service = rollout.service.as_str();
            let ranges = read.entry(service).or_insert_with(|| exposure.of("incidents", service));
            match (ranges.span(), rollout.finished_at) {
                (Some(_), Some(at)) => ranges.holds(at),
                (None, _) => on_record.contains(&(service, &rollout.environment)) || recorded.contains(service),
                (Some(_), None) => false,
            }
        })
        .collect()
}

fn unit_windows(units: &[Unit], plan: &Plan, as_of: Instant, exposure: &Exposure) -> Vec<UnitWindow> {
    let mut rows = Vec::new();
    for (unit_id, unit) in units.iter().enumerate() {
        let ranges: Vec<_> = unit.members.iter().map(|service| exposure.of("deployments", service)).collect();
        let mean =
            |days: &dyn Fn(&crate::exposure::Ranges) -> f64| ranges.iter().map(days).sum::<f64>() / ranges.len() as f64;
        for (window_id, (kind, window)) in unit.windows.iter().enumerate() {
            let slices = cut(*window, Calendar::Week, plan.zone)
                .into_iter()
                .map(|slice| (slice, mean(&|ranges| ranges.exposed_days(slice))))
                .collect();
            rows.push(UnitWindow {
                unit_id: number(unit_id),
                window_id: number(window_id),
                service: unit.service.clone(),
                group: unit.group.clone(),
                environment: unit.environment.clone(),
                kind,
                window: *window,
                coverage_rate: (mean(&|ranges| ranges.whole_days(*window)) / window.days()).clamp(0.0, 1.0),
                is_immature: window.end.0 > as_of.0 - plan.reporting_lag_seconds * Instant::MICROS,
                slices,
            });
        }
    }
    rows
}

fn number(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}

/// A table made of named columns.
fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
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

fn booleans(flags: impl Iterator<Item = bool>) -> BooleanArray {
    BooleanArray::from(flags.collect::<Vec<_>>())
}

fn instants(instants: impl Iterator<Item = Instant>) -> ArrayRef {
    Instant::column(instants.collect())
}

/// The quantiles that metrics may ask for.
const PROBABILITIES: [(&str, f64); 3] = [("p50", 0.5), ("p75", 0.75), ("p90", 0.9)];

fn register_settings(context: &SessionContext, plan: &Plan, as_of: Instant) -> Result<(), DeriveError> {
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

/// Rollouts with whether their environment is of the production tier, and whether a failure would have been recorded.
fn with_flags(rollouts: &[rollouts::Row], plan: &Plan, observed: Vec<bool>, read: Vec<bool>) -> RecordBatch {
    let rows: RecordBatch = TableRow::batch(rollouts.to_vec());
    let tier = booleans(rollouts.iter().map(|rollout| plan.is_production(&rollout.environment)));
    let mut fields: Vec<Arc<Field>> = rows.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("is_production", DataType::Boolean, false)));
    fields.push(Arc::new(Field::new("failures_observed", DataType::Boolean, false)));
    fields.push(Arc::new(Field::new("is_in_read_range", DataType::Boolean, false)));
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(tier));
    columns.push(Arc::new(BooleanArray::from(observed)));
    columns.push(Arc::new(BooleanArray::from(read)));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("one flag per rollout")
}

/// Incidents as they were known at the as-of time.
fn register_incidents(
    context: &SessionContext,
    incidents: &[incidents::Row],
    plan: &Plan,
    as_of: Instant,
) -> Result<(), DeriveError> {
    let seen: Vec<incidents::Row> = incidents
        .iter()
        .filter(|incident| incident.opened_at <= as_of)
        .map(|incident| incidents::Row {
            mitigated_at: incident.mitigated_at.filter(|at| *at <= as_of),
            resolved_at: incident.resolved_at.filter(|at| *at <= as_of),
            ..incident.clone()
        })
        .collect();
    let keys = integers((0..seen.len()).map(number));
    let tier = booleans(
        seen.iter()
            .map(|incident| incident.environment.as_ref().is_none_or(|environment| plan.is_production(environment))),
    );
    let impact = instants(seen.iter().map(|incident| incident.impact_started_at.unwrap_or(incident.opened_at)));
    let rows: RecordBatch = TableRow::batch(seen);
    let mut fields: Vec<Arc<Field>> = rows.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("impact_at", impact.data_type().clone(), false)));
    fields.push(Arc::new(Field::new("incident_key", DataType::Int64, false)));
    fields.push(Arc::new(Field::new("is_production", DataType::Boolean, false)));
    let mut columns = rows.columns().to_vec();
    columns.extend([impact, keys, Arc::new(tier)]);
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("one impact per incident");
    stages::register(context, "incidents_seen", rows)
}

fn register_units(
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
