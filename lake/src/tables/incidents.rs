//! Table `incidents`.

use crate::{Instant, contract::table};

table! {
    /// One incident as it touched one service.
    incidents v 2, Event, key [incident_id, service], newest updated_at {
        /// Id of the incident, unique across sources.
        incident_id: String,
        /// Service it touched; null where nobody said.
        service: Option<String>,
        /// Environment it touched; null means production.
        environment: Option<String>,
        /// Title.
        title: Option<String>,
        /// Severity as the source calls it.
        severity: Option<String>,
        /// When it was opened.
        opened_at: Instant,
        /// When users were first affected, where known.
        impact_started_at: Option<Instant>,
        /// When service was restored, before the record was closed.
        mitigated_at: Option<Instant>,
        /// When it was resolved; null while open.
        resolved_at: Option<Instant>,
        /// `change`, `infrastructure`, `vendor` or `unknown`.
        cause: String,
        /// Deployment that the record itself names as the cause.
        cause_deployment_id: Option<String>,
        /// Deployment that the record itself names as the remedy.
        remedy_deployment_id: Option<String>,
        /// The incident of the same service that this one opens again; null where the source keeps one record for both.
        reopens_incident_id: Option<String>,
        /// What the row rests on, such as `incident_record` or `label`.
        evidence: String,
        /// When the source last changed the record.
        updated_at: Option<Instant>,
    }
}
