//! Sums of outcomes by cohort: all that effects without covariates need, whoever is in which cohort.

use super::Panel;

/// Weighted sums by cohort and period, for one assignment of units to cohorts and one weight for each unit.
#[derive(Debug, Clone)]
pub(crate) struct CohortSums<'a> {
    panel: &'a Panel,
    /// `[(cohorts + 1) × periods]`: sums over a cohort's units, the never treated last.
    own: Vec<f64>,
    /// `[(cohorts + 1) × periods]`: the same over a cohort's units and all later ones.
    later: Vec<f64>,
    own_weights: Vec<f64>,
    later_weights: Vec<f64>,
}

/// What a cohort's treated periods that have controls show on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CohortEffect {
    /// The weight of the cohort.
    pub(crate) weight: f64,
    /// The mean outcome.
    pub(crate) observed: f64,
    /// The mean of the change since the last period before treatment, less that of the controls not yet treated.
    pub(crate) effect: f64,
}

impl<'a> CohortSums<'a> {
    pub(crate) fn new(panel: &'a Panel) -> Self {
        let groups = panel.cohorts().len() + 1;
        let sums = vec![0.0; groups * panel.periods()];
        Self { panel, own: sums.clone(), later: sums, own_weights: vec![0.0; groups], later_weights: vec![0.0; groups] }
    }

    /// Sums the panel's outcomes with unit `i` in cohort `assignment[i]` and of weight `weights[i]`.
    pub(crate) fn sum_up(&mut self, assignment: &[usize], weights: &[f64]) {
        let periods = self.panel.periods();
        self.own.fill(0.0);
        self.own_weights.fill(0.0);
        for ((unit, &cohort), &weight) in self.panel.units().iter().zip(assignment).zip(weights) {
            self.own_weights[cohort] += weight;
            let sums = &mut self.own[cohort * periods..(cohort + 1) * periods];
            for (sum, outcome) in sums.iter_mut().zip(&unit.outcomes) {
                *sum += weight * outcome;
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

    /// The effects of the cohorts that have weight and controls.
    pub(crate) fn effects(&self) -> impl Iterator<Item = CohortEffect> {
        (0..self.panel.cohorts().len()).filter_map(|cohort| self.effect_on(cohort))
    }

    /// A cohort's weighted sums by period; after the last one those of the never treated.
    pub(crate) fn own(&self, cohort: usize) -> &[f64] {
        let periods = self.panel.periods();
        &self.own[cohort * periods..(cohort + 1) * periods]
    }

    /// `[cohorts + 1]`: the weight of each cohort.
    pub(crate) fn weights(&self) -> &[f64] {
        &self.own_weights
    }

    fn effect_on(&self, cohort: usize) -> Option<CohortEffect> {
        let (periods, cohorts) = (self.panel.periods(), self.panel.cohorts());
        let (date, own, weight) = (cohorts[cohort], self.own(cohort), self.own_weights[cohort]);
        if weight <= 0.0 {
            return None;
        }
        let (mut observed, mut effect, mut count) = (0.0, 0.0, 0.0);
        // The controls of a period are the cohorts after it: they change where the next one is treated.
        let mut next = cohort + 1;
        for period in date..periods {
            while next < cohorts.len() && cohorts[next] <= period {
                next += 1;
            }
            let control_weight = self.later_weights[next];
            if control_weight > 0.0 {
                let controls = &self.later[next * periods..(next + 1) * periods];
                observed += own[period] / weight;
                effect +=
                    (own[period] - own[date - 1]) / weight - (controls[period] - controls[date - 1]) / control_weight;
                count += 1.0;
            }
        }
        (count > 0.0).then(|| CohortEffect { weight, observed: observed / count, effect: effect / count })
    }
}
