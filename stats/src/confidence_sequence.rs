//! Looking often without paying for it later: intervals and tests that hold at every look at once, and looks that are
//! declared beforehand.

use crate::distributions::{DistributionError, chi_squared_upper_tail, normal_upper_tail};
use crate::interval::{ConfidenceError, Interval, tail_probability};
use crate::numeric::{bisected_root, sorted, sorted_mean};

mod looks;
mod running;
#[cfg(test)]
mod tests;

pub use looks::{Look, Looks};
pub use running::{MixtureTest, RatioDecision, RatioTest, SequentialRatio};

/// Why a sequential question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SequentialError {
    /// There are no values.
    #[error("no values were given")]
    NoValues,
    /// A value is not finite.
    #[error("value `{value}` is not finite")]
    NotFinite {
        /// The value.
        value: f64,
    },
    /// A parameter is not positive and finite.
    #[error("parameter `{name}` must be positive and finite, got `{value}`")]
    Parameter {
        /// What the parameter is called.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// A probability is not strictly between 0 and 1.
    #[error("probability `{name}` must lie strictly between 0 and 1, got `{value}`")]
    Probability {
        /// What the probability is called.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// Two hypotheses are the same.
    #[error("both hypotheses are `{probability}`")]
    SameHypotheses {
        /// The probability under both.
        probability: f64,
    },
    /// Looks do not rise, or counts and levels differ in number.
    #[error("looks must rise, each with one level, and there must be one")]
    Looks,
    /// The levels of all looks add up to more than 1 or to more than was allowed.
    #[error("the levels of all looks add up to `{spent}`, above `{allowed}`")]
    Overspent {
        /// Their sum.
        spent: f64,
        /// What they may add up to.
        allowed: f64,
    },
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A tail could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// A boundary that a sum of deviations never crosses, with a given probability, at any time.
///
/// # Model
/// The sum `S` moves in steps of mean 0 that are normal or lighter-tailed, and `V` adds up their variances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormalMixture {
    precision: f64,
}

impl NormalMixture {
    /// Takes the precision `ρ` of the mixing distribution of the drift, in the unit of `V`.
    ///
    /// # Errors
    /// [`SequentialError`] when `precision` is not positive and finite.
    pub fn new(precision: f64) -> Result<Self, SequentialError> {
        Ok(Self { precision: positive("precision", precision)? })
    }

    /// Makes the two-sided boundary about as narrow as can be at one time.
    ///
    /// # Formula
    /// ```text
    /// ρ = V / (2 ln(1/α) + ln(1 + 2 ln(1/α)))
    /// ```
    ///
    /// # Errors
    /// [`SequentialError`] when `variance` is not positive and finite or `alpha` not strictly between 0 and 1.
    ///
    /// # References
    /// Howard, Ramdas, `McAuliffe` & Sekhon (2021), Annals of Statistics 49, 1055–1080, section 3.5.
    pub fn narrowest_at(variance: f64, alpha: f64) -> Result<Self, SequentialError> {
        positive("variance", variance)?;
        let twice = -2.0 * libm::log(probability("alpha", alpha)?);
        Self::new(variance / (twice + libm::log(1.0 + twice)))
    }

    /// Does what [`NormalMixture::narrowest_at`] does for the one-sided boundary.
    ///
    /// # Formula
    /// The same with `2α` for `α`.
    ///
    /// # Errors
    /// [`SequentialError`] when `variance` is not positive and finite or `alpha` not strictly between 0 and 0.5.
    ///
    /// # References
    /// As there.
    pub fn narrowest_one_sided_at(variance: f64, alpha: f64) -> Result<Self, SequentialError> {
        Self::narrowest_at(variance, 2.0 * alpha)
    }

    /// Gives the bound on `|S|`.
    ///
    /// # Formula
    /// ```text
    /// P(some V with |S| ≥ u(V)) ≤ α      u = √((V + ρ) ln((V + ρ) / (ρα²)))
    /// ```
    ///
    /// # Errors
    /// [`SequentialError`] when `variance` is not positive and finite or `alpha` not strictly between 0 and 1.
    ///
    /// # Examples
    /// ```
    /// let mixture = stats::NormalMixture::narrowest_at(100.0, 0.05)?;
    /// assert!((mixture.two_sided(100.0, 0.05)? - 30.352_089_903_762_5).abs() < 1e-9);
    /// # Ok::<(), stats::SequentialError>(())
    /// ```
    ///
    /// # References
    /// Robbins (1970), Annals of Mathematical Statistics 41, 1397–1409.
    pub fn two_sided(&self, variance: f64, alpha: f64) -> Result<f64, SequentialError> {
        let total = positive("variance", variance)? + self.precision;
        let log_alpha = libm::log(probability("alpha", alpha)?);
        Ok((total * (libm::log(total / self.precision) - 2.0 * log_alpha)).sqrt())
    }

    /// Gives the bound on `S` from above.
    ///
    /// # Formula
    /// ```text
    /// the u at which  ½ ln(4ρ/(V + ρ)) + u²/(2(V + ρ)) + ln Φ(u/√(V + ρ)) = ln(1/α)
    /// ```
    /// Found by halving.
    ///
    /// # Errors
    /// As for [`NormalMixture::two_sided`].
    ///
    /// # References
    /// Howard, Ramdas, `McAuliffe` & Sekhon (2021), Annals of Statistics 49, 1055–1080, proposition 6.
    pub fn one_sided(&self, variance: f64, alpha: f64) -> Result<f64, SequentialError> {
        let total = positive("variance", variance)? + self.precision;
        let target = -libm::log(probability("alpha", alpha)?);
        let log_martingale = |sum: f64| {
            let below = normal_upper_tail(-sum / total.sqrt()).unwrap_or(0.0);
            0.5 * libm::log(4.0 * self.precision / total) + sum * sum / (2.0 * total) + libm::log(below)
        };
        // Where the square alone reaches the target with the factor Φ at its least, one half.
        let high = (2.0 * total * (target + 0.5 * libm::log(total / self.precision))).sqrt();
        Ok(bisected_root(0.0, high, |sum| target - log_martingale(sum)))
    }
}

/// Gives an interval of the mean of values that holds at every number of values at once.
///
/// # Model
/// Values are independent with one mean and, at most, the variance `standard_deviation²`, and normal or lighter-tailed.
/// That variance is an assumption: it is not estimated from the values.
///
/// # Formula
/// ```text
/// mean ± u(nσ²) / n      u the two-sided boundary of the mixture
/// ```
/// It is a function of the set of values: no intersection with earlier intervals is taken, which would make it depend
/// on the order in which they came.
///
/// # Errors
/// [`SequentialError`] when there are no values, one is not finite, `standard_deviation` is not positive and finite, or
/// `confidence` is not strictly between 0 and 1.
///
/// # Use with care
/// Wider than an interval for one look: that is the price of looking whenever one likes.
///
/// # Examples
/// ```
/// let mixture = stats::NormalMixture::narrowest_at(10.0, 0.05)?;
/// let interval = stats::confidence_sequence(&[0.1, 0.4, 0.2, 0.3], 1.0, mixture, 0.95)?;
/// assert!(interval.low < 0.25 && 0.25 < interval.high);
/// # Ok::<(), stats::SequentialError>(())
/// ```
///
/// # References
/// Robbins (1970), Annals of Mathematical Statistics 41, 1397–1409. Howard et al. (2021), as for [`NormalMixture`].
pub fn confidence_sequence(
    values: &[f64],
    standard_deviation: f64,
    mixture: NormalMixture,
    confidence: f64,
) -> Result<Interval, SequentialError> {
    checked(values)?;
    positive("standard_deviation", standard_deviation)?;
    let alpha = 2.0 * tail_probability(confidence)?;
    let count = values.len() as f64;
    let estimate = sorted_mean(&sorted(values));
    let half = mixture.two_sided(count * standard_deviation * standard_deviation, alpha)? / count;
    Ok(Interval { estimate, low: estimate - half, high: estimate + half, confidence })
}

/// Gives the boundary of polynomial stitching, which grows like the square root of `V ln ln V`.
///
/// # Formula
/// ```text
/// ℓ = 1.4 ln ln(2V/m) + ln(ζ(1.4) / (α (ln 2)^1.4))      u = √(k₁²Vℓ + k₂²c²ℓ²) + k₂cℓ
/// k₁ = (2^¼ + 2^−¼)/√2, k₂ = (√2 + 1)/2;   V at least m = `smallest_variance`;   c = `scale` of the heaviest step
/// ```
///
/// # Errors
/// [`SequentialError`] when a number is not positive and finite (`scale` may be 0) or `alpha` not strictly between 0
/// and 1.
///
/// # Examples
/// ```
/// let bound = stats::stitched_boundary(1_000.0, 0.05, 100.0, 0.0)?;
/// assert!((bound - 112.831_617_376_022).abs() < 1e-8);
/// # Ok::<(), stats::SequentialError>(())
/// ```
///
/// # References
/// Howard, Ramdas, `McAuliffe` & Sekhon (2021), Annals of Statistics 49, 1055–1080, theorem 1.
pub fn stitched_boundary(
    variance: f64,
    alpha: f64,
    smallest_variance: f64,
    scale: f64,
) -> Result<f64, SequentialError> {
    const EXPONENT: f64 = 1.4;
    /// `ζ(1.4)`, to the last digit.
    const ZETA: f64 = 3.105_547_277_977_580_4;
    positive("smallest_variance", smallest_variance)?;
    let variance = positive("variance", variance)?.max(smallest_variance);
    if !(scale >= 0.0 && scale.is_finite()) {
        return Err(SequentialError::Parameter { name: "scale", value: scale });
    }
    let log_two = std::f64::consts::LN_2;
    let log_alpha = libm::log(probability("alpha", alpha)?);
    let epoch = libm::log(libm::log(2.0 * variance / smallest_variance));
    let level = EXPONENT * epoch + libm::log(ZETA) - log_alpha - EXPONENT * libm::log(log_two);
    let root = libm::sqrt(libm::sqrt(2.0));
    let square = 0.5 * (root + 1.0 / root) * (root + 1.0 / root);
    let linear = 0.5 * (std::f64::consts::SQRT_2 + 1.0) * scale * level;
    Ok((square * variance * level + linear * linear).sqrt() + linear)
}

/// Gives the boundary of the gamma-exponential mixture, for steps with exponential tails.
///
/// # Formula
/// ```text
/// the u at which the mixture supermartingale is 1/α, with a = (V + ρ)/c², b = (cu + V + ρ)/c², r = ρ/c²:
/// r ln r − ln Γ(r) − ln P(r, r) + ln Γ(a) + ln P(a, b) − a ln b + b − r = ln(1/α)
/// ```
/// `P` is the lower regularised gamma function; `ρ` is that of the one-sided normal mixture. Found by halving.
///
/// # Errors
/// [`SequentialError`] when a number is not positive and finite or `alpha` not strictly between 0 and 1.
///
/// # Examples
/// ```
/// let mixture = stats::NormalMixture::narrowest_one_sided_at(100.0, 0.05)?;
/// let bound = stats::gamma_exponential_boundary(100.0, 0.05, mixture, 1.0)?;
/// assert!((bound - 30.238_129_620_079_2).abs() < 1e-6);
/// # Ok::<(), stats::SequentialError>(())
/// ```
///
/// # References
/// Howard, Ramdas, `McAuliffe` & Sekhon (2021), Annals of Statistics 49, 1055–1080, proposition 9.
pub fn gamma_exponential_boundary(
    variance: f64,
    alpha: f64,
    mixture: NormalMixture,
    scale: f64,
) -> Result<f64, SequentialError> {
    positive("variance", variance)?;
    positive("scale", scale)?;
    let target = -libm::log(probability("alpha", alpha)?);
    let square = scale * scale;
    let (prior, shape) = (mixture.precision / square, (variance + mixture.precision) / square);
    let lower = |shape: f64, x: f64| 1.0 - chi_squared_upper_tail(2.0 * x, 2.0 * shape).unwrap_or(1.0);
    let constant =
        prior * libm::log(prior) - libm::lgamma(prior) - libm::log(lower(prior, prior)) + libm::lgamma(shape);
    let log_martingale = |sum: f64| {
        let rate = sum / scale + shape;
        constant + libm::log(lower(shape, rate)) - shape * libm::log(rate) + rate - prior
    };
    let mut high = scale;
    while log_martingale(high) < target && high < f64::MAX / 4.0 {
        high *= 2.0;
    }
    Ok(bisected_root(0.0, high, |sum| target - log_martingale(sum)))
}

fn positive(name: &'static str, value: f64) -> Result<f64, SequentialError> {
    if value > 0.0 && value.is_finite() { Ok(value) } else { Err(SequentialError::Parameter { name, value }) }
}

fn probability(name: &'static str, value: f64) -> Result<f64, SequentialError> {
    if value > 0.0 && value < 1.0 { Ok(value) } else { Err(SequentialError::Probability { name, value }) }
}

fn checked(values: &[f64]) -> Result<(), SequentialError> {
    if values.is_empty() {
        return Err(SequentialError::NoValues);
    }
    match values.iter().find(|value| !value.is_finite()) {
        Some(&value) => Err(SequentialError::NotFinite { value }),
        None => Ok(()),
    }
}
