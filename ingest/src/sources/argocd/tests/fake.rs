//! A fake Argo CD: a world of applications that change as a controller changes them, and an API server that answers by
//! the contract and refuses what a real one would refuse or obey wrongly.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use crate::loopback::{Asked, Loopback, Reply, SERVER_DATE};

/// The token that the fake accepts.
pub(super) const TOKEN: &str = "open-sesame-1001";

/// A time on Monday, 5 January 2026, as `hh:mm:ss`.
pub(super) fn at(time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(&format!("2026-01-05T{time}Z")).expect("a time of day").to_utc()
}

fn told(at: DateTime<Utc>) -> Value {
    json!(at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// A commit id that begins with a letter.
pub(super) fn commit(letter: char) -> String {
    std::iter::repeat_n(letter, 40).collect()
}

/// One application, as its controller keeps it.
#[derive(Clone, Debug)]
pub(super) struct App {
    pub(super) value: Value,
}

impl App {
    /// An application on cluster `eu`, made at midnight.
    pub(super) fn new(name: &str, uid: &str) -> Self {
        Self {
            value: json!({
                "metadata": {
                    "name": name, "namespace": "argocd", "uid": uid, "creationTimestamp": told(at("00:00:00")),
                    "resourceVersion": "1", "labels": {"team": "shop"}, "annotations": {},
                },
                "spec": {
                    "project": "default",
                    "destination": {"name": "eu", "namespace": "shop"},
                    "source": {"repoURL": "https://git.example.com/acme/deploy.git", "path": "api", "targetRevision": "main"},
                },
                "status": {
                    "health": {"status": "Missing", "lastTransitionTime": told(at("00:00:00"))},
                    "sync": {"status": "OutOfSync"},
                    "reconciledAt": told(at("00:00:00")),
                    "summary": {},
                    "resources": [{"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop", "name": name}],
                },
            }),
        }
    }

    /// With a field set, by its JSON pointer; what is on the way is made.
    pub(super) fn with(mut self, pointer: &str, value: Value) -> Self {
        self.set(pointer, value);
        self
    }

    /// Sets a field.
    pub(super) fn set(&mut self, pointer: &str, value: Value) {
        let mut place = &mut self.value;
        for part in pointer.trim_start_matches('/').split('/') {
            place = &mut place[part];
        }
        *place = value;
        self.touch();
    }

    fn touch(&mut self) {
        let version: u64 = self.value["metadata"]["resourceVersion"].as_str().unwrap_or("0").parse().expect("a number");
        self.value["metadata"]["resourceVersion"] = json!((version + 1).to_string());
    }

    fn sources(&self) -> (Value, Value) {
        (self.value["spec"]["source"].clone(), self.value["spec"]["sources"].clone())
    }

    /// What a sync to these revisions asks for, in the shape of history, operation and result alike.
    fn asked(&self, revisions: &[&str]) -> Value {
        let (source, sources) = self.sources();
        if sources.is_null() {
            json!({"revision": revisions[0], "source": source})
        } else {
            json!({"revisions": revisions, "sources": sources, "source": {"repoURL": ""}})
        }
    }

    /// Begins an operation, by hand where somebody is named.
    pub(super) fn begin(&mut self, start: &str, revisions: &[&str], by: Option<&str>) {
        let initiated_by = by.map_or_else(|| json!({"automated": true}), |name| json!({"username": name}));
        let mut sync = self.asked(revisions);
        sync.as_object_mut().expect("it is an object").retain(|name, _| name.starts_with("revision"));
        self.set(
            "/status/operationState",
            json!({"phase": "Running", "startedAt": told(at(start)), "operation": {"sync": sync, "initiatedBy": initiated_by}}),
        );
        self.set("/status/reconciledAt", told(at(start)));
    }

    /// Ends the operation; a success of a full sync goes into the history, which is trimmed to its limit.
    pub(super) fn end(&mut self, end: &str, phase: &str, message: &str) {
        let mut operation = self.value["status"]["operationState"].clone();
        let sync = operation["operation"]["sync"].clone();
        let revisions: Vec<String> = match sync["revisions"].as_array() {
            Some(revisions) => revisions.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            None => vec![sync["revision"].as_str().unwrap_or_default().to_owned()],
        };
        let asked = self.asked(&revisions.iter().map(String::as_str).collect::<Vec<_>>());
        operation["phase"] = json!(phase);
        operation["finishedAt"] = told(at(end));
        operation["message"] = json!(message);
        operation["syncResult"] = asked.clone();
        let is_full = sync["resources"].is_null() && sync["dryRun"] != json!(true);
        if phase == "Succeeded" && is_full {
            let mut history = self.value["status"]["history"].as_array().cloned().unwrap_or_default();
            let id = history.last().and_then(|last| last["id"].as_i64()).map_or(0, |last| last + 1);
            let mut entry = asked;
            entry["id"] = json!(id);
            entry["deployStartedAt"] = operation["startedAt"].clone();
            entry["deployedAt"] = told(at(end));
            entry["initiatedBy"] = operation["operation"]["initiatedBy"].clone();
            history.push(entry);
            let limit = self.value["spec"]["revisionHistoryLimit"].as_u64().unwrap_or(10);
            history.drain(..history.len().saturating_sub(usize::try_from(limit).expect("a small number")));
            self.set("/status/history", if history.is_empty() { Value::Null } else { json!(history) });
            self.set("/status/sync/status", json!("Synced"));
        }
        self.set("/status/operationState", operation);
        self.set("/status/reconciledAt", told(at(end)));
    }

    /// A whole sync of ten seconds that succeeds.
    pub(super) fn sync(&mut self, start: &str, revisions: &[&str]) {
        self.begin(start, revisions, None);
        let end = (at(start) + Duration::seconds(10)).format("%H:%M:%S").to_string();
        self.end(&end, "Succeeded", "successfully synced (all tasks run)");
    }

    /// Changes the health.
    pub(super) fn health(&mut self, time: &str, health: &str) {
        self.set("/status/health", json!({"status": health, "lastTransitionTime": told(at(time))}));
        self.set("/status/reconciledAt", told(at(time)));
    }
}

/// Everything the fake knows.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) apps: Vec<App>,
    /// What hangs below an application, by its name.
    pub(super) trees: BTreeMap<String, Value>,
    /// Living resources by application, kind and name.
    pub(super) resources: BTreeMap<(String, String, String), Value>,
    /// What is known of commits.
    pub(super) revisions: BTreeMap<String, Value>,
    /// The `ApplicationSets`, where the token may see them.
    pub(super) sets: Option<Vec<Value>>,
    /// The names of the projects, where the token may see them.
    pub(super) projects: Option<Vec<&'static str>>,
    /// What the stream tells, once for each time it is opened; then it is refused.
    pub(super) streams: Vec<Reply>,
    /// A prefix of all paths.
    pub(super) prefix: String,
    /// The server's clock, as a time of that Monday; eight in the morning where nothing is said.
    pub(super) clock: Option<&'static str>,
}

impl World {
    /// A world of these applications.
    pub(super) fn of(apps: impl IntoIterator<Item = App>) -> Self {
        Self { apps: apps.into_iter().collect(), ..Self::default() }
    }

    /// A server for this world, and a handle to change it.
    pub(super) async fn serve(self) -> (Loopback, Arc<Mutex<Self>>) {
        let world = Arc::new(Mutex::new(self));
        let shared = world.clone();
        (Loopback::start(move |asked| shared.lock().expect("no test panics with it").answer(asked)).await, world)
    }

    /// With the server's clock at a time of that Monday.
    pub(super) fn at(self, clock: &'static str) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// The answer to one request.
    pub(super) fn answer(&mut self, asked: &Asked) -> Reply {
        let date = self.clock.map_or(SERVER_DATE.to_owned(), |clock| format!("Mon, 05 Jan 2026 {clock} GMT"));
        let refuse = |status, why: &str| {
            Reply::status(status, json!({"error": why, "message": why, "code": 0}).to_string())
                .with("content-type", "application/json")
                .with("date", date.clone())
        };
        if asked.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return refuse(401, "no session information");
        }
        let Some(path) = asked.line.strip_prefix("GET ").and_then(|_| asked.path().strip_prefix(&self.prefix)) else {
            return refuse(404, "nothing is here");
        };
        let path = path.to_owned();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let (known, answered): (&[&str], _) = match parts.as_slice() {
            ["api", "v1", "applications"] => (LISTED, Ok(self.list(asked))),
            ["api", "v1", "applicationsets"] => (MADE, self.sets.as_ref().map(|sets| json!({"items": sets})).ok_or((403, "permission denied"))),
            ["api", "v1", "projects"] => {
                let named = |names: &Vec<&str>| names.iter().map(|name| json!({"metadata": {"name": name}, "spec": {}})).collect::<Vec<_>>();
                (&[], self.projects.as_ref().map(|names| json!({"items": named(names)})).ok_or((403, "permission denied")))
            }
            ["api", "v1", "stream", "applications"] => return self.stream(asked),
            ["api", "v1", "applications", name] => (NAMED, self.app(asked, name)),
            ["api", "v1", "applications", name, "resource-tree"] => {
                let tree = self.trees.get(*name).cloned().unwrap_or_else(|| json!({"nodes": null}));
                (NAMED, self.app(asked, name).map(|_| tree))
            }
            ["api", "v1", "applications", name, "resource"] => (RESOURCE, self.resource(asked, name)),
            ["api", "v1", "applications", name, "revisions", revision, "metadata"] => {
                (REVISION, self.app(asked, name).and_then(|_| self.revisions.get(*revision).cloned().ok_or((404, "unknown revision"))))
            }
            _ => (&[], Err((404, "Not Found"))),
        };
        if let Some(wrong) = unknown_field(asked, known) {
            return refuse(400, &format!("the field `{wrong}` is not for this request"));
        }
        match answered {
            Ok(value) => Reply::json(value.to_string()).with("date", date),
            Err((status, why)) => refuse(status, why),
        }
    }

    fn list(&self, asked: &Asked) -> Value {
        let projects = all(asked, "projects");
        let selector = asked.query("selector").and_then(|text| {
            text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()))
        });
        let namespace = asked.query("appNamespace");
        let fits = |app: &&App| {
            let value = &app.value;
            let project = value["spec"]["project"].as_str().unwrap_or_default();
            (projects.is_empty() || projects.contains(project))
                && selector.as_ref().is_none_or(|(key, label)| value["metadata"]["labels"][key] == json!(label))
                && namespace.as_ref().is_none_or(|namespace| value["metadata"]["namespace"] == json!(namespace))
        };
        let items: Vec<&Value> = self.apps.iter().filter(fits).map(|app| &app.value).collect();
        json!({"metadata": {"resourceVersion": "900"}, "items": if items.is_empty() { Value::Null } else { json!(items) }})
    }

    /// One application. Without its project nobody learns that it is missing.
    fn app(&self, asked: &Asked, name: &str) -> Result<Value, (u16, &'static str)> {
        let namespace = asked.query("appNamespace").unwrap_or_else(|| "argocd".to_owned());
        let found = self.apps.iter().find(|app| {
            app.value["metadata"]["name"] == json!(name) && app.value["metadata"]["namespace"] == json!(namespace)
        });
        match (found, asked.query("project")) {
            (Some(app), project) if project.as_ref().is_none_or(|project| app.value["spec"]["project"] == json!(project)) => {
                Ok(app.value.clone())
            }
            (None, Some(_)) => Err((404, "applications.argoproj.io not found")),
            _ => Err((403, "permission denied")),
        }
    }

    fn resource(&self, asked: &Asked, name: &str) -> Result<Value, (u16, &'static str)> {
        self.app(asked, name)?;
        let field = |field: &str| asked.query(field).unwrap_or_default();
        if field("version").is_empty() || field("group").is_empty() {
            return Err((400, "a resource has a group and a version"));
        }
        let key = (name.to_owned(), field("kind"), field("resourceName"));
        let manifest = self.resources.get(&key).ok_or((404, "resource not found"))?;
        Ok(json!({"manifest": manifest.to_string()}))
    }

    fn stream(&mut self, asked: &Asked) -> Reply {
        if asked.header("accept") != Some("text/event-stream") || unknown_field(asked, LISTED).is_some() {
            return Reply::status(400, "");
        }
        if self.streams.is_empty() { Reply::status(501, "") } else { self.streams.remove(0) }
    }
}

/// What each request may name. `refresh` is in none: it would make the server work.
const LISTED: &[&str] = &["projects", "selector", "appNamespace"];
const MADE: &[&str] = &["projects", "appsetNamespace"];
const NAMED: &[&str] = &["appNamespace", "project"];
const RESOURCE: &[&str] = &["appNamespace", "project", "namespace", "resourceName", "version", "group", "kind"];
const REVISION: &[&str] = &["appNamespace", "project", "sourceIndex", "versionId"];

fn fields(asked: &Asked) -> Vec<(String, String)> {
    let query = asked.line.split_once('?').map_or("", |(_, query)| query);
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn all(asked: &Asked, name: &str) -> BTreeSet<String> {
    fields(asked).into_iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect()
}

fn unknown_field(asked: &Asked, known: &[&str]) -> Option<String> {
    fields(asked).into_iter().map(|(name, _)| name).find(|name| !known.contains(&name.as_str()))
}

/// The stream as the server would send it: frames with a sign of life before each, and then its end.
pub(super) fn frames(events: &[(&str, &App)]) -> Reply {
    let frame = |(kind, app): &(&str, &App)| {
        format!(":\n\ndata: {}\n\n", json!({"result": {"type": kind, "application": app.value}}))
    };
    Reply::status(200, events.iter().map(frame).collect::<Vec<_>>().concat()).with("content-type", "text/event-stream")
}
