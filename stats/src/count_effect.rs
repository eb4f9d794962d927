//! Ratios of counts under a treatment that units take up at different dates.

use crate::bootstrap::multiplicity_replicates;
use crate::panel::{CohortEffect, CohortSums, Panel};
use crate::wald::Wald;

#[cfg(test)]
mod tests;

/// Of so many replicates at most one may be without an answer.
const REPLICATES_FOR_A_FAILURE: usize = 20;

/// Why counts give no ratio.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CountEffectError {
    /// A count is negative.
    #[error("a count of unit `{unit}` is negative")]
    Negative {
        /// The place of the unit in the panel's order.
        unit: usize,
    },
    /// No unit is treated within the panel.
    #[error("no unit of the panel is treated")]
    NoTreated,
    /// No unit can serve as a control in any treated period.
    #[error("no unit of the panel can serve as a control")]
    NoControls,
    /// What was seen, or what would have been, is not positive, so that their ratio has no logarithm.
    #[error("the treated have `{observed}` and would have had `{counterfactual}`: the ratio has no logarithm")]
    NotPositive {
        /// The mean count of the treated.
        observed: f64,
        /// What it would have been.
        counterfactual: f64,
    },
    /// Too many replicates have no answer: there are too few clusters with or without treatment.
    #[error("`{failed}` of `{replicates}` replicates have no answer")]
    TooFewClusters {
        /// Replicates without an answer.
        failed: usize,
        /// Replicates drawn.
        replicates: usize,
    },
    /// The replicates do not vary.
    #[error("the replicates do not vary")]
    NoSpread,
}

/// How counts would have gone on without treatment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountModel {
    /// By the same amount as those of the controls.
    Levels,
    /// By the same ratio as those of the controls.
    Ratios,
}

/// A ratio of counts, on the log scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CountEffect {
    /// The mean count of a treated unit over its treated periods.
    pub observed: f64,
    /// What that mean would have been without treatment.
    pub counterfactual: f64,
    /// The logarithm of their ratio; its standard error comes from clusters drawn anew.
    pub log_ratio: Wald,
    /// How many replicates had no answer and were left out.
    pub failed_replicates: usize,
}

/// Estimates by what ratio a staggered treatment changed counts.
///
/// # Model
/// Without treatment the mean counts of a cohort and its controls would have changed by the same amount
/// ([`CountModel::Levels`]) or by the same ratio ([`CountModel::Ratios`]). Clusters are independent and alike.
///
/// # Formula
/// ```text
/// levels:  log [O / (O − ATT)],   ATT by group as in GroupTimeEffects::by_group, controls not yet treated
/// ratios:  log [O / Σ_g p_g mean_t exp(α_g + β_t)],   E Y_gt = exp(α_g + β_t) fitted where untreated
/// ```
/// `O` is the mean over treated units of their mean count in treated periods that have controls. The second is the
/// Poisson quasi-likelihood with one effect for each cohort and treated period: those fit exactly, so that cohorts and
/// periods are fitted on untreated totals alone, by turns until no effect changes by 1e-12 of itself. Counts need not have
/// Poisson's variance. The standard error is that of `replicates` samples of clusters; replicate `r` uses stream `r` of
/// `seed`. Replicates without an answer, such as those without controls, are left out and counted.
///
/// # Errors
/// [`CountEffectError`] when a count is negative, no unit is treated or none a control, the means are not positive, or
/// more than one of twenty replicates has no answer.
///
/// # Use with care
/// A period with a count of 0 needs no care, which is the point: never put `log(x + 1)` in its place, whose effect
/// depends on the length of a period. With few treated clusters the standard error is too small; use
/// [`placebo_adoption`](crate::placebo_adoption) beside it. Periods must have the same length.
///
/// # Examples
/// ```
/// use stats::{CountModel, Panel, PanelUnit};
/// let units: Vec<PanelUnit> = (0..20)
///     .map(|unit| {
///         let first = (unit % 2 == 0).then_some(2);
///         let after = if first.is_some() { 12.0 } else { 6.0 };
///         PanelUnit::new(vec![4.0 + f64::from(unit % 3), 5.0, after, after + f64::from(unit % 5)], first)
///     })
///     .collect();
/// let effect = stats::count_effect(&Panel::new(&units)?, CountModel::Ratios, 200, 7)?;
/// assert!((effect.log_ratio.estimate - 2.0_f64.ln()).abs() < 0.3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// Chen & Roth (2024), Logs with zeros? Some problems and solutions, Quarterly Journal of Economics 139, 891–936.
/// Wooldridge (2023), Simple approaches to nonlinear difference-in-differences with panel data, Econometrics Journal 26,
/// C31–C66.
pub fn count_effect(
    panel: &Panel,
    model: CountModel,
    replicates: usize,
    seed: u64,
) -> Result<CountEffect, CountEffectError> {
    if let Some(unit) = panel.units().iter().position(|unit| unit.outcomes.iter().any(|count| *count < 0.0)) {
        return Err(CountEffectError::Negative { unit });
    }
    if panel.cohorts().is_empty() {
        return Err(CountEffectError::NoTreated);
    }
    let mut sums = CohortSums::new(panel);
    let mut means = |multiplicities: &[usize]| {
        let drawn = panel.units().iter().zip(panel.cluster_of_unit());
        let weights: Vec<f64> = drawn.map(|(unit, cluster)| unit.weight * multiplicities[*cluster] as f64).collect();
        sums.sum_up(panel.cohort_of_unit(), &weights);
        match model {
            CountModel::Levels => levels(&sums),
            CountModel::Ratios => ratios(panel, &sums),
        }
    };
    let found = means(&vec![1; panel.clusters()]).ok_or(CountEffectError::NoControls)?;
    let Means { observed, counterfactual } = found;
    let estimate = found.log_ratio().ok_or(CountEffectError::NotPositive { observed, counterfactual })?;
    let mut statistic = |multiplicities: &[usize], value: &mut [Option<f64>]| {
        value.fill(means(multiplicities).and_then(Means::log_ratio));
    };
    let samples = multiplicity_replicates(panel.clusters(), 1, &mut statistic, replicates, seed);
    let mut drawn: Vec<f64> = samples.where_defined(0).collect();
    let failed = replicates - drawn.len();
    if failed * REPLICATES_FOR_A_FAILURE > replicates {
        return Err(CountEffectError::TooFewClusters { failed, replicates });
    }
    let log_ratio = standard_deviation(&mut drawn).and_then(|error| Wald::normal(estimate, error));
    Ok(CountEffect {
        observed,
        counterfactual,
        log_ratio: log_ratio.ok_or(CountEffectError::NoSpread)?,
        failed_replicates: failed,
    })
}

/// Mean counts of the treated: as seen, and as they would have been.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Means {
    observed: f64,
    counterfactual: f64,
}

impl Means {
    /// Averages of cohorts by their weights; `None` without any.
    fn over(cohorts: impl Iterator<Item = CohortEffect>) -> Option<Self> {
        let (observed, effect, weight) = cohorts.fold((0.0, 0.0, 0.0), |(observed, effect, weight), part| {
            (observed + part.weight * part.observed, effect + part.weight * part.effect, weight + part.weight)
        });
        (weight > 0.0).then(|| Self { observed: observed / weight, counterfactual: (observed - effect) / weight })
    }

    fn log_ratio(self) -> Option<f64> {
        let are_positive = self.observed > 0.0 && self.counterfactual > 0.0;
        are_positive.then(|| libm::log(self.observed / self.counterfactual))
    }
}

fn levels(sums: &CohortSums) -> Option<Means> {
    Means::over(sums.effects())
}

fn ratios(panel: &Panel, sums: &CohortSums) -> Option<Means> {
    let (cohorts, weights) = (panel.cohorts(), sums.weights());
    let until = |cohort: usize| cohorts.get(cohort).copied().unwrap_or(panel.periods());
    // Periods up to the last date of anyone in the sample have an untreated cohort.
    let known = (0..weights.len()).filter(|cohort| weights[*cohort] > 0.0).map(until).max()?;
    let untreated: Vec<(f64, &[f64])> = (0..weights.len())
        .filter(|cohort| weights[*cohort] > 0.0)
        .map(|cohort| (weights[cohort], &sums.own(cohort)[..until(cohort)]))
        .collect();
    let periods = period_factors(&untreated, known)?;
    Means::over((0..cohorts.len()).filter(|cohort| weights[*cohort] > 0.0 && until(*cohort) < known).map(|cohort| {
        let (date, own, weight) = (until(cohort), sums.own(cohort), weights[cohort]);
        let before: f64 = own[..date].iter().sum();
        let reached: f64 = periods[..date].iter().sum();
        let factor = if reached > 0.0 { before / reached } else { 0.0 };
        let count = (known - date) as f64;
        let observed = own[date..known].iter().sum::<f64>() / count / weight;
        let counterfactual = factor * periods[date..known].iter().sum::<f64>() / count / weight;
        CohortEffect { weight, observed, effect: observed - counterfactual }
    }))
}

/// The periods' factors of a table of counts that is a product of factors of rows and columns, where rows end early.
///
/// Rows and columns are fitted to their totals by turns; `None` where they have not settled after many rounds.
fn period_factors(rows: &[(f64, &[f64])], periods: usize) -> Option<Vec<f64>> {
    const ROUNDS: usize = 10_000;
    let totals: Vec<f64> = rows.iter().map(|(_, counts)| counts.iter().sum()).collect();
    let mut columns = vec![0.0; periods];
    for (_, counts) in rows {
        for (column, count) in columns.iter_mut().zip(*counts) {
            *column += count;
        }
    }
    let mut factors = vec![1.0; periods];
    for _ in 0..ROUNDS {
        // What stands in the denominator of each period: the factors of the rows that reach it.
        let mut reaching = vec![0.0; periods];
        for ((_, counts), total) in rows.iter().zip(&totals) {
            let own: f64 = factors[..counts.len()].iter().sum();
            if own > 0.0 {
                for entry in &mut reaching[..counts.len()] {
                    *entry += total / own;
                }
            }
        }
        let mut change = 0.0_f64;
        for ((factor, column), reaching) in factors.iter_mut().zip(&columns).zip(&reaching) {
            let next = if *column > 0.0 { column / reaching } else { 0.0 };
            change = change.max((next - *factor).abs() / next.max(f64::MIN_POSITIVE).max(*factor));
            *factor = next;
        }
        if change <= 1e-12 {
            return factors.iter().all(|factor| factor.is_finite()).then_some(factors);
        }
    }
    None
}

/// The standard deviation of replicates, summed in sorted order; `None` below two.
pub(crate) fn standard_deviation(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt())
}
