//! What one record of a deployment tells of.

use lake::{Instant, tables::deployments};

use super::Unplaced;

/// One attempt with everything a rollout needs of it.
#[derive(Clone, Debug)]
pub(super) struct Attempt<'a> {
    pub(super) row: &'a deployments::Row,
    pub(super) started_at: Instant,
    pub(super) finished_at: Option<Instant>,
    pub(super) is_success: bool,
    pub(super) revisions: Vec<String>,
}

impl Attempt<'_> {
    /// When it ended, as far as the record says.
    pub(super) fn ended_at(&self) -> Instant {
        self.finished_at.unwrap_or(self.started_at)
    }
}

/// Service and environment.
pub(super) type UnitKey = (String, String);

/// The attempt that a record tells of, if it was over at `as_of`; or the finding that says why it is none.
/// `environment` is that of the record, in the spelling under which it is known.
pub(super) fn attempt<'a>(
    row: &'a deployments::Row,
    environment: Option<&str>,
    as_of: Instant,
) -> Result<Option<(UnitKey, Attempt<'a>)>, &'static str> {
    let Some(started_at) = row.started_at.or(row.finished_at) else { return Err("deployment_without_time") };
    let Some(service) = &row.service else { return Err("deployment_without_service") };
    let Some(environment) = environment else { return Err("deployment_without_environment") };
    let is_success = match row.status.as_str() {
        "success" if row.finished_at.is_none() => return Err("deployment_without_time"),
        "success" => true,
        "failure" => false,
        "running" => return Ok(None),
        _ => return Err("deployment_neither_success_nor_failure"),
    };
    // Which of the two times is wrong is unknown, so it has no place in time.
    if row.finished_at.is_some_and(|at| at < started_at) {
        return Err("deployment_negative_duration");
    }
    // Still running at the as-of time, whatever became of it later.
    if row.finished_at.is_some_and(|at| at > as_of) {
        return Ok(None);
    }
    let mut revisions = row.revisions.clone();
    revisions.sort();
    revisions.dedup();
    let attempt = Attempt { row, started_at, finished_at: row.finished_at, is_success, revisions };
    Ok(Some(((service.clone(), environment.to_owned()), attempt)))
}

/// The earliest time that a record states.
pub(super) fn first_instant(row: &deployments::Row) -> Option<Instant> {
    row.started_at.into_iter().chain(row.finished_at).min()
}

/// What a record without a place in time may have carried, if it tells of a success.
pub(super) fn unplaced(row: &deployments::Row, environment: Option<&str>) -> Option<Unplaced> {
    if row.status != "success" {
        return None;
    }
    Some(Unplaced {
        service: row.service.clone()?,
        environment: environment?.to_owned(),
        revisions: row.revisions.clone(),
        not_before: first_instant(row),
    })
}
