//! One byte form for the same rows, however they came and lie.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use lake::tables::{deployments, metrics};
use lake::{AsOf, Batch, Table, TableRow, WriteMode, canonical, tables};

use crate::world::{a_deployment, digests, generated, hour, open, stored, temporary_folder, wait};

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
