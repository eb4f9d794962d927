//! What Argo CD says, as far as it is read. Lists and texts that are null read as empty, unknown fields are ignored.

use std::collections::BTreeMap;

use lake::Instant;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One application.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Application {
    pub(super) metadata: Metadata,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) spec: Spec,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) status: Status,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) namespace: String,
    /// What tells an application from a later one of the same name.
    pub(super) uid: String,
    /// Changes with every change of the application.
    #[serde(default, deserialize_with = "or_default", rename = "resourceVersion")]
    pub(super) version: String,
    #[serde(default, rename = "creationTimestamp")]
    pub(super) created_at: Option<Instant>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) annotations: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default", rename = "ownerReferences")]
    pub(super) owners: Vec<Owner>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Owner {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) kind: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Spec {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) project: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) destination: Destination,
    #[serde(default)]
    pub(super) source: Option<Source>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) sources: Vec<Source>,
    #[serde(default, rename = "revisionHistoryLimit", deserialize_with = "number")]
    pub(super) history_limit: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Destination {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) server: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) namespace: String,
}

/// Where manifests come from.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(super) struct Source {
    #[serde(default, deserialize_with = "or_default", rename = "repoURL")]
    pub(super) repository_url: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) chart: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) path: String,
    /// Set where the source only carries values for another one.
    #[serde(default, deserialize_with = "or_default", rename = "ref")]
    pub(super) reference: String,
    #[serde(default)]
    pub(super) helm: Option<Value>,
    #[serde(default)]
    pub(super) kustomize: Option<Value>,
    #[serde(default)]
    pub(super) directory: Option<Value>,
    #[serde(default)]
    pub(super) plugin: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Status {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) health: Health,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) sync: Sync,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) history: Vec<History>,
    #[serde(default, rename = "operationState")]
    pub(super) operation: Option<OperationState>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) summary: Summary,
    #[serde(default, rename = "reconciledAt")]
    pub(super) reconciled_at: Option<Instant>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) resources: Vec<Resource>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Health {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) status: String,
    #[serde(default)]
    pub(super) message: Option<String>,
    /// Told since Argo CD 3.0.
    #[serde(default, rename = "lastTransitionTime")]
    pub(super) changed_at: Option<Instant>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Sync {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) status: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Summary {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) images: Vec<String>,
}

/// One successful full sync.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct History {
    #[serde(default, deserialize_with = "number")]
    pub(super) id: Option<i64>,
    #[serde(flatten)]
    pub(super) asked: Asked,
    #[serde(default, rename = "deployStartedAt")]
    pub(super) started_at: Option<Instant>,
    #[serde(default, rename = "deployedAt")]
    pub(super) deployed_at: Option<Instant>,
    #[serde(default, deserialize_with = "or_default", rename = "initiatedBy")]
    pub(super) initiated_by: Initiator,
}

/// What a sync was asked to put there: one revision of one source, or one of each.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default, deserialize_with = "or_default")]
    revision: String,
    #[serde(default, deserialize_with = "or_default")]
    revisions: Vec<String>,
    #[serde(default)]
    source: Option<Source>,
    #[serde(default, deserialize_with = "or_default")]
    sources: Vec<Source>,
}

impl Asked {
    /// The sources, several before the one.
    pub(super) fn sources(&self) -> &[Source] {
        several_or_one(&self.sources, self.source.as_ref().filter(|source| !source.repository_url.is_empty()))
    }

    /// The revision of each source; an empty one is not known.
    pub(super) fn revisions(&self) -> &[String] {
        several_or_one(&self.revisions, Some(&self.revision).filter(|revision| !revision.is_empty()))
    }
}

impl Spec {
    /// The sources, several before the one, as Argo CD itself reads them.
    pub(super) fn sources(&self) -> &[Source] {
        several_or_one(&self.sources, self.source.as_ref())
    }
}

fn several_or_one<'a, T>(several: &'a [T], one: Option<&'a T>) -> &'a [T] {
    if several.is_empty() { one.map(std::slice::from_ref).unwrap_or_default() } else { several }
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Initiator {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) username: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) automated: bool,
}

/// The last operation, finished or not. There is room for one.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct OperationState {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) phase: String,
    #[serde(default, rename = "startedAt")]
    pub(super) started_at: Option<Instant>,
    #[serde(default, rename = "finishedAt")]
    pub(super) finished_at: Option<Instant>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) message: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) operation: Operation,
    #[serde(default, rename = "syncResult")]
    pub(super) result: Option<SyncResult>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Operation {
    #[serde(default, deserialize_with = "or_default", rename = "initiatedBy")]
    pub(super) initiated_by: Initiator,
    #[serde(default)]
    pub(super) sync: Option<SyncOperation>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct SyncOperation {
    #[serde(flatten)]
    pub(super) asked: Asked,
    #[serde(default, deserialize_with = "or_default", rename = "dryRun")]
    pub(super) is_dry_run: bool,
    /// The resources that were selected; a full sync selects none.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) resources: Vec<Value>,
    #[serde(default, rename = "autoHealAttemptsCount", deserialize_with = "number")]
    pub(super) self_heal_attempts: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct SyncResult {
    #[serde(flatten)]
    pub(super) asked: Asked,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) resources: Vec<ResourceResult>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct ResourceResult {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) status: String,
    #[serde(default, deserialize_with = "or_default", rename = "hookPhase")]
    pub(super) hook_phase: String,
    #[serde(default, deserialize_with = "or_default", rename = "hookType")]
    pub(super) hook_type: String,
    /// Told since Argo CD 3.0.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) images: Vec<String>,
}

/// A resource that an application deploys, or one that hangs below it.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Resource {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) group: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) version: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) kind: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) namespace: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) name: String,
}

/// Everything below an application.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Tree {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) nodes: Vec<Resource>,
}

/// One resource as it lives in the cluster, as JSON in a text.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct LiveResource {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) manifest: String,
}

/// What is known of a configuration commit.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct RevisionMetadata {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) references: Vec<Reference>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Reference {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) commit: ReferencedCommit,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct ReferencedCommit {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) sha: String,
    #[serde(default, deserialize_with = "or_default", rename = "repoUrl")]
    pub(super) repository_url: String,
}

/// `ApplicationSets`, or projects.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Items<T> {
    #[serde(default = "Vec::new", deserialize_with = "or_default", bound(deserialize = "T: Deserialize<'de>"))]
    pub(super) items: Vec<T>,
}

/// What makes applications.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ApplicationSet {
    pub(super) metadata: Metadata,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) spec: ApplicationSetSpec,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) status: ApplicationSetStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct ApplicationSetSpec {
    /// Objects with one field that names their kind; some hold others.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) generators: Vec<Value>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) strategy: Strategy,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Strategy {
    #[serde(default, deserialize_with = "or_default", rename = "type")]
    pub(super) kind: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct ApplicationSetStatus {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Condition {
    #[serde(default, deserialize_with = "or_default", rename = "type")]
    pub(super) kind: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) status: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) message: String,
}

/// A project, of which only its name is read.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Project {
    pub(super) metadata: ProjectMetadata,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ProjectMetadata {
    pub(super) name: String,
}

/// `null` as if it were not there.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A whole number, which some gateways write as a text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }
    match Option::deserialize(deserializer)? {
        None => Ok(None),
        Some(Either::Number(number)) => Ok(Some(number)),
        Some(Either::Text(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}
