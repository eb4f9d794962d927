//! Which rollouts are hotfixes because of what they carry or what they repair, where the attempt itself does not say so.

use std::collections::{BTreeMap, BTreeSet};

use lake::tables::{changes, incidents, rollout_changes, rollouts};

use crate::arrivals::matches_any;

/// What tells of hotfixes besides the attempts.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Which changes each rollout brought.
    pub links: &'a [rollout_changes::Row],
    /// The changes, with their labels.
    pub changes: &'a [changes::Row],
    /// Incidents, which may name a deployment as their remedy.
    pub incidents: &'a [incidents::Row],
    /// Labels that make a change a hotfix, in lower case.
    pub labels: &'a [String],
    /// Patterns of branches whose changes are hotfixes.
    pub branches: &'a [String],
}

/// Makes hotfixes of the rollouts that bring a change with such a label or from such a branch, or that an incident names as its remedy, and says which
/// hotfixes carry other changes, too. Rollbacks, redeploys and flips of feature flags stay what they are, and so does a
/// rollout of which nobody knows what it brought.
pub fn mark_hotfixes(rollouts: &mut [rollouts::Row], told: Told<'_>) {
    let remedies: BTreeSet<&str> =
        told.incidents.iter().filter_map(|incident| incident.remedy_deployment_id.as_deref()).collect();
    let is_hotfix = |change: &&changes::Row| {
        change.labels.iter().any(|label| told.labels.contains(&label.to_lowercase()))
            || change.head_branch.as_ref().is_some_and(|branch| matches_any(told.branches, branch))
    };
    let marked: BTreeSet<(&str, &str)> = told
        .changes
        .iter()
        .filter(is_hotfix)
        .map(|change| (change.repository.as_str(), change.change_id.as_str()))
        .collect();
    let mut carried: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for link in told.links.iter().filter(|link| is_known_to_be_new(link)) {
        let Some(rollout_id) = &link.rollout_id else { continue };
        let (has_hotfix, has_other) = carried.entry(rollout_id).or_default();
        let is_hotfix = marked.contains(&(link.repository.as_str(), link.change_id.as_str()));
        *(if is_hotfix { has_hotfix } else { has_other }) = true;
    }
    for rollout in rollouts {
        let (has_hotfix, has_other) = carried.get(rollout.rollout_id.as_str()).copied().unwrap_or_default();
        let is_remedy = rollout.deployment_ids.iter().any(|id| remedies.contains(id.as_str()));
        if matches!(rollout.kind.as_str(), "release" | "config" | "rebuild") && (has_hotfix || is_remedy) {
            "hotfix".clone_into(&mut rollout.kind);
            rollout.is_reapply = false;
        }
        rollout.is_mixed = rollout.kind == "hotfix" && has_hotfix && has_other;
    }
}

/// The change is known to have come with this rollout: not before everything that is known, nor perhaps with one that
/// nobody saw.
fn is_known_to_be_new(link: &rollout_changes::Row) -> bool {
    !matches!(link.excluded.as_deref(), Some("first_rollout" | "history_gap"))
}

#[cfg(test)]
mod tests;
