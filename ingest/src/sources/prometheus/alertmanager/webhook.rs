//! Taking what an Alertmanager delivers.
//!
//! A delivery is repeated until it is answered, and again every few hours while something fires; one group may hold alerts
//! that fire and alerts that are over. So each alert in it is taken for itself, rows have keys, and no row tells when it
//! arrived.

use std::sync::OnceLock;

use lake::Instant;
use lake::tables::{alerts, coverage};

use super::wire::{Alert, Message};
use crate::receive::{Delivery, Receiver, Refused};
use crate::sources::prometheus::auth::{Auth, proves};
use crate::sources::prometheus::config::Config;
use crate::sources::prometheus::evaluations::Evaluations;
use crate::sources::prometheus::intervals::{End, Interval, Pace};
use crate::sources::prometheus::rows;
use crate::sources::prometheus::rules::Rules;
use crate::sources::prometheus::timeline::{Identifying, Witness};
use crate::{Secret, Sink, SourceError, Variables};

/// Takes deliveries of an Alertmanager.
pub(in crate::sources::prometheus) struct Webhook {
    pub(in crate::sources::prometheus) path: String,
    pub(in crate::sources::prometheus) stream: String,
    pub(in crate::sources::prometheus) config: Config,
    pub(in crate::sources::prometheus) auth: Auth,
    pub(in crate::sources::prometheus) rules: Rules,
    pub(in crate::sources::prometheus) identifying: Identifying,
    pub(in crate::sources::prometheus) secret: OnceLock<Secret>,
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
            match alert.and_then(|alert| self.firing(&alert, delivery.received_at)) {
                Some(firing) => found.push(firing),
                None => broken += 1,
            }
        }
        self.put(&found, &page, sink)?;
        let truncated = message.truncated_alerts.unwrap_or(0);
        let group = message.group_key.unwrap_or_default();
        for (count, why) in [(truncated, "Alertmanager left out of a delivery (`max_alerts`)"), (broken, "cannot be read in a delivery")] {
            if count > 0 {
                sink.coverage(self.missing(&found, format!("alerts that {why}, of the group `{group}`"), count))?;
            }
        }
        Ok(())
    }
}

/// One firing as a delivery tells it.
struct Firing {
    identity: crate::sources::prometheus::timeline::Identity,
    interval: Interval,
    pace: Pace,
    /// Until when it is known to fire, or not to.
    known_until: Instant,
}

impl Webhook {
    fn firing(&self, alert: &Alert, received_at: Instant) -> Option<Firing> {
        let identity = self.identifying.identity(alert.labels.as_ref()?);
        let start = alert.started_at()?;
        let pace = Evaluations::configured(&self.config.alerts).pace(&identity);
        let ended_at = alert.is_resolved().then(|| alert.ended_at()).flatten().map(|end| end.max(start));
        let error = pace.evaluation;
        let interval = Interval {
            pending_at: None,
            start,
            start_error: Some(error),
            first: start,
            last: ended_at.unwrap_or(start),
            end: if ended_at.is_some() { End::Over { error } } else { End::Firing },
            has_hole: false,
            firing_count: 1,
            witness: Witness::Alertmanager,
        };
        Some(Firing { identity, interval, pace, known_until: received_at })
    }

    fn put(&self, found: &[Firing], page: &str, sink: &mut Sink<'_>) -> Result<(), Refused> {
        let mut alerts: Vec<alerts::Row> = Vec::new();
        let mut incidents = Vec::new();
        for firing in found {
            let verdict = self.rules.verdict(&firing.identity);
            let (name, identity, interval) = (&self.config.name, &firing.identity, &firing.interval);
            let row = rows::alert(name, identity, &verdict, interval, &firing.pace);
            let known_at = row.ended_at.unwrap_or(row.started_at);
            alerts.push(alerts::Row { witness: "webhook".to_owned(), updated_at: Some(known_at), ..row });
            // Where Prometheus is read, too, it alone says what an incident is: it sees flapping, and each is one.
            if self.config.url.is_none() {
                incidents.extend(self.incident(firing, &verdict));
            }
        }
        sink.rows(alerts, Some(page))?;
        sink.rows(incidents, Some(page))?;
        Ok(())
    }

    /// The firing as an incident. Whether it stays clear for ten minutes nobody tells us, so its end is taken as it is
    /// told; one that goes on is an incident once it has gone on for long enough.
    fn incident(
        &self,
        firing: &Firing,
        verdict: &crate::sources::prometheus::rules::Verdict,
    ) -> Option<lake::tables::incidents::Row> {
        let is_over = firing.interval.end != End::Firing;
        let mut seen = firing.interval.clone();
        if !is_over {
            seen.last = firing.known_until.max(seen.first);
        }
        let (name, identity) = (&self.config.name, &firing.identity);
        let long_after = Instant(i64::MAX / 2);
        let row = rows::incident(name, identity, verdict, &seen, &firing.pace, long_after)?;
        let updated_at = Some(row.resolved_at.unwrap_or(row.opened_at));
        Some(lake::tables::incidents::Row { updated_at, ..row })
    }

    /// What a delivery does not tell, in the time that it speaks of: the same whenever it arrives.
    fn missing(&self, found: &[Firing], reason: String, count: i64) -> coverage::Row {
        let start = found.iter().map(|firing| firing.interval.first).min();
        let end = found.iter().map(|firing| firing.interval.last).max();
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
