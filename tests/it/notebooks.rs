//! The notebooks arrive at what the command says, and fail where a published number is another.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::run;

/// Every text notebook is a valid one for Jupyter, too: words first, and code last.
const CONVERT: &str = r#"
import sys
import jupytext, nbformat
for path in sys.argv[1:]:
    notebook = jupytext.read(path)
    nbformat.validate(notebook)
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[-1].cell_type == "code", path
    assert notebook.cells[-1].source.splitlines()[-1].strip().startswith("print("), path
"#;

/// Copies an export to a folder, where one column of one table is a little higher.
const TAMPER: &str = r#"
import shutil, sys
import polars
export, folder, table, column = sys.argv[1:]
shutil.copytree(export, folder)
rows = polars.read_parquet(f"{export}/{table}.parquet")
rows.with_columns(polars.col(column) + 1e-4).write_parquet(f"{folder}/{table}.parquet")
"#;

/// The Python among the tools, if it has what notebooks need.
fn python() -> Option<PathBuf> {
    let python = PathBuf::from(std::env::var_os("DORACLE_TEST_TOOLS")?).join("bin/python3");
    let imported = Command::new(&python).args(["-c", "import jupytext, nbformat, numpy, polars"]).output();
    imported.is_ok_and(|output| output.status.success()).then_some(python)
}

#[expect(clippy::print_stderr, reason = "a test that is skipped has to say so")]
fn python_or_skip(test: &str) -> Option<PathBuf> {
    let python = python();
    if python.is_none() {
        eprintln!("skipped `{test}`: no Python with jupytext, NumPy and Polars (`.ci/test-tools` installs them)");
    }
    python
}

/// The notebooks of the project, by name.
fn notebooks() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks");
    let files = std::fs::read_dir(folder).expect("it can be read").map(|entry| entry.expect("a file").path());
    let mut found: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "py")).collect();
    found.sort();
    assert!(!found.is_empty(), "there are notebooks");
    found
}

fn named(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks").join(name)
}

/// The lake that a demo keeps in its folder.
fn lake_below(demo: &Path) -> String {
    let files = std::fs::read_dir(demo).expect("it can be read").map(|entry| entry.expect("a file"));
    let lake = files
        .map(|file| file.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("lake")));
    lake.expect("a demo keeps a lake").to_string_lossy().into_owned()
}

/// Runs a notebook from its first cell to its last.
fn ran(python: &Path, notebook: &Path, export: &Path) -> Output {
    let mut command = Command::new(python);
    command.arg(notebook).env("DORACLE_EXPORT", export).env("DORACLE_BOARD", export).output().expect("Python starts")
}

/// What it printed last.
#[track_caller]
fn last_line(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()
}

#[track_caller]
fn document(folder: &Path, arguments: &[&str]) -> Value {
    let (code, out, words) = run(folder, &[arguments, &["--format", "json"]].concat());
    assert_eq!(code, 0, "{words}");
    serde_json::from_str(&out).expect("a document")
}

#[test]
fn notebooks_open_in_jupyter() {
    let Some(python) = python_or_skip("notebooks_open_in_jupyter") else { return };
    let output = Command::new(python).args(["-c", CONVERT]).args(notebooks()).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn notebooks_arrive_at_what_the_command_says() {
    let Some(python) = python_or_skip("notebooks_arrive_at_what_the_command_says") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path();
    let (code, _, words) = run(place, &["demo", "--services", "12", "--weeks", "26", "--out", "demo", "-q"]);
    assert_eq!(code, 0, "{words}");
    let lake = lake_below(&place.join("demo"));

    // Before anybody compared there are metrics, and nothing to say about a change of working.
    let (metrics, effects) = (named("reading_the_metrics.py"), named("did_it_help_here.py"));
    let before = place.join("before");
    std::fs::create_dir(&before).expect("it can be made");
    let source = "[[sources]]\ntype = \"simulated\"\nservices = 2\nweeks = 6\nintervention_week = 3\n";
    std::fs::write(before.join("doracle.toml"), source).expect("it can be written");
    for arguments in [&["ingest", "-q"][..], &["derive", "-q"], &["export", "--out", "parquet", "-q"]] {
        let (code, _, words) = run(&before, arguments);
        assert_eq!(code, 0, "{words}");
    }
    let before = before.join("parquet");
    last_line(&ran(&python, &metrics, &before));
    let output = ran(&python, &effects, &before);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("run `doracle compare`, then `doracle export`"));

    let finding = document(place, &["compare", "--lake", &lake]);
    let first = &finding["finding"]["metrics"][0];
    assert_eq!(first["metric"], "forward_deployment_frequency");
    let effect = first["effect"]["estimate"].as_f64().expect("it is compared service by service");
    let question = "SELECT value FROM metrics WHERE metric = 'change_fail_rate' AND statistic = 'rate' \
                    AND window_kind = 'period' AND service_group = 'all' AND dimension IS NULL";
    let rate = document(place, &["sql", question, "--lake", &lake]);
    let rate = rate["rows"][0]["value"].as_f64().expect("a rate");
    let (code, _, words) = run(place, &["export", "--lake", &lake, "--out", "export", "-q"]);
    assert_eq!(code, 0, "{words}");

    let export = place.join("export");
    for notebook in [&metrics, &effects] {
        let output = ran(&python, notebook, &export);
        last_line(&output);
        assert!(String::from_utf8_lossy(&output.stdout).contains("SIMULATED"), "{}", notebook.display());
    }
    let output = ran(&python, &metrics, &export);
    assert!(last_line(&output).ends_with(&format!(" {rate:.6}")), "{}", last_line(&output));
    let output = ran(&python, &effects, &export);
    assert!(last_line(&output).contains(&format!(" {effect:.6};")), "{}", last_line(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("12 of 12 rows have the same counts"));

    for (notebook, table, column, told) in [
        (&metrics, "metrics", "value", "published"),
        (&metrics, "metrics", "ci_low", "published"),
        (&effects, "effects", "estimate", "estimate of forward_deployment_frequency"),
        (&effects, "effects", "standard_error", "standard error of forward_deployment_frequency"),
        (&effects, "effect_units", "change", "changes of change_lead_time"),
    ] {
        let tampered = place.join(format!("{table}-{column}"));
        let made = Command::new(&python).args(["-c", TAMPER]).args([&export, &tampered]).args([table, column]).output();
        assert!(made.is_ok_and(|output| output.status.success()), "{table} {column}");
        let output = ran(&python, notebook, &tampered);
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && words.contains("AssertionError") && words.contains(told), "{words}");
    }
}

#[test]
fn hulls_of_a_board_are_found_again_by_every_subset() {
    let Some(python) = python_or_skip("hulls_of_a_board_are_found_again_by_every_subset") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path();
    let anywhere = named("does_it_help_anywhere.py");
    for (example, told) in [
        ("simulated", "8 hulls found again by every subset; many-agents: keeps up, new-dashboard: inconclusive"),
        ("published", "0 hulls found again by every subset; ai-assistance: insufficient data"),
    ] {
        let (code, _, words) = run(place, &["leaderboard", "build", "--example", example, "--out", example, "-q"]);
        assert_eq!(code, 0, "{words}");
        let output = ran(&python, &anywhere, &place.join(example).join("data"));
        assert_eq!(last_line(&output), told);
        let says_so = String::from_utf8_lossy(&output.stdout).contains("SIMULATED");
        assert_eq!(says_so, example == "simulated");
    }
    let data = place.join("simulated/data");
    for (table, column) in [("claims", "hull_low"), ("effects", "estimate")] {
        let tampered = place.join(format!("{table}-{column}"));
        let made = Command::new(&python).args(["-c", TAMPER]).args([&data, &tampered]).args([table, column]).output();
        assert!(made.is_ok_and(|output| output.status.success()), "{table} {column}");
        let output = ran(&python, &anywhere, &tampered);
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && words.contains("AssertionError"), "{words}");
    }
}
