//! A folder of this machine as an object store: what is staged is on the disk, and not only in memory, before a
//! batch counts as pending.

use std::fs::{self, File};
use std::io::{ErrorKind, Result as IoResult, Write};
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Objects below this folder are written through to the disk.
const DURABLE: &str = "pending";

/// A folder that removes subfolders with their last file.
#[derive(Debug)]
pub(super) struct Folder(LocalFileSystem);

impl Folder {
    pub(super) fn new(path: &FilePath) -> Result<Self> {
        Ok(Self(LocalFileSystem::new_with_prefix(path)?.with_automatic_cleanup(true)))
    }
}

impl std::fmt::Display for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Folder {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        if location.parts().next().is_none_or(|part| part.as_ref() != DURABLE) {
            return self.0.put_opts(location, payload, opts).await;
        }
        let path = self.0.path_to_filesystem(location)?;
        let failed = |error: std::io::Error| Error::Generic { store: "folder", source: Box::new(error) };
        let create = matches!(opts.mode, PutMode::Create);
        let written = tokio::task::spawn_blocking(move || put_through(&path, &payload, create))
            .await
            .map_err(|error| failed(std::io::Error::other(error)))?;
        match written {
            Ok(()) => Ok(PutResult { e_tag: None, version: None }),
            Err(error) if create && error.kind() == ErrorKind::AlreadyExists => {
                Err(Error::AlreadyExists { path: location.to_string(), source: Box::new(error) })
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.0.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        sorted(self.0.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        sorted(self.0.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

/// A folder is walked in no order, while buckets, and therefore readers of a Delta log, know one.
fn sorted(listing: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
    let collected = async move {
        let mut objects: Vec<ObjectMeta> = listing.try_collect().await?;
        objects.sort_by(|a, b| a.location.cmp(&b.location));
        Ok::<_, Error>(stream::iter(objects.into_iter().map(Ok)))
    };
    stream::once(collected).try_flatten().boxed()
}

/// Writes a file under another name, brings it to the disk, then gives it its name.
fn put_through(path: &FilePath, payload: &PutPayload, create: bool) -> IoResult<()> {
    let (mut file, half) = half_of(path)?;
    let written = payload
        .iter()
        .try_for_each(|part| file.write_all(part))
        .and_then(|()| file.sync_all())
        .and_then(|()| if create { fs::hard_link(&half, path) } else { fs::rename(&half, path) });
    if create || written.is_err() {
        // Where this fails, `sweep_halves` removes it later.
        drop(fs::remove_file(&half));
    }
    written?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// A new file beside `path`, under a name that no listing shows: `#` and digits, as `object_store` does it.
fn half_of(path: &FilePath) -> IoResult<(File, PathBuf)> {
    let mut number = 0_u32;
    loop {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("#{number}"));
        match File::options().write(true).create_new(true).open(&name) {
            Ok(file) => return Ok((file, name.into())),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(path.parent().unwrap_or(path))?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Removes such files that were last written before `before`, and tells how many. Links are not followed.
pub(super) fn sweep_halves(folder: &FilePath, before: SystemTime) -> IoResult<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            removed += gone_is_fine(sweep_halves(&entry.path(), before))?;
        } else if kind.is_file() && is_half(&entry.file_name().to_string_lossy()) {
            let is_old = gone_is_fine(entry.metadata().and_then(|found| found.modified()).map(|at| at < before))?;
            if is_old {
                gone_is_fine(fs::remove_file(entry.path()))?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

fn is_half(name: &str) -> bool {
    name.split_once('#').is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Other processes remove files too.
fn gone_is_fine<T: Default>(done: IoResult<T>) -> IoResult<T> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(T::default()),
        done => done,
    }
}
