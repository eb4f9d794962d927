//! From event tables to the DORA metrics with their uncertainty.
//!
//! ```text
//! deployments ─► rollouts ─┐
//! commits, changes ────────┴► rollout_changes ─┐
//! incidents, alerts ──► rollout_failures ─► recovery_episodes ─┴► views/*.sql ─► metrics/*.sql ─► metrics
//! ```
//!
//! What follows a history step by step is Rust ([`rollouts`], [`arrivals`]); what relates tables is SQL in files
//! (`stages/`, `views/`, `metrics/`). No vendor is known here, nothing is fetched, and the clock is not read: `as_of` is a
//! parameter.

mod adoptions;
pub mod arrivals;
mod attempts;
mod derived;
mod dimensions;
mod environments;
mod error;
mod estimators;
mod explain;
pub mod exposure;
mod failures;
mod flags;
pub mod graph;
pub mod images;
mod metrics;
mod plan;
mod profiles;
mod quality;
pub mod rollouts;
mod run;
mod session;
mod stages;
#[cfg(test)]
mod testing;
mod units;
mod views;
pub mod windows;

pub use adoptions::Adoption;
pub use derived::Derived;
pub use error::DeriveError;
pub use explain::{Event, Evidence, Explanation, Fact, Link, Whose, Workbench};
pub use metrics::{Definition, Shown, definitions, headline};
pub use plan::{Calendar, Plan, Train};
pub use profiles::{
    Cannot, MetricComparison, ProfileComparison, ProfileMetric, ProfileNumber, Rule, RuleEffect, Switched, profiles,
    rules,
};
pub use quality::finding_names;
pub use run::derive;

/// A session in which the functions that metrics and stages call are registered, and nothing else: for testing SQL
/// files against literal tables.
#[doc(hidden)]
#[must_use]
pub fn testing_session(seed: u64) -> datafusion::prelude::SessionContext {
    let context = datafusion::prelude::SessionContext::new();
    stages::register_functions(&context);
    estimators::register(&context, seed);
    context
}
