//! What metrics have to know of a rollout besides the rollout itself: its tier, and who was looking when it finished.

use std::collections::{BTreeMap, BTreeSet};

use lake::tables::{incidents, rollouts};

use crate::Plan;
use crate::exposure::{Exposure, Ranges};
use crate::failures::Revert;

/// The flags of one rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    /// Its environment is of the production tier.
    pub(crate) is_production: bool,
    /// Somebody would have recorded its failure: it finished while incidents were read for its service; or, where no
    /// source states that it reads incidents, the service has incidents or remedies on record.
    pub(crate) failures_observed: bool,
    /// It finished in a range of which the deployments were read: only then does it belong to the exposure that
    /// frequency divides by.
    pub(crate) is_in_read_range: bool,
}

/// What was read of one service.
struct Read {
    deployments: Ranges,
    incidents: Ranges,
}

/// The flags of each rollout, in the order of the rollouts.
pub(crate) fn flags(
    rollouts: &[rollouts::Row],
    incidents: &[incidents::Row],
    reverts: &[Revert],
    exposure: &Exposure,
    plan: &Plan,
) -> Vec<Flags> {
    let is_remedy =
        |rollout: &&rollouts::Row| matches!(rollout.kind.as_str(), "rollback" | "hotfix") || rollout.failed_in_traffic;
    let reverted: BTreeSet<&str> =
        reverts.iter().filter(|revert| revert.is_accepted).map(|revert| revert.rollout_id.as_str()).collect();
    let remedied: BTreeSet<(&str, &str)> = rollouts
        .iter()
        .filter(|rollout| is_remedy(rollout) || reverted.contains(rollout.rollout_id.as_str()))
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
            Flags {
                is_production: plan.is_production(&rollout.environment),
                failures_observed: match read.incidents.span() {
                    Some(_) => finished_in(&|at| read.incidents.holds(at)),
                    None => on_record,
                },
                is_in_read_range: finished_in(&|at| read.deployments.exposes(at)),
            }
        })
        .collect()
}
