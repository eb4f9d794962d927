//! Deriving a generated world, beside merely decoding the columns that are needed for it.
//!
//! `DORACLE_BENCH_SERVICES` and `DORACLE_BENCH_WEEKS` set its size; 40 services over 52 weeks without them.

use std::io::Write;

use benches::{RUNS, line, median, peak_memory_mib, timed};
use derive::{Plan, derive};
use ingest::sources::simulated::{self, Config};
use ingest::{NoVariables, Reading, Silent, ingest};
use lake::{AsOf, Instant, Lake, Location, Snapshot};

/// The columns a derivation cannot do without.
const NEEDED: [(&str, &str); 5] = [
    ("deployments", "deployment_id, attempt, target, service, environment, revisions, status, started_at, finished_at"),
    ("changes", "repository, change_id, author_kind, first_commit_at, opened_at, merged_at, merge_commit_sha"),
    ("change_commits", "repository, change_id, commit_sha"),
    ("commits", "repository, commit_sha, parents, patch_id"),
    ("incidents", "incident_id, service, opened_at, mitigated_at, resolved_at, cause, cause_deployment_id"),
];

fn main() {
    let size =
        |name: &str, default: u16| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let config = Config {
        services: size("DORACLE_BENCH_SERVICES", 40),
        weeks: size("DORACLE_BENCH_WEEKS", 52),
        ..Config::default()
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let snapshot = runtime.block_on(async {
        let lake = Lake::open_or_create(&Location::Folder(folder.path().join("lake"))).await.expect("a lake is made");
        ingest(&simulated::open(config.clone()), &lake, &Reading::at(Instant(0), &NoVariables), &Silent)
            .await
            .expect("it can be read");
        lake.snapshot(AsOf::Latest).await.expect("the newest version")
    });
    let (mut derivations, mut scans, mut rows, mut changes) = (Vec::new(), Vec::new(), 0, 0);
    for _ in 0..RUNS {
        let (time, derived) = runtime.block_on(timed(derive(&snapshot, &Plan::default())));
        derivations.push(time);
        changes = derived.expect("it can be derived").rollout_changes.len();
        let (time, read) = runtime.block_on(timed(scan(&snapshot)));
        scans.push(time);
        rows = read;
    }
    let (derivation, scan) = (median(derivations), median(scans));
    let mut out = std::io::stdout().lock();
    for text in [
        line("simulated services, weeks", &format!("{}, {}", config.services, config.weeks)),
        line("rows scanned", &rows.to_string()),
        line("derivation of core-1, median", &format!("{:.3} s", derivation.as_secs_f64())),
        line("links per second", &format!("{:.0}", changes as f64 / derivation.as_secs_f64())),
        line("scan of the needed columns, median", &format!("{:.3} s", scan.as_secs_f64())),
        line("ratio", &format!("{:.1}", derivation.as_secs_f64() / scan.as_secs_f64())),
        line("peak memory", &peak_memory_mib().map_or_else(|| "unknown".into(), |mib| format!("{mib} MiB"))),
    ] {
        writeln!(out, "{text}").expect("standard output is open");
    }
}

async fn scan(snapshot: &Snapshot) -> usize {
    let context = snapshot.context(None).await.expect("the tables can be read");
    let mut rows = 0;
    for (table, columns) in NEEDED {
        let frame = context.sql(&format!("SELECT {columns} FROM {table}")).await.expect("the columns exist");
        rows += frame.collect().await.expect("they can be read").iter().fold(0, |sum, batch| sum + batch.num_rows());
    }
    rows
}
