//! Table `alerts`.

use crate::{Instant, contract::table};

table! {
    /// One interval in which an alert was firing. An alert is evidence; whether it is an incident is for a rule to say.
    alerts v 1, Event, key [alert_id, started_at], newest updated_at {
        /// Id of the alert: its source and the digest of the labels that identify it.
        alert_id: String,
        /// Name of the alerting rule.
        name: String,
        /// Service, where a rule maps its labels to one.
        service: Option<String>,
        /// Environment, where a rule maps its labels to one.
        environment: Option<String>,
        /// Severity as the labels call it.
        severity: Option<String>,
        /// The identifying labels as `name=value`, sorted.
        labels: Vec<String>,
        /// When its condition became true, before any waiting period.
        pending_at: Option<Instant>,
        /// When it began to fire.
        started_at: Instant,
        /// When it was last seen to fire; null while it is firing.
        ended_at: Option<Instant>,
        /// The true start lies at most this much before `started_at`.
        start_error_seconds: f64,
        /// The true end lies at most this much from `ended_at`; null while it is firing.
        end_error_seconds: Option<f64>,
        /// `resolved`, `firing`, or `uncertain` where nobody looked for a while.
        end_basis: String,
        /// Who saw it: `samples`, `range_query`, `alertmanager` or `webhook`.
        witness: String,
        /// How many firings were merged into this interval because they lay close together.
        merged_count: i64,
        /// When the witness was last asked.
        updated_at: Option<Instant>,
    }
}
