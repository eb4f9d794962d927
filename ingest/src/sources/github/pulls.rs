//! Pull requests: the list by last change, and for each that changed its commits, reviews and timeline.
//!
//! The list is read by REST, which can be asked for changes alone. The rest comes by GraphQL for many at once where it
//! answers, and by REST for each part of each that GraphQL has not told wholly.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::StreamExt;
use lake::tables::{change_commits, changes, commits, pull_request_events};

use super::api::{Api, PER_PAGE, Page};
use super::commit::{Facts, facts};
use super::commits::News;
use super::config::Config;
use super::direct::{Merged, Merges};
use super::graphql::{self, pulls::Told};
use super::merge::MergeKind;
use super::newest::{Progress, Want};
use super::work::{Pages, Repo, Span, Trouble, Work, remember_page, validator};
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
    commits: Part<wire::Commit>,
    reviews: Part<wire::Review>,
    timeline: Part<wire::TimelineEvent>,
    /// The commit it was merged as, where it is none of the new ones.
    carrier: Option<wire::Commit>,
    /// What of it cannot be used or had.
    broken: Vec<String>,
}

/// One kind of what there is, and the pages it stood on.
struct Part<T> {
    items: Vec<T>,
    pages: Vec<Bytes>,
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self { items: Vec::new(), pages: Vec::new() }
    }
}

impl<T> Part<T> {
    /// What GraphQL told with one answer.
    fn told(items: Vec<T>, raw: &Bytes) -> Self {
        Self { items, pages: vec![raw.clone()] }
    }

    /// Keeps its pages; which one its rows are traced to.
    fn keep(&self, sink: &mut Sink<'_>, pages: &mut Pages, otherwise: &str) -> String {
        let kept: Vec<String> = self.pages.iter().map(|raw| pages.keep(sink, raw)).collect();
        kept.into_iter().next().unwrap_or_else(|| otherwise.to_owned())
    }
}

/// Reads the pull requests that changed in the span, and returns those that were merged.
pub(super) async fn read(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    news: &News,
) -> Result<Merges, Trouble> {
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
        return Ok(Merges::default());
    };
    let validator = page.validator.clone();
    let mut merged = Merges::default();
    loop {
        let newest = page.items.iter().map(|pull| pull.updated_at).max();
        let oldest = page.items.iter().map(|pull| pull.updated_at).min();
        take(work, repo, ledger, sink, &mut progress, &page, news, &mut merged).await?;
        progress.page_done(newest, oldest);
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
#[expect(clippy::too_many_arguments, reason = "a page and everything that it is told by")]
async fn take(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    progress: &mut Progress,
    page: &Page<wire::Pull>,
    news: &News,
    merged: &mut Merges,
) -> Result<(), Trouble> {
    let mut wanted: Vec<&wire::Pull> = Vec::new();
    for pull in &page.items {
        match progress.wants(pull.number, pull.updated_at) {
            Want::Now => wanted.push(pull),
            Want::Not => {}
            Want::DoneBefore => match explained(pull, news) {
                Explained::NotNew => {}
                Explained::Unknown => merged.forget_some(),
                Explained::ByItsCarrier(known) => merged.add(known, work.limits.merged),
                Explained::ByItsCommits => wanted.push(pull),
            },
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let list_sha = sink.page(page.raw.to_vec());
    let told = by_graphql(work, repo, &wanted).await?;
    let (api, config) = (&work.api, work.config);
    let mut asked = Vec::with_capacity(wanted.len());
    for (pull, told) in wanted.iter().zip(told) {
        asked.push(details(api, config, repo, pull, news, told));
    }
    let mut answered = futures::stream::iter(asked).buffered(api.requests_in_flight());
    let mut place = wanted.iter();
    let (mut broken, mut pages): (Vec<String>, Pages) = Default::default();
    while let (Some(details), Some(pull)) = (answered.next().await, place.next()) {
        let details = details?;
        broken.extend(details.broken.iter().map(|why| format!("{}: {why}", change::id(pull.number))));
        let kept = (list_sha.as_str(), &mut pages);
        let known = put(work.config, &mut work.authors, repo, pull, &details, news, sink, kept, &mut broken)?;
        if let Some(known) = known {
            merged.add(known, work.limits.merged);
        }
        work.reporter.advance(1);
    }
    drop(answered);
    let stream = repo.stream("pulls");
    let entry = repo.entry(ledger, "pulls", COVERS);
    // What could not be had of one of them is had by now, or found missing again.
    let asked: BTreeSet<String> = wanted.iter().map(|pull| change::id(pull.number)).collect();
    entry.losses.retain(|loss| {
        let of = loss.reason.split_once(": ").filter(|(_, why)| why.contains(CANNOT_BE_HAD));
        loss.start_at.is_some() || of.is_none_or(|(id, _)| !asked.contains(id))
    });
    work.note_broken(entry, &stream, &broken);
    Ok(())
}

/// What GraphQL tells of each of them; nothing where it is not asked, or does not answer as it should.
async fn by_graphql(work: &Work<'_>, repo: &Repo, wanted: &[&wire::Pull]) -> Result<Vec<Option<Told>>, Trouble> {
    let mut told: Vec<Option<Told>> = wanted.iter().map(|_| None).collect();
    let named = |(place, pull): (usize, &&wire::Pull)| Some((place, pull.node_id.clone()?));
    let (places, ids): (Vec<usize>, Vec<String>) = wanted.iter().enumerate().filter_map(named).unzip();
    if ids.is_empty() || !work.api.has_graphql() {
        return Ok(told);
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    match graphql::pulls::told(&work.api, &work.config.streams, &ids).await {
        Ok(all) => {
            for (place, one) in places.into_iter().zip(all) {
                told[place] = one;
            }
        }
        Err(trouble) => graphql::leave_to_rest(repo, trouble)?,
    }
    Ok(told)
}

/// How a pull request that an earlier reading has done explains commits that are new to this one.
enum Explained {
    /// None of them.
    NotNew,
    /// There are too many to know: those that nothing else explains are asked for one by one.
    Unknown,
    /// The commit it was merged as says so itself.
    ByItsCarrier(Merged),
    /// Only its own commits tell, as after a rebase.
    ByItsCommits,
}

fn explained(pull: &wire::Pull, news: &News) -> Explained {
    if news.is_cut && pull.merged_at.is_some() {
        return Explained::Unknown;
    }
    let carrier = pull.merged_at.and(pull.merge_commit_sha.as_ref()).and_then(|sha| news.commits.get(sha));
    let Some(carrier) = carrier else { return Explained::NotNew };
    let change_id = change::id(pull.number);
    if carrier.claims.as_ref() != Some(&change_id) {
        return Explained::ByItsCommits;
    }
    let (carrier, none) = (carrier.row.commit_sha.clone(), BTreeSet::new());
    Explained::ByItsCarrier(Merged { change_id, carrier, commits: BTreeSet::new(), shas: none, is_rebased: false })
}

/// Asks for everything else about a pull request that was not told yet.
async fn details(
    api: &Api<'_>,
    config: &Config,
    repo: &Repo,
    pull: &wire::Pull,
    news: &News,
    told: Option<Told>,
) -> Result<Details, HttpError> {
    let mut found = Details::default();
    let told = told.unwrap_or_default();
    let number = pull.number.to_string();
    found.commits = match told.commits {
        Some(commits) => Part::told(commits, &told.raw),
        None => listed(api, repo, &["pulls", &number, "commits"], "its commits", &mut found.broken).await?,
    };
    if config.streams.reviews {
        found.reviews = match told.reviews {
            Some(reviews) => Part::told(reviews, &told.raw),
            None => listed(api, repo, &["pulls", &number, "reviews"], "its reviews", &mut found.broken).await?,
        };
    }
    if config.streams.timeline {
        found.timeline = match told.timeline {
            Some(events) => Part::told(events, &told.raw),
            None => listed(api, repo, &["issues", &number, "timeline"], "its timeline", &mut found.broken).await?,
        };
    }
    let merged_as = pull.merged_at.and(pull.merge_commit_sha.as_deref());
    let merged_as = merged_as.filter(|sha| has_arrived(config, repo, pull) && !news.commits.contains_key(*sha));
    if let Some(sha) = merged_as {
        found.carrier = told.merged_as.filter(|commit| commit.sha == sha);
        if found.carrier.is_none() {
            let url = repo.url(api, &["git", "commits", sha], &[]);
            let answer = api.one::<wire::GitCommit>(url).await.map(Some);
            let commit = part(answer, "the commit it was merged as", &mut found.broken)?;
            found.carrier = commit.map(|(commit, _)| commit.into());
        }
    }
    Ok(found)
}

/// All of one list of a pull request by REST.
async fn listed<T: serde::de::DeserializeOwned>(
    api: &Api<'_>,
    repo: &Repo,
    path: &[&str],
    what: &str,
    broken: &mut Vec<String>,
) -> Result<Part<T>, HttpError> {
    let mut found = Part::default();
    let url = repo.url(api, path, &[("per_page", PER_PAGE)]);
    for page in part(api.all::<T>(url, "items").await, what, broken)? {
        found.items.extend(page.items);
        found.pages.push(page.raw);
        broken.extend(page.broken);
    }
    Ok(found)
}

fn has_arrived(config: &Config, repo: &Repo, pull: &wire::Pull) -> bool {
    let base = pull.base.as_ref().and_then(|base| base.branch.as_deref());
    change::is_arrival(base, &repo.default_branch, &config.former_branches)
}

/// Between what is missing of a pull request and why.
const CANNOT_BE_HAD: &str = " cannot be had: ";

/// What could be had; what the server will not give of this one thing is named and left out, everything else ends the
/// stream.
fn part<T: Default>(answer: Result<T, HttpError>, what: &str, broken: &mut Vec<String>) -> Result<T, HttpError> {
    match answer {
        Err(error) if matches!(error.status(), Some(404 | 410 | 422 | 451 | 500..=504)) => {
            broken.push(format!("{what}{CANNOT_BE_HAD}{}", error.kind));
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
    (list_sha, pages): (&str, &mut Pages),
    broken: &mut Vec<String>,
) -> Result<Option<Merged>, Trouble> {
    let mut own: Vec<Facts> = Vec::with_capacity(details.commits.items.len());
    for commit in &details.commits.items {
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
    let commits_sha = details.commits.keep(sink, pages, list_sha);
    sink.rows(brought, Some(&commits_sha))?;
    sink.rows::<change_commits::Row>(rows.commits, Some(&commits_sha))?;
    let opened = events::opened(&repo.name, pull, authors);
    sink.rows::<pull_request_events::Row>(opened.into_iter().collect(), Some(list_sha))?;
    let reviews_sha = details.reviews.keep(sink, pages, list_sha);
    let reviews = details.reviews.items.iter();
    let reviews = reviews.filter_map(|review| events::review(&repo.name, pull.number, review, authors));
    sink.rows::<pull_request_events::Row>(reviews.collect(), Some(&reviews_sha))?;
    let timeline_sha = details.timeline.keep(sink, pages, list_sha);
    let entries = events::entries(&repo.name, pull.number, &details.timeline.items, authors);
    sink.rows::<pull_request_events::Row>(entries, Some(&timeline_sha))?;
    Ok(rows.merged)
}
