//! By how much units that took something up changed beyond those that did not: a difference of differences with one
//! change for each unit, so that nothing inside a unit is taken for independent.

use std::collections::{BTreeMap, BTreeSet};

use nalgebra::{DMatrix, DVector};

use crate::clustered_regression::{ClusteredError, ClusteredRegression};
use crate::linear::LeastSquares;
use crate::meta_analysis::{CombineError, Tau2Method, residual_tau2};
use crate::wald::Wald;

#[cfg(test)]
mod tests;

/// Fewer degrees of freedom than this leave an error by unit too narrow.
const FEWEST_DEGREES: f64 = 5.0;
/// Most steps towards a fixed point, and how near it is near enough.
const STEPS: usize = 200;
const NEAR: f64 = 1e-10;
/// A ratio above this or below its inverse is one of nothing to something.
const FURTHEST: f64 = 12.0;

/// Why changes give no contrast.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ChangeContrastError {
    /// No unit took it up.
    #[error("no unit was treated")]
    NoTreated,
    /// An arm has one unit, whose own change shows no error, and units stand beside several dates.
    #[error("an arm has one unit, and one change shows no error")]
    OneUnit,
    /// There are too few units for an error between them.
    #[error("`{units}` units leave no error beside `{coefficients}` coefficients")]
    TooFewUnits {
        /// How many there are.
        units: usize,
        /// How many coefficients.
        coefficients: usize,
    },
    /// An estimate is not finite, or a variance or an exposure not positive and finite.
    #[error("the change of row `{row}` is not finite, or its variance or exposure not positive")]
    NotUsable {
        /// Its place, from 0.
        row: usize,
    },
    /// One side of an arm has no events at all: their ratio would be 0 or infinite.
    #[error("one side of an arm has no events, so that their ratio has no logarithm")]
    NoEvents,
    /// A covariate is not as long as the rows, or holds what is no finite number.
    #[error("covariate `{column}` is not as long as the rows, or not finite everywhere")]
    Covariate {
        /// Its place, from 0.
        column: usize,
    },
    /// Steps did not get small.
    #[error("the fit was not reached within the steps allowed")]
    NotConverged,
    /// The variance between units could not be found.
    #[error(transparent)]
    Combine(#[from] CombineError),
    /// The regression has no answer.
    #[error(transparent)]
    Regression(#[from] ClusteredError),
}

/// How one unit changed at one date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitChange {
    /// The unit; it may stand beside several dates.
    pub unit: usize,
    /// The date: changes are compared with those at the same one.
    pub cohort: usize,
    /// Whether it took something up at that date.
    pub is_treated: bool,
    /// After less before.
    pub estimate: f64,
    /// The variance of `estimate` by sampling alone, up to one factor; positive.
    pub variance: f64,
}

/// How often something happened in one unit before and after one date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitCounts {
    /// The unit; it may stand beside several dates.
    pub unit: usize,
    /// The date.
    pub cohort: usize,
    /// Whether it took something up at that date.
    pub is_treated: bool,
    /// Events before and after.
    pub events: [u64; 2],
    /// Exposure before and after, positive, in any one unit of time.
    pub exposures: [f64; 2],
}

/// By what the error of a contrast was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeSpread {
    /// By how units of each arm differ among themselves (CR2).
    ByUnit,
    /// By how all units differ, in both arms alike: what an arm of a few units leaves.
    Alike,
}

/// What changed in treated units beyond the others.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeContrast {
    /// The contrast, with a t distribution: of Satterthwaite's degrees of freedom, or of units less coefficients.
    pub effect: Wald,
    /// By what its error was judged.
    pub spread: ChangeSpread,
    /// The variance of changes between units beyond sampling, `τ²`.
    pub between_variance: f64,
    /// Units that entered: treated, others.
    pub units: [usize; 2],
    /// Whether others stood beside the treated; without them the contrast is the mean change of the treated.
    pub is_controlled: bool,
    /// The changes that were compared, in the order of the rows that entered, and their weights.
    pub changes: Vec<(UnitChange, f64)>,
}

/// Compares changes of treated units with those of others at the same dates.
///
/// # Model
/// Row `i` is the change of a unit at a date `c`: `dᵢ = α_c + β·treatedᵢ + uᵢ + eᵢ`, `Var(eᵢ) = vᵢ` by sampling,
/// `Var(uᵢ) = τ²` between units. Units are independent; rows of one unit may depend on one another in any way.
///
/// # Formula
/// ```text
/// wᵢ = 1/(vᵢ + τ²)     τ² by restricted maximum likelihood     β by weighted least squares, its error CR2 by unit
/// ```
/// Where `β` has fewer than 5 degrees of freedom by CR2 and every unit stands once, its error is that of a regression whose
/// errors are alike in both arms but for `wᵢ` (Hartung and Knapp, ad hoc): `c (XᵀWX)⁻¹`, `c = max(1, Σ wᵢ eᵢ² / (n − k))`, with
/// `n − k` degrees of freedom. For one treated unit that asks where it lies among the others.
///
/// Dates with treated units alone or without any say nothing about `β` and are left out. Where no date has others, `α` is
/// left out and `β` is the mean change of the treated, which anything else that happened at the time is part of.
///
/// # Errors
/// [`ChangeContrastError`] when nobody was treated, a row cannot be used, or there are not more rows than coefficients; and
/// when an arm has one unit and units stand beside several dates.
///
/// # Use with care
/// The error is between units: three treated and three others are few, and the degrees of freedom say so. With errors alike,
/// an arm of few units that in truth varies more than the other is given too narrow an interval. That others
/// would have changed alike is an assumption that leads before the date can only make implausible.
///
/// # Examples
/// ```
/// use stats::{UnitChange, change_contrast};
/// let change = |unit, is_treated, estimate| UnitChange { unit, cohort: 0, is_treated, estimate, variance: 0.01 };
/// let found = change_contrast(&[
///     change(0, true, 0.4), change(1, true, 0.6), change(2, true, 0.5),
///     change(3, false, 0.1), change(4, false, -0.1), change(5, false, 0.0),
/// ])?;
/// assert!((found.effect.estimate - 0.5).abs() < 1e-12);
/// # Ok::<(), stats::ChangeContrastError>(())
/// ```
///
/// # References
/// Bertrand, Duflo & Mullainathan (2004), Quarterly Journal of Economics 119, 249–275 (collapsing to before and after).
/// Cengiz, Dube, Lindner & Zipperer (2019), Quarterly Journal of Economics 134, 1405–1454 (dates side by side). Bell &
/// `McCaffrey` (2002), Survey Methodology 28, 169–181. Knapp & Hartung (2003), Statistics in Medicine 22, 2693–2710. Crawford &
/// Howell (1998), The Clinical Neuropsychologist 12, 482–486 (one beside others).
pub fn change_contrast(changes: &[UnitChange]) -> Result<ChangeContrast, ChangeContrastError> {
    change_contrast_adjusted(changes, &[])
}

/// Does what [`change_contrast`] does, for units that differ in what else moves their changes.
///
/// # Model
/// As there, with `xᵢ` of each row: `dᵢ = α_c + β·treatedᵢ + γ'xᵢ + uᵢ + eᵢ`. `covariates` is `[k][n]`, a column for each and
/// in it a value for each row. One that does not vary among the rows that enter says nothing and is left out.
///
/// # Errors
/// As there; [`ChangeContrastError::Covariate`] when a column is not as long as the rows or holds what is no finite number.
///
/// # Use with care
/// Only what treatment cannot have moved is a covariate. Each costs a degree of freedom. Where chance decided who was
/// treated they make the answer sharper; else they move it, for better or worse.
///
/// # Examples
/// ```
/// use stats::UnitChange;
/// let sizes = [1.0, 2.0, 3.0, 4.0, 5.0, 1.0, 2.0, 3.0, 4.0, 5.0];
/// let noise = [0.1, -0.2, 0.0, 0.2, -0.1, -0.1, 0.1, 0.1, -0.2, 0.1];
/// let change = |unit: usize| UnitChange {
///     unit,
///     cohort: 0,
///     is_treated: unit < 5,
///     estimate: 0.5 * f64::from(u8::from(unit < 5)) + sizes[unit] + noise[unit],
///     variance: 0.01,
/// };
/// let changes: Vec<UnitChange> = (0..10).map(change).collect();
/// let plain = stats::change_contrast(&changes)?.effect;
/// let adjusted = stats::change_contrast_adjusted(&changes, &[sizes.to_vec()])?.effect;
/// assert!(adjusted.standard_error < 0.2 * plain.standard_error);
/// # Ok::<(), stats::ChangeContrastError>(())
/// ```
///
/// # References
/// Lin (2013), Annals of Applied Statistics 7, 295–318 (adjustment after chance). Daw & Hatfield (2018), Health Services
/// Research 53, 4138–4156 (what it can do where chance did not decide).
pub fn change_contrast_adjusted(
    changes: &[UnitChange],
    covariates: &[Vec<f64>],
) -> Result<ChangeContrast, ChangeContrastError> {
    check(covariates, changes.len())?;
    let (places, is_controlled) = comparable(changes, |change| (change.cohort, change.is_treated))?;
    let chosen: Vec<UnitChange> = places.iter().map(|place| changes[*place]).collect();
    let bad = chosen
        .iter()
        .position(|change| !(change.estimate.is_finite() && change.variance.is_finite() && change.variance > 0.0));
    if let Some(row) = bad {
        return Err(ChangeContrastError::NotUsable { row });
    }
    let design = Design::of(&chosen, &of_rows(covariates, &places), is_controlled)?;
    let between_variance = design.between_variance(&chosen)?;
    design.contrast(&chosen, between_variance)
}

/// Compares how often something happened before and after, as a ratio of ratios on the log scale.
///
/// # Model
/// As for [`change_contrast`], with `dᵢ` the logarithm of the ratio of the rates after and before. Given how many events
/// a unit has in all, those after are binomial, with `uᵢ` between units on the scale of log odds.
///
/// # Formula
/// ```text
/// zᵢ = ηᵢ + (yᵢ/nᵢ − πᵢ)/(πᵢ(1 − πᵢ))    logit πᵢ = ηᵢ + log(E₁ᵢ/E₀ᵢ)    vᵢ = 1/(nᵢπᵢ(1 − πᵢ))
/// ```
/// `η` is fitted to `z` as in [`change_contrast`], and `z` made anew from `η`, until both stay: Williams' quasi-likelihood.
/// A side without events needs no care, which is the point. Units without any events say nothing and are left out.
///
/// # Errors
/// As for [`change_contrast`], and when an exposure is not positive, or one side of an arm at a date has no events.
///
/// # Examples
/// ```
/// use stats::{UnitCounts, change_contrast_of_counts};
/// let unit = |unit, is_treated, events| UnitCounts { unit, cohort: 0, is_treated, events, exposures: [84.0, 84.0] };
/// let found = change_contrast_of_counts(&[
///     unit(0, true, [10, 19]), unit(1, true, [4, 9]), unit(2, true, [30, 62]), unit(3, true, [1, 0]),
///     unit(4, false, [12, 11]), unit(5, false, [8, 8]), unit(6, false, [25, 27]), unit(7, false, [0, 2]),
/// ])?;
/// assert!((found.effect.estimate - 2.0_f64.ln()).abs() < 0.2);
/// # Ok::<(), stats::ChangeContrastError>(())
/// ```
///
/// # References
/// Williams (1982), Extra-binomial variation in logistic linear models, Applied Statistics 31, 144–148 (model III).
pub fn change_contrast_of_counts(counts: &[UnitCounts]) -> Result<ChangeContrast, ChangeContrastError> {
    change_contrast_of_counts_adjusted(counts, &[])
}

/// Does what [`change_contrast_of_counts`] does, for units that differ in what else moves their changes, as
/// [`change_contrast_adjusted`] says.
///
/// # Errors
/// As there.
///
/// # Examples
/// ```
/// use stats::UnitCounts;
/// let unit = |unit, is_treated, events| UnitCounts { unit, cohort: 0, is_treated, events, exposures: [84.0, 84.0] };
/// let counts = [
///     unit(0, true, [10, 19]), unit(1, true, [4, 9]), unit(2, true, [30, 62]), unit(3, true, [20, 43]),
///     unit(4, false, [12, 11]), unit(5, false, [8, 8]), unit(6, false, [25, 27]), unit(7, false, [14, 12]),
/// ];
/// let sizes = vec![1.0, 3.0, 2.0, 2.0, 1.0, 2.0, 3.0, 2.0];
/// let found = stats::change_contrast_of_counts_adjusted(&counts, &[sizes])?;
/// assert!((found.effect.estimate - 2.0_f64.ln()).abs() < 0.2);
/// # Ok::<(), stats::ChangeContrastError>(())
/// ```
pub fn change_contrast_of_counts_adjusted(
    counts: &[UnitCounts],
    covariates: &[Vec<f64>],
) -> Result<ChangeContrast, ChangeContrastError> {
    check(covariates, counts.len())?;
    let usable = |exposure: &f64| *exposure > 0.0 && exposure.is_finite();
    if let Some(row) = counts.iter().position(|one| !one.exposures.iter().all(usable)) {
        return Err(ChangeContrastError::NotUsable { row });
    }
    let telling: Vec<usize> = (0..counts.len()).filter(|place| counts[*place].events != [0, 0]).collect();
    let (places, is_controlled) = comparable(&telling, |place| (counts[*place].cohort, counts[*place].is_treated))?;
    let places: Vec<usize> = places.into_iter().map(|place| telling[place]).collect();
    let chosen: Vec<UnitCounts> = places.iter().map(|place| counts[*place]).collect();
    let mut predictors = pooled(&chosen)?;
    let mut changes = working(&chosen, &predictors);
    let design = Design::of(&changes, &of_rows(covariates, &places), is_controlled)?;
    for _ in 0..STEPS {
        let between_variance = design.between_variance(&changes)?;
        let next = design.fitted(&changes, between_variance)?;
        if next.iter().any(|predictor| predictor.abs() > FURTHEST) {
            return Err(ChangeContrastError::NoEvents);
        }
        let furthest = next.iter().zip(&predictors).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max);
        predictors = next;
        changes = working(&chosen, &predictors);
        if furthest < NEAR {
            return design.contrast(&changes, design.between_variance(&changes)?);
        }
    }
    Err(ChangeContrastError::NotConverged)
}

fn check(covariates: &[Vec<f64>], rows: usize) -> Result<(), ChangeContrastError> {
    let is_bad = |column: &Vec<f64>| column.len() != rows || !column.iter().all(|value| value.is_finite());
    covariates.iter().position(is_bad).map_or(Ok(()), |column| Err(ChangeContrastError::Covariate { column }))
}

/// Columns of the rows at these places, about their means.
fn of_rows(covariates: &[Vec<f64>], places: &[usize]) -> Vec<Vec<f64>> {
    let centred = |column: &Vec<f64>| {
        let values: Vec<f64> = places.iter().map(|place| column[*place]).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.into_iter().map(|value| value - mean).collect()
    };
    covariates.iter().map(centred).collect()
}

/// The places of the rows that say something about the treated: those of dates with both, or the treated alone where no
/// date has both.
fn comparable<T>(rows: &[T], of: impl Fn(&T) -> (usize, bool)) -> Result<(Vec<usize>, bool), ChangeContrastError> {
    let mut arms: BTreeMap<usize, [bool; 2]> = BTreeMap::new();
    for (cohort, is_treated) in rows.iter().map(&of) {
        arms.entry(cohort).or_default()[usize::from(is_treated)] = true;
    }
    if !arms.values().any(|arms| arms[1]) {
        return Err(ChangeContrastError::NoTreated);
    }
    let is_controlled = arms.values().any(|arms| *arms == [true, true]);
    let enters = |place: &usize| {
        let (cohort, is_treated) = of(&rows[*place]);
        if is_controlled { arms.get(&cohort) == Some(&[true, true]) } else { is_treated }
    };
    Ok(((0..rows.len()).filter(enters).collect(), is_controlled))
}

/// The logarithm of the ratio of rates of each row's arm at its date, all its units together.
fn pooled(counts: &[UnitCounts]) -> Result<Vec<f64>, ChangeContrastError> {
    let mut sums: BTreeMap<(usize, bool), ([u64; 2], [f64; 2])> = BTreeMap::new();
    for one in counts {
        let (events, exposures) = sums.entry((one.cohort, one.is_treated)).or_default();
        for side in 0..2 {
            events[side] += one.events[side];
            exposures[side] += one.exposures[side];
        }
    }
    let ratio = |one: &UnitCounts| {
        let (events, exposures) = sums.get(&(one.cohort, one.is_treated))?;
        let rate = |side: usize| (events[side] > 0).then(|| libm::log(events[side] as f64 / exposures[side]));
        Some(rate(1)? - rate(0)?)
    };
    counts.iter().map(|one| ratio(one).ok_or(ChangeContrastError::NoEvents)).collect()
}

/// Changes on the log scale that stand for counts near the predictors.
fn working(counts: &[UnitCounts], predictors: &[f64]) -> Vec<UnitChange> {
    let change = |(one, predictor): (&UnitCounts, &f64)| {
        let odds = libm::exp(predictor + libm::log(one.exposures[1] / one.exposures[0]));
        let (share, rest) = (odds / (1.0 + odds), 1.0 / (1.0 + odds));
        let trials = (one.events[0] + one.events[1]) as f64;
        let spread = share * rest;
        UnitChange {
            unit: one.unit,
            cohort: one.cohort,
            is_treated: one.is_treated,
            estimate: predictor + (one.events[1] as f64 / trials - share) / spread,
            variance: 1.0 / (trials * spread),
        }
    };
    counts.iter().zip(predictors).map(change).collect()
}

/// Which columns stand behind the intercept: the arm, where there are two, one for each date but the first, and covariates.
struct Design {
    columns: Vec<Vec<f64>>,
    units: Vec<usize>,
    is_controlled: bool,
}

impl Design {
    fn of(changes: &[UnitChange], covariates: &[Vec<f64>], is_controlled: bool) -> Result<Self, ChangeContrastError> {
        let mut columns = Vec::new();
        if is_controlled {
            columns.push(changes.iter().map(|change| f64::from(u8::from(change.is_treated))).collect());
            let cohorts: BTreeSet<usize> = changes.iter().map(|change| change.cohort).collect();
            for cohort in cohorts.into_iter().skip(1) {
                columns.push(changes.iter().map(|change| f64::from(u8::from(change.cohort == cohort))).collect());
            }
        }
        let varies = |column: &&Vec<f64>| column.iter().any(|value| *value != 0.0);
        columns.extend(covariates.iter().filter(varies).cloned());
        let units: Vec<usize> = changes.iter().map(|change| change.unit).collect();
        let coefficients = columns.len() + 1;
        if changes.len() <= coefficients {
            return Err(ChangeContrastError::TooFewUnits { units: changes.len(), coefficients });
        }
        Ok(Self { columns, units, is_controlled })
    }

    fn between_variance(&self, changes: &[UnitChange]) -> Result<f64, ChangeContrastError> {
        let (estimates, variances): (Vec<f64>, Vec<f64>) =
            changes.iter().map(|change| (change.estimate, change.variance)).unzip();
        Ok(residual_tau2(&estimates, &variances, &self.columns, Tau2Method::RestrictedLikelihood)?)
    }

    fn regression(&self, changes: &[UnitChange], tau2: f64) -> Result<ClusteredRegression, ChangeContrastError> {
        let columns: Vec<&[f64]> = self.columns.iter().map(Vec::as_slice).collect();
        let estimates: Vec<f64> = changes.iter().map(|change| change.estimate).collect();
        Ok(ClusteredRegression::fit_weighted(&columns, &estimates, &weights(changes, tau2), &self.units)?)
    }

    fn fitted(&self, changes: &[UnitChange], tau2: f64) -> Result<Vec<f64>, ChangeContrastError> {
        let fit = self.regression(changes, tau2)?;
        let coefficients = fit.coefficients();
        let predictor = |row: usize| {
            let terms = self.columns.iter().zip(&coefficients[1..]).map(|(column, slope)| column[row] * slope);
            coefficients[0] + terms.sum::<f64>()
        };
        Ok((0..changes.len()).map(predictor).collect())
    }

    fn contrast(&self, changes: &[UnitChange], between_variance: f64) -> Result<ChangeContrast, ChangeContrastError> {
        let units = |is_treated: bool| {
            let own = changes.iter().filter(|change| change.is_treated == is_treated);
            own.map(|change| change.unit).collect::<BTreeSet<usize>>().len()
        };
        // The fit goes through the change of a single unit, and the correction has nothing to correct.
        let by_unit = if units(true) < 2 || (self.is_controlled && units(false) < 2) {
            Err(ChangeContrastError::OneUnit)
        } else {
            Ok(self.regression(changes, between_variance)?.cr2(usize::from(self.is_controlled))?)
        };
        let is_enough = |effect: &Wald| effect.degrees_of_freedom.is_some_and(|degrees| degrees >= FEWEST_DEGREES);
        let stand_once = self.units.iter().collect::<BTreeSet<_>>().len() == self.units.len();
        let (effect, spread) = match by_unit {
            Ok(effect) if is_enough(&effect) || !stand_once => (effect, ChangeSpread::ByUnit),
            Err(error) if !stand_once => return Err(error),
            _ => (self.alike(changes, between_variance)?, ChangeSpread::Alike),
        };
        let weights = weights(changes, between_variance);
        Ok(ChangeContrast {
            effect,
            spread,
            between_variance,
            units: [units(true), units(false)],
            is_controlled: self.is_controlled,
            changes: changes.iter().copied().zip(weights).collect(),
        })
    }

    /// The contrast with the error that all units together show.
    fn alike(&self, changes: &[UnitChange], tau2: f64) -> Result<Wald, ChangeContrastError> {
        let column = usize::from(self.is_controlled);
        let coefficients = self.columns.len() + 1;
        let design = DMatrix::from_fn(changes.len(), coefficients, |row, column| {
            if column == 0 { 1.0 } else { self.columns[column - 1][row] }
        });
        let response = DVector::from_fn(changes.len(), |row, _| changes[row].estimate);
        let weights = DVector::from_fn(changes.len(), |row, _| 1.0 / (changes[row].variance + tau2));
        let fit = LeastSquares::fit(&design, &response, Some(&weights)).map_err(ClusteredError::from)?;
        let freedom = (changes.len() - coefficients) as f64;
        let none = ClusteredError::NoSpread { column };
        if fit.residuals.amax() <= 1e-13 * response.amax() {
            return Err(none.into());
        }
        let mut squares: Vec<f64> =
            fit.residuals.iter().zip(&weights).map(|(residual, weight)| weight * residual * residual).collect();
        squares.sort_by(f64::total_cmp);
        let factor = (squares.iter().sum::<f64>() / freedom).max(1.0);
        let error = (factor * fit.unscaled_covariance[(column, column)]).sqrt();
        let effect = Wald::normal(fit.coefficients[column], error).ok_or(none)?;
        Ok(effect.with_degrees_of_freedom(freedom))
    }
}

/// Weights by what sampling and units together leave, relative to the mean so that their size means nothing.
fn weights(changes: &[UnitChange], tau2: f64) -> Vec<f64> {
    let plain: Vec<f64> = changes.iter().map(|change| 1.0 / (change.variance + tau2)).collect();
    let mean = plain.iter().sum::<f64>() / plain.len() as f64;
    plain.into_iter().map(|weight| weight / mean).collect()
}
