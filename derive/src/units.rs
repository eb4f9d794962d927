//! What is measured: services and groups of services in an environment, each in its windows.

use std::collections::{BTreeMap, BTreeSet};

use lake::{Instant, tables::rollouts};

use crate::adoptions::Adoption;
use crate::exposure::{Exposure, Ranges};
use crate::windows::{Window, cut};
use crate::{Calendar, Plan};

/// A service or group of services in one environment.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    service: Option<String>,
    group: Option<String>,
    pub(crate) environment: String,
    pub(crate) members: Vec<String>,
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
    pub(crate) kind: &'static str,
    pub(crate) window: Window,
    pub(crate) coverage_rate: f64,
    pub(crate) is_immature: bool,
    pub(crate) slices: Vec<(Window, f64)>,
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

/// The services of each production environment.
pub(crate) fn services(rollouts: &[rollouts::Row], plan: &Plan) -> BTreeMap<String, BTreeSet<String>> {
    let mut services: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rollout in rollouts.iter().filter(|rollout| plan.is_production(&rollout.environment)) {
        services.entry(rollout.environment.clone()).or_default().insert(rollout.service.clone());
    }
    services
}

/// The group of all, the groups of the plan, every service, and who did and did not take part in each adoption. A
/// service that a group names twice is in it once.
pub(crate) fn units(
    services: &BTreeMap<String, BTreeSet<String>>,
    plan: &Plan,
    period: Window,
    calendar: Calendar,
    adoptions: &[Adoption],
) -> Vec<Unit> {
    let mut usual: Vec<(&'static str, Window)> = vec![("period", period)];
    usual.extend(cut(period, calendar, plan.zone).into_iter().map(|window| (calendar.word(), window)));
    let mut units = Vec::new();
    for (environment, services) in services {
        let mut add = |service: Option<&String>, group: Option<String>, members: &[String], windows: &[_]| {
            let members: BTreeSet<&String> = members.iter().filter(|name| services.contains(*name)).collect();
            let members: Vec<String> = members.into_iter().cloned().collect();
            if !members.is_empty() {
                units.push(Unit {
                    service: service.cloned(),
                    group,
                    environment: environment.clone(),
                    members,
                    windows: windows.to_vec(),
                });
            }
        };
        let all: Vec<String> = services.iter().cloned().collect();
        if all.len() > 1 && !plan.groups.contains_key("all") {
            add(None, Some("all".to_owned()), &all, &usual);
        }
        for (group, members) in &plan.groups {
            add(None, Some(group.clone()), members, &usual);
        }
        for service in services {
            add(Some(service), None, std::slice::from_ref(service), &usual);
        }
        for adoption in adoptions {
            let before = Window { start: period.start, end: adoption.started_at };
            let after = Window { start: adoption.started_at, end: period.end };
            let around: Vec<_> = [("before", before), ("after", after)]
                .into_iter()
                .filter(|(_, window)| window.start < window.end)
                .collect();
            add(None, Some(adoption.adopters_group()), &adoption.adopters, &around);
            add(None, Some(adoption.others_group()), &adoption.others, &around);
        }
    }
    units
}

/// Every unit in each of its windows, with what was read of it.
pub(crate) fn unit_windows(units: &[Unit], plan: &Plan, as_of: Instant, exposure: &Exposure) -> Vec<UnitWindow> {
    let mut rows = Vec::new();
    for (unit_id, unit) in units.iter().enumerate() {
        let ranges: Vec<_> = unit.members.iter().map(|service| exposure.of("deployments", service)).collect();
        let mean = |days: &dyn Fn(&Ranges) -> f64| ranges.iter().map(days).sum::<f64>() / ranges.len() as f64;
        for (window_id, (kind, window)) in unit.windows.iter().enumerate() {
            let slices = cut(*window, Calendar::Week, plan.zone)
                .into_iter()
                .map(|slice| (slice, mean(&|ranges| ranges.exposed_days(slice))))
                .collect();
            rows.push(UnitWindow {
                unit_id: number(unit_id),
                window_id: number(window_id),
                service: unit.service.clone(),
                group: unit.group.clone(),
                environment: unit.environment.clone(),
                kind,
                window: *window,
                coverage_rate: (mean(&|ranges| ranges.whole_days(*window)) / window.days()).clamp(0.0, 1.0),
                is_immature: window.end.0
                    > as_of.0 - (plan.incident_window_seconds + plan.reporting_lag_seconds) * Instant::MICROS,
                slices,
            });
        }
    }
    rows
}

/// A place in a list as a column holds it.
pub(crate) fn number(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}
