//! Effects of many assignments of dates to the same units, each without a fit from scratch.

use super::PlaceboStatistic;
use crate::panel::{Panel, PanelUnit};

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

/// Sums of outcomes by cohort and period: the group effect needs nothing else.
pub(super) struct GroupEffect<'a> {
    panel: &'a Panel,
    /// `[(cohorts + 1) × periods]`: weighted sums over a cohort's units, the never treated last.
    own: Vec<f64>,
    /// `[(cohorts + 1) × periods]`: the same over a cohort's units and all later ones.
    later: Vec<f64>,
    own_weights: Vec<f64>,
    later_weights: Vec<f64>,
}

impl<'a> GroupEffect<'a> {
    fn new(panel: &'a Panel) -> Self {
        let groups = panel.cohorts().len() + 1;
        let sums = vec![0.0; groups * panel.periods()];
        Self { panel, own: sums.clone(), later: sums, own_weights: vec![0.0; groups], later_weights: vec![0.0; groups] }
    }

    fn effect(&mut self, assignment: &[usize]) -> Option<f64> {
        self.sum_up(assignment);
        let (mut sum, mut treated) = (0.0, 0.0);
        for (cohort, &date) in self.panel.cohorts().iter().enumerate() {
            if let Some(effect) = self.effect_on(cohort, date) {
                sum += self.own_weights[cohort] * effect;
                treated += self.own_weights[cohort];
            }
        }
        (treated > 0.0).then(|| sum / treated)
    }

    fn sum_up(&mut self, assignment: &[usize]) {
        let periods = self.panel.periods();
        self.own.fill(0.0);
        self.own_weights.fill(0.0);
        for (unit, &cohort) in self.panel.units().iter().zip(assignment) {
            self.own_weights[cohort] += unit.weight;
            let sums = &mut self.own[cohort * periods..(cohort + 1) * periods];
            for (sum, outcome) in sums.iter_mut().zip(&unit.outcomes) {
                *sum += unit.weight * outcome;
            }
        }
        self.later.copy_from_slice(&self.own);
        self.later_weights.copy_from_slice(&self.own_weights);
        for cohort in (0..self.own_weights.len() - 1).rev() {
            self.later_weights[cohort] += self.later_weights[cohort + 1];
            let (here, after) = self.later.split_at_mut((cohort + 1) * periods);
            for (sum, more) in here[cohort * periods..].iter_mut().zip(&after[..periods]) {
                *sum += more;
            }
        }
    }

    /// The mean over a cohort's treated periods that have controls of its change since the last one before, less theirs.
    fn effect_on(&self, cohort: usize, date: usize) -> Option<f64> {
        let (periods, cohorts) = (self.panel.periods(), self.panel.cohorts());
        let own = &self.own[cohort * periods..(cohort + 1) * periods];
        let (mut sum, mut count) = (0.0, 0.0);
        // The controls of a period are the cohorts after it: they change where the next one is treated.
        let mut next = cohort + 1;
        for period in date..periods {
            while next < cohorts.len() && cohorts[next] <= period {
                next += 1;
            }
            let weight = self.later_weights[next];
            if weight > 0.0 {
                let controls = &self.later[next * periods..(next + 1) * periods];
                sum += (own[period] - own[date - 1]) / self.own_weights[cohort]
                    - (controls[period] - controls[date - 1]) / weight;
                count += 1.0;
            }
        }
        (count > 0.0).then(|| sum / count)
    }
}
