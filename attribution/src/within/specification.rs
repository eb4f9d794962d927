//! The same question asked in other ways, all of them shown: what an analyst could have chosen, and what it would have said.

use derive::Observations;
use serde::Serialize;
use stats::Interval;

use super::adoption::Adoption;
use super::blocks;
use super::curves;
use super::design::Design;
use super::effect::{changes, contrast, estimate, sides};
use super::history::{History, Measure};
use super::series;
use super::terms::{Others, Terms};

/// Weeks on each side that are tried beside those of the terms.
const WINDOWS: [usize; 4] = [6, 12, 26, 52];
/// Days of follow-up that are tried beside those of the terms.
const FOLLOW_UPS: [u32; 3] = [7, 14, 28];

/// One way of asking.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Specification {
    /// What differs from the main analysis; empty for itself.
    pub differs: String,
    /// Weeks on each side.
    pub window_weeks: usize,
    /// The effect, positive for better.
    pub estimate: f64,
    /// Its limits at level `1 − α`; none where this way gives none.
    pub limits: Option<[f64; 2]>,
    /// Services that began, and others.
    pub services: [usize; 2],
}

/// Every way of asking that has an answer, lowest effect first. What the terms say is one of them.
pub(crate) fn specifications(
    metric: &str,
    observations: &Observations,
    adoption: &Adoption,
    terms: &Terms,
) -> Vec<Specification> {
    let own = usize::try_from(terms.window_weeks).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    let mut windows: Vec<usize> = WINDOWS.into_iter().filter(|weeks| *weeks != own).collect();
    windows.insert(0, own);
    let variant = match metric {
        "forward_deployment_frequency" => Some(("deployment_frequency", "rollbacks and hotfixes count, too")),
        "change_lead_time" => Some(("change_lead_time_merge", "from the merge on")),
        _ => None,
    };
    for window in windows {
        let words = |rest: &str| {
            let weeks = if window == own { String::new() } else { format!("{window} weeks a side") };
            [weeks.as_str(), rest].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(", ")
        };
        let Some(history) = History::of(metric, observations, terms) else { continue };
        let design = Design::with(&history, adoption, window, terms.others);
        found.extend(by_services(&history, &design, window, terms, words("")));
        found.extend(unweighted(&history, &design, window, terms, words("services alike, by ranks")));
        if let Some((variant, told)) = variant
            && let Some(history) = History::of(variant, observations, terms)
        {
            found.extend(by_services(&history, &design, window, terms, words(told)));
        }
        if metric == "change_lead_time" {
            for days in FOLLOW_UPS.into_iter().filter(|days| *days != terms.follow_up_days) {
                let other = Terms { follow_up_days: days, ..terms.clone() };
                let Some(history) = History::of(metric, observations, &other) else { continue };
                found.extend(by_services(
                    &history,
                    &design,
                    window,
                    terms,
                    words(&format!("followed for {days} days")),
                ));
            }
        }
        if !terms.covariates.is_empty() {
            let plain = Terms { covariates: Vec::new(), ..terms.clone() };
            let Some(history) = History::of(metric, observations, &plain) else { continue };
            let design = Design::with(&history, adoption, window, terms.others);
            found.extend(by_services(&history, &design, window, terms, words("without covariates")));
        }
        if design.is_staggered && terms.others == Others::NotYet {
            let never = Design::with(&history, adoption, window, Others::Never);
            found.extend(by_services(&history, &never, window, terms, words("beside those that never began")));
        }
        if design.is_controlled {
            let alone = alone(&design);
            found.extend(by_services(&history, &alone, window, terms, words("without the others: before and after")));
        }
        found.extend(blocks::over_blocks(&history, &design, (terms.alpha, terms.seed)).into_iter().map(|over| {
            Specification {
                differs: words(&over.told),
                window_weeks: window,
                estimate: over.estimate,
                limits: over.limits,
                services: over.services,
            }
        }));
        if window == own {
            let curves = curves::of_curves(&history, &design, observations, terms).into_iter();
            found.extend(curves.map(|one_of| one(words(one_of.told), window, one_of.interval, one_of.services)));
        }
        if window == own
            && let Ok(effect) = series::series(&history, &design)
            && let Ok(interval) = effect.wald.interval(1.0 - terms.alpha)
        {
            let told = if effect.is_controlled { "one series beside the others" } else { "one series" };
            found.push(one(words(told), window, interval, [design.treated(), design.names(false).len()]));
        }
    }
    // Other words for the same numbers, such as more weeks than there are, are no other way.
    found.sort_by(|a, b| a.differs.len().cmp(&b.differs.len()).then_with(|| a.differs.cmp(&b.differs)));
    let mut seen: Vec<(f64, Option<[f64; 2]>, [usize; 2])> = Vec::new();
    found.retain(|one| {
        let numbers = (one.estimate, one.limits, one.services);
        let is_new = !seen.contains(&numbers);
        seen.push(numbers);
        is_new
    });
    found.sort_by(|a, b| a.estimate.total_cmp(&b.estimate).then_with(|| a.differs.cmp(&b.differs)));
    found
}

/// The same, with the one that is the main analysis told as itself, whichever way that was.
pub(crate) fn with_main(mut found: Vec<Specification>, estimate: f64, limits: [f64; 2]) -> Vec<Specification> {
    if let Some(main) = found.iter_mut().find(|one| (one.estimate, one.limits) == (estimate, Some(limits))) {
        main.differs.clear();
    }
    found
}

fn one(differs: String, window_weeks: usize, interval: Interval, services: [usize; 2]) -> Specification {
    let limits = Some([interval.low, interval.high]);
    Specification { differs, window_weeks, estimate: interval.estimate, limits, services }
}

fn by_services(
    history: &History,
    design: &Design,
    window: usize,
    terms: &Terms,
    differs: String,
) -> Option<Specification> {
    let found = estimate(history.measure, &sides(history, design)).ok()?;
    Some(one(differs, window, found.wald.interval(1.0 - terms.alpha).ok()?, found.units))
}

/// Hodges and Lehmann's shift of the changes of services, each counted once whatever its size; only at a single date.
fn unweighted(
    history: &History,
    design: &Design,
    window: usize,
    terms: &Terms,
    differs: String,
) -> Option<Specification> {
    if design.is_staggered || !design.is_controlled {
        return None;
    }
    let sides = sides(history, design);
    let rows = match history.measure {
        Measure::Rate => contrast(Measure::Rate, &sides).ok()?.changes.into_iter().map(|(row, _)| row).collect(),
        measure => changes(measure, &sides),
    };
    let arm = |is_treated: bool| {
        let own = rows.iter().filter(|row: &&stats::UnitChange| row.is_treated == is_treated);
        own.map(|row| row.estimate).collect::<Vec<f64>>()
    };
    let (treated, others) = (arm(true), arm(false));
    let shift = stats::hodges_lehmann_shift(&treated, &others, 1.0 - terms.alpha).ok()?;
    Some(one(differs, window, shift.interval, [treated.len(), others.len()]))
}

/// The design without anybody to compare with.
fn alone(design: &Design) -> Design {
    let mut alone = design.clone();
    for cohort in &mut alone.cohorts {
        cohort.places.retain(|place| place.is_treated);
    }
    alone.is_controlled = false;
    alone
}
