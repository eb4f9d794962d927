//! Changes of working that the configuration tells of, or that are found among what was recorded.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{git, run};

const CONFIGURATION: &str = r#"
[[sources]]
type = "git"
path = "api"
releases = "^v"

[[sources]]
type = "files"
name = "records"
path = "records"

[[interventions]]
practice = "crew"
file = ".agents/*.toml"

[[interventions]]
practice = "orchestrator"
chart = "crew-*"

[[interventions]]
practice = "reviews"
services = ["web"]
from = "2026-01-07T00:00:00Z"
version = "2"

[[interventions]]
practice = "nobody's"
label = "never"
"#;

/// A clone with a file of agents from its third commit on, and an inventory in which a chart was bumped.
fn organisation(folder: &Path) {
    let repository = folder.join("api");
    std::fs::create_dir_all(repository.join(".agents")).expect("it can be made");
    git(&repository, "2026-01-05T08:00:00Z", &["init", "-q"]);
    for (day, file) in [(5, "a"), (6, "b"), (7, ".agents/crew.toml"), (8, "c")] {
        let at = format!("2026-01-{day:02}T08:00:00Z");
        std::fs::write(repository.join(file), "x").expect("it can be written");
        git(&repository, &at, &["add", "."]);
        git(&repository, &at, &["commit", "-q", "-m", &format!("change {day}")]);
        git(&repository, &format!("2026-01-{day:02}T20:00:00Z"), &["tag", "-a", &format!("v{day}"), "-m", "r"]);
    }
    let records = folder.join("records");
    std::fs::create_dir(&records).expect("it can be made");
    let chart = |version: &str, day: u32| {
        json!({
            "application_id": "shop/web", "service": "web", "environment": "production", "target": "", "kind": "chart",
            "name": "crew-light", "version": version, "since_at": format!("2026-01-{day:02}T10:00:00Z"),
            "since_basis": "deployed",
        })
    };
    let deployment = |day: u32| {
        json!({
            "deployment_id": format!("w{day}"), "attempt": 1, "target": "", "service": "web",
            "environment": "production", "revisions": [format!("web@{day}")], "status": "success",
            "started_at": format!("2026-01-{day:02}T09:00:00Z"), "finished_at": format!("2026-01-{day:02}T09:10:00Z"),
            "evidence": "record",
        })
    };
    let lines = |rows: &[Value]| rows.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    std::fs::write(records.join("inventory.jsonl"), lines(&[chart("1.0", 6), chart("1.1", 8)])).expect("written");
    std::fs::write(records.join("deployments.jsonl"), lines(&[deployment(5), deployment(9)])).expect("written");
    std::fs::write(folder.join("doracle.toml"), CONFIGURATION).expect("it can be written");
}

#[test]
fn what_the_configuration_tells_of_is_found_listed_and_measured() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    organisation(folder);
    let (code, _, words) = run(folder, &["ingest"]);
    assert_eq!(code, 0, "{words}");
    let (code, out, words) = run(folder, &["interventions", "--format", "json"]);
    assert_eq!(code, 0, "{words}");
    let found: Value = serde_json::from_str(&out).expect("a document");
    let rows: Vec<[String; 5]> = found["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            ["service", "practice", "practice_version", "started_at", "evidence"]
                .map(|name| row[name].as_str().unwrap_or("-").to_owned())
        })
        .collect();
    let expected = [
        ["web", "orchestrator", "1.0", "2026-01-06T10:00:00.000000Z", "inventory"],
        ["web", "reviews", "2", "2026-01-07T00:00:00.000000Z", "configuration"],
        ["api", "crew", "-", "2026-01-07T08:00:00.000000Z", "file"],
        ["web", "orchestrator", "1.1", "2026-01-08T10:00:00.000000Z", "inventory"],
    ];
    let words_of: Vec<[&str; 5]> = rows.iter().map(|row| [0, 1, 2, 3, 4].map(|at| row[at].as_str())).collect();
    assert_eq!(words_of, expected, "{out}");
    assert!(words.contains("number 4") && words.contains("label `never`"), "{words}");

    let (code, _, words) = run(folder, &["report", "--out", "out"]);
    assert_eq!(code, 0, "{words}");
    let page = std::fs::read_to_string(folder.join("out/report.md")).expect("the page is written");
    for part in ["orchestrator 1.1", "What the change of working did", "`crew`: verdict", "intervention unseen"] {
        assert!(page.contains(part), "no `{part}` in\n{page}");
    }
    std::fs::write(folder.join("out/findings/notes.json"), "{}").expect("it can be written");
    std::fs::write(folder.join("out/findings/old.json"), "{\"kind\": \"doracle-finding\"}").expect("it can be written");
    std::fs::write(folder.join("out/findings/old.html"), "x").expect("it can be written");
    let (code, _, words) = run(folder, &["report", "--out", "out"]);
    assert_eq!(code, 0, "{words}");
    assert!(folder.join("out/findings/notes.json").is_file(), "what somebody put there stays");
    assert!(!folder.join("out/findings/old.json").exists() && !folder.join("out/findings/old.html").exists());
    let of_crew = std::fs::read_to_string(folder.join("out/findings/crew.html")).expect("it has a page of its own");
    assert!(of_crew.contains("crew") && !of_crew.contains("<script"));
    let (code, out, words) = run(folder, &["compare", "--practice", "crew", "--format", "json"]);
    assert_eq!(code, 0, "{words}");
    let found: Value = serde_json::from_str(&out).expect("a document");
    assert_eq!(found["finding"]["verdict"], "insufficient_data", "a week is too little");
}

#[test]
fn an_intervention_that_cannot_be_is_refused_with_its_place() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let wrong = "[[interventions]]\npractice = \"crew\"\nlabel = \"x\"\nchart = \"y\"\n";
    std::fs::write(folder.join("doracle.toml"), wrong).expect("it can be written");
    let (code, _, words) = run(folder, &["config", "show"]);
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("interventions[1].practice") && words.contains("exactly one of"), "{words}");
}

#[test]
fn a_change_of_working_outside_the_period_and_with_a_long_name_costs_no_report() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    organisation(folder);
    let rule =
        |practice: &str, from: &str| format!("[[interventions]]\npractice = \"{practice}\"\nfrom = \"{from}\"\n");
    let rules = [rule(&"long ".repeat(60), "2026-01-07T00:00:00Z"), rule("old", "0001-01-01T00:00:00Z")].concat();
    let sources = CONFIGURATION.split("[[interventions]]").next().expect("its sources");
    std::fs::write(folder.join("doracle.toml"), format!("{sources}{rules}")).expect("it can be written");
    let (code, _, words) = run(folder, &["run"]);
    assert_eq!(code, 0, "{words}");
    let pages = std::fs::read_dir(folder.join("reports/latest/findings")).expect("pages").count();
    assert_eq!(pages, 6, "three files for each of two");
}
