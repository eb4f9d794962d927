//! Table `changes`.

use crate::{Instant, contract::table};

table! {
    /// One change: a pull request, or a single commit that was pushed directly.
    changes v 2, Event, key [repository, change_id], newest updated_at {
        /// Repository the change was made to.
        repository: String,
        /// Id of the change, unique within the repository.
        change_id: String,
        /// `pull_request` or `commit`.
        kind: String,
        /// Title of the pull request or subject of the commit.
        title: Option<String>,
        /// Pseudonym of the author, as in `commits`.
        author_id: Option<String>,
        /// `human`, `agent`, `dependency_bot` or `other_bot`.
        author_kind: String,
        /// When the first original commit was authored.
        first_commit_at: Option<Instant>,
        /// What `first_commit_at` rests on: `commits` (the original ones), `squash` (the squashed commit, whose
        /// author time may be the merge), `opened`, or `none`.
        first_commit_basis: String,
        /// When the last original commit was authored.
        last_commit_at: Option<Instant>,
        /// When the pull request was opened.
        opened_at: Option<Instant>,
        /// When the change reached the default branch; null while it has not.
        merged_at: Option<Instant>,
        /// When it was closed without a merge.
        closed_at: Option<Instant>,
        /// `merge`, `squash`, `rebase`, `direct` or `unknown`; null while unmerged.
        merge_kind: Option<String>,
        /// The commit on the default branch that carries the change.
        merge_commit_sha: Option<String>,
        /// The branch a pull request was opened from; null for a direct push and where nobody recorded it.
        head_branch: Option<String>,
        /// Labels at the time of reading.
        labels: Vec<String>,
        /// Changes or commits this one reverts.
        reverts: Vec<String>,
        /// When the source last changed the record.
        updated_at: Option<Instant>,
    }
}
