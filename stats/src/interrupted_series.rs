//! One series before and after one date: what changed in its level and its slope.

use nalgebra::{DMatrix, DVector};

use crate::distributions::DistributionError;
use crate::interval::Interval;
use crate::linear::{LeastSquares, LinearError};
use crate::wald::{Wald, WaldError};

mod autoregressive;
mod diagnostics;
mod robust;
#[cfg(test)]
mod tests;

pub use autoregressive::Likelihood;
pub use diagnostics::ResidualTest;
pub use robust::RobustCovariance;

/// From so many points on the errors of a series are taken to depend on those before them.
const POINTS_FOR_AUTOREGRESSION: usize = 12;

/// The fewest points on each side of the date (EPOC).
const POINTS_EACH_SIDE: usize = 3;

/// Why an interrupted series has no answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SeriesError {
    /// There are fewer than three points before or from the date on.
    #[error("`{before}` points before the date and `{after}` from it on are too few, at least three each are needed")]
    TooFewPoints {
        /// Points before the date.
        before: usize,
        /// Points from the date on.
        after: usize,
    },
    /// A season of one point is none.
    #[error("a season needs at least two points, got `{season}`")]
    Season {
        /// The length that was given.
        season: usize,
    },
    /// The errors grow without end: no stationary autocorrelation is most likely.
    #[error("the likeliest autocorrelation of the errors is beyond `{bound}`")]
    NotStationary {
        /// The bound that was reached.
        bound: f64,
    },
    /// The model fits the points exactly, so that nothing is known of their error.
    #[error("the model fits every point exactly")]
    NoSpread,
    /// Lags of a test or a covariance reach beyond the series, or there are none.
    #[error("`{lags}` lags are not possible with `{points}` points")]
    Lags {
        /// How many were asked for.
        lags: usize,
        /// Points of the series.
        points: usize,
    },
    /// A covariance for ordinary least squares was asked of another fit.
    #[error("a robust covariance belongs to a fit by ordinary least squares")]
    NotOrdinary,
    /// The model has no change of slope.
    #[error("the model has no change of slope")]
    NoSlope,
    /// The regression has no answer.
    #[error(transparent)]
    Linear(#[from] LinearError),
    /// A probability could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    /// An interval could not be computed.
    #[error(transparent)]
    Wald(#[from] WaldError),
}

/// A series of equally spaced points with one date, and what else moves it.
///
/// # Model
/// ```text
/// y_t = β₀ + β₁ t + β₂ 1(t ≥ t₀) + β₃ (t − t₀)₊ + season + covariates + ε_t,   t = 1 … n
/// ```
/// `β₂` is the change of level at the date, `β₃` that of the slope from there on.
///
/// # Use with care
/// Whatever else happened at the date is in the effect: a single series is weak evidence. Try the same fit at dates
/// before it with [`placebo_dates`](crate::placebo_dates).
///
/// # Examples
/// ```
/// let values: Vec<f64> = (0..40).map(|week| f64::from(week * week % 7) + if week < 20 { 0.0 } else { 9.0 }).collect();
/// let fit = stats::InterruptedSeries::new(&values, 20).fit()?;
/// assert!(fit.level_change()?.interval(0.95)?.low > 0.0);
/// # Ok::<(), stats::SeriesError>(())
/// ```
///
/// # References
/// Wagner, Soumerai, Zhang & Ross-Degnan (2002), Journal of Clinical Pharmacy and Therapeutics 27, 299–309. Turner et al.
/// (2021), BMC Medical Research Methodology 21, 181 (which method at which length).
#[derive(Debug, Clone, PartialEq)]
pub struct InterruptedSeries<'a> {
    /// `[n]`: the values, in order of time.
    pub values: &'a [f64],
    /// The first point, from 0, that the date touches.
    pub date: usize,
    /// Whether the slope may change too.
    pub has_slope_change: bool,
    /// Points of a season, such as 12: every point of it but the first has a level of its own.
    pub season: Option<usize>,
    /// Columns of `[n]` each.
    pub covariates: Vec<&'a [f64]>,
}

/// One point of a series, and what it would have been.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CounterfactualPoint {
    /// The value seen.
    pub value: f64,
    /// The mean that the model gives it.
    pub fitted: f64,
    /// The mean without the changes at the date, with the limits of that mean. Single values scatter around it.
    pub counterfactual: Interval,
}

/// A fitted interrupted series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesFit {
    design: DMatrix<f64>,
    values: DVector<f64>,
    date: usize,
    has_slope_change: bool,
    coefficients: DVector<f64>,
    covariance: DMatrix<f64>,
    unscaled_covariance: DMatrix<f64>,
    residuals: DVector<f64>,
    degrees_of_freedom: Option<f64>,
    standard_deviation: f64,
    autocorrelation: Option<f64>,
    log_likelihood: f64,
}

impl<'a> InterruptedSeries<'a> {
    /// A series with changes of level and slope, without season or covariates.
    #[must_use]
    pub fn new(values: &'a [f64], date: usize) -> Self {
        Self { values, date, has_slope_change: true, season: None, covariates: Vec::new() }
    }

    /// Fits by the default for the length: autoregressive errors and restricted likelihood from 12 points on, ordinary
    /// least squares below.
    ///
    /// # Errors
    /// As for [`InterruptedSeries::fit_autoregressive`].
    pub fn fit(&self) -> Result<SeriesFit, SeriesError> {
        if self.values.len() < POINTS_FOR_AUTOREGRESSION {
            self.fit_ordinary()
        } else {
            self.fit_autoregressive(Likelihood::Restricted)
        }
    }

    /// Fits by ordinary least squares: errors are independent and alike.
    ///
    /// # Errors
    /// [`SeriesError`] when there are fewer than three points on a side, values are not finite, columns determine one
    /// another, or the fit is exact.
    pub fn fit_ordinary(&self) -> Result<SeriesFit, SeriesError> {
        let (design, values) = self.design()?;
        let fit = LeastSquares::fit(&design, &values, None)?;
        let (points, columns) = design.shape();
        let freedom = error_degrees(points, columns)?;
        let squares = squares_of_errors(&fit.residuals, &values)?;
        let variance = squares / freedom;
        let points = points as f64;
        Ok(SeriesFit {
            covariance: &fit.unscaled_covariance * variance,
            degrees_of_freedom: Some(freedom),
            standard_deviation: variance.sqrt(),
            autocorrelation: None,
            log_likelihood: -0.5 * points * (libm::log(std::f64::consts::TAU * squares / points) + 1.0),
            design,
            values,
            date: self.date,
            has_slope_change: self.has_slope_change,
            coefficients: fit.coefficients,
            unscaled_covariance: fit.unscaled_covariance,
            residuals: fit.residuals,
        })
    }

    /// The columns: one, time, level, slope, season, covariates.
    fn design(&self) -> Result<(DMatrix<f64>, DVector<f64>), SeriesError> {
        let points = self.values.len();
        let before = self.date.min(points);
        if before < POINTS_EACH_SIDE || points - before < POINTS_EACH_SIDE {
            return Err(SeriesError::TooFewPoints { before, after: points - before });
        }
        if let Some(season) = self.season.filter(|season| *season < 2) {
            return Err(SeriesError::Season { season });
        }
        for covariate in &self.covariates {
            if covariate.len() != points {
                return Err(LinearError::LengthMismatch { rows: points, values: covariate.len() }.into());
            }
        }
        let column = |value: &dyn Fn(usize) -> f64| DVector::from_fn(points, |point, _| value(point));
        let mut columns = vec![
            column(&|_| 1.0),
            column(&|point| point as f64 + 1.0),
            column(&|point| f64::from(u8::from(point >= self.date))),
        ];
        if self.has_slope_change {
            columns.push(column(&|point| point.saturating_sub(self.date) as f64));
        }
        let season = self.season.unwrap_or(1);
        columns.extend((1..season).map(|place| column(&|point| f64::from(u8::from(point % season == place)))));
        columns.extend(self.covariates.iter().map(|covariate| DVector::from_column_slice(covariate)));
        Ok((DMatrix::from_columns(&columns), DVector::from_column_slice(self.values)))
    }
}

impl SeriesFit {
    /// The coefficients: one, time, level change, slope change if there is one, season, covariates.
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        self.coefficients.as_slice()
    }

    /// Their standard errors.
    #[must_use]
    pub fn standard_errors(&self) -> Vec<f64> {
        self.covariance.diagonal().iter().map(|variance| variance.sqrt()).collect()
    }

    /// Value less fitted mean, one for each point.
    #[must_use]
    pub fn residuals(&self) -> &[f64] {
        self.residuals.as_slice()
    }

    /// The standard deviation of an error, and under full likelihood of the innovation in it.
    #[must_use]
    pub fn standard_deviation(&self) -> f64 {
        self.standard_deviation
    }

    /// The correlation of neighbouring errors; `None` where they are taken to be independent.
    #[must_use]
    pub fn autocorrelation(&self) -> Option<f64> {
        self.autocorrelation
    }

    /// The logarithm of the likelihood that was maximised, with all constants.
    #[must_use]
    pub fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// The share of the values' variance that the fit explains.
    #[must_use]
    pub fn explained_share(&self) -> f64 {
        let mean = self.values.mean();
        1.0 - self.residuals.norm_squared() / self.values.map(|value| (value - mean) * (value - mean)).sum()
    }

    /// The change of level at the date.
    ///
    /// # Errors
    /// [`SeriesError::NoSpread`] when it has no standard error.
    pub fn level_change(&self) -> Result<Wald, SeriesError> {
        self.combination(1.0, 0.0)
    }

    /// The change of the slope, per point.
    ///
    /// # Errors
    /// [`SeriesError::NoSlope`] when the model has none.
    pub fn slope_change(&self) -> Result<Wald, SeriesError> {
        if self.has_slope_change { self.combination(0.0, 1.0) } else { Err(SeriesError::NoSlope) }
    }

    /// The mean difference, over the points from the date on, between the fitted means with and without the changes.
    ///
    /// # Formula
    /// ```text
    /// β₂ + β₃ (m − 1) / 2      m points from the date on
    /// ```
    ///
    /// # Errors
    /// [`SeriesError::NoSpread`] when it has no standard error.
    pub fn average_effect(&self) -> Result<Wald, SeriesError> {
        let after = (self.values.len() - self.date) as f64;
        self.combination(1.0, 0.5 * (after - 1.0))
    }

    /// Gives every point with what it would have been, for a chart.
    ///
    /// # Errors
    /// [`SeriesError::Wald`] when `confidence` is not strictly between 0 and 1.
    pub fn counterfactual(&self, confidence: f64) -> Result<Vec<CounterfactualPoint>, SeriesError> {
        let fitted = &self.values - &self.residuals;
        let point = |place: usize| {
            let mut row = self.design.row(place).transpose();
            row[2] = 0.0;
            if self.has_slope_change {
                row[3] = 0.0;
            }
            let mean = self.mean_of(&row).ok_or(SeriesError::NoSpread)?;
            Ok(CounterfactualPoint {
                value: self.values[place],
                fitted: fitted[place],
                counterfactual: mean.interval(confidence)?,
            })
        };
        (0..self.values.len()).map(point).collect()
    }

    fn combination(&self, level: f64, slope: f64) -> Result<Wald, SeriesError> {
        let mut weights = DVector::zeros(self.coefficients.len());
        weights[2] = level;
        if self.has_slope_change {
            weights[3] = slope;
        }
        self.mean_of(&weights).ok_or(SeriesError::NoSpread)
    }

    fn mean_of(&self, weights: &DVector<f64>) -> Option<Wald> {
        let error = weights.dot(&(&self.covariance * weights)).sqrt();
        let wald = Wald::normal(weights.dot(&self.coefficients), error)?;
        Some(self.degrees_of_freedom.map_or(wald, |degrees| wald.with_degrees_of_freedom(degrees)))
    }
}

/// What is left of the points for the error, as a number.
fn error_degrees(points: usize, columns: usize) -> Result<f64, SeriesError> {
    if points > columns {
        Ok((points - columns) as f64)
    } else {
        Err(LinearError::TooFewObservations { observations: points, coefficients: columns }.into())
    }
}

/// The sum of squared residuals, if it is more than rounding leaves.
fn squares_of_errors(residuals: &DVector<f64>, values: &DVector<f64>) -> Result<f64, SeriesError> {
    let squares = residuals.norm_squared();
    if squares > 1e-24 * values.norm_squared() { Ok(squares) } else { Err(SeriesError::NoSpread) }
}
