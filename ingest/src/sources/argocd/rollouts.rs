//! Argo Rollouts: whether a sync that Argo CD calls a success was given up afterwards, and whether users got any of it.

use std::collections::BTreeMap;

use lake::{Instant, tables::deployments};
use serde::Deserialize;
use serde_json::Value;

use super::place::Place;
use super::rows::newest_deployment;
use super::wire::{Application, Resource, or_default};

/// What attempts rest on that are told by a Rollout.
const EVIDENCE: &str = "argo_rollout";

/// What a Rollout says of its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rollout {
    /// When it was given up.
    pub(super) aborted_at: Option<Instant>,
    /// When it was brought to its end: all replicas are of the new version.
    pub(super) promoted_at: Option<Instant>,
    /// Whether users got any of it; none where nothing says so.
    pub(super) reached_users: Option<bool>,
}

/// Whether a resource is a Rollout.
pub(super) fn is_rollout(resource: &Resource) -> bool {
    resource.group == "argoproj.io" && resource.kind == "Rollout"
}

/// Whether a resource is a run of an analysis.
pub(super) fn is_analysis_run(resource: &Resource) -> bool {
    resource.group == "argoproj.io" && resource.kind == "AnalysisRun"
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Manifest {
    #[serde(deserialize_with = "or_default")]
    metadata: Metadata,
    #[serde(deserialize_with = "or_default")]
    spec: Spec,
    #[serde(deserialize_with = "or_default")]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(deserialize_with = "or_default")]
    strategy: Strategy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Strategy {
    canary: Option<Canary>,
    blue_green: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Canary {
    #[serde(deserialize_with = "or_default")]
    steps: Vec<Step>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Step {
    set_weight: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    abort: Option<bool>,
    aborted_at: Option<Instant>,
    current_step_index: Option<usize>,
    #[serde(deserialize_with = "or_default")]
    current_pod_hash: String,
    #[serde(deserialize_with = "or_default", rename = "stableRS")]
    stable: String,
    #[serde(deserialize_with = "or_default")]
    canary: CanaryStatus,
    #[serde(deserialize_with = "or_default")]
    blue_green: BlueGreenStatus,
    #[serde(deserialize_with = "or_default")]
    conditions: Vec<Condition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CanaryStatus {
    #[serde(deserialize_with = "or_default")]
    weights: Weights,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Weights {
    #[serde(deserialize_with = "or_default")]
    canary: Weight,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Weight {
    weight: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BlueGreenStatus {
    #[serde(deserialize_with = "or_default")]
    active_selector: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    #[serde(deserialize_with = "or_default", rename = "type")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    status: String,
    last_transition_time: Option<Instant>,
}

impl Rollout {
    /// Reads the manifest of a living Rollout; `runs` are the names of the analysis runs around it.
    pub(super) fn parse(manifest: &str, runs: &[&str]) -> Option<Self> {
        let manifest: Manifest = serde_json::from_str(manifest).ok()?;
        let status = &manifest.status;
        let is_aborted = status.abort == Some(true);
        let is_promoted =
            !is_aborted && !status.current_pod_hash.is_empty() && status.current_pod_hash == status.stable;
        let completed = status.conditions.iter().find(|condition| condition.kind == "Completed");
        let completed = completed.filter(|condition| condition.status == "True");
        Some(Self {
            aborted_at: status.aborted_at.filter(|_| is_aborted),
            promoted_at: completed.and_then(|condition| condition.last_transition_time).filter(|_| is_promoted),
            reached_users: manifest.reached_users(runs),
        })
    }
}

impl Manifest {
    /// Whether users got any of the last change.
    ///
    /// An abort sets weight and step back to zero, so that the runs of analyses have to speak: the name of a run of a
    /// step ends with pod hash, revision and number of the step.
    fn reached_users(&self, runs: &[&str]) -> Option<bool> {
        let status = &self.status;
        if self.spec.strategy.blue_green.is_some() {
            let active = status.blue_green.active_selector.as_str();
            return (!active.is_empty()).then_some(active == status.current_pod_hash);
        }
        let steps = self.spec.strategy.canary.as_ref().map(|canary| canary.steps.as_slice()).unwrap_or_default();
        // The first step after which traffic flows.
        let first = steps.iter().position(|step| step.set_weight.is_some_and(|weight| weight > 0));
        let is_past = |step: usize| first.is_some_and(|first| step > first);
        let is_weighted = status.canary.weights.canary.weight.is_some_and(|weight| weight > 0);
        if is_weighted || status.current_step_index.is_some_and(is_past) {
            return Some(true);
        }
        if status.abort != Some(true) {
            return None;
        }
        let steps_run: Vec<usize> = runs.iter().filter_map(|run| self.step_of(run)).collect();
        if steps_run.iter().any(|step| is_past(*step)) {
            return Some(true);
        }
        // Something ran, and all of it before the first traffic: each later step begins with the one before it.
        let earliest_abort = steps_run.iter().max()?;
        first.is_none_or(|first| *earliest_abort < first).then_some(false)
    }

    /// The number of the step that an analysis run of this change belongs to.
    fn step_of(&self, run: &str) -> Option<usize> {
        let revision = self.metadata.annotations.get("rollout.argoproj.io/revision")?;
        let prefix = format!("{}-{}-{revision}-", self.metadata.name, self.status.current_pod_hash);
        let rest = run.strip_prefix(&prefix)?;
        // A run whose name was taken has one more number.
        rest.split('-').next()?.parse().ok()
    }
}

/// Corrects the last sync by what became of it in the Rollouts. Returns the syncs that are known to have been given up:
/// one that was tried again and came through keeps its failure.
pub(super) fn judge(
    deployments: &mut Vec<deployments::Row>,
    application: &Application,
    place: &Place,
    rollouts: &[Rollout],
    before: &[(String, Instant)],
) -> Vec<(String, Instant)> {
    let Some(id) = newest_deployment(application, place) else { return before.to_vec() };
    let known = before.iter().find(|(known, _)| *known == id).map(|(_, at)| *at);
    let Some(row) = deployments.iter_mut().find(|row| row.deployment_id == id) else { return before.to_vec() };
    let started_at = row.started_at.or(row.finished_at);
    let given_up: Vec<&Rollout> =
        rollouts.iter().filter(|rollout| rollout.aborted_at.is_some() && rollout.aborted_at >= started_at).collect();
    let aborted_at = given_up.iter().filter_map(|rollout| rollout.aborted_at).max();
    if let Some(at) = aborted_at {
        row.reached_users = reached_users(&given_up);
        fail(row, at);
        return vec![(id, at)];
    }
    let Some(at) = known else { return Vec::new() };
    // It was given up, and tried again since.
    let promoted_at = rollouts.iter().filter_map(|rollout| rollout.promoted_at).max().filter(|promoted| *promoted > at);
    let mut again = row.clone();
    deployments.retain(|row| row.deployment_id != id);
    if let Some(promoted_at) = promoted_at {
        again.attempt = 2;
        again.started_at = Some(at);
        again.finished_at = Some(promoted_at);
        again.updated_at = Some(promoted_at);
        again.evidence = EVIDENCE.into();
        deployments.push(again);
    }
    vec![(id, at)]
}

/// One that reached users is enough; that none did has to be known of all.
fn reached_users(given_up: &[&Rollout]) -> Option<bool> {
    if given_up.iter().any(|rollout| rollout.reached_users == Some(true)) {
        return Some(true);
    }
    given_up.iter().all(|rollout| rollout.reached_users == Some(false)).then_some(false)
}

fn fail(row: &mut deployments::Row, at: Instant) {
    row.status = "failure".into();
    row.finished_at = Some(at);
    row.updated_at = Some(at.max(row.updated_at.unwrap_or(at)));
    row.evidence = EVIDENCE.into();
}
