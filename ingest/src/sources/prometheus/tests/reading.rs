//! Readings of planted worlds: what a server does to samples, and what is made of it.

use lake::tables::coverage;
use serde_json::json;

use super::fake::World;
use super::planted::{Alert, Held, Run, START, Sample, labels};
use super::support::{Tables, at, config, run};
use crate::Range;
use crate::loopback::Loopback;

/// A day with an alert of every kind, evaluated every 15 s.
pub(super) fn day() -> World {
    let mut held = Held::default();
    let times = Run { offset: 123, down: vec![(40_000, 41_500)], ..Run::new(15, 0, 86_400) };
    held.scrape(&times);
    let alert = |name, more: &[(&str, &str)], hold, on: &[(i64, i64)]| {
        let pairs = [&[("alertname", name), ("service", "api")], more].concat();
        Alert::new(&pairs, hold, on)
    };
    // A plain one, one that never gets beyond waiting, and one that is open at the end.
    held.evaluate(&times, &alert("Plain", &[], 30, &[(10_000, 12_000), (50_000, 50_020)]));
    held.evaluate(&times, &alert("Open", &[], 0, &[(80_000, 90_000)]));
    // It flaps three times within ten minutes, then once more after an hour.
    held.evaluate(&times, &alert("Flapping", &[], 0, &[(20_000, 20_100), (20_400, 20_500), (20_900, 21_000), (24_600, 24_700)]));
    // Pods come and go, two replicas watch.
    held.evaluate(&times, &alert("Pods", &[("pod", "a"), ("replica", "0")], 0, &[(30_000, 31_000)]));
    held.evaluate(&times, &alert("Pods", &[("pod", "b"), ("replica", "0")], 0, &[(30_900, 32_000)]));
    let other = Run { offset: 4123, ..times.clone() };
    held.evaluate(&other, &alert("Pods", &[("pod", "a"), ("replica", "1")], 0, &[(30_000, 31_000)]));
    // It fires while the server goes down and when it is back; another one is over by then.
    held.evaluate(&times, &alert("Through", &[], 0, &[(39_000, 43_000)]));
    held.evaluate(&times, &alert("Lost", &[], 0, &[(39_000, 40_500)]));
    let mut world = World::new(held, START + 86_400_000);
    for (name, hold) in [("Plain", 30), ("Open", 0), ("Flapping", 0), ("Pods", 0), ("Through", 0), ("Lost", 0)] {
        world = world.with_rule(name, 15, hold);
    }
    world
}

/// What comes of it, to the millisecond.
pub(super) const DAY: [&str; 7] = [
    "Plain pending 10005 -15 10035.123 to 11985.123±15 resolved x1 by samples",
    "Flapping pending 20010 -15 20010.123 to 20985.123±15 resolved x3 by samples",
    "Flapping pending 24600 -15 24600.123 to 24690.123±15 resolved x1 by samples",
    "Pods pending 30000 -15 30000.123 to 31995.123±15 resolved x1 by samples",
    "Lost pending 39000 -15 39000.123 to 39990.123±1544.877 uncertain x1 by samples",
    "Through pending 39000 -15 39000.123 to 42990.123±15 uncertain x1 by samples",
    "Open pending 80010 -15 80010.123 to .. firing x1 by samples",
];

async fn read(world: World, more: serde_json::Value) -> (Tables, Vec<String>, Loopback) {
    let running = run(world, |_, _| None).await;
    let mut tables = Tables::default();
    let now = at(86_400);
    let read = tables.read(&config(&running.server, &more), None, Range::default(), now).await;
    read.result.expect("it is read");
    (tables, read.told, running.server)
}

fn incomplete(tables: &Tables, table: &str) -> Vec<(f64, f64, String)> {
    let second = |at: Option<lake::Instant>| super::support::second(at.expect("a range"));
    let rows = tables.coverage.iter().filter(|row| !row.is_complete && row.covers == table);
    rows.map(|row: &coverage::Row| {
        (second(row.range_start_at), second(row.range_end_at), row.reason.clone().expect("a reason"))
    })
    .collect()
}

#[tokio::test]
async fn a_day_of_alerts() {
    let (tables, told, _) = read(day(), json!({})).await;
    assert_eq!(tables.alerts_told(), DAY);
    assert_eq!(told, Vec::<String>::new());
    let opened: Vec<_> = tables.incidents.values().map(|row| (row.title.clone().expect("a title"), row.resolved_at)).collect();
    assert_eq!(opened.len(), 7, "{opened:?}");
    // The server was down for 25 minutes: whoever asks what happened then is told that nobody knows.
    let dark = "the server recorded nothing at this time".to_owned();
    for table in ["alerts", "incidents"] {
        assert_eq!(incomplete(&tables, table), [(40_080.0, 41_400.0, dark.clone())]);
    }
    let whole: Vec<_> = tables.coverage.iter().filter(|row| row.is_complete).collect();
    let services: Vec<_> = whole.iter().map(|row| (row.covers.as_str(), row.service.as_deref())).collect();
    assert_eq!(services, [("alerts", None), ("incidents", Some("api"))]);
    assert!(whole.iter().all(|row| row.range_start_at == Some(at(0)) && row.range_end_at == Some(at(86_400))));
}

#[tokio::test]
async fn left_open_ranges_give_the_same() {
    let world = World { is_left_open: true, ..day() };
    assert_eq!(read(world, json!({})).await.0.alerts_told(), DAY);
    // A window of one evaluation puts every sample on an edge.
    let mut held = Held::default();
    let times = Run::new(60, 0, 7200);
    held.scrape(&times);
    held.evaluate(&times, &Alert::new(&[("alertname", "Edges")], 0, &[(600, 1200)]));
    for is_left_open in [false, true] {
        let world = World { is_left_open, ..World::new(held.clone(), START + 7_200_000).with_rule("Edges", 60, 0) };
        let (tables, ..) = read(world, json!({ "alerts": { "window_minutes": 1 } })).await;
        assert_eq!(tables.alerts_told(), ["Edges pending 600 -60 600 to 1140±60 resolved x1 by samples"]);
    }
}

#[tokio::test]
async fn every_row_is_the_same_whichever_edge_of_a_range_counts() {
    // Evaluations fall on whole seconds, so that every kind of edge is met: of windows, of buckets, of steps.
    let mut held = Held::default();
    let times = Run { down: vec![(3000, 3600)], ..Run::new(60, 0, 7200) };
    held.scrape(&times);
    for (name, on) in [("One", [(600, 1200), (1500, 1560)]), ("Two", [(2400, 4200), (7000, 7200)])] {
        held.evaluate(&times, &Alert::new(&[("alertname", name), ("service", "api")], 60, &on));
    }
    let world = World::new(held, START + 7_200_000).with_rule("One", 60, 60).with_rule("Two", 60, 60);
    let series = json!([{ "name": "up", "query": "up", "step_seconds": 60, "lag_seconds": 0 }]);
    for alerts in [
        json!({}),
        json!({ "window_minutes": 1 }),
        json!({ "window_minutes": 7 }),
        json!({ "method": "range_query" }),
        json!({ "method": "range_query", "window_minutes": 11 }),
        json!({ "presence_seconds": 60 }),
    ] {
        let more = json!({ "alerts": alerts, "series": series });
        let (closed, ..) = read(world.clone(), more.clone()).await;
        let (open, ..) = read(World { is_left_open: true, ..world.clone() }, more).await;
        assert!(!closed.alerts.is_empty() && !closed.samples.is_empty());
        assert_eq!(open, closed, "{alerts}");
    }
}

#[tokio::test]
async fn what_is_kept_firing_ends_when_its_condition_did() {
    let mut held = Held::default();
    let times = Run::new(15, 0, 7200);
    held.scrape(&times);
    let alert = |name| Alert::new(&[("alertname", name), ("service", "api")], 30, &[(1000, 1600), (1700, 1900)]);
    held.evaluate(&times, &alert("Plain"));
    held.evaluate(&times, &alert("Kept").keeping(300));
    let world = |rules: &[&str]| {
        let world = World::new(held.clone(), START + 7_200_000);
        rules.iter().fold(world, |world, name| world.with_rule(name, 15, 30))
    };
    let of = |world: World, more: serde_json::Value| async move {
        let (tables, ..) = read(world, more).await;
        let ends: Vec<_> = tables.incidents.values().map(|row| row.resolved_at.map(super::support::second)).collect();
        (tables.alerts_told(), ends)
    };
    // The server says so. The pause between is shorter than what it keeps, so that it is one firing and not two.
    let (told, ends) = of(world(&["Kept"]).keeping(300).with_rule("Plain", 15, 30), json!({})).await;
    let expected = [
        "Kept pending 1005 -15 1035 to 1890±15 resolved x1 by samples",
        "Plain pending 1005 -15 1035 to 1890±15 resolved x2 by samples",
    ];
    assert_eq!(told, expected);
    assert_eq!(ends, [Some(1890.0), Some(1890.0)]);
    // It says nothing of its rules: then the settings may, and otherwise the error says what is not known.
    let settings = json!({ "alerts": { "evaluation_seconds": 15, "keep_firing_seconds": 300 } });
    assert_eq!(of(world(&[]), settings).await.0[0], expected[0]);
    let (told, _) = of(world(&[]), json!({ "alerts": { "evaluation_seconds": 15 } })).await;
    assert_eq!(
        told,
        [
            "Kept pending 1005 -15 1035 to 2190±1155 resolved x1 by samples",
            "Plain pending 1005 -15 1035 to 1890±150 resolved x2 by samples",
        ]
    );
    // Two rules have the name, and one keeps its alert.
    let (told, _) = of(world(&["Kept"]).keeping(300).with_rule("Kept", 15, 30), json!({})).await;
    assert!(told.contains(&"Kept pending 1005 -15 1035 to 2190±300 resolved x1 by samples".to_owned()), "{told:?}");
}

#[tokio::test]
async fn without_a_start_in_the_settings_the_data_begin_with_what_there_is() {
    let mut world = day();
    world.held.forget_before(31_000);
    let running = run(world, |_, _| None).await;
    let settings = config(&running.server, &json!({ "since": null }));
    let mut tables = Tables::default();
    let mut cursor = None;
    for _ in 0..2 {
        let read = tables.read(&settings, cursor.as_deref(), Range::default(), at(86_400)).await;
        read.result.expect("it is read");
        cursor = read.cursor;
        // Only the time in which the server was down is missing; what lies before the data is none of them.
        let gaps: Vec<(f64, f64)> = incomplete(&tables, "alerts").into_iter().map(|(start, end, _)| (start, end)).collect();
        assert_eq!(gaps, [(40_080.0, 41_400.0)]);
        let whole = tables.coverage.iter().filter(|row| row.is_complete && row.covers == "alerts");
        let whole: Vec<_> = whole.map(|row| (row.range_start_at, row.range_end_at, row.reason.as_deref())).collect();
        let begins = "it begins with the oldest that the server still held at the first reading";
        assert_eq!(whole, [(Some(at(30_960)), Some(at(86_400)), Some(begins))]);
    }
    let pods = tables.alerts_told().remove(0);
    assert_eq!(pods, "Pods pending 30900 -15 30900 to 31995.123±15 resolved x1 by samples");
}

#[tokio::test]
async fn a_server_that_had_recorded_nothing_yet_is_known_from_its_first_record_on() {
    let mut whole = Held::default();
    let times = Run::new(15, 3000, 14_400);
    whole.scrape(&times);
    whole.evaluate(&times, &Alert::new(&[("alertname", "Early"), ("service", "api")], 0, &[(3000, 3300), (5000, 5600)]));
    let until = |second: i64| {
        let mut held = whole.clone();
        held.0.values_mut().for_each(|samples| samples.retain(|when, _| *when <= START + second * 1000));
        held.0.retain(|_, samples| !samples.is_empty());
        World { retention: "2d".to_owned(), ..World::new(held, START + second * 1000).with_rule("Early", 15, 0) }
    };
    let read_at = async |seconds: &[i64]| {
        let running = run(until(0), |_, _| None).await;
        let settings = config(&running.server, &json!({ "since": null, "alerts": { "window_minutes": 60 } }));
        let (mut tables, mut cursor, mut stated) = (Tables::default(), None, Vec::new());
        for second in seconds {
            *running.world.lock().expect("no test panics") = until(*second);
            let read = tables.read(&settings, cursor.as_deref(), Range::default(), at(*second)).await;
            read.result.expect("it is read");
            cursor = read.cursor;
            stated.push(incomplete(&tables, "alerts").len());
        }
        (tables, stated)
    };
    let (expected, _) = read_at(&[14_400]).await;
    let whole: Vec<_> = expected.coverage.iter().map(|row| (row.is_complete, row.range_start_at, row.range_end_at)).collect();
    assert_eq!(whole, [(true, Some(at(3000)), Some(at(14_400))); 2], "alerts, and incidents of the service");
    // Nothing was there, then nothing still, then a first evaluation, a first scrape, and everything.
    for seconds in [&[600, 14_400][..], &[600, 1200, 3000, 3001, 3100, 14_400], &[2990, 3000, 14_400]] {
        let (tables, stated) = read_at(seconds).await;
        assert_eq!(tables, expected, "{seconds:?}");
        assert_eq!((stated[0], stated.last()), (1, Some(&0)), "nothing is known at first, in {seconds:?}");
    }
}

#[tokio::test]
async fn what_was_read_in_time_stays_read_when_the_server_no_longer_keeps_it() {
    let running = run(World { retention: "12h".to_owned(), ..day() }, |_, _| None).await;
    let settings = config(&running.server, &json!({ "since": null, "alerts": { "presence": "" } }));
    let mut tables = Tables::default();
    let read = tables.read(&settings, None, Range::default(), at(86_400)).await;
    let cursor = read.cursor;
    assert!(incomplete(&tables, "alerts").is_empty());
    running.world.lock().expect("no test panics").now += 6 * 3_600_000;
    tables.read(&settings, cursor.as_deref(), Range::default(), at(86_400 + 6 * 3600)).await.result.expect("it is read");
    assert_eq!(incomplete(&tables, "alerts"), []);
    // What passed while nobody read and nothing was kept is a gap.
    running.world.lock().expect("no test panics").now += 24 * 3_600_000;
    tables.read(&settings, cursor.as_deref(), Range::default(), at(86_400 + 30 * 3600)).await.result.expect("it is read");
    let gaps: Vec<(f64, f64)> = incomplete(&tables, "alerts").into_iter().map(|(start, end, _)| (start, end)).collect();
    assert_eq!(gaps, [(86_400.0, 86_400.0 + 18.0 * 3600.0)]);
}

#[tokio::test]
async fn without_a_rule_no_incident_is_made() {
    let (tables, ..) = read(day(), json!({ "rules": [] })).await;
    assert_eq!(tables.alerts.len(), 7);
    assert!(tables.incidents.is_empty());
    assert!(tables.coverage.iter().all(|row| row.covers == "alerts"), "quiet speaks for nobody");
}

#[tokio::test]
async fn rules_say_what_is_an_incident_of_whom() {
    let rules = json!([
        { "alert": "Flapping", "service": { "name": "noise" }, "incident": false },
        { "alert": "Pods|Plain", "service": { "name": "shop" }, "environment": { "name": "staging" },
          "severity": { "name": "high" }, "minimum_seconds": 1950 },
        { "labels": { "service": "api" }, "alert": "Op.*", "service": { "label": "service" } },
        { "alert": "Lost", "service": { "label": "team" } },
    ]);
    let (tables, ..) = read(day(), json!({ "rules": rules })).await;
    let told: Vec<_> = tables
        .incidents
        .values()
        .map(|row| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            format!("{} {} {} {}", text(&row.title), text(&row.service), text(&row.environment), text(&row.severity))
        })
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    // `Plain` fired for 1950 s and `Pods` for 1995 s; `Lost` has no label `team`.
    assert_eq!(told, ["Open api  ", "Plain shop staging high", "Pods shop staging high"]);
    let services: Vec<_> =
        tables.coverage.iter().filter(|row| row.covers == "incidents" && row.is_complete).map(|row| row.service.as_deref()).collect();
    assert_eq!(services, [Some("api"), Some("shop")]);
    let longer = json!({ "rules": [{ "alert": "Plain", "service": { "name": "shop" }, "minimum_seconds": 1951 }] });
    assert!(read(day(), longer).await.0.incidents.is_empty());
}

#[tokio::test]
async fn range_queries_where_samples_are_refused() {
    let world = World { refuses_samples: true, ..day() };
    let (tables, ..) = read(world, json!({})).await;
    let expected: Vec<String> = DAY
        .iter()
        .map(|told| told.replace("by samples", "by range_query").replace(" -15 ", " -30 ").replace("±15 ", "±30 "))
        .map(|told| told.replace("±1544.877", "±1559.877"))
        .collect();
    assert_eq!(tables.alerts_told(), expected);
}

#[tokio::test]
async fn what_was_backfilled_ends_when_it_ended() {
    // No marker says that the series has ended: a range query carries its last value on for five minutes.
    let mut held = Held::default();
    let times = Run { marks: false, ..Run::new(15, 0, 7200) };
    held.scrape(&times);
    held.evaluate(&times, &Alert::new(&[("alertname", "Old")], 0, &[(600, 1200)]));
    for (refuses_samples, error) in [(false, 60), (true, 120)] {
        let world = World { refuses_samples, ..World::new(held.clone(), START + 7_200_000) };
        let (tables, ..) = read(world, json!({ "alerts": { "keep_firing_seconds": 0 } })).await;
        let by = if refuses_samples { "range_query" } else { "samples" };
        let expected = format!("Old pending 600 -{error} 600 to 1185±{error} resolved x1 by {by}");
        assert_eq!(tables.alerts_told(), [expected]);
    }
}

#[tokio::test]
async fn a_question_that_is_too_large_is_halved() {
    let (whole, _, undisturbed) = read(day(), json!({})).await;
    for world in [World { max_samples: 400, ..day() }, World { max_range: 3_600_000, ..day() }] {
        let (tables, told, server) = read(world, json!({})).await;
        assert_eq!((tables.alerts, tables.incidents), (whole.alerts.clone(), whole.incidents.clone()));
        assert_eq!(told, Vec::<String>::new());
        assert!(server.asked().len() > undisturbed.asked().len() + 2);
    }
}

#[tokio::test]
async fn what_the_server_never_gives_is_a_gap() {
    // Fewer samples than the smallest window holds.
    let world = World { max_samples: 3, ..day() };
    let (tables, ..) = read(world, json!({ "alerts": { "smallest_window_seconds": 300 } })).await;
    let gaps = incomplete(&tables, "alerts");
    assert!(gaps.len() > 10);
    assert!(gaps.iter().any(|(_, _, reason)| reason.contains("too many samples")), "{gaps:?}");
}

#[tokio::test]
async fn warnings_are_gaps_and_remarks_are_told() {
    let world = World { warning: Some("store eu-2 did not answer"), remark: Some("metric might not be a counter"), ..day() };
    let (tables, told, _) = read(world, json!({})).await;
    let gaps = incomplete(&tables, "alerts");
    assert!(gaps.iter().any(|(_, _, reason)| reason == "the answer may be partial, says the server: store eu-2 did not answer"));
    assert_eq!(told, ["the server remarks: metric might not be a counter"]);
    assert_eq!(tables.alerts_told(), DAY, "what came is kept");
}

#[tokio::test]
async fn before_what_is_kept_lies_a_gap() {
    let mut world = day();
    world.held.forget_before(31_000);
    let (tables, ..) = read(world, json!({})).await;
    let reason = "the server holds nothing of this time: it lies before what it keeps, or before it ran";
    assert_eq!(incomplete(&tables, "alerts")[0], (0.0, 30_960.0, reason.to_owned()));
    // `Pods` fired at the edge; the server remembers since when. Nothing before it is known, nor claimed.
    let pods = tables.alerts_told().remove(0);
    assert_eq!(pods, "Pods pending 30900 -15 30900 to 31995.123±15 resolved x1 by samples");
    assert_eq!(tables.alerts.len(), 4);
}

#[tokio::test]
async fn a_range_is_followed_beyond_its_ends() {
    let running = run(day(), |_, _| None).await;
    let config = config(&running.server, &json!({}));
    let now = at(86_400);
    // From the middle of `Plain` to the middle of `Pods`.
    let mut tables = Tables::default();
    let range = Range { since: Some(at(11_000)), until: Some(at(30_500)) };
    tables.read(&config, None, range, now).await.result.expect("it is read");
    assert_eq!(tables.alerts_told(), DAY[..4]);
    let stated: Vec<_> =
        tables.coverage.iter().filter(|row| row.covers == "alerts").map(|row| (row.range_start_at, row.range_end_at)).collect();
    assert_eq!(stated, [(Some(at(11_000)), Some(at(30_500)))], "only what was asked for is stated");
}

#[tokio::test]
async fn a_password_that_is_said_back_is_not_shown() {
    let running = run(day(), |_, asked| {
        let said = format!("{} is not open-sesame-1001", asked.header("authorization").unwrap_or_default());
        Some(crate::loopback::Reply::status(401, said).with("content-type", "text/plain"))
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "open-sesame-1001\n").expect("a file");
    let auth = json!({ "auth": { "basic": { "user": "ada", "password": { "file": file } } } });
    let read = Tables::default().read(&config(&running.server, &auth), None, Range::default(), at(86_400)).await;
    let error = read.result.expect_err("it is refused");
    assert!(format!("{error:?}").contains("Basic *** is not ***"), "{error:?}");
}

#[tokio::test]
async fn any_compatible_server() {
    let world = World { prefix: "/tenants/prometheus", ..day() };
    let running = run(world, |_, asked| {
        let is_known = matches!(asked.header("authorization"), Some("Basic YWRhOnNlc2FtZQ==" | "Bearer sesame"));
        (asked.header("x-scope-orgid") != Some("team-a") || !is_known).then(|| crate::loopback::Reply::status(401, "no org id").with("content-type", "text/plain"))
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "sesame\n").expect("a file");
    for auth in [json!({ "basic": { "user": "ada", "password": { "file": file } } }), json!({ "bearer": { "file": file } })] {
        let more = json!({
            "url": format!("{}/tenants/prometheus/", running.server.base()),
            "tenant": "team-a",
            "auth": auth,
            "alerts": { "matching": [format!("alertname!~\"{}\"", "x".repeat(3000))] },
        });
        let config = config(&running.server, &more);
        let mut tables = Tables::default();
        let read = tables.read(&config, None, Range::default(), at(86_400)).await;
        read.result.expect("it is read");
        assert_eq!(tables.alerts_told(), DAY);
        let cursor = read.cursor.expect("a cursor");
        assert!(!cursor.contains("sesame") && !read.told.join("").contains("sesame"));
    }
    assert!(running.server.asked().iter().any(|asked| asked.line.starts_with("POST ")), "a long query is sent as a form");
}

#[tokio::test]
async fn a_series_that_is_none_is_told_and_the_rest_is_kept() {
    let running = run(day(), |_, _| None).await;
    let world = running.world.clone();
    let server = Loopback::start(move |asked| {
        let reply = world.lock().expect("no test panics").answer(asked);
        let crate::loopback::Reply::Page { status, headers, body } = reply else { return reply };
        let body = String::from_utf8(body).expect("text");
        // One series has a value that is no pair.
        let body = body.replacen(r#""result":[{"metric":{"__name__":"ALERTS","alertname":"Open""#, r#""result":[{"metric":{"alertname":"Odd"},"values":[[1]]},{"metric":{"__name__":"ALERTS","alertname":"Open""#, 1);
        crate::loopback::Reply::Page { status, headers, body: body.into_bytes() }
    })
    .await;
    let mut tables = Tables::default();
    let read = tables.read(&config(&server, &json!({})), None, Range::default(), at(86_400)).await;
    read.result.expect("it is read");
    assert_eq!(tables.alerts_told(), DAY);
    let gaps = incomplete(&tables, "alerts");
    let odd = gaps.iter().find(|(_, _, reason)| reason.contains("Odd")).expect("it is told");
    assert_eq!(odd.2, r#"item `0` (`{"alertname":"Odd"}`) is no series with `[time, "value"]` pairs"#);
}

#[tokio::test]
async fn a_clock_ahead_of_the_server_reads_no_future() {
    let mut world = day();
    world.now = START + 82_000_000;
    let mut held = world.held.clone();
    for samples in held.0.values_mut() {
        samples.retain(|when, _| *when < START + 82_000_000);
    }
    let world = World { held, ..world };
    let (tables, ..) = read(world, json!({})).await;
    let row = tables.alerts.values().find(|row| row.name == "Open").expect("it fires");
    assert_eq!((row.ended_at, row.end_basis.as_str()), (None, "firing"));
    assert!(tables.coverage.iter().all(|row| row.range_end_at <= Some(at(82_000))));
}

#[tokio::test]
async fn nothing_to_be_seen_at_all() {
    let mut held = Held::default();
    held.0.insert(labels(&[("__name__", "other")]), [(START, Sample::Value("1".into()))].into());
    let (tables, told, _) = read(World::new(held, START + 86_400_000), json!({})).await;
    assert!(tables.alerts.is_empty());
    assert_eq!(told, ["`up` was never there: does `presence` name a series that always is?"]);
    let gaps = incomplete(&tables, "alerts");
    assert_eq!((gaps[0].0, gaps[0].1), (0.0, 86_400.0), "quiet of a server that holds nothing is no quiet");
}
