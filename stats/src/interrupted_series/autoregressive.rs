//! Errors that carry over from point to point.

use nalgebra::{DMatrix, DVector};

use super::{InterruptedSeries, SeriesError, SeriesFit, error_degrees, squares_of_errors};
use crate::linear::LeastSquares;
use crate::numeric;

/// Beyond this autocorrelation errors count as not stationary.
const BOUND: f64 = 0.999;

/// Which likelihood an autoregressive fit maximises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likelihood {
    /// The likelihood of what the coefficients leave: nearly unbiased for the errors. Inference by t with `n − p`
    /// degrees of freedom; the standard deviation is that of an error.
    Restricted,
    /// The likelihood of all: inference is normal, by the observed information with the autocorrelation in it; the
    /// standard deviation is that of an innovation.
    Full,
}

impl InterruptedSeries<'_> {
    /// Fits with errors that follow a first-order autoregression.
    ///
    /// # Model
    /// `ε_t = φ ε_{t−1} + u_t`, stationary, `u` normal and independent.
    ///
    /// # Formula
    /// ```text
    /// restricted:  −½ [(n − p)(log 2πσ² + 1) + log |R| + log |X′R⁻¹X|],   σ² = e′R⁻¹e / (n − p)
    /// full:        −½ [n (log 2πs² + 1) − log(1 − φ²)],                    s² = (1 − φ²) e′R⁻¹e / n
    /// ```
    /// `R` is the correlation of the errors, `φ^|i − j|`, and `e` what generalised least squares leaves. `φ` is the best
    /// of a grid of steps of 0.04, then refined by golden sections to 1e-9.
    ///
    /// # Errors
    /// As for [`InterruptedSeries::fit_ordinary`]; and [`SeriesError::NotStationary`] when the likelihood is largest
    /// beyond an autocorrelation of 0.999.
    ///
    /// # Use with care
    /// In short series `φ` is estimated badly and too low; below 12 points prefer ordinary least squares and call the
    /// evidence weak.
    ///
    /// # References
    /// Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.3. Turner et al. (2021), BMC Medical
    /// Research Methodology 21, 181.
    pub fn fit_autoregressive(&self, likelihood: Likelihood) -> Result<SeriesFit, SeriesError> {
        // What ordinary least squares cannot fit, or fits exactly, has no autocorrelation either.
        let ordinary = self.fit_ordinary()?;
        let model = Model { design: &ordinary.design, values: &ordinary.values, likelihood };
        let phi = model.likeliest()?;
        let fit = model.fit(phi)?;
        let (points, columns) = ordinary.design.shape();
        let freedom = error_degrees(points, columns)?;
        let squares = squares_of_errors(&fit.residuals, &ordinary.values)?;
        let residuals = &ordinary.values - &ordinary.design * &fit.coefficients;
        let (covariance, degrees_of_freedom, variance) = match likelihood {
            Likelihood::Restricted => {
                (&fit.unscaled_covariance * (squares / freedom), Some(freedom), squares / freedom / (1.0 - phi * phi))
            }
            Likelihood::Full => (model.observed_covariance(phi, &fit, &residuals)?, None, squares / points as f64),
        };
        Ok(SeriesFit {
            covariance,
            degrees_of_freedom,
            standard_deviation: variance.sqrt(),
            autocorrelation: Some(phi),
            log_likelihood: model.log_likelihood(phi)?,
            coefficients: fit.coefficients,
            unscaled_covariance: fit.unscaled_covariance,
            residuals,
            ..ordinary
        })
    }
}

struct Model<'a> {
    design: &'a DMatrix<f64>,
    values: &'a DVector<f64>,
    likelihood: Likelihood,
}

impl Model<'_> {
    /// Least squares after the transformation that leaves independent innovations.
    fn fit(&self, phi: f64) -> Result<LeastSquares, SeriesError> {
        let first = (1.0 - phi * phi).sqrt();
        let design = DMatrix::from_fn(self.design.nrows(), self.design.ncols(), |row, column| {
            let own = self.design[(row, column)];
            if row == 0 { first * own } else { own - phi * self.design[(row - 1, column)] }
        });
        let values = DVector::from_fn(self.values.len(), |row, _| {
            if row == 0 { first * self.values[0] } else { self.values[row] - phi * self.values[row - 1] }
        });
        Ok(LeastSquares::fit(&design, &values, None)?)
    }

    fn log_likelihood(&self, phi: f64) -> Result<f64, SeriesError> {
        let fit = self.fit(phi)?;
        let (points, columns) = (self.design.nrows() as f64, self.design.ncols() as f64);
        let squares = fit.residuals.norm_squared();
        let log_spread = libm::log1p(-phi * phi);
        let of_errors = |count: f64| count * (libm::log(std::f64::consts::TAU * squares / count) + 1.0);
        Ok(match self.likelihood {
            Likelihood::Full => -0.5 * (of_errors(points) - log_spread),
            Likelihood::Restricted => {
                // In the transformed scale |R| and |X′R⁻¹X| leave one log(1 − φ²) beside the transformed determinant.
                let root = fit.unscaled_covariance.cholesky().ok_or(SeriesError::NoSpread)?;
                let log_inverse: f64 = root.l_dirty().diagonal().iter().map(|entry| 2.0 * libm::log(*entry)).sum();
                -0.5 * (of_errors(points - columns) - log_spread - log_inverse)
            }
        })
    }

    fn likeliest(&self) -> Result<f64, SeriesError> {
        let mut grid = vec![-BOUND];
        grid.extend((-24..=24).map(|step| 0.04 * f64::from(step)));
        grid.push(BOUND);
        let products = Products::of(self.design, self.values);
        let log_likelihood = |phi: f64| match &products {
            Some(products) => {
                products.log_likelihood(phi, self.likelihood).map_or_else(|| self.log_likelihood(phi), Ok)
            }
            None => self.log_likelihood(phi),
        };
        let found = grid.iter().map(|phi| log_likelihood(*phi)).collect::<Result<Vec<f64>, _>>()?;
        let best = (0..grid.len()).fold(0, |best, place| if found[place] > found[best] { place } else { best });
        if best == 0 || best == grid.len() - 1 {
            return Err(SeriesError::NotStationary { bound: grid[best] });
        }
        // What could be fitted on the grid can be fitted between its points.
        let value = |phi: f64| log_likelihood(phi).unwrap_or(f64::NEG_INFINITY);
        Ok(numeric::largest(grid[best - 1], grid[best + 1], 1e-9, value))
    }

    /// The covariance of the coefficients by the observed information of coefficients and autocorrelation, the variance
    /// of an innovation taken at its best.
    ///
    /// With `S` the sum of squared innovations, `f = n/2 log S − ½ log(1 − φ²)` has, where it is smallest,
    /// `f_ββ = n X*′X*/S`, `f_βφ = n S_βφ / 2S`, `f_φφ = n/2 (S_φφ/S − S_φ²/S²) + (1 + φ²)/(1 − φ²)²`.
    fn observed_covariance(
        &self,
        phi: f64,
        fit: &LeastSquares,
        errors: &DVector<f64>,
    ) -> Result<DMatrix<f64>, SeriesError> {
        let points = errors.len();
        let count = points as f64;
        let squares = fit.residuals.norm_squared();
        // S = Σ e² − 2φ Σ e e₋₁ + φ² Σ inner e², where the inner ones are all but the first and the last.
        let inner: f64 = errors.rows(1, points - 2).norm_squared();
        let neighbours: f64 = (1..points).map(|row| errors[row] * errors[row - 1]).sum();
        let (first, second) = (2.0 * (phi * inner - neighbours), 2.0 * inner);
        let cross = DVector::from_fn(self.design.ncols(), |column, _| {
            let x = |row: usize| self.design[(row, column)];
            let of_neighbours: f64 = (1..points).map(|row| errors[row] * x(row - 1) + errors[row - 1] * x(row)).sum();
            let of_inner: f64 = (1..points - 1).map(|row| errors[row] * x(row)).sum();
            2.0 * of_neighbours - 4.0 * phi * of_inner
        }) * (0.5 * count / squares);
        let spread = 1.0 - phi * phi;
        let curvature = 0.5 * count * (second / squares - first * first / (squares * squares))
            + (1.0 + phi * phi) / (spread * spread);
        // The block of the inverse: (F − c c′/k)⁻¹ = F⁻¹ + F⁻¹ c c′ F⁻¹ / (k − c′F⁻¹c).
        let inverse = &fit.unscaled_covariance * (squares / count);
        let pulled = &inverse * &cross;
        let rest = curvature - cross.dot(&pulled);
        if rest <= 0.0 {
            return Err(SeriesError::NoSpread);
        }
        Ok(inverse + &pulled * pulled.transpose() / rest)
    }
}

/// What the likelihood needs of the points, summed up once, so that no autocorrelation that is tried reads them again.
///
/// With orthonormal columns that span those of the design, and what they leave of the values behind them,
/// `R⁻¹ (1 − φ²)` has the products `A − φB + φ²C`: of all points, of neighbours, and of all but the first and the last.
struct Products {
    all: DMatrix<f64>,
    neighbours: DMatrix<f64>,
    inner: DMatrix<f64>,
    points: f64,
    /// `log |X′X|`.
    log_design: f64,
}

impl Products {
    fn of(design: &DMatrix<f64>, values: &DVector<f64>) -> Option<Self> {
        let (points, columns) = design.shape();
        let qr = design.clone().qr();
        let (basis, triangle) = (qr.q(), qr.r());
        let rest = values - &basis * basis.tr_mul(values);
        let joined =
            DMatrix::from_fn(
                points,
                columns + 1,
                |row, column| {
                    if column < columns { basis[(row, column)] } else { rest[row] }
                },
            );
        let (first, last) = (joined.rows(0, points - 1), joined.rows(1, points - 1));
        let crossed = last.tr_mul(&first);
        let middle = joined.rows(1, points - 2);
        let log_design = triangle.diagonal().iter().map(|entry| 2.0 * libm::log(entry.abs())).sum::<f64>();
        log_design.is_finite().then(|| Self {
            all: joined.tr_mul(&joined),
            neighbours: &crossed + crossed.transpose(),
            inner: middle.tr_mul(&middle),
            points: points as f64,
            log_design,
        })
    }

    /// The same as [`Model::log_likelihood`]; `None` where rounding leaves no answer.
    fn log_likelihood(&self, phi: f64, likelihood: Likelihood) -> Option<f64> {
        let columns = self.all.nrows() - 1;
        let root = (&self.all - &self.neighbours * phi + &self.inner * (phi * phi)).cholesky()?;
        let pivot = |place: usize| root.l_dirty()[(place, place)];
        let squares = pivot(columns) * pivot(columns);
        let log_spread = libm::log1p(-phi * phi);
        let of_errors = |count: f64| count * (libm::log(std::f64::consts::TAU * squares / count) + 1.0);
        let found = match likelihood {
            Likelihood::Full => -0.5 * (of_errors(self.points) - log_spread),
            Likelihood::Restricted => {
                let log_information = (0..columns).map(|place| 2.0 * libm::log(pivot(place))).sum::<f64>();
                let of_errors = of_errors(self.points - columns as f64);
                -0.5 * (of_errors - log_spread + log_information + self.log_design)
            }
        };
        found.is_finite().then_some(found)
    }
}
