use lake::tables::{change_commits, changes, rollout_changes};
use proptest::prelude::*;

use super::{Revert, reverts};
use crate::testing;

/// `change rollout [reverts=a,b] [excluded=…]`; `-` where it waits.
fn told(lines: &[&str]) -> Vec<Revert> {
    let mut changes = Vec::new();
    let mut links = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let named = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let list = named("reverts=").map_or_else(Vec::new, |ids| ids.split(',').map(str::to_owned).collect());
        changes.push(changes::Row { reverts: list, ..testing::change("repo", words[0]) });
        links.push(rollout_changes::Row {
            excluded: named("excluded=").map(str::to_owned),
            ..testing::link(words[0], Some(words[1]).filter(|id| *id != "-"))
        });
    }
    let rollouts: Vec<_> = (1..6).map(|at| testing::rollout(&format!("r{at}"), "release", at)).collect();
    let commits: Vec<_> = changes
        .iter()
        .map(|change| change_commits::Row {
            repository: "repo".into(),
            change_id: change.change_id.clone(),
            commit_sha: format!("{:0>8}{:0>32}", change.change_id.trim_start_matches('#'), 0),
        })
        .collect();
    let forward = reverts(&changes, &commits, &links, &rollouts);
    changes.reverse();
    links.reverse();
    assert_eq!(reverts(&changes, &commits, &links, &rollouts), forward);
    forward
}

/// Failed rollout, remedy, and whether it counts.
fn short(found: &[Revert]) -> Vec<(&str, Option<&str>, bool)> {
    found.iter().map(|one| (&*one.rollout_id, one.remedy_id.as_deref(), one.is_accepted)).collect()
}

#[test]
fn a_deployed_revert_says_that_what_brought_the_change_failed() {
    let found = told(&["#1 r2", "#2 r4 reverts=#1"]);
    assert_eq!(short(&found), [("r2", Some("r4"), true)]);
    assert_eq!(found[0].reverting_id, "#2 in repo");
}

#[test]
fn a_commit_that_is_named_stands_for_its_change() {
    assert_eq!(short(&told(&["#12 r2", "#2 r4 reverts=00000012"])), [("r2", Some("r4"), true)]);
    assert_eq!(short(&told(&["#12 r2", "#123 r2", "#2 r4 reverts=000000"])), [], "too short a name");
    assert_eq!(short(&told(&["#12 r2", "#2 r4 reverts=9999999"])), [], "nothing that is known");
}

#[test]
fn a_revert_that_is_merged_and_not_deployed_is_a_candidate() {
    assert_eq!(short(&told(&["#1 r2", "#2 - reverts=#1"])), [("r2", None, false)]);
}

#[test]
fn what_was_taken_back_before_it_was_deployed_failed_nowhere() {
    assert_eq!(short(&told(&["#1 r2", "#2 r2 reverts=#1"])), []);
    assert_eq!(short(&told(&["#1 -", "#2 r2 reverts=#1"])), []);
    assert_eq!(short(&told(&["#1 r3", "#2 r2 reverts=#1"])), []);
}

#[test]
fn reverting_a_revert_brings_the_change_back_and_the_earlier_failure_stays() {
    let found = told(&["#1 r2", "#2 r3 reverts=#1", "#3 r4 reverts=#2"]);
    assert_eq!(short(&found), [("r2", Some("r3"), true), ("r3", Some("r4"), false)]);
}

#[test]
fn what_may_have_come_earlier_failed_no_rollout_that_is_known() {
    let found = told(&["#1 r1 excluded=first_rollout", "#2 r4 reverts=#1"]);
    assert_eq!(short(&found), [("r1", Some("r4"), false)]);
}

proptest! {
    /// Changes that revert one another in any way, each in any rollout or none.
    #[test]
    fn reverts_equal_brute_force(story in prop::collection::vec((0usize..6, prop::collection::vec(0usize..6, 0..3)), 1..6)) {
        let place = |rollout: usize| if rollout == 0 { "-".to_owned() } else { format!("r{rollout}") };
        let lines: Vec<String> = story
            .iter()
            .enumerate()
            .map(|(at, (rollout, reverted))| {
                let ids: Vec<String> = reverted.iter().map(|id| format!("#{id}")).collect();
                let names = if ids.is_empty() { String::new() } else { format!("reverts={}", ids.join(",")) };
                format!("#{at} {} {names}", place((*rollout).min(5)))
            })
            .collect();
        let found = told(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let mut expected = std::collections::BTreeSet::new();
        for (at, (remedy, reverted)) in story.iter().enumerate() {
            for id in reverted.iter().filter(|id| **id != at && **id < story.len()) {
                let (rollout, reverts) = (&story[*id].0, &story[*id].1);
                if *rollout > 0 && (*remedy == 0 || remedy > rollout) {
                    let counts = *remedy > 0 && reverts.is_empty();
                    expected.insert((place(*rollout), format!("#{at} in repo"), place(*remedy), counts));
                }
            }
        }
        let found: std::collections::BTreeSet<_> = found
            .into_iter()
            .map(|one| (one.rollout_id, one.reverting_id, one.remedy_id.unwrap_or_else(|| "-".into()), one.is_accepted))
            .collect();
        prop_assert_eq!(found, expected);
    }
}
