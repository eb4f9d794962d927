//! One reading, many readings, interrupted readings: the same tables.

use proptest::prelude::*;
use serde_json::json;

use super::fake::World;
use super::planted::{Alert, Held, Run, START};
use super::reading::{DAY, day};
use super::support::{Running, Tables, at, config, run};
use crate::loopback::Reply;
use crate::{NoVariables, Range, Reading, Silent, ingest};

/// Lets the world be `second` and reads it.
async fn read_at(running: &Running, tables: &mut Tables, cursor: Option<String>, second: i64, whole: &World) -> Option<String> {
    let mut held = whole.held.clone();
    for samples in held.0.values_mut() {
        samples.retain(|when, _| *when <= START + second * 1000);
    }
    *running.world.lock().expect("no test panics") = World { held, now: START + second * 1000, ..whole.clone() };
    let config = config(&running.server, &json!({}));
    let read = tables.read(&config, cursor.as_deref(), Range::default(), at(second)).await;
    read.result.expect("it is read");
    read.cursor
}

async fn read_in(world: &World, seconds: &[i64]) -> Tables {
    let running = run(world.clone(), |_, _| None).await;
    let mut tables = Tables::default();
    let mut cursor = None;
    for second in seconds {
        cursor = read_at(&running, &mut tables, cursor, *second, world).await;
    }
    tables
}

#[tokio::test]
async fn many_readings_are_one() {
    let world = day();
    let one = read_in(&world, &[86_400]).await;
    assert_eq!(one.alerts_told(), DAY);
    let hourly: Vec<i64> = (1..=24).map(|hour| hour * 3600).collect();
    assert_eq!(read_in(&world, &hourly).await, one);
    // In the middle of a firing, of a pause between two, of the waiting time, of the darkness; twice at one time.
    let odd = [10_020, 11_000, 11_990, 20_450, 20_700, 20_700, 31_500, 39_500, 40_700, 41_510, 42_000, 80_005, 86_399, 86_400];
    assert_eq!(read_in(&world, &odd).await, one);
    assert_eq!(read_in(&world, &[86_400, 86_400]).await, one);
}

#[tokio::test]
async fn late_samples_are_read_again() {
    let world = day();
    let running = run(world.clone(), |_, _| None).await;
    let mut tables = Tables::default();
    // At first one of the replicas and one of the pods are not there yet.
    let mut early = world.clone();
    early.held.0.retain(|labels, _| labels.get("pod").is_none_or(|pod| pod == "b"));
    let cursor = read_at(&running, &mut tables, None, 31_500, &early).await;
    let cursor = read_at(&running, &mut tables, cursor, 33_000, &world).await;
    read_at(&running, &mut tables, cursor, 86_400, &world).await;
    let pods: Vec<String> = tables.alerts_told().into_iter().filter(|told| told.starts_with("Pods")).collect();
    // The row that was made first stays, and says how much earlier it began: what came late was within the overlap.
    assert_eq!(pods, ["Pods pending 30000 -915 30900.123 to 31995.123±15 resolved x1 by samples"]);
}

#[tokio::test]
async fn a_reading_of_the_past_leaves_the_present_alone() {
    let world = day();
    let running = run(world.clone(), |_, _| None).await;
    let settings = config(&running.server, &json!({ "since": at(60_000).to_string() }));
    let mut tables = Tables::default();
    let first = tables.read(&settings, None, Range::default(), at(86_400)).await;
    first.result.expect("it is read");
    assert_eq!(tables.alerts_told(), DAY[6..]);
    let past = Range { since: Some(at(0)), until: Some(at(60_000)) };
    let second = tables.read(&settings, first.cursor.as_deref(), past, at(86_400)).await;
    second.result.expect("it is read");
    let third = tables.read(&settings, second.cursor.as_deref(), Range::default(), at(86_400)).await;
    third.result.expect("it is read");
    assert_eq!(tables, read_in(&world, &[86_400]).await);
    let asked = running.server.asked();
    let last = asked.iter().rev().find_map(|asked| asked.query("time")).expect("the newest was asked for");
    assert_eq!(last, "1767657599.999");
}

/// Rows of alerts and incidents, and what is stated of them.
async fn of_alerts(lake: &lake::Lake) -> (Vec<lake::tables::alerts::Row>, Vec<lake::tables::incidents::Row>, Vec<lake::tables::coverage::Row>) {
    let snapshot = lake.snapshot(lake::AsOf::Latest).await.expect("a snapshot");
    let mut alerts: Vec<lake::tables::alerts::Row> = snapshot.rows().await.expect("rows");
    let mut incidents: Vec<lake::tables::incidents::Row> = snapshot.rows().await.expect("rows");
    let mut coverage: Vec<lake::tables::coverage::Row> = snapshot.rows().await.expect("rows");
    alerts.sort_by(|a, b| (&a.alert_id, a.started_at).cmp(&(&b.alert_id, b.started_at)));
    incidents.sort_by(|a, b| (&a.incident_id, &a.service).cmp(&(&b.incident_id, &b.service)));
    coverage.sort_by(|a, b| (&a.stream, &a.covers, a.range_start_at, &a.reason).cmp(&(&b.stream, &b.covers, b.range_start_at, &b.reason)));
    (alerts, incidents, coverage)
}

async fn an_empty_lake(folder: &std::path::Path) -> lake::Lake {
    lake::Lake::open_or_create(&lake::Location::Folder(folder.to_path_buf())).await.expect("a lake")
}

#[tokio::test]
async fn other_settings_give_the_tables_of_a_fresh_lake() {
    let world = day();
    let running = run(world.clone(), |_, _| None).await;
    let others = [
        json!({ "alerts": { "external_labels": { "cluster": "eu-1" } } }),
        json!({ "alerts": { "identity": ["pod"], "flapping_seconds": 0 } }),
        json!({ "rules": [], "alerts": { "matching": ["alertname!=\"Plain\""] } }),
        json!({ "rules": [{ "alert": "P.*", "service": { "name": "web" }, "minimum_seconds": 1000 }] }),
    ];
    for other in others {
        let folder = tempfile::tempdir().expect("a folder");
        let lake = an_empty_lake(&folder.path().join("lake")).await;
        let reading = |second| Reading::at(at(second), &NoVariables);
        let source = |more: &serde_json::Value| crate::sources::prometheus::open(config(&running.server, more));
        // The first reading begins late enough that the second can read all of it again, whichever the start is.
        let late = json!({ "since": at(25_000).to_string() });
        running.world.lock().expect("no test panics").now = START + 81_000_000;
        ingest(&source(&late), &lake, &reading(81_000), &Silent).await.expect("it is read");
        assert_eq!(of_alerts(&lake).await.0.iter().filter(|row| row.ended_at.is_none()).count(), 1);
        running.world.lock().expect("no test panics").now = world.now;
        ingest(&source(&other), &lake, &reading(86_400), &Silent).await.expect("it is read");
        let fresh = an_empty_lake(&folder.path().join("fresh")).await;
        ingest(&source(&other), &fresh, &reading(86_400), &Silent).await.expect("it is read");
        assert_eq!(of_alerts(&lake).await, of_alerts(&fresh).await, "{other}");
        let (lake, fresh) = (lake.snapshot(lake::AsOf::Latest).await, fresh.snapshot(lake::AsOf::Latest).await);
        let (lake, fresh) = (lake.expect("a snapshot").input_digests().await, fresh.expect("a snapshot").input_digests().await);
        assert_eq!(lake.expect("digests"), fresh.expect("digests"), "{other}");
    }
}

#[tokio::test]
async fn what_the_server_no_longer_holds_is_replaced_only_where_that_is_asked_for() {
    let world = day();
    let running = run(world.clone(), |_, _| None).await;
    let mut tables = Tables::default();
    let cursor = read_at(&running, &mut tables, None, 81_000, &world).await;
    let is_open = |tables: &Tables| tables.incidents.values().filter(|row| row.resolved_at.is_none()).count();
    assert_eq!(is_open(&tables), 1);
    *running.world.lock().expect("no test panics") = World { retention: "12h".to_owned(), ..world.clone() };
    let renamed = config(&running.server, &json!({ "alerts": { "external_labels": { "cluster": "eu-1" } } }));
    let read = tables.read(&renamed, cursor.as_deref(), Range::default(), at(86_400)).await;
    read.result.expect("it is read");
    assert!(read.told[0].starts_with("settings that shape alerts have changed"), "{:?}", read.told);
    let mut open: Vec<_> = tables.alerts_told().into_iter().filter(|told| told.starts_with("Open")).collect();
    open.sort();
    let expected = [
        "Open pending 80010 -15 80010.123 to .. firing x1 by samples",
        "Open pending 80010 -15 80010.123 to 80985.123±15 uncertain x1 by samples",
    ];
    assert_eq!(open, expected);
    assert_eq!(is_open(&tables), 1);
    // It is told once.
    let again = tables.read(&renamed, read.cursor.as_deref(), Range::default(), at(86_400)).await;
    assert_eq!(again.told, Vec::<String>::new());
    // From where everything began, on demand: what a fresh lake would hold.
    let range = Range { since: Some(at(0)), until: None };
    let mut refreshed = Tables::default();
    refreshed.read(&renamed, again.cursor.as_deref(), range, at(86_400)).await.result.expect("it is read");
    let mut fresh = Tables::default();
    fresh.read(&renamed, None, range, at(86_400)).await.result.expect("it is read");
    assert_eq!(refreshed, fresh);
}

#[tokio::test]
async fn an_end_that_nobody_could_see_yet_is_not_forgotten() {
    // It stops firing a minute before the server goes down, which is down for longer than anything is usually remembered.
    let mut held = Held::default();
    let run = Run { down: vec![(8689, 11_380)], ..Run::new(30, 0, 14_400) };
    held.scrape(&run);
    held.evaluate(&run, &Alert::new(&[("alertname", "A"), ("service", "api")], 0, &[(7797, 8611)]));
    let world = World::new(held, START + 14_400_000).with_rule("A", 30, 0);
    let one = read_in(&world, &[14_400]).await;
    assert_eq!(one.alerts_told(), ["A pending 7800 -30 7800 to 8610±2820 uncertain x1 by samples"]);
    assert_eq!(read_in(&world, &[11_011, 14_400]).await, one);
}

#[tokio::test]
async fn what_was_seen_to_end_does_not_go_on_after_a_crash() {
    // It is over by two evaluations when the server goes down, and fires again as soon as it is back.
    let mut held = Held::default();
    let run = Run { down: vec![(4286, 7155)], ..Run::new(30, 0, 14_400) };
    held.scrape(&run);
    held.evaluate(&run, &Alert::new(&[("alertname", "A"), ("service", "api")], 83, &[(2850, 4111), (5937, 7261)]));
    let world = World::new(held, START + 14_400_000).with_rule("A", 30, 83);
    let one = read_in(&world, &[14_400]).await;
    let expected = [
        "A pending 2850 -30 2940 to 4110±30 resolved x1 by samples",
        "A pending 7170 -3000 7260 to 7260±30 resolved x1 by samples",
    ];
    assert_eq!(one.alerts_told(), expected);
    assert_eq!(read_in(&world, &[3718, 7090, 9358, 12_817, 14_400]).await, one);
}

#[tokio::test]
async fn interrupted_after_any_request_and_taken_up_again() {
    let world = day();
    let one = read_in(&world, &[86_400]).await;
    let count = {
        let running = run(world.clone(), |_, _| None).await;
        read_at(&running, &mut Tables::default(), None, 86_400, &world).await;
        running.server.asked().len()
    };
    assert!(count > 8);
    for last in 1..count {
        // From here on the server is not there.
        let gone = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
        let is_gone = gone.clone();
        let running = run(world.clone(), move |number, _| {
            (number >= last && is_gone.load(std::sync::atomic::Ordering::SeqCst)).then_some(Reply::Reset)
        })
        .await;
        let settings = config(&running.server, &json!({}));
        let mut tables = Tables::default();
        let first = tables.read(&settings, None, Range::default(), at(86_400)).await;
        let cursor = first.result.is_ok().then_some(first.cursor).flatten();
        assert!(cursor.is_none() || first.told.iter().any(|told| !told.is_empty()), "a failure is told");
        gone.store(false, std::sync::atomic::Ordering::SeqCst);
        let second = tables.read(&settings, cursor.as_deref(), Range::default(), at(86_400)).await;
        second.result.expect("the server is back");
        assert_eq!(tables, one, "interrupted after request {last}");
    }
}

#[tokio::test]
async fn a_lake_holds_the_same_after_a_reading_that_was_cut_off() {
    use lake::{AsOf, Lake, Location};
    let world = day();
    let mut digests = Vec::new();
    for cut in [None, Some(6)] {
        let running = run(world.clone(), move |number, _| {
            // The token is revoked in the middle: the reading fails as a whole, then it is valid again.
            (Some(number) == cut).then(|| Reply::status(401, "expired").with("content-type", "text/plain"))
        })
        .await;
        let folder = tempfile::tempdir().expect("a folder");
        let lake = Lake::open_or_create(&Location::Folder(folder.path().join("lake"))).await.expect("a lake");
        let source = crate::sources::prometheus::open(config(&running.server, &json!({})));
        let reading = Reading::at(at(86_400), &NoVariables);
        let first = ingest(&source, &lake, &reading, &Silent).await;
        assert_eq!(first.err().map(|error| error.code()), cut.map(|_| "ingest::auth"));
        ingest(&source, &lake, &reading, &Silent).await.expect("it is read");
        let snapshot = lake.snapshot(AsOf::Latest).await.expect("a snapshot");
        digests.push(snapshot.input_digests().await.expect("digests"));
    }
    assert_eq!(digests[0], digests[1]);
    assert!(digests[0].contains_key("alerts") && digests[0].contains_key("coverage"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever fires whenever, and whenever it is read.
    #[test]
    fn readings_at_any_times_are_one(
        spells in prop::collection::vec((0_i64..14_000, 1_i64..2500), 1..6),
        times in prop::collection::btree_set(1_i64..14_399, 0..5),
        hold in 0_i64..120,
        down in (0_i64..14_000, 0_i64..3000),
    ) {
        let mut held = Held::default();
        let run = Run { down: vec![(down.0, down.0 + down.1)], ..Run::new(30, 0, 14_400) };
        held.scrape(&run);
        let on: Vec<(i64, i64)> = spells.iter().map(|(start, length)| (*start, start + length)).collect();
        held.evaluate(&run, &Alert::new(&[("alertname", "A"), ("service", "api")], hold, &on));
        let world = World::new(held, START + 14_400_000).with_rule("A", 30, hold);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let one = read_in(&world, &[14_400]).await;
            let times: Vec<i64> = times.into_iter().chain([14_400]).collect();
            let many = read_in(&world, &times).await;
            prop_assert_eq!(many.alerts_told(), one.alerts_told());
            prop_assert_eq!(many, one);
            Ok(())
        })?;
    }
}
