//! Changes that were taken back. A revert that was deployed says that the rollout which brought what it reverts failed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::prelude::SessionContext;
use lake::tables::{change_commits, changes, rollout_changes, rollouts};

use crate::{DeriveError, stages};

/// A rollout that brought a change which was reverted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Revert {
    /// The rollout that brought what was reverted.
    pub(crate) rollout_id: String,
    /// The change that reverts, as `change in repository`.
    pub(crate) reverting_id: String,
    /// The rollout that brought the revert.
    pub(crate) remedy_id: Option<String>,
    /// It is evidence; false for a candidate.
    pub(crate) is_accepted: bool,
    /// Why it is evidence or not.
    pub(crate) reason: &'static str,
}

type ChangeKey<'a> = (&'a str, &'a str);

/// The rollouts that brought what these changes revert.
pub(crate) fn reverts(
    changes: &[changes::Row],
    change_commits: &[change_commits::Row],
    links: &[rollout_changes::Row],
    rollouts: &[rollouts::Row],
) -> Vec<Revert> {
    let names = Names::new(changes, change_commits);
    let by_id: BTreeMap<&str, &rollouts::Row> =
        rollouts.iter().map(|rollout| (rollout.rollout_id.as_str(), rollout)).collect();
    let mut of_change: BTreeMap<ChangeKey<'_>, Vec<&rollout_changes::Row>> = BTreeMap::new();
    for link in links {
        of_change.entry((&link.repository, &link.change_id)).or_default().push(link);
    }
    let linked = |key| of_change.get(&key).into_iter().flatten().copied();
    let mut found = BTreeSet::new();
    for change in changes.iter().filter(|change| !change.reverts.is_empty()) {
        let own = (change.repository.as_str(), change.change_id.as_str());
        for reverted in names.reverted_by(change) {
            for brought in linked(reverted) {
                let taken_back = linked(own)
                    .find(|link| (&link.service, &link.environment) == (&brought.service, &brought.environment));
                let is_revert = names.is_revert(reverted);
                found.extend(taken_back.and_then(|back| judge(brought, back, is_revert, &by_id)));
            }
        }
    }
    found.into_iter().collect()
}

/// What it means for a rollout that a change it brought was taken back; nothing where the change was never live without
/// its revert.
fn judge(
    brought: &rollout_changes::Row,
    back: &rollout_changes::Row,
    is_revert_itself: bool,
    by_id: &BTreeMap<&str, &rollouts::Row>,
) -> Option<Revert> {
    let rollout = brought.rollout_id.as_deref().and_then(|id| by_id.get(id))?;
    let remedy = back.rollout_id.as_deref().and_then(|id| by_id.get(id));
    if remedy.is_some_and(|remedy| remedy.finished_at <= rollout.finished_at) || !rollout.in_change_fail_rate {
        return None;
    }
    let is_new = !matches!(brought.excluded.as_deref(), Some("first_rollout" | "history_gap"));
    let (is_accepted, reason) = if is_revert_itself {
        (false, "what was taken back is a revert itself: what that one reverted is there again")
    } else if !is_new {
        (false, "what was reverted may have come before this rollout")
    } else if remedy.is_none() {
        (false, "the revert is merged and not deployed")
    } else {
        (true, "a change that it brought was reverted")
    };
    Some(Revert {
        rollout_id: rollout.rollout_id.clone(),
        reverting_id: format!("{} in {}", back.change_id, back.repository),
        remedy_id: remedy.map(|remedy| remedy.rollout_id.clone()),
        is_accepted,
        reason,
    })
}

/// By what changes are known: their ids, and the commits that carry them.
struct Names<'a> {
    changes: BTreeSet<ChangeKey<'a>>,
    by_commit: BTreeMap<ChangeKey<'a>, &'a str>,
    reverts: BTreeSet<ChangeKey<'a>>,
}

impl<'a> Names<'a> {
    fn new(changes: &'a [changes::Row], change_commits: &'a [change_commits::Row]) -> Self {
        let key = |change: &'a changes::Row| (change.repository.as_str(), change.change_id.as_str());
        let carriers = changes.iter().filter_map(|change| {
            Some(((change.repository.as_str(), change.merge_commit_sha.as_deref()?), change.change_id.as_str()))
        });
        let commits =
            change_commits.iter().map(|row| ((row.repository.as_str(), row.commit_sha.as_str()), &*row.change_id));
        // Of two changes with one commit the smaller id is taken, so that order does not matter.
        let mut by_commit: BTreeMap<ChangeKey<'_>, &str> = BTreeMap::new();
        for (commit, change_id) in carriers.chain(commits) {
            let place = by_commit.entry(commit).or_insert(change_id);
            *place = change_id.min(*place);
        }
        Self {
            changes: changes.iter().map(key).collect(),
            by_commit,
            reverts: changes.iter().filter(|change| !change.reverts.is_empty()).map(key).collect(),
        }
    }

    /// The changes that `change` names as reverted, by their id or one of their commits; itself never.
    fn reverted_by(&self, change: &'a changes::Row) -> BTreeSet<ChangeKey<'a>> {
        let repository = change.repository.as_str();
        let find = |named: &'a str| {
            let by_id = self.changes.get(&(repository, named)).copied();
            by_id.or_else(|| self.commit(repository, named).map(|id| (repository, id)))
        };
        let own = (repository, change.change_id.as_str());
        change.reverts.iter().filter_map(|named| find(named)).filter(|found| *found != own).collect()
    }

    /// The change of a commit, of which the id may be shortened as long as one alone begins like that.
    fn commit(&self, repository: &'a str, named: &'a str) -> Option<&'a str> {
        if named.len() < 7 {
            return None;
        }
        let mut begun = self
            .by_commit
            .range((repository, named)..)
            .take_while(|((known, sha), _)| *known == repository && sha.starts_with(named))
            .map(|(_, change_id)| *change_id);
        let first = begun.next()?;
        begun.all(|other| other == first).then_some(first)
    }

    fn is_revert(&self, change: ChangeKey<'_>) -> bool {
        self.reverts.contains(&change)
    }
}

/// `reverts_seen`.
pub(crate) fn register(context: &SessionContext, reverts: &[Revert]) -> Result<(), DeriveError> {
    let schema = Schema::new(vec![
        Field::new("rollout_id", DataType::Utf8, false),
        Field::new("revert_id", DataType::Utf8, false),
        Field::new("remedy_id", DataType::Utf8, true),
        Field::new("is_accepted", DataType::Boolean, false),
        Field::new("reason", DataType::Utf8, false),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(reverts.iter().map(|one| one.rollout_id.as_str()))),
        Arc::new(StringArray::from_iter_values(reverts.iter().map(|one| one.reverting_id.as_str()))),
        Arc::new(reverts.iter().map(|one| one.remedy_id.as_deref()).collect::<StringArray>()),
        Arc::new(BooleanArray::from(reverts.iter().map(|one| one.is_accepted).collect::<Vec<_>>())),
        Arc::new(StringArray::from_iter_values(reverts.iter().map(|one| one.reason))),
    ];
    let rows = RecordBatch::try_new(Arc::new(schema), columns).expect("columns of one length make a table");
    stages::register(context, "reverts_seen", rows)
}

#[cfg(test)]
mod tests;
