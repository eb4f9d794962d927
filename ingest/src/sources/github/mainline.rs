//! Where a long branch is cut, found while its commits pass by, newest first, and none is held.
//!
//! Each cut is a commit of the branch itself, seen along first parents, so that what one piece holds never depends on
//! another. A rebase writes its commits at once, and is not cut in two.

use lake::Instant;
use serde::{Deserialize, Serialize};

use super::commit::Facts;

/// Commits of a branch that were made so far apart were not made by one rebase.
const APART_MICROS: i64 = 60 * Instant::MICROS;

/// The way down the branch.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Mainline {
    /// The next commit of the branch; none where it has come to its beginning.
    next: Option<String>,
    /// When the one before was made.
    made_at: Option<Instant>,
    /// How many commits, of the branch or beside it, passed since the last cut.
    passed: usize,
    /// How many passed since the last commit of the branch.
    passed_beside: usize,
    /// The cuts, newest first.
    cuts: Vec<String>,
}

impl Mainline {
    /// The branch that ends at `head`.
    pub(super) fn new(head: &str) -> Self {
        Self { next: Some(head.to_owned()), made_at: None, passed: 0, passed_beside: 0, cuts: Vec::new() }
    }

    /// Sees the next older commit; pieces shall have `size` commits.
    pub(super) fn pass(&mut self, facts: &Facts, size: usize) {
        if self.next.as_ref() == Some(&facts.row.commit_sha) {
            self.step(facts, size);
        } else {
            self.passed_beside += 1;
        }
        self.passed += 1;
    }

    fn step(&mut self, facts: &Facts, size: usize) {
        let row = &facts.row;
        let is_apart = self.made_at.is_some_and(|at| at.0 - row.committed_at.0 >= APART_MICROS);
        if (self.passed >= size && is_apart) || self.passed >= 2 * size {
            self.cuts.push(row.commit_sha.clone());
            self.passed = 0;
        }
        self.made_at = Some(row.committed_at);
        self.passed_beside = 0;
        self.next = row.parents.first().cloned();
    }

    /// The commit that should have passed long ago: clocks that differ let a parent look younger than its child.
    pub(super) fn missed(&self, size: usize) -> Option<&str> {
        self.next.as_deref().filter(|_| self.passed_beside >= 2 * size)
    }

    /// Steps over a commit that had passed before it was looked for.
    pub(super) fn catch_up(&mut self, facts: &Facts, size: usize) {
        self.step(facts, size);
        self.passed_beside = 2 * size;
    }

    /// Looks for the next commit among those that still come.
    pub(super) fn caught_up(&mut self) {
        self.passed_beside = 0;
    }

    /// Where the branch goes on below all that passed.
    pub(super) fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// The cuts, oldest first.
    pub(super) fn cuts(&self) -> impl Iterator<Item = &str> {
        self.cuts.iter().rev().map(String::as_str)
    }
}
