//! A server on this machine for the command to ask.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Path and query.
    pub(crate) target: String,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
}

/// What is answered.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(body: impl Into<String>) -> Self {
        Self { status: 200, headers: vec![("content-type", "application/json".to_owned())], body: body.into() }
    }

    /// "Not now, but in so many seconds."
    pub(crate) fn later(seconds: u32) -> Self {
        Self { status: 429, headers: vec![("retry-after", seconds.to_string())], body: String::new() }
    }
}

type Handler = dyn Fn(&Asked) -> Reply + Send + Sync;

/// A server that answers one request a connection, for as long as the tests run.
pub(crate) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<Mutex<usize>>,
}

impl Server {
    pub(crate) fn start(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (asked, connections): (Arc<Mutex<Vec<Asked>>>, Arc<Mutex<usize>>) = (Arc::default(), Arc::default());
        let (handler, seen, counted): (Arc<Handler>, _, _) = (Arc::new(handler), asked.clone(), connections.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                *counted.lock().expect("nobody panics with it") += 1;
                let (handler, seen) = (handler.clone(), seen.clone());
                std::thread::spawn(move || serve(stream, handler.as_ref(), &seen));
            }
        });
        Self { address, asked, connections }
    }

    /// Its address, such as `http://127.0.0.1:4000`.
    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("nobody panics with it").clone()
    }

    /// How often anybody connected, whatever came of it.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().expect("nobody panics with it")
    }
}

/// Whoever hangs up early has hung up.
fn serve(mut stream: TcpStream, handler: &Handler, seen: &Mutex<Vec<Asked>>) -> Option<()> {
    let asked = request(&stream)?;
    let reply = handler(&asked);
    seen.lock().expect("nobody panics with it").push(asked);
    let headers: Vec<String> = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (status, length) = (reply.status, reply.body.len());
    let head =
        format!("HTTP/1.1 {status} -\r\n{}content-length: {length}\r\nconnection: close\r\n\r\n", headers.concat());
    stream.write_all((head + &reply.body).as_bytes()).ok()
}

fn request(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    // A body that is not read would reset the connection before the answer arrives.
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
    Some(Asked { target, headers })
}
