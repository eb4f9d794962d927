//! Table `attempts`.

use crate::{Instant, contract::table};

table! {
    /// One run of a benchmark level, as a judge read it from its log.
    attempts v 1, Event, key [attempt_id] {
        /// Id of the attempt.
        attempt_id: String,
        /// Level, as its manifest names it.
        level: String,
        /// Who attempted it, such as the name of an agent.
        subject: String,
        /// Version of the subject.
        subject_version: Option<String>,
        /// What the subject is: `agent`, `human`, or `platform` for the platform's own self-healing.
        subject_kind: String,
        /// When the objective was given.
        given_at: Instant,
        /// When the attempt ended: verified, given up, or out of time.
        ended_at: Instant,
        /// When the objective was verified; null where it never was.
        verified_at: Option<Instant>,
        /// Interventions of the subject.
        intervention_count: i64,
        /// Interventions that made something worse or were taken back.
        failed_count: i64,
        /// Failures that were injected.
        injected_count: i64,
        /// Failures that were recovered from.
        recovered_count: i64,
        /// The sum of the times from a failure to its recovery, or to the end where there was none.
        recovery_seconds: f64,
        /// What is doubtful about the log.
        doubts: Vec<String>,
    }
}
