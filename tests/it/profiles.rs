//! Definitions side by side, and published clusters: what the command says of a simulated organisation.

use std::collections::BTreeSet;

use derive::{MetricComparison, Plan, Whose, Workbench, rules};
use ingest::sources::simulated::{self, Config};
use ingest::{NoVariables, Reading, Silent, ingest};
use lake::{AsOf, Instant, Lake, Location, Snapshot};
use serde_json::Value;

use crate::support::run;

const NOW: Instant = Instant(1_800_000_000_000_000);

async fn world() -> (tempfile::TempDir, Snapshot) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = Lake::open_or_create(&Location::Folder(folder.path().join("lake"))).await.expect("a lake is made");
    let config = Config { seed: 2026, services: 3, weeks: 12, intervention_week: 6, ..Config::default() };
    ingest(&simulated::open(config), &lake, &Reading::at(NOW, &NoVariables), &Silent).await.expect("it can be read");
    let snapshot = lake.snapshot(AsOf::Latest).await.expect("the newest version");
    (folder, snapshot)
}

fn at(text: &str) -> Instant {
    Instant::parse(text).expect("a literal instant")
}

/// A service over the whole period, and all of them over a window that begins and ends in a day.
async fn compared() -> Vec<(String, Vec<MetricComparison>, Vec<derive::Switched>)> {
    let (_folder, snapshot) = world().await;
    let mut found = Vec::new();
    for (since, until) in [(None, None), (Some(at("2026-02-03T10:00:00Z")), Some(at("2026-03-11T15:30:00Z")))] {
        let plan = Plan { since, until, ..Plan::default() };
        let metrics: Vec<&str> = rules().iter().map(|rule| rule.metric.as_str()).collect();
        let mut bench = Workbench::new(&snapshot, &plan, &metrics).await.expect("it can be derived");
        let services: BTreeSet<String> = bench.derived().metrics.iter().filter_map(|row| row.service.clone()).collect();
        // One service over the whole period, all of them over the other.
        let service = services.into_iter().next().filter(|_| since.is_none());
        let whose = Whose { service, ..Whose::default() };
        let compared = bench.compare(&snapshot, &plan, &whose).await.expect("it can be compared");
        let mut unswitched = Vec::new();
        for metric in &compared {
            let own = bench.unswitched(&snapshot, &plan, &whose, &metric.metric).await;
            unswitched.push(own.expect("it can be computed"));
        }
        found.push((format!("{:?} from {since:?}", whose.service), compared, unswitched));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_switched_alone_and_all_of_them_together_make_the_tool() {
    let (mut moved, mut compared_count) = (BTreeSet::new(), 0);
    for (unit, metrics, unswitched) in compared().await {
        let names: Vec<&str> = metrics.iter().map(|metric| metric.metric.as_str()).collect();
        assert_eq!(
            names,
            ["deployment_frequency", "change_lead_time", "failed_deployment_recovery_time", "change_fail_rate"]
        );
        for (metric, off) in metrics.iter().zip(unswitched) {
            let (core, name) = (&metric.core, &metric.metric);
            assert!(off.agrees_with(core.value, core.n), "`{name}` of {unit}: {off:?} without any rule, {core:?}");
            assert_eq!(metric.profiles.len(), 4);
            for tool in &metric.profiles {
                assert_eq!(tool.number.unit, core.unit);
                assert!(
                    tool.is_explained,
                    "`{name}` of {unit} by {}: {:?} by its rules, {:?} by itself",
                    tool.profile, tool.together, tool.number
                );
                let own = rules().iter().filter(|rule| rule.metric == *name && rule.profiles.contains(&tool.profile));
                assert_eq!(tool.rules.len(), own.count());
                for rule in &tool.rules {
                    if !rule.switched.agrees_with(core.value, core.n) {
                        moved.insert(format!("{name}: {}", rule.rule));
                    }
                }
                compared_count += 1;
            }
        }
    }
    assert_eq!(compared_count, 2 * 4 * 4);
    // Most rules make a difference somewhere in a world with redeploys, rollbacks, outages and open incidents.
    let still: Vec<String> = rules()
        .iter()
        .map(|rule| format!("{}: {}", rule.metric, rule.rule))
        .filter(|name| !moved.contains(name))
        .collect();
    assert!(moved.len() * 3 >= rules().len() * 2, "without any effect: {still:?}");
}

fn project(more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = format!(
        "{more}\n[[sources]]\ntype = 'simulated'\nseed = 2026\nservices = 2\nweeks = 8\nintervention_week = 4\n"
    );
    std::fs::write(folder.path().join("doracle.toml"), text).expect("it can be written");
    let (code, _, words) = run(folder.path(), &["ingest", "-q"]);
    assert_eq!(code, 0, "{words}");
    folder
}

#[test]
fn definitions_are_compared_in_every_format() {
    let folder = project("");
    let ask = |more: &[&str]| {
        let (code, out, words) = run(folder.path(), &[&["metrics", "compare-definitions"], more].concat());
        assert_eq!(code, 0, "{words}");
        out
    };
    let text = ask(&["--window", "2026-01-12..2026-02-09"]);
    for part in [
        "core-1",
        "devlake",
        "fourkeys",
        "gitlab",
        "middleware",
        "Change fail rate",
        "counts_redeploys",
        "all of its rules",
    ] {
        assert!(text.contains(part), "`{part}` is missing: {text}");
    }
    let json: Value = serde_json::from_str(&ask(&["--format", "json"])).expect("JSON");
    assert_eq!(json["format_version"], 1);
    let metrics = json["metrics"].as_array().expect("a list");
    assert_eq!(metrics.len(), 4);
    for metric in metrics {
        assert!(metric["core"]["definition"].as_str().is_some_and(|id| id.starts_with("core-1/")), "{metric}");
        for tool in metric["profiles"].as_array().expect("a list") {
            assert!(tool["n"].is_i64() && tool["rules"].as_array().is_some_and(|rules| rules.len() > 2), "{tool}");
            assert!(tool["rules"][0]["words"].is_string() && tool["rules"][0].get("value").is_some(), "{tool}");
        }
    }
    let jsonl = ask(&["--format", "jsonl"]);
    let lines: Vec<Value> = jsonl.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.iter().filter(|line| line["record"] == "number").count(), 20);
    assert!(lines.iter().any(|line| line["record"] == "not reproduced"));
    let (code, _, words) = run(folder.path(), &["metrics", "compare-definitions", "--service", "nobody"]);
    assert!(code == 2 && words.contains("derive::unknown"), "{words}");
}

#[test]
fn metrics_and_one_metric_are_listed_as_before() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (code, out, _) = run(folder.path(), &["metrics"]);
    assert!(code == 0 && out.contains("core-1/change_fail_rate@"), "{out}");
    let (code, out, _) = run(folder.path(), &["metrics", "change_fail_rate"]);
    assert!(code == 0 && out.contains("SELECT"), "{out}");
    let (code, _, words) = run(folder.path(), &["metrics", "compare"]);
    assert!(code == 2 && words.contains("there is no metric `compare`"), "{words}");
}

#[test]
fn published_clusters_are_shown_with_what_has_to_be_said_of_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (code, all, words) = run(folder.path(), &["metrics", "benchmarks"]);
    assert_eq!(code, 0, "{words}");
    for part in ["2018:", "2020: none", "2025:", "no threshold", "no tiers", "asked as a number"] {
        assert!(all.contains(part), "`{part}` is missing: {all}");
    }
    let (_, one, _) = run(folder.path(), &["metrics", "benchmarks", "--year", "2021"]);
    assert!(one.contains("2021:") && !one.contains("2019:") && one.contains("belongs to nobody"), "{one}");
    let (_, csv, _) = run(folder.path(), &["--format", "csv", "metrics", "benchmarks", "--year", "2024"]);
    assert_eq!(csv.lines().count(), 5, "{csv}");
    let (_, json, _) = run(folder.path(), &["--format", "json", "metrics", "benchmarks"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["years"].as_array().map(Vec::len), Some(8));
    let (code, _, words) = run(folder.path(), &["metrics", "benchmarks", "--year", "2017"]);
    assert!(code == 2 && words.contains("2018"), "{words}");
}

#[test]
fn a_report_shows_clusters_only_where_a_year_is_asked_for() {
    let folder = project("[report]\nbenchmarks = 2023\n");
    let page = |arguments: &[&str]| {
        let (code, _, words) = run(folder.path(), &[&["report", "--out", "page", "-q"], arguments].concat());
        assert_eq!(code, 0, "{words}");
        std::fs::read_to_string(folder.path().join("page/report.md")).expect("it was written")
    };
    let by_setting = page(&[]);
    assert!(by_setting.contains("Closest published cluster of 2023"), "{by_setting}");
    assert!(by_setting.contains("share two cells") && by_setting.contains("survey"), "{by_setting}");
    let by_flag = page(&["--benchmarks", "2021"]);
    assert!(by_flag.contains("Closest published cluster of 2021") && !by_flag.contains("cluster of 2023"), "{by_flag}");
    // A year without tiers has its remarks and no table.
    let without = page(&["--benchmarks", "2025"]);
    assert!(without.contains("no tiers") && !without.contains("Closest published cluster"), "{without}");
    for page in [&by_setting, &by_flag] {
        for word in ["is elite", "are elite", "an elite team", "elite performer", "you are"] {
            assert!(!page.to_lowercase().contains(word), "{word}");
        }
    }
    std::fs::write(folder.path().join("doracle.toml"), "[report]\nbenchmarks = 2017\n").expect("it can be written");
    let (code, _, words) = run(folder.path(), &["report"]);
    assert!(code == 2 && words.contains("report.benchmarks"), "{words}");
    let plain = project("");
    let (code, _, words) = run(plain.path(), &["report", "--out", "page", "-q"]);
    assert_eq!(code, 0, "{words}");
    let text = std::fs::read_to_string(plain.path().join("page/report.md")).expect("it was written");
    assert!(!text.to_lowercase().contains("cluster"), "off by default");
}
