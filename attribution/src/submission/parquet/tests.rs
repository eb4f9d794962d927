use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::datatypes::{Field, Schema};
use lake::tables::{change_commits, changes};
use lake::{Instant, TableRow};
use parquet::basic::ZstdLevel;

use super::*;

fn rows(count: usize) -> RecordBatch {
    let row = |at: usize| change_commits::Row {
        repository: "r".to_owned(),
        change_id: format!("c{at}"),
        commit_sha: format!("s{at}"),
    };
    change_commits::Row::batch((0..count).map(row).collect())
}

fn file(rows: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).expect("it can be written");
    writer.write(rows).expect("it can be written");
    writer.into_inner().expect("it can be written")
}

#[track_caller]
fn refused(content: &[u8], limits: &Limits, told: &str) {
    let error = read(change_commits::Row::table(), content, limits.rows, limits).expect_err("it is refused");
    let error = format!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string));
    assert!(error.contains(told), "{error}");
}

#[test]
fn what_was_written_is_read_and_the_same_rows_are_the_same_bytes() {
    let (table, rows) = (change_commits::Row::table(), rows(10_000));
    let content = written(table, &rows).expect("it can be written");
    assert_eq!(content, written(table, &rows).expect("it can be written"));
    assert_eq!(read(table, &content, 10_000, &Limits::default()).expect("it is a table"), rows);
    let lists = changes::Row { labels: vec!["hotfix".to_owned()], ..change() };
    let lists = changes::Row::batch(vec![lists, change()]);
    let content = written(changes::Row::table(), &lists).expect("it can be written");
    assert_eq!(read(changes::Row::table(), &content, 2, &Limits::default()).expect("it is a table"), lists);
}

fn change() -> changes::Row {
    changes::Row {
        repository: "r".to_owned(),
        change_id: "1".to_owned(),
        kind: "commit".to_owned(),
        title: None,
        author_id: None,
        author_kind: "human".to_owned(),
        first_commit_at: Some(Instant(1)),
        first_commit_basis: "commits".to_owned(),
        last_commit_at: None,
        opened_at: None,
        merged_at: None,
        closed_at: None,
        merge_kind: None,
        merge_commit_sha: None,
        head_branch: None,
        labels: Vec::new(),
        reverts: Vec::new(),
        updated_at: None,
    }
}

#[test]
fn rows_beyond_the_limit_are_refused_before_they_are_read() {
    let content = written(change_commits::Row::table(), &rows(1_000)).expect("it can be written");
    refused(&content, &Limits { rows: 999, ..Limits::default() }, "states 1000 rows");
}

#[test]
fn a_few_bytes_that_become_many_are_refused_before_they_do() {
    let limits = Limits { decoded_bytes: 64 << 20, ..Limits::default() };
    // One text of a megabyte, named a thousand times: a file of little more than that, and a table of a gigabyte.
    let long = "x".repeat(1 << 20);
    let table = change_commits::Row::table();
    let same: ArrayRef = Arc::new(StringArray::from(vec![long.as_str(); 1_000]));
    let bomb = RecordBatch::try_new(table.row_schema(), vec![same.clone(), same.clone(), same]).expect("a table");
    let properties =
        WriterProperties::builder().set_compression(Compression::UNCOMPRESSED).set_dictionary_page_size_limit(64 << 20);
    let content = file(&bomb, properties.build());
    assert!(content.len() < 8 << 20, "{} bytes", content.len());
    refused(&content, &limits, "holds more than");
    // The same packed: what it unpacks to cannot be seen, so that nothing is unpacked.
    let packed = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
    refused(&file(&rows(10), packed.build()), &limits, "is compressed");
    // Texts that share their beginnings grow without a dictionary.
    let prefixes = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::DELTA_BYTE_ARRAY)
        .set_compression(Compression::UNCOMPRESSED);
    refused(&file(&rows(10), prefixes.build()), &limits, "uses the encoding");
}

#[test]
fn columns_are_those_of_the_table_and_no_others() {
    let limits = Limits::default();
    let plain = || WriterProperties::builder().set_compression(Compression::UNCOMPRESSED).build();
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let batch = |columns: Vec<(&str, ArrayRef)>| {
        let fields: Vec<Field> =
            columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("a table")
    };
    let (repository, change_id, sha) = ("repository", "change_id", "commit_sha");
    let fewer = batch(vec![(repository, texts.clone()), (change_id, texts.clone())]);
    refused(&file(&fewer, plain()), &limits, "does not have the columns");
    let own = vec![(repository, texts.clone()), (change_id, texts.clone()), (sha, texts.clone())];
    let more = batch([own.clone(), vec![("author_email", texts.clone())]].concat());
    refused(&file(&more, plain()), &limits, "author_email");
    let other = batch(vec![(repository, numbers), (change_id, texts.clone()), (sha, texts.clone())]);
    refused(&file(&other, plain()), &limits, "cannot be read as Parquet");
    let nothing: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
    let null = batch(vec![(repository, nothing), (change_id, texts.clone()), (sha, texts)]);
    refused(&file(&null, plain()), &limits, "null");
    refused(&file(&batch(own), plain()), &limits, "nullability");
}

#[test]
fn any_bytes_are_read_or_refused_and_break_nothing() {
    let (table, limits) = (change_commits::Row::table(), Limits::default());
    let content = written(table, &rows(12)).expect("it can be written");
    refused(b"", &limits, "states lengths");
    refused(b"PAR1\0\0\0\0PAR1", &limits, "states lengths");
    let mut rejected = 0;
    for at in 0..content.len() {
        for value in [content[at] ^ 1, 0xff] {
            let mut changed = content.clone();
            changed[at] = value;
            let answer = std::panic::catch_unwind(|| read(table, &changed, limits.rows, &limits).is_err());
            rejected += usize::from(answer.unwrap_or_else(|_| panic!("byte {at} as {value} broke the reader")));
        }
        drop(read(table, &content[..at], limits.rows, &limits));
    }
    assert!(rejected > 0);
}

#[test]
fn lengths_that_lie_are_found_before_anybody_asks_for_memory() {
    let limits = Limits::default();
    let content = written(change_commits::Row::table(), &rows(50)).expect("it can be written");
    // Wherever a header has a list, it now states 2³¹ − 1 elements; wherever it has a number, as much.
    for at in 4..content.len() - 8 {
        let mut changed = content[..at].to_vec();
        changed.extend_from_slice(&[0xfc, 0xff, 0xff, 0xff, 0xff, 0x07]);
        changed.extend_from_slice(&content[at + 1..]);
        let length = changed.len();
        let stated = u32::from_le_bytes(content[content.len() - 8..content.len() - 4].try_into().expect("four bytes"));
        let is_in_footer = at >= content.len() - 8 - stated as usize;
        let stated = stated + if is_in_footer { 5 } else { 0 };
        changed[length - 8..length - 4].copy_from_slice(&stated.to_le_bytes());
        drop(read(change_commits::Row::table(), &changed, limits.rows, &limits));
    }
}

#[test]
fn metadata_that_lie_about_rows_are_found_out() {
    // The number of rows stands in the metadata of the file and of its row group; the pages hold what they hold.
    let (table, limits) = (change_commits::Row::table(), Limits::default());
    let content = written(table, &rows(1_000)).expect("it can be written");
    let mut lies = 0;
    // 1000 as the compact protocol writes it: 2000 in groups of seven bits.
    let stated = [0xd0, 0x0f];
    let footer = content.len() - 2_000.min(content.len());
    for at in footer..content.len() - 1 {
        if content[at..at + 2] == stated {
            let mut changed = content.clone();
            changed[at..at + 2].copy_from_slice(&[0xd0, 0x1f]);
            if let Ok(read) = read(table, &changed, limits.rows, &limits) {
                assert!(read.num_rows() <= 1_000, "{} rows of a thousand", read.num_rows());
            }
            lies += 1;
        }
    }
    assert!(lies > 0, "the number was found");
}
