//! Submissions as entries of a board: what their own evidence says, and what became of the checks.

use std::collections::BTreeMap;

use super::{Entry, Report, Setting, Standing};
use crate::criterion::Scale;
use crate::effects::{Effect, Stated};
use crate::submission::{Examined, Grade, Outcome, Registry, RunKind, Verification};

/// What lies among the entries and is no submission at all, as an entry: nothing vanishes.
#[must_use]
pub fn no_submission(name: &str, why: &str) -> Entry {
    Entry {
        name: name.to_owned(),
        report: Report {
            title: format!("{name}.tar, which is no submission"),
            organisation: "nobody".to_owned(),
            operator: None,
            reported: "1970-01-01".to_owned(),
            source: format!("`{name}.tar`"),
            protocol: String::new(),
            setting: Setting::Live,
            note: None,
            corrects: None,
            withdrawn: None,
            excluded: None,
            moderators: BTreeMap::new(),
            effects: Vec::new(),
        },
        grade: Grade::SummaryOnly,
        standing: Standing::Excluded(format!("it is no submission: {why}")),
        effects: Vec::new(),
        digest: None,
        checks: Vec::new(),
        is_simulated: false,
    }
}

/// A submission that was checked, as an entry of that name. What it claims was derived again, and only that is taken.
///
/// Whatever check failed, it has no vote and stays listed with the reason.
#[must_use]
pub fn of_submission(
    claim: &str,
    name: &str,
    examined: &Examined,
    verification: &Verification,
    registry: Option<&Registry>,
) -> Entry {
    let manifest = &examined.manifest;
    let known = registry.and_then(|registry| registry.operator(&manifest.operator));
    let organisation = known.map_or_else(|| manifest.organisation.clone(), |known| known.organisation.clone());
    let organisation = organisation.unwrap_or_else(|| manifest.operator.clone());
    let received = registry.and_then(|registry| registry.received_at(&examined.digest));
    let packed = manifest.packed.as_ref().map(|packed| packed.derivation.as_of);
    let moderators = BTreeMap::from([("hardware".to_owned(), verification.hardware_class.to_owned())]);
    let effects = stated(examined);
    let found = |(place, stated): (usize, &Stated)| {
        // What was derived here is on the scale of its metric.
        stated.effect(&format!("{name} {}", place + 1), &organisation, &moderators).ok()
    };
    let found: Vec<Effect> = effects.iter().enumerate().filter_map(found).collect();
    Entry {
        name: name.to_owned(),
        report: Report {
            title: format!("Replication of {} by {}", manifest.experiment, manifest.operator),
            organisation,
            operator: Some(manifest.operator.clone()),
            // The day on which the board has it, else until which its data go.
            reported: received
                .or(packed)
                .map_or_else(|| "1970-01-01".to_owned(), |at| at.to_utc().format("%Y-%m-%d").to_string()),
            source: format!("its evidence, in `{name}.tar`, digest `{}`", examined.digest),
            protocol: manifest.protocol_version.clone(),
            setting: match manifest.run {
                RunKind::LiveSystem => Setting::Live,
                RunKind::Benchmark => Setting::Benchmark,
            },
            note: manifest.remarks.clone(),
            corrects: manifest.corrects.clone(),
            withdrawn: None,
            excluded: None,
            moderators,
            effects,
        },
        grade: verification.grade.unwrap_or(Grade::SummaryOnly),
        standing: standing(claim, verification, registry.is_some()),
        effects: found,
        digest: Some(examined.digest.clone()),
        checks: verification.checks.clone(),
        is_simulated: verification.simulated,
    }
}

fn stated(examined: &Examined) -> Vec<Stated> {
    let metrics = examined.finding.iter().flat_map(|finding| &finding.metrics);
    metrics
        .filter_map(|outcome| {
            let effect = outcome.found()?;
            Some(Stated {
                metric: effect.metric.clone(),
                estimate: effect.effect.estimate?,
                scale: match effect.scale {
                    Scale::LogRatio => "log_ratio".to_owned(),
                    Scale::Difference => "difference".to_owned(),
                },
                std_error: Some(effect.standard_error),
                better: "higher".to_owned(),
                ..Stated::default()
            })
        })
        .collect()
}

/// What failed decides; the notice by which it was taken back first.
fn standing(claim: &str, verification: &Verification, has_registry: bool) -> Standing {
    let failed = |check: &&crate::submission::Check| check.outcome == Outcome::Failed;
    let withdrawn = verification.checks.iter().filter(failed).find(|check| check.name == "withdrawal");
    if let Some(check) = withdrawn {
        return Standing::Withdrawn(check.told.clone());
    }
    if verification.experiment[0] != claim {
        return Standing::Excluded(format!("it is of the experiment {}", verification.experiment[0]));
    }
    // Where there is a registry, only what a key of the operator signed speaks for the operator.
    let is_signed = |check: &crate::submission::Check| check.name == "signature" && check.outcome == Outcome::Passed;
    if has_registry && !verification.checks.iter().any(is_signed) {
        return Standing::Excluded("no key of its operator signed it".to_owned());
    }
    let why: Vec<String> =
        verification.checks.iter().filter(failed).map(|check| format!("{}: {}", check.name, check.told)).collect();
    if why.is_empty() { Standing::Admitted } else { Standing::Excluded(why.join("; ")) }
}
