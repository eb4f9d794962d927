use chrono::{DateTime, Utc};
use chrono_tz::Europe::Berlin;
use insta::assert_snapshot;

use super::*;

fn all(values: &[f64], write: impl Fn(f64) -> String) -> String {
    values.iter().map(|&value| write(value)).collect::<Vec<_>>().join(" | ")
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("the test gives an instant")
}

#[test]
fn a_length_of_time_has_about_two_parts() {
    let values = [0.0, 0.25, 4.54, 9.96, 45.0, 59.7, 60.0, 200.0, 599.0, 1200.0, 3590.0, 3600.0, 12_000.0];
    assert_snapshot!(
        all(&values, duration),
        @"0 s | 0.25 s | 4.5 s | 10 s | 45 s | 1 min | 1 min | 3 min 20 s | 10 min | 20 min | 1 h | 1 h | 3 h 20 min"
    );
    let days = [86_380.0, 86_400.0, 207_360.0, 860_000.0, 1_036_800.0, 1e9, 1e15, -12_000.0];
    assert_snapshot!(all(&days, duration), @"1 d | 1 d | 2.4 d | 10 d | 12 d | 11,574 d | 1.16e10 d | −3 h 20 min");
}

#[test]
fn a_percentage_is_not_rounded_to_certainty() {
    let values = [0.0, 0.000_01, 0.0032, 0.032, 0.1442, 0.5, 0.9962, 0.999_97, 0.999_999, 1.0, 1.5, -0.032, -1e-6];
    assert_snapshot!(
        all(&values, percent),
        @"0 % | < 0.01 % | 0.32 % | 3.2 % | 14 % | 50 % | 99.62 % | > 99.99 % | > 99.99 % | 100 % | 150 % | −3.2 % | > −0.01 %"
    );
}

#[test]
fn a_difference_shows_its_sign() {
    assert_snapshot!(all(&[0.032, -0.2, 0.0, -0.000_01], points), @"+3.2 points | −20 points | 0 points | 0 points");
}

#[test]
fn a_number_keeps_three_digits() {
    let values = [0.0, 1.0, -2.5, 0.123_45, 12.345, 999.6, 12_345.6, 1_234_567.0, 1e300, 1e-300, -0.0];
    assert_snapshot!(
        all(&values, number),
        @"0 | 1 | −2.5 | 0.123 | 12.3 | 1,000 | 12,346 | 1.23e6 | 1e300 | 1e-300 | 0"
    );
    assert_snapshot!(significant(1_000_005.0, 7), @"1,000,005");
    assert_snapshot!(count(1_234_567), @"1,234,567");
    assert_snapshot!(count(u64::MAX), @"18,446,744,073,709,551,615");
}

#[test]
fn a_rate_and_its_interval_share_a_unit() {
    let unit = RateUnit::suiting(0.5);
    assert_snapshot!(rate(0.5, unit), @"3.5 per week");
    assert_snapshot!(interval(Some(0.1), Some(1.2), |end| rate(end, unit)).unwrap_or_default(), @"0.7 per week to 8.4 per week");
    assert_snapshot!(all(&[3.24, 0.02], |value| rate(value, RateUnit::suiting(value))), @"3.2 per day | 0.6 per 30 days");
}

#[test]
fn an_open_interval_says_which_end_is_known() {
    assert_eq!(interval(Some(3600.0), None, duration).as_deref(), Some("at least 1 h"));
    assert_eq!(interval(None, Some(3600.0), duration).as_deref(), Some("at most 1 h"));
    assert_eq!(interval(None, None, duration), None);
    assert_eq!(not_reached(259_200.0, duration), "> 3 d");
}

#[test]
fn nothing_is_no_data_and_never_zero() {
    assert_eq!(or_no_data(None, duration), NO_DATA);
    for write in [number, duration, percent, points, change, probability] {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(write(value), NO_DATA);
        }
    }
    assert_eq!(rate(f64::NAN, RateUnit::Day), NO_DATA);
}

#[test]
fn dates_are_those_of_the_zone() {
    let evening = at("2026-03-01T23:00:00Z");
    assert_eq!(date(evening, Berlin), "2026-03-02");
    assert_eq!(date_time(evening, Berlin), "2026-03-02 00:00 CET");
    assert_eq!(window(evening, at("2026-05-31T22:00:00Z"), Berlin), "[2026-03-02, 2026-06-01) Europe/Berlin");
    assert_eq!(
        window(evening, at("2026-05-31T23:00:00Z"), Berlin),
        "[2026-03-02 00:00, 2026-06-01 01:00) Europe/Berlin"
    );
    assert_eq!(point_in_time(i64::MAX, Berlin), NO_DATA);
}

#[test]
fn a_ratio_is_written_as_the_change_it_is() {
    let written: Vec<String> =
        [0.0, 0.182, -0.182, 1e-6, -1e-6, 2.0_f64.ln(), -3.0, 5.0, 5.1, -700.0].into_iter().map(change).collect();
    assert_eq!(
        written.join(" | "),
        "0 % | +20 % | \u{2212}17 % | < +0.01 % | > \u{2212}0.01 % | +100 % | \u{2212}95 % | +14,741 % | log +5.1 | \
         log \u{2212}700"
    );
}

#[test]
fn a_probability_is_never_a_false_zero() {
    let written: Vec<String> = [0.0, 0.00009, 0.0375, 1.0].into_iter().map(probability).collect();
    assert_eq!(written.join(" "), "< 0.0001 < 0.0001 0.0375 1.0000");
}
