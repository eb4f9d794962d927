//! The only code that speaks to GitHub: one page at a time, following its links as they are given.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderName, HeaderValue};
use lake::Instant;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::app::Installation;
use super::config::Config;
use super::rate;
use crate::http::{Answer, Client, HttpError, HttpErrorKind, Pause, Request, Validator, link};
use crate::{Reading, Reporter, SourceError};

/// The version of the REST API that we understand. Without it the server chooses one, and a later one leaves out which
/// commit a pull request was merged as.
pub(super) const VERSION: (&str, &str) = ("x-github-api-version", "2022-11-28");

/// Most items of a page.
pub(super) const PER_PAGE: &str = "100";
/// A page this small is not halved any more.
const SMALLEST_PAGE: u32 = 10;

/// GitHub, as one reading sees it.
pub(super) struct Api<'r> {
    client: Client<'r>,
    /// The latest time that the server told.
    server_time: AtomicI64,
    /// GraphQL may be asked: it was not found out that it will not answer.
    has_graphql: AtomicBool,
    notices: Mutex<BTreeSet<String>>,
}

/// One page of a list.
pub(super) struct Page<T> {
    /// Its items, in their order.
    pub(super) items: Vec<T>,
    /// The items that cannot be used, each with the reason.
    pub(super) broken: Vec<String>,
    /// The page as it came.
    pub(super) raw: Bytes,
    /// The page after it.
    pub(super) next: Option<Url>,
    /// How many items the list has, where the page says so.
    pub(super) total_count: Option<u64>,
    /// What to send to hear only of changes.
    pub(super) validator: Option<Validator>,
}

impl<'r> Api<'r> {
    /// GitHub as the settings describe it. Nothing is asked yet.
    pub(super) fn new(
        config: &Config,
        reading: &Reading<'_>,
        pause: &Pause,
        reporter: &'r dyn Reporter,
    ) -> Result<Self, SourceError> {
        let told = |error: HttpError| SourceError::new(format!("could not set up `{}`", config.url), error);
        let (name, value) = VERSION;
        // Without a token GraphQL answers nobody.
        let has_graphql = config.graphql && (config.token.is_some() || config.app.is_some());
        let mut client = Client::new(&config.url, &config.http, reporter)
            .map_err(told)?
            .header(ACCEPT, HeaderValue::from_static("application/vnd.github+json"))
            .header(HeaderName::from_static(name), HeaderValue::from_static(value))
            .rate(rate::rule)
            .pause(pause.clone());
        if let Some(app) = &config.app {
            let installation = Installation::new(app, config, reading, pause)?;
            client = client.credentials(Box::new(installation)).map_err(told)?;
        } else if let Some(token) = &config.token {
            client = client.bearer(&token.secret(reading.variables)?).map_err(told)?;
        }
        Ok(Self {
            client,
            server_time: AtomicI64::new(i64::MIN),
            has_graphql: AtomicBool::new(has_graphql),
            notices: Mutex::default(),
        })
    }

    /// The address of a path below the base.
    pub(super) fn url(&self, parts: &[&str], query: &[(&str, &str)]) -> Url {
        self.client.origin().at(parts, query)
    }

    /// An address that an earlier reading kept, on the server as it is called now.
    pub(super) fn here(&self, kept: &str) -> Option<Url> {
        let kept = Url::parse(kept).ok()?;
        let mut url = self.client.origin().base().clone();
        url.set_path(kept.path());
        url.set_query(kept.query());
        Some(url)
    }

    /// Where GraphQL is asked: beside the REST API of a GitHub Enterprise Server, below the base elsewhere.
    pub(super) fn graphql_url(&self) -> Url {
        graphql_url(self.client.origin().base())
    }

    /// Whether GraphQL is asked where it saves requests.
    pub(super) fn has_graphql(&self) -> bool {
        self.has_graphql.load(Ordering::Relaxed)
    }

    /// Asks GraphQL no more in this reading.
    pub(super) fn give_up_graphql(&self) {
        self.has_graphql.store(false, Ordering::Relaxed);
    }

    /// How far it is worth to ask ahead.
    pub(super) fn requests_in_flight(&self) -> usize {
        self.client.requests_in_flight()
    }

    /// The latest time that the server told; `otherwise` before it told any.
    pub(super) fn server_time(&self, otherwise: Instant) -> Instant {
        match self.server_time.load(Ordering::Relaxed) {
            i64::MIN => otherwise,
            micros => Instant(micros),
        }
    }

    /// What the server said about itself, such as that our version of its API will end.
    pub(super) fn notices(&self) -> Vec<String> {
        self.notices.lock().map(|notices| notices.iter().cloned().collect()).unwrap_or_default()
    }

    /// Asks, and heeds what stands in the headers.
    pub(super) async fn ask(&self, request: &Request) -> Result<Answer, HttpError> {
        let answer = self.client.ask(request).await?;
        if let Some(at) = answer.server_time() {
            self.server_time.fetch_max(at.0, Ordering::Relaxed);
        }
        if let (Some(notice), Ok(mut notices)) = (notice(&answer), self.notices.lock()) {
            notices.insert(notice);
        }
        Ok(answer)
    }

    /// One thing.
    pub(super) async fn one<T: DeserializeOwned>(&self, url: Url) -> Result<(T, Bytes), HttpError> {
        let answer = self.ask(&Request::get(url)).await?;
        Ok((answer.json()?, answer.body))
    }

    /// One page of a list that is an array, or stands in the field `envelope` of an object.
    pub(super) async fn page<T: DeserializeOwned>(&self, url: Url, envelope: &str) -> Result<Page<T>, HttpError> {
        // A page that takes the server too long is cut off; half of it may not be.
        let mut url = url;
        loop {
            match self.ask(&Request::get(url.clone())).await {
                Ok(answer) => return page(&answer, envelope),
                Err(error) => match halved(&url).filter(|_| is_cut_off(&error)) {
                    Some(smaller) => url = smaller,
                    None => return Err(error),
                },
            }
        }
    }

    /// One page, or none where it is as it was when the server gave `validator`.
    pub(super) async fn page_unless<T: DeserializeOwned>(
        &self,
        url: Url,
        envelope: &str,
        validator: Option<Validator>,
    ) -> Result<Option<Page<T>>, HttpError> {
        if validator.is_none() {
            return self.page(url, envelope).await.map(Some);
        }
        let answer = self.ask(&Request::get(url).unless(validator)).await?;
        if answer.is_unchanged() { Ok(None) } else { page(&answer, envelope).map(Some) }
    }

    /// All pages of a short list.
    pub(super) async fn all<T: DeserializeOwned>(&self, url: Url, envelope: &str) -> Result<Vec<Page<T>>, HttpError> {
        let mut pages = Vec::new();
        let mut next = Some(url);
        while let Some(url) = next.take() {
            let page = self.page(url, envelope).await?;
            next.clone_from(&page.next);
            pages.push(page);
        }
        Ok(pages)
    }
}

/// The address of GraphQL beside the REST API at `base`.
pub(super) fn graphql_url(base: &Url) -> Url {
    let mut url = base.clone();
    let path = base.path().trim_end_matches('/');
    let path = path.strip_suffix("/v3").unwrap_or(path).to_owned();
    url.set_path(&format!("{path}/graphql"));
    url
}

fn page<T: DeserializeOwned>(answer: &Answer, envelope: &str) -> Result<Page<T>, HttpError> {
    let content: Value = answer.json()?;
    let total_count = ["total_count", "total_commits"].iter().find_map(|name| content.get(name)?.as_u64());
    let list = match content {
        Value::Array(list) => list,
        // No content is an empty list.
        Value::Null => Vec::new(),
        Value::Object(mut fields) => match fields.remove(envelope) {
            Some(Value::Array(list)) => list,
            _ => return Err(answer.unusable(format!("it has no list `{envelope}`"))),
        },
        _ => return Err(answer.unusable("it is no list")),
    };
    let next = answer.header("link").and_then(|header| link::target(header, "next"));
    let next = next
        .map(|target| answer.url.join(target).map_err(|error| answer.unusable(format!("its link is none: {error}"))))
        .transpose()?;
    // Followed, it would be asked for without end.
    if next.as_ref() == Some(&answer.url) {
        return Err(answer.unusable("its link to the next page is its own address"));
    }
    let (items, broken) = items(list);
    Ok(Page { items, broken, raw: answer.body.clone(), next, total_count, validator: answer.validator() })
}

/// What of a list can be used, and sentences about the rest: with what an item is called by, which stays the same where
/// it moves, else with its place. Elements that are null stand for nothing.
pub(super) fn items<T: DeserializeOwned>(list: Vec<Value>) -> (Vec<T>, Vec<String>) {
    let (mut items, mut broken) = (Vec::new(), Vec::new());
    for (place, element) in list.into_iter().enumerate().filter(|(_, element)| !element.is_null()) {
        let name = ["number", "id", "sha", "name"].iter().find_map(|key| {
            let value = element.get(key)?;
            Some(format!("the item with `{key}` {value}"))
        });
        match serde_json::from_value(element) {
            Ok(item) => items.push(item),
            Err(error) => {
                let name = name.unwrap_or_else(|| format!("item {}", place + 1));
                broken.push(format!("{name} cannot be used: {error}"));
            }
        }
    }
    (items, broken)
}

/// The same place of the list with pages of half the size.
fn halved(url: &Url) -> Option<Url> {
    let value = |name: &str| url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
    let size: u32 = value("per_page")?.parse().ok()?;
    if size < 2 * SMALLEST_PAGE || ["after", "before", "cursor"].iter().any(|name| value(name).is_some()) {
        return None;
    }
    let size = size - size % 2;
    let page: u32 = value("page").map_or(Some(1), |page| page.parse().ok())?;
    let others: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != "per_page" && name != "page")
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let mut halved = url.clone();
    halved
        .query_pairs_mut()
        .clear()
        .extend_pairs(others)
        .append_pair("per_page", &(size / 2).to_string())
        .append_pair("page", &(2 * page - 1).to_string());
    Some(halved)
}

fn is_cut_off(error: &HttpError) -> bool {
    matches!(error.status(), Some(502 | 504)) || matches!(error.kind, HttpErrorKind::TimedOut { .. })
}

fn notice(answer: &Answer) -> Option<String> {
    let header = |name: &str| answer.header(name).map(|value| format!("{name} `{value}`"));
    let told: Vec<String> = ["deprecation", "sunset"].into_iter().filter_map(header).collect();
    let (_, version) = VERSION;
    (!told.is_empty()).then(|| {
        format!(
            "the server says that version `{version}` of its API, which is what we read, will end: {}",
            told.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphql_lies_beside_rest_on_an_enterprise_server_and_below_it_elsewhere() {
        let of = |base: &str| graphql_url(&base.parse().expect("an address")).to_string();
        assert_eq!(of("https://api.github.com/"), "https://api.github.com/graphql");
        assert_eq!(of("https://github.example/api/v3/"), "https://github.example/api/graphql");
        assert_eq!(of("https://api.acme.ghe.com/"), "https://api.acme.ghe.com/graphql");
    }

    #[test]
    fn half_a_page_begins_where_the_page_began() {
        let half = |url: &str| halved(&url.parse().expect("an address")).map(|url| url.to_string());
        let expected = "https://h/x?state=all&per_page=50&page=5";
        assert_eq!(half("https://h/x?state=all&per_page=100&page=3").as_deref(), Some(expected));
        assert_eq!(half("https://h/x?per_page=100").as_deref(), Some("https://h/x?per_page=50&page=1"));
        assert_eq!(half("https://h/x?per_page=12"), None, "small enough");
        assert_eq!(half("https://h/x?per_page=100&after=abc"), None, "a cursor belongs to its size");
    }

    #[test]
    fn what_cannot_be_used_is_named_and_the_rest_is_kept() {
        let list = serde_json::json!([{"number": 1, "updated_at": "2026-01-05T08:00:00Z"}, null,
            {"number": 2, "updated_at": "yesterday"}]);
        let Value::Array(list) = list else { panic!("it is a list") };
        let (kept, broken) = items::<super::super::wire::Pull>(list);
        assert_eq!(kept.len(), 1);
        let expected = "the item with `number` 2 cannot be used: `yesterday` is not an RFC 3339 instant with a zone, such as \
                        `2026-01-05T08:00:00Z`";
        assert_eq!(broken, [expected]);
    }
}
