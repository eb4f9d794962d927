//! What an older release wrote reads as the contract says today, and the next write brings it up to date.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use lake::tables::{commits, rollouts};
use lake::{AsOf, Lake, TableRow, WriteMode};
use serde_json::{Value, json};

use crate::damage::{edit, file_named, with_a_pending_batch};
use crate::faults::open_with;
use crate::world::{
    a_commit, at_folder, copy, digests, hour, latest, numbered, open, put, stored, temporary_folder, wait,
    whole_batches,
};

/// The table as a release would have written it whose schema `change` makes of today's.
fn written_earlier(lake: &Path, table: &str, change: impl Fn(&mut Vec<Value>)) {
    let log = lake.join(format!("tables/{table}/_delta_log/00000000000000000000.json"));
    edit(&log, |text| {
        let lines = text.lines().map(|line| {
            let mut action: Value = serde_json::from_str(line).expect("a log holds JSON");
            if let Some(metadata) = action.get_mut("metaData") {
                let mut schema: Value =
                    serde_json::from_str(metadata["schemaString"].as_str().expect("it is text")).expect("it is JSON");
                change(schema["fields"].as_array_mut().expect("a schema has fields"));
                metadata["schemaString"] = json!(schema.to_string());
                metadata["configuration"]["doracle.schemaVersion"] = json!("0");
            }
            action.to_string()
        });
        lines.collect::<Vec<_>>().join("\n") + "\n"
    });
}

fn without(column: &str) -> impl Fn(&mut Vec<Value>) {
    move |fields| fields.retain(|field| field["name"] != column)
}

/// Commits of a batch, as a release knew them that had no `patch_id` yet.
fn before_patch_ids(stream: &str, number: i64) -> Vec<commits::Row> {
    (0..3).map(|at| commits::Row { patch_id: None, ..a_commit(stream, number, at) }).collect()
}

#[test]
fn a_column_that_came_later_is_null_and_is_there_after_the_next_write() {
    let (older, fresh) = (temporary_folder(), temporary_folder());
    wait(async {
        let lake = open(older.path()).await;
        lake.commit(numbered("a", 1)).await.expect("the batch is committed");
        written_earlier(older.path(), "commits", without("patch_id"));

        // A process that knows nothing of what the other remembers.
        let lake_again = open(older.path()).await;
        let read: Vec<commits::Row> = latest(&lake_again).await.rows().await.expect("they can be read");
        assert_eq!(read, before_patch_ids("a", 1));
        let context = latest(&lake_again).await.context(None).await.expect("every table can be read");
        let asked = context.sql("SELECT subject FROM commits WHERE patch_id IS NULL").await.expect("it is there");
        assert_eq!(asked.count().await.expect("it is answered"), 3);

        // A known row again, changed, and a new batch.
        let changed = commits::Row { subject: "zzz changed".into(), ..a_commit("a", 1, 0) };
        put(&lake_again, "a", WriteMode::Upsert, vec![changed.clone()]).await;
        lake_again.commit(numbered("a", 2)).await.expect("the batch is committed");
        let log = fs::read_dir(older.path().join("tables/commits/_delta_log")).expect("it can be read");
        let noted = log.map(|entry| fs::read_to_string(entry.expect("it can be read").path()).unwrap_or_default());
        let today = format!("\"doracle.schemaVersion\":\"{}\"", commits::Row::table().version);
        assert!(noted.into_iter().any(|text| text.contains(&today)), "the version of the schema is noted");

        let other = open(fresh.path()).await;
        let mut first = before_patch_ids("a", 1);
        first[0] = changed;
        put(&other, "a", WriteMode::Upsert, first).await;
        put(&other, "a", WriteMode::Upsert, (0..3).map(|at| a_commit("a", 2, at)).collect()).await;
        let (brought, written) = (digests(&lake_again, AsOf::Latest).await, digests(&other, AsOf::Latest).await);
        assert_eq!(brought["commits"], written["commits"]);
        assert_eq!(whole_batches(&latest(&lake_again).await, "a").await, [1, 2]);

        // Earlier versions still read.
        let earlier = lake_again.snapshot(AsOf::Version(1)).await.expect("it is there");
        let earlier: Vec<commits::Row> = earlier.rows().await.expect("they can be read");
        assert_eq!(earlier, before_patch_ids("a", 1));
    });
}

#[test]
fn a_column_that_came_to_be_nullable_takes_nulls() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        put(&lake, "a", WriteMode::Upsert, vec![commits::Row { patch_id: Some("p".into()), ..a_commit("a", 1, 0) }])
            .await;
        written_earlier(folder.path(), "commits", |fields| {
            let column = fields.iter_mut().find(|field| field["name"] == "patch_id").expect("it is a column");
            column["nullable"] = json!(false);
        });
        let lake = open(folder.path()).await;
        put(&lake, "a", WriteMode::Upsert, vec![a_commit("a", 2, 1)]).await;
        let read: Vec<commits::Row> = latest(&lake).await.rows().await.expect("they can be read");
        assert_eq!(read.iter().map(|row| row.patch_id.as_deref()).collect::<Vec<_>>(), [Some("p"), None]);
    });
}

fn a_rollout(id: &str) -> rollouts::Row {
    let generated = crate::world::generated(rollouts::Row::table(), 1, 5);
    let row = rollouts::Row::rows(&generated).expect("rows are structs").remove(0);
    rollouts::Row { rollout_id: id.to_owned(), ..row }
}

#[test]
fn what_was_derived_without_a_column_counts_as_not_derived_yet() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        let derived = |id: &str, hours| {
            let mut batch = lake::Batch::new("derive", hour(hours));
            batch.write(rollouts::Row::table(), WriteMode::ReplaceTable, stored("derive", vec![a_rollout(id)]));
            batch
        };
        lake.commit(derived("before", 0)).await.expect("it is committed");
        written_earlier(folder.path(), "rollouts", without("is_partial"));
        let lake = open(folder.path()).await;
        let read: Vec<rollouts::Row> = latest(&lake).await.rows().await.expect("they can be read");
        assert!(read.is_empty(), "{read:?}");
        latest(&lake).await.context(None).await.expect("every table can be read");
        lake.commit(derived("after", 1)).await.expect("it is committed");
        let read: Vec<rollouts::Row> = latest(&lake).await.rows().await.expect("they can be read");
        assert_eq!(read, [a_rollout("after")]);
    });
}

#[test]
fn events_without_something_that_must_be_there_are_refused_and_left_alone() {
    let folder = temporary_folder();
    wait(async {
        open(folder.path()).await.commit(numbered("a", 1)).await.expect("the batch is committed");
        written_earlier(folder.path(), "commits", without("subject"));
        let before = fs::read_dir(folder.path().join("tables/commits/_delta_log")).expect("it can be read").count();
        let lake = open(folder.path()).await;
        let told = format!(
            "table `commits` was written in version 0 and cannot be read as version {}: column `subject` was not recorded",
            commits::Row::table().version
        );
        let read = latest(&lake).await.rows::<commits::Row>().await.expect_err("it cannot be read");
        assert_eq!((read.to_string(), read.code()), (told.clone(), "lake::older"));
        let written = lake.commit(numbered("a", 2)).await.expect_err("it cannot be written");
        assert_eq!(written.to_string(), told);
        let after = fs::read_dir(folder.path().join("tables/commits/_delta_log")).expect("it can be read").count();
        assert_eq!(before, after);
    });
}

#[test]
fn rows_that_an_older_release_staged_are_brought_in() {
    let folder = temporary_folder();
    wait(async {
        with_a_pending_batch(folder.path()).await;
        let staged = file_named(&folder.path().join("pending"), "commits.arrow");
        let reader = FileReader::try_new(File::open(&staged).expect("it can be read"), None).expect("it is Arrow");
        let kept: Vec<usize> =
            (0..reader.schema().fields().len()).filter(|at| reader.schema().field(*at).name() != "patch_id").collect();
        let rows: Vec<_> =
            reader.map(|batch| batch.expect("it can be read").project(&kept).expect("the columns are there")).collect();
        let mut writer = FileWriter::try_new(File::create(&staged).expect("it can be written"), &rows[0].schema())
            .expect("it can be written");
        for batch in &rows {
            writer.write(batch).expect("it can be written");
        }
        writer.finish().expect("it can be written");
        let lake = open(folder.path()).await;
        assert_eq!(whole_batches(&latest(&lake).await, "a").await, [1, 2]);
        let read: Vec<commits::Row> = latest(&lake).await.rows().await.expect("they can be read");
        assert_eq!(read[3..], before_patch_ids("a", 2));
    });
}

#[test]
fn whoever_is_cut_off_while_bringing_a_table_up_to_date_loses_nothing() {
    let made = temporary_folder();
    wait(async {
        open(made.path()).await.commit(numbered("a", 1)).await.expect("the batch is committed");
        written_earlier(made.path(), "commits", without("patch_id"));
        let expected = {
            let folder = temporary_folder();
            copy(made.path(), folder.path());
            let lake = open(folder.path()).await;
            lake.commit(numbered("a", 2)).await.expect("the batch is committed");
            digests(&lake, AsOf::Latest).await
        };
        let mut point = 0;
        loop {
            let folder = temporary_folder();
            copy(made.path(), folder.path());
            let changes = Arc::new(AtomicUsize::new(0));
            let counted = changes.clone();
            let rule = Arc::new(move |_: &str| counted.fetch_add(1, Ordering::SeqCst) < point);
            let cut = match open_with(&at_folder(folder.path()), rule).await {
                Ok(lake) => lake.commit(numbered("a", 2)).await.map(|_| ()),
                Err(error) => Err(error),
            };
            let whole: Lake = open(folder.path()).await;
            let batches = whole_batches(&latest(&whole).await, "a").await;
            if batches == [1] {
                whole.commit(numbered("a", 2)).await.expect("the batch is committed");
            }
            assert_eq!(digests(&whole, AsOf::Latest).await, expected, "cut off before change {point}");
            if cut.is_ok() {
                assert!(point > 6, "a commit of three tables changes more than {point} files");
                return;
            }
            point += 1;
        }
    });
}
