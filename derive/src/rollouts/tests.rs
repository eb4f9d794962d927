//! Each test is a short story of attempts; the expected column is the edge-case table of the definitions.

use lake::{Instant, tables::deployments, tables::rollouts};

use super::build;

/// `minute revision status [target] [intent]`, one attempt a line.
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
        environment: Some("production".into()),
        revisions: words[1]
            .split('+')
            .map(|part| format!("{part}@{}", "0".repeat(40 - 1) + &part[part.len() - 1..]))
            .collect(),
        status: words[2].to_owned(),
        started_at: Some(Instant::from_seconds(minute * 60)),
        finished_at: Some(Instant::from_seconds(minute * 60 + 30)),
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
    let rows: Vec<_> = ["1 a1 success", "2 a2 success", "3 a1 success", "4 a3 success"]
        .iter()
        .enumerate()
        .map(|(at, line)| deployments::Row { evidence: "release_tag".into(), ..parse(at, line) })
        .collect();
    let rollouts = build(&rows, Instant::from_seconds(1_000)).rollouts;
    assert_eq!(kinds(&rollouts), ["release", "release", "redeploy", "release"]);
}

#[test]
fn impairment_begins_when_the_attempt_that_reached_users_ended() {
    let rollouts = story(&["1 a1 success", "5 a2 failure users=yes", "65 a2 success"]);
    assert_eq!(rollouts[1].impaired_at, Some(Instant::from_seconds(5 * 60 + 30)));
    assert_eq!(rollouts[1].finished_at, Some(Instant::from_seconds(65 * 60 + 30)));
}
