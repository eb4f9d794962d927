//! Edge cases that show only in the numbers: each is a small world.

use std::collections::BTreeMap;

use derive::{Calendar, Plan};

use crate::world::{World, hour, number};

const WEEK: i64 = 7 * 24;

/// Weeks from the start until an hour.
fn until(end: i64) -> Plan {
    Plan { since: Some(hour(0)), as_of: Some(hour(end)), calendar: Some(Calendar::Week), ..Plan::default() }
}

const FAIL_RATE: (&str, &str) = ("change_fail_rate", "rate");
const FREQUENCY: (&str, &str) = ("deployment_frequency", "per_day");
const LEAD_TIME: (&str, &str) = ("change_lead_time", "p50");
const REWORK: (&str, &str) = ("deployment_rework_rate", "rate");
const RECOVERY: (&str, &str) = ("failed_deployment_recovery_time", "p50");

fn near(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| (found - expected).abs() < 1e-9)
}

#[test]
fn a_failure_belongs_to_the_window_of_its_deployment() {
    let derived = World::default()
        .deployments(&["d1 api repo@1 160", "d2 api repo@2 200"])
        .incidents(&["i1 api 170 171"])
        .derived(&until(3 * WEEK));
    let rate = |week: i64| number(&derived, "api", ("week", week * WEEK), FAIL_RATE);
    assert_eq!((rate(0).value, rate(0).n), (Some(1.0), 1));
    assert_eq!((rate(1).value, rate(1).n), (Some(0.0), 1));
}

#[test]
fn a_late_incident_changes_a_past_window_which_was_marked_immature() {
    let world = World::default().deployments(&["d1 api repo@1 160", "d2 api repo@2 161"]).incidents(&["i0 web 1 2"]);
    let known = world.clone().incidents(&["i1 api 163 - caused=d2"]);
    // 24 hours in which an incident may begin, and 24 in which it may be recorded.
    let rate = |world: &World, end: i64| {
        let derived = world.derived(&until(end));
        let row = number(&derived, "api", ("week", 0), FAIL_RATE);
        (row.value, row.is_immature)
    };
    assert_eq!(rate(&known, WEEK + 47), (Some(0.5), true));
    assert_eq!(rate(&known, WEEK + 48), (Some(0.5), false));
    let unknown = world.incidents(&["i2 api 1 2"]);
    assert_eq!(rate(&unknown, WEEK + 47), (Some(0.0), true));
}

#[test]
fn the_time_of_a_history_gap_is_no_exposure_and_the_window_is_incomplete() {
    let world = World::default().deployments(&["d1 api repo@1 1", "d2 api repo@2 100", "d3 api repo@3 160"]);
    let whole = world.clone().coverage(&["deployments 0 168 whole"]).derived(&until(WEEK));
    let gap = world.coverage(&["deployments 0 168 whole", "deployments 24 48 hole"]).derived(&until(WEEK));
    let (whole, gap) = (number(&whole, "api", ("week", 0), FREQUENCY), number(&gap, "api", ("week", 0), FREQUENCY));
    assert!(near(whole.value, 3.0 / 7.0) && near(Some(whole.coverage_rate), 1.0), "{whole:?}");
    assert!(near(gap.value, 3.0 / 6.0) && near(Some(gap.coverage_rate), 6.0 / 7.0), "{gap:?}");
}

#[test]
fn a_lead_time_across_a_history_gap_is_not_in_the_number() {
    let world = World::default()
        .commits(&["a", "b parents=a", "c parents=b"])
        .changes(&["b 1 10", "c 60 70"])
        .deployments(&["d1 api repo@a 1", "d2 api repo@b 50", "d3 api repo@c 79"]);
    let count = |world: World| number(&world.derived(&until(WEEK)), "api", ("week", 0), LEAD_TIME).n;
    assert_eq!(count(world.clone().coverage(&["deployments 0 168 whole"])), 2);
    assert_eq!(count(world.coverage(&["deployments 0 168 whole", "deployments 24 48 hole"])), 1);
}

#[test]
fn without_rollouts_frequency_is_0_with_a_bound_and_the_rates_are_null() {
    let derived = World::default()
        .deployments(&["d1 api repo@1 1"])
        .incidents(&["i1 api 500 501"])
        .coverage(&["deployments 0 504 whole"])
        .derived(&until(3 * WEEK));
    let of = |metric| number(&derived, "api", ("week", WEEK), metric);
    assert_eq!((of(FREQUENCY).value, of(FREQUENCY).n), (Some(0.0), 0));
    assert!(of(FREQUENCY).ci_high.is_some_and(|high| (high - 3.688_879_454 / 7.0).abs() < 1e-6));
    for metric in [FAIL_RATE, LEAD_TIME, RECOVERY] {
        assert_eq!((of(metric).value, of(metric).n), (None, 0), "{metric:?}");
    }
}

#[test]
fn without_failures_the_fail_rate_is_0_with_its_interval_and_recovery_is_null() {
    let derived = World::default()
        .deployments(&["d1 api repo@1 1", "d2 api repo@2 3"])
        .coverage(&["deployments 0 168 whole", "incidents 0 168 whole"])
        .derived(&until(WEEK));
    let rate = number(&derived, "api", ("week", 0), FAIL_RATE);
    assert_eq!((rate.value, rate.n), (Some(0.0), 2));
    assert!(near(rate.ci_low, 0.0));
    assert!(rate.ci_high.is_some_and(|high| high > 0.5 && high < 1.0), "{rate:?}");
    assert_eq!(number(&derived, "api", ("week", 0), RECOVERY).value, None);
}

#[test]
fn an_outage_of_the_infrastructure_or_a_vendor_is_in_no_rate_of_changes() {
    let derived = World::default()
        .deployments(&["d1 api repo@1 1", "d2 api repo@2 3", "d3 api repo@1 6 intent=rollback"])
        .incidents(&["i1 api 5 8 cause=infrastructure remedy=d3", "i2 api 4 8 cause=vendor"])
        .derived(&until(WEEK));
    let rate = number(&derived, "api", ("week", 0), FAIL_RATE);
    assert_eq!((rate.value, rate.n), (Some(0.0), 2));
    assert_eq!(number(&derived, "api", ("week", 0), RECOVERY).n, 0);
    let unlinked: i64 =
        derived.data_quality.iter().filter(|row| row.finding == "incident_unlinked").map(|row| row.record_count).sum();
    assert_eq!(unlinked, 2);
    // What was done about it is kept as a candidate.
    let kept: Vec<_> = derived.rollout_failures.iter().map(|row| (&*row.method, row.is_accepted)).collect();
    assert_eq!(kept, [("rollback", false)]);
}

#[test]
fn an_open_incident_is_only_known_to_last_longer_than_it_did() {
    let derived = World::default().deployments(&["d1 api repo@1 1"]).incidents(&["i1 api 3 -"]).derived(&until(WEEK));
    let recovery = number(&derived, "api", ("week", 0), RECOVERY);
    assert_eq!((recovery.value, recovery.n), (None, 1));
    assert!(near(recovery.above, 166.0 * 3600.0), "{recovery:?}");
}

#[test]
fn a_flip_of_a_feature_flag_is_off_by_default_and_can_be_counted() {
    let world = World::default().deployments(&["d1 api repo@1 1", "f1 api flag@on 3 intent=feature_flag"]);
    let world = world.coverage(&["deployments 0 168 whole"]);
    let count = |plan: &Plan| number(&world.derived(plan), "api", ("week", 0), FREQUENCY).n;
    assert_eq!(count(&until(WEEK)), 1);
    assert_eq!(count(&Plan { counts_feature_flags: true, ..until(WEEK) }), 2);
}

#[test]
fn a_change_of_two_services_counts_in_each_and_once_in_the_group() {
    let paths = |of: &[&str]| of.iter().map(|pattern| (*pattern).to_owned()).collect::<Vec<_>>();
    let plan = Plan {
        service_paths: BTreeMap::from([("api".into(), paths(&["api/**"])), ("web".into(), paths(&["web", "shared"]))]),
        ..until(WEEK)
    };
    let derived = World::default()
        .commits(&["a", "b parents=a", "c parents=b"])
        .paths(&["b api/main.rs web/page.html", "c shared/style.css"])
        .changes(&["b 1 10", "c 1 11"])
        .deployments(&["a1 api repo@a 2", "w1 web repo@a 2", "a2 api repo@c 20", "w2 web repo@c 30"])
        .derived(&plan);
    let count = |unit: &str| number(&derived, unit, ("week", 0), LEAD_TIME).n;
    assert_eq!((count("api"), count("web"), count("all")), (1, 2, 2));
}

#[test]
fn what_came_with_the_first_known_rollout_has_no_lead_time_and_is_counted() {
    let derived = World::default()
        .commits(&["a", "b parents=a", "c parents=b"])
        .changes(&["a 0 1", "b 0 1", "c 1 10"])
        .deployments(&["d1 api repo@b 2", "d2 api repo@c 20"])
        .incidents(&["i1 api 2 3"])
        .derived(&until(WEEK));
    assert_eq!(number(&derived, "api", ("week", 0), FAIL_RATE).n, 2);
    let lead = number(&derived, "api", ("week", 0), LEAD_TIME);
    assert_eq!((lead.value, lead.n), (Some(20.0 * 3600.0), 1));
    let found = |name: &str| derived.data_quality.iter().find(|row| row.finding == name).map(|row| row.record_count);
    assert_eq!((found("change_in_first_rollout"), found("rollout_first")), (Some(2), Some(1)));
}

#[test]
fn a_deployed_revert_fails_the_rollout_that_brought_what_it_reverts() {
    let world = World::default()
        .commits(&["a", "b parents=a", "c parents=b", "r parents=c"])
        .changes(&["b 1 10", "c 1 10", "r 31 32 reverts=b"])
        .deployments(&["d1 api repo@a 2", "d2 api repo@b 20", "d3 api repo@c 30"]);
    let waiting = world.derived(&until(WEEK));
    let told: Vec<_> = waiting.rollout_failures.iter().map(|row| (&*row.method, row.is_accepted)).collect();
    assert_eq!(told, [("revert", false)], "merged and not deployed is a candidate only");
    let deployed = world.deployments(&["d4 api repo@r 40"]).derived(&until(WEEK));
    let row = &deployed.rollout_failures[0];
    let failed = deployed.rollouts.iter().find(|rollout| rollout.rollout_id == row.rollout_id).expect("it is there");
    assert_eq!((&*failed.revisions[0], row.is_accepted, row.is_explicit), ("repo@b", true, true));
    assert_eq!((row.impact_at, row.restored_at), (hour(21), Some(hour(41))));
    assert_eq!(number(&deployed, "api", ("week", 0), FAIL_RATE).value, Some(0.25));
    assert!(near(number(&deployed, "api", ("week", 0), RECOVERY).value, 20.0 * 3600.0));
}

#[test]
fn both_ends_of_the_fail_rate_can_be_counted_from_the_evidence() {
    // r2 is rolled back, with r3 a suspect; i1 began soon after r5, with r4 before it; nothing tells of r1.
    let derived = World::default()
        .deployments(&[
            "r1 api repo@1 1",
            "r2 api repo@2 60",
            "r3 api repo@3 63",
            "back api repo@1 66",
            "r4 api repo@4 100",
            "r5 api repo@5 104",
        ])
        .incidents(&["i1 api 107 108"])
        .derived(&until(WEEK));
    let rollouts = |keep: &dyn Fn(&lake::tables::rollout_failures::Row) -> bool| {
        let of = derived.rollout_failures.iter().filter(|row| keep(row)).map(|row| row.rollout_id.as_str());
        of.collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!(rollouts(&|row| row.is_accepted && row.is_explicit), 1, "r2");
    assert_eq!(rollouts(&|row| row.is_accepted), 2, "r2 and r5");
    assert_eq!(rollouts(&|_| true), 4, "r3 and r4, too");
}

#[test]
fn a_hotfix_is_told_by_intent_label_or_the_incident_that_names_it() {
    let derived = World::default()
        .commits(&["a", "b parents=a", "c parents=b", "d parents=c", "e parents=d"])
        .changes(&["b 1 2 labels=Hotfix", "c 1 2", "d 1 2", "e 1 2"])
        .deployments(&[
            "d1 api repo@a 3",
            "d2 api repo@b 10",
            "d3 api repo@c 20 intent=hotfix",
            "d4 api repo@d 30",
            "d5 api repo@e 40",
        ])
        .incidents(&["i1 api 25 31 remedy=d4"])
        .derived(&until(WEEK));
    let kinds: Vec<&str> = derived.rollouts.iter().map(|rollout| rollout.kind.as_str()).collect();
    assert_eq!(kinds, ["release", "hotfix", "hotfix", "hotfix", "release"]);
    let rework = number(&derived, "api", ("week", 0), ("deployment_rework_rate", "rate"));
    assert_eq!((rework.value, rework.n), (Some(0.6), 5));
    assert_eq!(number(&derived, "api", ("week", 0), FAIL_RATE).n, 5, "hotfixes are in the denominator");
}

#[test]
fn alerts_of_the_service_tell_when_it_was_restored() {
    let alert = |start: i64, end: i64| lake::tables::alerts::Row {
        alert_id: "slow".into(),
        name: "Slow".into(),
        service: Some("api".into()),
        environment: None,
        severity: None,
        labels: vec![],
        pending_at: None,
        started_at: hour(start),
        ended_at: Some(hour(end)),
        start_error_seconds: 0.0,
        end_error_seconds: Some(0.0),
        end_basis: "resolved".into(),
        witness: "samples".into(),
        merged_count: 1,
        updated_at: None,
    };
    let mut world = World::default().deployments(&["d1 api repo@1 1"]).incidents(&["i1 api 4 30"]);
    world.alerts = vec![alert(3, 9), alert(20, 25)];
    let derived = world.derived(&until(WEEK));
    let told: Vec<_> =
        derived.rollout_failures.iter().map(|row| (row.restored_at, row.restored_by.as_deref())).collect();
    assert_eq!(told, [(Some(hour(9)), Some("alert_clear"))]);
    // An alert alone is no incident.
    world.incidents.clear();
    assert!(world.derived(&until(WEEK)).rollout_failures.is_empty());
}

#[test]
fn an_incident_reopened_within_the_hour_is_one_failure_until_its_last_end() {
    let world = World::default().deployments(&["d1 api repo@1 1", "d2 api repo@2 5"]);
    let derived = world.incidents(&["i1 api 3 6", "i1b api 7 9 reopens=i1"]).derived(&until(WEEK));
    assert_eq!(number(&derived, "api", ("week", 0), FAIL_RATE).value, Some(0.5));
    assert!(near(number(&derived, "api", ("week", 0), RECOVERY).value, 7.0 * 3600.0));
}

#[test]
fn the_kind_of_author_is_kept_and_nobody_is_left_out() {
    let derived = World::default()
        .commits(&["a", "b parents=a", "c parents=b", "d parents=c"])
        .changes(&["b 1 2 by=agent", "c 1 2 by=dependency_bot", "d 1 2 by=other_bot"])
        .deployments(&["d1 api repo@a 1", "d2 api repo@d 20"])
        .derived(&until(WEEK));
    assert_eq!(number(&derived, "api", ("week", 0), LEAD_TIME).n, 3);
    for finding in ["change_by_agent", "change_by_dependency_bot", "change_by_other_bot"] {
        assert!(derived.data_quality.iter().any(|row| row.finding == finding && row.record_count == 1), "{finding}");
    }
}

/// A service of which `b` was released at 20, taken back at 40, in a world that records nothing else.
fn reverted(evidence: &str) -> World {
    World::default()
        .commits(&["a", "b parents=a", "r parents=b"])
        .changes(&["b 1 10", "r 31 32 reverts=b"])
        .deployments(&[
            &format!("d1 api repo@a 1 evidence={evidence}"),
            &format!("d2 api repo@b 20 evidence={evidence}"),
            &format!("d3 api repo@r 40 evidence={evidence}"),
        ])
}

#[test]
fn a_revert_between_tags_does_not_make_failures_known_and_a_deployed_one_does() {
    let told = |world: World| {
        let derived = world.derived(&until(WEEK));
        [FAIL_RATE, REWORK, RECOVERY].map(|metric| {
            let row = number(&derived, "api", ("period", 0), metric);
            (row.value.is_some(), row.n)
        })
    };
    assert_eq!(told(reverted("release_tag")), [(false, 0); 3], "the other releases may have failed, too");
    assert_eq!(told(reverted("published_release")), [(false, 0); 3]);
    assert_eq!(told(reverted("record")), [(true, 3), (true, 3), (true, 1)]);
    let read = reverted("release_tag").coverage(&["incidents 0 168 whole"]);
    assert_eq!(told(read), [(true, 3), (true, 3), (true, 1)], "somebody looked for incidents");
}

#[test]
fn rework_is_unknown_where_incidents_are_on_record_and_no_remedy_is() {
    let world = || {
        World::default()
            .deployments(&["d1 api repo@1 1", "d2 api repo@2 20", "d3 api repo@3 40", "w1 web repo@1 1"])
            .coverage(&["incidents 0 168 whole"])
    };
    let rework = |world: World| {
        let derived = world.derived(&until(WEEK));
        ["rate", "rate_lowest", "rate_highest"]
            .map(|statistic| number(&derived, "api", ("period", 0), ("deployment_rework_rate", statistic)).value)
    };
    assert_eq!(rework(world()), [Some(0.0); 3], "nothing failed, so there was nothing to repair");
    assert_eq!(rework(world().incidents(&["i1 api 22 23"])), [None; 3]);
    assert_eq!(rework(world().incidents(&["i1 - 22 23"])), [Some(0.0); 3], "an incident of no service is in no rate");
    let elsewhere = world().incidents(&["i1 api 22 23", "i2 web 5 30 remedy=w1"]);
    assert_eq!(rework(elsewhere), [Some(0.0); 3], "somebody names remedies, and named none of this one");
}

#[test]
fn a_quantile_that_is_not_reached_is_bounded_by_what_has_already_been_waited() {
    let world = World::default()
        .commits(&["a", "b parents=a", "c parents=b", "d parents=c", "e parents=d"])
        .changes(&["b 24 24", "c 672 672", "d 696 696", "e 720 720"])
        .deployments(&["d1 api repo@a 1", "d2 api repo@b 24 ends=25"])
        .coverage(&["deployments 0 721 whole"]);
    let plan = Plan { since: Some(hour(0)), as_of: Some(hour(721)), ..Plan::default() };
    let derived = world.derived(&plan);
    let lead = |statistic| number(&derived, "api", ("period", 0), ("change_lead_time", statistic));
    // They took 1 h, and wait for 1, 25 and 49 h.
    assert_eq!((lead("p50").value, lead("p50").n), (None, 4));
    assert!(near(lead("p50").above, 3600.0), "{:?}", lead("p50"));
    assert!(near(lead("p75").above, 25.0 * 3600.0) && near(lead("p90").above, 49.0 * 3600.0));
    // An hour later all are there: none of these was too much.
    let all = world.deployments(&["d3 api repo@e 721 ends=722"]).coverage(&["deployments 721 722 whole"]);
    let derived = all.derived(&Plan { as_of: Some(hour(722)), ..plan });
    let later = |statistic| number(&derived, "api", ("period", 0), ("change_lead_time", statistic)).value;
    assert!(later("p50") >= Some(3600.0) && later("p75") >= Some(25.0 * 3600.0) && later("p90") >= Some(49.0 * 3600.0));
}

#[test]
fn an_incident_that_ends_before_it_begins_is_in_no_metric() {
    let world = |incident: &str| {
        World::default()
            .deployments(&["d1 api repo@1 1", "d2 api repo@2 20"])
            .incidents(&[incident])
            .coverage(&["incidents 0 168 whole"])
            .derived(&until(WEEK))
    };
    for incident in ["i1 api 23 22", "i1 api 22 24 impact=23 mitigated=22"] {
        let derived = world(incident);
        let value = |metric| number(&derived, "api", ("period", 0), metric).value;
        assert_eq!((value(FAIL_RATE), value(RECOVERY)), (Some(0.0), None), "{incident}");
        assert!(derived.data_quality.iter().any(|row| row.finding == "incident_negative_duration"), "{incident}");
    }
    let derived = world("i1 api 22 23");
    assert_eq!(number(&derived, "api", ("period", 0), FAIL_RATE).value, Some(0.5));
}

#[test]
fn a_tag_cannot_fail_so_that_attempts_have_no_rate() {
    let derived = reverted("release_tag").derived(&until(WEEK));
    let row = number(&derived, "api", ("period", 0), ("attempt_failure_rate", "rate"));
    assert_eq!((row.value, row.n), (None, 0));
}
