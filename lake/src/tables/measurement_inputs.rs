//! Table `measurement_inputs`.

use crate::{Instant, contract::table};

table! {
    /// Whether a deployed component provides one of the records that a metric needs, and what is missing.
    measurement_inputs v 1, Event, key [component_id, input], newest checked_at {
        /// Id of the component, unique across instances.
        component_id: String,
        /// Service it belongs to; null where no rule names one.
        service: Option<String>,
        /// Environment it runs in.
        environment: Option<String>,
        /// What is provided, such as `deployments`, `failed_deployments`, `source_commit`, `alerts`, `retention`.
        input: String,
        /// The metrics that need it.
        metrics: Vec<String>,
        /// Whether it is provided; null where that could not be seen.
        is_provided: Option<bool>,
        /// What was seen that says so.
        evidence: String,
        /// What to do about it, where it is missing.
        remedy: Option<String>,
        /// When it was looked at.
        checked_at: Option<Instant>,
    }
}
