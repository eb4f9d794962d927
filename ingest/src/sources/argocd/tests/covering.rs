//! What looks at one application cover, and what they say is lost.

use serde_json::json;

use super::fake::{App, commit};
use super::*;
use crate::sources::argocd::list::application;
use crate::sources::argocd::progress::{Look, memory, note, stream};
use crate::sources::argocd::rows::Setup;
use crate::{Ledger, Range};

/// Looks at an application in these states, each at a time of that Monday; the ranges that were read and the losses.
fn looks(looks: &[(&str, &App)]) -> (Vec<String>, Vec<String>) {
    let setup = Setup::new(&config("https://argocd.example", json!({}))).expect("the settings are right");
    let mut ledger = Ledger::default();
    let mut name = String::new();
    for (at, app) in looks {
        let application = application(app.value.clone(), "it").expect("it is an application");
        let place = setup.place(&application);
        name = stream(&place);
        note(&mut ledger, &application, &place, Look { at: time(at), range: Range::default() });
    }
    let entry = ledger.get(&name).expect("it was looked at");
    let shown = |at: Option<Instant>| at.map_or("-".to_owned(), |at| at.to_string()[11..16].to_owned());
    let read = entry.read.iter().map(|(start, end)| format!("{}-{}", shown(Some(start)), shown(Some(end)))).collect();
    let losses = entry.losses.iter().map(|loss| {
        let count = loss.missing_count.map_or("?".to_owned(), |count| count.to_string());
        let words: Vec<&str> = loss.reason.split(' ').take(4).collect();
        format!("{}-{} {count} {}", shown(loss.start_at), shown(loss.end_at), words.join(" "))
    });
    (read, losses.collect())
}

fn time(text: &str) -> Instant {
    Instant::parse(&format!("2026-01-05T{text}:00Z")).expect("a time")
}

fn synced(mut app: App, starts: &[&str]) -> App {
    for start in starts {
        app.sync(&format!("{start}:00"), &[&commit('a')]);
    }
    app
}

#[test]
fn a_history_from_the_first_sync_on_covers_everything_since_the_application_was_made() {
    let app = App::new("api-eu", "1");
    let later = synced(app.clone(), &["05:00"]);
    assert_eq!(looks(&[("07:00", &later)]), (vec!["00:00-07:00".to_owned()], vec![]));
    assert_eq!(looks(&[("04:00", &app), ("07:00", &later), ("08:00", &later)]), (vec!["00:00-08:00".to_owned()], vec![]));
}

#[test]
fn a_history_that_was_trimmed_before_covers_what_is_left() {
    let app = synced(App::new("api-eu", "1").with("/spec/revisionHistoryLimit", json!(2)), &["01:00", "02:00", "03:00", "04:00", "05:00"]);
    // What nobody could have read is where the data begin, and no gap.
    assert_eq!(looks(&[("07:00", &app)]), (vec!["04:00-07:00".to_owned()], vec![]));
    // The next look finds that nothing was lost, and one after it what was.
    let next = synced(app.clone(), &["07:30"]);
    assert_eq!(looks(&[("07:00", &app), ("08:00", &next)]), (vec!["04:00-08:00".to_owned()], vec![]));
    let lossy = synced(next.clone(), &["08:10", "08:20", "08:30"]);
    assert_eq!(
        looks(&[("07:00", &app), ("08:00", &next), ("09:00", &lossy)]),
        (vec!["04:00-08:00".to_owned(), "08:20-09:00".to_owned()], vec!["08:00-08:20 1 syncs were trimmed from".to_owned()])
    );
}

#[test]
fn what_was_trimmed_between_two_looks_is_a_hole_that_no_later_look_fills() {
    let first = synced(App::new("api-eu", "1").with("/spec/revisionHistoryLimit", json!(2)), &["01:00"]);
    let second = synced(first.clone(), &["03:00", "03:10", "04:00", "05:00"]);
    let third = synced(second.clone(), &["06:30"]);
    let expected = (
        vec!["00:00-02:00".to_owned(), "04:00-07:00".to_owned()],
        vec!["02:00-04:00 2 syncs were trimmed from".to_owned()],
    );
    assert_eq!(looks(&[("02:00", &first), ("06:00", &second), ("07:00", &third)]), expected);
    // Nothing is lost where the oldest that is left follows the last that was seen.
    let next = synced(first.clone(), &["03:00", "03:10"]);
    assert_eq!(looks(&[("02:00", &first), ("06:00", &next)]).1, Vec::<String>::new());
    // All that was ever there came and went unseen.
    let unsynced = App::new("api-eu", "1").with("/spec/revisionHistoryLimit", json!(2));
    let (_, losses) = looks(&[("00:30", &unsynced), ("06:00", &second)]);
    assert_eq!(losses, ["00:30-04:00 3 syncs were trimmed from"]);
}

#[test]
fn clocks_that_differ_lose_no_loss() {
    let first = synced(App::new("api-eu", "1").with("/spec/revisionHistoryLimit", json!(1)), &["01:00"]);
    let second = synced(first.clone(), &["03:00", "04:00"]);
    // The server's clock goes ahead of the controller's by hours.
    let (_, losses) = looks(&[("05:00", &first), ("06:00", &second), ("07:00", &second)]);
    assert_eq!(losses, ["01:00-04:00 1 syncs were trimmed from"]);
}

#[test]
fn a_loss_that_nobody_can_count_is_one_however_often_it_is_looked() {
    let unkept = synced(App::new("api-eu", "1").with("/spec/revisionHistoryLimit", json!(0)), &["01:00"]);
    let expected = (vec![], vec!["00:00-07:00 ? the application keeps no".to_owned()]);
    assert_eq!(looks(&[("07:00", &unkept)]), expected);
    assert_eq!(looks(&[("02:00", &unkept), ("05:00", &unkept), ("07:00", &unkept)]), expected);
}

#[test]
fn a_history_that_began_again_is_told() {
    let first = synced(App::new("api-eu", "1"), &["01:00", "01:10", "01:20"]);
    let again = synced(App::new("api-eu", "1"), &["03:00"]);
    let (_, losses) = looks(&[("02:00", &first), ("04:00", &again)]);
    assert_eq!(losses, ["02:00-03:00 ? the numbers of the"]);
    let longer = synced(App::new("api-eu", "1"), &["03:00", "03:10", "03:20", "03:30"]);
    assert_eq!(looks(&[("02:00", &first), ("04:00", &longer)]).1, ["02:00-03:00 ? the numbers of the"], "the same number is another sync");
    let emptied = App::new("api-eu", "1");
    assert_eq!(looks(&[("02:00", &first), ("04:00", &emptied)]).1, ["02:00-04:00 ? the history was emptied,"]);
}

#[test]
fn what_is_no_service_covers_nothing_and_is_remembered() {
    let resources = json!([{"group": "argoproj.io", "kind": "Application", "name": "x"}]);
    let parent = synced(App::new("root", "1").with("/status/resources", resources), &["01:00"]);
    let setup = Setup::new(&config("https://argocd.example", json!({}))).expect("the settings are right");
    let application = application(parent.value, "it").expect("it is an application");
    let place = setup.place(&application);
    let mut ledger = Ledger::default();
    note(&mut ledger, &application, &place, Look { at: time("02:00"), range: Range::default() });
    assert!(ledger.coverage("argocd:shop").is_empty(), "its range would count for every service");
    assert!(memory(&ledger, &stream(&place)).is_ignored);
}

#[tokio::test]
async fn full_histories_are_no_gap_and_a_later_loss_is_counted() {
    use super::fake::World;
    use lake::{AsOf, Lake, Location};

    let full = |name: &str| {
        let app = App::new(name, name).with("/spec/revisionHistoryLimit", json!(2));
        synced(app, &["01:00", "02:00", "03:00", "04:00", "05:00"])
    };
    let (server, shared) = World::of([full("api-eu"), full("web-eu")]).at("06:00:00").serve().await;
    let source = open(config(&server.base(), json!({"token": {"env": "ARGOCD_TOKEN"}})));
    let variables = BTreeMap::from([("ARGOCD_TOKEN".to_owned(), super::fake::TOKEN.to_owned())]);
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open_or_create(&Location::Folder(folder.path().join("lake"))).await.expect("a lake");
    let reading = Reading::at(now(), &variables);
    for _ in 0..2 {
        let summary = crate::ingest(&source, &lake, &reading, &Silent).await.expect("it is read");
        assert_eq!(summary.gaps, Vec::<String>::new(), "nothing of it makes the exit code that of partial data");
    }
    let stated = || async {
        let rows: Vec<lake::tables::coverage::Row> = lake.snapshot(AsOf::Latest).await.expect("a snapshot").rows().await.expect("rows");
        let told = |row: lake::tables::coverage::Row| {
            let shown = |at: Option<Instant>| at.map_or("-".to_owned(), |at| at.to_string()[11..16].to_owned());
            let reason = row.reason.unwrap_or_default();
            let count = row.missing_count.map_or(String::new(), |count| format!(" {count}"));
            format!("{} {}-{} {}{count} {reason}", row.service.unwrap_or_default(), shown(row.range_start_at), shown(row.range_end_at), row.is_complete)
        };
        let mut told: Vec<String> = rows.into_iter().filter(|row| row.covers == "deployments").map(told).collect();
        told.sort();
        told
    };
    let begins = "it begins with the oldest sync that was left at the first reading: 3 older ones had been trimmed from the history";
    assert_eq!(stated().await, [format!("api 04:00-06:00 true {begins}"), format!("web-eu 04:00-06:00 true {begins}").replace("web-eu", "web")]);
    {
        let mut world = shared.lock().expect("no test panics with it");
        let app = synced(world.apps[0].clone(), &["06:10", "06:20", "06:30"]);
        world.apps[0] = app;
        world.clock = Some("07:00:00");
    }
    let summary = crate::ingest(&source, &lake, &reading, &Silent).await.expect("it is read");
    let lost = "syncs were trimmed from the history between two readings: read more often, or raise `revisionHistoryLimit`";
    assert_eq!(summary.gaps, [format!("`deployments`: {lost}")]);
    assert_eq!(
        stated().await,
        [
            format!("api 04:00-06:00 true {begins}"),
            format!("api 06:00-06:20 false 1 {lost}"),
            "api 06:20-07:00 true ".to_owned(),
            format!("web 04:00-07:00 true {begins}"),
        ]
    );
}
