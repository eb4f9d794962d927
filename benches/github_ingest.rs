//! Reading the commits of a repository from a server: events per second, processor time, peak memory and requests, beside
//! two peers that read the same.
//!
//! `DORACLE_PEERS` names a folder with the environments `tap` and `dlt`, as `benches/peers/install` makes it; without
//! it only our own figures are printed. Every contestant is a process of its own, measured by the same few lines, and
//! asks the same server one request at a time; ours is shown with several in flight, too.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use benches::commit_server::{COMMITS, CommitServer};
use benches::line;
use ingest::sources::github::{Config, Streams};
use ingest::{NoVariables, Reading, Silent, http, ingest};
use lake::{Instant, Lake, Location};

/// How long each answer of the server takes. Pages come one after the other, so a slow server hides what a program costs.
const DELAYS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(5), Duration::from_millis(20)];
/// Runs of each contestant, taken in turn.
const RUNS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--read") {
        read(&arguments[at + 1], Path::new(&arguments[at + 2]), arguments[at + 3].parse().expect("a number"));
        return;
    }
    compare();
}

/// Our contestant: reads into a lake of its own.
fn read(base: &str, folder: &Path, requests_in_flight: usize) {
    let config = Config {
        url: base.to_owned(),
        repositories: vec!["acme/api".to_owned()],
        since: Some(Instant::from_seconds(1_600_000_000)),
        streams: Streams {
            pulls: false,
            reviews: false,
            timeline: false,
            deployments: false,
            releases: false,
            runs: false,
            ..Streams::default()
        },
        graphql: false,
        http: http::Settings { requests_in_flight, ..http::Settings::default() },
        ..Config::default()
    };
    let source = ingest::sources::github::open(config);
    let now = Instant::from_seconds(1_767_300_000);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let summary = runtime.block_on(async {
        let lake = Lake::open_or_create(&Location::Folder(folder.join("lake"))).await.expect("a lake is made");
        ingest(&source, &lake, &Reading::at(now, &NoVariables), &Silent).await.expect("it can be read")
    });
    assert_eq!(summary.rows.get("commits"), Some(&COMMITS), "every commit is read: {:?}", summary.gaps);
}

/// What one run of a contestant cost.
#[derive(Clone, Copy, Debug)]
struct Cost {
    wall: f64,
    cpu: f64,
    peak_mib: f64,
    requests: u64,
}

/// The commands of one run, given the address of the server and a fresh folder; the last one is measured.
type Commands = dyn Fn(&str, &Path) -> Vec<Vec<String>>;

struct Contestant {
    name: String,
    commands: Box<Commands>,
    costs: Vec<Cost>,
}

fn compare() {
    print("commits", &COMMITS.to_string());
    for delay in DELAYS {
        compare_at(delay);
    }
}

fn compare_at(delay: Duration) {
    let server = CommitServer::start(delay).expect("a free port");
    let mut contestants = vec![ours(1), ours(4)];
    match std::env::var_os("DORACLE_PEERS").map(PathBuf::from) {
        Some(peers) => contestants.extend([tap(&peers), dlt(&peers)]),
        None => print("peers", "not measured: `DORACLE_PEERS` is not set"),
    }
    for _ in 0..RUNS {
        for contestant in &mut contestants {
            let cost = run(contestant, &server);
            contestant.costs.push(cost);
        }
    }
    print("delay of every answer", &format!("{} ms", delay.as_millis()));
    let fastest_peer = contestants.iter().skip(2).map(|peer| median(peer, |cost| cost.wall)).min_by(f64::total_cmp);
    for contestant in &contestants {
        let wall = median(contestant, |cost| cost.wall);
        let cpu = median(contestant, |cost| cost.cpu);
        let words = format!(
            "{:>8.0} events/s  {wall:6.2} s  {:6.3} CPU s per 1,000 events  {:5.0} MiB  {} requests{}",
            COMMITS as f64 / wall,
            cpu * 1000.0 / COMMITS as f64,
            median(contestant, |cost| cost.peak_mib),
            contestant.costs.last().map_or(0, |cost| cost.requests),
            fastest_peer.map_or_else(String::new, |peer| format!("  {:.2}x the faster peer", peer / wall)),
        );
        print(&contestant.name, &words);
    }
}

fn median(contestant: &Contestant, figure: impl Fn(&Cost) -> f64) -> f64 {
    let mut figures: Vec<f64> = contestant.costs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn ours(requests_in_flight: usize) -> Contestant {
    let program = text(&std::env::current_exe().expect("this program has a file"));
    Contestant {
        name: format!("doracle, {requests_in_flight} in flight"),
        commands: Box::new(move |base, folder| {
            vec![words(&[&program, "--read", base, &text(folder), &requests_in_flight.to_string()])]
        }),
        costs: Vec::new(),
    }
}

/// The folder of the scripts beside this file.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

fn tap(peers: &Path) -> Contestant {
    let program = text(&peers.join("tap/bin/tap-github"));
    Contestant {
        name: "tap-github".to_owned(),
        commands: Box::new(move |base, folder| {
            let (config, catalogue) = (text(&folder.join("config.json")), text(&folder.join("catalogue.json")));
            let settings = format!(
                r#"{{"access_token":"x","repository":"acme/api","start_date":"2020-01-01T00:00:00Z","base_url":"{base}"}}"#
            );
            std::fs::write(&config, settings).expect("it can be written");
            let discover = format!("{program} --config {config} --discover > {catalogue}");
            let select = text(&scripts().join("tap_github_catalog.py"));
            vec![
                words(&["sh", "-c", &discover]),
                words(&["python3", &select, &catalogue]),
                words(&[&program, "--config", &config, "--properties", &catalogue]),
            ]
        }),
        costs: Vec::new(),
    }
}

fn dlt(peers: &Path) -> Contestant {
    let python = text(&peers.join("dlt/bin/python"));
    Contestant {
        name: "dlt".to_owned(),
        commands: Box::new(move |base, folder| {
            vec![words(&[&python, &text(&scripts().join("dlt_commits.py")), base, &text(folder)])]
        }),
        costs: Vec::new(),
    }
}

fn run(contestant: &Contestant, server: &CommitServer) -> Cost {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut commands = (contestant.commands)(&server.base(), folder.path());
    let measured = commands.pop().expect("a contestant has a command");
    for command in commands {
        let done = Command::new(&command[0]).args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(done.is_ok_and(|status| status.success()), "{command:?} failed");
    }
    server.forget();
    let output = folder.path().join("output");
    let told = Command::new("python3")
        .arg(scripts().join("measure.py"))
        .arg(&output)
        .args(&measured)
        .env("RUNTIME__DLTHUB_TELEMETRY", "false")
        .output()
        .expect("Python runs");
    let cost: serde_json::Value = serde_json::from_slice(&told.stdout).expect("it prints its figures");
    let figure = |name: &str| cost[name].as_f64().expect("a figure");
    if figure("code") != 0.0 {
        let said = std::fs::read(&output).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        panic!("{} failed: {}", contestant.name, &said[said.len().saturating_sub(2000)..]);
    }
    Cost {
        wall: figure("wall_seconds"),
        cpu: figure("cpu_seconds"),
        peak_mib: figure("peak_mib"),
        requests: server.requests(),
    }
}

fn print(name: &str, value: &str) {
    writeln!(std::io::stdout().lock(), "{}", line(name, value)).expect("standard output is open");
}
