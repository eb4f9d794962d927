//! From a row back to its links and to the events it was derived from.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use lake::tables::{
    change_commits, changes, commits, deployments, incidents, recovery_episodes, rollout_changes, rollout_failures,
    rollouts,
};
use lake::{Instant, Snapshot, Table, TableRow};

use super::workbench::Chosen;
use super::{Event, Evidence, Fact, Link, Workbench};
use crate::{DeriveError, failures};

/// Where a row came from: its source, and the hash of the raw page.
type Origin = (String, Option<String>);
/// The rows of one table by the first columns of their key.
type Origins = BTreeMap<Vec<String>, Vec<(String, Origin)>>;

/// What leads from rows to events.
pub(super) struct Trail<'a> {
    rollouts: BTreeMap<&'a str, &'a rollouts::Row>,
    changes: BTreeMap<(&'a str, &'a str, &'a str), &'a rollout_changes::Row>,
    episodes: BTreeMap<&'a str, &'a recovery_episodes::Row>,
    /// Links by rollout.
    of_rollout: BTreeMap<&'a str, Vec<&'a rollout_failures::Row>>,
    /// Links by what is their evidence.
    of_evidence: BTreeMap<&'a str, Vec<&'a rollout_failures::Row>>,
    /// The rollouts of each failure of the unit.
    failures: BTreeMap<&'a str, Vec<&'a str>>,
    sources: &'a Sources,
}

/// Where the rows of events came from.
pub(crate) struct Sources {
    /// Commits by change.
    commits: BTreeMap<(String, String), Vec<String>>,
    origins: BTreeMap<&'static str, Origins>,
}

impl Sources {
    pub(super) async fn read(snapshot: &Snapshot) -> Result<Self, DeriveError> {
        let mut of_change: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for row in snapshot.rows::<change_commits::Row>().await? {
            of_change.entry((row.repository, row.change_id)).or_default().push(row.commit_sha);
        }
        let mut origins = BTreeMap::new();
        for (table, keys) in [
            (deployments::Row::table(), 1),
            (incidents::Row::table(), 1),
            (changes::Row::table(), 2),
            (commits::Row::table(), 2),
        ] {
            origins.insert(table.name, origins_of(snapshot, table, keys).await?);
        }
        Ok(Self { commits: of_change, origins })
    }
}

impl<'a> Trail<'a> {
    pub(super) fn new(bench: &'a Workbench, unit: &Chosen) -> Self {
        let derived = &bench.derived;
        let environment = &unit.window.environment;
        let is_own = |row: &&rollout_failures::Row| {
            row.is_accepted && row.environment == *environment && unit.members.contains(&row.service)
        };
        let mut failures: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (rollout_id, failure_id) in failures::by_rollout(derived.rollout_failures.iter().filter(is_own)) {
            failures.entry(failure_id).or_default().push(rollout_id);
        }
        let (mut of_rollout, mut of_evidence) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
        for row in &derived.rollout_failures {
            of_rollout.entry(row.rollout_id.as_str()).or_default().push(row);
            of_evidence.entry(row.evidence_id.as_str()).or_default().push(row);
        }
        let in_environment = |row: &&rollout_changes::Row| row.environment == *environment;
        Self {
            rollouts: derived.rollouts.iter().map(|row| (row.rollout_id.as_str(), row)).collect(),
            changes: derived
                .rollout_changes
                .iter()
                .filter(in_environment)
                .map(|row| ((row.service.as_str(), row.repository.as_str(), row.change_id.as_str()), row))
                .collect(),
            episodes: derived.recovery_episodes.iter().map(|row| (row.rollout_id.as_str(), row)).collect(),
            of_rollout,
            of_evidence,
            failures,
            sources: &bench.sources,
        }
    }

    /// Adds facts, links and events to a row.
    pub(super) fn follow(&self, row: &mut Evidence) {
        let mut events = BTreeSet::new();
        match row.subject.as_str() {
            "rollout" => self.rollout(&row.subject_id.clone(), row, &mut events),
            "failure" => {
                let alone = [row.subject_id.as_str()];
                let rollouts = self.failures.get(row.subject_id.as_str()).map_or(&alone[..], Vec::as_slice);
                // One that was left out speaks for itself alone.
                let rollouts = if row.excluded.is_some() { &alone[..] } else { rollouts };
                for rollout_id in rollouts.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>() {
                    self.rollout(&rollout_id, row, &mut events);
                }
            }
            "change" => self.change(row, &mut events),
            "incident" => {
                let links = self.of_evidence.get(row.subject_id.as_str()).into_iter().flatten();
                row.links.extend(links.map(|link| failure_link(link)));
                self.events("incidents", &[&row.subject_id], &mut events);
            }
            "attempt" => self.attempt(&row.subject_id, &mut events),
            "commit" => self.commit(row, &mut events),
            _ => {}
        }
        row.events = events.into_iter().collect();
    }

    fn rollout(&self, rollout_id: &str, row: &mut Evidence, events: &mut BTreeSet<Event>) {
        if let Some(rollout) = self.rollouts.get(rollout_id) {
            row.facts.extend(rollout_facts(rollout));
            self.deployments_of(rollout, events);
        }
        if let Some(episode) = self.episodes.get(rollout_id) {
            row.facts.push(fact("impaired_from", &episode.started_at));
            row.facts.extend(episode.restored_at.map(|at| fact("restored_at", &at)));
        }
        for link in self.of_rollout.get(rollout_id).into_iter().flatten() {
            row.links.push(failure_link(link));
            match self.rollouts.get(link.evidence_id.as_str()) {
                Some(remedy) => self.deployments_of(remedy, events),
                None => self.events("incidents", &[&link.evidence_id], events),
            }
        }
    }

    /// The deployments of a rollout, and the commits they put there.
    fn deployments_of(&self, rollout: &rollouts::Row, events: &mut BTreeSet<Event>) {
        for deployment_id in &rollout.deployment_ids {
            self.events("deployments", &[deployment_id], events);
        }
        for (repository, commit) in rollout.revisions.iter().filter_map(|part| part.rsplit_once('@')) {
            self.events("commits", &[repository, commit], events);
        }
    }

    /// The one attempt with this key, of which the deployment is the beginning.
    fn attempt(&self, attempt_id: &str, events: &mut BTreeSet<Event>) {
        let mut all = BTreeSet::new();
        for (end, _) in attempt_id.match_indices(' ') {
            self.events("deployments", &[&attempt_id[..end]], &mut all);
        }
        events.extend(all.into_iter().filter(|event| event.event_id == attempt_id));
    }

    /// A commit; where its change stands for it, that change.
    fn commit(&self, row: &Evidence, events: &mut BTreeSet<Event>) {
        let Some(repository) = row.repository.as_deref() else { return };
        for table in ["commits", "changes"] {
            self.events(table, &[repository, &row.subject_id], events);
        }
    }

    fn change(&self, row: &mut Evidence, events: &mut BTreeSet<Event>) {
        let Some(repository) = row.repository.clone() else { return };
        let change_id = row.subject_id.clone();
        self.events("changes", &[&repository, &change_id], events);
        for commit in self.sources.commits.get(&(repository.clone(), change_id.clone())).into_iter().flatten() {
            self.events("commits", &[&repository, commit], events);
        }
        let service = row.service.clone().unwrap_or_default();
        let Some(linked) = self.changes.get(&(service.as_str(), repository.as_str(), change_id.as_str())) else {
            return;
        };
        row.facts.extend(change_facts(linked));
        let (Some(rollout_id), Some(method)) = (&linked.rollout_id, &linked.method) else { return };
        row.links.push(Link {
            rollout_id: rollout_id.clone(),
            evidence_id: linked.change_id.clone(),
            method: method.clone(),
            confidence: linked.confidence.unwrap_or_default(),
            is_accepted: linked.excluded.is_none(),
            reason: match method.as_str() {
                "ancestry" => "its commits are reachable from this rollout and from no earlier one".to_owned(),
                "patch_id" => "a copy of its commits arrived with this rollout".to_owned(),
                other => other.to_owned(),
            },
        });
        if let Some(rollout) = self.rollouts.get(rollout_id.as_str()) {
            self.deployments_of(rollout, events);
        }
    }

    /// The rows of a table whose key begins like this.
    fn events(&self, table: &'static str, key: &[&str], events: &mut BTreeSet<Event>) {
        let key: Vec<String> = key.iter().map(|part| (*part).to_owned()).collect();
        let found = self.sources.origins.get(table).and_then(|rows| rows.get(&key)).into_iter().flatten();
        events.extend(found.map(|(event_id, (source, page_sha))| Event {
            table,
            event_id: event_id.clone(),
            source: source.clone(),
            page_sha: page_sha.clone(),
        }));
    }
}

fn fact(name: &'static str, value: &dyn ToString) -> Fact {
    Fact { name, value: value.to_string() }
}

fn rollout_facts(rollout: &rollouts::Row) -> Vec<Fact> {
    let mut facts = vec![
        fact("rollout_id", &rollout.rollout_id),
        fact("service", &rollout.service),
        fact("kind", &rollout.kind),
        fact("revisions", &rollout.revisions.join(" ")),
        fact("started_at", &rollout.started_at),
    ];
    facts.extend(rollout.finished_at.map(|at| fact("finished_at", &at)));
    facts.push(fact("attempts", &format!("{}, {} failed", rollout.attempt_count, rollout.failed_attempt_count)));
    facts
}

fn change_facts(linked: &rollout_changes::Row) -> Vec<Fact> {
    let times: [(&'static str, Option<Instant>); 5] = [
        ("started_at", linked.started_at),
        ("last_commit_at", linked.last_commit_at),
        ("opened_at", linked.opened_at),
        ("merged_at", linked.merged_at),
        ("deployed_at", linked.deployed_at),
    ];
    let times = times.into_iter().filter_map(|(name, at)| at.map(|at| fact(name, &at)));
    let words = [("started_at_basis", &linked.started_at_basis), ("author_kind", &linked.author_kind)];
    times.chain(words.into_iter().map(|(name, word)| fact(name, word))).collect()
}

fn failure_link(row: &rollout_failures::Row) -> Link {
    Link {
        rollout_id: row.rollout_id.clone(),
        evidence_id: row.evidence_id.clone(),
        method: row.method.clone(),
        confidence: row.confidence,
        is_accepted: row.is_accepted,
        reason: row.reason.clone(),
    }
}

/// Every row of a table with where it came from, by the first `keys` columns of its key.
async fn origins_of(snapshot: &Snapshot, table: &'static Table, keys: usize) -> Result<Origins, DeriveError> {
    let mut origins = Origins::new();
    for batch in snapshot.read(table).await? {
        let texts = |name: &str| {
            let column = batch.column_by_name(name).map(|column| arrow::compute::cast(column, &DataType::Utf8));
            column.unwrap_or_else(|| Err(arrow::error::ArrowError::SchemaError(format!("column `{name}` is missing"))))
        };
        let failed = |error| DeriveError::shape(table.name, error);
        let key = table.key.iter().map(|name| texts(name)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let (sources, pages) = (texts("source").map_err(failed)?, texts("page_sha").map_err(failed)?);
        for at in 0..batch.num_rows() {
            let part = |column: &arrow::array::ArrayRef| {
                let texts = column.as_string::<i32>();
                texts.is_valid(at).then(|| texts.value(at).to_owned())
            };
            let parts: Vec<Option<String>> = key.iter().map(part).collect();
            let first = parts.iter().take(keys).map(|part| part.clone().unwrap_or_default()).collect();
            let words: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
            let origin = (part(&sources).unwrap_or_default(), part(&pages));
            origins.entry(first).or_default().push((words.join(" "), origin));
        }
    }
    Ok(origins)
}
