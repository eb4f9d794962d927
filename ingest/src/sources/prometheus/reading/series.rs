//! Reading one configured series.

use futures::{StreamExt, stream};
use lake::Instant;

use super::Session;
use super::fetch::{Fetched, fetch};
use crate::sources::prometheus::client::{Failure, failure};
use crate::sources::prometheus::config::Series;
use crate::sources::prometheus::samples;
use crate::sources::prometheus::windows::{Grid, SECOND, STEPS, Window};
use crate::{Ledger, Loss, Sink, SourceError, Spans};

/// The range that is read of a series: whole steps of its grid, none of them twice.
pub(in crate::sources::prometheus) fn range(
    asked: crate::Range,
    watermark: Option<Instant>,
    first: Instant,
    present: Instant,
    series: &Series,
) -> Window {
    let step = i64::from(series.step_seconds) * SECOND;
    let settled = Instant(present.0 - i64::from(series.lag_seconds) * SECOND);
    let end = asked.until.map_or(settled, |until| until.min(settled));
    let start = asked.since.or(watermark).unwrap_or(first);
    Grid::within(Window::new(start, end), step).map_or(Window::new(start, start), Grid::window)
}

/// Reads the samples of one series.
pub(super) async fn read(
    session: &Session<'_>,
    series: &Series,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
) -> Result<(), SourceError> {
    let stream_name = format!("samples {}", series.name);
    let step = i64::from(series.step_seconds) * SECOND;
    let entry = ledger.entry(&stream_name);
    entry.covers = vec!["samples".to_owned()];
    let first = session.since.unwrap_or(session.kept_since);
    let whole = range(session.range, entry.watermark, first, session.present, series);
    let Some(grid) = Grid::within(whole, step) else { return Ok(()) };
    let is_leading = entry.watermark.is_none_or(|known| whole.start <= known && known <= whole.end);
    // What was missing is so until its chunk is read: this reading may be broken off.
    let is_again = |loss: &&Loss| loss.start_at >= Some(whole.start) && (is_leading || loss.end_at <= Some(whole.end));
    let mut before: Vec<Loss> = entry.losses.iter().filter(is_again).cloned().collect();
    let chunks = grid.chunks(STEPS);
    session.reporter.begin(&format!("reading the series `{}`", series.name), Some(chunks.len() as u64));
    let asking = chunks.into_iter().map(|chunk| {
        Box::pin(async move {
            let ask = |piece| session.server.points(&series.query, Grid::within(piece, step));
            (chunk.window(), fetch(chunk.window(), step, &ask).await)
        })
    });
    let mut answers = stream::iter(asking).buffered(session.server.requests_in_flight());
    let (mut unkept, mut stopped) = (0, None);
    while let Some((window, answer)) = answers.next().await {
        let entry = ledger.entry(&stream_name);
        match answer {
            Ok(fetched) => {
                before.retain(|loss| {
                    let is_over = loss.end_at <= Some(window.end);
                    if is_over {
                        entry.losses.retain(|known| known != loss);
                    }
                    !is_over
                });
                let mut refused = Spans::default();
                fetched.lost.iter().for_each(|(piece, _)| refused.add(piece.start, piece.end));
                for (from, to) in refused.missing(window.start, window.end) {
                    entry.complete(from, to);
                    // What the server would not give at the end of the range is asked for again.
                    if is_leading {
                        entry.watermark = entry.watermark.max(Some(to));
                    }
                }
                unkept += take(series, fetched, entry, sink, session)?;
            }
            Err(error) if failure(&error) == Failure::Unauthorised => {
                return Err(SourceError::new(format!("could not read the series `{}`", series.name), error));
            }
            Err(error) => {
                let reason = format!("it was not read: {error}: {}", error.kind);
                session.reporter.gap(&format!("series `{}` from {} on: {reason}", series.name, window.start));
                stopped = Some(loss(Window::new(window.start, whole.end), reason, None));
                break;
            }
        }
        session.reporter.advance(1);
        sink.checkpoint(|| ledger.to_cursor()).await?;
    }
    let entry = ledger.entry(&stream_name);
    entry.losses.retain(|loss| !before.contains(loss));
    if let Some(loss) = stopped {
        entry.lose(loss);
    }
    if unkept > 0 {
        let told = format!("series `{}`: `{unkept}` native histograms are not kept", series.name);
        session.reporter.gap(&told);
    }
    Ok(())
}

/// Puts what was found into the sink and says how many histograms were in it.
fn take(
    series: &Series,
    fetched: Fetched,
    entry: &mut crate::Entry,
    sink: &mut Sink<'_>,
    session: &Session<'_>,
) -> Result<usize, SourceError> {
    let mut unkept = 0;
    for (window, found) in fetched.pieces {
        let kept = samples::rows(series, &found.series, window);
        for warning in &found.warnings {
            entry.lose(loss(window, format!("the answer may be partial, says the server: {warning}"), None));
        }
        for remark in &found.infos {
            session.reporter.gap(&format!("series `{}`: the server remarks: {remark}", series.name));
        }
        for (broken, count) in found.broken {
            entry.lose(loss(window, broken, Some(count)));
        }
        if kept.histogram_count > 0 {
            let names = kept.histogram_series.join("`, `");
            let reason = format!("native histograms are not kept, of the series `{names}`");
            entry.lose(loss(window, reason, i64::try_from(kept.histogram_count).ok()));
            unkept += kept.histogram_count;
        }
        let page = found.page.map(|page| sink.page(page));
        sink.rows(kept.rows, page.as_deref())?;
    }
    for (window, error) in fetched.lost {
        entry.lose(loss(window, format!("{error}: {}", error.kind), None));
    }
    Ok(unkept)
}

fn loss(window: Window, reason: String, missing_count: Option<i64>) -> Loss {
    Loss { start_at: Some(window.start), end_at: Some(window.end), reason, missing_count }
}
