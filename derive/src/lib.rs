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
mod asof;
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
mod observe;
mod plan;
mod practices;
mod profiles;
mod quality;
mod quantiles;
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
pub use observe::{
    Observation, Observations, ObservedWeek, ServiceObservations, comparable, derive_and_observe, measure_and_observe,
    observe,
};
pub use plan::{Calendar, Plan, Train};
pub use practices::{PracticeRule, Sign};
pub use profiles::{
    Cannot, MetricComparison, ProfileComparison, ProfileMetric, ProfileNumber, Rule, RuleEffect, Switched, profiles,
    rules,
};
pub use quality::finding_names;
pub use run::derive;

/// The same session with everything that stages and metrics say in SQL and the engine alone does not know: `ASOF JOIN`,
/// `seconds_between`, `exact_quantiles`, and the estimators. Intervals that are drawn come from `seed`.
#[must_use]
pub fn with_functions(context: &datafusion::prelude::SessionContext, seed: u64) -> datafusion::prelude::SessionContext {
    let context = asof::with_asof_join(context);
    stages::register_functions(&context);
    quantiles::register_exact_quantiles(&context);
    estimators::register(&context, seed);
    context
}
