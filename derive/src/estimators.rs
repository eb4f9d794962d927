//! The estimators that metric files may call: aggregate functions whose answer is a number with its interval.
//!
//! | function | arguments, per row | estimator |
//! | --- | --- | --- |
//! | `share` | whether the row has the property | share, Wilson interval |
//! | `rate` | events and exposure of one slice of the window, whether it is a whole week | events per unit of exposure, exact or quasi-Poisson |
//! | `poisson_rate` | events and exposure of one slice of the window | events per unit of exposure, exact Poisson |
//! | `censored_quantiles` | total (so far, where the delay is null), delay, censoring time, cluster; then probabilities | inverse-probability-weighted quantiles |
//! | `survival_quantiles` | duration, whether the end was seen; then probabilities | Kaplan-Meier quantiles, log-log limits |
//! | `clustered_survival_quantiles` | the same, and the cluster; then probabilities | Kaplan-Meier quantiles, bootstrap |
//!
//! All give a struct `{value, above, ci_low, ci_high, ci_method}`, or, where they take probabilities, a list with one for
//! each: a sample is drawn once for all of them. Rows are put in order before anything is summed, so the number of threads
//! changes nothing. `no_interval` makes such a struct of a number for which no interval is defined.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Float64Builder, ListArray, ListBuilder, StringArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Signature, Volatility, create_udf,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;
use datafusion::prelude::SessionContext;
use stats::{Bca, BootstrapError, CensoredQuantile, Completion, Interval, KaplanMeier, QuantileEstimate, Subject};

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

    /// With its interval. A replicate whose curve does not reach the quantile has no value; then there is none.
    fn bound(&mut self, interval: std::result::Result<Bca, BootstrapError>) {
        match interval {
            Ok(bca) => {
                self.low = Some(bca.interval.low);
                self.high = Some(bca.interval.high);
                "cluster_bootstrap_bca".clone_into(&mut self.method);
            }
            Err(error) => self.method = format!("none: {error}"),
        }
    }
}

/// The fields of [`Estimate`] as an Arrow struct.
fn fields() -> Fields {
    let real = |name| Field::new(name, DataType::Float64, true);
    vec![real("value"), real("above"), real("ci_low"), real("ci_high"), Field::new("ci_method", DataType::Utf8, true)]
        .into()
}

type Rows = Vec<Vec<f64>>;

/// What is computed from the rows of a group.
#[derive(Clone, Copy)]
enum Function {
    /// One number.
    One(fn(&Rows) -> Estimate),
    /// A number for each probability, with the seed of the plan.
    Quantiles(fn(&Rows, &[f64], u64) -> Vec<Estimate>),
}

/// Registers every estimator with a session.
pub(crate) fn register(context: &SessionContext, seed: u64) {
    use Function::{One, Quantiles};
    let all: [(&str, usize, Function); 6] = [
        ("share", 1, One(share)),
        ("rate", 3, One(rate)),
        ("poisson_rate", 2, One(poisson_rate)),
        ("censored_quantiles", 4, Quantiles(censored_quantiles)),
        ("survival_quantiles", 2, Quantiles(survival_quantiles)),
        ("clustered_survival_quantiles", 3, Quantiles(clustered_survival_quantiles)),
    ];
    for (name, columns, function) in all {
        let signature = match function {
            One(_) => Signature::any(columns, Volatility::Immutable),
            Quantiles(_) => Signature::variadic_any(Volatility::Immutable),
        };
        let function = Named { name: name.to_owned(), function };
        context.register_udaf(AggregateUDF::new_from_impl(Estimator { columns, seed, function, signature }));
    }
    context.register_udf(create_udf(
        "no_interval",
        vec![DataType::Float64],
        DataType::Struct(fields()),
        Volatility::Immutable,
        Arc::new(no_interval),
    ));
}

/// Estimates that have no interval, by their nature.
fn no_interval(arguments: &[ColumnarValue]) -> Result<ColumnarValue> {
    let columns = ColumnarValue::values_to_arrays(arguments)?;
    let estimate = |value: Option<f64>| match value {
        Some(value) => Estimate { value: Some(value), ..Estimate::none("no interval is defined for this statistic") },
        None => Estimate::none("no values"),
    };
    let estimates: Vec<Estimate> = reals(&columns[0])?.iter().map(estimate).collect();
    Ok(ColumnarValue::Array(Arc::new(structs(&estimates))))
}

fn share(rows: &Rows) -> Estimate {
    let trials = rows.len() as u64;
    let successes = rows.iter().filter(|row| row[0] != 0.0).count() as u64;
    match stats::wilson_interval(successes, trials, CONFIDENCE) {
        Ok(interval) => Estimate::between(interval, "wilson"),
        Err(error) => Estimate::none(&error.to_string()),
    }
}

fn rate(rows: &Rows) -> Estimate {
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

fn poisson_rate(rows: &Rows) -> Estimate {
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

fn censored_quantiles(rows: &Rows, probabilities: &[f64], seed: u64) -> Vec<Estimate> {
    let subjects: Vec<(u64, Subject)> = rows
        .iter()
        .map(|row| {
            let completion =
                (!row[0].is_nan() && !row[1].is_nan()).then(|| Completion { total: row[0], delay: row[1] });
            (row[3].to_bits(), Subject { censoring_time: row[2], completion })
        })
        .collect();
    let all: Vec<Subject> = subjects.iter().map(|(_, subject)| *subject).collect();
    let curve = match CensoredQuantile::fit(&all) {
        Ok(curve) => curve,
        Err(error) => return vec![Estimate::none(&error.to_string()); probabilities.len()],
    };
    let estimates = probabilities.iter().map(|probability| match curve.quantile(*probability) {
        // The curve ends where it does for want of weight, and not because anything was seen to last so long.
        Ok(QuantileEstimate::GreaterThan(_)) => Estimate { above: so_far(rows, *probability), ..Estimate::default() },
        Ok(found) => Estimate::of(found, "none"),
        Err(error) => Estimate::none(&error.to_string()),
    });
    let clusters: Vec<Option<u64>> =
        subjects.iter().map(|(cluster, subject)| subject.completion.is_some().then_some(*cluster)).collect();
    bootstrap(estimates.collect(), &clusters, |clusters| {
        stats::censored_quantiles_bca(&all, clusters, probabilities, REPLICATES, seed, CONFIDENCE)
    })
}

/// What the quantile of these very changes will exceed or equal, however long those that wait still take: the quantile of
/// their times so far.
fn so_far(rows: &Rows, probability: f64) -> Option<f64> {
    // Where nobody knows when it began, it has waited for nothing at least.
    let mut times: Vec<f64> = rows.iter().map(|row| row[0].max(0.0)).collect();
    times.sort_by(f64::total_cmp);
    let count = times.len() as f64;
    let reached = (1..=times.len()).find(|place| *place as f64 >= probability * count - 1e-9)?;
    times.get(reached - 1).copied()
}

/// The intervals of lead-time quantiles: changes of one rollout share their end, so rollouts are drawn, not changes.
/// What still waits has no cluster.
fn bootstrap<E: std::fmt::Display>(
    mut estimates: Vec<Estimate>,
    rollouts: &[Option<u64>],
    intervals: impl FnOnce(&[(u64, usize)]) -> std::result::Result<Vec<std::result::Result<Bca, BootstrapError>>, E>,
) -> Vec<Estimate> {
    for unreached in estimates.iter_mut().filter(|estimate| estimate.above.is_some()) {
        "none: the curve does not reach the quantile".clone_into(&mut unreached.method);
    }
    let reached = |estimate: &Estimate| estimate.value.is_some();
    if !estimates.iter().any(reached) {
        return estimates;
    }
    let distinct: std::collections::BTreeSet<u64> = rollouts.iter().flatten().copied().collect();
    if distinct.len() < CLUSTERS_FOR_BOOTSTRAP {
        for estimate in estimates.iter_mut().filter(|estimate| reached(estimate)) {
            estimate.method = format!("none: {} rollouts, {CLUSTERS_FOR_BOOTSTRAP} are needed", distinct.len());
        }
        return estimates;
    }
    // A change that still waits is in no rollout yet: it is a cluster of its own.
    let clusters: Vec<(u64, usize)> =
        rollouts.iter().enumerate().map(|(at, rollout)| rollout.map_or((0, at + 1), |rollout| (rollout, 0))).collect();
    match intervals(&clusters) {
        Ok(intervals) => {
            let pairs = estimates.iter_mut().zip(intervals).filter(|(estimate, _)| reached(estimate));
            for (estimate, interval) in pairs {
                estimate.bound(interval);
            }
        }
        Err(error) => {
            for estimate in estimates.iter_mut().filter(|estimate| reached(estimate)) {
                estimate.method = format!("none: {error}");
            }
        }
    }
    estimates
}

fn survival_quantiles(rows: &Rows, probabilities: &[f64], _seed: u64) -> Vec<Estimate> {
    let (durations, observed) = durations(rows);
    let curve = KaplanMeier::fit(&durations, &observed);
    let estimate = |probability: &f64| {
        let found = curve.as_ref().map_err(Clone::clone);
        match found.and_then(|curve| curve.quantile_interval(*probability, CONFIDENCE)) {
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
    };
    probabilities.iter().map(estimate).collect()
}

fn clustered_survival_quantiles(rows: &Rows, probabilities: &[f64], seed: u64) -> Vec<Estimate> {
    let (durations, observed) = durations(rows);
    let curve = match KaplanMeier::fit(&durations, &observed) {
        Ok(curve) => curve,
        Err(error) => return vec![Estimate::none(&error.to_string()); probabilities.len()],
    };
    let estimates = probabilities.iter().map(|probability| match curve.quantile(*probability) {
        Ok(found) => Estimate::of(found, "none"),
        Err(error) => Estimate::none(&error.to_string()),
    });
    let clusters: Vec<Option<u64>> = rows.iter().map(|row| (row[1] != 0.0).then_some(row[2].to_bits())).collect();
    bootstrap(estimates.collect(), &clusters, |clusters| {
        let plan = (REPLICATES, seed, CONFIDENCE);
        stats::kaplan_meier_quantiles_bca(&durations, &observed, clusters, probabilities, plan.0, plan.1, plan.2)
    })
}

/// Durations, and for each whether its end was seen.
fn durations(rows: &Rows) -> (Vec<f64>, Vec<bool>) {
    rows.iter().map(|row| (row[0], row[1] != 0.0)).unzip()
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
    /// How many arguments are columns; probabilities may follow.
    columns: usize,
    seed: u64,
    function: Named,
    signature: Signature,
}

impl AggregateUDFImpl for Estimator {
    fn name(&self) -> &str {
        &self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let estimate = DataType::Struct(fields());
        match self.function.function {
            Function::One(_) => Ok(estimate),
            Function::Quantiles(_) if arguments.len() > self.columns => {
                Ok(DataType::List(Arc::new(Field::new_list_field(estimate, true))))
            }
            Function::Quantiles(_) => {
                plan_err!("{} takes {} columns and one probability or more", self.name(), self.columns)
            }
        }
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Collector {
            columns: self.columns,
            probabilities: probabilities(self.name(), &arguments, self.columns)?,
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
struct Collector {
    columns: usize,
    probabilities: Vec<f64>,
    seed: u64,
    function: Function,
    cells: Vec<f64>,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows", self.cells.len() / self.columns.max(1))
    }
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
        let columns = values.iter().take(self.columns).map(numbers).collect::<Result<Vec<_>>>()?;
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
        let rows = self.rows();
        match self.function {
            Function::One(function) => Ok(ScalarValue::Struct(Arc::new(structs(&[function(&rows)])))),
            Function::Quantiles(function) => {
                let estimates = function(&rows, &self.probabilities, self.seed);
                let offsets = OffsetBuffer::from_lengths([estimates.len()]);
                let item = Arc::new(Field::new_list_field(DataType::Struct(fields()), true));
                let list = ListArray::try_new(item, offsets, Arc::new(structs(&estimates)), None)?;
                Ok(ScalarValue::List(Arc::new(list)))
            }
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.cells.capacity() * size_of::<f64>()
    }
}

/// Estimates as an Arrow array.
fn structs(estimates: &[Estimate]) -> StructArray {
    let real =
        |part: fn(&Estimate) -> Option<f64>| Arc::new(estimates.iter().map(part).collect::<Float64Array>()) as ArrayRef;
    let methods = StringArray::from_iter_values(estimates.iter().map(|estimate| estimate.method.as_str()));
    let columns = vec![
        real(|estimate| estimate.value),
        real(|estimate| estimate.above),
        real(|estimate| estimate.low),
        real(|estimate| estimate.high),
        Arc::new(methods) as ArrayRef,
    ];
    StructArray::new(fields(), columns, None)
}

/// The arguments after the first `columns`: probabilities, given as numbers.
pub(crate) fn probabilities(function: &str, arguments: &AccumulatorArgs<'_>, columns: usize) -> Result<Vec<f64>> {
    let literal = |expr: &Arc<dyn PhysicalExpr>| {
        let value = expr.downcast_ref::<Literal>().map(|literal| literal.value().cast_to(&DataType::Float64));
        match value.transpose()? {
            Some(ScalarValue::Float64(Some(probability))) if (0.0..=1.0).contains(&probability) => Ok(probability),
            _ => plan_err!("{function} takes probabilities between 0 and 1 at its end, given as numbers"),
        }
    };
    arguments.exprs.iter().skip(columns).map(literal).collect()
}

/// A numeric column as floating-point numbers.
pub(crate) fn reals(column: &ArrayRef) -> Result<Float64Array> {
    let cast = arrow::compute::cast(column, &DataType::Float64)?;
    let numbers = cast.as_primitive_opt::<Float64Type>();
    numbers.cloned().ok_or_else(|| exec_datafusion_err!("an estimator takes numbers, not {}", column.data_type()))
}

/// A column as numbers.
fn numbers(column: &ArrayRef) -> Result<Float64Array> {
    if matches!(column.data_type(), DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8) {
        let texts = arrow::compute::cast(column, &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        return Ok(texts.iter().map(|text| text.map(text_number)).collect());
    }
    reals(column)
}

/// The first 52 bits of a text's SHA-256: exact in a float, and the same on every machine.
fn text_number(text: &str) -> f64 {
    let digest = lake::canonical::sha256(text.as_bytes());
    u64::from_str_radix(&digest[..13], 16).unwrap_or_default() as f64
}
