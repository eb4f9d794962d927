use std::collections::BTreeMap;

use attribution::{Finding, FindingTerms};
use derive::windows::Window;
use derive::{Observation, Observations, ObservedWeek, ServiceObservations};
use lake::Instant;
use lake::tables::interventions;

use super::*;

const WEEK: i64 = 604_800 * Instant::MICROS;
const HOUR: f64 = 3600.0;
/// Monday 2026-01-05, midnight.
const MONDAY: i64 = 1_767_571_200 * Instant::MICROS;
const PRACTICE: &str = "pairing";

/// A made-up organisation: in the week `began`, those of `services` of which it is said take up a practice, and from then
/// on are `speed` times as fast.
struct World {
    weeks: i64,
    services: usize,
    /// The week in which a service begins, if it does.
    began: fn(usize) -> Option<i64>,
    speed: f64,
    /// Rollouts a week.
    rollouts: u64,
}

impl World {
    fn observations(&self) -> Observations {
        let name = |service: usize| format!("svc-{service:02}");
        let end = Instant(MONDAY + self.weeks * WEEK);
        let begun = (0..self.services).filter_map(|service| Some((service, (self.began)(service)?)));
        Observations {
            as_of: Instant(end.0 + 30 * WEEK),
            mature_until: end,
            period: Window { start: Instant(MONDAY), end },
            lake_version: 7,
            input_digest: "0f1e2d3c".repeat(8),
            services: (0..self.services).map(|service| (name(service), self.service(service))).collect(),
            interventions: begun
                .map(|(service, week)| interventions::Row {
                    intervention_id: format!("i{service}"),
                    service: Some(name(service)),
                    practice: PRACTICE.to_owned(),
                    practice_version: Some("v1".to_owned()),
                    started_at: Instant(MONDAY + week * WEEK),
                    ended_at: None,
                    evidence: "test".to_owned(),
                })
                .collect(),
        }
    }

    fn service(&self, service: usize) -> ServiceObservations {
        let mut state = 1 + service as u64;
        let mut metrics: BTreeMap<String, Vec<Observation>> = BTreeMap::new();
        for week in 0..self.weeks {
            let speed = (self.began)(service).filter(|began| week >= *began).map_or(1.0, |_| self.speed);
            for rollout in 0..self.rollouts + draw(&mut state) % 4 + if speed > 1.0 { 2 } else { 0 } {
                let at = Instant(MONDAY + week * WEEK + i64::try_from(rollout).unwrap() * 3600 * Instant::MICROS);
                let mut add = |metric: &str, is_counted: bool, seconds: Option<f64>| {
                    metrics.entry(metric.to_owned()).or_default().push(Observation {
                        subject_id: format!("{service}-{week}-{rollout}"),
                        at,
                        is_counted: Some(is_counted),
                        total_seconds: seconds,
                        delay_seconds: seconds.map(|seconds| seconds / 2.0),
                    });
                };
                let mut hours = |mean: f64| Some(mean * HOUR / speed * (0.5 + (draw(&mut state) % 100) as f64 / 100.0));
                add("forward_deployment_frequency", true, None);
                add("deployment_frequency", true, None);
                add("change_lead_time", true, hours(30.0));
                let has_failed = hours(1.0).is_some_and(|seconds| seconds * speed < 0.7 * HOUR / speed.sqrt());
                add("change_fail_rate", has_failed, None);
                if has_failed {
                    add("failed_deployment_recovery_time", true, hours(2.0));
                }
            }
        }
        let window =
            |week: i64| Window { start: Instant(MONDAY + week * WEEK), end: Instant(MONDAY + (week + 1) * WEEK) };
        let weeks =
            (0..self.weeks).map(|week| ObservedWeek { window: window(week), deployment_days: 7.0, incident_days: 7.0 });
        ServiceObservations { environment: "production".to_owned(), weeks: weeks.collect(), metrics }
    }
}

fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

fn found(world: &World, terms: &FindingTerms) -> Finding {
    attribution::find(&world.observations(), PRACTICE, terms).expect("the practice is on record")
}

fn context() -> ReportContext {
    ReportContext {
        title: "Delivery".to_owned(),
        command: "doracle compare --practice pairing".to_owned(),
        version: "0.1.0".to_owned(),
        simulated: None,
        benchmarks: None,
        group: None,
        zone: chrono_tz::UTC,
        sources: Vec::new(),
        findings: Vec::new(),
    }
}

const HALF: World =
    World { weeks: 60, services: 14, began: |service| (service % 2 == 0).then_some(30), speed: 1.5, rollouts: 4 };

#[test]
fn tmp_pages() {
    let terms = FindingTerms { replicates: 199, ..FindingTerms::default() };
    let wide = FindingTerms { margin_ratio: 1.5, margin_difference: 0.1, ..terms.clone() };
    let all = |_| Some(30);
    let pages = [
        ("c-improves", found(&HALF, &wide)),
        ("a-improves", found(&HALF, &FindingTerms { randomised: true, ..wide.clone() })),
        ("c", found(&HALF, &terms)),
        ("c-worsens", found(&World { speed: 0.6, ..HALF }, &terms)),
        ("b", found(&World { began: |one| (one < 9).then_some(20 + one as i64 * 3), ..HALF }, &wide)),
        ("d", found(&World { began: all, services: 1, rollouts: 30, ..HALF }, &wide)),
        ("e", found(&World { weeks: 38, began: all, ..HALF }, &wide)),
        ("d-ok", found(&World { weeks: 110, began: |_| Some(90), services: 1, rollouts: 30, ..HALF }, &wide)),
        ("keeps", found(&World { speed: 1.0, rollouts: 40, ..HALF }, &wide)),
        ("open", found(&World { speed: 1.1, ..HALF }, &terms)),
        ("insufficient", found(&World { services: 3, rollouts: 1, ..HALF }, &terms)),
        ("empty", found(&World { began: |_| Some(90), ..HALF }, &terms)),
    ];
    for (name, found) in pages {
        eprintln!("{name}: {} {:?} {:?}", found.verdict, found.grade, found.held_back);
        let simulated = Some("Everything here is simulated.".to_owned());
        let page = finding(&found, &ReportContext { simulated, ..context() }).unwrap();
        std::fs::write(format!("/tmp/page-{name}.html"), page.html).unwrap();
        std::fs::write(format!("/tmp/page-{name}.md"), page.markdown).unwrap();
    }
}
