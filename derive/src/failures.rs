//! Which failed rollouts are one failure.
//!
//! An incident that failed rollouts of two services is a failure of each service, and one failure of a group of both.
//! So rollouts that share an incident are one failure, and so are those that a chain of shared incidents joins. A
//! rollback or hotfix is evidence against one rollout alone, and what failed in traffic failed by itself.

use std::collections::BTreeMap;

use lake::tables::rollout_failures;

/// For each rollout that `accepted` evidence tells of: its failure, named after the smallest id of the rollouts in it.
pub(crate) fn by_rollout<'a>(accepted: impl Iterator<Item = &'a rollout_failures::Row>) -> BTreeMap<&'a str, &'a str> {
    // Each rollout points at a smaller one of the same failure, or at itself.
    let mut smaller: BTreeMap<&str, &str> = BTreeMap::new();
    let mut first_of_incident: BTreeMap<&str, &str> = BTreeMap::new();
    for row in accepted {
        let rollout_id = row.rollout_id.as_str();
        smaller.entry(rollout_id).or_insert(rollout_id);
        if is_incident(&row.method) {
            let other = *first_of_incident.entry(&row.evidence_id).or_insert(rollout_id);
            let (one, two) = (smallest(&smaller, rollout_id), smallest(&smaller, other));
            smaller.insert(one.max(two), one.min(two));
        }
    }
    smaller.keys().map(|rollout_id| (*rollout_id, smallest(&smaller, rollout_id))).collect()
}

/// Whether the evidence is an incident, which may have failed several rollouts.
fn is_incident(method: &str) -> bool {
    matches!(method, "explicit" | "remedy" | "time_window")
}

fn smallest<'a>(smaller: &BTreeMap<&'a str, &'a str>, mut rollout_id: &'a str) -> &'a str {
    while smaller[rollout_id] != rollout_id {
        rollout_id = smaller[rollout_id];
    }
    rollout_id
}

#[cfg(test)]
mod tests;
