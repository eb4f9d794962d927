//! Intervals, by literal tables: each case is a short story in seconds.

use super::support::at;
use crate::sources::prometheus::intervals::{End, Interval, Keep, Looked, Pace, intervals};
use crate::sources::prometheus::presence::Presence;
use crate::sources::prometheus::timeline::{Published, Run, Series, Track, Witness};
use crate::sources::prometheus::windows::{SECOND, Window};

const PACE: Pace = Pace {
    evaluation: 15 * SECOND,
    hold: Some(30 * SECOND),
    keep: Keep::For(0),
    step: None,
    flapping: 600 * SECOND,
};
const BUCKET: i64 = 60 * SECOND;

fn run(first: i64, last: i64, active_at: Option<i64>) -> Run {
    Run { first: at(first), last: at(last), active_at: active_at.map(at) }
}

fn track(series: &[(&str, Witness, &[Run])]) -> Track {
    let series = series.iter().map(|(name, witness, runs)| {
        ((*name).to_owned(), Series { witness: *witness, runs: runs.to_vec() })
    });
    Track { series: series.collect(), ..Track::default() }
}

fn sampled(runs: &[Run]) -> Track {
    track(&[("a", Witness::Samples, runs)])
}

/// The server was looked at over a day and was down in these ranges of seconds, which are whole minutes.
fn down(ranges: &[(i64, i64)]) -> Presence {
    let mut presence = Presence::new(BUCKET);
    let ends = (1..=1440).map(|minute| minute * 60);
    let alive = ends.filter(|end| !ranges.iter().any(|(from, to)| from < end && end <= to));
    presence.look(Window::new(at(0), at(86_400)), alive.map(at).collect::<Vec<_>>());
    presence
}

/// What is found by a reading from 0 to `until`.
fn found(track: &Track, pace: &Pace, until: i64, presence: &Presence) -> Vec<Interval> {
    intervals(track, pace, Looked { range: Window::new(at(0), at(until)), presence })
}

fn told(found: &[Interval]) -> Vec<String> {
    let seconds = |length: i64| length / SECOND;
    let second = super::support::second;
    found
        .iter()
        .map(|interval| {
            let error = interval.start_error.map_or("?".to_owned(), |error| seconds(error).to_string());
            let end = match interval.end {
                End::Over { error } => format!("over±{}", seconds(error)),
                End::Unseen { error } => format!("unseen±{}", seconds(error)),
                End::Firing => "firing".to_owned(),
                End::Unknown => "unknown".to_owned(),
            };
            let hole = if interval.has_hole { " with a hole" } else { "" };
            format!("-{error} {}..{} {end} x{}{hole}", second(interval.start), second(interval.held), interval.firing_count)
        })
        .collect()
}

#[test]
fn one_firing() {
    let track = sampled(&[run(1035, 1590, Some(1005))]);
    assert_eq!(told(&found(&track, &PACE, 86_400, &down(&[]))), ["-15 1035..1590 over±15 x1"]);
    let interval = &found(&track, &PACE, 86_400, &down(&[]))[0];
    assert_eq!(interval.pending_at, Some(at(1005)));
}

#[test]
fn what_reaches_to_the_present_is_open() {
    let track = sampled(&[run(1035, 1590, Some(1005))]);
    for (until, end) in [(1591, "firing"), (1620, "firing"), (1621, "over±15")] {
        assert_eq!(told(&found(&track, &PACE, until, &Presence::new(0))), [format!("-15 1035..1590 {end} x1")]);
    }
}

#[test]
fn firings_close_together_are_one() {
    // 600 s apart are within ten minutes, 601 s are not.
    let near = sampled(&[run(1035, 1500, Some(1005)), run(2100, 2400, Some(2070))]);
    assert_eq!(told(&found(&near, &PACE, 86_400, &down(&[]))), ["-15 1035..2400 over±15 x2"]);
    let far = sampled(&[run(1035, 1500, Some(1005)), run(2101, 2400, Some(2071))]);
    let two = ["-15 1035..1500 over±15 x1", "-15 2101..2400 over±15 x1"];
    assert_eq!(told(&found(&far, &PACE, 86_400, &down(&[]))), two);
    let never = Pace { flapping: 0, ..PACE };
    assert_eq!(found(&near, &never, 86_400, &down(&[])).len(), 2);
}

#[test]
fn another_activation_is_another_firing_however_short_the_pause() {
    // Evaluated every 15 s, resolved and active again in between, without a waiting time.
    let pace = Pace { flapping: 0, ..PACE };
    let mut series = Series { witness: Witness::Samples, runs: Vec::new() };
    for (second, active) in [(1000, 1000), (1015, 1000), (1030, 1020), (1045, 1020)] {
        series.add(run(second, second, Some(active)), pace.reach());
    }
    assert_eq!(series.runs, [run(1000, 1015, Some(1000)), run(1030, 1045, Some(1020))]);
    let track = Track { series: [("a".to_owned(), series)].into(), ..Track::default() };
    assert_eq!(found(&track, &pace, 86_400, &down(&[])).len(), 2);
}

#[test]
fn replicas_and_pods_are_one_alert() {
    // Two replicas evaluate the same rule three seconds apart; one pod hands over to another.
    let track = track(&[
        ("replica a", Witness::Samples, &[run(1035, 1500, Some(1005))]),
        ("replica b", Witness::Samples, &[run(1038, 1503, Some(1008))]),
        ("pod c", Witness::Samples, &[run(1515, 1800, Some(1485))]),
    ]);
    let found = found(&track, &PACE, 86_400, &down(&[]));
    assert_eq!(told(&found), ["-15 1035..1800 over±15 x1"]);
    assert_eq!(found[0].pending_at, Some(at(1005)));
}

#[test]
fn nobody_looked_while_the_server_was_down() {
    // Down for twenty minutes: longer than what is merged as flapping.
    let presence = down(&[(1560, 2760)]);
    let track = sampled(&[run(1035, 1500, Some(1005)), run(2805, 3000, Some(2790))]);
    // A server remembers for an hour since when an alert is active, if that alert waits for ten minutes or longer.
    let waiting = Pace { hold: Some(600 * SECOND), ..PACE };
    assert_eq!(found(&track, &waiting, 86_400, &presence).len(), 2);
    assert_eq!(told(&found(&track, &PACE, 86_400, &presence)), ["-15 1035..3000 over±15 x1 with a hole"]);
    let same = sampled(&[run(1035, 1500, Some(1005)), run(2805, 3000, Some(1005))]);
    assert_eq!(told(&found(&same, &PACE, 86_400, &presence)), ["-15 1035..3000 over±15 x1 with a hole"]);
    let forgotten = sampled(&[run(1035, 1500, None), run(2805, 3000, None)]);
    assert_eq!(told(&found(&forgotten, &PACE, 86_400, &presence)), ["-15 1035..3000 over±15 x1 with a hole"]);
    // The same samples while the server worked are two.
    assert_eq!(found(&forgotten, &PACE, 86_400, &down(&[])).len(), 2);
    // After two hours of darkness it has forgotten, and an activation that looks new need not be.
    let long = sampled(&[run(1035, 1500, Some(1005)), run(9015, 9300, Some(8985))]);
    assert_eq!(told(&found(&long, &waiting, 86_400, &down(&[(1560, 8940)]))), ["-15 1035..9300 over±15 x1 with a hole"]);
}

#[test]
fn an_end_that_nobody_saw_lies_somewhere_in_the_dark() {
    let track = sampled(&[run(1035, 1500, Some(1005))]);
    assert_eq!(told(&found(&track, &PACE, 86_400, &down(&[(1560, 2760)]))), ["-15 1035..1500 unseen±1335 x1"]);
    assert_eq!(told(&found(&track, &PACE, 86_400, &down(&[(1560, 86_400)]))), ["-15 1035..1500 unknown x1"]);
    // Down only long after: somebody saw that it was over.
    assert_eq!(told(&found(&track, &PACE, 86_400, &down(&[(1800, 2760)]))), ["-15 1035..1500 over±15 x1"]);
}

#[test]
fn a_start_after_darkness_may_lie_in_it() {
    let track = sampled(&[run(2805, 3000, Some(2775))]);
    assert_eq!(told(&found(&track, &PACE, 86_400, &down(&[(1560, 2760)]))), ["-1290 2805..3000 over±15 x1"]);
    assert_eq!(told(&found(&track, &PACE, 86_400, &down(&[]))), ["-15 2805..3000 over±15 x1"]);
}

#[test]
fn at_the_edge_of_what_is_kept_the_server_remembers_the_start() {
    // Kept from 3600 s on; the condition holds since 1005 s and the rule waits 30 s.
    let presence = down(&[(0, 3600)]);
    let case = |active, hold| {
        let pace = Pace { hold, ..PACE };
        told(&found(&sampled(&[run(3600, 4000, active)]), &pace, 86_400, &presence)).remove(0)
    };
    assert_eq!(case(Some(1005), Some(30 * SECOND)), "-15 1035..4000 over±15 x1");
    assert_eq!(case(Some(1005), None), "-2595 3600..4000 over±15 x1");
    assert_eq!(case(None, None), "-? 3600..4000 over±15 x1");
    // It began to wait before the edge and to fire just after it.
    assert_eq!(case(Some(3575), Some(30 * SECOND)), "-15 3600..4000 over±15 x1");
    // It began behind the edge.
    assert_eq!(case(Some(3600), Some(0)), "-15 3600..4000 over±15 x1");
}

#[test]
fn alertmanager_makes_a_start_certain_and_no_second_row() {
    let seen = [run(1035, 9000, None)];
    let both = track(&[("a", Witness::Samples, &[run(1035, 1590, Some(1005))]), ("m", Witness::Alertmanager, &seen)]);
    let one = &found(&both, &PACE, 9000, &down(&[]))[0];
    assert_eq!((one.witness, one.last, one.pending_at), (Witness::Samples, at(1590), Some(at(1005))));
    let late = track(&[("a", Witness::RangeQuery, &[run(1050, 8995, None)]), ("m", Witness::Alertmanager, &seen)]);
    let steps = Pace { step: Some(15 * SECOND), ..PACE };
    assert_eq!(told(&found(&late, &steps, 9000, &down(&[]))), ["-15 1035..8995 firing x1"]);
    let alone = track(&[("m", Witness::Alertmanager, &seen)]);
    assert_eq!(told(&found(&alone, &PACE, 9000, &down(&[]))), ["-15 1035..9000 firing x1"]);
    assert_eq!(told(&found(&alone, &PACE, 9060, &down(&[]))), ["-15 1035..9000 unseen±60 x1"]);
}

#[test]
fn a_start_that_was_told_once_stays() {
    let published = Published { first: at(1035), start: at(1035), error: Some(15 * SECOND) };
    let mut earlier = sampled(&[run(1000, 1590, Some(970))]);
    earlier.published = vec![published];
    assert_eq!(told(&found(&earlier, &PACE, 86_400, &down(&[]))), ["-50 1035..1590 over±15 x1"]);
    let mut same = sampled(&[run(1035, 1700, Some(1005))]);
    same.published = vec![published];
    assert_eq!(told(&found(&same, &PACE, 86_400, &down(&[]))), ["-15 1035..1700 over±15 x1"]);
}

#[test]
fn range_queries_have_wider_errors() {
    let pace = Pace { step: Some(60 * SECOND), ..PACE };
    let track = track(&[("a", Witness::RangeQuery, &[run(1035, 1590, None)])]);
    assert_eq!(told(&found(&track, &pace, 86_400, &down(&[]))), ["-75 1035..1590 over±75 x1"]);
}

#[test]
fn what_an_alert_was_only_kept_firing_for_is_no_part_of_it() {
    let kept = |keep| Pace { keep, ..PACE };
    let one = sampled(&[run(1035, 1590, Some(1005))]);
    let of = |track: &Track, keep| told(&found(track, &kept(keep), 86_400, &down(&[])));
    assert_eq!(of(&one, Keep::For(300 * SECOND)), ["-15 1035..1290 over±15 x1"]);
    // Rules of one name differ, or nobody says: then it is no earlier, and the error says how much it may be.
    assert_eq!(of(&one, Keep::AtMost(300 * SECOND)), ["-15 1035..1590 over±300 x1"]);
    assert_eq!(of(&one, Keep::Unknown), ["-15 1035..1590 over±555 x1"]);
    // It held at least when it began to fire.
    assert_eq!(of(&one, Keep::For(3600 * SECOND)), ["-15 1035..1035 over±15 x1"]);
    assert_eq!(of(&one, Keep::AtMost(3600 * SECOND)), ["-15 1035..1590 over±555 x1"]);
    // The last of several firings began anew.
    let flapping = sampled(&[run(1035, 1500, Some(1005)), run(2100, 2400, Some(2070))]);
    assert_eq!(of(&flapping, Keep::Unknown), ["-15 1035..2400 over±300 x2"]);
    // A server that starts again in the middle has forgotten for how long it keeps an alert.
    let through = sampled(&[run(1035, 1575, None), run(1830, 2100, None)]);
    let dark = down(&[(1620, 1800)]);
    assert_eq!(told(&found(&through, &kept(Keep::For(300 * SECOND)), 86_400, &dark)), ["-15 1035..2100 over±300 x1 with a hole"]);
    // One that is firing has no end to take anything off.
    assert_eq!(told(&found(&one, &kept(Keep::For(300 * SECOND)), 1600, &Presence::new(0))), ["-15 1035..1590 firing x1"]);
}

#[test]
fn rules_of_one_name_agree_or_bound_each_other() {
    let (short, long) = (Keep::For(1), Keep::For(2));
    assert_eq!(short.or(short), short);
    assert_eq!(short.or(long), Keep::AtMost(2));
    assert_eq!(short.or(long).or(short), Keep::AtMost(2));
    assert_eq!(long.or(Keep::Unknown), Keep::Unknown);
}
