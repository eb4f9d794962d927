//! Who took up a change of working, and when.

use std::collections::{BTreeMap, BTreeSet};

use lake::{Instant, tables::interventions};

/// A change of working and the services that took it up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// What was taken up.
    pub practice: String,
    /// The versions of it that are on record.
    pub versions: BTreeSet<String>,
    /// When each service first took it up.
    pub began: BTreeMap<String, Instant>,
    /// When each service that no longer works so gave it up for the last time.
    pub ended: BTreeMap<String, Instant>,
    /// When each service took up anything else.
    pub others: BTreeMap<String, Vec<(Instant, String)>>,
}

/// The changes of working that are on record, by name.
#[must_use]
pub fn practices(rows: &[interventions::Row]) -> BTreeSet<String> {
    rows.iter().map(|row| row.practice.clone()).collect()
}

impl Adoption {
    /// What these rows say of one practice. A row without a service speaks of all of them. A later version of what a
    /// service already has is no new beginning.
    #[must_use]
    pub fn of<'s>(
        practice: &str,
        rows: &[interventions::Row],
        services: &(impl Iterator<Item = &'s String> + Clone),
    ) -> Self {
        let mut adoption = Self { practice: practice.to_owned(), ..Self::default() };
        let mut ends: BTreeMap<String, Option<Instant>> = BTreeMap::new();
        for row in rows {
            let touched = services.clone().filter(|known| row.service.as_ref().is_none_or(|service| service == *known));
            for service in touched {
                if row.practice != practice {
                    let other = (row.started_at, row.practice.clone());
                    adoption.others.entry(service.clone()).or_default().push(other);
                    continue;
                }
                let began = adoption.began.entry(service.clone()).or_insert(row.started_at);
                *began = row.started_at.min(*began);
                // One row without an end is enough for it to go on.
                let end = ends.entry(service.clone()).or_insert(Some(row.started_at));
                *end = end.zip(row.ended_at).map(|(known, ended)| known.max(ended));
            }
            if row.practice == practice {
                adoption.versions.extend(row.practice_version.clone());
            }
        }
        adoption.ended = ends.into_iter().filter_map(|(service, end)| Some((service, end?))).collect();
        adoption
    }

    /// What else a service took up in a stretch of time.
    pub(crate) fn meanwhile(&self, service: &str, from: Instant, until: Instant) -> Option<&str> {
        let others = self.others.get(service)?;
        others.iter().find(|(at, _)| from <= *at && *at < until).map(|(_, practice)| practice.as_str())
    }
}
