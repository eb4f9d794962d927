//! A plan as rows: what was on record by the end, and nothing of what came after.

use lake::Instant;
use lake::tables::{change_commits, changes, commit_paths, commits, deployments, incidents, interventions};

use super::calendar::MINUTE;
use super::names::Names;
use super::organisation::{PRACTICE, PRACTICE_VERSION, Service, pseudonym};
use super::plan::{Attempt, Change, Incident, Kind, Merge, Origin, Outcome, Plan};

/// What every row rests on.
const EVIDENCE: &str = "simulated";
/// What every text for people starts with.
const LABEL: &str = "[simulated]";
/// How long after its rollout a deployment to nowhere has ended.
pub(crate) const SOMEWHERE_TAKES: i64 = 10 * MINUTE;

/// Rows, each with the instant under which it is filed.
pub(crate) type Filed<R> = Vec<(i64, R)>;

/// The rows of an organisation.
#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) commits: Filed<commits::Row>,
    pub(crate) commit_paths: Filed<commit_paths::Row>,
    pub(crate) changes: Filed<changes::Row>,
    pub(crate) change_commits: Filed<change_commits::Row>,
    pub(crate) deployments: Filed<deployments::Row>,
    pub(crate) incidents: Filed<incidents::Row>,
    pub(crate) interventions: Filed<interventions::Row>,
}

impl Tables {
    /// Adds what was on record of this plan before `as_of`.
    pub(crate) fn record(&mut self, seed: u64, plan: &Plan, as_of: i64) {
        let mut clerk = Clerk { names: Names::new(seed, plan), plan, as_of, tables: self };
        clerk.root();
        clerk.trunk();
        clerk.changes();
        clerk.deployments();
        clerk.incidents();
        clerk.intervention();
    }
}

/// Writes the records of one service.
struct Clerk<'a> {
    names: Names<'a>,
    plan: &'a Plan,
    as_of: i64,
    tables: &'a mut Tables,
}

/// What the rows of one commit are made from.
struct Commit<'a> {
    sha: &'a str,
    parents: Vec<String>,
    authored_at: i64,
    committed_at: i64,
    subject: String,
}

impl Clerk<'_> {
    fn seen(&self, at: i64) -> Option<Instant> {
        (at < self.as_of).then_some(Instant(at))
    }

    fn service(&self) -> &Service {
        &self.plan.service
    }

    fn commit(&mut self, commit: Commit<'_>, author: Option<&Change>) {
        let repository = self.service().repository.clone();
        let is_merge = commit.parents.len() > 1;
        let author = author.map(|change| &change.author);
        let offset_minutes = author.map_or(0, |author| author.offset_minutes);
        if !is_merge {
            let part = u8::from_str_radix(&commit.sha[..1], 16).unwrap_or(0);
            let row = commit_paths::Row {
                repository: repository.clone(),
                commit_sha: commit.sha.to_owned(),
                path: format!("src/part_{part}.rs"),
                path_change: if commit.parents.is_empty() { "added" } else { "modified" }.into(),
            };
            self.tables.commit_paths.push((commit.committed_at, row));
        }
        let row = commits::Row {
            repository,
            commit_sha: commit.sha.to_owned(),
            parents: commit.parents,
            is_merge,
            authored_at: Instant(commit.authored_at),
            author_offset_minutes: Some(offset_minutes),
            committed_at: Instant(commit.committed_at),
            committer_offset_minutes: Some(if is_merge { 0 } else { offset_minutes }),
            author_id: author.map_or_else(|| self.founder(), |author| author.id.clone()),
            author_kind: author.map_or("human", |author| author.kind).into(),
            subject: commit.subject,
            reverts: Vec::new(),
            cherry_picked_from: None,
            patch_id: None,
        };
        self.tables.commits.push((commit.committed_at, row));
    }

    fn founder(&self) -> String {
        pseudonym(&format!("founder@{}.simulated.invalid", self.service().name))
    }

    /// The repository as it was imported: one commit and one change, older than anything that is watched.
    fn root(&mut self) {
        let (root_at, sha) = (self.plan.root_at, self.names.root().to_owned());
        let subject = format!("{LABEL} Import `{}`", self.service().name);
        let commit = Commit {
            sha: &sha,
            parents: Vec::new(),
            authored_at: root_at,
            committed_at: root_at,
            subject: subject.clone(),
        };
        self.commit(commit, None);
        let at = Some(Instant(root_at));
        let row = changes::Row {
            repository: self.service().repository.clone(),
            change_id: sha.clone(),
            kind: "commit".into(),
            title: Some(subject),
            author_id: Some(self.founder()),
            author_kind: "human".into(),
            first_commit_at: at,
            first_commit_basis: "commits".into(),
            last_commit_at: at,
            opened_at: None,
            merged_at: at,
            closed_at: None,
            merge_kind: Some("direct".into()),
            merge_commit_sha: Some(sha.clone()),
            head_branch: None,
            labels: Vec::new(),
            reverts: Vec::new(),
            updated_at: at,
        };
        self.tables.changes.push((root_at, row));
        self.change_commit(root_at, sha.clone(), sha);
    }

    fn change_commit(&mut self, at: i64, change_id: String, commit_sha: String) {
        let repository = self.service().repository.clone();
        self.tables.change_commits.push((at, change_commits::Row { repository, change_id, commit_sha }));
    }

    /// Commits on the trunk.
    fn trunk(&mut self) {
        let trunk: Vec<(usize, String, String)> =
            self.names.trunk().map(|(at, sha, parent)| (at, sha.to_owned(), parent.to_owned())).collect();
        for (at, sha, parent) in trunk {
            let change = &self.plan.changes[at];
            if change.merged_at >= self.as_of {
                return;
            }
            let mut parents = vec![parent];
            if change.merge == Merge::Commit {
                parents.push(self.names.branch_commit(at, change.authored_at.len() - 1));
            }
            let authored_at = if change.merge == Merge::Direct { change.authored_at[0] } else { change.merged_at };
            let subject = self.subject(at);
            let commit = Commit { sha: &sha, parents, authored_at, committed_at: change.merged_at, subject };
            self.commit(commit, Some(change));
        }
    }

    fn subject(&self, at: usize) -> String {
        let change = &self.plan.changes[at];
        let what = match change.author.kind {
            _ if change.is_hotfix => "Fix",
            "dependency_bot" => "Update dependencies of",
            _ => "Improve",
        };
        format!("{LABEL} {what} `{}` ({})", self.service().name, at + 1)
    }

    fn changes(&mut self) {
        for (at, change) in self.plan.changes.iter().enumerate() {
            let begins_at = if change.merge == Merge::Direct { change.merged_at } else { change.opened_at };
            if begins_at < self.as_of {
                self.change(at, change, begins_at);
            }
        }
    }

    fn change(&mut self, at: usize, change: &Change, begins_at: i64) {
        let ended_at = self.seen(change.merged_at);
        let merged_at = ended_at.filter(|_| change.rollout.is_some());
        let carried_by = merged_at.map(|_| self.names.head(change.merged_at).to_owned());
        // The branch is there for as long as the change is open, and for ever if it was merged as it was.
        let has_branch = change.merge == Merge::Commit || (change.merge == Merge::Squash && merged_at.is_none());
        let authored: Vec<i64> = change.authored_at.iter().copied().filter(|at| *at < self.as_of).collect();
        let change_id = self.names.change(at);
        if has_branch {
            self.branch(at, change, &authored);
            for part in 0..authored.len() {
                self.change_commit(begins_at, change_id.clone(), self.names.branch_commit(at, part));
            }
        } else if let Some(sha) = &carried_by {
            self.change_commit(begins_at, change_id.clone(), sha.clone());
        }
        let told_at = |at: &i64| Instant(change.wrong_clock_at.unwrap_or(*at));
        let is_direct = change.merge == Merge::Direct;
        let row = changes::Row {
            repository: self.service().repository.clone(),
            change_id,
            kind: if is_direct { "commit" } else { "pull_request" }.into(),
            title: Some(self.subject(at)),
            author_id: Some(change.author.id.clone()),
            author_kind: change.author.kind.into(),
            first_commit_at: authored.first().map(told_at),
            first_commit_basis: "commits".into(),
            last_commit_at: authored.last().map(told_at),
            opened_at: (!is_direct).then_some(Instant(change.opened_at)),
            merged_at,
            closed_at: ended_at.filter(|_| change.rollout.is_none()),
            merge_kind: merged_at.map(|_| merge_word(change.merge).into()),
            merge_commit_sha: carried_by,
            head_branch: None,
            labels: labels(change),
            reverts: Vec::new(),
            updated_at: ended_at.or(Some(Instant(begins_at))),
        };
        self.tables.changes.push((begins_at, row));
    }

    /// The commits of a branch, which starts from the trunk as it was when the first of them was written.
    fn branch(&mut self, at: usize, change: &Change, authored: &[i64]) {
        let mut parent = authored.first().map(|first| self.names.head(*first).to_owned());
        for (part, authored_at) in authored.iter().enumerate() {
            let sha = self.names.branch_commit(at, part);
            let commit = Commit {
                sha: &sha,
                parents: parent.into_iter().collect(),
                authored_at: change.wrong_clock_at.unwrap_or(*authored_at),
                committed_at: *authored_at,
                subject: format!("{}, part {}", self.subject(at), part + 1),
            };
            self.commit(commit, Some(change));
            parent = Some(sha);
        }
    }

    fn deployments(&mut self) {
        for (at, rollout) in self.plan.rollouts.iter().enumerate() {
            let id = self.names.deployment(at);
            let row = self.deployment(id.clone(), at, Some("production"));
            if let Some(staged) = rollout.staged {
                let staging =
                    deployments::Row { intent: None, ..self.deployment(format!("{id}-staging"), at, Some("staging")) };
                self.attempt(&staging, 1, staged);
            }
            for (number, attempt) in (1..).zip(&rollout.attempts) {
                self.attempt(&row, number, *attempt);
            }
        }
        if let Some(at) = self.plan.without_environment {
            let row = self.deployment(format!("{}-somewhere", self.names.deployment(at)), at, None);
            let finished_at = self.plan.rollouts[at].ended_at() + SOMEWHERE_TAKES;
            let started_at = finished_at - 5 * MINUTE;
            let attempt = Attempt { started_at, finished_at, outcome: Outcome::Success };
            self.attempt(&row, 1, attempt);
        }
    }

    /// A deployment without its attempt.
    fn deployment(&self, deployment_id: String, rollout: usize, environment: Option<&str>) -> deployments::Row {
        let rollout = &self.plan.rollouts[rollout];
        deployments::Row {
            deployment_id,
            attempt: 0,
            target: String::new(),
            service: Some(self.service().name.clone()),
            environment: environment.map(str::to_owned),
            revisions: self.names.revisions(rollout.revision),
            status: String::new(),
            started_at: None,
            finished_at: None,
            reached_users: None,
            intent: intent(rollout.kind).map(str::to_owned),
            actor_id: Some(pseudonym(&format!("deployer@{}.simulated.invalid", self.service().name))),
            evidence: EVIDENCE.into(),
            updated_at: None,
        }
    }

    /// An attempt is on record once it has ended.
    fn attempt(&mut self, deployment: &deployments::Row, number: i64, attempt: Attempt) {
        let Some(finished_at) = self.seen(attempt.finished_at) else { return };
        let status = match attempt.outcome {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Cancelled => "cancelled",
        };
        let row = deployments::Row {
            attempt: number,
            status: status.into(),
            started_at: Some(Instant(attempt.started_at)),
            finished_at: Some(finished_at),
            reached_users: Some(attempt.outcome == Outcome::Success),
            updated_at: Some(finished_at),
            ..deployment.clone()
        };
        self.tables.deployments.push((attempt.finished_at, row));
    }

    fn incidents(&mut self) {
        for (at, incident) in self.plan.incidents.iter().enumerate() {
            if incident.opened_at < self.as_of {
                let row = self.incident(at, incident);
                self.tables.incidents.push((incident.opened_at, row));
            }
        }
    }

    fn incident(&self, at: usize, incident: &Incident) -> incidents::Row {
        let has_service = incident.origin != Origin::NoService;
        let mitigated_at = incident.mitigated_at.and_then(|at| self.seen(at));
        let resolved_at = self.seen(incident.resolved_at);
        let remedy = incident.remedy.filter(|remedy| self.seen(self.plan.rollouts[*remedy].ended_at()).is_some());
        let remedied_at = remedy.map(|remedy| Instant(self.plan.rollouts[remedy].ended_at()));
        let last_known = [mitigated_at, resolved_at, remedied_at].into_iter().flatten().max();
        incidents::Row {
            incident_id: self.names.incident(at),
            service: has_service.then(|| self.service().name.clone()),
            environment: (has_service && at % 3 != 2).then(|| "production".into()),
            title: Some(format!("{LABEL} Trouble with `{}`", self.service().name)),
            severity: Some(["minor", "major", "critical"][at % 3].into()),
            opened_at: Instant(incident.opened_at),
            impact_started_at: incident.is_impact_known.then_some(Instant(incident.impact_at)),
            mitigated_at,
            resolved_at,
            cause: cause(incident.origin, at).into(),
            cause_deployment_id: match incident.origin {
                Origin::Named(rollout) => Some(self.names.deployment(rollout)),
                _ => None,
            },
            remedy_deployment_id: remedy.map(|remedy| self.names.deployment(remedy)),
            reopens_incident_id: None,
            evidence: EVIDENCE.into(),
            updated_at: last_known.or(Some(Instant(incident.opened_at))),
        }
    }

    fn intervention(&mut self) {
        let Some(started_at) = self.service().adopted_at.and_then(|at| self.seen(at)) else { return };
        let row = interventions::Row {
            intervention_id: "simulated-multi-agent-orchestration".into(),
            service: Some(self.service().name.clone()),
            practice: PRACTICE.into(),
            practice_version: Some(PRACTICE_VERSION.into()),
            started_at,
            ended_at: None,
            evidence: EVIDENCE.into(),
        };
        self.tables.interventions.push((started_at.0, row));
    }
}

fn merge_word(merge: Merge) -> &'static str {
    match merge {
        Merge::Commit => "merge",
        Merge::Squash => "squash",
        Merge::Direct => "direct",
    }
}

fn labels(change: &Change) -> Vec<String> {
    let hotfix = change.is_hotfix.then_some("hotfix");
    let dependencies = (change.author.kind == "dependency_bot").then_some("dependencies");
    [hotfix, dependencies].into_iter().flatten().map(str::to_owned).collect()
}

fn intent(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Config => Some("config"),
        Kind::Hotfix => Some("hotfix"),
        Kind::Rollback => Some("rollback"),
        Kind::Release | Kind::Redeploy => None,
    }
}

/// What the record calls the cause. That a change was it, without saying which, is known of some.
fn cause(origin: Origin, at: usize) -> &'static str {
    match origin {
        Origin::Named(_) => "change",
        Origin::Timed(_) if at.is_multiple_of(2) => "change",
        Origin::Timed(_) | Origin::Unknown | Origin::NoService => "unknown",
        Origin::Infrastructure => "infrastructure",
        Origin::Vendor => "vendor",
    }
}
