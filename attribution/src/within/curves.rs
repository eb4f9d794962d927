//! The same services by the curves of their times: medians, other quantiles, and means up to a horizon.

use derive::Observations;
use lake::Instant;
use stats::{ChangedSubject, CurveSummary, Interval};

use super::design::Design;
use super::history::{History, Reading, SHORTEST_SECONDS};
use super::terms::Terms;

/// Times that services are drawn anew.
const REPLICATES: usize = 499;
/// More times than this are not drawn from: it would take minutes.
const MOST_SUBJECTS: usize = 100_000;

/// An effect by curves, positive for better.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OfCurves {
    /// What was read from the curves.
    pub(crate) told: &'static str,
    /// The effect with its limits.
    pub(crate) interval: Interval,
    /// Services that began, and others.
    pub(crate) services: [usize; 2],
}

/// Effects on what can be read from curves of a metric's times; none for a metric that has no times.
pub(crate) fn of_curves(
    history: &History,
    design: &Design,
    observations: &Observations,
    terms: &Terms,
) -> Vec<OfCurves> {
    let Some(reading) = Reading::of(&history.metric) else { return Vec::new() };
    let horizon = reading.follow(terms) as f64 / Instant::MICROS as f64;
    let summaries: &[(CurveSummary, &str)] = match reading.observed {
        "change_lead_time" => &[
            (CurveSummary::Quantile { probability: 0.5 }, "ratio of medians of all changes"),
            (CurveSummary::Quantile { probability: 0.9 }, "ratio of ninth deciles of all changes"),
        ],
        "failed_deployment_recovery_time" => &[
            (
                CurveSummary::RestrictedMean { horizon },
                "ratio of mean times out of service, as far as they are followed",
            ),
            (CurveSummary::Quantile { probability: 0.5 }, "ratio of Kaplan-Meier medians of all failures"),
        ],
        _ => return Vec::new(),
    };
    let subjects = subjects(history, design, observations, reading, reading.follow(terms));
    if subjects.len() > MOST_SUBJECTS {
        return Vec::new();
    }
    summaries
        .iter()
        .filter_map(|(summary, told)| {
            let found = stats::curve_change(&subjects, *summary, REPLICATES, terms.seed).ok()?;
            let interval = found.log_ratio.interval(1.0 - terms.alpha).ok()?;
            // Shorter is better.
            let turned =
                Interval { estimate: -interval.estimate, low: -interval.high, high: -interval.low, ..interval };
            Some(OfCurves { told, interval: turned, services: found.units })
        })
        .collect()
}

fn subjects(
    history: &History,
    design: &Design,
    observations: &Observations,
    reading: &Reading,
    follow: i64,
) -> Vec<ChangedSubject> {
    let mature = history.mature;
    let span = |(from, to): (usize, usize)| {
        let to = to.min(mature);
        (from < to).then(|| (history.weeks[from].start, history.weeks[to - 1].end))
    };
    let mut subjects = Vec::new();
    for (cohort, places) in design.cohorts.iter().enumerate() {
        for place in &places.places {
            let seen = observations.services.get(&place.name);
            let rows = seen.and_then(|seen| seen.metrics.get(reading.observed));
            let (Some(rows), Some(before), Some(after)) = (rows, span(place.before), span(place.after)) else {
                continue;
            };
            for row in rows {
                let is_in = |(from, to): (Instant, Instant)| from <= row.at && row.at < to;
                let is_after = is_in(after);
                let Some(seconds) = reading.seconds(row, follow).filter(|_| is_after || is_in(before)) else {
                    continue;
                };
                subjects.push(ChangedSubject {
                    duration: seconds.max(SHORTEST_SECONDS),
                    observed: is_seen_whole(row, seconds),
                    unit: place.service,
                    cohort,
                    is_treated: place.is_treated,
                    is_after,
                });
            }
        }
    }
    subjects
}

/// Whether a time is as long as it says. What a change waits behind its merge is cut for all alike, and stands as it is cut.
fn is_seen_whole(row: &derive::Observation, seconds: f64) -> bool {
    row.delay_seconds.is_some()
        || (row.is_counted == Some(true) && row.total_seconds.is_some_and(|total| total <= seconds))
}
