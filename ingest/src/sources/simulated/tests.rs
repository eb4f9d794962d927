//! The organisation is what it says it is: reproducible, well formed, and as the truth tells it.

mod recount;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use lake::tables::{commits, deployments, interventions};
use lake::{Instant, Table, TableRow, canonical};

use self::recount::{Recount, Rows};
use super::truth::truth;
use super::world::plans;
use super::{Config, Counts, Effects, FILLS, Simulated, Truth, World, open, world};
use crate::contract::Contract;
use crate::{NoVariables, Reading, Silent, Sink, Source};

static SMALL: LazyLock<World> = LazyLock::new(|| world(&Config::default()));

fn small() -> &'static World {
    &SMALL
}

fn large() -> Config {
    Config { services: 60, weeks: 40, intervention_week: 20, ..Config::default() }
}

/// The truth without the rows, which take most of the time.
fn truth_of(config: &Config) -> Truth {
    truth(config, &plans(config))
}

fn bytes(world: &World) -> Vec<(&'static str, usize, &[u8])> {
    world.pages.iter().map(|page| (page.table.name, page.week, page.content.as_slice())).collect()
}

#[test]
fn same_seed_same_bytes() {
    let (one, other) = (small(), world(&Config::default()));
    assert_eq!(bytes(one), bytes(&other));
    assert_eq!(one.truth, other.truth);
}

#[test]
fn another_seed_is_another_organisation() {
    let other = world(&Config { seed: 7, ..Config::default() });
    assert_ne!(bytes(small()), bytes(&other));
    assert_ne!(small().truth.all, other.truth.all);
}

/// The one test that knows numbers: what a first look at the default organisation shows.
#[test]
fn the_default_organisation_stays_as_it_is() {
    let digest = canonical::sha256(&small().pages.iter().flat_map(|page| page.content.clone()).collect::<Vec<u8>>());
    insta::assert_snapshot!(&digest[..16], @"038aa37118f1ebd7");
}

#[test]
fn a_longer_watch_does_not_rewrite_the_past() {
    let longer: Vec<deployments::Row> = world(&Config { weeks: 30, ..Config::default() }).rows().expect("deployments");
    let earlier: Vec<deployments::Row> = small().rows().expect("deployments");
    let as_of = Some(small().as_of);
    let seen_by_then: Vec<deployments::Row> = longer.into_iter().filter(|row| row.finished_at < as_of).collect();
    assert_eq!(earlier, seen_by_then);
}

#[test]
fn commits_form_a_graph_without_cycles() {
    let commits: Vec<commits::Row> = small().rows().expect("commits");
    let parents: BTreeMap<&str, &[String]> =
        commits.iter().map(|row| (row.commit_sha.as_str(), row.parents.as_slice())).collect();
    for row in &commits {
        assert_eq!(row.commit_sha.len(), 40);
        assert_eq!(row.is_merge, row.parents.len() > 1);
        for parent in &row.parents {
            assert!(parents.contains_key(parent.as_str()), "parent `{parent}` exists");
        }
    }
    // Every parent was committed before its child, so there is no way back.
    let committed: BTreeMap<&str, Instant> =
        commits.iter().map(|row| (row.commit_sha.as_str(), row.committed_at)).collect();
    for row in &commits {
        assert!(row.parents.iter().all(|parent| committed[parent.as_str()] <= row.committed_at), "{row:?}");
    }
    let roots = commits.iter().filter(|row| row.parents.is_empty()).count();
    assert_eq!(roots, usize::from(Config::default().services));
}

#[test]
fn keys_are_unique_over_all_pages() {
    let world = small();
    let tables: BTreeMap<&str, &'static Table> = world.pages.iter().map(|page| (page.table.name, page.table)).collect();
    for table in tables.into_values() {
        let mut keys = BTreeSet::new();
        for page in world.pages.iter().filter(|page| page.table.name == table.name) {
            for line in page.content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let row: serde_json::Value = serde_json::from_slice(line).expect("a line is JSON");
                let key: Vec<&serde_json::Value> = table.key.iter().map(|name| &row[*name]).collect();
                assert!(keys.insert(serde_json::to_string(&key).expect("JSON")), "{} {key:?}", table.name);
            }
        }
        assert!(!keys.is_empty());
    }
}

#[test]
fn nothing_is_on_record_that_happens_at_the_end_or_later() {
    let world = small();
    let rows = Rows::of(world);
    let latest = |at: Option<Instant>| assert!(at.is_none_or(|at| at < world.as_of), "{at:?}");
    rows.commits.iter().for_each(|row| latest(Some(row.committed_at.max(row.authored_at))));
    for row in &rows.changes {
        [row.first_commit_at, row.last_commit_at, row.opened_at, row.merged_at, row.closed_at, row.updated_at]
            .into_iter()
            .for_each(latest);
    }
    for row in &rows.deployments {
        [row.started_at, row.finished_at, row.updated_at].into_iter().for_each(latest);
        assert!(row.started_at < row.finished_at);
    }
    for row in &rows.incidents {
        [Some(row.opened_at), row.impact_started_at, row.mitigated_at, row.resolved_at, row.updated_at]
            .into_iter()
            .for_each(latest);
    }
}

#[test]
fn texts_for_people_say_that_it_is_simulated() {
    let rows = Rows::of(small());
    assert!(rows.commits.iter().all(|row| row.subject.starts_with("[simulated]")));
    let titles = rows.changes.iter().map(|row| &row.title).chain(rows.incidents.iter().map(|row| &row.title));
    assert!(titles.flatten().all(|title| title.starts_with("[simulated]")));
}

/// What the rows alone give is what the truth says, for every service.
fn assert_recount(config: &Config) {
    let world = world(config);
    let rows = Rows::of(&world);
    for truth in &world.truth.services {
        let recount = Recount::new(&rows, &truth.service, &truth.repository);
        let expected = Counts {
            // Told by no single row: an abandoned rollout is attempts without a success. No service, no recount.
            abandoned_rollouts: 0,
            incidents: truth.counts.incidents - truth.counts.incidents_without_service,
            unlinked_incidents: truth.counts.unlinked_incidents - truth.counts.incidents_without_service,
            incidents_without_service: 0,
            ..truth.counts
        };
        assert_eq!(recount.counts(), expected, "counts of {}", truth.service);
        let lead_times: BTreeMap<String, i64> =
            truth.lead_times.iter().map(|lead| (lead.change_id.clone(), lead.lead_time_micros)).collect();
        assert_eq!(recount.lead_times(), lead_times, "lead times of {}", truth.service);
        let episodes: Vec<_> = truth
            .episodes
            .iter()
            .map(|episode| (episode.deployment_id.clone(), episode.started_at, episode.restored_at))
            .collect();
        assert_eq!(recount.episodes(), episodes, "episodes of {}", truth.service);
    }
    let without_service = rows.incidents.iter().filter(|row| row.service.is_none()).count();
    assert_eq!(without_service, world.truth.all.incidents_without_service);
}

#[test]
fn a_recount_of_the_rows_gives_the_truth() {
    assert_recount(&Config::default());
}

#[test]
fn a_recount_gives_the_truth_for_other_seeds_and_sizes() {
    for seed in 0..6 {
        assert_recount(&Config { seed, services: 9, weeks: 17, intervention_week: 3, ..Config::default() });
    }
    assert_recount(&Config { services: 1, weeks: 1, ..Config::default() });
    assert_recount(&Config { services: 3, weeks: 2, intervention_week: 9, ..Config::default() });
}

#[test]
fn every_kind_of_thing_happens() {
    let all = small().truth.all;
    let told = serde_json::to_value(all).expect("counts are JSON");
    let missing: Vec<&String> =
        told.as_object().expect("an object").iter().filter(|(_, count)| **count == 0).map(|(name, _)| name).collect();
    assert!(missing.is_empty(), "{missing:?} in {all:?}");
    let evidence: BTreeSet<&str> = small()
        .truth
        .services
        .iter()
        .flat_map(|service| service.episodes.iter().flat_map(|episode| episode.evidence.clone()))
        .collect();
    assert_eq!(evidence, BTreeSet::from(["explicit", "hotfix", "rollback", "time_window"]));
}

#[test]
fn half_of_the_services_adopt_on_the_day() {
    let world = small();
    let rows: Vec<interventions::Row> = world.rows().expect("interventions");
    assert_eq!(rows.len(), 3);
    let day = Instant::parse("2026-04-06T00:00:00Z").expect("an instant");
    assert!(rows.iter().all(|row| row.started_at == day && row.practice == "multi-agent orchestration"));
    let adopted = world.truth.services.iter().filter(|service| service.adopted_at == Some(day)).count();
    assert_eq!(adopted, 3);
}

#[test]
fn adoption_can_be_staggered() {
    let world = world(&Config { stagger_weeks: 2, ..Config::default() });
    let rows: Vec<interventions::Row> = world.rows().expect("interventions");
    let days: BTreeSet<Instant> = rows.iter().map(|row| row.started_at).collect();
    assert_eq!(days.len(), 3);
}

fn median(mut values: Vec<i64>) -> f64 {
    values.sort_unstable();
    values[values.len() / 2] as f64
}

/// Lead times, in hours, of changes merged by services that had adopted by then, or had not.
fn lead_times(truth: &Truth, has_adopted: bool) -> Vec<i64> {
    let of_service = truth.services.iter().flat_map(|service| {
        let adopted_at = service.adopted_at;
        service.lead_times.iter().filter(move |lead| adopted_at.is_some_and(|at| lead.merged_at >= at) == has_adopted)
    });
    of_service.map(|lead| lead.lead_time_micros).collect()
}

fn near(found: f64, planted: f64, tolerance: f64) {
    assert!((found / planted - 1.0).abs() < tolerance, "found {found}, planted {planted}");
}

#[test]
fn planted_numbers_are_recovered_over_a_large_organisation() {
    let truth = truth_of(&large());
    let planted = truth.services[0].before;
    let all = truth.all;
    // About 6,000 rollouts: 0.12 has a standard error of 0.004.
    near(all.failed_rollouts as f64 / all.change_fail_rollouts as f64, planted.change_fail_probability, 0.12);
    // Some 8,000 and 5,000 lead times: their medians have standard errors of about 1.5 %.
    let hour = 3.6e9;
    let (before, after) = (lead_times(&truth, false), lead_times(&truth, true));
    near(median(before) / hour, planted.lead_time_median_hours, 0.06);
    near(median(after) / hour, planted.lead_time_median_hours * truth.effects.lead_time_factor, 0.06);
    let recoveries: Vec<i64> = truth
        .services
        .iter()
        .flat_map(|service| service.episodes.iter().filter_map(|episode| episode.recovery_micros))
        .collect();
    near(median(recoveries) / hour, planted.recovery_median_hours, 0.12);
}

/// Forward rollouts of adopters per week, before and from adoption on, over those expected.
#[test]
fn planted_rates_are_recovered_over_a_large_organisation() {
    let world = world(&large());
    let rows: Vec<deployments::Row> = world.rows().expect("deployments");
    let (mut found, mut expected) = ((0, 0), (0.0, 0.0));
    for service in world.truth.services.iter().filter(|service| service.adopted_at.is_some()) {
        let adopted_at = service.adopted_at.expect("it has adopted");
        let mut seen = BTreeSet::new();
        for row in rows.iter().filter(|row| row.service.as_ref() == Some(&service.service)) {
            let is_forward = matches!(row.intent.as_deref(), None | Some("config")) && row.status == "success";
            let is_new =
                is_forward && row.environment.as_deref() == Some("production") && seen.insert(row.revisions.clone());
            found.0 += usize::from(is_new && row.started_at < Some(adopted_at));
            found.1 += usize::from(is_new && row.started_at >= Some(adopted_at));
        }
        expected.0 += service.before.rollouts_per_week * 20.0;
        expected.1 += service.after.rollouts_per_week * 20.0;
    }
    near(found.0 as f64, expected.0, 0.07);
    near(found.1 as f64, expected.1, 0.07);
}

#[test]
fn without_effects_adoption_changes_nothing() {
    let truth = truth_of(&Config { effects: Effects::NONE, ..large() });
    near(median(lead_times(&truth, true)), median(lead_times(&truth, false)), 0.06);
    assert!(truth.services.iter().all(|service| service.before == service.after));
}

fn simulated() -> Simulated {
    open(Config { services: 2, weeks: 3, intervention_week: 1, ..Config::default() })
}

async fn read(source: &Simulated) -> Result<Sink<'static>, crate::SourceError> {
    let mut sink = Sink::into_memory(&source.stream(), source.fills(), Instant(0));
    source.read(&Reading::at(Instant(0), &NoVariables), &mut sink, &Silent).await?;
    Ok(sink)
}

#[tokio::test]
async fn it_is_a_source_like_any_other() {
    let sink = read(&simulated()).await.expect("it can be read");
    let filled: Vec<&str> = sink.summary().rows.keys().copied().collect();
    assert!(filled.iter().all(|table| FILLS.contains(table)));
    assert!(sink.summary().page_count > 10);
    let commits: Vec<commits::Row> = sink.kept().expect("rows");
    assert!(commits.len() > 20);
    let coverage: Vec<lake::tables::coverage::Row> = sink.kept().expect("rows");
    assert_eq!(coverage.len(), FILLS.len() - 1);
    assert!(coverage.iter().all(|row| row.is_complete && row.stream == "simulated:2026"));
}

#[tokio::test]
async fn settings_out_of_bounds_are_refused() {
    let refused = |config: Config| async move {
        let error = read(&open(config)).await.err().expect("it is refused");
        format!("{error}: {}", error.kind)
    };
    insta::assert_snapshot!(
        refused(Config { services: 0, ..Config::default() }).await,
        @"could not simulate `simulated:2026`: `services` is from 1 to 200, not 0"
    );
    insta::assert_snapshot!(
        refused(Config { weeks: 1_000, ..Config::default() }).await,
        @"could not simulate `simulated:2026`: `weeks` is from 1 to 520, not 1000"
    );
    let effects = Effects { lead_time_factor: f64::NAN, ..Effects::default() };
    insta::assert_snapshot!(
        refused(Config { effects, ..Config::default() }).await,
        @"could not simulate `simulated:2026`: `effects.lead_time_factor` is from 0.1 to 5, not NaN"
    );
}

#[test]
fn settings_have_defaults_and_refuse_what_they_do_not_know() {
    let read = |text: &str| serde_json::from_str::<Config>(text).map_err(|error| error.to_string());
    assert_eq!(read("{}"), Ok(Config::default()));
    let day = read(r#"{"start": "2026-01-06"}"#).expect_err("a Tuesday");
    assert!(day.starts_with("`2026-01-06` is not a Monday"), "{day}");
    assert!(read(r#"{"sevices": 3}"#).is_err());
    assert!(commits::Row::table().column("commit_sha").is_some());
}

/// This source as the tests that hold for every source need it.
pub(crate) fn contract() -> Contract {
    let config = Config { services: 2, weeks: 3, intervention_week: 1, ..Config::default() };
    Contract::local(crate::sources::Config::simulated(config), ())
}
