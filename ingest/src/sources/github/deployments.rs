//! Deployments with all their statuses.
//!
//! GitHub cannot be asked for deployments by time, and none moves in the list when it gets a status. So the list is read
//! from the newest down to what is known, and those that have not succeeded yet are looked at again one by one.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::StreamExt;
use lake::Instant;
use lake::tables::{commits, deployments};
use serde_json::Value;

use super::api::{Api, PER_PAGE};
use super::commit::facts;
use super::commits::News;
use super::work::{
    DAY_MICROS, OVERLAP_MICROS, Repo, Span, Trouble, Work, open_items, remember_open, remember_page, validator,
};
use super::{graphql, statuses, wire};
use crate::http::HttpError;
use crate::{Ledger, Sink};

/// The tables of this stream.
pub(super) const COVERS: &[&str] = &["deployments"];

/// A deployment that has not succeeded is looked at again for so long after it was created.
const OPEN_MICROS: i64 = 30 * DAY_MICROS;

/// A deployment with its statuses.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) deployment: wire::Deployment,
    pub(super) statuses: Vec<wire::DeploymentStatus>,
}

/// What was done of the deployments of one repository.
#[derive(Default)]
struct Done {
    seen: BTreeSet<u64>,
    open: BTreeMap<u64, Instant>,
    revisions: BTreeSet<String>,
}

/// Reads the deployments of the span, and those that were not over when they were last seen.
pub(super) async fn read(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    news: &News,
) -> Result<(), Trouble> {
    work.reporter.begin(&format!("reading deployments of `{}`", repo.full_name), None);
    let entry = repo.entry(ledger, "deployments", COVERS);
    let mut done = Done { open: open_items(entry), ..Done::default() };
    let wants_graphql = work.config.graphql && (work.config.token.is_some() || work.config.app.is_some());
    if wants_graphql {
        match by_graphql(work, repo, ledger, sink, span, &mut done).await {
            Ok(()) => {}
            Err(graphql::Trouble::Other(trouble)) => return Err(trouble),
            Err(graphql::Trouble::Unusable(why)) => {
                tracing::warn!(repository = repo.full_name, why, "GraphQL does not answer as it should, asking REST");
                done = Done { open: open_items(repo.entry(ledger, "deployments", COVERS)), ..Done::default() };
                by_rest(work, repo, ledger, sink, span, &mut done).await?;
            }
        }
    } else {
        by_rest(work, repo, ledger, sink, span, &mut done).await?;
    }
    again(work, repo, ledger, sink, span, &mut done).await?;
    remember_open(repo.entry(ledger, "deployments", COVERS), &done.open);
    beside_the_branch(work, repo, ledger, sink, news, &done.revisions).await
}

async fn by_graphql(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    done: &mut Done,
) -> Result<(), graphql::Trouble> {
    let mut after = None;
    loop {
        let page = graphql::page(&work.api, repo, after.as_deref()).await?;
        let reaches_past = is_older(page.told.iter().map(|told| told.deployment.created_at), span.from);
        let sha = sink.page(page.raw.to_vec());
        put(work, repo, sink, span, &page.told, &sha, done)?;
        sink.checkpoint(|| ledger.to_cursor()).await?;
        after = page.next.filter(|_| !reaches_past);
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn by_rest(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    done: &mut Done,
) -> Result<(), Trouble> {
    let stream = repo.stream("deployments");
    let first = repo.url(&work.api, &["deployments"], &[("per_page", PER_PAGE)]);
    let entry = repo.entry(ledger, "deployments", COVERS);
    let may_skip = !span.is_asked && entry.watermark.is_some();
    let seen = validator(entry, &first, work.config).filter(|_| may_skip);
    let Some(mut page) = work.api.page_unless::<wire::Deployment>(first.clone(), "deployments", seen).await? else {
        return Ok(());
    };
    let validator = page.validator.clone();
    loop {
        work.note_broken(repo.entry(ledger, "deployments", COVERS), &stream, &page.broken);
        let reaches_past = is_older(page.items.iter().map(|deployment| deployment.created_at), span.from);
        let wanted: Vec<wire::Deployment> = std::mem::take(&mut page.items)
            .into_iter()
            .filter(|deployment| deployment.created_at >= span.from && !done.seen.contains(&deployment.id))
            .collect();
        let sha = sink.page(page.raw.to_vec());
        one_by_one(work, repo, ledger, sink, span, wanted, &sha, done).await?;
        sink.checkpoint(|| ledger.to_cursor()).await?;
        match page.next.filter(|_| !reaches_past) {
            Some(next) => page = work.api.page(next, "deployments").await?,
            None => break,
        }
    }
    remember_page(repo.entry(ledger, "deployments", COVERS), &first, work.config, validator);
    Ok(())
}

/// Whether all of a page is older than what is wanted. The order within a page is not promised.
fn is_older(times: impl Iterator<Item = Instant>, from: Instant) -> bool {
    times.max().is_some_and(|newest| newest < from)
}

/// Asks for the statuses of each, several at once, and puts them in the order of the list.
#[expect(clippy::too_many_arguments, reason = "a page and everything that it is told by")]
async fn one_by_one(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    wanted: Vec<wire::Deployment>,
    list_sha: &str,
    done: &mut Done,
) -> Result<(), Trouble> {
    let api = &work.api;
    let asked = wanted.into_iter().map(|deployment| async move {
        let (statuses, raws, broken) = all_statuses(api, repo, deployment.id).await?;
        Ok::<_, HttpError>((Told { deployment, statuses }, raws, broken))
    });
    let answered: Vec<_> = futures::stream::iter(asked).buffered(api.requests_in_flight()).collect().await;
    for answer in answered {
        let (told, raws, broken) = answer?;
        let shas: Vec<String> = raws.into_iter().map(|raw| sink.page(raw.to_vec())).collect();
        let stream = repo.stream("deployments");
        work.note_broken(repo.entry(ledger, "deployments", COVERS), &stream, &broken);
        put(work, repo, sink, span, &[told], shas.first().map_or(list_sha, String::as_str), done)?;
    }
    Ok(())
}

type AllStatuses = (Vec<wire::DeploymentStatus>, Vec<Bytes>, Vec<String>);

async fn all_statuses(api: &Api<'_>, repo: &Repo, number: u64) -> Result<AllStatuses, HttpError> {
    let url = repo.url(api, &["deployments", &number.to_string(), "statuses"], &[("per_page", PER_PAGE)]);
    let (mut statuses, mut raws, mut broken) = (Vec::new(), Vec::new(), Vec::new());
    for page in api.all::<wire::DeploymentStatus>(url, "statuses").await? {
        statuses.extend(page.items);
        raws.push(page.raw);
        broken.extend(page.broken);
    }
    Ok((statuses, raws, broken))
}

/// Puts deployments into the sink, and remembers those that may still succeed.
fn put(
    work: &Work<'_>,
    repo: &Repo,
    sink: &mut Sink<'_>,
    span: Span,
    told: &[Told],
    sha: &str,
    done: &mut Done,
) -> Result<(), crate::SourceError> {
    let mut rows: Vec<deployments::Row> = Vec::new();
    for told in told {
        let deployment = &told.deployment;
        if deployment.created_at < span.from || !done.seen.insert(deployment.id) {
            continue;
        }
        let succeed = work.config.statusless_deployments_succeed;
        let (own, is_open) =
            statuses::rows(&repo.name, deployment, &told.statuses, succeed, &work.rules, &work.authors);
        if !own.is_empty() {
            done.revisions.extend(deployment.sha.clone());
        }
        if is_open && !own.is_empty() && deployment.created_at.0 > span.end.0 - OPEN_MICROS {
            done.open.insert(deployment.id, deployment.created_at);
        } else {
            done.open.remove(&deployment.id);
        }
        rows.extend(own);
    }
    work.reporter.advance(rows.len() as u64);
    sink.rows(rows, Some(sha))
}

/// Looks again at those that were not over, and that the list did not reach.
async fn again(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    done: &mut Done,
) -> Result<(), Trouble> {
    done.open.retain(|_, created_at| created_at.0 > span.end.0 - OPEN_MICROS - OVERLAP_MICROS);
    // What they carry was looked at when they were first seen.
    let revisions = done.revisions.clone();
    let open: Vec<u64> = done.open.keys().copied().filter(|number| !done.seen.contains(number)).collect();
    for number in open {
        let url = repo.url(&work.api, &["deployments", &number.to_string()], &[]);
        let (deployment, raw) = match work.api.one::<Value>(url).await {
            Ok(found) => found,
            // Somebody deleted it; what was seen of it stays.
            Err(error) if error.status() == Some(404) => {
                done.open.remove(&number);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let Ok(deployment) = serde_json::from_value::<wire::Deployment>(deployment) else { continue };
        let sha = sink.page(raw.to_vec());
        let wide = Span { from: Instant(deployment.created_at.0.min(span.from.0)), ..span };
        one_by_one(work, repo, ledger, sink, wide, vec![deployment], &sha, done).await?;
    }
    done.revisions = revisions;
    Ok(())
}

/// Reads the commits of deployed revisions that are not on the default branch, such as those of a release branch: what
/// they carry is told by ancestry.
async fn beside_the_branch(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    news: &News,
    revisions: &BTreeSet<String>,
) -> Result<(), Trouble> {
    if !work.config.streams.commits {
        return Ok(());
    }
    let stream = repo.stream("deployments");
    for revision in revisions.iter().filter(|revision| !news.commits.contains_key(*revision)) {
        let both = format!("{}...{revision}", repo.default_branch);
        let mut next = Some(repo.url(&work.api, &["compare", &both], &[("per_page", PER_PAGE), ("page", "1")]));
        while let Some(url) = next {
            let page = match work.api.page::<wire::Commit>(url, "commits").await {
                Ok(page) => page,
                Err(error) if matches!(error.status(), Some(404 | 409 | 422 | 500..=504)) => {
                    let short: String = revision.chars().take(12).collect();
                    let why = format!("what the deployed revision `{short}` holds cannot be told: {}", error.kind);
                    work.note(repo.entry(ledger, "deployments", COVERS), &stream, &why, None);
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            let sha = sink.page(page.raw.to_vec());
            let read = page.items.iter().filter_map(|commit| facts(&repo.name, commit, &mut work.authors).ok());
            let rows: Vec<commits::Row> = read.map(|facts| facts.row).collect();
            sink.rows(rows, Some(&sha))?;
            next = page.next;
        }
    }
    Ok(())
}
