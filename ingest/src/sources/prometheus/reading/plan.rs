//! What a reading would begin with.

use lake::Instant;

use super::alerts::{self, STREAM};
use super::{RETENTION, alertmanager};
use crate::http::{Client, Request};
use crate::sources::prometheus::client::Server;
use crate::sources::prometheus::config::Config;
use crate::sources::prometheus::rules::Rules;
use crate::sources::prometheus::selectors::{self, Selectors};
use crate::sources::prometheus::windows::{Grid, SECOND, STEPS, Window};
use crate::{Ledger, Reading, Silent, SourceError};

/// The requests a reading would begin with, as far as they are known before anything was answered. The present is ours
/// here; the server's own may be earlier.
pub(in crate::sources::prometheus) fn requests(
    config: &Config,
    reading: &Reading<'_>,
) -> Result<Vec<String>, SourceError> {
    Rules::new(&config.rules)?;
    let ledger = Ledger::from_cursor(reading.cursor)?;
    let client = |url: &str, settings| {
        Client::new(url, settings, &Silent).map_err(|error| SourceError::new("could not use `url`", error))
    };
    let mut plan = Vec::new();
    if let Some(settings) = &config.alertmanager {
        let client = client(&settings.url, &settings.http)?;
        let path = ["api", "v2", "alerts"];
        plan.push(shown(&Request::get(client.origin().at(&path, &alertmanager::filters(settings)))));
    }
    let Some(url) = &config.url else { return Ok(plan) };
    let server = Server::new(client(url, &config.http)?);
    let settings = &config.alerts;
    let retention = config.retention_days.map_or(RETENTION, |days| i64::from(days) * 86400 * SECOND);
    let first = crate::sources::prometheus::since(config)?.unwrap_or(Instant(reading.now.0 - retention));
    let present = Instant(reading.now.0 - i64::from(settings.lag_seconds) * SECOND);
    let overlap = i64::from(settings.overlap_minutes) * 60 * SECOND;
    let core = alerts::range(reading.range, ledger.get(STREAM), overlap, first, present);
    plan.push(shown(&server.instant_request("vector(1)", None)));
    if core.length() > 0 {
        let bucket = i64::from(settings.presence_seconds) * SECOND;
        let tiles = selectors::whole_buckets(core, bucket).tiles(STEPS * bucket);
        let points = tiles.first().and_then(|tile| selectors::presence_points(*tile, bucket));
        if let Some(points) = points.filter(|_| !settings.presence.is_empty()) {
            plan.push(shown(&server.range_request(&selectors::presence(&settings.presence, bucket), points)));
        }
        let windows = core.tiles(i64::from(settings.window_minutes) * 60 * SECOND);
        let selectors = Selectors::new(&settings.matching);
        if let Some((range, time)) = windows.first().copied().map(Window::as_selector) {
            plan.push(shown(&server.instant_request(&format!("{}{range}", selectors.firing()), Some(&time))));
            plan.push(format!("and so on, `{}` windows of alerts from {} until {}", windows.len(), core.start, core.end));
        }
    }
    for series in &config.series {
        let watermark = ledger.get(&format!("samples {}", series.name)).and_then(|entry| entry.watermark);
        let whole = super::series::range(reading.range, watermark, first, reading.now, series);
        let step = i64::from(series.step_seconds) * SECOND;
        let chunks = Grid::within(whole, step).map(|grid| grid.chunks(STEPS)).unwrap_or_default();
        if let Some(first) = chunks.first() {
            plan.push(shown(&server.range_request(&series.query, *first)));
            plan.push(format!("and so on, `{}` chunks of the series `{}`", chunks.len(), series.name));
        }
    }
    Ok(plan)
}

/// A request with its query: what is asked in `PromQL` is no secret.
fn shown(request: &Request) -> String {
    let query: Vec<String> = request.url().query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
    let query = query.join(" ");
    let plain = request.shown();
    if query.is_empty() { plain } else { format!("{plain} with {query}") }
}
