//! Folding small files together, and removing what no kept version needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use deltalake_core::DeltaTable;
use deltalake_core::operations::vacuum::{Clock, VacuumMode};

use super::delta::is_conflict;
use super::manifest::{MANIFEST, PENDING};
use super::{Lake, VersionRow};
use crate::{Instant, LakeError, Table, tables};

/// What maintenance did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Maintenance {
    /// Data files before, over all tables.
    pub files_before: usize,
    /// Data files that the newest version reads after it.
    pub files_after: usize,
    /// Files removed from storage.
    pub files_removed: usize,
    /// Lake versions that can still be read.
    pub versions_kept: usize,
}

/// Files that no table and no manifest names are kept this long at least: a writer may be about to name them.
const SHORTEST_WRITE: TimeDelta = TimeDelta::hours(1);

#[derive(Debug)]
struct Now(i64);

impl Clock for Now {
    fn current_timestamp_millis(&self) -> i64 {
        self.0
    }
}

impl Lake {
    /// Folds the small files of every table together. Older lake versions stay readable.
    ///
    /// # Errors
    /// [`LakeError`] where a table cannot be read or committed.
    pub async fn compact(&self, now: Instant) -> Result<Maintenance, LakeError> {
        let mut done = Maintenance::default();
        let mut compacted = BTreeMap::new();
        for table in tables::all() {
            let Some(found) = self.table(table).await? else { continue };
            let failed = |error| LakeError::table("compact", table.name, error);
            let before = found.get_file_uris().map_err(failed)?.count();
            let (after, version) = match found.clone().optimize().await {
                Ok((folded, _)) => (folded.get_file_uris().map_err(failed)?.count(), folded.version()),
                // A writer was faster; the next time will do.
                Err(error) if is_conflict(&error) => (before, found.version()),
                Err(error) => return Err(failed(error)),
            };
            done.files_before += before;
            done.files_after += after;
            compacted.insert(table.name.to_owned(), version.unwrap_or_default());
        }
        let tables = self.settle(compacted, &self.versions().await?).await?.tables;
        let versions = self.versions().await?;
        done.versions_kept = versions.len();
        if versions
            .last()
            .is_some_and(|last| tables.iter().any(|(name, version)| last.tables.get(name) < Some(version)))
        {
            let batch = versions.iter().filter(|row| row.stream == MAINTENANCE).map(|row| row.batch).max();
            self.record_version(VersionRow {
                version: 0,
                written_at: now,
                stream: MAINTENANCE.to_owned(),
                batch: batch.unwrap_or(0) + 1,
                cursor: None,
                tables,
            })
            .await?;
            done.versions_kept += 1;
        }
        Ok(done)
    }

    /// Removes the files that no kept lake version reads, and what killed writers left behind. Kept are the newest
    /// version, every version that could be read as the newest within `retention` of `now`, and those in `pinned`.
    ///
    /// Files are dated by the storage's clock. A reader or writer that is at work while its files are removed fails
    /// and may be started again; nothing is lost. A retention longer than any reading avoids it.
    ///
    /// # Errors
    /// [`LakeError`] where a table cannot be read or a file cannot be removed.
    pub async fn vacuum(
        &self,
        now: Instant,
        retention: TimeDelta,
        pinned: &BTreeSet<u64>,
    ) -> Result<Maintenance, LakeError> {
        let versions = self.versions().await?;
        let kept = kept(&versions, now, retention, pinned);
        let mut done = Maintenance { versions_kept: kept.len(), ..Maintenance::default() };
        for table in tables::all() {
            let Some(found) = self.table(table).await? else { continue };
            let mut keep: BTreeSet<u64> = kept.iter().filter_map(|row| row.tables.get(table.name)).copied().collect();
            // A writer that has not recorded its version yet may still record any of these.
            keep.extend(keep.last().copied().unwrap_or_default()..=found.version().unwrap_or_default());
            let files = found.get_file_uris().map_err(|error| LakeError::table("vacuum", table.name, error))?.count();
            done.files_before += files;
            done.files_after += files;
            let keep: Vec<u64> = keep.into_iter().collect();
            done.files_removed += vacuum(table, found, now, retention, &keep).await?;
        }
        done.files_removed += self.vacuum_versions(now, retention).await?;
        done.files_removed += self.sweep_staged(now, retention.max(SHORTEST_WRITE)).await?;
        Ok(done)
    }

    /// Removes staged rows without a manifest and halves of files, once they are so old that no writer is at them.
    async fn sweep_staged(&self, now: Instant, age: TimeDelta) -> Result<usize, LakeError> {
        let Some(before) = system_time(now, age) else { return Ok(0) };
        let mut folders: BTreeMap<String, Vec<(String, SystemTime)>> = BTreeMap::new();
        for (name, written) in self.objects.dated_names(PENDING).await? {
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            folders.entry(folder).or_default().push((name, written));
        }
        let mut removed = 0;
        for files in folders.into_values() {
            let is_pending = files.iter().any(|(name, _)| name.ends_with(&format!("/{MANIFEST}")));
            let is_old = files.iter().all(|(_, written)| *written < before);
            if is_old && !is_pending {
                for (name, _) in files {
                    self.objects.delete(&name).await?;
                    removed += 1;
                }
            }
        }
        Ok(removed + self.objects.sweep_halves(before)?)
    }
}

/// The stream of lake versions that hold the same rows in fewer files.
const MAINTENANCE: &str = "maintenance";

fn kept<'a>(
    versions: &'a [VersionRow],
    now: Instant,
    retention: TimeDelta,
    pinned: &BTreeSet<u64>,
) -> Vec<&'a VersionRow> {
    let since = now.0.saturating_sub(retention.num_microseconds().unwrap_or(i64::MAX));
    let mut kept: Vec<&VersionRow> = Vec::new();
    for (at, row) in versions.iter().enumerate() {
        // A version is the newest until the next one is written.
        let newest_until = versions.get(at + 1).map_or(i64::MAX, |next| next.written_at.0);
        if newest_until >= since || pinned.contains(&row.version) {
            kept.push(row);
        }
    }
    kept
}

/// Removes the files of a table that were replaced longer ago than `retention`, and those that no commit names and
/// that are older than any writing takes. Files of the versions `keep` stay.
pub(super) async fn vacuum(
    table: &Table,
    found: DeltaTable,
    now: Instant,
    retention: TimeDelta,
    keep: &[u64],
) -> Result<usize, LakeError> {
    let failed = |error| LakeError::table("vacuum", table.name, error);
    let sweep = |found: DeltaTable, mode, retention| {
        let mut vacuum = found
            .vacuum()
            .with_retention_period(retention)
            .with_enforce_retention_duration(false)
            .with_mode(mode)
            .with_clock(Arc::new(Now(now.0 / 1_000)));
        if !keep.is_empty() {
            vacuum = vacuum.with_keep_versions(keep);
        }
        vacuum.into_future()
    };
    let (found, swept) = sweep(found, VacuumMode::Full, retention.max(SHORTEST_WRITE)).await.map_err(failed)?;
    let mut removed = swept.files_deleted.len();
    if retention < SHORTEST_WRITE {
        removed += sweep(found, VacuumMode::Lite, retention).await.map_err(failed)?.1.files_deleted.len();
    }
    Ok(removed)
}

/// `age` before `now` as the file system says it.
fn system_time(now: Instant, age: TimeDelta) -> Option<SystemTime> {
    let since_epoch = now.0.checked_sub(age.num_microseconds()?)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(u64::try_from(since_epoch).ok()?))
}
