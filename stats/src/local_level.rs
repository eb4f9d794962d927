//! A level that wanders, seen with noise: filter, smoother and forecast.

use crate::interval::Interval;
use crate::numeric;
use crate::wald::{Wald, WaldError};

#[cfg(test)]
mod tests;

/// Why a local level has no answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum LocalLevelError {
    /// There are fewer than three points.
    #[error("a local level needs at least three points, got `{points}`")]
    TooFewPoints {
        /// How many there are.
        points: usize,
    },
    /// A value is not finite.
    #[error("every value of a series must be finite")]
    NotFinite,
    /// All values are the same.
    #[error("the values do not vary")]
    NoSpread,
    /// A forecast of no points was asked for, or compared with.
    #[error("there is no point to forecast")]
    NoHorizon,
    /// An interval could not be computed.
    #[error(transparent)]
    Wald(#[from] WaldError),
}

/// A level or a future value with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelAt {
    /// Its mean.
    pub mean: f64,
    /// The square root of its variance.
    pub standard_error: f64,
}

impl LevelAt {
    /// Gives the two-sided interval.
    ///
    /// # Errors
    /// [`LocalLevelError::Wald`] when `confidence` is not strictly between 0 and 1.
    pub fn interval(&self, confidence: f64) -> Result<Interval, LocalLevelError> {
        let wald = Wald { estimate: self.mean, standard_error: self.standard_error, degrees_of_freedom: None };
        Ok(wald.interval(confidence)?)
    }
}

/// A local level fitted by maximum likelihood with an exactly diffuse start.
///
/// # Model
/// ```text
/// y_t = μ_t + ε_t,   μ_{t+1} = μ_t + η_t,   ε ~ N(0, σ²_ε),   η ~ N(0, σ²_η),   μ₁ anywhere
/// ```
///
/// # Formula
/// ```text
/// v_t = y_t − a_t,  F_t = P_t + σ²_ε,  K_t = P_t / F_t,  a_{t+1} = a_t + K_t v_t,  P_{t+1} = P_t (1 − K_t) + σ²_η
/// log L = −½ [n log 2π + Σ_{t ≥ 2} (log F_t + v_t² / F_t)],   a₂ = y₁,  P₂ = σ²_ε + σ²_η
/// ```
/// The sum of the variances is taken out; the share of `σ²_η` in it is the best of a grid that holds 0 and 1, refined by
/// golden sections to 1e-10. A share of 0 is a constant mean, one of 1 a random walk without noise.
///
/// # Use with care
/// Intervals of forecasts take the variances as known: too narrow in short series. The start is exactly diffuse; a large
/// but finite variance in its place shifts forecasts.
///
/// # Examples
/// ```
/// let level = stats::LocalLevel::fit(&[1.0, 2.0, 1.5, 4.0, 3.5, 5.0, 4.5, 6.0, 6.5])?;
/// let ahead = level.forecast(2)?;
/// assert!(ahead[1].standard_error > ahead[0].standard_error);
/// # Ok::<(), stats::LocalLevelError>(())
/// ```
///
/// # References
/// Durbin & Koopman (2012), Time Series Analysis by State Space Methods, second edition, chapter 2.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalLevel {
    values: Vec<f64>,
    noise_variance: f64,
    level_variance: f64,
    log_likelihood: f64,
}

/// One step of the filter, before the value of its point is seen.
#[derive(Debug, Clone, Copy)]
struct Predicted {
    mean: f64,
    variance: f64,
}

impl LocalLevel {
    /// Fits the two variances.
    ///
    /// # Errors
    /// [`LocalLevelError`] when there are fewer than three points, a value is not finite, or all are the same.
    pub fn fit(values: &[f64]) -> Result<Self, LocalLevelError> {
        if values.len() < 3 {
            return Err(LocalLevelError::TooFewPoints { points: values.len() });
        }
        if !values.iter().all(|value| value.is_finite()) {
            return Err(LocalLevelError::NotFinite);
        }
        if values.iter().all(|value| value.total_cmp(&values[0]).is_eq()) {
            return Err(LocalLevelError::NoSpread);
        }
        let share = likeliest_share(values);
        let (scale, log_likelihood) = profile(values, share);
        Ok(Self {
            values: values.to_vec(),
            noise_variance: (1.0 - share) * scale,
            level_variance: share * scale,
            log_likelihood,
        })
    }

    /// `σ²_ε`, the variance of a value around its level.
    #[must_use]
    pub fn noise_variance(&self) -> f64 {
        self.noise_variance
    }

    /// `σ²_η`, the variance of a step of the level.
    #[must_use]
    pub fn level_variance(&self) -> f64 {
        self.level_variance
    }

    /// The logarithm of the diffuse likelihood, with `n/2 log 2π`.
    #[must_use]
    pub fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// The level at each point given the values up to it.
    #[must_use]
    pub fn filtered(&self) -> Vec<LevelAt> {
        let mut states = self.predictions();
        states.pop();
        let update = |(predicted, value): (Option<Predicted>, &f64)| match predicted {
            None => LevelAt { mean: *value, standard_error: self.noise_variance.sqrt() },
            Some(Predicted { mean, variance }) => {
                let gain = variance / (variance + self.noise_variance);
                let left = variance * (1.0 - gain);
                LevelAt { mean: mean + gain * (value - mean), standard_error: left.max(0.0).sqrt() }
            }
        };
        states.into_iter().zip(&self.values).map(update).collect()
    }

    /// The level at each point given all values.
    ///
    /// # Formula
    /// ```text
    /// μ̂_t = m_t + J_t (μ̂_{t+1} − m_t),   V_t = C_t + J_t² (V_{t+1} − C_t − σ²_η),   J_t = C_t / (C_t + σ²_η)
    /// ```
    /// `m_t`, `C_t` are the filtered mean and variance.
    #[must_use]
    pub fn smoothed(&self) -> Vec<LevelAt> {
        let mut levels = self.filtered();
        for place in (0..levels.len() - 1).rev() {
            let (own, next) = (levels[place], levels[place + 1]);
            let variance = own.standard_error * own.standard_error;
            let ahead = variance + self.level_variance;
            let gain = if ahead > 0.0 { variance / ahead } else { 1.0 };
            let smoothed = variance + gain * gain * (next.standard_error * next.standard_error - ahead);
            levels[place] =
                LevelAt { mean: own.mean + gain * (next.mean - own.mean), standard_error: smoothed.max(0.0).sqrt() };
        }
        levels
    }

    /// Forecasts the values after the last one.
    ///
    /// # Formula
    /// ```text
    /// ŷ_{n+h} = a_{n+1},   Var = P_{n+1} + (h − 1) σ²_η + σ²_ε
    /// ```
    ///
    /// # Errors
    /// [`LocalLevelError::NoHorizon`] when `horizon` is 0.
    pub fn forecast(&self, horizon: usize) -> Result<Vec<LevelAt>, LocalLevelError> {
        if horizon == 0 {
            return Err(LocalLevelError::NoHorizon);
        }
        let Predicted { mean, variance } = self.next();
        let at = |ahead: usize| LevelAt {
            mean,
            standard_error: (variance + ahead as f64 * self.level_variance + self.noise_variance).sqrt(),
        };
        Ok((0..horizon).map(at).collect())
    }

    /// Gives the mean difference of later values from their forecasts: an effect, if nothing else happened.
    ///
    /// # Formula
    /// ```text
    /// Var = P_{n+1} + σ²_η (H − 1)(2H − 1) / 6H + σ²_ε / H      for H later values
    /// ```
    ///
    /// # Errors
    /// [`LocalLevelError`] when there are no later values or one is not finite.
    ///
    /// # References
    /// Brodersen et al. (2015), Annals of Applied Statistics 9, 247–274 (the idea, with a prior on the variances).
    pub fn effect_on(&self, later: &[f64]) -> Result<Wald, LocalLevelError> {
        if later.is_empty() {
            return Err(LocalLevelError::NoHorizon);
        }
        let count = later.len() as f64;
        let Predicted { mean, variance } = self.next();
        let steps = self.level_variance * (count - 1.0) * (2.0 * count - 1.0) / (6.0 * count);
        let effect = later.iter().map(|value| value - mean).sum::<f64>() / count;
        Wald::normal(effect, (variance + steps + self.noise_variance / count).sqrt()).ok_or(LocalLevelError::NotFinite)
    }

    fn next(&self) -> Predicted {
        self.predictions().pop().flatten().expect("there are at least three values")
    }

    /// `[n + 1]`: the level before each point and after the last; `None` before the first.
    fn predictions(&self) -> Vec<Option<Predicted>> {
        let mut predictions = vec![None];
        predictions.extend(filter(&self.values, self.noise_variance, self.level_variance).map(Some));
        predictions
    }
}

/// The level before the second, the third, …, and after the last point.
fn filter(values: &[f64], noise_variance: f64, level_variance: f64) -> impl Iterator<Item = Predicted> {
    let first = Predicted { mean: values[0], variance: noise_variance + level_variance };
    let rest = values[1..].iter().scan(first, move |state, value| {
        let total = state.variance + noise_variance;
        let gain = state.variance / total;
        *state = Predicted {
            mean: state.mean + gain * (value - state.mean),
            variance: state.variance * noise_variance / total + level_variance,
        };
        Some(*state)
    });
    std::iter::once(first).chain(rest)
}

/// The sum of the variances that is likeliest for a share, and the logarithm of the likelihood there.
fn profile(values: &[f64], share: f64) -> (f64, f64) {
    let noise = 1.0 - share;
    let (mut squares, mut log_variances) = (0.0, 0.0);
    for (state, value) in filter(values, noise, share).zip(&values[1..]) {
        let variance = state.variance + noise;
        let surprise = value - state.mean;
        squares += surprise * surprise / variance;
        log_variances += libm::log(variance);
    }
    let (count, steps) = (values.len() as f64, (values.len() - 1) as f64);
    let scale = squares / steps;
    let constant = count * libm::log(std::f64::consts::TAU);
    (scale, -0.5 * (constant + log_variances + steps * (libm::log(scale) + 1.0)))
}

/// The share of the level's variance that is likeliest.
fn likeliest_share(values: &[f64]) -> f64 {
    // Even steps in the middle, and powers of two towards 0, where most series lie.
    let mut grid = vec![0.0];
    grid.extend((6..40).rev().map(|power| libm::ldexp(1.0, -power)));
    grid.extend((1..=31).map(|step| f64::from(step) / 31.0));
    let found: Vec<f64> = grid.iter().map(|share| profile(values, *share).1).collect();
    let best = (0..grid.len()).fold(0, |best, place| if found[place] > found[best] { place } else { best });
    let (low, high) = (grid[best.saturating_sub(1)], grid[(best + 1).min(grid.len() - 1)]);
    let refined = numeric::largest(low, high, 1e-10, |share| profile(values, share).1);
    if profile(values, refined).1 > found[best] { refined } else { grid[best] }
}
