use std::collections::BTreeSet;

use lake::{Instant, tables::rollout_failures};
use proptest::prelude::*;

use super::by_rollout;

fn evidence(rollout_id: &str, method: &str, evidence_id: &str) -> rollout_failures::Row {
    rollout_failures::Row {
        rollout_id: rollout_id.into(),
        method: method.into(),
        evidence_id: evidence_id.into(),
        service: String::new(),
        environment: String::new(),
        impact_at: Instant(0),
        restored_at: None,
        restored_by: None,
        is_accepted: true,
        confidence: 1.0,
        reason: String::new(),
    }
}

/// `rollout method evidence`, one a line.
#[track_caller]
fn check(lines: &[&str], expected: &[(&str, &str)]) {
    let mut rows: Vec<_> = lines
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            evidence(words[0], words[1], words[2])
        })
        .collect();
    for _ in 0..2 {
        assert_eq!(by_rollout(rows.iter()).into_iter().collect::<Vec<_>>(), expected);
        rows.reverse();
    }
}

#[test]
fn an_incident_in_two_services_is_one_failure_whatever_else_tells_of_either() {
    // The rollback's id comes before the incident's: which piece of evidence sorts first must not matter.
    check(&["api rollback a-remedy", "api time_window i1", "web time_window i1"], &[("api", "api"), ("web", "api")]);
}

#[test]
fn incidents_in_a_chain_are_one_failure() {
    check(
        &["c time_window i1", "b time_window i1", "b explicit i2", "a remedy i2", "d time_window i3"],
        &[("a", "a"), ("b", "a"), ("c", "a"), ("d", "d")],
    );
}

#[test]
fn a_hotfix_that_failed_itself_is_a_failure_of_its_own() {
    // Its id is the evidence against the rollout it repairs, and in traffic against itself.
    check(&["r5 hotfix r6", "r6 traffic r6"], &[("r5", "r5"), ("r6", "r6")]);
}

proptest! {
    /// Two rollouts are one failure exactly where a walk over shared incidents leads from one to the other.
    #[test]
    fn failures_equal_brute_force(pairs in prop::collection::vec((0usize..8, 0usize..8), 0..16)) {
        let rows: Vec<_> =
            pairs.iter().map(|(rollout, incident)| evidence(&format!("r{rollout}"), "explicit", &format!("i{incident}"))).collect();
        let found = by_rollout(rows.iter());
        for start in pairs.iter().map(|(rollout, _)| *rollout) {
            let mut reached = BTreeSet::from([start]);
            for _ in 0..pairs.len() {
                let incidents: BTreeSet<usize> =
                    pairs.iter().filter(|(rollout, _)| reached.contains(rollout)).map(|(_, incident)| *incident).collect();
                reached.extend(pairs.iter().filter(|(_, incident)| incidents.contains(incident)).map(|(rollout, _)| *rollout));
            }
            let smallest = format!("r{}", reached.first().expect("it reaches itself"));
            prop_assert_eq!(found[format!("r{start}").as_str()], smallest.as_str());
        }
    }
}
