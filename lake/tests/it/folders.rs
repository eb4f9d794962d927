//! Which folders become lakes, and what opening one does to it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lake::{AsOf, Lake, LakeError, Location};

use crate::world::{at_folder, latest, numbered, open, temporary_folder, wait, whole_batches};

async fn commits_and_reads_back(path: &Path) {
    open(path).await.commit(numbered("a", 1)).await.expect("the batch is committed");
    let lake = Lake::open(&at_folder(path)).await.expect("the lake opens");
    assert_eq!(whole_batches(&latest(&lake).await, "a").await, [1]);
}

#[test]
fn a_folder_may_have_any_name() {
    let folder = temporary_folder();
    let names = ["with space", "50%", "%41", "a+b", "#1", "ünï 🚀", "it's?x=1&y", "a:b", "back\\slash"];
    wait(async {
        for name in names {
            commits_and_reads_back(&folder.path().join(name).join("lake")).await;
        }
        let mut found: Vec<_> = fs::read_dir(folder.path()).expect("it can be read").map(name_of).collect();
        found.sort();
        let mut names = names.map(str::to_owned);
        names.sort();
        assert_eq!(found, names, "no folder was made under another name");
    });
}

fn name_of(entry: std::io::Result<fs::DirEntry>) -> String {
    entry.expect("it can be read").file_name().to_string_lossy().into_owned()
}

#[test]
fn a_stream_may_have_any_name() {
    let folder = temporary_folder();
    let long = "long ".repeat(80);
    wait(async {
        for stream in ["git:api", "files:/srv/a b%41", "ünï 🚀", "..", "it's \"x\"#1", "guard", &long] {
            let lake = open(folder.path()).await;
            lake.commit(numbered(stream, 1)).await.expect("the batch is committed");
            let staged_only = std::sync::Arc::new(|path: &str| !path.starts_with("tables/"));
            let broken = crate::faults::open_with(&at_folder(folder.path()), staged_only).await.expect("all is done");
            broken.commit(numbered(stream, 2)).await.expect_err("no table can be written");
            let lake = open(folder.path()).await;
            assert_eq!(whole_batches(&latest(&lake).await, stream).await, [1, 2], "{stream}");
            assert_eq!(lake.cursor(stream).await.expect("it can be read").as_deref(), Some("2"));
            assert!(!folder.path().join("pending").exists());
        }
    });
}

#[test]
fn a_folder_may_be_named_from_where_we_are() {
    let folder = temporary_folder();
    let here = std::env::current_dir().expect("we are somewhere");
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let target = folder.path().canonicalize().expect("it is there");
    let relative = up.join(target.strip_prefix("/").expect("it is absolute")).join("new/lake");
    assert!(relative.is_relative());
    wait(commits_and_reads_back(&relative));
    assert!(target.join("new/lake/lake.json").is_file());
}

#[cfg(unix)]
#[test]
fn a_folder_may_stand_behind_a_link() {
    let folder = temporary_folder();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    fs::create_dir(&real).expect("it can be made");
    std::os::unix::fs::symlink(&real, &link).expect("it can be linked");
    wait(async {
        commits_and_reads_back(&link).await;
        let lake = Lake::open(&at_folder(&real)).await.expect("it is the same lake");
        assert_eq!(whole_batches(&latest(&lake).await, "a").await, [1]);
    });
}

#[test]
fn opening_for_reading_changes_nothing() {
    let folder = temporary_folder();
    let missing = folder.path().join("missing");
    wait(async {
        let refused = Lake::open(&at_folder(&missing)).await.expect_err("there is no lake");
        assert_eq!(refused.to_string(), format!("there is no lake at `{}`", missing.display()));
        assert!(!missing.exists());
        let refused = Lake::open(&at_folder(folder.path())).await.expect_err("there is no lake");
        assert!(matches!(refused, LakeError::Missing { .. }));
        assert!(contents(folder.path()).is_empty());

        let path = folder.path().join("lake");
        open(&path).await;
        let empty = contents(&path);
        let lake = Lake::open(&at_folder(&path)).await.expect("the lake opens");
        assert_eq!(latest(&lake).await.number(), 0);
        latest(&lake).await.context(Some(1)).await.expect("tables never written are empty");
        assert_eq!(contents(&path), empty);

        let staged_only = std::sync::Arc::new(|path: &str| !path.starts_with("tables/"));
        let broken = crate::faults::open_with(&at_folder(&path), staged_only).await.expect("nothing is pending");
        broken.commit(numbered("a", 1)).await.expect_err("no table can be written");
        let pending = contents(&path);
        let lake = Lake::open(&at_folder(&path)).await.expect("the lake opens");
        assert_eq!(lake.snapshot(AsOf::Latest).await.expect("it is empty").number(), 0);
        assert_eq!(lake.last_written_at().await.expect("it can be read"), None);
        assert_eq!(contents(&path), pending);
    });
}

#[test]
fn a_folder_that_holds_other_things_is_left_alone() {
    let folder = temporary_folder();
    fs::write(folder.path().join("letter.txt"), "dear").expect("it can be written");
    let before = contents(folder.path());
    wait(async {
        let refused = Lake::open_or_create(&at_folder(folder.path())).await.expect_err("it holds a letter");
        let place = folder.path().display();
        assert_eq!(refused.to_string(), format!("`{place}` is not a lake: it holds `letter.txt` and no `lake.json`"));
        let file = folder.path().join("letter.txt");
        let refused = Lake::open_or_create(&at_folder(&file)).await.expect_err("it is a file");
        assert_eq!(refused.to_string(), format!("could not create `{}`", file.display()));
    });
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn two_processes_may_make_a_lake_at_once() {
    let folder = temporary_folder();
    wait(async {
        let place = at_folder(folder.path().join("lake"));
        let opening: Vec<_> = (0..8)
            .map(|_| {
                let place = place.clone();
                tokio::spawn(async move { Lake::open_or_create(&place).await })
            })
            .collect();
        for opened in opening {
            opened.await.expect("no task panics").expect("each sees a lake");
        }
    });
}

#[test]
fn a_location_is_a_folder_or_a_bucket() {
    let none = BTreeMap::new();
    let parse = |text: &str| Location::parse(text, &none);
    assert_eq!(parse("some/folder").expect("it is one"), Location::Folder("some/folder".into()));
    assert_eq!(parse("s3://bucket/a b/").expect("it is one").to_string(), "s3://bucket/a%20b");
    for (text, secret) in [("s3://key:hush@bucket/x", "hush"), ("s3://bucket/x?secret=hush", "hush=")] {
        let refused = parse(text).expect_err("credentials have no place in a URL");
        assert!(!format!("{refused} {refused:?}").contains(secret), "{refused}");
    }
    for text in ["", "gs://bucket/x", "https://bucket/x", "s3:///x"] {
        parse(text).expect_err("it is no location");
    }
}

/// Every file with its content.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("it can be read") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).expect("it can be read"));
        }
    }
    found
}
