//! The effect on one metric: by how much services that began changed beyond the others.

use std::collections::BTreeMap;

use serde::Serialize;
use stats::{ChangeContrast, ChangeContrastError, ChangeSpread, ClusteredError, UnitChange, UnitCounts, Wald};

use super::analysis::Weakness;
use super::checks::{EventPoint, LeadCheck, LeftOutService, PlaceboDateCheck, PlaceboServiceCheck};
use super::design::{Design, FEWEST_DAYS, Place};
use super::history::{History, Measure, WeekCell};
use super::series::{SeriesCheck, SeriesView};
use super::specification::Specification;
use crate::Limits;
use crate::comparison::AtMargin;
use crate::criterion::{Class, Scale};

/// Fewer degrees of freedom than this leave even the corrected interval too narrow.
const FEWEST_DEGREES: f64 = 4.0;
/// Services whose exposure falls this little short of the days asked for have them: clocks change.
const SLACK_DAYS: f64 = 0.5;

/// Why a metric has no effect.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EffectError {
    /// Too little is on record.
    #[error("{0}")]
    Insufficient(String),
}

/// One service beside one date: what the metric saw before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnitRow {
    /// The service.
    pub service: String,
    /// Which of the dates, from 0.
    pub cohort: usize,
    /// Whether it began at that date.
    pub is_treated: bool,
    /// Days that were read, before and after.
    pub days: [f64; 2],
    /// Events before and after.
    pub events: [u64; 2],
    /// The value before and after: events a day, a share, or the geometric mean of seconds.
    pub values: [Option<f64>; 2],
    /// Its change, positive for better; for counts as it enters the last step of the fit.
    pub change: f64,
    /// Its weight, relative to the mean of all.
    pub weight: f64,
}

/// An effect with its error.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EffectEstimate {
    /// Positive for better.
    pub(crate) wald: Wald,
    /// By which way.
    pub(crate) method: &'static str,
    /// Services that began, and others.
    pub(crate) units: [usize; 2],
    /// Whether anybody stood beside those that began.
    pub(crate) is_controlled: bool,
    /// What entered.
    pub(crate) rows: Vec<UnitRow>,
}

/// Everything that is found about one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricEffect {
    /// The metric.
    pub metric: String,
    /// Its definition, `profile/metric@version`.
    pub definition: Option<String>,
    /// The scale of the effect.
    pub scale: Scale,
    /// The effect with limits at level `1 − α`, positive for better.
    pub effect: Limits,
    /// Its standard error.
    pub standard_error: f64,
    /// The degrees of freedom it has; none for normal limits.
    pub degrees_of_freedom: Option<f64>,
    /// The upper limit at level `1 − α/4`, which harm is judged by.
    pub harm_high: f64,
    /// The one-sided p-value against no improvement.
    pub p_value: f64,
    /// The same, adjusted for four metrics by Holm.
    pub p_holm: Option<f64>,
    /// The two-sided p-value against no effect.
    pub p_two_sided: f64,
    /// What the limits say at the margin.
    pub class: Class,
    /// The margin.
    pub margin: f64,
    /// The smallest margin at which these data would say "not worse".
    pub smallest_margin: f64,
    /// The same at other margins.
    pub at_margins: Vec<AtMargin>,
    /// The effect that as much data would find four times in five.
    pub detectable: f64,
    /// How many times as much data, by services and weeks alike, the margin would need for that.
    pub data_needed: f64,
    /// How it was estimated.
    pub method: &'static str,
    /// Services that began, and others.
    pub services: [usize; 2],
    /// Why this metric by itself concludes nothing, whatever its numbers; `None` where it may.
    pub weak: Option<Weakness>,
    /// The share of times that are cut at the length for which they are followed: of those that began before and after, and of
    /// the others; none for what has no times.
    pub cut: [[Option<f64>; 2]; 2],
    /// Values of those that began before and after, and of the others: events a day, a share, or seconds.
    pub values: [[Option<f64>; 2]; 2],
    /// Events of those that began before and after, and of the others.
    pub events: [[u64; 2]; 2],
    /// What entered, service by service.
    pub rows: Vec<UnitRow>,
    /// The share of ways to deal the dates out to services that shows as much; `None` without others.
    pub permutation_p: Option<f64>,
    /// The same analysis at dates at which nothing happened.
    pub placebo: Option<PlaceboDateCheck>,
    /// The same analysis of services to which nothing happened.
    pub placebo_services: Option<PlaceboServiceCheck>,
    /// Whether those that began had changed already before.
    pub leads: Option<LeadCheck>,
    /// Four weeks at a time, beside the last four before.
    pub event_study: Vec<EventPoint>,
    /// The services without which the effect is lowest and highest.
    pub left_out: Option<[LeftOutService; 2]>,
    /// How strong something unseen would have to be to explain the estimate away, and the limit.
    pub e_value: Option<[f64; 2]>,
    /// The same question asked in other ways, lowest effect first.
    pub specifications: Vec<Specification>,
    /// Week by week.
    pub series: Option<SeriesView>,
    /// What has to hold for an effect that a series gave.
    pub series_check: Option<SeriesCheck>,
}

/// The two sides of a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sides<'p> {
    pub(crate) place: &'p Place,
    pub(crate) cohort: usize,
    pub(crate) before: WeekCell,
    pub(crate) after: WeekCell,
    /// What is considered of the service, a number for each column.
    pub(crate) covariates: &'p [f64],
}

/// Both sides of every service that has enough of both.
pub(crate) fn sides<'p>(history: &'p History, design: &'p Design) -> Vec<Sides<'p>> {
    sides_of(history, design, FEWEST_DAYS, &|place| (place.before, place.after))
}

/// The weeks before and after of a place, each as `[from, to)`.
pub(crate) type WeeksOf<'w> = &'w dyn Fn(&Place) -> ((usize, usize), (usize, usize));

/// The same over other weeks of each place.
pub(crate) fn sides_of<'p>(
    history: &'p History,
    design: &'p Design,
    fewest_days: f64,
    weeks: WeeksOf<'_>,
) -> Vec<Sides<'p>> {
    let mut found = Vec::new();
    for (cohort, places) in design.cohorts.iter().enumerate() {
        for place in &places.places {
            let (before, after) = weeks(place);
            let service = &history.services[place.service];
            let (before, after) = (service.between(before.0, before.1), service.between(after.0, after.1));
            let is_watched = [before, after].iter().all(|side| side.days >= fewest_days - SLACK_DAYS);
            let is_there = history.measure == Measure::Rate || (before.count > 0 && after.count > 0);
            if is_watched && is_there {
                let covariates = service.covariates.as_deref().unwrap_or(&[]);
                found.push(Sides { place, cohort, before, after, covariates });
            }
        }
    }
    found
}

/// How a metric's effect is estimated, in words.
fn method(measure: Measure, is_controlled: bool, spread: ChangeSpread) -> &'static str {
    match (measure, is_controlled) {
        (Measure::Rate, true) if spread == ChangeSpread::Alike => {
            "ratio of ratios of rates, one change a service, errors alike"
        }
        (Measure::Duration, true) if spread == ChangeSpread::Alike => {
            "difference of mean log changes, one a service, errors alike"
        }
        (Measure::Share, true) if spread == ChangeSpread::Alike => {
            "difference of changes of shares, one a service, errors alike"
        }
        (Measure::Rate, true) => "ratio of ratios of rates, one change a service, CR2",
        (Measure::Rate, false) => "mean ratio of rates of those that began, CR2",
        (Measure::Duration, true) => "difference of mean log changes, one a service, CR2",
        (Measure::Duration, false) => "mean log change of those that began, CR2",
        (Measure::Share, true) => "difference of changes of shares, one a service, CR2",
        (Measure::Share, false) => "mean change of the share of those that began, CR2",
    }
}

/// Estimates the effect from both sides of every service.
pub(crate) fn estimate(measure: Measure, sides: &[Sides<'_>]) -> Result<EffectEstimate, EffectError> {
    let contrast = contrast(measure, sides).map_err(|error| EffectError::Insufficient(told(&error)))?;
    let degrees = contrast.effect.degrees_of_freedom.unwrap_or(f64::INFINITY);
    if degrees < FEWEST_DEGREES {
        return Err(EffectError::Insufficient(format!(
            "{} services that began and {} others leave {degrees:.1} degrees of freedom, and below {FEWEST_DEGREES} no \
             interval holds",
            contrast.units[0], contrast.units[1],
        )));
    }
    let weights: BTreeMap<(usize, usize), (f64, f64)> =
        contrast.changes.iter().map(|(row, weight)| ((row.unit, row.cohort), (row.estimate, *weight))).collect();
    let rows = sides.iter().filter_map(|side| {
        let (change, weight) = *weights.get(&(side.place.service, side.cohort))?;
        Some(UnitRow {
            service: side.place.name.clone(),
            cohort: side.cohort,
            is_treated: side.place.is_treated,
            days: [side.before.days, side.after.days],
            events: [side.before.count, side.after.count],
            values: [value(measure, &side.before), value(measure, &side.after)],
            change,
            weight,
        })
    });
    Ok(EffectEstimate {
        wald: contrast.effect,
        method: method(measure, contrast.is_controlled, contrast.spread),
        units: contrast.units,
        is_controlled: contrast.is_controlled,
        rows: rows.collect(),
    })
}

/// The contrast without looking at how sure it is.
pub(crate) fn contrast(measure: Measure, sides: &[Sides<'_>]) -> Result<ChangeContrast, ChangeContrastError> {
    if measure == Measure::Rate {
        let counts: Vec<UnitCounts> = sides
            .iter()
            .map(|side| UnitCounts {
                unit: side.place.service,
                cohort: side.cohort,
                is_treated: side.place.is_treated,
                events: [side.before.count, side.after.count],
                exposures: [side.before.days, side.after.days],
            })
            .collect();
        return stats::change_contrast_of_counts_adjusted(&counts, &covariates(sides));
    }
    // Both sides have something in them, so that none is left out on the way.
    stats::change_contrast_adjusted(&changes(measure, sides), &covariates(sides))
}

/// A column for each number that is considered.
fn covariates(sides: &[Sides<'_>]) -> Vec<Vec<f64>> {
    let columns = sides.first().map_or(0, |side| side.covariates.len());
    (0..columns).map(|column| sides.iter().map(|side| side.covariates[column]).collect()).collect()
}

/// One change a service, positive for better, with the variance that sampling alone would give it.
pub(crate) fn changes(measure: Measure, sides: &[Sides<'_>]) -> Vec<UnitChange> {
    let spread = spread(measure, sides);
    let level = |cell: &WeekCell| if measure == Measure::Share { cell.share() } else { cell.mean() };
    sides
        .iter()
        .filter_map(|side| {
            let (before, after) = (level(&side.before)?, level(&side.after)?);
            let size = |cell: &WeekCell| 1.0 / cell.count as f64;
            Some(UnitChange {
                unit: side.place.service,
                cohort: side.cohort,
                is_treated: side.place.is_treated,
                estimate: told_apart(before - after),
                variance: spread * (size(&side.before) + size(&side.after)),
            })
        })
        .collect()
}

/// A difference of two means of logarithms or of two shares; below this it is the rounding of their sums.
pub(crate) fn told_apart(difference: f64) -> f64 {
    const ROUNDING: f64 = 1e-10;
    if difference.abs() < ROUNDING { 0.0 } else { difference }
}

/// The variance of one event: within services and sides for durations, of the share of all for shares; 1 where there is
/// nothing to see it by, which leaves weights by size.
fn spread(measure: Measure, sides: &[Sides<'_>]) -> f64 {
    let cells = || sides.iter().flat_map(|side| [side.before, side.after]);
    let found = if measure == Measure::Share {
        cells().fold(WeekCell::default(), WeekCell::and).share().map(|share| share * (1.0 - share))
    } else {
        let parts = cells().map(|cell| cell.deviations());
        let (squares, freedom) = parts.fold((0.0, 0.0), |(a, b), (squares, freedom)| (a + squares, b + freedom));
        (freedom > 0.0).then(|| squares / freedom)
    };
    found.filter(|spread| *spread > 0.0).unwrap_or(1.0)
}

/// What a side shows: events a day, a share, or the geometric mean of seconds.
pub(crate) fn value(measure: Measure, cell: &WeekCell) -> Option<f64> {
    match measure {
        Measure::Rate => (cell.days > 0.0).then(|| cell.count as f64 / cell.days),
        Measure::Share => cell.share(),
        Measure::Duration => cell.mean().map(libm::exp),
    }
}

/// Why there is no contrast, for a reader of a report.
fn told(error: &ChangeContrastError) -> String {
    match error {
        ChangeContrastError::NoTreated => {
            "no service that began has four weeks on both sides with anything in them".to_owned()
        }
        ChangeContrastError::TooFewUnits { units, .. } => {
            let services = if *units == 1 { "1 service".to_owned() } else { format!("{units} services") };
            format!("{services} with anything on both sides leave no error between services")
        }
        ChangeContrastError::OneUnit => "one service on a side shows no error between services".to_owned(),
        ChangeContrastError::Regression(ClusteredError::NoSpread { .. }) => {
            "the changes of services do not vary, so that they show no error".to_owned()
        }
        other => other.to_string(),
    }
}
