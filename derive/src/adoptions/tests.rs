use std::collections::{BTreeMap, BTreeSet};

use lake::{Instant, tables::interventions};

use super::adoptions;
use crate::windows::Window;

fn began(practice: &str, service: &str, day: i64) -> interventions::Row {
    interventions::Row {
        intervention_id: format!("{practice} {service}"),
        service: Some(service.into()),
        practice: practice.into(),
        practice_version: None,
        started_at: Instant::from_seconds(day * 86_400),
        ended_at: None,
        evidence: "configuration".into(),
    }
}

/// `practice: adopters / others` of each adoption, with three services and the days 0 to 10 as the period.
fn told(rows: &[interventions::Row]) -> Vec<String> {
    let services = BTreeSet::from(["api", "batch", "web"].map(str::to_owned));
    let period = Window { start: Instant(0), end: Instant::from_seconds(10 * 86_400) };
    adoptions(rows, &BTreeMap::from([("production".to_owned(), services)]), period)
        .iter()
        .map(|one| format!("{}: {} / {}", one.practice, one.adopters.join(" "), one.others.join(" ")))
        .collect()
}

#[test]
fn a_practice_whose_name_begins_like_another_is_another() {
    let rows = [began("agents", "api", 3), began("agents-review", "web", 4)];
    assert_eq!(told(&rows), ["agents: api / batch web", "agents-review: web / api batch"]);
}

#[test]
fn who_began_at_another_time_is_on_neither_side() {
    let rows = [began("agents", "api", 3), began("agents", "web", 4), began("agents", "batch", 99)];
    assert_eq!(told(&rows), ["agents: api / ", "agents: web / "]);
}
