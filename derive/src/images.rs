//! From deployed images to the source commits they were built from.
//!
//! Where services are deployed from a repository of configuration, an attempt names a commit of that repository, which
//! is nobody's change. Which source it puts there is told by the images: those that the attempt names itself, and those
//! that were seen to run since it ended. What was learnt of one attempt holds for all attempts of the same revision set,
//! so that a set has the same source whenever, and on whichever target, it is deployed. What cannot be told stays
//! untold; a commit of the configuration never stands in for it.

use std::collections::{BTreeMap, BTreeSet};

use lake::Instant;
use lake::tables::{commits, deployments, image_revisions, inventory};

/// The event tables that say which source is deployed.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Attempts.
    pub deployments: &'a [deployments::Row],
    /// What ran where.
    pub inventory: &'a [inventory::Row],
    /// Which source commit an image was built from.
    pub image_revisions: &'a [image_revisions::Row],
    /// Commits of all repositories, by which shortened commit ids are made whole.
    pub commits: &'a [commits::Row],
}

/// Attempts with their source commits, and those of which none is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolved {
    /// All attempts, in the order they came; `repository@commit` of the source is among their revisions.
    pub deployments: Vec<deployments::Row>,
    /// Ids of deployments that have images, of which none leads to a source commit, or to several of one repository.
    pub unresolved: BTreeSet<String>,
}

/// What one attempt is of: a service, an environment and everything that was asked for.
type SetKey<'a> = (Option<&'a str>, Option<&'a str>, Vec<&'a str>);
/// Where and since when an image was seen to run.
type SeenKey<'a> = (Option<&'a str>, Option<&'a str>, &'a str, Instant);

/// Adds to each attempt the source commits of its images.
#[must_use]
pub fn resolve(inputs: Inputs<'_>) -> Resolved {
    let sources = Sources::new(inputs.image_revisions, inputs.commits);
    let mut running: BTreeMap<SeenKey<'_>, BTreeSet<String>> = BTreeMap::new();
    for row in inputs.inventory.iter().filter(|row| row.kind == "image" && row.since_basis == "deployed") {
        let key = (row.service.as_deref(), row.environment.as_deref(), row.target.as_str(), row.since_at);
        running.entry(key).or_default().extend(keys_of(&row.name, &row.version, row.digest.as_deref()));
    }
    let mut sets: BTreeMap<SetKey<'_>, Images> = BTreeMap::new();
    for row in inputs.deployments {
        let images = sets.entry(set_key(row)).or_default();
        images.named.extend(row.revisions.iter().flat_map(|part| keys_of_part(part)));
        if let Some(finished_at) = row.finished_at {
            let key = (row.service.as_deref(), row.environment.as_deref(), row.target.as_str(), finished_at);
            images.seen.extend(running.get(&key).into_iter().flatten().cloned());
        }
    }
    let parts: BTreeMap<SetKey<'_>, (BTreeSet<String>, bool)> = sets
        .into_iter()
        .map(|(key, images)| {
            let found = sources.parts(&images, &key.2);
            (key, found)
        })
        .collect();
    let mut resolved = Resolved::default();
    for row in inputs.deployments {
        let (found, is_missing) = &parts[&set_key(row)];
        let mut row = row.clone();
        row.revisions.extend(found.iter().cloned());
        if *is_missing {
            resolved.unresolved.insert(row.deployment_id.clone());
        }
        resolved.deployments.push(row);
    }
    resolved
}

/// The images of one revision set, by every name that `image_revisions` may know them by.
#[derive(Clone, Debug, Default)]
struct Images {
    /// Parts of the set itself.
    named: BTreeSet<String>,
    /// Seen to run.
    seen: BTreeSet<String>,
}

fn set_key(row: &deployments::Row) -> SetKey<'_> {
    let mut parts: Vec<&str> = row.revisions.iter().map(String::as_str).collect();
    parts.sort_unstable();
    parts.dedup();
    (row.service.as_deref(), row.environment.as_deref(), parts)
}

/// The names of an image of that version: `name@digest` and `name:tag`.
fn keys_of(name: &str, version: &str, digest: Option<&str>) -> Vec<String> {
    let by_digest = digest.map(|digest| format!("{name}@{digest}"));
    let by_tag = (!version.contains(':')).then(|| format!("{name}:{version}"));
    by_digest.into_iter().chain(by_tag).collect()
}

/// The names under which a part of a revision set may be known as an image.
fn keys_of_part(part: &str) -> Vec<String> {
    let by_tag = part.rsplit_once('@').filter(|(_, version)| !version.contains(':'));
    let by_tag = by_tag.map(|(name, version)| format!("{name}:{version}"));
    [part.to_owned()].into_iter().chain(by_tag).collect()
}

/// Source commits by image, and the whole ids of shortened ones.
struct Sources<'a> {
    /// Every image that anybody tried to resolve, with the surest answer, if there is one and no other is as sure.
    answers: BTreeMap<&'a str, Option<(&'a str, &'a str)>>,
    commits: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Sources<'a> {
    fn new(image_revisions: &'a [image_revisions::Row], commits: &'a [commits::Row]) -> Self {
        let mut by_image: BTreeMap<&str, Vec<&image_revisions::Row>> = BTreeMap::new();
        for row in image_revisions {
            by_image.entry(&row.image).or_default().push(row);
        }
        let commits: BTreeSet<(&str, &str)> =
            commits.iter().map(|commit| (commit.repository.as_str(), commit.commit_sha.as_str())).collect();
        let answers = by_image.into_iter().map(|(image, rows)| (image, surest(&rows))).collect();
        Self { answers, commits }
    }

    /// The source parts that images lead to, and whether there are images of which none is known. A repository of which
    /// they name several commits is not known: nobody can say which of them the set stands for.
    fn parts(&self, images: &Images, own: &[&str]) -> (BTreeSet<String>, bool) {
        let mut by_repository: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let mut has_images = false;
        for image in images.named.union(&images.seen) {
            let Some(answer) = self.answers.get(image.as_str()) else { continue };
            has_images = true;
            if let Some((repository, commit)) = answer {
                by_repository.entry(repository).or_default().insert(self.whole(repository, commit));
            }
        }
        let names_source =
            |repository: &str| own.iter().any(|part| part.rsplit_once('@').is_some_and(|(name, _)| name == repository));
        let found: BTreeSet<String> = by_repository
            .into_iter()
            .filter(|(repository, commits)| commits.len() == 1 && !names_source(repository))
            .flat_map(|(repository, commits)| commits.into_iter().map(move |commit| format!("{repository}@{commit}")))
            .collect();
        let is_missing = has_images && found.is_empty();
        (found, is_missing)
    }

    /// The whole id of a commit, if exactly one known commit of the repository begins like that.
    fn whole(&self, repository: &str, commit: &str) -> String {
        let mut begun = self
            .commits
            .range((repository, commit)..)
            .take_while(|(known, sha)| *known == repository && sha.starts_with(commit))
            .map(|(_, sha)| *sha);
        match (begun.next(), begun.next()) {
            (Some(only), None) => only.to_owned(),
            _ => commit.to_owned(),
        }
    }
}

/// The surest answer; none where two that disagree are equally sure. A shorter id agrees with the longer one it begins.
fn surest<'a>(rows: &[&'a image_revisions::Row]) -> Option<(&'a str, &'a str)> {
    let answers = || {
        rows.iter().filter_map(|row| {
            Some((row.confidence, row.repository.as_deref()?, row.commit_sha.as_deref().filter(|sha| !sha.is_empty())?))
        })
    };
    let best = answers().map(|(confidence, _, _)| confidence).max_by(f64::total_cmp)?;
    let mut sure: Vec<(&str, &str)> = answers()
        .filter(|(confidence, _, _)| confidence.total_cmp(&best).is_eq())
        .map(|(_, repository, commit)| (repository, commit))
        .collect();
    sure.sort_by_key(|(repository, commit)| (std::cmp::Reverse(commit.len()), *repository, *commit));
    let longest = *sure.first()?;
    let agree = sure.iter().all(|(repository, commit)| *repository == longest.0 && longest.1.starts_with(commit));
    agree.then_some(longest)
}

#[cfg(test)]
mod tests;
