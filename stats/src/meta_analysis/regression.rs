//! How effects change with what is known about the places they come from.

use nalgebra::{DMatrix, DVector};

use super::tau2::Spread;
use super::{
    CombineError, HeterogeneityTest, Model, PooledMethod, PooledTest, Tau2Method, around, between_variance, check,
    heterogeneity, same_length, scaled_error, test_of,
};
use crate::interval::Interval;
use crate::linear::{LeastSquares, LinearError};

/// A coefficient of a meta-regression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegressionCoefficient {
    /// The coefficient.
    pub estimate: f64,
    /// Its test against 0, with its standard error.
    pub test: PooledTest,
}

impl RegressionCoefficient {
    /// Gives the interval of the coefficient.
    ///
    /// # Errors
    /// [`CombineError`] when `confidence` is not strictly between 0 and 1.
    pub fn interval(&self, confidence: f64) -> Result<Interval, CombineError> {
        around(self.estimate, self.test.standard_error, self.test.degrees_of_freedom, confidence)
    }
}

/// Effects explained by moderators.
#[derive(Debug, Clone, PartialEq)]
pub struct MetaRegression {
    /// The intercept, then one coefficient for each moderator.
    pub coefficients: Vec<RegressionCoefficient>,
    /// The variance between effects that the moderators leave.
    pub tau2: f64,
    /// The test for differences that the moderators leave.
    pub residual_heterogeneity: HeterogeneityTest,
    /// The share of the variance between effects that the moderators explain, at least 0; `None` where there is none.
    pub explained: Option<f64>,
}

/// Explains effects by moderators.
///
/// # Model
/// Effect `i` of `k` is `yᵢ = β₀ + Σⱼ βⱼxᵢⱼ + uᵢ + eᵢ` with `Var(eᵢ) = vᵢ` known and `Var(uᵢ) = τ²`.
///
/// # Formula
/// ```text
/// β = (XᵀWX)⁻¹XᵀWy      wᵢ = 1 / (vᵢ + τ²)      Cov(β) = s (XᵀWX)⁻¹
/// s = 1 (Wald), Σ wᵢrᵢ² / (k − p) (Hartung-Knapp), never below 1 (ad hoc); t with k − p degrees of freedom for both
/// ```
/// `moderators` holds one column of `[k]` values each; the intercept is added. `τ²` by the method, as in
/// [`pool`](crate::pool).
///
/// # Errors
/// [`CombineError`] when lengths differ, a number is not finite, a variance not positive, there are not more effects
/// than coefficients, or a moderator is a combination of the others.
///
/// # Use with care
/// Moderators must be declared before the effects are known; about ten effects a moderator are the usual minimum.
///
/// # Examples
/// ```
/// use stats::{PooledMethod, Tau2Method};
/// let y = [0.1, 0.2, 0.3, 0.4, 0.5];
/// let x = vec![1.0, 2.0, 3.0, 4.0, 5.0];
/// let method = PooledMethod::HartungKnappAdHoc;
/// let fit = stats::meta_regression(&y, &[0.01; 5], &[x], Tau2Method::RestrictedLikelihood, method)?;
/// assert!((fit.coefficients[1].estimate - 0.1).abs() < 1e-12);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Viechtbauer (2010), Journal of Statistical Software 36 (3). Knapp & Hartung (2003), Statistics in Medicine 22,
/// 2693–2710.
pub fn meta_regression(
    estimates: &[f64],
    variances: &[f64],
    moderators: &[Vec<f64>],
    tau2_method: Tau2Method,
    method: PooledMethod,
) -> Result<MetaRegression, CombineError> {
    let model = Moderated::of(estimates, variances, moderators)?;
    let tau2 = between_variance(&model, tau2_method)?;
    let fit = model.fit(&|variance| 1.0 / (variance + tau2))?;
    let freedom = model.freedom();
    let residual = model.spread(&|variance| 1.0 / (variance + tau2)).residual;
    let degrees_of_freedom = (method != PooledMethod::Wald).then_some(freedom);
    let coefficients = fit.coefficients.iter().enumerate().map(|(place, &estimate)| {
        let error = scaled_error(fit.unscaled_covariance[(place, place)].sqrt(), residual / freedom, method);
        Ok(RegressionCoefficient { estimate, test: test_of(estimate, error, degrees_of_freedom)? })
    });
    let alone = between_variance(&Moderated::of(estimates, variances, &[])?, tau2_method)?;
    Ok(MetaRegression {
        coefficients: coefficients.collect::<Result<_, CombineError>>()?,
        tau2,
        residual_heterogeneity: heterogeneity(model.spread(&|variance| 1.0 / variance).residual, freedom)?,
        explained: (alone > 0.0).then(|| ((alone - tau2) / alone).max(0.0)),
    })
}

/// The variance between effects of [`meta_regression`] alone, for whoever asks for it step after step.
pub(crate) fn residual_tau2(
    estimates: &[f64],
    variances: &[f64],
    moderators: &[Vec<f64>],
    tau2_method: Tau2Method,
) -> Result<f64, CombineError> {
    between_variance(&Moderated::of(estimates, variances, moderators)?, tau2_method)
}

/// Effects whose mean is linear in moderators.
struct Moderated {
    variances: Vec<f64>,
    response: DVector<f64>,
    design: DMatrix<f64>,
}

impl Moderated {
    fn of(estimates: &[f64], variances: &[f64], moderators: &[Vec<f64>]) -> Result<Self, CombineError> {
        check(estimates, variances)?;
        for moderator in moderators {
            same_length(estimates.len(), moderator.len())?;
        }
        let columns = moderators.len() + 1;
        if estimates.len() <= columns {
            let observations = estimates.len();
            return Err(LinearError::TooFewObservations { observations, coefficients: columns }.into());
        }
        let mut rows: Vec<Vec<f64>> = (0..estimates.len())
            .map(|row| {
                let own = [estimates[row], variances[row]];
                own.into_iter().chain(moderators.iter().map(|moderator| moderator[row])).collect()
            })
            .collect();
        rows.sort_by(|one, other| {
            let unequal = one.iter().zip(other).map(|(one, other)| one.total_cmp(other)).find(|order| order.is_ne());
            unequal.unwrap_or(std::cmp::Ordering::Equal)
        });
        let model = Self {
            variances: rows.iter().map(|row| row[1]).collect(),
            response: DVector::from_fn(rows.len(), |row, _| rows[row][0]),
            design: DMatrix::from_fn(
                rows.len(),
                columns,
                |row, column| {
                    if column == 0 { 1.0 } else { rows[row][column + 1] }
                },
            ),
        };
        // Whether the moderators determine a regression shows at both ends of what τ² can be.
        model.fit(&|_| 1.0)?;
        model.fit(&|variance| 1.0 / variance)?;
        Ok(model)
    }

    fn weights(&self, weight: &impl Fn(f64) -> f64) -> DVector<f64> {
        DVector::from_fn(self.variances.len(), |row, _| weight(self.variances[row]))
    }

    fn fit(&self, weight: &impl Fn(f64) -> f64) -> Result<LeastSquares, LinearError> {
        LeastSquares::fit(&self.design, &self.response, Some(&self.weights(weight)))
    }

    /// `xᵀ(XᵀWX)⁻¹x` of each row.
    fn leverages(&self, covariance: &DMatrix<f64>) -> Vec<f64> {
        self.design.row_iter().map(|row| (row * covariance * row.transpose())[(0, 0)]).collect()
    }

    /// `XᵀWFWX`.
    fn inner(&self, weights: &DVector<f64>, factor: &impl Fn(f64) -> f64) -> DMatrix<f64> {
        let mut scaled = self.design.clone();
        for (row, weight) in weights.iter().enumerate() {
            scaled.row_mut(row).scale_mut(weight * weight * factor(self.variances[row]));
        }
        self.design.tr_mul(&scaled)
    }
}

impl Model for Moderated {
    fn count(&self) -> usize {
        self.variances.len()
    }

    fn freedom(&self) -> f64 {
        (self.design.nrows() - self.design.ncols()) as f64
    }

    fn variances(&self) -> &[f64] {
        &self.variances
    }

    fn spread(&self, weight: &impl Fn(f64) -> f64) -> Spread {
        let weights = self.weights(weight);
        let undefined = Spread { residual: f64::NAN, square: f64::NAN, curvature: f64::NAN, ..Spread::default() };
        let Ok(fit) = self.fit(weight) else { return undefined };
        let scores = weights.component_mul(&fit.residuals);
        let Ok(second) = LeastSquares::fit(&self.design, &scores, Some(&weights)) else { return undefined };
        Spread {
            residual: scores.dot(&fit.residuals),
            square: scores.norm_squared(),
            curvature: second.residuals.component_mul(&second.residuals).dot(&weights),
            trace: self.trace_of(weight, &|_| 1.0),
            weight_sum: weights.sum(),
            weight_square_sum: weights.norm_squared(),
        }
    }

    fn trace_of(&self, weight: &impl Fn(f64) -> f64, factor: &impl Fn(f64) -> f64) -> f64 {
        let Ok(fit) = self.fit(weight) else { return f64::NAN };
        let leverages = self.leverages(&fit.unscaled_covariance);
        let weights = self.weights(weight);
        let terms = weights.iter().zip(leverages).zip(&self.variances);
        terms.map(|((weight, leverage), variance)| weight * (1.0 - weight * leverage) * factor(*variance)).sum()
    }

    fn paired_trace(
        &self,
        weight: &impl Fn(f64) -> f64,
        left: &impl Fn(f64) -> f64,
        right: &impl Fn(f64) -> f64,
    ) -> f64 {
        let Ok(fit) = self.fit(weight) else { return f64::NAN };
        let covariance = &fit.unscaled_covariance;
        let weights = self.weights(weight);
        let terms = weights.iter().zip(self.leverages(covariance)).zip(&self.variances);
        let own: f64 = terms
            .map(|((weight, leverage), variance)| {
                weight * weight * (1.0 - 2.0 * weight * leverage) * left(*variance) * right(*variance)
            })
            .sum();
        own + (covariance * self.inner(&weights, left) * covariance * self.inner(&weights, right)).trace()
    }

    fn log_information(&self, weight: &impl Fn(f64) -> f64) -> f64 {
        self.fit(weight).map_or(f64::NAN, |fit| -libm::log(fit.unscaled_covariance.determinant()))
    }

    fn log_design(&self) -> f64 {
        self.log_information(&|_| 1.0)
    }
}
