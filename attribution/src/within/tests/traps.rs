//! Worlds in which a careless comparison finds what is not there.

use super::*;

/// Every service does `factor` times as much each week, by itself.
fn growing(world: &World, factor: f64) -> Observations {
    let mut observed = world.observed();
    for (place, seen) in observed.services.values_mut().enumerate() {
        let mut random = Philox::new(99, place as u64);
        for metric in ["forward_deployment_frequency", "deployment_frequency"] {
            let rows = seen.metrics.get_mut(metric).expect("it has some");
            // Thinned towards the past.
            rows.retain(|row| {
                let weeks_left = 40 - (row.at.0 - START) / WEEK;
                uniform(&mut random) < factor.powi(-i32::try_from(weeks_left).expect("few"))
            });
        }
    }
    observed
}

#[test]
fn a_metric_without_anybody_beside_concludes_nothing_whatever_stands_beside_the_others() {
    // Everybody gets faster by themselves; of the others no change and no failure is on record.
    let mut observed = World::new(16, 16, 20, 40).observed();
    for (name, seen) in &mut observed.services {
        if name.starts_with("other") {
            seen.metrics.remove("change_lead_time");
            seen.metrics.remove("failed_deployment_recovery_time");
            continue;
        }
        for row in ["change_lead_time", "failed_deployment_recovery_time"]
            .into_iter()
            .flat_map(|metric| seen.metrics.get(metric).cloned().unwrap_or_default())
            .map(|row| row.subject_id)
            .collect::<Vec<_>>()
        {
            for rows in seen.metrics.values_mut() {
                for one in rows.iter_mut().filter(|one| one.subject_id == row) {
                    let factor = (-0.05 * ((one.at.0 - START) / WEEK) as f64).exp();
                    one.total_seconds = one.total_seconds.map(|total| factor * total);
                    one.delay_seconds = one.delay_seconds.map(|delay| factor * delay);
                }
            }
        }
    }
    let found = find(&observed, "agents", &terms()).expect("terms can be used");
    let lead = effect(&found, "change_lead_time");
    assert!(lead.effect.low > 0.2, "{:?}", lead.effect);
    assert_eq!(lead.weak, Some(Weakness::Uncontrolled));
    assert_eq!(effect(&found, "forward_deployment_frequency").weak, None);
    assert!(!found.verdict.is_conclusive(), "{}", found.verdict);
    if found.by_the_numbers.is_conclusive() {
        let why = found.held_back.expect("it is told");
        assert!(why.contains("nobody stands beside") && why.contains("change_lead_time"), "{why}");
    }
    // The placebo dates say so, too, however few they are.
    assert!(found.remarks.iter().any(|remark| remark.contains("more often than promised")), "{:?}", found.remarks);
}

#[test]
fn who_gave_it_up_is_held_against_the_same_weeks_of_others() {
    // Everybody does more each week; those that began gave it up after six weeks.
    let mut observed = growing(&World::new(16, 16, 20, 40), 1.05);
    for row in &mut observed.interventions {
        row.ended_at = Some(week(26));
    }
    let found = find(&observed, "agents", &terms()).expect("terms can be used");
    let effect = effect(&found, "forward_deployment_frequency");
    assert!(effect.effect.low < 0.0 && effect.effect.high > 0.0, "{:?}", effect.effect);
    assert!(!found.design.is_staggered);
    assert!(effect.event_study.iter().all(|point| point.week < 8), "nothing is said of the time behind it");
}

#[test]
fn what_ends_at_the_date_is_seen_as_what_begins_there() {
    let mut observed = World::new(8, 8, 20, 40).observed();
    for place in 0..8 {
        let mut old = intervention("old way", &format!("began-{place:02}"), week(0));
        old.ended_at = Some(week(20));
        observed.interventions.push(old);
    }
    let found = find(&observed, "agents", &terms()).expect("terms can be used");
    assert_eq!(found.verdict, Verdict::InsufficientData);
    assert!(
        found.design.left_out.iter().all(|(_, why)| why.contains("gave up `old way`")),
        "{:?}",
        found.design.left_out
    );
    assert_eq!(found.design.left_out.len(), 8);
}

#[test]
fn a_gap_ends_what_was_begun() {
    let began = |stretches: &[(usize, Option<usize>)]| {
        let rows: Vec<interventions::Row> = stretches
            .iter()
            .enumerate()
            .map(|(place, (from, until))| interventions::Row {
                intervention_id: place.to_string(),
                ended_at: until.map(week),
                ..intervention("agents", "a", week(*from))
            })
            .collect();
        let adoption = Adoption::of("agents", &rows, &[&"a".to_owned()].into_iter());
        (adoption.began["a"], adoption.ended.get("a").copied())
    };
    assert_eq!(began(&[(5, None)]), (week(5), None));
    assert_eq!(began(&[(20, None), (5, Some(10))]), (week(5), Some(week(10))));
    assert_eq!(began(&[(5, Some(10)), (10, None)]), (week(5), None));
    assert_eq!(began(&[(5, Some(12)), (8, Some(10)), (11, Some(15))]), (week(5), Some(week(15))));
    assert_eq!(began(&[(5, Some(9)), (6, None)]), (week(5), None));
}

#[test]
fn time_before_a_service_was_first_seen_is_no_time_without_events() {
    // Those that began are new: they are first seen five weeks before, and nothing changes.
    let mut observed = World::new(12, 12, 20, 40).seeded(8).observed();
    for (_, seen) in observed.services.iter_mut().filter(|(name, _)| name.starts_with("began")) {
        for rows in seen.metrics.values_mut() {
            rows.retain(|row| row.at >= week(15));
        }
    }
    let found = find(&observed, "agents", &terms()).expect("terms can be used");
    let frequency = effect(&found, "forward_deployment_frequency");
    assert!(frequency.effect.low < 0.0 && frequency.effect.high > 0.0, "{:?}", frequency.effect);
    // Five weeks at most, less what lies before the first of each.
    for row in frequency.rows.iter().filter(|row| row.is_treated) {
        assert!((28.0..=35.0).contains(&row.days[0]), "{row:?}");
    }
}

#[test]
fn times_that_are_cut_are_told_and_above_a_half_say_nothing() {
    let observed = World::new(12, 12, 20, 40).changing(BETTER).observed();
    let at = |hours: u32| {
        let terms = FindingTerms { recovery_hours: hours, ..terms() };
        find(&observed, "agents", &terms).expect("terms can be used")
    };
    let outcome = |found: &Finding| found.metrics[2].clone();
    let long = outcome(&at(72));
    assert!(long.found().expect("found").cut.iter().flatten().all(|share| share.is_some_and(|share| share < 0.01)));
    // Of recoveries of two hours most are cut at one.
    let MetricOutcome::Insufficient { insufficient, .. } = outcome(&at(1)) else { panic!("a number is made of it") };
    assert!(insufficient.contains("are cut at the length"), "{insufficient}");
    let some = at(4);
    assert!(some.remarks.iter().any(|remark| remark.contains("of the times on a side are cut")), "{:?}", some.remarks);
}

#[test]
fn dates_that_are_dealt_out_whole_are_exact_where_services_began_at_different_dates() {
    let (mut rejected, mut worlds) = (0, 0);
    for seed in 0..60 {
        let mut world = World::new(9, 6, 14, 44).seeded(300 + seed);
        for (place, (_, date)) in world.services.iter_mut().enumerate().take(9) {
            *date = Some(14 + 3 * (place % 3));
        }
        let observed = world.observed();
        let history = History::of("change_lead_time", &observed, &terms()).expect("it can be compared");
        let names: Vec<String> = observed.services.keys().cloned().collect();
        let adoption = Adoption::of("agents", &observed.interventions, &names.iter());
        let design = Design::of(&history, &adoption, &terms());
        assert_eq!(design.cohorts.len(), 3);
        let p_value = checks::permutation(history.measure, &history, &design, &terms()).expect("it has others");
        worlds += 1;
        rejected += usize::from(p_value <= 0.1);
    }
    // At 0.1 six of sixty are to be expected; more than 14 in one of two thousand.
    assert!(rejected <= 14, "{rejected} of {worlds}");
    // What is there is seen.
    let mut world = World::new(9, 6, 14, 44).changing(BETTER).seeded(7);
    for (place, (_, date)) in world.services.iter_mut().enumerate().take(9) {
        *date = Some(14 + 3 * (place % 3));
    }
    let found = found(&world);
    assert!(effect(&found, "change_lead_time").permutation_p.expect("it has others") < 0.02);
}

#[test]
fn a_difference_that_is_more_than_the_share_before_has_no_e_value() {
    // Those that began fail as seldom as before; the others begin to fail often.
    let mut observed = World::new(16, 16, 20, 40).observed();
    for (name, seen) in &mut observed.services {
        let mut random = Philox::new(3, name.len() as u64);
        for row in seen.metrics.get_mut("change_fail_rate").into_iter().flatten() {
            let rate = if name.starts_with("other") && row.at >= week(20) { 0.4 } else { 0.04 };
            row.is_counted = Some(uniform(&mut random) < rate);
        }
    }
    let found = find(&observed, "agents", &terms()).expect("terms can be used");
    let rate = effect(&found, "change_fail_rate");
    assert!(rate.effect.low > 0.1);
    assert_eq!(rate.e_value, None);
}
