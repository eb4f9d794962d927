//! Lengths of time, and the hours in which people work: Monday to Friday, 08:00 to 18:00 UTC.

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;
pub(crate) const WEEK: i64 = 7 * DAY;

/// Working time in a day and in a week.
const WORK_DAY: i64 = 10 * HOUR;
pub(crate) const WORK_WEEK: i64 = 5 * WORK_DAY;
const OPENS: i64 = 8 * HOUR;

/// So many hours in whole seconds, as microseconds.
#[expect(clippy::cast_possible_truncation, reason = "hours of a simulation are far from the limits of an integer")]
pub(crate) fn hours(hours: f64) -> i64 {
    (hours * 3_600.0).round() as i64 * SECOND
}

/// This share of a length of time, in whole seconds.
pub(crate) fn share(of: i64, share: f64) -> i64 {
    hours(of as f64 / HOUR as f64 * share)
}

/// The second in which an instant lies.
pub(crate) fn whole_second(at: i64) -> i64 {
    at - at.rem_euclid(SECOND)
}

/// Translates between instants and working time since the start, which is a Monday 00:00.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calendar {
    pub(crate) start: i64,
}

impl Calendar {
    /// Working time from the start to `at`.
    pub(crate) fn worked(self, at: i64) -> i64 {
        let since = at - self.start;
        let (week, in_week) = (since.div_euclid(WEEK), since.rem_euclid(WEEK));
        let today = (in_week % DAY - OPENS).clamp(0, WORK_DAY);
        week * WORK_WEEK + (in_week / DAY * WORK_DAY + today).min(WORK_WEEK)
    }

    /// The instant at which so much time was worked.
    pub(crate) fn at(self, worked: i64) -> i64 {
        let (week, in_week) = (worked.div_euclid(WORK_WEEK), worked.rem_euclid(WORK_WEEK));
        self.start + week * WEEK + in_week / WORK_DAY * DAY + OPENS + in_week % WORK_DAY
    }

    /// The instant that lies this share of the way from `low` to `high`, measured in working time where there is some.
    pub(crate) fn within(self, low: i64, high: i64, way: f64) -> i64 {
        let (worked_low, worked_high) = (self.worked(low), self.worked(high));
        let at = if worked_high - worked_low > MINUTE {
            self.at(worked_low + share(worked_high - worked_low, way))
        } else {
            low + share(high - low, way)
        };
        at.clamp(low, high)
    }
}
