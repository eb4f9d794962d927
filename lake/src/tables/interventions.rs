//! Table `interventions`.

use crate::{Instant, contract::table};

table! {
    /// One change of working: a framework or practice, in a version, rolled out to a service at a time.
    interventions v 1, Event, key [intervention_id, service] {
        /// Id of the intervention.
        intervention_id: String,
        /// Service it was rolled out to; null for every service.
        service: Option<String>,
        /// What was rolled out.
        practice: String,
        /// In which version.
        practice_version: Option<String>,
        /// From when.
        started_at: Instant,
        /// Until when; null while it lasts.
        ended_at: Option<Instant>,
        /// What the row rests on, such as `configuration`.
        evidence: String,
    }
}
