//! Effects of a treatment that units take up at different dates.

use nalgebra::{DMatrix, DVector};

use crate::distributions::{DistributionError, chi_squared_upper_tail};
use crate::linear::LinearError;
use crate::panel::Panel;
use crate::wald::Wald;

mod aggregate;
mod imputation;
mod regression;
#[cfg(test)]
mod tests;
mod two_period;

pub use aggregate::{EffectAt, EffectsAt};
pub use imputation::{Imputation, imputation_effect};
pub use regression::{sun_abraham, two_way_fixed_effects};
use two_period::{Contributed, TwoPeriod};

/// Why a staggered treatment has no estimated effect.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum StaggeredError {
    /// No unit is treated within the panel.
    #[error("no unit of the panel is treated")]
    NoTreated,
    /// No unit can serve as a control in any period.
    #[error("no unit of the panel can serve as a control")]
    NoControls,
    /// The estimate has no error: the outcomes do not vary where it looks.
    #[error("the outcomes do not vary enough to have a standard error")]
    NoSpread,
    /// There is no period before treatment whose effect could be tested.
    #[error("there is no period before treatment to test")]
    NoLeads,
    /// The covariates tell who is treated: some of the treated have no controls like them.
    #[error("the covariates separate the treated from their controls")]
    NoOverlap,
    /// The regression on covariates, or of the outcomes, has no answer.
    #[error(transparent)]
    Linear(#[from] LinearError),
    /// A probability could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// Who stands in for the treated, had they not been treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controls {
    /// Units that are not treated within the panel.
    NeverTreated,
    /// Those, and units that are treated after the later of the two periods compared.
    NotYetTreated,
}

/// The period with which a period before treatment is compared. After treatment it is always the last one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BasePeriod {
    /// The period just before: pre-treatment effects are changes from period to period.
    Varying,
    /// The last period before treatment: pre-treatment effects are levels, as in an event study.
    Universal,
}

/// How differences in covariates are taken out. Without covariates all are the difference of means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjustment {
    /// By a regression of the controls' changes and by a logit of treatment: right when one of the two is.
    DoublyRobust,
    /// By a regression of the controls' changes.
    Regression,
    /// By weighing controls with their odds of treatment.
    InverseProbability,
}

/// What is compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaggeredPlan {
    /// Who stands in for the treated.
    pub controls: Controls,
    /// With which period one before treatment is compared.
    pub base: BasePeriod,
    /// How differences in covariates are taken out.
    pub adjustment: Adjustment,
}

impl Default for StaggeredPlan {
    /// Controls not yet treated, changes from period to period, doubly robust.
    fn default() -> Self {
        Self { controls: Controls::NotYetTreated, base: BasePeriod::Varying, adjustment: Adjustment::DoublyRobust }
    }
}

/// The effect on the units first treated in one period, as seen in another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupTimeEffect {
    /// The period in which these units are first treated.
    pub group: usize,
    /// The period of the effect; before `group` it should be 0.
    pub period: usize,
    /// The effect.
    pub estimate: f64,
    /// Its standard error; `None` in the base period itself, and where outcomes do not vary.
    pub standard_error: Option<f64>,
    /// How many units were treated.
    pub treated: usize,
    /// How many units served as controls.
    pub controls: usize,
}

/// Whether the effects before treatment are jointly 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeadTest {
    /// Wald's statistic.
    pub statistic: f64,
    /// How many effects were tested.
    pub degrees_of_freedom: usize,
    /// The probability of a larger statistic if all were 0.
    pub p: f64,
}

/// Effects of a staggered treatment by group and period, after Callaway and Sant'Anna.
///
/// # Model
/// Without treatment, the mean outcome of a group and that of its controls, given covariates, would have changed alike
/// (parallel trends), and nobody reacts before treatment. Units, or their clusters, are independent.
///
/// # Formula
/// ```text
/// ATT(g, t) = E[Y_t − Y_b | G = g] − E[Y_t − Y_b | control],   b = g − 1 for t ≥ g
/// ```
/// `g` is a group's first treated period. For `t < g` the base `b` is `t − 1` ([`BasePeriod::Varying`]) or `g − 1`.
/// Controls not yet treated have a first treated period after both `t` and `b`. Standard errors come from influence
/// functions summed within clusters, without a small-sample factor. A group and period without any control is left out
/// and listed in [`GroupTimeEffects::skipped`].
///
/// # Use with care
/// The standard error of a group of one unit knows nothing of that unit's own variation: with few treated units use
/// [`placebo_adoption`](crate::placebo_adoption) beside it. A passed [`GroupTimeEffects::lead_test`] is weak evidence of
/// parallel trends (Roth 2022).
///
/// # Examples
/// ```
/// use stats::{GroupTimeEffects, Panel, PanelUnit, StaggeredPlan};
/// let panel = Panel::new(&[
///     PanelUnit::new(vec![3.0, 4.0, 7.0, 8.0], Some(2)),
///     PanelUnit::new(vec![1.0, 1.0, 3.0, 4.0], Some(2)),
///     PanelUnit::new(vec![2.0, 3.0, 3.0, 4.0], None),
///     PanelUnit::new(vec![5.0, 5.0, 6.0, 5.0], None),
/// ])?;
/// let effects = GroupTimeEffects::estimate(&panel, StaggeredPlan::default())?;
/// assert!((effects.by_group()?.overall.estimate - 2.5).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// Callaway & Sant'Anna (2021), Difference-in-differences with multiple time periods, Journal of Econometrics 225,
/// 200–230. Sant'Anna & Zhao (2020), Doubly robust difference-in-differences estimators, Journal of Econometrics 219,
/// 101–122.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupTimeEffects {
    effects: Vec<GroupTimeEffect>,
    skipped: Vec<(usize, usize)>,
    /// `[units × effects]`: what each unit contributes to the error of each effect.
    contributions: DMatrix<f64>,
    /// `[units]`, mean 1.
    unit_weights: Vec<f64>,
    cohort_of_unit: Vec<usize>,
    cohorts: Vec<usize>,
    cluster_of_unit: Vec<usize>,
    cluster_count: usize,
}

impl GroupTimeEffects {
    /// Estimates the effects.
    ///
    /// # Errors
    /// [`StaggeredError`] when no unit is treated or none can be a control, or when covariates separate the treated
    /// from their controls or determine one another.
    pub fn estimate(panel: &Panel, plan: StaggeredPlan) -> Result<Self, StaggeredError> {
        if panel.cohorts().is_empty() {
            return Err(StaggeredError::NoTreated);
        }
        let (mut effects, mut columns, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        for &group in panel.cohorts() {
            for (period, base) in compared(panel.periods(), group, plan.base) {
                match cell(panel, plan, group, period, base)? {
                    Some((effect, contributions)) => {
                        effects.push(effect);
                        columns.push(contributions);
                    }
                    None => skipped.push((group, period)),
                }
            }
        }
        if effects.iter().all(|effect| effect.period < effect.group) {
            return Err(StaggeredError::NoControls);
        }
        let mean = panel.units().iter().map(|unit| unit.weight).sum::<f64>() / panel.units().len() as f64;
        Ok(Self {
            effects,
            skipped,
            contributions: DMatrix::from_columns(&columns),
            unit_weights: panel.units().iter().map(|unit| unit.weight / mean).collect(),
            cohort_of_unit: panel.cohort_of_unit().to_vec(),
            cohorts: panel.cohorts().to_vec(),
            cluster_of_unit: panel.cluster_of_unit().to_vec(),
            cluster_count: panel.clusters(),
        })
    }

    /// The effects, by group and then period.
    #[must_use]
    pub fn effects(&self) -> &[GroupTimeEffect] {
        &self.effects
    }

    /// The groups and periods that have no control.
    #[must_use]
    pub fn skipped(&self) -> &[(usize, usize)] {
        &self.skipped
    }

    /// `[units]`, in the order of [`Panel::units`]: what each unit contributes to the error of one of
    /// [`GroupTimeEffects::effects`]. The sum is that error to first order, its square by cluster the variance.
    #[must_use]
    pub fn contributions(&self, effect: usize) -> Option<&[f64]> {
        let units = self.contributions.nrows();
        (effect < self.effects.len()).then(|| &self.contributions.as_slice()[effect * units..(effect + 1) * units])
    }

    /// Tests whether all effects before treatment are 0.
    ///
    /// # Formula
    /// ```text
    /// W = a′ V⁻¹ a,   chi-squared with as many degrees of freedom as there are effects in a
    /// ```
    /// `a` holds the effects before treatment, `V` their covariance. Effects of a base period are not in it.
    ///
    /// # Errors
    /// [`StaggeredError::NoLeads`] when there is nothing to test; [`StaggeredError::NoSpread`] when `V` is singular, as
    /// it is where more effects are tested than there are clusters.
    pub fn lead_test(&self) -> Result<LeadTest, StaggeredError> {
        let leads: Vec<usize> = (0..self.effects.len())
            .filter(|&cell| self.effects[cell].period < self.effects[cell].group)
            .filter(|&cell| self.effects[cell].standard_error.is_some())
            .collect();
        if leads.is_empty() {
            return Err(StaggeredError::NoLeads);
        }
        let by_cluster = self.by_cluster(&self.contributions.select_columns(&leads));
        if by_cluster.nrows() <= leads.len() {
            return Err(StaggeredError::NoSpread);
        }
        let estimates = DVector::from_iterator(leads.len(), leads.iter().map(|&cell| self.effects[cell].estimate));
        let lengths: Vec<f64> = by_cluster.column_iter().map(|column| column.norm()).collect();
        let upper = by_cluster.qr().r();
        if lengths.iter().enumerate().any(|(column, length)| upper[(column, column)].abs() <= 1e-9 * length) {
            return Err(StaggeredError::NoSpread);
        }
        let scaled = upper.tr_solve_upper_triangular(&estimates).ok_or(StaggeredError::NoSpread)?;
        let statistic = scaled.norm_squared();
        Ok(LeadTest {
            statistic,
            degrees_of_freedom: leads.len(),
            p: chi_squared_upper_tail(statistic, leads.len() as f64)?,
        })
    }

    /// Contributions summed within clusters.
    fn by_cluster(&self, contributions: &DMatrix<f64>) -> DMatrix<f64> {
        let mut sums = DMatrix::zeros(self.cluster_count, contributions.ncols());
        for (unit, &cluster) in self.cluster_of_unit.iter().enumerate() {
            let summed = sums.row(cluster) + contributions.row(unit);
            sums.set_row(cluster, &summed);
        }
        sums
    }

    fn wald(&self, combined: &Contributed) -> Result<Wald, StaggeredError> {
        let error = clustered_error(&combined.contributions, &self.cluster_of_unit, self.cluster_count);
        error.and_then(|error| Wald::normal(combined.estimate, error)).ok_or(StaggeredError::NoSpread)
    }
}

/// The standard error of a sum of contributions that are free within a cluster; `None` where it is nothing beside them.
fn clustered_error(contributions: &DVector<f64>, clusters: &[usize], count: usize) -> Option<f64> {
    let mut sums = vec![0.0; count];
    for (contribution, &cluster) in contributions.iter().zip(clusters) {
        sums[cluster] += contribution;
    }
    let error = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
    (error > 1e-12 * contributions.amax() && error > 0.0).then_some(error)
}

/// The periods of a group, each with its base.
fn compared(periods: usize, group: usize, base: BasePeriod) -> impl Iterator<Item = (usize, usize)> {
    let first = usize::from(base == BasePeriod::Varying);
    (first..periods).map(move |period| match base {
        BasePeriod::Varying if period < group => (period, period - 1),
        _ => (period, group - 1),
    })
}

/// One effect and the contributions of all units to its error; `None` where nobody can serve as a control.
fn cell(
    panel: &Panel,
    plan: StaggeredPlan,
    group: usize,
    period: usize,
    base: usize,
) -> Result<Option<(GroupTimeEffect, DVector<f64>)>, StaggeredError> {
    let units = panel.units();
    let is_control = |first_treated: Option<usize>| match plan.controls {
        Controls::NeverTreated => first_treated.is_none(),
        Controls::NotYetTreated => {
            first_treated != Some(group) && first_treated.is_none_or(|first| first > period.max(base))
        }
    };
    let chosen: Vec<usize> = (0..units.len())
        .filter(|&unit| units[unit].first_treated == Some(group) || is_control(units[unit].first_treated))
        .collect();
    let is_treated: Vec<bool> = chosen.iter().map(|&unit| units[unit].first_treated == Some(group)).collect();
    let treated = is_treated.iter().filter(|is_treated| **is_treated).count();
    let controls = chosen.len() - treated;
    if controls == 0 {
        return Ok(None);
    }
    let mut contributions = DVector::zeros(units.len());
    if period == base {
        let effect = GroupTimeEffect { group, period, estimate: 0.0, standard_error: None, treated, controls };
        return Ok(Some((effect, contributions)));
    }
    let design = |row: usize, column: usize| if column == 0 { 1.0 } else { units[chosen[row]].covariates[column - 1] };
    let change = |unit: &usize| units[*unit].outcomes[period] - units[*unit].outcomes[base];
    let data = TwoPeriod {
        change: DVector::from_iterator(chosen.len(), chosen.iter().map(change)),
        is_treated,
        weights: DVector::from_iterator(chosen.len(), chosen.iter().map(|&unit| units[unit].weight)),
        design: DMatrix::from_fn(chosen.len(), 1 + units[0].covariates.len(), design),
    };
    let found = data.effect(plan.adjustment)?;
    for (contribution, &unit) in found.contributions.iter().zip(&chosen) {
        contributions[unit] = *contribution;
    }
    let standard_error = clustered_error(&contributions, panel.cluster_of_unit(), panel.clusters());
    Ok(Some((
        GroupTimeEffect { group, period, estimate: found.estimate, standard_error, treated, controls },
        contributions,
    )))
}
