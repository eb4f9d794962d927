//! Table `commit_paths`.

use crate::contract::table;

table! {
    /// One path a commit touched, against its first parent; merge commits have none.
    commit_paths v 1, Event, key [repository, commit_sha, path] {
        /// Repository the commit belongs to.
        repository: String,
        /// Full object id of the commit.
        commit_sha: String,
        /// Path from the repository's root, with `/`; bytes that are not UTF-8 are replaced.
        path: String,
        /// `added`, `modified`, `deleted` or `type_changed`; renames are a deletion and an addition.
        path_change: String,
    }
}
