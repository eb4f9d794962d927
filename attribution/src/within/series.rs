//! One series and one date: what those that began did week by week, beside the others where there are any.

use serde::Serialize;
use stats::{InterruptedSeries, SeriesFit, Wald};

use super::design::{Cohort, Design, FEWEST_POINTS, Place};
use super::effect::{told_apart, value};
use super::history::{History, Measure, WeekCell};

/// At most so many weeks before a date enter a series.
const MOST_WEEKS: usize = 104;
/// Weeks that are laid together until none is empty.
const LENGTHS: [usize; 4] = [1, 2, 3, 4];
/// Lags in which errors are looked at for likeness.
const LAGS: usize = 4;

/// One point of a series.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SeriesPoint {
    /// Its start, in microseconds since 1970.
    pub start: i64,
    /// Its end.
    pub end: i64,
    /// What those that began did: events a day, a share, or the geometric mean of seconds.
    pub treated: Option<f64>,
    /// What the others did.
    pub others: Option<f64>,
    /// Where those that began would have been by the trend before, with limits at level 0.95.
    pub counterfactual: Option<[f64; 3]>,
}

/// A series around the date at which most services began.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesView {
    /// Weeks in a point.
    pub weeks_each: usize,
    /// The first point after the date.
    pub first_after: usize,
    /// The points.
    pub points: Vec<SeriesPoint>,
}

/// What has to hold for a series.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SeriesCheck {
    /// Points before and after.
    pub points: [usize; 2],
    /// The correlation of neighbouring errors, which the interval allows for.
    pub autocorrelation: Option<f64>,
    /// The probability of errors as alike as those that are left, up to four points apart, if they were not alike.
    pub alike_p: Option<f64>,
}

/// What a series says.
#[derive(Clone, Debug)]
pub(crate) struct SeriesEffect {
    /// Positive for better: the mean distance from the trend before, over the points after.
    pub(crate) wald: Wald,
    pub(crate) is_controlled: bool,
    pub(crate) check: SeriesCheck,
    /// The points before, oriented, for analyses of dates at which nothing happened.
    pub(crate) before: Vec<f64>,
    pub(crate) view: SeriesView,
}

/// A series laid out in points of a length at which none is empty.
struct Laid {
    length: usize,
    /// Weeks `[from, to)` of each point.
    spans: Vec<(usize, usize)>,
    first_after: usize,
    /// Oriented: positive is better; those that began less the others.
    values: Vec<f64>,
    /// The part of the others in `values`.
    others: Vec<f64>,
    is_controlled: bool,
}

/// The effect by a series; the reason where there is none.
pub(crate) fn series(history: &History, design: &Design) -> Result<SeriesEffect, String> {
    let cohort =
        design.cohorts.iter().max_by_key(|cohort| (cohort.of(true).count(), std::cmp::Reverse(cohort.first_after)));
    let cohort = cohort.ok_or_else(|| "no service began".to_owned())?;
    let laid = LENGTHS.iter().find_map(|length| lay(history, cohort, *length));
    let laid = laid.ok_or_else(|| {
        format!("there are not {FEWEST_POINTS} points on each side with something in each, at up to four weeks a point")
    })?;
    let fit = fit(&laid.values, laid.first_after)?;
    let wald = fit.average_effect().map_err(|error| error.to_string())?;
    Ok(SeriesEffect {
        wald,
        is_controlled: laid.is_controlled,
        check: SeriesCheck {
            points: [laid.first_after, laid.values.len() - laid.first_after],
            autocorrelation: fit.autocorrelation(),
            alike_p: fit.ljung_box(LAGS).ok().map(|test| test.p),
        },
        before: laid.values[..laid.first_after].to_vec(),
        view: view(history, cohort, &laid, &fit),
    })
}

/// The regression of a series: level and slope before, and how both changed; errors of neighbours are alike.
pub(crate) fn fit(values: &[f64], date: usize) -> Result<SeriesFit, String> {
    InterruptedSeries::new(values, date).fit().map_err(|error| error.to_string())
}

/// Points on the shorter side of the longest series that there is, in weeks.
pub(crate) fn points_each_side(history: &History, design: &Design) -> usize {
    let each = |cohort: &Cohort| {
        let (before, after) = bounds(history, cohort);
        (before.1 - before.0).min(after.1 - after.0)
    };
    design.cohorts.iter().map(each).max().unwrap_or(0)
}

/// The weeks before and after that a series can use.
fn bounds(history: &History, cohort: &Cohort) -> ((usize, usize), (usize, usize)) {
    let treated = || cohort.of(true);
    let before = treated().map(|place| place.before.1).min().unwrap_or(0).min(history.mature);
    let after = treated().map(|place| place.after.1).max().unwrap_or(0).min(history.mature);
    let watched =
        |week: usize| treated().any(|place| history.services[place.service].between(week, week + 1).days > 0.0);
    let from = (before.saturating_sub(MOST_WEEKS)..before).find(|week| watched(*week)).unwrap_or(before);
    ((from, before), (cohort.first_after.min(after), after))
}

fn lay(history: &History, cohort: &Cohort, length: usize) -> Option<Laid> {
    let (before, after) = bounds(history, cohort);
    let count = |(from, to): (usize, usize)| (to - from) / length;
    if count(before) < FEWEST_POINTS || count(after) < FEWEST_POINTS {
        return None;
    }
    // Whole points, laid from the date outwards.
    let first = before.1 - count(before) * length;
    let earlier = (0..count(before)).map(|point| (first + point * length, first + (point + 1) * length));
    let later = (0..count(after)).map(|point| (after.0 + point * length, after.0 + (point + 1) * length));
    let spans: Vec<(usize, usize)> = earlier.chain(later).collect();
    let own = Centred::of(history, cohort.of(true), &spans);
    let others = Centred::of(history, cohort.of(false), &spans);
    let treated = own.values(&spans).into_iter().collect::<Option<Vec<f64>>>()?;
    let is_controlled = cohort.of(false).next().is_some();
    let others = if is_controlled {
        others.values(&spans).into_iter().collect::<Option<Vec<f64>>>()?
    } else {
        vec![0.0; spans.len()]
    };
    let values = treated.iter().zip(&others).map(|(own, other)| own - other).collect();
    Some(Laid { length, first_after: count(before), spans, values, others, is_controlled })
}

/// Services beside one another, each about its own level, so that a week in which a slow service is busy is no slow week.
struct Centred<'h> {
    history: &'h History,
    services: Vec<(usize, f64)>,
}

impl<'h> Centred<'h> {
    fn of<'p>(history: &'h History, places: impl Iterator<Item = &'p Place>, spans: &[(usize, usize)]) -> Self {
        let (from, to) = (spans.first().map_or(0, |span| span.0), spans.last().map_or(0, |span| span.1));
        let level = |place: &Place| {
            let all = history.services[place.service].between(from, to);
            let level = match history.measure {
                Measure::Rate => 0.0,
                Measure::Share => all.share()?,
                Measure::Duration => all.mean()?,
            };
            Some((place.service, level))
        };
        Self { history, services: places.filter_map(level).collect() }
    }

    /// The oriented value of each point, where there is one.
    fn values(&self, spans: &[(usize, usize)]) -> Vec<Option<f64>> {
        spans.iter().map(|span| self.value(*span)).collect()
    }

    fn value(&self, (from, to): (usize, usize)) -> Option<f64> {
        let cells =
            self.services.iter().map(|(service, level)| (self.history.services[*service].between(from, to), level));
        let (mut whole, mut centred) = (WeekCell::default(), 0.0);
        for (cell, level) in cells {
            let count = cell.count as f64;
            centred += match self.history.measure {
                Measure::Rate => 0.0,
                Measure::Share => cell.marked as f64 - count * level,
                Measure::Duration => cell.sum - count * level,
            };
            whole = whole.and(cell);
        }
        match self.history.measure {
            Measure::Rate => (whole.count > 0 && whole.days > 0.0).then(|| libm::log(whole.count as f64 / whole.days)),
            Measure::Share | Measure::Duration => (whole.count > 0).then(|| told_apart(-centred / whole.count as f64)),
        }
    }
}

/// The series for a reader, on the scale of the metric.
fn view(history: &History, cohort: &Cohort, laid: &Laid, fit: &SeriesFit) -> SeriesView {
    let together = |is_treated: bool, (from, to): (usize, usize)| {
        let cells = cohort.of(is_treated).map(|place| history.services[place.service].between(from, to));
        cells.fold(WeekCell::default(), WeekCell::and)
    };
    let counterfactual = fit.counterfactual(0.95).ok();
    let points = laid.spans.iter().enumerate().map(|(at, span)| {
        let treated = value(history.measure, &together(true, *span));
        let limits = counterfactual.as_ref().filter(|_| at >= laid.first_after).and_then(|points| {
            let interval = points.get(at)?.counterfactual;
            // How far the counterfactual lies from what was seen, carried over to the scale that is shown.
            let shown = treated?;
            let shift = |oriented: f64| {
                let away = oriented + laid.others[at] - (laid.values[at] + laid.others[at]);
                match history.measure {
                    Measure::Rate => shown * libm::exp(away),
                    Measure::Duration => shown * libm::exp(-away),
                    Measure::Share => (shown - away).clamp(0.0, 1.0),
                }
            };
            let (one, other) = (shift(interval.low), shift(interval.high));
            Some([one.min(other), shift(interval.estimate), one.max(other)])
        });
        SeriesPoint {
            start: history.weeks[span.0].start.0,
            end: history.weeks[span.1 - 1].end.0,
            treated,
            others: laid.is_controlled.then(|| value(history.measure, &together(false, *span))).flatten(),
            counterfactual: limits,
        }
    });
    SeriesView { weeks_each: laid.length, first_after: laid.first_after, points: points.collect() }
}
