//! Against the estimator of one group at a time, through a real plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema};
use datafusion::datasource::MemTable;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use super::{GroupLog, register_exact_quantiles};

type Row = (i64, Option<f64>);

fn session(rows: &[Row], partitions: usize) -> SessionContext {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(partitions));
    register_exact_quantiles(&context);
    let schema =
        Arc::new(Schema::new(vec![Field::new("g", DataType::Int64, false), Field::new("x", DataType::Float64, true)]));
    let batch = |rows: &[Row]| {
        let columns: Vec<Arc<dyn Array>> = vec![
            Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>()),
        ];
        RecordBatch::try_new(schema.clone(), columns).expect("columns of one length")
    };
    let mut parts = vec![Vec::new(); partitions];
    for (place, rows) in rows.chunks(5).enumerate() {
        parts[place % partitions].push(batch(rows));
    }
    let table = MemTable::try_new(schema.clone(), parts).expect("batches of one schema");
    context.register_table("t", Arc::new(table)).expect("a new name");
    context
}

/// The two quantiles of each group.
async fn ask(context: &SessionContext) -> datafusion::common::Result<BTreeMap<i64, Option<Vec<f64>>>> {
    let sql = "SELECT g, exact_quantiles(x, 0.5, 0.9) AS q FROM t GROUP BY g";
    let mut groups = BTreeMap::new();
    for batch in context.sql(sql).await?.collect().await? {
        let (names, lists) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_fixed_size_list());
        for row in 0..batch.num_rows() {
            let list = lists.is_valid(row).then(|| lists.value(row).as_primitive::<Float64Type>().values().to_vec());
            groups.insert(names.value(row), list);
        }
    }
    Ok(groups)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime starts")
}

fn values() -> impl Strategy<Value = Option<f64>> {
    let whole = (0..1000_u32).prop_map(f64::from);
    let value = prop_oneof![8 => whole, 1 => -1e3..1e3, 1 => Just(-0.0), 1 => Just(4_294_967_296.0)];
    prop::option::weighted(0.9, value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the partitions and wherever the first value comes that does not fit into 32 bits.
    #[test]
    fn it_equals_one_group_at_a_time(
        rows in prop::collection::vec((0..5_i64, values()), 0..120),
        partitions in 1..4_usize,
    ) {
        let mut expected: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for (group, value) in &rows {
            expected.entry(*group).or_default().extend(value);
        }
        let expected: BTreeMap<i64, Option<Vec<f64>>> = expected
            .into_iter()
            .map(|(group, values)| {
                let both = [0.5, 0.9].map(|probability| stats::quantile(&values, probability));
                (group, both.into_iter().collect::<Result<Vec<_>, _>>().ok())
            })
            .collect();
        let found = runtime().block_on(ask(&session(&rows, partitions))).expect("it can be asked");
        prop_assert_eq!(found, expected);
    }

    /// Groups that are asked for early leave the log, and the others move up.
    #[test]
    fn groups_may_be_asked_for_in_parts(
        rows in prop::collection::vec((0..4_usize, 0..9_u32), 1..40),
        first in 0..5_usize,
    ) {
        let log = || {
            let mut log = GroupLog::new(vec![0.25]);
            let values: Arc<dyn Array> =
                Arc::new(rows.iter().map(|row| f64::from(row.1)).collect::<Float64Array>());
            let groups: Vec<usize> = rows.iter().map(|row| row.0).collect();
            log.update_batch(&[values], &groups, None, 4).expect("finite values");
            log
        };
        let lists = |array: Arc<dyn Array>| -> Vec<Option<f64>> {
            let lists = array.as_fixed_size_list();
            (0..lists.len())
                .map(|row| lists.is_valid(row).then(|| lists.value(row).as_primitive::<Float64Type>().value(0)))
                .collect()
        };
        let whole = lists(log().evaluate(EmitTo::All).expect("it can be asked"));
        let mut parts = log();
        let mut found = lists(parts.evaluate(EmitTo::First(first)).expect("it can be asked"));
        found.extend(lists(parts.evaluate(EmitTo::All).expect("it can be asked")));
        prop_assert_eq!(found, whole);
    }
}

/// How often a plan and what is below it wrote to disk for want of memory.
fn spills(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let own = plan.metrics().and_then(|metrics| metrics.spill_count()).unwrap_or(0);
    own + plan.children().into_iter().map(spills).sum::<usize>()
}

/// With less memory than the values need, groups go to disk and come back whole.
#[test]
fn with_little_memory_the_answer_is_the_same() {
    let rows: Vec<Row> =
        (0..120_000_u32).map(|row| (i64::from(row % 15_000), Some(f64::from(row * 7919 % 10_007)))).collect();
    let ask = |limit: Option<usize>| {
        let mut environment = RuntimeEnvBuilder::new();
        if let Some(limit) = limit {
            environment = environment.with_memory_pool(Arc::new(FairSpillPool::new(limit)));
        }
        let environment = environment.build_arc().expect("a runtime environment");
        let config = SessionConfig::new()
            .with_target_partitions(2)
            .with_batch_size(1024)
            .with_sort_spill_reservation_bytes(64 << 10);
        let context = SessionContext::new_with_config_rt(config, environment);
        let unlimited = session(&rows, 2);
        register_exact_quantiles(&context);
        runtime().block_on(async {
            let table = unlimited.table_provider("t").await.expect("it is registered");
            context.register_table("t", table).expect("a new name");
            let sql = "SELECT g, exact_quantiles(x, 0.5, 0.9) AS q FROM t GROUP BY g";
            let plan = context.sql(sql).await.expect("it is SQL").create_physical_plan().await.expect("it has a plan");
            let answer = collect(plan.clone(), context.task_ctx()).await.expect("it ends");
            let mut rows: Vec<String> = answer
                .iter()
                .flat_map(|batch| (0..batch.num_rows()).map(|row| format!("{:?}", batch.slice(row, 1).columns())))
                .collect();
            rows.sort_unstable();
            (rows, spills(&plan))
        })
    };
    let (whole, none) = ask(None);
    let (spilled, some) = ask(Some(3 << 20));
    assert_eq!((none, whole.len()), (0, 15_000));
    assert!(some > 0, "three MiB were enough, so nothing was tested");
    assert_eq!(spilled, whole);
}

#[test]
fn a_query_without_groups_and_without_rows_has_an_answer() {
    let sql = "SELECT exact_quantiles(x, 0.5) FROM t";
    let ask = |rows: &[Row]| {
        let context = session(rows, 2);
        let batches = runtime().block_on(async { context.sql(sql).await?.collect().await }).expect("it can be asked");
        let lists = batches[0].column(0).as_fixed_size_list().clone();
        lists.is_valid(0).then(|| lists.value(0).as_primitive::<Float64Type>().value(0))
    };
    assert_eq!(ask(&[(0, Some(1.0)), (1, Some(2.0)), (1, None)]), Some(1.5));
    assert_eq!(ask(&[]), None);
}

#[test]
fn what_has_no_quantile_is_refused() {
    let refused = |rows: &[Row], sql: &str| {
        let context = session(rows, 1);
        let asked = runtime().block_on(async { context.sql(sql).await?.collect().await });
        asked.expect_err("it is refused").to_string()
    };
    assert!(refused(&[(0, Some(f64::NAN))], "SELECT exact_quantiles(x, 0.5) FROM t").contains("must be finite"));
    assert!(refused(&[], "SELECT exact_quantiles(x, 1.5) FROM t").contains("probabilities between 0 and 1"));
    assert!(refused(&[], "SELECT exact_quantiles(x, x) FROM t").contains("probabilities between 0 and 1"));
    assert!(refused(&[], "SELECT exact_quantiles(x) FROM t").contains("one probability or more"));
}
