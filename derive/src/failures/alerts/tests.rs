use lake::Instant;
use lake::tables::alerts;
use proptest::prelude::*;

use super::clearings;
use crate::Plan;

fn minute(minute: i64) -> Instant {
    Instant::from_seconds(minute * 60)
}

/// `started ended [end basis] [environment]`, in minutes; `-` where the end is not known.
fn firing(line: &str) -> alerts::Row {
    let words: Vec<&str> = line.split_whitespace().collect();
    alerts::Row {
        alert_id: line.into(),
        name: "Slow".into(),
        service: Some("api".into()),
        environment: words.get(3).map(|name| (*name).to_owned()),
        severity: None,
        labels: vec![],
        pending_at: None,
        started_at: minute(words[0].parse().expect("a minute")),
        ended_at: words[1].parse().ok().map(minute),
        start_error_seconds: 0.0,
        end_error_seconds: None,
        end_basis: words.get(2).copied().unwrap_or("resolved").into(),
        witness: "samples".into(),
        merged_count: 1,
        updated_at: None,
    }
}

/// Start and clearing of each interval, as of the minute 1,000.
fn cleared(lines: &[&str]) -> Vec<(i64, Option<i64>)> {
    let mut rows: Vec<_> = lines.iter().map(|line| firing(line)).collect();
    let found = clearings(&rows, &Plan::default(), minute(1_000));
    rows.reverse();
    assert_eq!(clearings(&rows, &Plan::default(), minute(1_000)), found);
    let minutes = |at: Instant| at.0 / 60 / Instant::MICROS;
    found.iter().map(|one| (minutes(one.started_at), one.cleared_at.map(minutes))).collect()
}

#[test]
fn flapping_within_ten_minutes_is_one_alert() {
    assert_eq!(cleared(&["0 5", "14 20", "29 30", "40 50"]), [(0, Some(30)), (40, Some(50))]);
}

#[test]
fn every_alert_of_the_service_has_to_be_clear() {
    assert_eq!(cleared(&["0 100", "5 20", "90 95"]), [(0, Some(100))]);
}

#[test]
fn what_still_fires_or_was_last_seen_firing_is_not_clear() {
    assert_eq!(cleared(&["0 - firing", "500 510"]), [(0, None)]);
    assert_eq!(cleared(&["0 20 uncertain", "500 510"]), [(0, None), (500, Some(510))]);
    assert_eq!(cleared(&["0 - uncertain", "500 510"]), [(0, None), (500, Some(510))]);
    assert_eq!(cleared(&["980 991"]), [(980, None)], "not ten minutes yet");
    assert_eq!(cleared(&["980 1005"]), [(980, None)], "it ends after the as-of time");
    assert_eq!(cleared(&["1005 1006"]), []);
}

#[test]
fn alerts_outside_of_production_say_nothing_of_it() {
    assert_eq!(cleared(&["0 5 resolved staging", "20 25 resolved Production"]), [(20, Some(25))]);
}

proptest! {
    /// Minute by minute: an interval ends where no alert fired for the ten minutes after it.
    #[test]
    fn clearings_equal_brute_force(firings in prop::collection::vec((0i64..200, 1i64..30), 1..8)) {
        let lines: Vec<String> = firings.iter().map(|(start, length)| format!("{start} {}", start + length)).collect();
        let found = cleared(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let fires = |minute: i64| firings.iter().any(|(start, length)| (*start..start + length).contains(&minute));
        let mut expected = Vec::new();
        let mut minute = 0;
        while minute < 300 {
            if fires(minute) {
                let start = minute;
                while (minute..minute + 10).any(fires) {
                    minute += 1;
                }
                expected.push((start, Some(minute)));
            } else {
                minute += 1;
            }
        }
        prop_assert_eq!(found, expected);
    }
}
