//! What a submission is worth: everything that can be checked, checked.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::path::Path;

use futures::FutureExt;
use lake::{AsOf, Instant};
use serde::Serialize;
use serde_json::Value;

use super::fingerprints::Streams;
use super::manifest::{Manifest, Packed};
use super::{
    BoardKey, CLAIM, Claim, Evidence, HardwareClass, Limits, MANIFEST, Minimum, Package, Registry, Standing,
    SubmissionError, Withdrawal, differences, shared_differences,
};
use crate::within::Finding;

mod dependence;
mod plausibility;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It could not be checked.
    NotChecked,
    /// It holds, and somebody should look.
    Doubtful,
    /// It does not hold.
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::NotChecked => "not checked",
            Self::Doubtful => "doubtful",
            Self::Failed => "failed",
        })
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
    /// In words.
    pub told: String,
}

impl Check {
    fn new(name: &'static str, outcome: Outcome, told: impl Into<String>) -> Self {
        Self { name, outcome, told: told.into() }
    }
}

/// How much stands behind a submission, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Numbers without the events behind them.
    SummaryOnly,
    /// The numbers were derived again from the evidence.
    Rederived,
    /// Besides, it is signed by an enrolled operator whose plan the board received before anybody began.
    SignedAndPreregistered,
    /// Besides, an operator who has nothing to do with it came to the same.
    Reproduced,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SummaryOnly => "summary only",
            Self::Rederived => "re-derived from its evidence",
            Self::SignedAndPreregistered => "re-derived, signed and pre-registered",
            Self::Reproduced => "reproduced by an unrelated operator",
        })
    }
}

/// What a submission is compared with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Board<'a> {
    /// Who may speak.
    pub registry: Option<&'a Registry>,
    /// The other submissions.
    pub others: &'a [&'a Examined],
    /// What was taken back.
    pub withdrawals: &'a [Withdrawal],
    /// The key of its fingerprints.
    pub key: Option<&'a BoardKey>,
}

/// A submission that was read and derived again, by itself.
#[derive(Clone, Debug)]
pub struct Examined {
    /// Its digest.
    pub digest: String,
    /// Its manifest.
    pub manifest: Manifest,
    /// What its evidence says.
    pub finding: Option<Finding>,
    package: Package,
    evidence: Evidence,
    streams: Streams,
    checks: Vec<Check>,
}

impl Examined {
    fn standing(&self, registry: Option<&Registry>) -> Standing {
        Standing::of(&self.package, &self.manifest.operator, registry)
    }

    fn is_rederived(&self) -> bool {
        self.checks.iter().any(|check| check.name == "re-derivation" && check.outcome == Outcome::Passed)
    }
}

/// What a submission is worth.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// Its digest.
    pub digest: String,
    /// The experiment and the version of its protocol.
    pub experiment: [String; 2],
    /// Its operator.
    pub operator: String,
    /// Its organisation.
    pub organisation: Option<String>,
    /// What was measured.
    pub run: super::RunKind,
    /// The class of its machines.
    pub hardware_class: &'static str,
    /// Whether any of it is simulated.
    pub simulated: bool,
    /// What its evidence says.
    pub verdict: Option<crate::Verdict>,
    /// How much stands behind it; nothing where its evidence does not give what it claims.
    pub grade: Option<Grade>,
    /// Every check.
    pub checks: Vec<Check>,
}

impl Verification {
    /// Whether nothing failed, and nothing asks for a look.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.checks.iter().all(|check| check.outcome < Outcome::Doubtful)
    }
}

/// Reads a package and derives what it claims again, in a lake of its own in `folder`.
///
/// # Errors
/// [`SubmissionError`] where it is no submission at all. Whatever can be told of one that is, is a check.
pub async fn examine(
    package: Package,
    limits: &Limits,
    folder: &Path,
    now: Instant,
    threads: Option<usize>,
) -> Result<Examined, SubmissionError> {
    let text = |name: &str| {
        let content = package.file(name).unwrap_or_default();
        std::str::from_utf8(content).map_err(|error| SubmissionError::refused(format!("`{name}` is no text ({error})")))
    };
    let manifest = Manifest::parse(text(MANIFEST)?)?;
    let packed = manifest.packed.clone().ok_or_else(|| SubmissionError::Manifest("it was never packed".to_owned()))?;
    let claimed: Value = serde_json::from_str(text(CLAIM)?)
        .map_err(|error| SubmissionError::refused(format!("`{CLAIM}` is no JSON ({error})")))?;
    let evidence = Evidence::read(package.files(), limits)?;
    let files = package.files().len();
    let mut checks = vec![
        Check::new("contents", Outcome::Passed, format!("{files} files, each as `contents.sha256` lists it")),
        definitions(&packed),
        hardware(&manifest),
        plausibility::clock(&evidence, &packed, now)?,
    ];
    let derived = if evidence.tables().next().is_none() {
        checks.push(Check::new("re-derivation", Outcome::NotChecked, "it brings no evidence"));
        None
    } else {
        let derived = rederive(&manifest, &packed, &evidence, limits, folder, threads).await;
        let is_own = packed.tool_version == env!("CARGO_PKG_VERSION");
        checks.push(rederivation(&claimed, &derived, is_own));
        derived.ok()
    };
    if let Some(derived) = &derived {
        checks.push(plausibility::coverage(&derived.observations));
    }
    Ok(Examined {
        digest: package.digest(),
        finding: derived.map(|derived| derived.claim.finding),
        streams: Streams::of(&evidence)?,
        manifest,
        package,
        evidence,
        checks,
    })
}

/// What evidence gives.
struct Rederived {
    claim: Claim,
    document: Value,
    observations: derive::Observations,
}

/// Derives a claim from evidence. A stranger's events may break what our own never did: that is told and goes no further.
async fn rederive(
    manifest: &Manifest,
    packed: &Packed,
    evidence: &Evidence,
    limits: &Limits,
    folder: &Path,
    threads: Option<usize>,
) -> Result<Rederived, SubmissionError> {
    let plan = packed.derivation.plan(threads).map_err(SubmissionError::Manifest)?;
    let deployments: Vec<lake::tables::deployments::Row> = evidence.rows()?;
    let services: BTreeSet<&Option<String>> = deployments.iter().map(|row| &row.service).collect();
    if services.len() > limits.services {
        let why = format!("it has {} services, and those of {} are derived", services.len(), limits.services);
        return Err(SubmissionError::refused(why));
    }
    let deriving = async {
        let lake = evidence.lake(folder).await?;
        let snapshot = lake.snapshot(AsOf::Latest).await?;
        let (claim, observations) = Claim::of(&snapshot, &plan, &manifest.question).await?;
        let document = claim.document(evidence, &packed.tool_version)?;
        // Through text, as the claim came: what JSON cannot say is nothing on both sides.
        let document = serde_json::from_str(&document.to_string());
        let document = document.map_err(|error| SubmissionError::refused(error.to_string()))?;
        Ok(Rederived { claim, document, observations })
    };
    AssertUnwindSafe(deriving)
        .catch_unwind()
        .await
        .unwrap_or_else(|_panic| Err(SubmissionError::refused("what it holds breaks the derivation")))
}

/// Whether the claim is what the evidence gives: all of it, or as much as this release says too where another one packed it.
fn rederivation(claimed: &Value, derived: &Result<Rederived, SubmissionError>, is_own: bool) -> Check {
    let name = "re-derivation";
    match derived {
        Err(error) => {
            let mut told = error.to_string();
            let mut cause = std::error::Error::source(error);
            while let Some(error) = cause {
                told = format!("{told}: {error}");
                cause = error.source();
            }
            Check::new(name, Outcome::Failed, told)
        }
        Ok(derived) => {
            let missing = ["finding", "metrics", "tables"].into_iter().find(|part| claimed.get(part).is_none());
            if let Some(part) = missing {
                return Check::new(name, Outcome::Failed, format!("the claim has no `{part}`"));
            }
            let differences = if is_own {
                differences(claimed, &derived.document)
            } else {
                shared_differences(claimed, &derived.document)
            };
            if differences.is_empty() {
                let metrics = derived.claim.metrics.len();
                let told = format!("the evidence gives the finding and the {metrics} numbers that are claimed");
                return Check::new(name, Outcome::Passed, told);
            }
            let first = differences.iter().take(3).cloned().collect::<Vec<_>>().join("; ");
            let more =
                if differences.len() > 3 { format!("; and {} more", differences.len() - 3) } else { String::new() };
            Check::new(name, Outcome::Failed, format!("{first}{more}"))
        }
    }
}

fn definitions(packed: &Packed) -> Check {
    let own = definitions_of_this_release();
    let name = "definitions";
    if packed.definitions == own {
        return Check::new(name, Outcome::Passed, format!("those of this release: {}", own.join(", ")));
    }
    let other: Vec<&String> = packed.definitions.iter().filter(|id| !own.contains(id)).collect();
    let told = format!(
        "its numbers follow definitions that this release does not ({other:?}); `{}` packed it",
        packed.tool_version
    );
    Check::new(name, Outcome::Failed, told)
}

/// The definitions of everything that is compared.
#[must_use]
pub(crate) fn definitions_of_this_release() -> Vec<String> {
    let compared: BTreeSet<&str> = derive::comparable().collect();
    let own = derive::definitions().iter().filter(|definition| compared.contains(definition.metric.as_str()));
    let ids: BTreeSet<String> = own.map(|definition| definition.id.clone()).collect();
    ids.into_iter().collect()
}

fn hardware(manifest: &Manifest) -> Check {
    let (name, short) = ("hardware", Minimum::declared().shortfalls(&manifest.hardware));
    if short.is_empty() {
        let class = HardwareClass::of(&manifest.hardware);
        return Check::new(name, Outcome::Passed, format!("as declared, it meets the minimum; class: {class}"));
    }
    Check::new(name, Outcome::Failed, short.join("; "))
}

/// What a submission that was examined is worth to a board.
#[must_use]
pub fn verify(examined: &Examined, board: &Board<'_>, now: Instant) -> Verification {
    let manifest = &examined.manifest;
    let standing = examined.standing(board.registry);
    let mut checks = examined.checks.clone();
    checks.push(signature(&standing));
    checks.push(plan(examined, board.registry));
    checks.extend(board.registry.map(|registry| protocol(examined, registry, now)));
    checks.extend(board.registry.map(|registry| organisation(manifest, registry)));
    checks.extend(dependence::checks(examined, board));
    checks.push(dependence::regularity(&examined.streams));
    let (agreeing, reproduction) = dependence::reproduction(examined, board);
    checks.push(reproduction);
    let holds = |name: &str| checks.iter().any(|check| check.name == name && check.outcome == Outcome::Passed);
    let grade = if examined.evidence.tables().next().is_none() {
        Some(Grade::SummaryOnly)
    } else if !examined.is_rederived() {
        None
    } else if !(standing.is_good() && holds("plan")) {
        Some(Grade::Rederived)
    } else if agreeing {
        Some(Grade::Reproduced)
    } else {
        Some(Grade::SignedAndPreregistered)
    };
    Verification {
        digest: examined.digest.clone(),
        experiment: [manifest.experiment.clone(), manifest.protocol_version.clone()],
        operator: manifest.operator.clone(),
        organisation: manifest.organisation.clone(),
        run: manifest.run,
        hardware_class: HardwareClass::of(&manifest.hardware),
        simulated: examined.evidence.is_simulated() || manifest.packed.as_ref().is_some_and(|packed| packed.simulated),
        verdict: examined.finding.as_ref().map(|finding| finding.verdict),
        grade,
        checks,
    }
}

fn signature(standing: &Standing) -> Check {
    let outcome = match standing {
        Standing::Good(_) => Outcome::Passed,
        Standing::Unsigned | Standing::Unjudged(_) => Outcome::NotChecked,
        _ => Outcome::Failed,
    };
    let name = "signature";
    Check::new(name, outcome, standing.words())
}

/// Whether the board received the plan before the first service began.
fn plan(examined: &Examined, registry: Option<&Registry>) -> Check {
    let name = "plan";
    let (Some(packed), Some(finding)) = (&examined.manifest.packed, &examined.finding) else {
        return Check::new(name, Outcome::NotChecked, "nothing was derived that a plan could be held against");
    };
    if finding.terms_digest != packed.plan_digest {
        return Check::new(name, Outcome::Failed, "the digest of its plan is not that of the terms it was asked by");
    }
    let Some(began) = finding.began() else {
        return Check::new(name, Outcome::NotChecked, "no service that is compared began");
    };
    let operator = &examined.manifest.operator;
    match registry.and_then(|registry| registry.plan_received_at(operator, &packed.plan_digest)) {
        Some(at) if at < began => Check::new(
            name,
            Outcome::Passed,
            format!("the board received it at {at}, before the first service began at {began}"),
        ),
        Some(at) => Check::new(
            name,
            Outcome::Doubtful,
            format!("the board received it at {at}, after the first service had begun at {began}"),
        ),
        None => {
            let own = packed
                .frozen_at
                .map_or_else(String::new, |at| format!("; by the operator's own clock it was frozen at {at}"));
            let told = format!("no board witnessed that it was fixed before the first service began at {began}{own}");
            Check::new(name, Outcome::NotChecked, told)
        }
    }
}

fn protocol(examined: &Examined, registry: &Registry, now: Instant) -> Check {
    let (name, manifest) = ("protocol", &examined.manifest);
    let Some(experiment) = registry.experiments.iter().find(|one| one.id == manifest.experiment) else {
        return Check::new(name, Outcome::Failed, format!("the board has no experiment `{}`", manifest.experiment));
    };
    if !experiment.protocol_versions.contains(&manifest.protocol_version) {
        let known = experiment.protocol_versions.join("`, `");
        let told = format!("version `{}` of the protocol does not count; `{known}` does", manifest.protocol_version);
        return Check::new(name, Outcome::Failed, told);
    }
    let received = registry.received_at(&examined.digest).unwrap_or(now);
    match experiment.closes_at {
        Some(closes_at) if received >= closes_at => {
            Check::new(name, Outcome::Doubtful, format!("it is late: the experiment closed at {closes_at}"))
        }
        _ => Check::new(name, Outcome::Passed, format!("version `{}` counts", manifest.protocol_version)),
    }
}

fn organisation(manifest: &Manifest, registry: &Registry) -> Check {
    let name = "organisation";
    match registry.operator(&manifest.operator) {
        None => Check::new(name, Outcome::Failed, format!("`{}` is not enrolled", manifest.operator)),
        Some(known) if known.organisation == manifest.organisation => {
            Check::new(name, Outcome::Passed, "as the registry has it")
        }
        Some(known) => {
            let own = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
            let told =
                format!("it says {}, and the registry {}", own(&manifest.organisation), own(&known.organisation));
            Check::new(name, Outcome::Failed, told)
        }
    }
}
