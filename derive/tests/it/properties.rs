//! What must hold whatever the records are: random small organisations through the whole derivation.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use chrono_tz::Tz;
use derive::{Calendar, Derived, Plan, definitions};
use lake::Instant;
use lake::tables::{metrics, rollouts};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::organisations::{DAY, HOUR, Kept, World, deployment, end, incident, number, sha, start, wait, worlds};

/// Few cases: each one is read, derived several times and compared number by number.
fn few() -> ProptestConfig {
    ProptestConfig { cases: 2, max_shrink_iters: 2, failure_persistence: None, ..ProptestConfig::default() }
}

fn plan() -> Plan {
    Plan { as_of: Some(end()), calendar: Some(Calendar::Week), ..Plan::default() }
}

/// The numbers of the whole period, by everything that names them.
type Named = (Option<String>, Option<String>, Option<String>, Option<String>, String, String);

fn named(row: &metrics::Row) -> Named {
    let metrics::Row { service, service_group, dimension, stratum, metric, statistic, .. } = row.clone();
    (service, service_group, dimension, stratum, metric, statistic)
}

fn of_kind<'a>(derived: &'a Derived, kind: &str) -> BTreeMap<(Named, Instant), &'a metrics::Row> {
    let rows = derived.metrics.iter().filter(|row| row.window_kind == kind);
    rows.map(|row| ((named(row), row.window_start_at), row)).collect()
}

/// A number without the window it is of.
fn content(row: &metrics::Row) -> metrics::Row {
    metrics::Row {
        window_kind: String::new(),
        window_start_at: Instant(0),
        window_end_at: Instant(0),
        as_of_at: Instant(0),
        input_digest: String::new(),
        ..row.clone()
    }
}

/// The same without an interval that is drawn: rollouts are named after their times, and drawn in the order of names.
fn without_draws(row: &metrics::Row) -> metrics::Row {
    let row = content(row);
    if !row.metric.starts_with("change_lead_time") {
        return row;
    }
    metrics::Row { ci_low: None, ci_high: None, ci_method: String::new(), ..row }
}

/// How many of the n observations have the property that a share counts.
fn counted(row: &metrics::Row) -> f64 {
    row.value.map_or(0.0, |value| (value * row.n as f64).round())
}

/// The exposure behind a rate that is not 0.
fn exposure(row: &metrics::Row) -> Option<f64> {
    row.value.filter(|value| *value > 0.0).map(|value| row.n as f64 / value)
}

/// What is split by the window in which it falls, and so adds up. Gaps between two weeks belong to neither part of a
/// week that is cut, so the days per week do not.
fn adds_up(row: &metrics::Row) -> bool {
    row.statistic != "deploy_days_per_week"
}

proptest! {
    #![proptest_config(few())]

    /// Counts and exposures of the parts of a period are those of the whole, wherever it is split.
    #[test]
    fn the_parts_of_a_period_add_up(world in worlds(), hour in 1_i64..42 * 24) {
        let split = Instant(start().0 + hour * HOUR);
        let (whole, early, late) = wait(async {
            let kept = world.kept().await;
            let within = |since, until| Plan { since: Some(since), until: Some(until), ..plan() };
            (
                kept.derive(&within(start(), end())).await,
                kept.derive(&within(start(), split)).await,
                kept.derive(&within(split, end())).await,
            )
        });
        let (early, late) = (of_kind(&early, "period"), of_kind(&late, "period"));
        for ((name, _), row) in of_kind(&whole, "period") {
            if !adds_up(row) {
                continue;
            }
            let parts = [early.get(&(name.clone(), start())), late.get(&(name.clone(), split))];
            let count: i64 = parts.iter().flatten().map(|part| part.n).sum();
            prop_assert_eq!(count, row.n, "{:?}", name);
            if row.unit == "ratio" {
                let parts: f64 = parts.iter().flatten().map(|part| counted(part)).sum();
                prop_assert!((parts - counted(row)).abs() < 1e-6, "{:?}: {} of {}", name, parts, counted(row));
            }
            // Only what is divided by exposure has one.
            if row.statistic != "per_day" {
                continue;
            }
            if let ([Some(early), Some(late)], Some(all)) = (parts.map(|part| part.and_then(|part| exposure(part))), exposure(row)) {
                prop_assert!((early + late - all).abs() < 1e-6, "{:?}: {} and {} days of {}", name, early, late, all);
            }
        }
    }

    /// A week has the numbers it has, whether it is one of many or looked at alone.
    #[test]
    fn a_cohort_does_not_depend_on_how_the_period_is_cut(world in worlds(), week in 0_i64..6) {
        let from = Instant(start().0 + week * 7 * DAY);
        let until = Instant(from.0 + 7 * DAY);
        let (many, alone) = wait(async {
            let kept = world.kept().await;
            let alone = Plan { since: Some(from), until: Some(until), ..plan() };
            (kept.derive(&plan()).await, kept.derive(&alone).await)
        });
        let alone = of_kind(&alone, "period");
        let mut compared = 0;
        for ((name, at), row) in of_kind(&many, "week") {
            if at == from {
                let same = alone[&(name, from)];
                prop_assert_eq!(content(row), content(same));
                compared += 1;
            }
        }
        prop_assert!(compared > 0);
    }

    /// The order of the records, how often they come, in how many readings, and the number of threads change nothing.
    #[test]
    fn the_same_records_give_the_same_tables(world in worlds()) {
        let digests = wait(async {
            let mut digests = vec![world.derive(&plan()).await.digests()];
            digests.push(world.clone().reversed().doubled().derive(&plan()).await.digests());
            let again = Kept::new().await;
            let part = World { deployments: world.deployments.clone(), ..World::default() };
            for records in [&part, &world, &world.clone().reversed()] {
                again.put(records).await;
            }
            for threads in [1, 2, 8] {
                digests.push(again.derive(&Plan { threads: Some(threads), ..plan() }).await.digests());
            }
            digests.into_iter().map(|found| found.expect("every number is finite")).collect::<Vec<_>>()
        });
        for other in &digests[1..] {
            prop_assert_eq!(&digests[0], other);
        }
    }

    /// Everything so many weeks later is the same, so many weeks later.
    #[test]
    fn a_shift_of_everything_changes_no_number(world in worlds(), weeks in 1_i64..60) {
        let by = weeks * 7 * DAY;
        let (now, later) = wait(async {
            let later = Plan { as_of: Some(Instant(end().0 + by)), ..plan() };
            (world.derive(&plan()).await, world.clone().later(by).derive(&later).await)
        });
        prop_assert_eq!(now.metrics.len(), later.metrics.len());
        for kind in ["period", "week"] {
            let later = of_kind(&later, kind);
            for ((name, at), row) in of_kind(&now, kind) {
                let same = later[&(name, Instant(at.0 + by))];
                prop_assert_eq!(without_draws(row), without_draws(same));
            }
        }
    }

    /// Values, limits and reasons fit together, and no duration is negative.
    #[test]
    fn every_number_makes_sense(world in worlds()) {
        let derived = wait(world.derive(&plan()));
        for row in &derived.metrics {
            prop_assert!(row.value.is_none_or(|value| value >= 0.0), "{:?}", row);
            prop_assert!(row.above.is_none_or(|above| above >= 0.0 && row.value.is_none()), "{:?}", row);
            prop_assert!(row.n > 0 || row.value.is_none() || row.statistic == "per_day", "{:?}", row);
            let (low, high) = (row.ci_low, row.ci_high);
            let value = row.value.or(row.above).unwrap_or(0.0);
            // A drawn interval is corrected for bias, and may leave out an estimate that is itself biased.
            if row.ci_method != "cluster_bootstrap_bca" {
                prop_assert!(low.is_none_or(|low| low <= value || row.above.is_some()), "{:?}", row);
                prop_assert!(high.is_none_or(|high| high >= value), "{:?}", row);
            }
            // Each limit that is missing has its reason.
            let tells = row.ci_method.starts_with("none: ") && row.ci_method.len() > "none: ".len();
            let is_open = row.ci_method.contains("limit is not reached");
            prop_assert_eq!(low.is_none() && high.is_none(), tells, "{:?}", row);
            prop_assert_eq!(low.is_none() != high.is_none(), is_open, "{:?}", row);
            prop_assert!((0.0..=1.0).contains(&row.coverage_rate), "{:?}", row);
        }
    }

    /// The evidence bounds hold the rate between them, for every unit, stratum and window.
    #[test]
    fn the_rate_lies_between_its_evidence_bounds(world in worlds()) {
        let derived = wait(world.derive(&plan()));
        for kind in ["period", "week"] {
            let rows = of_kind(&derived, kind);
            for (((service, group, dimension, stratum, metric, statistic), at), row) in &rows {
                if statistic != "rate" {
                    continue;
                }
                let bound = |name: &str| {
                    let name = (service.clone(), group.clone(), dimension.clone(), stratum.clone(), metric.clone(), name.to_owned());
                    rows[&(name, *at)].value
                };
                let (lowest, highest) = (bound("rate_lowest"), bound("rate_highest"));
                if let (Some(rate), Some(lowest), Some(highest)) = (row.value, lowest, highest) {
                    prop_assert!(lowest <= rate && rate <= highest, "{:?}: {:?} {:?}", row, lowest, highest);
                } else {
                    prop_assert!(row.value.is_none());
                }
            }
        }
    }

    /// A group is what its services have together, and the strata of a unit are all of it.
    #[test]
    fn groups_and_strata_are_sums_of_rows(world in worlds()) {
        let derived = wait(world.derive(&plan()));
        let rows = of_kind(&derived, "period");
        let services: BTreeSet<&String> = derived.metrics.iter().filter_map(|row| row.service.as_ref()).collect();
        for definition in definitions() {
            for statistic in definition.gives.iter().filter(|one| *one != "deploy_days_per_week") {
                let of = |service: Option<&String>, group: Option<&str>| {
                    let name = (service.cloned(), group.map(str::to_owned), None, None, definition.metric.clone(), statistic.clone());
                    rows.iter().find(|((found, _), _)| *found == name).map(|(_, row)| *row)
                };
                if let Some(group) = of(None, Some("all")) {
                    let parts: Vec<_> = services.iter().filter_map(|service| of(Some(*service), None)).collect();
                    // No incident of these organisations touches two services, so nothing counts once for both.
                    prop_assert_eq!(group.n, parts.iter().map(|row| row.n).sum::<i64>(), "{} {}", definition.metric, statistic);
                    let shares: f64 = parts.iter().map(|row| counted(row)).sum();
                    prop_assert!(definition.unit != "ratio" || (counted(group) - shares).abs() < 1e-6);
                }
            }
        }
        let mut strata: BTreeMap<Named, i64> = BTreeMap::new();
        for ((name, _), row) in rows.iter().filter(|((name, _), _)| name.2.is_some()) {
            let (service, group, dimension, _, metric, statistic) = name.clone();
            *strata.entry((service, group, dimension, None, metric, statistic)).or_default() += row.n;
        }
        for ((service, group, _, _, metric, statistic), n) in strata {
            if statistic != "deploy_days_per_week" {
                let whole = rows.iter().find(|((name, _), _)| {
                    *name == (service.clone(), group.clone(), None, None, metric.clone(), statistic.clone())
                });
                prop_assert_eq!(Some(n), whole.map(|(_, row)| row.n), "{} {}", metric, statistic);
            }
        }
    }

    /// Counted by hand from the rollouts, their changes and their episodes.
    #[test]
    fn counts_are_those_of_a_recount(world in worlds()) {
        let derived = wait(world.derive(&plan()));
        let services: BTreeSet<&str> = derived.rollouts.iter().map(|rollout| rollout.service.as_str()).collect();
        for service in services {
            let period = ("period", derived.period.start);
            let n = |metric: &str, statistic: &str| number(&derived, service, period, metric, statistic).n;
            let is_own = |rollout: &&rollouts::Row| rollout.service == service;
            let count = |property: &dyn Fn(&rollouts::Row) -> bool| {
                let own = derived.rollouts.iter().filter(is_own);
                i64::try_from(own.filter(|rollout| property(rollout)).count()).expect("few")
            };
            let is_whole = world.coverage.iter().all(|row| row.is_complete);
            if is_whole {
                prop_assert_eq!(n("deployment_frequency", "per_day"), count(&|one| one.in_frequency));
                let forward = |one: &rollouts::Row| {
                    one.in_frequency && !["rollback", "hotfix"].contains(&one.kind.as_str()) && !one.is_reapply
                };
                prop_assert_eq!(n("forward_deployment_frequency", "per_day"), count(&forward));
            }
            prop_assert_eq!(n("change_fail_rate", "rate"), count(&|one| one.in_change_fail_rate));
            let attempts = derived.rollouts.iter().filter(is_own).filter(|one| one.kind != "redeploy");
            let (all, failed): (i64, i64) = attempts.fold((0, 0), |(all, failed), one| {
                (all + one.finished_attempt_count, failed + one.failed_attempt_count)
            });
            let attempts = number(&derived, service, period, "attempt_failure_rate", "rate");
            prop_assert_eq!((attempts.n, counted(attempts)), (all, failed as f64));
            let unlinked = world.incidents.iter().filter(|incident| {
                incident.service.as_deref() == Some(service)
                    && incident.opened_at >= start()
                    && !derived.rollout_failures.iter().any(|link| {
                        link.is_accepted && link.evidence_id == incident.incident_id
                    })
            });
            if is_whole {
                let unlinked = i64::try_from(unlinked.count()).expect("few");
                prop_assert_eq!(n("unlinked_incident_rate", "per_day"), unlinked);
            }
            let explicit: BTreeSet<&str> = derived.rollout_failures.iter()
                .filter(|link| link.service == service && link.is_accepted && link.is_explicit)
                .map(|link| link.rollout_id.as_str())
                .collect();
            let any: BTreeSet<&str> = derived.rollout_failures.iter()
                .filter(|link| link.service == service)
                .map(|link| link.rollout_id.as_str())
                .collect();
            let share = |statistic: &str| counted(number(&derived, service, period, "change_fail_rate", statistic));
            prop_assert_eq!((share("rate_lowest"), share("rate_highest")), (explicit.len() as f64, any.len() as f64));
            // The empirical median of what was deployed in the period: the middle one, or between the two.
            let mut lengths: Vec<f64> = derived.rollout_changes.iter()
                .filter(|link| link.service == service && link.excluded.is_none())
                .filter(|link| link.deployed_at.is_some_and(|at| derived.period.contains(at)))
                .filter_map(|link| Some((link.deployed_at?.0 - link.started_at?.0) as f64 / 1e6))
                .collect();
            lengths.sort_unstable_by(f64::total_cmp);
            let median = number(&derived, service, period, "change_lead_time_deployed", "p50");
            prop_assert_eq!(usize::try_from(median.n), Ok(lengths.len()));
            let middle = (!lengths.is_empty())
                .then(|| f64::midpoint(lengths[(lengths.len() - 1) / 2], lengths[lengths.len() / 2]));
            prop_assert_eq!(median.value.is_some(), middle.is_some());
            let error = median.value.zip(middle).map_or(0.0, |(found, middle)| (found - middle).abs());
            prop_assert!(error < 1e-6, "{:?} and {:?}", median.value, middle);
        }
    }
}

/// A deployment an hour after the start of each of these days, each of another commit.
fn rollouts_on(world: &mut World, service: &str, days: &[i64]) {
    for day in days {
        let id = format!("{service}-{day}");
        world.deployments.push(deployment(&id, service, &sha(&id), Instant(start().0 + day * DAY + HOUR)));
    }
}

/// One of one rollouts of `few` failed, one of nine of `many`: 2 of 10, and not the mean of 1 and 1/9.
#[test]
fn a_group_is_pooled_from_rows_and_no_average_of_averages() {
    let mut world = World::default();
    world.read(start(), end(), true);
    rollouts_on(&mut world, "few", &[10]);
    rollouts_on(&mut world, "many", &[2, 4, 6, 8, 10, 12, 14, 16, 18]);
    for (service, day) in [("few", 10), ("many", 12)] {
        let opened_at = Instant(start().0 + day * DAY + 2 * HOUR);
        world.incidents.push(incident(service, service, opened_at, Some(Instant(opened_at.0 + day * HOUR))));
    }
    // Lead times of 1 h in `few` and of 9 h three times in `many`.
    for (service, days, hours) in [("few", vec![20], 1), ("many", vec![22, 24, 26], 9)] {
        let before = Instant(start().0 - DAY);
        let mut tip = world.merge(service, &format!("{service}-root"), None, (before, before), "human");
        let first = deployment(&format!("{service}-first"), service, &tip, Instant(start().0 + 19 * DAY));
        world.deployments.push(first);
        for day in days {
            let at = |hours: i64| Instant(start().0 + day * DAY + hours * HOUR);
            let name = format!("{service}-change-{day}");
            tip = world.merge(service, &name, Some(&tip), (at(0), at(hours)), "human");
            world.deployments.push(deployment(&name, service, &tip, at(hours)));
        }
    }
    let derived = wait(world.derive(&plan()));
    let value = |unit: &str, metric: &str, statistic: &str| {
        let row = number(&derived, unit, ("period", start()), metric, statistic);
        (row.value.expect("it has a value"), row.n)
    };
    assert_eq!(value("few", "change_fail_rate", "rate"), (1.0 / 3.0, 3));
    assert_eq!(value("many", "change_fail_rate", "rate"), (1.0 / 13.0, 13));
    assert_eq!(value("all", "change_fail_rate", "rate"), (2.0 / 16.0, 16));
    assert_eq!(value("few", "change_lead_time", "p50"), (3_600.0, 1));
    assert_eq!(value("all", "change_lead_time", "p50"), (9.0 * 3_600.0, 4));
    assert_eq!(value("all", "failed_deployment_recovery_time", "p90").1, 2);
    let (frequency, n) = value("all", "deployment_frequency", "per_day");
    assert_eq!(n, 16);
    assert!((frequency - 16.0 / 42.0).abs() < 1e-12, "{frequency}");
    // A gap is that of one service: two of `few`, twelve of `many`.
    assert_eq!(value("all", "deployment_frequency", "gap_p50").1, 2 + 12);
}

/// Nothing was rolled out for a while: frequency is 0 with an upper bound, shares and times are null.
#[test]
fn zero_deployments_are_a_frequency_of_nothing_and_no_share() {
    let mut world = World::default();
    world.read(start(), end(), true);
    rollouts_on(&mut world, "api", &[30]);
    let derived = wait(world.derive(&plan()));
    let week = |metric: &str, statistic: &str| number(&derived, "api", ("week", start()), metric, statistic);
    for metric in ["deployment_frequency", "forward_deployment_frequency"] {
        let row = week(metric, "per_day");
        assert_eq!((row.value, row.n, row.ci_low), (Some(0.0), 0, Some(0.0)));
        assert!((row.ci_high.expect("it is bounded") * 7.0 - 3.688_879).abs() < 1e-6, "{row:?}");
    }
    assert_eq!(week("deployment_frequency", "deploy_days_per_week").value, Some(0.0));
    for (metric, statistic) in [
        ("change_fail_rate", "rate"),
        ("change_lead_time", "p50"),
        ("failed_deployment_recovery_time", "p50"),
        ("deployment_rework_rate", "rate"),
        ("attempt_failure_rate", "rate"),
    ] {
        let row = week(metric, statistic);
        assert_eq!((row.value, row.above, row.n), (None, None, 0), "{metric}");
        assert!(row.ci_method.starts_with("none: "), "{row:?}");
    }
    // No failure: a share of 0 with its interval, and no recovery.
    let period = |metric: &str, statistic: &str| number(&derived, "api", ("period", start()), metric, statistic);
    assert_eq!(period("change_fail_rate", "rate").value, Some(0.0));
    assert!(period("change_fail_rate", "rate").ci_high.is_some_and(|high| high > 0.0));
    assert_eq!(period("failed_deployment_recovery_time", "p50").value, None);
}

/// A rollout a day over the weeks in which the clocks of Berlin go forward and back: 167 and 169 hours of exposure.
#[test]
fn weeks_of_a_clock_change_have_their_own_exposure() {
    let berlin = Plan { zone: Tz::Europe__Berlin, calendar: Some(Calendar::Week), ..Plan::default() };
    for (monday, hours) in [("2026-03-22T23:00:00Z", 167), ("2026-10-18T22:00:00Z", 169)] {
        let monday = Instant::parse(monday).expect("a literal instant");
        let (from, until) = (Instant(monday.0 - 7 * DAY), Instant(monday.0 + hours * HOUR + 7 * DAY));
        let mut world = World::default();
        world.read(from, until, true);
        for day in 0..7 {
            let id = format!("d{day}");
            // Also in the last hour of the week.
            let at = if day == 6 { Instant(monday.0 + hours * HOUR - 1) } else { Instant(monday.0 + day * DAY) };
            world.deployments.push(deployment(&id, "api", &sha(&id), at));
        }
        let derived =
            wait(world.derive(&Plan { since: Some(from), until: Some(until), as_of: Some(until), ..berlin.clone() }));
        let row = number(&derived, "api", ("week", monday), "deployment_frequency", "per_day");
        assert_eq!(row.n, 7);
        assert_eq!((row.window_end_at.0 - row.window_start_at.0) / HOUR, hours);
        assert!((exposure(row).expect("there are events") * 24.0 - hours as f64).abs() < 1e-9, "{row:?}");
        let days = number(&derived, "api", ("week", monday), "deployment_frequency", "deploy_days_per_week");
        assert_eq!(days.value, Some(7.0), "the day of the change is one day");
    }
}

/// Staging has numbers where they are asked for, and production the same ones as before.
#[test]
fn other_environments_are_measured_where_asked_for() {
    let mut world = World::default();
    world.read(start(), end(), true);
    rollouts_on(&mut world, "api", &[3, 9]);
    let mut staged = deployment("staged", "api", &sha("staged"), Instant(start().0 + DAY));
    staged.environment = Some("Staging".into());
    world.deployments.push(staged);
    let (without, with) = wait(async {
        let kept = world.kept().await;
        let staging = Plan { environments: vec!["staging".into()], ..plan() };
        (kept.derive(&plan()).await, kept.derive(&staging).await)
    });
    assert!(without.metrics.iter().all(|row| row.environment == "production"));
    let (production, staging): (Vec<_>, Vec<_>) =
        with.metrics.into_iter().partition(|row| row.environment == "production");
    assert_eq!(production, without.metrics);
    let frequency = staging.iter().find(|row| row.metric == "deployment_frequency" && row.window_kind == "period");
    assert_eq!(frequency.map(|row| row.n), Some(1));
}

/// A small world that does not change: the digests of its tables, as words.
fn digests_of_a_fixed_world() -> String {
    let mut world = World::default();
    world.read(start(), end(), true);
    rollouts_on(&mut world, "api", &[1, 2, 3, 5, 8, 13, 21, 34]);
    world.incidents.push(incident("i1", "api", Instant(start().0 + 2 * DAY + 2 * HOUR), None));
    let berlin = Plan { zone: Tz::Europe__Berlin, ..plan() };
    let derived = wait(world.derive(&berlin));
    format!("digests {:?}", derived.digests().expect("every number is finite"))
}

const PRINTS: &str = "DORACLE_TEST_PRINTS_DIGESTS";

/// The zone of the machine is not asked for. This test starts itself again, since a process cannot change its own.
#[test]
#[expect(clippy::print_stdout, reason = "the other process reads it")]
fn the_zone_of_the_machine_changes_nothing() {
    let own = digests_of_a_fixed_world();
    if std::env::var_os(PRINTS).is_some() {
        println!("{own}");
        return;
    }
    for zone in ["UTC", "Pacific/Auckland", "America/St_Johns"] {
        let this = std::env::current_exe().expect("a test is a program");
        let found = Command::new(this)
            .args(["--exact", "properties::the_zone_of_the_machine_changes_nothing", "--nocapture"])
            .env("TZ", zone)
            .env(PRINTS, "yes")
            .output()
            .expect("it runs");
        let words = String::from_utf8_lossy(&found.stdout);
        assert!(words.contains(&own), "{zone}: {words}");
    }
}

/// What comparisons look at is what the metrics count: service by service, as many, and as many with the property.
#[test]
fn observations_are_what_the_metrics_count() {
    wait(async {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        for _ in 0..3 {
            let world = worlds().new_tree(&mut runner).expect("a world").current();
            let kept = world.kept().await;
            let derived = kept.derive(&plan()).await;
            let observed = kept.observe(&plan()).await;
            let period = of_kind(&derived, "period");
            let mut compared = 0;
            for (service, seen) in &observed.services {
                for metric in derive::comparable() {
                    let statistic = match metric {
                        "change_fail_rate" => "rate",
                        "change_lead_time" | "failed_deployment_recovery_time" => "p50",
                        _ => "per_day",
                    };
                    let is_own = |row: &&&metrics::Row| {
                        row.service.as_ref() == Some(service)
                            && row.environment == seen.environment
                            && row.dimension.is_none()
                            && row.metric == metric
                            && row.statistic == statistic
                    };
                    let row = period.values().find(is_own);
                    let rows = seen.metrics.get(metric).map_or(&[][..], Vec::as_slice);
                    let counted = rows.iter().filter(|one| one.is_counted == Some(true)).count() as f64;
                    assert_eq!(
                        row.map_or(0, |row| row.n),
                        i64::try_from(rows.len()).expect("few"),
                        "{service} {metric}"
                    );
                    if let Some(row) = row.filter(|_| metric == "change_fail_rate") {
                        assert!((self::counted(row) - counted).abs() < 1e-9, "{service}");
                    }
                    compared += rows.len();
                }
            }
            assert!(compared > 0, "a world in which something happened");
        }
    });
}
