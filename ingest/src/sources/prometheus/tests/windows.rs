//! Cutting time: nothing is asked twice, nothing is left out.

use lake::Instant;
use proptest::prelude::*;

use super::support::at;
use crate::sources::prometheus::evaluations::duration;
use crate::sources::prometheus::selectors::{Selectors, quoted};
use crate::sources::prometheus::windows::{Grid, SECOND, STEPS, Window, seconds};

#[test]
fn a_window_is_asked_for_one_millisecond_before_its_end() {
    let window = Window::new(at(0), at(21_600));
    assert_eq!(window.as_selector(), ("[21600000ms]".to_owned(), "1767592799.999".to_owned()));
    assert_eq!(seconds(Instant(-1_500_000)), "-2.500");
    assert_eq!(seconds(Instant(1_500_000)), "1.500");
}

#[test]
fn eleven_thousand_steps_are_one_question() {
    let grid = |count: i64| Grid::within(Window::new(at(0), Instant(at(0).0 + count * SECOND)), SECOND).expect("points");
    assert_eq!(grid(11_001).chunks(STEPS).len(), 1);
    assert_eq!(grid(11_002).chunks(STEPS).len(), 2);
}

#[test]
fn durations_are_those_of_prometheus() {
    let day = 86_400 * SECOND;
    let cases = [
        ("15d", Some(15 * day)),
        ("1h30m", Some(5400 * SECOND)),
        ("15d or 10GiB", Some(15 * day)),
        ("1y2w", Some(379 * day)),
        ("250ms", Some(SECOND / 4)),
        ("0s", None),
        ("", None),
        ("10GiB", None),
        ("d", None),
        ("99999999999999999999d", None),
        ("9999999999999999d", None),
    ];
    for (text, expected) in cases {
        assert_eq!(duration(text), expected, "{text}");
    }
}

#[test]
fn selectors_are_quoted() {
    let selectors = Selectors::new(&["severity=\"page\"".to_owned()]);
    assert_eq!(selectors.firing(), r#"ALERTS{alertstate="firing",severity="page"}"#);
    assert_eq!(selectors.active_since(), r#"ALERTS_FOR_STATE{severity="page"}"#);
    let named = selectors.named(&["A.b".to_owned(), "C\"d".to_owned()].into());
    assert_eq!(named.active_since(), r#"ALERTS_FOR_STATE{severity="page",alertname=~"A\\.b|C\"d"}"#);
    assert_eq!(quoted("a\nb\\"), r#""a\nb\\""#);
}

proptest! {
    #[test]
    fn tiles_cover_a_window_once(start in 0_i64..100_000, length in 1_i64..400_000, tile in 60_i64..30_000) {
        let window = Window::new(at(start), at(start + length));
        let tiles = window.tiles(tile * SECOND);
        prop_assert_eq!(tiles[0].start, window.start);
        prop_assert_eq!(tiles[tiles.len() - 1].end, window.end);
        for pair in tiles.windows(2) {
            prop_assert_eq!(pair[0].end, pair[1].start);
        }
        prop_assert!(tiles.iter().all(|piece| piece.length() > 0 && piece.length() <= tile * SECOND));
        // Where a reading began does not change where later windows are cut.
        prop_assert!(tiles[1..].iter().all(|piece| piece.start.0 % (tile * SECOND) == 0));
    }

    #[test]
    fn chunks_hold_every_point_of_the_grid_once(start in -5_000_i64..100_000, length in 0_i64..200_000, step in 1_i64..900) {
        let window = Window::new(at(start), at(start + length));
        let expected: Vec<i64> = (window.start.0..window.end.0).step_by(1_000_000).filter(|at| at % (step * SECOND) == 0).collect();
        let mut points = Vec::new();
        for chunk in Grid::within(window, step * SECOND).map(|grid| grid.chunks(500)).unwrap_or_default() {
            prop_assert!((chunk.last.0 - chunk.first.0) / chunk.step <= 500);
            points.extend((chunk.first.0..=chunk.last.0).step_by(usize::try_from(chunk.step).expect("positive")));
        }
        prop_assert_eq!(points, expected);
    }

    #[test]
    fn halves_are_the_whole(start in 0_i64..100_000, length in 1_i64..400_000, smallest in 1_i64..5000) {
        let window = Window::new(at(start), at(start + length));
        match window.halves(smallest * SECOND) {
            Some((left, right)) => {
                prop_assert_eq!((left.start, left.end, right.end), (window.start, right.start, window.end));
                prop_assert!(left.length() >= smallest * SECOND && right.length() >= smallest * SECOND);
            }
            None => prop_assert!(length < 2 * smallest + 2),
        }
    }
}
