//! What a sceptic asks of an effect: would chance show as much, would dates at which nothing happened, had those that began
//! changed already before, and does one service carry it all?

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use serde::Serialize;
use stats::{Philox, Wald};

use super::dealing;
use super::design::{Cohort, Design, Place};
use super::effect::{EffectError, estimate, sides, sides_of};
use super::history::{History, Measure};
use super::series;
use super::terms::Terms;
use crate::criterion::Class;

/// Weeks of a block in an event study, and of the shortest side at a placebo date.
const BLOCK: usize = 4;
/// Days of such a block that have to be read.
const BLOCK_DAYS: f64 = 28.0;
/// Blocks before and after the one that the others stand beside.
const BLOCKS: usize = 6;
/// Points on each side of a placebo date in a series: at most, and at least.
const SERIES_SIDES: (usize, usize) = (12, 6);
/// Placebo dates that a series needs.
pub(crate) const PLACEBO_DATES: usize = 20;
/// Choices of services to which nothing happened, and the fewest that have to be there.
const CHOICES: u64 = 200;
const FEWEST_OTHERS: usize = 8;
/// More services than this are not left out one by one.
const MOST_LEFT_OUT: usize = 500;

/// The same analysis at dates before anything happened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PlaceboDateCheck {
    /// Dates at which it gave an answer.
    pub dates: u64,
    /// Dates at which it found something at level α.
    pub found: u64,
    /// The level.
    pub alpha: f64,
    /// Limits of the rate at which it does so, at level 0.95, as if dates were independent, which neighbours are not.
    pub rate: [f64; 2],
}

impl PlaceboDateCheck {
    fn new(dates: u64, found: u64, alpha: f64) -> Option<Self> {
        let rate = stats::clopper_pearson_interval(found, dates, 0.95).ok()?;
        Some(Self { dates, found, alpha, rate: [rate.low, rate.high] })
    }

    /// How often it found something where there was nothing.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.found as f64 / self.dates as f64
    }
}

/// The same analysis of services to which nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PlaceboServiceCheck {
    /// Choices of services at which it gave an answer.
    pub choices: u64,
    /// Choices at which it found something at level α.
    pub found: u64,
    /// The level.
    pub alpha: f64,
    /// Services that took the place of those that began, and others.
    pub services: [usize; 2],
    /// Limits of the rate at which it does so, at level 0.95, as if choices were independent, which they are not: they share
    /// services.
    pub rate: [f64; 2],
}

impl PlaceboServiceCheck {
    /// How often it found something where there was nothing.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.found as f64 / self.choices as f64
    }
}

/// Whether those that began had moved away from the others before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LeadCheck {
    /// Blocks before that were looked at.
    pub blocks: usize,
    /// The two-sided p-value against no move, of two looks: the smallest among the blocks, times their number, and that of
    /// all of them together; the smaller of both, times two.
    pub p_value: f64,
}

/// Four weeks, beside the last four before the date.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EventPoint {
    /// The first of these weeks, counted from the date; below 0 before it.
    pub week: i64,
    /// The effect, positive for better.
    pub estimate: f64,
    /// Its lower limit at level `1 − α`.
    pub low: f64,
    /// Its upper limit.
    pub high: f64,
}

/// The effect without one service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftOutService {
    /// The service.
    pub service: String,
    /// The effect without it.
    pub estimate: f64,
    /// The class without it.
    pub class: Class,
}

/// The share of ways to deal the dates out to services that show as much.
pub(crate) fn permutation(measure: Measure, history: &History, design: &Design, terms: &Terms) -> Option<f64> {
    if design.cohorts.len() > 1 {
        return dealing::dates(measure, history, design, terms);
    }
    let sides = sides(history, design);
    let contrast = super::effect::contrast(measure, &sides).ok().filter(|contrast| contrast.is_controlled)?;
    let outcome: Vec<f64> = contrast.changes.iter().map(|(change, _)| change.estimate).collect();
    let is_first: Vec<bool> = contrast.changes.iter().map(|(change, _)| change.is_treated).collect();
    let strata: Vec<usize> = contrast.changes.iter().map(|(change, _)| change.cohort).collect();
    let test =
        stats::stratified_permutation_test(&outcome, &is_first, &strata, u64::from(terms.replicates), terms.seed);
    Some(test.ok()?.p_two_sided)
}

/// The analysis of services at every earlier date that leaves four weeks on both sides.
pub(crate) fn placebo_dates(history: &History, design: &Design, terms: &Terms) -> Option<PlaceboDateCheck> {
    let window = usize::try_from(terms.window_weeks).unwrap_or(usize::MAX);
    let earliest = design
        .cohorts
        .iter()
        .map(|cohort| cohort.places.iter().map(|place| place.before.1).min().unwrap_or(0))
        .min()?;
    let (mut dates, mut found) = (0, 0);
    for shift in BLOCK..earliest.saturating_sub(BLOCK - 1) {
        let weeks = |place: &Place| {
            let date = place.before.1 - shift;
            ((date.saturating_sub(window), date), (date, place.before.1.min(date + window)))
        };
        let sides = sides_of(history, design, BLOCK_DAYS, &weeks);
        let Some(p_value) = estimate(history.measure, &sides).ok().and_then(|found| found.wald.p_two_sided().ok())
        else {
            continue;
        };
        dates += 1;
        found += u64::from(p_value < terms.alpha);
    }
    PlaceboDateCheck::new(dates, found, terms.alpha)
}

/// The analysis at the same dates of some that did not begin, as if they had, beside the rest of them.
///
/// As many take each date as began then, fewer where that would leave less than half beside them.
pub(crate) fn placebo_services(history: &History, design: &Design, terms: &Terms) -> Option<PlaceboServiceCheck> {
    let began: BTreeSet<usize> =
        design.cohorts.iter().flat_map(|cohort| cohort.of(true).map(|place| place.service)).collect();
    let mut pool: Vec<usize> = design
        .cohorts
        .iter()
        .flat_map(|cohort| cohort.of(false).map(|place| place.service))
        .filter(|service| !began.contains(service))
        .collect();
    pool.sort_unstable();
    pool.dedup();
    let many: usize = design.cohorts.iter().map(|cohort| cohort.of(true).count()).sum();
    let most = pool.len() / 2;
    let sizes: Vec<usize> = design
        .cohorts
        .iter()
        .map(|cohort| {
            let own = cohort.of(true).count();
            if many <= most { own } else { (own * most) / many }
        })
        .collect();
    let chosen: usize = sizes.iter().sum();
    if pool.len() < FEWEST_OTHERS || chosen == 0 {
        return None;
    }
    let (mut choices, mut found) = (0, 0);
    for number in 0..CHOICES {
        let dealt = dealt(&pool, &sizes, terms.seed, number);
        let design = Design { cohorts: taking_place(design, &dealt), ..design.clone() };
        let answer = estimate(history.measure, &sides(history, &design)).ok();
        let Some(p_value) = answer.and_then(|answer| answer.wald.p_two_sided().ok()) else { continue };
        choices += 1;
        found += u64::from(p_value < terms.alpha);
    }
    let rate = stats::clopper_pearson_interval(found, choices, 0.95).ok()?;
    let services = [chosen, pool.len() - chosen];
    Some(PlaceboServiceCheck { choices, found, alpha: terms.alpha, services, rate: [rate.low, rate.high] })
}

/// Which service takes which date, by chance: the first of a shuffled pool.
fn dealt(pool: &[usize], sizes: &[usize], seed: u64, number: u64) -> BTreeMap<usize, usize> {
    let mut random = Philox::new(seed, number);
    let mut rest = pool.to_vec();
    let mut dealt = BTreeMap::new();
    for (cohort, size) in sizes.iter().enumerate() {
        for _ in 0..*size {
            let Some(left) = NonZeroU64::new(rest.len() as u64) else { break };
            let place = usize::try_from(random.below(left)).unwrap_or(0);
            dealt.insert(rest.swap_remove(place), cohort);
        }
    }
    dealt
}

/// The dates with those that were dealt them, beside those that have no earlier one.
fn taking_place(design: &Design, dealt: &BTreeMap<usize, usize>) -> Vec<Cohort> {
    let cohorts = design.cohorts.iter().enumerate();
    cohorts
        .map(|(number, cohort)| {
            let others = cohort.of(false).filter(|place| dealt.get(&place.service).is_none_or(|own| *own == number));
            let place = |place: &Place| Place { is_treated: dealt.contains_key(&place.service), ..place.clone() };
            Cohort { places: others.map(place).collect(), ..cohort.clone() }
        })
        .collect()
}

/// The analysis of a series at every earlier date that leaves enough points.
pub(crate) fn placebo_dates_of_series(before: &[f64], terms: &Terms) -> Option<PlaceboDateCheck> {
    let room = (before.len() + 1).saturating_sub(PLACEBO_DATES) / 2;
    let each_side = room.min(SERIES_SIDES.0);
    if each_side < SERIES_SIDES.1 {
        return None;
    }
    let procedure = |values: &[f64], date: usize| {
        let wald = series::fit(values, date).ok()?.average_effect().ok()?;
        Some((wald.estimate, wald.p_two_sided().ok()?))
    };
    let found = stats::placebo_dates(before, each_side, terms.alpha, procedure).ok()?;
    PlaceboDateCheck::new(found.answered, found.rejected, terms.alpha)
}

/// Four weeks at a time, each beside the last four before the date.
pub(crate) fn event_study(history: &History, design: &Design, alpha: f64) -> (Vec<EventPoint>, Option<LeadCheck>) {
    let block = |place: &Place, number: usize, is_before: bool| {
        if is_before {
            let end = place.before.1.checked_sub(BLOCK * (number + 1))?;
            Some((end.checked_sub(BLOCK)?, end))
        } else {
            let start = place.after.0 + BLOCK * number;
            Some((start, start + BLOCK)).filter(|(_, end)| *end <= place.given_up)
        }
    };
    let base = |place: &Place| (place.before.1.saturating_sub(BLOCK), place.before.1);
    let at = |number: usize, is_before: bool| -> Option<Wald> {
        let weeks = |place: &Place| (base(place), block(place, number, is_before).unwrap_or((0, 0)));
        Some(estimate(history.measure, &sides_of(history, design, BLOCK_DAYS, &weeks)).ok()?.wald)
    };
    let whole = |blocks: usize| i64::try_from(blocks * BLOCK).unwrap_or(0);
    let mut points = Vec::new();
    let (mut blocks, mut smallest) = (0, 1.0_f64);
    for number in (0..BLOCKS).rev() {
        let Some(wald) = at(number, true) else { continue };
        // Later less earlier, whichever of them is looked at: what came before shows with its own sign.
        points.extend(point(-whole(number + 2), wald, alpha));
        blocks += 1;
        smallest = smallest.min(wald.p_two_sided().unwrap_or(1.0));
    }
    for number in 0..BLOCKS {
        let Some(wald) = at(number, false) else { continue };
        points.extend(point(whole(number), wald, alpha));
    }
    // Single blocks share the noise of the one that they stand beside, and small moves of all of them hide in each.
    let together = |place: &Place| {
        let end = place.before.1.saturating_sub(BLOCK);
        (base(place), (end.saturating_sub(BLOCK * blocks), end))
    };
    let together = estimate(history.measure, &sides_of(history, design, BLOCK_DAYS, &together)).ok();
    let together = together.and_then(|found| found.wald.p_two_sided().ok()).unwrap_or(1.0);
    let p_value = (2.0 * (smallest * blocks as f64).min(together)).min(1.0);
    let leads = (blocks > 0).then_some(LeadCheck { blocks, p_value });
    (points, leads)
}

fn point(week: i64, wald: Wald, alpha: f64) -> Option<EventPoint> {
    let interval = wald.interval(1.0 - alpha).ok()?;
    Some(EventPoint { week, estimate: interval.estimate, low: interval.low, high: interval.high })
}

/// The services without which the effect is lowest and highest.
pub(crate) fn left_out(history: &History, design: &Design, margin: f64, alpha: f64) -> Option<[LeftOutService; 2]> {
    let all = sides(history, design);
    let mut services: Vec<usize> = all.iter().map(|side| side.place.service).collect();
    services.sort_unstable();
    services.dedup();
    if services.len() > MOST_LEFT_OUT {
        return None;
    }
    let without = |service: usize| -> Result<LeftOutService, EffectError> {
        let rest: Vec<_> = all.iter().filter(|side| side.place.service != service).copied().collect();
        let wald = estimate(history.measure, &rest)?.wald;
        let interval = wald.interval(1.0 - alpha).map_err(|error| EffectError::Insufficient(error.to_string()))?;
        Ok(LeftOutService {
            service: history.services[service].service.clone(),
            estimate: wald.estimate,
            class: Class::of(interval.low, interval.high, margin),
        })
    };
    let found: Vec<LeftOutService> = services.into_iter().filter_map(|service| without(service).ok()).collect();
    let lowest = found.iter().min_by(|a, b| a.estimate.total_cmp(&b.estimate))?;
    let highest = found.iter().max_by(|a, b| a.estimate.total_cmp(&b.estimate))?;
    Some([lowest.clone(), highest.clone()])
}
