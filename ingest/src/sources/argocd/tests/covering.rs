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
    assert_eq!(
        looks(&[("07:00", &app)]),
        (vec!["04:00-07:00".to_owned()], vec!["--04:00 3 older syncs had been".to_owned()])
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
