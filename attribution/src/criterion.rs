//! The criterion: when bounds on the four metrics amount to a verdict.
//!
//! All effects stand on one scale on which positive is better: the logarithm of a ratio, and for the change fail rate the
//! difference of risks, control minus treatment. Every comparison is strict: a bound on the margin satisfies nothing.

use std::fmt;

#[cfg(test)]
mod tests;

/// The metrics that decide, in the order in which they are told.
pub const CRITERION: [&str; 4] =
    ["forward_deployment_frequency", "change_lead_time", "failed_deployment_recovery_time", "change_fail_rate"];

/// How much worse still counts as not worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margins {
    /// On the log scale, for metrics that are compared as ratios.
    pub log_ratio: f64,
    /// As a difference of risks.
    pub difference: f64,
}

impl Default for Margins {
    /// A tenth as a ratio, and three percentage points.
    fn default() -> Self {
        Self { log_ratio: 1.10_f64.ln(), difference: 0.03 }
    }
}

impl Margins {
    /// The margin of a metric, on its own scale.
    #[must_use]
    pub fn of(&self, scale: Scale) -> f64 {
        match scale {
            Scale::LogRatio => self.log_ratio,
            Scale::Difference => self.difference,
        }
    }
}

/// Checks that a level can decide, of whatever is asked.
///
/// # Errors
/// What is wrong, in words, unless `0 < alpha ≤ 0.2` and one less a quarter of it, by which harm is judged, is below 1.
pub(crate) fn check_alpha(alpha: f64) -> Result<(), &'static str> {
    if alpha <= 0.2 && 1.0 - alpha / 4.0 < 1.0 {
        Ok(())
    } else {
        Err("it lies above 0, not too near to it, and is at most 0.2")
    }
}

/// What the effect on a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// The natural logarithm of a ratio.
    LogRatio,
    /// The difference of two shares.
    Difference,
}

impl Scale {
    /// Its name, as tables and JSON hold it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LogRatio => "log_ratio",
            Self::Difference => "difference",
        }
    }

    /// Checks a margin on this scale, of whatever is asked. Half as good is worse, and so are as many failures again as a
    /// quarter of all deployments.
    ///
    /// # Errors
    /// What is wrong, in words, unless it lies above 0 and is at most `log 2`, or a difference of 0.25.
    pub(crate) fn check_margin(self, margin: f64) -> Result<(), &'static str> {
        let (most, otherwise) = match self {
            Self::LogRatio => (std::f64::consts::LN_2, "a margin is a ratio above 1 and at most 2"),
            Self::Difference => (0.25, "a margin of shares lies above 0 and is at most 0.25"),
        };
        if margin > 0.0 && margin <= most { Ok(()) } else { Err(otherwise) }
    }

    /// The scale on which a metric is compared.
    #[must_use]
    pub fn of(metric: &str) -> Self {
        if metric == "change_fail_rate" { Self::Difference } else { Self::LogRatio }
    }
}

/// What the bounds on one metric say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Better: the lower bound is above nothing.
    Superior,
    /// Not worse by more than the margin.
    NonInferior,
    /// Worse by more than the margin.
    Inferior,
    /// None of these.
    Inconclusive,
}

impl Class {
    /// Reads the class from the bounds of an interval.
    #[must_use]
    pub fn of(low: f64, high: f64, margin: f64) -> Self {
        if low > 0.0 {
            Self::Superior
        } else if low > -margin {
            Self::NonInferior
        } else if high < -margin {
            Self::Inferior
        } else {
            Self::Inconclusive
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Superior => "superior",
            Self::NonInferior => "non-inferior",
            Self::Inferior => "inferior",
            Self::Inconclusive => "inconclusive",
        })
    }
}

/// What all four together say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is worse by more than the margin, and something is better.
    Improves,
    /// Nothing is worse by more than the margin.
    KeepsUp,
    /// Something is worse by more than the margin.
    Worsens,
    /// The bounds are too wide to tell.
    Inconclusive,
    /// A metric has too little behind it.
    InsufficientData,
    /// Without an assumption on who lies nothing can be concluded; the trimmed view alone would.
    Disputed,
}

impl Verdict {
    /// Whether it says something about delivery, rather than about the data.
    #[must_use]
    pub fn is_conclusive(self) -> bool {
        matches!(self, Self::Improves | Self::KeepsUp | Self::Worsens)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Improves => "improves",
            Self::KeepsUp => "keeps up",
            Self::Worsens => "worsens",
            Self::Inconclusive => "inconclusive",
            Self::InsufficientData => "insufficient data",
            Self::Disputed => "disputed",
        })
    }
}

/// What is known of the effect on one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The lower bound at level `1 − α`.
    pub low: f64,
    /// The upper bound at level `1 − α`.
    pub high: f64,
    /// The upper bound at level `1 − α/4`, which harm in any one of four metrics is judged by.
    pub harm_high: f64,
    /// The one-sided p-value against no improvement.
    pub p_value: f64,
    /// The margin of the metric.
    pub margin: f64,
}

/// Judges the four metrics of the criterion; `None` is one with too little behind it. Of the verdicts the first that
/// holds: worsens, insufficient data, improves, keeps up, inconclusive.
///
/// # Formula
/// ```text
/// worsens:    some upper bound at level 1 − α/4 below −margin
/// improves:   every lower bound above −margin, and the smallest p-value by Holm, 4 min p, below α/2
/// keeps up:   every lower bound above −margin
/// ```
/// A metric that is missing never hides harm in another. That nothing is worse needs no correction for four looks, since
/// all four have to hold.
///
/// # References
/// Berger (1982), Technometrics 24, 295–300 (all must hold). Holm (1979), Scandinavian Journal of Statistics 6, 65–70.
#[must_use]
pub fn judge(metrics: &[Option<Bounds>; 4], alpha: f64) -> Verdict {
    let known = || metrics.iter().flatten();
    if known().any(|bounds| bounds.harm_high < -bounds.margin) {
        return Verdict::Worsens;
    }
    if metrics.iter().any(Option::is_none) {
        return Verdict::InsufficientData;
    }
    if known().any(|bounds| bounds.low <= -bounds.margin) {
        return Verdict::Inconclusive;
    }
    let smallest = known().map(|bounds| bounds.p_value).fold(1.0, f64::min);
    if metrics.len() as f64 * smallest < alpha / 2.0 { Verdict::Improves } else { Verdict::KeepsUp }
}
