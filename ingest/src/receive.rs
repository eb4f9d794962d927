//! Taking what a source pushes: a small server that checks who sent, makes rows, and answers once they are in the lake.
//!
//! Deliveries that arrive together are committed together. A delivery that is refused is never half taken, and one that
//! comes twice changes nothing, because rows have keys.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use lake::{Instant, Lake};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::{Clock, Reporter, Secret, Sink, SourceError, SourceErrorKind, Summary, Variables};

/// Who takes the deliveries of one source.
pub trait Receiver: Send + Sync {
    /// Where they are posted, such as `/NAME/main`.
    fn path(&self) -> &str;

    /// The stream under which their rows are kept; another one than that of readings.
    fn stream(&self) -> String;

    /// The tables they may fill.
    fn fills(&self) -> &'static [&'static str];

    /// Looks up the secrets it checks deliveries with. Called once before the first delivery.
    ///
    /// # Errors
    /// [`SourceError`] where a secret cannot be had.
    fn arm(&mut self, variables: &dyn Variables) -> Result<(), SourceError>;

    /// Takes up what it left with its last rows, where it leaves something. Called before the first delivery.
    ///
    /// # Errors
    /// [`SourceError`] where that cannot be understood.
    fn take_up(&mut self, _cursor: &str) -> Result<(), SourceError> {
        Ok(())
    }

    /// Checks who sent a delivery and puts its rows into `sink`.
    ///
    /// # Errors
    /// [`Refused`] where the sender does not prove who they are, or the content cannot be used; then nothing is kept.
    fn accept(&self, delivery: &Delivery<'_>, sink: &mut Sink<'_>) -> Result<(), Refused>;
}

/// One delivery.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, exactly as it was sent.
    pub body: &'a [u8],
    /// When it arrived.
    pub received_at: Instant,
}

impl fmt::Debug for Delivery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers hold secrets.
        write!(f, "Delivery({} bytes at {})", self.body.len(), self.received_at)
    }
}

/// Why a delivery is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The sender did not prove who they are.
    #[error("the sender is not known")]
    Unauthorised,
    /// The content cannot be used.
    #[error("{0}")]
    Unusable(String),
}

impl From<SourceError> for Refused {
    fn from(error: SourceError) -> Self {
        Self::Unusable(format!("{error}: {}", error.kind))
    }
}

/// Whether what was sent is the secret, in a time that does not tell how much of it is right.
#[must_use]
pub fn is_secret(sent: Option<&[u8]>, secret: &Secret) -> bool {
    sent.is_some_and(|sent| sent.ct_eq(secret.expose().as_bytes()).into())
}

/// How the server holds itself back.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most bytes of a delivery.
    pub body_bytes: usize,
    /// Most connections at once.
    pub connections: usize,
    /// Until when a request has to be there whole.
    pub request_time: Duration,
    /// Most deliveries that wait to be committed.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 8 * 1024 * 1024, connections: 64, request_time: Duration::from_secs(15), waiting: 64 }
    }
}

/// What a server of deliveries works with.
pub struct Surroundings<'a> {
    /// Where rows go.
    pub lake: &'a Lake,
    /// Where secrets are looked up.
    pub variables: &'a dyn Variables,
    /// What time it is.
    pub clock: &'a Clock,
    /// How it holds itself back.
    pub limits: Limits,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
}

/// A delivery on its way to the lake, and where its answer goes.
struct Waiting {
    receiver: usize,
    headers: HeaderMap,
    body: Bytes,
    answer: oneshot::Sender<Reply>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    Taken,
    Unauthorised,
    Unusable,
    NotStored,
}

/// Serves deliveries on `listener` until `stop` says so, and commits what was taken before it ends.
///
/// # Errors
/// [`SourceError`] where a receiver cannot be armed, or the listener broke.
pub async fn serve(
    listener: TcpListener,
    mut receivers: Vec<Box<dyn Receiver>>,
    surroundings: Surroundings<'_>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), SourceError> {
    let Surroundings { lake, variables, clock, limits, reporter } = surroundings;
    for receiver in &mut receivers {
        receiver.arm(variables)?;
        let stream = receiver.stream();
        let left = lake
            .cursor(&stream)
            .await
            .map_err(|error| SourceError::new(format!("could not read where `{stream}` was left"), error))?;
        if let Some(cursor) = left {
            receiver.take_up(&cursor)?;
        }
    }
    let paths: Arc<Vec<String>> = Arc::new(receivers.iter().map(|receiver| receiver.path().to_owned()).collect());
    let (sender, waiting) = mpsc::channel(limits.waiting);
    let places = Arc::new(Semaphore::new(limits.connections));
    let accepting = async {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stopped(&mut stop) => break,
            };
            let Ok((stream, _)) = accepted else {
                // Such as too many open files: others may close some.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let Ok(place) = places.clone().acquire_owned().await else { break };
            let (paths, sender, limits) = (paths.clone(), sender.clone(), limits.clone());
            let mut stop = stop.clone();
            tokio::spawn(async move {
                let body_bytes = limits.body_bytes;
                let time = limits.request_time;
                let service = service_fn(move |request| {
                    let (paths, sender) = (paths.clone(), sender.clone());
                    async move { Ok::<_, Infallible>(answer(request, &paths, &sender, body_bytes, time).await) }
                });
                let mut server = http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(limits.request_time);
                let connection = server.serve_connection(TokioIo::new(stream), service);
                tokio::pin!(connection);
                tokio::select! {
                    // A connection that breaks concerns nobody but its sender.
                    _broken = connection.as_mut() => {}
                    () = stopped(&mut stop) => {
                        connection.as_mut().graceful_shutdown();
                        drop(connection.await);
                    }
                }
                drop(place);
            });
        }
        drop(sender);
        Ok(())
    };
    let (served, committed) =
        tokio::join!(accepting, commit_all(waiting, &receivers, lake, clock, limits.waiting, reporter));
    committed.and(served)
}

/// Ends when the server is told to end, or nobody is left who could tell it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// Takes deliveries as they come, those that wait together in one commit per receiver.
async fn commit_all(
    mut waiting: mpsc::Receiver<Waiting>,
    receivers: &[Box<dyn Receiver>],
    lake: &Lake,
    clock: &Clock,
    most: usize,
    reporter: &dyn Reporter,
) -> Result<(), SourceError> {
    let mut together = Vec::new();
    while waiting.recv_many(&mut together, most.max(1)).await > 0 {
        for (number, receiver) in receivers.iter().enumerate() {
            let own: Vec<Waiting> = together.extract_if(.., |delivery| delivery.receiver == number).collect();
            if !own.is_empty() {
                take(receiver.as_ref(), own, lake, clock(), reporter).await;
            }
        }
        together.clear();
    }
    Ok(())
}

async fn take(receiver: &dyn Receiver, own: Vec<Waiting>, lake: &Lake, now: Instant, reporter: &dyn Reporter) {
    let mut sink = Sink::into_lake(lake, &receiver.stream(), false, receiver.fills(), now);
    let mut taken = Vec::new();
    for delivery in own {
        let Waiting { headers, body, answer, .. } = delivery;
        // Tried on a sink of its own first, so that a delivery that is refused half way leaves nothing behind.
        let mut trial = Sink::into_memory(&receiver.stream(), receiver.fills(), now);
        let delivery = Delivery { headers: &headers, body: &body, received_at: now };
        match receiver.accept(&delivery, &mut trial) {
            Ok(()) => {
                sink.absorb(trial);
                taken.push(answer);
            }
            Err(refused) => {
                tracing::warn!(path = receiver.path(), error = %refused, "delivery refused");
                let reply =
                    if matches!(refused, Refused::Unauthorised) { Reply::Unauthorised } else { Reply::Unusable };
                reply_to(answer, reply);
            }
        }
    }
    if taken.is_empty() {
        return;
    }
    reporter.advance(taken.len() as u64);
    let reply = match sink.finish().await {
        Ok(Summary { .. }) => Reply::Taken,
        Err(error) => {
            reporter.gap(&format!("could not keep what `{}` sent: {error}: {}", receiver.path(), error.kind));
            Reply::NotStored
        }
    };
    for answer in taken {
        reply_to(answer, reply);
    }
}

fn reply_to(answer: oneshot::Sender<Reply>, reply: Reply) {
    if answer.send(reply).is_err() {
        tracing::debug!("whoever sent has hung up");
    }
}

async fn answer(
    request: Request<Incoming>,
    paths: &[String],
    sender: &mpsc::Sender<Waiting>,
    body_bytes: usize,
    time: Duration,
) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if path == "/health" && request.method() == Method::GET {
        return response(StatusCode::OK, "ok\n");
    }
    let Some(receiver) = paths.iter().position(|known| known == path) else {
        return response(StatusCode::NOT_FOUND, "nobody takes deliveries here\n");
    };
    if request.method() != Method::POST {
        return response(StatusCode::METHOD_NOT_ALLOWED, "deliveries are posted\n");
    }
    let (head, body) = request.into_parts();
    let body = match tokio::time::timeout(time, Limited::new(body, body_bytes).collect()).await {
        Err(_elapsed) => return response(StatusCode::REQUEST_TIMEOUT, "the delivery took too long\n"),
        Ok(Err(_too_large_or_broken)) => return response(StatusCode::PAYLOAD_TOO_LARGE, "the delivery is too large\n"),
        Ok(Ok(body)) => body.to_bytes(),
    };
    let (answer, replied) = oneshot::channel();
    let waiting = Waiting { receiver, headers: head.headers, body, answer };
    if sender.try_send(waiting).is_err() {
        return response(StatusCode::SERVICE_UNAVAILABLE, "too many deliveries wait\n");
    }
    match replied.await {
        Ok(Reply::Taken) => response(StatusCode::OK, "taken\n"),
        Ok(Reply::Unauthorised) => response(StatusCode::UNAUTHORIZED, "the sender is not known\n"),
        Ok(Reply::Unusable) => response(StatusCode::BAD_REQUEST, "the content cannot be used\n"),
        Ok(Reply::NotStored) | Err(_) => response(StatusCode::SERVICE_UNAVAILABLE, "it could not be kept\n"),
    }
}

fn response(status: StatusCode, words: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(words.as_bytes())));
    *response.status_mut() = status;
    response
}

/// The listener at `address`.
///
/// # Errors
/// [`SourceError`] where the address cannot be listened on.
pub async fn listen(address: &str) -> Result<TcpListener, SourceError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| SourceError::new(format!("could not listen on `{address}`"), SourceErrorKind::Io(error)))
}

#[cfg(test)]
mod tests;
