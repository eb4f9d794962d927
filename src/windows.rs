//! Windows as people write them: a week, a month, a quarter, a year, a day, or from one time to another.

use chrono::{Days, Months, NaiveDate, Weekday};
use chrono_tz::Tz;
use derive::windows::{Window, midnight};
use lake::Instant;

/// A window that was asked for; days become instants once the zone is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    start: Edge,
    end: Edge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    Day(NaiveDate),
    At(Instant),
}

impl Asked {
    /// The window in a zone.
    pub(crate) fn within(self, zone: Tz) -> Window {
        let at = |edge| match edge {
            Edge::Day(day) => midnight(day, zone),
            Edge::At(at) => at,
        };
        Window { start: at(self.start), end: at(self.end) }
    }
}

/// Reads a window.
pub(crate) fn window(text: &str) -> Result<Asked, String> {
    let asked = match text.split_once("..") {
        Some((start, end)) => Some(Asked { start: edge(start)?, end: edge(end)? }),
        None => days(text).map(|(start, end)| Asked { start: Edge::Day(start), end: Edge::Day(end) }),
    };
    let asked = asked.ok_or_else(|| {
        format!(
            "`{text}` is no window such as `2026-W07`, `2026-02`, `2026-Q1`, `2026`, `2026-02-09` or \
             `2026-02-09..2026-02-16`"
        )
    })?;
    let utc = asked.within(Tz::UTC);
    if utc.start < utc.end { Ok(asked) } else { Err(format!("`{text}` ends before it starts")) }
}

fn edge(text: &str) -> Result<Edge, String> {
    match text.parse::<NaiveDate>() {
        Ok(day) => Ok(Edge::Day(day)),
        Err(_) => {
            Instant::parse(text).map(Edge::At).map_err(|error| format!("{error}, nor a day such as `2026-01-05`"))
        }
    }
}

/// The first day of a week, month, quarter, year or day, and the first day after it.
fn days(text: &str) -> Option<(NaiveDate, NaiveDate)> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Some((day, day.checked_add_days(Days::new(1))?));
    }
    let (year, rest) = text.split_once('-').unwrap_or((text, ""));
    if year.len() != 4 || !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year: i32 = year.parse().ok()?;
    let number = |digits: &str, count: usize| -> Option<u32> {
        (digits.len() == count && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
    };
    let months = |first: u32, count: u32| {
        let start = NaiveDate::from_ymd_opt(year, first, 1)?;
        Some((start, start.checked_add_months(Months::new(count))?))
    };
    match (rest, rest.strip_prefix('W'), rest.strip_prefix('Q')) {
        ("", ..) if !text.contains('-') => months(1, 12),
        (_, Some(week), _) => {
            let start = NaiveDate::from_isoywd_opt(year, number(week, 2)?, Weekday::Mon)?;
            Some((start, start.checked_add_days(Days::new(7))?))
        }
        (_, _, Some(quarter)) => {
            let quarter = number(quarter, 1)?;
            (1..=4).contains(&quarter).then(|| months(quarter * 3 - 2, 3))?
        }
        (month, ..) => months(number(month, 2)?, 1),
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::window;

    fn read(text: &str, zone: Tz) -> String {
        match window(text) {
            Ok(asked) => {
                let found = asked.within(zone);
                format!("{} {}", found.start, found.end)
            }
            Err(_) => "refused".to_owned(),
        }
    }

    #[test]
    fn windows_are_read_as_people_write_them() {
        for (text, expected) in [
            ("2026-W07", "2026-02-09T00:00:00Z 2026-02-16T00:00:00Z"),
            // The first ISO week of 2026 begins in 2025, and 2026 has 53 weeks.
            ("2026-W01", "2025-12-29T00:00:00Z 2026-01-05T00:00:00Z"),
            ("2026-W53", "2026-12-28T00:00:00Z 2027-01-04T00:00:00Z"),
            ("2025-W53", "refused"),
            ("2026-02", "2026-02-01T00:00:00Z 2026-03-01T00:00:00Z"),
            ("2026-Q4", "2026-10-01T00:00:00Z 2027-01-01T00:00:00Z"),
            ("2026-Q5", "refused"),
            ("2026", "2026-01-01T00:00:00Z 2027-01-01T00:00:00Z"),
            ("2026-02-28", "2026-02-28T00:00:00Z 2026-03-01T00:00:00Z"),
            ("2026-02-09..2026-02-16", "2026-02-09T00:00:00Z 2026-02-16T00:00:00Z"),
            ("2026-02-09T06:00:00+02:00..2026-02-10", "2026-02-09T04:00:00Z 2026-02-10T00:00:00Z"),
            ("2026-02-16..2026-02-09", "refused"),
            ("2026-02-09..2026-02-09", "refused"),
            ("2026-13", "refused"),
            ("2026-", "refused"),
            ("2026-W7", "refused"),
            ("week 7", "refused"),
        ] {
            assert_eq!(read(text, Tz::UTC), expected, "{text}");
        }
    }

    #[test]
    fn days_follow_the_zone_and_instants_do_not() {
        assert_eq!(read("2026-03", Tz::Europe__Berlin), "2026-02-28T23:00:00Z 2026-03-31T22:00:00Z");
        let text = "2026-03-01T00:00:00Z..2026-03-02T00:00:00Z";
        assert_eq!(read(text, Tz::Europe__Berlin), "2026-03-01T00:00:00Z 2026-03-02T00:00:00Z");
    }
}
