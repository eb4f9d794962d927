//! Would the same dates, dealt out to other services, show as much? Where services began at several dates, whole dates change
//! hands: a service that is dealt a later date stands beside the earlier ones, as it would have.

use stats::Philox;

use super::design::{Design, Place};
use super::history::{History, Measure, WeekCell};
use super::terms::Terms;

/// A service and the change that it shows beside each date, where it has both sides.
struct Row {
    /// Its date, as the place of a cohort; none where it did not begin.
    date: Option<usize>,
    changes: Vec<Option<f64>>,
}

/// The share of ways to deal the dates out that show as much as the true one.
///
/// # Formula
/// ```text
/// T = Σ_c n_c (mean change of those dealt date c − mean change of those dealt none or a date behind its weeks) / Σ_c n_c
/// p = (1 + #{|T*| ≥ |T|}) / (1 + replicates)
/// ```
/// A change is that of a share or of a mean logarithm; of counts that of `asin √` of the share of events that lie after, which
/// has about one variance whatever the share, and an answer where there is no event.
///
/// # Source
/// Fisher (1935), The Design of Experiments, section 21. Roth & Sant'Anna (2023), Journal of Political Economy:
/// Microeconomics 1, 669–709 (dates as good as random). Freeman & Tukey (1950), Annals of Mathematical Statistics 21, 607–611.
pub(super) fn dates(measure: Measure, history: &History, design: &Design, terms: &Terms) -> Option<f64> {
    let rows = rows(measure, history, design);
    let dates: Vec<Option<usize>> = rows.iter().map(|row| row.date).collect();
    let observed = statistic(design, &rows, &dates)?;
    let (mut at_least, mut drawn) = (1_u64, 1_u64);
    for number in 0..u64::from(terms.replicates) {
        let mut dealt = dates.clone();
        shuffle(&mut dealt, &mut Philox::new(terms.seed, number));
        let Some(found) = statistic(design, &rows, &dealt) else { continue };
        drawn += 1;
        // Rounding makes no deal rarer than another.
        at_least += u64::from(found.abs() >= observed.abs() * (1.0 - 1e-12));
    }
    Some(at_least as f64 / drawn as f64)
}

fn rows(measure: Measure, history: &History, design: &Design) -> Vec<Row> {
    let mut services: Vec<usize> =
        design.cohorts.iter().flat_map(|cohort| cohort.places.iter().map(|place| place.service)).collect();
    services.sort_unstable();
    services.dedup();
    let beside = |service: usize, cohort: usize| {
        let place: &Place = design.cohorts[cohort].places.first()?;
        let cells = &history.services[service];
        let (before, after) =
            (cells.between(place.before.0, place.before.1), cells.between(place.after.0, place.after.1));
        change(measure, &before, &after)
    };
    services
        .into_iter()
        .map(|service| Row {
            date: design.cohorts.iter().position(|cohort| cohort.of(true).any(|place| place.service == service)),
            changes: (0..design.cohorts.len()).map(|cohort| beside(service, cohort)).collect(),
        })
        .collect()
}

/// Positive for better.
fn change(measure: Measure, before: &WeekCell, after: &WeekCell) -> Option<f64> {
    match measure {
        Measure::Rate => {
            let days = before.days + after.days;
            if before.days <= 0.0 || after.days <= 0.0 {
                return None;
            }
            let events = (before.count + after.count) as f64;
            let share = (after.count as f64 + 0.375) / (events + 0.75);
            Some(libm::asin(share.sqrt()) - libm::asin((after.days / days).sqrt()))
        }
        Measure::Share => Some(before.share()? - after.share()?),
        Measure::Duration => Some(before.mean()? - after.mean()?),
    }
}

fn statistic(design: &Design, rows: &[Row], dates: &[Option<usize>]) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (number, cohort) in design.cohorts.iter().enumerate() {
        let end = cohort.places.first()?.after.1;
        let (mut treated, mut others) = ((0.0, 0.0), (0.0, 0.0));
        for (row, date) in rows.iter().zip(dates) {
            let Some(change) = row.changes[number] else { continue };
            let arm = match date {
                Some(own) if *own == number => &mut treated,
                Some(own) if design.cohorts[*own].first_after < end => continue,
                _ => &mut others,
            };
            *arm = (arm.0 + change, arm.1 + 1.0);
        }
        if treated.1 > 0.0 && others.1 > 0.0 {
            sum += treated.1 * (treated.0 / treated.1 - others.0 / others.1);
            weights += treated.1;
        }
    }
    (weights > 0.0).then(|| sum / weights)
}

fn shuffle<T>(values: &mut [T], random: &mut Philox) {
    for place in (1..values.len()).rev() {
        let Some(bound) = std::num::NonZeroU64::new(place as u64 + 1) else { continue };
        let other = usize::try_from(random.below(bound)).unwrap_or(place);
        values.swap(place, other);
    }
}
