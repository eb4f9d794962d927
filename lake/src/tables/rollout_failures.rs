//! Table `rollout_failures`.

use crate::{Instant, contract::table};

table! {
    /// One piece of evidence that a rollout failed; the accepted one of a failure is its link, others are kept beside it.
    rollout_failures v 2, Derived, key [rollout_id, method, evidence_id] {
        /// The rollout that failed, or is a candidate.
        rollout_id: String,
        /// `explicit` (an incident names the deployment), `remedy` (an incident names what repaired it), `time_window` (an
        /// incident began soon after it), `rollback`, `hotfix`, `revert` (what it carried was reverted), or `traffic`.
        method: String,
        /// Incident, remedy rollout, reverting change, or the rollout itself, that is the evidence.
        evidence_id: String,
        /// Service.
        service: String,
        /// Environment.
        environment: String,
        /// First impact that the evidence tells of.
        impact_at: Instant,
        /// Service restored, as far as this evidence tells; null while open.
        restored_at: Option<Instant>,
        /// What `restored_at` rests on: `mitigated`, `remedy_rollout`, `alert_clear`, `resolved`, or null.
        restored_by: Option<String>,
        /// The rollout that repaired it, as far as this evidence tells.
        remedy_rollout_id: Option<String>,
        /// The link counts; false for candidates that lost.
        is_accepted: bool,
        /// The record itself says that this rollout failed; false where its place in time says so. Rollouts with evidence
        /// that is accepted and explicit are the narrow end of change fail rate, those with any evidence the wide end.
        is_explicit: bool,
        /// How sure the link is, from 0 to 1.
        confidence: f64,
        /// Why it counts or not, in words.
        reason: String,
    }
}
