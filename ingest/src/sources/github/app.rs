//! An app's installation: a signed statement of who the app is buys a token for an hour, which is renewed in time.

use std::time::Duration;

use async_trait::async_trait;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderName, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use lake::Instant;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::api::VERSION;
use super::config::{App, Config};
use super::rate;
use crate::http::{Client, Credentials, HttpError, HttpErrorKind, Pause, Request, between, secret_value};
use crate::{Reading, Secret, Silent, SourceError, SourceErrorKind};

/// A token is renewed this long before it runs out.
const BEFORE_THE_END: Duration = Duration::from_mins(5);
/// The statement is dated back, because clocks differ,
const BACK_SECONDS: i64 = 60;
/// and holds less than the ten minutes that GitHub allows.
const HOLDS_SECONDS: i64 = 540;

/// One installation, and the token it has at the moment.
pub(super) struct Installation {
    app: App,
    key: EncodingKey,
    client: Client<'static>,
    began: (Instant, tokio::time::Instant),
    token: Mutex<Option<Token>>,
}

struct Token {
    value: HeaderValue,
    renew_at: tokio::time::Instant,
}

/// What the statement says.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Claims {
    pub(super) iat: i64,
    pub(super) exp: i64,
    pub(super) iss: String,
}

#[derive(Deserialize)]
struct Granted {
    token: String,
    expires_at: Instant,
}

impl Installation {
    /// The installation that the settings name.
    pub(super) fn new(app: &App, config: &Config, reading: &Reading<'_>, pause: &Pause) -> Result<Self, SourceError> {
        let doing = || format!("could not use the app `{}`", app.id);
        let pem = app.key.secret(reading.variables)?;
        let key = EncodingKey::from_rsa_pem(pem.expose().as_bytes()).map_err(|_shows_nothing| {
            let told = format!("{} holds no RSA private key in PEM", app.key);
            SourceError::new(doing(), SourceErrorKind::Settings(told))
        })?;
        let (name, value) = VERSION;
        let client = Client::new(&config.url, &config.http, &Silent)
            .map_err(|error| SourceError::new(doing(), error))?
            .header(ACCEPT, HeaderValue::from_static("application/vnd.github+json"))
            .header(HeaderName::from_static(name), HeaderValue::from_static(value))
            .rate(rate::rule)
            .pause(pause.clone());
        let began = (reading.now, tokio::time::Instant::now());
        Ok(Self { app: app.clone(), key, client, began, token: Mutex::default() })
    }

    /// The present, by the time the reading began.
    fn seconds(&self) -> i64 {
        let elapsed = i64::try_from(self.began.1.elapsed().as_secs()).unwrap_or(i64::MAX);
        (self.began.0.0 / Instant::MICROS).saturating_add(elapsed)
    }

    async fn renewed(&self) -> Result<Token, HttpError> {
        let setup = |why: String| HttpError { what: "ask for a token".to_owned(), kind: HttpErrorKind::Setup(why) };
        let now = self.seconds();
        let claims = Claims { iat: now - BACK_SECONDS, exp: now + HOLDS_SECONDS, iss: self.app.id.clone() };
        let statement = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key)
            .map_err(|error| setup(error.to_string()))?;
        let id = self.app.installation.to_string();
        let url = self.client.origin().at::<&str, &str>(&["app", "installations", &id, "access_tokens"], &[]);
        let proof = secret_value(&Secret::new(format!("Bearer {statement}")))?;
        let request = Request::post_json(url, &serde_json::json!({})).header(AUTHORIZATION, proof);
        let answer = self.client.ask(&request).await?;
        // Why it does not fit would repeat what stands there, which may be the token.
        let granted: Granted = serde_json::from_slice(&answer.body)
            .map_err(|_shows_the_token| answer.unusable("it holds no token with the time at which it runs out"))?;
        // Measured by the server's clock alone, so that it does not matter what ours shows.
        let holds = answer.server_time().map_or(Duration::from_hours(1), |at| between(at, granted.expires_at));
        Ok(Token {
            value: secret_value(&Secret::new(format!("Bearer {}", granted.token)))?,
            renew_at: tokio::time::Instant::now() + holds.saturating_sub(BEFORE_THE_END),
        })
    }
}

#[async_trait]
impl Credentials for Installation {
    async fn header(&self) -> Result<Option<(HeaderName, HeaderValue)>, HttpError> {
        let mut token = self.token.lock().await;
        if token.as_ref().is_none_or(|token| tokio::time::Instant::now() >= token.renew_at) {
            *token = Some(self.renewed().await?);
        }
        Ok(token.as_ref().map(|token| (AUTHORIZATION, token.value.clone())))
    }
}
