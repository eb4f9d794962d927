//! Table `coverage`.

use crate::{Instant, contract::table};

table! {
    /// One statement of what was really read: a range of one table, for one repository or service.
    coverage v 1, Coverage, key [stream, covers, repository, service, range_start_at, range_end_at, reason] {
        /// Source and stream that was read, such as `git:api`.
        stream: String,
        /// The table this speaks of.
        covers: String,
        /// Repository it speaks of; null for all of the stream.
        repository: Option<String>,
        /// Service it speaks of; null for all of the stream.
        service: Option<String>,
        /// Start of the range; null where nothing could be read.
        range_start_at: Option<Instant>,
        /// End of the range, excluded.
        range_end_at: Option<Instant>,
        /// Whether everything in the range was read.
        is_complete: bool,
        /// Why not, in words.
        reason: Option<String>,
        /// How many records are known to be missing; null where unknown.
        missing_count: Option<i64>,
    }
}

/// The reason of a range that nobody stated: from the first to the last record.
pub const ASSUMED: &str = "taken as given: from the first to the last record";
