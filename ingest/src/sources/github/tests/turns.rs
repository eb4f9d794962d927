//! Things that change between and during readings: checks that end, tags that move, branches that are rewritten, lists
//! that are longer than a page.

use super::fake::{Pull, World, sha};
use super::story::{hour, name, person, world};
use super::*;

#[tokio::test]
async fn checks_are_read_until_they_have_ended() {
    let stage = stage(world()).await;
    let check = |id, ended, is_status| super::fake::Check { id, sha: sha("s6"), started: hour(269), ended, is_status };
    stage.world.lock().expect("nobody panics").repos[0].checks =
        vec![check(1, None, false), check(2, Some(hour(269) + 30), false), check(3, Some(hour(269)), true)];
    let mut config = config(&stage);
    config.streams.checks = true;
    let told = |done: &Done| {
        let rows = done.rows::<check_runs::Row>().into_iter().filter(|row| row.kind != "workflow_run");
        let mut told: Vec<String> =
            rows.map(|row| format!("{} {} {:?}", row.check_id, row.status, row.conclusion)).collect();
        told.sort();
        told
    };
    let first = read(&config, None).await.whole();
    let ended = |name: &str| format!("{name} completed Some(\"success\")");
    assert_eq!(told(&first), ["check 1 in_progress None".to_owned(), ended("check 2"), ended("status 3")]);
    stage.world.lock().expect("nobody panics").repos[0].checks[0].ended = Some(hour(271));
    let second = read(&config, first.cursor.as_deref()).await.whole();
    assert_eq!(told(&second), [ended("check 1"), ended("check 2"), ended("status 3")]);
    let third = read(&config, second.cursor.as_deref()).await.whole();
    assert_eq!(told(&third), Vec::<String>::new(), "what has ended is not asked for again");
}

#[tokio::test]
async fn a_tracker_speaks_of_every_service() {
    let stage = stage(world()).await;
    let of = |rules: IncidentRules| Config { incidents: Some(rules), ..config(&stage) };
    let services = |done: &Done| -> Vec<Option<String>> {
        done.coverage().into_iter().filter(|row| row.covers == "incidents").map(|row| row.service).collect()
    };
    let own = read(&of(IncidentRules::default()), None).await.whole();
    assert_eq!(services(&own), [Some("api".to_owned()), Some("empty".to_owned())]);
    let tracker = IncidentRules { repositories: vec!["api$".to_owned()], ..IncidentRules::default() };
    assert_eq!(services(&read(&of(tracker), None).await.whole()), [None]);
}

#[tokio::test]
async fn a_tag_that_moves_leaves_where_it_stood() {
    let stage = stage(world()).await;
    let first = read(&config(&stage), None).await.whole();
    {
        let mut world = stage.world.lock().expect("nobody panics");
        let repo = &mut world.repos[0];
        repo.tags[0].sha = sha("s2");
        repo.releases[0].published = Some(hour(12));
    }
    let second = read(&config(&stage), first.cursor.as_deref()).await.whole();
    let mut places: Vec<(String, bool)> = second
        .rows::<releases::Row>()
        .into_iter()
        .filter(|row| row.tag == "v1.0.0")
        .map(|row| (name(&row.commit_sha), row.has_moved))
        .collect();
    places.sort();
    assert_eq!(places, [("m1".to_owned(), true), ("s2".to_owned(), false)]);
}

#[tokio::test]
async fn a_branch_that_was_rewritten_is_read_from_where_it_can_be() {
    let stage = stage(world()).await;
    let first = read(&config(&stage), None).await.whole();
    {
        let mut world = stage.world.lock().expect("nobody panics");
        world.now = hour(300);
        let repo = &mut world.repos[0];
        // The last commit is gone, as if it had never been; another one stands in its place.
        repo.commits.remove(&sha("s6"));
        repo.commit("forced", &["claims"], &person("ada"), (hour(290), hour(290)), "Instead of it");
        repo.head = Some(sha("forced"));
    }
    let second = read(&config(&stage), first.cursor.as_deref()).await.whole();
    let direct: Vec<String> =
        second.rows::<changes::Row>().into_iter().filter(|row| row.kind == "commit").map(|row| row.change_id).collect();
    assert_eq!(direct, [sha("forced")], "and nothing of before is taken for new");
    assert_eq!(second.gaps, Vec::<String>::new());
}

/// Many pull requests, one of which changes while they are read.
fn crowd() -> World {
    let mut world = world();
    let repo = &mut world.repos[0];
    repo.pulls = (1..=250)
        .map(|number| Pull {
            number,
            title: format!("Change {number}"),
            author: Some(person("ada")),
            base: "main".to_owned(),
            created: hour(1),
            updated: hour(2) + i64::try_from(number).unwrap_or(0),
            ..Pull::default()
        })
        .collect();
    world
}

#[tokio::test]
async fn what_moves_while_a_list_is_read_is_not_lost() {
    let between: Box<Between> = Box::new(|_, asked, world| {
        // The list is read from 250 down to 1; number 20 is on its last page, and then on its first.
        if asked.path().ends_with("/pulls") && asked.query("page").as_deref() == Some("2") {
            let moving = world.repos[0].pulls.iter_mut().find(|pull| pull.number == 20);
            if let Some(pull) = moving.filter(|pull| pull.updated < hour(200)) {
                pull.updated = hour(200);
                pull.title = "Changed meanwhile".to_owned();
            }
        }
        None
    });
    let stage = stage_behind(crowd(), between).await;
    let mut config = config(&stage);
    config.streams = Streams { reviews: false, timeline: false, ..Streams::default() };
    config.graphql = false;
    let done = read(&config, None).await.whole();
    let rows: Vec<changes::Row> = done.rows();
    let ids: std::collections::BTreeSet<&str> =
        rows.iter().filter(|row| row.kind == "pull_request").map(|row| row.change_id.as_str()).collect();
    assert_eq!(ids.len(), 250);
    assert!(rows.iter().any(|row| row.change_id == "#20" && row.title.as_deref() == Some("Changed meanwhile")));
    let asked = stage.server.asked();
    let details =
        asked.iter().filter(|asked| asked.path().ends_with("/commits") && asked.path().contains("/pulls/")).count();
    assert_eq!(details, 250, "nothing is asked twice");
}

#[tokio::test]
async fn many_runs_are_read_part_by_part() {
    let mut world = world();
    let repo = &mut world.repos[0];
    let one = repo.runs[0].clone();
    repo.runs = (0..1500_i64)
        .map(|number| super::fake::Run {
            id: 10_000 + number.unsigned_abs(),
            created: hour(1) + number * 60,
            attempts: vec![(hour(1) + number * 60, Some(hour(1) + number * 60 + 30), "success".to_owned())],
            ..one.clone()
        })
        .collect();
    let stage = stage(world).await;
    let done = read(&config(&stage), None).await.whole();
    let ids: std::collections::BTreeSet<String> =
        done.rows::<check_runs::Row>().into_iter().map(|row| row.check_id).collect();
    assert_eq!(ids.len(), 1500);
    assert!(done.coverage().iter().all(|row| row.is_complete));
}
