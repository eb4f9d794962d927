//! Changes: what was merged as one thing.

use std::collections::{BTreeMap, BTreeSet};

use lake::Instant;
use lake::tables::{change_commits, changes};

use super::repository::{Repository, read};

/// Changes by id, with the ids of their commits.
async fn changes_of(repository: &Repository) -> BTreeMap<String, (changes::Row, BTreeSet<String>)> {
    let read = read(repository.config()).await.expect("the repository can be read");
    let mut commits: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in read.rows::<change_commits::Row>() {
        let is_new = commits.entry(row.change_id).or_default().insert(row.commit_sha);
        assert!(is_new, "a commit belongs to a change once");
    }
    let rows = read.rows::<changes::Row>();
    let count = rows.len();
    let changes: BTreeMap<_, _> = rows
        .into_iter()
        .map(|row| (row.change_id.clone(), (row.clone(), commits.remove(&row.change_id).unwrap_or_default())))
        .collect();
    assert_eq!((changes.len(), commits.len()), (count, 0));
    changes
}

fn set(ids: &[&String]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).clone()).collect()
}

fn at(seconds: i64) -> Instant {
    Instant::from_seconds(seconds)
}

#[tokio::test]
async fn a_merge_button_makes_one_change_of_several_commits() {
    let repository = Repository::new();
    repository.branch("fix");
    let started = repository.now();
    let first = repository.commit("fix", "One");
    let second = repository.commit("fix", "Two");
    let ended = repository.now() - 60;
    repository.switch("main");
    let merged = repository.now();
    let merge = repository.merge("fix", "Merge pull request #7 from acme/fix\n\nFix it");
    repository.tag("v1.0.0");
    let changes = changes_of(&repository).await;
    let (row, commits) = &changes["#7"];
    assert_eq!(commits, &set(&[&first, &second]));
    assert_eq!((row.kind.as_str(), row.title.as_deref()), ("pull_request", Some("Fix it")));
    assert_eq!((row.first_commit_at, row.last_commit_at), (Some(at(started)), Some(at(ended))));
    assert_eq!((row.merged_at, row.merge_commit_sha.as_deref()), (Some(at(merged)), Some(merge.as_str())));
    assert_eq!((row.merge_kind.as_deref(), row.first_commit_basis.as_str()), (Some("merge"), "commits"));
    assert_eq!(changes.len(), 2);
}

#[tokio::test]
async fn a_plain_merge_is_a_change_named_by_its_commit() {
    let repository = Repository::new();
    repository.branch("fix");
    let commit = repository.commit("fix", "One");
    repository.switch("main");
    let merge = repository.merge("fix", "Merge branch 'fix'");
    repository.tag("v1.0.0");
    let changes = changes_of(&repository).await;
    let (row, commits) = &changes[&merge];
    assert_eq!((row.kind.as_str(), row.merge_kind.as_deref()), ("commit", Some("merge")));
    assert_eq!(commits, &set(&[&commit]));
}

#[tokio::test]
async fn a_merge_that_brings_nothing_is_no_change() {
    let repository = Repository::new();
    repository.branch("fix");
    repository.commit("fix", "One");
    repository.switch("main");
    repository.merge("fix", "Merge pull request #7 from acme/fix");
    let again = repository.git(&[
        "commit-tree",
        "-p",
        "main",
        "-p",
        "fix",
        "-m",
        "Merge pull request #8 from acme/fix",
        "main^{tree}",
    ]);
    repository.git(&["reset", "--quiet", "--hard", &again]);
    repository.tag("v1.0.0");
    let changes = changes_of(&repository).await;
    assert!(changes.contains_key("#7") && !changes.contains_key("#8"));
}

#[tokio::test]
async fn a_squash_is_a_pull_request_with_one_commit() {
    let repository = Repository::new();
    let squash = repository.commit("fix", "Fix it (#12)");
    repository.tag("v1.0.0");
    let changes = changes_of(&repository).await;
    let (row, commits) = &changes["#12"];
    assert_eq!((row.merge_kind.as_deref(), row.first_commit_basis.as_str()), (Some("squash"), "squash"));
    assert_eq!((row.kind.as_str(), row.title.as_deref()), ("pull_request", Some("Fix it")));
    assert_eq!(commits, &set(&[&squash]));
}

#[tokio::test]
async fn a_commit_with_two_times_may_be_a_squash_or_a_rebase() {
    let repository = Repository::new();
    std::fs::write(repository.path.join("fix"), "x").expect("a file can be written");
    repository.git(&["add", "fix"]);
    repository.git(&["commit", "--quiet", "--date=1767500000 +0000", "-m", "Fix it (#12)"]);
    repository.tag("v1.0.0");
    let (row, _) = &changes_of(&repository).await["#12"];
    assert_eq!((row.merge_kind.as_deref(), row.first_commit_basis.as_str()), (Some("unknown"), "squash"));
    assert_eq!((row.first_commit_at, row.merged_at), (Some(at(1_767_500_000)), Some(at(repository.now()))));
}

#[tokio::test]
async fn commits_that_name_the_same_pull_request_are_one_change() {
    let repository = Repository::new();
    let first = repository.commit("one", "One (#12)");
    repository.commit("other", "Other (#13)");
    let merged = repository.now();
    let second = repository.commit("two", "Two (#12)");
    repository.tag("v1.0.0");
    let changes = changes_of(&repository).await;
    let (row, commits) = &changes["#12"];
    assert_eq!(commits, &set(&[&first, &second]));
    assert_eq!((row.merge_kind.as_deref(), row.first_commit_basis.as_str()), (Some("rebase"), "commits"));
    assert_eq!((row.merged_at, row.merge_commit_sha.as_ref()), (Some(at(merged)), Some(&second)));
}

#[tokio::test]
async fn a_pushed_commit_is_a_change_of_its_own() {
    let repository = Repository::new();
    let commit = repository.commit("one", "One");
    repository.tag("v1.0.0");
    let (row, commits) = &changes_of(&repository).await[&commit];
    assert_eq!((row.kind.as_str(), row.merge_kind.as_deref()), ("commit", Some("direct")));
    assert_eq!((row.title.as_deref(), row.first_commit_basis.as_str()), (Some("One"), "commits"));
    assert_eq!(commits, &set(&[&commit]));
}

#[tokio::test]
async fn reverts_name_the_change_and_the_last_number_names_the_revert() {
    let repository = Repository::new();
    let fix = repository.commit("fix", "Fix it (#12)");
    repository.commit("back", &format!("Revert \"Fix it (#12)\" (#13)\n\nThis reverts commit {fix}."));
    repository.tag("v1.0.0");
    let changes = changes_of(&repository).await;
    assert!(changes["#12"].0.reverts.is_empty());
    let reverts: BTreeSet<String> = changes["#13"].0.reverts.iter().cloned().collect();
    assert_eq!(reverts, set(&[&"#12".to_owned(), &fix]));
}

#[tokio::test]
async fn a_change_that_takes_back_a_part_of_itself_reverts_nothing() {
    let repository = Repository::new();
    repository.branch("fix");
    let one = repository.commit("fix", "One");
    repository.commit("fix", &format!("Revert \"One\"\n\nThis reverts commit {one}."));
    repository.switch("main");
    repository.merge("fix", "Merge pull request #7 from acme/fix");
    repository.tag("v1.0.0");
    assert!(changes_of(&repository).await["#7"].0.reverts.is_empty());
}

#[tokio::test]
async fn release_branches_give_changes_and_unmerged_branches_do_not() {
    let repository = Repository::new();
    repository.tag("v1.0.0");
    repository.branch("release-1.0");
    let fix = repository.commit("fix", "Fix it there (#12)");
    repository.tag("v1.0.1");
    repository.commit("later", "Not released");
    repository.tag("v1.0.2-rc.1");
    repository.switch("main");
    repository.branch("unmerged");
    repository.commit("unmerged", "Unmerged");
    repository.switch("main");
    repository.commit("main", "Main");
    let changes = changes_of(&repository).await;
    assert_eq!(changes.len(), 3, "{:?}", changes.keys());
    let (row, _) = &changes[&fix];
    assert_eq!((row.kind.as_str(), row.merge_kind.as_deref()), ("commit", Some("direct")));
}

#[tokio::test]
async fn every_commit_that_is_no_merge_belongs_to_one_change() {
    let repository = Repository::new();
    for round in 0..4 {
        repository.branch(&format!("fix-{round}"));
        repository.commit(&format!("a{round}"), "A");
        repository.branch(&format!("nested-{round}"));
        repository.commit(&format!("b{round}"), "B");
        repository.switch(&format!("fix-{round}"));
        repository.commit(&format!("c{round}"), "C");
        repository.merge(&format!("nested-{round}"), "Merge branch 'nested'");
        repository.switch("main");
        repository.commit(&format!("d{round}"), "D");
        repository.merge(&format!("fix-{round}"), &format!("Merge pull request #{round} from acme/fix"));
    }
    repository.tag("v1.0.0");
    let changes = changes_of(&repository).await;
    let of_changes: Vec<&String> = changes.values().flat_map(|(_, commits)| commits).collect();
    let unique: BTreeSet<String> = of_changes.iter().map(|id| (*id).clone()).collect();
    let printed = repository.git(&["rev-list", "--no-merges", "main"]);
    assert_eq!(unique, printed.lines().map(str::to_owned).collect());
    assert_eq!(of_changes.len(), unique.len());
    // Each is the range that git itself gives for that merge.
    for (row, commits) in changes.values() {
        let carrier = row.merge_commit_sha.as_deref().expect("it was merged");
        if row.merge_kind.as_deref() == Some("merge") {
            let range = repository.git(&["rev-list", "--no-merges", &format!("{carrier}^1..{carrier}")]);
            assert_eq!(commits, &range.lines().map(str::to_owned).collect());
        }
    }
}

#[tokio::test]
async fn a_change_with_an_agents_commit_is_an_agents() {
    let repository = Repository::new();
    repository.branch("fix");
    repository.commit("one", "One");
    repository.commit("two", "Two\n\nCo-authored-by: Claude <noreply@anthropic.com>");
    repository.switch("main");
    repository.merge("fix", "Merge pull request #7 from acme/fix");
    repository.tag("v1.0.0");
    assert_eq!(changes_of(&repository).await["#7"].0.author_kind, "agent");
}

#[tokio::test]
async fn the_branch_can_be_named() {
    let repository = Repository::new();
    repository.tag("v1.0.0");
    repository.branch("trunk");
    let trunk = repository.commit("trunk", "Trunk");
    repository.switch("main");
    assert!(!changes_of(&repository).await.contains_key(&trunk));
    let mut config = repository.config();
    config.branch = Some("trunk".into());
    let rows = read(config).await.expect("the repository can be read").rows::<changes::Row>();
    assert!(rows.iter().any(|row| row.change_id == trunk));
}
