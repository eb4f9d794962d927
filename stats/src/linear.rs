//! Least squares: what every regression of this crate rests on.

use nalgebra::{DMatrix, DVector};

#[cfg(test)]
mod tests;

/// Why a regression has no answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum LinearError {
    /// There are not more observations than coefficients.
    #[error("`{observations}` observations do not determine `{coefficients}` coefficients and an error")]
    TooFewObservations {
        /// Rows of the design.
        observations: usize,
        /// Columns of the design.
        coefficients: usize,
    },
    /// A column of the design is a combination of those before it.
    #[error("column `{column}` of the design is a combination of the columns before it")]
    Collinear {
        /// Its place, from 0.
        column: usize,
    },
    /// Design, response and weights are not of one length.
    #[error("the design has `{rows}` rows and `{values}` values stand beside it")]
    LengthMismatch {
        /// Rows of the design.
        rows: usize,
        /// Length of what stands beside it.
        values: usize,
    },
    /// A number is not finite, or a weight not positive.
    #[error("every number of a regression must be finite, and every weight positive")]
    NotFinite,
}

/// A fit by (weighted) least squares.
///
/// # Formula
/// ```text
/// β = (XᵀWX)⁻¹ XᵀWy,   by a QR decomposition of W^½X
/// ```
/// A column counts as a combination of the others where what the decomposition leaves of it is below 1e-9 of its length.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LeastSquares {
    /// One coefficient per column of the design.
    pub(crate) coefficients: DVector<f64>,
    /// `(XᵀWX)⁻¹`: times the variance of an error, the covariance of the coefficients.
    pub(crate) unscaled_covariance: DMatrix<f64>,
    /// Response minus fit, one per row, not weighted.
    pub(crate) residuals: DVector<f64>,
}

impl LeastSquares {
    /// Fits `response` on the columns of `design`; `weights` are inverse variances.
    pub(crate) fn fit(
        design: &DMatrix<f64>,
        response: &DVector<f64>,
        weights: Option<&DVector<f64>>,
    ) -> Result<Self, LinearError> {
        let (rows, columns) = design.shape();
        for values in std::iter::once(response.len()).chain(weights.map(DVector::len)) {
            if values != rows {
                return Err(LinearError::LengthMismatch { rows, values });
            }
        }
        if rows < columns || columns == 0 {
            return Err(LinearError::TooFewObservations { observations: rows, coefficients: columns });
        }
        let are_finite = design.iter().chain(response.iter()).all(|value| value.is_finite());
        let are_weights =
            weights.is_none_or(|weights| weights.iter().all(|weight| weight.is_finite() && *weight > 0.0));
        if !are_finite || !are_weights {
            return Err(LinearError::NotFinite);
        }
        let (mut scaled, mut target) = (design.clone(), response.clone());
        if let Some(weights) = weights {
            for (row, weight) in weights.iter().enumerate() {
                let root = weight.sqrt();
                scaled.row_mut(row).scale_mut(root);
                target[row] *= root;
            }
        }
        let lengths: Vec<f64> = scaled.column_iter().map(|column| column.norm()).collect();
        let decomposition = scaled.qr();
        let upper = decomposition.r();
        for (column, length) in lengths.iter().enumerate() {
            if upper[(column, column)].abs() <= 1e-9 * length {
                return Err(LinearError::Collinear { column });
            }
        }
        decomposition.q_tr_mul(&mut target);
        let rotated = target.rows(0, columns).into_owned();
        let solved = upper
            .solve_upper_triangular(&rotated)
            .zip(upper.solve_upper_triangular(&DMatrix::identity(columns, columns)));
        let (coefficients, inverse) = solved.ok_or(LinearError::Collinear { column: columns - 1 })?;
        let residuals = response - design * &coefficients;
        Ok(Self { unscaled_covariance: &inverse * inverse.transpose(), coefficients, residuals })
    }
}

/// The covariance of coefficients whose errors are free within a cluster and independent between clusters.
///
/// # Formula
/// ```text
/// V = A (Σ_g s_g s_gᵀ) A,   s_g = Σ_{i in g} xᵢ uᵢ,   A = (XᵀWX)⁻¹
/// ```
/// `scores` holds `xᵢuᵢ` in its rows, with the weight where there is one; `clusters` names the cluster of each row. No
/// small-sample factor is applied.
///
/// # References
/// Liang & Zeger (1986), Longitudinal data analysis using generalized linear models, Biometrika 73, 13-22.
pub(crate) fn sandwich(unscaled_covariance: &DMatrix<f64>, scores: &DMatrix<f64>, clusters: &[usize]) -> DMatrix<f64> {
    let columns = scores.ncols();
    let groups = clusters.iter().max().map_or(0, |last| last + 1);
    let mut sums = DMatrix::zeros(groups, columns);
    for (row, cluster) in clusters.iter().enumerate() {
        for column in 0..columns {
            sums[(*cluster, column)] += scores[(row, column)];
        }
    }
    unscaled_covariance * sums.tr_mul(&sums) * unscaled_covariance
}
