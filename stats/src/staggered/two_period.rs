//! The effect on the treated from one change of each unit, and what each unit contributes to its error.

use nalgebra::{DMatrix, DVector};

use super::{Adjustment, StaggeredError};
use crate::linear::LeastSquares;

/// A probability of treatment beyond this leaves a treated unit without controls like it.
const OVERLAP: f64 = 0.999;

/// Changes of treated units and of their controls.
pub(super) struct TwoPeriod {
    pub(super) change: DVector<f64>,
    pub(super) is_treated: Vec<bool>,
    pub(super) weights: DVector<f64>,
    /// A column of ones, then the covariates.
    pub(super) design: DMatrix<f64>,
}

/// An estimate and the parts of its error: `estimate − truth ≈ Σ contributions`, one for each unit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Contributed {
    pub(super) estimate: f64,
    pub(super) contributions: DVector<f64>,
}

/// A fitted model: what a linear combination of its coefficients owes to each unit.
struct Nuisance {
    coefficients: DVector<f64>,
    /// `[units × coefficients]`.
    contributions: DMatrix<f64>,
}

impl TwoPeriod {
    pub(super) fn effect(&self, adjustment: Adjustment) -> Result<Contributed, StaggeredError> {
        if self.design.ncols() == 1 {
            return Ok(self.difference_of_means());
        }
        match adjustment {
            Adjustment::Regression => self.regression(),
            Adjustment::InverseProbability => self.inverse_probability(),
            Adjustment::DoublyRobust => self.doubly_robust(),
        }
    }

    fn difference_of_means(&self) -> Contributed {
        let controls = self.masked(|is_treated| !is_treated);
        difference(&mean(&self.treated(), &self.change), &mean(&controls, &self.change))
    }

    fn regression(&self) -> Result<Contributed, StaggeredError> {
        let outcome = self.outcome_model()?;
        let residuals = &self.change - &self.design * &outcome.coefficients;
        let treated = self.treated();
        let own = mean(&treated, &residuals);
        let through_model = &outcome.contributions * self.mean_design(&treated);
        Ok(Contributed { contributions: own.contributions - through_model, ..own })
    }

    fn inverse_probability(&self) -> Result<Contributed, StaggeredError> {
        let propensity = self.propensity_model()?;
        let odds = self.control_odds(&propensity);
        let (own, other) = (mean(&self.treated(), &self.change), mean(&odds, &self.change));
        let through_odds = self.through_odds(&propensity, &other);
        let mut effect = difference(&own, &other);
        effect.contributions -= through_odds;
        Ok(effect)
    }

    fn doubly_robust(&self) -> Result<Contributed, StaggeredError> {
        let (outcome, propensity) = (self.outcome_model()?, self.propensity_model()?);
        let residuals = &self.change - &self.design * &outcome.coefficients;
        let (treated, odds) = (self.treated(), self.control_odds(&propensity));
        let (own, other) = (mean(&treated, &residuals), mean(&odds, &residuals));
        let mut effect = difference(&own, &other);
        effect.contributions -= self.through_odds(&propensity, &other);
        effect.contributions -= &outcome.contributions * (self.mean_design(&treated) - self.mean_design(&odds));
        Ok(effect)
    }

    /// The weights of the units of one side, 0 for the others.
    fn masked(&self, side: impl Fn(bool) -> bool) -> DVector<f64> {
        let kept = |(weight, is_treated): (&f64, &bool)| if side(*is_treated) { *weight } else { 0.0 };
        DVector::from_iterator(self.weights.len(), self.weights.iter().zip(&self.is_treated).map(kept))
    }

    fn treated(&self) -> DVector<f64> {
        self.masked(|is_treated| is_treated)
    }

    fn mean_design(&self, weights: &DVector<f64>) -> DVector<f64> {
        self.design.tr_mul(weights) / weights.sum()
    }

    /// What the mean under the controls' odds owes to the estimated probabilities: the odds grow by `x` of themselves.
    fn through_odds(&self, propensity: &Nuisance, mean: &Contributed) -> DVector<f64> {
        &propensity.contributions * self.design.tr_mul(&mean.contributions)
    }

    /// The change that the controls' covariates foretell.
    fn outcome_model(&self) -> Result<Nuisance, StaggeredError> {
        let controls: Vec<usize> = (0..self.is_treated.len()).filter(|unit| !self.is_treated[*unit]).collect();
        let design = self.design.select_rows(&controls);
        let (change, weights) = (self.change.select_rows(&controls), self.weights.select_rows(&controls));
        let fit = LeastSquares::fit(&design, &change, Some(&weights))?;
        let residuals =
            self.masked(|is_treated| !is_treated).component_mul(&(&self.change - &self.design * &fit.coefficients));
        Ok(Nuisance {
            contributions: self.scored(&residuals, &fit.unscaled_covariance),
            coefficients: fit.coefficients,
        })
    }

    /// The probability of treatment by the covariates, a logit fitted by Newton's method.
    fn propensity_model(&self) -> Result<Nuisance, StaggeredError> {
        let treated =
            DVector::from_iterator(self.is_treated.len(), self.is_treated.iter().map(|is| f64::from(u8::from(*is))));
        let mut coefficients = DVector::zeros(self.design.ncols());
        for _ in 0..50 {
            let probabilities = (&self.design * &coefficients).map(|index| 1.0 / (1.0 + libm::exp(-index)));
            if probabilities.max() > OVERLAP {
                return Err(StaggeredError::NoOverlap);
            }
            let spread = probabilities.map(|p| p * (1.0 - p));
            if spread.min() < f64::MIN_POSITIVE {
                return Err(StaggeredError::NoOverlap);
            }
            let surprise = &treated - &probabilities;
            let step = LeastSquares::fit(
                &self.design,
                &surprise.component_div(&spread),
                Some(&spread.component_mul(&self.weights)),
            )?;
            if step.coefficients.amax() <= 1e-10 * coefficients.amax().max(1.0) {
                let contributions = self.scored(&surprise.component_mul(&self.weights), &step.unscaled_covariance);
                return Ok(Nuisance { coefficients, contributions });
            }
            coefficients += &step.coefficients;
        }
        Err(StaggeredError::NoOverlap)
    }

    /// The weights that make the controls' covariates those of the treated.
    fn control_odds(&self, propensity: &Nuisance) -> DVector<f64> {
        let odds = (&self.design * &propensity.coefficients).map(libm::exp);
        self.masked(|is_treated| !is_treated).component_mul(&odds)
    }

    /// `A xᵢ uᵢ` in its rows.
    fn scored(&self, residuals: &DVector<f64>, unscaled_covariance: &DMatrix<f64>) -> DMatrix<f64> {
        let mut scores = &self.design * unscaled_covariance;
        for (row, residual) in residuals.iter().enumerate() {
            scores.row_mut(row).scale_mut(*residual);
        }
        scores
    }
}

/// A weighted mean, its weights taken as given.
fn mean(weights: &DVector<f64>, values: &DVector<f64>) -> Contributed {
    let total = weights.sum();
    let estimate = weights.dot(values) / total;
    Contributed { estimate, contributions: weights.zip_map(values, |w, value| w * (value - estimate) / total) }
}

fn difference(own: &Contributed, other: &Contributed) -> Contributed {
    Contributed { estimate: own.estimate - other.estimate, contributions: &own.contributions - &other.contributions }
}
