//! Deployments, health and inventory from Argo CD.
//!
//! Each application keeps the last ten successful full syncs, the one last operation whatever became of it, and its
//! health of now. From these come `deployments`, one row for each sync, `health_transitions`, `inventory` and
//! `image_revisions`; `measurement_inputs` says which records an application or a deployed monitoring component does not
//! provide, and what to do about it.
//!
//! What is lost between two readings is told: the numbers of the history tell exactly how many syncs were trimmed.
//! Failed syncs are kept nowhere but in the last operation, so that a reading follows the stream of changes where
//! `follow_seconds` says so, or Argo CD notifications push them (`receive`). For these, a template that sends no more
//! than what is read:
//!
//! ```yaml
//! service.webhook.doracle: |
//!   url: https://doracle.example.com/argocd/main
//!   headers: [{name: x-doracle-secret, value: $doracle-secret}, {name: Content-Type, value: application/json}]
//! template.doracle: |
//!   webhook:
//!     doracle:
//!       method: POST
//!       body: |
//!         {"app": {"metadata": {{toJson .app.metadata}}, "spec": {{toJson .app.spec}}, "status": {
//!           "history": {{toJson .app.status.history}}, "operationState": {{toJson .app.status.operationState}},
//!           "health": {{toJson .app.status.health}}, "sync": {{toJson .app.status.sync}},
//!           "summary": {{toJson .app.status.summary}}, "resources": {{toJson .app.status.resources}},
//!           "reconciledAt": {{toJson .app.status.reconciledAt}}}}}
//! trigger.doracle: |
//!   - {when: app.status.operationState.phase in ['Running'], oncePer: app.status.operationState.startedAt, send: [doracle]}
//!   - {when: app.status.operationState.phase in ['Succeeded', 'Failed', 'Error'], oncePer: app.status.operationState.finishedAt, send: [doracle]}
//!   - {when: app.status.health.status != '', oncePer: app.status.health.lastTransitionTime, send: [doracle]}
//! ```
//!
//! An application asks for it with the annotation `notifications.argoproj.io/subscribe.doracle.doracle`.
//!
//! A commit of a configuration repository is not a change of the service. It stands among the revisions as
//! `config:repository@…` and is never linked to changes; the images that a sync put there lead to source commits, by
//! annotations, tags, a file that builds write, or references of the configuration commit. Repositories that hold the
//! source itself are named by `repositories`.
//!
//! Where an `ApplicationSet` made applications, it is asked which generator it has and whether it complains: applications
//! for each cluster that are several services, and previews that count as production, are findings among
//! `measurement_inputs`. Projects are asked for only where `projects` names one that shows no application: each
//! application says which project it is of, and what a project allows is held by no table.
//!
//! - `client` asks; `list` and `events` take what it answers apart, `wire` says what of it is read.
//! - `place` says which service, environment and target an application is, `parents` which one is none.
//! - `attempts` and `parts` make deployments, `rollouts` corrects them by what Argo Rollouts gave up.
//! - `health`, `inventory`, `image` and `resolve` make the other rows; `inputs`, `charts` and `values` the report of gaps.
//! - `reading` goes through it all and follows what changes, `details` asks for what the list does not tell, `progress` keeps what was covered.
//! - `surroundings` says what `ApplicationSets` and projects add.
//! - `receiver` takes what notifications push.

mod attempts;
mod charts;
mod client;
mod config;
mod details;
mod events;
mod health;
mod image;
mod inputs;
mod inventory;
mod list;
mod parents;
mod parts;
mod place;
mod progress;
mod reading;
mod receiver;
mod resolve;
mod rollouts;
mod rows;
mod surroundings;
#[cfg(test)]
mod tests;
mod values;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;

#[cfg(test)]
pub(crate) use tests::contract;
pub use config::{Config, Images, Receive, Repository, Rollouts, Rule, TagRule};

use crate::http::Pause;
use crate::receive::Receiver;
use crate::{Reading, Reporter, Silent, Sink, Source, SourceError};

/// What this source is.
pub const WHAT: &str = "Reads syncs, health and images of the applications of an Argo CD instance.";

/// The tables it may fill.
pub const FILLS: &[&str] =
    &["deployments", "health_transitions", "inventory", "image_revisions", "measurement_inputs", "coverage"];

/// The source that these settings describe. Nothing is read before [`Source::read`].
#[must_use]
pub fn open(config: Config) -> ArgocdSource {
    ArgocdSource { config }
}

/// An Argo CD instance.
#[derive(Clone, Debug)]
pub struct ArgocdSource {
    config: Config,
}

impl ArgocdSource {
    /// How long a reading follows changes, if at all.
    fn follows(&self, reading: &Reading<'_>) -> Option<Duration> {
        let seconds = match reading.range.until {
            Some(until) => u64::try_from((until.0 - reading.now.0) / lake::Instant::MICROS).unwrap_or(0),
            None => self.config.follow_seconds,
        };
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }

    /// Reads; waits and the end of following are given, so that nothing here looks at a clock.
    async fn read_until(
        &self,
        reading: &Reading<'_>,
        sink: &mut Sink<'_>,
        reporter: &dyn Reporter,
        pause: Option<Pause>,
        end: Option<BoxFuture<'static, ()>>,
    ) -> Result<(), SourceError> {
        let setup = rows::Setup::new(&self.config)?;
        let mut api = client::Api::new(&self.config, reporter)?.authorised(&self.config, reading.variables)?;
        if let Some(pause) = pause {
            api = api.pause(pause);
        }
        reading::Reader::new(&setup, &api, reading, sink, reporter)?.run(end).await
    }
}

#[async_trait]
impl Source for ArgocdSource {
    fn stream(&self) -> String {
        format!("argocd:{}", self.config.name)
    }

    fn fills(&self) -> &'static [&'static str] {
        FILLS
    }

    fn is_snapshot(&self) -> bool {
        false
    }

    fn request_plan(&self, reading: &Reading<'_>) -> Result<Vec<String>, SourceError> {
        rows::Setup::new(&self.config)?;
        Ok(client::Api::new(&self.config, &Silent)?.plan(self.follows(reading)))
    }

    fn receiver(&self) -> Result<Option<Box<dyn Receiver>>, SourceError> {
        let Some(receive) = &self.config.receive else { return Ok(None) };
        Ok(Some(Box::new(receiver::Notifications::new(&self.config, receive)?)))
    }

    async fn read(
        &self,
        reading: &Reading<'_>,
        sink: &mut Sink<'_>,
        reporter: &dyn Reporter,
    ) -> Result<(), SourceError> {
        let end = self.follows(reading).map(|time| tokio::time::sleep(time).boxed());
        self.read_until(reading, sink, reporter, None, end).await
    }
}
