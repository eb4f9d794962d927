//! Table `health_transitions`.

use crate::{Instant, contract::table};

table! {
    /// One change of the health of a deployed application on one target.
    health_transitions v 1, Event, key [application_id, occurred_at, health] {
        /// Id of the application, unique across instances.
        application_id: String,
        /// Service it belongs to; null where no rule names one.
        service: Option<String>,
        /// Environment it runs in.
        environment: Option<String>,
        /// Cluster or region; empty where there is only one.
        target: String,
        /// The health it changed to, in the source's own word, such as `Degraded`.
        health: String,
        /// The health before, where it was seen.
        previous_health: Option<String>,
        /// When it changed, or was first seen changed.
        occurred_at: Instant,
        /// `reported` (the source states the time) or `observed` (it lies between two readings).
        time_basis: String,
        /// When the earlier health was last seen: the change lies between this and `occurred_at`.
        not_before_at: Option<Instant>,
        /// What the source says about it.
        message: Option<String>,
    }
}
