//! The small files beside the tables: one narrow door to the object store.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use deltalake_core::DeltaResult;
use deltalake_core::logstore::{
    LogStore, LogStoreFactory, ObjectStoreRef, StorageConfig, default_logstore, logstore_factories,
};
use futures::TryStreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use url::Url;

use super::Location;
use super::folder::Folder;
use crate::{LakeError, canonical};

/// A store and the prefix below which the lake lies.
#[derive(Clone)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    url: Url,
    folder: Option<PathBuf>,
    shown: String,
}

/// Puts something between the lake and its store; tests use it to fail on purpose.
pub(super) type Wrap<'a> = &'a (dyn Fn(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> + Sync);

/// Never shows the store, whose client was built from secrets.
impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Objects({})", self.shown)
    }
}

impl Objects {
    /// Opens the store of a location. A folder has to exist.
    pub(super) fn open(location: &Location, wrap: Wrap<'_>) -> Result<Self, LakeError> {
        let shown = location.to_string();
        match location {
            Location::Folder(path) => {
                let failed = |error| LakeError::folder("open", location, error);
                let path = path.canonicalize().map_err(failed)?;
                let store = Folder::new(&path).map_err(|error| LakeError::storage("open", location, error))?;
                // Delta Lake gets a URL that does not spell the folder's name, so that no character of it matters.
                let name = canonical::sha256(path.as_os_str().as_encoded_bytes());
                let url = Url::parse(&format!("lake://{}/", &name[..32])).expect("a hash is a host");
                register_log_store(&url);
                Ok(Self { store: wrap(Arc::new(store)), prefix: Path::default(), url, folder: Some(path), shown })
            }
            Location::Bucket { url, options } => {
                let mut builder =
                    AmazonS3Builder::new().with_url(url.as_str()).with_conditional_put(S3ConditionalPut::ETagMatch);
                for (name, value) in options {
                    let key: AmazonS3ConfigKey =
                        name.parse().map_err(|error| LakeError::storage("open", location, error))?;
                    builder = builder.with_config(key, value);
                }
                let store = builder.build().map_err(|error| without_values(location, options, &error))?;
                register_log_store(url);
                let prefix = Path::from_url_path(url.path())
                    .map_err(|error| LakeError::storage("open", location, error.into()))?;
                Ok(Self { store: wrap(Arc::new(store)), prefix, url: url.clone(), folder: None, shown })
            }
        }
    }

    pub(super) fn root_store(&self) -> Arc<dyn ObjectStore> {
        self.store.clone()
    }

    /// The URL of a folder of the lake.
    pub(super) fn folder_url(&self, name: &str) -> Url {
        let mut url = self.url.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{name}/"));
        url
    }

    /// How messages name an object: so that it can be found.
    pub(super) fn shown(&self, name: &str) -> String {
        format!("{}/{name}", self.shown)
    }

    fn failed(&self, doing: &'static str, name: &str, error: object_store::Error) -> LakeError {
        LakeError::storage(doing, &self.shown(name), error)
    }

    pub(super) fn damaged(&self, name: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> LakeError {
        LakeError::Damaged { path: self.shown(name), source: source.into() }
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.prefix.clone(), Path::join)
    }

    /// Writes an object so that it is whole or absent.
    pub(super) async fn put(&self, name: &str, content: Vec<u8>) -> Result<(), LakeError> {
        self.put_with(name, content, PutMode::Overwrite).await.map(|_| ())
    }

    /// Writes an object unless one is there; tells whether it did.
    pub(super) async fn put_new(&self, name: &str, content: Vec<u8>) -> Result<bool, LakeError> {
        self.put_with(name, content, PutMode::Create).await
    }

    async fn put_with(&self, name: &str, content: Vec<u8>, mode: PutMode) -> Result<bool, LakeError> {
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.store.put_opts(&self.path(name), content.into(), options).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(self.failed("write", name, error)),
        }
    }

    /// The content of an object, if it is there.
    pub(super) async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, LakeError> {
        let read = async {
            let found = self.store.get(&self.path(name)).await?;
            found.bytes().await
        };
        match read.await {
            Ok(content) => Ok(Some(content.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", name, error)),
        }
    }

    pub(super) async fn exists(&self, name: &str) -> Result<bool, LakeError> {
        match self.store.head(&self.path(name)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed("read", name, error)),
        }
    }

    /// Names of all objects below a folder, sorted, with when each was last written.
    pub(super) async fn dated_names(&self, folder: &str) -> Result<Vec<(String, SystemTime)>, LakeError> {
        let found: Vec<ObjectMeta> = self
            .store
            .list(Some(&self.path(folder)))
            .try_collect()
            .await
            .map_err(|error| self.failed("list", folder, error))?;
        let mut names: Vec<_> = found
            .iter()
            .filter_map(|object| Some((self.name_of(&object.location)?, object.last_modified.into())))
            .collect();
        names.sort();
        Ok(names)
    }

    /// Names of all objects below a folder, sorted.
    pub(super) async fn names(&self, folder: &str) -> Result<Vec<String>, LakeError> {
        Ok(self.dated_names(folder).await?.into_iter().map(|(name, _)| name).collect())
    }

    /// The size in bytes of all objects below a folder, by name.
    pub(super) async fn sizes(&self, folder: &str) -> Result<BTreeMap<String, u64>, LakeError> {
        let found = self.store.list(Some(&self.path(folder))).map_err(|error| self.failed("list", folder, error));
        found
            .try_filter_map(async |object| Ok(self.name_of(&object.location).zip(Some(object.size))))
            .try_collect()
            .await
    }

    /// Any object of the location, for telling an empty place from a foreign one.
    pub(super) async fn any_name(&self) -> Result<Option<String>, LakeError> {
        self.any_at(&self.prefix, &self.shown).await
    }

    /// Whether there is any object below a folder.
    pub(super) async fn any_below(&self, folder: &str) -> Result<bool, LakeError> {
        Ok(self.any_at(&self.path(folder), &self.shown(folder)).await?.is_some())
    }

    async fn any_at(&self, path: &Path, shown: &str) -> Result<Option<String>, LakeError> {
        let found = self.store.list(Some(path)).try_next().await;
        let found = found.map_err(|error| LakeError::storage("list", shown, error))?;
        Ok(found.and_then(|object| self.name_of(&object.location)))
    }

    fn name_of(&self, path: &Path) -> Option<String> {
        let parts: Vec<_> = path.prefix_match(&self.prefix)?.map(|part| part.as_ref().to_owned()).collect();
        Some(parts.join("/"))
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), LakeError> {
        match self.store.delete(&self.path(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("delete", name, error)),
        }
    }

    /// Removes halves of files that a killed process left in a folder before `before`; tells how many.
    pub(super) fn sweep_halves(&self, before: SystemTime) -> Result<usize, LakeError> {
        self.folder.as_ref().map_or(Ok(0), |folder| {
            super::folder::sweep_halves(folder, before)
                .map_err(|error| LakeError::folder("delete", &folder.display(), error))
        })
    }
}

/// Why a client could not be built, without what its options say: that may be a secret in the wrong place.
fn without_values(location: &Location, options: &BTreeMap<String, String>, error: &object_store::Error) -> LakeError {
    let values = options.values().filter(|value| !value.is_empty());
    let text = values.fold(error.to_string(), |text, value| text.replace(value.as_str(), "…"));
    LakeError::storage("open", location, object_store::Error::Generic { store: "S3", source: text.into() })
}

/// Lets Delta Lake keep its log in our stores: the plain log store, which is safe where puts are conditional.
fn register_log_store(url: &Url) {
    let scheme = Url::parse(&format!("{}://", url.scheme())).expect("the scheme of a URL is a URL's scheme");
    logstore_factories().insert(scheme, Arc::new(PlainLogStore));
}

struct PlainLogStore;

impl LogStoreFactory for PlainLogStore {
    fn with_options(
        &self,
        prefixed_store: ObjectStoreRef,
        root_store: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(prefixed_store, root_store, location, options))
    }
}
