//! The operator against the same question as plain SQL, and against a loop over all pairs.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use super::with_asof_join;

/// A row: key, instant, number. Either of the first two may be missing.
type Row = (Option<i64>, Option<i64>, i64);

fn batch(rows: &[Row]) -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("k", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("t", DataType::Int64, true),
        Field::new("id", DataType::Int64, false),
    ]);
    let names = rows.iter().map(|row| row.0.map(|key| format!("service {key}"))).collect::<StringArray>();
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()),
        Arc::new(names),
        Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>()),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).expect("columns of one length")
}

/// A session in which `l` and `r` are those rows, cut into batches and partitions.
fn session(left: &[Row], right: &[Row], cut: usize, partitions: usize) -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(partitions);
    let context = with_asof_join(&SessionContext::new_with_config(config));
    for (name, rows) in [("l", left), ("r", right)] {
        let batches: Vec<RecordBatch> = rows.chunks(cut.max(1)).map(batch).collect();
        let mut parts = vec![Vec::new(); partitions];
        for (place, batch) in batches.into_iter().enumerate() {
            parts[place % partitions].push(batch);
        }
        let table = MemTable::try_new(batch(&[]).schema(), parts).expect("batches of one schema");
        context.register_table(name, Arc::new(table)).expect("a new name");
    }
    context
}

async fn ask(context: &SessionContext, sql: &str) -> datafusion::common::Result<Vec<(i64, Option<i64>)>> {
    let batches = context.sql(sql).await?.collect().await?;
    let mut rows = Vec::new();
    for batch in batches {
        let (left, right) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int64Type>());
        rows.extend(left.values().iter().copied().zip(right.iter()));
    }
    rows.sort_unstable();
    Ok(rows)
}

fn answer(context: &SessionContext, sql: &str) -> Vec<(i64, Option<i64>)> {
    runtime().block_on(ask(context, sql)).expect("it can be asked")
}

fn refusal(sql: &str) -> String {
    let context = session(&[], &[], 1, 1);
    runtime().block_on(ask(&context, sql)).expect_err("it is refused").to_string()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime starts")
}

/// The number of the row that matches: the greatest or least by instant, then number.
fn by_hand(row: Row, right: &[Row], operator: &str) -> Option<i64> {
    let (key, at) = (row.0?, row.1?);
    let of_key = right.iter().filter(|other| other.0 == Some(key)).filter_map(|other| Some((other.1?, other.2)));
    match operator {
        ">=" => of_key.filter(|other| at >= other.0).max().map(|other| other.1),
        ">" => of_key.filter(|other| at > other.0).max().map(|other| other.1),
        "<=" => of_key.filter(|other| at <= other.0).min().map(|other| other.1),
        _ => of_key.filter(|other| at < other.0).min().map(|other| other.1),
    }
}

fn rows(longest: usize) -> impl Strategy<Value = Vec<Row>> {
    let key = prop::option::weighted(0.9, prop_oneof![0..4_i64, Just(i64::MIN), Just(9_000_000_000)]);
    let at = prop::option::weighted(0.9, prop_oneof![-20..20_i64, Just(i64::MAX), Just(i64::MIN)]);
    prop::collection::vec((key, at), 0..longest)
        .prop_map(|rows| rows.into_iter().zip(0..).map(|((key, at), id)| (key, at, id)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the order, the batches, the partitions and the kind of key: the row that a loop over all pairs finds.
    #[test]
    fn it_finds_what_a_loop_over_all_pairs_finds(
        left in rows(40),
        right in rows(40),
        cut in 1..9_usize,
        partitions in 1..4_usize,
        operator in prop::sample::select(vec![">=", ">", "<=", "<"]),
        key in prop::sample::select(vec!["k", "name"]),
    ) {
        let context = session(&left, &right, cut, partitions);
        let sql = format!(
            "SELECT l.id, r.id FROM (l ASOF JOIN r MATCH_CONDITION (l.t {operator} r.t) ON l.{key} = r.{key})"
        );
        let mut expected: Vec<_> = left.iter().map(|row| (row.2, by_hand(*row, &right, operator))).collect();
        expected.sort_unstable();
        prop_assert_eq!(answer(&context, &sql), expected);
    }

    /// The oracle is the way in which it is asked without the operator: a framed maximum over both relations.
    #[test]
    fn it_equals_the_plain_sql(left in rows(60), right in rows(60)) {
        let context = session(&left, &right, 7, 2);
        let operator = "SELECT l.id, r.t FROM (l ASOF JOIN r MATCH_CONDITION (l.t >= r.t) ON l.k = r.k)";
        let plain = "
            SELECT id, max(CASE WHEN NOT is_left THEN t END) OVER (
                PARTITION BY k ORDER BY t RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS matched, is_left
            FROM (SELECT k, t, id, true AS is_left FROM l UNION ALL SELECT k, t, id, false FROM r)
            WHERE k IS NOT NULL AND t IS NOT NULL";
        let plain = format!(
            "SELECT l.id, p.matched FROM l LEFT JOIN ({plain}) AS p ON p.is_left AND p.id = l.id"
        );
        prop_assert_eq!(answer(&context, operator), answer(&context, &plain));
    }
}

/// Of right rows with one key and one instant the order in which they come decides nothing.
#[test]
fn the_order_of_ties_does_not_matter() {
    let left = [(Some(1), Some(5), 0)];
    for right in [[(Some(1), Some(5), 7), (Some(1), Some(5), 8)], [(Some(1), Some(5), 8), (Some(1), Some(5), 7)]] {
        let context = session(&left, &right, 1, 2);
        for (operator, expected) in [(">=", 8), ("<=", 7)] {
            let sql =
                format!("SELECT l.id, r.id FROM (l ASOF JOIN r MATCH_CONDITION (l.t {operator} r.t) ON l.k = r.k)");
            assert_eq!(answer(&context, &sql), [(0, Some(expected))]);
        }
    }
}

/// Sides may be named in either order, aliases count, keys may be missing, and other joins stand around it.
#[test]
fn it_reads_as_sql_does() {
    let left = [(Some(1), Some(5), 0), (Some(2), Some(9), 1)];
    let right = [(Some(1), Some(3), 10), (Some(2), Some(8), 20)];
    let context = session(&left, &right, 10, 1);
    let swapped = "SELECT a.id, b.id FROM (l AS a ASOF JOIN r AS b MATCH_CONDITION (b.t <= a.t) ON b.k = a.k)";
    assert_eq!(answer(&context, swapped), [(0, Some(10)), (1, Some(20))]);
    let keyless = "SELECT a.id, b.id FROM (l AS a ASOF JOIN r AS b MATCH_CONDITION (a.t <= b.t))";
    assert_eq!(answer(&context, keyless), [(0, Some(20)), (1, None)]);
    let around = "SELECT a.id, c.id FROM (l AS a ASOF JOIN (SELECT * FROM r WHERE id > 10) AS b
        MATCH_CONDITION (a.t >= b.t) ON a.k = b.k) JOIN r AS c ON c.t = b.t";
    assert_eq!(answer(&context, around), [(1, Some(20))]);
    let counted = "SELECT count(*), max(b.t) FROM (l AS a ASOF JOIN r AS b MATCH_CONDITION (a.t >= b.t) ON a.k = b.k)";
    assert_eq!(answer(&context, counted), [(2, Some(8))]);
    let filtered = "SELECT a.id, b.id FROM (l AS a ASOF JOIN r AS b MATCH_CONDITION (a.t >= b.t) ON a.k = b.k)
        WHERE b.id IS NULL OR b.id > 10 ORDER BY a.id LIMIT 5";
    assert_eq!(answer(&context, filtered), [(1, Some(20))]);
}

/// A condition on the right relation stands after the join, so it must not thin out what is looked up.
#[test]
fn a_filter_does_not_move_below_it() {
    let left = [(Some(1), Some(5), 0)];
    let right = [(Some(1), Some(3), 10), (Some(1), Some(4), 20)];
    let context = session(&left, &right, 10, 1);
    let sql = "SELECT l.id, r.id FROM (l ASOF JOIN r MATCH_CONDITION (l.t >= r.t) ON l.k = r.k) WHERE r.id < 15";
    assert_eq!(answer(&context, sql), []);
}

#[test]
fn what_it_cannot_mean_is_refused() {
    let join =
        |condition: &str| format!("SELECT l.id, r.id FROM (l ASOF JOIN r MATCH_CONDITION ({condition}) ON l.k = r.k)");
    assert!(refusal(&join("l.t = r.t")).contains("compares by >=, >, <= or <"));
    assert!(refusal(&join("l.t >= l.id")).contains("do not belong to one side"));
    assert!(refusal(&join("l.name >= r.name")).contains("compares instants of one type"));
    let keys = "SELECT l.id, r.id FROM (l ASOF JOIN r MATCH_CONDITION (l.t >= r.t) ON l.k > r.k)";
    assert!(refusal(keys).contains("are equalities"));
    let using = "SELECT l.id, r.id FROM (l ASOF JOIN r MATCH_CONDITION (l.t >= r.t) USING (k))";
    assert!(refusal(using).contains("names its keys by ON"));
}
