//! Covariances of a fit by least squares that do not take its errors to be independent and alike.

use nalgebra::DMatrix;

use super::{SeriesError, SeriesFit};
use crate::linear::sandwich;

/// How much the errors may depart from being independent and alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RobustCovariance {
    /// Independent, each with its own variance (White).
    Hc0,
    /// The same, times `n / (n − p)`.
    Hc1,
    /// The same as the first, each residual over `1 − hᵢ`, its leverage: close to the jackknife.
    Hc3,
    /// Correlated up to a lag, with Bartlett's weights `1 − j / (lags + 1)` (Newey and West).
    NeweyWest {
        /// The largest lag.
        lags: usize,
        /// Whether to multiply by `n / (n − p)`.
        is_adjusted: bool,
    },
}

impl SeriesFit {
    /// Gives the same fit with another covariance.
    ///
    /// # Formula
    /// ```text
    /// A (Σ_t w₀ x_t x_t′ u_t² + Σ_j w_j Σ_t u_t u_{t−j} (x_t x_{t−j}′ + x_{t−j} x_t′)) A,   A = (X′X)⁻¹
    /// ```
    ///
    /// # Errors
    /// [`SeriesError`] when the fit is not by ordinary least squares, or the lags are not fewer than the points.
    ///
    /// # Use with care
    /// Newey-West intervals are too narrow in series of the usual length, the more so the more errors persist: they are
    /// for comparison, [`InterruptedSeries::fit`](super::InterruptedSeries::fit) is for use.
    ///
    /// # References
    /// White (1980), Econometrica 48, 817–838. `MacKinnon` & White (1985), Journal of Econometrics 29, 305–325. Newey & West
    /// (1987), Econometrica 55, 703–708.
    pub fn with_covariance(&self, kind: RobustCovariance) -> Result<Self, SeriesError> {
        if self.autocorrelation.is_some() {
            return Err(SeriesError::NotOrdinary);
        }
        let (points, columns) = self.design.shape();
        let adjusted = points as f64 / (points - columns) as f64;
        let covariance = match kind {
            RobustCovariance::Hc0 => self.white(&self.scores(|_| 1.0)),
            RobustCovariance::Hc1 => self.white(&self.scores(|_| 1.0)) * adjusted,
            RobustCovariance::Hc3 => self.white(&self.scores(|leverage| 1.0 / (1.0 - leverage))),
            RobustCovariance::NeweyWest { lags, is_adjusted } => {
                self.newey_west(lags)? * if is_adjusted { adjusted } else { 1.0 }
            }
        };
        Ok(Self { covariance, ..self.clone() })
    }

    /// Gives the lags that Newey and West choose from the data for Bartlett's weights, before rounding.
    ///
    /// # Formula
    /// ```text
    /// 1.1447 ((s₁/s₀)² n)^(1/3),   s₀ = σ₀ + 2 Σ σ_j,   s₁ = 2 Σ j σ_j,   j ≤ 4 (n/100)^(2/9)
    /// ```
    /// `σ_j` are autocovariances of the scores `x_t u_t` summed over all columns but the first.
    ///
    /// # Errors
    /// [`SeriesError::NoSpread`] when `s₀` is 0.
    ///
    /// # Use with care
    /// Depends on the units of the columns.
    ///
    /// # References
    /// Newey & West (1994), Review of Economic Studies 61, 631–653.
    pub fn newey_west_bandwidth(&self) -> Result<f64, SeriesError> {
        let scores = self.scores(|_| 1.0);
        let points = scores.nrows();
        let sums: Vec<f64> = scores.row_iter().map(|row| row.iter().skip(1).sum()).collect();
        let covariance = |lag: usize| (lag..points).map(|row| sums[row] * sums[row - lag]).sum::<f64>() / points as f64;
        let count = points as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and small")]
        let largest = (4.0 * libm::pow(count / 100.0, 2.0 / 9.0)).floor() as usize;
        let lagged = (1..=largest.min(points - 1)).map(|lag| (lag as f64, covariance(lag)));
        let (plain, weighted) =
            lagged.fold((0.0, 0.0), |(plain, weighted), (lag, value)| (plain + value, weighted + lag * value));
        let ratio = 2.0 * weighted / (covariance(0) + 2.0 * plain);
        if !ratio.is_finite() {
            return Err(SeriesError::NoSpread);
        }
        Ok(1.1447 * libm::cbrt(ratio * ratio * count))
    }

    /// `x_t u_t` in its rows, with a factor that may depend on the leverage of the row.
    fn scores(&self, factor: impl Fn(f64) -> f64) -> DMatrix<f64> {
        let mut scores = self.design.clone();
        for (row, residual) in self.residuals.iter().enumerate() {
            let x = self.design.row(row);
            let leverage = (x * &self.unscaled_covariance).dot(&x);
            scores.row_mut(row).scale_mut(residual * factor(leverage));
        }
        scores
    }

    fn white(&self, scores: &DMatrix<f64>) -> DMatrix<f64> {
        let alone: Vec<usize> = (0..scores.nrows()).collect();
        sandwich(&self.unscaled_covariance, scores, &alone)
    }

    fn newey_west(&self, lags: usize) -> Result<DMatrix<f64>, SeriesError> {
        let scores = self.scores(|_| 1.0);
        let points = scores.nrows();
        if lags >= points {
            return Err(SeriesError::Lags { lags, points });
        }
        let mut middle = scores.tr_mul(&scores);
        for lag in 1..=lags {
            let weight = 1.0 - lag as f64 / (lags as f64 + 1.0);
            let lagged = scores.rows(lag, points - lag).tr_mul(&scores.rows(0, points - lag)) * weight;
            middle += &lagged + lagged.transpose();
        }
        Ok(&self.unscaled_covariance * middle * &self.unscaled_covariance)
    }
}
