//! Rows, batches and the few calls that the tests need. The tests themselves do not know the lake's API well.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use lake::tables::{commits, coverage, deployments};
use lake::{AsOf, Batch, Instant, Lake, Location, Page, Snapshot, Table, TableRow, WriteMode, canonical, tables};

/// Waits for what the lake does.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(work)
}

pub(crate) fn temporary_folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

pub(crate) fn at_folder(path: impl AsRef<Path>) -> Location {
    Location::Folder(path.as_ref().to_owned())
}

pub(crate) async fn open(path: impl AsRef<Path>) -> Lake {
    Lake::open_or_create(&at_folder(path)).await.expect("the lake opens")
}

pub(crate) async fn latest(lake: &Lake) -> Snapshot {
    lake.snapshot(AsOf::Latest).await.expect("the newest version can be read")
}

/// `hours` after the start of 2026.
pub(crate) fn hour(hours: i64) -> Instant {
    Instant::from_seconds(1_767_225_600 + hours * 3_600)
}

/// A moment after anything the storage's clock says.
pub(crate) fn much_later() -> Instant {
    Instant::parse("2999-01-01T00:00:00Z").expect("it is an instant")
}

/// The one line by which a test says that it did not run.
#[expect(clippy::print_stderr, reason = "a test that did not run has to say so where people look")]
pub(crate) fn skipped(test: &str, reason: &str) {
    eprintln!("skipped {test}: {reason}");
}

/// The digest of every table.
pub(crate) async fn digests(lake: &Lake, at: AsOf) -> BTreeMap<&'static str, String> {
    let snapshot = lake.snapshot(at).await.expect("the version is there");
    let mut digests = BTreeMap::new();
    for table in tables::all() {
        let rows = snapshot.read(table).await.expect("the table can be read");
        digests.insert(table.name, canonical::digest(table, &rows).expect("stored rows have a canonical form"));
    }
    digests
}

/// Rows of one source as the store takes them.
pub(crate) fn stored<R: TableRow>(source: &str, rows: Vec<R>) -> RecordBatch {
    R::table().with_provenance(&R::batch(rows), source, None).expect("rows fit their own table")
}

/// Commits rows of one table in one batch.
pub(crate) async fn put<R: TableRow>(lake: &Lake, source: &str, mode: WriteMode, rows: Vec<R>) {
    let mut batch = Batch::new(source, hour(0));
    batch.write(R::table(), mode, stored(source, rows));
    lake.commit(batch).await.expect("the batch is committed");
}

/// How many rows of a batch of [`numbered`] each table gets.
pub(crate) const COMMITS_PER_BATCH: usize = 3;

/// Batch `number` of a stream: rows of three tables that say in which batch they came, and one deployment that every
/// batch brings again with new content.
pub(crate) fn numbered(stream: &str, number: i64) -> Batch {
    let mut batch = Batch::new(stream, hour(number));
    let page = Page::new(format!("page {number} of {stream}").into_bytes());
    let commits: Vec<_> = (0..COMMITS_PER_BATCH).map(|at| a_commit(stream, number, at)).collect();
    let commits = commits::Row::table().with_provenance(&TableRow::batch(commits), stream, Some(page.sha()));
    batch.add_page(page);
    batch.write(commits::Row::table(), WriteMode::Upsert, commits.expect("rows fit their own table"));
    let deployments = vec![
        a_deployment(&format!("{stream}/{number}"), number, number),
        a_deployment("brought by every batch", number, number),
    ];
    batch.write(deployments::Row::table(), WriteMode::Upsert, stored(stream, deployments));
    batch.write(coverage::Row::table(), WriteMode::Upsert, stored(stream, vec![a_range(stream, number)]));
    batch.set_cursor(number.to_string());
    batch
}

/// Checks that every table of a version holds whole batches of [`numbered`], once, and tells which.
pub(crate) async fn whole_batches(snapshot: &Snapshot, stream: &str) -> Vec<i64> {
    let ranges: Vec<coverage::Row> = snapshot.rows().await.expect("coverage can be read");
    let mut batches: Vec<i64> =
        ranges.iter().filter(|row| row.stream == stream).map(|row| row.missing_count.unwrap_or(-1)).collect();
    batches.sort_unstable();
    let mut once = batches.clone();
    once.dedup();
    assert_eq!(batches, once, "a batch stands twice in `coverage`");

    let commits: Vec<commits::Row> = snapshot.rows().await.expect("commits can be read");
    let mut found: Vec<String> =
        commits.into_iter().filter(|row| row.repository == stream).map(|row| row.commit_sha).collect();
    let mut wanted: Vec<String> = batches
        .iter()
        .flat_map(|number| (0..COMMITS_PER_BATCH).map(|at| a_commit(stream, *number, at).commit_sha))
        .collect();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted, "`commits` and `coverage` do not belong together");

    let deployments: Vec<deployments::Row> = snapshot.rows().await.expect("deployments can be read");
    let mut found: Vec<i64> = deployments
        .iter()
        .filter(|row| row.deployment_id.starts_with(&format!("{stream}/")))
        .map(|row| row.attempt)
        .collect();
    found.sort_unstable();
    assert_eq!(found, batches, "`deployments` and `coverage` do not belong together");
    batches
}

/// What the one deployment that every batch brings says now.
pub(crate) async fn brought_by_every_batch(snapshot: &Snapshot) -> Vec<String> {
    let deployments: Vec<deployments::Row> = snapshot.rows().await.expect("deployments can be read");
    deployments.into_iter().filter(|row| row.deployment_id == "brought by every batch").map(|row| row.status).collect()
}

pub(crate) fn a_commit(stream: &str, number: i64, at: usize) -> commits::Row {
    commits::Row {
        repository: stream.to_owned(),
        commit_sha: format!("{number:08}-{at}"),
        parents: (0..at).map(|parent| format!("{number:08}-{parent}")).collect(),
        is_merge: at > 1,
        authored_at: hour(number),
        author_offset_minutes: Some(60),
        committed_at: hour(number),
        committer_offset_minutes: Some(-300),
        author_id: "0123456789abcdef".into(),
        author_kind: "human".into(),
        subject: format!("batch {number}"),
        reverts: Vec::new(),
        cherry_picked_from: None,
        patch_id: (at == 0).then(|| format!("patch {number}")),
    }
}

/// A deployment whose content tells its revision; of two the one with the greater `updated` is newer.
pub(crate) fn a_deployment(id: &str, revision: i64, updated: i64) -> deployments::Row {
    deployments::Row {
        deployment_id: id.to_owned(),
        attempt: if id.starts_with("brought") { 1 } else { revision },
        target: String::new(),
        service: Some("api".into()),
        environment: None,
        revisions: vec![format!("api@{revision}")],
        status: format!("revision {revision}"),
        started_at: Some(hour(revision)),
        finished_at: None,
        reached_users: None,
        intent: None,
        actor_id: None,
        evidence: "deployment_status".into(),
        updated_at: Some(hour(updated)),
    }
}

pub(crate) fn a_range(stream: &str, number: i64) -> coverage::Row {
    coverage::Row {
        stream: stream.to_owned(),
        covers: "commits".into(),
        repository: None,
        service: None,
        range_start_at: Some(hour(number)),
        range_end_at: Some(hour(number + 1)),
        is_complete: true,
        reason: None,
        missing_count: Some(number),
    }
}

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let entry = entry.expect("it can be read");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("it has a type").is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a file can be copied");
        }
    }
}

/// A small generator of numbers that looks random and is the same everywhere.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn signed(&mut self) -> i64 {
        self.below(u64::MAX).cast_signed()
    }
}

/// `count` rows of any table, each with its own key: every type, with nulls, empty lists and odd texts.
pub(crate) fn generated(table: &Table, count: usize, seed: u64) -> RecordBatch {
    let mut dice = Dice(seed);
    let columns: Vec<ArrayRef> = table
        .columns
        .iter()
        .filter(|column| !column.provenance)
        .map(|column| generated_column(&column.data_type, column.nullable, count, &mut dice))
        .collect();
    RecordBatch::try_new(table.row_schema(), columns).expect("generated columns fit the schema")
}

fn generated_column(data_type: &DataType, nullable: bool, count: usize, dice: &mut Dice) -> ArrayRef {
    const TEXTS: [&str; 8] = ["", "plain", "it's", "\"quoted\"", "a,b;c", "zwölf µ 🚀", "line\nbreak\ttab", "%20+\\ /"];
    const NUMBERS: [f64; 8] = [0.0, -0.0, 0.1, -1.5, 1e300, -1e-300, f64::MAX, f64::MIN_POSITIVE];
    let null = |dice: &mut Dice| nullable && dice.one_in(3);
    match data_type {
        DataType::Utf8 => {
            let cells = (0..count).map(|at| (!null(dice)).then(|| format!("{at}{}", TEXTS[at % TEXTS.len()])));
            Arc::new(cells.collect::<StringArray>())
        }
        DataType::Int64 => {
            let cells = (0..count).map(|at| match at {
                _ if null(dice) => None,
                1 => Some(i64::MAX),
                2 => Some(i64::MIN),
                _ => Some(dice.signed()),
            });
            Arc::new(cells.collect::<Int64Array>())
        }
        DataType::Float64 => {
            Arc::new((0..count).map(|at| (!null(dice)).then(|| NUMBERS[at % NUMBERS.len()])).collect::<Float64Array>())
        }
        DataType::Boolean => {
            Arc::new((0..count).map(|_| (!null(dice)).then(|| dice.one_in(2))).collect::<BooleanArray>())
        }
        DataType::Timestamp(..) => {
            let cells = (0..count).map(|at| match at {
                _ if null(dice) => None,
                1 => Some(-62_135_596_800_000_000),
                2 => Some(253_402_300_799_999_999),
                _ => Some(dice.signed() % 4_000_000_000_000_000),
            });
            Arc::new(cells.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
        DataType::List(_) => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for _ in 0..count {
                for at in 0..dice.below(4) {
                    lists.values().append_value(TEXTS[usize::try_from(at).expect("it is small")]);
                }
                lists.append(true);
            }
            Arc::new(lists.finish())
        }
        other => panic!("the contract has a type that this generator does not know: {other}"),
    }
}
