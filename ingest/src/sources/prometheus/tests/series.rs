//! Configured series: every point of the grid once, and what numbers cannot say.

use lake::tables::samples;
use serde_json::json;

use super::fake::World;
use super::planted::{Held, START, Sample, labels};
use super::support::{Tables, at, config, run, second};
use crate::Range;
use crate::loopback::Reply;

/// A sample every 30 seconds: its own second, and now and then what is no number.
fn world() -> World {
    let mut held = Held::default();
    let up = labels(&[("__name__", "up"), ("job", "api")]);
    held.0.insert(up, (0..2880).map(|n| (START + n * 30_000, Sample::Value("1".into()))).collect());
    let series = labels(&[("__name__", "availability"), ("service", "api"), ("zone", "a,b\\c")]);
    let value = |n: i64| match n {
        100 => "NaN".to_owned(),
        102 => "+Inf".to_owned(),
        104 => "-Inf".to_owned(),
        _ => format!("{}.50000000000000001", n * 30),
    };
    held.0.insert(series, (0..2880).map(|n| (START + n * 30_000, Sample::Value(value(n)))).collect());
    let histogram = labels(&[("__name__", "availability"), ("service", "shop")]);
    held.0.insert(histogram, (0..10).map(|n| (START + n * 60_000, Sample::Histogram)).collect());
    World::new(held, START + 86_400_000)
}

fn settings() -> serde_json::Value {
    json!({ "rules": [], "series": [{
        "name": "availability", "query": "availability", "step_seconds": 60,
        "service": { "label": "service" }, "environment": { "name": "production" }
    }] })
}

async fn read_at(running: &super::support::Running, tables: &mut Tables, cursor: Option<&str>, now: i64) -> (Option<String>, Vec<String>) {
    let config = config(&running.server, &settings());
    let read = tables.read(&config, cursor, Range::default(), at(now)).await;
    read.result.expect("it is read");
    (read.cursor, read.told)
}

#[tokio::test]
async fn every_point_once_with_its_text() {
    let running = run(world(), |_, _| None).await;
    let mut tables = Tables::default();
    let (_, told) = read_at(&running, &mut tables, None, 86_400).await;
    // Until five minutes before the present.
    assert_eq!(tables.samples.len(), 86_100 / 60);
    let rows: Vec<&samples::Row> = tables.samples.values().collect();
    assert!(rows.iter().all(|row| row.labels_key == r"__name__=availability,service=api,zone=a\,b\\c"));
    assert!(rows.iter().all(|row| (row.service.as_deref(), row.environment.as_deref()) == (Some("api"), Some("production"))));
    let texts: Vec<(f64, Option<f64>, &str)> =
        rows[49..54].iter().map(|row| (second(row.sampled_at), row.value, row.value_text.as_str())).collect();
    let expected = [
        (2940.0, Some(2940.5), "2940.50000000000000001"),
        (3000.0, None, "NaN"),
        (3060.0, None, "+Inf"),
        (3120.0, None, "-Inf"),
        (3180.0, Some(3180.5), "3180.50000000000000001"),
    ];
    assert_eq!(texts, expected);
    assert_eq!(told, ["series `availability`: `15` native histograms are not kept"]);
    let gap = tables.coverage.iter().find(|row| row.covers == "samples" && !row.is_complete).expect("a gap");
    assert_eq!(gap.missing_count, Some(15), "ten of them, and the last one is carried on for five minutes");
    assert_eq!(gap.reason.as_deref(), Some("native histograms are not kept, of the series `__name__=availability,service=shop`"));
}

#[tokio::test]
async fn many_readings_and_small_answers_are_one() {
    let whole = run(world(), |_, _| None).await;
    let mut one = Tables::default();
    read_at(&whole, &mut one, None, 86_400).await;
    let running = run(world(), |_, _| None).await;
    let mut many = Tables::default();
    let mut cursor = None;
    for now in [100, 301, 359, 4000, 4000, 50_001, 86_400] {
        cursor = read_at(&running, &mut many, cursor.as_deref(), now).await.0;
    }
    assert_eq!(many.samples, one.samples);
    let spans = |tables: &Tables| -> Vec<_> {
        let rows = tables.coverage.iter().filter(|row| row.covers == "samples" && row.is_complete);
        rows.map(|row| (row.range_start_at, row.range_end_at)).collect()
    };
    assert_eq!(spans(&many), spans(&one));
    assert_eq!(spans(&one), [(Some(at(0)), Some(at(86_100)))]);
    // A server that answers for an hour at most is asked for less.
    let running = run(World { max_range: 3_600_000, ..world() }, |_, _| None).await;
    let mut small = Tables::default();
    read_at(&running, &mut small, None, 86_400).await;
    assert_eq!(small.samples, one.samples);
    // No point was asked for twice.
    let mut asked: Vec<(f64, f64)> = running
        .server
        .asked()
        .iter()
        .filter(|asked| asked.query("query").as_deref() == Some("availability"))
        .filter_map(|asked| Some((asked.query("start")?.parse().ok()?, asked.query("end")?.parse().ok()?)))
        .filter(|(start, end): &(f64, f64)| end - start <= 3600.0)
        .collect();
    asked.sort_by(|one, other| one.0.total_cmp(&other.0));
    assert!(asked.windows(2).all(|pair| (pair[1].0 - pair[0].1 - 60.0).abs() < 1e-6), "{asked:?}");
}

#[tokio::test]
async fn what_is_missing_is_stated_until_it_is_read_again() {
    let mut world = world();
    world.now = START + 700_000_000;
    let late = labels(&[("__name__", "availability"), ("service", "late")]);
    world.held.0.insert(late, (0..10).map(|n| (START + 500_000_000 + n * 60_000, Sample::Histogram)).collect());
    let settings = json!({ "rules": [], "series": [{ "name": "a", "query": "availability", "step_seconds": 30 }] });
    let missing = |cursor: Option<&str>| -> Vec<_> {
        let ledger = crate::Ledger::from_cursor(cursor).expect("our own cursor");
        let rows = ledger.coverage("prometheus:main").into_iter().filter(|row| !row.is_complete && row.covers == "samples");
        rows.map(|row| (row.range_start_at.map(second), row.missing_count)).collect()
    };
    let running = run(world.clone(), |_, _| None).await;
    let whole = Tables::default().read(&config(&running.server, &settings), None, Range::default(), at(700_000)).await;
    whole.result.expect("it is read");
    let before = missing(whole.cursor.as_deref());
    assert_eq!(before.len(), 2, "in the first chunk and in the second: {before:?}");
    // The range is read once more, and broken off after the first chunk: the second is as it was.
    let chunks = std::sync::atomic::AtomicUsize::new(0);
    let broken = run(world.clone(), move |_, asked| {
        let is_chunk = asked.query("query").as_deref() == Some("availability");
        let is_later = is_chunk && chunks.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0;
        is_later.then(|| Reply::status(401, "no\n").with("content-type", "text/plain"))
    })
    .await;
    let mut one_by_one = config(&broken.server, &settings);
    one_by_one.http.requests_in_flight = 1;
    let past = Range { since: Some(at(0)), until: Some(at(699_000)) };
    let cursor = Tables::read_broken(&one_by_one, whole.cursor.as_deref(), past, at(700_000)).await;
    assert!(cursor.is_some(), "the first chunk was committed");
    assert_eq!(missing(cursor.as_deref()), before);
    // Once nothing is missing any more, nothing is stated.
    running.world.lock().expect("no test panics").held.0.retain(|_, samples| samples.values().all(|sample| *sample != Sample::Histogram));
    let again = Tables::default().read(&config(&running.server, &settings), cursor.as_deref(), past, at(700_000)).await;
    again.result.expect("it is read");
    assert_eq!(missing(again.cursor.as_deref()), []);
}

#[tokio::test]
async fn more_points_than_one_answer_may_have() {
    let mut world = world();
    world.now = START + 700_000_000;
    let running = run(world, |_, _| None).await;
    let mut tables = Tables::default();
    let config = config(&running.server, &json!({ "rules": [], "series": [{ "name": "a", "query": "availability" , "step_seconds": 30 }] }));
    tables.read(&config, None, Range::default(), at(700_000)).await.result.expect("it is read");
    let asked: Vec<_> = running.server.asked().into_iter().filter(|asked| asked.query("query").as_deref() == Some("availability")).collect();
    assert_eq!(asked.len(), 3, "23,324 points are asked for in three");
    // The last value is carried on for five minutes behind the end, as a range query does.
    let last = tables.samples.values().map(|row| row.sampled_at).max();
    assert_eq!(last, Some(at(86_670)));
}
