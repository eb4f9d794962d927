//! Table `rollouts`.

use crate::{Instant, contract::table};

table! {
    /// One logical deployment: a revision set that was put into an environment of a service.
    rollouts v 2, Derived, key [rollout_id] {
        /// Hash of service, environment, revision set and first attempt start.
        rollout_id: String,
        /// Service.
        service: String,
        /// Environment.
        environment: String,
        /// `release`, `config`, `rebuild`, `hotfix`, `rollback`, `redeploy` or `feature_flag`.
        kind: String,
        /// Everything that was asked for, sorted.
        revisions: Vec<String>,
        /// Start of the first attempt.
        started_at: Instant,
        /// When the last required target first succeeded, or what reached users was given up; null where nothing did.
        finished_at: Option<Instant>,
        /// When the first target succeeded; null where none did.
        first_target_at: Option<Instant>,
        /// Attempts of all targets.
        attempt_count: i64,
        /// Attempts that failed.
        failed_attempt_count: i64,
        /// Attempts that ended, in success or failure.
        finished_attempt_count: i64,
        /// Targets that succeeded.
        target_count: i64,
        /// An attempt failed after part of the traffic or another target had got it.
        failed_in_traffic: bool,
        /// When the first such attempt ended; null where none did.
        impaired_at: Option<Instant>,
        /// It reached users, and some required target does not have it: another revision set came first, or it still
        /// has to go there.
        is_partial: bool,
        /// The first rollout known in this environment of this service: what came before is unknown.
        is_first: bool,
        /// Same revision set as an earlier one of this environment, put there again as a step forward.
        is_reapply: bool,
        /// A hotfix that carries other changes, too.
        is_mixed: bool,
        /// Counts in deployment frequency.
        in_frequency: bool,
        /// Counts in the denominator of change fail rate.
        in_change_fail_rate: bool,
        /// For a rollback: the rollout whose revisions were restored.
        restores_rollout_id: Option<String>,
        /// Ids of the deployments behind it.
        deployment_ids: Vec<String>,
        /// What it rests on.
        evidence: String,
    }
}
