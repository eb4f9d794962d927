//! Which alert speaks of which service, and whether it is an incident.

use regex::Regex;

use super::config::{Naming, Rule};
use super::timeline::Identity;
use crate::{SourceError, SourceErrorKind};

/// The rules, ready to be asked.
#[derive(Clone, Debug)]
pub(super) struct Rules(Vec<Compiled>);

#[derive(Clone, Debug)]
struct Compiled {
    alert: Regex,
    labels: Vec<(String, Regex)>,
    rule: Rule,
}

/// What a rule says of an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) service: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) severity: Option<String>,
    /// The seconds it has to fire to be an incident, if it can be one.
    pub(super) incident_after_seconds: Option<u32>,
}

impl Rules {
    pub(super) fn new(rules: &[Rule]) -> Result<Self, SourceError> {
        let compiled = |rule: &Rule| -> Result<Compiled, SourceError> {
            let labels = rule.labels.iter().map(|(name, pattern)| Ok((name.clone(), whole(pattern)?)));
            let labels = labels.collect::<Result<Vec<_>, SourceError>>()?;
            Ok(Compiled { alert: whole(&rule.alert)?, labels, rule: rule.clone() })
        };
        rules.iter().map(compiled).collect::<Result<_, _>>().map(Self)
    }

    /// What the first rule that fits says; without one, only what the labels say themselves.
    pub(super) fn verdict(&self, identity: &Identity) -> Verdict {
        let label = |name: &str| identity.get(name).cloned();
        let value = |name: &str| identity.get(name).map_or("", String::as_str);
        let fits = |rule: &&Compiled| {
            rule.alert.is_match(value("alertname")) && rule.labels.iter().all(|(name, pattern)| pattern.is_match(value(name)))
        };
        let Some(Compiled { rule, .. }) = self.0.iter().find(fits) else {
            return Verdict { severity: label("severity"), ..Verdict::default() };
        };
        let service = rule.service.of(identity);
        Verdict {
            incident_after_seconds: (rule.incident && service.is_some()).then_some(rule.minimum_seconds),
            environment: rule.environment.as_ref().and_then(|naming| naming.of(identity)),
            severity: rule.severity.as_ref().map_or_else(|| label("severity"), |naming| naming.of(identity)),
            service,
        }
    }

    /// The labels that rules read.
    pub(super) fn label_names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|Compiled { rule, .. }| {
            let namings = [Some(&rule.service), rule.environment.as_ref(), rule.severity.as_ref()];
            let named = namings.into_iter().flatten().filter_map(|naming| match naming {
                Naming::Label(name) => Some(name.as_str()),
                Naming::Name(_) => None,
            });
            rule.labels.keys().map(String::as_str).chain(named)
        })
    }

    /// The services that incidents are made for whose names are known without any alert.
    pub(super) fn services(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|compiled| compiled.rule.incident).filter_map(|compiled| match &compiled.rule.service {
            Naming::Name(name) => Some(name.as_str()),
            Naming::Label(_) => None,
        })
    }
}

impl Naming {
    /// The name for something with these labels.
    pub(super) fn of(&self, labels: &Identity) -> Option<String> {
        match self {
            Self::Name(name) => Some(name.clone()),
            Self::Label(label) => labels.get(label).filter(|value| !value.is_empty()).cloned(),
        }
    }
}

/// A pattern that has to match all of a text, as `PromQL`'s do.
fn whole(pattern: &str) -> Result<Regex, SourceError> {
    Regex::new(&format!("^(?s:{pattern})$")).map_err(|error| {
        let kind = SourceErrorKind::Settings(error.to_string());
        SourceError::new(format!("could not use `{pattern}` as a regular expression"), kind)
    })
}
