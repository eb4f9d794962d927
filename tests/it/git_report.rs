//! A report straight from a clone, checked against plain git.

use std::path::Path;

use serde_json::Value;

use crate::support::{git, run};

/// Five commits, releases after the first, third and fifth.
fn clone(folder: &Path) {
    git(folder, "2026-01-05T08:00:00Z", &["init", "-q"]);
    for (day, release) in [(5, Some("v1.0.0")), (6, None), (7, Some("v1.1.0")), (8, None), (9, Some("v2.0.0"))] {
        let at = format!("2026-01-{day:02}T08:00:00Z");
        std::fs::write(folder.join(format!("f{day}")), "x").expect("it can be written");
        git(folder, &at, &["add", "."]);
        git(folder, &at, &["commit", "-q", "-m", &format!("change {day}")]);
        if let Some(tag) = release {
            git(folder, &format!("2026-01-{day:02}T20:00:00Z"), &["tag", "-a", tag, "-m", tag]);
        }
    }
}

fn report(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("out/report.json")).expect("the report is written");
    serde_json::from_str(&text).expect("it is JSON")
}

fn number<'a>(report: &'a Value, metric: &str, statistic: &str) -> &'a Value {
    let rows = report["metrics"].as_array().expect("metrics are a list");
    let found = rows
        .iter()
        .find(|row| row["metric"] == metric && row["statistic"] == statistic && row["window_kind"] == "period");
    found.unwrap_or_else(|| panic!("`{metric}` has no `{statistic}`"))
}

#[test]
fn releases_stand_in_for_deployments_and_say_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let repository = folder.path().join("api");
    std::fs::create_dir(&repository).expect("it can be made");
    clone(&repository);
    let (code, _, words) = run(folder.path(), &["report", "--git", "api", "--releases", "^v", "--out", "out"]);
    assert_eq!(code, 0, "{words}");
    let report = report(folder.path());
    assert_eq!(number(&report, "deployment_frequency", "per_day")["n"], 3);
    // Commits of the days 6 to 9: 36, 12, 36 and 12 hours before their release.
    let lead = number(&report, "change_lead_time", "p50");
    assert_eq!(lead["n"], 4);
    assert_eq!(lead["value"], 24.0 * 3600.0);
    // Nobody recorded whether a release failed: null, not 0.
    for metric in ["change_fail_rate", "deployment_rework_rate"] {
        assert_eq!(number(&report, metric, "rate")["value"], Value::Null, "{metric}");
    }
    assert_eq!(number(&report, "failed_deployment_recovery_time", "p50")["value"], Value::Null);
    let page = std::fs::read_to_string(folder.path().join("out/report.html")).expect("the page is written");
    assert!(page.contains("a stand-in for deployments"));
    assert!(!page.contains("<script"));
}

#[test]
fn a_shallow_clone_is_incomplete_and_never_different_truth() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let repository = folder.path().join("origin");
    std::fs::create_dir(&repository).expect("it can be made");
    clone(&repository);
    let url = format!("file://{}", repository.display());
    git(folder.path(), "2026-02-01T00:00:00Z", &["clone", "-q", "--depth", "3", "--branch", "main", &url, "api"]);
    git(&folder.path().join("api"), "2026-02-01T00:00:00Z", &["fetch", "-q", "--depth", "3", "--tags"]);
    let (code, _, words) = run(folder.path(), &["report", "--git", "api", "--releases", "^v", "--out", "out"]);
    assert_eq!(code, 5, "partial data have their own exit code: {words}");
    let report = report(folder.path());
    let coverage = report["coverage"].as_array().expect("coverage is a list");
    assert!(coverage.iter().any(|row| row["is_complete"] == false && row["reason"].as_str().is_some_and(|why| why.contains("shallow"))));
    // The commits of days 8 and 9 are known to be first in v2.0.0; nothing else has a lead time that the whole clone
    // would contradict.
    for row in report["metrics"].as_array().expect("a list").iter().filter(|row| row["window_kind"] == "period") {
        if row["metric"] == "change_lead_time" {
            assert!(row["n"].as_i64().is_some_and(|n| n <= 4), "{row}");
            assert!(row["coverage_rate"].as_f64().is_some_and(|rate| rate < 1.0), "{row}");
        }
    }
}

#[test]
fn another_rule_for_the_same_clone_does_not_mix_with_the_first() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let repository = folder.path().join("api");
    std::fs::create_dir(&repository).expect("it can be made");
    clone(&repository);
    for (rule, count) in [("^v", 3), ("^v2", 1)] {
        let (code, _, words) = run(folder.path(), &["report", "--git", "api", "--releases", rule, "--out", "out"]);
        assert_eq!(code, 0, "{words}");
        assert_eq!(number(&report(folder.path()), "deployment_frequency", "per_day")["n"], count, "{rule}");
    }
}

#[test]
fn a_tag_without_a_time_gives_a_bound_and_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let repository = folder.path().join("api");
    std::fs::create_dir(&repository).expect("it can be made");
    clone(&repository);
    git(&repository, "2026-01-12T20:00:00Z", &["tag", "v1.2.0", "v2.0.0~1"]);
    let (code, _, words) = run(folder.path(), &["report", "--git", "api", "--releases", "^v", "--out", "out"]);
    assert_eq!(code, 0, "{words}");
    let page = std::fs::read_to_string(folder.path().join("out/report.md")).expect("the page is written");
    assert!(page.contains("1 release tag has no time of its own"), "{page}");
    assert!(page.contains("at least: 1 release tag carries no time of its own"), "{page}");
    let found = report(folder.path());
    let flaw =
        found["data_quality"].as_array().expect("a list").iter().find(|row| row["finding"] == "release_without_time");
    assert_eq!(flaw.expect("it is a flaw")["example"], "v1.2.0 in api");
}
