//! Clocks that do not agree: ours is far from the server's, and records are dated after either.

use std::time::Duration;

use super::story::{a_day_later, at, hour, world};
use super::*;

/// A reading by a clock that is so many hours beside the one of the other tests.
async fn read_by(config: &Config, cursor: Option<&str>, hours: i64) -> Done {
    read_within(config, cursor, Range::default(), Limits::default(), hour(400 + hours)).await
}

#[tokio::test]
async fn what_our_clock_shows_does_not_matter() {
    let stage = stage(world()).await;
    let first = read(&config(&stage), None).await.whole();
    a_day_later(&mut stage.world.lock().expect("nobody panics"));
    let second = read(&config(&stage), first.cursor.as_deref()).await.whole();
    let expected = (tables(&[&first, &second]), second.coverage());
    for hours in [-390, -24, 24, 9000] {
        let stage = super::stage(world()).await;
        let first = read_by(&config(&stage), None, hours).await.whole();
        a_day_later(&mut stage.world.lock().expect("nobody panics"));
        // The clock was set right in between, or went wrong the other way.
        let second = read_by(&config(&stage), first.cursor.as_deref(), -hours).await.whole();
        assert_eq!((tables(&[&first, &second]), second.coverage()), expected, "{hours} hours beside");
    }
}

#[tokio::test]
async fn the_range_that_was_read_ends_when_the_server_answered() {
    let stage = stage(world()).await;
    for hours in [-390, 0, 9000] {
        let done = read_by(&config(&stage), None, hours).await.whole();
        let ends: std::collections::BTreeSet<_> = done.coverage().into_iter().map(|row| row.range_end_at).collect();
        assert_eq!(ends.into_iter().collect::<Vec<_>>(), [Some(at(270))], "by the server's `Date`");
    }
}

#[tokio::test]
async fn a_reset_is_awaited_by_the_server_s_own_clock() {
    for hours in [-9000, 9000] {
        let between: Box<Between> = Box::new(|number, _, world| {
            let reset = (world.now + 45).to_string();
            (number == 3).then(|| {
                Reply::status(403, r#"{"message":"API rate limit exceeded"}"#)
                    .with("x-ratelimit-remaining", "0")
                    .with("x-ratelimit-reset", reset)
                    .with("date", "Fri, 16 Jan 2026 06:00:00 GMT")
            })
        });
        let stage = stage_behind(world(), between).await;
        assert_eq!(stage.world.lock().expect("nobody panics").now, hour(270), "which is that date");
        let done = read_by(&config(&stage), None, hours).await.whole();
        assert_eq!(done.waits.waits(), [Duration::from_secs(46)], "our clock is {hours} hours beside");
    }
}

#[tokio::test]
async fn what_is_dated_after_the_present_is_kept_as_it_is() {
    let mut later = world();
    let ada = super::story::person("ada");
    let repo = &mut later.repos[0];
    // A machine whose clock is a year ahead.
    repo.commit("ahead", &["s6"], &ada, (hour(9000), hour(9000)), "From tomorrow");
    repo.head = Some(super::fake::sha("ahead"));
    let stage = stage(later).await;
    let first = read(&config(&stage), None).await.whole();
    let row =
        |done: &Done| done.rows::<changes::Row>().into_iter().find(|row| row.change_id == super::fake::sha("ahead"));
    assert_eq!(row(&first).and_then(|row| row.merged_at), Some(at(9000)), "neither dropped nor cut");
    // It moves no watermark: what comes at the present time is still found.
    {
        let mut world = stage.world.lock().expect("nobody panics");
        world.now = hour(294);
        let repo = &mut world.repos[0];
        repo.commit("usual", &["ahead"], &ada, (hour(290), hour(290)), "As usual");
        repo.head = Some(super::fake::sha("usual"));
    }
    let second = read(&config(&stage), first.cursor.as_deref()).await.whole();
    assert!(second.rows::<changes::Row>().iter().any(|row| row.change_id == super::fake::sha("usual")));
    assert!(second.coverage().iter().all(|row| row.range_end_at <= Some(at(294))));
}
