//! Where each tag stands, and where it stood when it was read before.

use std::collections::BTreeMap;

use lake::Instant;
use serde::{Deserialize, Serialize};

use crate::authorship::Pseudonym;
use super::ident::Stamp;
use super::oid::Oid;
use super::walk::History;

/// A commit that a tag points at, or pointed at.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    /// The commit.
    pub(super) commit_sha: String,
    /// Whether the tag is an object of its own.
    pub(super) is_annotated: bool,
    /// The tagger's time, else the commit's.
    pub(super) released_at: Instant,
    /// Whether `released_at` is the tagger's time.
    pub(super) is_by_tagger: bool,
    /// Pseudonym of the tagger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tagger_id: Option<String>,
}

/// What is remembered between two readings: every place each tag was seen at, the latest last.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    format_version: u32,
    tags: BTreeMap<String, Vec<Place>>,
}

const FORMAT_VERSION: u32 = 1;

impl Memory {
    /// Reads what an earlier reading left; none where it cannot be understood.
    pub(super) fn read(cursor: Option<&str>) -> Option<Self> {
        let Some(cursor) = cursor else { return Some(Self::default()) };
        serde_json::from_str(cursor).ok().filter(|memory: &Self| memory.format_version == FORMAT_VERSION)
    }

    /// The text to remember it by.
    pub(super) fn text(mut self) -> String {
        self.format_version = FORMAT_VERSION;
        serde_json::to_string(&self).expect("a map of names to places is JSON")
    }

    /// The commits that tags of these names were seen at.
    pub(super) fn commits_of<'a>(&'a self, tags: impl Iterator<Item = &'a str>) -> impl Iterator<Item = Oid> {
        tags.filter_map(|tag| self.tags.get(tag)).flatten().filter_map(|place| Oid::parse(place.commit_sha.as_bytes()))
    }

    /// Remembers where a tag stands now, and returns all its places, this one last.
    pub(super) fn see(&mut self, tag: &str, place: Place) -> &[Place] {
        let places = self.tags.entry(tag.to_owned()).or_default();
        places.retain(|known| known.commit_sha != place.commit_sha);
        places.push(place);
        places
    }
}

/// Where a tag points in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peeled {
    /// At a commit.
    Commit(Place),
    /// At something else, or at nothing that the clone holds; in words.
    Other(String),
}

/// Follows a tag to its commit, through as many tag objects as there are.
pub(super) fn peel(history: &History, at: Oid) -> Peeled {
    let outer = history.tags.get(&at);
    let mut target = at;
    // A chain of tags cannot be longer than there are tags; a hostile one cannot be a circle, but costs nothing to end.
    for _ in 0..=history.tags.len() {
        match history.tags.get(&target) {
            Some(tag) => target = tag.target,
            None => break,
        }
    }
    let Some(number) = history.graph.number(&target) else {
        return Peeled::Other(match history.others.get(&target) {
            Some(kind) => format!("it points at a {kind}"),
            None => format!("the clone does not hold `{}`", target.short(12)),
        });
    };
    let stamp: Option<Stamp> = outer.and_then(|tag| tag.stamp);
    Peeled::Commit(Place {
        commit_sha: target.hex(),
        is_annotated: outer.is_some(),
        released_at: stamp.map_or_else(|| history.graph.commit(number).committed_at(), Stamp::at),
        is_by_tagger: stamp.is_some(),
        tagger_id: outer.and_then(|tag| tag.tagger).map(Pseudonym::text),
    })
}
