//! The same services as a panel of four-week blocks, for the estimators that look at every block by itself.

use stats::{GroupTimeEffects, Interval, Panel, PanelUnit, StaggeredPlan, Wald};

use super::design::Design;
use super::effect::value;
use super::history::{History, Measure};

/// Weeks of a block.
const WEEKS: usize = 4;
/// So many services that began are met by mixtures of others.
const MOST_MIXED: usize = 2;
/// Placebos for the error of such a mixture, where not all are looked at.
const PLACEBOS: usize = 200;
/// Days of a block that have to be read.
const DAYS: f64 = 27.5;

/// An effect over blocks, positive for better, on the scale of the metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OverBlocks {
    /// By which estimator.
    pub(crate) told: String,
    /// The effect.
    pub(crate) estimate: f64,
    /// Its limits; none where this way gives none.
    pub(crate) limits: Option<[f64; 2]>,
    /// Services that began, and others.
    pub(crate) services: [usize; 2],
}

/// Effects by group-time averages and by imputation, and of one service or two by mixtures of others. A block in which a service began counts as after. Only services
/// with something in every block enter.
pub(crate) fn over_blocks(history: &History, design: &Design, (alpha, seed): (f64, u64)) -> Vec<OverBlocks> {
    let Some((panel, services)) = panel(history, design) else { return Vec::new() };
    let group_time = GroupTimeEffects::estimate(&panel, StaggeredPlan::default())
        .and_then(|effects| effects.by_group())
        .map(|effects| effects.overall);
    let imputed = stats::imputation_effect(&panel).map(|found| found.effects.overall);
    let mut ways = vec![
        ("group-time effects over four-week blocks, others not yet begun (Callaway and Sant'Anna)", group_time.ok()),
        ("imputed from untreated four-week blocks (Borusyak, Jaravel and Spiess)", imputed.ok()),
    ];
    if services[0] <= MOST_MIXED {
        let mixed = stats::placebo_variance(&panel, PLACEBOS, seed).ok().map(|found| found.effect);
        ways.push(("synthetic difference in differences over four-week blocks, error by placebos", mixed));
    }
    let mut found: Vec<OverBlocks> = ways
        .into_iter()
        .filter_map(|(told, wald)| {
            // Their errors know nothing of how few services there are.
            let freedom = (services[0] + services[1]).checked_sub(2).filter(|left| *left >= 2)?;
            let wald = Wald { degrees_of_freedom: Some(freedom as f64), ..wald? };
            let interval = on_scale(history.measure, wald.interval(1.0 - alpha).ok()?)?;
            let limits = Some([interval.low, interval.high]);
            Some(OverBlocks { told: told.to_owned(), estimate: interval.estimate, limits, services })
        })
        .collect();
    found.extend(synthetic(history.measure, &panel, services));
    found
}

/// One service against the mixture of others that met it best before.
fn synthetic(measure: Measure, panel: &Panel, services: [usize; 2]) -> Option<OverBlocks> {
    let control = stats::synthetic_control(panel).ok().filter(|_| services[0] == 1)?;
    let among = stats::placebo_units(panel).ok().map_or_else(String::new, |placebo| {
        format!(", p {:.2} among {} that take its place", placebo.p, placebo.others.len() + 1)
    });
    let told = format!("synthetic control over four-week blocks{among}");
    let estimate = if measure == Measure::Rate {
        libm::log1p(Some(control.effect).filter(|effect| *effect > -1.0)?)
    } else {
        control.effect
    };
    Some(OverBlocks { told, estimate, limits: None, services })
}

/// Rates enter relative to their own mean before, so that an effect of 0.1 is a tenth more: as a logarithm, ln 1.1.
fn on_scale(measure: Measure, interval: Interval) -> Option<Interval> {
    if measure != Measure::Rate {
        return Some(interval);
    }
    // Where the lower limit is below nothing at all, the logarithm has none.
    (interval.low > -1.0).then(|| Interval {
        estimate: libm::log1p(interval.estimate),
        low: libm::log1p(interval.low),
        high: libm::log1p(interval.high),
        ..interval
    })
}

fn panel(history: &History, design: &Design) -> Option<(Panel, [usize; 2])> {
    let places = || design.cohorts.iter().flat_map(|cohort| cohort.places.iter().map(move |place| (cohort, place)));
    let first_date = design.cohorts.iter().map(|cohort| cohort.first_after).min()?;
    let (low, high) =
        (places().map(|(_, place)| place.before.0).min()?, places().map(|(_, place)| place.after.1).max()?);
    let start = first_date - WEEKS * (first_date.checked_sub(low)? / WEEKS);
    let blocks = high.min(history.mature).checked_sub(start)? / WEEKS;
    let mut units: Vec<PanelUnit> = Vec::new();
    let mut services = [0, 0];
    let mut seen: Vec<usize> = places().map(|(_, place)| place.service).collect();
    seen.sort_unstable();
    seen.dedup();
    for service in seen {
        let own = places().find(|(_, place)| place.service == service && place.is_treated);
        // What was given up within the weeks is neither treated nor untreated behind that.
        let is_given_up = own.is_some_and(|(_, place)| place.given_up < history.weeks.len());
        if is_given_up {
            continue;
        }
        let first_treated = own.map(|(cohort, _)| (cohort.first_after - start) / WEEKS).filter(|block| *block < blocks);
        let before = first_treated.unwrap_or((first_date - start) / WEEKS);
        if let Some(outcomes) = outcomes(history, service, start, blocks, before) {
            services[usize::from(first_treated.is_none())] += 1;
            units.push(PanelUnit::new(outcomes, first_treated));
        }
    }
    Panel::new(&units).ok().map(|panel| (panel, services))
}

/// The value of every block, positive for better; none where a block has none.
fn outcomes(history: &History, service: usize, start: usize, blocks: usize, before: usize) -> Option<Vec<f64>> {
    let cells = &history.services[service];
    let found: Option<Vec<f64>> = (0..blocks)
        .map(|block| {
            let from = start + WEEKS * block;
            let cell = cells.between(from, from + WEEKS);
            let value = value(history.measure, &cell).filter(|_| cell.days >= DAYS)?;
            Some(match history.measure {
                Measure::Rate => value,
                Measure::Share => -value,
                Measure::Duration => -libm::log(value),
            })
        })
        .collect();
    let mut found = found?;
    if history.measure == Measure::Rate {
        let usual = found.iter().take(before).sum::<f64>() / before as f64;
        if usual.is_nan() || usual <= 0.0 {
            return None;
        }
        for value in &mut found {
            *value /= usual;
        }
    }
    Some(found)
}
