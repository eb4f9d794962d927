//! One Parquet file per table, for notebooks, other engines and people.

use std::fs;
use std::path::Path;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde::Serialize;

use super::Snapshot;
use crate::{LakeError, Role, tables};

/// One exported table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportedTable {
    /// Name of the table; the file is `<name>.parquet`.
    pub table: String,
    /// Version of its schema.
    pub schema_version: u32,
    /// `event`, `coverage` or `derived`.
    pub role: &'static str,
    /// Rows in it.
    pub row_count: usize,
    /// Digest of its canonical form.
    pub digest: String,
}

impl Snapshot {
    /// Writes one Parquet file per table into `folder`, and `export.json` that lists them with their digests.
    /// A file is written under another name first, so that nobody reads half of one.
    ///
    /// # Errors
    /// [`LakeError`] where a table cannot be read or the folder cannot be written.
    pub async fn export(&self, folder: &Path) -> Result<Vec<ExportedTable>, LakeError> {
        let refused = |path: &Path, error: std::io::Error| LakeError::folder("write", &path.display(), error);
        fs::create_dir_all(folder).map_err(|error| refused(folder, error))?;
        let mut exported = Vec::new();
        for table in tables::all() {
            let batches = self.read(table).await?;
            let digest = self.digest_of(table, &batches)?;
            let path = folder.join(format!("{}.parquet", table.name));
            let content = to_parquet(table, &batches)
                .map_err(|error| LakeError::Damaged { path: path.display().to_string(), source: Box::new(error) })?;
            replace(&path, &content).map_err(|error| refused(&path, error))?;
            exported.push(ExportedTable {
                table: table.name.to_owned(),
                schema_version: table.version,
                role: match table.role {
                    Role::Event => "event",
                    Role::Coverage => "coverage",
                    Role::Derived => "derived",
                },
                row_count: batches.iter().map(arrow::array::RecordBatch::num_rows).sum(),
                digest,
            });
        }
        let listing = serde_json::json!({
            "format_version": 1,
            "lake_version": self.number(),
            "tables": exported,
        });
        let path = folder.join("export.json");
        replace(&path, format!("{listing:#}\n").as_bytes()).map_err(|error| refused(&path, error))?;
        Ok(exported)
    }
}

/// Writes a file so that it is whole or what it was before: first under another name, of which nothing is left where
/// it fails.
///
/// # Errors
/// What the file system says.
pub fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let half = path.with_extension("half");
    fs::write(&half, content).and_then(|()| fs::rename(&half, path)).inspect_err(|_| {
        // Why it could not be written is what matters.
        drop(fs::remove_file(&half));
    })
}

/// A Parquet file of these rows, in the contract's schema.
fn to_parquet(table: &crate::Table, batches: &[arrow::array::RecordBatch]) -> Result<Vec<u8>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_created_by("doracle".to_owned())
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), table.schema(), Some(properties))?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.into_inner()
}
