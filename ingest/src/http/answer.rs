//! What a server answered.

use bytes::Bytes;
use chrono::DateTime;
use http::HeaderMap;
use lake::Instant;
use serde::de::DeserializeOwned;
use url::Url;

use super::error::{HttpError, HttpErrorKind};
use super::origin::shown_url;
use super::request::Validator;

/// One answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The address that was asked in the end, after redirects.
    pub url: Url,
    /// Whether it was a redirect that says the thing has moved for good.
    pub has_moved: bool,
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, unpacked.
    pub body: Bytes,
}

/// Most characters of a server's words that an error repeats.
const MESSAGE_LENGTH: usize = 200;

impl Answer {
    /// A header as text; names are lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether nothing changed since the validator that was sent.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.status == 304
    }

    /// When the server answered, by its own clock.
    #[must_use]
    pub fn server_time(&self) -> Option<Instant> {
        self.header("date").and_then(http_date)
    }

    /// What to send next time to hear only of changes.
    #[must_use]
    pub fn validator(&self) -> Option<Validator> {
        let etag = self.header("etag").map(str::to_owned);
        let last_modified = self.header("last-modified").map(str::to_owned);
        (etag.is_some() || last_modified.is_some()).then_some(Validator { etag, last_modified })
    }

    /// Whether the body says that it is JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.header("content-type").is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            kind == "application/json" || kind.ends_with("+json")
        })
    }

    /// The body read as JSON; an answer without content reads as `null`.
    ///
    /// # Errors
    /// [`HttpError`] where it is not what is expected.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        let content = if self.status == 204 || self.body.is_empty() { b"null".as_slice() } else { &self.body };
        serde_json::from_slice(content).map_err(|error| self.unusable(error.to_string()))
    }

    /// The error that this answer cannot be used.
    #[must_use]
    pub fn unusable(&self, why: impl Into<String>) -> HttpError {
        HttpError {
            what: format!("read the answer of `{}`", shown_url(&self.url)),
            kind: HttpErrorKind::Content(why.into()),
        }
    }

    /// The beginning of what the server says, on one line.
    #[must_use]
    pub(super) fn message(&self) -> String {
        let told = serde_json::from_slice::<serde_json::Value>(&self.body).ok();
        let word = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let text = match &told {
            Some(told) => word(told)
                .or_else(|| {
                    ["message", "error", "error_description"].iter().find_map(|key| told.get(key).and_then(word))
                })
                .unwrap_or_default(),
            None if self.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")) => {
                String::from_utf8_lossy(&self.body).into_owned()
            }
            None => String::new(),
        };
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_LENGTH).collect();
        plain.trim().to_owned()
    }
}

/// An instant as HTTP writes it, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn http_date(text: &str) -> Option<Instant> {
    let text = text.trim().strip_suffix("GMT").map_or_else(|| text.trim().to_owned(), |stem| format!("{stem}+0000"));
    DateTime::parse_from_rfc2822(&text).ok().map(|at| Instant(at.timestamp_micros()))
}
