//! What is refused, in which words; and that the three formats say the same.

use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{
    ArrayRef, Int32Array, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use lake::tables::{coverage, deployments, incidents, interventions};
use lake::{Instant, Table, TableRow, canonical};
use proptest::prelude::*;

use super::closed::CLOSED_SETS;
use super::{Config, FILLS, RowError, csv, json_lines, open, parquet};
use crate::contract::Contract;
use crate::{NoVariables, Reading, Silent, Sink, Source, SourceError};

const AT: &str = "2026-01-05T08:00:00Z";

fn told(error: &RowError) -> String {
    let hint = error.problem.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    format!("{error}\n{}{hint}", error.problem)
}

fn refused<T>(read: Result<T, RowError>) -> String {
    match read {
        Ok(_) => "was taken".into(),
        Err(error) => told(&error),
    }
}

fn json_of(table: &'static Table, text: &str) -> String {
    refused(json_lines(table, "x.jsonl", text.as_bytes()))
}

fn csv_of(table: &'static Table, text: &str) -> String {
    refused(csv(table, "x.csv", text.as_bytes()))
}

/// An intervention with one more member.
fn intervention(more: &str) -> String {
    format!(r#"{{"intervention_id":"a","practice":"p","started_at":"{AT}","evidence":"e"{more}}}"#)
}

fn interventions() -> &'static Table {
    interventions::Row::table()
}

/// A deployment as JSON with these members besides those that must be there.
fn deployment(more: &str) -> String {
    format!(r#"{{"deployment_id":"d","target":"","revisions":[],"evidence":"e",{more}}}"#)
}

#[test]
fn json_that_is_not_rows_is_refused() {
    let table = interventions();
    let good = intervention("");
    insta::assert_snapshot!(json_of(table, "{\n"), @r"
    could not read `x.jsonl`
    line 1: is not JSON at byte 1: EOF while parsing an object
    ");
    insta::assert_snapshot!(json_of(table, &format!("{good}\n\n[1, 2]\n")), @r"
    could not read `x.jsonl`
    line 3: expected a JSON object, found `[1, 2]`
    ");
    insta::assert_snapshot!(json_of(table, &format!("{good}\n{good} {good}\n")), @r"
    could not read `x.jsonl`
    line 2: is not JSON at byte 91: trailing characters
    ");
    insta::assert_snapshot!(json_of(table, &"[".repeat(1000)), @r"
    could not read `x.jsonl`
    line 1: expected a JSON object, found `[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[…`
    ");
    let nested = format!(r#","service":{}"#, "[".repeat(1000));
    insta::assert_snapshot!(json_of(table, &intervention(&nested)), @r"
    could not read `x.jsonl`
    line 1: is not JSON at byte 226: recursion limit exceeded
    ");
}

#[test]
fn json_members_are_checked_by_name() {
    let table = interventions();
    insta::assert_snapshot!(json_of(table, &intervention(r#","servise":"api""#)), @r"
    could not read `x.jsonl`
    line 1: `servise` is no column of `interventions`
    hint: did you mean `service`?
    ");
    insta::assert_snapshot!(json_of(table, &intervention(r#","colour":"red""#)), @r"
    could not read `x.jsonl`
    line 1: `colour` is no column of `interventions`
    hint: the columns of `interventions` are `intervention_id`, `service`, `practice`, `practice_version`, `started_at`, `ended_at`, `evidence`
    ");
    insta::assert_snapshot!(json_of(table, &intervention(r#","evidence":"f""#)), @r"
    could not read `x.jsonl`
    line 1, column `evidence`: is there twice
    ");
    insta::assert_snapshot!(json_of(table, r#"{"intervention_id":"a","practice":"p","evidence":"e"}"#), @r"
    could not read `x.jsonl`
    line 1, column `started_at`: expected an instant with a zone such as `2026-01-05T08:00:00Z`, found nothing
    ");
    insta::assert_snapshot!(json_of(table, &intervention(r#","source":"x","page_sha":null"#)), @"was taken");
}

#[test]
fn json_values_are_checked_by_kind() {
    let table = interventions();
    insta::assert_snapshot!(json_of(table, &intervention(r#","ended_at":"2026-01-05 08:00""#)), @r"
    could not read `x.jsonl`
    line 1, column `ended_at`: expected an instant with a zone such as `2026-01-05T08:00:00Z`, found `2026-01-05 08:00`
    ");
    insta::assert_snapshot!(json_of(table, &intervention(r#","ended_at":"2026-01-05T08:00:00""#)), @r"
    could not read `x.jsonl`
    line 1, column `ended_at`: expected an instant with a zone such as `2026-01-05T08:00:00Z`, found `2026-01-05T08:00:00`
    ");
    insta::assert_snapshot!(json_of(table, &intervention(r#","ended_at":"2026-01-05T08:00:00.1234567Z""#)), @r"
    could not read `x.jsonl`
    line 1, column `ended_at`: expected an instant in whole microseconds, found `2026-01-05T08:00:00.1234567Z`
    ");
    insta::assert_snapshot!(json_of(table, &intervention(r#","ended_at":1767600000"#)), @r"
    could not read `x.jsonl`
    line 1, column `ended_at`: expected an instant with a zone such as `2026-01-05T08:00:00Z`, found `1767600000`
    ");
    insta::assert_snapshot!(json_of(table, &intervention(r#","service":7"#)), @r"
    could not read `x.jsonl`
    line 1, column `service`: expected text, found `7`
    ");
    let long = format!(r#","ended_at":"{}""#, "long ".repeat(50));
    insta::assert_snapshot!(json_of(table, &intervention(&long)), @r"
    could not read `x.jsonl`
    line 1, column `ended_at`: expected an instant with a zone such as `2026-01-05T08:00:00Z`, found `long long long long long long long long long long long long …`
    ");
    let deployments = deployments::Row::table();
    insta::assert_snapshot!(json_of(deployments, &deployment(r#""attempt":3.0,"status":"success""#)), @r"
    could not read `x.jsonl`
    line 1, column `attempt`: expected a whole number such as `3`, found `3.0`
    ");
    insta::assert_snapshot!(json_of(deployments, &deployment(r#""attempt":99999999999999999999,"status":"success""#)), @r"
    could not read `x.jsonl`
    line 1, column `attempt`: expected a whole number such as `3`, found `1e+20`
    ");
    insta::assert_snapshot!(json_of(deployments, &deployment(r#""attempt":1,"status":"succes""#)), @r"
    could not read `x.jsonl`
    line 1, column `status`: expected one of `success`, `failure`, `cancelled`, `skipped`, `superseded`, `running`, `unknown`, found `succes`
    hint: did you mean `success`?
    ");
    insta::assert_snapshot!(json_of(deployments, &deployment(r#""attempt":1,"status":"success","reached_users":"yes""#)), @r"
    could not read `x.jsonl`
    line 1, column `reached_users`: expected `true` or `false`, found `yes`
    ");
    insta::assert_snapshot!(json_of(deployments, &deployment(r#""attempt":null,"status":"success""#)), @r"
    could not read `x.jsonl`
    line 1, column `attempt`: expected a whole number such as `3`, found nothing
    ");
    let list = r#"{"deployment_id":"d","target":"","revisions":["a",1],"evidence":"e","attempt":1,"status":"running"}"#;
    insta::assert_snapshot!(json_of(deployments, list), @r#"
    could not read `x.jsonl`
    line 1, column `revisions`: expected a list of text such as `["a","b"]`, or `[]`, found `["a",1]`
    "#);
}

#[test]
fn two_rows_with_one_key_are_refused_unless_one_is_newer() {
    let other = intervention("").replace(r#""p""#, r#""q""#);
    insta::assert_snapshot!(json_of(interventions(), &format!("{}\n{other}\n", intervention(""))), @r"
    could not read `x.jsonl`
    line 2: has the key of line 1 (`intervention_id`, `service`) but differs in `practice`
    ");
    insta::assert_snapshot!(json_of(interventions(), &format!("{0}\n{0}\n", intervention(""))), @"was taken");
    let table = incidents::Row::table();
    let incident = |severity: &str, updated_at: &str| {
        format!(
            r#"{{"incident_id":"i","opened_at":"{AT}","cause":"unknown","evidence":"e","severity":"{severity}","updated_at":{updated_at}}}"#
        )
    };
    let (day, next) = (format!("\"{AT}\""), "\"2026-01-06T08:00:00Z\"");
    let rows = format!("{}\n{}\n", incident("a", &day), incident("b", next));
    insta::assert_snapshot!(json_of(table, &rows), @"was taken");
    let rows = format!("{}\n{}\n", incident("a", &day), incident("b", &day));
    insta::assert_snapshot!(json_of(table, &rows), @r"
    could not read `x.jsonl`
    line 2: has the key of line 1 (`incident_id`, `service`) but differs in `severity`
    hint: where `updated_at` differs, the row with the later one is kept
    ");
}

#[test]
fn csv_headers_are_checked() {
    let table = interventions();
    insta::assert_snapshot!(csv_of(table, ""), @r"
    could not read `x.csv`
    is empty, and a header was expected
    ");
    insta::assert_snapshot!(csv_of(table, "intervention_id,practice,started_on,evidence\n"), @r"
    could not read `x.csv`
    line 1: `started_on` is no column of `interventions`
    hint: did you mean `started_at`?
    ");
    insta::assert_snapshot!(csv_of(table, "intervention_id,practice,evidence\n"), @r"
    could not read `x.csv`
    line 1, column `started_at`: is missing and must not be null
    ");
    insta::assert_snapshot!(csv_of(table, "intervention_id,practice,evidence,practice,started_at\n"), @r"
    could not read `x.csv`
    line 1, column `practice`: is there twice
    ");
    insta::assert_snapshot!(csv_of(table, "intervention_id,practice,evidence,started_at\n"), @"was taken");
}

#[test]
fn csv_rows_are_checked_with_the_line_they_begin_on() {
    let table = interventions();
    let after = |rows: &str| csv_of(table, &format!("intervention_id,practice,started_at,evidence\n{rows}"));
    insta::assert_snapshot!(after("a,p,2026-01-05 08:00,e\n"), @r"
    could not read `x.csv`
    line 2, column `started_at`: expected an instant with a zone such as `2026-01-05T08:00:00Z`, found `2026-01-05 08:00`
    ");
    insta::assert_snapshot!(after("a,p,2026-01-05T08:00:00Z\n"), @r"
    could not read `x.csv`
    line 2: expected 4 cells as in the header, found 3
    ");
    insta::assert_snapshot!(after("a,\"two\nlines\",2026-01-05T08:00:00Z,e\n\n\nb,p,,e\n"), @r"
    could not read `x.csv`
    line 6, column `started_at`: expected an instant with a zone such as `2026-01-05T08:00:00Z`, found nothing
    ");
    insta::assert_snapshot!(after("a,\"two\r\nlines\",2026-01-05T08:00:00Z,e\r\n\r\nb,p,soon,e\r\n"), @r"
    could not read `x.csv`
    line 5, column `started_at`: expected an instant with a zone such as `2026-01-05T08:00:00Z`, found `soon`
    ");
    insta::assert_snapshot!(after("a,p,2026-01-05T08:00:00Z,e\nb,\"p,2026-01-05T08:00:00Z,e\nc,p,x,e\n"), @r"
    could not read `x.csv`
    line 3: a quotation mark is not closed
    ");
    insta::assert_snapshot!(after("a,p,2026-01-05T08:00:00Z,e\na,q,2026-01-05T08:00:00Z,e\n"), @r"
    could not read `x.csv`
    line 3: has the key of line 2 (`intervention_id`, `service`) but differs in `practice`
    ");
    let table = deployments::Row::table();
    let header = "deployment_id,attempt,target,revisions,status,evidence";
    let after = |row: &str| csv_of(table, &format!("{header}\n{row}\n"));
    insta::assert_snapshot!(after(r#"d,1,,"[""a@1"",""b@2""]",success,e"#), @"was taken");
    insta::assert_snapshot!(after("d,1,,a@1,success,e"), @r#"
    could not read `x.csv`
    line 2, column `revisions`: expected a list of text such as `["a","b"]`, or `[]`, found `a@1`
    "#);
    insta::assert_snapshot!(after("d,1,,,success,e"), @r#"
    could not read `x.csv`
    line 2, column `revisions`: expected a list of text such as `["a","b"]`, or `[]`, found nothing
    "#);
    insta::assert_snapshot!(after("d,1.0,,[],success,e"), @r"
    could not read `x.csv`
    line 2, column `attempt`: expected a whole number such as `3`, found `1.0`
    ");
    insta::assert_snapshot!(after("d,1,,[],done,e"), @r"
    could not read `x.csv`
    line 2, column `status`: expected one of `success`, `failure`, `cancelled`, `skipped`, `superseded`, `running`, `unknown`, found `done`
    ");
}

#[test]
fn bytes_that_are_not_text_are_refused() {
    let mut bytes = format!("{}\n", intervention("")).into_bytes();
    bytes.extend(b"{\"intervention_id\":\"\xff\"}");
    insta::assert_snapshot!(refused(json_lines(interventions(), "x.jsonl", &bytes)), @r"
    could not read `x.jsonl`
    line 2: is not UTF-8 from byte 21 on
    ");
    let mut bytes = b"intervention_id,practice,started_at,evidence\n".to_vec();
    bytes.extend(b"a,caf\xe9,2026-01-05T08:00:00Z,e\n");
    insta::assert_snapshot!(refused(csv(interventions(), "x.csv", &bytes)), @r"
    could not read `x.csv`
    line 2, column `practice`: is not UTF-8 from byte 4 on
    ");
}

#[test]
fn a_line_without_end_is_refused() {
    let long = intervention(&format!(r#","service":"{}""#, "x".repeat(17 * 1024 * 1024)));
    insta::assert_snapshot!(json_of(interventions(), &long), @r"
    could not read `x.jsonl`
    line 1: is longer than 16 MiB
    ");
    let long = format!("intervention_id,practice,started_at,evidence\na,\"{}", "x\n".repeat(9 * 1024 * 1024));
    insta::assert_snapshot!(csv_of(interventions(), &long), @r"
    could not read `x.csv`
    line 2: is longer than 16 MiB
    ");
}

#[test]
fn marks_and_line_ends_of_other_systems_are_no_matter() {
    let table = interventions();
    let plain = json_lines(table, "x", intervention("").as_bytes()).expect("it is good");
    let marked = format!("\u{feff}{}\r\n\r\n", intervention(""));
    assert_eq!(json_lines(table, "x", marked.as_bytes()).expect("it is good"), plain);
    let text = format!("\u{feff}intervention_id,practice,started_at,evidence\r\na,p,{AT},e\r\n");
    assert_eq!(csv(table, "x", text.as_bytes()).expect("it is good"), plain);
    assert_eq!(json_lines(table, "x", b"").expect("nothing is no error").num_rows(), 0);
}

/// Rows with every kind of value, nulls, and text that needs care.
fn deployments_rows() -> Vec<deployments::Row> {
    let row = |id: &str, attempt: i64, revisions: &[&str], finished_at: Option<i64>| deployments::Row {
        deployment_id: id.into(),
        attempt,
        target: String::new(),
        service: (attempt > 1).then(|| "api, the \"second\"\nof two".into()),
        environment: Some("production".into()),
        revisions: revisions.iter().map(|revision| (*revision).into()).collect(),
        status: "success".into(),
        started_at: Some(Instant(1_767_600_000_000_000)),
        finished_at: finished_at.map(Instant),
        reached_users: finished_at.map(|at| at > 0),
        intent: None,
        actor_id: None,
        evidence: "e".into(),
        updated_at: None,
    };
    vec![
        row("a", 1, &[], None),
        row("a", 2, &["repository@1", "values@2, \"quoted\""], Some(1_767_600_123_456_789)),
        row("b", 1, &["ü@3"], Some(-1)),
    ]
}

fn as_json(table: &Table, batch: &RecordBatch) -> String {
    let rows = canonical::json_rows(table, batch).expect("rows of the table");
    rows.iter().flat_map(|row| [serde_json::to_string(row).expect("JSON"), "\n".into()]).collect()
}

fn as_csv(table: &Table, batch: &RecordBatch) -> Vec<u8> {
    let rows = canonical::json_rows(table, batch).expect("rows of the table");
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(rows[0].keys()).expect("memory is there");
    for row in &rows {
        let cell = |value: &serde_json::Value| match value {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        writer.write_record(row.values().map(cell)).expect("memory is there");
    }
    writer.into_inner().expect("memory is there")
}

fn as_parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a schema Parquet has");
    writer.write(batch).expect("memory is there");
    writer.close().expect("memory is there");
    bytes
}

#[test]
fn three_formats_give_one_batch() {
    let table = deployments::Row::table();
    let batch = deployments::Row::batch(deployments_rows());
    let from_json = json_lines(table, "x", as_json(table, &batch).as_bytes()).expect("JSON");
    let from_csv = csv(table, "x", &as_csv(table, &batch)).expect("CSV");
    let from_parquet = parquet(table, "x", &as_parquet(&batch)).expect("Parquet");
    assert_eq!(from_json, batch);
    assert_eq!(from_csv, batch);
    assert_eq!(from_parquet, batch);
    let stored = table.with_provenance(&batch, "files:x", Some("abc")).expect("rows of the table");
    assert_eq!(parquet(table, "x", &as_parquet(&stored)).expect("an exported file"), batch);
}

/// Interventions with these columns in place of, or beside, those that must be there.
fn interventions_with(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let text = |text: &str| Arc::new(StringArray::from(vec![text, text])) as ArrayRef;
    let ids = Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef;
    let at = TimestampMicrosecondArray::from(vec![1, 2]).with_timezone("UTC");
    let mut all: Vec<(&str, ArrayRef)> =
        vec![("intervention_id", ids), ("practice", text("p")), ("started_at", Arc::new(at)), ("evidence", text("e"))];
    for (name, column) in columns {
        all.retain(|(known, _)| *known != name);
        all.push((name, column));
    }
    let fields: Vec<Field> =
        all.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let columns = all.into_iter().map(|(_, column)| column).collect();
    as_parquet(&RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one length"))
}

fn parquet_with(name: &str, column: ArrayRef) -> String {
    refused(parquet(interventions(), "x.parquet", &interventions_with(vec![(name, column)])))
}

#[test]
fn parquet_is_checked_by_column_and_row() {
    let text = |first: Option<&str>, second: Option<&str>| Arc::new(StringArray::from(vec![first, second])) as ArrayRef;
    insta::assert_snapshot!(parquet_with("servce", text(None, None)), @r"
    could not read `x.parquet`
    `servce` is no column of `interventions`
    hint: did you mean `service`?
    ");
    insta::assert_snapshot!(parquet_with("practice", text(Some("p"), None)), @r"
    could not read `x.parquet`
    row 2, column `practice`: expected text, found nothing
    ");
    insta::assert_snapshot!(parquet_with("practice", Arc::new(Int32Array::from(vec![1, 2]))), @r"
    could not read `x.parquet`
    column `practice`: expected text, found `Int32`
    ");
    insta::assert_snapshot!(parquet_with("started_at", text(Some(AT), Some(AT))), @r"
    could not read `x.parquet`
    column `started_at`: expected timestamps with a zone, found `Utf8`
    ");
    let without_zone = TimestampMicrosecondArray::from(vec![1, 2]);
    insta::assert_snapshot!(parquet_with("started_at", Arc::new(without_zone)), @r"
    could not read `x.parquet`
    column `started_at`: expected timestamps with a zone, found `Timestamp(µs)`
    ");
    let too_fine = TimestampNanosecondArray::from(vec![1_000, 1_001]).with_timezone("UTC");
    insta::assert_snapshot!(parquet_with("started_at", Arc::new(too_fine)), @r"
    could not read `x.parquet`
    row 2, column `started_at`: expected an instant in whole microseconds, found `1001 ns`
    ");
    let ids = text(Some("a"), Some("a"));
    let practices = text(Some("p"), Some("q"));
    let bytes = interventions_with(vec![("intervention_id", ids), ("practice", practices)]);
    insta::assert_snapshot!(refused(parquet(interventions(), "x.parquet", &bytes)), @r"
    could not read `x.parquet`
    row 2: has the key of row 1 (`intervention_id`, `service`) but differs in `practice`
    ");
}

#[test]
fn parquet_of_other_widths_and_zones_is_converted_exactly() {
    let nanos = TimestampNanosecondArray::from(vec![1_767_600_000_000_001_000, -1_000]).with_timezone("Europe/Berlin");
    let bytes = interventions_with(vec![("started_at", Arc::new(nanos))]);
    let rows = interventions::Row::rows(&parquet(interventions(), "x", &bytes).expect("it is good")).expect("rows");
    assert_eq!([rows[0].started_at.0, rows[1].started_at.0], [1_767_600_000_000_001, -1]);
    let millis = TimestampMillisecondArray::from(vec![1_767_600_000_123, -1]).with_timezone("+00:00");
    let bytes = interventions_with(vec![("started_at", Arc::new(millis))]);
    let rows = interventions::Row::rows(&parquet(interventions(), "x", &bytes).expect("it is good")).expect("rows");
    assert_eq!([rows[0].started_at.0, rows[1].started_at.0], [1_767_600_000_123_000, -1_000]);
    let words = arrow::compute::cast(&StringArray::from(vec!["p", "q"]), &DataType::LargeUtf8).expect("text");
    let bytes = interventions_with(vec![("practice", words)]);
    let rows = interventions::Row::rows(&parquet(interventions(), "x", &bytes).expect("it is good")).expect("rows");
    assert_eq!([&rows[0].practice, &rows[1].practice], ["p", "q"]);
}

#[test]
fn lists_in_parquet_hold_no_nulls() {
    let table = deployments::Row::table();
    let batch = deployments::Row::batch(deployments_rows());
    let mut lists = ListBuilder::new(StringBuilder::new());
    for _ in 0..batch.num_rows() {
        lists.values().append_null();
        lists.append(true);
    }
    let at = batch.schema().index_of("revisions").expect("a column");
    let mut columns = batch.columns().to_vec();
    columns[at] = Arc::new(lists.finish());
    let batch = RecordBatch::try_new(batch.schema(), columns).expect("the same types");
    insta::assert_snapshot!(refused(parquet(table, "x.parquet", &as_parquet(&batch))), @r#"
    could not read `x.parquet`
    row 1, column `revisions`: expected a list of text such as `["a","b"]`, or `[]`, found `a list with a null in it`
    "#);
}

#[test]
fn broken_parquet_is_refused() {
    let bytes = as_parquet(&deployments::Row::batch(deployments_rows()));
    let table = deployments::Row::table();
    insta::assert_snapshot!(refused(parquet(table, "x.parquet", b"")), @r"
    could not read `x.parquet`
    is not readable as Parquet: EOF: Parquet file too small. Size is 0 but need 8
    ");
    insta::assert_snapshot!(refused(parquet(table, "x.parquet", b"a,b,c\n1,2,3\n")), @r"
    could not read `x.parquet`
    is not readable as Parquet: Parquet error: Invalid Parquet file. Corrupt footer
    ");
    for length in 0..bytes.len() {
        let told = refused(parquet(table, "x.parquet", &bytes[..length]));
        assert!(told.starts_with("could not read `x.parquet`\n"), "{length}: {told}");
    }
}

#[test]
fn closed_sets_are_those_the_contract_lists() {
    for (table, column, words) in CLOSED_SETS {
        let table = lake::tables::named(table).expect("a table of the lake");
        let meaning = &table.column(column).expect("a column of the table").meaning;
        for word in *words {
            assert!(meaning.contains(&format!("`{word}`")), "`{word}` of {}.{column}: {meaning}", table.name);
        }
    }
}

#[test]
fn every_table_that_is_not_derived_can_be_filled() {
    let names: Vec<&str> = super::fillable().into_iter().map(|table| table.name).collect();
    assert_eq!(names, FILLS);
}

proptest! {
    #[test]
    fn any_bytes_are_rows_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for name in FILLS {
            let table = lake::tables::named(name).expect("a table");
            drop(json_lines(table, "x", &bytes));
            drop(csv(table, "x", &bytes));
        }
        drop(parquet(deployments::Row::table(), "x", &bytes));
    }

    #[test]
    fn almost_good_text_is_rows_or_an_error(
        text in r#"(intervention_id|practice|started_at|evidence|,|"|\r|\n|a|\{|\}|:|2026-01-05T08:00:00Z){0,60}"#
    ) {
        drop(json_lines(interventions(), "x", text.as_bytes()));
        drop(csv(interventions(), "x", text.as_bytes()));
        let with_header = format!("intervention_id,practice,started_at,evidence\n{text}");
        drop(csv(interventions(), "x", with_header.as_bytes()));
    }

    #[test]
    fn parquet_with_a_wrong_byte_is_rows_or_an_error(at in 0_usize..4_000, byte in any::<u8>()) {
        let mut bytes = as_parquet(&deployments::Row::batch(deployments_rows()));
        let length = bytes.len();
        bytes[at % length] = byte;
        drop(parquet(deployments::Row::table(), "x", &bytes));
    }

    #[test]
    fn csv_lines_are_counted_as_an_editor_counts_them(cells in prop::collection::vec("[a-z\r\n\"]{0,6}", 0..8), end in "\n|\r\n") {
        let mut text = format!("intervention_id,practice,started_at,evidence{end}");
        for (at, cell) in cells.iter().enumerate() {
            let quoted = cell.replace('\r', "\n").replace('"', "\"\"");
            text = format!("{text}{at},\"{quoted}\",{AT},e{end}");
        }
        let line = text.matches('\n').count() + 1;
        text = format!("{text}z,p,never,e{end}");
        let told = csv_of(interventions(), &text);
        let start = format!("could not read `x.csv`\nline {line}, column `started_at`");
        prop_assert!(told.starts_with(&start), "{told} for {text:?}");
    }
}

/// This source as the tests that hold for every source need it.
pub(crate) fn contract() -> Contract {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("interventions.jsonl"), intervention("")).expect("it can be written");
    let config = Config { name: "records".into(), path: folder.path().to_owned(), table: None };
    Contract::local(crate::sources::Config::files(config), folder)
}

/// What a folder with these files gives.
async fn read(files: &[(&str, &str)], table: Option<&str>, path: &str) -> Result<Sink<'static>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).expect("it can be written");
    }
    let config = Config { name: "records".into(), path: folder.path().join(path), table: table.map(str::to_owned) };
    let source = open(config);
    let mut sink = Sink::into_memory(&source.stream(), source.fills(), Instant(0));
    match source.read(&Reading::at(Instant(0), &NoVariables), &mut sink, &Silent).await {
        Ok(()) => Ok(sink),
        Err(error) => Err(scrubbed(&error, folder.path())),
    }
}

fn scrubbed(error: &SourceError, folder: &Path) -> String {
    let hint = error.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    format!("{error}\n{}{hint}", error.kind).replace(&folder.display().to_string(), "FOLDER")
}

async fn refusal(files: &[(&str, &str)], table: Option<&str>, path: &str) -> String {
    read(files, table, path).await.err().unwrap_or_else(|| "was taken".into())
}

#[tokio::test]
async fn a_folder_is_read_by_the_names_of_its_files() {
    let second = intervention("").replace(r#""a""#, r#""b""#);
    let files = [
        ("interventions.jsonl", intervention("")),
        ("interventions-2026.ndjson", second),
        ("incidents.csv", format!("incident_id,opened_at,cause,evidence\ni,{AT},vendor,e\n")),
        ("README.md", "nothing of ours".into()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, content)| (*name, content.as_str())).collect();
    let sink = read(&files, None, "").await.expect("it is good");
    assert_eq!(sink.summary().page_count, 3);
    assert_eq!(sink.kept::<interventions::Row>().expect("rows").len(), 2);
    let coverage: Vec<coverage::Row> = sink.kept().expect("rows");
    let told: Vec<String> = coverage
        .iter()
        .map(|row| {
            format!("{} {} {:?} {:?} {:?}", row.stream, row.covers, row.range_start_at, row.range_end_at, row.reason)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    files:records incidents Some(2026-01-05T08:00:00Z) Some(2026-01-05T08:00:00.000001Z) Some("taken as given: from the first to the last record")
    files:records interventions Some(2026-01-05T08:00:00Z) Some(2026-01-05T08:00:00.000001Z) Some("taken as given: from the first to the last record")
    "#);
    assert!(coverage.iter().all(|row| row.is_complete));
}

#[tokio::test]
async fn two_files_may_repeat_and_not_contradict_each_other() {
    let row = |status: &str, updated: &str| deployment(&format!(r#""attempt":1,"status":"{status}"{updated}"#));
    let read_two = async |one: &str, other: &str| {
        let files = [("deployments.jsonl", one), ("deployments-2026.jsonl", other)];
        read(&files, None, "").await.map(|sink| sink.kept::<deployments::Row>().expect("rows").len())
    };
    insta::assert_snapshot!(read_two(&row("success", ""), &row("failure", "")).await.expect_err("they differ"), @r"
    could not read `FOLDER/deployments.jsonl`
    row 1: has the key (`deployment_id`, `attempt`, `target`) of row 1 of `FOLDER/deployments-2026.jsonl` but differs in `status`
    hint: where `updated_at` differs, the row with the later one is kept
    ");
    assert_eq!(read_two(&row("success", ""), &row("success", "")).await, Ok(2));
    let [early, late] = ["2026-01-05T08:00:00Z", "2026-01-06T08:00:00Z"].map(|at| format!(r#","updated_at":"{at}""#));
    assert_eq!(read_two(&row("running", &early), &row("success", &late)).await, Ok(2));
    assert!(read_two(&row("running", &early), &row("success", &early)).await.is_err());
    assert!(read_two(&row("running", ""), &row("success", &early)).await.is_err());
    // A row of another key contradicts nothing.
    let other = row("failure", "").replace(r#""attempt":1"#, r#""attempt":2"#);
    assert_eq!(read_two(&row("success", ""), &other).await, Ok(2));
}

#[test]
fn attempts_begin_with_one() {
    for number in [0, -1] {
        let told = json_of(deployments::Row::table(), &deployment(&format!(r#""attempt":{number},"status":"success""#)));
        assert!(told.ends_with(&format!("column `attempt`: expected a number from 1 on, found `{number}`")), "{told}");
    }
}

#[tokio::test]
async fn coverage_that_is_stated_is_taken() {
    let stated = r#"{"stream":"s","covers":"interventions","is_complete":false,"reason":"we began late"}"#;
    let files = [("interventions.jsonl", &*intervention("")), ("coverage.jsonl", stated)];
    let sink = read(&files, None, "").await.expect("it is good");
    let coverage: Vec<coverage::Row> = sink.kept().expect("rows");
    assert_eq!(coverage.len(), 1);
    assert_eq!(coverage[0].reason.as_deref(), Some("we began late"));
}

#[tokio::test]
async fn a_file_may_have_any_name_if_its_table_is_named() {
    let good = intervention("");
    let files = [("rollout of practices.jsonl", &*good)];
    let sink = read(&files, Some("interventions"), files[0].0).await.expect("it is good");
    assert_eq!(sink.kept::<interventions::Row>().expect("rows").len(), 1);
}

#[tokio::test]
async fn names_that_lead_nowhere_are_refused() {
    insta::assert_snapshot!(refusal(&[("incident.csv", "")], None, "").await, @r"
    could not read `FOLDER/incident.csv`
    there is no event table `incident`
    hint: did you mean `incidents`? the tables a file can hold are `commits`, `commit_paths`, `changes`, `change_commits`, `pull_request_events`, `check_runs`, `releases`, `deployments`, `image_revisions`, `health_transitions`, `inventory`, `measurement_inputs`, `incidents`, `alerts`, `samples`, `interventions`, `service_attributes`, `attempts`, `coverage`
    ");
    insta::assert_snapshot!(refusal(&[("metrics.csv", "")], None, "").await, @r"
    could not read `FOLDER/metrics.csv`
    there is no event table `metrics`
    hint: the tables a file can hold are `commits`, `commit_paths`, `changes`, `change_commits`, `pull_request_events`, `check_runs`, `releases`, `deployments`, `image_revisions`, `health_transitions`, `inventory`, `measurement_inputs`, `incidents`, `alerts`, `samples`, `interventions`, `service_attributes`, `attempts`, `coverage`
    ");
    insta::assert_snapshot!(refusal(&[("notes.txt", "")], None, "").await, @r"
    could not read `FOLDER/`
    the folder holds no file that ends in `.jsonl`, `.ndjson`, `.csv` or `.parquet`
    ");
    insta::assert_snapshot!(refusal(&[("notes.txt", "")], None, "notes.txt").await, @r"
    could not read `FOLDER/notes.txt`
    its name does not end in `.jsonl`, `.ndjson`, `.csv` or `.parquet`
    hint: the ending says how a file is to be read
    ");
    insta::assert_snapshot!(refusal(&[], Some("incidents"), "").await, @r"
    could not read `FOLDER/`
    `table` is for a single file, and this is a folder
    hint: name each file after its table, such as `incidents.csv`
    ");
    let missing = refusal(&[], None, "nowhere.csv").await;
    assert!(missing.starts_with("could not read `FOLDER/nowhere.csv`\nNo such file"), "{missing}");
    insta::assert_snapshot!(refusal(&[("incidents.csv", "incident_id\n")], None, "incidents.csv").await, @r"
    could not read `FOLDER/incidents.csv`
    line 1, column `opened_at`: is missing and must not be null
    ");
}

/// A commit of January says nothing of deployments before the first that is known: counted from there they would be fewer a
/// week than they were.
#[tokio::test]
async fn what_is_counted_by_time_is_taken_for_read_from_its_first_row() {
    let [commit, first, last] = ["2026-01-05T08:00:00Z", "2026-03-02T08:00:00Z", "2026-03-30T08:00:00Z"];
    let deployed = deployment(&format!(r#""attempt":1,"status":"success","finished_at":"{first}""#));
    let commits = format!(
        r#"{{"repository":"r","commit_sha":"c","parents":[],"is_merge":false,"authored_at":"{commit}","committed_at":"{commit}","author_id":"a","author_kind":"human","subject":"s","reverts":[]}}"#
    );
    let incidents = format!("incident_id,opened_at,cause,evidence\ni,{last},vendor,e\n");
    let files = [("deployments.jsonl", &*deployed), ("commits.jsonl", &*commits), ("incidents.csv", &*incidents)];
    let sink = read(&files, None, "").await.expect("it is good");
    let coverage: Vec<coverage::Row> = sink.kept().expect("rows");
    let starts = |name: &str| coverage.iter().find(|row| row.covers == name).expect("a row for each").range_start_at;
    assert_eq!(starts("commits"), Instant::parse(commit).ok());
    for counted in ["deployments", "incidents"] {
        assert_eq!(starts(counted), Instant::parse(first).ok(), "{counted}");
    }
    let end = Instant::parse(last).map(|at| Instant(at.0 + 1)).ok();
    assert!(coverage.iter().all(|row| row.range_end_at == end), "all until one end");
}

#[tokio::test]
async fn a_time_before_1970_stretches_no_range() {
    let incident = |id: &str, opened: &str| format!("{id},{opened},vendor,e\n");
    let rows = [incident("i", AT), incident("zero", "0001-01-01T00:00:00Z")].concat();
    let files = [("incidents.csv", format!("incident_id,opened_at,cause,evidence\n{rows}"))];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, content)| (*name, content.as_str())).collect();
    let sink = read(&files, None, "").await.expect("it is good");
    let coverage: Vec<coverage::Row> = sink.kept().expect("rows");
    assert_eq!(coverage[0].range_start_at, Instant::parse(AT).ok(), "programs write year 1 where they know no time");
}
