//! Payloads that others recorded, where they are there: eleven notifications of some applications over half an hour.

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::{HeaderMap, HeaderValue};
use serde_json::json;

use super::*;
use crate::receive::{Delivery, Receiver, Refused};

/// The recorded notifications, oldest first by name; none where nobody said where they are.
fn recorded(test: &str) -> Option<Vec<Vec<u8>>> {
    let Some(folder) = std::env::var_os("DORACLE_FIXTURES") else {
        skipped(test);
        return None;
    };
    let folder = PathBuf::from(folder).join("argocd");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    paths.sort();
    Some(paths.iter().map(|path| std::fs::read(path).expect("it can be read")).collect())
}

#[expect(clippy::print_stderr, reason = "a test that checks nothing says so by name")]
fn skipped(test: &str) {
    eprintln!("skipped {test}: DORACLE_FIXTURES does not say where recorded payloads are");
}

fn receiver() -> Box<dyn Receiver> {
    let more = json!({"receive": {"secret": {"env": "SECRET"}}, "environment": "demo"});
    let mut receiver = open(config("https://argocd.example", more)).receiver().expect("it is configured").expect("it takes deliveries");
    receiver.arm(&BTreeMap::from([("SECRET".to_owned(), "open".to_owned())])).expect("the secret is there");
    receiver
}

fn accept(receiver: &dyn Receiver, body: &[u8], secret: &str) -> Result<Tables, Refused> {
    let mut headers = HeaderMap::new();
    headers.insert("x-doracle-secret", HeaderValue::from_str(secret).expect("a value"));
    let mut sink = Sink::into_memory(&receiver.stream(), crate::sources::argocd::FILLS, now());
    receiver.accept(&Delivery { headers: &headers, body, received_at: now() }, &mut sink)?;
    let mut tables = Tables::default();
    tables.add(&sink);
    Ok(tables)
}

/// The tables after these deliveries, as the lake would keep them.
fn taken(bodies: &[&Vec<u8>]) -> Tables {
    let receiver = receiver();
    let mut all = Tables::default();
    for body in bodies {
        let one = accept(receiver.as_ref(), body, "open").expect("it can be used");
        for (table, rows) in one.0 {
            let place = all.0.entry(table).or_default();
            for (key, candidate) in rows {
                let kept = place.entry(key).or_insert_with(|| candidate.clone());
                if candidate > *kept {
                    *kept = candidate;
                }
            }
        }
    }
    all
}

#[test]
fn recorded_notifications_in_any_order_and_with_repeats_are_one_history() {
    let Some(bodies) = recorded("recorded_notifications_in_any_order_and_with_repeats_are_one_history") else { return };
    let forward: Vec<&Vec<u8>> = bodies.iter().collect();
    let expected = taken(&forward);
    let mut orders: Vec<Vec<&Vec<u8>>> = vec![forward.iter().rev().copied().collect()];
    orders.extend((1..bodies.len()).map(|turn| {
        let mut order = forward.clone();
        order.rotate_left(turn);
        // And some of them once more.
        order.extend(forward.iter().copied().skip(turn % 3).step_by(3));
        order
    }));
    for order in orders {
        assert_eq!(taken(&order), expected);
    }
    // Counted by hand in the payloads: four applications of services with 1, 3, 1 and 1 syncs; the last of these was
    // first seen running. A fifth was never synced.
    let rows = expected.rows("deployments");
    let mut by_application: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        let (application, _) = row["deployment_id"].as_str().and_then(|id| id.split_once('@')).expect("an id");
        *by_application.entry(application).or_default() += 1;
        assert_eq!(row["status"], json!("success"), "{row}");
        assert!(row["finished_at"].as_str() >= row["started_at"].as_str(), "{row}");
    }
    let mut counts: Vec<usize> = by_application.into_values().collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 1, 3]);
    let by_hand = rows.iter().filter(|row| row["actor_id"] != json!("automated")).count();
    assert_eq!(by_hand, 2, "two syncs were started by somebody");
    // A parent that deploys applications and a secret was read twice, with ten syncs each of which nine are the same.
    let of_parent = expected.rows("inventory").into_iter().filter(|row| row["service"] == Value::Null).count();
    assert_eq!(of_parent, 11);
}

#[test]
fn a_delivery_without_the_secret_is_refused_and_leaves_nothing() {
    let receiver = receiver();
    let body = json!({"app": super::fake::App::new("api-eu", "1").value}).to_string();
    for secret in ["", "ope", "openn", "Open"] {
        let refused = accept(receiver.as_ref(), body.as_bytes(), secret).expect_err("it is not the secret");
        assert!(matches!(refused, Refused::Unauthorised));
    }
    let mut sink = Sink::into_memory("s", crate::sources::argocd::FILLS, now());
    let bare = Delivery { headers: &HeaderMap::new(), body: body.as_bytes(), received_at: now() };
    assert!(matches!(receiver.accept(&bare, &mut sink), Err(Refused::Unauthorised)));
    assert_eq!(sink.summary().page_count, 0);
    assert!(accept(receiver.as_ref(), body.as_bytes(), "open").is_ok());
}

#[test]
fn a_delivery_that_is_no_application_is_refused_in_words() {
    let receiver = receiver();
    let cases = [
        ("{", "it is no JSON: "),
        ("{\"app\": {\"metadata\": {\"name\": \"api\"}}}", "the delivery (`?/api`) is no application: missing field `uid`"),
        ("[]", "the delivery (`?/?`) is no application: "),
    ];
    for (body, expected) in cases {
        let refused = accept(receiver.as_ref(), body.as_bytes(), "open").expect_err("it cannot be used").to_string();
        assert!(refused.starts_with(expected), "{refused}");
    }
}

#[test]
fn what_is_pushed_is_what_is_polled() {
    let mut app = super::fake::App::new("api-eu", "1");
    app.sync("05:00:00", &[&super::fake::commit('a')]);
    let receiver = receiver();
    assert_eq!((receiver.path(), receiver.stream().as_str()), ("/argocd/shop", "argocd:shop notifications"));
    let wrapped = accept(receiver.as_ref(), json!({"app": app.value}).to_string().as_bytes(), "open").expect("it is one");
    let bare = accept(receiver.as_ref(), app.value.to_string().as_bytes(), "open").expect("it is one");
    assert_eq!(wrapped, bare);
    // The template of the documentation sends what is read.
    let read = ["history", "operationState", "health", "sync", "summary", "resources", "reconciledAt"];
    let status: Value = read.iter().map(|name| ((*name).to_owned(), app.value["status"][*name].clone())).collect();
    let compact = json!({"app": {"metadata": app.value["metadata"], "spec": app.value["spec"], "status": status}});
    app.set("/status/conditions", json!([{"type": "SyncError"}]));
    let compact = accept(receiver.as_ref(), compact.to_string().as_bytes(), "open").expect("it is one");
    let whole = accept(receiver.as_ref(), app.value.to_string().as_bytes(), "open").expect("it is one");
    assert_eq!((&compact, &whole), (&wrapped, &wrapped));
    assert_eq!(wrapped.words("deployments", &["service", "status"]), ["api success"]);
    assert!(wrapped.rows("coverage").is_empty(), "what is pushed says nothing of what was not");
}
