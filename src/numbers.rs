//! Numbers as people read them on a terminal.

use lake::tables::metrics;
use reports::format::{self, RateUnit};

/// The words of a number.
pub(crate) fn value(row: &metrics::Row) -> String {
    match (row.value, row.above) {
        (Some(value), _) => written(&row.unit, value, value),
        (None, Some(above)) => format::not_reached(above, |value| written(&row.unit, value, above)),
        (None, None) => format::NO_DATA.to_owned(),
    }
}

/// The words of its interval and of how it was made, or why there is none.
pub(crate) fn interval(row: &metrics::Row) -> String {
    let like = row.value.or(row.above).unwrap_or_default();
    match format::interval(row.ci_low, row.ci_high, |value| written(&row.unit, value, like)) {
        Some(interval) => format!("95 % interval {interval} ({})", row.ci_method),
        None => format!("no interval: {}", row.ci_method.strip_prefix("none: ").unwrap_or(&row.ci_method)),
    }
}

/// A value in the unit that suits `like`, so that a number and its interval are in one unit.
pub(crate) fn written(unit: &str, value: f64, like: f64) -> String {
    match unit {
        "seconds" => format::duration(value),
        "ratio" => format::percent(value),
        "per day" => format::rate(value, RateUnit::suiting(like)),
        "per week" => format!("{} per week", format::number(value)),
        other => format!("{} {other}", format::number(value)),
    }
}

/// So many of something.
pub(crate) fn count(number: usize, one: &str) -> String {
    let word = if number == 1 { one.to_owned() } else { format!("{one}s") };
    format!("{} {word}", format::count(number as u64))
}

/// A count before the words that go with it.
pub(crate) fn counted(number: usize, one: &str, several: &str) -> String {
    reports::format::counted(i64::try_from(number).unwrap_or(i64::MAX), one, several)
}
