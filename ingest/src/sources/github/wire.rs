//! GitHub's JSON, as far as we read it. Real answers leave out and null what the contract requires, so only what a row
//! cannot do without is required here.

use lake::Instant;
use serde::{Deserialize, Deserializer};

/// A user, a bot or an organisation; GitHub also sends `{}` and null.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Account {
    pub(super) login: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Repository {
    pub(super) id: u64,
    pub(super) full_name: String,
    pub(super) default_branch: Option<String>,
    #[serde(default)]
    pub(super) archived: bool,
    #[serde(default)]
    pub(super) fork: bool,
}

/// Who and when, as git keeps it.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Signature {
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) date: Option<Instant>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Parent {
    pub(super) sha: String,
}

/// A commit as lists give it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Commit {
    pub(super) sha: String,
    #[serde(rename = "commit")]
    pub(super) body: CommitBody,
    /// The account, not the name in the commit.
    pub(super) author: Option<Account>,
    #[serde(default, deserialize_with = "list")]
    pub(super) parents: Vec<Parent>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct CommitBody {
    pub(super) author: Option<Signature>,
    pub(super) committer: Option<Signature>,
    pub(super) message: Option<String>,
}

/// A commit as the git database gives it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct GitCommit {
    pub(super) sha: String,
    #[serde(flatten)]
    pub(super) body: CommitBody,
    #[serde(default, deserialize_with = "list")]
    pub(super) parents: Vec<Parent>,
}

impl From<GitCommit> for Commit {
    fn from(commit: GitCommit) -> Self {
        Self { sha: commit.sha, body: commit.body, author: None, parents: commit.parents }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Label {
    pub(super) name: Option<String>,
}

/// Issues may have labels that are only a name.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum AnyLabel {
    Name(String),
    Label(Label),
}

/// The names of labels, in their own order.
pub(super) fn names(labels: &[AnyLabel]) -> Vec<String> {
    let name = |label: &AnyLabel| match label {
        AnyLabel::Name(name) => Some(name.clone()),
        AnyLabel::Label(label) => label.name.clone(),
    };
    labels.iter().filter_map(name).collect()
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Side {
    #[serde(rename = "ref")]
    pub(super) branch: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    /// By which GraphQL is asked for it; old recordings have none.
    pub(super) node_id: Option<String>,
    pub(super) title: Option<String>,
    pub(super) body: Option<String>,
    pub(super) user: Option<Account>,
    #[serde(default, deserialize_with = "list")]
    pub(super) labels: Vec<AnyLabel>,
    pub(super) created_at: Option<Instant>,
    pub(super) updated_at: Instant,
    pub(super) closed_at: Option<Instant>,
    pub(super) merged_at: Option<Instant>,
    pub(super) merge_commit_sha: Option<String>,
    pub(super) base: Option<Side>,
    pub(super) head: Option<Side>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Review {
    pub(super) id: u64,
    pub(super) user: Option<Account>,
    pub(super) state: Option<String>,
    pub(super) submitted_at: Option<Instant>,
    pub(super) commit_id: Option<String>,
}

/// One entry of a timeline; there are dozens of kinds, and more to come.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct TimelineEvent {
    pub(super) id: Option<u64>,
    pub(super) event: Option<String>,
    pub(super) created_at: Option<Instant>,
    pub(super) actor: Option<Account>,
    pub(super) user: Option<Account>,
    pub(super) commit_id: Option<String>,
    pub(super) label: Option<Label>,
    pub(super) requested_reviewer: Option<Account>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Deployment {
    pub(super) id: u64,
    /// By which GraphQL is asked for it; old recordings have none.
    pub(super) node_id: Option<String>,
    pub(super) sha: Option<String>,
    pub(super) environment: Option<String>,
    /// Whether somebody called its environment one of production; GraphQL does not tell it, and false is the default.
    pub(super) production_environment: Option<bool>,
    pub(super) creator: Option<Account>,
    pub(super) created_at: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct DeploymentStatus {
    /// GraphQL does not give it.
    pub(super) id: Option<u64>,
    pub(super) state: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) created_at: Instant,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Run {
    pub(super) id: u64,
    pub(super) name: Option<String>,
    pub(super) path: Option<String>,
    pub(super) head_branch: Option<String>,
    pub(super) head_sha: Option<String>,
    pub(super) event: Option<String>,
    pub(super) status: Option<String>,
    pub(super) conclusion: Option<String>,
    #[serde(rename = "run_attempt")]
    pub(super) attempt: Option<i64>,
    pub(super) created_at: Instant,
    pub(super) updated_at: Option<Instant>,
    #[serde(rename = "run_started_at")]
    pub(super) started_at: Option<Instant>,
    pub(super) actor: Option<Account>,
    pub(super) triggering_actor: Option<Account>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Release {
    pub(super) tag_name: String,
    #[serde(default)]
    pub(super) draft: bool,
    #[serde(default)]
    pub(super) prerelease: bool,
    pub(super) published_at: Option<Instant>,
    pub(super) author: Option<Account>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) commit: Parent,
}

/// What a reference or a tag points at.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Object {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) sha: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Reference {
    pub(super) object: Object,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct TagObject {
    pub(super) object: Object,
    pub(super) tagger: Option<Signature>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Issue {
    pub(super) number: u64,
    pub(super) title: Option<String>,
    pub(super) body: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) labels: Vec<AnyLabel>,
    pub(super) state: Option<String>,
    pub(super) created_at: Instant,
    pub(super) updated_at: Instant,
    pub(super) closed_at: Option<Instant>,
    /// Pull requests stand in the list of issues, too.
    pub(super) pull_request: Option<serde_json::Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct CheckRun {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) status: Option<String>,
    pub(super) conclusion: Option<String>,
    pub(super) started_at: Option<Instant>,
    pub(super) completed_at: Option<Instant>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct CommitStatus {
    pub(super) id: u64,
    pub(super) state: String,
    pub(super) context: Option<String>,
    pub(super) created_at: Option<Instant>,
    pub(super) updated_at: Option<Instant>,
}

/// A list that may be null, and whose elements may be null.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(input: D) -> Result<Vec<T>, D::Error> {
    let list: Option<Vec<Option<T>>> = Option::deserialize(input)?;
    Ok(list.unwrap_or_default().into_iter().flatten().collect())
}
