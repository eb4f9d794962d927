//! Staggered effects by imputing what treated units would have been.

use nalgebra::{DMatrix, DVector};

use super::aggregate::{EffectAt, EffectsAt};
use super::two_period::Contributed;
use super::{StaggeredError, clustered_error};
use crate::linear::LinearError;
use crate::panel::{Panel, PanelUnit};
use crate::wald::Wald;

/// Effects by imputation.
#[derive(Debug, Clone, PartialEq)]
pub struct Imputation {
    /// The mean effect on a treated unit over its treated periods, and effects by time since treatment.
    pub effects: EffectsAt,
    /// From this period on every unit is treated, so that nothing can be imputed; `None` if there is none.
    pub unknown_from: Option<usize>,
}

/// Estimates effects by imputing untreated outcomes, after Borusyak, Jaravel and Spiess.
///
/// # Model
/// `Y_it = αᵢ + βₜ + ε_it` where untreated, fitted there alone; units, or their clusters, are independent.
///
/// # Formula
/// ```text
/// τ_it = Y_it − αᵢ − βₜ      effect = Σ a_it τ_it      Var = Σ_clusters (Σ v_it ε̃_it)²
/// ```
/// `a_it` weigh treated cells: overall each unit's treated periods alike and units by their weights; by time since
/// treatment units by their weights. The effect is linear in the outcomes: `v_it` is the weight it gives each of them,
/// treated or not. `ε̃` is the residual where untreated, and where treated `τ_it` less its mean, weighted by `v²`, over
/// units of the same first period in the same period.
///
/// # Errors
/// [`StaggeredError`] when no unit is treated, no treated period can be imputed, or outcomes do not vary.
///
/// # Use with care
/// More precise than [`GroupTimeEffects`](super::GroupTimeEffects) where errors do not correlate over time, more exposed
/// to trends that are not parallel in the distant past. Groups of one unit contribute no error after treatment.
///
/// # References
/// Borusyak, Jaravel & Spiess (2024), Revisiting event-study designs: robust and efficient estimation, Review of Economic
/// Studies 91, 3253–3285, theorems 2 and 3.
pub fn imputation_effect(panel: &Panel) -> Result<Imputation, StaggeredError> {
    let last = *panel.cohorts().last().ok_or(StaggeredError::NoTreated)?;
    let has_never_treated = panel.units().iter().any(|unit| unit.first_treated.is_none());
    let known = if has_never_treated { panel.periods() } else { last };
    let model = Model::fit(panel, known)?;
    let overall = model.average(|unit, first| {
        let treated = known.saturating_sub(first);
        move |_| unit.weight / treated as f64
    });
    let overall = model.wald(&overall.ok_or(StaggeredError::NoControls)?).ok_or(StaggeredError::NoSpread)?;
    let parts = (0..known)
        .filter_map(|after| {
            let effect =
                model.average(|unit, first| move |period| if period == first + after { unit.weight } else { 0.0 })?;
            let at = i64::try_from(after).unwrap_or(i64::MAX);
            Some(EffectAt { at, effect: model.wald(&effect), estimate: effect.estimate })
        })
        .collect();
    Ok(Imputation { effects: EffectsAt { overall, parts }, unknown_from: (known < panel.periods()).then_some(known) })
}

/// The untreated outcomes' effects of units and periods.
struct Model<'a> {
    panel: &'a Panel,
    /// Periods before this one have an untreated unit.
    known: usize,
    normal_matrix: DMatrix<f64>,
    /// `[known][units]`, in the panel's order: outcome less the effects of unit and period.
    residuals: DMatrix<f64>,
}

impl<'a> Model<'a> {
    fn fit(panel: &'a Panel, known: usize) -> Result<Self, StaggeredError> {
        let units = panel.units();
        let mut model = Self {
            panel,
            known,
            normal_matrix: DMatrix::zeros(known, known),
            residuals: DMatrix::zeros(units.len(), known),
        };
        let mut target = DVector::zeros(known);
        for unit in units {
            let before = untreated(unit, known);
            let mean = unit.outcomes[..before].iter().sum::<f64>() / before as f64;
            for period in 0..before {
                target[period] += unit.weight * (unit.outcomes[period] - mean);
                model.normal_matrix[(period, period)] += unit.weight;
                for other in 0..before {
                    model.normal_matrix[(period, other)] -= unit.weight / before as f64;
                }
            }
        }
        let effects = model.solve(&target)?;
        for (place, unit) in units.iter().enumerate() {
            let before = untreated(unit, known);
            let gap = |period: usize| unit.outcomes[period] - effects[period];
            let own = (0..before).map(gap).sum::<f64>() / before as f64;
            for period in 0..known {
                model.residuals[(place, period)] = gap(period) - own;
            }
        }
        Ok(model)
    }

    /// Solves the normal equations of the periods, the units' effects taken out and the first period's effect 0.
    fn solve(&self, target: &DVector<f64>) -> Result<DVector<f64>, StaggeredError> {
        let rest = self.known - 1;
        let mut solved = DVector::zeros(self.known);
        if rest == 0 {
            return Ok(solved);
        }
        let inner = self.normal_matrix.view((1, 1), (rest, rest)).into_owned();
        let found = inner
            .cholesky()
            .map(|factor| factor.solve(&target.rows(1, rest).into_owned()))
            .ok_or(LinearError::Collinear { column: rest })?;
        solved.rows_mut(1, rest).copy_from(&found);
        Ok(solved)
    }

    /// The average of the imputed effects by weights of unit and period; `None` where no weight is positive.
    fn average<F: Fn(usize) -> f64>(&self, weight: impl Fn(&'a PanelUnit, usize) -> F) -> Option<Contributed> {
        let units = self.panel.units();
        let mut weights = DMatrix::zeros(units.len(), self.known);
        for (place, unit) in units.iter().enumerate() {
            let Some(first) = unit.first_treated else { continue };
            let weight = weight(unit, first);
            for period in first..self.known {
                weights[(place, period)] = weight(period);
            }
        }
        let total = weights.sum();
        if total <= 0.0 {
            return None;
        }
        weights /= total;
        let estimate = weights.dot(&self.residuals);
        let errors = self.errors(&weights);
        self.spread_to_untreated(&mut weights)?;
        let contributions = DVector::from_fn(units.len(), |unit, _| weights.row(unit).dot(&errors.row(unit)));
        Some(Contributed { estimate, contributions })
    }

    /// Residuals; where treated, less their mean over the group in the period.
    fn errors(&self, weights: &DMatrix<f64>) -> DMatrix<f64> {
        let mut errors = self.residuals.clone();
        let cohorts = self.panel.cohort_of_unit();
        for (cohort, &first) in self.panel.cohorts().iter().enumerate() {
            let members: Vec<usize> = (0..cohorts.len()).filter(|unit| cohorts[*unit] == cohort).collect();
            for period in first..self.known {
                let square = |unit: &&usize| weights[(**unit, period)] * weights[(**unit, period)];
                let total: f64 = members.iter().map(|unit| square(&unit)).sum();
                if total > 0.0 {
                    let sum: f64 = members.iter().map(|unit| square(&unit) * self.residuals[(*unit, period)]).sum();
                    for &unit in &members {
                        errors[(unit, period)] -= sum / total;
                    }
                }
            }
        }
        errors
    }

    /// Fills in the weights that an average of treated cells gives to untreated outcomes.
    fn spread_to_untreated(&self, weights: &mut DMatrix<f64>) -> Option<()> {
        let units = self.panel.units();
        let own: Vec<f64> = weights.row_iter().map(|row| row.sum()).collect();
        let mut target = DVector::from_iterator(self.known, weights.column_iter().map(|column| column.sum()));
        for (unit, own) in units.iter().zip(&own) {
            let before = untreated(unit, self.known);
            for period in 0..before {
                target[period] -= own / before as f64;
            }
        }
        let periods = self.solve(&target).ok()?;
        for (place, unit) in units.iter().enumerate() {
            let before = untreated(unit, self.known);
            let mean = periods.rows(0, before).sum() / before as f64;
            for period in 0..before {
                weights[(place, period)] = -(own[place] / before as f64 + unit.weight * (periods[period] - mean));
            }
        }
        Some(())
    }

    fn wald(&self, effect: &Contributed) -> Option<Wald> {
        let panel = self.panel;
        let error = clustered_error(&effect.contributions, panel.cluster_of_unit(), panel.clusters())?;
        Wald::normal(effect.estimate, error)
    }
}

/// How many of the known periods a unit is untreated in: at least one.
fn untreated(unit: &PanelUnit, known: usize) -> usize {
    unit.first_treated.map_or(known, |first| first.min(known))
}
