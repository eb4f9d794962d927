//! The same units seen in the same periods, some of them treated from some period on.

use std::cmp::Ordering;

mod cohort_sums;
#[cfg(test)]
mod tests;

pub(crate) use cohort_sums::{CohortEffect, CohortSums};

/// Why units do not make a panel.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PanelError {
    /// There are fewer than two units.
    #[error("a panel needs at least two units, got `{units}`")]
    TooFewUnits {
        /// How many units were given.
        units: usize,
    },
    /// The first unit has fewer than two periods.
    #[error("a panel needs at least two periods, got `{periods}`")]
    TooFewPeriods {
        /// How many periods the first unit has.
        periods: usize,
    },
    /// A unit does not have as many outcomes as the first one.
    #[error("unit `{unit}` has `{outcomes}` outcomes, the first unit has `{periods}`")]
    Unbalanced {
        /// Its place, from 0.
        unit: usize,
        /// How many outcomes it has.
        outcomes: usize,
        /// How many the first unit has.
        periods: usize,
    },
    /// A unit does not have as many covariates as the first one.
    #[error("unit `{unit}` has `{covariates}` covariates, the first unit has `{expected}`")]
    Covariates {
        /// Its place, from 0.
        unit: usize,
        /// How many covariates it has.
        covariates: usize,
        /// How many the first unit has.
        expected: usize,
    },
    /// An outcome or a covariate is not finite.
    #[error("an outcome or a covariate of unit `{unit}` is not finite")]
    NotFinite {
        /// Its place, from 0.
        unit: usize,
    },
    /// A weight is not positive and finite.
    #[error("the weight of unit `{unit}` must be positive and finite, got `{weight}`")]
    Weight {
        /// Its place, from 0.
        unit: usize,
        /// Its weight.
        weight: f64,
    },
    /// A unit is treated from the first period on: nothing is known of it untreated.
    #[error("unit `{unit}` is treated from the first period on")]
    AlwaysTreated {
        /// Its place, from 0.
        unit: usize,
    },
}

/// One unit of a panel.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelUnit {
    /// `[periods]`: its outcome in each period.
    pub outcomes: Vec<f64>,
    /// The first period, from 0, in which it is treated; it stays treated. `None`, or a period after the last, when it
    /// is not treated in the panel.
    pub first_treated: Option<usize>,
    /// How much it counts, positive.
    pub weight: f64,
    /// What is known of it before any treatment.
    pub covariates: Vec<f64>,
    /// Units of one name may depend on one another in any way; a unit without a name is a cluster of its own.
    pub cluster: Option<u64>,
}

impl PanelUnit {
    /// A unit of weight 1 without covariates, its own cluster.
    #[must_use]
    pub fn new(outcomes: Vec<f64>, first_treated: Option<usize>) -> Self {
        Self { outcomes, first_treated, weight: 1.0, covariates: Vec::new(), cluster: None }
    }

    fn check(&self, unit: usize, periods: usize, covariates: usize) -> Result<(), PanelError> {
        if self.outcomes.len() != periods {
            return Err(PanelError::Unbalanced { unit, outcomes: self.outcomes.len(), periods });
        }
        if self.covariates.len() != covariates {
            return Err(PanelError::Covariates { unit, covariates: self.covariates.len(), expected: covariates });
        }
        if !self.outcomes.iter().chain(&self.covariates).all(|value| value.is_finite()) {
            return Err(PanelError::NotFinite { unit });
        }
        if !(self.weight.is_finite() && self.weight > 0.0) {
            return Err(PanelError::Weight { unit, weight: self.weight });
        }
        if self.first_treated == Some(0) {
            return Err(PanelError::AlwaysTreated { unit });
        }
        Ok(())
    }

    /// An order that knows nothing of the caller's: units that are equal in it are the same.
    fn canonical(&self, other: &Self) -> Ordering {
        let lexical = |one: &[f64], other: &[f64]| {
            let pairs = one.iter().zip(other);
            pairs.map(|(one, other)| one.total_cmp(other)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        };
        let date = |unit: &Self| unit.first_treated.unwrap_or(usize::MAX);
        date(self)
            .cmp(&date(other))
            .then_with(|| lexical(&self.outcomes, &other.outcomes))
            .then_with(|| lexical(&self.covariates, &other.covariates))
            .then_with(|| self.weight.total_cmp(&other.weight))
            .then_with(|| self.cluster.cmp(&other.cluster))
    }
}

/// A balanced panel of units, each treated from some period on or never.
///
/// # Model
/// Unit `i` has an outcome in each of the periods `0, 1, …`, and a first treated period or none. Treatment does not end.
/// Units are kept in an order that does not depend on the caller's, so that sums over them do not either.
///
/// # Examples
/// ```
/// use stats::{Panel, PanelUnit};
/// let panel = Panel::new(&[
///     PanelUnit::new(vec![3.0, 4.0, 7.0], Some(2)),
///     PanelUnit::new(vec![2.0, 3.0, 4.0], None),
/// ])?;
/// assert_eq!((panel.units().len(), panel.periods(), panel.cohorts()), (2, 3, &[2][..]));
/// # Ok::<(), stats::PanelError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    units: Vec<PanelUnit>,
    places: Vec<usize>,
    periods: usize,
    cohorts: Vec<usize>,
    cohort_of_unit: Vec<usize>,
    cluster_of_unit: Vec<usize>,
    cluster_count: usize,
}

impl Panel {
    /// Makes a panel.
    ///
    /// # Errors
    /// [`PanelError`] when there are fewer than two units or periods, units differ in how many outcomes or covariates
    /// they have, a number is not finite, a weight is not positive, or a unit is treated from the first period on.
    pub fn new(units: &[PanelUnit]) -> Result<Self, PanelError> {
        if units.len() < 2 {
            return Err(PanelError::TooFewUnits { units: units.len() });
        }
        let (periods, covariates) = (units[0].outcomes.len(), units[0].covariates.len());
        if periods < 2 {
            return Err(PanelError::TooFewPeriods { periods });
        }
        for (place, unit) in units.iter().enumerate() {
            unit.check(place, periods, covariates)?;
        }
        let mut placed: Vec<(usize, PanelUnit)> = units
            .iter()
            .map(|unit| PanelUnit {
                first_treated: unit.first_treated.filter(|first| *first < periods),
                ..unit.clone()
            })
            .enumerate()
            .collect();
        placed.sort_by(|(_, one), (_, other)| one.canonical(other));
        let (places, units): (Vec<_>, Vec<_>) = placed.into_iter().unzip();
        let mut cohorts: Vec<usize> = units.iter().filter_map(|unit| unit.first_treated).collect();
        cohorts.dedup();
        let cohort_of_unit = units.iter().map(|unit| cohort_of(&cohorts, unit.first_treated)).collect();
        let (cluster_of_unit, cluster_count) = clusters(&units);
        Ok(Self { units, places, periods, cohorts, cohort_of_unit, cluster_of_unit, cluster_count })
    }

    /// The units, in the panel's own order.
    #[must_use]
    pub fn units(&self) -> &[PanelUnit] {
        &self.units
    }

    /// `[units]`: where each unit of [`Panel::units`] stood in what the panel was made of.
    #[must_use]
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    /// How many periods there are.
    #[must_use]
    pub fn periods(&self) -> usize {
        self.periods
    }

    /// The periods in which units are first treated, ascending, each once.
    #[must_use]
    pub fn cohorts(&self) -> &[usize] {
        &self.cohorts
    }

    /// How many clusters there are.
    #[must_use]
    pub fn clusters(&self) -> usize {
        self.cluster_count
    }

    /// `[units]`: the place in [`Panel::cohorts`] of each unit's first treated period; their number where never treated.
    pub(crate) fn cohort_of_unit(&self) -> &[usize] {
        &self.cohort_of_unit
    }

    /// `[units]`: the number of each unit's cluster.
    pub(crate) fn cluster_of_unit(&self) -> &[usize] {
        &self.cluster_of_unit
    }
}

fn cohort_of(cohorts: &[usize], first_treated: Option<usize>) -> usize {
    first_treated.map_or(cohorts.len(), |first| cohorts.partition_point(|date| *date < first))
}

/// The number of each unit's cluster: those with names in the order of names, then those without.
fn clusters(units: &[PanelUnit]) -> (Vec<usize>, usize) {
    let mut names: Vec<u64> = units.iter().filter_map(|unit| unit.cluster).collect();
    names.sort_unstable();
    names.dedup();
    let mut next = names.len();
    let numbers = units
        .iter()
        .map(|unit| {
            unit.cluster.map_or_else(
                || {
                    next += 1;
                    next - 1
                },
                |name| names.partition_point(|known| *known < name),
            )
        })
        .collect();
    (numbers, next)
}
