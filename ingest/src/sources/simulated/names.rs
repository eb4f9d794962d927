//! The ids under which a plan appears in the tables.

use lake::canonical::sha256;

use super::plan::{Merge, Plan, Revision};

/// Gives ids to what one service's plan holds.
pub(crate) struct Names<'a> {
    seed: u64,
    plan: &'a Plan,
    /// Merge time and id of every commit on the trunk, in order, the root first.
    trunk: Vec<(i64, String)>,
    /// Changes on the trunk in the order of their merge, as places in [`Plan::changes`].
    pub(crate) merged: Vec<usize>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(seed: u64, plan: &'a Plan) -> Self {
        let mut merged: Vec<usize> = (0..plan.changes.len()).filter(|at| plan.changes[*at].rollout.is_some()).collect();
        merged.sort_by_key(|at| plan.changes[*at].merged_at);
        let mut names = Self { seed, plan, trunk: Vec::new(), merged };
        let root = (plan.root_at, names.hash("root", 0, 0));
        let trunk = names.merged.iter().map(|at| (plan.changes[*at].merged_at, names.hash("trunk", *at, 0)));
        names.trunk = std::iter::once(root).chain(trunk).collect();
        names
    }

    fn hash(&self, what: &str, index: usize, part: usize) -> String {
        let text = format!("simulated/{}/{}/{what}/{index}/{part}", self.seed, self.plan.service.name);
        sha256(text.as_bytes())[..40].to_owned()
    }

    /// The first commit of the repository.
    pub(crate) fn root(&self) -> &str {
        &self.trunk[0].1
    }

    /// The head of the trunk at that time.
    pub(crate) fn head(&self, at: i64) -> &str {
        let count = self.trunk.partition_point(|(merged_at, _)| *merged_at <= at);
        &self.trunk[count.saturating_sub(1)].1
    }

    /// The commits of the trunk in order, each with its parent on it, and the change that made it.
    pub(crate) fn trunk(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        let commits = self.trunk.iter().skip(1).zip(&self.trunk);
        self.merged
            .iter()
            .zip(commits)
            .map(|(change, ((_, sha), (_, parent)))| (*change, sha.as_str(), parent.as_str()))
    }

    /// A commit on the branch of a change.
    pub(crate) fn branch_commit(&self, change: usize, part: usize) -> String {
        self.hash("branch", change, part)
    }

    /// The id of a change: the number of a pull request, or the commit.
    pub(crate) fn change(&self, change: usize) -> String {
        if self.plan.changes[change].merge == Merge::Direct {
            self.hash("trunk", change, 0)
        } else {
            format!("{}", change + 1)
        }
    }

    /// The id of a deployment in production.
    pub(crate) fn deployment(&self, rollout: usize) -> String {
        format!("simulated-{}-{}-{rollout:05}", self.seed, self.plan.service.name)
    }

    /// The id of an incident.
    pub(crate) fn incident(&self, incident: usize) -> String {
        format!("simulated-{}-{}-incident-{incident:04}", self.seed, self.plan.service.name)
    }

    /// What was asked for.
    pub(crate) fn revisions(&self, revision: Revision) -> Vec<String> {
        let values = self.hash("values", revision.values, 0);
        vec![
            format!("{}@{}", self.plan.service.repository, self.head(revision.trunk_at)),
            format!("values@{}", &values[..12]),
        ]
    }
}
