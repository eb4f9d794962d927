//! Each test is a small history; changes are written as `id commits… merged-minute`.

use lake::{
    Instant,
    tables::{change_commits, changes, commit_paths, commits, coverage, rollout_changes, rollouts},
};
use proptest::prelude::*;

use super::{Arrivals, Inputs, ServicePaths, link};
use crate::exposure::Exposure;
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
    commit_paths: Vec<commit_paths::Row>,
    paths: ServicePaths,
    /// Stated holes in what was read of the deployments, in minutes.
    holes: Vec<(i64, i64)>,
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
            commit_paths: vec![],
            paths: ServicePaths::default(),
            holes: vec![],
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
            head_branch: None,
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
            first_target_at: Some(minute(finished)),
            attempt_count: 1,
            failed_attempt_count: 0,
            finished_attempt_count: 1,
            target_count: 1,
            failed_in_traffic: false,
            impaired_at: None,
            is_partial: false,
            is_first: number == 0,
            is_reapply: false,
            is_mixed: false,
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

    /// The last change, otherwise.
    fn but(mut self, otherwise: impl FnOnce(&mut changes::Row)) -> Self {
        otherwise(self.changes.last_mut().expect("a change was added"));
        self
    }

    /// The last rollout, otherwise.
    fn rolled(mut self, otherwise: impl FnOnce(&mut rollouts::Row)) -> Self {
        otherwise(self.rollouts.last_mut().expect("a rollout was added"));
        self
    }

    /// What a commit touched.
    fn touching(mut self, sha: &str, paths: &[&str]) -> Self {
        self.commit_paths.extend(paths.iter().map(|path| commit_paths::Row {
            repository: self.repository.into(),
            commit_sha: sha.into(),
            path: (*path).into(),
            path_change: "modified".into(),
        }));
        self
    }

    /// Nobody looked at the deployments between these minutes.
    fn hole(mut self, start: i64, end: i64) -> Self {
        self.holes.push((start, end));
        self
    }

    fn link(&self) -> Arrivals {
        let row = |(start, end): (i64, i64), is_complete| coverage::Row {
            stream: "s".into(),
            covers: "deployments".into(),
            repository: None,
            service: None,
            range_start_at: Some(minute(start)),
            range_end_at: Some(minute(end)),
            is_complete,
            reason: None,
            missing_count: None,
        };
        let holes = self.holes.iter().map(|hole| row(*hole, false));
        let coverage: Vec<coverage::Row> = holes.chain([row((0, 10_000), true)]).collect();
        let inputs = Inputs {
            commits: &self.commits,
            changes: &self.changes,
            change_commits: &self.change_commits,
            commit_paths: &self.commit_paths,
            paths: &self.paths,
            exposure: &Exposure::new(&coverage, minute(10_000)),
        };
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

fn excluded(arrivals: &Arrivals) -> Vec<Option<&str>> {
    arrivals.rows.iter().map(|row| row.excluded.as_deref()).collect()
}

fn starts(arrivals: &Arrivals) -> Vec<(Option<Instant>, &str)> {
    arrivals.rows.iter().map(|row| (row.started_at, row.started_at_basis.as_str())).collect()
}

#[test]
fn what_a_failed_attempt_would_have_brought_keeps_waiting() {
    let history = History::default()
        .commit("a")
        .commit("b:a")
        .change("1", &["b"], 0, 1)
        .rollout("a", 10)
        .rollout("b", 20)
        .rolled(|rollout| (rollout.finished_at, rollout.first_target_at, rollout.target_count) = (None, None, 0));
    assert_eq!(places(&history.link()), [("1", None, None, None)]);
    // One that reached users and was given up is no arrival either.
    let given_up = history.rolled(|rollout| rollout.finished_at = Some(minute(20)));
    assert_eq!(places(&given_up.link()), [("1", None, None, None)]);
}

#[test]
fn a_rollout_without_new_commits_brings_no_change() {
    let history = History::default()
        .commit("a")
        .commit("b:a")
        .change("1", &["b"], 0, 1)
        .rollout("a", 10)
        .rollout("b", 20)
        .rollout("b+image@sha256:2", 30)
        .rollout("b+image@sha256:2+values@3", 40);
    assert_eq!(places(&history.link()), [("1", Some("r1"), Some("ancestry"), None)]);
}

#[test]
fn what_was_closed_without_a_merge_is_not_there() {
    let history = History::default()
        .commit("a")
        .commit("b:a")
        .change("1", &["b"], 0, 1)
        .but(|change| (change.merged_at, change.closed_at) = (None, Some(minute(1))))
        .rollout("a", 10)
        .rollout("b", 20);
    assert!(history.link().rows.is_empty());
}

#[test]
fn what_is_merged_and_not_deployed_is_observed_until_the_end() {
    let arrivals = History::default().commit("a").commit("b:a").change("1", &["b"], 0, 1).rollout("a", 10).link();
    assert_eq!((arrivals.rows[0].deployed_at, arrivals.rows[0].observed_until_at), (None, minute(10_000)));
}

#[test]
fn several_repositories_in_one_rollout_have_a_range_each_and_a_change_counts_once() {
    let history = History::default()
        .commit("a")
        .commit("b:a")
        .change("1", &["b"], 0, 1)
        .in_repository("lib")
        .commit("x")
        .commit("y:x")
        .change("1", &["y"], 0, 2)
        .rollout("a+lib@x", 10)
        .rollout("b+lib@y", 20)
        .rollout("b+lib@x", 30)
        .rollout("b+lib@y", 40);
    let arrivals = history.link();
    let rows: Vec<_> = arrivals.rows.iter().map(|row| (&*row.repository, row.rollout_id.as_deref())).collect();
    assert_eq!(rows, [("lib", Some("r1")), ("repo", Some("r1"))]);
}

#[test]
fn a_change_that_touches_two_services_counts_in_each_and_one_that_touches_neither_in_none() {
    let patterns = |of: &[&str]| of.iter().map(|pattern| (*pattern).to_owned()).collect();
    let paths = ServicePaths::new(&std::collections::BTreeMap::from([
        ("api".to_owned(), patterns(&["services/api", "libraries/**/http*"])),
        ("web".to_owned(), patterns(&["services/web/**"])),
    ]));
    let mut history = History::default()
        .commit("a")
        .commit("b:a")
        .commit("c:b")
        .commit("d:c")
        .commit("e:d")
        .touching("b", &["services/api/main.rs", "services/web/index.html"])
        .touching("c", &["libraries/net/http2/frame.rs"])
        .touching("d", &["services/apis/main.rs", "README.md"])
        .change("both", &["b"], 0, 1)
        .change("api", &["c"], 0, 2)
        .change("neither", &["d"], 0, 3)
        .change("unread", &["e"], 0, 4)
        .rollout("a", 10)
        .rollout("e", 20)
        .rollout("a", 10)
        .rolled(|rollout| "web".clone_into(&mut rollout.service))
        .rollout("e", 30)
        .rolled(|rollout| "web".clone_into(&mut rollout.service));
    history.paths = paths;
    let arrivals = history.link();
    let found: Vec<_> =
        arrivals.rows.iter().map(|row| (&*row.service, &*row.change_id, row.excluded.as_deref())).collect();
    assert_eq!(
        found,
        [
            ("api", "api", None),
            ("api", "both", None),
            ("api", "unread", Some("paths_unknown")),
            ("web", "both", None),
            ("web", "unread", Some("paths_unknown")),
        ]
    );
}

#[test]
fn what_was_squashed_arrives_as_the_squashed_commit() {
    // The original commits are known, too, and never reach the trunk.
    let history = History::default()
        .commit("a")
        .commit("x:a")
        .commit("y:x")
        .commit("s:a")
        .change("1", &["x", "y"], 2, 5)
        .but(|change| {
            change.merge_kind = Some("squash".into());
            change.merge_commit_sha = Some("s".into());
        })
        .rollout("a", 10)
        .rollout("s", 20);
    assert_eq!(places(&history.link()), [("1", Some("r1"), Some("ancestry"), None)]);
    assert_eq!(starts(&history.link()), [(Some(minute(2)), "first_commit")]);
}

#[test]
fn a_squash_whose_commits_are_gone_starts_when_it_was_opened() {
    let squashed = |opened: Option<i64>| {
        History::default()
            .commit("a")
            .commit("s:a")
            .change("1", &["s"], 5, 5)
            .but(|change| {
                "squash".clone_into(&mut change.first_commit_basis);
                change.opened_at = opened.map(minute);
            })
            .rollout("a", 10)
            .rollout("s", 20)
            .link()
    };
    assert_eq!(starts(&squashed(Some(3))), [(Some(minute(3)), "opened")]);
    assert_eq!(starts(&squashed(None)), [(Some(minute(5)), "squash")]);
}

#[test]
fn a_wrong_clock_gives_way_to_the_next_time_in_order() {
    let start = |first: i64, last: i64, opened: i64| {
        let arrivals = History::default()
            .commit("a")
            .commit("b:a")
            .change("1", &["b"], first, 50)
            .but(|change| {
                change.last_commit_at = Some(minute(last));
                change.opened_at = Some(minute(opened));
            })
            .rollout("a", 10)
            .rollout("b", 60)
            .link();
        (arrivals.rows[0].started_at, arrivals.rows[0].started_at_basis.clone())
    };
    assert_eq!(start(1, 2, 3), (Some(minute(1)), "first_commit".to_owned()));
    assert_eq!(start(99_999, 2, 3), (Some(minute(2)), "last_commit".to_owned()), "in the future");
    assert_eq!(start(55, 51, 3), (Some(minute(3)), "opened".to_owned()));
    assert_eq!(start(55, 70, 51), (Some(minute(50)), "merged".to_owned()));
}

#[test]
fn a_rebased_change_starts_when_it_was_written_and_else_when_it_was_committed() {
    let rebased = |first: Option<i64>| {
        let mut history = History::default()
            .commit("a")
            .commit("b:a")
            .change("1", &["b"], 0, 50)
            .but(|change| change.first_commit_at = first.map(minute))
            .rollout("a", 10)
            .rollout("b", 60);
        history.commits[1].committed_at = minute(40);
        history.link()
    };
    assert_eq!(starts(&rebased(Some(3))), [(Some(minute(3)), "first_commit")]);
    assert_eq!(starts(&rebased(None)), [(Some(minute(40)), "committer")]);
}

#[test]
fn a_merge_commit_is_out_of_lead_time() {
    let history = History::default()
        .commit("a")
        .commit("b:a")
        .commit("m:a,b")
        .change("1", &["b"], 0, 1)
        .change("2", &["m"], 0, 1)
        .but(|change| "commit".clone_into(&mut change.kind))
        .rollout("a", 10)
        .rollout("m", 20);
    assert_eq!(excluded(&history.link()), [None, Some("merge_commit")]);
}

#[test]
fn the_first_target_may_have_it_long_before_the_last() {
    let history = History::default()
        .commit("a")
        .commit("b:a")
        .change("1", &["b"], 0, 1)
        .rollout("a", 10)
        .partial_rollout("b", 20)
        .rollout("b", 40)
        .rolled(|rollout| rollout.first_target_at = Some(minute(30)));
    let arrivals = history.link();
    assert_eq!((arrivals.rows[0].deployed_at, arrivals.rows[0].first_target_at), (Some(minute(40)), Some(minute(20))));
}

#[test]
fn a_lead_time_across_a_gap_is_null() {
    let until_d = || {
        History::default()
            .commit("a")
            .commit("b:a")
            .commit("c:b")
            .commit("d:c")
            .change("1", &["b"], 0, 12)
            .change("2", &["c"], 0, 28)
            .change("3", &["d"], 0, 12)
            .rollout("a", 10)
    };
    let across =
        |history: History| -> Vec<Option<String>> { history.link().rows.into_iter().map(|row| row.excluded).collect() };
    let gap = || Some("history_gap".to_owned());
    // Minutes 15 to 25 are lost: b may have gone out in them; c was merged after them; d came with a rollout after one
    // that nobody missed.
    assert_eq!(across(until_d().hole(15, 25).rollout("c", 30).rollout("d", 40)), [gap(), None, None]);
    // A gap before or after a rollout and the one before it says nothing of what it brought.
    assert_eq!(across(until_d().hole(2, 9).hole(31, 35).rollout("c", 30).rollout("d", 40)), [None, None, gap()]);
    // What seems to wait may have gone out in the gap.
    assert_eq!(across(until_d().hole(15, 25)), [gap(), None, gap()]);
    // The first rollout after it put there what was there before, so the next one may have brought nothing new, either.
    assert_eq!(across(until_d().hole(15, 25).rollout("a", 30).rollout("c", 40)), [gap(), None, None]);
}

#[test]
fn what_was_merged_after_an_unknown_rollout_was_not_in_it() {
    let history = History::default()
        .commit("a")
        .commit("b:a")
        .change("1", &["b"], 0, 16)
        .rollout("a", 10)
        .rollout("gone", 15)
        .rollout("b", 20);
    assert_eq!(excluded(&history.link()), [None]);
}

mod oracle {
    //! First arrival, as plainly as the definitions allow: sets of ancestors, rollout by rollout.

    use std::collections::BTreeSet;

    use super::*;

    /// Parents, patch, and commits of each change; the changes' merge order; the rollouts' tips, and which are partial.
    type Story = (Vec<(Vec<usize>, Option<u8>)>, Vec<Vec<usize>>, Vec<(usize, bool)>);

    /// Any acyclic history with merges, several roots and copies; changes of any commits; rollouts of any tips.
    fn stories() -> impl Strategy<Value = Story> {
        use prop::sample::Index;
        let commit = (prop::collection::vec(any::<Index>(), 0..3), prop::option::weighted(0.4, 0u8..4));
        let commits = prop::collection::vec(commit, 1..14);
        let changes = prop::collection::vec(prop::collection::vec(any::<Index>(), 1..4), 0..6);
        let rollouts = prop::collection::vec((any::<Index>(), prop::bool::weighted(0.2)), 1..6);
        (commits, changes, rollouts).prop_map(|(commits, changes, rollouts)| {
            let count = commits.len();
            let pick = |picks: &[Index], below: usize| -> Vec<usize> {
                let picked: BTreeSet<usize> =
                    picks.iter().filter(|_| below > 0).map(|pick| pick.index(below)).collect();
                picked.into_iter().collect()
            };
            (
                commits.iter().enumerate().map(|(at, (parents, patch))| (pick(parents, at), *patch)).collect(),
                changes.iter().map(|commits| pick(commits, count)).collect(),
                rollouts.iter().map(|(tip, is_partial)| (tip.index(count), *is_partial)).collect(),
            )
        })
    }

    fn history((commits, changes, rollouts): &Story) -> History {
        let mut history = History::default();
        for (at, (parents, patch)) in commits.iter().enumerate() {
            let parents: Vec<String> = parents.iter().map(|parent| format!("c{parent:02}")).collect();
            let patch = patch.map_or_else(String::new, |patch| format!("=p{patch}"));
            history = history.commit(&format!("c{at:02}:{}{patch}", parents.join(",")));
        }
        for (at, own) in changes.iter().enumerate() {
            let shas: Vec<String> = own.iter().map(|commit| format!("c{commit:02}")).collect();
            let shas: Vec<&str> = shas.iter().map(String::as_str).collect();
            history = history.change(&format!("{at}"), &shas, 0, i64::try_from(at).expect("a few") + 1);
        }
        for (at, (tip, is_partial)) in rollouts.iter().enumerate() {
            let finished = 100 + 10 * i64::try_from(at).expect("a few");
            history =
                history.rollout(&format!("c{tip:02}"), finished).rolled(|rollout| rollout.is_partial = *is_partial);
        }
        history
    }

    fn ancestors(commits: &[(Vec<usize>, Option<u8>)], tip: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::from([tip]);
        for parent in &commits[tip].0 {
            found.extend(ancestors(commits, *parent));
        }
        found
    }

    /// Change, and the place of the whole rollout after which all of it was there, and whether that took a copy.
    fn expected((commits, changes, rollouts): &Story) -> Vec<(String, Option<usize>, bool)> {
        let is_twin = |a: usize, b: usize| a != b && commits[a].1.is_some() && commits[a].1 == commits[b].1;
        let mut taken: BTreeSet<usize> = BTreeSet::new();
        let mut rows = Vec::new();
        for (at, own) in changes.iter().enumerate() {
            if own.iter().all(|commit| taken.iter().any(|other| is_twin(*commit, *other))) {
                continue;
            }
            taken.extend(own);
            let mut there: BTreeSet<usize> = BTreeSet::new();
            let (mut own_at, mut copy_at) = (None, None);
            for (place, (tip, _)) in rollouts.iter().enumerate().filter(|(_, (_, is_partial))| !is_partial) {
                there.extend(ancestors(commits, *tip));
                let has = |commit: &usize| there.contains(commit);
                let has_copy = |commit: &usize| has(commit) || there.iter().any(|other| is_twin(*commit, *other));
                own_at = own_at.or(own.iter().all(has).then_some(place));
                copy_at = copy_at.or(own.iter().all(has_copy).then_some(place));
            }
            rows.push((format!("{at}"), copy_at, own_at != copy_at));
        }
        rows
    }

    proptest! {
        #[test]
        fn first_arrival_of_changes_equals_brute_force(story in stories()) {
            let arrivals = history(&story).link();
            let whole: Vec<usize> = (0..story.2.len()).filter(|place| !story.2[*place].1).collect();
            let expected = if whole.is_empty() { vec![] } else { expected(&story) };
            let found: Vec<(String, Option<usize>, bool)> = arrivals
                .rows
                .iter()
                .map(|row| {
                    let place = row.rollout_id.as_ref().map(|id| id[1..].parse().expect("its place"));
                    (row.change_id.clone(), place, row.method.as_deref() == Some("patch_id"))
                })
                .collect();
            prop_assert_eq!(&found, &expected);
            for row in &arrivals.rows {
                let is_first = row.rollout_id == whole.first().map(|place| format!("r{place}"));
                prop_assert_eq!(row.excluded.as_deref(), is_first.then_some("first_rollout"));
                prop_assert!(row.first_target_at.is_some() || row.deployed_at.is_none());
                prop_assert!(row.deployed_at.is_none() || row.first_target_at <= row.deployed_at);
            }
        }

        /// Whichever order the records come in, and whichever service is asked first.
        #[test]
        fn the_order_of_records_changes_no_arrival(story in stories(), seed in any::<u64>()) {
            let mut history = history(&story);
            let forward = history.link().rows;
            let mut turn = seed;
            let mut next = |below: usize| {
                turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                usize::try_from(turn >> 33).expect("31 bits") % below.max(1)
            };
            let at = next(history.commits.len());
            history.commits.rotate_left(at);
            let at = next(history.changes.len());
            history.changes.rotate_left(at);
            history.change_commits.reverse();
            history.rollouts.reverse();
            prop_assert_eq!(history.link().rows, forward);
        }
    }
}
