//! Who wrote a change, and what its message says: the same for every source that knows commits.

mod accounts;
mod authors;
pub(crate) mod messages;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use authors::{AuthorKind, Classifier, Pseudonym};

/// Regular expressions for authors that are no humans, searched for in `Name <e-mail>` without regard to case.
/// They are asked before the built-in ones, in the order of the fields.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bots {
    /// Coding agents; also looked for among co-authors. Default: none beside the built-in ones (Copilot, Claude,
    /// Codex, Devin, Cursor and others).
    #[schemars(example = ["^builder <"])]
    pub agent: Vec<String>,
    /// Programs that update dependencies. Default: none beside the built-in ones (Dependabot, Renovate and others).
    #[schemars(example = ["<deps@acme\\.example>"])]
    pub dependency_bot: Vec<String>,
    /// Other programs. Default: none beside the built-in ones (names that end with `[bot]` or `-bot`, and others).
    #[schemars(example = ["^release robot <"])]
    pub other_bot: Vec<String>,
}
