//! Deliveries of Alertmanager.

use std::collections::BTreeMap;

use http::HeaderMap;
use lake::tables::{alerts, coverage, incidents};
use serde_json::{Value, json};

use super::support::{at, second, told};
use crate::receive::{Delivery, Receiver, Refused};
use crate::sources::prometheus::{Config, open};
use crate::{Sink, Source};

fn receiver(more: &Value) -> Box<dyn Receiver> {
    let mut settings = json!({
        "receive": { "auth": { "bearer": { "env": "HOOK" } } },
        "rules": [{ "service": { "label": "service" }, "minimum_seconds": 120 }],
    });
    for (key, value) in more.as_object().expect("an object") {
        settings[key] = value.clone();
    }
    let config: Config = serde_json::from_value(settings).expect("the settings can be read");
    let mut receiver = open(config).receiver().expect("the settings fit").expect("it takes deliveries");
    receiver.arm(&BTreeMap::from([("HOOK".to_owned(), "sesame".to_owned())])).expect("the secret is there");
    receiver
}

fn alert(name: &str, status: &str, starts_at: &str, ends_at: &str) -> Value {
    json!({
        "status": status, "labels": { "alertname": name, "service": "api", "pod": "a" }, "annotations": {},
        "startsAt": starts_at, "endsAt": ends_at, "generatorURL": "", "fingerprint": "0123456789abcdef"
    })
}

fn message(status: &str, alerts: &[Value], truncated: i64) -> Value {
    json!({
        "receiver": "doracle", "status": status, "alerts": alerts, "groupLabels": {}, "commonLabels": {},
        "commonAnnotations": {}, "externalURL": "http://alerts.example", "version": "4", "groupKey": "{}:{}",
        "truncatedAlerts": truncated
    })
}

fn deliver(receiver: &dyn Receiver, body: &str, authorization: Option<&str>, at: lake::Instant) -> Result<Sink<'static>, Refused> {
    let mut headers = HeaderMap::new();
    if let Some(value) = authorization {
        headers.insert("authorization", value.parse().expect("a value"));
    }
    let mut sink = Sink::into_memory(&receiver.stream(), receiver.fills(), at);
    let delivery = Delivery { headers: &headers, body: body.as_bytes(), received_at: at };
    receiver.accept(&delivery, &mut sink).map(|()| sink)
}

const NO_END: &str = "0001-01-01T00:00:00Z";

fn mixed() -> Value {
    let over = alert("Over", "resolved", "2026-01-05T01:00:00.123456789Z", "2026-01-05T01:05:00.123Z");
    let short = alert("Short", "resolved", "2026-01-05T01:00:00Z", "2026-01-05T01:01:59Z");
    message("firing", &[alert("Open", "firing", "2026-01-05T02:00:00Z", NO_END), over, short], 0)
}

#[test]
fn each_alert_is_taken_for_itself() {
    let receiver = receiver(&json!({}));
    assert_eq!((receiver.path(), receiver.stream()), ("/prometheus/main", "prometheus:main deliveries".to_owned()));
    let sink = deliver(receiver.as_ref(), &mixed().to_string(), Some("Bearer sesame"), at(7500)).expect("it is taken");
    let mut rows: Vec<alerts::Row> = sink.kept().expect("rows");
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    let expected = [
        "Open -60 7200 to .. firing x1 by webhook",
        "Over -60 3600.123 to 3900.123±60 resolved x1 by webhook",
        "Short -60 3600 to 3719±60 resolved x1 by webhook",
    ];
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), expected);
    let incidents: Vec<incidents::Row> = sink.kept().expect("rows");
    let told: Vec<_> = incidents
        .iter()
        .map(|row| (row.title.as_deref().expect("a title"), second(row.opened_at), row.resolved_at.map(second)))
        .collect();
    // `Short` is too short, and `Open` has been going on for five minutes.
    assert_eq!(told, [("Open", 7200.0, None), ("Over", 3600.123, Some(3900.123))]);
}

#[test]
fn a_delivery_that_comes_again_says_the_same() {
    let receiver = receiver(&json!({}));
    let rows = |when| {
        let body = message("firing", mixed()["alerts"].as_array().expect("a list"), 3).to_string();
        let sink = deliver(receiver.as_ref(), &body, Some("Bearer sesame"), when).expect("it is taken");
        let alerts: Vec<alerts::Row> = sink.kept().expect("rows");
        let incidents: Vec<incidents::Row> = sink.kept().expect("rows");
        let coverage: Vec<coverage::Row> = sink.kept().expect("rows");
        (alerts, incidents, coverage)
    };
    let first = rows(at(7500));
    assert_eq!(first, rows(at(90_000)));
    let gap = &first.2[0];
    assert_eq!((gap.range_start_at, gap.missing_count, gap.is_complete), (Some(at(3600)), Some(3), false));
    assert_eq!(gap.reason.as_deref(), Some("alerts that Alertmanager left out of a delivery (`max_alerts`), of the group `{}:{}`"));
}

#[test]
fn where_prometheus_is_read_deliveries_make_no_incidents() {
    let receiver = receiver(&json!({ "url": "http://127.0.0.1:9090" }));
    let sink = deliver(receiver.as_ref(), &mixed().to_string(), Some("Bearer sesame"), at(7500)).expect("it is taken");
    assert_eq!(sink.kept::<alerts::Row>().expect("rows").len(), 3);
    assert_eq!(sink.kept::<incidents::Row>().expect("rows"), []);
}

#[test]
fn only_who_proves_it_may_deliver() {
    let bearer = receiver(&json!({}));
    let basic = receiver(&json!({ "receive": {
        "path": "/hook", "auth": { "basic": { "user": "ada", "password": { "env": "HOOK" } } }
    } }));
    assert_eq!(basic.path(), "/hook");
    let body = mixed().to_string();
    for wrong in [None, Some("Bearer"), Some("Bearer sesam"), Some("Bearer sesame2"), Some("sesame"), Some("Basic YWRhOnNlc2FtZQ==")] {
        assert!(matches!(deliver(bearer.as_ref(), &body, wrong, at(0)), Err(Refused::Unauthorised)), "{wrong:?}");
    }
    for (right, receiver) in [("Bearer sesame", &bearer), ("Basic YWRhOnNlc2FtZQ==", &basic)] {
        assert!(deliver(receiver.as_ref(), &body, Some(right), at(0)).is_ok());
    }
    assert!(matches!(deliver(basic.as_ref(), &body, Some("Bearer sesame"), at(0)), Err(Refused::Unauthorised)));
    // A receiver that was never armed takes nothing.
    let config: Config = serde_json::from_value(json!({ "receive": { "auth": { "bearer": { "env": "HOOK" } } } })).expect("settings");
    let unarmed = open(config).receiver().expect("the settings fit").expect("it takes deliveries");
    assert!(matches!(deliver(unarmed.as_ref(), &body, Some("Bearer "), at(0)), Err(Refused::Unauthorised)));
}

#[test]
fn what_cannot_be_used_is_refused_whole_and_what_is_odd_is_counted() {
    let receiver = receiver(&json!({}));
    let refused = |body: &str| match deliver(receiver.as_ref(), body, Some("Bearer sesame"), at(7500)) {
        Err(Refused::Unusable(why)) => why,
        other => panic!("{:?}", other.map(|_| ())),
    };
    assert!(refused("<html>").starts_with("it is no message of Alertmanager"));
    assert_eq!(refused(r#"{"version":"5","alerts":[]}"#), "its version is `5`, and `4` is known");
    assert_eq!(refused("{}"), "its version is `none`, and `4` is known");
    let body = message("firing", &[json!({ "labels": 7 }), alert("Open", "firing", "2026-01-05T02:00:00Z", NO_END)], 0);
    let sink = deliver(receiver.as_ref(), &body.to_string(), Some("Bearer sesame"), at(7500)).expect("the rest is taken");
    assert_eq!(sink.kept::<alerts::Row>().expect("rows").len(), 1);
    let gaps: Vec<coverage::Row> = sink.kept().expect("rows");
    assert_eq!(gaps[0].missing_count, Some(1));
}

#[test]
fn the_row_of_a_delivery_has_the_key_of_the_row_of_samples() {
    // The first evaluation at which an alert fires is the start that Alertmanager is told, to the millisecond.
    let receiver = receiver(&json!({}));
    let body = message("firing", &[alert("Open", "firing", "2026-01-05T22:13:30.123456Z", NO_END)], 0).to_string();
    let sink = deliver(receiver.as_ref(), &body, Some("Bearer sesame"), at(86_400)).expect("it is taken");
    let row = sink.kept::<alerts::Row>().expect("rows").remove(0);
    let identity = super::planted::labels(&[("alertname", "Open"), ("service", "api")]);
    assert_eq!(row.alert_id, crate::sources::prometheus::rows::alert_id("main", &identity));
    assert_eq!(second(row.started_at).to_string(), "80010.123");
}
