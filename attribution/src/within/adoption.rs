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
    /// When each service first gave it up again. What comes behind that is neither with it nor without it.
    pub ended: BTreeMap<String, Instant>,
    /// When each service took up anything else, or gave it up again, and which of both.
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
        let mut stretches: BTreeMap<String, Vec<(Instant, Option<Instant>)>> = BTreeMap::new();
        for row in rows {
            let touched = services.clone().filter(|known| row.service.as_ref().is_none_or(|service| service == *known));
            for service in touched {
                if row.practice != practice {
                    let others = adoption.others.entry(service.clone()).or_default();
                    others.push((row.started_at, format!("took up `{}`", row.practice)));
                    others.extend(row.ended_at.map(|ended| (ended, format!("gave up `{}`", row.practice))));
                    continue;
                }
                stretches.entry(service.clone()).or_default().push((row.started_at, row.ended_at));
            }
            if row.practice == practice {
                adoption.versions.extend(row.practice_version.clone());
            }
        }
        for (service, mut own) in stretches {
            own.sort();
            let (began, mut end) = own[0];
            // Stretches that follow one another without a gap are one; one without an end goes on.
            for (start, ended) in own {
                match end {
                    Some(known) if start <= known => end = ended.map(|ended| ended.max(known)),
                    _ => break,
                }
            }
            adoption.began.insert(service.clone(), began);
            adoption.ended.extend(end.map(|end| (service, end)));
        }
        adoption
    }

    /// What else a service took up or gave up in a stretch of time.
    pub(crate) fn meanwhile(&self, service: &str, from: Instant, until: Instant) -> Option<&str> {
        let others = self.others.get(service)?;
        others.iter().find(|(at, _)| from <= *at && *at < until).map(|(_, practice)| practice.as_str())
    }
}
