//! What is measured: services and groups of services in an environment, each in its windows.

use std::collections::{BTreeMap, BTreeSet};

use lake::{Instant, tables::rollouts};

use crate::adoptions::Adoption;
use crate::dimensions::{Strata, Stratum};
use crate::exposure::{Exposure, Ranges};
use crate::windows::{Window, cut, is_whole};
use crate::{Calendar, Plan};

/// A service or group of services in one environment, or a stratum of one.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    service: Option<String>,
    group: Option<String>,
    pub(crate) environment: String,
    pub(crate) members: Vec<String>,
    pub(crate) stratum: Option<Stratum>,
    windows: Vec<(&'static str, Window)>,
}

/// One unit in one window.
#[derive(Clone, Debug)]
pub(crate) struct UnitWindow {
    pub(crate) unit_id: i64,
    pub(crate) window_id: i64,
    pub(crate) service: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) environment: String,
    pub(crate) stratum: Option<Stratum>,
    pub(crate) kind: &'static str,
    pub(crate) window: Window,
    /// The share of it of which the deployments were read whole.
    pub(crate) coverage_rate: f64,
    /// The share of it of which the incidents were read whole.
    pub(crate) incident_coverage_rate: f64,
    pub(crate) is_immature: bool,
    pub(crate) slices: Vec<Slice>,
}

/// A week of a window, or what the window has of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slice {
    pub(crate) window: Window,
    /// The days of which the deployments were read.
    pub(crate) exposure_days: f64,
    /// The days of which the incidents were read.
    pub(crate) incident_exposure_days: f64,
    /// It is a whole week, and all of it was read.
    pub(crate) is_full: bool,
}

/// The finest calendar in which a typical window still holds a few rollouts.
pub(crate) fn calendar_for(rollouts: &[rollouts::Row], period: Window) -> Calendar {
    let counted = rollouts
        .iter()
        .filter(|rollout| rollout.in_frequency && rollout.finished_at.is_some_and(|at| period.contains(at)))
        .count() as f64;
    let per_week = counted / (period.days() / 7.0).max(1.0);
    if per_week >= 2.0 {
        Calendar::Week
    } else if per_week >= 0.5 {
        Calendar::Month
    } else {
        Calendar::Quarter
    }
}

/// The services of each environment that is measured.
pub(crate) fn services(rollouts: &[rollouts::Row], plan: &Plan) -> BTreeMap<String, BTreeSet<String>> {
    let mut services: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rollout in rollouts.iter().filter(|rollout| plan.measures(&rollout.environment)) {
        services.entry(rollout.environment.clone()).or_default().insert(rollout.service.clone());
    }
    services
}

/// The group of all, the groups of the plan, every service, the strata of each of these, and who did and did not take
/// part in each adoption. A service that a group names twice is in it once.
pub(crate) fn units(
    services: &BTreeMap<String, BTreeSet<String>>,
    plan: &Plan,
    period: Window,
    calendar: Calendar,
    adoptions: &[Adoption],
    strata: &Strata,
) -> Vec<Unit> {
    // Strata get the whole period: their windows would hold next to nothing.
    let whole = vec![("period", period)];
    let mut usual: Vec<(&'static str, Window)> = whole.clone();
    usual.extend(cut(period, calendar, plan.zone).into_iter().map(|window| (calendar.word(), window)));
    let mut units: Vec<Unit> = Vec::new();
    for (environment, services) in services {
        let unit = |service: Option<&String>, group: Option<String>, members: &[String], windows: &[_]| {
            let members: BTreeSet<&String> = members.iter().filter(|name| services.contains(*name)).collect();
            (!members.is_empty()).then(|| Unit {
                service: service.cloned(),
                group,
                environment: environment.clone(),
                members: members.into_iter().cloned().collect(),
                stratum: None,
                windows: windows.to_vec(),
            })
        };
        let all: Vec<String> = services.iter().cloned().collect();
        let mut usual_units: Vec<Unit> = Vec::new();
        if all.len() > 1 && !plan.groups.contains_key("all") {
            usual_units.extend(unit(None, Some("all".to_owned()), &all, &usual));
        }
        for (group, members) in &plan.groups {
            usual_units.extend(unit(None, Some(group.clone()), members, &usual));
        }
        for service in services {
            usual_units.extend(unit(Some(service), None, std::slice::from_ref(service), &usual));
        }
        let parts: Vec<Unit> = usual_units
            .iter()
            .flat_map(|unit| {
                let strata = strata.of(environment, &unit.members).into_iter();
                strata.map(|stratum| Unit { stratum: Some(stratum), windows: whole.clone(), ..unit.clone() })
            })
            .collect();
        units.extend(usual_units);
        units.extend(parts);
        for adoption in adoptions.iter().filter(|_| plan.is_production(environment)) {
            let before = Window { start: period.start, end: adoption.started_at };
            let after = Window { start: adoption.started_at, end: period.end };
            let around: Vec<_> = [("before", before), ("after", after)]
                .into_iter()
                .filter(|(_, window)| window.start < window.end)
                .collect();
            units.extend(unit(None, Some(adoption.adopters_group()), &adoption.adopters, &around));
            units.extend(unit(None, Some(adoption.others_group()), &adoption.others, &around));
        }
    }
    units
}

/// Every unit in each of its windows, with what was read of it.
pub(crate) fn unit_windows(units: &[Unit], plan: &Plan, as_of: Instant, exposure: &Exposure) -> Vec<UnitWindow> {
    let mut rows = Vec::new();
    for (unit_id, unit) in units.iter().enumerate() {
        let deployments = Read::of("deployments", unit, exposure);
        let incidents = Read::of("incidents", unit, exposure);
        for (window_id, (kind, window)) in unit.windows.iter().enumerate() {
            let slices = cut(*window, Calendar::Week, plan.zone).into_iter().map(|week| {
                let exposure_days = deployments.mean(&|ranges| ranges.exposed_days(week));
                Slice {
                    window: week,
                    exposure_days,
                    incident_exposure_days: incidents.mean(&|ranges| ranges.exposed_days(week)),
                    is_full: is_whole(week, Calendar::Week, plan.zone) && is_all(exposure_days, week),
                }
            });
            rows.push(UnitWindow {
                unit_id: number(unit_id),
                window_id: number(window_id),
                service: unit.service.clone(),
                group: unit.group.clone(),
                environment: unit.environment.clone(),
                stratum: unit.stratum.clone(),
                kind,
                window: *window,
                coverage_rate: deployments.covered(*window),
                incident_coverage_rate: incidents.covered(*window),
                is_immature: window.end.0
                    > as_of.0 - (plan.incident_window_seconds + plan.reporting_lag_seconds) * Instant::MICROS,
                slices: slices.collect(),
            });
        }
    }
    rows
}

/// What was read of one table for each service of a unit.
struct Read(Vec<Ranges>);

impl Read {
    fn of(table: &str, unit: &Unit, exposure: &Exposure) -> Self {
        Self(unit.members.iter().map(|service| exposure.of(table, service)).collect())
    }

    fn covered(&self, window: Window) -> f64 {
        (self.mean(&|ranges| ranges.whole_days(window)) / window.days()).clamp(0.0, 1.0)
    }

    fn mean(&self, days: &dyn Fn(&Ranges) -> f64) -> f64 {
        self.0.iter().map(days).sum::<f64>() / self.0.len() as f64
    }
}

/// Whether so many days are all of a window, but for the rounding of a sum: a hundredth of a second is no hole.
pub(crate) fn is_all(days: f64, window: Window) -> bool {
    days > window.days() - 1e-7
}

/// A place in a list as a column holds it.
pub(crate) fn number(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}
