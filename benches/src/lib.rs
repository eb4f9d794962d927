//! What the benchmarks share: medians of several runs, side by side, and peak memory.

pub mod attacks;
pub mod commit_server;
pub mod study;
pub mod world;

use std::time::{Duration, Instant};

/// Runs of each contestant, taken in turn so that a noisy moment touches both.
pub const RUNS: usize = 5;

/// The median of some lengths of time.
#[must_use]
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// How long `work` took.
pub async fn timed<F: Future>(work: F) -> (Duration, F::Output) {
    let start = Instant::now();
    let outcome = work.await;
    (start.elapsed(), outcome)
}

/// The largest resident size of this process so far, in MiB, where the system tells.
#[must_use]
pub fn peak_memory_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}

/// A line of a result for people.
#[must_use]
pub fn line(name: &str, value: &str) -> String {
    format!("{name:<44} {value}")
}

/// The processor time of the ended processes that this one started, in seconds; `None` where the system does not tell.
#[must_use]
pub fn children_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program stands in parentheses and may hold blanks; fields count on from behind it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(13)?.parse::<f64>().ok()? + fields.get(14)?.parse::<f64>().ok()?;
    // Linux tells times in hundredths of a second, whatever its own clock does.
    Some(ticks / 100.0)
}
