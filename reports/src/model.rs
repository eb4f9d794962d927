//! What sections look things up in.

use std::collections::BTreeSet;

use derive::{Definition, Derived};
use lake::tables::{deployments, metrics};

use crate::format::{self, RateUnit};
use crate::{ReportContext, TableCell, ValueFormat};

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

    /// Whether a number is of this unit, as a whole or of one of its strata.
    fn has(&self, row: &metrics::Row) -> bool {
        row.service == self.service && row.service_group == self.group && row.environment == self.environment
    }

    /// Whether a number is of this unit as a whole.
    fn owns(&self, row: &metrics::Row) -> bool {
        row.dimension.is_none() && self.has(row)
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

    /// The units whose numbers head the report, for each environment: the group where there are several services, else
    /// the one service.
    pub(crate) fn heads(&self) -> Vec<Unit> {
        let units: Vec<Unit> = self.units().into_iter().filter(|unit| self.in_scope(unit)).collect();
        let wanted = self.context.group.as_deref().unwrap_or("all");
        let is_head = |unit: &Unit| unit.group.as_deref() == Some(wanted);
        let has_head = |environment: &str| units.iter().any(|unit| is_head(unit) && unit.environment == environment);
        units.iter().filter(|unit| is_head(unit) || !has_head(&unit.environment)).cloned().collect()
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

    /// The strata of a unit over the whole period, as far as they have numbers.
    pub(crate) fn strata(&self, unit: &Unit, dimension: &str) -> BTreeSet<&'a str> {
        let rows = self.derived.metrics.iter().filter(|row| row.window_kind == "period" && unit.has(row));
        rows.filter(|row| row.dimension.as_deref() == Some(dimension))
            .filter_map(|row| row.stratum.as_deref())
            .collect()
    }

    /// The number of a stratum of a unit over the whole period.
    pub(crate) fn number_of(
        &self,
        unit: &Unit,
        (dimension, stratum): (&str, &str),
        metric: &str,
        statistic: &str,
    ) -> Option<&'a metrics::Row> {
        self.derived.metrics.iter().find(|row| {
            (row.dimension.as_deref(), row.stratum.as_deref()) == (Some(dimension), Some(stratum))
                && row.window_kind == "period"
                && row.metric == metric
                && row.statistic == statistic
                && unit.has(row)
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

    /// The numbers of everything that is shown: of one group's report those of its units, else all.
    pub(crate) fn shown_metrics(&self) -> impl Iterator<Item = &'a metrics::Row> {
        let units: Option<BTreeSet<Unit>> = self.context.group.is_some().then(|| self.listed().into_iter().collect());
        let is_shown = move |row: &metrics::Row| match &units {
            Some(units) => units.iter().any(|unit| unit.has(row)),
            None => true,
        };
        self.derived.metrics.iter().filter(move |row| is_shown(row))
    }

    /// How many records show a flaw of the data that concerns this unit.
    pub(crate) fn flawed(&self, unit: &Unit, finding: &str) -> i64 {
        let services: BTreeSet<&str> = match (&unit.service, &unit.group) {
            (Some(service), _) => [service.as_str()].into(),
            (None, Some(group)) if self.derived.groups.contains_key(group) => {
                self.derived.groups[group].iter().map(String::as_str).collect()
            }
            _ => self.derived.rollouts.iter().map(|rollout| rollout.service.as_str()).collect(),
        };
        let concerns = |row: &&lake::tables::data_quality::Row| {
            row.finding == finding
                && row.service.as_deref().is_none_or(|service| services.contains(service))
                && row.environment.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(&unit.environment))
        };
        self.derived.data_quality.iter().filter(concerns).map(|row| row.record_count).sum()
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

/// A number in a table: with its interval and n, and on hovering how the interval was made or why there is none.
pub(crate) fn cell(row: &metrics::Row) -> TableCell {
    let words = match interval(row) {
        Some(interval) => format!("{} ({interval}); n = {}", value(row), row.n),
        None => format!("{}; n = {}", value(row), row.n),
    };
    let cell = TableCell::from(words).with_title(row.ci_method.clone());
    if row.value.is_none() && row.above.is_none() { cell.muted() } else { cell }
}

fn written(row: &metrics::Row, value: f64) -> String {
    match row.unit.as_str() {
        "seconds" => format::duration(value),
        "ratio" => format::percent(value),
        // One number and its interval are in one unit.
        "per day" => format::rate(value, RateUnit::suiting(row.value.unwrap_or(value))),
        unit => format!("{} {unit}", format::number(value)),
    }
}

/// What the evidence alone allows for a share: from what explicit evidence gives to what every candidate would.
pub(crate) fn evidence_bounds(model: &Model<'_>, unit: &Unit, metric: &str) -> Option<String> {
    let bound = |statistic| model.number(unit, metric, statistic)?.value;
    let (lowest, highest) = (bound("rate_lowest")?, bound("rate_highest")?);
    (lowest < highest).then(|| format!("{} to {}", format::percent(lowest), format::percent(highest)))
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
        "deploy_days_per_week" => "days with a rollout",
        "gap_p50" => "median gap",
        "rate_lowest" => "by explicit evidence alone",
        "rate_highest" => "by every candidate",
        other => other,
    }
}
