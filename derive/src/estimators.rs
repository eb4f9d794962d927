//! The estimators that metric files may call: aggregate functions whose answer is a number with its interval.
//!
//! | function | arguments, per row | estimator |
//! | --- | --- | --- |
//! | `share` | whether the row has the property | share, Wilson interval |
//! | `rate` | events and exposure of one slice of the window, whether it is a whole week | events per unit of exposure, exact or quasi-Poisson |
//! | `poisson_rate` | events and exposure of one slice of the window | events per unit of exposure, exact Poisson |
//! | `censored_quantile` | total, delay, censoring time, cluster, probability | inverse-probability-weighted quantile |
//! | `survival_quantile` | duration, whether the end was seen, probability | Kaplan-Meier quantile, log-log limits |
//! | `clustered_survival_quantile` | the same with the cluster before the probability | Kaplan-Meier quantile, bootstrap |
//! | `plain_quantile` | value, probability | quantile by selection, no interval |
//!
//! All give a struct `{value, above, ci_low, ci_high, ci_method}`. Rows are put in order before anything is summed, so
//! the number of threads changes nothing.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Float64Builder, ListBuilder, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};
use datafusion::prelude::SessionContext;
use stats::{Bca, CensoredQuantile, Completion, Interval, KaplanMeier, QuantileEstimate, Subject};

const CONFIDENCE: f64 = 0.95;
/// Fewer clusters than this give no bootstrap interval.
const CLUSTERS_FOR_BOOTSTRAP: usize = 20;
const REPLICATES: usize = 2_000;
/// A frequency over less than this says nothing.
const SHORTEST_EXPOSURE_DAYS: f64 = 1.0;

/// A number with its interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) value: Option<f64>,
    pub(crate) above: Option<f64>,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    pub(crate) method: String,
}

impl Estimate {
    fn none(why: &str) -> Self {
        Self { method: format!("none: {why}"), ..Self::default() }
    }

    fn between(interval: Interval, method: &str) -> Self {
        Self {
            value: Some(interval.estimate),
            above: None,
            low: Some(interval.low),
            high: Some(interval.high),
            method: method.to_owned(),
        }
    }

    fn of(value: QuantileEstimate, method: &str) -> Self {
        let (value, above) = match value {
            QuantileEstimate::At(value) => (Some(value), None),
            QuantileEstimate::GreaterThan(above) => (None, Some(above)),
        };
        Self { value, above, low: None, high: None, method: method.to_owned() }
    }
}

/// The fields of [`Estimate`] as an Arrow struct.
fn fields() -> Fields {
    let real = |name| Field::new(name, DataType::Float64, true);
    vec![real("value"), real("above"), real("ci_low"), real("ci_high"), Field::new("ci_method", DataType::Utf8, true)]
        .into()
}

type Rows = Vec<Vec<f64>>;
type Function = fn(&Rows, u64) -> Estimate;

/// Registers every estimator with a session.
pub(crate) fn register(context: &SessionContext, seed: u64) {
    let all: [(&str, usize, Function); 7] = [
        ("share", 1, share),
        ("rate", 3, rate),
        ("poisson_rate", 2, poisson_rate),
        ("censored_quantile", 5, censored_quantile),
        ("survival_quantile", 3, survival_quantile),
        ("clustered_survival_quantile", 4, clustered_survival_quantile),
        ("plain_quantile", 2, plain_quantile),
    ];
    for (name, arguments, function) in all {
        let estimator = Estimator {
            name: name.to_owned(),
            arguments,
            seed,
            function: Named { name: name.to_owned(), function },
            signature: Signature::any(arguments, Volatility::Immutable),
        };
        context.register_udaf(AggregateUDF::new_from_impl(estimator));
    }
}

fn share(rows: &Rows, _seed: u64) -> Estimate {
    let trials = rows.len() as u64;
    let successes = rows.iter().filter(|row| row[0] != 0.0).count() as u64;
    match stats::wilson_interval(successes, trials, CONFIDENCE) {
        Ok(interval) => Estimate::between(interval, "wilson"),
        Err(error) => Estimate::none(&error.to_string()),
    }
}

fn rate(rows: &Rows, _seed: u64) -> Estimate {
    let read = match read(rows) {
        Ok(read) => read,
        Err(why) => return Estimate::none(why),
    };
    let (full, cut): (Vec<&Vec<f64>>, Vec<&Vec<f64>>) = read.into_iter().partition(|row| row[2] != 0.0);
    let counts: Vec<u64> = full.iter().map(|row| count(row)).collect();
    let exposures: Vec<f64> = full.iter().map(|row| row[1]).collect();
    let rest =
        stats::Rest { events: cut.iter().map(|row| count(row)).sum(), exposure: cut.iter().map(|row| row[1]).sum() };
    match stats::frequency_interval_with_rest(&counts, &exposures, rest, CONFIDENCE) {
        Ok(found) => {
            let method = match found.method {
                stats::FrequencyMethod::ExactPoisson => "poisson_exact",
                stats::FrequencyMethod::QuasiPoisson => "quasi_poisson",
            };
            Estimate::between(found.interval, method)
        }
        Err(error) => Estimate::none(&error.to_string()),
    }
}

fn poisson_rate(rows: &Rows, _seed: u64) -> Estimate {
    let read = match read(rows) {
        Ok(read) => read,
        Err(why) => return Estimate::none(why),
    };
    let (events, exposure) = (read.iter().map(|row| count(row)).sum(), read.iter().map(|row| row[1]).sum());
    match stats::poisson_interval(events, exposure, CONFIDENCE) {
        Ok(interval) => Estimate::between(interval, "poisson_exact"),
        Err(error) => Estimate::none(&error.to_string()),
    }
}

/// The slices of which something was read, or why they give no rate.
fn read(rows: &Rows) -> Result<Vec<&Vec<f64>>, &'static str> {
    let read: Vec<&Vec<f64>> = rows.iter().filter(|row| row[1] > 0.0).collect();
    if read.is_empty() {
        return Err("nothing of this window was read");
    }
    if read.iter().map(|row| row[1]).sum::<f64>() < SHORTEST_EXPOSURE_DAYS {
        return Err("less than a day of this window was read");
    }
    Ok(read)
}

/// The events of a slice.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are whole and not negative")]
fn count(row: &[f64]) -> u64 {
    row[0] as u64
}

fn censored_quantile(rows: &Rows, seed: u64) -> Estimate {
    let Some(probability) = rows.first().map(|row| row[4]) else { return Estimate::none("no changes") };
    let subjects: Vec<(u64, Subject)> = rows
        .iter()
        .map(|row| {
            let completion = (!row[0].is_nan()).then(|| Completion { total: row[0], delay: row[1] });
            (row[3].to_bits(), Subject { censoring_time: row[2], completion })
        })
        .collect();
    let all: Vec<Subject> = subjects.iter().map(|(_, subject)| *subject).collect();
    let found = CensoredQuantile::fit(&all).and_then(|curve| curve.quantile(probability));
    let mut estimate = match found {
        Ok(found) => Estimate::of(found, "none"),
        Err(error) => return Estimate::none(&error.to_string()),
    };
    let clusters: Vec<Option<u64>> =
        subjects.iter().map(|(cluster, subject)| subject.completion.is_some().then_some(*cluster)).collect();
    bootstrap(&mut estimate, &clusters, |clusters| {
        stats::censored_quantile_bca(&all, clusters, probability, REPLICATES, seed, CONFIDENCE)
    });
    estimate
}

/// The interval of a lead-time quantile: changes of one rollout share their end, so rollouts are drawn, not changes.
/// What still waits has no cluster.
fn bootstrap<E: std::fmt::Display>(
    estimate: &mut Estimate,
    rollouts: &[Option<u64>],
    interval: impl FnOnce(&[(u64, usize)]) -> std::result::Result<Bca, E>,
) {
    let distinct: std::collections::BTreeSet<u64> = rollouts.iter().flatten().copied().collect();
    if estimate.value.is_none() {
        "none: the curve does not reach the quantile".clone_into(&mut estimate.method);
        return;
    }
    if distinct.len() < CLUSTERS_FOR_BOOTSTRAP {
        estimate.method = format!("none: {} rollouts, {CLUSTERS_FOR_BOOTSTRAP} are needed", distinct.len());
        return;
    }
    // A change that still waits is in no rollout yet: it is a cluster of its own.
    let clusters: Vec<(u64, usize)> =
        rollouts.iter().enumerate().map(|(at, rollout)| rollout.map_or((0, at + 1), |rollout| (rollout, 0))).collect();
    // A replicate whose curve does not reach the quantile has no value; then there is no interval either.
    match interval(&clusters) {
        Ok(bca) => {
            estimate.low = Some(bca.interval.low);
            estimate.high = Some(bca.interval.high);
            "cluster_bootstrap_bca".clone_into(&mut estimate.method);
        }
        Err(error) => estimate.method = format!("none: {error}"),
    }
}

fn survival_quantile(rows: &Rows, _seed: u64) -> Estimate {
    let Some(probability) = rows.first().map(|row| row[2]) else { return Estimate::none("no failures") };
    let (durations, observed) = durations(rows);
    let found =
        KaplanMeier::fit(&durations, &observed).and_then(|curve| curve.quantile_interval(probability, CONFIDENCE));
    match found {
        Ok(found) => {
            let method = match (found.low, found.high) {
                (None, None) => "none: too few ended for the limits of the curve to reach the quantile",
                (None, Some(_)) => "kaplan_meier_log_log, the lower limit is not reached",
                (Some(_), None) => "kaplan_meier_log_log, the upper limit is not reached",
                (Some(_), Some(_)) => "kaplan_meier_log_log",
            };
            Estimate { low: found.low, high: found.high, ..Estimate::of(found.estimate, method) }
        }
        Err(error) => Estimate::none(&error.to_string()),
    }
}

fn clustered_survival_quantile(rows: &Rows, seed: u64) -> Estimate {
    let Some(probability) = rows.first().map(|row| row[3]) else { return Estimate::none("no changes") };
    let (durations, observed) = durations(rows);
    let found = KaplanMeier::fit(&durations, &observed).and_then(|curve| curve.quantile(probability));
    let mut estimate = match found {
        Ok(found) => Estimate::of(found, "none"),
        Err(error) => return Estimate::none(&error.to_string()),
    };
    let clusters: Vec<Option<u64>> = rows.iter().map(|row| (row[1] != 0.0).then_some(row[2].to_bits())).collect();
    bootstrap(&mut estimate, &clusters, |clusters| {
        stats::kaplan_meier_quantile_bca(&durations, &observed, clusters, probability, REPLICATES, seed, CONFIDENCE)
    });
    estimate
}

/// Durations, and for each whether its end was seen.
fn durations(rows: &Rows) -> (Vec<f64>, Vec<bool>) {
    rows.iter().map(|row| (row[0], row[1] != 0.0)).unzip()
}

fn plain_quantile(rows: &Rows, _seed: u64) -> Estimate {
    let Some(probability) = rows.first().map(|row| row[1]) else { return Estimate::none("no values") };
    let values: Vec<f64> = rows.iter().map(|row| row[0]).filter(|value| !value.is_nan()).collect();
    match stats::quantile(&values, probability) {
        Ok(value) => Estimate { value: Some(value), ..Estimate::none("no interval is defined for this statistic") },
        Err(error) => Estimate::none(&error.to_string()),
    }
}

/// A function known by its name, so that two registrations of it are equal.
#[derive(Clone)]
struct Named {
    name: String,
    function: Function,
}

impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Named {}

impl std::hash::Hash for Named {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Estimator {
    name: String,
    arguments: usize,
    seed: u64,
    function: Named,
    signature: Signature,
}

impl AggregateUDFImpl for Estimator {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(fields()))
    }

    fn accumulator(&self, _arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Collector {
            columns: self.arguments,
            seed: self.seed,
            function: self.function.function,
            cells: Vec::new(),
        }))
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let item = Field::new_list_field(DataType::Float64, true);
        Ok(vec![Arc::new(Field::new_list(format!("{}_rows", arguments.name), item, true))])
    }
}

/// Keeps all rows, flat; a null is a NaN, a text the first 52 bits of its hash.
#[derive(Debug)]
struct Collector {
    columns: usize,
    seed: u64,
    function: Function,
    cells: Vec<f64>,
}

impl Collector {
    fn rows(&self) -> Rows {
        let mut rows: Rows = self.cells.chunks_exact(self.columns).map(<[f64]>::to_vec).collect();
        rows.sort_by(|a, b| {
            a.iter()
                .zip(b)
                .map(|(a, b)| a.total_cmp(b))
                .find(|order| order.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        rows
    }
}

impl Accumulator for Collector {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let columns = values.iter().map(numbers).collect::<Result<Vec<_>>>()?;
        let count = columns.first().map_or(0, Float64Array::len);
        for at in 0..count {
            for column in &columns {
                self.cells.push(if column.is_valid(at) { column.value(at) } else { f64::NAN });
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states[0].as_list::<i32>();
        for at in 0..lists.len() {
            if lists.is_valid(at) {
                self.cells.extend(lists.value(at).as_primitive::<Float64Type>().values());
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut list = ListBuilder::new(Float64Builder::new());
        list.values().append_slice(&self.cells);
        list.append(true);
        Ok(vec![ScalarValue::List(Arc::new(list.finish()))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let estimate = (self.function)(&self.rows(), self.seed);
        let real = |value: Option<f64>| Arc::new(Float64Array::from(vec![value])) as ArrayRef;
        let columns = vec![
            real(estimate.value),
            real(estimate.above),
            real(estimate.low),
            real(estimate.high),
            Arc::new(StringArray::from(vec![estimate.method])) as ArrayRef,
        ];
        Ok(ScalarValue::Struct(Arc::new(StructArray::new(fields(), columns, None))))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.cells.capacity() * size_of::<f64>()
    }
}

/// A column as numbers.
fn numbers(column: &ArrayRef) -> Result<Float64Array> {
    if matches!(column.data_type(), DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8) {
        let texts = arrow::compute::cast(column, &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        return Ok(texts.iter().map(|text| text.map(text_number)).collect());
    }
    let cast = arrow::compute::cast(column, &DataType::Float64)?;
    let numbers = cast.as_primitive_opt::<Float64Type>();
    numbers.cloned().ok_or_else(|| exec_datafusion_err!("an estimator takes numbers, not {}", column.data_type()))
}

/// The first 52 bits of a text's SHA-256: exact in a float, and the same on every machine.
fn text_number(text: &str) -> f64 {
    let digest = lake::canonical::sha256(text.as_bytes());
    u64::from_str_radix(&digest[..13], 16).unwrap_or_default() as f64
}
