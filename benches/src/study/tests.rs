//! Worlds have what they claim, and going through them is the same however it is done.

use std::collections::BTreeMap;

use super::draws::Draws;
use super::estimators::{ESTIMATORS, Estimator};
use super::run::{Cell, Plan};
use super::table::{MOST_ERRORS, told, type_one};
use super::tally::{Share, Tally};
use super::worlds::{METRICS, Scenario, Starts, planted, scenarios};

fn scenario(name: &str) -> Scenario {
    scenarios().into_iter().find(|one| one.name == name).expect("it is one of them")
}

fn plan(names: &[&str], replicates: u64) -> Plan {
    let scenarios = names.iter().map(|name| scenario(name)).collect();
    Plan { scenarios, replicates, planted_replicates: replicates, seed: 7, threads: 1, code: "this".to_owned() }
}

fn tally(name: &str, metric: usize, effect: usize, worlds: u64) -> Tally {
    let (one, planted) = (scenario(name), planted(METRICS[metric].1)[effect]);
    let mut tally = Tally::default();
    for replicate in 0..worlds {
        let world = one.world(metric, planted, 3, replicate);
        tally.add(planted, &ESTIMATORS.map(|estimator| estimator.ask(&world, &one.terms())));
    }
    tally
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (count - 1.0))
}

#[test]
fn draws_have_the_means_and_variances_of_their_distributions() {
    let mut draws = Draws::new(1, 0);
    let mut of = |draw: &mut dyn FnMut(&mut Draws) -> f64| {
        mean_and_variance(&(0..40_000).map(|_| draw(&mut draws)).collect::<Vec<f64>>())
    };
    let near = |(mean, variance): (f64, f64), expected: (f64, f64)| {
        assert!((mean - expected.0).abs() < 6.0 * (expected.1 / 40_000.0).sqrt(), "{mean} and not {}", expected.0);
        assert!((variance / expected.1 - 1.0).abs() < 0.08, "{variance} and not {}", expected.1);
    };
    near(of(&mut |draws| draws.normal()), (0.0, 1.0));
    near(of(&mut |draws| draws.gamma(2.0)), (1.0, 0.5));
    near(of(&mut |draws| draws.gamma(0.5)), (1.0, 2.0));
    near(of(&mut |draws| draws.poisson(3.5) as f64), (3.5, 3.5));
    near(of(&mut |draws| draws.poisson(60.0) as f64), (60.0, 60.0));
    near(of(&mut |draws| draws.binomial(9, 0.3) as f64), (2.7, 1.89));
}

#[test]
fn weeks_are_as_alike_as_planted() {
    for (name, persistence) in [("independent", 0.0), ("ar-0.3", 0.3), ("ar-0.6", 0.6)] {
        let long = Scenario { starts: Starts { weeks: 3_000, ..scenario(name).starts }, ..scenario(name) };
        let world = long.world(0, 0.0, 5, 0);
        let (mut together, mut squares) = (0.0, 0.0);
        for weeks in &world.effects {
            let logs: Vec<f64> = weeks.iter().map(|(_, intensity)| intensity.ln()).collect();
            let (mean, variance) = mean_and_variance(&logs);
            together += logs.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum::<f64>();
            squares += variance * logs.len() as f64;
        }
        if persistence > 0.0 {
            let found = together / squares;
            assert!((found - persistence).abs() < 0.02, "{name}: {found}");
            assert!((squares / (16.0 * 3_000.0) - 0.09).abs() < 0.01, "{name}: a week varies by 0.3");
        } else {
            assert!(squares < 1e-9, "nothing moves: {squares}");
        }
    }
}

#[test]
fn bursts_vary_more_than_poisson_counts_and_zipf_is_uneven() {
    let counts = |name: &str| {
        let long = Scenario { starts: Starts { weeks: 2_000, ..scenario(name).starts }, ..scenario(name) };
        let world = long.world(0, 0.0, 5, 0);
        let of = |service: &attribution::ServiceWeeks| {
            mean_and_variance(&service.cells.iter().map(|cell| cell.count as f64).collect::<Vec<f64>>())
        };
        world.history.services.iter().map(of).collect::<Vec<(f64, f64)>>()
    };
    assert!(counts("independent").iter().all(|(mean, variance)| (variance / mean - 1.0).abs() < 0.2));
    assert!(counts("bursts").iter().all(|(mean, variance)| variance / mean > 2.0));
    let mut means: Vec<f64> = counts("zipf-40").iter().map(|(mean, _)| *mean).collect();
    means.sort_by(f64::total_cmp);
    assert!(means[39] > 20.0 * means[0], "{means:?}");
}

#[test]
fn nothing_is_found_on_average_where_nothing_was_planted() {
    for name in ["ar-0.3", "few-3-3", "one-beside-8-12", "staggered", "staggered-all-season", "zipf-20"] {
        for (metric, (told, _)) in METRICS.into_iter().enumerate() {
            let count = tally(name, metric, 0, 150).counts[0];
            let mean = 1e-9 * count.error as f64 / count.answered as f64;
            assert!(mean.abs() < 0.05, "{name}, {told}: {mean}");
        }
    }
}

#[test]
fn what_was_planted_is_what_is_found_on_average() {
    for name in ["zipf-40", "staggered", "drift-common"] {
        for (metric, (told, _)) in METRICS.into_iter().enumerate() {
            let tally = tally(name, metric, 3, 150);
            let count = tally.counts[0];
            assert_eq!(count.answered, 150);
            let mean = 1e-9 * count.error as f64 / count.answered as f64;
            assert!(mean.abs() < 0.03, "{name}, {told}: off by {mean}");
            assert!(count.found > 100, "{name}, {told}: {}", count.found);
        }
    }
}

#[test]
fn an_estimator_that_takes_weeks_for_independent_is_caught() {
    let tally = tally("ar-0.6", 0, 0, 600);
    let welch = tally.counts[1];
    assert!(Share { count: welch.found, of: welch.answered }.is_above(MOST_ERRORS), "{welch:?}");
    assert!(!type_one(&tally).is_above(MOST_ERRORS), "{:?}", tally.counts[0]);
    // In the table that is no miss of the default, and the number is there.
    let plan = plan(&["ar-0.6"], 600);
    let mut cells = BTreeMap::new();
    for metric in 0..METRICS.len() {
        for effect in 0..4 {
            cells.insert(Cell { scenario: 0, metric, effect }, tally.clone());
        }
    }
    let share = format!("{:.1}", 100.0 * welch.found as f64 / welch.answered as f64);
    let text = told(&plan, &cells);
    assert!(text.contains(&format!("| {share} |")), "{text}");
    // Were the default as liberal, the table would say so.
    for tally in cells.values_mut() {
        tally.counts[0] = tally.counts[1];
        (tally.counts[0].firm, tally.counts[0].firm_found) = (welch.answered, welch.found);
        tally.counts[0].firm_covered = welch.covered;
    }
    let text = told(&plan, &cells);
    assert!(text.contains("Missed:") && text.contains("type-I error"), "{text}");
}

#[test]
fn any_number_of_threads_and_any_interruption_give_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let resume = folder.path().join("study.jsonl");
    let plan = plan(&["few-3-3", "one-beside-3"], 260);
    let whole = plan.run(None, &|_| {}).expect("no file is needed");
    assert_eq!(Plan { threads: 3, ..plan.clone() }.run(None, &|_| {}).expect("no file is needed"), whole);
    // The first part of every cell, and half a line.
    let first = Plan { replicates: 250, planted_replicates: 250, ..plan.clone() };
    first.run(Some(&resume), &|_| {}).expect("it can be written");
    let written = std::fs::read_to_string(&resume).expect("it was written");
    let cut = written.len() - 40;
    // What another program, or another seed, left behind does not count.
    let foreign = written.replace("\"this\"", "\"that\"").replace("\"worlds\":250", "\"worlds\":10");
    std::fs::write(&resume, format!("{foreign}{}", &written[..cut])).expect("it can be written");
    let before = std::sync::atomic::AtomicU64::new(0);
    let told = |worlds: u64| {
        before.fetch_add(worlds, std::sync::atomic::Ordering::Relaxed);
    };
    assert_eq!(plan.run(Some(&resume), &told).expect("it can be taken up"), whole);
    assert_eq!(before.into_inner(), 24 * 260, "every world is told once");
    let lines = std::fs::read_to_string(&resume).expect("it was written").lines().count();
    // Everything is known now: nothing is added but the mark of a new beginning.
    assert_eq!(plan.run(Some(&resume), &|_| {}).expect("it can be taken up"), whole);
    assert_eq!(std::fs::read_to_string(&resume).expect("it was written").lines().count(), lines + 1);
}

#[test]
fn the_analysis_is_that_of_a_finding() {
    // `one-beside-8-12` is compared by services, `alone-52-12` is a series that concludes nothing.
    for (name, is_firm) in [("one-beside-8-12", true), ("alone-52-12", false), ("no-control-9", false)] {
        let one = scenario(name);
        let answer = (0..20).find_map(|number| Estimator::Default.ask(&one.world(0, 0.0, 1, number), &one.terms()));
        assert_eq!(answer.map(|answer| answer.is_firm), Some(is_firm), "{name}");
    }
}
