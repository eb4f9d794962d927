//! The source against a GitHub that keeps to the contract, and one that does not.

mod app;
mod contract;
mod fake;
mod faults;
mod fixtures;
mod hooks;
mod long;
mod promises;
mod pure;
mod readings;
mod schema;
mod skew;
mod story;
mod turns;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use lake::tables::{
    change_commits, changes, check_runs, commits, coverage, deployments, incidents, pull_request_events, releases,
};
use lake::{Batch, Instant, TableRow};

use self::fake::World;
use super::work::Limits;
use super::{Config, FILLS, GitHubSource, IncidentRules, ReleaseRule, Streams, WorkflowRule};
use crate::contract::Contract;
use crate::http::{Noted, Pause, Settings};
use crate::loopback::{Asked, Loopback, Reply};
use crate::{Ledger, Range, Reading, Reporter, SecretFrom, Sink, Source, SourceError};

/// A world behind a server.
struct Stage {
    world: Arc<Mutex<World>>,
    server: Loopback,
}

/// What stands between the server and who asks: it may answer in the world's place, given the number of the request.
type Between = dyn Fn(usize, &Asked, &mut World) -> Option<Reply> + Send + Sync;

async fn stage(world: World) -> Stage {
    stage_behind(world, Box::new(|_, _, _| None)).await
}

async fn stage_behind(world: World, between: Box<Between>) -> Stage {
    let world = Arc::new(Mutex::new(world));
    let (told, count) = (world.clone(), Mutex::new(0));
    let server = Loopback::start(move |asked| {
        let mut world = told.lock().expect("no test panics while it answers");
        let number = {
            let mut count = count.lock().expect("no test panics while it answers");
            *count += 1;
            *count - 1
        };
        between(number, asked, &mut world).unwrap_or_else(|| of_world(&world, asked))
    })
    .await;
    Stage { world, server }
}

/// What the world answers.
fn of_world(world: &World, asked: &Asked) -> Reply {
    let (method, target) = asked.line.split_once(' ').unwrap_or(("GET", "/"));
    let (status, headers, body) = fake::answer(world, method, target, &asked.headers, &asked.body);
    Reply::Page { status, headers, body }
}

/// Settings for the organisation of the story.
fn config(stage: &Stage) -> Config {
    Config {
        url: stage.server.base(),
        organisation: Some("acme".to_owned()),
        token: Some(SecretFrom::Env("TOKEN".to_owned())),
        since: Instant::parse("2026-01-05T00:00:00Z").ok(),
        environments: vec![super::EnvironmentRule {
            pattern: "^github-pages$".to_owned(),
            ignore: true,
            ..super::EnvironmentRule::default()
        }],
        incidents: Some(IncidentRules::default()),
        http: Settings { attempts: 3, read_timeout_seconds: 1, requests_in_flight: 3, ..Settings::default() },
        ..Config::default()
    }
}

fn variables() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("TOKEN".to_owned(), "open-sesame-1001".to_owned()),
        ("HOOK".to_owned(), "It's a Secret to Everybody".to_owned()),
    ])
}

/// Notes what is said to whoever watches.
#[derive(Default)]
struct Heard {
    gaps: Mutex<Vec<String>>,
}

impl Heard {
    fn gaps(&self) -> Vec<String> {
        self.gaps.lock().expect("nobody panics").clone()
    }
}

impl Reporter for Heard {
    fn begin(&self, _what: &str, _total: Option<u64>) {}
    fn advance(&self, _steps: u64) {}
    fn gap(&self, sentence: &str) {
        self.gaps.lock().expect("nobody panics").push(sentence.to_owned());
    }
}

/// One reading, finished or not.
struct Done {
    batches: Vec<Batch>,
    cursor: Option<String>,
    gaps: Vec<String>,
    waits: Arc<Noted>,
    error: Option<SourceError>,
}

impl Done {
    /// The reading, which must have been finished.
    fn whole(self) -> Self {
        assert!(self.error.is_none(), "{:?}", self.error);
        self
    }

    fn rows<R: TableRow>(&self) -> Vec<R> {
        let all = self.batches.iter().flat_map(|batch| batch.record_batches(R::table().name));
        all.flat_map(|batch| R::rows(batch).expect("rows of the table")).collect()
    }

    fn coverage(&self) -> Vec<coverage::Row> {
        Ledger::from_cursor(self.cursor.as_deref()).expect("our own cursor").coverage("github:acme")
    }
}

async fn read(config: &Config, cursor: Option<&str>) -> Done {
    read_range(config, cursor, Range::default()).await
}

async fn read_range(config: &Config, cursor: Option<&str>, range: Range) -> Done {
    read_within(config, cursor, range, Limits::default(), story::hour(400)).await
}

/// Reads with other limits, and at another time by our own clock.
async fn read_within(config: &Config, cursor: Option<&str>, range: Range, limits: Limits, now: i64) -> Done {
    let (pause, waits) = Pause::noted();
    let source = GitHubSource { config: config.clone(), pause, limits };
    let now = Instant::from_seconds(now);
    let variables = variables();
    let reading = Reading { cursor, range, ..Reading::at(now, &variables) };
    let mut sink = Sink::into_memory_often(&source.stream(), FILLS, now);
    let heard = Heard::default();
    let error = source.read(&reading, &mut sink, &heard).await.err();
    let (batches, committed) = sink.committed(error.is_none());
    let cursor = committed.or_else(|| cursor.map(str::to_owned));
    Done { batches, cursor, gaps: heard.gaps(), waits, error }
}

/// Every table as a lake would hold it after these readings: one row per key, the newest, in order.
fn tables(readings: &[&Done]) -> BTreeMap<&'static str, Vec<String>> {
    fn of<R: TableRow + std::fmt::Debug>(readings: &[&Done], key: fn(&R) -> (String, Option<Instant>)) -> Vec<String> {
        let mut held: BTreeMap<String, (Option<Instant>, String)> = BTreeMap::new();
        for row in readings.iter().flat_map(|done| done.rows::<R>()) {
            let (key, at) = key(&row);
            let rank = (at, format!("{row:?}"));
            let place = held.entry(key).or_insert_with(|| rank.clone());
            if rank > *place {
                *place = rank;
            }
        }
        held.into_values().map(|(_, text)| text).collect()
    }
    let mut tables = BTreeMap::new();
    tables.insert("changes", of::<changes::Row>(readings, |row| (row.change_id.clone(), row.updated_at)));
    tables.insert("commits", of::<commits::Row>(readings, |row| (row.commit_sha.clone(), None)));
    tables.insert(
        "change_commits",
        of::<change_commits::Row>(readings, |row| (format!("{} {}", row.change_id, row.commit_sha), None)),
    );
    tables.insert("events", of::<pull_request_events::Row>(readings, |row| (row.event_id.clone(), None)));
    tables.insert(
        "deployments",
        of::<deployments::Row>(readings, |row| (format!("{} {}", row.deployment_id, row.attempt), row.updated_at)),
    );
    tables.insert(
        "incidents",
        of::<incidents::Row>(readings, |row| (format!("{} {:?}", row.incident_id, row.service), row.updated_at)),
    );
    tables.insert("releases", of::<releases::Row>(readings, |row| (format!("{} {}", row.tag, row.commit_sha), None)));
    tables.insert(
        "check_runs",
        of::<check_runs::Row>(readings, |row| (format!("{} {}", row.check_id, row.attempt), row.updated_at)),
    );
    tables
}

/// The world behind a server, which gives pages of at most so many items, as the tests that hold for every source see
/// it; `change` changes the settings.
fn served(world: World, most: usize, change: fn(&mut Config)) -> Contract {
    let config = move |base: &str| {
        let mut config = Config {
            url: base.to_owned(),
            organisation: Some("acme".to_owned()),
            token: Some(SecretFrom::Env("TOKEN".to_owned())),
            since: Instant::parse("2026-01-05T00:00:00Z").ok(),
            incidents: Some(IncidentRules::default()),
            http: Settings { attempts: 1, ..Settings::default() },
            ..Config::default()
        };
        change(&mut config);
        crate::sources::Config::github(config)
    };
    let answer = move |asked: &Asked| {
        let line = asked.line.replace("per_page=100", &format!("per_page={most}"));
        of_world(&world, &Asked { line, ..asked.clone() })
    };
    Contract::served(config, answer, &[("TOKEN", "open-sesame-1001")], Instant::from_seconds(story::hour(400)))
}

/// The story as the official description allows it: it knows no account that is gone, no repository by its number, and
/// none without issues.
fn described() -> Contract {
    let mut world = story::world();
    world.repos.iter_mut().for_each(|repo| repo.has_no_issues = false);
    for pull in &mut world.repos[0].pulls {
        pull.author.get_or_insert_with(|| story::person("ghost"));
        for review in &mut pull.reviews {
            review.author.get_or_insert_with(|| story::person("ghost"));
        }
    }
    let contract = served(world, 2, |config| {
        config.graphql = false;
        config.streams.checks = true;
        config.releases = Some(ReleaseRule {
            pattern: "^v".into(),
            environment: "production".into(),
            service: None,
            prereleases: true,
            tags: true,
        });
    });
    contract.answering(|reply| match reply {
        Reply::Page { status, mut headers, body } => {
            for (_, link) in headers.iter_mut().filter(|(name, _)| name == "link") {
                *link = link.replace("/repositories/11/", "/repos/acme/api/");
            }
            Reply::Page { status, headers, body }
        }
        other => other,
    })
}

/// The description calls `created` of workflow runs a time, and the manual has it take a range of times. The name of a
/// reference has slashes, which no part of a described path can have. The addresses of a deployment's status are empty
/// where nobody gave one, as it says itself, and yet calls them URIs.
#[expect(clippy::needless_pass_by_value, reason = "whoever puts nothing right gives the text back")]
fn put_right(text: String) -> String {
    let mut description: serde_json::Value = serde_json::from_str(&text).expect("the description is JSON");
    let schema = description.pointer_mut("/components/parameters/created/schema").expect("runs are described");
    *schema = serde_json::json!({"type": "string"});
    for address in ["environment_url", "log_url", "target_url"] {
        let place = format!("/components/schemas/deployment-status/properties/{address}");
        let schema = description.pointer_mut(&place).and_then(serde_json::Value::as_object_mut).expect("it is described");
        schema.remove("format").expect("it is called a URI");
    }
    let paths = description["paths"].as_object_mut().expect("it has paths");
    let reference = paths["/repos/{owner}/{repo}/git/ref/{ref}"].clone();
    paths.insert("/repos/{owner}/{repo}/git/ref/tags/{ref}".to_owned(), reference);
    description.to_string()
}

/// This source as the tests that hold for every source need it.
pub(crate) fn contract() -> Contract {
    let earlier = story::world();
    let mut world = story::world();
    story::a_day_later(&mut world);
    served(world.clone(), 100, |_| {})
        .in_small_pages(served(world, 1, |config| config.graphql = false))
        .before(story::at(280), move |asked| of_world(&earlier, asked))
        .described_in("github-api-dora.json", put_right, described())
}
