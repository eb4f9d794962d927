//! Table `commits`.

use crate::{Instant, contract::table};

table! {
    /// One commit of a repository, merge commits included.
    commits v 2, Event, key [repository, commit_sha] {
        /// Repository the commit belongs to.
        repository: String,
        /// Full object id of the commit.
        commit_sha: String,
        /// Object ids of its parents, first parent first; empty for a root.
        parents: Vec<String>,
        /// More than one parent. Merge commits are left out of lead time.
        is_merge: bool,
        /// When the change was first written: survives rebase and cherry-pick.
        authored_at: Instant,
        /// The author's own offset from UTC; null where the source tells times in UTC alone.
        author_offset_minutes: Option<i64>,
        /// When this commit object was made.
        committed_at: Instant,
        /// The committer's own offset from UTC; null where the source tells times in UTC alone.
        committer_offset_minutes: Option<i64>,
        /// Pseudonym of the author: the first 16 hex digits of the SHA-256 of the lower-case e-mail address.
        author_id: String,
        /// `human`, `agent`, `dependency_bot` or `other_bot`.
        author_kind: String,
        /// First line of the message.
        subject: String,
        /// Commits this one says it reverts.
        reverts: Vec<String>,
        /// Commit this one says it was cherry-picked from.
        cherry_picked_from: Option<String>,
        /// Id of the patch itself, equal for copies of one change; computed only where another commit shares
        /// author and author time, null elsewhere.
        patch_id: Option<String>,
    }
}
