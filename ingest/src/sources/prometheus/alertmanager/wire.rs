//! What Alertmanager sends, of it only what we read.

use lake::Instant;
use serde::Deserialize;

use crate::sources::prometheus::wire::Labels;

/// One alert, as the API and as deliveries give it.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::sources::prometheus) struct Alert {
    pub(in crate::sources::prometheus) labels: Option<Labels>,
    #[serde(rename = "startsAt")]
    starts_at: Option<String>,
    #[serde(rename = "endsAt")]
    ends_at: Option<String>,
    pub(in crate::sources::prometheus) fingerprint: Option<String>,
    /// In deliveries a word, in the API an object.
    status: Option<Status>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Status {
    Word(String),
    Other(serde::de::IgnoredAny),
}

impl Alert {
    /// When it began to fire.
    pub(in crate::sources::prometheus) fn started_at(&self) -> Option<Instant> {
        instant(self.starts_at.as_deref()?)
    }

    /// Its end; deliveries write the year 1 where there is none.
    pub(in crate::sources::prometheus) fn ended_at(&self) -> Option<Instant> {
        instant(self.ends_at.as_deref()?)
    }

    /// Whether a delivery says that it is over.
    pub(in crate::sources::prometheus) fn is_resolved(&self) -> bool {
        matches!(&self.status, Some(Status::Word(word)) if word == "resolved")
    }
}

/// To the millisecond, as Prometheus keeps the samples of the same evaluation. The year 1 is none.
fn instant(text: &str) -> Option<Instant> {
    let at = Instant::parse(text).ok()?;
    (at.0 > 0).then(|| Instant(at.0.div_euclid(1000) * 1000))
}

/// One delivery, in version 4 of its form.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::sources::prometheus) struct Message {
    pub(in crate::sources::prometheus) version: Option<String>,
    pub(in crate::sources::prometheus) alerts: Option<Vec<serde_json::Value>>,
    #[serde(rename = "truncatedAlerts")]
    pub(in crate::sources::prometheus) truncated_alerts: Option<i64>,
    #[serde(rename = "groupKey")]
    pub(in crate::sources::prometheus) group_key: Option<String>,
}
