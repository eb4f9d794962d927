//! What a sync asked for, as a set of parts: revisions of sources, versions of charts, images, and a hash of values.
//!
//! Only what stands in the application's own record of the sync is a part, so that one sync has the same parts whenever
//! it is read. Images that were merely seen running are `inventory`.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::Value;

use super::config::Config;
use super::image::Image;
use super::place::pattern;
use super::wire::{Application, Source};
use crate::SourceError;

/// How many digits of a configuration commit are a part: it must not be taken for a source commit, which has all.
const CONFIG_DIGITS: usize = 12;

/// What the settings say about sources, understood.
pub(super) struct Parts {
    repositories: Vec<(Regex, bool, Option<String>)>,
    ignored_parameters: Vec<Regex>,
}

/// Words that stand for where an application is, longest first, and what is put in their place: values that differ only
/// by them are the same values in several clusters.
pub(super) struct Words(Vec<(String, &'static str)>);

impl Words {
    /// The words of one application on `target`.
    pub(super) fn of(application: &Application, target: &str) -> Self {
        let destination = &application.spec.destination;
        let mut words: Vec<(String, &'static str)> = [
            (application.metadata.name.as_str(), "{application}"),
            (target, "{target}"),
            (&destination.name, "{target}"),
            (&destination.server, "{target}"),
        ]
        .into_iter()
        .filter(|(word, _)| word.len() > 1)
        .map(|(word, place)| (word.to_owned(), place))
        .collect();
        words.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        words.dedup_by(|a, b| a.0 == b.0);
        Self(words)
    }

    /// `text` with every whole word of the application replaced.
    fn neutral(&self, text: &str) -> String {
        let mut neutral = String::with_capacity(text.len());
        let mut rest = text;
        let mut before: Option<char> = None;
        while let Some(first) = rest.chars().next() {
            let is_start = !before.is_some_and(char::is_alphanumeric);
            let found = self.0.iter().find(|(word, _)| {
                let after = rest.strip_prefix(word.as_str());
                is_start && after.is_some_and(|after| !after.starts_with(char::is_alphanumeric))
            });
            let length = if let Some((word, place)) = found {
                neutral.push_str(place);
                word.len()
            } else {
                neutral.push(first);
                first.len_utf8()
            };
            before = rest[..length].chars().next_back();
            rest = &rest[length..];
        }
        neutral
    }
}

impl Parts {
    /// Understands the settings.
    ///
    /// # Errors
    /// [`SourceError`] that names the pattern which is none.
    pub(super) fn new(config: &Config) -> Result<Self, SourceError> {
        let repositories = config
            .repositories
            .iter()
            .map(|repository| Ok((pattern(&repository.url)?, repository.is_source, repository.name.clone())))
            .collect::<Result<_, SourceError>>()?;
        let ignored_parameters =
            config.ignored_parameters.iter().map(|text| pattern(text)).collect::<Result<_, _>>()?;
        Ok(Self { repositories, ignored_parameters })
    }

    /// The parts of a sync, sorted, each once.
    pub(super) fn set(&self, sources: &[Source], revisions: &[String], words: &Words) -> Vec<String> {
        let mut parts = BTreeSet::new();
        for (source, revision) in sources.iter().zip(revisions).filter(|(_, revision)| !revision.is_empty()) {
            parts.insert(self.revision(source, revision));
        }
        parts.extend(sources.iter().flat_map(images).filter_map(|image| image.part()));
        parts.extend(self.values(sources, words).map(|hash| format!("values@{hash}")));
        parts.into_iter().collect()
    }

    /// One source in one revision.
    pub(super) fn revision(&self, source: &Source, revision: &str) -> String {
        if !source.chart.is_empty() {
            return format!("{}@{revision}", source.chart);
        }
        let (name, is_source) = self.repository(&source.repository_url);
        if revision.contains(':') || (is_source && source.reference.is_empty()) {
            // An OCI artefact has a digest, which is nobody's commit.
            return format!("{name}@{revision}");
        }
        let digits = if is_commit(revision) { &revision[..CONFIG_DIGITS] } else { revision };
        format!("config:{name}@{digits}")
    }

    /// What a source is, whatever its revision.
    fn name(&self, source: &Source) -> String {
        if source.chart.is_empty() { self.repository(&source.repository_url).0 } else { source.chart.clone() }
    }

    /// Name of a repository, and whether its commits are source.
    pub(super) fn repository(&self, url: &str) -> (String, bool) {
        let known = self.repositories.iter().find(|(pattern, _, _)| pattern.is_match(url));
        let name = known.and_then(|(_, _, name)| name.clone()).unwrap_or_else(|| repository_path(url));
        (name, known.is_some_and(|(_, is_source, _)| *is_source))
    }

    /// A hash of everything that shapes the manifests beside the revisions; none where there is nothing of the kind.
    fn values(&self, sources: &[Source], words: &Words) -> Option<String> {
        let mut shapes: Vec<String> = sources
            .iter()
            .filter_map(|source| {
                let shape = self.shape(source, words)?;
                // Several sources are told apart by what they are and not by their place, which may change.
                Some(if sources.len() > 1 { format!("{}|{shape}", self.name(source)) } else { shape })
            })
            .collect();
        shapes.sort_unstable();
        (!shapes.is_empty()).then(|| lake::canonical::sha256(shapes.join("\n").as_bytes())[..12].to_owned())
    }

    fn shape(&self, source: &Source, words: &Words) -> Option<String> {
        let mut shape: BTreeMap<&str, String> = BTreeMap::new();
        let others = [("directory", &source.directory), ("kustomize", &source.kustomize), ("plugin", &source.plugin)];
        for (name, value) in others {
            if let Some(value) = value.as_ref().filter(|value| !is_empty(value)) {
                shape.insert(name, sorted(value, words));
            }
        }
        if let Some(helm) = source.helm.as_ref().and_then(|helm| self.helm(helm)) {
            shape.insert("helm", sorted(&helm, words));
        }
        let shape: Vec<String> = shape.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!shape.is_empty()).then(|| shape.join(";"))
    }

    /// Helm settings without ignored parameters; of two parameters with one name the last counts, as for Helm.
    fn helm(&self, helm: &Value) -> Option<Value> {
        let mut helm = helm.as_object()?.clone();
        for list in ["parameters", "fileParameters"] {
            let Some(Value::Array(parameters)) = helm.remove(list) else { continue };
            let mut by_name: serde_json::Map<String, Value> = serde_json::Map::new();
            for parameter in parameters {
                let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
                if !self.ignored_parameters.iter().any(|pattern| pattern.is_match(&name)) {
                    by_name.insert(name, parameter);
                }
            }
            if !by_name.is_empty() {
                helm.insert(list.to_owned(), Value::Object(by_name));
            }
        }
        helm.retain(|_, value| !is_empty(value));
        (!helm.is_empty()).then_some(Value::Object(helm))
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A value as text, its names in order, so that two writings of one value are one.
fn sorted(value: &Value, words: &Words) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<String> = fields
                .iter()
                .filter(|(_, value)| !is_empty(value))
                .map(|(name, value)| format!("{}:{}", Value::String(words.neutral(name)), sorted(value, words)))
                .collect();
            fields.sort_unstable();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| sorted(item, words)).collect();
            format!("[{}]", items.join(","))
        }
        Value::String(text) => Value::String(words.neutral(text)).to_string(),
        other => other.to_string(),
    }
}

/// A whole commit id, SHA-1 or SHA-256.
pub(super) fn is_commit(revision: &str) -> bool {
    matches!(revision.len(), 40 | 64) && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The path of a repository's address, such as `acme/shop` of `git@github.com:acme/shop.git`.
pub(super) fn repository_path(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let path = match (rest.find('/'), rest.find(':')) {
        // `host:path`, but not `host:22/path`.
        (slash, Some(colon)) if !url.contains("://") && slash.is_none_or(|slash| colon < slash) => &rest[colon + 1..],
        (Some(slash), _) => &rest[slash + 1..],
        (None, _) => rest,
    };
    let path = path.trim_matches('/');
    path.strip_suffix(".git").unwrap_or(path).to_owned()
}

/// The images that a source names by itself: overrides of Kustomize, and parameters of Helm as image updaters write them.
pub(super) fn images(source: &Source) -> Vec<Image> {
    let list = |value: &Option<Value>, name: &str| -> Vec<Value> {
        value.as_ref().and_then(|value| value.get(name)?.as_array().cloned()).unwrap_or_default()
    };
    let overrides = list(&source.kustomize, "images");
    let overrides = overrides.iter().filter_map(Value::as_str).filter_map(|text| {
        let replaced = text.split_once('=').map_or(text, |(_, new)| new);
        Image::parse(replaced)
    });
    let parameters: BTreeMap<String, String> = list(&source.helm, "parameters")
        .iter()
        .filter_map(|parameter| {
            let text = |name: &str| parameter.get(name).and_then(Value::as_str).map(str::to_owned);
            Some((text("name")?, text("value")?))
        })
        .collect();
    let tagged = parameters.iter().filter_map(|(name, tag)| {
        let group = name.strip_suffix("tag")?;
        let repository = parameters.get(&format!("{group}repository")).or_else(|| parameters.get(&format!("{group}name")))?;
        let registry = parameters.get(&format!("{group}registry")).map(|registry| format!("{registry}/"));
        let separator = if tag.starts_with("sha256:") { '@' } else { ':' };
        Image::parse(&format!("{}{repository}{separator}{tag}", registry.unwrap_or_default()))
    });
    overrides.chain(tagged).filter(|image| image.version().is_some()).collect()
}
