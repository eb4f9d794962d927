//! Earlier versions can be read: by number and by time, after compaction, and after vacuum where they are kept.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::TimeDelta;
use lake::tables::commit_paths::Row;
use lake::{AsOf, Batch, Lake, LakeError, TableRow, WriteMode};

use crate::faults::open_with;
use crate::world::{
    at_folder, digests, hour, latest, much_later, numbered, open, stored, temporary_folder, wait, whole_batches,
};

async fn add_path(lake: &Lake, number: i64) {
    let row = Row {
        repository: "api".into(),
        commit_sha: "c0ffee".into(),
        path: format!("src/{number:04}"),
        path_change: "added".into(),
    };
    let mut batch = Batch::new("git:api", hour(number));
    batch.write(Row::table(), WriteMode::Upsert, stored("git:api", vec![row]));
    lake.commit(batch).await.expect("the batch is committed");
}

async fn paths_at(lake: &Lake, at: AsOf) -> Result<usize, LakeError> {
    let rows: Vec<Row> = lake.snapshot(at).await?.rows().await?;
    let paths: BTreeSet<_> = rows.iter().map(|row| &row.path).collect();
    assert_eq!(paths.len(), rows.len());
    Ok(rows.len())
}

fn data_files(folder: &Path, table: &str) -> usize {
    let files = std::fs::read_dir(folder.join("tables").join(table)).expect("the table is there");
    files
        .filter(|file| file.as_ref().is_ok_and(|file| file.path().extension().is_some_and(|it| it == "parquet")))
        .count()
}

#[test]
fn a_version_is_found_by_number_and_by_time() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        assert_eq!(paths_at(&lake, AsOf::Latest).await.expect("an empty lake has empty tables"), 0);
        assert_eq!(latest(&lake).await.number(), 0);
        for number in 1..=3 {
            add_path(&lake, number).await;
        }
        let before = latest(&lake).await;
        add_path(&lake, 4).await;
        let rows: Vec<Row> = before.rows().await.expect("a snapshot stays what it was");
        assert_eq!((before.number(), rows.len()), (3, 3));
        assert_eq!(paths_at(&lake, AsOf::Version(2)).await.expect("it is there"), 2);
        assert_eq!(paths_at(&lake, AsOf::Time(hour(3))).await.expect("it is there"), 3);
        assert_eq!(paths_at(&lake, AsOf::Time(much_later())).await.expect("it is there"), 4);
        for asked in [AsOf::Version(5), AsOf::Version(0), AsOf::Time(hour(0))] {
            let refused = paths_at(&lake, asked).await.expect_err("there is no such version");
            assert!(matches!(refused, LakeError::NoVersion { .. }));
            assert_eq!(refused.to_string(), format!("the lake has no version for `{asked}`"));
        }
    });
}

#[test]
fn a_time_never_shows_what_became_visible_later() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        lake.commit(numbered("a", 1)).await.expect("the batch is committed");
        let staged_only = std::sync::Arc::new(|path: &str| !path.starts_with("tables/"));
        let broken = open_with(&at_folder(folder.path()), staged_only).await.expect("nothing is pending");
        broken.commit(numbered("b", 2)).await.expect_err("no table can be written");
        // The batch of hour 2 becomes visible together with that of hour 5.
        lake.commit(numbered("a", 5)).await.expect("the batch is committed");
        let at = lake.snapshot(AsOf::Time(hour(1))).await.expect("it is there");
        assert_eq!(whole_batches(&at, "a").await, [1]);
        let rows: Vec<lake::VersionRow> = lake.versions().await.expect("versions");
        let seen: Vec<_> = rows.iter().map(|row| (row.version, row.stream.as_str(), row.batch)).collect();
        assert_eq!(seen, [(1, "a", 1), (2, "b", 1), (3, "a", 2)]);
        assert_eq!(whole_batches(&latest(&lake).await, "a").await, [1, 5]);
        assert_eq!(whole_batches(&latest(&lake).await, "b").await, [2]);
    });
}

#[test]
fn many_small_batches_are_folded_and_vacuum_keeps_what_is_pinned() {
    const BATCHES: i64 = 34;
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        for number in 1..=BATCHES {
            add_path(&lake, number).await;
        }
        let nothing = lake.vacuum(hour(0), TimeDelta::zero(), &BTreeSet::new()).await.expect("nothing is so old");
        assert_eq!(nothing.files_removed, 0);
        assert!(nothing.files_before < 10, "{nothing:?}: the newest version reads few files");
        assert!(data_files(folder.path(), "commit_paths") > 32);
        assert!(data_files(folder.path(), "lake_versions") > 34);
        for version in [1, 20, 31, 32, 33, 34] {
            let paths = paths_at(&lake, AsOf::Version(version)).await.expect("it is there");
            assert_eq!(paths, usize::try_from(version).expect("it is small"));
        }
        let newest = digests(&lake, AsOf::Latest).await;

        let compacted = lake.compact(hour(100)).await.expect("it can be compacted");
        assert_eq!(compacted.files_after, 1, "{compacted:?}");
        let again = lake.compact(hour(101)).await.expect("it can be compacted");
        assert_eq!(again.versions_kept, compacted.versions_kept, "there was nothing to do");
        assert_eq!(digests(&lake, AsOf::Latest).await, newest);
        assert_eq!(lake.cursor("git:api").await.expect("it can be read"), None);

        let pinned = BTreeSet::from([5, 20]);
        let swept = lake.vacuum(much_later(), TimeDelta::zero(), &pinned).await.expect("old files can be removed");
        assert!(swept.files_removed >= 12, "{swept:?}");
        assert_eq!(swept.versions_kept, 3);
        assert!(data_files(folder.path(), "commit_paths") < 25);
        assert!(data_files(folder.path(), "lake_versions") < 17);
        assert_eq!(digests(&lake, AsOf::Latest).await, newest);
        assert_eq!(paths_at(&lake, AsOf::Version(5)).await.expect("it is pinned"), 5);
        assert_eq!(paths_at(&lake, AsOf::Version(20)).await.expect("it is pinned"), 20);
        paths_at(&lake, AsOf::Version(31)).await.expect_err("its files are gone");
        add_path(&lake, 99).await;
        assert_eq!(paths_at(&lake, AsOf::Latest).await.expect("it is there"), 35);
    });
}

#[test]
fn versions_within_the_retention_are_kept() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        for number in 1..=4 {
            lake.commit(numbered("a", number)).await.expect("the batch is committed");
        }
        lake.compact(hour(4)).await.expect("it can be compacted");
        // Two hours and a half back from hour five: version 2 was the newest until hour 3.
        let swept = lake.vacuum(hour(5), TimeDelta::minutes(150), &BTreeSet::new()).await.expect("it can be swept");
        assert_eq!(swept.versions_kept, 4);
        for version in 2..=5 {
            let snapshot = lake.snapshot(AsOf::Version(version)).await.expect("it is there");
            assert_eq!(whole_batches(&snapshot, "a").await.len(), usize::try_from(version.min(4)).expect("small"));
        }
    });
}
