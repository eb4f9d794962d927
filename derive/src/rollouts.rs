//! From attempts to rollouts: a small state machine per service and environment.
//!
//! A rollout opens with the first attempt of a revision set and closes when every required target has it, or when
//! another revision set starts there. Required are the targets of the previous success. The same set later opens a
//! new rollout. One that closes before every required target has its set is partial: it counts, and what it carried has
//! not arrived everywhere.

mod attempt;
mod unit;

use std::collections::BTreeMap;

use lake::{Instant, tables::deployments, tables::rollouts};

use self::attempt::{Attempt, UnitKey, attempt, first_instant, unplaced};
use self::unit::Unit;
use crate::environments::Spellings;

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
    for ((service, environment), mut attempts) in units {
        attempts.sort_by(|a, b| {
            let order = |attempt: &Attempt<'_>| {
                (attempt.started_at, attempt.finished_at, attempt.row.attempt, attempt.row.deployment_id.clone())
            };
            order(a).cmp(&order(b)).then_with(|| a.row.target.cmp(&b.row.target))
        });
        built.rollouts.extend(Unit::new(&service, &environment).run(&attempts));
    }
    built
}

#[cfg(test)]
mod tests;
