//! The attack simulator: what lies do to `doracle consensus` where the truth is known.
//!
//! `--runs N` of each cell (100 without it), `--organisations N` (may be repeated; 7, 13, 22, 40, 70, 100 without it),
//! `--coverage N` runs without liars (2,000 without it), `--threads N`, `--seed N`.

use std::io::Write;
use std::num::NonZeroUsize;

use benches::attacks::{Plan, coverage, told};
use indicatif::{ProgressBar, ProgressStyle};

fn main() {
    let mut plan = Plan { enrolled: Vec::new(), runs: 100, seed: 1, threads: NonZeroUsize::MIN };
    let mut coverage_runs = 2_000;
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        // Cargo adds it.
        if name == "--bench" {
            continue;
        }
        let value = given.next().and_then(|value| value.parse::<u64>().ok()).expect("an option has a number");
        let size = usize::try_from(value).expect("a number that fits");
        match name.as_str() {
            "--runs" => plan.runs = value,
            "--organisations" => plan.enrolled.push(size),
            "--coverage" => coverage_runs = value,
            "--threads" => plan.threads = NonZeroUsize::new(size).expect("at least one thread"),
            "--seed" => plan.seed = value,
            other => panic!("there is no option `{other}`"),
        }
    }
    if plan.enrolled.is_empty() {
        plan.enrolled = vec![7, 13, 22, 40, 70, 100];
    }
    let cells = plan.cells().len() as u64;
    let bar = ProgressBar::new(cells);
    bar.set_style(ProgressStyle::with_template("{spinner} cells {wide_bar} {pos}/{len} {eta}").expect("a template"));
    let start = std::time::Instant::now();
    let found = plan.run(&|| bar.inc(1));
    let held: Vec<_> = plan.enrolled.iter().map(|count| coverage::held(*count, coverage_runs, plan.seed)).collect();
    bar.finish_and_clear();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{cells} cells of {} runs, organisations {:?}, seed {}, {:.0} s\n\n{}\n{}",
        plan.runs,
        plan.enrolled,
        plan.seed,
        start.elapsed().as_secs_f64(),
        told(&found),
        coverage::told(&held)
    )
    .expect("standard output is open");
}
