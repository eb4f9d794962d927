use lake::tables::{changes, rollout_changes};

use super::{Told, mark_hotfixes};
use crate::testing;

/// `change rollout [label]`, or in place of the label `@branch`
fn brought(line: &str) -> (rollout_changes::Row, changes::Row) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mark = |is_branch: bool| words.get(2).filter(|word| word.starts_with('@') == is_branch);
    let labels = mark(false).map(|label| (*label).to_owned()).into_iter().collect();
    let head_branch = mark(true).map(|branch| branch[1..].to_owned());
    let link = testing::link(words[0], Some(words[1]));
    (link, changes::Row { labels, head_branch, ..testing::change("repo", words[0]) })
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
    let (labels, branches) = (["hotfix".to_owned()], ["hotfix/*".to_owned()]);
    let told = Told { links: &links, changes: &changes, incidents: &incidents, labels: &labels, branches: &branches };
    mark_hotfixes(&mut rollouts, told);
    rollouts.iter().map(|rollout| format!("{}{}", rollout.kind, if rollout.is_mixed { "+" } else { "" })).collect()
}

#[test]
fn a_labelled_change_makes_its_rollout_a_hotfix() {
    assert_eq!(kinds(&["release", "release"], &["1 r1", "2 r2 HotFix"], &[]), ["release", "hotfix"]);
}

#[test]
fn a_change_from_a_hotfix_branch_makes_its_rollout_a_hotfix() {
    let brought = ["1 r1 @hotfix/login", "2 r2 @feature/hotfix/login", "3 r3 @hotfix", "4 r4 @hotfixes/login"];
    assert_eq!(kinds(&["release"; 4], &brought, &[]), ["hotfix", "release", "release", "release"]);
    assert_eq!(kinds(&["config"], &["1 r1 @hotfix/a/b", "2 r1 @main"], &[]), ["hotfix+"]);
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
    let told = Told { links: &links, changes: &[change], incidents: &[], labels: &labels, branches: &[] };
    mark_hotfixes(&mut rollouts, told);
    assert_eq!(rollouts[0].kind, "release");
}
