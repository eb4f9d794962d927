//! Which source commit an image was built from, by everything that can tell.

use std::collections::BTreeMap;
use std::path::Path;

use lake::{Instant, tables::image_revisions};
use regex::Regex;

use super::config::{Config, Images, TagRule};
use super::image::Image;
use super::parts::{Parts, is_commit, repository_path};
use super::place::pattern;
use super::wire::{Application, RevisionMetadata};
use crate::{SourceError, SourceErrorKind};

/// The ways from an image to its source commit, understood.
pub(super) struct Resolver {
    own: Vec<Regex>,
    tags: Vec<(Option<Regex>, Regex, String)>,
    built: BTreeMap<String, (String, String)>,
    commit_key: String,
    repository_key: String,
}

/// One answer.
struct Answer {
    method: &'static str,
    repository: String,
    commit_sha: String,
    confidence: f64,
}

impl Resolver {
    /// Understands the settings, and reads the file they may name.
    ///
    /// # Errors
    /// [`SourceError`] that names the pattern, or the line, which is none.
    pub(super) fn new(config: &Config) -> Result<Self, SourceError> {
        let Images { own, tags, file, commit_key, repository_key } = &config.images;
        Ok(Self {
            own: own.iter().map(|text| pattern(text)).collect::<Result<_, _>>()?,
            tags: tags.iter().map(tag_rule).collect::<Result<_, _>>()?,
            built: file.as_deref().map(built).transpose()?.unwrap_or_default(),
            commit_key: commit_key.clone(),
            repository_key: repository_key.clone(),
        })
    }

    /// Whether an image is built from source of our own.
    pub(super) fn is_own(&self, image: &Image) -> bool {
        self.own.is_empty() || self.own.iter().any(|pattern| pattern.is_match(&image.name))
    }

    /// What is known of the images of an application: a row for each way that gave an answer, and one that says so
    /// where none did. `deployed` are those of its last sync, of which its annotations speak.
    pub(super) fn rows(
        &self,
        application: &Application,
        parts: &Parts,
        deployed: &[Image],
        earlier: &[Image],
    ) -> Vec<image_revisions::Row> {
        let at = application.status.reconciled_at;
        let own: Vec<&Image> = deployed.iter().filter(|image| self.is_own(image)).collect();
        let is_only = own.iter().all(|image| image.name == own[0].name);
        let mut rows = Vec::new();
        for image in own {
            let said = self.said(application, parts, is_only);
            rows.extend(self.answers(image, said, at));
        }
        for image in earlier.iter().filter(|image| self.is_own(image) && !deployed.contains(image)) {
            rows.extend(self.answers(image, None, at));
        }
        rows
    }

    fn answers(&self, image: &Image, said: Option<Answer>, at: Option<Instant>) -> Vec<image_revisions::Row> {
        let answers = [said, self.built(image), self.tagged(image)];
        let mut rows: Vec<image_revisions::Row> =
            answers.into_iter().flatten().map(|answer| row(image, Some(answer), at)).collect();
        if rows.is_empty() {
            rows.push(row(image, None, at));
        }
        rows
    }

    /// What annotations or labels of the application say.
    fn said(&self, application: &Application, parts: &Parts, is_only: bool) -> Option<Answer> {
        let metadata = &application.metadata;
        let holders = [("annotation", &metadata.annotations), ("label", &metadata.labels)];
        let (method, commit) =
            holders.iter().find_map(|(method, holder)| Some((*method, holder.get(&self.commit_key)?)))?;
        let repository = holders.iter().find_map(|(_, holder)| holder.get(&self.repository_key))?;
        is_abbreviated(commit).then(|| Answer {
            method,
            repository: parts.repository(repository).0,
            commit_sha: commit.to_ascii_lowercase(),
            // Said of the application: with several images it may not hold for each.
            confidence: if is_only { 0.9 } else { 0.7 },
        })
    }

    /// What the file says.
    fn built(&self, image: &Image) -> Option<Answer> {
        let by_tag = image.tag.as_ref().map(|tag| format!("{}:{tag}", image.name));
        let (repository, commit_sha) =
            self.built.get(&image.key()).or_else(|| self.built.get(by_tag.as_deref().unwrap_or_default()))?;
        Some(Answer {
            method: "rule",
            repository: repository.clone(),
            commit_sha: commit_sha.clone(),
            confidence: 0.95,
        })
    }

    /// What the tag says.
    fn tagged(&self, image: &Image) -> Option<Answer> {
        let tag = image.tag.as_deref()?;
        self.tags.iter().find_map(|(name, pattern, repository)| {
            let commit_sha = pattern.captures(tag)?.name("sha")?.as_str().to_ascii_lowercase();
            let mut repository = repository.clone();
            if let Some(name) = name {
                let found = name.captures(&image.name)?;
                for group in name.capture_names().flatten() {
                    let text = found.name(group).map_or("", |text| text.as_str());
                    repository = repository.replace(&format!("{{{group}}}"), text);
                }
            }
            let confidence = if is_commit(&commit_sha) { 0.9 } else { 0.85 };
            is_abbreviated(&commit_sha).then_some(Answer { method: "tag", repository, commit_sha, confidence })
        })
    }
}

/// What the references of a configuration commit say: `part` is the commit as it stands among revisions.
pub(super) fn referenced(
    part: &str,
    revision: &str,
    metadata: &RevisionMetadata,
    parts: &Parts,
    at: Option<Instant>,
) -> Vec<image_revisions::Row> {
    let commits = metadata.references.iter().map(|reference| &reference.commit);
    let mut known: Vec<(String, String)> = commits
        .filter(|commit| is_abbreviated(&commit.sha) && !commit.repository_url.is_empty())
        .map(|commit| (parts.repository(&commit.repository_url).0, commit.sha.to_ascii_lowercase()))
        .collect();
    known.sort();
    known.dedup();
    // Several commits could belong to several images; then none is said of all.
    let [(repository, commit_sha)] = known.as_slice() else { return Vec::new() };
    vec![image_revisions::Row {
        image: part.to_owned(),
        name: part.rsplit_once('@').map_or(part, |(name, _)| name).to_owned(),
        tag: Some(revision.to_owned()),
        digest: None,
        repository: Some(repository.clone()),
        commit_sha: Some(commit_sha.clone()),
        method: "revision_metadata".to_owned(),
        confidence: 0.95,
        resolved_at: at,
    }]
}

fn row(image: &Image, answer: Option<Answer>, at: Option<Instant>) -> image_revisions::Row {
    let (method, confidence) = answer.as_ref().map_or(("unresolved", 0.0), |answer| (answer.method, answer.confidence));
    let (repository, commit_sha) = answer.map(|answer| (answer.repository, answer.commit_sha)).unzip();
    image_revisions::Row {
        image: image.key(),
        name: image.name.clone(),
        tag: image.tag.clone(),
        digest: image.digest.clone(),
        repository,
        commit_sha,
        method: method.to_owned(),
        confidence,
        resolved_at: at,
    }
}

/// A commit id, or at least its first seven digits.
fn is_abbreviated(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn tag_rule(rule: &TagRule) -> Result<(Option<Regex>, Regex, String), SourceError> {
    let tag = pattern(&rule.tag)?;
    if !tag.capture_names().flatten().any(|name| name == "sha") {
        let told = SourceErrorKind::Settings("it has no group `sha`, such as in `^main-(?P<sha>[0-9a-f]{7,40})$`".into());
        return Err(SourceError::new(format!("could not understand the pattern `{}`", rule.tag), told));
    }
    Ok((rule.image.as_deref().map(pattern).transpose()?, tag, rule.repository.clone()))
}

/// The images that a build wrote down, with repository and commit.
fn built(path: &Path) -> Result<BTreeMap<String, (String, String)>, SourceError> {
    let doing = || format!("could not read the images of `{}`", path.display());
    let content = std::fs::read(path).map_err(|error| SourceError::new(doing(), error))?;
    let wrong = |why: String| SourceError::new(doing(), SourceErrorKind::Input(why));
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(content.as_slice());
    let headers = reader.headers().map_err(|error| wrong(error.to_string()))?.clone();
    let column = |name: &str| {
        headers.iter().position(|header| header == name).ok_or_else(|| wrong(format!("the column `{name}` is missing")))
    };
    let (image, repository, commit) = (column("image")?, column("repository")?, column("commit")?);
    let mut built = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| wrong(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |at: usize| record.get(at).unwrap_or_default().to_owned();
        let known = Image::parse(&cell(image)).filter(|image| image.version().is_some());
        let (Some(known), true) = (known, is_abbreviated(&cell(commit))) else {
            return Err(wrong(format!("line {line}: `image` has to be `name:tag` or `name@digest`, `commit` a commit id")));
        };
        // Of two lines for one image the later counts, as it was appended later.
        built.insert(known.key(), (name_of(&cell(repository)), cell(commit).to_ascii_lowercase()));
    }
    Ok(built)
}

/// A repository as other sources name it, of a name or an address.
fn name_of(repository: &str) -> String {
    if repository.contains("://") || repository.contains('@') { repository_path(repository) } else { repository.to_owned() }
}
