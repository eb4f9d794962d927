//! Table `data_quality`.

use crate::contract::table;

table! {
    /// One kind of flaw found in the data of a service, with what it does to which metric.
    data_quality v 1, Derived, key [finding, service, environment] {
        /// Name of the finding.
        finding: String,
        /// Service; null where it belongs to none.
        service: Option<String>,
        /// Environment; null where it belongs to none.
        environment: Option<String>,
        /// How many records show it.
        record_count: i64,
        /// One of them.
        example: Option<String>,
        /// What it does to which metric.
        effect: String,
    }
}
