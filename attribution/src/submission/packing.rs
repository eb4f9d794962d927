//! From a lake to a package: what may leave, and what it says when nothing else is known.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use derive::Plan;
use lake::{AsOf, Instant, Snapshot};
use serde_json::Value;

use super::manifest::{Manifest, Packed, Question};
use super::verification::definitions_of_this_release;
use super::{CLAIM, Claim, Evidence, MANIFEST, Package, Pseudonyms, SubmissionError, headline};

/// What is packed, and how.
#[derive(Clone, Copy, Debug)]
pub struct Packing<'a> {
    /// The lake.
    pub snapshot: &'a Snapshot,
    /// How its numbers are derived.
    pub plan: &'a Plan,
    /// What the operator says, with the terms that are asked.
    pub manifest: &'a Manifest,
    /// When a baseline fixed the terms.
    pub frozen_at: Option<Instant>,
    /// The release that packs.
    pub tool_version: &'a str,
    /// An empty folder for a lake of the evidence.
    pub folder: &'a Path,
}

/// A package, and what its operator has to know.
#[derive(Clone, Debug)]
pub struct Made {
    /// The package, unsigned.
    pub package: Package,
    /// Whole numbers, classes and verdicts that the own lake says otherwise.
    pub contradictions: Vec<String>,
    /// Other numbers that differ.
    pub differences: Vec<String>,
    /// The services under their own names, with their pseudonyms.
    pub services: BTreeMap<String, String>,
    /// What the evidence says.
    pub claim: Claim,
}

impl Packing<'_> {
    /// Packs: the evidence under pseudonyms, and as the claim what is derived from that alone.
    ///
    /// # Errors
    /// [`SubmissionError`] where the lake cannot be read, or the question cannot be asked.
    pub async fn pack(&self, pseudonyms: &mut Pseudonyms) -> Result<Made, SubmissionError> {
        let question = &self.manifest.question;
        let (own, observations) = Claim::of(self.snapshot, self.plan, question).await?;
        let (evidence, derivation) =
            Evidence::of(self.snapshot, self.plan, &observations, question, pseudonyms).await?;
        let mut asked = Question { baseline: None, ..question.clone() };
        asked.terms.services = asked.terms.services.iter().map(|name| pseudonyms.name(name)).collect();
        let plan = derivation.plan(self.plan.threads).map_err(SubmissionError::Manifest)?;
        let lake = evidence.lake(self.folder).await?;
        let (claim, _) = Claim::of(&lake.snapshot(AsOf::Latest).await?, &plan, &asked).await?;
        let manifest = Manifest {
            packed: Some(Packed {
                tool_version: self.tool_version.to_owned(),
                definitions: definitions_of_this_release(),
                plan_digest: asked.terms.digest(&asked.practice),
                frozen_at: self.frozen_at,
                simulated: evidence.is_simulated(),
                derivation,
            }),
            question: asked,
            ..self.manifest.clone()
        };
        let mut files = evidence.files()?;
        files.insert(MANIFEST.to_owned(), manifest.written()?.into_bytes());
        let document = claim.document(&evidence, self.tool_version)?;
        files.insert(CLAIM.to_owned(), format!("{document:#}\n").into_bytes());
        let (contradictions, differences) =
            compared(&headline(&own, |name| pseudonyms.name(name)), &headline(&claim, str::to_owned));
        Ok(Made {
            package: Package::new(files),
            contradictions,
            differences,
            services: observations.services.keys().map(|name| (name.clone(), pseudonyms.name(name))).collect(),
            claim,
        })
    }
}

/// Where the evidence says something else than the own lake: words and whole numbers, and other numbers.
fn compared(own: &BTreeMap<String, Value>, packed: &BTreeMap<String, Value>) -> (Vec<String>, Vec<String>) {
    let (mut contradictions, mut differences) = (Vec::new(), Vec::new());
    let names: BTreeSet<&String> = own.keys().chain(packed.keys()).collect();
    for name in names {
        let at = |lines: &BTreeMap<String, Value>| lines.get(name).cloned().unwrap_or(Value::Null);
        let (one, other) = (at(own), at(packed));
        if super::differences(&one, &other).is_empty() {
            continue;
        }
        let told = format!("{name}: {one} in the own lake, {other} in the evidence");
        let is_real = |value: &Value| value.is_f64();
        if is_real(&one) && is_real(&other) { differences.push(told) } else { contradictions.push(told) }
    }
    (contradictions, differences)
}

#[cfg(test)]
mod tests;
