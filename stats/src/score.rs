//! Score statistics of a contrast of two groups, and the limits at which they reach a quantile.

use crate::numeric::bisected_root;

/// Which statistic a score interval or test inverts.
///
/// With `S` the distance of what was seen from what a value of the contrast says, `V` its variance and `m` its third
/// central moment, both at the most likely groups that have this value:
/// ```text
/// Plain                S / √V
/// MiettinenNurminen    S / √(V N/(N − 1))                       N subjects in both groups
/// SkewnessCorrected    the z of S/√V = z + (z² − 1) m/(6V^(3/2)),   with the factor N/(N − 1) where there is an N
/// ```
///
/// # References
/// Mee (1984), Biometrics 40, 1175–1176. Miettinen & Nurminen (1985), Statistics in Medicine 4, 213–226. Laud (2017),
/// Pharmaceutical Statistics 16, 334–348.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoreMethod {
    /// Without correction: Mee for differences, Koopman for ratios.
    Plain,
    /// With the variance of a sample.
    MiettinenNurminen,
    /// With the variance of a sample and a correction for skewness, which puts both tails right.
    SkewnessCorrected,
}

/// A distance with its variance and its third central moment, at one value of a contrast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScoreParts {
    /// What was seen minus what the value says.
    pub(crate) distance: f64,
    /// The variance of the distance.
    pub(crate) variance: f64,
    /// The third central moment of the distance.
    pub(crate) third_moment: f64,
}

impl ScoreParts {
    /// The statistic; it is 0 where nothing was seen that the value does not say, and infinite where what was seen
    /// cannot be.
    pub(crate) fn statistic(self, is_skewness_corrected: bool) -> f64 {
        let Self { distance, variance, third_moment } = self;
        let variance = variance.max(0.0);
        let plain = if distance.abs() > 0.0 { distance / variance.sqrt() } else { 0.0 };
        if !is_skewness_corrected || !plain.is_finite() || variance <= 0.0 {
            return plain;
        }
        let skew = third_moment / (6.0 * variance * variance.sqrt());
        // The root of skew z² + z = plain + skew that goes to `plain` where there is no skew.
        let constant = plain + skew;
        2.0 * constant / (1.0 + (1.0 + 4.0 * skew * constant).max(0.0).sqrt())
    }
}

/// The value between two at which a falling statistic is `level`; an end where it is on one side of it throughout.
pub(crate) fn value_at(low: f64, high: f64, level: f64, statistic: impl Fn(f64) -> f64) -> f64 {
    if statistic(high) > level {
        return high;
    }
    if statistic(low) <= level {
        return low;
    }
    bisected_root(low, high, |value| if statistic(value) > level { 1.0 } else { -1.0 })
}

/// Logarithms of ratios are looked for within this distance from 0, so that no moment overflows; counts reach 1e20.
const FURTHEST_LOG_RATIO: f64 = 300.0;

/// The ratio at which a falling statistic is `level`; `None` where it does not come down to it, 0 where it is not above
/// it.
pub(crate) fn ratio_at(level: f64, statistic: impl Fn(f64) -> f64) -> Option<f64> {
    let at = |log: f64| statistic(libm::exp(log));
    if at(FURTHEST_LOG_RATIO) > level {
        return None;
    }
    if at(-FURTHEST_LOG_RATIO) <= level {
        return Some(0.0);
    }
    Some(libm::exp(value_at(-FURTHEST_LOG_RATIO, FURTHEST_LOG_RATIO, level, at)))
}
