//! Real repositories in a temporary folder, made with git alone, with fixed names and times.

use std::cell::Cell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lake::{Instant, TableRow};
use tempfile::TempDir;

use super::super::feed::{Feed, Step};
use super::super::{Config, open, reading};
use crate::Bots;
use crate::{Silent, Sink, Source, SourceError};

/// 2026-01-05T08:00:00Z, when every test begins.
pub(super) const START: i64 = 1_767_600_000;

/// A repository under test.
pub(super) struct Repository {
    folder: TempDir,
    /// Its working tree.
    pub(super) path: PathBuf,
    clock: Cell<i64>,
}

impl Repository {
    /// An empty repository.
    pub(super) fn empty(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("api");
        std::fs::create_dir(&path).expect("a folder can be made");
        let repository = Self { folder, path, clock: Cell::new(START) };
        repository.git(&[&["init", "--quiet", "--initial-branch=main"], options].concat());
        repository
    }

    /// A repository with one commit.
    pub(super) fn new() -> Self {
        let repository = Self::empty(&[]);
        repository.commit("README", "Begin");
        repository
    }

    /// A folder beside the repository.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Now; every commit and tag takes a minute.
    pub(super) fn now(&self) -> i64 {
        self.clock.get()
    }

    /// Sets the clock.
    pub(super) fn set_now(&self, seconds: i64) {
        self.clock.set(seconds);
    }

    /// Runs git here, and gives what it said.
    pub(super) fn git(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.bytes(arguments, b"")).expect("the answer is text").trim_end().to_owned()
    }

    /// Runs git here with something to read.
    pub(super) fn bytes(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        git_in(&self.path, self.now(), arguments, input)
    }

    /// Writes a file and commits it, and gives the id.
    pub(super) fn commit(&self, file: &str, message: &str) -> String {
        let path = self.path.join(file);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("folders can be made");
        std::fs::write(&path, format!("{message}\n{}\n", self.now())).expect("a file can be written");
        self.git(&["add", "--all"]);
        self.commit_staged(message)
    }

    /// Commits what is staged.
    pub(super) fn commit_staged(&self, message: &str) -> String {
        self.git(&["commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "-m", message]);
        self.tick();
        self.git(&["rev-parse", "HEAD"])
    }

    /// Merges a branch with a merge commit.
    pub(super) fn merge(&self, branch: &str, message: &str) -> String {
        self.git(&["merge", "--quiet", "--no-ff", "-m", message, branch]);
        self.tick();
        self.git(&["rev-parse", "HEAD"])
    }

    /// Starts a branch here.
    pub(super) fn branch(&self, name: &str) {
        self.git(&["switch", "--quiet", "-c", name]);
    }

    /// Goes to a branch.
    pub(super) fn switch(&self, name: &str) {
        self.git(&["switch", "--quiet", name]);
    }

    /// Tags what is checked out.
    pub(super) fn tag(&self, name: &str) {
        self.git(&["tag", name]);
    }

    /// Tags it with an object.
    pub(super) fn annotated(&self, name: &str) {
        self.git(&["tag", "-a", "-m", name, name]);
        self.tick();
    }

    /// Stores a raw commit object, however broken.
    pub(super) fn raw_commit(&self, content: &[u8]) -> String {
        let oid = self.bytes(&["hash-object", "-t", "commit", "-w", "--stdin", "--literally"], content);
        String::from_utf8(oid).expect("an id is text").trim().to_owned()
    }

    fn tick(&self) {
        self.clock.set(self.now() + 60);
    }

    /// Settings for this repository: tags that begin with `v` are releases.
    pub(super) fn config(&self) -> Config {
        config(&self.path)
    }

    /// Clones it over the protocol that obeys filters and depths.
    pub(super) fn clone_to(&self, name: &str, options: &[&str]) -> PathBuf {
        self.git(&["config", "uploadpack.allowFilter", "true"]);
        let target = self.beside(name);
        let url = format!("file://{}", self.path.display());
        let to = target.display().to_string();
        self.git(&[&["-c", "protocol.file.allow=always", "clone", "--quiet"], options, &[&url, &to]].concat());
        target
    }
}

/// Runs git somewhere.
pub(super) fn git_in(folder: &Path, now: i64, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "Ada Example")
        .env("GIT_AUTHOR_EMAIL", "Ada@Example.com")
        .env("GIT_COMMITTER_NAME", "Grace Example")
        .env("GIT_COMMITTER_EMAIL", "grace@example.com")
        .env("GIT_AUTHOR_DATE", format!("@{now} +0530"))
        .env("GIT_COMMITTER_DATE", format!("@{now} -0330"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("git can be started");
    child.stdin.take().expect("it was asked for").write_all(input).expect("git listens");
    let said = child.wait_with_output().expect("git ends");
    assert!(said.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&said.stderr));
    said.stdout
}

/// Settings for a clone: tags that begin with `v` are releases.
pub(super) fn config(path: &Path) -> Config {
    Config {
        path: path.to_owned(),
        releases: r"^v(?P<version>\d.*)$".into(),
        service: None,
        repository: Some("api".into()),
        branch: None,
        environment: "production".into(),
        prereleases: false,
        read_until: None,
        bots: Bots::default(),
    }
}

/// What one reading gave.
pub(super) struct Read {
    sink: Sink<'static>,
    /// What it left for the next one.
    pub(super) cursor: String,
    /// What it said aloud that it could not read.
    pub(super) gaps: Vec<String>,
}

impl Read {
    /// The rows of one table.
    pub(super) fn rows<R: TableRow>(&self) -> Vec<R> {
        self.sink.kept().expect("rows have the schema of their table")
    }
}

/// Reads with these settings.
pub(super) async fn read(config: Config) -> Result<Read, SourceError> {
    read_after(config, None).await
}

/// Reads with these settings, after an earlier reading.
pub(super) async fn read_after(config: Config, cursor: Option<&str>) -> Result<Read, SourceError> {
    let source = open(config.clone());
    let sink = Sink::into_memory(&source.stream(), source.fills(), Instant(0));
    let mut read = Read { sink, cursor: String::new(), gaps: Vec::new() };
    let (sender, mut steps) = tokio::sync::mpsc::channel(4);
    let cursor = cursor.map(str::to_owned);
    let thread = tokio::task::spawn_blocking(move || reading::read(&config, cursor.as_deref(), &Feed::new(sender)));
    while let Some(step) = steps.recv().await {
        match step {
            Step::Cursor(cursor) => read.cursor = cursor,
            Step::Gap(gap) => read.gaps.push(gap),
            other => other.hand_over(&mut read.sink, &Silent)?,
        }
    }
    thread.await.expect("the reading thread does not panic").map(|()| read)
}

/// Why reading with these settings fails: the error, its code and its hint.
pub(super) async fn failure(config: Config) -> String {
    match read(config).await {
        Ok(_) => "it was read".into(),
        Err(error) => {
            let hint = error.hint.clone().unwrap_or_default();
            format!("{}: {error}: {}: {hint}", error.code(), error.kind)
        }
    }
}
