//! Rows that several tests build from little.

use lake::{Instant, tables::commits};

/// A commit of `repository` with these parents, written and committed at the start of 1970.
pub(crate) fn commit(repository: &str, commit_sha: &str, parents: &[&str]) -> commits::Row {
    commits::Row {
        repository: repository.into(),
        commit_sha: commit_sha.into(),
        parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
        is_merge: parents.len() > 1,
        authored_at: Instant(0),
        author_offset_minutes: None,
        committed_at: Instant(0),
        committer_offset_minutes: None,
        author_id: String::new(),
        author_kind: "human".into(),
        subject: String::new(),
        reverts: vec![],
        cherry_picked_from: None,
        patch_id: None,
    }
}
