//! Clones of all kinds: bare, shallow, partial, without tags, and what is no clone.

use std::collections::BTreeSet;
use std::path::Path;

use lake::Instant;
use lake::tables::{commit_paths, commits, coverage, deployments};

use super::super::config::Config;
use super::super::{FILLS, WHAT, open};
use super::repository::{Read, Repository, config, failure, git_in, read};
use crate::{NoVariables, Reading, Silent, Sink, Source};

/// Three releases with two commits each.
fn released() -> Repository {
    let repository = Repository::empty(&[]);
    for version in 1..=3 {
        repository.commit("src/one", "One");
        repository.commit("src/two", "Two");
        repository.annotated(&format!("v{version}"));
    }
    repository
}

async fn read_at(path: &Path) -> Read {
    read(config(path)).await.expect("the clone can be read")
}

fn coverage_of(read: &Read, table: &str) -> coverage::Row {
    let row = read.rows::<coverage::Row>().into_iter().find(|row| row.covers == table);
    row.expect("each table has a statement")
}

fn object_count(path: &Path) -> String {
    String::from_utf8(git_in(path, 0, &["count-objects", "-v"], b"")).expect("it is text")
}

#[tokio::test]
async fn bare_clones_working_trees_and_git_folders_are_the_same() {
    let repository = released();
    let bare = repository.clone_to("api.git", &["--bare"]);
    let worktree = repository.beside("worktree");
    repository.git(&["worktree", "add", "--quiet", "--detach", &worktree.display().to_string()]);
    let expected = read_at(&repository.path).await.rows::<commits::Row>();
    assert_eq!(expected.len(), 6);
    for path in [&bare, &worktree, &repository.path.join(".git")] {
        assert_eq!(read_at(path).await.rows::<commits::Row>(), expected, "{}", path.display());
    }
}

#[tokio::test]
async fn the_repository_is_named_after_its_folder() {
    let repository = released();
    let bare = repository.clone_to("web.git", &["--bare"]);
    for (path, name) in [(&bare, "git:web"), (&repository.path, "git:api"), (&repository.path.join(".git"), "git:api")]
    {
        assert_eq!(open(Config { repository: None, ..config(path) }).stream(), name);
    }
}

#[tokio::test]
async fn the_source_gives_what_one_reading_gives() {
    let repository = released();
    let source = open(repository.config());
    assert!(source.is_snapshot() && source.fills() == FILLS && !WHAT.is_empty());
    let mut sink = Sink::into_memory(&source.stream(), source.fills(), Instant(0));
    source.read(&Reading::at(Instant(0), &NoVariables), &mut sink, &Silent).await.expect("the repository can be read");
    let read = read_at(&repository.path).await;
    assert_eq!(sink.kept::<commits::Row>().expect("rows are rows"), read.rows::<commits::Row>());
    assert_eq!(sink.kept::<coverage::Row>().expect("rows are rows"), read.rows::<coverage::Row>());
    assert!(sink.summary().rows.keys().all(|table| FILLS.contains(table)));
}

#[tokio::test]
async fn the_remotes_default_branch_is_followed() {
    let repository = released();
    let clone = repository.clone_to("clone", &[]);
    let main = repository.git(&["rev-parse", "main"]);
    git_in(&clone, 0, &["switch", "--quiet", "-c", "mine"], b"");
    git_in(&clone, repository.now(), &["commit", "--quiet", "--allow-empty", "-m", "Mine"], b"");
    let changes = read_at(&clone).await.rows::<lake::tables::changes::Row>();
    assert_eq!(changes.last().and_then(|row| row.merge_commit_sha.clone()), Some(main));
    assert_eq!(changes.len(), 6);
}

#[tokio::test]
async fn a_shallow_clone_is_incomplete_from_its_boundary_on() {
    let repository = released();
    let clone = repository.clone_to("shallow", &["--depth=2"]);
    let read = read_at(&clone).await;
    let rows = read.rows::<commits::Row>();
    assert_eq!(rows.len(), 2);
    let boundary = &rows[0];
    assert_eq!(boundary.parents, [repository.git(&["rev-parse", &format!("{}^", boundary.commit_sha)])]);
    for table in ["commits", "commit_paths", "changes", "change_commits", "deployments"] {
        let row = coverage_of(&read, table);
        assert_eq!((row.is_complete, row.range_start_at), (false, Some(boundary.committed_at)), "{table}");
        assert!(row.reason.expect("there is one").contains("shallow"));
    }
    // The boundary's files are not all its own.
    let paths = read.rows::<commit_paths::Row>();
    assert!(paths.iter().all(|row| row.commit_sha != boundary.commit_sha) && paths.len() == 1);
}

#[tokio::test]
async fn a_clone_without_files_has_all_but_patch_ids() {
    let repository = released();
    let original = repository.git(&["rev-parse", "HEAD~1"]);
    repository.git(&["switch", "--quiet", "--detach", "HEAD~2"]);
    repository.git(&["cherry-pick", &original]);
    repository.tag("v1.1");
    repository.switch("main");
    let whole = read_at(&repository.path).await;
    let clone = repository.clone_to("blobless.git", &["--bare", "--filter=blob:none"]);
    let before = object_count(&clone);
    let read = read_at(&clone).await;
    assert_eq!(object_count(&clone), before, "nothing was fetched");
    assert_eq!(read.rows::<commit_paths::Row>(), whole.rows::<commit_paths::Row>());
    assert_eq!(whole.rows::<commits::Row>().iter().filter(|row| row.patch_id.is_some()).count(), 2);
    assert_eq!(read.rows::<commits::Row>().iter().filter(|row| row.patch_id.is_some()).count(), 0);
    let row = coverage_of(&read, "commits");
    assert!(row.is_complete && row.reason.expect("there is one").contains("the files of 2 commits"));
}

#[tokio::test]
async fn a_clone_without_trees_has_no_paths_and_says_so() {
    let repository = released();
    let clone = repository.clone_to("treeless.git", &["--bare", "--filter=tree:0"]);
    let before = object_count(&clone);
    let read = read_at(&clone).await;
    assert_eq!(object_count(&clone), before, "nothing was fetched");
    assert_eq!(read.rows::<commits::Row>().len(), 6);
    assert_eq!(read.rows::<commit_paths::Row>().len(), 0);
    let row = coverage_of(&read, "commit_paths");
    assert!(!row.is_complete && row.reason.expect("there is one").contains("trees of 6 commits"));
    assert!(coverage_of(&read, "commits").is_complete && coverage_of(&read, "deployments").is_complete);
}

#[tokio::test]
async fn a_clone_with_some_trees_has_some_paths() {
    let repository = released();
    let clone = repository.clone_to("partial", &["--filter=tree:1", "--no-checkout"]);
    let read = read_at(&clone).await;
    let whole = read_at(&repository.path).await;
    let (some, all) = (read.rows::<commit_paths::Row>(), whole.rows::<commit_paths::Row>());
    assert!(some.iter().all(|row| all.contains(row)));
    assert!(!coverage_of(&read, "commit_paths").is_complete);
}

#[tokio::test]
async fn trees_that_vanish_below_the_root_are_passed_over() {
    let repository = released();
    let whole = read_at(&repository.path).await.rows::<commit_paths::Row>();
    let lost = repository.git(&["rev-parse", "HEAD~2:src"]);
    let (folder, file) = lost.split_at(2);
    std::fs::remove_file(repository.path.join(".git/objects").join(folder).join(file)).expect("it is a loose object");
    let read = read_at(&repository.path).await;
    // The commit that records the tree, and the next one, which is compared with it.
    let without: BTreeSet<String> =
        ["HEAD~2", "HEAD~1"].iter().map(|name| repository.git(&["rev-parse", name])).collect();
    let mut expected = whole;
    expected.retain(|row| !without.contains(&row.commit_sha));
    assert_eq!(read.rows::<commit_paths::Row>(), expected);
    assert!(coverage_of(&read, "commit_paths").reason.expect("there is one").contains("trees of 2 commits"));
}

#[tokio::test]
async fn a_clone_made_without_tags_says_so() {
    let repository = released();
    let clone = repository.clone_to("tagless", &["--no-tags"]);
    let nothing = failure(config(&clone)).await;
    assert!(nothing.contains("`remote.origin.tagOpt` is `--no-tags`"), "{nothing}");
    git_in(&clone, 0, &["tag", "v9"], b"");
    let read = read_at(&clone).await;
    for table in ["releases", "deployments"] {
        assert!(coverage_of(&read, table).reason.expect("there is one").contains("does not fetch tags"));
    }
    assert!(coverage_of(&read, "commits").is_complete);
}

#[tokio::test]
async fn a_clone_of_one_branch_may_lack_tags() {
    let repository = released();
    let clone = repository.clone_to("single", &["--single-branch"]);
    let read = read_at(&clone).await;
    assert!(coverage_of(&read, "deployments").reason.expect("there is one").contains("only `refs/heads/main`"));
    assert_eq!(read.rows::<deployments::Row>().len(), 3);
}

#[tokio::test]
async fn the_only_branch_is_the_default_where_head_names_none() {
    let repository = released();
    repository.git(&["symbolic-ref", "HEAD", "refs/heads/gone"]);
    assert_eq!(read_at(&repository.path).await.rows::<commits::Row>().len(), 6);
    repository.git(&["branch", "other", "main"]);
    let unclear = failure(repository.config()).await;
    assert!(unclear.starts_with("ingest::settings") && unclear.contains("`refs/heads/gone`"), "{unclear}");
    assert!(unclear.ends_with("name one of the branches: `main`, `other`"), "{unclear}");
}

#[tokio::test]
async fn what_is_no_clone_is_said() {
    let repository = released();
    let missing = failure(config(&repository.beside("nowhere"))).await;
    assert!(missing.starts_with("ingest::input: could not open the clone"), "{missing}");
    // A folder inside a repository is not that repository.
    for path in [repository.beside("."), repository.path.join("src")] {
        let none = failure(config(&path)).await;
        assert!(none.starts_with("ingest::input") && none.contains("it is not a git repository"), "{none}");
    }
    let empty = failure(Repository::empty(&[]).config()).await;
    assert!(empty.starts_with("ingest::input") && empty.contains("the repository has no commits"), "{empty}");
    let unknown = failure(Config { branch: Some("gone".into()), ..repository.config() }).await;
    assert!(
        unknown.starts_with("ingest::settings") && unknown.ends_with("the branches are: `main`"),
        "{unknown}"
    );
}

#[tokio::test]
async fn a_damaged_clone_is_incomplete() {
    let repository = released();
    let lost = repository.git(&["rev-parse", "HEAD~3"]);
    let (folder, file) = lost.split_at(2);
    std::fs::remove_file(repository.path.join(".git/objects").join(folder).join(file)).expect("it is a loose object");
    let read = read_at(&repository.path).await;
    assert_eq!(read.rows::<commits::Row>().len(), 5);
    assert!(coverage_of(&read, "commits").reason.expect("there is one").contains("damaged"));
}

#[tokio::test]
async fn reading_twice_gives_the_same() {
    let repository = released();
    let (once, twice) = (read_at(&repository.path).await, read_at(&repository.path).await);
    assert_eq!(once.rows::<commits::Row>(), twice.rows::<commits::Row>());
    assert_eq!(once.rows::<commit_paths::Row>(), twice.rows::<commit_paths::Row>());
    assert_eq!(once.rows::<coverage::Row>(), twice.rows::<coverage::Row>());
    assert_eq!(once.cursor, twice.cursor);
}
