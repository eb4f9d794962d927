//! Asking when the server worked.

use super::Session;
use super::fetch::{Fetched, fetch};
use crate::SourceError;
use crate::sources::prometheus::client::Failure;
use crate::sources::prometheus::client::failure;
use crate::sources::prometheus::presence::Presence;
use crate::sources::prometheus::selectors;
use crate::sources::prometheus::wire::Point;
use crate::sources::prometheus::windows::{SECOND, STEPS, Window};

/// Adds to `presence` what the server says of `window`. Where it will not say, it is taken to have worked; where it may
/// say another time, that is why nothing can be read now.
pub(super) async fn look(
    session: &Session<'_>,
    presence: &mut Presence,
    window: Window,
) -> Result<Result<(), String>, SourceError> {
    let alerts = &session.config.alerts;
    if alerts.presence.is_empty() {
        return Ok(Ok(()));
    }
    let bucket = i64::from(alerts.presence_seconds) * SECOND;
    let query = selectors::presence(&alerts.presence, bucket);
    for tile in selectors::whole_buckets(window, bucket).tiles(STEPS * bucket) {
        let ask = |piece| session.server.points(&query, selectors::presence_points(piece, bucket));
        match fetch(tile, bucket, &ask).await {
            Ok(fetched) => take(presence, &fetched, session),
            Err(error) if failure(&error) == Failure::Unauthorised => {
                return Err(SourceError::new("could not ask when the server worked", error));
            }
            Err(error) => return Ok(Err(format!("{error}: {}", error.kind))),
        }
    }
    Ok(Ok(()))
}

fn take(presence: &mut Presence, fetched: &Fetched, session: &Session<'_>) {
    for (piece, found) in &fetched.pieces {
        let ends = found.series.iter().flat_map(|series| series.points().filter_map(Point::at));
        presence.look(*piece, ends.collect::<Vec<_>>());
    }
    for (_, error) in &fetched.lost {
        unknown(session, &format!("{error}: {}", error.kind));
    }
}

fn unknown(session: &Session<'_>, why: &str) {
    session.reporter.gap(&format!("could not ask when `{}` worked, it is taken to have: {why}", session.config.name));
}
