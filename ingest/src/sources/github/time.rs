//! Times as GitHub reads them: whole seconds in UTC.

use chrono::SecondsFormat;
use lake::Instant;

/// An instant as a parameter; what lies between two seconds is cut off.
pub(super) fn text(at: Instant) -> String {
    at.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true)
}
