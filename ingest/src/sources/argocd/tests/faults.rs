//! What goes wrong on the way changes nothing of what is read, or is said.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use lake::{AsOf, Lake, canonical, tables};
use serde_json::json;

use super::fake::{App, TOKEN, World, commit};
use super::*;
use crate::loopback::{Asked, Reply, SERVER_DATE};

fn token() -> BTreeMap<String, String> {
    BTreeMap::from([("ARGOCD_TOKEN".to_owned(), TOKEN.to_owned())])
}

pub(super) fn settings() -> Value {
    json!({"token": {"env": "ARGOCD_TOKEN"}, "revision_references": true})
}

/// A world with everything that makes requests.
pub(super) fn world() -> World {
    let mut api = App::new("api-eu", "1");
    api.sync("05:00:00", &[&commit('a')]);
    api.sync("06:00:00", &[&commit('b')]);
    let rollout = json!({"group": "argoproj.io", "version": "v1alpha1", "kind": "Rollout", "namespace": "shop", "name": "web"});
    let mut web = App::new("web-eu", "2").with("/status/resources", json!([rollout]));
    web.sync("06:30:00", &[&commit('c')]);
    let mut world = World::of([api, web]);
    world.trees.insert("web-eu".to_owned(), json!({"nodes": [rollout]}));
    let manifest = json!({
        "metadata": {"name": "web", "annotations": {"rollout.argoproj.io/revision": "2"}},
        "spec": {"strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}}},
        "status": {"abort": true, "abortedAt": "2026-01-05T06:40:00Z", "currentPodHash": "n", "stableRS": "o",
            "canary": {"weights": {"canary": {"weight": 20}}}},
    });
    world.resources.insert(("web-eu".to_owned(), "Rollout".to_owned(), "web".to_owned()), manifest);
    for letter in ['a', 'b', 'c'] {
        let reference = json!({"commit": {"sha": commit(letter), "repoUrl": "https://git.example.com/acme/api.git"}});
        world.revisions.insert(commit(letter), json!({"author": "x", "references": [reference]}));
    }
    world
}

async fn undisturbed() -> Tables {
    let (server, _) = world().serve().await;
    read_all(&server).await.expect("nothing is wrong")
}

async fn read_all(server: &Loopback) -> Result<Tables, SourceError> {
    let source = open(config(&server.base(), settings()));
    let variables = token();
    let (sink, result) = read(&source, Reading::at(now(), &variables), &Silent).await;
    result?;
    let mut tables = Tables::default();
    tables.add(&sink);
    Ok(tables)
}

/// A server that answers the `number`th request with `reply`, and all others as it should.
async fn disturbed(number: usize, reply: Reply) -> Loopback {
    let state = Mutex::new((world(), 0));
    Loopback::start(move |asked: &Asked| {
        let mut state = state.lock().expect("no test panics with it");
        state.1 += 1;
        if state.1 == number + 1 { reply.clone() } else { state.0.answer(asked) }
    })
    .await
}

/// A server that answers requests whose path ends like that with `reply`, and all others as it should.
async fn disturbed_at(end: &'static str, reply: Reply) -> Loopback {
    let world = Mutex::new(world());
    Loopback::start(move |asked: &Asked| {
        let is_disturbed = asked.path().ends_with(end);
        if is_disturbed { reply.clone() } else { world.lock().expect("no test panics with it").answer(asked) }
    })
    .await
}

#[tokio::test]
async fn faults_that_pass_leave_no_trace() {
    let expected = undisturbed().await;
    assert_eq!(
        expected.words("deployments", &["service", "status", "reached_users"]),
        ["api success null", "api success null", "web failure true"]
    );
    assert_eq!(
        expected.words("image_revisions", &["image", "repository", "commit_sha", "method"]),
        ['a', 'b', 'c'].map(|letter| {
            let part = commit(letter)[..12].to_owned();
            format!("config:acme/deploy@{part} acme/api {} revision_metadata", commit(letter))
        })
    );
    let faults = [
        Reply::status(429, "").with("retry-after", "1"),
        Reply::status(500, "x"),
        Reply::status(502, "<html>").with("content-type", "text/html"),
        Reply::status(503, "").with("retry-after", "2"),
        Reply::Reset,
        Reply::Stuck,
        Reply::Truncated { promised: 9999, body: b"{\"items\":[".to_vec() },
        Reply::json("{\"items\":["),
        Reply::status(200, "<html>sign in</html>").with("content-type", "text/html"),
    ];
    for fault in faults {
        // The list, the references, the tree and the resource.
        for number in [0, 1, 3, 4] {
            let told = format!("request {number}: {fault:?}");
            let server = disturbed(number, fault.clone()).await;
            let seen = read_all(&server).await.unwrap_or_else(|error| panic!("{told}: {error}: {}", error.kind));
            assert_eq!(seen, expected, "{told}");
        }
    }
}

#[tokio::test]
async fn a_token_that_is_refused_ends_the_reading_and_is_not_shown() {
    let (server, _) = world().serve().await;
    let source = open(config(&server.base(), settings()));
    let variables = BTreeMap::from([("ARGOCD_TOKEN".to_owned(), "wrong-sesame".to_owned())]);
    let (_, result) = read(&source, Reading::at(now(), &variables), &Silent).await;
    let error = result.expect_err("it is refused");
    assert_eq!(error.to_string(), "could not list the applications of `shop`");
    assert_eq!(error.code(), "ingest::auth");
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("generate-token")));
    assert!(!format!("{error:?}{}", error.kind).contains("sesame"));
}

#[tokio::test]
async fn a_redirect_to_another_host_gets_no_token() {
    let elsewhere = Loopback::script(vec![Reply::json("{\"items\":null}")]).await;
    let server = disturbed(0, Reply::status(302, "").with("location", format!("{}/api", elsewhere.base()))).await;
    let error = read_all(&server).await.expect_err("it leads elsewhere");
    assert_eq!(error.code(), "ingest::other_host");
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn what_is_refused_for_one_application_is_a_gap_and_the_rest_is_read() {
    let refused = Reply::status(403, "{}").with("content-type", "application/json");
    let server = disturbed_at("/resource-tree", refused).await;
    let seen = read_all(&server).await.expect("the list was read");
    let words = seen.words("deployments", &["service", "status"]);
    assert_eq!(words, ["api success", "api success", "web success"], "nobody said that it was given up");
    let gaps: Vec<Value> = seen.rows("coverage").into_iter().filter(|row| row["is_complete"] == json!(false)).collect();
    assert!(gaps.iter().any(|row| row["service"] == json!("web") && row["reason"].as_str().is_some_and(|why| why.contains("403"))), "{gaps:?}");
}

#[tokio::test]
async fn an_item_that_is_no_application_is_named_and_the_others_are_read() {
    let mut world = World::of([App::new("api-eu", "1"), App::new("web-eu", "2")]);
    world.apps[0].sync("05:00:00", &[&commit('a')]);
    world.apps[1].set("/status/history", json!([{"id": "x", "deployedAt": 5}]));
    let (server, _) = world.serve().await;
    let gaps = Gaps::default();
    let source = open(config(&server.base(), json!({"token": {"env": "ARGOCD_TOKEN"}})));
    let variables = token();
    let (sink, result) = read(&source, Reading::at(now(), &variables), &gaps).await;
    result.expect("the others are read");
    assert_eq!(sink.kept::<tables::deployments::Row>().expect("rows").len(), 1);
    let gaps = gaps.0.lock().expect("no test panics with it").clone();
    assert!(gaps.len() == 1 && gaps[0].starts_with("item 1 (`argocd/web-eu`) is no application: "), "{gaps:?}");
}

#[tokio::test]
async fn items_in_another_order_and_twice_give_the_same() {
    let expected = undisturbed().await;
    let mut other = world();
    other.apps.reverse();
    let again = other.apps[0].clone();
    other.apps.push(again);
    let (server, _) = other.serve().await;
    assert_eq!(read_all(&server).await.expect("it is read"), expected);
}

#[tokio::test]
async fn what_is_gone_keeps_its_rows_and_its_coverage_ends() {
    let (server, shared) = world().at("07:00:00").serve().await;
    let source = open(config(&server.base(), json!({"token": {"env": "ARGOCD_TOKEN"}, "rollouts": "off"})));
    let variables = token();
    let (sink, cursor) = read(&source, Reading::at(now(), &variables), &Silent).await;
    let mut tables = Tables::default();
    tables.add(&sink);
    {
        let mut world = shared.lock().expect("no test panics with it");
        world.apps.remove(1);
        world.clock = Some("07:30:00");
    }
    let cursor = cursor.expect("it was read");
    for _ in 0..2 {
        let reading = Reading { cursor: Some(&cursor), ..Reading::at(now(), &variables) };
        let (sink, result) = read(&source, reading, &Silent).await;
        result.expect("what is gone is no error");
        tables.add(&sink);
    }
    assert_eq!(tables.words("deployments", &["service"]), ["api", "api", "web"]);
    let ends: Vec<String> = tables
        .rows("coverage")
        .into_iter()
        .filter(|row| row["covers"] == json!("deployments") && row["range_end_at"] != Value::Null)
        .map(|row| format!("{} {}", row["service"], row["range_end_at"]))
        .collect();
    assert_eq!(ends, [r#""api" "2026-01-05T07:30:00.000000Z""#, r#""web" "2026-01-05T07:00:00.000000Z""#]);
    let asked: Vec<String> = server.asked().iter().map(|asked| asked.line.clone()).collect();
    assert!(asked.contains(&"GET /api/v1/applications/web-eu?appNamespace=argocd&project=default".to_owned()), "{asked:?}");
}

#[tokio::test]
async fn a_reading_that_breaks_off_at_any_request_is_made_good_by_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let expected = lake_tables(&folder.path().join("whole"), &[None]).await;
    for request in 0..7 {
        let path = folder.path().join(format!("broken {request}"));
        assert_eq!(lake_tables(&path, &[Some(request), None]).await, expected, "broken at request {request}");
    }
}

/// The tables of a lake after one reading each; one that is to break is refused from its `n`th request on.
async fn lake_tables(path: &std::path::Path, broken: &[Option<usize>]) -> BTreeMap<&'static str, Vec<String>> {
    let lake = Lake::open_or_create(&lake::Location::parse(&path.display().to_string(), &BTreeMap::new()).expect("a path")).await.expect("a lake");
    for broken in broken {
        let state = Arc::new(Mutex::new((world(), 0)));
        let broken = *broken;
        let server = Loopback::start(move |asked: &Asked| {
            let mut state = state.lock().expect("no test panics with it");
            state.1 += 1;
            let refused = Reply::status(501, "").with("date", SERVER_DATE);
            if broken.is_some_and(|broken| state.1 > broken) { refused } else { state.0.answer(asked) }
        })
        .await;
        let source = open(config(&server.base(), settings()));
        let variables = token();
        let result = crate::ingest(&source, &lake, &Reading::at(now(), &variables), &Silent).await;
        assert!(result.is_ok() || broken == Some(0), "only without the list nothing can be read");
    }
    let snapshot = lake.snapshot(AsOf::Latest).await.expect("a snapshot");
    let mut lines = BTreeMap::new();
    lines.insert("deployments", of::<tables::deployments::Row>(&snapshot).await);
    lines.insert("health_transitions", of::<tables::health_transitions::Row>(&snapshot).await);
    lines.insert("inventory", of::<tables::inventory::Row>(&snapshot).await);
    lines.insert("image_revisions", of::<tables::image_revisions::Row>(&snapshot).await);
    lines.insert("coverage", of::<tables::coverage::Row>(&snapshot).await);
    lines
}

async fn of<R: TableRow>(snapshot: &lake::Snapshot) -> Vec<String> {
    let rows: Vec<R> = snapshot.rows().await.expect("rows");
    let stored = R::table().with_provenance(&R::batch(rows), "s", None).expect("it has the schema");
    canonical::lines(R::table(), &[stored]).expect("it has a canonical form")
}

/// Keeps what could not be read.
#[derive(Default)]
struct Gaps(Mutex<Vec<String>>);

impl Reporter for Gaps {
    fn begin(&self, _what: &str, _total: Option<u64>) {}
    fn advance(&self, _steps: u64) {}
    fn gap(&self, sentence: &str) {
        self.0.lock().expect("no test panics with it").push(sentence.to_owned());
    }
}
