//! Readings that are killed: what is there in the end is what one undisturbed reading gives. Who reads is this test
//! binary once more, as the test [`run`] alone; the server stays here, as a real one would.

#[path = "../../../lake/tests/it/faults.rs"]
mod store;

use std::collections::BTreeMap;
use std::env;
use std::io::{Write, stdout};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lake::{AsOf, Lake, LakeError, Location};
use tokio::process::Command;
use tokio::sync::Notify;

use super::{Contract, Dice, digests, empty_lake, served};
use crate::loopback::{Loopback, Reply};
use crate::source::ingest_through;
use crate::{Reading, Silent, Sink, sources};

const PLACE: &str = "INGEST_TEST_PLACE";
const SOURCE: &str = "INGEST_TEST_SOURCE";
const BASE: &str = "INGEST_TEST_BASE";
const ABORT_AT: &str = "INGEST_TEST_ABORT_AT";
const CHANGES: &str = "changes of the store: ";

/// How often the readings of each source are killed.
const KILLS: usize = 4;
/// How many are tried until so many were killed, and one of them between the commits of two tables.
const TRIES: usize = 16;

/// The reader's side: one reading, which commits as often as it can and aborts at the change of the store it is told.
#[tokio::test]
async fn run() {
    let Ok(place) = env::var(PLACE) else { return };
    let variable = |name: &str| env::var(name).expect("the parent says it");
    let contract = sources::contract(&variable(SOURCE)).expect("it is a source").longest();
    let abort_at: usize = variable(ABORT_AT).parse().expect("it is a number");
    let changes = Arc::new(AtomicUsize::new(0));
    let counted = changes.clone();
    let rule = Arc::new(move |_: &str| {
        if counted.fetch_add(1, Ordering::SeqCst) + 1 == abort_at {
            std::process::abort();
        }
        true
    });
    let lake = store::open_with(&Location::Folder(place.into()), rule).await.expect("the lake opens");
    let source = (contract.config)(&variable(BASE)).source();
    let reading = Reading::at(contract.now, &contract.variables);
    ingest_through(source.as_ref(), &lake, &reading, &Silent, Sink::often).await.expect("it can be read");
    // On a line of its own, whatever the harness has written before.
    let mut out = stdout().lock();
    writeln!(out, "\n{CHANGES}{}", changes.load(Ordering::SeqCst)).expect("the parent listens");
}

/// When a reader is killed.
#[derive(Clone, Copy, Debug)]
enum Kill {
    Never,
    /// As it asks for the so manieth time, and gets no answer.
    Asking(usize),
    /// So many microseconds after it was answered for the so manieth time.
    Answered(usize, u64),
    /// Before the so manieth change of the store.
    Changing(usize),
}

impl Kill {
    /// A moment of the first quarter of a reading of so many requests and changes of the store, so that there is
    /// something left for the next one.
    fn any(dice: &mut Dice, requests: usize, changes: usize) -> Self {
        let request = 1 + dice.below(requests.div_ceil(4));
        match dice.below(4) {
            0 => Self::Asking(request),
            1 => Self::Answered(request, u64::try_from(dice.below(60_000)).expect("it is small")),
            _ => Self::Changing(1 + dice.below(changes.div_ceil(4))),
        }
    }
}

/// What the server knows of the reader that is asking.
#[derive(Default)]
struct Watch {
    asked: usize,
    /// It is told when this many requests came; that one is left without an answer, or not.
    at: Option<(usize, bool)>,
    /// Who is told.
    reached: Arc<Notify>,
}

/// A server that tells when a reader has asked often enough.
struct Watching {
    server: Loopback,
    watch: Arc<Mutex<Watch>>,
}

impl Watching {
    async fn start(contract: &Contract) -> Self {
        let watch = Arc::<Mutex<Watch>>::default();
        let (healthy, seen) = (contract.healthy(), watch.clone());
        let server = Loopback::start(move |asked| {
            let mut seen = seen.lock().expect("no test panics while it answers");
            seen.asked += 1;
            match seen.at.filter(|(at, _)| *at == seen.asked) {
                Some((_, is_answered)) => {
                    seen.reached.notify_one();
                    if is_answered { healthy(asked) } else { Reply::Stuck }
                }
                None => healthy(asked),
            }
        })
        .await;
        Self { server, watch }
    }

    /// One reader from its start to its end, and how many requests and changes of the store it took where it lived.
    async fn reader(&self, name: &str, place: &Path, kill: Kill) -> (ExitStatus, usize, Option<usize>) {
        let at = match kill {
            Kill::Asking(at) => Some((at, false)),
            Kill::Answered(at, _) => Some((at, true)),
            Kill::Never | Kill::Changing(_) => None,
        };
        let reached = Arc::new(Notify::new());
        *self.watch.lock().expect("no test panics") = Watch { asked: 0, at, reached: reached.clone() };
        let abort_at = if let Kill::Changing(at) = kill { at } else { usize::MAX };
        let mut child = Command::new(env::current_exe().expect("a test binary has a path"))
            .args(["--exact", "contract::kill::run", "--nocapture", "--test-threads=1"])
            .env(PLACE, place)
            .env(SOURCE, name)
            .env(BASE, self.server.base())
            .env(ABORT_AT, abort_at.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("a process starts");
        tokio::select! {
            _ = child.wait() => {}
            () = reached.notified() => {
                if let Kill::Answered(_, micros) = kill {
                    // Not a wait for something to happen: it is the moment at which the reader is killed.
                    tokio::time::sleep(Duration::from_micros(micros)).await;
                }
                // It may have come to its end meanwhile.
                drop(child.start_kill());
            }
        }
        let output = child.wait_with_output().await.expect("the process is ours");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let changes = said.lines().find_map(|line| line.strip_prefix(CHANGES)?.parse().ok());
        (output.status, self.watch.lock().expect("no test panics").asked, changes)
    }
}

/// The rows of every table that a reader sees who finishes nothing. What was read is stated anew by each reading.
async fn seen(place: &Path) -> BTreeMap<&'static str, usize> {
    let lake = match Lake::open(&Location::Folder(place.to_owned())).await {
        Ok(lake) => lake,
        Err(LakeError::Missing { .. }) => return BTreeMap::new(),
        Err(error) => panic!("{error:?}"),
    };
    let snapshot = lake.snapshot(AsOf::Latest).await.expect("the newest version can be read");
    let mut seen = BTreeMap::new();
    for table in lake::tables::all().into_iter().filter(|table| table.name != "coverage") {
        let batches = snapshot.read(table).await.expect("the table can be read");
        seen.insert(table.name, batches.iter().map(arrow::array::RecordBatch::num_rows).sum());
    }
    seen
}

/// Whether a batch is on its way into the tables: some of them may have its rows and others not.
fn is_pending(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.file_name() == "manifest.json" || is_pending(&entry.path()))
}

#[tokio::test]
async fn readings_that_are_killed_anywhere_lose_nothing_and_double_nothing() {
    let mut dice = Dice(20_260_105);
    for (name, contract) in served() {
        let expected = {
            let server = contract.start(|_| None).await;
            let kept = empty_lake().await;
            contract.ingest(contract.source(server.as_ref()).as_ref(), &kept.lake).await.expect("it can be read");
            digests(&kept.lake).await
        };
        let contract = contract.longest();
        let server = Watching::start(&contract).await;
        let folder = tempfile::tempdir().expect("a temporary folder");

        // A reader that nobody disturbs tells how long the way is.
        let place = folder.path().join("undisturbed");
        let (status, requests, changes) = server.reader(name, &place, Kill::Never).await;
        assert!(status.success(), "{name}: {status}");
        let changes = changes.expect("it lived to say it");
        let lake = Lake::open(&Location::Folder(place)).await.expect("it was made");
        assert_eq!(digests(&lake).await, expected, "{name}, read in many commits");
        let commits = lake.versions().await.expect("versions").len();
        assert!(requests >= 10 && commits >= 5, "{name}: {requests} requests and {commits} commits are no long pull");

        let place = folder.path().join("killed");
        let (mut killed, mut between, mut before) = (0, 0, BTreeMap::new());
        let mut tries = 0;
        while (killed < KILLS || between == 0) && tries < TRIES {
            tries += 1;
            let kill = Kill::any(&mut dice, requests, changes);
            let (status, ..) = server.reader(name, &place, kill).await;
            killed += usize::from(!status.success());
            between += usize::from(is_pending(&place.join("pending")));
            let now = seen(&place).await;
            for (table, count) in &before {
                assert!(now.get(table) >= Some(count), "{name}, {kill:?}: `{table}` had {count} rows: {now:?}");
            }
            before = now;
        }
        assert!(killed >= KILLS, "{name}: only {killed} readers were killed before their end");
        assert!(between > 0, "{name}: no reader was killed between the commits of two tables");
        let lake = Lake::open_or_create(&Location::Folder(place)).await.expect("the lake opens");
        let source = (contract.config)(&server.server.base()).source();
        contract.ingest(source.as_ref(), &lake).await.expect("nobody disturbs");
        assert_eq!(digests(&lake).await, expected, "{name}, killed {killed} times");
    }
}
