//! Table `deployments`.

use crate::{Instant, contract::table};

table! {
    /// One attempt to put a revision set on one target of an environment.
    deployments v 1, Event, key [deployment_id, attempt, target], newest updated_at {
        /// Id of the deployment, unique across sources.
        deployment_id: String,
        /// Number of the attempt, from 1.
        attempt: i64,
        /// Cluster, region or host group it went to; empty where there is only one.
        target: String,
        /// Service it belongs to; null where no rule names one.
        service: Option<String>,
        /// Environment as the source calls it.
        environment: Option<String>,
        /// Everything that was asked for, as `repository@commit`, `image@digest`, `chart@version`, `values@hash`.
        /// Two attempts with the same set are attempts of the same rollout.
        revisions: Vec<String>,
        /// `success`, `failure`, `cancelled`, `skipped`, `superseded`, `running` or `unknown`.
        status: String,
        /// When this attempt started.
        started_at: Option<Instant>,
        /// When this attempt ended, for `success`: when it first succeeded.
        finished_at: Option<Instant>,
        /// Whether users got any of it before it failed; null where nobody recorded it.
        reached_users: Option<bool>,
        /// Declared intent, where the source states one: `rollback`, `hotfix`, `config`, or null.
        intent: Option<String>,
        /// Pseudonym of who or what started it.
        actor_id: Option<String>,
        /// What the row rests on, such as `deployment_status`; `release_tag` and `published_release` only stand in for a
        /// deployment.
        evidence: String,
        /// When the source last changed the record.
        updated_at: Option<Instant>,
    }
}

/// Whether what a deployment rests on only says that a release was made, and nothing of where it went: it stands in for
/// a deployment that nobody recorded.
#[must_use]
pub fn is_stand_in(evidence: &str) -> bool {
    matches!(evidence, "release_tag" | "published_release")
}
