//! From a number back to what it rests on: what is listed gives the number again, by arithmetic of its own.

use std::collections::{BTreeMap, BTreeSet};

use derive::{Evidence, Explanation, Plan, Whose, Workbench, definitions};
use ingest::sources::simulated::{self, Config};
use ingest::{NoVariables, Reading, Silent, ingest};
use lake::{AsOf, Instant, Lake, Location, Snapshot, tables};
use serde_json::Value;

use crate::support::run;

const NOW: Instant = Instant(1_800_000_000_000_000);

struct World {
    _folder: tempfile::TempDir,
    lake: Lake,
    snapshot: Snapshot,
}

async fn world() -> World {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = Lake::open_or_create(&Location::Folder(folder.path().join("lake"))).await.expect("a lake is made");
    let config = Config { seed: 11, services: 3, weeks: 10, intervention_week: 5, ..Config::default() };
    ingest(&simulated::open(config), &lake, &Reading::at(NOW, &NoVariables), &Silent).await.expect("it can be read");
    let snapshot = lake.snapshot(AsOf::Latest).await.expect("the newest version");
    World { _folder: folder, lake, snapshot }
}

async fn bench(world: &World, plan: &Plan) -> Workbench {
    let metrics: Vec<&str> = definitions().iter().map(|one| one.metric.as_str()).collect();
    Workbench::new(&world.snapshot, plan, &metrics).await.expect("it can be derived")
}

fn at(text: &str) -> Instant {
    Instant::parse(text).expect("a literal instant")
}

/// The whole period, a week, and a window whose start is no midnight, which holds changes that still wait.
fn windows() -> Vec<Plan> {
    [
        (None, None),
        (Some(at("2026-02-09T00:00:00Z")), Some(at("2026-02-16T00:00:00Z"))),
        (Some(at("2026-03-08T10:30:00Z")), Some(at("2026-03-16T00:00:00Z"))),
    ]
    .map(|(since, until)| Plan { since, until, ..Plan::default() })
    .to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_that_are_listed_give_the_number() {
    let world = world().await;
    let mut checked: BTreeMap<String, usize> = BTreeMap::new();
    for (place, plan) in windows().into_iter().enumerate() {
        let mut bench = bench(&world, &plan).await;
        let services: BTreeSet<String> = bench.derived().metrics.iter().filter_map(|row| row.service.clone()).collect();
        assert_eq!(services.len(), 3);
        let unit =
            services.into_iter().nth(place % 3).map(|service| Whose { service: Some(service), ..Whose::default() });
        for whose in unit.into_iter().chain([Whose::default()]) {
            for definition in definitions() {
                let found = bench.explain(definition, &whose).await.expect("it can be explained");
                assert_eq!(found.numbers.len(), definition.gives.len(), "{}", definition.metric);
                if check(&found) {
                    *checked.entry(definition.metric.clone()).or_default() += 1;
                }
            }
        }
    }
    for definition in definitions() {
        let metric = &definition.metric;
        // Incidents without a rollout as cause are rare.
        let least = if metric == "unlinked_incident_rate" { 1 } else { 4 };
        assert!(checked.get(metric).is_some_and(|count| *count >= least), "`{metric}`: {checked:?}");
    }
}

/// Recomputes n and the values of one explanation; tells whether there was anything to compute from.
fn check(found: &Explanation) -> bool {
    let metric = found.definition.metric.as_str();
    let rows = &found.entered;
    for row in rows.iter().chain(&found.excluded) {
        assert!(!row.events.is_empty(), "no event stands behind {row:?}");
        assert!(row.events.iter().all(|event| event.page_sha.is_some()), "{row:?}");
    }
    assert!(found.is_complete(), "`{metric}`: {} rows, n = {}", rows.len(), found.rests_on);
    for number in &found.numbers {
        let again: Option<f64> = match (metric, number.statistic.as_str()) {
            // Medians of other things than the rows that are listed, and the ends of what is not known.
            (_, "deploy_days_per_week" | "gap_p50" | "rate_lowest" | "rate_highest") => continue,
            (_, "per_day") => Some(rows.len() as f64 / found.exposure_days),
            (_, "rate") => share(rows),
            ("change_lead_time_merge", _) => survival_quantile(rows, &number.statistic),
            (metric, _) if metric.starts_with("change_lead_time") => censored_quantile(rows, &number.statistic),
            _ => survival_quantile(rows, &number.statistic),
        };
        assert_eq!(usize::try_from(number.n), Ok(rows.len()), "{metric}");
        match (again, number.value) {
            (Some(again), Some(value)) => {
                assert!((again - value).abs() <= 1e-9 * value.abs().max(1.0), "`{metric}`: {again} and {value}");
            }
            (None, None) => {}
            other => panic!("`{metric}` {}: {other:?}", number.statistic),
        }
    }
    !rows.is_empty()
}

fn share(rows: &[Evidence]) -> Option<f64> {
    let counted = rows.iter().filter(|row| row.is_counted == Some(true)).count();
    (!rows.is_empty()).then(|| counted as f64 / rows.len() as f64)
}

fn probability(statistic: &str) -> f64 {
    statistic.strip_prefix('p').and_then(|digits| digits.parse::<f64>().ok()).expect("a quantile") / 100.0
}

/// Where a rising step function reaches `level`: the middle of a flat piece on which it equals the level.
fn crossing(mut steps: Vec<(f64, f64)>, level: f64, end: f64) -> Option<f64> {
    steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    let reached = steps.iter().position(|(_, height)| *height > level - 1e-8)?;
    if (steps[reached].1 - level).abs() > 1e-8 {
        return Some(steps[reached].0);
    }
    let next = steps[reached..].iter().find(|(_, height)| *height > level + 1e-8).map_or(end, |(at, _)| *at);
    Some(f64::midpoint(steps[reached].0, next))
}

/// Kaplan-Meier, straight from the formula.
fn survival_quantile(rows: &[Evidence], statistic: &str) -> Option<f64> {
    let seconds = |row: &Evidence| row.total_seconds.expect("a failure has a length");
    let mut times: Vec<f64> = rows.iter().filter(|row| row.is_counted == Some(true)).map(seconds).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let mut survival = 1.0;
    let mut steps = Vec::new();
    for time in times {
        let at_risk = rows.iter().filter(|row| seconds(row) >= time).count() as f64;
        let ended = rows.iter().filter(|row| row.is_counted == Some(true) && seconds(row) <= time).count() as f64;
        let before = rows.iter().filter(|row| row.is_counted == Some(true) && seconds(row) < time).count() as f64;
        survival *= 1.0 - (ended - before) / at_risk;
        steps.push((time, 1.0 - survival));
    }
    crossing(steps, probability(statistic), rows.iter().map(seconds).fold(0.0, f64::max))
}

/// Weighted by the inverse of the chance to be seen, straight from the formula.
fn censored_quantile(rows: &[Evidence], statistic: &str) -> Option<f64> {
    let time = |time: Option<f64>| time.expect("a change has its times");
    let count = rows.len() as f64;
    let weight = |delay: f64| {
        let followed = rows.iter().filter(|row| time(row.censoring_seconds) >= delay).count() as f64;
        1.0 / followed
    };
    let seen: Vec<&Evidence> = rows.iter().filter(|row| row.total_seconds.is_some()).collect();
    let steps = seen
        .iter()
        .map(|row| {
            let earlier = seen.iter().filter(|other| other.total_seconds <= row.total_seconds);
            (time(row.total_seconds), earlier.map(|other| weight(time(other.delay_seconds))).sum::<f64>())
        })
        .collect();
    let longest = rows.iter().map(|row| time(row.censoring_seconds)).fold(0.0, f64::max);
    let last = seen.iter().map(|row| time(row.total_seconds)).fold(0.0, f64::max);
    (count > 0.0).then(|| crossing(steps, probability(statistic), longest.max(last)))?
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_is_the_one_that_a_whole_derivation_gives() {
    let world = world().await;
    let plan = Plan { calendar: Some(derive::Calendar::Week), ..Plan::default() };
    let derived = derive::derive(&world.snapshot, &plan).await.expect("it can be derived");
    let week =
        Plan { since: Some(at("2026-02-09T00:00:00Z")), until: Some(at("2026-02-16T00:00:00Z")), ..Plan::default() };
    let mut bench = bench(&world, &week).await;
    let is_of_week = |row: &&tables::metrics::Row| row.window_kind == "week" && Some(row.window_start_at) == week.since;
    let mut asked: BTreeMap<_, Vec<&tables::metrics::Row>> = BTreeMap::new();
    for row in derived.metrics.iter().filter(is_of_week) {
        asked.entry((&row.metric, &row.service, &row.service_group)).or_default().push(row);
    }
    let mut compared = 0;
    for ((metric, service, group), rows) in asked {
        let whose = Whose { service: service.clone(), group: group.clone(), environment: None };
        let definition = definitions().iter().find(|one| one.metric == *metric).expect("it is defined");
        let found = bench.explain(definition, &whose).await.expect("it can be explained");
        for row in rows {
            let same = found.numbers.iter().find(|number| number.statistic == row.statistic).expect("it has it");
            let as_week = tables::metrics::Row { window_kind: "week".into(), ..same.clone() };
            assert_eq!(as_week, *row);
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_could_have_entered_is_listed_once() {
    let world = world().await;
    let mut bench = bench(&world, &Plan::default()).await;
    let definition = |metric: &str| definitions().iter().find(|one| one.metric == metric).expect("it is defined");
    let whole = bench.derived().clone();
    for metric in ["deployment_frequency", "change_fail_rate", "deployment_rework_rate"] {
        let found = bench.explain(definition(metric), &Whose::default()).await.expect("it can be explained");
        let mut listed: Vec<&str> = found
            .entered
            .iter()
            .chain(&found.excluded)
            .filter(|row| row.subject == "rollout")
            .map(|row| row.subject_id.as_str())
            .collect();
        listed.sort_unstable();
        let mut all: Vec<&str> = whole
            .rollouts
            .iter()
            .filter(|row| row.environment == "production")
            .map(|row| row.rollout_id.as_str())
            .collect();
        all.sort_unstable();
        assert_eq!(listed, all, "{metric}");
    }
    // Every attempt to production is behind a rollout that is listed, or left out by itself.
    let found = bench.explain(definition("deployment_frequency"), &Whose::default()).await.expect("it is explained");
    let told: BTreeSet<&str> = found
        .entered
        .iter()
        .chain(&found.excluded)
        .flat_map(|row| &row.events)
        .filter(|event| event.table == "deployments")
        .map(|event| event.event_id.as_str())
        .collect();
    let recorded: Vec<tables::deployments::Row> = world.snapshot.rows().await.expect("they can be read");
    let to_production =
        recorded.iter().filter(|row| row.environment.as_deref().is_none_or(|name| name == "production"));
    let mut count = 0;
    for row in to_production {
        let id = if row.target.is_empty() {
            format!("{} {}", row.deployment_id, row.attempt)
        } else {
            format!("{} {} {}", row.deployment_id, row.attempt, row.target)
        };
        assert!(told.contains(id.as_str()), "`{id}` is nowhere");
        count += 1;
    }
    assert!(count > 50, "{count}");
    let reasons: BTreeSet<&str> = found.excluded.iter().filter_map(|row| row.excluded.as_deref()).collect();
    for reason in
        ["redeploy of what was already there", "neither success nor failure: cancelled", "no attempt reached users"]
    {
        assert!(reasons.contains(reason), "{reasons:?}");
    }
    // Every incident is behind a failure, or left out by itself.
    let found = bench.explain(definition("change_fail_rate"), &Whose::default()).await.expect("it is explained");
    let rows = || found.entered.iter().chain(&found.excluded);
    let told: BTreeSet<&str> = rows()
        .filter(|row| row.subject == "incident")
        .map(|row| row.subject_id.as_str())
        .chain(rows().flat_map(|row| &row.links).filter(|link| link.is_accepted).map(|link| link.evidence_id.as_str()))
        .collect();
    let recorded: Vec<tables::incidents::Row> = world.snapshot.rows().await.expect("they can be read");
    assert!(recorded.len() > 5);
    for incident in recorded {
        assert!(told.contains(incident.incident_id.as_str()), "`{}` is nowhere", incident.incident_id);
    }
}

/// The raw page holds what the row says.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_an_event_holds_the_event() {
    let world = world().await;
    let mut bench = bench(&world, &Plan::default()).await;
    let mut looked_at = 0;
    for definition in
        definitions().iter().filter(|one| ["change_lead_time", "change_fail_rate"].contains(&&*one.metric))
    {
        let found = bench.explain(definition, &Whose::default()).await.expect("it can be explained");
        for event in found.entered.iter().take(40).flat_map(|row| &row.events) {
            let sha = event.page_sha.as_deref().expect("the source keeps its pages");
            let page = world.lake.page(sha).await.expect("it can be read").expect("it is kept");
            let page = String::from_utf8(page).expect("it is text");
            for part in event.event_id.split(' ').filter(|part| part.len() > 6) {
                assert!(page.contains(part), "the page of {event:?} does not hold `{part}`");
            }
            looked_at += 1;
        }
    }
    assert!(looked_at > 100, "{looked_at}");
}

/// A project of recorded files, as a user has one.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(
        folder.path().join("doracle.toml"),
        "[[sources]]\ntype = 'simulated'\nseed = 11\nservices = 2\nweeks = 8\nintervention_week = 4\n",
    )
    .expect("it can be written");
    let (code, _, words) = run(folder.path(), &["ingest", "-q"]);
    assert_eq!(code, 0, "{words}");
    folder
}

#[test]
fn a_number_is_explained_in_every_format() {
    let folder = project();
    let (_, services, _) = run(
        folder.path(),
        &[
            "sql",
            "--format",
            "csv",
            "SELECT DISTINCT service FROM deployments WHERE service IS NOT NULL ORDER BY service",
        ],
    );
    let service = services.lines().nth(1).expect("there is a service").to_owned();
    let ask = |more: &[&str]| {
        let (code, out, words) =
            run(folder.path(), &[&["explain", "change_fail_rate", "--service", &service], more].concat());
        assert_eq!(code, 0, "{words}");
        out
    };
    let text = ask(&[]);
    for part in ["Change fail rate of service", "core-1/change_fail_rate@", "95 % interval", "n = ", "kept", "left out"]
    {
        assert!(text.contains(part), "`{part}` is missing: {text}");
    }
    let json: Value = serde_json::from_str(&ask(&["--format", "json"])).expect("JSON");
    assert_eq!(json["format_version"], 1);
    assert_eq!(json["is_complete"], true);
    let n = json["numbers"][0]["n"].as_u64().expect("it has an n");
    let rows = json["entered"]["rows"].as_array().expect("a list");
    assert_eq!((rows.len() as u64, json["entered"]["count"].as_u64()), (n, Some(n)));
    let failed = rows.iter().filter(|row| row["is_counted"] == true).count() as f64;
    let value = json["numbers"][0]["value"].as_f64().expect("it has a value");
    assert!((failed / n as f64 - value).abs() < 1e-12);

    let jsonl = ask(&["--format", "jsonl"]);
    let lines: Vec<Value> = jsonl.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let entered: BTreeSet<&str> = lines
        .iter()
        .filter(|line| line["record"] == "entered")
        .filter_map(|line| line["subject_id"].as_str())
        .collect();
    assert_eq!(entered.len() as u64, n);
    assert!(lines.iter().filter(|line| line["page_sha"].is_string()).all(|line| line["page_state"] == "kept"));
    let csv = ask(&["--format", "csv"]);
    assert_eq!(csv.lines().count(), jsonl.lines().count() + 1);

    let cut: Value = serde_json::from_str(&ask(&["--format", "json", "--limit", "2"])).expect("JSON");
    assert_eq!(cut["entered"]["rows"].as_array().map(Vec::len), Some(2));
    assert_eq!(cut["entered"]["not_listed"].as_u64(), Some(n - 2));
    assert_eq!(cut["entered"]["count"].as_u64(), Some(n));
    let text = ask(&["--limit", "2"]);
    assert!(text.contains(&format!("… and {} more", n - 2)), "{text}");
    let cut = ask(&["--format", "csv", "--limit", "2"]);
    assert!(cut.lines().any(|line| line.starts_with("not_listed,entered,")), "{cut}");
}

#[test]
fn a_page_that_is_gone_or_damaged_is_told() {
    let folder = project();
    let ask = || {
        let (code, out, words) = run(folder.path(), &["explain", "deployment_frequency", "--format", "json"]);
        assert_eq!(code, 0, "{words}");
        let json: Value = serde_json::from_str(&out).expect("JSON");
        json["pages"].as_array().expect("a list").clone()
    };
    let pages = ask();
    assert!(pages.len() >= 2 && pages.iter().all(|page| page["state"] == "kept"), "{pages:?}");
    let file = |page: &Value| folder.path().join(page["place"].as_str().expect("it has a place"));
    std::fs::remove_file(file(&pages[0])).expect("it is where it was said to be");
    std::fs::write(file(&pages[1]), b"nonsense").expect("it can be written");
    let states: Vec<Value> = ask().iter().map(|page| page["state"].clone()).collect();
    assert_eq!(states[..2], ["gone", "damaged"]);
    assert!(states[2..].iter().all(|state| state == "kept"), "{states:?}");
}

#[test]
fn what_cannot_be_explained_is_told_with_what_can() {
    let folder = project();
    for (arguments, expected) in [
        (&["explain", "mean_time_to_joy"][..], "change_fail_rate"),
        (&["explain", "change_lead_time", "--service", "nobody"], "group `all`"),
        (&["explain", "change_lead_time", "--statistic", "p51"], "p50, p75, p90"),
        (&["explain", "change_lead_time", "--window", "2026-W99"], "2026-W07"),
        (&["explain", "change_lead_time", "--window", "2030-01"], "is empty"),
        (&["explain", "lake::joy"], "no error code"),
    ] {
        let (code, out, words) = run(folder.path(), arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {words}");
        assert!(words.contains(expected), "{arguments:?}: {words}");
    }
}
