//! Pull requests, commits, deployments, releases, workflow runs and incidents from GitHub.
//!
//! Every stream of every repository has an entry in the ledger: what was read of it, what is missing and why, and where
//! the next reading goes on. Lists are asked for with an overlap and rows are kept by key, so that it does not matter how
//! often, in which order and in how many readings they came.
//!
//! - `config` and `rules` are the settings; `discover` finds the repositories.
//! - `api` asks for pages, `graphql` for what REST would need many requests for; `rate` knows the limits, `app` has
//!   tokens of an app.
//! - `read` goes through the streams: `commits`, `pulls`, `deployments`, `issues`, `releases`, `runs`, `checks`. They are
//!   the code that awaits.
//! - `commit`, `change`, `merge`, `direct`, `events`, `statuses`, `incidents` make rows of what `wire` reads, and are pure;
//!   `mainline` finds where a long branch is cut.
//! - `webhook` takes what GitHub pushes.
//! - `work` is what the streams share; `newest` reads lists that change while they are read.

mod api;
mod app;
mod change;
mod checks;
mod commit;
mod commits;
mod config;
mod deployments;
mod direct;
mod discover;
mod events;
mod graphql;
mod incidents;
mod issues;
mod mainline;
mod merge;
mod newest;
mod pulls;
mod rate;
mod read;
mod releases;
mod rules;
mod runs;
mod statuses;
#[cfg(test)]
mod tests;
mod time;
mod webhook;
mod wire;
mod work;

use async_trait::async_trait;

pub use config::{App, Config, Receive, Streams};
pub use rules::{EnvironmentRule, IncidentRules, ReleaseRule, ServiceRule, WorkflowRule};
#[cfg(test)]
pub(crate) use tests::contract;

use self::api::Api;
use self::rules::Rules;
use self::work::{Limits, Work};
use crate::authorship::Classifier;
use crate::http::Pause;
use crate::receive::Receiver;
use crate::{Reading, Reporter, Sink, Source, SourceError, SourceErrorKind};

/// What this source is.
pub const WHAT: &str = "Reads pull requests, commits, deployments, releases, workflow runs and incidents from GitHub.";

/// The tables it may fill.
pub const FILLS: &[&str] = &[
    "changes",
    "change_commits",
    "pull_request_events",
    "commits",
    "deployments",
    "releases",
    "check_runs",
    "incidents",
    "coverage",
];

/// The source that these settings describe. Nothing is asked before [`Source::read`].
#[must_use]
pub fn open(config: Config) -> GitHubSource {
    GitHubSource { config, pause: Pause::real(), limits: Limits::default() }
}

/// The repositories of somebody on GitHub.
#[derive(Clone, Debug)]
pub struct GitHubSource {
    config: Config,
    pause: Pause,
    limits: Limits,
}

#[async_trait]
impl Source for GitHubSource {
    fn stream(&self) -> String {
        format!("github:{}", self.config.label())
    }

    fn fills(&self) -> &'static [&'static str] {
        FILLS
    }

    fn is_snapshot(&self) -> bool {
        false
    }

    fn request_plan(&self, reading: &Reading<'_>) -> Result<Vec<String>, SourceError> {
        discover::check(&self.config)?;
        Rules::new(&self.config)?;
        let origin = crate::http::Origin::parse(&self.config.url, &self.config.http.also_called)
            .map_err(|why| SourceError::new("could not use `url`", SourceErrorKind::Settings(why)))?;
        Ok(read::plan(&self.config, &origin, reading))
    }

    fn receiver(&self) -> Result<Option<Box<dyn Receiver>>, SourceError> {
        let Some(receive) = &self.config.receive else { return Ok(None) };
        Ok(Some(Box::new(webhook::Hook::new(&self.config, receive)?)))
    }

    async fn read(
        &self,
        reading: &Reading<'_>,
        sink: &mut Sink<'_>,
        reporter: &dyn Reporter,
    ) -> Result<(), SourceError> {
        discover::check(&self.config)?;
        let mut work = Work {
            api: Api::new(&self.config, reading, &self.pause, reporter)?,
            config: &self.config,
            rules: Rules::new(&self.config)?,
            authors: classifier(&self.config)?,
            reading: *reading,
            limits: self.limits,
            reporter,
        };
        read::read(&mut work, sink, &self.stream()).await
    }
}

fn classifier(config: &Config) -> Result<Classifier, SourceError> {
    Classifier::new(&config.bots).map_err(|error| {
        let broken = SourceErrorKind::Settings(error.to_string());
        SourceError::new("could not understand a pattern of `bots`", broken)
            .with_hint("patterns are regular expressions searched for in `Name <e-mail>`")
    })
}
