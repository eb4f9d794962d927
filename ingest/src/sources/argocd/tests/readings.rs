//! Whole readings of a fake instance: what they give, and that it does not matter how it was read.

use std::collections::BTreeMap;

use futures::FutureExt;
use serde_json::json;

use super::fake::{App, TOKEN, World, commit, frames};
use super::*;
use crate::Range;

fn token() -> BTreeMap<String, String> {
    BTreeMap::from([("ARGOCD_TOKEN".to_owned(), TOKEN.to_owned())])
}

fn with_token(more: Value) -> Value {
    let mut settings = json!({"token": {"env": "ARGOCD_TOKEN"}});
    for (name, value) in more.as_object().expect("more settings are an object") {
        settings[name] = value.clone();
    }
    settings
}

/// The tables after one reading each of these worlds, each going on where the one before ended.
async fn over(worlds: Vec<World>, more: Value) -> Tables {
    let mut tables = Tables::default();
    let mut cursor: Option<String> = None;
    let last = worlds.len();
    for (at, world) in worlds.into_iter().enumerate() {
        let (server, _) = world.serve().await;
        let source = open(config(&server.base(), with_token(more.clone())));
        let variables = token();
        let reading = Reading { cursor: cursor.as_deref(), ..Reading::at(now(), &variables) };
        let (sink, left) = read(&source, reading, &Silent).await;
        cursor = Some(left.unwrap_or_else(|error| panic!("reading {at} of {last}: {error}: {}", error.kind)));
        tables.add(&sink);
    }
    tables
}

const SYNC: &[&str] = &["started_at", "finished_at", "target", "status", "revisions", "evidence"];

#[tokio::test]
async fn syncs_of_two_clusters_are_targets_of_one_revision_set() {
    let mut eu = App::new("api-eu", "1");
    let mut us = App::new("api-us", "2").with("/spec/destination/name", json!("us"));
    for app in [&mut eu, &mut us] {
        app.set("/spec/source/helm", json!({"valueFiles": [format!("values/{}.yaml", app.value["spec"]["destination"]["name"].as_str().expect("a name"))]}));
    }
    eu.sync("06:00:00", &[&commit('a')]);
    us.sync("06:01:00", &[&commit('a')]);
    let tables = over(vec![World::of([eu, us])], json!({})).await;
    let rows = tables.rows("deployments");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["revisions"], rows[1]["revisions"], "the same values in two clusters are the same values");
    assert_eq!(
        tables.words("deployments", &["service", "environment", "target", "status", "actor_id"]),
        ["api production eu success automated", "api production us success automated"]
    );
    assert_eq!(rows[0]["revisions"][0], json!("config:acme/deploy@aaaaaaaaaaaa"));
}

#[tokio::test]
async fn several_readings_give_what_one_gives() {
    let mut app = App::new("api-eu", "1");
    let mut worlds = vec![World::of([app.clone()])];
    for (start, letter) in [("06:00:00", 'a'), ("06:10:00", 'b'), ("06:20:00", 'a')] {
        app.sync(start, &[&commit(letter)]);
        worlds.push(World::of([app.clone()]));
    }
    let once = over(vec![World::of([app])], json!({})).await;
    let mut often = over(worlds, json!({})).await;
    let mut expected = once.clone();
    // What changed in between was seen only by whoever looked.
    for table in ["health_transitions", "measurement_inputs"] {
        often.0.remove(table);
        expected.0.remove(table);
    }
    assert_eq!(often, expected);
    assert_eq!(
        once.words("deployments", SYNC),
        [
            r#"2026-01-05T06:00:00.000000Z 2026-01-05T06:00:10.000000Z eu success ["config:acme/deploy@aaaaaaaaaaaa"] sync_history"#,
            r#"2026-01-05T06:10:00.000000Z 2026-01-05T06:10:10.000000Z eu success ["config:acme/deploy@bbbbbbbbbbbb"] sync_history"#,
            r#"2026-01-05T06:20:00.000000Z 2026-01-05T06:20:10.000000Z eu success ["config:acme/deploy@aaaaaaaaaaaa"] sync_history"#,
        ]
    );
}

#[tokio::test]
async fn trimmed_syncs_are_counted_to_the_last() {
    let mut app = App::new("api-eu", "1").with("/spec/revisionHistoryLimit", json!(2));
    app.sync("05:00:00", &[&commit('a')]);
    let before = World::of([app.clone()]).at("05:30:00");
    for start in ["06:00:00", "06:10:00", "06:20:00", "06:30:00", "06:40:00"] {
        app.sync(start, &[&commit('b')]);
    }
    let tables = over(vec![before, World::of([app])], json!({})).await;
    let losses: Vec<Value> =
        tables.rows("coverage").into_iter().filter(|row| row["is_complete"] == json!(false)).collect();
    assert_eq!(losses.len(), 1, "{losses:?}");
    assert_eq!(losses[0]["missing_count"], json!(3), "ids 1, 2 and 3 were never seen");
    assert_eq!(losses[0]["range_start_at"], json!("2026-01-05T05:30:00.000000Z"));
    assert_eq!(losses[0]["range_end_at"], json!("2026-01-05T06:30:10.000000Z"));
    assert_eq!(losses[0]["service"], json!("api"));
}

#[tokio::test]
async fn a_failed_sync_that_was_seen_running_is_one_attempt() {
    let mut app = App::new("api-eu", "1");
    app.sync("05:00:00", &[&commit('a')]);
    app.begin("06:00:00", &[&commit('b')], Some("ada@example.com"));
    let running = World::of([app.clone()]);
    // It waits for a retry: running, with an end.
    app.set("/status/operationState/finishedAt", json!("2026-01-05T06:01:00Z"));
    app.set("/status/operationState/retryCount", json!(1));
    let waiting = World::of([app.clone()]);
    app.end("06:05:00", "Failed", "one or more objects failed to apply");
    let failed = World::of([app]);
    let seen = |worlds| async { over(worlds, json!({})).await.words("deployments", &["started_at", "finished_at", "status", "reached_users"]) };
    let last = "2026-01-05T06:00:00.000000Z 2026-01-05T06:05:00.000000Z failure false";
    assert_eq!(seen(vec![failed.clone()]).await[1], last);
    for order in [vec![running.clone(), waiting.clone(), failed.clone()], vec![failed.clone(), waiting.clone(), running.clone()]] {
        assert_eq!(seen(order).await[1], last);
    }
    let waiting = seen(vec![waiting]).await;
    assert_eq!(waiting[1], "2026-01-05T06:00:00.000000Z null running null");
    let actor = over(vec![failed], json!({})).await.words("deployments", &["actor_id"]);
    assert!(actor[1].len() == 16 && !actor[1].contains("ada"), "{actor:?}");
}

#[tokio::test]
async fn what_is_followed_is_kept_and_what_drops_is_listed_again() {
    let mut app = App::new("api-eu", "1");
    app.sync("05:00:00", &[&commit('a')]);
    let start = app.clone();
    app.begin("06:00:00", &[&commit('b')], None);
    app.end("06:01:00", "Failed", "it did not work");
    let failed = app.clone();
    // The stream leaves out that the next sync came through; the list has it.
    app.sync("06:30:00", &[&commit('c')]);
    let mut world = World::of([start.clone()]);
    world.streams = vec![frames(&[("ADDED", &start), ("MODIFIED", &failed)])];
    let (server, shared) = world.serve().await;
    let source = open(config(&server.base(), with_token(json!({}))));
    let variables = token();
    let mut sink = Sink::into_memory(&source.stream(), crate::sources::argocd::FILLS, now());
    let followed = {
        let shared = shared.clone();
        let app = app.clone();
        // Ends once the stream was asked for a second time: then everything it had was read.
        let end = async move {
            loop {
                if shared.lock().expect("no test panics with it").streams.is_empty() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            shared.lock().expect("no test panics with it").apps = vec![app];
            futures::future::pending::<()>().await;
        };
        source
            .read_until(&Reading::at(now(), &variables), &mut sink, &Silent, Some(Pause::noted().0), Some(end.boxed()))
            .await
    };
    followed.expect("a stream that drops is no error");
    let mut tables = Tables::default();
    tables.add(&sink);
    assert_eq!(
        tables.words("deployments", &["started_at", "status"]),
        [
            "2026-01-05T05:00:00.000000Z success",
            "2026-01-05T06:00:00.000000Z failure",
            "2026-01-05T06:30:00.000000Z success",
        ]
    );
    let asked: Vec<String> = server.asked().iter().map(|asked| asked.path().to_owned()).collect();
    assert_eq!(
        asked,
        [
            "/api/v1/applications",
            "/api/v1/stream/applications",
            "/api/v1/applications",
            "/api/v1/stream/applications",
        ]
    );
}

#[tokio::test]
async fn a_server_without_a_stream_is_read_and_the_gap_is_told() {
    let mut app = App::new("api-eu", "1");
    app.sync("05:00:00", &[&commit('a')]);
    let (server, _) = World { prefix: "/argo-cd".to_owned(), ..World::of([app]) }.serve().await;
    let source = open(config(&format!("{}/argo-cd", server.base()), with_token(json!({}))));
    let variables = token();
    let mut sink = Sink::into_memory(&source.stream(), crate::sources::argocd::FILLS, now());
    let end = futures::future::pending().boxed();
    let reading = Reading::at(now(), &variables);
    let followed = source.read_until(&reading, &mut sink, &Silent, Some(Pause::noted().0), Some(end)).await;
    followed.expect("the list was read");
    let mut tables = Tables::default();
    tables.add(&sink);
    assert_eq!(tables.words("deployments", &["status"]), ["success"]);
    let gaps: Vec<Value> =
        tables.rows("coverage").into_iter().filter(|row| row["is_complete"] == json!(false)).collect();
    assert!(gaps.len() == 1 && gaps[0]["reason"].as_str().is_some_and(|why| why.contains("501")), "{gaps:?}");
}

#[tokio::test]
async fn an_end_that_is_still_to_come_ends_the_following_and_no_range() {
    let source = open(config("http://127.0.0.1:9", json!({"follow_seconds": 7})));
    let reading = |until: Option<&str>| {
        let until = until.map(|text| Instant::parse(text).expect("a time"));
        Reading { range: Range { since: None, until }, ..Reading::at(now(), &NoVariables) }
    };
    let seconds = |until| source.follows(&reading(until)).map(|time| time.as_secs());
    assert_eq!(seconds(None), Some(7));
    assert_eq!(seconds(Some("2026-01-05T08:01:00Z")), Some(60));
    assert_eq!(seconds(Some("2026-01-05T08:00:00Z")), None);
    assert_eq!(seconds(Some("2026-01-04T08:00:00Z")), None);
    // The newest sync is learnt by such a reading as by any other.
    let mut app = App::new("api-eu", "1");
    app.sync("05:00:00", &[&commit('a')]);
    let (server, _) = World::of([app]).serve().await;
    let source = open(config(&server.base(), with_token(json!({}))));
    let variables = token();
    let until = Some(Instant::parse("2026-01-05T08:01:00Z").expect("a time"));
    let range = Range { since: None, until };
    let (_, cursor) = read(&source, Reading { range, ..Reading::at(now(), &variables) }, &Silent).await;
    assert!(cursor.expect("it was read").contains("\"last\":[0,"));
}

#[tokio::test]
async fn a_range_gives_what_lies_in_it_and_moves_no_mark() {
    let mut app = App::new("api-eu", "1");
    for start in ["05:00:00", "06:00:00", "07:00:00"] {
        app.sync(start, &[&commit('a')]);
    }
    let (server, _) = World::of([app]).serve().await;
    let source = open(config(&server.base(), with_token(json!({}))));
    let variables = token();
    let time = |text: &str| Some(Instant::parse(text).expect("a time"));
    let range = Range { since: time("2026-01-05T05:30:00Z"), until: time("2026-01-05T06:30:00Z") };
    let (sink, cursor) = read(&source, Reading { range, ..Reading::at(now(), &variables) }, &Silent).await;
    let mut tables = Tables::default();
    tables.add(&sink);
    assert_eq!(tables.words("deployments", &["started_at"]), ["2026-01-05T06:00:00.000000Z"]);
    let read: Vec<String> = tables.words("coverage", &["covers", "range_start_at", "range_end_at"]);
    assert!(read.contains(&"deployments 2026-01-05T05:30:00.000000Z 2026-01-05T06:30:00.000000Z".to_owned()), "{read:?}");
    assert!(!cursor.expect("it was read").contains("\"last\":[2"), "what is newest is learnt by open readings only");
}
