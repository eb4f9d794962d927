//! How a server says "not now".

use std::time::Duration;

use lake::Instant;

use super::answer::{Answer, http_date};
use super::error::HttpErrorKind;

/// A server's refusal that passes with time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// How long it wants us to wait; `None` leaves it to us.
    pub wait: Option<Duration>,
    /// What is used up, in words.
    pub why: String,
    /// The first wait where it is left to us; it doubles with each refusal of the same request.
    pub first: Option<Duration>,
}

impl Refusal {
    /// A refusal that names its wait, or leaves it to us.
    #[must_use]
    pub fn after(wait: Option<Duration>, why: String) -> Self {
        Self { wait, why, first: None }
    }

    /// A refusal that leaves the wait to us, but wants at least `first`, and more each time.
    #[must_use]
    pub fn growing(first: Duration, why: String) -> Self {
        Self { wait: None, why, first: Some(first) }
    }

    /// The error that nobody waits any more, where the server named the wait.
    pub(super) fn into_error(self) -> Option<HttpErrorKind> {
        let seconds = self.wait?.as_secs();
        Some(HttpErrorKind::Limited { seconds, why: self.why })
    }

    /// The wait before attempt `attempt + 1`; `own` is what we would choose ourselves.
    #[must_use]
    pub(super) fn wait_after(&self, attempt: u32, own: Duration) -> Duration {
        let growing = self.first.map(|first| first.saturating_mul(1 << attempt.saturating_sub(1).min(10)));
        self.wait.or(growing).unwrap_or(own)
    }
}

/// Reads from an answer whether it refuses for a while, by the rules of a vendor. It sees every answer, and may also
/// speak of an answer that is a success: then the next request waits.
pub type RateRule = fn(&Answer) -> Option<Refusal>;

/// The rule of HTTP itself: 429, and 503 with `Retry-After`.
#[must_use]
pub fn plain_rate(answer: &Answer) -> Option<Refusal> {
    match answer.status {
        429 => Some(Refusal::after(retry_after(answer), "too many requests".to_owned())),
        503 => retry_after(answer).map(|wait| Refusal::after(Some(wait), "the server is busy".to_owned())),
        _ => None,
    }
}

/// What `Retry-After` asks for: seconds, or an instant, which is compared with the server's own clock.
#[must_use]
pub fn retry_after(answer: &Answer) -> Option<Duration> {
    let text = answer.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let (until, now) = (http_date(text)?, answer.server_time()?);
    Some(between(now, until))
}

/// The time from `now` to `until`; none where that is past.
#[must_use]
pub fn between(now: Instant, until: Instant) -> Duration {
    Duration::from_micros(u64::try_from(until.0.saturating_sub(now.0)).unwrap_or(0))
}
