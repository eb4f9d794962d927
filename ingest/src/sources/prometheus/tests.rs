//! The source against planted worlds.

mod alertmanager;
mod faults;
mod fake;
mod intervals;
mod oracle;
mod planted;
mod reading;
mod runs;
mod series;
mod settings;
mod support;
mod thin;
mod webhook;
mod windows;
mod wire;

use serde_json::{Value, json};

use crate::contract::Contract;

/// Seven firings within two hours, as far as they have been seen `until` a second.
fn seen_until(until: i64) -> fake::World {
    let mut held = planted::Held::default();
    let times = planted::Run::new(15, 0, until);
    held.scrape(&times);
    let on: Vec<(i64, i64)> = (0..7).map(|number| (700 + 900 * number, 800 + 900 * number)).collect();
    let labels = [("alertname", "Errors"), ("service", "api")];
    held.evaluate(&times, &planted::Alert::new(&labels, 30, &on));
    fake::World::new(held, planted::START + until * 1000).with_rule("Errors", 15, 30)
}

/// The settings at an address; `more` are others.
fn settings(base: &str, more: &Value) -> crate::sources::Config {
    let mut settings = json!({
        "auth": {"bearer": {"env": "PROMETHEUS_TOKEN"}},
        "http": {"attempts": 1},
        "since": support::at(0).to_string(),
        "alerts": {"window_minutes": 30},
        "rules": [{"service": {"label": "service"}, "minimum_seconds": 0}],
    });
    settings["url"] = base.into();
    for (name, value) in more.as_object().expect("settings are an object") {
        settings[name] = value.clone();
    }
    crate::sources::Config::prometheus(serde_json::from_value(settings).expect("the settings can be read"))
}

fn served(more: Value) -> Contract {
    let world = seen_until(7200);
    let variables = [("PROMETHEUS_TOKEN", "open-sesame-1001")];
    Contract::served(move |base| settings(base, &more), move |asked| world.answer(asked), &variables, support::at(7200))
}

/// An Alertmanager alone.
fn alertmanager_alone() -> Contract {
    let labels = json!({ "alertname": "Errors", "service": "api" });
    let firing = alertmanager::firing(&labels, "2026-01-05T01:00:00Z", "2026-01-05T02:04:00Z", "active");
    let config = |base: &str| {
        let more = json!({ "url": null, "auth": null, "alertmanager": { "url": base, "filter": ["alertname=\"Errors\""] } });
        settings(base, &more)
    };
    Contract::served(config, move |asked| alertmanager::answer(asked, std::slice::from_ref(&firing), "Mon, 05 Jan 2026 02:00:00 GMT"), &[], support::at(7200))
}

/// The descriptions name their paths below where they lie, and we ask for them whole.
fn below(text: &str, prefix: &str, plain: &str, base: &str) -> String {
    let path = |line: &str| line.strip_prefix(plain).filter(|path| path.starts_with('/')).map(str::to_owned);
    let lines = text.lines().map(|line| match path(line) {
        Some(path) => format!("{plain}{prefix}{path}\n"),
        None => format!("{}\n", line.replace(base, "/")),
    });
    lines.collect()
}

/// This source as the tests that hold for every source need it.
pub(crate) fn contract() -> Contract {
    let earlier = [2000, 4400].map(seen_until);
    let [first, second] = earlier;
    served(json!({}))
        .in_small_pages(served(json!({"alerts": {"window_minutes": 5}})))
        .before(support::at(2000), move |asked| first.answer(asked))
        .before(support::at(4400), move |asked| second.answer(asked))
        .described_in(
            "prometheus-v3.14.0-openapi-3.1.yaml",
            |text| below(&text, "/api/v1", "    ", "/api/v1"),
            served(json!({"series": [{ "name": "up", "query": "up", "lag_seconds": 0 }]})),
        )
        .described_in(
            "alertmanager-v0.34.0-openapi.yaml",
            |text| below(&text, "/api/v2", "  ", "/api/v2/"),
            alertmanager_alone(),
        )
}
