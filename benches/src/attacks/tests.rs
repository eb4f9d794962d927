use super::*;

fn plan(enrolled: &[usize], runs: u64) -> Plan {
    Plan { enrolled: enrolled.to_vec(), runs, seed: 1, threads: NonZeroUsize::MIN }
}

#[test]
fn no_lie_buys_a_conclusion_that_the_honest_contradict() {
    let found = plan(&[7, 10, 13], 12).run(&|| ());
    let all = found.iter().fold(Tally::default(), |sum, (_, tally)| sum.and(*tally));
    assert_eq!(all.contradicted, 0);
    assert!(all.conclusive > 0 && all.disputed > 0, "{all:?}");
    // A false conclusion of the same kind is seen: the tally could have found one.
    let honest = Reports {
        honest: (0..7)
            .map(|place| world::Report {
                organisation: place.to_string(),
                estimates: [-0.5 + 0.01 * f64::from(place); 4],
                errors: [0.1; 4],
            })
            .collect(),
        lies: Vec::new(),
    };
    assert!(is_contradicted(&honest, Verdict::Improves) && is_contradicted(&honest, Verdict::KeepsUp));
    assert!(!is_contradicted(&honest, Verdict::Worsens));
}

#[test]
fn many_names_of_one_organisation_are_one_vote_and_threads_change_nothing() {
    let cell = Cell { enrolled: 13, faults: 4, strategy: Strategy::Sybil, world: World::Null };
    let reports = cell.strategy.reports(&cell, &mut Philox::new(1, 0));
    assert_eq!(reports.lies.len(), 13);
    let terms = Terms { enrolled: Some(13), faults: Some(4), ..Terms::default() };
    let found = decide(&reports.effects(), &terms).expect("sound terms");
    assert_eq!(found.metrics[0].votes.len(), 13);
    let one = plan(&[7], 4).run(&|| ());
    let two = Plan { threads: NonZeroUsize::MIN.saturating_add(1), ..plan(&[7], 4) }.run(&|| ());
    assert_eq!(one, two);
    assert_eq!(one.len(), 3 + 2 * 30);
}

#[test]
fn what_is_promised_of_intervals_holds_within_chance() {
    let held = coverage::held(13, 400, 5);
    // Three standard errors at 400 runs are 3.3 points.
    assert!((held.pooled as f64 / 400.0 - 0.95).abs() < 0.04, "{held:?}");
    assert!((held.trimmed as f64 / 400.0 - 0.95).abs() < 0.05, "{held:?}");
    assert!((held.predicted as f64 / 400.0 - 0.95).abs() < 0.05, "{held:?}");
}
