//! Regression of an outcome on an arm and covariates, with standard errors that let errors depend within units.

use std::cmp::Ordering;

use nalgebra::{DMatrix, DVector};

use crate::bootstrap::{BootstrapError, Numbered};
use crate::linear::{LeastSquares, LinearError, sandwich};
use crate::wald::Wald;

#[cfg(test)]
mod tests;

/// Why a regression has no answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ClusteredError {
    /// An outcome has no logarithm.
    #[error("outcome `{value}` is not positive and finite, so that it has no logarithm")]
    NotPositive {
        /// The outcome.
        value: f64,
    },
    /// A weight is not positive and finite.
    #[error("a weight must be positive and finite, got `{weight}`")]
    Weight {
        /// The weight.
        weight: f64,
    },
    /// The names of units do not stand beside the outcomes, or there is only one.
    #[error("the rows could not be put into units")]
    Units(#[source] BootstrapError),
    /// The coefficients are not determined.
    #[error(transparent)]
    Linear(#[from] LinearError),
    /// There is no column of that number.
    #[error("there is no coefficient `{column}` among `{columns}`")]
    NoColumn {
        /// What was asked for.
        column: usize,
        /// How many there are, the intercept included.
        columns: usize,
    },
    /// The coefficient has no error: the fit is perfect, or rests on single units.
    #[error("coefficient `{column}` has no standard error: the units leave none")]
    NoSpread {
        /// Its place.
        column: usize,
    },
}

/// A fit by least squares whose rows come in units.
///
/// # Model
/// `y = α + Σ βⱼ xⱼ + e`, where errors of one unit may depend on one another in any way and have any variance; units are
/// independent.
///
/// # Examples
/// ```
/// use stats::ClusteredRegression;
/// let hours = [20.0, 30.0, 25.0, 12.0, 18.0, 9.0, 40.0, 28.0];
/// let arm = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0];
/// let size = [3.0, 5.0, 2.0, 2.0, 4.0, 1.0, 8.0, 7.0];
/// let units = ["a", "a", "b", "b", "c", "c", "d", "d"];
/// let fit = ClusteredRegression::of_logarithms(&[&arm, &size], &hours, &units)?;
/// // 0 is the intercept, 1 the arm.
/// let effect = fit.cr2(1)?;
/// assert!(effect.estimate < 0.0 && effect.degrees_of_freedom.is_some_and(|degrees| degrees < 3.0));
/// # Ok::<(), stats::ClusteredError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ClusteredRegression {
    fit: LeastSquares,
    design: DMatrix<f64>,
    /// The unit of each row, ascending.
    units: Vec<usize>,
    count: usize,
}

impl ClusteredRegression {
    /// Fits an outcome on columns, with an intercept before them; factors come as columns of zeros and ones.
    ///
    /// `columns` are `[k][n]`, `outcome` and `units` `[n]`. Rows are sorted before they are summed, so that their order
    /// cannot matter.
    ///
    /// # Errors
    /// [`ClusteredError`] when lengths differ, a number is not finite, there are fewer than two units, not more rows than
    /// coefficients, or a column is a combination of those before it.
    pub fn fit<K: Ord>(columns: &[&[f64]], outcome: &[f64], units: &[K]) -> Result<Self, ClusteredError> {
        Self::fit_weighted(columns, outcome, &vec![1.0; outcome.len()], units)
    }

    /// Does the same by weighted least squares: `weights` are `[n]` and positive, and the working variance of a row, by
    /// which [`ClusteredRegression::cr2`] corrects, is one over its weight.
    ///
    /// # Errors
    /// As for [`ClusteredRegression::fit`], and when a weight is not positive and finite.
    pub fn fit_weighted<K: Ord>(
        columns: &[&[f64]],
        outcome: &[f64],
        weights: &[f64],
        units: &[K],
    ) -> Result<Self, ClusteredError> {
        let rows = outcome.len();
        if let Some(values) = columns.iter().map(|column| column.len()).chain([weights.len()]).find(|n| *n != rows) {
            return Err(LinearError::LengthMismatch { rows, values }.into());
        }
        if let Some(&weight) = weights.iter().find(|weight| !(**weight > 0.0 && weight.is_finite())) {
            return Err(ClusteredError::Weight { weight });
        }
        let numbered = Numbered::of(rows, units).map_err(ClusteredError::Units)?;
        let coefficients = columns.len() + 1;
        if rows <= coefficients {
            return Err(LinearError::TooFewObservations { observations: rows, coefficients }.into());
        }
        let mut order: Vec<usize> = (0..rows).collect();
        order.sort_by(|&one, &other| {
            let by_unit = numbered.clusters[one].cmp(&numbered.clusters[other]);
            let by_column = |column: &&[f64]| column[one].total_cmp(&column[other]);
            let by_columns = columns.iter().map(by_column).find(|order| order.is_ne());
            by_unit
                .then(outcome[one].total_cmp(&outcome[other]))
                .then(by_columns.unwrap_or(Ordering::Equal))
                .then(weights[one].total_cmp(&weights[other]))
        });
        let scale: Vec<f64> = order.iter().map(|row| weights[*row].sqrt()).collect();
        let entry = |row: usize, column: usize| if column == 0 { 1.0 } else { columns[column - 1][order[row]] };
        let design = DMatrix::from_fn(rows, coefficients, |row, column| scale[row] * entry(row, column));
        let response = DVector::from_iterator(rows, order.iter().zip(&scale).map(|(row, scale)| scale * outcome[*row]));
        let fit = LeastSquares::fit(&design, &response, None)?;
        let units = order.iter().map(|row| numbered.clusters[*row]).collect();
        Ok(Self { fit, design, units, count: numbered.count })
    }

    /// Does the same with the logarithms of the outcomes: coefficients are logarithms of ratios.
    ///
    /// # Errors
    /// As for [`ClusteredRegression::fit`], and when an outcome is not positive.
    pub fn of_logarithms<K: Ord>(columns: &[&[f64]], outcome: &[f64], units: &[K]) -> Result<Self, ClusteredError> {
        if let Some(&value) = outcome.iter().find(|value| !(**value > 0.0 && value.is_finite())) {
            return Err(ClusteredError::NotPositive { value });
        }
        let logarithms: Vec<f64> = outcome.iter().map(|value| libm::log(*value)).collect();
        Self::fit(columns, &logarithms, units)
    }

    /// How many units there are.
    #[must_use]
    pub fn units(&self) -> usize {
        self.count
    }

    /// The coefficients, the intercept first.
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        self.fit.coefficients.as_slice()
    }

    /// Gives a coefficient with the plain cluster-robust standard error and a t distribution of `G − 1` degrees of freedom.
    ///
    /// # Formula
    /// ```text
    /// V = c M (Σ_g X_gᵀ e_g e_gᵀ X_g) M,   M = (XᵀX)⁻¹      c = G/(G − 1) · (n − 1)/(n − k)
    /// ```
    /// Where every row is a unit of its own, this is HC1, `n/(n − k)` times White's.
    ///
    /// # Errors
    /// [`ClusteredError`] when there is no such column, or the units leave no error.
    ///
    /// # Use with care
    /// Too narrow below some forty units, or where few of them carry the arm; [`ClusteredRegression::cr2`] is then nearer.
    ///
    /// # References
    /// Liang & Zeger (1986), Biometrika 73, 13–22. Cameron & Miller (2015), Journal of Human Resources 50, 317–372, (11)–(12).
    pub fn cr1(&self, column: usize) -> Result<Wald, ClusteredError> {
        let (rows, columns) = self.design.shape();
        if column >= columns {
            return Err(ClusteredError::NoColumn { column, columns });
        }
        let mut scores = self.design.clone();
        for (row, residual) in self.fit.residuals.iter().enumerate() {
            scores.row_mut(row).scale_mut(*residual);
        }
        let covariance = sandwich(&self.fit.unscaled_covariance, &scores, &self.units);
        let (n, units) = (rows as f64, self.count as f64);
        let factor = units / (units - 1.0) * ((n - 1.0) / (n - columns as f64));
        self.wald(column, factor * covariance[(column, column)], units - 1.0)
    }

    /// Gives a coefficient with the bias-reduced cluster-robust standard error and Satterthwaite's degrees of freedom.
    ///
    /// # Formula
    /// ```text
    /// V = M (Σ_g X_gᵀ A_g e_g e_gᵀ A_g X_g) M,   A_g = (I − X_g M X_gᵀ)^(−½)
    /// ν = (Σ_g p_gᵀp_g)² / Σ_g Σ_h (p_gᵀp_h)²,   p_g = (I − H)_gᵀ A_g X_g M c
    /// ```
    /// `A_g` is the symmetric root, of the pseudo-inverse where a unit fits a column alone; it comes from an
    /// eigendecomposition of the size of the coefficients, whatever the size of a unit. `V` is free of bias, and `ν` right,
    /// where errors are in truth independent and alike. Where every row is a unit of its own, this is HC2.
    ///
    /// # Errors
    /// [`ClusteredError`] when there is no such column, or the units leave no error.
    ///
    /// # Use with care
    /// Below about four degrees of freedom even this is too narrow.
    ///
    /// # References
    /// Bell & `McCaffrey` (2002), Survey Methodology 28, 169–181. Pustejovsky & Tipton (2018), Journal of Business & Economic
    /// Statistics 36, 672–683, (10)–(14).
    pub fn cr2(&self, column: usize) -> Result<Wald, ClusteredError> {
        let columns = self.design.ncols();
        if column >= columns {
            return Err(ClusteredError::NoColumn { column, columns });
        }
        let last = LinearError::Collinear { column: columns - 1 };
        let root = self.fit.unscaled_covariance.clone().cholesky().ok_or(last)?.l();
        let direction = self.fit.unscaled_covariance.column(column);
        let (mut variance, mut trace, mut squares) = (0.0, 0.0, 0.0);
        let mut products = DMatrix::zeros(columns, columns);
        let mut start = 0;
        for unit in self.units.chunk_by(|one, other| one == other) {
            let own = self.design.rows(start, unit.len());
            let plain: DVector<f64> = own * direction;
            let pull = adjusted(&(own * &root), &plain);
            let score = pull.dot(&self.fit.residuals.rows(start, unit.len()));
            variance += score * score;
            // p_gᵀp_h is the product of pulls within a unit less that of their images in the space of the design.
            let image = root.tr_mul(&own.tr_mul(&pull));
            let (whole, within) = (pull.norm_squared(), image.norm_squared());
            trace += whole - within;
            squares += (whole - within) * (whole - within) - within * within;
            products += &image * image.transpose();
            start += unit.len();
        }
        squares += products.norm_squared();
        let freedom = trace * (trace / squares);
        if !(freedom.is_finite() && freedom > 0.0) {
            return Err(ClusteredError::NoSpread { column });
        }
        self.wald(column, variance, freedom)
    }

    fn wald(&self, column: usize, variance: f64, freedom: f64) -> Result<Wald, ClusteredError> {
        let size = self.fit.residuals.amax();
        // A perfect fit leaves residuals of rounding alone.
        let scale = self.design.column_iter().zip(&self.fit.coefficients).map(|(x, b)| x.amax() * b.abs()).sum::<f64>();
        let none = ClusteredError::NoSpread { column };
        if size <= 1e-13 * scale {
            return Err(none);
        }
        let floor = 1e-20 * size * size * self.fit.unscaled_covariance[(column, column)];
        let wald = Wald::normal(self.fit.coefficients[column], variance.sqrt()).filter(|_| variance > floor);
        Ok(wald.ok_or(none)?.with_degrees_of_freedom(freedom))
    }
}

/// `(I − ZZᵀ)^(−½) v`, by the eigenvalues of `ZᵀZ`: those of `ZZᵀ` that are not 0.
fn adjusted(image: &DMatrix<f64>, vector: &DVector<f64>) -> DVector<f64> {
    let eigen = image.tr_mul(image).symmetric_eigen();
    let rotated = eigen.eigenvectors.tr_mul(&image.tr_mul(vector));
    let scaled = rotated.zip_map(&eigen.eigenvalues, |entry, value| {
        let root = (1.0 - value).max(0.0).sqrt();
        // (1/root − 1) / value, without the division by what may be 0; the pseudo-inverse has 0 for 1/root.
        entry * if root > 1e-6 { 1.0 / (root * (1.0 + root)) } else { -1.0 / value }
    });
    vector + image * (eigen.eigenvectors * scaled)
}
