//! What tells of failed rollouts besides the rollouts themselves, and which failed rollouts are one failure.
//!
//! An incident that failed rollouts of two services is a failure of each service, and one failure of a group of both.
//! So rollouts that share an incident are one failure, and so are those that a chain of shared incidents joins. A
//! rollback or hotfix is evidence against one rollout alone, and what failed in traffic failed by itself.

mod alerts;
mod incidents;
mod reverts;

use std::collections::BTreeMap;

use lake::tables::rollout_failures;

pub(crate) use self::alerts::{clearings, register as register_alerts};
pub(crate) use self::incidents::reopened;
pub(crate) use self::reverts::{Revert, register as register_reverts, reverts};

/// Each piece of evidence once. An incident that touched several services has a row for each, and may name one
/// deployment in all of them: together they begin with the first impact and end with the last restoration.
pub(crate) fn one_each(mut evidence: Vec<rollout_failures::Row>) -> Vec<rollout_failures::Row> {
    let key = |row: &rollout_failures::Row| (row.rollout_id.clone(), row.method.clone(), row.evidence_id.clone());
    evidence.sort_by_cached_key(|row| {
        let rest = (row.is_accepted, row.is_explicit, row.restored_by.clone(), row.remedy_rollout_id.clone());
        (key(row), row.impact_at, row.restored_at, rest, row.reason.clone())
    });
    evidence.dedup_by(|other, kept| {
        let is_same = key(other) == key(kept);
        if is_same {
            let is_later = kept.restored_at.is_some() && other.restored_at.is_none_or(|at| Some(at) > kept.restored_at);
            if is_later {
                kept.restored_at = other.restored_at;
                kept.restored_by = other.restored_by.take();
                kept.remedy_rollout_id = other.remedy_rollout_id.take();
            }
            kept.impact_at = kept.impact_at.min(other.impact_at);
            kept.is_accepted |= other.is_accepted;
            kept.is_explicit |= other.is_explicit;
        }
        is_same
    });
    evidence
}

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
