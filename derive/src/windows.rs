//! Windows: half-open, cut at midnight of a declared zone, so that a day with a clock change has 23 or 25 hours.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use lake::Instant;

use crate::{Calendar, Train};

/// A half-open stretch of time `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// Its first instant.
    pub start: Instant,
    /// The first instant after it.
    pub end: Instant,
}

impl Window {
    /// How long it is, in days of 24 hours.
    #[must_use]
    pub fn days(self) -> f64 {
        (self.end.0 - self.start.0) as f64 / (86_400.0 * 1e6)
    }

    /// Whether an instant lies in it.
    #[must_use]
    pub fn contains(self, at: Instant) -> bool {
        self.start <= at && at < self.end
    }

    /// What both have in common, if anything.
    #[must_use]
    pub fn overlap(self, other: Self) -> Option<Self> {
        let both = Self { start: self.start.max(other.start), end: self.end.min(other.end) };
        (both.start < both.end).then_some(both)
    }
}

/// The windows of a calendar that touch `period`, each cut to it.
#[must_use]
pub fn cut(period: Window, calendar: Calendar, zone: Tz) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut day = first_day(local_day(period.start, zone), calendar);
    loop {
        let next = next_day(day, calendar);
        let whole = Window { start: midnight(day, zone), end: midnight(next, zone) };
        if whole.start >= period.end {
            return windows;
        }
        windows.extend(whole.overlap(period));
        day = next;
    }
}

/// Whether a window is a whole one of its calendar, and not what a period left of it.
#[must_use]
pub fn is_whole(window: Window, calendar: Calendar, zone: Tz) -> bool {
    let day = local_day(window.start, zone);
    day == first_day(day, calendar)
        && window.start == midnight(day, zone)
        && window.end == midnight(next_day(day, calendar), zone)
}

/// The day in `zone` on which an instant falls.
#[must_use]
pub fn local_day(at: Instant, zone: Tz) -> NaiveDate {
    at.to_utc().with_timezone(&zone).date_naive()
}

/// The first instant of a day in `zone`; where the clock skips midnight, the first instant after the gap.
#[must_use]
pub fn midnight(day: NaiveDate, zone: Tz) -> Instant {
    let start = day.and_time(chrono::NaiveTime::MIN);
    let local = zone.from_local_datetime(&start).earliest().map(|at| at.with_timezone(&Utc));
    // No zone's clock has ever skipped more than a day at once.
    let found = local.unwrap_or_else(|| {
        (1..=96)
            .find_map(|quarter| zone.from_local_datetime(&(start + TimeDelta::minutes(15 * quarter))).earliest())
            .map_or_else(|| start.and_utc(), |at: DateTime<Tz>| at.with_timezone(&Utc))
    });
    found.into()
}

fn first_day(day: NaiveDate, calendar: Calendar) -> NaiveDate {
    let back = match calendar {
        Calendar::Week => day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))),
        Calendar::Month => day.with_day(1),
        Calendar::Quarter => day.with_day(1).and_then(|day| day.with_month0(day.month0() / 3 * 3)),
        Calendar::Train(train) => {
            let into = (day - train.anchor).num_days().rem_euclid(length(train));
            day.checked_sub_signed(TimeDelta::days(into))
        }
    };
    back.unwrap_or(day)
}

fn next_day(day: NaiveDate, calendar: Calendar) -> NaiveDate {
    match calendar {
        Calendar::Week => day + Days::new(7),
        Calendar::Month => day + Months::new(1),
        Calendar::Quarter => day + Months::new(3),
        Calendar::Train(train) => day + TimeDelta::days(length(train)),
    }
}

/// The days of a train's window.
fn length(train: Train) -> i64 {
    i64::from(train.days.max(1))
}

#[cfg(test)]
mod tests;
