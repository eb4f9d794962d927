//! What is exported can be read by others, and says the same there.

use std::fs;
use std::process::Command;

use lake::tables::metrics;
use lake::{Batch, TableRow, WriteMode};

use crate::tools::python_with;
use crate::world::{digests, generated, hour, latest, numbered, open, skipped, temporary_folder, wait};

/// Reads every exported file by two engines and prints, for each, rows and one sum.
const READ: &str = r#"
import glob, os, sys
import duckdb, polars
folder = sys.argv[1]
for path in sorted(glob.glob(os.path.join(folder, "*.parquet"))):
    name = os.path.basename(path).removesuffix(".parquet")
    frame = polars.read_parquet(path)
    ((count,),) = duckdb.sql(f"SELECT count(*) FROM read_parquet('{path}')").fetchall()
    columns = [name for name, kind in frame.schema.items() if kind == polars.Int64]
    polars_sum = sum(sum(int(cell) for cell in frame[column] if cell is not None) for column in columns)
    duckdb_sum = sum(
        duckdb.sql(f"SELECT coalesce(sum({column}), 0) FROM read_parquet('{path}')").fetchall()[0][0] for column in columns
    )
    print(name, frame.height, count, polars_sum, int(duckdb_sum))
"#;

#[test]
fn polars_and_duckdb_read_the_export() {
    let Some(python) = python_with("polars, duckdb, pyarrow") else {
        skipped("export::polars_and_duckdb_read_the_export", "no Python with polars, duckdb and pyarrow");
        return;
    };
    let (folder, exported) = (temporary_folder(), temporary_folder());
    let mut expected: Vec<String> = wait(async {
        let lake = open(folder.path()).await;
        for number in 1..=2 {
            lake.commit(numbered("a", number)).await.expect("the batch is committed");
        }
        let mut batch = Batch::new("derive", hour(3));
        batch.write(metrics::Row::table(), WriteMode::ReplaceTable, generated(metrics::Row::table(), 50, 1));
        lake.commit(batch).await.expect("the batch is committed");
        let snapshot = latest(&lake).await;
        let tables = snapshot.export(exported.path()).await.expect("it can be exported");
        let mut expected = Vec::new();
        for listed in tables {
            let table = lake::tables::named(&listed.table).expect("it is a table");
            let rows = snapshot.read(table).await.expect("it can be read");
            let sum: i128 = rows.iter().map(sum_of_integers).sum();
            expected.push(format!("{} {} {} {sum} {sum}", listed.table, listed.row_count, listed.row_count));
        }
        expected
    });
    expected.sort();
    let output = Command::new(python).args(["-c", READ]).arg(exported.path()).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    assert_eq!(read, expected);
}

fn sum_of_integers(rows: &arrow::array::RecordBatch) -> i128 {
    let integers =
        rows.columns().iter().filter_map(|column| column.as_any().downcast_ref::<arrow::array::Int64Array>());
    integers.map(|column| column.iter().flatten().map(i128::from).sum::<i128>()).sum()
}

#[test]
fn an_export_lists_its_files_and_repeats_to_the_byte() {
    let (folder, first, second) = (temporary_folder(), temporary_folder(), temporary_folder());
    wait(async {
        let lake = open(folder.path()).await;
        for number in 1..=2 {
            lake.commit(numbered("a", number)).await.expect("the batch is committed");
        }
        let snapshot = latest(&lake).await;
        let exported = snapshot.export(first.path()).await.expect("it can be exported");
        // Once more over what is there, and after the files of the lake were folded.
        snapshot.export(first.path()).await.expect("it can be exported again");
        lake.compact(hour(5)).await.expect("it can be compacted");
        snapshot.export(second.path()).await.expect("it can be exported");
        let compacted = temporary_folder();
        let after = latest(&lake).await.export(compacted.path()).await.expect("it can be exported");
        assert_eq!(exported, after);

        let listing = fs::read_to_string(first.path().join("export.json")).expect("it is listed");
        let listing: serde_json::Value = serde_json::from_str(&listing).expect("it is JSON");
        assert_eq!(listing["lake_version"], 2);
        let digests = digests(&lake, lake::AsOf::Latest).await;
        for (at, table) in exported.iter().enumerate() {
            assert_eq!(table.digest, digests[table.table.as_str()]);
            assert_eq!(listing["tables"][at]["row_count"], table.row_count);
            let file = format!("{}.parquet", table.table);
            let content = fs::read(first.path().join(&file)).expect("it is there");
            assert_eq!(content, fs::read(second.path().join(&file)).expect("it is there"), "{file}");
            assert_eq!(content, fs::read(compacted.path().join(&file)).expect("it is there"), "{file}");
        }
        let files = fs::read_dir(first.path()).expect("it can be read").count();
        assert_eq!(files, exported.len() + 1, "nothing else is left there");
    });
}
