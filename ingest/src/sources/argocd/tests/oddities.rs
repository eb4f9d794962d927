//! What is rare and easily counted wrongly.

use futures::FutureExt;

use super::fake::{App, TOKEN, World, commit, frames};
use super::*;
use crate::loopback::Reply;

fn token() -> BTreeMap<String, String> {
    BTreeMap::from([("ARGOCD_TOKEN".to_owned(), TOKEN.to_owned())])
}

fn with_token(more: Value) -> Value {
    let mut settings = json!({"token": {"env": "ARGOCD_TOKEN"}});
    for (name, value) in more.as_object().expect("an object") {
        settings[name] = value.clone();
    }
    settings
}

/// What readings of a world give as it changes, each state at its time.
async fn over(states: Vec<(&'static str, World)>, more: Value) -> Tables {
    let (server, shared) = states[0].1.clone().serve().await;
    let source = open(config(&server.base(), with_token(more)));
    let variables = token();
    let (mut tables, mut cursor) = (Tables::default(), None);
    for (clock, state) in states {
        *shared.lock().expect("no test panics with it") = state.at(clock);
        let reading = Reading { cursor: cursor.as_deref(), ..Reading::at(now(), &variables) };
        let (sink, left) = read(&source, reading, &Silent).await;
        tables.add(&sink);
        cursor = Some(left.expect("it is read"));
    }
    tables
}

fn gaps(tables: &Tables) -> Vec<String> {
    let rows = tables.rows("coverage").into_iter().filter(|row| row["is_complete"] == json!(false));
    rows.map(|row| row["reason"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn an_application_that_is_made_again_under_its_name_is_another_one() {
    let mut first = App::new("api-eu", "first");
    for start in ["01:00:00", "02:00:00", "03:00:00"] {
        first.sync(start, &[&commit('a')]);
    }
    let mut second = App::new("api-eu", "second").with("/metadata/creationTimestamp", json!("2026-01-05T04:30:00Z"));
    second.sync("05:00:00", &[&commit('b')]);
    let seen = over(vec![("04:00:00", World::of([first])), ("06:00:00", World::of([second]))], json!({})).await;
    assert_eq!(seen.words("deployments", &["service", "started_at"]).len(), 4, "both are kept");
    assert_eq!(gaps(&seen), Vec::<String>::new(), "its numbers begin again because it is another one");
    let read = seen.words("coverage", &["covers", "range_start_at", "range_end_at"]);
    let of_deployments: Vec<&String> = read.iter().filter(|words| words.starts_with("deployments")).collect();
    assert_eq!(
        of_deployments,
        [
            "deployments 2026-01-05T00:00:00.000000Z 2026-01-05T04:00:00.000000Z",
            "deployments 2026-01-05T04:30:00.000000Z 2026-01-05T06:00:00.000000Z",
        ]
    );
}

#[tokio::test]
async fn several_sources_in_another_order_are_the_same_set() {
    let chart = json!({"repoURL": "https://charts.example.com", "chart": "api", "targetRevision": "1", "helm": {"parameters": [{"name": "replicas", "value": "2"}]}});
    let values = json!({"repoURL": "https://git.example.com/acme/deploy.git", "path": "values", "kustomize": {"namePrefix": "x"}});
    let mut app = App::new("api-eu", "1").with("/spec/sources", json!([chart, values]));
    app.sync("01:00:00", &["1.2.3", &commit('a')]);
    app.set("/spec/sources", json!([values, chart]));
    app.sync("02:00:00", &[&commit('a'), "1.2.3"]);
    // The same two shapes, but of the other source each: that is another set.
    let (mut swapped_chart, mut swapped_values) = (chart.clone(), values.clone());
    swapped_chart["helm"] = Value::Null;
    swapped_chart["kustomize"] = values["kustomize"].clone();
    swapped_values["kustomize"] = Value::Null;
    swapped_values["helm"] = chart["helm"].clone();
    app.set("/spec/sources", json!([swapped_chart, swapped_values]));
    app.sync("03:00:00", &["1.2.3", &commit('a')]);
    let seen = over(vec![("06:00:00", World::of([app]))], json!({})).await;
    let sets = seen.words("deployments", &["revisions"]);
    assert_eq!(sets.len(), 3);
    assert_eq!(sets[0], sets[1]);
    assert_ne!(sets[1], sets[2]);
}

#[tokio::test]
async fn a_rollback_is_a_sync_of_its_own_with_the_set_of_the_earlier_one() {
    let mut app = App::new("api-eu", "1");
    app.sync("01:00:00", &[&commit('a')]);
    app.sync("02:00:00", &[&commit('b')]);
    app.begin("03:00:00", &[&commit('a')], Some("ada"));
    app.end("03:01:00", "Succeeded", "successfully synced");
    let seen = over(vec![("06:00:00", World::of([app]))], json!({})).await;
    let sets = seen.words("deployments", &["revisions"]);
    assert!(sets.len() == 3 && sets[0] == sets[2] && sets[0] != sets[1], "{sets:?}");
    let actors = seen.words("deployments", &["actor_id"]);
    assert_eq!(actors[..2], ["automated", "automated"]);
    assert!(!actors[2].is_empty() && actors[2] != "automated" && !actors[2].contains("ada"), "{actors:?}");
    let ids = seen.words("deployments", &["deployment_id"]);
    assert_ne!(ids[0], ids[2]);
}

#[tokio::test]
async fn an_image_by_its_digest_alone_is_known_by_it() {
    let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let image = format!("registry.example.com:5000/acme/api@{digest}");
    let mut app = App::new("api-eu", "1").with("/spec/source/kustomize", json!({"images": [image]}));
    app.sync("01:00:00", &[&commit('a')]);
    app.set("/status/summary/images", json!([image]));
    app.health("01:01:00", "Healthy");
    let folder = tempfile::tempdir().expect("a folder");
    let built = folder.path().join("images.csv");
    std::fs::write(&built, format!("image,repository,commit\n{image},acme/api,{}\n", commit('c'))).expect("a file");
    let seen = over(vec![("06:00:00", World::of([app.clone()]))], json!({"images": {"file": built}})).await;
    assert!(seen.words("deployments", &["revisions"])[0].contains(&image), "it is part of what was asked for");
    let inventory = seen.words("inventory", &["kind", "name", "version", "digest"]);
    assert!(
        inventory.contains(&format!("image registry.example.com:5000/acme/api {digest} {digest}")),
        "{inventory:?}"
    );
    let resolved = seen.words("image_revisions", &["image", "repository", "commit_sha", "method"]);
    assert_eq!(resolved, [format!("{image} acme/api {} rule", commit('c'))]);
    // Where nothing tells its commit, it stays unknown, and the commit of the configuration never stands in for it.
    let seen = over(vec![("06:00:00", World::of([app]))], json!({})).await;
    assert_eq!(
        seen.words("image_revisions", &["image", "repository", "commit_sha", "method"]),
        [format!("{image} null null unresolved")]
    );
    assert!(gaps(&seen).iter().any(|why| why.contains(digest)), "{:?}", gaps(&seen));
}

#[tokio::test]
async fn without_a_history_the_last_operation_is_all_there_is() {
    let mut app = App::new("api-eu", "1").with("/spec/revisionHistoryLimit", json!(0));
    app.sync("01:00:00", &[&commit('a')]);
    let first = app.clone();
    app.sync("02:00:00", &[&commit('b')]);
    app.sync("03:00:00", &[&commit('c')]);
    let seen = over(vec![("01:30:00", World::of([first])), ("04:00:00", World::of([app]))], json!({})).await;
    assert_eq!(
        seen.words("deployments", &["started_at", "status", "evidence"]),
        ["2026-01-05T01:00:00.000000Z success operation_state", "2026-01-05T03:00:00.000000Z success operation_state"]
    );
    let gaps = gaps(&seen);
    assert!(gaps.iter().any(|why| why.starts_with("the application keeps no history")), "{gaps:?}");
}

#[tokio::test]
async fn a_stream_that_breaks_in_the_middle_of_an_application_loses_nothing() {
    let mut app = App::new("api-eu", "1");
    app.sync("05:00:00", &[&commit('a')]);
    let start = app.clone();
    app.sync("06:00:00", &[&commit('b')]);
    let Reply::Page { body, .. } = frames(&[("MODIFIED", &app)]) else { panic!("it is a page") };
    let half = body[..body.len() / 2].to_vec();
    let breaks = [
        Reply::status(200, half.clone()).with("content-type", "text/event-stream"),
        Reply::Truncated { promised: body.len(), body: half },
        Reply::Stuck,
        Reply::Endless,
    ];
    for broken in breaks {
        let told = format!("{broken:?}").chars().take(40).collect::<String>();
        let mut world = World::of([start.clone()]);
        world.streams = vec![broken, frames(&[("ADDED", &app)])];
        let (server, shared) = world.serve().await;
        let source = open(config(&server.base(), with_token(json!({}))));
        let variables = token();
        let mut sink = Sink::into_memory(&source.stream(), crate::sources::argocd::FILLS, now());
        let end = {
            let (shared, app) = (shared.clone(), app.clone());
            async move {
                // The second stream was asked for: the first is over. What it said in between is in the list.
                while !shared.lock().expect("no test panics with it").streams.is_empty() {
                    tokio::task::yield_now().await;
                }
                shared.lock().expect("no test panics with it").apps = vec![app];
            }
        };
        let reading = Reading::at(now(), &variables);
        let followed = source.read_until(&reading, &mut sink, &Silent, Some(Pause::noted().0), Some(end.boxed())).await;
        followed.unwrap_or_else(|error| panic!("{told}: {error}"));
        let mut seen = Tables::default();
        seen.add(&sink);
        assert_eq!(seen.words("deployments", &["status"]), ["success", "success"], "{told}");
        assert_eq!(gaps(&seen), Vec::<String>::new(), "{told}");
    }
}

#[tokio::test]
async fn an_application_nested_too_deeply_is_an_error_in_words_and_no_overflow() {
    let depth = 100_000;
    let nested = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let good = App::new("api-eu", "1").value;
    let list = format!("{{\"items\":[{good},{{\"metadata\":{{\"name\":\"x\",\"uid\":\"x\"}},\"spec\":{nested}}}]}}");
    let server = Loopback::script(vec![Reply::json(list)]).await;
    let source = open(config(&server.base(), with_token(json!({}))));
    let variables = token();
    let (_, result) = read(&source, Reading::at(now(), &variables), &Silent).await;
    let crate::SourceErrorKind::Http(error) = result.expect_err("it cannot be read").kind else { panic!("of the list") };
    assert!(error.kind.to_string().contains("recursion limit exceeded"), "{}", error.kind);
}
