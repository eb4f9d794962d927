//! Stories of one application, told without a server.

use serde_json::json;

use super::fake::{App, commit};
use super::*;
use crate::sources::argocd::details::Details;
use crate::sources::argocd::list::application;
use crate::sources::argocd::progress::Memory;
use crate::sources::argocd::rollouts::Rollout;
use crate::sources::argocd::rows::{Rows, Setup};

fn rows_with(app: &App, more: Value, details: &Details, before: &Memory) -> Rows {
    let setup = Setup::new(&config("https://argocd.example", more)).expect("the settings are right");
    let application = application(app.value.clone(), "it").expect("it is an application");
    let place = setup.place(&application);
    Rows::of(&setup, &application, &place, details, before)
}

fn rows(app: &App) -> Rows {
    rows_with(app, json!({}), &Details::default(), &Memory::default())
}

/// Attempts as `start status evidence users`.
fn told(rows: &Rows) -> Vec<String> {
    let time = |at: Option<Instant>| at.map_or("-".to_owned(), |at| at.to_string()[11..16].to_owned());
    rows.deployments
        .iter()
        .map(|row| {
            let users = row.reached_users.map_or("-".to_owned(), |users| users.to_string());
            format!("{}-{} {} {} {users}", time(row.started_at), time(row.finished_at), row.status, row.evidence)
        })
        .collect()
}

#[test]
fn what_became_of_the_last_operation_is_told_in_its_own_word() {
    let cases = [
        ("Failed", "one or more objects failed to apply", json!({}), "failure operation_state"),
        ("Error", "rpc error", json!({}), "failure operation_state"),
        ("Failed", "Operation terminated", json!({}), "cancelled operation_state"),
        ("Succeeded", "", json!({"resources": [{"kind": "Deployment", "name": "api"}]}), "skipped selective_sync"),
        ("Failed", "", json!({"resources": [{"kind": "Deployment", "name": "api"}]}), "skipped selective_sync"),
        ("Succeeded", "", json!({"resources": [{"kind": "Deployment", "name": "api"}], "autoHealAttemptsCount": 1}), "skipped self_heal"),
        ("Succeeded", "", json!({"dryRun": true}), "skipped dry_run"),
        ("Terminating", "", json!({}), "running operation_state"),
        ("Dreaming", "", json!({}), "unknown operation_state"),
    ];
    for (phase, message, sync, expected) in cases {
        let mut app = App::new("api-eu", "1");
        app.begin("06:00:00", &[&commit('a')], None);
        for (name, value) in sync.as_object().expect("an object") {
            app.set(&format!("/status/operationState/operation/sync/{name}"), value.clone());
        }
        app.end("06:01:00", phase, message);
        let seen = told(&rows(&app));
        assert_eq!(seen.len(), 1, "{phase}");
        assert!(seen[0].contains(expected), "{phase} {message}: {seen:?}");
    }
}

#[test]
fn a_success_that_no_history_keeps_is_told_by_the_operation() {
    let mut app = App::new("api-eu", "1").with("/spec/revisionHistoryLimit", json!(0));
    app.sync("06:00:00", &[&commit('a')]);
    assert_eq!(told(&rows(&app)), ["06:00-06:00 success operation_state -"]);
    let input = rows(&app).inputs.into_iter().find(|row| row.input == "deployments").expect("it is told");
    assert_eq!((input.is_provided, input.evidence.as_str()), (Some(false), "`revisionHistoryLimit` is 0: no sync is kept"));
}

#[test]
fn whether_a_failed_sync_reached_anybody_is_told_by_what_was_applied() {
    let failed = |results: Value| {
        let mut app = App::new("api-eu", "1");
        app.begin("06:00:00", &[&commit('a')], None);
        app.end("06:01:00", "Failed", "it did not work");
        app.set("/status/operationState/syncResult/resources", results);
        rows(&app).deployments[0].reached_users
    };
    assert_eq!(failed(json!([])), Some(false));
    assert_eq!(failed(json!([{"kind": "Service", "status": "SyncFailed"}, {"kind": "Deployment", "status": ""}])), Some(false));
    assert_eq!(failed(json!([{"kind": "Service", "status": "Synced"}, {"kind": "Deployment", "status": "SyncFailed"}])), None);
    assert_eq!(failed(json!([{"kind": "Job", "hookType": "PreSync", "hookPhase": "Failed", "status": ""}])), None);
}

#[test]
fn syncs_of_one_second_are_told_apart_and_old_ones_have_no_start() {
    let mut app = App::new("api-eu", "1");
    app.sync("06:00:00", &[&commit('a')]);
    app.sync("06:00:00", &[&commit('b')]);
    let ids: Vec<String> = rows(&app).deployments.into_iter().map(|row| row.deployment_id).collect();
    assert_eq!(ids, ["argocd:shop/argocd/api-eu/1@2026-01-05T06:00:00Z", "argocd:shop/argocd/api-eu/1@2026-01-05T06:00:00Z#1"]);
    app.value["status"]["history"][0].as_object_mut().expect("an entry").remove("deployStartedAt");
    let old = &rows(&app).deployments[0];
    assert_eq!((old.deployment_id.as_str(), old.started_at), ("argocd:shop/argocd/api-eu/1#0", None));
}

#[test]
fn several_sources_are_several_parts_and_a_reference_only_carries_values() {
    let mut app = App::new("api-eu", "1").with(
        "/spec/sources",
        json!([
            {"repoURL": "registry.example.com/charts", "chart": "podinfo", "helm": {"valueFiles": ["$values/eu.yaml"]}},
            {"repoURL": "https://git.example.com/acme/shop", "ref": "values"},
            {"repoURL": "git@git.example.com:acme/shop.git", "path": "app"},
        ]),
    );
    app.sync("06:00:00", &["6.9.0", &commit('a'), &commit('b')]);
    let source = json!({"repositories": [{"url": "acme/shop", "is_source": true}]});
    let revisions = rows_with(&app, source, &Details::default(), &Memory::default()).deployments.remove(0).revisions;
    assert_eq!(revisions.len(), 4);
    assert_eq!(revisions[0], format!("acme/shop@{}", commit('b')));
    assert_eq!(revisions[1..3], ["config:acme/shop@aaaaaaaaaaaa", "podinfo@6.9.0"]);
    assert!(revisions[3].starts_with("values@") && revisions[3].len() == 19, "{revisions:?}");
}

#[test]
fn the_same_revision_with_other_values_is_another_set() {
    let set = |parameters: Value| {
        let mut app = App::new("api-eu", "1").with("/spec/source/helm", json!({"parameters": parameters}));
        app.sync("06:00:00", &[&commit('a')]);
        let more = json!({"ignored_parameters": ["^region$"]});
        rows_with(&app, more, &Details::default(), &Memory::default()).deployments.remove(0).revisions
    };
    let one = json!([{"name": "replicas", "value": "2"}, {"name": "region", "value": "eu-1"}]);
    let reordered = json!([{"name": "region", "value": "us-7"}, {"name": "replicas", "value": "2"}]);
    let other = json!([{"name": "replicas", "value": "3"}]);
    assert_eq!(set(one.clone()), set(reordered));
    assert_ne!(set(one), set(other));
    assert_eq!(set(json!([])), ["config:acme/deploy@aaaaaaaaaaaa"], "no values, no part");
}

#[test]
fn health_has_the_time_that_is_told_or_lies_between_two_looks() {
    let mut app = App::new("api-eu", "1");
    app.health("06:00:00", "Healthy");
    app.set("/status/reconciledAt", json!("2026-01-05T06:05:00Z"));
    let told = rows(&app).health.remove(0);
    assert_eq!((told.health.as_str(), told.time_basis.as_str(), told.occurred_at.to_string().as_str()), ("Healthy", "reported", "2026-01-05T06:00:00Z"));
    // Argo CD 2 does not tell.
    app.value["status"]["health"].as_object_mut().expect("it is an object").remove("lastTransitionTime");
    assert!(rows(&app).health.is_empty(), "at the first look there is no change");
    let seen = |health: &str, at: &str| {
        let health = crate::sources::argocd::health::Seen { health: health.to_owned(), at: Instant::parse(at).expect("a time") };
        let before = Memory { health: Some(health), ..Memory::default() };
        rows_with(&app, json!({}), &Details::default(), &before).health
    };
    assert!(seen("Healthy", "2026-01-05T05:00:00Z").is_empty());
    let change = seen("Degraded", "2026-01-05T05:00:00Z").remove(0);
    assert_eq!(change.previous_health.as_deref(), Some("Degraded"));
    assert_eq!(change.not_before_at.map(|at| at.to_string()).as_deref(), Some("2026-01-05T05:00:00Z"));
    assert_eq!((change.occurred_at.to_string().as_str(), change.time_basis.as_str()), ("2026-01-05T06:05:00Z", "observed"));
}

#[test]
fn applications_that_only_deploy_applications_are_no_service() {
    let resources = |kinds: &[&str]| -> Value {
        kinds
            .iter()
            .map(|kind| {
                let is_argo = kind.starts_with("App") || *kind == "Rollout";
                json!({"kind": kind, "group": if is_argo { "argoproj.io" } else { "" }, "name": "x"})
            })
            .collect()
    };
    let count = |kinds: &[&str], more: Value| {
        let mut app = App::new("root", "1").with("/status/resources", resources(kinds));
        app.sync("06:00:00", &[&commit('a')]);
        rows_with(&app, more, &Details::default(), &Memory::default()).deployments.len()
    };
    assert_eq!(count(&["Application", "ApplicationSet", "AppProject", "VaultStaticSecret"], json!({})), 0);
    assert_eq!(count(&["Application", "Deployment"], json!({})), 1);
    assert_eq!(count(&["ConfigMap"], json!({})), 1, "without an application among them it is settings of a service");
    assert_eq!(count(&[], json!({})), 1);
    assert_eq!(count(&["Application"], json!({"rules": [{"name": "^root$", "ignore": false}]})), 1);
    assert_eq!(count(&["Deployment"], json!({"rules": [{"project": "^default$", "ignore": true}]})), 0);
}

fn synced() -> App {
    let mut app = App::new("web-eu", "1");
    app.sync("05:00:00", &[&commit('a')]);
    app.sync("06:00:00", &[&commit('b')]);
    app
}

fn rollout(manifest: &Value, runs: &[&str]) -> Details {
    let rollouts = vec![Rollout::parse(&manifest.to_string(), runs).expect("it is a manifest")];
    Details { rollouts, ..Details::default() }
}

fn canary(status: Value) -> Value {
    json!({
        "metadata": {"name": "web", "annotations": {"rollout.argoproj.io/revision": "2"}},
        "spec": {"strategy": {"canary": {"steps": [{"analysis": {}}, {"setWeight": 20}, {"pause": {}}, {"analysis": {}}, {"setWeight": 60}]}}},
        "status": status,
    })
}

#[test]
fn a_rollout_that_was_given_up_is_a_failure_and_says_whether_users_got_any() {
    let aborted = json!({"abort": true, "abortedAt": "2026-01-05T06:20:00Z", "currentPodHash": "77", "stableRS": "66", "currentStepIndex": 0});
    let mut weighted = aborted.clone();
    weighted["canary"] = json!({"weights": {"canary": {"weight": 20}}});
    let green = |active: &str| json!({
        "spec": {"strategy": {"blueGreen": {}}},
        "status": {"abort": true, "abortedAt": "2026-01-05T06:20:00Z", "currentPodHash": "77", "stableRS": "66", "blueGreen": {"activeSelector": active}},
    });
    let cases = [
        (canary(weighted), vec![], "true"),
        // The abort has set the step back; the analysis of the step behind the weight has run.
        (canary(aborted.clone()), vec!["web-77-2-0", "web-77-2-3"], "true"),
        (canary(aborted.clone()), vec!["web-77-2-0", "web-77-2-3-1", "web-66-1-3"], "true"),
        (canary(aborted.clone()), vec!["web-77-2-0", "web-66-1-3"], "false"),
        (canary(aborted), vec!["web-66-1-3"], "-"),
        (green("66"), vec![], "false"),
        (green("77"), vec![], "true"),
    ];
    for (manifest, runs, users) in cases {
        let rows = rows_with(&synced(), json!({}), &rollout(&manifest, &runs), &Memory::default());
        assert_eq!(told(&rows), ["05:00-05:00 success sync_history -".to_owned(), format!("06:00-06:20 failure argo_rollout {users}")], "{manifest} {runs:?}");
    }
}

#[test]
fn a_rollout_that_goes_on_or_was_given_up_before_changes_nothing() {
    let going = canary(json!({"currentPodHash": "77", "stableRS": "66", "currentStepIndex": 2}));
    let earlier = canary(json!({"abort": true, "abortedAt": "2026-01-05T05:30:00Z", "currentPodHash": "77", "stableRS": "66"}));
    for manifest in [going, earlier] {
        let rows = rows_with(&synced(), json!({}), &rollout(&manifest, &[]), &Memory::default());
        assert_eq!(told(&rows)[1], "06:00-06:00 success sync_history -");
    }
}

#[test]
fn a_rollout_that_came_through_at_the_second_try_keeps_its_failure() {
    let aborted = canary(json!({"abort": true, "abortedAt": "2026-01-05T06:20:00Z", "currentPodHash": "77", "stableRS": "66"}));
    let first = rows_with(&synced(), json!({}), &rollout(&aborted, &[]), &Memory::default());
    let before = Memory { given_up: first.given_up.clone(), ..Memory::default() };
    let trying = canary(json!({"currentPodHash": "77", "stableRS": "66"}));
    let rows = rows_with(&synced(), json!({}), &rollout(&trying, &[]), &before);
    assert_eq!((told(&rows), &rows.given_up), (vec!["05:00-05:00 success sync_history -".to_owned()], &first.given_up));
    let promoted = canary(json!({
        "currentPodHash": "77", "stableRS": "77",
        "conditions": [{"type": "Completed", "status": "True", "lastTransitionTime": "2026-01-05T06:50:00Z"}],
    }));
    let rows = rows_with(&synced(), json!({}), &rollout(&promoted, &[]), &before);
    assert_eq!(told(&rows)[1], "06:20-06:50 success argo_rollout -");
    assert_eq!(rows.deployments[1].attempt, 2);
}

#[test]
fn images_lead_to_source_commits_by_every_way_that_knows() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("images.csv");
    std::fs::write(&file, format!("image,repository,commit\nreg:5000/acme/worker:v7,https://git.example.com/acme/worker.git,{}\n", commit('e'))).expect("it is written");
    let mut app = synced();
    app.health("06:00:20", "Healthy");
    app.set("/status/summary/images", json!(["reg:5000/acme/api:main-abcdef1", "reg:5000/acme/worker:v7", "reg:5000/acme/web:latest", "postgres:17"]));
    let more = json!({"images": {
        "own": ["^reg:5000/"],
        "tags": [{"image": "/acme/(?P<app>[a-z]+)$", "tag": "^main-(?P<sha>[0-9a-f]{7,40})$", "repository": "acme/{app}"}],
        "file": file,
    }});
    let seen = |app: &App| {
        let rows = rows_with(app, more.clone(), &Details::default(), &Memory::default());
        let line = |row: &lake::tables::image_revisions::Row| {
            let known = |text: &Option<String>| text.clone().unwrap_or("-".into());
            format!("{} {} {} {}", row.image, known(&row.repository), known(&row.commit_sha), row.method)
        };
        (rows.images.iter().map(line).collect::<Vec<_>>(), rows.unresolved, rows.inputs)
    };
    let (images, unresolved, inputs) = seen(&app);
    assert_eq!(
        images,
        [
            "reg:5000/acme/api:main-abcdef1 acme/api abcdef1 tag".to_owned(),
            "reg:5000/acme/web:latest - - unresolved".to_owned(),
            format!("reg:5000/acme/worker:v7 acme/worker {} rule", commit('e')),
        ]
    );
    assert_eq!(unresolved, ["reg:5000/acme/web:latest"]);
    let input = inputs.iter().find(|row| row.input == "source_commit").expect("it is told");
    assert_eq!((input.is_provided, input.metrics.as_slice()), (Some(false), ["change_lead_time".to_owned()].as_slice()));
    app.set("/metadata/annotations/org.opencontainers.image.revision", json!(commit('f')));
    app.set("/metadata/annotations/org.opencontainers.image.source", json!("https://git.example.com/acme/shop"));
    let (images, unresolved, _) = seen(&app);
    assert!(images.contains(&format!("reg:5000/acme/web:latest acme/shop {} annotation", commit('f'))), "{images:?}");
    assert!(unresolved.is_empty());
}

#[test]
fn images_are_those_of_the_sync_and_not_those_of_a_rollout_under_way() {
    let mut app = synced();
    app.set("/status/summary/images", json!(["api:v1", "api:v2"]));
    let images = |app: &App| -> Vec<String> {
        let rows = rows(app).inventory.into_iter().filter(|row| row.kind == "image");
        rows.map(|row| format!("{} {} {}", row.name, row.version, row.since_at)).collect()
    };
    app.health("06:00:20", "Progressing");
    assert!(images(&app).is_empty(), "what runs while it changes may be the old");
    app.health("06:05:00", "Healthy");
    assert_eq!(images(&app), ["api v1 2026-01-05T06:00:10Z", "api v2 2026-01-05T06:00:10Z"]);
    // Argo CD 3 tells what the sync asked for.
    app.set("/status/operationState/syncResult/resources", json!([{"kind": "Deployment", "status": "Synced", "images": ["api:v2"]}]));
    assert_eq!(images(&app), ["api v2 2026-01-05T06:00:10Z"]);
}
