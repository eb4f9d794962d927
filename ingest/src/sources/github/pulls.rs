//! Pull requests: the list by last change, and for each that changed its commits, reviews and timeline.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::StreamExt;
use lake::tables::{change_commits, changes, commits, pull_request_events};

use super::api::{Api, PER_PAGE, Page};
use super::commit::{Facts, facts};
use super::commits::News;
use super::config::Config;
use super::direct::Merged;
use super::merge::MergeKind;
use super::newest::{Progress, Want};
use super::work::{Repo, Span, Trouble, Work, remember_page, validator};
use super::{change, events, wire};
use crate::http::HttpError;
use crate::{Ledger, Sink};

/// The tables of this stream.
pub(super) const COVERS: &[&str] = &["changes", "change_commits", "pull_request_events"];

/// Most commits of a pull request that GitHub lists.
const MOST_COMMITS: usize = 250;

/// What else there is about one pull request.
#[derive(Default)]
struct Details {
    commits: Vec<wire::Commit>,
    reviews: Vec<(Bytes, Vec<wire::Review>)>,
    timeline: Vec<(Bytes, Vec<wire::TimelineEvent>)>,
    commit_pages: Vec<Bytes>,
    /// The commit it was merged as, where it is none of the new ones.
    carrier: Option<wire::Commit>,
    /// What of it cannot be used or had.
    broken: Vec<String>,
}

/// Reads the pull requests that changed in the span, and returns those that were merged.
pub(super) async fn read(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    news: &News,
) -> Result<Vec<Merged>, Trouble> {
    let stream = repo.stream("pulls");
    work.reporter.begin(&format!("reading pull requests of `{}`", repo.full_name), None);
    let query = [("state", "all"), ("sort", "updated"), ("direction", "desc"), ("per_page", PER_PAGE)];
    let first = repo.url(&work.api, &["pulls"], &query);
    let entry = repo.entry(ledger, "pulls", COVERS);
    let mut progress = Progress::new(span, entry.resume.as_ref());
    // New commits may carry what was merged before; unless there are none, the list is needed in any case.
    let may_skip = !span.is_asked && entry.resume.is_none() && entry.watermark.is_some() && news.head.is_none();
    let seen = validator(entry, &first, work.config).filter(|_| may_skip);
    let Some(mut page) = work.api.page_unless::<wire::Pull>(first.clone(), "pulls", seen).await? else {
        return Ok(Vec::new());
    };
    let validator = page.validator.clone();
    let mut merged = Vec::new();
    loop {
        let newest = page.items.iter().map(|pull| pull.updated_at).max();
        let oldest = page.items.iter().map(|pull| pull.updated_at).min();
        merged.extend(take(work, repo, ledger, sink, &mut progress, &page, news).await?);
        progress.page_done(oldest);
        let entry = repo.entry(ledger, "pulls", COVERS);
        work.note_broken(entry, &stream, &page.broken);
        entry.resume = progress.resume();
        sink.checkpoint(|| ledger.to_cursor()).await?;
        let next = page.next.take().filter(|_| !progress.reaches_past(newest));
        let next = match next {
            Some(next) => next,
            None if progress.needs_another_pass() => first.clone(),
            None => break,
        };
        page = work.api.page(next, "pulls").await?;
    }
    let entry = repo.entry(ledger, "pulls", COVERS);
    remember_page(entry, &first, work.config, validator);
    Ok(merged)
}

/// Puts what changed on one page into the sink, in the page's order.
async fn take(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    progress: &mut Progress,
    page: &Page<wire::Pull>,
    news: &News,
) -> Result<Vec<Merged>, Trouble> {
    let (mut wanted, mut merged): (Vec<&wire::Pull>, Vec<Merged>) = Default::default();
    for pull in &page.items {
        match progress.wants(pull.number, pull.updated_at) {
            Want::Now => wanted.push(pull),
            Want::Not => {}
            Want::DoneBefore => match explained(pull, news) {
                Explained::NotNew => {}
                Explained::ByItsCarrier(known) => merged.push(known),
                Explained::ByItsCommits => wanted.push(pull),
            },
        }
    }
    if wanted.is_empty() {
        return Ok(merged);
    }
    let list_sha = sink.page(page.raw.to_vec());
    let (api, config) = (&work.api, work.config);
    let mut asked = Vec::with_capacity(wanted.len());
    for pull in &wanted {
        asked.push(details(api, config, repo, pull, news));
    }
    let mut answered = futures::stream::iter(asked).buffered(api.requests_in_flight());
    let mut place = wanted.iter();
    let mut broken: Vec<String> = Vec::new();
    while let (Some(details), Some(pull)) = (answered.next().await, place.next()) {
        let details = details?;
        broken.extend(details.broken.iter().map(|why| format!("{}: {why}", change::id(pull.number))));
        merged.extend(put(work.config, &mut work.authors, repo, pull, &details, news, sink, &list_sha, &mut broken)?);
        work.reporter.advance(1);
    }
    drop(answered);
    let stream = repo.stream("pulls");
    work.note_broken(repo.entry(ledger, "pulls", COVERS), &stream, &broken);
    Ok(merged)
}

/// How a pull request that an earlier reading has done explains commits that are new to this one.
enum Explained {
    /// None of them.
    NotNew,
    /// The commit it was merged as says so itself.
    ByItsCarrier(Merged),
    /// Only its own commits tell, as after a rebase.
    ByItsCommits,
}

fn explained(pull: &wire::Pull, news: &News) -> Explained {
    let carrier = pull.merged_at.and(pull.merge_commit_sha.as_ref()).and_then(|sha| news.commits.get(sha));
    let Some(carrier) = carrier else { return Explained::NotNew };
    let change_id = change::id(pull.number);
    if carrier.claims.as_ref() != Some(&change_id) {
        return Explained::ByItsCommits;
    }
    let (carrier, none) = (carrier.row.commit_sha.clone(), BTreeSet::new());
    Explained::ByItsCarrier(Merged { change_id, carrier, commits: BTreeSet::new(), shas: none, is_rebased: false })
}

/// Asks for everything else about a pull request.
async fn details(
    api: &Api<'_>,
    config: &Config,
    repo: &Repo,
    pull: &wire::Pull,
    news: &News,
) -> Result<Details, HttpError> {
    let mut found = Details::default();
    let number = pull.number.to_string();
    let query = [("per_page", PER_PAGE)];
    let listed = repo.url(api, &["pulls", &number, "commits"], &query);
    for page in part(api.all::<wire::Commit>(listed, "commits").await, "its commits", &mut found.broken)? {
        found.commits.extend(page.items);
        found.commit_pages.push(page.raw);
        found.broken.extend(page.broken);
    }
    if config.streams.reviews {
        let reviews = repo.url(api, &["pulls", &number, "reviews"], &query);
        for page in part(api.all::<wire::Review>(reviews, "reviews").await, "its reviews", &mut found.broken)? {
            found.reviews.push((page.raw, page.items));
            found.broken.extend(page.broken);
        }
    }
    if config.streams.timeline {
        let timeline = repo.url(api, &["issues", &number, "timeline"], &query);
        for page in part(api.all::<wire::TimelineEvent>(timeline, "events").await, "its timeline", &mut found.broken)? {
            found.timeline.push((page.raw, page.items));
            found.broken.extend(page.broken);
        }
    }
    let merged_as = pull.merged_at.and(pull.merge_commit_sha.as_deref());
    let merged_as = merged_as.filter(|sha| has_arrived(config, repo, pull) && !news.commits.contains_key(*sha));
    if let Some(sha) = merged_as {
        let url = repo.url(api, &["git", "commits", sha], &[]);
        let commit = part(api.one::<wire::GitCommit>(url).await.map(Some), "the commit it was merged as", &mut found.broken)?;
        found.carrier = commit.map(|(commit, _)| commit.into());
    }
    Ok(found)
}

fn has_arrived(config: &Config, repo: &Repo, pull: &wire::Pull) -> bool {
    let base = pull.base.as_ref().and_then(|base| base.branch.as_deref());
    change::is_arrival(base, &repo.default_branch, &config.former_branches)
}

/// What could be had; what the server will not give of this one thing is named and left out, everything else ends the
/// stream.
fn part<T: Default>(answer: Result<T, HttpError>, what: &str, broken: &mut Vec<String>) -> Result<T, HttpError> {
    match answer {
        Err(error) if matches!(error.status(), Some(404 | 410 | 422 | 451 | 500..=504)) => {
            broken.push(format!("{what} cannot be had: {}", error.kind));
            Ok(T::default())
        }
        other => other,
    }
}

/// Puts the rows of one pull request into the sink.
#[expect(clippy::too_many_arguments, reason = "everything that is known of one pull request meets here, once")]
fn put(
    config: &Config,
    authors: &mut crate::authorship::Classifier,
    repo: &Repo,
    pull: &wire::Pull,
    details: &Details,
    news: &News,
    sink: &mut Sink<'_>,
    list_sha: &str,
    broken: &mut Vec<String>,
) -> Result<Option<Merged>, Trouble> {
    let mut own: Vec<Facts> = Vec::with_capacity(details.commits.len());
    for commit in &details.commits {
        match facts(&repo.name, commit, authors) {
            Ok(facts) => own.push(facts),
            Err(why) => broken.push(format!("{}: {why}", change::id(pull.number))),
        }
    }
    if own.len() >= MOST_COMMITS {
        broken.push(format!(
            "{}: GitHub lists no more than {MOST_COMMITS} commits of a pull request; the later ones are not known",
            change::id(pull.number)
        ));
    }
    let fetched = details.carrier.as_ref().and_then(|commit| facts(&repo.name, commit, authors).ok());
    let known = pull.merge_commit_sha.as_ref().and_then(|sha| news.commits.get(sha));
    let has_arrived = has_arrived(config, repo, pull);
    let rows = change::rows(&repo.name, pull, &own, known.or(fetched.as_ref()), has_arrived, authors);
    // A merge brings its commits to the branch as they are, those that are older than all that is read, too.
    let is_merge = rows.change.merge_kind.as_deref() == Some(MergeKind::Merge.word());
    let brought = own.iter().filter(|_| is_merge && config.streams.commits).map(|commit| commit.row.clone());
    let brought: Vec<commits::Row> = brought.collect();
    sink.rows::<changes::Row>(vec![rows.change], Some(list_sha))?;
    let shas: Vec<String> = details.commit_pages.iter().map(|raw| sink.page(raw.to_vec())).collect();
    let commit_sha = shas.first();
    sink.rows(brought, commit_sha.map(String::as_str).or(Some(list_sha)))?;
    sink.rows::<change_commits::Row>(rows.commits, commit_sha.map(String::as_str).or(Some(list_sha)))?;
    let opened = events::opened(&repo.name, pull, authors);
    sink.rows::<pull_request_events::Row>(opened.into_iter().collect(), Some(list_sha))?;
    for (raw, reviews) in &details.reviews {
        let rows = reviews.iter().filter_map(|review| events::review(&repo.name, pull.number, review, authors));
        let rows: Vec<pull_request_events::Row> = rows.collect();
        let sha = sink.page(raw.to_vec());
        sink.rows(rows, Some(&sha))?;
    }
    for (raw, entries) in &details.timeline {
        let rows = entries.iter().filter_map(|entry| events::entry(&repo.name, pull.number, entry, authors));
        let rows: Vec<pull_request_events::Row> = rows.collect();
        let sha = sink.page(raw.to_vec());
        sink.rows(rows, Some(&sha))?;
    }
    Ok(rows.merged)
}
