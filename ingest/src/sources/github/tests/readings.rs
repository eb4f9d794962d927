//! Whole readings of the story, and what the tables hold after them.

use lake::{AsOf, Lake, Location};

use super::fake::sha;
use super::story::{a_day_later, after, at, hour, name, world};
use super::*;
use crate::authorship::{Bots, Classifier, Pseudonym};
use crate::{Silent, ingest};

fn authors() -> Classifier {
    Classifier::new(&Bots::default()).expect("the patterns are patterns")
}

#[tokio::test]
async fn changes_say_how_and_when_they_came_and_who_wrote_them() {
    let stage = stage(world()).await;
    let done = read(&config(&stage), None).await.whole();
    let mut rows: Vec<changes::Row> = done.rows();
    rows.sort_by_key(|row| (row.first_commit_at, row.change_id.clone()));
    let table: Vec<String> = rows
        .iter()
        .map(|row| {
            let told = [&row.merge_kind, &row.merge_commit_sha.as_deref().map(name)]
                .map(|cell| cell.clone().unwrap_or("-".into()));
            let time = |at: Option<Instant>| {
                at.map_or("-".to_owned(), |at| ((at.0 / Instant::MICROS - hour(0)) / 3600).to_string())
            };
            format!(
                "{} {} {} {} first {} last {} merged {} closed {} {} {} {:?}",
                name(&row.change_id),
                row.kind,
                row.author_kind,
                row.first_commit_basis,
                time(row.first_commit_at),
                time(row.last_commit_at),
                time(row.merged_at),
                time(row.closed_at),
                told[0],
                told[1],
                row.reverts
            )
        })
        .collect();
    let expected = [
        "#1 pull_request human commits first -400 last 4 merged 10 closed - merge m1 []",
        "direct commit human commits first 2 last 2 merged 2 closed - direct direct []",
        "#2 pull_request agent commits first 12 last 14 merged 20 closed - squash s2 []",
        "#4 pull_request human commits first 15 last 15 merged - closed 16 - - []",
        "#3 pull_request human commits first 21 last 22 merged 30 closed - rebase R2 []",
        "#7 pull_request human commits first 33 last 33 merged - closed 34 - - []",
        "claims commit human commits first 40 last 40 merged 40 closed - direct claims []",
        "#5 pull_request dependency_bot commits first 50 last 50 merged - closed - - - []",
        "#6 pull_request human commits first 58 last 58 merged 60 closed - squash s6 [\"#2\", \"0123456789abcdef0123456789abcdef01234567\"]",
    ];
    let expected: Vec<String> =
        expected.iter().map(|line| line.replace(", \"0123456789abcdef0123456789abcdef01234567\"", "")).collect();
    assert_eq!(table, expected);
    let author = |id: &str| rows.iter().find(|row| row.change_id == id).and_then(|row| row.author_id.clone());
    assert_eq!(author("#1"), Some(Pseudonym::of(b"ada@example.com").text()), "as in her commits");
    assert_eq!(
        author("#3"),
        Some(Pseudonym::of(b"linus@example.com").text()),
        "the account is gone, the commits are not"
    );
    assert_eq!(rows[0].labels, ["feature"]);
    assert_eq!(rows[0].head_branch.as_deref(), Some("work"));
}

#[tokio::test]
async fn a_change_is_there_when_its_commits_are() {
    let stage = stage(world()).await;
    let done = read(&config(&stage), None).await.whole();
    let mut pairs: Vec<String> = done
        .rows::<change_commits::Row>()
        .iter()
        .map(|row| format!("{} {}", name(&row.change_id), name(&row.commit_sha)))
        .collect();
    pairs.sort();
    pairs.dedup();
    let expected =
        ["#1 a1", "#1 a2", "#2 s2", "#3 R1", "#3 R2", "#6 s6", "#7 hotfix", "claims claims", "direct direct"];
    let ours: Vec<String> =
        pairs.into_iter().filter(|pair| !pair.starts_with("#4") && !pair.starts_with("#5")).collect();
    assert_eq!(ours, expected);
    let mut known: Vec<String> = done.rows::<commits::Row>().iter().map(|row| name(&row.commit_sha)).collect();
    known.sort();
    known.dedup();
    // What was squashed and what was written again never was on the branch; the release branch was deployed from.
    assert_eq!(known, ["R1", "R2", "a1", "a2", "claims", "direct", "hotfix", "m1", "s2", "s6"]);
}

#[tokio::test]
async fn deployments_succeed_when_they_first_did() {
    let stage = stage(world()).await;
    let done = read(&config(&stage), None).await.whole();
    let mut rows: Vec<deployments::Row> = done.rows();
    rows.sort_by_key(|row| (row.deployment_id.clone(), row.attempt));
    let table: Vec<_> = rows
        .iter()
        .map(|row| {
            let number = row.deployment_id.rsplit(':').next().unwrap_or_default();
            (
                format!("{number} {}", row.environment.as_deref().unwrap_or("-")),
                row.attempt,
                row.status.clone(),
                row.started_at,
                row.finished_at,
            )
        })
        .collect();
    let row =
        |told: &str, attempt, status: &str, start, end| (told.to_owned(), attempt, status.to_owned(), Some(start), end);
    assert_eq!(
        table,
        [
            row("41 production", 1, "success", at(3), Some(after(3, 300))),
            row("42 production", 1, "failure", at(11), Some(after(11, 120))),
            row("42 production", 2, "success", at(12), Some(after(12, 300))),
            row("43 production", 1, "success", at(32), Some(after(32, 200))),
            row("44 production", 1, "success", after(35, -60), Some(at(35))),
            row("45 staging", 1, "superseded", after(61, -60), Some(at(62))),
            row("47 production", 1, "running", at(265), None),
        ]
    );
    assert!(rows.iter().all(|row| row.evidence == "deployment_status" && row.service.as_deref() == Some("api")));
    assert_eq!(rows[0].revisions, [format!("acme/api@{}", sha("direct"))]);
    assert_eq!(rows[0].deployment_id, "github:acme/api:deployment:41");
}

#[tokio::test]
async fn an_incident_lasts_while_its_issue_is_open_and_labelled() {
    let stage = stage(world()).await;
    let done = read(&config(&stage), None).await.whole();
    let expected = incidents::Row {
        incident_id: "github:acme/api#20".to_owned(),
        service: Some("api".to_owned()),
        environment: None,
        title: Some("Everything is slow".to_owned()),
        severity: Some("2".to_owned()),
        opened_at: at(34),
        impact_started_at: None,
        mitigated_at: None,
        resolved_at: Some(at(40)),
        cause: "change".to_owned(),
        cause_deployment_id: Some("github:acme/api:deployment:43".to_owned()),
        remedy_deployment_id: Some("github:acme/api:deployment:44".to_owned()),
        reopens_incident_id: None,
        evidence: "label".to_owned(),
        updated_at: Some(at(40)),
    };
    assert_eq!(done.rows::<incidents::Row>(), [expected], "the pull request with the label is none");
}

#[tokio::test]
async fn events_reviews_runs_and_releases_are_kept() {
    let stage = stage(world()).await;
    let done = read(&config(&stage), None).await.whole();
    let mut events: Vec<String> = done
        .rows::<pull_request_events::Row>()
        .iter()
        .filter(|row| row.change_id == "#1")
        .map(|row| format!("{} {} {:?}", row.event_id, row.kind, row.detail.as_deref().unwrap_or("-")))
        .collect();
    events.sort();
    let asked_for = authors().account("linus", false).0.text();
    let expected = [
        format!("closed #1 {} closed \"-\"", at(10)),
        format!("commented #1 {} commented \"-\"", at(6)),
        format!("force_pushed #1 {} force_pushed \"-\"", at(7)),
        format!("labeled #1 {} labeled \"backend\"", at(6)),
        format!("labeled #1 {}.2 labeled \"feature\"", at(6)),
        format!("merged #1 {} merged \"-\"", at(10)),
        "opened #1 opened \"main\"".to_owned(),
        "review 801 approved \"-\"".to_owned(),
        "review 802 commented \"-\"".to_owned(),
        format!("review_requested #1 {} review_requested \"{asked_for}\"", at(6)),
    ];
    assert_eq!(events, expected);
    let mut runs: Vec<String> = done
        .rows::<check_runs::Row>()
        .iter()
        .map(|row| {
            format!("{} {} {} {:?} {:?}", row.check_id, row.attempt, row.status, row.conclusion, row.completed_at)
        })
        .collect();
    runs.sort();
    let expected = [
        format!("run 501 1 completed Some(\"success\") Some({})", after(10, 60)),
        format!("run 502 1 completed Some(\"failure\") Some({})", after(20, 90)),
        format!("run 502 2 completed Some(\"success\") Some({})", after(23, 80)),
        "run 503 1 in_progress None None".to_owned(),
    ];
    assert_eq!(runs, expected);
    let releases: Vec<releases::Row> = done.rows();
    let told: Vec<_> = releases
        .iter()
        .map(|row| (row.tag.as_str(), name(&row.commit_sha), row.released_at, row.is_prerelease))
        .collect();
    assert_eq!(told, [("v1.0.0", "m1".to_owned(), at(11), false), ("v2.0.0-rc.1", "s2".to_owned(), at(25), true)]);
}

#[tokio::test]
async fn runs_and_releases_are_deployments_where_a_rule_says_so() {
    let stage = stage(world()).await;
    let mut config = config(&stage);
    config.streams.deployments = false;
    config.deploy_workflows = vec![WorkflowRule {
        pattern: "^deploy$".into(),
        environment: None,
        service: None,
        branch: Some("^main$".into()),
    }];
    config.releases = Some(ReleaseRule {
        pattern: r"^v(?P<version>\d.*)$".into(),
        environment: "production".into(),
        service: None,
        prereleases: false,
        tags: true,
    });
    let done = read(&config, None).await.whole();
    let mut rows: Vec<String> = done
        .rows::<deployments::Row>()
        .iter()
        .map(|row| {
            format!(
                "{} {} {} {} {:?}",
                row.deployment_id.replace("github:acme/api:", ""),
                row.attempt,
                row.evidence,
                row.status,
                row.finished_at
            )
        })
        .collect();
    rows.sort();
    let short = |commit: &str| sha(commit)[..12].to_owned();
    let mut expected = [
        format!("release:v0.9.0@{} 1 release_tag success Some({})", short("direct"), at(2)),
        format!("release:v1.0.0@{} 1 published_release success Some({})", short("m1"), at(11)),
        format!("release:v1.0.1@{} 1 release_tag success Some({})", short("hotfix"), at(34)),
        format!("run:502 1 workflow_run failure Some({})", after(20, 90)),
        format!("run:502 2 workflow_run success Some({})", after(23, 80)),
    ];
    expected.sort();
    assert_eq!(rows, expected);
    let mut kinds: Vec<_> = done
        .rows::<releases::Row>()
        .iter()
        .map(|row| format!("{} {} {}", row.tag, row.tag_kind, row.released_at_basis))
        .collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "v0.9.0 lightweight committer",
            "v1.0.0 unknown published",
            "v1.0.1 annotated tagger",
            "v2.0.0-rc.1 unknown published"
        ]
    );
}

#[tokio::test]
async fn rest_tells_what_graphql_tells() {
    let stage = stage(world()).await;
    let by_graphql = read(&config(&stage), None).await.whole();
    let asked = stage.server.asked();
    assert!(asked.iter().any(|asked| asked.line == "POST /graphql"));
    let is_detail = |asked: &&Asked| {
        let is_of_pull = asked.path().contains("/pulls/") && !asked.path().contains("/commits/");
        is_of_pull || asked.path().ends_with("/statuses") || asked.path().contains("/issues/1/")
    };
    assert_eq!(asked.iter().filter(is_detail).count(), 0, "everything came with two answers");
    let by_rest = read(&Config { graphql: false, ..config(&stage) }, None).await.whole();
    assert_eq!(tables(&[&by_rest]), tables(&[&by_graphql]));
    let by_rest_alone = stage.server.asked().len() - asked.len();
    assert!(by_rest_alone > asked.len() + 20, "{by_rest_alone} against {}", asked.len());
    stage.world.lock().expect("nobody panics").has_graphql = false;
    let without = read(&config(&stage), None).await.whole();
    assert_eq!(tables(&[&without]), tables(&[&by_graphql]), "a server without it is asked by REST");
}

#[tokio::test]
async fn two_readings_know_what_one_knows() {
    let stage = stage(world()).await;
    let first = read(&config(&stage), None).await.whole();
    a_day_later(&mut stage.world.lock().expect("nobody panics"));
    let second = read(&config(&stage), first.cursor.as_deref()).await.whole();
    let whole = read(&config(&stage), None).await.whole();
    assert_eq!(tables(&[&first, &second]), tables(&[&whole]));
    assert_eq!(tables(&[&second, &first]), tables(&[&whole]), "whichever came first");
    assert_eq!(second.coverage(), whole.coverage());
    let asked = stage.server.asked();
    let compared = format!("GET /repos/acme/api/compare/{}...{}?per_page=100&page=1", sha("s6"), sha("later"));
    assert!(asked.iter().any(|asked| asked.line == compared), "what is new is told by ancestry");
}

#[tokio::test]
async fn nothing_new_costs_little_and_changes_nothing() {
    let stage = stage(world()).await;
    let config = Config { graphql: false, ..config(&stage) };
    let first = read(&config, None).await.whole();
    let before = stage.server.asked().len();
    let second = read(&config, first.cursor.as_deref()).await.whole();
    assert_eq!(tables(&[&first, &second]), tables(&[&first]));
    let asked = stage.server.asked();
    let again: Vec<&str> = asked[before..].iter().map(|asked| asked.line.as_str()).collect();
    for detail in ["/pulls/", "/timeline", "/tags", "/compare", "/git/"] {
        assert!(!again.iter().any(|line| line.contains(detail)), "{detail} in {again:#?}");
    }
    assert!(again.len() < before / 2, "{} of {before}: {again:#?}", again.len());
    assert_eq!(second.coverage(), first.coverage());
}

#[tokio::test]
async fn a_repository_keeps_the_name_it_was_first_read_under() {
    let stage = stage(world()).await;
    let first = read(&config(&stage), None).await.whole();
    {
        let mut world = stage.world.lock().expect("nobody panics");
        a_day_later(&mut world);
        world.repos[0].former_names = vec!["acme/api".to_owned()];
        world.repos[0].full_name = "acme/core".to_owned();
    }
    let second = read(&config(&stage), first.cursor.as_deref()).await.whole();
    let news: Vec<changes::Row> = second.rows();
    assert!(
        news.iter().any(|row| row.change_id == sha("later")) && news.iter().all(|row| row.repository == "acme/api")
    );
    let named = Config { organisation: None, repositories: vec!["acme/api".to_owned()], ..config(&stage) };
    let by_old_name = read(&named, first.cursor.as_deref()).await.whole();
    assert_eq!(tables(&[&first, &by_old_name]), tables(&[&first, &second]), "the old name leads there");
}

#[tokio::test]
async fn only_what_is_wanted_is_read() {
    let stage = stage(world()).await;
    let repositories = |done: &Done| {
        let mut names: Vec<String> = done.coverage().into_iter().filter_map(|row| row.repository).collect();
        names.dedup();
        names
    };
    let plain = read(&config(&stage), None).await.whole();
    assert_eq!(repositories(&plain), ["acme/api", "acme/empty"], "the archived one is left out");
    let all = read(&Config { archived: true, ..config(&stage) }, None).await.whole();
    assert_eq!(repositories(&all), ["acme/api", "acme/empty", "acme/old"]);
    let some =
        Config { include: vec!["/(api|old)$".into()], exclude: vec!["old".into()], archived: true, ..config(&stage) };
    assert_eq!(repositories(&read(&some, None).await.whole()), ["acme/api"]);
}

#[tokio::test]
async fn a_range_that_is_asked_for_moves_no_watermark() {
    let stage = stage(world()).await;
    let recent = Config { since: Some(at(250)), ..config(&stage) };
    let first = read(&recent, None).await.whole();
    let range = Range { since: Some(at(0)), until: Some(at(250)) };
    let filled = read_range(&recent, first.cursor.as_deref(), range).await.whole();
    let marks = |done: &Done| {
        let ledger = Ledger::from_cursor(done.cursor.as_deref()).expect("our own");
        ledger.entries().map(|(stream, entry)| (stream.to_owned(), entry.watermark)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(marks(&filled), marks(&first));
    let starts: Vec<_> = filled.coverage().into_iter().map(|row| (row.range_start_at, row.range_end_at)).collect();
    assert!(starts.iter().all(|range| *range == (Some(at(0)), Some(at(270)))), "{starts:?}");
    let whole = read(&config(&stage), None).await.whole();
    let (filled, whole) = (tables(&[&first, &filled]), tables(&[&whole]));
    for table in ["changes", "deployments", "incidents", "check_runs", "events"] {
        assert_eq!(filled[table], whole[table], "{table}");
    }
}

#[tokio::test]
async fn a_lake_holds_what_was_read_and_nothing_twice() {
    let stage = stage(world()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let location = Location::parse(&folder.path().to_string_lossy(), &BTreeMap::new()).expect("a location");
    let lake = Lake::open_or_create(&location).await.expect("a lake");
    let source = GitHubSource { config: config(&stage), pause: Pause::noted().0, limits: Limits::default() };
    let variables = variables();
    let reading = Reading::at(Instant::from_seconds(hour(400)), &variables);
    let first = ingest(&source, &lake, &reading, &Silent).await.expect("it is read");
    assert_eq!(first.gaps, Vec::<String>::new());
    a_day_later(&mut stage.world.lock().expect("nobody panics"));
    ingest(&source, &lake, &reading, &Silent).await.expect("it is read again");
    let snapshot = lake.snapshot(AsOf::Latest).await.expect("a snapshot");
    let held: Vec<changes::Row> = snapshot.rows().await.expect("rows");
    assert_eq!(held.len(), 11, "seven pull requests, four direct pushes");
    let deployments: Vec<deployments::Row> = snapshot.rows().await.expect("rows");
    assert_eq!(deployments.len(), 8);
    let coverage: Vec<coverage::Row> = snapshot.rows().await.expect("rows");
    let range = (Some(at(0)), Some(at(294)));
    assert!(
        !coverage.is_empty()
            && coverage.iter().all(|row| row.is_complete && (row.range_start_at, row.range_end_at) == range)
    );
    let text = format!("{held:?}{deployments:?}{coverage:?}");
    assert!(!text.contains("@example.com") && !text.contains("open-sesame-1001"), "no address, no secret");
    let cursor = lake.cursor("github:acme").await.expect("a cursor").expect("it was set");
    assert!(!cursor.contains("open-sesame-1001"));
}

#[test]
fn a_plan_asks_nobody() {
    let config = Config {
        url: "https://github.example/api/v3".to_owned(),
        organisation: Some("acme".to_owned()),
        repositories: vec!["ada/tool".to_owned()],
        ..Config::default()
    };
    let reading = Reading::at(Instant(0), &crate::NoVariables);
    let plan = crate::sources::github::open(config).request_plan(&reading).expect("a plan");
    assert_eq!(
        plan,
        [
            "GET https://github.example/api/v3/orgs/acme/repos?per_page=100&sort=full_name",
            "GET https://github.example/api/v3/repos/ada/tool",
            "then, for each repository, its streams in their order",
            "GET https://github.example/api/v3/repos/ada/tool/commits?per_page=1",
        ]
    );
}
