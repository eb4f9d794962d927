//! Effects of many assignments of dates to the same units, each without a fit from scratch.

use super::PlaceboStatistic;
use crate::panel::{CohortSums, Panel, PanelUnit};

/// What does not change with the assignment, and room for what does.
pub(super) enum Prepared<'a> {
    BeforeAfter(BeforeAfter),
    GroupEffect(GroupEffect<'a>),
}

impl<'a> Prepared<'a> {
    pub(super) fn new(panel: &'a Panel, statistic: PlaceboStatistic) -> Self {
        match statistic {
            PlaceboStatistic::BeforeAfter => Self::BeforeAfter(BeforeAfter::new(panel)),
            PlaceboStatistic::GroupEffect => Self::GroupEffect(GroupEffect::new(panel)),
        }
    }

    /// The effect when unit `i` has the date of cohort `assignment[i]`; `None` where there are no controls.
    pub(super) fn effect(&mut self, assignment: &[usize]) -> Option<f64> {
        match self {
            Self::BeforeAfter(prepared) => prepared.effect(assignment),
            Self::GroupEffect(prepared) => prepared.effect(assignment),
        }
    }
}

/// Every unit's mean after less its mean before each date.
pub(super) struct BeforeAfter {
    /// `[units × cohorts]`.
    differences: Vec<f64>,
    weights: Vec<f64>,
    cohorts: usize,
}

impl BeforeAfter {
    fn new(panel: &Panel) -> Self {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let difference = |unit: &PanelUnit, date: usize| mean(&unit.outcomes[date..]) - mean(&unit.outcomes[..date]);
        let differences =
            panel.units().iter().flat_map(|unit| panel.cohorts().iter().map(move |date| difference(unit, *date)));
        Self {
            differences: differences.collect(),
            weights: panel.units().iter().map(|unit| unit.weight).collect(),
            cohorts: panel.cohorts().len(),
        }
    }

    fn effect(&self, assignment: &[usize]) -> Option<f64> {
        let mut control_sums = vec![0.0; self.cohorts];
        let (mut own, mut cohort_weights, mut control_weight) = (0.0, vec![0.0; self.cohorts], 0.0);
        for (unit, &cohort) in assignment.iter().enumerate() {
            let (weight, differences) = (self.weights[unit], &self.differences[unit * self.cohorts..]);
            if cohort < self.cohorts {
                own += weight * differences[cohort];
                cohort_weights[cohort] += weight;
            } else {
                control_weight += weight;
                for (sum, difference) in control_sums.iter_mut().zip(differences) {
                    *sum += weight * difference;
                }
            }
        }
        let treated: f64 = cohort_weights.iter().sum();
        let other: f64 = cohort_weights.iter().zip(&control_sums).map(|(weight, sum)| weight * sum).sum();
        (control_weight > 0.0).then(|| (own - other / control_weight) / treated)
    }
}

/// The mean effect on a treated unit, from sums by cohort.
pub(super) struct GroupEffect<'a> {
    sums: CohortSums<'a>,
    weights: Vec<f64>,
}

impl<'a> GroupEffect<'a> {
    fn new(panel: &'a Panel) -> Self {
        Self { sums: CohortSums::new(panel), weights: panel.units().iter().map(|unit| unit.weight).collect() }
    }

    fn effect(&mut self, assignment: &[usize]) -> Option<f64> {
        self.sums.sum_up(assignment, &self.weights);
        let (sum, treated) = self
            .sums
            .effects()
            .fold((0.0, 0.0), |(sum, treated), part| (sum + part.weight * part.effect, treated + part.weight));
        (treated > 0.0).then(|| sum / treated)
    }
}
