//! An estimate between two limits, and the level at which they are meant.

/// A two-sided interval with equal tails, and the estimate it belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The point estimate.
    pub estimate: f64,
    /// The lower limit.
    pub low: f64,
    /// The upper limit.
    pub high: f64,
    /// The two-sided level, such as 0.95.
    pub confidence: f64,
}

/// A level of confidence that is not strictly between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("confidence must lie strictly between 0 and 1, got `{confidence}`")]
pub struct ConfidenceError {
    /// The level that was asked for.
    pub confidence: f64,
}

/// The probability left in each tail at a two-sided level.
pub(crate) fn tail_probability(confidence: f64) -> Result<f64, ConfidenceError> {
    let tail = 0.5 * (1.0 - confidence);
    // The second test catches levels so near to 0 or 1 that no tail, or no middle, is left.
    if confidence > 0.0 && tail > 0.0 && tail < 0.5 { Ok(tail) } else { Err(ConfidenceError { confidence }) }
}
