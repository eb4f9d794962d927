//! Each test is a short story of attempts; the expected column is the edge-case table of the definitions.

use lake::{Instant, tables::deployments, tables::rollouts};
use proptest::prelude::*;

use super::{Unplaced, build};

/// `minute revision status [ends=minute] [target=] [users=] [intent=] [environment=]`, one attempt a line.
fn story(lines: &[&str]) -> Vec<rollouts::Row> {
    let rows: Vec<deployments::Row> = lines.iter().enumerate().map(|(at, line)| parse(at, line)).collect();
    build(&rows, Instant::from_seconds(100_000)).rollouts
}

fn parse(at: usize, line: &str) -> deployments::Row {
    let words: Vec<&str> = line.split_whitespace().collect();
    let minute: i64 = words[0].parse().expect("a minute");
    let named = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)).map(str::to_owned);
    deployments::Row {
        deployment_id: format!("d{at:02}"),
        attempt: 1,
        target: named("target=").unwrap_or_default(),
        service: Some("api".into()),
        environment: Some(named("environment=").unwrap_or_else(|| "production".into())),
        revisions: words[1]
            .split('+')
            .map(|part| format!("{part}@{}", "0".repeat(40 - 1) + &part[part.len() - 1..]))
            .collect(),
        status: words[2].to_owned(),
        started_at: Some(Instant::from_seconds(minute * 60)),
        finished_at: Some(match named("ends=") {
            Some(end) => Instant::from_seconds(end.parse::<i64>().expect("a minute") * 60),
            None => Instant::from_seconds(minute * 60 + 30),
        }),
        reached_users: named("users=").map(|word| word == "yes"),
        intent: named("intent="),
        actor_id: None,
        evidence: "deployment_status".into(),
        updated_at: None,
    }
}

fn kinds(rollouts: &[rollouts::Row]) -> Vec<&str> {
    rollouts.iter().map(|rollout| rollout.kind.as_str()).collect()
}

#[test]
fn a_failed_attempt_and_its_retry_are_one_rollout() {
    let rollouts = story(&["1 a1 success", "5 a2 failure", "6 a2 success"]);
    assert_eq!(kinds(&rollouts), ["release", "release"]);
    assert_eq!((rollouts[1].attempt_count, rollouts[1].failed_attempt_count), (2, 1));
    assert_eq!(rollouts[1].finished_at, Some(Instant::from_seconds(6 * 60 + 30)));
}

#[test]
fn an_attempt_that_failed_before_users_saw_it_is_in_no_rate() {
    let rollouts = story(&["1 a1 success", "5 a2 failure"]);
    assert_eq!(
        (rollouts[1].finished_at, rollouts[1].in_frequency, rollouts[1].in_change_fail_rate),
        (None, false, false)
    );
}

#[test]
fn an_attempt_that_failed_in_traffic_is_a_failed_rollout() {
    let rollouts = story(&["1 a1 success", "5 a2 failure users=yes"]);
    assert!(rollouts[1].in_frequency && rollouts[1].in_change_fail_rate && rollouts[1].failed_in_traffic);
}

#[test]
fn the_same_set_after_success_is_a_redeploy_and_counts_nowhere() {
    let rollouts = story(&["1 a1 success", "9 a1 success"]);
    assert_eq!(kinds(&rollouts), ["release", "redeploy"]);
    assert!(!rollouts[1].in_frequency && !rollouts[1].in_change_fail_rate);
}

#[test]
fn an_earlier_set_is_a_rollback_and_names_what_it_restores() {
    let rollouts = story(&["1 a1 success", "2 a2 success", "3 a3 success", "4 a1 success"]);
    assert_eq!(kinds(&rollouts), ["release", "release", "release", "rollback"]);
    assert_eq!(rollouts[3].restores_rollout_id.as_ref(), Some(&rollouts[0].rollout_id));
    assert!(rollouts[3].in_frequency && !rollouts[3].in_change_fail_rate);
}

#[test]
fn a_rollback_of_a_rollback_is_a_release() {
    let rollouts = story(&["1 a1 success", "2 a2 success", "3 a1 success", "4 a2 success"]);
    assert_eq!(kinds(&rollouts), ["release", "release", "rollback", "release"]);
    assert!(rollouts[3].is_reapply);
}

#[test]
fn going_back_twice_is_two_rollbacks() {
    let rollouts = story(&["1 a1 success", "2 a2 success", "3 a3 success", "4 a2 success", "5 a1 success"]);
    assert_eq!(kinds(&rollouts)[3..], ["rollback", "rollback"]);
}

#[test]
fn several_targets_are_one_rollout_that_ends_with_the_last() {
    let rollouts = story(&[
        "1 a1 success target=eu",
        "2 a1 success target=us",
        "10 a2 success target=eu",
        "14 a2 success target=us",
        "20 a2 success target=eu",
    ]);
    assert_eq!(kinds(&rollouts), ["release", "release", "redeploy"]);
    assert_eq!(rollouts[1].target_count, 2);
    assert_eq!(rollouts[1].finished_at, Some(Instant::from_seconds(14 * 60 + 30)));
}

#[test]
fn a_set_that_is_superseded_counts_if_any_target_got_it() {
    let rollouts = story(&[
        "1 a1 success target=eu",
        "2 a1 success target=us",
        "10 a2 success target=eu",
        "11 a3 success target=eu",
        "12 a3 success target=us",
    ]);
    assert_eq!(rollouts.len(), 3);
    assert!(rollouts[1].in_frequency);
    assert_eq!(rollouts[1].finished_at, Some(Instant::from_seconds(10 * 60 + 30)));
}

#[test]
fn another_image_of_the_same_source_is_a_rebuild_and_other_values_are_config() {
    let with = |parts: &[&str], minute: i64| {
        let mut row = parse(usize::try_from(minute).unwrap_or(0), &format!("{minute} a1 success"));
        row.revisions.extend(parts.iter().map(|part| (*part).to_owned()));
        row
    };
    let rows = [
        with(&["img@sha256:aa", "values@1"], 1),
        with(&["img@sha256:bb", "values@1"], 2),
        with(&["img@sha256:bb", "values@2"], 3),
    ];
    assert_eq!(kinds(&build(&rows, Instant::from_seconds(1_000)).rollouts), ["release", "rebuild", "config"]);
}

#[test]
fn cancelled_attempts_are_neither_success_nor_failure() {
    let rows = [parse(0, "1 a1 cancelled"), parse(1, "2 a1 success")];
    let built = build(&rows, Instant::from_seconds(1_000));
    assert_eq!(built.rollouts.len(), 1);
    assert_eq!(built.left_out[0].finding, "deployment_neither_success_nor_failure");
}

#[test]
fn what_ends_after_the_as_of_time_has_not_ended() {
    let rows = [parse(0, "1 a1 success"), parse(1, "9 a2 success")];
    assert_eq!(build(&rows, Instant::from_seconds(9 * 60 + 5)).rollouts.len(), 1);
}

#[test]
fn the_order_of_the_rows_does_not_matter() {
    let lines = ["1 a1 success", "2 a2 failure", "3 a2 success", "4 a1 success", "5 a2 success"];
    let mut rows: Vec<_> = lines.iter().enumerate().map(|(at, line)| parse(at, line)).collect();
    let forward = build(&rows, Instant::from_seconds(1_000)).rollouts;
    rows.reverse();
    assert_eq!(build(&rows, Instant::from_seconds(1_000)).rollouts, forward);
}

#[test]
fn a_second_tag_at_an_old_commit_is_no_rollback() {
    for evidence in ["release_tag", "published_release"] {
        let rows: Vec<_> = ["1 a1 success", "2 a2 success", "3 a1 success", "4 a3 success"]
            .iter()
            .enumerate()
            .map(|(at, line)| deployments::Row { evidence: evidence.into(), ..parse(at, line) })
            .collect();
        let rollouts = build(&rows, Instant::from_seconds(1_000)).rollouts;
        assert_eq!(kinds(&rollouts), ["release", "release", "redeploy", "release"], "{evidence}");
    }
}

#[test]
fn impairment_begins_when_the_attempt_that_reached_users_ended() {
    let rollouts = story(&["1 a1 success", "5 a2 failure users=yes", "65 a2 success"]);
    assert_eq!(rollouts[1].impaired_at, Some(Instant::from_seconds(5 * 60 + 30)));
    assert_eq!(rollouts[1].finished_at, Some(Instant::from_seconds(65 * 60 + 30)));
}

fn partial(rollouts: &[rollouts::Row]) -> Vec<bool> {
    rollouts.iter().map(|rollout| rollout.is_partial).collect()
}

#[test]
fn a_set_that_is_superseded_halfway_is_partial() {
    let rollouts = story(&[
        "1 a1 success target=eu",
        "2 a1 success target=us",
        "10 a2 success target=eu",
        "11 a3 success target=eu",
        "12 a3 success target=us",
    ]);
    assert_eq!(kinds(&rollouts), ["release"; 3]);
    assert_eq!(partial(&rollouts), [false, true, false]);
    assert!(rollouts[1].in_frequency && rollouts[1].in_change_fail_rate);
}

#[test]
fn a_set_that_still_has_to_go_to_a_target_is_partial() {
    let rollouts = story(&["1 a1 success target=eu", "2 a1 success target=us", "10 a2 success target=eu"]);
    assert_eq!(partial(&rollouts), [false, true]);
    let tried = story(&[
        "1 a1 success target=eu",
        "2 a1 success target=us",
        "10 a2 success target=eu",
        "11 a2 failure target=us",
        "20 a3 success target=eu",
    ]);
    assert_eq!(partial(&tried), [false, true, true]);
}

#[test]
fn a_target_that_nothing_goes_to_any_more_is_not_missed() {
    let rollouts = story(&[
        "1 a1 success target=eu",
        "2 a1 success target=us",
        "10 a2 success target=eu",
        "20 a3 success target=eu",
        "30 a4 success target=eu",
    ]);
    assert_eq!(kinds(&rollouts), ["release"; 4]);
    assert_eq!(partial(&rollouts), [false; 4]);
}

#[test]
fn a_superseded_set_that_reaches_its_last_target_late_takes_nothing_back() {
    let rollouts = story(&[
        "1 a1 success target=eu",
        "2 a1 success target=us",
        "10 a2 success target=eu",
        "11 a3 success target=eu",
        "12 a2 success target=us",
        "13 a3 success target=us",
    ]);
    assert_eq!(kinds(&rollouts), ["release", "release", "release", "redeploy", "redeploy"]);
    assert_eq!(partial(&rollouts), [false, true, true, true, false]);
}

#[test]
fn a_partial_set_taken_back_where_it_went_leaves_a_whole_rollback() {
    let rollouts = story(&[
        "1 a1 success target=eu",
        "2 a1 success target=us",
        "10 a2 success target=eu",
        "12 a1 success target=eu",
        "20 a3 success target=eu",
        "21 a3 success target=us",
    ]);
    assert_eq!(kinds(&rollouts), ["release", "release", "rollback", "release"]);
    assert_eq!(partial(&rollouts), [false, true, false, false]);
}

#[test]
fn an_attempt_that_ended_before_it_started_is_in_no_rollout_and_has_no_place_in_time() {
    let lines = ["1 a1 success", "5 a2 success ends=3", "6 a3 failure users=yes ends=4", "9 a4 success"];
    let rows: Vec<_> = lines.iter().enumerate().map(|(at, line)| parse(at, line)).collect();
    let built = build(&rows, Instant::from_seconds(100_000));
    let revisions: Vec<&str> = built.rollouts.iter().map(|rollout| &*rollout.revisions[0]).collect();
    assert_eq!(revisions, [&rows[0].revisions[0], &rows[3].revisions[0]]);
    let left_out: Vec<(&str, &str)> =
        built.left_out.iter().map(|flaw| (flaw.finding, flaw.deployment_id.as_str())).collect();
    assert_eq!(left_out, [("deployment_negative_duration", "d01"), ("deployment_negative_duration", "d02")]);
    // What failed carried nothing to anybody for good.
    let unplaced = Unplaced {
        service: "api".into(),
        environment: "production".into(),
        revisions: rows[1].revisions.clone(),
        not_before: Some(Instant::from_seconds(3 * 60)),
    };
    assert_eq!(built.unplaced, [unplaced]);
}

#[test]
fn environments_that_differ_only_in_capital_letters_are_one() {
    let lines = [
        "1 a1 success environment=Production",
        "2 a2 success environment=production",
        "3 a1 success environment=PRODUCTION",
        "3 a1 success environment=Staging",
    ];
    let mut rows: Vec<_> = lines.iter().enumerate().map(|(at, line)| parse(at, line)).collect();
    let built = build(&rows, Instant::from_seconds(1_000));
    assert_eq!(kinds(&built.rollouts), ["release", "release", "release", "rollback"]);
    let names: Vec<&str> = built.rollouts.iter().map(|rollout| rollout.environment.as_str()).collect();
    assert_eq!(names, ["Staging", "production", "production", "production"]);
    let mut respelled: Vec<&str> = built.respelled.iter().map(|flaw| flaw.deployment_id.as_str()).collect();
    assert_eq!(respelled, ["d00", "d02"]);
    respelled.reverse();
    rows.reverse();
    let backward = build(&rows, Instant::from_seconds(1_000));
    assert_eq!(backward.rollouts, built.rollouts);
    assert_eq!(backward.respelled.iter().map(|flaw| flaw.deployment_id.as_str()).collect::<Vec<_>>(), respelled);
}

#[test]
fn going_back_from_a_canary_that_was_given_up_is_a_rollback_where_somebody_says_so() {
    let told = story(&["1 a1 success", "5 a2 failure users=yes", "9 a1 success intent=rollback"]);
    assert_eq!(kinds(&told), ["release", "release", "rollback"]);
    assert_eq!(told[2].restores_rollout_id.as_ref(), Some(&told[0].rollout_id));
    let untold = story(&["1 a1 success", "5 a2 failure users=yes", "9 a1 success"]);
    assert_eq!(kinds(&untold), ["release", "release", "redeploy"]);
    let unseen = story(&["1 a1 success", "5 a2 failure", "9 a1 success intent=rollback"]);
    assert_eq!(kinds(&unseen), ["release", "release", "redeploy"], "users never got what was given up");
}

#[test]
fn a_rollback_to_something_never_seen_restores_no_rollout_that_is_known() {
    let rollouts = story(&["1 a1 success", "5 a2 success", "9 a3 success intent=rollback"]);
    assert_eq!(kinds(&rollouts), ["release", "release", "rollback"]);
    assert_eq!(rollouts[2].restores_rollout_id, None);
    assert!(rollouts[2].in_frequency && !rollouts[2].in_change_fail_rate);
}

/// Attempts with any times, targets and ends.
fn attempts() -> impl Strategy<Value = Vec<deployments::Row>> {
    let instant = || prop::option::of(0i64..50);
    let one = (instant(), instant(), 1u8..4, 0usize..3, 0usize..3, any::<bool>());
    prop::collection::vec(one, 1..20).prop_map(|attempts| {
        let row = |(at, (start, end, set, target, status, users)): (usize, _)| {
            let status = ["success", "failure", "cancelled"][status];
            let target = ["eu", "us", "ap"][target];
            deployments::Row {
                started_at: Option::map(start, |at: i64| Instant::from_seconds(at * 60)),
                finished_at: Option::map(end, |at: i64| Instant::from_seconds(at * 60)),
                ..parse(at, &format!("0 a{set} {status} target={target} users={}", if users { "yes" } else { "no" }))
            }
        };
        attempts.into_iter().enumerate().map(row).collect()
    })
}

proptest! {
    #[test]
    fn no_rollout_ends_before_it_starts_and_no_attempt_is_lost(rows in attempts(), as_of in 0i64..60) {
        let as_of = Instant::from_seconds(as_of * 60);
        let built = build(&rows, as_of);
        for rollout in &built.rollouts {
            prop_assert!(rollout.finished_at.is_none_or(|at| rollout.started_at <= at && at <= as_of), "{rollout:?}");
            prop_assert!(rollout.impaired_at.is_none_or(|at| rollout.started_at <= at && at <= as_of), "{rollout:?}");
        }
        let in_rollouts: i64 = built.rollouts.iter().map(|rollout| rollout.attempt_count).sum();
        let not_over = rows
            .iter()
            .filter(|row| {
                let (start, end) = (row.started_at.or(row.finished_at), row.finished_at.or(row.started_at));
                let is_backwards = end < start;
                let first = start.min(end);
                let is_known = row.status != "cancelled" && row.finished_at.is_some();
                first > Some(as_of) || (is_known && !is_backwards && end > Some(as_of))
            })
            .count();
        prop_assert_eq!(usize::try_from(in_rollouts).expect("a count") + built.left_out.len() + not_over, rows.len());
        let mut backward = rows.clone();
        backward.reverse();
        prop_assert_eq!(build(&backward, as_of).rollouts, built.rollouts);
    }
}
