//! How a pull request came to its branch: by a merge commit, squashed, or rebased. GitHub does not say it; the commit
//! it was merged as tells, beside the commits of the pull request.

use super::commit::Facts;

/// How it was merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MergeKind {
    Merge,
    Squash,
    Rebase,
    Unknown,
}

impl MergeKind {
    /// The word in the table.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
            Self::Unknown => "unknown",
        }
    }
}

/// How a pull request of these commits was merged as `carrier`.
///
/// A rebase writes each commit again and keeps who wrote it and when, so its last commit looks like that of the pull
/// request. A squash has one new commit, dated now, whose subject names the pull request.
pub(super) fn kind(change_id: &str, own: &[Facts], carrier: Option<&Facts>) -> MergeKind {
    let Some(carrier) = carrier else { return MergeKind::Unknown };
    if carrier.row.is_merge {
        return MergeKind::Merge;
    }
    if own.iter().any(|commit| commit.row.commit_sha == carrier.row.commit_sha) {
        // Pushed as it was: the branch was moved forward to it.
        return MergeKind::Rebase;
    }
    let claims_it = carrier.claims.as_deref() == Some(change_id);
    let rewritten = |commit: &Facts| {
        commit.row.authored_at == carrier.row.authored_at
            && commit.row.author_id == carrier.row.author_id
            && commit.row.subject == carrier.row.subject
    };
    match last_of(own) {
        Some(last) if rewritten(last) => MergeKind::Rebase,
        _ if claims_it || carrier.lists_commits || carrier.row.authored_at == carrier.row.committed_at => {
            MergeKind::Squash
        }
        _ => MergeKind::Unknown,
    }
}

/// The commit of a pull request that none of its others builds on: the last one, however the list is ordered.
fn last_of(own: &[Facts]) -> Option<&Facts> {
    own.iter().filter(|commit| !commit.row.is_merge).rfind(|commit| {
        !own.iter().any(|other| !other.row.is_merge && other.row.parents.contains(&commit.row.commit_sha))
    })
}
