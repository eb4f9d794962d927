//! The manifest: what was run, by whom, on what, and everything that the numbers hang on.

use std::collections::BTreeMap;

use derive::{Calendar, Plan};
use lake::Instant;
use serde::{Deserialize, Serialize};

use super::SubmissionError;
use crate::within::FindingTerms;

/// The version of the manifest.
const FORMAT_VERSION: u32 = 1;
/// A manifest to fill in.
pub const TEMPLATE: &str = include_str!("submission.toml");
/// The longest text that a manifest may hold in one field.
const LONGEST_TEXT: usize = 2_000;
/// The most replicates that a stranger may ask for.
const MOST_REPLICATES: u32 = 20_000;
/// The longest period that a stranger may ask for.
const LONGEST_PERIOD_DAYS: i64 = 3_660;

/// What an operator says of a replication, and what was packed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this format.
    pub format_version: u32,
    /// Id of the experiment.
    pub experiment: String,
    /// Version of its protocol.
    pub protocol_version: String,
    /// What was measured.
    pub run: RunKind,
    /// Pseudonym of the operator, as in the registry.
    pub operator: String,
    /// Organisation of the operator; an operator without one stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Digest of the submission that this one corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<String>,
    /// What a reader should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remarks: Option<String>,
    /// What is asked.
    pub question: Question,
    /// What was compared.
    pub arms: Vec<Arm>,
    /// Images that were run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Artefact>,
    /// Charts that were run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<Artefact>,
    /// The machines.
    pub hardware: Hardware,
    /// What packing adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packed: Option<Packed>,
}

/// What was measured; the two kinds are never pooled.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// A system that people use.
    LiveSystem,
    /// A run of a benchmark.
    Benchmark,
}

/// What is asked.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The change of working, as the table `interventions` names it.
    pub practice: String,
    /// The baseline of the lake that fixed the terms before anybody began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// The terms of the comparison; those of the baseline, where there is one.
    #[serde(default)]
    pub terms: FindingTerms,
}

/// One way of working that was compared.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// What it is.
    pub definition: String,
}

/// An image or a chart that was run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Artefact {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its digest, `sha256:…`.
    pub digest: String,
}

/// The machines a replication ran on, each like the others.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hardware {
    /// How many.
    pub machines: u32,
    /// Memory of each.
    pub memory_gb: u32,
    /// Disk of each.
    pub disk_gb: u32,
    /// How they are connected.
    pub network: Network,
    /// Their processor.
    pub cpu: String,
    /// Its cores.
    pub cpu_cores: u32,
}

/// How machines are connected.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// By wire.
    Wired,
    /// By radio.
    Wireless,
}

/// What packing adds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Packed {
    /// The release that packed it.
    pub tool_version: String,
    /// The definitions that the numbers follow, as `id@version`.
    pub definitions: Vec<String>,
    /// Digest of practice and terms: what a board records before anybody begins.
    pub plan_digest: String,
    /// When a baseline fixed them, by the operator's own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_at: Option<Instant>,
    /// Whether a source that simulates supplied any of the evidence.
    pub simulated: bool,
    /// How the numbers are derived.
    pub derivation: Derivation,
}

/// How numbers are derived from evidence: everything of a plan that could change one.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Derivation {
    /// Until when the data were looked at.
    pub as_of: Instant,
    /// Start of the period.
    pub since: Instant,
    /// End of the period, excluded.
    pub until: Instant,
    /// The zone whose days and weeks windows follow.
    pub zone: String,
    /// Environments of the production tier, as the evidence names them.
    pub production: Vec<String>,
    /// Environments that are measured beside these.
    pub environments: Vec<String>,
    /// An incident may be due to a rollout that finished at most this long before it.
    pub incident_window_seconds: i64,
    /// Records may come this late.
    pub reporting_lag_seconds: i64,
    /// Flips of feature flags count like releases.
    pub counts_feature_flags: bool,
    /// Seed of intervals that are drawn.
    pub seed: u64,
    /// Folders of the services that share a repository, as the evidence names both.
    pub service_paths: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`SubmissionError::Manifest`] where a field is missing, unknown or cannot be.
    pub fn parse(text: &str) -> Result<Self, SubmissionError> {
        let wrong = |what: String| SubmissionError::Manifest(what);
        let manifest: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or_else(String::new, |span| {
                format!("line {}: ", text[..span.start.min(text.len())].matches('\n').count() + 1)
            });
            wrong(format!("{line}{}", error.message()))
        })?;
        if manifest.format_version != FORMAT_VERSION {
            let known = format!("format version {} is not {FORMAT_VERSION}", manifest.format_version);
            return Err(wrong(known));
        }
        manifest.check().map_err(wrong)?;
        Ok(manifest)
    }

    /// As [`Manifest::parse`] reads it.
    ///
    /// # Errors
    /// [`SubmissionError::Manifest`] where it cannot be said in TOML.
    pub fn written(&self) -> Result<String, SubmissionError> {
        toml::to_string(self).map_err(|error| SubmissionError::Manifest(error.to_string()))
    }

    fn check(&self) -> Result<(), String> {
        for (name, id) in [("experiment", &self.experiment), ("operator", &self.operator)] {
            let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
            if id.is_empty() || id.len() > 64 || !id.chars().all(is_plain) {
                return Err(format!("`{name}` is 1 to 64 small letters, digits and `-`, and not {id:?}"));
            }
        }
        for (name, text) in self.texts() {
            if text.trim().is_empty() || text.contains("FILL IN") {
                return Err(format!("`{name}` is not filled in"));
            }
            if text.len() > LONGEST_TEXT || text.chars().any(|letter| letter.is_control() && letter != '\n') {
                return Err(format!("`{name}` is longer than {LONGEST_TEXT} bytes, or holds what no text does"));
            }
        }
        if self.arms.len() < 2 {
            return Err("at least two `[[arms]]` are compared".to_owned());
        }
        for artefact in self.images.iter().chain(&self.charts) {
            let digest = artefact.digest.strip_prefix("sha256:").unwrap_or_default();
            if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(format!("the digest of `{}` is not `sha256:` and 64 digits", artefact.name));
            }
        }
        if self.question.terms.replicates > MOST_REPLICATES {
            return Err(format!("`replicates` is at most {MOST_REPLICATES} in a submission"));
        }
        self.question.terms.check().map_err(|error| error.to_string())?;
        self.packed.as_ref().map_or(Ok(()), |packed| packed.derivation.plan(None).map(|_plan| ()))
    }

    /// Every text of a field that may be chosen freely.
    fn texts(&self) -> Vec<(&'static str, &str)> {
        let mut texts = vec![
            ("protocol_version", self.protocol_version.as_str()),
            ("question.practice", &self.question.practice),
            ("hardware.cpu", &self.hardware.cpu),
        ];
        texts.extend(self.organisation.as_deref().map(|text| ("organisation", text)));
        texts.extend(self.corrects.as_deref().map(|text| ("corrects", text)));
        texts.extend(self.remarks.as_deref().map(|text| ("remarks", text)));
        texts.extend(
            self.arms.iter().flat_map(|arm| [("arms.name", &*arm.name), ("arms.definition", &*arm.definition)]),
        );
        texts.extend(self.images.iter().map(|image| ("images.name", image.name.as_str())));
        texts.extend(self.charts.iter().map(|chart| ("charts.name", chart.name.as_str())));
        texts
    }
}

impl Derivation {
    /// The plan of this derivation.
    ///
    /// # Errors
    /// Says in words what cannot be.
    pub fn plan(&self, threads: Option<usize>) -> Result<Plan, String> {
        let zone = self.zone.parse().map_err(|error| format!("`zone`: {error}"))?;
        let days = (self.until.0.saturating_sub(self.since.0)) / (86_400 * Instant::MICROS);
        if self.since >= self.until || self.until > self.as_of || days > LONGEST_PERIOD_DAYS {
            return Err(format!(
                "a period ends after it began, at most {LONGEST_PERIOD_DAYS} days later, and not after `as_of`"
            ));
        }
        for (name, seconds) in [
            ("incident_window_seconds", self.incident_window_seconds),
            ("reporting_lag_seconds", self.reporting_lag_seconds),
        ] {
            if !(0..=8_760 * 3_600).contains(&seconds) {
                return Err(format!("`{name}` is from nothing to a year"));
            }
        }
        let paths = self.service_paths.iter().map(|(service, path)| (service.clone(), vec![path.clone()]));
        Ok(Plan {
            as_of: Some(self.as_of),
            since: Some(self.since),
            until: Some(self.until),
            zone,
            calendar: Some(Calendar::Quarter),
            groups: BTreeMap::new(),
            production: self.production.clone(),
            environments: self.environments.clone(),
            incident_window_seconds: self.incident_window_seconds,
            reporting_lag_seconds: self.reporting_lag_seconds,
            hotfix_labels: vec!["hotfix".to_owned()],
            hotfix_branches: Vec::new(),
            service_paths: paths.collect(),
            practices: Vec::new(),
            counts_feature_flags: self.counts_feature_flags,
            seed: self.seed,
            threads,
        })
    }
}

#[cfg(test)]
mod tests;
