//! Rows on their way into the sink.

use std::collections::BTreeMap;

use lake::Instant;
use lake::tables::{alerts, incidents};

use crate::sources::prometheus::config::Config;
use crate::sources::prometheus::intervals::{Interval, Pace};
use crate::sources::prometheus::rows;
use crate::sources::prometheus::rules::{Rules, Verdict};
use crate::sources::prometheus::timeline::Identity;
use crate::{Sink, SourceError};

/// Rows on their way into the sink, by the page they were last seen in.
pub(super) struct Rows<'c> {
    config: &'c Config,
    rules: &'c Rules,
    by_page: BTreeMap<Option<String>, (Vec<alerts::Row>, Vec<incidents::Row>)>,
}

impl<'c> Rows<'c> {
    pub(super) fn new(config: &'c Config, rules: &'c Rules) -> Self {
        Self { config, rules, by_page: BTreeMap::new() }
    }

    /// Adds an interval, and says which service it could have been an incident of.
    pub(super) fn add(
        &mut self,
        identity: &Identity,
        interval: &Interval,
        pace: &Pace,
        until: Instant,
        page: Option<&str>,
    ) -> Option<String> {
        let verdict: Verdict = self.rules.verdict(identity);
        let name = &self.config.name;
        let place = self.by_page.entry(page.map(str::to_owned)).or_default();
        place.0.push(rows::alert(name, identity, &verdict, interval, pace));
        place.1.extend(rows::incident(name, identity, &verdict, interval, pace, until));
        verdict.incident_after_seconds.and(verdict.service)
    }

    pub(super) fn put(self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        for (page, (alerts, incidents)) in self.by_page {
            sink.rows(alerts, page.as_deref())?;
            sink.rows(incidents, page.as_deref())?;
        }
        Ok(())
    }
}
