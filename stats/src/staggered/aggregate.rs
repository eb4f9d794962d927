//! Averages of effects by group and period.

use nalgebra::DVector;

use super::two_period::Contributed;
use super::{GroupTimeEffects, StaggeredError};
use crate::wald::Wald;

/// An effect at one group, period or time since treatment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectAt {
    /// The group or period, from 0, or the time since treatment, negative before it.
    pub at: i64,
    /// The effect there; `None` where it is a base period, 0 by construction, or outcomes do not vary.
    pub effect: Option<Wald>,
    /// The estimate, also where there is no standard error.
    pub estimate: f64,
}

/// Effects and their average.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectsAt {
    /// The average that the aggregation is for.
    pub overall: Wald,
    /// Its parts, ascending.
    pub parts: Vec<EffectAt>,
}

/// An effect with the cohort whose share of the units is its weight.
struct Part {
    cohort: usize,
    effect: Contributed,
}

impl GroupTimeEffects {
    /// Averages all effects after treatment, each weighing as its group has units.
    ///
    /// # Errors
    /// [`StaggeredError::NoSpread`] when outcomes do not vary.
    pub fn simple(&self) -> Result<Wald, StaggeredError> {
        self.wald(&self.share_weighted(&self.parts(|group, period| period >= group)))
    }

    /// Averages each group's effects over its treated periods, and those averages over groups by their units: the mean
    /// effect on a treated unit. The default.
    ///
    /// # Errors
    /// [`StaggeredError::NoSpread`] when outcomes do not vary.
    pub fn by_group(&self) -> Result<EffectsAt, StaggeredError> {
        let mut groups = Vec::new();
        for (cohort, &date) in self.cohorts.iter().enumerate() {
            let cells = self.parts(|group, period| group == date && period >= group);
            if !cells.is_empty() {
                groups.push(Part { cohort, effect: plain_mean(cells.iter().map(|part| &part.effect)) });
            }
        }
        let at = |part: &Part| signed(self.cohorts[part.cohort]);
        Ok(EffectsAt {
            overall: self.wald(&self.share_weighted(&groups))?,
            parts: groups.iter().map(|part| self.effect_at(at(part), &part.effect)).collect(),
        })
    }

    /// Averages effects by the time since treatment, and overall over the times from 0 on, each counting the same.
    ///
    /// # Errors
    /// [`StaggeredError::NoSpread`] when outcomes do not vary.
    pub fn by_event_time(&self) -> Result<EffectsAt, StaggeredError> {
        self.by_key(|group, period| Some(signed(period) - signed(group)))
    }

    /// Averages effects after treatment by period, and overall over the periods, each counting the same.
    ///
    /// # Errors
    /// [`StaggeredError::NoSpread`] when outcomes do not vary.
    pub fn by_period(&self) -> Result<EffectsAt, StaggeredError> {
        self.by_key(|group, period| (period >= group).then(|| signed(period)))
    }

    /// Averages within each key by the groups' units, and overall over the keys from 0 on.
    fn by_key(&self, key: impl Fn(usize, usize) -> Option<i64>) -> Result<EffectsAt, StaggeredError> {
        let mut keys: Vec<i64> = self.effects.iter().filter_map(|effect| key(effect.group, effect.period)).collect();
        keys.sort_unstable();
        keys.dedup();
        let averages: Vec<(i64, Contributed)> = keys
            .into_iter()
            .map(|at| (at, self.share_weighted(&self.parts(|group, period| key(group, period) == Some(at)))))
            .collect();
        let overall = plain_mean(averages.iter().filter(|(at, _)| *at >= 0).map(|(_, average)| average));
        Ok(EffectsAt {
            overall: self.wald(&overall)?,
            parts: averages.iter().map(|(at, average)| self.effect_at(*at, average)).collect(),
        })
    }

    fn effect_at(&self, at: i64, part: &Contributed) -> EffectAt {
        EffectAt { at, effect: self.wald(part).ok(), estimate: part.estimate }
    }

    /// The effects of the groups and periods that are chosen.
    fn parts(&self, is_chosen: impl Fn(usize, usize) -> bool) -> Vec<Part> {
        let chosen = self.effects.iter().enumerate().filter(|(_, effect)| is_chosen(effect.group, effect.period));
        chosen
            .map(|(cell, effect)| Part {
                cohort: self.cohorts.partition_point(|date| *date < effect.group),
                effect: Contributed {
                    estimate: effect.estimate,
                    contributions: self.contributions.column(cell).into_owned(),
                },
            })
            .collect()
    }

    /// The average of parts by the shares of their cohorts, which are estimated too.
    fn share_weighted(&self, parts: &[Part]) -> Contributed {
        let units = self.unit_weights.len() as f64;
        let mut shares = vec![0.0; self.cohorts.len() + 1];
        for (weight, &cohort) in self.unit_weights.iter().zip(&self.cohort_of_unit) {
            shares[cohort] += weight / units;
        }
        let total: f64 = parts.iter().map(|part| shares[part.cohort]).sum();
        let estimate = parts.iter().map(|part| shares[part.cohort] * part.effect.estimate).sum::<f64>() / total;
        let mut contributions = DVector::zeros(self.unit_weights.len());
        // Of a share's error, a unit contributes its weight if it is in the cohort, less the share, over the units.
        let mut pull = vec![0.0; self.cohorts.len() + 1];
        for part in parts {
            contributions.axpy(shares[part.cohort] / total, &part.effect.contributions, 1.0);
            pull[part.cohort] += (part.effect.estimate - estimate) / (total * units);
        }
        let base: f64 = pull.iter().zip(&shares).map(|(pull, share)| pull * share).sum();
        for (unit, contribution) in contributions.iter_mut().enumerate() {
            *contribution += pull[self.cohort_of_unit[unit]] * self.unit_weights[unit] - base;
        }
        Contributed { estimate, contributions }
    }
}

/// The mean of effects, each counting the same.
fn plain_mean<'a>(effects: impl Iterator<Item = &'a Contributed>) -> Contributed {
    let (mut count, mut estimate, mut contributions) = (0.0, 0.0, DVector::zeros(0));
    for effect in effects {
        count += 1.0;
        estimate += effect.estimate;
        contributions =
            if contributions.is_empty() { effect.contributions.clone() } else { contributions + &effect.contributions };
    }
    Contributed { estimate: estimate / count, contributions: contributions / count }
}

fn signed(period: usize) -> i64 {
    i64::try_from(period).unwrap_or(i64::MAX)
}
