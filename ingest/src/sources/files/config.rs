//! Settings of the `files` source.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Event tables in files.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of these files; their stream is `files:<name>`. Example: `"incidents"`.
    #[serde(default = "default_name")]
    pub name: String,
    /// A file, or a folder with files named after their tables (`incidents.csv`, `incidents-2026.jsonl`). Files of a
    /// folder with other endings are left alone; one that ends like a table but is named after none is an error, because
    /// its name may be misspelt. Example: `"records/"`.
    pub path: PathBuf,
    /// The table a file holds, where its name does not tell; only for a single file. Example: `"incidents"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
}

fn default_name() -> String {
    "files".into()
}
