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

/// This source as the tests that hold for every source need it.
pub(crate) fn contract() -> Contract {
    let mut api = fake::App::new("api-eu", "1");
    api.sync("06:00:00", &[&fake::commit('a')]);
    api.sync("07:00:00", &[&fake::commit('b')]);
    let mut ledger = fake::App::new("ledger-us", "2");
    ledger.sync("06:30:00", &[&fake::commit('c')]);
    let world = Mutex::new(fake::World::of([api, ledger]));
    Contract::served(
        |base| {
            let config = config(base, json!({"token": {"env": "ARGOCD_TOKEN"}}));
            crate::sources::Config::argocd(Config { http: Settings { attempts: 1, ..config.http.clone() }, ..config })
        },
        move |asked| world.lock().expect("nobody panics while it answers").answer(asked),
        &[("ARGOCD_TOKEN", fake::TOKEN)],
        now(),
    )
}
