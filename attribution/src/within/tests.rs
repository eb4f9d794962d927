//! Findings on organisations that are made up here, by rules that the code under test does not know.

use std::collections::BTreeMap;

use derive::windows::Window;
use derive::{Observation, Observations, ObservedWeek, ServiceObservations};
use lake::tables::interventions;
use lake::{Instant, TableRow};
use stats::Philox;

use super::*;
use crate::criterion::Verdict;
use crate::{Class, DesignGrade};

mod asked;
mod traps;

const DAY: i64 = 86_400 * Instant::MICROS;
const WEEK: i64 = 7 * DAY;
/// A Monday.
const START: i64 = 1_767_571_200 * Instant::MICROS;

fn week(number: usize) -> Instant {
    Instant(START + i64::try_from(number).expect("few weeks") * WEEK)
}

/// What a service does in a week, as the mean of what is drawn or as it is.
#[derive(Clone, Copy, Debug)]
struct Doing {
    rollouts: f64,
    fail_rate: f64,
    lead_hours: f64,
    recovery_minutes: f64,
}

const USUAL: Doing = Doing { rollouts: 6.0, fail_rate: 0.15, lead_hours: 30.0, recovery_minutes: 120.0 };

/// An organisation: services, weeks, and when each took up the practice.
#[derive(Clone, Debug)]
struct World {
    weeks: usize,
    services: Vec<(String, Option<usize>)>,
    seed: u64,
    /// How a service that took it up differs from then on.
    changed: Doing,
    /// How much services differ from one another, and in how they change by themselves, on the log scale.
    spread: f64,
}

impl World {
    fn new(treated: usize, others: usize, date: usize, weeks: usize) -> Self {
        let own = (0..treated).map(|number| (format!("began-{number:02}"), Some(date)));
        let rest = (0..others).map(|number| (format!("other-{number:02}"), None));
        Self { weeks, services: own.chain(rest).collect(), seed: 1, changed: USUAL, spread: 0.2 }
    }

    fn seeded(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    fn changing(self, changed: Doing) -> Self {
        Self { changed, ..self }
    }

    fn observed(&self) -> Observations {
        let end = week(self.weeks);
        let weeks: Vec<ObservedWeek> = (0..self.weeks)
            .map(|number| ObservedWeek {
                window: Window { start: week(number), end: week(number + 1) },
                deployment_days: 7.0,
                incident_days: 7.0,
            })
            .collect();
        let mut services = BTreeMap::new();
        for (place, (name, date)) in self.services.iter().enumerate() {
            let metrics = self.drawn(place as u64, *date);
            let seen = ServiceObservations { environment: "production".to_owned(), weeks: weeks.clone(), metrics };
            services.insert(name.clone(), seen);
        }
        let began = |(name, date): &(String, Option<usize>)| Some(intervention("agents", name, week((*date)?)));
        Observations {
            as_of: Instant(end.0 + 60 * DAY),
            mature_until: Instant(end.0 + 58 * DAY),
            period: Window { start: week(0), end },
            lake_version: 1,
            input_digest: "made up".to_owned(),
            services,
            interventions: self.services.iter().filter_map(began).collect(),
            attributes: Vec::new(),
        }
    }

    fn drawn(&self, place: u64, date: Option<usize>) -> BTreeMap<String, Vec<Observation>> {
        let mut random = Philox::new(self.seed, place);
        let level = self.spread * 2.0 * normal(&mut random);
        let drift = self.spread * normal(&mut random);
        let mut metrics: BTreeMap<String, Vec<Observation>> = BTreeMap::new();
        let mut put = |metric: &str, number: usize, at: i64, is_counted, total: Option<f64>, delay: Option<f64>| {
            metrics.entry(metric.to_owned()).or_default().push(Observation {
                subject_id: format!("{metric} {number}"),
                at: Instant(at),
                is_counted,
                total_seconds: total,
                delay_seconds: delay,
            });
        };
        let mut number = 0;
        for at in 0..self.weeks {
            let doing = if date.is_some_and(|date| date <= at) { self.changed } else { USUAL };
            let moved = (level + drift * (at as f64 / self.weeks as f64)).exp();
            for _ in 0..poisson(doing.rollouts * moved, &mut random) {
                number += 1;
                let minute = i64::try_from(random.next_u64() % (7 * 24 * 60)).expect("few minutes");
                let when = week(at).0 + minute * 60 * Instant::MICROS;
                put("forward_deployment_frequency", number, when, None, None, None);
                put("deployment_frequency", number, when, None, None, None);
                let failed = uniform(&mut random) < doing.fail_rate;
                put("change_fail_rate", number, when, Some(failed), None, None);
                let hours = doing.lead_hours * (0.8 * normal(&mut random) + level).exp();
                let wait = hours * 3_600.0 * uniform(&mut random);
                put("change_lead_time", number, when, Some(true), Some(hours * 3_600.0), Some(wait));
                if failed {
                    let minutes = doing.recovery_minutes * (0.7 * normal(&mut random)).exp();
                    let metric = "failed_deployment_recovery_time";
                    put(metric, number, when, Some(true), Some(60.0 * minutes), None);
                }
            }
        }
        for rows in metrics.values_mut() {
            rows.sort_by(|a, b| (a.at, &a.subject_id).cmp(&(b.at, &b.subject_id)));
        }
        metrics
    }
}

fn intervention(practice: &str, service: &str, started_at: Instant) -> interventions::Row {
    interventions::Row {
        intervention_id: format!("{practice} {service}"),
        service: Some(service.to_owned()),
        practice: practice.to_owned(),
        practice_version: None,
        started_at,
        ended_at: None,
        evidence: "test".to_owned(),
    }
}

fn uniform(random: &mut Philox) -> f64 {
    (random.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
}

fn normal(random: &mut Philox) -> f64 {
    (0..12).map(|_| uniform(random)).sum::<f64>() - 6.0
}

fn poisson(mean: f64, random: &mut Philox) -> u64 {
    let (mut count, mut time) = (0, 0.0);
    loop {
        time -= (1.0 - uniform(random)).ln();
        if time > mean {
            return count;
        }
        count += 1;
    }
}

fn terms() -> FindingTerms {
    FindingTerms { replicates: 199, ..FindingTerms::default() }
}

fn found(world: &World) -> Finding {
    find(&world.observed(), "agents", &terms()).expect("terms can be used")
}

fn effect<'f>(found: &'f Finding, metric: &str) -> &'f MetricEffect {
    let outcome = found.metrics.iter().find(|outcome| outcome.metric() == metric).expect("one of the criterion");
    outcome.found().unwrap_or_else(|| panic!("{outcome:?}"))
}

const BETTER: Doing = Doing { rollouts: 10.0, fail_rate: 0.05, lead_hours: 15.0, recovery_minutes: 45.0 };

#[test]
fn what_was_planted_is_found_on_every_metric_and_lies_in_its_interval() {
    let found = found(&World::new(20, 20, 20, 40).changing(BETTER).seeded(3));
    let planted = [
        ("forward_deployment_frequency", (10.0_f64 / 6.0).ln()),
        ("change_lead_time", 2.0_f64.ln()),
        ("failed_deployment_recovery_time", (120.0_f64 / 45.0).ln()),
        ("change_fail_rate", 0.10),
    ];
    for (metric, truth) in planted {
        let effect = effect(&found, metric);
        assert!(effect.effect.low < truth && truth < effect.effect.high, "{metric}: {truth} in {:?}", effect.effect);
        assert_eq!(effect.class, Class::Superior, "{metric}");
        // A service without a failure on a side says nothing about recovery.
        let [began, others] = effect.services;
        assert!((18..=20).contains(&began) && (18..=20).contains(&others), "{metric}: {:?}", effect.services);
    }
    assert_eq!((found.verdict, found.grade), (Verdict::Improves, DesignGrade::C));
    assert_eq!(found.held_back, None);
}

#[test]
fn harm_is_called_harm_whatever_else_is_better() {
    let harmful = Doing { fail_rate: 0.45, ..BETTER };
    assert_eq!(found(&World::new(20, 20, 20, 40).changing(harmful)).verdict, Verdict::Worsens);
}

#[test]
fn where_nothing_happened_next_to_nothing_is_found() {
    let (mut worlds, mut improved, mut worse) = (0, 0, 0);
    let mut rejected: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for seed in 0..120 {
        let mut world = World::new(8, 8, 13, 26).seeded(seed);
        if seed % 2 == 0 {
            // Half of them begin one after another.
            for (place, (_, date)) in world.services.iter_mut().enumerate().take(8) {
                *date = Some(7 + place);
            }
        }
        let observed = world.observed();
        let terms = FindingTerms { window_weeks: 8, ..terms() };
        let quick = quick(&observed, &terms);
        worlds += 1;
        improved += u32::from(quick.by_the_numbers == Verdict::Improves);
        worse += u32::from(quick.by_the_numbers == Verdict::Worsens);
        for effect in quick.metrics.iter().filter_map(MetricOutcome::found) {
            let (looked, found) = rejected.entry(effect.metric.clone()).or_default();
            *looked += 1;
            *found += u32::from(effect.p_two_sided < 0.05);
        }
    }
    assert_eq!(worlds, 120);
    // At most one in twenty; twelve would be two standard errors and more beyond that.
    assert!(improved <= 11 && worse <= 11, "{improved} improved and {worse} worse of {worlds}");
    for (metric, (looked, found)) in rejected {
        assert!(
            f64::from(found) <= 0.05 * f64::from(looked) + 3.0 * (0.0475 * f64::from(looked)).sqrt(),
            "{metric}: {found} of {looked}"
        );
    }
}

/// A finding; its checks are what takes the time, and there are few replicates.
fn quick(observed: &Observations, terms: &FindingTerms) -> Finding {
    find(observed, "agents", &FindingTerms { replicates: 99, ..terms.clone() }).expect("terms can be used")
}

#[test]
fn the_published_rows_give_the_effect_again() {
    let found = found(&World::new(9, 7, 20, 40).changing(BETTER));
    for metric in ["forward_deployment_frequency", "change_lead_time", "change_fail_rate"] {
        let effect = effect(&found, metric);
        let mean = |is_treated: bool| {
            let own = effect.rows.iter().filter(|row| row.is_treated == is_treated);
            let (sum, weight) =
                own.fold((0.0, 0.0), |(sum, weight), row| (sum + row.weight * row.change, weight + row.weight));
            sum / weight
        };
        let estimate = effect.effect.estimate.expect("an estimate");
        assert!((mean(true) - mean(false) - estimate).abs() < 1e-9, "{metric}");
        assert_eq!(effect.rows.len(), 16);
    }
    // Of a duration each change is that of the geometric means.
    for row in &effect(&found, "change_lead_time").rows {
        let [before, after] = row.values.map(|value| value.expect("there is one").ln());
        assert!((row.change - (before - after)).abs() < 1e-9);
    }
}

#[test]
fn names_and_calendar_mean_nothing() {
    let world = World::new(7, 6, 20, 40).changing(BETTER);
    let one = found(&world);
    let mut renamed = world.observed();
    let names: BTreeMap<String, String> =
        renamed.services.keys().rev().enumerate().map(|(at, name)| (name.clone(), format!("s{at}"))).collect();
    renamed.services = renamed.services.into_iter().map(|(name, seen)| (names[&name].clone(), seen)).collect();
    for row in &mut renamed.interventions {
        row.service = row.service.as_ref().map(|name| names[name].clone());
    }
    renamed.interventions.reverse();
    let other = find(&renamed, "agents", &terms()).expect("terms can be used");
    for (one, other) in one.metrics.iter().zip(&other.metrics) {
        let (one, other) = (one.found().expect("found"), other.found().expect("found"));
        assert!((one.effect.low - other.effect.low).abs() < 1e-9 && (one.effect.high - other.effect.high).abs() < 1e-9);
    }
    assert_eq!(one.verdict, other.verdict);
    assert_eq!(found(&world), one, "the same twice");
}

#[test]
fn a_change_that_waits_counts_alike_before_and_after() {
    // Every change takes a day of work; those of the last weeks before the as-of time still wait.
    let mut observed = World::new(6, 6, 20, 40).observed();
    observed.as_of = week(40);
    observed.mature_until = Instant(week(40).0 - 2 * DAY);
    for seen in observed.services.values_mut() {
        for row in seen.metrics.get_mut("change_lead_time").into_iter().flatten() {
            let age = (week(40).0 - row.at.0) as f64 / Instant::MICROS as f64;
            // Deployed after 40 days, whoever merged it: 20 of these are beyond what is followed.
            let delay = (40.0 * 86_400.0_f64).min(age);
            row.is_counted = Some(age >= 40.0 * 86_400.0);
            (row.total_seconds, row.delay_seconds) = (Some(86_400.0 + delay), Some(delay));
        }
    }
    let found = find(&observed, "agents", &terms()).expect("terms can be used");
    let outcome = &found.metrics[1];
    // Every length is one day and two weeks, so that nothing varies.
    let MetricOutcome::Insufficient { insufficient, .. } = outcome else { panic!("{:?}", outcome.metric()) };
    assert!(insufficient.contains("do not vary"), "{insufficient}");
    let history = History::of("change_lead_time", &observed, &terms()).expect("it can be compared");
    assert_eq!(history.mature, 38, "what was merged in the last two weeks is not followed whole");
    for cell in history.services.iter().flat_map(|service| &service.cells).filter(|cell| cell.count > 0) {
        let mean = (cell.sum / cell.count as f64).exp();
        assert!((mean - 15.0 * 86_400.0).abs() < 1e-3, "{mean}");
    }
}

#[test]
fn all_at_once_without_others_is_a_series_at_best() {
    let together = |weeks: usize, date: usize| World::new(6, 0, date, weeks).changing(BETTER);
    let long = found(&together(80, 60));
    assert_eq!(long.grade, DesignGrade::D);
    assert!(effect(&long, "change_lead_time").method.starts_with("one series"));
    assert!(effect(&long, "change_lead_time").placebo.is_some_and(|placebo| placebo.dates >= 20));
    let short = found(&together(18, 9));
    assert_eq!(short.grade, DesignGrade::E);
    assert!(!short.verdict.is_conclusive(), "{:?}", short.verdict);
    assert_eq!(short.by_the_numbers.is_conclusive(), short.held_back.is_some());
    let one = World { services: vec![("alone".to_owned(), Some(60))], ..together(80, 60) };
    assert_eq!(found(&one).grade, DesignGrade::D);
}

#[test]
fn a_series_whose_own_past_shows_effects_concludes_nothing() {
    // Before anything begins, the lead time doubles and falls again every ten weeks.
    let mut world = World::new(6, 0, 60, 80).changing(BETTER);
    world.spread = 0.0;
    let mut observed = world.observed();
    for seen in observed.services.values_mut() {
        for row in seen.metrics.get_mut("change_lead_time").into_iter().flatten() {
            let at = (row.at.0 - START) / WEEK;
            if at < 60 && at / 10 % 2 == 0 {
                row.total_seconds = row.total_seconds.map(|total| 4.0 * total);
            }
        }
    }
    let found = find(&observed, "agents", &terms()).expect("terms can be used");
    assert_eq!(found.grade, DesignGrade::D);
    assert!(!found.verdict.is_conclusive());
    if found.by_the_numbers.is_conclusive() {
        assert!(found.held_back.as_ref().is_some_and(|why| why.contains("change_lead_time")), "{:?}", found.held_back);
    }
}

#[test]
fn one_service_is_held_against_how_the_others_differ() {
    let found = found(&World::new(1, 8, 60, 80).changing(BETTER));
    assert_eq!(found.grade, DesignGrade::C);
    let lead = effect(&found, "change_lead_time");
    assert!(lead.method.ends_with("errors alike"), "{}", lead.method);
    assert_eq!((lead.services, lead.degrees_of_freedom), ([1, 8], Some(7.0)));
    assert!(lead.effect.low < 2.0_f64.ln() && 2.0_f64.ln() < lead.effect.high, "{:?}", lead.effect);
}

#[test]
fn one_service_beside_two_is_a_series_and_concludes_nothing() {
    let found = found(&World { spread: 0.0, ..World::new(1, 2, 60, 80).changing(BETTER) });
    assert_eq!(found.grade, DesignGrade::C);
    let lead = effect(&found, "change_lead_time");
    assert!(lead.method.starts_with("one series less the others"), "{}", lead.method);
    assert!(lead.series_check.is_some());
    assert!(!found.verdict.is_conclusive());
    let held = found.held_back.as_ref().is_some_and(|why| why.contains("`change_lead_time`"));
    assert_eq!(held, found.by_the_numbers.is_conclusive(), "{:?}", found.held_back);
}

#[test]
fn harm_seen_by_services_stays_harm_where_another_metric_is_a_series() {
    let found = |changed: Doing| {
        let mut observed = World { spread: 0.05, ..World::new(6, 6, 40, 80).changing(changed) }.observed();
        // Every failure is one of the first service on its side: nothing but a series is left for recovery.
        for side in ["began", "other"] {
            let mut rows = Vec::new();
            for (_, seen) in observed.services.iter_mut().filter(|(name, _)| name.starts_with(side)) {
                rows.extend(seen.metrics.remove("failed_deployment_recovery_time").into_iter().flatten());
            }
            rows.sort_by_key(|row| row.at);
            let first = observed.services.get_mut(&format!("{side}-00")).expect("it is there");
            first.metrics.insert("failed_deployment_recovery_time".to_owned(), rows);
        }
        let found = find(&observed, "agents", &terms()).expect("terms can be used");
        assert!(effect(&found, "failed_deployment_recovery_time").series_check.is_some());
        found
    };
    let harm = found(Doing { fail_rate: 0.8, ..USUAL });
    assert_eq!((harm.verdict, harm.held_back), (Verdict::Worsens, None));
    // Without harm by services, numbers that would conclude are held back.
    let better = found(Doing { fail_rate: 0.1, ..BETTER });
    assert!(!better.verdict.is_conclusive());
    assert_eq!(better.held_back.is_some(), better.by_the_numbers.is_conclusive());
}

#[test]
fn too_little_is_told_and_no_number_is_made_of_it() {
    let two_weeks = World::new(8, 8, 1, 2);
    for (metric, outcome) in found(&two_weeks).metrics.iter().map(|one| (one.metric(), one)) {
        assert!(outcome.found().is_none(), "{metric}");
    }
    assert_eq!(found(&two_weeks).verdict, Verdict::InsufficientData);

    // Nothing was deployed before.
    let mut silent = World::new(8, 8, 20, 40).observed();
    for (_, seen) in silent.services.iter_mut().filter(|(name, _)| name.starts_with("began")) {
        for rows in seen.metrics.values_mut() {
            rows.retain(|row| row.at >= week(20));
        }
    }
    let found_silent = find(&silent, "agents", &terms()).expect("terms can be used");
    assert_eq!(found_silent.verdict, Verdict::InsufficientData);
    assert!(found_silent.metrics.iter().all(|one| one.found().is_none()), "{:?}", found_silent.metrics);

    // It begins after the data end.
    let mut future = World::new(8, 8, 20, 40).observed();
    for row in &mut future.interventions {
        row.started_at = week(200);
    }
    let late = find(&future, "agents", &terms()).expect("terms can be used");
    assert_eq!(late.verdict, Verdict::InsufficientData);
    assert!(late.remarks.iter().any(|remark| remark.contains("later than the data")), "{:?}", late.remarks);
}

#[test]
fn a_constant_world_gives_no_certainty() {
    let mut observed = World::new(8, 8, 20, 40).observed();
    for seen in observed.services.values_mut() {
        for (metric, rows) in &mut seen.metrics {
            rows.clear();
            for at in 0..40 {
                rows.push(Observation {
                    subject_id: format!("{metric} {at}"),
                    at: week(at),
                    is_counted: Some(metric != "change_fail_rate"),
                    total_seconds: Some(3_600.0),
                    delay_seconds: None,
                });
            }
        }
    }
    let found = find(&observed, "agents", &terms()).expect("terms can be used");
    assert_eq!(found.verdict, Verdict::InsufficientData);
    for outcome in &found.metrics {
        assert!(outcome.found().is_none(), "{outcome:?}");
    }
}

#[test]
fn what_else_began_meanwhile_leaves_a_service_out() {
    let mut observed = World::new(8, 8, 20, 40).observed();
    observed.interventions.push(intervention("new tests", "began-00", week(22)));
    observed.interventions.push(intervention("new tests", "other-00", week(19)));
    observed.interventions.push(intervention("new tests", "other-01", week(2)));
    let found = find(&observed, "agents", &terms()).expect("terms can be used");
    let named: Vec<&str> = found.design.left_out.iter().map(|(service, _)| service.as_str()).collect();
    assert_eq!(named, ["began-00", "other-00"]);
    assert_eq!(effect(&found, "change_lead_time").services, [7, 7]);
    // Everybody began something else at once: nothing is left to compare.
    let mut all = World::new(8, 8, 20, 40).observed();
    all.interventions.push(interventions::Row { service: None, ..intervention("new tests", "", week(20)) });
    let found = find(&all, "agents", &terms()).expect("terms can be used");
    assert_eq!(found.verdict, Verdict::InsufficientData);
}

#[test]
fn what_was_given_up_counts_until_then_and_nobody_who_begins_soon_is_a_control() {
    let mut observed = World::new(8, 8, 20, 40).observed();
    for row in &mut observed.interventions {
        if row.service.as_deref() == Some("began-00") {
            row.ended_at = Some(week(28));
        }
    }
    observed.interventions.push(intervention("agents", "other-00", week(30)));
    let found = find(&observed, "agents", &terms()).expect("terms can be used");
    assert!(found.design.is_staggered);
    assert_eq!(found.grade, DesignGrade::B);
    // Who gave up stands beside others over the same weeks as itself.
    let short = &found.design.cohorts[0];
    assert_eq!(short.of(true).map(|place| place.name.as_str()).collect::<Vec<_>>(), ["began-00"]);
    assert_eq!(short.of(false).count(), 8);
    assert!(short.places.iter().all(|place| (place.before, place.after) == ((8, 20), (20, 28))));
    let long = &found.design.cohorts[1];
    assert!(long.places.iter().all(|place| place.after == (20, 32) && place.name != "began-00"));
    assert!(long.places.iter().all(|place| place.name != "other-00"), "it begins within the weeks that are compared");
    let last = &found.design.cohorts[2];
    assert!(last.places.iter().all(|place| place.is_treated || place.name.starts_with("other")));
}

#[test]
fn a_week_in_which_somebody_began_is_on_neither_side() {
    let mut observed = World::new(8, 8, 20, 40).observed();
    for row in &mut observed.interventions {
        row.started_at = Instant(week(20).0 + 3 * DAY);
    }
    let found = find(&observed, "agents", &terms()).expect("terms can be used");
    let place = &found.design.cohorts[0].places[0];
    assert_eq!((place.before, place.after), ((8, 20), (21, 33)));
}

#[test]
fn terms_that_mean_nothing_are_refused_by_name() {
    let observed = World::new(8, 8, 20, 40).observed();
    let refused = |terms: FindingTerms| find(&observed, "agents", &terms).expect_err("refused").to_string();
    assert!(refused(FindingTerms { window_weeks: 0, ..terms() }).contains("window_weeks"));
    assert!(refused(FindingTerms { margin_ratio: f64::NAN, ..terms() }).contains("margin_ratio"));
    assert!(refused(FindingTerms { margin_ratio: 2.5, ..terms() }).contains("margin_ratio"));
    assert!(refused(FindingTerms { margin_difference: 0.9, ..terms() }).contains("margin_difference"));
    assert!(refused(FindingTerms { alpha: 0.99, ..terms() }).contains("alpha"));
    assert!(refused(FindingTerms { alpha: 0.0, ..terms() }).contains("alpha"));
    assert!(refused(FindingTerms { alpha: 1e-17, ..terms() }).contains("alpha"));
    assert!(refused(FindingTerms { replicates: 0, ..terms() }).contains("replicates"));
    assert!(refused(FindingTerms { services: vec!["nobody".to_owned()], ..terms() }).contains("`nobody`"));
    let unknown = find(&observed, "agent", &terms()).expect_err("refused").to_string();
    assert!(unknown.contains("`agent`") && unknown.contains("`agents`"), "{unknown}");
}

#[test]
fn terms_are_recognised_by_their_digest_and_read_back_from_their_text() {
    let one = FindingTerms { services: vec!["a".to_owned()], ..terms() };
    let frozen = one.written_down("agents");
    let read: TermsFile = toml::from_str(&frozen.text).expect("it was written so");
    assert_eq!((read.practice.as_str(), &read.terms), ("agents", &one));
    assert_eq!(read.terms.digest("agents"), frozen.digest);
    for other in [FindingTerms { window_weeks: 13, ..one.clone() }, FindingTerms { alpha: 0.01, ..one.clone() }] {
        assert_ne!(other.digest("agents"), frozen.digest);
    }
    assert_ne!(one.digest("others"), frozen.digest);
}

#[test]
fn an_edit_of_the_past_is_seen_and_what_still_runs_is_none() {
    let observed = World::new(4, 4, 20, 40).observed();
    let row = freeze("before", &observed, None, week(41));
    assert_eq!(changed(&row, &observed), Vec::<String>::new());
    let mut edited = observed.clone();
    let rows = edited.services.get_mut("other-00").and_then(|seen| seen.metrics.get_mut("change_fail_rate"));
    let row_edited = &mut rows.expect("it has some")[3];
    row_edited.is_counted = row_edited.is_counted.map(|failed| !failed);
    assert!(changed(&row, &edited)[0].contains("the past is no longer what it was"));
    let mut fewer = observed.clone();
    fewer.services.remove("began-00");
    assert!(changed(&row, &fewer)[0].contains("`began-00`"));
    // What had not ended is longer at every reading, and no edit.
    let mut running = observed.clone();
    let open = &mut running.services.get_mut("other-00").expect("it is there").metrics;
    let open = open.get_mut("change_lead_time").expect("it has some");
    (open[0].is_counted, open[0].total_seconds) = (Some(false), Some(1.0));
    let frozen = freeze("running", &running, None, week(41));
    let open = running.services.get_mut("other-00").expect("it is there").metrics.get_mut("change_lead_time");
    open.expect("it has some")[0].total_seconds = Some(2.0);
    assert_eq!(changed(&frozen, &running), Vec::<String>::new());
}

#[test]
fn a_short_or_young_baseline_is_flagged() {
    let flaws = |weeks: usize, mature: i64| {
        let mut observed = World::new(4, 4, 2, weeks).observed();
        observed.mature_until = Instant(observed.period.end.0 + mature);
        freeze("before", &observed, None, week(41)).flaws.join("; ")
    };
    assert_eq!(flaws(20, 0), "");
    assert!(flaws(8, 0).contains("short: 8 mature weeks"));
    assert!(flaws(20, -DAY).contains("immature"));
}

#[test]
fn rows_of_the_lake_say_what_the_finding_says() {
    let found = found(&World::new(8, 8, 20, 40).changing(BETTER));
    let rows = found.effects();
    assert_eq!(rows.len(), 4);
    for (row, outcome) in rows.iter().zip(&found.metrics) {
        let effect = outcome.found().expect("found");
        assert_eq!(
            (row.estimate, row.ci_low, row.ci_high),
            (effect.effect.estimate, Some(effect.effect.low), Some(effect.effect.high))
        );
        assert_eq!(row.verdict, "improves");
        assert_eq!(row.design_grade, "C");
    }
    assert_eq!(
        found.effect_units().len(),
        found.metrics.iter().map(|one| one.found().map_or(0, |effect| effect.rows.len())).sum::<usize>()
    );
    let keys: std::collections::BTreeSet<String> =
        found.effect_units().iter().map(|row| format!("{} {} {}", row.metric, row.service, row.cohort)).collect();
    assert_eq!(keys.len(), found.effect_units().len(), "one row a key");
    assert_eq!(lake::tables::effects::Row::batch(rows).num_rows(), 4);
}

#[test]
fn a_small_move_of_every_earlier_block_is_seen_as_one() {
    let observed = World::new(8, 8, 32, 44).seeded(3).observed();
    let leads = |factor: f64| {
        let mut observed = observed.clone();
        // Until five weeks before they begin, those that will are slower than they are later.
        for (service, seen) in &mut observed.services {
            for row in seen.metrics.get_mut("change_lead_time").into_iter().flatten() {
                if service.starts_with("began") && (row.at.0 - START) / WEEK < 28 {
                    row.total_seconds = row.total_seconds.map(|total| factor * total);
                    row.delay_seconds = row.delay_seconds.map(|delay| factor * delay);
                }
            }
        }
        let found = find(&observed, "agents", &terms()).expect("terms can be used");
        effect(&found, "change_lead_time").leads.expect("there are weeks before")
    };
    assert_eq!(leads(1.0).blocks, 6);
    assert!(leads(1.0).p_value > 0.05, "{:?}", leads(1.0));
    assert!(leads(1.6).p_value < 0.01, "{:?}", leads(1.6));
}

#[test]
fn estimators_over_blocks_find_what_was_planted_at_one_date_and_staggered() {
    let mut staggered = World::new(12, 12, 24, 48).changing(BETTER).seeded(5);
    for (place, (_, date)) in staggered.services.iter_mut().enumerate().take(12) {
        *date = Some(20 + 4 * (place % 3));
    }
    for world in [World::new(12, 12, 24, 48).changing(BETTER).seeded(5), staggered] {
        let found = found(&world);
        for (metric, planted) in
            [("forward_deployment_frequency", (10.0_f64 / 6.0).ln()), ("change_lead_time", 2.0_f64.ln())]
        {
            let specifications = &effect(&found, metric).specifications;
            for name in ["Callaway", "Borusyak"] {
                let one = specifications.iter().find(|one| one.window_weeks == 12 && one.differs.contains(name));
                let one = one.unwrap_or_else(|| panic!("no `{name}` for {metric}: {specifications:?}"));
                let [low, high] = one.limits.expect("it has limits");
                assert!((one.estimate - planted).abs() < 0.25, "{metric} {name}: {} is not {planted}", one.estimate);
                assert!(0.0 < low && low < one.estimate && one.estimate < high, "{metric} {name}: {low} to {high}");
                // Of the same data, so nearer to what is said of them than to what was planted.
                let said = effect(&found, metric).effect.estimate.expect("found");
                assert!((one.estimate - said).abs() < 0.15, "{metric} {name}: {} beside {said}", one.estimate);
            }
        }
    }
}
