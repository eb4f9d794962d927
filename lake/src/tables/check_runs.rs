//! Table `check_runs`.

use crate::{Instant, contract::table};

table! {
    /// One attempt of one automatic check of a commit: a workflow run, a check run or a commit status.
    check_runs v 1, Event, key [repository, check_id, attempt], newest updated_at {
        /// Repository of the commit.
        repository: String,
        /// Id of the check, unique within the repository.
        check_id: String,
        /// Number of the attempt, from 1.
        attempt: i64,
        /// `workflow_run`, `check_run` or `commit_status`.
        kind: String,
        /// Name of the workflow, check or context.
        name: String,
        /// Commit that was checked.
        commit_sha: String,
        /// Branch it ran for, where known.
        branch: Option<String>,
        /// What made it run, such as `push`.
        event: Option<String>,
        /// `queued`, `in_progress`, `completed`, or the source's own word.
        status: String,
        /// `success`, `failure`, `cancelled`, `skipped`, `timed_out`, or the source's own word; null while it runs.
        conclusion: Option<String>,
        /// When this attempt started.
        started_at: Option<Instant>,
        /// When this attempt ended.
        completed_at: Option<Instant>,
        /// When the source last changed the record.
        updated_at: Option<Instant>,
    }
}
