//! Real servers on free ports of this machine, ended when a test is over.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take for anything that a test waits for.
const PATIENCE: Duration = Duration::from_mins(5);

/// Whether these programs are installed; otherwise says that `test` is skipped.
#[expect(clippy::print_stderr, reason = "a test that is skipped has to say so")]
pub(crate) fn are_installed(test: &str, programs: &[&str]) -> bool {
    let folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let missing = programs.iter().find(|program| !folders.iter().any(|folder| folder.join(program).is_file()));
    if let Some(missing) = missing {
        eprintln!("skipped `{test}`: `{missing}` is not installed (`.ci/test-tools` installs it on Debian)");
    }
    missing.is_none()
}

/// A port that nobody listens on, below those that systems give to whoever asks for any: else another test could be given it
/// before the server is there.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id() % 400 * 25;
    loop {
        let number = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        let port = u16::try_from(number).expect("below 30000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A server that runs until it is dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Starts a program; what it says goes into `log`.
    pub(crate) fn start(program: &str, arguments: &[String], log: &Path) -> Self {
        let file = std::fs::File::options().create(true).append(true).open(log).expect("a log");
        let both = file.try_clone().expect("a log");
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::from(file))
            .stderr(Stdio::from(both))
            .spawn()
            .unwrap_or_else(|error| panic!("could not start `{program}`: {error}"));
        Self(child)
    }

    /// Ends it without a warning, as a crash does.
    pub(crate) fn crash(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs a program to its end and gives what it said.
pub(crate) fn ran(program: &str, arguments: &[String]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("`{program}`: {error}"));
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "`{program}` failed: {said}");
    said
}

/// Looks until there is what is waited for; a server that takes too long fails the test.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The body of a page, if there is a success.
pub(crate) async fn page(url: &str) -> Option<String> {
    // Whoever listens there may never answer.
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().ok()?;
    let response = client.get(url).send().await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    response.text().await.ok()
}
