//! Settings, the plan of requests, and the rule file.

use serde_json::{Value, json};

use super::support::at;
use crate::sources::prometheus::{Config, open};
use crate::{NoVariables, Range, Reading, Source};

fn config(settings: Value) -> Config {
    serde_json::from_value(settings).expect("the settings can be read")
}

fn plan(config: &Config, cursor: Option<&str>, range: Range) -> Vec<String> {
    let reading = Reading { cursor, range, ..Reading::at(at(86_400), &NoVariables) };
    open(config.clone()).request_plan(&reading).expect("the settings fit")
}

#[test]
fn settings_have_defaults_and_refuse_what_they_do_not_know() {
    let plain = config(json!({}));
    assert_eq!((plain.name.as_str(), plain.url.as_deref(), plain.alerts.flapping_seconds), ("main", None, 600));
    assert_eq!(config(serde_json::to_value(&plain).expect("JSON")), plain);
    for wrong in [
        json!({ "uri": "http://x" }),
        json!({ "alerts": { "window": 5 } }),
        json!({ "auth": { "token": "sesame" } }),
        json!({ "auth": { "bearer": "sesame" } }),
        json!({ "rules": [{ "alert": "A" }] }),
        json!({ "receive": {} }),
    ] {
        assert!(serde_json::from_value::<Config>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn settings_that_do_not_fit_are_told_before_anything_is_asked() {
    let reading = Reading::at(at(0), &NoVariables);
    let told = |settings: Value| open(config(settings)).request_plan(&reading).expect_err("it does not fit").to_string();
    let rule = json!([{ "alert": "A(", "service": { "name": "api" } }]);
    assert_eq!(told(json!({ "rules": rule })), "could not use `A(` as a regular expression");
    assert_eq!(told(json!({ "url": "http://x", "since": "yesterday" })), "could not use `since` of `prometheus:main`");
    assert_eq!(told(json!({ "url": "x" })), "could not use `url`");
}

#[test]
fn the_plan_says_what_would_be_asked() {
    let settings = config(json!({
        "url": "https://metrics.example/prometheus", "since": "2026-01-05T00:00:00Z",
        "auth": { "bearer": { "env": "NOT_SET" } },
        "alertmanager": { "url": "https://metrics.example/alertmanager", "filter": ["severity=\"page\""] },
        "series": [{ "name": "availability", "query": "job:up:avg" }],
    }));
    let expected = [
        "GET https://metrics.example/alertmanager/api/v2/alerts with filter=severity=\"page\"",
        "GET https://metrics.example/prometheus/api/v1/query with query=vector(1)",
        "GET https://metrics.example/prometheus/api/v1/query_range with query=count(count_over_time(up[120s])) \
         start=1767571320.000 end=1767657600.000 step=120",
        "GET https://metrics.example/prometheus/api/v1/query with query=ALERTS{alertstate=\"firing\"}[21600000ms] \
         time=1767592799.999",
        "and so on, `4` windows of alerts from 2026-01-05T00:00:00Z until 2026-01-06T00:00:00Z",
        "GET https://metrics.example/prometheus/api/v1/query_range with query=job:up:avg start=1767571200.000 \
         end=1767657240.000 step=60",
        "and so on, `1` chunks of the series `availability`",
    ];
    assert_eq!(plan(&settings, None, Range::default()), expected);
    let range = Range { since: Some(at(80_000)), until: Some(at(80_000)) };
    assert_eq!(plan(&settings, None, range).len(), 2, "an empty range asks for nothing");
    assert_eq!(plan(&config(json!({})), None, Range::default()), Vec::<String>::new());
}

#[test]
fn the_rule_file_keeps_what_is_configured() {
    let settings = config(json!({
        "url": "http://x", "alerts": { "matching": ["severity=\"page\""], "identity": ["service", "not-a-label"] },
        "rules": [{ "service": { "label": "team" } }],
        "series": [{ "name": "API availability", "query": "avg(up{job=\"api\"})" }],
    }));
    let expected = r#"groups:
  - name: "doracle-main"
    rules:
      - record: "doracle:presence"
        expr: "vector(1)"
      - record: "doracle:alerts_firing:count"
        expr: "count by (alertname, service, team) (ALERTS{alertstate=\"firing\",severity=\"page\"})"
      - record: "doracle:series:API_availability"
        expr: "avg(up{job=\"api\"})"
      - alert: "DoraclePresenceMissing"
        expr: "count_over_time(doracle:presence[15m]) < 2 or absent(doracle:presence)"
        for: "10m"
        labels:
          severity: "info"
        annotations:
          summary: "Rules were not evaluated: quiet alerts of this time are no evidence"
"#;
    assert_eq!(settings.recording_rules(), expected);
}

#[test]
fn external_labels_and_rules_shape_the_identity() {
    let settings = config(json!({
        "alerts": { "identity": ["service"], "external_labels": { "cluster": "eu-1", "replica": "a" } },
        "rules": [{ "labels": { "team": "a|b" }, "service": { "label": "service" }, "environment": { "label": "cluster" } }],
    }));
    let rules = crate::sources::prometheus::rules::Rules::new(&settings.rules).expect("the rules can be used");
    let identifying = crate::sources::prometheus::identifying(&settings, &rules);
    let labels = super::planted::labels;
    let series = labels(&[("alertname", "A"), ("service", "api"), ("pod", "x"), ("team", "")]);
    assert_eq!(identifying.identity(&series), labels(&[("alertname", "A"), ("cluster", "eu-1"), ("service", "api")]));
    let told = labels(&[("alertname", "A"), ("service", "api"), ("cluster", "us-2"), ("team", "b")]);
    let identity = identifying.identity(&told);
    assert_eq!(identity, labels(&[("alertname", "A"), ("cluster", "us-2"), ("service", "api"), ("team", "b")]));
    let verdict = rules.verdict(&identity);
    assert_eq!((verdict.service.as_deref(), verdict.environment.as_deref()), (Some("api"), Some("us-2")));
    // Without `team` the rule does not fit: nobody's incident.
    assert_eq!(rules.verdict(&identifying.identity(&series)).incident_after_seconds, None);
}

#[test]
fn two_sets_of_labels_have_two_ids() {
    use crate::sources::prometheus::rows::alert_id;
    let id = |pairs: &[(&str, &str)]| alert_id("main", &super::planted::labels(pairs));
    assert_ne!(id(&[("a", "1"), ("b", "2")]), id(&[("a", "1b=2")]));
    assert_ne!(id(&[("a", "1:b1:2")]), id(&[("a", "1"), ("b", "2")]));
    assert_eq!(id(&[("b", "2"), ("a", "1")]), id(&[("a", "1"), ("b", "2")]));
    assert!(id(&[]).starts_with("prometheus:main:") && id(&[]).len() == "prometheus:main:".len() + 16);
}
