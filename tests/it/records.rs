//! Small folders of records through ingest, lake, derivation and report: cases that no simulated world holds.

use std::collections::BTreeMap;

use derive::{Derived, Plan, Whose, Workbench, derive};
use ingest::sources::{files, git};
use ingest::{NoVariables, Reading, Silent, Source, ingest};
use lake::{AsOf, Instant, Lake, Location, tables::metrics};
use serde_json::{Value, json};

use crate::support::git as run_git;

/// A time of January 2026, written `day hour:minute`.
fn at(text: &str) -> String {
    let (day, clock) = text.split_once(' ').expect("a day and a clock");
    format!("2026-01-{day:0>2}T{clock}:00Z")
}

fn instant(text: &str) -> Instant {
    Instant::parse(text).expect("a literal instant")
}

/// A successful deployment to production.
fn deployment(id: &str, service: &str, revision: &str, started: &str, finished: &str) -> Value {
    json!({
        "deployment_id": id, "attempt": 1, "target": "", "service": service, "environment": "production",
        "revisions": [revision], "status": "success", "started_at": started, "finished_at": finished,
        "evidence": "record",
    })
}

fn incident(id: &str, service: &str, opened: &str, resolved: &str) -> Value {
    json!({
        "incident_id": id, "service": service, "opened_at": opened, "resolved_at": resolved, "cause": "unknown",
        "evidence": "incident_record",
    })
}

fn commit(sha: &str, parents: &[&str], written: &str) -> Value {
    json!({
        "repository": "repo", "commit_sha": sha, "parents": parents, "is_merge": false, "authored_at": written,
        "author_offset_minutes": 0, "committed_at": written, "committer_offset_minutes": 0, "author_id": "a",
        "author_kind": "human", "subject": "s", "reverts": [],
    })
}

/// A change that consists of the commit of its name.
fn change(id: &str, first: &str, merged: &str) -> Value {
    json!({
        "repository": "repo", "change_id": id, "kind": "pull_request", "author_kind": "human",
        "first_commit_at": first, "first_commit_basis": "commits", "merged_at": merged, "merge_commit_sha": id,
        "labels": [], "reverts": [],
    })
}

/// The record with other or further members.
fn with(mut record: Value, more: &Value) -> Value {
    let members = record.as_object_mut().expect("a record is an object");
    members.extend(more.as_object().expect("members").clone());
    record
}

/// A lake, and what is read into it.
struct World {
    folder: tempfile::TempDir,
    lake: Lake,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = Location::Folder(folder.path().join("lake"));
        let lake = Lake::open_or_create(&place).await.expect("a lake is made");
        Self { folder, lake }
    }

    /// A world of records, by table.
    async fn of(records: &[(&str, &[Value])]) -> Self {
        let world = Self::new().await;
        let folder = world.folder.path().join("records");
        std::fs::create_dir(&folder).expect("it can be made");
        for (table, rows) in records {
            let lines: Vec<String> = rows.iter().map(ToString::to_string).collect();
            std::fs::write(folder.join(format!("{table}.jsonl")), lines.join("\n")).expect("it can be written");
        }
        world
    }

    /// What is derived from the records after a reading at `now`.
    async fn read_at(&self, now: &str, plan: &Plan) -> Derived {
        let path = self.folder.path().join("records");
        self.read(&files::open(files::Config { name: "records".into(), path, table: None }), now, plan).await
    }

    async fn read(&self, source: &dyn Source, now: &str, plan: &Plan) -> Derived {
        ingest(source, &self.lake, &Reading::at(instant(now), &NoVariables), &Silent).await.expect("it can be read");
        let snapshot = self.lake.snapshot(AsOf::Latest).await.expect("the newest version");
        derive(&snapshot, plan).await.expect("it can be derived")
    }
}

const NOW: &str = "2026-02-01T00:00:00Z";

/// The number of a service or group over the whole period.
fn number<'a>(derived: &'a Derived, unit: &str, metric: &str, statistic: &str) -> &'a metrics::Row {
    let is_it = |row: &&metrics::Row| {
        row.service.as_deref().or(row.service_group.as_deref()) == Some(unit)
            && row.dimension.is_none()
            && row.window_kind == "period"
            && (row.metric.as_str(), row.statistic.as_str()) == (metric, statistic)
    };
    derived.metrics.iter().find(is_it).unwrap_or_else(|| panic!("`{unit}` has no `{metric}`"))
}

/// How many records show each finding.
fn findings(derived: &Derived) -> BTreeMap<&str, i64> {
    let mut found = BTreeMap::new();
    for row in &derived.data_quality {
        assert!(!row.effect.is_empty(), "`{}` does not say what it does", row.finding);
        *found.entry(row.finding.as_str()).or_default() += row.record_count;
    }
    found
}

/// Two services, each deployed on the 5th and the 8th.
fn two_services() -> Vec<Value> {
    vec![
        deployment("a1", "api", "api@1", &at("5 08:00"), &at("5 08:10")),
        deployment("w1", "web", "web@1", &at("5 08:05"), &at("5 08:20")),
        deployment("a2", "api", "api@2", &at("8 08:00"), &at("8 08:10")),
        deployment("w2", "web", "web@2", &at("8 08:05"), &at("8 08:20")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_in_two_services_is_a_failure_of_each_and_one_of_the_group() {
    let incidents =
        [incident("i1", "api", &at("5 09:00"), &at("5 10:00")), incident("i1", "web", &at("5 09:30"), &at("5 12:00"))];
    let world = World::of(&[("deployments", &two_services()), ("incidents", &incidents)]).await;
    let derived = world.read_at(NOW, &Plan::default()).await;
    for (unit, rate, n, hours) in
        [("api", 0.5, 2, 110.0 / 60.0), ("web", 0.5, 2, 220.0 / 60.0), ("all", 0.25, 4, 230.0 / 60.0)]
    {
        let share = number(&derived, unit, "change_fail_rate", "rate");
        assert_eq!((share.value, share.n), (Some(rate), n), "{unit}");
        let recovery = number(&derived, unit, "failed_deployment_recovery_time", "p50");
        assert_eq!((recovery.value, recovery.n), (Some(hours * 3600.0), 1), "{unit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cause_in_another_service_is_linked_once_and_not_called_unlinked() {
    let cause = json!({ "cause_deployment_id": "a1" });
    let incidents = [
        with(incident("i1", "api", &at("5 09:00"), &at("5 10:00")), &cause),
        with(incident("i1", "web", &at("5 09:30"), &at("5 12:00")), &cause),
    ];
    let world = World::of(&[("deployments", &two_services()), ("incidents", &incidents)]).await;
    let derived = world.read_at(NOW, &Plan::default()).await;
    let accepted: Vec<(&str, &str, &str)> = derived
        .rollout_failures
        .iter()
        .filter(|row| row.is_accepted)
        .map(|row| (row.service.as_str(), row.method.as_str(), row.evidence_id.as_str()))
        .collect();
    assert_eq!(accepted, [("api", "explicit", "i1")]);
    assert_eq!(number(&derived, "web", "change_fail_rate", "rate").value, Some(0.0));
    assert_eq!(findings(&derived).get("incident_unlinked"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_a_group_names_twice_is_in_it_once() {
    let group = |members: &[&str]| members.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let groups = BTreeMap::from([("once".to_owned(), group(&["api"])), ("twice".to_owned(), group(&["api", "api"]))]);
    let incidents = [incident("i1", "api", &at("5 09:00"), &at("5 10:00"))];
    let world = World::of(&[("deployments", &two_services()), ("incidents", &incidents)]).await;
    let derived = world.read_at(NOW, &Plan { groups, ..Plan::default() }).await;
    let numbers = |group: &str| -> Vec<metrics::Row> {
        let own = derived.metrics.iter().filter(|row| row.service_group.as_deref() == Some(group));
        own.map(|row| metrics::Row { service_group: None, ..row.clone() }).collect()
    };
    assert_eq!(number(&derived, "twice", "deployment_frequency", "per_day").n, 2);
    assert_eq!(numbers("twice"), numbers("once"));
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_that_differ_only_in_capital_letters_are_measured_together() {
    let mut deployments = two_services();
    for row in &mut deployments[..3] {
        *row = with(row.clone(), &json!({ "environment": "Production" }));
    }
    let world = World::of(&[("deployments", &deployments)]).await;
    let derived = world.read_at(NOW, &Plan::default()).await;
    assert!(derived.metrics.iter().all(|row| row.environment == "production"));
    assert_eq!(number(&derived, "all", "deployment_frequency", "per_day").n, 4);
    assert_eq!(findings(&derived)["environment_respelled"], 3);
}

/// Everything dated in the future, and what is known until the 8th.
fn with_a_wrong_clock() -> Vec<(&'static str, Vec<Value>)> {
    const FUTURE: &str = "2099-01-01T00:00:00Z";
    let mut deployments = two_services();
    deployments.push(deployment("a9", "api", "api@9", FUTURE, FUTURE));
    deployments.push(deployment("w9", "web", "web@9", &at("8 10:00"), FUTURE));
    let incidents = vec![
        incident("i1", "api", &at("5 09:00"), FUTURE),
        incident("i9", "api", FUTURE, FUTURE),
        with(incident("i2", "web", &at("8 09:00"), &at("8 09:30")), &json!({ "impact_started_at": FUTURE })),
    ];
    let changes = vec![change("c9", &at("5 07:00"), FUTURE)];
    vec![("deployments", deployments), ("incidents", incidents), ("changes", changes)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_in_the_future_moves_nothing_and_counts_nowhere() {
    let records = with_a_wrong_clock();
    let records: Vec<(&str, &[Value])> = records.iter().map(|(table, rows)| (*table, rows.as_slice())).collect();
    let world = World::of(&records).await;
    let derived = world.read_at(NOW, &Plan::default()).await;
    assert_eq!(derived.as_of, Instant(instant(&at("8 10:00")).0 + 1));
    assert_eq!(findings(&derived)["record_in_the_future"], 6);
    assert_eq!(number(&derived, "all", "deployment_frequency", "per_day").n, 4);
    assert!(derived.rollouts.iter().all(|row| !row.revisions[0].ends_with('9')));
    let failed: Vec<(&str, bool)> =
        derived.recovery_episodes.iter().map(|row| (row.service.as_str(), row.is_restored)).collect();
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert!(failed.contains(&("api", false)) && failed.contains(&("web", true)), "{failed:?}");

    // A month later nothing new is recorded.
    let later = world.read_at("2026-03-01T00:00:00Z", &Plan::default()).await;
    assert_eq!((later.as_of, &later.input_digest), (derived.as_of, &derived.input_digest));
    assert_eq!(later.digests().expect("finite"), derived.digests().expect("finite"));

    // In the end the future has come.
    let then = world.read_at("2099-06-01T00:00:00Z", &Plan::default()).await;
    assert_eq!(findings(&then).get("record_in_the_future"), None);
    assert!(then.rollouts.iter().any(|row| row.revisions == ["api@9"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_earlier_makes_no_record_one_of_the_future() {
    let world = World::of(&[("deployments", &two_services())]).await;
    let plan = Plan { as_of: Some(instant(&at("7 00:00"))), ..Plan::default() };
    let derived = world.read_at(NOW, &plan).await;
    assert_eq!(derived.rollouts.len(), 2);
    assert_eq!(findings(&derived).get("record_in_the_future"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_in_the_future_moves_nothing_and_counts_nowhere() {
    let world = World::new().await;
    let repository = world.folder.path().join("api");
    std::fs::create_dir(&repository).expect("it can be made");
    run_git(&repository, &at("5 08:00"), &["init", "-q"]);
    for (name, committed, tagged) in [
        ("v1", at("5 08:00"), at("5 09:00")),
        ("v2", at("8 08:00"), at("8 09:00")),
        ("v3", at("9 08:00"), "2099-01-01T00:00:00Z".to_owned()),
    ] {
        run_git(&repository, &committed, &["commit", "-q", "--allow-empty", "-m", name]);
        run_git(&repository, &tagged, &["tag", "-a", name, "-m", name]);
    }
    run_git(&repository, "2098-01-01T00:00:00Z", &["commit", "-q", "--allow-empty", "-m", "from the future"]);
    let source = git::open(git::Config {
        path: repository,
        releases: "^v".into(),
        service: None,
        repository: None,
        branch: None,
        environment: "production".into(),
        prereleases: false,
        read_until: None,
        bots: ingest::Bots::default(),
    });
    let derived = world.read(&source, NOW, &Plan::default()).await;
    assert_eq!(derived.as_of, Instant(instant(&at("9 08:00")).0 + 1));
    assert_eq!(number(&derived, "api", "deployment_frequency", "per_day").n, 2);
    // The release, and the change.
    assert_eq!(findings(&derived)["record_in_the_future"], 2);
    let later = world.read(&source, "2026-03-01T00:00:00Z", &Plan::default()).await;
    assert_eq!(later.digests().expect("finite"), derived.digests().expect("finite"));
}

/// Every clock that can run backwards does; no number may show it.
#[tokio::test(flavor = "multi_thread")]
async fn no_duration_is_negative() {
    let commits: Vec<Value> = (1..=5)
        .map(|at_place: i64| {
            let parent = format!("c{}", at_place - 1);
            let parents: &[&str] = if at_place == 1 { &[] } else { &[&parent] };
            commit(&format!("c{at_place}"), parents, &at("5 06:00"))
        })
        .collect();
    let changes = [
        change("c2", &at("5 07:00"), &at("5 08:00")),
        // Written after it was merged; merged after it was deployed.
        change("c3", &at("9 07:00"), &at("7 08:00")),
        change("c4", &at("9 07:00"), &at("9 08:00")),
        change("c5", &at("9 07:00"), &at("9 08:30")),
    ];
    let deployments = [
        deployment("d1", "api", "repo@c1", &at("5 08:00"), &at("5 08:10")),
        // Ended before it started: what it carried came with it or with the next one.
        deployment("d2", "api", "repo@c2", &at("6 09:00"), &at("6 08:00")),
        deployment("d3", "api", "repo@c3", &at("7 09:00"), &at("7 09:10")),
        deployment("d4", "api", "repo@c4", &at("8 09:00"), &at("8 09:10")),
        deployment("d5", "api", "repo@c5", &at("10 09:00"), &at("10 09:10")),
    ];
    let incidents = [
        // Mitigated before it began.
        with(incident("i1", "api", &at("7 12:00"), &at("7 13:00")), &json!({ "mitigated_at": at("7 08:00") })),
        incident("i2", "api", &at("8 12:00"), &at("8 11:00")),
        incident("i3", "api", &at("10 12:00"), &at("10 13:00")),
    ];
    let world = World::of(&[
        ("commits", &commits),
        ("changes", &changes),
        ("deployments", &deployments),
        ("incidents", &incidents),
    ])
    .await;
    let derived = world.read_at(NOW, &Plan::default()).await;
    for row in &derived.metrics {
        for number in [row.value, row.above, row.ci_low, row.ci_high].into_iter().flatten() {
            assert!(number >= 0.0, "{row:?}");
        }
    }
    for row in &derived.rollouts {
        assert!(row.finished_at.is_none_or(|at| at >= row.started_at), "{row:?}");
    }
    let found = findings(&derived);
    assert_eq!(found["deployment_negative_duration"], 1);
    assert_eq!(found["incident_negative_duration"], 2, "i1 and i2");
    assert_eq!(found["change_after_gap"], 1, "c2 came with d2, or else with d3");
    assert_eq!(found["change_authored_after_merge"], 1);
    assert_eq!(found["change_negative_duration"], 1);
    assert_eq!(number(&derived, "api", "deployment_frequency", "per_day").n, 4);
    assert_eq!(number(&derived, "api", "change_lead_time", "p50").n, 2, "c3 and c5");
    assert_eq!(number(&derived, "api", "failed_deployment_recovery_time", "p50").n, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_outside_of_the_period_are_not_shown() {
    let incidents = [
        incident("i-early", "api", &at("5 09:00"), &at("5 10:00")),
        incident("i-late", "api", &at("8 09:00"), &at("8 10:00")),
    ];
    let world = World::of(&[("deployments", &two_services()), ("incidents", &incidents)]).await;
    let shown = async |plan: Plan| {
        let derived = world.read_at(NOW, &plan).await;
        assert_eq!(derived.recovery_episodes.len(), 2, "both are derived");
        let page = report_of(&derived).markdown;
        let failures = section(&page, "Failed rollouts");
        (failures.contains("i-early"), failures.contains("i-late"))
    };
    assert_eq!(shown(Plan::default()).await, (true, true));
    assert_eq!(shown(Plan { since: Some(instant(&at("7 00:00"))), ..Plan::default() }).await, (false, true));
    assert_eq!(shown(Plan { until: Some(instant(&at("7 00:00"))), ..Plan::default() }).await, (true, false));
}

fn report_of(derived: &Derived) -> reports::Report {
    let context = reports::ReportContext {
        title: "t".into(),
        command: "c".into(),
        version: "v".into(),
        simulated: None,
        benchmarks: None,
        group: None,
        zone: Plan::default().zone,
        sources: vec![],
        findings: Vec::new(),
    };
    reports::report(derived, &context).expect("it can be laid out")
}

/// The part of a page under a heading.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("## {heading}\n")).unwrap_or_else(|| panic!("no `{heading}`:\n{page}"));
    rest.split_once("\n## ").map_or(rest, |(section, _)| section)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_where_nothing_is_measured_is_not_among_the_failed_rollouts() {
    let staging = json!({ "environment": "staging" });
    let mut deployments = two_services();
    deployments.extend([
        with(deployment("s1", "api", "api@1", &at("4 08:00"), &at("4 08:10")), &staging),
        with(deployment("s2", "api", "api@2", &at("7 08:00"), &at("7 08:10")), &staging),
        with(deployment("s3", "api", "api@1", &at("7 10:00"), &at("7 10:10")), &staging),
    ]);
    let incidents = [incident("i1", "api", &at("5 09:00"), &at("5 10:00"))];
    let world = World::of(&[("deployments", &deployments), ("incidents", &incidents)]).await;
    let derived = world.read_at(NOW, &Plan::default()).await;
    let environments: Vec<&str> = derived.recovery_episodes.iter().map(|row| row.environment.as_str()).collect();
    assert_eq!(environments.len(), 2, "the rollback in staging is derived, too: {environments:?}");
    let page = report_of(&derived).markdown;
    let failures = section(&page, "Failed rollouts");
    assert!(failures.contains("i1") && failures.contains("in this period: 1."), "{failures}");
    let other = world.read_at(NOW, &Plan { environments: vec!["staging".into()], ..Plan::default() }).await;
    assert!(section(&report_of(&other).markdown, "Failed rollouts").contains("in this period: 2."));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_names_of_production_head_the_report_both() {
    let mut deployments = two_services();
    deployments.push(with(
        deployment("p1", "pay", "pay@1", &at("5 08:00"), &at("5 08:10")),
        &json!({ "environment": "prod" }),
    ));
    let world = World::of(&[("deployments", &deployments)]).await;
    let page = report_of(&world.read_at(NOW, &Plan::default()).await).markdown;
    let snapshot = world.lake.snapshot(AsOf::Latest).await.expect("the newest version");
    let mut bench = Workbench::new(&snapshot, &Plan::default(), &["deployment_frequency"]).await.expect("it derives");
    let frequency = derive::headline().next().expect("it heads the report");
    let refused = bench.explain(frequency, &Whose::default()).await.expect_err("which of the two?").to_string();
    assert!(refused.contains("`prod`") && refused.contains("`production`"), "{refused}");
    let alone = Whose { environment: Some("prod".into()), ..Whose::default() };
    assert_eq!(bench.explain(frequency, &alone).await.expect("one service").rests_on, 1);
    let head = section(&page, "Over the whole period");
    assert!(head.contains("`pay` in `prod`") && head.contains("`all services` in `production`"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_of_a_report_hold_every_number_that_its_page_shows() {
    let practice = json!({
        "intervention_id": "o1", "service": "api", "practice": "orchestration", "started_at": at("7 00:00"),
        "evidence": "record",
    });
    let world = World::of(&[("deployments", &two_services()), ("interventions", &[practice])]).await;
    let derived = world.read_at(NOW, &Plan::default()).await;
    let report = report_of(&derived);
    assert!(section(&report.markdown, "Around dated changes of working").contains("orchestration"));
    let data: Value = serde_json::from_str(&report.json).expect("JSON");
    let rows = data["metrics"].as_array().expect("rows");
    assert_eq!(rows.len(), derived.metrics.len());
    for kind in ["before", "after"] {
        assert!(rows.iter().any(|row| row["window_kind"] == kind), "no row of the time {kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn why_there_is_no_lead_time_is_told() {
    let changes = [change("c1", &at("5 06:00"), &at("5 07:00")), change("c2", &at("6 06:00"), &at("6 07:00"))];
    let world = World::of(&[("deployments", &two_services()), ("changes", &changes)]).await;
    let page = report_of(&world.read_at(NOW, &Plan::default()).await).markdown;
    let words = "2 changes are on record without a lead time: no rollout is of a revision of their repository";
    assert!(section(&page, "Over the whole period").contains(words), "{page}");
    let nothing = World::of(&[("deployments", &two_services())]).await;
    let page = report_of(&nothing.read_at(NOW, &Plan::default()).await).markdown;
    let head = section(&page, "Over the whole period");
    assert!(
        head.contains("no change is on record") && head.contains("nobody recorded incidents or remedies"),
        "{head}"
    );
    assert!(page.contains("No source stated what it read"), "{page}");
}
