//! The operators on which a derivation rests, on the reference world: the as-of join and exact quantiles of many groups,
//! beside the same question in plain SQL and beside merely decoding the columns.
//!
//! Without arguments, a sixteenth of the world is made and every contestant runs in turn, in a process of its own.
//! `derive_kernel generate FOLDER SCALE` makes one to keep, and `derive_kernel CONTESTANT FOLDER` runs one contestant on
//! it and prints its answer; `peers/derive` runs them and other programs on one folder.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use benches::{RUNS, children_seconds, line, world};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};

/// What every contestant answers: per service and week the deployments, the changes that arrived with the median and the
/// 90th percentile of their lead time, the deployments with an incident within a day, and recoveries with their median.
const OPERATORS: &str = "
WITH dep AS (
    SELECT service_id, finished_at FROM deployments WHERE env = 'production' AND status = 'success'
),
arrived AS (
    SELECT CAST(c.service_id AS BIGINT) * 1000 + WEEK(d.finished_at) AS unit_week,
        seconds_between(c.committed_at, d.finished_at) AS lead
    FROM (changes AS c ASOF JOIN dep AS d MATCH_CONDITION (c.merged_at <= d.finished_at) ON c.service_id = d.service_id)
    WHERE d.finished_at IS NOT NULL
),
impaired AS (
    SELECT i.service_id, i.opened_at, i.resolved_at, d.finished_at
    FROM (incidents AS i ASOF JOIN dep AS d MATCH_CONDITION (i.opened_at >= d.finished_at) ON i.service_id = d.service_id)
    WHERE seconds_between(d.finished_at, i.opened_at) <= 86400.0
),
lead_w AS (
    SELECT unit_week, count(*) AS n_changes, exact_quantiles(lead, 0.5, 0.9) AS q FROM arrived GROUP BY unit_week
),
mttr_w AS (
    SELECT service_id, WEEK(opened_at) AS wk, count(*) AS recovered,
        exact_quantiles(seconds_between(opened_at, resolved_at), 0.5)[1] AS mttr
    FROM impaired WHERE resolved_at IS NOT NULL GROUP BY service_id, wk
),
lead_q AS (
    SELECT CAST(unit_week / 1000 AS INT) AS service_id, unit_week % 1000 AS wk, n_changes, q[1] AS lead_p50,
        q[2] AS lead_p90
    FROM lead_w
)";

/// The same as-of in the engine's own SQL: a framed minimum or maximum over both tables, and its own quantiles.
const PLAIN: &str = "
WITH dep AS (
    SELECT service_id, finished_at FROM deployments WHERE env = 'production' AND status = 'success'
),
arrived AS (
    SELECT service_id, WEEK(nd) AS wk, CAST(CAST(nd AS BIGINT) - CAST(c AS BIGINT) AS DOUBLE) / 1e6 AS lead
    FROM (
        SELECT service_id, c, min(dt) OVER (
            PARTITION BY service_id ORDER BY t DESC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS nd
        FROM (
            SELECT service_id, finished_at AS t, finished_at AS dt, NULL AS c FROM dep
            UNION ALL SELECT service_id, merged_at, NULL, committed_at FROM changes
        )
    )
    WHERE c IS NOT NULL AND nd IS NOT NULL
),
impaired AS (
    SELECT service_id, opened_at, resolved_at, finished_at
    FROM (
        SELECT service_id, opened_at, resolved_at, max(dt) OVER (
            PARTITION BY service_id ORDER BY t RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS finished_at
        FROM (
            SELECT service_id, finished_at AS t, finished_at AS dt, NULL AS opened_at, NULL AS resolved_at FROM dep
            UNION ALL SELECT service_id, opened_at AS t, NULL, opened_at AS o, resolved_at AS r FROM incidents
        )
    )
    WHERE opened_at IS NOT NULL AND CAST(opened_at AS BIGINT) - CAST(finished_at AS BIGINT) <= 86400000000
),
lead_q AS (
    SELECT service_id, wk, count(*) AS n_changes, median(lead) AS lead_p50,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY lead) AS lead_p90
    FROM arrived GROUP BY service_id, wk
),
mttr_w AS (
    SELECT service_id, WEEK(opened_at) AS wk, count(*) AS recovered,
        median(CAST(CAST(resolved_at AS BIGINT) - CAST(opened_at AS BIGINT) AS DOUBLE) / 1e6) AS mttr
    FROM impaired WHERE resolved_at IS NOT NULL GROUP BY service_id, wk
)";

/// What both end with: one row per service and week, and sums over all of them that contestants are compared by.
const REST: &str = ",
dep_w AS (SELECT service_id, WEEK(finished_at) AS wk, count(*) AS deploys FROM dep GROUP BY service_id, wk),
fail_w AS (
    SELECT service_id, WEEK(finished_at) AS wk, count(DISTINCT finished_at) AS failed FROM impaired GROUP BY service_id, wk
),
weeks AS (
    SELECT service_id, wk, max(deploys) AS deploys, max(n_changes) AS n_changes, max(lead_p50) AS lead_p50,
        max(lead_p90) AS lead_p90, max(failed) AS failed, max(recovered) AS recovered, max(mttr) AS mttr
    FROM (
        SELECT service_id, wk, deploys, CAST(NULL AS BIGINT) AS n_changes, CAST(NULL AS DOUBLE) AS lead_p50,
            CAST(NULL AS DOUBLE) AS lead_p90, CAST(NULL AS BIGINT) AS failed, CAST(NULL AS BIGINT) AS recovered,
            CAST(NULL AS DOUBLE) AS mttr FROM dep_w
        UNION ALL SELECT service_id, wk, NULL, n_changes, lead_p50, lead_p90, NULL, NULL, NULL FROM lead_q
        UNION ALL SELECT service_id, wk, NULL, NULL, NULL, NULL, failed, NULL, NULL FROM fail_w
        UNION ALL SELECT service_id, wk, NULL, NULL, NULL, NULL, NULL, recovered, mttr FROM mttr_w
    )
    GROUP BY service_id, wk
)
SELECT count(*), sum(deploys), sum(n_changes), sum(lead_p50), sum(lead_p90), sum(failed), sum(recovered), sum(mttr)
FROM weeks";

/// Every column that the question needs, decoded and added up.
const SCAN: [&str; 3] = [
    "SELECT sum(service_id), sum(CAST(merged_at AS BIGINT) % 1000003), sum(CAST(committed_at AS BIGINT) % 1000003) FROM changes",
    "SELECT sum(service_id), sum(CAST(finished_at AS BIGINT) % 1000003) FROM deployments WHERE env = 'production' AND status = 'success'",
    "SELECT sum(service_id), sum(CAST(opened_at AS BIGINT) % 1000003), sum(CAST(resolved_at AS BIGINT) % 1000003) FROM incidents",
];

fn main() {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["generate", folder, scale] => {
            world::write(Path::new(folder), scale.parse().expect("a scale is a number"), 36)
                .expect("files can be written");
        }
        [contestant, folder] => say(&answer(contestant, Path::new(folder))),
        _ => compare(),
    }
}

fn say(text: &str) {
    writeln!(std::io::stdout().lock(), "{text}").expect("standard output is open");
}

/// Weeks count from the first instant of the world.
fn question(contestant: &str) -> Vec<String> {
    let whole = |first: &str| vec![weeks(&format!("{first}{REST}"))];
    match contestant {
        "operators" => whole(OPERATORS),
        "sql" => whole(PLAIN),
        "scan" => SCAN.iter().map(|sql| (*sql).to_owned()).collect(),
        other => panic!("no contestant is called `{other}`: they are operators, sql and scan"),
    }
}

/// Spells out `WEEK(column)`.
fn weeks(sql: &str) -> String {
    let start = world::START * 1_000_000;
    let (first, parts) = sql.split_once("WEEK(").unwrap_or((sql, ""));
    let spelled = parts
        .split("WEEK(")
        .filter_map(|part| part.split_once(')'))
        .map(|(column, rest)| format!("((CAST({column} AS BIGINT) - {start}) / 604800000000){rest}"));
    std::iter::once(first.to_owned()).chain(spelled).collect()
}

/// Runs one contestant; two threads for each of them.
fn answer(contestant: &str, folder: &Path) -> String {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let batches = runtime.block_on(async {
        let mut config = SessionConfig::new().with_target_partitions(2);
        config.options_mut().execution.parquet.schema_force_view_types = false;
        let limit = std::env::var("DORACLE_BENCH_MEMORY_MIB").ok().and_then(|text| text.parse::<usize>().ok());
        let mut environment = RuntimeEnvBuilder::new();
        if let Some(limit) = limit {
            environment = environment.with_memory_pool(std::sync::Arc::new(FairSpillPool::new(limit << 20)));
        }
        let environment = environment.build_arc().expect("a runtime environment");
        let context = derive::with_functions(&SessionContext::new_with_config_rt(config, environment), 1);
        for table in ["deployments", "changes", "incidents"] {
            let place = folder.join(table);
            let place = place.to_str().expect("a path that is text");
            context.register_parquet(table, place, ParquetReadOptions::default()).await.expect("its files can be read");
        }
        let mut answers = Vec::new();
        for sql in question(contestant) {
            answers.extend(context.sql(&sql).await.expect("it is SQL").collect().await.expect("it has an answer"));
        }
        answers
    });
    let shown = batches.iter().flat_map(|batch| {
        let columns = batch.columns().iter();
        columns.map(|column| arrow::util::display::array_value_to_string(column, 0).expect("a number"))
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// Makes a sixteenth of the world and runs everyone on it.
fn compare() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    world::write(folder.path(), 1.0 / 16.0, 36).expect("files can be written");
    let own: PathBuf = std::env::current_exe().expect("this program has a path");
    let contestants = ["scan", "operators", "sql"];
    let mut seconds: [Vec<f64>; 3] = Default::default();
    let mut answers: [String; 3] = Default::default();
    for _ in 0..RUNS {
        for (place, contestant) in contestants.iter().enumerate() {
            let before = children_seconds().unwrap_or_default();
            let output = Command::new(&own).args([contestant]).arg(folder.path()).output().expect("it runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            seconds[place].push(children_seconds().unwrap_or_default() - before);
            String::from_utf8_lossy(&output.stdout).trim().clone_into(&mut answers[place]);
        }
    }
    assert!(agree(&answers[1], &answers[2]), "the operators say {} and plain SQL {}", answers[1], answers[2]);
    let [scan, operators, sql] = seconds.map(|runs| stats::quantile(&runs, 0.5).expect("several runs"));
    for text in [
        line("a sixteenth of the reference world, answer", &answers[1]),
        line("scan of the needed columns", &format!("{scan:.2} CPU s")),
        line("operators", &format!("{operators:.2} CPU s, {:.1} times the scan", operators / scan)),
        line("plain SQL", &format!("{sql:.2} CPU s, {:.1} times the operators", sql / operators)),
    ] {
        say(&text);
    }
}

/// Whether two answers are the same numbers: sums of seconds are compared to 7 digits, since the engine's own percentile
/// rounds its weights.
fn agree(one: &str, other: &str) -> bool {
    let numbers = |text: &str| text.split(' ').map(|word| word.parse::<f64>().ok()).collect::<Option<Vec<f64>>>();
    let (Some(one), Some(other)) = (numbers(one), numbers(other)) else { return false };
    one.len() == other.len()
        && one.iter().zip(&other).all(|(one, other)| (one - other).abs() <= 1e-7 * one.abs().max(1.0))
}
