//! Table `rollout_changes`.

use crate::{Instant, contract::table};

table! {
    /// One change in relation to one service and environment: the rollout that first carried it there, or none yet.
    rollout_changes v 2, Derived, key [service, environment, repository, change_id] {
        /// Service.
        service: String,
        /// Environment.
        environment: String,
        /// Repository of the change.
        repository: String,
        /// Id of the change.
        change_id: String,
        /// The rollout that first carried all of it; null while it waits.
        rollout_id: Option<String>,
        /// `ancestry` (every commit reachable from the revision and from no earlier one), `patch_id` (a copy arrived
        /// earlier), or null while it waits.
        method: Option<String>,
        /// How sure the link is, from 0 to 1.
        confidence: Option<f64>,
        /// `human`, `agent`, `dependency_bot` or `other_bot`.
        author_kind: String,
        /// First original commit authored, or the next best time the record has.
        started_at: Option<Instant>,
        /// What `started_at` rests on: `first_commit`, `committer`, `squash`, `last_commit`, `opened`, `merged` or `none`.
        started_at_basis: String,
        /// Last original commit authored.
        last_commit_at: Option<Instant>,
        /// Pull request opened.
        opened_at: Option<Instant>,
        /// Merged.
        merged_at: Option<Instant>,
        /// Finish of that rollout; null while it waits.
        deployed_at: Option<Instant>,
        /// When the first target had it, of whichever rollout, whole or partial; null while none has.
        first_target_at: Option<Instant>,
        /// End of observation for this change: `deployed_at`, else the as-of time.
        observed_until_at: Instant,
        /// Why the change is in no lead time: `first_rollout`, `history_gap`, `commits_unknown`, `paths_unknown`,
        /// `merge_commit`, `negative_duration`, or null where it counts.
        excluded: Option<String>,
    }
}
