//! Damaged files are told by name, and what is whole stays readable.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use lake::tables::commits;
use lake::{AsOf, Instant, Lake, LakeError, Page, TableRow};

use crate::faults::open_with;
use crate::world::{at_folder, latest, numbered, open, temporary_folder, wait, whole_batches};

/// A lake with batch 1, and batch 2 that is pending.
pub(crate) async fn with_a_pending_batch(folder: &Path) {
    open(folder).await.commit(numbered("a", 1)).await.expect("the batch is committed");
    let staged_only = Arc::new(|path: &str| !path.starts_with("tables/"));
    let broken = open_with(&at_folder(folder), staged_only).await.expect("nothing is pending");
    broken.commit(numbered("a", 2)).await.expect_err("no table can be written");
}

pub(crate) fn file_named(folder: &Path, name: &str) -> PathBuf {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("it can be read") {
            let path = entry.expect("it can be read").path();
            if path.ends_with(name) {
                return path;
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    panic!("there is no `{name}`");
}

pub(crate) fn edit(path: &Path, change: impl Fn(String) -> String) {
    let content = fs::read_to_string(path).expect("it can be read");
    let changed = change(content.clone());
    assert_ne!(content, changed);
    fs::write(path, changed).expect("it can be written");
}

pub(crate) fn cut(path: &Path) {
    let length = fs::metadata(path).expect("it is there").len();
    File::options().write(true).open(path).and_then(|file| file.set_len(length / 2)).expect("it can be cut");
}

fn said(error: &LakeError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[test]
fn staged_rows_that_are_cut_or_gone_are_told_by_name() {
    for damage in [cut, |path: &Path| fs::remove_file(path).expect("it can be removed")] {
        let folder = temporary_folder();
        wait(async {
            with_a_pending_batch(folder.path()).await;
            let staged = file_named(&folder.path().join("pending"), "deployments.arrow");
            damage(&staged);
            let refused = Lake::open_or_create(&at_folder(folder.path())).await.expect_err("it cannot be finished");
            assert_eq!(refused.code(), "lake::unfinishable");
            let batch = staged.parent().expect("it is in a folder").display();
            let told = format!("could not finish the pending batch in `{batch}`: `{}` cannot", staged.display());
            assert!(said(&refused).starts_with(&told), "{}", said(&refused));
            let lake = Lake::open(&at_folder(folder.path())).await.expect("the rest can be read");
            assert_eq!(whole_batches(&latest(&lake).await, "a").await, [1]);
        });
    }
}

#[test]
fn a_manifest_that_is_cut_is_told_by_name() {
    let folder = temporary_folder();
    wait(async {
        with_a_pending_batch(folder.path()).await;
        let manifest = file_named(&folder.path().join("pending"), "manifest.json");
        cut(&manifest);
        let refused = Lake::open_or_create(&at_folder(folder.path())).await.expect_err("it cannot be finished");
        let batch = manifest.parent().expect("it is in a folder").display();
        let told = format!("could not finish the pending batch in `{batch}`: `{}` cannot", manifest.display());
        assert!(said(&refused).starts_with(&told), "{}", said(&refused));
        // Without it the batch never happened, and the next one is not hindered.
        fs::remove_file(&manifest).expect("it can be removed");
        let lake = open(folder.path()).await;
        assert_eq!(lake.commit(numbered("a", 2)).await.expect("the batch is committed").batch, 3);
        assert_eq!(whole_batches(&latest(&lake).await, "a").await, [1, 2]);
    });
}

#[test]
fn a_layout_that_cannot_be_read_or_is_another_is_refused() {
    let folder = temporary_folder();
    let place = folder.path().display().to_string();
    let layout = folder.path().join("lake.json");
    wait(async {
        open(folder.path()).await;
        let refusal = async || {
            let refused = Lake::open(&at_folder(folder.path())).await.expect_err("it is refused");
            let again = Lake::open_or_create(&at_folder(folder.path())).await.expect_err("it is refused");
            assert_eq!(refused.to_string(), again.to_string());
            refused
        };
        edit(&layout, |text| text.replace(": 1", ": 7"));
        let refused = refusal().await;
        assert_eq!(refused.code(), "lake::newer");
        let newer = "was written in version 7, and this release reads up to version 1";
        assert_eq!(refused.to_string(), format!("the lake at `{place}` {newer}"));
        edit(&layout, |text| text.replace("doracle", "somebody"));
        assert_eq!(refusal().await.to_string(), format!("`{place}` is not a lake: its `lake.json` is of `somebody`"));
        cut(&layout);
        let refused = refusal().await.to_string();
        assert!(refused.starts_with(&format!("`{place}` is not a lake: its `lake.json` cannot be read")), "{refused}");
    });
}

#[test]
fn a_newer_schema_of_a_table_is_refused() {
    let folder = temporary_folder();
    wait(async {
        let known = commits::Row::table().version;
        let lake = open(folder.path()).await;
        lake.commit(numbered("a", 1)).await.expect("the batch is committed");
        edit(&folder.path().join("tables/commits/_delta_log/00000000000000000000.json"), |log| {
            let version = |number: u32| format!(r#""doracle.schemaVersion":"{number}""#);
            log.replace(&version(known), &version(known + 1))
        });
        let newer = format!(
            "table `commits` was written in version {}, and this release reads up to version {known}",
            known + 1
        );
        let refused = lake.commit(numbered("a", 2)).await.expect_err("it cannot be written");
        assert_eq!(refused.to_string(), newer);
        let refused = latest(&lake).await.context(None).await.map(|_| ()).expect_err("it cannot be read");
        assert_eq!(refused.to_string(), newer);
        let refused = open_with(&at_folder(folder.path()), Arc::new(|_| true)).await.expect_err("a batch is pending");
        assert_eq!(refused.to_string(), newer);
    });
}

#[test]
fn a_raw_page_that_is_damaged_is_told_by_name() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        lake.commit(numbered("a", 1)).await.expect("the batch is committed");
        let sha = Page::new(b"page 1 of a".to_vec()).sha().to_owned();
        assert_eq!(lake.page(&sha).await.expect("it can be read").as_deref(), Some(b"page 1 of a".as_slice()));
        assert_eq!(lake.page("0000").await.expect("it can be looked for"), None);
        assert_eq!(lake.page("../../lake").await.expect("it can be looked for"), None);
        let page = file_named(folder.path(), &format!("{sha}.zst"));
        let other = zstd::encode_all(b"something else".as_slice(), 3).expect("it can be packed");
        for damaged in [b"no zstd".to_vec(), other] {
            fs::write(&page, damaged).expect("it can be written");
            let refused = lake.page(&sha).await.expect_err("it is damaged");
            assert_eq!(refused.to_string(), format!("`{}` cannot be read back", page.display()));
        }
    });
}

#[test]
fn a_damaged_table_is_no_empty_table() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        lake.commit(numbered("a", 1)).await.expect("the batch is committed");
        for table in ["commits", "lake_versions"] {
            fs::write(folder.path().join(format!("tables/{table}/_delta_log/00000000000000000000.json")), "")
                .expect("it can be written");
            let refused = match table {
                "commits" => latest(&lake).await.context(None).await.map(|_| ()).expect_err("it cannot be read"),
                _ => lake.snapshot(AsOf::Latest).await.map(|_| ()).expect_err("it cannot be read"),
            };
            assert!(said(&refused).starts_with(&format!("could not read table `{table}`: ")), "{}", said(&refused));
        }
    });
}

#[test]
fn what_killed_writers_left_is_swept_once_it_is_old() {
    let folder = temporary_folder();
    wait(async {
        with_a_pending_batch(folder.path()).await;
        // A claim with rows and no manifest, half a file, and a data file that no commit names.
        let staged = folder.path().join("pending/dead-0000/000000000007");
        fs::create_dir_all(&staged).expect("it can be made");
        let half = folder.path().join("raw/half.zst#3");
        let orphan = folder.path().join("tables/commits/part-00000-dead.parquet");
        let left = [staged.join("claim"), staged.join("commits.arrow"), half, orphan];
        for file in &left {
            fs::write(file, "dead").expect("it can be written");
        }
        let lake = Lake::open(&at_folder(folder.path())).await.expect("the lake opens");
        let now = Instant::from_seconds(seconds_since_1970());
        let swept = lake.vacuum(now, TimeDelta::zero(), &BTreeSet::new()).await.expect("it can be swept");
        assert_eq!(swept.files_removed, 0, "somebody may be writing them");
        assert!(left.iter().all(|file| file.exists()));

        let three_hours_ago = SystemTime::now() - Duration::from_hours(3);
        for file in &left {
            let opened = File::options().write(true).open(file).expect("it can be opened");
            opened.set_modified(three_hours_ago).expect("it can be dated");
        }
        let swept = lake.vacuum(now, TimeDelta::days(7), &BTreeSet::new()).await.expect("it can be swept");
        assert_eq!(swept.files_removed, 0, "it is not as old as the retention");
        let swept = lake.vacuum(now, TimeDelta::hours(2), &BTreeSet::new()).await.expect("it can be swept");
        assert_eq!(swept.files_removed, 4);
        assert!(left.iter().all(|file| !file.exists()));
        // The pending batch was not touched.
        assert_eq!(whole_batches(&latest(&open(folder.path()).await).await, "a").await, [1, 2]);
    });
}

fn seconds_since_1970() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(now.as_secs()).expect("it is not so late")
}

/// Every file of a table's folder that ends like this.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .expect("it can be read")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    found.sort();
    found
}

#[test]
fn a_lake_without_its_first_log_entry_or_its_versions_is_not_taken_for_empty() {
    let first = "_delta_log/00000000000000000000.json";
    for gone in ["tables/lake_versions", "tables/commits"] {
        let folder = temporary_folder();
        wait(async {
            let lake = open(folder.path()).await;
            assert_eq!(latest(&lake).await.number(), 0, "nothing was written yet");
            for number in 1..=3 {
                lake.commit(numbered("a", number)).await.expect("the batch is committed");
            }
            fs::remove_file(folder.path().join(gone).join(first)).expect("it is there");
            let lake = Lake::open(&at_folder(folder.path())).await.expect("its layout is whole");
            let told = match lake.snapshot(AsOf::Latest).await {
                Err(error) => said(&error),
                Ok(_) => said(&lake.commit(numbered("a", 4)).await.expect_err("a table has lost its log")),
            };
            assert!(told.contains(&format!("{gone}/{first}` cannot be read back: it is missing")), "{told}");
        });
    }
    let folder = temporary_folder();
    wait(async {
        open(folder.path()).await.commit(numbered("a", 1)).await.expect("the batch is committed");
        fs::remove_dir_all(folder.path().join("tables/lake_versions")).expect("it is there");
        for lake in [Lake::open(&at_folder(folder.path())).await, Lake::open_or_create(&at_folder(folder.path())).await]
        {
            let told = match lake {
                Ok(lake) => said(&lake.versions().await.expect_err("a batch was recorded in it")),
                Err(error) => said(&error),
            };
            assert!(told.contains("tables/lake_versions` cannot be read back: it is missing"), "{told}");
        }
    });
}

#[test]
fn data_files_that_are_gone_or_cut_are_listed() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        assert_eq!(latest(&lake).await.damaged_files().await.expect("an empty lake lacks nothing"), []);
        for number in 1..=2 {
            lake.commit(numbered("a", number)).await.expect("the batch is committed");
        }
        let snapshot = latest(&lake).await;
        assert_eq!(snapshot.damaged_files().await.expect("all are there"), []);
        let [gone, short] = ["commits", "deployments"].map(|table| {
            let files = files(&folder.path().join("tables").join(table), ".parquet");
            files.into_iter().map(|path| (path.display().to_string(), path)).collect::<BTreeMap<_, _>>()
        });
        for path in gone.values() {
            fs::remove_file(path).expect("it is there");
        }
        for path in short.values() {
            cut(path);
        }
        let found = snapshot.damaged_files().await.expect("the logs are whole");
        let (missing, cut): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, wrong)| wrong == "it is missing");
        assert!(!missing.is_empty() && missing.iter().all(|(name, _)| gone.contains_key(name)), "{missing:?}");
        assert!(!cut.is_empty());
        for (name, wrong) in cut {
            let length = fs::metadata(&short[&name]).expect("it is there").len();
            assert!(wrong.starts_with(&format!("it has {length} bytes, and was written with ")), "{name} {wrong}");
        }
    });
}
