//! Loader's two ingredients of an exact density: the error of Stirling's formula and the deviance term.
//!
//! Loader (2000), Fast and Accurate Computation of Binomial Probabilities, sections 2 and 3.

/// Computes `ln Γ(x + 1) − (x + ½) ln x + x − ½ ln 2π`, the error of Stirling's formula.
pub(super) fn stirling_error(x: f64) -> f64 {
    const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_741_780_329_736_406;
    // Coefficients of Stirling's series; the first one left out is below 1e-17 from 16 on.
    const SERIES: [f64; 7] =
        [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0, 1.0 / 156.0];
    if x < 16.0 {
        return libm::lgamma(x + 1.0) - (x + 0.5) * libm::log(x) + x - HALF_LN_TWO_PI;
    }
    let inverse_square = 1.0 / (x * x);
    SERIES.iter().rev().fold(0.0, |sum, coefficient| sum * inverse_square + coefficient) / x
}

/// Computes `x ln(x / mean) + mean − x` without cancellation where `x` is near `mean`.
pub(super) fn deviance(x: f64, mean: f64) -> f64 {
    let difference = x - mean;
    if difference.abs() >= 0.1 * (x + mean) {
        return x * libm::log(x / mean) + mean - x;
    }
    let ratio = difference / (x + mean);
    let mut sum = difference * ratio;
    let mut term = 2.0 * x * ratio;
    let mut odd = 1.0;
    loop {
        // The ratio is below 0.1, so each turn adds two digits.
        term *= ratio * ratio;
        odd += 2.0;
        let next = sum + term / odd;
        if (next - sum).abs() <= f64::EPSILON * 0.25 * sum.abs() {
            return next;
        }
        sum = next;
    }
}
