//! Which paths each commit touched, from one `git diff-tree` over all of them.

use std::io::BufRead;

use super::oid::Oid;
use super::program::{Program, Running};
use crate::SourceErrorKind;

/// How often git is started again behind a commit whose trees it could not read.
const ATTEMPTS: usize = 32;

/// The mode of a submodule, whose id is a commit of another repository.
const SUBMODULE: &[u8] = b"160000";

/// One path that one commit touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Touch {
    /// The commit.
    pub(super) commit: Oid,
    /// The path; bytes that are not UTF-8 are replaced.
    pub(super) path: String,
    /// What happened to it, as the table says it.
    pub(super) path_change: &'static str,
    /// The file before and after, where there is one and it is no submodule.
    pub(super) blobs: [Option<Oid>; 2],
}

/// Reads the paths of `commits`, in that order, and returns the commits whose trees could not be read.
pub(super) fn read(
    program: &Program,
    commits: &[Oid],
    each: &mut dyn FnMut(Touch) -> Result<(), SourceErrorKind>,
) -> Result<Vec<Oid>, SourceErrorKind> {
    let mut unread = Vec::new();
    let mut rest = commits;
    for _ in 0..ATTEMPTS {
        if rest.is_empty() {
            return Ok(unread);
        }
        let mut git = program.start(&[
            "diff-tree",
            "--stdin",
            "-r",
            "--raw",
            "-z",
            "--root",
            "--always",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
        ])?;
        let ids = rest.to_vec();
        git.feed(ids.into_iter());
        let read_count = touches(&mut git, each)?;
        if git.finish()?.is_ok() {
            return Ok(unread);
        }
        // The ids come back in order, so the one that is missing is the one git ended at.
        let (failed, after) = rest.get(read_count..).and_then(<[Oid]>::split_first).unzip();
        unread.extend(failed);
        rest = after.unwrap_or_default();
    }
    unread.extend_from_slice(rest);
    Ok(unread)
}

/// Reads `id NUL (:mode mode id id status NUL path NUL)*` and returns how many ids came.
fn touches(
    git: &mut Running,
    each: &mut dyn FnMut(Touch) -> Result<(), SourceErrorKind>,
) -> Result<usize, SourceErrorKind> {
    let (mut record, mut path) = (Vec::new(), Vec::new());
    let mut commit = None;
    let mut replaced = std::collections::HashSet::new();
    let mut count = 0;
    while git.output.read_until(0, &mut record)? > 0 {
        let text = record.strip_suffix(&[0]).unwrap_or(&record);
        if let Some(raw) = text.strip_prefix(b":") {
            path.clear();
            git.output.read_until(0, &mut path)?;
            if path.pop() != Some(0) {
                // Git ended in the middle of a path; its commit is counted as read, so say so.
                return Err(SourceErrorKind::Program("git ended in the middle of a path".into()));
            }
            if let (Some(commit), Some((path_change, blobs))) = (commit, parse(raw)) {
                let touch = Touch { commit, path: String::from_utf8_lossy(&path).into_owned(), path_change, blobs };
                // Two paths may differ only in bytes that were replaced; the table has one row for both.
                let is_new = !touch.path.contains(char::REPLACEMENT_CHARACTER) || replaced.insert(touch.path.clone());
                if is_new {
                    each(touch)?;
                }
            }
        } else if let Some(oid) = Oid::parse(text.trim_ascii()) {
            commit = Some(oid);
            replaced.clear();
            count += 1;
        }
        record.clear();
    }
    Ok(count)
}

/// Reads `mode mode id id status`.
fn parse(raw: &[u8]) -> Option<(&'static str, [Option<Oid>; 2])> {
    let words: Vec<&[u8]> = raw.split(|byte| *byte == b' ').collect();
    let [old_mode, new_mode, old, new, status] = words[..] else { return None };
    let blob = |mode: &[u8], oid: &[u8]| Oid::parse(oid).filter(|oid| mode != SUBMODULE && !oid.is_null());
    let path_change = match status.first()? {
        b'A' => "added",
        b'M' => "modified",
        b'D' => "deleted",
        b'T' => "type_changed",
        _ => return None,
    };
    Some((path_change, [blob(old_mode, old), blob(new_mode, new)]))
}
