//! What metrics have to know of a rollout besides the rollout itself: its tier, and who was looking when it finished.

use std::collections::{BTreeMap, BTreeSet};

use lake::tables::{deployments, incidents, rollouts};

use crate::Plan;
use crate::exposure::{Exposure, Ranges};
use crate::failures::Revert;

/// The flags of one rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
pub(crate) struct Flags {
    /// Its environment is of the production tier.
    pub(crate) is_production: bool,
    /// Somebody would have recorded its failure: it finished while incidents were read for its service; or, where no
    /// source states that it reads incidents, the service has incidents on record, or remedies among its deployments.
    /// A release that only stands in for a deployment shows no remedy, and reverts alone tell of some failures and keep
    /// silent about the others.
    pub(crate) failures_observed: bool,
    /// Somebody would have recorded that it repairs another: failures are observed, and either there was no incident or
    /// remedies are on record, of whatever service.
    pub(crate) remedies_observed: bool,
    /// It finished in a range of which the deployments were read: only then does it belong to the exposure that
    /// frequency divides by.
    pub(crate) is_in_read_range: bool,
}

/// What was read of one service.
struct Read {
    deployments: Ranges,
    incidents: Ranges,
}

/// The flags of each rollout, in the order of the rollouts. Whether remedies are on record is what [`names_remedies`] says.
pub(crate) fn flags(
    rollouts: &[rollouts::Row],
    incidents: &[incidents::Row],
    reverts: &[Revert],
    exposure: &Exposure,
    plan: &Plan,
    names_remedies: bool,
) -> Vec<Flags> {
    let remedied: BTreeSet<(&str, &str)> = remedied(rollouts, reverts)
        .filter(|rollout| !deployments::is_stand_in(&rollout.evidence))
        .map(|rollout| (rollout.service.as_str(), &*rollout.environment))
        .collect();
    let recorded: BTreeSet<&str> = incidents.iter().filter_map(|incident| incident.service.as_deref()).collect();
    let mut services: BTreeMap<&str, Read> = BTreeMap::new();
    rollouts
        .iter()
        .map(|rollout| {
            let service = rollout.service.as_str();
            let read = services.entry(service).or_insert_with(|| Read {
                deployments: exposure.of("deployments", service),
                incidents: exposure.of("incidents", service),
            });
            let on_record = remedied.contains(&(service, &*rollout.environment)) || recorded.contains(service);
            let finished_in = |holds: &dyn Fn(lake::Instant) -> bool| rollout.finished_at.is_some_and(holds);
            let failures_observed = match read.incidents.span() {
                Some(_) => finished_in(&|at| read.incidents.holds(at)),
                None => on_record,
            };
            Flags {
                is_production: plan.is_production(&rollout.environment),
                failures_observed,
                remedies_observed: failures_observed && names_remedies,
                is_in_read_range: finished_in(&|at| read.deployments.exposes(at)),
            }
        })
        .collect()
}

/// Whether what repaired a failure is on record, of whatever service; where there is no incident, nothing is missing.
pub(crate) fn names_remedies(rollouts: &[rollouts::Row], incidents: &[incidents::Row], reverts: &[Revert]) -> bool {
    incidents.iter().all(|incident| incident.service.is_none())
        || incidents.iter().any(|incident| incident.remedy_deployment_id.is_some())
        || remedied(rollouts, reverts).next().is_some()
}

/// The rollouts that are a remedy, or show that they needed one.
fn remedied<'a>(rollouts: &'a [rollouts::Row], reverts: &'a [Revert]) -> impl Iterator<Item = &'a rollouts::Row> {
    let reverted: BTreeSet<&str> =
        reverts.iter().filter(|revert| revert.is_accepted).map(|revert| revert.rollout_id.as_str()).collect();
    rollouts.iter().filter(move |rollout| {
        matches!(rollout.kind.as_str(), "rollback" | "hotfix")
            || rollout.failed_in_traffic
            || reverted.contains(rollout.rollout_id.as_str())
    })
}
