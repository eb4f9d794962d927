//! Batches that survive a kill: first a manifest with its rows on disk, then one commit per table, then the version
//! that makes them visible. Whoever commits or opens next finishes what was begun, from disk alone.
//!
//! No lake version may hold half a batch, and a table may take rows of several writers between two versions. So a
//! writer never records a version before every manifest it can see is in its tables:
//!
//! 1. A manifest stands below `pending/` before its first row is in any table, until its version is recorded.
//! 2. A writer brings *all* pending batches into their tables, its own and those of others, and looks again. When it
//!    finds nothing new, the table versions it holds contain whole batches only: any batch whose row they could hold
//!    had its manifest there before, and has either been brought in or been recorded.
//! 3. It records the later of its table versions and those of the newest lake version.
//!
//! A pending batch that something damaged cannot be brought in by anybody, so nothing can be recorded until it is set
//! aside, see [`super::aside`].

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::{reader::FileReader, writer::FileWriter};
use serde::{Deserialize, Serialize};

use super::batch::{Batch, WriteMode};
use super::schema::completed;
use super::versions::VersionRow;
use super::write::Incoming;
use super::{Committed, Lake};
use crate::{Instant, LakeError, Table, tables};

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Manifest {
    pub(super) stream: String,
    batch: u64,
    cursor: Option<String>,
    written_at: Instant,
    pages: Vec<String>,
    writes: Vec<ManifestWrite>,
}

#[derive(Debug, Deserialize, Serialize)]
struct ManifestWrite {
    table: String,
    schema_version: u32,
    mode: WriteMode,
    rows: usize,
}

/// The Delta versions of tables.
pub(super) type TableVersions = BTreeMap<String, u64>;

/// The stream of a batch and its number there.
type BatchId = (String, u64);

/// What settling did.
pub(super) struct Settled {
    /// Table versions that hold whole batches only.
    pub(super) tables: TableVersions,
    /// The lake version of each batch that was brought in.
    recorded: BTreeMap<BatchId, u64>,
}

pub(super) const PENDING: &str = "pending";
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const BATCHES: &str = "batches";
const CLAIM: &str = "claim";

impl Lake {
    /// Commits a batch: all of it becomes visible in one lake version, or none of it does.
    ///
    /// # Errors
    /// [`LakeError`] where rows do not fit their table or storage refuses. What was committed before stays readable;
    /// if the batch had reached disk, the next commit to the lake, or the next process that opens it, finishes it.
    pub async fn commit(&self, batch: Batch) -> Result<Committed, LakeError> {
        let versions = self.versions().await?;
        let (stream, number) = self.stage(batch, &versions).await?;
        let settled = self.settle(TableVersions::new(), &versions).await?;
        let recorded = settled.recorded.get(&(stream.clone(), number)).copied();
        let lake_version = match recorded {
            Some(version) => Some(version),
            // Another writer brought it in.
            None => self.versions().await?.iter().find(|row| row.is_of(&stream, number)).map(|row| row.version),
        };
        let gone =
            || self.objects.damaged(&pending_folder(&stream, number), "the batch was removed while it was pending");
        Ok(Committed { lake_version: lake_version.ok_or_else(gone)?, batch: number })
    }

    /// Brings a batch to disk, whole: with its manifest it is pending, without it never happened.
    async fn stage(&self, batch: Batch, versions: &[VersionRow]) -> Result<(String, u64), LakeError> {
        let mut checked = Vec::new();
        for write in batch.writes() {
            let rows = write.rows_of(batch.stream()).map_err(|error| LakeError::rows(write.table.name, error))?;
            checked.push((write, rows));
        }
        batch.store_pages(&self.objects).await?;
        let number = self.claim_number(batch.stream(), versions).await?;
        let folder = pending_folder(batch.stream(), number);
        let mut writes = Vec::new();
        for (write, rows) in checked {
            let table = write.table;
            let file = to_arrow_file(&rows).map_err(|error| LakeError::rows(table.name, error))?;
            if let Err(error) = self.objects.put(&format!("{folder}/{}.arrow", table.name), file).await {
                // There is no manifest yet, so nobody else minds. Where even this fails, `vacuum` removes it later.
                drop(self.clear_pending(batch.stream(), number).await);
                return Err(error);
            }
            writes.push(ManifestWrite {
                table: table.name.to_owned(),
                schema_version: table.version,
                mode: write.mode,
                rows: rows.num_rows(),
            });
        }
        let manifest = Manifest {
            stream: batch.stream().to_owned(),
            batch: number,
            cursor: batch.cursor().map(str::to_owned),
            written_at: batch.written_at(),
            pages: batch.page_shas(),
            writes,
        };
        self.objects.put(&format!("{folder}/{MANIFEST}"), to_json(&manifest)).await?;
        Ok((batch.stream().to_owned(), number))
    }

    /// Finishes the batches that earlier processes left behind.
    pub(super) async fn replay_pending(&self) -> Result<(), LakeError> {
        if self.pending_manifests().await?.is_empty() {
            return Ok(());
        }
        let versions = self.versions().await?;
        self.settle(TableVersions::new(), &versions).await.map(|_| ())
    }

    /// Brings every pending batch into its tables and records the versions that make them visible; the table
    /// versions are at least `touched`. `versions` are those of a moment ago: to bring in again what has been recorded
    /// since changes nothing.
    pub(super) async fn settle(
        &self,
        mut touched: TableVersions,
        versions: &[VersionRow],
    ) -> Result<Settled, LakeError> {
        let _alone = self.settling.lock().await;
        let mut settled: Vec<Manifest> = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            let mut pending = self.pending_manifests().await?;
            pending.retain(|manifest| !seen.contains(&manifest.id()));
            if pending.is_empty() {
                break;
            }
            for manifest in pending {
                seen.insert(manifest.id());
                if manifest.is_recorded(versions) {
                    self.finish(&manifest).await?;
                } else if let Some(rows) = self.pending_rows(&manifest).await? {
                    self.apply(&manifest, rows, versions, &mut touched).await?;
                    settled.push(manifest);
                }
            }
        }
        let mut recorded = BTreeMap::new();
        for manifest in &settled {
            let version = self.record_version(manifest.version_row(touched.clone())).await?;
            recorded.insert(manifest.id(), version);
            self.finish(manifest).await?;
        }
        Ok(Settled { tables: touched, recorded })
    }

    /// The batches that are pending, in the order they are brought in.
    async fn pending_manifests(&self) -> Result<Vec<Manifest>, LakeError> {
        let mut manifests: Vec<Manifest> = Vec::new();
        for folder in self.pending_folders().await? {
            manifests.extend(self.pending_manifest(&folder).await?);
        }
        manifests.sort_by_key(|manifest| (manifest.written_at, manifest.id()));
        Ok(manifests)
    }

    /// The folders of the batches that are pending.
    pub(super) async fn pending_folders(&self) -> Result<Vec<String>, LakeError> {
        let names = self.objects.names(PENDING).await?;
        let folders = names.iter().filter_map(|name| name.strip_suffix(&format!("/{MANIFEST}")));
        Ok(folders.map(str::to_owned).collect())
    }

    /// The manifest in a folder; `None` where another process has just finished the batch.
    pub(super) async fn pending_manifest(&self, folder: &str) -> Result<Option<Manifest>, LakeError> {
        let name = format!("{folder}/{MANIFEST}");
        let Some(content) = self.objects.read(&name).await? else { return Ok(None) };
        serde_json::from_slice(&content).map(Some).map_err(|error| self.unfinishable(folder, &name, error))
    }

    fn unfinishable(
        &self,
        folder: &str,
        name: &str,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> LakeError {
        LakeError::Unfinishable {
            folder: self.objects.shown(folder),
            source: Box::new(self.objects.damaged(name, error)),
        }
    }

    /// The staged rows of a manifest; `None` where another process has just finished it.
    pub(super) async fn pending_rows(&self, manifest: &Manifest) -> Result<Option<Vec<RecordBatch>>, LakeError> {
        let folder = pending_folder(&manifest.stream, manifest.batch);
        let mut rows = Vec::new();
        for write in &manifest.writes {
            let table = known_table(write)?;
            let name = format!("{folder}/{}.arrow", table.name);
            let Some(content) = self.objects.read(&name).await? else {
                // Whoever finishes a batch removes its manifest first.
                if !self.objects.exists(&format!("{folder}/{MANIFEST}")).await? {
                    return Ok(None);
                }
                return Err(self.unfinishable(&folder, &name, "a manifest names it and it is missing"));
            };
            let staged = from_arrow_file(table, content).map_err(|error| self.unfinishable(&folder, &name, error))?;
            if staged.num_rows() != write.rows {
                let told = format!("its manifest speaks of {} rows, and it has {}", write.rows, staged.num_rows());
                return Err(self.unfinishable(&folder, &name, told));
            }
            rows.push(staged);
        }
        Ok(Some(rows))
    }

    async fn apply(
        &self,
        manifest: &Manifest,
        rows: Vec<RecordBatch>,
        versions: &[VersionRow],
        touched: &mut TableVersions,
    ) -> Result<(), LakeError> {
        // A later batch of the stream is already there: what this one would put in its place is out of date.
        let is_superseded = versions.iter().any(|row| row.stream == manifest.stream && row.batch > manifest.batch);
        let mut writes: Vec<_> = manifest.writes.iter().zip(rows).collect();
        // What was read is stated last, after what it speaks of is there.
        writes.sort_by_key(|(write, _)| write.table == "coverage");
        for (write, rows) in writes {
            if is_superseded && write.mode != WriteMode::Upsert {
                continue;
            }
            let incoming = Incoming {
                table: known_table(write)?,
                mode: write.mode,
                rows,
                stream: &manifest.stream,
                number: manifest.batch,
            };
            let version = self.write(&incoming).await?;
            let place = touched.entry(write.table.clone()).or_default();
            *place = version.max(*place);
        }
        Ok(())
    }

    /// Keeps the manifest of a batch that is visible and removes what was staged.
    async fn finish(&self, manifest: &Manifest) -> Result<(), LakeError> {
        self.objects.put(&done_name(&manifest.stream, manifest.batch), to_json(manifest)).await?;
        self.clear_pending(&manifest.stream, manifest.batch).await
    }

    /// Removes what was staged; the manifest first, so that half a batch is never replayed.
    async fn clear_pending(&self, stream: &str, number: u64) -> Result<(), LakeError> {
        self.clear_folder(&pending_folder(stream, number)).await
    }

    pub(super) async fn clear_folder(&self, folder: &str) -> Result<(), LakeError> {
        self.objects.delete(&format!("{folder}/{MANIFEST}")).await?;
        for name in self.objects.names(folder).await? {
            self.objects.delete(&name).await?;
        }
        Ok(())
    }

    /// The next number of a stream, held by a file that only one process can make.
    async fn claim_number(&self, stream: &str, versions: &[VersionRow]) -> Result<u64, LakeError> {
        let done = versions.iter().filter(|row| row.stream == stream).map(|row| row.batch).max();
        let mut number = done.unwrap_or(0) + 1;
        loop {
            let claim = format!("{}/{CLAIM}", pending_folder(stream, number));
            if self.objects.put_new(&claim, Vec::new()).await? {
                // A batch is noted as done before its claim goes away.
                if !self.objects.exists(&done_name(stream, number)).await? {
                    return Ok(number);
                }
                self.objects.delete(&claim).await?;
            }
            number += 1;
        }
    }
}

impl Manifest {
    fn id(&self) -> BatchId {
        (self.stream.clone(), self.batch)
    }

    /// Whether a version has made it visible.
    pub(super) fn is_recorded(&self, versions: &[VersionRow]) -> bool {
        versions.iter().any(|row| row.is_of(&self.stream, self.batch))
    }

    fn version_row(&self, tables: TableVersions) -> VersionRow {
        VersionRow {
            version: 0,
            written_at: self.written_at,
            stream: self.stream.clone(),
            batch: self.batch,
            cursor: self.cursor.clone(),
            tables,
        }
    }
}

/// A stream's name as one part of a path.
pub(super) fn folder_of(stream: &str) -> String {
    stream
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
        .take(64)
        .collect::<String>()
        + "-"
        + &crate::canonical::sha256(stream.as_bytes())[..8]
}

fn pending_folder(stream: &str, number: u64) -> String {
    format!("{PENDING}/{}/{number:012}", folder_of(stream))
}

fn done_name(stream: &str, number: u64) -> String {
    format!("{BATCHES}/{}/{number:012}.json", folder_of(stream))
}

fn to_json(manifest: &Manifest) -> Vec<u8> {
    serde_json::to_vec_pretty(manifest).expect("a manifest has a JSON form")
}

fn known_table(write: &ManifestWrite) -> Result<&'static Table, LakeError> {
    match tables::named(&write.table) {
        Some(table) if write.schema_version <= table.version => Ok(table),
        found => Err(LakeError::Newer {
            what: format!("a pending batch of table `{}`", write.table),
            found: write.schema_version.into(),
            known: found.map_or(0, |table| table.version.into()),
        }),
    }
}

fn to_arrow_file(rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut writer = FileWriter::try_new(Vec::new(), &rows.schema())?;
    writer.write(rows)?;
    writer.into_inner()
}

fn from_arrow_file(table: &Table, content: Vec<u8>) -> Result<RecordBatch, ArrowError> {
    let batches = FileReader::try_new(Cursor::new(content), None)?.collect::<Result<Vec<_>, _>>()?;
    let batches = batches.iter().map(|batch| completed(table, batch)).collect::<Result<Vec<_>, _>>()?;
    super::batch::shaped_into_one(table, &batches)
}
