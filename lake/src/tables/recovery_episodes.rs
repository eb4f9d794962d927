//! Table `recovery_episodes`.

use crate::{Instant, contract::table};

table! {
    /// One failed rollout and how long service was impaired: from its start to the end of the last interval linked to it.
    recovery_episodes v 1, Derived, key [rollout_id] {
        /// The rollout that failed.
        rollout_id: String,
        /// Service.
        service: String,
        /// Environment.
        environment: String,
        /// The earlier of the rollout's finish and the first impact.
        started_at: Instant,
        /// Service restored; null while it is not.
        restored_at: Option<Instant>,
        /// End of observation: `restored_at`, else the as-of time.
        observed_until_at: Instant,
        /// Whether the end was seen.
        is_restored: bool,
        /// Pieces of accepted evidence.
        evidence_count: i64,
    }
}
