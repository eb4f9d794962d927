//! What servers answer, of it only what we read.

use std::collections::BTreeMap;

use lake::Instant;
use serde::Deserialize;

/// The labels of a series or an alert, in order.
pub(super) type Labels = BTreeMap<String, String>;

/// The envelope around every answer of `/api/v1`.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<T> {
    pub(super) status: Option<String>,
    #[serde(default = "none")]
    pub(super) data: Option<T>,
    pub(super) error: Option<String>,
    pub(super) warnings: Option<Vec<String>>,
    pub(super) infos: Option<Vec<String>>,
}

fn none<T>() -> Option<T> {
    None
}

/// What a query gives.
#[derive(Debug, Deserialize)]
pub(super) struct QueryData {
    #[serde(rename = "resultType")]
    pub(super) result_type: Option<String>,
    pub(super) result: Option<Vec<Item>>,
}

/// One item of a result: a series, or something that is none and is told of.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Item {
    Series(Series),
    Other(serde_json::Value),
}

/// One series.
#[derive(Debug, Deserialize)]
pub(super) struct Series {
    pub(super) metric: Labels,
    pub(super) value: Option<Point>,
    pub(super) values: Option<Vec<Point>>,
    pub(super) histogram: Option<serde::de::IgnoredAny>,
    pub(super) histograms: Option<Vec<serde::de::IgnoredAny>>,
}

/// Unix seconds and a value as text.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Point(pub(super) f64, pub(super) String);

impl Series {
    /// Its samples.
    pub(super) fn points(&self) -> impl Iterator<Item = &Point> {
        self.values.iter().flatten().chain(&self.value)
    }

    /// How many native histograms it holds.
    pub(super) fn histogram_count(&self) -> usize {
        self.histograms.as_ref().map_or(0, Vec::len) + usize::from(self.histogram.is_some())
    }
}

impl Point {
    /// When, in the milliseconds that the server knows.
    pub(super) fn at(&self) -> Option<Instant> {
        milliseconds(self.0)
    }

    /// The value where it is an instant, in Unix seconds.
    pub(super) fn instant(&self) -> Option<Instant> {
        milliseconds(self.1.parse().ok()?)
    }
}

/// The instant at these Unix seconds, to the millisecond; none where that is no instant of our calendar.
fn milliseconds(seconds: f64) -> Option<Instant> {
    let milliseconds = (seconds * 1000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "its size was looked at")]
    (milliseconds.abs() < 1e15).then(|| Instant(milliseconds as i64 * 1000))
}

/// `/api/v1/rules`.
#[derive(Debug, Deserialize)]
pub(super) struct RulesData {
    pub(super) groups: Option<Vec<RuleGroup>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RuleGroup {
    /// Seconds between two evaluations.
    pub(super) interval: Option<f64>,
    pub(super) rules: Option<Vec<RuleOfGroup>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RuleOfGroup {
    pub(super) name: Option<String>,
    /// `alerting` or `recording`.
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// Seconds that the condition has to hold.
    pub(super) duration: Option<f64>,
    /// Seconds that it goes on to fire once its condition holds no longer. A server that does not know of it has none.
    #[serde(rename = "keepFiringFor", alias = "keep_firing_for")]
    pub(super) keep: Option<f64>,
}

/// `/api/v1/status/runtimeinfo`.
#[derive(Debug, Deserialize)]
pub(super) struct RuntimeInfo {
    #[serde(rename = "storageRetention")]
    pub(super) storage_retention: Option<String>,
}
