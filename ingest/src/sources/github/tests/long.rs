//! Histories of many pages: what is held of them, and that the tables do not depend on it.

use super::super::commits::Piece;
use super::super::mainline::Mainline;
use super::fake::{Pull, World, sha};
use super::story::{hour, person, world};
use super::*;

/// Little is held at once: the branch is cut, and most pull requests are forgotten.
const SMALL: Limits = Limits { commits: 60, merged: 5 };

async fn read_small(config: &Config, cursor: Option<&str>) -> Done {
    read_within(config, cursor, Range::default(), SMALL, hour(400)).await
}

/// A branch of more than two hundred commits: most were pushed, some came by pull requests that were merged, squashed and rebased, and
/// some with a branch that nobody asked for.
fn long() -> World {
    let mut world = world();
    let repo = &mut world.repos[0];
    repo.deployments.clear();
    let (ada, grace) = (person("ada"), person("grace"));
    let mut head = "s6".to_owned();
    for step in 0..160_i64 {
        let at = hour(62) + step * 600;
        let own = format!("own {step}");
        let name = format!("main {step}");
        match step % 10 {
            0 => {
                // A pull request that is merged, with two commits of its own.
                let other = format!("other {step}");
                repo.commit(&own, &[&head], &grace, (at - 300, at - 300), "Half");
                repo.commit(&other, &[&own], &grace, (at - 200, at - 200), "And half");
                let number = 100 + step.unsigned_abs();
                let message = format!("Merge pull request #{number} from acme/x");
                repo.commit(&name, &[&head, &other], &ada, (at, at), &message);
                repo.pulls.push(merged(number, at, &name, &[&own, &other]));
            }
            3 => {
                // One that is rebased: two commits are written again.
                let (other, first) = (format!("other {step}"), format!("first {step}"));
                repo.commit(&own, &["root"], &grace, (at - 300, at - 300), &format!("One of {step}"));
                repo.commit(&other, &[&own], &grace, (at - 200, at - 200), &format!("Two of {step}"));
                repo.commit(&first, &[&head], &grace, (at - 300, at), &format!("One of {step}"));
                repo.commit(&name, &[&first], &grace, (at - 200, at), &format!("Two of {step}"));
                repo.pulls.push(merged(100 + step.unsigned_abs(), at, &name, &[&own, &other]));
            }
            6 => {
                // A branch that came without a pull request.
                repo.commit(&own, &[&head], &grace, (at - 200, at - 200), "Beside");
                repo.commit(&name, &[&head, &own], &ada, (at, at), "Merge branch 'beside'");
            }
            _ => repo.commit(&name, &[&head], &ada, (at, at), &format!("Step {step}")),
        }
        head = name;
    }
    repo.head = Some(sha(&head));
    world
}

fn merged(number: u64, at: i64, carrier: &str, commits: &[&str]) -> Pull {
    Pull {
        number,
        title: format!("Change {number}"),
        author: Some(person("grace")),
        base: "main".to_owned(),
        created: at - 100,
        updated: at,
        closed: Some(at),
        merged: Some(at),
        merge_commit: Some(sha(carrier)),
        commits: commits.iter().map(|name| sha(name)).collect(),
        ..Pull::default()
    }
}

/// GitHub knows the commits that a rebase wrote, too.
fn knowing(asked: &Asked, world: &World) -> Option<Reply> {
    let path = asked.path();
    let of = path.strip_suffix("/pulls")?.rsplit('/').next()?.to_owned();
    let of_step = || (0..160).find(|step| sha(&format!("first {step}")) == of).map(|step| format!("main {step}"));
    let carrier = if of == sha("R1") { sha("R2") } else { sha(&of_step()?) };
    let by_carrier = Asked { line: asked.line.replace(&of, &carrier), ..asked.clone() };
    Some(of_world(world, &by_carrier))
}

async fn long_stage() -> Stage {
    stage_behind(long(), Box::new(|_, asked, world| knowing(asked, world))).await
}

#[tokio::test]
async fn a_long_branch_is_read_in_pieces_and_gives_the_same_tables() {
    let stage = long_stage().await;
    let whole = read(&config(&stage), None).await.whole();
    let before = stage.server.asked().len();
    let cut = read_small(&config(&stage), None).await.whole();
    assert_eq!(tables(&[&cut]), tables(&[&whole]));
    assert_eq!(cut.coverage(), whole.coverage());
    let asked = stage.server.asked();
    let pieces: std::collections::BTreeSet<&str> =
        asked[before..].iter().map(Asked::path).filter(|path| path.contains("/compare/")).collect();
    assert!(pieces.len() >= 3, "it is cut: {pieces:?}");
    let by_rest = read_small(&Config { graphql: false, ..config(&stage) }, None).await.whole();
    assert_eq!(tables(&[&by_rest]), tables(&[&whole]));
}

#[tokio::test]
async fn a_branch_without_a_beginning_in_the_span_is_cut_from_its_head() {
    let stage = long_stage().await;
    let from_the_root = Config { since: Some(Instant::from_seconds(hour(-2000))), ..config(&stage) };
    let whole = read(&from_the_root, None).await.whole();
    let cut = read_small(&from_the_root, None).await.whole();
    assert_eq!(tables(&[&cut]), tables(&[&whole]));
}

#[tokio::test]
async fn a_long_reading_is_taken_up_page_by_page_wherever_it_was_broken_off() {
    let stage = long_stage().await;
    let expected = tables(&[&read(&config(&stage), None).await.whole()]);
    let before = stage.server.asked().len();
    read_small(&config(&stage), None).await.whole();
    let count = stage.server.asked().len() - before;
    for last in (1..count).step_by(13) {
        let between: Box<Between> = Box::new(move |number, asked, world| {
            let refused = || Reply::status(401, r#"{"message":"Bad credentials"}"#);
            (number >= last).then(refused).or_else(|| knowing(asked, world))
        });
        let broken_stage = stage_behind(long(), between).await;
        let broken = read_small(&config(&broken_stage), None).await;
        assert!(broken.error.is_some(), "{last} of {count}");
        let healthy = long_stage().await;
        let rest = read_small(&config(&healthy), broken.cursor.as_deref()).await.whole();
        assert_eq!(tables(&[&broken, &rest]), expected, "broken off after {last} of {count} requests");
        assert!(rest.coverage().iter().all(|row| row.is_complete), "broken off after {last} of {count} requests");
    }
}

#[tokio::test]
async fn pages_of_a_long_branch_that_were_read_are_not_read_again() {
    let comparisons = Mutex::new(0);
    let between: Box<Between> = Box::new(move |_, asked, world| {
        let mut comparisons = comparisons.lock().expect("nobody panics");
        *comparisons += usize::from(asked.path().contains("/compare/"));
        // The first tells how many there are, the second is the newest page.
        (*comparisons > 2)
            .then(|| Reply::status(401, r#"{"message":"Bad credentials"}"#))
            .or_else(|| knowing(asked, world))
    });
    let broken_stage = stage_behind(long(), between).await;
    let broken = read_small(&config(&broken_stage), None).await;
    assert!(broken.error.is_some());
    let ledger = Ledger::from_cursor(broken.cursor.as_deref()).expect("our own cursor");
    let resume = ledger.get("acme/api commits").and_then(|entry| entry.resume.clone()).expect("it is on its way");
    let next = resume["next"].as_str().expect("a page is left").to_owned();
    let healthy = long_stage().await;
    read_small(&config(&healthy), broken.cursor.as_deref()).await.whole();
    let asked = healthy.server.asked();
    let first = asked.iter().find(|asked| asked.path().contains("/compare/")).expect("it goes on");
    let target = first.line.trim_start_matches("GET ");
    assert!(next.ends_with(target), "{next} and {target}");
}

/// Mainlines are cut at commits of the branch alone, whatever the clocks say.
#[test]
fn pieces_end_at_commits_of_the_branch() {
    let mut held = super::pure::history(80);
    held.reverse();
    let mut mainline = Mainline::new("c79");
    for facts in &held {
        mainline.pass(facts, 10);
    }
    let cuts: Vec<&str> = mainline.cuts().collect();
    assert!(cuts.len() >= 6, "{cuts:?}");
    let numbers: Vec<u32> = cuts.iter().map(|cut| cut.trim_start_matches('c').parse().expect("a number")).collect();
    assert!(numbers.is_sorted() && numbers.iter().all(|number| number % 2 == 1), "beside the branch: {numbers:?}");
    assert_eq!(mainline.next(), Some("before"));
    let piece = Piece { start: None, end: "c79".to_owned(), ..Piece::default() };
    assert_eq!(serde_json::from_value::<Piece>(serde_json::to_value(&piece).expect("JSON")).expect("it"), piece);
}
