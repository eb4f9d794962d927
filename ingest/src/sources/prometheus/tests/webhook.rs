//! Deliveries of Alertmanager.

use std::collections::BTreeMap;

use http::HeaderMap;
use lake::tables::{alerts, coverage, incidents};
use serde_json::{Value, json};

use super::support::{Tables, at, second, told};
use crate::receive::{Delivery, Receiver, Refused};
use crate::sources::prometheus::{Config, open};
use crate::{Sink, Source};

fn receiver(more: &Value) -> Box<dyn Receiver> {
    let mut settings = json!({
        "receive": { "auth": { "bearer": { "env": "HOOK" } } },
        "rules": [{ "service": { "label": "service" }, "minimum_seconds": 120 }],
        "alerts": { "keep_firing_seconds": 0 },
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

/// An alert that fires from one second on, with an end where it is over.
fn firing(fingerprint: &str, start: i64, end: Option<i64>) -> Value {
    let mut alert = alert("Api", if end.is_some() { "resolved" } else { "firing" }, &at(start).to_string(), NO_END);
    if let Some(end) = end {
        alert["endsAt"] = json!(at(end).to_string());
    }
    alert["fingerprint"] = json!(fingerprint);
    alert
}

/// The tables after these deliveries, each taken by a receiver that has just been started again.
fn after(more: &Value, deliveries: &[Vec<Value>]) -> Tables {
    let (mut tables, mut cursor): (Tables, Option<String>) = (Tables::default(), None);
    for alerts in deliveries {
        let mut receiver = receiver(more);
        if let Some(cursor) = &cursor {
            receiver.take_up(cursor).expect("it is ours");
        }
        let body = message("firing", alerts, 0).to_string();
        let sink = deliver(receiver.as_ref(), &body, Some("Bearer sesame"), at(90_000)).expect("it is taken");
        tables.take(&sink);
        cursor = sink.cursor().map(str::to_owned);
    }
    tables
}

#[test]
fn firings_close_together_are_one_interval_over_many_deliveries() {
    let one = |end| firing("f", 3600, end);
    let two = |end| firing("f", 4200, end);
    let far = |end| firing("f", 7200, end);
    let story = [
        vec![one(None)],
        vec![one(Some(3900))],
        vec![two(None)],
        vec![one(Some(3900)), two(Some(4500))],
        vec![far(None)],
        vec![far(Some(7500))],
    ];
    let expected = ["Api -60 3600 to 4500±60 resolved x2 by webhook", "Api -60 7200 to 7500±60 resolved x1 by webhook"];
    let whole = after(&json!({}), &story);
    assert_eq!(whole.alerts_told(), expected);
    let told = |tables: &Tables| -> Vec<(f64, Option<f64>)> {
        tables.incidents.values().map(|row| (second(row.opened_at), row.resolved_at.map(second))).collect()
    };
    assert_eq!(told(&whole), [(3600.0, Some(4500.0)), (7200.0, Some(7500.0))]);
    // While the second fires, the first is open again.
    let open = after(&json!({}), &story[..3]);
    assert_eq!(open.alerts_told(), ["Api -60 3600 to .. firing x2 by webhook"]);
    assert_eq!(told(&open), [(3600.0, None)]);
    // What comes twice, late or all at once says the same, once the first of them was told.
    let at_once = vec![vec![far(Some(7500)), two(Some(4500)), one(Some(3900))]];
    let late = [story[0].clone(), story[3][1..].to_vec(), story[5].clone(), story[1].clone(), story[4].clone()];
    let twice: Vec<Vec<Value>> = story.iter().flat_map(|delivery| [delivery.clone(), delivery.clone()]).collect();
    for other in [at_once, late.to_vec(), twice, story.iter().chain(&story).cloned().collect()] {
        let seen = after(&json!({}), &other);
        assert_eq!((&seen.alerts, &seen.incidents), (&whole.alerts, &whole.incidents));
    }
    // One that comes after the one behind it makes the start less certain, and no second row.
    let late = [vec![two(Some(4500))], vec![one(Some(3900))]];
    assert_eq!(after(&json!({}), &late).alerts_told(), ["Api -660 4200 to 4500±60 resolved x2 by webhook"]);
    let apart = json!({ "alerts": { "flapping_seconds": 0, "keep_firing_seconds": 0 } });
    assert_eq!(after(&apart, &story).alerts.len(), 3);
}

#[test]
fn pods_that_fire_at_once_are_one_alert() {
    let story = [vec![firing("a", 3600, None)], vec![firing("b", 3700, None)], vec![firing("a", 3600, Some(3900))], vec![firing("b", 3700, Some(4000))]];
    let expected = ["Api -60 3600 to .. firing x1 by webhook", "Api -60 3600 to 4000±60 resolved x1 by webhook"];
    assert_eq!(after(&json!({}), &story[..3]).alerts_told(), expected[..1]);
    assert_eq!(after(&json!({}), &story).alerts_told(), expected[1..]);
}

#[test]
fn an_end_that_was_never_told_lies_before_the_next_firing() {
    let story = [vec![firing("f", 3600, None)], vec![firing("f", 10_800, None)]];
    let told = after(&json!({}), &story).alerts_told();
    assert_eq!(told, ["Api -60 3600 to 3600±7260 uncertain x1 by webhook", "Api -60 10800 to .. firing x1 by webhook"]);
}

#[test]
fn what_an_alert_was_kept_firing_for_is_taken_off_or_said_in_the_error() {
    let story = [vec![firing("f", 3600, Some(4500))]];
    let of = |seconds: Value| after(&json!({ "alerts": { "keep_firing_seconds": seconds } }), &story).alerts_told().remove(0);
    assert_eq!(of(json!(300)), "Api -60 3600 to 4200±120 resolved x1 by webhook");
    assert_eq!(of(Value::Null), "Api -60 3600 to 4500±900 resolved x1 by webhook");
}

#[test]
fn what_is_remembered_has_a_bound_and_is_ours() {
    let receiver = receiver(&json!({}));
    let alerts: Vec<Value> = (0..10_050_i64)
        .map(|number| {
            let mut alert = firing("f", 3600 + number, Some(3601 + number));
            alert["labels"]["alertname"] = json!(format!("A{number}"));
            alert
        })
        .collect();
    let sink = deliver(receiver.as_ref(), &message("resolved", &alerts, 0).to_string(), Some("Bearer sesame"), at(90_000)).expect("it is taken");
    assert_eq!(sink.kept::<alerts::Row>().expect("rows").len(), 10_050);
    let cursor: Value = serde_json::from_str(sink.cursor().expect("a cursor")).expect("JSON");
    let kept = cursor["alerts"].as_array().expect("alerts").len();
    assert!((1..=10_000).contains(&kept), "{kept}");
    let mut receiver = self::receiver(&json!({}));
    assert!(receiver.take_up("nonsense").is_err());
    assert!(receiver.take_up(r#"{"version":2,"shape":[],"alerts":[]}"#).is_err());
    // Under other labels nothing that was remembered is known.
    let cursor = cursor.to_string();
    receiver.take_up(&cursor).expect("it is ours");
    let mut other = self::receiver(&json!({ "alerts": { "identity": ["pod"] } }));
    other.take_up(&cursor).expect("it is ours, of other settings");
}
