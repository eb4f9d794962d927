//! From a pull request with its commits to its rows.

use std::collections::BTreeSet;

use lake::tables::{change_commits, changes};

use super::commit::Facts;
use super::direct::Merged;
use super::merge::{self, MergeKind};
use super::wire;
use super::work::account_of;
use crate::authorship::{AuthorKind, Classifier, messages};

/// The rows of one pull request.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) change: changes::Row,
    pub(super) commits: Vec<change_commits::Row>,
    /// How the branch shows it, where it was merged.
    pub(super) merged: Option<Merged>,
}

/// The id of a pull request within its repository, as git messages write it.
pub(super) fn id(number: u64) -> String {
    format!("#{number}")
}

/// Whether a merge to this branch is an arrival.
pub(super) fn is_arrival(base: Option<&str>, default_branch: &str, former: &[String]) -> bool {
    let Some(base) = base else { return true };
    base == default_branch
        || former.iter().any(|known| known == base)
        // Most branches that are called `main` now were called `master` once, and old pull requests keep the name.
        || (former.is_empty() && default_branch == "main" && base == "master")
}

/// The rows of a pull request. `own` are its own commits, `carrier` the commit it was merged as, and `has_arrived` says
/// whether it was merged to the default branch.
///
/// An unmerged pull request has a `merge_commit_sha`, too: that of a merge which was only tried.
pub(super) fn rows(
    repository: &str,
    pull: &wire::Pull,
    own: &[Facts],
    carrier: Option<&Facts>,
    has_arrived: bool,
    authors: &Classifier,
) -> Rows {
    let change_id = id(pull.number);
    let merged_at = pull.merged_at.filter(|_| has_arrived);
    let carrier_sha = merged_at.and(pull.merge_commit_sha.clone());
    let merge_kind = merged_at.map(|_| merge::kind(&change_id, own, carrier));
    let written: Vec<&Facts> = own.iter().filter(|commit| !commit.row.is_merge).collect();
    let first = written.iter().min_by_key(|commit| (commit.row.authored_at, &commit.row.commit_sha));
    let (first_commit_at, basis) = match (first, pull.created_at) {
        (Some(first), _) => (Some(first.row.authored_at), "commits"),
        (None, Some(opened_at)) => (Some(opened_at), "opened"),
        (None, None) => (None, "none"),
    };
    let (author_id, author_kind) = author(pull, &written, first.copied(), authors);
    let change = changes::Row {
        repository: repository.to_owned(),
        change_id: change_id.clone(),
        kind: "pull_request".to_owned(),
        title: pull.title.clone(),
        author_id,
        author_kind: author_kind.to_owned(),
        first_commit_at,
        first_commit_basis: basis.to_owned(),
        last_commit_at: written.iter().map(|commit| commit.row.authored_at).max(),
        opened_at: pull.created_at,
        merged_at,
        closed_at: pull.closed_at.filter(|_| merged_at.is_none()),
        merge_kind: merge_kind.map(|kind| kind.word().to_owned()),
        merge_commit_sha: carrier_sha.clone(),
        head_branch: pull.head.as_ref().and_then(|side| side.branch.clone()),
        labels: labels(&pull.labels),
        reverts: reverts(repository, &change_id, pull, own),
        updated_at: Some(pull.updated_at),
    };
    let commits = carried(&written, merge_kind, carrier_sha.as_deref()).into_iter().map(|commit_sha| {
        change_commits::Row { repository: repository.to_owned(), change_id: change_id.clone(), commit_sha }
    });
    let commits = commits.collect();
    let merged = carrier_sha.map(|carrier| Merged {
        change_id,
        carrier,
        commits: written.iter().map(|commit| (*commit).into()).collect(),
        shas: own.iter().map(|commit| commit.row.commit_sha.clone()).collect(),
        is_rebased: merge_kind == Some(MergeKind::Rebase),
    });
    Rows { change, commits, merged }
}

/// The names of labels, sorted.
pub(super) fn labels(labels: &[wire::AnyLabel]) -> Vec<String> {
    let mut names = wire::names(labels);
    names.sort();
    names
}

/// Who wrote it: the account that opened it, under the pseudonym of its commits where it wrote any; else whoever wrote
/// the first commit. An agent among those who took part makes it an agent's.
fn author(
    pull: &wire::Pull,
    written: &[&Facts],
    first: Option<&Facts>,
    authors: &Classifier,
) -> (Option<String>, &'static str) {
    let account = account_of(authors, pull.user.as_ref());
    let login = pull.user.as_ref().and_then(|user| user.login.as_ref()).map(|login| login.to_lowercase());
    let own = written
        .iter()
        .filter(|commit| commit.login.is_some() && commit.login == login)
        .min_by_key(|commit| (commit.row.authored_at, &commit.row.commit_sha));
    let author_id = match (own, account) {
        (Some(own), _) => Some(own.row.author_id.clone()),
        (None, Some((pseudonym, _))) => Some(pseudonym.text()),
        (None, None) => first.map(|first| first.row.author_id.clone()),
    };
    let words = ["human", "agent", "dependency_bot", "other_bot"];
    let of_commit = |word: &str| words.into_iter().find(|known| *known == word).unwrap_or("human");
    let has_agent = written.iter().any(|commit| commit.row.author_kind == AuthorKind::Agent.word());
    let kind = match account {
        _ if has_agent => AuthorKind::Agent.word(),
        Some((_, kind)) => kind.word(),
        None => first.map_or("human", |first| of_commit(&first.row.author_kind)),
    };
    (author_id, kind)
}

/// The commits that have to arrive for the change to be there. Those of a squash or a rebase are not the ones that the
/// pull request shows: the commit it was merged as speaks for them.
fn carried(written: &[&Facts], kind: Option<MergeKind>, carrier: Option<&str>) -> Vec<String> {
    let own = || written.iter().map(|commit| commit.row.commit_sha.clone()).collect::<Vec<_>>();
    match (kind, carrier) {
        (None, _) => own(),
        (Some(MergeKind::Merge), _) if !written.is_empty() => own(),
        (_, carrier) => carrier.into_iter().map(str::to_owned).collect(),
    }
}

/// What its title, its text and its commits say they revert; what it takes back of itself is no revert.
fn reverts(repository: &str, change_id: &str, pull: &wire::Pull, own: &[Facts]) -> Vec<String> {
    let text = [pull.title.as_deref(), pull.body.as_deref()].map(Option::unwrap_or_default).join("\n\n");
    let said = messages::read(&text, repository);
    let of_commits = own.iter().flat_map(|commit| commit.row.reverts.iter().chain(&commit.reverted_changes));
    let all: BTreeSet<String> = said
        .reverted_commits
        .iter()
        .chain(&said.reverted_changes)
        .chain(of_commits)
        .filter(|id| *id != change_id && !own.iter().any(|commit| commit.row.commit_sha == **id))
        .cloned()
        .collect();
    all.into_iter().collect()
}
