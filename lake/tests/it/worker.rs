//! A writer in a process of its own, which can be killed: this test binary once more, as the test `run` alone.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Write, stdout};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use lake::Location;

use crate::faults::open_with;
use crate::world::{numbered, wait};

const PLACE: &str = "LAKE_TEST_PLACE";
const STREAM: &str = "LAKE_TEST_STREAM";
const LAST: &str = "LAKE_TEST_LAST";
const ABORT_AT: &str = "LAKE_TEST_ABORT_AT";
/// Options of a bucket: `LAKE_TEST_OPTION_endpoint` and so on.
const OPTION: &str = "LAKE_TEST_OPTION_";
const COMMITTED: &str = "committed ";

/// The worker's side: commits the batches of a stream from its cursor on, and says of each that it is committed.
#[test]
fn run() {
    let Ok(place) = env::var(PLACE) else { return };
    let options: BTreeMap<String, String> =
        env::vars().filter_map(|(name, value)| Some((name.strip_prefix(OPTION)?.to_owned(), value))).collect();
    let location = Location::parse(&place, &options).expect("the place is one");
    let stream = env::var(STREAM).expect("the stream has a name");
    let last: i64 = number(LAST).unwrap_or(i64::MAX);
    let abort_at: usize = number(ABORT_AT).unwrap_or(usize::MAX);
    let changes = AtomicUsize::new(0);
    let rule = Arc::new(move |_: &str| {
        if changes.fetch_add(1, Ordering::SeqCst) + 1 == abort_at {
            std::process::abort();
        }
        true
    });
    wait(async {
        let lake = open_with(&location, rule).await.expect("the lake opens");
        let cursor = lake.cursor(&stream).await.expect("the cursor can be read");
        let from: i64 = cursor.map_or(0, |cursor| cursor.parse().expect("it is a number"));
        say("opened");
        for at in from + 1..=last {
            lake.commit(numbered(&stream, at)).await.expect("the batch is committed");
            say(&format!("{COMMITTED}{at}"));
        }
    });
}

fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    env::var(name).ok()?.parse().ok()
}

fn say(line: &str) {
    // On a line of its own, whatever the harness has written before.
    let mut out = stdout().lock();
    writeln!(out, "\n{line}").and_then(|()| out.flush()).expect("the parent listens");
}

/// The parent's side of a worker.
pub(crate) struct Worker {
    child: Child,
    lines: Receiver<String>,
    /// The last batch that it said is committed.
    pub(crate) acknowledged: i64,
}

impl Worker {
    pub(crate) fn start(place: impl AsRef<Path>, stream: &str, last: i64, abort_at: Option<usize>) -> Self {
        let place = place.as_ref().to_str().expect("the place is a text");
        Self::start_with(place, &BTreeMap::new(), stream, last, abort_at)
    }

    pub(crate) fn start_with(
        place: &str,
        options: &BTreeMap<String, String>,
        stream: &str,
        last: i64,
        abort_at: Option<usize>,
    ) -> Self {
        let mut command = Command::new(env::current_exe().expect("a test binary has a path"));
        command.args(["--exact", "worker::run", "--nocapture", "--test-threads=1"]);
        command.env(PLACE, place).env(STREAM, stream).env(LAST, last.to_string());
        command.envs(options.iter().map(|(name, value)| (format!("{OPTION}{name}"), value)));
        if let Some(abort_at) = abort_at {
            command.env(ABORT_AT, abort_at.to_string());
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a process starts");
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines, acknowledged: 0 }
    }

    /// Listens until it has committed `count` batches, for at most `time` after that, or until it ends.
    pub(crate) fn listen(&mut self, count: usize, time: Duration) {
        let mut left = count;
        while left > 0 {
            let Ok(line) = self.lines.recv() else { return };
            left -= usize::from(self.hear(&line));
        }
        // Not a wait for something to happen: it is the moment at which the worker is killed.
        std::thread::sleep(time);
    }

    fn hear(&mut self, line: &str) -> bool {
        let number = line.strip_prefix(COMMITTED).and_then(|number| number.parse().ok());
        self.acknowledged = number.unwrap_or(self.acknowledged).max(self.acknowledged);
        number.is_some()
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process is ours");
        self.finish();
    }

    /// Waits for its end and hears its last words; tells whether it came to a good end.
    pub(crate) fn finish(&mut self) -> bool {
        let status = self.child.wait().expect("the process is ours");
        while let Ok(line) = self.lines.recv() {
            self.hear(&line);
        }
        status.success()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
