//! Table `pull_request_events`.

use crate::{Instant, contract::table};

table! {
    /// One thing that happened to a pull request or an incident issue.
    pull_request_events v 1, Event, key [repository, event_id] {
        /// Repository of the pull request.
        repository: String,
        /// Id of the event, unique within the repository.
        event_id: String,
        /// The change it happened to, as in `changes`.
        change_id: String,
        /// `opened`, `ready_for_review`, `review_requested`, `approved`, `changes_requested`, `commented`, `dismissed`,
        /// `force_pushed`, `labeled`, `unlabeled`, `merged`, `closed`, `reopened`, or the source's own word.
        kind: String,
        /// When it happened.
        occurred_at: Instant,
        /// Pseudonym of who did it; null where the account is gone.
        actor_id: Option<String>,
        /// `human`, `agent`, `dependency_bot` or `other_bot`; null where nobody is named.
        actor_kind: Option<String>,
        /// The commit it is about.
        commit_sha: Option<String>,
        /// The label, branch or state it is about.
        detail: Option<String>,
    }
}
