//! Writers that are killed: what they acknowledged is there once, and no version holds half a batch.

use std::path::Path;
use std::time::{Duration, Instant};

use lake::{AsOf, Lake, LakeError};

use crate::worker::Worker;
use crate::world::{
    Dice, at_folder, brought_by_every_batch, copy, digests, latest, numbered, open, temporary_folder, wait,
    whole_batches,
};

/// How often a writer of each lake is killed: one lake long enough for checkpoints and compaction, the others short.
const KILLS: [usize; 6] = [17, 7, 7, 7, 7, 7];

#[test]
fn fifty_two_kills_lose_nothing_that_was_acknowledged_and_double_nothing() {
    let mut dice = Dice(20_260_105);
    let mut between = 0;
    let undisturbed = temporary_folder();
    for kills in KILLS {
        let folder = temporary_folder();
        let mut seen = 0;
        for _ in 0..kills {
            let mut worker = Worker::start(folder.path(), "stream", i64::MAX, None);
            let count = usize::try_from(dice.below(2)).expect("it is small");
            worker.listen(count, Duration::from_micros(dice.below(300_000)));
            worker.kill();
            between += usize::from(is_between_commits(folder.path()));
            let acknowledged = worker.acknowledged.max(seen);
            seen = wait(seen_without_replay(folder.path()));
            assert!(seen >= acknowledged, "batch {acknowledged} was acknowledged, {seen} are there");
        }
        wait(equals_an_undisturbed_lake(folder.path(), undisturbed.path(), seen));
    }
    assert!(between >= 5, "only {between} kills hit a batch of which some tables had their rows and others had not");
}

async fn equals_an_undisturbed_lake(folder: &Path, undisturbed: &Path, acknowledged: i64) {
    let lake = open(folder).await;
    let batches = whole_batches(&latest(&lake).await, "stream").await;
    let last = *batches.last().expect("workers commit something");
    assert_eq!(batches, (1..=last).collect::<Vec<_>>());
    assert!(last >= acknowledged);
    // One lake serves for all: the batches are the same, and it can be read as it was after any of them.
    let other = open(undisturbed).await;
    for number in 1 + seen_without_replay(undisturbed).await..=last {
        other.commit(numbered("stream", number)).await.expect("nobody disturbs");
    }
    let then = AsOf::Version(last.cast_unsigned());
    assert_eq!(digests(&lake, AsOf::Latest).await, digests(&other, then).await);
    assert_eq!(brought_by_every_batch(&latest(&lake).await).await, [format!("revision {last}")]);
    // Every version there ever was holds whole batches.
    for number in (1..=latest(&lake).await.number()).step_by(7) {
        let version = lake.snapshot(AsOf::Version(number)).await.expect("no version is missing");
        whole_batches(&version, "stream").await;
    }
}

/// Whether a batch is pending whose rows are in some table: a kill between, or inside, the commits of two tables.
fn is_between_commits(folder: &Path) -> bool {
    let manifest = walk(&folder.join("pending")).into_iter().find(|name| name.ends_with("manifest.json"));
    let newest = |table: &str| walk(&folder.join("tables").join(table).join("_delta_log")).len();
    // One log entry makes a table, and each batch adds one; fewer in `coverage`, the last, than in the first.
    manifest.is_some() && newest("coverage") < newest("commits")
}

fn walk(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names = Vec::new();
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            names.extend(walk(&entry.path()));
        } else {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names
}

/// The batches that a reader sees, who finishes nothing.
async fn seen_without_replay(folder: &Path) -> i64 {
    match Lake::open(&at_folder(folder)).await {
        Ok(lake) => {
            let batches = whole_batches(&latest(&lake).await, "stream").await;
            let last = batches.last().copied().unwrap_or_default();
            assert_eq!(batches, (1..=last).collect::<Vec<_>>());
            last
        }
        Err(LakeError::Missing { .. }) => 0,
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn a_first_batch_can_be_cut_off_at_every_change_of_the_store() {
    let empty = temporary_folder();
    cut_off_everywhere(empty.path(), 1);
}

#[test]
fn a_batch_can_be_cut_off_at_every_change_of_the_store() {
    let one = temporary_folder();
    wait(async { open(one.path()).await.commit(numbered("stream", 1)).await.expect("nobody disturbs") });
    cut_off_everywhere(one.path(), 2);
}

/// Commits batch `number` to copies of a lake by workers that abort at their first change of the store, at their
/// second, and so on, until one comes through. Each copy is then finished, by a worker that is cut off as well.
fn cut_off_everywhere(template: &Path, number: i64) {
    let before: Vec<i64> = (1..number).collect();
    let with: Vec<i64> = (1..=number).collect();
    let mut expected = None;
    let mut finished_by_others = 0;
    let started = Instant::now();
    for abort_at in 1.. {
        assert!(abort_at < 200, "a batch takes no 200 changes");
        let folder = temporary_folder();
        copy(template, folder.path());
        let mut worker = Worker::start(folder.path(), "stream", number, Some(abort_at));
        let came_through = worker.finish();
        let seen = wait(seen_without_replay(folder.path()));
        assert!(seen >= worker.acknowledged);
        let is_pending = walk(&folder.path().join("pending")).contains(&"manifest.json".to_owned());
        if is_pending {
            // The next one is cut off while it finishes what it found.
            Worker::start(folder.path(), "stream", 0, Some(1 + abort_at % 7)).finish();
        }
        wait(async {
            let lake = open(folder.path()).await;
            let found = whole_batches(&latest(&lake).await, "stream").await;
            assert_eq!(
                found == with,
                is_pending || seen == number,
                "a batch with a manifest is finished, at {abort_at}"
            );
            assert!(found == with || found == before, "{found:?} at {abort_at}");
            if found == before {
                lake.commit(numbered("stream", number)).await.expect("nobody disturbs");
            }
            finished_by_others += usize::from(seen < number && found == with);
            let digests = digests(&lake, AsOf::Latest).await;
            assert_eq!(&digests, expected.get_or_insert_with(|| digests.clone()), "at {abort_at}");
            assert_eq!(whole_batches(&latest(&lake).await, "stream").await, with);
            assert_eq!(lake.versions().await.expect("versions").len(), with.len());
            assert!(!folder.path().join("pending/stream-").exists());
        });
        if came_through {
            assert!(finished_by_others >= 6, "only {finished_by_others} batches were left to others");
            return;
        }
        assert!(started.elapsed() < Duration::from_mins(5), "this takes too long");
    }
}
