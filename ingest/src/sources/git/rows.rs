//! From what was read to rows of the tables.

use std::collections::BTreeMap;

use lake::tables::{change_commits, changes, commit_paths, commits, deployments, releases};

use crate::authorship::AuthorKind;
use super::graph::{Commit, Graph};
use super::history::Change;
use super::oid::Oid;
use super::paths::Touch;
use super::releases::Release;

/// What a deployment rests on where it is a tag.
const EVIDENCE: &str = "release_tag";

pub(super) fn commit(repository: &str, commit: &Commit, patch_ids: &BTreeMap<Oid, String>) -> commits::Row {
    commits::Row {
        repository: repository.to_owned(),
        commit_sha: commit.oid.hex(),
        parents: commit.parents.iter().map(Oid::hex).collect(),
        is_merge: commit.is_merge(),
        authored_at: commit.authored_at(),
        author_offset_minutes: Some(commit.authored.offset_minutes),
        committed_at: commit.committed_at(),
        committer_offset_minutes: Some(commit.committed.offset_minutes),
        author_id: commit.author.text(),
        author_kind: commit.author_kind.word().to_owned(),
        subject: commit.message.subject.clone(),
        reverts: commit.message.reverted_commits.clone(),
        cherry_picked_from: commit.message.cherry_picked_from.clone(),
        patch_id: patch_ids.get(&commit.oid).cloned(),
    }
}

pub(super) fn path(repository: &str, touch: Touch) -> commit_paths::Row {
    commit_paths::Row {
        repository: repository.to_owned(),
        commit_sha: touch.commit.hex(),
        path: touch.path,
        path_change: touch.path_change.to_owned(),
    }
}

/// The author of a change is that of its first commit; it is an agent's as soon as one commit is, because an agent took
/// part in the work.
pub(super) fn change(repository: &str, graph: &Graph, change: &Change) -> changes::Row {
    let commits = || change.commits.iter().map(|number| graph.commit(*number));
    let carrier = graph.commit(change.carrier);
    let first = commits().min_by_key(|commit| (commit.authored.seconds, commit.oid)).unwrap_or(carrier);
    let last_at = commits().map(Commit::authored_at).max().unwrap_or(carrier.authored_at());
    let has_agent = commits().any(|commit| commit.author_kind == AuthorKind::Agent);
    let author_kind = if has_agent { AuthorKind::Agent } else { first.author_kind };
    changes::Row {
        repository: repository.to_owned(),
        change_id: change.id.clone(),
        kind: if change.is_pull_request { "pull_request" } else { "commit" }.to_owned(),
        title: Some(change.title.clone()),
        author_id: Some(first.author.text()),
        author_kind: author_kind.word().to_owned(),
        first_commit_at: Some(first.authored_at()),
        first_commit_basis: change.merge_kind.first_commit_basis().to_owned(),
        last_commit_at: Some(last_at),
        opened_at: None,
        merged_at: Some(carrier.committed_at()),
        closed_at: None,
        merge_kind: Some(change.merge_kind.word().to_owned()),
        merge_commit_sha: Some(carrier.oid.hex()),
        head_branch: None,
        labels: Vec::new(),
        reverts: change.reverts.clone(),
        updated_at: None,
    }
}

pub(super) fn change_commits<'a>(
    repository: &'a str,
    graph: &'a Graph,
    change: &'a Change,
) -> impl Iterator<Item = change_commits::Row> + 'a {
    change.commits.iter().map(|number| change_commits::Row {
        repository: repository.to_owned(),
        change_id: change.id.clone(),
        commit_sha: graph.commit(*number).oid.hex(),
    })
}

pub(super) fn release(repository: &str, release: &Release) -> releases::Row {
    let place = &release.place;
    releases::Row {
        repository: repository.to_owned(),
        tag: release.tag.clone(),
        commit_sha: place.commit_sha.clone(),
        tag_kind: if place.is_annotated { "annotated" } else { "lightweight" }.to_owned(),
        released_at: place.released_at,
        released_at_basis: if place.is_by_tagger { "tagger" } else { "committer" }.to_owned(),
        version: if release.reading.is_match { &release.reading.version } else { &release.tag }.clone(),
        service: release.reading.service.clone(),
        is_prerelease: release.reading.is_prerelease,
        is_production: release.reading.is_production,
        has_moved: release.has_moved,
    }
}

/// A release to production as a deployment: a tag says when, but not how long it took, how often it was tried, nor
/// whether a failed try came before.
pub(super) fn deployment(repository: &str, service: &str, environment: &str, release: &Release) -> deployments::Row {
    let place = &release.place;
    let short: String = place.commit_sha.chars().take(12).collect();
    deployments::Row {
        deployment_id: format!("git:{repository}:{}@{short}", release.tag),
        attempt: 1,
        target: String::new(),
        service: Some(release.reading.service.as_deref().unwrap_or(service).to_owned()),
        environment: Some(environment.to_owned()),
        revisions: vec![format!("{repository}@{}", place.commit_sha)],
        status: "success".to_owned(),
        started_at: Some(place.released_at),
        finished_at: Some(place.released_at),
        reached_users: None,
        intent: None,
        actor_id: place.tagger_id.clone(),
        evidence: EVIDENCE.to_owned(),
        updated_at: None,
    }
}
