//! Two writers at once: nothing is lost, nothing stands twice, and no version shows half of either's batch.

use lake::{AsOf, Lake};

use crate::worker::Worker;
use crate::world::{brought_by_every_batch, digests, latest, numbered, open, temporary_folder, wait, whole_batches};

const BATCHES: i64 = 3;

/// Checks a lake into which streams `a` and `b` have brought so many batches each.
pub(crate) async fn holds_both(lake: &Lake, count: i64) {
    let all: Vec<i64> = (1..=count).collect();
    let newest = latest(lake).await;
    assert_eq!(newest.number(), 2 * all.len() as u64);
    for version in 1..=newest.number() {
        let snapshot = lake.snapshot(AsOf::Version(version)).await.expect("no version is missing");
        for stream in ["a", "b"] {
            let batches = whole_batches(&snapshot, stream).await;
            assert_eq!(batches, all[..batches.len()], "of `{stream}` in version {version}");
        }
    }
    assert_eq!(whole_batches(&newest, "a").await, all);
    assert_eq!(whole_batches(&newest, "b").await, all);
    assert_eq!(brought_by_every_batch(&newest).await, [format!("revision {count}")]);
}

/// A lake into which the same batches were brought one after another.
pub(crate) async fn one_after_another(folder: &tempfile::TempDir, count: i64) -> Lake {
    let lake = open(folder.path()).await;
    for stream in ["b", "a"] {
        for number in 1..=count {
            lake.commit(numbered(stream, number)).await.expect("nobody disturbs");
        }
    }
    lake
}

#[test]
fn two_processes_write_one_folder() {
    let (folder, calm) = (temporary_folder(), temporary_folder());
    let mut workers = ["a", "b"].map(|stream| Worker::start(folder.path(), stream, BATCHES, None));
    for worker in &mut workers {
        assert!(worker.finish(), "a writer failed");
        assert_eq!(worker.acknowledged, BATCHES);
    }
    wait(async {
        let lake = open(folder.path()).await;
        holds_both(&lake, BATCHES).await;
        let calm = one_after_another(&calm, BATCHES).await;
        assert_eq!(digests(&lake, AsOf::Latest).await, digests(&calm, AsOf::Latest).await);
    });
}

#[test]
fn two_processes_write_one_stream() {
    let folder = temporary_folder();
    let mut workers = [0, 1].map(|_| Worker::start(folder.path(), "a", BATCHES, None));
    for worker in &mut workers {
        assert!(worker.finish(), "a writer failed");
        assert_eq!(worker.acknowledged, BATCHES);
    }
    wait(async {
        let lake = open(folder.path()).await;
        assert_eq!(whole_batches(&latest(&lake).await, "a").await, (1..=BATCHES).collect::<Vec<_>>());
        let numbers: Vec<u64> = lake.versions().await.expect("versions").iter().map(|row| row.batch).collect();
        let mut once = numbers.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), numbers.len(), "a number was given twice");
    });
}

#[test]
fn tasks_of_one_process_write_one_folder() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        // One shares what the process knows of the lake, the other has opened it anew.
        let other = open(folder.path()).await;
        let writing = |lake: Lake, stream: &'static str| {
            tokio::spawn(async move {
                for number in 1..=BATCHES {
                    lake.commit(numbered(stream, number)).await.expect("the batch is committed");
                }
            })
        };
        let writers = [writing(lake.clone(), "a"), writing(other, "b")];
        for writer in writers {
            writer.await.expect("no writer panics");
        }
        holds_both(&lake, BATCHES).await;
    });
}
