//! Table `service_attributes`.

use crate::contract::table;

table! {
    /// One thing that is known of a service and that comparisons can consider, such as its size or its language.
    service_attributes v 1, Event, key [service, attribute] {
        /// Service.
        service: String,
        /// What it is, such as `people`.
        attribute: String,
        /// Its size, where it is a number; null where it is a word.
        number: Option<f64>,
        /// Its word, where it is none.
        word: Option<String>,
    }
}
