//! Ten thousand replicates on a panel of 200 services over 104 weeks: the permutation behind a finding, and a bootstrap of
//! services, on one thread and on two, beside numpy on the same file (`DORACLE_PEERS` names the folder that `peers/install`
//! filled).

use std::fmt::Write as _;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use benches::study::worlds::{Noise, Scenario, Spread, Starts, World};
use benches::{RUNS, line};
use lake::canonical;
use serde_json::Value;
use stats::{cluster_bootstrap_on, stratified_permutation_test_on};

const REPLICATES: u32 = 10_000;
const SEED: u64 = 1;
const WEEKS: usize = 104;

/// What one service did: whether it began, and events and the sum of their logarithms before and after.
#[derive(Clone, Copy)]
struct Service {
    is_treated: bool,
    before: [f64; 2],
    after: [f64; 2],
}

/// One contestant: wall time, processor time where it is known, and the answer, two numbers, of each question.
struct Run {
    seconds: [f64; 2],
    processor: [Option<f64>; 2],
    answers: [[f64; 2]; 2],
    digest: Option<String>,
}

fn main() {
    let world = panel();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("panel.csv");
    std::fs::write(&file, csv(&world)).expect("the panel can be written");
    let services = services(&world);
    let python = std::env::var_os("DORACLE_PEERS").map(|peers| PathBuf::from(peers).join("panel/bin/python3"));
    let (mut one, mut two, mut numpy) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        one.push(run(&services, 1));
        two.push(run(&services, 2));
        numpy.extend(python.as_deref().map(|python| beside(python, &file)));
    }
    let digest = one[0].digest.clone();
    assert!(one.iter().chain(&two).all(|run| run.digest == digest), "threads change the answer");
    say(&line("panel", &format!("200 services, {WEEKS} weeks, {REPLICATES} replicates")));
    say(&line("digest on 1 and on 2 threads", &digest.unwrap_or_default()));
    if numpy.is_empty() {
        say("left out: numpy (DORACLE_PEERS names no folder that holds it)");
    }
    for (place, name) in ["permutation", "bootstrap"].into_iter().enumerate() {
        let median = |runs: &[Run]| {
            let seconds: Vec<f64> = runs.iter().map(|run| run.seconds[place]).collect();
            stats::quantile(&seconds, 0.5).expect("several runs")
        };
        let processor = |runs: &[Run]| {
            let seconds: Option<Vec<f64>> = runs.iter().map(|run| run.processor[place]).collect();
            stats::quantile(&seconds?, 0.5).ok()
        };
        let (alone, both) = (median(&one), median(&two));
        say(&line(&format!("{name}, answer"), &format!("{:?}", one[0].answers[place])));
        say(&line(&format!("{name}, 1 thread"), &format!("{:.1} ms", 1e3 * alone)));
        say(&line(&format!("{name}, 2 threads"), &format!("{:.1} ms, {:.2} times as fast", 1e3 * both, alone / both)));
        if !numpy.is_empty() {
            for run in &numpy {
                agree(name, one[0].answers[place], run.answers[place]);
            }
            let beside = median(&numpy);
            let told = format!("{:.1} ms, {:.1} and {:.1} times as long", 1e3 * beside, beside / alone, beside / both);
            say(&line(&format!("{name}, numpy"), &told));
            if let Some((own, other)) = processor(&one).zip(processor(&numpy)) {
                let told = format!("{:.1} ms, numpy {:.1} ms: {:.1} times", 1e3 * own, 1e3 * other, other / own);
                say(&line(&format!("{name}, processor time, 1 thread"), &told));
            }
        }
    }
}

fn say(text: &str) {
    writeln!(std::io::stdout().lock(), "{text}").expect("standard output is open");
}

/// Half of the services began after the first year, and are a little faster since.
fn panel() -> World {
    let starts = Starts { cohorts: &[(WEEKS / 2, 100)], others: 100, weeks: WEEKS, window: 52 };
    let noise = Noise { persistence: 0.3, wobble: 0.3, own_drift: 0.3, ..Noise::default() };
    Scenario { name: "panel".to_owned(), starts, noise, spread: Spread::Alike }.world(1, libm::log(1.1), SEED, 0)
}

fn csv(world: &World) -> String {
    let mut text = "service,treated,week,count,sum\n".to_owned();
    for (place, (service, began)) in world.history.services.iter().zip(&world.began).enumerate() {
        for (week, cell) in service.cells.iter().enumerate() {
            let is_treated = u8::from(began.is_some());
            writeln!(text, "{place},{is_treated},{week},{},{:?}", cell.count, cell.sum).expect("text can be written");
        }
    }
    text
}

fn services(world: &World) -> Vec<Service> {
    let side = |service: &attribution::ServiceWeeks, from: usize, to: usize| {
        let cell = service.between(from, to);
        [cell.count as f64, cell.sum]
    };
    let of = |(service, began): (&attribution::ServiceWeeks, &Option<usize>)| Service {
        is_treated: began.is_some(),
        before: side(service, 0, WEEKS / 2),
        after: side(service, WEEKS / 2, WEEKS),
    };
    world.history.services.iter().zip(&world.began).map(of).collect()
}

fn fell([count, sum]: [f64; 2], [later_count, later_sum]: [f64; 2]) -> f64 {
    sum / count - later_sum / later_count
}

#[expect(clippy::unnecessary_wraps, reason = "a bootstrap asks statistics that may have no answer")]
/// The change of the pooled mean of those that began less that of the others.
fn contrast(services: &mut [Service]) -> Option<f64> {
    let mut sums = [[[0.0; 2]; 2]; 2];
    for service in services.iter() {
        let own = &mut sums[usize::from(service.is_treated)];
        for (sum, side) in own.iter_mut().zip([service.before, service.after]) {
            sum[0] += side[0];
            sum[1] += side[1];
        }
    }
    let [others, own] = sums.map(|[before, after]| fell(before, after));
    Some(own - others)
}

fn run(services: &[Service], threads: usize) -> Run {
    let threads = NonZeroUsize::new(threads).expect("some threads");
    let (start, used) = (Instant::now(), thread_seconds());
    let outcome: Vec<f64> = services.iter().map(|service| fell(service.before, service.after)).collect();
    let is_first: Vec<bool> = services.iter().map(|service| service.is_treated).collect();
    let strata = vec![(); outcome.len()];
    let test = stratified_permutation_test_on(threads, &outcome, &is_first, &strata, u64::from(REPLICATES), SEED)
        .expect("both arms have services");
    let permutation = (start.elapsed().as_secs_f64(), since(used));
    let (start, used) = (Instant::now(), thread_seconds());
    let names: Vec<usize> = (0..services.len()).collect();
    let drawn = cluster_bootstrap_on(threads, services, &names, contrast, REPLICATES as usize, SEED)
        .expect("every replicate has both arms");
    let error = stats::bootstrap_standard_error(&drawn).expect("replicates differ");
    let bootstrap = (start.elapsed().as_secs_f64(), since(used));
    let observed = contrast(&mut services.to_vec()).expect("both arms have services");
    let bits: Vec<u8> = drawn.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect();
    let digest = canonical::sha256(format!("{test:?} {}", canonical::sha256(&bits)).as_bytes());
    Run {
        seconds: [permutation.0, bootstrap.0],
        processor: [permutation.1, bootstrap.1],
        answers: [[test.observed, test.p_two_sided], [observed, error]],
        digest: Some(digest[..16].to_owned()),
    }
}

/// The processor time of this thread, where the system tells.
fn thread_seconds() -> Option<f64> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(1e-9 * told.split_whitespace().next()?.parse::<f64>().ok()?)
}

fn since(used: Option<f64>) -> Option<f64> {
    Some(thread_seconds()? - used?)
}

fn beside(python: &Path, panel: &Path) -> Run {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/panel/in_numpy.py");
    let output = Command::new(python).arg(script).arg(panel).arg(REPLICATES.to_string()).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let number = |value: &Value| value.as_f64().expect("a number");
    let names = ["permutation", "bootstrap"];
    Run {
        seconds: names.map(|name| number(&told[name]["seconds"])),
        processor: names.map(|name| told[name]["processor_seconds"].as_f64()),
        answers: names.map(|name| [0, 1].map(|place| number(&told[name]["answer"][place]))),
        digest: None,
    }
}

/// What is observed has to be the same number, and what is drawn the same within four standard errors of so many draws.
fn agree(name: &str, own: [f64; 2], other: [f64; 2]) {
    assert!((own[0] - other[0]).abs() < 1e-9, "{name}: {} and {} are observed", own[0], other[0]);
    let draws = f64::from(REPLICATES);
    let error =
        if name == "permutation" { (2.0 * own[1] * (1.0 - own[1]) / draws).sqrt() } else { own[1] / draws.sqrt() };
    assert!((own[1] - other[1]).abs() < 4.0 * error + 1e-9, "{name}: {} and {}", own[1], other[1]);
}
