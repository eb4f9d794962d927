//! The simulation study: how often `doracle compare` errs where the truth is known, beside what others do.
//!
//! `--replicates N` worlds a cell (500 without it), `--planted N` of those with a planted effect (as many without it), `--scenario NAME` only those whose name begins so (may be repeated),
//! `--resume FILE` where finished parts are kept, `--threads N`, `--seed N`.

use std::io::Write;
use std::path::{Path, PathBuf};

use benches::study::run::Plan;
use benches::study::table::told;
use benches::study::worlds::scenarios;
use indicatif::{ProgressBar, ProgressStyle};
use lake::canonical;

struct Arguments {
    plan: Plan,
    resume: PathBuf,
}

fn main() {
    let Arguments { plan, resume } = arguments();
    let cells = plan.cells().len() as u64;
    let bar = ProgressBar::new(plan.all_worlds());
    let style = ProgressStyle::with_template("{spinner} worlds {wide_bar} {human_pos}/{human_len} {eta}");
    bar.set_style(style.expect("a template that is known"));
    let start = std::time::Instant::now();
    let found = plan.run(Some(&resume), &|worlds| bar.inc(worlds)).expect("the file of finished parts can be used");
    bar.finish_and_clear();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{cells} cells, {} worlds, seed {}, {} threads, {:.0} s\n\n{}",
        plan.all_worlds(),
        plan.seed,
        plan.threads,
        start.elapsed().as_secs_f64(),
        told(&plan, &found)
    )
    .expect("standard output is open");
}

fn arguments() -> Arguments {
    let own = std::env::current_exe().and_then(std::fs::read).expect("this program can be read");
    let mut plan = Plan {
        scenarios: scenarios(),
        replicates: 500,
        planted_replicates: 500,
        seed: 1,
        threads: 1,
        code: canonical::sha256(&own),
    };
    let mut planted = None;
    let mut resume = Path::new(env!("CARGO_TARGET_TMPDIR")).join("study.jsonl");
    let mut names: Vec<String> = Vec::new();
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        // Cargo adds it.
        if name == "--bench" {
            continue;
        }
        let value = given.next().unwrap_or_else(|| panic!("`{name}` needs a value"));
        let number = || value.parse::<u64>().unwrap_or_else(|_| panic!("`{name} {value}` is no number"));
        match name.as_str() {
            "--replicates" => plan.replicates = number(),
            "--planted" => planted = Some(number()),
            "--seed" => plan.seed = number(),
            "--threads" => plan.threads = usize::try_from(number()).expect("a few threads"),
            "--resume" => resume = PathBuf::from(value),
            "--scenario" => names.push(value),
            other => {
                panic!("`{other}` is not known: --replicates, --planted, --scenario, --resume, --threads, --seed are")
            }
        }
    }
    plan.planted_replicates = planted.unwrap_or(plan.replicates);
    let is_asked = |name: &str| names.is_empty() || names.iter().any(|asked| name.starts_with(asked.as_str()));
    plan.scenarios.retain(|scenario| is_asked(&scenario.name));
    assert!(!plan.scenarios.is_empty(), "no scenario has a name that begins with {names:?}");
    Arguments { plan, resume }
}
