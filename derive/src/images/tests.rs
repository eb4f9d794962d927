//! Each test is a short story of syncs and of the images that were seen to run.

use lake::Instant;
use lake::tables::{commits, deployments, image_revisions, inventory};

use super::*;
use crate::rollouts;

fn at(minute: i64) -> Instant {
    Instant::from_seconds(minute * 60)
}

/// `minute target part+part`, a success that took half a minute.
fn sync(line: &str) -> deployments::Row {
    let words: Vec<&str> = line.split_whitespace().collect();
    let minute: i64 = words[0].parse().expect("a minute");
    deployments::Row {
        deployment_id: format!("{}@{minute}", words[1]),
        attempt: 1,
        target: words[1].to_owned(),
        service: Some("api".into()),
        environment: Some("production".into()),
        revisions: words[2].split('+').map(str::to_owned).collect(),
        status: "success".into(),
        started_at: Some(at(minute)),
        finished_at: Some(Instant(at(minute).0 + 30 * Instant::MICROS)),
        reached_users: None,
        intent: None,
        actor_id: None,
        evidence: "sync_history".into(),
        updated_at: None,
    }
}

/// `minute target name version`: an image that was seen to run since the sync of that minute.
fn seen(line: &str) -> inventory::Row {
    let words: Vec<&str> = line.split_whitespace().collect();
    inventory::Row {
        application_id: words[1].to_owned(),
        service: Some("api".into()),
        environment: Some("production".into()),
        target: words[1].to_owned(),
        namespace: None,
        kind: "image".into(),
        name: words[2].to_owned(),
        version: words[3].to_owned(),
        digest: None,
        since_at: Instant(at(words[0].parse().expect("a minute")).0 + 30 * Instant::MICROS),
        since_basis: "deployed".into(),
        seen_at: None,
    }
}

/// `image commit confidence`, of the repository `acme/api`; a commit `-` is not known.
fn built(line: &str) -> image_revisions::Row {
    let words: Vec<&str> = line.split_whitespace().collect();
    let commit = Some(words[1].to_owned()).filter(|commit| commit != "-");
    image_revisions::Row {
        image: words[0].to_owned(),
        name: words[0].to_owned(),
        tag: None,
        digest: None,
        repository: commit.as_ref().map(|_| "acme/api".to_owned()),
        commit_sha: commit,
        method: words[2].to_owned(),
        confidence: words[2].parse().expect("a confidence"),
        resolved_at: None,
    }
}

fn commit(sha: &str) -> commits::Row {
    commits::Row {
        repository: "acme/api".into(),
        commit_sha: sha.to_owned(),
        parents: Vec::new(),
        is_merge: false,
        authored_at: at(0),
        author_offset_minutes: None,
        committed_at: at(0),
        committer_offset_minutes: None,
        author_id: "0".repeat(16),
        author_kind: "human".into(),
        subject: String::new(),
        reverts: Vec::new(),
        cherry_picked_from: None,
        patch_id: None,
    }
}

fn resolved(syncs: &[&str], images: &[&str], revisions: &[&str], known: &[&str]) -> Resolved {
    let deployments: Vec<_> = syncs.iter().map(|line| sync(line)).collect();
    let inventory: Vec<_> = images.iter().map(|line| seen(line)).collect();
    let image_revisions: Vec<_> = revisions.iter().map(|line| built(line)).collect();
    let commits: Vec<_> = known.iter().map(|sha| commit(sha)).collect();
    resolve(Inputs {
        deployments: &deployments,
        inventory: &inventory,
        image_revisions: &image_revisions,
        commits: &commits,
    })
}

/// What was added to each attempt.
fn added(resolved: &Resolved) -> Vec<String> {
    let source = |row: &deployments::Row| {
        let parts: Vec<&str> =
            row.revisions.iter().map(String::as_str).filter(|part| part.starts_with("acme/api@")).collect();
        parts.join(" ")
    };
    resolved.deployments.iter().map(source).collect()
}

const A: &str = "aaaaaaa111111111111111111111111111111111";
const B: &str = "bbbbbbb222222222222222222222222222222222";

#[test]
fn a_configuration_commit_leads_to_the_source_by_its_images() {
    let resolved = resolved(
        &["1 eu config:d@1", "9 eu config:d@2"],
        &["1 eu reg/api v1", "9 eu reg/api v2"],
        &[&format!("reg/api:v1 {A} 0.9"), &format!("reg/api:v2 {B} 0.9")],
        &[],
    );
    assert_eq!(added(&resolved), [format!("acme/api@{A}"), format!("acme/api@{B}")]);
    assert!(resolved.unresolved.is_empty());
}

#[test]
fn what_was_learnt_on_one_target_holds_for_the_revision_set() {
    let resolved = resolved(
        &["1 eu config:d@1", "2 us config:d@1", "9 eu config:d@2", "20 eu config:d@1"],
        &["2 us reg/api v1"],
        &[&format!("reg/api:v1 {A} 0.9")],
        &[],
    );
    let source = format!("acme/api@{A}");
    assert_eq!(added(&resolved), [source.clone(), source.clone(), String::new(), source]);
}

#[test]
fn a_shortened_commit_is_made_whole_where_one_commit_alone_begins_like_that() {
    let story = |known: &[&str]| {
        added(&resolved(&["1 eu config:d@1"], &["1 eu reg/api v1"], &["reg/api:v1 aaaaaaa 0.85"], known))
    };
    assert_eq!(story(&[A, B]), [format!("acme/api@{A}")]);
    assert_eq!(story(&[A, "aaaaaaa333333333333333333333333333333333"]), ["acme/api@aaaaaaa"]);
    assert_eq!(story(&[]), ["acme/api@aaaaaaa"]);
}

#[test]
fn the_surest_answer_counts_and_a_tie_that_disagrees_is_none() {
    let story = |revisions: &[&str]| resolved(&["1 eu config:d@1"], &["1 eu reg/api v1"], revisions, &[]);
    let surer = story(&[&format!("reg/api:v1 {B} 0.7"), &format!("reg/api:v1 {A} 0.95"), "reg/api:v1 - 0"]);
    assert_eq!(added(&surer), [format!("acme/api@{A}")]);
    let tie = story(&[&format!("reg/api:v1 {B} 0.9"), &format!("reg/api:v1 {A} 0.9")]);
    assert_eq!((added(&tie), tie.unresolved.len()), (vec![String::new()], 1));
    let agreed = story(&[&format!("reg/api:v1 {A} 0.9"), "reg/api:v1 aaaaaaa 0.9"]);
    assert_eq!(added(&agreed), [format!("acme/api@{A}")]);
}

#[test]
fn images_that_disagree_about_one_repository_tell_nothing() {
    let resolved = resolved(
        &["1 eu config:d@1"],
        &["1 eu reg/api v1", "1 eu reg/worker v2"],
        &[&format!("reg/api:v1 {A} 0.9"), &format!("reg/worker:v2 {B} 0.9")],
        &[],
    );
    assert_eq!((added(&resolved), resolved.unresolved.len()), (vec![String::new()], 1));
}

#[test]
fn the_configuration_never_stands_in_for_the_source() {
    let resolved = resolved(&["1 eu config:d@1"], &["1 eu reg/api v1"], &["reg/api:v1 - 0"], &[A]);
    assert_eq!(resolved.deployments[0].revisions, ["config:d@1"]);
    assert_eq!(resolved.unresolved.iter().collect::<Vec<_>>(), ["eu@1"]);
}

#[test]
fn images_that_the_set_names_itself_need_not_be_seen() {
    let revisions =
        [&format!("reg/api:v1 {A} 0.9"), &format!("config:d@2 {B} 0.95"), &format!("reg/api@sha256:ff {A} 0.9")];
    let revisions: Vec<&str> = revisions.iter().map(|line| line.as_str()).collect();
    let syncs = ["1 eu config:d@1+reg/api@v1", "9 eu config:d@2", "20 eu reg/api@sha256:ff"];
    let told = added(&resolved(&syncs, &[], &revisions, &[]));
    assert_eq!(told, [format!("acme/api@{A}"), format!("acme/api@{B}"), format!("acme/api@{A}")]);
}

#[test]
fn a_source_that_the_set_names_is_not_contradicted() {
    let own = format!("1 eu acme/api@{B}+config:d@1");
    let resolved = resolved(&[&own], &["1 eu reg/api v1"], &[&format!("reg/api:v1 {A} 0.9")], &[]);
    assert_eq!(added(&resolved), [format!("acme/api@{B}")]);
}

#[test]
fn kinds_of_rollouts_follow_the_source_and_not_the_configuration() {
    let resolved = resolved(
        &["1 eu config:d@1", "9 eu config:d@2", "20 eu config:d@3", "30 eu config:d@2"],
        &["1 eu reg/api v1", "9 eu reg/api v2", "20 eu reg/api v2"],
        &[&format!("reg/api:v1 {A} 0.9"), &format!("reg/api:v2 {B} 0.9")],
        &[],
    );
    let built = rollouts::build(&resolved.deployments, at(1000)).rollouts;
    let kinds: Vec<&str> = built.iter().map(|rollout| rollout.kind.as_str()).collect();
    assert_eq!(kinds, ["release", "release", "config", "rollback"]);
}

#[test]
fn the_order_of_the_rows_does_not_matter() {
    let mut deployments: Vec<_> = ["1 eu config:d@1", "2 us config:d@1", "9 eu config:d@2"].map(sync).to_vec();
    let mut inventory: Vec<_> = ["1 eu reg/api v1", "9 eu reg/api v2"].map(seen).to_vec();
    let lines = [format!("reg/api:v1 {A} 0.9"), "reg/api:v1 aaaaaaa 0.9".to_owned(), format!("reg/api:v2 {B} 0.9")];
    let mut image_revisions: Vec<_> = lines.iter().map(|line| built(line)).collect();
    let run =
        |deployments: &[deployments::Row], inventory: &[inventory::Row], image_revisions: &[image_revisions::Row]| {
            let mut resolved = resolve(Inputs { deployments, inventory, image_revisions, commits: &[] });
            resolved.deployments.sort_by(|a, b| a.deployment_id.cmp(&b.deployment_id));
            resolved
        };
    let forward = run(&deployments, &inventory, &image_revisions);
    deployments.reverse();
    inventory.reverse();
    image_revisions.reverse();
    assert_eq!(run(&deployments, &inventory, &image_revisions), forward);
}
