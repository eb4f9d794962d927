//! Reads all commits and tags that can be reached, by asking one `git cat-file` for each of them.
//!
//! Each answer names the next questions, so every object is read once. Requests stay so few at a time that they
//! always fit into the pipe: neither side ever waits for the other to listen.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{BufRead, Read, Write};

use crate::authorship::{Classifier, Pseudonym};
use super::commits::{self, RawCommit};
use super::feed::Feed;
use super::graph::{Commit, Graph};
use super::ident::{Ident, Stamp};
use crate::authorship::messages;
use super::oid::Oid;
use super::program::{Program, Running};
use crate::SourceErrorKind;

/// Requests under way; 200 of 65 bytes fit into the smallest pipe there is (16 KiB).
const REQUESTS: usize = 200;

/// What of an object is looked at. A commit message beyond this is cut, not held in memory.
const CONTENT_BYTES: u64 = 8 * 1024 * 1024;

/// How many commits are read between two words to whoever is watching.
const COMMITS_PER_WORD: u64 = 1000;

/// A tag object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    /// What it points at.
    pub(super) target: Oid,
    /// When it was made, where that can be read.
    pub(super) stamp: Option<Stamp>,
    /// Pseudonym of who made it.
    pub(super) tagger: Option<Pseudonym>,
}

/// Everything that was read.
#[derive(Debug)]
pub(super) struct History {
    /// The commits.
    pub(super) graph: Graph,
    /// The tag objects.
    pub(super) tags: BTreeMap<Oid, Tag>,
    /// References and tags that point at a `tree` or a `blob`.
    pub(super) others: BTreeMap<Oid, String>,
    /// Objects that were asked for and are not there.
    pub(super) absent: BTreeSet<Oid>,
    /// How many commits had an author or committer time that cannot be read.
    pub(super) untimed_count: usize,
}

/// What to walk, and how to read it.
pub(super) struct Walk<'a> {
    /// Git over the objects.
    pub(super) program: &'a Program,
    /// Commits whose parents are not followed.
    pub(super) boundary: &'a HashSet<Oid>,
    /// Name of the repository.
    pub(super) repository: &'a str,
    /// Tells authors apart.
    pub(super) classifier: Classifier,
    /// Hears of the progress.
    pub(super) feed: &'a Feed,
}

struct Found {
    commits: Vec<Commit>,
    tags: BTreeMap<Oid, Tag>,
    others: BTreeMap<Oid, String>,
    absent: BTreeSet<Oid>,
    untimed_count: usize,
}

impl Walk<'_> {
    /// Reads everything that can be reached from `tips`.
    pub(super) fn from(mut self, tips: &[Oid]) -> Result<History, SourceErrorKind> {
        let mut git = self.program.start(&["cat-file", "--batch"])?;
        let mut found = Found {
            commits: Vec::new(),
            tags: BTreeMap::new(),
            others: BTreeMap::new(),
            absent: BTreeSet::new(),
            untimed_count: 0,
        };
        if let Err(error) = self.converse(&mut git, tips, &mut found) {
            // Where git ended in the middle of an answer, its complaint says more than the broken pipe.
            return Err(git.stop().map_or(error, SourceErrorKind::Program));
        }
        git.finish()?.map_err(SourceErrorKind::Program)?;
        self.feed.advance(found.commits.len() as u64 % COMMITS_PER_WORD)?;
        let mut graph = Graph::new(found.commits);
        graph.complete_references();
        Ok(History {
            graph,
            tags: found.tags,
            others: found.others,
            absent: found.absent,
            untimed_count: found.untimed_count,
        })
    }

    fn converse(&mut self, git: &mut Running, tips: &[Oid], found: &mut Found) -> Result<(), SourceErrorKind> {
        let mut asked: HashSet<Oid> = tips.iter().copied().collect();
        let mut waiting: Vec<Oid> = tips.iter().rev().copied().collect();
        let (mut under_way, mut content, mut header) = (0_usize, Vec::new(), Vec::new());
        loop {
            if under_way <= REQUESTS / 2 && !waiting.is_empty() {
                let first = waiting.len().saturating_sub(REQUESTS - under_way);
                under_way += waiting.len() - first;
                ask(git, waiting.drain(first..).rev())?;
            }
            if under_way == 0 {
                return Ok(());
            }
            under_way -= 1;
            let (oid, kind) = answer(git, &mut header, &mut content)?;
            let next = self.take(oid, &kind, &content, found)?;
            waiting.extend(next.into_iter().rev().filter(|oid| asked.insert(*oid)));
        }
    }

    /// Takes one object, and returns which ones to ask for next.
    fn take(&mut self, oid: Oid, kind: &str, content: &[u8], found: &mut Found) -> Result<Vec<Oid>, SourceErrorKind> {
        match kind {
            "commit" => {
                let commit = self.commit(oid, &commits::commit(content), &mut found.untimed_count);
                let next = if self.boundary.contains(&oid) { Vec::new() } else { commit.parents.clone() };
                found.commits.push(commit);
                if (found.commits.len() as u64).is_multiple_of(COMMITS_PER_WORD) {
                    self.feed.advance(COMMITS_PER_WORD)?;
                }
                Ok(next)
            }
            "tag" => {
                let raw = commits::tag(content);
                let Some(target) = raw.target else {
                    found.others.insert(oid, "tag without a target".into());
                    return Ok(Vec::new());
                };
                let stamp = raw.tagger.and_then(|tagger| tagger.stamp);
                let tagger = raw.tagger.map(|tagger| Pseudonym::of(tagger.email));
                found.tags.insert(oid, Tag { target, stamp, tagger });
                Ok(vec![target])
            }
            "missing" => {
                found.absent.insert(oid);
                Ok(Vec::new())
            }
            other => {
                found.others.insert(oid, other.to_owned());
                Ok(Vec::new())
            }
        }
    }

    fn commit(&mut self, oid: Oid, raw: &RawCommit<'_>, untimed_count: &mut usize) -> Commit {
        const NOBODY: Ident<'_> = Ident { name: b"", email: b"", stamp: None };
        let text = commits::decode(raw.message, raw.encoding);
        let (author, author_kind) = {
            let author = raw.author.as_ref().unwrap_or(&NOBODY);
            self.classifier.author(author.name, author.email, &text)
        };
        let authored = raw.author.and_then(|author| author.stamp);
        let committed = raw.committer.and_then(|committer| committer.stamp);
        *untimed_count += usize::from(authored.is_none() || committed.is_none());
        Commit {
            oid,
            tree: raw.tree,
            parents: raw.parents.clone(),
            authored: authored.or(committed).unwrap_or(Stamp::EPOCH),
            committed: committed.or(authored).unwrap_or(Stamp::EPOCH),
            author,
            author_kind,
            message: messages::read(&text, self.repository),
        }
    }
}

fn ask(git: &mut Running, oids: impl Iterator<Item = Oid>) -> Result<(), SourceErrorKind> {
    let requests: String = oids.map(|oid| oid.hex() + "\n").collect();
    let input = git.input.as_mut().ok_or_else(|| SourceErrorKind::Program("git does not listen any more".into()))?;
    input.write_all(requests.as_bytes())?;
    Ok(input.flush()?)
}

/// Reads one answer: `<id> <kind> <size>`, the content and a line end; or `<id> missing`.
fn answer(git: &mut Running, header: &mut Vec<u8>, content: &mut Vec<u8>) -> Result<(Oid, String), SourceErrorKind> {
    header.clear();
    content.clear();
    git.output.read_until(b'\n', header)?;
    let odd = || SourceErrorKind::Program(format!("git answered `{}`", String::from_utf8_lossy(header).trim_end()));
    let text = std::str::from_utf8(header).map_err(|_not_text| odd())?;
    let mut words = text.split_ascii_whitespace();
    let oid = words.next().and_then(|word| Oid::parse(word.as_bytes())).ok_or_else(odd)?;
    let kind = words.next().ok_or_else(odd)?.to_owned();
    let Some(size) = words.next() else { return Ok((oid, kind)) };
    let size: u64 = size.parse().map_err(|_not_a_number| odd())?;
    let is_read = kind == "commit" || kind == "tag";
    let kept = if is_read { size.min(CONTENT_BYTES) } else { 0 };
    git.output.by_ref().take(kept).read_to_end(content)?;
    std::io::copy(&mut git.output.by_ref().take(size - kept + 1), &mut std::io::sink())?;
    if (content.len() as u64) < kept {
        return Err(odd());
    }
    Ok((oid, kind))
}

/// Which of these objects the clone does not hold.
pub(super) fn missing(program: &Program, oids: Vec<Oid>) -> Result<HashSet<Oid>, SourceErrorKind> {
    let mut git = program.start(&["cat-file", "--batch-check=%(objectname)"])?;
    git.feed(oids.into_iter());
    let mut missing = HashSet::new();
    let mut line = Vec::new();
    while git.output.read_until(b'\n', &mut line)? > 0 {
        if let Some(oid) = line.trim_ascii().strip_suffix(b" missing") {
            missing.extend(Oid::parse(oid));
        }
        line.clear();
    }
    git.finish()?.map_err(SourceErrorKind::Program)?;
    Ok(missing)
}
