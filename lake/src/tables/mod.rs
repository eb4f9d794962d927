//! One file per table. A new table is a file here and its name in the list below.

use crate::{Table, TableRow};

/// Declares the modules and the registry from one list.
macro_rules! tables {
    ($($module:ident),+ $(,)?) => {
        $(pub mod $module;)+

        /// Every table, in the order of the pipeline.
        #[must_use]
        pub fn all() -> Vec<&'static Table> {
            vec![$(<$module::Row as TableRow>::table()),+]
        }
    };
}

tables! {
    // Events: what happened.
    commits, commit_paths, changes, change_commits, pull_request_events, check_runs, releases, deployments,
    image_revisions, health_transitions, inventory, measurement_inputs, incidents, alerts, samples, interventions,
    service_attributes, attempts,
    // Coverage: what was read.
    coverage,
    // Derived.
    rollouts, rollout_changes, rollout_failures, recovery_episodes, data_quality, metrics,
    // Findings: what was asked, and what came of it.
    baselines, effects, effect_units,
}

/// The table of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Table> {
    all().into_iter().find(|table| table.name == name)
}
