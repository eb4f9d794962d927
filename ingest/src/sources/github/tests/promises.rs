//! What holds whatever the size of pages, the order of readings, the base address and the accounts that are gone.

use serde_json::Value;

use super::super::graphql::pulls;
use super::fake::{Event, Pull, Review, sha};
use super::story::{a_day_later, at, hour, name, person, world};
use super::*;

/// Changes the size of every page that is asked for.
fn paged_by(size: u32) -> Box<Between> {
    Box::new(move |_, asked, world| {
        let smaller = asked.line.replace("per_page=100", &format!("per_page={size}"));
        (smaller != asked.line).then(|| of_world(world, &Asked { line: smaller, ..asked.clone() }))
    })
}

#[tokio::test]
async fn the_size_of_pages_does_not_matter() {
    let expected = {
        let stage = stage(world()).await;
        tables(&[&read(&config(&stage), None).await.whole()])
    };
    for size in [1, 2, 3, 7, 30] {
        for graphql in [true, false] {
            let stage = stage_behind(world(), paged_by(size)).await;
            let done = read(&Config { graphql, ..config(&stage) }, None).await.whole();
            assert_eq!(tables(&[&done]), expected, "pages of {size}");
            assert!(done.gaps.is_empty(), "{:?}", done.gaps);
        }
    }
}

#[tokio::test]
async fn a_full_refresh_after_increments_gives_the_same_tables() {
    let stage = stage(world()).await;
    let first = read(&config(&stage), None).await.whole();
    a_day_later(&mut stage.world.lock().expect("nobody panics"));
    let second = read(&config(&stage), first.cursor.as_deref()).await.whole();
    let everything = Range { since: Some(at(0)), until: None };
    let refreshed = read_range(&config(&stage), second.cursor.as_deref(), everything).await.whole();
    assert_eq!(tables(&[&first, &second, &refreshed]), tables(&[&first, &second]));
    assert_eq!(tables(&[&refreshed]), tables(&[&first, &second]));
    assert_eq!(refreshed.coverage(), second.coverage());
}

#[tokio::test]
async fn late_data_are_found_whenever_they_come() {
    let stage = stage(world()).await;
    let first = read(&config(&stage), None).await.whole();
    {
        let mut world = stage.world.lock().expect("nobody panics");
        world.now = hour(300);
        let repo = &mut world.repos[0];
        // Written weeks ago, pushed now.
        repo.commit("old", &["s6"], &person("grace"), (hour(-300), hour(-300)), "Found in a drawer");
        repo.head = Some(sha("old"));
        // A failed deployment that is mended a week later, and one whose place another took and that was finished after all.
        let failed = repo.deployments.iter_mut().find(|deployment| deployment.id == 45).expect("it is there");
        failed.statuses.push(("success".to_owned(), hour(280)));
        // A review of what was merged long ago.
        let pull = repo.pulls.iter_mut().find(|pull| pull.number == 2).expect("it is there");
        pull.updated = hour(299);
        pull.reviews.push(Review {
            id: 850,
            author: Some(person("ada")),
            state: "COMMENTED".to_owned(),
            submitted: Some(hour(299)),
            ..Review::default()
        });
    }
    let second = read(&config(&stage), first.cursor.as_deref()).await.whole();
    let whole = read(&config(&stage), None).await.whole();
    // A first reading finds it as well, though its head is dated before all that it reaches and before the start.
    assert_eq!(tables(&[&first, &second]), tables(&[&whole]));
    assert_eq!(second.coverage(), whole.coverage());
    assert!(second.rows::<changes::Row>().iter().any(|row| row.change_id == sha("old")));
    let late: Vec<_> =
        second.rows::<deployments::Row>().into_iter().filter(|row| row.deployment_id.ends_with(":45")).collect();
    assert!(late.iter().any(|row| row.status == "success" && row.finished_at == Some(at(280))), "{late:#?}");
}

/// Commits on top of the story that are dated weeks before the first reading begins: the branch ends with some of them, or
/// goes on as usual.
fn backdated(goes_on: bool, count: i64) -> super::fake::World {
    let mut world = world();
    let repo = &mut world.repos[0];
    let mut parent = "s6".to_owned();
    for number in 0..count {
        let own = format!("backdated {number}");
        let at = hour(-300) + 60 * number;
        repo.commit(&own, &[&parent], &person("grace"), (at, at), "Found in a drawer");
        parent = own;
    }
    if goes_on {
        repo.commit("usual", &[&parent], &person("ada"), (hour(70), hour(70)), "As usual");
        parent = "usual".to_owned();
    }
    repo.head = Some(sha(&parent));
    world
}

#[tokio::test]
async fn what_is_dated_before_the_start_and_stands_on_what_came_after_it_is_new() {
    for (goes_on, count) in [(false, 1), (true, 1), (false, 40), (true, 150)] {
        let stage = stage(world()).await;
        let first = read(&config(&stage), None).await.whole();
        let later = backdated(goes_on, count);
        *stage.world.lock().expect("nobody panics") = later.clone();
        let second = read(&config(&stage), first.cursor.as_deref()).await.whole();
        let whole = read(&config(&stage), None).await.whole();
        assert_eq!(tables(&[&first, &second]), tables(&[&whole]), "{count} of them, the branch goes on: {goes_on}");
        let limits = Limits { commits: 20, merged: 5 };
        let cut = read_within(&config(&stage), None, Range::default(), limits, hour(400)).await.whole();
        assert_eq!(tables(&[&cut]), tables(&[&whole]), "{count} of them in pieces, the branch goes on: {goes_on}");
        let direct = |done: &Done| done.rows::<changes::Row>().iter().filter(|row| row.title.as_deref() == Some("Found in a drawer")).count();
        assert_eq!(direct(&whole), usize::try_from(count).expect("it is small"));
    }
}

/// A branch that was merged without a pull request, and came over the start of the range that is asked for.
fn joined() -> super::fake::World {
    let mut world = world();
    let (ada, grace) = (person("ada"), person("grace"));
    let repo = &mut world.repos[0];
    repo.commit("beside", &["s6"], &grace, (hour(61), hour(61)), "Beside");
    repo.commit("besides", &["beside"], &grace, (hour(90), hour(90)), "Besides");
    repo.commit("joined", &["s6", "besides"], &ada, (hour(100), hour(100)), "Merge branch 'beside'");
    repo.head = Some(sha("joined"));
    world
}

#[tokio::test]
async fn a_range_holds_all_commits_of_what_was_merged_in_it() {
    let stage = stage(joined()).await;
    let expected: std::collections::BTreeSet<String> = [sha("beside"), sha("besides")].into();
    let directly = |done: &Done| {
        let rows = done.rows::<change_commits::Row>().into_iter().filter(|row| row.change_id == sha("joined"));
        rows.map(|row| row.commit_sha).collect::<std::collections::BTreeSet<_>>()
    };
    let (since, until) = (Some(at(80)), Some(at(260)));
    for range in [Range::default(), Range { since, until: None }, Range { since, until }, Range { since: None, until }] {
        let done = read_range(&config(&stage), None, range).await.whole();
        assert_eq!(directly(&done), expected, "{range:?}");
        assert!(done.coverage().iter().all(|row| row.is_complete), "{range:?}: {:#?}", done.coverage());
    }
    let quiet = Range { since: Some(at(62)), until: Some(at(85)) };
    let done = read_range(&config(&stage), None, quiet).await.whole();
    assert!(done.coverage().iter().all(|row| row.is_complete), "nothing was made in it: {:#?}", done.coverage());
    // What is the branch itself is not known where the range ends before its head: that is said, however little is held.
    let (since, until) = (Some(at(3)), Some(at(55)));
    for limits in [Limits::default(), Limits { commits: 1, merged: 5 }] {
        let done = read_within(&config(&stage), None, Range { since, until }, limits, hour(400)).await.whole();
        assert_eq!(directly(&done), [].into());
        let incomplete: Vec<_> = done.coverage().into_iter().filter(|row| !row.is_complete).collect();
        let covers: Vec<_> = incomplete.iter().map(|row| (row.covers.as_str(), row.range_start_at, row.range_end_at)).collect();
        assert_eq!(covers, ["changes", "change_commits"].map(|table| (table, since, until)), "{incomplete:#?}");
    }
}

#[tokio::test]
async fn duplicates_and_another_order_change_nothing() {
    let expected = {
        let stage = stage(world()).await;
        tables(&[&read(&config(&stage), None).await.whole()])
    };
    let between: Box<Between> = Box::new(|_, asked, world| {
        let Reply::Page { status: 200, headers, body } = of_world(world, asked) else { return None };
        let mut told: Value = serde_json::from_slice(&body).expect("the world speaks JSON");
        // The head of a branch is the first, and commits have an order that means something.
        let is_ordered = asked.path().ends_with("/commits");
        let list = told.as_array_mut().filter(|_| !is_ordered)?;
        list.reverse();
        let again = list.clone();
        list.extend(again);
        Some(Reply::Page { status: 200, headers, body: told.to_string().into_bytes() })
    });
    let stage = stage_behind(world(), between).await;
    let done = read(&Config { graphql: false, ..config(&stage) }, None).await.whole();
    assert_eq!(tables(&[&done]), expected);
}

/// A pull request that has more of everything than fits into an answer of GraphQL, and one whose reviewed commit is gone.
fn crowded() -> super::fake::World {
    let mut world = world();
    let repo = &mut world.repos[0];
    let mut parent = "m1".to_owned();
    let mut commits = Vec::new();
    for number in 0..=i64::try_from(pulls::COMMITS).expect("it is small") {
        let own = format!("long {number}");
        repo.commit(&own, &[&parent], &person("ada"), (hour(100) + number, hour(100) + number), "Go on");
        commits.push(sha(&own));
        parent = own;
    }
    let review = |id| Review {
        id,
        author: Some(person("grace")),
        state: "APPROVED".to_owned(),
        submitted: Some(hour(120)),
        ..Review::default()
    };
    let event = |id: u64| Event {
        id,
        kind: "commented".to_owned(),
        at: hour(110) + i64::try_from(id).expect("it is small"),
        actor: person("ada"),
        ..Event::default()
    };
    repo.pulls.push(Pull {
        number: 50,
        title: "Long".to_owned(),
        author: Some(person("ada")),
        base: "main".to_owned(),
        created: hour(100),
        updated: hour(130),
        commits,
        reviews: (0..=pulls::REVIEWS as u64).map(|number| review(6000 + number)).collect(),
        timeline: (0..=pulls::EVENTS as u64).map(event).collect(),
        ..Pull::default()
    });
    repo.pulls[0].reviews[0].is_commit_gone = true;
    world
}

#[tokio::test]
async fn what_exceeds_an_answer_is_asked_of_rest_alone() {
    let stage = stage(crowded()).await;
    let by_rest = read(&Config { graphql: false, ..config(&stage) }, None).await.whole();
    let before = stage.server.asked().len();
    let by_graphql = read(&config(&stage), None).await.whole();
    assert_eq!(tables(&[&by_graphql]), tables(&[&by_rest]));
    let asked = stage.server.asked();
    let details: Vec<&str> = asked[before..]
        .iter()
        .map(Asked::path)
        .filter(|path| (path.contains("/pulls/") && !path.contains("/commits/")) || path.ends_with("/timeline"))
        .filter(|path| !path.contains("/issues/20/"))
        .collect();
    let expected = [
        "/repos/acme/api/pulls/50/commits",
        "/repos/acme/api/pulls/50/reviews",
        "/repos/acme/api/issues/50/timeline",
        "/repos/acme/api/pulls/1/reviews",
    ];
    let mut details = details;
    let mut expected = expected.to_vec();
    details.sort_unstable();
    expected.sort_unstable();
    assert_eq!(details, expected);
}

#[tokio::test]
async fn a_hundred_pull_requests_cost_a_handful_of_questions() {
    let mut many = world();
    let one = many.repos[0].pulls[3].clone();
    many.repos[0].pulls = (1..=100)
        .map(|number| Pull { number, updated: hour(20) + 60 * i64::try_from(number).unwrap_or(0), ..one.clone() })
        .collect();
    let stage = stage(many).await;
    let by_graphql = read(&config(&stage), None).await.whole();
    let count = stage.server.asked().len();
    let by_rest = read(&Config { graphql: false, ..config(&stage) }, None).await.whole();
    assert_eq!(tables(&[&by_graphql]), tables(&[&by_rest]));
    let questions = stage.server.asked().iter().filter(|asked| asked.line == "POST /graphql").count();
    assert_eq!(questions, 100_usize.div_ceil(pulls::AT_ONCE) + 1, "and one for the deployments");
    assert!(stage.server.asked().len() - count >= count + 290, "three each by REST");
}

#[tokio::test]
async fn graphql_that_fails_in_any_way_is_made_good() {
    let expected = {
        let stage = stage(world()).await;
        tables(&[&read(&config(&stage), None).await.whole()])
    };
    let limited = r#"{"data":null,"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}"#;
    let refused = r#"{"errors":[{"message":"Field 'fullDatabaseId' doesn't exist on type 'PullRequestReview'"}]}"#;
    let slow = r#"{"data":null,"errors":[{"message":"Something went wrong while executing your query."}]}"#;
    let half = r#"{"data":{"nodes":[null]},"errors":[{"type":"FORBIDDEN","path":["nodes",0],"message":"no"}]}"#;
    let faults = [
        Reply::json(limited),
        Reply::json(refused),
        Reply::json(slow),
        Reply::json(half),
        Reply::json(r#"{"data":{"nodes":null}}"#),
        Reply::json("[]"),
        Reply::status(403, r#"{"message":"Resource not accessible"}"#).with("content-type", "application/json"),
        Reply::status(404, "{}").with("content-type", "application/json"),
        Reply::status(502, "Bad Gateway"),
    ];
    for fault in faults {
        for once in [false, true] {
            let (told, fault, answered) = (format!("{fault:?}, once: {once}"), fault.clone(), Mutex::new(0));
            let between: Box<Between> = Box::new(move |_, asked, _| {
                let mut answered = answered.lock().expect("nobody panics");
                let is_question = asked.line == "POST /graphql";
                *answered += u32::from(is_question);
                (is_question && (!once || *answered == 1)).then(|| fault.clone())
            });
            let stage = stage_behind(world(), between).await;
            let done = read(&config(&stage), None).await.whole();
            assert_eq!(tables(&[&done]), expected, "{told}");
            assert!(done.gaps.is_empty(), "{told}: {:?}", done.gaps);
        }
    }
}

#[tokio::test]
async fn a_question_that_takes_too_long_is_asked_in_halves() {
    let sizes: Arc<Mutex<Vec<usize>>> = Arc::default();
    let seen = sizes.clone();
    let between: Box<Between> = Box::new(move |_, asked, _| {
        let body: Value = serde_json::from_slice(&asked.body).ok()?;
        let is_of_pulls = body["query"].as_str()?.contains("PullRequest");
        let count = body["variables"]["ids"].as_array()?.len();
        seen.lock().expect("nobody panics").push(count);
        (is_of_pulls && count > 2).then(|| Reply::status(504, "Gateway Timeout"))
    });
    let stage = stage_behind(world(), between).await;
    let done = read(&config(&stage), None).await.whole();
    let plain = super::stage(world()).await;
    assert_eq!(tables(&[&done]), tables(&[&read(&config(&plain), None).await.whole()]));
    let asked: Vec<usize> = sizes.lock().expect("nobody panics").clone();
    assert!(asked.starts_with(&[7, 7, 7, 3, 3, 3, 1]), "{asked:?}");
}

#[tokio::test]
async fn the_budget_of_graphql_is_waited_for() {
    let between: Box<Between> = Box::new(|number, asked, world| {
        let limited = r#"{"data":null,"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}"#;
        let reset = (world.now + 50).to_string();
        let is_first = asked.line == "POST /graphql" && number < 12;
        is_first.then(|| {
            Reply::json(limited).with("x-ratelimit-reset", reset).with("date", "Fri, 16 Jan 2026 06:00:00 GMT")
        })
    });
    let stage = stage_behind(world(), between).await;
    let done = read(&config(&stage), None).await.whole();
    let waits = done.waits.waits();
    assert!(!waits.is_empty() && waits.iter().all(|wait| wait.as_secs() == 51), "{waits:?}");
}

#[tokio::test]
async fn what_may_lack_commits_is_stated_where_ancestry_cannot_be_had() {
    let between: Box<Between> =
        Box::new(|_, asked, _| asked.path().contains("/compare/").then(|| Reply::status(404, "{}")));
    let stage = stage_behind(joined(), between).await;
    let late = Config { since: Some(at(80)), ..config(&stage) };
    let done = read(&late, None).await.whole();
    let own = |row: &change_commits::Row| row.change_id == sha("joined");
    let shas: Vec<String> = done.rows::<change_commits::Row>().into_iter().filter(own).map(|row| row.commit_sha).collect();
    assert_eq!(shas, [sha("besides")], "the other one was written before");
    let incomplete: std::collections::BTreeSet<String> =
        done.coverage().into_iter().filter(|row| !row.is_complete).map(|row| row.covers).collect();
    // Deployments ask for comparisons of their own.
    assert_eq!(incomplete.into_iter().collect::<Vec<_>>(), ["change_commits", "changes", "commits", "deployments"]);
    // Once it can be had again, the next reading goes on by it, and what is missing stays stated.
    let healthy = super::stage(joined()).await;
    let next = read(&Config { since: Some(at(80)), ..config(&healthy) }, done.cursor.as_deref()).await.whole();
    assert_eq!(next.gaps, Vec::<String>::new());
    assert!(next.coverage().iter().any(|row| !row.is_complete && row.covers == "change_commits"));
}

/// Where REST and GraphQL lie on a server of one's own and on one with data residency, and how those call themselves.
const PLACES: [(&str, &str, &str); 2] = [
    ("/api/v3", "/api/graphql", "https://github.acme.example"),
    ("", "/graphql", "https://api.acme.ghe.com"),
];

/// The world in such a place, in pages of that size and without limits to tell of; its links lead to `called`.
fn placed((rest, graphql, called): (&'static str, &'static str, &str), size: u32) -> Box<Between> {
    let called = format!("{called}{rest}/");
    Box::new(move |_, asked, world| {
        let (method, target) = asked.line.split_once(' ')?;
        let line = match (method, target.strip_prefix(rest)) {
            ("POST", _) if target == graphql => "POST /graphql".to_owned(),
            ("GET", Some(below)) => format!("GET {below}").replace("per_page=100", &format!("per_page={size}")),
            _ => return Some(Reply::status(404, "{}")),
        };
        let here = format!("http://{}/", asked.header("host")?);
        let Reply::Page { status, headers, body } = of_world(world, &Asked { line, ..asked.clone() }) else {
            return None;
        };
        let headers = headers.into_iter().filter(|(name, _)| !name.starts_with("x-ratelimit"));
        let headers = headers.map(|(name, value)| (name, value.replace(&here, &called))).collect();
        Some(Reply::Page { status, headers, body })
    })
}

#[tokio::test]
async fn enterprise_servers_and_residency_are_read_below_their_own_base() {
    let expected = {
        let stage = stage(world()).await;
        tables(&[&read(&config(&stage), None).await.whole()])
    };
    for place in PLACES {
        let (rest, graphql, called) = place;
        let stage = stage_behind(world(), placed(place, 2)).await;
        let mut config = Config { url: format!("{}{rest}", stage.server.base()), ..config(&stage) };
        config.http.also_called = vec![called.to_owned()];
        let done = read(&config, None).await.whole();
        assert_eq!(tables(&[&done]), expected, "{called}");
        assert_eq!(done.gaps, Vec::<String>::new(), "{called}");
        let asked = stage.server.asked();
        assert!(asked.iter().any(|asked| asked.line == format!("POST {graphql}")), "{called}");
        assert!(asked.iter().any(|asked| asked.line.contains("page=2&") || asked.line.ends_with("page=2")), "{called}");
        assert!(asked.iter().all(|asked| asked.header("authorization") == Some("Bearer open-sesame-1001")), "{called}");
    }
}

#[tokio::test]
async fn links_to_a_name_that_nobody_configured_are_not_followed() {
    let elsewhere = Loopback::start(|_| Reply::json("[]")).await;
    let target = elsewhere.base();
    for (rest, graphql, called) in PLACES {
        for called in [called, target.as_str()] {
            let of_pages = async |size| {
                let stage = stage_behind(world(), placed((rest, graphql, called), size)).await;
                read(&Config { url: format!("{}{rest}", stage.server.base()), ..config(&stage) }, None).await
            };
            // Not all repositories are known then.
            let error = of_pages(2).await.error.expect("there are more");
            assert_eq!(error.code(), "ingest::other_host", "{called}");
            // Each list of a repository that is longer than a page is incomplete, and said to be.
            let done = of_pages(5).await.whole();
            let lost: std::collections::BTreeSet<String> =
                done.coverage().into_iter().filter(|row| !row.is_complete).map(|row| row.covers).collect();
            let expected = ["change_commits", "changes", "commits", "deployments", "pull_request_events"];
            assert_eq!(lost.into_iter().collect::<Vec<_>>(), expected, "{called}");
            let host = url::Url::parse(called).expect("an address").origin().ascii_serialization();
            let told = |gap: &&String| gap.contains(&format!("it leads to `{host}`, which is not the configured server"));
            assert_eq!(done.gaps.iter().find(|gap| !told(gap)), None, "{called}");
        }
    }
    assert_eq!(elsewhere.asked(), []);
}

#[tokio::test]
async fn accounts_and_repositories_that_are_gone_are_nobody() {
    let between: Box<Between> = Box::new(|_, asked, world| {
        let Reply::Page { status: 200, headers, body } = of_world(world, asked) else { return None };
        let mut told: Value = serde_json::from_slice(&body).expect("the world speaks JSON");
        for each in told.as_array_mut()? {
            for gone in ["user", "creator", "actor", "author", "triggering_actor"] {
                if each.get(gone).is_some_and(|account| account.get("login").is_some()) {
                    each[gone] = Value::Null;
                }
            }
            if each.get("head").is_some() {
                each["head"] =
                    serde_json::json!({"label": null, "ref": "work", "sha": "f00", "repo": null, "user": null});
            }
        }
        Some(Reply::Page { status: 200, headers, body: told.to_string().into_bytes() })
    });
    let stage = stage_behind(world(), between).await;
    let done = read(&Config { graphql: false, ..config(&stage) }, None).await.whole();
    assert!(done.gaps.is_empty(), "{:?}", done.gaps);
    assert!(
        done.rows::<pull_request_events::Row>().iter().all(|row| row.actor_id.is_none() && row.actor_kind.is_none())
    );
    assert!(done.rows::<deployments::Row>().iter().all(|row| row.actor_id.is_none()));
    let changes: Vec<changes::Row> = done.rows();
    assert!(!changes.is_empty() && changes.iter().all(|row| row.author_id.is_some()), "the commits still say it");
}

#[tokio::test]
async fn two_repositories_of_one_name_are_two() {
    let stage = stage(world()).await;
    {
        let mut world = stage.world.lock().expect("nobody panics");
        let other = super::fake::Repo { id: 99, full_name: "rival/api".to_owned(), ..world.repos[0].clone() };
        world.repos.push(other);
    }
    let config = Config {
        organisation: None,
        repositories: vec!["acme/api".to_owned(), "rival/api".to_owned()],
        ..config(&stage)
    };
    let done = read(&config, None).await.whole();
    let of = |owner: &str| {
        let rows = done.rows::<changes::Row>().into_iter().filter(|row| row.repository == owner);
        let mut ids: Vec<String> = rows.map(|row| name(&row.change_id)).collect();
        ids.sort();
        ids
    };
    assert_eq!(of("acme/api"), of("rival/api"));
    assert!(!of("acme/api").is_empty());
    let deployments: std::collections::BTreeSet<String> =
        done.rows::<deployments::Row>().into_iter().map(|row| row.deployment_id).collect();
    assert!(
        deployments.contains("github:acme/api:deployment:43") && deployments.contains("github:rival/api:deployment:43")
    );
}

#[tokio::test]
async fn what_is_said_to_be_production_is_where_no_rule_speaks() {
    let stage = stage(world()).await;
    {
        let mut world = stage.world.lock().expect("nobody panics");
        for deployment in &mut world.repos[0].deployments {
            deployment.is_production = deployment.id != 41;
            if deployment.id >= 43 && deployment.environment == "production" {
                deployment.environment = "eu-west".to_owned();
            }
        }
    }
    let places = |done: &Done| {
        let rows = done.rows::<deployments::Row>().into_iter();
        let mut places: Vec<String> = rows
            .map(|row| {
                let number = row.deployment_id.rsplit(':').next().unwrap_or_default().to_owned();
                format!("{number} {} {}", row.environment.unwrap_or_default(), row.target)
            })
            .collect();
        places.sort();
        places.dedup();
        places
    };
    let hinted = read(&config(&stage), None).await.whole();
    let expected = [
        "41 production ",
        "42 production ",
        "43 production eu-west",
        "44 production eu-west",
        "45 production staging",
        "47 production eu-west",
    ];
    assert_eq!(places(&hinted), expected);
    let by_rest = read(&Config { graphql: false, ..config(&stage) }, None).await.whole();
    assert_eq!(tables(&[&by_rest]), tables(&[&hinted]));
    let mut ruled = config(&stage);
    ruled.environments.push(super::super::EnvironmentRule { pattern: ".".to_owned(), ..Default::default() });
    let expected = ["41 production ", "42 production ", "43 eu-west ", "44 eu-west ", "45 staging ", "47 eu-west "];
    assert_eq!(places(&read(&ruled, None).await.whole()), expected, "a rule is the truth");
}

#[tokio::test]
async fn who_wrote_it_is_told_by_accounts_trailers_and_rules_of_one_s_own() {
    let mut told = world();
    {
        let repo = &mut told.repos[0];
        let agent = super::fake::Person {
            is_bot: true,
            email: "1+claude[bot]@users.noreply.github.com".to_owned(),
            ..person("claude[bot]")
        };
        repo.commit("alone", &["s6"], &agent, (hour(63), hour(63)), "By itself");
        let together = "Together\n\nCo-authored-by: Copilot <198982749+Copilot@users.noreply.github.com>";
        repo.commit("together", &["alone"], &person("ada"), (hour(64), hour(64)), together);
        repo.commit("ours", &["together"], &person("builder-7"), (hour(65), hour(65)), "By our own machine");
        repo.commit("human", &["ours"], &person("claude"), (hour(66), hour(66)), "People are called Claude");
        repo.head = Some(sha("human"));
    }
    let kinds = |done: &Done| {
        let rows = done.rows::<changes::Row>();
        let kind = |id: &str| {
            rows.iter().find(|row| row.change_id == id).map(|row| row.author_kind.clone()).unwrap_or_default()
        };
        ["alone", "together", "ours", "human"]
            .map(|commit| kind(&sha(commit)))
            .into_iter()
            .chain([kind("#5")])
            .collect::<Vec<_>>()
    };
    let stage = stage(told).await;
    let plain = read(&config(&stage), None).await.whole();
    assert_eq!(kinds(&plain), ["agent", "agent", "human", "human", "dependency_bot"]);
    let bots = crate::Bots {
        agent: vec!["^builder-7 <".to_owned()],
        other_bot: vec!["^dependabot".to_owned()],
        ..Default::default()
    };
    let ruled = read(&Config { bots, ..config(&stage) }, None).await.whole();
    assert_eq!(kinds(&ruled), ["agent", "agent", "agent", "human", "other_bot"], "one's own rules come first");
}
