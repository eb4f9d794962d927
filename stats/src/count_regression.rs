//! Counts explained by covariates: Poisson and negative binomial regression with a log link.

use nalgebra::{DMatrix, DVector};

use crate::glm::{Maximum, NoMaximum, Pull, RowTerms, Rows, cluster_scores, maximise, separated_rows};
use crate::interval::{ConfidenceError, Interval};
use crate::linear::{LeastSquares, LinearError, sandwich};
use crate::wald::{Wald, WaldError};

mod overdispersion;
#[cfg(test)]
mod tests;

use overdispersion::{Overdispersed, fit_overdispersed};

/// Why a regression of counts has no answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CountRegressionError {
    /// Counts, exposures and columns are not of one length.
    #[error("there are `{counts}` counts and a column of `{values}` values beside them")]
    LengthMismatch {
        /// How many counts.
        counts: usize,
        /// How many values stand beside them.
        values: usize,
    },
    /// An exposure is not positive and finite.
    #[error("exposure must be positive and finite, got `{exposure}`")]
    Exposure {
        /// The exposure.
        exposure: f64,
    },
    /// Nothing happened.
    #[error("a regression of counts needs an event")]
    NoEvents,
    /// A combination of columns is as large as you like where nothing happened: its ratio is 0 or infinite.
    #[error("`{rows}` rows without events are told apart by their columns: a ratio is 0 or infinite")]
    Separated {
        /// How many rows.
        rows: usize,
    },
    /// Steps did not get small.
    #[error("the likelihood was not maximised within the steps allowed")]
    NotConverged,
    /// There is no such coefficient.
    #[error("there is no coefficient `{place}`, there are `{coefficients}`")]
    NoSuchCoefficient {
        /// The place asked for.
        place: usize,
        /// How many there are, the intercept included.
        coefficients: usize,
    },
    /// As many coefficients as rows leave nothing to see an error by.
    #[error("`{rows}` rows leave no error beside `{coefficients}` coefficients")]
    Saturated {
        /// The rows.
        rows: usize,
        /// The coefficients.
        coefficients: usize,
    },
    /// Fewer than two clusters.
    #[error("an error between clusters needs two of them at least")]
    OneCluster,
    /// The standard error of a coefficient is not positive.
    #[error("coefficient `{place}` has no positive standard error")]
    NoError {
        /// The place of the coefficient.
        place: usize,
    },
    /// The columns do not determine the coefficients.
    #[error(transparent)]
    Linear(#[from] LinearError),
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// An interval could not be computed.
    #[error(transparent)]
    Wald(#[from] WaldError),
}

impl From<NoMaximum> for CountRegressionError {
    fn from(error: NoMaximum) -> Self {
        match error {
            NoMaximum::Linear(error) => Self::Linear(error),
            NoMaximum::NotConverged => Self::NotConverged,
        }
    }
}

/// How much more than Poisson counts a regression lets counts vary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CountDispersion {
    /// Not at all: the regression is Poisson's.
    Poisson,
    /// Variance `μ + μ²/θ`, with `θ` by maximum likelihood.
    NegativeBinomial {
        /// `θ`.
        theta: f64,
        /// Its standard error, from the observed information.
        standard_error: f64,
    },
    /// Negative binomial, but the likelihood rises all the way to `θ = ∞`: the counts vary less than Poisson counts, and
    /// the fit is Poisson's.
    PoissonLimit,
}

/// What the standard errors of a regression rest on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CountCovariance<'a> {
    /// The variance that the model says. Normal limits.
    Model,
    /// That, times Pearson's statistic over its degrees of freedom, also where this is below 1. Limits from t with the
    /// residual degrees of freedom.
    Quasi,
    /// Squared residuals of rows, without a factor. Normal limits.
    Hc0,
    /// The same times `n/(n − p)`. Normal limits.
    Hc1,
    /// Squared sums of residuals within clusters, times `G/(G − 1) · (n − 1)/(n − p)`; one name for each row, in the
    /// order in which rows were given. Limits from t with `G − 1` degrees of freedom.
    Clustered(&'a [u64]),
}

/// A regression of counts.
///
/// # Model
/// Row `i` of `n` has a count with mean `μᵢ = tᵢ exp(β₀ + Σⱼ βⱼxᵢⱼ)` and variance `μᵢ` or `μᵢ + μᵢ²/θ`; rows are
/// independent, or clusters of them are.
///
/// # Formula
/// ```text
/// β: Σᵢ xᵢ (yᵢ − μᵢ)/(1 + μᵢ/θ) = 0                      Model: A = (Σᵢ xᵢxᵢᵀ μᵢ/(1 + μᵢ/θ))⁻¹
/// θ: the root of dℓ/dθ, with the β that belong to it       robust: A (Σ s sᵀ) A, s = xᵢ(yᵢ − μᵢ)/(1 + μᵢ/θ)
/// ```
/// Newton's method with halved steps, to 1e-9 in every linear predictor; `θ` and `β` by turns until `θ` changes by less than
/// 1e-10 of its size and error, from the best of a grid of `θ`, as the likelihood can have a top beside its limit. `exp(βⱼ)` is a
/// ratio of rates. Errors of `β` take `θ` as known, to which they are not correlated in large samples.
///
/// # Use with care
/// The negative binomial fit has a top of its own only where counts vary more than Poisson counts; else it says
/// [`CountDispersion::PoissonLimit`]. With counts above a billion `θ` loses digits. With fewer than about twenty clusters their errors are too small.
///
/// # Examples
/// ```
/// use stats::{CountCovariance, CountDispersion, CountRegression};
/// let deploys = [4, 9, 2, 12, 7, 15, 6, 22];
/// let after = vec![0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0];
/// let fit = CountRegression::negative_binomial(&deploys, &[5.0; 8], &[after])?;
/// let ratio = fit.ratio(1, CountCovariance::Model, 0.95)?;
/// assert!((ratio.estimate - 50.0 / 27.0).abs() < 1e-9);
/// assert!(matches!(fit.dispersion(), CountDispersion::NegativeBinomial { .. }));
/// # Ok::<(), stats::CountRegressionError>(())
/// ```
///
/// # References
/// `McCullagh` & Nelder (1989), Generalized Linear Models, second edition, chapter 6. Lawless (1987), Negative binomial
/// and mixed Poisson regression, Canadian Journal of Statistics 15, 209–225. Cameron & Miller (2015), A practitioner's
/// guide to cluster-robust inference, Journal of Human Resources 50, 317–372.
#[derive(Debug, Clone, PartialEq)]
pub struct CountRegression {
    data: Data,
    maximum: Maximum,
    alpha: f64,
    dispersion: CountDispersion,
    log_likelihood: f64,
}

/// Sorted rows.
#[derive(Debug, Clone, PartialEq)]
struct Data {
    design: DMatrix<f64>,
    offsets: DVector<f64>,
    counts: Vec<f64>,
    order: Vec<usize>,
}

impl CountRegression {
    /// Fits Poisson's regression; the intercept is added before `columns`.
    ///
    /// # Errors
    /// [`CountRegressionError`] when lengths differ, an exposure is not positive and finite, nothing happened, columns do
    /// not determine coefficients, or a ratio would be 0 or infinite, as where an arm has no events.
    pub fn poisson(counts: &[u64], exposures: &[f64], columns: &[Vec<f64>]) -> Result<Self, CountRegressionError> {
        let data = Data::of(counts, exposures, columns)?;
        let maximum = data.maximise(0.0, data.start()?)?;
        let log_likelihood = maximum.log_likelihood - data.log_factorials();
        Ok(Self { data, maximum, alpha: 0.0, dispersion: CountDispersion::Poisson, log_likelihood })
    }

    /// Fits the negative binomial regression with variance `μ + μ²/θ`; the intercept is added before `columns`.
    ///
    /// # Errors
    /// As for [`CountRegression::poisson`], and when there are not more rows than coefficients.
    pub fn negative_binomial(
        counts: &[u64],
        exposures: &[f64],
        columns: &[Vec<f64>],
    ) -> Result<Self, CountRegressionError> {
        let poisson = Self::poisson(counts, exposures, columns)?;
        poisson.freedom()?;
        let Some(Overdispersed { alpha, standard_error, maximum, log_likelihood }) =
            fit_overdispersed(&poisson.data, &poisson.maximum)?
        else {
            return Ok(Self { dispersion: CountDispersion::PoissonLimit, ..poisson });
        };
        let log_likelihood = log_likelihood - poisson.data.log_factorials();
        let (theta, standard_error) = (1.0 / alpha, standard_error / (alpha * alpha));
        let dispersion = CountDispersion::NegativeBinomial { theta, standard_error };
        Ok(Self { maximum, alpha, dispersion, log_likelihood, ..poisson })
    }

    /// The intercept, then one coefficient for each column: logarithms of ratios.
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        self.maximum.coefficients.as_slice()
    }

    /// How much more than Poisson counts they vary.
    #[must_use]
    pub fn dispersion(&self) -> CountDispersion {
        self.dispersion
    }

    /// The log-likelihood, factorials included.
    #[must_use]
    pub fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// Minus twice the log-likelihood plus twice the number of parameters; `θ` counts as one, also at its limit.
    #[must_use]
    pub fn aic(&self) -> f64 {
        let with_theta = f64::from(u8::from(self.dispersion != CountDispersion::Poisson));
        2.0 * (self.coefficients().len() as f64 + with_theta - self.log_likelihood)
    }

    /// Rows minus coefficients.
    #[must_use]
    pub fn residual_degrees_of_freedom(&self) -> usize {
        self.data.counts.len().saturating_sub(self.coefficients().len())
    }

    /// Twice the log-likelihood that a mean for each row would add, with the same `θ`.
    #[must_use]
    pub fn deviance(&self) -> f64 {
        let rows = self.data.counts.iter().zip(&self.maximum.predictors);
        let terms = rows.map(|(count, predictor)| {
            let mean = libm::exp(*predictor);
            let relative = if *count > 0.0 { count * (libm::log(*count) - predictor) } else { 0.0 };
            let beyond = if self.alpha > 0.0 {
                // (y + θ) ln((μ + θ)/(y + θ)), which goes to μ − y.
                (count + 1.0 / self.alpha) * libm::log1p(self.alpha * (mean - count) / (1.0 + self.alpha * count))
            } else {
                mean - count
            };
            2.0 * (relative + beyond)
        });
        terms.sum::<f64>().max(0.0)
    }

    /// Pearson's statistic over its degrees of freedom: 1 where counts vary as the model says.
    ///
    /// # Errors
    /// [`CountRegressionError`] when there are not more rows than coefficients.
    pub fn pearson_dispersion(&self) -> Result<f64, CountRegressionError> {
        let freedom = self.freedom()?;
        let rows = self.data.counts.iter().zip(&self.maximum.predictors);
        let terms = rows.map(|(count, predictor)| {
            let mean = libm::exp(*predictor);
            let residual = count - mean;
            residual * (residual / mean) / (1.0 + self.alpha * mean)
        });
        Ok(terms.sum::<f64>() / freedom)
    }

    /// Gives a coefficient with its standard error: 0 is the intercept.
    ///
    /// # Errors
    /// [`CountRegressionError`] when there is no such coefficient, there are not more rows than coefficients (except for
    /// [`CountCovariance::Model`] and [`CountCovariance::Hc0`]), clusters are not one for each row or fewer than two, or
    /// the error is not positive.
    pub fn coefficient(&self, place: usize, covariance: CountCovariance) -> Result<Wald, CountRegressionError> {
        let coefficients = self.coefficients().len();
        let Some(estimate) = self.coefficients().get(place) else {
            return Err(CountRegressionError::NoSuchCoefficient { place, coefficients });
        };
        let (matrix, degrees_of_freedom) = self.covariance(covariance)?;
        let wald = Wald::normal(*estimate, matrix[(place, place)].max(0.0).sqrt());
        let wald = wald.ok_or(CountRegressionError::NoError { place })?;
        Ok(Wald { degrees_of_freedom, ..wald })
    }

    /// Gives the ratio of rates for one more unit of a column, with limits from those of its logarithm.
    ///
    /// # Errors
    /// As for [`CountRegression::coefficient`], and when `confidence` is not strictly between 0 and 1.
    pub fn ratio(
        &self,
        place: usize,
        covariance: CountCovariance,
        confidence: f64,
    ) -> Result<Interval, CountRegressionError> {
        let Interval { estimate, low, high, .. } = self.coefficient(place, covariance)?.interval(confidence)?;
        Ok(Interval { estimate: libm::exp(estimate), low: libm::exp(low), high: libm::exp(high), confidence })
    }

    /// A covariance of the coefficients, with degrees of freedom where limits come from t.
    fn covariance(&self, kind: CountCovariance) -> Result<(DMatrix<f64>, Option<f64>), CountRegressionError> {
        let model = &self.maximum.covariance;
        let rows = self.data.counts.len();
        let each: Vec<usize> = (0..rows).collect();
        Ok(match kind {
            CountCovariance::Model => (model.clone(), None),
            CountCovariance::Quasi => (model * self.pearson_dispersion()?, Some(self.freedom()?)),
            CountCovariance::Hc0 => (sandwich(model, &self.scores(), &each), None),
            CountCovariance::Hc1 => (sandwich(model, &self.scores(), &each) * (rows as f64 / self.freedom()?), None),
            CountCovariance::Clustered(clusters) => {
                if clusters.len() != rows {
                    return Err(CountRegressionError::LengthMismatch { counts: rows, values: clusters.len() });
                }
                let names: Vec<u64> = self.data.order.iter().map(|row| clusters[*row]).collect();
                let scores = cluster_scores(&self.scores(), &names);
                let count = scores.nrows();
                if count < 2 {
                    return Err(CountRegressionError::OneCluster);
                }
                let freedom = (count - 1) as f64;
                let factor = count as f64 / freedom * ((rows - 1) as f64 / self.freedom()?);
                (sandwich(model, &scores, &each[..count]) * factor, Some(freedom))
            }
        })
    }

    fn scores(&self) -> DMatrix<f64> {
        let mut scores = self.data.design.clone();
        for ((mut row, count), predictor) in scores.row_iter_mut().zip(&self.data.counts).zip(&self.maximum.predictors)
        {
            let mean = libm::exp(*predictor);
            row *= (count - mean) / (1.0 + self.alpha * mean);
        }
        scores
    }

    fn freedom(&self) -> Result<f64, CountRegressionError> {
        match self.residual_degrees_of_freedom() {
            0 => Err(CountRegressionError::Saturated {
                rows: self.data.counts.len(),
                coefficients: self.coefficients().len(),
            }),
            freedom => Ok(freedom as f64),
        }
    }
}

impl Data {
    fn of(counts: &[u64], exposures: &[f64], columns: &[Vec<f64>]) -> Result<Self, CountRegressionError> {
        for values in std::iter::once(exposures.len()).chain(columns.iter().map(Vec::len)) {
            if values != counts.len() {
                return Err(CountRegressionError::LengthMismatch { counts: counts.len(), values });
            }
        }
        if let Some(exposure) = exposures.iter().find(|exposure| !(**exposure > 0.0 && exposure.is_finite())) {
            return Err(CountRegressionError::Exposure { exposure: *exposure });
        }
        if columns.iter().flatten().any(|value| !value.is_finite()) {
            return Err(LinearError::NotFinite.into());
        }
        if counts.iter().all(|count| *count == 0) {
            return Err(CountRegressionError::NoEvents);
        }
        let counts: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
        let rows = Rows::sorted(counts.len(), &[&counts, exposures], columns);
        let offsets = rows.arranged(exposures).into_iter().map(libm::log);
        Ok(Self {
            offsets: DVector::from_iterator(counts.len(), offsets),
            counts: rows.arranged(&counts),
            design: rows.design,
            order: rows.order,
        })
    }

    /// A first guess, after which the likelihood is known to have a maximum.
    fn start(&self) -> Result<DVector<f64>, CountRegressionError> {
        let rows = self.counts.len();
        let mean = self.counts.iter().sum::<f64>() / rows as f64;
        let shrunken = || self.counts.iter().map(|count| count + 0.1 * mean);
        let weights = DVector::from_iterator(rows, shrunken());
        let response = shrunken().zip(&self.offsets).map(|(count, offset)| libm::log(count) - offset);
        let fit = LeastSquares::fit(&self.design, &DVector::from_iterator(rows, response), Some(&weights))?;
        let pulls: Vec<Pull> =
            self.counts.iter().map(|count| if *count > 0.0 { Pull::None } else { Pull::Down }).collect();
        match separated_rows(&self.design, &pulls) {
            0 => Ok(fit.coefficients),
            rows => Err(CountRegressionError::Separated { rows }),
        }
    }

    /// The most likely coefficients where the variance is `μ + αμ²`.
    fn maximise(&self, alpha: f64, start: DVector<f64>) -> Result<Maximum, NoMaximum> {
        maximise(&self.design, &self.offsets, start, |row, predictor| {
            let (count, mean) = (self.counts[row], libm::exp(predictor));
            let over = 1.0 + alpha * mean;
            let beyond = if alpha > 0.0 { (count + 1.0 / alpha) * libm::log1p(alpha * mean) } else { mean };
            RowTerms {
                log_likelihood: count * predictor - beyond,
                gradient: (count - mean) / over,
                curvature: mean / over * ((1.0 + alpha * count) / over),
                information: mean / over,
            }
        })
    }

    fn log_factorials(&self) -> f64 {
        self.counts.iter().map(|count| libm::lgamma(count + 1.0)).sum()
    }
}
