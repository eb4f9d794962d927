//! Dated changes of working, and who took part in each.

use std::collections::{BTreeMap, BTreeSet};

use lake::{Instant, tables::interventions};

use crate::windows::Window;

/// A change of working that some services began at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// What was rolled out, with its version.
    pub practice: String,
    /// When.
    pub started_at: Instant,
    /// The services that began then.
    pub(crate) adopters: Vec<String>,
    /// The services that never did.
    pub(crate) others: Vec<String>,
}

impl Adoption {
    /// The group under which `metrics` holds the services that began, in the windows `before` and `after`.
    #[must_use]
    pub fn adopters_group(&self) -> String {
        format!("adopters of {} at {}", self.practice, self.started_at)
    }

    /// The group under which `metrics` holds the services that never did.
    #[must_use]
    pub fn others_group(&self) -> String {
        format!("others than {} at {}", self.practice, self.started_at)
    }
}

/// One adoption per practice and date inside the period, with who began then and who never did.
pub(crate) fn adoptions(
    interventions: &[interventions::Row],
    services: &BTreeMap<String, BTreeSet<String>>,
    period: Window,
) -> Vec<Adoption> {
    let all: BTreeSet<&String> = services.values().flatten().collect();
    let name = |row: &interventions::Row| match &row.practice_version {
        Some(version) => format!("{} {version}", row.practice),
        None => row.practice.clone(),
    };
    let mut dates: BTreeMap<(Instant, String, &str), BTreeSet<String>> = BTreeMap::new();
    let mut ever: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in interventions {
        let touched: BTreeSet<String> = match &row.service {
            Some(service) => all.iter().filter(|known| **known == service).map(|known| (*known).clone()).collect(),
            None => all.iter().map(|known| (*known).clone()).collect(),
        };
        ever.entry(&row.practice).or_default().extend(touched.clone());
        if period.contains(row.started_at) {
            dates.entry((row.started_at, name(row), &row.practice)).or_default().extend(touched);
        }
    }
    let never = |practice: &str| -> Vec<String> {
        let began = ever.get(practice);
        let is_other = |service: &&&String| !began.is_some_and(|began| began.contains(**service));
        all.iter().filter(is_other).map(|known| (*known).clone()).collect()
    };
    dates
        .into_iter()
        .filter(|(_, adopters)| !adopters.is_empty())
        .map(|((started_at, practice, name), adopters)| Adoption {
            others: never(name),
            practice,
            started_at,
            adopters: adopters.into_iter().collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests;
