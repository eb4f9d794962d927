//! One window of alerts: the samples of those that fire, and since when they are active.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use lake::Instant;

use super::Session;
use super::fetch::{Fetched, fetch};
use crate::http::HttpError;
use crate::sources::prometheus::client::Found;
use crate::sources::prometheus::selectors::Selectors;
use crate::sources::prometheus::timeline::Identity;
use crate::sources::prometheus::windows::{Grid, SECOND, Window};
use crate::sources::prometheus::wire;

/// What came of a window: samples of firing alerts, and since when they are active.
pub(super) struct Both {
    pub(super) window: Window,
    pub(super) firing: Fetched,
    pub(super) active: Fetched,
}

/// Asks for one window.
pub(super) async fn both(session: &Session<'_>, selectors: &Selectors, window: Window) -> Result<Both, HttpError> {
    let settings = &session.config.alerts;
    let step = session.evaluations.pace(&Identity::new()).step;
    let smallest = (i64::from(settings.smallest_window_seconds) * SECOND).max(step.unwrap_or(0));
    let (firing, active) = match step {
        None => (selectors.firing(), selectors.active_since()),
        Some(_) => (selectors.firing_times(), selectors.active_since()),
    };
    let firing = fetch(window, smallest, &|piece| ask(session, step, &firing, piece)).await?;
    let is_quiet = firing.pieces.iter().all(|(_, found)| found.series.is_empty());
    if is_quiet {
        return Ok(Both { window, firing, active: Fetched::default() });
    }
    let active = fetch(window, smallest, &|piece| ask(session, step, &active, piece)).await?;
    Ok(Both { window, firing, active })
}

fn ask<'q>(
    session: &'q Session<'_>,
    step: Option<i64>,
    query: &'q str,
    piece: Window,
) -> BoxFuture<'q, Result<Found, HttpError>> {
    match step {
        None => session.server.samples(query, piece),
        Some(step) => session.server.points(query, Grid::within(piece, step)),
    }
}

/// Since when a series is active, by its labels and the time it was asked for.
pub(super) type ActiveSince = BTreeMap<(String, Instant), Instant>;

pub(super) fn active_since(fetched: &Fetched) -> ActiveSince {
    let mut active = ActiveSince::new();
    for series in fetched.pieces.iter().flat_map(|(_, found)| &found.series) {
        let mut labels = series.metric.clone();
        labels.remove("__name__");
        let key = key(&labels);
        let known = series.points().filter_map(|point| Some(((key.clone(), point.at()?), point.instant()?)));
        active.extend(known);
    }
    active
}

/// The labels of a series as one text.
pub(super) fn key(labels: &wire::Labels) -> String {
    let pairs = labels.iter().map(|(name, value)| format!("{name}={value:?}"));
    pairs.collect::<Vec<_>>().join(",")
}
