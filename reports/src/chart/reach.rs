//! How far the axes of a chart reach.

use crate::document::{Mark, Point};

const DAY_SECONDS: i64 = 86_400;
/// How many usual distances between a value and the end of its interval an axis makes room for.
const ROOM: f64 = 3.0;

/// The drawn range of time and the marks inside it. Marks far from the data would squeeze them and are left out.
pub(super) fn of_time(instants: impl Iterator<Item = i64>, marks: &[Mark]) -> Option<(i64, i64, Vec<usize>)> {
    let (first, last) = instants.fold(None, |range: Option<(i64, i64)>, at| {
        let (first, last) = range.unwrap_or((at, at));
        Some((first.min(at), last.max(at)))
    })?;
    let reach = ((last - first) / 4).max(DAY_SECONDS);
    let near: Vec<usize> =
        (0..marks.len()).filter(|&index| (first - reach..=last + reach).contains(&marks[index].at_seconds)).collect();
    let start = near.iter().map(|&index| marks[index].at_seconds).fold(first, i64::min);
    let end = near.iter().map(|&index| marks[index].at_seconds).fold(last, i64::max);
    let margin = ((end - start) / 40).max(if start == end { DAY_SECONDS } else { 3600 });
    Some((start - margin, end + margin, near))
}

/// The drawn range of values: every value, and the ends of intervals unless they are both far beyond the usual and so
/// far that most of the chart would be theirs. A window that has hardly begun has an interval many times as wide as the
/// others, which would press all values onto a line.
pub(super) fn of_values<'a>(points: impl Iterator<Item = &'a Point> + Clone, from_zero: bool) -> Option<(f64, f64)> {
    let ends = points.clone().flat_map(|point| [point.low, point.value, point.high]).flatten();
    let (low, high) = extremes(ends)?;
    let Some((lowest, highest)) = extremes(points.clone().filter_map(|point| point.value)) else {
        return Some((low, high));
    };
    let below = usual(points.clone().filter_map(|point| Some(point.value? - point.low?)));
    let above = usual(points.filter_map(|point| Some(point.high? - point.value?)));
    let (bottom, top) = if from_zero { (lowest.min(0.0), highest.max(0.0)) } else { (lowest, highest) };
    let room = |usual: f64| (ROOM * usual).max(top - bottom);
    Some((low.max(lowest - room(below)), high.min(highest + room(above))))
}

fn extremes(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((value.min(low), value.max(high)))
    })
}

/// The median distance; unlimited where there is none.
fn usual(distances: impl Iterator<Item = f64>) -> f64 {
    let mut distances: Vec<f64> = distances.collect();
    distances.sort_unstable_by(f64::total_cmp);
    distances.get(distances.len() / 2).copied().unwrap_or(f64::INFINITY)
}
