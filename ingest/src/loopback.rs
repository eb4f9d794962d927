//! A server on this machine that answers what a test wants, wrongly where the test wants that.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Method and target, such as `GET /repos?page=2`.
    pub(crate) line: String,
    /// Headers, with lower-case names.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The target without method and query.
    pub(crate) fn path(&self) -> &str {
        let target = self.line.split(' ').nth(1).unwrap_or_default();
        target.split('?').next().unwrap_or_default()
    }

    /// The value of a field of the query, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let target = self.line.split(' ').nth(1).unwrap_or_default();
        let (_, query) = target.split_once('?')?;
        url::form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into())
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// A whole answer.
    Page { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// A head that promises `promised` bytes, fewer bytes, and the end of the connection.
    Truncated { promised: usize, body: Vec<u8> },
    /// The connection ends without an answer.
    Reset,
    /// The first bytes of a body, and then nothing for as long as the client stays.
    Stuck,
    /// A body that never ends.
    Endless,
}

impl Reply {
    /// A JSON page.
    pub(crate) fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200, body).with("content-type", "application/json; charset=utf-8")
    }

    /// A page with a status and nothing else.
    pub(crate) fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Page { status, headers: Vec::new(), body: body.into() }
    }

    /// With a header.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Self::Page { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.into()));
        }
        self
    }
}

type Handler = dyn Fn(&Asked) -> Reply + Send + Sync;

/// A server that is running until it is dropped.
pub(crate) struct Loopback {
    address: std::net::SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    in_flight: Arc<InFlight>,
    accepting: JoinHandle<()>,
}

/// How many requests wait for their answer, and how many did at once at most.
#[derive(Default)]
struct InFlight {
    now: AtomicUsize,
    most: AtomicUsize,
    /// How often others get their turn before a request is answered.
    turns: AtomicUsize,
}

impl InFlight {
    fn begin(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn end(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Loopback {
    /// Starts a server that answers each request with what `handler` says.
    pub(crate) async fn start(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (handler, seen): (Arc<Handler>, _) = (Arc::new(handler), asked.clone());
        let in_flight = Arc::new(InFlight::default());
        let counted = in_flight.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, handler.clone(), seen.clone(), counted.clone()));
            }
        });
        Self { address, asked, in_flight, accepting }
    }

    /// Answers only after others had so many turns, so that requests can pile up.
    pub(crate) fn linger(&self, turns: usize) {
        self.in_flight.turns.store(turns, Ordering::SeqCst);
    }

    /// The most requests that waited for their answer at once.
    pub(crate) fn most_in_flight(&self) -> usize {
        self.in_flight.most.load(Ordering::SeqCst)
    }

    /// Starts a server that gives these answers one after the other, whatever is asked, and then the last one.
    pub(crate) async fn script(replies: Vec<Reply>) -> Self {
        let position = Mutex::new(0);
        Self::start(move |_| {
            let mut position = position.lock().expect("no test panics while it answers");
            let reply = replies[(*position).min(replies.len() - 1)].clone();
            *position += 1;
            reply
        })
        .await
    }

    /// Its address, such as `http://127.0.0.1:4000`.
    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panics while it asks").clone()
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut stream: TcpStream, handler: Arc<Handler>, seen: Arc<Mutex<Vec<Asked>>>, in_flight: Arc<InFlight>) {
    let mut held = Vec::new();
    while let Some(asked) = request(&mut stream, &mut held).await {
        in_flight.begin();
        let reply = handler(&asked);
        if let Ok(mut seen) = seen.lock() {
            seen.push(asked);
        }
        for _ in 0..in_flight.turns.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        // Whoever asked may ask again as soon as the last byte is there.
        in_flight.end();
        if !answer(&mut stream, reply).await {
            break;
        }
    }
}

/// The next request on a connection; what came after it stays in `held`.
async fn request(stream: &mut TcpStream, held: &mut Vec<u8>) -> Option<Asked> {
    let end = loop {
        if let Some(at) = held.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
        held.extend_from_slice(&chunk[..count]);
    };
    let head = String::from_utf8_lossy(&held[..end]).into_owned();
    let mut lines = head.lines();
    let line = lines.next()?.rsplit_once(' ')?.0.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    while held.len() < end + length {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
        held.extend_from_slice(&chunk[..count]);
    }
    let body = held[end..end + length].to_vec();
    held.drain(..end + length);
    Some(Asked { line, headers, body })
}

/// Sends a reply, and says whether the connection may go on.
async fn answer(stream: &mut TcpStream, reply: Reply) -> bool {
    match reply {
        Reply::Page { status, headers, body } => {
            let mut head = format!("HTTP/1.1 {status} -\r\n");
            for (name, value) in headers {
                head += &[&name, ": ", &value, "\r\n"].concat();
            }
            let has_body = status != 304 && status != 204;
            if has_body {
                head += &["content-length: ", &body.len().to_string(), "\r\n"].concat();
            }
            head.push_str("\r\n");
            let mut content = head.into_bytes();
            if has_body {
                content.extend_from_slice(&body);
            }
            stream.write_all(&content).await.is_ok()
        }
        Reply::Truncated { promised, body } => {
            let head =
                format!("HTTP/1.1 200 -\r\ncontent-type: application/json\r\ncontent-length: {promised}\r\n\r\n");
            drop(stream.write_all(&[head.as_bytes(), &body].concat()).await);
            false
        }
        Reply::Reset => {
            drop(stream.set_zero_linger());
            false
        }
        Reply::Stuck => {
            let head = b"HTTP/1.1 200 -\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n[";
            drop(stream.write_all(head).await);
            // Until the client has had enough.
            drop(stream.read(&mut [0; 16]).await);
            false
        }
        Reply::Endless => {
            let head = b"HTTP/1.1 200 -\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
            if stream.write_all(head).await.is_err() {
                return false;
            }
            let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
            while stream.write_all(&chunk).await.is_ok() {}
            false
        }
    }
}

/// A small body that unpacks to `mebibytes` of blanks: a literal and then nothing but copies of it.
pub(crate) fn gzip_bomb(mebibytes: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    let mut code = |value: u32, length: u32| bits.extend((0..length).rev().map(|at| (value >> at) & 1 == 1));
    code(0x50, 8);
    for _ in 0..mebibytes * 1024 * 1024 / 258 {
        // 258 bytes from one byte before, in the fixed codes of RFC 1951.
        code(0xC5, 8);
        code(0, 5);
    }
    code(0, 7);
    let packed = bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| (byte << 1) | u8::from(*bit)));
    [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3].into_iter().chain(packed).chain([0; 8]).collect()
}

/// A server's clock in the tests: `Date` and the seconds of `x-ratelimit-reset` are told by it.
pub(crate) const SERVER_DATE: &str = "Mon, 05 Jan 2026 08:00:00 GMT";
