//! The server with a receiver that takes one word per line.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use lake::tables::interventions;
use lake::{AsOf, Instant, Lake, Location};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::*;
use crate::{NoVariables, SecretFrom, Silent};

const NOW: Instant = Instant(1_767_600_000_000_000);

/// Takes the lines of a body as practices that began; a line that is `!` cannot be used.
#[derive(Default)]
struct Lines(Option<Secret>);

impl Receiver for Lines {
    fn path(&self) -> &'static str {
        "/lines"
    }

    fn stream(&self) -> String {
        "lines:push".to_owned()
    }

    fn fills(&self) -> &'static [&'static str] {
        &["interventions"]
    }

    fn arm(&mut self, variables: &dyn Variables) -> Result<(), SourceError> {
        self.0 = Some(SecretFrom::Env("SESAME".to_owned()).secret(variables)?);
        Ok(())
    }

    fn accept(&self, delivery: &Delivery<'_>, sink: &mut Sink<'_>) -> Result<(), Refused> {
        let sent = delivery.headers.get("x-secret").map(http::HeaderValue::as_bytes);
        if !self.0.as_ref().is_some_and(|secret| is_secret(sent, secret)) {
            return Err(Refused::Unauthorised);
        }
        for line in String::from_utf8_lossy(delivery.body).lines() {
            if line == "!" {
                return Err(Refused::Unusable("a line is `!`".to_owned()));
            }
            sink.rows(vec![began(line)], None)?;
        }
        Ok(())
    }
}

fn began(practice: &str) -> interventions::Row {
    interventions::Row {
        intervention_id: practice.to_owned(),
        practice: practice.to_owned(),
        practice_version: None,
        service: None,
        started_at: NOW,
        ended_at: None,
        evidence: "delivery".to_owned(),
    }
}

/// What a test does with a running server; afterwards the server is stopped, and what the lake holds is returned.
async fn serving<F: Future<Output = ()>>(limits: Limits, test: impl FnOnce(SocketAddr, Lake) -> F) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = Lake::open_or_create(&Location::Folder(folder.path().join("lake"))).await.expect("a lake is made");
    let listener = listen("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let variables = BTreeMap::from([("SESAME".to_owned(), "open".to_owned())]);
    let (stop, stopped) = watch::channel(false);
    let clock = || NOW;
    let surroundings = Surroundings { lake: &lake, variables: &variables, clock: &clock, limits, reporter: &Silent };
    let serving = serve(listener, vec![Box::new(Lines::default())], surroundings, stopped);
    let testing = async {
        test(address, lake.clone()).await;
        stop.send(true).expect("the server listens");
    };
    let (served, ()) = tokio::join!(serving, testing);
    served.expect("the server ends well");
    practices(&lake).await
}

async fn practices(lake: &Lake) -> Vec<String> {
    let snapshot = lake.snapshot(AsOf::Latest).await.expect("the newest version");
    let rows: Vec<interventions::Row> = snapshot.rows().await.expect("rows");
    rows.into_iter().map(|row| row.practice).collect()
}

/// The status with which a request is answered.
async fn status(address: SocketAddr, method: &str, path: &str, secret: &str, body: &str) -> u16 {
    let length = body.len();
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nx-secret: {secret}\r\ncontent-length: {length}\r\n\r\n{body}");
    answered(address, request.as_bytes()).await
}

async fn answered(address: SocketAddr, request: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.write_all(request).await.expect("it can be sent");
    let mut head = vec![0; 12];
    stream.read_exact(&mut head).await.expect("it is answered");
    String::from_utf8_lossy(&head[9..]).parse().expect("a status")
}

#[tokio::test]
async fn what_was_answered_with_taken_is_in_the_lake() {
    let held = serving(Limits::default(), |address, lake| async move {
        assert_eq!(status(address, "POST", "/lines", "open", "one\ntwo").await, 200);
        assert_eq!(practices(&lake).await, ["one", "two"]);
        assert_eq!(status(address, "POST", "/lines", "open", "two").await, 200, "it came twice");
    })
    .await;
    assert_eq!(held, ["one", "two"]);
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let held = serving(Limits { body_bytes: 64, ..Limits::default() }, |address, _| async move {
        assert_eq!(status(address, "POST", "/lines", "opem", "one").await, 401);
        assert_eq!(status(address, "POST", "/lines", "", "one").await, 401);
        assert_eq!(status(address, "POST", "/lines", "open", "one\n!").await, 400, "its first line is good");
        assert_eq!(status(address, "POST", "/lines", "open", &"x".repeat(65)).await, 413);
        assert_eq!(status(address, "POST", "/elsewhere", "open", "one").await, 404);
        assert_eq!(status(address, "GET", "/lines", "open", "").await, 405);
        assert_eq!(status(address, "GET", "/health", "", "").await, 200);
    })
    .await;
    assert!(held.is_empty(), "{held:?}");
}

#[tokio::test]
async fn a_delivery_that_never_ends_holds_nobody_up() {
    let limits = Limits { connections: 1, request_time: Duration::from_millis(100), ..Limits::default() };
    let held = serving(limits, |address, _| async move {
        let half = b"POST /lines HTTP/1.1\r\nhost: x\r\nx-secret: open\r\ncontent-length: 10\r\n\r\non";
        assert_eq!(answered(address, half).await, 408);
        let mut silent = TcpStream::connect(address).await.expect("the server listens");
        silent.write_all(b"POST /li").await.expect("it can be sent");
        // There is place for one connection only, and it is given up.
        assert_eq!(status(address, "POST", "/lines", "open", "one").await, 200);
    })
    .await;
    assert_eq!(held, ["one"]);
}

#[tokio::test]
async fn deliveries_that_come_together_are_all_kept() {
    let words: Vec<String> = (0..40).map(|number| format!("word{number:02}")).collect();
    let sent = words.clone();
    let held = serving(Limits::default(), |address, lake| async move {
        let deliveries = sent.iter().map(|word| status(address, "POST", "/lines", "open", word));
        let statuses = futures::future::join_all(deliveries).await;
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        let batches = lake.snapshot(AsOf::Latest).await.expect("the newest version").number();
        assert!(batches < 40, "{batches} batches for 40 deliveries");
    })
    .await;
    assert_eq!(held, words);
}

#[tokio::test]
async fn without_its_secret_nothing_is_served() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = Lake::open_or_create(&Location::Folder(folder.path().join("lake"))).await.expect("a lake is made");
    let listener = listen("127.0.0.1:0").await.expect("a free port");
    let (_stop, stopped) = watch::channel(false);
    let clock = || NOW;
    let receivers: Vec<Box<dyn Receiver>> = vec![Box::new(Lines::default())];
    let surroundings = Surroundings {
        lake: &lake,
        variables: &NoVariables,
        clock: &clock,
        limits: Limits::default(),
        reporter: &Silent,
    };
    let refused = serve(listener, receivers, surroundings, stopped).await;
    let refused = refused.expect_err("nobody could prove who they are");
    assert_eq!(refused.to_string(), "could not read the secret from the environment variable `SESAME`");
}
