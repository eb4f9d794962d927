//! Whatever goes wrong on the way: the tables are those of an undisturbed reading, or the gap is stated.

use std::sync::Mutex;

use serde_json::json;

use super::fake::World;
use super::planted::START;
use super::reading::{DAY, day};
use super::support::{Tables, at, config, run};
use crate::Range;
use crate::loopback::{Asked, Loopback, Reply};

async fn undisturbed() -> Tables {
    let running = run(day(), |_, _| None).await;
    let mut tables = Tables::default();
    let config = config(&running.server, &json!({}));
    tables.read(&config, None, Range::default(), at(86_400)).await.result.expect("it is read");
    tables
}

#[tokio::test]
async fn faults_that_pass_change_nothing() {
    let expected = undisturbed().await;
    let html = || Reply::status(200, "<html>sign in</html>").with("content-type", "text/html");
    let json_error = |status, kind: &str| {
        Reply::status(status, json!({ "status": "error", "errorType": kind, "error": "later" }).to_string())
            .with("content-type", "application/json")
    };
    let faults: Vec<(&str, Reply)> = vec![
        ("too many requests", Reply::status(429, "slow down").with("retry-after", "7")),
        ("internal", json_error(500, "internal")),
        ("bad gateway", Reply::status(502, "<html>bad gateway</html>").with("content-type", "text/html")),
        ("unavailable", json_error(503, "canceled")),
        ("unavailable for a while", json_error(503, "unavailable").with("retry-after", "30")),
        ("reset", Reply::Reset),
        ("stuck", Reply::Stuck),
        ("truncated", Reply::Truncated { promised: 5000, body: br#"{"status":"success","#.to_vec() }),
        ("no JSON", Reply::json(r#"{"status":"success","data":{"#)),
        ("a page of a proxy", html()),
    ];
    // The third request is for presence, those behind it are for alerts.
    for (name, reply) in faults {
        for place in [0, 3, 5, 8] {
            let fault = reply.clone();
            let running = run(day(), move |number, _| (number == place).then(|| fault.clone())).await;
            let mut tables = Tables::default();
            let config = config(&running.server, &json!({}));
            let read = tables.read(&config, None, Range::default(), at(86_400)).await;
            read.result.unwrap_or_else(|error| panic!("{name} at {place}: {error}: {}", error.kind));
            assert_eq!(tables, expected, "{name} at request {place}");
            assert_eq!(read.told, Vec::<String>::new(), "{name} at request {place}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_stays_broken_is_a_gap_that_the_next_reading_closes() {
    let expected = undisturbed().await;
    let is_broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let broken = is_broken.clone();
    let running = run(day(), move |_, asked| {
        let is_late = asked.query("time").is_some_and(|time| time.parse::<f64>().is_ok_and(|time| time > 1_767_600_000.0));
        (broken.load(std::sync::atomic::Ordering::SeqCst) && is_late)
            .then(|| Reply::status(503, "<html>busy</html>").with("content-type", "text/html"))
    })
    .await;
    let mut settings = config(&running.server, &json!({ "alerts": { "method": "samples" } }));
    settings.http.requests_in_flight = 1;
    let mut tables = Tables::default();
    let first = tables.read(&settings, None, Range::default(), at(86_400)).await;
    first.result.expect("what was there is kept");
    assert_eq!(tables.alerts_told(), DAY[..2], "everything until the window that failed");
    let gap = tables.coverage.iter().find(|row| !row.is_complete && row.covers == "alerts").expect("a gap");
    // Windows are six hours: the second one, that ends at 12:00, was not given.
    assert_eq!((gap.range_start_at, gap.range_end_at), (Some(at(21_600)), Some(at(86_400))));
    assert!(gap.reason.as_deref().is_some_and(|reason| reason.contains("the server answered 503")), "{gap:?}");
    is_broken.store(false, std::sync::atomic::Ordering::SeqCst);
    let second = tables.read(&settings, first.cursor.as_deref(), Range::default(), at(86_400)).await;
    second.result.expect("it is read");
    assert_eq!(tables, expected);
}

#[tokio::test]
async fn without_an_answer_there_is_an_error() {
    let refused = |status: u16| Reply::status(status, "no\n").with("content-type", "text/plain");
    for (reply, code) in [(refused(401), "ingest::auth"), (refused(403), "ingest::auth"), (refused(404), "ingest::refused")] {
        let running = run(day(), move |_, _| Some(reply.clone())).await;
        let config = config(&running.server, &json!({}));
        let mut tables = Tables::default();
        let error = tables.read(&config, None, Range::default(), at(86_400)).await.result.expect_err("nothing came");
        assert_eq!(error.code(), code);
        assert_eq!(running.server.asked().len(), 1);
        assert_eq!(tables, Tables::default());
    }
}

#[tokio::test]
async fn a_query_that_is_wrong_is_a_gap_in_the_servers_words() {
    let running = run(day(), |_, _| None).await;
    let config = config(&running.server, &json!({ "alerts": { "matching": ["severity"] } }));
    let mut tables = Tables::default();
    tables.read(&config, None, Range::default(), at(86_400)).await.result.expect("the rest goes on");
    let gaps = tables.coverage.iter().filter(|row| !row.is_complete && row.covers == "alerts");
    let is_refusal = |gap: &&lake::tables::coverage::Row| {
        gap.reason.as_deref().is_some_and(|why| why.contains("the server answered 400: 1:1: parse error"))
    };
    // A day in windows of six hours, not one of which was given.
    let spans: Vec<_> = gaps.filter(is_refusal).map(|gap| (gap.range_start_at, gap.range_end_at)).collect();
    let expected: Vec<_> = (0..4).map(|n| (Some(at(n * 21_600)), Some(at((n + 1) * 21_600)))).collect();
    assert_eq!(spans, expected);
    let read: Vec<_> = tables.coverage.iter().filter(|row| row.is_complete).collect();
    assert_eq!(read, Vec::<&lake::tables::coverage::Row>::new(), "nothing was read");
}

/// A server that refuses what `is_refused` says, for as long as the switch is on.
async fn refusing(
    is_refused: impl Fn(&Asked) -> bool + Send + Sync + 'static,
    reply: Reply,
) -> (super::support::Running, std::sync::Arc<std::sync::atomic::AtomicBool>) {
    let switch = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_on = switch.clone();
    let refuses = move |asked: &Asked| is_on.load(std::sync::atomic::Ordering::SeqCst) && is_refused(asked);
    (run(day(), move |_, asked| refuses(asked).then(|| reply.clone())).await, switch)
}

#[tokio::test]
async fn what_was_refused_is_not_stated_as_read_and_is_read_once_it_is_given() {
    let expected = undisturbed().await;
    let is_of_alerts = |asked: &Asked| asked.query("query").is_some_and(|query| query.contains("ALERTS"));
    let refusal = Reply::status(404, "no\n").with("content-type", "text/plain");
    let (running, switch) = refusing(is_of_alerts, refusal).await;
    let config = config(&running.server, &json!({}));
    let mut tables = Tables::default();
    let first = tables.read(&config, None, Range::default(), at(86_400)).await;
    first.result.expect("a gap");
    let is_stated = |row: &&lake::tables::coverage::Row| row.is_complete && row.covers != "samples";
    assert_eq!(tables.coverage.iter().find(is_stated), None);
    assert!(tables.coverage.iter().any(|row| !row.is_complete && row.covers == "alerts"));
    switch.store(false, std::sync::atomic::Ordering::SeqCst);
    let second = tables.read(&config, first.cursor.as_deref(), Range::default(), at(86_400)).await;
    second.result.expect("it is read");
    assert_eq!(tables, expected);
}

#[tokio::test]
async fn rules_that_could_not_be_read_at_first_count_for_what_was_read_without_them() {
    let expected = undisturbed().await;
    let refusal = Reply::status(404, "no\n").with("content-type", "text/plain");
    let (running, switch) = refusing(|asked| asked.path().ends_with("/rules"), refusal).await;
    let config = config(&running.server, &json!({}));
    let mut tables = Tables::default();
    let first = tables.read(&config, None, Range::default(), at(86_400)).await;
    first.result.expect("what is configured is taken");
    assert_ne!(tables.alerts, expected.alerts, "the rules say something that nobody configured");
    switch.store(false, std::sync::atomic::Ordering::SeqCst);
    // It begins anew: what was there is replaced.
    let mut anew = Tables::default();
    let second = anew.read(&config, first.cursor.as_deref(), Range::default(), at(86_400)).await;
    second.result.expect("it is read");
    assert_eq!(anew, expected);
    // Once known they are remembered, whatever the server says later.
    switch.store(true, std::sync::atomic::Ordering::SeqCst);
    let third = anew.read(&config, second.cursor.as_deref(), Range::default(), at(86_400)).await;
    third.result.expect("it is read");
    assert_eq!(anew, expected);
}

/// What is stated to be missing by what a reading left.
fn missing(cursor: Option<&str>) -> Vec<lake::tables::coverage::Row> {
    let ledger = crate::Ledger::from_cursor(cursor).expect("our own cursor");
    ledger.coverage("prometheus:main").into_iter().filter(|row| !row.is_complete).collect()
}

#[tokio::test]
async fn what_was_seen_to_be_missing_is_stated_however_the_reading_ends() {
    let world = || World { warning: Some("a store did not answer"), ..day() };
    let hourly = json!({ "alerts": { "window_minutes": 60 } });
    let running = run(world(), |_, _| None).await;
    let settings = config(&running.server, &hourly);
    let whole = Tables::default().read(&settings, None, Range::default(), at(86_400)).await;
    let expected = missing(whole.cursor.as_deref());
    let count = running.server.asked().len();
    let mut went_on = 0;
    for last in (4..count).step_by(5) {
        let refused = || Reply::status(401, "no\n").with("content-type", "text/plain");
        let broken = run(world(), move |number, _| (number >= last).then(refused)).await;
        let cursor = Tables::read_broken(&config(&broken.server, &hourly), None, Range::default(), at(86_400)).await;
        went_on += usize::from(cursor.is_some());
        let rest = Tables::default().read(&settings, cursor.as_deref(), Range::default(), at(86_400)).await;
        let found = missing(rest.cursor.as_deref());
        let lost: Vec<_> = expected.iter().filter(|row| !found.contains(row)).collect();
        assert_eq!(lost, [] as [&lake::tables::coverage::Row; 0], "broken off after {last} of {count} requests");
    }
    assert!(went_on > 3, "only {went_on} readings left anything");
    // What was missing is so until it was read again: a reading of the past that is broken off says nothing better.
    let past = Range { since: Some(at(0)), until: Some(at(60_000)) };
    let mut committed = 0;
    for last in [8, 13, 18, 23] {
        let refused = || Reply::status(401, "no\n").with("content-type", "text/plain");
        let broken = run(world(), move |number, _| (number >= last).then(refused)).await;
        let settings = config(&broken.server, &hourly);
        let cursor = Tables::read_broken(&settings, whole.cursor.as_deref(), past, at(86_400)).await;
        let Some(cursor) = cursor else { continue };
        committed += 1;
        let found = missing(Some(&cursor));
        assert!(expected.iter().all(|row| found.contains(row)), "broken off after {last} requests: {found:#?}");
    }
    assert!(committed > 1, "only {committed} of them left anything");
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let elsewhere = Loopback::start(|_| Reply::json("{}")).await;
    let target = elsewhere.base();
    let running = run(day(), move |number, _| {
        (number > 3).then(|| Reply::status(302, "").with("location", format!("{target}/api/v1/query")))
    })
    .await;
    let config = config(&running.server, &json!({ "auth": { "bearer": { "env": "TOKEN" } } }));
    let (pause, _) = crate::http::Pause::noted();
    let source = crate::sources::prometheus::PrometheusSource { config, pause };
    let variables = std::collections::BTreeMap::from([("TOKEN".to_owned(), "sesame".to_owned())]);
    let mut sink = crate::Sink::into_memory("prometheus:main", crate::sources::prometheus::FILLS, at(86_400));
    let reading = crate::Reading::at(at(86_400), &variables);
    crate::Source::read(&source, &reading, &mut sink, &crate::Silent).await.expect("a gap");
    assert!(elsewhere.asked().is_empty());
    assert!(running.server.asked().iter().all(|asked| asked.header("authorization") == Some("Bearer sesame")));
}

#[tokio::test]
async fn order_and_doubles_do_not_matter() {
    let expected = undisturbed().await;
    let world = day();
    let server = Loopback::start(move |asked: &Asked| {
        let Reply::Page { status, headers, body } = world.answer(asked) else { panic!("a page") };
        let mut answer: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        if let Some(result) = answer["data"]["result"].as_array_mut() {
            for series in result.iter_mut() {
                if let Some(values) = series["values"].as_array_mut() {
                    values.reverse();
                    values.extend(values.clone());
                }
            }
            result.reverse();
            result.extend(result.clone());
        }
        Reply::Page { status, headers, body: answer.to_string().into_bytes() }
    })
    .await;
    let mut tables = Tables::default();
    let config = config(&server, &json!({}));
    tables.read(&config, None, Range::default(), at(86_400)).await.result.expect("it is read");
    assert_eq!(tables, expected);
}

#[tokio::test]
async fn series_that_are_still_written_while_they_are_read() {
    // Every answer sees a second more of the world than the one before.
    let whole = day();
    let clock = Mutex::new(START + 80_000_000);
    let server = Loopback::start(move |asked| {
        let mut now = clock.lock().expect("no test panics while it answers");
        *now += 1000;
        let mut held = whole.held.clone();
        for samples in held.0.values_mut() {
            samples.retain(|when, _| *when <= *now);
        }
        World { held, now: *now, ..whole.clone() }.answer(asked)
    })
    .await;
    let config = config(&server, &json!({}));
    let mut tables = Tables::default();
    let mut cursor = None;
    for second in [80_300, 80_301, 86_400] {
        let read = tables.read(&config, cursor.as_deref(), Range::default(), at(second)).await;
        read.result.expect("it is read");
        cursor = read.cursor;
    }
    assert_eq!(tables.alerts_told(), DAY);
}
