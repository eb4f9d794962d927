//! Comparing two arms of a table that somebody brings.

use std::path::Path;

use serde_json::Value;

use crate::support::run;

/// Simulated lead times before and after, with figures that R computed for them.
fn reference() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("stats/tests/cases/two_sample.json");
    let text = std::fs::read_to_string(path).expect("it can be read");
    let cases: Value = serde_json::from_str(&text).expect("it is JSON");
    let cases = cases["cases"].as_array().expect("a list");
    cases.iter().find(|case| case["id"] == "lead_time_after_vs_before").expect("the case is there").clone()
}

fn write(folder: &Path, case: &Value) {
    let mut rows = vec!["hours,arm,note".to_owned()];
    for (values, arm) in [("x_values", "after"), ("y_values", "before")] {
        let values = case["input"][values].as_array().expect("a list");
        rows.extend(values.iter().map(|value| format!("{value},{arm},")));
    }
    std::fs::write(folder.join("hours.csv"), rows.join("\n")).expect("it can be written");
}

const ASKED: [&str; 9] =
    ["compare", "--outcome", "hours", "--arm", "arm", "--control", "before", "--treatment", "after"];

fn compared(folder: &Path, data: &str, more: &[&str]) -> Value {
    let arguments = [&ASKED[..], &["--data", data, "--better", "lower", "--format", "json"], more].concat();
    let (code, out, words) = run(folder, &arguments);
    assert_eq!(code, 0, "{words}");
    serde_json::from_str::<Value>(&out).expect("a document")["comparison"].clone()
}

#[test]
fn the_figures_are_those_of_another_implementation() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let case = reference();
    write(folder.path(), &case);
    let found = compared(folder.path(), "hours.csv", &[]);
    let close = |found: &Value, expected: f64, tolerance: f64| {
        let found = found.as_f64().expect("a number");
        assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
    };
    // Less is better, so that every sign turns.
    let welch = &case["expected"]["log_welch_gmr"];
    let log = |name: &str| -welch[name].as_f64().expect("a number").ln();
    close(&found["effect"]["estimate"], log("gmr"), 1e-9);
    let view = |name: &str| {
        let views = found["views"].as_array().expect("a list");
        views.iter().find(|view| view["name"].as_str().expect("a name").starts_with(name)).expect("it is there").clone()
    };
    let means = view("geometric means alone");
    close(&means["limits"]["low"], log("ub"), 1e-6);
    close(&means["limits"]["high"], log("lb"), 1e-6);
    close(&means["p_value"], welch["p"].as_f64().expect("a number"), 1e-6);
    let ranks = &case["expected"]["hl_log_ratio"];
    let shift = view("Hodges-Lehmann ratio");
    close(&shift["limits"]["estimate"], -ranks["ratio_median_pairwise"].as_f64().expect("a number").ln(), 1e-6);
    close(&shift["limits"]["high"], -ranks["asymptotic_lb"].as_f64().expect("a number").ln(), 5e-3);
    let medians = view("ratio of medians");
    close(&medians["limits"]["estimate"], -case["expected"]["ratio_of_medians"].as_f64().expect("a number").ln(), 1e-9);
}

#[test]
fn a_file_of_either_kind_and_any_number_of_threads_give_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), &reference());
    let from_csv = compared(folder.path(), "hours.csv", &[]);
    assert_eq!(compared(folder.path(), "hours.csv", &["--threads", "1"]), from_csv);
    // The lake's own reader makes the Parquet.
    let rows: Vec<String> = std::fs::read_to_string(folder.path().join("hours.csv"))
        .expect("it can be read")
        .lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split(',');
            format!("({}, '{}')", cells.next().expect("hours"), cells.next().expect("an arm"))
        })
        .collect();
    std::fs::create_dir(folder.path().join("events")).expect("it is made");
    let incident = "incident_id,opened_at,cause,evidence\ni,2026-01-05T08:00:00Z,vendor,e\n";
    std::fs::write(folder.path().join("events/incidents.csv"), incident).expect("it can be written");
    std::fs::write(folder.path().join("doracle.toml"), "[[sources]]\ntype = 'files'\npath = 'events'\n")
        .expect("it can be written");
    assert_eq!(run(folder.path(), &["ingest", "-q"]).0, 0);
    let query = format!("SELECT CAST(h AS DOUBLE) AS hours, a AS arm FROM (VALUES {}) AS t (h, a)", rows.join(", "));
    let parquet = std::process::Command::new(env!("CARGO_BIN_EXE_doracle"))
        .args(["sql", &query, "--format", "parquet"])
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    assert!(parquet.status.success(), "{}", String::from_utf8_lossy(&parquet.stderr));
    std::fs::write(folder.path().join("hours.parquet"), parquet.stdout).expect("it can be written");
    assert_eq!(compared(folder.path(), "hours.parquet", &[]), from_csv);
}

#[test]
fn people_read_what_decides_what_does_not_and_what_it_may_say() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), &reference());
    let (code, out, words) = run(folder.path(), &[&ASKED[..], &["--data", "hours.csv", "--better", "lower"]].concat());
    assert_eq!(code, 0, "{words}");
    for told in [
        "(CR2): the answer",
        "design E, arms not by chance: inconclusive, whatever the interval",
        "`after`: 75 rows of 75 units",
        "smallest margin",
        "E-value",
        "positive is better: effects are `before` over `after`",
    ] {
        assert!(out.contains(told), "`{told}` is missing in {out}");
    }
    let (_, out, _) =
        run(folder.path(), &[&ASKED[..], &["--data", "hours.csv", "--better", "lower", "--randomised"]].concat());
    assert!(out.contains("design A, arms by chance: non-inferior at a margin of a ratio of 1.100"), "{out}");
    let (code, _, words) =
        run(folder.path(), &[&ASKED[..], &["--data", "hours.csv", "--better", "lower", "--unit", "service"]].concat());
    assert!(code == 2 && words.contains("there is no column `service`; there are `arm`, `hours`, `note`"), "{words}");
}

#[test]
fn without_chance_no_word_concludes_and_programs_get_numbers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), &reference());
    let arguments = [&ASKED[..], &["--data", "hours.csv", "--better", "lower"]].concat();
    let (code, out, words) = run(folder.path(), &arguments);
    assert_eq!(code, 0, "{words}");
    for concluding in ["superior", "inferior", "not worse:"] {
        assert!(!out.contains(concluding), "`{concluding}` in {out}");
    }
    let (_, by_chance, _) = run(folder.path(), &[&arguments[..], &["--randomised"]].concat());
    assert!(by_chance.contains("superior") || by_chance.contains("inferior"), "{by_chance}");

    let whole = compared(folder.path(), "hours.csv", &[]);
    let (code, out, _) = run(folder.path(), &[&arguments[..], &["--format", "jsonl"]].concat());
    assert_eq!(code, 0);
    let first: Value = serde_json::from_str(out.lines().next().expect("a line")).expect("an object a line");
    assert_eq!((&first["estimate"], &first["p_value"]), (&whole["effect"]["estimate"], &whole["p_value"]));
    assert_eq!((&first["ci_low"], &first["scale"]), (&whole["effect"]["low"], &"log_ratio".into()));
}

#[test]
fn a_column_that_is_there_twice_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), &reference());
    let path = folder.path().join("hours.csv");
    let text = std::fs::read_to_string(&path).expect("it was written").replace("hours,arm,note", "hours,arm,hours");
    std::fs::write(&path, text).expect("it can be written");
    let (code, _, words) = run(folder.path(), &[&ASKED[..], &["--data", "hours.csv", "--better", "lower"]].concat());
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("the column `hours` is there twice"), "{words}");
}
