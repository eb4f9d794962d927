//! Whole simulated worlds through ingest, lake and derivation: what comes out is exactly what was planted.

use std::collections::BTreeMap;

use derive::{Derived, Plan, derive};
use ingest::sources::simulated::{self, Config, Truth};
use ingest::{NoVariables, Reading, Silent, ingest};
use lake::{AsOf, Instant, Lake, Location};

const NOW: Instant = Instant(1_800_000_000_000_000);

fn config(seed: u64) -> Config {
    Config { seed, services: 3, weeks: 10, intervention_week: 5, ..Config::default() }
}

/// The derivation of a simulated world, kept in a lake of its own.
async fn derived(config: &Config, plan: &Plan) -> Derived {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = Lake::open_or_create(&Location::Folder(folder.path().join("lake"))).await.expect("a lake is made");
    ingest(&simulated::open(config.clone()), &lake, &Reading::at(NOW, &NoVariables), &Silent)
        .await
        .expect("it can be read");
    let snapshot = lake.snapshot(AsOf::Latest).await.expect("the newest version");
    derive(&snapshot, plan).await.expect("it can be derived")
}

fn period_count(derived: &Derived, service: &str, metric: &str) -> usize {
    let of = |row: &&lake::tables::metrics::Row| {
        row.service.as_deref() == Some(service)
            && row.dimension.is_none()
            && row.window_kind == "period"
            && row.metric == metric
    };
    derived.metrics.iter().find(of).and_then(|row| usize::try_from(row.n).ok()).expect("it has a number")
}

fn check(truth: &Truth, derived: &Derived) {
    assert_eq!(derived.as_of, truth.as_of_at);
    for service in &truth.services {
        let name = &service.service;
        let own = |row: &&lake::tables::rollouts::Row| row.service == *name && row.environment == "production";
        let rollouts: Vec<_> = derived.rollouts.iter().filter(own).collect();
        let kind = |kind: &str| rollouts.iter().filter(|row| row.kind == kind && row.finished_at.is_some()).count();
        let counts = &service.counts;
        assert_eq!(kind("release"), counts.releases, "releases of {name}");
        assert_eq!(kind("config"), counts.configs, "configs of {name}");
        assert_eq!(kind("hotfix"), counts.hotfixes, "hotfixes of {name}");
        assert_eq!(kind("rollback"), counts.rollbacks, "rollbacks of {name}");
        assert_eq!(kind("redeploy"), counts.redeploys, "redeploys of {name}");
        assert_eq!(rollouts.iter().filter(|row| row.in_frequency).count(), counts.frequency_rollouts, "{name}");
        assert_eq!(
            rollouts.iter().filter(|row| row.in_change_fail_rate).count(),
            counts.change_fail_rollouts,
            "{name}"
        );
        assert_eq!(period_count(derived, name, "deployment_frequency"), counts.frequency_rollouts, "{name}");
        assert_eq!(period_count(derived, name, "change_fail_rate"), counts.change_fail_rollouts, "{name}");
        let rate = |row: &&lake::tables::metrics::Row| {
            row.service.as_deref() == Some(name)
                && row.dimension.is_none()
                && row.window_kind == "period"
                && (row.metric.as_str(), row.statistic.as_str()) == ("change_fail_rate", "rate")
        };
        let rate = derived.metrics.iter().find(rate).and_then(|row| row.value).expect("incidents are read");
        assert!((rate * counts.change_fail_rollouts as f64 - counts.failed_rollouts as f64).abs() < 1e-9, "{name}");
        lead_times(service, derived);
        episodes(service, derived);
    }
}

/// Every single lead time, to the microsecond.
fn lead_times(service: &simulated::ServiceTruth, derived: &Derived) {
    let found: BTreeMap<&str, i64> = derived
        .rollout_changes
        .iter()
        .filter(|row| row.service == service.service && row.environment == "production" && row.excluded.is_none())
        .filter_map(|row| Some((row.change_id.as_str(), row.deployed_at?.0 - row.started_at?.0)))
        .collect();
    let planted: BTreeMap<&str, i64> =
        service.lead_times.iter().map(|lead| (lead.change_id.as_str(), lead.lead_time_micros)).collect();
    assert_eq!(found, planted, "lead times of {}", service.service);
}

/// Every single failure, with its start and its end.
fn episodes(service: &simulated::ServiceTruth, derived: &Derived) {
    let mut found: Vec<(Instant, Option<Instant>)> = derived
        .recovery_episodes
        .iter()
        .filter(|row| row.service == service.service && row.environment == "production")
        .map(|row| (row.started_at, row.restored_at))
        .collect();
    found.sort();
    let mut planted: Vec<(Instant, Option<Instant>)> =
        service.episodes.iter().map(|episode| (episode.started_at, episode.restored_at)).collect();
    planted.sort();
    assert_eq!(found, planted, "failures of {}", service.service);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_planted_comes_out() {
    for seed in [1, 2, 2026] {
        let config = config(seed);
        check(&simulated::world(&config).truth, &derived(&config, &Plan::default()).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_threads_changes_nothing() {
    let config = config(7);
    let mut digests = Vec::new();
    for threads in [1, 2, 8] {
        let plan = Plan { threads: Some(threads), ..Plan::default() };
        digests.push(derived(&config, &plan).await.digests().expect("every number is finite"));
    }
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_twice_changes_nothing() {
    let config = config(3);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = Lake::open_or_create(&Location::Folder(folder.path().join("lake"))).await.expect("a lake is made");
    let source = simulated::open(config);
    let mut digests = Vec::new();
    for _ in 0..2 {
        ingest(&source, &lake, &Reading::at(NOW, &NoVariables), &Silent).await.expect("it can be read");
        let snapshot = lake.snapshot(AsOf::Latest).await.expect("the newest version");
        let derived = derive(&snapshot, &Plan::default()).await.expect("it can be derived");
        lake.commit(derived.batch(NOW)).await.expect("it can be stored");
        digests.push((snapshot.input_digests().await.expect("it can be read"), derived.digests().expect("finite")));
    }
    assert_eq!(digests[0], digests[1]);
}

/// Cutting the data off earlier gives what was known then, not a worse version of what is known now.
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_as_of_time_sees_nothing_later() {
    let config = config(5);
    let cut = Instant(config.start().0 + 6 * 7 * 86_400 * Instant::MICROS);
    let derived = derived(&config, &Plan { as_of: Some(cut), ..Plan::default() }).await;
    assert_eq!(derived.period.end, cut);
    for row in &derived.rollouts {
        assert!(row.started_at <= cut && row.finished_at.is_none_or(|at| at <= cut));
    }
    for row in &derived.rollout_changes {
        assert!(row.merged_at.is_some_and(|at| at <= cut) && row.deployed_at.is_none_or(|at| at <= cut));
    }
    for row in &derived.recovery_episodes {
        assert!(row.observed_until_at <= cut);
    }
}
