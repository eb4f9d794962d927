//! One window of samples, in as many pieces as the server wants.

use futures::future::BoxFuture;

use crate::http::HttpError;
use crate::sources::prometheus::client::{Failure, Found, failure};
use crate::sources::prometheus::windows::Window;

/// What came of a window.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    /// What was found, piece by piece, in order.
    pub(super) pieces: Vec<(Window, Found)>,
    /// What the server will not give.
    pub(super) lost: Vec<(Window, HttpError)>,
}

/// Asks for a window; where that is too much for the server, for its halves, down to `smallest`.
///
/// # Errors
/// The error that may pass, or says that we are not let in: then the window is not read.
pub(super) async fn fetch<'a>(
    window: Window,
    smallest: i64,
    ask: &(dyn Fn(Window) -> BoxFuture<'a, Result<Found, HttpError>> + Send + Sync),
) -> Result<Fetched, HttpError> {
    let mut fetched = Fetched::default();
    let mut waiting = vec![window];
    while let Some(piece) = waiting.pop() {
        match ask(piece).await {
            Ok(found) => fetched.pieces.push((piece, found)),
            Err(error) => match (failure(&error), piece.halves(smallest)) {
                (Failure::TooMuch, Some((left, right))) => {
                    tracing::debug!(seconds = piece.length() / 1_000_000, error = %error.kind, "asking for less");
                    waiting.extend([right, left]);
                }
                (Failure::TooMuch | Failure::Refused, _) => fetched.lost.push((piece, error)),
                (Failure::Unauthorised | Failure::Passing, _) => return Err(error),
            },
        }
    }
    Ok(fetched)
}
