//! Runs the reference cases: inputs and the figures that named implementations or papers give for them.
//!
//! The cases of this crate always run. `DORACLE_REFERENCE_DIRS` names more directories of the same schema
//! (`statref/1`), separated by colons, each with `cases/*.json` and the `data/*.csv` that they read. One line per
//! case says how many of its figures were compared; a case, or a figure, that no estimator here covers is listed and
//! never counted as passed.
#![expect(clippy::print_stdout, reason = "the list of cases is what this test is for")]

mod reference {
    pub(crate) mod anytime;
    pub(crate) mod bft;
    pub(crate) mod checks;
    pub(crate) mod criterion;
    pub(crate) mod did;
    pub(crate) mod families;
    pub(crate) mod meta;
    pub(crate) mod placebo;
    pub(crate) mod regressions;
    pub(crate) mod replication;
    pub(crate) mod schema;
    pub(crate) mod series;
    pub(crate) mod survival;
    pub(crate) mod synthetic_control;
    pub(crate) mod two_groups;
    pub(crate) mod two_sample;
}

use std::path::{Path, PathBuf};

use reference::families::compare;
use reference::schema::{Family, families};

const VARIABLE: &str = "DORACLE_REFERENCE_DIRS";

#[test]
fn own_reference_cases_hold() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let outcome = run(&own);
    assert!(outcome.not_covered.is_empty(), "a case stands here without an estimator: {:?}", outcome.not_covered);
    outcome.finish();
}

#[test]
fn external_reference_cases_hold() {
    let directories = std::env::var_os(VARIABLE).unwrap_or_default();
    let directories: Vec<PathBuf> =
        std::env::split_paths(&directories).filter(|path| !path.as_os_str().is_empty()).collect();
    if directories.is_empty() {
        println!("skipped `external_reference_cases_hold`: `{VARIABLE}` names no directory");
    }
    for directory in directories {
        run(&directory).finish();
    }
}

/// What became of the cases of one directory.
#[derive(Default)]
struct Outcome {
    passed: usize,
    failures: Vec<String>,
    not_covered: Vec<String>,
}

impl Outcome {
    fn finish(self) {
        for id in &self.not_covered {
            println!("no estimator: {id}");
        }
        let Self { passed, failures, not_covered } = self;
        println!("{passed} passed, {} failed, {} without an estimator", failures.len(), not_covered.len());
        assert!(failures.is_empty(), "reference cases differ:\n{}", failures.join("\n"));
    }
}

fn run(directory: &Path) -> Outcome {
    let mut outcome = Outcome::default();
    for Family { name: family, cases, .. } in families(directory) {
        for case in cases {
            let name = format!("{family}/{}", case.id);
            let Some(checks) = compare(&family, &case, directory) else {
                outcome.not_covered.push(name);
                continue;
            };
            println!(
                "{} {name}: {}",
                if checks.failures.is_empty() { "passed" } else { "FAILED" },
                checks.summary(&case)
            );
            if checks.failures.is_empty() {
                outcome.passed += 1;
            }
            outcome.failures.extend(checks.failures.iter().map(|failure| format!("{name}: {failure}")));
        }
    }
    outcome
}
