//! Promises that no compiler keeps: the arrows between rooms, and that pages name only what exists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Which room may use which: the crate graph is the pipeline itself.
const ARROWS: [(&str, &[&str]); 8] = [
    ("doracle", &["attribution", "derive", "ingest", "lake", "reports", "stats"]),
    ("doracle-reports", &["attribution", "derive", "lake"]),
    ("doracle-attribution", &["derive", "lake", "stats"]),
    ("doracle-derive", &["lake", "stats"]),
    ("doracle-ingest", &["lake"]),
    ("doracle-lake", &[]),
    ("doracle-stats", &[]),
    ("doracle-benches", &["attribution", "derive", "ingest", "lake", "reports", "stats"]),
];

/// What a room must never depend on.
const NEVER: [(&str, &[&str]); 4] = [
    ("doracle-stats", &["tokio", "arrow", "datafusion", "reqwest", "chrono", "serde_json"]),
    ("doracle-derive", &["reqwest", "object_store", "deltalake-core"]),
    ("doracle-reports", &["reqwest", "tokio", "datafusion", "object_store"]),
    ("doracle-attribution", &["plotters", "reqwest", "tokio"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let answer = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    serde_json::from_slice(&answer.stdout).expect("cargo prints JSON")
}

/// Normal dependencies of every member.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages are a list");
    packages
        .iter()
        .map(|package| {
            let own = package["dependencies"].as_array().expect("dependencies are a list");
            let names = own.iter().filter(|one| one["kind"].is_null()).filter_map(|one| one["name"].as_str());
            (package["name"].as_str().unwrap_or_default().to_owned(), names.map(str::to_owned).collect())
        })
        .collect()
}

#[test]
fn rooms_use_only_the_rooms_they_may() {
    let dependencies = dependencies();
    let members: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    assert_eq!(members, ARROWS.iter().map(|(room, _)| *room).collect(), "every room has its arrows written down");
    for (room, allowed) in ARROWS {
        for used in &dependencies[room] {
            if let Some(used) = used.strip_prefix("doracle-") {
                assert!(allowed.contains(&used), "`{room}` must not use `{used}`");
            }
        }
    }
}

#[test]
fn rooms_keep_away_from_what_they_must_never_touch() {
    let dependencies = dependencies();
    for (room, never) in NEVER {
        for crate_name in never {
            assert!(!dependencies[room].contains(*crate_name), "`{room}` must never depend on `{crate_name}`");
        }
    }
}

/// Every path in backticks that a page names below the root.
fn named_paths(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("`{page}`: {error}"));
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(|word| word.trim_end_matches('/').to_owned())
        .filter(|word| {
            word.contains('/') || Path::new(word).extension().is_some_and(|ending| ending == "md" || ending == "toml")
        })
        .filter(|word| {
            !word.contains("NAME")
                && !word.contains([' ', '*', '<', '{', '$', ':', '~', '\\', '='])
                && !word.starts_with(['/', '.', '-'])
        })
        .collect()
}

#[test]
fn pages_name_only_what_exists() {
    // What a user makes, not what the project holds.
    const MADE: [&str; 6] =
        ["events/", "doracle.toml", "doracle-demo", "reports/latest", "report/report.html", "tables/lake_versions"];
    for page in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        for path in named_paths(page) {
            let known = MADE.iter().any(|made| path.starts_with(made)) || root().join(&path).exists();
            assert!(known, "`{page}` names `{path}`, which does not exist");
        }
    }
}

#[test]
fn every_source_has_its_folder_and_every_section_its_file() {
    for (list, folder, word) in [
        ("ingest/src/sources/mod.rs", "ingest/src/sources", "sources!"),
        ("reports/src/sections/mod.rs", "reports/src/sections", "sections!"),
    ] {
        let text = std::fs::read_to_string(root().join(list)).expect("the list can be read");
        let call = text.rsplit_once(&format!("\n{word} {{")).expect("the list is declared").1;
        let listed: BTreeSet<String> = call
            .split('}')
            .next()
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        let found: BTreeSet<String> = std::fs::read_dir(root().join(folder))
            .expect("the folder can be listed")
            .map(|entry| entry.expect("it can be listed").path())
            .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
            .filter(|name| name != "mod")
            .collect();
        assert_eq!(listed, found, "`{list}` and `{folder}` differ");
    }
}

#[test]
fn the_project_speaks_of_itself_alone() {
    let listing = Command::new("git").args(["ls-files"]).current_dir(root()).output().expect("git runs");
    if !listing.status.success() {
        return;
    }
    for path in String::from_utf8_lossy(&listing.stdout).lines().filter(|path| *path != "tests/it/tidy.rs") {
        let Ok(text) = std::fs::read_to_string(root().join(path)) else { continue };
        for word in ["/root/", "/work/main", "index.crates.io"] {
            assert!(!text.contains(word), "`{path}` holds `{word}`");
        }
    }
}

/// Every crate that a selection is built with, each with its features.
fn built_with(selection: &[&str]) -> BTreeSet<String> {
    let tree =
        ["tree", "--locked", "--offline", "--edges", "normal,build,dev", "--format", "{p} {f}", "--prefix", "none"];
    let output = Command::new(env!("CARGO"))
        .args(tree)
        .args(selection)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

#[test]
fn a_room_beside_the_command_is_built_with_the_features_of_the_whole() {
    let whole = built_with(&["--workspace"]);
    for room in ["lake", "stats", "ingest", "derive", "attribution", "reports"] {
        let package = format!("doracle-{room}");
        let own = built_with(&["-p", &package, "-p", "doracle"]);
        let other: Vec<&String> = own.difference(&whole).collect();
        assert!(other.is_empty(), "`{room}` builds again: {other:?}");
    }
}
