//! A disk that is full: the commit fails in words, nothing is lost, and it goes on when there is room again.

use std::fs;
use std::path::Path;
use std::process::Command;

use lake::{Lake, LakeError};

use crate::world::{at_folder, latest, numbered, open, skipped, temporary_folder, wait, whole_batches};

/// A small file system of its own, which goes away with it.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path) -> Option<Self> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.0).output());
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    let folder = temporary_folder();
    let Some(_disk) = SmallDisk::mount(folder.path()) else {
        skipped("full_disk::a_full_disk_loses_nothing", "a small file system cannot be mounted here");
        return;
    };
    let place = folder.path().join("lake");
    let ballast = folder.path().join("ballast");
    wait(async {
        let lake = open(&place).await;
        lake.commit(numbered("a", 1)).await.expect("there is room");
        let mut number = 1;
        // Ever less room, so that the disk is full at different steps of a commit.
        for left in [0, 5_000, 15_000, 30_000, 60_000] {
            fill(&ballast, left);
            let refused = loop {
                match lake.commit(numbered("a", number + 1)).await {
                    Ok(_) => number += 1,
                    Err(refused) => break refused,
                }
            };
            let is_clear = matches!(refused, LakeError::Storage { .. } | LakeError::Table { .. });
            assert!(is_clear && format!("{refused:?}").contains("No space left"), "{refused:?}");
            let reader = Lake::open(&at_folder(&place)).await.expect("the lake can be read");
            let all: Vec<i64> = (1..=number).collect();
            assert_eq!(whole_batches(&latest(&reader).await, "a").await, all);

            fs::remove_file(&ballast).expect("it can be removed");
            lake.commit(numbered("a", number + 1)).await.expect("there is room again");
            number += 1;
            let all: Vec<i64> = (1..=number).collect();
            assert_eq!(whole_batches(&latest(&lake).await, "a").await, all);
        }
    });
}

/// Fills the disk but for `left` bytes.
fn fill(ballast: &Path, left: u64) {
    drop(fs::write(ballast, vec![1; 2_000_000]));
    let length = fs::metadata(ballast).expect("it is there").len();
    let file = fs::File::options().write(true).open(ballast).expect("it can be opened");
    file.set_len(length.saturating_sub(left)).expect("it can be cut");
}
