//! Which service, environment and target an application is: by rules, never by guessing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use regex::{Captures, Regex};
use url::Url;

use super::config::{Config, Rule};
use super::parents::{application_set, parent};
use super::wire::Application;
use crate::{SourceError, SourceErrorKind};

/// The cluster that Argo CD itself runs in, as every instance calls it.
const OWN_CLUSTER: &str = "https://kubernetes.default.svc";

/// Where an application belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Instance, namespace, name and uid: a later application of the same name is another one.
    pub(super) application_id: String,
    pub(super) service: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) target: String,
    /// Whether its syncs are no deployments of a service.
    pub(super) is_ignored: bool,
}

/// The rules of the settings, understood.
pub(super) struct Places {
    instance: String,
    targets: BTreeMap<String, String>,
    environment: Option<String>,
    rules: Vec<Understood>,
}

struct Understood {
    patterns: Vec<(Field, Regex)>,
    service: Option<String>,
    environment: Option<String>,
    target: Option<String>,
    ignore: Option<bool>,
}

enum Field {
    Name,
    Namespace,
    Project,
    Cluster,
    DestinationNamespace,
    ApplicationSet,
    Parent,
    Label(String),
    Annotation(String),
}

impl Field {
    /// What the field holds of an application on `cluster`.
    fn of<'a>(&self, application: &'a Application, cluster: &'a str) -> Option<&'a str> {
        let metadata = &application.metadata;
        match self {
            Self::Name => Some(&metadata.name),
            Self::Namespace => Some(&metadata.namespace),
            Self::Project => Some(&application.spec.project),
            Self::Cluster => Some(cluster),
            Self::DestinationNamespace => Some(&application.spec.destination.namespace),
            Self::ApplicationSet => application_set(application),
            Self::Parent => parent(application),
            Self::Label(key) => metadata.labels.get(key).map(String::as_str),
            Self::Annotation(key) => metadata.annotations.get(key).map(String::as_str),
        }
    }
}

impl Places {
    /// Understands the rules.
    ///
    /// # Errors
    /// [`SourceError`] that names the pattern which is none.
    pub(super) fn new(config: &Config) -> Result<Self, SourceError> {
        Ok(Self {
            instance: config.name.clone(),
            targets: config.targets.clone(),
            environment: config.environment.clone(),
            rules: config.rules.iter().map(understood).collect::<Result<_, _>>()?,
        })
    }

    /// Where an application belongs; `deploys_only_applications` decides whether it is ignored where no rule does.
    pub(super) fn of(&self, application: &Application, deploys_only_applications: bool) -> Place {
        let cluster = self.cluster(application);
        let found: Vec<(&Understood, Vec<Captures<'_>>)> =
            self.rules.iter().filter_map(|rule| Some((rule, rule.fits(application, &cluster)?))).collect();
        let first = |own: fn(&Understood) -> Option<&String>, group: &str| {
            found.iter().find_map(|(rule, captures)| {
                let named = || captures.iter().find_map(|captures| captures.name(group));
                own(rule).cloned().or_else(|| named().map(|found| found.as_str().to_owned()))
            })
        };
        let service = first(|rule| rule.service.as_ref(), "service");
        let environment = first(|rule| rule.environment.as_ref(), "environment");
        let target = first(|rule| rule.target.as_ref(), "target");
        let metadata = &application.metadata;
        Place {
            application_id: format!(
                "argocd:{}/{}/{}/{}",
                self.instance, metadata.namespace, metadata.name, metadata.uid
            ),
            service: Some(service.unwrap_or_else(|| metadata.name.clone())).filter(|name| !name.is_empty()),
            environment: environment.or_else(|| self.environment.clone()),
            target: target.unwrap_or_else(|| cluster.to_string()),
            is_ignored: found.iter().find_map(|(rule, _)| rule.ignore).unwrap_or(deploys_only_applications),
        }
    }

    /// The name of the cluster that an application deploys to.
    fn cluster<'a>(&'a self, application: &'a Application) -> Cow<'a, str> {
        let destination = &application.spec.destination;
        let named = self.targets.get(&destination.name).or_else(|| self.targets.get(&destination.server));
        if let Some(name) = named {
            return Cow::Borrowed(name);
        }
        if !destination.name.is_empty() {
            return Cow::Borrowed(&destination.name);
        }
        if destination.server.trim_end_matches('/') == OWN_CLUSTER {
            return Cow::Borrowed("in-cluster");
        }
        let host = Url::parse(&destination.server).ok().and_then(|url| url.host_str().map(str::to_owned));
        Cow::Owned(host.unwrap_or_else(|| destination.server.clone()))
    }
}

impl Understood {
    /// What its patterns found, if all of them found something.
    fn fits<'a>(&self, application: &'a Application, cluster: &'a str) -> Option<Vec<Captures<'a>>> {
        self.patterns.iter().map(|(field, pattern)| pattern.captures(field.of(application, cluster)?)).collect()
    }
}

fn understood(rule: &Rule) -> Result<Understood, SourceError> {
    let plain = [
        (Field::Name, &rule.name),
        (Field::Namespace, &rule.namespace),
        (Field::Project, &rule.project),
        (Field::Cluster, &rule.cluster),
        (Field::DestinationNamespace, &rule.destination_namespace),
        (Field::ApplicationSet, &rule.application_set),
        (Field::Parent, &rule.parent),
    ];
    let plain = plain.into_iter().filter_map(|(field, text)| Some((field, text.as_ref()?)));
    let labels = rule.labels.iter().map(|(key, text)| (Field::Label(key.clone()), text));
    let annotations = rule.annotations.iter().map(|(key, text)| (Field::Annotation(key.clone()), text));
    let patterns = plain
        .chain(labels)
        .chain(annotations)
        .map(|(field, text)| Ok((field, pattern(text)?)))
        .collect::<Result<_, SourceError>>()?;
    Ok(Understood {
        patterns,
        service: rule.service.clone(),
        environment: rule.environment.clone(),
        target: rule.target.clone(),
        ignore: rule.ignore,
    })
}

/// A regular expression of the settings.
///
/// # Errors
/// [`SourceError`] that names it where it is none.
pub(super) fn pattern(text: &str) -> Result<Regex, SourceError> {
    Regex::new(text).map_err(|error| {
        let broken = SourceErrorKind::Settings(error.to_string());
        SourceError::new(format!("could not understand the pattern `{text}`"), broken)
    })
}
