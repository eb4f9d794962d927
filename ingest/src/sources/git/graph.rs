//! All commits that were read, and who is whose parent, by number.

use std::collections::HashMap;

use lake::Instant;

use crate::authorship::{AuthorKind, Pseudonym};
use super::ident::Stamp;
use crate::authorship::messages::Message;
use super::oid::Oid;

/// One commit, without names, addresses and body.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    /// Its id.
    pub(super) oid: Oid,
    /// The tree it records.
    pub(super) tree: Option<Oid>,
    /// Its parents as recorded, whether the clone holds them or not.
    pub(super) parents: Vec<Oid>,
    /// When the change was first written.
    pub(super) authored: Stamp,
    /// When this object was made.
    pub(super) committed: Stamp,
    /// Pseudonym of the author.
    pub(super) author: Pseudonym,
    /// Kind of the author.
    pub(super) author_kind: AuthorKind,
    /// What the message says.
    pub(super) message: Message,
}

impl Commit {
    /// More than one parent.
    pub(super) fn is_merge(&self) -> bool {
        self.parents.len() > 1
    }

    /// When it was authored.
    pub(super) fn authored_at(&self) -> Instant {
        self.authored.at()
    }

    /// When it was committed.
    pub(super) fn committed_at(&self) -> Instant {
        self.committed.at()
    }
}

/// Number of a commit in its [`Graph`].
pub(super) type Number = usize;

/// Commits in the order of their commit time, with numbered parents.
#[derive(Debug)]
pub(super) struct Graph {
    commits: Vec<Commit>,
    numbers: HashMap<Oid, Number>,
    /// Parents of all commits in a row; none where the clone does not hold one.
    links: Vec<Option<Number>>,
    /// Where the parents of each commit begin in `links`, and at the end its length.
    starts: Vec<usize>,
}

impl Graph {
    /// A graph of these commits, each given once. Its order does not depend on theirs.
    pub(super) fn new(mut commits: Vec<Commit>) -> Self {
        commits.sort_by_key(|commit| (commit.committed.seconds, commit.oid));
        let numbers: HashMap<Oid, Number> =
            commits.iter().enumerate().map(|(number, commit)| (commit.oid, number)).collect();
        let mut links = Vec::with_capacity(commits.len());
        let mut starts = Vec::with_capacity(commits.len() + 1);
        for commit in &commits {
            starts.push(links.len());
            links.extend(commit.parents.iter().map(|parent| numbers.get(parent).copied()));
        }
        starts.push(links.len());
        Self { commits, numbers, links, starts }
    }

    /// How many commits.
    pub(super) fn len(&self) -> usize {
        self.commits.len()
    }

    /// All of them, by commit time.
    pub(super) fn commits(&self) -> &[Commit] {
        &self.commits
    }

    /// The commit of that number.
    pub(super) fn commit(&self, number: Number) -> &Commit {
        &self.commits[number]
    }

    /// The number of the commit with that id.
    pub(super) fn number(&self, oid: &Oid) -> Option<Number> {
        self.numbers.get(oid).copied()
    }

    /// The parents of a commit, first parent first; none for one that the clone does not hold.
    pub(super) fn parents(&self, number: Number) -> &[Option<Number>] {
        &self.links[self.starts[number]..self.starts[number + 1]]
    }

    /// The first parent, where there is one and the clone holds it.
    pub(super) fn first_parent(&self, number: Number) -> Option<Number> {
        self.parents(number).first().copied().flatten()
    }

    /// Marks everything reachable from `from` in `seen`, and returns what was not marked before.
    pub(super) fn reach(&self, from: Number, seen: &mut [bool]) -> Vec<Number> {
        let mut reached = Vec::new();
        let mut waiting = vec![from];
        while let Some(number) = waiting.pop() {
            if !std::mem::replace(&mut seen[number], true) {
                reached.push(number);
                waiting.extend(self.parents(number).iter().rev().flatten());
            }
        }
        reached
    }

    /// Makes the ids that messages refer to whole, where they were abbreviated and only one commit fits.
    pub(super) fn complete_references(&mut self) {
        let mut ids: Vec<Oid> = self.commits.iter().map(|commit| commit.oid).collect();
        ids.sort_unstable();
        for commit in &mut self.commits {
            let message = &mut commit.message;
            for id in message.reverted_commits.iter_mut().chain(&mut message.cherry_picked_from) {
                if let Some(whole) = completed(&ids, id) {
                    *id = whole;
                }
            }
        }
    }
}

/// The id that begins so, where exactly one of the sorted `ids` does.
fn completed(ids: &[Oid], beginning: &str) -> Option<String> {
    let from = ids.partition_point(|oid| oid.hex().as_str() < beginning);
    let mut found = ids[from..].iter().map(Oid::hex).take_while(|hex| hex.starts_with(beginning));
    let only = found.next()?;
    found.next().is_none().then_some(only)
}
