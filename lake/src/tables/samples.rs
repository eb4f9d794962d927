//! Table `samples`.

use crate::{Instant, contract::table};

table! {
    /// One sample of a series that was asked for by name, such as an availability.
    samples v 1, Event, key [series, labels_key, sampled_at] {
        /// Name under which the series was configured.
        series: String,
        /// The labels as `name=value` joined with commas, sorted.
        labels_key: String,
        /// When.
        sampled_at: Instant,
        /// The value; null where it is not a finite number.
        value: Option<f64>,
        /// The value as the source wrote it, such as `NaN` or `+Inf`.
        value_text: String,
        /// Service, where a rule maps its labels to one.
        service: Option<String>,
        /// Environment, where a rule maps its labels to one.
        environment: Option<String>,
    }
}
