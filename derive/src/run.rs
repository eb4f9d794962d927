//! The whole derivation, stop by stop.

use std::collections::BTreeSet;

use datafusion::prelude::SessionContext;
use lake::tables::{
    alerts, change_commits, changes, commit_paths, commits, coverage, deployments, image_revisions, incidents,
    interventions, inventory, metrics, recovery_episodes, releases, rollout_changes, rollout_failures, rollouts,
};
use lake::{Instant, Snapshot, TableRow, canonical};

use crate::adoptions::adoptions;
use crate::arrivals::{self, Inputs, ServicePaths};
use crate::attempts::attempts;
use crate::dimensions::Strata;
use crate::exposure::Exposure;
use crate::metrics::Stamp;
use crate::units::{Unit, UnitWindow};
use crate::windows::Window;
use crate::{
    DeriveError, Derived, Plan, Sign, failures as evidence, flags, images, metrics as definitions, practices, quality,
    rollouts as building, session, stages, units, views, with_functions,
};

/// Derives everything that `plan` asks for from the tables of `snapshot`.
///
/// # Errors
/// [`DeriveError`] where the lake cannot be read, holds nothing to measure, or the plan contradicts itself.
pub async fn derive(snapshot: &Snapshot, plan: &Plan) -> Result<Derived, DeriveError> {
    Ok(whole(snapshot, plan, &Scope::Everything).await?.derived)
}

/// What was derived, and what further questions need: the session with every table that metrics read, and the units.
pub(crate) struct Whole {
    pub(crate) derived: Derived,
    pub(crate) context: SessionContext,
    /// With the source commits that their images lead to.
    pub(crate) deployments: Vec<deployments::Row>,
    pub(crate) units: Vec<Unit>,
    pub(crate) unit_windows: Vec<UnitWindow>,
}

/// The events that a derivation reads one by one.
struct Recorded {
    deployments: Vec<deployments::Row>,
    changes: Vec<changes::Row>,
    change_commits: Vec<change_commits::Row>,
    commits: Vec<commits::Row>,
    incidents: Vec<incidents::Row>,
    alerts: Vec<alerts::Row>,
    coverage: Vec<coverage::Row>,
    interventions: Vec<interventions::Row>,
}

impl Recorded {
    async fn read(snapshot: &Snapshot) -> Result<Self, DeriveError> {
        Ok(Self {
            deployments: snapshot.rows().await?,
            changes: snapshot.rows().await?,
            change_commits: snapshot.rows().await?,
            commits: snapshot.rows().await?,
            incidents: snapshot.rows().await?,
            alerts: snapshot.rows().await?,
            coverage: snapshot.rows().await?,
            interventions: snapshot.rows().await?,
        })
    }
}

/// Which numbers are computed; the tables below them always are.
pub(crate) enum Scope<'a> {
    /// Every metric, in every window and stratum.
    Everything,
    /// These metrics, over the whole period.
    Period(&'a [&'a str]),
}

/// Derives, and keeps the session.
pub(crate) async fn whole(snapshot: &Snapshot, plan: &Plan, scope: &Scope<'_>) -> Result<Whole, DeriveError> {
    let recorded = Recorded::read(snapshot).await?;
    let as_of = as_of(plan, &recorded.coverage, &recorded.deployments)?;
    let deployed = resolved(snapshot, &recorded.deployments, &recorded.commits).await?;
    let mut built = building::build(&deployed.deployments, as_of);
    let exposure = Exposure::new(&recorded.coverage, as_of);
    let links = linked(snapshot, plan, &recorded, &built, &exposure, as_of).await?;
    let practices::Told { rows: interventions, silent } =
        practised(snapshot, plan, &recorded, &links.rows, as_of).await?;
    let Recorded { deployments, changes, change_commits, incidents, alerts, coverage, .. } = recorded;
    let known_incidents = evidence::reopened(session::known_incidents(&incidents, as_of));
    let told = building::Told {
        links: &links.rows,
        changes: &changes,
        incidents: &known_incidents,
        labels: &plan.hotfix_labels,
        branches: &plan.hotfix_branches,
    };
    building::mark_hotfixes(&mut built.rollouts, told);
    if plan.counts_feature_flags {
        building::count_feature_flags(&mut built.rollouts);
    }
    let reverts = evidence::reverts(&changes, &change_commits, &links.rows, &built.rollouts);

    let context = with_functions(&snapshot.context(plan.threads).await?, plan.seed);
    session::register_settings(&context, plan, as_of)?;
    let names_remedies = flags::names_remedies(&built.rollouts, &known_incidents, &reverts);
    let flags = flags::flags(&built.rollouts, &known_incidents, &reverts, &exposure, plan, names_remedies);
    session::register_rollouts(&context, &built.rollouts, &flags, &exposure, plan)?;
    stages::register(&context, "rollout_changes", TableRow::batch(links.rows.clone()))?;
    session::register_incidents(&context, &known_incidents, &exposure, plan)?;
    evidence::register_alerts(&context, &evidence::clearings(&alerts, plan, as_of))?;
    evidence::register_reverts(&context, &reverts)?;
    let (failures, episodes) = failed(&context).await?;

    let services = units::services(&built.rollouts, plan);
    if services.is_empty() {
        return Err(DeriveError::Nothing(nothing(&deployments, plan)));
    }
    let period = period(plan, as_of, &exposure, &built.rollouts)?;
    let calendar = plan.calendar.unwrap_or_else(|| units::calendar_for(&built.rollouts, period));
    let adoptions = adoptions(&interventions, &services, period);
    let strata = Strata::new(&links.rows, &built.rollouts);
    let units = units::units(&services, plan, period, calendar, &adoptions, &strata);
    let unit_windows = units::unit_windows(&units, plan, as_of, &exposure);
    session::register_attempts(&context, &attempts(&deployments, &built.rollouts, as_of))?;
    session::register_strata(&context, &strata)?;
    session::register_units(&context, &units, plan)?;
    session::register_failures(&context, &units, &strata, &failures)?;
    views::register(&context).await?;
    let releases: Vec<releases::Row> = snapshot.rows().await?;
    // Last: most tables have been read by now, and their digests with them.
    let input_digest = canonical::digest_of_digests(&snapshot.input_digests().await?);
    let stamp = Stamp { as_of, input_digest };
    let numbers = numbers(&context, &unit_windows, &stamp, scope).await?;
    let seen = quality::Seen {
        built: &built,
        links: &links,
        deployments: &deployments,
        unresolved: &deployed.unresolved,
        changes: &changes,
        incidents: &incidents,
        known_incidents: &known_incidents,
        reverts: &reverts,
        failures: &failures,
        episodes: &episodes,
        coverage: &coverage,
        releases: &releases,
        names_remedies,
        interventions: &interventions,
        silent_practices: &silent,
        exposure: &exposure,
        as_of,
        immature_micros: (plan.incident_window_seconds + plan.reporting_lag_seconds) * Instant::MICROS,
        future: read_until(&coverage).map_or(as_of, |end| end.max(as_of)),
    };
    let data_quality = quality::findings(&seen);
    let derived = Derived {
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
    };
    Ok(Whole { derived, context, deployments: deployed.deployments, units, unit_windows })
}

/// Which rollout first carried each change.
async fn linked(
    snapshot: &Snapshot,
    plan: &Plan,
    recorded: &Recorded,
    built: &building::Built,
    exposure: &Exposure,
    as_of: Instant,
) -> Result<arrivals::Arrivals, DeriveError> {
    let paths = ServicePaths::new(&plan.service_paths);
    let commit_paths: Vec<commit_paths::Row> = if paths.is_empty() { vec![] } else { snapshot.rows().await? };
    let inputs = Inputs {
        commits: &recorded.commits,
        changes: &recorded.changes,
        change_commits: &recorded.change_commits,
        commit_paths: &commit_paths,
        paths: &paths,
        exposure,
    };
    Ok(arrivals::link(inputs, &built.rollouts, &built.unplaced, as_of))
}

/// The changes of working on record, with those that the rules of the plan tell of.
async fn practised(
    snapshot: &Snapshot,
    plan: &Plan,
    recorded: &Recorded,
    links: &[rollout_changes::Row],
    as_of: Instant,
) -> Result<practices::Told, DeriveError> {
    let looks_at = |is_it: fn(&Sign) -> bool| plan.practices.iter().any(|rule| is_it(&rule.sign));
    let inventory: Vec<inventory::Row> =
        if looks_at(|sign| matches!(sign, Sign::Chart(_) | Sign::Image(_))) { snapshot.rows().await? } else { vec![] };
    let commit_paths: Vec<commit_paths::Row> =
        if looks_at(|sign| matches!(sign, Sign::File(_))) { snapshot.rows().await? } else { vec![] };
    let mut told = practices::told(
        &plan.practices,
        &practices::Recorded {
            inventory: &inventory,
            changes: &recorded.changes,
            change_commits: &recorded.change_commits,
            commits: &recorded.commits,
            commit_paths: &commit_paths,
            links,
            as_of,
        },
    );
    told.rows.splice(0..0, recorded.interventions.iter().cloned());
    Ok(told)
}

/// The deployments, with the source commits that their images lead to.
async fn resolved(
    snapshot: &Snapshot,
    deployments: &[deployments::Row],
    commits: &[commits::Row],
) -> Result<images::Resolved, DeriveError> {
    let inventory: Vec<inventory::Row> = snapshot.rows().await?;
    let image_revisions: Vec<image_revisions::Row> = snapshot.rows().await?;
    Ok(images::resolve(images::Inputs {
        deployments,
        inventory: &inventory,
        image_revisions: &image_revisions,
        commits,
    }))
}

/// What failed, and until when: both stay in the session for the metrics.
async fn failed(
    context: &SessionContext,
) -> Result<(Vec<rollout_failures::Row>, Vec<recovery_episodes::Row>), DeriveError> {
    let failures: Vec<rollout_failures::Row> = evidence::one_each(stages::run(context).await?);
    stages::register(context, "rollout_failures", TableRow::batch(failures.clone()))?;
    let mut episodes: Vec<recovery_episodes::Row> = stages::run(context).await?;
    episodes.sort_by(|a, b| a.rollout_id.cmp(&b.rollout_id));
    stages::register(context, "recovery_episodes", TableRow::batch(episodes.clone()))?;
    Ok((failures, episodes))
}

/// The numbers of every metric. Strata are looked at only by the metrics that split by something; variants only over the
/// whole period, since their intervals cost as much as those of what they vary.
async fn numbers(
    context: &SessionContext,
    unit_windows: &[UnitWindow],
    stamp: &Stamp,
    scope: &Scope<'_>,
) -> Result<Vec<metrics::Row>, DeriveError> {
    let (whole, parts): (Vec<UnitWindow>, Vec<UnitWindow>) =
        unit_windows.iter().cloned().partition(|window| window.stratum.is_none());
    let period: Vec<UnitWindow> = whole.iter().filter(|window| window.kind == "period").cloned().collect();
    let all = [whole.clone(), parts].concat();
    let choice = |one: &definitions::Definition| match scope {
        Scope::Everything if one.variant_of.is_none() && one.strata.is_empty() => Looked::Whole,
        Scope::Everything if one.variant_of.is_none() => Looked::Parts,
        Scope::Period(metrics) if !metrics.contains(&one.metric.as_str()) => Looked::Never,
        _ => Looked::Period,
    };
    let mut numbers: Vec<(usize, Vec<metrics::Row>)> = Vec::new();
    for (windows, looked) in [(&period, Looked::Period), (&whole, Looked::Whole), (&all, Looked::Parts)] {
        session::register_windows(context, windows, stamp.as_of)?;
        let chosen = definitions::definitions().iter().enumerate().filter(|(_, one)| choice(one) == looked);
        for (place, definition) in chosen {
            numbers.push((place, definitions::run(context, definition, windows, stamp).await?));
        }
    }
    numbers.sort_by_key(|(place, _)| *place);
    Ok(numbers.into_iter().flat_map(|(_, rows)| rows).collect())
}

/// Which windows a metric gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looked {
    /// None.
    Never,
    /// The whole period of every unit.
    Period,
    /// Every window of every unit.
    Whole,
    /// Those, and the strata.
    Parts,
}

/// Until when to look: what the plan says, else the end of what was read of any table, else the last deployment.
fn as_of(plan: &Plan, coverage: &[coverage::Row], deployments: &[deployments::Row]) -> Result<Instant, DeriveError> {
    let last = || deployments.iter().filter_map(|row| row.finished_at.or(row.started_at)).max();
    plan.as_of
        .or_else(|| read_until(coverage))
        .or_else(|| last().map(|at| Instant(at.0 + 1)))
        .ok_or_else(|| DeriveError::Nothing("the lake holds no deployment".into()))
}

/// The end of everything that was read, as far as sources state it.
fn read_until(coverage: &[coverage::Row]) -> Option<Instant> {
    coverage.iter().filter_map(|row| row.range_end_at).max()
}

fn nothing(deployments: &[deployments::Row], plan: &Plan) -> String {
    let environments: BTreeSet<&str> = deployments.iter().filter_map(|row| row.environment.as_deref()).collect();
    let measured: Vec<&deployments::Row> =
        deployments.iter().filter(|row| row.environment.as_deref().is_some_and(|name| plan.measures(name))).collect();
    if environments.is_empty() {
        return "no deployment names an environment".to_owned();
    }
    if measured.is_empty() {
        let list = |words: Vec<&str>| {
            if words.is_empty() { "nothing".to_owned() } else { format!("`{}`", words.join("`, `")) }
        };
        return format!(
            "no deployment went to production (production is called {}; the data know {})",
            list(plan.production.iter().map(String::as_str).collect()),
            list(environments.into_iter().collect()),
        );
    }
    let count = |is_so: fn(&deployments::Row) -> bool| measured.iter().filter(|row| is_so(row)).count();
    let reasons: Vec<String> = [
        ("without a service", count(|row| row.service.is_none())),
        ("without a time", count(|row| row.started_at.is_none() && row.finished_at.is_none())),
        (
            "that end before they start",
            count(|row| row.finished_at.zip(row.started_at).is_some_and(|(end, start)| end < start)),
        ),
        ("that did not end in success or failure", count(|row| !matches!(row.status.as_str(), "success" | "failure"))),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(words, count)| format!("{count} {words}"))
    .collect();
    let words = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) };
    format!("none of the {} deployments to production can be used{words}", measured.len())
}

/// Sixty years: from the beginning of the epoch until now. Each week of a period costs work for every service.
const LONGEST_PERIOD_DAYS: i64 = 21_915;

/// The period: what the plan says, else the year before the as-of time as far as it was read.
fn period(plan: &Plan, as_of: Instant, exposure: &Exposure, rollouts: &[rollouts::Row]) -> Result<Window, DeriveError> {
    const YEAR: i64 = 364 * 86_400 * Instant::MICROS;
    let end = plan.until.unwrap_or(as_of).min(as_of);
    let first = rollouts.iter().map(|rollout| rollout.started_at).min();
    let read_from = exposure.start("deployments").or(first).unwrap_or(Instant(end.0 - YEAR));
    let start = plan.since.unwrap_or_else(|| read_from.max(Instant(end.0 - YEAR)));
    if start >= end {
        let why = match (plan.since, plan.until) {
            (Some(_), Some(until)) if until <= start => "its end is not after its start".to_owned(),
            (Some(_), _) => format!("what was read ends at {as_of}"),
            (None, _) => format!("what was read begins at {start}"),
        };
        return Err(DeriveError::EmptyPeriod { start, end, why });
    }
    if end.0.saturating_sub(start.0) > LONGEST_PERIOD_DAYS * 86_400 * Instant::MICROS {
        return Err(DeriveError::LongPeriod { start, end, most: LONGEST_PERIOD_DAYS });
    }
    Ok(Window { start, end })
}
