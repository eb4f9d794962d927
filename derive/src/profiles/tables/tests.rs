use lake::Instant;
use lake::tables::{changes, commits, deployments, rollouts};

use super::{attempts, record_changes};
use crate::rollouts::build;
use crate::testing::commit;

const HOUR: i64 = 3_600 * Instant::MICROS;
const END: Instant = Instant(1_000 * HOUR);

/// A deployment of these revisions that ended at this hour.
fn deployment(id: &str, attempt: i64, hour: i64, status: &str, revisions: &[&str]) -> deployments::Row {
    deployments::Row {
        deployment_id: id.into(),
        attempt,
        target: String::new(),
        service: Some("api".into()),
        environment: Some("production".into()),
        revisions: revisions.iter().map(|part| (*part).to_owned()).collect(),
        status: status.into(),
        started_at: Some(Instant(hour * HOUR)),
        finished_at: Some(Instant(hour * HOUR + HOUR / 2)),
        reached_users: None,
        intent: None,
        actor_id: None,
        evidence: "record".into(),
        updated_at: None,
    }
}

/// A pull request that this commit carries.
fn change(repository: &str, id: &str, merge_commit: &str) -> changes::Row {
    changes::Row {
        repository: repository.into(),
        change_id: id.into(),
        kind: "pull_request".into(),
        title: None,
        author_id: None,
        author_kind: "human".into(),
        first_commit_at: Some(Instant(0)),
        first_commit_basis: "commits".into(),
        last_commit_at: None,
        opened_at: None,
        merged_at: Some(Instant(0)),
        closed_at: None,
        merge_kind: None,
        merge_commit_sha: Some(merge_commit.into()),
        head_branch: None,
        labels: vec![],
        reverts: vec![],
        updated_at: None,
    }
}

/// `change in repository with deployment` of every change that a record carried.
fn carried(deployments: &[deployments::Row], commits: &[commits::Row], changes: &[changes::Row]) -> Vec<String> {
    let built: Vec<rollouts::Row> = build(deployments, END).rollouts;
    record_changes(&attempts(deployments, &built, END), commits, changes, END)
        .into_iter()
        .map(|one| format!("{} in {} with {}", one.change_id, one.repository, one.deployment_id))
        .collect()
}

/// A line of commits, each the parent of the next one.
fn line(repository: &str, shas: &[&str]) -> Vec<commits::Row> {
    let parents = std::iter::once(None).chain(shas.iter().map(Some));
    shas.iter()
        .zip(parents)
        .map(|(sha, parent)| commit(repository, sha, parent.map_or(&[][..], |one| std::slice::from_ref(one))))
        .collect()
}

#[test]
fn a_record_carries_what_lies_between_it_and_the_success_before() {
    let commits = line("repo", &["c1", "c2", "c3", "c4"]);
    let changes = [
        change("repo", "p1", "c1"),
        change("repo", "p2", "c2"),
        change("repo", "p3", "c3"),
        change("repo", "p4", "c4"),
    ];
    let deployments = [
        deployment("d1", 1, 1, "success", &["repo@c1"]),
        deployment("d2", 1, 2, "failure", &["repo@c2"]),
        deployment("d3", 1, 3, "success", &["repo@c3"]),
        // Back, and forth again: the range from an older commit counts what it holds a second time.
        deployment("d4", 1, 4, "success", &["repo@c1"]),
        deployment("d5", 1, 5, "success", &["repo@c4"]),
    ];
    // cell of devlake: deploy -> change
    // cell of devlake: first-ever deploy
    let found = carried(&deployments, &commits, &changes);
    assert_eq!(
        found,
        ["p2 in repo with d3", "p3 in repo with d3", "p2 in repo with d5", "p3 in repo with d5", "p4 in repo with d5"]
    );
}

#[test]
fn a_record_of_several_repositories_has_a_range_in_each() {
    let commits = [line("one", &["c1", "c2"]), line("two", &["e1", "e2"])].concat();
    let changes = [change("one", "p2", "c2"), change("two", "q2", "e2")];
    let deployments = [
        deployment("d1", 1, 1, "success", &["one@c1", "two@e1"]),
        deployment("d2", 1, 2, "success", &["one@c2", "two@e2"]),
    ];
    // cell of devlake: several repos per deploy
    assert_eq!(carried(&deployments, &commits, &changes), ["p2 in one with d2", "q2 in two with d2"]);
}

#[test]
fn an_attempt_after_a_success_is_part_of_the_later_rollout() {
    let deployments = [
        deployment("d1", 1, 1, "failure", &["repo@c1"]),
        deployment("d1", 2, 2, "success", &["repo@c1"]),
        deployment("d1", 3, 3, "success", &["repo@c1"]),
        deployment("d9", 1, 4, "cancelled", &["repo@c2"]),
    ];
    let built = build(&deployments, END).rollouts;
    assert_eq!(built.len(), 2, "a rollout with two attempts, and a redeploy");
    let found: Vec<Option<&str>> = attempts(&deployments, &built, END).iter().map(|one| one.rollout_id).collect();
    let (first, again) = (Some(built[0].rollout_id.as_str()), Some(built[1].rollout_id.as_str()));
    assert_eq!(found, [first, first, again, None]);
}

#[test]
fn what_ended_after_the_as_of_time_was_running_then() {
    let deployments =
        [deployment("d1", 1, 1, "success", &["repo@c1"]), deployment("d2", 1, 900, "success", &["repo@c2"])];
    let as_of = Instant(900 * HOUR + 1);
    let found = attempts(&deployments, &[], as_of);
    assert_eq!(found.iter().map(|one| one.status).collect::<Vec<_>>(), ["success", "running"]);
    assert!(found[0].is_success() && !found[1].is_success());
    assert_eq!(attempts(&deployments, &[], Instant(2 * HOUR)).len(), 1, "it had not begun");
}
