//! What has to be asked for beside the list: Rollouts, and references of configuration commits.

use lake::tables::image_revisions;

use super::attempts::in_order;
use super::client::{Api, Named};
use super::config::Rollouts;
use super::parts::is_commit;
use super::place::Place;
use super::progress::Memory;
use super::resolve::referenced;
use super::rollouts::{Rollout, is_analysis_run, is_rollout};
use super::rows::Setup;
use super::wire::Application;
use crate::http::HttpError;

/// What is wanted of an application beside what the list tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    named: Option<Named>,
    rollouts: bool,
    commits: Vec<Commit>,
    referenced: Option<i64>,
}

/// A configuration commit of one source of one sync.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Commit {
    part: String,
    revision: String,
    source: Option<usize>,
    id: i64,
}

/// What was got of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Details {
    pub(super) rollouts: Vec<Rollout>,
    pub(super) references: Vec<image_revisions::Row>,
    /// Until which entry of the history references are known.
    pub(super) referenced: Option<i64>,
    /// What could not be had.
    pub(super) problems: Vec<String>,
}

impl Wanted {
    /// What is wanted of this application.
    pub(super) fn of(application: &Application, place: &Place, memory: &Memory, setup: &Setup) -> Self {
        if place.is_ignored {
            return Self::default();
        }
        let rollouts = match setup.config.rollouts {
            Rollouts::All => true,
            Rollouts::Off => false,
            Rollouts::Listed => application.status.resources.iter().any(is_rollout),
        };
        let (commits, referenced) =
            if setup.config.revision_references { commits(application, memory, setup) } else { (Vec::new(), None) };
        let named = Named {
            name: application.metadata.name.clone(),
            namespace: application.metadata.namespace.clone(),
            project: application.spec.project.clone(),
        };
        Self { named: Some(named), rollouts, commits, referenced }
    }

    /// Asks for it.
    pub(super) async fn get(self, api: &Api<'_>, setup: &Setup, application: &Application) -> Details {
        let mut details = Details::default();
        let Some(named) = self.named else { return details };
        if self.rollouts {
            match rollouts(api, &named).await {
                Ok(rollouts) => details.rollouts = rollouts,
                Err(error) => details.problems.push(format!("{error}: {}", error.kind)),
            }
        }
        let mut is_whole = true;
        for commit in self.commits {
            match api.revision(&named, &commit.revision, commit.source, commit.id).await {
                Ok(metadata) => {
                    let at = application.status.reconciled_at;
                    let rows = referenced(&commit.part, &commit.revision, &metadata, &setup.parts, at);
                    details.references.extend(rows);
                }
                // The repository may have forgotten the commit; asking again would not bring it back.
                Err(error) if matches!(error.status(), Some(400 | 404)) => {}
                Err(error) => {
                    is_whole = false;
                    details.problems.push(format!("{error}: {}", error.kind));
                }
            }
        }
        details.referenced = self.referenced.filter(|_| is_whole);
        details
    }
}

/// The configuration commits of syncs that nobody asked about yet, and the newest of these syncs.
fn commits(application: &Application, memory: &Memory, setup: &Setup) -> (Vec<Commit>, Option<i64>) {
    let mut commits = Vec::new();
    let mut newest = None;
    for entry in in_order(application) {
        let Some(id) = entry.id.filter(|id| memory.referenced.is_none_or(|asked| *id > asked)) else { continue };
        newest = newest.max(Some(id));
        let sources = entry.asked.sources();
        for (at, (source, revision)) in sources.iter().zip(entry.asked.revisions()).enumerate() {
            let is_source = setup.parts.repository(&source.repository_url).1;
            if source.chart.is_empty() && is_commit(revision) && !is_source {
                let part = setup.parts.revision(source, revision);
                let source = (sources.len() > 1).then_some(at);
                commits.push(Commit { part, revision: revision.clone(), source, id });
            }
        }
    }
    commits.dedup_by(|a, b| a.part == b.part);
    (commits, newest)
}

/// The Rollouts below an application, with the names of their analysis runs.
async fn rollouts(api: &Api<'_>, named: &Named) -> Result<Vec<Rollout>, HttpError> {
    let tree = api.tree(named).await?;
    let runs: Vec<&str> =
        tree.nodes.iter().filter(|node| is_analysis_run(node)).map(|node| node.name.as_str()).collect();
    let mut rollouts = Vec::new();
    for node in tree.nodes.iter().filter(|node| is_rollout(node)) {
        let live = api.resource(named, node).await?;
        rollouts.extend(Rollout::parse(&live.manifest, &runs));
    }
    Ok(rollouts)
}
