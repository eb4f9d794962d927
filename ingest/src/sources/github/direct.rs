//! What came to the default branch without a pull request.
//!
//! Seen along first parents, the new part of the branch is a list of commits. Each of them carries a pull request, is one
//! of the commits that a rebase wrote, or was pushed directly.

use std::collections::{BTreeMap, BTreeSet};

use lake::Instant;
use lake::tables::{change_commits, changes};

use super::commit::Facts;

/// A merged pull request, as far as the branch shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Merged {
    pub(super) change_id: String,
    /// The commit it was merged as.
    pub(super) carrier: String,
    /// Its own commits: who wrote what, when, under which subject.
    pub(super) commits: BTreeSet<Trace>,
    /// The ids of its own commits.
    pub(super) shas: BTreeSet<String>,
    /// Its commits were written again on the branch.
    pub(super) is_rebased: bool,
}

/// The merged pull requests of a reading, no more than may be held.
#[derive(Debug, Default)]
pub(super) struct Merges {
    known: Vec<Merged>,
    /// There are others: of each commit that none of these explains, GitHub has to be asked.
    is_partial: bool,
}

impl Merges {
    /// Adds one, unless there are `most` already.
    pub(super) fn add(&mut self, merged: Merged, most: usize) {
        if self.known.len() < most {
            self.known.push(merged);
        } else {
            self.is_partial = true;
        }
    }

    /// Notes that there are others.
    pub(super) fn forget_some(&mut self) {
        self.is_partial = true;
    }

    /// Those that are known.
    pub(super) fn known(&self) -> &[Merged] {
        &self.known
    }

    /// Whether there are others.
    pub(super) fn is_partial(&self) -> bool {
        self.is_partial
    }
}

/// What a rebase keeps of a commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Trace {
    author_id: String,
    authored_at: Instant,
    subject: String,
}

impl From<&Facts> for Trace {
    fn from(facts: &Facts) -> Self {
        let row = &facts.row;
        Self { author_id: row.author_id.clone(), authored_at: row.authored_at, subject: row.subject.clone() }
    }
}

/// A commit of the branch that no known pull request explains.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) change: changes::Row,
    pub(super) commits: Vec<change_commits::Row>,
    /// Its message names a pull request all the same.
    pub(super) is_doubtful: bool,
}

/// What the new part of the branch that ends at `head` shows: what was pushed directly from `since` on, and the commits
/// that rebases wrote. What stands on something of that time is of that time, too, whatever its clock said: once there is
/// any, `since` is none.
pub(super) fn pushed(
    commits: &BTreeMap<String, Facts>,
    head: &str,
    merged: &[Merged],
    since: &mut Option<Instant>,
) -> (Vec<Candidate>, Vec<change_commits::Row>) {
    let mut branch: Vec<&Facts> =
        std::iter::successors(commits.get(head), |facts| commits.get(facts.row.parents.first()?)).collect();
    branch.reverse();
    let rewritten = rewritten(&branch, merged);
    let carriers: BTreeSet<&str> = merged.iter().map(|merged| merged.carrier.as_str()).collect();
    let of_pulls: BTreeSet<&str> = merged.iter().flat_map(|merged| merged.shas.iter().map(String::as_str)).collect();
    let mut seen = BTreeSet::new();
    let mut candidates = Vec::new();
    for carrier in branch {
        let sha = carrier.row.commit_sha.as_str();
        let brought = brought_in(commits, carrier, &mut seen);
        let is_since = |facts: &Facts| since.is_some_and(|since| facts.row.committed_at >= since);
        if is_since(carrier) || brought.iter().any(|facts| is_since(facts)) {
            *since = None;
        }
        let is_explained = carriers.contains(sha) || of_pulls.contains(sha) || rewritten.contains_key(sha);
        if !is_explained && !brought.is_empty() && since.is_none() {
            candidates.push(candidate(carrier, &brought));
        }
    }
    let added = rewritten.iter().map(|(sha, change_id)| row(commits, sha, change_id)).collect();
    (candidates, added)
}

/// The commits of the branch that rebases wrote, with the pull request each belongs to: from the one it was merged as
/// backwards, as long as they look like commits of the pull request.
fn rewritten(branch: &[&Facts], merged: &[Merged]) -> BTreeMap<String, String> {
    let places: BTreeMap<&str, usize> =
        branch.iter().enumerate().map(|(at, facts)| (facts.row.commit_sha.as_str(), at)).collect();
    let mut found = BTreeMap::new();
    for merged in merged.iter().filter(|merged| merged.is_rebased) {
        let Some(end) = places.get(merged.carrier.as_str()) else { continue };
        let own = branch[..=*end].iter().rev().take_while(|facts| merged.commits.contains(&Trace::from(**facts)));
        for facts in own.take(merged.commits.len()) {
            found.insert(facts.row.commit_sha.clone(), merged.change_id.clone());
        }
    }
    found
}

/// The new commits that are no merges and that nothing before brought in.
fn brought_in<'a>(
    commits: &'a BTreeMap<String, Facts>,
    carrier: &'a Facts,
    seen: &mut BTreeSet<&'a str>,
) -> Vec<&'a Facts> {
    let mut brought = Vec::new();
    let mut open = vec![carrier];
    while let Some(facts) = open.pop() {
        if seen.insert(&facts.row.commit_sha) {
            open.extend(facts.row.parents.iter().filter_map(|parent| commits.get(parent)));
            if !facts.row.is_merge {
                brought.push(facts);
            }
        }
    }
    brought.sort_by(|a, b| (a.row.authored_at, &a.row.commit_sha).cmp(&(b.row.authored_at, &b.row.commit_sha)));
    brought
}

fn row(commits: &BTreeMap<String, Facts>, sha: &str, change_id: &str) -> change_commits::Row {
    let repository = commits.get(sha).map(|facts| facts.row.repository.clone()).unwrap_or_default();
    change_commits::Row { repository, change_id: change_id.to_owned(), commit_sha: sha.to_owned() }
}

fn candidate(carrier: &Facts, brought: &[&Facts]) -> Candidate {
    let own = &carrier.row;
    let first = brought.first().map_or(own, |facts| &facts.row);
    let has_agent = brought.iter().any(|facts| facts.row.author_kind == "agent");
    let shas: BTreeSet<&str> = brought.iter().map(|facts| facts.row.commit_sha.as_str()).collect();
    let speaking = || brought.iter().copied().chain([carrier]);
    let reverted: BTreeSet<String> = speaking()
        .flat_map(|facts| facts.row.reverts.iter().chain(&facts.reverted_changes))
        .filter(|id| !shas.contains(id.as_str()))
        .cloned()
        .collect();
    let change = changes::Row {
        repository: own.repository.clone(),
        change_id: own.commit_sha.clone(),
        kind: "commit".to_owned(),
        title: Some(own.subject.clone()),
        author_id: Some(first.author_id.clone()),
        author_kind: if has_agent { "agent".to_owned() } else { first.author_kind.clone() },
        first_commit_at: Some(first.authored_at),
        first_commit_basis: "commits".to_owned(),
        last_commit_at: brought.iter().map(|facts| facts.row.authored_at).max(),
        opened_at: None,
        merged_at: Some(own.committed_at),
        closed_at: None,
        merge_kind: Some(if own.is_merge { "merge" } else { "direct" }.to_owned()),
        merge_commit_sha: Some(own.commit_sha.clone()),
        head_branch: None,
        labels: Vec::new(),
        reverts: reverted.into_iter().collect(),
        updated_at: None,
    };
    let commits = brought.iter().map(|facts| change_commits::Row {
        repository: own.repository.clone(),
        change_id: own.commit_sha.clone(),
        commit_sha: facts.row.commit_sha.clone(),
    });
    Candidate { change, commits: commits.collect(), is_doubtful: carrier.claims.is_some() }
}
