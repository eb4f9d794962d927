//! What names mean: environments, services, workflows, releases, incident labels. Patterns are compiled once, and what
//! is wrong with one is said before anything is asked.

use regex::{Captures, Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::Config;
use crate::{SourceError, SourceErrorKind};

/// What an environment of a deployment means.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentRule {
    /// Regular expression searched for in the environment's name. The named groups `environment`, `service` and
    /// `target` are optional.
    #[schemars(example = &r"^(?P<service>.+)-(?P<environment>production)(-(?P<target>.+))?$")]
    pub pattern: String,
    /// Name the environment gets; `$1` or `$group` stand for what matched. Default: the group `environment`, else its own
    /// name.
    #[serde(default)]
    #[schemars(example = &"production")]
    pub environment: Option<String>,
    /// Service it belongs to. Default: the group `service`, else the service of the repository.
    #[serde(default)]
    #[schemars(example = &"$service")]
    pub service: Option<String>,
    /// Cluster or region it is one of several of. Default: the group `target`, else none.
    #[serde(default)]
    pub target: Option<String>,
    /// Whether deployments to it are no deployments of a service, such as those to `github-pages`. Default: no.
    #[serde(default)]
    pub ignore: bool,
}

/// Which service a repository belongs to.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceRule {
    /// Regular expression searched for in `owner/name`.
    #[schemars(example = &r"^acme/(?P<name>.+)-service$")]
    pub repository: String,
    /// The service; `$1` or `$name` stand for what matched.
    #[schemars(example = &"$name")]
    pub service: String,
}

/// A workflow whose runs are deployments.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowRule {
    /// Regular expression searched for in the workflow's name and in its path, such as
    /// `.github/workflows/deploy.yml`. The named groups `environment` and `service` are optional.
    #[schemars(example = &r"^Deploy to (?P<environment>\w+)$")]
    pub pattern: String,
    /// Environment it deploys to. Default: the group `environment`, else `production`.
    #[serde(default)]
    pub environment: Option<String>,
    /// Service it deploys. Default: the group `service`, else the service of the repository.
    #[serde(default)]
    pub service: Option<String>,
    /// Only runs for branches that this regular expression is found in. Default: any branch.
    #[serde(default)]
    #[schemars(example = &"^main$")]
    pub branch: Option<String>,
}

/// Releases that are deployments.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRule {
    /// Regular expression searched for in the tag. The named groups `version` and `service` are optional.
    #[schemars(example = &r"^v(?P<version>\d+\.\d+\.\d+.*)$")]
    pub pattern: String,
    /// Environment that a release reaches. Default: `production`.
    #[serde(default = "production")]
    pub environment: String,
    /// Service it belongs to. Default: the group `service`, else the service of the repository.
    #[serde(default)]
    pub service: Option<String>,
    /// Whether what GitHub calls a pre-release is a deployment, too. Default: no.
    #[serde(default)]
    pub prereleases: bool,
    /// Whether tags without a release are deployments, too: two requests for each that matches. Default: no.
    #[serde(default)]
    pub tags: bool,
}

/// Names that are read as production by themselves.
const PRODUCTION: [&str; 3] = ["production", "prod", "live"];

fn production() -> String {
    "production".to_owned()
}

/// Issues that are incidents, and what their labels say.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct IncidentRules {
    /// Labels that make an issue an incident: any of them does. Default: `incident`.
    pub labels: Vec<String>,
    /// Regular expressions searched for in `owner/name`: with any, only the issues of repositories that match one are
    /// read, and an incident without a service label is no service's. Default: none; then such an incident belongs to
    /// the service of its repository.
    #[schemars(example = ["^acme/incidents$"])]
    pub repositories: Vec<String>,
    /// Regular expression with the group `severity`, searched for in labels. Default:
    /// `^(?:sev|severity)[-:/ ]?(?P<severity>.+)$`.
    pub severity: String,
    /// Regular expression with the group `service`, searched for in labels; several labels make an incident of each
    /// service. Default: `^(?:service|svc|component)[:/ ] ?(?P<service>.+)$`.
    pub service: String,
    /// Regular expression with the group `environment`, searched for in labels. Default:
    /// `^(?:env|environment)[:/ ] ?(?P<environment>.+)$`.
    pub environment: String,
    /// Regular expression with the group `cause`, searched for in labels; `change`, `infrastructure` and `vendor` are
    /// understood. Default: `^cause[:/ ] ?(?P<cause>.+)$`.
    pub cause: String,
}

impl Default for IncidentRules {
    fn default() -> Self {
        Self {
            labels: vec!["incident".to_owned()],
            repositories: Vec::new(),
            severity: r"^(?:sev|severity)[-:/ ]?(?P<severity>.+)$".to_owned(),
            service: r"^(?:service|svc|component)[:/ ] ?(?P<service>.+)$".to_owned(),
            environment: r"^(?:env|environment)[:/ ] ?(?P<environment>.+)$".to_owned(),
            cause: r"^cause[:/ ] ?(?P<cause>.+)$".to_owned(),
        }
    }
}

/// All rules, compiled.
#[derive(Debug)]
pub(super) struct Rules {
    include: Vec<Regex>,
    exclude: Vec<Regex>,
    environments: Vec<(Regex, EnvironmentRule)>,
    services: Vec<(Regex, String)>,
    workflows: Vec<Workflow>,
    pub(super) release: Option<Release>,
    pub(super) incidents: Option<Incidents>,
}

#[derive(Debug)]
struct Workflow {
    pattern: Regex,
    branch: Option<Regex>,
    rule: WorkflowRule,
}

/// The compiled rule for releases.
#[derive(Debug)]
pub(super) struct Release {
    pattern: Regex,
    pub(super) rule: ReleaseRule,
}

/// The compiled rules for incidents.
#[derive(Debug)]
pub(super) struct Incidents {
    pub(super) labels: Vec<String>,
    repositories: Vec<Regex>,
    severity: Regex,
    service: Regex,
    environment: Regex,
    cause: Regex,
}

/// Where a deployment goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) service: String,
    pub(super) environment: String,
    pub(super) target: String,
}

/// What a release rule reads in a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) version: String,
    pub(super) service: Option<String>,
}

impl Rules {
    /// The rules of the settings.
    pub(super) fn new(config: &Config) -> Result<Self, SourceError> {
        let all = |patterns: &[String], what| patterns.iter().map(|text| regex(text, what)).collect::<Result<_, _>>();
        let environments = config.environments.iter();
        let services = config.services.iter();
        Ok(Self {
            include: all(&config.include, "include")?,
            exclude: all(&config.exclude, "exclude")?,
            environments: environments
                .map(|rule| Ok((regex(&rule.pattern, "environments")?, rule.clone())))
                .collect::<Result<_, SourceError>>()?,
            services: services
                .map(|rule| Ok((regex(&rule.repository, "services")?, rule.service.clone())))
                .collect::<Result<_, SourceError>>()?,
            workflows: config.deploy_workflows.iter().map(Workflow::new).collect::<Result<_, _>>()?,
            release: config
                .releases
                .as_ref()
                .map(|rule| {
                    Ok::<_, SourceError>(Release { pattern: regex(&rule.pattern, "releases")?, rule: rule.clone() })
                })
                .transpose()?,
            incidents: config.incidents.as_ref().map(Incidents::new).transpose()?,
        })
    }

    /// Whether a repository that was found is one to read.
    pub(super) fn takes(&self, full_name: &str) -> bool {
        let is_in = |patterns: &[Regex]| patterns.iter().any(|pattern| pattern.is_match(full_name));
        (self.include.is_empty() || is_in(&self.include)) && !is_in(&self.exclude)
    }

    /// The service of a repository.
    pub(super) fn service(&self, repository: &str) -> String {
        let found = self.services.iter().find_map(|(pattern, template)| {
            pattern.captures(repository).map(|groups| expanded(&groups, template)).filter(|name| !name.is_empty())
        });
        found.unwrap_or_else(|| repository.rsplit('/').next().unwrap_or(repository).to_owned())
    }

    /// Where a deployment of `repository` to `environment` goes; none where it is no deployment of a service. Whether its
    /// maker said that this is production helps only where no rule speaks: `false` is the default and says nothing.
    pub(super) fn place(&self, repository: &str, environment: &str, is_production: bool) -> Option<Place> {
        let Some((groups, rule)) =
            self.environments.iter().find_map(|(pattern, rule)| Some((pattern.captures(environment)?, rule)))
        else {
            let service = self.service(repository);
            let says_so = PRODUCTION.iter().any(|known| known.eq_ignore_ascii_case(environment));
            return Some(if is_production && !says_so && !environment.is_empty() {
                Place { service, environment: production(), target: environment.to_owned() }
            } else {
                Place { service, environment: environment.to_owned(), target: String::new() }
            });
        };
        if rule.ignore {
            return None;
        }
        let chosen = |template: &Option<String>, name: &str| {
            let template = template.as_deref().map(|template| expanded(&groups, template));
            template.or_else(|| group(&groups, name)).filter(|text| !text.is_empty())
        };
        Some(Place {
            service: chosen(&rule.service, "service").unwrap_or_else(|| self.service(repository)),
            environment: chosen(&rule.environment, "environment").unwrap_or_else(|| environment.to_owned()),
            target: chosen(&rule.target, "target").unwrap_or_default(),
        })
    }

    /// Whether all deployments of a repository belong to its one service, whatever their environment.
    pub(super) fn has_one_service(&self) -> bool {
        let names_service = |pattern: &Regex| pattern.capture_names().flatten().any(|name| name == "service");
        let release = self.release.as_ref();
        self.environments.iter().all(|(pattern, rule)| rule.service.is_none() && !names_service(pattern))
            && self.workflows.iter().all(|each| each.rule.service.is_none() && !names_service(&each.pattern))
            && release.is_none_or(|release| release.rule.service.is_none() && !names_service(&release.pattern))
    }

    /// Where a run of a workflow deploys to, if it deploys.
    pub(super) fn deploys(&self, repository: &str, (name, path): (&str, &str), branch: Option<&str>) -> Option<Place> {
        let (groups, rule) = self.workflows.iter().find_map(|workflow| {
            let fits = workflow.branch.as_ref().is_none_or(|rule| branch.is_some_and(|branch| rule.is_match(branch)));
            // A path may end with the reference the workflow was taken from.
            let path = path.split('@').next().unwrap_or(path);
            let found = workflow.pattern.captures(name).or_else(|| workflow.pattern.captures(path));
            found.filter(|_| fits).map(|groups| (groups, &workflow.rule))
        })?;
        let service = rule.service.as_deref().map(|template| expanded(&groups, template));
        let environment = rule.environment.as_deref().map(|template| expanded(&groups, template));
        Some(Place {
            service: service.or_else(|| group(&groups, "service")).unwrap_or_else(|| self.service(repository)),
            environment: environment.or_else(|| group(&groups, "environment")).unwrap_or_else(production),
            target: String::new(),
        })
    }
}

impl Workflow {
    fn new(rule: &WorkflowRule) -> Result<Self, SourceError> {
        let branch = rule.branch.as_deref().map(|text| regex(text, "deploy_workflows")).transpose()?;
        Ok(Self { pattern: regex(&rule.pattern, "deploy_workflows")?, branch, rule: rule.clone() })
    }
}

impl Release {
    /// What the rule reads in a tag; none where it does not match.
    pub(super) fn read(&self, tag: &str) -> Option<Tag> {
        let groups = self.pattern.captures(tag)?;
        let service = self.rule.service.as_deref().map(|template| expanded(&groups, template));
        Some(Tag {
            version: group(&groups, "version").unwrap_or_else(|| tag.to_owned()),
            service: service.or_else(|| group(&groups, "service")),
        })
    }
}

impl Incidents {
    fn new(rules: &IncidentRules) -> Result<Self, SourceError> {
        let repositories = rules.repositories.iter().map(|text| regex(text, "incidents"));
        Ok(Self {
            labels: rules.labels.clone(),
            repositories: repositories.collect::<Result<_, _>>()?,
            severity: grouped(&rules.severity, "severity")?,
            service: grouped(&rules.service, "service")?,
            environment: grouped(&rules.environment, "environment")?,
            cause: grouped(&rules.cause, "cause")?,
        })
    }

    /// Whether the issues of a repository are read.
    pub(super) fn takes(&self, repository: &str) -> bool {
        self.repositories.is_empty() || self.repositories.iter().any(|pattern| pattern.is_match(repository))
    }

    /// Whether an incident that no label gives to a service belongs to that of its repository.
    pub(super) fn falls_back_to_the_repository(&self) -> bool {
        self.repositories.is_empty()
    }

    /// Whether a label makes an issue an incident. GitHub does not tell labels apart by case.
    pub(super) fn is_incident(&self, label: &str) -> bool {
        self.labels.iter().any(|known| known.eq_ignore_ascii_case(label))
    }

    /// The services that labels name, in order.
    pub(super) fn services(&self, labels: &[String]) -> Vec<String> {
        let mut services: Vec<String> = found(&self.service, labels, "service").collect();
        services.sort();
        services.dedup();
        services
    }

    /// The severity that labels name.
    pub(super) fn severity(&self, labels: &[String]) -> Option<String> {
        found(&self.severity, labels, "severity").min()
    }

    /// The environment that labels name.
    pub(super) fn environment(&self, labels: &[String]) -> Option<String> {
        found(&self.environment, labels, "environment").min()
    }

    /// The cause that labels name, as far as it is understood.
    pub(super) fn cause(&self, labels: &[String]) -> Option<&'static str> {
        let causes: Vec<String> = found(&self.cause, labels, "cause").map(|cause| cause.to_lowercase()).collect();
        ["change", "infrastructure", "vendor"].into_iter().find(|known| causes.iter().any(|cause| cause == known))
    }
}

fn found<'a>(pattern: &'a Regex, labels: &'a [String], name: &'a str) -> impl Iterator<Item = String> + 'a {
    labels.iter().filter_map(move |label| group(&pattern.captures(label)?, name))
}

fn group(groups: &Captures<'_>, name: &str) -> Option<String> {
    groups.name(name).map(|found| found.as_str().to_owned()).filter(|text| !text.is_empty())
}

fn expanded(groups: &Captures<'_>, template: &str) -> String {
    let mut text = String::new();
    groups.expand(template, &mut text);
    text
}

fn regex(text: &str, what: &str) -> Result<Regex, SourceError> {
    RegexBuilder::new(text).case_insensitive(true).build().map_err(|error| broken(text, what, error.to_string()))
}

fn grouped(text: &str, name: &str) -> Result<Regex, SourceError> {
    let pattern = regex(text, "incidents")?;
    let has_group = pattern.capture_names().flatten().any(|known| known == name);
    if has_group { Ok(pattern) } else { Err(broken(text, "incidents", format!("it has no group `{name}`"))) }
}

fn broken(text: &str, what: &str, why: String) -> SourceError {
    SourceError::new(format!("could not understand the pattern `{text}` of `{what}`"), SourceErrorKind::Settings(why))
        .with_hint("patterns are regular expressions, searched for without regard to case")
}
