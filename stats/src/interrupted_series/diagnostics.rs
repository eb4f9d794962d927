//! What the residuals of a fit say of its errors.

use nalgebra::DMatrix;

use super::{SeriesError, SeriesFit};
use crate::distributions::{chi_squared_upper_tail, normal_upper_tail};
use crate::linear::LeastSquares;

/// A test of whether errors are independent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResidualTest {
    /// The statistic.
    pub statistic: f64,
    /// The probability of one that speaks more against independence, if errors were independent.
    pub p: f64,
}

impl SeriesFit {
    /// Gives the autocorrelations of the residuals at lags 1, 2, ….
    ///
    /// # Formula
    /// ```text
    /// r_j = Σ (e_t − ē)(e_{t−j} − ē) / Σ (e_t − ē)²
    /// ```
    ///
    /// # Errors
    /// [`SeriesError::Lags`] when `lags` is 0 or not fewer than the points.
    pub fn residual_autocorrelations(&self, lags: usize) -> Result<Vec<f64>, SeriesError> {
        let points = self.residuals.len();
        if lags == 0 || lags >= points {
            return Err(SeriesError::Lags { lags, points });
        }
        let centred = self.residuals.add_scalar(-self.residuals.mean());
        let covariance = |lag: usize| (lag..points).map(|row| centred[row] * centred[row - lag]).sum::<f64>();
        let variance = covariance(0);
        Ok((1..=lags).map(|lag| covariance(lag) / variance).collect())
    }

    /// Tests the first autocorrelations together.
    ///
    /// # Formula
    /// ```text
    /// Q = n (n + 2) Σ_{j ≤ lags} r_j² / (n − j),   chi-squared with `lags` degrees of freedom
    /// ```
    ///
    /// # Errors
    /// As for [`SeriesFit::residual_autocorrelations`].
    ///
    /// # References
    /// Ljung & Box (1978), Biometrika 65, 297–303.
    pub fn ljung_box(&self, lags: usize) -> Result<ResidualTest, SeriesError> {
        let count = self.residuals.len() as f64;
        let found = self.residual_autocorrelations(lags)?;
        let sum: f64 = found.iter().zip(1_u32..).map(|(r, lag)| r * r / (count - f64::from(lag))).sum();
        let statistic = count * (count + 2.0) * sum;
        Ok(ResidualTest { statistic, p: chi_squared_upper_tail(statistic, lags as f64)? })
    }

    /// Tests for positive autocorrelation at lag 1, with the normal approximation.
    ///
    /// # Formula
    /// ```text
    /// d = Σ (e_t − e_{t−1})² / Σ e_t²      E d = P / (n − p)      Var d = 2 (Q − P E d) / ((n − p)(n − p + 2))
    /// P = 2(n − 1) − tr B,   Q = 2(3n − 4) − 2 tr(X′A²X (X′X)⁻¹) + tr B²,   B = X′AX (X′X)⁻¹
    /// ```
    /// `A` is the matrix of `d`'s numerator. Small `d` speaks against independence.
    ///
    /// # Errors
    /// [`SeriesError`] when a probability cannot be computed.
    ///
    /// # Use with care
    /// Unreliable as a choice of method: fit autoregressive errors whatever it says.
    ///
    /// # References
    /// Durbin & Watson (1951), Biometrika 38, 159–178.
    pub fn durbin_watson(&self) -> Result<ResidualTest, SeriesError> {
        let (points, columns) = self.design.shape();
        let squares = self.residuals.norm_squared();
        let steps = (1..points).map(|row| self.residuals[row] - self.residuals[row - 1]);
        let statistic = steps.map(|step| step * step).sum::<f64>() / squares;
        // The product of A and the design: second differences, with one neighbour missing at each end.
        let differenced = DMatrix::from_fn(points, columns, |row, column| {
            let x = |row: usize| self.design[(row, column)];
            let before = if row > 0 { x(row) - x(row - 1) } else { 0.0 };
            let after = if row + 1 < points { x(row) - x(row + 1) } else { 0.0 };
            before + after
        });
        let [first, second] =
            [&self.design, &differenced].map(|left| left.tr_mul(&differenced) * &self.unscaled_covariance);
        let (count, freedom) = (points as f64, (points - columns) as f64);
        let linear = 2.0 * (count - 1.0) - first.trace();
        let quadratic = 2.0 * (3.0 * count - 4.0) - 2.0 * second.trace() + (&first * &first).trace();
        let mean = linear / freedom;
        let variance = 2.0 * (quadratic - linear * mean) / (freedom * (freedom + 2.0));
        Ok(ResidualTest { statistic, p: normal_upper_tail((mean - statistic) / variance.sqrt())? })
    }

    /// Tests for autocorrelation up to a lag by a regression of the residuals on the design and on residuals before them.
    ///
    /// # Formula
    /// ```text
    /// LM = n Σ fitted² / Σ e²,   chi-squared with `lags` degrees of freedom; residuals before the first are 0
    /// ```
    ///
    /// # Errors
    /// [`SeriesError::Lags`] when `lags` is 0 or not fewer than the points; [`SeriesError::Linear`] when the regression
    /// has no answer.
    ///
    /// # References
    /// Breusch (1978), Australian Economic Papers 17, 334–355. Godfrey (1978), Econometrica 46, 1293–1301.
    pub fn breusch_godfrey(&self, lags: usize) -> Result<ResidualTest, SeriesError> {
        let (points, columns) = self.design.shape();
        if lags == 0 || lags >= points {
            return Err(SeriesError::Lags { lags, points });
        }
        let design = DMatrix::from_fn(points, columns + lags, |row, column| match column.checked_sub(columns) {
            None => self.design[(row, column)],
            Some(lag) => row.checked_sub(lag + 1).map_or(0.0, |before| self.residuals[before]),
        });
        let fit = LeastSquares::fit(&design, &self.residuals, None)?;
        let squares = self.residuals.norm_squared();
        let statistic = points as f64 * (1.0 - fit.residuals.norm_squared() / squares);
        Ok(ResidualTest { statistic, p: chi_squared_upper_tail(statistic.max(0.0), lags as f64)? })
    }
}
