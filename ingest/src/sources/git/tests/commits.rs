//! Commits, paths and patch ids, against what git itself prints.

use std::collections::{BTreeMap, BTreeSet};

use lake::Instant;
use lake::tables::{commit_paths, commits};

use super::repository::{Repository, START, read};

async fn commits_of(repository: &Repository) -> BTreeMap<String, commits::Row> {
    let read = read(repository.config()).await.expect("the repository can be read");
    read.rows::<commits::Row>().into_iter().map(|row| (row.commit_sha.clone(), row)).collect()
}

async fn paths_of(repository: &Repository, commit: &str) -> BTreeMap<String, String> {
    let read = read(repository.config()).await.expect("the repository can be read");
    let rows = read.rows::<commit_paths::Row>().into_iter();
    rows.filter(|row| row.commit_sha == commit).map(|row| (row.path, row.path_change)).collect()
}

fn paths(expected: &[(&str, &str)]) -> BTreeMap<String, String> {
    expected.iter().map(|(path, change)| ((*path).to_owned(), (*change).to_owned())).collect()
}

/// A history with a side branch, a merge and tags.
fn history() -> Repository {
    let repository = Repository::new();
    repository.branch("side");
    repository.commit("side", "Side one");
    repository.commit("side", "Side two\n\nwith a body");
    repository.switch("main");
    repository.commit("main", "Main");
    repository.merge("side", "Merge branch 'side'");
    repository.tag("v1.0.0");
    repository.branch("unmerged");
    repository.commit("unmerged", "Unmerged");
    repository.switch("main");
    repository
}

#[tokio::test]
async fn commits_are_what_git_log_prints() {
    let repository = history();
    let printed = repository.git(&["log", "--branches", "--tags", "--format=%H|%P|%at|%ct|%s"]);
    let printed: BTreeSet<String> = printed.lines().map(str::to_owned).collect();
    let rows = commits_of(&repository).await;
    let line = |row: &commits::Row| {
        let seconds = |at: Instant| at.0 / Instant::MICROS;
        let (authored, committed) = (seconds(row.authored_at), seconds(row.committed_at));
        format!("{}|{}|{authored}|{committed}|{}", row.commit_sha, row.parents.join(" "), row.subject)
    };
    assert_eq!(rows.values().map(line).collect::<BTreeSet<_>>(), printed);
    assert!(
        rows.values().all(|row| row.author_offset_minutes == Some(330) && row.committer_offset_minutes == Some(-210))
    );
    assert!(rows.values().all(|row| row.is_merge == (row.parents.len() > 1)));
    assert_eq!(rows.values().filter(|row| row.is_merge).count(), 1);
}

#[tokio::test]
async fn no_name_and_no_address_is_kept() {
    let rows = commits_of(&history()).await;
    let text = format!("{rows:?}").to_lowercase();
    assert!(!text.contains("example"), "{text}");
    let authors: BTreeSet<&str> = rows.values().map(|row| row.author_id.as_str()).collect();
    assert_eq!(authors.len(), 1);
}

#[tokio::test]
async fn only_branches_tags_and_head_are_walked() {
    let repository = Repository::new();
    repository.tag("v1.0.0");
    repository.git(&["switch", "--quiet", "--detach"]);
    let pull = repository.commit("pull", "Never merged");
    repository.git(&["update-ref", "refs/pull/1/head", &pull]);
    let note = repository.commit("note", "Elsewhere");
    repository.git(&["update-ref", "refs/elsewhere/x", &note]);
    repository.switch("main");
    assert_eq!(commits_of(&repository).await.len(), 1);
}

#[tokio::test]
async fn a_detached_head_is_walked() {
    let repository = Repository::new();
    repository.tag("v1.0.0");
    repository.git(&["switch", "--quiet", "--detach"]);
    let detached = repository.commit("detached", "Detached");
    assert!(commits_of(&repository).await.contains_key(&detached));
}

#[tokio::test]
async fn broken_commits_are_read_as_far_as_they_go() {
    let repository = Repository::new();
    let tree = repository.git(&["rev-parse", "HEAD^{tree}"]);
    let parent = repository.git(&["rev-parse", "HEAD"]);
    let without_author = repository
        .raw_commit(format!("tree {tree}\nparent {parent}\ncommitter C <c@d> {START} +0100\n\nNo author\n").as_bytes());
    let mut latin = format!(
        "tree {tree}\nparent {without_author}\nauthor A <a@b> 99999999999999 +0000\ncommitter C <c@d> {START} +051800\n\
         encoding ISO-8859-1\n\n"
    )
    .into_bytes();
    latin.extend_from_slice(b"\n\ncaf\xe9\n");
    let latin = repository.raw_commit(&latin);
    let timeless = repository.raw_commit(format!("tree {tree}\nparent {latin}\n\n").as_bytes());
    repository.git(&["update-ref", "refs/heads/main", &timeless]);
    repository.tag("v1.0.0");
    let rows = commits_of(&repository).await;
    let start = Instant::from_seconds(START);
    assert_eq!((rows[&without_author].authored_at, rows[&without_author].author_offset_minutes), (start, Some(60)));
    assert_eq!((rows[&latin].subject.as_str(), rows[&latin].authored_at), ("café", start));
    assert_eq!(rows[&latin].committer_offset_minutes, Some(318));
    assert_eq!((rows[&timeless].subject.as_str(), rows[&timeless].authored_at), ("", Instant(0)));
    let read = read(repository.config()).await.expect("the repository can be read");
    assert!(read.gaps.iter().any(|gap| gap.contains("3 commits have an author or committer time")), "{:?}", read.gaps);
}

#[tokio::test]
async fn a_clock_in_the_future_is_kept() {
    let repository = Repository::new();
    repository.set_now(4_000_000_000);
    let future = repository.commit("future", "Tomorrow");
    repository.tag("v1.0.0");
    assert_eq!(commits_of(&repository).await[&future].authored_at, Instant::from_seconds(4_000_000_000));
}

#[tokio::test]
async fn reverts_and_cherry_picks_are_completed() {
    let repository = Repository::new();
    let first = repository.commit("one", "One");
    let short = &first[..9];
    let reverting = repository.commit("two", &format!("Revert \"One\"\n\nThis reverts commit {short}."));
    let picking = repository.commit("three", &format!("One\n\n(cherry picked from commit {first})"));
    let elsewhere = repository.commit("four", "Back\n\nThis reverts commit 0123456789.");
    repository.tag("v1.0.0");
    let rows = commits_of(&repository).await;
    assert_eq!(rows[&reverting].reverts, std::slice::from_ref(&first));
    assert_eq!(rows[&picking].cherry_picked_from, Some(first));
    assert_eq!(rows[&elsewhere].reverts, ["0123456789"]);
}

#[tokio::test]
async fn copies_share_a_patch_id() {
    let repository = Repository::new();
    repository.branch("side");
    let original = repository.commit("file", "Original");
    repository.switch("main");
    repository.commit("other", "Other");
    repository.git(&["cherry-pick", &original]);
    let copy = repository.git(&["rev-parse", "HEAD"]);
    repository.tag("v1.0.0");
    let rows = commits_of(&repository).await;
    let patch = repository.bytes(&["diff-tree", "-p", "--full-index", &original], b"");
    let expected = String::from_utf8(repository.bytes(&["patch-id", "--stable"], &patch)).expect("an id is text");
    assert_eq!(rows[&original].patch_id.as_deref(), expected.split(' ').next());
    assert_eq!(rows[&copy].patch_id, rows[&original].patch_id);
    assert_eq!(rows.values().filter(|row| row.patch_id.is_some()).count(), 2);
}

#[tokio::test]
async fn paths_say_what_happened_to_them() {
    let repository = Repository::new();
    let root = repository.git(&["rev-parse", "HEAD"]);
    repository.commit("a/kept", "Add");
    repository.commit("old name", "Add another");
    repository.git(&["mv", "old name", "nëw\tname"]);
    let renamed = repository.commit_staged("Rename");
    let modified = repository.commit("a/kept", "Modify");
    std::fs::remove_file(repository.path.join("a/kept")).expect("it is there");
    #[cfg(unix)]
    std::os::unix::fs::symlink("README", repository.path.join("a/kept")).expect("a link can be made");
    repository.git(&["add", "--all"]);
    let retyped = repository.commit_staged("Retype");
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{root},module")]);
    let module = repository.commit_staged("Module");
    repository.tag("v1.0.0");
    assert_eq!(paths_of(&repository, &root).await, paths(&[("README", "added")]));
    assert_eq!(paths_of(&repository, &renamed).await, paths(&[("nëw\tname", "added"), ("old name", "deleted")]));
    assert_eq!(paths_of(&repository, &modified).await, paths(&[("a/kept", "modified")]));
    assert_eq!(paths_of(&repository, &retyped).await, paths(&[("a/kept", "type_changed")]));
    assert_eq!(paths_of(&repository, &module).await, paths(&[("module", "added")]));
}

#[tokio::test]
async fn bytes_that_are_no_text_are_replaced_once() {
    let repository = Repository::new();
    let blob = repository.git(&["rev-parse", "HEAD:README"]);
    let mut tree = Vec::new();
    for name in [&b"caf\xe9"[..], b"caf\xea", b"plain"] {
        tree.extend_from_slice(format!("100644 blob {blob}\t").as_bytes());
        tree.extend_from_slice(name);
        tree.push(0);
    }
    let tree = String::from_utf8(repository.bytes(&["mktree", "-z"], &tree)).expect("an id is text");
    let commit = repository.git(&["commit-tree", "-m", "Odd", tree.trim()]);
    repository.git(&["update-ref", "refs/heads/odd", &commit]);
    repository.tag("v1.0.0");
    assert_eq!(paths_of(&repository, &commit).await, paths(&[("caf\u{fffd}", "added"), ("plain", "added")]));
}

#[tokio::test]
async fn paths_are_those_of_diff_tree_and_merges_have_none() {
    let repository = history();
    let rows = read(repository.config()).await.expect("the repository can be read").rows::<commit_paths::Row>();
    let ids = repository.git(&["rev-list", "--no-merges", "--branches", "--tags"]);
    let mut printed = BTreeSet::new();
    for id in ids.lines() {
        let names = repository.git(&["diff-tree", "--root", "--no-commit-id", "--name-only", "-r", id]);
        printed.extend(names.lines().map(|name| (id.to_owned(), name.to_owned())));
    }
    assert_eq!(rows.into_iter().map(|row| (row.commit_sha, row.path)).collect::<BTreeSet<_>>(), printed);
}

#[tokio::test]
async fn several_roots_are_read() {
    let repository = Repository::new();
    repository.git(&["switch", "--quiet", "--orphan", "pages"]);
    let root = repository.commit("index", "Pages");
    repository.switch("main");
    repository.git(&["merge", "--quiet", "--allow-unrelated-histories", "-m", "Join", "pages"]);
    repository.tag("v1.0.0");
    let rows = commits_of(&repository).await;
    assert_eq!(rows.values().filter(|row| row.parents.is_empty()).count(), 2);
    assert!(rows.contains_key(&root));
}

#[tokio::test]
async fn sha256_repositories_are_read() {
    let repository = Repository::empty(&["--object-format=sha256"]);
    repository.commit("README", "Begin");
    repository.annotated("v1.0.0");
    let rows = commits_of(&repository).await;
    assert!(rows.keys().all(|sha| sha.len() == 64));
    assert_eq!(paths_of(&repository, rows.keys().next().expect("one")).await, paths(&[("README", "added")]));
}
