//! The only code that speaks to Argo CD.

use std::time::Duration;

use http::HeaderValue;
use http::header::ACCEPT;
use serde::de::DeserializeOwned;

use super::config::Config;
use super::wire::{LiveResource, Resource, RevisionMetadata, Tree};
use crate::http::{Answer, Client, HttpError, Lines, Pause, Request};
use crate::{Reporter, SourceError, Variables};

/// Most bytes of one event of the stream: one application.
const EVENT_LIMIT: usize = 16 * 1024 * 1024;

/// Argo CD, as one instance of it is asked. No request carries `refresh`, which would make it work.
pub(super) struct Api<'r> {
    client: Client<'r>,
    scope: Vec<(&'static str, String)>,
}

/// One application, as it has to be named in requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) project: String,
}

impl Named {
    /// Without the project a missing application looks like a forbidden one.
    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![("appNamespace", self.namespace.clone()), ("project", self.project.clone())];
        query.retain(|(_, value)| !value.is_empty());
        query
    }
}

impl<'r> Api<'r> {
    /// The instance that the settings name, asked without a token.
    ///
    /// # Errors
    /// [`SourceError`] where the settings cannot be used.
    pub(super) fn new(config: &Config, reporter: &'r dyn Reporter) -> Result<Self, SourceError> {
        let client = Client::new(&config.url, &config.http, reporter).map_err(|error| unprepared(config, error))?;
        Ok(Self { client, scope: scope(config) })
    }

    /// With the token that the settings name.
    ///
    /// # Errors
    /// [`SourceError`] where it cannot be had or sent.
    pub(super) fn authorised(mut self, config: &Config, variables: &dyn Variables) -> Result<Self, SourceError> {
        if let Some(token) = &config.token {
            let token = token.secret(variables)?;
            self.client = self.client.bearer(&token).map_err(|error| unprepared(config, error))?;
        }
        Ok(self)
    }

    /// With another way of waiting.
    pub(super) fn pause(mut self, pause: Pause) -> Self {
        self.client = self.client.pause(pause);
        self
    }

    /// How far it is worth to ask ahead.
    pub(super) fn requests_in_flight(&self) -> usize {
        self.client.requests_in_flight()
    }

    /// All applications, in one answer.
    pub(super) async fn list(&self) -> Result<Answer, HttpError> {
        self.client.ask(&self.list_request()).await
    }

    fn list_request(&self) -> Request {
        Request::get(self.client.origin().at(&["api", "v1", "applications"], &self.scope))
    }

    /// All `ApplicationSets` that may be seen.
    pub(super) async fn application_sets(&self) -> Result<Answer, HttpError> {
        let own = |(name, value): &(&'static str, String)| match *name {
            "projects" => Some(("projects", value.clone())),
            "appNamespace" => Some(("appsetNamespace", value.clone())),
            // Labels are selected of applications, and not of what makes them.
            _ => None,
        };
        let scope: Vec<(&str, String)> = self.scope.iter().filter_map(own).collect();
        self.client.ask(&Request::get(self.client.origin().at(&["api", "v1", "applicationsets"], &scope))).await
    }

    /// All projects that may be seen.
    pub(super) async fn projects(&self) -> Result<Answer, HttpError> {
        self.client.ask(&Request::get(self.client.origin().at::<&str, &str>(&["api", "v1", "projects"], &[]))).await
    }

    /// Changes of applications as they come. As server-sent events, because only these are kept alive while nothing
    /// happens.
    pub(super) async fn stream(&self) -> Result<Lines, HttpError> {
        self.client.lines(&self.stream_request(), EVENT_LIMIT).await
    }

    fn stream_request(&self) -> Request {
        Request::get(self.client.origin().at(&["api", "v1", "stream", "applications"], &self.scope))
            .header(ACCEPT, HeaderValue::from_static("text/event-stream"))
    }

    /// Whether an application is still there under its name, and its uid.
    pub(super) async fn uid(&self, named: &Named) -> Result<String, HttpError> {
        let request = self.of(named, &[], Vec::new());
        let answer: serde_json::Value = self.client.ask(&request).await?.json()?;
        Ok(answer.pointer("/metadata/uid").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned())
    }

    /// Everything below an application.
    pub(super) async fn tree(&self, named: &Named) -> Result<Tree, HttpError> {
        self.ask(&self.of(named, &["resource-tree"], Vec::new())).await
    }

    /// One resource below an application, as it lives.
    pub(super) async fn resource(&self, named: &Named, resource: &Resource) -> Result<LiveResource, HttpError> {
        let query = vec![
            ("namespace", resource.namespace.clone()),
            ("resourceName", resource.name.clone()),
            ("version", resource.version.clone()),
            ("group", resource.group.clone()),
            ("kind", resource.kind.clone()),
        ];
        self.ask(&self.of(named, &["resource"], query)).await
    }

    /// What is known of the revision of one source of an entry of the history.
    pub(super) async fn revision(
        &self,
        named: &Named,
        revision: &str,
        source: Option<usize>,
        id: i64,
    ) -> Result<RevisionMetadata, HttpError> {
        let mut query = Vec::new();
        if let Some(source) = source {
            query = vec![("sourceIndex", source.to_string()), ("versionId", id.to_string())];
        }
        self.ask(&self.of(named, &["revisions", revision, "metadata"], query)).await
    }

    /// A request for something of an application.
    fn of(&self, named: &Named, parts: &[&str], query: Vec<(&'static str, String)>) -> Request {
        let path: Vec<&str> = ["api", "v1", "applications", &named.name].into_iter().chain(parts.iter().copied()).collect();
        let query: Vec<(&str, String)> = query.into_iter().chain(named.query()).collect();
        Request::get(self.client.origin().at(&path, &query))
    }

    async fn ask<T: DeserializeOwned + Default>(&self, request: &Request) -> Result<T, HttpError> {
        Ok(self.client.ask(request).await?.json::<Option<T>>()?.unwrap_or_default())
    }

    /// The requests that a reading begins with.
    pub(super) fn plan(&self, follows: Option<Duration>) -> Vec<String> {
        let whole = |request: &Request| format!("GET {}", request.url());
        let mut plan = vec![whole(&self.list_request())];
        plan.extend(follows.map(|time| format!("{} (for {} s)", whole(&self.stream_request()), time.as_secs())));
        plan
    }
}

fn unprepared(config: &Config, error: HttpError) -> SourceError {
    SourceError::new(format!("could not prepare to ask `{}`", config.name), error)
}

/// Which applications are asked for.
fn scope(config: &Config) -> Vec<(&'static str, String)> {
    let projects = config.projects.iter().map(|project| ("projects", project.clone()));
    let selector = config.selector.iter().map(|selector| ("selector", selector.clone()));
    let namespace = config.app_namespace.iter().map(|namespace| ("appNamespace", namespace.clone()));
    projects.chain(selector).chain(namespace).collect()
}
