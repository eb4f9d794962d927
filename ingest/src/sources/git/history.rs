//! From commits to changes: what was merged to the default branch as one thing.
//!
//! Seen along first parents, the default branch is a list of merges. Each commit that is no merge belongs to the first
//! of them, from the oldest on, that brings it in.

use std::collections::{BTreeSet, HashMap};

use super::graph::{Graph, Number};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// `#12` or `!12` for a pull request, else the id of the commit that carries it.
    pub(super) id: String,
    /// Whether it is a pull request, as far as messages tell.
    pub(super) is_pull_request: bool,
    /// Title of the pull request, or subject of the commit.
    pub(super) title: String,
    /// The commit on the default branch that carries it; the last one, where there are several.
    pub(super) carrier: Number,
    /// Its commits that are no merges, by number, which is by commit time.
    pub(super) commits: Vec<Number>,
    /// How it came to the default branch.
    pub(super) merge_kind: MergeKind,
    /// What it reverts.
    pub(super) reverts: Vec<String>,
}

/// How a change came to the default branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MergeKind {
    /// By a merge commit.
    Merge,
    /// As one commit that stands for several.
    Squash,
    /// As several commits in a row.
    Rebase,
    /// Pushed, without a pull request.
    Direct,
    /// As one commit of a pull request, squashed or rebased.
    Unknown,
}

impl MergeKind {
    /// The word in the table.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
            Self::Direct => "direct",
            Self::Unknown => "unknown",
        }
    }

    /// What the time of the first commit rests on. A commit that may be a squash may carry the time of the merge.
    pub(super) fn first_commit_basis(self) -> &'static str {
        match self {
            Self::Squash | Self::Unknown => "squash",
            Self::Merge | Self::Rebase | Self::Direct => "commits",
        }
    }
}

/// All changes: those on the branch that ends at `tip`, oldest first, then those that only `releases` hold, such as
/// commits on a release branch.
pub(super) fn changes(graph: &Graph, tip: Number, releases: &[Number]) -> Vec<Change> {
    let mut seen = vec![false; graph.len()];
    let mut changes = Changes { graph, list: Vec::new(), pull_requests: HashMap::new() };
    for carrier in first_parents(graph, tip) {
        let brought = brought_in(graph, carrier, &mut seen);
        changes.add(carrier, brought);
    }
    for release in releases {
        for commit in brought_in(graph, *release, &mut seen) {
            changes.list.push(changes.single(commit));
        }
    }
    changes.list.into_iter().map(|change| with_reverts(graph, change)).collect()
}

/// The branch that ends at `tip`, oldest commit first.
fn first_parents(graph: &Graph, tip: Number) -> Vec<Number> {
    let mut chain: Vec<Number> = std::iter::successors(Some(tip), |number| graph.first_parent(*number)).collect();
    chain.reverse();
    chain
}

/// The commits that are no merges and that nothing before brought in, by number.
fn brought_in(graph: &Graph, from: Number, seen: &mut [bool]) -> Vec<Number> {
    let mut brought = graph.reach(from, seen);
    brought.retain(|number| !graph.commit(*number).is_merge());
    brought.sort_unstable();
    brought
}

struct Changes<'a> {
    graph: &'a Graph,
    list: Vec<Change>,
    /// Where in the list each pull request is.
    pull_requests: HashMap<String, usize>,
}

impl Changes<'_> {
    /// Adds what `carrier` brought in. A merge that brings in nothing is no change.
    fn add(&mut self, carrier: Number, brought: Vec<Number>) {
        if brought.is_empty() {
            return;
        }
        let commit = self.graph.commit(carrier);
        let Some(pull_request) = &commit.message.pull_request else {
            let mut change = self.single(carrier);
            if commit.is_merge() {
                change.merge_kind = MergeKind::Merge;
            }
            change.commits = brought;
            self.list.push(change);
            return;
        };
        let change = Change {
            id: pull_request.id.clone(),
            is_pull_request: true,
            title: pull_request.title.clone(),
            carrier,
            commits: brought,
            merge_kind: self.merge_kind(carrier),
            reverts: Vec::new(),
        };
        if let Some(at) = self.pull_requests.get(&change.id) {
            join(&mut self.list[*at], change);
        } else {
            self.pull_requests.insert(change.id.clone(), self.list.len());
            self.list.push(change);
        }
    }

    /// A commit that is a change of its own.
    fn single(&self, number: Number) -> Change {
        let commit = self.graph.commit(number);
        Change {
            id: commit.oid.hex(),
            is_pull_request: false,
            title: commit.message.subject.clone(),
            carrier: number,
            commits: vec![number],
            merge_kind: MergeKind::Direct,
            reverts: Vec::new(),
        }
    }

    /// How a commit that names a pull request came here. A forge that squashes writes a new commit, so both its times
    /// are the merge; a rebase keeps the author's.
    fn merge_kind(&self, carrier: Number) -> MergeKind {
        let commit = self.graph.commit(carrier);
        if commit.is_merge() {
            MergeKind::Merge
        } else if commit.authored.seconds == commit.committed.seconds || commit.message.lists_commits {
            MergeKind::Squash
        } else {
            MergeKind::Unknown
        }
    }
}

/// Joins a later part of a pull request to the earlier one: it came as several commits, and is there with the last.
fn join(change: &mut Change, later: Change) {
    let has_merge = [change.merge_kind, later.merge_kind].contains(&MergeKind::Merge);
    change.merge_kind = if has_merge { MergeKind::Merge } else { MergeKind::Rebase };
    change.carrier = later.carrier;
    change.commits.extend(later.commits);
    change.commits.sort_unstable();
}

/// Collects what the change and its commits say they revert; what it takes back of itself is no revert.
fn with_reverts(graph: &Graph, mut change: Change) -> Change {
    let own: BTreeSet<String> = change.commits.iter().map(|number| graph.commit(*number).oid.hex()).collect();
    let mut reverts = BTreeSet::new();
    for number in change.commits.iter().chain([&change.carrier]) {
        let message = &graph.commit(*number).message;
        reverts.extend(message.reverted_commits.iter().filter(|id| !own.contains(*id)).cloned());
        reverts.extend(message.reverted_changes.iter().filter(|id| **id != change.id).cloned());
    }
    change.reverts = reverts.into_iter().collect();
    change
}
