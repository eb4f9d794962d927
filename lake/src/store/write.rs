//! Bringing rows into a table so that each key stands there once, whoever else is writing.

use std::collections::HashMap;
use std::time::Duration;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use datafusion::prelude::{SessionContext, col, lit};
use deltalake_core::kernel::Transaction;
use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::protocol::SaveMode;
use deltalake_core::{DeltaTable, DeltaTableError};
use futures::future::BoxFuture;

use super::Lake;
use super::batch::WriteMode;
use super::delta::{is_conflict, provider, query, session};
use crate::contract::checked_column;
use crate::{LakeError, Table};

/// How often a commit is tried again when other writers are faster.
pub(super) const ATTEMPTS: u32 = 60;
/// Small files are folded together in passing once a table has this many.
const FILES_BEFORE_COMPACTION: usize = 32;
/// Every commit carries this application transaction, so that two writers that both looked at the same version
/// cannot both add to it: the slower one is refused and looks again.
pub(super) const GUARD: &str = "guard";

/// The application transaction under which a table notes the batches of a stream.
pub(super) fn application(stream: &str) -> String {
    format!("stream {stream}")
}

/// Rows for one table.
pub(super) struct Incoming<'a> {
    pub(super) table: &'static Table,
    pub(super) mode: WriteMode,
    pub(super) rows: RecordBatch,
    pub(super) stream: &'a str,
    pub(super) number: u64,
}

/// What one commit does to a table in which every key stands once.
enum Plan {
    Nothing,
    /// Adds rows whose keys are not there.
    Append(RecordBatch),
    /// Adds rows, in place of those with the same key.
    Merge(RecordBatch),
    /// As `Merge`, and removes all other rows of this source.
    MergeSource(RecordBatch),
    /// Puts rows in place of all rows of this source; no other row has one of their keys.
    ReplaceSource(RecordBatch),
    ReplaceTable(RecordBatch),
}

impl Lake {
    /// Commits rows to a table and returns the table's version that holds them. Doing it twice changes nothing.
    pub(super) fn write<'a>(&'a self, incoming: &'a Incoming<'a>) -> BoxFuture<'a, Result<u64, LakeError>> {
        Box::pin(async move {
            let table = incoming.table;
            let failed = |error| LakeError::table("commit to", table.name, error);
            for attempt in 0..ATTEMPTS {
                let found = self.table_or_create(table).await?;
                let Some(found) = self.up_to_date(table, found).await? else {
                    back_off(attempt, incoming.number).await;
                    continue;
                };
                let version = found.version().unwrap_or_default();
                let application = application(incoming.stream);
                let done = transaction(&found, &application).await.map_err(failed)?;
                let number = i64::try_from(incoming.number).unwrap_or(i64::MAX);
                // A later batch of the stream may have come in first: rows by key still find their place, what would
                // replace is out of date.
                if done == Some(number) || (done > Some(number) && incoming.mode != WriteMode::Upsert) {
                    return Ok(version);
                }
                let plan = plan(incoming, &found).await?;
                let noted = Transaction::new(application, done.unwrap_or(i64::MIN).max(number));
                let properties = guarded(&found).await.map_err(failed)?.with_application_transaction(noted);
                match commit_once(execute(table, incoming, found, plan, properties).await).map_err(failed)? {
                    Some(committed) => return compact_in_passing(table, committed, FILES_BEFORE_COMPACTION).await,
                    None => back_off(attempt, incoming.number).await,
                }
            }
            Err(LakeError::Contended { table: table.name.to_owned(), attempts: ATTEMPTS })
        })
    }
}

/// A commit that is refused if anybody else commits first.
pub(super) async fn guarded(found: &DeltaTable) -> Result<CommitProperties, DeltaTableError> {
    let guard = transaction(found, GUARD).await?.unwrap_or_default() + 1;
    let guard = Transaction::new(GUARD, guard);
    Ok(CommitProperties::default().with_application_transaction(guard).with_cleanup_expired_logs(Some(false)))
}

/// What a commit gave; `None` where another writer was faster, which is worth another look.
pub(super) fn commit_once<T>(outcome: Result<T, DeltaTableError>) -> Result<Option<T>, DeltaTableError> {
    match outcome {
        Ok(committed) => Ok(Some(committed)),
        Err(error) if is_conflict(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Folds small files together if there are many, and returns the version that the table then has.
pub(super) async fn compact_in_passing(table: &Table, committed: DeltaTable, most: usize) -> Result<u64, LakeError> {
    let version = committed.version().unwrap_or_default();
    let files = committed.get_file_uris().map_or(0, Iterator::count);
    if files < most {
        return Ok(version);
    }
    match committed.optimize().await {
        Ok((compacted, _)) => Ok(compacted.version().unwrap_or(version)),
        Err(error) if is_conflict(&error) => Ok(version),
        Err(error) => Err(LakeError::table("compact", table.name, error)),
    }
}

pub(super) async fn back_off(attempt: u32, salt: u64) {
    let milliseconds = 5 * u64::from(attempt.min(20)) + (salt * 7 + u64::from(attempt) * 13) % 11;
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// The last number that an application recorded with its commits.
pub(super) async fn transaction(found: &DeltaTable, application: &str) -> Result<Option<i64>, DeltaTableError> {
    found.snapshot()?.transaction_version(found.log_store().as_ref(), application).await
}

async fn execute(
    table: &Table,
    incoming: &Incoming<'_>,
    found: DeltaTable,
    plan: Plan,
    properties: CommitProperties,
) -> Result<DeltaTable, DeltaTableError> {
    match plan {
        Plan::Nothing => Ok(found),
        Plan::Append(rows) => {
            found.write([rows]).with_save_mode(SaveMode::Append).with_commit_properties(properties).await
        }
        Plan::ReplaceTable(rows) if rows.num_rows() == 0 => {
            Ok(found.delete().with_commit_properties(properties).await?.0)
        }
        Plan::ReplaceTable(rows) => {
            found.write([rows]).with_save_mode(SaveMode::Overwrite).with_commit_properties(properties).await
        }
        Plan::ReplaceSource(rows) => {
            let own = col("source").eq(lit(incoming.stream));
            if rows.num_rows() == 0 {
                let (left, _) = found.delete().with_predicate(own).with_commit_properties(properties).await?;
                return Ok(left);
            }
            found
                .write([rows])
                .with_save_mode(SaveMode::Overwrite)
                .with_replace_where(own)
                .with_commit_properties(properties)
                .await
        }
        Plan::Merge(rows) => merge(table, found, rows, None, properties).await,
        Plan::MergeSource(rows) => merge(table, found, rows, Some(incoming.stream), properties).await,
    }
}

async fn merge(
    table: &Table,
    found: DeltaTable,
    rows: RecordBatch,
    replaced_source: Option<&str>,
    properties: CommitProperties,
) -> Result<DeltaTable, DeltaTableError> {
    let same_key = table
        .key
        .iter()
        .map(|name| {
            let (old, new) = (col(format!("t.{name}")), col(format!("s.{name}")));
            let both_null = old.clone().is_null().and(new.clone().is_null());
            let is_nullable = table.column(name).is_some_and(|column| column.nullable);
            if is_nullable { old.eq(new).or(both_null) } else { old.eq(new) }
        })
        .reduce(datafusion::logical_expr::Expr::and)
        .expect("a table has a key");
    let source = session(None).read_batch(rows)?;
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let mut merge = found
        .merge(source, same_key)
        .with_source_alias("s")
        .with_target_alias("t")
        .with_commit_properties(properties)
        .when_matched_update(|update| {
            columns.iter().fold(update, |update, name| update.update(*name, col(format!("s.{name}"))))
        })?
        .when_not_matched_insert(|insert| {
            columns.iter().fold(insert, |insert, name| insert.set(*name, col(format!("s.{name}"))))
        })?;
    if let Some(stream) = replaced_source {
        let own = col("t.source").eq(lit(stream));
        merge = merge.when_not_matched_by_source_delete(|delete| delete.predicate(own))?;
    }
    Ok(merge.await?.0)
}

/// Decides what has to be written, given what is there.
async fn plan(incoming: &Incoming<'_>, found: &DeltaTable) -> Result<Plan, LakeError> {
    let table = incoming.table;
    let shaped = |error| LakeError::rows(table.name, error);
    let converters = Converters::new(table).map_err(shaped)?;
    let rows = converters.newest_per_key(&incoming.rows).map_err(shaped)?;
    let is_empty = found.get_file_uris().map_or(true, |mut files| files.next().is_none());
    if is_empty {
        return Ok(if rows.num_rows() == 0 { Plan::Nothing } else { Plan::Append(rows) });
    }
    let context = session(Some(1));
    context.register_table("stored", provider(&context, table, found).await?)?;
    match incoming.mode {
        WriteMode::ReplaceTable => {
            let stored = query(&context, "SELECT * FROM stored").await?;
            let is_same = converters.same(&rows, &stored).map_err(shaped)?;
            Ok(if is_same { Plan::Nothing } else { Plan::ReplaceTable(rows) })
        }
        WriteMode::ReplaceSource => {
            let stream = incoming.stream.replace('\'', "''");
            let own = query(&context, &format!("SELECT * FROM stored WHERE source = '{stream}'")).await?;
            let others = format!("SELECT * FROM stored WHERE source <> '{stream}'");
            let others = same_keys(&context, table, &rows, &others).await?;
            // Where another source has a row that ranks as high, that one stays; where it ranks lower, ours takes its
            // place, so that no key stands twice.
            let rows = converters.not_outdone(&rows, &others).map_err(shaped)?;
            if converters.shares_a_key(&rows, &others).map_err(shaped)? {
                return Ok(Plan::MergeSource(rows));
            }
            let is_same = converters.same(&rows, &own).map_err(shaped)?;
            Ok(if is_same { Plan::Nothing } else { Plan::ReplaceSource(rows) })
        }
        WriteMode::Upsert => {
            let stored = same_keys(&context, table, &rows, "SELECT * FROM stored").await?;
            let news = converters.not_outdone(&rows, &stored).map_err(shaped)?;
            if news.num_rows() == 0 {
                return Ok(Plan::Nothing);
            }
            let known = converters.shares_a_key(&news, &stored).map_err(shaped)?;
            Ok(if known { Plan::Merge(news) } else { Plan::Append(news) })
        }
    }
}

/// The stored rows that have a key in common with `rows`, and possibly some more: columns that may be null are not
/// compared here, because a join that treats null as a value is slow.
async fn same_keys(
    context: &SessionContext,
    table: &Table,
    rows: &RecordBatch,
    stored: &str,
) -> Result<Vec<RecordBatch>, LakeError> {
    context.deregister_table("incoming")?;
    context.register_batch("incoming", rows.clone())?;
    let plain_key = table.key.iter().filter(|name| table.column(name).is_some_and(|column| !column.nullable));
    let same_key: Vec<String> = plain_key.map(|name| format!("o.\"{name}\" = i.\"{name}\"")).collect();
    let sql = if same_key.is_empty() {
        stored.to_owned()
    } else {
        format!("SELECT o.* FROM ({stored}) AS o LEFT SEMI JOIN incoming AS i ON {}", same_key.join(" AND "))
    };
    query(context, &sql).await
}

/// Turns rows of a table into bytes that compare as we need them to.
struct Converters<'a> {
    table: &'a Table,
    keys: RowConverter,
    ranks: RowConverter,
}

impl<'a> Converters<'a> {
    fn new(table: &'a Table) -> Result<Self, ArrowError> {
        let fields = |names: &[&str]| -> Vec<SortField> {
            names
                .iter()
                .filter_map(|name| table.column(name))
                .map(|column| SortField::new(column.data_type.clone()))
                .collect()
        };
        Ok(Self {
            table,
            keys: RowConverter::new(fields(&table.key))?,
            ranks: RowConverter::new(fields(&rank_columns(table)))?,
        })
    }

    fn rows(&self, converter: &RowConverter, names: &[&str], batch: &RecordBatch) -> Result<Rows, ArrowError> {
        let columns = names
            .iter()
            .filter_map(|name| self.table.column(name))
            .map(|column| checked_column(batch, column.name, &column.data_type, column.nullable))
            .collect::<Result<Vec<_>, _>>()?;
        converter.convert_columns(&columns)
    }

    fn keys(&self, batch: &RecordBatch) -> Result<Rows, ArrowError> {
        self.rows(&self.keys, &self.table.key, batch)
    }

    /// Rows by what decides between two with one key: the time the source last changed it, then the content, so
    /// that the outcome never depends on the order in which they came.
    fn ranks(&self, batch: &RecordBatch) -> Result<Rows, ArrowError> {
        self.rows(&self.ranks, &rank_columns(self.table), batch)
    }

    /// One row per key: the newest.
    fn newest_per_key(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let (keys, ranks) = (self.keys(batch)?, self.ranks(batch)?);
        let mut newest: HashMap<&[u8], usize> = HashMap::with_capacity(batch.num_rows());
        for at in 0..batch.num_rows() {
            let place = newest.entry(keys.row(at).data()).or_insert(at);
            if ranks.row(at) > ranks.row(*place) {
                *place = at;
            }
        }
        if newest.len() == batch.num_rows() {
            return Ok(batch.clone());
        }
        let mut kept: Vec<usize> = newest.into_values().collect();
        kept.sort_unstable();
        pick(batch, &kept)
    }

    /// The rows for which no stored row with the same key is as new.
    fn not_outdone(&self, batch: &RecordBatch, stored: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
        let mut best: HashMap<OwnedRow, OwnedRow> = HashMap::new();
        for stored in stored {
            let (keys, ranks) = (self.keys(stored)?, self.ranks(stored)?);
            for at in 0..stored.num_rows() {
                best.insert(keys.row(at).owned(), ranks.row(at).owned());
            }
        }
        let (keys, ranks) = (self.keys(batch)?, self.ranks(batch)?);
        let kept: Vec<usize> = (0..batch.num_rows())
            .filter(|at| best.get(&keys.row(*at).owned()).is_none_or(|rank| ranks.row(*at) > rank.row()))
            .collect();
        pick(batch, &kept)
    }

    fn shares_a_key(&self, batch: &RecordBatch, stored: &[RecordBatch]) -> Result<bool, ArrowError> {
        let mut known = std::collections::HashSet::new();
        for stored in stored {
            let keys = self.keys(stored)?;
            known.extend((0..stored.num_rows()).map(|at| keys.row(at).owned()));
        }
        let keys = self.keys(batch)?;
        Ok((0..batch.num_rows()).any(|at| known.contains(&keys.row(at).owned())))
    }

    /// Whether both sides hold the same rows, wherever they were read from.
    fn same(&self, batch: &RecordBatch, stored: &[RecordBatch]) -> Result<bool, ArrowError> {
        if stored.iter().map(RecordBatch::num_rows).sum::<usize>() != batch.num_rows() {
            return Ok(false);
        }
        let sorted = |batches: &[RecordBatch]| -> Result<Vec<OwnedRow>, ArrowError> {
            let mut all = Vec::new();
            for batch in batches {
                let ranks = self.ranks(batch)?;
                all.extend((0..batch.num_rows()).map(|at| ranks.row(at).owned()));
            }
            all.sort_unstable();
            Ok(all)
        };
        Ok(sorted(std::slice::from_ref(batch))? == sorted(stored)?)
    }
}

/// The columns that rank two rows with one key: the newest-by column first, then everything that is content.
fn rank_columns(table: &Table) -> Vec<&'static str> {
    let content = table.columns.iter().filter(|column| !column.provenance).map(|column| column.name);
    table.newest_by.into_iter().chain(content.filter(|name| Some(*name) != table.newest_by)).collect()
}

fn pick(batch: &RecordBatch, rows: &[usize]) -> Result<RecordBatch, ArrowError> {
    if rows.len() == batch.num_rows() {
        return Ok(batch.clone());
    }
    let places: UInt64Array = rows.iter().map(|at| *at as u64).collect();
    take_record_batch(batch, &places)
}
