//! Columns that hold one word of a closed set.

/// Table, column, and the words it may hold.
type ClosedSet = (&'static str, &'static str, &'static [&'static str]);

const AUTHOR_KINDS: &[&str] = &["human", "agent", "dependency_bot", "other_bot"];

/// Every closed set, as the meanings of the columns list them.
pub(crate) const CLOSED_SETS: &[ClosedSet] = &[
    ("alerts", "end_basis", &["resolved", "firing", "uncertain"]),
    ("alerts", "witness", &["samples", "range_query", "alertmanager", "webhook"]),
    ("changes", "kind", &["pull_request", "commit"]),
    ("changes", "author_kind", AUTHOR_KINDS),
    ("changes", "first_commit_basis", &["commits", "squash", "opened", "none"]),
    ("changes", "merge_kind", &["merge", "squash", "rebase", "direct", "unknown"]),
    ("check_runs", "kind", &["workflow_run", "check_run", "commit_status"]),
    ("commit_paths", "path_change", &["added", "modified", "deleted", "type_changed"]),
    ("commits", "author_kind", AUTHOR_KINDS),
    ("deployments", "status", &["success", "failure", "cancelled", "skipped", "superseded", "running", "unknown"]),
    ("deployments", "intent", &["rollback", "hotfix", "config", "feature_flag"]),
    ("health_transitions", "time_basis", &["reported", "observed"]),
    (
        "image_revisions",
        "method",
        &["annotation", "label", "revision_metadata", "tag", "rule", "unresolved"],
    ),
    ("incidents", "cause", &["change", "infrastructure", "vendor", "unknown"]),
    ("inventory", "kind", &["chart", "image", "git"]),
    ("inventory", "since_basis", &["deployed", "first_seen"]),
    ("releases", "tag_kind", &["annotated", "lightweight", "unknown"]),
    ("releases", "released_at_basis", &["tagger", "committer", "published"]),
];

/// The words a column may hold, if they are a closed set.
pub(crate) fn words_of(table: &str, column: &str) -> Option<&'static [&'static str]> {
    CLOSED_SETS.iter().find(|set| set.0 == table && set.1 == column).map(|set| set.2)
}
