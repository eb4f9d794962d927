use chrono_tz::Tz;
use lake::Instant;
use proptest::prelude::*;

use super::{Window, cut};
use crate::Calendar;

fn window(start: &str, end: &str) -> Window {
    let at = |text| Instant::parse(text).expect("a literal instant");
    Window { start: at(start), end: at(end) }
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
    fn windows_tile_the_period(start in 0i64..4_000_000_000, length in 1i64..200_000_000, zone in 0usize..4, kind in 0usize..3) {
        let zone = [Tz::UTC, Tz::Europe__Berlin, Tz::America__New_York, Tz::Australia__Lord_Howe][zone];
        let calendar = [Calendar::Week, Calendar::Month, Calendar::Quarter][kind];
        let period = Window { start: Instant::from_seconds(start), end: Instant::from_seconds(start + length) };
        let windows = cut(period, calendar, zone);
        prop_assert_eq!(windows.first().map(|window| window.start), Some(period.start));
        prop_assert_eq!(windows.last().map(|window| window.end), Some(period.end));
        for pair in windows.windows(2) {
            prop_assert_eq!(pair[0].end, pair[1].start);
        }
    }
}
