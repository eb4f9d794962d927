//! Parsers, with literal tables and properties.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::sources::argocd::charts::findings;
use crate::sources::argocd::events::{Event, event};
use crate::sources::argocd::image::Image;
use crate::sources::argocd::list::{application, items};
use crate::sources::argocd::parts::repository_path;
use crate::sources::argocd::rows::Setup;
use crate::sources::argocd::values::yaml;
use crate::sources::argocd::wire::Source as Wired;

#[test]
fn images_are_taken_apart() {
    let cases = [
        ("api", "api - -"),
        ("api:v1", "api v1 -"),
        ("reg:5000/acme/api", "reg:5000/acme/api - -"),
        ("reg:5000/acme/api:v1", "reg:5000/acme/api v1 -"),
        ("reg/api@sha256:ff", "reg/api - sha256:ff"),
        ("reg:5000/api:v1@sha256:ff", "reg:5000/api v1 sha256:ff"),
        (" reg/api:v1\n", "reg/api v1 -"),
    ];
    for (text, expected) in cases {
        let image = Image::parse(text).expect(text);
        let known = |text: &Option<String>| text.clone().unwrap_or("-".into());
        assert_eq!(format!("{} {} {}", image.name, known(&image.tag), known(&image.digest)), expected);
    }
    for text in ["", "  ", "a b", "reg/", "@sha256:ff", "api@latest"] {
        assert_eq!(Image::parse(text), None, "{text:?}");
    }
}

#[test]
fn repositories_are_named_by_their_path() {
    let cases = [
        ("https://github.com/acme/shop.git", "acme/shop"),
        ("https://user@git.example.com:8443/acme/shop/", "acme/shop"),
        ("git@github.com:acme/shop.git", "acme/shop"),
        ("ssh://git@git.example.com:22/acme/shop.git", "acme/shop"),
        ("git.example.com:acme/shop", "acme/shop"),
        ("registry.example.com/charts", "charts"),
        ("shop", "shop"),
    ];
    for (url, path) in cases {
        assert_eq!(repository_path(url), path, "{url}");
    }
}

#[test]
fn rules_decide_field_by_field() {
    let more = json!({
        "environment": "unsaid",
        "targets": {"https://10.0.0.1:6443": "asia"},
        "rules": [
            {"labels": {"env": "^(?P<environment>prod|staging)$"}},
            {"name": "^(?P<service>[a-z]+)-(?P<target>eu|us)$"},
            {"project": "^platform$", "service": "platform"},
            {"application_set": "^(?P<service>.+)$"},
            {"cluster": "^asia$", "environment": "asian"},
        ],
    });
    let setup = Setup::new(&config("https://argocd.example", more)).expect("the settings are right");
    let place = |change: &[(&str, Value)]| {
        let mut app = super::fake::App::new("api-eu", "1");
        for (pointer, value) in change {
            app.set(pointer, value.clone());
        }
        let place = setup.place(&application(app.value, "it").expect("it is one"));
        format!("{} {} {}", place.service.unwrap_or_default(), place.environment.unwrap_or_default(), place.target)
    };
    assert_eq!(place(&[]), "api unsaid eu");
    assert_eq!(place(&[("/metadata/labels/env", json!("prod")), ("/spec/project", json!("platform"))]), "api prod eu");
    assert_eq!(place(&[("/metadata/name", json!("monitor")), ("/spec/project", json!("platform"))]), "platform unsaid eu");
    let set = json!([{"kind": "ApplicationSet", "name": "cart"}]);
    assert_eq!(place(&[("/metadata/name", json!("x")), ("/metadata/ownerReferences", set)]), "cart unsaid eu");
    let asia = json!({"server": "https://10.0.0.1:6443"});
    assert_eq!(place(&[("/metadata/name", json!("x")), ("/spec/destination", asia)]), "x asian asia");
    let own = json!({"server": "https://kubernetes.default.svc"});
    assert_eq!(place(&[("/metadata/name", json!("x")), ("/spec/destination", own)]), "x unsaid in-cluster");
    let other = json!({"server": "https://k8s.example.com:6443"});
    assert_eq!(place(&[("/metadata/name", json!("x")), ("/spec/destination", other)]), "x unsaid k8s.example.com");
    let broken = Setup::new(&config("https://argocd.example", json!({"rules": [{"name": "("}]})));
    assert_eq!(broken.err().map(|error| error.to_string()).as_deref(), Some("could not understand the pattern `(`"));
}

#[test]
fn the_list_is_read_item_by_item() {
    let good = json!({"metadata": {"name": "a", "uid": "1", "labels": null}, "spec": null, "status": {"history": null}});
    let body = json!({"kind": "List", "items": [good, 7, {"metadata": {"name": "b"}}], "metadata": {"resourceVersion": "1"}});
    let read = items(body.to_string().as_bytes()).expect("it is a list");
    assert!(read[0].is_ok());
    assert!(read[1].as_ref().is_err_and(|why| why.starts_with("item 1 (`?/?`) is no application: ")));
    assert!(read[2].as_ref().is_err_and(|why| why == "item 2 (`?/b`) is no application: missing field `uid`"));
    assert!(items(b"{\"items\":null}").expect("it is an empty list").is_empty());
    for body in ["{}", "[]", "null", "{\"items\":{}}", "{\"items\":[]}x"] {
        assert!(items(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn the_stream_is_read_in_both_its_forms() {
    let app = super::fake::App::new("api-eu", "1").value;
    let bare = |kind: &str| json!({"result": {"type": kind, "application": app}}).to_string();
    assert!(matches!(event(bare("ADDED").as_bytes()), Event::Changed(_)));
    assert!(matches!(event(format!("data: {}", bare("MODIFIED")).as_bytes()), Event::Changed(_)));
    assert!(matches!(event(format!("data:{}", bare("DELETED")).as_bytes()), Event::Deleted(_)));
    assert!(matches!(event(b":"), Event::Alive));
    for quiet in ["", "event: message", "id: 5", "data:"] {
        assert!(matches!(event(quiet.as_bytes()), Event::Nothing), "{quiet}");
    }
    let refused = event(br#"data: {"error":{"code":16,"message":"token expired"}}"#);
    assert!(matches!(refused, Event::Refused(why) if why == "token expired"));
    for broken in ["data: {", "{\"result\":{}}", "data: 5", "{\"result\":{\"type\":\"ADDED\",\"application\":{}}}"] {
        assert!(matches!(event(broken.as_bytes()), Event::Malformed(_)), "{broken}");
    }
}

#[test]
fn values_are_read_as_far_as_they_are_plain() {
    let text = r#"
prometheus:            # a comment
  prometheusSpec:
    retention: "30d"
    image: 'it''s'
    empty: {}
    list: ["a", 2]
  note: |
    retention: 1d
      deeper
alertmanager:
  config:
    route:
      receiver: team
      routes:
      - receiver: nobody
        matchers: [ "a=b" ]
    receivers:
      - name: team
        webhook_configs:
          - url: http://x#y
      -
        name: nobody
"#;
    let scalars: Vec<String> = yaml(text).expect("it is plain").into_iter().map(|(path, value)| format!("{path}={value}")).collect();
    assert_eq!(
        scalars,
        [
            "alertmanager.config.receivers[0].name=team",
            "alertmanager.config.receivers[0].webhook_configs[0].url=http://x#y",
            "alertmanager.config.receivers[1].name=nobody",
            "alertmanager.config.route.receiver=team",
            "alertmanager.config.route.routes[0].matchers[0]=a=b",
            "alertmanager.config.route.routes[0].receiver=nobody",
            "prometheus.prometheusSpec.empty={}",
            "prometheus.prometheusSpec.image=it's",
            "prometheus.prometheusSpec.list[0]=a",
            "prometheus.prometheusSpec.list[1]=2",
            "prometheus.prometheusSpec.retention=30d",
        ]
    );
    for beyond in ["a: &x 1", "a: *x", "a: !tag b", "? a", "a: {b: c}", "just words"] {
        assert_eq!(yaml(beyond), None, "{beyond}");
    }
}

/// Findings of a chart as `input provided`.
fn found(chart: &str, helm: Value) -> Vec<String> {
    let source: Wired = serde_json::from_value(json!({"repoURL": "r", "chart": chart, "helm": helm})).expect("a source");
    let said = |is_provided: Option<bool>| is_provided.map_or("?".to_owned(), |is| is.to_string());
    findings(&source)
        .iter()
        .map(|finding| {
            assert_eq!(finding.remedy.is_some(), finding.is_provided != Some(true), "{finding:?}");
            format!("{} {}", finding.input, said(finding.is_provided))
        })
        .collect()
}

#[test]
fn charts_say_what_they_provide() {
    assert_eq!(found("kube-prometheus-stack", json!({})), ["retention false", "scrape false", "alerts false"]);
    assert_eq!(found("kube-prometheus-stack", json!({"valueFiles": ["v.yaml"]})), ["retention ?", "scrape ?", "alerts ?"]);
    let open = json!({"values": "prometheus:\n  prometheusSpec:\n    retention: 90d\n    serviceMonitorSelectorNilUsesHelmValues: false\nalertmanager:\n  enabled: false\n"});
    assert_eq!(found("kube-prometheus-stack", open), ["retention true", "scrape true"]);
    let config = |receiver: &str| {
        json!({"valuesObject": {"config": {
            "route": {"receiver": receiver},
            "receivers": [{"name": "null"}, {"name": "team", "webhook_configs": [{"url": "http://x"}]}],
        }}})
    };
    assert_eq!(found("alertmanager", config("team")), ["alerts true"]);
    assert_eq!(found("alertmanager", config("null")), ["alerts false"]);
    let parameters = json!({"parameters": [{"name": "server.retention", "value": "400h"}, {"name": "serverFiles.prometheus.yml.scrape_configs", "value": "[]"}, {"name": "alertmanager.enabled", "value": "false"}]});
    assert_eq!(found("prometheus", parameters), ["retention false", "scrape false"]);
    let argo = json!({"valuesObject": {"notifications": {"notifiers": {"service.webhook.doracle": "url: x"}}, "controller": {"metrics": {"enabled": true, "serviceMonitor": {"enabled": true}}}}});
    assert_eq!(found("argo-cd", argo), ["notifications true", "sync_counter true"]);
    assert_eq!(found("argo-cd", json!({"valuesObject": {"notifications": {"enabled": false}}})), ["notifications false", "sync_counter false"]);
    assert!(found("podinfo", json!({})).is_empty());
}

#[test]
fn the_plan_names_requests_and_asks_nothing() {
    let more = json!({"projects": ["a", "b"], "selector": "team=shop", "follow_seconds": 60, "token": {"env": "UNSET"}});
    let source = open(config("https://tools.example.com/argo-cd/", more));
    let plan = source.request_plan(&Reading::at(now(), &NoVariables)).expect("the settings are right");
    assert_eq!(
        plan,
        [
            "GET https://tools.example.com/argo-cd/api/v1/applications?projects=a&projects=b&selector=team%3Dshop",
            "GET https://tools.example.com/argo-cd/api/v1/stream/applications?projects=a&projects=b&selector=team%3Dshop (for 60 s)",
        ]
    );
}

proptest! {
    #[test]
    fn nothing_breaks_the_parsers(text in ".{0,200}") {
        drop(yaml(&text));
        drop(Image::parse(&text));
        drop(event(text.as_bytes()));
        drop(items(text.as_bytes()));
        let path = repository_path(&text);
        prop_assert!(text.contains(&path));
    }

    #[test]
    fn scalars_come_back_by_their_path(pairs in prop::collection::btree_map("[a-z]{1,6}", "[a-z0-9./-]{0,6}[a-z0-9]", 1..6)) {
        let nested: Vec<String> = pairs.iter().map(|(key, value)| format!("outer{key}:\n    {key}: {value}\n")).collect();
        let expected: BTreeMap<String, String> = pairs.iter().map(|(key, value)| (format!("outer{key}.{key}"), value.clone())).collect();
        prop_assert_eq!(yaml(&nested.concat()), Some(expected));
    }

    #[test]
    fn an_image_reads_back(name in "[a-z]{1,5}(:[0-9]{2,4}/[a-z]{1,5}|/[a-z]{1,5}){0,1}", tag in "[a-z0-9]{1,8}", digest in "[0-9a-f]{4}") {
        for text in [format!("{name}:{tag}"), format!("{name}@sha256:{digest}")] {
            prop_assert_eq!(Image::parse(&text).map(|image| image.key()), Some(text));
        }
    }
}
