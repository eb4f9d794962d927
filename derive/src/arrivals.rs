//! Which rollout first carried a change: by ancestry, never by dates.
//!
//! Rollouts of a unit are walked in the order of their finish. What a rollout newly carries are the commits reachable
//! from its revisions and from no earlier successful rollout of the unit, so every commit belongs to exactly one. A
//! partial rollout brings nothing to where it has to be; what it carried arrives with the next whole one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lake::{
    Instant,
    tables::{change_commits, changes, commits, rollout_changes, rollouts},
};

use crate::graph::Graph;
use crate::rollouts::Unplaced;

/// The event tables that links are made from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Commits of all repositories.
    pub commits: &'a [commits::Row],
    /// Changes of all repositories.
    pub changes: &'a [changes::Row],
    /// Which commits a change consists of.
    pub change_commits: &'a [change_commits::Row],
}

/// The links, and what was odd about the rollouts they were made from.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    /// One row per change and unit.
    pub rows: Vec<rollout_changes::Row>,
    /// Rollouts whose revision is not among the known commits.
    pub unknown_revision: Vec<String>,
    /// Rollouts that do not descend from the one before, such as those of a release branch.
    pub not_descending: Vec<String>,
    /// Rollouts at which the walk left the known history.
    pub left_history: Vec<String>,
}

/// Links the changes merged until `as_of` to the rollouts that first carried them; `unplaced` are successes that may
/// have carried them earlier.
#[must_use]
pub fn link(inputs: Inputs<'_>, rollouts: &[rollouts::Row], unplaced: &[Unplaced], as_of: Instant) -> Arrivals {
    let mut by_repository: BTreeMap<&str, Vec<&commits::Row>> = BTreeMap::new();
    for commit in inputs.commits {
        by_repository.entry(&commit.repository).or_default().push(commit);
    }
    let mut change_commits: HashMap<(&str, &str), Vec<&str>> = HashMap::new();
    for row in inputs.change_commits {
        change_commits.entry((&row.repository, &row.change_id)).or_default().push(&row.commit_sha);
    }
    let mut units: BTreeMap<(&str, &str), Vec<&rollouts::Row>> = BTreeMap::new();
    let is_whole =
        |rollout: &&rollouts::Row| rollout.finished_at.is_some() && rollout.target_count > 0 && !rollout.is_partial;
    for rollout in rollouts.iter().filter(is_whole) {
        units.entry((&rollout.service, &rollout.environment)).or_default().push(rollout);
    }
    let mut arrivals = Arrivals::default();
    for (repository, commits) in by_repository {
        let history = History::new(repository, &commits, inputs.changes, &change_commits, as_of);
        for ((service, environment), rollouts) in &units {
            let unplaced = unplaced.iter().filter(|one| one.service == *service && one.environment == *environment);
            if let Some(unit) = Unit::new(&history, rollouts, unplaced) {
                unit.link(service, environment, as_of, &mut arrivals);
            }
        }
    }
    arrivals.rows.sort_by(|a, b| {
        (&a.service, &a.environment, &a.repository, &a.change_id).cmp(&(
            &b.service,
            &b.environment,
            &b.repository,
            &b.change_id,
        ))
    });
    arrivals
}

/// One repository: its graph, its merged changes, and which commits are copies of one another.
struct History<'a> {
    repository: &'a str,
    graph: Graph,
    /// Merged changes with the numbers of their commits, copies left out.
    changes: Vec<(&'a changes::Row, Vec<u32>)>,
    copies: HashMap<u32, Vec<u32>>,
}

impl<'a> History<'a> {
    fn new(
        repository: &'a str,
        commits: &[&'a commits::Row],
        changes: &'a [changes::Row],
        change_commits: &HashMap<(&str, &str), Vec<&str>>,
        as_of: Instant,
    ) -> Self {
        let graph = Graph::new(commits.iter().copied());
        let copies = copies(commits, &graph);
        let merged = changes
            .iter()
            .filter(|change| change.repository == repository && change.merged_at.is_some_and(|at| at <= as_of))
            .map(|change| {
                let shas = change_commits.get(&(repository, change.change_id.as_str()));
                let mut numbers: Vec<u32> = shas.into_iter().flatten().filter_map(|sha| graph.number(sha)).collect();
                // The commit that carries the change on the default branch speaks for all of it.
                let carrier = change.merge_commit_sha.as_deref().and_then(|sha| graph.number(sha));
                if numbers.is_empty() {
                    numbers.extend(carrier);
                }
                (change, numbers)
            })
            .collect();
        Self { repository, graph, changes: without_copies(merged, &copies), copies }
    }

    /// The commits that revisions name in this repository; none where the commit is not known.
    fn tips(&self, revisions: &[String]) -> impl Iterator<Item = Option<u32>> {
        revisions
            .iter()
            .filter_map(|part| part.rsplit_once('@'))
            .filter(|(repository, _)| *repository == self.repository)
            .map(|(_, revision)| self.graph.number(revision))
    }
}

/// For each commit that has copies: all of them, itself included.
fn copies(commits: &[&commits::Row], graph: &Graph) -> HashMap<u32, Vec<u32>> {
    let mut by_patch: HashMap<&str, Vec<u32>> = HashMap::new();
    for commit in commits {
        if let (Some(patch_id), Some(number)) = (&commit.patch_id, graph.number(&commit.commit_sha)) {
            by_patch.entry(patch_id).or_default().push(number);
        }
    }
    by_patch
        .into_values()
        .filter(|numbers| numbers.len() > 1)
        .flat_map(|numbers| numbers.clone().into_iter().map(move |number| (number, numbers.clone())))
        .collect()
}

/// Of changes that consist of the same patch, the one merged first stays: the others are its copies.
fn without_copies<'a>(
    mut changes: Vec<(&'a changes::Row, Vec<u32>)>,
    copies: &HashMap<u32, Vec<u32>>,
) -> Vec<(&'a changes::Row, Vec<u32>)> {
    changes.sort_by(|(a, _), (b, _)| (a.merged_at, &a.change_id).cmp(&(b.merged_at, &b.change_id)));
    let mut taken: BTreeSet<u32> = BTreeSet::new();
    changes.retain(|(_, numbers)| {
        let is_copy = !numbers.is_empty()
            && numbers.iter().all(|number| {
                copies.get(number).is_some_and(|twins| twins.iter().any(|twin| twin != number && taken.contains(twin)))
            });
        if !is_copy {
            taken.extend(numbers);
        }
        !is_copy
    });
    changes
}

/// The rollouts of one unit that carry one repository, in the order of their finish.
struct Unit<'h, 'a> {
    history: &'h History<'a>,
    rollouts: Vec<(&'a rollouts::Row, Option<u32>)>,
    /// What successes without a place in time carried, and the earliest time that each states.
    unplaced: Vec<(u32, Option<Instant>)>,
}

impl<'h, 'a> Unit<'h, 'a> {
    fn new(
        history: &'h History<'a>,
        rollouts: &[&'a rollouts::Row],
        unplaced: impl Iterator<Item = &'a Unplaced>,
    ) -> Option<Self> {
        let mut own: Vec<(&rollouts::Row, Option<u32>)> =
            rollouts.iter().flat_map(|rollout| history.tips(&rollout.revisions).map(|tip| (*rollout, tip))).collect();
        // Two finished in the same instant: the ancestor was there first.
        own.sort_by(|(a, a_tip), (b, b_tip)| {
            let generation = |tip: &Option<u32>| tip.map(|tip| history.graph.generation(tip));
            (a.finished_at, generation(a_tip), &a.rollout_id).cmp(&(b.finished_at, generation(b_tip), &b.rollout_id))
        });
        let unplaced =
            unplaced.flat_map(|one| history.tips(&one.revisions).flatten().map(|tip| (tip, one.not_before))).collect();
        (!own.is_empty()).then_some(Self { history, rollouts: own, unplaced })
    }

    fn link(&self, service: &str, environment: &str, as_of: Instant, arrivals: &mut Arrivals) {
        let walked = self.walk(arrivals);
        for (change, numbers) in &self.history.changes {
            arrivals.rows.push(self.row((service, environment), as_of, change, numbers, &walked));
        }
    }

    /// Walks the rollouts and notes for every commit the place of the rollout that first carried it.
    fn walk(&self, arrivals: &mut Arrivals) -> Walked {
        let graph = &self.history.graph;
        let mut seen = vec![false; graph.len()];
        let mut first: Vec<Option<u32>> = vec![None; graph.len()];
        let mut after_gap = vec![false; self.rollouts.len()];
        let (mut gap, mut last_tip) = (false, None);
        for (place, (rollout, tip)) in self.rollouts.iter().enumerate() {
            let Some(tip) = *tip else {
                // What this one carried is unknown, so what the next one newly carries is unknown too.
                arrivals.unknown_revision.push(rollout.rollout_id.clone());
                gap = true;
                continue;
            };
            let was_carried = seen[tip as usize];
            let number = u32::try_from(place).unwrap_or(u32::MAX);
            let walk = graph.visit_new(tip, &mut seen, |commit| first[commit as usize] = Some(number));
            after_gap[place] = std::mem::take(&mut gap) && walk.new_count > 0;
            if walk.left_history && place > 0 {
                arrivals.left_history.push(rollout.rollout_id.clone());
            }
            if last_tip.is_some_and(|last| !was_carried && !graph.reaches(tip, last)) {
                arrivals.not_descending.push(rollout.rollout_id.clone());
            }
            last_tip = Some(tip);
        }
        let is_doubtful = self.doubtful(&first);
        Walked { first, after_gap, ends_in_gap: gap, is_doubtful }
    }

    /// The commits that a success without a place in time may have brought first. Of all that it carried these are the
    /// ones that seem to have come together with its revision itself, or like that one not at all; unless that was over
    /// before the earliest time it states.
    fn doubtful(&self, first: &[Option<u32>]) -> Vec<bool> {
        let mut is_doubtful = vec![false; first.len()];
        for (tip, not_before) in &self.unplaced {
            let carrier = first[*tip as usize];
            let carried_at = carrier.and_then(|place| self.rollouts[place as usize].0.finished_at);
            if carried_at.is_some() && carried_at <= *not_before {
                continue;
            }
            self.history.graph.visit_new(*tip, &mut vec![false; first.len()], |commit| {
                is_doubtful[commit as usize] |= first[commit as usize] == carrier;
            });
        }
        is_doubtful
    }

    /// Where all of a change first was there: the latest of its commits, each by itself or by a copy.
    fn arrival(&self, numbers: &[u32], walked: &Walked) -> Option<(u32, &'static str)> {
        let own: Option<u32> =
            numbers.iter().map(|number| walked.first[*number as usize]).try_fold(0, |last, at| Some(last.max(at?)));
        let by_copy: Option<u32> = numbers
            .iter()
            .map(|number| {
                let twins = self.history.copies.get(number).map_or(std::slice::from_ref(number), Vec::as_slice);
                twins.iter().filter_map(|twin| walked.first[*twin as usize]).min()
            })
            .try_fold(0, |last, at| Some(last.max(at?)));
        let known = !numbers.is_empty();
        match (own.filter(|_| known), by_copy.filter(|_| known)) {
            (Some(own), Some(copy)) if copy < own => Some((copy, "patch_id")),
            (None, Some(copy)) => Some((copy, "patch_id")),
            (own, _) => own.map(|own| (own, "ancestry")),
        }
    }

    fn row(
        &self,
        (service, environment): (&str, &str),
        as_of: Instant,
        change: &changes::Row,
        numbers: &[u32],
        walked: &Walked,
    ) -> rollout_changes::Row {
        let arrival = self.arrival(numbers, walked);
        let rollout = arrival.map(|(place, _)| self.rollouts[place as usize].0);
        let deployed_at = rollout.and_then(|rollout| rollout.finished_at);
        let (started_at, started_at_basis) = start_of(change, deployed_at);
        // The first rollout that carries this repository brings everything there was before.
        let excluded = if arrival.is_some_and(|(place, _)| place == 0) {
            Some("first_rollout")
        } else if arrival.map_or(walked.ends_in_gap, |(place, _)| walked.after_gap[place as usize])
            || numbers.iter().any(|number| walked.is_doubtful[*number as usize])
        {
            Some("history_gap")
        } else if numbers.is_empty() {
            Some("commits_unknown")
        } else if started_at.is_none() {
            Some("negative_duration")
        } else {
            None
        };
        rollout_changes::Row {
            service: service.to_owned(),
            environment: environment.to_owned(),
            repository: self.history.repository.to_owned(),
            change_id: change.change_id.clone(),
            rollout_id: rollout.map(|rollout| rollout.rollout_id.clone()),
            method: arrival.map(|(_, method)| method.to_owned()),
            confidence: arrival.map(|(_, method)| if method == "ancestry" { 1.0 } else { 0.9 }),
            author_kind: change.author_kind.clone(),
            started_at,
            started_at_basis: started_at_basis.to_owned(),
            last_commit_at: change.last_commit_at,
            opened_at: change.opened_at,
            merged_at: change.merged_at,
            deployed_at,
            observed_until_at: deployed_at.unwrap_or(as_of),
            excluded: excluded.map(str::to_owned),
        }
    }
}

struct Walked {
    /// Per commit: the place of the rollout that first carried it.
    first: Vec<Option<u32>>,
    /// Per rollout: what it newly carries is unknown, because one before it is.
    after_gap: Vec<bool>,
    /// The last rollout is unknown: what seems to wait may be there.
    ends_in_gap: bool,
    /// Per commit: a success without a place in time may have brought it earlier.
    is_doubtful: Vec<bool>,
}

/// The start of a lead time: the first original commit, else the next best time that does not lie after the merge or
/// the deployment.
fn start_of(change: &changes::Row, deployed_at: Option<Instant>) -> (Option<Instant>, &'static str) {
    let first = match change.first_commit_basis.as_str() {
        "squash" => "squash",
        "opened" => "opened",
        _ => "first_commit",
    };
    let candidates = [(change.first_commit_at, first), (change.opened_at, "opened"), (change.merged_at, "merged")];
    let fits = |at: Instant| {
        change.merged_at.is_none_or(|merged| at <= merged) && deployed_at.is_none_or(|deployed| at <= deployed)
    };
    candidates
        .into_iter()
        .find_map(|(at, basis)| at.filter(|at| fits(*at)).map(|at| (Some(at), basis)))
        .unwrap_or((None, "none"))
}

#[cfg(test)]
mod tests;
