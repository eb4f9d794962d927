//! The fakes behind the official descriptions of what they stand for. A proxy in between checks every request and every
//! answer, so that neither the fakes drift nor what we ask. The descriptions are not ours to ship: without them, or
//! without the proxy, this says that it skips.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::process::{Child, Command};

use super::{Contract, Memory, Tables, served};
use crate::Range;
use crate::loopback::Loopback;

/// How long a proxy may take to begin: it compiles a description of megabytes.
const PATIENCE: Duration = Duration::from_mins(4);

#[expect(clippy::print_stderr, reason = "a test that is skipped has to say so")]
fn skipped(test: &str, why: &str) {
    eprintln!("skipped `{test}`: {why}");
}

/// The proxy and the folder of descriptions.
fn found(test: &str) -> Option<(PathBuf, PathBuf)> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let proxy = folder("DORACLE_TEST_TOOLS").map(|tools| tools.join("prism/node_modules/.bin/prism"));
    let Some(proxy) = proxy.filter(|proxy| proxy.is_file()) else {
        skipped(test, "Prism is not installed (`.ci/test-tools` installs it where there is npm)");
        return None;
    };
    let beside = || folder("DORACLE_FIXTURES").map(|fixtures| fixtures.join("../reference/openapi"));
    let Some(descriptions) = folder("DORACLE_CONTRACTS").or_else(beside).filter(|folder| folder.is_dir()) else {
        skipped(test, "it needs DORACLE_CONTRACTS");
        return None;
    };
    Some((proxy, descriptions))
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// A proxy between us and a fake, until it is dropped.
struct Proxy {
    base: String,
    log: PathBuf,
    running: Child,
}

impl Proxy {
    fn start(program: &Path, description: &Path, fake: &Loopback, log: PathBuf) -> Self {
        let port = free_port().to_string();
        let (out, errors) =
            (File::create(&log).expect("a log"), File::options().append(true).open(&log).expect("a log"));
        let running = Command::new(program)
            .arg("proxy")
            .arg(description)
            .arg(fake.base())
            // With `--errors` it would answer in place of the fake and not say why: we look at what it says instead.
            .args(["--host", "127.0.0.1", "--port", &port])
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .expect("the proxy starts");
        Self { base: format!("http://127.0.0.1:{port}"), log, running }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log can be read")
    }

    /// Looks until it listens.
    async fn is_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.said().contains("Prism is listening") {
            let ended = self.running.try_wait().expect("the process is ours");
            assert!(ended.is_none(), "the proxy ended: {}", self.said());
            assert!(Instant::now() < deadline, "the proxy does not begin: {}", self.said());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// What a reading gave, and how many requests it took.
async fn reading(contract: &Contract, base: &str, fake: &Loopback) -> (Tables, Vec<String>, usize) {
    let before = fake.asked().len();
    let mut kept = Memory::default();
    // The fake calls itself by its own address in its links. The first answer of each path takes the proxy a while.
    let http = json!({"also_called": [fake.base()], "read_timeout_seconds": 60, "attempts": 1});
    let source = contract.source_at(base, &http);
    let summary = contract.read(source.as_ref(), &mut kept, Range::default()).await.expect("it can be read");
    (kept.tables(), summary.gaps, fake.asked().len() - before)
}

#[tokio::test]
async fn fakes_and_requests_keep_to_the_official_descriptions() {
    let test = "fakes_and_requests_keep_to_the_official_descriptions";
    let Some((program, descriptions)) = found(test) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut stages = Vec::new();
    // All begin together: most of the time is theirs.
    for (name, contract) in served() {
        for described in contract.described {
            let fake = described.contract.start(|_| None).await.expect("it has a server");
            let Ok(text) = std::fs::read_to_string(descriptions.join(described.file)) else {
                skipped(test, &format!("`{}` is not there", described.file));
                continue;
            };
            let patched = folder.path().join(described.file);
            std::fs::write(&patched, (described.patch)(text)).expect("it can be written");
            let proxy = Proxy::start(&program, &patched, &fake, patched.with_extension("log"));
            stages.push((format!("{name} by {}", described.file), described.contract, fake, proxy));
        }
    }
    assert!(stages.len() >= 2, "hardly any source keeps to a description");
    for (what, contract, fake, mut proxy) in stages {
        proxy.is_ready().await;
        let directly = reading(&contract, &fake.base(), &fake).await;
        let through = reading(&contract, &proxy.base, &fake).await;
        let said = proxy.said();
        let wrong: Vec<&str> = said.lines().filter(|line| line.contains("Violation") || line.contains('✖')).collect();
        assert_eq!(wrong, Vec::<&str>::new(), "{what}");
        // With the number of requests: the proxy answered none in place of the fake.
        assert_eq!(through, directly, "{what}: {said}");
    }
}
