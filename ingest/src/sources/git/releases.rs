//! Which tags are releases to production, in which version, of which service.

use regex::Regex;

use super::clone::Clone;
use super::config::Config;
use super::prerelease::is_prerelease;
use super::tags::{Memory, Peeled, Place, peel};
use super::walk::History;
use crate::{SourceError, SourceErrorKind};

/// The rule for tags.
#[derive(Debug)]
pub(super) struct Rule {
    pattern: Regex,
    counts_prereleases: bool,
}

/// What the rule says about one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The tag matches the rule.
    pub(super) is_match: bool,
    /// The version, or the tag where the rule names none.
    pub(super) version: String,
    /// The service, where the rule names one.
    pub(super) service: Option<String>,
    /// It is a pre-release.
    pub(super) is_prerelease: bool,
    /// It is a release to production.
    pub(super) is_production: bool,
}

impl Rule {
    /// The rule of the settings.
    pub(super) fn new(config: &Config) -> Result<Self, SourceError> {
        let pattern = Regex::new(&config.releases).map_err(|error| {
            let broken = SourceErrorKind::Settings(error.to_string());
            SourceError::new(format!("could not understand the release rule `{}`", config.releases), broken)
                .with_hint(r"the rule for releases is a regular expression such as `^v(?P<version>\d+\.\d+\.\d+.*)$`")
        })?;
        Ok(Self { pattern, counts_prereleases: config.prereleases })
    }

    /// Reads a tag.
    pub(super) fn read(&self, tag: &str) -> Reading {
        let found = self.pattern.captures(tag);
        let group = |name: &str| {
            found
                .as_ref()
                .and_then(|groups| groups.name(name))
                .map(|text| text.as_str())
                .filter(|text| !text.is_empty())
        };
        let version = group("version").unwrap_or(tag).to_owned();
        let is_prerelease = is_prerelease(&version);
        Reading {
            is_match: found.is_some(),
            service: group("service").map(str::to_owned),
            is_prerelease,
            is_production: found.is_some() && (!is_prerelease || self.counts_prereleases),
            version,
        }
    }

    /// Whether a tag itself can name the service.
    pub(super) fn names_services(&self) -> bool {
        self.pattern.capture_names().flatten().any(|name| name == "service")
    }
}

/// One place of one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Release {
    /// Name of the tag.
    pub(super) tag: String,
    /// What the rule says about it.
    pub(super) reading: Reading,
    /// Where it stands, or stood.
    pub(super) place: Place,
    /// It has since moved elsewhere.
    pub(super) has_moved: bool,
}

/// All releases, and the tags that should be releases and are not.
#[derive(Debug)]
pub(super) struct Releases {
    /// Every place of every tag, by name of the tag.
    pub(super) list: Vec<Release>,
    /// Tags that match the rule and point at no commit, each with the reason.
    pub(super) left_out: Vec<(String, String)>,
}

/// Reads all tags, and remembers in `memory` where they stand.
pub(super) fn releases(
    clone: &Clone,
    history: &History,
    rule: &Rule,
    memory: &mut Memory,
) -> Result<Releases, SourceError> {
    let mut found = Releases { list: Vec::new(), left_out: Vec::new() };
    let mut has_match = false;
    for (tag, oid) in clone.tags() {
        let reading = rule.read(tag);
        has_match |= reading.is_match;
        match peel(history, oid) {
            Peeled::Commit(place) => {
                let places = memory.see(tag, place);
                found.list.extend(places.iter().enumerate().map(|(at, place)| Release {
                    tag: tag.to_owned(),
                    reading: reading.clone(),
                    place: place.clone(),
                    has_moved: at + 1 < places.len(),
                }));
            }
            Peeled::Other(reason) if reading.is_match => found.left_out.push((tag.to_owned(), reason)),
            Peeled::Other(_) => {}
        }
    }
    if has_match { Ok(found) } else { Err(no_match(clone, rule)) }
}

fn no_match(clone: &Clone, rule: &Rule) -> SourceError {
    let nothing = SourceErrorKind::Settings(format!("no tag matches `{}`", rule.pattern.as_str()));
    let error = SourceError::new(format!("could not find a release in `{}`", clone.path), nothing);
    let count = clone.tags().count();
    let some: Vec<String> = clone.tags().map(|(tag, _)| format!("`{tag}`")).take(5).collect();
    match (&clone.tags_left_out, some.is_empty()) {
        (Some(why), true) => error.with_hint(format!("there are no tags: {why}; try `git fetch --tags`")),
        (None, true) => error.with_hint("there are no tags; if the remote has some, try `git fetch --tags`"),
        (_, false) if count > 5 => error.with_hint(format!("the {count} tags are such as {}", some.join(", "))),
        (_, false) => error.with_hint(format!("the tags are {}", some.join(", "))),
    }
}
