//! Where the ticks of a chart's axes are, and what they say.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike};
use chrono_tz::Tz;

use crate::document::ValueFormat;
use crate::format::{change, significant};

/// As many dates fit beneath a chart; narrow charts show every second.
const MAX_TIME_TICKS: i64 = 7;
/// About as many steps make a vertical axis readable.
const VALUE_STEPS: f64 = 4.0;
/// The smallest magnitude told apart from zero, far enough from the subnormal numbers to be divided.
const SMALLEST: f64 = 1e-280;

/// A place on an axis and its label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick<T> {
    pub(crate) at: T,
    pub(crate) label: String,
}

/// A vertical axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ValueAxis {
    low: f64,
    high: f64,
    /// The ticks, from below.
    pub(crate) ticks: Vec<Tick<f64>>,
}

impl ValueAxis {
    /// Chooses an axis that contains finite values from `low` to `high`.
    pub(crate) fn new(low: f64, high: f64, from_zero: bool, format: ValueFormat) -> Self {
        if format == ValueFormat::Change {
            return Self::of_changes(low, high);
        }
        let is_share = format == ValueFormat::Percent && high <= 1.0 && high > 0.0;
        let (low, high) = if from_zero { (low.min(0.0), high.max(0.0)) } else { (low, high) };
        let (low, high) = widened(low, high);
        let step = value_step(high / VALUE_STEPS - low / VALUE_STEPS, format);
        let (first, last) = ((low / step).floor(), (high / step).ceil());
        let bottom = (first * step).max(f64::MIN);
        // A share does not go beyond 100 %, though a round step may.
        let top = if is_share { (last * step).min(1.0) } else { (last * step).min(f64::MAX) };
        let mut ticks = Vec::new();
        let mut index = first;
        while index <= last {
            let at = index * step;
            if at <= top && at.is_finite() {
                ticks.push(Tick { at, label: value_label(at, step, format) });
            }
            index += 1.0;
        }
        Self { low: bottom, high: top, ticks }
    }

    /// An axis of logarithms of ratios, which its ticks write as changes; it holds the line at which nothing changes.
    fn of_changes(low: f64, high: f64) -> Self {
        let (low, high) = (low.min(0.0), high.max(0.0));
        let (low, high) = if high / 2.0 - low / 2.0 < 1e-3 { (-0.05, 0.05) } else { (low, high) };
        let room = (high / 2.0 - low / 2.0) * 0.1;
        let (low, high) = ((low - room).max(f64::MIN), (high + room).min(f64::MAX));
        let inside = |at: &f64| (low..=high).contains(at);
        let tick = |at: f64| Tick { at, label: change(at) };
        Self { low, high, ticks: change_ticks(low, high).into_iter().filter(inside).map(tick).collect() }
    }

    /// Where a value stands between the bottom (0) and the top (1) of the axis; values beyond it stand at its ends.
    pub(crate) fn position(&self, value: f64) -> f64 {
        self.share(value).clamp(0.0, 1.0)
    }

    /// Whether a value is on the axis.
    pub(crate) fn contains(&self, value: f64) -> bool {
        // Rounding may put an end of the axis a little beside the value it was made for.
        (-1e-9..=1.0 + 1e-9).contains(&self.share(value))
    }

    fn share(&self, value: f64) -> f64 {
        let magnitude = self.low.abs().max(self.high.abs());
        let (low, high, value) = (self.low / magnitude, self.high / magnitude, value / magnitude);
        (value - low) / (high - low)
    }
}

/// Makes room around values that are all the same, or too close to be told apart.
fn widened(low: f64, high: f64) -> (f64, f64) {
    let magnitude = low.abs().max(high.abs());
    if magnitude < SMALLEST {
        return (0.0, 1.0);
    }
    if high / 2.0 - low / 2.0 >= magnitude * 1e-9 {
        return (low, high);
    }
    let margin = magnitude * 0.1;
    ((low - margin).max(f64::MIN), (high + margin).min(f64::MAX))
}

fn value_step(wanted: f64, format: ValueFormat) -> f64 {
    const CLOCK: [f64; 14] =
        [1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 21_600.0, 43_200.0];
    const DAY: f64 = 86_400.0;
    match format {
        ValueFormat::Duration if wanted > 43_200.0 => round_step(wanted / DAY).max(1.0) * DAY,
        ValueFormat::Duration if wanted > 0.5 => CLOCK.into_iter().find(|&step| step >= wanted).unwrap_or(DAY),
        _ => round_step(wanted),
    }
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten that is not below the wanted step.
fn round_step(wanted: f64) -> f64 {
    let power = 10f64.powf(wanted.log10().floor());
    let factor =
        [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| factor * power >= wanted * (1.0 - 1e-9)).unwrap_or(10.0);
    factor * power
}

/// Logarithms of ratios that are round as changes, from below; more than lie between the two, and few enough to be read.
fn change_ticks(low: f64, high: f64) -> Vec<f64> {
    const NEAR: [f64; 8] = [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0];
    const FAR: [f64; 7] = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0];
    let range = high / 2.0 - low / 2.0;
    if range <= 0.5 {
        let step = round_step((high.exp() - low.exp()) / (VALUE_STEPS + 2.0));
        return (-20..=20).map(|index| f64::from(index) * step).filter(|at| *at > -1.0).map(f64::ln_1p).collect();
    }
    if range <= 1.1 {
        return NEAR.map(f64::ln).to_vec();
    }
    if range <= 2.5 {
        return FAR.map(f64::ln).to_vec();
    }
    // Whole powers of ten.
    let step = std::f64::consts::LN_10 * round_step(range / VALUE_STEPS).ceil().max(1.0);
    (-8..=8).map(|index| f64::from(index) * step).filter(|at| at.is_finite()).collect()
}

fn value_label(at: f64, step: f64, format: ValueFormat) -> String {
    const UNITS: [(f64, &str); 4] = [(86_400.0, " d"), (3600.0, " h"), (60.0, " min"), (1.0, " s")];
    let (size, unit) = match format {
        ValueFormat::Plain | ValueFormat::PerDay | ValueFormat::Change => (1.0, ""),
        ValueFormat::Points => (0.01, ""),
        ValueFormat::Percent => (0.01, " %"),
        ValueFormat::Duration => UNITS.into_iter().find(|(size, _)| step >= *size).unwrap_or((1.0, " s")),
    };
    if at == 0.0 {
        return if unit == " %" { "0 %".to_owned() } else { "0".to_owned() };
    }
    // Every digit from the tick's first to the step's last, of which there are at most two.
    let places = (at / step).abs().log10().floor().clamp(0.0, 12.0);
    let digits = (0..=12).take_while(|&digit| f64::from(digit) <= places).count() + 2;
    let sign = if format == ValueFormat::Points && at > 0.0 { "+" } else { "" };
    format!("{sign}{}{unit}", significant(at / size, digits))
}

/// A distance between dates that people count in.
#[derive(Debug, Clone, Copy)]
enum TimeStep {
    Hours(u32),
    Days(u32),
    Weeks(u32),
    Months(u32),
}

impl TimeStep {
    const ALL: [Self; 23] = [
        Self::Hours(1),
        Self::Hours(3),
        Self::Hours(6),
        Self::Hours(12),
        Self::Days(1),
        Self::Days(2),
        Self::Weeks(1),
        Self::Weeks(2),
        Self::Months(1),
        Self::Months(2),
        Self::Months(3),
        Self::Months(6),
        Self::Months(12),
        Self::Months(2 * 12),
        Self::Months(5 * 12),
        Self::Months(10 * 12),
        Self::Months(20 * 12),
        Self::Months(50 * 12),
        Self::Months(100 * 12),
        Self::Months(200 * 12),
        Self::Months(500 * 12),
        Self::Months(1000 * 12),
        Self::Months(2000 * 12),
    ];

    fn seconds(self) -> i64 {
        match self {
            Self::Hours(n) => i64::from(n) * 3600,
            Self::Days(n) => i64::from(n) * 86_400,
            Self::Weeks(n) => i64::from(n) * 604_800,
            Self::Months(n) => i64::from(n) * 2_629_746,
        }
    }

    /// The last round date not after an instant.
    fn floor(self, at: NaiveDateTime) -> Option<NaiveDateTime> {
        let date = at.date();
        let date = match self {
            Self::Hours(n) => return at.date().and_hms_opt(at.hour() / n * n, 0, 0),
            Self::Days(n) => back(date, date.num_days_from_ce().rem_euclid(i32::try_from(n).ok()?))?,
            // Day 1 of the common era was a Monday.
            Self::Weeks(n) => back(date, (date.num_days_from_ce() - 1).rem_euclid(7 * i32::try_from(n).ok()?))?,
            Self::Months(n) => {
                let months = date.year() * 12 + i32::try_from(date.month0()).ok()?;
                let months = months - months.rem_euclid(i32::try_from(n).ok()?);
                NaiveDate::from_ymd_opt(months.div_euclid(12), u32::try_from(months.rem_euclid(12)).ok()? + 1, 1)?
            }
        };
        date.and_hms_opt(0, 0, 0)
    }

    fn after(self, at: NaiveDateTime) -> Option<NaiveDateTime> {
        match self {
            Self::Hours(n) => at.checked_add_signed(TimeDelta::hours(i64::from(n))),
            Self::Days(n) => at.checked_add_days(Days::new(u64::from(n))),
            Self::Weeks(n) => at.checked_add_days(Days::new(7 * u64::from(n))),
            Self::Months(n) => at.checked_add_months(Months::new(n)),
        }
    }

    fn label(self, at: NaiveDateTime) -> String {
        match self {
            Self::Hours(_) => at.format("%m-%d %H:%M").to_string(),
            _ => at.format("%Y-%m-%d").to_string(),
        }
    }
}

fn back(date: NaiveDate, days: i32) -> Option<NaiveDate> {
    date.checked_sub_days(Days::new(u64::try_from(days).ok()?))
}

/// Chooses round dates of the zone between two instants, at most as many as can be read.
pub(crate) fn time_ticks(start: i64, end: i64, zone: Tz) -> Vec<Tick<i64>> {
    let fits = |step: &TimeStep| (end - start) / step.seconds() < MAX_TIME_TICKS;
    let step = TimeStep::ALL.into_iter().find(fits).unwrap_or(TimeStep::Months(2000 * 12));
    let local = |at| Some(DateTime::from_timestamp(at, 0)?.with_timezone(&zone).naive_local());
    let mut ticks = Vec::new();
    let mut next = local(start).and_then(|at| step.floor(at));
    while let Some(at) = next {
        match instant(at, zone) {
            Some(seconds) if seconds > end => break,
            Some(seconds) if seconds >= start => ticks.push(Tick { at: seconds, label: step.label(at) }),
            _ => {}
        }
        next = step.after(at);
    }
    ticks
}

/// The first instant of a local time; where clocks jump over it, the one an hour later.
fn instant(at: NaiveDateTime, zone: Tz) -> Option<i64> {
    let earliest = |at: NaiveDateTime| zone.from_local_datetime(&at).earliest();
    earliest(at).or_else(|| earliest(at + TimeDelta::hours(1))).map(|at| at.timestamp())
}
