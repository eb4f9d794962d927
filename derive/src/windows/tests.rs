use chrono_tz::Tz;
use lake::Instant;
use proptest::prelude::*;

use super::{Window, cut, is_whole};
use crate::{Calendar, Train};

fn window(start: &str, end: &str) -> Window {
    let at = |text| Instant::parse(text).expect("a literal instant");
    Window { start: at(start), end: at(end) }
}

fn train(anchor: &str, days: u32) -> Calendar {
    Calendar::Train(Train { anchor: anchor.parse().expect("a literal day"), days })
}

#[test]
fn trains_run_in_both_directions_from_their_anchor() {
    let period = window("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    let starts = |anchor: &str| -> Vec<String> {
        cut(period, train(anchor, 10), Tz::UTC).iter().map(|window| window.start.to_string()).collect()
    };
    let expected = ["2026-01-01", "2026-01-04", "2026-01-14", "2026-01-24"].map(|day| format!("{day}T00:00:00Z"));
    assert_eq!(starts("2026-01-14"), expected);
    assert_eq!(starts("2025-12-05"), expected);
    assert_eq!(starts("2026-03-15"), expected);
}

#[test]
fn a_train_over_a_clock_change_is_an_hour_shorter() {
    let trains =
        cut(window("2026-03-15T23:00:00Z", "2026-04-12T22:00:00Z"), train("2026-03-16", 14), Tz::Europe__Berlin);
    let hours: Vec<f64> = trains.iter().map(|train| (train.days() * 24.0).round()).collect();
    assert_eq!(hours, [335.0, 336.0]);
}

#[test]
fn a_week_is_whole_only_from_midnight_to_midnight() {
    let berlin = |start, end| is_whole(window(start, end), Calendar::Week, Tz::Europe__Berlin);
    assert!(berlin("2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z"));
    assert!(!berlin("2026-03-23T00:00:00Z", "2026-03-29T22:00:00Z"));
    assert!(!berlin("2026-03-22T23:00:00Z", "2026-03-29T21:59:59Z"));
    assert!(!berlin("2026-03-23T23:00:00Z", "2026-03-30T22:00:00Z"));
}

#[test]
fn weeks_start_on_monday_and_are_cut_to_the_period() {
    let weeks = cut(window("2026-01-07T12:00:00Z", "2026-01-20T00:00:00Z"), Calendar::Week, Tz::UTC);
    let starts: Vec<String> = weeks.iter().map(|week| week.start.to_string()).collect();
    assert_eq!(starts, ["2026-01-07T12:00:00Z", "2026-01-12T00:00:00Z", "2026-01-19T00:00:00Z"]);
    assert!((weeks[1].days() - 7.0).abs() < 1e-12);
}

#[test]
fn a_week_with_a_clock_change_has_another_length() {
    let spring = cut(window("2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z"), Calendar::Week, Tz::Europe__Berlin);
    assert_eq!(spring.len(), 1);
    assert!((spring[0].days() * 24.0 - 167.0).abs() < 1e-9, "{spring:?}");
    let autumn = cut(window("2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z"), Calendar::Week, Tz::Europe__Berlin);
    assert!((autumn[0].days() * 24.0 - 169.0).abs() < 1e-9, "{autumn:?}");
}

#[test]
fn a_zone_that_skips_midnight_has_a_first_instant_all_the_same() {
    // Santiago put its clocks forward at midnight on 2022-09-11.
    let days = cut(window("2022-09-01T00:00:00Z", "2022-10-01T00:00:00Z"), Calendar::Week, Tz::America__Santiago);
    assert!(days.windows(2).all(|pair| pair[0].end == pair[1].start));
}

proptest! {
    #[test]
    fn windows_tile_the_period(start in 0i64..4_000_000_000, length in 1i64..200_000_000, zone in 0usize..4, kind in 0usize..4, days in 0u32..40) {
        let zone = [Tz::UTC, Tz::Europe__Berlin, Tz::America__New_York, Tz::Australia__Lord_Howe][zone];
        let calendar = [Calendar::Week, Calendar::Month, Calendar::Quarter, train("2011-05-18", days)][kind];
        let period = Window { start: Instant::from_seconds(start), end: Instant::from_seconds(start + length) };
        let windows = cut(period, calendar, zone);
        prop_assert_eq!(windows.first().map(|window| window.start), Some(period.start));
        prop_assert_eq!(windows.last().map(|window| window.end), Some(period.end));
        for pair in windows.windows(2) {
            prop_assert_eq!(pair[0].end, pair[1].start);
        }
        // Only the period itself cuts a window short.
        let inner = windows.len().saturating_sub(2);
        prop_assert!(windows.iter().skip(1).take(inner).all(|window| is_whole(*window, calendar, zone)));
    }
}
