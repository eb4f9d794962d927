//! Waiting for an answer no longer than it may take.

use std::pin::pin;
use std::time::Duration;

/// A wait is so many short ones.
const SIPS: u32 = 10;

/// What `work` comes to, unless it takes longer than `patience`.
///
/// Whoever asks ahead does not look at the answers while it does something else, such as a long commit. That time is
/// none in which the server kept it waiting: however long it was, it counts as one short wait, and an answer that came
/// meanwhile is taken.
pub(super) async fn within<T>(patience: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    for _ in 0..SIPS {
        if let Ok(done) = tokio::time::timeout(patience / SIPS, work.as_mut()).await {
            return Some(done);
        }
    }
    None
}
