//! Single attempts to deploy, each with its own end.

use std::collections::BTreeMap;

use lake::{Instant, tables::deployments, tables::rollouts};

use crate::environments::Spellings;

/// One attempt that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// Deployment, attempt and target, where there is one.
    pub(crate) key: String,
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) ended_at: Instant,
    /// It failed; null where the record does not say how it ended.
    pub(crate) is_failed: Option<bool>,
}

/// The attempts of these deployments that ended until `as_of`. Those of redeploys are left out, and so are those that
/// were cancelled, skipped or superseded, which neither succeeded nor failed, and those that are in no rollout.
pub(crate) fn attempts(deployments: &[deployments::Row], rollouts: &[rollouts::Row], as_of: Instant) -> Vec<Attempt> {
    let mut by_deployment: BTreeMap<&str, Vec<&rollouts::Row>> = BTreeMap::new();
    for rollout in rollouts {
        for id in &rollout.deployment_ids {
            by_deployment.entry(id).or_default().push(rollout);
        }
    }
    let spellings = Spellings::of(rollouts.iter().map(|rollout| rollout.environment.as_str()));
    let attempt = |row: &deployments::Row| {
        // A release that stands in for a deployment says nothing of attempts: it cannot have failed.
        if deployments::is_stand_in(&row.evidence) {
            return None;
        }
        let ended_at = row.finished_at.or(row.started_at).filter(|at| *at <= as_of)?;
        let service = row.service.clone()?;
        let environment = spellings.spell(row.environment.as_deref()?);
        let is_failed = match row.status.as_str() {
            "success" if row.finished_at.is_some() => Some(false),
            "failure" => Some(true),
            "unknown" => None,
            _ => return None,
        };
        let rollouts = by_deployment.get(row.deployment_id.as_str()).map_or(&[][..], Vec::as_slice);
        // What does not say how it ended is in no rollout.
        (is_failed.is_none() || is_in_a_rollout(row, &environment, rollouts)).then(|| Attempt {
            key: attempt_id(row),
            service,
            environment,
            ended_at,
            is_failed,
        })
    };
    deployments.iter().filter_map(attempt).collect()
}

/// The key of an attempt in words.
pub(crate) fn attempt_id(row: &deployments::Row) -> String {
    let parts = [row.deployment_id.clone(), row.attempt.to_string(), row.target.clone()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether an attempt belongs to one of these rollouts of its deployment, and to none that put the same there again. A
/// deployment that was run again after its success is in two: the attempt is of the later of those that had begun.
fn is_in_a_rollout(row: &deployments::Row, environment: &str, rollouts: &[&rollouts::Row]) -> bool {
    let Some(started_at) = row.started_at.or(row.finished_at) else { return false };
    // Which of two times that contradict one another is wrong is unknown, so it is in no rollout.
    let is_placed = row.finished_at.is_none_or(|at| at >= started_at);
    let begun = rollouts
        .iter()
        .filter(|rollout| row.service.as_ref() == Some(&rollout.service) && rollout.environment == environment)
        .filter(|rollout| rollout.started_at <= started_at)
        .max_by_key(|rollout| (rollout.started_at, &rollout.rollout_id));
    is_placed && begun.is_some_and(|rollout| rollout.kind != "redeploy")
}
