//! Table `effects`.

use crate::{Instant, contract::table};

table! {
    /// What a change of working did to one metric of one organisation, or why that cannot be said.
    effects v 1, Derived, key [comparison_id, metric] {
        /// Digest of everything that was asked, of what it was asked of, and of the weeks it was cut into.
        comparison_id: String,
        /// What was taken up.
        practice: String,
        /// Metric.
        metric: String,
        /// Its definition, as `id@version`.
        definition: Option<String>,
        /// `log_ratio`, or `difference` of shares.
        scale: String,
        /// The effect, positive for better; null where there is too little.
        estimate: Option<f64>,
        /// Its lower limit.
        ci_low: Option<f64>,
        /// Its upper limit.
        ci_high: Option<f64>,
        /// The level of the limits, such as 0.95.
        ci_level: f64,
        /// Standard error.
        standard_error: Option<f64>,
        /// Degrees of freedom of its t distribution; null for normal limits.
        degrees_of_freedom: Option<f64>,
        /// Two-sided p-value against no effect.
        p_two_sided: Option<f64>,
        /// One-sided p-value against no improvement.
        p_superior: Option<f64>,
        /// `superior`, `non_inferior`, `inferior` or `inconclusive`, at the margin.
        class: Option<String>,
        /// How much worse still counts as not worse, on the scale.
        margin: Option<f64>,
        /// How it was estimated, or why it was not.
        method: String,
        /// `A` (randomised) to `E` (before and after).
        design_grade: String,
        /// Services that took it up and entered.
        treated_count: i64,
        /// Services that they were compared with.
        others_count: i64,
        /// The verdict over all metrics: `improves`, `keeps_up`, `worsens`, `inconclusive` or `insufficient_data`.
        verdict: String,
        /// The baseline whose terms were followed; null for an exploratory comparison.
        baseline: Option<String>,
        /// Digest of practice and terms, by which a question that was fixed before looking is recognised.
        terms_digest: String,
        /// Lake version that was read.
        lake_version: i64,
        /// Digest of the input tables.
        input_digest: String,
        /// Until when the data were looked at.
        as_of_at: Instant,
    }
}
