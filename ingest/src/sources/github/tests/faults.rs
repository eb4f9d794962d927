//! A server that fails in every way it can, and readings that are broken off.

use std::time::Duration;

use super::story::{hour, world};
use super::*;
use crate::loopback::SERVER_DATE;

/// The tables after a reading that nothing disturbed.
async fn undisturbed() -> BTreeMap<&'static str, Vec<String>> {
    let stage = stage(world()).await;
    tables(&[&read(&config(&stage), None).await.whole()])
}

/// Answers every seventh request wrongly, once.
fn sometimes(fault: Reply) -> Box<Between> {
    Box::new(move |number, _, _| (number % 7 == 3).then(|| fault.clone()))
}

#[tokio::test]
async fn what_passes_leaves_no_trace() {
    let expected = undisturbed().await;
    let limited = |status| Reply::status(status, r#"{"message":"You have exceeded a secondary rate limit."}"#);
    let faults = [
        limited(429).with("retry-after", "7"),
        limited(403).with("retry-after", "7"),
        limited(403),
        Reply::status(403, r#"{"message":"API rate limit exceeded"}"#)
            .with("x-ratelimit-remaining", "0")
            .with("x-ratelimit-reset", "1767600030")
            .with("date", SERVER_DATE),
        Reply::status(500, "x"),
        Reply::status(502, "x"),
        Reply::status(503, "x").with("retry-after", "3"),
        Reply::status(503, "x"),
        Reply::Reset,
        Reply::Truncated { promised: 1000, body: b"[{\"number\":".to_vec() },
        Reply::json("[{\"number\": 1, "),
        Reply::status(200, "<html>log in</html>").with("content-type", "text/html"),
    ];
    for fault in faults {
        let told = format!("{fault:?}");
        let stage = stage_behind(world(), sometimes(fault)).await;
        let done = read(&config(&stage), None).await;
        assert!(done.error.is_none(), "{told}: {:?}", done.error);
        assert_eq!(done.gaps, Vec::<String>::new(), "{told}");
        assert_eq!(tables(&[&done]), expected, "{told}");
    }
}

#[tokio::test]
async fn an_answer_that_stops_is_asked_for_again() {
    let between: Box<Between> = Box::new(|number, _, _| (number == 5).then_some(Reply::Stuck));
    let stage = stage_behind(world(), between).await;
    assert_eq!(tables(&[&read(&config(&stage), None).await.whole()]), undisturbed().await);
}

#[tokio::test]
async fn the_waits_are_those_that_the_server_asks_for() {
    let cases: [(Reply, &[u64]); 4] = [
        (
            Reply::status(403, r#"{"message":"API rate limit exceeded for installation"}"#)
                .with("x-ratelimit-remaining", "0")
                .with("x-ratelimit-reset", (hour(8) + 30).to_string())
                .with("date", SERVER_DATE),
            &[31],
        ),
        (Reply::status(429, "{}").with("retry-after", "17"), &[17]),
        (Reply::status(403, r#"{"message":"You have exceeded a secondary rate limit"}"#), &[60]),
        (Reply::status(429, "{}"), &[60]),
    ];
    for (refusal, seconds) in cases {
        let between: Box<Between> = Box::new(move |number, _, _| (number == 0).then(|| refusal.clone()));
        let stage = stage_behind(world(), between).await;
        let done = read(&config(&stage), None).await.whole();
        let expected: Vec<Duration> = seconds.iter().map(|seconds| Duration::from_secs(*seconds)).collect();
        assert_eq!(done.waits.waits(), expected);
    }
    let twice: Box<Between> = Box::new(|number, _, _| {
        (number < 2).then(|| Reply::status(403, r#"{"message":"You have exceeded a secondary rate limit"}"#))
    });
    let stage = stage_behind(world(), twice).await;
    let done = read(&config(&stage), None).await.whole();
    assert_eq!(done.waits.waits(), [60, 120].map(Duration::from_secs), "longer each time");
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_waited_for_before_the_next_request() {
    let between: Box<Between> = Box::new(|number, asked, world| {
        let reply = of_world(world, asked);
        (number == 0).then(|| match reply {
            Reply::Page { status, headers, body } => {
                let mut headers: Vec<(String, String)> = headers
                    .into_iter()
                    .filter(|(name, _)| !name.starts_with("x-ratelimit") && name != "date")
                    .collect();
                let add = [
                    ("x-ratelimit-remaining", "0".to_owned()),
                    ("x-ratelimit-reset", (hour(8) + 90).to_string()),
                    ("date", SERVER_DATE.to_owned()),
                ];
                headers.extend(add.map(|(name, value)| (name.to_owned(), value)));
                Reply::Page { status, headers, body }
            }
            other => other,
        })
    });
    let stage = stage_behind(world(), between).await;
    let done = read(&config(&stage), None).await.whole();
    assert_eq!(done.waits.waits(), [Duration::from_secs(91)]);
}

#[tokio::test]
async fn a_missing_permission_costs_one_stream_and_is_asked_once() {
    for (status, meaning) in [
        (403, "; the token may not read it"),
        (404, "; it does not exist, or the token may not see it"),
        (410, "; it is switched off"),
        (451, "; it is blocked for legal reasons"),
    ] {
        let between: Box<Between> = Box::new(move |_, asked, _| {
            let is_pulls = asked.path() == "/repos/acme/api/pulls";
            let refused = Reply::status(status, r#"{"message":"Resource not accessible by integration"}"#)
                .with("content-type", "application/json")
                .with("x-accepted-github-permissions", "pull_requests=read");
            is_pulls.then_some(refused)
        });
        let stage = stage_behind(world(), between).await;
        let done = read(&config(&stage), None).await.whole();
        let asked = stage.server.asked();
        assert_eq!(asked.iter().filter(|asked| asked.path() == "/repos/acme/api/pulls").count(), 1);
        let reason = format!(
            "could not get `{}/repos/acme/api/pulls?sort=updated&per_page=100`: the server answered {status}: Resource not \
             accessible by integration (needs pull_requests=read){meaning}",
            stage.server.base()
        );
        let lost: Vec<_> = done.coverage().into_iter().filter(|row| !row.is_complete).collect();
        assert_eq!(
            lost.iter().map(|row| row.covers.as_str()).collect::<Vec<_>>(),
            ["changes", "change_commits", "pull_request_events"]
        );
        assert!(lost.iter().all(|row| row.reason.as_deref() == Some(reason.as_str())), "{lost:#?}");
        assert!(!done.rows::<deployments::Row>().is_empty() && !done.rows::<commits::Row>().is_empty());
        assert_eq!(done.gaps, [format!("`acme/api pulls`: {reason}")]);
        // Once it may be read, nothing is missing any more, and nothing was taken for pushed directly.
        let healthy = super::stage(world()).await;
        let mended = read(&config(&healthy), done.cursor.as_deref()).await.whole();
        assert_eq!(tables(&[&done, &mended]), undisturbed().await);
        assert!(mended.coverage().iter().all(|row| row.is_complete), "{:#?}", mended.coverage());
    }
}

#[tokio::test]
async fn a_token_that_is_refused_ends_the_reading() {
    let stage = stage(world()).await;
    stage.world.lock().expect("nobody panics").token = Some("another".to_owned());
    let done = read(&config(&stage), None).await;
    let error = done.error.expect("it is refused");
    assert_eq!(error.code(), "ingest::auth");
    assert!(!format!("{error:?}").contains("open-sesame-1001"));
}

#[tokio::test]
async fn no_token_is_sent_elsewhere() {
    let elsewhere = Loopback::script(vec![Reply::json("[]")]).await;
    let target = elsewhere.base();
    let between: Box<Between> = Box::new(move |_, asked, _| match asked.path() {
        "/repos/acme/api/pulls" => Some(Reply::status(302, "").with("location", format!("{target}/pulls"))),
        // A link that leads away.
        "/repos/acme/api/tags" => Some(Reply::json("[]").with("link", format!("<{target}/tags?page=2>; rel=\"next\""))),
        _ => None,
    });
    let stage = stage_behind(world(), between).await;
    let done = read(&config(&stage), None).await.whole();
    assert!(elsewhere.asked().is_empty());
    assert_eq!(done.gaps.iter().filter(|gap| gap.contains("which is not the configured server")).count(), 2);
}

#[tokio::test]
async fn a_page_that_follows_itself_is_a_gap_and_no_endless_reading() {
    let between: Box<Between> = Box::new(|_, asked, _| {
        let own = format!("<{}>; rel=\"next\"", asked.line.split(' ').nth(1).unwrap_or_default());
        (asked.path() == "/repos/acme/api/tags").then(|| Reply::json("[]").with("link", own))
    });
    let stage = stage_behind(world(), between).await;
    let done = read(&config(&stage), None).await.whole();
    let own = done.gaps.iter().filter(|gap| gap.contains("its link to the next page is its own address"));
    assert_eq!(own.count(), 1, "{:?}", done.gaps);
}

#[tokio::test]
async fn one_item_that_cannot_be_used_is_named_and_the_others_are_kept() {
    let between: Box<Between> = Box::new(|_, asked, world| {
        let Reply::Page { status, headers, body } = of_world(world, asked) else { return None };
        (asked.path() == "/repos/acme/api/pulls").then(|| {
            let mut list: serde_json::Value = serde_json::from_slice(&body).expect("a list");
            list[2]["updated_at"] = serde_json::json!(17);
            list.as_array_mut().expect("a list").push(serde_json::Value::Null);
            Reply::Page { status, headers, body: list.to_string().into_bytes() }
        })
    });
    let stage = stage_behind(world(), between).await;
    let done = read(&config(&stage), None).await.whole();
    let [gap] = done.gaps.as_slice() else { panic!("it is said once: {:?}", done.gaps) };
    assert!(gap.starts_with("`acme/api pulls`: the item with `number` "), "{gap}");
    assert_eq!(done.rows::<changes::Row>().iter().filter(|row| row.kind == "pull_request").count(), 6);
    assert!(done.coverage().iter().any(|row| !row.is_complete && row.missing_count == Some(1)));
}

#[tokio::test]
async fn a_page_that_takes_too_long_is_asked_for_in_halves() {
    let between: Box<Between> = Box::new(|_, asked, _| {
        let is_large = asked.path() == "/repos/acme/api/pulls" && asked.query("per_page").as_deref() != Some("25");
        is_large.then(|| Reply::status(502, "Server Error"))
    });
    let stage = stage_behind(world(), between).await;
    assert_eq!(tables(&[&read(&config(&stage), None).await.whole()]), undisturbed().await);
}

#[tokio::test]
async fn a_version_that_will_end_is_said() {
    let between: Box<Between> = Box::new(|number, asked, world| {
        (number == 2).then(|| of_world(world, asked).with("sunset", "Fri, 31 Dec 2027 23:59:59 GMT"))
    });
    let stage = stage_behind(world(), between).await;
    let expected = "the server says that version `2022-11-28` of its API, which is what we read, will end: sunset `Fri, 31 Dec 2027 \
                    23:59:59 GMT`";
    assert_eq!(read(&config(&stage), None).await.whole().gaps, [expected]);
}

#[tokio::test]
async fn a_reading_that_is_broken_off_anywhere_goes_on_where_it_stopped() {
    for graphql in [true, false] {
        broken_off_anywhere(graphql).await;
    }
}

async fn broken_off_anywhere(graphql: bool) {
    let expected = undisturbed().await;
    let mut resumed_with_less = false;
    for last in 1.. {
        let between: Box<Between> = Box::new(move |number, _, _| {
            // A token that is taken away ends everything at once.
            (number >= last).then(|| Reply::status(401, r#"{"message":"Bad credentials"}"#))
        });
        let stage = stage_behind(world(), between).await;
        let broken = read(&Config { graphql, ..config(&stage) }, None).await;
        if broken.error.is_none() {
            assert!(last > 15, "the story takes more than {last} requests");
            break;
        }
        let healthy = super::stage(world()).await;
        let rest = read(&Config { graphql, ..config(&healthy) }, broken.cursor.as_deref()).await.whole();
        assert_eq!(tables(&[&broken, &rest]), expected, "broken off after {last} requests");
        assert!(rest.coverage().iter().all(|row| row.is_complete), "broken off after {last} requests");
        resumed_with_less |= !tables(&[&rest]).eq(&expected);
    }
    assert!(resumed_with_less, "what was done is not done again");
}

#[tokio::test]
async fn what_could_not_be_had_of_a_pull_request_is_missing_until_it_is_had() {
    let between: Box<Between> = Box::new(|_, asked, _| {
        let is_broken = asked.path() == "/repos/acme/api/pulls/2/reviews" || asked.path().contains("/compare/");
        is_broken.then(|| Reply::status(500, "x"))
    });
    let stage = stage_behind(world(), between).await;
    let by_rest = |stage: &Stage| Config { graphql: false, ..config(stage) };
    let first = read(&by_rest(&stage), None).await.whole();
    let reasons = |done: &Done| {
        let rows = done.coverage().into_iter().filter(|row| !row.is_complete && row.covers == "pull_request_events");
        rows.map(|row| row.reason.unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(reasons(&first), ["#2: its reviews cannot be had: the server answered 500"]);
    // It is had once the pull request is read again, and then nothing is missing of it.
    let healthy = super::stage(world()).await;
    let everything = Range { since: Instant::parse("2026-01-05T00:00:00Z").ok(), until: None };
    let second = read_range(&by_rest(&healthy), first.cursor.as_deref(), everything).await.whole();
    assert_eq!(reasons(&second), Vec::<String>::new());
    assert_eq!(tables(&[&first, &second]), undisturbed().await);
}

#[tokio::test]
async fn what_is_listed_only_until_the_reading_breaks_off_leaves_no_statement() {
    // Neither a comparison nor a list can be had from some place on: the next reading goes by ancestry.
    let down = std::sync::atomic::AtomicBool::new(false);
    let between: Box<Between> = Box::new(move |_, asked, _| {
        use std::sync::atomic::Ordering::SeqCst;
        if asked.path().contains("/compare/") {
            down.store(true, SeqCst);
        }
        down.load(SeqCst).then(|| Reply::status(500, "x"))
    });
    let stage = stage_behind(world(), between).await;
    let broken = read(&config(&stage), None).await;
    let healthy = super::stage(world()).await;
    let rest = read(&config(&healthy), broken.cursor.as_deref()).await.whole();
    assert_eq!(tables(&[&broken, &rest]), undisturbed().await);
    assert!(rest.coverage().iter().all(|row| row.is_complete), "{:#?}", rest.coverage());
}

#[tokio::test]
async fn an_empty_repository_and_one_without_issues_have_no_gap() {
    let stage = stage(world()).await;
    let only = Config { include: vec!["empty".to_owned()], ..config(&stage) };
    let done = read(&only, None).await.whole();
    assert_eq!(done.gaps, Vec::<String>::new());
    assert!(done.coverage().iter().all(|row| row.is_complete));
}

#[tokio::test]
async fn a_missing_repository_is_a_gap_beside_the_others() {
    let stage = stage(world()).await;
    let named = |names: &[&str]| Config {
        organisation: None,
        repositories: names.iter().map(|name| (*name).to_owned()).collect(),
        ..config(&stage)
    };
    let done = read(&named(&["acme/api", "acme/gone"]), None).await.whole();
    assert_eq!(done.gaps.len(), 1);
    assert!(done.gaps[0].starts_with("`acme/gone repository`: "), "{:?}", done.gaps);
    let nothing = read(&named(&["acme/gone"]), None).await;
    assert!(nothing.error.is_some(), "nothing at all could be read");
}
