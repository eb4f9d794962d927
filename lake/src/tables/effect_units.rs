//! Table `effect_units`.

use crate::{Instant, contract::table};

table! {
    /// What entered an effect: one service beside one date, before and after it.
    effect_units v 1, Derived, key [comparison_id, metric, service, cohort] {
        /// Digest of everything that was asked, of what it was asked of, and of the weeks it was cut into.
        comparison_id: String,
        /// What was taken up.
        practice: String,
        /// Metric.
        metric: String,
        /// Service.
        service: String,
        /// Which of the dates, from 0.
        cohort: i64,
        /// Whether it began at that date.
        is_treated: bool,
        /// Days before that were read.
        before_days: f64,
        /// Days after that were read.
        after_days: f64,
        /// Events before.
        before_count: i64,
        /// Events after.
        after_count: i64,
        /// Value before: events a day, a share, or the geometric mean of seconds.
        before_value: Option<f64>,
        /// Value after.
        after_value: Option<f64>,
        /// Its change, positive for better; for rates as it enters the last step of the fit.
        change: f64,
        /// Its weight, relative to the mean of all.
        weight: f64,
        /// Digest of practice and terms, by which a question that was fixed before looking is recognised.
        terms_digest: String,
        /// Digest of the input tables.
        input_digest: String,
        /// Until when the data were looked at.
        as_of_at: Instant,
    }
}
