//! A source touches its own folder and one line of the list: nothing else knows of whom anything was read.

use std::path::{Path, PathBuf};

/// Who keeps the servers that are read, as they are called in code and prose.
const VENDORS: [&str; 6] = ["github", "gitlab", "argocd", "argo cd", "prometheus", "alertmanager"];

/// What may name them, and why.
const MAY: [(&str, &str); 13] = [
    ("attribution/src/board/examples.rs", "workflows lie where the host of a repository looks for them"),
    ("attribution/src/submission/columns.rs", "kinds of sources stay in clear where evidence is published"),
    ("attribution/src/submission/packing/tests.rs", "it packs an alert with its witness"),
    ("attribution/src/submission/policy.rs", "words of the lake stay in clear, and kinds of witnesses are some"),
    ("src/settings/tests.rs", "it writes configurations of real sources"),
    ("ingest/src/sources/", "a source names whom it reads"),
    ("ingest/src/authorship/", "bots and addresses of accounts are called in commits as vendors call them"),
    ("lake/src/tables/alerts.rs", "it tells who saw an alert, which is no source but a kind of witness"),
    ("derive/profiles/", "a tool's definitions are called by its name"),
    ("derive/src/profiles.rs", "its tests name the tools"),
    ("derive/tests/profiles/", "one script per tool"),
    ("derive/tests/it/profiles.rs", "it looks for every tool"),
    ("derive/src/metrics.rs", "its test looks for them in the queries"),
];

fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if path.extension().is_some_and(|ending| endings.iter().any(|known| ending == *known)) {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_vendor_is_named_beyond_the_folder_of_its_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for folder in ["src", "ingest/src", "lake/src", "derive", "stats/src", "attribution/src"] {
        let folder = root.join(folder);
        let all = if folder.is_dir() { files(&folder, &["rs", "sql", "slt", "md", "toml"]) } else { vec![folder] };
        for path in all {
            let name = path.strip_prefix(root).expect("it is below").to_string_lossy().replace('\\', "/");
            if MAY.iter().any(|(may, _)| name.starts_with(may)) {
                continue;
            }
            seen += 1;
            let text = std::fs::read_to_string(&path).expect("it can be read").to_lowercase();
            for vendor in VENDORS {
                let line = text.lines().find(|line| line.contains(vendor));
                assert_eq!(line, None, "`{name}` names `{vendor}`");
            }
        }
    }
    assert!(seen > 150, "only {seen} files were looked at");
}

/// The list names a source once, and nothing else of the registry does.
#[test]
fn the_list_names_each_source_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("ingest/src/sources/mod.rs")).expect("it can be read");
    let list = text.rsplit_once("\nsources! {").expect("the list is declared").1;
    for name in list.split('}').next().unwrap_or_default().split(',').map(str::trim) {
        let count = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| *word == name).count();
        assert_eq!(count, 1, "`{name}` stands in `ingest/src/sources/mod.rs` more than once");
    }
}
