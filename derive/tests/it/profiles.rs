//! The rules of other tools, one named test per cell of the table of their rules: literal tables in, numbers out.
//! `$profile/metric` stands for the query of that file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use derive::profiles;

use crate::slt::run_script;

/// The rows of the table of rules.
const CELLS: [&str; 28] = [
    "lead time from -> to",
    "lead-time statistic",
    "deploy -> change",
    "squash / cherry-pick / revert",
    "several repos per deploy",
    "rollback known",
    "same-revision redeploy",
    "incident -> deploy",
    "CFR",
    "recovery",
    "unresolved incidents",
    "time zone, calendar",
    "percentiles",
    "bands",
    "deployment",
    "frequency",
    "lead time",
    "first-ever deploy",
    "PR without deploy",
    "failed deploy, no incident",
    "incident far from any deploy",
    "two incidents, one deploy",
    "incident before first deploy",
    "no incidents at all",
    "rollback, hotfix",
    "same SHA again",
    "several clusters",
    "boundary",
];

/// Cells in which the table says nothing of a tool.
const NOT_STATED: [(&str, &str); 2] = [("fourkeys", "incident before first deploy"), ("fourkeys", "boundary")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn scripts() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join("tests/profiles")).expect("the folder is part of the crate");
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.expect("a folder can be listed").path()).collect();
    paths.sort();
    paths
}

#[test]
fn rules_of_other_tools_give_their_numbers() {
    let queries: Vec<(String, String)> = profiles()
        .iter()
        .map(|one| (format!("{}/{}", one.profile, one.definition.metric), one.definition.sql.to_owned()))
        .collect();
    for path in scripts() {
        run_script(&path, &queries);
    }
}

#[test]
fn every_cell_has_a_test_or_is_said_not_to_be_reproduced() {
    for profile in ["devlake", "fourkeys", "gitlab", "middleware"] {
        let named = |text: &str, before: &str| -> BTreeSet<String> {
            text.lines()
                .filter_map(|line| line.trim().strip_prefix(before))
                .map(|name| name.trim().to_owned())
                .collect()
        };
        let script = root().join(format!("tests/profiles/{profile}.slt"));
        let mut told = named(&std::fs::read_to_string(script).expect("every tool has its script"), "# cell:");
        // What a history decides is tested where it is walked.
        let walked = std::fs::read_to_string(root().join("src/profiles/tables/tests.rs")).expect("it can be read");
        told.extend(named(&walked, &format!("// cell of {profile}:")));
        let own = profiles().iter().filter(|one| one.profile == profile);
        told.extend(own.flat_map(|one| &one.cannot).map(|cannot| cannot.rule.clone()));
        for name in &told {
            assert!(CELLS.contains(&name.as_str()), "`{profile}` names `{name}`, which is no row of the table");
        }
        for cell in CELLS {
            let is_stated = !NOT_STATED.contains(&(profile, cell));
            assert_eq!(told.contains(cell), is_stated, "`{cell}` of `{profile}`");
        }
    }
}
