//! Taking what an Alertmanager delivers.
//!
//! A delivery is repeated until it is answered, and again every few hours while something fires; one group may hold alerts
//! that fire and alerts that are over. So each alert in it is taken for itself, rows have keys, and no row tells when it
//! arrived. What was told lately is remembered, so that firings close together are one interval here as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};

use lake::Instant;
use lake::tables::{alerts, coverage, incidents};

use super::deliveries::{Firing, Known, Told, shape};
use super::wire::{Alert, Message};
use crate::receive::{Delivery, Receiver, Refused};
use crate::sources::prometheus::auth::{Auth, proves};
use crate::sources::prometheus::config::{Config, Receive};
use crate::sources::prometheus::evaluations::Evaluations;
use crate::sources::prometheus::intervals::{End, Pace};
use crate::sources::prometheus::rows;
use crate::sources::prometheus::rules::{Rules, Verdict};
use crate::sources::prometheus::timeline::{Identifying, Identity};
use crate::{Secret, Sink, SourceError, SourceErrorKind, Variables};

/// Most characters of the name of a group that a sentence repeats.
const GROUP_LENGTH: usize = 200;

/// Takes deliveries of an Alertmanager.
pub(in crate::sources::prometheus) struct Webhook {
    path: String,
    stream: String,
    config: Config,
    auth: Auth,
    rules: Rules,
    identifying: Identifying,
    secret: OnceLock<Secret>,
    /// What earlier deliveries told.
    told: Mutex<Told>,
}

impl Webhook {
    /// A receiver that is not armed yet.
    pub(in crate::sources::prometheus) fn new(config: &Config, receive: &Receive, rules: Rules, identifying: Identifying) -> Self {
        Self {
            path: config.receive_path(),
            stream: format!("{} deliveries", crate::sources::prometheus::stream(config)),
            config: config.clone(),
            auth: receive.auth.clone(),
            rules,
            identifying,
            secret: OnceLock::new(),
            told: Mutex::default(),
        }
    }
}

impl Receiver for Webhook {
    fn path(&self) -> &str {
        &self.path
    }

    fn stream(&self) -> String {
        self.stream.clone()
    }

    fn fills(&self) -> &'static [&'static str] {
        &["alerts", "incidents", "coverage"]
    }

    fn arm(&mut self, variables: &dyn Variables) -> Result<(), SourceError> {
        self.secret = OnceLock::from(self.auth.header(variables)?);
        Ok(())
    }

    fn take_up(&mut self, cursor: &str) -> Result<(), SourceError> {
        let told = Told::from_cursor(cursor, &self.shape()).map_err(|why| {
            SourceError::new(format!("could not take up deliveries of `{}`", self.config.name), SourceErrorKind::Input(why))
        })?;
        self.told = Mutex::new(told);
        Ok(())
    }

    fn accept(&self, delivery: &Delivery<'_>, sink: &mut Sink<'_>) -> Result<(), Refused> {
        if !self.secret.get().is_some_and(|secret| proves(delivery, secret)) {
            return Err(Refused::Unauthorised);
        }
        let unusable = |error: serde_json::Error| Refused::Unusable(format!("it is no message of Alertmanager: {error}"));
        let message: Message = serde_json::from_slice(delivery.body).map_err(unusable)?;
        let version = message.version.as_deref().unwrap_or("none");
        if version != "4" {
            return Err(Refused::Unusable(format!("its version is `{version}`, and `4` is known")));
        }
        let page = sink.page(delivery.body.to_vec());
        let mut found = Vec::new();
        let mut broken: i64 = 0;
        for alert in message.alerts.unwrap_or_default() {
            let alert: Option<Alert> = serde_json::from_value(alert).ok();
            match alert.and_then(|alert| self.firing(&alert)) {
                Some(firing) => found.push(firing),
                None => broken += 1,
            }
        }
        self.put(&found, delivery.received_at, &page, sink)?;
        let truncated = message.truncated_alerts.unwrap_or(0);
        let group: String = message.group_key.unwrap_or_default().chars().take(GROUP_LENGTH).collect();
        for (count, why) in [(truncated, "Alertmanager left out of a delivery (`max_alerts`)"), (broken, "cannot be read in a delivery")] {
            if count > 0 {
                sink.coverage(self.missing(&found, format!("alerts that {why}, of the group `{group}`"), count))?;
            }
        }
        Ok(())
    }
}

impl Webhook {
    /// The firing that an alert of a delivery tells of.
    fn firing(&self, alert: &Alert) -> Option<Firing> {
        let start = alert.started_at()?;
        Some(Firing {
            identity: self.identifying.identity(alert.labels.as_ref()?),
            fingerprint: alert.fingerprint.clone().unwrap_or_default(),
            start,
            end: alert.is_resolved().then(|| alert.ended_at()).flatten().map(|end| end.max(start)),
        })
    }

    /// Puts the intervals into rows that these firings are part of, and leaves what the next delivery needs.
    fn put(&self, found: &[Firing], received_at: Instant, page: &str, sink: &mut Sink<'_>) -> Result<(), Refused> {
        let evaluations = Evaluations::configured(&self.config.alerts);
        let mut starts: BTreeMap<&Identity, BTreeSet<Instant>> = BTreeMap::new();
        let mut alerts: Vec<alerts::Row> = Vec::new();
        let mut incidents = Vec::new();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for firing in found {
            let of_which = told.add(firing);
            starts.entry(&firing.identity).or_default().extend(of_which);
        }
        for (identity, starts) in starts {
            let (pace, verdict) = (evaluations.pace(identity), self.rules.verdict(identity));
            for known in told.intervals(identity, &starts, &pace) {
                let row = rows::alert(&self.config.name, identity, &verdict, &known.interval, &pace);
                let updated_at = Some(known.told_at);
                alerts.push(alerts::Row { witness: "webhook".to_owned(), updated_at, ..row });
                // Where Prometheus is read, too, it alone says what an incident is, so that nothing is counted twice.
                if self.config.url.is_none() {
                    incidents.extend(self.incident(identity, &known, &verdict, &pace, received_at));
                }
            }
        }
        told.prune(&evaluations.pace(&Identity::new()));
        sink.set_cursor(told.to_cursor(&self.shape()));
        drop(told);
        sink.rows(alerts, Some(page))?;
        sink.rows(incidents, Some(page))?;
        Ok(())
    }

    fn shape(&self) -> serde_json::Value {
        shape(&self.identifying.names, &self.config.alerts)
    }

    /// The interval as an incident. Whether it stays clear for ten minutes nobody tells us, so its end is taken as it is
    /// told; one that goes on is an incident once it has gone on for long enough.
    fn incident(
        &self,
        identity: &Identity,
        known: &Known,
        verdict: &Verdict,
        pace: &Pace,
        received_at: Instant,
    ) -> Option<incidents::Row> {
        let mut seen = known.interval.clone();
        if seen.end == End::Firing {
            seen.last = received_at.max(seen.last);
        }
        let long_after = Instant(i64::MAX / 2);
        let row = rows::incident(&self.config.name, identity, verdict, &seen, pace, long_after)?;
        Some(incidents::Row { updated_at: Some(known.told_at), ..row })
    }

    /// What a delivery does not tell, in the time that it speaks of: the same whenever it arrives.
    fn missing(&self, found: &[Firing], reason: String, count: i64) -> coverage::Row {
        let start = found.iter().map(|firing| firing.start).min();
        let end = found.iter().map(|firing| firing.end.unwrap_or(firing.start)).max();
        coverage::Row {
            stream: self.stream.clone(),
            covers: "alerts".to_owned(),
            repository: None,
            service: None,
            range_start_at: start,
            range_end_at: end.map(|end| Instant(end.0 + 1)),
            is_complete: false,
            reason: Some(reason),
            missing_count: Some(count),
        }
    }
}
