//! Asking the servers: the only code here that awaits an answer.

use futures::future::BoxFuture;
use http::{HeaderName, HeaderValue};
use lake::Instant;
use serde::de::DeserializeOwned;

use super::auth::Auth;
use super::wire::{Envelope, Item, QueryData, RulesData, RuntimeInfo, Series};
use super::windows::{Grid, Window, seconds};
use crate::http::{Answer, Client, HttpError, HttpErrorKind, Request, Settings};
use crate::{Reporter, SourceError, SourceErrorKind, Variables};

/// Longer addresses are sent as forms instead.
const LONGEST_ADDRESS: usize = 2000;
/// What was wanted where no samples came.
const SAMPLES: &str = "read the samples of `";
/// Most sentences of a server that are kept of one answer,
const MOST_SENTENCES: usize = 10;
/// and most characters of each.
const SENTENCE_LENGTH: usize = 500;

/// A server that speaks the API of Prometheus.
pub(super) struct Server<'r> {
    client: Client<'r>,
}

/// The series a query gave, with the page they came in.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) series: Vec<Series>,
    /// The page, where there is anything in it.
    pub(super) page: Option<Vec<u8>>,
    /// What the server says may be missing.
    pub(super) warnings: Vec<String>,
    /// What the server remarks on the query.
    pub(super) infos: Vec<String>,
    /// What is no series, in words, and how much of it that is.
    pub(super) broken: Vec<(String, i64)>,
    pub(super) result_type: String,
    /// The time of the server.
    pub(super) server_time: Option<Instant>,
}

impl Found {
    /// Notes an item that is no series. However many there are, only some are named.
    fn note_broken(&mut self, index: usize, item: &serde_json::Value) {
        if self.broken.len() > MOST_SENTENCES
            && let Some((_, count)) = self.broken.last_mut()
        {
            *count += 1;
            return;
        }
        let told = if self.broken.len() == MOST_SENTENCES {
            "further items are no series".to_owned()
        } else {
            let metric = item.get("metric").map_or_else(|| "without `metric`".to_owned(), ToString::to_string);
            format!("item `{index}` (`{}`) is no series with `[time, \"value\"]` pairs", beginning(&metric))
        };
        self.broken.push((told, 1));
    }
}

/// The beginning of what a server says.
fn beginning(text: &str) -> String {
    text.chars().take(SENTENCE_LENGTH).collect()
}

/// The beginnings of some of the sentences that a server says: they are kept for as long as the lake is.
fn some(sentences: Option<Vec<String>>) -> Vec<String> {
    let sentences = sentences.unwrap_or_default();
    let rest = sentences.len().saturating_sub(MOST_SENTENCES);
    let mut some: Vec<String> = sentences.iter().take(MOST_SENTENCES).map(|text| beginning(text)).collect();
    if rest > 0 {
        some.push("and more".to_owned());
    }
    some
}

/// Why a query failed, as far as it makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// We are not let in.
    Unauthorised,
    /// A smaller question may be answered.
    TooMuch,
    /// The server will never answer this.
    Refused,
    /// It may answer another time.
    Passing,
}

/// A client for the server at `url`.
pub(super) fn client<'r>(
    url: &str,
    settings: &Settings,
    auth: Option<&Auth>,
    tenant: Option<&str>,
    variables: &dyn Variables,
    reporter: &'r dyn Reporter,
) -> Result<Client<'r>, SourceError> {
    let doing = || format!("could not make a client for `{}`", url.split(['?', '#']).next().unwrap_or_default());
    let mut client = Client::new(url, settings, reporter).map_err(|error| SourceError::new("could not use `url`", error))?;
    if let Some(tenant) = tenant {
        let value = HeaderValue::from_str(tenant)
            .map_err(|error| SourceError::new(doing(), SourceErrorKind::Settings(error.to_string())))?;
        client = client.header(HeaderName::from_static("x-scope-orgid"), value);
    }
    match auth {
        Some(auth) => auth.arm(client, variables),
        None => Ok(client),
    }
}

impl<'r> Server<'r> {
    pub(super) fn new(client: Client<'r>) -> Self {
        Self { client }
    }

    /// How many questions it is worth to ask ahead.
    pub(super) fn requests_in_flight(&self) -> usize {
        self.client.requests_in_flight()
    }

    /// The request of an instant query.
    pub(super) fn instant_request(&self, query: &str, time: Option<&str>) -> Request {
        let mut fields = vec![("query", query)];
        fields.extend(time.map(|time| ("time", time)));
        self.request("query", &fields)
    }

    /// The request of a range query.
    pub(super) fn range_request(&self, query: &str, grid: Grid) -> Request {
        let step = super::windows::in_seconds(grid.step).to_string();
        let (start, end) = (seconds(grid.first), seconds(grid.last));
        self.request("query_range", &[("query", query), ("start", &start), ("end", &end), ("step", &step)])
    }

    fn request(&self, endpoint: &str, fields: &[(&str, &str)]) -> Request {
        let path = ["api", "v1", endpoint];
        let url = self.client.origin().at(&path, fields);
        if url.as_str().len() <= LONGEST_ADDRESS {
            return Request::get(url);
        }
        Request::post_form(self.client.origin().at::<&str, &str>(&path, &[]), fields)
    }

    /// The samples of a selector in a window. Boxed: it is asked from within streams of windows.
    pub(super) fn samples<'a>(&'a self, selector: &'a str, window: Window) -> BoxFuture<'a, Result<Found, HttpError>> {
        Box::pin(async move {
            let (range, time) = window.as_selector();
            let found = self.query(&self.instant_request(&format!("{selector}{range}"), Some(&time))).await?;
            if found.result_type == "matrix" {
                return Ok(found);
            }
            let kind = HttpErrorKind::Content(format!("samples are expected, and it is a `{}`", found.result_type));
            Err(HttpError { what: format!("{SAMPLES}{selector}`"), kind })
        })
    }

    /// The points of a query on a grid; where that has none, nothing is asked.
    pub(super) fn points<'a>(&'a self, query: &'a str, grid: Option<Grid>) -> BoxFuture<'a, Result<Found, HttpError>> {
        Box::pin(async move {
            match grid {
                Some(grid) => self.query(&self.range_request(query, grid)).await,
                None => Ok(Found::default()),
            }
        })
    }

    /// Whether the server answers at all, and what time it is there.
    pub(super) async fn hello(&self) -> Result<Option<Instant>, HttpError> {
        let found = self.query(&self.instant_request("vector(1)", None)).await?;
        let evaluated = found.series.first().and_then(|series| series.points().next()).and_then(super::wire::Point::at);
        Ok(evaluated.or(found.server_time))
    }

    /// How the server evaluates its alerts.
    pub(super) async fn rules(&self) -> Result<RulesData, HttpError> {
        let url = self.client.origin().at(&["api", "v1", "rules"], &[("type", "alert")]);
        data(&self.client.ask(&Request::get(url)).await?)
    }

    /// What the server says of itself.
    pub(super) async fn runtime_info(&self) -> Result<RuntimeInfo, HttpError> {
        let url = self.client.origin().at::<&str, &str>(&["api", "v1", "status", "runtimeinfo"], &[]);
        data(&self.client.ask(&Request::get(url)).await?)
    }

    async fn query(&self, request: &Request) -> Result<Found, HttpError> {
        let answer = self.client.ask(request).await?;
        let envelope: Envelope<QueryData> = answer.json()?;
        let (data, warnings, infos) = opened(envelope, &answer)?;
        let mut found = Found {
            series: Vec::new(),
            page: None,
            warnings,
            infos,
            broken: Vec::new(),
            result_type: data.result_type.unwrap_or_default(),
            server_time: answer.server_time(),
        };
        let items = data.result.unwrap_or_default();
        found.page = (!items.is_empty()).then(|| answer.body.to_vec());
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Item::Series(series) => found.series.push(series),
                Item::Other(other) => found.note_broken(index, &other),
            }
        }
        Ok(found)
    }
}

fn data<T: DeserializeOwned>(answer: &Answer) -> Result<T, HttpError> {
    opened(answer.json()?, answer).map(|(data, _, _)| data)
}

/// What is in the envelope, with warnings and remarks.
fn opened<T>(envelope: Envelope<T>, answer: &Answer) -> Result<(T, Vec<String>, Vec<String>), HttpError> {
    if envelope.status.as_deref() != Some("success") {
        return Err(answer.unusable(envelope.error.unwrap_or_else(|| "it does not call itself a success".to_owned())));
    }
    let data = envelope.data.ok_or_else(|| answer.unusable("there is no `data` in it"))?;
    Ok((data, some(envelope.warnings), some(envelope.infos)))
}

/// What to do about a failed query.
pub(super) fn failure(error: &HttpError) -> Failure {
    /// What servers say of questions that are too large: Prometheus, Thanos, Mimir, Cortex and `VictoriaMetrics`.
    const TOO_MUCH: [&str; 8] =
        ["too many samples", "limit", "exceed", "too long", "maximum resolution", "max-", "too many", "timed out"];
    let is_too_much = |words: &str| {
        let words = words.to_ascii_lowercase();
        TOO_MUCH.iter().any(|word| words.contains(word))
    };
    match &error.kind {
        HttpErrorKind::TooLarge { .. } | HttpErrorKind::TimedOut { .. } => Failure::TooMuch,
        HttpErrorKind::Status(refused) => match refused.status {
            401 => Failure::Unauthorised,
            400 | 413 | 422 if is_too_much(&refused.message) || refused.status == 413 => Failure::TooMuch,
            // A query that ran into its time limit.
            503 if is_too_much(&refused.message) => Failure::TooMuch,
            408 | 425 | 429 | 500..=599 => Failure::Passing,
            _ => Failure::Refused,
        },
        // Something on the way answered in its place, unless the server itself gives something else than samples.
        HttpErrorKind::Content(_) if error.what.starts_with(SAMPLES) => Failure::Refused,
        _ => Failure::Passing,
    }
}
