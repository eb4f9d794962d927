//! Reading a clone: commits per second, peak memory, and the ratio to the `git log` that prints the same facts.
//!
//! `DORACLE_BENCH_CLONE` names a real clone and `DORACLE_BENCH_RELEASES` its release rule; without them a history of
//! 20,000 commits with 400 tags is made.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use benches::{RUNS, line, median, peak_memory_mib, timed};
use ingest::sources::git;
use ingest::{NoVariables, Reading, Silent, Sink, Source};
use lake::Instant;

const COMMITS: usize = 20_000;
const TAGS: usize = 400;

fn main() {
    let made = tempfile::tempdir().expect("a temporary folder");
    let (path, releases) = match std::env::var("DORACLE_BENCH_CLONE") {
        Ok(path) => {
            (PathBuf::from(path), std::env::var("DORACLE_BENCH_RELEASES").unwrap_or_else(|_| "^v[0-9]".to_owned()))
        }
        Err(_) => (history(made.path()), "^v[0-9]".to_owned()),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let (mut ours, mut plain, mut commits) = (Vec::new(), Vec::new(), 0);
    for _ in 0..RUNS {
        let (time, read) = runtime.block_on(timed(read(&path, &releases)));
        ours.push(time);
        commits = read;
        let (time, ()) = runtime.block_on(timed(async { git_log(&path) }));
        plain.push(time);
    }
    let (ours, plain) = (median(ours), median(plain));
    let mut out = std::io::stdout().lock();
    for text in [
        line("commits", &commits.to_string()),
        line("git source, median", &format!("{:.2} s", ours.as_secs_f64())),
        line("commits per second", &format!("{:.0}", commits as f64 / ours.as_secs_f64())),
        line("git log --raw of the same, median", &format!("{:.2} s", plain.as_secs_f64())),
        line("ratio", &format!("{:.2}", ours.as_secs_f64() / plain.as_secs_f64())),
        line("peak memory", &peak_memory_mib().map_or_else(|| "unknown".into(), |mib| format!("{mib} MiB"))),
    ] {
        writeln!(out, "{text}").expect("standard output is open");
    }
}

async fn read(path: &Path, releases: &str) -> usize {
    let config = git::Config {
        path: path.to_owned(),
        releases: releases.to_owned(),
        service: None,
        repository: None,
        branch: None,
        environment: "production".to_owned(),
        prereleases: false,
        read_until: None,
        bots: ingest::Bots::default(),
    };
    let source = git::open(config);
    let mut sink = Sink::into_memory(&source.stream(), source.fills(), Instant(0));
    source.read(&Reading::at(Instant(0), &NoVariables), &mut sink, &Silent).await.expect("the clone can be read");
    sink.summary().rows.get("commits").copied().unwrap_or_default()
}

/// What a script would do for the same facts, without any of the thinking.
fn git_log(path: &Path) {
    let done = Command::new("git")
        .arg("-C")
        .arg(path)
        .args(["log", "--all", "--raw", "--no-renames", "--format=%H %P %an %ae %at %cn %ce %ct %s"])
        .stdout(Stdio::null())
        .status()
        .expect("git runs");
    assert!(done.success());
}

/// A trunk with a merge every fifth commit and three files touched by each.
fn history(folder: &Path) -> PathBuf {
    let path = folder.join("made.git");
    let init = Command::new("git").args(["init", "-q", "--bare"]).arg(&path).status().expect("git runs");
    assert!(init.success());
    let mut import = Command::new("git")
        .arg("-C")
        .arg(&path)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("git runs");
    {
        let mut input = std::io::BufWriter::new(import.stdin.take().expect("it was asked for"));
        for number in 0..COMMITS {
            let at = 1_600_000_000 + number * 3_600;
            let message = format!("change {number} (#{number})");
            writeln!(input, "commit refs/heads/main\nmark :{}", number + 1).expect("git takes it");
            writeln!(input, "author A{0} <a{0}@example.com> {at} +0000", number % 40).expect("git takes it");
            writeln!(input, "committer C <c@example.com> {at} +0000\ndata {}\n{message}", message.len())
                .expect("git takes it");
            if number > 0 {
                writeln!(input, "from :{number}").expect("git takes it");
            }
            if number > 5 && number % 5 == 0 {
                writeln!(input, "merge :{}", number - 2).expect("git takes it");
            }
            for file in 0..3 {
                let text = format!("{number}");
                writeln!(input, "M 100644 inline d{}/f{file}\ndata {}\n{text}", number % 200, text.len())
                    .expect("git takes it");
            }
            if number % (COMMITS / TAGS) == 0 {
                writeln!(input, "reset refs/tags/v{}\nfrom :{}\n", number / (COMMITS / TAGS), number + 1)
                    .expect("git takes it");
            }
        }
        input.flush().expect("git takes it");
    }
    assert!(import.wait().expect("git ends").success());
    path
}
