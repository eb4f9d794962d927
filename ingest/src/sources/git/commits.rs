//! Raw commit and tag objects. Nothing here can fail: what is malformed is absent.

use std::borrow::Cow;

use super::ident::Ident;
use super::oid::Oid;

/// What a raw commit object says.
#[derive(Clone, Debug, Default)]
pub(super) struct RawCommit<'a> {
    /// The tree it records.
    pub(super) tree: Option<Oid>,
    /// Its parents, first parent first.
    pub(super) parents: Vec<Oid>,
    /// Who wrote it and when.
    pub(super) author: Option<Ident<'a>>,
    /// Who made this object and when.
    pub(super) committer: Option<Ident<'a>>,
    /// Character set of the message, where it is not UTF-8.
    pub(super) encoding: Option<&'a [u8]>,
    /// The message, up to the first NUL, where git stops too.
    pub(super) message: &'a [u8],
}

/// What a raw tag object says.
#[derive(Clone, Debug, Default)]
pub(super) struct RawTag<'a> {
    /// The object it points at, which may be a tag again.
    pub(super) target: Option<Oid>,
    /// Who tagged and when; tags made before git 0.99.1 have none.
    pub(super) tagger: Option<Ident<'a>>,
}

/// Reads the content of a commit object.
pub(super) fn commit(content: &[u8]) -> RawCommit<'_> {
    let (headers, message) = split(content);
    let mut commit = RawCommit { message, ..RawCommit::default() };
    for (key, value) in headers {
        match key {
            b"tree" if commit.tree.is_none() => commit.tree = Oid::parse(value),
            // A parent after the author line is no parent to git either.
            b"parent" if commit.author.is_none() => commit.parents.extend(Oid::parse(value)),
            b"author" if commit.author.is_none() => commit.author = Some(Ident::parse(value)),
            b"committer" if commit.committer.is_none() => commit.committer = Some(Ident::parse(value)),
            b"encoding" if commit.encoding.is_none() => commit.encoding = Some(value),
            _ => {}
        }
    }
    commit
}

/// Reads the content of a tag object.
pub(super) fn tag(content: &[u8]) -> RawTag<'_> {
    let mut tag = RawTag::default();
    for (key, value) in split(content).0 {
        match key {
            b"object" if tag.target.is_none() => tag.target = Oid::parse(value),
            b"tagger" if tag.tagger.is_none() => tag.tagger = Some(Ident::parse(value)),
            _ => {}
        }
    }
    tag
}

/// Key and value.
type Header<'a> = (&'a [u8], &'a [u8]);

/// Splits an object into its headers and its message. A line that begins with a blank continues a header (a signature,
/// a merged tag) and is left out.
fn split(content: &[u8]) -> (Vec<Header<'_>>, &[u8]) {
    let mut headers = Vec::with_capacity(6);
    let mut rest = content;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        if line.is_empty() {
            break;
        }
        if let Some(blank) = line.iter().position(|byte| *byte == b' ').filter(|at| *at > 0) {
            headers.push((&line[..blank], &line[blank + 1..]));
        }
    }
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    (headers, &rest[..end])
}

/// Decodes a message. Character sets other than UTF-8 and Latin-1 are read as UTF-8, with replacement characters.
pub(super) fn decode<'a>(message: &'a [u8], encoding: Option<&[u8]>) -> Cow<'a, str> {
    const LATIN_1: [&str; 8] =
        ["iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1", "iso-8859-15", "windows-1252", "cp1252"];
    let label = encoding.map(|label| String::from_utf8_lossy(label).trim().to_ascii_lowercase());
    match label {
        Some(label) if LATIN_1.contains(&label.as_str()) => message.iter().map(|byte| char::from(*byte)).collect(),
        _ => String::from_utf8_lossy(message),
    }
}
