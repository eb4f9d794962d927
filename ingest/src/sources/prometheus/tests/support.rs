//! Reading a planted world, and what came of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use lake::tables::{alerts, coverage, incidents, samples};
use lake::{Instant, TableRow};

use super::fake::World;
use super::planted::START;
use crate::http::Pause;
use crate::loopback::{Asked, Loopback, Reply};
use crate::sources::prometheus::{Config, FILLS, PrometheusSource};
use crate::{NoVariables, Range, Reading, Reporter, Sink, Source, SourceError};

/// A second after the start of the planted world.
pub(super) fn at(second: i64) -> Instant {
    Instant((START + second * 1000) * 1000)
}

/// The second of an instant, after the start of the planted world.
pub(super) fn second(at: Instant) -> f64 {
    (at.0 / 1000 - START) as f64 / 1000.0
}

/// What is told on the way.
#[derive(Debug, Default)]
pub(super) struct Told(pub(super) Mutex<Vec<String>>);

impl Reporter for Told {
    fn begin(&self, _what: &str, _total: Option<u64>) {}
    fn advance(&self, _steps: u64) {}
    fn gap(&self, sentence: &str) {
        self.0.lock().expect("no test panics while it tells").push(sentence.to_owned());
    }
}

/// A server with a world that may change.
pub(super) struct Running {
    pub(super) server: Loopback,
    pub(super) world: Arc<Mutex<World>>,
}

/// Starts a server that answers as its world does, unless `fault` says otherwise for the request of that number.
pub(super) async fn run(world: World, fault: impl Fn(usize, &Asked) -> Option<Reply> + Send + Sync + 'static) -> Running {
    let world = Arc::new(Mutex::new(world));
    let (seen, count) = (world.clone(), Mutex::new(0));
    let server = Loopback::start(move |asked| {
        let mut count = count.lock().expect("no test panics while it answers");
        *count += 1;
        fault(*count - 1, asked).unwrap_or_else(|| seen.lock().expect("no test panics").answer(asked))
    })
    .await;
    Running { server, world }
}

/// Settings for a server, from JSON.
pub(super) fn config(server: &Loopback, more: &serde_json::Value) -> Config {
    let mut settings = serde_json::json!({
        "url": server.base(),
        "http": { "attempts": 3, "read_timeout_seconds": 1, "requests_in_flight": 2 },
        "since": at(0).to_string(),
        "rules": [{ "service": { "label": "service" }, "minimum_seconds": 0 }],
    });
    for (key, value) in more.as_object().expect("settings are an object") {
        settings[key] = value.clone();
    }
    serde_json::from_value(settings).expect("the settings can be read")
}

/// Rows by key, as the lake keeps them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tables {
    pub(super) alerts: BTreeMap<(String, Instant), alerts::Row>,
    pub(super) incidents: BTreeMap<(String, Option<String>), incidents::Row>,
    pub(super) samples: BTreeMap<(String, String, Instant), samples::Row>,
    /// Of the last reading only.
    pub(super) coverage: Vec<coverage::Row>,
}

/// What one reading gave.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) cursor: Option<String>,
    pub(super) told: Vec<String>,
    pub(super) result: Result<(), SourceError>,
}

impl Tables {
    /// Reads and takes in what it gave.
    pub(super) async fn read(&mut self, config: &Config, cursor: Option<&str>, range: Range, now: Instant) -> Read {
        let (pause, _noted) = Pause::noted();
        let source = PrometheusSource { config: config.clone(), pause };
        let mut sink = Sink::into_memory(&source.stream(), FILLS, now);
        let told = Told::default();
        let reading = Reading { cursor, range, ..Reading::at(now, &NoVariables) };
        let result = source.read(&reading, &mut sink, &told).await;
        if result.is_ok() {
            self.take(&sink);
        }
        let told = told.0.into_inner().expect("no test panics while it tells");
        Read { cursor: sink.cursor().map(str::to_owned), told, result }
    }

    /// Reads with a commit wherever there may be one until the reading is broken off, and gives the cursor of the last
    /// commit.
    pub(super) async fn read_broken(config: &Config, cursor: Option<&str>, range: Range, now: Instant) -> Option<String> {
        let (pause, _noted) = Pause::noted();
        let source = PrometheusSource { config: config.clone(), pause };
        let mut sink = Sink::into_memory_often(&source.stream(), FILLS, now);
        let reading = Reading { cursor, range, ..Reading::at(now, &NoVariables) };
        source.read(&reading, &mut sink, &Told::default()).await.expect_err("it is broken off");
        sink.committed(false).1
    }

    /// Takes rows in as the lake does: of two with one key the newer, then the greater.
    pub(super) fn take(&mut self, sink: &Sink<'_>) {
        fn kept<R: TableRow>(sink: &Sink<'_>) -> Vec<R> {
            sink.kept().expect("rows have their schema")
        }
        for row in kept::<alerts::Row>(sink) {
            let key = (row.alert_id.clone(), row.started_at);
            let is_newer = self.alerts.get(&key).is_none_or(|known| row.updated_at >= known.updated_at);
            if is_newer {
                self.alerts.insert(key, row);
            }
        }
        for row in kept::<incidents::Row>(sink) {
            let key = (row.incident_id.clone(), row.service.clone());
            let is_newer = self.incidents.get(&key).is_none_or(|known| row.updated_at >= known.updated_at);
            if is_newer {
                self.incidents.insert(key, row);
            }
        }
        for row in kept::<samples::Row>(sink) {
            self.samples.insert((row.series.clone(), row.labels_key.clone(), row.sampled_at), row);
        }
        self.coverage = kept(sink);
    }

    /// The alerts as short texts: name, start, end and what else is worth saying, in seconds.
    pub(super) fn alerts_told(&self) -> Vec<String> {
        let mut rows: Vec<&alerts::Row> = self.alerts.values().collect();
        rows.sort_by_key(|row| (row.started_at, row.name.clone()));
        rows.into_iter().map(told).collect()
    }
}

/// An alert as a short text.
pub(super) fn told(row: &alerts::Row) -> String {
    let end = row.ended_at.map_or("..".to_owned(), |end| second(end).to_string());
    let error = row.end_error_seconds.map_or(String::new(), |error| format!("±{error}"));
    let pending = row.pending_at.map_or(String::new(), |at| format!(" pending {}", second(at)));
    format!(
        "{}{pending} -{} {} to {end}{error} {} x{} by {}",
        row.name, row.start_error_seconds, second(row.started_at), row.end_basis, row.merged_count, row.witness
    )
}
