//! What holds for every source, whatever it reads: the tests below loop over the list and name none.

mod bounds;
mod described;
mod faults;
mod kill;
mod memory;
mod pieces;

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lake::{AsOf, Instant, Lake, Location};
use serde_json::{Value, json};

use self::memory::{Memory, Tables, assert_same};
use crate::loopback::{Asked, Loopback, Reply};
use crate::sources::{self, Config};
use crate::{Range, Reading, Silent, Sink, Source, SourceError, Summary, ingest};

/// A source as these tests need it.
pub(crate) struct Contract {
    config: Box<dyn Fn(&str) -> Config + Send + Sync>,
    server: Option<Arc<Answers>>,
    variables: BTreeMap<String, String>,
    now: Instant,
    /// The same world, told in pages as small as they can be.
    in_small_pages: Option<Box<Contract>>,
    /// What the present was before, and how the server answered then; the oldest first.
    before: Vec<(Instant, Arc<Answers>)>,
    described: Vec<Described>,
    /// What has to live as long as the source is read.
    _holds: Box<dyn Any>,
}

/// A world that keeps to an official description of its server.
struct Described {
    /// The name of the description's file.
    file: &'static str,
    /// What is put right in a copy of the description.
    patch: fn(String) -> String,
    contract: Contract,
}

/// How a healthy server answers.
type Answers = dyn Fn(&Asked) -> Reply + Send + Sync;

impl Contract {
    /// A source without a server; `holds` lives as long as it is read.
    pub(crate) fn local(config: Config, holds: impl Any) -> Self {
        Self {
            config: Box::new(move |_| config.clone()),
            server: None,
            variables: BTreeMap::new(),
            now: Instant(1_800_000_000_000_000),
            in_small_pages: None,
            before: Vec::new(),
            described: Vec::new(),
            _holds: Box::new(holds),
        }
    }

    /// A source whose server answers as `server` says: its settings given the server's address, the variables that
    /// hold its secrets, and the present.
    pub(crate) fn served(
        config: impl Fn(&str) -> Config + Send + Sync + 'static,
        server: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
        variables: &[(&str, &str)],
        now: Instant,
    ) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self {
            config: Box::new(config),
            server: Some(Arc::new(server)),
            variables,
            now,
            in_small_pages: None,
            before: Vec::new(),
            described: Vec::new(),
            _holds: Box::new(()),
        }
    }

    /// With the same world, told in pages as small as they can be.
    pub(crate) fn in_small_pages(self, small: Self) -> Self {
        Self { in_small_pages: Some(Box::new(small)), ..self }
    }

    /// With an earlier state of the world, at an earlier present; the oldest first.
    pub(crate) fn before(mut self, now: Instant, server: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        self.before.push((now, Arc::new(server)));
        self
    }

    /// With a world that keeps to an official description of the server, which is in a file of that name. `patch` puts
    /// right what the description is known to have wrong.
    pub(crate) fn described_in(mut self, file: &'static str, patch: fn(String) -> String, contract: Self) -> Self {
        self.described.push(Described { file, patch, contract });
        self
    }

    /// With answers that are changed on their way.
    pub(crate) fn answering(mut self, change: impl Fn(Reply) -> Reply + Send + Sync + 'static) -> Self {
        let healthy = self.healthy();
        self.server = Some(Arc::new(move |asked| change(healthy(asked))));
        self
    }

    /// The world in the most requests there can be.
    fn longest(mut self) -> Self {
        match self.in_small_pages.take() {
            Some(small) => *small,
            None => self,
        }
    }

    /// Starts the server, which answers as `disturbed` says where that says something.
    async fn start(&self, disturbed: impl Fn(usize) -> Option<Reply> + Send + Sync + 'static) -> Option<Loopback> {
        let healthy = self.server.clone()?;
        Some(Loopback::start(counted(move |asked, number| disturbed(number).unwrap_or_else(|| healthy(asked)))).await)
    }

    /// How a healthy server answers; for sources that have one.
    fn healthy(&self) -> Arc<Answers> {
        self.server.clone().expect("it has a server")
    }

    fn source(&self, server: Option<&Loopback>) -> Box<dyn Source> {
        self.source_at(&server.map(Loopback::base).unwrap_or_default(), &json!({}))
    }

    /// The source with some settings of how its server is spoken to.
    fn source_at(&self, base: &str, http: &Value) -> Box<dyn Source> {
        let mut settings = serde_json::to_value((self.config)(base)).expect("settings have a JSON form");
        for (name, value) in http.as_object().expect("settings are an object") {
            settings["http"][name] = value.clone();
        }
        let config: Config = serde_json::from_value(settings).expect("the settings fit");
        config.source()
    }

    async fn read(&self, source: &dyn Source, memory: &mut Memory, range: Range) -> Result<Summary, SourceError> {
        let reading = Reading { range, ..Reading::at(self.now, &self.variables) };
        memory.read(source, &reading, |sink| sink).await
    }

    /// Reads with a commit at every place where a long reading may commit.
    async fn read_often(&self, source: &dyn Source, memory: &mut Memory) -> Result<Summary, SourceError> {
        memory.read(source, &Reading::at(self.now, &self.variables), Sink::often).await
    }

    /// Reads all there is into a lake.
    async fn ingest(&self, source: &dyn Source, lake: &Lake) -> Result<Summary, SourceError> {
        ingest(source, lake, &Reading::at(self.now, &self.variables), &Silent).await
    }
}

/// The sources that have a server.
fn served() -> impl Iterator<Item = (&'static str, Contract)> {
    sources::contracts().into_iter().filter(|(_, contract)| contract.server.is_some())
}

/// Answers that know which request they answer, the first being 0.
fn counted(answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> impl Fn(&Asked) -> Reply + Send + Sync {
    let count = AtomicUsize::new(0);
    move |asked| answer(asked, count.fetch_add(1, Ordering::SeqCst))
}

/// Numbers that only look as if nobody had chosen them.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let end = u64::try_from(end).expect("it is small");
        usize::try_from((mixed ^ (mixed >> 31)) % end).expect("it is smaller")
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }
}

struct Kept {
    lake: Lake,
    _folder: tempfile::TempDir,
}

async fn empty_lake() -> Kept {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = Lake::open_or_create(&Location::Folder(folder.path().join("lake"))).await.expect("a lake is made");
    Kept { lake, _folder: folder }
}

async fn digests(lake: &Lake) -> BTreeMap<String, String> {
    let snapshot = lake.snapshot(AsOf::Latest).await.expect("the newest version");
    snapshot.input_digests().await.expect("the tables can be read")
}

/// The tables after one undisturbed reading.
async fn undisturbed(contract: &Contract) -> Tables {
    let server = contract.start(|_| None).await;
    let mut kept = Memory::default();
    let source = contract.source(server.as_ref());
    contract.read(source.as_ref(), &mut kept, Range::default()).await.expect("it can be read");
    kept.tables()
}

#[tokio::test]
async fn a_source_fills_its_tables_and_says_what_it_read() {
    for (name, contract) in sources::contracts() {
        let server = contract.start(|_| None).await;
        let source = contract.source(server.as_ref());
        let kept = empty_lake().await;
        let summary = contract.ingest(source.as_ref(), &kept.lake).await.expect("it can be read");
        assert!(summary.rows.keys().all(|table| source.fills().contains(table)), "{name}: {:?}", summary.rows);
        assert!(summary.rows.contains_key("coverage"), "{name} says not what it read");
        assert!(summary.rows.len() > 1, "{name} gave nothing");
        let about = sources::all().into_iter().find(|about| about.name == name).expect("it is listed");
        assert_eq!(about.fills, source.fills(), "{name}");
    }
}

#[tokio::test]
async fn reading_twice_gives_the_same() {
    for (name, contract) in sources::contracts() {
        let server = contract.start(|_| None).await;
        let source = contract.source(server.as_ref());
        let kept = empty_lake().await;
        let mut seen = Vec::new();
        for _ in 0..2 {
            contract.ingest(source.as_ref(), &kept.lake).await.expect("it can be read");
            seen.push(digests(&kept.lake).await);
        }
        assert_eq!(seen[0], seen[1], "{name}");
    }
}

#[tokio::test]
async fn a_reading_that_broke_is_taken_up_again() {
    for (name, contract) in served() {
        let expected = undisturbed(&contract).await;
        let server = contract.start(|_| None).await.expect("it has a server");
        let mut kept = Memory::default();
        contract
            .read(contract.source(Some(&server)).as_ref(), &mut kept, Range::default())
            .await
            .expect("it can be read");
        let whole = server.asked().len();
        for broken_from in [0, 1, whole / 3, whole / 2, whole.saturating_sub(1)] {
            let broken = contract.start(move |count| (count >= broken_from).then(|| Reply::status(401, "{}"))).await;
            let mut kept = Memory::default();
            // Whether this is an error or a gap depends on what was broken; what it stored has to be true either way.
            let _outcome = contract.read(contract.source(broken.as_ref()).as_ref(), &mut kept, Range::default()).await;
            let healthy = contract.start(|_| None).await;
            contract
                .read(contract.source(healthy.as_ref()).as_ref(), &mut kept, Range::default())
                .await
                .expect("it can be read again");
            assert_same(&kept.tables(), &expected, &format!("{name}, broken from request {broken_from}"));
        }
    }
}

#[tokio::test]
async fn a_rate_limit_is_obeyed() {
    for (name, contract) in served() {
        // A wait longer than we are ready for: whoever asks again at once does not obey.
        let limited = || Reply::status(429, "{}").with("retry-after", "80000").with("content-type", "application/json");
        let server = contract.start(move |_| Some(limited())).await.expect("it has a server");
        let mut kept = Memory::default();
        let outcome = contract.read(contract.source(Some(&server)).as_ref(), &mut kept, Range::default()).await;
        let told = told(&outcome);
        assert!(told.contains("80000"), "{name} told: {told}");
        let mut asked: Vec<String> = server.asked().into_iter().map(|asked| asked.line).collect();
        let count = asked.len();
        asked.sort();
        asked.dedup();
        assert_eq!(asked.len(), count, "{name} asked again for what it was told to wait for");
    }
}

/// The same answer with a word at the end of every text that is a name or meant for people.
fn saying(word: &str, reply: Reply) -> Reply {
    fn say(word: &str, value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(|item| say(word, item)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if matches!(&**name, "name" | "title" | "login" | "message" | "state") => {
                            text.push_str(word);
                        }
                        value => say(word, value),
                    }
                }
            }
            _ => {}
        }
    }
    let Reply::Page { status: 200, headers, body } = reply else { return reply };
    let Ok(mut value) = serde_json::from_slice(&body) else { return Reply::Page { status: 200, headers, body } };
    say(word, &mut value);
    Reply::Page { status: 200, headers, body: value.to_string().into_bytes() }
}

#[tokio::test]
async fn no_secret_is_shown() {
    for (name, contract) in sources::contracts().into_iter().filter(|(_, contract)| !contract.variables.is_empty()) {
        for disturbed in [None, Some(200), Some(401), Some(403), Some(404), Some(422), Some(500)] {
            let healthy = contract.healthy();
            // A server, or what stands before it, that says back who asked.
            let server = Loopback::start(move |asked| {
                let said = asked.header("authorization").unwrap_or_default();
                let said = said.split_once(' ').map_or(said, |(_, secret)| secret);
                match disturbed {
                    None => healthy(asked),
                    Some(200) => saying(said, healthy(asked)),
                    Some(status) => Reply::status(status, json!({"message": format!("no: {said}")}).to_string())
                        .with("content-type", "application/json")
                        .with("link", format!("</{said}>; rel=\"next\"")),
                }
            })
            .await;
            let source = contract.source(Some(&server));
            let mut kept = Memory::default();
            let outcome = contract.read(source.as_ref(), &mut kept, Range::default()).await;
            let mut shown = match &outcome {
                Ok(summary) => format!("{summary:?}"),
                Err(error) => format!("{error:?} {error} {}", chain(error)),
            };
            // With the cursor, all rows and where they were read from.
            write!(shown, "{kept:?}").expect("text can be written");
            for secret in contract.variables.values() {
                assert!(!shown.contains(secret.trim()), "{name} shows a secret when the server answers {disturbed:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_dry_run_touches_nothing() {
    for (name, contract) in served() {
        let server = contract.start(|_| None).await.expect("it has a server");
        let source = contract.source(Some(&server));
        let plan = source.request_plan(&Reading::at(contract.now, &contract.variables)).expect("the settings fit");
        assert!(!plan.is_empty(), "{name} would ask nothing");
        assert!(server.asked().is_empty(), "{name} asked {:?}", server.asked());
    }
}

#[tokio::test]
async fn nothing_is_stated_beyond_the_range_that_was_asked_for() {
    for (name, contract) in served() {
        const DAY: i64 = 86_400 * Instant::MICROS;
        let server = contract.start(|_| None).await;
        let mut kept = Memory::default();
        let range =
            Range { since: Some(Instant(contract.now.0 - 20 * DAY)), until: Some(Instant(contract.now.0 - 10 * DAY)) };
        contract.read(contract.source(server.as_ref()).as_ref(), &mut kept, range).await.expect("it can be read");
        let stated = kept.stated();
        let beyond = stated.iter().find(|row| row.is_complete && row.range_end_at > range.until);
        assert_eq!(beyond, None, "{name}");
    }
}

/// How a reading went, in all its words.
fn told(outcome: &Result<Summary, SourceError>) -> String {
    match outcome {
        Ok(summary) => summary.gaps.join("\n"),
        Err(error) => format!("{error}: {}", chain(error)),
    }
}

/// An error with all its causes.
fn chain(error: &SourceError) -> String {
    let mut words = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    words.join(": ")
}
