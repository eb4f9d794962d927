//! What sections look things up in.

use std::collections::BTreeSet;

use derive::{Definition, Derived};
use lake::tables::{deployments, metrics};

use crate::format::{self, RateUnit};
use crate::{ReportContext, ValueFormat};

/// One service, or one group of services, in one environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unit {
    pub(crate) service: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) environment: String,
}

impl Unit {
    /// Its name for people.
    pub(crate) fn name(&self) -> String {
        match (&self.service, &self.group) {
            (Some(service), _) => service.clone(),
            (None, Some(group)) if group == "all" => "all services".to_owned(),
            (None, group) => format!("group {}", group.as_deref().unwrap_or_default()),
        }
    }

    fn owns(&self, row: &metrics::Row) -> bool {
        row.service == self.service && row.service_group == self.group && row.environment == self.environment
    }
}

/// What was derived, and how it is to be shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model<'a> {
    pub(crate) derived: &'a Derived,
    pub(crate) context: &'a ReportContext,
}

impl<'a> Model<'a> {
    pub(crate) fn new(derived: &'a Derived, context: &'a ReportContext) -> Self {
        Self { derived, context }
    }

    /// Every unit that has numbers.
    fn units(&self) -> BTreeSet<Unit> {
        self.derived
            .metrics
            .iter()
            .filter(|row| row.window_kind == "period")
            .map(|row| Unit {
                service: row.service.clone(),
                group: row.service_group.clone(),
                environment: row.environment.clone(),
            })
            .collect()
    }

    pub(crate) fn has_group(&self, group: &str) -> bool {
        self.units().iter().any(|unit| unit.group.as_deref() == Some(group))
    }

    pub(crate) fn group_names(&self) -> String {
        let names: BTreeSet<String> = self.units().into_iter().filter_map(|unit| unit.group).collect();
        if names.is_empty() { "none".to_owned() } else { names.into_iter().collect::<Vec<_>>().join(", ") }
    }

    /// The services of a group, or all of them.
    fn in_scope(&self, unit: &Unit) -> bool {
        let Some(group) = &self.context.group else { return true };
        unit.group.as_ref() == Some(group)
            || unit
                .service
                .as_ref()
                .is_some_and(|service| self.derived.groups.get(group).is_some_and(|members| members.contains(service)))
    }

    /// The units whose numbers head the report: groups where there are several services, else the one service.
    pub(crate) fn heads(&self) -> Vec<Unit> {
        let units: Vec<Unit> = self.units().into_iter().filter(|unit| self.in_scope(unit)).collect();
        let wanted = self.context.group.as_deref().unwrap_or("all");
        let heads: Vec<Unit> = units.iter().filter(|unit| unit.group.as_deref() == Some(wanted)).cloned().collect();
        if heads.is_empty() { units } else { heads }
    }

    /// The units of the table: services, then groups.
    pub(crate) fn listed(&self) -> Vec<Unit> {
        let mut units: Vec<Unit> = self.units().into_iter().filter(|unit| self.in_scope(unit)).collect();
        units.sort_by_key(|unit| (unit.environment.clone(), unit.group.is_some(), unit.clone()));
        units
    }

    /// How many environments the numbers are from.
    pub(crate) fn environments(&self) -> usize {
        self.listed().into_iter().map(|unit| unit.environment).collect::<BTreeSet<_>>().len()
    }

    pub(crate) fn scope(&self) -> String {
        let services = self.listed().iter().filter(|unit| unit.service.is_some()).count();
        let services = if services == 1 { "1 service".to_owned() } else { format!("{services} services") };
        match &self.context.group {
            Some(group) => format!("group {group}, {services}"),
            None => services,
        }
    }

    /// The number of a unit over the whole period.
    pub(crate) fn number(&self, unit: &Unit, metric: &str, statistic: &str) -> Option<&'a metrics::Row> {
        self.derived.metrics.iter().find(|row| {
            row.window_kind == "period" && row.metric == metric && row.statistic == statistic && unit.owns(row)
        })
    }

    /// The numbers of a unit, window by window.
    pub(crate) fn trend(&self, unit: &Unit, metric: &str, statistic: &str) -> Vec<&'a metrics::Row> {
        let mut rows: Vec<&metrics::Row> = self
            .derived
            .metrics
            .iter()
            .filter(|row| {
                row.window_kind == self.derived.calendar.word()
                    && row.metric == metric
                    && row.statistic == statistic
                    && unit.owns(row)
            })
            .collect();
        rows.sort_by_key(|row| row.window_start_at);
        rows
    }

    /// The numbers of everything that is shown.
    pub(crate) fn shown_metrics(&self) -> impl Iterator<Item = &'a metrics::Row> {
        let units: BTreeSet<Unit> = self.listed().into_iter().collect();
        self.derived.metrics.iter().filter(move |row| units.iter().any(|unit| unit.owns(row)))
    }

    /// Whether releases stand in for deployments.
    pub(crate) fn is_stand_in(&self) -> bool {
        let rollouts = &self.derived.rollouts;
        !rollouts.is_empty() && rollouts.iter().all(|row| deployments::is_stand_in(&row.evidence))
    }

    /// What the report calls a rollout.
    pub(crate) fn rollouts_word(&self) -> &'static str {
        if self.is_stand_in() { "releases (a stand-in for deployments)" } else { "rollouts" }
    }
}

/// The words of a number.
pub(crate) fn value(row: &metrics::Row) -> String {
    let write = |value: f64| written(row, value);
    match (row.value, row.above) {
        (Some(value), _) => write(value),
        (None, Some(above)) => format::not_reached(above, write),
        (None, None) => format::NO_DATA.to_owned(),
    }
}

/// The words of its interval.
pub(crate) fn interval(row: &metrics::Row) -> Option<String> {
    row.value?;
    format::interval(row.ci_low, row.ci_high, |value| written(row, value))
}

fn written(row: &metrics::Row, value: f64) -> String {
    match row.unit.as_str() {
        "seconds" => format::duration(value),
        "ratio" => format::percent(value),
        // One number and its interval are in one unit.
        "per day" => format::rate(value, RateUnit::suiting(row.value.unwrap_or(value))),
        _ => format::number(value),
    }
}

/// How a chart writes the values of a metric.
pub(crate) fn value_format(definition: &Definition) -> ValueFormat {
    match definition.unit.as_str() {
        "seconds" => ValueFormat::Duration,
        "ratio" => ValueFormat::Percent,
        "per day" => ValueFormat::PerDay,
        _ => ValueFormat::Plain,
    }
}

/// What a statistic is called.
pub(crate) fn statistic_name(statistic: &str) -> &str {
    match statistic {
        "p50" => "median",
        "p75" => "75th percentile",
        "p90" => "90th percentile",
        "per_day" | "rate" => "",
        other => other,
    }
}
