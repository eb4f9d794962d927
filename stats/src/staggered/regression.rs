//! Staggered effects read from one regression on units and periods.

use nalgebra::DVector;

use super::two_period::Contributed;
use super::{
    Adjustment, BasePeriod, Controls, EffectAt, EffectsAt, GroupTimeEffects, StaggeredError, StaggeredPlan,
    clustered_error,
};
use crate::panel::{Panel, PanelUnit};
use crate::wald::Wald;

/// Estimates an event study by the interaction-weighted regression of Sun and Abraham.
///
/// # Model
/// Outcomes are regressed on units, periods and one indicator for each group and time since treatment but the last one
/// before it; units that are never treated are the controls.
///
/// # Formula
/// ```text
/// effect(e) = Σ_g N_g δ(g, e) / Σ_g N_g      Var = G/(G − 1) · (N − 1)/(N − K) · Σ_clusters (Σ contributions)²
/// ```
/// In a balanced panel the regression is saturated, so `δ(g, e)` is the difference of the mean changes since `g − 1`
/// of a group and of the never treated. Groups' sizes `N_g` count as known. `G` clusters, `N` outcomes, `K` indicators
/// of groups and times, and periods. The overall effect averages all groups and times from treatment on by units.
///
/// # Errors
/// [`StaggeredError`] when no unit is treated or none is never treated, or outcomes do not vary.
///
/// # Use with care
/// A second look at [`GroupTimeEffects`]; covariates are not used.
///
/// # References
/// Sun & Abraham (2021), Estimating dynamic treatment effects in event studies with heterogeneous treatment effects,
/// Journal of Econometrics 225, 175–199, (27).
pub fn sun_abraham(panel: &Panel) -> Result<EffectsAt, StaggeredError> {
    let plan = StaggeredPlan {
        controls: Controls::NeverTreated,
        base: BasePeriod::Universal,
        adjustment: Adjustment::DoublyRobust,
    };
    let cells = GroupTimeEffects::estimate(&without_covariates(panel), plan)?;
    let coefficients = panel.cohorts().len() * (panel.periods() - 1) + panel.periods();
    let factor = small_sample_factor(panel, coefficients).ok_or(StaggeredError::NoSpread)?;
    let weights: Vec<f64> = cells.effects.iter().map(|effect| treated_weight(panel, effect.group)).collect();
    let average = |is_chosen: &dyn Fn(usize, usize) -> bool| {
        let chosen = || cells.effects.iter().enumerate().filter(|(_, effect)| is_chosen(effect.group, effect.period));
        let total: f64 = chosen().map(|(cell, _)| weights[cell]).sum();
        let mut combined = Contributed { estimate: 0.0, contributions: DVector::zeros(panel.units().len()) };
        for (cell, effect) in chosen() {
            combined.estimate += weights[cell] * effect.estimate / total;
            combined.contributions.axpy(weights[cell] / total, &cells.contributions.column(cell), 1.0);
        }
        combined
    };
    let wald = |combined: &Contributed| {
        let error = clustered_error(&combined.contributions, panel.cluster_of_unit(), panel.clusters())?;
        Wald::normal(combined.estimate, error * factor)
    };
    let mut times: Vec<(usize, usize)> =
        cells.effects.iter().map(|effect| (effect.period + panel.periods() - effect.group, 0)).collect();
    times.sort_unstable();
    times.dedup();
    let parts = times
        .into_iter()
        .map(|(shifted, _)| {
            let combined = average(&|group, period| period + panel.periods() - group == shifted);
            let at = i64::try_from(shifted).unwrap_or(i64::MAX) - i64::try_from(panel.periods()).unwrap_or(i64::MAX);
            EffectAt { at, effect: wald(&combined), estimate: combined.estimate }
        })
        .collect();
    let overall = wald(&average(&|group, period| period >= group)).ok_or(StaggeredError::NoSpread)?;
    Ok(EffectsAt { overall, parts })
}

/// Estimates one effect by regression on units, periods and whether a unit is treated: shown only as a contrast.
///
/// # Formula
/// ```text
/// D̃ = D less its means by unit and by period, plus its mean      β = Σ D̃ Y / Σ D̃²
/// Var = G/(G − 1) · (N − 1)/(N − K) · Σ_clusters (Σ D̃ ε)² / (Σ D̃²)²,   K = 1 + periods
/// ```
/// Units weigh as their weights say.
///
/// # Errors
/// [`StaggeredError`] when no unit is treated, all are treated alike, or outcomes do not vary.
///
/// # Use with care
/// With staggered dates it compares some treated units with units treated before them and can have the wrong sign; never
/// read an effect from it. Without covariates.
///
/// # References
/// Goodman-Bacon (2021), Difference-in-differences with variation in treatment timing, Journal of Econometrics 225,
/// 254–277.
pub fn two_way_fixed_effects(panel: &Panel) -> Result<Wald, StaggeredError> {
    if panel.cohorts().is_empty() {
        return Err(StaggeredError::NoTreated);
    }
    let is_treated = |unit: &PanelUnit, period: usize| unit.first_treated.is_some_and(|first| period >= first);
    let treatment = residual_of_means(panel, |unit, period| f64::from(u8::from(is_treated(unit, period))));
    let outcomes = residual_of_means(panel, |unit, period| unit.outcomes[period]);
    let weights: Vec<f64> = panel.units().iter().map(|unit| unit.weight).collect();
    let product = |one: &[Vec<f64>], other: &[Vec<f64>]| -> Vec<f64> {
        let dot = |(one, other): (&Vec<f64>, &Vec<f64>)| one.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
        one.iter().zip(other).map(dot).zip(&weights).map(|(sum, weight)| sum * weight).collect()
    };
    let squares: f64 = product(&treatment, &treatment).iter().sum();
    if squares <= 1e-12 * weights.iter().sum::<f64>() {
        return Err(StaggeredError::NoControls);
    }
    let effect = product(&treatment, &outcomes).iter().sum::<f64>() / squares;
    let errors: Vec<Vec<f64>> = outcomes
        .iter()
        .zip(&treatment)
        .map(|(outcomes, treatment)| outcomes.iter().zip(treatment).map(|(y, d)| y - effect * d).collect())
        .collect();
    let contributions = DVector::from_vec(product(&treatment, &errors)) / squares;
    let factor = small_sample_factor(panel, 1 + panel.periods()).ok_or(StaggeredError::NoSpread)?;
    clustered_error(&contributions, panel.cluster_of_unit(), panel.clusters())
        .and_then(|error| Wald::normal(effect, error * factor))
        .ok_or(StaggeredError::NoSpread)
}

/// What unit and period means leave of a quantity, by unit.
fn residual_of_means(panel: &Panel, value: impl Fn(&PanelUnit, usize) -> f64) -> Vec<Vec<f64>> {
    let (units, periods) = (panel.units(), panel.periods());
    let total: f64 = units.iter().map(|unit| unit.weight).sum();
    let mut values: Vec<Vec<f64>> = units
        .iter()
        .map(|unit| {
            let row: Vec<f64> = (0..periods).map(|period| value(unit, period)).collect();
            let mean = row.iter().sum::<f64>() / periods as f64;
            row.into_iter().map(|entry| entry - mean).collect()
        })
        .collect();
    for period in 0..periods {
        let mean = units.iter().zip(&values).map(|(unit, row)| unit.weight * row[period]).sum::<f64>() / total;
        for row in &mut values {
            row[period] -= mean;
        }
    }
    values
}

/// The root of `G/(G − 1) · (N − 1)/(N − K)`: unit effects lie within clusters and are not counted.
fn small_sample_factor(panel: &Panel, coefficients: usize) -> Option<f64> {
    let outcomes = panel.units().len() * panel.periods();
    let clusters = panel.clusters();
    (outcomes > coefficients && clusters > 1).then(|| {
        let [outcomes, coefficients, clusters] = [outcomes, coefficients, clusters].map(|count| count as f64);
        (clusters / (clusters - 1.0) * (outcomes - 1.0) / (outcomes - coefficients)).sqrt()
    })
}

fn treated_weight(panel: &Panel, group: usize) -> f64 {
    let cohort = panel.units().iter().filter(|unit| unit.first_treated == Some(group));
    cohort.map(|unit| unit.weight).sum()
}

fn without_covariates(panel: &Panel) -> Panel {
    let units: Vec<PanelUnit> =
        panel.units().iter().map(|unit| PanelUnit { covariates: Vec::new(), ..unit.clone() }).collect();
    Panel::new(&units).expect("a panel without its covariates is a panel")
}
