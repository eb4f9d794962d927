//! Alertmanager beside Prometheus, and alone.

use serde_json::{Value, json};

use super::fake::World;
use super::planted::{Alert, Held, Run, START};
use super::reading::{DAY, day};
use super::support::{Tables, at, config, run};
use crate::Range;
use crate::loopback::{Asked, Loopback, Reply};

/// An alert as `/api/v2/alerts` gives it.
pub(super) fn firing(labels: &Value, starts_at: &str, ends_at: &str, state: &str) -> Value {
    json!({
        "annotations": {}, "endsAt": ends_at, "fingerprint": "5ca1ab1e0ddba11", "receivers": [{ "name": "page" }],
        "startsAt": starts_at, "status": { "inhibitedBy": [], "silencedBy": [], "mutedBy": [], "state": state },
        "updatedAt": starts_at, "generatorURL": "https://metrics.example/graph", "labels": labels
    })
}

/// An Alertmanager that says what is in the list, at a time of its own.
async fn alertmanager(alerts: Vec<Value>, date: &'static str) -> Loopback {
    Loopback::start(move |asked: &Asked| answer(asked, &alerts, date)).await
}

/// What an Alertmanager answers that knows these alerts.
pub(super) fn answer(asked: &Asked, alerts: &[Value], date: &str) -> Reply {
    if asked.path() != "/api/v2/alerts" {
        return Reply::status(404, "404 page not found\n").with("content-type", "text/plain");
    }
    if asked.query("filter").is_some_and(|filter| !filter.contains('"')) {
        return Reply::status(400, "\"bad matcher format: =\"").with("content-type", "application/json");
    }
    Reply::json(Value::from(alerts).to_string()).with("date", date)
}

#[tokio::test]
async fn one_alert_seen_by_two_is_one_row() {
    let labels = json!({ "alertname": "Open", "service": "api", "cluster": "eu-1", "pod": "x" });
    // It fires since 80010.123 s and would be given up four minutes after the present.
    let seen = firing(&labels, "2026-01-05T22:13:30.123456Z", "2026-01-06T00:04:00Z", "suppressed");
    let manager = alertmanager(vec![seen], "Tue, 06 Jan 2026 00:00:00 GMT").await;
    for (refuses_samples, by) in [(false, "samples"), (true, "range_query")] {
        let running = run(World { refuses_samples, ..day() }, |_, _| None).await;
        let settings = config(&running.server, &json!({
            "alertmanager": { "url": manager.base() },
            "alerts": { "external_labels": { "cluster": "eu-1" } },
        }));
        let mut tables = Tables::default();
        tables.read(&settings, None, Range::default(), at(86_400)).await.result.expect("it is read");
        assert_eq!(tables.alerts.len(), DAY.len());
        assert_eq!(tables.incidents.len(), DAY.len());
        let told = tables.alerts_told().pop().expect("the open one");
        assert!(told.ends_with(&format!("80010.123 to .. firing x1 by {by}")), "{told}");
    }
}

#[tokio::test]
async fn what_only_alertmanager_knows_has_a_row_of_its_own() {
    let labels = json!({ "alertname": "Elsewhere", "service": "shop" });
    let seen = firing(&labels, "2026-01-05T23:00:00Z", "2026-01-06T00:04:00Z", "active");
    // One of them has just begun: samples of it are yet to come.
    let fresh = firing(&json!({ "alertname": "Fresh" }), "2026-01-05T23:59:50Z", "2026-01-06T00:04:00Z", "active");
    let manager = alertmanager(vec![json!("nonsense"), seen, fresh], "Tue, 06 Jan 2026 00:00:00 GMT").await;
    let running = run(day(), |_, _| None).await;
    let settings = config(&running.server, &json!({ "alertmanager": { "url": manager.base() } }));
    let mut tables = Tables::default();
    let read = tables.read(&settings, None, Range::default(), at(86_400)).await;
    read.result.expect("it is read");
    assert_eq!(tables.alerts_told().pop().expect("a row"), "Elsewhere -60 82800 to .. firing x1 by alertmanager");
    assert_eq!(tables.alerts.len(), DAY.len() + 1);
    assert!(read.told[0].starts_with("alert `0` (``) of Alertmanager is none"), "{:?}", read.told);
}

#[tokio::test]
async fn an_alertmanager_that_does_not_answer_is_told_and_the_rest_goes_on() {
    let manager = Loopback::start(|_| Reply::status(404, "\"no route\"").with("content-type", "application/json")).await;
    let running = run(day(), |_, _| None).await;
    let settings = config(&running.server, &json!({ "alertmanager": { "url": manager.base() } }));
    let mut tables = Tables::default();
    let read = tables.read(&settings, None, Range::default(), at(86_400)).await;
    read.result.expect("samples were read");
    assert_eq!(tables.alerts_told(), DAY);
    assert!(read.told[0].contains("could not ask Alertmanager"), "{:?}", read.told);
    // With nothing else to be read it is an error.
    let mut alone = settings.clone();
    alone.url = None;
    let error = Tables::default().read(&alone, None, Range::default(), at(86_400)).await.result.expect_err("nothing came");
    assert_eq!(error.kind.to_string(), format!("could not get `{}/api/v2/alerts`", manager.base()));
}

#[tokio::test]
async fn alone_it_knows_only_what_it_sees() {
    let labels = json!({ "alertname": "Errors", "service": "api" });
    let seen = firing(&labels, "2026-01-05T10:00:00Z", "2026-01-05T10:14:00Z", "active");
    let first = alertmanager(vec![seen], "Mon, 05 Jan 2026 10:10:00 GMT").await;
    let second = alertmanager(Vec::new(), "Mon, 05 Jan 2026 10:40:00 GMT").await;
    let settings = |url: String| -> crate::sources::prometheus::Config {
        let text = json!({ "alertmanager": { "url": url }, "rules": [{ "service": { "label": "service" } }] });
        serde_json::from_value(text).expect("the settings can be read")
    };
    let mut tables = Tables::default();
    let now = at(36_600);
    let read = tables.read(&settings(first.base()), None, Range::default(), now).await;
    read.result.expect("it is read");
    assert_eq!(tables.alerts_told(), ["Errors -60 36000 to .. firing x1 by alertmanager"]);
    let later = tables.read(&settings(second.base()), read.cursor.as_deref(), Range::default(), at(38_400)).await;
    later.result.expect("it is read");
    // It ended somewhere between the two readings.
    assert_eq!(tables.alerts_told(), ["Errors -60 36000 to 36600±1800 uncertain x1 by alertmanager"]);
    assert_eq!(tables.incidents.values().map(|row| row.resolved_at).collect::<Vec<_>>(), [Some(at(36_600))]);
    assert!(tables.coverage.iter().all(|row| !row.is_complete), "nothing is claimed to be known whole");
    assert_eq!((tables.coverage[0].range_start_at, tables.coverage[0].range_end_at), (Some(at(36_600)), Some(at(38_400))));
}

#[tokio::test]
async fn a_start_beyond_what_is_kept_is_known_to_alertmanager() {
    let mut held = Held::default();
    let times = Run::new(15, 0, 86_400);
    held.scrape(&times);
    held.evaluate(&times, &Alert::new(&[("alertname", "Long")], 0, &[(1000, 90_000)]));
    // Neither samples from before nor since when it is active.
    held.0.retain(|labels, _| labels["__name__"] != "ALERTS_FOR_STATE");
    held.forget_before(40_000);
    let running = run(World::new(held, START + 86_400_000), |_, _| None).await;
    let seen = firing(&json!({ "alertname": "Long" }), "2026-01-05T00:16:50Z", "2026-01-06T00:04:00Z", "active");
    let manager = alertmanager(vec![seen], "Tue, 06 Jan 2026 00:00:00 GMT").await;
    let settings = config(&running.server, &json!({ "alertmanager": { "url": manager.base() } }));
    let mut tables = Tables::default();
    tables.read(&settings, None, Range::default(), at(86_400)).await.result.expect("it is read");
    assert_eq!(tables.alerts_told(), ["Long -60 1010 to .. firing x1 by samples"]);
}
