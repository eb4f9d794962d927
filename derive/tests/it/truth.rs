//! A known distribution, planted as records and recovered by the whole derivation.

use derive::{Calendar, Plan};
use lake::Instant;
use stats::{KaplanMeier, Philox};

use crate::organisations::{DAY, HOUR, World, deployment, number, start, wait};

/// Changes merged evenly over a week and looked at when it ends: a change takes an exponential time to its merge, with
/// this mean, and then an even one up to this length to its rollout, in hours.
const MEAN_TO_MERGE: f64 = 96.0;
const LONGEST_WAIT: f64 = 150.0;
const CHANGES: u64 = 2_000;

/// The share of lead times up to `hours`: that of the sum of an exponential and an even time.
fn true_share(hours: f64) -> f64 {
    let (mean, longest) = (MEAN_TO_MERGE, LONGEST_WAIT);
    if hours < longest {
        return (hours - mean * (1.0 - (-hours / mean).exp())) / longest;
    }
    1.0 - mean / longest * (-hours / mean).exp() * ((longest / mean).exp() - 1.0)
}

fn true_quantile(probability: f64) -> f64 {
    let (mut low, mut high) = (0.0, 10_000.0);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if true_share(middle) < probability { low = middle } else { high = middle }
    }
    low
}

fn micros(hours: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a few weeks in microseconds")]
    let micros = (hours * HOUR as f64).round() as i64;
    micros
}

/// Each change is a branch of its own from the root and has a rollout of its own, so that waits are independent.
fn planted() -> World {
    let (from, until) = (start(), Instant(start().0 + 7 * DAY));
    let mut world = World::default();
    world.read(Instant(from.0 - 90 * DAY), until, true);
    let before = Instant(from.0 - 80 * DAY);
    let root = world.merge("api", "root", None, (before, before), "human");
    world.deployments.push(deployment("first", "api", &root, Instant(before.0 + HOUR)));
    let mut random = Philox::new(20_260_316, 0);
    for number in 0..CHANGES {
        let to_merge = micros(-MEAN_TO_MERGE * (1.0 - random.unit()).ln());
        let wait = micros(LONGEST_WAIT * random.unit());
        let merged_at = Instant(from.0 + micros(7.0 * 24.0 * random.unit()));
        let name = format!("change-{number}");
        let times = (Instant(merged_at.0 - to_merge), merged_at);
        let sha = world.merge("api", &name, Some(&root), times, "human");
        let deployed_at = Instant(merged_at.0 + wait);
        if deployed_at < until {
            world.deployments.push(deployment(&name, "api", &sha, deployed_at));
        }
    }
    world
}

#[test]
fn planted_lead_times_are_recovered_where_the_product_limit_is_biased() {
    let until = Instant(start().0 + 7 * DAY);
    let plan = Plan {
        as_of: Some(until),
        since: Some(start()),
        until: Some(until),
        calendar: Some(Calendar::Quarter),
        ..Plan::default()
    };
    let derived = wait(planted().derive(&plan));
    let cohort = || derived.rollout_changes.iter().filter(|row| row.excluded.is_none());
    let waiting = cohort().filter(|row| row.deployed_at.is_none()).count() as f64;
    assert_eq!(cohort().count() as u64, CHANGES);
    let censored = waiting / CHANGES as f64;
    assert!((0.4..0.5).contains(&censored), "{censored} are censored");
    let (durations, observed): (Vec<f64>, Vec<bool>) = cohort()
        .filter_map(|row| {
            Some(((row.observed_until_at.0 - row.started_at?.0) as f64 / HOUR as f64, row.deployed_at.is_some()))
        })
        .unzip();
    let product_limit = KaplanMeier::fit(&durations, &observed).expect("no duration is negative");
    // Tolerances are some three standard errors of the weighted estimate, seen over a dozen seeds; the product limit
    // comes out about 20, 36 and 48 % too long.
    for (statistic, probability, tolerance, bias) in
        [("p50", 0.5, 0.06, 0.14), ("p75", 0.75, 0.06, 0.28), ("p90", 0.9, 0.12, 0.36)]
    {
        let truth = true_quantile(probability);
        let row = number(&derived, "api", ("period", start()), "change_lead_time", statistic);
        let found = row.value.expect("the curve reaches it") / 3_600.0;
        assert!((found / truth - 1.0).abs() < tolerance, "{statistic}: {found} h instead of {truth} h");
        let biased = product_limit.quantile(probability).expect("the level is right").reached().expect("it is reached");
        assert!(biased / truth - 1.0 > bias, "{statistic}: the product limit of {biased} h is not far from {truth} h");
        let Some((low, high)) = row.ci_low.zip(row.ci_high) else {
            // So near to the end of what could be seen some replicate does not reach it, and the row says that.
            let is_told = row.ci_method.starts_with("none: the statistic is not defined for replicate");
            assert!(statistic == "p90" && is_told, "{row:?}");
            continue;
        };
        assert!(low / 3_600.0 < truth && truth < high / 3_600.0, "{statistic}: {low} to {high} without {truth} h");
        assert_eq!(row.ci_method, "cluster_bootstrap_bca");
    }
}

/// Half a week of watching cannot show what takes longer: the quantiles are bounded from below, and the report says so.
#[test]
fn what_the_curve_does_not_reach_is_bounded_from_below() {
    let until = Instant(start().0 + 7 * DAY / 2);
    let plan = Plan { as_of: Some(until), since: Some(start()), until: Some(until), ..Plan::default() };
    let mut world = planted();
    world.changes.retain(|change| change.merged_at.is_some_and(|at| at < until));
    world.coverage.iter_mut().for_each(|row| row.range_end_at = Some(until));
    let derived = wait(world.derive(&plan));
    // What became of the same changes in the end.
    let later = wait(planted().derive(&Plan { as_of: None, ..plan }));
    for metric in ["change_lead_time", "change_lead_time_merge"] {
        let row = number(&derived, "api", ("period", start()), metric, "p90");
        assert_eq!(row.value, None, "{row:?}");
        let above = row.above.expect("it is bounded");
        let in_the_end = number(&later, "api", ("period", start()), metric, "p90");
        assert!(above > 0.0 && in_the_end.value.or(in_the_end.above) >= Some(above), "{row:?} {in_the_end:?}");
        assert_eq!(row.ci_method, "none: the curve does not reach the quantile");
    }
}
