use lake::Instant;
use lake::tables::incidents;

use super::reopened;
use crate::testing;

fn minute(minute: i64) -> Instant {
    Instant::from_seconds(minute * 60)
}

/// `id opened resolved [reopens]`, in minutes; `-` where it is open.
fn record(line: &str) -> incidents::Row {
    let words: Vec<&str> = line.split_whitespace().collect();
    incidents::Row {
        opened_at: minute(words[1].parse().expect("a minute")),
        resolved_at: words[2].parse().ok().map(minute),
        reopens_incident_id: words.get(3).map(|id| (*id).to_owned()),
        ..testing::incident(words[0], 0)
    }
}

/// Id, start and end of what is left, whichever order the records come in.
#[track_caller]
fn check(lines: &[&str], expected: &[(&str, i64, Option<i64>)]) {
    let mut records: Vec<_> = lines.iter().map(|line| record(line)).collect();
    for _ in 0..2 {
        let kept = reopened(records.clone());
        let kept: Vec<_> = kept.iter().map(|one| (&*one.incident_id, one.opened_at, one.resolved_at)).collect();
        let expected: Vec<_> = expected.iter().map(|(id, start, end)| (*id, minute(*start), end.map(minute))).collect();
        assert_eq!(kept, expected);
        records.reverse();
    }
}

#[test]
fn an_incident_reopened_within_an_hour_is_the_same_one() {
    check(&["i1 0 30", "i1b 89 120 i1"], &[("i1", 0, Some(120))]);
    check(&["i1 0 30", "i1b 90 - i1"], &[("i1", 0, None)]);
}

#[test]
fn an_incident_reopened_later_is_a_new_one() {
    check(&["i1 0 30", "i1b 91 120 i1"], &[("i1", 0, Some(30)), ("i1b", 91, Some(120))]);
}

#[test]
fn reopening_goes_on_in_a_chain() {
    check(
        &["i1 0 30", "i2 60 90 i1", "i3 140 200 i2", "i4 300 310 i3"],
        &[("i1", 0, Some(200)), ("i4", 300, Some(310))],
    );
}

#[test]
fn what_names_an_incident_of_another_service_or_none_continues_nothing() {
    let other = incidents::Row { service: Some("web".into()), ..record("i2 40 50 i1") };
    assert_eq!(reopened(vec![record("i1 0 30"), other, record("i3 35 36 gone")]).len(), 3);
}

#[test]
fn what_was_mitigated_before_it_came_back_was_not_mitigated() {
    let first = incidents::Row { mitigated_at: Some(minute(10)), ..record("i1 0 30") };
    let kept = reopened(vec![first, record("i1b 40 50 i1")]);
    assert_eq!((kept[0].mitigated_at, kept[0].resolved_at), (None, Some(minute(50))));
}
