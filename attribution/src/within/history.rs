//! Weeks of every service: what a metric saw in each, in sums that can be added up.

use derive::windows::Window;
use derive::{Observation, Observations, ServiceObservations};
use lake::Instant;

use super::terms::Terms;

const DAY: i64 = 86_400 * Instant::MICROS;
const HOUR: i64 = 3_600 * Instant::MICROS;
/// Durations below a minute count as one: below it the logarithm measures clocks.
const SHORTEST_SECONDS: f64 = 60.0;

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
        }
    }

    /// The mean logarithm of the durations.
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
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

const fn reading(metric: &'static str, observed: &'static str, measure: Measure, is_after_merge: bool) -> Reading {
    Reading { metric, observed, measure, is_after_merge }
}

impl History {
    /// Reads a metric from observations; `None` for one that cannot be compared.
    #[must_use]
    pub fn of(metric: &str, observations: &Observations, terms: &Terms) -> Option<Self> {
        let reading = READINGS.iter().find(|reading| reading.metric == metric)?;
        let weeks: Vec<Window> = observations
            .services
            .values()
            .map(|seen| seen.weeks.iter().map(|week| week.window).collect::<Vec<_>>())
            .next()
            .unwrap_or_default();
        let follow = match (reading.measure, reading.observed) {
            (Measure::Duration, "change_lead_time") => i64::from(terms.follow_up_days) * DAY,
            (Measure::Duration, _) => i64::from(terms.recovery_hours) * HOUR,
            _ => 0,
        };
        let known_until = Instant(observations.mature_until.0.min(observations.as_of.0.saturating_sub(follow)));
        let mature = weeks.iter().take_while(|week| week.end <= known_until).count();
        let is_asked = |service: &str| terms.services.is_empty() || terms.services.iter().any(|name| name == service);
        let services = observations
            .services
            .iter()
            .filter(|(service, _)| is_asked(service))
            .map(|(service, seen)| ServiceWeeks {
                service: service.clone(),
                cells: cells(seen, reading, &weeks[..mature], follow),
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
    let mut cells: Vec<WeekCell> =
        seen.weeks.iter().take(weeks.len()).map(|week| WeekCell { days: days(week), ..WeekCell::default() }).collect();
    cells.resize(weeks.len(), WeekCell::default());
    for observation in seen.metrics.get(reading.observed).into_iter().flatten() {
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
            let most = follow as f64 / Instant::MICROS as f64;
            let total = observation.total_seconds?;
            let seconds = match observation.delay_seconds {
                // What was done before the merge is known for every change; only the wait behind it is cut.
                Some(delay) if reading.is_after_merge => delay.min(most),
                Some(delay) => (total - delay).max(0.0) + delay.min(most),
                None => total.min(most),
            };
            let logarithm = libm::log(seconds.max(SHORTEST_SECONDS));
            Some(WeekCell { sum: logarithm, squares: logarithm * logarithm, ..one })
        }
    }
}
