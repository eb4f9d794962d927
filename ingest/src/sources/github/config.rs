//! The settings of the `github` source.

use lake::Instant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::{EnvironmentRule, IncidentRules, ReleaseRule, ServiceRule, WorkflowRule};
use crate::authorship::Bots;
use crate::{SecretFrom, http};

/// Reads pull requests, commits, deployments, releases, workflow runs and incident issues of the repositories of an
/// organisation, a user, an app's installation, or a list, from github.com or a GitHub Enterprise Server.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the configuration")]
pub struct Config {
    /// Name of the stream, as in `github:acme`. Default: the organisation, else the user, else `repositories`.
    #[schemars(example = &"acme")]
    pub name: Option<String>,
    /// Base address of the REST API. Default: `https://api.github.com`. A GitHub Enterprise Server has it at
    /// `https://HOST/api/v3`, an enterprise with data residency at `https://api.SUBDOMAIN.ghe.com`. Repositories of two
    /// servers that have one owner and name are taken for one: read them into two lakes.
    #[schemars(example = &"https://github.example/api/v3")]
    pub url: String,
    /// Organisation whose repositories are read. Default: none.
    #[schemars(example = &"acme")]
    pub organisation: Option<String>,
    /// User whose repositories are read. Default: none.
    #[schemars(example = &"ada")]
    pub user: Option<String>,
    /// Repositories that are read, each as `owner/name`, beside those of the organisation or user. Default: none; an
    /// app without organisation, user and list reads what it is installed on.
    #[schemars(example = ["acme/api"])]
    pub repositories: Vec<String>,
    /// Regular expressions searched for in `owner/name`: with any, only repositories that match one are read.
    /// Default: none. Repositories that are listed by name are always read.
    #[schemars(example = ["^acme/(api|web)$"])]
    pub include: Vec<String>,
    /// Regular expressions searched for in `owner/name`: repositories that match one are not read. Default: none.
    #[schemars(example = ["^acme/sandbox-"])]
    pub exclude: Vec<String>,
    /// Whether archived repositories are read. Default: no.
    pub archived: bool,
    /// Whether forks are read. Default: no.
    pub forks: bool,
    /// Where the token is: a personal access token, or any other that is sent as it is. Default: none, which reads
    /// public repositories within 60 requests an hour.
    #[schemars(example = SecretFrom::Env("GITHUB_TOKEN".into()))]
    pub token: Option<SecretFrom>,
    /// The app whose installation is used instead of a token; its tokens are renewed before they run out.
    pub app: Option<App>,
    /// From when on to read in the first reading, as RFC 3339. Default: 90 days before it.
    #[schemars(with = "Option<String>", example = &"2026-01-01T00:00:00Z")]
    pub since: Option<Instant>,
    /// Which streams of each repository are read.
    pub streams: Streams,
    /// Whether GraphQL is asked where it saves requests: for the statuses of a hundred deployments, and for the commits,
    /// reviews and timelines of two dozen pull requests with one request, instead of one to four requests each. Needs a
    /// token. What GraphQL does not tell, or not wholly, REST is asked for; the tables are the same. Default: yes.
    pub graphql: bool,
    /// Branches beside the default branch on which a merged pull request has arrived, such as the name that the
    /// default branch had before. Default: `master`, where the default branch is `main`.
    #[schemars(example = ["master"])]
    pub former_branches: Vec<String>,
    /// What environments mean: the first rule that matches counts. Default: the environment's own name, the service of
    /// the repository, and no target. Where no rule matches, and whoever made the deployment said that its environment is
    /// one of production (`production_environment` is true), the environment is `production` and its own name the target,
    /// unless it is called `production`, `prod` or `live` anyway. That GitHub does not say so means nothing.
    pub environments: Vec<EnvironmentRule>,
    /// Which service a repository belongs to: the first rule that matches counts. Default: the repository's name behind
    /// its owner.
    pub services: Vec<ServiceRule>,
    /// Workflows whose runs are deployments. Default: none.
    pub deploy_workflows: Vec<WorkflowRule>,
    /// Releases or tags that are deployments. Default: none.
    pub releases: Option<ReleaseRule>,
    /// Issues that are incidents. Default: none.
    pub incidents: Option<IncidentRules>,
    /// Whether a deployment without any status counts as a success at the time it was created, as some tools leave it.
    /// Default: no, it counts as running.
    pub statusless_deployments_succeed: bool,
    /// For how many days after it was created a workflow run is looked at again, because it may be run again.
    /// GitHub allows that for 30 days. Default: 7.
    #[schemars(range(min = 1, max = 60))]
    pub rerun_days: u16,
    /// Authors that are no humans, beside those that are known. Accounts are matched as `login <login@github>`.
    pub bots: Bots,
    /// How deliveries are taken. Default: they are not.
    pub receive: Option<Receive>,
    /// How the server is spoken to.
    pub http: http::Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: None,
            url: "https://api.github.com".to_owned(),
            organisation: None,
            user: None,
            repositories: Vec::new(),
            include: Vec::new(),
            exclude: Vec::new(),
            archived: false,
            forks: false,
            token: None,
            app: None,
            since: None,
            streams: Streams::default(),
            graphql: true,
            former_branches: Vec::new(),
            environments: Vec::new(),
            services: Vec::new(),
            deploy_workflows: Vec::new(),
            releases: None,
            incidents: None,
            statusless_deployments_succeed: false,
            rerun_days: 7,
            bots: Bots::default(),
            receive: None,
            http: http::Settings::default(),
        }
    }
}

/// An installation of a GitHub App.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// The app's id or client id.
    #[schemars(example = &"123456")]
    pub id: String,
    /// The id of its installation in the organisation.
    #[schemars(example = &4_567_890)]
    pub installation: u64,
    /// Where the app's private key (PEM, RSA) is.
    #[schemars(example = SecretFrom::File("/run/secrets/app.pem".into()))]
    pub key: SecretFrom,
}

/// Which streams are read. Incidents and releases that are deployments have settings of their own.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each stream is switched by itself")]
pub struct Streams {
    /// Commits of the default branch, and what was pushed to it directly. Default: yes.
    pub commits: bool,
    /// Pull requests with their commits. Default: yes.
    pub pulls: bool,
    /// Reviews of pull requests: by REST one request each. Default: yes.
    pub reviews: bool,
    /// What else happened to pull requests, such as force pushes, labels and comments: by REST one request each. Default:
    /// yes.
    pub timeline: bool,
    /// Deployments with all their statuses. Default: yes.
    pub deployments: bool,
    /// Releases. Default: yes.
    pub releases: bool,
    /// Workflow runs with every attempt. Default: yes.
    pub runs: bool,
    /// Check runs and commit statuses of the new commits of the default branch: two requests for each. Default: no.
    pub checks: bool,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            commits: true,
            pulls: true,
            reviews: true,
            timeline: true,
            deployments: true,
            releases: true,
            runs: true,
            checks: false,
        }
    }
}

/// How webhook deliveries are taken.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Receive {
    /// Path they are posted to. Default: `/github/NAME`, with the name of the stream.
    #[serde(default)]
    #[schemars(example = &"/github/acme")]
    pub path: Option<String>,
    /// Where the secret is with which GitHub signs them.
    #[schemars(example = SecretFrom::Env("GITHUB_WEBHOOK_SECRET".into()))]
    pub secret: SecretFrom,
}

impl Config {
    /// The name of the stream behind `github:`.
    pub(super) fn label(&self) -> &str {
        let configured = [&self.name, &self.organisation, &self.user];
        configured.into_iter().find_map(Option::as_deref).unwrap_or("repositories")
    }

    /// The path of deliveries.
    pub(super) fn receive_path(&self, receive: &Receive) -> String {
        receive.path.clone().unwrap_or_else(|| format!("/github/{}", self.label()))
    }
}
