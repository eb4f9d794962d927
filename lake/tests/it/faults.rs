//! A store in between that fails or ends the process where a test says so.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use lake::{Lake, LakeError, Location};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Whether a change of the store goes through, given its place in it.
pub(crate) type Rule = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Opens a lake whose store changes nothing where `rule` says so, and answers with an error instead.
pub(crate) async fn open_with(location: &Location, rule: Rule) -> std::result::Result<Lake, LakeError> {
    Lake::open_or_create_through(location, &|inner| Arc::new(Faulty { inner, rule: rule.clone() })).await
}

fn asked(rule: &Rule, location: &Path) -> Result<()> {
    let failure = || Error::Generic { store: "faulty", source: "failed on purpose".into() };
    if rule(location.as_ref()) { Ok(()) } else { Err(failure()) }
}

struct Faulty {
    inner: Arc<dyn ObjectStore>,
    rule: Rule,
}

impl Faulty {
    fn ask(&self, location: &Path) -> Result<()> {
        asked(&self.rule, location)
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.ask(location)?;
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.ask(location)?;
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let rule = self.rule.clone();
        let asked = locations.map(move |location| {
            let location = location?;
            asked(&rule, &location).map(|()| location)
        });
        self.inner.delete_stream(asked.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.ask(to)?;
        self.inner.copy_opts(from, to, options).await
    }
}
