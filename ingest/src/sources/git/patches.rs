//! Ids of patches, for commits that may be copies of each other: a rebase or a cherry-pick keeps author and author time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use super::graph::{Graph, Number};
use super::oid::Oid;
use super::program::Program;
use crate::SourceErrorKind;

/// The commits that share author and author time with another one; merges have no patch.
pub(super) fn candidates(graph: &Graph) -> BTreeSet<Number> {
    let mut groups: BTreeMap<_, Vec<Number>> = BTreeMap::new();
    for (number, commit) in graph.commits().iter().enumerate().filter(|(_, commit)| !commit.is_merge()) {
        groups.entry((commit.author, commit.authored.seconds)).or_default().push(number);
    }
    groups.into_values().filter(|group| group.len() > 1).flatten().collect()
}

/// The patch id of each of `commits`; one without changes has none. The complaint is that of a git which could not read
/// a file, behind which no more ids come.
pub(super) fn ids(
    program: &Program,
    commits: Vec<Oid>,
) -> Result<(BTreeMap<Oid, String>, Option<String>), SourceErrorKind> {
    let mut ids = BTreeMap::new();
    if commits.is_empty() {
        return Ok((ids, None));
    }
    let mut git = program.start_pipe(
        &["diff-tree", "--stdin", "-p", "--root", "--no-renames", "--full-index", "--no-ext-diff", "--no-textconv"],
        &["patch-id", "--stable"],
    )?;
    git.feed(commits.into_iter());
    let (mut line, mut last) = (Vec::new(), None);
    while git.output.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(line.trim_ascii()).into_owned();
        if let Some((patch, commit)) = text.split_once(' ')
            && let Some(commit) = Oid::parse(commit.as_bytes())
        {
            ids.insert(commit, patch.to_owned());
            last = Some(commit);
        }
        line.clear();
    }
    let complaint = git.finish()?.err();
    if let (Some(_), Some(last)) = (&complaint, last) {
        // It may be the id of half a patch.
        ids.remove(&last);
    }
    Ok((ids, complaint))
}
