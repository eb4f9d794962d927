//! When a request is tried again, and after how long.

use std::time::Duration;

use super::error::HttpErrorKind;

/// The first wait before another attempt.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait that we choose ourselves.
const LONGEST: Duration = Duration::from_mins(1);

/// Whether a failure may pass by itself.
#[must_use]
pub(super) fn may_pass(kind: &HttpErrorKind) -> bool {
    match kind {
        HttpErrorKind::Connection(_) | HttpErrorKind::TimedOut { .. } | HttpErrorKind::Content(_) => true,
        HttpErrorKind::Status(refused) => matches!(refused.status, 408 | 425 | 500 | 502 | 503 | 504),
        _ => false,
    }
}

/// The wait before attempt `attempt + 1`: doubling from half a second to a minute, three quarters to all of it, so that
/// clients that failed together do not come back together. `salt` is what tells them apart.
#[must_use]
pub(super) fn backoff(attempt: u32, salt: u64) -> Duration {
    let whole = FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(LONGEST);
    let share =
        (salt ^ u64::from(attempt).wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 32;
    let quarter = whole / 4;
    let jitter = quarter.mul_f64(share as f64 / f64::from(u32::MAX));
    whole.saturating_sub(quarter) + jitter
}
