//! The store: Delta Lake tables in a folder or a bucket, written in batches that reach several tables or none.
//!
//! ```text
//! lake.json                          what this is, and the version of its layout
//! raw/ab/abcdef….zst                 raw pages by content hash
//! pending/<stream>/<number>/         a batch that is being committed: manifest.json and its rows as Arrow files
//! batches/<stream>/<number>.json     manifests of the batches that are done, or where one was set aside
//! aside/<stream>/<number>/           a damaged batch that was set aside, as it was found
//! tables/<name>/                     one Delta Lake table each
//! ```

mod aside;
mod batch;
mod delta;
mod export;
mod folder;
mod location;
mod maintenance;
mod manifest;
mod objects;
mod schema;
mod snapshot;
mod versions;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::ObjectStore;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

pub use aside::SetAside;
pub use batch::{Batch, Page, WriteMode};
pub use export::{ExportedTable, replace};
pub use location::{Location, LocationError};
pub use maintenance::Maintenance;
pub use snapshot::{AsOf, Snapshot};
pub use versions::VersionRow;

use crate::{Instant, LAYOUT_VERSION, LakeError};
use objects::Objects;

/// A lake: all tables we keep, in one place.
#[derive(Clone, Debug)]
pub struct Lake {
    location: Location,
    objects: Objects,
    /// Held while batches are brought into tables: writers of one process then wait instead of racing. Writers of
    /// several processes race, and the loser of each commit looks again.
    settling: Arc<Mutex<()>>,
    digests: Arc<Digests>,
}

/// The digests that were computed so far, by table and its Delta version, which never changes what it holds.
type Digests = std::sync::Mutex<BTreeMap<(&'static str, u64), String>>;

/// What a commit did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The lake version in which the batch is visible.
    pub lake_version: u64,
    /// The number of the batch in its stream.
    pub batch: u64,
}

#[derive(Debug, Deserialize, Serialize)]
struct Layout {
    lake: String,
    layout_version: u32,
}

const LAYOUT_FILE: &str = "lake.json";
const LAYOUT_NAME: &str = "doracle";

impl Lake {
    /// Opens the lake at `location` for reading and writing, makes one where there is none, and finishes batches
    /// that an earlier process left behind.
    ///
    /// # Errors
    /// [`LakeError`] where the place holds something else, a newer release wrote it, or storage refuses.
    pub async fn open_or_create(location: &Location) -> Result<Self, LakeError> {
        Self::open_or_create_through(location, &|store| store).await
    }

    /// As [`Lake::open_or_create`], with something between the lake and its store: for tests that make it fail.
    ///
    /// # Errors
    /// As [`Lake::open_or_create`].
    #[doc(hidden)]
    pub async fn open_or_create_through(
        location: &Location,
        wrap: &(dyn Fn(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> + Sync),
    ) -> Result<Self, LakeError> {
        if let Location::Folder(path) = location {
            std::fs::create_dir_all(path).map_err(|error| LakeError::folder("create", location, error))?;
        }
        let lake = Self::at(location, wrap)?;
        if lake.layout().await?.is_none() {
            lake.refuse_foreign_content().await?;
            let layout = Layout { lake: LAYOUT_NAME.to_owned(), layout_version: LAYOUT_VERSION };
            let content = serde_json::to_vec_pretty(&layout).expect("a plain struct has a JSON form");
            lake.objects.put_new(LAYOUT_FILE, content).await?;
        }
        lake.replay_pending().await?;
        Ok(lake)
    }

    /// Opens an existing lake for reading only; nothing is created or finished.
    ///
    /// # Errors
    /// [`LakeError`] where there is none, a newer release wrote it, or storage refuses.
    pub async fn open(location: &Location) -> Result<Self, LakeError> {
        let missing = || LakeError::Missing { location: location.to_string() };
        if !location.exists() {
            return Err(missing());
        }
        let lake = Self::at(location, &|store| store)?;
        lake.layout().await?.ok_or_else(missing)?;
        Ok(lake)
    }

    fn at(location: &Location, wrap: objects::Wrap<'_>) -> Result<Self, LakeError> {
        let objects = Objects::open(location, wrap)?;
        Ok(Self { location: location.clone(), objects, settling: Arc::default(), digests: Arc::default() })
    }

    /// Where it is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    async fn layout(&self) -> Result<Option<Layout>, LakeError> {
        let Some(content) = self.objects.read(LAYOUT_FILE).await? else { return Ok(None) };
        let not_a_lake = |reason| LakeError::NotALake { location: self.location.to_string(), reason };
        let layout: Layout = serde_json::from_slice(&content)
            .map_err(|error| not_a_lake(format!("its `{LAYOUT_FILE}` cannot be read ({error})")))?;
        if layout.lake != LAYOUT_NAME {
            return Err(not_a_lake(format!("its `{LAYOUT_FILE}` is of `{}`", layout.lake)));
        }
        if layout.layout_version > LAYOUT_VERSION {
            return Err(LakeError::Newer {
                what: format!("the lake at `{}`", self.location),
                found: layout.layout_version.into(),
                known: LAYOUT_VERSION.into(),
            });
        }
        Ok(Some(layout))
    }

    /// A folder that holds other things is never turned into a lake.
    async fn refuse_foreign_content(&self) -> Result<(), LakeError> {
        match self.objects.any_name().await? {
            // Another process has just made the lake.
            Some(_) if self.layout().await?.is_some() => Ok(()),
            Some(name) => Err(LakeError::NotALake {
                location: self.location.to_string(),
                reason: format!("it holds `{name}` and no `{LAYOUT_FILE}`"),
            }),
            None => Ok(()),
        }
    }

    /// The raw page with that content hash, if the lake keeps it.
    ///
    /// # Errors
    /// [`LakeError`] where storage refuses or the page is damaged.
    pub async fn page(&self, sha: &str) -> Result<Option<Vec<u8>>, LakeError> {
        batch::read_page(&self.objects, sha).await
    }

    /// Where the raw page with that content hash is kept, if it is.
    #[must_use]
    pub fn page_place(&self, sha: &str) -> String {
        format!("{}/{}", self.location, batch::page_name(sha))
    }

    /// Where the last committed batch of `stream` ended.
    ///
    /// # Errors
    /// [`LakeError`] where the lake cannot be read.
    pub async fn cursor(&self, stream: &str) -> Result<Option<String>, LakeError> {
        let versions = self.versions().await?;
        // By the batch's number: one that was left behind can become visible after a later one.
        let last = versions.into_iter().filter(|row| row.stream == stream).max_by_key(|row| row.batch);
        Ok(last.and_then(|row| row.cursor))
    }

    /// When the last lake version was written, if there is one.
    ///
    /// # Errors
    /// [`LakeError`] where the lake cannot be read.
    pub async fn last_written_at(&self) -> Result<Option<Instant>, LakeError> {
        Ok(self.versions().await?.last().map(|row| row.written_at))
    }
}
