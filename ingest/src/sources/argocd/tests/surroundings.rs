//! What `ApplicationSets` and projects add, and what made an application.

use super::fake::{App, TOKEN, World, commit};
use super::*;
use crate::sources::argocd::list::application;
use crate::sources::argocd::parents::{application_set, parent};
use crate::sources::argocd::place::Places;

fn token() -> BTreeMap<String, String> {
    BTreeMap::from([("ARGOCD_TOKEN".to_owned(), TOKEN.to_owned())])
}

/// An application that the `ApplicationSet` `name` made.
fn made(name: &str, app: &str) -> App {
    let mut app =
        App::new(app, app).with("/metadata/ownerReferences", json!([{"kind": "ApplicationSet", "name": name}]));
    app.sync("05:00:00", &[&commit('a')]);
    app
}

fn set(name: &str, generators: Value, conditions: Value) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "argocd", "uid": format!("set-{name}")},
        "spec": {"generators": generators, "strategy": {"type": "RollingSync"}},
        "status": {"conditions": conditions},
    })
}

async fn tables(world: World, more: Value) -> (Tables, Vec<String>) {
    let (server, _) = world.serve().await;
    let mut settings = json!({"token": {"env": "ARGOCD_TOKEN"}});
    for (name, value) in more.as_object().expect("an object") {
        settings[name] = value.clone();
    }
    let source = open(config(&server.base(), settings));
    let variables = token();
    let (sink, cursor) = read(&source, Reading::at(now(), &variables), &Silent).await;
    cursor.expect("it is read");
    let mut tables = Tables::default();
    tables.add(&sink);
    let asked = server.asked().iter().map(|asked| asked.line.clone()).collect();
    (tables, asked)
}

/// What is found of one kind of component.
fn found(tables: &Tables, kind: &str) -> Vec<String> {
    let words = tables.words("measurement_inputs", &["component_id", "input", "is_provided", "evidence", "service"]);
    words.into_iter().filter_map(|words| words.split_once(kind).map(|(_, rest)| rest.to_owned())).collect()
}

#[tokio::test]
async fn an_application_set_is_asked_which_generator_it_has() {
    let nested = json!([{"matrix": {"generators": [{"clusters": {}}, {"git": {"repoURL": "x"}}]}, "selector": {}}]);
    let broken = json!([{"type": "ErrorOccurred", "status": "True", "message": "no\ncluster"}, {"type": "ResourcesUpToDate", "status": "False"}]);
    let fine = json!([{"type": "ErrorOccurred", "status": "False", "message": "all is well"}]);
    let mut world = World::of([
        made("one", "api-eu"),
        made("one", "api-us"),
        made("several", "web-a"),
        made("several", "web-b"),
        made("pull", "pr-7"),
    ]);
    world.sets = Some(vec![
        set("one", nested.clone(), fine),
        set("several", nested, broken),
        set("pull", json!([{"pullRequest": {"github": {}}}]), Value::Null),
        set("nobodys", json!([{"list": {}}]), Value::Null),
    ]);
    let (tables, asked) = tables(world, json!({"selector": "team=shop", "app_namespace": "argocd"})).await;
    assert_eq!(
        found(&tables, "/applicationset/"),
        [
            "one/set-one deployments true generators `clusters`, `git`, `matrix`, 2 applications, strategy `RollingSync` api",
            "one/set-one targets true it makes an application for each cluster, and they are 1 services api",
            "pull/set-pull deployments true generators `pullRequest`, 1 applications, strategy `RollingSync` pr-7",
            "pull/set-pull environment false it makes previews of pull requests, and 1 of them count in environment `production` pr-7",
            "several/set-several deployments false generators `clusters`, `git`, `matrix`, 2 applications, strategy `RollingSync`; it says: no cluster null",
            "several/set-several targets false it makes an application for each cluster, and they are 2 services null",
        ]
    );
    // Labels are those of applications; the namespace is that of both.
    assert!(asked.contains(&"GET /api/v1/applicationsets?appsetNamespace=argocd".to_owned()), "{asked:?}");
    // What the rules of the settings name is no finding any more.
    let mut world = World::of([made("several", "web-a"), made("pull", "pr-7")]);
    world.sets = Some(vec![set("pull", json!([{"pullRequest": {}}]), Value::Null)]);
    let rules = json!({"rules": [{"application_set": "^pull$", "environment": "preview"}]});
    let (tables, _) = self::tables(world, rules).await;
    assert_eq!(
        found(&tables, "/applicationset/")[1],
        "pull/set-pull environment true it makes previews of pull requests, and 0 of them count in environment `production` pr-7"
    );
}

#[tokio::test]
async fn a_token_that_may_not_see_what_stands_around_is_no_failure() {
    let world = World::of([made("one", "api-eu")]);
    let (tables, asked) = tables(world, json!({"projects": ["default", "misspelt"]})).await;
    assert!(found(&tables, "/applicationset/").is_empty());
    assert_eq!(
        found(&tables, "argocd:shop/project/"),
        [
            "misspelt deployments false no application of it may be seen, and the token may not ask whether there is such a project null"
        ]
    );
    let gaps = tables.rows("coverage").into_iter().filter(|row| row["is_complete"] == json!(false)).count();
    assert_eq!(gaps, 0, "it is a note");
    assert_eq!(asked.iter().filter(|line| line.contains("/projects") || line.contains("/applicationsets")).count(), 2);
}

#[tokio::test]
async fn a_project_that_shows_no_application_is_told_and_nothing_is_asked_without_need() {
    let mut world = World::of([App::new("api-eu", "1")]);
    world.projects = Some(vec!["default", "empty"]);
    let (seen, _) = tables(world.clone(), json!({"projects": ["default", "empty", "misspelt"]})).await;
    assert_eq!(
        found(&seen, "argocd:shop/project/"),
        [
            "empty deployments false the project is there, and no application of it may be seen null",
            "misspelt deployments false no project of this name may be seen null",
        ]
    );
    let (_, asked) = tables(world, json!({"projects": ["default"]})).await;
    assert_eq!(asked.len(), 1, "{asked:?}");
}

#[tokio::test]
async fn what_cannot_be_asked_this_time_is_a_gap_until_it_can() {
    let mut world = World::of([made("one", "api-eu")]);
    world.sets = Some(vec![set("one", json!([{"clusters": {}}]), Value::Null)]);
    let world = Mutex::new(world);
    let is_broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let broken = is_broken.clone();
    let server = Loopback::start(move |asked| {
        if asked.path().ends_with("/applicationsets") && broken.load(std::sync::atomic::Ordering::SeqCst) {
            return crate::loopback::Reply::status(500, "");
        }
        world.lock().expect("no test panics with it").answer(asked)
    })
    .await;
    let source = open(config(&server.base(), json!({"token": {"env": "ARGOCD_TOKEN"}})));
    let variables = token();
    let gaps = |sink: &Sink<'_>| -> Vec<String> {
        let rows: Vec<lake::tables::coverage::Row> = sink.kept().expect("rows");
        rows.into_iter().filter(|row| !row.is_complete).map(|row| row.covers).collect()
    };
    let (sink, cursor) = read(&source, Reading::at(now(), &variables), &Silent).await;
    assert_eq!(gaps(&sink), ["measurement_inputs"]);
    is_broken.store(false, std::sync::atomic::Ordering::SeqCst);
    let cursor = cursor.expect("the applications are read");
    let (sink, cursor) =
        read(&source, Reading { cursor: Some(&cursor), ..Reading::at(now(), &variables) }, &Silent).await;
    cursor.expect("it is read");
    assert!(gaps(&sink).is_empty());
}

#[test]
fn what_made_an_application_is_recognised() {
    let read = |app: App| application(app.value, "it").expect("it is an application");
    let plain = read(App::new("api-eu", "1"));
    assert_eq!((application_set(&plain), parent(&plain)), (None, None));
    assert_eq!(application_set(&read(made("one", "api-eu"))), Some("one"));
    let labelled = read(
        App::new("api-eu", "1").with("/metadata/labels", json!({"argocd.argoproj.io/application-set-name": "one"})),
    );
    assert_eq!(application_set(&labelled), Some("one"));
    let tracked = |id: &str| {
        read(App::new("api-eu", "1").with("/metadata/annotations", json!({"argocd.argoproj.io/tracking-id": id})))
    };
    assert_eq!(parent(&tracked("root:argoproj.io/Application:argocd/api-eu")), Some("root"));
    assert_eq!(parent(&tracked("team_root:argoproj.io/Application:argocd/api-eu")), Some("root"));
    assert_eq!(parent(&tracked("api-eu:argoproj.io/Application:argocd/api-eu")), None);
    assert_eq!(parent(&tracked("nonsense")), None);
    let instance = |name: &str| {
        read(App::new("api-eu", "1").with("/metadata/labels", json!({"app.kubernetes.io/instance": name})))
    };
    assert_eq!((parent(&instance("root")), parent(&instance("api-eu"))), (Some("root"), None));
    // Rules can go by it.
    let settings = config("https://argocd.example", json!({"rules": [{"parent": "^(?P<environment>.+)-root$"}]}));
    let places = Places::new(&settings).expect("the rules are right");
    assert_eq!(places.of(&instance("staging-root"), false).environment.as_deref(), Some("staging"));
    assert_eq!(places.of(&plain, false).environment.as_deref(), Some("production"));
}
