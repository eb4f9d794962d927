//! The settings of the `prometheus` source.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::Auth;
use crate::http::Settings;

/// Reads alerts and configured series from Prometheus or whatever speaks its API, and alerts from Alertmanager.
///
/// Without `rules` alerts stay evidence: no incident is made of them.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of this server in streams and in the ids of alerts. Default: `main`.
    #[serde(default = "main")]
    #[schemars(example = &"main")]
    pub name: String,
    /// Address of the server, with the path under which `/api/v1` lies. Default: none, where only Alertmanager is read
    /// or only deliveries are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"https://metrics.example/prometheus")]
    pub url: Option<String>,
    /// How we say who we are. Default: not at all; certificates are in `http.identity_file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Tenant, sent as `X-Scope-OrgID`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"team-a")]
    pub tenant: Option<String>,
    /// How the server is spoken to.
    #[serde(default)]
    pub http: Settings,
    /// From when the first reading reads, as RFC 3339 with a zone. Default: as far as the server says it keeps samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"2026-01-01T00:00:00Z")]
    pub since: Option<String>,
    /// For how many days the server keeps samples. Default: what it says itself, else 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 400)]
    pub retention_days: Option<u32>,
    /// Which alerts are read, and how samples of them become intervals.
    #[serde(default)]
    pub alerts: Alerts,
    /// Which alerts speak of which service, and which of them are incidents; the first that fits decides. Default: none.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Series to keep, such as availabilities. Default: none.
    #[serde(default)]
    pub series: Vec<Series>,
    /// An Alertmanager as second witness. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alertmanager: Option<Box<Alertmanager>>,
    /// How an Alertmanager delivers to us. Default: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive: Option<Receive>,
}

/// Which alerts are read, and how samples of them become intervals.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alerts {
    /// Label matchers that alerts have to meet, as `PromQL` writes them. Default: none, all alerts are read.
    #[schemars(example = ["severity=\"page\""])]
    pub matching: Vec<String>,
    /// Labels that tell one alert from another; what differs only in other labels is one alert. The name of the alert and
    /// every label that a rule reads are always among them. Default: `cluster`, `namespace`, `environment`, `service`,
    /// `job`, `severity`.
    #[schemars(example = ["service", "severity"])]
    pub identity: Vec<String>,
    /// Labels that the server adds to what it sends to others, so that its own series and what Alertmanager tells are of
    /// the same alert. Default: none.
    #[schemars(example = BTreeMap::from([("cluster", "eu-1")]))]
    pub external_labels: BTreeMap<String, String>,
    /// How samples are asked for. Default: `auto`.
    pub method: Method,
    /// Minutes of samples in one request. Default: 360.
    #[schemars(range(min = 1, max = 44640))]
    pub window_minutes: u32,
    /// Seconds of the smallest window that is asked for where the server finds larger ones too large. Default: 60.
    #[schemars(range(min = 1, max = 3600))]
    pub smallest_window_seconds: u32,
    /// Seconds between two evaluations of an alert, where the server does not say. Default: 60.
    #[schemars(range(min = 1, max = 3600))]
    pub evaluation_seconds: u32,
    /// Seconds that alerts go on to fire once their condition holds no longer (`keep_firing_for`), where the server does not
    /// say: they are taken off the end. Default: not known, and then an end of an alert whose rule the server does not
    /// list may lie anywhere in its last firing, as its error says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 0, range(max = 604_800))]
    pub keep_firing_seconds: Option<u32>,
    /// Firings of one alert that lie no more than so many seconds apart are one. Default: 600.
    #[schemars(range(max = 86400))]
    pub flapping_seconds: u32,
    /// Minutes before the end of the last reading that are read again, for samples that came late. Default: 30.
    #[schemars(range(max = 10080))]
    pub overlap_minutes: u32,
    /// Seconds before the present that are left for the next reading, where samples take time to arrive. Default: 0.
    #[schemars(range(max = 86400))]
    pub lag_seconds: u32,
    /// A selector of series that are always there while the server works; where they are missing too, nobody looked. An
    /// empty text leaves that question out. Default: `up`.
    #[schemars(example = &"doracle:presence")]
    pub presence: String,
    /// Seconds in which at least one sample of `presence` has to fall. Default: 120.
    #[schemars(range(min = 10, max = 3600))]
    pub presence_seconds: u32,
    /// Days that are read before the range that was asked for to find where an alert began, and behind it to find where
    /// it ended. Default: 7.
    #[schemars(range(max = 400))]
    pub look_around_days: u32,
}

/// How samples of alerts are asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The samples themselves; by range queries where the server refuses that.
    #[default]
    Auto,
    /// The samples themselves.
    Samples,
    /// By range queries, with wider errors.
    RangeQuery,
}

/// Which alerts speak of which service.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Names of alerts: a regular expression that the whole name has to match. Default: all.
    #[serde(default = "everything")]
    #[schemars(example = &"Api.*Errors.*")]
    pub alert: String,
    /// Values that labels have to have: regular expressions that the whole value has to match; a label that is not there
    /// has the empty value. Default: none.
    #[serde(default)]
    #[schemars(example = BTreeMap::from([("severity", "page|critical")]))]
    pub labels: BTreeMap<String, String>,
    /// The service the alert speaks of. No default, because it decides whose failure it is.
    pub service: Naming,
    /// The environment. Default: none said, which means production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Naming>,
    /// The severity. Default: the label `severity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Naming>,
    /// Whether such an alert is an incident. Default: yes.
    #[serde(default = "yes")]
    pub incident: bool,
    /// Seconds that it has to fire to be one. Default: 60.
    #[serde(default = "a_minute")]
    #[schemars(range(max = 604_800))]
    pub minimum_seconds: u32,
}

/// Where a name comes from.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Naming {
    /// Always this name.
    #[schemars(example = &"api")]
    Name(String),
    /// The value of this label; where it is not there, nobody said.
    #[schemars(example = &"service")]
    Label(String),
}

/// A series to keep.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Name under which its samples are kept. No default.
    #[schemars(example = &"availability")]
    pub name: String,
    /// What to ask for, in `PromQL`. Rates of counters are for the server to compute, because it sees resets. No default.
    #[schemars(example = &"service:availability:ratio_rate5m")]
    pub query: String,
    /// Seconds between two samples. Default: 60.
    #[serde(default = "a_minute")]
    #[schemars(range(min = 1, max = 86400))]
    pub step_seconds: u32,
    /// Seconds before the present that are left for the next reading, because values there may still change. Default: 300.
    #[serde(default = "five_minutes")]
    #[schemars(range(max = 86400))]
    pub lag_seconds: u32,
    /// The service a sample speaks of. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Naming>,
    /// The environment. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Naming>,
}

/// An Alertmanager that is asked which alerts are firing.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Alertmanager {
    /// Its address, with the path under which `/api/v2` lies. No default.
    #[schemars(example = &"https://metrics.example/alertmanager")]
    pub url: String,
    /// How we say who we are. Default: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Tenant, sent as `X-Scope-OrgID`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Matchers that alerts have to meet, as Alertmanager writes them. Default: none.
    #[serde(default)]
    #[schemars(example = ["severity=\"page\""])]
    pub filter: Vec<String>,
    /// How it is spoken to.
    #[serde(default)]
    pub http: Settings,
}

/// Where and how an Alertmanager delivers (`webhook_configs` there, with `http_config.authorization` or `basic_auth`).
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Receive {
    /// Where deliveries are posted. Default: `/prometheus/NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/prometheus/main")]
    pub path: Option<String>,
    /// How the sender proves who it is. No default, because whoever may post here writes history.
    pub auth: Auth,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            matching: Vec::new(),
            identity: ["cluster", "namespace", "environment", "service", "job", "severity"].map(str::to_owned).into(),
            external_labels: BTreeMap::new(),
            method: Method::Auto,
            window_minutes: 360,
            smallest_window_seconds: 60,
            evaluation_seconds: 60,
            keep_firing_seconds: None,
            flapping_seconds: 600,
            overlap_minutes: 30,
            lag_seconds: 0,
            presence: "up".to_owned(),
            presence_seconds: 120,
            look_around_days: 7,
        }
    }
}

impl Config {
    /// Where deliveries are posted.
    pub(super) fn receive_path(&self) -> String {
        let configured = self.receive.as_ref().and_then(|receive| receive.path.clone());
        configured.unwrap_or_else(|| format!("/prometheus/{}", self.name))
    }
}

fn main() -> String {
    "main".into()
}

fn everything() -> String {
    ".*".into()
}

fn yes() -> bool {
    true
}

fn a_minute() -> u32 {
    60
}

fn five_minutes() -> u32 {
    300
}
