//! Every flaw that is looked for is found where it is, with its count and what it does, and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use derive::{Derived, Plan, PracticeRule, Sign};
use lake::tables::image_revisions;

use crate::world::{World, hour};

/// How many records show each finding.
fn findings(derived: &Derived) -> BTreeMap<&str, i64> {
    let mut found = BTreeMap::new();
    for row in &derived.data_quality {
        assert!(!row.effect.is_empty(), "`{}` does not say what it does", row.finding);
        assert!(row.example.as_ref().is_some_and(|example| !example.is_empty()), "`{}` has no example", row.finding);
        *found.entry(row.finding.as_str()).or_default() += row.record_count;
    }
    found
}

/// Records of deployments and incidents with one flaw each, mostly in a service of its own.
fn flawed_records() -> World {
    let mut world = World::default()
        .deployments(&[
            "n1 - x@1 1",
            "n2 a x@1 1 environment=-",
            "n3 b x@1 -",
            "n4 c x@1 9 ends=5",
            "n5 d x@1 1 status=cancelled",
            "n6 e x@1 1 environment=Production",
            "n7 f x@1 1",
            "n8 f x@2 9000",
            "p1 g x@1 1 target=eu",
            "p2 g x@1 1 target=us",
            "p3 g x@2 10 target=eu",
            "f1 h flag@on 1 intent=feature_flag",
            "m1 i reg/i@v1 1",
            "j1 j x@1 10",
            "k1 k x@1 10",
            "l1 l x@1 1",
            "l2 l x@2 470",
        ])
        .incidents(&[
            "i1 - 5 6",
            "i2 g 400 401",
            "i3 j 3 15 caused=j1",
            "i4 k 12 13 mitigated=2",
            "i5 nowhere 5 6 caused=gone",
        ])
        .coverage(&[
            "deployments 0 480 whole service=l",
            "deployments 24 48 hole service=l",
            "changes 0 480 assumed service=l",
        ])
        .changes(&["elsewhere 5 6"])
        .releases(&["v1 1", "v2 2 basis=committer", "v3 3 basis=published"]);
    world.image_revisions.push(image_revisions::Row {
        image: "reg/i:v1".into(),
        name: "reg/i".into(),
        tag: Some("v1".into()),
        digest: None,
        repository: None,
        commit_sha: None,
        method: "unresolved".into(),
        confidence: 0.0,
        resolved_at: Some(hour(2)),
    });
    world
}

/// Looks for a change of working that nobody began.
fn plan_that_looks() -> Plan {
    let rule =
        PracticeRule { practice: "agents".into(), version: None, services: vec![], sign: Sign::Label("agents".into()) };
    let dates = Sign::Dates { from: hour(24), until: None };
    let misspelt = PracticeRule { services: vec!["misspelt".into()], sign: dates, ..rule.clone() };
    Plan { practices: vec![rule, misspelt], ..Plan::default() }
}

#[test]
fn flaws_of_records_are_found_and_counted() {
    let derived = flawed_records().derived(&plan_that_looks());
    let found = findings(&derived);
    for (finding, count) in [
        ("deployment_without_service", 1),
        ("deployment_without_environment", 1),
        ("deployment_without_time", 1),
        ("deployment_negative_duration", 1),
        ("deployment_neither_success_nor_failure", 1),
        ("environment_respelled", 1),
        ("record_in_the_future", 1),
        ("rollout_partial", 1),
        ("rollout_feature_flag", 1),
        ("rollout_first", 7),
        ("image_unresolved", 1),
        ("incident_without_service", 1),
        ("incident_unlinked", 2),
        ("incident_cause_unknown", 1),
        ("incident_service_unknown", 1),
        ("remedies_unrecorded", 3),
        ("change_repository_unknown", 1),
        ("release_without_time", 1),
        ("coverage_assumed", 1),
        ("intervention_unseen", 1),
        ("incident_before_its_rollout", 1),
        ("incident_negative_duration", 1),
        ("intervention_service_unknown", 1),
        ("history_gap", 1),
        ("immature_days", 1),
        ("coverage_incomplete:deployments:history was trimmed", 1),
    ] {
        assert_eq!(found.get(finding), Some(&count), "{finding}");
    }
}

/// One history with one flaw after the other, in one service; another one shares its repository, and nobody read paths.
fn flawed_changes() -> World {
    World::default()
        .commits(&[
            "a",
            "b parents=a",
            "m parents=a,b",
            "c parents=m",
            "e parents=c",
            "s parents=e",
            "t parents=s",
            "u parents=t",
            "v parents=u",
            "w parents=v",
            "l parents=gone",
        ])
        .changes(&[
            "a 0 0",
            "b 5 10 by=agent labels=hotfix",
            "m 5 10 kind=commit",
            "c 15 10 by=dependency_bot",
            "e 5 25",
            "s 45 45 basis=squash by=other_bot",
            "t 46 46 basis=squash opened=44",
            "u 50 100",
            "v 90 100",
            "w 60 61 reverts=b",
            "x 1 2 commits=nowhere",
        ])
        .deployments(&[
            "d1 api repo@a 1",
            "d2 api repo@c 20",
            "d3 api repo@zz 30",
            "d4 api repo@e 40",
            "d5 api repo@t 50",
            "d6 api repo@u 58",
            "d7 api repo@v 62",
            "d8 api repo@l 70",
            "o1 mono repo@a 1",
            "o2 mono repo@c 20",
        ])
        .incidents(&["i1 api 150 151 remedy=gone", "i2 mono 25 26 remedy=o1"])
        .coverage(&["commits 0 200 whole"])
}

fn plan_with_paths() -> Plan {
    Plan { service_paths: BTreeMap::from([("mono".to_owned(), vec!["src".to_owned()])]), ..Plan::default() }
}

#[test]
fn flaws_of_changes_are_found_and_counted() {
    let derived = flawed_changes().derived(&plan_with_paths());
    let api: BTreeMap<&str, i64> = derived
        .data_quality
        .iter()
        .filter(|row| row.service.as_deref() == Some("api"))
        .map(|row| (row.finding.as_str(), row.record_count))
        .collect();
    for (finding, count) in [
        ("change_in_first_rollout", 1),
        ("change_by_agent", 1),
        ("change_by_dependency_bot", 1),
        ("change_by_other_bot", 1),
        ("change_merge_commit", 1),
        ("change_authored_after_merge", 1),
        ("change_after_gap", 1),
        ("change_squashed", 1),
        ("change_started_when_opened", 1),
        ("change_deployed_before_merge", 2),
        ("change_negative_duration", 1),
        ("change_waiting", 1),
        ("change_commits_unknown", 1),
        ("revision_unknown", 1),
        ("rollout_left_history", 1),
        ("rollout_not_descending", 1),
        ("rollout_mixed_hotfix", 1),
        ("revert_not_deployed", 1),
        ("incident_remedy_unknown", 1),
    ] {
        assert_eq!(api.get(finding), Some(&count), "{finding}");
    }
    assert_eq!(findings(&derived)["recovery_negative_duration"], 1, "its remedy was there before it");
    assert_eq!(findings(&derived)["change_paths_unknown"], 11, "all changes of the service with paths");
}

#[test]
fn every_finding_that_is_looked_for_is_shown_here() {
    let (records, changes) =
        (flawed_records().derived(&plan_that_looks()), flawed_changes().derived(&plan_with_paths()));
    let found: BTreeSet<&str> = findings(&records).into_keys().chain(findings(&changes).into_keys()).collect();
    let missing: Vec<&str> = derive::finding_names().into_iter().filter(|name| !found.contains(name)).collect();
    assert!(missing.is_empty(), "no world shows {missing:?}");
}

#[test]
fn what_is_whole_and_clean_has_no_finding_but_its_beginning() {
    let derived = World::default()
        .commits(&["a", "b parents=a", "c parents=b"])
        .changes(&["b 1 10", "c 11 12"])
        .deployments(&["d1 api repo@a 1", "d2 api repo@b 20", "d3 api repo@c 30"])
        .incidents(&["i1 api 22 31 remedy=d3"])
        .coverage(&["deployments 0 500 whole", "incidents 0 500 whole"])
        .derived(&Plan::default());
    assert_eq!(findings(&derived), BTreeMap::from([("rollout_first", 1)]));
}
