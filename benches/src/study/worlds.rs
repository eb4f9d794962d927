//! The worlds: services, who of them began when, and everything else that moves them.

use std::collections::BTreeMap;

use attribution::{Adoption, FindingTerms, History, Measure, ServiceWeeks, WeekCell};
use derive::windows::Window;
use lake::{Instant, canonical};

use super::draws::Draws;

const WEEK: i64 = 7 * 86_400 * Instant::MICROS;
/// A Monday.
const START: i64 = 1_767_571_200 * Instant::MICROS;
/// Weeks of a year.
const YEAR: f64 = 52.0;
/// How services' shares of failures differ, on the scale of log odds, beside how other things differ.
const ODDS: f64 = 1.5;
/// The metrics of which worlds are made.
pub const METRICS: [(&str, Measure); 3] = [
    ("forward_deployment_frequency", Measure::Rate),
    ("change_lead_time", Measure::Duration),
    ("change_fail_rate", Measure::Share),
];

/// Who begins, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Starts {
    /// Weeks, and how many services begin in each.
    pub cohorts: &'static [(usize, usize)],
    /// How many never begin.
    pub others: usize,
    /// Weeks in all.
    pub weeks: usize,
    /// Weeks that are compared on each side.
    pub window: u32,
}

/// What moves services beside what they took up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Noise {
    /// The correlation of neighbouring weeks of a service.
    pub persistence: f64,
    /// The standard deviation of its weeks, on the log scale.
    pub wobble: f64,
    /// Half the swing of a year, on the log scale; services swing by 0.3 of it more or less.
    pub season: f64,
    /// How much more happens in the last week of a month.
    pub month_end: f64,
    /// The change in a year that all services share.
    pub common_drift: f64,
    /// The standard deviation of the change in a year of each service by itself.
    pub own_drift: f64,
    /// The standard deviation of a step from week to week that is never taken back.
    pub walk: f64,
    /// Bursts: the size of negative binomial counts, single very long durations, weeks without anything.
    pub bursts: Option<f64>,
    /// Whether services are busy by Zipf's law, rather than alike to a factor of two.
    pub zipf: bool,
}

/// How the effect is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// The same for every service from the first week on.
    Alike,
    /// It differs between services and grows from half of it to one and a half within the window.
    Various,
}

/// A kind of world.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Who begins, and when.
    pub starts: Starts,
    /// What else moves them.
    pub noise: Noise,
    /// How the effect is spread.
    pub spread: Spread,
}

/// Effects that are planted: none, and three sizes; positive is better.
#[must_use]
pub fn planted(measure: Measure) -> [f64; 4] {
    match measure {
        // Failures are rare, so that more of them are planted and not fewer: the size is exact.
        Measure::Share => [0.0, -0.03, -0.05, -0.10],
        Measure::Rate | Measure::Duration => [0.0, libm::log(1.1), libm::log(1.25), libm::log(1.5)],
    }
}

/// One draw of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// What the analysis reads.
    pub history: History,
    /// Who began, and when.
    pub adoption: Adoption,
    /// Weeks on each side.
    pub window: usize,
    /// The week in which each service began.
    pub began: Vec<Option<usize>>,
    /// The mean effect that was planted.
    pub planted: f64,
    /// The effect on each service in each week, and how much the week weighs in it.
    pub effects: Vec<Vec<(f64, f64)>>,
}

impl Scenario {
    /// How many services there are.
    #[must_use]
    pub fn services(&self) -> usize {
        self.starts.cohorts.iter().map(|(_, services)| services).sum::<usize>() + self.starts.others
    }

    /// What is asked of its worlds.
    #[must_use]
    pub fn terms(&self) -> FindingTerms {
        FindingTerms { window_weeks: self.starts.window, ..FindingTerms::default() }
    }

    /// Draws replicate number `replicate` of it with a planted effect.
    #[must_use]
    pub fn world(&self, metric: usize, planted: f64, seed: u64, replicate: u64) -> World {
        let (name, measure) = METRICS[metric];
        let key = format!("{seed} {} {name} {planted}", self.name);
        let digest = canonical::sha256(key.as_bytes());
        let own_seed = u64::from_str_radix(&digest[..16], 16).unwrap_or(seed);
        let mut draws = Draws::new(own_seed, replicate);
        let weeks = self.starts.weeks;
        let began = self.began();
        let phase = YEAR * draws.unit();
        let ranks = self.ranks(&mut draws);
        let mut services = Vec::new();
        let mut effects = Vec::new();
        for (place, began) in began.iter().enumerate() {
            let moved = self.moved(weeks, phase, &mut draws);
            let own = match self.spread {
                Spread::Alike => planted,
                Spread::Various => planted + differing(measure) * draws.symmetric(),
            };
            let effect: Vec<f64> = (0..weeks).map(|week| self.effect(own, week, *began)).collect();
            let busy = self.busy(ranks[place], &mut draws);
            let service = Service { measure, busy, moved: &moved, effect: &effect, bursts: self.noise.bursts };
            let (cells, weights) = service.lived(&mut draws);
            services.push(ServiceWeeks { service: service_name(place), cells, covariates: Some(Vec::new()) });
            effects.push(effect.into_iter().zip(weights).collect());
        }
        let history = History {
            metric: name.to_owned(),
            measure,
            weeks: (0..weeks).map(|week| Window { start: instant(week), end: instant(week + 1) }).collect(),
            mature: weeks,
            services,
        };
        let dates = began.iter().enumerate().filter_map(|(place, week)| Some((service_name(place), instant((*week)?))));
        let adoption = Adoption { practice: "practice".to_owned(), began: dates.collect(), ..Adoption::default() };
        let window = usize::try_from(self.starts.window).unwrap_or(usize::MAX);
        World { history, adoption, window, began, planted, effects }
    }

    fn began(&self) -> Vec<Option<usize>> {
        let cohorts = self.starts.cohorts.iter().flat_map(|(week, services)| vec![Some(*week); *services]);
        cohorts.chain(vec![None; self.starts.others]).collect()
    }

    /// The rank in business of each service: who began has nothing to do with it.
    fn ranks(&self, draws: &mut Draws) -> Vec<usize> {
        let mut ranks: Vec<usize> = (0..self.services()).collect();
        for last in (1..ranks.len()).rev() {
            ranks.swap(last, draws.below(last + 1));
        }
        ranks
    }

    /// Events a week.
    fn busy(&self, rank: usize, draws: &mut Draws) -> f64 {
        if self.noise.zipf { 40.0 / (rank as f64 + 1.0) } else { 8.0 * libm::exp(0.35 * draws.normal()) }
    }

    /// How far each week lies from the usual, on the log scale.
    fn moved(&self, weeks: usize, phase: f64, draws: &mut Draws) -> Vec<f64> {
        let noise = &self.noise;
        let slope = noise.common_drift + noise.own_drift * draws.normal();
        let swing = noise.season * (1.0 + 0.3 * draws.normal());
        let step = (1.0 - noise.persistence * noise.persistence).sqrt();
        let (mut state, mut walked) = (draws.normal(), 0.0);
        (0..weeks)
            .map(|week| {
                let at = week as f64;
                let turn = std::f64::consts::TAU * (at + phase) / YEAR;
                // Thirteen weeks are three months.
                let is_month_end = matches!(week % 13, 3 | 7 | 12);
                let moved = noise.wobble * state
                    + walked
                    + slope * at / YEAR
                    + swing * libm::cos(turn)
                    + if is_month_end { noise.month_end } else { 0.0 };
                state = noise.persistence * state + step * draws.normal();
                walked += noise.walk * draws.normal();
                moved
            })
            .collect()
    }

    fn effect(&self, own: f64, week: usize, began: Option<usize>) -> f64 {
        let Some(since) = began.and_then(|began| week.checked_sub(began)) else { return 0.0 };
        match self.spread {
            Spread::Alike => own,
            Spread::Various => {
                let last = f64::from(self.starts.window) - 1.0;
                own * (0.5 + (since as f64 / last).min(1.0))
            }
        }
    }
}

/// Half the range in which effects on services differ from their mean.
fn differing(measure: Measure) -> f64 {
    if measure == Measure::Share { 0.05 } else { 0.25 }
}

fn service_name(place: usize) -> String {
    format!("service-{place:03}")
}

fn instant(week: usize) -> Instant {
    Instant(START + i64::try_from(week).unwrap_or(i64::MAX / WEEK) * WEEK)
}

/// What decides how one service lives.
struct Service<'w> {
    measure: Measure,
    busy: f64,
    moved: &'w [f64],
    effect: &'w [f64],
    bursts: Option<f64>,
}

impl Service<'_> {
    /// Its weeks, and what each weighs in the mean of the effect.
    fn lived(&self, draws: &mut Draws) -> (Vec<WeekCell>, Vec<f64>) {
        let level = draws.normal();
        let mut frozen = 0_u32;
        let week = |(moved, effect): (&f64, &f64)| {
            if self.bursts.is_some() && draws.unit() < 0.02 {
                frozen = 1 + u32::from(draws.unit() < 0.5);
            }
            let stands_still = frozen > 0;
            frozen = frozen.saturating_sub(1);
            let usual = self.busy * if stands_still { 0.05 } else { 1.0 };
            let own = self.bursts.map_or(1.0, |size| draws.gamma(size));
            let cell = WeekCell { days: 7.0, ..WeekCell::default() };
            match self.measure {
                Measure::Rate => {
                    let mean = usual * libm::exp(*moved);
                    (WeekCell { count: draws.poisson(mean * libm::exp(*effect) * own), ..cell }, mean)
                }
                Measure::Duration => {
                    let centre = libm::log(30.0 * 3_600.0) + 0.3 * level + moved - effect;
                    let changes = Self::changes(usual * own, centre, self.bursts.is_some(), draws);
                    (WeekCell { days: 7.0, ..changes }, changes.count as f64)
                }
                Measure::Share => {
                    let count = draws.poisson(usual * own);
                    let odds = libm::log(0.12 / 0.88) + 0.5 * level + ODDS * moved;
                    // More failures are less good.
                    let share = (1.0 / (1.0 + libm::exp(-odds)) - effect).clamp(0.0, 1.0);
                    (WeekCell { count, marked: draws.binomial(count, share), ..cell }, count as f64)
                }
            }
        };
        self.moved.iter().zip(self.effect).map(week).unzip()
    }

    /// Changes that come in rollouts: those of one rollout end together, and are long or short together.
    fn changes(mean: f64, centre: f64, has_bursts: bool, draws: &mut Draws) -> WeekCell {
        let mut cell = WeekCell::default();
        for _ in 0..draws.poisson(mean / 2.0) {
            let together = centre + 0.5 * draws.normal();
            for _ in 0..=draws.poisson(1.0) {
                let is_stuck = has_bursts && draws.unit() < 0.02;
                let logarithm = together + 0.8 * draws.normal() + if is_stuck { libm::log(10.0) } else { 0.0 };
                cell.count += 1;
                cell.sum += logarithm;
                cell.squares += logarithm * logarithm;
            }
        }
        cell
    }
}

impl World {
    /// The planted effect as the analysis defines it: the mean over the services that began, each over its weeks after, by
    /// the weights that `rows` give them.
    ///
    /// With `w` the weight of a row and `m` the share of the weight of its date that began, a row that began weighs
    /// `w (1 − m)`, which is what a regression on an arm and dates gives it; without others, `w`.
    #[must_use]
    pub fn truth(&self, rows: &[attribution::UnitRow]) -> f64 {
        let places: BTreeMap<&str, usize> =
            self.history.services.iter().enumerate().map(|(place, one)| (one.service.as_str(), place)).collect();
        let mut arms: BTreeMap<usize, [f64; 2]> = BTreeMap::new();
        for row in rows {
            arms.entry(row.cohort).or_default()[usize::from(row.is_treated)] += row.weight;
        }
        let (mut sum, mut weight) = (0.0, 0.0);
        for row in rows.iter().filter(|row| row.is_treated) {
            let [others, own] = arms[&row.cohort];
            let (Some(place), rest) = (places.get(row.service.as_str()), others / (own + others)) else { continue };
            let weighs = row.weight * if others > 0.0 { rest } else { 1.0 };
            sum += weighs * self.effect_on(*place);
            weight += weighs;
        }
        if weight > 0.0 { sum / weight } else { self.planted }
    }

    /// The effect on one service over its weeks after.
    fn effect_on(&self, place: usize) -> f64 {
        let Some(began) = self.began[place] else { return 0.0 };
        let effects = &self.effects[place];
        let after = &effects[began..(began + self.window).min(effects.len())];
        let whole: f64 = after.iter().map(|(_, weight)| weight).sum();
        if whole <= 0.0 {
            return self.planted;
        }
        let is_rate = self.history.measure == Measure::Rate;
        let of = |effect: f64| if is_rate { libm::exp(effect) } else { effect };
        let mean = after.iter().map(|(effect, weight)| weight * of(*effect)).sum::<f64>() / whole;
        if is_rate { libm::log(mean) } else { mean }
    }
}

const fn starts(cohorts: &'static [(usize, usize)], others: usize, weeks: usize, window: u32) -> Starts {
    Starts { cohorts, others, weeks, window }
}

/// Every kind of world of the study.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let quiet = Noise::default();
    let usual = ar(0.3);
    let pairs = starts(&[(24, 8)], 8, 40, 12);
    let season = Noise { season: 0.3, month_end: 0.25, ..usual };
    let bursts = Noise { bursts: Some(2.0), ..usual };
    let common_drift = Noise { common_drift: 0.6, ..usual };
    let own_drift = Noise { own_drift: 0.5, ..usual };
    let walk = Noise { walk: 0.05, ..usual };
    let one = |name: &str, starts, noise| Scenario { name: name.to_owned(), starts, noise, spread: Spread::Alike };
    let staggered = starts(&[(16, 4), (20, 4), (24, 4), (28, 4)], 8, 44, 12);
    let in_the_end = starts(&[(16, 4), (24, 4), (32, 4), (40, 4), (48, 4), (56, 4)], 0, 72, 12);
    let various =
        |name: &str, starts, noise| Scenario { name: name.to_owned(), starts, noise, spread: Spread::Various };
    let zipf = |noise| Noise { zipf: true, ..noise };
    let mut all = vec![
        one("independent", pairs, quiet),
        one("ar-0.3", pairs, usual),
        one("ar-0.6", pairs, ar(0.6)),
        one("season", pairs, season),
        one("bursts", pairs, bursts),
        one("drift-common", pairs, common_drift),
        one("drift-own", pairs, own_drift),
        one("walk-own", pairs, walk),
        one("few-3-3", starts(&[(24, 3)], 3, 40, 12), usual),
        one("few-3-6", starts(&[(24, 3)], 6, 40, 12), usual),
        various("few-3-6-various", starts(&[(24, 3)], 6, 40, 12), usual),
        one("few-4-6", starts(&[(24, 4)], 6, 40, 12), usual),
        one("zipf-20", starts(&[(24, 10)], 10, 40, 12), zipf(usual)),
        one("zipf-40", starts(&[(24, 20)], 20, 40, 12), zipf(usual)),
        one("zipf-40-bursts", starts(&[(24, 20)], 20, 40, 12), zipf(bursts)),
        various("staggered", staggered, usual),
        various("staggered-few", starts(&[(16, 1), (22, 1), (28, 1)], 4, 44, 12), usual),
        various("staggered-few-all", starts(&[(16, 1), (24, 1), (32, 1), (40, 1), (48, 1)], 0, 64, 12), usual),
        various("staggered-5-6", starts(&[(16, 1), (19, 1), (22, 1), (25, 1), (28, 1)], 6, 44, 12), usual),
        various("staggered-all-10", starts(&[(16, 2), (24, 2), (32, 2), (40, 2), (48, 2)], 0, 64, 12), usual),
        various("staggered-zipf", staggered, zipf(usual)),
        various("staggered-all", in_the_end, usual),
        various("staggered-all-season", in_the_end, season),
        one("no-control-9", starts(&[(9, 6)], 0, 18, 12), usual),
        one("one-beside-3", starts(&[(52, 1)], 3, 78, 26), usual),
        one("one-beside-5", starts(&[(40, 1)], 5, 52, 12), usual),
        one("one-beside-8-12", starts(&[(40, 1)], 8, 52, 12), usual),
        one("one-beside-8-26", starts(&[(52, 1)], 8, 78, 26), usual),
        one("one-beside-8-walk", starts(&[(52, 1)], 8, 78, 26), walk),
        one("one-beside-12-zipf", starts(&[(40, 1)], 12, 52, 12), zipf(usual)),
        one("two-beside-8", starts(&[(52, 2)], 8, 64, 12), usual),
    ];
    for (kind, services) in [("alone", &ALONE), ("together", &TOGETHER)] {
        for (length, starts) in ["12", "26", "52", "52-12"].into_iter().zip(services) {
            let mut add = |noise, told: &str| all.push(one(&format!("{kind}-{length}{told}"), *starts, noise));
            add(usual, "");
            if kind == "alone" {
                add(quiet, "-independent");
                add(ar(0.6), "-ar-0.6");
            }
            if matches!(length, "52" | "52-12") {
                add(season, "-season");
                add(walk, "-walk");
            }
        }
    }
    all
}

const ALONE: [Starts; 4] = [
    starts(&[(12, 1)], 0, 24, 12),
    starts(&[(26, 1)], 0, 52, 26),
    starts(&[(52, 1)], 0, 104, 52),
    starts(&[(52, 1)], 0, 64, 12),
];

const TOGETHER: [Starts; 4] = [
    starts(&[(12, 6)], 0, 24, 12),
    starts(&[(26, 6)], 0, 52, 26),
    starts(&[(52, 6)], 0, 104, 52),
    starts(&[(52, 6)], 0, 64, 12),
];

fn ar(persistence: f64) -> Noise {
    Noise { persistence, wobble: 0.3, ..Noise::default() }
}
