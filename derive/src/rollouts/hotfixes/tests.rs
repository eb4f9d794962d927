use lake::tables::{changes, rollout_changes};

use super::{Told, mark_hotfixes};
use crate::testing;

/// `change rollout [label]`
fn brought(line: &str) -> (rollout_changes::Row, changes::Row) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let labels = words.get(2).map(|label| (*label).to_owned()).into_iter().collect();
    let link = testing::link(words[0], Some(words[1]));
    (link, changes::Row { labels, ..testing::change("repo", words[0]) })
}

/// The kind of each rollout, with `+` where it is mixed.
fn kinds(kinds: &[&str], brought_lines: &[&str], remedies: &[&str]) -> Vec<String> {
    let mut rollouts: Vec<_> =
        (1..).zip(kinds).map(|(at, kind)| testing::rollout(&format!("r{at}"), kind, at)).collect();
    let (links, changes): (Vec<_>, Vec<_>) = brought_lines.iter().map(|line| brought(line)).unzip();
    let incidents: Vec<_> = remedies
        .iter()
        .map(|remedy| lake::tables::incidents::Row {
            remedy_deployment_id: Some((*remedy).to_owned()),
            ..testing::incident("i", 9)
        })
        .collect();
    let labels = ["hotfix".to_owned()];
    mark_hotfixes(&mut rollouts, Told { links: &links, changes: &changes, incidents: &incidents, labels: &labels });
    rollouts.iter().map(|rollout| format!("{}{}", rollout.kind, if rollout.is_mixed { "+" } else { "" })).collect()
}

#[test]
fn a_labelled_change_makes_its_rollout_a_hotfix() {
    assert_eq!(kinds(&["release", "release"], &["1 r1", "2 r2 HotFix"], &[]), ["release", "hotfix"]);
}

#[test]
fn a_hotfix_with_other_changes_is_a_hotfix_and_told_as_mixed() {
    assert_eq!(kinds(&["release", "hotfix"], &["1 r1 hotfix", "2 r1", "3 r2"], &[]), ["hotfix+", "hotfix"]);
}

#[test]
fn the_remedy_that_an_incident_names_is_a_hotfix() {
    assert_eq!(kinds(&["release", "config"], &[], &["d-r2"]), ["release", "hotfix"]);
}

#[test]
fn rollbacks_and_redeploys_stay_what_they_are() {
    let stay = ["rollback", "redeploy", "feature_flag"];
    assert_eq!(kinds(&stay, &["1 r1 hotfix", "2 r2 hotfix", "3 r3 hotfix"], &["d-r1"]), stay);
}

#[test]
fn what_was_there_before_everything_known_makes_no_hotfix() {
    let (link, change) = brought("1 r1 hotfix");
    let links = [rollout_changes::Row { excluded: Some("first_rollout".into()), ..link }];
    let mut rollouts = vec![testing::rollout("r1", "release", 1)];
    let labels = ["hotfix".to_owned()];
    mark_hotfixes(&mut rollouts, Told { links: &links, changes: &[change], incidents: &[], labels: &labels });
    assert_eq!(rollouts[0].kind, "release");
}
