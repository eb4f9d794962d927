//! Setting aside a pending batch that is damaged, so that writers can go on and nothing is thrown away.
//!
//! Its files stay as they were found, below `aside/`. Its number is never given out again, because tables that took its
//! rows remember it. Those rows become visible with the next batch of anybody; the stream's cursor is still the one
//! before, so that the next reading of the source brings them again, with the rows that were lost.

use serde::Serialize;
use serde_json::json;

use super::Lake;
use super::manifest::{BATCHES, PENDING, folder_of};
use super::write::{application, transaction};
use crate::{LakeError, VersionRow, tables};

const ASIDE: &str = "aside";

/// A damaged batch, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// The folder in which it was pending.
    pub pending: String,
    /// The folder in which it is kept.
    pub kept: String,
    /// Its stream; `None` where nothing tells it any more.
    pub stream: Option<String>,
    /// What was damaged, and how.
    pub reason: String,
    /// The tables that took rows of it before.
    pub tables: Vec<String>,
}

impl Lake {
    /// The pending batches that are damaged; while there is one, no batch can be committed.
    ///
    /// # Errors
    /// [`LakeError`] where storage refuses, or a newer release wrote a batch.
    pub async fn damaged_batches(&self) -> Result<Vec<SetAside>, LakeError> {
        let folders = self.pending_folders().await?;
        let versions = if folders.is_empty() { Vec::new() } else { self.versions().await? };
        let mut damaged = Vec::new();
        for folder in folders {
            if let Some((stream, reason)) = self.damage(&folder, &versions).await? {
                // Without a manifest, an earlier batch may tell whose folder it is.
                let known = || versions.iter().map(|row| &row.stream).find(|stream| is_of(&folder, stream)).cloned();
                damaged.push(self.described(&folder, stream.or_else(known), reason).await?);
            }
        }
        Ok(damaged)
    }

    /// Sets every damaged batch aside and tells which; the others stay pending. Doing it twice changes nothing.
    ///
    /// # Errors
    /// As [`Lake::damaged_batches`]; what was not set aside is still pending.
    pub async fn set_aside_damaged(&self) -> Result<Vec<SetAside>, LakeError> {
        let damaged = self.damaged_batches().await?;
        for batch in &damaged {
            for name in self.objects.names(&batch.pending).await? {
                let Some(content) = self.objects.read(&name).await? else { continue };
                self.objects.put(&name.replacen(PENDING, ASIDE, 1), content).await?;
            }
            // Its number counts as done before its folder goes away, and with it the claim on the number.
            let done = batch.pending.replacen(PENDING, BATCHES, 1) + ".json";
            let note = format!("{:#}\n", json!({"set_aside": batch}));
            self.objects.put_new(&done, note.into_bytes()).await?;
            self.clear_folder(&batch.pending).await?;
        }
        Ok(damaged)
    }

    /// Whether any batch is done that was not set aside, so that there must be a lake version.
    pub(super) async fn has_recorded_batch(&self) -> Result<bool, LakeError> {
        for name in self.objects.names(BATCHES).await? {
            let kept = name.trim_end_matches(".json").replacen(BATCHES, ASIDE, 1);
            if !self.objects.any_below(&kept).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What is wrong with the batch in a folder, and its stream if the manifest tells it.
    async fn damage(
        &self,
        folder: &str,
        versions: &[VersionRow],
    ) -> Result<Option<(Option<String>, String)>, LakeError> {
        let (stream, found) = match self.pending_manifest(folder).await {
            Ok(None) => return Ok(None),
            // It is visible already, and its files are needed no more.
            Ok(Some(manifest)) if manifest.is_recorded(versions) => return Ok(None),
            Ok(Some(manifest)) => (Some(manifest.stream.clone()), self.pending_rows(&manifest).await.map(|_| ())),
            Err(error) => (None, Err(error)),
        };
        match found {
            Ok(()) => Ok(None),
            Err(LakeError::Unfinishable { source, .. }) => Ok(Some((stream, with_causes(&source)))),
            Err(error) => Err(error),
        }
    }

    async fn described(&self, folder: &str, stream: Option<String>, reason: String) -> Result<SetAside, LakeError> {
        let number = folder.rsplit('/').next().and_then(|number| number.parse::<i64>().ok());
        let mut took = Vec::new();
        for table in tables::all() {
            let (Some(stream), Some(number), Some(found)) = (&stream, number, self.table(table).await?) else {
                continue;
            };
            let last = transaction(&found, &application(stream)).await;
            if last.map_err(|error| LakeError::table("read", table.name, error))? == Some(number) {
                took.push(table.name.to_owned());
            }
        }
        let kept = folder.replacen(PENDING, ASIDE, 1);
        Ok(SetAside { pending: folder.to_owned(), kept, stream, reason, tables: took })
    }
}

/// Whether a folder of a pending batch is of this stream.
fn is_of(folder: &str, stream: &str) -> bool {
    folder.rsplit('/').nth(1) == Some(folder_of(stream).as_str())
}

fn with_causes(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
