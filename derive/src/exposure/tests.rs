use lake::{Instant, tables::coverage};

use super::Exposure;
use crate::windows::Window;

fn row(service: Option<&str>, days: (i64, i64), is_complete: bool) -> coverage::Row {
    let at = |day: i64| Some(Instant::from_seconds(day * 86_400));
    coverage::Row {
        stream: "s".into(),
        covers: "deployments".into(),
        repository: None,
        service: service.map(str::to_owned),
        range_start_at: at(days.0),
        range_end_at: at(days.1),
        is_complete,
        reason: (!is_complete).then(|| "a hole".into()),
        missing_count: None,
    }
}

fn week() -> Window {
    Window { start: Instant::from_seconds(0), end: Instant::from_seconds(7 * 86_400) }
}

#[track_caller]
fn check(rows: &[coverage::Row], exposed: f64, whole: f64) {
    let ranges = Exposure::new(rows, Instant::from_seconds(100 * 86_400)).of("deployments", "api");
    assert!((ranges.exposed_days(week()) - exposed).abs() < 1e-9, "{ranges:?}");
    assert!((ranges.whole_days(week()) - whole).abs() < 1e-9, "{ranges:?}");
}

#[test]
fn overlapping_readings_count_once() {
    check(&[row(None, (0, 4), true), row(None, (2, 6), true)], 6.0, 6.0);
}

#[test]
fn a_stated_hole_is_taken_out_of_the_exposure() {
    check(&[row(None, (0, 7), true), row(None, (2, 3), false)], 6.0, 6.0);
}

#[test]
fn where_nothing_was_read_whole_what_was_read_is_the_exposure() {
    check(&[row(None, (3, 7), false)], 4.0, 0.0);
}

#[test]
fn nothing_read_is_nothing_known() {
    check(&[], 0.0, 0.0);
    check(&[row(Some("web"), (0, 7), true)], 0.0, 0.0);
}

#[test]
fn a_services_own_range_adds_to_that_of_all() {
    check(&[row(None, (0, 2), true), row(Some("api"), (2, 5), true)], 5.0, 5.0);
}
