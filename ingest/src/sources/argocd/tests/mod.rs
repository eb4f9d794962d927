//! The source against a fake Argo CD, and its pure parts against stories.
#![expect(clippy::needless_pass_by_value, reason = "settings and payloads are written where they are used")]

mod covering;
mod fake;
mod faults;
mod oddities;
mod parsing;
mod readings;
mod recorded;
mod stories;
mod surroundings;

use std::collections::BTreeMap;
use std::sync::Mutex;

use lake::{Instant, TableRow, canonical};
use serde_json::{Value, json};

use super::{ArgocdSource, Config, open};
use crate::http::{Pause, Settings};
use crate::loopback::Loopback;
use crate::contract::Contract;
use crate::{NoVariables, Reading, Reporter, Silent, Sink, Source, SourceError};

/// The settings of the `shop` instance at `base`, in the words of the configuration.
fn config(base: &str, more: Value) -> Config {
    let mut config = json!({
        "name": "shop",
        "url": base,
        "environment": "production",
        "rules": [{"name": "^(?P<service>.+)-(?P<target>eu|us)$"}],
    });
    for (name, value) in more.as_object().expect("more settings are an object") {
        config[name] = value.clone();
    }
    let config: Config = serde_json::from_value(config).expect("the settings are right");
    Config { http: Settings { attempts: 4, read_timeout_seconds: 1, ..config.http.clone() }, ..config }
}

/// What one or several readings gave: the canonical lines of every table, its rows by key as the lake would keep them.
#[derive(Clone, Debug, Default, PartialEq)]
struct Tables(BTreeMap<&'static str, BTreeMap<String, (String, String)>>);

impl Tables {
    /// Adds what a sink holds: of two rows with one key the newer stays, as in the lake; coverage is stated anew.
    fn add(&mut self, sink: &Sink<'_>) {
        self.0.remove("coverage");
        self.add_rows::<lake::tables::deployments::Row>(sink);
        self.add_rows::<lake::tables::health_transitions::Row>(sink);
        self.add_rows::<lake::tables::inventory::Row>(sink);
        self.add_rows::<lake::tables::image_revisions::Row>(sink);
        self.add_rows::<lake::tables::measurement_inputs::Row>(sink);
        self.add_rows::<lake::tables::coverage::Row>(sink);
    }

    fn add_rows<R: TableRow>(&mut self, sink: &Sink<'_>) {
        let table = R::table();
        let rows = sink.kept::<R>().expect("rows are rows");
        let place = self.0.entry(table.name).or_default();
        for row in rows {
            let stored = table.with_provenance(&R::batch(vec![row]), "s", None).expect("it has the schema");
            let line = canonical::lines(table, &[stored]).expect("it has a canonical form").remove(0);
            let value: Value = serde_json::from_str(&line).expect("a line is JSON");
            let key: Vec<String> = table.key.iter().map(|name| value[*name].to_string()).collect();
            let newest = table.newest_by.map_or(String::new(), |name| value[name].as_str().unwrap_or("").to_owned());
            let candidate = (newest, line);
            let kept = place.entry(key.join(" ")).or_insert_with(|| candidate.clone());
            if candidate > *kept {
                *kept = candidate;
            }
        }
    }

    /// The rows of a table, in the order of their keys.
    fn rows(&self, table: &str) -> Vec<Value> {
        let rows = self.0.get(table).into_iter().flat_map(BTreeMap::values);
        rows.map(|(_, line)| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// Some columns of the rows of a table, as words.
    fn words(&self, table: &str, columns: &[&str]) -> Vec<String> {
        let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let row = |row: Value| columns.iter().map(|name| word(&row[*name])).collect::<Vec<_>>().join(" ");
        self.rows(table).into_iter().map(row).collect()
    }
}

/// The time that readings are told it is.
fn now() -> Instant {
    Instant::parse("2026-01-05T08:00:00Z").expect("a time")
}

/// One reading: its sink, the cursor it left, and how it went.
async fn read(
    source: &ArgocdSource,
    reading: Reading<'_>,
    reporter: &dyn Reporter,
) -> (Sink<'static>, Result<String, SourceError>) {
    let mut sink = Sink::into_memory(&source.stream(), super::FILLS, reading.now);
    let result = source.read_until(&reading, &mut sink, reporter, Some(Pause::noted().0), None).await;
    let cursor = result.map(|()| sink.cursor().expect("a reading that ends leaves a cursor").to_owned());
    (sink, cursor)
}

/// A world in which much was synced until a time of that Monday, as the tests that hold for every source see it.
fn synced_until(time: &str) -> fake::World {
    let mut world = faults::world();
    for number in 0..6 {
        let mut app = fake::App::new(&format!("ledger{number}-us"), &format!("1{number}"));
        for (start, letter) in [("02:00:00", 'd'), ("04:30:00", 'e'), ("07:10:00", 'f')] {
            if start < time {
                app.sync(start, &[&fake::commit(letter)]);
            }
        }
        world.apps.push(app);
    }
    world
}

fn served(world: fake::World) -> Contract {
    let world = Mutex::new(world);
    Contract::served(
        |base| {
            let config = config(base, faults::settings());
            crate::sources::Config::argocd(Config { http: Settings { attempts: 1, ..Settings::default() }, ..config })
        },
        move |asked| world.lock().expect("nobody panics while it answers").answer(asked),
        &[("ARGOCD_TOKEN", fake::TOKEN)],
        now(),
    )
}

/// This source as the tests that hold for every source need it.
pub(crate) fn contract() -> Contract {
    let earlier = Mutex::new(synced_until("07:00:00").at("07:00:00"));
    let before = Instant::parse("2026-01-05T07:00:00Z").expect("a time");
    served(synced_until("08:00:00"))
        .before(before, move |asked| earlier.lock().expect("nobody panics while it answers").answer(asked))
        .described_in("argocd-v3.5.1-swagger.json", |text| text, served(synced_until("08:00:00")))
}
