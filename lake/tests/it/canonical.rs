//! One byte form for the same rows, however they came and lie.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use lake::tables::{commit_paths, commits, deployments, metrics};
use lake::{AsOf, Batch, Lake, Table, TableRow, WriteMode, canonical, tables};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use crate::world::{
    Dice, a_deployment, digests, generated, hour, latest, numbered, open, stored, temporary_folder, wait,
};

fn digest(table: &Table, batches: &[RecordBatch]) -> String {
    canonical::digest(table, batches).expect("the rows have a canonical form")
}

#[test]
fn a_row_is_sorted_json_without_where_it_came_from() {
    let rows = stored("a", vec![a_deployment("api/1", 1, 2)]);
    let lines = canonical::lines(deployments::Row::table(), &[rows]).expect("it has a canonical form");
    insta::assert_snapshot!(lines.join("\n"), @r#"{"actor_id":null,"attempt":1,"deployment_id":"api/1","environment":null,"evidence":"deployment_status","finished_at":null,"intent":null,"reached_users":null,"revisions":["api@1"],"service":"api","started_at":"2026-01-01T01:00:00.000000Z","status":"revision 1","target":"","updated_at":"2026-01-01T02:00:00.000000Z"}"#);
}

#[test]
fn a_digest_does_not_hang_on_order_pieces_repetition_or_encoding() {
    for (table, seed) in tables::all().into_iter().zip(1..) {
        let rows = generated(table, 12, seed);
        let wanted = digest(table, std::slice::from_ref(&rows));
        assert_eq!(wanted, digest(table, &[rows.slice(5, 7), rows.slice(0, 5), rows.slice(3, 4)]));
        assert_eq!(wanted, digest(table, &[otherwise_encoded(&rows)]), "encoding of `{}`", table.name);
        let first = table.with_provenance(&rows, "a", None).expect("the rows fit");
        let second = table.with_provenance(&rows, "b", Some("0123")).expect("the rows fit");
        assert_eq!(wanted, digest(table, &[first, second]), "provenance of `{}`", table.name);
        assert_ne!(wanted, digest(table, &[rows.slice(0, 11)]));
    }
}

/// Keys that a sort by value would put in another order than a sort by text, and texts that JSON escapes. The lines and
/// their hash were written by another program.
#[test]
fn lines_and_digest_are_those_that_another_program_writes() {
    let row = |repository: &str, commit_sha: &str, path: &str, path_change: &str| commit_paths::Row {
        repository: repository.to_owned(),
        commit_sha: commit_sha.to_owned(),
        path: path.to_owned(),
        path_change: path_change.to_owned(),
    };
    let rows = commit_paths::Row::batch(vec![
        row("a", "1", "x\"y", "added"),
        row("a", "1", "x", "modified"),
        row("a", "1", "x!", "deleted"),
        row("a", "1", "x\\", "added"),
        row("a!", "1", "zwölf\n\t\u{1}", "added"),
        row("a", "10", "µ/🚀", "type_changed"),
    ]);
    let table = commit_paths::Row::table();
    let lines = canonical::lines(table, std::slice::from_ref(&rows)).expect("they have a canonical form");
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"commit_sha":"1","path":"zwölf\n\t\u0001","path_change":"added","repository":"a!"}
    {"commit_sha":"1","path":"x!","path_change":"deleted","repository":"a"}
    {"commit_sha":"1","path":"x","path_change":"modified","repository":"a"}
    {"commit_sha":"1","path":"x\"y","path_change":"added","repository":"a"}
    {"commit_sha":"1","path":"x\\","path_change":"added","repository":"a"}
    {"commit_sha":"10","path":"µ/🚀","path_change":"type_changed","repository":"a"}
    "#);
    assert_eq!(digest(table, &[rows]), "a52c63f617f6c55a66b09ca6d9377795e830f3b73494ff7accffa74941d51db8");
}

/// The canonical form as its definition says it, without any thought for speed.
fn defined(table: &Table, rows: &RecordBatch) -> String {
    let mut lines = BTreeSet::new();
    for row in canonical::json_rows(table, rows).expect("the rows have a canonical form") {
        let key: Vec<Value> = table.key.iter().map(|name| row[*name].clone()).collect();
        lines.insert((Value::from(key).to_string(), Value::from(row).to_string()));
    }
    let text: Vec<String> = lines.into_iter().map(|(_, line)| line + "\n").collect();
    canonical::sha256(text.concat().as_bytes())
}

/// The same rows in another order, in pieces, some of them twice.
fn shuffled(rows: &RecordBatch, dice: &mut Dice) -> Vec<RecordBatch> {
    let count = rows.num_rows() as u64;
    let mut order: Vec<u64> = (0..count).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, usize::try_from(dice.below(at as u64 + 1)).expect("it is small"));
    }
    order.extend((0..dice.below(count + 1)).map(|_| dice.below(count)));
    let shuffled = take_record_batch(rows, &UInt64Array::from(order)).expect("the rows are there");
    let (mut pieces, mut from) = (Vec::new(), 0);
    while from < shuffled.num_rows() {
        let length = usize::try_from(dice.below(9)).expect("it is small").min(shuffled.num_rows() - from);
        pieces.push(shuffled.slice(from, length));
        from += length;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_digest_is_the_defined_one_in_any_order_and_batching(at in any::<Index>(), count in 0_usize..40, seed: u64) {
        let all = tables::all();
        let table = all[at.index(all.len())];
        let rows = generated(table, count, seed);
        let wanted = defined(table, &rows);
        prop_assert_eq!(&digest(table, std::slice::from_ref(&rows)), &wanted);
        prop_assert_eq!(digest(table, &shuffled(&rows, &mut Dice(seed))), wanted);
    }
}

/// The same rows with other Arrow types: dictionaries, views, large lists, other orders of columns.
fn otherwise_encoded(rows: &RecordBatch) -> RecordBatch {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (at, (field, column)) in rows.schema().fields().iter().zip(rows.columns()).enumerate().rev() {
        let encoded = match field.data_type() {
            DataType::Utf8 if at % 2 == 0 => DataType::Utf8View,
            DataType::Utf8 => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            DataType::List(_) => DataType::LargeList(Arc::new(Field::new("element", DataType::LargeUtf8, true))),
            other => other.clone(),
        };
        let column: ArrayRef = cast(column, &encoded).expect("it can be encoded so");
        fields.push(Field::new(field.name(), encoded, field.is_nullable()));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns fit their fields")
}

#[test]
fn rows_may_be_committed_in_any_encoding() {
    let (plain, encoded) = (temporary_folder(), temporary_folder());
    wait(async {
        let (plain, encoded) = (open(plain.path()).await, open(encoded.path()).await);
        for (lake, encode) in [(&plain, false), (&encoded, true)] {
            let mut batch = Batch::new("a", hour(0));
            for table in [deployments::Row::table(), metrics::Row::table()] {
                let rows = table.with_provenance(&generated(table, 9, 1), "a", None).expect("the rows fit");
                batch.write(table, WriteMode::Upsert, if encode { otherwise_encoded(&rows) } else { rows });
            }
            lake.commit(batch).await.expect("the batch is committed");
        }
        assert_eq!(digests(&plain, AsOf::Latest).await, digests(&encoded, AsOf::Latest).await);
    });
}

fn metric(value: f64) -> metrics::Row {
    metrics::Row {
        metric: "change_fail_rate".into(),
        definition: "change_fail_rate@1".into(),
        service: None,
        environment: "production".into(),
        service_group: Some("all".into()),
        dimension: None,
        stratum: None,
        window_kind: "week".into(),
        window_start_at: hour(0),
        window_end_at: hour(168),
        statistic: "rate".into(),
        value: Some(value),
        above: None,
        unit: "ratio".into(),
        n: 3,
        ci_low: None,
        ci_high: None,
        ci_method: "none".into(),
        coverage_rate: 1.0,
        is_immature: false,
        as_of_at: hour(168),
        input_digest: "0".into(),
    }
}

fn value_of(number: f64) -> String {
    let rows = metrics::Row::batch(vec![metric(number)]);
    canonical::json_rows(metrics::Row::table(), &rows).expect("it has a canonical form")[0]["value"].to_string()
}

#[test]
fn a_number_has_the_shortest_form_and_zero_has_no_sign() {
    let forms: Vec<String> = [0.1, 0.1 + 0.2, 1.0, -2.5, 1e21, 1e-7, 0.0, -0.0].map(value_of).into();
    insta::assert_snapshot!(forms.join(" "), @"0.1 0.30000000000000004 1.0 -2.5 1e+21 1e-7 0.0 0.0");
}

#[test]
fn what_is_no_number_is_refused_before_it_is_stored() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        for (number, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
            let rows = metrics::Row::batch(vec![metric(0.5), metric(number)]);
            let refused =
                canonical::digest(metrics::Row::table(), std::slice::from_ref(&rows)).expect_err("it has no form");
            assert_eq!(refused.to_string(), format!("Invalid argument error: `{shown}` is not a finite number"));
            let mut batch = Batch::new("derive", hour(0));
            batch.write(metrics::Row::table(), WriteMode::ReplaceTable, rows);
            let refused = lake.commit(batch).await.expect_err("it is refused");
            let source = std::error::Error::source(&refused).expect("it has a cause").to_string();
            let wanted = format!("Invalid argument error: column `value` holds `{shown}`, which is not finite");
            assert_eq!((refused.to_string().as_str(), source), ("rows of `metrics` do not fit its schema", wanted));
        }
        assert_eq!(lake.versions().await.expect("versions").len(), 0);
        assert!(!folder.path().join("pending").exists(), "nothing is left");
    });
}

/// Derivation asks for rows and for digests of the same tables: neither costs a second reading, and a later version of
/// a table never gets the digest of an earlier one.
#[test]
fn a_table_that_was_read_as_rows_is_not_read_again_for_its_digest() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        let mut earlier = String::new();
        for number in 1..=2 {
            lake.commit(numbered("a", number)).await.expect("the batch is committed");
            let snapshot = latest(&lake).await;
            let rows: Vec<commits::Row> = snapshot.rows().await.expect("the table can be read");
            let wanted = digest(commits::Row::table(), &[commits::Row::batch(rows)]);
            assert_ne!(wanted, earlier);
            let kept = hidden(&folder.path().join("tables/commits"));
            let digests = snapshot.input_digests().await.expect("no file of `commits` is needed");
            assert_eq!(digests["commits"], wanted);
            let fresh = latest(&Lake::open(lake.location()).await.expect("it opens")).await;
            fresh.input_digests().await.expect_err("a handle that has read nothing yet needs them");
            for (aside, path) in kept {
                fs::rename(aside, path).expect("it can be put back");
            }
            assert_eq!(fresh.input_digests().await.expect("all files are there"), digests);
            earlier = wanted;
        }
    });
}

/// Takes the data files of a table away; tells where they are now and where they were.
fn hidden(table: &Path) -> Vec<(PathBuf, PathBuf)> {
    let files = fs::read_dir(table).expect("the table is there").map(|file| file.expect("it can be read").path());
    let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    files
        .map(|path| {
            let aside = path.with_extension("aside");
            fs::rename(&path, &aside).expect("it can be renamed");
            (aside, path)
        })
        .collect()
}
