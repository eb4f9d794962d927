//! The metrics: one SQL file each in `metrics/`, whose header says everything that people and programs need to know.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::error::ArrowError;
use datafusion::prelude::SessionContext;
use lake::{Instant, tables::metrics};
use serde::Serialize;

use crate::estimators::Estimate;
use crate::units::UnitWindow;
use crate::{DeriveError, stages};

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/metrics.rs"));

/// The profile whose rules these files follow.
pub(crate) const PROFILE: &str = "core-1";

/// What one metric means, as the header of its file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Definition {
    /// Name of the metric and of its file.
    pub metric: String,
    /// `profile/metric@version`.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// The question it answers.
    pub question: String,
    /// The metric of which this is a variant or a view.
    pub variant_of: Option<String>,
    /// Where it stands among the others: throughput before instability.
    pub place: u32,
    /// Where a report shows it.
    pub shown: Shown,
    /// Unit of its values.
    pub unit: String,
    /// Which direction is better: `higher` or `lower`.
    pub better: String,
    /// What exactly is computed.
    pub statistic: String,
    /// The statistics it gives, such as `p50`; the first is the one people compare.
    pub gives: Vec<String>,
    /// The unit of a statistic that has another than the metric.
    pub other_units: BTreeMap<String, String>,
    /// The dimensions whose strata get numbers of their own.
    pub strata: Vec<String>,
    /// The table whose reading its `coverage_rate` tells.
    pub coverage: String,
    /// The tables it reads.
    pub reads: Vec<String>,
    /// What is left out.
    pub excluded: String,
    /// How its interval is made.
    pub interval: String,
    /// Where the definition comes from.
    pub source: String,
    /// Version of the definition; a change in results raises it.
    pub version: u32,
    /// The query.
    #[serde(skip)]
    pub sql: &'static str,
}

/// Where a report shows a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    /// Among the numbers that head the report, and wherever metrics are compared.
    Head,
    /// In a table beside those.
    Table,
    /// Nowhere: it is stored, and stands in the data of the report.
    Never,
}

impl Definition {
    /// The unit of one of its statistics.
    #[must_use]
    pub fn unit_of(&self, statistic: &str) -> &str {
        self.other_units.get(statistic).unwrap_or(&self.unit)
    }

    /// Whether the strata of this dimension get numbers of their own.
    fn splits_by(&self, dimension: &str) -> bool {
        self.strata.iter().any(|name| name == dimension)
    }
}

/// The metrics that head a report: variants and what stands beside them are left out.
pub fn headline() -> impl Iterator<Item = &'static Definition> {
    definitions().iter().filter(|definition| definition.shown == Shown::Head)
}

/// Every metric, in the order of their places, each followed by its variants.
///
/// # Panics
/// Where the header of an embedded file is not whole, which a test rules out.
#[must_use]
pub fn definitions() -> &'static [Definition] {
    static ALL: LazyLock<Vec<Definition>> = LazyLock::new(|| {
        let read = |(name, sql): &(&str, &'static str)| {
            parse(name, sql).unwrap_or_else(|missing| panic!("the header of `{name}.sql` lacks `{missing}`"))
        };
        let mut all: Vec<Definition> = FILES.iter().map(read).collect();
        all.sort_by_key(|one| (one.place, one.variant_of.is_some(), one.metric.clone()));
        all
    });
    &ALL
}

/// Reads the header of a metric file; the error is the name of a line that is missing or wrong.
pub(crate) fn parse(name: &str, sql: &'static str) -> Result<Definition, &'static str> {
    let header: BTreeMap<&str, &str> = sql
        .lines()
        .map_while(|line| line.strip_prefix("-- "))
        .filter_map(|line| line.split_once(':'))
        .map(|(key, text)| (key.trim(), text.trim()))
        .collect();
    let text =
        |key: &'static str| header.get(key).filter(|text| !text.is_empty()).map(|text| (*text).to_owned()).ok_or(key);
    let words = |text: String| text.split(',').map(|word| word.trim().to_owned()).collect::<Vec<_>>();
    let list = |key| text(key).map(words);
    let (gives, other_units) = given(&list("gives")?);
    let variant_of = text("variant-of").ok();
    let shown = match (text("shown").as_deref(), &variant_of) {
        (Ok("head"), None) => Shown::Head,
        (Ok("table"), _) => Shown::Table,
        (Ok("never"), _) | (Err(_), Some(_)) => Shown::Never,
        _ => return Err("shown"),
    };
    let place = whole(&text("place")?).ok_or("place")?;
    let version = whole(&text("version")?).ok_or("version")?;
    let better = text("better")?;
    if better != "higher" && better != "lower" {
        return Err("better");
    }
    Ok(Definition {
        metric: name.to_owned(),
        id: format!("{PROFILE}/{name}@{version}"),
        title: text("title")?,
        question: text("question")?,
        variant_of,
        place,
        shown,
        unit: text("unit")?,
        better,
        statistic: text("statistic")?,
        gives,
        other_units,
        strata: list("strata").unwrap_or_default(),
        coverage: text("coverage").unwrap_or_else(|_| "deployments".to_owned()),
        reads: list("reads")?,
        excluded: text("excluded")?,
        interval: text("interval")?,
        source: text("source")?,
        version,
        sql,
    })
}

/// The names of statistics, and the units that stand behind them in parentheses.
fn given(words: &[String]) -> (Vec<String>, BTreeMap<String, String>) {
    let mut units = BTreeMap::new();
    let name = |word: &String| match word.strip_suffix(')').and_then(|word| word.split_once('(')) {
        Some((name, unit)) => {
            units.insert(name.trim().to_owned(), unit.trim().to_owned());
            name.trim().to_owned()
        }
        None => word.clone(),
    };
    (words.iter().map(name).collect(), units)
}

fn whole(text: &str) -> Option<u32> {
    text.parse().ok()
}

/// What is stamped on every number.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    pub(crate) as_of: Instant,
    pub(crate) input_digest: String,
}

/// Runs one metric. Every statistic of every unit and window gets a row; where there is nothing to measure its value
/// is null and n is 0. A stratum gets a row where there is something to measure.
pub(crate) async fn run(
    context: &SessionContext,
    definition: &Definition,
    unit_windows: &[UnitWindow],
    stamp: &Stamp,
) -> Result<Vec<metrics::Row>, DeriveError> {
    let mut found: BTreeMap<(i64, i64, String), (Estimate, i64)> = BTreeMap::new();
    for batch in stages::query(context, &definition.metric, definition.sql).await? {
        let read = estimates(&batch).map_err(|error| DeriveError::shape(&definition.metric, error))?;
        found.extend(read);
    }
    let mut rows = Vec::new();
    for window in unit_windows {
        for statistic in &definition.gives {
            let answer = found.remove(&(window.unit_id, window.window_id, statistic.clone()));
            let is_wanted = window.stratum.as_ref().is_none_or(|stratum| definition.splits_by(stratum.dimension));
            let (estimate, n) = match answer.filter(|_| is_wanted) {
                Some(answer) => answer,
                None if window.stratum.is_some() => continue,
                None => (Estimate { method: "none: no data".into(), ..Estimate::default() }, 0),
            };
            rows.push(row(definition, window, statistic, estimate, n, stamp));
        }
    }
    Ok(rows)
}

fn row(
    definition: &Definition,
    window: &UnitWindow,
    statistic: &str,
    estimate: Estimate,
    n: i64,
    stamp: &Stamp,
) -> metrics::Row {
    metrics::Row {
        metric: definition.metric.clone(),
        definition: definition.id.clone(),
        service: window.service.clone(),
        environment: window.environment.clone(),
        service_group: window.group.clone(),
        dimension: window.stratum.as_ref().map(|stratum| stratum.dimension.to_owned()),
        stratum: window.stratum.as_ref().map(|stratum| stratum.value.clone()),
        window_kind: window.kind.to_owned(),
        window_start_at: window.window.start,
        window_end_at: window.window.end,
        statistic: statistic.to_owned(),
        value: estimate.value,
        above: estimate.above,
        unit: definition.unit_of(statistic).to_owned(),
        n,
        ci_low: estimate.low,
        ci_high: estimate.high,
        ci_method: estimate.method,
        coverage_rate: match definition.coverage.as_str() {
            "incidents" => window.incident_coverage_rate,
            _ => window.coverage_rate,
        },
        is_immature: window.is_immature,
        as_of_at: stamp.as_of,
        input_digest: stamp.input_digest.clone(),
    }
}

type Key = (i64, i64, String);

/// An estimate with its n.
type Counted = (Key, (Estimate, i64));

/// The rows of a metric's answer: `unit_id, window_id, statistic, estimate, n`.
fn estimates(batch: &RecordBatch) -> Result<Vec<Counted>, ArrowError> {
    let column = |name: &str, data_type: &DataType| {
        let column =
            batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("column `{name}` is missing")))?;
        if column.data_type() == data_type { Ok(column.clone()) } else { arrow::compute::cast(column, data_type) }
    };
    let (units, windows, counts) =
        (column("unit_id", &DataType::Int64)?, column("window_id", &DataType::Int64)?, column("n", &DataType::Int64)?);
    let statistics = column("statistic", &DataType::Utf8)?;
    let estimate = batch
        .column_by_name("estimate")
        .and_then(|column| column.as_struct_opt())
        .ok_or_else(|| ArrowError::SchemaError("column `estimate` is not the answer of an estimator".into()))?;
    let part = |name: &str| {
        estimate
            .column_by_name(name)
            .and_then(|column| column.as_primitive_opt::<Float64Type>())
            .ok_or_else(|| ArrowError::SchemaError(format!("the estimate has no `{name}`")))
    };
    let (value, above, low, high) = (part("value")?, part("above")?, part("ci_low")?, part("ci_high")?);
    let method = estimate
        .column_by_name("ci_method")
        .and_then(|column| column.as_string_opt::<i32>())
        .ok_or_else(|| ArrowError::SchemaError("the estimate has no `ci_method`".into()))?;
    let real = |column: &arrow::array::Float64Array, at: usize| column.is_valid(at).then(|| column.value(at));
    Ok((0..batch.num_rows())
        .map(|at| {
            let key = (
                units.as_primitive::<Int64Type>().value(at),
                windows.as_primitive::<Int64Type>().value(at),
                statistics.as_string::<i32>().value(at).to_owned(),
            );
            let estimate = Estimate {
                value: real(value, at),
                above: real(above, at),
                low: real(low, at),
                high: real(high, at),
                method: method.value(at).to_owned(),
            };
            (key, (estimate, counts.as_primitive::<Int64Type>().value(at)))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::{definitions, headline};
    use crate::dimensions::DIMENSIONS;

    #[test]
    fn every_header_is_whole_and_every_metric_known() {
        let names: Vec<&str> = definitions().iter().map(|definition| definition.metric.as_str()).collect();
        for name in [
            "attempt_failure_rate",
            "change_fail_rate",
            "change_lead_time",
            "change_lead_time_commit",
            "change_lead_time_deployed",
            "change_lead_time_last_commit",
            "change_lead_time_merge",
            "change_lead_time_pr_open",
            "deployment_frequency",
            "deployment_rework_rate",
            "failed_deployment_recovery_time",
            "failed_deployment_recovery_time_finish",
            "failed_deployment_recovery_time_impact_start",
            "forward_deployment_frequency",
            "unlinked_incident_rate",
        ] {
            assert!(names.contains(&name), "`{name}` has no file");
        }
    }

    #[test]
    fn the_five_head_the_report_in_their_order() {
        let titles: Vec<&str> = headline().map(|definition| definition.title.as_str()).collect();
        let five = [
            "Deployment frequency",
            "Change lead time",
            "Failed deployment recovery time",
            "Change fail rate",
            "Deployment rework rate",
        ];
        assert_eq!(titles, five);
    }

    #[test]
    fn a_variant_is_named_after_what_it_varies_and_gives_the_same() {
        for variant in definitions() {
            let Some(main) = &variant.variant_of else { continue };
            let main = definitions().iter().find(|definition| definition.metric == *main).expect("it exists");
            assert!(variant.metric.starts_with(&format!("{}_", main.metric)), "{}", variant.metric);
            assert_eq!((&variant.gives, &variant.unit, variant.place), (&main.gives, &main.unit, main.place));
        }
    }

    #[test]
    fn a_header_names_dimensions_and_tables_that_exist() {
        for definition in definitions() {
            for name in &definition.strata {
                let known = DIMENSIONS.iter().any(|dimension| dimension.name == name);
                assert!(known, "`{}` splits by `{name}`", definition.metric);
            }
            let known = ["deployments", "incidents"].contains(&definition.coverage.as_str());
            assert!(known, "`{}` is covered by `{}`", definition.metric, definition.coverage);
        }
    }

    #[test]
    fn no_vendor_is_named_in_a_query() {
        for definition in definitions() {
            for vendor in ["github", "argo", "prometheus", "gitlab"] {
                assert!(!definition.sql.to_lowercase().contains(vendor), "`{}` names a vendor", definition.metric);
            }
        }
    }
}
