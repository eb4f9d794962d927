//! One reading: alerts, series, and what an Alertmanager says at the moment.

mod alertmanager;
mod alerts;
mod anew;
mod fetch;
mod look_around;
mod output;
pub(super) mod plan;
mod presence;
mod series;
mod statement;
mod window;

use lake::Instant;

use super::client::{self, Server};
use super::config::Config;
use super::evaluations::{Evaluations, duration};
use super::rules::Rules;
use super::timeline::Identifying;
use super::windows::SECOND;
use crate::http::HttpError;
use crate::{Ledger, Range, Reading, Reporter, Sink, SourceError};

/// For how many days a server keeps samples unless it says otherwise.
const RETENTION: i64 = 15 * 86400 * SECOND;

/// What all parts of one reading share.
pub(super) struct Session<'a> {
    pub(super) config: &'a Config,
    pub(super) rules: &'a Rules,
    pub(super) identifying: &'a Identifying,
    pub(super) server: &'a Server<'a>,
    pub(super) evaluations: Evaluations,
    /// Whether the server says how it evaluates its alerts, or said so before.
    pub(super) knows_rules: bool,
    pub(super) range: Range,
    /// The present, by the slower of both clocks.
    pub(super) present: Instant,
    /// How far back the server says it can look.
    pub(super) kept_since: Instant,
    /// From when a first reading reads.
    pub(super) since: Option<Instant>,
    pub(super) reporter: &'a dyn Reporter,
}

/// Reads what is configured into `sink`.
pub(super) async fn read(
    source: &super::PrometheusSource,
    reading: &Reading<'_>,
    sink: &mut Sink<'_>,
    reporter: &dyn Reporter,
) -> Result<(), SourceError> {
    let config = &source.config;
    let rules = Rules::new(&config.rules)?;
    let identifying = super::identifying(config, &rules);
    let mut ledger = Ledger::from_cursor(reading.cursor)?;
    let seen = match &config.alertmanager {
        Some(settings) => {
            let client = client::client(
                &settings.url,
                &settings.http,
                settings.auth.as_ref(),
                settings.tenant.as_deref(),
                reading.variables,
                reporter,
            )?
            .pause(source.pause.clone());
            Some(alertmanager::ask(settings, &client, sink, reporter).await)
        }
        None => None,
    };
    let mut failed: Vec<SourceError> = Vec::new();
    let mut firing_now = None;
    match seen {
        Some(Ok(seen)) => firing_now = Some(seen),
        Some(Err(error)) => note(error, &mut failed, reporter)?,
        None => {}
    }
    match &config.url {
        Some(url) => {
            let client = client::client(
                url,
                &config.http,
                config.auth.as_ref(),
                config.tenant.as_deref(),
                reading.variables,
                reporter,
            )?
            .pause(source.pause.clone());
            let server = Server::new(client);
            match session(config, &rules, &identifying, &server, &ledger, reading, reporter).await {
                Ok(mut session) => {
                    alerts::read(&mut session, firing_now, &mut ledger, sink).await?;
                    for series in &config.series {
                        series::read(&session, series, &mut ledger, sink).await?;
                    }
                }
                Err(error) => note(error, &mut failed, reporter)?,
            }
        }
        None => {
            if let Some(seen) = firing_now {
                alertmanager::alone(config, &rules, &identifying, &seen, reading.now, &mut ledger, sink)?;
            }
        }
    }
    let asked = usize::from(config.url.is_some()) + usize::from(config.alertmanager.is_some());
    if failed.len() == asked
        && let Some(error) = failed.pop()
    {
        return Err(error);
    }
    sink.state(&ledger)
}

/// Goes on without a server that could not be read, unless we are not let in.
fn note(error: SourceError, failed: &mut Vec<SourceError>, reporter: &dyn Reporter) -> Result<(), SourceError> {
    if error.code() == "ingest::auth" {
        return Err(error);
    }
    reporter.gap(&format!("{error}: {}", error.kind));
    failed.push(error);
    Ok(())
}

/// Finds out with whom we speak.
async fn session<'a>(
    config: &'a Config,
    rules: &'a Rules,
    identifying: &'a Identifying,
    server: &'a Server<'a>,
    ledger: &Ledger,
    reading: &Reading<'_>,
    reporter: &'a dyn Reporter,
) -> Result<Session<'a>, SourceError> {
    let doing = || format!("could not ask `{}` what time it is", config.name);
    let server_time = server.hello().await.map_err(|error| SourceError::new(doing(), error))?;
    let present = server_time.map_or(reading.now, |time| time.min(reading.now));
    let mut evaluations = Evaluations::configured(&config.alerts);
    let knows_rules = match server.rules().await {
        Ok(rules) => {
            evaluations.learn(rules);
            true
        }
        Err(error) => {
            untold("how often its rules are evaluated", &error, reporter);
            evaluations.recall(ledger.get(alerts::STREAM).and_then(|entry| entry.memory.get(anew::RULES)))
        }
    };
    let retention = match config.retention_days {
        Some(days) => Some(i64::from(days) * 86400 * SECOND),
        None => match server.runtime_info().await {
            Ok(info) => info.storage_retention.as_deref().and_then(duration),
            Err(error) => {
                tracing::debug!(error = %error.kind, "the server does not say how long it keeps samples");
                None
            }
        },
    };
    Ok(Session {
        config,
        rules,
        identifying,
        server,
        evaluations,
        knows_rules,
        range: reading.range,
        present,
        kept_since: Instant(present.0 - retention.unwrap_or(RETENTION)),
        since: super::since(config)?,
        reporter,
    })
}

/// The server does not say something that settings, or what it said before, say in its place.
fn untold(what: &str, error: &HttpError, reporter: &dyn Reporter) {
    tracing::info!(error = %error.kind, what, "the server does not say");
    reporter.gap(&format!("the server does not say {what}: what it said before is taken, or what is configured ({error}: {})", error.kind));
}
