//! Which rollout first carried a change: by ancestry, never by dates.
//!
//! Rollouts of a unit are walked in the order of their finish. What a rollout newly carries are the commits reachable
//! from its revisions and from no earlier successful rollout of the unit, so every commit belongs to exactly one. A
//! partial rollout brings nothing to where it has to be; what it carried arrives with the next whole one.
//!
//! Where nobody looked, a rollout may have carried what a later one seems to bring: such changes have no lead time.

mod paths;
mod start;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lake::{
    Instant,
    tables::{change_commits, changes, commit_paths, commits, rollout_changes, rollouts},
};

pub use self::paths::ServicePaths;
pub(crate) use self::paths::{letters_match, matches_any};
use self::start::start_of;
use crate::exposure::Exposure;
use crate::graph::Graph;
use crate::rollouts::Unplaced;
use crate::windows::Window;

/// The event tables that links are made from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Commits of all repositories.
    pub commits: &'a [commits::Row],
    /// Changes of all repositories.
    pub changes: &'a [changes::Row],
    /// Which commits a change consists of.
    pub change_commits: &'a [change_commits::Row],
    /// Which paths each commit touched; only needed where services have paths.
    pub commit_paths: &'a [commit_paths::Row],
    /// The paths of services that share a repository with others.
    pub paths: &'a ServicePaths,
    /// When the deployments of which service were read.
    pub exposure: &'a Exposure,
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
    for rollout in rollouts.iter().filter(|rollout| rollout.target_count > 0 && rollout.kind != "feature_flag") {
        units.entry((&rollout.service, &rollout.environment)).or_default().push(rollout);
    }
    let mut arrivals = Arrivals::default();
    for (repository, commits) in by_repository {
        let history = History::new(repository, &commits, &inputs, &change_commits, as_of);
        for ((service, environment), rollouts) in &units {
            let unplaced = unplaced.iter().filter(|one| one.service == *service && one.environment == *environment);
            if let Some(unit) = Unit::new(&history, rollouts, unplaced) {
                unit.link((service, environment), &inputs, as_of, &mut arrivals);
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
    /// Merged changes, copies left out.
    changes: Vec<Member<'a>>,
    copies: HashMap<u32, Vec<u32>>,
}

/// A merged change.
struct Member<'a> {
    change: &'a changes::Row,
    /// The numbers of its commits.
    numbers: Vec<u32>,
    /// When the first of them was committed.
    committed_at: Option<Instant>,
    /// A merge commit that is recorded as a change of its own.
    is_merge: bool,
    /// What it touched; nothing where that was not read.
    touched: Vec<&'a str>,
}

impl<'a> History<'a> {
    fn new(
        repository: &'a str,
        commits: &[&'a commits::Row],
        inputs: &Inputs<'a>,
        change_commits: &HashMap<(&str, &str), Vec<&str>>,
        as_of: Instant,
    ) -> Self {
        let graph = Graph::new(commits.iter().copied());
        let copies = copies(commits, &graph);
        let mut touched: HashMap<&str, Vec<&'a str>> = HashMap::new();
        if !inputs.paths.is_empty() {
            for row in inputs.commit_paths.iter().filter(|row| row.repository == repository) {
                touched.entry(&row.commit_sha).or_default().push(&row.path);
            }
        }
        let merged = inputs
            .changes
            .iter()
            .filter(|change| change.repository == repository && change.merged_at.is_some_and(|at| at <= as_of))
            .map(|change| {
                let shas = change_commits.get(&(repository, change.change_id.as_str())).map_or(&[][..], Vec::as_slice);
                let numbers = numbers(change, shas, &graph);
                let own = || numbers.iter().map(|number| commits[*number as usize]);
                let shas = shas.iter().copied().chain(change.merge_commit_sha.as_deref());
                Member {
                    change,
                    committed_at: own().map(|commit| commit.committed_at).min(),
                    is_merge: change.kind == "commit" && !numbers.is_empty() && own().all(|commit| commit.is_merge),
                    touched: shas.filter_map(|sha| touched.get(sha)).flatten().copied().collect(),
                    numbers,
                }
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

    /// Where all of a change first was, by `first` of each commit: the latest of its commits, each by the earliest of
    /// its copies if `with_copies`.
    fn last_of<T: Copy + Ord>(&self, numbers: &[u32], first: &[Option<T>], with_copies: bool) -> Option<T> {
        let of = |number: &u32| {
            let twins = self.copies.get(number).filter(|_| with_copies);
            let twins = twins.map_or(std::slice::from_ref(number), Vec::as_slice);
            twins.iter().filter_map(|twin| first[*twin as usize]).min()
        };
        let all: Option<Vec<T>> = numbers.iter().map(of).collect();
        all?.into_iter().max()
    }
}

/// The commits that have to arrive for a change to be there. What was squashed arrives as the squashed commit, although
/// its original ones may be known; where none is known, the commit on the default branch speaks for all of them.
fn numbers(change: &changes::Row, shas: &[&str], graph: &Graph) -> Vec<u32> {
    let carrier = change.merge_commit_sha.as_deref().and_then(|sha| graph.number(sha));
    if let (Some("squash"), Some(carrier)) = (change.merge_kind.as_deref(), carrier) {
        return vec![carrier];
    }
    let known: Vec<u32> = shas.iter().filter_map(|sha| graph.number(sha)).collect();
    if known.is_empty() { carrier.into_iter().collect() } else { known }
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
fn without_copies<'a>(mut changes: Vec<Member<'a>>, copies: &HashMap<u32, Vec<u32>>) -> Vec<Member<'a>> {
    changes.sort_by(|a, b| (a.change.merged_at, &a.change.change_id).cmp(&(b.change.merged_at, &b.change.change_id)));
    let mut taken: BTreeSet<u32> = BTreeSet::new();
    changes.retain(|Member { numbers, .. }| {
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

/// The rollouts of one unit that carry one repository.
struct Unit<'h, 'a> {
    history: &'h History<'a>,
    /// Those that every required target got, in the order of their finish.
    rollouts: Vec<(&'a rollouts::Row, Option<u32>)>,
    /// What any target got, in the order in which the first one did.
    first_targets: Vec<(Instant, u32)>,
    /// What successes without a place in time carried, and the earliest time that each states.
    unplaced: Vec<(u32, Option<Instant>)>,
}

impl<'h, 'a> Unit<'h, 'a> {
    fn new(
        history: &'h History<'a>,
        rollouts: &[&'a rollouts::Row],
        unplaced: impl Iterator<Item = &'a Unplaced>,
    ) -> Option<Self> {
        let tips = |rollout: &&'a rollouts::Row| {
            let rollout = *rollout;
            history.tips(&rollout.revisions).map(move |tip| (rollout, tip)).collect::<Vec<_>>()
        };
        let mut own: Vec<(&rollouts::Row, Option<u32>)> = rollouts
            .iter()
            .filter(|rollout| rollout.finished_at.is_some() && !rollout.is_partial)
            .flat_map(tips)
            .collect();
        // Two finished in the same instant: the ancestor was there first.
        own.sort_by(|(a, a_tip), (b, b_tip)| {
            let generation = |tip: &Option<u32>| tip.map(|tip| history.graph.generation(tip));
            (a.finished_at, generation(a_tip), &a.rollout_id).cmp(&(b.finished_at, generation(b_tip), &b.rollout_id))
        });
        let mut first_targets: Vec<(Instant, u32)> = rollouts
            .iter()
            .flat_map(tips)
            .filter_map(|(rollout, tip)| Some((rollout.first_target_at?, tip?)))
            .collect();
        first_targets.sort_unstable();
        let unplaced =
            unplaced.flat_map(|one| history.tips(&one.revisions).flatten().map(|tip| (tip, one.not_before))).collect();
        (!own.is_empty()).then_some(Self { history, rollouts: own, first_targets, unplaced })
    }

    fn link(&self, (service, environment): (&str, &str), inputs: &Inputs<'_>, as_of: Instant, arrivals: &mut Arrivals) {
        let walked = self.walk(&inputs.exposure.gaps("deployments", service), arrivals);
        for member in &self.history.changes {
            if inputs.paths.may_touch(service, &member.touched) {
                let is_unclear = inputs.paths.knows(service) && member.touched.is_empty();
                let excluded = is_unclear.then_some("paths_unknown");
                arrivals.rows.push(self.row((service, environment), as_of, member, &walked, excluded));
            }
        }
    }

    /// Walks the rollouts and notes for every commit the place of the rollout that first carried it. Between two rollouts
    /// with a gap between them there may have been one that nobody saw.
    fn walk(&self, gaps: &[Window], arrivals: &mut Arrivals) -> Walked {
        let graph = &self.history.graph;
        let mut seen = vec![false; graph.len()];
        let mut first: Vec<Option<u32>> = vec![None; graph.len()];
        let mut unseen_until = vec![None; self.rollouts.len()];
        let (mut unseen, mut last_finish): (Option<Instant>, Option<Instant>) = (None, None);
        let mut last_tip = None;
        for (place, (rollout, tip)) in self.rollouts.iter().enumerate() {
            unseen = unseen.max(last_finish.and_then(|last| gap_between(gaps, last, rollout.finished_at)));
            last_finish = rollout.finished_at;
            let Some(tip) = *tip else {
                // What this one carried is unknown, so what the next one newly carries is unknown too.
                arrivals.unknown_revision.push(rollout.rollout_id.clone());
                unseen = unseen.max(rollout.finished_at);
                continue;
            };
            let was_carried = seen[tip as usize];
            let number = u32::try_from(place).unwrap_or(u32::MAX);
            let walk = graph.visit_new(tip, &mut seen, |commit| first[commit as usize] = Some(number));
            // What brings nothing new leaves open whether what comes later was there before and was taken back.
            if walk.new_count > 0 {
                unseen_until[place] = unseen.take();
            }
            if walk.left_history && place > 0 {
                arrivals.left_history.push(rollout.rollout_id.clone());
            }
            if last_tip.is_some_and(|last| !was_carried && !graph.reaches(tip, last)) {
                arrivals.not_descending.push(rollout.rollout_id.clone());
            }
            last_tip = Some(tip);
        }
        let unseen_at_end = unseen.max(last_finish.and_then(|last| gap_between(gaps, last, None)));
        let is_doubtful = self.doubtful(&first);
        Walked { first, first_target: self.first_targets(), unseen_until, unseen_at_end, is_doubtful }
    }

    /// For every commit: when the first target of any rollout had it.
    fn first_targets(&self) -> Vec<Option<Instant>> {
        let graph = &self.history.graph;
        let mut seen = vec![false; graph.len()];
        let mut first = vec![None; graph.len()];
        for (at, tip) in &self.first_targets {
            graph.visit_new(*tip, &mut seen, |commit| first[commit as usize] = Some(*at));
        }
        first
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
        let own = self.history.last_of(numbers, &walked.first, false);
        let by_copy = self.history.last_of(numbers, &walked.first, true)?;
        Some(if own == Some(by_copy) { (by_copy, "ancestry") } else { (by_copy, "patch_id") })
    }

    /// Why a change has no lead time, where it has none.
    fn excluded(member: &Member<'_>, arrival: Option<u32>, walked: &Walked) -> Option<&'static str> {
        let unseen = arrival.map_or(walked.unseen_at_end, |place| walked.unseen_until[place as usize]);
        let is_doubtful = |number: &u32| walked.is_doubtful[*number as usize];
        if member.is_merge {
            Some("merge_commit")
        } else if arrival == Some(0) {
            // The first rollout that carries this repository brings everything there was before.
            Some("first_rollout")
        } else if unseen.is_some_and(|until| member.change.merged_at.is_some_and(|merged| merged < until))
            || member.numbers.iter().any(is_doubtful)
        {
            Some("history_gap")
        } else if member.numbers.is_empty() {
            Some("commits_unknown")
        } else {
            None
        }
    }

    fn row(
        &self,
        (service, environment): (&str, &str),
        as_of: Instant,
        member: &Member<'_>,
        walked: &Walked,
        excluded: Option<&'static str>,
    ) -> rollout_changes::Row {
        let Member { change, numbers, .. } = member;
        let arrival = self.arrival(numbers, walked);
        let rollout = arrival.map(|(place, _)| self.rollouts[place as usize].0);
        let deployed_at = rollout.and_then(|rollout| rollout.finished_at);
        let (started_at, started_at_basis) = start_of(change, member.committed_at, deployed_at);
        let excluded = excluded
            .or_else(|| Self::excluded(member, arrival.map(|(place, _)| place), walked))
            .or_else(|| started_at.is_none().then_some("negative_duration"));
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
            first_target_at: self.history.last_of(numbers, &walked.first_target, true),
            observed_until_at: deployed_at.unwrap_or(as_of),
            excluded: excluded.map(str::to_owned),
        }
    }
}

struct Walked {
    /// Per commit: the place of the rollout that first carried it.
    first: Vec<Option<u32>>,
    /// Per commit: when the first target had it.
    first_target: Vec<Option<Instant>>,
    /// Per rollout: what was merged before this may have come earlier, with one that nobody saw.
    unseen_until: Vec<Option<Instant>>,
    /// What was merged before this and seems to wait may have come with one that nobody saw.
    unseen_at_end: Option<Instant>,
    /// Per commit: a success without a place in time may have brought it earlier.
    is_doubtful: Vec<bool>,
}

/// The end of the last gap that reaches into the time between two rollouts, or after the last one.
fn gap_between(gaps: &[Window], last: Instant, next: Option<Instant>) -> Option<Instant> {
    gaps.iter()
        .filter(|gap| gap.end > last && next.is_none_or(|next| gap.start < next))
        .map(|gap| next.map_or(gap.end, |next| gap.end.min(next)))
        .max()
}

#[cfg(test)]
mod tests;
