//! From attempts to rollouts: a small state machine per service and environment.
//!
//! A rollout opens with the first attempt of a revision set and closes when every required target has it, or when
//! another revision set starts there. Required are the targets of the previous success. The same set later opens a
//! new rollout. One that closes before every required target has its set is partial: it counts, and what it carried has
//! not arrived everywhere.
//!
//! Flips of feature flags are beside all that: they have a kind of their own, put no revision anywhere, and count only
//! where the plan says so.

mod attempt;
mod hotfixes;
mod unit;

use std::collections::BTreeMap;

use lake::{Instant, tables::deployments, tables::rollouts};

use self::attempt::{Attempt, UnitKey, attempt, first_instant, unplaced};
use self::unit::Unit;
use crate::environments::Spellings;

pub use self::hotfixes::{Told, mark_hotfixes};

/// The intent that an attempt to flip a feature flag states, and the kind of its rollout.
const FEATURE_FLAG: &str = "feature_flag";

/// The rollouts of all services, and what was odd about the attempts they were built from.
#[derive(Clone, Debug, Default)]
pub struct Built {
    /// Rollouts, in the order of service, environment and start.
    pub rollouts: Vec<rollouts::Row>,
    /// Attempts that are in no rollout.
    pub left_out: Vec<Flaw>,
    /// Attempts that are in a rollout of an environment which they spell with other capital letters.
    pub respelled: Vec<Flaw>,
    /// Successes that are in no rollout because they have no place in time.
    pub unplaced: Vec<Unplaced>,
}

/// What is odd about an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Name of the finding: `deployment_without_service`, `deployment_without_environment`,
    /// `deployment_without_time`, `deployment_negative_duration`, `deployment_neither_success_nor_failure`,
    /// `environment_respelled`.
    pub finding: &'static str,
    /// Service, where known.
    pub service: Option<String>,
    /// Environment, where known.
    pub environment: Option<String>,
    /// The deployment.
    pub deployment_id: String,
}

/// A success whose times are missing or contradict one another: it carried its revisions there, nobody knows when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplaced {
    /// Service.
    pub service: String,
    /// Environment.
    pub environment: String,
    /// What it carried.
    pub revisions: Vec<String>,
    /// The earliest time that the record states, if any.
    pub not_before: Option<Instant>,
}

/// Builds the rollouts of these deployments as they were known at `as_of`.
#[must_use]
pub fn build(deployments: &[deployments::Row], as_of: Instant) -> Built {
    let mut built = Built::default();
    let mut units: BTreeMap<UnitKey, Vec<Attempt<'_>>> = BTreeMap::new();
    let known = || deployments.iter().filter(|row| first_instant(row).is_none_or(|at| at <= as_of));
    let spellings = Spellings::of(known().filter_map(|row| row.environment.as_deref()));
    for row in known() {
        let environment = row.environment.as_deref().map(|name| spellings.spell(name));
        let flaw = |finding| Flaw {
            finding,
            service: row.service.clone(),
            environment: environment.clone(),
            deployment_id: row.deployment_id.clone(),
        };
        match attempt(row, environment.as_deref(), as_of) {
            Ok(Some((unit, attempt))) => {
                if row.environment != environment {
                    built.respelled.push(flaw("environment_respelled"));
                }
                units.entry(unit).or_default().push(attempt);
            }
            Ok(None) => {}
            Err(finding) => {
                built.left_out.push(flaw(finding));
                built.unplaced.extend(unplaced(row, environment.as_deref()));
            }
        }
    }
    for ((service, environment), attempts) in units {
        let (flips, attempts): (Vec<_>, Vec<_>) =
            in_order(attempts).into_iter().partition(|attempt| attempt.row.intent.as_deref() == Some(FEATURE_FLAG));
        let mut rollouts = Unit::new(&service, &environment).run(&attempts);
        rollouts.extend(Unit::new(&service, &environment).run(&flips).into_iter().map(flip));
        rollouts.sort_by_key(|rollout| rollout.started_at);
        built.rollouts.extend(rollouts);
    }
    built
}

/// The attempts of one unit in the order of their start; of those that start in one instant, first the set that was
/// ready first, all of it.
fn in_order(mut attempts: Vec<Attempt<'_>>) -> Vec<Attempt<'_>> {
    let mut first_end: BTreeMap<(Instant, Vec<String>), Instant> = BTreeMap::new();
    for attempt in &attempts {
        let place = first_end.entry((attempt.started_at, attempt.revisions.clone())).or_insert(attempt.ended_at());
        *place = attempt.ended_at().min(*place);
    }
    attempts.sort_by_cached_key(|attempt| {
        let set = (attempt.started_at, attempt.revisions.clone());
        let row = attempt.row;
        let own = (attempt.finished_at, row.attempt, row.deployment_id.clone(), row.target.clone());
        (attempt.started_at, first_end[&set], set.1, own)
    });
    attempts
}

/// A flip of a feature flag: of its own kind, and in no rate.
fn flip(rollout: rollouts::Row) -> rollouts::Row {
    rollouts::Row {
        kind: FEATURE_FLAG.to_owned(),
        is_partial: false,
        is_first: false,
        is_reapply: false,
        in_frequency: false,
        in_change_fail_rate: false,
        restores_rollout_id: None,
        ..rollout
    }
}

/// Lets flips of feature flags count like releases.
pub fn count_feature_flags(rollouts: &mut [rollouts::Row]) {
    for rollout in rollouts.iter_mut().filter(|rollout| rollout.kind == FEATURE_FLAG) {
        rollout.in_frequency = rollout.finished_at.is_some();
        rollout.in_change_fail_rate = rollout.in_frequency;
    }
}

#[cfg(test)]
mod tests;
