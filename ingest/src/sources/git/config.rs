//! The settings of the `git` source.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::authorship::Bots;

/// Reads commits, changes and releases from a clone of a git repository.
///
/// A tag that matches `releases` is taken as a deployment of its commit to `environment`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The clone: a working tree, its `.git` folder or a bare repository. No default.
    #[schemars(example = &"/srv/clones/api.git")]
    pub path: PathBuf,
    /// Which tags are releases to production: a regular expression, searched for in the name of the tag. The named
    /// groups `version` and `service` are optional. No default, because it decides what counts as a deployment.
    #[schemars(example = &r"^v(?P<version>\d+\.\d+\.\d+.*)$", example = &r"^(?P<service>[a-z-]+)/v(?P<version>\d.*)$")]
    pub releases: String,
    /// Service that a release belongs to, where the rule does not name one. Default: the name of the repository, behind
    /// its last `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"api")]
    pub service: Option<String>,
    /// Name of the repository in every row. Default: the name of its folder without `.git`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"acme/api")]
    pub repository: Option<String>,
    /// Branch that changes are merged to. Default: what the remote `origin` calls its default, else `HEAD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"main")]
    pub branch: Option<String>,
    /// Environment that a release reaches. Default: `production`.
    #[serde(default = "production")]
    #[schemars(example = &"production")]
    pub environment: String,
    /// Whether pre-releases such as `v2.0.0-rc.1` are releases to production too. Default: `false`.
    #[serde(default)]
    #[schemars(example = true)]
    pub prereleases: bool,
    /// Until when the clone is known to be up to date, as RFC 3339 with a zone. Default: the time of its newest commit
    /// or tag, because a clone does not know what happened after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"2026-01-31T00:00:00Z")]
    pub read_until: Option<String>,
    /// Authors that are no humans, beside those that are known. Default: none beside them.
    #[serde(default)]
    #[schemars(example = Bots { agent: vec!["^builder <".into()], ..Bots::default() })]
    pub bots: Bots,
}

fn production() -> String {
    "production".into()
}

impl Config {
    /// The name of the repository: the configured one, else that of its folder.
    pub(super) fn repository(&self) -> String {
        self.repository.clone().unwrap_or_else(|| folder_name(&self.path))
    }

    /// The service of releases whose rule names none.
    pub(super) fn service(&self) -> String {
        self.service.clone().unwrap_or_else(|| {
            let repository = self.repository();
            repository.rsplit('/').next().map_or(repository.clone(), str::to_owned)
        })
    }
}

/// The last folder of a path, without `.git`. Links are not followed, so that the name does not change when one does.
fn folder_name(path: &Path) -> String {
    let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if path.file_name().is_none() {
        path = path.canonicalize().unwrap_or(path);
    }
    if path.file_name().is_some_and(|name| name == ".git") {
        path.pop();
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".git").unwrap_or(&name);
    if name.is_empty() { "repository".into() } else { name.to_owned() }
}
