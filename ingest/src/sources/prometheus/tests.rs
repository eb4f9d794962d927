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

use serde_json::json;

use crate::contract::Contract;

/// This source as the tests that hold for every source need it.
pub(crate) fn contract() -> Contract {
    let mut held = planted::Held::default();
    let times = planted::Run::new(15, 0, 7200);
    held.scrape(&times);
    let labels = [("alertname", "Errors"), ("service", "api")];
    held.evaluate(&times, &planted::Alert::new(&labels, 30, &[(1000, 1600), (5000, 5400)]));
    let world = fake::World::new(held, planted::START + 7_200_000).with_rule("Errors", 15, 30);
    Contract::served(
        |base| {
            let settings = json!({
                "url": base,
                "auth": {"bearer": {"env": "PROMETHEUS_TOKEN"}},
                "http": {"attempts": 1},
                "since": support::at(0).to_string(),
                "alerts": {"window_minutes": 30},
                "rules": [{"service": {"label": "service"}, "minimum_seconds": 0}],
            });
            crate::sources::Config::prometheus(serde_json::from_value(settings).expect("the settings can be read"))
        },
        move |asked| world.answer(asked),
        &[("PROMETHEUS_TOKEN", "sesame")],
        support::at(7200),
    )
}
