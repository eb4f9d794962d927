//! A change of working, asked about as a user does: baseline, comparison, page, and what is stored of it.

use std::path::Path;

use serde_json::Value;

use crate::support::run;

const TERMS: &str = "practice = \"multi-agent orchestration\"\n[terms]\nwindow_weeks = 10\nreplicates = 199\n";

fn document(folder: &Path, arguments: &[&str]) -> Value {
    let (code, out, words) = run(folder, &[arguments, &["--format", "json"]].concat());
    assert_eq!(code, 0, "{words}");
    serde_json::from_str(&out).expect("a document")
}

#[test]
fn a_question_is_fixed_asked_and_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let (code, _, words) = run(folder, &["demo", "--services", "10", "--weeks", "26", "--out", "demo"]);
    assert_eq!(code, 0, "{words}");
    let lake = "demo/lake-2026-10-26";
    std::fs::write(folder.join("terms.toml"), TERMS).expect("it can be written");

    let freeze = ["--lake", lake, "baseline", "freeze", "before", "--plan", "terms.toml", "--until", "2026-04-06"];
    let (code, _, words) = run(folder, &freeze);
    assert_eq!(code, 0, "{words}");
    let (code, _, words) = run(folder, &freeze);
    assert_eq!(code, 2, "what is frozen stays: {words}");
    let (code, _, words) = run(folder, &["--lake", lake, "baseline", "check", "before"]);
    assert_eq!(code, 0, "{words}");

    let finding = document(folder, &["--lake", lake, "compare", "--baseline", "before", "--out", "page"]);
    let finding = &finding["finding"];
    assert_eq!(finding["terms"]["window_weeks"], 10);
    assert_eq!(finding["baseline"]["is_as_planned"], true);
    // It was frozen today, and the simulated services began long ago: that is no plan.
    assert_eq!(finding["baseline"]["is_before"], false);
    assert_eq!(finding["baseline"]["changed"], serde_json::json!([]));
    let page = std::fs::read_to_string(folder.join("page/finding.html")).expect("it was written");
    assert!(page.contains("simulated"), "simulated data are labelled");

    // Asked of another period, it is another comparison: nothing of the first is replaced.
    let other = document(folder, &["--lake", lake, "compare", "--weeks", "10", "--since", "2026-02-02"]);
    assert_ne!(other["finding"]["comparison_id"], finding["comparison_id"]);
    let query = "SELECT comparison_id, count(*) AS n FROM effects GROUP BY comparison_id";
    let kept = document(folder, &["--lake", lake, "sql", query]);
    let rows = kept["rows"].as_array().expect("rows");
    assert_eq!(rows.iter().map(|row| row["n"].as_i64()).collect::<Vec<_>>(), [Some(4); 3], "and that of the report");
}

#[test]
fn a_question_that_was_fixed_before_anybody_began_is_planned_in_command_and_report() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    // In days to come, so that it is fixed before them.
    let source = "[[sources]]\ntype = \"simulated\"\nservices = 10\nstart = \"2040-01-02\"\n";
    std::fs::write(folder.join("doracle.toml"), source).expect("it can be written");
    std::fs::write(folder.join("terms.toml"), TERMS).expect("it can be written");
    let (code, _, words) = run(folder, &["ingest"]);
    assert_eq!(code, 0, "{words}");
    let (code, _, words) =
        run(folder, &["baseline", "freeze", "before", "--plan", "terms.toml", "--until", "2040-04-02"]);
    assert_eq!(code, 0, "{words}");
    let found = document(folder, &["compare", "--baseline", "before"]);
    let check = &found["finding"]["baseline"];
    assert_eq!((&check["is_before"], &check["is_as_planned"]), (&true.into(), &true.into()), "{check}");
    assert_eq!(check["changed"], serde_json::json!([]));
    let (_, out, _) = run(folder, &["compare", "--baseline", "before"]);
    assert!(out.contains("planned: baseline `before` fixed the question"), "{out}");

    // The report takes the question from the baseline by itself.
    let (code, _, words) = run(folder, &["report", "--out", "out"]);
    assert_eq!(code, 0, "{words}");
    let page = std::fs::read_to_string(folder.join("out/report.md")).expect("the page is written");
    assert!(page.contains("planned") && !page.contains("exploratory"), "{page}");
    let data: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("out/report.json")).expect("written")).expect("JSON");
    assert_eq!(data["findings"][0]["terms"]["window_weeks"], 10);
    let named = document(folder, &["compare", "--baseline", "before", "--practice", "multi-agent orchestration"]);
    assert_eq!(named["finding"]["baseline"]["is_as_planned"], true);
    // Asked otherwise, it is not what was fixed.
    let other = document(
        folder,
        &["compare", "--baseline", "before", "--practice", "multi-agent orchestration", "--weeks", "8"],
    );
    assert_eq!(other["finding"]["baseline"]["is_as_planned"], false);
}

#[test]
fn what_cannot_be_asked_is_refused_with_what_can() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let (code, _, words) = run(folder, &["demo", "--services", "2", "--weeks", "6", "--out", "demo"]);
    assert_eq!(code, 0, "{words}");
    let lake = "demo/lake-2026-2-6";
    for (arguments, expected) in [
        (&["compare", "--practice", "nothing"][..], "`multi-agent orchestration`"),
        (&["compare", "--baseline", "none"], "baseline freeze"),
        (&["compare", "--weeks", "1"], "window_weeks"),
        (&["compare", "--service", "nobody"], "`nobody`"),
        (&["baseline", "check", "none"], "there is no baseline `none`"),
    ] {
        let (code, _, words) = run(folder, &[&["--lake", lake], arguments].concat());
        assert_eq!(code, 2, "{arguments:?}: {words}");
        assert!(words.contains(expected), "{arguments:?}: {words}");
    }
    // Six weeks are too few, which is an answer and no error.
    let found = document(folder, &["--lake", lake, "compare"]);
    assert_eq!(found["finding"]["verdict"], "insufficient_data");
}
