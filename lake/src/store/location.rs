//! Where a lake is: a folder, or a prefix of a bucket.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use url::Url;

/// A folder of this machine, or a prefix of an S3 bucket.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder.
    Folder(PathBuf),
    /// `s3://bucket/prefix`, with the options of an S3 client.
    Bucket {
        /// The URL; it never holds a secret.
        url: Url,
        /// Client options such as `endpoint`, `region`, `access_key_id`; values may be secret.
        options: BTreeMap<String, String>,
    },
}

/// A text that is no location.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is neither a folder nor `s3://bucket/prefix`: {reason}")]
pub struct LocationError {
    text: String,
    reason: String,
}

impl Location {
    /// Reads a path, or an `s3://` URL together with the options of its client.
    ///
    /// # Errors
    /// [`LocationError`] for another URL scheme, a bucket without a name, or a URL that holds credentials.
    pub fn parse(text: &str, options: &BTreeMap<String, String>) -> Result<Self, LocationError> {
        let refuse = |reason: &str| LocationError {
            text: text.split('@').next_back().unwrap_or_default().to_owned(),
            reason: reason.to_owned(),
        };
        if !text.contains("://") {
            return if text.is_empty() { Err(refuse("it is empty")) } else { Ok(Self::Folder(text.into())) };
        }
        let url = Url::parse(text.trim_end_matches('/')).map_err(|error| refuse(&error.to_string()))?;
        if url.scheme() != "s3" {
            return Err(refuse("only `s3://` buckets are known"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(refuse("credentials and options come from the environment, not from the URL"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(refuse("the bucket has no name"));
        }
        Ok(Self::Bucket { url, options: options.clone() })
    }

    /// Whether a folder exists; a bucket is asked only when it is read.
    #[must_use]
    pub fn exists(&self) -> bool {
        match self {
            Self::Folder(path) => path.is_dir(),
            Self::Bucket { .. } => true,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Bucket { url, .. } => url.fmt(f),
        }
    }
}

/// Never shows the options, which may be secret.
impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}
