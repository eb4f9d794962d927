//! Alerts and series from Prometheus, Alertmanager, and whatever speaks their APIs (Thanos, Mimir, `VictoriaMetrics`).
//!
//! **Alerts.** Prometheus writes a sample of `ALERTS` at every evaluation while an alert fires, and of `ALERTS_FOR_STATE`
//! since when it is active. Both are read as they were written, by range selectors that tile the time; where a server
//! refuses those, by range queries, with wider errors (`witness` says which). From samples come intervals:
//!
//! - Labels that identify an alert are configured (`alerts.identity`); series that differ only in others, such as `pod`
//!   or the `replica` of a pair of servers, are one alert and their times are joined.
//! - A sample that is missing means that the alert was over, unless the server wrote nothing else either (`presence`):
//!   then the firing goes on across the gap and is marked `uncertain`.
//! - Firings at most `flapping_seconds` apart are one interval, and `merged_count` says how many they were. Another value
//!   of `ALERTS_FOR_STATE` is another firing however short the pause.
//! - An interval that reaches to the present is open. One that reaches to the edge of what the server keeps began
//!   earlier: its start is when its condition became true and its waiting time was over, if the server remembers that,
//!   and otherwise its error says how much earlier it may be.
//! - `keep_firing_for` of a rule is taken off the end. Where neither the server nor `alerts.keep_firing_seconds` says how
//!   long that is, the alert's condition may have ended anywhere in its last firing, as the error of the end says.
//! - `started_at` is the first evaluation at which it fired, `pending_at` when its condition became true, `ended_at` the
//!   last evaluation at which it held. The errors beside them are bounds.
//!
//! **Incidents.** An alert is evidence. `rules` say which alert speaks of which service, and which of them are incidents
//! once they have fired for `minimum_seconds`; without a rule none is made. An incident opens when the alert fires, has its
//! impact when the condition became true, and is resolved at the alert's end once that was clear for ten minutes. Its
//! cause is unknown. Coverage of incidents is stated only for services that rules name: quiet says nothing of others.
//!
//! **Series.** Range queries on one global grid, each point once. Native histograms are counted and not kept.
//!
//! **Alertmanager** knows only the present. Asked, it says what is firing, and since when; for an alert that samples show,
//! it only makes the start more certain. Its deliveries are taken at `/prometheus/NAME`. Where Prometheus is read as well,
//! they give rows of `alerts` and no incidents, so that nothing is counted twice. Firings close together are one interval
//! there as well: what was told lately is remembered. A delivery that comes out of order later than the firing behind it
//! makes the start less certain and no second row.
//!
//! **Other settings.** Where settings that shape rows have changed and the server still holds everything that was read,
//! all of it is read anew and replaces what was stored. Where it does not, stored intervals stay as they are; a reading
//! with `--since` at or before the start of what was ever read replaces them by what the server still holds.
//!
//! **What is not there.** A server keeps samples for a while (15 days by default). Times from which it holds nothing, and
//! times in which it was down, are gaps in `coverage` and not quiet. Before its first sample there is no gap: where nobody says
//! from when on to read, what is covered begins there, also if it was read before it had recorded anything. [`Config::recording_rules`] gives a rule file for what
//! is worth keeping longer. `minTime` of `/api/v1/status/tsdb` is the start of the newest block only and so says nothing of
//! that.
//!
//! - `client` asks; `wire` is what servers answer; `windows` and `selectors` say what is asked for.
//! - `timeline` makes runs of samples, `presence` knows when the server worked, `intervals` makes intervals of both.
//! - `rules` name services, `rows` and `samples` make rows; `reading` does one reading, `alertmanager` is the other witness.

mod alertmanager;
mod auth;
mod client;
mod config;
mod evaluations;
mod intervals;
mod presence;
mod reading;
mod recording_rules;
mod rows;
mod rules;
mod samples;
mod selectors;
#[cfg(test)]
mod tests;
mod timeline;
mod windows;
mod wire;

use async_trait::async_trait;
use lake::Instant;

#[cfg(test)]
pub(crate) use tests::contract;
pub use auth::Auth;
pub use config::{Alertmanager, Alerts, Config, Method, Naming, Receive, Rule, Series};

use self::alertmanager::webhook::Webhook;
use self::rules::Rules;
use self::timeline::Identifying;
use crate::http::Pause;
use crate::receive::Receiver;
use crate::{Reading, Reporter, Sink, Source, SourceError, SourceErrorKind};

/// What this source reads.
pub const WHAT: &str = "Reads alerts, incidents and series from Prometheus, Alertmanager and compatible servers.";

/// The tables it may fill.
pub const FILLS: &[&str] = &["alerts", "incidents", "samples", "coverage"];

/// The source that these settings describe. Nothing is asked before [`Source::read`].
#[must_use]
pub fn open(config: Config) -> PrometheusSource {
    PrometheusSource { config, pause: Pause::real() }
}

/// A server that speaks the API of Prometheus, with or without an Alertmanager.
#[derive(Clone, Debug)]
pub struct PrometheusSource {
    config: Config,
    pause: Pause,
}

fn stream(config: &Config) -> String {
    format!("prometheus:{}", config.name)
}

/// From when a first reading reads, where that is configured.
fn since(config: &Config) -> Result<Option<Instant>, SourceError> {
    let told = |error: lake::InstantError| {
        let kind = SourceErrorKind::Settings(error.to_string());
        SourceError::new(format!("could not use `since` of `{}`", stream(config)), kind)
    };
    config.since.as_deref().map(Instant::parse).transpose().map_err(told)
}

fn identifying(config: &Config, rules: &Rules) -> Identifying {
    let mut names: std::collections::BTreeSet<String> = config.alerts.identity.iter().cloned().collect();
    names.insert("alertname".to_owned());
    names.extend(rules.label_names().map(str::to_owned));
    Identifying { names, external: config.alerts.external_labels.clone() }
}

#[async_trait]
impl Source for PrometheusSource {
    fn stream(&self) -> String {
        stream(&self.config)
    }

    fn fills(&self) -> &'static [&'static str] {
        FILLS
    }

    fn is_snapshot(&self) -> bool {
        false
    }

    fn request_plan(&self, reading: &Reading<'_>) -> Result<Vec<String>, SourceError> {
        reading::plan::requests(&self.config, reading)
    }

    fn receiver(&self) -> Result<Option<Box<dyn Receiver>>, SourceError> {
        let Some(receive) = &self.config.receive else { return Ok(None) };
        let rules = Rules::new(&self.config.rules)?;
        let identifying = identifying(&self.config, &rules);
        Ok(Some(Box::new(Webhook::new(&self.config, receive, rules, identifying))))
    }

    async fn read(
        &self,
        reading: &Reading<'_>,
        sink: &mut Sink<'_>,
        reporter: &dyn Reporter,
    ) -> Result<(), SourceError> {
        reading::read(self, reading, sink, reporter).await
    }
}
