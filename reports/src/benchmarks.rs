//! Clusters that were published by year, and which of them a number is closest to.
//!
//! They describe groups of people who answered a survey. Nothing here is a threshold, and no number makes anybody a
//! member of such a group: it lies in the range of a cluster, in the ranges of several, or in a gap between them.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// Everything that is kept of the published reports.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Published {
    /// Version of this file; a correction raises it.
    pub version: u32,
    /// How the words of the reports were made ranges.
    pub conventions: Vec<String>,
    /// What holds for every year.
    pub caveats: Vec<String>,
    /// The years, oldest first.
    pub years: Vec<Year>,
}

/// One year.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Year {
    /// Which.
    pub year: u16,
    /// Title of the report.
    pub report: String,
    /// Which version of it.
    pub report_version: String,
    /// Where the numbers were read.
    pub source: String,
    /// How the survey asked for change fail rate.
    pub change_fail_rate_asked_as: String,
    /// What is odd about this year: gaps, shared cells.
    pub remarks: Vec<String>,
    /// The clusters, from the fastest; empty where none were published.
    pub clusters: Vec<Cluster>,
}

/// A group of those who answered.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Cluster {
    /// Its name in the report.
    pub cluster: String,
    /// Share of those who answered, in percent.
    pub share_percent: u32,
    /// Interval of the share, where the report gives one.
    pub share_interval_percent: Option<(u32, u32)>,
    /// Events per day.
    pub deployment_frequency: Range,
    /// Seconds.
    pub change_lead_time: Range,
    /// Seconds.
    pub failed_deployment_recovery_time: Range,
    /// Share of 1.
    pub change_fail_rate: Range,
}

/// What a cluster answered to one question.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Range {
    /// As the report words it.
    pub words: String,
    /// Lower end, included; null where it is open.
    pub from: Option<f64>,
    /// Upper end, included; null where it is open.
    pub to: Option<f64>,
}

impl Range {
    fn holds(&self, value: f64) -> bool {
        self.from.is_none_or(|from| from <= value) && self.to.is_none_or(|to| value <= to)
    }

    /// One number, not a range.
    fn is_point(&self) -> bool {
        self.from.is_some() && self.from == self.to
    }

    /// How far a value is from it: of lengths and frequencies by what factor, of shares by how much.
    fn distance(&self, value: f64, by_factor: bool) -> f64 {
        if self.holds(value) {
            return 0.0;
        }
        let ends = [self.from, self.to].into_iter().flatten();
        let far = |end: f64| {
            if by_factor && value > 0.0 && end > 0.0 { (end / value).ln().abs() } else { (end - value).abs() }
        };
        ends.map(far).fold(f64::INFINITY, f64::min)
    }
}

/// Where a value lies among the clusters of a year.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Placement {
    /// The clusters that are closest: those whose ranges hold the value, else the nearest; several where they tie.
    pub closest: Vec<String>,
    /// Where it lies.
    pub lies: Lies,
}

/// Where a value lies.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lies {
    /// In the range of one cluster.
    InOne,
    /// In the ranges of several clusters, which this metric does not tell apart.
    InSeveral,
    /// In no range: between those of the clusters below and above.
    InGap {
        /// The clusters whose range ends nearest below.
        below: Vec<String>,
        /// The clusters whose range begins nearest above.
        above: Vec<String>,
    },
    /// Beyond every range.
    Beyond,
    /// The clusters answered one number each: there are no ranges to lie in.
    AmongNumbers,
}

/// What is kept of the published reports.
///
/// # Panics
/// Where the embedded file is not what it should be, which a test rules out.
#[must_use]
pub fn published() -> &'static Published {
    static ALL: LazyLock<Published> = LazyLock::new(|| {
        serde_json::from_str(include_str!("../benchmarks/published.json")).expect("the embedded file has this shape")
    });
    &ALL
}

/// A year that is kept.
#[must_use]
pub fn year(year: u16) -> Option<&'static Year> {
    published().years.iter().find(|known| known.year == year)
}

/// The metrics that the survey asked for, as ours are called.
pub const METRICS: [&str; 4] =
    ["deployment_frequency", "change_lead_time", "failed_deployment_recovery_time", "change_fail_rate"];

impl Cluster {
    /// What it answered to the question of a metric.
    #[must_use]
    pub fn range(&self, metric: &str) -> Option<&Range> {
        match metric {
            "deployment_frequency" => Some(&self.deployment_frequency),
            "change_lead_time" => Some(&self.change_lead_time),
            "failed_deployment_recovery_time" => Some(&self.failed_deployment_recovery_time),
            "change_fail_rate" => Some(&self.change_fail_rate),
            _ => None,
        }
    }
}

impl Year {
    /// Where a value lies; none where the year or the metric has no clusters.
    #[must_use]
    pub fn place(&self, metric: &str, value: f64) -> Option<Placement> {
        let ranges: Vec<(&str, &Range)> = self
            .clusters
            .iter()
            .filter_map(|cluster| Some((cluster.cluster.as_str(), cluster.range(metric)?)))
            .collect();
        let by_factor = metric != "change_fail_rate";
        let distances: Vec<f64> = ranges.iter().map(|(_, range)| range.distance(value, by_factor)).collect();
        let least = distances.iter().copied().reduce(f64::min)?;
        // Two that are as far but for the rounding of floats tie.
        let closest = named(&ranges, &|at| distances[at] <= least * (1.0 + 1e-9) + 1e-12);
        let lies = if ranges.iter().all(|(_, range)| range.is_point()) {
            Lies::AmongNumbers
        } else if least == 0.0 {
            if closest.len() == 1 { Lies::InOne } else { Lies::InSeveral }
        } else {
            between(&ranges, value)
        };
        Some(Placement { closest, lies })
    }
}

/// The gap in which a value lies that no range holds.
fn between(ranges: &[(&str, &Range)], value: f64) -> Lies {
    let ends_below = ranges.iter().filter_map(|(_, range)| range.to).filter(|to| *to < value).reduce(f64::max);
    let begins_above = ranges.iter().filter_map(|(_, range)| range.from).filter(|from| *from > value).reduce(f64::min);
    match (ends_below, begins_above) {
        (Some(below), Some(above)) => Lies::InGap {
            below: named(ranges, &|at| ranges[at].1.to == Some(below)),
            above: named(ranges, &|at| ranges[at].1.from == Some(above)),
        },
        _ => Lies::Beyond,
    }
}

fn named(ranges: &[(&str, &Range)], is_wanted: &dyn Fn(usize) -> bool) -> Vec<String> {
    (0..ranges.len()).filter(|at| is_wanted(*at)).map(|at| ranges[at].0.to_owned()).collect()
}

#[cfg(test)]
mod tests;
