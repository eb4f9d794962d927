//! Deliveries, as GitHub posts them.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::super::config::Receive;
use super::super::webhook::is_signed;
use super::*;
use crate::Secret;
use crate::receive::{Delivery, Receiver, Refused};

const SECRET: &str = "It's a Secret to Everybody";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().expect("a name"), HeaderValue::from_str(value).expect("a value"))
    };
    pairs.iter().map(pair).collect()
}

fn signature(body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    mac.update(body);
    let digits = mac.finalize().into_bytes().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let hex: String = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
    format!("sha256={hex}")
}

fn hook() -> Box<dyn Receiver> {
    let config = Config {
        organisation: Some("acme".to_owned()),
        incidents: Some(IncidentRules::default()),
        receive: Some(Receive { path: None, secret: SecretFrom::Env("HOOK".to_owned()) }),
        ..Config::default()
    };
    let mut hook =
        crate::sources::github::open(config).receiver().expect("it can be used").expect("it takes deliveries");
    hook.arm(&variables()).expect("the secret is there");
    hook
}

fn repository() -> Value {
    json!({"id": 11, "full_name": "acme/api", "default_branch": "main", "archived": false, "fork": false})
}

/// Delivers, and gives what was kept.
fn deliver(event: &str, body: &[u8], kind: &str) -> Result<Done, Refused> {
    let hook = hook();
    let signed = signature(body);
    let headers = headers(&[("x-github-event", event), ("x-hub-signature-256", &signed), ("content-type", kind)]);
    let now = Instant::from_seconds(story::hour(300));
    let mut sink = Sink::into_memory_often(&hook.stream(), hook.fills(), now);
    hook.accept(&Delivery { headers: &headers, body, received_at: now }, &mut sink)?;
    let (batches, cursor) = sink.committed(true);
    Ok(Done { batches, cursor, gaps: Vec::new(), waits: Pause::noted().1, error: None })
}

fn json_delivery(event: &str, body: &Value) -> Done {
    deliver(event, body.to_string().as_bytes(), "application/json").expect("it is taken")
}

fn deployment_status(state: &str, minute: u32) -> Value {
    json!({"action": "created", "repository": repository(),
        "deployment": {"id": 42, "sha": "f00", "environment": "production", "created_at": "2026-01-05T08:00:00Z",
            "creator": {"login": "ada", "type": "User"}},
        "deployment_status": {"id": 7, "state": state, "environment": "production",
            "created_at": format!("2026-01-05T08:{minute:02}:00Z")}})
}

#[test]
fn the_signature_of_the_manual_is_right_and_any_other_is_not() {
    let secret = Secret::new(SECRET);
    let of = |text: &str| is_signed(&headers(&[("x-hub-signature-256", text)]), b"Hello, World!", &secret);
    let right = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert!(of(&format!("sha256={right}")));
    assert!(!of(right), "the method has to be named");
    assert!(!of(&format!("sha256={}8", &right[..63])));
    assert!(!of(&format!("sha256={}", &right[..62])));
    assert!(!of("sha256=") && !of("sha256=zz") && !of("sha256=7é"));
    assert!(!is_signed(&HeaderMap::new(), b"Hello, World!", &secret));
}

#[test]
fn who_does_not_sign_is_refused_before_anything_is_read() {
    let hook = hook();
    let forged = headers(&[("x-github-event", "ping"), ("x-hub-signature-256", "sha256=00")]);
    let mut sink = Sink::into_memory(&hook.stream(), hook.fills(), Instant(0));
    let refused = hook.accept(&Delivery { headers: &forged, body: b"{", received_at: Instant(0) }, &mut sink);
    assert!(matches!(refused, Err(Refused::Unauthorised)));
    assert_eq!(sink.summary().page_count, 0);
    assert_eq!(hook.path(), "/github/acme");
}

#[test]
fn a_status_makes_a_deployment_that_a_reading_takes_the_place_of() {
    let done = json_delivery("deployment_status", &deployment_status("success", 5));
    let [row] = done.rows::<deployments::Row>().try_into().expect("one row");
    assert_eq!((row.status.as_str(), row.deployment_id.as_str()), ("success", "github:acme/api:deployment:42"));
    assert_eq!(row.finished_at, Instant::parse("2026-01-05T08:05:00Z").ok());
    assert_eq!(row.updated_at, Instant::parse("2026-01-05T08:00:00Z").ok(), "before any status");
    let failed = json_delivery("deployment_status", &deployment_status("failure", 3));
    let asked = json_delivery("deployment", &deployment_status("ignored", 0));
    for order in [[&done, &failed], [&failed, &done]] {
        let held = tables(&order);
        assert!(held["deployments"][0].contains("\"success\""), "in whatever order they come");
    }
    drop(asked);
    let inactive = json_delivery("deployment_status", &deployment_status("inactive", 9));
    assert!(inactive.rows::<deployments::Row>().is_empty(), "it says nothing of whether it succeeded");
}

#[test]
fn a_delivery_that_comes_again_changes_nothing() {
    let once = json_delivery("deployment_status", &deployment_status("success", 5));
    let again = json_delivery("deployment_status", &deployment_status("success", 5));
    assert_eq!(tables(&[&once, &again]), tables(&[&once]));
}

#[test]
fn a_form_is_read_as_its_payload() {
    let payload = deployment_status("success", 5).to_string();
    let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload).finish();
    let of_form =
        deliver("deployment_status", form.as_bytes(), "application/x-www-form-urlencoded").expect("it is taken");
    let plain = json_delivery("deployment_status", &deployment_status("success", 5));
    assert_eq!(tables(&[&of_form]), tables(&[&plain]));
}

#[test]
fn what_is_not_read_is_taken_and_forgotten() {
    let ping = json!({"zen": "Design for failure.", "hook_id": 1, "repository": repository()});
    for event in ["ping", "star", "something_new"] {
        let done = json_delivery(event, &ping);
        assert!(tables(&[&done]).values().all(Vec::is_empty), "{event}");
    }
    let mut elsewhere = deployment_status("success", 5);
    elsewhere["repository"]["fork"] = json!(true);
    assert!(json_delivery("deployment_status", &elsewhere).rows::<deployments::Row>().is_empty(), "forks are not read");
    let refused =
        deliver("deployment_status", br#"{"repository":{"id":1,"full_name":"acme/api"}}"#, "application/json");
    assert!(matches!(refused, Err(Refused::Unusable(why)) if why.starts_with("`deployment`: ")));
    assert!(matches!(deliver("ping", b"no JSON", "application/json"), Err(Refused::Unusable(_))));
}

#[test]
fn pull_requests_reviews_issues_and_runs_make_rows() {
    let pull = json!({"number": 12, "title": "Do it", "body": null, "user": {"login": "ada", "type": "User"},
        "labels": [], "created_at": "2026-01-05T08:00:00Z", "updated_at": "2026-01-05T09:00:00Z",
        "closed_at": "2026-01-05T09:00:00Z", "merged_at": "2026-01-05T09:00:00Z", "merge_commit_sha": "f00",
        "base": {"ref": "main"}});
    let told = json!({"action": "closed", "repository": repository(), "pull_request": pull});
    let done = json_delivery("pull_request", &told);
    let [row] = done.rows::<changes::Row>().try_into().expect("one row");
    assert_eq!((row.change_id.as_str(), row.first_commit_basis.as_str()), ("#12", "opened"));
    assert_eq!(row.merge_commit_sha.as_deref(), Some("f00"));
    let just_before = Instant::parse("2026-01-05T09:00:00Z").expect("a time").0 - 1;
    assert_eq!(row.updated_at, Some(Instant(just_before)), "a reading of the same state takes its place");
    let review = json!({"id": 5, "state": "approved", "user": {"login": "grace", "type": "User"},
        "submitted_at": "2026-01-05T08:30:00Z", "commit_id": "f00"});
    let told = json!({"action": "submitted", "repository": repository(), "pull_request": pull, "review": review});
    let [event] =
        json_delivery("pull_request_review", &told).rows::<pull_request_events::Row>().try_into().expect("one row");
    assert_eq!((event.event_id.as_str(), event.kind.as_str()), ("review 5", "approved"));
    let issue = json!({"number": 20, "title": "Slow", "labels": [{"name": "incident"}], "state": "open",
        "created_at": "2026-01-05T08:00:00Z", "updated_at": "2026-01-05T10:00:00Z", "closed_at": null});
    let told = json!({"action": "labeled", "repository": repository(), "issue": issue, "label": {"name": "incident"}});
    let [incident] = json_delivery("issues", &told).rows::<incidents::Row>().try_into().expect("one row");
    assert_eq!(incident.opened_at, Instant::parse("2026-01-05T10:00:00Z").expect("a time"), "when it got the label");
    let run = json!({"id": 9, "name": "CI", "head_sha": "f00", "status": "completed", "conclusion": "success",
        "run_attempt": 2, "created_at": "2026-01-05T08:00:00Z", "updated_at": "2026-01-05T08:10:00Z"});
    let told = json!({"action": "completed", "repository": repository(), "workflow_run": run});
    let [check] = json_delivery("workflow_run", &told).rows::<check_runs::Row>().try_into().expect("one row");
    assert_eq!((check.attempt, check.conclusion.as_deref()), (2, Some("success")));
}
