//! What units treated from one date on would have shown, made of units that were not treated.

use std::num::NonZeroU64;

use crate::count_effect::standard_deviation;
use crate::panel::Panel;
use crate::random::Philox;
use crate::wald::Wald;

mod simplex;
#[cfg(test)]
mod tests;

use simplex::simplex_weights;

/// Why there is no synthetic control.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SyntheticError {
    /// No unit is treated within the panel.
    #[error("no unit of the panel is treated")]
    NoTreated,
    /// Units are treated from different dates on.
    #[error("treated units must share one date, there are `{dates}`")]
    ManyDates {
        /// How many dates there are.
        dates: usize,
    },
    /// Too few units are never treated.
    #[error("at least `{needed}` units must be untreated, there are `{donors}`")]
    TooFewDonors {
        /// How many there are.
        donors: usize,
        /// How many are needed.
        needed: usize,
    },
    /// Too few periods come before the date.
    #[error("at least `{needed}` periods must come before the date, there are `{before}`")]
    TooFewPeriods {
        /// How many there are.
        before: usize,
        /// How many are needed.
        needed: usize,
    },
    /// More than one unit is treated.
    #[error("placebos in space are for one treated unit, there are `{treated}`")]
    ManyTreated {
        /// How many are treated.
        treated: usize,
    },
    /// A unit is met without an error before the date, so that errors after it have nothing to be measured by.
    #[error("unit `{unit}` is met exactly before the date: no error after it can be compared")]
    ExactFit {
        /// Its place in the panel's order.
        unit: usize,
    },
    /// There are too few replicates for a variance.
    #[error("a variance needs two placebos, got `{placebos}`")]
    TooFewPlacebos {
        /// How many there are.
        placebos: usize,
    },
    /// The placebos do not vary.
    #[error("the placebos do not vary")]
    NoSpread,
    /// Weights could not be solved for: outcomes are so large that their squares are no numbers.
    #[error("no weights could be solved for: the outcomes are too large, or too nearly alike")]
    Unsolved,
}

/// A synthetic control of the mean of the treated units.
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticControl {
    /// The weight of each untreated unit with more than none, by its place in what the panel was made of, ascending.
    pub weights: Vec<(usize, f64)>,
    /// `[periods]`: the mean of the treated minus their synthetic control.
    pub gaps: Vec<f64>,
    /// The mean gap from the date on.
    pub effect: f64,
    /// The root of the mean squared gap before the date.
    pub error_before: f64,
    /// The root of the mean squared gap from the date on.
    pub error_after: f64,
}

/// A unit among those that took the place of the treated one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaceboUnit {
    /// Its place in what the panel was made of.
    pub unit: usize,
    /// Its mean gap from the date on.
    pub effect: f64,
    /// The error of its synthetic control from the date on, over that before.
    pub error_ratio: f64,
}

/// How unusual the treated unit is among those that took its place.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceboUnits {
    /// The treated unit.
    pub treated: PlaceboUnit,
    /// The others, in order of their places.
    pub others: Vec<PlaceboUnit>,
    /// How many of all have an error ratio at least that of the treated unit, itself among them.
    pub at_least: usize,
    /// `at_least` over all: the exact probability if the date had been given to a unit at random.
    pub p: f64,
}

/// What a treatment did, by differences weighted over units and periods.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedDifference {
    /// The effect on the treated, from the date on.
    pub effect: f64,
    /// The weight of each untreated unit with more than none, by its place in what the panel was made of, ascending.
    pub unit_weights: Vec<(usize, f64)>,
    /// `[periods before]`: the weight of each period before the date.
    pub period_weights: Vec<f64>,
}

/// The variance of an effect by placebos.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaceboVariance {
    /// The effect with its standard error.
    pub effect: Wald,
    /// How many placebos there were.
    pub placebos: usize,
    /// Whether they are all that there are.
    pub is_exact: bool,
}

/// Estimates what treated units would have shown as a mixture of untreated units.
///
/// # Model
/// Untreated, the mean of the treated would have gone on as the mixture that met it best before the date.
///
/// # Formula
/// ```text
/// w = argmin Σ_t (Y₁t − Σ_j wⱼ Yⱼt)² + T₀ ζ² Σ wⱼ²   over t before the date, wⱼ ≥ 0, Σ wⱼ = 1
/// effect = mean over t from the date on of Y₁t − Σ_j wⱼ Yⱼt
/// ```
/// `√T₀ ζ` is 1e-6 of the largest difference between an untreated unit and the treated before the date: too little to be
/// seen, and enough for one answer where many mixtures would do. The weights are exact, by an active set: those left at 0,
/// and the others from a regression.
///
/// # Errors
/// [`SyntheticError`] when no unit is treated, dates differ, or there is no untreated unit.
///
/// # Use with care
/// Only where the gap before the date is small against what is asked of the gap after it; `error_before` says how small.
/// Weights, covariates and clusters of the panel's units play no part. There is no standard error; see
/// [`placebo_units`].
///
/// # Examples
/// ```
/// use stats::{Panel, PanelUnit};
/// let panel = Panel::new(&[
///     PanelUnit::new(vec![2.0, 4.0, 3.0, 9.0], Some(3)),
///     PanelUnit::new(vec![1.0, 5.0, 2.0, 4.0], None),
///     PanelUnit::new(vec![3.0, 3.0, 4.0, 6.0], None),
///     PanelUnit::new(vec![9.0, 0.0, 8.0, 1.0], None),
/// ])?;
/// let control = stats::synthetic_control(&panel)?;
/// // Half of the second and half of the third unit.
/// assert!((control.weights[0].1 - 0.5).abs() < 1e-6 && (control.effect - 4.0).abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// Abadie & Gardeazabal (2003), American Economic Review 93, 113–132. Abadie, Diamond & Hainmueller (2010), Journal of the
/// American Statistical Association 105, 493–505, with the outcomes before the date as the only predictors.
pub fn synthetic_control(panel: &Panel) -> Result<SyntheticControl, SyntheticError> {
    let setting = Setting::of(panel)?;
    setting.need(1, 1)?;
    setting.control(panel)
}

/// Compares the treated unit with units that take its place in turn.
///
/// # Model
/// The date was given to one unit at random; the hypothesis is that it did nothing to any.
///
/// # Formula
/// ```text
/// R = error from the date on / error before it      p = #{ units with R ≥ R of the treated one } / units
/// ```
/// Each unit in turn is met by a mixture of all others, the treated one among them, as it must be for the probability to
/// be exact.
///
/// # Errors
/// As for [`synthetic_control`]; also when more than one unit is treated, there are fewer than two untreated ones, or a
/// unit is met exactly before the date.
///
/// # Use with care
/// `p` cannot be below one over the number of units.
///
/// # Examples
/// ```
/// use stats::{Panel, PanelUnit};
/// let untreated = [[4.0, 1.0, 3.0, 2.0], [1.0, 5.0, 2.0, 2.5], [6.0, 2.0, 7.0, 6.0], [3.0, 8.0, 1.0, 2.0]];
/// let mut units: Vec<PanelUnit> = untreated.iter().map(|row| PanelUnit::new(row.to_vec(), None)).collect();
/// units.push(PanelUnit::new(vec![5.0, 6.0, 3.0, 30.0], Some(3)));
/// let placebos = stats::placebo_units(&Panel::new(&units)?)?;
/// assert_eq!((placebos.treated.unit, placebos.at_least), (4, 1));
/// assert!((placebos.p - 0.2).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// Abadie, Diamond & Hainmueller (2010), Journal of the American Statistical Association 105, 493–505, section 3.4.
pub fn placebo_units(panel: &Panel) -> Result<PlaceboUnits, SyntheticError> {
    let setting = Setting::of(panel)?;
    setting.need(2, 1)?;
    let &[treated] = &setting.treated[..] else {
        return Err(SyntheticError::ManyTreated { treated: setting.treated.len() });
    };
    let units = setting.outcomes.len();
    let mut found = (0..units)
        .map(|unit| {
            let donors = (0..units).filter(|other| *other != unit).collect();
            let placebo = Setting { treated: vec![unit], donors, ..setting.clone() };
            let control = placebo.control(panel)?;
            let level = setting.outcomes[unit].iter().map(|outcome| outcome.abs()).fold(0.0, f64::max);
            // What rounding and the slight regularisation leave of an exact fit.
            if control.error_before <= 1e-9 * level {
                return Err(SyntheticError::ExactFit { unit });
            }
            let error_ratio = control.error_after / control.error_before;
            Ok(PlaceboUnit { unit: panel.places()[unit], effect: control.effect, error_ratio })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let treated = found.remove(treated);
    let at_least = 1 + found.iter().filter(|other| other.error_ratio >= treated.error_ratio).count();
    found.sort_unstable_by_key(|other| other.unit);
    Ok(PlaceboUnits { treated, others: found, at_least, p: at_least as f64 / units as f64 })
}

/// Estimates an effect by a difference of differences in which untreated units, and periods before the date, are weighted.
///
/// # Model
/// Untreated, the treated would have changed as the weighted untreated units did, from the weighted periods before the date
/// to the mean of those from it on.
///
/// # Formula
/// ```text
/// ω = argmin over ω₀, ω on the simplex of Σ_t (ω₀ + Σ_j ωⱼ Yⱼt − Ȳ₁t)² + T₀ ζ² Σ ωⱼ²      ζ = (N₁ T₁)^¼ σ
/// λ = argmin over λ₀, λ on the simplex of Σ_j (λ₀ + Σ_t λ_t Yⱼt − Ȳⱼ,after)² + N₀ ξ² Σ λ_t²         ξ slight, as for
///     synthetic_control
/// effect = (Ȳ₁,after − Σ_t λ_t Ȳ₁t) − Σ_j ωⱼ (Ȳⱼ,after − Σ_t λ_t Yⱼt)
/// ```
/// `σ` is the standard deviation of the untreated units' steps before the date; `N₁` units are treated for `T₁` periods, `N₀`
/// untreated, `T₀` periods come before. Both weights are exact, by an active set.
///
/// # Errors
/// [`SyntheticError`] when no unit is treated, dates differ, there are fewer than two untreated units, or fewer than two
/// periods before the date.
///
/// # Use with care
/// For one or two treated units; with many, and many dates, use [`GroupTimeEffects`](crate::GroupTimeEffects). Weights,
/// covariates and clusters of the panel's units play no part. The standard error comes from [`placebo_variance`].
///
/// # Examples
/// ```
/// use stats::{Panel, PanelUnit};
/// let unit = |level: f64, swing: f64, effect: f64, first| {
///     PanelUnit::new(vec![level, level + swing, level - swing, level + 2.0 * swing + effect], first)
/// };
/// let panel = Panel::new(&[unit(50.0, 2.0, 7.0, Some(3)), unit(9.0, 2.0, 0.0, None), unit(3.0, 2.0, 0.0, None)])?;
/// // All swing alike, on other levels.
/// assert!((stats::synthetic_difference(&panel)?.effect - 7.0).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), American Economic Review 111, 4088–4118, algorithm 1.
pub fn synthetic_difference(panel: &Panel) -> Result<WeightedDifference, SyntheticError> {
    let setting = Setting::of(panel)?;
    setting.need(2, 2)?;
    let (effect, unit_weights, period_weights) = setting.weighted_difference()?;
    Ok(WeightedDifference { effect, unit_weights: setting.named(panel, &unit_weights), period_weights })
}

/// Gives the standard error of [`synthetic_difference`] by placebos.
///
/// # Model
/// Treated units vary as untreated ones do.
///
/// # Formula
/// ```text
/// variance = (1/B) Σ_b (τ_b − mean τ)²
/// ```
/// `τ_b` is the effect found where as many untreated units as are treated take their place, the treated ones left out. With
/// one treated unit each untreated one takes its place once, so that nothing is random; with more, `replicates` sets are
/// drawn, set `b` from stream `b` of `seed`.
///
/// # Errors
/// As for [`synthetic_difference`]; also when there are not at least two untreated units more than treated ones, fewer than
/// two placebos, or the placebos do not vary.
///
/// # Use with care
/// The error is normal only where there are many untreated units; below about twenty look at [`placebo_units`] too.
///
/// # Examples
/// ```
/// use stats::{Panel, PanelUnit};
/// let unit = |level: f64, last: f64, first| PanelUnit::new(vec![level, level + 1.0, level * 1.1, last], first);
/// let others = (0..8).map(|i| unit(f64::from(10 + i), f64::from(12 + i + i * i % 3), None));
/// let units: Vec<PanelUnit> = std::iter::once(unit(13.0, 30.0, Some(3))).chain(others).collect();
/// let variance = stats::placebo_variance(&Panel::new(&units)?, 0, 0)?;
/// assert_eq!((variance.placebos, variance.is_exact), (8, true));
/// assert!(variance.effect.interval(0.95)?.low > 5.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), American Economic Review 111, 4088–4118, algorithm 4.
pub fn placebo_variance(panel: &Panel, replicates: usize, seed: u64) -> Result<PlaceboVariance, SyntheticError> {
    let setting = Setting::of(panel)?;
    let treated = setting.treated.len();
    setting.need(treated + 2, 2)?;
    let (effect, ..) = setting.weighted_difference()?;
    let donors = setting.donors.len();
    let is_exact = treated == 1;
    let placebos = if is_exact { donors } else { replicates };
    if placebos < 2 {
        return Err(SyntheticError::TooFewPlacebos { placebos });
    }
    let mut effects = (0..placebos)
        .map(|number| {
            let chosen = if is_exact { vec![number] } else { chosen(donors, treated, seed, number) };
            let (mut in_place, mut others) = (Vec::new(), Vec::new());
            for (place, donor) in setting.donors.iter().enumerate() {
                if chosen.contains(&place) { in_place.push(*donor) } else { others.push(*donor) }
            }
            let placebo = Setting { treated: in_place, donors: others, ..setting.clone() };
            placebo.weighted_difference().map(|(effect, ..)| effect)
        })
        .collect::<Result<Vec<f64>, _>>()?;
    let share = (placebos as f64 - 1.0) / placebos as f64;
    let error = standard_deviation(&mut effects).map(|deviation| deviation * share.sqrt());
    let effect = error.and_then(|error| Wald::normal(effect, error)).ok_or(SyntheticError::NoSpread)?;
    Ok(PlaceboVariance { effect, placebos, is_exact })
}

/// `count` different numbers below `of`, from a stream of a seed.
fn chosen(of: usize, count: usize, seed: u64, stream: usize) -> Vec<usize> {
    let mut random = Philox::new(seed, stream as u64);
    let mut rest: Vec<usize> = (0..of).collect();
    (0..count)
        .map_while(|_| {
            let left = NonZeroU64::new(rest.len() as u64)?;
            Some(rest.swap_remove(usize::try_from(random.below(left)).ok()?))
        })
        .collect()
}

/// The outcomes of a panel, and which of its units are treated and which may serve as controls.
#[derive(Clone)]
struct Setting<'a> {
    /// `[units][periods]`.
    outcomes: Vec<&'a [f64]>,
    treated: Vec<usize>,
    donors: Vec<usize>,
    /// The first treated period.
    date: usize,
}

impl<'a> Setting<'a> {
    fn of(panel: &'a Panel) -> Result<Self, SyntheticError> {
        let date = match panel.cohorts() {
            [] => return Err(SyntheticError::NoTreated),
            [date] => *date,
            dates => return Err(SyntheticError::ManyDates { dates: dates.len() }),
        };
        let outcomes = panel.units().iter().map(|unit| &unit.outcomes[..]).collect();
        let (treated, donors) = (0..panel.units().len()).partition(|unit| panel.units()[*unit].first_treated.is_some());
        Ok(Self { outcomes, treated, donors, date })
    }

    fn need(&self, donors: usize, before: usize) -> Result<(), SyntheticError> {
        if self.donors.len() < donors {
            Err(SyntheticError::TooFewDonors { donors: self.donors.len(), needed: donors })
        } else if self.date < before {
            Err(SyntheticError::TooFewPeriods { before: self.date, needed: before })
        } else {
            Ok(())
        }
    }

    /// The mean of the treated in a period.
    fn treated_mean(&self, period: usize) -> f64 {
        self.treated.iter().map(|unit| self.outcomes[*unit][period] / self.treated.len() as f64).sum()
    }

    /// The mean of a unit's outcomes from the date on.
    fn after(&self, unit: usize) -> f64 {
        let after = &self.outcomes[unit][self.date..];
        after.iter().map(|outcome| outcome / after.len() as f64).sum()
    }

    /// The standard deviation of steps of untreated units from one period before the date to the next; 0 below two steps.
    fn noise(&self) -> f64 {
        let steps = |unit: &usize| self.outcomes[*unit][..self.date].windows(2).map(|pair| pair[1] - pair[0]);
        let mut steps: Vec<f64> = self.donors.iter().flat_map(steps).collect();
        standard_deviation(&mut steps).unwrap_or(0.0)
    }

    /// The weights of donors, in their order.
    fn unit_weights(&self, zeta: f64, has_intercept: bool) -> Result<Vec<f64>, SyntheticError> {
        let columns: Vec<Vec<f64>> =
            self.donors.iter().map(|donor| self.outcomes[*donor][..self.date].to_vec()).collect();
        let target: Vec<f64> = (0..self.date).map(|period| self.treated_mean(period)).collect();
        simplex_weights(&columns, &target, zeta, has_intercept).ok_or(SyntheticError::Unsolved)
    }

    fn control(&self, panel: &Panel) -> Result<SyntheticControl, SyntheticError> {
        let weights = self.unit_weights(0.0, false)?;
        let gaps: Vec<f64> = (0..panel.periods())
            .map(|period| {
                let parts =
                    self.donors.iter().zip(&weights).map(|(donor, weight)| weight * self.outcomes[*donor][period]);
                self.treated_mean(period) - parts.sum::<f64>()
            })
            .collect();
        let (before, after) = gaps.split_at(self.date);
        let error = |gaps: &[f64]| (gaps.iter().map(|gap| gap * gap).sum::<f64>() / gaps.len() as f64).sqrt();
        Ok(SyntheticControl {
            weights: self.named(panel, &weights),
            effect: after.iter().sum::<f64>() / after.len() as f64,
            error_before: error(before),
            error_after: error(after),
            gaps,
        })
    }

    /// The effect, the weights of donors and those of periods before the date.
    fn weighted_difference(&self) -> Result<(f64, Vec<f64>, Vec<f64>), SyntheticError> {
        let periods = self.outcomes.first().map_or(0, |outcomes| outcomes.len());
        let treatments = (self.treated.len() * (periods - self.date)) as f64;
        let units = self.unit_weights(treatments.sqrt().sqrt() * self.noise(), true)?;
        let columns: Vec<Vec<f64>> = (0..self.date)
            .map(|period| self.donors.iter().map(|donor| self.outcomes[*donor][period]).collect())
            .collect();
        let target: Vec<f64> = self.donors.iter().map(|donor| self.after(*donor)).collect();
        let before = simplex_weights(&columns, &target, 0.0, true).ok_or(SyntheticError::Unsolved)?;
        let change = |unit: usize| {
            let weighted = before.iter().zip(self.outcomes[unit]).map(|(weight, outcome)| weight * outcome);
            self.after(unit) - weighted.sum::<f64>()
        };
        let treated: f64 = self.treated.iter().map(|unit| change(*unit) / self.treated.len() as f64).sum();
        let control: f64 = self.donors.iter().zip(&units).map(|(donor, weight)| weight * change(*donor)).sum();
        Ok((treated - control, units, before))
    }

    /// The weights above 0 by the places of their units in what the panel was made of.
    fn named(&self, panel: &Panel, weights: &[f64]) -> Vec<(usize, f64)> {
        let pairs = self.donors.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
        let mut named: Vec<_> = pairs.map(|(donor, weight)| (panel.places()[*donor], *weight)).collect();
        named.sort_unstable_by_key(|(place, _)| *place);
        named
    }
}
