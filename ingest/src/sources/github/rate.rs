//! How GitHub says "not now": a budget per hour, and a second limit against bursts.
//!
//! The code alone does not tell: both come as 403 or 429, and a 403 without these signs is a missing permission, which
//! does not pass with time. GraphQL says both with the status 200, too.

use std::time::Duration;

use lake::Instant;

use crate::http::{Answer, Refusal, between, retry_after};

/// What GitHub asks to wait at least after its second limit, where it names no time.
const AFTER_A_BURST: Duration = Duration::from_mins(1);

/// GitHub's rule.
pub(super) fn rule(answer: &Answer) -> Option<Refusal> {
    let is_refusal = matches!(answer.status, 403 | 429);
    let has_nothing_left = answer.header("x-ratelimit-remaining").is_some_and(|left| left.trim() == "0");
    if has_nothing_left && (is_refusal || answer.status < 400) {
        let resource = answer.header("x-ratelimit-resource").unwrap_or("core");
        let why = format!("the hourly budget `{resource}` is used up");
        return Some(Refusal::after(until_reset(answer).or_else(|| retry_after(answer)), why));
    }
    if is_refusal && (answer.status == 429 || is_second_limit(answer) || answer.header("retry-after").is_some()) {
        let why = "too much was asked at once".to_owned();
        return Some(match retry_after(answer) {
            Some(wait) => Refusal::after(Some(wait), why),
            None => Refusal::growing(AFTER_A_BURST, why),
        });
    }
    by_graphql(answer).or_else(|| crate::http::plain_rate(answer))
}

/// What GraphQL says with a success: whoever asks next has to wait.
fn by_graphql(answer: &Answer) -> Option<Refusal> {
    let is_answer = answer.status == 200 && answer.url.path().ends_with("/graphql");
    let text = is_answer.then(|| String::from_utf8_lossy(&answer.body)).filter(|text| text.contains("\"errors\""))?;
    let wait = if text.contains("RATE_LIMITED") {
        until_reset(answer).or_else(|| retry_after(answer))
    } else if is_second_limit(answer) {
        retry_after(answer)
    } else {
        return None;
    };
    let why = "the budget of GraphQL is used up".to_owned();
    Some(Refusal::after(Some(wait.unwrap_or(AFTER_A_BURST)), why))
}

/// Until the budget is new, by the server's own clock, and one second more: both are told in whole seconds.
fn until_reset(answer: &Answer) -> Option<Duration> {
    let reset = answer.header("x-ratelimit-reset")?.trim().parse().ok()?;
    Some(between(answer.server_time()?, Instant::from_seconds(reset)) + Duration::from_secs(1))
}

fn is_second_limit(answer: &Answer) -> bool {
    let text = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    ["secondary rate limit", "abuse detection", "rate limit exceeded"].iter().any(|sign| text.contains(sign))
}
