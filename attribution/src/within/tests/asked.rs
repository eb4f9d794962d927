//! What terms may ask: covariates, others, metrics; further ways of asking; and what could be found.

use lake::tables::service_attributes;

use super::*;

fn number(service: &str, attribute: &str, number: f64) -> service_attributes::Row {
    service_attributes::Row {
        service: service.to_owned(),
        attribute: attribute.to_owned(),
        number: Some(number),
        word: None,
    }
}

fn word(service: &str, attribute: &str, word: &str) -> service_attributes::Row {
    service_attributes::Row { word: Some(word.to_owned()), number: None, ..number(service, attribute, 0.0) }
}

/// Services of which the larger begin more often, and the larger get faster by themselves.
fn confounded() -> Observations {
    let mut observed = World::new(12, 12, 20, 40).seeded(4).observed();
    let names: Vec<String> = observed.services.keys().cloned().collect();
    for (place, name) in names.iter().enumerate() {
        let size = place % 6 + if name.starts_with("began") { 3 } else { 0 };
        observed.attributes.push(number(name, "people", size as f64));
        observed.attributes.push(word(name, "language", ["go", "java", "rust"][place % 3]));
        let seen = observed.services.get_mut(name).expect("it is there");
        for row in seen.metrics.get_mut("change_lead_time").expect("it has some") {
            if row.at >= week(20) {
                let factor = (-0.15 * size as f64).exp();
                row.total_seconds = row.total_seconds.map(|total| factor * total);
                row.delay_seconds = row.delay_seconds.map(|delay| factor * delay);
            }
        }
    }
    observed
}

fn with(covariates: &[&str]) -> FindingTerms {
    FindingTerms { covariates: covariates.iter().map(|name| (*name).to_owned()).collect(), ..terms() }
}

fn lead(observed: &Observations, terms: &FindingTerms) -> MetricEffect {
    effect(&find(observed, "agents", terms).expect("terms can be used"), "change_lead_time").clone()
}

#[test]
fn a_covariate_takes_out_what_moves_by_itself() {
    let observed = confounded();
    let (plain, adjusted) = (lead(&observed, &terms()), lead(&observed, &with(&["people", "language"])));
    // Three sizes more on average, of which each makes a seventh faster.
    let (found, after) = (plain.effect.estimate.expect("found"), adjusted.effect.estimate.expect("found"));
    assert!((found - 0.45).abs() < 0.15 && plain.effect.low > 0.0, "{found}");
    assert!(after.abs() < 0.2 && adjusted.effect.low < 0.0 && adjusted.effect.high > 0.0, "{after}");
    // A number, and two of three words.
    assert_eq!(adjusted.services, [12, 12]);
    let without = adjusted.specifications.iter().find(|one| one.differs == "without covariates").expect("it is shown");
    assert!((without.estimate - found).abs() < 1e-12);
}

#[test]
fn a_service_without_the_attribute_is_left_out_and_an_unknown_one_is_refused() {
    let mut observed = confounded();
    observed.attributes.retain(|row| row.service != "other-03");
    for row in &mut observed.attributes {
        if row.service == "began-02" && row.attribute == "people" {
            row.number = Some(f64::NAN);
        }
    }
    let found = find(&observed, "agents", &with(&["people"])).expect("terms can be used");
    let left_out: Vec<&str> = found.design.left_out.iter().map(|(service, _)| service.as_str()).collect();
    assert_eq!(left_out, ["began-02", "other-03"]);
    assert_eq!(effect(&found, "change_lead_time").services, [11, 11]);
    let refused = find(&observed, "agents", &with(&["age"])).expect_err("refused").to_string();
    assert!(refused.contains("`age`") && refused.contains("`language`, `people`"), "{refused}");
}

#[test]
fn what_cannot_be_asked_is_refused_and_fewer_metrics_conclude_nothing_but_harm() {
    let observed = World::new(12, 12, 20, 40).changing(BETTER).observed();
    let refused = |terms: FindingTerms| find(&observed, "agents", &terms).expect_err("refused").to_string();
    assert!(refused(FindingTerms { metrics: vec!["speed".to_owned()], ..terms() }).contains("`speed`"));
    assert!(refused(FindingTerms { estimator: "magic".to_owned(), ..terms() }).contains("`magic`"));
    assert!(refused(with(&["people", "people"])).contains("twice"));
    let only = |observed: &Observations| {
        let terms = FindingTerms { metrics: vec!["change_lead_time".to_owned()], ..terms() };
        find(observed, "agents", &terms).expect("terms can be used")
    };
    let found = only(&observed);
    assert_eq!(found.verdict, Verdict::InsufficientData);
    assert_eq!(found.metrics.iter().filter_map(MetricOutcome::found).count(), 1);
    let harm = World::new(12, 12, 20, 40).changing(Doing { lead_hours: 90.0, ..USUAL }).observed();
    assert_eq!(only(&harm).verdict, Verdict::Worsens);
}

#[test]
fn others_that_begin_later_can_be_left_aside() {
    let mut world = World::new(12, 6, 14, 48);
    for (place, (_, date)) in world.services.iter_mut().enumerate().take(12) {
        *date = Some(if place % 2 == 0 { 14 } else { 30 });
    }
    let observed = world.observed();
    let beside = |others: Others| {
        let found = find(&observed, "agents", &FindingTerms { others, ..terms() }).expect("terms can be used");
        let first = &found.design.cohorts[0];
        (first.of(false).count(), effect(&found, "change_lead_time").specifications.clone())
    };
    let ((soon, ways), (never, _)) = (beside(Others::NotYet), beside(Others::Never));
    assert_eq!((soon, never), (12, 6));
    assert!(ways.iter().any(|one| one.differs == "beside those that never began"));
}

#[test]
fn services_to_which_nothing_happened_show_something_about_as_often_as_promised() {
    // Over many worlds: within one, choices share services.
    let (mut choices, mut found_some) = (0, 0);
    for seed in 0..6 {
        let found = found(&World::new(6, 16, 20, 40).changing(BETTER).seeded(50 + seed));
        for effect in found.metrics.iter().filter_map(MetricOutcome::found) {
            let check = effect.placebo_services.expect("there are enough others");
            assert_eq!(check.services, [6, 10]);
            assert!(check.choices > 150, "{check:?}");
            choices += check.choices;
            found_some += check.found;
        }
    }
    let share = found_some as f64 / choices as f64;
    assert!((0.01..0.10).contains(&share), "{share}");
    // Those that change by themselves at the date, whoever began, are seen.
    let mut wild = World::new(6, 16, 20, 40).observed();
    for (name, seen) in &mut wild.services {
        let factor = if name.ends_with(['0', '2', '4', '6', '8']) { 8.0 } else { 0.125 };
        for row in seen.metrics.get_mut("change_lead_time").into_iter().flatten().filter(|row| row.at >= week(20)) {
            row.total_seconds = row.total_seconds.map(|total| factor * total);
            row.delay_seconds = row.delay_seconds.map(|delay| factor * delay);
        }
    }
    // One choice in a hundred takes six of the same kind; what the error knows of is no false finding.
    let check = lead(&wild, &terms()).placebo_services.expect("there are enough others");
    assert!(check.share() < 0.15, "{check:?}");
    assert!(found(&World::new(6, 6, 20, 40)).metrics[0].found().expect("found").placebo_services.is_none());
}

#[test]
fn curves_find_what_was_planted_and_know_what_is_still_open() {
    let world = World::new(16, 16, 20, 40).changing(BETTER).seeded(9);
    let open = {
        // A fifth of the failures are followed for half of their time and never seen to end.
        let mut observed = world.observed();
        for seen in observed.services.values_mut() {
            let rows = seen.metrics.get_mut("failed_deployment_recovery_time").into_iter().flatten();
            for row in rows.step_by(5) {
                (row.is_counted, row.total_seconds) = (Some(false), row.total_seconds.map(|total| 0.5 * total));
            }
        }
        observed
    };
    for observed in [world.observed(), open] {
        let found = find(&observed, "agents", &terms()).expect("terms can be used");
        let planted = [
            ("change_lead_time", "medians", 2.0_f64.ln()),
            ("change_lead_time", "ninth deciles", 2.0_f64.ln()),
            ("failed_deployment_recovery_time", "Kaplan-Meier medians", (120.0_f64 / 45.0).ln()),
            ("failed_deployment_recovery_time", "mean times out of service", (120.0_f64 / 45.0).ln()),
        ];
        for (metric, name, truth) in planted {
            let ways = &effect(&found, metric).specifications;
            let way = ways.iter().find(|one| one.differs.contains(name)).unwrap_or_else(|| panic!("{name}: {ways:?}"));
            let [low, high] = way.limits.expect("it has limits");
            assert!(low < truth && truth < high && low > 0.0, "{metric} {name}: {truth} in {low} to {high}");
        }
    }
}

#[test]
fn one_service_is_met_by_a_mixture_of_others() {
    let found = found(&World::new(1, 14, 28, 52).changing(BETTER).seeded(2));
    let ways = &effect(&found, "forward_deployment_frequency").specifications;
    for name in ["synthetic difference in differences", "synthetic control"] {
        let way = ways.iter().find(|one| one.differs.contains(name)).unwrap_or_else(|| panic!("{name}: {ways:?}"));
        assert_eq!(way.services[0], 1);
        assert!((way.estimate - (10.0_f64 / 6.0).ln()).abs() < 0.35, "{name}: {}", way.estimate);
        assert_eq!(way.limits.is_some(), name.contains("difference"), "{name}");
    }
}

#[test]
fn what_is_foreseen_is_about_what_is_then_detectable() {
    let observed = World::new(12, 12, 30, 60).seeded(6).observed();
    // What was known at the date, with nobody having begun.
    let mut before = observed.clone();
    before.interventions.clear();
    before.mature_until = week(30);
    let expected = foreseen(&before, &terms());
    let found = find(&observed, "agents", &terms()).expect("terms can be used");
    assert_eq!(expected.len(), 4);
    for one in &expected {
        let then = effect(&found, &one.metric).detectable;
        let told = one.detectable.unwrap_or_else(|| panic!("{one}"));
        assert_eq!((one.services[0] + one.services[1], one.weeks), (24, 12), "{one}");
        assert!(told < 1.8 * then && then < 1.8 * told, "{one}: then {then}");
    }
    let short = World::new(12, 12, 2, 6).observed();
    assert!(foreseen(&short, &terms()).iter().all(|one| one.detectable.is_none()));
}

#[test]
fn what_never_ended_says_nothing() {
    let mut observed = World::new(8, 8, 20, 40).observed();
    for seen in observed.services.values_mut() {
        for metric in ["change_lead_time", "failed_deployment_recovery_time"] {
            for row in seen.metrics.get_mut(metric).into_iter().flatten() {
                let open = 1e9;
                (row.is_counted, row.total_seconds) = (Some(false), Some(open));
                row.delay_seconds = row.delay_seconds.map(|_| open);
            }
        }
    }
    let found = find(&observed, "agents", &terms()).expect("terms can be used");
    assert_eq!(found.verdict, Verdict::InsufficientData);
    for outcome in found.metrics.iter().filter(|one| one.metric().ends_with("time")) {
        assert!(outcome.found().is_none(), "{outcome:?}");
    }
}
