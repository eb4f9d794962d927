//! A damaged batch can be set aside: nothing of it is thrown away, and writers go on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use lake::{AsOf, Lake};

use crate::damage::{cut, file_named, with_a_pending_batch};
use crate::faults::open_with;
use crate::world::{at_folder, digests, latest, much_later, numbered, open, temporary_folder, wait, whole_batches};

/// Every file below a folder with its content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.expect("it can be read").path();
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(below, content)| (format!("{name}/{below}"), content)));
        } else {
            found.insert(name, fs::read(&path).expect("it can be read"));
        }
    }
    found
}

async fn opened(folder: &Path) -> Lake {
    Lake::open(&at_folder(folder)).await.expect("it can be read")
}

#[test]
fn damaged_rows_are_set_aside_as_they_are() {
    let folder = temporary_folder();
    wait(async {
        with_a_pending_batch(folder.path()).await;
        cut(&file_named(&folder.path().join("pending"), "deployments.arrow"));
        let pending = files(&folder.path().join("pending"));
        assert!(pending.len() > 3, "{:?}", pending.keys());
        Lake::open_or_create(&at_folder(folder.path())).await.expect_err("writers stop");

        let lake = opened(folder.path()).await;
        let told = lake.damaged_batches().await.expect("it can be looked at");
        assert_eq!(files(&folder.path().join("pending")), pending, "looking moves nothing");
        let set_aside = lake.set_aside_damaged().await.expect("it can be set aside");
        assert_eq!(set_aside, told);
        let [batch] = set_aside.as_slice() else { panic!("{set_aside:?}") };
        assert_eq!((batch.stream.as_deref(), batch.tables.as_slice()), (Some("a"), [].as_slice()));
        assert!(batch.reason.contains("deployments.arrow` cannot be read back: "), "{}", batch.reason);
        assert!(folder.path().join(&batch.kept).join("manifest.json").is_file());
        assert_eq!(files(&folder.path().join("aside")), pending);
        assert!(files(&folder.path().join("pending")).is_empty());
        assert_eq!(lake.set_aside_damaged().await.expect("nothing is left to do"), []);

        // Nothing of the lake but the batch is gone, and the next one comes in under a number of its own.
        assert_eq!(whole_batches(&latest(&lake).await, "a").await, [1]);
        let lake = open(folder.path()).await;
        assert_eq!(lake.cursor("a").await.expect("it can be read").as_deref(), Some("1"));
        assert_eq!(lake.commit(numbered("a", 2)).await.expect("writers go on").batch, 3);
        assert_eq!(whole_batches(&latest(&lake).await, "a").await, [1, 2]);
        let kept = files(&folder.path().join("aside"));
        lake.vacuum(much_later(), TimeDelta::zero(), &[].into()).await.expect("it can be swept");
        assert_eq!(files(&folder.path().join("aside")), kept, "sweeping leaves it alone");
    });
}

/// A table that took rows of a batch remembers its number. Would that number be given out again, the table would take
/// the rows of the next batch for those it has.
#[test]
fn a_batch_that_some_tables_took_is_read_again_whole() {
    for manifest_too in [false, true] {
        let (folder, undisturbed) = (temporary_folder(), temporary_folder());
        wait(async {
            open(folder.path()).await.commit(numbered("a", 1)).await.expect("the batch is committed");
            let without_deployments = Arc::new(|path: &str| !path.starts_with("tables/deployments"));
            let broken = open_with(&at_folder(folder.path()), without_deployments).await.expect("nothing is pending");
            broken.commit(numbered("a", 2)).await.expect_err("one table cannot be written");
            let pending = folder.path().join("pending");
            cut(&file_named(&pending, "deployments.arrow"));
            if manifest_too {
                cut(&file_named(&pending, "manifest.json"));
            }
            let set_aside = opened(folder.path()).await.set_aside_damaged().await.expect("it can be set aside");
            let [batch] = set_aside.as_slice() else { panic!("{set_aside:?}") };
            // The stream is known from the manifest, or from the batch before.
            assert_eq!((batch.stream.as_deref(), batch.tables.as_slice()), (Some("a"), ["commits".into()].as_slice()));

            let lake = open(folder.path()).await;
            lake.vacuum(much_later(), TimeDelta::zero(), &[].into()).await.expect("it can be swept");
            assert_eq!(whole_batches(&latest(&lake).await, "a").await, [1], "half of it is in no version");
            assert_eq!(lake.commit(numbered("a", 2)).await.expect("writers go on").batch, 3);
            assert_eq!(whole_batches(&latest(&lake).await, "a").await, [1, 2]);
            let other = open(undisturbed.path()).await;
            for number in 1..=2 {
                other.commit(numbered("a", number)).await.expect("nobody disturbs");
            }
            assert_eq!(digests(&lake, AsOf::Latest).await, digests(&other, AsOf::Latest).await);
        });
    }
}

#[test]
fn batches_that_are_whole_are_left_to_the_next_writer() {
    let folder = temporary_folder();
    wait(async {
        with_a_pending_batch(folder.path()).await;
        let staged_only = Arc::new(|path: &str| !path.starts_with("tables/"));
        let hidden = folder.path().join("hidden");
        fs::rename(folder.path().join("pending"), &hidden).expect("it can be moved");
        let broken = open_with(&at_folder(folder.path()), staged_only).await.expect("nothing is pending");
        broken.commit(numbered("b", 1)).await.expect_err("no table can be written");
        for entry in fs::read_dir(&hidden).expect("it can be read") {
            let entry = entry.expect("it can be read");
            fs::rename(entry.path(), folder.path().join("pending").join(entry.file_name())).expect("it can be moved");
        }
        assert_eq!(opened(folder.path()).await.set_aside_damaged().await.expect("nothing is damaged"), []);
        let of_a = files(&folder.path().join("pending")).into_keys().find(|name| name.starts_with("a-"));
        let of_a = folder.path().join("pending").join(of_a.expect("it is pending"));
        cut(&file_named(of_a.parent().expect("it is in a folder"), "manifest.json"));
        let set_aside = opened(folder.path()).await.set_aside_damaged().await.expect("one is damaged");
        assert_eq!(set_aside.iter().map(|batch| batch.stream.as_deref()).collect::<Vec<_>>(), [Some("a")]);

        let lake = open(folder.path()).await;
        assert_eq!(whole_batches(&latest(&lake).await, "a").await, [1]);
        assert_eq!(whole_batches(&latest(&lake).await, "b").await, [1], "the whole one was finished");
    });
}

/// A process that was killed after its batch had become visible leaves files that nobody needs any more.
#[test]
fn a_batch_that_is_visible_is_not_damaged() {
    let folder = temporary_folder();
    wait(async {
        let no_deletion = Arc::new(|path: &str| !path.starts_with("batches/"));
        let broken = open_with(&at_folder(folder.path()), no_deletion).await.expect("nothing is pending");
        broken.commit(numbered("a", 1)).await.expect_err("it cannot be tidied up");
        cut(&file_named(&folder.path().join("pending"), "deployments.arrow"));
        assert_eq!(whole_batches(&latest(&opened(folder.path()).await).await, "a").await, [1]);
        assert_eq!(opened(folder.path()).await.set_aside_damaged().await.expect("nothing is to be done"), []);
        let lake = open(folder.path()).await;
        assert!(files(&folder.path().join("pending")).is_empty());
        assert_eq!(lake.commit(numbered("a", 2)).await.expect("writers go on").batch, 2);
    });
}
