//! Table `change_commits`.

use crate::contract::table;

table! {
    /// One commit of a change: what has to arrive somewhere for the change to be there.
    change_commits v 1, Event, key [repository, change_id, commit_sha] {
        /// Repository the change was made to.
        repository: String,
        /// Id of the change.
        change_id: String,
        /// Full object id of the commit.
        commit_sha: String,
    }
}
