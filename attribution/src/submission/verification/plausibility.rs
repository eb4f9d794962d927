//! Whether events can have been when they are said to have been, and how much of the period was read.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use derive::Observations;
use lake::Instant;
use lake::tables::{changes, deployments, incidents};

use super::{Check, Outcome};
use crate::submission::manifest::Packed;
use crate::submission::{Evidence, SubmissionError};

/// The first second of 2000, before which nobody recorded a deployment.
const FIRST: Instant = Instant(946_684_800 * Instant::MICROS);
/// Clocks of others may be this much ahead.
const AHEAD_MICROS: i64 = 86_400 * Instant::MICROS;
/// So many of a hundred records may have a wrong clock: histories do have some.
const FEW: f64 = 0.01;
/// Less of the period than this leaves room to choose what is shown.
const ENOUGH: f64 = 0.9;

/// Nothing before 2000 or in the future, no end before its start, and nothing looked at before it could be seen.
pub(super) fn clock(evidence: &Evidence, packed: &Packed, now: Instant) -> Result<Check, SubmissionError> {
    let name = "clock";
    if packed.derivation.as_of.0 > now.0 + AHEAD_MICROS {
        let told = format!("it looks at the data as of {}, which is in the future", packed.derivation.as_of);
        return Ok(Check::new(name, Outcome::Failed, told));
    }
    let mut odd: Vec<(String, usize, usize)> = Vec::new();
    for (table, rows) in evidence.tables() {
        for column in table.columns.iter().filter(|column| matches!(column.data_type, DataType::Timestamp(..))) {
            let Some(cells) = rows.column_by_name(column.name) else { continue };
            let instants = cells.as_primitive::<TimestampMicrosecondType>();
            let is_odd = |at: &i64| *at < FIRST.0 || *at > now.0 + AHEAD_MICROS;
            let count = instants.iter().flatten().filter(is_odd).count();
            odd.push((
                format!("`{}.{}` before 2000 or in the future", table.name, column.name),
                count,
                instants.iter().len(),
            ));
        }
    }
    for (table, pairs) in backwards(evidence)? {
        let known: Vec<_> = pairs.iter().filter_map(|(start, end)| Some((start.as_ref()?, end.as_ref()?))).collect();
        let count = known.iter().filter(|(start, end)| end < start).count();
        odd.push((format!("{table} that ended before they started"), count, known.len()));
    }
    odd.retain(|(_, count, _)| *count > 0);
    let many = odd.iter().any(|(_, count, all)| *count as f64 > FEW * *all as f64);
    let told: Vec<String> = odd.iter().map(|(what, count, all)| format!("{count} of {all} {what}")).collect();
    Ok(match (told.is_empty(), many) {
        (true, _) => Check::new(name, Outcome::Passed, "nothing before 2000 or in the future, no end before its start"),
        (false, false) => Check::new(name, Outcome::Passed, format!("few are odd: {}", told.join("; "))),
        (false, true) => Check::new(name, Outcome::Failed, told.join("; ")),
    })
}

type Pairs = Vec<(Option<Instant>, Option<Instant>)>;

/// Starts and ends of what has both.
fn backwards(evidence: &Evidence) -> Result<[(&'static str, Pairs); 3], SubmissionError> {
    let deployments: Vec<deployments::Row> = evidence.rows()?;
    let incidents: Vec<incidents::Row> = evidence.rows()?;
    let changes: Vec<changes::Row> = evidence.rows()?;
    Ok([
        ("deployments", deployments.iter().map(|row| (row.started_at, row.finished_at)).collect()),
        ("incidents", incidents.iter().map(|row| (Some(row.opened_at), row.resolved_at)).collect()),
        ("changes", changes.iter().map(|row| (row.opened_at, row.merged_at)).collect()),
    ])
}

/// How much of the period was read, by the deployments and incidents of every service.
pub(super) fn coverage(observations: &Observations) -> Check {
    let weeks = || observations.services.values().flat_map(|seen| &seen.weeks);
    let all: f64 = weeks().map(|week| week.window.days()).sum();
    let share = |days: f64| if all > 0.0 { days / all } else { 0.0 };
    let deployments = share(weeks().map(|week| week.deployment_days).sum());
    let incidents = share(weeks().map(|week| week.incident_days).sum());
    let told = format!(
        "of the period, {:.0} % of the deployments and {:.0} % of the incidents are stated as read",
        100.0 * deployments,
        100.0 * incidents
    );
    let outcome = if deployments >= ENOUGH && incidents >= ENOUGH { Outcome::Passed } else { Outcome::Doubtful };
    Check::new("coverage", outcome, told)
}
