//! The client: the only code that speaks to a server.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::de::IgnoredAny;
use tokio::sync::{Mutex, Semaphore};
use url::Url;

use super::error::Refused;
use super::hidden::Hidden;
use super::origin::shown_url;
use super::patience::within;
use super::retry::{backoff, may_pass};
use super::{Answer, HttpError, HttpErrorKind, Origin, Pause, RateRule, Refusal, Request, Settings, plain_rate};
use crate::{Reporter, Secret};

mod lines;

pub use lines::Lines;

/// Most redirects that are followed for one request.
const REDIRECTS: usize = 5;
/// Waits shorter than this are not worth telling.
const WORTH_TELLING: Duration = Duration::from_secs(2);

/// Who we say we are to the server. Asked before every request, so that what runs out can be renewed in time.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// The header that proves it, if there is one.
    ///
    /// # Errors
    /// [`HttpError`] where a new proof could not be had.
    async fn header(&self) -> Result<Option<(HeaderName, HeaderValue)>, HttpError>;
}

/// Credentials that stay the same.
struct Unchanging(Option<(HeaderName, HeaderValue)>);

#[async_trait]
impl Credentials for Unchanging {
    async fn header(&self) -> Result<Option<(HeaderName, HeaderValue)>, HttpError> {
        Ok(self.0.clone())
    }
}

/// Asks one server for pages.
pub struct Client<'r> {
    inner: reqwest::Client,
    origin: Origin,
    settings: Settings,
    headers: HeaderMap,
    credentials: Box<dyn Credentials>,
    hidden: Hidden,
    rate: RateRule,
    pause: Pause,
    reporter: &'r dyn Reporter,
    in_flight: Semaphore,
    gate: Mutex<Gate>,
    generation: AtomicU64,
    asked: AtomicU64,
}

/// An answer, and its body where that is still to be read, with what must not be shown of it.
type Taken = (Answer, Option<(reqwest::Response, Hidden)>);

/// How much of a success is taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Take {
    /// All of it.
    Whole,
    /// Its head: whoever asked reads the body as it comes.
    Head,
}

/// Everybody passes here before asking; whoever was told to wait holds it meanwhile.
#[derive(Default)]
struct Gate {
    announced: Option<Refusal>,
}

impl<'r> Client<'r> {
    /// A client for the server at `base`, without credentials.
    ///
    /// # Errors
    /// [`HttpError`] where the settings cannot be used.
    pub fn new(base: &str, settings: &Settings, reporter: &'r dyn Reporter) -> Result<Self, HttpError> {
        let origin = Origin::parse(base, &settings.also_called).map_err(setup)?;
        Ok(Self {
            inner: inner(settings)?,
            origin,
            settings: settings.clone(),
            headers: HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static(AGENT))]),
            credentials: Box::new(Unchanging(None)),
            hidden: Hidden::default(),
            rate: plain_rate,
            pause: Pause::real(),
            reporter,
            in_flight: Semaphore::new(settings.requests_in_flight.max(1)),
            gate: Mutex::default(),
            generation: AtomicU64::new(0),
            asked: AtomicU64::new(0),
        })
    }

    /// With a header on every request that is no secret.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With `Authorization: Bearer …`.
    ///
    /// # Errors
    /// [`HttpError`] where the secret cannot be sent, or could be read on the way.
    pub fn bearer(self, secret: &Secret) -> Result<Self, HttpError> {
        self.secret_header(AUTHORIZATION, &Secret::new(format!("Bearer {}", secret.expose())))
    }

    /// With a secret in a header.
    ///
    /// # Errors
    /// As [`Client::bearer`].
    pub fn secret_header(self, name: HeaderName, secret: &Secret) -> Result<Self, HttpError> {
        let value = secret_value(secret)?;
        self.credentials(Box::new(Unchanging(Some((name, value)))))
    }

    /// With credentials that may change.
    ///
    /// # Errors
    /// As [`Client::bearer`].
    pub fn credentials(mut self, credentials: Box<dyn Credentials>) -> Result<Self, HttpError> {
        if self.origin.is_readable_on_the_way() && !self.settings.secrets_over_plain_http {
            let told = "a secret would be sent over plain HTTP: use https, or set `secrets_over_plain_http`";
            return Err(setup(told.to_owned()));
        }
        self.credentials = credentials;
        Ok(self)
    }

    /// With a secret that is sent within another, such as the password of `Basic`, and must not come back either.
    #[must_use]
    pub fn hides(mut self, secret: &Secret) -> Self {
        self.hidden.add(secret.expose());
        self
    }

    /// With a vendor's way of saying "not now".
    #[must_use]
    pub fn rate(mut self, rate: RateRule) -> Self {
        self.rate = rate;
        self
    }

    /// With another way of waiting.
    #[must_use]
    pub fn pause(mut self, pause: Pause) -> Self {
        self.pause = pause;
        self
    }

    /// The server.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How many requests were sent, those that were tried again included.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// The most requests that are in flight at once: how far it is worth to ask ahead.
    #[must_use]
    pub fn requests_in_flight(&self) -> usize {
        self.settings.requests_in_flight.max(1)
    }

    /// Asks, again and later where that may help, and gives a success or "unchanged".
    ///
    /// # Errors
    /// [`HttpError`] where the last attempt failed, too.
    pub async fn ask(&self, request: &Request) -> Result<Answer, HttpError> {
        self.persist(request, Take::Whole).await.map(|(answer, _)| answer)
    }

    /// Attempt after attempt, as long as the next may do better.
    async fn persist(&self, request: &Request, take: Take) -> Result<Taken, HttpError> {
        let failed = |kind| HttpError { what: what(request), kind };
        let mut attempt = 1;
        loop {
            let generation = self.pass_gate().await.map_err(failed)?;
            let (kind, refusal) = match self.once(request, take).await? {
                Ok((answer, body)) => match ((self.rate)(&answer), is_success(&answer)) {
                    (refusal, true) => {
                        // Answers overtake each other: one that announces nothing takes back nothing.
                        if refusal.is_some() {
                            self.gate.lock().await.announced = refusal;
                        }
                        return Ok((answer, body));
                    }
                    (Some(refusal), false) => (HttpErrorKind::Status(Box::new(Refused::of(&answer))), Some(refusal)),
                    (None, false) => (HttpErrorKind::Status(Box::new(Refused::of(&answer))), None),
                },
                Err(kind) => (kind, None),
            };
            if attempt >= self.settings.attempts || (refusal.is_none() && !may_pass(&kind)) {
                return Err(failed(refusal.and_then(Refusal::into_error).unwrap_or(kind)));
            }
            tracing::debug!(request = %request.shown(), attempt, error = %kind, "trying again");
            let own_choice = backoff(attempt, salt(request));
            match refusal {
                Some(refusal) => {
                    let wait = refusal.wait_after(attempt, own_choice);
                    self.wait_for_all(generation, &refusal, wait).await.map_err(failed)?;
                }
                None => self.pause.sleep(own_choice).await,
            }
            attempt += 1;
        }
    }

    /// Waits while somebody holds the gate, or as the last answer announced. Returns which wait it was after.
    async fn pass_gate(&self) -> Result<u64, HttpErrorKind> {
        let mut gate = self.gate.lock().await;
        if let Some(refusal) = gate.announced.take() {
            self.wait(refusal.wait_after(1, Duration::ZERO), &refusal.why).await?;
            self.generation.fetch_add(1, Ordering::SeqCst);
        }
        Ok(self.generation.load(Ordering::SeqCst))
    }

    /// Waits with everybody else behind, unless somebody waited since the request of `generation` was sent.
    async fn wait_for_all(&self, generation: u64, refusal: &Refusal, wait: Duration) -> Result<(), HttpErrorKind> {
        let _held = self.gate.lock().await;
        if self.generation.load(Ordering::SeqCst) == generation {
            self.wait(wait, &refusal.why).await?;
            self.generation.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    async fn wait(&self, wait: Duration, why: &str) -> Result<(), HttpErrorKind> {
        if wait.as_secs() > self.settings.longest_wait_seconds {
            return Err(HttpErrorKind::Limited { seconds: wait.as_secs(), why: why.to_owned() });
        }
        if wait >= WORTH_TELLING {
            tracing::info!(seconds = wait.as_secs(), why, "waiting");
            self.reporter.waiting(wait.as_secs(), why);
        }
        self.pause.sleep(wait).await;
        Ok(())
    }

    /// One attempt: what went wrong on the way is inside, what makes all attempts useless outside.
    async fn once(&self, request: &Request, take: Take) -> Result<Result<Taken, HttpErrorKind>, HttpError> {
        let failed = |kind| HttpError { what: what(request), kind };
        let Ok(_place) = self.in_flight.acquire().await else {
            return Err(failed(HttpErrorKind::Setup("the client was closed".to_owned())));
        };
        let mut url = self.origin.own(request.url.clone()).map_err(failed)?;
        let mut has_moved = false;
        for _ in 0..=REDIRECTS {
            let credentials = self.credentials.header().await?;
            let (answer, body) = match self.send(request, &url, credentials, take).await {
                Ok((answer, body)) => (Answer { has_moved, ..answer }, body),
                Err(kind) => return Ok(Err(kind)),
            };
            match redirect(request, &answer) {
                None => return Ok(Self::checked(request, answer).map(|answer| (answer, body))),
                Some(target) => {
                    url = self.origin.own(target).map_err(failed)?;
                    has_moved |= matches!(answer.status, 301 | 308);
                }
            }
        }
        Err(failed(HttpErrorKind::Redirects(REDIRECTS)))
    }

    async fn send(
        &self,
        request: &Request,
        url: &Url,
        credentials: Option<(HeaderName, HeaderValue)>,
        take: Take,
    ) -> Result<Taken, HttpErrorKind> {
        let mut headers = self.headers.clone();
        headers.extend(request.headers.iter().cloned());
        headers.extend(credentials);
        if let Some(validator) = &request.validator {
            for (name, value) in [(IF_NONE_MATCH, &validator.etag), (IF_MODIFIED_SINCE, &validator.last_modified)] {
                if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                    headers.insert(name, value);
                }
            }
        }
        let sent: Vec<HeaderValue> = headers.values().filter(|value| value.is_sensitive()).cloned().collect();
        let mut building = self.inner.request(request.method.clone(), url.clone()).headers(headers);
        if let Some((kind, body)) = &request.body {
            building = building.header(http::header::CONTENT_TYPE, kind).body(body.clone());
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let hidden = self.hidden.clone().and_of(&sent);
        let whole = Duration::from_secs(self.settings.answer_timeout_seconds);
        let late = HttpErrorKind::TimedOut { seconds: whole.as_secs() };
        within(whole, self.receive(building, url, take, hidden)).await.unwrap_or(Err(late))
    }

    async fn receive(
        &self,
        building: reqwest::RequestBuilder,
        url: &Url,
        take: Take,
        hidden: Hidden,
    ) -> Result<Taken, HttpErrorKind> {
        let seconds = self.settings.read_timeout_seconds;
        let mut response = in_time(seconds, building.send()).await?;
        let (status, mut headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
        hidden.clean(&mut headers);
        tracing::debug!(url = %shown_url(url), status, "answered");
        let mut answer = Answer { url: url.clone(), has_moved: false, status, headers, body: Bytes::new() };
        if take == Take::Head && is_success(&answer) {
            return Ok((answer, Some((response, hidden))));
        }
        let limit = self.settings.answer_limit_mebibytes.saturating_mul(1024 * 1024);
        let mut body = BytesMut::new();
        while let Some(chunk) = in_time(seconds, response.chunk()).await? {
            if body.len() + chunk.len() > limit {
                return Err(HttpErrorKind::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        answer.body = hidden.without(body.freeze(), is_success(&answer));
        Ok((answer, None))
    }

    /// A success whose body is not what it has to be is a failure: what stands between us and the server may have
    /// answered in its place.
    fn checked(request: &Request, answer: Answer) -> Result<Answer, HttpErrorKind> {
        if request.accepts_any || !is_success(&answer) || answer.body.is_empty() {
            return Ok(answer);
        }
        if !answer.is_json() {
            let kind = answer.header("content-type").unwrap_or("nothing").to_owned();
            return Err(HttpErrorKind::Content(format!("JSON is expected, and the server calls it `{kind}`")));
        }
        match serde_json::from_slice::<IgnoredAny>(&answer.body) {
            Ok(_) => Ok(answer),
            Err(error) => Err(HttpErrorKind::Content(format!("it is no JSON: {error}"))),
        }
    }
}

/// What comes of one step of an answer, which may take so many seconds.
async fn in_time<T>(seconds: u64, step: impl Future<Output = reqwest::Result<T>>) -> Result<T, HttpErrorKind> {
    match within(Duration::from_secs(seconds), step).await {
        Some(done) => done.map_err(connection),
        None => Err(HttpErrorKind::TimedOut { seconds }),
    }
}

/// What went wrong on the way, in all its words.
fn connection(error: reqwest::Error) -> HttpErrorKind {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    HttpErrorKind::Connection(words)
}

const AGENT: &str = concat!("doracle/", env!("CARGO_PKG_VERSION"));

fn inner(settings: &Settings) -> Result<reqwest::Client, HttpError> {
    let refused = |error: reqwest::Error| setup(error.without_url().to_string());
    let mut building = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(Duration::from_secs(settings.connect_timeout_seconds));
    building = match &settings.proxy {
        Some(proxy) => {
            let place = Origin::parse(proxy, &[]).map_err(setup)?;
            building.proxy(reqwest::Proxy::all(place.base().clone()).map_err(refused)?)
        }
        None => building.no_proxy(),
    };
    if let Some(path) = &settings.ca_file {
        let certificates = reqwest::Certificate::from_pem_bundle(&file(path)?).map_err(refused)?;
        if certificates.is_empty() {
            return Err(setup(format!("`{}` holds no certificate", path.display())));
        }
        for certificate in certificates {
            building = building.add_root_certificate(certificate);
        }
    }
    if let Some(path) = &settings.identity_file {
        building = building.identity(reqwest::Identity::from_pem(&file(path)?).map_err(refused)?);
    }
    building.build().map_err(refused)
}

fn file(path: &Path) -> Result<Bytes, HttpError> {
    fs::read(path).map(Bytes::from).map_err(|error| setup(format!("`{}` cannot be read: {error}", path.display())))
}

fn setup(why: String) -> HttpError {
    HttpError { what: "set up the client".to_owned(), kind: HttpErrorKind::Setup(why) }
}

/// A header value that no log shows.
///
/// # Errors
/// [`HttpError`] where the secret holds what a header cannot.
pub fn secret_value(secret: &Secret) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_str(secret.expose())
        .map_err(|_shows_nothing| setup("the secret holds characters that a header cannot".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn is_success(answer: &Answer) -> bool {
    (200..300).contains(&answer.status) || answer.status == StatusCode::NOT_MODIFIED
}

/// Where an answer sends a request that may follow.
fn redirect(request: &Request, answer: &Answer) -> Option<Url> {
    let follows = match answer.status {
        301..=303 => request.method == Method::GET,
        307 | 308 => true,
        _ => false,
    };
    let location = answer.header(LOCATION.as_str()).filter(|_| follows)?;
    answer.url.join(location).ok()
}

fn what(request: &Request) -> String {
    let verb = if request.method == Method::GET { "get" } else { "ask" };
    format!("{verb} `{}`", shown_url(&request.url))
}

/// What tells requests apart that failed at the same moment.
fn salt(request: &Request) -> u64 {
    request
        .url
        .as_str()
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}
