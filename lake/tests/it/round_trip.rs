//! What goes into a table comes out of it.

use arrow::array::RecordBatch;
use lake::{AsOf, Batch, WriteMode, canonical, tables};

use crate::world::{digests, generated, hour, latest, open, temporary_folder, wait};

const ROWS: usize = 40;

#[test]
fn every_table_gives_back_the_rows_it_was_given() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        let mut batch = Batch::new("test", hour(0));
        for (table, seed) in tables::all().into_iter().zip(1..) {
            let rows = table.with_provenance(&generated(table, ROWS, seed), "test", Some("ab12")).expect("rows fit");
            batch.write(table, WriteMode::Upsert, rows);
        }
        lake.commit(batch).await.expect("the batch is committed");
        let snapshot = latest(&lake).await;
        for (table, seed) in tables::all().into_iter().zip(1..) {
            let given = generated(table, ROWS, seed);
            let read = snapshot.read(table).await.expect("the table can be read");
            assert!(read.iter().all(|batch| batch.schema() == table.schema()), "schema of `{}`", table.name);
            let structs: Vec<_> =
                read.iter().map(|batch| table.through_structs(batch).expect("rows are structs")).collect();
            assert_eq!(lines(table, &structs), lines(table, &[given]), "rows of `{}`", table.name);
        }
    });
}

#[test]
fn a_second_version_of_every_row_takes_the_place_of_the_first() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        for seed in [1, 2, 2] {
            let mut batch = Batch::new("test", hour(0));
            for table in tables::all() {
                let rows = with_first_keys(table, &generated(table, ROWS, seed));
                let rows = table.with_provenance(&rows, "test", None).expect("rows fit");
                batch.write(table, WriteMode::Upsert, rows);
            }
            lake.commit(batch).await.expect("the batch is committed");
        }
        let snapshot = latest(&lake).await;
        for table in tables::all() {
            let read = snapshot.read(table).await.expect("it can be read");
            assert_eq!(
                read.iter().map(RecordBatch::num_rows).sum::<usize>(),
                ROWS,
                "keys of `{}` stand once",
                table.name
            );
        }
        let second = lake.version_at(AsOf::Version(2)).await.expect("it is there").expect("the lake is not empty");
        let third = lake.version_at(AsOf::Version(3)).await.expect("it is there").expect("the lake is not empty");
        assert_eq!(second.tables, third.tables, "the same rows again are no new version of any table");
        assert_eq!(digests(&lake, AsOf::Version(2)).await, digests(&lake, AsOf::Version(3)).await);
    });
}

/// The same rows under the keys of seed 1.
fn with_first_keys(table: &lake::Table, rows: &RecordBatch) -> RecordBatch {
    let first = generated(table, ROWS, 1);
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, column)| {
        let is_key = table.key.contains(&field.name().as_str());
        if is_key { first.column_by_name(field.name()).expect("both have it").clone() } else { column.clone() }
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).expect("columns stay as they were")
}

fn lines(table: &lake::Table, rows: &[RecordBatch]) -> Vec<String> {
    canonical::lines(table, rows).expect("rows have a canonical form")
}
