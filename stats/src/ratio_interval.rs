//! A ratio that may have no finite estimate and no finite upper limit.

/// A two-sided interval for a ratio of two groups, first over second.
///
/// A group without events leaves a side open: that is an answer, and it is said as `None` rather than as an infinity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatioInterval {
    /// The ratio; `None` where it is infinite, or where no ratio fits better than another.
    pub estimate: Option<f64>,
    /// The lower limit, 0 where the data exclude no small ratio.
    pub low: f64,
    /// The upper limit; `None` where the data exclude no large ratio.
    pub high: Option<f64>,
    /// The two-sided level, such as 0.95.
    pub confidence: f64,
}
