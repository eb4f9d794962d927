//! Weeks of every service: what a metric saw in each, in sums that can be added up.

use derive::windows::Window;
use derive::{Observation, Observations, ServiceObservations};
use lake::Instant;

use super::covariates::Columns;
use super::terms::Terms;

const DAY: i64 = 86_400 * Instant::MICROS;
const HOUR: i64 = 3_600 * Instant::MICROS;
/// Durations below a minute count as one: below it the logarithm measures clocks.
pub(crate) const SHORTEST_SECONDS: f64 = 60.0;

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// How often something happens.
    Rate,
    /// What share of events has a property.
    Share,
    /// How long something takes.
    Duration,
}

/// What one service did in one week, as sums.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WeekCell {
    /// Days that were read.
    pub days: f64,
    /// Events.
    pub count: u64,
    /// Events that have the property of a share.
    pub marked: u64,
    /// The sum of the logarithms of durations in seconds.
    pub sum: f64,
    /// The sum of their squares.
    pub squares: f64,
    /// Durations that are cut at the length for which they are followed.
    pub cut: u64,
}

impl WeekCell {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            days: self.days + other.days,
            count: self.count + other.count,
            marked: self.marked + other.marked,
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
            cut: self.cut + other.cut,
        }
    }

    /// The mean logarithm of the durations.
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// The share of durations that are cut; none for what has no durations.
    pub(crate) fn cut_share(&self, measure: Measure) -> Option<f64> {
        (measure == Measure::Duration && self.count > 0).then(|| self.cut as f64 / self.count as f64)
    }

    /// The share of the marked.
    pub(crate) fn share(&self) -> Option<f64> {
        (self.count > 0).then(|| self.marked as f64 / self.count as f64)
    }

    /// Squared deviations of the logarithms from their mean, and the degrees of freedom they have.
    pub(crate) fn deviations(&self) -> (f64, f64) {
        let count = self.count as f64;
        if self.count < 2 {
            return (0.0, 0.0);
        }
        ((self.squares - self.sum * self.sum / count).max(0.0), count - 1.0)
    }
}

/// One service, week by week.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceWeeks {
    /// Its name.
    pub service: String,
    /// One cell for each week of the history.
    pub cells: Vec<WeekCell>,
    /// What is considered of it, a number for each column; `None` where one is not known.
    pub covariates: Option<Vec<f64>>,
}

impl ServiceWeeks {
    /// The weeks `[from, to)` together.
    #[must_use]
    pub fn between(&self, from: usize, to: usize) -> WeekCell {
        let to = to.min(self.cells.len());
        self.cells[from.min(to)..to].iter().fold(WeekCell::default(), |sum, cell| sum.and(*cell))
    }
}

/// What one metric saw, service by service and week by week.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// The metric.
    pub metric: String,
    /// What it measures.
    pub measure: Measure,
    /// The weeks.
    pub weeks: Vec<Window>,
    /// How many of them, from the first, are old enough for everything to be known of them.
    pub mature: usize,
    /// The services, by name.
    pub services: Vec<ServiceWeeks>,
}

/// How a metric is read from observations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) metric: &'static str,
    pub(crate) observed: &'static str,
    pub(crate) measure: Measure,
    /// Whether a duration is that from the merge on.
    pub(crate) is_after_merge: bool,
}

/// The metrics of the criterion and their variants.
pub(crate) const READINGS: [Reading; 6] = [
    reading("forward_deployment_frequency", "forward_deployment_frequency", Measure::Rate, false),
    reading("change_lead_time", "change_lead_time", Measure::Duration, false),
    reading("failed_deployment_recovery_time", "failed_deployment_recovery_time", Measure::Duration, false),
    reading("change_fail_rate", "change_fail_rate", Measure::Share, false),
    reading("deployment_frequency", "deployment_frequency", Measure::Rate, false),
    reading("change_lead_time_merge", "change_lead_time", Measure::Duration, true),
];

impl Reading {
    /// The metric of that name, if it can be compared.
    pub(crate) fn of(metric: &str) -> Option<&'static Self> {
        READINGS.iter().find(|reading| reading.metric == metric)
    }

    /// Microseconds for which a duration is followed.
    pub(crate) fn follow(&self, terms: &Terms) -> i64 {
        match (self.measure, self.observed) {
            (Measure::Duration, "change_lead_time") => i64::from(terms.follow_up_days) * DAY,
            (Measure::Duration, _) => i64::from(terms.recovery_hours) * HOUR,
            _ => 0,
        }
    }

    /// The length of a duration in seconds, as far as it is followed; nothing where it is not known.
    pub(crate) fn seconds(&self, observation: &Observation, follow: i64) -> Option<f64> {
        let most = follow as f64 / Instant::MICROS as f64;
        let total = observation.total_seconds?;
        Some(match observation.delay_seconds {
            // What was done before the merge is known for every change; only the wait behind it is cut.
            Some(delay) if self.is_after_merge => delay.min(most),
            Some(delay) => (total - delay).max(0.0) + delay.min(most),
            None => total.min(most),
        })
    }
}

const fn reading(metric: &'static str, observed: &'static str, measure: Measure, is_after_merge: bool) -> Reading {
    Reading { metric, observed, measure, is_after_merge }
}

impl History {
    /// Reads a metric from observations; `None` for one that cannot be compared.
    #[must_use]
    pub fn of(metric: &str, observations: &Observations, terms: &Terms) -> Option<Self> {
        let reading = Reading::of(metric)?;
        let weeks: Vec<Window> = observations
            .services
            .values()
            .map(|seen| seen.weeks.iter().map(|week| week.window).collect::<Vec<_>>())
            .next()
            .unwrap_or_default();
        let follow = reading.follow(terms);
        let known_until = Instant(observations.mature_until.0.min(observations.as_of.0.saturating_sub(follow)));
        let mature = weeks.iter().take_while(|week| week.end <= known_until).count();
        let is_asked = |service: &str| terms.services.is_empty() || terms.services.iter().any(|name| name == service);
        let asked = observations.services.iter().filter(|(service, _)| is_asked(service));
        let columns =
            Columns::of(&terms.covariates, &observations.attributes, asked.clone().map(|(service, _)| service));
        let services = asked
            .map(|(service, seen)| ServiceWeeks {
                service: service.clone(),
                cells: cells(seen, reading, &weeks[..mature], follow),
                covariates: columns.row(service),
            })
            .collect();
        Some(Self { metric: metric.to_owned(), measure: reading.measure, weeks, mature, services })
    }

    /// The first week that begins at or after an instant, and the weeks that lie whole before it.
    pub(crate) fn around(&self, at: Instant) -> (usize, usize) {
        let before = self.weeks.partition_point(|week| week.end <= at);
        let after = self.weeks.partition_point(|week| week.start < at);
        (before, after)
    }
}

fn cells(seen: &ServiceObservations, reading: &Reading, weeks: &[Window], follow: i64) -> Vec<WeekCell> {
    let days = |week: &derive::ObservedWeek| match reading.measure {
        Measure::Rate | Measure::Duration => week.deployment_days,
        Measure::Share => week.incident_days,
    };
    // Whether a service was there before the first that is known of it nobody knows: its time begins with that, which then
    // is no event of it.
    let first = seen.metrics.get("deployment_frequency").and_then(|rows| rows.first()).map(|first| first.at);
    let known_from = first.filter(|_| reading.measure == Measure::Rate);
    let known = |week: &Window| {
        let from = known_from.map_or(week.start.0, |from| from.0.clamp(week.start.0, week.end.0));
        (week.end.0 - from) as f64 / (week.end.0 - week.start.0).max(1) as f64
    };
    let cell = |week: &derive::ObservedWeek| WeekCell { days: days(week) * known(&week.window), ..WeekCell::default() };
    let mut cells: Vec<WeekCell> = seen.weeks.iter().take(weeks.len()).map(cell).collect();
    cells.resize(weeks.len(), WeekCell::default());
    for observation in seen.metrics.get(reading.observed).into_iter().flatten() {
        if known_from == Some(observation.at) {
            continue;
        }
        let place = weeks.partition_point(|week| week.end <= observation.at);
        let Some(cell) = cells.get_mut(place).filter(|_| weeks[place].contains(observation.at)) else { continue };
        let Some(one) = cell_of(observation, reading, follow) else { continue };
        *cell = cell.and(one);
    }
    cells
}

/// What one observation adds; nothing where its length is not known.
fn cell_of(observation: &Observation, reading: &Reading, follow: i64) -> Option<WeekCell> {
    let one = WeekCell { count: 1, ..WeekCell::default() };
    match reading.measure {
        Measure::Rate => Some(one),
        Measure::Share => observation.is_counted.map(|is_marked| WeekCell { marked: u64::from(is_marked), ..one }),
        Measure::Duration => {
            let seconds = reading.seconds(observation, follow)?;
            let logarithm = libm::log(seconds.max(SHORTEST_SECONDS));
            // What has not ended is as good as cut, wherever it was last seen.
            let whole = if reading.is_after_merge { observation.delay_seconds } else { observation.total_seconds };
            let is_cut = observation.is_counted == Some(false) || whole.is_some_and(|whole| whole > seconds);
            Some(WeekCell { sum: logarithm, squares: logarithm * logarithm, cut: u64::from(is_cut), ..one })
        }
    }
}
