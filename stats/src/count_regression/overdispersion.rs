//! The overdispersion `α = 1/θ` of negative binomial counts by maximum likelihood.
//!
//! `ln Γ(y + θ) − ln Γ(θ) − y ln θ` is the sum of `ln(1 + αk)` over `k < y`, which has no difference of large numbers
//! however small `α` is, and neither have its derivatives.

use super::{CountRegressionError, Data};
use crate::glm::Maximum;
use crate::numeric::sum_of_steps;

/// A fit with a top of its own.
pub(super) struct Overdispersed {
    pub(super) alpha: f64,
    /// Of `alpha`.
    pub(super) standard_error: f64,
    pub(super) maximum: Maximum,
    /// Without factorials.
    pub(super) log_likelihood: f64,
}

/// Fits `α` and the coefficients by turns; `None` where nothing is more likely than `α = 0`.
pub(super) fn fit_overdispersed(data: &Data, poisson: &Maximum) -> Result<Option<Overdispersed>, CountRegressionError> {
    let tally = Tally::of(&data.counts);
    let means = means(poisson);
    let unit = 1.0 / largest(&means);
    let at_limit = poisson.log_likelihood;
    // A grid of four steps a decade, from what no data tell from 0 to what leaves almost nothing but zeros.
    let steps = (-32..=48).map(|step| unit * libm::pow(10.0, f64::from(step) / 4.0));
    let heights = steps.map(|alpha| (alpha, tally.height(data, poisson, &means, alpha)));
    let best = heights.fold((0.0, at_limit), |best, next| if next.1 > best.1 { next } else { best });
    let rises = tally.slope(&data.counts, &means, 0.0) > 0.0;
    let mut alpha = match best.0 {
        alpha if alpha > 0.0 => alpha,
        _ if rises => unit * 1e-8,
        _ => return Ok(None),
    };
    let mut maximum = poisson.clone();
    for _ in 0..500 {
        let means = self::means(&maximum);
        let Some(next) = root(alpha, unit, |alpha| tally.slope(&data.counts, &means, alpha)) else {
            return Ok(None);
        };
        let change = (next - alpha).abs();
        alpha = next;
        maximum = data.maximise(alpha, maximum.coefficients)?;
        let means = self::means(&maximum);
        let information = -tally.bend(&data.counts, &means, alpha);
        if information <= 0.0 {
            continue;
        }
        let standard_error = 1.0 / information.sqrt();
        // An `α` that data hardly tell from 0 is not known to its last digits either.
        if change <= 1e-10 * (alpha + standard_error) {
            let log_likelihood = tally.height(data, &maximum, &means, alpha);
            let fit = Overdispersed { alpha, standard_error, maximum, log_likelihood };
            return Ok((log_likelihood > at_limit).then_some(fit));
        }
    }
    Err(CountRegressionError::NotConverged)
}

/// The root of a slope near `start`, where it goes from positive to not positive; `None` where that is at 0.
fn root(start: f64, unit: f64, slope: impl Fn(f64) -> f64) -> Option<f64> {
    let (mut low, mut high) = (start, start);
    while slope(high) > 0.0 && high < 1e30 * unit {
        high *= 2.0;
    }
    while slope(low) <= 0.0 {
        low *= 0.5;
        if low < 1e-14 * unit {
            return None;
        }
    }
    Some(crate::numeric::bisected_root(low, high, slope))
}

fn means(maximum: &Maximum) -> Vec<f64> {
    maximum.predictors.iter().map(|predictor| libm::exp(*predictor)).collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::MIN_POSITIVE, f64::max)
}

/// How many counts reach each height, for sums over `k < y`.
struct Tally {
    /// Distinct counts in rising order, each with how many are at least that high.
    reached: Vec<(f64, f64)>,
}

impl Tally {
    /// `counts` need no order.
    fn of(counts: &[f64]) -> Self {
        let sorted = crate::numeric::sorted(counts);
        let rows = sorted.len();
        let mut reached: Vec<(f64, f64)> = Vec::new();
        for (place, count) in sorted.iter().enumerate() {
            if reached.last().is_none_or(|(last, _)| count > last) {
                reached.push((*count, (rows - place) as f64));
            }
        }
        Self { reached }
    }

    /// The sum of `term(k)` over all rows and `k < y`.
    fn sum(&self, term: impl Fn(f64) -> f64) -> f64 {
        let mut from = 0.0;
        let mut sum = 0.0;
        for (count, rows) in &self.reached {
            sum += rows * sum_of_steps(from, *count, &term);
            from = *count;
        }
        sum
    }

    /// The log-likelihood without factorials.
    fn height(&self, data: &Data, maximum: &Maximum, means: &[f64], alpha: f64) -> f64 {
        let rows = data.counts.iter().zip(&maximum.predictors).zip(means);
        let terms = rows
            .map(|((count, predictor), mean)| count * predictor - (count + 1.0 / alpha) * libm::log1p(alpha * mean));
        self.sum(|step| libm::log1p(alpha * step)) + terms.sum::<f64>()
    }

    /// Its derivative by `α`.
    fn slope(&self, counts: &[f64], means: &[f64], alpha: f64) -> f64 {
        let terms = counts.iter().zip(means).map(|(count, mean)| {
            let over = alpha * mean;
            mean * mean * log_excess(over) - mean * (count / (1.0 + over))
        });
        self.sum(|step| step / (1.0 + alpha * step)) + terms.sum::<f64>()
    }

    /// Its second derivative by `α`.
    fn bend(&self, counts: &[f64], means: &[f64], alpha: f64) -> f64 {
        let terms = counts.iter().zip(means).map(|(count, mean)| {
            let over = alpha * mean;
            let relative = mean / (1.0 + over);
            mean * mean * mean * log_excess_slope(over) + count * relative * relative
        });
        let bent = self.sum(|step| {
            let relative = step / (1.0 + alpha * step);
            relative * relative
        });
        terms.sum::<f64>() - bent
    }
}

/// `(ln(1 + x) − x/(1 + x)) / x²`, which is ½ at 0.
fn log_excess(x: f64) -> f64 {
    if x > 0.05 {
        return (libm::log1p(x) - x / (1.0 + x)) / (x * x);
    }
    series(x, |term| (term + 1.0) / (term + 2.0))
}

/// The derivative of that, which is −⅔ at 0.
fn log_excess_slope(x: f64) -> f64 {
    if x > 0.05 {
        let over = 1.0 + x;
        return (1.0 / (over * over) - 2.0 * log_excess(x)) / x;
    }
    -series(x, |term| (term + 1.0) * (term + 2.0) / (term + 3.0))
}

/// `Σ c(j) (−x)ʲ` for `x` up to 0.05, where fourteen terms reach the last digit.
fn series(x: f64, coefficient: impl Fn(f64) -> f64) -> f64 {
    (0..14).rev().fold(0.0, |sum, term| sum * -x + coefficient(f64::from(term)))
}
