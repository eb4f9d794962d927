//! What a number may be split by beside service, group and environment: strata.
//!
//! A dimension is one entry of [`DIMENSIONS`]: it says of a change which stratum it is in. A rollout is in the stratum
//! that all changes it first carried share, in `mixed` where they differ, and in `none` where it carried no change, so
//! that the strata of a dimension add up to the whole.

use std::collections::{BTreeMap, BTreeSet};

use lake::tables::{rollout_changes, rollouts};

/// A way to split changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dimension {
    /// Its name, as it stands in `metrics.dimension` and in the headers of metrics.
    pub(crate) name: &'static str,
    /// The stratum of a change.
    of_change: fn(&rollout_changes::Row) -> &str,
}

/// Every dimension.
pub(crate) const DIMENSIONS: &[Dimension] = &[
    Dimension { name: "author_kind", of_change: |change| &change.author_kind },
    Dimension { name: "repository", of_change: |change| &change.repository },
];

/// The stratum of rollouts that carried changes of several strata.
const MIXED: &str = "mixed";
/// The stratum of rollouts that carried no change.
const NONE: &str = "none";

/// A part of a unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stratum {
    pub(crate) dimension: &'static str,
    pub(crate) value: String,
}

/// Which changes and rollouts are in which stratum.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strata {
    /// Stratum, repository and id of each change.
    pub(crate) changes: BTreeSet<(Stratum, String, String)>,
    /// Stratum and id of each rollout.
    pub(crate) rollouts: BTreeSet<(Stratum, String)>,
    /// The strata in which a service has changes that count, by service, environment and dimension.
    of_changes: BTreeMap<(String, String, &'static str), BTreeSet<String>>,
    /// The strata of its rollouts.
    of_rollouts: BTreeMap<(String, String, &'static str), BTreeSet<String>>,
}

impl Strata {
    /// The strata of these changes and rollouts.
    pub(crate) fn new(links: &[rollout_changes::Row], rollouts: &[rollouts::Row]) -> Self {
        let mut strata = Self::default();
        for dimension in DIMENSIONS {
            let mut carried: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
            for link in links {
                let value = (dimension.of_change)(link);
                let stratum = Stratum { dimension: dimension.name, value: value.to_owned() };
                strata.changes.insert((stratum, link.repository.clone(), link.change_id.clone()));
                if let Some(rollout_id) = &link.rollout_id {
                    carried.entry(rollout_id).or_default().insert(value);
                }
                if link.excluded.is_none() {
                    let place = (link.service.clone(), link.environment.clone(), dimension.name);
                    strata.of_changes.entry(place).or_default().insert(value.to_owned());
                }
            }
            for rollout in rollouts {
                let value = match carried.get(rollout.rollout_id.as_str()) {
                    None => NONE,
                    Some(values) if values.len() > 1 => MIXED,
                    Some(values) => values.first().copied().unwrap_or(NONE),
                };
                let stratum = Stratum { dimension: dimension.name, value: value.to_owned() };
                let place = (rollout.service.clone(), rollout.environment.clone(), dimension.name);
                strata.of_rollouts.entry(place).or_default().insert(value.to_owned());
                strata.rollouts.insert((stratum, rollout.rollout_id.clone()));
            }
        }
        strata
    }

    /// The strata of these services together. Where all their changes are in one stratum there are none: it would be
    /// the whole again.
    pub(crate) fn of(&self, environment: &str, services: &[String]) -> Vec<Stratum> {
        let values = |of: &BTreeMap<(String, String, &'static str), BTreeSet<String>>, dimension| -> BTreeSet<String> {
            let place = |service: &String| (service.clone(), environment.to_owned(), dimension);
            services.iter().filter_map(|service| of.get(&place(service))).flatten().cloned().collect()
        };
        DIMENSIONS
            .iter()
            .flat_map(|dimension| {
                let mut found = values(&self.of_changes, dimension.name);
                if found.len() > 1 {
                    found.extend(values(&self.of_rollouts, dimension.name));
                } else {
                    found.clear();
                }
                found.into_iter().map(|value| Stratum { dimension: dimension.name, value })
            })
            .collect()
    }

    /// Whether a rollout is in a stratum.
    pub(crate) fn holds(&self, stratum: &Stratum, rollout_id: &str) -> bool {
        self.rollouts.contains(&(stratum.clone(), rollout_id.to_owned()))
    }
}
