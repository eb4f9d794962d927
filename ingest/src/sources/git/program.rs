//! The `git` program. This is the only place that starts it.
//!
//! A clone is somebody else's data, and git obeys much that lies in one: settings that name programs to run, remotes to
//! ask for what is missing, replacements and grafts that change history. So it runs without a shell, with an
//! environment of ours, without the user's and the system's settings, and without a protocol it could speak.

use std::ffi::OsString;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use super::oid::Oid;
use crate::SourceErrorKind;

/// What is said to every git before the command itself.
const ARGUMENTS: &[&str] = &[
    "--no-pager",
    "--literal-pathspecs",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    // The objects themselves are read, not a cache of them that may be stale or forged.
    "-c",
    "core.commitGraph=false",
    "-c",
    "protocol.allow=never",
    "-c",
    "log.showSignature=false",
    "-c",
    "log.mailmap=false",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
];

/// The environment of every git. `GIT_NO_LAZY_FETCH` is known from 2.45 on; for older ones there is no protocol left.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_PROTOCOL_FROM_USER", "0"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", "true"),
    ("GIT_PAGER", "cat"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("LC_ALL", "C"),
];

/// How much of what a failing git says is kept.
const COMPLAINT_BYTES: u64 = 8 * 1024;

/// Git, in one folder, with one environment.
#[derive(Clone, Debug)]
pub(super) struct Program {
    folder: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

/// What a git that ran to its end said.
pub(super) struct Said {
    /// Whether it ended well.
    pub(super) is_success: bool,
    /// Standard output.
    pub(super) output: Vec<u8>,
    /// What it complained of, without credentials.
    pub(super) complaint: String,
}

impl Said {
    /// The output, or the complaint where it failed.
    pub(super) fn success(self) -> Result<Vec<u8>, SourceErrorKind> {
        if self.is_success { Ok(self.output) } else { Err(SourceErrorKind::Program(self.complaint)) }
    }
}

impl Program {
    /// Git in `folder`, which must be absolute; it does not look for a repository above it.
    pub(super) fn new(folder: &Path) -> Self {
        let mut program = Self { folder: folder.to_owned(), arguments: Vec::new(), environment: Vec::new() };
        if let Some(parent) = folder.parent() {
            program = program.with("GIT_CEILING_DIRECTORIES", parent);
        }
        program
    }

    /// The same with one more setting in the environment.
    pub(super) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The same with the user's word on whose repositories may be read. It is the one setting of theirs that is kept:
    /// git refuses a repository of another user without it, and tells people to set it.
    pub(super) fn trusting_as_the_user_does(mut self) -> Self {
        // A repository that is none keeps the settings of the folder we were started in out of the answer.
        let mut command = bare_command(&self.folder);
        command.env("GIT_DIR", "/dev/null").args(["config", "--null", "--get-all", "safe.directory"]);
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        let folders = command.output().map(|said| said.stdout).unwrap_or_default();
        for folder in folders.split_inclusive(|byte| *byte == 0) {
            let folder = String::from_utf8_lossy(folder.strip_suffix(&[0]).unwrap_or(folder)).into_owned();
            self.arguments.push("-c".into());
            self.arguments.push(format!("safe.directory={folder}").into());
        }
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare_command(&self.folder);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        command.args(ARGUMENTS).args(&self.arguments).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs git to its end and keeps all it said; for short answers.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Said, SourceErrorKind> {
        let said = self.command(arguments).output().map_err(cannot_start)?;
        Ok(Said { is_success: said.status.success(), output: said.stdout, complaint: complaint(&said.stderr) })
    }

    /// Starts git for a conversation, or for a long answer.
    pub(super) fn start(&self, arguments: &[&str]) -> Result<Running, SourceErrorKind> {
        let child = self.command(arguments).stdin(Stdio::piped()).spawn().map_err(cannot_start)?;
        Ok(Running::new(vec![child]))
    }

    /// Starts two gits, the first of which feeds the second.
    pub(super) fn start_pipe(&self, first: &[&str], second: &[&str]) -> Result<Running, SourceErrorKind> {
        let mut first = self.command(first).stdin(Stdio::piped()).spawn().map_err(cannot_start)?;
        let between = first.stdout.take().expect("the output was asked for as a pipe");
        let second = self.command(second).stdin(between).spawn().map_err(cannot_start);
        let mut children = vec![first];
        match second {
            Ok(second) => children.push(second),
            Err(error) => {
                drop(Running::new(children));
                return Err(error);
            }
        }
        Ok(Running::new(children))
    }
}

/// Git with none of the `GIT_…` settings of our own environment, such as the `GIT_DIR` of a hook that runs us.
fn bare_command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command.envs(ENVIRONMENT.iter().copied()).stdin(Stdio::null()).current_dir(folder);
    command
}

fn cannot_start(error: std::io::Error) -> SourceErrorKind {
    if error.kind() == std::io::ErrorKind::NotFound {
        return SourceErrorKind::Program("the program `git` was not found; it must be 2.36 or newer".into());
    }
    SourceErrorKind::Io(error)
}

/// One git, or two in a row, that work while we listen. They are stopped when this is dropped.
pub(super) struct Running {
    children: Vec<Child>,
    /// Where the first one listens; none after [`Running::feed`] or [`Running::hang_up`].
    pub(super) input: Option<ChildStdin>,
    /// What the last one says.
    pub(super) output: BufReader<ChildStdout>,
    complaints: Vec<JoinHandle<Vec<u8>>>,
    feeder: Option<JoinHandle<()>>,
}

impl Running {
    fn new(mut children: Vec<Child>) -> Self {
        let input = children.first_mut().and_then(|child| child.stdin.take());
        let complaints = children.iter_mut().filter_map(|child| child.stderr.take()).map(listen).collect();
        let output = children.last_mut().and_then(|child| child.stdout.take());
        // Only the first of two that could not be joined has no output, and it is dropped at once.
        let output = BufReader::with_capacity(64 * 1024, output.expect("the output was asked for as a pipe"));
        Self { children, input, output, complaints, feeder: None }
    }

    /// Says one id per line from a thread of its own, then hangs up, while we listen to the answers.
    pub(super) fn feed(&mut self, ids: impl Iterator<Item = Oid> + Send + 'static) {
        let Some(input) = self.input.take() else { return };
        self.feeder = Some(std::thread::spawn(move || {
            let mut input = std::io::BufWriter::new(input);
            for id in ids {
                // A git that died hears no more; why it did is in its complaint.
                if writeln!(input, "{}", id.hex()).is_err() {
                    return;
                }
            }
        }));
    }

    /// Ends the conversation from our side.
    pub(super) fn hang_up(&mut self) {
        self.input = None;
    }

    /// Stops it in the middle, and tells what it complained of, if it did.
    pub(super) fn stop(mut self) -> Option<String> {
        self.hang_up();
        for child in &mut self.children {
            // Both fail only where it has ended already.
            drop(child.kill());
            drop(child.wait());
        }
        let said = self.said();
        (!said.is_empty()).then(|| complaint(&said))
    }

    fn said(&mut self) -> Vec<u8> {
        self.complaints.drain(..).flat_map(|thread| thread.join().unwrap_or_default()).collect()
    }

    /// Waits for the end. The inner error is the complaint of a git that failed.
    pub(super) fn finish(mut self) -> Result<Result<(), String>, SourceErrorKind> {
        self.hang_up();
        let mut is_success = true;
        for child in &mut self.children {
            is_success &= child.wait()?.success();
        }
        let said = self.said();
        Ok(if is_success { Ok(()) } else { Err(complaint(&said)) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.input = None;
        for child in &mut self.children {
            // Both fail only where it has ended already.
            drop(child.kill());
            drop(child.wait());
        }
        if let Some(feeder) = self.feeder.take() {
            drop(feeder.join());
        }
    }
}

/// Reads all complaints, so that git never waits for us to listen, and keeps the first ones.
fn listen(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        // What cannot be read any more adds nothing to the complaint.
        drop(from.by_ref().take(COMPLAINT_BYTES).read_to_end(&mut kept));
        drop(std::io::copy(&mut from, &mut std::io::sink()));
        kept
    })
}

/// What git said, as one line without control characters and without the credentials a URL may carry.
fn complaint(said: &[u8]) -> String {
    let kept = &said[..said.len().min(usize::try_from(COMPLAINT_BYTES).unwrap_or(usize::MAX))];
    let text = String::from_utf8_lossy(kept);
    let lines: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(without_secrets).collect();
    let line = lines.join("; ");
    let line: String = line.chars().filter(|letter| !letter.is_control()).collect();
    if line.is_empty() { "git failed and gave no reason".into() } else { line }
}

/// Replaces what stands between `://` and `@` in a URL.
pub(super) fn without_secrets(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after.find(|letter: char| letter.is_whitespace() || matches!(letter, '/' | '\'' | '"'));
        let authority = &after[..end.unwrap_or(after.len())];
        if let Some(at) = authority.rfind('@') {
            clean.push('…');
            rest = &after[at..];
        } else {
            rest = after;
        }
    }
    clean.push_str(rest);
    clean
}
