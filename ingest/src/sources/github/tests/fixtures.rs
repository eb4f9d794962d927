//! Recorded answers of the real GitHub, which are read where they are. Without them these tests say that they skip.

use std::path::PathBuf;

use serde_json::Value;

use super::super::{api, change, commit, events, wire};
use crate::authorship::Classifier;

fn recorded(name: &str) -> Option<Vec<Value>> {
    let Some(folder) = std::env::var_os("DORACLE_FIXTURES").map(PathBuf::from) else {
        skipped(name);
        return None;
    };
    let text = std::fs::read(folder.join("github").join(name)).expect("the recorded answers are there");
    Some(serde_json::from_slice(&text).expect("a list"))
}

#[expect(clippy::print_stderr, reason = "a test that is skipped has to say so")]
fn skipped(name: &str) {
    eprintln!("skipped: `{name}` needs DORACLE_FIXTURES");
}

fn authors() -> Classifier {
    Classifier::new(&crate::Bots::default()).expect("the patterns are patterns")
}

fn bodies(list: Vec<Value>) -> Vec<Value> {
    list.into_iter().map(|mut each| each["body"].take()).collect()
}

#[test]
fn every_recorded_pull_request_is_read() {
    let Some(list) = recorded("pulls.json") else { return };
    let count = list.len();
    let (pulls, broken) = api::items::<wire::Pull>(list);
    assert_eq!((pulls.len(), broken), (count, Vec::<String>::new()));
    let unmerged: Vec<&wire::Pull> = pulls
        .iter()
        .filter(|pull| pull.closed_at.is_some() && pull.merged_at.is_none() && pull.merge_commit_sha.is_some())
        .collect();
    assert_eq!(unmerged.len(), 19, "they were closed, and have the commit of a merge that was only tried");
    let row = |pull: &wire::Pull| change::rows("acme/recorded", pull, &[], None, true, &authors()).change;
    for pull in &unmerged {
        let row = row(pull);
        assert_eq!((row.merge_commit_sha, row.merged_at, row.closed_at), (None, None, pull.closed_at));
    }
    let merged = pulls.iter().filter(|pull| pull.merged_at.is_some());
    assert!(merged.map(row).all(|row| row.merge_commit_sha.is_some() && row.merge_kind.is_some()));
}

#[test]
fn every_recorded_commit_and_review_is_read() {
    let (Some(commits), Some(reviews)) = (recorded("pull_commits.json"), recorded("pull_reviews.json")) else { return };
    let count = commits.len();
    let (commits, broken) = api::items::<wire::Commit>(bodies(commits));
    assert_eq!((commits.len(), broken), (count, Vec::<String>::new()));
    let mut authors = authors();
    let facts: Vec<_> = commits
        .iter()
        .map(|commit| commit::facts("acme/recorded", commit, &mut authors).expect("it has times"))
        .collect();
    let differ = facts.iter().filter(|facts| facts.row.authored_at != facts.row.committed_at).count();
    assert!(differ > 0, "some were written and committed at different times");
    let count = reviews.len();
    let (reviews, broken) = api::items::<wire::Review>(bodies(reviews));
    assert_eq!((reviews.len(), broken), (count, Vec::<String>::new()));
    let rows: Vec<_> =
        reviews.iter().filter_map(|review| events::review("acme/recorded", 1, review, &authors)).collect();
    assert_eq!(rows.len(), count);
}
