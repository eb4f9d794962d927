//! Where the lead time of a change starts.

use lake::{Instant, tables::changes};

/// The start of a lead time: when the first original commit was authored, else the next best time. A time after the
/// merge or the deployment is a wrong clock and never a start; it gives way to the next one and is not cut to fit.
/// `committed_at` is when the first of the change's commits was made: the fallback where nobody knows the author's time.
///
/// What was squashed starts when its pull request was opened, as the squashed commit may have been written at the merge.
pub(super) fn start_of(
    change: &changes::Row,
    committed_at: Option<Instant>,
    deployed_at: Option<Instant>,
) -> (Option<Instant>, &'static str) {
    let first = change.first_commit_at;
    let opened = (change.opened_at, "opened");
    let merged = (change.merged_at, "merged");
    let candidates = match change.first_commit_basis.as_str() {
        "squash" => [opened, (first, "squash"), merged, (None, "none")],
        "opened" => [(first, "opened"), opened, merged, (None, "none")],
        _ => {
            let committed = if first.is_none() { (committed_at, "committer") } else { (first, "first_commit") };
            [committed, (change.last_commit_at, "last_commit"), opened, merged]
        }
    };
    let fits = |at: Instant| {
        change.merged_at.is_none_or(|merged| at <= merged) && deployed_at.is_none_or(|deployed| at <= deployed)
    };
    candidates
        .into_iter()
        .find_map(|(at, basis)| at.filter(|at| fits(*at)).map(|at| (Some(at), basis)))
        .unwrap_or((None, "none"))
}
