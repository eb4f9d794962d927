//! Names of container images.

/// An image as it was deployed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Image {
    /// Registry and path.
    pub(super) name: String,
    pub(super) tag: Option<String>,
    pub(super) digest: Option<String>,
}

impl Image {
    /// Reads `registry:port/path:tag@digest`, of which only the path is needed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) if digest.contains(':') => (rest, Some(digest.to_owned())),
            Some(_) => return None,
            None => (text, None),
        };
        // A colon before the last slash is that of a port.
        let path_from = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[path_from..].split_once(':') {
            Some((path, tag)) => (&rest[..path_from + path.len()], Some(tag.to_owned()).filter(|tag| !tag.is_empty())),
            None => (rest, None),
        };
        let is_name = !name.is_empty() && !name.ends_with('/') && !name.contains(char::is_whitespace);
        is_name.then(|| Self { name: name.to_owned(), tag, digest })
    }

    /// What names it best: `name@digest`, else `name:tag`.
    pub(super) fn key(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => format!("{}@{digest}", self.name),
            (None, Some(tag)) => format!("{}:{tag}", self.name),
            (None, None) => self.name.clone(),
        }
    }

    /// What of it changes from version to version.
    pub(super) fn version(&self) -> Option<&str> {
        self.tag.as_deref().or(self.digest.as_deref())
    }

    /// It as a part of a revision set: `name@digest`, else `name@tag`.
    pub(super) fn part(&self) -> Option<String> {
        let version = self.digest.as_deref().or(self.tag.as_deref())?;
        Some(format!("{}@{version}", self.name))
    }
}
