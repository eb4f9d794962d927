//! Releases, and tags where the settings say that they are releases, too.
//!
//! `created_at` of a release is the time of its commit; it was released when it was published. Which commit its tag
//! stands at is told by the list of tags.

use std::collections::BTreeMap;

use lake::Instant;
use lake::tables::{deployments, releases};

use super::api::PER_PAGE;
use super::rules::{Release as Rule, Rules};
use super::work::{Repo, Span, Trouble, Work, account_of, remember, remember_page, remembered, validator};
use super::{commit, wire};
use crate::http::HttpError;
use crate::sources::git::is_prerelease;
use crate::{Ledger, Sink};

/// The tables of this stream.
pub(super) const COVERS: &[&str] = &["releases"];
/// The tables where releases are deployments.
pub(super) const COVERS_DEPLOYMENTS: &[&str] = &["releases", "deployments"];

/// Most tags that a tag may point at one after the other.
const TAGS_OF_TAGS: usize = 8;

/// The tables of this stream under these settings.
pub(super) fn covers(config: &super::config::Config) -> &'static [&'static str] {
    if config.releases.is_none() { COVERS } else { COVERS_DEPLOYMENTS }
}

/// One release.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Released {
    tag: String,
    commit_sha: String,
    at: Instant,
    basis: &'static str,
    tag_kind: &'static str,
    is_prerelease: bool,
    has_moved: bool,
    actor_id: Option<String>,
    evidence: &'static str,
}

/// Reads the releases of one repository. Both lists are short, and their items change without moving, so they are read
/// whole where anything changed.
pub(super) async fn read(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
) -> Result<(), Trouble> {
    let stream = repo.stream("releases");
    work.reporter.begin(&format!("reading releases of `{}`", repo.full_name), None);
    let first = repo.url(&work.api, &["releases"], &[("per_page", PER_PAGE)]);
    let wants_tags = work.rules.release.as_ref().is_some_and(|rule| rule.rule.tags);
    let entry = repo.entry(ledger, "releases", covers(work.config));
    // The validator speaks of the first page alone, and of no tag.
    let has_more: bool = remembered(entry, "has_more").unwrap_or(true);
    let may_skip = !span.is_asked && !has_more && !wants_tags && entry.watermark.is_some();
    let seen = validator(entry, &first, work.config).filter(|_| may_skip);
    let Some(mut page) = work.api.page_unless::<wire::Release>(first.clone(), "releases", seen).await? else {
        return Ok(());
    };
    let (validator, has_more) = (page.validator.clone(), page.next.is_some());
    let mut found = Vec::new();
    loop {
        let entry = repo.entry(ledger, "releases", covers(work.config));
        work.note_broken(entry, &stream, &page.broken);
        let sha = sink.page(page.raw.to_vec());
        found.extend(page.items.drain(..).map(|release| (release, sha.clone())));
        let Some(next) = page.next.take() else { break };
        page = work.api.page(next, "releases").await?;
    }
    let tags = if found.is_empty() && !wants_tags { BTreeMap::new() } else { tags(work, repo, ledger, sink).await? };
    let entry = repo.entry(ledger, "releases", covers(work.config));
    let mut places: BTreeMap<String, String> = remembered(entry, "places").unwrap_or_default();
    // A tag may be pushed long after it was made.
    let oldest = entry.read.iter().map(|(start, _)| start).chain([span.from]).min().unwrap_or(span.from);
    let published: Vec<(wire::Release, String)> =
        found.into_iter().filter(|(release, _)| !release.draft && release.published_at.is_some()).collect();
    for (release, sha) in &published {
        let Some(at) = release.published_at else { continue };
        let Some(commit_sha) = tags.get(&release.tag_name) else {
            let why = format!("the release `{}` has no tag", release.tag_name);
            work.note(repo.entry(ledger, "releases", covers(work.config)), &stream, &why, Some(1));
            continue;
        };
        let released = Released {
            tag: release.tag_name.clone(),
            commit_sha: commit_sha.clone(),
            at,
            basis: "published",
            tag_kind: "unknown",
            is_prerelease: release.prerelease,
            has_moved: false,
            actor_id: account_of(&work.authors, release.author.as_ref()).map(|(pseudonym, _)| pseudonym.text()),
            evidence: "published_release",
        };
        put(&work.rules, repo, sink, &released, oldest, Some(sha), &mut places)?;
    }
    if wants_tags {
        let of_releases = |tag: &str| published.iter().any(|(release, _)| release.tag_name == tag);
        let plain: Vec<(String, String)> = tags.into_iter().filter(|(tag, _)| !of_releases(tag)).collect();
        for (tag, commit_sha) in plain {
            let is_match = work.rules.release.as_ref().is_some_and(|rule| rule.read(&tag).is_some());
            if !is_match || places.get(&tag) == Some(&commit_sha) {
                continue;
            }
            if let Some(released) = tagged(work, repo, &tag, &commit_sha).await? {
                put(&work.rules, repo, sink, &released, oldest, None, &mut places)?;
            }
        }
    }
    let entry = repo.entry(ledger, "releases", covers(work.config));
    remember(entry, "places", Some(&places));
    remember(entry, "has_more", Some(&has_more));
    remember_page(entry, &first, work.config, validator);
    Ok(())
}

/// The commit of every tag.
async fn tags(
    work: &Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
) -> Result<BTreeMap<String, String>, Trouble> {
    let mut tags = BTreeMap::new();
    let mut next = Some(repo.url(&work.api, &["tags"], &[("per_page", PER_PAGE)]));
    while let Some(url) = next {
        let page = work.api.page::<wire::Tag>(url, "tags").await?;
        let entry = repo.entry(ledger, "releases", covers(work.config));
        work.note_broken(entry, &repo.stream("releases"), &page.broken);
        sink.page(page.raw.to_vec());
        tags.extend(page.items.into_iter().map(|tag| (tag.name, tag.commit.sha)));
        next = page.next;
    }
    Ok(tags)
}

/// When a tag without a release was made: by whom it was tagged, else when its commit was made.
async fn tagged(work: &mut Work<'_>, repo: &Repo, tag: &str, commit_sha: &str) -> Result<Option<Released>, Trouble> {
    let reference =
        repo.url(&work.api, &[&["git", "ref", "tags"], tag.split('/').collect::<Vec<_>>().as_slice()].concat(), &[]);
    let mut object = match work.api.one::<wire::Reference>(reference).await {
        Ok((reference, _)) => reference.object,
        // It was there a moment ago.
        Err(error) if error.status() == Some(404) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let tag_kind = if object.kind == "tag" { "annotated" } else { "lightweight" };
    let mut tagged_at = None;
    for _ in 0..TAGS_OF_TAGS {
        if object.kind != "tag" {
            break;
        }
        let url = repo.url(&work.api, &["git", "tags", &object.sha], &[]);
        let (tag, _) = work.api.one::<wire::TagObject>(url).await?;
        tagged_at = tagged_at.or(tag.tagger.and_then(|tagger| tagger.date));
        object = tag.object;
    }
    let (at, basis) = match tagged_at {
        Some(at) => (at, "tagger"),
        None => match committed(work, repo, commit_sha).await? {
            Some(at) => (at, "committer"),
            None => return Ok(None),
        },
    };
    Ok(Some(Released {
        tag: tag.to_owned(),
        commit_sha: commit_sha.to_owned(),
        at,
        basis,
        tag_kind,
        is_prerelease: is_prerelease(tag),
        has_moved: false,
        actor_id: None,
        evidence: "release_tag",
    }))
}

async fn committed(work: &mut Work<'_>, repo: &Repo, sha: &str) -> Result<Option<Instant>, HttpError> {
    let url = repo.url(&work.api, &["git", "commits", sha], &[]);
    let (found, _) = work.api.one::<wire::GitCommit>(url).await?;
    Ok(commit::facts(&repo.name, &found.into(), &mut work.authors).ok().map(|facts| facts.row.committed_at))
}

/// Puts a release into the sink, and the place where its tag stood before, should it have moved.
fn put(
    rules: &Rules,
    repo: &Repo,
    sink: &mut Sink<'_>,
    released: &Released,
    oldest: Instant,
    sha: Option<&str>,
    places: &mut BTreeMap<String, String>,
) -> Result<(), crate::SourceError> {
    let before = places.insert(released.tag.clone(), released.commit_sha.clone());
    let mut all = vec![released.clone()];
    all.extend(before.filter(|before| *before != released.commit_sha).map(|before| Released {
        commit_sha: before,
        has_moved: true,
        ..released.clone()
    }));
    let rows: Vec<releases::Row> =
        all.iter().map(|released| row(&repo.name, released, rules.release.as_ref())).collect();
    sink.rows(rows, sha)?;
    let deployment = rules.release.as_ref().and_then(|rule| deployment(&repo.name, released, rule, rules));
    // Of what was released before everything that was read, the commits are not known either.
    let deployment = deployment.filter(|_| released.at >= oldest);
    sink.rows::<deployments::Row>(deployment.into_iter().collect(), sha)
}

fn row(repository: &str, released: &Released, rule: Option<&Rule>) -> releases::Row {
    let read = rule.and_then(|rule| rule.read(&released.tag));
    let is_production = read.is_some() && rule.is_some_and(|rule| rule.rule.prereleases || !released.is_prerelease);
    releases::Row {
        repository: repository.to_owned(),
        tag: released.tag.clone(),
        commit_sha: released.commit_sha.clone(),
        tag_kind: released.tag_kind.to_owned(),
        released_at: released.at,
        released_at_basis: released.basis.to_owned(),
        version: read.as_ref().map_or_else(|| released.tag.clone(), |read| read.version.clone()),
        service: read.and_then(|read| read.service),
        is_prerelease: released.is_prerelease,
        is_production,
        has_moved: released.has_moved,
    }
}

fn deployment(repository: &str, released: &Released, rule: &Rule, rules: &Rules) -> Option<deployments::Row> {
    let read = rule.read(&released.tag)?;
    if released.is_prerelease && !rule.rule.prereleases {
        return None;
    }
    let short: String = released.commit_sha.chars().take(12).collect();
    Some(deployments::Row {
        deployment_id: format!("github:{repository}:release:{}@{short}", released.tag),
        attempt: 1,
        target: String::new(),
        service: Some(read.service.unwrap_or_else(|| rules.service(repository))),
        environment: Some(rule.rule.environment.clone()),
        revisions: vec![format!("{repository}@{}", released.commit_sha)],
        status: "success".to_owned(),
        started_at: Some(released.at),
        finished_at: Some(released.at),
        reached_users: None,
        intent: None,
        actor_id: released.actor_id.clone(),
        evidence: released.evidence.to_owned(),
        updated_at: None,
    })
}
