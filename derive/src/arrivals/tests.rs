//! Each test is a small history; changes are written as `id commits… merged-minute`.

use lake::{
    Instant,
    tables::{change_commits, changes, commits, rollout_changes, rollouts},
};

use super::{Arrivals, Inputs, link};
use crate::rollouts::Unplaced;
use crate::testing;

struct History {
    /// The repository that commits and changes are added to.
    repository: &'static str,
    commits: Vec<commits::Row>,
    changes: Vec<changes::Row>,
    change_commits: Vec<change_commits::Row>,
    rollouts: Vec<rollouts::Row>,
    unplaced: Vec<Unplaced>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            repository: "repo",
            commits: vec![],
            changes: vec![],
            change_commits: vec![],
            rollouts: vec![],
            unplaced: vec![],
        }
    }
}

fn minute(minute: i64) -> Instant {
    Instant::from_seconds(minute * 60)
}

/// `sha`, or `repository@sha`, joined by `+`.
fn revisions(text: &str) -> Vec<String> {
    text.split('+').map(|part| if part.contains('@') { part.to_owned() } else { format!("repo@{part}") }).collect()
}

impl History {
    fn in_repository(self, repository: &'static str) -> Self {
        Self { repository, ..self }
    }

    /// `name:parent,parent[=patch]`
    fn commit(mut self, text: &str) -> Self {
        let (text, patch) = text.split_once('=').map_or((text, None), |(text, patch)| (text, Some(patch)));
        let (name, parents) = text.split_once(':').unwrap_or((text, ""));
        let parents: Vec<&str> = parents.split(',').filter(|name| !name.is_empty()).collect();
        let patch_id = patch.map(str::to_owned);
        self.commits.push(commits::Row { patch_id, ..testing::commit(self.repository, name, &parents) });
        self
    }

    fn change(mut self, id: &str, shas: &[&str], first: i64, merged: i64) -> Self {
        self.changes.push(changes::Row {
            repository: self.repository.into(),
            change_id: id.into(),
            kind: "pull_request".into(),
            title: None,
            author_id: None,
            author_kind: "human".into(),
            first_commit_at: Some(minute(first)),
            first_commit_basis: "commits".into(),
            last_commit_at: None,
            opened_at: None,
            merged_at: Some(minute(merged)),
            closed_at: None,
            merge_kind: None,
            merge_commit_sha: None,
            labels: vec![],
            reverts: vec![],
            updated_at: None,
        });
        self.change_commits.extend(shas.iter().map(|sha| change_commits::Row {
            repository: self.repository.into(),
            change_id: id.into(),
            commit_sha: (*sha).into(),
        }));
        self
    }

    fn rollout(mut self, what: &str, finished: i64) -> Self {
        let number = self.rollouts.len();
        self.rollouts.push(rollouts::Row {
            rollout_id: format!("r{number}"),
            service: "api".into(),
            environment: "production".into(),
            kind: "release".into(),
            revisions: revisions(what),
            started_at: minute(finished),
            finished_at: Some(minute(finished)),
            attempt_count: 1,
            failed_attempt_count: 0,
            finished_attempt_count: 1,
            target_count: 1,
            failed_in_traffic: false,
            impaired_at: None,
            is_partial: false,
            is_first: number == 0,
            is_reapply: false,
            in_frequency: true,
            in_change_fail_rate: true,
            restores_rollout_id: None,
            deployment_ids: vec![],
            evidence: "release_tag".into(),
        });
        self
    }

    /// A rollout that not every required target got.
    fn partial_rollout(self, what: &str, finished: i64) -> Self {
        let mut history = self.rollout(what, finished);
        history.rollouts.last_mut().expect("it was just added").is_partial = true;
        history
    }

    /// A success of which nobody knows when it was, but not before a minute.
    fn unplaced(mut self, what: &str, not_before: i64) -> Self {
        self.unplaced.push(Unplaced {
            service: "api".into(),
            environment: "production".into(),
            revisions: revisions(what),
            not_before: Some(minute(not_before)),
        });
        self
    }

    fn link(&self) -> Arrivals {
        let inputs = Inputs { commits: &self.commits, changes: &self.changes, change_commits: &self.change_commits };
        link(inputs, &self.rollouts, &self.unplaced, minute(10_000))
    }
}

/// Change, rollout, method, and why it does not count.
type Place<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Option<&'a str>);

fn places(arrivals: &Arrivals) -> Vec<Place<'_>> {
    arrivals
        .rows
        .iter()
        .map(|row| {
            let row: &rollout_changes::Row = row;
            (row.change_id.as_str(), row.rollout_id.as_deref(), row.method.as_deref(), row.excluded.as_deref())
        })
        .collect()
}

#[test]
fn a_change_belongs_to_the_first_rollout_that_reaches_it_and_what_waits_is_kept() {
    let history = History::default()
        .commit("a")
        .commit("b:a")
        .commit("c:b")
        .commit("d:c")
        .change("1", &["a"], 0, 1)
        .change("2", &["b"], 2, 3)
        .change("3", &["c"], 4, 5)
        .change("4", &["d"], 6, 7)
        .rollout("a", 10)
        .rollout("c", 20);
    assert_eq!(
        places(&history.link()),
        [
            ("1", Some("r0"), Some("ancestry"), Some("first_rollout")),
            ("2", Some("r1"), Some("ancestry"), None),
            ("3", Some("r1"), Some("ancestry"), None),
            ("4", None, None, None),
        ]
    );
}

#[test]
fn a_change_has_arrived_when_its_last_commit_has() {
    let history = History::default()
        .commit("a")
        .commit("b:a")
        .commit("c:b")
        .change("1", &["b", "c"], 0, 30)
        .rollout("a", 10)
        .rollout("b", 20)
        .rollout("c", 40);
    assert_eq!(places(&history.link()), [("1", Some("r2"), Some("ancestry"), None)]);
}

#[test]
fn a_release_branch_does_not_carry_what_the_trunk_already_brought() {
    // The branch leaves the trunk at a, and is released after the trunk's b.
    let history = History::default()
        .commit("a")
        .commit("b:a")
        .commit("x:a")
        .change("1", &["a"], 0, 1)
        .change("2", &["b"], 0, 2)
        .change("3", &["x"], 0, 3)
        .rollout("a", 10)
        .rollout("b", 20)
        .rollout("x", 30);
    let arrivals = history.link();
    assert_eq!(
        places(&arrivals)[1..],
        [("2", Some("r1"), Some("ancestry"), None), ("3", Some("r2"), Some("ancestry"), None)]
    );
    assert_eq!(arrivals.not_descending, ["r2"]);
}

#[test]
fn of_a_cherry_pick_and_its_origin_the_first_arrival_counts_once() {
    // c is made on the trunk, its copy y is released on the branch first.
    let history = History::default()
        .commit("a")
        .commit("c:a=p1")
        .commit("y:a=p1")
        .change("origin", &["c"], 0, 5)
        .change("copy", &["y"], 0, 6)
        .rollout("a", 10)
        .rollout("y", 20)
        .rollout("c", 30);
    assert_eq!(places(&history.link()), [("origin", Some("r1"), Some("patch_id"), None)]);
}

#[test]
fn what_follows_an_unknown_revision_has_no_lead_time() {
    let history = History::default()
        .commit("a")
        .commit("b:a")
        .commit("c:b")
        .change("1", &["b"], 0, 1)
        .change("2", &["c"], 0, 2)
        .rollout("a", 10)
        .rollout("gone", 15)
        .rollout("b", 20)
        .rollout("c", 30);
    let arrivals = history.link();
    assert_eq!(arrivals.unknown_revision, ["r1"]);
    assert_eq!(
        places(&arrivals),
        [("1", Some("r2"), Some("ancestry"), Some("history_gap")), ("2", Some("r3"), Some("ancestry"), None)]
    );
}

#[test]
fn of_two_rollouts_in_one_instant_the_ancestor_was_first() {
    let history = History::default()
        .commit("a")
        .commit("b:a")
        .commit("c:b")
        .change("1", &["b"], 0, 1)
        .change("2", &["c"], 0, 2)
        .rollout("a", 10)
        .rollout("c", 20)
        .rollout("b", 20);
    assert_eq!(places(&history.link())[0].1, Some("r2"));
    assert_eq!(places(&history.link())[1].1, Some("r1"));
}

#[test]
fn a_first_commit_after_the_merge_is_never_the_start() {
    let history =
        History::default().commit("a").commit("b:a").change("1", &["b"], 50, 5).rollout("a", 1).rollout("b", 60);
    let arrivals = history.link();
    assert_eq!((arrivals.rows[0].started_at, arrivals.rows[0].started_at_basis.as_str()), (Some(minute(5)), "merged"));
}

#[test]
fn the_order_of_the_rows_does_not_matter() {
    let mut history = History::default()
        .commit("a")
        .commit("b:a=p")
        .commit("c:b")
        .commit("y:a=p")
        .change("1", &["b"], 0, 1)
        .change("2", &["c"], 0, 2)
        .change("3", &["y"], 0, 3)
        .rollout("a", 10)
        .rollout("y", 15)
        .rollout("c", 20);
    let forward = history.link().rows;
    history.commits.reverse();
    history.changes.reverse();
    history.change_commits.reverse();
    history.rollouts.reverse();
    assert_eq!(history.link().rows, forward);
}

#[test]
fn the_first_rollout_that_carries_a_repository_says_nothing_of_its_changes() {
    // The library is known from the second rollout on: what it brought there may have been live for years.
    let history = History::default()
        .commit("a")
        .commit("b:a")
        .change("1", &["b"], 0, 1)
        .in_repository("lib")
        .commit("x")
        .commit("y:x")
        .commit("z:y")
        .change("2", &["y"], 0, 2)
        .change("3", &["z"], 0, 3)
        .rollout("a", 10)
        .rollout("b+lib@y", 20)
        .rollout("b+lib@z", 30);
    assert_eq!(
        places(&history.link()),
        [
            ("2", Some("r1"), Some("ancestry"), Some("first_rollout")),
            ("3", Some("r2"), Some("ancestry"), None),
            ("1", Some("r1"), Some("ancestry"), None),
        ]
    );
}

#[test]
fn a_change_whose_commits_are_unknown_does_not_wait_for_ever() {
    let history =
        History::default().commit("a").commit("b:a").change("1", &["gone"], 0, 1).rollout("a", 10).rollout("b", 20);
    assert_eq!(places(&history.link()), [("1", None, None, Some("commits_unknown"))]);
}

#[test]
fn what_a_partial_rollout_carried_arrives_with_the_next_whole_one() {
    let history = History::default()
        .commit("a")
        .commit("b:a")
        .commit("c:b")
        .change("1", &["b"], 0, 1)
        .change("2", &["c"], 0, 2)
        .rollout("a", 10)
        .partial_rollout("b", 20);
    assert_eq!(places(&history.link()), [("1", None, None, None), ("2", None, None, None)]);
    let arrivals = history.rollout("c", 30).link();
    assert_eq!(
        places(&arrivals),
        [("1", Some("r2"), Some("ancestry"), None), ("2", Some("r2"), Some("ancestry"), None)]
    );
    assert_eq!(arrivals.rows[0].deployed_at, Some(minute(30)));
}

#[test]
fn a_success_without_a_place_in_time_makes_what_it_may_have_brought_doubtful() {
    let until_c = || {
        History::default()
            .commit("a")
            .commit("b:a")
            .commit("c:b")
            .commit("d:c")
            .change("1", &["b"], 0, 1)
            .change("2", &["c"], 0, 2)
            .change("3", &["d"], 0, 3)
            .rollout("a", 10)
    };
    let doubtful =
        |history: History| -> Vec<Option<String>> { history.link().rows.into_iter().map(|row| row.excluded).collect() };
    let gap = || Some("history_gap".to_owned());
    // d is known to be there from minute 30; c came some time after minute 15, with b.
    assert_eq!(doubtful(until_c().rollout("d", 30).unplaced("c", 15)), [gap(), gap(), None]);
    // b is known to be there from minute 12, whenever c came.
    assert_eq!(doubtful(until_c().rollout("b", 12).rollout("d", 30).unplaced("c", 11)), [None, gap(), None]);
    // It went there again, after everything had arrived.
    assert_eq!(doubtful(until_c().rollout("d", 30).unplaced("c", 40)), [None, None, None]);
    // Nothing else brought c: it does not wait, and d does.
    assert_eq!(doubtful(until_c().unplaced("c", 15)), [gap(), gap(), None]);
}
