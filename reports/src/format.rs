//! How numbers, lengths of time and dates are written for people.
//!
//! Every function takes a number that exists. A number that does not exist is [`NO_DATA`], never a zero: see
//! [`or_no_data`]. A number that is not finite cannot be written honestly and becomes [`NO_DATA`] too.

use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

/// What is written where there is no number.
pub const NO_DATA: &str = "no data";

const DAY_SECONDS: f64 = 86_400.0;

/// Writes a value, or [`NO_DATA`] when there is none.
pub fn or_no_data<T>(value: Option<T>, write: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| NO_DATA.to_owned(), write)
}

/// Writes a number with about three significant digits: `0.123`, `12.3`, `12,346`, `1.23e9`.
#[must_use]
pub fn number(value: f64) -> String {
    significant(value, 3)
}

/// Writes a whole number with its thousands set apart: `12,346`.
#[must_use]
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// Writes a count before the words that go with it: `1 tag carries`, `1,200 tags carry`.
#[must_use]
pub fn counted(value: i64, one: &str, several: &str) -> String {
    format!("{} {}", count(value.unsigned_abs()), if value == 1 { one } else { several })
}

/// Writes a length of time with about two significant parts: `4.5 s`, `20 min`, `3 h 20 min`, `2.4 d`, `120 d`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if seconds < 0.0 {
        return negative(&duration(-seconds));
    }
    if !seconds.is_finite() {
        return NO_DATA.to_owned();
    }
    let minutes = (seconds / 60.0).round();
    if seconds < 9.95 {
        format!("{} s", significant(seconds, 2))
    } else if seconds < 59.5 {
        format!("{seconds:.0} s")
    } else if seconds < 569.5 {
        two_units(seconds.round(), 60.0, "min", "s")
    } else if minutes < 60.0 {
        format!("{minutes:.0} min")
    } else if minutes < 1440.0 {
        two_units(minutes, 60.0, "h", "min")
    } else {
        let days = seconds / DAY_SECONDS;
        format!("{} d", if days < 9.95 { trimmed(&format!("{days:.1}")).to_owned() } else { whole(days) })
    }
}

/// Writes a share of 1 as a percentage: `14 %`, `3.2 %`, and `99.7 %` rather than a false `100 %`.
#[must_use]
pub fn percent(rate: f64) -> String {
    let percent = rate * 100.0;
    if !percent.is_finite() {
        return NO_DATA.to_owned();
    }
    if percent < 0.0 {
        return negative(&self::percent(-rate));
    }
    // Near 100 % the distance to 100 % is what matters, as the distance to 0 % is near 0 %.
    let distance = if percent <= 100.0 { percent.min(100.0 - percent) } else { percent };
    let text = match distance {
        d if !(1e-9..9.95).contains(&d) => whole(percent),
        d if d >= 0.995 => format!("{percent:.1}"),
        d if d >= 0.01 => format!("{percent:.2}"),
        _ if percent < 50.0 => return "< 0.01 %".to_owned(),
        _ => return "> 99.99 %".to_owned(),
    };
    format!("{} %", trimmed(&text))
}

/// Writes a difference of two shares in percentage points, always with its sign: `+3.2 points`.
#[must_use]
pub fn points(difference: f64) -> String {
    let points = difference * 100.0;
    if !points.is_finite() {
        return NO_DATA.to_owned();
    }
    let text = if points.abs() < 9.95 { format!("{:.1}", points.abs()) } else { whole(points.abs()) };
    let text = trimmed(&text);
    let sign = match points {
        _ if text == "0" => "",
        p if p < 0.0 => "\u{2212}",
        _ => "+",
    };
    format!("{sign}{text} points")
}

/// Writes the logarithm of a ratio as the change it is, always with its sign: `+20 %`, `−33 %`; beyond a factor of
/// about 148 the logarithm itself: `log +6.91`.
#[must_use]
pub fn change(log_ratio: f64) -> String {
    if !log_ratio.is_finite() {
        return NO_DATA.to_owned();
    }
    if log_ratio.abs() > 5.0 {
        let sign = if log_ratio > 0.0 { "+" } else { "\u{2212}" };
        return format!("log {sign}{}", number(log_ratio.abs()));
    }
    let text = percent(log_ratio.exp_m1());
    match text.strip_prefix("< 0") {
        Some(rest) => format!("< +0{rest}"),
        None if log_ratio > 0.0 && text != "0 %" => format!("+{text}"),
        None => text,
    }
}

/// Writes a probability: `0.0375`, and `< 0.0001` rather than a false zero.
#[must_use]
pub fn probability(probability: f64) -> String {
    if !probability.is_finite() {
        NO_DATA.to_owned()
    } else if probability < 0.0001 {
        "< 0.0001".to_owned()
    } else {
        format!("{probability:.4}")
    }
}

/// The unit in which a rate reads well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RateUnit {
    /// Events per day.
    Day,
    /// Events per seven days.
    Week,
    /// Events per thirty days.
    Month,
}

impl RateUnit {
    /// Chooses the smallest unit in which at least one event is expected.
    #[must_use]
    pub fn suiting(per_day: f64) -> Self {
        match per_day.abs() {
            rate if rate >= 1.0 => Self::Day,
            rate if rate * 7.0 >= 1.0 => Self::Week,
            _ => Self::Month,
        }
    }
}

/// Writes a rate: `3.2 per day`, `1.4 per week`. A value and the ends of its interval must share one unit.
#[must_use]
pub fn rate(per_day: f64, unit: RateUnit) -> String {
    let (days, name) = match unit {
        RateUnit::Day => (1.0, "per day"),
        RateUnit::Week => (7.0, "per week"),
        RateUnit::Month => (30.0, "per 30 days"),
    };
    let value = per_day * days;
    if value.is_finite() { format!("{} {name}", significant(value, 2)) } else { NO_DATA.to_owned() }
}

/// Writes an interval in words: `3 h to 7 h`, `at least 3 h`, `at most 7 h`; nothing when both ends are unknown.
pub fn interval(low: Option<f64>, high: Option<f64>, write: impl Fn(f64) -> String) -> Option<String> {
    match (low, high) {
        (Some(low), Some(high)) => Some(format!("{} to {}", write(low), write(high))),
        (Some(low), None) => Some(format!("at least {}", write(low))),
        (None, Some(high)) => Some(format!("at most {}", write(high))),
        (None, None) => None,
    }
}

/// Writes a value that was not reached within what was observed: `> 3 d`.
pub fn not_reached(observed: f64, write: impl Fn(f64) -> String) -> String {
    format!("> {}", write(observed))
}

/// Writes the date of an instant in a zone: `2026-03-02`.
#[must_use]
pub fn date(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d").to_string()
}

/// Writes an instant in a zone to the minute, with the zone's abbreviation: `2026-03-02 14:05 CET`.
#[must_use]
pub fn date_time(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z").to_string()
}

/// Writes a window with its end left out: `[2026-03-02, 2026-06-01) Europe/Berlin`.
///
/// The time of day is written as well when one of the ends is not midnight in the zone.
#[must_use]
pub fn window(start: DateTime<Utc>, end: DateTime<Utc>, zone: Tz) -> String {
    let pattern = if is_midnight(start, zone) && is_midnight(end, zone) { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" };
    let write = |at: DateTime<Utc>| at.with_timezone(&zone).format(pattern).to_string();
    format!("[{}, {}) {zone}", write(start), write(end))
}

/// How the values of a chart are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueFormat {
    /// A number without a unit.
    Plain,
    /// A share of 1, as a percentage.
    Percent,
    /// A length of time in seconds.
    Duration,
    /// Events per day.
    PerDay,
    /// The logarithm of a ratio, as the change it is.
    Change,
    /// A difference of two shares, in percentage points.
    Points,
}

impl ValueFormat {
    /// Writes one value.
    #[must_use]
    pub fn value(self, value: f64) -> String {
        match self {
            Self::Plain => number(value),
            Self::Percent => percent(value),
            Self::Duration => duration(value),
            Self::PerDay => rate(value, RateUnit::Day),
            Self::Change => change(value),
            Self::Points => points(value),
        }
    }
}

/// Writes the instant of a chart's point: the date alone at midnight, else to the minute.
pub(crate) fn point_in_time(at_seconds: i64, zone: Tz) -> String {
    or_no_data(DateTime::from_timestamp(at_seconds, 0), |at| {
        if is_midnight(at, zone) { date(at, zone) } else { date_time(at, zone) }
    })
}

fn is_midnight(at: DateTime<Utc>, zone: Tz) -> bool {
    at.with_timezone(&zone).time() == NaiveTime::MIN
}

/// Rounds to so many significant digits. Below a million no whole digit is rounded away, and above it a number is in
/// scientific form unless all its whole digits are significant.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return NO_DATA.to_owned();
    }
    if value < 0.0 {
        return negative(&significant(-value, digits));
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let precision = digits.saturating_sub(1);
    let scientific = format!("{value:.precision$e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let (precision, exponent) = (i32::try_from(precision).unwrap_or(0), exponent.parse::<i32>().unwrap_or(0));
    if (-3..=precision.max(5)).contains(&exponent) {
        let decimals = usize::try_from(precision - exponent).unwrap_or(0);
        grouped(trimmed(&format!("{value:.decimals$}")))
    } else {
        format!("{}e{exponent}", trimmed(mantissa))
    }
}

fn two_units(total: f64, size: f64, large: &str, small: &str) -> String {
    let (whole, rest) = ((total / size).floor(), total % size);
    if rest == 0.0 { format!("{whole:.0} {large}") } else { format!("{whole:.0} {large} {rest:.0} {small}") }
}

fn whole(value: f64) -> String {
    if value < 1e6 { grouped(&format!("{value:.0}")) } else { significant(value, 3) }
}

/// Drops zeros that end a decimal fraction.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Turns the text of a number into that of its opposite.
fn negative(text: &str) -> String {
    let is_zero = !text.contains(|c| matches!(c, '1'..='9'));
    match text.split_once(' ') {
        _ if is_zero => text.to_owned(),
        Some((">", bound)) => format!("< \u{2212}{bound}"),
        Some(("<", bound)) => format!("> \u{2212}{bound}"),
        _ => format!("\u{2212}{text}"),
    }
}

fn grouped(digits: &str) -> String {
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests;
