//! Shares of events explained by covariates: binomial, and beta-binomial where the rows share something unseen.

use nalgebra::{DMatrix, DVector};

use crate::glm::{Maximum, NoMaximum, Pull, RowTerms, Rows, maximise, separated_rows};
use crate::interval::{ConfidenceError, Interval};
use crate::linear::{LeastSquares, LinearError};
use crate::wald::{Wald, WaldError};

mod beta_binomial;
#[cfg(test)]
mod tests;

use beta_binomial::{Correlated, fit_correlated};

/// Most trials of a row, over all values of which a beta-binomial regression sums.
const MOST_TRIALS: u64 = 1_000_000;

/// Why a regression of shares has no answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ShareRegressionError {
    /// Events, trials and columns are not of one length.
    #[error("there are `{rows}` rows and a column of `{values}` values beside them")]
    LengthMismatch {
        /// How many rows.
        rows: usize,
        /// How many values stand beside them.
        values: usize,
    },
    /// A row has no trials.
    #[error("row `{row}` has no trials")]
    NoTrials {
        /// Its place.
        row: usize,
    },
    /// More events than trials.
    #[error("`{events}` events are more than `{trials}` trials")]
    MoreEventsThanTrials {
        /// The events.
        events: u64,
        /// The trials.
        trials: u64,
    },
    /// More trials than can be summed over.
    #[error("`{trials}` trials are more than a beta-binomial regression sums over, which is `{limit}`")]
    TooManyTrials {
        /// The trials.
        trials: u64,
        /// The most.
        limit: u64,
    },
    /// Some combination of columns is as large as you like: its ratio of odds is 0 or infinite.
    #[error(
        "`{rows}` rows with no events, or nothing else, are told apart by their columns: an odds ratio is 0 or infinite"
    )]
    Separated {
        /// How many rows.
        rows: usize,
    },
    /// No row shows by its own trials whether they are alike.
    #[error("every row has one trial, so that none shows how alike the trials of a row are")]
    OneTrial,
    /// Every row has all or none of the events: the trials of a row are all one.
    #[error("every row has all or none of the events: the correlation within rows is 1")]
    AllOrNone,
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
    /// A difference of shares is asked for a column that does not say which of two groups a row is in.
    #[error("column of coefficient `{place}` holds other values than 0 and 1")]
    NotAGroup {
        /// The place of the coefficient.
        place: usize,
    },
    /// As many coefficients as rows leave nothing to see an error by.
    #[error("`{rows}` rows leave no error beside `{coefficients}` coefficients")]
    Saturated {
        /// The rows.
        rows: usize,
        /// The coefficients.
        coefficients: usize,
    },
    /// The standard error is not positive.
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

impl From<NoMaximum> for ShareRegressionError {
    fn from(error: NoMaximum) -> Self {
        match error {
            NoMaximum::Linear(error) => Self::Linear(error),
            NoMaximum::NotConverged => Self::NotConverged,
        }
    }
}

/// How alike the trials of a row are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ShareCorrelation {
    /// Not at all: the regression is binomial, with the variance that this says.
    Binomial,
    /// Binomial, with the variance times Pearson's statistic over its degrees of freedom; limits from t with these.
    QuasiBinomial {
        /// Pearson's statistic over its degrees of freedom.
        dispersion: f64,
    },
    /// Beta-binomial: two trials of a row have the correlation `ρ`.
    BetaBinomial {
        /// `ρ`.
        correlation: f64,
        /// `ln(ρ/(1 − ρ))` and its standard error.
        log_odds: Wald,
    },
    /// Beta-binomial, but the likelihood rises all the way to `ρ = 0`: rows vary less than binomial ones, and the fit is
    /// the binomial one.
    BinomialLimit,
}

/// A regression of shares.
///
/// # Model
/// Row `i` of `n`, such as a service in a month, has `yᵢ` events in `mᵢ` trials, each with probability `πᵢ`,
/// `ln(πᵢ/(1 − πᵢ)) = β₀ + Σⱼ βⱼxᵢⱼ`. Rows are independent; two trials of one row have correlation `ρ`.
///
/// # Formula
/// ```text
/// binomial:       Σᵢ xᵢ(yᵢ − mᵢπᵢ) = 0,   Cov(β) = (Σᵢ xᵢxᵢᵀ mᵢπᵢ(1 − πᵢ))⁻¹
/// beta-binomial:  P(y) = C(m, y) Π_{k<y}(π + kγ) Π_{k<m−y}(1 − π + kγ) / Π_{k<m}(1 + kγ),   γ = ρ/(1 − ρ)
/// ```
/// The second is maximised in `β` and `ln γ` together by scoring, from the best of a grid of `γ`; its covariance is the
/// inverse of the expected information, summed over all values that `y` could have. `exp(βⱼ)` is a ratio of odds.
///
/// # Use with care
/// A beta-binomial effect is about a trial of a row that is like those seen. With a handful of rows `ρ` is a guess, and
/// limits from the normal distribution are too narrow; prefer [`ShareRegression::quasi_binomial`] there.
///
/// # Examples
/// ```
/// use stats::{ShareCorrelation, ShareRegression};
/// let (failed, deployed) = ([3, 0, 9, 2, 1, 0, 4, 1], [40, 35, 50, 44, 38, 41, 52, 60]);
/// let after = vec![0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0];
/// let fit = ShareRegression::beta_binomial(&failed, &deployed, &[after])?;
/// assert!(matches!(fit.correlation(), ShareCorrelation::BetaBinomial { .. }));
/// let points = fit.difference(1)?;
/// assert!(points.estimate < 0.0 && points.estimate > -0.1);
/// # Ok::<(), stats::ShareRegressionError>(())
/// ```
///
/// # References
/// Williams (1975), The analysis of binary responses from toxicological experiments involving reproduction and
/// teratogenicity, Biometrics 31, 949–952. Prentice (1986), Journal of the American Statistical Association 81, 321–327.
#[derive(Debug, Clone, PartialEq)]
pub struct ShareRegression {
    data: Data,
    maximum: Maximum,
    correlation: ShareCorrelation,
    log_likelihood: f64,
}

/// Sorted rows.
#[derive(Debug, Clone, PartialEq)]
struct Data {
    design: DMatrix<f64>,
    events: Vec<f64>,
    trials: Vec<f64>,
}

impl ShareRegression {
    /// Fits the binomial regression; the intercept is added before `columns`.
    ///
    /// # Errors
    /// [`ShareRegressionError`] when lengths differ, a row has no trials or more events than trials, columns do not
    /// determine coefficients, or a ratio of odds would be 0 or infinite, as where an arm has no events.
    pub fn binomial(events: &[u64], trials: &[u64], columns: &[Vec<f64>]) -> Result<Self, ShareRegressionError> {
        let data = Data::of(events, trials, columns)?;
        let maximum = data.maximise_binomial(data.start()?)?;
        let log_likelihood = maximum.log_likelihood + data.log_choices();
        Ok(Self { data, maximum, correlation: ShareCorrelation::Binomial, log_likelihood })
    }

    /// Fits the binomial regression with the variance that the rows show.
    ///
    /// # Errors
    /// As for [`ShareRegression::binomial`], and when there are not more rows than coefficients.
    pub fn quasi_binomial(events: &[u64], trials: &[u64], columns: &[Vec<f64>]) -> Result<Self, ShareRegressionError> {
        let mut fit = Self::binomial(events, trials, columns)?;
        let freedom = fit.freedom()?;
        let rows = fit.data.events.iter().zip(&fit.data.trials).zip(&fit.maximum.predictors);
        let terms = rows.map(|((events, trials), predictor)| {
            let (share, rest) = shares(*predictor);
            let residual = events - trials * share;
            residual * (residual / (trials * share * rest))
        });
        let dispersion = terms.sum::<f64>() / freedom;
        fit.maximum.covariance *= dispersion;
        fit.correlation = ShareCorrelation::QuasiBinomial { dispersion };
        Ok(fit)
    }

    /// Fits the beta-binomial regression; the intercept is added before `columns`.
    ///
    /// # Errors
    /// As for [`ShareRegression::binomial`], and when there are not more rows than coefficients, no row has two trials,
    /// rows with two trials or more have all or none of the events each, or a row has more than a million trials.
    pub fn beta_binomial(events: &[u64], trials: &[u64], columns: &[Vec<f64>]) -> Result<Self, ShareRegressionError> {
        let mut fit = Self::binomial(events, trials, columns)?;
        fit.freedom()?;
        if let Some(trials) = trials.iter().find(|trials| **trials > MOST_TRIALS) {
            return Err(ShareRegressionError::TooManyTrials { trials: *trials, limit: MOST_TRIALS });
        }
        let mut telling = events.iter().zip(trials).filter(|(_, trials)| **trials > 1).peekable();
        if telling.peek().is_none() {
            return Err(ShareRegressionError::OneTrial);
        }
        if telling.all(|(events, trials)| *events == 0 || events == trials) {
            return Err(ShareRegressionError::AllOrNone);
        }
        let Some(Correlated { maximum, gamma, log_gamma_error }) = fit_correlated(&fit.data, &fit.maximum)? else {
            fit.correlation = ShareCorrelation::BinomialLimit;
            return Ok(fit);
        };
        let log_odds = Wald::normal(libm::log(gamma), log_gamma_error).ok_or(ShareRegressionError::NotConverged)?;
        fit.log_likelihood = maximum.log_likelihood + fit.data.log_choices();
        fit.correlation = ShareCorrelation::BetaBinomial { correlation: gamma / (1.0 + gamma), log_odds };
        fit.maximum = maximum;
        Ok(fit)
    }

    /// The intercept, then one coefficient for each column: logarithms of ratios of odds.
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        self.maximum.coefficients.as_slice()
    }

    /// How alike the trials of a row are.
    #[must_use]
    pub fn correlation(&self) -> ShareCorrelation {
        self.correlation
    }

    /// The log-likelihood, binomial coefficients included; that of the binomial regression for the quasi-binomial one.
    #[must_use]
    pub fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// Rows minus coefficients.
    #[must_use]
    pub fn residual_degrees_of_freedom(&self) -> usize {
        self.data.events.len().saturating_sub(self.coefficients().len())
    }

    /// Gives a coefficient with its standard error: 0 is the intercept.
    ///
    /// # Errors
    /// [`ShareRegressionError`] when there is no such coefficient or its error is not positive.
    pub fn coefficient(&self, place: usize) -> Result<Wald, ShareRegressionError> {
        let coefficients = self.coefficients().len();
        let Some(estimate) = self.coefficients().get(place) else {
            return Err(ShareRegressionError::NoSuchCoefficient { place, coefficients });
        };
        self.wald(place, *estimate, self.maximum.covariance[(place, place)])
    }

    /// Gives the ratio of odds for one more unit of a column, with limits from those of its logarithm.
    ///
    /// # Errors
    /// As for [`ShareRegression::coefficient`], and when `confidence` is not strictly between 0 and 1.
    pub fn odds_ratio(&self, place: usize, confidence: f64) -> Result<Interval, ShareRegressionError> {
        let Interval { estimate, low, high, .. } = self.coefficient(place)?.interval(confidence)?;
        Ok(Interval { estimate: libm::exp(estimate), low: libm::exp(low), high: libm::exp(high), confidence })
    }

    /// Gives the difference of shares between the groups 1 and 0 of a column, all else as in the rows seen.
    ///
    /// # Formula
    /// ```text
    /// D = Σᵢ mᵢ(πᵢ¹ − πᵢ⁰) / Σᵢ mᵢ      Var(D) = gᵀ Cov(β) g,   g = Σᵢ mᵢ(πᵢ¹(1 − πᵢ¹)xᵢ¹ − πᵢ⁰(1 − πᵢ⁰)xᵢ⁰) / Σᵢ mᵢ
    /// ```
    /// `πᵢ¹` is the probability of row `i` with a 1 in the column, `πᵢ⁰` that with a 0.
    ///
    /// # Errors
    /// [`ShareRegressionError`] when there is no such column, it holds other values than 0 and 1, or the error is not
    /// positive.
    pub fn difference(&self, place: usize) -> Result<Wald, ShareRegressionError> {
        let coefficients = self.coefficients().len();
        if place == 0 || place >= coefficients {
            return Err(ShareRegressionError::NoSuchCoefficient { place, coefficients });
        }
        let column = self.data.design.column(place);
        if column.iter().any(|value| value.abs() > 0.0 && (value - 1.0).abs() > 0.0) {
            return Err(ShareRegressionError::NotAGroup { place });
        }
        let whole: f64 = self.data.trials.iter().sum();
        let (mut difference, mut gradient) = (0.0, DVector::zeros(coefficients));
        for (row, trials) in self.data.trials.iter().enumerate() {
            for (value, sign) in [(1.0, 1.0), (0.0, -1.0)] {
                let mut entries = self.data.design.row(row).transpose();
                entries[place] = value;
                let (share, rest) = shares(entries.dot(&self.maximum.coefficients));
                difference += sign * (trials / whole) * share;
                gradient += entries * (sign * (trials / whole) * share * rest);
            }
        }
        self.wald(place, difference, gradient.dot(&(&self.maximum.covariance * &gradient)))
    }

    fn wald(&self, place: usize, estimate: f64, variance: f64) -> Result<Wald, ShareRegressionError> {
        let wald = Wald::normal(estimate, variance.max(0.0).sqrt()).ok_or(ShareRegressionError::NoError { place })?;
        Ok(match self.correlation {
            ShareCorrelation::QuasiBinomial { .. } => wald.with_degrees_of_freedom(self.freedom()?),
            _ => wald,
        })
    }

    fn freedom(&self) -> Result<f64, ShareRegressionError> {
        match self.residual_degrees_of_freedom() {
            0 => Err(ShareRegressionError::Saturated {
                rows: self.data.events.len(),
                coefficients: self.coefficients().len(),
            }),
            freedom => Ok(freedom as f64),
        }
    }
}

impl Data {
    fn of(events: &[u64], trials: &[u64], columns: &[Vec<f64>]) -> Result<Self, ShareRegressionError> {
        for values in std::iter::once(trials.len()).chain(columns.iter().map(Vec::len)) {
            if values != events.len() {
                return Err(ShareRegressionError::LengthMismatch { rows: events.len(), values });
            }
        }
        for (row, (events, trials)) in events.iter().zip(trials).enumerate() {
            if *trials == 0 {
                return Err(ShareRegressionError::NoTrials { row });
            }
            if events > trials {
                return Err(ShareRegressionError::MoreEventsThanTrials { events: *events, trials: *trials });
            }
        }
        if columns.iter().flatten().any(|value| !value.is_finite()) {
            return Err(LinearError::NotFinite.into());
        }
        let [events, trials] =
            [events, trials].map(|counts| counts.iter().map(|count| *count as f64).collect::<Vec<f64>>());
        let rows = Rows::sorted(events.len(), &[&events, &trials], columns);
        Ok(Self { events: rows.arranged(&events), trials: rows.arranged(&trials), design: rows.design })
    }

    /// A first guess, after which the likelihood is known to have a maximum.
    fn start(&self) -> Result<DVector<f64>, ShareRegressionError> {
        let rows = self.events.iter().zip(&self.trials);
        let (response, weights): (Vec<f64>, Vec<f64>) = rows
            .map(|(events, trials)| {
                let (with, without) = (events + 0.5, trials - events + 0.5);
                (libm::log(with / without), with * without / (trials + 1.0))
            })
            .unzip();
        let fit = LeastSquares::fit(&self.design, &response.into(), Some(&weights.into()))?;
        let pulls = self.events.iter().zip(&self.trials).map(|(events, trials)| match () {
            () if *events <= 0.0 => Pull::Down,
            () if events >= trials => Pull::Up,
            () => Pull::None,
        });
        match separated_rows(&self.design, &pulls.collect::<Vec<_>>()) {
            0 => Ok(fit.coefficients),
            rows => Err(ShareRegressionError::Separated { rows }),
        }
    }

    fn maximise_binomial(&self, start: DVector<f64>) -> Result<Maximum, NoMaximum> {
        let offsets = DVector::zeros(self.events.len());
        maximise(&self.design, &offsets, start, |row, predictor| {
            let (events, trials) = (self.events[row], self.trials[row]);
            let (share, rest) = shares(predictor);
            // The logarithm of the smaller of share and rest, and of the other by `log1p`.
            let beyond = libm::log1p(libm::exp(-predictor.abs())) + predictor.max(0.0);
            RowTerms {
                log_likelihood: events * predictor - trials * beyond,
                gradient: events * rest - (trials - events) * share,
                curvature: trials * share * rest,
                information: trials * share * rest,
            }
        })
    }

    fn log_choices(&self) -> f64 {
        let rows = self.events.iter().zip(&self.trials);
        let terms = rows.map(|(events, trials)| {
            libm::lgamma(trials + 1.0) - libm::lgamma(events + 1.0) - libm::lgamma(trials - events + 1.0)
        });
        terms.sum()
    }
}

/// A share from its log odds, and one minus it.
fn shares(log_odds: f64) -> (f64, f64) {
    (1.0 / (1.0 + libm::exp(-log_odds)), 1.0 / (1.0 + libm::exp(log_odds)))
}
