//! What GitHub pushes.
//!
//! A delivery tells of one thing at one moment and is never tried again where it is lost, so it makes rows early, and
//! readings make them whole: the rows of a delivery are dated a little before what they tell of, and give way to those of
//! a reading that has seen the same or more. The same delivery again makes the same rows.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use lake::Instant;
use lake::tables::{changes, check_runs, deployments, incidents as incident_rows, pull_request_events};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::Sha256;

use super::classifier;
use super::config::{Config, Receive};
use super::rules::Rules;
use super::{change, discover, events, incidents, runs, statuses, wire};
use crate::authorship::Classifier;
use crate::receive::{Delivery, Receiver, Refused};
use crate::{Secret, Sink, SourceError, Variables};

/// The tables that deliveries may fill.
const FILLS: &[&str] = &["changes", "pull_request_events", "deployments", "check_runs", "incidents"];

/// Takes the deliveries of one stream.
pub(super) struct Hook {
    config: Config,
    receive: Receive,
    path: String,
    rules: Rules,
    authors: Classifier,
    secret: Option<Secret>,
}

/// What every delivery that we read has.
#[derive(Deserialize)]
struct About {
    action: Option<String>,
    repository: Option<wire::Repository>,
}

impl Hook {
    /// The receiver of these settings.
    pub(super) fn new(config: &Config, receive: &Receive) -> Result<Self, SourceError> {
        discover::check(config)?;
        let (rules, authors) = (Rules::new(config)?, classifier(config)?);
        let path = config.receive_path(receive);
        Ok(Self { config: config.clone(), receive: receive.clone(), path, rules, authors, secret: None })
    }

    fn is_wanted(&self, repository: &wire::Repository) -> bool {
        self.config.repositories.contains(&repository.full_name)
            || discover::is_wanted(&self.config, &self.rules, repository)
    }
}

impl Receiver for Hook {
    fn path(&self) -> &str {
        &self.path
    }

    fn stream(&self) -> String {
        format!("github:{} deliveries", self.config.label())
    }

    fn fills(&self) -> &'static [&'static str] {
        FILLS
    }

    fn arm(&mut self, variables: &dyn Variables) -> Result<(), SourceError> {
        self.secret = Some(self.receive.secret.secret(variables)?);
        Ok(())
    }

    fn accept(&self, delivery: &Delivery<'_>, sink: &mut Sink<'_>) -> Result<(), Refused> {
        let secret = self.secret.as_ref().ok_or(Refused::Unauthorised)?;
        if !is_signed(delivery.headers, delivery.body, secret) {
            return Err(Refused::Unauthorised);
        }
        let event = header(delivery.headers, "x-github-event")
            .ok_or_else(|| Refused::Unusable("it names no event".to_owned()))?;
        let content = content(delivery)?;
        let told: Value = serde_json::from_slice(&content).map_err(|error| unusable(&error))?;
        let about: About = part(&told, None)?;
        let Some(repository) = about.repository.as_ref().filter(|repository| self.is_wanted(repository)) else {
            return Ok(());
        };
        let taken = Taken { hook: self, repository, told: &told, authors: &self.authors, sha: sink.page(content) };
        let action = about.action.as_deref().unwrap_or_default();
        match event {
            "deployment" | "deployment_status" => taken.deployment(sink),
            "pull_request" => taken.pull_request(sink),
            "pull_request_review" => taken.review(sink),
            "issues" => taken.issue(action, sink),
            "workflow_run" => taken.run(sink),
            // `ping`, and everything else that somebody ticked.
            _ => Ok(()),
        }
    }
}

/// A delivery whose sender is known, about a repository that is read.
struct Taken<'a> {
    hook: &'a Hook,
    repository: &'a wire::Repository,
    told: &'a Value,
    authors: &'a Classifier,
    sha: String,
}

impl Taken<'_> {
    fn name(&self) -> &str {
        &self.repository.full_name
    }

    /// One status of a deployment. It may come late or twice, so it is dated to the creation of the deployment: of two, the
    /// success stays, and a reading, which sees all of them in their order, takes its place.
    fn deployment(&self, sink: &mut Sink<'_>) -> Result<(), Refused> {
        let deployment: wire::Deployment = part(self.told, Some("deployment"))?;
        let status: Option<wire::DeploymentStatus> = optional(self.told, "deployment_status")?;
        let is_end =
            |status: &wire::DeploymentStatus| matches!(status.state.as_deref(), Some("success" | "failure" | "error"));
        if status.as_ref().is_some_and(|status| !is_end(status)) {
            return Ok(());
        }
        let (rows, _) = statuses::rows(
            self.name(),
            &deployment,
            status.as_slice(),
            self.hook.config.statusless_deployments_succeed,
            &self.hook.rules,
            self.authors,
        );
        let dated = |row| deployments::Row { updated_at: status.as_ref().map(|_| deployment.created_at), ..row };
        Ok(sink.rows(rows.into_iter().map(dated).collect::<Vec<_>>(), Some(&self.sha))?)
    }

    /// A pull request without its commits: the next reading finds them.
    fn pull_request(&self, sink: &mut Sink<'_>) -> Result<(), Refused> {
        let pull: wire::Pull = part(self.told, Some("pull_request"))?;
        let default_branch = self.repository.default_branch.as_deref().unwrap_or("main");
        let base = pull.base.as_ref().and_then(|base| base.branch.as_deref());
        let has_arrived = change::is_arrival(base, default_branch, &self.hook.config.former_branches);
        let rows = change::rows(self.name(), &pull, &[], None, has_arrived, self.authors);
        let row = changes::Row { updated_at: Some(before(pull.updated_at)), ..rows.change };
        let opened = events::opened(self.name(), &pull, self.authors);
        sink.rows::<changes::Row>(vec![row], Some(&self.sha))?;
        Ok(sink.rows::<pull_request_events::Row>(opened.into_iter().collect(), Some(&self.sha))?)
    }

    fn review(&self, sink: &mut Sink<'_>) -> Result<(), Refused> {
        let pull: wire::Pull = part(self.told, Some("pull_request"))?;
        let review: wire::Review = part(self.told, Some("review"))?;
        let row = events::review(self.name(), pull.number, &review, self.authors);
        Ok(sink.rows::<pull_request_events::Row>(row.into_iter().collect(), Some(&self.sha))?)
    }

    /// An issue that is an incident, without its timeline: what has just happened is told by the action.
    fn issue(&self, action: &str, sink: &mut Sink<'_>) -> Result<(), Refused> {
        let Some(rules) = self.hook.rules.incidents.as_ref().filter(|rules| rules.takes(self.name())) else {
            return Ok(());
        };
        let issue: wire::Issue = part(self.told, Some("issue"))?;
        let label: Option<wire::Label> = optional(self.told, "label")?;
        let turned = wire::TimelineEvent {
            id: None,
            event: Some(action.to_owned()),
            created_at: Some(issue.updated_at),
            actor: None,
            user: None,
            commit_id: None,
            label,
            requested_reviewer: None,
        };
        let service = self.hook.rules.service(self.name());
        let rows = incidents::rows(self.name(), Some(&service), &issue, &[turned], rules);
        let dated = |row| incident_rows::Row { updated_at: Some(before(issue.updated_at)), ..row };
        Ok(sink.rows(rows.into_iter().map(dated).collect::<Vec<_>>(), Some(&self.sha))?)
    }

    /// A run as it is now: what a reading would find, too.
    fn run(&self, sink: &mut Sink<'_>) -> Result<(), Refused> {
        let run: wire::Run = part(self.told, Some("workflow_run"))?;
        let (check, deployment) = runs::rows(self.name(), &run, &self.hook.rules, self.authors);
        sink.rows::<check_runs::Row>(check.into_iter().collect(), Some(&self.sha))?;
        Ok(sink.rows::<deployments::Row>(deployment.into_iter().collect(), Some(&self.sha))?)
    }
}

/// A microsecond earlier, so that a reading of the same state takes the place of a delivery.
fn before(at: Instant) -> Instant {
    Instant(at.0.saturating_sub(1))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether the body was signed with the secret. Compared in a time that does not tell how much of it is right.
pub(super) fn is_signed(headers: &HeaderMap, body: &[u8], secret: &Secret) -> bool {
    let sent = header(headers, "x-hub-signature-256").and_then(|value| value.strip_prefix("sha256="));
    let Some(sent) = sent.and_then(unhex) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { return false };
    mac.update(body);
    mac.verify_slice(&sent).is_ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    });
    bytes.collect()
}

/// The JSON of a delivery, which may stand in the field `payload` of a form.
fn content(delivery: &Delivery<'_>) -> Result<Vec<u8>, Refused> {
    let kind = header(delivery.headers, "content-type").unwrap_or("application/json");
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Ok(delivery.body.to_vec());
    }
    let fields: BTreeMap<String, String> = url::form_urlencoded::parse(delivery.body).into_owned().collect();
    let payload = fields.get("payload").ok_or_else(|| Refused::Unusable("the form has no `payload`".to_owned()))?;
    Ok(payload.clone().into_bytes())
}

fn unusable(error: &impl ToString) -> Refused {
    Refused::Unusable(error.to_string())
}

fn part<T: DeserializeOwned>(told: &Value, field: Option<&str>) -> Result<T, Refused> {
    let value = field.map_or(Some(told), |field| told.get(field)).unwrap_or(&Value::Null);
    T::deserialize(value).map_err(|error| {
        let place = field.map_or_else(String::new, |field| format!("`{field}`: "));
        Refused::Unusable(format!("{place}{error}"))
    })
}

fn optional<T: DeserializeOwned>(told: &Value, field: &str) -> Result<Option<T>, Refused> {
    told.get(field).filter(|value| !value.is_null()).map(|_| part(told, Some(field))).transpose()
}
