//! Effects within units: two variances, and standard errors that hold when the model of them does not.

use nalgebra::{DMatrix, DVector};

use super::tau2::Model;
use super::{
    CombineError, CommonMean, Effects, HeterogeneityTest, Tau2Method, around, check, heterogeneity, needs, same_length,
};
use crate::interval::Interval;
use crate::numeric::bisected_root;

/// A standard error that allows for any dependence within units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClusterRobust {
    /// The standard error of the mean.
    pub standard_error: f64,
    /// The degrees of freedom of its t distribution.
    pub degrees_of_freedom: f64,
}

/// A mean of effects that lie within units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThreeLevel {
    /// How many effects there are.
    pub count: usize,
    /// How many units they come from.
    pub units: usize,
    /// The mean.
    pub estimate: f64,
    /// Its standard error by the model.
    pub standard_error: f64,
    /// The variance between units.
    pub between_units: f64,
    /// The variance between effects of one unit.
    pub within_units: f64,
    /// The restricted log likelihood.
    pub log_likelihood: f64,
    /// Cochran's test over all effects.
    pub heterogeneity: HeterogeneityTest,
    /// The sandwich with the factor `m / (m − 1)` for `m` units and `m − 1` degrees of freedom.
    pub cr1: ClusterRobust,
    /// The bias-reduced sandwich with Satterthwaite's degrees of freedom.
    pub cr2: ClusterRobust,
}

impl ThreeLevel {
    /// Gives the interval of the mean by the model, with normal quantiles.
    ///
    /// # Errors
    /// [`CombineError`] when there are fewer than three units or `confidence` is not strictly between 0 and 1.
    pub fn wald_interval(&self, confidence: f64) -> Result<Interval, CombineError> {
        needs(self.units, 3)?;
        around(self.estimate, self.standard_error, None, confidence)
    }

    /// Gives the interval of the mean with a robust standard error of this fit.
    ///
    /// # Errors
    /// [`CombineError`] when there are fewer than three units or `confidence` is not strictly between 0 and 1.
    pub fn robust_interval(&self, robust: ClusterRobust, confidence: f64) -> Result<Interval, CombineError> {
        needs(self.units, 3)?;
        around(self.estimate, robust.standard_error, Some(robust.degrees_of_freedom), confidence)
    }
}

/// Pools effects that come from units, several from some.
///
/// # Model
/// Effect `i` of unit `g` is `y = μ + b_g + u_i + e_i` with `Var(b) = β`, `Var(u) = ω`, `Var(e) = v` known.
///
/// # Formula
/// ```text
/// w_i = 1 / (v_i + ω)     s_g = Σ w_i     ȳ_g = Σ w_i y_i / s_g      μ = Σ ȳ_g / (β + 1/s_g) / Σ 1 / (β + 1/s_g)
/// CR1   M² m/(m − 1) Σ_g (1ᵀV_g⁻¹r_g)²      M = 1 / Σ 1 / (β + 1/s_g) the variance of μ, r = y − μ
/// CR2   M² Σ_g (1ᵀV_g⁻¹A_g r_g)²            A_g symmetric with A_g (V_g − M11ᵀ) A_g = V_g
/// ```
/// Both variances by restricted maximum likelihood: for each `ω`, `β` is the estimate of
/// [`tau2_restricted_likelihood`](crate::tau2_restricted_likelihood) from the units' means; `ω` is where the derivative
/// of the likelihood falls through 0, found by halving between the points of a grid of quarters, and the highest of
/// several is taken. The cost of a step is linear in the number of effects; CR2 takes one eigendecomposition for each
/// unit, the cube of its number of effects. Its degrees of freedom are Satterthwaite's, with the fit as the model.
/// Where no unit has two effects the two variances cannot be told apart, and all of it counts as between units.
///
/// `estimates`, `variances` and `units` are `[k]`.
///
/// # Errors
/// [`CombineError`] when lengths differ, an estimate is not finite, a variance not positive and finite, or there are
/// fewer than two units.
///
/// # Use with care
/// Weights follow claimed variances, as in [`pool`](crate::pool). With few units trust only CR2, and not below four
/// degrees of freedom.
///
/// # Examples
/// ```
/// let y = [0.1, 0.2, 0.4, 0.5, -0.1, 0.0];
/// let units = ["a", "a", "b", "b", "c", "c"];
/// let fit = stats::three_level(&y, &[0.01; 6], &units)?;
/// assert!((fit.estimate - 1.1 / 6.0).abs() < 1e-12 && fit.between_units > 0.0);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Konstantopoulos (2011), Research Synthesis Methods 2, 61–76. Hedges, Tipton & Johnson (2010), Research Synthesis
/// Methods 1, 39–65. Pustejovsky & Tipton (2018), Journal of Business & Economic Statistics 36, 672–683.
pub fn three_level<K: Ord>(estimates: &[f64], variances: &[f64], units: &[K]) -> Result<ThreeLevel, CombineError> {
    let grouped = Grouped::of(estimates, variances, units)?;
    needs(grouped.units.len(), 2)?;
    let within_units = grouped.most_likely_within()?;
    let level = grouped.level(within_units)?;
    let mean = CommonMean::of(&level.means).mean(level.between);
    let effects = Effects::of(estimates, variances)?;
    let all = CommonMean::of(&effects);
    let q = all.spread(&|variance| 1.0 / variance).residual;
    let log_likelihood = grouped.log_likelihood(within_units, &level);
    if ![mean.estimate, mean.variance, q, log_likelihood].iter().all(|value| value.is_finite()) {
        return Err(CombineError::OutOfRange);
    }
    let (cr1, cr2) = grouped.robust(within_units, level.between, mean.estimate)?;
    Ok(ThreeLevel {
        count: estimates.len(),
        units: grouped.units.len(),
        estimate: mean.estimate,
        standard_error: mean.variance.sqrt(),
        between_units: level.between,
        within_units,
        log_likelihood,
        heterogeneity: heterogeneity(q, all.freedom())?,
        cr1,
        cr2,
    })
}

/// The means of the units at one variance within them, and the variance between them that is then most likely.
struct Level {
    means: Effects,
    between: f64,
}

/// Effects by unit, sorted within it.
struct Grouped {
    units: Vec<Vec<(f64, f64)>>,
}

impl Grouped {
    fn of<K: Ord>(estimates: &[f64], variances: &[f64], units: &[K]) -> Result<Self, CombineError> {
        check(estimates, variances)?;
        same_length(estimates.len(), units.len())?;
        let mut rows: Vec<(&K, f64, f64)> =
            units.iter().zip(estimates).zip(variances).map(|((unit, y), v)| (unit, *y, *v)).collect();
        rows.sort_by(|one, other| one.0.cmp(other.0).then(one.1.total_cmp(&other.1)).then(one.2.total_cmp(&other.2)));
        let own = |rows: &[(&K, f64, f64)]| rows.iter().map(|(_, y, v)| (*y, *v)).collect();
        Ok(Self { units: rows.chunk_by(|one, other| one.0 == other.0).map(own).collect() })
    }

    fn level(&self, within: f64) -> Result<Level, CombineError> {
        let (means, variances): (Vec<f64>, Vec<f64>) =
            self.units.iter().map(|unit| weighted(unit, within)).map(|unit| (unit.mean, 1.0 / unit.sum)).unzip();
        let means = Effects::of(&means, &variances)?;
        let between = super::between_variance(&CommonMean::of(&means), Tau2Method::RestrictedLikelihood)?;
        Ok(Level { means, between })
    }

    /// The sandwich standard errors at the variances of the fit.
    fn robust(&self, within: f64, between: f64, mean: f64) -> Result<(ClusterRobust, ClusterRobust), CombineError> {
        let weights: Vec<f64> =
            self.units.iter().map(|unit| 1.0 / (between + 1.0 / weighted(unit, within).sum)).collect();
        let variance = 1.0 / weights.iter().sum::<f64>();
        let (mut plain, mut adjusted, mut pulls) = (0.0, 0.0, Vec::new());
        for (unit, weight) in self.units.iter().zip(&weights) {
            let residual = DVector::from_iterator(unit.len(), unit.iter().map(|(estimate, _)| estimate - mean));
            let own = weighted(unit, within);
            plain += (weight * (own.mean - mean)) * (weight * (own.mean - mean));
            let row = adjusted_row(unit, within, between, variance).ok_or(CombineError::NotConverged)?;
            let score = row.dot(&residual);
            adjusted += score * score;
            pulls.push(row.sum());
        }
        let units = self.units.len() as f64;
        // Entries of the matrix of the quadratic form: the weight on the diagonal, less the product of pulls off it.
        let whole: f64 = pulls.iter().map(|pull| pull * pull).sum();
        let own: f64 = pulls.iter().map(|pull| pull.powi(4)).sum();
        let diagonal: f64 = weights.iter().map(|weight| weight * weight).sum();
        let squares = diagonal + variance * variance * (whole * whole - own).max(0.0);
        let cr1 = ClusterRobust {
            standard_error: variance * (plain * units / (units - 1.0)).sqrt(),
            degrees_of_freedom: units - 1.0,
        };
        let cr2 = ClusterRobust {
            standard_error: variance * adjusted.sqrt(),
            degrees_of_freedom: 1.0 / (variance * variance * squares),
        };
        Ok((cr1, cr2))
    }

    /// The derivative of the restricted likelihood in the variance within units, at the best variance between them.
    fn slope(&self, within: f64) -> Result<f64, CombineError> {
        let level = self.level(within)?;
        let mean = CommonMean::of(&level.means).mean(level.between);
        let (mut square, mut trace) = (0.0, 0.0);
        for unit in &self.units {
            let own = weighted(unit, within);
            let shrink = 1.0 / (1.0 + level.between * own.sum);
            for (estimate, variance) in unit {
                let weight = 1.0 / (variance + within);
                // The entry of Py: the residual, less what the unit's own deviation takes.
                let score = weight * (estimate - own.mean + shrink * (own.mean - mean.estimate));
                square += score * score;
                trace += weight - weight * weight * level.between * shrink;
                trace -= mean.variance * weight * weight * shrink * shrink;
            }
        }
        Ok(0.5 * (square - trace))
    }

    fn log_likelihood(&self, within: f64, level: &Level) -> f64 {
        let count: usize = self.units.iter().map(Vec::len).sum();
        let model = CommonMean::of(&level.means);
        let weight = |variance: f64| 1.0 / (variance + level.between);
        let between = model.spread(&weight).residual;
        let (mut log_weights, mut residual) = (0.0, between);
        for unit in &self.units {
            let own = weighted(unit, within);
            log_weights -= libm::log(1.0 + level.between * own.sum);
            for (estimate, variance) in unit {
                let weight = 1.0 / (variance + within);
                log_weights += libm::log(weight);
                residual += weight * (estimate - own.mean) * (estimate - own.mean);
            }
        }
        let freedom = (count - 1) as f64;
        let design = libm::log(count as f64) - model.log_information(&weight);
        0.5 * (log_weights + design - residual - freedom * libm::log(std::f64::consts::TAU))
    }

    fn most_likely_within(&self) -> Result<f64, CombineError> {
        if self.units.iter().all(|unit| unit.len() == 1) {
            return Ok(0.0);
        }
        let all = self.units.iter().flatten();
        let centre = self.units[0][0].0;
        let squares: f64 = all.clone().map(|(estimate, _)| (estimate - centre) * (estimate - centre)).sum();
        let largest = all.clone().fold(0.0_f64, |largest, (_, variance)| largest.max(*variance));
        let smallest = all.fold(f64::INFINITY, |smallest, (_, variance)| smallest.min(*variance));
        let bound = 4.0 * (squares + largest);
        if !bound.is_finite() {
            return Err(CombineError::OutOfRange);
        }
        let bottom = (smallest / 16.0).max(bound * 1e-30);
        let mut points: Vec<f64> = std::iter::successors(Some(bound), |point| Some(point / 4.0))
            .take_while(|point| *point >= bottom)
            .collect();
        points.reverse();
        let mut best: Option<(f64, f64)> = None;
        let mut consider = |within: f64| -> Result<(), CombineError> {
            let height = self.log_likelihood(within, &self.level(within)?);
            if best.is_none_or(|(_, highest)| height > highest) {
                best = Some((within, height));
            }
            Ok(())
        };
        let (mut low, mut rises) = (0.0, self.slope(0.0)? > 0.0);
        if !rises {
            consider(0.0)?;
        }
        for high in points {
            let rises_on = self.slope(high)? > 0.0;
            if rises && !rises_on {
                consider(bisected_root(low, high, |within| self.slope(within).unwrap_or(f64::NAN)))?;
            }
            (low, rises) = (high, rises_on);
        }
        if rises {
            consider(low)?;
        }
        Ok(best.map_or(0.0, |(within, _)| within))
    }
}

/// `1ᵀV⁻¹A` of one unit, with `A` the symmetric solution of `A (V − M11ᵀ) A = V`: by `V = LLᵀ`, `A = L G^(−½) Lᵀ` with
/// `G = Lᵀ (V − M11ᵀ) L`.
fn adjusted_row(unit: &[(f64, f64)], within: f64, between: f64, mean_variance: f64) -> Option<DVector<f64>> {
    let size = unit.len();
    let own = |place: usize| unit[place].1 + within;
    let covariance = DMatrix::from_fn(size, size, |row, column| between + if row == column { own(row) } else { 0.0 });
    let lower = covariance.cholesky()?.l();
    let ones = DVector::from_element(size, 1.0);
    let product = lower.tr_mul(&lower);
    let pull = lower.tr_mul(&ones);
    let inner = &product * &product - &pull * pull.transpose() * mean_variance;
    let eigen = inner.symmetric_eigen();
    let rotated = eigen.eigenvectors.tr_mul(&lower.solve_lower_triangular(&ones)?);
    let scaled = rotated.zip_map(&eigen.eigenvalues, |entry, value| entry / value.sqrt());
    let row = lower * (eigen.eigenvectors * scaled);
    row.iter().all(|entry| entry.is_finite()).then_some(row)
}

struct WeightedUnit {
    sum: f64,
    mean: f64,
}

fn weighted(unit: &[(f64, f64)], within: f64) -> WeightedUnit {
    let centre = unit[0].0;
    let (sum, moment) = unit.iter().fold((0.0, 0.0), |(sum, moment), (estimate, variance)| {
        let weight = 1.0 / (variance + within);
        (sum + weight, moment + weight * (estimate - centre))
    });
    WeightedUnit { sum, mean: centre + moment / sum }
}
