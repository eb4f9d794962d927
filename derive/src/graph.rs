//! The commit graph of one repository, and what a revision newly carries.

use std::collections::HashMap;

use lake::tables::commits;

/// Commits by number, with the numbers of their parents.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    numbers: HashMap<String, u32>,
    parents: Vec<Vec<u32>>,
    is_missing_parents: Vec<bool>,
    generation: Vec<u32>,
}

impl Graph {
    /// The graph of these commits, which all belong to one repository. Parents that are not among them are where
    /// the known history ends.
    #[must_use]
    pub fn new<'a>(commits: impl Iterator<Item = &'a commits::Row> + Clone) -> Self {
        let mut numbers = HashMap::new();
        for (number, commit) in commits.clone().enumerate() {
            numbers.insert(commit.commit_sha.clone(), u32::try_from(number).unwrap_or(u32::MAX));
        }
        let mut parents = Vec::with_capacity(numbers.len());
        let mut is_missing_parents = Vec::with_capacity(numbers.len());
        for commit in commits {
            let known: Vec<u32> = commit.parents.iter().filter_map(|parent| numbers.get(parent)).copied().collect();
            is_missing_parents.push(known.len() < commit.parents.len());
            parents.push(known);
        }
        let generation = generations(&parents);
        Self { numbers, parents, is_missing_parents, generation }
    }

    /// The number of a commit.
    #[must_use]
    pub fn number(&self, commit_sha: &str) -> Option<u32> {
        self.numbers.get(commit_sha).copied()
    }

    /// How many commits it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    /// The length of the longest way from a commit to a root: an ancestor's is always smaller.
    #[must_use]
    pub fn generation(&self, number: u32) -> u32 {
        self.generation[number as usize]
    }

    /// Visits every commit that is reachable from `tip` and not yet in `seen`, and adds it. Where the walk leaves
    /// the known history it says so.
    pub fn visit_new(&self, tip: u32, seen: &mut [bool], mut visit: impl FnMut(u32)) -> Walk {
        let mut walk = Walk::default();
        if std::mem::replace(&mut seen[tip as usize], true) {
            return walk;
        }
        let mut open = vec![tip];
        while let Some(number) = open.pop() {
            visit(number);
            walk.new_count += 1;
            walk.left_history |= self.is_missing_parents[number as usize];
            for parent in &self.parents[number as usize] {
                if !std::mem::replace(&mut seen[*parent as usize], true) {
                    open.push(*parent);
                }
            }
        }
        walk
    }

    /// Whether `ancestor` is reachable from `tip`.
    #[must_use]
    pub fn reaches(&self, tip: u32, ancestor: u32) -> bool {
        let floor = self.generation(ancestor);
        let mut seen = std::collections::HashSet::from([tip]);
        let mut open = vec![tip];
        while let Some(number) = open.pop() {
            if number == ancestor {
                return true;
            }
            for parent in &self.parents[number as usize] {
                if self.generation(*parent) >= floor && seen.insert(*parent) {
                    open.push(*parent);
                }
            }
        }
        false
    }
}

/// What a walk met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Commits that were new.
    pub new_count: usize,
    /// A commit has parents that are not among the known ones.
    pub left_history: bool,
}

/// Longest way to a root, per commit, without recursion.
fn generations(parents: &[Vec<u32>]) -> Vec<u32> {
    let mut children: Vec<Vec<u32>> = vec![Vec::new(); parents.len()];
    let mut waiting: Vec<usize> = parents.iter().map(Vec::len).collect();
    for (number, parents) in parents.iter().enumerate() {
        for parent in parents {
            children[*parent as usize].push(u32::try_from(number).unwrap_or(u32::MAX));
        }
    }
    let mut generation = vec![0; parents.len()];
    let mut ready: Vec<usize> = (0..parents.len()).filter(|number| waiting[*number] == 0).collect();
    while let Some(number) = ready.pop() {
        for child in &children[number] {
            let child = *child as usize;
            generation[child] = generation[child].max(generation[number] + 1);
            waiting[child] -= 1;
            if waiting[child] == 0 {
                ready.push(child);
            }
        }
    }
    generation
}

#[cfg(test)]
mod tests;
