//! The client against a server that does what servers do.

mod tls;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderName;
use http::header::ACCEPT;
use proptest::prelude::*;

use super::patience::within;
use super::*;
use crate::loopback::{Loopback, Reply, SERVER_DATE};
use crate::{Reporter, Secret, Silent};

fn settings() -> Settings {
    Settings { attempts: 4, read_timeout_seconds: 1, answer_limit_mebibytes: 1, ..Settings::default() }
}

/// A client whose waits are only noted, and its notes.
fn client(server: &Loopback) -> (Client<'static>, Arc<Noted>) {
    let (pause, noted) = Pause::noted();
    let client = Client::new(&server.base(), &settings(), &Silent).expect("the settings can be used").pause(pause);
    (client, noted)
}

fn page(client: &Client<'_>) -> Request {
    Request::get(client.origin().at::<&str, &str>(&["things"], &[]))
}

fn whole() -> Reply {
    Reply::json(r#"[{"id":1}]"#)
}

#[tokio::test]
async fn time_in_which_nobody_looks_keeps_nobody_waiting() {
    let patience = Duration::from_millis(20);
    let mut looks = 0;
    let work = std::future::poll_fn(|_| {
        looks += 1;
        if looks > 1 {
            return std::task::Poll::Ready("it is there");
        }
        // Whoever asked does something else for longer than it would have waited.
        std::thread::sleep(patience * 5);
        std::task::Poll::Pending
    });
    assert_eq!(within(patience, work).await, Some("it is there"));
    assert_eq!(within(patience, std::future::pending::<()>()).await, None, "nobody waits forever");
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let passing = [
        Reply::status(500, "x"),
        Reply::status(502, "x"),
        Reply::status(503, "x"),
        Reply::status(504, "x"),
        Reply::status(408, "x"),
        Reply::Reset,
        Reply::Truncated { promised: 100, body: b"[1,".to_vec() },
        Reply::Stuck,
        Reply::json("[1,"),
        Reply::status(200, "<html>login</html>").with("content-type", "text/html"),
    ];
    for reply in passing {
        let told = format!("{reply:?}");
        let server = Loopback::script(vec![reply, whole()]).await;
        let (client, noted) = client(&server);
        let answer = client.ask(&page(&client)).await.unwrap_or_else(|error| panic!("{told}: {error}"));
        assert_eq!(&answer.body[..], br#"[{"id":1}]"#, "{told}");
        assert_eq!(server.asked().len(), 2, "{told}");
        assert_eq!(noted.waits().len(), 1, "{told}");
    }
}

#[tokio::test]
async fn what_stays_wrong_is_an_error_after_the_last_attempt() {
    let cases = [
        (Reply::status(500, "x"), "the server answered 500"),
        (Reply::json("[1,"), "it is no JSON: EOF while parsing a value at line 1 column 3"),
        (
            Reply::status(200, "hello").with("content-type", "text/plain"),
            "JSON is expected, and the server calls it `text/plain`",
        ),
    ];
    for (reply, expected) in cases {
        let server = Loopback::script(vec![reply]).await;
        let (client, noted) = client(&server);
        let error = client.ask(&page(&client)).await.expect_err("it never gets better");
        assert_eq!(error.kind.to_string(), expected);
        assert_eq!(error.to_string(), format!("could not get `{}/things`", server.base()));
        assert_eq!((server.asked().len(), noted.waits().len()), (4, 3));
    }
}

#[tokio::test]
async fn what_will_not_pass_is_asked_once() {
    for status in [400, 401, 403, 404, 405, 409, 410, 422, 451, 501] {
        let server = Loopback::script(vec![
            Reply::status(status, r#"{"message":"no\nway"}"#).with("content-type", "application/json"),
        ])
        .await;
        let (client, _) = client(&server);
        let error = client.ask(&page(&client)).await.expect_err("it is refused");
        assert_eq!(error.status(), Some(status));
        assert_eq!(error.kind.to_string(), format!("the server answered {status}: no way"));
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_wait_that_the_server_asks_for_is_kept() {
    let dated = Reply::status(503, "").with("retry-after", "Mon, 05 Jan 2026 08:01:30 GMT").with("date", SERVER_DATE);
    let cases = [
        (Reply::status(429, "").with("retry-after", "7"), 7),
        (Reply::status(503, "").with("retry-after", "11"), 11),
        (dated, 90),
    ];
    for (reply, seconds) in cases {
        let server = Loopback::script(vec![reply, whole()]).await;
        let (client, noted) = client(&server);
        client.ask(&page(&client)).await.expect("it may be asked again");
        assert_eq!(noted.waits(), [Duration::from_secs(seconds)]);
    }
}

#[tokio::test]
async fn a_wait_that_is_too_long_ends_the_stream_and_says_so() {
    let server = Loopback::script(vec![Reply::status(429, "").with("retry-after", "86400")]).await;
    let (client, noted) = client(&server);
    let error = client.ask(&page(&client)).await.expect_err("nobody waits for a day");
    assert_eq!(error.kind.to_string(), "the server wants a wait of `86400` s: too many requests");
    assert_eq!(error.code(), "ingest::limited");
    assert!(noted.waits().is_empty());
}

#[derive(Default)]
struct Told(Mutex<Vec<(u64, String)>>);

impl Reporter for Told {
    fn begin(&self, _what: &str, _total: Option<u64>) {}
    fn advance(&self, _steps: u64) {}
    fn gap(&self, _sentence: &str) {}
    fn waiting(&self, seconds: u64, why: &str) {
        self.0.lock().expect("nobody panics").push((seconds, why.to_owned()));
    }
}

#[tokio::test]
async fn those_in_flight_share_one_wait() {
    let refused = Mutex::new(0);
    let server = Loopback::start(move |_| {
        let mut refused = refused.lock().expect("nobody panics");
        *refused += 1;
        if *refused <= 4 { Reply::status(429, "").with("retry-after", "30") } else { whole() }
    })
    .await;
    let (pause, noted) = Pause::noted();
    let told = Told::default();
    let client = Client::new(&server.base(), &settings(), &told).expect("the settings can be used").pause(pause);
    let requests: Vec<Request> = (0..4).map(|_| page(&client)).collect();
    let answers = futures::future::join_all(requests.iter().map(|request| client.ask(request))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(noted.waits().iter().filter(|wait| wait.as_secs() == 30).count(), noted.waits().len());
    assert!(noted.waits().len() < 4, "{:?}", noted.waits());
    assert_eq!(told.0.lock().expect("nobody panics").first(), Some(&(30, "too many requests".to_owned())));
}

/// A rule by which a success may say that nothing is left.
fn nothing_left(answer: &Answer) -> Option<Refusal> {
    let is_last = answer.header("x-left") == Some("0");
    is_last.then(|| Refusal::after(Some(Duration::from_secs(40)), "nothing is left".to_owned()))
}

#[tokio::test]
async fn a_budget_that_is_used_up_makes_the_next_request_wait() {
    let server = Loopback::script(vec![whole().with("x-left", "0"), whole()]).await;
    let (client, noted) = client(&server);
    let client = client.rate(nothing_left);
    client.ask(&page(&client)).await.expect("it is answered");
    assert!(noted.waits().is_empty(), "nobody waits for a request that never comes");
    client.ask(&page(&client)).await.expect("it is answered");
    assert_eq!(noted.waits(), [Duration::from_secs(40)]);
}

#[tokio::test]
async fn an_answer_that_was_overtaken_takes_no_announcement_back() {
    let server = Loopback::script(vec![whole().with("x-left", "0"), whole()]).await;
    let (client, noted) = client(&server);
    let client = client.rate(nothing_left);
    let request = page(&client);
    // Both pass before either is answered; only one of the answers says that nothing is left.
    let (first, second) = tokio::join!(client.ask(&request), client.ask(&request));
    assert!(first.is_ok() && second.is_ok() && noted.waits().is_empty());
    client.ask(&request).await.expect("it is answered");
    assert_eq!(noted.waits(), [Duration::from_secs(40)]);
}

#[tokio::test]
async fn no_other_host_is_spoken_to() {
    let elsewhere = Loopback::script(vec![whole()]).await;
    let target = elsewhere.base();
    let server = Loopback::start(move |_| Reply::status(302, "").with("location", format!("{target}/things"))).await;
    let (client, _) = client(&server);
    let client = client.bearer(&Secret::new("sesame")).expect("this machine may be told");
    let error = client.ask(&page(&client)).await.expect_err("it leads elsewhere");
    assert_eq!(error.code(), "ingest::other_host");
    let link = Request::get(elsewhere.base().parse().expect("an address"));
    assert_eq!(client.ask(&link).await.expect_err("it lies elsewhere").code(), "ingest::other_host");
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn redirects_on_the_same_host_are_followed_with_the_token() {
    let server = Loopback::start(|asked| match asked.path() {
        "/things" => Reply::status(301, "").with("location", "/repositories/7/things"),
        "/round" => Reply::status(302, "").with("location", "/round"),
        _ => whole(),
    })
    .await;
    let (client, _) = client(&server);
    let client = client.bearer(&Secret::new("sesame")).expect("this machine may be told");
    let answer = client.ask(&page(&client)).await.expect("it is followed");
    assert!(answer.has_moved);
    assert_eq!(answer.url.path(), "/repositories/7/things");
    assert!(server.asked().iter().all(|asked| asked.header("authorization") == Some("Bearer sesame")));
    let round = Request::get(client.origin().at::<&str, &str>(&["round"], &[]));
    let error = client.ask(&round).await.expect_err("it never ends");
    assert_eq!(error.kind.to_string(), "more than `5` redirects");
}

#[tokio::test]
async fn another_name_of_the_server_is_followed_on_the_server() {
    let server = Loopback::script(vec![whole()]).await;
    let settings = Settings { also_called: vec!["https://inside.example".to_owned()], ..settings() };
    let client = Client::new(&server.base(), &settings, &Silent).expect("the settings can be used");
    let link = Request::get("https://inside.example/things?page=2".parse().expect("an address"));
    client.ask(&link).await.expect("it is this server");
    assert_eq!(server.asked()[0].line, "GET /things?page=2");
}

#[tokio::test]
async fn a_body_is_held_to_its_limit() {
    let server = Loopback::script(vec![Reply::Endless]).await;
    let (client, _) = client(&server);
    let error = client.ask(&page(&client)).await.expect_err("it never ends");
    assert_eq!(error.kind.to_string(), "the answer has more than `1048576` bytes");
    assert_eq!(server.asked().len(), 1, "it would be as large again");
}

/// A body of spaces, packed as small as the fixed code of deflate allows: 13 bits for each 258 bytes.
fn packed(bytes: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = Vec::new();
    // Numbers begin with their lowest bit, codes with their highest.
    let number = |bits: &mut Vec<bool>, value: u32, count: u32| bits.extend((0..count).map(|at| value >> at & 1 == 1));
    let code =
        |bits: &mut Vec<bool>, value: u32, count: u32| bits.extend((0..count).rev().map(|at| value >> at & 1 == 1));
    // The last block, of the fixed code; a space; then again and again the 258 bytes that begin one byte ago.
    number(&mut bits, 1, 1);
    number(&mut bits, 1, 2);
    code(&mut bits, 0x30 + u32::from(b' '), 8);
    for _ in 0..bytes / 258 {
        code(&mut bits, 0b1100_0101, 8);
        code(&mut bits, 0, 5);
    }
    code(&mut bits, 0, 7);
    let packed = bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit)));
    [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF].into_iter().chain(packed).collect()
}

#[tokio::test]
async fn a_body_that_unpacks_to_more_than_its_limit_is_refused() {
    let bomb = packed(64 * 1024 * 1024);
    assert!(bomb.len() < 512 * 1024, "{}", bomb.len());
    let server = Loopback::script(vec![Reply::json(bomb.clone()).with("content-encoding", "gzip")]).await;
    let (client, _) = client(&server);
    let error = client.ask(&page(&client)).await.expect_err("it is too large");
    assert_eq!(error.kind.to_string(), "the answer has more than `1048576` bytes");
    // The same as lines: they never end.
    let mut lines = client.lines(&page(&client), 4096).await.expect("the head comes");
    assert!(matches!(
        lines.next().await.expect_err("a line has its limit").kind,
        HttpErrorKind::TooLarge { limit: 4096 }
    ));
    // An error may be as large.
    let server = Loopback::script(vec![Reply::Page {
        status: 400,
        headers: vec![("content-encoding".to_owned(), "gzip".to_owned())],
        body: bomb,
    }])
    .await;
    let (client, _) = self::client(&server);
    assert!(matches!(client.ask(&page(&client)).await.expect_err("refused").kind, HttpErrorKind::TooLarge { .. }));
}

#[tokio::test]
async fn json_however_deep_is_an_error_and_no_overflow() {
    #[derive(Debug, serde::Deserialize)]
    struct Nothing {}
    let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
    let server = Loopback::script(vec![Reply::json(deep)]).await;
    let (client, _) = client(&server);
    let answer = client.ask(&page(&client)).await.expect("it is JSON");
    let error = answer.json::<serde_json::Value>().expect_err("it is too deep");
    assert!(error.kind.to_string().starts_with("recursion limit exceeded"), "{}", error.kind);
    assert!(answer.json::<Vec<Nothing>>().is_err());
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let server = Loopback::start(|asked| {
        if asked.header("if-none-match") == Some("W/\"abc\"") {
            Reply::status(304, "").with("etag", "W/\"abc\"")
        } else {
            whole().with("etag", "W/\"abc\"")
        }
    })
    .await;
    let (client, _) = client(&server);
    let first = client.ask(&page(&client)).await.expect("it is answered");
    let again = client.ask(&page(&client).unless(first.validator())).await.expect("it is answered");
    assert!(again.is_unchanged() && !first.is_unchanged());
}

#[tokio::test]
async fn requests_carry_what_they_have_to() {
    let server = Loopback::script(vec![whole()]).await;
    let (client, _) = client(&server);
    let client = client
        .header(ACCEPT, "application/json".parse().expect("a value"))
        .secret_header(HeaderName::from_static("x-scope"), &Secret::new("tenant"))
        .expect("this machine may be told");
    let url = client.origin().at(&["a/b", "ü"], &[("q", "x y&z")]);
    client.ask(&Request::post_form(url, &[("query", "up == 0")]).accepting_any()).await.expect("it is answered");
    let asked = &server.asked()[0];
    assert_eq!(asked.line, "POST /a%2Fb/%C3%BC?q=x+y%26z");
    assert_eq!(asked.body, b"query=up+%3D%3D+0");
    assert_eq!(asked.header("x-scope"), Some("tenant"));
    assert_eq!(asked.header("accept"), Some("application/json"));
    assert!(asked.header("user-agent").is_some_and(|agent| agent.starts_with("doracle/")));
}

#[tokio::test]
async fn lines_come_one_by_one_and_the_last_needs_no_end() {
    let body = "{\"a\":1}\r\n\n: alive\n{\"b\":2}";
    let server = Loopback::script(vec![Reply::status(503, ""), Reply::json(body)]).await;
    let (client, noted) = client(&server);
    let mut lines = client.lines(&page(&client), 100).await.expect("it begins");
    assert_eq!((lines.head().status, noted.waits().len()), (200, 1), "it is begun again like any request");
    let mut seen = Vec::new();
    while let Some(line) = lines.next().await.expect("it goes on") {
        seen.push(String::from_utf8(line.to_vec()).expect("it is text"));
    }
    assert_eq!(seen, ["{\"a\":1}", "", ": alive", "{\"b\":2}"]);
    assert!(lines.next().await.expect("it stays ended").is_none());
}

#[tokio::test]
async fn lines_that_break_off_or_never_end_are_errors() {
    let broken = Reply::Truncated { promised: 100, body: b"one\ntw".to_vec() };
    let cases = [
        (broken, 1, "ingest::connection"),
        (Reply::Endless, 0, "ingest::content"),
        (Reply::Stuck, 0, "ingest::connection"),
    ];
    for (reply, whole_lines, code) in cases {
        let told = format!("{reply:?}");
        let server = Loopback::script(vec![reply]).await;
        let (client, _) = client(&server);
        let mut lines = client.lines(&page(&client), 1024).await.expect("it begins");
        let mut seen = 0;
        let error = loop {
            match lines.next().await {
                Ok(Some(_)) => seen += 1,
                Ok(None) => panic!("{told}: it ended as if all was well"),
                Err(error) => break error,
            }
        };
        assert_eq!((seen, error.code()), (whole_lines, code), "{told}");
    }
}

#[test]
fn a_secret_is_not_sent_where_it_can_be_read() {
    let client =
        |base: &str, settings: &Settings| Client::new(base, settings, &Silent).expect("the settings can be used");
    let secret = Secret::new("sesame");
    assert!(client("http://metrics.example", &settings()).bearer(&secret).is_err());
    assert!(client("https://metrics.example", &settings()).bearer(&secret).is_ok());
    let allowed = Settings { secrets_over_plain_http: true, ..settings() };
    assert!(client("http://metrics.example", &allowed).bearer(&secret).is_ok());
}

#[test]
fn no_error_shows_a_secret() {
    let request = Request::get(
        "https://ada:hunter2@host.example/x?access_token=hunter2&page=3#hunter2".parse().expect("an address"),
    );
    assert_eq!(request.shown(), "GET https://host.example/x?page=3");
    let refused = Origin::parse("https://ada:hunter2@host.example", &[]).expect_err("passwords belong elsewhere");
    assert_eq!(refused, "`https://host.example/` holds a name or a password, which belong elsewhere");
    let refused = Origin::parse("ada:hunter2@host.example?token=hunter2", &[]).expect_err("it is no address");
    assert!(!refused.contains("hunter2"), "{refused}");
    let proxied = Settings { proxy: Some("http://ada:hunter2@proxy.example:3128".to_owned()), ..settings() };
    let refused = Client::new("https://host.example", &proxied, &Silent).err().expect("passwords belong elsewhere");
    assert_eq!(
        refused.kind.to_string(),
        "`http://proxy.example:3128/` holds a name or a password, which belong elsewhere"
    );
    let secret = Secret::new("hunter2\n");
    let refused = secret_value(&secret).expect_err("a line end cannot be sent");
    assert!(!format!("{refused:?} {secret:?}").contains("hunter2"));
}

#[test]
fn links_are_found_whatever_their_order() {
    let header = r#"<https://h/r/1?page=1>; rel="prev first", <https://h/r/1?q=a,b&page=3>; title="x, y"; rel=next"#;
    assert_eq!(link::target(header, "next"), Some("https://h/r/1?q=a,b&page=3"));
    assert_eq!(link::target(header, "first"), Some("https://h/r/1?page=1"));
    assert_eq!(link::target(header, "last"), None);
    assert_eq!(link::target("", "next"), None);
    assert_eq!(link::target("<https://h", "next"), None);
}

proptest! {
    #[test]
    fn no_link_header_breaks_the_reading(header in ".{0,200}") {
        let _target = link::target(&header, "next");
    }

    #[test]
    fn waits_double_within_their_bounds(attempt in 1_u32..40, salt in any::<u64>()) {
        let wait = super::retry::backoff(attempt, salt);
        let whole = Duration::from_millis(500).saturating_mul(1 << (attempt - 1).min(10)).min(Duration::from_mins(1));
        prop_assert!(wait <= whole && wait + Duration::from_micros(1) >= whole * 3 / 4);
    }
}
