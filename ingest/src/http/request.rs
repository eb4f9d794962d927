//! What is asked.

use http::{HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};
use url::Url;

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<(HeaderValue, Vec<u8>)>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) validator: Option<Validator>,
    pub(super) accepts_any: bool,
}

/// What a server gave with a page, to be asked later whether it changed. It is kept exactly as it came.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Validator {
    /// Its `ETag`.
    pub etag: Option<String>,
    /// Its `Last-Modified`.
    pub last_modified: Option<String>,
}

impl Request {
    /// Asks for the page at `url`.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, body: None, headers: Vec::new(), validator: None, accepts_any: false }
    }

    /// Sends JSON to `url`.
    ///
    /// # Panics
    /// Never: a JSON value has a text form.
    #[must_use]
    pub fn post_json(url: Url, body: &serde_json::Value) -> Self {
        let body = serde_json::to_vec(body).expect("a JSON value has a text form");
        let kind = HeaderValue::from_static("application/json");
        Self { method: Method::POST, body: Some((kind, body)), ..Self::get(url) }
    }

    /// Sends a form to `url`.
    #[must_use]
    pub fn post_form(url: Url, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        Self { method: Method::POST, body: Some((kind, body.into_bytes())), ..Self::get(url) }
    }

    /// With a header that is no secret.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Hears only of what changed since `validator`.
    #[must_use]
    pub fn unless(mut self, validator: Option<Validator>) -> Self {
        self.validator = validator;
        self
    }

    /// Takes an answer that is not JSON, too.
    #[must_use]
    pub fn accepting_any(mut self) -> Self {
        self.accepts_any = true;
        self
    }

    /// The address that is asked.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What is asked, as a person may read it: without secrets.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{} {}", self.method, super::origin::shown_url(&self.url))
    }
}
